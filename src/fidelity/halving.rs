//! Successive halving: Jamieson and Talwalkar, "Non-stochastic Best Arm Identification and Hyperparameter
//! Optimization", arXiv 1502.07943.
//!
//! The idea: after a few epochs most architectures can be told from the best, so most of them need no more.
//!
//! ```text
//! n = eta^k architectures, r = R / eta^k epochs each
//! for i in 0 ... k:  train them up to r eta^i epochs, keep the best n / eta^(i+1)
//! ```
//!
//! R is the full budget of the evaluator, eta is 3. When one bracket is over, the next one begins. With a batch
//! above 1 it begins earlier, while results are still to come.

use super::bracket::{Bracket, Step};
use super::chain::chains;
use super::rungs::{Inner, Rungs, rungs};
use crate::count::Count;
use crate::error::Result;
use crate::record::History;
use crate::rng::Rng;
use crate::strategy::{IntoStrategy, Proposal, Strategy, StrategyInfo, read};
use serde::{Deserialize, Serialize};

/// Many architectures for a few epochs, and the best of them for more.
///
/// ```
/// use nascent::prelude::*;
/// let data = Dataset::digits().take(300);
/// let space = Space::on(&data).then(linear(any([4, 8, 16, 32])).then(linear(any([4, 8, 16]))));
/// let train = Train::on(&data).epochs(9);
/// let study = Study::new(&space, &train).strategy(SuccessiveHalving::new()).trials(13).batch(1);
/// let study = study.duplicates(Duplicates::Repeat).quiet().run()?;
/// let epochs: Vec<usize> = study.trials_done().iter().map(|t| t.budget().epochs_allowed()).collect();
/// assert_eq!(epochs.iter().filter(|&&e| e == 9).count(), 1);  // 9 at 1 epoch, 3 up to 3, 1 up to 9
/// assert_eq!(study.epochs_paid(), 9.0 + 3.0 * 2.0 + 6.0);
/// # Ok::<(), nascent::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[must_use = "methods return a new value and leave this one as it is"]
#[doc(alias("SHA", "SuccessiveHalvingPruner"))]
pub struct SuccessiveHalving {
    rungs: Rungs,
}

rungs!(SuccessiveHalving);

impl SuccessiveHalving {
    /// One of 3 goes on.
    pub fn new() -> SuccessiveHalving {
        SuccessiveHalving { rungs: Rungs::new(3) }
    }
}

impl Default for SuccessiveHalving {
    fn default() -> Self {
        SuccessiveHalving::new()
    }
}

/// Its row in the table of schedules.
pub(super) const ROW: StrategyInfo = StrategyInfo {
    name: "halving",
    about: "many for a few epochs, the best of them for more",
    paper: "Jamieson and Talwalkar 2016, arXiv 1502.07943",
    make: || SuccessiveHalving::new().into_strategy(),
    read: read::<SuccessiveHalving>,
};

impl Strategy for SuccessiveHalving {
    fn ask(&self, history: &History, rng: &mut Rng) -> Result<Proposal> {
        let rungs = self.rungs.of(history)?;
        let eta = self.rungs.reduction.max(2) as usize;
        let size = eta.saturating_pow(rungs.len() as u32 - 1);
        let bracket = Bracket::new(size, eta, &rungs);
        for chains in chains(history).chunks(size) {
            match bracket.next(chains, history) {
                Step::Fresh(epochs) => return self.rungs.fresh(history, &rungs, epochs, rng),
                Step::Promote(trial, epochs) => {
                    return Ok(self.rungs.promoted(&trial, epochs, history));
                }
                Step::Wait | Step::Done => {}
            }
        }
        self.rungs.fresh(history, &rungs, rungs[0], rng)
    }

    fn describe(&self, trials: usize) -> String {
        self.rungs.describe("successive halving", trials)
    }

    fn to_json(&self) -> Option<String> {
        self.rungs.of.0.to_json()?;
        ROW.stored(self)
    }

    fn rungs_of(&self, full: usize, levels: &[usize]) -> Option<Result<Vec<usize>>> {
        Some(self.rungs.fitting(full, levels))
    }

    fn problems(&self) -> Vec<String> {
        self.rungs.problems("successive halving")
    }
}
