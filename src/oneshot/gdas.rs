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
        let name = named("GDAS", gdas.temperatures, Gdas::new().temperatures);
        Method::relaxed(&name, Hard(gdas.temperatures), gdas.rules)
            .with_problems(wrong(gdas.temperatures))
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

/// The name of a method, with the temperatures if they are others than usual.
pub(super) fn named(name: &str, found: (f64, f64), usual: (f64, f64)) -> String {
    let (first, last) = found;
    if found == usual { name.into() } else { format!("{name}, temperature {first} to {last}") }
}

/// What is wrong with temperatures.
pub(super) fn wrong((first, last): (f64, f64)) -> Option<String> {
    let fine = [first, last].iter().all(|t| t.is_finite() && *t > 0.0);
    (!fine).then(|| {
        format!("temperature({first}, {last}): allowed are numbers above 0.0. Try temperature(1.0, 0.1).")
    })
}

/// From the first to the second number as `progress` goes from 0 to 1.
pub(super) fn linear((first, last): (f64, f64), progress: f64) -> f64 {
    first + (last - first) * progress.clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oneshot::relaxation::softmax;
    use std::sync::Arc;

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
    /// A step computes one option of each choice: only its weights have a gradient.
    #[test]
    fn only_what_was_drawn_is_computed() {
        use crate::oneshot::bilevel::tests::trained_in_a_step;
        use crate::prelude::*;
        let data = Dataset::digits().take(100);
        let op = || one_of([conv(same(), 3), conv(same(), 5), conv(same(), 1)]);
        let space = Space::on(&data).then(conv(4, 3)).then(op()).then(op()).then(global_avg_pool());
        let train = Train::on(&data).batch_size(16);
        let of = |relaxation: Arc<dyn Relaxation>| trained_in_a_step(relaxation, &train, &space);
        // Stem and head have 5 tensors, and an option has its kernel.
        assert_eq!(of(Arc::new(Hard((10.0, 0.1)))), 5 + 2);
        assert_eq!(of(Arc::new(crate::oneshot::relaxation::Softmax)), 5 + 6);
    }
}
