//! An ensemble of small feed-forward networks, trained by Adam. A row lists its features that are not 0, each with its
//! value: of 0-1 features those that are present.

use crate::interrupt;
use crate::rng::Rng;

/// Features by number, with their values.
pub(crate) type Row = Vec<(u32, f64)>;

/// How the networks are built and trained.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recipe {
    pub(crate) layers: usize,
    pub(crate) width: usize,
    pub(crate) epochs: usize,
    pub(crate) rate: f64,
    pub(crate) batch: usize,
}

/// One network: features -> ReLU layers -> one number.
#[derive(Clone, Debug)]
pub(crate) struct Network {
    features: usize,
    width: usize,
    layers: usize,
    /// The first layer has a row of `width` weights for each feature, a hidden layer one for each of its
    /// inputs, and the last a single row. The rows of a layer are followed by its biases.
    weights: Vec<f64>,
}

impl Network {
    fn new(features: usize, recipe: &Recipe, active: f64, rng: &mut Rng) -> Network {
        let (width, layers) = (recipe.width, recipe.layers.max(1));
        let mut net = Network { features, width, layers, weights: vec![] };
        // He et al.: variance 2 / inputs; `active` is the sum of squares of a row, of 0-1 features their number.
        let mut rows = |inputs: usize, variance: f64, out: usize| {
            net.weights.extend((0..inputs * out).map(|_| variance.sqrt() * rng.normal()));
            net.weights.extend(std::iter::repeat_n(0.0, out));
        };
        rows(features, 2.0 / active.max(1.0), width);
        (1..layers).for_each(|_| rows(width, 2.0 / width as f64, width));
        rows(width, 1.0 / width as f64, 1);
        net
    }

    /// Where the weights of a hidden layer begin; those of the last layer for `self.layers`.
    fn begin(&self, layer: usize) -> usize {
        match layer {
            0 => 0,
            l => (self.features + 1) * self.width + (l - 1) * (self.width + 1) * self.width,
        }
    }

    /// The output, and the values of all hidden layers, one after the other.
    pub(crate) fn forward(&self, x: &[(u32, f64)], hidden: &mut Vec<f64>) -> f64 {
        let width = self.width;
        hidden.clear();
        hidden.resize(self.layers * width, 0.0);
        for layer in 0..self.layers {
            let w = &self.weights[self.begin(layer)..];
            let inputs = if layer == 0 { self.features } else { width };
            let (before, rest) = hidden.split_at_mut(layer * width);
            let out = &mut rest[..width];
            out.copy_from_slice(&w[inputs * width..(inputs + 1) * width]);
            if layer == 0 {
                x.iter().for_each(|&(f, v)| add(out, v, &w[f as usize * width..]));
            } else {
                let input = before[(layer - 1) * width..].iter().enumerate();
                input.filter(|(_, v)| **v != 0.0).for_each(|(i, v)| add(out, *v, &w[i * width..]));
            }
            out.iter_mut().for_each(|v| *v = v.max(0.0));
        }
        let w = &self.weights[self.begin(self.layers)..];
        let last = &hidden[(self.layers - 1) * width..];
        w[width] + last.iter().zip(w).map(|(h, w)| h * w).sum::<f64>()
    }

