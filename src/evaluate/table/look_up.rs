//! The table as an evaluator: one row, and one column chosen by the budget and the seed.

use super::{Column, Level, Table};
use crate::error::{Error, ErrorKind, Result};
use crate::evaluate::number::Number;
use crate::evaluate::{Budget, Evaluation, Evaluator};
use crate::space::{Architecture, Space};
use crate::task::Metric;
use crate::words::{nearest, plural};

impl Table {
    pub(super) fn row(&self, arch: &Architecture) -> Result<usize> {
        let decisions = arch.decided();
        // Whether rows match a space is not checked here: a row that is no architecture of the space is
        // never asked for.
        self.in_words(self.readable())?.row(decisions).ok_or_else(|| {
            let code: Vec<String> = decisions.iter().map(u32::to_string).collect();
            Error::new(
                ErrorKind::Missing,
                format!(
                    "{} has no row for the decisions {}; it has {} for others. Search table.space(), \
                     or a space with the same decisions.",
                    self.to_name(),
                    code.join("-"),
                    self.rows_text()
                ),
            )
        })
    }

    /// The level of a budget: the most epochs that it allows.
    pub(super) fn level(&self, epochs: usize) -> Result<&Level> {
        let allowed = |level: &&Level| !self.in_epochs || level.epochs <= epochs as i64;
        self.levels.iter().rev().find(allowed).ok_or_else(|| {
            let known: Vec<String> = self.levels.iter().map(|l| l.epochs.to_string()).collect();
            match &known[..] {
                [] => self.no_objective(),
                [least, ..] => Error::invalid(
                    format!("a budget of {epochs} epochs"),
                    format!("{} has figures after {} epochs", self.to_name(), known.join(", ")),
                    format!("at least {least}, as by the setting least({least}) of a schedule"),
                ),
            }
        })
    }

    fn no_objective(&self) -> Error {
        Error::all(&self.to_name(), &[self.wants_objective()])
    }

    fn wants_objective(&self) -> String {
        let names = self.other_columns();
        let shown: Vec<String> = names.iter().take(12).map(|n| format!("{n:?}")).collect();
        let more = if names.len() > 12 { ", ..." } else { "" };
        format!(
            "it has no objective. Try .objective(column) with one of {}{more}.",
            shown.join(", ")
        )
    }

    /// The names of all columns but that of the decisions.
    fn other_columns(&self) -> Vec<String> {
        self.sheet.header.iter().filter(|h| **h != self.code).cloned().collect()
    }

    fn all_columns(&self) -> impl Iterator<Item = &Column> {
        let objectives = self.levels.iter().flat_map(|level| &level.columns);
        objectives.chain(&self.reports).chain(&self.cost)
    }
}

/// The most levels of fidelity that a description names.
const MOST_NAMED: usize = 4;

impl Evaluator for Table {
    fn evaluate(&self, arch: &Architecture, budget: &Budget) -> Result<Evaluation> {
        let row = self.row(arch)?;
        let level = self.level(budget.or_full(self.full()).epochs_allowed())?;
        let missing = |column: &Column| {
            Error::new(
                ErrorKind::Missing,
                format!(
                    "{}, {}: there is no figure in column {:?}.",
                    self.to_name(),
                    self.sheet.place(row),
                    column.name
                ),
            )
        };
        let at = |level: &Level| match &level.columns[..] {
            [one] => one.at(row).ok_or_else(|| missing(one)),
            [] => Err(self.no_objective()),
            several => {
                // The same seed at every level.
                let mut rng = budget.rng();
                let drawn = several[rng.below(several.len())].at(row);
                // A seed that the benchmark lacks is drawn again among those that it has.
                let have = || several.iter().filter_map(|c| c.at(row)).collect::<Vec<_>>();
                let drawn = drawn.or_else(|| rng.pick(&have()));
                drawn.ok_or_else(|| missing(&several[0]))
            }
        };
        let mut found = Evaluation::new(at(level)?);
        // With a figure after every epoch, the trial has a learning curve.
        let until = &self.levels[..self.levels.partition_point(|l| l.epochs <= level.epochs)];
        if self.in_epochs && until.iter().zip(1..).all(|(level, epoch)| level.epochs == epoch) {
            found = found.with_curve(until.iter().map(at).collect::<Result<Vec<f64>>>()?);
        }
        for column in &self.reports {
            if let Some(v) = column.at(row) {
                found.metrics.insert(column.name.clone(), Number(v));
            }
        }
        if let Some(cost) = &self.cost {
            let whole = cost.at(row).ok_or_else(|| missing(cost))?;
            let most = self.levels.last().map_or(1, |l| l.epochs);
            found.seconds = Some(Number(whole * level.epochs as f64 / most as f64));
        }
        if self.in_epochs {
            found.epochs = Some(Number(level.epochs as f64));
        }
        Ok(found)
    }

