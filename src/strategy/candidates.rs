//! What all strategies with a model share: how they begin, which candidates they consider, which trials
//! they learn from when there are many, and how they treat trials that are still running.

use super::Proposal;
use super::parts::{Caution, Recall, likelier, random};
use super::targets::{Seen, best, drawn, evenly};
use crate::error::{ErrorKind, Result};
use crate::record::{History, Trial};
use crate::rng::Rng;
use crate::space::Architecture;
use crate::surrogate::{Acquisition, Prediction, Scale};
use std::collections::HashSet;

/// How many random architectures come first, as in the program of BANANAS; with less than 40 trials it is
/// a quarter of them.
pub(super) const START: usize = 10;
/// How many candidates are drawn, half of them by mutation and half at random, and how many of the best
/// trials are mutated, as in NAS-BOWL (arXiv 2006.07556).
const POOL: usize = 200;
const PARENTS: usize = 10;
/// How many of the trials without a result a model considers: the last ones.
const BELIEVED: usize = 32;

/// What distinguishes one strategy with a model of the score from the others.
pub(super) trait Model {
    /// What it has learned; it is kept between two trials.
    type Learned: Default;

    /// A number to learn for each trial; more is better.
    fn targets(&self, history: &History, trials: &[Trial], rng: &mut Rng) -> Vec<f64> {
        drawn(history, trials, rng)
    }

    /// What the model predicts for architectures, after it has learned `y` for the trials in `seen`.
    fn look(
        &self,
        learned: &mut Self::Learned,
        history: &History,
        seen: &Seen,
        y: &[f64],
        architectures: &[Architecture],
        rng: &mut Rng,
    ) -> Vec<Outlook>;
}

/// The settings of every strategy with a model: with `acquisition: Acquisition`, and what Thompson
/// sampling draws.
macro_rules! acquisitions {
    ($strategy:ident, $thompson:literal) => {
        impl $strategy {
            /// Tries what has the largest expected improvement over the best seen.
            pub fn expected_improvement(&self) -> Self {
                $strategy { acquisition: Acquisition::ExpectedImprovement, ..self.clone() }
            }

            /// Tries what has the largest mean plus `beta` standard deviations.
            pub fn upper_bound(&self, beta: f64) -> Self {
                $strategy { acquisition: Acquisition::UpperBound(beta), ..self.clone() }
            }

            #[doc = $thompson]
            pub fn thompson(&self) -> Self {
                $strategy { acquisition: Acquisition::Thompson, ..self.clone() }
            }
        }

        super::debug_as_described!($strategy);
    };
}
pub(super) use acquisitions;

/// What follows from the trials so far; it is kept between two of them.
#[derive(Default)]
pub(super) struct Memory<L> {
    seen: Seen,
    caution: Caution,
    learned: L,
}

/// What a model predicts for an architecture.
#[derive(Clone, Copy)]
pub(super) struct Outlook {
    pub(super) mu: f64,
    pub(super) sigma: f64,
    pub(super) acquisition: f64,
}

/// How a strategy with a model proposes: at random at first, and then the candidate of a pool with the
/// largest acquisition.
pub(super) fn ask<M: Model>(
    model: &M,
    acquisition: Acquisition,
    recall: &Recall<Memory<M::Learned>>,
    history: &History,
    rng: &mut Rng,
) -> Result<Proposal> {
    recall.with(history, |Memory { seen, caution, learned }| {
        seen.follow(history);
        caution.follow(history);
        if let Some(proposal) = start(history, &seen.trials, caution, rng)? {
            return Ok(proposal);
        }
        let y = model.targets(history, &seen.trials, rng);
        let pool = Pool::draw(history, &seen.trials, &y, rng)?;
        let found = model.look(learned, history, seen, &y, &pool.architectures, rng);
        let values: Vec<f64> = found.into_iter().map(|o| o.acquisition).collect();
        pool.choose(&values, &acquisition.name(), history, caution, rng)
    })
}

/// What a strategy with a model expects of architectures, with equal weights for all objectives.
pub(super) fn expects<M: Model>(
    model: &M,
    acquisition: Acquisition,
    recall: &Recall<Memory<M::Learned>>,
    history: &History,
    architectures: &[Architecture],
) -> Vec<Prediction> {
    let mut rng = Rng::from_u64(history.seed()).stream("predict", 0);
    let (found, scale) = recall.with(history, |Memory { seen, learned, .. }| {
        seen.follow(history);
        let y = evenly(history, &seen.trials);
        (model.look(learned, history, seen, &y, architectures, &mut rng), Scale::of(&y))
    });
    in_scores(found, acquisition, &scale, history)
}

/// Converts what a model predicts into scores.
pub(super) fn in_scores(
    found: Vec<Outlook>,
    acquisition: Acquisition,
    scale: &Scale,
    history: &History,
) -> Vec<Prediction> {
    let prediction = |o: Outlook| {
        let acquisition = acquisition.in_scores(o.acquisition, scale);
        Prediction::new(o.mu, o.sigma, acquisition, scale, history.sign())
    };
    found.into_iter().map(prediction).collect()
}

/// A random architecture, while the study is still beginning: until enough were asked for, and two have
/// ended, one of them with a score.
fn start(
    history: &History,
    seen: &[Trial],
    caution: &Caution,
    rng: &mut Rng,
) -> Result<Option<Proposal>> {
    let most = (history.trials_planned() / 4).clamp(2, START);
    let few = seen.len() < 2 || seen.iter().all(|t| t.finished().is_none());
    (few || history.asked() < most).then(|| random(history, caution, rng)).transpose()
}

