//! Points in a plane whose distances are near to given ones: classical multidimensional scaling.
//!
//! Torgerson, "Multidimensional scaling: I. Theory and method", Psychometrika 17, 1952. Of `n` points with the
//! distances `d_ij`:
//!
//! ```text
//! B        = -1/2 (I - 1 1^T / n) (d_ij^2) (I - 1 1^T / n)      inner products around the mean, if there are such points
//! l_k, v_k = the two largest eigenvalues of B, and their eigenvectors of length 1
//! x_ik     = sqrt(l_k) v_ik
//! ```
//!
//! Further points are placed by their distances `e_i` to these, the landmarks: de Silva and Tenenbaum, "Sparse
//! multidimensional scaling using landmark points", Stanford, 2004.
//!
//! ```text
//! y_k      = -1/2 sum_i v_ik (e_i^2 - mean_j d_ij^2) / sqrt(l_k)
//! ```
//!
//! The eigenvectors come from a block Krylov space of `B` (Musco and Musco, arXiv 1504.05477) and the Jacobi method in
//! it. A block, because architectures that differ in single decisions have many equal eigenvalues; a Krylov space,
//! because `B` may have negative ones, which power iteration would find as well.

use crate::interrupt;
use crate::rng::Rng;

/// Vectors in a block, and multiplications of each by `B`.
const BLOCK: usize = 6;
const STEPS: usize = 9;

/// A plane through points of which only the distances are known.
#[derive(Clone, Debug)]
pub(crate) struct Plane {
    /// For each landmark, the mean of its squared distances.
    means: Vec<f64>,
    /// `v_k / sqrt(l_k)`; zeros where there is no such direction.
    axes: [Vec<f64>; 2],
}

impl Plane {
    /// The plane of some landmarks, by the symmetric matrix of their distances. The same distances give the same
    /// plane: its directions are not turned at random.
    pub(crate) fn of(distances: &[Vec<f64>]) -> Plane {
        let n = distances.len();
        let squares: Vec<Vec<f64>> =
            distances.iter().map(|row| row.iter().map(|d| d * d).collect()).collect();
        let share = 1.0 / n.max(1) as f64;
        let means: Vec<f64> = squares.iter().map(|row| row.iter().sum::<f64>() * share).collect();
        let whole = means.iter().sum::<f64>() * share;
        let b: Vec<Vec<f64>> = (0..n)
            .map(|i| (0..n).map(|j| -0.5 * (squares[i][j] - means[i] - means[j] + whole)).collect())
            .collect();
        let mut found = largest(&b).into_iter();
        let least = found.as_slice().first().map_or(0.0, |first| first.0 * 1e-9);
        let mut axis = || match found.next() {
            Some((value, mut vector)) if value > least => {
                // The largest element points to the right and upwards.
                let most =
                    vector.iter().fold(0.0, |m: f64, v| if v.abs() > m.abs() { *v } else { m });
                let length = value.sqrt() * most.signum();
                vector.iter_mut().for_each(|v| *v /= length);
                vector
            }
            _ => vec![0.0; n],
        };
        Plane { means, axes: [axis(), axis()] }
    }

    /// Where a point lies, by its distances to the landmarks; a landmark lies where Torgerson's method puts it.
    pub(crate) fn place(&self, distances: impl Iterator<Item = f64>) -> (f64, f64) {
        let (mut x, mut y) = (0.0, 0.0);
        for (((d, mean), v), w) in distances.zip(&self.means).zip(&self.axes[0]).zip(&self.axes[1])
        {
            let inner = -0.5 * (d * d - mean);
            (x, y) = (x + inner * v, y + inner * w);
        }
        (x, y)
    }
}

/// The two largest eigenvalues of a symmetric matrix with their eigenvectors, as far as it has so many.
fn largest(b: &[Vec<f64>]) -> Vec<(f64, Vec<f64>)> {
    let n = b.len();
    let times = |v: &Vec<f64>| b.iter().map(|row| dot(row, v)).collect::<Vec<f64>>();
    let mut rng = Rng::from_u64(1952);
    let mut block: Vec<Vec<f64>> =
        (0..BLOCK.min(n)).map(|_| (0..n).map(|_| rng.normal()).collect()).collect();
    let mut basis: Vec<Vec<f64>> = vec![];
    for _ in 0..=STEPS {
        interrupt::point();
        let from = basis.len();
        for vector in block {
            basis.extend(perpendicular(vector, &basis));
        }
        block = basis[from..].iter().map(times).collect();
    }
    let images: Vec<Vec<f64>> = basis.iter().map(times).collect();
    let within = basis.iter().map(|u| images.iter().map(|w| dot(u, w)).collect()).collect();
    let (values, vectors) = jacobi(within);
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&i, &j| values[j].total_cmp(&values[i]));
    let whole = |&k: &usize| {
        let mut sum = vec![0.0; n];
        for (u, parts) in basis.iter().zip(&vectors) {
            sum.iter_mut().zip(u).for_each(|(s, u)| *s += parts[k] * u);
        }
        (values[k], sum)
    };
    order.iter().take(2).map(whole).collect()
}

