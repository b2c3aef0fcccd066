//! Freeze-thaw Bayesian optimisation: Swersky, Snoek and Adams, "Freeze-Thaw Bayesian Optimization", arXiv
//! 1406.3896; Wistuba, Kadra and Grabocka, "Supervising the Multi-Fidelity Race of Hyperparameter
//! Configurations" (DyHPO), arXiv 2202.09774.
//!
//! The idea: no training is ever stopped for good. Each is frozen after a few more epochs, and a model of all
//! curves says which one to thaw, or whether a new one is more promising.
//!
//! ```text
//! repeat: fit a Gaussian process to all scores so far, over architecture and epochs
//!         basket = all frozen trainings, and new architectures from a pool
//!         f* = the best score after R epochs, or the best that is expected there
//!         thaw, up to its next rung, argmax EI(x, R; f*) / (the epochs that x still needs up to R)
//! ```
//!
//! Where we differ: the model is that of `curve_model.rs`. The papers take the entropy of the optimum, or the
//! expected improvement at the next budget. Here it is that at the full budget R, for each epoch that it would
//! cost: a training whose end is nearly known and not the best is left frozen, however well it does now.
//! A rung has twice the epochs of the one before, instead of one more.

use super::chain::{Chain, chains};
use super::curve_model::{CurveModel, Point, Shape};
use super::rungs::{Rungs, budgets};
use crate::count::Count;
use crate::error::Result;
use crate::record::{History, Trial};
use crate::rng::Rng;
use crate::strategy::parts::Recall;
use crate::strategy::{
    Features, IntoStrategy, Proposal, Strategy, StrategyInfo, debug_as_described, drawn, evenly,
    fitted_after, most_useful, pool, read,
};
use crate::surrogate::{Scale, expected_improvement};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;

/// How many new architectures come first.
const START: usize = 10;
/// The most scores that the model learns from.
const MOST: usize = 300;

/// Bayesian optimisation that may go on with any training, whenever it looks promising again.
///
/// ```
/// use nascent::prelude::*;
/// let space = Space::decisions([4, 4, 4, 4]);
/// let sum = evaluator(|a, b| {
///     let sum = a.decisions().iter().sum::<u32>() as f64;
///     sum * b.epochs_allowed() as f64 / 8.0
/// });
/// let study = Study::new(&space, sum.epochs(8)).strategy(FreezeThaw::new()).batch(1).trials(60).quiet().run()?;
/// assert!(study.best()?.score() > Some(8.0));
/// # Ok::<(), nascent::Error>(())
/// ```
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[must_use = "methods return a new value and leave this one as it is"]
#[doc(alias("DyHPO", "freeze-thaw"))]
pub struct FreezeThaw {
    rungs: Rungs,
    #[serde(skip)]
    recall: Recall<Learned>,
}

/// What is kept between two trials.
#[derive(Default)]
struct Learned {
    features: HashMap<Vec<u32>, Arc<Features>>,
    /// After how many trials the model was fitted, and its parameters.
    shape: Option<(usize, Shape)>,
}

budgets!(FreezeThaw);

impl FreezeThaw {
    /// Looks after R / 2, R / 4, ... epochs.
    pub fn new() -> FreezeThaw {
        FreezeThaw { rungs: Rungs::new(2), recall: Recall::default() }
    }

    fn with(&self, rungs: Rungs) -> FreezeThaw {
        FreezeThaw { rungs, ..self.clone() }
    }
}

debug_as_described!(FreezeThaw);

impl Default for FreezeThaw {
    fn default() -> Self {
        FreezeThaw::new()
    }
}

/// Its row in the table of schedules.
pub(super) const ROW: StrategyInfo = StrategyInfo {
    name: "freeze-thaw",
    about: "a Gaussian process over curves says which training goes on",
    paper: "Swersky et al. 2014, arXiv 1406.3896; Wistuba et al. 2022 (DyHPO), arXiv 2202.09774",
    make: || FreezeThaw::new().into_strategy(),
    read: read::<FreezeThaw>,
};

impl Learned {
    fn point(&mut self, trial: &Trial, training: usize) -> Point {
        let arch = &trial.0.architecture;
        let features = match self.features.get(arch.decided()) {
            Some(known) => known.clone(),
            None => {
                let features = Point::features(arch);
                self.features.insert(arch.decisions(), features.clone());
                features
            }
        };
        Point { training, epochs: trial.depth().max(1), features }
    }

    /// The parameters after the first `fitted` trials.
    fn shape(&mut self, history: &History, of: &[usize]) -> Shape {
        let fitted = fitted_after(history.visible().len());
        match self.shape {
            Some((known, shape)) if known == fitted => shape,
            _ => {
                let trials = &history.visible()[..fitted];
                let (points, z, _) = self.learn(history, trials, &evenly(history, trials), of);
                let shape = Shape::fit(&points, &z);
                self.shape = Some((fitted, shape));
                shape
            }
        }
    }

