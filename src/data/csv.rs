//! Tables: numbers, and a class or a value to predict.
//!
//! Comma-separated values as in RFC 4180: fields may be in double quotes, where a quote is doubled, and
//! commas and line breaks are only text. Fields may also be separated by semicolons, tabs or
//! vertical bars; the first two lines tell which it is. Lines end with a line feed, a carriage return, or
//! both.

use super::file::{classes_of, name_of, read_text, wrong};
use super::numeral::{self, Decimal, Marks};
use super::scaling::{self, Column, Scaling};
use super::{Dataset, Values, refuse};
use crate::error::{Error, Result};
use crate::shape::Shape;
use crate::task::Task;
use crate::words::plural;
use candle_core::{Device, Tensor};
use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;

const HINT: &str = "A table with a header is expected, one row per sample, plain or gzip.";

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
    /// What ends a line.
    end: char,
}

pub(crate) type Row<'a> = (usize, Vec<Cow<'a, str>>);

impl<'a> Rows<'a> {
    /// A field, and whether it is the last one of its line.
    fn field(&mut self) -> Result<(Cow<'a, str>, bool), String> {
        let plain = self.text.trim_start_matches(' ');
        if let Some(mut rest) = plain.strip_prefix('"') {
            let begun = self.line;
            let mut value: Cow<str> = Cow::Borrowed("");
            loop {
                let Some((part, after)) = rest.split_once('"') else {
                    return Err(format!("line {begun} opens a quote that is never closed."));
                };
                self.line += part.matches(self.end).count();
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
                    "line {} continues after a closing quote with {:?}. Double the quotes in a text.",
                    self.line, end.0
                )),
            };
        }
        let (value, last) = self.until_end();
        Ok((value.trim().into(), last))
    }

    /// The text before the next separator or line break, which is skipped, and whether the line ended.
    fn until_end(&mut self) -> (&'a str, bool) {
        let end = self.text.find([self.separator, self.end]).unwrap_or(self.text.len());
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
        while let Some((line, rest)) = self.text.split_once(self.end).or(Some((self.text, "")))
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
        let end = line_end(text);
        let mut rest = Rows { text, line: 1, separator: ',', end };
        rest.separator = match rest.said() {
            Some(separator) => separator,
            None => separator(text, end),
        };
        let header: Vec<String> = match rest.next() {
            Some(row) => row?.1.iter().map(|f| f.to_string()).collect(),
            None => return Err(format!("the file is empty. {HINT}")),
        };
        // Several columns may have no name.
        let again = |(i, h): &(usize, &String)| !h.is_empty() && header[..*i].contains(h);
        match header.iter().enumerate().find(again) {
            Some((_, name)) if is_number(name) => {
                Err(format!("the first line holds the number {name} twice. {NO_HEADER}"))
            }
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
        let found = self.header.iter().position(|h| h == name);
        found.ok_or_else(|| no_column(&self.header, name))
    }

    /// The rows, all as wide as the header.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Result<Row<'a>, String>> {
        let wanted = self.header.len();
        self.rest.clone().map(move |row| {
            let (line, row) = row?;
            if row.len() == wanted {
                return Ok((line, row));
            }
            let more = width_hint(&row, wanted);
            Err(format!(
                "line {line} has {}, and the header has {wanted}. Quote fields that hold a \
                 separator, numbers with a decimal comma too.{more}",
                plural(row.len(), "field")
            ))
        })
    }
}

/// What a row that is wider than the header may mean.
fn width_hint(row: &[Cow<str>], wanted: usize) -> &'static str {
    match row {
        [.., last] if row.len() == wanted + 1 && last.is_empty() => {
            " If every line ends with a separator, end the header with one too."
        }
        _ if row.len() == wanted + 1 => {
            " If the first column numbers or names the rows, give it a name in the header."
        }
        _ => "",
    }
}

