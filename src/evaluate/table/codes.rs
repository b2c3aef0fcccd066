//! The column of decisions: which architecture each row is about.

use super::sheet::Sheet;
use crate::nn::MOST_OPTIONS;
use std::collections::HashMap;

/// More decisions than this are a slip, such as a column of text.
const MOST_DECISIONS: usize = 1000;

/// What stands between decisions that are more than digits; spaces may, too.
const BETWEEN: [char; 4] = ['-', ',', ';', '.'];

/// The decisions of every row, and the row of any decisions.
pub(super) struct Codes {
    /// The options of each decision: one more than the largest number in the column.
    pub(super) arities: Vec<usize>,
    /// Row after row.
    flat: Vec<u32>,
    rows: HashMap<Vec<u32>, usize>,
}

impl Codes {
    pub(super) fn read(sheet: &Sheet, name: &str) -> Result<Codes, String> {
        let column = sheet.column(name)?;
        let mut codes = Codes { arities: vec![], flat: vec![], rows: HashMap::new() };
        for row in 0..sheet.rows() {
            let at = |what: String| {
                let line = sheet.line(row);
                format!("line {line}, column {name:?}: {:?} {what}", sheet.cell(row, column))
            };
            let code = decisions(sheet.cell(row, column)).map_err(at)?;
            if row == 0 {
                codes.arities = vec![1; code.len()];
            }
            if code.len() != codes.arities.len() {
                return Err(at(format!(
                    "has {} decisions, and the first row has {}. Where a decision has more than ten \
                     options, write them all with - between, as 0-12-3.",
                    code.len(),
                    codes.arities.len()
                )));
            }
            for (arity, &pick) in codes.arities.iter_mut().zip(&code) {
                *arity = (*arity).max(pick as usize + 1);
            }
            codes.flat.extend(&code);
            if let Some(twin) = codes.rows.insert(code, row) {
                return Err(at(format!(
                    "is the architecture of line {} as well. Keep one row of each.",
                    sheet.line(twin)
                )));
            }
        }
        Ok(codes)
    }

    /// The row of an architecture's decisions. What has a single option is no decision of a space,
    /// so a space may leave those out.
    pub(super) fn row(&self, decisions: &[u32]) -> Option<usize> {
        if decisions.len() == self.arities.len() {
            return self.rows.get(decisions).copied();
        }
        let mut given = decisions.iter();
        let whole =
            self.arities.iter().map(|&n| if n == 1 { Some(0) } else { given.next().copied() });
        let whole: Vec<u32> = whole.collect::<Option<_>>()?;
        given.next().is_none().then(|| self.rows.get(&whole).copied())?
    }

    /// The decisions of a row, as [`Codes::row`] takes them from a space.
    pub(super) fn of(&self, row: usize) -> Vec<u32> {
        let n = self.arities.len();
        let picks = self.flat[row * n..(row + 1) * n].iter().zip(&self.arities);
        picks.filter(|(_, arity)| **arity > 1).map(|(&pick, _)| pick).collect()
    }

    /// Whether an architecture with so many decisions can be one of the table's.
    pub(super) fn takes(&self, decisions: usize) -> bool {
        let open = self.arities.iter().filter(|n| **n > 1).count();
        decisions == self.arities.len() || decisions == open
    }

    /// Whether there is a row for every combination.
    pub(super) fn complete(&self) -> bool {
        let all = self.arities.iter().try_fold(1usize, |n, &arity| n.checked_mul(arity));
        all == Some(self.rows.len())
    }
}

/// The decisions in a cell: digits, or numbers with one of [`BETWEEN`] between them.
fn decisions(cell: &str) -> Result<Vec<u32>, String> {
    let cell = cell.trim();
    if cell.is_empty() {
        return Err("holds no decisions. Fill it, or drop the row.".into());
    }
    // "0, 3, 12": a space beside a comma separates nothing.
    let parts: Vec<&str> = if cell.contains(BETWEEN) {
        cell.split(BETWEEN).map(str::trim).collect()
    } else if cell.contains(' ') {
        cell.split_whitespace().collect()
    } else {
        cell.split("").filter(|digit| !digit.is_empty()).collect()
    };
    if parts.len() > MOST_DECISIONS {
        return Err(format!("has {} decisions; at most {MOST_DECISIONS} are read.", parts.len()));
    }
    let number = |part: &&str| match part.parse::<u32>() {
        Ok(n) if (n as usize) < MOST_OPTIONS => Ok(n),
        Ok(_) => {
            Err(format!("has a decision {part}; the largest allowed is {}.", MOST_OPTIONS - 1))
        }
        Err(_) => Err(format!(
            "is no list of decisions: {part:?} is no whole number from 0 to {}. Write digits, as \
             421211, or numbers with - between, as 0-12-3.",
            MOST_OPTIONS - 1
        )),
    };
    parts.iter().map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_decisions() {
        for text in ["0-3-12", "0,3,12", "0;3;12", "0 3 12", "0.3.12", " 0, 3, 12 ", "0; 3; 12"] {
            assert_eq!(decisions(text).unwrap(), [0, 3, 12], "{text}");
        }
        assert_eq!(decisions("421211").unwrap(), [4, 2, 1, 2, 1, 1]);
        for bad in [
            "",
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
            assert!(decisions(bad).is_err(), "{bad}");
        }
        assert!(decisions(&"1".repeat(1001)).is_err());
    }
}
