//! Names that were misspelt: which one was meant.

/// The name that is most like the given one, if any is like it at all: a few letters wrong, or the
/// beginning in common.
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
        // An abbreviation is no further away than two slips.
        let edits = if begins { edits.min(2) } else { edits };
        (alike || begins || common >= 4).then_some((edits, name))
    };
    names.iter().filter_map(|name| Some((far(&name)?, name))).min().map(|(_, name)| name)
}

/// Letters to put in, leave out, replace or swap with their neighbour (Damerau 1964).
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
