//! The inputs that a model takes: plain numbers in lists, texts, tensors and data sets.
//!
//! Nested lists have no fixed shape, so they are read first, with their lengths, and then compared with
//! what the network needs: one sample or many, with all dimensions or flattened.

use crate::data::{Dataset, Meaning, Scaling, Split};
use crate::error::{Error, Result};
use crate::shape::Shape;
use candle_core::{DType, Device, Tensor};
use std::path::{Path, PathBuf};

/// What [`Model::predict`](crate::Model::predict) takes: samples as lists of numbers in lists (vectors,
/// arrays, slices), texts, the names of image or WAV files, a [`Tensor`], a [`Dataset`] or one split of it as `(&data, Split::Test)`.
///
/// Numbers are those before [`Dataset::standardised`], since the model scales them itself; a data set
/// knows how it was scaled, and is not scaled twice. The columns of a table are found by their names.
/// For data that were read with [`Dataset::channels_last`], images are taken either as they were given,
/// `[H, W, C]`, or as `[C, H, W]`; flattened images are in the order in which they were given.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not something that a model can be asked about",
    label = "give lists of numbers, as [[5.1, 3.5], [4.9, 3.0]], texts, names of files, a Tensor, a Dataset, or (&data, Split::Test)"
)]
pub trait IntoInputs {
    #[doc(hidden)]
    fn put(&self, into: &mut Inputs, depth: usize) -> Result<()>;
}

/// Numbers in nested lists, as they were given.
#[doc(hidden)]
#[derive(Default)]
pub struct Inputs {
    values: Vec<f64>,
    texts: Vec<String>,
    /// Files, whose names need not be texts.
    paths: Vec<PathBuf>,
    /// The lengths of the lists at every depth.
    lengths: Vec<Vec<usize>>,
    /// A tensor, which does not tell whether its numbers were scaled.
    tensor: bool,
    of_data: Option<OfData>,
}

/// What a data set knows about its samples.
struct OfData {
    name: String,
    shape: Shape,
    scaling: Option<Scaling>,
    symbols: Vec<char>,
    columns: Vec<String>,
}

impl Inputs {
    fn list(&mut self, length: usize, depth: usize) {
        if self.lengths.len() <= depth {
            self.lengths.resize(depth + 1, vec![]);
        }
        self.lengths[depth].push(length);
    }
}

macro_rules! numbers {
    ($($type:ty)*) => {$(
        impl IntoInputs for $type {
            fn put(&self, into: &mut Inputs, _: usize) -> Result<()> {
                into.values.push(*self as f64);
                Ok(())
            }
        }
    )*};
}
numbers!(f32 f64 i8 i16 i32 i64 isize u8 u16 u32 u64 usize);

impl IntoInputs for str {
    fn put(&self, into: &mut Inputs, _: usize) -> Result<()> {
        into.texts.push(self.to_string());
        Ok(())
    }
}

impl IntoInputs for Path {
    fn put(&self, into: &mut Inputs, _: usize) -> Result<()> {
        into.paths.push(self.to_path_buf());
        Ok(())
    }
}

impl IntoInputs for PathBuf {
    fn put(&self, into: &mut Inputs, depth: usize) -> Result<()> {
        self.as_path().put(into, depth)
    }
}

impl IntoInputs for String {
    fn put(&self, into: &mut Inputs, depth: usize) -> Result<()> {
        self.as_str().put(into, depth)
    }
}

impl<T: IntoInputs> IntoInputs for [T] {
    fn put(&self, into: &mut Inputs, depth: usize) -> Result<()> {
        into.list(self.len(), depth);
        self.iter().try_for_each(|one| one.put(into, depth + 1))
    }
}

impl<T: IntoInputs> IntoInputs for Vec<T> {
    fn put(&self, into: &mut Inputs, depth: usize) -> Result<()> {
        self[..].put(into, depth)
    }
}

impl<T: IntoInputs, const N: usize> IntoInputs for [T; N] {
    fn put(&self, into: &mut Inputs, depth: usize) -> Result<()> {
        self[..].put(into, depth)
    }
}

impl<T: IntoInputs + ?Sized> IntoInputs for &T {
    fn put(&self, into: &mut Inputs, depth: usize) -> Result<()> {
        (**self).put(into, depth)
    }
}

impl IntoInputs for Tensor {
    fn put(&self, into: &mut Inputs, depth: usize) -> Result<()> {
        let mut lists = 1;
        for (i, &length) in self.dims().iter().enumerate() {
            (0..lists).for_each(|_| into.list(length, depth + i));
            lists *= length;
        }
        let flat = self.to_device(&Device::Cpu)?.to_dtype(DType::F64)?.flatten_all()?;
        into.values.extend(flat.to_vec1::<f64>()?);
        into.tensor = true;
        Ok(())
    }
}

