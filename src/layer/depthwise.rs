//! Depthwise convolution (arXiv 1704.04861): every channel with a filter of its own.
//!
//! y[c] = act(BN(W[c] * x[c])), with W of shape [C, 1, K, K]; half of a separable convolution, whose
//! other half, the 1x1 convolution, mixes the channels.

use crate::chart::Family;
use crate::error::Result;
use crate::kernel;
use crate::layer::conv::{
    BIAS, DILATION, Finish, KERNEL, NORM, RELU, STRIDE, dilation, output, padding, product,
};
use crate::layer::wants::{for_images, image};
use crate::op::{Facts, Layer, LayerInfo, Op, Params, Pass, Plan};
use crate::shape::Shape;
use crate::tree::{Block, IntoInts};
use candle_core::{Tensor, Var};

/// A convolution of every channel by itself, with batch normalisation and ReLU: images `[C, H, W]`
/// in, `[C, ceil(H/stride), ceil(W/stride)]` out. Settings as [`conv`](crate::conv), without
/// channels and groups.
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
    facts: Facts {
        keeps_zero: Finish::keeps_zero,
        means: Finish::means,
        instead: for_images,
        ..Facts::PLAIN
    },
    plan,
    build: |op, inputs, p| Ok(Box::new(Depthwise::build(op, inputs, p)?)),
};

fn plan(op: &Op, inputs: &[Shape]) -> Result<Plan> {
    let (c, ..) = image(op, inputs)?;
    let (h, w) = output(op, inputs)?;
    let k = op.int("kernel");
    let weights = product(&[c, k, k]);
    let output = Shape::new([c, h, w]);
    Ok(Plan {
        single: Finish::single(op, &output),
        output,
        params: weights.saturating_add(Finish::params(op, c)),
        macs: weights.saturating_mul(product(&[h, w])),
        kept: product(&[c, h, w]).saturating_mul(Finish::tensors(op, false)),
    })
}

struct Depthwise {
    weight: Var,
    stride: usize,
    padding: usize,
    dilation: usize,
    channels: usize,
    finish: Finish,
}

impl Depthwise {
    fn build(op: &Op, inputs: &[Shape], p: &mut Params) -> Result<Self> {
        let (c, ..) = image(op, inputs)?;
        let k = op.int("kernel");
        Ok(Depthwise {
            weight: p.uniform("weight", &[c, 1, k, k], k * k)?,
            stride: op.int("stride"),
            padding: padding(op),
            dilation: dilation(op),
            channels: c,
            finish: Finish::build(op, c, k * k, p)?,
        })
    }
}

impl Layer for Depthwise {
    fn forward(&self, inputs: &[&Tensor], pass: &mut Pass) -> candle_core::Result<Tensor> {
        let (s, p, d) = (self.stride, self.padding, self.dilation);
        let y = kernel::conv2d(inputs[0], &self.weight, s, p, d, self.channels)?;
        self.finish.forward(&y, pass)
    }
}
