//! Picking the best of many by a score.

use crate::error::{Error, Result};
use crate::rng::Rng;
use crate::space::{Architecture, Space};

/// `n` different architectures, of which the best `k` are wanted; fewer where there are no more.
pub(crate) fn drawn(space: &Space, n: i64, k: i64, rng: &mut Rng) -> Result<Vec<Architecture>> {
    if n < 1 || k < 1 || k > n {
        return Err(Error::invalid(
            format!("the best {k} of {n}"),
            "both have to be at least 1, and the first at most the second",
            "best_of(&space, 1000, 10, seed)",
        ));
    }
    space.different(n as usize, rng)
}

/// The `k` of the highest scores, the highest first; of equal ones the first.
pub(crate) fn best(mut scored: Vec<(f64, Architecture)>, k: i64) -> Vec<Architecture> {
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored.into_iter().take(k.max(0) as usize).map(|(_, arch)| arch).collect()
}
