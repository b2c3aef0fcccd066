//! What the methods of differentiable search differ in: how the weights of a choice's options follow from
//! numbers that can be learned, its alphas.

use crate::rng::Rng;

/// The weights of the options of one choice, and how they change with its alphas.
pub(crate) struct Draw {
    pub(crate) weights: Vec<f64>,
    /// `slopes[o][k]` is the derivative of the weight of option `o` by alpha `k`.
    pub(crate) slopes: Vec<Vec<f64>>,
}

/// How weights follow from alphas.
pub(crate) trait Relaxation: Send + Sync {
    /// The weights in one step; `progress` is the share of the search that is over.
    fn draw(&self, alphas: &[f64], progress: f64, rng: &mut Rng) -> Draw;

    /// What the alphas say without chance: the weights that an architecture is derived from.
    fn settled(&self, alphas: &[f64]) -> Vec<f64> {
        softmax(alphas)
    }

    /// The gradient of what is added to the validation loss, by each alpha.
    fn penalty(&self, alphas: &[f64]) -> Vec<f64> {
        vec![0.0; alphas.len()]
    }

    /// The temperature, where there is one.
    fn temperature(&self, _progress: f64) -> Option<f64> {
        None
    }
}

/// `exp(a_o) / sum over k of exp(a_k)`.
pub(crate) fn softmax(alphas: &[f64]) -> Vec<f64> {
    let most = alphas.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let all: Vec<f64> = alphas.iter().map(|a| (a - most).exp()).collect();
    let sum: f64 = all.iter().sum();
    all.into_iter().map(|e| e / sum).collect()
}

/// The derivatives of a softmax with these values, by what its arguments are divided by `temperature`:
/// `p_o ((o == k) - p_k) / temperature`.
pub(crate) fn softmax_slopes(p: &[f64], temperature: f64) -> Vec<Vec<f64>> {
    let row = |o: usize| {
        let entry = |k: usize| p[o] * (f64::from(u8::from(o == k)) - p[k]) / temperature;
        (0..p.len()).map(entry).collect()
    };
    (0..p.len()).map(row).collect()
}

/// The weights are the softmax of the alphas.
pub(crate) struct Softmax;

impl Relaxation for Softmax {
    fn draw(&self, alphas: &[f64], _: f64, _: &mut Rng) -> Draw {
        let weights = softmax(alphas);
        let slopes = softmax_slopes(&weights, 1.0);
        Draw { weights, slopes }
    }
}

/// The Gumbel-softmax, or concrete distribution (Jang et al., arXiv 1611.01144; Maddison et al.,
/// 1611.00712): `softmax((log p + g) / temperature)` with `p = softmax(alphas)` and `g` from the standard
/// Gumbel distribution. Its largest entry is that of a draw from `p`.
pub(crate) fn gumbel_softmax(alphas: &[f64], temperature: f64, rng: &mut Rng) -> Draw {
    let gumbel = |rng: &mut Rng| -(-rng.uniform().max(f64::MIN_POSITIVE).ln()).ln();
    // log p differs from the alphas by a number that is the same for all of them, and a softmax does not
    // see it.
    let noisy: Vec<f64> = alphas.iter().map(|a| (a + gumbel(rng)) / temperature).collect();
    let weights = softmax(&noisy);
    let slopes = softmax_slopes(&weights, temperature);
    Draw { weights, slopes }
}

/// The entropy of weights, as a share of the largest possible one.
pub(crate) fn entropy(weights: &[f64]) -> f64 {
    let sum: f64 = weights.iter().sum();
    let each = |w: &f64| if *w > 0.0 { -(w / sum) * (w / sum).ln() } else { 0.0 };
    match weights.len() {
        0 | 1 => 0.0,
        n => weights.iter().map(each).sum::<f64>() / (n as f64).ln(),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The slopes of a relaxation, against differences of its weights with the same chance.
    pub(crate) fn slopes_are_derivatives(relaxation: &dyn Relaxation, tolerance: f64) {
        let (alphas, h) = (vec![0.3, -0.5, 0.9, 0.0], 1e-5);
        for seed in 0..20 {
            let draw = |alphas: &[f64]| relaxation.draw(alphas, 0.4, &mut Rng::new(seed));
            let slopes = draw(&alphas).slopes;
            for k in 0..alphas.len() {
                let moved = |by: f64| {
                    let mut alphas = alphas.clone();
                    alphas[k] += by;
                    draw(&alphas).weights
                };
                for (o, (up, down)) in moved(h).iter().zip(moved(-h)).enumerate() {
                    let expected = (up - down) / (2.0 * h);
                    let found = slopes[o][k];
                    let allowed = tolerance * (1.0 + expected.abs());
                    assert!(
                        (found - expected).abs() < allowed,
                        "{seed} {o} {k}: {found} {expected}"
                    );
                }
            }
        }
    }

    #[test]
    fn entropy_is_a_share() {
        assert_eq!(entropy(&[0.25; 4]), 1.0);
        assert_eq!(entropy(&[1.0, 0.0]), 0.0);
        assert_eq!(entropy(&[3.0]), 0.0);
    }
}
