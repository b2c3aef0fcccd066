//! The cells of a file as they are written there, and columns of them as numbers; or columns of numbers
//! that are not in a file.

use super::codes::Codes;
use super::reading::Reading;
use crate::data::csv::{self, TOLD, is_missing};
use crate::data::file::{name_of, read_text, wrong};
use crate::data::numeral::{self, Marks};
use crate::error::{Error, Result};
use crate::interrupt;
use crate::live::Stage;
use crate::rng::Hash64;
use crate::threads;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

const HINT: &str = "A table with a header is expected, one row per architecture, plain or gzip.";

/// This many cells to read are worth a thread.
const WORTH: usize = 10_000;

/// The column of decisions where no file names it.
pub(super) const CODE: &str = "code";

/// Where a table comes from, if it can be found there again.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Source {
    File(PathBuf),
    /// A benchmark that the crate embeds.
    Embedded,
    Memory,
}

/// A figure for each row, NaN where it is missing; or what is wrong with the column.
pub(super) type Figures = Arc<Result<Vec<f64>, String>>;

/// What a table consists of, whatever its settings.
pub(super) struct Sheet {
    pub(super) name: String,
    pub(super) source: Source,
    pub(super) header: Vec<String>,
    pub(super) fingerprint: u64,
    /// The epochs after which all its figures were measured, where they are the same for all.
    pub(super) epochs: Option<i64>,
    cells: Cells,
}

enum Cells {
    /// A file's cells as one text, where each ends in it, and the line that each row begins in. A
    /// column is read as figures when it is first asked for, and only once.
    Text { lines: Vec<usize>, text: String, ends: Vec<usize>, figures: Vec<OnceLock<Figures>> },
    /// The decisions, which are the first column, and the other columns.
    Numbers { codes: Arc<Result<Codes, String>>, rows: usize, columns: Vec<Figures> },
}

impl Sheet {
    pub(super) fn read(path: &Path) -> Result<Sheet> {
        let name = name_of(path);
        let read = || {
            let text = read_text(path, HINT)?;
            let reading = Reading::new(&name, text.len());
            let stage = reading.open();
            let sheet = Sheet::parse_told(path, &text, &reading);
            stage.into_iter().for_each(Stage::clear);
            sheet
        };
        interrupt::in_front(|| format!("the reading of {name}"), read)
    }

    /// Reads text as if it were in the file `path`.
    #[cfg(test)]
    pub(super) fn parse(path: &Path, file: &str) -> Result<Sheet> {
        Sheet::parse_told(path, file, &Reading::new("", file.len()))
    }

