//! What spreadsheets and data frames do to codes.
//!
//! To them, a column of digits is a column of numbers: `012` becomes `12`, or beside a missing value
//! `12.0`, and a long code becomes `4.21211E+05`; `3-1-2` becomes a date. What can be read without doubt
//! is read, and the rest is refused with an explanation: taken for lists of decisions, `102.0` would be
//! one choice of 103 options, and `2003-01-02` one of 2004.

use crate::data::csv::is_missing;
use crate::data::numeral::are_digits;

/// A column of codes as it was meant.
pub(super) struct Meant {
    /// The codes, where they are not simply what the cells hold.
    pub(super) codes: Option<Vec<String>>,
    /// What was done, in words.
    pub(super) note: Option<String>,
}

/// A cell without the marks that keep a spreadsheet from reading a number: `'012`, `="012"`.
fn unquoted(cell: &str) -> &str {
    let cell = cell.trim();
    let cell = cell.strip_prefix('=').unwrap_or(cell).trim();
    let inside = |quote| cell.strip_prefix(quote)?.strip_suffix(quote);
    match inside('"').or_else(|| inside('\'')) {
        Some(inside) => unquoted(inside),
        None => cell.strip_prefix('\'').unwrap_or(cell).trim(),
    }
}

/// What a cell holds without such marks and without the brackets of a list, and whether it had some:
/// `[0, 1, 2]`, `(12,)`.
pub(super) fn bare(cell: &str) -> (&str, bool) {
    let cell = unquoted(cell);
    let brackets = [('[', ']'), ('(', ')'), ('{', '}')];
    let mut pairs = brackets.into_iter();
    let inside = pairs.find_map(|(open, close)| cell.strip_prefix(open)?.strip_suffix(close));
    match inside.map(str::trim) {
        Some(inside) => (inside.strip_suffix(',').unwrap_or(inside).trim(), true),
        None => (cell, false),
    }
}

/// Reads a column of cells; empty ones are reported elsewhere.
///
/// # Errors
/// When the codes are lost, with the row and what to do.
pub(super) fn meant<'a>(
    cells: impl Iterator<Item = &'a str> + Clone,
) -> Result<Meant, (usize, String)> {
    if let Some((row, what)) = cells.clone().enumerate().find_map(|(i, c)| Some((i, date(c)?))) {
        return Err((row, what));
    }
    let filled = || cells.clone().enumerate().filter(|(_, c)| !is_missing(bare(c).0));
    let grouped = |cell: &str| cell.contains(GROUPS) && in_thousands(cell);
    if let Some((row, _)) = filled().find(|(_, c)| grouped(unquoted(c)))
        && filled().all(|(_, c)| in_thousands(unquoted(c)))
    {
        return Err((
            row,
            "looks like a number with marks between thousands, as do all in this column. Write the \
             digits alone, as in 421211, or the decisions with - between, as in 4-211."
                .into(),
        ));
    }
    let mut floats = vec![];
    for (row, cell) in filled() {
        match float(unquoted(cell)) {
            Some(float) => floats.push((row, float)),
            None => return Ok(Meant { codes: None, note: None }),
        }
    }
    if floats.iter().all(|(_, f)| f.bare) {
        return Ok(Meant { codes: None, note: None });
    }
    // The longest mantissa tells how many digits were written; what is longer was rounded.
    let shown = floats.iter().map(|(_, f)| f.shown).max().unwrap_or(0);
    let rounded = |f: &Float| f.digits.len() > f.shown && f.digits.len() > shown;
    if let Some((row, f)) = floats.iter().find(|(_, f)| rounded(f) || f.digits.len() > 15) {
        return Err((
            *row,
            format!(
                "is a number of {} digits that a spreadsheet rounded: the code is lost. Export the \
                 column as text again, in pandas read with dtype=str.",
                f.digits.len()
            ),
        ));
    }
    let mut codes = vec![String::new(); cells.clone().count()];
    let example = floats.iter().find(|(_, f)| !f.bare).map(|(row, f)| (*row, f.digits.clone()));
    floats.into_iter().for_each(|(row, f)| codes[row] = f.digits);
    let note = example.and_then(|(row, digits)| {
        let cell = cells.clone().nth(row)?;
        Some(format!("codes that had become numbers are read as digits: {cell} as {digits}"))
    });
    Ok(Meant { codes: Some(codes), note })
}

/// A whole number that was written as a float.
struct Float {
    digits: String,
    /// The digits that its mantissa shows.
    shown: usize,
    /// Whether it consists of digits alone.
    bare: bool,
}

fn float(cell: &str) -> Option<Float> {
    let (mantissa, exponent) = match cell.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.parse::<usize>().ok()?)),
        None => (cell, None),
    };
    // A decimal comma, where spreadsheets have one.
    let (whole, fraction) = mantissa.split_once(['.', ',']).unwrap_or((mantissa, ""));
    if whole.is_empty() || !are_digits(whole) || !are_digits(fraction) {
        return None;
    }
    let bare = exponent.is_none() && !mantissa.contains(['.', ',']);
    let Some(exponent) = exponent else {
        let zeros = fraction.bytes().all(|b| b == b'0');
        let (digits, shown) = (whole.to_string(), whole.len());
        return zeros.then_some(Float { digits, shown, bare });
    };
    let tail = fraction.trim_end_matches('0');
    if whole.len() != 1 || tail.len() > exponent || exponent > 1000 {
        return None;
    }
    let shown = 1 + fraction.len();
    let digits = format!("{whole}{tail}{}", "0".repeat(exponent - tail.len()));
    Some(Float { digits, shown, bare })
}

