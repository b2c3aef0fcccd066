//! Strategies: which architecture to try next. Each file holds one method and its row; a new strategy is
//! a file, its row in the list of [`strategies`], and its exports.

/// `Debug` for a strategy: how it describes itself.
macro_rules! debug_as_described {
    ($strategy:ident) => {
        impl std::fmt::Debug for $strategy {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&crate::strategy::Strategy::describe(self, 0))
            }
        }
    };
}
pub(crate) use debug_as_described;

mod annealing;
mod auto_keras;
mod bananas;
mod bayesian;
mod candidates;
pub(crate) mod controller;
mod custom;
mod evolution;
mod features;
mod forest;
mod genetic;
mod grid;
mod kernel;
mod local_search;
mod nsga2;
pub(crate) mod parts;
mod policy;
mod ppo;
mod random;
mod reinforce;
mod targets;
mod tpe;
mod warm_start;

pub(crate) use bayesian::fitted_after;
pub(crate) use candidates::{most_useful, pool};
pub(crate) use features::Features;
pub(crate) use kernel::{Kernel, Pair, Parameters};
pub(crate) use targets::{drawn, evenly};

pub use annealing::Annealing;
pub use auto_keras::AutoKeras;
pub use bananas::Bananas;
pub use bayesian::GaussianProcess;
pub use custom::{AnyStrategy, IntoProposal, IntoStrategy, strategy};
pub use evolution::Evolution;
pub use forest::RandomForest;
pub use genetic::Genetic;
pub use grid::Grid;
pub use local_search::LocalSearch;
pub use nsga2::Nsga2;
pub use policy::Odds;
pub use ppo::Ppo;
pub use random::Random;
pub use reinforce::Reinforce;
pub use tpe::Tpe;
pub use warm_start::WarmStart;

use crate::count::Count;
use crate::error::{Error, ErrorKind, Result};
use crate::record::History;
use crate::rng::Rng;
use crate::space::Architecture;
use crate::surrogate::Prediction;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::Path;

/// What to try next? A strategy is asked once per trial.
///
/// It sees the history: the space, and the results it may use. Everything it knows must follow from
/// that and from the stream of random numbers it is given, which is the trial's own; then a study
/// can be resumed and repeated. A type of your own needs this one method:
///
/// ```
/// use nascent::prelude::*;
///
/// /// Mutates the best architecture so far.
/// struct HillClimb;
/// impl Strategy for HillClimb {
///     fn ask(&self, history: &History, rng: &mut Rng) -> Result<Proposal> {
///         match history.best() {
///             Some(best) => Ok(Proposal::child(history.space().mutate(&best.architecture(), rng)?, &best)),
///             None => Ok(history.space().sample(rng)?.into()),
///         }
///     }
/// }
///
/// let space = Space::new([8], Task::classification(2)).then(linear(any([4, 8, 16, 32])));
/// let small = evaluator(|arch, _| -(arch.params() as f64));
/// let study = Study::new(&space, small).strategy(HillClimb).trials(20).quiet().run()?;
/// assert_eq!(study.best()?.architecture().to_string(), "linear(4)");
/// # Ok::<(), nascent::Error>(())
/// ```
pub trait Strategy: Send + Sync {
    /// Proposes the architecture of the next trial, number `history.asked()`.
    ///
    /// # Errors
    /// An error of the kind `Exhausted` ends the study normally; any other stops it with the reason.
    fn ask(&self, history: &History, rng: &mut Rng) -> Result<Proposal>;

    /// Its name and settings, for the report; `trials` is the study's budget.
    fn describe(&self, trials: usize) -> String {
        let _ = trials;
        format!("{}, a strategy of your own", crate::words::short_type_name::<Self>())
    }

    /// Its settings as JSON, if it can be made again from them: then a journal can be resumed from
    /// its path alone.
    fn to_json(&self) -> Option<String> {
        None
    }

    /// What is wrong with its settings, in words; asked before a study begins.
    fn problems(&self) -> Vec<String> {
        vec![]
    }

