//! Stochastic depth (arXiv 1603.09382): in training each sample loses the whole of a branch with
//! probability p, and the remaining branches are scaled by 1/(1-p); in evaluation nothing happens.
//! With residual connections a deep network is thus trained as many shallower ones.
//!
//! The random numbers come from the trial's own stream, as in dropout.

use crate::chart::Family;
use crate::layer::dropout::{FACTS, dropped};
use crate::layer::wants::same_shape;
use crate::op::{Layer, LayerInfo, Pass, Plan, Setting};
use crate::tree::{Block, IntoFloats};
use candle_core::Tensor;

/// Stochastic depth with rate `p`, at least 0.0 and less than 1.0, as the last layer of a residual
/// branch. It takes any shape of numbers, and keeps it.
///
/// ```
/// use nascent::prelude::*;
/// let block = residual(conv(16, 3).then(drop_path(any([0.0, 0.1]))));
/// assert!(block.problems().is_empty());
/// assert!(drop_path(1.0).problems()[0].contains("less than 1.0"));
/// ```
#[doc(alias("DropPath", "stochastic_depth", "StochasticDepth"))]
pub fn drop_path(p: impl IntoFloats) -> Block {
    Block::layer(&DROP_PATH, vec![p.into_floats().0])
}

pub(crate) static DROP_PATH: LayerInfo = LayerInfo {
    name: "drop_path",
    family: Family::Other,
    about: "branches left out at random while training",
    args: &[Setting::rate("p")],
    facts: FACTS,
    plan: |op, inputs| {
        let plan = same_shape(op, inputs)?;
        // One number per sample says whether the branch is there.
        Ok(Plan { kept: plan.kept.saturating_add(1), ..plan })
    },
    build: |op, _, _| Ok(Box::new(DropPath { p: op.float("p") })),
};

struct DropPath {
    p: f64,
}

impl Layer for DropPath {
    fn forward(&self, inputs: &[&Tensor], pass: &mut Pass) -> candle_core::Result<Tensor> {
        dropped(inputs[0], &inputs[0].dims()[..1], self.p, pass)
    }
}
