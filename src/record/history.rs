//! What a strategy may know: the space, what was asked for, and the results that the batch lets it see.

use super::trial::Record;
use super::{Key, Protocol, Trial, objectives};
use crate::space::{Architecture, Space};
use crate::task::Metric;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

/// The history of a study as the next trial may see it.
///
/// With `batch(q)`, trial n sees the results of trials 0 to n-q. Of later trials it sees only the
/// architectures, whether they have ended or not. So a study is the same on any number of threads.
///
/// The strategies of the crate know nothing else, so one of your own can do the same:
///
/// ```
/// use nascent::prelude::*;
/// let space = Space::decisions([4, 4, 4]);
/// // Every third trial near the best so far, the others at random, and none twice.
/// let mine = strategy("near the best", |history, rng| {
///     for _ in 0..100 {
///         let drawn = match history.visible().iter().max_by(|a, b| {
///             let gain = |t: &Trial| history.gain(t).unwrap_or(f64::NEG_INFINITY);
///             gain(a).total_cmp(&gain(b))
///         }) {
///             Some(best) if history.asked() % 3 == 0 => history.space().mutate(&best.architecture(), rng)?,
///             _ => history.space().sample(rng)?,
///         };
///         if !history.tried(&drawn) {
///             return Ok(drawn);
///         }
///     }
///     history.space().sample(rng)
/// });
/// let sum = evaluator(|a, _| a.decisions().iter().sum::<u32>() as f64);
/// let study = Study::new(&space, sum).strategy(mine).trials(40).quiet().run()?;
/// assert!(study.best()?.score() > Some(5.0));
/// # Ok::<(), nascent::Error>(())
/// ```
#[derive(Clone)]
pub struct History {
    space: Space,
    metric: Metric,
    /// What is optimised besides the score.
    further: Vec<Metric>,
    planned: usize,
    /// The epochs of a full evaluation, where the evaluator says so.
    full: Option<usize>,
    /// The epochs after which there are scores, where there are only some; `None` before the evaluator was asked.
    levels: Option<Arc<Vec<usize>>>,
    seed: u64,
    /// How far results lag behind.
    batch: usize,
    /// Shared, so that a copy for the strategy costs nothing.
    trials: Arc<Vec<Trial>>,
    visible: usize,
    /// The last proposal for this trial that was refused as a duplicate.
    rejected: Option<Architecture>,
    /// Whether there is nothing left to begin, so that only a trial can be gone on with.
    exhausted: bool,
    /// The last architecture that was asked for, where it is not that of the last trial.
    newest: Option<Architecture>,
    /// Which architectures count as the same.
    key: Key,
    /// The first trial of every architecture, by its key.
    first: Arc<HashMap<Vec<u32>, usize>>,
    /// If two histories of one lineage share a trial, they agree in all ended trials before it.
    lineage: Arc<()>,
}

