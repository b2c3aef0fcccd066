//! The rules of the loop, without threads: when the next trial may be asked, what a duplicate
//! means, when the study is over.

use super::Ended;
use crate::error::{Error, ErrorKind, Result};
use crate::evaluate::{Ancestor, AnyEvaluator, Budget, Evaluation, Evaluator};
use crate::record::objectives::{figure, lacking, nothing_of};
use crate::record::trial::{Before, Record};
use crate::record::{Cost, Duplicates, Failure, History, OnFailure, Outcome, Protocol, Trial};
use crate::rng::{Rng, child};
use crate::space::{Architecture, Space};
use crate::strategy::{AnyStrategy, Proposal, Strategy};
use crate::task::Metric;
use crate::words::plural;
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Instant;

/// The trials of a study so far.
#[derive(Clone)]
pub(crate) struct State {
    pub(crate) history: History,
    /// Duplicates that wait for the first trial of their architecture: (first, duplicate).
    waiting: Vec<(usize, usize)>,
    /// The totals after each trial, up to the first that has not ended.
    settled: Vec<Totals>,
    /// Trials that had ended before this run.
    pub(crate) earlier: usize,
    /// When the current run began.
    pub(crate) run_since: Option<Instant>,
    /// Trials whose callbacks have been called.
    pub(crate) announced: usize,
    pub(crate) ended: Option<Ended>,
    /// Whether the strategy is being asked, outside the lock.
    pub(crate) asking: bool,
    /// Seconds of earlier runs.
    pub(crate) seconds: f64,
    /// When this study was first asked by hand.
    pub(crate) by_hand: Option<Instant>,
    /// Trials that have not ended and that nobody is working on, such as those of a process that has
    /// ended: they are handed out again first.
    pub(crate) orphans: BTreeSet<usize>,
    /// Trials in which a process may have ended: they are evaluated alone.
    pub(crate) suspects: BTreeSet<usize>,
    /// How often a winner has been tested on the test split.
    pub(crate) tests: usize,
}

/// What all trials up to a certain one have cost.
#[derive(Clone, Copy, Default)]
struct Totals {
    epochs: f64,
    /// The most epochs that one evaluation took.
    dearest: f64,
    simulated: f64,
    /// How many trials in a row, up to this one, cost no epochs, and how many no simulated seconds.
    free: usize,
    free_of_simulated: usize,
}

/// Whether the next trial may be asked.
#[derive(PartialEq, Debug)]
pub(crate) enum Next {
    Ask,
    /// Only after a running trial has ended.
    Wait,
    Over(Ended),
}

/// A trial that has to be evaluated, or that already has its result.
pub(crate) struct Asked {
    pub(crate) trial: Trial,
    pub(crate) evaluate: bool,
}

/// What is needed to choose the next trial without holding the study's lock, since the strategy is
/// a user's code.
pub(crate) struct Question(History);

/// Duplicates in a row that a strategy may propose under `Forbid` before the space itself is searched.
const ASK_AGAIN: usize = 100;
/// How many architectures this search looks at.
const LOOK_AT: usize = 1_000_000;
/// With a budget in epochs or time, a study ends after this many results in a row that cost nothing,
/// because its strategy proposes nothing new.
const FREE_TRIALS: usize = 200;

impl State {
    pub(crate) fn new(space: &Space, metric: Metric) -> Self {
        State {
            history: History::new(space, metric),
            waiting: vec![],
            settled: vec![],
            earlier: 0,
            run_since: None,
            announced: 0,
            ended: None,
            asking: false,
            seconds: 0.0,
            by_hand: None,
            orphans: BTreeSet::new(),
            suspects: BTreeSet::new(),
            tests: 0,
        }
    }

    pub(crate) fn trials(&self) -> &[Trial] {
        self.history.all()
    }

    /// The training of a trial whose weights another one begins with, with all that it began with itself.
    pub(crate) fn ancestor(&self, from: Option<usize>) -> Option<Arc<Ancestor>> {
        let trial = |n: usize| self.trials().get(n);
        let line = std::iter::successors(from.and_then(trial), |t| trial(t.inherits()?));
        let line: Vec<&Trial> = line.collect();
        line.into_iter().rev().fold(None, |before, t| {
            let (arch, budget) = (t.architecture(), t.budget());
            Some(Arc::new(Ancestor { arch, budget, before }))
        })
    }

