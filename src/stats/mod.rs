//! Statistics of results: how well two orders agree, how certain a mean over seeds is, which strategy
//! is better and whether that could be luck, and how good a front of several objectives is.
//!
//! | question | answer |
//! |---|---|
//! | does a cheap score put architectures into the same order as the true one? | [`kendall_tau`], [`spearman`] |
//! | what is lost by training only the few that it likes most? | [`top_k_regret`] |
//! | how good is a strategy over its seeds, and how certain is that? | [`summary`](summary()), [`bootstrap`](bootstrap()), [`bootstrap_curve`] |
//! | is this strategy better than that one? | [`wilcoxon`](wilcoxon()), [`superiority`](superiority()), [`paired_superiority`] |
//! | which of many strategies differ? | [`friedman`](friedman()), [`holm`](holm()) over several tests |
//! | which architectures does no other dominate? | [`pareto_front`], [`non_dominated_sort`], [`crowding_distance`] |
//! | how good is such a front? | [`hypervolume`](hypervolume()) |
//!
//! ```
//! use nascent::stats::{kendall_tau, spearman};
//! let (after_3_epochs, after_30) = ([0.61, 0.70, 0.66, 0.52], [0.90, 0.93, 0.94, 0.88]);
//! assert!((kendall_tau(after_3_epochs, after_30)? - 2.0 / 3.0).abs() < 1e-12);
//! assert!((spearman(after_3_epochs, after_30)? - 0.8).abs() < 1e-12);
//! # Ok::<(), nascent::Error>(())
//! ```
//!
//! Lists are anything that holds `f64`; tables are lists of rows, one row per seed or point.

mod bootstrap;
mod check;
pub(crate) mod distributions;
pub(crate) mod fanova;
mod friedman;
mod holm;
mod hypervolume;
mod mds;
mod pareto;
pub(crate) mod ped_anova;
pub(crate) mod rank;
pub(crate) mod regret;
mod summary;
mod superiority;
mod wilcoxon;

pub use bootstrap::{Band, Statistic, bootstrap, bootstrap_curve};
pub use friedman::{Friedman, friedman};
pub use holm::holm;
pub use hypervolume::hypervolume;
pub(crate) use hypervolume::{volumes, whole};
pub(crate) use mds::Plane;
pub use pareto::{crowding_distance, non_dominated_sort, pareto_front};
pub use rank::{kendall_tau, spearman};
pub use regret::top_k_regret;
pub use summary::{Summary, quantile, summary};
pub use superiority::{paired_superiority, superiority};
pub use wilcoxon::{Wilcoxon, wilcoxon};
