//! Regularized evolution, also called aging evolution.
//!
//! Real, Aggarwal, Huang, Le: "Regularized Evolution for Image Classifier Architecture Search",
//! arXiv 1802.01548, algorithm 1:
//!
//! ```text
//! population <- P random architectures, trained
//! while |history| < C:
//!     sample  <- S members of the population, drawn with replacement
//!     parent  <- the member of the sample with the highest accuracy
//!     child   <- mutate(parent), trained, joins the population on the right
//!     the oldest member, on the left, dies
//! ```
//!
//! Dying of age rather than of a low score is the regularization: an architecture that was lucky
//! once has to prove itself again through its children.
//!
//! The paper uses P = 100 and S = 25 for C = 20,000. Where C is smaller, P = min(100, C/4) and
//! S = P/4 keep its proportions, at least 2 each. Where we differ: the population is the last P trials that finished
//! and that the batch lets us see, so nothing has to be kept besides the history; failed trials
//! never join it.

use super::{Proposal, Strategy, parts::tournament, stored};
use crate::count::Count;
use crate::error::{ErrorKind, Result};
use crate::rng::Rng;
use crate::study::History;
use serde::{Deserialize, Serialize};

/// Regularized evolution: the oldest of a population dies, a mutated tournament winner joins.
///
/// ```
/// use nascent::prelude::*;
/// let space = Space::new([8], Task::classification(2)).then(repeat(1..=4, linear(any([4, 8, 16, 32]))));
/// let study = Study::new(&space, evaluator(|a, _| -(a.params() as f64)))
///     .strategy(Evolution::regularized().population(10).sample(3))
///     .trials(60).seed(1).quiet().run()?;
/// assert_eq!(study.best()?.architecture().to_string(), "linear(4)");
/// # Ok::<(), nascent::Error>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evolution {
    population: Option<i64>,
    sample: Option<i64>,
}

impl Evolution {
    /// With the paper's population of 100 and sample of 25, or their share of a smaller budget:
    /// a population of min(100, trials/4) and a sample of a quarter of it, at least 2 each.
    pub fn regularized() -> Self {
        Evolution::default()
    }

    /// The size of the population, P.
    pub fn population(&self, size: impl Count) -> Self {
        Evolution { population: Some(size.to_i64()), ..self.clone() }
    }

    /// The size of the tournament, S.
    pub fn sample(&self, size: impl Count) -> Self {
        Evolution { sample: Some(size.to_i64()), ..self.clone() }
    }

    /// P and S for a budget of trials.
    fn sizes(&self, trials: usize) -> (usize, usize) {
        let p = self.population.map_or((trials / 4).clamp(2, 100), |p| p.max(1) as usize);
        let s = self.sample.map_or((p / 4).clamp(2.min(p), 25), |s| s.max(1) as usize);
        (p, s)
    }
}

impl Strategy for Evolution {
    fn ask(&self, history: &History, rng: &mut Rng) -> Result<Proposal> {
        let (p, s) = self.sizes(history.trials_planned());
        let space = history.space();
        if history.asked() >= p
            && let Some(parent) = tournament(history, &history.last_finished(p), s, rng)
        {
            match space.mutate(&parent.architecture(), rng) {
                Ok(child) => return Ok(Proposal::child(child, &parent)),
                // An architecture without a neighbour: begin anew elsewhere.
                Err(e) if e.kind() == ErrorKind::Exhausted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(Proposal::new(space.sample(rng)?, "random"))
    }

    fn describe(&self, trials: usize) -> String {
        let (p, s) = self.sizes(trials);
        format!("regularized evolution (population {p}, sample {s})")
    }

    fn to_json(&self) -> Option<String> {
        stored("evolution", self)
    }

    fn problems(&self) -> Vec<String> {
        let sizes = [("population", self.population), ("sample", self.sample)];
        let low = sizes.into_iter().filter_map(|(name, n)| Some((name, n.filter(|&n| n < 1)?)));
        low.map(|(name, n)| format!("{name}({n}): at least 1 is needed. Try {name}(10).")).collect()
    }
}

impl std::fmt::Debug for Evolution {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let part = |n: Option<i64>, rule: &str| n.map_or(rule.to_string(), |n| n.to_string());
        let (p, s) =
            (part(self.population, "trials/4, at most 100"), part(self.sample, "a quarter"));
        write!(f, "regularized evolution (population {p}; sample {s})")
    }
}