    /// How many trials have ended before the first that has not.
    pub(crate) fn settled(&self) -> usize {
        self.settled.len()
    }

    /// The totals after the first `n` trials.
    fn totals(&self, n: usize) -> Totals {
        n.checked_sub(1).map_or(Totals::default(), |last| self.settled[last])
    }

    pub(crate) fn epochs(&self) -> f64 {
        self.trials().iter().map(Trial::epochs_spent).sum()
    }

    /// Seconds that the study has taken so far.
    pub(crate) fn elapsed(&self) -> f64 {
        let since = |begun: Option<Instant>| begun.map_or(0.0, |b| b.elapsed().as_secs_f64());
        self.seconds + since(self.by_hand) + since(self.run_since)
    }

    /// How many of the first trials may influence the next one.
    fn known(&self, protocol: &Protocol) -> usize {
        let n = self.trials().len();
        (n + 1).saturating_sub(protocol.batch).min(self.settled())
    }

    /// The required figure that the first evaluation of this run lacks. No other evaluation will have
    /// it either, so the budget would be wasted. The first trial of a run ends before a second one is
    /// asked for.
    pub(crate) fn without_figure(
        &self,
        protocol: &Protocol,
        reported: Option<&str>,
    ) -> Option<Ended> {
        let to = self.known(protocol).max((self.earlier + 1).min(self.settled()));
        let ended = self.trials().get(self.earlier..to)?;
        let lacks = |t: &Trial| match &t.0.outcome {
            Outcome::Failed(Failure::NoFigure(why)) => Some(Ended::NoFigure(why.clone())),
            _ => None,
        };
        let first = ended.iter().find(|t| t.finished().is_some() || lacks(t).is_some())?;
        match (first.finished(), reported) {
            (None, _) => lacks(first),
            (Some(found), Some(name))
                if figure(name, found, first).is_none() && found.undefined(name).is_none() =>
            {
                Some(Ended::NoFigure(nothing_of(name, "is to be reported", found, first)))
            }
            _ => None,
        }
    }

    /// The study is over for this reason once the running trials have ended.
    pub(crate) fn wait_or(&self, reason: Ended) -> Next {
        match self.settled() < self.trials().len() {
            true => Next::Wait,
            false => Next::Over(reason),
        }
    }

    /// Whether a trial has shown what an evaluation costs, where the evaluator does not say.
    pub(crate) fn has_shown_its_cost(&self) -> bool {
        self.settled.last().is_some_and(|after| after.dearest > 0.0)
    }

    /// How often the next trial may be evaluated under a limit in epochs, at least once. `None` if the
    /// decision has to wait for running trials, or if too little is left for one evaluation. A running
    /// trial may turn out cheaper (an early stop, a reused result), but never dearer. So, as long as
    /// its full cost fits, nothing depends on which trials have ended; near the limit, the decision
    /// waits for all of them.
    fn attempts(&self, protocol: &Protocol, whole: Budget) -> Option<usize> {
        let most = protocol.on_failure.attempts();
        let Some(limit) = protocol.epochs else { return Some(most) };
        let (n, known, open) = (self.trials().len(), self.known(protocol), whole.is_open());
        // Where the evaluator does not say what it costs, the trials show it.
        let shown = self.settled.partition_point(|after| after.dearest == 0.0);
        let seen = known.max(shown + 1).min(self.settled());
        let full = (whole.full() as f64).max(self.totals(seen).dearest);
        // Then a trial may also be dearer than expected. The decision must not depend on threads, so
        // it ignores the results of trials that may still be running.
        let settled = self.settled();
        let sure = if open { known } else { settled };
        let cost = |t: &Trial| match t.ended() && !open {
            true => t.epochs_spent(),
            false if t.0.evaluated && open => full * t.0.attempts as f64,
            false if t.0.evaluated => t.dearest(),
            false => 0.0,
        };
        let paid = self.totals(settled).epochs;
        let unsure = self.trials()[sure..settled].iter().map(Trial::epochs_spent).sum::<f64>();
        let spent = paid - unsure;
        let expected = self.trials()[sure..].iter().map(cost).sum::<f64>();
        match most as f64 * full <= limit - spent - expected {
            true => Some(most),
            false if settled < n => None,
            false => Some(((limit - paid) / full) as usize)
                .map(|attempts| attempts.min(most))
                .filter(|&attempts| attempts > 0),
        }
    }

