//! The loop that the methods of differentiable search have in common: alphas and weights learn in turn, on
//! two halves of the training samples.
//!
//! ```text
//! halve the training samples into T and V
//! for each batch (x, y) of T, with a batch (x', y') of V beside it
//!     alpha <- Adam step along grad_alpha L(x', y'; w', alpha)      w' = w, or one step ahead
//!     w     <- step along grad_w L(x, y; w, alpha)
//! ```
//!
//! The constants are those of DARTS (arXiv 1806.09055): for the alphas Adam with betas 0.5 and 0.999 and a
//! decay of 0.001. The optimiser of the weights, its schedule and the clipping are those of the training;
//! the paper's are `Optimizer::sgd(0.9).learning_rate(0.025).weight_decay(3e-4)` and `clip_gradient(5.0)`.
//!
//! Where we differ: the paper's learning rate of alpha, 0.0003, is for 50 epochs of 390 steps. A search on a
//! small set has a hundredth of these steps, in which the alphas would not move. So the product of rate and
//! steps is kept, for all methods with this number of steps, up to a rate of 0.02; [`alpha_rate`](crate::Darts::alpha_rate) sets another one.

use super::halves::Halves;
use super::relaxation::{Draw, Relaxation, Softmax, entropy};
use super::{Search, Signals};
use crate::data::Split;
use crate::error::{Error, ErrorKind, Result};
use crate::evaluate::{Kept, Train, Watch, clip, loss, measured, set};
use crate::graph::{Ask, Relaxed};
use crate::kernel;
use crate::model::{Mixed, Steps};
use crate::op::{Pass, Store};
use crate::rng::Rng;
use crate::space::Space;
use candle_core::backprop::GradStore;
use candle_core::{Tensor, Var};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The decay of the alphas in the papers.
const DECAY: f64 = 1e-3;

/// The settings that the methods have in common.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rules {
    pub(super) second_order: bool,
    /// The paper's learning rate of the alphas, and their decay.
    pub(super) rate: f64,
    pub(super) decay: f64,
    /// The learning rate of the alphas, where one is set.
    pub(super) given_rate: Option<f64>,
    /// The share of the search in which only the weights learn.
    pub(super) warm_up: f64,
    /// The options see one of so many channels.
    pub(super) share: i64,
    /// Whether edges have weights of their own.
    pub(super) normalise: bool,
    pub(super) curvature: bool,
    pub(super) stop_at_curvature: bool,
    pub(super) skips: Option<i64>,
}

impl Rules {
    pub(super) const fn new(rate: f64) -> Rules {
        Rules {
            second_order: false,
            rate,
            decay: DECAY,
            given_rate: None,
            warm_up: 0.0,
            share: 1,
            normalise: false,
            curvature: false,
            stop_at_curvature: false,
            skips: None,
        }
    }

    pub(super) fn problems(&self) -> Vec<String> {
        let mut found = vec![];
        if let Some(rate) = self.given_rate.filter(|r| !(r.is_finite() && *r > 0.0)) {
            found.push(format!("alpha_rate({rate}): allowed is a number above 0.0, as 0.003."));
        }
        if !(self.decay.is_finite() && self.decay >= 0.0) {
            let decay = self.decay;
            found.push(format!("alpha_decay({decay}): allowed is 0.0 or more, as 0.001."));
        }
        if !(0.0..1.0).contains(&self.warm_up) {
            let share = self.warm_up;
            found.push(format!(
                "warm_up({share}): allowed is a share of the epochs, 0.0 up to, not including, 1.0. Try 0.3."
            ));
        }
        if self.share < 1 {
            let n = self.share;
            found.push(format!("one_of_channels({n}): at least 1 is needed. Try 4."));
        }
        if let Some(n) = self.skips.filter(|n| *n < 1) {
            found.push(format!("stop_at_skips({n}): at least 1 is needed. Try 2."));
        }
        found
    }

    /// Whether edges have weights, and of how many channels the options see one.
    pub(super) fn how(&self) -> (bool, usize) {
        (self.normalise, self.share.max(1) as usize)
    }

    /// The learning rate of the alphas in a search of so many steps.
    fn rate(&self, steps: usize) -> f64 {
        let paper = 50.0 * 390.0;
        let scaled = self.rate * (paper / steps.max(1) as f64).max(1.0);
        self.given_rate.unwrap_or(scaled.min(0.02))
    }

