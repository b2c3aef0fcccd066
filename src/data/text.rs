//! Texts as symbols, one per character: to continue a text, or to classify short ones.

use super::csv::Table;
use super::file::{classes_of, name_of, read_text, wrong};
use super::{Dataset, Values, refuse, too_few};
use crate::count::Count;
use crate::error::{Error, Result};
use crate::shape::Shape;
use crate::task::Task;
use std::path::Path;

/// The character that fills up short texts; always symbol 0.
const PADDING: char = '\0';

/// The most symbols in memory; a length that needs more is a mistake.
const MOST: usize = 1 << 30;

/// The input of texts that are filled up with symbol 0 after their end.
fn padded(length: usize, vocabulary: usize) -> Shape {
    Shape::tokens(length, vocabulary).padded()
}

/// The characters of a text, in order.
fn characters<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<char> {
    let set: std::collections::BTreeSet<char> = texts.into_iter().flat_map(str::chars).collect();
    set.into_iter().collect()
}

/// The number of a character among the symbols, which are in order.
fn number(symbols: &[char], c: char) -> Option<u32> {
    symbols.binary_search(&c).ok().map(|i| i as u32)
}

/// See [`Dataset::texts`].
pub(super) fn texts<S: AsRef<str>, L: AsRef<str>>(
    name: &str,
    rows: &[(S, L)],
    length: impl Count,
) -> Result<Dataset> {
    let length = length.to_size();
    let mut problems = vec![];
    if length == 0 {
        problems.push("a length of 0; at least 1 is needed. Try the longest text's.".into());
    }
    if rows.len().saturating_mul(length) > MOST {
        problems.push(format!(
            "{} texts of {length} characters would be more than {MOST} symbols. Try a length of 64.",
            rows.len()
        ));
    }
    let empty = rows.iter().position(|(text, _)| text.as_ref().is_empty());
    problems.extend(empty.map(|i| format!("text {i} is empty. Drop it.")));
    let padding = rows.iter().position(|(text, _)| text.as_ref().contains(PADDING));
    problems.extend(padding.map(|i| {
        format!("text {i} holds the character U+0000, which stands for padding. Replace it.")
    }));
    let labels: Vec<String> = rows.iter().map(|(_, l)| l.as_ref().to_string()).collect();
    let (labels, classes) = classes_of(&labels, None).unwrap_or_default();
    let task = Task::classification(classes.len());
    problems.extend(too_few("text", rows.len(), &classes));
    refuse(name, problems)?;

    let mut symbols = vec![PADDING];
    symbols.extend(characters(rows.iter().map(|(text, _)| text.as_ref())));
    let mut x = Vec::with_capacity(rows.len().saturating_mul(length.min(64)));
    for (i, (text, _)) in rows.iter().enumerate() {
        x.extend(text.as_ref().chars().take(length).filter_map(|c| number(&symbols, c)));
        x.resize((i + 1) * length, 0);
    }
    let shape = padded(length, symbols.len());
    let data = Dataset::labelled(name, task, shape, Values::Symbols(x), labels, None)?;
    Ok(data.with(|d| (d.classes, d.symbols) = (classes, symbols)))
}

impl Dataset {
    /// A text to be continued character by character: cut into windows of `length` characters, with
    /// the character that follows as the target at each position. The symbols are the characters
    /// of the text, in the order of Unicode. The splits are contiguous, see
    /// [`Dataset::next_token`].
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let data = Dataset::text("rhyme", &"so much depends upon a red wheel barrow ".repeat(20), 8)?;
    /// assert_eq!(data.symbols()[..3], [' ', 'a', 'b']);
    /// assert_eq!(data.decode(data.encode("a bad deed")?)?, "a bad deed");
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// When the text is shorter than five windows or has fewer than two different characters.
    pub fn text(name: &str, text: &str, length: impl Count) -> Result<Dataset> {
        let symbols = characters([text]);
        if let [one] = symbols[..] {
            let what = format!(
                "every character is {one:?}: at least two different ones are needed. Give another \
                 text."
            );
            refuse(name, vec![what])?;
        }
        let tokens: Vec<u32> = text.chars().filter_map(|c| number(&symbols, c)).collect();
        let data = Dataset::next_token(name, &tokens, length, symbols.len())?;
        Ok(data.with(|d| d.symbols = symbols))
    }

    /// [`Dataset::text`] of a file in UTF-8, plain or gzip.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let e = Dataset::text_file("no/such/file.txt", 64).unwrap_err().to_string();
    /// assert!(e.contains("no such file") && e.contains("names_text()"));
    /// ```
    ///
    /// # Errors
    /// When the file is missing, is not text, or is too short.
    pub fn text_file(path: impl AsRef<Path>, length: impl Count) -> Result<Dataset> {
        let path = path.as_ref();
        let hint = "Any text will do: a book of gutenberg.org, say, or Dataset::names_text().";
        Dataset::text(&name_of(path), &read_text(path, hint)?, length)
    }

