//! Depthwise convolution (arXiv 1704.04861): each channel has a filter of its own.
//!
//! y[c] = act(BN(W[c] * x[c])), with W of shape [C, 1, K, K]. It is half of a separable convolution;
//! the other half, a 1x1 convolution, mixes the channels.

use crate::chart::Family;
use crate::error::Result;
use crate::layer::conv::{
    BIAS, Conv, DILATION, FACTS, Finish, KERNEL, NORM, RELU, STRIDE, output, product,
};
use crate::layer::wants::image;
use crate::op::{Channels, Facts, LayerInfo, Op, Plan};
use crate::shape::Shape;
use crate::tree::{Block, IntoInts};

/// A convolution of each channel by itself, with batch normalisation and ReLU: images `[C, H, W]`
/// in, `[C, ceil(H/stride), ceil(W/stride)]` out. The settings are those of [`conv`](crate::conv)
/// without channels and groups.
///
/// ```
/// use nascent::prelude::*;
/// // The inverted bottleneck of MobileNetV2 (arXiv 1801.04381).
/// let block = conv(any([48, 96]), 1).then(depthwise(3)).then(conv(16, 1).activation("identity"));
/// let space = Space::new([16, 8, 8], Task::classification(10)).then(block.residual());
/// assert_eq!(space.default_architecture()?.layers()[2].params, 48 * 9 + 2 * 48);
/// # Ok::<(), nascent::Error>(())
/// ```
#[doc(alias("DepthwiseConv2D", "depthwise_conv", "depthwise_conv2d"))]
pub fn depthwise(kernel: impl IntoInts) -> Block {
    Block::layer(&DEPTHWISE, vec![kernel.into_ints().0])
}

pub(crate) static DEPTHWISE: LayerInfo = LayerInfo {
    name: "depthwise",
    family: Family::Conv,
    about: "convolution of each channel, batch normalisation, activation",
    args: &[KERNEL, STRIDE, NORM, RELU, DILATION, BIAS],
    facts: Facts { channels: Channels::Each, ..FACTS },
    plan,
    build: |op, inputs, p| {
        let (c, ..) = image(op, inputs)?;
        Ok(Box::new(Conv::build(op, [c, 1], c, p)?))
    },
};

fn plan(op: &Op, inputs: &[Shape]) -> Result<Plan> {
    let (c, ..) = image(op, inputs)?;
    let (h, w) = output(op, inputs)?;
    let k = op.int("kernel");
    Ok(Finish::plan(op, product(&[c, k, k]), product(&[h, w]), Shape::new([c, h, w])))
}
