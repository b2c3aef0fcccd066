//! One layer a file: its function, its row for the table, its costs, its forward pass.

use crate::nn::{Op, Setting};

pub(crate) mod activation;
pub(crate) mod attention;
pub(crate) mod batch_norm;
pub(crate) mod choice;
pub(crate) mod conv;
pub(crate) mod conv1d;
pub(crate) mod darts_rnn;
pub(crate) mod depthwise;
pub(crate) mod drop_path;
pub(crate) mod dropout;
pub(crate) mod embedding;
pub(crate) mod feed_forward;
pub(crate) mod group_norm;
pub(crate) mod join;
pub(crate) mod last;
pub(crate) mod layer_norm;
pub(crate) mod linear;
pub(crate) mod pool;
pub(crate) mod positions;
pub(crate) mod recurrent;
pub(crate) mod sep_conv;
pub(crate) mod shape;
pub(crate) mod squeeze_excite;
mod wants;

/// Whether positions see no later ones: to predict the next symbol they must not.
const CAUSAL: Setting = Setting::as_asked("causal", ["not causal", "causal"]);

/// What to try where positions see later ones.
fn if_not_causal(op: &Op) -> Option<&'static str> {
    (!op.has("causal")).then_some("causal(true), or no causal(...) at all")
}

/// Whether there is a second direction, from the end of a sequence to its beginning.
const BIDIRECTIONAL: Setting =
    Setting::switch("bidirectional", false, ["not bidirectional", "bidirectional"]);

/// What to try where that is so, and positions must not see later ones.
fn if_bidirectional(op: &Op) -> Option<&'static str> {
    op.has("bidirectional").then_some("bidirectional(false)")
}
