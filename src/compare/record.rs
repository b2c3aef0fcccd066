//! What a comparison keeps of each study.

use crate::record::{Outcome, Trial, objectives};
use crate::study::{Ended, Study};
use crate::task::Metric;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// One study of a comparison: a strategy with a seed. A value for each trial, in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Run {
    pub(crate) strategy: usize,
    pub(crate) seed: u64,
    /// `None` for a trial that failed.
    pub(crate) scores: Vec<Option<f64>>,
    /// The figure that is reported, where there is one besides the score.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) reports: Vec<Option<f64>>,
    /// The further objectives, a list for each trial that finished.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) further: Vec<Vec<f64>>,
    /// Seconds that evaluations took, simulated or measured; 0 where a result was taken over.
    pub(crate) seconds: Vec<f64>,
    /// Whether they are simulated.
    #[serde(default)]
    pub(crate) simulated: bool,
    /// Seconds that the strategy took to propose.
    pub(crate) overhead: Vec<f64>,
    pub(crate) epochs: Vec<f64>,
    /// The epochs that the result of each trial stands for; empty where they are all the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) depths: Vec<usize>,
    /// The decisions of the best trial.
    pub(crate) best: Vec<u32>,
    pub(crate) ended: Ended,
    /// Why the first of the failed trials failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<String>,
}

/// The epochs that results stand for, where they differ.
fn depths(trials: &[Trial]) -> Vec<usize> {
    let all: Vec<usize> = trials.iter().map(Trial::depth).collect();
    if all.windows(2).all(|pair| pair[0] == pair[1]) { vec![] } else { all }
}

impl Run {
    pub(super) fn of(study: &Study, strategy: usize, seed: u64, report: Option<&str>) -> Run {
        let (trials, further) = (study.trials_done(), study.protocol().objectives);
        Run {
            best: study.best().map(|t| t.architecture().decisions()).unwrap_or_default(),
            ended: study.ended_by().unwrap_or(Ended::Other(String::new())),
            ..Run::of_trials(&trials, strategy, seed, report, &further)
        }
    }

    /// Of these trials, without the best and without an end.
    pub(super) fn of_trials(
        trials: &[Trial],
        strategy: usize,
        seed: u64,
        report: Option<&str>,
        further: &[Metric],
    ) -> Run {
        let figure = |t: &Trial| {
            let found = t.finished()?;
            objectives::figure(report?, found, t).filter(|v| v.is_finite())
        };
        let objectives = |t: &Trial| -> Vec<f64> {
            let all = objectives::values(t, further).unwrap_or_default();
            all.into_iter().skip(1).collect()
        };
        // A comparison does not try a failure again.
        let failure = |t: &Trial| match &t.0.outcome {
            Outcome::Failed(why) => Some(why.without_advice()),
            _ => None,
        };
        let paid = |t: &Trial| if t.reused_from().is_some() { 0.0 } else { t.seconds_spent() };
        Run {
            strategy,
            seed,
            scores: trials.iter().map(Trial::score).collect(),
            reports: match report {
                Some(_) => trials.iter().map(figure).collect(),
                None => vec![],
            },
            further: match further.is_empty() {
                true => vec![],
                false => trials.iter().map(objectives).collect(),
            },
            seconds: trials.iter().map(paid).collect(),
            simulated: trials.iter().any(|t| t.simulated_paid() > 0.0),
            overhead: trials.iter().map(Trial::overhead).collect(),
            epochs: trials.iter().map(Trial::epochs_spent).collect(),
            depths: depths(trials),
            best: vec![],
            ended: Ended::Other(String::new()),
            failure: trials.iter().find(|t| t.error().is_some()).and_then(failure),
        }
    }

    /// Whether every list has a value for each trial.
    pub(super) fn is_whole(&self) -> bool {
        let n = self.scores.len();
        [self.seconds.len(), self.overhead.len(), self.epochs.len()] == [n; 3]
    }

    /// The trial that is the best by its score after each trial; `None` before one has finished.
    pub(super) fn incumbents(&self, metric: &Metric) -> Vec<Option<usize>> {
        let mut best: Option<(usize, f64)> = None;
        // Where trials differ in their epochs, the best of those with the most.
        let depth = |i: usize| self.depths.get(i).copied().unwrap_or(0);
        let step = |(i, score): (usize, &Option<f64>)| {
            if let Some(score) = *score
                && best.is_none_or(|(n, b)| match depth(i).cmp(&depth(n)) {
                    Ordering::Equal => metric.better(score, b),
                    deeper => deeper == Ordering::Greater,
                })
            {
                best = Some((i, score));
            }
            best.map(|(i, _)| i)
        };
        self.scores.iter().enumerate().map(step).collect()
    }
}
