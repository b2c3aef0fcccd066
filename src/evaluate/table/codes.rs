//! The column of decisions: which architecture each row is about.

use super::spreadsheet::{bare, meant};
use crate::data::csv::is_missing;
use crate::data::numeral::are_digits;
use crate::threads;
use crate::tree::MOST_OPTIONS;
use std::collections::HashMap;

/// More decisions than this are a mistake, such as a column of text.
const MOST_DECISIONS: usize = 1000;

/// This many codes to read are worth a thread.
const WORTH: usize = 5_000;

/// What separates decisions of more than one digit, besides spaces.
const BETWEEN: [char; 4] = ['-', ',', ';', '.'];

/// The decisions of every row, and the row of any decisions.
pub(super) struct Codes {
    /// The options of each decision: one more than the largest number at its place.
    pub(super) arities: Vec<usize>,
    /// Row after row, and where each ends.
    flat: Vec<u32>,
    ends: Vec<usize>,
    rows: HashMap<Vec<u32>, usize>,
    /// Where codes differ in length, which only a space with conditional choices explains.
    pub(super) uneven: Option<String>,
    /// What had to be done to the column before it could be read, one line each.
    pub(super) notes: Vec<String>,
    /// Whether codes made only of digits may have lost leading zeros.
    pub(super) lost_zeros: bool,
}