    /// Decides about the next trial after `elapsed` seconds. The decision may only follow from results
    /// that do not depend on threads: those of trials 0 to n - batch, or, near a limit, those of all
    /// trials.
    pub(crate) fn next(&self, protocol: &Protocol, whole: Budget, elapsed: f64) -> Next {
        if let Some(reason) = &self.ended {
            return Next::Over(reason.clone());
        }
        let n = self.trials().len();
        let wait_or = |reason: Ended| self.wait_or(reason);
        if protocol.trials.is_some_and(|most| n >= most) {
            return wait_or(Ended::Trials(n));
        }
        let known = self.known(protocol);
        if protocol.on_failure == OnFailure::Abort
            && let Some((trial, error)) =
                self.trials()[..known].iter().find_map(|t| Some((t.number(), t.error()?)))
        {
            return wait_or(Ended::Failed { trial, error });
        }
        if let Some(limit) = protocol.seconds
            && elapsed >= limit
        {
            return wait_or(Ended::Seconds(limit));
        }
        if n >= protocol.batch + self.settled() {
            return Next::Wait;
        }
        if let (Some(limit), None) = (protocol.epochs, self.attempts(protocol, whole)) {
            return wait_or(Ended::Epochs(limit));
        }
        let so_far = self.totals(known);
        if let Some(limit) = protocol.simulated_seconds {
            // The cost of a trial is known when it has ended, so the last ones may cross the limit:
            // with a batch of 1, the last one.
            if so_far.simulated >= limit {
                return wait_or(Ended::SimulatedSeconds(limit));
            }
            if protocol.trials.is_none() && so_far.free_of_simulated >= FREE_TRIALS {
                return wait_or(Ended::FreeOfSimulated(FREE_TRIALS));
            }
        }
        if protocol.trials.is_none() && so_far.free >= FREE_TRIALS {
            return wait_or(Ended::Free(FREE_TRIALS));
        }
        Next::Ask
    }

    /// The question to put to the strategy for the next trial.
    pub(crate) fn question(&mut self, protocol: &Protocol, whole: Budget) -> Question {
        self.history.set_protocol(protocol);
        self.history.set_full((!whole.is_open()).then_some(whole.full()));
        Question(self.history.seeing(self.known(protocol)))
    }

    /// The history with all results so far.
    pub(crate) fn history_now(&mut self, protocol: &Protocol) -> History {
        self.history.set_protocol(protocol);
        self.history.seeing(self.settled())
    }

    /// Makes the proposal the next trial.
    pub(crate) fn commit(
        &mut self,
        proposal: Proposal,
        protocol: &Protocol,
        evaluator: &AnyEvaluator,
        whole: Budget,
        (at, thought): (f64, f64),
    ) -> Asked {
        let n = self.trials().len();
        self.history.set_protocol(protocol);
        let seed = child(protocol.seed, "trial", n as u64);
        let key = protocol.key.of(&proposal.architecture);
        let budget = match proposal.epochs.filter(|_| !whole.is_open()) {
            Some(epochs) => Budget::new(epochs, whole.full(), 0),
            None => whole,
        };
        // What was taken over from another trial goes on where that one was.
        let origin = |t: &Trial| t.reused_from().unwrap_or(t.number());
        let before = proposal.continues.and_then(|n| self.trials().get(n));
        let before = before.and_then(|t| self.trials().get(origin(t)));
        let seed = before.map_or(seed, |t| t.budget().seed());
        let continues = before.map(|t| Before {
            trial: t.number(),
            epochs: t.depth() as f64,
            seconds: t.finished().and_then(Evaluation::seconds_spent).unwrap_or(0.0),
        });
        let parent = proposal.inherits.and_then(|n| self.trials().get(n)).map(origin);
        let inherits = match &continues {
            Some(before) => self.trials()[before.trial].inherits(),
            None => parent,
        };
        // A result with fewer epochs is not that of this trial.
        let same = |n: &usize| self.trials()[*n].depth() == budget.epochs_allowed();
        let twin = match (protocol.duplicates, &continues) {
            (Duplicates::Reuse, None) => self.history.first(&key).filter(same),
            // Unless the same training was continued as far already.
            (Duplicates::Reuse, Some(before)) => {
                let again = |t: &&Trial| {
                    same(&t.number())
                        && t.reused_from().is_none()
                        && t.continues() == Some(before.trial)
                };
                self.trials().iter().find(again).map(Trial::number)
            }
            _ => None,
        };
        let attempts = self.attempts(protocol, whole).unwrap_or(1);
        let misfit = proposal.architecture.check().err();
        let misfit = misfit.or_else(|| too_large(&proposal.architecture, protocol, evaluator));
        let evaluate = twin.is_none() && misfit.is_none();
        let trial = Record {
            number: n,
            architecture: proposal.architecture,
            budget: budget.seeded(seed),
            parents: proposal.parents,
            origin: proposal.origin,
            outcome: Outcome::Pending,
            evaluated: evaluate,
            attempts,
            cost: Cost::default(),
            at,
            thought,
            reused: twin,
            continues,
            inherits,
            heritable: proposal.heritable,
        };
        self.history.push(key, trial);
        if let Some(first) = twin {
            match self.trials()[first].ended() {
                true => self.take_over(first, n, at),
                false => self.waiting.push((first, n)),
            }
        } else if let Some(why) = misfit {
            let outcome = self.judge(n, Err(why));
            self.close(n, outcome, seed, Cost::default(), at);
        }
        Asked { trial: self.trials()[n].clone(), evaluate }
    }

