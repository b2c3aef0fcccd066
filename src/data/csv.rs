//! Tables: numbers, and a class or a value to predict.
//!
//! Comma-separated values as in RFC 4180: fields may stand in double quotes, in which a quote is
//! doubled, and commas and line breaks are only text. Semicolons, tabs and vertical bars separate as
//! well; which of them it is, the header tells.

use super::file::{classes_of, name_of, read_text, wrong};
use super::{Dataset, Values, refuse};
use crate::arch::Shape;
use crate::error::Result;
use crate::task::Task;
use std::borrow::Cow;
use std::path::Path;

const HINT: &str = "A table with a header is wanted, a row a sample, plain or gzip.";

/// The header of a table, and what is below it.
pub(crate) struct Table<'a> {
    header: Vec<String>,
    rest: Rows<'a>,
}

/// The rows of a table, with the number of their first line.
#[derive(Clone)]
struct Rows<'a> {
    text: &'a str,
    line: usize,
    separator: char,
}

pub(crate) type Row<'a> = (usize, Vec<Cow<'a, str>>);

impl<'a> Rows<'a> {
    /// A field and what ends it: the separator, or the end of the line.
    fn field(&mut self) -> Result<(Cow<'a, str>, bool), String> {
        let plain = self.text.trim_start_matches(' ');
        if let Some(mut rest) = plain.strip_prefix('"') {
            let begun = self.line;
            let mut value: Cow<str> = Cow::Borrowed("");
            loop {
                let Some((part, after)) = rest.split_once('"') else {
                    return Err(format!("line {begun} opens a quote that is never closed."));
                };
                self.line += part.matches('\n').count();
                value = if value.is_empty() { part.into() } else { value + part };
                match after.strip_prefix('"') {
                    Some(more) => {
                        value += "\"";
                        rest = more;
                    }
                    None => {
                        rest = after;
                        break;
                    }
                }
            }
            self.text = rest;
            let end = self.until_end();
            return match end.0.trim() {
                "" => Ok((value, end.1)),
                _ => Err(format!(
                    "line {} goes on behind a closing quote with {:?}. Double the quotes in a text.",
                    self.line, end.0
                )),
            };
        }
        let (value, last) = self.until_end();
        Ok((value.trim().into(), last))
    }

    /// The text before the next separator or line break, which is passed; whether it was the last.
    fn until_end(&mut self) -> (&'a str, bool) {
        let end = self.text.find([self.separator, '\n']).unwrap_or(self.text.len());
        let value = &self.text[..end];
        let last = !self.text[end..].starts_with(self.separator);
        self.text = self.text.get(end + 1..).unwrap_or_default();
        (value, last)
    }
}

impl<'a> Iterator for Rows<'a> {
    type Item = Result<Row<'a>, String>;

    fn next(&mut self) -> Option<Self::Item> {
        // Empty lines are skipped.
        while let Some((line, rest)) = self.text.split_once('\n').or(Some((self.text, "")))
            && line.trim_matches([' ', '\r']).is_empty()
        {
            if self.text.is_empty() {
                return None;
            }
            (self.text, self.line) = (rest, self.line + 1);
        }
        let (line, mut row) = (self.line, vec![]);
        loop {
            match self.field() {
                Ok((field, last)) => {
                    row.push(field);
                    if last {
                        self.line += 1;
                        return Some(Ok((line, row)));
                    }
                }
                Err(what) => {
                    self.text = "";
                    return Some(Err(what));
                }
            }
        }
    }
}

impl<'a> Table<'a> {
    /// Reads the header.
    pub(crate) fn new(text: &'a str) -> Result<Table<'a>, String> {
        let first = text.lines().find(|l| !l.trim().is_empty()).unwrap_or_default();
        // What stands between quotes belongs to a name.
        let bare: String = first.split('"').step_by(2).collect();
        let count = |c: &char| bare.matches(*c).count();
        let separator = [',', ';', '\t', '|'].into_iter().rev().max_by_key(count).unwrap_or(',');
        let mut rest = Rows { text, line: 1, separator };
        let header: Vec<String> = match rest.next() {
            Some(row) => row?.1.iter().map(|f| f.to_string()).collect(),
            None => return Err(format!("the file is empty. {HINT}")),
        };
        if header.iter().any(|h| h.parse::<f64>().is_ok()) {
            return Err(format!(
                "the first line holds numbers, and names of columns are wanted: {}. Add a header.",
                shown(&header)
            ));
        }
        let twice = header.iter().enumerate().find(|(i, h)| header[..*i].contains(h));
        match twice {
            Some((_, name)) => Err(format!("two columns are called {name:?}. Rename one.")),
            None => Ok(Table { header, rest }),
        }
    }

    /// The names of the columns.
    pub(crate) fn header(&self) -> &[String] {
        &self.header
    }

    /// The number of a column.
    pub(super) fn column(&self, name: &str) -> Result<usize, String> {
        self.header.iter().position(|h| h == name).ok_or_else(|| {
            format!("there is no column {name:?}. Try one of {}.", shown(&self.header))
        })
    }

    /// The rows, all as wide as the header.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Result<Row<'a>, String>> {
        let wanted = self.header.len();
        self.rest.clone().map(move |row| {
            let (line, row) = row?;
            if row.len() == wanted {
                return Ok((line, row));
            }
            Err(format!(
                "line {line} has {} fields, and the header has {wanted}. Quote fields that hold a separator.",
                row.len()
            ))
        })
    }
}

