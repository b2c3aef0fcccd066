//! The rules of the loop, without threads: when the next trial may be asked, what a duplicate
//! means, when the study is over.

use super::trial::Record;
use super::{Duplicates, History, Key, Outcome, Protocol, Trial};
use crate::arch::Architecture;
use crate::error::{Error, ErrorKind, Result};
use crate::evaluate::{Budget, Evaluation, Evaluator};
use crate::rng::{Rng, child};
use crate::space::Space;
use crate::strategy::{AnyStrategy, Proposal, Strategy};
use std::collections::HashMap;
use std::sync::Arc;

/// The trials of a study so far.
#[derive(Clone)]
pub(crate) struct State {
    pub(crate) history: History,
    /// The first trial of every architecture, by the key of the protocol.
    first: HashMap<Vec<u32>, usize>,
    /// Duplicates that wait for their first trial to end: (first, duplicate).
    waiting: Vec<(usize, usize)>,
    /// Trials 0..settled have all ended.
    pub(crate) settled: usize,
    pub(crate) ended: Option<String>,
    /// Seconds of earlier runs, and of this one when it ended.
    pub(crate) seconds: f64,
    free_in_a_row: usize,
}

/// Whether the next trial may be asked.
#[derive(PartialEq, Debug)]
pub(crate) enum Next {
    Ask,
    /// Only after a running trial has ended.
    Wait,
    Over(String),
}

/// A trial that has to be evaluated, or that already has its result.
pub(crate) struct Asked {
    pub(crate) trial: Trial,
    pub(crate) evaluate: bool,
}

/// Proposals in a row that a strategy may repeat under `Forbid` before the space is asked itself.
const ASK_AGAIN: usize = 100;
/// Spaces up to this size are enumerated for an architecture that was not tried yet.
const ENUMERABLE: u128 = 1_000_000;
/// With a budget in epochs or time, so many results in a row that cost nothing end a study: its
/// strategy proposes nothing new.
const FREE_TRIALS: usize = 200;

impl State {
    pub(crate) fn new(space: &Space, evaluator: &dyn Evaluator) -> Self {
        State {
            history: History {
                space: space.clone(),
                metric: evaluator.metric(),
                planned: 0,
                trials: vec![],
                visible: 0,
            },
            first: HashMap::new(),
            waiting: vec![],
            settled: 0,
            ended: None,
            seconds: 0.0,
            free_in_a_row: 0,
        }
    }

    pub(crate) fn trials(&self) -> &[Trial] {
        &self.history.trials
    }

    pub(crate) fn epochs(&self) -> f64 {
        self.trials().iter().map(Trial::epochs).sum()
    }

    /// Decides about the next trial; `elapsed` seconds have passed.
    pub(crate) fn next(&self, protocol: &Protocol, full: usize, elapsed: f64) -> Next {
        if let Some(reason) = &self.ended {
            return Next::Over(reason.clone());
        }
        let n = self.trials().len();
        let wait_or = |reason: String| match self.settled < n {
            true => Next::Wait,
            false => Next::Over(reason),
        };
        if protocol.trials.is_some_and(|most| n >= most) {
            return wait_or(format!("all {n} trials are done"));
        }
        if let Some(limit) = protocol.seconds
            && elapsed >= limit
        {
            return wait_or(format!("the time limit of {limit} s is reached"));
        }
        if let Some(limit) = protocol.epochs {
            // A running trial may turn out cheaper (an early stop, a failure): near the limit the
            // decision waits for all of them, so that it is the same on any number of threads.
            let running = (n - self.settled) * full;
            let settled: f64 = self.trials()[..self.settled].iter().map(Trial::epochs).sum();
            if settled + (running + full) as f64 > limit {
                return wait_or(format!("the budget of {limit} epochs is spent"));
            }
        }
        if protocol.trials.is_none() && self.free_in_a_row >= FREE_TRIALS {
            return wait_or(format!("{FREE_TRIALS} proposals in a row were known already"));
        }
        if n >= protocol.batch + self.settled { Next::Wait } else { Next::Ask }
    }

    /// Asks the strategy for the next trial. `None`: the space is exhausted.
    pub(crate) fn ask(
        &mut self,
        strategy: &AnyStrategy,
        protocol: &Protocol,
        full: usize,
    ) -> Result<Option<Asked>> {
        let n = self.trials().len();
        self.history.visible = (n + 1).saturating_sub(protocol.batch).min(self.settled);
        let mut rng = Rng::from_u64(child(protocol.seed, "ask", n as u64));
        let Some(proposal) = self.propose(strategy, protocol, &mut rng)? else {
            return Ok(None);
        };
        let seed = child(protocol.seed, "trial", n as u64);
        let key = protocol.key.of(&proposal.architecture);
        let twin = match protocol.duplicates {
            Duplicates::Reuse => self.first.get(&key).copied(),
            _ => None,
        };
        let misfit = proposal.architecture.check().err().map(|e| e.to_string());
        self.first.entry(key).or_insert(n);
        self.history.trials.push(Trial(Arc::new(Record {
            number: n,
            architecture: proposal.architecture,
            budget: Budget::new(full, full, seed as i64),
            parents: proposal.parents,
            origin: proposal.origin,
            outcome: Outcome::Pending,
            seconds: 0.0,
            at: 0.0,
            reused: twin,
        })));
        let mut evaluate = true;
        if let Some(first) = twin {
            evaluate = false;
            match self.trials()[first].ended() {
                true => self.take_over(first, n),
                false => self.waiting.push((first, n)),
            }
        } else if let Some(why) = misfit {
            evaluate = false;
            self.end(n, Err(Error::new(ErrorKind::Shape, why)), 0.0, 0.0);
        }
        Ok(Some(Asked { trial: self.trials()[n].clone(), evaluate }))
    }