impl IntoInputs for Dataset {
    fn put(&self, into: &mut Inputs, depth: usize) -> Result<()> {
        samples(self, &self.every(), into, depth)
    }
}

impl IntoInputs for (&Dataset, Split) {
    fn put(&self, into: &mut Inputs, depth: usize) -> Result<()> {
        samples(self.0, &self.0.indices(self.1), into, depth)
    }
}

fn samples(data: &Dataset, indices: &[u32], into: &mut Inputs, depth: usize) -> Result<()> {
    if depth > 0 {
        return Err(Error::invalid(
            "data sets in a list",
            "a model is asked about one at a time",
            "model.predict(&data)",
        ));
    }
    data.gather(indices, &Device::Cpu)?.0.put(into, depth)?;
    into.tensor = false;
    into.of_data = Some(OfData {
        name: data.name(),
        shape: data.shape(),
        scaling: data.scaling().cloned(),
        symbols: data.symbols(),
        columns: data.meaning().columns,
    });
    Ok(())
}

/// A batch of samples as the network needs them, `[N, ...]`: 32-bit numbers, or tokens.
pub(super) fn read(x: impl IntoInputs, shape: &Shape, meaning: &Meaning) -> Result<Tensor> {
    let mut given = Inputs::default();
    x.put(&mut given, 0)?;
    if let Some(i) = given.values.iter().position(|v| !v.is_finite()) {
        let per = shape.elements().max(1);
        return Err(Error::invalid(
            format!("an input of {}", given.values[i]),
            format!("value {} of sample {} is not a finite number", i % per, i / per),
            "another value in its place, or without this sample",
        ));
    }
    match shape.vocabulary() {
        Some(vocabulary) => tokens(given, shape, vocabulary, &meaning.symbols),
        None => reals(given, shape, meaning),
    }
}

fn reals(mut given: Inputs, shape: &Shape, meaning: &Meaning) -> Result<Tensor> {
    given.paths.extend(given.texts.iter().map(PathBuf::from));
    if let Some(first) = given.paths.first() {
        let Some(files) = meaning.files else {
            return Err(Error::invalid(
                format!("the text {:?} as an input", first.display().to_string()),
                format!("the model wants numbers, {shape} a sample"),
                "lists of numbers; files are for models of image_folder and wav_folder",
            ));
        };
        let (mut rows, mut wrong) = (vec![], vec![]);
        for path in &given.paths {
            match files.sample(path) {
                Ok(row) => rows.push(row),
                Err(e) => wrong.push(e),
            }
        }
        match (wrong.len(), wrong.into_iter().next()) {
            (_, None) => {}
            (1, Some(e)) => return Err(e),
            (n, Some(e)) => {
                return Err(e.context(format!("{n} of {} files cannot be read", given.paths.len())));
            }
        }
        if let Some(row) = rows.iter().find(|row| row.len() != shape.elements()) {
            return Err(Error::invalid(
                format!("files as {} numbers", row.len()),
                format!("the model wants {shape}"),
                "a model of the data that these files are of",
            ));
        }
        given.lengths = vec![vec![rows.len()], vec![shape.elements(); rows.len()]];
        given.values = rows.concat().into_iter().map(f64::from).collect();
    }
    if let Some(data) = &mut given.of_data
        && data.columns != meaning.columns
        && !data.columns.is_empty()
        && !meaning.columns.is_empty()
    {
        let width = data.columns.len();
        let places = data.places(&meaning.columns)?;
        let rows = given.values.chunks_exact(width);
        given.values = rows.flat_map(|row| places.iter().map(|&c| row[c])).collect();
        given.lengths = vec![vec![given.lengths[0][0]], vec![places.len()]];
    }
    let dims = given.dims()?;
    let turned = meaning.channels_last && !given.tensor && is_turned(&dims, shape, &given.of_data);
    let n = match turned {
        true => samples_of(&dims, &as_given(shape))?,
        false => samples_of(&dims, shape).map_err(|e| named(e, meaning))?,
    };
    let scaling = meaning.inputs.as_ref();
    // Samples that were already scaled by the model's numbers are taken as they are.
    let ready = |data: &OfData| data.scaling.as_ref() == scaling && !turned;
    let ready = given.of_data.as_ref().is_some_and(ready);
    let raw = match given.of_data {
        Some(OfData { scaling: Some(done), shape, .. }) if !ready => {
            done.widen(&shape, &scaled(None, &shape, &given.values))
        }
        None if given.tensor && scaling.is_some() => {
            return Err(Error::invalid(
                "a tensor for a model that scales its inputs",
                "a tensor does not tell whether its numbers are the original ones or scaled already",
                "model.predict(&data) or model.predict((&data, Split::Test)) for a data set, \
                 model.predict(x.flatten_from(1)?.to_vec2::<f32>()?) for original numbers, or \
                 model.forward(&x) for scaled ones",
            ));
        }
        _ => given.values,
    };
    let raw = if turned { in_front(&raw, shape) } else { raw };
    let values = scaled(scaling.filter(|_| !ready), shape, &raw);
    if let Some(i) = values.iter().position(|v| !v.is_finite()) {
        return Err(Error::invalid(
            format!("an input in sample {}", i / shape.elements().max(1)),
            "it is larger than 32-bit numbers can be",
            "numbers of the size that the model was trained on",
        ));
    }
    Ok(Tensor::from_vec(values, shape.batch(n), &Device::Cpu)?)
}

