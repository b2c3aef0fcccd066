//! Why a study ended. Journals hold it as a sentence, which is read back only here.

use crate::interrupt::Stop;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Why a study ended; its `Display` is the sentence of [`Study::ended`](crate::Study::ended).
///
/// ```
/// use nascent::{Ended, prelude::*};
/// let space = Space::new([8], Task::classification(2)).then(linear(any([4, 8, 16])));
/// let study = Study::new(&space, evaluator(|a, _| a.params() as f64)).strategy(Grid).quiet();
/// assert_eq!(study.trials(2).run()?.ended_by(), Some(Ended::Trials(2)));
/// assert!(matches!(study.trials(9).run()?.ended_by(), Some(Ended::Exhausted(_))));
/// # Ok::<(), nascent::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
#[non_exhaustive]
pub enum Ended {
    /// All trials of the budget are done.
    Trials(usize),
    /// The epochs of the budget are spent.
    Epochs(f64),
    /// The simulated seconds of the budget are spent.
    SimulatedSeconds(f64),
    /// The limit in seconds is reached.
    Seconds(f64),
    /// This many trials in a row cost nothing, so a budget in epochs or time would never end.
    Free(usize),
    /// This many trials in a row cost no simulated seconds.
    FreeOfSimulated(usize),
    /// A trial failed, and [`OnFailure::Abort`](crate::OnFailure::Abort) was set.
    Failed {
        /// Its number.
        trial: usize,
        /// Why it failed.
        error: String,
    },
    /// The strategy says that it has nothing left to propose.
    Exhausted(String),
    /// It was told to stop.
    Stopped,
    /// It was told to stop by ■ in a notebook, or by Ctrl-C in a terminal.
    Interrupted,
    /// The strategy failed.
    Strategy(String),
    /// The journal could not be written.
    Journal(String),
    /// The evaluations lack a required figure.
    NoFigure(String),
    /// A sentence in a journal that is none of the above.
    Other(String),
}

impl Ended {
    /// Whether it ended before its budget was spent, though there was more to try.
    pub(crate) fn broke_off(&self) -> bool {
        self.may_go_on()
            || matches!(self, Ended::Strategy(_) | Ended::Journal(_) | Ended::NoFigure(_))
    }

    /// Whether it was told to stop, and goes on where it was when it is run again.
    pub(crate) fn may_go_on(&self) -> bool {
        matches!(self, Ended::Stopped | Ended::Interrupted)
    }

    /// How work ends that was asked to stop.
    pub(crate) fn by(stop: &Stop) -> Ended {
        if stop.pressed() { Ended::Interrupted } else { Ended::Stopped }
    }

    /// How to go on all the same, as a sentence after the reason; empty where nothing in general helps.
    pub(crate) fn cure(&self) -> &'static str {
        match self {
            Ended::Trials(_) => " Try trials(...) with more of them.",
            Ended::Epochs(_) => " Try epochs(...) with more of them.",
            Ended::SimulatedSeconds(_) => " Try simulated_seconds(...) with more of them.",
            Ended::Seconds(_) => " Try seconds(...) with more of them.",
            Ended::Exhausted(_) => {
                " Try a larger space, another strategy, or .duplicates(Duplicates::Repeat)."
            }
            _ => "",
        }
    }

    /// Whether a budget that does not depend on the machine is spent.
    pub(crate) fn is_budget(&self) -> bool {
        matches!(self, Ended::Trials(_) | Ended::Epochs(_) | Ended::SimulatedSeconds(_))
    }

    fn read(text: &str) -> Option<Ended> {
        fn between<T: FromStr>(text: &str, begin: &str, end: &str) -> Option<T> {
            text.strip_prefix(begin)?.strip_suffix(end)?.parse().ok()
        }
        let failed = || {
            let (trial, error) = text.strip_prefix("trial ")?.split_once(" failed: ")?;
            Some(Ended::Failed { trial: trial.parse().ok()?, error: error.into() })
        };
        let simulated = " simulated seconds is spent";
        let unpaid = " trials in a row cost no simulated seconds";
        let readings = [
            Some(Ended::Trials(1)),
            Some(Ended::Stopped),
            Some(Ended::Interrupted),
            Some(Ended::Exhausted("the space is exhausted".into())),
            between(text, "all ", " trials are done").map(Ended::Trials),
            between(text, "the budget of ", simulated).map(Ended::SimulatedSeconds),
            between(text, "the budget of ", " epochs is spent").map(Ended::Epochs),
            between(text, "the time limit of ", " s is reached").map(Ended::Seconds),
            between(text, "", unpaid).map(Ended::FreeOfSimulated),
            between(text, "", " trials in a row cost nothing").map(Ended::Free),
            between(text, STRATEGY, "").map(Ended::Strategy),
            failed(),
        ];
        // The right one is written as the text that was read.
        readings.into_iter().flatten().find(|ended| ended.to_string() == text)
    }
}

