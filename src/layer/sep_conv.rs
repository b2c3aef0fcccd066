//! Depthwise-separable convolution (arXiv 1610.02357, 1704.04861): one K x K filter per channel, then
//! a 1x1 convolution that mixes the channels: K*K + O products per value instead of K*K*O.

use crate::chart::Family;
use crate::error::Result;
use crate::kernel;
use crate::layer::conv::{
    BIAS, CHANNELS, DILATION, FACTS, Finish, KERNEL, NORM, RELU, STRIDE, Taps, output, product,
};
use crate::layer::wants::image;
use crate::op::{Layer, LayerInfo, Op, Params, Pass, Plan};
use crate::shape::Shape;
use crate::tree::{Block, IntoInts};
use candle_core::{Tensor, Var};

/// A depthwise-separable convolution with batch normalisation and ReLU: the same shapes and
/// settings as [`conv`](crate::conv), for a fraction of its parameters.
///
/// ```
/// use nascent::prelude::*;
/// let space = Space::new([16, 8, 8], Task::classification(10))
///     .then(one_of([conv(32, 3).plain(), sep_conv(32, 3).plain()]));
/// let (full, separable) = (space.decode([0])?, space.decode([1])?);
/// assert_eq!(full.layers()[1].params, 32 * 16 * 9 + 32);
/// assert_eq!(separable.layers()[1].params, 16 * 9 + 32 * 16 + 32);
/// # Ok::<(), nascent::Error>(())
/// ```
#[doc(alias("SeparableConv2D", "separable_conv", "separable_conv2d", "sepconv"))]
pub fn sep_conv(channels: impl IntoInts, kernel: impl IntoInts) -> Block {
    Block::layer(&SEP_CONV, vec![channels.into_ints().0, kernel.into_ints().0])
}

pub(crate) static SEP_CONV: LayerInfo = LayerInfo {
    name: "sep_conv",
    family: Family::Conv,
    about: "depthwise and 1x1 convolution, batch normalisation, activation",
    args: &[CHANNELS, KERNEL, STRIDE, NORM, RELU, DILATION, BIAS],
    facts: FACTS,
    plan,
    build,
};

fn plan(op: &Op, inputs: &[Shape]) -> Result<Plan> {
    let (c, ..) = image(op, inputs)?;
    let (h, w) = output(op, inputs)?;
    let (k, o) = (op.int("kernel"), op.int("channels"));
    let weights = product(&[c, k, k]).saturating_add(product(&[o, c]));
    let plan = Finish::plan(op, weights, product(&[h, w]), Shape::new([o, h, w]));
    Ok(Plan { kept: product(&[c, h, w]).saturating_add(plan.kept), ..plan })
}

struct SepConv {
    depthwise: Var,
    pointwise: Var,
    taps: Taps,
    finish: Finish,
}

fn build(op: &Op, inputs: &[Shape], p: &mut Params) -> Result<Box<dyn Layer>> {
    let (c, ..) = image(op, inputs)?;
    let (o, k) = (op.int("channels"), op.int("kernel"));
    Ok(Box::new(SepConv {
        depthwise: p.uniform("depthwise", &[c, 1, k, k], k * k)?,
        pointwise: p.uniform("pointwise", &[o, c, 1, 1], c)?,
        taps: Taps::of(op, c),
        finish: Finish::build(op, o, c, p)?,
    }))
}

impl Layer for SepConv {
    fn forward(&self, inputs: &[&Tensor], pass: &mut Pass) -> candle_core::Result<Tensor> {
        let y = pass.product(self.taps.conv2d(inputs[0], &self.depthwise)?)?;
        let y = kernel::conv2d(&y, &self.pointwise, 1, 0, 1, 1)?;
        self.finish.forward(&y, pass)
    }
}
