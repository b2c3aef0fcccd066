//! The settings that a study's results depend on.

use crate::space::Architecture;
use crate::task::Metric;
use crate::words::{human_seconds, memory_size};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a study's results depend on, besides space, evaluator and strategy.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Protocol {
    /// The seed that all random numbers follow from.
    pub seed: u64,
    /// Trial n may use the results of trials 0 to n - batch, and at most `batch` trials run at once.
    pub batch: usize,
    /// The most trials.
    pub trials: Option<usize>,
    /// The most epochs of all trials together.
    pub epochs: Option<f64>,
    /// The most seconds of wall time; this limit depends on the machine.
    pub seconds: Option<f64>,
    /// The most simulated seconds of all trials together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub simulated_seconds: Option<f64>,
    /// What happens when an architecture is proposed again.
    pub duplicates: Duplicates,
    /// Which architectures count as the same.
    pub key: Key,
    /// What happens when a trial fails.
    #[serde(default)]
    pub on_failure: OnFailure,
    /// The most seconds of one trial.
    #[serde(default)]
    pub trial_seconds: Option<f64>,
    /// The most bytes that one trial may need, by its estimate.
    #[serde(default)]
    pub memory: Option<usize>,
    /// What is optimised besides the score.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objectives: Vec<Metric>,
}

/// What happens when a trial fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// It is recorded, and the study goes on.
    #[default]
    Skip,
    /// It is evaluated again, at most this many times (and never more than 100), each time with
    /// another seed. Every attempt is paid for, within the study's limits of epochs and seconds.
    Retry(usize),
    /// The study ends as soon as the failure is known to the next trial.
    Abort,
}

/// The most retries, whatever [`OnFailure::Retry`] says.
const MOST_RETRIES: usize = 100;

impl OnFailure {
    /// How often a trial is evaluated at most.
    pub(crate) fn attempts(self) -> usize {
        match self {
            OnFailure::Retry(n) => 1 + n.min(MOST_RETRIES),
            OnFailure::Skip | OnFailure::Abort => 1,
        }
    }
}

impl Protocol {
    /// The limits in words.
    pub(crate) fn limits(&self) -> String {
        self.limits_with(|n, what| if n == 1.0 { what.to_string() } else { format!("{what}s") })
    }

    /// The same as journals hold them, always in the plural.
    pub(crate) fn written_limits(&self) -> String {
        self.limits_with(|_, what| format!("{what}s"))
    }

    fn limits_with(&self, word: impl Fn(f64, &str) -> String) -> String {
        let mut limits = vec![];
        limits.extend(self.trials.map(|n| format!("{n} {}", word(n as f64, "trial"))));
        limits.extend(self.epochs.map(|n| format!("{n} {}", word(n, "epoch"))));
        limits.extend(self.seconds.map(human_seconds));
        limits.extend(self.simulated_seconds.map(|s| format!("{} simulated", human_seconds(s))));
        limits.join(" or ")
    }

    /// How far results lag behind, in words.
    pub(crate) fn pace(&self) -> String {
        match self.batch {
            1 => "sequential".to_string(),
            q => format!("batch {q}"),
        }
    }

    /// What happens when a trial fails, in words.
    pub(crate) fn failures(&self) -> String {
        match (self.on_failure, self.on_failure.attempts() - 1) {
            (OnFailure::Abort, _) => "the study ends".into(),
            (_, 0) => "it is recorded, and the study goes on".into(),
            (_, 1) => "it is evaluated again once, then recorded".into(),
            (_, n) => format!("it is evaluated again, up to {n} times, then recorded"),
        }
    }

    /// The limits of one trial, in words.
    pub(crate) fn trial_limits(&self) -> Option<String> {
        let mut limits = vec![];
        limits.extend(self.trial_seconds.map(human_seconds));
        limits.extend(self.memory.map(|b| format!("{} of memory", memory_size(b))));
        (!limits.is_empty()).then(|| format!("at most {}", limits.join(" and ")))
    }

    /// Whether there is a limit in seconds, which may be reached while a trial is running.
    pub(crate) fn timed(&self) -> bool {
        self.seconds.is_some() || self.trial_seconds.is_some()
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.limits().is_empty() {
            write!(f, "{}, ", self.limits())?;
        }
        write!(
            f,
            "seed {}, batch {}, duplicates {:?}, key {:?}, on failure {:?}",
            self.seed, self.batch, self.duplicates, self.key, self.on_failure
        )?;
        if let Some(seconds) = self.trial_seconds {
            write!(f, ", at most {seconds} s per trial")?;
        }
        if let Some(bytes) = self.memory {
            write!(f, ", at most {bytes} bytes per trial")?;
        }
        self.objectives.iter().try_for_each(|m| write!(f, ", and {m}"))
    }
}

/// What happens when an architecture is proposed again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Duplicates {
    /// Its result is reused, and the trial counts.
    #[default]
    Reuse,
    /// It is evaluated and paid for again, with another seed: for comparisons.
    Repeat,
    /// The strategy is asked again, and the study ends when the space is exhausted.
    Forbid,
}

impl Duplicates {
    /// What happens to duplicates, in a word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Duplicates::Reuse => "reused",
            Duplicates::Repeat => "repeated",
            Duplicates::Forbid => "forbidden",
        }
    }
}

/// Which architectures count as the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Key {
    /// Those with the same decisions.
    #[default]
    Identity,
    /// Those whose networks are the same graph; see [`crate::Architecture::canonical`].
    Canonical,
}

impl Key {
    /// The key of an architecture: two architectures with the same key count as the same.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::new([8], Task::classification(2)).then(one_of([seq([linear(4), skip()]), linear(4).into()]));
    /// let (a, b) = (space.decode([0])?, space.decode([1])?);
    /// assert!(Key::Identity.of(&a) != Key::Identity.of(&b) && Key::Canonical.of(&a) == Key::Canonical.of(&b));
    /// # Ok::<(), nascent::Error>(())
    /// ```
    pub fn of(&self, arch: &Architecture) -> Vec<u32> {
        match self {
            Key::Identity => arch.decisions(),
            Key::Canonical => {
                let hash = arch.canonical();
                vec![(hash >> 32) as u32, hash as u32]
            }
        }
    }
}
