//! The figures of a table, and the best of them.

use super::{Column, Table};
use crate::error::{Error, ErrorKind, Result};
use crate::evaluate::Evaluator;
use crate::space::Architecture;

impl Table {
    /// The figure of an architecture in a column; `None` where it is missing.
    ///
    /// # Errors
    /// When the architecture has no row, or the column does not hold figures.
    pub fn figure(&self, arch: &Architecture, column: &str) -> Result<Option<f64>> {
        let row = self.row(arch)?;
        let column = self.figures(column)?;
        Ok(column.at(row))
    }

    fn figures(&self, column: &str) -> Result<Column> {
        let column = self.column(column);
        match column.figures.as_ref() {
            Ok(_) => Ok(column),
            Err(what) => Err(Error::all(&self.to_name(), std::slice::from_ref(what))),
        }
    }

    /// The objective of every row at the full budget: the mean over the seeds that it has.
    fn objective_of_rows(&self) -> Result<Vec<Option<f64>>> {
        self.check()?;
        let level = self.level(self.full())?;
        let mean = |row| {
            let seeds: Vec<f64> = level.columns.iter().filter_map(|c| c.at(row)).collect();
            (!seeds.is_empty()).then(|| seeds.iter().sum::<f64>() / seeds.len() as f64)
        };
        Ok((0..self.len()).map(mean).collect())
    }

    fn best_of(&self, figures: &[Option<f64>]) -> Result<(usize, f64)> {
        let metric = Evaluator::metric(self);
        let better = |best: (usize, f64), next: (usize, f64)| {
            if metric.better(next.1, best.1) { next } else { best }
        };
        let known = figures.iter().enumerate().filter_map(|(row, v)| Some((row, (*v)?)));
        known.reduce(better).ok_or_else(|| {
            let text = format!("{} has no figure in this column.", self.to_name());
            Error::new(ErrorKind::Missing, text)
        })
    }

    /// The architecture with the best objective, the first of several equal ones.
    ///
    /// # Errors
    /// As [`Table::check`].
    pub fn best(&self) -> Result<Architecture> {
        let (row, _) = self.best_of(&self.objective_of_rows()?)?;
        self.architecture(self.codes()?, row)
    }

    /// The best objective of all rows: the most that a search can reach, from which regret is measured.
    ///
    /// # Errors
    /// As [`Table::check`].
    pub fn optimum(&self) -> Result<f64> {
        self.best_of(&self.objective_of_rows()?).map(|(_, v)| v)
    }

    /// The best figure of another column, in the objective's direction.
    ///
    /// # Errors
    /// When there is no such column, or no figure in it.
    pub fn optimum_of(&self, column: &str) -> Result<f64> {
        let column = self.figures(column)?;
        let figures: Vec<Option<f64>> = (0..self.len()).map(|row| column.at(row)).collect();
        self.best_of(&figures).map(|(_, v)| v)
    }
}
