//! One forward pass through a network.

use crate::kernel::Ends;
use crate::rng::Rng;
use std::sync::Arc;

/// One forward pass: training or evaluation, and the stream that dropout draws from.
pub(crate) struct Pass {
    pub(crate) train: bool,
    pub(crate) rng: Option<Rng>,
    /// The valid length of each sample, at least 1, in what the layer is given, where it is padded.
    pub(crate) ends: Option<Ends>,
}

impl Pass {
    pub(crate) fn new(train: bool, rng: Option<Rng>) -> Pass {
        Pass { train, rng, ends: None }
    }

    /// Where the samples end in a batch of `n` sequences of `l` positions, `None` if everywhere at
    /// `l`.
    pub(crate) fn ends_for(&self, n: usize, l: usize) -> Option<Ends> {
        let ends = self.ends.as_ref().filter(|ends| ends.len() == n)?;
        match ends.iter().all(|&e| e as usize <= l) {
            true => Some(ends.clone()),
            false => Some(Arc::new(ends.iter().map(|&e| e.min(l as u32)).collect())),
        }
    }
}
