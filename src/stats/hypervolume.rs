//! How good a whole front is: the volume between its points and a reference point that all of them
//! should beat. Everything is minimised.
//!
//! It is computed exactly, by the exclusive volumes of While, Bradstreet and Barone (A Fast Way of
//! Calculating Exact Hypervolumes, IEEE Trans. Evolutionary Computation 16, 2012; WFG), with their slicing:
//!
//! ```text
//! sort p_1 ... p_n by the last objective, worst first
//! hv(p_1 ... p_n) = sum_i (r_d - p_i,d) (box(p_i) - hv({max(p_i, q) : q after p_i}))
//! ```
//!
//! `box` and the inner `hv` are of the other `d - 1` objectives, because the points after `p_i` are at
//! least as good in the last one. Most of the limited points `max(p_i, q)` are dominated by others, which
//! makes it fast. Two objectives are a sweep, O(n log n); `d` take O(n^(d-1) log n) at worst.

use super::check::{self, Allowed};
use super::pareto::{front, objectives};
use crate::error::{Error, Result};

/// The volume that the points dominate up to the `reference`, all objectives minimised: rows are
/// points, columns are objectives. A point that is not better than the reference in every objective adds
/// nothing, and neither do duplicates and dominated points; without points the volume is 0. Exact up to
/// rounding; like pymoo's `HV`. Its unit is the product of the units of the objectives, so bring these to
/// a common scale first.
///
/// ```
/// use nascent::stats::hypervolume;
/// assert_eq!(hypervolume([[1.0, 3.0], [2.0, 1.0], [3.0, 3.0]], [4.0, 4.0])?, 7.0);
/// # Ok::<(), nascent::Error>(())
/// ```
///
/// # Errors
/// When the reference has no objective, a row and the reference differ in length, or a value is
/// not finite.
pub fn hypervolume<R: AsRef<[f64]>>(
    points: impl AsRef<[R]>,
    reference: impl AsRef<[f64]>,
) -> Result<f64> {
    let call = "hypervolume(points, reference)";
    let reference = reference.as_ref();
    check::sample(call, "reference", reference, Allowed::Finite)?;
    let rows = objectives(call, points.as_ref(), Allowed::Finite)?;
    let (n, wanted) = (rows.first().map_or(reference.len(), |row| row.len()), reference.len());
    if n != wanted {
        return Err(Error::invalid(
            format!("{call} with {n} objectives and {wanted} of the reference"),
            "both need the same number",
            "a value of the reference for each column of the points",
        ));
    }
    let inside = |row: &&&[f64]| row.iter().zip(reference).all(|(v, r)| v < r);
    let points: Vec<f64> = rows.iter().filter(inside).copied().flatten().copied().collect();
    Ok(volume(&points, reference))
}

/// The hypervolume of the points so far, after each of them, divided by `unit`; `None` before the first. All objectives
/// are minimised, and a place without a point leaves the volume as it is. Computed again only when the front has changed.
pub(crate) fn volumes(
    points: impl Iterator<Item = Option<Vec<f64>>>,
    reference: &[f64],
    unit: f64,
) -> Vec<Option<f64>> {
    let mut front: Vec<Vec<f64>> = vec![];
    let mut volume = None;
    let covers = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| a <= b);
    let after = |point: Option<Vec<f64>>| {
        if let Some(point) = point.filter(|p| !front.iter().any(|kept| covers(kept, p))) {
            front.retain(|kept| !covers(&point, kept));
            front.push(point);
            // The same front has the same volume to the last bit, in whatever order it was found:
            // a rounding error must not count as a win.
            front.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
            volume = hypervolume(&front, reference).ok().map(|v| v / unit);
        }
        volume
    };
    points.map(after).collect()
}

/// The worst values of the points, as a reference, and the volume of the box from there to the best values, as a unit.
/// An objective in which all are equal still gets a side: otherwise no box would have a volume.
pub(crate) fn whole(points: impl Iterator<Item = Vec<f64>>, objectives: usize) -> (Vec<f64>, f64) {
    let mut worst = vec![f64::NEG_INFINITY; objectives];
    let mut best = vec![f64::INFINITY; objectives];
    for point in points {
        for (i, v) in point.into_iter().enumerate().take(objectives) {
            worst[i] = worst[i].max(v);
            best[i] = best[i].min(v);
        }
    }
    if !worst.iter().all(|v| v.is_finite()) {
        return (vec![0.0; objectives], 1.0);
    }
    let mut unit = 1.0;
    for (w, b) in worst.iter_mut().zip(&best) {
        if *w <= *b {
            *w += b.abs().max(1.0);
        }
        unit *= *w - b;
    }
    (worst, unit)
}

/// The volume of points within the reference; `points` holds one after the other.
fn volume(points: &[f64], reference: &[f64]) -> f64 {
    match reference {
        [] => 0.0,
        [r] => points.iter().fold(0.0, |most, p| (r - p).max(most)),
        [x, y] => area(points, *x, *y),
        [lower @ .., last] => {
            let d = lower.len();
            let mut rows: Vec<&[f64]> = points.chunks_exact(d + 1).collect();
            rows = front(&rows).into_iter().map(|i| rows[i]).collect();
            rows.dedup();
            rows.sort_by(|a, b| b[d].total_cmp(&a[d]));
            let (mut limited, mut sum) = (vec![], 0.0);
            for (i, p) in rows.iter().enumerate() {
                limited.clear();
                for q in &rows[i + 1..] {
                    limited.extend(p[..d].iter().zip(*q).map(|(p, q)| p.max(*q)));
                }
                let whole: f64 = lower.iter().zip(*p).map(|(r, p)| r - p).product();
                sum += (last - p[d]) * (whole - volume(&limited, lower));
            }
            sum
        }
    }
}

/// Two objectives: from the left, each point adds what it lies below the lowest so far.
fn area(points: &[f64], x: f64, y: f64) -> f64 {
    let mut pairs: Vec<&[f64]> = points.chunks_exact(2).collect();
    pairs.sort_unstable_by(|a, b| a[0].total_cmp(&b[0]));
    let (mut lowest, mut sum) = (y, 0.0);
    for pair in pairs {
        if pair[1] < lowest {
            sum += (x - pair[0]) * (lowest - pair[1]);
            lowest = pair[1];
        }
    }
    sum
}
