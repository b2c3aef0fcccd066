//! A network that computes the same as a smaller one: the weights of a morphism, which `graph/morph.rs` finds.
//!
//! Chen, Goodfellow and Shlens, "Net2Net", arXiv 1511.05641:
//!
//! ```text
//! wider     U_i = W_g(i) for the layer, where g says which old unit the new unit i is
//!           V_i = W_g(i) / |{j : g(j) = g(i)}| for the layer that reads it
//! deeper    U = I, b = 0; with batch normalisation gamma, beta = the deviation and the mean of what comes in
//! ```
//!
//! Where we differ:
//!
//! - The paper divides the weights of a unit equally among its copies, and adds noise, for copies with equal
//!   weights have equal gradients and stay copies. Here the shares are drawn, anew for every weight, and add up
//!   to 1: the function is preserved, and the gradients differ.
//! - The paper takes mean and deviation from data. Here they follow from the layer before: what a batch
//!   normalisation gives is taken as normal with its beta and gamma, and cut off at 0 by a ReLU. In evaluation
//!   the function does not depend on them. In training it does, until they have been learned from batches.

use super::Model;
use crate::count::Count;
use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::graph::morph::{Map, Morph, Source};
use crate::layer::batch_norm::EPS;
use crate::op::{Activation, Channels};
use crate::rng::Rng;
use crate::space::Architecture;
use crate::stats::distributions::{normal_cdf, normal_pdf};
use candle_core::{DType, Tensor, Var};
use std::collections::HashMap;

impl Model {
    /// A network of a larger architecture that computes the same in evaluation, up to rounding: this one,
    /// with wider layers, larger kernels, more layers, or more skip connections (Net2Net, arXiv
    /// 1511.05641). [`Architecture::morphisms`] lists those that are one decision away; this takes several
    /// at once. The seed draws what the function leaves open.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::new([1, 8, 8], Task::classification(10))
    ///     .then(repeat(1..=2, conv(any([4, 8]), 3))).then(global_avg_pool());
    /// let small = Model::new(&space.parse("conv(4,3)>global_avg_pool")?, &Device::Cpu, 1)?;
    /// let large = small.morph(&space.parse("conv(8,3)>conv(8,3)>global_avg_pool")?, 2)?;
    /// let x = Tensor::randn(0f32, 1.0, (5, 1, 8, 8), &Device::Cpu)?;
    /// let apart = (small.forward(&x)? - large.forward(&x)?)?.abs()?.max_all()?.to_scalar::<f32>()?;
    /// assert!(apart < 1e-5);
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// When no weights make the same function, or none that could learn: for a narrower layer or a smaller
    /// kernel, another operation, a new layer whose activation changes what it gets, a sum with a branch that
    /// has no weights or ends in ReLU. The error names the layer. Also when the architectures differ in input
    /// or task.
    pub fn morph(&self, to: &Architecture, seed: impl Count) -> Result<Model> {
        let (from, seed) = (self.architecture(), seed.to_seed());
        let plan = Morph::of(from.graph()?, to.graph()?)
            .map_err(|e| e.context(format!("{to} cannot compute the same as {from}")))?;
        let model = Model::new(to, &self.device(), seed)?;
        let weights: Vec<Tensor> =
            self.named_vars().iter().map(|(_, var)| var.as_detached_tensor()).collect();
        model.grow(&plan, &from, &weights, seed)?;
        Ok(model.with_meaning(self.meaning().clone()))
    }