/// The epochs after which an evaluator has scores, as it gives them: growing, each once, none for all.
pub(crate) fn levels_in_order(levels: Option<Vec<usize>>) -> Vec<usize> {
    let mut levels = levels.unwrap_or_default();
    levels.retain(|&epochs| epochs > 0);
    levels.sort_unstable();
    levels.dedup();
    levels
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

    /// All objectives, the score first.
    pub fn objectives(&self) -> Vec<Metric> {
        std::iter::once(&self.metric).chain(&self.further).cloned().collect()
    }

    /// The objectives besides the score; empty if there are none.
    pub fn further(&self) -> &[Metric] {
        &self.further
    }

    /// The values of a finished trial in the order of [`History::objectives`]; `None` for a trial
    /// that has not finished. [`Metric::turned`] changes the sign of each so that less is better.
    pub fn values(&self, trial: &Trial) -> Option<Vec<f64>> {
        objectives::values(trial, &self.further)
    }

    /// The score of a trial, with the sign changed where less is better, so that more is better; `None`
    /// for a trial that has not finished.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::decisions([3]);
    /// let first = strategy("first", |history, rng| {
    ///     assert!(history.visible().iter().all(|t| history.gain(t) == t.score().map(|s| -s)));
    ///     history.space().sample(rng)
    /// });
    /// Study::new(&space, evaluator(|a, _| a.decisions()[0] as f64).minimise()).strategy(first).quiet().run()?;
    /// # Ok::<(), nascent::Error>(())
    /// ```
    pub fn gain(&self, trial: &Trial) -> Option<f64> {
        trial.score().map(|score| if self.metric.maximise { score } else { -score })
    }

    /// The study's seed, for random numbers that must be the same at every trial, such as the initial
    /// weights of a network: `Rng::new(history.seed()).stream("my weights", 0)`. Numbers that differ
    /// from trial to trial come from the stream that the strategy is given.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// How far results lag behind: trial n sees the results of trials 0 to n - batch.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// Which architectures count as the same.
    pub fn key(&self) -> Key {
        self.key
    }

    /// How many trials have been asked for; the number of the next one.
    pub fn asked(&self) -> usize {
        self.trials.len()
    }

    /// The epochs of a full evaluation, of which a [`Proposal`](crate::Proposal) may ask for fewer; 1 where the
    /// evaluator does not say.
    pub fn full_epochs(&self) -> usize {
        self.full.unwrap_or(1)
    }

    /// How many trials the study's budget allows; an estimate if the budget is in seconds.
    pub fn trials_planned(&self) -> usize {
        self.planned
    }

    /// All trials that have been asked for, in order. Those whose results the next trial may not see
    /// look as if they were still running.
    pub fn trials(&self) -> Vec<Trial> {
        let (seen, hidden) = self.trials.split_at(self.visible);
        seen.iter().cloned().chain(hidden.iter().map(Trial::as_if_running)).collect()
    }

    /// The trials whose results the next trial may use, in order: finished or failed.
    pub fn visible(&self) -> &[Trial] {
        &self.trials[..self.visible]
    }

    /// The trials that finished with a score, in order, as far as the next trial may see them.
    pub fn finished(&self) -> Vec<Trial> {
        self.visible().iter().filter(|t| t.finished().is_some()).cloned().collect()
    }

    /// The last `n` of [`History::finished`], in order.
    pub fn last_finished(&self, n: usize) -> Vec<Trial> {
        let newest = self.visible().iter().rev().filter(|t| t.finished().is_some()).take(n);
        let mut list: Vec<Trial> = newest.cloned().collect();
        list.reverse();
        list
    }

    /// The trials that failed, in order, as far as the next trial may see them.
    pub fn failed(&self) -> Vec<Trial> {
        self.visible().iter().filter(|t| t.error().is_some()).cloned().collect()
    }

    /// The finished trial with the best score; of equal ones the first. Where trials differ in their epochs, it is
    /// one of those with the most.
    pub fn best(&self) -> Option<Trial> {
        best(self.visible().iter(), &self.metric)
    }

    /// The architectures of all trials so far, in order, including those whose results are hidden.
    pub fn architectures(&self) -> Vec<Architecture> {
        self.trials.iter().map(Trial::architecture).collect()
    }

    /// The architectures whose results are not visible yet.
    pub fn pending(&self) -> Vec<Architecture> {
        self.hidden().iter().map(Trial::architecture).collect()
    }

    /// Whether the architecture, by the study's key, was asked for before: its trial may be running,
    /// finished or failed.
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

    /// The first trial of the architectures with this key, as [`Key::of`] gives it.
    pub fn first(&self, key: &[u32]) -> Option<usize> {
        self.first.get(key).copied()
    }

    /// The last architecture that was proposed, even if it was refused as a duplicate.
    pub fn last_asked(&self) -> Option<Architecture> {
        let last = || self.trials.last().map(Trial::architecture);
        self.rejected.clone().or_else(|| self.newest.clone()).or_else(last)
    }

    /// The last proposal for this trial that the study refused, because it was tried before and
    /// duplicates are [forbidden](crate::Duplicates::Forbid).
    pub fn rejected(&self) -> Option<&Architecture> {
        self.rejected.as_ref()
    }

    /// 1, or -1 for a single objective that is minimised: times this, more is better.
    pub(crate) fn sign(&self) -> f64 {
        if self.further.is_empty() && !self.metric.maximise { -1.0 } else { 1.0 }
    }

    /// All trials, including results that may not be used.
    pub(crate) fn all(&self) -> &[Trial] {
        &self.trials
    }

    /// The trials whose results may not be used.
    pub(crate) fn hidden(&self) -> &[Trial] {
        &self.trials[self.visible..]
    }

    pub(crate) fn lineage(&self) -> &Arc<()> {
        &self.lineage
    }
}

