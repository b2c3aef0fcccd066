//! Grid search: every architecture of the space, one after the other.
//!
//! The order is that of [`Space::enumerate`](crate::Space::enumerate): the last choice runs
//! fastest, and combinations that do not fit together are left out. It ends by itself.

use super::{IntoStrategy, Proposal, Strategy, StrategyInfo, read};
use crate::error::{Error, ErrorKind, Result};
use crate::record::History;
use crate::rng::Rng;
use serde::{Deserialize, Serialize};

/// Tries every architecture of the space in order, and stops after the last.
///
/// ```
/// use nascent::prelude::*;
/// let space = Space::new([8], Task::classification(2)).then(linear(any([4, 8, 16])));
/// let study = Study::new(&space, evaluator(|a, _| a.params() as f64)).strategy(Grid).trials(10).quiet().run()?;
/// assert_eq!(study.trials_done().len(), 3);
/// # Ok::<(), nascent::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[must_use = "methods return a new value and leave this one as it is"]
#[doc(alias("GridSearch", "GridSampler"))]
pub struct Grid;

/// Its row in the table of strategies.
pub(super) const ROW: StrategyInfo = StrategyInfo {
    name: "grid",
    about: "every architecture of the space, one after the other",
    paper: "exhaustive enumeration",
    make: || Grid.into_strategy(),
    read: read::<Grid>,
};

impl Strategy for Grid {
    fn ask(&self, history: &History, _: &mut Rng) -> Result<Proposal> {
        let space = history.space();
        let from = match history.last_asked() {
            Some(arch) => space.after(&arch),
            None => Some(vec![]),
        };
        match from.and_then(|from| space.next_valid(from, usize::MAX)) {
            Some((_, arch)) => Ok(Proposal::new(arch, "grid")),
            // From the start: nothing fits, and the space says why.
            None if history.asked() == 0 => {
                Ok(Proposal::new(space.default_architecture()?, "grid"))
            }
            None => Err(Error::new(ErrorKind::Exhausted, "the space is exhausted")),
        }
    }

    fn describe(&self, _: usize) -> String {
        "grid search".to_string()
    }

    fn to_json(&self) -> Option<String> {
        ROW.stored(self)
    }
}
