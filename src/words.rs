//! Words and numbers for people, and suggestions for misspelt names.

use crate::error::{Error, Result};

/// The text with its first letter in upper case.
pub(crate) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first: String = letters.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
    first + letters.as_str()
}

/// A count for people: `950`, `12.3 k`, `1.2 M`.
///
/// ```
/// use nascent::chart::theme::human_count;
/// assert_eq!(human_count(950.0), "950");
/// assert_eq!(human_count(12_345.0), "12.3 k");
/// assert_eq!(human_count(1_200_000.0), "1.2 M");
/// ```
pub fn human_count(value: f64) -> String {
    if !value.is_finite() {
        return "–".into();
    }
    let size = value.abs();
    if size < 999.5 {
        return trim(format!("{value:.*}", if size < 10.0 { 2 } else { 0 }));
    }
    let (unit, name) = [(1e3, "k"), (1e6, "M"), (1e9, "G"), (1e12, "T")]
        .into_iter()
        .rfind(|(unit, _)| size >= unit * 0.9995)
        .unwrap_or((1e3, "k"));
    let scaled = value / unit;
    if scaled.abs() >= 1e4 {
        return format!("{value:.1e}");
    }
    let digits = if scaled.abs() < 99.95 { 1 } else { 0 };
    format!("{} {name}", trim(format!("{scaled:.digits$}")))
}

/// A duration for people: `35 ms`, `4.2 s`, `3 min 20 s`, `2 h 05 min`.
///
/// ```
/// use nascent::chart::theme::human_seconds;
/// assert_eq!(human_seconds(0.035), "35 ms");
/// assert_eq!(human_seconds(200.0), "3 min 20 s");
/// ```
pub fn human_seconds(seconds: f64) -> String {
    if !seconds.is_finite() {
        return "–".into();
    }
    let size = seconds.abs();
    match size {
        _ if size == 0.0 => "0 s".into(),
        _ if size < 0.01 => format!("{:.1} ms", seconds * 1e3),
        _ if size < 0.9995 => format!("{:.0} ms", seconds * 1e3),
        _ if size < 9.95 => format!("{seconds:.1} s"),
        _ if size < 59.5 => format!("{seconds:.0} s"),
        _ if size < 3599.5 => {
            let whole = seconds.round();
            match (whole / 60.0).trunc() {
                m if (whole % 60.0) == 0.0 => format!("{m} min"),
                m => format!("{m} min {:02} s", (whole % 60.0).abs()),
            }
        }
        _ if size < 1e9 => {
            let minutes = (seconds / 60.0).round();
            format!("{} h {:02} min", (minutes / 60.0).trunc(), (minutes % 60.0).abs())
        }
        _ => format!("{seconds:.1e} s"),
    }
}

/// A score with enough digits to tell two good networks apart: `0.9871`, `23.45`, `1.2e-5`.
///
/// ```
/// assert_eq!(nascent::chart::theme::score(0.98714), "0.9871");
/// ```
pub fn score(value: f64) -> String {
    if !value.is_finite() {
        return "–".into();
    }
    match value.abs() {
        0.0 => "0".into(),
        s if s < 1e-3 => format!("{value:.1e}"),
        s if s < 10.0 => format!("{value:.4}"),
        s if s < 1e3 => format!("{value:.2}"),
        s if s < 1e6 => format!("{value:.0}"),
        _ => format!("{value:.2e}"),
    }
}

/// A place on an axis: the number as it is, unless it is too long to read.
pub(crate) fn number(value: f64) -> String {
    match value == 0.0 || (1e-4..1e9).contains(&value.abs()) {
        true => trim(format!("{value:.4}")),
        false => format!("{value:.1e}"),
    }
}

/// The number without needless zeros at the end of its decimals.
pub(crate) fn trim(number: String) -> String {
    match number.contains('.') && !number.contains('e') {
        true => number.trim_end_matches('0').trim_end_matches('.').to_string(),
        false => number,
    }
}

/// Whether a value can be drawn at all.
pub(crate) fn usable(value: f64) -> bool {
    value.is_finite()
}

/// "higher is better" or "lower is better".
pub(crate) fn direction(maximise: bool) -> &'static str {
    if maximise { "higher is better" } else { "lower is better" }
}

