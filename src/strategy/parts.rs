//! Pieces that several strategies are made of.

mod breed;

pub(super) use breed::{Variation, fresh};

use super::Proposal;
use crate::error::Result;
use crate::rng::Rng;
use crate::study::{History, Trial};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Draws for an architecture that was not tried yet, before one that was is taken.
const DRAWS: usize = 100;

/// A random architecture, a new one if that is found.
pub(super) fn random(history: &History, rng: &mut Rng) -> Result<Proposal> {
    let mut arch = history.space().sample(rng)?;
    // A study that has refused one that was tried looks for a new one itself.
    let draws = if history.rejected.is_some() { 1 } else { DRAWS };
    for _ in 1..draws {
        if !history.tried(&arch) {
            break;
        }
        arch = history.space().sample(rng)?;
    }
    Ok(Proposal::new(arch, "random"))
}

/// The best of `size` trials drawn with replacement; the first drawn wins a tie.
pub(super) fn tournament(
    history: &History,
    population: &[Trial],
    size: usize,
    rng: &mut Rng,
) -> Option<Trial> {
    let metric = history.metric();
    let mut best: Option<Trial> = None;
    for _ in 0..size {
        let drawn = rng.pick(population)?;
        let better = match (&best, drawn.score()) {
            (None, _) => true,
            (Some(b), Some(s)) => metric.better(s, b.score().unwrap_or(f64::NAN)),
            (Some(_), None) => false,
        };
        if better {
            best = Some(drawn);
        }
    }
    best
}

/// Studies whose state is remembered: those that one strategy serves side by side.
const STUDIES: usize = 4;

/// What a strategy remembers between two trials, so that it need not read every history from its
/// beginning. It must follow from the trials that could be seen; they are kept beside it, and a
/// history that begins with other ones, of another study or with a trial that was opened again, gets
/// a state of its own. So it saves time and changes nothing: a new instance proposes the same. It is
/// no part of a strategy's value: copies begin empty, and any two are equal.
pub(super) struct Recall<S>(Mutex<Vec<(Vec<Trial>, S)>>);

impl<S: Default> Recall<S> {
    /// Does the work with the state that belongs to a history, a new one if there is none yet.
    pub(super) fn with<R>(&self, history: &History, work: impl FnOnce(&mut S) -> R) -> R {
        let visible = history.visible();
        // A trial that has ended is not changed in place while it is held here.
        let begins = |seen: &[Trial]| {
            seen.len() <= visible.len()
                && seen.iter().zip(visible).all(|(a, b)| Arc::ptr_eq(&a.0, &b.0))
        };
        let (mut seen, mut state) = {
            let mut studies = self.studies();
            let known = studies.iter().position(|(seen, _)| begins(seen));
            known.map(|i| studies.remove(i)).unwrap_or_default()
        };
        let result = work(&mut state);
        seen.extend_from_slice(&visible[seen.len()..]);
        // Without a trial nothing tells one study from another.
        if !seen.is_empty() {
            let mut studies = self.studies();
            if studies.len() == STUDIES {
                studies.remove(0);
            }
            studies.push((seen, state));
        }
        result
    }

    fn studies(&self) -> MutexGuard<'_, Vec<(Vec<Trial>, S)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S> Default for Recall<S> {
    fn default() -> Self {
        Recall(Mutex::default())
    }
}

impl<S> Clone for Recall<S> {
    fn clone(&self) -> Self {
        Recall::default()
    }
}

impl<S> PartialEq for Recall<S> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl<S> Eq for Recall<S> {}
