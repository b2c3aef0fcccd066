//! Data: one tensor of inputs, one of targets, a task, and fixed splits.

mod augment;
mod channels;
mod cifar;
pub(crate) mod csv;
mod digits;
pub(crate) mod file;
mod folder;
mod idx;
mod image_folder;
mod images;
mod meaning;
mod mel;
mod mnist1d;
mod names;
pub(crate) mod numeral;
mod scaling;
mod shrink;
mod split;
mod standardise;
mod strip;
mod text;
mod wav;
mod wav_folder;

pub use augment::Augment;
pub use images::Images;
pub(crate) use meaning::{Files, Meaning};
pub use mel::LogMel;
pub use scaling::Real;
pub(crate) use scaling::Scaling;

use crate::count::Count;
use crate::error::{Error, Result};
use crate::rng::Hash64;
use crate::shape::Shape;
use crate::task::Task;
use crate::words::plural;
use candle_core::{Device, Tensor};
use scaling::Numbers;
use std::fmt;
use std::sync::{Arc, OnceLock};

/// Below so many samples, a split's card tells what one of them moves.
const FEW: usize = 50;

/// Inputs and targets with a task and fixed train, validation and test splits, held in memory.
///
/// | from | by |
/// |---|---|
/// | the crate itself | [`digits`](Dataset::digits), [`mnist1d`](Dataset::mnist1d), [`names`](Dataset::names), [`names_text`](Dataset::names_text) |
/// | image files | [`image_folder`](Dataset::image_folder), [`image_folder_with`](Dataset::image_folder_with), [`idx`](Dataset::idx), [`from_idx`](Dataset::from_idx), [`cifar10`](Dataset::cifar10), [`cifar100`](Dataset::cifar100) |
/// | tables | [`csv`](Dataset::csv) |
/// | sound | [`wav_folder`](Dataset::wav_folder), [`wav_folder_with`](Dataset::wav_folder_with) |
/// | texts | [`text`](Dataset::text), [`text_file`](Dataset::text_file), [`texts`](Dataset::texts), [`texts_file`](Dataset::texts_file) |
/// | numbers of your own | [`classification`](Dataset::classification), [`regression`](Dataset::regression), [`next_token`](Dataset::next_token) |
///
/// Each comes with splits; [`split`](Dataset::split), [`validation_share`](Dataset::validation_share),
/// [`folds`](Dataset::folds), [`with_test_of`](Dataset::with_test_of),
/// [`with_test_csv`](Dataset::with_test_csv) and [`take`](Dataset::take) make others. What a reader
/// left out, decided or noticed is on the data's card, which is what they show in a notebook or
/// print, and in [`notes`](Dataset::notes).
///
/// ```
/// use nascent::prelude::*;
/// let data = Dataset::digits();
/// assert_eq!((data.len(), data.shape().dims()), (1797, vec![1, 8, 8]));
/// assert_eq!(data.sizes(), (1078, 360, 359));
///
/// // Data of your own: a row of 2 numbers for each sample.
/// let x = vec![0.0, 0.1, 0.9, 1.0, 0.2, 0.0, 1.0, 0.8, 0.1, 0.1];
/// let data = Dataset::classification("two blobs", x, [2], vec![0, 1, 0, 1, 0], 2)?;
/// # Ok::<(), nascent::Error>(())
/// ```
#[derive(Clone)]
#[must_use = "methods return a new value and leave this one as it is"]
#[doc(alias("DataSet", "Data"))]
pub struct Dataset(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    name: String,
    task: Task,
    shape: Shape,
    x: Tensor,
    y: Tensor,
    train: Vec<u32>,
    validation: Vec<u32>,
    test: Vec<u32>,
    /// The words of the classes, in order; empty where they are only numbered.
    classes: Vec<String>,
    /// The characters of the symbols, in order, with `'\0'` for padding; empty for numbers.
    symbols: Vec<char>,
    /// The names of the features of a table, in order; empty for anything else.
    columns: Vec<String>,
    /// Whether the images were given with their channels last, and turned.
    channels_last: bool,
    /// What was done to the inputs since they were given.
    scaling: Option<Scaling>,
    /// What was done to the targets of a regression.
    target_scaling: Option<Scaling>,
    /// Whether the inputs were standardised, by these samples' own mean and deviation.
    scaled: bool,
    /// How files became samples, each of its own.
    files: Option<Files>,
    /// What the reader decided or noticed and the data's card says, one line each.
    notes: Vec<String>,
    fingerprint: Kept,
}

