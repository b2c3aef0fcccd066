//! Evaluation: how good one architecture is, for a budget and a seed.

mod benchmark;
mod custom;
mod heritage;
mod kept;
mod lesson;
mod number;
mod paths;
mod shelf;
mod shelf_files;
mod shelved;
mod supernet;
mod supernet_memory;
mod supernet_saved;
mod table;
mod telling;
mod train;
mod training;
mod watch;

pub use benchmark::{Mnist1dBench, NasBench201};
pub use custom::{AnyEvaluator, IntoEvaluation, IntoEvaluator, IntoOutcome, evaluator};
pub(crate) use heritage::Ancestor;
pub(crate) use kept::{Kept, set};
pub(crate) use shelf::Shelf;
pub(crate) use supernet::Going;
pub use supernet::Supernet;
pub use table::Table;
pub use train::Train;
pub use training::{Checkpoint, Training};
pub(crate) use training::{clip, loss, measured};
pub use watch::Watch;

use crate::count::Count;
use crate::data::{Dataset, Split};
use crate::error::{Error, ErrorKind, Result};
use crate::model::Model;
use crate::rng::Rng;
use crate::space::{Architecture, Space};
use crate::task::Metric;
use number::Number;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What one evaluation may spend, and its seed. Besides these, its result depends on the architecture
/// alone.
///
/// ```
/// use nascent::Budget;
/// let budget = Budget::new(3, 12, 7);
/// assert_eq!((budget.epochs_allowed(), budget.full(), budget.seed()), (3, 12, 7));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Budget {
    epochs: usize,
    full: usize,
    seed: u64,
    /// Whether nothing says how many epochs a full evaluation takes; see [`Evaluator::full`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    open: bool,
}

impl Budget {
    /// `epochs` of a full budget of `full`, with a seed. Learning-rate schedules span `full`.
    pub fn new(epochs: impl Count, full: impl Count, seed: impl Count) -> Self {
        Budget { epochs: epochs.to_size(), full: full.to_size(), seed: seed.to_seed(), open: false }
    }

    /// The full budget of an evaluator that has not said how many epochs that is.
    pub(crate) fn open(seed: u64) -> Self {
        Budget { epochs: 1, full: 1, seed, open: true }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.open
    }

    /// The same with another seed.
    pub(crate) fn seeded(&self, seed: u64) -> Self {
        Budget { seed, ..*self }
    }

    /// The budget of an evaluator whose full budget is this many epochs: that one, where nothing around
    /// it says how many.
    pub(crate) fn or_full(&self, full: usize) -> Self {
        if self.open { Budget::new(full, full, self.seed) } else { *self }
    }

    /// The epochs to spend: the fidelity of this evaluation. 1 where the evaluator has not said how
    /// many a full evaluation takes.
    pub fn epochs_allowed(&self) -> usize {
        self.epochs
    }

    /// The epochs of the full budget.
    pub fn full(&self) -> usize {
        self.full
    }

    /// The seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// A stream of random numbers from the seed, for an evaluator of your own.
    pub fn rng(&self) -> Rng {
        Rng::from_u64(self.seed)
    }
}

impl std::fmt::Display for Budget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.open {
            true => write!(f, "a full evaluation, seed {}", self.seed),
            false => write!(f, "{} of {} epochs, seed {}", self.epochs, self.full, self.seed),
        }
    }
}

/// What one evaluation found.
///
/// ```
/// use nascent::Evaluation;
/// let e = Evaluation::new(0.93).with("latency", 1.7).with_curve([0.8, 0.93]).with_epochs(2.0);
/// assert_eq!((e.score(), e.get("latency")), (0.93, Some(1.7)));
/// ```
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Evaluation {
    score: Number,
    #[serde(default)]
    metrics: BTreeMap<String, Number>,
    /// The score after every epoch.
    #[serde(default)]
    curve: Vec<Number>,
    /// The training loss of every epoch.
    #[serde(default)]
    losses: Vec<Number>,
    /// The epochs that were spent, if they are not the budget's.
    #[serde(default)]
    epochs: Option<Number>,
    /// Simulated seconds, where the evaluation looks its result up instead of computing it.
    #[serde(default)]
    seconds: Option<Number>,
    /// The weights of all options, in a one-shot search.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    options: Vec<Number>,
    /// Figures that have no value here, and why.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    undefined: BTreeMap<String, String>,
}

impl Evaluation {
    /// A result with a score; the evaluator says which way is better.
    pub fn new(score: f64) -> Self {
        Evaluation { score: Number(score), ..Default::default() }
    }

    /// With the weights of all options of a one-shot search.
    pub(crate) fn with_option_weights(&self, weights: Vec<f64>) -> Self {
        Evaluation { options: weights.into_iter().map(Number).collect(), ..self.clone() }
    }

