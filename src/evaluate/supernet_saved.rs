//! Supernets on disk: the shared weights as safetensors, and in the header of the file what they follow
//! from: the space, the data, the settings of the training and its seed.
//!
//! Weights are found by the places of the tree that they stand at, so those of another space, or of another
//! training, would be taken without a word where the places have the same names. The header is therefore
//! compared before any weight is read. A sum over all numbers tells a damaged file, which safetensors does
//! not.

use super::supernet::{Log, Trained};
use super::{Supernet, Train};
use crate::data::file;
use crate::error::{Error, ErrorKind, Result};
use crate::model::saved::{file_of, finite, words};
use crate::op::Store;
use crate::rng::Hash64;
use crate::space::Space;
use candle_core::{DType, Device, Tensor, Var};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

/// The version of the header.
const FORMAT: u32 = 1;
/// The rule of names of slices.
const NAMES: u32 = 2;
/// The entry of the header.
const ENTRY: &str = "nascent.supernet";

/// What the weights follow from.
#[derive(Serialize, Deserialize)]
struct Header {
    format: u32,
    /// A hash of the space, and the number of its architectures in words.
    space: String,
    architectures: String,
    /// The name and a hash of the data.
    data: String,
    /// The settings of the training, in words.
    settings: String,
    fair: bool,
    recalibrate: i64,
    /// Files of before there were slices have none.
    #[serde(default)]
    slices: bool,
    /// By which rule they are named.
    #[serde(default)]
    names: u32,
    log: Log,
    /// Of the names, shapes and values of all tensors.
    sum: String,
}

fn wrong(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::File, what)
}

fn place(path: &Path) -> Result<PathBuf> {
    file_of(path, ".safetensors", "supernet", "a name is wanted, of which a file is made")
}

fn data_of(train: &Train) -> String {
    format!("{} {:016x}", train.data.name(), train.data.fingerprint())
}

fn space_of(space: &Space) -> String {
    format!("{:016x}", space.fingerprint())
}

/// The sum of all tensors, each of 32-bit numbers.
fn sum(tensors: &BTreeMap<String, Tensor>) -> Result<String> {
    let mut hash = Hash64::new();
    for (name, tensor) in tensors {
        hash.write(name.as_bytes());
        tensor.dims().iter().for_each(|d| hash.write(&(*d as u64).to_le_bytes()));
        let values = tensor.flatten_all()?.to_vec1::<f32>()?;
        values.iter().for_each(|v| hash.write(&v.to_le_bytes()));
    }
    Ok(format!("{:016x}", hash.finish()))
}

impl Supernet {
    /// Writes the shared weights and what they follow from to `PATH.safetensors`. The file is written
    /// beside its place and then moved there, so that an older one is not lost if the disk is full.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let data = Dataset::digits().take(200);
    /// let space = Space::on(&data).then(one_of([linear(8), linear(16)]));
    /// let train = Train::on(&data).epochs(1);
    /// let supernet = Supernet::on(&space, &train).quiet().train(1)?;
    /// let path = std::env::temp_dir().join(format!("nascent-supernet-{}", std::process::id()));
    /// supernet.save(&path)?;
    /// let again = Supernet::load(&space, &train, &path)?;
    /// let arch = space.default_architecture()?;
    /// assert_eq!(again.evaluate(&arch)?, supernet.evaluate(&arch)?);
    /// # std::fs::remove_file(path.with_extension("safetensors"))?;
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// When the supernet has not been trained, the file cannot be written, or a weight is not a finite
    /// number.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let trained = self.trained()?;
        let path = place(path.as_ref())?;
        let mut tensors = BTreeMap::new();
        for (name, var) in trained.store.vars() {
            let tensor = var.as_detached_tensor().to_device(&Device::Cpu)?;
            if !finite(&tensor)? {
                return Err(wrong(format!(
                    "shared weight {name} holds what is not a finite number: the training has diverged. \
                     Try a smaller learning rate, and save the supernet of that."
                )));
            }
            tensors.insert(name, tensor);
        }
        let header = Header {
            format: FORMAT,
            space: space_of(&self.space),
            architectures: self.space.size_text(),
            data: data_of(&self.train),
            settings: self.train.settings.to_string(),
            fair: self.fair,
            recalibrate: self.batches,
            slices: self.slices,
            names: NAMES,
            log: trained.log.clone(),
            sum: sum(&tensors)?,
        };
        let head = HashMap::from([(ENTRY.to_string(), serde_json::to_string(&header)?)]);
        let bytes = safetensors::serialize(tensors, Some(head))
            .map_err(|e| wrong(e.to_string()).context(format!("writing {}", path.display())))?;
        crate::output::write(&path, bytes)
    }

    /// Reads what [`Supernet::save`] wrote; `path` is the same path. Space and training have to be those that
    /// the supernet was trained with; the device and the number of threads may be others. Paths, seed and
    /// recalibration are those of the file.
    ///
    /// # Errors
    /// When the file is missing, damaged or of something else, or the supernet is of another space, other
    /// data or another training.
    pub fn load(space: &Space, train: &Train, path: impl AsRef<Path>) -> Result<Supernet> {
        let path = place(path.as_ref())?;
        let hint = "Give the path that Supernet::save was given; the file begins with it.";
        let bytes = file::read(&path, hint)?;
        read(space, train, &bytes).map_err(|e| e.context(format!("reading {}", path.display())))
    }
}