impl OfData {
    /// The places of a model's features among the columns of these data, whose scaling is put into that
    /// order too. The data may have the same columns in another order, or more of them.
    fn places(&mut self, wanted: &[String]) -> Result<Vec<usize>> {
        let place = |name: &String| {
            self.columns.iter().position(|c| c == name).ok_or_else(|| {
                Error::invalid(
                    format!("the data {}", self.name),
                    format!("they have no column {name:?}, which the model was trained on"),
                    format!("data with the columns {}", wanted.join(", ")),
                )
            })
        };
        let places = wanted.iter().map(place).collect::<Result<Vec<usize>>>()?;
        if let Some(s) = &mut self.scaling {
            let of = |list: &[f64]| places.iter().map(|&c| list[c]).collect();
            *s = Scaling { shift: of(&s.shift), scale: of(&s.scale) };
            self.scaling = self.scaling.take().filter(|s| !s.is_none());
        }
        self.shape = Shape::new([places.len()]);
        Ok(places)
    }
}

/// The shape of images `[C, H, W]` that were given as `[H, W, C]`.
fn as_given(shape: &Shape) -> Shape {
    match *shape.as_slice() {
        [c, h, w] => Shape::new([h, w, c]),
        _ => shape.clone(),
    }
}

/// Whether inputs have their channels last, as the training data were given: flattened images do, and
/// lists unless their lengths say otherwise; a data set knows.
fn is_turned(dims: &[usize], shape: &Shape, of_data: &Option<OfData>) -> bool {
    let given = as_given(shape);
    match of_data {
        Some(data) => data.shape != *shape && data.shape == given,
        None => samples_of(dims, &given).is_ok(),
    }
}

/// Turns consecutive images `[H, W, C]` into `[C, H, W]`.
fn in_front(x: &[f64], shape: &Shape) -> Vec<f64> {
    let (channels, size) = (shape.channels().max(1), shape.elements().max(1));
    let plane = |image: &[f64], c: usize| -> Vec<f64> {
        image.iter().skip(c).step_by(channels).copied().collect()
    };
    x.chunks(size).flat_map(|image| (0..channels).flat_map(move |c| plane(image, c))).collect()
}

/// Adds the names of the columns to an error about the rows of a table.
fn named(e: Error, meaning: &Meaning) -> Error {
    match &meaning.columns[..] {
        [] => e,
        names => Error::new(e.kind(), format!("{e} They are {}.", names.join(", "))),
    }
}

fn scaled(scaling: Option<&Scaling>, shape: &Shape, raw: &[f64]) -> Vec<f32> {
    match scaling {
        Some(scaling) => scaling.narrow(shape, raw),
        None => raw.iter().map(|&v| v as f32).collect(),
    }
}

impl Inputs {
    /// The lengths of the nested lists, which must be equal at every depth.
    fn dims(&self) -> Result<Vec<usize>> {
        let one = |lengths: &Vec<usize>| {
            let first = lengths.first().copied().unwrap_or_default();
            match lengths.iter().position(|&l| l != first) {
                None => Ok(first),
                Some(i) => Err(Error::invalid(
                    "lists of different lengths",
                    format!("the first has {first} items, and number {i} has {}", lengths[i]),
                    "lists of the same length, one for each sample",
                )),
            }
        };
        self.lengths.iter().map(one).collect()
    }
}

/// The number of samples of a shape in lists of these lengths.
fn samples_of(dims: &[usize], shape: &Shape) -> Result<usize> {
    let (wanted, elements) = (shape.as_slice(), shape.elements());
    // A single channel, or a single feature per position, may be left out.
    let bare: Vec<usize> = match *wanted {
        [1, h, w] => vec![h, w],
        [l, 1] => vec![l],
        _ => wanted.to_vec(),
    };
    match dims {
        [0, ..] => Ok(0),
        [n, rest @ ..] if rest == wanted || rest == bare => Ok(*n),
        [n, row] if *row == elements => Ok(*n),
        [n] if elements == 1 => Ok(*n),
        one if one == wanted || one == bare || *one == [elements] => Ok(1),
        [] if elements == 1 => Ok(1),
        _ => Err(misfit(dims, shape)),
    }
}