impl Rows<'_> {
    /// The separator that a first line such as `sep=;` names; that line is skipped.
    fn said(&mut self) -> Option<char> {
        let (line, rest) = self.text.split_once(self.end)?;
        let mut said = line.trim_end_matches('\r').strip_prefix("sep=")?.chars();
        let separator = said.next().filter(|c| SEPARATORS.contains(c))?;
        said.next().is_none().then(|| {
            (self.text, self.line) = (rest, self.line + 1);
            separator
        })
    }
}

/// What ends the first line: a carriage return alone, as on old machines, or a line feed.
fn line_end(text: &str) -> char {
    let mut quoted = false;
    for (i, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '\n' if !quoted => return '\n',
            '\r' if !quoted && !text[i + 1..].starts_with('\n') => return '\r',
            _ => {}
        }
    }
    '\n'
}

const SEPARATORS: [char; 4] = [',', ';', '\t', '|'];

/// The separator: a mark in the first line, if possible one that is as frequent in the second; of several,
/// the most frequent.
fn separator(text: &str, end: char) -> char {
    let mut lines = text.split(end).filter(|l| !l.trim().is_empty());
    // Marks between quotes belong to a name.
    let mut bare = || lines.next().unwrap_or_default().split('"').step_by(2).collect::<String>();
    let (first, second) = (bare(), bare());
    let order = |c: &char| {
        let n = first.matches(*c).count();
        (n > 0 && n == second.matches(*c).count(), n)
    };
    SEPARATORS.into_iter().rev().max_by_key(order).unwrap_or(',')
}

const NO_HEADER: &str = "Add a header if the file has none: a line with a name for each column.";

/// The error for a column that does not exist, with those that do, the most similar first.
pub(crate) fn no_column(header: &[String], name: &str) -> String {
    let mut names: Vec<&String> = header.iter().collect();
    let plain = |s: &str| s.trim().to_lowercase();
    names.sort_by_key(|h| distance(&plain(h), &plain(name)));
    let list: Vec<String> = names.iter().take(20).map(|n| format!("{n:?}")).collect();
    let more = match names.len() {
        n if n > 20 => format!(" and {} more", n - 20),
        _ => String::new(),
    };
    let others = match &list[1..] {
        [] => {
            "the only one in the first line; columns are separated by commas, semicolons, tabs or \
               vertical bars"
                .to_string()
        }
        rest => format!("or one of {}{more}", rest.join(", ")),
    };
    let hint = if header.iter().any(|h| is_number(h)) { NO_HEADER } else { "" };
    let text = format!("there is no column {name:?}. Try {}, {others}. {hint}", list[0]);
    text.trim_end().to_string()
}

/// The error for a header without rows.
pub(crate) fn no_rows(header: &[String]) -> String {
    let more = if header.iter().any(|h| is_number(h)) { NO_HEADER } else { "Add rows." };
    format!("there is no row below the header. {more}")
}

