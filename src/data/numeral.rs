//! Numbers as people write them: `1.5`, `1,5`, `1,234.5`, `1.234,5`, `1 234,5`.
//!
//! Some numbers leave no doubt about their marks: `12,5` has a decimal comma, and `1,234,567` has
//! commas between thousands; `1,234` may have either. So a column is looked at as a whole, then the
//! file; if both leave the question open, that is an error.

/// What the fields of a column say about its marks.
#[derive(Clone, Default)]
pub(crate) struct Marks {
    /// The first field that has to be read with a decimal point, and the first with a decimal comma.
    point: Option<String>,
    comma: Option<String>,
    /// The first fields whose only mark may either be decimal or separate thousands.
    unsure_point: Option<String>,
    unsure_comma: Option<String>,
}

/// The mark before the decimals.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Decimal {
    Point,
    Comma,
}

/// A number as programs write it: what 64 bits hold of it, and what is left of a whole number of more
/// than 15 digits. Nothing where it is not a finite number.
pub(crate) fn plain(field: &str) -> Option<(f64, f64)> {
    let high: f64 = field.parse().ok().filter(|v: &f64| v.is_finite())?;
    // Data frames write whole numbers beside missing ones with a point.
    let digits = match field.split_once('.') {
        Some((digits, zeros)) if zeros.bytes().all(|b| b == b'0') => digits,
        _ => field,
    };
    let whole = if high.abs() < 9e15 { None } else { digits.parse::<i128>().ok() };
    Some((high, whole.map_or(0.0, |w| (w - high as i128) as f64)))
}

