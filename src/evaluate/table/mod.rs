//! A benchmark table as an evaluator: the results of earlier trainings, looked up.
//!
//! Tabular benchmarks (NAS-Bench-101, arXiv 1902.09635; NAS-Bench-201, 2001.00326) hold the accuracy
//! and the training time of every architecture of a space, so that strategies can be compared in
//! seconds, with many seeds, and against a known optimum. Any file of comma-separated values with a
//! column of decisions and columns of figures is such a table here.

mod codes;
mod figures;
mod look_up;
mod over;
mod reading;
mod sheet;
mod spreadsheet;
mod stored;

use super::Evaluator;
use crate::count::Count;
use crate::error::{Error, Result};
use crate::interrupt;
use crate::space::{Architecture, Space};
use crate::words::{plural, thousands};
use codes::Codes;
use over::Over;
use sheet::{CODE, Figures, Sheet, Source};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// A table of architectures and their figures, as an evaluator.
///
/// A file of comma-separated values, plain or gzip, with a header. One column holds the decisions of
/// each architecture, `"code"` unless told otherwise: digits (`421211`), or numbers with `-`, `,`,
/// `;`, `.` or spaces between (`0-3-12`). All other columns are figures; a cell that is empty or
/// `NaN` is a missing one. What a spreadsheet has done to the codes is undone where there is no doubt
/// about it (`421211.0`; lost leading zeros, where every combination has a row), and the table says so;
/// where there is (dates, rounded numbers), the codes are refused. The table need not be complete: an
/// architecture without a row is a failed trial, which costs nothing.
///
/// ```
/// use nascent::prelude::*;
/// let path = std::env::temp_dir().join("nascent-doc-table.csv");
/// std::fs::write(&path, "code,s0,s1,test,seconds\n\
///     00,61.0,62.0,60.1,40\n01,70.5,,71.0,55\n10,66.0,65.0,66.6,50\n11,74.0,75.0,73.9,80\n")?;
/// let table = Table::read(&path)?
///     .objectives(["s0", "s1"])         // one column per seed; the trial's seed draws one
///     .reporting("test")                // on record for every trial, never seen by a strategy
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
/// table looks at nothing else. Where some choices of that space open others, [`Table::over`] gives
/// it. Settings return a new table and cannot fail; what is wrong with them is reported, all together,
/// when a study begins or by [`Table::check`].
///
/// A journal remembers the file's path, its fingerprint and the settings, so
/// [`Study::resume`](crate::Study::resume) finds the table again.
#[derive(Clone)]
#[must_use = "methods return a new value and leave this one as it is"]
pub struct Table {
    sheet: Arc<Sheet>,
    code: String,
    codes: Arc<Result<Codes, String>>,
    /// The space that the codes were said to belong to.
    over: Option<Over>,
    /// The columns of the objective after that many epochs, the fewest first.
    levels: Vec<Level>,
    /// Whether the epochs of the levels were given.
    in_epochs: bool,
    full: Option<i64>,
    maximise: bool,
    /// What the score is called, where that is not the name of its columns.
    called: Option<String>,
    reports: Vec<Column>,
    cost: Option<Column>,
}

#[derive(Clone)]
struct Level {
    epochs: i64,
    /// One per seed.
    columns: Vec<Column>,
}

