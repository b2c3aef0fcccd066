//! Squeeze and excitation (arXiv 1709.01507): y = x s, each channel scaled by how much it matters
//! for this image, s = sigmoid(W_2 relu(W_1 mean(x))), with C / ratio hidden features.

use crate::chart::Family;
use crate::error::Result;
use crate::kernel;
use crate::layer::conv::product;
use crate::layer::linear::Dense;
use crate::layer::wants::image;
use crate::op::{Activation, Facts, Layer, LayerInfo, Op, Params, Pass, Plan, Said, Setting};
use crate::shape::Shape;
use crate::tree::{Block, IntoInts};
use candle_core::Tensor;

/// A gate for each channel of an image `[C, H, W]`, computed from all of it by two linear layers
/// with `max(C / ratio, 1)` hidden features (16 in the paper). The shape stays.
///
/// ```
/// use nascent::prelude::*;
/// let space = Space::new([3, 8, 8], Task::classification(2))
///     .then(conv(32, 3).then(squeeze_excite(any([4, 16]))).residual());
/// assert_eq!(space.decode([0])?.layers()[2].params, 8 * 32 + 8 + 32 * 8 + 32);
/// # Ok::<(), nascent::Error>(())
/// ```
#[doc(alias("se", "squeeze_excitation", "squeeze_and_excitation", "SqueezeExcitation", "SEBlock"))]
pub fn squeeze_excite(ratio: impl IntoInts) -> Block {
    Block::layer(&SQUEEZE_EXCITE, vec![ratio.into_ints().0])
}

pub(crate) static SQUEEZE_EXCITE: LayerInfo = LayerInfo {
    name: "squeeze_excite",
    family: Family::Attention,
    about: "channels scaled by a gate computed from their means",
    args: &[Setting::int("ratio", None, 1, 65_536).said(Said::After)],
    facts: Facts { slices: |_| Some(&["ratio"]), ..Facts::KEEPS_ZERO },
    plan,
    build,
};

fn hidden(op: &Op, channels: usize) -> usize {
    (channels / op.int("ratio").max(1)).max(1)
}

/// The multiply-adds are those of the linear layers and of the scaling. A training step keeps the
/// means, the gate before and after the sigmoid (`C` each), the hidden features before and after
/// ReLU, and the output.
fn plan(op: &Op, inputs: &[Shape]) -> Result<Plan> {
    let (c, h, w) = image(op, inputs)?;
    let hidden = hidden(op, c);
    let weights = product(&[2, c, hidden]);
    let values = product(&[c, h, w]);
    Ok(Plan {
        params: weights.saturating_add(c as u64).saturating_add(hidden as u64),
        macs: weights.saturating_add(values),
        kept: values.saturating_add(product(&[3, c])).saturating_add(product(&[2, hidden])),
        single: 0,
        output: inputs[0].clone(),
    })
}

struct SqueezeExcite {
    squeeze: Dense,
    excite: Dense,
}

fn build(op: &Op, inputs: &[Shape], p: &mut Params) -> Result<Box<dyn Layer>> {
    let (c, ..) = image(op, inputs)?;
    let hidden = hidden(op, c);
    Ok(Box::new(SqueezeExcite {
        squeeze: Dense::build("squeeze", c, hidden, p)?,
        excite: Dense::build("excite", hidden, c, p)?,
    }))
}

impl Layer for SqueezeExcite {
    fn forward(&self, inputs: &[&Tensor], pass: &mut Pass) -> candle_core::Result<Tensor> {
        let mean = kernel::global_avg_pool(inputs[0])?;
        let hidden = pass.product(self.squeeze.apply(&mean)?)?;
        let hidden = pass.activate(Activation::Relu, &hidden)?;
        let gate = kernel::sigmoid(&pass.product(self.excite.apply(&hidden)?)?)?;
        kernel::mul(inputs[0], &gate)
    }
}