impl Codes {
    /// The column `name` of a file of so many rows: its cells, and where each is, in words.
    pub(super) fn read<'a>(
        name: &str,
        rows: usize,
        stands: impl Fn(usize) -> &'a str + Clone + Sync,
        place: impl Fn(usize) -> String,
    ) -> Result<Codes, String> {
        let at = |row: usize, what: &str| {
            format!("{}, column {name:?}: {:?} {what}", place(row), stands(row))
        };
        let meant = meant((0..rows).map(stands.clone())).map_err(|(row, what)| at(row, &what))?;
        let cell = |row: usize| match &meant.codes {
            Some(codes) => &*codes[row],
            None => stands(row),
        };
        let all = |width: usize| {
            let code = |row| decisions(cell(row), width);
            Codes::collect(threads::map(rows, WORTH, code), at, &place)
        };
        let mut codes = all(0)?;
        if codes.uneven.is_some() {
            // No code of digits begins with a zero: were they numbers once?
            let digits = |c: &str| are_digits(c) && (c == "0" || !c.starts_with('0'));
            let lost = |row| matches!(bare(cell(row)), (code, false) if digits(code));
            codes.lost_zeros = (0..rows).all(lost);
        }
        if codes.lost_zeros {
            // If every combination has its row once zeros are put back, they were lost: that is not by
            // chance. The numbers up to 99 may all be combinations too, but just as well one choice.
            let width = codes.arities.len();
            match all(width) {
                Ok(whole) if whole.complete() && whole.arities.iter().any(|&n| n < 10) => {
                    let note = format!(
                        "leading zeros that codes had lost are put back: {width} digits each"
                    );
                    codes = Codes { notes: vec![note], ..whole };
                }
                _ => {
                    let lost = format!(" {}", codes.zeros(name));
                    codes.uneven.iter_mut().for_each(|what| what.push_str(&lost));
                }
            }
        }
        codes.notes.extend(meant.note);
        Ok(codes)
    }

    /// What to do about zeros that may have been lost.
    pub(super) fn zeros(&self, name: &str) -> String {
        format!(
            "If leading zeros were lost because the column was taken for numbers, write them again: \
             in pandas, df[{name:?}] = df[{name:?}].astype(int).astype(str).str.zfill({}).",
            self.arities.len()
        )
    }

    /// The codes of a table that is not in a file.
    pub(super) fn of(codes: Vec<Vec<u32>>) -> Result<Codes, String> {
        let texts: Vec<String> = codes.iter().map(|code| text(code)).collect();
        let place = |row: usize| format!("row {}", row + 1);
        let at = |row: usize, what: &str| format!("{}: {:?} {what}", place(row), texts[row]);
        Codes::collect(codes.into_iter().map(usable), at, place)
    }

    fn collect(
        each: impl IntoIterator<Item = Result<Vec<u32>, String>>,
        at: impl Fn(usize, &str) -> String,
        place: impl Fn(usize) -> String,
    ) -> Result<Codes, String> {
        let mut codes = Codes {
            arities: vec![],
            flat: vec![],
            ends: vec![],
            rows: HashMap::new(),
            uneven: None,
            notes: vec![],
            lost_zeros: false,
        };
        for (row, code) in each.into_iter().enumerate() {
            let code = code.map_err(|what| at(row, &what))?;
            if row == 0 {
                codes.arities = vec![1; code.len()];
            }
            if code.len() != codes.arities.len() && codes.uneven.is_none() {
                let what = format!(
                    "has {} decisions, and the first row has {}. Where a decision has more than ten \
                     options, write them all with - between, as in 0-12-3, or a single one as [12]. Where some choices open \
                     others, give the space that has them: .over(&space).",
                    code.len(),
                    codes.arities.len()
                );
                codes.uneven = Some(at(row, &what));
            }
            if code.len() > codes.arities.len() {
                codes.arities.resize(code.len(), 1);
            }
            for (arity, &pick) in codes.arities.iter_mut().zip(&code) {
                *arity = (*arity).max(pick as usize + 1);
            }
            codes.flat.extend(&code);
            codes.ends.push(codes.flat.len());
            if let Some(twin) = codes.rows.insert(code, row) {
                let twin = place(twin);
                let what = format!(
                    "is the architecture of {twin} as well. Keep one row of each, \
                     with a column for each repeat: .objectives([\"seed0\", \"seed1\"])."
                );
                return Err(at(row, &what));
            }
        }
        Ok(codes)
    }

    /// The row of an architecture's decisions. What has a single option is not a decision of a space,
    /// so a space may leave those out.
    pub(super) fn row(&self, decisions: &[u32]) -> Option<usize> {
        if self.uneven.is_some() || decisions.len() == self.arities.len() {
            return self.rows.get(decisions).copied();
        }
        let mut given = decisions.iter();
        let whole =
            self.arities.iter().map(|&n| if n == 1 { Some(0) } else { given.next().copied() });
        let whole: Vec<u32> = whole.collect::<Option<_>>()?;
        given.next().is_none().then(|| self.rows.get(&whole).copied())?
    }

    /// The decisions of a row.
    pub(super) fn whole(&self, row: usize) -> &[u32] {
        let begin = if row == 0 { 0 } else { self.ends[row - 1] };
        &self.flat[begin..self.ends[row]]
    }

    /// Those of them with more than one option, which a space may have alone.
    pub(super) fn open(&self, row: usize) -> Option<Vec<u32>> {
        let picks = self.whole(row).iter().zip(&self.arities);
        let open = picks.filter(|(_, arity)| **arity > 1).map(|(&pick, _)| pick);
        self.uneven.is_none().then(|| open.collect())
    }

    /// The code of a row as text.
    pub(super) fn text(&self, row: usize) -> String {
        text(self.whole(row))
    }

    /// How many decisions a code has, in words.
    pub(super) fn lengths(&self) -> String {
        let lengths = || (0..self.ends.len()).map(|row| self.whole(row).len());
        let (least, most) = (lengths().min().unwrap_or(0), lengths().max().unwrap_or(0));
        if least == most { most.to_string() } else { format!("{least} to {most}") }
    }

    /// Whether an architecture with this many decisions can be one of the table's.
    pub(super) fn takes(&self, decisions: usize) -> bool {
        let open = self.arities.iter().filter(|n| **n > 1).count();
        match self.uneven {
            Some(_) => (0..self.ends.len()).any(|row| self.whole(row).len() == decisions),
            None => decisions == self.arities.len() || decisions == open,
        }
    }

    /// Whether there is a row for every combination of the options.
    pub(super) fn complete(&self) -> bool {
        let all = self.arities.iter().try_fold(1usize, |n, &arity| n.checked_mul(arity));
        self.uneven.is_none() && all == Some(self.rows.len())
    }
}