    /// Sets the weights so that the network computes the same as one of the architecture `from` does with its
    /// weights, which are in the order of [`Model::named_vars`].
    pub(crate) fn grow(
        &self,
        plan: &Morph,
        from: &Architecture,
        weights: &[Tensor],
        seed: u64,
    ) -> Result<()> {
        let names = Model::new(from, &self.device(), 0)?.named_vars();
        let mut known = HashMap::new();
        for ((name, _), tensor) in names.iter().zip(weights) {
            let tensor = tensor.to_dtype(DType::F32)?;
            let values = Numbers {
                dims: tensor.dims().to_vec(),
                list: tensor.flatten_all()?.to_vec1::<f32>()?,
            };
            known.insert(place(name), values);
        }
        let old = Old { graph: from.graph()?, known };
        let (arch, mut rng) = (self.architecture(), Rng::from_u64(seed).stream("morph", 0));
        let graph = arch.graph()?;
        for (name, var) in self.named_vars() {
            let (id, own) = place(&name);
            let facts = &graph.nodes[id].op.info.facts;
            let each = facts.channels == Channels::Each;
            let dims = var.dims().to_vec();
            let ends = graph.nodes[id].op.has("causal");
            let mut new = Numbers { list: var.flatten_all()?.to_vec1::<f32>()?, dims };
            match &plan.sources[id] {
                Source::Drawn => continue,
                Source::Same(q) => new = old.get(*q, &own)?.clone(),
                Source::Grown(q, read, given) => {
                    let was = old.get(*q, &own)?;
                    match &*own {
                        "weight" | "pointwise" if !each => {
                            new.spread(was, read, given, ends, &mut rng);
                        }
                        // The filters of channels.
                        "depthwise" => new.pick(was, read),
                        _ => new.pick(was, given),
                    }
                }
                Source::Identity(p, read, given) => match &*own {
                    "weight" | "pointwise" if !each => {
                        let n = old.graph.nodes[*p].plan.output.channels();
                        new.spread(&Numbers::identity(n), read, given, ends, &mut rng);
                    }
                    "weight" | "depthwise" => {
                        let n = new.dims[0];
                        new.pick(
                            &Numbers { dims: vec![1, 1, 1, 1], list: vec![1.0] },
                            &vec![Some(0); n].into(),
                        );
                    }
                    "bias" => new.list.fill(0.0),
                    _ => {
                        if let Some(values) = old.passing(*p, &own) {
                            new.pick(&values, given);
                        } else if own == "gamma" {
                            new.list.fill((1.0 + EPS).sqrt() as f32);
                        }
                    }
                },
                Source::Zeros => {
                    let normalised = graph.nodes[id].op.has("norm");
                    let zero = match &*own {
                        "gamma" | "beta" => true,
                        "bias" => true,
                        "weight" => !normalised,
                        "pointwise" => !normalised,
                        _ => false,
                    };
                    if zero {
                        new.list.fill(0.0);
                    }
                }
            }
            set(&var, new)?;
        }
        Ok(())
    }
}

/// The number of a weight's node, and its name there.
fn place(name: &str) -> (usize, String) {
    let mut parts = name.splitn(3, '.');
    let id = parts.next().and_then(|id| id.parse().ok()).unwrap_or(0);
    (id, parts.nth(1).unwrap_or_default().to_string())
}

fn set(var: &Var, new: Numbers) -> Result<()> {
    let tensor = Tensor::from_vec(new.list, new.dims, var.device())?;
    Ok(var.set(&tensor.to_dtype(var.dtype())?)?)
}

/// A tensor as plain numbers.
#[derive(Clone)]
struct Numbers {
    dims: Vec<usize>,
    list: Vec<f32>,
}

/// The network that there is.
struct Old<'a> {
    graph: &'a Graph,
    known: HashMap<(usize, String), Numbers>,
}

