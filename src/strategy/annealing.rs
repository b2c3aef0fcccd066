//! Simulated annealing: a walk that also accepts worse architectures, more and more rarely.
//!
//! Kirkpatrick, Gelatt, Vecchi: "Optimization by Simulated Annealing", Science 220, 1983:
//!
//! ```text
//! x <- a random architecture, evaluated; T <- T_0
//! repeat:
//!     u   <- a random neighbour of x, evaluated
//!     dE  <- how much worse u is than x
//!     x   <- u if dE <= 0, else with probability exp(-dE / T)
//!     T   <- r T
//! ```
//!
//! A score may have any scale, so T is measured in units of d, the median size of all worsening steps
//! so far. A step of that size is accepted with probability p_0 = 0.4 at the beginning of the study and
//! p_1 = 0.02 at its end. In between, T/d falls geometrically over the planned trials n = 0, 1, ..., K:
//!
//! ```text
//! T_n / d = t_0 (t_1 / t_0)^(n / K),    t_i = 1 / ln(1 / p_i)
//! ```
//!
//! The two are the initial acceptance (INITPROB) and the acceptance at which a run counts as frozen
//! (MINPERCENT) of Johnson, Aragon, McGeoch, Schevon: "Optimization by Simulated Annealing: An
//! Experimental Evaluation, Part I", Operations Research 37, 1989.
//!
//! Where we differ: a neighbour that was tried already is passed over, since its score is known; if all
//! were tried, the step goes further. The random number that decides about trial n comes from a stream
//! named by n, so the walk follows from the visible trials. With a batch, a trial is compared with the x
//! at the moment when it becomes visible. Failed trials are refused, and an architecture that is likely to
//! fail is drawn again (`parts/caution.rs`).

use super::parts::{Caution, Recall, fresh, sample};
use super::{IntoStrategy, Proposal, Strategy, StrategyInfo, read};
use crate::error::{ErrorKind, Result};
use crate::record::{History, Trial};
use crate::rng::{Rng, child};
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Simulated annealing: a random walk over neighbours that accepts worse ones more and more rarely.
///
/// ```
/// use nascent::prelude::*;
/// let space = Space::new([8], Task::classification(2)).then(repeat(1..=4, linear(any([4, 8, 16, 32]))));
/// let study = Study::new(&space, evaluator(|a, _| -(a.params() as f64)))
///     .strategy(Annealing::new())
///     .trials(80).seed(1).quiet().run()?;
/// assert_eq!(study.best()?.architecture().to_string(), "linear(4)");
/// # Ok::<(), nascent::Error>(())
/// ```
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[must_use = "methods return a new value and leave this one as it is"]
#[doc(alias = "SimulatedAnnealing")]
pub struct Annealing {
    first: f64,
    last: f64,
    #[serde(skip)]
    recall: Recall<Walk>,
}

/// Where the walk is after the visible trials.
#[derive(Default)]
struct Walk {
    /// The number of trials over which the temperature falls.
    planned: usize,
    /// How many of the visible trials have been judged.
    seen: usize,
    at: Option<Trial>,
    /// The sizes of the worsening steps.
    worse: Steps,
    caution: Caution,
}

/// Sizes of steps in two heaps, the smaller half and the others, so that the median is known without
/// sorting. Positive numbers are ordered as their bits.
#[derive(Default)]
struct Steps {
    below: BinaryHeap<u64>,
    above: BinaryHeap<Reverse<u64>>,
}

impl Steps {
    /// Adds a step and returns the median of all; of an even number, the larger of the two in the middle.
    fn median_with(&mut self, step: f64) -> f64 {
        self.above.push(Reverse(step.to_bits()));
        // The least above is not less than what is below, of which there are n/2.
        if let Some(&least) = self.below.peek()
            && step.to_bits() < least
        {
            self.above.pop();
            self.above.push(Reverse(least));
            self.below.pop();
            self.below.push(step.to_bits());
        }
        if self.above.len() > self.below.len() + 1
            && let Some(Reverse(least)) = self.above.pop()
        {
            self.below.push(least);
        }
        self.above.peek().map_or(step, |Reverse(bits)| f64::from_bits(*bits))
    }
}

impl Default for Annealing {
    fn default() -> Self {
        Annealing { first: 0.4, last: 0.02, recall: Recall::default() }
    }
}

impl Annealing {
    /// A usual worsening step is accepted with probability 0.4 at first and 0.02 at the end.
    pub fn new() -> Self {
        Annealing::default()
    }

    /// The probabilities that a usual worsening step is accepted at the beginning of the study and at
    /// its end; above 0 and below 1.
    pub fn acceptance(&self, first: f64, last: f64) -> Self {
        Annealing { first, last, ..self.clone() }
    }

    /// The temperature at trial `n` of `planned`, in units of a usual worsening step.
    fn temperature(&self, n: usize, planned: usize) -> f64 {
        let [hot, cold] = [self.first, self.last].map(|p| -1.0 / p.ln());
        let share = n as f64 / planned.saturating_sub(1).max(1) as f64;
        hot * (cold / hot).powf(share.min(1.0))
    }

