//! Acquisition functions: how much there is to gain by trying an architecture, from the mean mu and
//! the standard deviation sigma that a model predicts for it. More is better.
//!
//! ```text
//! EI(x)  = E[max(f(x) - f*, 0)] = sigma (phi(z) + z Phi(z)),  z = (mu - f*) / sigma
//! UCB(x) = mu + beta sigma
//! TS(x)  = a draw from the model
//! ```
//!
//! Expected improvement over the best seen, f*: Jones, Schonlau and Welch, "Efficient Global
//! Optimization of Expensive Black-Box Functions", J. Global Optimization 13, 1998. Upper confidence
//! bound: Srinivas et al., arXiv 0912.3995. Thompson sampling draws a whole function if the model can;
//! independent Thompson sampling, as in BANANAS (arXiv 1910.11858), draws every value on its own from the
//! normal distribution with mu and sigma.

use super::Scale;
use crate::rng::Rng;
pub(super) use crate::stats::distributions::normal_pdf as density;
use serde::{Deserialize, Serialize};
use std::f64::consts::{PI, SQRT_2};

/// How candidates are ranked.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Acquisition {
    ExpectedImprovement,
    /// mu + beta sigma.
    UpperBound(f64),
    Thompson,
}

impl Acquisition {
    /// Its value at a point. Thompson sampling draws independently.
    pub(crate) fn of(self, mu: f64, sigma: f64, best: f64, rng: &mut Rng) -> f64 {
        match self {
            Acquisition::ExpectedImprovement => expected_improvement(mu, sigma, best),
            Acquisition::UpperBound(beta) => mu + beta * sigma,
            Acquisition::Thompson => mu + sigma * rng.normal(),
        }
    }

    /// Converts its value from the scale of the model to scores: an improvement by what a step is worth
    /// at the best score, all others to the score that they stand for.
    pub(crate) fn in_scores(self, value: f64, scale: &Scale) -> f64 {
        match self {
            Acquisition::ExpectedImprovement => value * scale.slope(),
            Acquisition::UpperBound(_) | Acquisition::Thompson => scale.y(value),
        }
    }

    pub(crate) fn name(self) -> String {
        match self {
            Acquisition::ExpectedImprovement => "expected improvement".to_string(),
            Acquisition::UpperBound(beta) => format!("mean + {beta} sd"),
            Acquisition::Thompson => "Thompson sampling".to_string(),
        }
    }

    /// What is wrong with it.
    pub(crate) fn problem(self) -> Option<String> {
        match self {
            Acquisition::UpperBound(beta) if !(beta.is_finite() && beta >= 0.0) => {
                Some(format!("upper_bound({beta}): 0 or more is needed. Try upper_bound(2.0)."))
            }
            _ => None,
        }
    }
}

/// The expected improvement over `best`.
pub(crate) fn expected_improvement(mu: f64, sigma: f64, best: f64) -> f64 {
    if sigma <= 0.0 {
        return (mu - best).max(0.0);
    }
    let z = (mu - best) / sigma;
    (sigma * (density(z) + z * below(z))).max(0.0)
}

/// The distribution function of the standard normal distribution, precise in both tails: a series
/// near 0, a continued fraction beyond (Abramowitz and Stegun 7.1.6 and 7.1.14).
pub(crate) fn below(z: f64) -> f64 {
    let x = z.abs() / SQRT_2;
    let tail = if x < 2.0 {
        let (mut term, mut sum, mut k) = (x, x, 0.0);
        while term > 1e-17 * sum {
            k += 1.0;
            term *= 2.0 * x * x / (2.0 * k + 1.0);
            sum += term;
        }
        1.0 - 2.0 / PI.sqrt() * (-x * x).exp() * sum
    } else {
        let fraction = (1..=60).rev().fold(x, |f, k| x + 0.5 * f64::from(k) / f);
        (-x * x).exp() / (PI.sqrt() * fraction)
    };
    if z < 0.0 { tail / 2.0 } else { 1.0 - tail / 2.0 }
}

/// The z with `below(z) = p`: a rational first guess (Abramowitz and Stegun 26.2.23) and two steps of
/// Halley's method.
pub(crate) fn quantile(p: f64) -> f64 {
    if p == 0.5 {
        return 0.0;
    }
    let tail = p.min(1.0 - p).max(f64::MIN_POSITIVE);
    let t = (-2.0 * tail.ln()).sqrt();
    let up = 2.515_517 + t * (0.802_853 + t * 0.010_328);
    let down = 1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308));
    let mut z = up / down - t;
    for _ in 0..2 {
        let error = (below(z) - tail) / density(z);
        z -= error / (1.0 + z * error / 2.0);
    }
    if p < 0.5 { z } else { -z }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// scipy.stats.norm: cdf, ppf, and sigma * (pdf(z) + z * cdf(z)).
    #[test]
    fn values_of_scipy() {
        let close = |a: f64, b: f64| assert!((a - b).abs() <= 2e-12 * b.abs(), "{a} for {b}");
        close(below(-30.0), 4.906713927147908e-198);
        close(below(-8.0), 6.22096057427174e-16);
        close(below(-3.0), 0.0013498980316300933);
        close(below(-2.5), 0.006209665325776132);
        close(below(-0.7), 0.24196365222307303);
        close(below(0.3), 0.6179114221889526);
        close(below(1.9), 0.9712834401839981);
        close(below(4.0), 0.9999683287581669);
        close(quantile(1e-12), -7.034483825301131);
        close(quantile(0.01), -2.3263478740408408);
        close(quantile(0.3), -0.5244005127080409);
        close(quantile(0.5005), 0.0012533144654324165);
        close(quantile(0.95), 1.6448536269514722);
        close(expected_improvement(0.5, 1.0, 1.0), 0.19779655740130608);
        close(expected_improvement(1.2, 0.3, 1.0), 0.24533589414732107);
        close(expected_improvement(-2.0, 0.5, 0.0), 3.572629216202957e-06);
        close(expected_improvement(-4.0, 0.5, 0.0), 3.775131205975017e-17);
        assert_eq!(expected_improvement(3.0, 0.0, 2.5), 0.5);
        assert_eq!(expected_improvement(2.0, 0.0, 2.5), 0.0);
    }

    #[test]
    fn far_below_the_best_it_still_tells_apart() {
        let far = expected_improvement(-20.0, 1.0, 0.0);
        assert!(far > 0.0 && far < expected_improvement(-19.9, 1.0, 0.0));
    }
}
