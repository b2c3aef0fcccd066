//! The state of one forward pass through a network.

use super::Activation;
use super::eye::{Eye, see};
use crate::kernel::{self, Ends};
use crate::rng::Rng;
use candle_core::{DType, Result, Tensor};
use std::sync::Arc;

/// The momentum of running statistics, as in PyTorch.
const MOMENTUM: f64 = 0.1;

/// One forward pass: training or evaluation, and the stream that dropout draws from.
pub(crate) struct Pass {
    pub(crate) train: bool,
    pub(crate) rng: Option<Rng>,
    /// The weight of a batch in running statistics.
    pub(crate) momentum: f64,
    /// The valid length of each sample in the layer's input, at least 1; only where there is padding.
    pub(crate) ends: Option<Ends>,
    /// How many samples there are.
    pub(crate) samples: usize,
    /// The weights of all choices, in a network in which they are mixed.
    pub(crate) mixture: Option<Mixture>,
    /// What is to be seen of it, if anything.
    pub(crate) eye: Option<Box<Eye>>,
}

/// The weights of the options of all choices of a space.
#[derive(Clone)]
pub(crate) struct Mixture {
    /// As the network reads them, `[columns]`.
    pub(crate) weights: Tensor,
    /// The same numbers.
    pub(crate) numbers: Arc<Vec<f64>>,
}

impl Mixture {
    /// The product of some of them.
    pub(crate) fn factor(&self, columns: &[usize]) -> f64 {
        columns.iter().map(|&c| self.numbers.get(c).copied().unwrap_or(0.0)).product()
    }
}

impl Pass {
    pub(crate) fn new(train: bool, rng: Option<Rng>) -> Pass {
        Pass { train, rng, momentum: MOMENTUM, ends: None, samples: 0, mixture: None, eye: None }
    }

    /// The product of a layer, before anything else is done to it, as it goes on.
    pub(crate) fn product(&mut self, y: Tensor) -> Result<Tensor> {
        match self.eye.as_mut().and_then(|eye| eye.products.as_mut()) {
            Some(list) => see(y, list),
            None => Ok(y),
        }
    }

    /// The activation function, with ReLUs held where they are to be.
    pub(crate) fn activate(&mut self, by: Activation, x: &Tensor) -> Result<Tensor> {
        let held = self.eye.as_mut().and_then(|eye| eye.held.as_mut());
        let held = held.filter(|_| by == Activation::Relu).and_then(Iterator::next);
        let y = match held {
            Some(y) => kernel::mul(x, &y.gt(0f32)?.to_dtype(x.dtype())?)?,
            None => by.apply(x)?,
        };
        self.activated(by, &y);
        Ok(y)
    }

    /// Whether a layer may put steps together that are to be seen one by one.
    pub(crate) fn fuses(&self) -> bool {
        self.eye.as_ref().is_none_or(|eye| eye.products.is_none() && eye.held.is_none())
    }

    /// What came out of an activation function.
    pub(crate) fn activated(&mut self, by: Activation, y: &Tensor) {
        if let Some(list) = self.eye.as_mut().and_then(|eye| eye.relus.as_mut())
            && by == Activation::Relu
        {
            list.push(y.detach());
        }
    }

    /// The variances `[C]` that a batch normalisation divides by.
    pub(crate) fn variances(&mut self, variances: &Tensor) -> Result<()> {
        if let Some(list) = self.eye.as_mut().and_then(|eye| eye.deviations.as_mut()) {
            let mean = variances.to_dtype(DType::F64)?.mean_all()?.to_scalar::<f64>()?;
            // Those of a plane of zeros are 0, and have no logarithm.
            list.push(mean.max(f64::from(f32::MIN_POSITIVE)).ln() / 2.0);
        }
        Ok(())
    }

    /// The output of a node, as it goes on.
    pub(crate) fn output(&mut self, node: usize, y: Tensor) -> Result<Tensor> {
        match &mut self.eye {
            Some(eye) if eye.nodes.contains(&node) => see(y, &mut eye.outputs),
            _ => Ok(y),
        }
    }

    /// The valid lengths in a batch of `n` sequences of `l` positions; `None` if there is no padding.
    pub(crate) fn ends_for(&self, n: usize, l: usize) -> Option<Ends> {
        let ends = self.ends.as_ref().filter(|ends| ends.len() == n)?;
        match ends.iter().all(|&e| e as usize <= l) {
            true => Some(ends.clone()),
            false => Some(Arc::new(ends.iter().map(|&e| e.min(l as u32)).collect())),
        }
    }
}