/// A fingerprint that was computed earlier. A clone has none, for it is about to become other data.
#[derive(Default)]
struct Kept(OnceLock<u64>);

impl Clone for Kept {
    fn clone(&self) -> Kept {
        Kept::default()
    }
}

/// A part of the data.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Split {
    /// The samples that weights are fitted to.
    Train,
    /// The samples that architectures are compared on.
    Validation,
    /// The samples that the winner is tested on, once.
    Test,
    /// Training and validation samples together, for the winner's final training.
    TrainValidation,
}

impl std::fmt::Display for Split {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Split::Train => "train",
            Split::Validation => "validation",
            Split::Test => "test",
            Split::TrainValidation => "train + validation",
        })
    }
}

impl Dataset {
    /// 1,797 handwritten digits of 8x8 pixels in 10 classes (UCI; the copy of scikit-learn), with
    /// pixels from 0 to 1, embedded in the crate.
    pub fn digits() -> Dataset {
        digits::load()
    }

    /// The embedded data with this name, as [`Dataset::name`] returns it: `digits`, or with what was done
    /// to them since, `digits[200], standardised`.
    pub(crate) fn embedded(name: &str) -> Option<Dataset> {
        match name {
            "digits" => return Some(Dataset::digits()),
            "mnist1d" => return Some(Dataset::mnist1d()),
            "names" => return Some(Dataset::names()),
            "names text" => return Some(Dataset::names_text()),
            // Users choose names too: one this long is not one of ours.
            _ if name.len() > 1000 => return None,
            _ => {}
        }
        // The last step first: it is taken off the name, and done to the data of the rest.
        if let Some((rest, n)) = name.strip_suffix(']').and_then(|s| s.rsplit_once('[')) {
            return Some(Dataset::embedded(rest)?.take(n.parse::<usize>().ok()?));
        }
        let (rest, step) = name.rsplit_once(", ")?;
        let before = || Dataset::embedded(rest);
        match step.split(' ').collect::<Vec<_>>()[..] {
            ["standardised"] => before()?.standardised().ok(),
            ["split", a, ":", b, ":", c] => {
                let share = |s: &str| s.parse::<f64>().ok();
                before()?.split(share(a)?, share(b)?, share(c)?).ok()
            }
            ["validation", share] => before()?.validation_share(share.parse().ok()?).ok(),
            ["fold", i, "of", k] => {
                let i = i.parse::<usize>().ok()?.checked_sub(1)?;
                before()?.folds(k.parse::<usize>().ok()?).ok()?.into_iter().nth(i)
            }
            _ => None,
        }
    }

    /// Samples of a shape, each with a class: `x` holds them one after the other, in numbers of 32
    /// or 64 bits. Where different values of a feature would become equal in 32 bits, the feature
    /// is moved first; the data's card says by how much.
    ///
    /// # Errors
    /// When the lengths do not match, a value is not a finite number, or a label is not below
    /// `classes`; all problems are reported together.
    pub fn classification<T: Count, X: Real>(
        name: &str,
        x: Vec<X>,
        shape: impl IntoIterator<Item = T>,
        labels: Vec<u32>,
        classes: impl Count,
    ) -> Result<Dataset> {
        let task = Task::classification(classes);
        let (shape, x) = (Shape::new(shape), X::numbers(x));
        let mut problems = numbers(&x, &shape, labels.len());
        let out = labels.iter().position(|&l| l as usize >= task.outputs());
        problems.extend(out.map(|i| {
            format!(
                "the label of sample {i} is {}; {} classes allow 0 to {}. Count the classes again.",
                labels[i],
                task.outputs(),
                task.outputs().saturating_sub(1)
            )
        }));
        problems.extend(task.problem());
        refuse(name, problems)?;
        let (x, scaling, notes) = x.narrow(&shape, true, feature);
        let data = Dataset::labelled(name, task, shape, Values::Numbers(x), labels, None)?;
        Ok(data.with(|d| (d.scaling, d.notes) = (scaling, notes)))
    }

