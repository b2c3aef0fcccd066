//! Weights of another network of the space, wherever they fit.
//!
//! A layer takes over the weights of the same operation at the same place of the tree, on inputs of the same
//! shape. Where only widths or kernels differ it takes the part that both have, as in a supernet: the first
//! filters and channels, and the middle of a kernel.
//!
//! Where the network is a morphism of the other one, its weights are those that compute the same; see `morph.rs`.

use super::Model;
use crate::error::Result;
use crate::graph::morph::Morph;
use crate::op::Store;
use crate::space::Architecture;
use candle_core::Tensor;
use std::collections::HashSet;

impl Model {
    /// Sets weights and statistics to those of a network of the same space, as far as they fit; `weights` are
    /// in the order of [`Model::named_vars`]. What is new in a layer that has grown is drawn from the seed.
    pub(crate) fn inherit(&self, from: &Architecture, weights: &[Tensor], seed: u64) -> Result<()> {
        let arch = self.architecture();
        if arch.params() >= from.params()
            && let Ok(plan) = Morph::of(from.graph()?, arch.graph()?)
        {
            return self.grow(&plan, from, weights, seed);
        }
        let store = Store::new(true);
        let theirs = Model::sharing(from, &self.device(), seed, &store)?;
        for ((_, var), value) in theirs.named_vars().iter().zip(weights) {
            var.set(value)?;
        }
        let known: HashSet<String> = store.vars().into_iter().map(|(name, _)| name).collect();
        let ours = Model::sharing(&arch, &self.device(), seed, &store)?;
        // The names of weights are those of the wholes that they are slices of.
        let names = ours.trained().into_iter().map(|(name, _)| name);
        let statistics = ours.named_vars().into_iter().skip(ours.weights().len());
        let names = names.chain(statistics.map(|(name, _)| name));
        let pairs = self.named_vars().into_iter().zip(ours.named_vars());
        for (name, ((_, own), (_, theirs))) in names.zip(pairs) {
            if known.contains(&name) {
                own.set(theirs.as_tensor())?;
            }
        }
        Ok(())
    }
}