    fn parse_told(path: &Path, file: &str, reading: &Reading) -> Result<Sheet> {
        let table = csv::Table::new(file).map_err(|what| wrong(path, what))?;
        let header = table.header().to_vec();
        let (mut lines, mut ends) = (vec![], vec![]);
        let mut text = String::with_capacity(file.len());
        let mut problems = vec![];
        for row in table.rows() {
            match row {
                Ok((line, cells)) => {
                    lines.push(line);
                    reading.row(text.len());
                    interrupt::check().map_err(|e| e.context(path.display()))?;
                    for cell in &cells {
                        text.push_str(cell);
                        ends.push(text.len());
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
        if lines.is_empty() {
            return Err(wrong(path, csv::no_rows(&header)));
        }
        let mut hash = Hash64::new();
        header.iter().for_each(|name| hash.write(name.as_bytes()));
        ends.iter().for_each(|end| hash.write(&end.to_le_bytes()));
        hash.write(text.as_bytes());
        Ok(Sheet {
            name: name_of(path),
            source: Source::File(path.canonicalize().unwrap_or_else(|_| path.to_path_buf())),
            fingerprint: hash.finish(),
            epochs: None,
            cells: Cells::Text { lines, text, ends, figures: vec![OnceLock::new(); header.len()] },
            header,
        })
    }

    /// A sheet of numbers: decisions, one row each, and columns with a figure for each row.
    pub(super) fn of(
        name: &str,
        source: Source,
        codes: Vec<Vec<u32>>,
        columns: Vec<(String, Vec<f64>)>,
    ) -> Sheet {
        let mut hash = Hash64::new();
        for code in &codes {
            let bytes: Vec<u8> = code.iter().flat_map(|d| d.to_le_bytes()).collect();
            hash.write(&bytes);
        }
        for (name, figures) in &columns {
            hash.write(name.as_bytes());
            figures.iter().for_each(|v| hash.write(&v.to_bits().to_le_bytes()));
        }
        let (rows, mut header) = (codes.len(), vec![CODE.to_string()]);
        let column = |(name, figures): (String, Vec<f64>)| {
            header.push(name);
            Arc::new(Ok(figures))
        };
        let columns = columns.into_iter().map(column).collect();
        Sheet {
            name: name.to_string(),
            source,
            header,
            fingerprint: hash.finish(),
            epochs: None,
            cells: Cells::Numbers { codes: Arc::new(Codes::of(codes)), rows, columns },
        }
    }

    pub(super) fn rows(&self) -> usize {
        match &self.cells {
            Cells::Text { lines, .. } => lines.len(),
            Cells::Numbers { rows, .. } => *rows,
        }
    }

    /// Where a row is, in words.
    pub(super) fn place(&self, row: usize) -> String {
        match &self.cells {
            Cells::Text { lines, .. } => format!("line {}", lines[row]),
            Cells::Numbers { .. } => format!("row {}", row + 1),
        }
    }

    /// A cell of a file as it is written there.
    pub(super) fn cell(&self, row: usize, column: usize) -> &str {
        match &self.cells {
            Cells::Text { text, ends, .. } => {
                let at = row * self.header.len() + column;
                let begin = if at == 0 { 0 } else { ends[at - 1] };
                &text[begin..ends[at]]
            }
            Cells::Numbers { .. } => "",
        }
    }

    /// The decisions in a column.
    pub(super) fn codes(&self, name: &str) -> Arc<Result<Codes, String>> {
        match &self.cells {
            Cells::Text { .. } => Arc::new(self.column(name).and_then(|column| {
                let (cell, place) = (|row| self.cell(row, column), |row| self.place(row));
                Codes::read(name, self.rows(), cell, place)
            })),
            Cells::Numbers { codes, .. } if name == CODE => codes.clone(),
            Cells::Numbers { .. } => Arc::new(Err(format!(
                "column {name:?} holds no decisions. Try .code({CODE:?}), where this table has them."
            ))),
        }
    }

    /// The number of a column, or which columns there are, the most similar first.
    pub(super) fn column(&self, name: &str) -> Result<usize, String> {
        let found = self.header.iter().position(|h| h == name);
        found.ok_or_else(|| csv::no_column(&self.header, name))
    }

    /// A column of figures.
    pub(super) fn figures(&self, name: &str) -> Figures {
        match (self.column(name), &self.cells) {
            (Err(what), _) => Arc::new(Err(what)),
            (Ok(column), Cells::Text { figures, .. }) => {
                figures[column].get_or_init(|| Arc::new(self.parsed(name, column))).clone()
            }
            (Ok(0), Cells::Numbers { .. }) => {
                Arc::new(Err(format!("column {name:?} holds the decisions. Try another.")))
            }
            (Ok(column), Cells::Numbers { columns, .. }) => columns[column - 1].clone(),
        }
    }

    fn parsed(&self, name: &str, column: usize) -> Result<Vec<f64>, String> {
        // Numbers as programs write them, or else as the whole column suggests.
        let plain = |cell: &str| numeral::plain(cell).is_some() || !numeral::may_be_number(cell);
        let cells = || (0..self.rows()).map(|row| self.cell(row, column));
        let mut decimal = None;
        if !cells().all(plain) {
            let mut marks = Marks::default();
            cells().for_each(|cell| marks.see(cell));
            let what = |what: String| format!("column {name:?}: {what}");
            decimal = Some(marks.decimal(&marks).map_err(what)?);
        }
        let read = |row| {
            let cell = self.cell(row, column);
            match numeral::read_as(cell, decimal) {
                Some((v, _)) => Ok(v),
                None if is_missing(cell) => Ok(f64::NAN),
                None if cell.parse::<f64>().is_ok_and(f64::is_infinite) => {
                    Err((row, "is larger than a number can be"))
                }
                None => Err((row, "is not a number")),
            }
        };
        let read = threads::map(self.rows(), WORTH, read);
        let mut problems = read.iter().filter_map(|figure| figure.err());
        let Some((row, what)) = problems.next() else {
            return Ok(read.iter().filter_map(|figure| figure.ok()).collect());
        };
        let more = match problems.count() {
            0 => String::new(),
            n => format!(", and {n} more in this column are not either"),
        };
        Err(format!(
            "{}, column {name:?}: {:?} {what}{more}. Leave a cell empty where a figure is missing.",
            self.place(row),
            self.cell(row, column)
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_what_the_file_says() {
        let sheet = Sheet::parse(Path::new("t.csv"), "a,b\n1,\n\"x, y\",\"3\"\n").unwrap();
        assert_eq!((sheet.cell(0, 0), sheet.cell(0, 1)), ("1", ""));
        assert_eq!((sheet.cell(1, 0), sheet.cell(1, 1)), ("x, y", "3"));
        assert_eq!((sheet.rows(), sheet.place(1)), (2, "line 3".to_string()));
        let of = |name| sheet.figures(name).as_ref().clone();
        assert!(of("b").unwrap()[0].is_nan());
        assert!(of("a").unwrap_err().contains("line 3, column \"a\": \"x, y\" is not"));
        assert!(of("bb").unwrap_err().contains("Try \"b\", or one of \"a\""));
    }
}
