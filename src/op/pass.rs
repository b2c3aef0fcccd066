//! The state of one forward pass through a network.

use crate::kernel::Ends;
use crate::rng::Rng;
use candle_core::Tensor;
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
        Pass { train, rng, momentum: MOMENTUM, ends: None, samples: 0, mixture: None }
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
