//! Gaussian-process regression with a constant mean, on any kernel given as a matrix.
//!
//! Rasmussen and Williams, "Gaussian Processes for Machine Learning", MIT Press 2006, algorithm 2.1 and
//! section 2.7. With the correlations R of n points, the noise g as a share of the variance s^2, and
//! A = R + g I = L L^T:
//!
//! ```text
//! m    = 1^T A^-1 y / 1^T A^-1 1                            the mean, by generalised least squares
//! s^2  = (y - m)^T A^-1 (y - m) / n                         the variance of the process
//! log p(y) = -n/2 log(2 pi s^2) - n/2 - sum_i log L_ii      the likelihood, at the best m and s^2
//! mu(x)      = m + r(x)^T A^-1 (y - m)
//! sigma^2(x) = s^2 (r(x, x) - |L^-1 r(x)|^2)                of the function, without the noise
//! ```
//!
//! The mean and the variance that maximise the likelihood have a closed form for every kernel, so only
//! the parameters of the kernel and g are searched for.

use crate::interrupt;

/// A lower triangular matrix that grows by rows: the factor L of A = L L^T.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cholesky {
    /// The rows, one after the other: row i has i + 1 numbers.
    rows: Vec<f64>,
    n: usize,
    /// Whether a diagonal element was below 0, so that the matrix is none of a kernel.
    indefinite: bool,
}

/// The least value under the root of a diagonal element, for points that a kernel cannot tell apart.
const LEAST: f64 = 1e-10;

impl Cholesky {
    fn row(&self, i: usize) -> &[f64] {
        let begin = i * (i + 1) / 2;
        &self.rows[begin..begin + i + 1]
    }

    /// Adds a row of A: its elements left of the diagonal, and the one on it.
    pub(crate) fn push(&mut self, left: &[f64], diagonal: f64) {
        let mut row = left[..self.n].to_vec();
        self.forward(&mut row);
        let rest = diagonal - row.iter().map(|v| v * v).sum::<f64>();
        self.indefinite |= rest < -LEAST;
        self.rows.extend_from_slice(&row);
        self.rows.push(rest.max(LEAST).sqrt());
        self.n += 1;
    }

    /// Whether the matrix is not positive definite.
    pub(crate) fn is_indefinite(&self) -> bool {
        self.indefinite
    }

    /// Drops all rows after the first `n`.
    pub(crate) fn truncate(&mut self, n: usize) {
        self.n = self.n.min(n);
        self.rows.truncate(self.n * (self.n + 1) / 2);
    }

    /// x <- L^-1 x, for as many rows as x has.
    pub(crate) fn forward(&self, x: &mut [f64]) {
        for i in 0..x.len() {
            let row = self.row(i);
            let (before, rest) = x.split_at_mut(i);
            rest[0] = (rest[0] - dot(&row[..i], before)) / row[i];
        }
    }

    /// x <- L^-T x.
    pub(crate) fn backward(&self, x: &mut [f64]) {
        for i in (0..x.len()).rev() {
            let row = self.row(i);
            let (before, rest) = x.split_at_mut(i);
            rest[0] /= row[i];
            before.iter_mut().zip(row).for_each(|(v, l)| *v -= l * rest[0]);
        }
    }

    /// The product of the last row with as many numbers.
    pub(crate) fn last_times(&self, x: &[f64]) -> f64 {
        self.n.checked_sub(1).map_or(0.0, |i| dot(self.row(i), x))
    }

    /// sum_i log L_ii, over the first n rows.
    pub(crate) fn log_diagonal(&self, n: usize) -> f64 {
        (0..n).map(|i| self.row(i)[i].ln()).sum()
    }
}

/// The inner product, summed in four lanes, which a compiler may keep in one register.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0.0; 4];
    let (x, y) = (a.chunks_exact(4), b.chunks_exact(4));
    let rest: f64 = x.remainder().iter().zip(y.remainder()).map(|(a, b)| a * b).sum();
    for (x, y) in x.zip(y) {
        for (lane, (x, y)) in lanes.iter_mut().zip(x.iter().zip(y)) {
            *lane += x * y;
        }
    }
    (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]) + rest
}

/// A Gaussian process that has seen values at the first points of a factor.
#[derive(Clone, Debug)]
pub(crate) struct Gp {
    pub(crate) mean: f64,
    /// s^2.
    pub(crate) variance: f64,
    pub(crate) log_likelihood: f64,
    /// A^-1 (y - m).
    alpha: Vec<f64>,
}

