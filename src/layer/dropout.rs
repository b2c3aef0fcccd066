//! Dropout (JMLR 15, 2014): in training each value becomes zero with probability p, and the others
//! are scaled by 1/(1-p); in evaluation nothing happens. The zeros are drawn from the trial's own
//! random stream for the step, so a resumed training draws the same as an uninterrupted one.

use crate::chart::Family;
use crate::kernel;
use crate::layer::wants::same_shape;
use crate::op::{Channels, Directions, Facts, Layer, LayerInfo, Pass, Plan, Setting};
use crate::tree::{Block, IntoFloats};
use candle_core::Tensor;

/// Dropout with rate `p`, at least 0.0 and less than 1.0.
///
/// ```
/// use nascent::prelude::*;
/// assert!(dropout(any([0.0, 0.2, 0.5])).problems().is_empty());
/// assert!(dropout(1.5).problems()[0].contains("less than 1.0"));
/// ```
#[doc(alias("Dropout", "dropout1d", "dropout2d", "Dropout1d", "Dropout2d"))]
pub fn dropout(p: impl IntoFloats) -> Block {
    Block::layer(&DROPOUT, vec![p.into_floats().0])
}

pub(crate) static DROPOUT: LayerInfo = LayerInfo {
    name: "dropout",
    family: Family::Other,
    about: "random zeros while training",
    args: &[Setting::rate("p")],
    facts: FACTS,
    plan: |op, inputs| {
        let plan = same_shape(op, inputs)?;
        // The mask is kept as well.
        Ok(Plan { kept: plan.kept.saturating_mul(2), ..plan })
    },
    build: |op, _, _| Ok(Box::new(Dropout { p: op.float("p") })),
};

/// The facts of a layer that drops something with probability `p`.
pub(super) const FACTS: Facts = Facts {
    does_nothing: |op| op.float("p") == 0.0,
    directions: Directions::Keeps,
    channels: Channels::Each,
    ..Facts::KEEPS_ZERO
};

struct Dropout {
    p: f64,
}

/// `x` with each number, or for a `shape` of fewer dimensions each slice, dropped with probability
/// `p`; what stays is scaled by 1 / (1 - p). In evaluation nothing is dropped.
pub(super) fn dropped(
    x: &Tensor,
    shape: &[usize],
    p: f64,
    pass: &mut Pass,
) -> candle_core::Result<Tensor> {
    let Some(rng) = pass.rng.as_mut().filter(|_| pass.train && p > 0.0) else {
        return Ok(x.clone());
    };
    let scale = (1.0 / (1.0 - p)) as f32;
    let n = shape.iter().product();
    let mask: Vec<f32> = (0..n).map(|_| if rng.uniform() < p { 0.0 } else { scale }).collect();
    kernel::mul(x, &Tensor::from_vec(mask, shape, x.device())?)
}

impl Layer for Dropout {
    fn forward(&self, inputs: &[&Tensor], pass: &mut Pass) -> candle_core::Result<Tensor> {
        dropped(inputs[0], inputs[0].dims(), self.p, pass)
    }
}