fn is_number(name: &str) -> bool {
    numeral::plain(name).is_some()
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

/// How programs write a missing value. In a column of words some of these are words.
const MISSING: [&str; 22] = [
    "", "?", "nan", "-nan", "<na>", "#n/a", "#n/a n/a", "#na", "#value!", "#div/0!", "#num!",
    "#ref!", "1.#qnan", "-1.#ind", "null", "na", "n/a", "none", "nil", "-", "--", ".",
];

/// This many of them are never words.
const NEVER_A_WORD: usize = 15;

/// Whether a field means that a number is missing.
pub(crate) fn is_missing(field: &str) -> bool {
    MISSING.iter().any(|w| field.eq_ignore_ascii_case(w))
}

/// Whether a field means that a word is missing.
fn is_missing_word(field: &str) -> bool {
    MISSING[..NEVER_A_WORD].iter().any(|w| field.eq_ignore_ascii_case(w))
}

/// A number in a field, or what is wrong with it.
fn value(
    field: &str,
    decimal: Option<Decimal>,
    line: usize,
    column: &str,
) -> Result<(f64, f64), String> {
    let what = match numeral::read_as(field, decimal) {
        Some(v) if (v.0 as f32).is_finite() => return Ok(v),
        Some((v, _)) => format!(
            "{field:?} is larger than 32-bit numbers can be. Divide the column by 1e{}.",
            v.abs().log10().floor()
        ),
        None if is_missing(field) => {
            format!("the value is missing ({field:?}). Fill it, or drop the row or the column.")
        }
        None if field.parse::<f64>().is_ok() => {
            format!("{field:?} is not a finite number. Write another value, or drop the row.")
        }
        None if let Some(bare) = without_marks(field) => {
            format!("{field:?} is not a number. Write it as {bare:?}, in the whole column.")
        }
        None => format!(
            "{field:?} is not a number. Drop the column, write times as numbers, or give words a \
             column of 0 and 1 each."
        ),
    };
    Err(format!("line {line}, column {column:?}: {what}"))
}

/// A number without a percent sign or a currency, and with a minus in front instead of brackets or a
/// minus behind.
fn without_marks(field: &str) -> Option<String> {
    let signs = |c: char| "%‰€$£¥₹ \u{a0}\u{202f}".contains(c);
    let brackets = |s: &str| Some(s.strip_prefix('(')?.strip_suffix(')')?.to_string());
    let bare = field.trim_matches(signs);
    let behind = |s: &str| Some(s.strip_prefix('-').or(s.strip_suffix('-'))?.to_string());
    let bare = match brackets(bare).or_else(|| behind(bare)) {
        Some(rest) => format!("-{}", rest.trim_matches(signs)),
        None => bare.to_string(),
    };
    (bare != field && numeral::may_be_number(&bare)).then_some(bare)
}

/// The most problems that are reported at once.
pub(crate) const TOLD: usize = 5;

impl Dataset {
    /// A table with a header, separated by commas, semicolons or tabs, plain or gzip: `target` is
    /// the column to predict, all others are the features, which must be numbers. Split 60 : 20 :
    /// 20; every number takes 4 bytes of memory, and 8 more while it is read.
    ///
    /// For a classification, the labels may be words, which are numbered in alphabetical order.
    /// Whole numbers below the number of classes are taken as they are; others are numbered in
    /// their order. For a regression of several outputs, name the columns with commas between them.
    ///
    /// The data's card says what was decided, one line each:
    ///
    /// - A column that only numbers or names the rows is left out, because in sorted rows it would give
    ///   the label away: a first column without a name or called `Unnamed: 0`, or one called
    ///   `id` or `index` (or `patient_id`, `PassengerId`) in which all values differ.
    /// - Decimal commas and marks between thousands are read where the column leaves no doubt.
    /// - A column whose different values would become equal as 32-bit numbers, such as times of this
    ///   century in milliseconds, is moved first; see [`Dataset::target_shift`] for targets.
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
    /// When the file is missing or there is no such column, and, with line and column, when a value
    /// is missing or is not a number.
    pub fn csv(path: impl AsRef<Path>, target: &str, task: impl Into<Task>) -> Result<Dataset> {
        let (path, task) = (path.as_ref(), task.into());
        let file = read_text(path, HINT)?;
        table(path, &file, target, task)
    }

    /// These data with the rows of another file as the test split: its columns are found by their
    /// names, in any order; its classes are those of these data, though some may be missing; and its
    /// numbers are scaled as these are. All samples of this set become training and validation
    /// samples, 4 to 1.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let folder = std::env::temp_dir();
    /// let (train, test) = (folder.join("nascent-doc-train.csv"), folder.join("nascent-doc-test.csv"));
    /// std::fs::write(&train, "length,width,species\n\
    ///     5.1,3.5,setosa\n7.0,3.2,versicolor\n4.9,3.0,setosa\n6.4,3.2,versicolor\n4.7,3.2,setosa\n")?;
    /// std::fs::write(&test, "width,length,species\n3.1,4.6,setosa\n")?;
    /// let data = Dataset::csv(&train, "species", Task::classification(2))?;
    /// let data = data.with_test_csv(&test, "species")?;
    /// assert_eq!(data.sizes(), (4, 1, 1));
    /// # std::fs::remove_file(&train)?;
    /// # std::fs::remove_file(&test)?;
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// When these data were not read by [`Dataset::csv`], and, with line and column, when the file
    /// lacks a column or a value, or has a class that these data do not have.
    pub fn with_test_csv(&self, path: impl AsRef<Path>, target: &str) -> Result<Dataset> {
        let path = path.as_ref();
        if self.0.columns.is_empty() {
            return Err(Error::invalid(
                format!("with_test_csv({:?}) on {}", path.display().to_string(), self.name()),
                "the columns of these data have no names, since they were not read from a table",
                "Dataset::csv for both files, or with_test_of(&other)",
            ));
        }
        let file = read_text(path, HINT)?;
        self.tested(path, &file, target)
    }
}

/// The columns of the targets.
fn targets_of(table: &Table, target: &str, task: &Task) -> Result<Vec<usize>, String> {
    match task {
        Task::Classification { .. } | Task::Regression { outputs: 0 | 1 } => {
            Ok(vec![table.column(target)?])
        }
        Task::Regression { outputs } => {
            let names = target.split(',').map(str::trim);
            let found: Vec<usize> = names.map(|n| table.column(n)).collect::<Result<_, _>>()?;
            if found.len() != *outputs {
                return Err(format!(
                    "{} ({target:?}) for {task}. Name {outputs}, as in \"a, b\".",
                    plural(found.len(), "target column")
                ));
            }
            Ok(found)
        }
        Task::NextToken { .. } => Err(format!(
            "a table is not a text to continue ({task}). Try Dataset::text_file(path, length)."
        )),
    }
}

/// The columns of a table that are read: features, and targets.
struct Wanted<'a> {
    table: &'a Table<'a>,
    features: &'a [usize],
    targets: &'a [usize],
    /// Whether the first target is a label in words.
    words: bool,
}

