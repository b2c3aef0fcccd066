//! What the strategies of a comparison are judged by, trial by trial, and against time.

use super::record::Run;
use super::{Comparison, Judge};
use crate::error::{Error, Result};
use crate::rng::Rng;
use crate::stats::{Band, Statistic, bootstrap_curve, volumes, whole};
use crate::task::Metric;

/// What curves are plotted against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Against {
    /// Trials.
    Trials,
    /// Seconds that the evaluations took, simulated where they were looked up.
    Seconds,
    /// Seconds that the strategy itself took.
    Overhead,
    /// Epochs that were paid for.
    Epochs,
}

/// The mean or median of a strategy over the seeds, with a band.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Curve {
    pub(super) x: Vec<f64>,
    pub(super) bands: Vec<Band>,
}

/// Points of a curve against time, and at most those of one against trials.
const POINTS: usize = 150;
pub(super) const LEVEL: f64 = 0.95;
pub(super) const RESAMPLES: usize = 1000;

/// What the study is judged by after each trial; `None` as long as no trial has finished.
pub(super) fn judged(
    run: &Run,
    metric: &Metric,
    objectives: &[Metric],
    judge: &Judge,
) -> Vec<Option<f64>> {
    match judge {
        Judge::Score => {
            let value = |best: Option<usize>| run.scores[best?];
            run.incumbents(metric).into_iter().map(value).collect()
        }
        Judge::Report(_) => {
            let value = |best: Option<usize>| run.reports.get(best?).copied().flatten();
            run.incumbents(metric).into_iter().map(value).collect()
        }
        Judge::Hypervolume { reference, unit } => {
            let points = (0..run.scores.len()).map(|i| turned(run, i, objectives));
            volumes(points, reference, *unit)
        }
    }
}

/// The objectives of a trial, turned so that less is better.
fn turned(run: &Run, trial: usize, objectives: &[Metric]) -> Option<Vec<f64>> {
    let score = run.scores[trial]?;
    let all = std::iter::once(score).chain(run.further.get(trial)?.iter().copied());
    Some(all.zip(objectives).map(|(v, m)| m.turned(v)).collect())
}

/// The point that hypervolume is measured from, and its unit. A given point is used, and
/// the volume is in the objectives' own units; otherwise it is the worst values of all trials of the
/// comparison, and the volume is the share of the box from there to the best values. An objective in
/// which all are equal still gets a side: otherwise no box would have a volume.
pub(super) fn reference(
    runs: &[Vec<Run>],
    objectives: &[Metric],
    given: Option<&[f64]>,
) -> (Vec<f64>, f64) {
    if let Some(point) = given {
        let turn = |(v, m): (&f64, &Metric)| m.turned(*v);
        return (point.iter().zip(objectives).map(turn).collect(), 1.0);
    }
    let all = runs.iter().flatten();
    let points =
        all.flat_map(|run| (0..run.scores.len()).filter_map(|i| turned(run, i, objectives)));
    whole(points, objectives.len())
}

impl Comparison {
    /// The regret of a value where the optimum is known, otherwise the value.
    pub(super) fn shown(&self, value: f64) -> f64 {
        self.0.optimum.map_or(value, |optimum| regret(optimum, value, self.metric().maximise))
    }

    /// What a strategy is judged by against trials or time, over its seeds; `None` where no study of
    /// it has anything to show. Regret where the optimum is known.
    pub(super) fn curve(
        &self,
        strategy: usize,
        against: Against,
        statistic: Statistic,
    ) -> Option<Curve> {
        let studies: Vec<(&Run, &Vec<Option<f64>>)> = self.0.runs[strategy]
            .iter()
            .zip(&self.0.judged[strategy])
            .filter(|(_, judged)| judged.iter().any(Option::is_some))
            .collect();
        let spent: Vec<Vec<f64>> = studies.iter().map(|(run, _)| spent(run, against)).collect();
        let x = grid(&spent, &studies, against)?;
        let mut rows: Vec<Vec<f64>> = vec![];
        for ((_, judged), spent) in studies.iter().zip(&spent) {
            let value = |&x: &f64| {
                let done = spent.partition_point(|&s| s <= x);
                judged[..done].last().copied().flatten().map(|v| self.shown(v))
            };
            rows.extend(x.iter().map(value).collect::<Option<Vec<f64>>>());
        }
        // The same resamples for all strategies.
        let mut rng = Rng::from_u64(0).stream("bootstrap", against as u64);
        let bands = bootstrap_curve(&rows, statistic, LEVEL, RESAMPLES, &mut rng).ok()?;
        Some(Curve { x, bands })
    }

