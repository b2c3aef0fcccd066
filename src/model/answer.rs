//! A model's answer for a sample: a class with its word, a symbol, or numbers.

use crate::chart::{Chart, Confusion};
use crate::data::{Dataset, Meaning, Split};
use crate::error::{Error, Result};
use crate::model::{IntoInputs, Model, inputs};
use crate::task::Task;
use candle_core::Tensor;
use std::fmt;

/// A model's answer for one sample: the most likely class, the most likely symbol, or the values of a
/// regression, in the units of the data.
///
/// It is shown as its word or its values, and compares equal to the number of its class, to its word,
/// or to its only value.
///
/// ```
/// use nascent::prelude::*;
/// let x: Vec<f64> = (0..60).map(f64::from).collect();
/// let labels = (0..60).map(|i| u32::from(i >= 30)).collect();
/// let data = Dataset::classification("sizes", x, [1], labels, 2)?.with_classes(["small", "large"])?;
/// let data = data.standardised()?;
/// let arch = Space::on(&data).then(linear(4)).default_architecture()?;
/// let winner = Train::on(&data).batch_size(8).retrain(&arch, 20, 1)?;
/// let answers = winner.model().predict([3.0, 55.0])?;
/// assert_eq!(answers, ["small", "large"]);
/// assert_eq!((answers[1].class(), answers[1].to_string()), (Some(1), "large".to_string()));
/// # Ok::<(), nascent::Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Answer {
    class: Option<u32>,
    word: String,
    values: Vec<f64>,
}

impl Answer {
    /// The number of the class, or of the symbol; `None` for a regression.
    pub fn class(&self) -> Option<u32> {
        self.class
    }

    /// The word of the class, the character of the symbol, or the values as text.
    pub fn name(&self) -> String {
        self.word.clone()
    }

    /// The value of a regression, or the first of several; `None` for a class.
    pub fn value(&self) -> Option<f64> {
        self.values.first().copied()
    }

    /// The values of a regression with several outputs; empty for a class.
    pub fn values(&self) -> Vec<f64> {
        self.values.clone()
    }

    fn of_class(class: u32, words: &[String]) -> Answer {
        let word = words.get(class as usize).cloned().unwrap_or_else(|| class.to_string());
        Answer { class: Some(class), word, values: vec![] }
    }

    fn of_values(values: Vec<f64>) -> Answer {
        let word = values.iter().map(f64::to_string).collect::<Vec<_>>().join(", ");
        Answer { class: None, word, values }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.word)
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.class {
            Some(_) => write!(f, "{:?}", self.word),
            None => f.write_str(&self.word),
        }
    }
}

impl PartialEq<u32> for Answer {
    fn eq(&self, class: &u32) -> bool {
        self.class == Some(*class)
    }
}

impl PartialEq<f64> for Answer {
    fn eq(&self, value: &f64) -> bool {
        self.values == [*value]
    }
}

impl PartialEq<str> for Answer {
    fn eq(&self, word: &str) -> bool {
        self.word == word
    }
}

impl PartialEq<&str> for Answer {
    fn eq(&self, word: &&str) -> bool {
        self.word == *word
    }
}

impl PartialEq<String> for Answer {
    fn eq(&self, word: &String) -> bool {
        self.word == *word
    }
}

/// The number of samples in a batch.
const AT_ONCE: usize = 256;

impl Model {
    /// An [`Answer`] for each sample, with the word of its class, or with the values of a regression in
    /// the units of the data. The inputs are original data: the model scales them as the data that it was
    /// trained on ([`Dataset::standardised`](crate::Dataset)). A data set that was standardised by the
    /// same numbers is taken as it is.
    ///
    /// A network for the next symbol answers for every position, sample after sample; the answer for the
    /// last position is the symbol that follows.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let data = Dataset::names();
    /// let arch = Space::on(&data).then(seq([embedding(4), flatten()])).default_architecture()?;
    /// let model = Train::on(&data.take(600)).epochs(1).start(&arch, 1)?.model();
    /// let answers = model.predict(["anna", "peter"])?;
    /// assert!(model.classes().contains(&answers[0].name()));
    /// assert_eq!(answers, model.predict([data.encode("anna")?, data.encode("peter")?])?);
    /// assert_eq!(model.probabilities("anna")?[0].len(), 2);
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// When the inputs have another shape than the model's, or contain NaN or infinity; and for a tensor
    /// if the model scales its inputs, since a tensor does not tell whether it was scaled.
    pub fn predict(&self, x: impl IntoInputs) -> Result<Vec<Answer>> {
        let (meaning, task) = (self.meaning(), self.task());
        let words = match task {
            Task::NextToken { .. } => meaning.symbols.iter().map(char::to_string).collect(),
            _ => meaning.classes.clone(),
        };
        let rows = self.outputs(x)?.into_iter();
        Ok(match task {
            Task::Regression { .. } => {
                rows.map(|row| Answer::of_values(real(meaning, &row))).collect()
            }
            _ => rows.map(|row| Answer::of_class(most_likely(&row), &words)).collect(),
        })
    }

