//! Random search with weight sharing: Li and Talwalkar, "Random Search and Reproducibility for Neural
//! Architecture Search", arXiv 1902.07638.
//!
//! The idea: what a method adds to shared weights is only known beside a search that adds nothing.
//!
//! ```text
//! for each batch: a ~ U(A),  W <- W - lr grad L(N(a, W))
//! derive: of n random architectures, the best on the shared weights
//! ```
//!
//! n is 100. Where we differ: the paper scores 1,000 on a single batch and the 10 best of them fully; here
//! all are scored on the whole validation split, as SPOS does, with batch statistics measured anew.

use super::paths::{Chosen, method};
use super::reward::best_of;
use super::{Method, MethodInfo};
use crate::count::Count;
use std::sync::Arc;

/// Uniform single paths, then random search on the shared weights.
///
/// ```
/// use nascent::prelude::*;
/// let data = Dataset::digits().take(300);
/// let op = one_of([conv(same(), 3), conv(same(), 1), skip()]);
/// let space = Space::on(&data).then(conv(8, 3)).then(&op).then(&op).then(global_avg_pool());
/// let method = RandomSharing::new().scored(9);
/// let search = Study::one_shot(&space, &Train::on(&data).epochs(2), method).quiet().run()?;
/// assert!(space.contains(&search.derived()?));
/// # Ok::<(), nascent::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "methods return a new value and leave this one as it is"]
#[doc(alias = "RandomNAS")]
pub struct RandomSharing {
    scored: i64,
}

impl RandomSharing {
    /// Scores 100 architectures in the end.
    pub fn new() -> RandomSharing {
        RandomSharing { scored: 100 }
    }

    /// How many architectures are scored in the end.
    pub fn scored(&self, architectures: impl Count) -> RandomSharing {
        RandomSharing { scored: architectures.to_i64() }
    }
}

impl Default for RandomSharing {
    fn default() -> Self {
        RandomSharing::new()
    }
}

/// Its row in the table of one-shot methods.
pub(super) const ROW: MethodInfo = MethodInfo {
    name: "random_sharing",
    about: "uniform single paths, then random search on the shared weights",
    paper: "Li and Talwalkar 2019, arXiv 1902.07638",
    make: || RandomSharing::new().into(),
};

impl From<RandomSharing> for Method {
    fn from(RandomSharing { scored }: RandomSharing) -> Method {
        let wrong = format!(
            "scored({scored}) of random search with weight sharing: 1 to 1000000 are allowed. Try scored(100)."
        );
        let problems = if (1..=1_000_000).contains(&scored) { vec![] } else { vec![wrong] };
        let choose: Arc<Chosen> = Arc::new(move |space, rng, score| {
            best_of(space.different(scored.max(1) as usize, rng)?, score)
        });
        method(
            format!("random search with weight sharing, {scored} scored"),
            false,
            problems,
            choose,
        )
    }
}
