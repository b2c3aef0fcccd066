//! A benchmark table as an evaluator: what somebody else's trainings found, looked up.
//!
//! Tabular benchmarks (NAS-Bench-101, arXiv 1902.09635; NAS-Bench-201, 2001.00326) hold the accuracy
//! and the training time of every architecture of a space, so that strategies can be compared in
//! seconds, with many seeds, and against a known optimum. Any file of comma-separated values with a
//! column of decisions and columns of figures is such a table here.

mod codes;
mod figures;
mod look_up;
mod sheet;

use super::Evaluator;
use crate::chart::theme::plural;
use crate::count::Count;
use crate::error::{Error, Result};
use crate::space::{Space, thousands};
use codes::Codes;
use sheet::Sheet;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// A table of architectures and their figures, as an evaluator.
///
/// A file of comma-separated values, plain or gzip, with a header. One column holds the decisions of
/// each architecture, `"code"` unless told otherwise: digits (`421211`), or numbers with `-`, `,`,
/// `;`, `.` or spaces between (`0-3-12`). All other columns are figures; a cell that is empty or
/// `NaN` is a missing one. The table need not be complete: an architecture without a row is a failed
/// trial, which costs nothing.
///
/// ```
/// use nascent::prelude::*;
/// let path = std::env::temp_dir().join("nascent-doc-table.csv");
/// std::fs::write(&path, "code,s0,s1,test,seconds\n\
///     00,61.0,62.0,60.1,40\n01,70.5,,71.0,55\n10,66.0,65.0,66.6,50\n11,74.0,75.0,73.9,80\n")?;
/// let table = Table::read(&path)?
///     .objectives(["s0", "s1"])         // one column a seed; the trial's seed draws one
///     .report("test")                   // on record for every trial, never seen by a strategy
///     .cost("seconds");                 // simulated
/// let study = Study::new(&table.space(), &table)
///     .duplicates(Duplicates::Repeat).batch(1).simulated_seconds(1000.0).seed(1).quiet().run()?;
/// let best = study.best()?.evaluation().unwrap_or_default();
/// assert_eq!((best.get("test"), table.optimum_of("test")?), (Some(73.9), 73.9));
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), nascent::Error>(())
/// ```
///
/// The space is [`Table::space`], or any other whose architectures have the same decisions: the
/// table looks at nothing else. Settings return a new table and cannot fail; what is wrong with them
/// is told, all together, when a study begins or by [`Table::check`].
#[derive(Clone)]
pub struct Table {
    sheet: Arc<Sheet>,
    code: String,
    codes: Arc<Result<Codes, String>>,
    /// The columns of the objective after so many epochs, the fewest first.
    levels: Vec<Level>,
    /// Whether the levels were given in epochs.
    in_epochs: bool,
    full: Option<i64>,
    maximise: bool,
    reports: Vec<Column>,
    cost: Option<Column>,
}

#[derive(Clone)]
struct Level {
    epochs: i64,
    /// One a seed.
    columns: Vec<Column>,
}

/// A column of figures, or what is wrong with it.
#[derive(Clone)]
struct Column {
    name: String,
    figures: Arc<Result<Vec<f64>, String>>,
}

impl Column {
    fn at(&self, row: usize) -> Option<f64> {
        let figures = self.figures.as_ref().as_ref().ok()?;
        figures.get(row).copied().filter(|v| !v.is_nan())
    }
}

impl Table {
    /// Reads the file. The decisions are in its column `"code"`; see [`Table::code`].
    ///
    /// # Errors
    /// When the file is missing, damaged, empty or ragged, with the line.
    pub fn read(path: impl AsRef<Path>) -> Result<Table> {
        Ok(Table::of(Sheet::read(path.as_ref())?))
    }

    fn of(sheet: Sheet) -> Table {
        let code = "code".to_string();
        let codes = Arc::new(Codes::read(&sheet, &code));
        Table {
            sheet: Arc::new(sheet),
            code,
            codes,
            levels: vec![],
            in_epochs: false,
            full: None,
            maximise: true,
            reports: vec![],
            cost: None,
        }
    }

    fn column(&self, name: &str) -> Column {
        Column { name: name.to_string(), figures: Arc::new(self.sheet.figures(name)) }
    }

    /// The column that holds the decisions.
    pub fn code(&self, column: &str) -> Table {
        let codes = Arc::new(Codes::read(&self.sheet, column));
        Table { code: column.to_string(), codes, ..self.clone() }
    }

    /// The column that a search optimises; more is better, unless [`Table::minimise`] says so.
    pub fn objective(&self, column: &str) -> Table {
        self.objectives([column])
    }

    /// The objective in several columns, one a training seed: each trial gets one of them, drawn by
    /// its own seed among those that its architecture has. Their mean is what
    /// [`Table::best`] goes by.
    pub fn objectives<S: AsRef<str>>(&self, columns: impl IntoIterator<Item = S>) -> Table {
        let columns = columns.into_iter().map(|name| self.column(name.as_ref())).collect();
        Table { levels: vec![Level { epochs: 1, columns }], in_epochs: false, ..self.clone() }
    }