    pub(super) fn describe(&self) -> String {
        let mut words = vec![];
        if let Some(rate) = self.given_rate {
            words.push(format!("alpha rate {rate}"));
        }
        if self.decay != DECAY {
            words.push(format!("alpha decay {}", self.decay));
        }
        if self.warm_up > 0.0 {
            words.push(format!("alphas wait for {} of the epochs", self.warm_up));
        }
        if self.share > 1 {
            words.push(format!("1 of {} channels", self.share));
        }
        if self.curvature && !self.stop_at_curvature {
            words.push("watches the curvature".to_string());
        }
        if self.stop_at_curvature {
            words.push("stops where the curvature rises".to_string());
        }
        if let Some(n) = self.skips {
            words.push(format!("stops before {n} skip connections"));
        }
        if words.is_empty() { String::new() } else { format!(" ({})", words.join(", ")) }
    }
}

/// The setters that the methods have in common.
macro_rules! rules {
    ($method:ident) => {
        impl $method {
            fn ruled(&self, change: impl FnOnce(&mut Rules)) -> $method {
                let mut method = self.clone();
                change(&mut method.rules);
                method
            }

            /// The learning rate of the alphas; by default it follows from the number of steps.
            pub fn alpha_rate(&self, rate: f64) -> $method {
                self.ruled(|rules| rules.given_rate = Some(rate))
            }

            /// How strongly the alphas are pulled to 0, where all options weigh the same; by default 0.001. It is
            /// an addend of their gradient: where that is small, as in a recurrent cell with its many edges, the
            /// alphas end near 0 whatever they learn.
            pub fn alpha_decay(&self, decay: f64) -> $method {
                self.ruled(|rules| rules.decay = decay)
            }

            /// Only the weights learn in this share of the epochs.
            pub fn warm_up(&self, share: f64) -> $method {
                self.ruled(|rules| rules.warm_up = share)
            }

            /// Measures after every epoch the dominant eigenvalue (that of largest magnitude) of the second
            /// derivatives of the validation loss by the alphas, as the figure "curvature" (arXiv 1909.09656). It takes about
            /// as long as ten steps.
            pub fn watch_curvature(&self) -> $method {
                self.ruled(|rules| rules.curvature = true)
            }

            /// Stops where the curvature has risen by a third within five epochs, and derives what there
            /// was before (arXiv 1909.09656).
            pub fn stop_at_curvature(&self) -> $method {
                self.ruled(|rules| (rules.curvature, rules.stop_at_curvature) = (true, true))
            }

            /// Stops where so many choices, in all cells together, have become skip connections, and derives
            /// what there was in the last epoch with fewer (after arXiv 1909.06035, which counts those of the
            /// normal cell).
            pub fn stop_at_skips(&self, n: impl crate::count::Count) -> $method {
                self.ruled(|rules| rules.skips = Some(n.to_i64()))
            }
        }
    };
}
pub(super) use rules;

/// How often the direction of the largest curvature is multiplied by the matrix.
const POWER_STEPS: usize = 6;
/// How many batches the curvature is measured on.
const CURVATURE_BATCHES: usize = 2;
/// How many batches the statistics of a derived network are measured on.
const RECALIBRATION: usize = 20;

/// A search in progress.
pub(super) struct Bilevel {
    rules: Rules,
    relaxation: Arc<dyn Relaxation>,
    space: Space,
    train: Train,
    seed: u64,
    relaxed: Relaxed,
    model: Mixed,
    store: Store,
    steps: Steps,
    samples: Halves,
    state: State,
}

/// What is kept besides tensors.
#[derive(Clone, Serialize, Deserialize)]
struct State {
    epoch: usize,
    /// Steps of the alphas.
    taken: usize,
    alphas: Vec<f64>,
    /// The moments of Adam.
    first: Vec<f64>,
    second: Vec<f64>,
    /// The alphas after every epoch, for a method that goes back.
    path: Vec<Vec<f64>>,
    curvatures: Vec<f64>,
    /// The epoch whose alphas count, where the search has stopped early, and why.
    stopped: Option<(usize, String)>,
}

/// The weights of all options in one step, with their derivatives.
struct Weighed {
    weights: Vec<f64>,
    /// The place in the list, and the derivatives of the weights there.
    slopes: Vec<(usize, Vec<Vec<f64>>)>,
}

impl Weighed {
    /// The gradient by the alphas from that by the weights.
    fn pull(&self, gradient: &[f64]) -> Vec<f64> {
        let mut pulled = vec![0.0; gradient.len()];
        for (at, slopes) in &self.slopes {
            for (o, row) in slopes.iter().enumerate() {
                for (k, slope) in row.iter().enumerate() {
                    pulled[at + k] += gradient[at + o] * slope;
                }
            }
        }
        pulled
    }
}

