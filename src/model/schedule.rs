//! Learning-rate schedules. A schedule refers to the full budget: a training that is cut short has
//! taken the first steps of the long one, rather than decaying faster.

use serde::{Deserialize, Serialize};
use std::fmt;

/// How the learning rate changes during the full budget of a training.
///
/// ```
/// use nascent::Schedule;
/// let s = Schedule::cosine().warm_up(1.0);
/// assert!(s.scale(0, 10, 100) < 0.2 && s.scale(10, 10, 100) == 1.0 && s.scale(99, 10, 100) < 0.01);
/// assert_eq!(Schedule::constant().scale(50, 10, 100), 1.0);
/// ```
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[must_use = "methods return a new value and leave this one as it is"]
pub struct Schedule {
    cosine: bool,
    warm_up: f64,
}

impl Schedule {
    /// Falls from 1 to 0 as half a cosine (arXiv 1608.03983, without restarts). This is the default.
    pub fn cosine() -> Self {
        Schedule { cosine: true, warm_up: 0.0 }
    }

    /// Stays at 1.
    pub fn constant() -> Self {
        Schedule { cosine: false, warm_up: 0.0 }
    }

    /// Rises linearly from 0 during the first `epochs`, which may be a fraction.
    pub fn warm_up(&self, epochs: f64) -> Self {
        Schedule { warm_up: epochs, ..*self }
    }

    /// The factor for step `step` of `total`, with `per_epoch` steps in each epoch.
    pub fn scale(&self, step: usize, per_epoch: usize, total: usize) -> f64 {
        let warm = (self.warm_up * per_epoch as f64).min(total as f64);
        let step = step as f64;
        if step < warm {
            return (step + 1.0) / (warm + 1.0);
        }
        if !self.cosine {
            return 1.0;
        }
        let progress = (step - warm) / (total as f64 - warm).max(1.0);
        0.5 * (1.0 + (std::f64::consts::PI * progress.min(1.0)).cos())
    }

    pub(crate) fn problem(&self) -> Option<String> {
        let ok = self.warm_up.is_finite() && self.warm_up >= 0.0;
        (!ok).then(|| format!("the warm-up is {} epochs; allowed is 0.0 or more.", self.warm_up))
    }
}

impl Default for Schedule {
    fn default() -> Self {
        Schedule::cosine()
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.cosine { "cosine" } else { "constant" })?;
        if self.warm_up > 0.0 {
            write!(f, " after {} epochs of warm-up", self.warm_up)?;
        }
        Ok(())
    }
}
