//! The network of an architecture as a graph of operations, what it costs, and what tells it from others.

pub(crate) mod canonical;
pub(crate) mod cost;
pub(crate) mod lowering;
mod reach;
mod sequence;
mod wl;

pub(crate) use cost::{Memo, Sums};
pub use lowering::LayerRow;
pub(crate) use lowering::{Graph, MOST_LAYERS, Misfit};
pub(crate) use reach::{Reach, Verdict};
pub(crate) use sequence::{MOST_SKIPS, Sequence};
pub(crate) use wl::check as check_iterations;