impl Bilevel {
    pub(super) fn begin(
        rules: Rules,
        relaxation: Arc<dyn Relaxation>,
        space: &Space,
        train: &Train,
        seed: u64,
    ) -> Result<Bilevel> {
        kernel::prepare();
        let (rng, store) = (Rng::from_u64(seed), Store::default());
        let relaxed = Relaxed::of(space.networks().spec())?;
        let init = rng.stream("init", 0).bits();
        let how = rules.how();
        let batch = train.settings.batch;
        let model = Mixed::new(space, &relaxed, how, batch, &train.device, (init, &store))?;
        let mut steps = Steps::new(train.settings.optimizer);
        steps.take_on(model.weights())?;
        let samples = Halves::of(train, &rng)?;
        let mut near_zero = rng.stream("alphas", 0);
        let alphas: Vec<f64> = (0..relaxed.width).map(|_| 1e-3 * near_zero.normal()).collect();
        let zeros = vec![0.0; relaxed.width];
        let state = State {
            epoch: 0,
            taken: 0,
            alphas,
            first: zeros.clone(),
            second: zeros,
            path: vec![],
            curvatures: vec![],
            stopped: None,
        };
        let (space, train) = (space.clone(), train.clone());
        Ok(Bilevel {
            rules,
            relaxation,
            space,
            train,
            seed,
            relaxed,
            model,
            store,
            steps,
            samples,
            state,
        })
    }

    fn batch(&self) -> usize {
        self.train.settings.batch as usize
    }

    /// Steps in an epoch.
    fn per_epoch(&self) -> usize {
        self.samples.parts[0].len() / self.batch()
    }

    /// The epochs in which only the weights learn.
    fn waiting(&self) -> usize {
        (self.rules.warm_up * self.full() as f64).floor() as usize
    }

    fn full(&self) -> usize {
        self.train.settings.epochs.max(1) as usize
    }

    /// The weights of a step at these alphas.
    fn weigh(&self, alphas: &[f64], rng: &mut Rng) -> Weighed {
        let progress = self.state.epoch as f64 / (self.full() - 1).max(1) as f64;
        let mut weights = vec![1.0; self.relaxed.width];
        let mut slopes = vec![];
        let mut put = |at: usize, draw: Draw| {
            weights[at..at + draw.weights.len()].copy_from_slice(&draw.weights);
            slopes.push((at, draw.slopes));
        };
        for place in &self.relaxed.places {
            let own = &alphas[place.at..place.at + place.options.len()];
            put(place.at, self.relaxation.draw(own, progress, rng));
        }
        for meeting in self.relaxed.meetings.iter().filter(|_| self.rules.normalise) {
            let own = &alphas[meeting.at..meeting.at + meeting.from.len()];
            put(meeting.at, Softmax.draw(own, progress, rng));
        }
        Weighed { weights, slopes }
    }

    /// The alphas that count: those of an earlier epoch, where the search has stopped early.
    fn counting(&self) -> &[f64] {
        let back =
            self.state.stopped.as_ref().and_then(|(epoch, _)| self.state.path.get(epoch - 1));
        back.unwrap_or(&self.state.alphas)
    }

    /// The weights that count when an architecture is derived.
    fn settled(&self, alphas: &[f64]) -> Vec<f64> {
        let mut weights = vec![1.0; self.relaxed.width];
        for place in &self.relaxed.places {
            let own = place.at..place.at + place.options.len();
            weights[own.clone()].copy_from_slice(&self.relaxation.settled(&alphas[own]));
        }
        for meeting in self.relaxed.meetings.iter().filter(|_| self.rules.normalise) {
            let own = meeting.at..meeting.at + meeting.from.len();
            weights[own.clone()].copy_from_slice(&super::relaxation::softmax(&alphas[own]));
        }
        weights
    }

    /// The loss on a batch, and its gradients.
    fn gradients(
        &self,
        (x, y): &(Tensor, Tensor),
        weights: &[f64],
        dropout: &Rng,
    ) -> Result<(f64, GradStore)> {
        let mut pass = Pass::new(true, Some(dropout.clone()));
        pass.mixture = Some(self.model.set(weights)?);
        let out = self.model.run(x, &mut pass)?;
        let loss = loss(&self.train.data.task(), &out, y, self.train.settings.smoothing)?;
        let grads = loss.backward()?;
        Ok((f64::from(loss.to_scalar::<f32>()?), grads))
    }

