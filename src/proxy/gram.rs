//! Determinants and inverses of matrices of similarities.

use crate::surrogate::Cholesky;

/// The factor L of a symmetric, positive matrix A = L L^T; where rows are alike, of one close to it.
pub(super) fn factor(n: usize, a: impl Fn(usize, usize) -> f64) -> Cholesky {
    let mut factor = Cholesky::default();
    for i in 0..n {
        let left: Vec<f64> = (0..i).map(|j| a(i, j)).collect();
        factor.push(&left, a(i, i));
    }
    factor
}

/// ln det A.
pub(super) fn log_det(factor: &Cholesky, n: usize) -> f64 {
    2.0 * factor.log_diagonal(n)
}

/// The trace of the inverse of A: that of L^-T L^-1, the sum of the squares of L^-1.
pub(super) fn inverse_trace(factor: &Cholesky, n: usize) -> f64 {
    let column = |i: usize| {
        let mut unit = vec![0.0; n];
        unit[i] = 1.0;
        factor.forward(&mut unit);
        unit.iter().map(|v| v * v).sum::<f64>()
    };
    (0..n).map(column).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_by_two() {
        let a = [[4.0, 2.0], [2.0, 3.0]];
        let l = factor(2, |i, j| a[i][j]);
        assert!((log_det(&l, 2) - 8f64.ln()).abs() < 1e-12);
        assert!((inverse_trace(&l, 2) - 7.0 / 8.0).abs() < 1e-12);
    }
}