    /// The objective after several numbers of epochs, a column each; in place of
    /// [`Table::objective`]. A budget picks the column of the most epochs that it allows, and pays
    /// that part of the cost, which stands for the most epochs of all.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let path = std::env::temp_dir().join("nascent-doc-fidelity.csv");
    /// std::fs::write(&path, "code,val12,val200,seconds\n0,60.0,91.0,2000\n1,63.0,90.0,1000\n")?;
    /// let table = Table::read(&path)?.fidelity([("val12", 12), ("val200", 200)]).cost("seconds");
    /// let arch = table.space().decode([0])?;
    /// let short = table.evaluate(&arch, &Budget::new(12, 200, 1))?;
    /// assert_eq!((short.score(), short.simulated_seconds()), (60.0, Some(120.0)));
    /// let cheap = table.epochs(12); // every trial of a study stops there
    /// assert_eq!((table.full(), cheap.full()), (200, 12));
    /// # std::fs::remove_file(&path)?;
    /// # Ok::<(), nascent::Error>(())
    /// ```
    pub fn fidelity<S: AsRef<str>, N: Count>(
        &self,
        columns: impl IntoIterator<Item = (S, N)>,
    ) -> Table {
        let level = |(name, epochs): (S, N)| Level {
            epochs: epochs.to_i64(),
            columns: vec![self.column(name.as_ref())],
        };
        let mut levels: Vec<Level> = columns.into_iter().map(level).collect();
        levels.sort_by_key(|level| level.epochs);
        Table { levels, in_epochs: true, ..self.clone() }
    }

    /// The epochs of every trial of a study, where [`Table::fidelity`] has others than the most.
    pub fn epochs(&self, epochs: impl Count) -> Table {
        Table { full: Some(epochs.to_i64()), ..self.clone() }
    }

    /// More of the objective is better: the default.
    pub fn maximise(&self) -> Table {
        Table { maximise: true, ..self.clone() }
    }

    /// Less of the objective is better.
    pub fn minimise(&self) -> Table {
        Table { maximise: false, ..self.clone() }
    }

    /// A further column to put on record for every trial, as a test accuracy; strategies that look at
    /// scores never see it. Once for each column.
    pub fn report(&self, column: &str) -> Table {
        let mut reports = self.reports.clone();
        reports.push(self.column(column));
        Table { reports, ..self.clone() }
    }

    /// The column of seconds that an evaluation would have taken: the simulated seconds of a trial.
    /// See [`Study::simulated_seconds`](crate::Study::simulated_seconds).
    pub fn cost(&self, column: &str) -> Table {
        Table { cost: Some(self.column(column)), ..self.clone() }
    }

    /// The table's space: a decision for each of the code's, with as many options as the column shows,
    /// and nothing behind them that could be built. A decision with a single option is left out. Where
    /// the code cannot be read, the space has that problem.
    pub fn space(&self) -> Space {
        match &*self.codes {
            Ok(codes) => Space::decisions(codes.arities.iter().copied()),
            Err(problem) => Space::impossible(problem),
        }
    }

    /// The number of options of each decision.
    ///
    /// # Errors
    /// When the code cannot be read, with line and column.
    pub fn options(&self) -> Result<Vec<usize>> {
        self.codes().map(|codes| codes.arities.clone())
    }

    fn codes(&self) -> Result<&Codes> {
        let named = |what: &String| Error::all(&self.to_name(), std::slice::from_ref(what));
        (*self.codes).as_ref().map_err(named)
    }

    fn to_name(&self) -> String {
        format!("the table {}", self.sheet.name)
    }

    fn rows_text(&self) -> String {
        let unit = if self.len() == 1 { "row" } else { "rows" };
        format!("{} {unit}", thousands(self.len() as u128))
    }

    /// The number of rows, each an architecture.
    pub fn len(&self) -> usize {
        self.sheet.rows()
    }

    /// Whether it has no rows; a file without rows is not read.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The names of the columns.
    pub fn columns(&self) -> Vec<String> {
        self.sheet.header.clone()
    }

    /// Whether every combination of decisions has a row, so that the optimum of the table is the
    /// optimum of its space.
    pub fn is_complete(&self) -> bool {
        self.codes().is_ok_and(Codes::complete)
    }

    /// Whether the table can be used.
    ///
    /// # Errors
    /// All that is wrong with its settings, together.
    pub fn check(&self) -> Result<()> {
        match &Evaluator::problems(self)[..] {
            [] => Ok(()),
            problems => Err(Error::all(&self.to_name(), problems)),
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.to_name(), self.rows_text())?;
        if let Ok(codes) = self.codes() {
            let n = plural(codes.arities.len(), "decision");
            let mut options: Vec<String> = codes.arities.iter().map(usize::to_string).collect();
            let alike = options.iter().all(|o| *o == options[0]);
            options.truncate(if alike { 1 } else { 20 });
            let each = if alike { " each" } else { "" };
            write!(f, ", {n} with {} options{each}", options.join(", "))?;
            f.write_str(if codes.complete() { ", complete" } else { ", not complete" })?;
        }
        write!(f, "\ncolumns: {}", self.sheet.header.join(", "))?;
        if !self.levels.is_empty() {
            write!(f, "\nas an evaluator: {}", self.describe())?;
        }
        for problem in Evaluator::problems(self) {
            write!(f, "\nproblem: {problem}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
