//! Where trainings that wait to go on are kept, and weights to begin with.

use super::{Setup, Study};
use crate::count::Count;
use crate::evaluate::Shelf;
use std::sync::Arc;

/// The most bytes in memory, and as files.
const MEMORY: usize = 512 << 20;
const FILES: usize = 4 << 30;

/// The setting, and the shelf in memory.
#[derive(Clone)]
pub(super) struct Shelves {
    /// As it was given.
    most: Option<i64>,
    memory: Arc<Shelf>,
}

impl Default for Shelves {
    fn default() -> Self {
        Shelves::of(None)
    }
}

impl Shelves {
    fn of(most: Option<i64>) -> Shelves {
        let room = most.map_or(MEMORY, |most| most.max(0) as usize);
        Shelves { most, memory: Arc::new(Shelf::new(room)) }
    }

    /// The same setting, and nothing on the shelf.
    pub(super) fn emptied(&self) -> Shelves {
        Shelves::of(self.most)
    }
}

impl Study {
    /// The most bytes of trainings that a [schedule](crate::schedules) has paused and of weights that a later trial
    /// may inherit (default: 512 MB in memory; with [`checkpoints`](Study::checkpoints) 4 GB, as files beside the
    /// journal, which outlive the process). The oldest go first. One that is not there any more is trained again
    /// when it is needed: the limit, or a deleted file, costs time and changes no result.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let data = Dataset::digits().take(300);
    /// let space = Space::on(&data).then(linear(any([4, 8, 16, 32])));
    /// let plan = Study::new(&space, Train::on(&data).epochs(3))
    ///     .strategy(SuccessiveHalving::new()).trials(4).seed(1).batch(1).quiet();
    /// let (kept, again) = (plan.run()?, plan.shelf(0).run()?);
    /// assert_eq!(kept.best()?.score(), again.best()?.score());
    /// # Ok::<(), nascent::Error>(())
    /// ```
    #[must_use = "a setting returns a new study and leaves this one as it is"]
    #[doc(alias("checkpoint_limit", "paused"))]
    pub fn shelf(&self, bytes: impl Count) -> Study {
        self.keep(|s| s.shelves = Shelves::of(Some(bytes.to_i64())))
    }
}

impl Setup {
    /// Beside the journal where checkpoints are kept, otherwise in memory.
    pub(super) fn shelf(&self) -> Arc<Shelf> {
        match &self.journal {
            Some(path) if self.checkpoints => {
                let most = self.shelves.most.map_or(FILES, |most| most.max(0) as usize);
                Arc::new(Shelf::beside(path, most))
            }
            _ => self.shelves.memory.clone(),
        }
    }

    /// A shelf on which no training has room is a slip, unless it is meant.
    pub(super) fn shelf_problem(&self) -> Option<String> {
        let most = self.shelves.most?;
        let weights = |a: crate::space::Architecture| a.params().saturating_mul(4) as i64;
        let least = self.space.default_architecture().map_or(0, weights);
        if most < 0 {
            return Some(format!(
                "shelf({most}): bytes are wanted. Try shelf(512 << 20), or shelf(0) to keep nothing."
            ));
        }
        (0 < most && most < least).then(|| {
            format!(
                "shelf({most}): the weights of the default architecture alone take {least} bytes, so nothing would \
                 be kept. Try shelf({}), or shelf(0) to keep nothing.",
                least.saturating_mul(100)
            )
        })
    }
}