    /// In a one-shot search: the weights of all options after this epoch, choice by choice; empty elsewhere.
    pub fn option_weights(&self) -> Vec<f64> {
        self.options.iter().map(|w| w.0).collect()
    }

    /// With a further figure, by name.
    #[must_use = "it returns a new value and leaves this one as it is"]
    pub fn with(&self, name: &str, value: f64) -> Self {
        let mut e = self.clone();
        e.metrics.insert(name.to_string(), Number(value));
        e.undefined.remove(name);
        e
    }

    /// Without a figure that is undefined here, and why: no number would be true, and infinity
    /// or an arbitrary value would be read as a bad result.
    ///
    /// ```
    /// use nascent::Evaluation;
    /// let e = Evaluation::new(0.1).without("r2", "all targets are 3");
    /// assert_eq!((e.get("r2"), e.undefined("r2")), (None, Some("all targets are 3".to_string())));
    /// ```
    #[must_use = "it returns a new value and leaves this one as it is"]
    pub fn without(&self, name: &str, why: &str) -> Self {
        let mut e = self.clone();
        e.metrics.remove(name);
        e.undefined.insert(name.to_string(), why.to_string());
        e
    }

    /// Why a figure is undefined, where the evaluation said so.
    pub fn undefined(&self, name: &str) -> Option<String> {
        self.undefined.get(name).cloned()
    }

    /// All figures that are undefined, each with its reason.
    pub(crate) fn all_undefined(&self) -> impl Iterator<Item = (&String, &String)> {
        self.undefined.iter()
    }

    /// The same with another score.
    pub(crate) fn scored(&self, score: f64) -> Self {
        Evaluation { score: Number(score), ..self.clone() }
    }

    /// With the score after every epoch.
    #[must_use = "it returns a new value and leaves this one as it is"]
    pub fn with_curve(&self, curve: impl IntoIterator<Item = f64>) -> Self {
        Evaluation { curve: curve.into_iter().map(Number).collect(), ..self.clone() }
    }

    /// With the training loss of every epoch.
    #[must_use = "it returns a new value and leaves this one as it is"]
    pub fn with_losses(&self, losses: impl IntoIterator<Item = f64>) -> Self {
        Evaluation { losses: losses.into_iter().map(Number).collect(), ..self.clone() }
    }

    /// With the epochs that were actually spent.
    #[must_use = "it returns a new value and leaves this one as it is"]
    pub fn with_epochs(&self, epochs: f64) -> Self {
        Evaluation { epochs: Some(Number(epochs)), ..self.clone() }
    }

    /// With simulated seconds, which stand for the measured ones in every report.
    #[must_use = "it returns a new value and leaves this one as it is"]
    pub fn with_seconds(&self, seconds: f64) -> Self {
        Evaluation { seconds: Some(Number(seconds)), ..self.clone() }
    }

    /// The score.
    pub fn score(&self) -> f64 {
        self.score.0
    }

    /// A further figure.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.metrics.get(name).map(|v| v.0)
    }

    /// All further figures.
    pub fn metrics(&self) -> Vec<(String, f64)> {
        self.metrics.iter().map(|(name, v)| (name.clone(), v.0)).collect()
    }

    /// The score after every epoch.
    pub fn curve(&self) -> Vec<f64> {
        self.curve.iter().map(|v| v.0).collect()
    }

    /// The training loss of every epoch.
    pub fn losses(&self) -> Vec<f64> {
        self.losses.iter().map(|v| v.0).collect()
    }

    /// The epochs that were spent, where the evaluation said so.
    pub fn epochs_spent(&self) -> Option<f64> {
        self.epochs.map(|v| v.0)
    }

    /// The simulated seconds, where the evaluation said so.
    pub fn seconds_spent(&self) -> Option<f64> {
        self.seconds.map(|v| v.0)
    }
}

