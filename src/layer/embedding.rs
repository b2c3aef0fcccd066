//! Embedding: each symbol of a vocabulary becomes a learned vector.

use crate::chart::Family;
use crate::error::Result;
use crate::op::{Facts, Layer, LayerInfo, Op, Pass, Plan, Setting};
use crate::shape::Shape;
use crate::tree::{Block, IntoInts};
use candle_core::{Tensor, Var};

/// A learned vector of `size` numbers per token: tokens `[L]` in, a sequence `[L, size]` out.
///
/// ```
/// use nascent::prelude::*;
/// let space = Space::new([12], Task::next_token(27)).then(embedding(16));
/// assert_eq!(space.default_architecture()?.layers()[1].shape.dims(), [12, 16]);
/// # Ok::<(), nascent::Error>(())
/// ```
#[doc(alias("embed", "Embedding"))]
pub fn embedding(size: impl IntoInts) -> Block {
    Block::layer(&EMBEDDING, vec![size.into_ints().0])
}

pub(crate) static EMBEDDING: LayerInfo = LayerInfo {
    name: "embedding",
    family: Family::Linear,
    about: "a learned vector per token",
    args: &[Setting::int("size", None, 1, 65_536)],
    facts: Facts { slices: |_| Some(&["size"]), ..Facts::PLAIN },
    plan,
    build: |op, inputs, p| {
        let vocabulary = inputs[0].vocabulary().unwrap_or(1);
        Ok(Box::new(Embedding { table: p.normal("table", &[vocabulary, op.int("size")])? }))
    },
};

fn plan(op: &Op, inputs: &[Shape]) -> Result<Plan> {
    let Some(vocabulary) = inputs[0].vocabulary() else {
        let why = "it needs tokens. Try leaving it out: the input is numbers already";
        return Err(op.unfit(inputs, why));
    };
    let size = op.int("size");
    let output = Shape::new([inputs[0].elements(), size]);
    // The selected rows, and their copy in the shape of the batch.
    let kept = (output.elements() as u64).saturating_mul(2);
    let params = (vocabulary as u64).saturating_mul(size as u64);
    Ok(Plan { params, kept, ..Plan::free(output) })
}

struct Embedding {
    table: Var,
}

impl Layer for Embedding {
    fn forward(&self, inputs: &[&Tensor], _: &mut Pass) -> candle_core::Result<Tensor> {
        let (n, l) = inputs[0].dims2()?;
        self.table.index_select(&inputs[0].flatten_all()?, 0)?.reshape((n, l, ()))
    }
}
