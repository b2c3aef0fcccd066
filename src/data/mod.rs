//! Data: one tensor of inputs, one of targets, a task, and fixed splits.

mod digits;

use crate::arch::Shape;
use crate::count::Count;
use crate::error::{Error, ErrorKind, Result};
use crate::rng::{Hash64, Rng};
use crate::task::Task;
use candle_core::{Device, Tensor};
use std::fmt;
use std::sync::Arc;

/// Inputs and targets with a task and fixed train, validation and test splits, held in memory.
///
/// ```
/// use nascent::prelude::*;
/// let data = Dataset::digits();
/// assert_eq!((data.len(), data.shape().dims()), (1797, vec![1, 8, 8]));
/// assert_eq!(data.sizes(), (1078, 360, 359));
///
/// // Data of your own: one row of 2 numbers a sample.
/// let x = vec![0.0, 0.1, 0.9, 1.0, 0.2, 0.0, 1.0, 0.8, 0.1, 0.1];
/// let data = Dataset::classification("two blobs", x, [2], vec![0, 1, 0, 1, 0], 2)?;
/// # Ok::<(), nascent::Error>(())
/// ```
#[derive(Clone)]
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
}

/// A part of the data.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Split {
    /// What weights are fitted to.
    Train,
    /// What architectures are compared on.
    Validation,
    /// What the winner is tested on, once.
    Test,
    /// Train and validation together, for the winner's final training.
    TrainValidation,
}

impl Dataset {
    /// 1,797 handwritten digits of 8x8 pixels in 10 classes (UCI; the copy of scikit-learn), with
    /// pixels from 0 to 1, embedded in the crate.
    pub fn digits() -> Dataset {
        digits::load()
    }

    /// The embedded data of a name, as [`Dataset::name`] gives it: `digits`, or `digits[200]`.
    pub(crate) fn embedded(name: &str) -> Option<Dataset> {
        match name.split_once('[') {
            None => (name == "digits").then(Dataset::digits),
            Some((whole, part)) => {
                let n: usize = part.strip_suffix(']')?.parse().ok()?;
                Some(Dataset::embedded(whole)?.take(n))
            }
        }
    }

    /// Samples of a shape with a class each: `x` holds them one after the other.
    ///
    /// # Errors
    /// When the lengths do not match, a value is no finite number, or a label is not below
    /// `classes`; all of it together.
    pub fn classification<T: Count>(
        name: &str,
        x: Vec<f32>,
        shape: impl IntoIterator<Item = T>,
        labels: Vec<u32>,
        classes: impl Count,
    ) -> Result<Dataset> {
        let task = Task::classification(classes);
        let shape = Shape::new(shape);
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
        let strata = labels.clone();
        let n = labels.len();
        let x = Tensor::from_vec(x, shape.batch(n), &Device::Cpu)?;
        let y = Tensor::from_vec(labels, n, &Device::Cpu)?;
        Ok(Dataset::stratified(name, task, shape, x, y, &strata))
    }

    /// Samples of a shape with `outputs` real targets each.
    ///
    /// # Errors
    /// When the lengths do not match or a value is no finite number.
    pub fn regression<T: Count>(
        name: &str,
        x: Vec<f32>,
        shape: impl IntoIterator<Item = T>,
        targets: Vec<f32>,
        outputs: impl Count,
    ) -> Result<Dataset> {
        let task = Task::regression(outputs);
        let shape = Shape::new(shape);
        let n = targets.len() / task.outputs().max(1);
        let mut problems = numbers(&x, &shape, n);
        if !targets.len().is_multiple_of(task.outputs().max(1)) {
            problems.push(format!(
                "{} targets do not divide into {} a sample. Give them one sample after the other.",
                targets.len(),
                task.outputs()
            ));
        }
        problems.extend(not_finite("target", &targets));
        problems.extend(task.problem());
        refuse(name, problems)?;
        let outputs = task.outputs();
        let x = Tensor::from_vec(x, shape.batch(n), &Device::Cpu)?;
        let y = Tensor::from_vec(targets, (n, outputs), &Device::Cpu)?;
        Ok(Dataset::stratified(name, task, shape, x, y, &vec![0; n]))
    }

