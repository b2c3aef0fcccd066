//! Learned positions (arXiv 1705.03122): y = x + P, a vector for every position, because attention
//! by itself cannot tell the positions apart. They are initialised like an embedding.

use crate::chart::Family;
use crate::kernel;
use crate::layer::wants::sequence;
use crate::op::{Facts, Layer, LayerInfo, Pass, Plan};
use crate::tree::Block;
use candle_core::{Tensor, Var};

/// A learned vector added at every position of a sequence `[L, D]`; the shape stays.
///
/// ```
/// use nascent::prelude::*;
/// let space = Space::new([12], Task::next_token(27)).then(embedding(16)).then(positions());
/// assert_eq!(space.default_architecture()?.layers()[2].params, 12 * 16);
/// # Ok::<(), nascent::Error>(())
/// ```
#[doc(alias("positional_encoding", "positional_embedding", "position_embedding"))]
#[doc(alias("PositionalEncoding", "PositionEmbedding"))]
pub fn positions() -> Block {
    Block::layer(&POSITIONS, vec![])
}

pub(crate) static POSITIONS: LayerInfo = LayerInfo {
    name: "positions",
    family: Family::Linear,
    about: "a learned vector added at every position",
    args: &[],
    facts: Facts::PLAIN,
    plan: |op, inputs| {
        let (l, d) = sequence(op, inputs)?;
        Ok(Plan { params: super::conv::product(&[l, d]), ..Plan::free(inputs[0].clone()) })
    },
    build: |op, inputs, p| {
        let (l, d) = sequence(op, inputs)?;
        Ok(Box::new(Positions { table: p.normal("table", &[l, d])? }))
    },
};

struct Positions {
    table: Var,
}

impl Layer for Positions {
    fn forward(&self, inputs: &[&Tensor], _: &mut Pass) -> candle_core::Result<Tensor> {
        kernel::add(inputs[0], &self.table)
    }
}
