//! Several objectives: what a search optimises besides the score, and the front it leaves.
//!
//! An architecture dominates another one when it is at least as good in every objective and better
//! in one; the front is the set that no other one dominates (Deb et al. 2002, IEEE Trans. Evol. Comp.
//! 6:2). The score stays the first objective, so everything that knows one objective still works.

use super::Study;
use crate::chart::{Chart, HypervolumeHistory};
use crate::error::{Error, Result};
use crate::evaluate::Evaluator;
use crate::record::Trial;
use crate::record::objectives::{names, values};
use crate::stats::{pareto_front, volumes, whole};
use crate::strategy::Strategy;
use crate::task::Metric;
use crate::words::{human_count, nearest, number};

impl Study {
    /// Adds an objective besides the score, by the name of a figure: one that the evaluation gives
    /// ([`Evaluation::with`](crate::Evaluation::with), a table's report), or `"params"`, `"macs"` or
    /// `"seconds"`. Strategies that know several objectives look for the front; all others use the score.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::new([8], Task::classification(2)).then(linear(any([4, 8, 16, 32])));
    /// let wide = evaluator(|a, _| (a.params() as f64).sqrt());
    /// let study = Study::new(&space, wide).objective(Metric::minimise("params"))
    ///     .strategy(Grid).trials(4).quiet().run()?;
    /// assert_eq!(study.front().len(), 4); // each is better in one of the two
    /// # Ok::<(), nascent::Error>(())
    /// ```
    #[must_use = "a setting returns a new study and leaves this one as it is"]
    pub fn objective(&self, metric: Metric) -> Study {
        self.anew(|s| s.protocol.objectives.push(metric))
    }

    /// All objectives, the score first.
    pub fn objectives(&self) -> Vec<Metric> {
        std::iter::once(self.metric()).chain(self.protocol().objectives).collect()
    }

    /// The finished trials that no other one dominates in the [objectives](Study::objectives), in
    /// order; of equal ones the first. With one objective, this is the best trial.
    pub fn front(&self) -> Vec<Trial> {
        let (metrics, further) = (self.objectives(), self.protocol().objectives);
        let turned = |t: Trial| {
            let values = values(&t, &further)?;
            Some((t, metrics.iter().zip(values).map(|(m, v)| m.turned(v)).collect::<Vec<f64>>()))
        };
        let (trials, rows): (Vec<Trial>, Vec<Vec<f64>>) =
            self.trials_done().into_iter().filter_map(turned).unzip();
        // The study refuses values that are not finite, so this cannot fail.
        let front = pareto_front(&rows).unwrap_or_default();
        let first = |&i: &usize| !rows[..i].contains(&rows[i]);
        front.into_iter().filter(first).map(|i| trials[i].clone()).collect()
    }

    /// How the hypervolume of the [front](Study::front) grew over the trials, as a share of the box from the worst to
    /// the best values of all trials. The worst and the best values change as a study goes on, so two studies are
    /// compared by [`Study::hypervolume_history_from`].
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::decisions([4, 4]);
    /// let fast = evaluator(|a, _| {
    ///     let d = a.decisions();
    ///     Evaluation::new(f64::from(d[0])).with("speed", f64::from(3 - d[0] + d[1]))
    /// });
    /// let study = Study::new(&space, fast).objective(Metric::maximise("speed")).trials(10).quiet().run()?;
    /// assert!(study.hypervolume_history()?.svg().contains("the worst of all trials"));
    /// let chart = study.hypervolume_history_from([-1.0, -1.0])?;
    /// assert!(chart.svg().contains("from score -1, speed -1"));
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// When the score is the only objective.
    pub fn hypervolume_history(&self) -> Result<Chart> {
        let points = self.turned_points("hypervolume_history()")?;
        let (point, unit) = whole(points.iter().flatten().cloned(), self.objectives().len());
        let same = |i: usize| {
            let mut all = points.iter().flatten().map(|p| p[i]);
            let first = all.next();
            all.all(|v| Some(v) == first)
        };
        let moved = (0..point.len()).any(same);
        let chart = self.volumes_from(points, &point, unit);
        let said = match moved {
            false => format!("{} (the worst of all trials)", chart.reference),
            true => format!("{} (worse than all trials where these are equal)", chart.reference),
        };
        let unit = "as a share of the box to the best values of all trials".into();
        Ok(Chart::new(HypervolumeHistory { reference: said, unit, ..chart }))
    }

    /// The same from a reference point, with a number for each of the [objectives](Study::objectives) in their order and
    /// their own units; the volume is in the product of these. A trial that is not better than the point in every
    /// objective adds nothing.
    ///
    /// # Errors
    /// When the score is the only objective, or the point has another number of objectives or values that are not
    /// finite.
    pub fn hypervolume_history_from(&self, reference: impl AsRef<[f64]>) -> Result<Chart> {
        let (given, metrics) = (reference.as_ref(), self.objectives());
        let points = self.turned_points("hypervolume_history_from(...)")?;
        if given.len() != metrics.len() || !given.iter().all(|v| v.is_finite()) {
            let names: Vec<String> = metrics.iter().map(|m| m.name.clone()).collect();
            return Err(Error::invalid(
                format!("hypervolume_history_from({given:?})"),
                format!(
                    "a finite number for each of {} is needed, in this order",
                    names.join(", ")
                ),
                "values that are worse than those of good trials; or hypervolume_history(), which takes the worst of all",
            ));
        }
        let turned: Vec<f64> = metrics.iter().zip(given).map(|(m, v)| m.turned(*v)).collect();
        let unit = format!(
            "in units of {}",
            metrics.iter().map(|m| &*m.name).collect::<Vec<_>>().join(" x ")
        );
        let chart = self.volumes_from(points, &turned, 1.0);
        Ok(Chart::new(HypervolumeHistory { unit, ..chart }))
    }

