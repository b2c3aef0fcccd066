//! Median stopping: Golovin, Solnik, Moitra, Kochanski, Karro and Sculley, "Google Vizier: A Service for
//! Black-Box Optimization", KDD 2017, section 3.2.1.
//!
//! The idea: a training that does worse than half of the earlier ones did at the same time is not worth
//! finishing.
//!
//! ```text
//! at step s, a training stops if its best score so far is below
//! the median, over all trainings that have come to s, of the mean of their scores up to s
//! ```
//!
//! Here a step is a rung, by default at R, R / 2, R / 4 ... epochs, and nothing stops before five trainings
//! have come to it.

use super::chain::Chain;
use super::rungs::{Decided, Inner, Rungs, rungs};
use crate::count::Count;
use crate::error::Result;
use crate::record::{History, Trial};
use crate::rng::Rng;
use crate::strategy::parts::Recall;
use crate::strategy::{IntoStrategy, Proposal, Strategy, StrategyInfo, debug_as_described, read};
use serde::{Deserialize, Serialize};

/// Stops what does worse than half of the others.
///
/// ```
/// use nascent::prelude::*;
/// let space = Space::decisions([4, 4, 4, 4]);
/// let sum = evaluator(|a, _| a.decisions().iter().sum::<u32>() as f64).epochs(8);
/// let study = Study::new(&space, sum).strategy(MedianStopping::new()).trials(60).quiet().run()?;
/// assert!(study.epochs_paid() < 8.0 * 60.0);
/// # Ok::<(), nascent::Error>(())
/// ```
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[must_use = "methods return a new value and leave this one as it is"]
#[doc(alias = "MedianPruner")]
pub struct MedianStopping {
    rungs: Rungs,
    #[serde(skip)]
    decided: Recall<Decided>,
}

rungs!(MedianStopping, decided);
debug_as_described!(MedianStopping);

impl MedianStopping {
    /// Looks after R / 2, R / 4, ... epochs.
    pub fn new() -> MedianStopping {
        MedianStopping { rungs: Rungs::new(2), decided: Recall::default() }
    }
}

impl Default for MedianStopping {
    fn default() -> Self {
        MedianStopping::new()
    }
}

/// Its row in the table of schedules.
pub(super) const ROW: StrategyInfo = StrategyInfo {
    name: "median",
    about: "stops what does worse than half of the others",
    paper: "Golovin et al. 2017, KDD (Google Vizier)",
    make: || MedianStopping::new().into_strategy(),
    read: read::<MedianStopping>,
};

/// How many trainings have to come to a step before one is stopped there.
const ENOUGH: usize = 5;

/// The gains of a training up to a rung, if it has come to it before this trial.
fn up_to(chain: &Chain, rung: usize, before: usize, history: &History) -> Option<Vec<f64>> {
    let at = |r: usize| history.gain(chain.at(r).filter(|t| t.number() < before)?);
    (0..=rung).map(at).collect()
}

/// Whether a training that has come to a rung with this trial goes on, by what had come to it before.
fn goes_on(chain: &Chain, last: &Trial, all: &[Chain], history: &History) -> bool {
    let (rung, number) = (chain.trials.len() - 1, last.number());
    let Some(own) = up_to(chain, rung, number + 1, history) else { return false };
    let mean = |gains: Vec<f64>| gains.iter().sum::<f64>() / gains.len() as f64;
    let others = all.iter().filter(|other| !std::ptr::eq(*other, chain));
    let mut means: Vec<f64> =
        others.filter_map(|other| up_to(other, rung, number, history)).map(mean).collect();
    if means.len() < ENOUGH {
        return true;
    }
    means.sort_by(f64::total_cmp);
    let (low, high) = (means[(means.len() - 1) / 2], means[means.len() / 2]);
    let best = own.into_iter().fold(f64::NEG_INFINITY, f64::max);
    best >= 0.5 * low + 0.5 * high
}

impl Strategy for MedianStopping {
    fn ask(&self, history: &History, rng: &mut Rng) -> Result<Proposal> {
        let rungs = self.rungs.of(history)?;
        let rule =
            |chain: &Chain, last: &Trial, all: &[Chain]| Ok(goes_on(chain, last, all, history));
        match self.rungs.next_of(&self.decided, history, &rungs, rule)? {
            Some(proposal) => Ok(proposal),
            None => self.rungs.fresh(history, &rungs, rungs[0], rng),
        }
    }

    fn describe(&self, trials: usize) -> String {
        self.rungs.describe("median stopping", trials)
    }

    fn to_json(&self) -> Option<String> {
        self.rungs.of.0.to_json()?;
        ROW.stored(self)
    }

    fn rungs_of(&self, full: usize, levels: &[usize]) -> Option<Result<Vec<usize>>> {
        Some(self.rungs.fitting(full, levels))
    }

    fn problems(&self) -> Vec<String> {
        self.rungs.problems("median stopping")
    }
}
