//! The network of a space in which every choice is relaxed: one pass computes all options, weighted.

use super::net::{Net, by_site};
use crate::error::Result;
use crate::graph::{MixedGraph, Relaxed, Sums};
use crate::op::{Mixture, Params, Pass, Store};
use crate::room::fits;
use crate::space::Space;
use candle_core::{Device, Tensor, Var};
use std::sync::Arc;

/// The network, with weights that live in a store: single paths find theirs there.
pub(crate) struct Mixed {
    net: Net,
    /// What the network reads as the weights of options, which have a gradient.
    mixture: Var,
}

impl Mixed {
    /// `batch` samples have to fit into memory with all options. With `normalise`, edges into a node have
    /// weights even where all of them are kept; options see one of `share` channels.
    ///
    /// # Errors
    /// When a choice cannot be mixed, or the network needs more memory than there is.
    pub(crate) fn new(
        space: &Space,
        relaxed: &Relaxed,
        (normalise, share): (bool, usize),
        batch: i64,
        device: &Device,
        (seed, store): (u64, &Store),
    ) -> Result<Mixed> {
        let spec = space.networks().spec();
        let mixed = MixedGraph::of(spec, relaxed, normalise, share)?;
        let memory = Sums::of(&mixed.graph.nodes).memory(batch.max(0) as u64);
        fits(memory as usize, || "all options of all choices at once".to_string())?;
        let params = Params::new(device, seed).sharing(store);
        // Between operations that are weighed, a scale of their own would make the weights mean nothing.
        let net = Net::of(&mixed.graph, params, by_site(None), |id| !mixed.inside[id])?;
        let mixture = Var::zeros(relaxed.width, candle_core::DType::F32, device)?;
        Ok(Mixed { net, mixture })
    }

    /// Sets the weights of all options.
    pub(crate) fn set(&self, weights: &[f64]) -> Result<Mixture> {
        let numbers: Vec<f32> = weights.iter().map(|&w| w as f32).collect();
        self.mixture.set(&Tensor::from_vec(numbers, weights.len(), &self.net.device)?)?;
        let tensor = self.mixture.as_tensor().clone();
        Ok(Mixture { weights: tensor, numbers: Arc::new(weights.to_vec()) })
    }

    /// What the gradient of the weights of options is asked by.
    pub(crate) fn mixture(&self) -> &Var {
        &self.mixture
    }

    pub(crate) fn weights(&self) -> &[(String, Var)] {
        &self.net.weights
    }

    /// Whether it keeps statistics, which belong to the weights that options had while it trained.
    pub(crate) fn has_statistics(&self) -> bool {
        !self.net.buffers.is_empty()
    }