/// What a study does to its history.
impl History {
    pub(crate) fn new(space: &Space, metric: Metric) -> History {
        History {
            space: space.clone(),
            metric,
            further: vec![],
            planned: 0,
            full: None,
            levels: None,
            seed: 0,
            batch: 1,
            trials: Arc::default(),
            visible: 0,
            rejected: None,
            exhausted: false,
            newest: None,
            key: Key::default(),
            first: Arc::default(),
            lineage: Arc::default(),
        }
    }

    /// Takes over what it tells of the protocol.
    pub(crate) fn set_protocol(&mut self, protocol: &Protocol) {
        (self.key, self.seed, self.batch) = (protocol.key, protocol.seed, protocol.batch);
        if self.further.len() != protocol.objectives.len() {
            self.further.clone_from(&protocol.objectives);
        }
    }

    pub(crate) fn set_full(&mut self, epochs: Option<usize>) {
        self.full = epochs;
    }

    pub(crate) fn full(&self) -> Option<usize> {
        self.full
    }

    pub(crate) fn knows_levels(&self) -> bool {
        self.levels.is_some()
    }

    pub(crate) fn set_levels(&mut self, levels: Option<Vec<usize>>) {
        self.levels = Some(Arc::new(levels_in_order(levels)));
    }

    /// The epochs after which there are scores, growing; empty if there are always.
    pub(crate) fn levels(&self) -> &[usize] {
        self.levels.as_ref().map_or(&[], |levels| levels)
    }

    /// How many different architectures were asked for.
    pub(crate) fn different(&self) -> usize {
        self.first.len()
    }

    pub(crate) fn exhaust(&mut self) {
        self.exhausted = true;
    }

    pub(crate) fn is_exhausted(&self) -> bool {
        self.exhausted
    }

    /// As if there had only been these trials: those that have ended, and then those that are still running. `newest`
    /// is the last architecture that was asked for. Each is numbered by its place.
    pub(crate) fn only(
        &self,
        ended: Vec<Record>,
        running: Vec<Record>,
        newest: Option<Architecture>,
    ) -> History {
        let visible = ended.len();
        let mut first = HashMap::new();
        let numbered = |(n, record): (usize, Record)| {
            first.entry(self.key.of(&record.architecture)).or_insert(n);
            Trial(Arc::new(Record { number: n, ..record }))
        };
        let trials: Vec<Trial> =
            ended.into_iter().chain(running).enumerate().map(numbered).collect();
        let (trials, first) = (Arc::new(trials), Arc::new(first));
        History { trials, first, visible, newest, lineage: Arc::default(), ..self.clone() }
    }

    pub(crate) fn set_planned(&mut self, trials: usize) {
        self.planned = trials;
    }

    /// As a trial sees it that may use the results of the first `visible` trials.
    pub(crate) fn seeing(&self, visible: usize) -> History {
        History { visible, ..self.clone() }
    }

    pub(crate) fn reject(&mut self, proposed: Architecture) {
        self.rejected = Some(proposed);
    }

    pub(crate) fn push(&mut self, key: Vec<u32>, trial: Record) {
        Arc::make_mut(&mut self.first).entry(key).or_insert(trial.number);
        Arc::make_mut(&mut self.trials).push(Trial(Arc::new(trial)));
    }

    pub(crate) fn change(&mut self, trial: usize, change: impl FnOnce(&mut Record)) {
        change(Arc::make_mut(&mut Arc::make_mut(&mut self.trials)[trial].0));
    }

    /// From here on, trials may end differently than in earlier histories.
    pub(crate) fn begin_lineage(&mut self) {
        self.lineage = Arc::default();
    }

    /// All trials, to look at without the study's lock.
    pub(crate) fn shared(&self) -> Arc<Vec<Trial>> {
        self.trials.clone()
    }
}

/// The finished trial with the best score among those with the most epochs; of equal ones the first. A score
/// after few epochs is not compared with one after many.
pub(crate) fn best<'t>(trials: impl Iterator<Item = &'t Trial>, metric: &Metric) -> Option<Trial> {
    let mut found: Option<(f64, &Trial)> = None;
    for t in trials {
        if let Some(score) = t.score()
            && found.is_none_or(|(best, of)| match t.depth().cmp(&of.depth()) {
                Ordering::Equal => metric.better(score, best),
                deeper => deeper == Ordering::Greater,
            })
        {
            found = Some((score, t));
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