/// How good is an architecture? The answer comes from a training ([`Train`]), a closure
/// ([`evaluator`]), or a type of your own with this trait, even one that is defined in a notebook cell.
///
/// The result must be a pure function of architecture, budget and seed: that is what makes a study
/// repeatable on any number of threads.
///
/// ```
/// use nascent::prelude::*;
///
/// struct Small;
/// impl Evaluator for Small {
///     fn evaluate(&self, arch: &Architecture, _: &Budget) -> Result<Evaluation> {
///         Ok(Evaluation::new(arch.params() as f64))
///     }
///     fn metric(&self) -> Metric {
///         Metric::minimise("parameters")
///     }
/// }
///
/// let space = Space::new([8], Task::classification(2)).then(linear(any([4, 8, 16])));
/// let study = Study::new(&space, Small).strategy(Grid).trials(3).quiet().run()?;
/// assert_eq!(study.best()?.architecture().to_string(), "linear(4)");
/// # Ok::<(), nascent::Error>(())
/// ```
///
/// An evaluator that wraps another one names it, and by default answers as that one does: metric, epochs,
/// memory, problems with the settings, and so on.
///
/// ```
/// use nascent::prelude::*;
///
/// struct Twice(Train);
/// impl Evaluator for Twice {
///     fn evaluate(&self, arch: &Architecture, budget: &Budget) -> Result<Evaluation> {
///         let again = Budget::new(budget.epochs_allowed(), budget.full(), budget.seed() + 1);
///         let (a, b) = (self.0.evaluate(arch, budget)?, self.0.evaluate(arch, &again)?);
///         Ok(Evaluation::new((a.score() + b.score()) / 2.0))
///     }
///     fn wraps(&self) -> Option<&dyn Evaluator> {
///         Some(&self.0)
///     }
/// }
///
/// let data = Dataset::digits().take(200);
/// let space = Space::on(&data).then(linear(any([8, 16])));
/// let study = Study::new(&space, Twice(Train::on(&data).epochs(2))).trials(2).quiet().run()?;
/// assert_eq!((study.metric().name, study.best()?.budget().full()), ("accuracy".to_string(), 2));
/// # Ok::<(), nascent::Error>(())
/// ```
pub trait Evaluator: Send + Sync {
    /// Evaluates one architecture.
    ///
    /// # Errors
    /// An error makes the trial a failed one; the study goes on.
    fn evaluate(&self, arch: &Architecture, budget: &Budget) -> Result<Evaluation>;

    /// The same for a study that watches: a long evaluation asks the watch whether to go on, and reports
    /// its epochs to it. By default it is just [`Evaluator::evaluate`].
    ///
    /// # Errors
    /// As [`Evaluator::evaluate`], and what [`Watch::check`] says.
    fn evaluate_watched(
        &self,
        arch: &Architecture,
        budget: &Budget,
        watch: &Watch,
    ) -> Result<Evaluation> {
        let _ = watch;
        self.evaluate(arch, budget)
    }

    /// The network of an evaluation, with the weights that it ended with.
    ///
    /// # Errors
    /// By default: only a training has such a network.
    #[doc(hidden)]
    fn trained(&self, arch: &Architecture, budget: &Budget, watch: &Watch) -> Result<Model> {
        match self.wraps() {
            Some(inner) => inner.trained(arch, budget, watch),
            None => Err(Error::invalid(
                format!("the trained network of {arch}"),
                format!("{} leaves none", self.describe()),
                "a study with Train::on(&data); or Model::new(&architecture, &Device::Cpu, 1), and train it",
            )),
        }
    }

    /// The evaluator that this one wraps, if any. Then it answers for this one wherever this one does not
    /// answer itself.
    fn wraps(&self) -> Option<&dyn Evaluator> {
        None
    }

    /// The names of the further figures that every evaluation has: an objective that is not among them is
    /// then refused before anything runs. `None` where they are not known beforehand; the first
    /// evaluation then shows them. A wrapped evaluator is not asked.
    fn figures(&self) -> Option<Vec<String>> {
        None
    }

    /// How to get a figure that is not among [`Evaluator::figures`], in words.
    #[doc(hidden)]
    fn how_to_report(&self, figure: &str) -> Option<String> {
        let _ = figure;
        None
    }

    /// The split of its data that the score is measured on, if there is one; the report names it. A
    /// wrapped evaluator is not asked.
    fn split(&self) -> Option<Split> {
        None
    }

    /// Whether it asks its [`Watch`] at least once per batch step, so that it ends midway when the study
    /// is stopped or the trial is over its time limit. All others run until they return.
    fn stops_midway(&self) -> bool {
        false
    }

    /// Whether it only looks its results up, in less time than it takes to wake a thread. A study then
    /// evaluates one trial after the other on its own thread, unless its `jobs` are set. No result
    /// depends on this.
    fn looks_up(&self) -> bool {
        self.wraps().is_some_and(Evaluator::looks_up)
    }

    /// The best value that any architecture has, where it is known: of the score, or of a further
    /// figure in the score's direction. Regret is measured from it. A wrapped evaluator is not asked.
    fn known_optimum(&self, figure: Option<&str>) -> Option<f64> {
        let _ = figure;
        None
    }

    /// The bytes that evaluating the architecture needs, if that can be estimated.
    fn memory(&self, arch: &Architecture) -> Option<usize> {
        self.wraps()?.memory(arch)
    }

    /// A fingerprint of the data, so that a journal is not continued on other data; 0 for none.
    fn data_fingerprint(&self) -> u64 {
        self.wraps().map_or(0, Evaluator::data_fingerprint)
    }