    /// A text as numbers, cut into windows of `length` tokens; the target is the token that
    /// follows, at each position. The splits are contiguous, so that no window is seen twice.
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
            problems.push(format!(
                "{} tokens in windows of {length} give {windows} windows; at least 5 are needed. Try shorter windows.",
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
        Ok(Dataset(Arc::new(Inner {
            name: name.into(),
            task,
            shape,
            x,
            y,
            train: order[..a].to_vec(),
            validation: order[a..b].to_vec(),
            test: order[b..].to_vec(),
        })))
    }

    /// Splits 60 : 20 : 20 by a fixed shuffle, each class alike.
    fn stratified(
        name: &str,
        task: Task,
        shape: Shape,
        x: Tensor,
        y: Tensor,
        strata: &[u32],
    ) -> Dataset {
        let mut rng = Rng::from_u64(0);
        let mut of_class: Vec<Vec<u32>> = vec![];
        for (i, &s) in strata.iter().enumerate() {
            if of_class.len() <= s as usize {
                of_class.resize(s as usize + 1, vec![]);
            }
            of_class[s as usize].push(i as u32);
        }
        let (mut train, mut validation, mut test) = (vec![], vec![], vec![]);
        for class in &mut of_class {
            rng.shuffle(class);
        }
        // Dealt like cards, class after class, so that the totals are exact as well.
        for (i, &sample) in of_class.iter().flatten().enumerate() {
            match i % 5 {
                0 | 2 | 4 => train.push(sample),
                1 => validation.push(sample),
                _ => test.push(sample),
            }
        }
        for split in [&mut train, &mut validation, &mut test] {
            split.sort_unstable();
        }
        Dataset(Arc::new(Inner { name: name.into(), task, shape, x, y, train, validation, test }))
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
    /// When a number is not one of a sample, or stands in two places.
    pub fn with_splits(
        &self,
        train: Vec<u32>,
        validation: Vec<u32>,
        test: Vec<u32>,
    ) -> Result<Dataset> {
        let samples = self.0.y.dim(0)?;
        let mut seen = vec![false; samples];
        for &i in [&train, &validation, &test].into_iter().flatten() {
            let twice = match seen.get_mut(i as usize) {
                Some(seen) => std::mem::replace(seen, true),
                None => {
                    return Err(Error::invalid(
                        format!("splits of {} with sample {i}", self.0.name),
                        format!("it has {samples} samples"),
                        format!("numbers from 0 to {}", samples.saturating_sub(1)),
                    ));
                }
            };
            if twice {
                return Err(Error::invalid(
                    format!("splits of {} with sample {i} twice", self.0.name),
                    "what is trained on cannot validate, or test",
                    "every sample in one place",
                ));
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

    /// The same inputs with mean 0 and standard deviation 1 in every channel of an image or feature
    /// of a vector, as measured on the training split. Networks want inputs of about that size.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let x: Vec<f32> = (0..100).map(|i| 100.0 * i as f32).collect();
    /// let y: Vec<f32> = (0..100).map(|i| i as f32 / 100.0).collect();
    /// let data = Dataset::regression("line", x, [1], y, 1)?.standardised()?;
    /// let (x, _) = data.tensors(Split::Train)?;
    /// assert!(x.mean_all()?.to_scalar::<f32>()?.abs() < 1e-3);
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// When the inputs are tokens.
    pub fn standardised(&self) -> Result<Dataset> {
        let d = &self.0;
        if d.shape.vocabulary().is_some() {
            return Err(Error::invalid(
                format!("standardised() on {}", d.name),
                "tokens are no numbers",
                "embedding(...) in the space",
            ));
        }
        let (x, _) = self.tensors(Split::Train)?;
        let channels = x.transpose(0, 1)?.contiguous()?.flatten_from(1)?;
        let mean = channels.mean(1)?;
        let spread = channels.var(1)?.sqrt()?.to_vec1::<f32>()?;
        // What never changes stays what it is.
        let scale: Vec<f32> =
            spread.iter().map(|s| if *s > 1e-12 { 1.0 / s } else { 1.0 }).collect();
        let mut dims = vec![1; x.rank()];
        dims[1] = scale.len();
        let scale = Tensor::from_vec(scale, dims.clone(), &Device::Cpu)?;
        let x = d.x.broadcast_sub(&mean.reshape(dims)?)?.broadcast_mul(&scale)?;
        let name = format!("{}, standardised", d.name);
        Ok(Dataset(Arc::new(Inner { name, x, ..(**d).clone() })))
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

    /// The number of samples in all splits.
    pub fn len(&self) -> usize {
        self.0.train.len() + self.0.validation.len() + self.0.test.len()
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The samples in the train, validation and test splits.
    pub fn sizes(&self) -> (usize, usize, usize) {
        (self.0.train.len(), self.0.validation.len(), self.0.test.len())
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

    fn gather(&self, indices: &[u32], device: &Device) -> Result<(Tensor, Tensor)> {
        let (x, y) = self.on(device)?;
        let i = Tensor::new(indices, device)?;
        Ok((x.index_select(&i, 0)?, y.index_select(&i, 0)?))
    }

    /// The first samples of the training split as a strip of pictures, for images of one channel.
    pub(crate) fn samples_svg(&self) -> Option<String> {
        const SHOWN: usize = 16;
        let [1, h, w] = self.0.shape.as_slice()[..] else { return None };
        let first: Vec<u32> = self.indices(Split::Train).into_iter().take(SHOWN).collect();
        let (x, _) = self.gather(&first, &Device::Cpu).ok()?;
        let images = x.flatten_from(1).ok()?.to_vec2::<f32>().ok()?;
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

    /// A short name for the data, stable between runs: a hash of values, targets and splits.
    pub fn fingerprint(&self) -> u64 {
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

/// Where 60 : 20 : 20 cuts a list.
fn cuts(n: usize) -> (usize, usize) {
    let fifth = (n / 5).max(1);
    (n - 2 * fifth, n - fifth)
}

fn numbers(x: &[f32], shape: &Shape, samples: usize) -> Vec<String> {
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

fn not_finite(what: &str, values: &[f32]) -> Option<String> {
    let i = values.iter().position(|v| !v.is_finite())?;
    Some(format!("{what} {i} is {}; only finite numbers are allowed. Fill or drop it.", values[i]))
}

fn refuse(name: &str, problems: Vec<String>) -> Result<()> {
    if problems.is_empty() {
        return Ok(());
    }
    let e = Error::all(&format!("the data set \"{name}\""), &problems);
    Err(Error::new(ErrorKind::Invalid, e.to_string()))
}

impl fmt::Display for Dataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (a, b, c) = self.sizes();
        write!(
            f,
            "{}: {}, inputs of {}, {a} train + {b} validation + {c} test samples",
            self.0.name, self.0.task, self.0.shape
        )
    }
}

impl fmt::Debug for Dataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

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