const STRATEGY: &str = "the strategy failed: ";

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ended::Trials(1) => f.write_str("the only trial is done"),
            Ended::Trials(n) => write!(f, "all {n} trials are done"),
            Ended::Epochs(limit) => write!(f, "the budget of {limit} epochs is spent"),
            Ended::SimulatedSeconds(limit) => {
                write!(f, "the budget of {limit} simulated seconds is spent")
            }
            Ended::Seconds(limit) => write!(f, "the time limit of {limit} s is reached"),
            Ended::Free(n) => write!(f, "{n} trials in a row cost nothing"),
            Ended::FreeOfSimulated(n) => write!(f, "{n} trials in a row cost no simulated seconds"),
            Ended::Failed { trial, error } => write!(f, "trial {trial} failed: {error}"),
            Ended::Stopped => f.write_str("it was stopped"),
            Ended::Interrupted => f.write_str("it was interrupted"),
            Ended::Strategy(why) => write!(f, "{STRATEGY}{why}"),
            Ended::Exhausted(why)
            | Ended::Journal(why)
            | Ended::NoFigure(why)
            | Ended::Other(why) => f.write_str(why),
        }
    }
}

impl From<String> for Ended {
    fn from(text: String) -> Ended {
        Ended::read(&text).unwrap_or(Ended::Other(text))
    }
}

impl From<Ended> for String {
    fn from(ended: Ended) -> String {
        ended.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sentences that are in journals.
    #[test]
    fn it_is_read_from_the_sentence_that_it_is_written_as() {
        let all = [
            (Ended::Trials(1), "the only trial is done"),
            (Ended::Trials(20), "all 20 trials are done"),
            (Ended::Epochs(52.0), "the budget of 52 epochs is spent"),
            (Ended::SimulatedSeconds(1e3), "the budget of 1000 simulated seconds is spent"),
            (Ended::Seconds(0.1), "the time limit of 0.1 s is reached"),
            (Ended::Free(200), "200 trials in a row cost nothing"),
            (Ended::FreeOfSimulated(200), "200 trials in a row cost no simulated seconds"),
            (Ended::Failed { trial: 3, error: "no: luck".into() }, "trial 3 failed: no: luck"),
            (Ended::Exhausted("the space is exhausted".into()), "the space is exhausted"),
            (Ended::Stopped, "it was stopped"),
            (Ended::Interrupted, "it was interrupted"),
            (Ended::Strategy("out of ideas".into()), "the strategy failed: out of ideas"),
            (Ended::Other("all good trials are done".into()), "all good trials are done"),
            (Ended::Other("all 020 trials are done".into()), "all 020 trials are done"),
        ];
        for (ended, text) in all {
            assert_eq!(serde_json::to_value(&ended).unwrap(), text);
            assert_eq!(serde_json::from_value::<Ended>(text.into()).unwrap(), ended);
        }
    }
}
