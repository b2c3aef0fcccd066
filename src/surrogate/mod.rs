//! Surrogates: models that predict numbers from features or distances of any kind. Each file holds one
//! model; the strategies put them together.

mod acquisition;
mod bourgain;
mod ensemble;
mod feasible;
mod forest;
mod gp;
mod prediction;
mod target;

pub(crate) use acquisition::Acquisition;
pub(crate) use bourgain::Bourgain;
pub(crate) use ensemble::{Ensemble, Recipe};
pub(crate) use feasible::Feasible;
pub(crate) use forest::{Forest, Rows};
pub(crate) use gp::{Cholesky, Gp};
pub use prediction::Prediction;
pub(crate) use target::Scale;