    /// Where the journal of the study with this seed is, which begins or goes on, if it has one: a strategy
    /// may keep beside it what would take long to compute again.
    #[doc(hidden)]
    fn beside(&self, journal: Option<&Path>, seed: u64) {
        let _ = (journal, seed);
    }

    /// Of a schedule, which says how many epochs each of its proposals has: after how many it looks where a full
    /// evaluation has so many, and there are scores after these alone (none given: after all).
    #[doc(hidden)]
    fn rungs_of(&self, full: usize, levels: &[usize]) -> Option<Result<Vec<usize>>> {
        let _ = (full, levels);
        None
    }

    /// Whether it is a schedule.
    #[doc(hidden)]
    fn is_schedule(&self) -> bool {
        self.rungs_of(1, &[]).is_some()
    }
}

/// A strategy that can say what it believes after the trials of a history: for the charts of
/// [`Study::outlook`](crate::Study::outlook) and [`Study::policy`](crate::Study::policy). It learns from
/// the history anew, so the study need not have been run with it.
///
/// ```
/// use nascent::prelude::*;
///
/// /// Predicts the mean of all scores so far, and prefers the first architecture.
/// struct Mean;
/// impl Strategy for Mean {
///     fn ask(&self, history: &History, rng: &mut Rng) -> Result<Proposal> {
///         Ok(history.space().sample(rng)?.into())
///     }
/// }
/// impl Surrogate for Mean {
///     fn expects(&self, history: &History, architectures: &[Architecture]) -> Result<Vec<Prediction>> {
///         let y: Vec<f64> = history.finished().iter().filter_map(Trial::score).collect();
///         let found = stats::summary(&y)?;
///         let (mean, sd) = (found.mean, found.deviation.unwrap_or(0.0));
///         Ok((0..architectures.len()).map(|i| Prediction::normal(mean, sd, -(i as f64))).collect())
///     }
/// }
///
/// let space = Space::decisions([2, 3]);
/// let study = Study::new(&space, evaluator(|a, _| a.identity() as f64)).trials(4).quiet().run()?;
/// assert!(study.outlook(&Mean, &space.all()?)?.svg().contains("<svg"));
/// assert!(study.policy(&Mean).unwrap_err().to_string().contains("has no policy"));
/// # Ok::<(), nascent::Error>(())
/// ```
pub trait Surrogate: Strategy {
    /// What its model expects of architectures, in their order.
    ///
    /// # Errors
    /// By default: only a strategy with a model can say it.
    fn expects(
        &self,
        history: &History,
        architectures: &[Architecture],
    ) -> Result<Vec<Prediction>> {
        let _ = architectures;
        Err(self.without("model", history))
    }

    /// The name of the acquisition, such as "expected improvement".
    fn prefers_by(&self) -> String {
        "acquisition".to_string()
    }

    /// How likely its policy was to take each option of each decision after 0, 1, 2, ... trials.
    ///
    /// # Errors
    /// By default: only a strategy with a policy can say it.
    fn odds(&self, history: &History) -> Result<Vec<Odds>> {
        Err(self.without("policy", history))
    }

    #[doc(hidden)]
    fn without(&self, what: &str, history: &History) -> Error {
        let name = self.describe(history.trials_planned());
        Error::new(ErrorKind::Missing, format!("{name} has no {what} that could say it"))
    }
}

/// An architecture to try, and where it came from.
#[derive(Clone, Debug)]
#[must_use = "methods return a new value and leave this one as it is"]
pub struct Proposal {
    pub(crate) architecture: Architecture,
    pub(crate) parents: Vec<usize>,
    pub(crate) origin: String,
    /// The epochs of its evaluation, where they are not all of the full budget.
    pub(crate) epochs: Option<usize>,
    /// The trial that it goes on with.
    pub(crate) continues: Option<usize>,
    /// The trial whose weights it begins with.
    pub(crate) inherits: Option<usize>,
    /// Whether later trials may want its weights.
    pub(crate) heritable: bool,
    /// Whether it is a longer training of its parent, from the beginning.
    pub(crate) longer: bool,
}

/// The origin of a trial that is a longer training of another, from its beginning.
pub(crate) const LONGER: &str = "trained longer";

