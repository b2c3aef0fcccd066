//! Dropout (JMLR 15, 2014): in training each value is zero with probability p, and the others are
//! scaled by 1/(1-p); in evaluation nothing happens. The zeros come from the trial's own stream,
//! one for each step, so that a training that continues draws what an uninterrupted one would.

use crate::chart::Family;
use crate::kernel;
use crate::layer::wants::not;
use crate::op::{Directions, Facts, Layer, LayerInfo, Pass, Plan, Setting};
use crate::tree::block::rate;
use crate::tree::{Block, IntoFloats};
use candle_core::Tensor;

/// Dropout with rate `p`, from 0.0 up to, not including, 1.0.
///
/// ```
/// use nascent::prelude::*;
/// assert!(dropout(any([0.0, 0.2, 0.5])).problems().is_empty());
/// assert!(dropout(1.5).problems()[0].contains("less than 1.0"));
/// ```
#[doc(alias("Dropout", "dropout1d", "dropout2d", "Dropout1d", "Dropout2d"))]
pub fn dropout(p: impl IntoFloats) -> Block {
    Block::layer(&DROPOUT, vec![rate(p)])
}

pub(crate) static DROPOUT: LayerInfo = LayerInfo {
    name: "dropout",
    family: Family::Other,
    about: "random zeros while training",
    args: &[Setting::rate("p")],
    facts: Facts {
        does_nothing: |op| op.float("p") == 0.0,
        directions: Directions::Keeps,
        ..Facts::KEEPS_ZERO
    },
    plan: |op, inputs| match inputs[0].vocabulary() {
        // The mask is kept as well.
        None => {
            let free = Plan::free(inputs[0].clone());
            Ok(Plan { kept: free.kept.saturating_mul(2), ..free })
        }
        Some(_) => Err(not(op, inputs, "numbers")),
    },
    build: |op, _, _| Ok(Box::new(Dropout { p: op.float("p") })),
};

struct Dropout {
    p: f64,
}

impl Layer for Dropout {
    fn forward(&self, inputs: &[&Tensor], pass: &mut Pass) -> candle_core::Result<Tensor> {
        let x = inputs[0];
        let Some(rng) = pass.rng.as_mut().filter(|_| pass.train && self.p > 0.0) else {
            return Ok(x.clone());
        };
        let scale = (1.0 / (1.0 - self.p)) as f32;
        let mask: Vec<f32> =
            (0..x.elem_count()).map(|_| if rng.uniform() < self.p { 0.0 } else { scale }).collect();
        kernel::mul(x, &Tensor::from_vec(mask, x.shape(), x.device())?)
    }
}