    /// The gradient of the weights of options.
    fn of_options(&self, grads: &GradStore) -> Result<Vec<f64>> {
        match grads.get(self.model.mixture()) {
            Some(g) => Ok(g.to_vec1::<f32>()?.into_iter().map(f64::from).collect()),
            None => Ok(vec![0.0; self.relaxed.width]),
        }
    }

    /// grad_alpha L_val, at the weights as they are or one step ahead; see `darts.rs`.
    fn alpha_gradient(
        &mut self,
        validation: &(Tensor, Tensor),
        training: &(Tensor, Tensor),
        scale: f64,
        rng: &mut Rng,
    ) -> Result<Vec<f64>> {
        let weighed = self.weigh(&self.state.alphas, rng);
        let dropout = rng.clone();
        if !self.rules.second_order {
            let (_, grads) = self.gradients(validation, &weighed.weights, &dropout)?;
            return Ok(weighed.pull(&self.of_options(&grads)?));
        }
        let vars: Vec<Var> = self.model.weights().iter().map(|(_, var)| var.clone()).collect();
        let copy = |var: &Var| Ok(var.as_detached_tensor().copy()?);
        let before = vars.iter().map(copy).collect::<Result<Vec<Tensor>>>()?;
        let (_, grads) = self.gradients(training, &weighed.weights, &dropout)?;
        let xi = self.steps.look_ahead(&grads, scale)?;
        let (_, grads) = self.gradients(validation, &weighed.weights, &dropout)?;
        let mut gradient = self.of_options(&grads)?;
        let directions: Vec<Option<Tensor>> = vars.iter().map(|v| grads.get(v).cloned()).collect();
        let mut square = 0.0;
        for v in directions.iter().flatten() {
            square += f64::from(v.sqr()?.sum_all()?.to_scalar::<f32>()?);
        }
        let eps = 0.01 / square.sqrt();
        let mut sides = [vec![], vec![]];
        if eps.is_finite() {
            for (side, sign) in sides.iter_mut().zip([1.0, -1.0]) {
                for ((var, before), v) in vars.iter().zip(&before).zip(&directions) {
                    var.set(before)?;
                    if let Some(v) = v {
                        kernel::shift(var, v, sign * eps)?;
                    }
                }
                let grads = kernel::with_fixed_weights(|| {
                    self.gradients(training, &weighed.weights, &dropout)
                })?;
                *side = self.of_options(&grads.1)?;
            }
        }
        for (var, before) in vars.iter().zip(&before) {
            var.set(before)?;
        }
        for ((g, up), down) in gradient.iter_mut().zip(&sides[0]).zip(&sides[1]) {
            *g -= xi * (up - down) / (2.0 * eps);
        }
        Ok(weighed.pull(&gradient))
    }

    /// One step of Adam on the alphas.
    fn step_alphas(&mut self, gradient: &[f64], rate: f64) {
        let (beta1, beta2, s) = (0.5, 0.999f64, &mut self.state);
        s.taken += 1;
        let t = s.taken as i32;
        for (i, g) in gradient.iter().enumerate() {
            let g = g + self.rules.decay * s.alphas[i];
            s.first[i] = beta1 * s.first[i] + (1.0 - beta1) * g;
            s.second[i] = beta2 * s.second[i] + (1.0 - beta2) * g * g;
            let mean = s.first[i] / (1.0 - beta1.powi(t));
            let root = (s.second[i] / (1.0 - beta2.powi(t))).sqrt();
            s.alphas[i] -= rate * mean / (root + 1e-8);
        }
    }

    /// The gradients of all penalties.
    fn penalty(&self) -> Vec<f64> {
        let mut all = vec![0.0; self.relaxed.width];
        for place in &self.relaxed.places {
            let own = place.at..place.at + place.options.len();
            all[own.clone()].copy_from_slice(&self.relaxation.penalty(&self.state.alphas[own]));
        }
        all
    }