impl Proposal {
    /// An architecture with a word for its origin, such as "random" or "mutation".
    pub fn new(architecture: Architecture, origin: &str) -> Self {
        let origin = origin.to_string();
        let (parents, epochs, continues, inherits) = (vec![], None, None, None);
        let (heritable, longer) = (false, false);
        Proposal { architecture, parents, origin, epochs, continues, inherits, heritable, longer }
    }

    /// Whether it is a further training of something that was tried.
    pub(crate) fn goes_on(&self) -> bool {
        self.continues.is_some() || self.longer
    }

    /// With a budget of some epochs of the full ones: a cheaper look. The learning rate is still that of
    /// the full budget, so that the training can go on later.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::decisions([4, 4, 4]);
    /// let cheap = strategy("a third", |history, rng| {
    ///     Ok(Proposal::new(history.space().sample(rng)?, "random").epochs(history.full_epochs() / 3))
    /// });
    /// let judge = evaluator(|a, budget| a.identity() as f64 * budget.epochs_allowed() as f64).epochs(9);
    /// let study = Study::new(&space, judge).strategy(cheap).trials(4).quiet().run()?;
    /// assert_eq!(study.epochs_paid(), 12.0);
    /// # Ok::<(), nascent::Error>(())
    /// ```
    pub fn epochs(&self, epochs: impl Count) -> Self {
        Proposal { epochs: Some(epochs.to_size()), ..self.clone() }
    }

    /// Goes on with a trial that has finished with fewer epochs, up to this many: the same architecture
    /// with the same seed. What it had already is not paid for again, and its result is that of a training
    /// that was never interrupted.
    pub fn continuing(trial: &crate::record::Trial, epochs: impl Count) -> Self {
        let mut next = Proposal::new(trial.architecture(), "continued").epochs(epochs);
        (next.continues, next.parents) = (Some(trial.number()), vec![trial.number()]);
        next
    }

    /// Begins with the weights that an earlier trial ended with, wherever they fit: those of the same layer at
    /// the same place of the space; of a layer that became narrower or wider, the part that both have. All
    /// others are drawn from the trial's seed as usual. The training has its full budget, and its result
    /// is a function of architecture, budget, seed and that trial.
    ///
    /// A training ([`Train`](crate::Train)) knows what to do with it. Other evaluators take no notice.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let data = Dataset::digits().take(200);
    /// let space = Space::on(&data).then(linear(any([8, 16, 32])));
    /// let grow = strategy("grow", |history, rng| Ok(match history.best() {
    ///     Some(best) => {
    ///         let child = history.space().mutate(&best.architecture(), rng)?;
    ///         Proposal::child(child, &best).inheriting(&best)
    ///     }
    ///     None => Proposal::new(history.space().sample(rng)?, "random").heritable(),
    /// }));
    /// let study = Study::new(&space, Train::on(&data).epochs(2)).strategy(grow).batch(1).trials(3);
    /// let study = study.duplicates(Duplicates::Repeat).quiet().run()?;
    /// assert_eq!(study.trials_done()[1].inherits(), Some(0));
    /// # Ok::<(), nascent::Error>(())
    /// ```
    pub fn inheriting(&self, trial: &crate::record::Trial) -> Self {
        Proposal { inherits: Some(trial.number()), heritable: true, ..self.clone() }
    }

    /// Keeps the weights that its training ends with in memory (as far as there is room, see
    /// [`Study`](crate::Study)), for later trials that [inherit](Proposal::inheriting) them. Weights that
    /// were not kept are trained again when they are wanted: that takes time, and changes nothing.
    pub fn heritable(&self) -> Self {
        Proposal { heritable: true, ..self.clone() }
    }

    /// A mutation of an earlier trial's architecture.
    pub fn child(architecture: Architecture, parent: &crate::record::Trial) -> Self {
        Proposal { parents: vec![parent.number()], ..Proposal::new(architecture, "mutation") }
    }

