//! Surrogates: models that predict numbers from features or distances of any kind. Each file holds one
//! model; the strategies put them together.

mod acquisition;
mod bourgain;
mod curve_regression;
mod curves;
mod distant;
mod ensemble;
mod feasible;
mod forest;
mod gp;
mod prediction;
mod target;
mod trees;

pub(crate) use acquisition::{Acquisition, expected_improvement};
pub(crate) use bourgain::Bourgain;
pub use curve_regression::CurveRegression;
pub use curves::Extrapolation;
pub(crate) use distant::{Distant, Units, distance};
pub(crate) use ensemble::{Ensemble, Recipe, Row};
pub(crate) use feasible::Feasible;
pub(crate) use forest::{Forest, Rows};
pub(crate) use gp::{Cholesky, Gp};
pub use prediction::Prediction;
pub(crate) use target::Scale;
pub(crate) use trees::Trees;
