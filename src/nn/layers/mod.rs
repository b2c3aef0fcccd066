//! One layer a file: its function, its row for the table, its costs, its forward pass.

use crate::nn::Setting;

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

/// Whether positions see later ones: 0 they do, 1 they do not, 2 as the task asks, which the network
/// that is made for it decides: to predict the next symbol it must not see it.
pub(super) const CAUSAL: Setting = Setting::int("causal", Some(2), 0, 2);
