//! One number per trial, whatever the number of objectives: what model-based strategies learn from.
//!
//! With several objectives it is a random scalarisation, drawn anew for every trial, so that over a
//! study the whole front is looked for (ParEGO: Knowles, "ParEGO: a hybrid algorithm with on-line
//! landscape approximation for expensive multiobjective optimization problems", IEEE Trans. Evol.
//! Comp. 10:1, 2006):
//!
//! ```text
//! w    ~ uniform on the simplex
//! f_i  = objective i, turned so that less is better, scaled to [0, 1] over the front seen
//! y    = -(max_i w_i f_i + 0.05 sum_i w_i f_i)          the augmented Tchebycheff norm
//! ```
//!
//! Where we differ: the paper scales by the limits of the objectives, which are unknown here. The range
//! of all trials would not do: a single network that learned nothing, with 10 % where the others have 80
//! to 92, would leave an objective so little of [0, 1] that it hardly counted with any weights. The front
//! has no such trials; those behind it lie beyond 1. If the front is one point, all trials give the range.
//!
//! A trial that failed counts too: it is worse than every score, negative infinity.

use super::nsga2::{minimised, survivors};
use crate::record::{History, Trial};
use crate::rng::Rng;
use crate::stats::pareto_front;

/// The weight of the sum in the augmented norm, as in the paper.
const RHO: f64 = 0.05;
/// The most that a trial may lie behind the front, so that all values stay finite.
const FAR: f64 = 1e9;
/// What a trial that failed counts as.
const FAILED: f64 = f64::NEG_INFINITY;
/// The number of trials from one clearing to the next, and of the older trials that it keeps.
const BLOCK: usize = 1000;

/// The trials that a model may learn from. Their number is limited, so that the cost of another trial does
/// not grow with the study: all trials below 3,000. From there on, at every thousandth trial, only a
/// thousand of those before the last thousand are kept: up to a quarter are the last that failed, the
/// others are the best (with several objectives front after front, as in NSGA-II).
#[derive(Default)]
pub(super) struct Seen {
    /// How many of the visible trials have been looked at.
    looked: usize,
    /// Those that are kept, in order.
    pub(super) trials: Vec<Trial>,
    /// After how many visible trials the last clearing took place.
    pub(super) cleared: usize,
}

impl Seen {
    /// Takes in the trials that have not been looked at yet.
    pub(super) fn follow(&mut self, history: &History) {
        for trial in &history.visible()[self.looked..] {
            self.trials.push(trial.clone());
            self.looked += 1;
            if self.looked.is_multiple_of(BLOCK) && self.trials.len() >= 3 * BLOCK {
                self.clear(history);
            }
        }
    }

    /// Those among the first `visible` trials, which must not have been cleared since.
    pub(super) fn first(&self, visible: usize) -> &[Trial] {
        &self.trials[..self.trials.partition_point(|t| t.number() < visible)]
    }

    fn clear(&mut self, history: &History) {
        let last = self.trials.split_off(self.trials.len() - BLOCK);
        let (finished, failed): (Vec<Trial>, Vec<Trial>) =
            self.trials.drain(..).partition(|t| t.finished().is_some());
        let failures = failed.len().min((BLOCK / 4).max(BLOCK.saturating_sub(finished.len())));
        let kept: Vec<usize> = match history.further().is_empty() {
            // In their order, without sorting them into fronts of one.
            true => best(&evenly(history, &finished), BLOCK - failures),
            false => {
                let kept = survivors(&minimised(history, &finished), BLOCK - failures);
                kept.into_iter().map(|(i, ..)| i).collect()
            }
        };
        self.trials = kept.into_iter().map(|i| finished[i].clone()).collect();
        self.trials.extend_from_slice(&failed[failed.len() - failures..]);
        self.trials.sort_unstable_by_key(Trial::number);
        self.trials.extend(last);
        self.cleared = self.looked;
    }
}

/// A number for each trial that has ended; more is better. With several objectives, `rng` draws their
/// weights.
pub(crate) fn drawn(history: &History, trials: &[Trial], rng: &mut Rng) -> Vec<f64> {
    match history.further().len() {
        0 => evenly(history, trials),
        n => weighed(history, trials, &simplex(n + 1, rng)),
    }
}

/// The same with equal weights for all objectives.
pub(crate) fn evenly(history: &History, trials: &[Trial]) -> Vec<f64> {
    match history.further().len() {
        0 => trials.iter().map(|t| history.gain(t).unwrap_or(FAILED)).collect(),
        n => weighed(history, trials, &vec![1.0 / (n + 1) as f64; n + 1]),
    }
}

/// The augmented norms of the objectives of the trials that finished.
fn weighed(history: &History, trials: &[Trial], weights: &[f64]) -> Vec<f64> {
    let finished: Vec<Trial> = trials.iter().filter(|t| t.finished().is_some()).cloned().collect();
    let mut rows = minimised(history, &finished);
    // Halves, so that no difference overflows.
    rows.iter_mut().flatten().for_each(|v| *v /= 2.0);
    // The study refuses values that are not finite, so this cannot fail.
    let front = pareto_front(&rows).unwrap_or_default();
    for i in 0..weights.len() {
        let (low, high) = ends(front.iter().map(|&j| rows[j][i]));
        let (low, high) = if high > low { (low, high) } else { ends(rows.iter().map(|r| r[i])) };
        let range = if high > low { high - low } else { 1.0 };
        rows.iter_mut().for_each(|row| row[i] = ((row[i] - low) / range).min(FAR));
    }
    let norm = |row: &Vec<f64>| {
        let weighted = || row.iter().zip(weights).map(|(f, w)| f * w);
        weighted().fold(0.0, f64::max) + RHO * weighted().sum::<f64>()
    };
    let mut values = rows.iter().map(|row| -norm(row));
    let value = |t: &Trial| t.finished().and_then(|_| values.next()).unwrap_or(FAILED);
    trials.iter().map(value).collect()
}

/// The least and the largest.
fn ends(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)))
}

/// Uniform on the simplex: exponentials, divided by their sum.
fn simplex(n: usize, rng: &mut Rng) -> Vec<f64> {
    let drawn: Vec<f64> = (0..n).map(|_| -(1.0 - rng.uniform()).ln()).collect();
    let sum: f64 = drawn.iter().sum();
    drawn.into_iter().map(|v| if sum > 0.0 { v / sum } else { 1.0 / n as f64 }).collect()
}

/// The places of the `n` largest values, in order; of equal ones the first comes first.
pub(super) fn best(y: &[f64], n: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..y.len()).collect();
    order.sort_by(|&a, &b| y[b].total_cmp(&y[a]));
    order.truncate(n);
    order
}