/// What was read of a table.
#[derive(Default)]
struct Read {
    features: Vec<Column>,
    targets: Vec<Column>,
    /// The labels, each with its line.
    labels: Vec<(usize, String)>,
    notes: Vec<String>,
}

impl Wanted<'_> {
    /// # Errors
    /// When there are no rows, or with the first problems of their fields.
    fn read(&self, path: &Path) -> Result<Read> {
        if self.table.rows().next().is_none() {
            return Err(wrong(path, no_rows(&self.table.header)));
        }
        let name = format!("the data set \"{}\"", path.display());
        self.read_rows().map_err(|problems| Error::all(&name, &problems))
    }

    fn read_rows(&self) -> Result<Read, Vec<String>> {
        let header = &self.table.header;
        let numbers: Vec<usize> = match self.words {
            true => self.features.to_vec(),
            false => [self.features, self.targets].concat(),
        };
        match self.read_with(&vec![None; header.len()]) {
            Err((_, true)) => {}
            Err((problems, false)) => return Err(problems),
            Ok(read) => return Ok(read),
        }
        // Some numbers are not as programs write them: what do all of them together say about the marks?
        let mut marks = vec![Marks::default(); header.len()];
        for (_, row) in self.table.rows().flatten() {
            numbers.iter().for_each(|&c| marks[c].see(&row[c]));
        }
        let file = marks.iter().fold(Marks::default(), |all, m| all.and(m));
        let mut decimals = vec![None; header.len()];
        let mut problems = vec![];
        for &c in &numbers {
            match marks[c].decimal(&file) {
                Ok(decimal) => decimals[c] = Some(decimal),
                Err(what) => problems.push(format!("column {:?}: {what}", header[c])),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut read = self.read_with(&decimals).map_err(|(problems, _)| problems)?;
        let commas = numbers.iter().filter(|&&c| decimals[c] == Some(Decimal::Comma));
        let commas: Vec<String> = commas.map(|&c| format!("{:?}", header[c])).collect();
        read.notes.push(match &commas[..] {
            [] => "read with marks between thousands, and a decimal point".to_string(),
            _ => format!("read with a decimal comma: {}", listed(&commas)),
        });
        Ok(read)
    }

    /// The same with a decimal mark for each column. Returns the first few problems, and whether
    /// one of them is a number with other marks.
    fn read_with(&self, decimals: &[Option<Decimal>]) -> Result<Read, (Vec<String>, bool)> {
        let Wanted { table, features, targets, words } = *self;
        let mut read = Read::default();
        read.features.resize_with(features.len(), Column::default);
        read.targets.resize_with(if words { 0 } else { targets.len() }, Column::default);
        let (mut problems, mut odd) = (vec![], false);
        for row in table.rows() {
            let one = row.and_then(|(line, row)| {
                let columns = features.iter().zip(&mut read.features);
                for (&c, column) in columns.chain(targets.iter().zip(&mut read.targets)) {
                    let (field, decimal) = (&row[c], decimals[c]);
                    let number = value(field, decimal, line, &table.header[c]);
                    column.push(number.inspect_err(|_| {
                        odd |= decimal.is_none() && numeral::may_be_number(field);
                    })?);
                }
                if words {
                    let (field, column) = (&row[targets[0]], &table.header[targets[0]]);
                    if is_missing_word(field) {
                        return Err(format!(
                            "line {line}, column {column:?}: the label is missing ({field:?}). Drop \
                             the row."
                        ));
                    }
                    read.labels.push((line, field.to_string()));
                }
                Ok(())
            });
            problems.extend(one.err());
            if odd {
                return Err((problems, true));
            }
            if problems.len() == TOLD {
                problems.push("There may be more; reading ended here.".into());
                break;
            }
        }
        match problems.is_empty() {
            true => Ok(read),
            false => Err((problems, false)),
        }
    }
}

/// A list of names that may be long.
fn listed(names: &[String]) -> String {
    match names.len() {
        n if n > 8 => format!("{} and {} more columns", names[..7].join(", "), n - 7),
        _ => names.join(", "),
    }
}

/// Whether a column without a proper name may hold row numbers or names.
fn is_nameless(name: &str) -> bool {
    name.is_empty() || name.starts_with("Unnamed: ")
}

fn is_id(name: &str) -> bool {
    let small = name.to_lowercase();
    let ends = |end: &str| name.strip_suffix(end).is_some_and(|s| s.ends_with(char::is_lowercase));
    ["id", "index", "row", "rowid", "rownames", "uuid", "guid"].contains(&small.as_str())
        || ["_id", " id", "-id", ".id"].iter().any(|end| small.ends_with(end))
        || ends("Id")
        || ends("ID")
}

/// The columns that only number or name the rows or hold nothing, with what the card says about them.
fn left_out(table: &Table, features: &[usize]) -> Vec<(usize, String)> {
    let called = |c: &usize| is_nameless(&table.header[*c]) || is_id(&table.header[*c]);
    let suspects: Vec<usize> = features.iter().copied().filter(called).collect();
    if suspects.is_empty() {
        return vec![];
    }
    let mut fields: Vec<Vec<Cow<str>>> = vec![vec![]; suspects.len()];
    for (_, row) in table.rows().flatten() {
        for (&c, fields) in suspects.iter().zip(&mut fields) {
            fields.push(row[c].clone());
        }
    }
    let mut found = vec![];
    for (c, mut fields) in suspects.into_iter().zip(fields) {
        let name = &table.header[c];
        let empty = fields.iter().all(|f| is_missing(f));
        let number = |f: &Cow<str>| numeral::plain(f);
        let whole = fields.iter().all(|f| number(f).is_some_and(|v| v.0.fract() == 0.0));
        // Some names such as 7e31 beside 7f3a could be numbers as well.
        let named = |f: &Cow<str>| !numeral::may_be_number(f) && !is_missing(f);
        let words = match is_id(name) {
            true => fields.iter().any(named),
            false => fields.iter().all(|f| number(f).is_none()),
        };
        fields.sort_unstable();
        let different = fields.windows(2).all(|w| w[0] != w[1]);
        let nameless = is_nameless(name) && (c == 0 || !name.is_empty());
        let which = match name.is_empty() {
            true => format!("column {}, which has no name and", c + 1),
            false => format!("{name:?}, which"),
        };
        if is_nameless(name) && empty {
            found.push((c, format!("left out: {which} holds nothing")));
        } else if (whole || words) && (nameless || is_id(name) && different) {
            let what = if whole { "numbers" } else { "names" };
            let kept = "under another name it is kept";
            found.push((c, format!("left out: {which} {what} the rows; {kept}")));
        }
    }
    found
}

/// Whole-number labels in several spellings, such as 1, 1.0 and 01, brought to one of them.
fn spelled_alike(labels: &mut [(usize, String)]) -> Option<String> {
    let whole = |label: &str| {
        let (digits, zeros) = label.split_once('.').unwrap_or((label, ""));
        zeros.bytes().all(|b| b == b'0').then(|| digits.parse::<i128>().ok())?
    };
    let mut seen: HashMap<i128, &str> = HashMap::new();
    let mut several = None;
    for (_, label) in labels.iter() {
        let first = seen.entry(whole(label)?).or_insert(label);
        if *first != label || label.contains('.') {
            several.get_or_insert_with(|| (first.to_string(), label.clone()));
        }
    }
    let (first, other) = several?;
    for (_, label) in labels.iter_mut() {
        *label = whole(label)?.to_string();
    }
    (first != other).then(|| format!("the classes {first:?} and {other:?} are the same number"))
}

fn table(path: &Path, file: &str, target: &str, task: Task) -> Result<Dataset> {
    let bad = |what: String| wrong(path, what);
    let table = Table::new(file).map_err(bad)?;
    let targets = targets_of(&table, target, &task).map_err(bad)?;
    let mut features: Vec<usize> =
        (0..table.header.len()).filter(|c| !targets.contains(c)).collect();
    if features.is_empty() {
        return Err(bad("there is no column beside the target. Features are needed.".into()));
    }
    let mut notes = vec![];
    let out = left_out(&table, &features);
    if out.len() < features.len() {
        features.retain(|c| !out.iter().any(|(o, _)| o == c));
        notes.extend(out.into_iter().map(|(_, note)| note));
    }
    let words = matches!(task, Task::Classification { .. });
    let wanted = Wanted { table: &table, features: &features, targets: &targets, words };
    let mut read = wanted.read(path)?;
    notes.append(&mut read.notes);
    let name = name_of(path);
    let rows = read.labels.len().max(read.targets.first().map_or(0, Column::len));
    let mut problems: Vec<String> = vec![];
    if rows < 5 {
        problems.push(format!(
            "{} cannot be split; at least 5 are needed. If this is the test file of other data: \
             data.with_test_csv(path, target).",
            plural(rows, "row")
        ));
    }
    let columns: Vec<String> = features.iter().map(|&c| table.header[c].clone()).collect();
    if words {
        let counts = columns.iter().zip(&read.features).filter(|(_, column)| column.counts());
        notes.extend(counts.map(|(name, _)| {
            format!(
                "{name:?} counts the rows: where they are sorted by class, it gives the class away; \
                 drop it if it means nothing"
            )
        }));
    }
    let (x, scaling, more) = scaling::narrow(&read.features, true, |c| format!("{:?}", columns[c]));
    notes.extend(more);
    let shape = Shape::new([features.len()]);
    let data = if words {
        notes.extend(spelled_alike(&mut read.labels));
        let labels: Vec<String> = read.labels.into_iter().map(|(_, label)| label).collect();
        let found = classes_of(&labels, Some(task.outputs()));
        let (labels, words) =
            found.map_err(|what| bad([problems.clone(), vec![what]].concat().join(" ")))?;
        refuse(&name, problems)?;
        let unsure = words.iter().find(|w| is_missing(w));
        notes.extend(unsure.map(|w| {
            format!("the word {w:?} is taken for a class; drop its rows if it means that the label is missing")
        }));
        let data = Dataset::labelled(&name, task, shape, Values::Numbers(x), labels, None)?;
        data.with(|d| d.classes = words)
    } else {
        problems.extend(task.problem());
        refuse(&name, problems)?;
        let target = |c: usize| format!("the target {:?}", table.header[targets[c]]);
        let (y, target_scaling, more) = scaling::narrow(&read.targets, false, target);
        notes.extend(more);
        Dataset::real(&name, task, shape, x, y)?.with(|d| d.target_scaling = target_scaling)
    };
    Ok(data.with(|d| (d.columns, d.scaling, d.notes) = (columns, scaling, notes)))
}

impl Dataset {
    /// These data with a table as the test split.
    fn tested(&self, path: &Path, file: &str, target: &str) -> Result<Dataset> {
        let bad = |what: String| wrong(path, what);
        let d = &self.0;
        let table = Table::new(file).map_err(bad)?;
        let targets = targets_of(&table, target, &d.task).map_err(bad)?;
        let features: Vec<usize> = d
            .columns
            .iter()
            .map(|name| table.column(name))
            .collect::<Result<_, _>>()
            .map_err(|what| bad(format!("{what} The data {} have it.", d.name)))?;
        let words = matches!(d.task, Task::Classification { .. });
        let wanted = Wanted { table: &table, features: &features, targets: &targets, words };
        let mut read = wanted.read(path)?;
        let scaled = |columns: &[Column], scaling: Option<&Scaling>| -> Vec<f32> {
            let none = Scaling::none(columns.len());
            scaling::like(columns, scaling.unwrap_or(&none))
        };
        let x = scaled(&read.features, d.scaling.as_ref());
        let y = if words {
            spelled_alike(&mut read.labels);
            let labels = self.numbered(&table.header[targets[0]], &read.labels).map_err(bad)?;
            let n = labels.len();
            Tensor::from_vec(labels, n, &Device::Cpu)?
        } else {
            let y = scaled(&read.targets, d.target_scaling.as_ref());
            let n = y.len() / targets.len().max(1);
            Tensor::from_vec(y, (n, targets.len()), &Device::Cpu)?
        };
        let x = Tensor::from_vec(x, d.shape.batch(y.dim(0)?), &Device::Cpu)?;
        let test = (0..y.dim(0)? as u32).collect();
        self.joined(&x, &y, test, &name_of(path))
    }

    /// The numbers of labels, all of which have to be classes of these data.
    fn numbered(&self, column: &str, labels: &[(usize, String)]) -> Result<Vec<u32>, String> {
        let classes = self.classes();
        let number = |label: &str| {
            // The same number in another spelling, such as 1 and 1.0; in long ones every digit counts.
            let same = |class: &String| {
                class == label
                    || numeral::plain(label).is_some_and(|v| numeral::plain(class) == Some(v))
            };
            classes.iter().position(same)
        };
        let one = |(line, label): &(usize, String)| {
            number(label).map(|n| n as u32).ok_or_else(|| {
                let known: Vec<&str> = classes.iter().take(12).map(String::as_str).collect();
                let more = if classes.len() > 12 { ", ..." } else { "" };
                format!(
                    "line {line}, column {column:?}: {label:?} is not a class of {}, which has {}{more}. \
                     Drop its rows, or put rows of this class into the training file too.",
                    self.0.name,
                    known.join(", ")
                )
            })
        };
        labels.iter().map(one).collect()
    }
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
    fn edits() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
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
            ("a,c\nParis,x\n", "c", "\"Paris\" is not a number"),
            ("a,c\n1,x,3\n", "c", "line 2 has 3 fields"),
            ("a,c\n\"1,x\n", "c", "line 2 opens a quote"),
            ("a,c\n\"1\"2,x\n", "c", "after a closing quote"),
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
        assert!(e.contains("1 target column "), "{e}");
        let e = table(path, good, "a", Task::next_token(9)).unwrap_err().to_string();
        assert!(e.contains("text_file"), "{e}");
    }
}
