//! The input that a layer needs, and what to try where it is something else.

use crate::error::{Error, Result};
use crate::op::{Op, Plan};
use crate::shape::Shape;

/// The sizes of an image `[C, H, W]`; an error for anything else.
pub(super) fn image(op: &Op, inputs: &[Shape]) -> Result<(usize, usize, usize)> {
    match *inputs[0].as_slice() {
        [c, h, w] => Ok((c, h, w)),
        _ => Err(not(op, inputs, "an image [C, H, W]")),
    }
}

/// The sizes of a sequence `[L, D]`; an error for anything else.
pub(super) fn sequence(op: &Op, inputs: &[Shape]) -> Result<(usize, usize)> {
    match (inputs[0].as_slice(), inputs[0].vocabulary()) {
        (&[l, d], None) => Ok((l, d)),
        _ => Err(not(op, inputs, "a sequence [L, D]")),
    }
}

/// Refuses tokens, in a layer that takes numbers of any shape.
pub(super) fn numbers(op: &Op, inputs: &[Shape]) -> Result<()> {
    match inputs.iter().any(|shape| shape.vocabulary().is_some()) {
        false => Ok(()),
        true => Err(not(op, inputs, "numbers")),
    }
}

/// The plan of a layer that takes any shape of numbers and keeps it.
pub(super) fn same_shape(op: &Op, inputs: &[Shape]) -> Result<Plan> {
    numbers(op, inputs)?;
    Ok(Plan::free(inputs[0].clone()))
}

/// The error of a layer that needs another kind of input, whatever its settings are.
pub(super) fn not(op: &Op, inputs: &[Shape], wanted: &str) -> Error {
    let input = &inputs[0];
    let instead = |rank| (op.info.facts.instead)(op, rank);
    // An embedding turns tokens into a sequence.
    let embedded = vec![Shape::new([input.elements(), 16]); inputs.len()];
    let try_ = match (input.vocabulary(), input.as_slice()) {
        (Some(_), _) if (op.info.plan)(op, &embedded).is_ok() => {
            "embedding(16) before it".to_string()
        }
        (Some(_), _) => match instead(2) {
            Some(other) => format!("embedding(16) and then {other} in its place"),
            None => "embedding(16) in its place".to_string(),
        },
        (None, [_]) => match instead(1) {
            Some(other) => format!(
                "{other} in its place, or, where a layer before it flattens or pools, putting it in \
                 front of that one"
            ),
            None => "leaving it out".to_string(),
        },
        (None, shape) if shape.len() > 3 => "flatten() and linear(16) in its place".to_string(),
        (None, shape) => match instead(shape.len()) {
            Some(other) => format!("{other} in its place"),
            None => "leaving it out".to_string(),
        },
    };
    op.unfit(inputs, format!("it needs {wanted}. Try {try_}")).whatever_is_set()
}

/// The number of channels or units that the layer returns.
fn width(op: &Op) -> usize {
    match op.int("channels").max(op.int("units")) {
        0 => 16,
        given => given,
    }
}

/// The layer's kernel, or 3 for a layer without one.
fn window(op: &Op) -> usize {
    op.int("kernel").max(3)
}

/// The counterpart of a layer for images on other shapes.
pub(super) fn for_images(op: &Op, rank: usize) -> Option<String> {
    match rank {
        1 => Some(format!("linear({})", width(op))),
        2 => Some(format!("conv1d({}, {})", width(op), window(op))),
        _ => None,
    }
}

/// The counterpart of a layer for sequences on other shapes.
pub(super) fn for_sequences(op: &Op, rank: usize) -> Option<String> {
    match rank {
        1 => Some(format!("linear({})", width(op))),
        3 => Some(format!("conv({}, {})", width(op), window(op))),
        _ => None,
    }
}