fn shown(names: &[String]) -> String {
    let list: Vec<String> = names.iter().take(20).map(|n| format!("{n:?}")).collect();
    list.join(", ") + if names.len() > 20 { ", ..." } else { "" }
}

/// How a missing value is written.
pub(crate) fn is_missing(field: &str) -> bool {
    let words = ["", "na", "n/a", "nan", "null", "?"];
    words.iter().any(|w| field.eq_ignore_ascii_case(w))
}

/// A number in a field, or what is wrong.
fn value(field: &str, line: usize, column: &str) -> Result<f32, String> {
    match field.parse::<f32>() {
        Ok(v) if v.is_finite() => Ok(v),
        _ if is_missing(field) => Err(format!(
            "line {line}, column {column:?}: the value is missing ({field:?}). Fill it, or drop the row."
        )),
        Ok(_) => Err(format!(
            "line {line}, column {column:?}: {field:?} is larger than 32-bit numbers can be. Scale it."
        )),
        Err(_) => Err(format!(
            "line {line}, column {column:?}: {field:?} is no number. Drop the column, or give its \
             words a column of 0 and 1 each."
        )),
    }
}

/// The most problems that are told at once.
pub(crate) const TOLD: usize = 5;

impl Dataset {
    /// A table with a header, separated by commas, semicolons or tabs, plain or gzip: `target` is
    /// the column to predict, all others are the features, which must be numbers. Split 60 : 20 :
    /// 20; every number takes 4 bytes of memory.
    ///
    /// For a classification, the labels may be words, which are numbered in alphabetical order.
    /// Whole numbers below the number of classes are taken as they are; others are numbered in
    /// their order. For a regression of several outputs, name the columns with commas between.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let path = std::env::temp_dir().join("nascent-doc-irises.csv");
    /// std::fs::write(&path, "length,width,species\n\
    ///     5.1,3.5,setosa\n7.0,3.2,versicolor\n4.9,3.0,setosa\n6.4,3.2,versicolor\n4.7,3.2,setosa\n")?;
    /// let data = Dataset::csv(&path, "species", Task::classification(2))?.standardised()?;
    /// assert_eq!((data.shape().dims(), data.classes()), (vec![2], vec!["setosa".into(), "versicolor".into()]));
    /// # std::fs::remove_file(&path)?;
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// When the file is missing or there is no such column, and with line and column when a value
    /// is missing or is no number.
    pub fn csv(path: impl AsRef<Path>, target: &str, task: impl Into<Task>) -> Result<Dataset> {
        let (path, task) = (path.as_ref(), task.into());
        let file = read_text(path, HINT)?;
        table(path, &file, target, task)
    }
}