    /// The points of trials, their values on the model's scale, and the best at the full budget.
    fn learn(
        &mut self,
        history: &History,
        trials: &[Trial],
        y: &[f64],
        of: &[usize],
    ) -> (Vec<Point>, Vec<f64>, Option<f64>) {
        let scale = Scale::of(y);
        let full = trials.iter().zip(y).filter(|(t, _)| t.depth() == history.full_epochs());
        let best = full.map(|(_, &y)| scale.z(y)).reduce(f64::max);
        let chosen = most_useful(y, MOST);
        let points = chosen.iter().map(|&i| self.point(&trials[i], of[i])).collect();
        (points, chosen.iter().map(|&i| scale.z(y[i])).collect(), best)
    }
}

/// What may be done next.
struct Choice {
    proposal: Proposal,
    point: Point,
    /// The epochs that it needs up to the full budget.
    cost: usize,
}

impl FreezeThaw {
    /// What a training that has finished a rung before the last goes on to, and what it still costs.
    fn thawed(
        &self,
        chain: &Chain,
        rungs: &[usize],
        history: &History,
    ) -> Option<(Proposal, usize)> {
        let last = chain.last().filter(|t| t.finished().is_some())?;
        let next = rungs.iter().position(|&r| r > last.depth())?;
        let cost = match self.rungs.anew {
            true => rungs[next..].iter().sum(),
            false => rungs[rungs.len() - 1] - last.depth(),
        };
        Some((self.rungs.promoted(last, rungs[next], history), cost))
    }
}

impl Strategy for FreezeThaw {
    fn ask(&self, history: &History, rng: &mut Rng) -> Result<Proposal> {
        let rungs = self.rungs.of(history)?;
        let (first, full) = (rungs[0], rungs[rungs.len() - 1]);
        let chains = chains(history);
        let finished = history.visible().iter().filter(|t| t.finished().is_some()).count();
        if chains.len() < START || finished < 2 {
            return self.rungs.fresh(history, &rungs, first, rng);
        }
        // The training that each trial belongs to.
        let mut of = vec![0; history.asked()];
        for (training, chain) in chains.iter().enumerate() {
            chain.trials.iter().for_each(|t| of[t.number()] = training);
        }
        let fresh = pool(history, rng)?;
        let y = drawn(history, history.visible(), rng);
        self.recall.with(history, |learned| {
            let shape = learned.shape(history, &of);
            let (mut points, z, best) = learned.learn(history, history.visible(), &y, &of);
            // What the model does not know is left frozen.
            let mut known = vec![false; chains.len()];
            points.iter().for_each(|p| known[p.training] = true);
            let hidden = history.hidden().iter().map(|t| learned.point(t, of[t.number()]));
            points.extend(hidden.collect::<Vec<_>>());
            let at_the_end = |point: Point| Point { epochs: full, ..point };
            let mut basket: Vec<Choice> = vec![];
            for (training, chain) in chains.iter().enumerate() {
                let thawed = known[training].then(|| self.thawed(chain, &rungs, history));
                if let Some((proposal, cost)) = thawed.flatten() {
                    let point = at_the_end(learned.point(&chain.trials[0], training));
                    basket.push(Choice { proposal, point, cost });
                }
            }
            for (i, proposal) in fresh.into_iter().enumerate() {
                let features = Point::features(&proposal.architecture);
                let point = Point { training: chains.len() + i, epochs: full, features };
                let cost = if self.rungs.anew { rungs.iter().sum() } else { full };
                basket.push(Choice {
                    proposal: Rungs::up_to(proposal, first, history),
                    point,
                    cost,
                });
            }
            let model = CurveModel::new(shape, &points, &z);
            let outlook: Vec<(f64, f64)> = basket.iter().map(|o| model.at(&o.point)).collect();
            let best = best
                .unwrap_or_else(|| outlook.iter().map(|o| o.0).fold(f64::NEG_INFINITY, f64::max));
            let worth = |(o, &(mu, sigma)): (&Choice, &(f64, f64))| {
                expected_improvement(mu, sigma, best) / o.cost as f64
            };
            let mut chosen: Option<(f64, usize)> = None;
            for (i, worth) in basket.iter().zip(&outlook).map(worth).enumerate() {
                if chosen.is_none_or(|(most, _)| worth > most) {
                    chosen = Some((worth, i));
                }
            }
            match chosen {
                Some((_, i)) => Ok(basket.swap_remove(i).proposal),
                None => self.rungs.fresh(history, &rungs, first, rng),
            }
        })
    }

    fn describe(&self, _: usize) -> String {
        let times = self.rungs.reduction;
        format!("freeze-thaw Bayesian optimisation, a training goes on to {times} times the epochs")
    }

    fn to_json(&self) -> Option<String> {
        ROW.stored(self)
    }

    fn rungs_of(&self, full: usize, levels: &[usize]) -> Option<Result<Vec<usize>>> {
        Some(self.rungs.fitting(full, levels))
    }

    fn problems(&self) -> Vec<String> {
        self.rungs.problems("freeze-thaw")
    }
}