    /// Adds `slope` times the gradient of the output to `gradient`.
    pub(crate) fn backward(
        &self,
        x: &[(u32, f64)],
        hidden: &[f64],
        slope: f64,
        gradient: &mut [f64],
    ) {
        let width = self.width;
        let begin = self.begin(self.layers);
        let last = &hidden[(self.layers - 1) * width..];
        add(&mut gradient[begin..begin + width], slope, last);
        gradient[begin + width] += slope;
        let mut delta: Vec<f64> =
            self.weights[begin..begin + width].iter().map(|w| slope * w).collect();
        let mut below = vec![0.0; width];
        for layer in (0..self.layers).rev() {
            let here = &hidden[layer * width..(layer + 1) * width];
            delta.iter_mut().zip(here).filter(|(_, h)| **h <= 0.0).for_each(|(d, _)| *d = 0.0);
            let begin = self.begin(layer);
            let inputs = if layer == 0 { self.features } else { width };
            add(&mut gradient[begin + inputs * width..], 1.0, &delta);
            if layer == 0 {
                let mut row =
                    |f: u32, v| add(&mut gradient[begin + f as usize * width..], v, &delta);
                x.iter().for_each(|&(f, v)| row(f, v));
                break;
            }
            let input = &hidden[(layer - 1) * width..layer * width];
            for (i, (&v, b)) in input.iter().zip(&mut below).enumerate() {
                *b = 0.0;
                // A unit that is off passes nothing on, in either direction.
                if v > 0.0 {
                    let row = begin + i * width;
                    add(&mut gradient[row..row + width], v, &delta);
                    *b = super::gp::dot(&self.weights[row..row + width], &delta);
                }
            }
            std::mem::swap(&mut delta, &mut below);
        }
    }
}

fn add(out: &mut [f64], factor: f64, row: &[f64]) {
    out.iter_mut().zip(row).for_each(|(o, r)| *o += factor * r);
}

/// Networks trained on the same data from different initial weights.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ensemble(pub(crate) Vec<Network>);

impl Ensemble {
    pub(crate) fn train(
        x: &[Row],
        y: &[f64],
        features: usize,
        members: usize,
        recipe: &Recipe,
        rng: &mut Rng,
    ) -> Ensemble {
        let squares: f64 = x.iter().flatten().map(|(_, v)| v * v).sum();
        let active = squares / x.len().max(1) as f64;
        let member = |_| {
            let mut net = Network::new(features, recipe, active, rng);
            net.train(x, y, recipe, rng);
            net
        };
        Ensemble((0..members).map(member).collect())
    }

    /// The mean of the outputs and their standard deviation.
    pub(crate) fn predict(&self, x: &[(u32, f64)]) -> (f64, f64) {
        let mut hidden = vec![];
        let outputs: Vec<f64> = self.0.iter().map(|net| net.forward(x, &mut hidden)).collect();
        let n = outputs.len() as f64;
        let mean = outputs.iter().sum::<f64>() / n.max(1.0);
        let squares: f64 = outputs.iter().map(|v| (v - mean).powi(2)).sum();
        (mean, (squares / (n - 1.0).max(1.0)).sqrt())
    }
}

impl Network {
    fn train(&mut self, x: &[Row], y: &[f64], recipe: &Recipe, rng: &mut Rng) {
        let size = self.weights.len();
        let [mut gradient, mut first, mut second] = [0; 3].map(|_| vec![0.0; size]);
        let (mut hidden, mut step) = (vec![], 0);
        for _ in 0..recipe.epochs {
            interrupt::point();
            let order = rng.permutation(y.len());
            for batch in order.chunks(recipe.batch.max(1)) {
                gradient.iter_mut().for_each(|g| *g = 0.0);
                for &i in batch {
                    let error = self.forward(&x[i], &mut hidden) - y[i];
                    let slope = if error == 0.0 { 0.0 } else { error.signum() };
                    self.backward(&x[i], &hidden, slope / batch.len() as f64, &mut gradient);
                }
                step += 1;
                adam(&mut self.weights, &gradient, &mut first, &mut second, step, recipe);
            }
        }
    }
}

