//! How long to train: strategies that look at many architectures for a few epochs, and go on with those that
//! do well. What they look at comes from another strategy. One method, one file; what they share is in
//! `rungs.rs` (the budgets), `chain.rs` (which trials are the same training) and `bracket.rs` (who goes on).
//!
//! A trial that goes on is a trial of its own: its budget says up to which epoch, and it is paid for the epochs
//! that it adds. `Train` continues the weights where the earlier trial left them; the result is that of a
//! training that was never interrupted.

mod asha;
mod bohb;
mod bracket;
mod chain;
mod curve_model;
mod curve_stopping;
mod freeze_thaw;
mod halving;
mod hyperband;
mod median;
mod rungs;

pub use asha::Asha;
pub use bohb::Bohb;
pub(crate) use chain::chains_of;
pub use curve_stopping::CurveStopping;
pub use freeze_thaw::FreezeThaw;
pub use halving::SuccessiveHalving;
pub use hyperband::Hyperband;
pub use median::MedianStopping;

use crate::error::{Error, Result};
use crate::strategy::{AnyStrategy, StrategyInfo, strategies};
use crate::words::which;

/// The table of schedules: the strategies that decide how long to train.
///
/// ```
/// let names: Vec<&str> = nascent::schedules().iter().map(|row| row.name).collect();
/// assert_eq!(names, ["halving", "hyperband", "bohb", "asha", "median", "curve", "freeze-thaw"]);
/// ```
pub fn schedules() -> &'static [StrategyInfo] {
    SCHEDULES
}

static SCHEDULES: &[StrategyInfo] = &[
    halving::ROW,
    hyperband::ROW,
    bohb::ROW,
    asha::ROW,
    median::ROW,
    curve_stopping::ROW,
    freeze_thaw::ROW,
];

impl AnyStrategy {
    /// The strategy or schedule of this name in its table, with its own settings; see [`strategies`](fn@strategies) and
    /// [`schedules`].
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let data = Dataset::digits();
    /// let space = Space::on(&data).then(linear(any([4, 8, 16])));
    /// let study = Study::new(&space, Train::on(&data)).strategy(AnyStrategy::named("hyperband")?);
    /// let same = study.strategy("hyperband");     // whatever takes a strategy takes its name
    /// assert!(AnyStrategy::named("hyperbrand").unwrap_err().to_string().contains("random, grid"));
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// When there is none.
    pub fn named(name: &str) -> Result<AnyStrategy> {
        if let Some(row) = crate::strategy::row(name) {
            return Ok((row.make)());
        }
        let rows: Vec<&StrategyInfo> = strategies().iter().chain(schedules()).collect();
        let names: Vec<&str> = rows.iter().map(|row| row.name).collect();
        let at = which("strategy", name, &names).map_err(|unknown| {
            let Ok(at) = which("method", name, SHARED) else { return unknown };
            Error::invalid(
                format!("strategy {name:?}"),
                "a one-shot method: it searches by shared weights, not by trials",
                format!("Study::one_shot(&space, &train, Method::named({:?})?)", SHARED[at]),
            )
        })?;
        Ok((rows[at].make)())
    }
}

/// The strategy of a stored form, of this table or that of the strategies.
pub(crate) fn from_json(json: &str) -> Option<AnyStrategy> {
    let own =
        crate::strategy::stored(json).and_then(|(name, settings)| (row(&name)?.read)(settings));
    own.or_else(|| crate::strategy::from_json(json))
}

/// The names of the one-shot methods, which are no strategies (their table is further down the line).
pub(crate) const SHARED: &[&str] = &[
    "darts",
    "darts2",
    "gdas",
    "snas",
    "pc_darts",
    "drnas",
    "enas",
    "spos",
    "fairnas",
    "random_sharing",
];

/// The schedule of this name.
pub(crate) fn row(name: &str) -> Option<&'static StrategyInfo> {
    SCHEDULES.iter().find(|row| row.name == name)
}
