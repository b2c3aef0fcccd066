//! Rank correlation: whether a cheap score puts architectures into the same order as the true one.
//!
//! Kendall's tau counts pairs, and Knight (A Computer Method for Calculating Kendall's Tau with
//! Ungrouped Data, JASA 61, 1966) counts them in O(n log n): sorted by `x`, the pairs in disorder are
//! the exchanges that a merge sort by `y` makes. With ties it is tau-b (Kendall, The Treatment of
//! Ties in Ranking Problems, Biometrika 33, 1945).
//!
//! ```text
//! n0 = n (n - 1) / 2                    all pairs
//! n1, n2, n3                            pairs tied in x, in y, in both
//! sort by (x, y);  D = exchanges of a merge sort by y
//! C - D = n0 - n1 - n2 + n3 - 2 D       pairs in order less pairs in disorder
//! tau_b = (C - D) / sqrt((n0 - n1) (n0 - n2))
//! ```
//!
//! Spearman's rho (1904) is Pearson's correlation of the ranks, tied values sharing their mean rank.

use super::summary::sorted;
use crate::error::{Error, Result};
use crate::words::plural;
use std::cmp::Ordering;

/// Kendall's rank correlation tau-b of two lists of the same length: 1 where both have the same order,
/// -1 where one is the reverse of the other, about 0 where they are unrelated.
/// Ties are accounted for; O(n log n). Like SciPy's `kendalltau`.
///
/// ```
/// use nascent::stats::kendall_tau;
/// assert_eq!(kendall_tau([1.0, 2.0, 3.0], [10.0, 20.0, 30.0])?, 1.0);
/// assert_eq!(kendall_tau(vec![1.0, 2.0, 3.0], [3.0, 2.0, 1.0])?, -1.0);
/// # Ok::<(), nascent::Error>(())
/// ```
///
/// # Errors
/// When the lists differ in length or have fewer than two values, a value is NaN, or all values of a
/// list are equal, so that they have no order.
pub fn kendall_tau(x: impl AsRef<[f64]>, y: impl AsRef<[f64]>) -> Result<f64> {
    tau("kendall_tau(x, y)", x.as_ref(), y.as_ref())
}

/// Spearman's rank correlation rho of two lists of the same length, from -1 to 1: the correlation of
/// their ranks, where equal values share the mean of theirs. Like SciPy's `spearmanr`.
///
/// ```
/// use nascent::stats::spearman;
/// assert_eq!(spearman([1.0, 2.0, 3.0], [1.0, 4.0, 9.0])?, 1.0);
/// # Ok::<(), nascent::Error>(())
/// ```
///
/// # Errors
/// As of [`kendall_tau`].
pub fn spearman(x: impl AsRef<[f64]>, y: impl AsRef<[f64]>) -> Result<f64> {
    rho("spearman(x, y)", x.as_ref(), y.as_ref())
}

/// The order of numbers that are not NaN; 0 and -0 are equal.
pub(super) fn order(a: &f64, b: &f64) -> Ordering {
    a.partial_cmp(b).unwrap_or(Ordering::Equal)
}

fn check(call: &str, x: &[f64], y: &[f64]) -> Result<()> {
    if x.len() != y.len() {
        return Err(Error::invalid(
            format!("{call} with {} and {} values", x.len(), y.len()),
            "both lists need the same length",
            "one value of each for every architecture",
        ));
    }
    if x.len() < 2 {
        return Err(Error::invalid(
            format!("{call} with {}", plural(x.len(), "value")),
            "an order needs at least two",
            "more architectures",
        ));
    }
    for (name, values) in [("x", x), ("y", y)] {
        if let Some(at) = values.iter().position(|v| v.is_nan()) {
            return Err(Error::invalid(
                format!("{call} with {name}[{at}] = NaN"),
                "NaN has no rank",
                "leaving out trials without a score",
            ));
        }
        if let Some(first) = values.first().filter(|first| values.iter().all(|v| v == *first)) {
            return Err(Error::invalid(
                format!("{call} where all of {name} is {first}"),
                "equal values have no order, so the correlation is undefined",
                "values that differ",
            ));
        }
    }
    Ok(())
}

