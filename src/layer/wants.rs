//! What a layer wants to come in, and what to try where something else does.

use crate::error::{Error, Result};
use crate::op::Op;
use crate::shape::Shape;

/// The image `[C, H, W]`.
///
/// # Errors
/// When it is something else.
pub(super) fn image(op: &Op, inputs: &[Shape]) -> Result<(usize, usize, usize)> {
    match *inputs[0].as_slice() {
        [c, h, w] => Ok((c, h, w)),
        _ => Err(not(op, inputs, "an image [C, H, W]")),
    }
}

/// The sequence `[L, D]`.
///
/// # Errors
/// When it is something else.
pub(super) fn sequence(op: &Op, inputs: &[Shape]) -> Result<(usize, usize)> {
    match (inputs[0].as_slice(), inputs[0].vocabulary()) {
        (&[l, d], None) => Ok((l, d)),
        _ => Err(not(op, inputs, "a sequence [L, D]")),
    }
}

/// Any numbers: all but tokens.
///
/// # Errors
/// When they are tokens.
pub(super) fn numbers(op: &Op, inputs: &[Shape]) -> Result<()> {
    match inputs.iter().any(|shape| shape.vocabulary().is_some()) {
        false => Ok(()),
        true => Err(not(op, inputs, "numbers")),
    }
}

/// The error of a layer that wants something else, whatever it is set to.
pub(super) fn not(op: &Op, inputs: &[Shape], wanted: &str) -> Error {
    let input = &inputs[0];
    let instead = |rank| (op.info.facts.instead)(op, rank);
    let try_ = match (input.vocabulary(), input.as_slice()) {
        // An embedding makes a sequence of tokens.
        (Some(_), _) if wanted.contains("sequence") || wanted == "numbers" => {
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

/// As many channels or units as the layer gives.
pub(super) fn width(op: &Op) -> usize {
    match op.int("channels").max(op.int("units")) {
        0 => 16,
        given => given,
    }
}

/// A kernel as wide as the layer's.
pub(super) fn window(op: &Op) -> usize {
    op.int("kernel").max(3)
}

/// What does the like of a convolution of images.
pub(super) fn for_images(op: &Op, rank: usize) -> Option<String> {
    match rank {
        1 => Some(format!("linear({})", width(op))),
        2 => Some(format!("conv1d({}, {})", width(op), window(op))),
        _ => None,
    }
}

/// What does the like of a recurrent layer.
pub(super) fn for_sequences(op: &Op, rank: usize) -> Option<String> {
    match rank {
        1 => Some(format!("linear({})", width(op))),
        3 => Some(format!("conv({}, 3)", width(op))),
        _ => None,
    }
}
