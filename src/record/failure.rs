//! How a trial failed. In journals it is written as its sentence, which is read back here and nowhere else.

use serde::{Deserialize, Serialize};
use std::fmt;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub(crate) enum Failure {
    /// As the evaluation says, or what is wrong with its result.
    Error(String),
    /// The evaluation lacks a figure that each must have.
    NoFigure(String),
    /// The process ended so many times in it.
    Died(usize),
}

const DIED: &str = "the process ended ";
const WHILE: &str = " times while this trial was evaluated (an abort, an exit, a stack overflow, \
                     too little memory, or it was killed)";
const ADVICE: &str = ". Study::retry_failures tries it again";

impl Failure {
    /// The same where there is no study that could try it again.
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

/// What is wrong with the figures of an evaluation is not told from other errors: the study that lacked
/// one is over.
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