/// Decisions as a cell would hold them.
fn text(code: &[u32]) -> String {
    let between = if code.iter().all(|&d| d < 10) { "" } else { "-" };
    code.iter().map(u32::to_string).collect::<Vec<_>>().join(between)
}

/// The decisions in a cell: digits, zero-padded to a width, or numbers with one of [`BETWEEN`]
/// between them.
fn decisions(cell: &str, width: usize) -> Result<Vec<u32>, String> {
    let (cell, is_list) = bare(cell);
    if is_missing(cell) {
        return Err("holds no decisions. Fill it, or drop the row.".into());
    }
    let others = |c: char| c.is_whitespace() || c != '.' && BETWEEN.contains(&c);
    let zeros = "0".repeat(width.saturating_sub(cell.len()));
    // "0, 3, 12": a space beside a comma separates nothing.
    let parts: Vec<&str> = if cell.contains(|c| c != '.' && BETWEEN.contains(&c)) {
        cell.split(|c| c != '.' && BETWEEN.contains(&c)).map(str::trim).collect()
    } else if cell.contains(char::is_whitespace) {
        cell.split_whitespace().collect()
    } else if is_list {
        vec![cell]
    } else if cell.contains('.') {
        cell.split('.').collect()
    } else {
        zeros.split("").chain(cell.split("")).filter(|digit| !digit.is_empty()).collect()
    };
    let lists = is_list || cell.contains(others);
    let number = |part: &&str| {
        // "0.0, 1.0": numbers that had become floats.
        let whole = match part.split_once('.') {
            Some((whole, rest)) if lists && rest.bytes().all(|b| b == b'0') => whole,
            _ => part,
        };
        whole.parse::<u32>().map_err(|_| {
            format!(
                "is not a list of decisions: {part:?} is not a whole number from 0 to {}. Write \
                 digits, as in 421211, or numbers with - between, as in 0-12-3.",
                MOST_OPTIONS - 1
            )
        })
    };
    usable(parts.iter().map(number).collect::<Result<_, _>>()?)
}

/// The decisions, if they are neither too many nor too large.
fn usable(code: Vec<u32>) -> Result<Vec<u32>, String> {
    if code.len() > MOST_DECISIONS {
        return Err(format!("has {} decisions; at most {MOST_DECISIONS} are read.", code.len()));
    }
    match code.iter().find(|d| **d as usize >= MOST_OPTIONS) {
        Some(d) => Err(format!("has a decision {d}; the largest allowed is {}.", MOST_OPTIONS - 1)),
        None => Ok(code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_decisions() {
        for text in ["0-3-12", "0,3,12", "0;3;12", "0 3 12", "0.3.12", " 0, 3, 12 ", "0; 3; 12"] {
            assert_eq!(decisions(text, 0).unwrap(), [0, 3, 12], "{text}");
        }
        assert_eq!(decisions("421211", 0).unwrap(), [4, 2, 1, 2, 1, 1]);
        for text in ["[0, 3, 12]", "(0, 3, 12)", "[0. 3. 12.]", "0.0, 3.0, 12.0", "'0-3-12"] {
            assert_eq!(decisions(text, 0).unwrap(), [0, 3, 12], "{text}");
        }
        assert_eq!(decisions("[12]", 0).unwrap(), [12]);
        assert_eq!(decisions("(12,)", 0).unwrap(), [12]);
        assert_eq!(decisions("211", 6).unwrap(), [0, 0, 0, 2, 1, 1]);
        for missing in ["", "NA", "nan", " null ", "-"] {
            assert!(decisions(missing, 0).unwrap_err().contains("Fill it"), "{missing}");
        }
        for bad in [
            "0.5, 1.0",
            "x",
            "4x1",
            "-1-2",
            "1--2",
            "1,,2",
            "1-2-",
            "1.5e3",
            "99999999999-1",
            "é",
            "1-100000",
        ] {
            assert!(decisions(bad, 0).is_err(), "{bad}");
        }
        assert!(decisions(&"1".repeat(1001), 0).is_err());
    }
}
