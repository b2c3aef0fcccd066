//! Stochastic depth (arXiv 1603.09382): in training each sample loses the whole of a branch with
//! probability p, and the branches that are left are scaled by 1/(1-p); in evaluation nothing
//! happens. Inside a residual connection a deep network is so trained as many shallower ones.
//!
//! The draws come from the trial's own stream, as in dropout.

use crate::chart::Family;
use crate::kernel;
use crate::layer::wants::not;
use crate::op::{Directions, Facts, Layer, LayerInfo, Pass, Plan, Setting};
use crate::tree::block::rate;
use crate::tree::{Block, IntoFloats};
use candle_core::Tensor;

/// Stochastic depth with rate `p`, from 0.0 up to, not including, 1.0, as the last layer of a
/// residual branch. Any shape of numbers; it stays.
///
/// ```
/// use nascent::prelude::*;
/// let block = residual(conv(16, 3).then(drop_path(any([0.0, 0.1]))));
/// assert!(block.problems().is_empty());
/// assert!(drop_path(1.0).problems()[0].contains("less than 1.0"));
/// ```
#[doc(alias("DropPath", "stochastic_depth", "StochasticDepth"))]
pub fn drop_path(p: impl IntoFloats) -> Block {
    Block::layer(&DROP_PATH, vec![rate(p)])
}

pub(crate) static DROP_PATH: LayerInfo = LayerInfo {
    name: "drop_path",
    family: Family::Other,
    about: "branches left out at random while training",
    args: &[Setting::rate("p")],
    facts: Facts {
        does_nothing: |op| op.float("p") == 0.0,
        directions: Directions::Keeps,
        ..Facts::KEEPS_ZERO
    },
    plan: |op, inputs| match inputs[0].vocabulary() {
        // One number per sample says whether the branch is there.
        None => {
            let free = Plan::free(inputs[0].clone());
            Ok(Plan { kept: free.kept.saturating_add(1), ..free })
        }
        Some(_) => Err(not(op, inputs, "numbers")),
    },
    build: |op, _, _| Ok(Box::new(DropPath { p: op.float("p") })),
};

struct DropPath {
    p: f64,
}

impl Layer for DropPath {
    fn forward(&self, inputs: &[&Tensor], pass: &mut Pass) -> candle_core::Result<Tensor> {
        let x = inputs[0];
        let Some(rng) = pass.rng.as_mut().filter(|_| pass.train && self.p > 0.0) else {
            return Ok(x.clone());
        };
        let scale = (1.0 / (1.0 - self.p)) as f32;
        let n = x.dim(0)?;
        let mask: Vec<f32> =
            (0..n).map(|_| if rng.uniform() < self.p { 0.0 } else { scale }).collect();
        kernel::mul(x, &Tensor::from_vec(mask, n, x.device())?)
    }
}
