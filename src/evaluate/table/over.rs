//! A table over a given space: the decisions of each row are those of one of its architectures.
//!
//! In a space with conditional choices an architecture has only the decisions that its other decisions
//! open: one more layer brings a width of its own. So codes differ in length, and only the space tells
//! what each number in them means.

use super::Table;
use super::codes::Codes;
use crate::error::Error;
use crate::space::Space;
use crate::threads;
use std::sync::{Arc, OnceLock};

/// This many rows to match are worth a thread.
const WORTH: usize = 2_000;

#[derive(Clone)]
pub(super) struct Over {
    pub(super) space: Space,
    /// What is wrong with the rows, found out when it is first asked for, since matching many rows takes
    /// longer than reading them.
    checked: Arc<OnceLock<Result<(), String>>>,
}

impl Over {
    pub(super) fn new(space: &Space) -> Over {
        Over { space: space.clone(), checked: Arc::new(OnceLock::new()) }
    }
}

impl Table {
    /// The space that the codes belong to: each is the list of
    /// [`decisions`](crate::Architecture::decisions) of one of its architectures. A table over a
    /// space in which some choices open others has codes of different lengths, and can be used in
    /// this way only; for any other it puts real networks in the place of bare decisions.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let path = std::env::temp_dir().join("nascent-doc-over.csv");
    /// // One layer or two: the first decision says how many widths follow.
    /// std::fs::write(&path, "code,accuracy\n00,81.0\n01,83.0\n100,80.0\n101,85.0\n110,84.0\n111,86.5\n")?;
    /// let space = Space::new([8], Task::classification(3)).then(repeat(1..=2, linear(any([4, 8]))));
    /// let table = Table::read(&path)?.over(&space).objective("accuracy");
    /// assert!(table.is_complete());
    /// assert_eq!(table.best()?.to_string(), "linear(8)>linear(8)");
    /// # std::fs::remove_file(&path)?;
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// A code that is not an architecture of the space is an error, which names the line; it is reported
    /// when a study begins or by [`Table::check`].
    pub fn over(&self, space: &Space) -> Table {
        Table { over: Some(Over::new(space)), ..self.clone() }
    }

    /// The codes, if they can be read and the space has them all.
    pub(super) fn matched(&self) -> Result<&Codes, String> {
        let codes = self.readable()?;
        if let Some(over) = &self.over {
            over.checked.get_or_init(|| self.match_rows(codes, &over.space)).clone()?;
        }
        Ok(codes)
    }

    fn match_rows(&self, codes: &Codes, space: &Space) -> Result<(), String> {
        space.check().map_err(|e| format!("over(&space): {e}"))?;
        let whole = |row| Some((row, space.decode(codes.whole(row).iter().copied()).err()?));
        let wrong = threads::map(self.len(), WORTH, whole);
        let wrong: Vec<(usize, Error)> = wrong.into_iter().flatten().collect();
        let Some((row, e)) = wrong.first() else { return Ok(()) };
        // The space may lack the decisions that never vary: they are then left out of every row.
        let open = |row| codes.open(row).is_some_and(|open| space.decode(open).is_ok());
        if wrong.len() == self.len() && (0..self.len()).all(open) {
            return Ok(());
        }
        let more = match wrong.len() - 1 {
            0 => String::new(),
            n => format!("; nor are those of {n} more rows"),
        };
        let zeros = codes.lost_zeros.then(|| format!(" {}", codes.zeros(&self.code)));
        let zeros = zeros.unwrap_or_default();
        Err(format!(
            "{}, column {:?}: {:?} is not an architecture of the space given to over ({e}){more}. Try the \
             space that the table was made with.{zeros}",
            self.sheet.place(*row),
            self.code,
            codes.text(*row)
        ))
    }
}
