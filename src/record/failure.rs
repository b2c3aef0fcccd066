//! How a trial failed. Journals hold it as a sentence, which is read back only here.

use serde::{Deserialize, Serialize};
use std::fmt;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub(crate) enum Failure {
    /// The error of the evaluation, or what is wrong with its result.
    Error(String),
    /// The evaluation lacks a required figure.
    NoFigure(String),
    /// The process ended this many times during this trial.
    Died(usize),
}

const DIED: &str = "the process ended ";
const WHILE: &str = " times while this trial was evaluated (an abort, an exit, a stack overflow, \
                     too little memory, or it was killed)";
const ADVICE: &str = ". Study::retry_failures tries it again";

impl Failure {
    /// The failure in words, without the advice to try again, for comparisons.
    pub(crate) fn without_advice(&self) -> String {
        match self {
            Failure::Died(times) => format!("{DIED}{times}{WHILE}"),
            other => other.to_string(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Error(why) | Failure::NoFigure(why) => f.write_str(why),
            Failure::Died(_) => write!(f, "{}{ADVICE}", self.without_advice()),
        }
    }
}

/// A lacking figure is read back as any other error: the study that it ended is over.
impl From<String> for Failure {
    fn from(text: String) -> Failure {
        let died = text.strip_prefix(DIED).and_then(|rest| rest.strip_suffix(ADVICE));
        let times = died.and_then(|rest| rest.strip_suffix(WHILE)?.parse().ok());
        times.map_or(Failure::Error(text), Failure::Died)
    }
}

impl From<Failure> for String {
    fn from(failure: Failure) -> String {
        failure.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_death_is_read_from_the_sentence_that_it_is_written_as() {
        let text = "the process ended 2 times while this trial was evaluated (an abort, an exit, a \
                    stack overflow, too little memory, or it was killed). Study::retry_failures \
                    tries it again";
        assert_eq!(Failure::Died(2).to_string(), text);
        assert_eq!(Failure::from(text.to_string()), Failure::Died(2));
        let other = "the process ended badly".to_string();
        assert_eq!(Failure::from(other.clone()), Failure::Error(other));
    }
}