    fn known_optimum(&self, figure: Option<&str>) -> Option<f64> {
        // The optimum of an incomplete table is unknown, and of several seeds a trial sees one, not their
        // mean.
        let one = self.levels.last().is_some_and(|level| level.columns.len() == 1);
        let at_full = self.full() as i64 == self.levels.last().map_or(0, |level| level.epochs);
        match figure {
            _ if !self.is_complete() => None,
            Some(figure) => self.optimum_of(figure).ok(),
            None if one && at_full => self.optimum().ok(),
            None => None,
        }
    }

    fn looks_up(&self) -> bool {
        true
    }

    fn figures(&self) -> Option<Vec<String>> {
        Some(self.reports.iter().map(|column| column.name.clone()).collect())
    }

    fn how_to_report(&self, figure: &str) -> Option<String> {
        let known = self.other_columns();
        let column = known.iter().find(|h| *h == figure).or(nearest(figure, &known))?;
        Some(format!("table.reporting({column:?}), which puts that column on record"))
    }

    fn data_fingerprint(&self) -> u64 {
        self.sheet.fingerprint
    }

    fn to_json(&self) -> Option<String> {
        self.stored()
    }

    fn metric(&self) -> Metric {
        let level = self.level(self.full()).ok().or(self.levels.last());
        let names: Vec<&str> =
            level.map_or(vec![], |l| l.columns.iter().map(|c| &*c.name).collect());
        let name = self.called.clone().unwrap_or_else(|| common(&names));
        Metric { name, maximise: self.maximise }
    }

    fn full(&self) -> usize {
        let most = self.levels.last().map_or(1, |l| l.epochs);
        self.full.unwrap_or(most).max(0) as usize
    }

    fn levels(&self) -> Option<Vec<usize>> {
        let epochs = |l: &Level| usize::try_from(l.epochs).ok().filter(|&e| e > 0);
        self.in_epochs.then(|| self.levels.iter().filter_map(epochs).collect())
    }

    fn describe(&self) -> String {
        let mut text = format!("{} of {}", self.to_name(), self.rows_text());
        if self.code != "code" {
            text += &format!(", decisions {}", self.code);
        }
        let level = |l: &Level| {
            let names: Vec<&str> = l.columns.iter().map(|c| &*c.name).collect();
            let names = names.join(" or ");
            if self.in_epochs { format!("{names} after {} epochs", l.epochs) } else { names }
        };
        let mut levels: Vec<String> = self.levels.iter().map(level).collect();
        if levels.len() > MOST_NAMED {
            levels.splice(1..levels.len() - 1, ["...".to_string()]);
        }
        text += &format!(", objective {}", levels.join(", "));
        text += if self.maximise { ", maximised" } else { ", minimised" };
        if let Some(epochs) = self.full {
            text += &format!(", for {epochs} epochs");
        }
        for column in &self.reports {
            text += &format!(", reporting {}", column.name);
        }
        if let Some(cost) = &self.cost {
            text += &format!(", cost {}", cost.name);
        }
        text
    }