    /// Short texts, each with the word of its class, as sequences of `length` characters: longer
    /// ones are cut, shorter ones are filled up with symbol 0 after their end. The characters are
    /// numbered from 1, in the order of Unicode.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let rows = ["no", "never", "nope", "yes", "yeah", "sure"].map(|t| {
    ///     (t, if t.starts_with('n') { "negative" } else { "positive" })
    /// });
    /// let data = Dataset::texts("answers", rows, 5)?;
    /// assert_eq!(data.classes(), ["negative", "positive"]);
    /// assert_eq!(data.shape().to_string(), "5 tokens of 12, padded");
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// When a text is empty, or there are fewer than five texts or two classes.
    pub fn texts<S: AsRef<str>, L: AsRef<str>>(
        name: &str,
        rows: impl IntoIterator<Item = (S, L)>,
        length: impl Count,
    ) -> Result<Dataset> {
        texts(name, &rows.into_iter().collect::<Vec<_>>(), length)
    }

    /// [`Dataset::texts`] from two columns of a table with a header, separated by commas,
    /// semicolons or tabs, plain or gzip.
    ///
    /// ```no_run
    /// use nascent::prelude::*;
    /// // language <tab> name
    /// let data = Dataset::texts_file("names_by_language.tsv", "name", "language", 16)?;
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// When the file is missing or has no such columns, and as [`Dataset::texts`].
    pub fn texts_file(
        path: impl AsRef<Path>,
        text: &str,
        label: &str,
        length: impl Count,
    ) -> Result<Dataset> {
        let path = path.as_ref();
        let hint = "A table with a header is expected, one row per text.";
        let file = read_text(path, hint)?;
        let bad = |what: String| wrong(path, what);
        let table = Table::new(&file).map_err(bad)?;
        let (text, label) = (table.column(text).map_err(bad)?, table.column(label).map_err(bad)?);
        let mut rows = vec![];
        for row in table.rows() {
            let (line, row) = row.map_err(bad)?;
            for (column, what) in [(text, "text"), (label, "label")] {
                if row[column].is_empty() {
                    return Err(bad(format!("line {line} has an empty {what}. Fill or drop it.")));
                }
            }
            rows.push((row[text].to_string(), row[label].to_string()));
        }
        texts(&name_of(path), &rows, length)
    }

    /// The characters of the symbols, in the order of their numbers, with `'\0'` for padding. Empty
    /// when the data were not made of text.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// assert_eq!(Dataset::names().symbols()[..3], ['\0', 'a', 'b']);
    /// ```
    pub fn symbols(&self) -> Vec<char> {
        self.0.symbols.clone()
    }

    /// The text of a list of symbols; padding is left out.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// assert_eq!(Dataset::names().decode([1, 14, 14, 1, 0, 0])?, "anna");
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// When the data were not made of text, or have no such symbol.
    pub fn decode(&self, tokens: impl AsRef<[u32]>) -> Result<String> {
        let symbols = self.spoken("decode(...)")?;
        let mut text = String::new();
        for (i, &token) in tokens.as_ref().iter().enumerate() {
            match symbols.get(token as usize) {
                Some(&PADDING) if token == 0 => {}
                Some(&c) => text.push(c),
                None => {
                    return Err(Error::invalid(
                        format!("decode(...) of symbol {token} at {i}"),
                        format!("{} has the symbols 0 to {}", self.0.name, symbols.len() - 1),
                        "symbols of these data, as data.encode(text) gives them",
                    ));
                }
            }
        }
        Ok(text)
    }

    /// The symbols of a text, for a model that was trained on these data.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// assert_eq!(Dataset::names().encode("anna")?, [1, 14, 14, 1]);
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// When the data were not made of text, or a character does not occur in them.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        let symbols = self.spoken("encode(...)")?;
        let one = |c| {
            number(symbols, c).ok_or_else(|| {
                Error::invalid(
                    format!("encode({text:?})"),
                    format!("the character {c:?} does not occur in {}", self.0.name),
                    "a text of the characters that data.symbols() shows",
                )
            })
        };
        text.chars().map(one).collect()
    }

    fn spoken(&self, what: &str) -> Result<&[char]> {
        match &self.0.symbols[..] {
            [] => Err(Error::invalid(
                format!("{what} on {}", self.0.name),
                "these data were not made of text",
                "data of Dataset::text(...), texts(...) or names()",
            )),
            symbols => Ok(symbols),
        }
    }
}