    /// Samples of a shape, each with `outputs` real targets, in numbers of 32 or 64 bits. Where
    /// different values of a feature or a target would become equal in 32 bits, it is moved first;
    /// the data's card says by how much.
    ///
    /// # Errors
    /// When the lengths do not match or a value is not a finite number.
    pub fn regression<T: Count, X: Real, Y: Real>(
        name: &str,
        x: Vec<X>,
        shape: impl IntoIterator<Item = T>,
        targets: Vec<Y>,
        outputs: impl Count,
    ) -> Result<Dataset> {
        let task = Task::regression(outputs);
        let (shape, x, targets) = (Shape::new(shape), X::numbers(x), Y::numbers(targets));
        let n = targets.len() / task.outputs().max(1);
        let mut problems = numbers(&x, &shape, n);
        if !targets.len().is_multiple_of(task.outputs().max(1)) {
            problems.push(format!(
                "{} targets do not divide into {} per sample. Give them one sample after the other.",
                targets.len(),
                task.outputs()
            ));
        }
        problems.extend(not_finite("target", &targets));
        problems.extend(task.problem());
        refuse(name, problems)?;
        let outputs = task.outputs();
        let (x, scaling, mut notes) = x.narrow(&shape, true, feature);
        let target =
            |c: usize| if outputs == 1 { "the target".into() } else { format!("target {c}") };
        let (y, target_scaling, more) = targets.narrow(&Shape::new([outputs]), false, target);
        notes.extend(more);
        let data = Dataset::real(name, task, shape, x, y)?;
        Ok(data.with(|d| {
            (d.scaling, d.target_scaling, d.notes) = (scaling, target_scaling, notes);
        }))
    }

    /// A text as numbers, cut into windows of `length` tokens; the target is the token that
    /// follows, at each position. The splits are contiguous, so no window is seen twice.
    ///
    /// # Errors
    /// When a token is not below `vocabulary`, or the text is shorter than five windows.
    pub fn next_token(
        name: &str,
        tokens: &[u32],
        length: impl Count,
        vocabulary: impl Count,
    ) -> Result<Dataset> {
        let task = Task::next_token(vocabulary);
        let length = length.to_size();
        let mut problems: Vec<String> = task.problem().into_iter().collect();
        let windows = tokens.len().saturating_sub(1) / length.max(1);
        if length == 0 || windows < 5 {
            let most = tokens.len().saturating_sub(1) / 5;
            let advice = match most {
                0 => "Give a longer text.".to_string(),
                _ => format!("Try a length of at most {most}."),
            };
            problems.push(format!(
                "{} tokens in windows of {length} make {windows} windows; at least 5 are needed. {advice}",
                tokens.len()
            ));
        }
        let out = tokens.iter().position(|&t| t as usize >= task.outputs());
        problems.extend(out.map(|i| {
            format!("token {i} is {}; the vocabulary has {}.", tokens[i], task.outputs())
        }));
        refuse(name, problems)?;
        let shape = Shape::tokens(length, task.outputs());
        let end = windows * length;
        let tensor = |t: &[u32]| Tensor::from_vec(t.to_vec(), (windows, length), &Device::Cpu);
        let (x, y) = (tensor(&tokens[..end])?, tensor(&tokens[1..=end])?);
        let order: Vec<u32> = (0..windows as u32).collect();
        let (a, b) = cuts(windows);
        let splits = [&order[..a], &order[a..b], &order[b..]].map(<[u32]>::to_vec);
        Ok(Dataset::of(name, task, shape, x, y, splits))
    }

    /// Samples with a class each. Those from `test` on are the test split, and a fifth of the others
    /// the validation split; without it all are split 60 : 20 : 20. The shuffle is fixed, and each
    /// class is split alike.
    fn labelled(
        name: &str,
        task: Task,
        shape: Shape,
        x: Values,
        labels: Vec<u32>,
        test: Option<usize>,
    ) -> candle_core::Result<Dataset> {
        let n = labels.len();
        let x = match x {
            Values::Numbers(x) => Tensor::from_vec(x, shape.batch(n), &Device::Cpu)?,
            Values::Symbols(x) => Tensor::from_vec(x, shape.batch(n), &Device::Cpu)?,
        };
        let splits = match test {
            None => split::deal(&labels, split::SHARES),
            Some(test) => {
                let [train, validation, _] = split::deal(&labels[..test], [0.8, 0.2, 0.0]);
                [train, validation, (test as u32..n as u32).collect()]
            }
        };
        let y = Tensor::from_vec(labels, n, &Device::Cpu)?;
        Ok(Dataset::of(name, task, shape, x, y, splits))
    }