/// What of a vector is perpendicular to the basis, with length 1; nothing where that is only rounding.
fn perpendicular(mut v: Vec<f64>, basis: &[Vec<f64>]) -> Option<Vec<f64>> {
    let before = dot(&v, &v).sqrt();
    // Once is not enough in floating-point numbers; twice is (Kahan and Parlett).
    for _ in 0..2 {
        for u in basis {
            let part = dot(u, &v);
            v.iter_mut().zip(u).for_each(|(v, u)| *v -= part * u);
        }
    }
    let length = dot(&v, &v).sqrt();
    if length.is_nan() || length <= 1e-9 * before {
        return None;
    }
    v.iter_mut().for_each(|v| *v /= length);
    Some(v)
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The eigenvalues of a small symmetric matrix, and its eigenvectors as columns, by plane rotations (Jacobi 1846; Golub
/// and Van Loan, "Matrix Computations", section 8.5).
fn jacobi(mut a: Vec<Vec<f64>>) -> (Vec<f64>, Vec<Vec<f64>>) {
    let n = a.len();
    let one = |i: usize| (0..n).map(|j| f64::from(u8::from(i == j))).collect();
    let mut v: Vec<Vec<f64>> = (0..n).map(one).collect();
    // It converges quadratically: few sweeps are needed.
    for _ in 0..30 {
        let square = |i: usize, j: usize| a[i][j] * a[i][j];
        let off: f64 =
            (0..n).flat_map(|i| (0..i).map(move |j| (i, j))).map(|(i, j)| square(i, j)).sum();
        let diagonal: f64 = (0..n).map(|i| square(i, i)).sum();
        if off.is_nan() || off <= 1e-28 * diagonal {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                if a[p][q] == 0.0 {
                    continue;
                }
                let theta = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
                let t = theta.signum() / (theta.abs() + theta.hypot(1.0));
                let c = 1.0 / t.hypot(1.0);
                let turn = |x: f64, y: f64| (c * (x - t * y), c * (t * x + y));
                for row in a.iter_mut().chain(&mut v) {
                    (row[p], row[q]) = turn(row[p], row[q]);
                }
                let (upper, lower) = a.split_at_mut(q);
                for (x, y) in upper[p].iter_mut().zip(&mut lower[0]) {
                    (*x, *y) = turn(*x, *y);
                }
            }
        }
    }
    ((0..n).map(|i| a[i][i]).collect(), v)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(points: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let d = |a: &Vec<f64>, b: &Vec<f64>| {
            a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
        };
        points.iter().map(|a| points.iter().map(|b| d(a, b)).collect()).collect()
    }

    fn places(d: &[Vec<f64>]) -> Vec<(f64, f64)> {
        let plane = Plane::of(d);
        d.iter().map(|row| plane.place(row.iter().copied())).collect()
    }

    #[test]
    fn points_of_a_plane_keep_their_distances() {
        let mut rng = Rng::new(1);
        let points: Vec<Vec<f64>> =
            (0..120).map(|_| vec![3.0 * rng.normal(), rng.normal() + 5.0]).collect();
        let d = matrix(&points);
        let found: Vec<Vec<f64>> = places(&d).into_iter().map(|(x, y)| vec![x, y]).collect();
        for (a, b) in matrix(&found).iter().flatten().zip(d.iter().flatten()) {
            assert!((a - b).abs() < 1e-8, "{a} for {b}");
        }
        // A further point, placed by its distances to the first 40 only.
        let plane = Plane::of(&matrix(&points[..40]));
        let at = |i: usize| plane.place(d[i][..40].iter().copied());
        let ((a, b), (x, y)) = (at(100), at(77));
        assert!(((a - x).hypot(b - y) - d[100][77]).abs() < 1e-8);
    }

    /// The corners of a cube of side 1: their coordinates are -1/2 and 1/2, so three eigenvalues are 8 / 4, and all
    /// others 0.
    #[test]
    fn equal_eigenvalues_are_all_found() {
        let words: Vec<[i32; 3]> = (0..8).map(|i| [i & 1, i >> 1 & 1, i >> 2]).collect();
        let differ =
            |a: &[i32; 3], b: &[i32; 3]| a.iter().zip(b).filter(|(a, b)| a != b).count() as f64;
        let d: Vec<Vec<f64>> =
            words.iter().map(|a| words.iter().map(|b| differ(a, b).sqrt()).collect()).collect();
        let found = places(&d);
        let sum = |of: fn(&(f64, f64)) -> f64| found.iter().map(of).sum::<f64>();
        // The squared lengths of both axes are the eigenvalues, and the axes are perpendicular.
        assert!((sum(|p| p.0 * p.0) - 2.0).abs() < 1e-9, "{found:?}");
        assert!((sum(|p| p.1 * p.1) - 2.0).abs() < 1e-9, "{found:?}");
        assert!(sum(|p| p.0 * p.1).abs() < 1e-9 && sum(|p| p.0).abs() < 1e-9);
    }

    #[test]
    fn what_has_no_plane_lies_on_a_line_or_a_point() {
        assert!(places(&[]).is_empty());
        assert_eq!(places(&[vec![0.0]]), [(0.0, 0.0)]);
        assert_eq!(places(&vec![vec![0.0; 3]; 3]), [(0.0, 0.0); 3]);
        let two = places(&[vec![0.0, 2.0], vec![2.0, 0.0]]);
        assert!((two[0].0 - two[1].0).abs() > 1.999 && two[0].1 == 0.0, "{two:?}");
        // Distances that no points have.
        let odd = places(&[vec![0.0, 1.0, 9.0], vec![1.0, 0.0, 1.0], vec![9.0, 1.0, 0.0]]);
        assert!(odd.iter().all(|p| p.0.is_finite() && p.1.is_finite()), "{odd:?}");
        let bad = places(&[vec![0.0, f64::NAN], vec![f64::NAN, 0.0]]);
        assert_eq!(bad.len(), 2);
    }

    #[test]
    fn jacobi_finds_the_eigenvalues_of_a_matrix_worked_by_hand() {
        // [[2, 1], [1, 2]] has 1 and 3.
        let (mut values, _) = jacobi(vec![vec![2.0, 1.0], vec![1.0, 2.0]]);
        values.sort_by(f64::total_cmp);
        assert!((values[0] - 1.0).abs() < 1e-12 && (values[1] - 3.0).abs() < 1e-12, "{values:?}");
    }
}
