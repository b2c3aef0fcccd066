//! PC-DARTS: Xu et al., "PC-DARTS: Partial Channel Connections for Memory-Efficient Architecture Search",
//! arXiv 1907.05737.
//!
//! The idea: the options of a choice see one of K channels only, and the others pass them by. A step then
//! needs a K-th of the memory, and a skip connection has less of an advantage. Which channels these are
//! changes from node to node, so edges have weights of their own, which say how much a node reads of each.
//!
//! ```text
//! f(x; S) = sum over o of p_o o(S * x) + (1 - S) * x          S: the first C / K of C channels
//! x_j = sum over i < j of exp(beta_ij) / sum over i' of exp(beta_i'j) f_ij(x_i)
//! ```
//! with K = 4, and the channels shuffled behind each choice. The alphas learn only after 15 of 50 epochs.
//! Where a choice reduces an image, the channels that pass by are reduced by max pooling.
//!
//! Scores on shared weights are those of the cell on a quarter of its channels, as it was trained.
//!
//! An architecture's edges are chosen by beta times the largest weight of an option.

use super::bilevel::{Rules, rules};
use super::relaxation::Softmax;
use super::{Method, MethodInfo};
use crate::count::Count;

/// Differentiable search on a share of the channels, with weights of the edges.
///
/// ```
/// use nascent::prelude::*;
/// let data = Dataset::digits().take(300);
/// let op = one_of([conv(same(), 3), skip()]);
/// let space = Space::on(&data).then(conv(8, 3))
///     .then(cell([vec![op.clone(); 1], vec![op.clone(); 2]])).then(global_avg_pool());
/// let search = Study::one_shot(&space, &Train::on(&data).epochs(3), PcDarts::new()).quiet().run()?;
/// assert!(space.contains(&search.derived()?));
/// # Ok::<(), nascent::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "methods return a new value and leave this one as it is"]
#[doc(alias = "PC-DARTS")]
pub struct PcDarts {
    rules: Rules,
}

impl PcDarts {
    /// With one of four channels.
    pub fn new() -> PcDarts {
        let rules = Rules::new(6e-4);
        PcDarts { rules: Rules { share: 4, normalise: true, warm_up: 0.3, ..rules } }
    }

    /// The options see one of so many channels. A choice whose input is no image, or has a number of
    /// channels that is no multiple of it, sees all of them.
    pub fn one_of_channels(&self, k: impl Count) -> PcDarts {
        PcDarts { rules: Rules { share: k.to_i64(), ..self.rules } }
    }
}

impl Default for PcDarts {
    fn default() -> Self {
        PcDarts::new()
    }
}

rules!(PcDarts);

/// Its row in the table of one-shot methods.
pub(super) const ROW: MethodInfo = MethodInfo {
    name: "pc_darts",
    about: "as darts, on a quarter of the channels and with weights of the edges",
    paper: "Xu et al. 2020, arXiv 1907.05737",
    make: || PcDarts::new().into(),
};

impl From<PcDarts> for Method {
    fn from(pc: PcDarts) -> Method {
        Method::relaxed("PC-DARTS", Softmax, pc.rules)
    }
}
