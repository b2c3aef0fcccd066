//! Several objectives at once: the points that no other beats, in fronts one behind the other.
//! Everything is minimised; in place of an accuracy stands the error.
//!
//! ```text
//! a dominates b    a_m <= b_m for all objectives m, and a_m < b_m for one
//! front 1          what nothing dominates;  front i + 1: what only fronts 1 to i dominate
//! crowding of i    sum over m of (next larger f_m - next smaller f_m) / (largest - smallest f_m)
//! ```
//!
//! Fronts and crowding are those of NSGA-II (Deb, Pratap, Agarwal, Meyarivan, IEEE Trans. Evolutionary
//! Computation 6, 2002). Deb keeps for each point all points that it dominates, which takes a gigabyte
//! for the 15,625 cells of NAS-Bench-201. We find the same fronts as Zhang, Tian, Cheng and Jin (An
//! Efficient Approach to Nondominated Sorting, IEEE Trans. Evolutionary Computation 19, 2015): in
//! lexicographic order no point is dominated by a later one, so each goes to the first front of which no
//! member dominates it.

use super::check::{self, Allowed};
use super::rank::order as order_of;
use crate::error::{Error, Result};
use std::cmp::Ordering;

/// The points that no other dominates, as row numbers in increasing order; of equal points, all are
/// kept. Rows are points, columns are objectives to be minimised. Infinity is allowed.
///
/// ```
/// use nascent::stats::pareto_front;
/// // Error and parameters in thousands.
/// let points = [[0.10, 50.0], [0.08, 90.0], [0.12, 60.0], [0.20, 10.0]];
/// assert_eq!(pareto_front(points)?, [0, 1, 3]);
/// # Ok::<(), nascent::Error>(())
/// ```
///
/// # Errors
/// When the rows differ in length or are empty, or a value is NaN.
pub fn pareto_front<R: AsRef<[f64]>>(points: impl AsRef<[R]>) -> Result<Vec<usize>> {
    let call = "pareto_front(points)";
    let rows = objectives(call, points.as_ref(), Allowed::Ordered)?;
    let mut front = front(&rows);
    front.sort_unstable();
    Ok(front)
}

/// All points, front by front from the best, each front as row numbers in increasing order.
///
/// ```
/// use nascent::stats::non_dominated_sort;
/// let points = [[1.0, 4.0], [2.0, 5.0], [4.0, 1.0], [5.0, 5.0]];
/// assert_eq!(non_dominated_sort(points)?, [vec![0, 2], vec![1], vec![3]]);
/// # Ok::<(), nascent::Error>(())
/// ```
///
/// # Errors
/// As of [`pareto_front`].
pub fn non_dominated_sort<R: AsRef<[f64]>>(points: impl AsRef<[R]>) -> Result<Vec<Vec<usize>>> {
    let call = "non_dominated_sort(points)";
    let rows = objectives(call, points.as_ref(), Allowed::Ordered)?;
    let mut fronts: Vec<Vec<usize>> = vec![];
    for point in lexicographic(&rows) {
        // Neighbours in the order are the most likely to dominate, so we start at the back.
        let dominated =
            |front: &&mut Vec<usize>| front.iter().rev().any(|&f| dominates(rows[f], rows[point]));
        match fronts.iter_mut().find(|front| !dominated(front)) {
            Some(front) => front.push(point),
            None => fronts.push(vec![point]),
        }
    }
    fronts.iter_mut().for_each(|front| front.sort_unstable());
    Ok(fronts)
}

/// How much room each point of a front has: the sum over the objectives of the distance between its
/// neighbours, divided by the range of the objective and by the number of objectives; infinite at both
/// ends of an objective, and for all points if there are only one or two. An objective in which all are
/// equal adds nothing. Like pymoo's `calc_crowding_distance`; Deb does not divide by the number of objectives.
///
/// ```
/// use nascent::stats::crowding_distance;
/// let front = [[0.0, 4.0], [1.0, 2.0], [4.0, 0.0]];
/// assert_eq!(crowding_distance(front)?, [f64::INFINITY, 1.0, f64::INFINITY]);
/// # Ok::<(), nascent::Error>(())
/// ```
///
/// # Errors
/// When the rows differ in length or are empty, or a value is not finite.
pub fn crowding_distance<R: AsRef<[f64]>>(front: impl AsRef<[R]>) -> Result<Vec<f64>> {
    let rows = objectives("crowding_distance(front)", front.as_ref(), Allowed::Finite)?;
    if rows.len() <= 2 {
        return Ok(vec![f64::INFINITY; rows.len()]);
    }
    let width = rows[0].len();
    let mut crowding = vec![0.0; rows.len()];
    for objective in 0..width {
        // Halves, so that no difference overflows.
        let half: Vec<f64> = rows.iter().map(|row| row[objective] / 2.0).collect();
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_by(|&a, &b| order_of(&half[a], &half[b]));
        let (first, last) = (order[0], order[order.len() - 1]);
        let range = half[last] - half[first];
        if range > 0.0 {
            crowding[first] = f64::INFINITY;
            crowding[last] = f64::INFINITY;
            for three in order.windows(3) {
                crowding[three[1]] += (half[three[2]] - half[three[0]]) / range / width as f64;
            }
        }
    }
    Ok(crowding)
}

/// The rows, with at least one objective each.
pub(super) fn objectives<'a, R: AsRef<[f64]>>(
    call: &str,
    points: &'a [R],
    allowed: Allowed,
) -> Result<Vec<&'a [f64]>> {
    let (rows, width) = check::table(call, "points", points, allowed)?;
    if width == 0 && !rows.is_empty() {
        return Err(Error::invalid(
            format!("{call} with {} rows of length 0", rows.len()),
            "at least one objective is needed",
            "a row for each point, a column for each objective",
        ));
    }
    Ok(rows)
}

/// The rows that no other dominates, in lexicographic order.
pub(super) fn front(rows: &[&[f64]]) -> Vec<usize> {
    let mut front: Vec<usize> = vec![];
    for point in lexicographic(rows) {
        if !front.iter().rev().any(|&f| dominates(rows[f], rows[point])) {
            front.push(point);
        }
    }
    front
}

fn dominates(a: &[f64], b: &[f64]) -> bool {
    a.iter().zip(b).all(|(a, b)| a <= b) && a != b
}

fn lexicographic(rows: &[&[f64]]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by(|&a, &b| {
        let differ = rows[a].iter().zip(rows[b]).map(|(a, b)| order_of(a, b));
        differ.fold(Ordering::Equal, Ordering::then)
    });
    order
}
