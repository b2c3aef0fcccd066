//! Points of any metric space as vectors, so that a Gaussian kernel of their distances is one.
//!
//! Bourgain, "On Lipschitz embedding of finite metric spaces in Hilbert space", Israel J. Math. 52, 1985, in the
//! form of Linial, London and Rabinovich, "The geometry of graphs and some of its algorithmic applications",
//! Combinatorica 15, 1995:
//!
//! ```text
//! S_ij      for i, j = 1 ... log_2 n: a random set, in which each of n points is with probability 2^-i
//! rho(x)    = (d(x, S_11), d(x, S_12), ...) / sqrt(number of sets),   d(x, S) = min over s in S of d(x, s)
//! ```
//!
//! No coordinate differs by more than d(x, y), so |rho(x) - rho(y)| <= d(x, y), and Bourgain's theorem says that it is
//! shorter by a factor of order log n at most. Between vectors exp(-|rho(x) - rho(y)|^2) is positive definite, which
//! exp(-d^2) need not be. A point that comes later is embedded by the same sets.

use crate::rng::Rng;

/// Random sets of some points.
#[derive(Clone, Debug)]
pub(crate) struct Bourgain {
    sets: Vec<Vec<usize>>,
}

impl Bourgain {
    /// Draws the sets for `n` points.
    pub(crate) fn draw(n: usize, rng: &mut Rng) -> Bourgain {
        let levels = n.max(2).next_power_of_two().trailing_zeros();
        let mut sets = vec![];
        for i in 1..=levels {
            for _ in 0..levels {
                let mut set: Vec<usize> =
                    (0..n).filter(|_| rng.uniform() < 0.5f64.powi(i as i32)).collect();
                if set.is_empty() && n > 0 {
                    set.push(rng.below(n));
                }
                sets.push(set);
            }
        }
        Bourgain { sets }
    }

    /// The vector of a point with these distances to the points.
    pub(crate) fn embed(&self, distances: &[f64]) -> Vec<f64> {
        let scale = 1.0 / (self.sets.len().max(1) as f64).sqrt();
        let to = |set: &Vec<usize>| set.iter().map(|&s| distances[s]).fold(f64::INFINITY, f64::min);
        self.sets.iter().map(|set| scale * to(set)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On a circle, and on a star, whose distances are not those of any vectors.
    #[test]
    fn distances_shrink_by_a_logarithm_at_most() {
        let n = 24usize;
        let circle = |a: usize, b: usize| a.abs_diff(b).min(n - a.abs_diff(b)) as f64;
        let star =
            |a: usize, b: usize| if a == b { 0.0 } else { 1.0 + f64::from(u8::from(a * b > 0)) };
        for d in [&circle as &dyn Fn(usize, usize) -> f64, &star] {
            let sets = Bourgain::draw(n, &mut Rng::new(1));
            let row = |a: usize| (0..n).map(|b| d(a, b)).collect::<Vec<f64>>();
            let all: Vec<Vec<f64>> = (0..n).map(|a| sets.embed(&row(a))).collect();
            let mut short = 0;
            for a in 0..n {
                for b in 0..a {
                    let square = |(x, y): (&f64, &f64)| (x - y) * (x - y);
                    let rho = all[a].iter().zip(&all[b]).map(square).sum::<f64>().sqrt();
                    assert!(rho <= d(a, b) + 1e-12, "{a} {b}: {rho}");
                    short += usize::from(rho < d(a, b) / 12.0);
                }
            }
            // With probability: two leaves of the star may be in the same sets.
            assert!(short <= 3, "{short} of 276 pairs");
        }
        assert_eq!(Bourgain::draw(1, &mut Rng::new(1)).embed(&[3.0]), [3.0]);
    }
}