/// A column of figures, or the reason why it is not one.
#[derive(Clone)]
struct Column {
    name: String,
    figures: Figures,
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
        let path = path.as_ref();
        let read = || {
            let table = Table::of(Sheet::read(path)?);
            // What came after the last row.
            interrupt::check().map_err(|e| e.context(path.display()))?;
            Ok(table)
        };
        interrupt::in_front(|| format!("the reading of {}", path.display()), read)
    }

    /// A table of numbers that are not in a file: a list of decisions for each row, and columns by name
    /// with a figure for each row, NaN where one is missing.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let table = Table::new(
    ///     "mine",
    ///     [[0, 0], [0, 1], [1, 0], [1, 1]],
    ///     [("score", [61.0, 70.5, 66.0, 74.0]), ("seconds", [40.0, 55.0, f64::NAN, 80.0])],
    /// )?.objective("score");
    /// assert_eq!((table.best()?.decisions(), table.optimum()?), (vec![1, 1], 74.0));
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// When there are no rows, a column does not have a figure for each row, or two share a name.
    pub fn new<D, C, S, F>(
        name: &str,
        decisions: impl IntoIterator<Item = D>,
        columns: impl IntoIterator<Item = (S, F)>,
    ) -> Result<Table>
    where
        D: IntoIterator<Item = C>,
        C: Count,
        S: AsRef<str>,
        F: IntoIterator<Item = f64>,
    {
        let wide = |d: C| u32::try_from(d.to_i64()).unwrap_or(u32::MAX);
        let codes: Vec<Vec<u32>> =
            decisions.into_iter().map(|row| row.into_iter().map(wide).collect()).collect();
        let columns: Vec<(String, Vec<f64>)> = columns
            .into_iter()
            .map(|(name, figures)| (name.as_ref().to_string(), figures.into_iter().collect()))
            .collect();
        let mut found = vec![];
        if codes.is_empty() {
            found.push("there are no rows. Give the decisions of at least one.".to_string());
        }
        for (i, (name, figures)) in columns.iter().enumerate() {
            if name == CODE || columns[..i].iter().any(|(other, _)| other == name) {
                found.push(format!("two columns are called {name:?}. Try another name for one."));
            }
            if figures.len() != codes.len() {
                found.push(format!(
                    "column {name:?} has {}, but there are {} rows. Try one for each row, NaN where \
                     it is missing.",
                    plural(figures.len(), "figure"),
                    codes.len()
                ));
            }
            if let Some(row) = figures.iter().position(|v| v.is_infinite()) {
                found.push(format!(
                    "row {}, column {name:?}: {} is not a figure. Try NaN where one is missing.",
                    row + 1,
                    figures[row]
                ));
            }
        }
        if !found.is_empty() {
            return Err(Error::all(&format!("the table {name}"), &found));
        }
        Ok(Table::of(Sheet::of(name, Source::Memory, codes, columns)))
    }

    /// A table that the crate embeds, with figures after this many epochs. A journal finds it again by
    /// its name; see [`benchmark::embedded`](crate::benchmark::embedded).
    pub(crate) fn embedded(
        name: &str,
        epochs: i64,
        codes: Vec<Vec<u32>>,
        columns: Vec<(String, Vec<f64>)>,
    ) -> Table {
        let mut sheet = Sheet::of(name, Source::Embedded, codes, columns);
        sheet.epochs = Some(epochs);
        Table::of(sheet)
    }

    fn of(sheet: Sheet) -> Table {
        let code = CODE.to_string();
        Table {
            codes: sheet.codes(&code),
            sheet: Arc::new(sheet),
            code,
            over: None,
            levels: vec![],
            in_epochs: false,
            full: None,
            maximise: true,
            called: None,
            reports: vec![],
            cost: None,
        }
    }

    fn column(&self, name: &str) -> Column {
        Column { name: name.to_string(), figures: self.sheet.figures(name) }
    }

    /// The column that holds the decisions.
    pub fn code(&self, column: &str) -> Table {
        let over = self.over.as_ref().map(|over| Over::new(&over.space));
        let codes = self.sheet.codes(column);
        Table { code: column.to_string(), codes, over, ..self.clone() }
    }

    /// The column that a search optimises; more is better, unless [`Table::minimise`] says so.
    pub fn objective(&self, column: &str) -> Table {
        self.objectives([column])
    }

    /// The objective in several columns, one for each training seed: each trial gets one of them, drawn by
    /// its own seed among those that its architecture has. [`Table::best`] goes by their mean.
    pub fn objectives<S: AsRef<str>>(&self, columns: impl IntoIterator<Item = S>) -> Table {
        let columns = columns.into_iter().map(|name| self.column(name.as_ref())).collect();
        let level = Level { epochs: self.sheet.epochs.unwrap_or(1), columns };
        let in_epochs = self.sheet.epochs.is_some();
        Table { levels: vec![level], in_epochs, called: None, ..self.clone() }
    }

    /// The objective after several numbers of epochs, one column each; in place of
    /// [`Table::objective`]. A budget picks the column with the most epochs that it allows, and pays
    /// that fraction of the cost, which is the cost of the most epochs of all.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let path = std::env::temp_dir().join("nascent-doc-fidelity.csv");
    /// std::fs::write(&path, "code,val12,val200,seconds\n0,60.0,91.0,2000\n1,63.0,90.0,1000\n")?;
    /// let table = Table::read(&path)?.fidelity([("val12", 12), ("val200", 200)]).cost("seconds");
    /// let arch = table.space().decode([0])?;
    /// let short = table.evaluate(&arch, &Budget::new(12, 200, 1))?;
    /// assert_eq!((short.score(), short.seconds_spent()), (60.0, Some(120.0)));
    /// let cheap = table.epochs(12); // every trial of a study stops there
    /// assert_eq!((table.full(), cheap.full()), (200, 12));
    /// # std::fs::remove_file(&path)?;
    /// # Ok::<(), nascent::Error>(())
    /// ```
    pub fn fidelity<S: AsRef<str>, N: Count>(
        &self,
        columns: impl IntoIterator<Item = (S, N)>,
    ) -> Table {
        let level = |(name, epochs): (S, N)| (vec![name.as_ref().to_string()], epochs.to_i64());
        self.levels_of(columns.into_iter().map(level))
    }

    /// The objective after many numbers of epochs: all columns whose names are this prefix and a number, as
    /// `val_1`, `val_3`, `val_27` for the prefix `val_`. Not every epoch need be there: a budget picks the
    /// nearest column at or below it. A column with a part of an epoch, such as `val_0.5`, is refused. See
    /// [`Table::fidelity`].
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let table = Table::new("mine", [[0], [1]], [("v1", [0.1, 0.2]), ("v3", [0.6, 0.5]), ("v9", [0.8, 0.9])])?;
    /// let curve = table.curve("v");
    /// assert_eq!(curve.full(), 9);
    /// let after_4 = curve.evaluate(&curve.space().decode([0])?, &Budget::new(4, 9, 1))?;
    /// assert_eq!(after_4.score(), 0.6);
    /// # Ok::<(), nascent::Error>(())
    /// ```
    pub fn curve(&self, prefix: &str) -> Table {
        let columns = self.columns();
        let (mut levels, mut wrong) = (vec![], vec![]);
        for name in &columns {
            let Some(number) = name.strip_prefix(prefix) else { continue };
            let whole = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
            match number.parse::<i64>() {
                Ok(epochs) if whole => levels.push((vec![name.clone()], epochs)),
                // Anything else but a number is another column.
                _ if number.parse().is_ok_and(f64::is_finite) => wrong.push(name),
                _ => {}
            }
        }
        if let Some(name) = wrong.first() {
            let mut pairs: Vec<String> =
                levels.iter().take(3).map(|(names, e)| format!("({:?}, {e})", names[0])).collect();
            if pairs.is_empty() {
                pairs.push(format!("({name:?}, 1)"));
            }
            let what = format!(
                "curve({prefix:?}): what follows in the name of column {name:?} is not a whole number of epochs. Give the \
                 columns with their epochs, as in .fidelity([{}]).",
                pairs.join(", ")
            );
            let column = Column { name: (*name).clone(), figures: Arc::new(Err(what)) };
            let level = Level { epochs: 1, columns: vec![column] };
            return Table { levels: vec![level], in_epochs: true, called: None, ..self.clone() };
        }
        match levels.is_empty() {
            // Named in the error of a table without such a column.
            true => self.levels_of([(vec![format!("{prefix}1")], 1)]),
            false => self.levels_of(levels),
        }
    }

    /// The same with several columns for each number of epochs, one per seed.
    pub(crate) fn levels_of(&self, levels: impl IntoIterator<Item = (Vec<String>, i64)>) -> Table {
        let column = |name: String| self.column(&name);
        let level = |(names, epochs): (Vec<String>, i64)| Level {
            epochs,
            columns: names.into_iter().map(column).collect(),
        };
        let mut levels: Vec<Level> = levels.into_iter().map(level).collect();
        levels.sort_by_key(|level| level.epochs);
        Table { levels, in_epochs: true, called: None, ..self.clone() }
    }

    /// The epochs of every trial of a study, where that is not the most that [`Table::fidelity`] has.
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

    /// A name for the score in charts and reports, which is also the place for its unit; without one, what the names of
    /// its columns have in common. [`Table::objective`] and its like take it away again, so it belongs behind them; an empty one does so, too.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let table = Table::new("toy", [[0], [1]], [("v1_s0", [71.5, 73.0])])?.objective("v1_s0");
    /// assert_eq!(table.named("validation accuracy (%)").metric().name, "validation accuracy (%)");
    /// # Ok::<(), nascent::Error>(())
    /// ```
    pub fn named(&self, name: &str) -> Table {
        let name = name.trim();
        Table { called: (!name.is_empty()).then(|| name.to_string()), ..self.clone() }
    }

    /// A further column to put on record for every trial, such as a test accuracy; strategies that look at
    /// scores never see it. Call it once for each column.
    pub fn reporting(&self, column: &str) -> Table {
        let mut reports = self.reports.clone();
        reports.push(self.column(column));
        Table { reports, ..self.clone() }
    }

    /// The column of seconds that an evaluation would have taken: the simulated seconds of a trial.
    /// See [`Study::simulated_seconds`](crate::Study::simulated_seconds).
    pub fn cost(&self, column: &str) -> Table {
        Table { cost: Some(self.column(column)), ..self.clone() }
    }

    /// The table's space: the one given by [`Table::over`]; otherwise one of bare decisions, those of the
    /// code, with as many options as the column shows. A decision with a single option is left out.
    /// Where the code cannot be read, that is a problem of the space.
    pub fn space(&self) -> Space {
        match (&self.over, self.readable()) {
            (Some(over), _) => over.space.clone(),
            (None, Ok(codes)) => Space::decisions(codes.arities.iter().copied()),
            (None, Err(problem)) => Space::impossible(&problem),
        }
    }

    /// The number of options of each decision, as the column shows them.
    ///
    /// # Errors
    /// When the code cannot be read, with line and column, or its decisions depend on each other.
    pub fn options(&self) -> Result<Vec<usize>> {
        let codes = self.codes()?;
        self.in_words(match codes.uneven {
            None => Ok(codes.arities.clone()),
            Some(_) => Err(format!(
                "its codes have {} decisions, and which options each has depends on those before it. \
                 Try table.space().",
                codes.lengths()
            )),
        })
    }

    /// The codes, whether or not each is an architecture of the space.
    fn readable(&self) -> Result<&Codes, String> {
        let codes = (*self.codes).as_ref().map_err(String::clone)?;
        match &codes.uneven {
            Some(what) if self.over.is_none() => Err(what.clone()),
            _ => Ok(codes),
        }
    }

    /// The codes, if each is an architecture of the space.
    fn codes(&self) -> Result<&Codes> {
        self.in_words(self.matched())
    }

    fn in_words<T>(&self, result: Result<T, String>) -> Result<T> {
        result.map_err(|what| Error::all(&self.to_name(), &[what]))
    }

    /// The architecture of a row. A space may lack the decisions that have a single option.
    fn architecture(&self, codes: &Codes, row: usize) -> Result<Architecture> {
        let space = self.space();
        space.decode(codes.whole(row).iter().copied()).or_else(|e| match codes.open(row) {
            Some(open) => space.decode(open).map_err(|_| e),
            None => Err(e),
        })
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
        self.codes().is_ok_and(|codes| match &self.over {
            // Each row is a different architecture of the space.
            Some(over) => over.space.size() == Some(self.len() as u128),
            None => codes.complete(),
        })
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
            if codes.uneven.is_some() {
                write!(f, ", {} decisions", codes.lengths())?;
            } else {
                let n = plural(codes.arities.len(), "decision");
                let mut options: Vec<String> = codes.arities.iter().map(usize::to_string).collect();
                let alike = options.iter().all(|o| *o == options[0]);
                options.truncate(if alike { 1 } else { 20 });
                let each = if alike { " each" } else { "" };
                write!(f, ", {n} with {} options{each}", options.join(", "))?;
            }
            f.write_str(if self.is_complete() { ", complete" } else { ", not complete" })?;
            codes.notes.iter().try_for_each(|note| write!(f, "\n{note}"))?;
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

crate::draw::debug_as_display!(Table);
