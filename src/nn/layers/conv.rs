//! Convolution, batch normalisation, activation: the unit most image networks are made of.
//!
//! y = act(BN(W * x)), with W of shape [O, I, K, K] and padding (K-1)/2 on each side, so that a
//! stride of 1 keeps the size and a stride of 2 halves it, rounding up. A bias is learned only
//! where no batch normalisation follows, which would take it away again.

use super::batch_norm::Norm;
use crate::arch::Shape;
use crate::error::Result;
use crate::kernel;
use crate::nn::{Activation, Layer, LayerInfo, Op, Params, Pass, Plan, Setting};
use crate::space::{Block, IntoInts};
use candle_core::{Tensor, Var};

/// A convolution with batch normalisation and ReLU: `channels` filters of `kernel` x `kernel`.
///
/// Images `[C, H, W]` in, `[channels, ceil(H/stride), ceil(W/stride)]` out. More settings:
/// [`stride`](Block::stride), [`activation`](Block::activation), [`norm`](Block::norm), and
/// [`plain`](Block::plain) for the convolution alone.
///
/// ```
/// use nascent::prelude::*;
/// let space = Space::new([1, 8, 8], Task::classification(10)).then(conv(any([16, 32]), 3).stride(2));
/// let arch = space.default_architecture()?;
/// assert_eq!(arch.layers()[1].shape.dims(), [16, 4, 4]);
/// # Ok::<(), nascent::Error>(())
/// ```
pub fn conv(channels: impl IntoInts, kernel: impl IntoInts) -> Block {
    Block::layer(&CONV, vec![channels.into_ints().0, kernel.into_ints().0])
}

pub(crate) static CONV: LayerInfo = LayerInfo {
    name: "conv",
    family: "conv",
    about: "convolution, batch normalisation, activation",
    args: &SETTINGS,
    plan,
    build: |op, inputs, p| Ok(Box::new(Conv::build(op, inputs, p)?)),
};

pub(super) static SETTINGS: [Setting; 5] = [
    Setting::int("channels", None, 1, 65_536),
    Setting::int("kernel", None, 1, 127),
    Setting::int("stride", Some(1), 1, 127),
    Setting::int("norm", Some(1), 0, 1),
    Setting::act("activation", Some(Activation::Relu)),
];

/// The image shape `[C, H, W]`, or the reason why it is none.
pub(super) fn image(op: &Op, inputs: &[Shape]) -> Result<(usize, usize, usize)> {
    match inputs[0].as_slice() {
        [c, h, w] => Ok((*c, *h, *w)),
        _ => Err(op.unfit(
            inputs,
            "it wants an image [channels, height, width]. Try linear(...) after flattening, or \
             move this layer before the flattening one",
        )),
    }
}

/// The output size of a window with padding (k-1)/2.
pub(super) fn same(size: usize, kernel: usize, stride: usize) -> Option<usize> {
    let padded = size + 2 * ((kernel - 1) / 2);
    (padded >= kernel).then(|| (padded - kernel) / stride + 1)
}

pub(super) fn output(op: &Op, inputs: &[Shape]) -> Result<(usize, usize, usize)> {
    let (_, h, w) = image(op, inputs)?;
    let (k, s) = (op.int("kernel"), op.int("stride"));
    match (same(h, k, s), same(w, k, s)) {
        (Some(h), Some(w)) => Ok((op.int("channels"), h, w)),
        _ => Err(op.unfit(inputs, "the kernel is larger than the padded image. Try a smaller one")),
    }
}

fn plan(op: &Op, inputs: &[Shape]) -> Result<Plan> {
    let (c, ..) = image(op, inputs)?;
    let (o, h, w) = output(op, inputs)?;
    let k = op.int("kernel");
    let weights = product(&[o, c, k, k]);
    Ok(Plan {
        output: Shape::new([o, h, w]),
        params: weights.saturating_add(Finish::params(op, o)),
        macs: weights.saturating_mul(product(&[h, w])),
        kept: product(&[o, h, w]).saturating_mul(Finish::tensors(op, false)),
    })
}

/// A product that saturates: sizes are a user's, and may be absurd.
pub(super) fn product(factors: &[usize]) -> u64 {
    factors.iter().fold(1, |p, &f| p.saturating_mul(f as u64))
}

/// What follows the product of a unit: a bias or a normalisation, then the activation.
pub(super) struct Finish {
    bias: Option<Var>,
    norm: Option<Norm>,
    act: Activation,
}

impl Finish {
    pub(super) fn build(op: &Op, channels: usize, fan_in: usize, p: &mut Params) -> Result<Self> {
        let normed = op.int("norm") == 1;
        Ok(Finish {
            bias: if normed { None } else { Some(p.uniform("bias", &[channels], fan_in)?) },
            norm: if normed { Some(Norm::build(channels, p)?) } else { None },
            act: op.act(),
        })
    }

    /// What it learns: a scale and a shift a channel, or a bias.
    pub(super) fn params(op: &Op, channels: usize) -> u64 {
        (channels as u64).saturating_mul(if op.int("norm") == 1 { 2 } else { 1 })
    }

    /// The tensors that a unit keeps: the product, then what each later step makes of it. A bias is
    /// a step of its own unless the product includes it; ReLU after a normalisation is none.
    pub(super) fn tensors(op: &Op, bias_included: bool) -> u64 {
        match (op.int("norm") == 1, op.act()) {
            (true, Activation::Relu | Activation::Identity) => 2,
            (true, _) => 3,
            (false, act) => 1 + u64::from(!bias_included) + u64::from(act != Activation::Identity),
        }
    }

    pub(super) fn bias(&self) -> Option<&Tensor> {
        self.bias.as_ref().map(|b| b.as_tensor())
    }

    /// For products of `[N, C, H, W]`.
    pub(super) fn forward(&self, y: &Tensor, pass: &mut Pass) -> candle_core::Result<Tensor> {
        let y = match self.bias() {
            Some(b) => y.broadcast_add(&b.reshape((1, (), 1, 1))?)?,
            None => y.clone(),
        };
        self.act(&y, pass)
    }

    /// Normalisation and activation alone.
    pub(super) fn act(&self, y: &Tensor, pass: &mut Pass) -> candle_core::Result<Tensor> {
        match &self.norm {
            // One pass over the data for the commonest pair.
            Some(norm) if self.act == Activation::Relu => norm.forward(y, pass, true),
            Some(norm) => self.act.apply(&norm.forward(y, pass, false)?),
            None => self.act.apply(y),
        }
    }
}

struct Conv {
    weight: Var,
    stride: usize,
    padding: usize,
    finish: Finish,
}

impl Conv {
    fn build(op: &Op, inputs: &[Shape], p: &mut Params) -> Result<Self> {
        let (c, ..) = image(op, inputs)?;
        let (o, k) = (op.int("channels"), op.int("kernel"));
        let fan_in = c * k * k;
        Ok(Conv {
            weight: p.uniform("weight", &[o, c, k, k], fan_in)?,
            stride: op.int("stride"),
            padding: (k - 1) / 2,
            finish: Finish::build(op, o, fan_in, p)?,
        })
    }
}

impl Layer for Conv {
    fn forward(&self, inputs: &[&Tensor], pass: &mut Pass) -> candle_core::Result<Tensor> {
        let y = kernel::conv2d(inputs[0], &self.weight, self.stride, self.padding, 1, 1)?;
        self.finish.forward(&y, pass)
    }
}
