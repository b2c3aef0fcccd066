//! One trial: what was tried, how it ended, what it cost.

use super::Failure;
use crate::evaluate::{Budget, Evaluation};
use crate::space::Architecture;
use std::fmt;
use std::sync::Arc;

/// One trial of a study.
#[derive(Clone)]
pub struct Trial(pub(crate) Arc<Record>);

#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) number: usize,
    pub(crate) architecture: Architecture,
    pub(crate) budget: Budget,
    pub(crate) parents: Vec<usize>,
    pub(crate) origin: String,
    pub(crate) outcome: Outcome,
    /// Whether it has been or will be evaluated: duplicates and layers that do not fit are not.
    pub(crate) evaluated: bool,
    /// How often it may be evaluated at most, if it fails.
    pub(crate) attempts: usize,
    pub(crate) cost: Cost,
    /// Seconds since the study began, when it ended.
    pub(crate) at: f64,
    /// Seconds that the strategy took to propose it.
    pub(crate) thought: f64,
    /// The trial whose result this one took over as a duplicate.
    pub(crate) reused: Option<usize>,
    /// The trial that this one goes on with, and what that one has paid for already.
    pub(crate) continues: Option<Before>,
    /// The trial whose weights its training begins with; of one that goes on, that of the first.
    pub(crate) inherits: Option<usize>,
    /// Whether later trials may want its weights.
    pub(crate) heritable: bool,
}

/// What a trial has paid for that another one goes on with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Before {
    pub(crate) trial: usize,
    pub(crate) epochs: f64,
    /// Simulated seconds.
    pub(crate) seconds: f64,
}

/// What an evaluation took, as measured.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    pub(crate) seconds: f64,
    /// In bytes; see [`Trial::peak_memory`].
    pub(crate) memory: Option<usize>,
    /// Evaluations that failed before the one that counts.
    pub(crate) retries: usize,
    /// The simulated seconds of those that failed.
    pub(crate) lost_seconds: f64,
}

#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    Pending,
    Finished(Evaluation),
    Failed(Failure),
}

impl Trial {
    /// Its number, from 0.
    pub fn number(&self) -> usize {
        self.0.number
    }

    /// The architecture that was tried.
    pub fn architecture(&self) -> Architecture {
        self.0.architecture.clone()
    }

    /// The same without its result, for strategies that may not see it.
    pub(crate) fn as_if_running(&self) -> Trial {
        let mut record = (*self.0).clone();
        (record.outcome, record.cost, record.at) = (Outcome::Pending, Cost::default(), 0.0);
        Trial(Arc::new(record))
    }

    /// The score, if it finished.
    pub fn score(&self) -> Option<f64> {
        self.finished().map(Evaluation::score)
    }

    /// What the evaluation found, if it finished.
    pub fn evaluation(&self) -> Option<Evaluation> {
        self.finished().cloned()
    }

    /// The same without a copy.
    pub(crate) fn finished(&self) -> Option<&Evaluation> {
        match &self.0.outcome {
            Outcome::Finished(e) => Some(e),
            _ => None,
        }
    }

    /// Why it failed, if it failed.
    pub fn error(&self) -> Option<String> {
        match &self.0.outcome {
            Outcome::Failed(why) => Some(why.to_string()),
            _ => None,
        }
    }

    /// Whether it has ended: finished or failed.
    pub fn ended(&self) -> bool {
        !matches!(self.0.outcome, Outcome::Pending)
    }

    /// Whether it is open and is not a duplicate that waits for the result of another.
    pub(crate) fn runs(&self) -> bool {
        !self.ended() && self.0.reused.is_none()
    }

    /// "finished", "failed" or "running".
    pub fn status(&self) -> String {
        match self.0.outcome {
            Outcome::Pending => "running",
            Outcome::Finished(_) => "finished",
            Outcome::Failed(_) => "failed",
        }
        .to_string()
    }

    /// The budget and seed that it was evaluated with.
    pub fn budget(&self) -> Budget {
        self.0.budget
    }

    /// The trials whose architectures this one descends from.
    pub fn parents(&self) -> Vec<usize> {
        self.0.parents.clone()
    }