/// What separates thousands. A plain space separates decisions.
const GROUPS: [char; 5] = [',', '.', '\'', '\u{a0}', '\u{202f}'];

/// Whether a cell is up to three digits and then groups of three, with one mark between.
fn in_thousands(cell: &str) -> bool {
    let Some(mark) = cell.chars().find(|c| GROUPS.contains(c)) else {
        return (1..=3).contains(&cell.len()) && are_digits(cell);
    };
    let groups: Vec<&str> = cell.split(mark).collect();
    (1..=3).contains(&groups[0].len())
        && groups[1..].iter().all(|g| g.len() == 3)
        && groups.iter().all(|g| are_digits(g))
}

/// What to say about a cell that holds a date.
fn date(cell: &str) -> Option<String> {
    // A time may follow the day.
    let day = unquoted(cell).split([' ', 'T']).next().unwrap_or_default().to_ascii_lowercase();
    let parts: Vec<&str> = day.split(['-', '/', '.']).collect();
    let digits = |s: &str| !s.is_empty() && are_digits(s);
    let within = |s: &str, most: u32| {
        s.len() == 2 && digits(s) && s.parse().is_ok_and(|n: u32| n >= 1 && n <= most)
    };
    let months = "jan feb mar apr may jun jul aug sep oct nov dec";
    let month = |s: &str| s.len() >= 3 && months.split(' ').any(|m| s.starts_with(m));
    let is_date = match parts[..] {
        [y, m, d] if y.len() == 4 && digits(y) => within(m, 12) && within(d, 31),
        [a, b, y] if y.len() == 4 && digits(y) => within(a, 31) && within(b, 31),
        [a, b, y] if day.contains('/') => [a, b, y].iter().all(|s| digits(s)),
        _ => false,
    };
    let named = (2..=3).contains(&parts.len()) && parts.iter().any(|p| month(p));
    (is_date || named).then(|| {
        "is a date, which spreadsheets make of codes such as 3-1-2. Format the column as text before \
         the codes go into it, or write digits alone, as 312, or an apostrophe in front, as '3-1-2."
            .to_string()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(cells: &[&str]) -> Result<Option<Vec<String>>, String> {
        meant(cells.iter().copied()).map(|m| m.codes).map_err(|e| e.1)
    }

    #[test]
    fn floats_are_digits_again() {
        let read = |cells: &[&str]| of(cells).unwrap().unwrap();
        assert_eq!(read(&["102.0", "222.0"]), ["102", "222"]);
        assert_eq!(read(&["102.00", "", "12"]), ["102", "", "12"]);
        assert_eq!(read(&["102,0", "NA", "0,0"]), ["102", "", "0"]);
        assert_eq!(read(&["1,02E+02", "22,0"]), ["102", "22"]);
        assert_eq!(read(&["1.02E+2", "2.1e+02"]), ["102", "210"]);
        assert_eq!(read(&["4.21211e+05", "1E+05", "22"]), ["421211", "100000", "22"]);
        for plain in [
            vec!["102", "12"],
            vec!["1.0", "0.1"],
            vec!["1,0", "0,1"],
            vec!["0-1", "1-1"],
            vec!["x", "1.0"],
        ] {
            assert_eq!(of(&plain).unwrap(), None, "{plain:?}");
        }
        for lost in [vec!["1.23457E+11", "1E+05"], vec!["1234567890123456.0"], vec!["1.02E+3"]] {
            assert!(of(&lost).unwrap_err().contains("the code is lost"), "{lost:?}");
        }
    }

    #[test]
    fn dates_and_thousands_are_refused() {
        for date in
            ["2-Jan-03", "2003-01-02", "2003-01-02 00:00:00", "1/2/03", "02.01.2003", "Jan-03"]
        {
            assert!(of(&["0-1-2", date]).unwrap_err().contains("a date"), "{date}");
        }
        for text in ["421,211", "421.211", "421\u{a0}211", "1'021"] {
            assert!(of(&[text, "12"]).unwrap_err().contains("thousands"), "{text}");
        }
        for fine in
            ["0-12-3", "1000-3-2", "2003-1-2", "0.12.3", "0,120", "1 2 3", "3-14-15", "1 100"]
        {
            assert_eq!(of(&[fine, "0-1-2"]).unwrap(), None, "{fine}");
        }
    }

    #[test]
    fn marks_around_a_code() {
        for cell in ["012", " 012 ", "'012", "=\"012\"", "'012'", "\"012\"", "\"'012'\""] {
            assert_eq!(bare(cell), ("012", false), "{cell}");
        }
        for cell in ["[012]", "(012,)", "'[012]'", "{ 012 }"] {
            assert_eq!(bare(cell), ("012", true), "{cell}");
        }
        assert_eq!(bare("[0, 1, 2]"), ("0, 1, 2", true));
        assert_eq!(bare(""), ("", false));
    }
}
