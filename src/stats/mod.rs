//! Statistics of results: how well two orders agree.
//!
//! ```
//! use nascent::stats::{kendall_tau, spearman};
//! let (after_3_epochs, after_30) = ([0.61, 0.70, 0.66, 0.52], [0.90, 0.93, 0.94, 0.88]);
//! assert!((kendall_tau(after_3_epochs, after_30)? - 2.0 / 3.0).abs() < 1e-12);
//! assert!((spearman(after_3_epochs, after_30)? - 0.8).abs() < 1e-12);
//! # Ok::<(), nascent::Error>(())
//! ```

mod rank;

pub use rank::{kendall_tau, spearman};
