//! What a score without training sees of a forward pass besides its result. A pass without an eye computes and
//! keeps nothing more.

use crate::kernel;
use candle_core::{Result, Tensor, Var};

/// What is wanted of a pass, and what was seen.
#[derive(Default)]
pub(crate) struct Eye {
    /// What came out of every ReLU.
    pub(crate) relus: Option<Vec<Tensor>>,
    /// What came out of every ReLU of another pass: those of this one are held where they were then, so that each
    /// lets the same numbers through, and a network of nothing else that bends is smooth.
    pub(crate) held: Option<std::vec::IntoIter<Tensor>>,
    /// What came out of every convolution and linear map.
    pub(crate) products: Option<Vec<Seen>>,
    /// ln of the deviation that every batch normalisation divides by, over all its channels.
    pub(crate) deviations: Option<Vec<f64>>,
    /// The nodes whose outputs are wanted, and these.
    pub(crate) nodes: Vec<usize>,
    pub(crate) outputs: Vec<Seen>,
}

/// A tensor within a network.
pub(crate) struct Seen {
    pub(crate) value: Tensor,
    /// Zeros that are added to it: their gradient is its gradient, which Candle keeps of variables only.
    pub(crate) zeros: Var,
}

/// The tensor as it goes on through the network, after it was seen.
pub(super) fn see(value: Tensor, list: &mut Vec<Seen>) -> Result<Tensor> {
    let zeros = Var::zeros(value.shape(), value.dtype(), value.device())?;
    let after = kernel::add(&value, &zeros)?;
    list.push(Seen { value, zeros });
    Ok(after)
}
