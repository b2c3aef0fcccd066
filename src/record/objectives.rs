//! The figures of a trial, by name, and the values of the objectives among them.

use super::{Failure, Trial};
use crate::evaluate::Evaluation;
use crate::task::Metric;
use crate::words::nearest;

/// What is known of every architecture that can be built, whoever evaluates it.
pub(crate) const OF_ARCHITECTURE: [&str; 2] = ["params", "macs"];
/// What is known of every trial.
pub(crate) const SECONDS: &str = "seconds";

/// A figure of an evaluated architecture by its name: the evaluation's own first.
pub(crate) fn figure(name: &str, found: &Evaluation, trial: &Trial) -> Option<f64> {
    if let Some(value) = found.get(name) {
        return Some(value);
    }
    let arch = &trial.0.architecture;
    let built = !arch.of_space().is_decisions();
    match name {
        "params" if built => Some(arch.params() as f64),
        "macs" if built => Some(arch.macs() as f64),
        SECONDS => Some(found.simulated_seconds().unwrap_or(trial.0.cost.seconds)),
        _ => None,
    }
}

/// The names of all figures of a trial.
pub(crate) fn known(found: &Evaluation, trial: &Trial) -> Vec<String> {
    let mut known: Vec<String> = found.metrics().into_iter().map(|m| m.0).collect();
    if !trial.0.architecture.of_space().is_decisions() {
        known.extend(OF_ARCHITECTURE.map(String::from));
    }
    known.push(SECONDS.to_string());
    known
}

/// That a figure is not there, and what there is.
pub(crate) fn nothing_of(name: &str, role: &str, found: &Evaluation, trial: &Trial) -> String {
    let known = known(found, trial);
    let meant = nearest(name, &known);
    let meant = meant.map_or("the name of one of these".to_string(), |m| format!("{m:?}"));
    format!(
        "the evaluation has no figure {name:?}, which {role}; there are {}. Try {meant}, or \
         Evaluation::new(score).with({name:?}, value)",
        known.join(", ")
    )
}

/// What is wrong with an evaluation that lacks one of the objectives.
pub(crate) fn lacking(objectives: &[Metric], found: &Evaluation, trial: &Trial) -> Option<Failure> {
    let error = |why: String| Some(Failure::Error(why));
    for Metric { name, .. } in objectives {
        match figure(name, found, trial) {
            Some(value) if value.is_finite() => {}
            Some(value) => return error(format!("the objective {name:?} is {value}")),
            None if found.undefined(name).is_some() => {
                let why = found.undefined(name).unwrap_or_default();
                return error(format!(
                    "the objective {name:?} is undefined: {why}. Try another objective, or data in \
                     which it is defined"
                ));
            }
            None => {
                return Some(Failure::NoFigure(nothing_of(name, "is an objective", found, trial)));
            }
        }
    }
    None
}

/// The values of a finished trial: the score, and the further objectives in their order.
pub(crate) fn values(trial: &Trial, further: &[Metric]) -> Option<Vec<f64>> {
    let found = trial.finished()?;
    let more = further.iter().map(|m| figure(&m.name, found, trial));
    std::iter::once(Some(found.score())).chain(more).collect()
}
