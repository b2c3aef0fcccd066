//! Several objectives: what a search optimises besides the score, and the front it leaves.
//!
//! An architecture dominates another one when it is at least as good in every objective and better
//! in one; the front is the set that no other one dominates (Deb et al. 2002, IEEE Trans. Evol. Comp.
//! 6:2). The score stays the first objective, so everything that knows one objective still works.

use super::Study;
use crate::evaluate::Evaluator;
use crate::record::Trial;
use crate::record::objectives::{names, values};
use crate::stats::pareto_front;
use crate::task::Metric;
use crate::words::nearest;

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