    /// The decisions that these alphas lead to: of a choice the option with the largest weight. In a cell
    /// whose nodes keep some of their edges, no edge is zero, and those are kept whose options weigh most.
    fn decide(&self, alphas: &[f64]) -> Result<Vec<u32>> {
        let w = self.settled(alphas);
        let best = |place: &crate::graph::Place, zeros: bool| {
            let allowed = (0..place.options.len()).filter(|&o| zeros || !place.zeros[o]);
            allowed.max_by(|&a, &b| w[place.at + a].total_cmp(&w[place.at + b]).then(b.cmp(&a)))
        };
        self.relaxed.decide(self.space.networks().spec(), |question| {
            Ok(match question {
                Ask::Place { place, kept } => best(place, !kept).unwrap_or(0),
                Ask::Step { edges, functions } => {
                    let strength = |edge: usize| {
                        let option = best(&edges[edge], false).unwrap_or(1);
                        (w[edges[edge].at + option], option)
                    };
                    let better = |a: usize, b: usize| {
                        if strength(b).0 > strength(a).0 { b } else { a }
                    };
                    let edge = (0..edges.len()).fold(0, better);
                    edge * functions + strength(edge).1 - 1
                }
                Ask::Sets { meeting, sets } => {
                    let strength = |i: usize| {
                        let place = meeting.places[i].map(|p| &self.relaxed.places[p]);
                        let option = place.and_then(|p| Some(w[p.at + best(p, false)?]));
                        option.unwrap_or(1.0) * w[meeting.at + i]
                    };
                    let sum = |set: &Vec<usize>| set.iter().map(|&i| strength(i)).sum::<f64>();
                    let better =
                        |a: usize, b: usize| if sum(&sets[b]) > sum(&sets[a]) { b } else { a };
                    (0..sets.len()).fold(0, better)
                }
            })
        })
    }

    /// How many choices have become skip connections.
    fn skips(&self, decisions: &[u32]) -> Result<usize> {
        let (mut rest, mut skips) = (decisions.iter(), 0);
        self.relaxed.decide(self.space.networks().spec(), |question| {
            let pick = question.recall(&mut rest);
            if let Ask::Place { place, .. } = question {
                skips += usize::from(place.skips.get(pick) == Some(&true));
            }
            Ok(pick)
        })?;
        Ok(skips)
    }

    /// The eigenvalue of largest magnitude of the second derivatives of the validation loss by the alphas: power
    /// iteration, where the matrix times a direction is a difference of two gradients.
    fn curvature(&self, watch: &Watch) -> Result<f64> {
        let order = &self.samples.parts[1];
        let batches = order.chunks_exact(self.batch()).take(CURVATURE_BATCHES);
        let batches = batches.map(|b| self.samples.gather(b)).collect::<Result<Vec<_>>>()?;
        let rng = Rng::from_u64(self.seed).stream("curvature", self.state.epoch);
        let gradient = |alphas: &[f64]| -> Result<Vec<f64>> {
            let mut sum = vec![0.0; alphas.len()];
            for batch in &batches {
                watch.check()?;
                let weighed = self.weigh(alphas, &mut rng.stream("draw", 0));
                let grads =
                    kernel::with_fixed_weights(|| self.gradients(batch, &weighed.weights, &rng))?;
                let pulled = weighed.pull(&self.of_options(&grads.1)?);
                sum.iter_mut().zip(pulled).for_each(|(s, g)| *s += g / batches.len() as f64);
            }
            Ok(sum)
        };
        let mut random = rng.stream("direction", 0);
        let mut v: Vec<f64> = (0..self.relaxed.width).map(|_| random.normal()).collect();
        let (eps, mut eigenvalue) = (0.01, 0.0);
        for _ in 0..POWER_STEPS {
            let norm = v.iter().map(|v| v * v).sum::<f64>().sqrt();
            if norm == 0.0 {
                return Ok(0.0);
            }
            v.iter_mut().for_each(|v| *v /= norm);
            let moved = |by: f64| -> Vec<f64> {
                self.state.alphas.iter().zip(&v).map(|(a, v)| a + by * v).collect()
            };
            let (up, down) = (gradient(&moved(eps))?, gradient(&moved(-eps))?);
            let product: Vec<f64> =
                up.iter().zip(&down).map(|(up, down)| (up - down) / (2.0 * eps)).collect();
            eigenvalue = product.iter().zip(&v).map(|(p, v)| p * v).sum();
            v = product;
        }
        Ok(eigenvalue)
    }

    /// The validation metrics of the network with these weights of options, whose statistics are measured
    /// anew.
    fn validate(&self, weights: &[f64], watch: &Watch) -> Result<Vec<(String, f64)>> {
        let mixture = self.model.set(weights)?;
        let rng = Rng::from_u64(self.seed).stream("recalibrate", self.state.epoch);
        let mut order = self.train.data.indices(Split::Train);
        rng.stream("shuffle", 0).shuffle(&mut order);
        let batches = if self.model.has_statistics() { RECALIBRATION } else { 0 };
        for (i, batch) in order.chunks_exact(self.batch()).take(batches).enumerate() {
            watch.check()?;
            let mut pass = Pass::new(true, Some(rng.stream("dropout", i)));
            (pass.momentum, pass.mixture) = (1.0 / (i + 1) as f64, Some(mixture.clone()));
            self.model.run(&self.samples.gather(batch)?.0, &mut pass)?;
        }
        measured(&self.train, (&self.samples.x, &self.samples.y), Split::Validation, |x| {
            watch.check()?;
            let mut pass = Pass::new(false, None);
            pass.mixture = Some(mixture.clone());
            Ok(self.model.run(x, &mut pass)?)
        })
    }