fn table(path: &Path, file: &str, target: &str, task: Task) -> Result<Dataset> {
    let bad = |what: String| wrong(path, what);
    let table = Table::new(file).map_err(bad)?;
    let targets: Vec<usize> = match &task {
        Task::Classification { .. } | Task::Regression { outputs: 0 | 1 } => {
            vec![table.column(target).map_err(bad)?]
        }
        Task::Regression { outputs } => {
            let names = target.split(',').map(str::trim);
            let found: Vec<usize> =
                names.map(|n| table.column(n)).collect::<Result<_, _>>().map_err(bad)?;
            if found.len() != *outputs {
                return Err(bad(format!(
                    "{} target columns ({target:?}) for {task}. Name {outputs}, as in \"a, b\".",
                    found.len()
                )));
            }
            found
        }
        Task::NextToken { .. } => {
            return Err(bad(format!(
                "a table is no text to continue ({task}). Try Dataset::text_file(path, length)."
            )));
        }
    };
    let features: Vec<usize> = (0..table.header.len()).filter(|c| !targets.contains(c)).collect();
    if features.is_empty() {
        return Err(bad("there is no column beside the target. Features are wanted.".into()));
    }
    let classes = matches!(task, Task::Classification { .. });
    let (mut x, mut y, mut labels) = (vec![], vec![], vec![]);
    let mut problems: Vec<String> = vec![];
    for row in table.rows() {
        let read = row.and_then(|(line, row)| {
            for &c in &features {
                x.push(value(&row[c], line, &table.header[c])?);
            }
            for &c in &targets {
                let (field, column) = (&row[c], &table.header[c]);
                if !classes {
                    y.push(value(field, line, column)?);
                } else if field.is_empty() || field == "?" || field.eq_ignore_ascii_case("nan") {
                    return Err(format!(
                        "line {line}, column {column:?}: the label is missing ({field:?}). Drop the row."
                    ));
                } else {
                    labels.push(field.to_string());
                }
            }
            Ok(())
        });
        problems.extend(read.err());
        if problems.len() == TOLD {
            problems.push("There may be more; reading ended here.".into());
            break;
        }
    }
    let name = name_of(path);
    refuse(&path.display().to_string(), problems)?;
    let width = features.len();
    if !classes {
        return Dataset::regression(&name, x, [width], y, task.outputs());
    }
    let (labels, words) = classes_of(&labels, Some(task.outputs())).map_err(bad)?;
    let mut problems: Vec<String> = task.problem().into_iter().collect();
    if labels.len() < 5 {
        problems.push(format!("{} rows cannot be split; at least 5 are needed.", labels.len()));
    }
    refuse(&name, problems)?;
    let shape = Shape::new([width]);
    let data = Dataset::labelled(&name, task, shape, Values::Numbers(x), labels, None)?;
    Ok(data.with(|d| d.classes = words))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<(usize, Vec<String>)> {
        let table = Table::new(text).unwrap();
        let own = |r: Result<Row, String>| {
            let (line, row) = r.unwrap();
            (line, row.iter().map(|f| f.to_string()).collect())
        };
        table.rows().map(own).collect()
    }

    #[test]
    fn quotes_line_breaks_and_separators() {
        let own = |line: usize, f: &[&str]| (line, f.iter().map(|s| s.to_string()).collect());
        assert_eq!(
            rows("a,b\r\n1, 2 \r\n\r\n\"x, \"\"y\"\"\nz\",\"\"\r\n3,4"),
            [own(2, &["1", "2"]), own(4, &["x, \"y\"\nz", ""]), own(6, &["3", "4"])]
        );
        assert_eq!(rows("a;b\n1,5;2\n"), [own(2, &["1,5", "2"])]);
        assert_eq!(rows("a\tb\n\t2\n"), [own(2, &["", "2"])]);
        assert_eq!(rows("a\n1\n\n\n2\n"), [own(2, &["1"]), own(5, &["2"])]);
        assert_eq!(rows("a,b\n"), []);
        assert_eq!(rows("a,b\n1,"), [own(2, &["1", ""])]);
    }

    #[test]
    fn no_text_makes_it_panic_or_run_for_ever() {
        let mut rng = crate::rng::Rng::new(1);
        let parts = ["a", "\"", ",", "\n", "\r\n", " ", "1", "\t", ";", "é", "\"\"", "|"];
        for _ in 0..20_000 {
            let text: String = (0..rng.below(20)).filter_map(|_| rng.pick(&parts)).collect();
            if let Ok(table) = Table::new(&text) {
                assert!(table.rows().count() <= text.len());
            }
            let _ = super::table(Path::new("t"), &text, "a", Task::classification(2));
        }
    }

    #[test]
    fn what_is_wrong_with_a_table_is_told_with_its_place() {
        let path = Path::new("t.csv");
        let good = "a,b,c\n1,2,x\n3,4,y\n5,6,x\n7,8,y\n9,10,x\n";
        let classes = Task::classification(2);
        assert_eq!(table(path, good, "c", classes.clone()).unwrap().len(), 5);
        let cases = [
            ("", "c", "the file is empty"),
            ("1,2\n3,4\n", "c", "Add a header"),
            ("a,a,c\n", "c", "two columns"),
            (good, "d", "no column \"d\""),
            ("c\nx\n", "c", "no column beside"),
            ("a,c\n1,x\n,y\n", "c", "line 3, column \"a\": the value is missing"),
            ("a,c\n1,x\nNaN,y\n", "c", "line 3, column \"a\": the value is missing"),
            ("a,c\n1,x\n2,\n", "c", "line 3, column \"c\": the label is missing"),
            ("a,c\n1e99,x\n", "c", "larger than"),
            ("a,c\nParis,x\n", "c", "\"Paris\" is no number"),
            ("a,c\n1,x,3\n", "c", "line 2 has 3 fields"),
            ("a,c\n\"1,x\n", "c", "line 2 opens a quote"),
            ("a,c\n\"1\"2,x\n", "c", "behind a closing quote"),
            ("a,c\n1,x\n2,y\n3,z\n4,z\n5,z\n", "c", "3 found: x, y, z"),
            ("a,c\n1,x\n2,y\n", "c", "2 rows cannot be split"),
        ];
        for (text, target, part) in cases {
            let e = table(path, text, target, classes.clone()).unwrap_err().to_string();
            assert!(e.contains(part), "{part}: {e}");
        }
        let many = format!("a,c\n{}", ",x\n".repeat(100));
        let e = table(path, &many, "c", classes).unwrap_err().to_string();
        assert!(e.contains("6 problems") && e.contains("line 6"), "{e}");
        let two =
            table(path, "a,b,c\n1,2,3\n4,5,6\n7,8,9\n1,2,3\n4,5,6\n", "b, c", Task::regression(2));
        assert_eq!(two.unwrap().shape().dims(), [1]);
        let e = table(path, good, "a", Task::regression(2)).unwrap_err().to_string();
        assert!(e.contains("1 target columns"), "{e}");
        let e = table(path, good, "a", Task::next_token(9)).unwrap_err().to_string();
        assert!(e.contains("text_file"), "{e}");
    }
}
