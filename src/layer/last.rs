//! The last position of a sequence, where a recurrent layer has seen all of it.

use crate::chart::Family;
use crate::error::Result;
use crate::layer::wants::sequence;
use crate::layer::{BIDIRECTIONAL, if_bidirectional};
use crate::op::{Directions, Facts, Layer, LayerInfo, Op, Pass, Plan};
use crate::shape::Shape;
use crate::tree::Block;
use candle_core::Tensor;

/// The last position of a sequence as features: `[L, D]` to `[D]`. Where sequences are padded, it is
/// the last one before the padding.
///
/// Directly after a [`bidirectional`](Block::bidirectional) recurrent layer (dropout and activations
/// may come between) it takes the final state of each direction, like PyTorch's `h_n`: the first half
/// of the features from the last position, the second half from the first position. A diagram shows
/// this as `last(bidirectional=1)`; elsewhere `last().bidirectional(true)` asks for it.
///
/// ```
/// use nascent::prelude::*;
/// let space = Space::new([40, 3], Task::classification(5)).then(gru(16)).then(last());
/// assert_eq!(space.default_architecture()?.layers()[2].shape.dims(), [16]);
/// # Ok::<(), nascent::Error>(())
/// ```
#[doc(alias("last_step", "last_hidden"))]
pub fn last() -> Block {
    Block::layer(&LAST, vec![])
}

pub(crate) static LAST: LayerInfo = LayerInfo {
    name: "last",
    family: Family::Pool,
    about: "the last position of a sequence",
    args: &[BIDIRECTIONAL],
    facts: Facts {
        directions: Directions::Ends,
        looks_ahead: if_bidirectional,
        instead: |_, rank| (rank == 3).then(|| "global_avg_pool()".to_string()),
        ..Facts::KEEPS_ZERO
    },
    plan,
    build: |op, _, _| Ok(Box::new(Last { both: op.has("bidirectional") })),
};

fn plan(op: &Op, inputs: &[Shape]) -> Result<Plan> {
    let (_, d) = sequence(op, inputs)?;
    if op.has("bidirectional") && !d.is_multiple_of(2) {
        let why = format!("two directions need an even number of features, not {d}. Try last()");
        return Err(op.unfit(inputs, why));
    }
    Ok(Plan::free(Shape::new([d])))
}

struct Last {
    both: bool,
}

impl Layer for Last {
    fn forward(&self, inputs: &[&Tensor], pass: &mut Pass) -> candle_core::Result<Tensor> {
        let x = inputs[0];
        let d = x.dim(2)?;
        if !self.both {
            return at_end(x, pass);
        }
        let forward = at_end(&x.narrow(2, 0, d / 2)?, pass)?;
        let backward = x.narrow(2, d / 2, d / 2)?.narrow(1, 0, 1)?.squeeze(1)?;
        Tensor::cat(&[forward, backward], 1)
    }
}

/// The last valid position of each sample of `[N, L, D]`.
fn at_end(x: &Tensor, pass: &Pass) -> candle_core::Result<Tensor> {
    let (n, l, d) = x.dims3()?;
    let Some(ends) = pass.ends_for(n, l) else {
        return x.narrow(1, l - 1, 1)?.squeeze(1);
    };
    let rows = ends.iter().enumerate().map(|(i, &e)| (i * l) as i64 + i64::from(e) - 1);
    let rows = Tensor::from_vec(rows.collect(), n, x.device())?;
    x.contiguous()?.reshape((n * l, d))?.index_select(&rows, 0)
}