    /// Whether to stop, and at which epoch's alphas.
    fn judge(&self) -> Result<Option<(usize, String)>> {
        let (last, waiting) = (self.state.path.len(), self.waiting());
        if last <= waiting {
            return Ok(None);
        }
        if let Some(most) = self.rules.skips {
            let count = |alphas: &[f64]| self.skips(&self.decide(alphas)?);
            let skips = count(&self.state.alphas)?;
            if skips as i64 >= most {
                // The last epoch with fewer; where there has been none, there is nothing to go back to.
                for epoch in (waiting + 1..last).rev() {
                    if (count(&self.state.path[epoch - 1])? as i64) < most {
                        return Ok(Some((epoch, format!("{skips} skip connections"))));
                    }
                }
            }
        }
        // Means over three epochs, five epochs apart; a ratio of 0.75.
        let mean = |to: usize| -> Option<f64> {
            let window = self.state.curvatures.get(to.checked_sub(3)?..to)?;
            Some(window.iter().sum::<f64>() / 3.0)
        };
        if self.rules.stop_at_curvature
            && let (Some(then), Some(now)) = (last.checked_sub(5).and_then(mean), mean(last))
            && last - 5 > waiting
            && then > 0.0
            && then / now < 0.75
            && now > 0.0
        {
            return Ok(Some((last - 5, format!("curvature from {then:.3} to {now:.3}"))));
        }
        Ok(None)
    }
}

impl Search for Bilevel {
    fn epoch(&self) -> usize {
        self.state.epoch
    }

    fn advance(&mut self, watch: &Watch) -> Result<()> {
        let (epoch, per_epoch) = (self.state.epoch, self.per_epoch());
        let rng = Rng::from_u64(self.seed);
        let mut orders = self.samples.parts.clone();
        for (order, name) in orders.iter_mut().zip(["shuffle", "shuffle held out"]) {
            rng.stream(name, epoch).shuffle(order);
        }
        let size = self.batch();
        let held_out: Vec<&[u32]> = orders[1].chunks_exact(size).collect();
        let waiting = self.waiting();
        let rate = self.rules.rate((self.full() - waiting).max(1) * per_epoch);
        for (i, batch) in orders[0].chunks_exact(size).enumerate() {
            watch.check()?;
            kernel::step_begins();
            let step = epoch * per_epoch + i;
            let schedule = self.train.settings.schedule;
            let scale = schedule.scale(step, per_epoch, per_epoch * self.full());
            let mut training = self.samples.gather(batch)?;
            if !self.train.settings.augment.is_none() {
                let mut rng = rng.stream("augment", step);
                training.0 = self.train.settings.augment.apply(&training.0, &mut rng)?;
            }
            if epoch >= waiting {
                let validation = self.samples.gather(held_out[i % held_out.len()])?;
                let mut rng = rng.stream("alphas", step + 1);
                let mut gradient = self.alpha_gradient(&validation, &training, scale, &mut rng)?;
                gradient.iter_mut().zip(self.penalty()).for_each(|(g, p)| *g += p);
                self.step_alphas(&gradient, rate);
                if !self.state.alphas.iter().all(|a| a.is_finite()) {
                    return Err(Error::new(
                        ErrorKind::Backend,
                        format!(
                            "the alphas are no longer numbers in epoch {}: the search has diverged. Try \
                             a smaller learning rate of the training, a smaller alpha_rate({}), or \
                             clip_gradient(5.0).",
                            epoch + 1,
                            rate / 10.0
                        ),
                    ));
                }
            }
            let mut rng = rng.stream("weights", step);
            let weighed = self.weigh(&self.state.alphas, &mut rng);
            let (found, mut grads) = self.gradients(&training, &weighed.weights, &rng)?;
            if !found.is_finite() {
                return Err(Error::new(
                    ErrorKind::Backend,
                    format!(
                        "the loss is {found} in epoch {}: the search has diverged. Try a smaller \
                         learning rate, or clip_gradient(5.0).",
                        epoch + 1
                    ),
                ));
            }
            if let Some(most) = self.train.settings.clip {
                let vars: Vec<Var> =
                    self.model.weights().iter().map(|(_, var)| var.clone()).collect();
                clip(&mut grads, &vars, most)?;
            }
            self.steps.step(&grads, scale)?;
        }
        self.state.epoch += 1;
        self.state.path.push(self.state.alphas.clone());
        if self.rules.curvature {
            let curvature = self.curvature(watch)?;
            self.state.curvatures.push(curvature);
        }
        self.state.stopped = self.judge()?;
        Ok(())
    }

