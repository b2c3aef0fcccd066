//! Hyperband: Li, Jamieson, DeSalvo, Rostamizadeh and Talwalkar, "Hyperband: A Novel Bandit-Based Approach to
//! Hyperparameter Optimization", arXiv 1603.06560.
//!
//! The idea: nobody knows how early the good can be told from the bad. So brackets of successive halving take
//! turns, from one that begins with many architectures and few epochs to one that trains a few fully.
//!
//! ```text
//! s_max = floor(log_eta R)
//! for s in s_max, s_max - 1, ..., 0
//!     n = ceil((s_max + 1) / (s + 1) eta^s),  r = R eta^-s
//!     for i in 0 ... s: train them up to r eta^i epochs, keep the best floor(n eta^-(i+1))
//! ```
//!
//! R is the full budget of the evaluator, eta is 3. After the last bracket the first one begins again.

use super::bracket::{Bracket, Step};
use super::chain::chains;
use super::rungs::{Inner, Rungs, rungs};
use crate::count::Count;
use crate::error::Result;
use crate::record::History;
use crate::rng::Rng;
use crate::strategy::{IntoStrategy, Proposal, Strategy, StrategyInfo, read};
use serde::{Deserialize, Serialize};

/// Brackets of successive halving that begin with ever more epochs.
///
/// ```
/// use nascent::prelude::*;
/// let table = Mnist1dBench::table();
/// let steps = evaluator(|a, b| a.identity() as f64 + b.epochs_allowed() as f64).epochs(27);
/// let study = Study::new(&table.space(), steps).strategy(Hyperband::new()).trials(60).quiet().run()?;
/// let most = study.trials_done().iter().map(|t| t.budget().epochs_allowed()).max();
/// assert_eq!(most, Some(27));
/// # Ok::<(), nascent::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[must_use = "methods return a new value and leave this one as it is"]
#[doc(alias = "HyperbandPruner")]
pub struct Hyperband {
    rungs: Rungs,
}

rungs!(Hyperband);

impl Hyperband {
    /// One of 3 goes on.
    pub fn new() -> Hyperband {
        Hyperband { rungs: Rungs::new(3) }
    }
}

impl Default for Hyperband {
    fn default() -> Self {
        Hyperband::new()
    }
}

/// Its row in the table of schedules.
pub(super) const ROW: StrategyInfo = StrategyInfo {
    name: "hyperband",
    about: "brackets of successive halving that begin with ever more epochs",
    paper: "Li et al. 2018, arXiv 1603.06560",
    make: || Hyperband::new().into_strategy(),
    read: read::<Hyperband>,
};

/// The bracket s of these rungs.
fn bracket(s: usize, rungs: &[usize], eta: usize) -> Bracket {
    let most = rungs.len() - 1;
    let n = (most + 1).saturating_mul(eta.saturating_pow(s as u32)).div_ceil(s + 1);
    Bracket::new(n, eta, &rungs[most - s..])
}

/// What Hyperband does next: with which epochs a new architecture begins, or which trial goes on.
pub(super) fn next(history: &History, rungs: &[usize], eta: usize) -> Step {
    let all = chains(history);
    let mut left = &all[..];
    for s in (0..rungs.len()).rev().cycle() {
        if left.is_empty() && history.is_exhausted() {
            break;
        }
        let bracket = bracket(s, rungs, eta);
        let (own, rest) = left.split_at(bracket.size().min(left.len()));
        match bracket.next(own, history) {
            Step::Wait | Step::Done => left = rest,
            step => return step,
        }
    }
    Step::Done
}

impl Strategy for Hyperband {
    fn ask(&self, history: &History, rng: &mut Rng) -> Result<Proposal> {
        let rungs = self.rungs.of(history)?;
        match next(history, &rungs, self.rungs.reduction.max(2) as usize) {
            Step::Promote(trial, epochs) => Ok(self.rungs.promoted(&trial, epochs, history)),
            Step::Fresh(epochs) => self.rungs.fresh(history, &rungs, epochs, rng),
            Step::Wait | Step::Done => self.rungs.fresh(history, &rungs, rungs[0], rng),
        }
    }

    fn describe(&self, trials: usize) -> String {
        self.rungs.describe("Hyperband", trials)
    }

    fn to_json(&self) -> Option<String> {
        self.rungs.of.0.to_json()?;
        ROW.stored(self)
    }

    fn rungs_of(&self, full: usize, levels: &[usize]) -> Option<Result<Vec<usize>>> {
        Some(self.rungs.fitting(full, levels))
    }

    fn problems(&self) -> Vec<String> {
        self.rungs.problems("Hyperband")
    }
}