impl Old<'_> {
    fn get(&self, node: usize, name: &str) -> Result<&Numbers> {
        let found = self.known.get(&(node, name.to_string()));
        found.ok_or_else(|| Error::from(format!("node {node} has no {name}")))
    }

    /// The parameters of a batch normalisation that passes on what a node gives, of which it expects the
    /// mean and the variance; nothing where they are not known.
    fn passing(&self, node: usize, name: &str) -> Option<Numbers> {
        let (gamma, beta) = (self.get(node, "gamma").ok()?, self.get(node, "beta").ok()?);
        let act = self.graph.nodes[node].op.act();
        let one = |(s, m): (&f32, &f32)| {
            let (s, m) = (f64::from(s.abs()), f64::from(*m));
            let (mean, variance) = match act {
                // Of max(x, 0), where x is normal.
                Activation::Relu if s > 0.0 => {
                    let (above, density) = (normal_cdf(m / s), normal_pdf(m / s));
                    let mean = m * above + s * density;
                    let square = (m * m + s * s) * above + m * s * density;
                    (mean, (square - mean * mean).max(0.0))
                }
                _ => (m, s * s),
            };
            (match name {
                "running_mean" | "beta" => mean,
                "running_var" => variance,
                _ => (variance + EPS).sqrt(),
            }) as f32
        };
        matches!(act, Activation::Relu | Activation::Identity).then(|| Numbers {
            dims: gamma.dims.clone(),
            list: gamma.list.iter().zip(&beta.list).map(one).collect(),
        })
    }
}

impl Numbers {
    /// The weights [n, n] of a layer that passes on what it reads.
    fn identity(n: usize) -> Numbers {
        let list = (0..n * n).map(|i| if i % (n + 1) == 0 { 1.0 } else { 0.0 }).collect();
        Numbers { dims: vec![n, n], list }
    }

    /// How many numbers there are behind the first dimensions.
    fn behind(&self, dims: usize) -> usize {
        self.dims.iter().skip(dims).product()
    }

    /// The tap of a larger kernel that a tap of a smaller one is: those in the middle meet, or the last ones.
    fn tap(&self, was: &Numbers, dims: usize, tap: usize, ends: bool) -> usize {
        let (small, large) = (was.dims.get(dims..), self.dims.get(dims..));
        let (small, large) = (small.unwrap_or_default(), large.unwrap_or_default());
        let (mut rest, mut at, mut step) = (tap, 0, 1);
        for axis in (0..large.len()).rev() {
            let n = small.get(axis).copied().unwrap_or(1);
            let more = large[axis] - n;
            at += (rest % n + if ends { more } else { more / 2 }) * step;
            rest /= n;
            step *= large[axis];
        }
        at
    }

    /// Row c from row m(c); taps that there were not are 0. What has no row keeps its own.
    fn pick(&mut self, was: &Numbers, map: &Map) {
        // A depthwise kernel is [C, 1, K, K].
        let dims = if self.dims.len() > 1 { 2 } else { 1 };
        let (small, large) = (was.behind(dims), self.behind(dims));
        for (c, from) in map.iter().enumerate() {
            let Some(from) = *from else { continue };
            self.list[c * large..(c + 1) * large].fill(0.0);
            for tap in 0..small {
                let at = self.tap(was, dims, tap, false);
                self.list[c * large + at] = was.list[from * small + tap];
            }
        }
    }

    /// Weights [O, I, ...] from those of the old layer: a unit is the one that it was, and the weight of a
    /// channel is divided among its copies.
    fn spread(&mut self, was: &Numbers, read: &Map, given: &Map, ends: bool, rng: &mut Rng) {
        let (small, large) = (was.behind(2), self.behind(2));
        let (channels, before) = (self.dims[1], was.dims[1]);
        self.list.fill(0.0);
        for (o, unit) in given.iter().enumerate() {
            let Some(unit) = *unit else { continue };
            for tap in 0..small {
                let at = self.tap(was, 2, tap, ends);
                let shares: Vec<f64> = read.iter().map(|_| 0.5 + rng.uniform()).collect();
                let mut sums = vec![0.0; before];
                for (share, from) in shares.iter().zip(read.iter()) {
                    if let Some(from) = *from {
                        sums[from] += share;
                    }
                }
                for (i, from) in read.iter().enumerate() {
                    let Some(from) = *from else { continue };
                    let w = f64::from(was.list[(unit * before + from) * small + tap]);
                    self.list[(o * channels + i) * large + at] =
                        (w * shares[i] / sums[from]) as f32;
                }
            }
        }
    }
}
