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
//! architecture that was asked for before is passed over, as a neighbour and as a beginning, so no climb
//! pays again for what an earlier one has seen, or follows it to the same optimum. Their variant that
//! does not query whole neighbourhoods is [`LocalSearch::first_improvement`]. Neighbours are visited in
//! random order.
//!
//! Where we differ: a beginning that failed is given up, and a neighbour that failed is never the best.
//! Once something has failed, architectures that are likely to fail are passed over (`parts/caution.rs`);
//! for the neighbours of a place, what was known when the place was reached decides. If a place has more
//! than a thousand neighbours, they are not listed, but drawn when they are needed.
//!
//! With a batch, results that the next trial may not see yet count as no improvement: the search begins
//! the next climb early, and once the results are visible, it continues as they demand. So the state of
//! the search follows from the trials alone, from the first one on; what no later result can change is
//! remembered between two trials.

use super::parts::{Caution, Recall, random};
use super::{IntoStrategy, Proposal, Strategy, StrategyInfo, read};
use crate::error::Result;
use crate::record::{History, Trial};
use crate::rng::{Rng, child};
use crate::space::Architecture;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
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

/// How many neighbourhoods are kept: with a batch, one trial needs a few.
const NEARBY: usize = 8;
/// The most neighbours that are listed.
const LISTED: usize = 1000;
/// How often an untried one of more neighbours is drawn, before all are searched in order.
const DRAWS: usize = 100;

/// The part of the search that no later result can change, and what follows from the visible trials.
#[derive(Default)]
struct Walk {
    place: Option<Place>,
    /// The last neighbourhoods, by their middle.
    nearby: Vec<(Middle, Arc<Around>)>,
    /// How many of the visible trials have been looked at.
    seen: usize,
    /// The steps from each trial, without architectures that were known before.
    children: HashMap<usize, Vec<usize>>,
    /// What is known of failures now, and what was known when a place was reached.
    caution: Caution,
    past: Caution,
}

/// The middle of a neighbourhood: its trial, whether that is visible, and its decisions.
#[derive(PartialEq)]
struct Middle {
    at: usize,
    visible: bool,
    decisions: Vec<u32>,
}

/// Where a climb stands, in numbers of trials.
#[derive(Clone, Copy)]
struct Place {
    start: usize,
    at: usize,
}

/// The neighbours of a place that are kept.
enum Around {
    /// Their decisions, and the keys by which the study knows whether they were tried.
    Listed(Vec<(Vec<u32>, Vec<u32>)>),
    /// Too many to list: the options of every decision, and what was known of failures.
    Many { options: Vec<usize>, number: usize, caution: Caution },
}

/// What follows at a place. If it is `firm`, results still to come cannot change it.
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

    /// Follows the walk from its remembered part to its end, where the next trial is needed.
    fn follow(&self, walk: &mut Walk, history: &History, rng: &mut Rng) -> Result<Proposal> {
        let Some(mut place) = walk.place.or_else(|| beginning(history, 0)) else {
            return random(history, &walk.caution, rng);
        };
        let mut sure = true;
        loop {
            let (next, firm) = match self.step(place, walk, history, rng)? {
                Step::Visit(arch) => {
                    let middle = [history.all()[place.at].clone()];
                    return Ok(Proposal::new(arch, "neighbour").parents(&middle));
                }
                Step::Move { to, firm } => (Some(Place { at: to, ..place }), firm),
                Step::Over { firm } => (beginning(history, place.start + 1), firm),
            };
            let Some(next) = next else { return random(history, &walk.caution, rng) };
            // A beginning that is still hidden is not among the trials that the walk belongs to.
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
        let (seen, metric) = (history.visible(), history.metric());
        let here = match seen.get(place.at).map(Trial::score) {
            Some(None) => return Ok(Step::Over { firm: true }),
            here => here.flatten(),
        };
        let around = walk.around(place.at, history)?;
        let (mut better, mut hidden) = (vec![], here.is_none());
        for n in walk.children(place.at, history) {
            match (seen.get(n), here) {
                (Some(trial), Some(here)) => {
                    let score = trial.score().filter(|&score| metric.better(score, here));
                    better.extend(score.map(|score| (n, score)));
                }
                _ => hidden = true,
            }
        }
        // Of equal ones the earliest.
        let to = match self.first_improvement {
            true => better.first().copied(),
            false => better.into_iter().reduce(|a, b| if metric.better(b.1, a.1) { b } else { a }),
        };
        if let (Some((to, _)), true) = (to, self.first_improvement) {
            return Ok(Step::Move { to, firm: true });
        }
        // Drawn only here: how far the walk is remembered must not change what is drawn.
        Ok(match (around.fresh(place.at, history, rng)?, to) {
            (Some(arch), _) => Step::Visit(arch),
            (None, Some((to, _))) => Step::Move { to, firm: !hidden },
            (None, None) => Step::Over { firm: !hidden },
        })
    }
}

/// The first beginning of a climb from trial `from` on: a trial that is not a neighbour of another.
fn beginning(history: &History, from: usize) -> Option<Place> {
    let found = history.all().iter().skip(from).find(|t| t.0.parents.is_empty())?;
    Some(Place { start: found.number(), at: found.number() })
}