    fn propose(
        &self,
        strategy: &AnyStrategy,
        protocol: &Protocol,
        rng: &mut Rng,
    ) -> Result<Option<Proposal>> {
        let space = &self.history.space;
        let forbid = protocol.duplicates == Duplicates::Forbid;
        for _ in 0..ASK_AGAIN {
            let proposal = match strategy.ask(&self.history, rng) {
                Ok(proposal) => proposal,
                Err(e) if e.kind() == ErrorKind::Exhausted => {
                    // With problems of its own a space looks exhausted from the start: say why.
                    return if self.trials().is_empty() { Err(e) } else { Ok(None) };
                }
                Err(e) => return Err(e),
            };
            if proposal.architecture.space() != *space {
                return Err(Error::invalid(
                    format!("the proposed architecture {}", proposal.architecture),
                    "it belongs to another space than the study's",
                    "history.space() in the strategy",
                ));
            }
            if !forbid || !self.first.contains_key(&protocol.key.of(&proposal.architecture)) {
                return Ok(Some(proposal));
            }
        }
        let unseen = self.unseen(protocol, rng)?;
        Ok(unseen.map(|arch| Proposal::new(arch, "unseen")))
    }

    /// An architecture that was not tried yet, if one can be found.
    fn unseen(&self, protocol: &Protocol, rng: &mut Rng) -> Result<Option<Architecture>> {
        let space = &self.history.space;
        let new = |arch: &Architecture| !self.first.contains_key(&protocol.key.of(arch));
        match space.size().filter(|&size| size <= ENUMERABLE) {
            Some(size) => {
                // From a random place, round the whole space.
                let start = rng.below(size as usize) as u128;
                for (from, to) in [(start, size), (0, start)] {
                    let mut rank = from;
                    while let Some((after, arch)) = space.next_valid(rank).filter(|(a, _)| *a <= to)
                    {
                        if new(&arch) {
                            return Ok(Some(arch));
                        }
                        rank = after;
                    }
                }
                Ok(None)
            }
            None => {
                for _ in 0..10 * ASK_AGAIN {
                    let arch = space.sample(rng)?;
                    if new(&arch) {
                        return Ok(Some(arch));
                    }
                }
                Ok(None)
            }
        }
    }

    /// Records how a trial ended, and hands the result to the duplicates that wait for it.
    pub(crate) fn end(&mut self, n: usize, result: Result<Evaluation>, seconds: f64, at: f64) {
        let outcome = match result {
            Ok(e) if e.score().is_nan() => Outcome::Failed("the score is NaN".to_string()),
            Ok(e) => Outcome::Finished(e),
            Err(e) => Outcome::Failed(e.to_string()),
        };
        self.record(n, |r| {
            r.outcome = outcome;
            (r.seconds, r.at) = (seconds, at);
        });
        let (ready, rest): (Vec<_>, Vec<_>) =
            self.waiting.iter().partition(|(first, _)| *first == n);
        self.waiting = rest;
        for (first, duplicate) in ready {
            self.take_over(first, duplicate);
        }
        self.settle();
    }

    fn take_over(&mut self, first: usize, duplicate: usize) {
        let (outcome, at) = (self.trials()[first].0.outcome.clone(), self.trials()[first].0.at);
        self.record(duplicate, |r| {
            r.outcome = outcome;
            r.at = at;
        });
        self.settle();
    }

    fn record(&mut self, n: usize, change: impl FnOnce(&mut Record)) {
        change(Arc::make_mut(&mut self.history.trials[n].0));
    }

    fn settle(&mut self) {
        while let Some(t) = self.history.trials.get(self.settled).filter(|t| t.ended()) {
            self.free_in_a_row = if t.epochs() > 0.0 { 0 } else { self.free_in_a_row + 1 };
            self.settled += 1;
        }
    }
}

impl Key {
    /// What the key sees of an architecture.
    fn of(&self, arch: &Architecture) -> Vec<u32> {
        match self {
            Key::Identity => arch.decisions(),
            Key::Canonical => {
                let hash = arch.canonical();
                vec![(hash >> 32) as u32, hash as u32]
            }
        }
    }
}
