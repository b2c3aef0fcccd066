//! SNAS: Xie, Zheng, Liu and Lin, "SNAS: Stochastic Neural Architecture Search", arXiv 1812.09926.
//!
//! The idea: the weights of a choice are drawn from the concrete distribution, whose draws come closer to
//! single options as the temperature falls; then what the search trains and what is derived from it differ
//! less than in DARTS. The weights of the network and the alphas learn from the same loss.
//!
//! ```text
//! z_o = exp((log p_o + g_o) / lambda) / sum over o'         p = softmax(alpha), g Gumbel noise
//! alpha <- alpha - eta grad_alpha L(w, z(alpha))
//! ```
//!
//! The temperature falls linearly from 1 to 0.03. Where we differ: the gradient of the alphas comes from the
//! held-out half of the samples, as for the other methods here, and resources have no price.

use super::bilevel::{Rules, rules};
use super::gdas::{linear, named, wrong};
use super::relaxation::{Draw, Relaxation, gumbel_softmax};
use super::{Method, MethodInfo};
use crate::rng::Rng;

/// Differentiable search with weights drawn from the concrete distribution.
#[derive(Clone, Debug)]
#[must_use = "methods return a new value and leave this one as it is"]
#[doc(alias = "SNAS")]
pub struct Snas {
    rules: Rules,
    temperatures: (f64, f64),
}

impl Snas {
    /// With temperatures from 1 to 0.03.
    pub fn new() -> Snas {
        Snas { rules: Rules::new(3e-4), temperatures: (1.0, 0.03) }
    }

    /// The temperature at the beginning and at the end.
    pub fn temperature(&self, first: f64, last: f64) -> Snas {
        Snas { temperatures: (first, last), ..self.clone() }
    }
}

impl Default for Snas {
    fn default() -> Self {
        Snas::new()
    }
}

rules!(Snas);

/// Its row in the table of one-shot methods.
pub(super) const ROW: MethodInfo = MethodInfo {
    name: "snas",
    about: "all options at once, with weights drawn from the concrete distribution",
    paper: "Xie et al. 2019, arXiv 1812.09926",
    make: || Snas::new().into(),
};

impl From<Snas> for Method {
    fn from(snas: Snas) -> Method {
        let name = named("SNAS", snas.temperatures, Snas::new().temperatures);
        Method::relaxed(&name, Concrete(snas.temperatures), snas.rules)
            .with_problems(wrong(snas.temperatures))
    }
}

struct Concrete((f64, f64));

impl Relaxation for Concrete {
    fn draw(&self, alphas: &[f64], progress: f64, rng: &mut Rng) -> Draw {
        gumbel_softmax(alphas, linear(self.0, progress), rng)
    }

    fn temperature(&self, progress: f64) -> Option<f64> {
        Some(linear(self.0, progress))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oneshot::relaxation::tests::slopes_are_derivatives;

    #[test]
    fn the_slopes_are_derivatives() {
        slopes_are_derivatives(&Concrete((1.0, 0.3)), 1e-6);
    }
}
