//! Multi-head self-attention (arXiv 1706.03762) as a block of a transformer: y = x + MHA(LN(x)).
//!
//! MHA(x) = concat over heads of softmax(Q K^T / sqrt(d)) V, times W_o, with Q, K, V = x W_q, x W_k,
//! x W_v; each head has d = D / heads of their features. The normalisation comes first
//! (arXiv 2002.04745), because deep stacks then train without a warm-up. The weights are those of
//! PyTorch's `MultiheadAttention`: the three projections form one matrix [3 D, D], which is
//! initialised Xavier-uniform, and the biases are zero.

use crate::chart::Family;
use crate::error::Result;
use crate::kernel;
use crate::layer::conv::product;
use crate::layer::group_norm::divisors;
use crate::layer::layer_norm::LayerNorm;
use crate::layer::linear::Dense;
use crate::layer::wants::{for_sequences, sequence};
use crate::layer::{CAUSAL, if_not_causal};
use crate::op::{Facts, Layer, LayerInfo, Op, Params, Pass, Plan, Setting};
use crate::shape::Shape;
use crate::tree::{Block, IntoInts};
use candle_core::Tensor;

/// A self-attention block with residual connection and layer normalisation: a sequence `[L, D]`
/// in and out, where `heads` must divide `D`.
///
/// With [`causal`](Block::causal) no position sees a later one. Attention does not know the order of
/// the positions: see [`positions`](crate::positions), and [`feed_forward`](crate::feed_forward) for
/// the other half of a transformer.
///
/// ```
/// use nascent::prelude::*;
/// let transformer = repeat(1..=3, attention(any([2, 4])).then(feed_forward(4)));
/// let space = Space::new([12], Task::next_token(27))
///     .then(embedding(16)).then(positions()).then(transformer);
/// let arch = space.default_architecture()?;
/// // LN; Q, K, V and output, with biases.
/// assert_eq!(arch.layers()[3].params, 2 * 16 + 4 * (16 * 16 + 16));
/// # Ok::<(), nascent::Error>(())
/// ```
#[doc(alias("self_attention", "multihead_attention", "multi_head_attention"))]
#[doc(alias("MultiheadAttention", "MultiHeadAttention", "Attention"))]
pub fn attention(heads: impl IntoInts) -> Block {
    Block::layer(&ATTENTION, vec![heads.into_ints().0])
}

pub(crate) static ATTENTION: LayerInfo = LayerInfo {
    name: "attention",
    family: Family::Attention,
    about: "layer normalisation, multi-head self-attention, residual connection",
    args: &[Setting::int("heads", None, 1, 1024), CAUSAL],
    facts: Facts {
        looks_ahead: if_not_causal,
        instead: |op, rank| match rank {
            1 => Some("feed_forward(4)".to_string()),
            _ => for_sequences(op, rank),
        },
        ..Facts::PLAIN
    },
    plan,
    build,
};

fn dims(op: &Op, inputs: &[Shape]) -> Result<(usize, usize)> {
    let (l, d) = sequence(op, inputs)?;
    let heads = op.int("heads");
    if heads == 0 || !d.is_multiple_of(heads) {
        let why = format!(
            "{} not split into {heads} heads. Try a number of heads that divides them ({}), or \
             another number of features before it",
            if d == 1 { "1 feature does".to_string() } else { format!("{d} features do") },
            divisors(d)
        );
        return Err(op.unfit(inputs, why));
    }
    Ok((l, d))
}

/// The multiply-adds are those of the four projections and of the two products of every position
/// with every other, masked or not. A training step keeps, per position, LN (`D`), Q, K and V
/// (3 `D`), the heads (`D`), their projection (`D`), the sum (`D`), and two numbers for LN and for
/// each head.
fn plan(op: &Op, inputs: &[Shape]) -> Result<Plan> {
    let (l, d) = dims(op, inputs)?;
    let (projections, scores) = (product(&[4, d, d, l]), product(&[2, l, l, d]));
    let statistics = product(&[2, l, op.int("heads").saturating_add(1)]);
    Ok(Plan {
        params: product(&[4, d, d]).saturating_add(product(&[6, d])),
        macs: projections.saturating_add(scores),
        kept: product(&[7, l, d]).saturating_add(statistics),
        single: 0,
        output: inputs[0].clone(),
    })
}

struct Attention {
    norm: LayerNorm,
    in_proj: Dense,
    out_proj: Dense,
    heads: usize,
    causal: bool,
}

fn build(op: &Op, inputs: &[Shape], p: &mut Params) -> Result<Box<dyn Layer>> {
    let (_, d) = dims(op, inputs)?;
    let three = d.saturating_mul(3);
    Ok(Box::new(Attention {
        norm: LayerNorm::build("norm.", &[d], p)?,
        in_proj: Dense {
            weight: p.xavier("in_proj.weight", &[three, d])?,
            bias: p.constant("in_proj.bias", &[three], 0.0)?,
        },
        out_proj: Dense {
            weight: p.uniform("out_proj.weight", &[d, d], d)?,
            bias: p.constant("out_proj.bias", &[d], 0.0)?,
        },
        heads: op.int("heads"),
        causal: op.has("causal"),
    }))
}

impl Layer for Attention {
    fn forward(&self, inputs: &[&Tensor], pass: &mut Pass) -> candle_core::Result<Tensor> {
        let x = inputs[0];
        let qkv = pass.product(self.in_proj.apply(&self.norm.apply(x)?)?)?;
        let ends = pass.ends_for(qkv.dim(0)?, qkv.dim(1)?);
        let ends = ends.as_ref().map(|ends| ends.as_slice());
        let heads = kernel::attention(&qkv, self.heads, self.causal, ends)?;
        kernel::add(&pass.product(self.out_proj.apply(&heads)?)?, x)
    }
}
