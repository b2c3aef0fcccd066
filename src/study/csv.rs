//! Trials as CSV, one line each.

use super::Study;
use crate::error::Result;
use crate::output;
use crate::record::Trial;
use std::path::Path;

impl Study {
    /// The trials as CSV, with a heading: number, status, score, further metrics, costs, seed,
    /// origin, decisions, architecture and, for failures, the reason.
    pub fn to_csv(&self) -> String {
        let trials = self.trials_done();
        let mut metrics: Vec<String> = trials
            .iter()
            .filter_map(Trial::evaluation)
            .flat_map(|e| e.metrics().into_iter().map(|(name, _)| name))
            .collect();
        metrics.sort();
        metrics.dedup();
        const FIRST: &str = "trial status score";
        const LAST: &str = "params macs epochs seconds seed origin parents reused_from decisions \
                            architecture error";
        let (first, last) = (FIRST.split(' '), LAST.split(' '));
        let ours: Vec<&str> = first.clone().chain(last.clone()).collect();
        let further = own_names(&metrics, &ours);
        let head = first.map(String::from).chain(further).chain(last.map(String::from));
        let mut lines = vec![row(&head.collect::<Vec<_>>())];
        for t in &trials {
            let e = t.evaluation();
            let arch = t.architecture();
            let mut cells = vec![t.number().to_string(), t.status(), number(t.score())];
            cells.extend(metrics.iter().map(|m| number(e.as_ref().and_then(|e| e.get(m)))));
            cells.extend([
                arch.params().to_string(),
                arch.macs().to_string(),
                t.epochs_spent().to_string(),
                format!("{:.6}", t.seconds_spent()),
                t.budget().seed().to_string(),
                t.origin(),
                join(t.parents()),
                t.reused_from().map_or(String::new(), |n| n.to_string()),
                // A bare number of two digits could be taken for two decisions.
                match &arch.decisions()[..] {
                    [one] => format!("[{one}]"),
                    several => join(several.to_vec()),
                },
                arch.to_text(),
                t.error().unwrap_or_default(),
            ]);
            lines.push(row(&cells));
        }
        lines.concat()
    }

    /// Writes [`Study::to_csv`] to a file.
    ///
    /// # Errors
    /// When the file cannot be written; an old file is then kept.
    pub fn save_csv(&self, path: impl AsRef<Path>) -> Result<()> {
        output::write(path, self.to_csv())
    }
}

/// Names of metrics as names of columns: a metric with the name of one of our columns gets `metric_` in
/// front, repeated until no other column has its name.
pub(super) fn own_names(metrics: &[String], ours: &[&str]) -> Vec<String> {
    let mut taken: Vec<String> = metrics.to_vec();
    let own = |m: &String| {
        let mut name = m.clone();
        // A column without a name would be taken for an index.
        while name.is_empty() || ours.contains(&&*name) || name != *m && taken.contains(&name) {
            name = format!("metric_{name}");
        }
        taken.push(name.clone());
        name
    };
    metrics.iter().map(own).collect()
}

/// A number, or nothing.
pub(crate) fn number(value: Option<f64>) -> String {
    value.map_or(String::new(), |v| v.to_string())
}

/// Numbers with spaces between them: with another separator, two of them could be taken for one
/// number, or for a date.
fn join<T: ToString>(numbers: Vec<T>) -> String {
    numbers.iter().map(T::to_string).collect::<Vec<_>>().join(" ")
}

/// A line, with quotes round the cells that need them (RFC 4180), such as those with spaces at an end,
/// which readers would drop.
pub(crate) fn row(cells: &[String]) -> String {
    let quoted: Vec<String> = cells
        .iter()
        .map(|c| match c.contains([',', '"', '\n', '\r']) || c.trim() != c {
            true => format!("\"{}\"", c.replace('"', "\"\"")),
            false => c.clone(),
        })
        .collect();
    quoted.join(",") + "\n"
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_needs_quotes_gets_them() {
        let cells = ["plain", "a,b", "say \"hi\"", " acc"].map(String::from);
        assert_eq!(super::row(&cells), "plain,\"a,b\",\"say \"\"hi\"\"\",\" acc\"\n");
    }

    #[test]
    fn no_two_columns_have_one_name() {
        let own = |metrics: &[&str]| {
            let metrics: Vec<String> = metrics.iter().map(|m| m.to_string()).collect();
            super::own_names(&metrics, &["trial", "score"])
        };
        assert_eq!(own(&["acc", "loss"]), ["acc", "loss"]);
        assert_eq!(own(&["metric_score", "score"]), ["metric_score", "metric_metric_score"]);
        assert_eq!(own(&["", "metric_", "trial"]), ["metric_metric_", "metric_", "metric_trial"]);
    }
}
