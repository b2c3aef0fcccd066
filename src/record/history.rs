//! What a strategy may know: the space, what was asked, and the results that the batch lets it see.

use crate::record::{Key, Outcome, Trial};
use crate::space::{Architecture, Space};
use crate::task::Metric;
use std::collections::HashMap;
use std::sync::Arc;

/// The history of a study as the next trial may see it.
///
/// With `batch(q)`, trial n sees the results of trials 0 to n-q; of the trials after those it sees
/// the architectures only, whether they have ended or not. That is what makes a study the same on
/// any number of threads.
#[derive(Clone)]
pub struct History {
    pub(crate) space: Space,
    pub(crate) metric: Metric,
    /// What is optimised besides the score.
    pub(crate) further: Vec<Metric>,
    pub(crate) planned: usize,
    /// The study's seed, for what must be random and the same at every trial.
    pub(crate) seed: u64,
    /// How far results lag behind.
    pub(crate) batch: usize,
    /// Shared: a copy for the strategy costs nothing.
    pub(crate) trials: Arc<Vec<Trial>>,
    pub(crate) visible: usize,
    /// The last proposal for this trial that was refused as a duplicate.
    pub(crate) rejected: Option<Architecture>,
    /// Which architectures count as the same.
    pub(crate) key: Key,
    /// The first trial of every architecture, by its key.
    pub(crate) first: Arc<HashMap<Vec<u32>, usize>>,
    /// Histories of one lineage agree in all trials that have ended up to any that they share.
    pub(crate) lineage: Arc<()>,
}

impl History {
    /// The space that is searched.
    pub fn space(&self) -> &Space {
        &self.space
    }

    /// The score's name and direction.
    pub fn metric(&self) -> Metric {
        self.metric.clone()
    }

    /// How many trials have been asked for; the number of the next one.
    pub fn asked(&self) -> usize {
        self.trials.len()
    }

    /// How many trials the study's budget allows; an estimate where it is in seconds.
    pub fn trials_planned(&self) -> usize {
        self.planned
    }

    /// The trials that finished with a score, in order, as far as the next trial may see them.
    pub fn finished(&self) -> Vec<Trial> {
        self.seen().filter(|t| t.score_if_finished()).cloned().collect()
    }

    /// The last `n` of [`History::finished`], in order.
    pub fn last_finished(&self, n: usize) -> Vec<Trial> {
        let newest = self.seen().rev().filter(|t| t.score_if_finished()).take(n);
        let mut list: Vec<Trial> = newest.cloned().collect();
        list.reverse();
        list
    }

    /// The trials that failed, in order, as far as the next trial may see them.
    pub fn failed(&self) -> Vec<Trial> {
        self.seen().filter(|t| t.error().is_some()).cloned().collect()
    }

    /// The finished trial with the best score, the first of equals.
    pub fn best(&self) -> Option<Trial> {
        best(self.seen(), &self.metric)
    }

    /// The architectures of all trials asked so far, in order, those still hidden included.
    pub fn architectures(&self) -> Vec<Architecture> {
        self.trials.iter().map(Trial::architecture).collect()
    }

    /// The architectures whose results are not visible yet.
    pub fn pending(&self) -> Vec<Architecture> {
        self.trials[self.visible..].iter().map(Trial::architecture).collect()
    }

    /// Whether the architecture was asked before, as the study's key sees it: then its trial may be
    /// running, finished or failed.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::new([8], Task::classification(2)).then(linear(any([4, 8, 16])));
    /// let fresh = strategy("the first not tried", |history, _| {
    ///     Ok(history.space().enumerate().find(|a| !history.tried(a)).ok_or("nothing is left")?)
    /// });
    /// let study = Study::new(&space, evaluator(|a, _| a.params() as f64)).strategy(fresh).trials(3).quiet().run()?;
    /// assert_eq!(study.trials_done()[2].architecture().to_string(), "linear(16)");
    /// # Ok::<(), nascent::Error>(())
    /// ```
    pub fn tried(&self, arch: &Architecture) -> bool {
        self.first.contains_key(&self.key.of(arch))
    }

    /// 1, or -1 for a single objective that is minimised: what makes more better.
    pub(crate) fn sign(&self) -> f64 {
        if self.further.is_empty() && !self.metric.maximise { -1.0 } else { 1.0 }
    }

    /// The trials whose results may be used, in order.
    pub(crate) fn visible(&self) -> &[Trial] {
        &self.trials[..self.visible]
    }

    /// The last architecture that was proposed, also one that was refused as a duplicate.
    pub(crate) fn last_asked(&self) -> Option<Architecture> {
        self.rejected.clone().or_else(|| self.trials.last().map(Trial::architecture))
    }

    fn seen(&self) -> impl DoubleEndedIterator<Item = &Trial> {
        self.visible().iter()
    }
}

impl Trial {
    fn score_if_finished(&self) -> bool {
        matches!(self.0.outcome, Outcome::Finished(_))
    }
}

/// The finished trial with the best score, the first of equals.
pub(crate) fn best<'t>(trials: impl Iterator<Item = &'t Trial>, metric: &Metric) -> Option<Trial> {
    let mut found: Option<(f64, &Trial)> = None;
    for t in trials {
        if let Outcome::Finished(e) = &t.0.outcome
            && found.is_none_or(|(b, _)| metric.better(e.score(), b))
        {
            found = Some((e.score(), t));
        }
    }
    found.map(|(_, t)| t.clone())
}

impl std::fmt::Debug for History {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "history of {}, {} of them visible",
            crate::words::plural(self.trials.len(), "trial"),
            self.visible
        )
    }
}