/// New architectures to choose from, as strategies with a model do: half are mutations of the best trials, half are
/// random.
pub(crate) fn pool(history: &History, rng: &mut Rng) -> Result<Vec<Proposal>> {
    let trials = history.visible();
    let pool = Pool::draw(history, trials, &drawn(history, trials, rng), rng)?;
    let proposal = |(arch, parent): (Architecture, Option<Trial>)| {
        let origin = if parent.is_some() { "mutation" } else { "random" };
        Proposal::new(arch, origin).parents(parent.as_slice())
    };
    Ok(pool.architectures.into_iter().zip(pool.parents).map(proposal).collect())
}

/// Candidates: none was tried before, and no two are the same.
struct Pool {
    architectures: Vec<Architecture>,
    /// The trial that each is a mutation of.
    parents: Vec<Option<Trial>>,
}

impl Pool {
    /// Half of them are mutations of the best trials, half are random; a space that is no larger than a
    /// pool is taken as a whole. The pool is empty if nothing new was found.
    fn draw(history: &History, trials: &[Trial], y: &[f64], rng: &mut Rng) -> Result<Pool> {
        let space = history.space();
        let mut pool = Pool { architectures: vec![], parents: vec![] };
        let mut seen = HashSet::new();
        let mut add = |arch: Architecture, parent: Option<&Trial>| {
            let key = history.key().of(&arch);
            if history.first(&key).is_none() && seen.insert(key) {
                pool.architectures.push(arch);
                pool.parents.push(parent.cloned());
            }
        };
        if space.size().is_some_and(|n| n <= POOL as u128) {
            let mut all: Vec<Architecture> = space.enumerate().collect();
            // Of equal candidates the first is taken, so the order must vary.
            rng.shuffle(&mut all);
            all.into_iter().for_each(|arch| add(arch, None));
            return Ok(pool);
        }
        let best = best(y, PARENTS);
        for i in 0..POOL {
            let parent = rng.pick(&best).and_then(|b| trials.get(b)).filter(|_| i % 2 == 1);
            match parent.map(|p| space.mutate(&p.0.architecture, rng)) {
                Some(Ok(arch)) => add(arch, parent),
                Some(Err(e)) if e.kind() != ErrorKind::Exhausted => return Err(e),
                _ => add(space.sample(rng)?, None),
            }
        }
        Ok(pool)
    }

    /// The candidate with the largest value, of equal ones the first; a random architecture if there is
    /// none. Once something has failed, the amount by which a value exceeds the least of the pool is
    /// multiplied by the candidate's weight. The least expected improvement is about 0, so for it this is
    /// EI times the weight.
    fn choose(
        &self,
        values: &[f64],
        origin: &str,
        history: &History,
        caution: &Caution,
        rng: &mut Rng,
    ) -> Result<Proposal> {
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let weighed = |(arch, &v): (&Architecture, &f64)| match caution.needed() {
            true => (v - least) * caution.weight(arch),
            false => v,
        };
        let mut best = None;
        for (i, v) in self.architectures.iter().zip(values).map(weighed).enumerate() {
            likelier(&mut best, v, i);
        }
        let Some((_, i)) = best else { return random(history, caution, rng) };
        Ok(Proposal::new(self.architectures[i].clone(), origin).parents(self.parents[i].as_slice()))
    }
}

/// Which trials to learn from, in order: all of them up to `most`; of more trials, half are the best and
/// the rest are the last of the others.
pub(crate) fn most_useful(y: &[f64], most: usize) -> Vec<usize> {
    if y.len() <= most {
        return (0..y.len()).collect();
    }
    let mut chosen = best(y, most / 2);
    let taken: HashSet<usize> = chosen.iter().copied().collect();
    let rest = most - chosen.len();
    chosen.extend((0..y.len()).rev().filter(|i| !taken.contains(i)).take(rest));
    chosen.sort_unstable();
    chosen
}

/// The architectures of the last [`BELIEVED`] trials without a result. A model believes its own
/// prediction there: it learns no score, but expects nothing new from them either (the kriging believer:
/// Ginsbourger, Le Riche and Carraro, "Kriging is Well-Suited to Parallelize Optimization", 2010).
pub(super) fn believed(history: &History) -> Vec<Architecture> {
    let pending = history.hidden().iter().rev();
    let mut list: Vec<Architecture> = pending.take(BELIEVED).map(Trial::architecture).collect();
    list.reverse();
    list
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategy::{AnyStrategy, IntoStrategy, Strategy, from_json};
    use crate::{Bananas, GaussianProcess, RandomForest};

    #[test]
    fn strategies_are_made_again_from_their_stored_form() {
        let all: [AnyStrategy; 7] = [
            GaussianProcess::hamming().into_strategy(),
            GaussianProcess::weisfeiler_lehman().upper_bound(1.5).into_strategy(),
            GaussianProcess::hamming().thompson().into_strategy(),
            GaussianProcess::graf().upper_bound(2.0).into_strategy(),
            Bananas::new().members(3).layers(10).width(7).epochs(9).into_strategy(),
            Bananas::new().expected_improvement().into_strategy(),
            RandomForest::new().trees(30).thompson().into_strategy(),
        ];
        for strategy in all {
            let stored = strategy.to_json().unwrap();
            let again = from_json(&stored).unwrap();
            assert_eq!(again.to_json().unwrap(), stored);
            assert_eq!(again.describe(10), strategy.describe(10));
        }
    }

    #[test]
    fn of_many_trials_the_best_and_the_last_are_learned() {
        let y = [9.0, 1.0, 8.0, 2.0, 7.0, 3.0, 4.0];
        assert_eq!(most_useful(&y, 7), [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(most_useful(&y, 4), [0, 2, 5, 6]);
        assert_eq!(most_useful(&y, 6), [0, 2, 3, 4, 5, 6]);
        assert_eq!(best(&[1.0, 2.0, 2.0], 2), [1, 2]);
    }
}
