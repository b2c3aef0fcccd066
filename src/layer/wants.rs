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
    let try_ = match (input.vocabulary(), input.as_slice()) {
        // An embedding makes a sequence of tokens.
        (Some(_), _) if wanted.contains("sequence") || wanted == "numbers" => {
            "embedding(16) before it".to_string()
        }
        (Some(_), _) => match instead(op, 2) {
            Some(other) => format!("embedding(16) and then {other} in its place"),
            None => "embedding(16) in its place".to_string(),
        },
        (None, [_]) => match instead(op, 1) {
            Some(other) => format!(
                "{other} in its place, or, where a layer before it flattens or pools, putting it in \
                 front of that one"
            ),
            None => "leaving it out".to_string(),
        },
        (None, shape) if shape.len() > 3 => "flatten() and linear(16) in its place".to_string(),
        (None, shape) => match instead(op, shape.len()) {
            Some(other) => format!("{other} in its place"),
            None => "leaving it out".to_string(),
        },
    };
    op.unfit(inputs, format!("it needs {wanted}. Try {try_}")).whatever_is_set()
}

/// The layer that does the like for features, sequences or images: shapes of 1, 2 or 3 dimensions.
fn instead(op: &Op, rank: usize) -> Option<String> {
    let given = op.int("channels").max(op.int("units"));
    let (n, k) = (if given == 0 { 16 } else { given }, op.int("kernel").max(3));
    let other = match (op.info.name, rank) {
        ("conv" | "sep_conv" | "depthwise", 2) => format!("conv1d({n}, {k})"),
        ("conv1d", 3) => format!("conv({n}, {k})"),
        ("rnn" | "lstm" | "gru" | "darts_rnn" | "attention", 3) => format!("conv({n}, 3)"),
        ("attention", 1) => "feed_forward(4)".to_string(),
        ("conv" | "sep_conv" | "depthwise" | "conv1d", 1) => format!("linear({n})"),
        ("rnn" | "lstm" | "gru" | "darts_rnn", 1) => format!("linear({n})"),
        ("last", 3) => "global_avg_pool()".to_string(),
        ("group_norm", 2) => "layer_norm()".to_string(),
        ("feed_forward", 3) => "global_avg_pool() before it, or linear(16)".to_string(),
        _ => return None,
    };
    Some(other)
}