    /// An independent copy: running trials may end differently in it, so it begins a new lineage.
    pub(crate) fn fork(&self) -> State {
        let mut state = self.clone();
        if self.settled() < self.trials().len() {
            state.history.begin_lineage();
        }
        state
    }

    /// How a trial ends with this result: one that cannot be used makes it a failure.
    pub(crate) fn judge(&self, n: usize, result: Result<Evaluation>) -> Outcome {
        let budget = self.trials()[n].budget();
        let full = if budget.is_open() { f64::MAX } else { budget.full() as f64 };
        let failed = |why: String| Outcome::Failed(Failure::Error(why));
        let e = match result {
            Ok(e) => e,
            Err(e) => return failed(e.to_string()),
        };
        if !e.score().is_finite() {
            return failed(format!("the score is {}", e.score()));
        }
        if let Some(epochs) = e.epochs_spent().filter(|spent| !(0.0..=full).contains(spent)) {
            return failed(format!(
                "the evaluation reports {epochs} epochs; allowed is 0 to {full}, the full budget. \
                 Give the evaluator its own with .epochs(...)"
            ));
        }
        if let Some(seconds) = e.seconds_spent().filter(|s| !s.is_finite() || *s < 0.0) {
            return failed(format!(
                "the evaluation reports {seconds} simulated seconds; allowed is 0 and above"
            ));
        }
        let lacks = lacking(self.history.further(), &e, &self.trials()[n]);
        lacks.map_or(Outcome::Finished(e), Outcome::Failed)
    }

    /// Records how a trial ended, and hands the result to the duplicates that wait for it.
    pub(crate) fn close(&mut self, n: usize, outcome: Outcome, seed: u64, cost: Cost, at: f64) {
        self.orphans.remove(&n);
        self.suspects.remove(&n);
        self.record(n, |r| {
            r.outcome = outcome;
            (r.cost, r.at) = (cost, at);
            r.budget = r.budget.seeded(seed);
        });
        let (ready, rest): (Vec<_>, Vec<_>) =
            self.waiting.iter().partition(|(first, _)| *first == n);
        self.waiting = rest;
        for (first, duplicate) in ready {
            self.take_over(first, duplicate, at);
        }
        self.settle();
    }

    /// Opens a failed trial again, and the duplicates that took over its failure.
    pub(crate) fn reopen(&mut self, n: usize) {
        let again: Vec<usize> = (0..self.trials().len())
            .filter(|&i| i == n || self.trials()[i].reused_from() == Some(n))
            .collect();
        for &i in &again {
            self.record(i, |r| r.outcome = Outcome::Pending);
        }
        self.waiting.extend(again.iter().filter(|&&i| i != n).map(|&i| (n, i)));
        self.history.begin_lineage();
        // The trials after it are counted again.
        self.settled.truncate(n);
        self.announced = self.announced.min(n);
        self.earlier = self.earlier.min(n);
        self.ended = None;
        self.orphans.insert(n);
    }