    /// Samples, each with real targets.
    fn real(
        name: &str,
        task: Task,
        shape: Shape,
        x: Vec<f32>,
        y: Vec<f32>,
    ) -> candle_core::Result<Dataset> {
        let n = y.len() / task.outputs().max(1);
        let x = Tensor::from_vec(x, shape.batch(n), &Device::Cpu)?;
        let y = Tensor::from_vec(y, (n, task.outputs()), &Device::Cpu)?;
        let splits = split::deal(&vec![0; n], split::SHARES);
        Ok(Dataset::of(name, task, shape, x, y, splits))
    }

    fn of(
        name: &str,
        task: Task,
        shape: Shape,
        x: Tensor,
        y: Tensor,
        [train, validation, test]: [Vec<u32>; 3],
    ) -> Dataset {
        Dataset(Arc::new(Inner {
            name: name.into(),
            task,
            shape,
            x,
            y,
            train,
            validation,
            test,
            classes: vec![],
            symbols: vec![],
            columns: vec![],
            channels_last: false,
            scaling: None,
            target_scaling: None,
            scaled: false,
            files: None,
            notes: vec![],
            fingerprint: Kept::default(),
        }))
    }

    /// The same data with some parts of it changed.
    fn with(&self, change: impl FnOnce(&mut Inner)) -> Dataset {
        let mut inner = (*self.0).clone();
        change(&mut inner);
        Dataset(Arc::new(inner))
    }

    /// The same samples with splits of your own: numbers of samples, from 0, as the data were given.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// // Every fifth sample validates; nothing is left for a test.
    /// let (validation, train): (Vec<u32>, Vec<u32>) = (0..1797).partition(|i| i % 5 == 4);
    /// let data = Dataset::digits().with_splits(train, validation, vec![])?;
    /// assert_eq!(data.sizes(), (1438, 359, 0));
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// When a number is not the number of a sample, or occurs twice.
    pub fn with_splits(
        &self,
        train: Vec<u32>,
        validation: Vec<u32>,
        test: Vec<u32>,
    ) -> Result<Dataset> {
        let samples = self.0.y.dim(0)?;
        let mut seen = vec![false; samples];
        for &i in [&train, &validation, &test].into_iter().flatten() {
            match seen.get(i as usize) {
                Some(false) => seen[i as usize] = true,
                Some(true) => {
                    return Err(Error::invalid(
                        format!("splits of {} with sample {i} twice", self.0.name),
                        "what is trained on cannot validate, or test",
                        "every sample in one place",
                    ));
                }
                None => {
                    return Err(Error::invalid(
                        format!("splits of {} with sample {i}", self.0.name),
                        format!("it has {samples} samples"),
                        format!("numbers from 0 to {}", samples.saturating_sub(1)),
                    ));
                }
            }
        }
        let name = format!("{}, own splits", self.0.name);
        Ok(Dataset(Arc::new(Inner { name, train, validation, test, ..(*self.0).clone() })))
    }

    /// A smaller set of `n` samples, with the splits in proportion: for a quick try.
    pub fn take(&self, n: impl Count) -> Dataset {
        let n = n.to_size().min(self.len());
        let share = |len: usize| (n * len + self.len() / 2) / self.len().max(1);
        // Evenly over the split: data that are sorted by class keep all their classes.
        let pick = |split: &[u32], keep: usize| -> Vec<u32> {
            (0..keep).map(|i| split[i * split.len() / keep]).collect()
        };
        let (_, v, t) = self.sizes();
        let (v, t) = (share(v).min(v), share(t).min(t));
        let d = &self.0;
        Dataset(Arc::new(Inner {
            name: format!("{}[{n}]", d.name),
            train: pick(&d.train, n.saturating_sub(v + t).min(d.train.len())),
            validation: pick(&d.validation, v),
            test: pick(&d.test, t),
            ..(**d).clone()
        }))
    }

    /// The name.
    pub fn name(&self) -> String {
        self.0.name.clone()
    }

