//! BOHB: Falkner, Klein and Hutter, "BOHB: Robust and Efficient Hyperparameter Optimization at Scale",
//! arXiv 1807.01774.
//!
//! The idea: Hyperband decides how long to train, and Bayesian optimisation what. Its model learns from the
//! largest budget that has enough results.
//!
//! ```text
//! with probability rho: a random architecture
//! b = the largest budget with more than |decisions| results
//! otherwise: what TPE proposes from the results at b
//! ```
//!
//! rho is 1/3. Where we differ: TPE is that of `strategy/tpe.rs`, with its own settings, in place of the
//! paper's kernel densities.

use super::bracket::Step;
use super::hyperband::next;
use super::rungs::{Inner, Rungs, rungs};
use crate::count::Count;
use crate::error::Result;
use crate::record::History;
use crate::rng::Rng;
use crate::strategy::{IntoStrategy, Proposal, Strategy, StrategyInfo, read};
use serde::{Deserialize, Serialize};

/// Hyperband on what Bayesian optimisation proposes.
///
/// ```
/// use nascent::prelude::*;
/// let space = Space::decisions([4, 4, 4, 4]);
/// let sum = evaluator(|a, b| {
///     let sum = a.decisions().iter().sum::<u32>() as f64;
///     sum * b.epochs_allowed() as f64 / 9.0
/// });
/// let study = Study::new(&space, sum.epochs(9)).strategy(Bohb::new()).trials(80).quiet().run()?;
/// assert!(study.best()?.score() > Some(8.0));
/// # Ok::<(), nascent::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[must_use = "methods return a new value and leave this one as it is"]
#[doc(alias = "BOHB")]
pub struct Bohb {
    rungs: Rungs,
}

rungs!(Bohb);

impl Bohb {
    /// One of 3 goes on, and TPE proposes.
    pub fn new() -> Bohb {
        Bohb { rungs: Rungs::new(3).modelled() }
    }
}

impl Default for Bohb {
    fn default() -> Self {
        Bohb::new()
    }
}

/// Its row in the table of schedules.
pub(super) const ROW: StrategyInfo = StrategyInfo {
    name: "bohb",
    about: "Hyperband on what Bayesian optimisation proposes",
    paper: "Falkner, Klein and Hutter 2018, arXiv 1807.01774",
    make: || Bohb::new().into_strategy(),
    read: read::<Bohb>,
};

/// The share of random architectures.
const RHO: f64 = 1.0 / 3.0;

impl Strategy for Bohb {
    fn ask(&self, history: &History, rng: &mut Rng) -> Result<Proposal> {
        let rungs = self.rungs.of(history)?;
        let epochs = match next(history, &rungs, self.rungs.reduction.max(2) as usize) {
            Step::Promote(trial, epochs) => {
                return Ok(self.rungs.promoted(&trial, epochs, history));
            }
            Step::Fresh(epochs) => epochs,
            Step::Wait | Step::Done => rungs[0],
        };
        if rng.uniform() < RHO {
            return Rungs { of: Rungs::new(3).of, ..self.rungs.clone() }
                .fresh(history, &rungs, epochs, rng);
        }
        self.rungs.fresh(history, &rungs, epochs, rng)
    }

    fn describe(&self, trials: usize) -> String {
        self.rungs.describe("BOHB", trials)
    }

    fn to_json(&self) -> Option<String> {
        self.rungs.of.0.to_json()?;
        ROW.stored(self)
    }

    fn rungs_of(&self, full: usize, levels: &[usize]) -> Option<Result<Vec<usize>>> {
        Some(self.rungs.fitting(full, levels))
    }

    fn problems(&self) -> Vec<String> {
        self.rungs.problems("BOHB")
    }
}