fn read(space: &Space, train: &Train, bytes: &[u8]) -> Result<Supernet> {
    let words = words(bytes)?;
    let Some(entry) = words.get(ENTRY) else {
        let (is, try_) = match words.contains_key("nascent.architecture") {
            true => ("the weights of a single model", "Model::load"),
            false => ("weights that no supernet has saved", "the file that Supernet::save wrote"),
        };
        return Err(wrong(format!("these are {is}. Try {try_}")));
    };
    // The format stands for itself: what else a newer one says is not known.
    let format: Format = serde_json::from_str(entry).map_err(damaged)?;
    if format.format > FORMAT {
        return Err(wrong(format!(
            "its format is {}, and this version reads up to {FORMAT}. Use the version that wrote it, or a \
             newer one",
            format.format
        )));
    }
    let header: Header = serde_json::from_str(entry).map_err(damaged)?;
    if header.space != space_of(space) {
        return Err(wrong(format!(
            "it is a supernet of another space, of {} architectures; this one has {}. Give the space that \
             it was trained on, or train one on this: Supernet::on(&space, &train).train(1)?",
            header.architectures,
            space.size_text()
        )));
    }
    let (data, settings) = (data_of(train), train.settings.to_string());
    if header.data != data {
        return Err(wrong(format!(
            "it was trained on the data {}, and these are {data}. Give the training that it was made with: \
             Train::on(&data) with the same data, taken and split in the same way",
            header.data
        )));
    }
    if header.settings != settings {
        return Err(wrong(format!(
            "it was trained for {}, and this is a training for {settings}. Give the training that it was \
             made with",
            header.settings
        )));
    }
    if header.slices && header.names != NAMES {
        return Err(wrong(
            "its slices are of another version, which shared weights in other places. Train it again: \
             Supernet::on(&space, &train).train(1)?",
        ));
    }
    let tensors = candle_core::safetensors::load_buffer(bytes, &Device::Cpu)?;
    let tensors: BTreeMap<String, Tensor> = tensors.into_iter().collect();
    if let Some((name, tensor)) = tensors.iter().find(|(_, t)| t.dtype() != DType::F32) {
        let dtype = tensor.dtype();
        return Err(wrong(format!("shared weight {name} is of type {dtype:?}, and F32 is wanted")));
    }
    if sum(&tensors)? != header.sum {
        return Err(wrong(
            "the weights are not those that were saved: the file is damaged. Get it again, or train again",
        ));
    }
    let store = Store::new(header.slices);
    for (name, tensor) in tensors {
        store.put(name, Var::from_tensor(&tensor.to_device(&train.device)?)?);
    }
    let supernet = Supernet::on(space, train).recalibrate(header.recalibrate);
    let supernet = if header.fair { supernet.fair() } else { supernet };
    let supernet = if header.slices { supernet } else { supernet.separate_sizes() };
    Ok(supernet.with(Trained { store, log: header.log }))
}

/// The part of a header that all versions have.
#[derive(Deserialize)]
struct Format {
    format: u32,
}

fn damaged(e: serde_json::Error) -> Error {
    wrong(format!("what the file says of the supernet cannot be read ({e}). Save it again"))
}