/// `1 trial`, `2 trials`.
pub(crate) fn plural(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

/// A time that moves while it is read: whole seconds, and from a minute on as in [`human_seconds`].
pub(crate) fn clock(seconds: f64) -> String {
    if seconds < 59.5 { format!("{:.0} s", seconds.max(0.0)) } else { human_seconds(seconds) }
}

/// 12345 as "12,345".
pub(crate) fn thousands(n: u128) -> String {
    let mut out = n.to_string();
    for at in (1..out.len()).rev().skip(2).step_by(3) {
        out.insert(at, ',');
    }
    out
}

/// A number of bytes for people.
pub(crate) fn memory_size(bytes: usize) -> String {
    match bytes as f64 {
        b if b < 1e9 => format!("{:.1} MB", b / 1e6),
        b => format!("{:.1} GB", b / 1e9),
    }
}

/// The name of a type without its path, for types without a description.
pub(crate) fn short_type_name<T: ?Sized>() -> String {
    let whole = std::any::type_name::<T>();
    whole.rsplit("::").next().unwrap_or(whole).to_string()
}

/// The name most similar to the given one, if any is similar: a few letters differ, or they begin alike.
pub(crate) fn nearest<'n>(given: &str, names: &'n [String]) -> Option<&'n String> {
    let given = given.to_lowercase();
    let far = |name: &&String| {
        let name = name.to_lowercase();
        let common = given.chars().zip(name.chars()).take_while(|(a, b)| a == b).count();
        let (short, long) = (given.chars().count(), name.chars().count());
        let (short, long) = (short.min(long), short.max(long));
        let edits = distance(&given, &name);
        let begins = common >= 3 && common == short;
        let alike = edits <= (long / 3).max(1).min(short.saturating_sub(1));
        // An abbreviation counts as two typing errors at most.
        let edits = if begins { edits.min(2) } else { edits };
        (alike || begins || common >= 4).then_some((edits, name))
    };
    names.iter().filter_map(|name| Some((far(&name)?, name))).min().map(|(_, name)| name)
}

/// A name as names are compared: small letters, with hyphens for spaces and underscores.
fn folded(name: &str) -> String {
    name.trim().to_lowercase().replace(['_', ' '], "-")
}

/// Which of the names of a table is meant, in capital letters or small ones.
///
/// # Errors
/// When none is.
pub(crate) fn which(what: &str, given: &str, names: &[&str]) -> Result<usize> {
    let at = names.iter().position(|name| folded(name) == folded(given));
    at.ok_or_else(|| unknown(what, given, names))
}

/// What is said of a name that is not in a table: the most similar one, and all.
pub(crate) fn unknown(what: &str, given: &str, names: &[&str]) -> Error {
    let wanted = folded(given);
    let known: Vec<String> = names.iter().map(|name| folded(name)).collect();
    // "SuccessiveHalving" for "halving".
    let part =
        || known.iter().filter(|n| n.len() > 3 && wanted.contains(*n)).max_by_key(|n| n.len());
    let meant = nearest(&wanted, &known).or_else(part);
    let meant = meant.and_then(|meant| known.iter().position(|name| name == meant));
    let first = meant.map_or(String::new(), |i| format!("{:?}, or another of ", names[i]));
    let all = names.join(", ");
    Error::invalid(
        format!("{what} {given:?}"),
        "there is none of that name",
        format!("{first}{all}"),
    )
}

/// How many letters must be inserted, left out, replaced or swapped with a neighbour (Damerau 1964).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let other = usize::from(a[i - 1] != b[j - 1]);
            let mut least =
                (row[j - 1] + 1).min(rows[i - 1][j] + 1).min(rows[i - 1][j - 1] + other);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_another_spelling_and_one_that_is_not_there() {
        let names = ["random", "halving", "freeze-thaw", "tpe", "global_avg_pool"];
        for (given, at) in [("Random", 0), ("freeze_thaw", 2), (" TPE ", 3), ("global avg pool", 4)]
        {
            assert_eq!(which("strategy", given, &names).unwrap(), at, "{given}");
        }
        let says = |given: &str| which("strategy", given, &names).unwrap_err().to_string();
        for (given, meant) in
            [("rnadom", "random"), ("SuccessiveHalving", "halving"), ("freezethaw", "freeze-thaw")]
        {
            let text = says(given);
            assert!(text.contains(&format!("Try {meant:?}, or another of random, ")), "{text}");
        }
        assert!(says("zzz").contains("Try random, halving, "), "{}", says("zzz"));
        assert!(says("").contains("strategy \"\": there is none"), "{}", says(""));
    }

    #[test]
    fn the_name_that_was_meant() {
        let names = ["accuracy", "loss", "params", "macs", "seconds", "r2"].map(String::from);
        for (given, meant) in [
            ("acuracy", Some("accuracy")),
            ("Accuracy", Some("accuracy")),
            ("acc", Some("accuracy")),
            ("lsos", Some("loss")),
            ("parms", Some("params")),
            ("parameters", Some("params")),
            ("mac", Some("macs")),
            ("time", None),
            ("latency", None),
            ("", None),
        ] {
            assert_eq!(nearest(given, &names).map(String::as_str), meant, "{given}");
        }
        assert_eq!((distance("kitten", "sitting"), distance("ab", "ba")), (3, 1));
    }
}