fn tau(call: &str, x: &[f64], y: &[f64]) -> Result<f64> {
    check(call, x, y)?;
    let mut pairs: Vec<(f64, f64)> = x.iter().copied().zip(y.iter().copied()).collect();
    pairs.sort_unstable_by(|a, b| order(&a.0, &b.0).then(order(&a.1, &b.1)));
    let n0 = choose_two(pairs.len());
    let n1 = tied(&pairs, |a, b| a.0 == b.0);
    let n3 = tied(&pairs, |a, b| a == b);
    let mut by_y: Vec<f64> = pairs.into_iter().map(|p| p.1).collect();
    let exchanges = merge_sort(&mut by_y);
    let n2 = tied(&by_y, |a, b| a == b);
    let difference = (n0 + n3 - n1 - n2) as i128 - 2 * exchanges as i128;
    let both = ((n0 - n1) as f64 * (n0 - n2) as f64).sqrt();
    Ok((difference as f64 / both).clamp(-1.0, 1.0))
}

/// Pairs among `n`.
fn choose_two(n: usize) -> u128 {
    n as u128 * (n as u128).saturating_sub(1) / 2
}

/// Pairs of equal items in a sorted list.
fn tied<T>(sorted: &[T], equal: impl Fn(&T, &T) -> bool) -> u128 {
    sorted.chunk_by(equal).map(|run| choose_two(run.len())).sum()
}

/// Sorts, and returns how many exchanges of neighbours a bubble sort would have needed.
fn merge_sort(values: &mut [f64]) -> u128 {
    let (mut exchanges, mut width) = (0, 1);
    let mut merged = Vec::with_capacity(values.len());
    while width < values.len() {
        merged.clear();
        for both in values.chunks(2 * width) {
            let (mut left, mut right) = both.split_at(width.min(both.len()));
            while let (Some(a), Some(b)) = (left.first(), right.first()) {
                if order(a, b).is_le() {
                    merged.push(*a);
                    left = &left[1..];
                } else {
                    // It overtakes everything that is left of the other half.
                    exchanges += left.len() as u128;
                    merged.push(*b);
                    right = &right[1..];
                }
            }
            merged.extend(left);
            merged.extend(right);
        }
        values.copy_from_slice(&merged);
        width *= 2;
    }
    exchanges
}

fn rho(call: &str, x: &[f64], y: &[f64]) -> Result<f64> {
    check(call, x, y)?;
    let (x, y) = (ranks(x), ranks(y));
    let mean = (x.len() as f64 + 1.0) / 2.0;
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for (a, b) in x.iter().zip(&y) {
        let (a, b) = (a - mean, b - mean);
        (xx, yy, xy) = (xx + a * a, yy + b * b, xy + a * b);
    }
    Ok((xy / (xx * yy).sqrt()).clamp(-1.0, 1.0))
}

/// t^3 - t, for `t` equal ranks.
pub(super) fn cubic(t: usize) -> u128 {
    let t = t as u128;
    t * t * t - t
}

/// The sum of t^3 - t over the runs of t equal ranks.
pub(super) fn ties(ranks: &[f64]) -> u128 {
    sorted(ranks).chunk_by(|a, b| a == b).map(|run| cubic(run.len())).sum()
}

/// The ranks from 1 on; equal values have the mean of theirs.
pub(crate) fn ranks(values: &[f64]) -> Vec<f64> {
    let mut places: Vec<usize> = (0..values.len()).collect();
    places.sort_by(|&a, &b| order(&values[a], &values[b]));
    let (mut ranks, mut before) = (vec![0.0; values.len()], 0);
    for run in places.chunk_by(|&a, &b| values[a] == values[b]) {
        let mean = before as f64 + (run.len() as f64 + 1.0) / 2.0;
        run.iter().for_each(|&place| ranks[place] = mean);
        before += run.len();
    }
    ranks
}