    fn stopped(&self) -> Option<String> {
        self.state.stopped.as_ref().map(|(_, why)| why.clone())
    }

    fn derive(&mut self) -> Result<Vec<u32>> {
        self.decide(self.counting())
    }

    fn score(&mut self, decisions: &[u32], watch: &Watch) -> Result<Vec<(String, f64)>> {
        let weights = self.relaxed.one_hot(self.space.networks().spec(), decisions)?;
        self.validate(&weights, watch)
    }

    fn mixture(&mut self, weights: &[f64], watch: &Watch) -> Result<Vec<(String, f64)>> {
        self.validate(weights, watch)
    }

    fn signals(&mut self, watch: &Watch) -> Result<Signals> {
        let weights = self.settled(self.counting());
        let places = &self.relaxed.places;
        let each = places.iter().map(|p| entropy(&weights[p.at..p.at + p.options.len()]));
        let mean = each.sum::<f64>() / places.len().max(1) as f64;
        let mut figures = vec![("entropy".to_string(), mean)];
        let skips = self.skips(&self.decide(self.counting())?)?;
        figures.push(("skip connections".to_string(), skips as f64));
        // What the mixture itself reaches: the gap to what is derived is what discretisation costs.
        let mixed = self.validate(&weights, watch)?;
        figures
            .extend(mixed.first().map(|(name, value)| (format!("{name} of the mixture"), *value)));
        let progress = self.state.epoch.saturating_sub(1) as f64 / (self.full() - 1).max(1) as f64;
        if let Some(temperature) = self.relaxation.temperature(progress) {
            figures.push(("temperature".to_string(), temperature));
        }
        if let Some(&curvature) = self.state.curvatures.last() {
            figures.push(("curvature".to_string(), curvature));
        }
        Ok(Signals { figures, weights })
    }

    fn keep(&self) -> Result<Kept> {
        Ok(Kept::of(serde_json::to_value(&self.state)?, &self.store, &self.steps))
    }

