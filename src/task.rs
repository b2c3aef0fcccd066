//! What is to be learned: the task decides the head, the loss, the metrics and their direction.

use crate::count::Count;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What is to be learned. Data carry it; a space built on the data takes its head from it.
///
/// | task | head | loss | score, and further metrics |
/// |---|---|---|---|
/// | classification | linear, one output per class | cross-entropy | accuracy ↑, loss ↓ |
/// | regression | linear, one output per target | mean squared error | rmse ↓, r2 ↑, loss ↓ |
/// | next token | linear at every position, one output per symbol | cross-entropy | perplexity ↓, accuracy ↑, loss ↓ |
///
/// ```
/// use nascent::Task;
/// let task = Task::classification(10);
/// assert_eq!(task.metrics()[0].name, "accuracy");
/// assert!(task.metrics()[0].maximise);
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
#[must_use = "methods return a new value and leave this one as it is"]
pub enum Task {
    /// One of several classes.
    Classification {
        /// How many classes.
        classes: usize,
    },
    /// One or several real numbers.
    Regression {
        /// How many numbers.
        outputs: usize,
    },
    /// The symbol that follows, at every position of a sequence.
    NextToken {
        /// How many symbols there are.
        vocabulary: usize,
    },
}

/// What [`Train`](crate::Train) can measure of a network on data.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Figure {
    Accuracy,
    Loss,
    Rmse,
    R2,
    Perplexity,
}

impl Figure {
    pub(crate) fn metric(self) -> Metric {
        match self {
            Figure::Accuracy => Metric::maximise("accuracy"),
            Figure::Loss => Metric::minimise("loss"),
            Figure::Rmse => Metric::minimise("rmse"),
            Figure::R2 => Metric::maximise("r2"),
            Figure::Perplexity => Metric::minimise("perplexity"),
        }
    }
}

/// A figure of merit, and which way is better.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[must_use = "methods return a new value and leave this one as it is"]
pub struct Metric {
    /// Its name, as it appears on axes and in tables.
    pub name: String,
    /// Whether more is better.
    pub maximise: bool,
}

impl Metric {
    /// A metric that is better the larger it is.
    pub fn maximise(name: &str) -> Metric {
        Metric { name: name.into(), maximise: true }
    }

    /// A metric that is better the smaller it is.
    pub fn minimise(name: &str) -> Metric {
        Metric { name: name.into(), maximise: false }
    }

    /// The value with its sign turned if needed, so that less is better.
    pub fn turned(&self, value: f64) -> f64 {
        if self.maximise { -value } else { value }
    }

    /// Whether `a` is strictly better than `b`. A NaN is never better, and worse than any number.
    pub fn better(&self, a: f64, b: f64) -> bool {
        !a.is_nan() && (b.is_nan() || if self.maximise { a > b } else { a < b })
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.name, if self.maximise { "maximised" } else { "minimised" })
    }
}

impl Task {
    /// One of `classes` classes.
    pub fn classification(classes: impl Count) -> Task {
        Task::Classification { classes: classes.to_size() }
    }

    /// `outputs` real numbers.
    pub fn regression(outputs: impl Count) -> Task {
        Task::Regression { outputs: outputs.to_size() }
    }

    /// The symbol that follows, out of `vocabulary` symbols.
    pub fn next_token(vocabulary: impl Count) -> Task {
        Task::NextToken { vocabulary: vocabulary.to_size() }
    }

    /// The outputs of the head.
    pub fn outputs(&self) -> usize {
        match *self {
            Task::Classification { classes: n }
            | Task::Regression { outputs: n }
            | Task::NextToken { vocabulary: n } => n,
        }
    }

    /// The name of the loss that training minimises.
    pub fn loss(&self) -> String {
        match self {
            Task::Classification { .. } | Task::NextToken { .. } => "cross-entropy",
            Task::Regression { .. } => "mean squared error",
        }
        .to_string()
    }

    /// The metrics. The first is the score that a search optimises.
    pub fn metrics(&self) -> Vec<Metric> {
        self.figures().iter().map(|figure| figure.metric()).collect()
    }

    pub(crate) fn figures(&self) -> &'static [Figure] {
        use Figure::{Accuracy, Loss, Perplexity, R2, Rmse};
        match self {
            Task::Classification { .. } => &[Accuracy, Loss],
            Task::Regression { .. } => &[Rmse, R2, Loss],
            Task::NextToken { .. } => &[Perplexity, Accuracy, Loss],
        }
    }

    /// The metric that a search optimises.
    pub fn metric(&self) -> Metric {
        self.metrics().swap_remove(0)
    }

    pub(crate) fn is_per_position(&self) -> bool {
        matches!(self, Task::NextToken { .. })
    }

    pub(crate) fn problem(&self) -> Option<String> {
        let least = if matches!(self, Task::Regression { .. }) { 1 } else { 2 };
        let text = || format!("{self}: at least {least} are needed. Give the true number.");
        (self.outputs() < least).then(text)
    }
}

impl From<&Task> for Task {
    fn from(task: &Task) -> Task {
        task.clone()
    }
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Task::Classification { classes } => write!(f, "classification, {classes} classes"),
            Task::Regression { outputs: 1 } => write!(f, "regression, 1 target"),
            Task::Regression { outputs } => write!(f, "regression, {outputs} targets"),
            Task::NextToken { vocabulary } => write!(f, "next token of {vocabulary}"),
        }
    }
}