    /// The task.
    pub fn task(&self) -> Task {
        self.0.task.clone()
    }

    /// The shape of one input.
    pub fn shape(&self) -> Shape {
        self.0.shape.clone()
    }

    /// The words of the classes in the order of their numbers: those of the file they were read
    /// from, otherwise the numbers themselves. Empty where there are no classes.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// assert_eq!(Dataset::names().classes(), ["female", "male"]);
    /// assert_eq!(Dataset::digits().classes()[9], "9");
    /// ```
    pub fn classes(&self) -> Vec<String> {
        match &self.0.task {
            Task::Classification { classes } if self.0.classes.is_empty() => {
                (0..*classes).map(|c| c.to_string()).collect()
            }
            _ => self.0.classes.clone(),
        }
    }

    /// The same data with words for its classes, in the order of their numbers.
    ///
    /// # Errors
    /// When there is not exactly one word per class.
    pub fn with_classes<S: Into<String>>(
        &self,
        words: impl IntoIterator<Item = S>,
    ) -> Result<Dataset> {
        let words: Vec<String> = words.into_iter().map(Into::into).collect();
        let wanted = self.classes().len();
        if words.len() != wanted {
            return Err(Error::invalid(
                format!("with_classes of {} words", words.len()),
                format!("the data {} have {wanted} classes", self.0.name),
                "one word for each class, in the order of their numbers",
            ));
        }
        Ok(self.with(|d| d.classes = words))
    }

    /// The number of samples in all splits.
    pub fn len(&self) -> usize {
        self.0.train.len() + self.0.validation.len() + self.0.test.len()
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What one should know about how the data were read: what was left out, and what may have been
    /// meant differently. The data's card shows these notes below its first line.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let x = vec![0.5; 10 * 16 * 16 * 3];
    /// let labels = (0..10).map(|i| i % 2).collect();
    /// let data = Dataset::classification("photos", x, [16, 16, 3], labels, 2)?;
    /// assert!(data.notes()[0].contains("16 channels"));
    /// assert_eq!(data.channels_last()?.shape().dims(), [3, 16, 16]);
    /// # Ok::<(), nascent::Error>(())
    /// ```
    pub fn notes(&self) -> Vec<String> {
        let mut notes = self.0.notes.clone();
        notes.extend(self.channels_note());
        notes.extend(self.one_class_note());
        notes
    }

    /// What to say about labels that are all the same.
    fn one_class_note(&self) -> Option<String> {
        let Task::Classification { .. } = self.0.task else { return None };
        let y = self.0.y.to_vec1::<u32>().ok()?;
        let (first, rest) = y.split_first()?;
        let word = self.classes().get(*first as usize).cloned()?;
        let alike = rest.iter().all(|label| label == first);
        alike.then(|| format!("every sample is of class {word:?}: there is nothing to tell apart"))
    }

    /// The samples in the train, validation and test splits.
    pub fn sizes(&self) -> (usize, usize, usize) {
        (self.0.train.len(), self.0.validation.len(), self.0.test.len())
    }

    /// The number of samples of a split, which every step of a training asks for.
    pub(crate) fn count(&self, split: Split) -> usize {
        let (train, validation, test) = self.sizes();
        match split {
            Split::Train => train,
            Split::Validation => validation,
            Split::Test => test,
            Split::TrainValidation => train + validation,
        }
    }

    pub(crate) fn indices(&self, split: Split) -> Vec<u32> {
        let d = &self.0;
        match split {
            Split::Train => d.train.clone(),
            Split::Validation => d.validation.clone(),
            Split::Test => d.test.clone(),
            Split::TrainValidation => [&d.train[..], &d.validation[..]].concat(),
        }
    }

    /// The inputs and targets of a split, on the CPU: `[N, ...]`, and `[N]` classes, `[N, outputs]`
    /// targets or `[N, L]` tokens.
    ///
    /// # Errors
    /// Only what Candle reports.
    pub fn tensors(&self, split: Split) -> Result<(Tensor, Tensor)> {
        self.gather(&self.indices(split), &Device::Cpu)
    }

    /// All inputs and targets on a device, for [`Dataset::indices`] to choose from.
    pub(crate) fn on(&self, device: &Device) -> Result<(Tensor, Tensor)> {
        Ok((self.0.x.to_device(device)?, self.0.y.to_device(device)?))
    }

    pub(crate) fn gather(&self, indices: &[u32], device: &Device) -> Result<(Tensor, Tensor)> {
        let (x, y) = self.on(device)?;
        let i = Tensor::new(indices, device)?;
        Ok((x.index_select(&i, 0)?, y.index_select(&i, 0)?))
    }

    /// The values of the first samples of the training split.
    fn first_samples(&self, most: usize) -> Option<Vec<Vec<f32>>> {
        let first: Vec<u32> = self.indices(Split::Train).into_iter().take(most).collect();
        let (x, _) = self.gather(&first, &Device::Cpu).ok()?;
        x.flatten_from(1).ok()?.to_vec2().ok()
    }

    /// The first samples of the training split as a strip of pictures, for images of one channel, or three,
    /// and for signals of one value per position.
    pub(crate) fn samples_svg(&self) -> Option<String> {
        if let ([l, 1], None) = (self.0.shape.as_slice(), self.0.shape.vocabulary()) {
            return self.signals_svg(*l);
        }
        let [1, h, w] = self.0.shape.as_slice()[..] else {
            return self.photographs_svg().filter(|_| self.0.shape.channels() == 3);
        };
        if matches!(self.0.files, Some(Files::Images(_))) {
            return self.photographs_svg();
        }
        // Every pixel is an element of the picture, so fewer samples of large images are shown.
        let images = self.first_samples((4096 / (h * w).max(1)).clamp(1, 16))?;
        let (gap, most) = (1, images.iter().flatten().copied().fold(f32::MIN_POSITIVE, f32::max));
        let (width, height) = (images.len() * (w + gap) + gap, h + 2 * gap);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" aria-label=\"samples\" \
             viewBox=\"0 0 {width} {height}\" width=\"{}\" shape-rendering=\"crispEdges\" \
             style=\"max-width:100%;height:auto;background:#fcfcfa;border-radius:6px\">",
            (5 * width).min(800)
        );
        for (n, image) in images.iter().enumerate() {
            for (i, &v) in image.iter().enumerate() {
                let ink = 255.0 * (1.0 - (v / most).clamp(0.0, 1.0));
                if ink < 250.0 {
                    let (x, y) = (gap + n * (w + gap) + i % w, gap + i / w);
                    let ink = ink as u8;
                    svg += &format!(
                        "<rect x=\"{x}\" y=\"{y}\" width=\"1\" height=\"1\" fill=\"rgb({ink},{ink},{ink})\"/>"
                    );
                }
            }
        }
        Some(svg + "</svg>")
    }