impl Walk {
    /// Takes in the trials that have not been looked at yet.
    fn look(&mut self, history: &History) {
        let visible = history.visible();
        for trial in &visible[self.seen..] {
            if let Some(middle) = step_from(trial, history) {
                self.children.entry(middle).or_default().push(trial.number());
            }
        }
        self.seen = visible.len();
        self.caution.follow(history);
    }

    /// The trials that were steps from a trial, in order, including the hidden ones.
    fn children(&self, at: usize, history: &History) -> Vec<usize> {
        let hidden = history.hidden().iter();
        let hidden = hidden.filter(|t| step_from(t, history) == Some(at)).map(Trial::number);
        self.children.get(&at).into_iter().flatten().copied().chain(hidden).collect()
    }

    /// The neighbourhood of a trial.
    fn around(&mut self, at: usize, history: &History) -> Result<Arc<Around>> {
        let arch = &history.all()[at].0.architecture;
        let visible = at < history.visible().len();
        let middle = Middle { at, visible, decisions: arch.decisions() };
        if let Some((_, around)) = self.nearby.iter().find(|(known, _)| *known == middle) {
            return Ok(around.clone());
        }
        let caution = match visible {
            true => {
                self.past.follow_to(&history.visible()[..=at]);
                self.past.clone()
            }
            // What will be known when it becomes visible is not known yet.
            false => Caution::default(),
        };
        let around = Arc::new(Around::of(arch, at, caution, history)?);
        if self.nearby.len() == NEARBY {
            self.nearby.remove(0);
        }
        self.nearby.push((middle, around.clone()));
        Ok(around)
    }
}

/// The trial that a trial was a step from; `None` for an architecture that was asked for before.
fn step_from(trial: &Trial, history: &History) -> Option<usize> {
    let [middle] = trial.0.parents[..] else { return None };
    let key = history.key().of(&trial.0.architecture);
    (history.first(&key) == Some(trial.number())).then_some(middle)
}

/// Whether neighbour `i` of a place is kept; the answer never changes.
fn keeps(caution: &Caution, arch: &Architecture, at: usize, i: usize, history: &History) -> bool {
    if !caution.needed() {
        return true;
    }
    let place = child(history.seed(), "neighbours", at as u64);
    caution.keeps(arch, &mut Rng::from_u64(child(place, "kept", i as u64)))
}

impl Around {
    fn of(arch: &Architecture, at: usize, caution: Caution, history: &History) -> Result<Around> {
        let options = history.space().options(arch);
        let number = options.iter().map(|n| n - 1).fold(0, usize::saturating_add);
        if number > LISTED {
            return Ok(Around::Many { options, number, caution });
        }
        let all = history.space().neighbours(arch)?.into_iter().enumerate();
        let kept = all.filter(|(i, a)| keeps(&caution, a, at, *i, history));
        Ok(Around::Listed(kept.map(|(_, a)| (a.decisions(), history.key().of(&a))).collect()))
    }

    /// One that was not tried yet, at random.
    fn fresh(&self, at: usize, history: &History, rng: &mut Rng) -> Result<Option<Architecture>> {
        let (options, number, caution) = match self {
            Around::Listed(list) => {
                let fresh: Vec<&Vec<u32>> = list
                    .iter()
                    .filter(|(_, key)| history.first(key).is_none())
                    .map(|(decisions, _)| decisions)
                    .collect();
                return Ok((!fresh.is_empty()).then(|| {
                    let decisions = fresh[rng.below(fresh.len())].clone();
                    Architecture::new(history.space(), decisions)
                }));
            }
            Around::Many { options, number, caution } => (options, *number, caution),
        };
        let middle = &history.all()[at].0.architecture;
        let new = |mut i: usize| -> Result<Option<Architecture>> {
            let whole = i;
            for (k, (&n, &now)) in options.iter().zip(middle.decided()).enumerate() {
                if i < n - 1 {
                    let option = if i < now as usize { i } else { i + 1 };
                    let arch = history.space().neighbour(middle, k, option)?;
                    return Ok(
                        arch.filter(|a| !history.tried(a) && keeps(caution, a, at, whole, history))
                    );
                }
                i -= n - 1;
            }
            Ok(None)
        };
        // The stream of this place: the numbers that it takes must not change those of others.
        let mut stream = rng.stream("neighbours", at);
        for _ in 0..DRAWS {
            if let Some(arch) = new(stream.below(number))? {
                return Ok(Some(arch));
            }
        }
        let from = stream.below(number);
        for i in (from..number).chain(0..from) {
            if let Some(arch) = new(i)? {
                return Ok(Some(arch));
            }
        }
        Ok(None)
    }
}

/// Its row in the table of strategies.
pub(super) const ROW: StrategyInfo = StrategyInfo {
    name: "local",
    about: "all neighbours of the best so far, until none is better; then anew",
    paper: "White et al. 2021, arXiv 2005.02960",
    make: || LocalSearch::new().into_strategy(),
    read: read::<LocalSearch>,
};

impl Strategy for LocalSearch {
    fn ask(&self, history: &History, rng: &mut Rng) -> Result<Proposal> {
        self.recall.with(history, |walk| {
            walk.look(history);
            self.follow(walk, history, rng)
        })
    }

    fn describe(&self, _: usize) -> String {
        match self.first_improvement {
            true => "local search (first improvement)".to_string(),
            false => "local search".to_string(),
        }
    }

    fn to_json(&self) -> Option<String> {
        ROW.stored(self)
    }
}

super::debug_as_described!(LocalSearch);

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