fn misfit(dims: &[usize], shape: &Shape) -> Error {
    let wanted = shape.as_slice();
    let given = match dims {
        [] => "a single number".to_string(),
        dims => format!("inputs of {dims:?}"),
    };
    let allowed = format!(
        "the model wants samples of {shape}: {wanted:?} for one, [n, {}] for n of them",
        wanted.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")
    );
    let try_ = match (dims, wanted) {
        ([.., h, w, c], [channels, height, width])
            if (h, w, c) == (height, width, channels) && dims.len() <= 4 =>
        {
            "images with their channels in front, [C, H, W]".to_string()
        }
        ([n], _) if n.is_multiple_of(shape.elements().max(1)) => format!(
            "x.chunks({}).collect::<Vec<_>>() for {} samples one after the other",
            shape.elements(),
            n / shape.elements().max(1)
        ),
        _ => "the features that the model was trained on, all of them, in their order".to_string(),
    };
    Error::invalid(given, allowed, try_)
}

/// The symbols of texts, or lists of symbols, padded or cut as the data were.
fn tokens(given: Inputs, shape: &Shape, vocabulary: usize, symbols: &[char]) -> Result<Tensor> {
    let length = shape.elements();
    if let Some(path) = given.paths.first() {
        return Err(Error::invalid(
            format!("the file {} as an input", path.display()),
            "the model wants texts, or lists of symbols",
            "std::fs::read_to_string(path)? for the text in a file",
        ));
    }
    let mut rows = match given.texts.is_empty() {
        false => texts(&given.texts, symbols)?,
        true => lists(&given)?,
    };
    if let Some(data) = &given.of_data
        && data.symbols != symbols
        && !data.symbols.is_empty()
        && !symbols.is_empty()
    {
        // Another data set may number its characters differently.
        let word = |row: &Vec<u32>| {
            let word: String = row.iter().filter_map(|&t| data.symbols.get(t as usize)).collect();
            word.trim_end_matches('\0').to_string()
        };
        let words: Vec<String> = rows.iter().map(word).collect();
        rows = texts(&words, symbols).map_err(|e| e.context(format!("the data {}", data.name)))?;
    }
    for (i, row) in rows.iter_mut().enumerate() {
        if shape.is_padded() {
            row.resize(length, 0);
        }
        if row.len() != length {
            return Err(Error::invalid(
                format!("a sample of {} symbols", row.len()),
                format!("the model wants {shape}, and sample {i} is of another length"),
                format!("samples of {length} symbols each"),
            ));
        }
        if let Some(&t) = row.iter().find(|&&t| t as usize >= vocabulary) {
            return Err(Error::invalid(
                format!("the symbol {t} in sample {i}"),
                format!("the model knows the symbols 0 to {}", vocabulary - 1),
                "data.encode(text) of the data that it was trained on",
            ));
        }
    }
    let n = rows.len();
    Ok(Tensor::from_vec(rows.concat(), (n, length), &Device::Cpu)?)
}

fn texts(list: &[String], symbols: &[char]) -> Result<Vec<Vec<u32>>> {
    if symbols.is_empty() {
        return Err(Error::invalid(
            "texts as inputs",
            "the model does not know the characters of its symbols",
            "lists of symbols, or model.for_data(&data) with the data that it was trained on",
        ));
    }
    let one = |c: char| {
        symbols.binary_search(&c).map(|i| i as u32).map_err(|_| {
            Error::invalid(
                format!("the character {c:?}"),
                "it does not occur in the data that the model was trained on",
                format!(
                    "texts of these: {}",
                    symbols.iter().filter(|&&c| c != '\0').collect::<String>()
                ),
            )
        })
    };
    list.iter().map(|text| text.chars().map(one).collect()).collect()
}

/// Whole numbers in lists, which may be of different lengths.
fn lists(given: &Inputs) -> Result<Vec<Vec<u32>>> {
    let whole = |&v: &f64| match v.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&v) {
        true => Ok(v as u32),
        false => Err(Error::invalid(
            format!("an input of {v}"),
            "the model wants symbols, which are whole numbers from 0",
            "data.encode(text) of the data that it was trained on",
        )),
    };
    let values = given.values.iter().map(whole).collect::<Result<Vec<u32>>>()?;
    match &given.lengths[..] {
        [one] if one[0] == 0 => Ok(vec![]),
        [_] => Ok(vec![values]),
        [_, lengths] => {
            let mut values = values.into_iter();
            Ok(lengths.iter().map(|&l| values.by_ref().take(l).collect()).collect())
        }
        other => Err(Error::invalid(
            format!("symbols in lists of depth {}", other.len()),
            "a sample is a list of symbols, many samples are a list of such lists",
            "model.predict([[1, 2, 3], [4, 5, 6]]) for two samples of three symbols",
        )),
    }
}