    /// Signals of `l` positions, each from left to right on a scale of its own.
    fn signals_svg(&self, l: usize) -> Option<String> {
        let (signals, width, height, gap) = (self.first_samples(8)?, 84.0, 52.0, 8.0);
        // Of long signals only as many points are drawn as can be seen.
        let every = (l / 400).max(1);
        let total = signals.len() as f64 * (width + gap) + gap;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" aria-label=\"samples\" \
             viewBox=\"0 0 {total} {}\" width=\"{total}\" \
             style=\"max-width:100%;height:auto;background:#fcfcfa;border-radius:6px\">",
            height + 2.0 * gap
        );
        for (n, signal) in signals.iter().enumerate() {
            let (lo, hi) =
                signal.iter().fold((f32::MAX, f32::MIN), |(a, b), &v| (a.min(v), b.max(v)));
            let left = gap + n as f64 * (width + gap);
            let place = |(i, &v): (usize, &f32)| {
                let across = left + i as f64 / (l.max(2) - 1) as f64 * width;
                let share = f64::from((v - lo) / (hi - lo).max(f32::MIN_POSITIVE));
                format!("{across:.1},{:.1}", gap + height * (1.0 - share))
            };
            let places: Vec<String> = signal.iter().enumerate().step_by(every).map(place).collect();
            svg += &format!(
                "<polyline points=\"{}\" fill=\"none\" stroke=\"#0072B2\" stroke-width=\"1.5\" \
                 stroke-linejoin=\"round\"/>",
                places.join(" ")
            );
        }
        Some(svg + "</svg>")
    }

    /// A short name for the data, the same in every run: a hash of values, targets and splits.
    pub fn fingerprint(&self) -> u64 {
        *self.0.fingerprint.0.get_or_init(|| self.hash())
    }

    fn hash(&self) -> u64 {
        let mut h = Hash64::new();
        h.write(self.0.shape.to_string().as_bytes());
        h.write(self.0.task.to_string().as_bytes());
        for t in [&self.0.x, &self.0.y] {
            let flat = t.flatten_all().and_then(|t| t.to_dtype(candle_core::DType::F32));
            let values = flat.and_then(|t| t.to_vec1::<f32>()).unwrap_or_default();
            values.iter().for_each(|v| h.write(&v.to_le_bytes()));
        }
        for split in [&self.0.train, &self.0.validation, &self.0.test] {
            split.iter().for_each(|i| h.write(&i.to_le_bytes()));
        }
        h.finish()
    }
}

