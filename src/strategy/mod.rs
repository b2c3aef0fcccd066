//! Strategies: which architecture to try next. One method a file; a new one is a file and a row in
//! [`strategies`].

mod annealing;
mod bananas;
mod bayesian;
mod candidates;
mod controller;
mod custom;
mod evolution;
mod forest;
mod genetic;
mod grid;
mod local_search;
mod nsga2;
mod parts;
mod policy;
mod ppo;
mod random;
mod reinforce;
mod targets;
mod tpe;

pub use annealing::Annealing;
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

use crate::error::Result;
use crate::record::History;
use crate::rng::Rng;
use crate::space::Architecture;

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
    /// An error of the kind `Exhausted` ends the study in peace; any other stops it with the reason.
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
}

/// An architecture to try, and where it came from.
#[derive(Clone, Debug)]
#[must_use = "methods return a new value and leave this one as it is"]
pub struct Proposal {
    pub(crate) architecture: Architecture,
    pub(crate) parents: Vec<usize>,
    pub(crate) origin: String,
}

impl Proposal {
    /// An architecture with a word on its origin, as "random" or "mutation".
    pub fn new(architecture: Architecture, origin: &str) -> Self {
        Proposal { architecture, parents: vec![], origin: origin.to_string() }
    }

    /// A mutation of an earlier trial's architecture.
    pub fn child(architecture: Architecture, parent: &crate::record::Trial) -> Self {
        Proposal { architecture, parents: vec![parent.number()], origin: "mutation".to_string() }
    }

    /// With the trials it descends from: two for a crossover.
    pub fn parents(&self, parents: &[crate::record::Trial]) -> Self {
        let parents = parents.iter().map(crate::record::Trial::number).collect();
        Proposal { parents, ..self.clone() }
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

/// The strategy of a stored form, by the name it begins with.
pub(crate) fn from_json(json: &str) -> Option<AnyStrategy> {
    let stored: serde_json::Map<String, serde_json::Value> = serde_json::from_str(json).ok()?;
    let (name, settings) = stored.into_iter().next()?;
    let row = STRATEGIES.iter().find(|s| s.name == name)?;
    (row.read)(settings)
}

/// The stored form of a strategy of the table.
fn stored(name: &str, settings: &impl serde::Serialize) -> Option<String> {
    Some(serde_json::json!({ name: settings }).to_string())
}

/// A row of the table of strategies.
#[derive(Clone, Debug)]
pub struct StrategyInfo {
    /// Its name.
    pub name: &'static str,
    /// Where it was described.
    pub paper: &'static str,
    /// Makes it with its defaults.
    pub make: fn() -> AnyStrategy,
    read: fn(serde_json::Value) -> Option<AnyStrategy>,
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
    StrategyInfo {
        name: "random",
        paper: "Bergstra and Bengio 2012, JMLR 13; for NAS: arXiv 1902.07638",
        make: || Random.into_strategy(),
        read: |_| Some(Random.into_strategy()),
    },
    StrategyInfo {
        name: "grid",
        paper: "exhaustive enumeration",
        make: || Grid.into_strategy(),
        read: |_| Some(Grid.into_strategy()),
    },
    StrategyInfo {
        name: "evolution",
        paper: "Real et al. 2019, arXiv 1802.01548",
        make: || Evolution::regularized().into_strategy(),
        read: |v| Some(serde_json::from_value::<Evolution>(v).ok()?.into_strategy()),
    },
    StrategyInfo {
        name: "local",
        paper: "White et al. 2021, arXiv 2005.02960",
        make: || LocalSearch::new().into_strategy(),
        read: |v| Some(serde_json::from_value::<LocalSearch>(v).ok()?.into_strategy()),
    },
    StrategyInfo {
        name: "annealing",
        paper: "Kirkpatrick, Gelatt and Vecchi 1983, Science 220",
        make: || Annealing::new().into_strategy(),
        read: |v| Some(serde_json::from_value::<Annealing>(v).ok()?.into_strategy()),
    },
    StrategyInfo {
        name: "genetic",
        paper: "Holland 1975; for NAS: Xie and Yuille 2017, arXiv 1703.01513",
        make: || Genetic::new().into_strategy(),
        read: |v| Some(serde_json::from_value::<Genetic>(v).ok()?.into_strategy()),
    },
    StrategyInfo {
        name: "nsga2",
        paper: "Deb et al. 2002, IEEE Trans. Evol. Comp. 6:2",
        make: || Nsga2::new().into_strategy(),
        read: |v| Some(serde_json::from_value::<Nsga2>(v).ok()?.into_strategy()),
    },
    StrategyInfo {
        name: "tpe",
        paper: "Bergstra et al. 2011, NIPS 24",
        make: || Tpe::new().into_strategy(),
        read: |v| Some(serde_json::from_value::<Tpe>(v).ok()?.into_strategy()),
    },
    StrategyInfo {
        name: "reinforce",
        paper: "Zoph and Le 2017, arXiv 1611.01578",
        make: || Reinforce::new().into_strategy(),
        read: |v| Some(serde_json::from_value::<Reinforce>(v).ok()?.into_strategy()),
    },
    StrategyInfo {
        name: "ppo",
        paper: "Schulman et al. 2017, arXiv 1707.06347; for NAS: arXiv 1707.07012",
        make: || Ppo::new().into_strategy(),
        read: |v| Some(serde_json::from_value::<Ppo>(v).ok()?.into_strategy()),
    },
    StrategyInfo {
        name: "gp-hamming",
        paper: "Jones et al. 1998, J. Global Optimization 13; Snoek et al. 2012, arXiv 1206.2944",
        make: || GaussianProcess::hamming().into_strategy(),
        read: |v| Some(serde_json::from_value::<GaussianProcess>(v).ok()?.into_strategy()),
    },
    StrategyInfo {
        name: "gp-wl",
        paper: "Ru et al. 2021 (NAS-BOWL), arXiv 2006.07556",
        make: || GaussianProcess::weisfeiler_lehman().into_strategy(),
        read: |v| Some(serde_json::from_value::<GaussianProcess>(v).ok()?.into_strategy()),
    },
    StrategyInfo {
        name: "bananas",
        paper: "White et al. 2021, arXiv 1910.11858",
        make: || Bananas::new().into_strategy(),
        read: |v| Some(serde_json::from_value::<Bananas>(v).ok()?.into_strategy()),
    },
    StrategyInfo {
        name: "forest",
        paper: "Hutter et al. 2011 (SMAC), LION 5",
        make: || RandomForest::new().into_strategy(),
        read: |v| Some(serde_json::from_value::<RandomForest>(v).ok()?.into_strategy()),
    },
];
