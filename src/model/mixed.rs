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
        let net = Net::of(&mixed.graph, params, by_site(), |id| !mixed.inside[id])?;
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
