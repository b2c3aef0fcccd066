//! The cells of a file as they stand there, and columns of them as numbers.

use crate::data::csv::{self, TOLD, is_missing};
use crate::data::file::{name_of, read_text, wrong};
use crate::error::{Error, Result};
use crate::rng::Hash64;
use std::path::Path;

const HINT: &str = "A table with a header is wanted, a row an architecture, plain or gzip.";

/// A file's cells: one text, and where each cell ends in it.
pub(super) struct Sheet {
    pub(super) name: String,
    pub(super) header: Vec<String>,
    pub(super) fingerprint: u64,
    /// The line that each row begins in.
    lines: Vec<usize>,
    text: String,
    ends: Vec<usize>,
}

impl Sheet {
    pub(super) fn read(path: &Path) -> Result<Sheet> {
        Sheet::parse(path, &read_text(path, HINT)?)
    }

    /// Reads text as it would stand in the file `path`.
    pub(super) fn parse(path: &Path, file: &str) -> Result<Sheet> {
        let table = csv::Table::new(file).map_err(|what| wrong(path, what))?;
        let mut sheet = Sheet {
            name: name_of(path),
            header: table.header().to_vec(),
            fingerprint: 0,
            lines: vec![],
            text: String::with_capacity(file.len()),
            ends: vec![],
        };
        let mut problems = vec![];
        for row in table.rows() {
            match row {
                Ok((line, cells)) => {
                    sheet.lines.push(line);
                    for cell in &cells {
                        sheet.text.push_str(cell);
                        sheet.ends.push(sheet.text.len());
                    }
                }
                Err(what) => problems.push(what),
            }
            if problems.len() == TOLD {
                problems.push("There may be more; reading ended here.".into());
                break;
            }
        }
        if !problems.is_empty() {
            return Err(Error::all(&path.display().to_string(), &problems));
        }
        if sheet.lines.is_empty() {
            return Err(wrong(path, format!("there is no row below the header. {HINT}")));
        }
        let mut hash = Hash64::new();
        sheet.header.iter().for_each(|name| hash.write(name.as_bytes()));
        sheet.ends.iter().for_each(|end| hash.write(&end.to_le_bytes()));
        hash.write(sheet.text.as_bytes());
        sheet.fingerprint = hash.finish();
        Ok(sheet)
    }

    pub(super) fn rows(&self) -> usize {
        self.lines.len()
    }

    pub(super) fn line(&self, row: usize) -> usize {
        self.lines[row]
    }

    pub(super) fn cell(&self, row: usize, column: usize) -> &str {
        let at = row * self.header.len() + column;
        let begin = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.text[begin..self.ends[at]]
    }

    /// The number of a column, or which there are, the most alike first.
    pub(super) fn column(&self, name: &str) -> Result<usize, String> {
        self.header.iter().position(|h| h == name).ok_or_else(|| {
            let mut names: Vec<&String> = self.header.iter().collect();
            names.sort_by_key(|h| distance(h, name));
            let list: Vec<String> = names.iter().take(20).map(|n| format!("{n:?}")).collect();
            let more = match names.len() {
                n if n > 20 => format!(" and {} more", n - 20),
                _ => String::new(),
            };
            let (first, rest) = (&list[0], list[1..].join(", "));
            match rest.is_empty() {
                true => format!("there is no column {name:?}. Try {first}, the only one."),
                false => {
                    format!("there is no column {name:?}. Try {first}, or one of {rest}{more}.")
                }
            }
        })
    }

    /// A column of figures; a missing one is a NaN.
    pub(super) fn figures(&self, name: &str) -> Result<Vec<f64>, String> {
        let column = self.column(name)?;
        let (mut figures, mut problems) = (Vec::with_capacity(self.rows()), vec![]);
        for row in 0..self.rows() {
            let cell = self.cell(row, column);
            match cell.parse::<f64>() {
                Ok(v) if v.is_finite() => figures.push(v),
                _ if is_missing(cell) => figures.push(f64::NAN),
                Ok(_) => problems.push((row, "is larger than a number can be")),
                Err(_) => problems.push((row, "is no number")),
            }
        }
        let Some(&(row, what)) = problems.first() else { return Ok(figures) };
        let more = match problems.len() - 1 {
            0 => String::new(),
            n => format!(", and {n} more in this column are none"),
        };
        let line = self.line(row);
        Err(format!(
            "line {line}, column {name:?}: {:?} {what}{more}. Leave a cell empty where a figure is \
             missing.",
            self.cell(row, column)
        ))
    }
}

/// The edits that turn one name into another (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_what_the_file_says() {
        let sheet = Sheet::parse(Path::new("t.csv"), "a,b\n1,\n\"x, y\",\"3\"\n").unwrap();
        assert_eq!((sheet.cell(0, 0), sheet.cell(0, 1)), ("1", ""));
        assert_eq!((sheet.cell(1, 0), sheet.cell(1, 1)), ("x, y", "3"));
        assert_eq!((sheet.rows(), sheet.line(1)), (2, 3));
        assert!(sheet.figures("b").unwrap()[0].is_nan());
        assert!(sheet.figures("a").unwrap_err().contains("line 3, column \"a\": \"x, y\" is no"));
        assert!(sheet.figures("bb").unwrap_err().contains("Try \"b\", or one of \"a\""));
    }

    #[test]
    fn edits() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
    }
}