    fn problems(&self) -> Vec<String> {
        let mut found: Vec<String> = self.matched().err().into_iter().collect();
        if self.levels.iter().all(|level| level.columns.is_empty()) {
            found.push(self.wants_objective());
        }
        for column in self.all_columns() {
            match column.figures.as_ref() {
                Err(what) if !found.contains(what) => found.push(what.clone()),
                Err(_) => {}
                Ok(figures) if figures.iter().all(|v| v.is_nan()) => {
                    found.push(format!(
                        "column {:?} holds no figure at all. Try another.",
                        column.name
                    ));
                }
                Ok(_) => {}
            }
        }
        let called = self.called.as_ref();
        if let Some(name) = called.filter(|n| self.reports.iter().any(|c| c.name == **n)) {
            found.push(format!(
                "named({name:?}): a column on record has this name already, so one could not tell them apart. Try \
                 another, as {:?}.",
                format!("score, {name}")
            ));
        }
        let costs = self.cost.as_ref().and_then(|c| Some((c, (*c.figures).as_ref().ok()?)));
        if let Some((column, figures)) = costs
            && let Some(row) = figures.iter().position(|v| *v < 0.0)
        {
            found.push(format!(
                "{}, column {:?}: a cost of {}; seconds must be at least 0. Try another column.",
                self.sheet.place(row),
                column.name,
                figures[row]
            ));
        }
        if let Some(level) = self.levels.iter().find(|l| l.epochs < 1) {
            found.push(format!("fidelity: {} epochs; at least 1 is needed.", level.epochs));
        }
        if let Some(two) = self.levels.windows(2).find(|w| w[0].epochs == w[1].epochs) {
            found.push(format!("fidelity: two columns for {} epochs. Name one.", two[0].epochs));
        }
        match (self.full, self.levels.first()) {
            (Some(epochs), Some(least)) if self.in_epochs && epochs < least.epochs => {
                found.push(format!(
                    "epochs({epochs}): the least that the table knows is {0}. Try epochs({0}).",
                    least.epochs
                ));
            }
            (Some(epochs), _) if !self.in_epochs => {
                found.push(format!(
                    "epochs({epochs}): the table does not know which column belongs to how many \
                     epochs. Try .fidelity([(\"accuracy_12\", 12), (\"accuracy_200\", 200)])."
                ));
            }
            _ => {}
        }
        found
    }

    fn problems_with(&self, space: &Space) -> Vec<String> {
        let (Ok(codes), Ok(arch)) = (self.readable(), space.default_architecture()) else {
            return vec![];
        };
        let given = arch.decided().len();
        if codes.takes(given) {
            return vec![];
        }
        vec![format!(
            "an architecture of the space has {}, but those of {} have {}. Try table.space().",
            plural(given, "decision"),
            self.to_name(),
            codes.lengths()
        )]
    }
}

/// The name of several columns: their common beginning, without the mark of a seed.
fn common(names: &[&str]) -> String {
    let [first, rest @ ..] = names else { return "score".to_string() };
    if rest.is_empty() {
        return first.to_string();
    }
    let mut end = first.len();
    for name in rest {
        let same = first.bytes().zip(name.bytes()).take_while(|(a, b)| a == b).count();
        end = end.min(same);
    }
    let stem = first.get(..end).unwrap_or_default();
    let stem = stem.strip_suffix("_seed").or(stem.strip_suffix("_s")).unwrap_or(stem);
    let stem = stem.trim_end_matches(['_', '-', '.', ' ']);
    if stem.is_empty() { first.to_string() } else { stem.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_for_several_seeds() {
        assert_eq!(common(&["val_s0", "val_s1", "val_s2"]), "val");
        assert_eq!(common(&["acc_seed0", "acc_seed11"]), "acc");
        assert_eq!(common(&["loss"]), "loss");
        assert_eq!(common(&["a", "b"]), "a");
        assert_eq!(common(&["é1", "è1"]), "é1");
        assert_eq!(common(&[]), "score");
    }
}
