//! Parts that several strategies share.

mod breed;
mod caution;

pub(super) use breed::{Generations, Variation, fresh, given_text, size, size_text, too_few};
pub(super) use caution::{Caution, likelier};

use super::Proposal;
use crate::error::{ErrorKind, Result};
use crate::record::{History, Trial};
use crate::rng::Rng;
use crate::space::{Architecture, Space};
use std::fmt::Display;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A random architecture.
pub(super) fn sample(history: &History, rng: &mut Rng) -> Result<Proposal> {
    Ok(Proposal::new(history.space().sample(rng)?, "random"))
}

/// A mutation of an architecture, if it has a neighbour.
pub(super) fn mutant(
    space: &Space,
    arch: &Architecture,
    rng: &mut Rng,
) -> Result<Option<Architecture>> {
    match space.mutate(arch, rng) {
        Err(e) if e.kind() == ErrorKind::Exhausted => Ok(None),
        found => found.map(Some),
    }
}

/// What is wrong with a setting, in words.
pub(super) fn unfit<T: Copy + Display>(
    name: &str,
    value: Option<T>,
    fits: impl Fn(T) -> bool,
    allowed: &str,
    usual: &str,
) -> Option<String> {
    let value = value.filter(|&v| !fits(v))?;
    Some(format!("{name}({value}): {allowed}. Try {name}({usual})."))
}

/// How often an architecture is drawn that was not tried yet, before a known one is accepted.
const DRAWS: usize = 100;

/// A random architecture that is unlikely to fail, and new if one is found.
pub(super) fn random(history: &History, caution: &Caution, rng: &mut Rng) -> Result<Proposal> {
    let mut drawn = caution.draw(rng, |rng| sample(history, rng))?;
    // A study that refuses duplicates looks for a new one itself.
    let draws = if history.rejected().is_some() { 1 } else { DRAWS };
    for _ in 1..draws {
        if !history.tried(&drawn.architecture) {
            break;
        }
        drawn = caution.draw(rng, |rng| sample(history, rng))?;
    }
    Ok(drawn)
}

/// The best of `size` trials drawn with replacement; of equal ones the first.
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

/// How many studies are remembered: those that one strategy serves side by side.
const STUDIES: usize = 4;

/// What a strategy remembers between two trials, so that it need not read every history from its
/// beginning. The state must follow from the visible trials, and is kept with them. A history that
/// begins with other trials (of another study, or with a trial that was opened again) gets its own
/// state. So this saves time and changes nothing: a new instance proposes the same. It is not part of a
/// strategy's value: copies begin empty, and any two are equal.
pub(crate) struct Recall<S>(Mutex<Vec<(Known, S)>>);

/// The trials that a state belongs to: the first `trials` of a lineage, of which this is the last.
#[derive(Default)]
struct Known {
    lineage: Arc<()>,
    trials: usize,
    last: Option<Trial>,
}

impl Known {
    /// Whether a history begins with these trials. While a trial is held here, it is not changed in
    /// place, and within a lineage the trials before it are the same.
    fn begins(&self, history: &History) -> bool {
        let at = self.trials.checked_sub(1).and_then(|i| history.visible().get(i));
        let same = at.zip(self.last.as_ref()).is_some_and(|(a, b)| Arc::ptr_eq(&a.0, &b.0));
        same && Arc::ptr_eq(&self.lineage, history.lineage())
    }
}

impl<S: Default> Recall<S> {
    /// Does the work with the state that belongs to a history, or with a new one.
    pub(crate) fn with<R>(&self, history: &History, work: impl FnOnce(&mut S) -> R) -> R {
        let mut state = {
            let mut studies = self.studies();
            let known = studies.iter().position(|(known, _)| known.begins(history));
            known.map(|i| studies.remove(i).1).unwrap_or_default()
        };
        let result = work(&mut state);
        // Without trials, one study cannot be told from another.
        if let Some(last) = history.visible().last() {
            let (lineage, trials) = (history.lineage().clone(), history.visible().len());
            let mut studies = self.studies();
            if studies.len() == STUDIES {
                studies.remove(0);
            }
            studies.push((Known { lineage, trials, last: Some(last.clone()) }, state));
        }
        result
    }

    fn studies(&self) -> MutexGuard<'_, Vec<(Known, S)>> {
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
