//! Local search, also called hill climbing.
//!
//! White, Nolen, Savani: "Exploring the Loss Landscape in Neural Architecture Search",
//! arXiv 2005.02960, algorithm 1, with the loss l and the neighbourhood N(v), all architectures that
//! differ from v in one decision:
//!
//! ```text
//! v_1 <- a random architecture, evaluated; l(v_0) = infinity; i = 1
//! while l(v_i) < l(v_{i-1}):
//!     evaluate l(u) for all u in N(v_i)
//!     v_{i+1} <- the u in N(v_i) with the lowest l(u); i <- i + 1
//! output v_i, a local optimum; while the budget lasts, begin again at a random architecture
//! ```
//!
//! What the pseudo-code leaves open is settled as in the authors' program (github.com/naszilla): an
//! architecture that was asked before is passed over, as a neighbour and as a beginning, so that no
//! climb pays again for what an earlier one has seen, nor follows it to the same optimum. What they
//! call a neighbourhood that is not queried in full is [`LocalSearch::first_improvement`]. Neighbours
//! are visited in random order.
//!
//! Where we differ: a beginning that failed is given up; a neighbour that failed is never the best.
//! With a batch, results that the next trial may not see yet count as no improvement: the search
//! goes on with the climb after this one, which would come anyway, and when the results are there it
//! takes the turn that it would have taken. So where the search stands follows from the trials
//! alone, walking from the first; what no later result can change is remembered between two trials.

use super::parts::{Recall, random};
use super::{Proposal, Strategy, stored};
use crate::arch::Architecture;
use crate::error::Result;
use crate::rng::Rng;
use crate::study::History;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Local search: evaluates all neighbours, moves to the best, and begins anew at a local optimum.
///
/// ```
/// use nascent::prelude::*;
/// let space = Space::new([8], Task::classification(2)).then(repeat(1..=4, linear(any([4, 8, 16, 32]))));
/// let study = Study::new(&space, evaluator(|a, _| -(a.params() as f64)))
///     .strategy(LocalSearch::new())
///     .trials(60).seed(1).quiet().run()?;
/// assert_eq!(study.best()?.architecture().to_string(), "linear(4)");
/// # Ok::<(), nascent::Error>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[must_use = "methods return a new value and leave this one as it is"]
#[doc(alias = "HillClimbing")]
pub struct LocalSearch {
    first_improvement: bool,
    #[serde(skip)]
    recall: Recall<Walk>,
}

/// Neighbourhoods that are kept: with a batch, one trial looks at a few.
const NEARBY: usize = 8;

/// How far the search has come that no later result can change.
#[derive(Default)]
struct Walk {
    place: Option<Place>,
    /// The neighbourhoods looked at last, by the decisions in their middle.
    nearby: Vec<(Vec<u32>, Arc<Vec<Neighbour>>)>,
}

/// Where a climb stands, in numbers of trials.
#[derive(Clone, Copy)]
struct Place {
    start: usize,
    at: usize,
}

struct Neighbour {
    decisions: Vec<u32>,
    /// By which the study knows whether it was tried.
    key: Vec<u32>,
}

/// What follows at a place. `firm`: results still to come cannot change it.
enum Step {
    /// Evaluate this neighbour.
    Visit(Architecture),
    /// On to the neighbour of this trial.
    Move { to: usize, firm: bool },
    /// The climb has ended.
    Over { firm: bool },
}

impl LocalSearch {
    /// As in the paper's algorithm: all neighbours are evaluated before it moves to the best.
    pub fn new() -> Self {
        LocalSearch::default()
    }

    /// Moves as soon as a neighbour is better, without evaluating the others.
    pub fn first_improvement(&self) -> Self {
        LocalSearch { first_improvement: true, ..self.clone() }
    }

    /// Follows the walk from where it is sure to its end, where a trial is wanted.
    fn follow(&self, walk: &mut Walk, history: &History, rng: &mut Rng) -> Result<Proposal> {
        let Some(mut place) = walk.place.or_else(|| beginning(history, 0)) else {
            return random(history, rng);
        };
        let mut sure = true;
        loop {
            let (next, firm) = match self.step(place, walk, history, rng)? {
                Step::Visit(arch) => {
                    let middle = [history.trials[place.at].clone()];
                    return Ok(Proposal::new(arch, "neighbour").parents(&middle));
                }
                Step::Move { to, firm } => (Some(Place { at: to, ..place }), firm),
                Step::Over { firm } => (beginning(history, place.start + 1), firm),
            };
            let Some(next) = next else { return random(history, rng) };
            // A beginning that is hidden yet is not among the trials that the walk belongs to.
            sure &= firm && next.at < history.visible().len();
            if sure {
                walk.place = Some(next);
            }
            place = next;
        }
    }