/// Whether a text has digits alone, or is empty.
pub(crate) fn are_digits(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

/// The parts of what may be a number: sign, digits with marks, exponent.
fn parts(field: &str) -> Option<(bool, &str, &str)> {
    let (negative, rest) = match field.strip_prefix(['-', '\u{2212}']) {
        Some(rest) => (true, rest),
        None => (false, field.strip_prefix('+').unwrap_or(field)),
    };
    let (body, exponent) = rest.split_at(rest.find(['e', 'E']).unwrap_or(rest.len()));
    let digits = exponent.strip_prefix(['e', 'E']).map(|e| e.strip_prefix(['-', '+']).unwrap_or(e));
    if digits.is_some_and(|d| d.is_empty() || !are_digits(d))
        || !body.contains(|c: char| c.is_ascii_digit())
    {
        return None;
    }
    let known = |c: char| c.is_ascii_digit() || c == '.' || c == ',' || BETWEEN.contains(&c);
    body.chars().all(known).then_some((negative, body, exponent))
}

/// What stands between thousands and is never decimal.
const BETWEEN: [char; 6] = [' ', '\u{a0}', '\u{202f}', '\u{2009}', '\'', '\u{2019}'];

/// Digits without the marks between thousands, if those are where they belong.
fn ungrouped(digits: &str, mark: char) -> Option<String> {
    let marks = |c: char| c == mark || BETWEEN.contains(&c);
    let groups: Vec<&str> = digits.split(marks).collect();
    let fine = groups.len() == 1
        || (1..=3).contains(&groups[0].len()) && groups[1..].iter().all(|g| g.len() == 3);
    (fine && groups.iter().all(|g| are_digits(g))).then(|| groups.concat())
}

/// A number with this decimal mark, and the other one, if any, between thousands.
pub(crate) fn read(field: &str, decimal: Decimal) -> Option<(f64, f64)> {
    let (negative, body, exponent) = parts(field)?;
    let (mark, other) = match decimal {
        Decimal::Point => ('.', ','),
        Decimal::Comma => (',', '.'),
    };
    let (whole, fraction) = body.split_once(mark).unwrap_or((body, ""));
    if !are_digits(fraction) {
        return None;
    }
    let whole = ungrouped(whole, other)?;
    let sign = if negative { "-" } else { "" };
    plain(&match fraction {
        "" => format!("{sign}{whole}{exponent}"),
        _ => format!("{sign}{whole}.{fraction}{exponent}"),
    })
}

/// A number as programs write it or, with a decimal mark, as [`read`] takes it.
pub(crate) fn read_as(field: &str, decimal: Option<Decimal>) -> Option<(f64, f64)> {
    decimal.map_or_else(|| plain(field), |decimal| read(field, decimal))
}

/// Whether a field that is not a number in a program may be one with other marks.
pub(crate) fn may_be_number(field: &str) -> bool {
    read(field, Decimal::Point).is_some() || read(field, Decimal::Comma).is_some()
}

impl Marks {
    /// Looks at a field.
    pub(crate) fn see(&mut self, field: &str) {
        let place = match (read(field, Decimal::Point), read(field, Decimal::Comma)) {
            (Some(a), Some(b)) if a == b => return,
            (Some(_), Some(_)) if field.contains(',') => &mut self.unsure_comma,
            (Some(_), Some(_)) => &mut self.unsure_point,
            (Some(_), None) => &mut self.point,
            (None, Some(_)) => &mut self.comma,
            (None, None) => return,
        };
        place.get_or_insert_with(|| field.to_string());
    }

    /// What two columns say together.
    pub(crate) fn and(&self, other: &Marks) -> Marks {
        let first = |a: &Option<String>, b: &Option<String>| a.clone().or(b.clone());
        Marks {
            point: first(&self.point, &other.point),
            comma: first(&self.comma, &other.comma),
            unsure_point: first(&self.unsure_point, &other.unsure_point),
            unsure_comma: first(&self.unsure_comma, &other.unsure_comma),
        }
    }

    /// The decimal mark of a column with these marks, in a file with those.
    ///
    /// # Errors
    /// When it is not certain, with what to do.
    pub(crate) fn decimal(&self, file: &Marks) -> Result<Decimal, String> {
        let both = |a: &str, b: &str| {
            Err(format!(
                "{a:?} and {b:?} cannot both be read with the same decimal mark. Write all numbers \
                 with a decimal point, and nothing between thousands."
            ))
        };
        let unsure = |field: &str| {
            let of = |decimal| read(field, decimal).map_or(f64::NAN, |v| v.0);
            Err(format!(
                "{field:?} may be {} or {}. Write numbers with a decimal point, and nothing between \
                 thousands.",
                of(Decimal::Point),
                of(Decimal::Comma)
            ))
        };
        let says = |marks: &Marks| match (&marks.point, &marks.comma) {
            (Some(_), None) => Some(Decimal::Point),
            (None, Some(_)) => Some(Decimal::Comma),
            _ => None,
        };
        match (&self.point, &self.comma, &self.unsure_point, &self.unsure_comma) {
            (Some(a), Some(b), ..) => both(a, b),
            (Some(_), ..) => Ok(Decimal::Point),
            (_, Some(_), ..) => Ok(Decimal::Comma),
            (_, _, Some(a), Some(b)) => both(a, b),
            (_, _, _, Some(field)) => says(file).map_or_else(|| unsure(field), Ok),
            // As programs write it, unless the file says otherwise.
            (_, _, Some(field), _) if says(file) == Some(Decimal::Comma) => unsure(field),
            _ => Ok(Decimal::Point),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(fields: &[&str]) -> Result<Vec<f64>, String> {
        let mut marks = Marks::default();
        fields.iter().for_each(|f| marks.see(f));
        let decimal = marks.decimal(&marks)?;
        Ok(fields.iter().map(|f| read(f, decimal).map_or(f64::NAN, |v| v.0)).collect())
    }

    #[test]
    fn marks_are_told_apart_by_the_column() {
        assert_eq!(of(&["1,5", "2,25", "1,234"]).unwrap(), [1.5, 2.25, 1.234]);
        assert_eq!(of(&["1.234,5", "2", "1.234"]).unwrap(), [1234.5, 2.0, 1234.0]);
        assert_eq!(of(&["1,234.5", "1,234", "999"]).unwrap(), [1234.5, 1234.0, 999.0]);
        assert_eq!(of(&["1,234,567", "1,234"]).unwrap(), [1_234_567.0, 1234.0]);
        assert_eq!(of(&["1 234,5", "-1\u{a0}234"]).unwrap(), [1234.5, -1234.0]);
        assert_eq!(of(&["1'234.5", "\u{2212}2"]).unwrap(), [1234.5, -2.0]);
        assert_eq!(of(&["0,125", ",5", "1,5e3"]).unwrap(), [0.125, 0.5, 1500.0]);
        assert_eq!(of(&["1.234", "2.5", "1e3"]).unwrap(), [1.234, 2.5, 1000.0]);
        assert_eq!(of(&["1.234"]).unwrap(), [1.234]);
        assert!(of(&["1,234", "999"]).unwrap_err().contains("may be 1234 or 1.234"));
        assert!(of(&["1,5", "2.5"]).unwrap_err().contains("cannot both"));
        assert!(of(&["1,234", "1.234"]).unwrap_err().contains("cannot both"));
        for word in ["", "x", "1,2,3", "1.2.3", "12,34,567", "1-2", "inf", "nan", "1e", "1,", "--1"]
        {
            let read = [Decimal::Point, Decimal::Comma].map(|d| read(word, d));
            assert!(word == "1," || read == [None, None], "{word}: {read:?}");
        }
    }

    #[test]
    fn another_column_may_decide() {
        let marks = |field: &str| {
            let mut marks = Marks::default();
            marks.see(field);
            marks
        };
        let (unsure, dots) = (marks("1,234"), marks("1.234"));
        let (comma, point) = (marks("12,5"), marks("12.5"));
        assert_eq!(unsure.decimal(&unsure.and(&comma)), Ok(Decimal::Comma));
        assert_eq!(unsure.decimal(&unsure.and(&point)), Ok(Decimal::Point));
        assert!(unsure.decimal(&unsure.and(&point).and(&comma)).is_err());
        assert!(dots.decimal(&dots.and(&comma)).is_err());
        assert_eq!(dots.decimal(&dots.and(&point)), Ok(Decimal::Point));
    }

    #[test]
    fn long_whole_numbers_keep_every_digit() {
        assert_eq!(plain("1700000000000000001"), Some((1.7e18, 1.0)));
        assert_eq!(plain("-1700000000000000001"), Some((-1.7e18, -1.0)));
        assert_eq!(plain("1700000000000000001.0"), Some((1.7e18, 1.0)));
        assert_eq!(plain("1e18"), Some((1e18, 0.0)));
        assert_eq!(plain("1e999"), None);
    }
}
