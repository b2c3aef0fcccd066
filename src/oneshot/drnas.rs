//! DrNAS: Chen, Wang, Cheng, Tang and Hsieh, "DrNAS: Dirichlet Neural Architecture Search", arXiv 2006.10355.
//!
//! The idea: the weights of a choice are drawn from a Dirichlet distribution, and its concentrations are
//! learned. Draws explore, and the mean of the distribution is what is derived; a penalty keeps it from
//! settling before it has seen enough.
//!
//! ```text
//! p ~ Dirichlet(beta), beta = elu(alpha) + 1          min over beta of E[L_val(w*, p)] + lambda d(beta, 1)
//! z_o ~ Gamma(beta_o, 1), p_o = z_o / sum of z        dz / dbeta = -(dF(z; beta) / dbeta) / f(z; beta)
//! ```
//! F and f are the distribution and the density of the gamma distribution: the pathwise gradient (Jankowiak
//! and Obermeyer, 1806.01851). Here z is drawn by inverting F, and dF / dbeta is a difference. lambda is
//! 0.001 and d the squared distance; it takes the place of the decay of the alphas. The paper's second stage, with fewer options and more channels, is not
//! here.

use super::bilevel::{Rules, rules};
use super::relaxation::{Draw, Relaxation};
use super::{Method, MethodInfo};
use crate::rng::Rng;
use crate::stats::distributions::{gamma_q, ln_gamma};

/// Differentiable search with weights drawn from a Dirichlet distribution.
#[derive(Clone, Debug)]
#[must_use = "methods return a new value and leave this one as it is"]
#[doc(alias = "DrNAS")]
pub struct DrNas {
    rules: Rules,
}

impl DrNas {
    /// With all concentrations near 1 at first, where every mixture is equally likely.
    pub fn new() -> DrNas {
        DrNas { rules: Rules { decay: 0.0, ..Rules::new(6e-4) } }
    }
}

impl Default for DrNas {
    fn default() -> Self {
        DrNas::new()
    }
}

rules!(DrNas);

/// Its row in the table of one-shot methods.
pub(super) const ROW: MethodInfo = MethodInfo {
    name: "drnas",
    about: "all options at once, with weights drawn from a Dirichlet distribution",
    paper: "Chen et al. 2021, arXiv 2006.10355",
    make: || DrNas::new().into(),
};

impl From<DrNas> for Method {
    fn from(drnas: DrNas) -> Method {
        Method::relaxed("DrNAS", Dirichlet, drnas.rules)
    }
}

/// The weight of the penalty.
const LAMBDA: f64 = 1e-3;

struct Dirichlet;

/// The concentration, and its derivative by alpha.
fn concentration(alpha: f64) -> (f64, f64) {
    if alpha > 0.0 { (alpha + 1.0, 1.0) } else { (alpha.exp(), alpha.exp()) }
}

impl Relaxation for Dirichlet {
    fn draw(&self, alphas: &[f64], _: f64, rng: &mut Rng) -> Draw {
        let drawn: Vec<(f64, f64)> = alphas
            .iter()
            .map(|&alpha| {
                let (beta, by_alpha) = concentration(alpha);
                let z = quantile(beta, rng.uniform());
                (z, slope(beta, z) * by_alpha)
            })
            .collect();
        let sum: f64 = drawn.iter().map(|(z, _)| z).sum();
        let weights: Vec<f64> = drawn.iter().map(|(z, _)| z / sum).collect();
        let row = |o: usize| {
            let entry = |k: usize| (f64::from(u8::from(o == k)) - weights[o]) / sum * drawn[k].1;
            (0..alphas.len()).map(entry).collect()
        };
        let slopes = (0..alphas.len()).map(row).collect();
        Draw { weights, slopes }
    }

    fn settled(&self, alphas: &[f64]) -> Vec<f64> {
        let all: Vec<f64> = alphas.iter().map(|&alpha| concentration(alpha).0).collect();
        let sum: f64 = all.iter().sum();
        all.into_iter().map(|beta| beta / sum).collect()
    }

    fn penalty(&self, alphas: &[f64]) -> Vec<f64> {
        let one = |&alpha: &f64| {
            let (beta, by_alpha) = concentration(alpha);
            LAMBDA * 2.0 * (beta - 1.0) * by_alpha
        };
        alphas.iter().map(one).collect()
    }
}

/// The smallest number that a draw may be: their sum has to stay above 0.
const LEAST: f64 = 1e-60;

/// F(z; beta).
fn below(beta: f64, z: f64) -> f64 {
    1.0 - gamma_q(beta, z)
}

/// The z with F(z; beta) = u, by halving an interval of its logarithm.
fn quantile(beta: f64, u: f64) -> f64 {
    let (mut low, mut high) = (LEAST.ln(), (beta + 40.0 + 10.0 * beta.sqrt()).ln());
    for _ in 0..80 {
        let middle = 0.5 * (low + high);
        if below(beta, middle.exp()) < u { low = middle } else { high = middle }
    }
    (0.5 * (low + high)).exp()
}

/// dz / dbeta at a fixed F(z; beta).
fn slope(beta: f64, z: f64) -> f64 {
    let h = 1e-5 * beta.min(1.0);
    let by_beta = (below(beta + h, z) - below(beta - h, z)) / (2.0 * h);
    let log_density = (beta - 1.0) * z.ln() - z - ln_gamma(beta);
    let slope = -by_beta / log_density.exp();
    if slope.is_finite() { slope.clamp(0.0, 1e6) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oneshot::relaxation::tests::slopes_are_derivatives;

    #[test]
    fn the_slopes_are_derivatives() {
        slopes_are_derivatives(&Dirichlet, 1e-4);
    }

    /// Mean and variance of the first entry: b / s and b (s - b) / (s^2 (s + 1)).
    #[test]
    fn draws_are_those_of_the_dirichlet_distribution() {
        let alphas = [1.0, 0.0, -1.0];
        let beta: Vec<f64> = alphas.iter().map(|&a| concentration(a).0).collect();
        let s: f64 = beta.iter().sum();
        let (mut rng, n) = (Rng::new(3), 4_000);
        let draws: Vec<f64> =
            (0..n).map(|_| Dirichlet.draw(&alphas, 0.0, &mut rng).weights[0]).collect();
        let mean = draws.iter().sum::<f64>() / f64::from(n);
        let variance = draws.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / f64::from(n);
        assert!((mean - beta[0] / s).abs() < 0.012, "{mean}");
        let expected = beta[0] * (s - beta[0]) / (s * s * (s + 1.0));
        assert!((variance - expected).abs() < 0.003, "{variance} {expected}");
        assert_eq!(Dirichlet.settled(&alphas)[0], beta[0] / s);
    }
}
