//! GDAS: Dong and Yang, "Searching for a Robust Neural Architecture in Four GPU Hours", arXiv 1910.04465.
//!
//! The idea: in every step only one option of each choice is computed, drawn by its probability, which makes
//! a step as cheap as one of a single network. The gradient goes through the draw as if the weights had been
//! soft.
//!
//! ```text
//! h~_o = exp((log p_o + g_o) / tau) / sum over o'           p = softmax(alpha), g Gumbel noise
//! forward    h = one_hot(argmax over o of h~_o)
//! backward   dh / dalpha := dh~ / dalpha                    (straight through)
//! tau falls linearly from 10 to 0.1
//! ```
//!
//! Only the option that was drawn is computed, so only its weight has a gradient; the authors' program adds
//! the sum of the incoming gradient for each of the others, which stands for nothing. The temperatures are
//! those of that program for NAS-Bench-201.

use super::bilevel::{Rules, rules};
use super::relaxation::{Draw, Relaxation, gumbel_softmax};
use super::{Method, MethodInfo};
use crate::rng::Rng;

/// Differentiable search in which a step computes one option of each choice.
///
/// ```
/// use nascent::prelude::*;
/// let data = Dataset::digits().take(300);
/// let op = one_of([conv(same(), 3), conv(same(), 1), skip()]);
/// let space = Space::on(&data).then(conv(8, 3)).then(&op).then(global_avg_pool());
/// let search = Study::one_shot(&space, &Train::on(&data).epochs(3), Gdas::new()).quiet().run()?;
/// assert_eq!(search.trials_done().len(), 3);
/// # Ok::<(), nascent::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "methods return a new value and leave this one as it is"]
#[doc(alias = "GDAS")]
pub struct Gdas {
    rules: Rules,
    temperatures: (f64, f64),
}

impl Gdas {
    /// With temperatures from 10 to 0.1.
    pub fn new() -> Gdas {
        Gdas { rules: Rules::new(3e-4), temperatures: (10.0, 0.1) }
    }

    /// The temperature at the beginning and at the end.
    pub fn temperature(&self, first: f64, last: f64) -> Gdas {
        Gdas { temperatures: (first, last), ..self.clone() }
    }
}

impl Default for Gdas {
    fn default() -> Self {
        Gdas::new()
    }
}

rules!(Gdas);

/// Its row in the table of one-shot methods.
pub(super) const ROW: MethodInfo = MethodInfo {
    name: "gdas",
    about: "one drawn option of each choice in a step, with a gradient through the draw",
    paper: "Dong and Yang 2019, arXiv 1910.04465",
    make: || Gdas::new().into(),
};

impl From<Gdas> for Method {
    fn from(gdas: Gdas) -> Method {
        Method::relaxed("GDAS", Hard(gdas.temperatures), gdas.rules)
    }
}

/// One option has weight 1, and the slopes of the soft weights.
struct Hard((f64, f64));

impl Relaxation for Hard {
    fn draw(&self, alphas: &[f64], progress: f64, rng: &mut Rng) -> Draw {
        let temperature = linear(self.0, progress);
        let Draw { weights: soft, slopes } = gumbel_softmax(alphas, temperature, rng);
        let larger = |best: usize, o: usize| if soft[o] > soft[best] { o } else { best };
        let chosen = (0..soft.len()).fold(0, larger);
        let weights = (0..soft.len()).map(|o| f64::from(u8::from(o == chosen))).collect();
        Draw { weights, slopes }
    }

    fn temperature(&self, progress: f64) -> Option<f64> {
        Some(linear(self.0, progress))
    }
}

/// From the first to the second number as `progress` goes from 0 to 1.
pub(super) fn linear((first, last): (f64, f64), progress: f64) -> f64 {
    first + (last - first) * progress.clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oneshot::relaxation::softmax;

    /// The Gumbel trick: the option is drawn by the softmax of the alphas, at any temperature.
    #[test]
    fn options_are_drawn_by_their_probability() {
        let alphas = [0.3, -0.5, 0.9, 0.0];
        let (mut counts, mut rng, n) = ([0.0; 4], Rng::new(7), 20_000);
        for i in 0..n {
            let draw = Hard((10.0, 0.1)).draw(&alphas, f64::from(i) / f64::from(n), &mut rng);
            assert_eq!(draw.weights.iter().sum::<f64>(), 1.0);
            counts.iter_mut().zip(&draw.weights).for_each(|(c, w)| *c += w / f64::from(n));
        }
        for (found, expected) in counts.iter().zip(softmax(&alphas)) {
            assert!((found - expected).abs() < 0.012, "{found} {expected}");
        }
    }
}
