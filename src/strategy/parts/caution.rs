//! Avoiding failures, for every strategy that learns.
//!
//! A failed trial counts as worse than all that finished: models learn it as the worst (see
//! `targets.rs`), populations leave it out, and its reward is that of the worst trial before it. This
//! alone keeps neither random draws nor a climbing search away from where trials fail. So a draw is kept
//! with the squared probability that it does not fail, and a strategy's proposals come from
//!
//! ```text
//! q(x) P(x does not fail)^2           q what the strategy would draw
//! ```
//!
//! Where a strategy ranks candidates, by an acquisition or by the l/g of TPE, the acquisition is multiplied
//! by this weight, as in constrained Bayesian optimisation (Gelbart, Snoek and Adams, "Bayesian
//! Optimization with Unknown Constraints", UAI 2014; Gardner et al., ICML 2014). The probability is squared
//! because a failure costs a trial, while passing over a success costs nothing. As long as nothing has
//! failed, nothing is weighed and no random number is drawn.
//!
//! The model is that of `src/surrogate/feasible.rs`; its features are the options of an architecture. A sum
//! of weights can represent failures by one option, by a branch and by two options together. Failures by
//! size, as with a limit on memory or time, follow from the costs that are known before a network is built:
//! parameters, multiply-adds and memory are features as well, on a logarithmic scale of overlapping steps,
//! of which each cost has three.

use super::super::Proposal;
use super::super::features::one_hot;
use crate::error::Result;
use crate::record::{History, Trial};
use crate::rng::Rng;
use crate::space::Architecture;
use crate::surrogate::Feasible;

/// How many draws are made before the one that is least likely to fail is accepted.
const DRAWS: usize = 100;
/// The feature that every architecture has; places begin at 0 and are far fewer.
const ALWAYS: usize = usize::MAX;
/// Steps of the scale of a cost for a factor of two, and on the whole scale.
const STEPS: f64 = 4.0;
const SCALE: usize = 64 * STEPS as usize + 2;
/// The batch that memory is estimated for.
const BATCH: usize = 64;

/// What is known of failures after the visible trials.
#[derive(Clone, Default)]
pub(in super::super) struct Caution {
    /// How many of the visible trials have been looked at.
    seen: usize,
    /// `None` while nothing has failed.
    model: Option<Feasible>,
}

impl Caution {
    /// Takes in the trials that have not been looked at yet.
    pub(in super::super) fn follow(&mut self, history: &History) {
        self.follow_to(history.visible());
    }

    /// The same with these first trials only; it begins anew if it has looked at more of them.
    pub(in super::super) fn follow_to(&mut self, trials: &[Trial]) {
        if self.seen > trials.len() {
            *self = Caution::default();
        }
        let failed = |t: &Trial| t.finished().is_none();
        let mut from = self.seen;
        self.seen = trials.len();
        if self.model.is_none() {
            if !trials[from..].iter().any(failed) {
                return;
            }
            // The successes before the first failure count as well.
            from = 0;
        }
        let model = self.model.get_or_insert_default();
        for trial in &trials[from..] {
            model.learn(&options(&trial.0.architecture), failed(trial));
        }
    }

    /// Whether something has failed, so that there is something to avoid.
    pub(in super::super) fn needed(&self) -> bool {
        self.model.is_some()
    }

    /// The probability with which a draw is kept.
    pub(in super::super) fn weight(&self, arch: &Architecture) -> f64 {
        self.model.as_ref().map_or(1.0, |model| model.of(&options(arch)).powi(2))
    }

    /// Whether to keep a draw.
    pub(in super::super) fn keeps(&self, arch: &Architecture, rng: &mut Rng) -> bool {
        !self.needed() || rng.uniform() < self.weight(arch)
    }

    /// Draws until a result is kept; after too many draws, the one with the largest weight.
    pub(in super::super) fn draw(
        &self,
        rng: &mut Rng,
        mut draw: impl FnMut(&mut Rng) -> Result<Proposal>,
    ) -> Result<Proposal> {
        let mut drawn = draw(rng)?;
        let mut likeliest: Option<(f64, Proposal)> = None;
        for _ in 1..DRAWS {
            if self.keeps(&drawn.architecture, rng) {
                return Ok(drawn);
            }
            likelier(&mut likeliest, self.weight(&drawn.architecture), drawn);
            drawn = draw(rng)?;
        }
        likelier(&mut likeliest, self.weight(&drawn.architecture), drawn.clone());
        Ok(likeliest.map_or(drawn, |(_, likeliest)| likeliest))
    }
}

/// Keeps the one with the larger weight; of equal ones the first.
pub(in super::super) fn likelier<T>(best: &mut Option<(f64, T)>, weight: f64, other: T) {
    if best.as_ref().is_none_or(|(most, _)| weight > *most) {
        *best = Some((weight, other));
    }
}

/// The features of an architecture: its columns of the one-hot encoding, the steps of its costs, and the
/// feature of all architectures.
fn options(arch: &Architecture) -> Vec<usize> {
    // Decisions alone have no costs.
    let costs = [arch.params(), arch.macs(), arch.memory(BATCH)];
    let steps = costs.iter().enumerate().filter(|(_, cost)| **cost > 0).flat_map(|(i, cost)| {
        let step = (STEPS * (*cost as f64).log2()) as usize;
        (step..step + 3).map(move |step| ALWAYS - 1 - i * SCALE - step)
    });
    one_hot(arch).into_iter().chain(steps).chain([ALWAYS]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;

    /// Half of a space by one option, and all but a sixth by two.
    #[test]
    fn it_learns_what_fails() {
        let space = Space::decisions([4, 3, 4, 4]);
        let rules: [fn(&[u32]) -> bool; 2] = [|d| d[0] % 2 == 0, |d| d[0] > 1 || d[1] != 1];
        for fails in rules {
            let (mut model, mut rng) = (Feasible::default(), Rng::new(1));
            for _ in 0..100 {
                let arch = space.sample(&mut rng).unwrap();
                model.learn(&options(&arch), fails(arch.decided()));
            }
            let right = |a: &Architecture| (model.of(&options(a)) < 0.5) == fails(a.decided());
            let all = space.all().unwrap();
            let share = all.iter().filter(|a| right(a)).count() as f64 / all.len() as f64;
            assert!(share > 0.95, "{share}");
        }
    }

    /// By a cost that no option tells alone.
    #[test]
    fn it_learns_what_is_too_large() {
        let space = Space::new([8], Task::classification(2));
        let space = space.then(repeat(1..=4, linear(any([8, 16, 24, 32, 48, 64]))));
        let (mut model, mut rng) = (Feasible::default(), Rng::new(1));
        for _ in 0..100 {
            let arch = space.sample(&mut rng).unwrap();
            model.learn(&options(&arch), arch.params() > 2500);
        }
        let right = |a: &Architecture| (model.of(&options(a)) < 0.5) == (a.params() > 2500);
        let all = space.all().unwrap();
        let share = all.iter().filter(|a| right(a)).count() as f64 / all.len() as f64;
        assert!(share > 0.9, "{share}");
    }
}
