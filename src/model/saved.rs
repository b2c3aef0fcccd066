//! Models on disk: the weights as safetensors, the architecture and its space as JSON beside them.
//!
//! The header of the weights' file says which architecture they belong to, since many architectures
//! have weights of the same names and shapes, and what the numbers mean: how inputs are scaled, and the
//! words of the classes.

use crate::data::{Meaning, file};
use crate::error::{Error, ErrorKind, Result};
use crate::model::Model;
use crate::space::Architecture;
use candle_core::{DType, Device, Tensor};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

/// The version of the header. Older files have none.
const FORMAT: u32 = 1;

/// Identifies the network: the architecture's text, and hashes of its space and its decisions.
fn mark(arch: &Architecture) -> String {
    format!("{arch} {:016x}{:016x}", arch.space().fingerprint(), arch.identity())
}

fn wrong(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::File, what)
}

impl Model {
    /// Writes `PATH.safetensors` (weights and statistics, the scaling of inputs, and the words of the
    /// classes) and `PATH.json` (architecture and space). Each is written to a temporary file and then
    /// moved into place, so that an older one is not lost if the disk is full.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::new([4], Task::classification(3)).then(linear(any([8, 16])));
    /// let model = Model::new(&space.default_architecture()?, &Device::Cpu, 1)?;
    /// let path = std::env::temp_dir().join(format!("nascent-doc-{}", std::process::id()));
    /// model.save(&path)?;
    /// let again = Model::load(&path, &Device::Cpu)?;
    /// assert_eq!(again.architecture(), model.architecture());
    /// assert_eq!(again.predict([0.1, 0.2, 0.3, 0.4])?, model.predict([0.1, 0.2, 0.3, 0.4])?);
    /// # for end in ["json", "safetensors"] { std::fs::remove_file(path.with_extension(end))?; }
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// When a file cannot be written, or a weight is not a finite number.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let (weights, json) = files(path.as_ref())?;
        let mut tensors = BTreeMap::new();
        for (name, var) in self.named_vars() {
            let tensor = var.as_detached_tensor().to_device(&Device::Cpu)?;
            if !finite(&tensor)? {
                return Err(wrong(format!(
                    "weight {name} holds what is not a finite number: the training has diverged. Try \
                     a smaller learning rate, and save the model of that."
                )));
            }
            tensors.insert(name, tensor);
        }
        let arch = self.architecture();
        let head = HashMap::from([
            ("nascent.format".to_string(), FORMAT.to_string()),
            ("nascent.architecture".to_string(), mark(&arch)),
            ("nascent.meaning".to_string(), serde_json::to_string(self.meaning())?),
        ]);
        let bytes = safetensors::serialize(tensors, Some(head))
            .map_err(|e| wrong(e.to_string()).context(format!("writing {}", weights.display())))?;
        // Both are on disk before one takes its place: weights and architecture stay a pair.
        crate::output::together(&[(&weights, &bytes), (&json, arch.to_json().as_bytes())])
    }

    /// Reads what [`Model::save`] wrote; `path` is the same path.
    ///
    /// # Errors
    /// When a file is missing or damaged, or the weights belong to another architecture, even to one with
    /// the same shapes.
    pub fn load(path: impl AsRef<Path>, device: &Device) -> Result<Model> {
        let (weights, json) = files(path.as_ref())?;
        let hint = "Give the path that Model::save was given; two files begin with it.";
        let text = file::read_text(&json, hint)?;
        let arch = Architecture::from_json(&text)
            .map_err(|e| e.context(format!("reading {}", json.display())))?;
        let named = |e: Error| e.context(format!("reading {}", weights.display()));
        let bytes = file::read(&weights, hint)?;
        let meaning = head(&bytes, &arch, &json).map_err(named)?;
        let model = Model::new(&arch, device, 0)?;
        let tensors = candle_core::safetensors::load_buffer(&bytes, device);
        model.set(tensors.map_err(|e| named(e.into()))?).map_err(named)?;
        Ok(model.with_meaning(meaning))
    }

    /// Sets weights and statistics by name; there must be exactly those of the network. If one does not
    /// fit, none is set.
    pub(crate) fn set(&self, mut tensors: HashMap<String, Tensor>) -> Result<()> {
        let vars = self.named_vars();
        let mut new = vec![];
        for (name, var) in &vars {
            let given = tensors.remove(name).ok_or_else(|| {
                let of = "these are weights of another architecture";
                wrong(format!("weight {name} is missing: {of}"))
            })?;
            if given.dims() != var.dims() {
                return Err(wrong(format!(
                    "weight {name} has shape {:?}, the architecture needs {:?}",
                    given.dims(),
                    var.dims()
                )));
            }
            if !given.dtype().is_float() {
                return Err(wrong(format!(
                    "weight {name} is of type {:?}, and floating-point numbers are wanted",
                    given.dtype()
                )));
            }
            let given = given.to_device(&self.device())?.to_dtype(var.dtype())?;
            if !finite(&given)? {
                return Err(wrong(format!(
                    "weight {name} holds what is not a finite number: the training has diverged, or \
                     the file is damaged"
                )));
            }
            new.push(given);
        }
        let mut left: Vec<&String> = tensors.keys().collect();
        left.sort();
        if let Some(first) = left.first() {
            let more = match left.len() {
                1 => String::new(),
                n => format!(" and {} more", n - 1),
            };
            return Err(wrong(format!(
                "weight {first}{more} has no place in {}: these are weights of another architecture",
                self.architecture()
            )));
        }
        for ((_, var), given) in vars.iter().zip(new) {
            var.set(&given)?;
        }
        Ok(())
    }
}