    fn restore(&mut self, kept: Kept) -> Result<()> {
        let state: State = serde_json::from_value(kept.state)?;
        if state.alphas.len() != self.relaxed.width {
            return Err(Error::from("it is of another space"));
        }
        let tensors: std::collections::HashMap<String, Tensor> = kept.tensors.into_iter().collect();
        for (name, var) in self.store.vars().into_iter().chain(self.steps.slots()) {
            set(&tensors, &name, &var)?;
        }
        self.steps.go_on(kept.steps, &kept.missed);
        self.state = state;
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::prelude::*;

    fn begin(rules: Rules, train: &Train, space: &Space) -> Bilevel {
        Bilevel::begin(rules, Arc::new(Softmax), space, train, 3).unwrap()
    }

    /// How many tensors of weights have a gradient in a step.
    pub(crate) fn trained_in_a_step(
        relaxation: Arc<dyn Relaxation>,
        train: &Train,
        space: &Space,
    ) -> usize {
        let rules = Rules::new(3e-4);
        let run = Bilevel::begin(rules, relaxation, space, train, 3).unwrap();
        let weighed = run.weigh(&run.state.alphas, &mut Rng::new(1));
        let batch = run.samples.gather(&run.samples.parts[0][..16]).unwrap();
        let (_, grads) = run.gradients(&batch, &weighed.weights, &Rng::new(1)).unwrap();
        run.model.weights().iter().filter(|(_, var)| grads.get(var).is_some()).count()
    }

    /// grad_alpha of L_val(w - xi d(alpha), alpha), against differences of that very loss: the exact
    /// gradient, with the whole product of second derivatives.
    #[test]
    fn the_second_order_gradient_is_that_of_the_unrolled_loss() {
        let data = Dataset::digits().take(300);
        let op = one_of([
            linear(same()).activation("tanh"),
            linear(same()).activation("sigmoid"),
            skip(),
        ]);
        let space = Space::on(&data).then(flatten()).then(linear(12).plain()).then(&op).then(&op);
        let sgd = Optimizer::sgd(0.9).learning_rate(0.5).weight_decay(3e-4);
        let train = Train::on(&data).batch_size(60).epochs(4).optimizer(sgd);
        let mut run = begin(Rules { second_order: true, ..Rules::new(3e-4) }, &train, &space);
        // Momentum, and alphas that are not all the same.
        run.advance(&Watch::none()).unwrap();
        run.state.alphas.iter_mut().enumerate().for_each(|(i, a)| *a = 0.4 * (i as f64).sin());
        let training = run.samples.gather(&run.samples.parts[0][..60]).unwrap();
        let validation = run.samples.gather(&run.samples.parts[1][..60]).unwrap();
        let rng = Rng::new(1);
        let scale = 1.0;
        let found = run.alpha_gradient(&validation, &training, scale, &mut rng.clone()).unwrap();
        let vars: Vec<Var> = run.model.weights().iter().map(|(_, v)| v.clone()).collect();
        let before: Vec<Tensor> =
            vars.iter().map(|v| v.as_detached_tensor().copy().unwrap()).collect();
        // The mean over many samples of a smooth loss in f32: differences of 0.05 are far above rounding.
        let unrolled = |run: &Bilevel, alphas: &[f64]| {
            let weighed = run.weigh(alphas, &mut rng.clone());
            let (_, grads) = run.gradients(&training, &weighed.weights, &rng).unwrap();
            run.steps.look_ahead(&grads, scale).unwrap();
            let (loss, _) = run.gradients(&validation, &weighed.weights, &rng).unwrap();
            vars.iter().zip(&before).for_each(|(v, b)| v.set(b).unwrap());
            loss
        };
        let (mut differs, h) = (0.0, 0.05);
        for i in 0..run.state.alphas.len() {
            let at = |by: f64| {
                let mut alphas = run.state.alphas.clone();
                alphas[i] += by;
                unrolled(&run, &alphas)
            };
            // Of fourth order in h.
            let slope = (8.0 * (at(h) - at(-h)) - (at(2.0 * h) - at(-2.0 * h))) / (12.0 * h);
            assert!(
                (found[i] - slope).abs() < 2e-2 * slope.abs() + 2e-5,
                "{i}: {} {slope}",
                found[i]
            );
            differs += slope.abs();
        }
        assert!(differs > 1e-2, "{differs}");
        // The product with second derivatives counts: without it the gradient is another one.
        run.rules.second_order = false;
        let plain = run.alpha_gradient(&validation, &training, scale, &mut rng.clone()).unwrap();
        let apart: f64 = plain.iter().zip(&found).map(|(a, b)| (a - b).abs()).sum();
        assert!(apart > 0.05 * differs, "{apart} {differs}");
    }

    /// Of each step of a recurrent cell the edge with the largest weight of a function, whatever "none"
    /// weighs, and then that function.
    #[test]
    fn a_step_keeps_the_edge_with_the_strongest_function() {
        let data = Dataset::names_text().take(40);
        let (all, one) = (any(["tanh", "relu"]), any(["sigmoid"]));
        let steps = (0..8).map(|i| match i {
            0 => (0..=0, &all),
            1 => (0..=1, &all),
            2 => (0..=2, &one),
            _ => (i..=i, &one),
        });
        let space = Space::on(&data).then(embedding(3)).then(darts_rnn(3, steps));
        let run = begin(Rules::new(3e-3), &Train::on(&data).batch_size(8).epochs(1), &space);
        let names: Vec<&str> = run.relaxed.places.iter().map(|p| p.label.as_str()).collect();
        assert_eq!(names, ["rnn 0-1", "rnn 0-2", "rnn 1-2", "rnn 0-3", "rnn 1-3", "rnn 2-3"]);
        #[rustfmt::skip]
        let alphas = [
            5.0, 1.0, 2.0, // none, tanh, relu
            0.0, 1.0, 3.0,
            9.0, 9.0, 8.0, // the largest alphas, and yet tanh has the smaller share
            0.0, 0.1, // none, sigmoid
            0.0, 0.3,
            1.0, 0.2,
        ];
        let decided = run.decide(&alphas).unwrap();
        assert_eq!(decided, [1, 0, 1, 1]);
        let weights = run.relaxed.one_hot(space.networks().spec(), &decided).unwrap();
        #[rustfmt::skip]
        let expected = [
            0.0, 0.0, 1.0,
            0.0, 0.0, 1.0,
            0.0, 0.0, 0.0,
            0.0, 0.0,
            0.0, 1.0,
            0.0, 0.0,
        ];
        assert_eq!(weights, expected);
        assert_eq!(run.skips(&decided).unwrap(), 0);
        assert_eq!(run.decide(&weights).unwrap(), decided);
    }
}
