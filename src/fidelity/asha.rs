//! ASHA: Li, Jamieson, Rostamizadeh, Gonina, Hardt, Recht and Talwalkar, "A System for Massively Parallel
//! Hyperparameter Tuning", arXiv 1810.05934.
//!
//! The idea: a rung of successive halving waits for its slowest training. Do not wait: who is among the best
//! of those that have reached a rung so far goes on at once, and where nobody may, a new one begins.
//!
//! ```text
//! for rung k from the last but one down to 0
//!     candidates: the best |rung k| / eta of those that have ended rung k
//!     one of them that has not gone on: goes on to rung k + 1
//! otherwise: a new architecture at rung 0
//! ```
//!
//! Which results there are "so far" would depend on how fast the machine is. Here it follows from the batch of
//! the study: trial n sees those of trials 0 to n - batch. So the search is the same on any number of threads.

use super::chain::{Chain, chains};
use super::rungs::{Inner, Rungs, rungs};
use crate::count::Count;
use crate::error::Result;
use crate::record::{History, Trial};
use crate::rng::Rng;
use crate::strategy::{IntoStrategy, Proposal, Strategy, StrategyInfo, read};
use serde::{Deserialize, Serialize};

/// Successive halving that never waits.
///
/// ```
/// use nascent::prelude::*;
/// let space = Space::decisions([4, 4, 4, 4]);
/// let sum = evaluator(|a, _| a.decisions().iter().sum::<u32>() as f64).epochs(9);
/// let study = Study::new(&space, sum).strategy(Asha::new()).trials(40).quiet().run()?;
/// assert!(study.trials_done().iter().any(|t| t.budget().epochs_allowed() == 9));
/// # Ok::<(), nascent::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[must_use = "methods return a new value and leave this one as it is"]
#[doc(alias("ASHA", "AsynchronousSuccessiveHalving"))]
pub struct Asha {
    rungs: Rungs,
}

rungs!(Asha);

impl Asha {
    /// One of 3 goes on.
    pub fn new() -> Asha {
        Asha { rungs: Rungs::new(3) }
    }
}

impl Default for Asha {
    fn default() -> Self {
        Asha::new()
    }
}

/// Its row in the table of schedules.
pub(super) const ROW: StrategyInfo = StrategyInfo {
    name: "asha",
    about: "successive halving that never waits",
    paper: "Li et al. 2020, arXiv 1810.05934",
    make: || Asha::new().into_strategy(),
    read: read::<Asha>,
};

/// The best of a rung that has not gone on, if it is among the best of eta.
fn candidate(chains: &[Chain], rung: usize, eta: usize, history: &History) -> Option<Trial> {
    let ended = chains.iter().filter(|c| c.at(rung).is_some_and(Trial::ended));
    let mut order: Vec<(&Chain, f64)> = vec![];
    let mut all = 0;
    for chain in ended {
        all += 1;
        order.extend(chain.at(rung).and_then(|t| history.gain(t)).map(|gain| (chain, gain)));
    }
    order.sort_by(|a, b| b.1.total_cmp(&a.1));
    let top = order.iter().take(all / eta);
    top.filter(|(c, _)| c.at(rung + 1).is_none()).find_map(|(c, _)| c.at(rung).cloned())
}

impl Strategy for Asha {
    fn ask(&self, history: &History, rng: &mut Rng) -> Result<Proposal> {
        let rungs = self.rungs.of(history)?;
        let (chains, eta) = (chains(history), self.rungs.reduction.max(2) as usize);
        for rung in (0..rungs.len() - 1).rev() {
            if let Some(trial) = candidate(&chains, rung, eta, history) {
                return Ok(self.rungs.promoted(&trial, rungs[rung + 1], history));
            }
        }
        self.rungs.fresh(history, &rungs, rungs[0], rng)
    }

    fn describe(&self, trials: usize) -> String {
        self.rungs.describe("ASHA", trials)
    }

    fn to_json(&self) -> Option<String> {
        self.rungs.of.0.to_json()?;
        ROW.stored(self)
    }

    fn rungs_of(&self, full: usize, levels: &[usize]) -> Option<Result<Vec<usize>>> {
        Some(self.rungs.fitting(full, levels))
    }

    fn problems(&self) -> Vec<String> {
        self.rungs.problems("ASHA")
    }
}