/// The inputs before they become a tensor.
enum Values {
    Numbers(Vec<f32>),
    Symbols(Vec<u32>),
}

/// Where 60 : 20 : 20 divides a list.
fn cuts(n: usize) -> (usize, usize) {
    let fifth = (n / 5).max(1);
    (n - 2 * fifth, n - fifth)
}

/// A feature, or channel, without a name.
fn feature(c: usize) -> String {
    format!("feature {c}")
}

fn numbers(x: &Numbers, shape: &Shape, samples: usize) -> Vec<String> {
    let mut problems = vec![];
    if samples < 5 {
        problems.push(format!("{samples} samples cannot be split; at least 5 are needed."));
    }
    let wanted = samples.saturating_mul(shape.elements());
    if x.len() != wanted {
        problems.push(format!(
            "{} values for {samples} samples of {shape} = {wanted} values. Give one sample after the other.",
            x.len()
        ));
    }
    problems.extend(not_finite("value", x));
    problems
}

/// What is wrong with labelled samples that are few, or all alike.
fn too_few(sample: &str, samples: usize, classes: &[String]) -> Vec<String> {
    let mut problems = vec![];
    if samples < 5 {
        let s = if samples == 1 { "" } else { "s" };
        problems.push(format!(
            "{samples} {sample}{s} cannot be split: at least 5 are needed. Add more."
        ));
    }
    if let [one] = classes {
        problems.push(format!(
            "every {sample} is of one class, {one:?}: at least two classes are needed. Add {sample}s \
             of another class."
        ));
    }
    problems
}

fn not_finite(what: &str, values: &Numbers) -> Option<String> {
    let (i, v) = values.unfit()?;
    Some(match v.is_finite() {
        true => format!(
            "{what} {i} is {v:e}, larger than 32-bit numbers can be. Divide all by 1e{}.",
            v.abs().log10().floor()
        ),
        false => format!("{what} {i} is {v}; only finite numbers are allowed. Fill or drop it."),
    })
}

fn refuse(name: &str, problems: Vec<String>) -> Result<()> {
    if problems.is_empty() {
        return Ok(());
    }
    Err(Error::all(&format!("the data set \"{name}\""), &problems))
}

impl Dataset {
    /// The data in a line.
    pub(crate) fn line(&self) -> String {
        let (a, b, c) = self.sizes();
        format!(
            "{}: {}, inputs of {}, {a} train + {b} validation + {c} test samples",
            self.0.name, self.0.task, self.0.shape
        )
    }

    /// What to say of splits in which a single sample moves the score.
    fn few_note(&self) -> Option<String> {
        let Task::Classification { .. } = self.0.task else { return None };
        let (_, validation, test) = self.sizes();
        let few = [("validation", validation), ("test", test)].into_iter();
        let few = few.filter(|(_, n)| (1..FEW).contains(n)).map(|(split, n)| {
            format!("{split} has {}, one is {:.2} of accuracy", plural(n, "sample"), 1.0 / n as f64)
        });
        let few: Vec<String> = few.collect();
        let chance = "small differences between architectures are chance";
        (!few.is_empty()).then(|| format!("{}: {chance}", few.join("; ")))
    }
}

/// The data's card: the data in one line, and what their reader decided or noticed, one line each.
impl fmt::Display for Dataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line())?;
        let notes = self.notes().into_iter().chain(self.few_note());
        notes.into_iter().try_for_each(|note| write!(f, "\n  {note}"))
    }
}

