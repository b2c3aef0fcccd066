//! Surrogates: models of the score, learned from the trials, that say where to look next. One model
//! per file; the strategies of [`crate::strategy`] put them together.

mod acquisition;
mod ensemble;
mod feasible;
mod features;
mod forest;
mod gp;
mod kernel;
mod prediction;
mod target;

pub(crate) use acquisition::Acquisition;
pub(crate) use ensemble::{Ensemble, Recipe};
pub(crate) use feasible::Feasible;
pub(crate) use features::{Columns, Features};
pub(crate) use forest::{Forest, Rows};
pub(crate) use gp::{Cholesky, Gp};
pub(crate) use kernel::{Kernel, Pair, Parameters};
pub use prediction::Prediction;
pub(crate) use target::Scale;
