//! FairNAS: Chu, Zhang and Xu, "FairNAS: Rethinking Evaluation Fairness of Weight Sharing Neural Architecture
//! Search", arXiv 1907.01845.
//!
//! The idea: with uniform paths one operation is by chance trained more often than another, and its
//! architectures look better than they are. Under strict fairness every step trains each operation of every
//! choice once, and changes the weights only then (`evaluate/paths.rs`).
//!
//! ```text
//! for each batch:
//!     for each choice: shuffle its m operations
//!     a_1, ..., a_m: a_k takes the k-th of each choice
//!     W <- W - lr sum over k of grad L(N(a_k, W))                                 (algorithm 1)
//! derive: evolution on the shared weights, as in `spos.rs`
//! ```
//!
//! A step costs as much as m single paths. Where we differ: the paper searches with NSGA-II for accuracy,
//! cost and size; here it is the evolution of SPOS, for the score alone.

use super::spos::Evolved;
use super::{Method, MethodInfo};
use crate::count::Count;

/// Single paths with strict fairness, then evolution on the shared weights.
///
/// ```
/// use nascent::prelude::*;
/// let data = Dataset::digits().take(300);
/// let op = one_of([conv(same(), 3), conv(same(), 1), skip()]);
/// let space = Space::on(&data).then(conv(8, 3)).then(&op).then(&op).then(global_avg_pool());
/// let search = Study::one_shot(&space, &Train::on(&data).epochs(2), FairNas::new()).quiet().run()?;
/// assert!(space.contains(&search.derived()?));
/// # Ok::<(), nascent::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "methods return a new value and leave this one as it is"]
#[doc(alias = "FairNAS")]
pub struct FairNas {
    evolution: Evolved,
}

impl FairNas {
    /// With 5 rounds of 20 architectures.
    pub fn new() -> FairNas {
        FairNas { evolution: Evolved::new() }
    }

    /// The population and the rounds of the evolution on the shared weights.
    pub fn evolution(&self, population: impl Count, rounds: impl Count) -> FairNas {
        FairNas { evolution: Evolved { population: population.to_i64(), rounds: rounds.to_i64() } }
    }
}

impl Default for FairNas {
    fn default() -> Self {
        FairNas::new()
    }
}

/// Its row in the table of one-shot methods.
pub(super) const ROW: MethodInfo = MethodInfo {
    name: "fairnas",
    about: "single paths that train all options equally often, then evolution on the shared weights",
    paper: "Chu et al. 2019, arXiv 1907.01845",
    make: || FairNas::new().into(),
};

impl From<FairNas> for Method {
    fn from(fair: FairNas) -> Method {
        fair.evolution.method("FairNAS", true)
    }
}