/// Kingma and Ba, arXiv 1412.6980, with their constants.
fn adam(w: &mut [f64], g: &[f64], m: &mut [f64], v: &mut [f64], step: i32, recipe: &Recipe) {
    const BETA: (f64, f64) = (0.9, 0.999);
    let (one, two) = (1.0 - BETA.0.powi(step), 1.0 - BETA.1.powi(step));
    let (rate, two) = (recipe.rate / one, 1.0 / two);
    for (((w, g), m), v) in w.iter_mut().zip(g).zip(m).zip(v) {
        *m = BETA.0 * *m + (1.0 - BETA.0) * g;
        *v = BETA.1 * *v + (1.0 - BETA.1) * g * g;
        *w -= rate * *m / ((*v * two).sqrt() + 1e-8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe(layers: usize) -> Recipe {
        Recipe { layers, width: 6, epochs: 200, rate: 0.01, batch: 8 }
    }

    /// Central differences of the output by every weight.
    #[test]
    fn the_gradient_is_that_of_finite_differences() {
        for layers in [1, 2, 4] {
            let mut rng = Rng::from_u64(layers as u64);
            let mut net = Network::new(5, &recipe(layers), 3.0, &mut rng);
            // Away from the kink of units whose input is zero.
            net.weights.iter_mut().for_each(|w| *w += 0.05 * rng.normal());
            let (x, mut hidden) = ([(0, 1.0), (2, -0.5), (3, 2.0)], vec![]);
            net.forward(&x, &mut hidden);
            let mut gradient = vec![0.0; net.weights.len()];
            net.backward(&x, &hidden, 1.5, &mut gradient);
            for (i, &g) in gradient.iter().enumerate() {
                let mut moved = |by: f64| {
                    let mut net = net.clone();
                    net.weights[i] += by;
                    net.forward(&x, &mut hidden)
                };
                let slope = 1.5 * (moved(1e-6) - moved(-1e-6)) / 2e-6;
                assert!(
                    (g - slope).abs() < 1e-7 * (1.0 + slope.abs()),
                    "{layers}, {i}: {g}, {slope}"
                );
            }
        }
    }

    #[test]
    fn adam_is_the_papers() {
        // By Python, as in algorithm 1 of arXiv 1412.6980: rate 0.1, w = 1, the loss w^2, three steps.
        let (mut w, mut m, mut v) = ([1.0], [0.0], [0.0]);
        let recipe = Recipe { rate: 0.1, ..recipe(1) };
        for (step, expected) in (1..).zip(ADAM) {
            let g = [2.0 * w[0]];
            adam(&mut w, &g, &mut m, &mut v, step, &recipe);
            assert!((w[0] - expected).abs() < 1e-9, "{} for {expected}", w[0]);
        }
    }
    const ADAM: [f64; 3] = [0.9000000005, 0.8004122286917928, 0.7015862729460303];

    #[test]
    fn it_learns_a_sum_and_is_unsure_elsewhere() {
        // Features 0 to 3 add 1 each and feature 4 subtracts 2; features 6 and 7 were never present.
        let present = |b: u32| (0..5).filter(|i| b >> i & 1 == 1).map(|i| (i, 1.0)).collect();
        let all: Vec<Row> = (0..32u32).map(present).collect();
        let value = |x: &Row| x.iter().map(|&(f, _)| if f == 4 { -2.0 } else { 1.0 }).sum::<f64>();
        let y: Vec<f64> = all.iter().map(value).collect();
        let ensemble = Ensemble::train(
            &all,
            &y,
            8,
            5,
            &Recipe { width: 20, ..recipe(3) },
            &mut Rng::from_u64(1),
        );
        for (x, y) in all.iter().zip(&y) {
            let (mu, _) = ensemble.predict(x);
            assert!((mu - y).abs() < 0.35, "{x:?}: {mu} for {y}");
        }
        let sigma = |a, b| ensemble.predict(&[(a, 1.0), (b, 1.0)]).1;
        assert!(sigma(6, 7) > sigma(0, 1));
    }

    #[test]
    fn nothing_to_learn_from_is_no_error() {
        let ensemble = Ensemble::train(&[], &[], 0, 2, &recipe(2), &mut Rng::from_u64(1));
        assert!(ensemble.predict(&[]).0.is_finite());
        assert_eq!(Ensemble::default().predict(&[]), (0.0, 0.0));
    }
}
