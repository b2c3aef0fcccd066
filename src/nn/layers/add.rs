//! The sum where a residual connection comes back. Not in the table: `residual()` makes it.

use crate::nn::{Layer, LayerInfo, Pass, Plan};
use candle_core::Tensor;

pub(crate) static ADD: LayerInfo = LayerInfo {
    name: "add",
    family: "add",
    about: "sum of its inputs",
    args: &[],
    plan: |op, inputs| {
        if inputs.iter().all(|s| *s == inputs[0]) {
            Ok(Plan::free(inputs[0].clone()))
        } else {
            Err(op.unfit(inputs, "the shapes differ"))
        }
    },
    build: |_, _, _| Ok(Box::new(Add)),
};

/// Where data enter. Not in the table either.
pub(crate) static INPUT: LayerInfo = LayerInfo {
    name: "input",
    family: "input",
    about: "the data",
    args: &[],
    plan: |_, inputs| Ok(Plan { kept: 0, ..Plan::free(inputs[0].clone()) }),
    build: |_, _, _| Ok(Box::new(Add)),
};

struct Add;

impl Layer for Add {
    fn forward(&self, inputs: &[&Tensor], _: &mut Pass) -> candle_core::Result<Tensor> {
        let first = inputs[0].clone();
        inputs[1..].iter().try_fold(first, |sum, x| sum + *x)
    }
}