crate::draw::debug_as_display!(Dataset);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_are_disjoint_complete_and_stratified() {
        let data = Dataset::digits();
        let mut all =
            [Split::Train, Split::Validation, Split::Test].map(|s| data.indices(s)).concat();
        all.sort_unstable();
        assert_eq!(all, (0..1797).collect::<Vec<u32>>());
        for split in [Split::Train, Split::Validation, Split::Test] {
            let (_, y) = data.tensors(split).unwrap();
            let y = y.to_vec1::<u32>().unwrap();
            for class in 0..10 {
                let share = y.iter().filter(|&&v| v == class).count() as f64 / y.len() as f64;
                assert!((0.09..0.11).contains(&share), "{split:?} class {class}: {share}");
            }
        }
    }

    #[test]
    fn the_card_tells_when_a_sample_decides() {
        let labels = |n| (0..n).map(|i| i % 2).collect();
        let make = |n: usize| Dataset::classification("d", vec![0.0; n], [1], labels(n as u32), 2);
        let few = make(60).unwrap();
        let (_, validation, _) = few.sizes();
        let told = format!("validation has {validation} samples, one is ");
        assert!(few.to_string().contains(&told) && few.notes().is_empty(), "{few}");
        assert!(!make(4000).unwrap().to_string().contains("chance"));
    }

    #[test]
    fn the_first_samples_are_drawn() {
        let svg = Dataset::mnist1d().samples_svg().unwrap();
        assert_eq!(svg.matches("<polyline").count(), 8);
        // A signal that never moves, and one of a single position.
        for l in [1, 3] {
            let labels = (0..40).map(|i| i % 2).collect();
            let flat = Dataset::classification("flat", vec![0.5; 40 * l], [l, 1], labels, 2);
            let svg = flat.unwrap().samples_svg().unwrap();
            assert!(svg.contains("<polyline") && !svg.contains("NaN"), "{svg}");
        }
        assert!(Dataset::digits().samples_svg().unwrap().contains("<rect"));
        assert!(Dataset::names().samples_svg().is_none());
    }

    #[test]
    fn a_part_keeps_all_classes() {
        let labels: Vec<u32> = (0..1000).map(|i| i / 100).collect();
        let data = Dataset::classification("sorted", vec![0.0; 1000], [1], labels, 10).unwrap();
        for n in [100, 160, 997] {
            let part = data.take(n);
            assert_eq!(part.len(), n);
            let (_, y) = part.tensors(Split::Train).unwrap();
            let mut y = y.to_vec1::<u32>().unwrap();
            y.dedup();
            assert_eq!(y.len(), 10, "{n}");
        }
        assert_eq!(data.take(usize::MAX).len(), 1000);
        assert!(data.take(0).is_empty());
    }

    #[test]
    fn embedded_data_are_known_by_what_was_done_to_them() {
        let all = [Dataset::digits(), Dataset::mnist1d(), Dataset::names(), Dataset::names_text()];
        for data in all {
            let mut derived = vec![
                data.clone(),
                data.take(200),
                data.split(0.7, 0.1, 0.2).unwrap().take(300),
                data.validation_share(0.125).unwrap(),
                data.take(400).folds(3).unwrap().swap_remove(2),
            ];
            if data.shape().vocabulary().is_none() {
                derived
                    .push(data.folds(3).unwrap().swap_remove(1).standardised().unwrap().take(90));
            }
            for data in derived {
                let found = Dataset::embedded(&data.name()).unwrap();
                assert_eq!(found.fingerprint(), data.fingerprint(), "{}", data.name());
            }
        }
        for name in
            ["", "mine", "digits[x]", "digits, fold 9 of 3", "digits, fold 0 of 3", ", ", "]"]
        {
            assert!(Dataset::embedded(name).is_none(), "{name}");
        }
    }

    #[test]
    fn bad_data_is_refused_with_all_reasons() {
        let e = Dataset::classification("d", vec![0.0, f32::NAN, 1.0], [2], vec![0, 3], 2);
        let text = e.unwrap_err().to_string();
        for part in
            ["3 values for 2 samples", "value 1 is NaN", "label of sample 1 is 3", "2 samples"]
        {
            assert!(text.contains(part), "{text}");
        }
    }
}