    pub(crate) fn run(&self, x: &Tensor, pass: &mut Pass) -> candle_core::Result<Tensor> {
        self.net.run(x, pass)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Split;
    use crate::model::Model;
    use crate::prelude::*;

    /// The largest difference between the relaxed network of an architecture and its own, on the same
    /// weights, as a share of the largest number.
    fn apart(space: &Space, data: &Dataset, draws: u64, training: bool) -> f64 {
        let (relaxed, store) = (Relaxed::of(space.networks().spec()).unwrap(), Store::default());
        let mixed = Mixed::new(space, &relaxed, (false, 1), 8, &Device::Cpu, (5, &store)).unwrap();
        let (x, _) = data.tensors(Split::Train).unwrap();
        let x = x.narrow(0, 0, 8).unwrap();
        let (mut most, mut size) = (0.0f64, 1e-9f64);
        for seed in 0..draws {
            let arch = space.sample(&mut Rng::new(seed)).unwrap();
            let weights = relaxed.one_hot(space.networks().spec(), arch.decided()).unwrap();
            let pass = || Pass::new(training, Some(Rng::new(1)));
            let own = Model::sharing(&arch, &Device::Cpu, 5, &store).unwrap();
            let mut of_mixed = pass();
            of_mixed.mixture = Some(mixed.set(&weights).unwrap());
            let found = mixed.run(&x, &mut of_mixed).unwrap();
            let expected = own.run(&x, &mut pass()).unwrap();
            assert_eq!(found.dims(), expected.dims(), "{arch}");
            let flat = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            for (a, b) in flat(&found).into_iter().zip(flat(&expected)) {
                size = size.max(f64::from(b.abs()));
                let d = f64::from((a - b).abs());
                assert!(d < 1e-3 * (1.0 + f64::from(b.abs())), "{arch}: {a} {b}");
                most = most.max(d);
            }
            // Weights that are there already were found: the names are those of single paths.
            let known = mixed.weights().iter().filter(|(name, _)| {
                own.weights().iter().any(|(n, v)| {
                    n == name && v.id() == store.vars().iter().find(|(m, _)| m == n).unwrap().1.id()
                })
            });
            assert!(own.weights().is_empty() || known.count() > 0, "{arch}");
        }
        most / size
    }

    fn digits() -> Dataset {
        Dataset::digits().take(60)
    }

    fn plain(kernel: impl crate::tree::IntoInts) -> Block {
        conv(same(), kernel).norm(false)
    }

    /// Without normalisation nothing is done in another way.
    fn exact() -> Vec<(&'static str, Space, Dataset)> {
        let data = digits();
        let images = || Space::on(&data).then(conv(4, 3).norm(false));
        let op = || one_of([plain(3), plain(1), skip(), zero()]);
        let nested = one_of([
            seq([plain(3), one_of([skip(), plain(any([1, 3])).residual()])]),
            repeat(1..=3, plain(any([1, 3])).activation(any(["relu", "tanh"]))),
            skip(),
        ]);
        let three = || cell([vec![op()], vec![op(); 2], vec![op(); 3]]);
        let waves = Dataset::mnist1d().take(60);
        let wave = conv1d(same(), any([3, 5])).norm(false);
        let names = Dataset::names().take(60);
        let token = one_of([linear(same()).plain(), zero(), gru(same()), skip()]);
        let letters = Dataset::names_text().take(60);
        let step = one_of([gru(same()), conv1d(same(), 3).norm(false), linear(same()), skip()]);
        let line: Vec<f32> = (0..240).map(|i| (i as f32 * 0.37).sin()).collect();
        let target: Vec<f32> = line.chunks(4).map(|c| c[0] - c[1]).collect();
        let numbers = Dataset::regression("sines", line, [4], target, 1).unwrap();
        let motif = || shared("motif", one_of([plain(3), plain(any([1, 5])).residual(), skip()]));
        let pairs = || three().two_inputs().keep(2).concat_nodes();
        let reduce = |s| one_of([plain(3).stride(s), plain(1).stride(s)]);
        let small = cell([vec![reduce(2); 2], vec![reduce(2), reduce(2), op()]]);
        vec![
            ("a cell", images().then(three()), data.clone()),
            ("a cell that keeps edges", images().then(three().keep(2)), data.clone()),
            ("nested choices", images().then(&nested).then(&nested), data.clone()),
            (
                "choices of settings",
                images().then(plain(any([1, 3, 5])).activation(any(["relu", "gelu", "tanh"]))),
                data.clone(),
            ),
            ("depth", images().then(repeat(0..=3, op())), data.clone()),
            (
                "a residual connection around depth",
                images().then(repeat(0..=2, plain(3)).residual()),
                data.clone(),
            ),
            ("a residual connection around a choice", images().then(op().residual()), data.clone()),
            ("shared blocks", images().then(motif()).then(plain(3)).then(motif()), data.clone()),
            ("shared blocks in depth", images().then(repeat(1..=2, motif())), data.clone()),
            (
                "a stack",
                images().then(stack([
                    (conv(2, 1).norm(false), pairs()),
                    (conv(2, 1).norm(false), small.two_inputs().keep(2).concat_nodes()),
                    (conv(2, 1).norm(false), pairs()),
                ])),
                data.clone(),
            ),
            (
                "waves",
                Space::on(&waves)
                    .then(conv1d(4, 5).norm(false))
                    .then(&wave)
                    .then(one_of([wave.clone(), skip()]))
                    .then(global_avg_pool()),
                waves,
            ),
            (
                "words",
                Space::on(&names).then(embedding(4)).then(&token).then(one_of([
                    last(),
                    global_avg_pool(),
                    global_max_pool(),
                ])),
                names.clone(),
            ),
            (
                "words after nothing",
                Space::on(&names).then(embedding(4)).then(&token).then(&token).then(last()),
                names.clone(),
            ),
            (
                "words of several places",
                Space::on(&names)
                    .then(embedding(4))
                    .then(token.residual())
                    .then(&token)
                    .then(last()),
                names,
            ),
            ("letters", Space::on(&letters).then(embedding(4)).then(&step).then(&step), letters),
            (
                "numbers",
                Space::on(&numbers).then(linear(6)).then(one_of([
                    linear(same()),
                    linear(same()).activation("tanh").residual(),
                    skip(),
                ])),
                numbers,
            ),
        ]
    }

    #[test]
    fn at_weights_of_one_option_it_is_the_network_of_the_architecture() {
        for (name, space, data) in exact() {
            println!("{name}");
            for training in [false, true] {
                let apart = apart(&space, &data, 40, training);
                assert!(apart < 1e-5, "{name}, training {training}: {apart}");
            }
        }
    }

    /// Pools are normalised as options, which at running statistics of 0 and 1 changes next to nothing.
    #[test]
    fn so_are_the_cells_of_the_presets() {
        let data = digits();
        for preset in [presets::nas_bench_201(4, 1), presets::darts(2, 3)] {
            let apart = apart(&Space::on(&data).then(preset), &data, 5, false);
            assert!(apart < 1e-3, "{apart}");
        }
    }
}
