//! Layers that join several tensors into one: their sum, as at the end of a residual connection, or
//! their concatenation. These are not in the table: `residual()`, `branches()`, `concat()`, `cell()`
//! and `wired()` make them.

use crate::chart::Family;
use crate::error::Result;
use crate::kernel;
use crate::layer::wants::numbers;
use crate::op::{Facts, Layer, LayerInfo, Op, Pass, Plan, Setting};
use crate::shape::Shape;
use candle_core::Tensor;

pub(crate) static ADD: LayerInfo = LayerInfo {
    name: "add",
    family: Family::Add,
    about: "sum of its inputs",
    args: &[],
    facts: Facts::PLAIN,
    plan: |op, inputs| {
        if inputs.iter().all(|s| *s == inputs[0]) {
            return Ok(Plan::free(inputs[0].clone()));
        }
        let why = "the shapes differ, and only equal ones can be added. Try the same channels in \
                   each of them and no stride, or concat([...]) where only the channels differ";
        Err(op.unfit(inputs, why))
    },
    build: |_, _, _| Ok(Box::new(Add)),
};

/// The network's input. It is not in the table either.
pub(crate) static INPUT: LayerInfo = LayerInfo {
    name: "input",
    family: Family::Input,
    about: "the data",
    args: &[],
    facts: Facts::PLAIN,
    plan: |_, inputs| Ok(Plan { kept: 0, ..Plan::free(inputs[0].clone()) }),
    build: |_, _, _| Ok(Box::new(Add)),
};

/// Concatenates channels of images, or features of vectors or of every position of sequences.
pub(crate) static CONCAT: LayerInfo = LayerInfo {
    name: "concat",
    family: Family::Add,
    about: "its inputs side by side",
    args: &[],
    facts: Facts::PLAIN,
    plan: plan_concat,
    build: |_, _, _| Ok(Box::new(Concat)),
};

fn plan_concat(op: &Op, inputs: &[Shape]) -> Result<Plan> {
    let mut dims = inputs[0].dims();
    numbers(op, inputs)?;
    // Where the channels are: first in an image, last elsewhere.
    let axis = if dims.len() == 3 { 0 } else { dims.len() - 1 };
    let mut total = 0usize;
    for shape in inputs {
        let mut other = shape.dims();
        if other.len() != dims.len() {
            let why = "images, sequences and features do not go together. Try global_avg_pool() \
                       at the end of each";
            return Err(op.unfit(inputs, why));
        }
        total = total.saturating_add(other[axis]);
        other[axis] = dims[axis];
        if other != dims {
            let what = "only channels, or features, may differ. Try strides and paddings that \
                        keep the other sizes alike";
            return Err(op.unfit(inputs, what));
        }
    }
    dims[axis] = total;
    Ok(Plan::free(Shape::new(dims)))
}

/// The first channels of an image, for a reader that has one channel less. It is not in the table;
/// a wired cell makes it.
pub(crate) static TRUNCATE: LayerInfo = LayerInfo {
    name: "truncate",
    family: Family::Other,
    about: "its first channels",
    args: &[Setting::int("channels", None, 1, 65_536)],
    facts: Facts {
        // It only removes what a vertex of a wired cell has beyond an equal share.
        does_nothing: |_| true,
        ..Facts::PLAIN
    },
    plan: |op, inputs| match inputs[0].as_slice() {
        [c, h, w] if op.int("channels") <= *c => {
            Ok(Plan::free(Shape::new([op.int("channels"), *h, *w])))
        }
        _ => Err(op.unfit(
            inputs,
            "it needs an image with as many channels. Try same() channels on the vertices",
        )),
    },
    build: |op, _, _| Ok(Box::new(Truncate(op.int("channels")))),
};

struct Truncate(usize);

impl Layer for Truncate {
    fn forward(&self, inputs: &[&Tensor], _: &mut Pass) -> candle_core::Result<Tensor> {
        inputs[0].narrow(1, 0, self.0)?.contiguous()
    }
}

struct Concat;

impl Layer for Concat {
    fn forward(&self, inputs: &[&Tensor], _: &mut Pass) -> candle_core::Result<Tensor> {
        let rank = inputs[0].rank();
        Tensor::cat(inputs, if rank == 4 { 1 } else { rank - 1 })
    }
}

struct Add;

impl Layer for Add {
    fn forward(&self, inputs: &[&Tensor], _: &mut Pass) -> candle_core::Result<Tensor> {
        let first = inputs[0].clone();
        inputs[1..].iter().try_fold(first, |sum, x| kernel::add(&sum, x))
    }
}