    /// How many trials, or how much time, each study of a strategy took until it was at least as
    /// good as the target; `None` for one that never was.
    ///
    /// # Errors
    /// When no strategy has that name, or the target is not a finite number.
    pub fn time_to(
        &self,
        target: f64,
        strategy: &str,
        against: Against,
    ) -> Result<Vec<Option<f64>>> {
        if !target.is_finite() {
            let given = format!("a target of {target}");
            return Err(Error::invalid(given, "a finite number is needed", "0.95"));
        }
        Ok(self.reached(target, self.number(strategy)?, against))
    }

    pub(super) fn reached(
        &self,
        target: f64,
        strategy: usize,
        against: Against,
    ) -> Vec<Option<f64>> {
        let metric = self.metric();
        // With NaN, everything would count as reached.
        let there =
            |v: &Option<f64>| v.is_some_and(|v| !target.is_nan() && !metric.better(target, v));
        let studies = self.0.runs[strategy].iter().zip(&self.0.judged[strategy]);
        studies
            .map(|(run, judged)| Some(spent(run, against)[judged.iter().position(there)?]))
            .collect()
    }
}

/// How much worse a value is than the optimum; below 0 if it is better, so that the optimum is not one.
pub(super) fn regret(optimum: f64, value: f64, maximise: bool) -> f64 {
    if maximise { optimum - value } else { value - optimum }
}

/// What has been spent after each trial.
fn spent(run: &Run, against: Against) -> Vec<f64> {
    let each: Vec<f64> = match against {
        Against::Trials => vec![1.0; run.scores.len()],
        Against::Seconds => run.seconds.clone(),
        Against::Overhead => run.overhead.clone(),
        Against::Epochs => run.epochs.clone(),
    };
    let mut sum = 0.0;
    let add = |v: f64| {
        sum += v;
        sum
    };
    each.into_iter().map(add).collect()
}

/// The points of a curve: from where every study has something to show to where half of them have
/// ended; a study that has ended keeps its last value.
fn grid(
    spent: &[Vec<f64>],
    studies: &[(&Run, &Vec<Option<f64>>)],
    against: Against,
) -> Option<Vec<f64>> {
    let begins = studies.iter().zip(spent).filter_map(|((_, judged), spent)| {
        judged.iter().position(Option::is_some).map(|i| spent[i])
    });
    let from = begins.fold(f64::NEG_INFINITY, f64::max);
    let mut ends: Vec<f64> = spent.iter().filter_map(|s| s.last().copied()).collect();
    ends.sort_by(f64::total_cmp);
    let to = match against {
        Against::Trials => *ends.last()?,
        _ => *ends.get(ends.len() / 2)?,
    };
    if from >= to {
        return Some(vec![to.max(from)]);
    }
    let all = (to - from) as usize + 1;
    if against == Against::Trials && all <= POINTS {
        return Some((0..all).map(|i| from + i as f64).collect());
    }
    let at = |i: usize| from + (to - from) * i as f64 / (POINTS - 1) as f64;
    let whole = |x: f64| if against == Against::Trials { x.round() } else { x };
    Some((0..POINTS).map(|i| whole(at(i))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_front_has_one_volume_in_whatever_order_it_was_found() {
        let objectives = ["a", "b", "c"].map(Metric::minimise);
        let mut rng = Rng::new(1);
        for _ in 0..300 {
            // Many ties.
            let mut points: Vec<[f64; 3]> =
                (0..9).map(|_| [(); 3].map(|()| 0.1 * rng.below(6) as f64)).collect();
            let mut last = || {
                rng.shuffle(&mut points);
                let run = serde_json::json!({
                    "strategy": 0, "seed": 0, "seconds": [], "overhead": [], "epochs": [], "best": [],
                    "ended": "it was stopped",
                    "scores": points.iter().map(|p| p[0]).collect::<Vec<_>>(),
                    "further": points.iter().map(|p| p[1..].to_vec()).collect::<Vec<_>>(),
                });
                let run: Run = serde_json::from_value(run).unwrap();
                let points = (0..run.scores.len()).map(|i| turned(&run, i, &objectives));
                volumes(points, &[0.7; 3], 0.3).pop()
            };
            assert_eq!(last(), last());
        }
    }
}