    /// Its settings as JSON, if it can be rebuilt from them. A journal can then be resumed from its path
    /// alone.
    fn to_json(&self) -> Option<String> {
        None
    }

    /// The score's name and direction; by default "score", to be maximised.
    fn metric(&self) -> Metric {
        self.wraps().map_or_else(|| Metric::maximise("score"), Evaluator::metric)
    }

    /// The epochs of a full evaluation; by default 0, which means unknown: a training that is called
    /// inside then uses its own, and an evaluation without epochs counts as 1.
    fn full(&self) -> usize {
        self.wraps().map_or(0, Evaluator::full)
    }

    /// The epochs after which it can give a score, growing, where there are only some, as in a table: a schedule
    /// then looks at those alone. By default there are no such limits.
    fn levels(&self) -> Option<Vec<usize>> {
        self.wraps().and_then(Evaluator::levels)
    }

    /// What it does, for the report.
    fn describe(&self) -> String {
        let name = crate::words::short_type_name::<Self>();
        match self.wraps() {
            Some(inner) => format!("{name}, an evaluator of your own, with {}", inner.describe()),
            None => format!("{name}, an evaluator of your own"),
        }
    }

    /// The seconds that a full evaluation of the architecture would take on one thread, if that can
    /// be estimated quickly.
    fn forecast(&self, arch: &Architecture) -> Option<f64> {
        self.wraps()?.forecast(arch)
    }

    /// The same training on other data, where it is one of ours.
    #[doc(hidden)]
    fn moved(&self, data: &Dataset) -> Option<AnyEvaluator> {
        self.wraps()?.moved(data)
    }

    /// The training of an architecture by itself, where its own scores are of weights that others trained too. One that
    /// wraps such an evaluator makes scores of its own, so it has none.
    #[doc(hidden)]
    fn alone(&self) -> Option<AnyEvaluator> {
        None
    }

    /// The samples of an epoch of training, where it trains.
    #[doc(hidden)]
    fn samples(&self) -> Option<usize> {
        self.wraps()?.samples()
    }

    /// What is wrong with its settings, in words; asked before a study begins.
    fn problems(&self) -> Vec<String> {
        self.wraps().map_or(vec![], Evaluator::problems)
    }

    /// What is wrong with using it on a space, in words; asked before a study begins.
    fn problems_with(&self, space: &Space) -> Vec<String> {
        self.wraps().map_or(vec![], |inner| inner.problems_with(space))
    }

    /// Trains the winner for `epochs` on training and validation data, and tests it once.
    ///
    /// # Errors
    /// By default, because only an evaluator that trains can.
    fn retrain(&self, arch: &Architecture, epochs: usize, seed: u64) -> Result<Retrained> {
        match self.wraps() {
            Some(inner) => inner.retrain(arch, epochs, seed),
            None => Err(Error::new(
                ErrorKind::Missing,
                format!(
                    "{} cannot train a model. Try Train::on(&data).retrain(&architecture, epochs, \
                     seed).",
                    self.describe()
                ),
            )),
        }
    }
}

/// The evaluator of a stored form ([`Evaluator::to_json`]); `None` if it is not of a kind of ours.
///
/// # Errors
/// When what it needs is gone or has changed.
pub(crate) fn from_json(json: &str) -> Option<Result<AnyEvaluator>> {
    if let Some(train) = Train::from_json(json) {
        return Some(Ok(train.into_evaluator()));
    }
    Table::from_json(json).map(|found| found.map(IntoEvaluator::into_evaluator))
}

/// A winner after its final training on training and validation data.
#[derive(Clone, Debug)]
pub struct Retrained {
    pub(crate) model: Model,
    pub(crate) metric: Metric,
    pub(crate) test: f64,
    pub(crate) evaluation: Evaluation,
    pub(crate) epochs: usize,
    pub(crate) seconds: f64,
}

impl Retrained {
    /// The trained network.
    pub fn model(&self) -> Model {
        self.model.clone()
    }

    /// The score on the test split, which nothing has seen before.
    pub fn test_score(&self) -> f64 {
        self.test
    }

    /// The metrics on the test split, without those that are undefined there, such as the r2 of a target
    /// that has the same value in all samples.
    pub fn metrics(&self) -> Vec<(String, f64)> {
        self.evaluation.metrics()
    }

    /// The metric of [`Retrained::test_score`].
    pub fn metric(&self) -> Metric {
        self.metric.clone()
    }

    /// The training loss of every epoch.
    pub fn losses(&self) -> Vec<f64> {
        self.evaluation.losses()
    }
}

impl std::fmt::Display for Retrained {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "test {} {} after {} on train + validation ({}), {}",
            self.metric.name,
            crate::words::score(self.test),
            crate::words::plural(self.epochs, "epoch"),
            crate::words::human_seconds(self.seconds),
            self.model
        )
    }
}