pub(crate) fn finite(t: &Tensor) -> Result<bool> {
    let t = t.to_dtype(DType::F32)?.flatten_all()?;
    Ok(t.to_vec1::<f32>()?.iter().all(|v| v.is_finite()))
}

/// What the header of a file of weights says in words, if the file is whole.
///
/// # Errors
/// When it is not.
pub(crate) fn words(bytes: &[u8]) -> Result<HashMap<String, String>> {
    // The first call checks the lengths of the whole file, which reading the header alone does not.
    let read = safetensors::SafeTensors::deserialize(bytes)
        .and_then(|_| safetensors::SafeTensors::read_metadata(bytes));
    let (_, found) = read.map_err(|e| {
        wrong(format!(
            "not a whole safetensors file ({e}): it is cut short, damaged, or of another program. \
             Save it again, or get the file again"
        ))
    })?;
    Ok(found.metadata().clone().unwrap_or_default())
}

/// The meaning of the weights according to the header of their file, if they belong to the architecture.
fn head(bytes: &[u8], arch: &Architecture, json: &Path) -> Result<Meaning> {
    let said = words(bytes)?;
    let Some(format) = said.get("nascent.format") else {
        // Written by an older version or another program: only names and shapes can be checked.
        return Ok(Meaning::default());
    };
    if format.parse::<u32>().ok().is_none_or(|v| v > FORMAT) {
        return Err(wrong(format!(
            "its format is {format}, and this version reads up to {FORMAT}. Use the version that \
             wrote it, or a newer one"
        )));
    }
    let ours = mark(arch);
    match said.get("nascent.architecture") {
        Some(theirs) if *theirs == ours => {}
        theirs => {
            let name = |mark: &String| match mark.rsplit_once(' ') {
                Some((arch, _)) => arch.to_string(),
                None => mark.clone(),
            };
            let theirs = theirs.map_or("an unknown architecture".to_string(), name);
            return Err(wrong(format!(
                "these are weights of {theirs}, and the architecture needs those of {arch}, decided as {} \
                 says. Put the two files together that were saved together",
                json.display()
            )));
        }
    }
    let meaning = said.get("nascent.meaning").map_or("{}", String::as_str);
    let meaning: Meaning = serde_json::from_str(meaning).map_err(|e| {
        wrong(format!("what the file says of the data cannot be read ({e}). Save it again"))
    })?;
    meaning.check(arch).map_err(wrong)?;
    Ok(meaning)
}

impl Meaning {
    /// Checks that it describes the inputs and outputs of this architecture.
    fn check(&self, arch: &Architecture) -> Result<(), String> {
        let (input, task) = (arch.space().input(), arch.space().task());
        let fits = |scaling: &Option<crate::data::Scaling>, n: usize| {
            scaling.as_ref().is_none_or(|s| s.shift.len() == n && s.scale.len() == n)
        };
        let words = self.classes.is_empty() || self.classes.len() == task.outputs();
        let symbols = self.symbols.is_empty() || input.vocabulary() == Some(self.symbols.len());
        let columns = self.columns.is_empty() || self.columns.len() == input.elements();
        let images = !self.channels_last || input.as_slice().len() == 3;
        let all = fits(&self.inputs, input.channels())
            && columns
            && images
            && fits(&self.targets, task.outputs())
            && words
            && symbols;
        match all {
            true => Ok(()),
            false => {
                Err("what the file says of the data is of another network. Save it again".into())
            }
        }
    }
}

/// The two files of a saved model: the path with each extension, added or in place of the other.
fn files(path: &Path) -> Result<(PathBuf, PathBuf)> {
    let with = |end| file_of(path, end, "model", "a name is wanted, of which two files are made");
    Ok((with(".safetensors")?, with(".json")?))
}

/// The file of what is saved under a path: with this ending, added or in place of the other one.
///
/// # Errors
/// When the path ends in no name.
pub(crate) fn file_of(path: &Path, end: &str, what: &str, wanted: &str) -> Result<PathBuf> {
    let text = path.as_os_str().to_string_lossy();
    if path.file_name().is_none() || text.ends_with(['/', std::path::MAIN_SEPARATOR]) {
        // The files would have no name but their extensions, and be hidden.
        return Err(Error::invalid(
            format!("the path {text:?} for a {what}"),
            wanted,
            path.join(what).display(),
        ));
    }
    let ours = path.extension().is_some_and(|e| e == "json" || e == "safetensors");
    let stem = if ours { path.with_extension("") } else { path.to_path_buf() };
    let mut name = stem.into_os_string();
    name.push(end);
    Ok(PathBuf::from(name))
}