    /// A study that was told to stop has not ended for good.
    pub(crate) fn go_on(&mut self) {
        if self.ended.as_ref().is_some_and(Ended::may_go_on) {
            self.ended = None;
        }
    }

    /// Nobody is working on the open trials any more.
    pub(crate) fn hand_out_again(&mut self) {
        self.orphans = self.trials().iter().filter(|t| t.runs()).map(Trial::number).collect();
    }

    /// This state was read from a journal; what a journal does not keep is taken over from the state
    /// before: which trials somebody is working on, whose callbacks were called, and times.
    pub(crate) fn take_over_from(&mut self, before: &State) {
        self.hand_out_again();
        for t in before.trials() {
            let n = t.number();
            self.record(n, |r| r.thought = t.0.thought);
            if !t.ended() && !before.orphans.contains(&n) {
                self.orphans.remove(&n);
            }
        }
        self.announced = before.announced.min(self.settled());
        self.tests = before.tests;
        if before.elapsed() > self.seconds {
            (self.seconds, self.by_hand) = (before.seconds, before.by_hand);
        }
    }

    fn take_over(&mut self, first: usize, duplicate: usize, at: f64) {
        let Record { outcome, cost, at: known, .. } = &*self.trials()[first].0;
        // The duration of the evaluation belongs to the result: it may be an objective. A journal does not say when it
        // was taken over, but that was not before there was one.
        let (outcome, seconds, at) = (outcome.clone(), cost.seconds, at.max(*known));
        self.record(duplicate, |r| (r.outcome, r.cost.seconds, r.at) = (outcome, seconds, at));
        self.settle();
    }

    fn record(&mut self, n: usize, change: impl FnOnce(&mut Record)) {
        self.history.change(n, change);
    }

    fn settle(&mut self) {
        while let Some(t) = self.history.all().get(self.settled()).filter(|t| t.ended()) {
            let mut totals = self.totals(self.settled());
            let run = |paid: f64, before: usize| if paid > 0.0 { 0 } else { before + 1 };
            let (epochs, simulated) = (t.epochs_spent(), t.simulated_paid());
            totals.free = run(epochs, totals.free);
            totals.free_of_simulated = run(simulated, totals.free_of_simulated);
            totals.epochs += epochs;
            totals.simulated += simulated;
            // Failed attempts are counted separately.
            let whole = t.budget().epochs_allowed() as f64;
            if let Some(e) = t.finished().filter(|_| t.0.evaluated) {
                totals.dearest = totals.dearest.max(e.epochs_spent().unwrap_or(whole));
            }
            self.settled.push(totals);
        }
    }
}

/// The refusal of an architecture that is over the memory limit.
fn too_large(arch: &Architecture, protocol: &Protocol, evaluator: &AnyEvaluator) -> Option<Error> {
    let limit = protocol.memory?;
    let need = evaluator.memory(arch).filter(|&need| need > limit)?;
    let mega = |bytes: usize| format!("{:.1} MB", bytes as f64 / 1e6);
    Some(Error::new(
        ErrorKind::Invalid,
        format!("over the memory limit: about {} of {} allowed", mega(need), mega(limit)),
    ))
}

fn exhausted() -> Ended {
    Ended::Exhausted("the space is exhausted".to_string())
}

impl Question {
    /// The question again, when there was no answer and all trials have ended: with all results, and with the news
    /// that nothing is left to begin. A schedule can still go on with what there is.
    pub(crate) fn at_the_end(mut history: History) -> Question {
        history.exhaust();
        Question(history)
    }