    /// Judges the trials that have not been judged yet.
    fn follow(&self, walk: &mut Walk, history: &History) {
        let planned = history.trials_planned();
        if walk.planned != planned {
            *walk = Walk { planned, ..Walk::default() };
        }
        let (visible, metric) = (history.visible(), history.metric());
        for trial in visible.iter().skip(walk.seen) {
            let Some(score) = trial.score() else { continue };
            let worse = match walk.at.as_ref().and_then(Trial::score) {
                Some(at) if metric.better(at, score) => (at - score).abs(),
                _ => 0.0,
            };
            if worse > 0.0 {
                let usual = walk.worse.median_with(worse);
                let n = trial.number();
                let chance = (-worse / (usual * self.temperature(n, planned))).exp();
                let drawn = Rng::from_u64(child(history.seed(), "accept", n as u64)).uniform();
                // The chance is NaN if the sizes of steps overflow.
                if chance.is_nan() || drawn >= chance {
                    continue;
                }
            }
            walk.at = Some(trial.clone());
        }
        walk.seen = visible.len();
    }
}

/// Its row in the table of strategies.
pub(super) const ROW: StrategyInfo = StrategyInfo {
    name: "annealing",
    about: "moves to a neighbour that is better, or sometimes to a worse one, ever more rarely",
    paper: "Kirkpatrick, Gelatt and Vecchi 1983, Science 220",
    make: || Annealing::new().into_strategy(),
    read: read::<Annealing>,
};

impl Strategy for Annealing {
    fn ask(&self, history: &History, rng: &mut Rng) -> Result<Proposal> {
        self.recall.with(history, |walk| {
            self.follow(walk, history);
            walk.caution.follow(history);
            if let Some(at) = &walk.at {
                let space = history.space();
                let middle = &at.0.architecture;
                let near = |rng: &mut Rng| Ok(Proposal::child(space.mutate(middle, rng)?, at));
                match fresh(history, &walk.caution, rng, near) {
                    // An architecture without a neighbour: begin anew elsewhere.
                    Err(e) if e.kind() == ErrorKind::Exhausted => {}
                    found => return found,
                }
            }
            walk.caution.draw(rng, |rng| sample(history, rng))
        })
    }

    fn describe(&self, _: usize) -> String {
        format!("simulated annealing (acceptance {} to {})", self.first, self.last)
    }

    fn to_json(&self) -> Option<String> {
        ROW.stored(self)
    }

    fn problems(&self) -> Vec<String> {
        let (first, last) = (self.first, self.last);
        let open = |p: f64| p > 0.0 && p < 1.0;
        if open(first) && open(last) && first >= last {
            return vec![];
        }
        vec![format!(
            "acceptance({first}, {last}): two probabilities between 0 and 1 are wanted, the first \
             no smaller than the last. Try acceptance(0.4, 0.02)."
        )]
    }
}

super::debug_as_described!(Annealing);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::{Duplicates, Space, Study, evaluator};

    #[test]
    fn a_usual_step_is_accepted_with_the_given_chances() {
        let walk = Annealing::new();
        let chance = |n| (-1.0 / walk.temperature(n, 101)).exp();
        assert!((chance(0) - 0.4).abs() < 1e-12 && (chance(100) - 0.02).abs() < 1e-12);
        // Geometric: the middle is the geometric mean of the ends; after the end it stays cold.
        let middle = walk.temperature(50, 101).powi(2);
        assert!((middle - walk.temperature(0, 101) * walk.temperature(100, 101)).abs() < 1e-12);
        assert_eq!(walk.temperature(500, 101), walk.temperature(100, 101));
        assert!(walk.temperature(0, 0).is_finite() && walk.temperature(0, 1).is_finite());
    }

    #[test]
    fn the_median_is_that_of_the_sorted_steps() {
        let (mut rng, mut steps, mut sorted) = (Rng::from_u64(4), Steps::default(), vec![]);
        for _ in 0..500 {
            let step = (1 + rng.below(60)) as f64 / 7.0;
            sorted.push(step);
            sorted.sort_by(f64::total_cmp);
            assert_eq!(steps.median_with(step), sorted[sorted.len() / 2]);
        }
    }

    /// The walk of the paper, followed beside the study: every trial is a step from where it stands.
    #[test]
    fn every_step_is_from_where_the_walk_stands() {
        for minimise in [false, true] {
            let rugged = evaluator(|arch, _| (arch.identity() % 997) as f64);
            let rugged = if minimise { rugged.minimise() } else { rugged };
            let study = Study::new(&Space::decisions([4; 6]), rugged).strategy(Annealing::new());
            let study = study.batch(1).trials(200).duplicates(Duplicates::Repeat).seed(3).quiet();
            let trials = study.run().unwrap().trials_done();
            let (mut at, mut worse, mut up, mut down, mut stayed) = (0, vec![], 0, [0, 0], [0, 0]);
            for (n, trial) in trials.iter().enumerate().skip(1) {
                assert_eq!(trial.parents(), [at], "trial {n}");
                let (a, b) = (trials[at].score().unwrap(), trial.score().unwrap());
                let d = if minimise { b - a } else { a - b };
                let late = usize::from(n >= 100);
                if d <= 0.0 {
                    (at, up) = (n, up + 1);
                    continue;
                }
                worse.push(d);
                worse.sort_by(f64::total_cmp);
                let t = Annealing::new().temperature(n, 200) * worse[worse.len() / 2];
                let chance = Rng::from_u64(child(3, "accept", n as u64)).uniform();
                match chance < (-d / t).exp() {
                    true => (at, down[late]) = (n, down[late] + 1),
                    false => stayed[late] += 1,
                }
            }
            // It goes downhill more often in the first half.
            assert!(up > 20, "{up}");
            assert!(down[0] * stayed[1] > down[1] * stayed[0], "{down:?} {stayed:?}");
        }
    }
}