impl Gp {
    /// Learns the values of the first `y.len()` points of a factor.
    pub(crate) fn fit(factor: &Cholesky, y: &[f64]) -> Gp {
        interrupt::point();
        let n = y.len();
        let (mut ones, mut z) = (vec![1.0; n], y.to_vec());
        factor.forward(&mut ones);
        factor.forward(&mut z);
        let mean = dot(&ones, &z) / dot(&ones, &ones).max(f64::MIN_POSITIVE);
        z.iter_mut().zip(&ones).for_each(|(z, one)| *z -= mean * one);
        let variance = (dot(&z, &z) / n.max(1) as f64).max(LEAST * LEAST);
        let half = n as f64 / 2.0;
        let log_likelihood =
            -half * (2.0 * std::f64::consts::PI * variance).ln() - half - factor.log_diagonal(n);
        factor.backward(&mut z);
        Gp { mean, variance, log_likelihood, alpha: z }
    }

    /// mu of a point, from its correlations with the points that were learned.
    pub(crate) fn mu(&self, r: &[f64]) -> f64 {
        self.mean + dot(&self.alpha, &r[..self.alpha.len()])
    }

    /// sigma of a point, from L^-1 r of its correlations with all points of the factor, including those
    /// without a value.
    pub(crate) fn sigma(&self, solved: &[f64], own: f64) -> f64 {
        self.covariance(solved, solved, own).max(0.0).sqrt()
    }

    /// The covariance of two points, from L^-1 r of both and their own correlation.
    pub(crate) fn covariance(&self, a: &[f64], b: &[f64], own: f64) -> f64 {
        self.variance * (own - dot(a, b))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const X: [f64; 5] = [0.0, 1.0, 2.5, 4.0, 7.0];
    const Y: [f64; 5] = [1.0, 2.0, 0.5, -1.0, 3.0];

    fn r(a: f64, b: f64) -> f64 {
        (-(a - b).abs() / 1.5).exp()
    }

    fn factor() -> Cholesky {
        let mut factor = Cholesky::default();
        for (i, &x) in X.iter().enumerate() {
            let left: Vec<f64> = X[..i].iter().map(|&b| r(x, b)).collect();
            factor.push(&left, 1.1);
        }
        factor
    }

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-12, "{a} for {b}");
    }

    /// numpy.linalg.cholesky(exp(-|x - x'| / 1.5) + 0.1 I), its last row.
    #[test]
    fn the_factor_is_numpys() {
        let last = [
            0.008965945098481507,
            0.015014235291369388,
            0.04416381230777376,
            0.12006382215477135,
            1.0408306398541203,
        ];
        let factor = factor();
        factor.row(4).iter().zip(last).for_each(|(&a, b)| close(a, b));
        // L L^T x = A x.
        let a = |i: usize, j: usize| r(X[i], X[j]) + if i == j { 0.1 } else { 0.0 };
        let mut x: Vec<f64> = (0..5).map(|i| (0..5).map(|j| a(i, j) * Y[j]).sum()).collect();
        factor.forward(&mut x);
        factor.backward(&mut x);
        x.iter().zip(Y).for_each(|(&a, b)| close(a, b));
    }

    /// By numpy: the mean by generalised least squares, (y - m)^T A^-1 (y - m) / 5, the logpdf of
    /// scipy.stats.multivariate_normal(m, s2 A), and the posterior at 3.
    #[test]
    fn likelihood_and_posterior_are_numpys() {
        let mut factor = factor();
        let gp = Gp::fit(&factor, &Y);
        close(gp.mean, 1.2248648840434726);
        close(gp.variance, 1.972433135563114);
        close(gp.log_likelihood, -8.781781552307484);
        let at: Vec<f64> = X.iter().map(|&x| r(x, 3.0)).collect();
        close(gp.mu(&at), 0.22548636339321615);
        let mut solved = at.clone();
        factor.forward(&mut solved);
        close(gp.sigma(&solved, 1.0), 0.9484732828757186);
        // A point whose value is only assumed makes its surroundings more certain, and is forgotten again.
        factor.push(&at, 1.1);
        let near: Vec<f64> = X.iter().chain(&[3.0]).map(|&x| r(x, 3.1)).collect();
        let (mut with, mut without) = (near.clone(), near[..5].to_vec());
        factor.forward(&mut with);
        factor.forward(&mut without);
        assert!(gp.sigma(&with, 1.0) < 0.7 && gp.sigma(&without, 1.0) > 0.9);
        assert_eq!(gp.mu(&near), gp.mu(&near[..5]));
        factor.truncate(5);
        assert_eq!(factor.n, 5);
    }
}
