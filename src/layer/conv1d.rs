//! Convolution along a sequence: y = act(BN(W * x)), with W of shape [O, I, K].
//!
//! This is [`conv`](super::conv) in one dimension. In a causal convolution (arXiv 1609.03499) all of
//! the padding is in front, so that no position sees a later one.

use crate::chart::Family;
use crate::error::Result;
use crate::kernel;
use crate::layer::conv::{
    self, BIAS, CHANNELS, DILATION, Finish, GROUPS, KERNEL, NORM, RELU, STRIDE, Taps,
    check_padding, padding, per_group, product, same,
};
use crate::layer::wants::{for_sequences, sequence};
use crate::layer::{CAUSAL, if_not_causal};
use crate::op::{Facts, Layer, LayerInfo, Op, Params, Pass, Plan, Said};
use crate::shape::Shape;
use crate::tree::{Block, IntoInts};
use candle_core::{Tensor, Var};

/// A convolution along a sequence with batch normalisation and ReLU: `channels` filters of `kernel`
/// positions.
///
/// A sequence `[L, D]` in, `[ceil(L/stride), channels]` out. The settings are those of
/// [`conv`](crate::conv), and [`causal`](Block::causal).
///
/// ```
/// use nascent::prelude::*;
/// let space = Space::new([40, 1], Task::classification(10)).then(conv1d(any([25, 50]), 5).stride(2));
/// let arch = space.default_architecture()?;
/// assert_eq!(arch.layers()[1].shape.dims(), [20, 25]);
/// # Ok::<(), nascent::Error>(())
/// ```
#[doc(alias("Conv1d", "Conv1D", "convolution1d"))]
pub fn conv1d(channels: impl IntoInts, kernel: impl IntoInts) -> Block {
    Block::layer(&CONV1D, vec![channels.into_ints().0, kernel.into_ints().0])
}

pub(crate) static CONV1D: LayerInfo = LayerInfo {
    name: "conv1d",
    family: Family::Conv,
    about: "convolution along a sequence, batch normalisation, activation",
    args: &[CHANNELS, KERNEL.said(Said::Wide), STRIDE, NORM, RELU, DILATION, GROUPS, BIAS, CAUSAL],
    facts: Facts { looks_ahead: if_not_causal, slices, instead: for_sequences, ..conv::FACTS },
    plan,
    build,
};

/// A causal kernel ends at its position, so the middle of it stands elsewhere.
fn slices(op: &Op) -> Option<&'static [&'static str]> {
    match (op.int("groups") <= 1, op.has("causal")) {
        (false, _) => None,
        (true, true) => Some(&["channels"]),
        (true, false) => Some(&["channels", "kernel"]),
    }
}

fn plan(op: &Op, inputs: &[Shape]) -> Result<Plan> {
    let (l, d) = sequence(op, inputs)?;
    check_padding(op, inputs, &[d, l.saturating_add(2 * padding(op))])?;
    let length = match op.has("causal") {
        true => Some(l.div_ceil(op.int("stride"))),
        false => same(op, l),
    };
    let Some(length) = length else {
        let why =
            "the kernel is longer than the padded sequence. Try an odd one, which always fits";
        return Err(op.unfit(inputs, why));
    };
    let (k, o) = (op.int("kernel"), op.int("channels"));
    let weights = product(&[o, per_group(op, inputs, d, o)?, k]);
    Ok(Finish::plan(op, weights, length as u64, Shape::new([length, o])))
}

struct Conv1d {
    weight: Var,
    taps: Taps,
    causal: bool,
    finish: Finish,
}

fn build(op: &Op, inputs: &[Shape], p: &mut Params) -> Result<Box<dyn Layer>> {
    let (_, d) = sequence(op, inputs)?;
    let (o, k) = (op.int("channels"), op.int("kernel"));
    let c = per_group(op, inputs, d, o)?;
    Ok(Box::new(Conv1d {
        weight: p.uniform("weight", &[o, c, k], c * k)?,
        taps: Taps::of(op, op.int("groups").max(1)),
        causal: op.has("causal"),
        finish: Finish::build(op, o, c * k, p)?,
    }))
}

impl Layer for Conv1d {
    fn forward(&self, inputs: &[&Tensor], pass: &mut Pass) -> candle_core::Result<Tensor> {
        let Taps { stride, padding, dilation, groups } = self.taps;
        let (x, w, causal) = (inputs[0], &self.weight, self.causal);
        let y = kernel::conv1d(x, w, stride, padding, causal, dilation, groups)?;
        self.finish.forward(&y, pass)
    }
}