    /// Asks the strategy. The inner error says why there is nothing left to propose.
    pub(crate) fn ask(
        mut self,
        strategy: &AnyStrategy,
        protocol: &Protocol,
    ) -> Result<Result<Proposal, Ended>> {
        let n = self.0.asked();
        let mut rng = Rng::from_u64(child(protocol.seed, "ask", n as u64));
        let forbid = protocol.duplicates == Duplicates::Forbid;
        // Whether it is certain that every architecture was tried.
        let all =
            self.0.is_exhausted() || self.0.space().size() == Some(self.0.different() as u128);
        let mut epochs = None;
        for _ in 0..ASK_AGAIN {
            let proposal = match strategy.ask(&self.0, &mut rng) {
                Ok(proposal) => proposal,
                Err(e) if e.kind() == ErrorKind::Exhausted => {
                    return Ok(Err(Ended::Exhausted(e.to_string())));
                }
                Err(e) => return Err(e),
            };
            if *proposal.architecture.of_space() != *self.0.space() {
                return Err(Error::invalid(
                    format!("the proposed architecture {}", proposal.architecture),
                    "it belongs to another space than the study's",
                    "history.space() in the strategy",
                ));
            }
            if let Some(wrong) = self.wrong(&proposal).or_else(|| self.orphan(&proposal)) {
                return Err(wrong);
            }
            if !forbid || proposal.goes_on() || !self.0.tried(&proposal.architecture) {
                return Ok(Ok(proposal));
            }
            epochs = proposal.epochs;
            self.0.reject(proposal.architecture);
            if all {
                return Ok(Err(exhausted()));
            }
        }
        Ok(match self.unseen(&mut rng) {
            // In place of the last one that was refused, and with its budget.
            Some(arch) => Ok(Proposal { epochs, ..Proposal::new(arch, "unseen") }),
            None => Err(exhausted()),
        })
    }

    /// What is wrong with the epochs of a proposal, or with the trial that it goes on with.
    fn wrong(&self, proposal: &Proposal) -> Option<Error> {
        let epochs = proposal.epochs?;
        let Some(full) = self.0.full() else {
            return Some(Error::invalid(
                format!("a proposal with {}", plural(epochs, "epoch")),
                "the evaluator does not say how many a full evaluation has",
                "evaluator(|arch, budget| ...).epochs(27), Train::on(&data).epochs(27), or a table with a \
                 curve",
            ));
        };
        if !(1..=full).contains(&epochs) {
            return Some(Error::invalid(
                format!("a proposal with {}", plural(epochs, "epoch")),
                format!("a full evaluation has {full}"),
                format!("1 to {full}"),
            ));
        }
        let n = proposal.continues?;
        let known = self.0.visible().get(n).filter(|t| t.architecture() == proposal.architecture);
        let why = match known {
            None => "this architecture has no such trial that has ended before it".to_string(),
            Some(t) if t.finished().is_none() => "it has failed".to_string(),
            Some(t) if t.depth() >= epochs => format!("it has had {} already", t.depth()),
            Some(_) => return None,
        };
        let what = format!("a proposal that goes on with trial {n} up to {epochs} epochs");
        Some(Error::invalid(
            what,
            why,
            "Proposal::continuing(&trial, epochs) with one of history.finished()",
        ))
    }

    /// What is wrong with the trial whose weights a proposal is to begin with.
    fn orphan(&self, proposal: &Proposal) -> Option<Error> {
        let n = proposal.inherits?;
        let parent = self.0.visible().get(n);
        let why = match parent {
            None => "no such trial has ended before it",
            Some(t) if t.finished().is_none() => "it has failed, and left no weights",
            Some(_) => return None,
        };
        Some(Error::invalid(
            format!("a proposal that inherits from trial {n}"),
            why,
            "Proposal::inheriting(&trial) with one of history.finished()",
        ))
    }

    /// An architecture that was not tried yet: in a large space a random one, if a new one is found;
    /// otherwise the next in order after the strategy's last proposal, from the beginning of the space
    /// again after its end.
    fn unseen(&self, rng: &mut Rng) -> Option<Architecture> {
        let space = self.0.space();
        if space.size().is_none_or(|size| size > LOOK_AT as u128) {
            let mut drawn = (0..ASK_AGAIN).filter_map(|_| space.sample(rng).ok());
            if let Some(arch) = drawn.find(|a| !self.0.tried(a)) {
                return Some(arch);
            }
        }
        let begin = self.0.rejected().and_then(|arch| space.after(arch));
        let mut seen = HashSet::new();
        let mut next = Some(begin.unwrap_or_default());
        for _ in 0..LOOK_AT {
            let Some((after, arch)) = next.take().and_then(|from| space.next_valid(from, LOOK_AT))
            else {
                // At the end of the space, continue at its beginning.
                next = Some(vec![]);
                if !seen.insert(vec![]) {
                    return None;
                }
                continue;
            };
            if !self.0.tried(&arch) {
                return Some(arch);
            }
            if !seen.insert(arch.decisions()) {
                return None;
            }
            next = after;
        }
        None
    }
}