    fn step(
        &self,
        place: Place,
        walk: &mut Walk,
        history: &History,
        rng: &mut Rng,
    ) -> Result<Step> {
        let (seen, metric) = (history.visible(), &history.metric);
        let here = match seen.get(place.at) {
            Some(trial) => match trial.score() {
                Some(score) => Some(score),
                None => return Ok(Step::Over { firm: true }),
            },
            None => None,
        };
        let neighbours = walk.neighbours(&history.trials[place.at].0.architecture, history)?;
        let (mut fresh, mut better, mut hidden) = (vec![], vec![], here.is_none());
        for neighbour in neighbours.iter() {
            let Some(&n) = history.first.get(&neighbour.key) else {
                fresh.push(&neighbour.decisions);
                continue;
            };
            if history.trials[n].0.parents != [place.at] {
                continue;
            }
            match (seen.get(n), here) {
                (Some(trial), Some(here)) => {
                    let score = trial.score().filter(|&score| metric.better(score, here));
                    better.extend(score.map(|score| (n, score)));
                }
                _ => hidden = true,
            }
        }
        // Of equals the earliest.
        better.sort_by_key(|&(n, _)| n);
        let to = match self.first_improvement {
            true => better.first().copied(),
            false => better.into_iter().reduce(|a, b| if metric.better(b.1, a.1) { b } else { a }),
        };
        Ok(match to {
            Some((to, _)) if self.first_improvement => Step::Move { to, firm: true },
            // Drawn only here: how far the walk is remembered must not change what is drawn.
            _ if !fresh.is_empty() => {
                let decisions = fresh[rng.below(fresh.len())].clone();
                Step::Visit(Architecture::new(&history.space, decisions))
            }
            Some((to, _)) => Step::Move { to, firm: !hidden },
            None => Step::Over { firm: !hidden },
        })
    }
}

/// Where a climb begins, from trial `from` on: at a trial that is no neighbour of another.
fn beginning(history: &History, from: usize) -> Option<Place> {
    let found = history.trials.iter().skip(from).find(|t| t.0.parents.is_empty())?;
    Some(Place { start: found.number(), at: found.number() })
}

impl Walk {
    /// The neighbourhood of an architecture.
    fn neighbours(
        &mut self,
        arch: &Architecture,
        history: &History,
    ) -> Result<Arc<Vec<Neighbour>>> {
        if let Some((_, list)) = self.nearby.iter().find(|(middle, _)| middle == arch.decided()) {
            return Ok(list.clone());
        }
        let neighbour =
            |a: Architecture| Neighbour { key: history.key.of(&a), decisions: a.decisions() };
        let all = history.space().neighbours(arch)?;
        let list: Arc<Vec<_>> = Arc::new(all.into_iter().map(neighbour).collect());
        if self.nearby.len() == NEARBY {
            self.nearby.remove(0);
        }
        self.nearby.push((arch.decisions(), list.clone()));
        Ok(list)
    }
}

impl Strategy for LocalSearch {
    fn ask(&self, history: &History, rng: &mut Rng) -> Result<Proposal> {
        self.recall.with(history, |walk| self.follow(walk, history, rng))
    }

    fn describe(&self, _: usize) -> String {
        match self.first_improvement {
            true => "local search (first improvement)".to_string(),
            false => "local search".to_string(),
        }
    }

    fn to_json(&self) -> Option<String> {
        stored("local", self)
    }
}

impl std::fmt::Debug for LocalSearch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.describe(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_made_again_from_its_stored_form() {
        for local in [LocalSearch::new(), LocalSearch::new().first_improvement()] {
            let stored = local.to_json().unwrap();
            let again = crate::strategy::from_json(&stored).unwrap();
            assert_eq!(again.describe(10), local.describe(10));
            assert_eq!(again.to_json().unwrap(), stored);
        }
        assert_ne!(LocalSearch::new(), LocalSearch::new().first_improvement());
    }
}
