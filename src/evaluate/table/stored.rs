//! A table as a journal remembers it: where to find it again, what it then has to hold, and its
//! settings.

use super::sheet::Source;
use super::{Column, Table};
use crate::error::{Error, ErrorKind, Result};
use crate::evaluate::Evaluator;
use crate::space::Space;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

#[derive(Serialize, Deserialize)]
struct Stored {
    table: Place,
    /// Of what it holds, in hexadecimal.
    fingerprint: String,
    code: String,
    /// The space given by `over`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    space: Option<Space>,
    /// Columns and their epochs.
    levels: Vec<(Vec<String>, i64)>,
    in_epochs: bool,
    full: Option<i64>,
    maximise: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    called: Option<String>,
    reports: Vec<String>,
    cost: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Place {
    File(PathBuf),
    Embedded(String),
}

impl Table {
    /// For a journal; `None` where the table is only in memory.
    pub(super) fn stored(&self) -> Option<String> {
        let table = match &self.sheet.source {
            Source::File(path) => Place::File(path.clone()),
            Source::Embedded => Place::Embedded(self.sheet.name.clone()),
            Source::Memory => return None,
        };
        let names = |columns: &[Column]| columns.iter().map(|c| c.name.clone()).collect();
        let stored = Stored {
            table,
            fingerprint: format!("{:016x}", self.sheet.fingerprint),
            code: self.code.clone(),
            space: self.over.as_ref().map(|over| over.space.clone()),
            levels: self.levels.iter().map(|l| (names(&l.columns), l.epochs)).collect(),
            in_epochs: self.in_epochs,
            full: self.full,
            maximise: self.maximise,
            called: self.called.clone(),
            reports: names(&self.reports),
            cost: self.cost.as_ref().map(|c| c.name.clone()),
        };
        // A path that is not text cannot be written, and then the table cannot be found again.
        serde_json::to_string(&stored).ok()
    }

    /// What [`Evaluator::to_json`] stored; `None` if it is of another kind.
    ///
    /// # Errors
    /// When the file is gone or cannot be read, or the table now holds something else.
    pub(crate) fn from_json(json: &str) -> Option<Result<Table>> {
        let stored: Stored = serde_json::from_str(json).ok()?;
        Some(stored.find())
    }
}

impl Stored {
    fn find(self) -> Result<Table> {
        let elsewhere = "Put the old one back, or build the study as before, with the table where it \
                         is now, and give it the journal by .journal(path)";
        let (name, table) = match &self.table {
            Place::File(path) => {
                // A folder in the file's place, or a file that nobody may read, says so itself.
                let table = Table::read(path).map_err(|e| {
                    Error::new(
                        ErrorKind::File,
                        format!("the table cannot be read again: {e} {elsewhere}"),
                    )
                })?;
                (format!("the table {}", path.display()), table)
            }
            Place::Embedded(name) => {
                let table = crate::evaluate::benchmark::embedded(name).ok_or_else(|| {
                    Error::new(
                        ErrorKind::Missing,
                        format!(
                            "this version of nascent has no embedded table {name:?}. Try another"
                        ),
                    )
                })?;
                (format!("the embedded table {name}"), table)
            }
        };
        let now = format!("{:016x}", table.data_fingerprint());
        if now != self.fingerprint {
            return Err(Error::new(
                ErrorKind::File,
                format!(
                    "{name} is not the one that the journal was written with: its fingerprint is \
                     {now}, that one's is {}. Scores of both in one study would mean nothing. \
                     {elsewhere}",
                    self.fingerprint
                ),
            ));
        }
        let mut table = Table {
            over: None,
            full: self.full,
            maximise: self.maximise,
            called: self.called,
            reports: self.reports.iter().map(|name| table.column(name)).collect(),
            cost: self.cost.as_ref().map(|name| table.column(name)),
            ..table.levels_of(self.levels)
        };
        table.in_epochs = self.in_epochs;
        if self.code != table.code {
            table = table.code(&self.code);
        }
        Ok(match &self.space {
            Some(space) => table.over(space),
            None => table,
        })
    }
}
