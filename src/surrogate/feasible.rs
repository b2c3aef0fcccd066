//! How likely an architecture with given features is to fail, learned from those that did.
//!
//! Bayesian probit regression on features that are present or absent, one result after the other:
//! Graepel, Quinonero Candela, Borchert and Herbrich, "Web-Scale Bayesian Click-Through Rate Prediction
//! for Sponsored Search Advertising in Microsoft's Bing Search Engine", ICML 2010, equations 5 to 8. With
//! the features i that x has, one of which is always present, and y = 1 for a success, -1 for a failure:
//!
//! ```text
//! w_i ~ N(m_i, s_i^2), at first N(0, 1)
//! S^2 = beta^2 + sum s_i^2         t = y sum m_i / S        P(y | x) = Phi(t)
//! v   = phi(t) / Phi(t)            w = v (v + t)
//! m_i   <- m_i + y s_i^2 / S v
//! s_i^2 <- s_i^2 (1 - s_i^2 / S^2 w)
//! ```
//!
//! Options that were never seen leave the matter open, because their weight is as uncertain as at first. A
//! sum of weights captures failures due to an option, a branch, or two options together. Failures due to
//! size, because of a limit on memory or time, show in the costs of a network that are known before it is
//! built: parameters, multiply-adds and memory are features as well, on a logarithmic scale in overlapping
//! steps, of which each cost has three. A result is learned once, so the cost of a study is linear in its
//! trials.

use super::acquisition::{below, density};
use std::collections::HashMap;

/// The standard deviation of what the features do not explain. It is less than theirs, because most
/// failures are repeated.
const BETA: f64 = 0.5;

/// The weights of the features met so far: mean and variance.
#[derive(Clone, Debug, Default)]
pub(crate) struct Feasible(HashMap<usize, (f64, f64)>);

impl Feasible {
    /// The probability that an architecture with these features does not fail.
    pub(crate) fn of(&self, features: &[usize]) -> f64 {
        let (mean, deviation) = self.sum(features);
        below(mean / deviation)
    }

    /// Learns whether an architecture with these features has failed.
    pub(crate) fn learn(&mut self, features: &[usize], failed: bool) {
        let (mean, s) = self.sum(features);
        let y = if failed { -1.0 } else { 1.0 };
        let t = y * mean / s;
        // Far in the tail the ratio is -t, and both would round to 0.
        let v = if t < -30.0 { -t } else { density(t) / below(t) };
        let w = (v * (v + t)).clamp(0.0, 1.0);
        for &feature in features {
            let (m, variance) = self.0.entry(feature).or_insert((0.0, 1.0));
            *m += y * *variance / s * v;
            *variance *= 1.0 - *variance / (s * s) * w;
        }
    }

    fn sum(&self, features: &[usize]) -> (f64, f64) {
        let weights = features.iter().map(|f| self.0.get(f).copied().unwrap_or((0.0, 1.0)));
        let (mean, variance) = weights.fold((0.0, BETA * BETA), |(m, s), w| (m + w.0, s + w.1));
        (mean, variance.sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One step by hand, with three features: S^2 = 0.25 + 3, t = 0, v = 2 phi(0), w = v^2.
    #[test]
    fn a_step_is_the_papers() {
        let x = [1, 4, 9];
        let mut model = Feasible::default();
        assert_eq!(model.of(&x), 0.5);
        model.learn(&x, true);
        let (s, v) = (3.25f64.sqrt(), (2.0 / std::f64::consts::PI).sqrt());
        for feature in x {
            let (mean, variance) = model.0[&feature];
            assert!((mean + v / s).abs() < 1e-12, "{mean}");
            assert!((variance - (1.0 - v * v / 3.25)).abs() < 1e-12, "{variance}");
        }
        // Phi(-3 v/s / sqrt(0.25 + 3 (1 - v^2/3.25)))
        assert!((model.of(&x) - 0.20790).abs() < 1e-4, "{}", model.of(&x));
        // What shares one of them beside the common one is less likely to fail, what shares none less still.
        let p = |x: [usize; 3]| model.of(&x);
        assert!(p(x) < p([1, 2, 9]) && p([1, 2, 9]) < p([0, 2, 9]));
    }

    #[test]
    fn surprises_without_end_are_no_error() {
        let (x, mut model) = ([1, 9], Feasible::default());
        (0..10_000).for_each(|_| model.learn(&x, false));
        assert!(model.of(&x) > 0.99);
        (0..10_000).for_each(|_| model.learn(&x, true));
        assert!((0.0..0.7).contains(&model.of(&x)));
    }
}