    /// The objectives of every trial that has ended, turned so that less is better; `None` for those that failed.
    fn turned_points(&self, call: &str) -> Result<Vec<Option<Vec<f64>>>> {
        let (metrics, further) = (self.objectives(), self.protocol().objectives);
        if further.is_empty() {
            // Decisions alone have no parameters.
            let figure = if self.setup.space.is_decisions() { "seconds" } else { "params" };
            return Err(Error::invalid(
                format!("{call} of a study with one objective"),
                "a hypervolume needs two or more",
                format!(
                    "study.objective(Metric::minimise({figure:?})) before it runs, or study.best_so_far()"
                ),
            ));
        }
        let turned = |t: &Trial| {
            let values = values(t, &further)?;
            Some(metrics.iter().zip(values).map(|(m, v)| m.turned(v)).collect())
        };
        Ok(self.trials_done().iter().map(turned).collect())
    }

    /// The chart from a point whose values are turned.
    fn volumes_from(
        &self,
        points: Vec<Option<Vec<f64>>>,
        reference: &[f64],
        unit: f64,
    ) -> HypervolumeHistory {
        let finished: Vec<bool> = points.iter().map(Option::is_some).collect();
        let after = volumes(points.into_iter(), reference, unit);
        let volumes = after.into_iter().zip(finished).map(|(v, done)| v.filter(|_| done)).collect();
        let value = |(m, v): (&Metric, &f64)| {
            // Where it is turned, 0 has become -0.
            let v = m.turned(*v) + 0.0;
            format!("{} {}", m.name, if v.abs() < 1e4 { number(v) } else { human_count(v) })
        };
        let point: Vec<String> = self.objectives().iter().zip(reference).map(value).collect();
        HypervolumeHistory {
            reference: point.join(", "),
            shown: Strategy::describe(&self.setup.strategy, self.setup.planned()),
            front: self.front().len(),
            volumes,
            ..HypervolumeHistory::default()
        }
    }

    /// What is wrong with the objectives, in words.
    pub(super) fn objective_problems(&self) -> Vec<String> {
        let all = self.objectives();
        let twice =
            all.iter().enumerate().filter(|(i, m)| all[..*i].iter().any(|o| o.name == m.name));
        let twice = twice.map(|(_, m)| {
            format!("objective({:?}): it is one already. Try the name of another figure.", m.name)
        });
        let missing = self.protocol().objectives.into_iter().filter(|m| !m.name.is_empty());
        let missing = missing.filter_map(|m| {
            let way = if m.maximise { "maximise" } else { "minimise" };
            let given = format!("objective({:?})", m.name);
            let call = |name: &str| format!("objective(Metric::{way}({name:?}))");
            self.unknown_figure(&m.name, &given, call, &all)
        });
        let nameless = all.iter().filter(|m| m.name.is_empty()).map(|_| {
            "objective(\"\"): a figure needs a name. Try Metric::minimise(\"params\").".to_string()
        });
        twice.chain(nameless).chain(missing).collect()
    }

    /// What is wrong with the name of a figure, if the evaluator says that it does not report such a
    /// figure: with the existing names, and what to write instead of the `given` setting.
    pub(crate) fn unknown_figure(
        &self,
        name: &str,
        given: &str,
        call: impl Fn(&str) -> String,
        taken: &[Metric],
    ) -> Option<String> {
        let evaluator = &self.setup.evaluator;
        let mut known = evaluator.figures()?;
        known.extend(names(!self.setup.space.is_decisions()));
        if known.iter().any(|k| k == name) {
            return None;
        }
        // No two objectives have the same name.
        let taken = |k: &String| taken.iter().any(|m| m.name == *k);
        let free: Vec<String> = known.iter().filter(|k| !taken(k)).cloned().collect();
        let mut tries = vec![];
        tries.extend(nearest(name, &free).map(|meant| call(meant)));
        tries.extend(evaluator.how_to_report(name));
        if tries.is_empty() {
            tries.extend(free.first().map(|first| call(first)));
        }
        Some(format!(
            "{given}: no evaluation has such a figure; there are {}. Try {}.",
            known.join(", "),
            tries.join("; or, ")
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::evaluator;
    use crate::layer::linear;
    use crate::space::Space;
    use crate::task::Task;

    /// A new row of the table is found where users look for it.
    #[test]
    fn what_is_known_of_every_trial_is_documented_and_written_down() {
        let space = Space::new([4], Task::classification(2)).then(linear(2));
        let csv = Study::new(&space, evaluator(|_, _| 0.0)).to_csv();
        let columns: Vec<&str> = csv.lines().next().unwrap_or_default().split(',').collect();
        for name in names(true) {
            assert!(columns.contains(&&*name), "src/study/csv.rs has no column {name:?}");
            let code = format!("`\"{name}\"`");
            assert!(
                include_str!("objective.rs").contains(&code),
                "Study::objective lacks {name:?}"
            );
        }
    }
}