    /// The probability of every class, in the order of [`Model::classes`], for each sample; for a network
    /// for the next symbol, that of every symbol for each position. The inputs are those of
    /// [`Model::predict`].
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::new([2], Task::classification(3)).then(linear(8));
    /// let model = Model::new(&space.default_architecture()?, &Device::Cpu, 1)?;
    /// let p = model.probabilities([[0.5, 1.0], [2.0, 0.0]])?;
    /// assert_eq!((p.len(), p[0].len()), (2, 3));
    /// assert!((p[0].iter().sum::<f64>() - 1.0).abs() < 1e-9);
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Model::predict`], and for a regression, which has no probabilities.
    pub fn probabilities(&self, x: impl IntoInputs) -> Result<Vec<Vec<f64>>> {
        if let Task::Regression { .. } = self.task() {
            return Err(Error::invalid(
                "probabilities(...) of a regression",
                "it answers with values, not with classes",
                "model.predict(x)",
            ));
        }
        Ok(self.outputs(x)?.iter().map(|row| softmax(row)).collect())
    }

    /// What a classifier takes for what, on one split of the data: a matrix with a row for each true class.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let data = Dataset::digits().take(600);
    /// let arch = Space::on(&data).then(flatten()).then(linear(16)).default_architecture()?;
    /// let model = Train::on(&data).epochs(2).start(&arch, 1)?.model();
    /// let chart = model.confusion(&data, Split::Validation)?;
    /// assert!(chart.plain().starts_with("True classes and answers\nvalidation split of digits"));
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Model::predict`]; for a model that is no classifier; for data without the model's classes or without
    /// samples in this split.
    pub fn confusion(&self, data: &Dataset, split: Split) -> Result<Chart> {
        let what = || format!("confusion({}, Split::{split:?})", data.name());
        let (own, theirs) = (self.task(), data.task());
        let (Task::Classification { .. }, Task::Classification { .. }) = (&own, &theirs) else {
            let why = format!("the model is for {own}, the data are for {theirs}");
            let how = "a model and data for classification; model.predict((&data, split)) answers for every task";
            return Err(Error::invalid(what(), why, how));
        };
        let (classes, named) = (self.classes(), data.classes());
        // The same classes may stand in another order.
        let place = |(i, name): (usize, &String)| match classes.get(i) == Some(name) {
            true => Some(i),
            false => classes.iter().position(|own| own == name),
        };
        let places: Option<Vec<usize>> = named.iter().enumerate().map(place).collect();
        let Some(places) = places else {
            let why = format!("the model knows {classes:?}, and the data have {named:?}");
            return Err(Error::invalid(
                what(),
                why,
                "data with the classes that it was trained on",
            ));
        };
        let truth: Vec<u32> = data.tensors(split)?.1.flatten_all()?.to_vec1()?;
        if truth.is_empty() {
            let why = format!("there is no sample in the {split} split");
            return Err(Error::invalid(
                what(),
                why,
                "another split, or data.split(0.6, 0.2, 0.2)?",
            ));
        }
        let answers = self.predict((data, split))?;
        let mut counts = vec![vec![0; classes.len()]; classes.len()];
        for (truth, answer) in truth.into_iter().zip(answers) {
            if let (Some(&row), Some(column)) = (places.get(truth as usize), answer.class()) {
                counts[row][column as usize] += 1;
            }
        }
        let shown = format!("{split} split of {}", data.name());
        Ok(Chart::new(Confusion { classes, counts, shown }))
    }

    /// The network's outputs, one row per sample or position.
    fn outputs(&self, x: impl IntoInputs) -> Result<Vec<Vec<f32>>> {
        let x = inputs::read(x, &self.input(), self.meaning())?;
        let n = x.dims().first().copied().unwrap_or_default();
        let mut rows = vec![];
        for first in (0..n).step_by(AT_ONCE) {
            let batch: Tensor = x.narrow(0, first, AT_ONCE.min(n - first))?;
            let y = self.forward(&batch.to_device(&self.device())?)?;
            rows.extend(y.reshape(((), self.task().outputs()))?.to_vec2::<f32>()?);
        }
        Ok(rows)
    }
}

/// The values of a regression in the units of the data.
fn real(meaning: &Meaning, row: &[f32]) -> Vec<f64> {
    let values = row.iter().map(|&v| f64::from(v));
    match &meaning.targets {
        Some(scaling) => values.enumerate().map(|(c, v)| scaling.undo(c, v)).collect(),
        None => values.collect(),
    }
}

/// The index of the largest output, the first of equal ones.
fn most_likely(row: &[f32]) -> u32 {
    let best = (1..row.len()).fold(0, |best, i| if row[i] > row[best] { i } else { best });
    best as u32
}

fn softmax(row: &[f32]) -> Vec<f64> {
    let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let all: Vec<f64> = row.iter().map(|&v| f64::from(v - most).exp()).collect();
    let sum: f64 = all.iter().sum();
    all.iter().map(|v| v / sum).collect()
}
