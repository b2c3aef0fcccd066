//! The other half of a transformer (arXiv 1706.03762): y = x + W_2 act(W_1 LN(x)), the same at
//! every position, with GELU (arXiv 1606.08415) and `ratio` times as many hidden features.

use crate::chart::Family;
use crate::error::Result;
use crate::kernel;
use crate::layer::conv::{Finish, product};
use crate::layer::layer_norm::LayerNorm;
use crate::layer::linear::Dense;
use crate::layer::wants::not;
use crate::op::{Activation, Facts, Layer, LayerInfo, Op, Params, Pass, Plan, Said, Setting};
use crate::shape::Shape;
use crate::tree::{Block, IntoInts};
use candle_core::Tensor;

/// Two linear layers with layer normalisation before and a residual connection around them: a
/// sequence `[L, D]` or features `[D]` in and out, with `ratio * D` hidden features. The ratio is
/// usually 4, and at most 32; it is not a number of units as in `linear`.
///
/// The [`activation`](Block::activation) between the two layers is GELU by default.
///
/// ```
/// use nascent::prelude::*;
/// let space = Space::new([16], Task::classification(2)).then(feed_forward(any([2, 4])));
/// let arch = space.decode([1])?;
/// assert_eq!(arch.layers()[1].params, 2 * 16 + 64 * 16 + 64 + 16 * 64 + 16);
/// # Ok::<(), nascent::Error>(())
/// ```
#[doc(alias("feedforward", "FeedForward", "ffn", "FFN"))]
pub fn feed_forward(ratio: impl IntoInts) -> Block {
    let ratio = ratio.into_ints();
    let large = ratio.values().into_iter().find(|&r| r > MOST_RATIO);
    let block = Block::layer(&FEED_FORWARD, vec![ratio.0]);
    match large {
        None => block,
        // The check is made here only: stored blocks with a larger ratio can still be read.
        Some(r) => block.broken(format!(
            "feed_forward({r}): the number is the ratio of hidden features to those that come in, \
             {r} times as many; 1 to {MOST_RATIO} are allowed, and 4 is usual. Try feed_forward(4), or \
             linear({r}) for a layer of {r} units."
        )),
    }
}

/// A larger ratio was probably meant to be a number of units.
const MOST_RATIO: i64 = 32;

pub(crate) static FEED_FORWARD: LayerInfo = LayerInfo {
    name: "feed_forward",
    family: Family::Linear,
    about: "layer normalisation, two linear layers, residual connection",
    args: &[
        Setting::int("ratio", None, 1, 1024).said(Said::After),
        Setting::act("activation", Some(Activation::Gelu)).said(Said::Alone),
    ],
    facts: Facts {
        slices: |_| Some(&["ratio"]),
        instead: |_, rank| {
            (rank == 3).then(|| "global_avg_pool() before it, or linear(16)".to_string())
        },
        ..Facts::PLAIN
    },
    plan,
    build,
};

/// Positions, features, hidden features.
fn dims(op: &Op, inputs: &[Shape]) -> Result<(usize, usize, usize)> {
    let hidden = |d: usize| d.saturating_mul(op.int("ratio"));
    match (inputs[0].as_slice(), inputs[0].vocabulary()) {
        ([d], None) => Ok((1, *d, hidden(*d))),
        ([l, d], None) => Ok((*l, *d, hidden(*d))),
        _ => Err(not(op, inputs, "a sequence [L, D] or features [F]")),
    }
}

/// A training step keeps, per position, LN (`D` and two numbers), the hidden features before and
/// after the activation, the second product (`D`) and the sum (`D`).
fn plan(op: &Op, inputs: &[Shape]) -> Result<Plan> {
    let (l, d, hidden) = dims(op, inputs)?;
    let weights = product(&[2, d, hidden]);
    let steps = if op.act() == Activation::Identity { 1 } else { 2 };
    Ok(Plan {
        params: weights.saturating_add(hidden as u64).saturating_add(product(&[3, d])),
        macs: weights.saturating_mul(l as u64),
        kept: product(&[l, 3, d])
            .saturating_add(product(&[l, steps, hidden]))
            .saturating_add(product(&[l, 2])),
        single: Finish::single(op, &inputs[0]),
        output: inputs[0].clone(),
    })
}

struct FeedForward {
    norm: LayerNorm,
    widen: Dense,
    act: Activation,
    narrow: Dense,
}

fn build(op: &Op, inputs: &[Shape], p: &mut Params) -> Result<Box<dyn Layer>> {
    let (_, d, hidden) = dims(op, inputs)?;
    Ok(Box::new(FeedForward {
        norm: LayerNorm::build("norm.", &[d], p)?,
        widen: Dense::build("linear1", d, hidden, p)?,
        act: op.act(),
        narrow: Dense::build("linear2", hidden, d, p)?,
    }))
}

impl Layer for FeedForward {
    fn forward(&self, inputs: &[&Tensor], pass: &mut Pass) -> candle_core::Result<Tensor> {
        let wide = pass.product(self.widen.apply(&self.norm.apply(inputs[0])?)?)?;
        let hidden = pass.activate(self.act, &wide)?;
        kernel::add(&pass.product(self.narrow.apply(&hidden)?)?, inputs[0])
    }
}
