//! Picking the best of many by a score.

use crate::error::{Error, Result};
use crate::interrupt;
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

/// The architectures of [`drawn`] that can be scored, with their scores. ■ ends this.
///
/// # Errors
/// As of [`drawn`], and the first reason where none can be scored.
pub(crate) fn scored<S>(
    space: &Space,
    (n, k): (i64, i64),
    rng: &mut Rng,
    score: impl Fn(&Architecture) -> Result<S>,
) -> Result<Vec<(S, Architecture)>> {
    let choose = || {
        let (mut found, mut refused) = (vec![], None);
        for arch in drawn(space, n, k, rng)? {
            interrupt::check()?;
            match score(&arch) {
                Ok(score) => found.push((score, arch)),
                Err(e) => drop(refused.get_or_insert(e)),
            }
        }
        refused.filter(|_| found.is_empty()).map_or(Ok(found), Err)
    };
    interrupt::stoppable(|| format!("the choice of the best of {n}"), choose)
}

/// The `k` of the highest scores, the highest first; of equal ones the first.
pub(crate) fn best(mut scored: Vec<(f64, Architecture)>, k: i64) -> Vec<Architecture> {
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored.into_iter().take(k.max(0) as usize).map(|(_, arch)| arch).collect()
}
