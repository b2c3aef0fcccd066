//! The figures of a trial by their names, and the values of its objectives.

use super::{Failure, Trial};
use crate::evaluate::Evaluation;
use crate::task::Metric;
use crate::words::nearest;

/// A figure that every trial has, whatever evaluates it: a row of [`KNOWN`].
struct Known {
    name: &'static str,
    /// Whether it needs a network, so that spaces of decisions alone lack it.
    built: bool,
    of: fn(&Evaluation, &Trial) -> f64,
}

static KNOWN: &[Known] = &[
    Known { name: "params", built: true, of: |_, t| t.0.architecture.params() as f64 },
    Known { name: "macs", built: true, of: |_, t| t.0.architecture.macs() as f64 },
    Known {
        name: "seconds",
        built: false,
        of: |found, t| found.seconds_spent().unwrap_or(t.0.cost.seconds),
    },
];

/// The rows for networks, or for decisions alone.
fn rows(built: bool) -> impl Iterator<Item = &'static Known> {
    KNOWN.iter().filter(move |known| built || !known.built)
}

/// The names of the figures that every trial has.
pub(crate) fn names(built: bool) -> impl Iterator<Item = String> {
    rows(built).map(|known| known.name.to_string())
}

fn is_built(trial: &Trial) -> bool {
    !trial.0.architecture.of_space().is_decisions()
}

/// A figure of an evaluated architecture by its name; those of the evaluation itself come first.
pub(crate) fn figure(name: &str, found: &Evaluation, trial: &Trial) -> Option<f64> {
    found.get(name).or_else(|| {
        rows(is_built(trial)).find(|known| known.name == name).map(|known| (known.of)(found, trial))
    })
}

/// The names of all figures of a trial.
pub(crate) fn known(found: &Evaluation, trial: &Trial) -> Vec<String> {
    let own = found.metrics().into_iter().map(|metric| metric.0);
    own.chain(names(is_built(trial))).collect()
}

/// Says that a figure is missing, and which figures there are.
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

/// The values of a finished trial: the score, then the further objectives in their order.
pub(crate) fn values(trial: &Trial, further: &[Metric]) -> Option<Vec<f64>> {
    let found = trial.finished()?;
    let more = further.iter().map(|m| figure(&m.name, found, trial));
    std::iter::once(Some(found.score())).chain(more).collect()
}
