//! Trials as CSV, a line each.

use super::{Study, Trial};
use crate::error::Result;
use crate::output;
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
        const FIRST: [&str; 3] = ["trial", "status", "score"];
        const LAST: [&str; 11] = [
            "params",
            "macs",
            "epochs",
            "seconds",
            "seed",
            "origin",
            "parents",
            "reused_from",
            "decisions",
            "architecture",
            "error",
        ];
        // A metric that is called like one of our columns gets a name of its own.
        let own = |m: &String| match FIRST.contains(&m.as_str()) || LAST.contains(&m.as_str()) {
            true => format!("metric_{m}"),
            false => m.clone(),
        };
        let mut head: Vec<String> = FIRST.map(String::from).to_vec();
        head.extend(metrics.iter().map(own));
        head.extend(LAST.map(String::from));
        let mut lines = vec![row(&head)];
        for t in &trials {
            let e = t.evaluation();
            let arch = t.architecture();
            let number = |v: Option<f64>| v.map_or(String::new(), |v| v.to_string());
            let mut cells = vec![t.number().to_string(), t.status(), number(t.score())];
            cells.extend(metrics.iter().map(|m| number(e.as_ref().and_then(|e| e.get(m)))));
            cells.extend([
                arch.params().to_string(),
                arch.macs().to_string(),
                t.epochs().to_string(),
                format!("{:.6}", t.seconds()),
                t.budget().seed().to_string(),
                t.origin(),
                join(t.parents()),
                t.reused_from().map_or(String::new(), |n| n.to_string()),
                join(arch.decisions()),
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
    /// When the file cannot be written; an old one is then still there.
    pub fn save_csv(&self, path: impl AsRef<Path>) -> Result<()> {
        output::write(path, self.to_csv())
    }
}

fn join<T: ToString>(numbers: Vec<T>) -> String {
    numbers.iter().map(T::to_string).collect::<Vec<_>>().join(".")
}

/// A line, with quotes round what needs them (RFC 4180).
pub(crate) fn row(cells: &[String]) -> String {
    let quoted: Vec<String> = cells
        .iter()
        .map(|c| match c.contains([',', '"', '\n', '\r']) {
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
        let cells = ["plain", "a,b", "say \"hi\""].map(String::from);
        assert_eq!(super::row(&cells), "plain,\"a,b\",\"say \"\"hi\"\"\"\n");
    }
}
