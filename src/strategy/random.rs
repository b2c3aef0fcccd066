//! Random search: every architecture is drawn anew, whatever came before.
//!
//! The baseline that any other method has to beat, and a strong one in small or well designed
//! spaces (Li and Talwalkar, arXiv 1902.07638).

use super::parts::sample;
use super::{IntoStrategy, Proposal, Strategy, StrategyInfo, read};
use crate::error::Result;
use crate::record::History;
use crate::rng::Rng;
use serde::{Deserialize, Serialize};

/// Draws architectures at random, each decision uniform over its options.
///
/// ```
/// use nascent::prelude::*;
/// let space = Space::new([8], Task::classification(2)).then(linear(any([4, 8, 16])));
/// let study = Study::new(&space, evaluator(|a, _| a.params() as f64)).strategy(Random).trials(10).quiet().run()?;
/// assert_eq!(study.trials_done().len(), 10);
/// # Ok::<(), nascent::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[must_use = "methods return a new value and leave this one as it is"]
#[doc(alias("RandomSearch", "RandomSampler"))]
pub struct Random;

/// Its row in the table of strategies.
pub(super) const ROW: StrategyInfo = StrategyInfo {
    name: "random",
    about: "each architecture is drawn anew",
    paper: "Bergstra and Bengio 2012, JMLR 13; for NAS: arXiv 1902.07638",
    make: || Random.into_strategy(),
    read: read::<Random>,
};

impl Strategy for Random {
    fn ask(&self, history: &History, rng: &mut Rng) -> Result<Proposal> {
        sample(history, rng)
    }

    fn describe(&self, _: usize) -> String {
        "random search".to_string()
    }

    fn to_json(&self) -> Option<String> {
        ROW.stored(self)
    }
}
