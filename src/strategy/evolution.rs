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
//! Members die of age instead of a low score. This is the regularisation: an architecture that was lucky
//! once has to prove itself again through its children.
//!
//! The paper uses P = 100 and S = 25 for C = 20,000. Those are the defaults from C = 1,000 on. Below
//! that they are P = 30 and S = 10, as in the comparisons of White et al. on tabular benchmarks with
//! budgets of 100 to 300 (arXiv 1910.11858 and 2005.02960; github.com/naszilla), and below 90, three
//! such populations, P = S = C/4, at least 2. There a tournament is as large as the population, for with three
//! generations after the first a weak selection has no time to take effect: with S = P/3, and so 2 of 7 in 30
//! trials, the parent is hardly better than the median, and mutants of it are no better than random
//! architectures, but more alike. Where we differ: the population is the last P
//! visible trials that finished, so nothing has to be kept besides the history; failed trials never join
//! it, and an architecture that is likely to fail is drawn again (`parts/caution.rs`).
//!
//! With `inheriting()` a child begins with its parent's weights, wherever they fit, as in Real et al.,
//! "Large-Scale Evolution of Image Classifiers", arXiv 1703.01041, section 3.3 ("weight inheritance"): there
//! too, what a mutation leaves in its shape keeps its weights. So a lineage goes on training while it
//! changes, and a score says how good an architecture is with the epochs of all its ancestors.

use super::parts::{Caution, Recall, mutant, sample, tournament, unfit};
use super::{IntoStrategy, Proposal, Strategy, StrategyInfo, read};
use crate::count::Count;
use crate::error::Result;
use crate::record::History;
use crate::rng::Rng;
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
#[must_use = "methods return a new value and leave this one as it is"]
#[doc(alias("RegularizedEvolution", "AgingEvolution"))]
pub struct Evolution {
    population: Option<i64>,
    sample: Option<i64>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    inheriting: bool,
    #[serde(skip)]
    recall: Recall<Caution>,
}

/// The least number of trials for the sizes of the paper: ten populations.
const LARGE: usize = 1000;
/// The least number of trials for the sizes 30 and 10: three populations.
const MEDIUM: usize = 90;

impl Evolution {
    /// With the paper's population of 100 and sample of 25 for 1,000 trials and more; for fewer, with a
    /// population of 30 and a sample of 10; for fewer than 90 a quarter of the trials, and as large a sample.
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

    /// Children begin with the weights of their parents, where they fit (arXiv 1703.01041); see
    /// [`Proposal::inheriting`]. Evaluators that train nothing, such as tables, take no notice.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let data = Dataset::digits().take(200);
    /// let space = Space::on(&data).then(linear(any([8, 16, 32]))).then(linear(any([8, 16])));
    /// let evolution = Evolution::regularized().population(3).sample(2).inheriting();
    /// let study = Study::new(&space, Train::on(&data).epochs(1)).strategy(evolution).trials(8).quiet().run()?;
    /// assert!(study.trials_done().iter().any(|t| t.inherits().is_some()));
    /// # Ok::<(), nascent::Error>(())
    /// ```
    pub fn inheriting(&self) -> Self {
        Evolution { inheriting: true, ..self.clone() }
    }

    fn inherited(&self) -> &'static str {
        if self.inheriting { ", inherited weights" } else { "" }
    }

    /// P and S for a budget of trials.
    fn sizes(&self, trials: usize) -> (usize, usize) {
        let usual = match trials {
            LARGE.. => 100,
            MEDIUM.. => 30,
            _ => (trials / 4).max(2),
        };
        let p = self.population.map_or(usual, |p| p.max(1) as usize);
        let share = match trials {
            LARGE.. => p / 4,
            // A population that was given has its usual sample.
            ..MEDIUM if self.population.is_none() => p,
            _ => p / 3,
        };
        let s = self.sample.map_or(share.clamp(2.min(p), 25), |s| s.max(1) as usize);
        (p, s)
    }
}

/// Its row in the table of strategies.
pub(super) const ROW: StrategyInfo = StrategyInfo {
    name: "evolution",
    about: "the oldest of a population dies, a mutated tournament winner joins",
    paper: "Real et al. 2019, arXiv 1802.01548",
    make: || Evolution::regularized().into_strategy(),
    read: read::<Evolution>,
};

impl Strategy for Evolution {
    fn ask(&self, history: &History, rng: &mut Rng) -> Result<Proposal> {
        let (p, s) = self.sizes(history.trials_planned());
        let population = if history.asked() >= p { history.last_finished(p) } else { vec![] };
        let draw = |rng: &mut Rng| {
            let parent = match history.asked() >= p {
                true => tournament(history, &population, s, rng),
                false => None,
            };
            if let Some(parent) = parent
                && let Some(child) = mutant(history.space(), &parent.0.architecture, rng)?
            {
                let child = Proposal::child(child, &parent);
                return Ok(if self.inheriting { child.inheriting(&parent) } else { child });
            }
            let first = sample(history, rng)?;
            Ok(if self.inheriting { first.heritable() } else { first })
        };
        self.recall.with(history, |caution| {
            caution.follow(history);
            caution.draw(rng, draw)
        })
    }

    fn describe(&self, trials: usize) -> String {
        let (p, s) = self.sizes(trials);
        format!("regularized evolution (population {p}, sample {s}{})", self.inherited())
    }

    fn to_json(&self) -> Option<String> {
        ROW.stored(self)
    }

    fn problems(&self) -> Vec<String> {
        let sizes = [("population", self.population), ("sample", self.sample)];
        let wrong = |(name, n)| unfit(name, n, |n| n >= 1, "at least 1 is needed", "10");
        sizes.into_iter().filter_map(wrong).collect()
    }
}

impl std::fmt::Debug for Evolution {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let part = |n: Option<i64>, rule: &str| n.map_or(rule.to_string(), |n| n.to_string());
        let (p, s) =
            (part(self.population, "by the trials"), part(self.sample, "by the population"));
        write!(f, "regularized evolution (population {p}; sample {s}{})", self.inherited())
    }
}
