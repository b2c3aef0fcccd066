//! Stopping by what a curve will come to: Domhan, Springenberg and Hutter, "Speeding up Automatic Hyperparameter
//! Optimization of Deep Neural Networks by Extrapolation of Learning Curves", IJCAI 2015, section 4; and Baker,
//! Gupta, Raskar and Naik, "Accelerating Neural Architecture Search using Performance Prediction", arXiv
//! 1705.10823.
//!
//! The idea: a training whose curve will hardly pass the best so far is not worth finishing.
//!
//! ```text
//! at each rung t of a training with the scores y_1 ... y_t
//!     y* = the best score after R epochs so far
//!     P(y_R >= y* | y_1 ... y_t) < delta: the training stops
//! ```
//!
//! A training that has stopped does not go on later, whatever is learned after it. delta is 0.05. Who says P is a setting: an ensemble of parametric curves laid through this one
//! (`surrogate/curves.rs`), as in the first paper, or a regression from the curves of earlier full trainings, as in
//! the second (`surrogate/curve_regression.rs`). By default it is the regression as soon as there are ten of them, and the ensemble
//! before. Nothing is stopped before a first training has come to R.

use super::chain::Chain;
use super::rungs::{Decided, Inner, Rungs, rungs};
use crate::count::Count;
use crate::error::Result;
use crate::record::{History, Trial};
use crate::rng::Rng;
use crate::strategy::parts::Recall;
use crate::strategy::{IntoStrategy, Proposal, Strategy, StrategyInfo, debug_as_described, read};
use crate::surrogate::{CurveRegression, Extrapolation};
use serde::{Deserialize, Serialize};

/// Stops a training whose learning curve will hardly pass the best so far.
///
/// ```
/// use nascent::prelude::*;
/// let space = Space::decisions([4, 4, 4, 4]);
/// let curve = |a: &Architecture, t: f64| {
///     let end: f64 = a.decisions().iter().map(|&d| f64::from(d)).sum();
///     end * (1.0 - 0.8 / t)
/// };
/// let train = evaluator(move |a, b| {
///     let scores: Vec<f64> = (1..=b.epochs_allowed()).map(|t| curve(a, t as f64)).collect();
///     Evaluation::new(scores[scores.len() - 1]).with_curve(scores)
/// });
/// let study = Study::new(&space, train.epochs(16)).strategy(CurveStopping::new()).batch(1).trials(60).quiet().run()?;
/// assert!(study.epochs_paid() < 0.7 * 16.0 * 60.0);
/// # Ok::<(), nascent::Error>(())
/// ```
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[must_use = "methods return a new value and leave this one as it is"]
#[doc(alias("EarlyStopping"))]
pub struct CurveStopping {
    rungs: Rungs,
    #[serde(skip)]
    decided: Recall<Decided>,
}

rungs!(CurveStopping, decided);
debug_as_described!(CurveStopping);

impl CurveStopping {
    /// Looks after R / 2, R / 4, ... epochs.
    pub fn new() -> CurveStopping {
        CurveStopping { rungs: Rungs::new(2), decided: Recall::default() }
    }
}

impl Default for CurveStopping {
    fn default() -> Self {
        CurveStopping::new()
    }
}

/// Its row in the table of schedules.
pub(super) const ROW: StrategyInfo = StrategyInfo {
    name: "curve",
    about: "stops a training whose curve will hardly pass the best",
    paper: "Domhan et al. 2015, IJCAI; Baker et al. 2017, arXiv 1705.10823",
    make: || CurveStopping::new().into_strategy(),
    read: read::<CurveStopping>,
};

/// Below this probability of passing the best, a training stops: delta.
const HARDLY: f64 = 0.05;
/// From how many full trainings on there is a regression.
const ENOUGH: usize = 10;

/// The scores of a training, each with its epoch: its learning curve, or what was seen at its rungs. More is better.
fn curve(trials: &[Trial], history: &History) -> Vec<(usize, f64)> {
    let sign = if history.metric().maximise { 1.0 } else { -1.0 };
    let Some(last) = trials.last() else { return vec![] };
    let recorded = last.evaluation().map_or(vec![], |e| e.curve());
    if recorded.len() == last.depth() {
        return (1..).zip(recorded.into_iter().map(|y| sign * y)).collect();
    }
    trials.iter().filter_map(|t| Some((t.depth(), history.gain(t)?))).collect()
}

/// Whether a training that has come to a rung with this trial goes on, by all that had ended before it.
fn goes_on(chain: &Chain, last: &Trial, all: &[Chain], history: &History) -> Result<bool> {
    let full = history.full_epochs();
    let whole = |t: &Trial| t.depth() == full && t.finished().is_some();
    let to_the_end = |c: &&Chain| c.last().is_some_and(|t| whole(t) && t.number() < last.number());
    let whole: Vec<&Chain> = all.iter().filter(to_the_end).collect();
    let best = whole.iter().filter_map(|c| history.gain(c.last()?)).reduce(f64::max);
    let Some(best) = best else { return Ok(true) };
    let own = curve(&chain.trials, history);
    // A score that is no number, or hardly one, says nothing about the others.
    let usable = |y: f64| y.is_finite() && y.abs() <= Extrapolation::LARGEST;
    let own: Vec<(usize, f64)> = own.into_iter().filter(|(_, y)| usable(*y)).collect();
    if own.is_empty() {
        return Ok(false);
    }
    let sound = |curve: &Vec<(usize, f64)>| curve.iter().all(|(_, y)| usable(*y));
    let chance = if whole.len() >= ENOUGH {
        let curves = whole.iter().map(|c| curve(&c.trials, history));
        let curves: Vec<Vec<(usize, f64)>> = curves.filter(sound).collect();
        CurveRegression::fit(&curves, &own).map(|found| found.above(best))
    } else {
        (own.len() >= 2)
            .then(|| Extrapolation::at_epochs(own).map(|e| e.above(best, full)))
            .transpose()?
    };
    Ok(chance.is_none_or(|chance| chance >= HARDLY))
}

impl Strategy for CurveStopping {
    fn ask(&self, history: &History, rng: &mut Rng) -> Result<Proposal> {
        let rungs = self.rungs.of(history)?;
        let rule = |chain: &Chain, last: &Trial, all: &[Chain]| goes_on(chain, last, all, history);
        let promoted = self.rungs.next_of(&self.decided, history, &rungs, rule);
        match promoted? {
            Some(proposal) => Ok(proposal),
            None => self.rungs.fresh(history, &rungs, rungs[0], rng),
        }
    }

    fn describe(&self, trials: usize) -> String {
        self.rungs.describe("stopping by learning curves", trials)
    }

    fn to_json(&self) -> Option<String> {
        self.rungs.of.0.to_json()?;
        ROW.stored(self)
    }

    fn rungs_of(&self, full: usize, levels: &[usize]) -> Option<Result<Vec<usize>>> {
        Some(self.rungs.fitting(full, levels))
    }

    fn problems(&self) -> Vec<String> {
        self.rungs.problems("stopping by learning curves")
    }
}