    /// With the trials that it descends from: two for a crossover.
    pub fn parents(&self, parents: &[crate::record::Trial]) -> Self {
        let parents = parents.iter().map(crate::record::Trial::number).collect();
        Proposal { parents, ..self.clone() }
    }

    /// With the numbers that its trials have elsewhere.
    pub(crate) fn renumbered(&self, numbers: &[usize]) -> Self {
        let there = |n: &usize| numbers.get(*n).copied();
        let parents = self.parents.iter().filter_map(there).collect();
        let [inherits, continues] =
            [self.inherits, self.continues].map(|n| n.as_ref().and_then(there));
        Proposal { parents, inherits, continues, ..self.clone() }
    }

    /// The architecture.
    pub fn architecture(&self) -> Architecture {
        self.architecture.clone()
    }
}

impl From<Architecture> for Proposal {
    fn from(architecture: Architecture) -> Self {
        Proposal::new(architecture, "")
    }
}

/// The name and the settings of a stored form.
pub(crate) fn stored(json: &str) -> Option<(String, serde_json::Value)> {
    let stored: serde_json::Map<String, serde_json::Value> = serde_json::from_str(json).ok()?;
    stored.into_iter().next()
}

/// The strategy of a stored form, by the name it begins with.
pub(crate) fn from_json(json: &str) -> Option<AnyStrategy> {
    let (name, settings) = stored(json)?;
    match row(&name) {
        Some(row) => (row.read)(settings),
        None => warm_start::read(json),
    }
}

/// The name that a strategy is stored by: that of its row, where it is in the table.
pub(crate) fn stored_name(strategy: &AnyStrategy) -> Option<String> {
    Some(stored(&strategy.to_json()?)?.0)
}

/// Whether a strategy is of the row of random search, which others are compared with.
pub(crate) fn is_random(strategy: &AnyStrategy) -> bool {
    let form = strategy.to_json().and_then(|json| stored(&json));
    form.is_some_and(|(name, settings)| {
        name == random::ROW.name && (random::ROW.read)(settings).is_some()
    })
}

/// The row of this name.
pub(crate) fn row(name: &str) -> Option<&'static StrategyInfo> {
    STRATEGIES.iter().chain(ALONE).find(|row| row.name == name)
}

/// A row of the table of strategies.
#[derive(Clone, Debug)]
pub struct StrategyInfo {
    /// Its name.
    pub name: &'static str,
    /// How it chooses, in a line.
    pub about: &'static str,
    /// Where it was described.
    pub paper: &'static str,
    /// Makes the strategy with its default settings.
    pub make: fn() -> AnyStrategy,
    /// Makes the strategy from stored settings.
    pub(crate) read: fn(serde_json::Value) -> Option<AnyStrategy>,
}

impl StrategyInfo {
    /// The stored form of a strategy of this row.
    pub(crate) fn stored(&self, settings: &impl Serialize) -> Option<String> {
        Some(serde_json::json!({ self.name: settings }).to_string())
    }
}

/// A strategy from its settings.
pub(crate) fn read<S: Strategy + DeserializeOwned + 'static>(
    settings: serde_json::Value,
) -> Option<AnyStrategy> {
    Some(serde_json::from_value::<S>(settings).ok()?.into_strategy())
}

/// The table of strategies.
///
/// ```
/// let names: Vec<&str> = nascent::strategies().iter().map(|s| s.name).collect();
/// assert_eq!(names[..4], ["random", "grid", "evolution", "local"]);
/// ```
pub fn strategies() -> &'static [StrategyInfo] {
    STRATEGIES
}

static STRATEGIES: &[StrategyInfo] = &[
    random::ROW,
    grid::ROW,
    evolution::ROW,
    local_search::ROW,
    annealing::ROW,
    genetic::ROW,
    nsga2::ROW,
    tpe::ROW,
    reinforce::ROW,
    ppo::ROW,
    bayesian::HAMMING,
    bayesian::WEISFEILER_LEHMAN,
    bananas::ROW,
    forest::ROW,
    bayesian::GRAF,
];

/// Strategies that are found by their name, but are no rows of the table: they are for some spaces only.
static ALONE: &[StrategyInfo] = &[auto_keras::ROW];