    /// Where the architecture came from, such as "random" or "mutation".
    pub fn origin(&self) -> String {
        self.0.origin.clone()
    }

    /// The earlier trial with fewer epochs that this one goes on with: the same training, continued.
    pub fn continues(&self) -> Option<usize> {
        self.0.continues.map(|before| before.trial)
    }

    /// The earlier trial whose weights its training began with, where they fit.
    pub fn inherits(&self) -> Option<usize> {
        self.0.inherits
    }

    /// The epochs that its result stands for, with those of the trials that it goes on with.
    pub(crate) fn depth(&self) -> usize {
        self.0.budget.epochs_allowed()
    }

    /// The most epochs that it can still cost, over all its attempts.
    pub(crate) fn dearest(&self) -> f64 {
        let whole = self.0.budget.epochs_allowed() as f64;
        // An attempt after a failure has another seed, and begins anew.
        let first = whole - self.0.continues.map_or(0.0, |before| before.epochs);
        first + whole * self.0.attempts.saturating_sub(1) as f64
    }

    /// The earlier trial of the same architecture whose result this one took over.
    pub fn reused_from(&self) -> Option<usize> {
        self.0.reused
    }

    /// The seconds that the evaluation took: measured, or simulated if it looked its result up. For a
    /// reused result, those of the trial that it came from.
    pub fn seconds_spent(&self) -> f64 {
        let simulated = self.finished().and_then(Evaluation::seconds_spent);
        simulated.unwrap_or(self.0.cost.seconds)
    }

    /// The seconds that the strategy took to propose it; 0 for a trial read from a journal, which does
    /// not keep them.
    pub fn overhead(&self) -> f64 {
        self.0.thought
    }

    /// The most bytes that the evaluation allocated at once, not counting the data, if it measured
    /// them: a training on the CPU does so while no other one runs, as with `jobs(1)`. Compare them
    /// with [`Architecture::memory`].
    pub fn peak_memory(&self) -> Option<usize> {
        self.0.cost.memory
    }

    /// The epochs that were paid for, over all its attempts; none for a reused result, or if its layers
    /// do not fit together.
    pub fn epochs_spent(&self) -> f64 {
        let whole = self.0.budget.epochs_allowed() as f64;
        let before = self.0.continues.map_or(0.0, |before| before.epochs);
        // A failure may have come early or late; it counts as a whole evaluation. One after a failure has
        // another seed, and nothing to go on with.
        let retries = self.0.cost.retries as f64;
        let (failed, before) = match retries > 0.0 {
            true => (whole * retries - before, 0.0),
            false => (0.0, before),
        };
        match &self.0.outcome {
            _ if !self.0.evaluated => 0.0,
            Outcome::Pending => 0.0,
            Outcome::Finished(e) => failed + (e.epochs_spent().unwrap_or(whole) - before).max(0.0),
            Outcome::Failed(_) => failed + whole - before,
        }
    }

    /// The simulated seconds that were paid for, by the rules of [`Trial::epochs_spent`].
    pub(crate) fn simulated_paid(&self) -> f64 {
        let paid = self.finished().filter(|_| self.0.evaluated);
        let before = self.0.continues.map_or(0.0, |before| before.seconds);
        let paid = paid.and_then(Evaluation::seconds_spent).map_or(0.0, |s| (s - before).max(0.0));
        paid + self.0.cost.lost_seconds
    }

    /// The trial in one line, without its duration: `trial 3 score 0.9722 params 1234 conv(...)`.
    pub fn line(&self) -> String {
        let r = &self.0;
        let head = format!("trial {}", r.number);
        let tail = format!("params {} {}", r.architecture.params(), r.architecture);
        match &r.outcome {
            Outcome::Pending => format!("{head} running {tail}"),
            Outcome::Finished(e) => format!("{head} score {:.6} {tail}", e.score()),
            Outcome::Failed(why) => format!("{head} failed {tail}: {why}"),
        }
    }
}

impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line())
    }
}

crate::draw::debug_as_display!(Trial);
