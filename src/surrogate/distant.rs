//! A Gaussian process on distances, with the parameters that explain the values best.
//!
//! ```text
//! k(a, b) = exp(-d(a, b) / l)      d of rows of numbers: the root of the mean squared difference of the columns
//! ```
//!
//! Each column is taken in units of its standard deviation, and columns that never differ are left out. The
//! kernel is the Matern kernel of smoothness 1/2: rough, as scores of architectures are. The
//! length l and the share of noise are those with the largest marginal likelihood on a grid, with the priors of
//! `src/strategy/kernel.rs`: l from 1/8 to 8 times the mean distance, by factors of two, and the noise from
//! 0.0001 to 1, by factors of ten.

use super::{Cholesky, Gp};

/// The median of the prior of the share of noise.
const NOISE: f64 = 0.01;

/// Columns in units of their standard deviations.
#[derive(Clone, Debug, Default)]
pub(crate) struct Units {
    /// The columns that differ, each with its mean and its standard deviation.
    columns: Vec<(usize, f64, f64)>,
}

impl Units {
    pub(crate) fn of(x: &[Vec<f64>]) -> Units {
        let (width, n) = (x.first().map_or(0, Vec::len), x.len() as f64);
        let column = |c: usize| {
            let mean = x.iter().map(|row| row[c]).sum::<f64>() / n;
            let squares: f64 = x.iter().map(|row| (row[c] - mean).powi(2)).sum();
            let deviation = (squares / n).sqrt();
            (deviation > 1e-12 * mean.abs()).then_some((c, mean, deviation))
        };
        Units { columns: (0..width).filter_map(column).collect() }
    }

    pub(crate) fn apply(&self, row: &[f64]) -> Vec<f64> {
        let unit =
            |&(c, mean, deviation): &(usize, f64, f64)| Some((row.get(c)? - mean) / deviation);
        self.columns.iter().filter_map(unit).collect()
    }
}

/// A Gaussian process on distances.
#[derive(Clone, Debug)]
pub(crate) struct Distant {
    length: f64,
    factor: Cholesky,
    gp: Gp,
}

impl Distant {
    /// Row i of `distances` has those of point i to the points before it.
    pub(crate) fn fit(distances: &[Vec<f64>], y: &[f64]) -> Distant {
        let all = distances.iter().flatten();
        let (sum, pairs) = all.fold((0.0, 0.0), |(sum, n), d| (sum + d, n + 1.0));
        let unit = if sum > 0.0 { sum / pairs } else { 1.0 };
        let normal = |ratio: f64, width: f64| -0.5 * (ratio.ln() / width).powi(2);
        // Not every distance makes a kernel: what is indefinite is taken only if nothing else is there, with the most
        // noise.
        let mut best: Option<((bool, f64), Distant)> = None;
        for length in (-3..=3).map(|i| 2f64.powi(i)) {
            for noise in (-4..=0).map(|i| 10f64.powi(i)) {
                let mut factor = Cholesky::default();
                for row in distances {
                    let left: Vec<f64> = row.iter().map(|d| (-d / (length * unit)).exp()).collect();
                    factor.push(&left, 1.0 + noise);
                }
                let gp = Gp::fit(&factor, y);
                let value = gp.log_likelihood + normal(length, 1.0) + normal(noise / NOISE, 2.0);
                let value = match factor.is_indefinite() {
                    true => (false, noise / length),
                    false => (true, value),
                };
                if best.as_ref().is_none_or(|b| value > b.0) {
                    best = Some((value, Distant { length: length * unit, factor, gp }));
                }
            }
        }
        let none = || {
            let factor = Cholesky::default();
            Distant { length: unit, gp: Gp::fit(&factor, &[]), factor }
        };
        best.map_or_else(none, |(_, found)| found)
    }

    /// mu and sigma of a point, by its distances to all that were learned.
    pub(crate) fn predict(&self, distances: &[f64]) -> (f64, f64) {
        let mut r: Vec<f64> = distances.iter().map(|d| (-d / self.length).exp()).collect();
        let mu = self.gp.mu(&r);
        self.factor.forward(&mut r);
        (mu, self.gp.sigma(&r, 1.0))
    }
}

/// The root of the mean of the squared differences.
pub(crate) fn distance(a: &[f64], b: &[f64]) -> f64 {
    let squares: f64 = a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum();
    (squares / a.len().max(1) as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_learns_a_line_whatever_the_units() {
        let row = |i: i32| vec![1e6 * f64::from(i), 3.0, 1e-6 * f64::from(i * i % 7)];
        let x: Vec<Vec<f64>> = (0..20).map(row).collect();
        let y: Vec<f64> = (0..20).map(f64::from).collect();
        let units = Units::of(&x);
        let points: Vec<Vec<f64>> = x.iter().map(|x| units.apply(x)).collect();
        assert_eq!(points[0].len(), 2);
        let to = |x: &[f64], n: usize| points[..n].iter().map(|b| distance(x, b)).collect();
        let all: Vec<Vec<f64>> = (0..20).map(|i| to(&points[i], i)).collect();
        let gp = Distant::fit(&all, &y);
        let at = |row: &[f64]| gp.predict(&to(&units.apply(row), 20));
        for i in [0, 7, 19] {
            let (mu, sigma) = at(&row(i));
            assert!((mu - f64::from(i)).abs() < 1.0 && sigma < 2.0, "{i}: {mu} ± {sigma}");
        }
        // Far from all points it knows no more than their mean.
        let (near, far) = (at(&row(10)), at(&[1e9, 3.0, 0.0]));
        assert!(far.1 > 5.0 * near.1, "{near:?} {far:?}");
    }

    #[test]
    fn columns_are_measured_in_their_deviations() {
        let units = Units::of(&[vec![1.0, 5.0], vec![3.0, 5.0]]);
        assert_eq!(units.apply(&[4.0, 9.0]), [2.0]);
        assert!((distance(&[0.0, 3.0], &[1.0, 4.0]) - 1.0).abs() < 1e-15);
        assert!(Distant::fit(&[], &[]).predict(&[]).0.is_finite());
        // Two points in one place.
        let same = Distant::fit(&[vec![], vec![0.0]], &[2.0, 4.0]);
        assert!((same.predict(&[0.0, 0.0]).0 - 3.0).abs() < 1e-6);
    }
}
