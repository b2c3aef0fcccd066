//! The network of an architecture as a graph of operations, what it costs, and what tells it from others.

pub(crate) mod canonical;
pub(crate) mod cost;
pub(crate) mod lowering;
pub(crate) mod morph;
mod networks;
mod open;
mod order;
mod reach;
mod relaxed;
pub(crate) mod sequence;
mod sharing;
pub(crate) mod walk;
pub(crate) mod wl;

pub(crate) use cost::Sums;
pub use lowering::LayerRow;
pub(crate) use lowering::{Graph, MOST_LAYERS, Misfit, MixedGraph};
pub(crate) use networks::Networks;
pub(crate) use open::Part;
pub(crate) use order::{Orders, Places};
pub(crate) use reach::{Reach, Verdict};
pub(crate) use relaxed::{Ask, Place, Relaxed};
pub(crate) use sequence::{MOST_SKIPS, Sequence, sequence};
pub(crate) use sharing::Sharing;
pub(crate) use wl::{check as check_iterations, collect, count};
