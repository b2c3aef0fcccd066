//! Trainings that ended before their full budget, put away so that a later trial can go on with them, and
//! weights that a later trial may begin with.
//!
//! They are kept in memory, up to a limit; where it is reached the oldest go first. A training that is not
//! there any more, as after a restart, is run again from its beginning: that costs time, and the result is the
//! same to the last bit.

use std::any::Any;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What is put away, as far as the memory allows.
pub(crate) struct Shelf {
    /// The most bytes.
    room: usize,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// The oldest first.
    list: VecDeque<Put>,
    bytes: usize,
}

/// A training of an architecture from a seed, after so many epochs; the shelf does not know what it is.
pub(crate) struct Put {
    pub(crate) decisions: Vec<u32>,
    pub(crate) seed: u64,
    pub(crate) epoch: usize,
    pub(crate) bytes: usize,
    pub(crate) training: Arc<dyn Any + Send + Sync>,
    /// Whether it stays there when it is used: weights, which several trials may begin with.
    pub(crate) stays: bool,
}

impl Shelf {
    pub(crate) fn new(bytes: usize) -> Shelf {
        Shelf { room: bytes, kept: Mutex::default() }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a training away.
    pub(crate) fn put(&self, put: Put) {
        if put.bytes > self.room {
            return;
        }
        let mut kept = self.kept();
        while kept.bytes + put.bytes > self.room {
            let Some(oldest) = kept.list.pop_front() else { break };
            kept.bytes -= oldest.bytes;
        }
        kept.bytes += put.bytes;
        kept.list.push_back(put);
    }

    /// Takes out the training of these decisions from this seed that has come furthest, but not beyond
    /// these epochs.
    pub(crate) fn take(&self, decisions: &[u32], seed: u64, epochs: usize) -> Option<Put> {
        let mut kept = self.kept();
        let fits = |(_, put): &(usize, &Put)| {
            let same = put.decisions == decisions && put.seed == seed;
            same && !put.stays && put.epoch <= epochs
        };
        let all = kept.list.iter().enumerate();
        let (at, _) = all.filter(fits).max_by_key(|(_, put)| put.epoch)?;
        let put = kept.list.remove(at)?;
        kept.bytes -= put.bytes;
        Some(put)
    }

    /// What stays there of the training of these decisions from this seed after these epochs. What was used
    /// last goes last.
    pub(crate) fn see(
        &self,
        decisions: &[u32],
        seed: u64,
        epochs: usize,
    ) -> Option<Arc<dyn Any + Send + Sync>> {
        let mut kept = self.kept();
        let wanted = |put: &Put| {
            let same = put.decisions == decisions && put.seed == seed;
            same && put.stays && put.epoch == epochs
        };
        let at = kept.list.iter().position(wanted)?;
        let put = kept.list.remove(at)?;
        let found = put.training.clone();
        kept.list.push_back(put);
        Some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_away_is_found_and_the_oldest_goes_first() {
        let put = |seed: u64, epoch: usize| Put {
            decisions: vec![0],
            seed,
            epoch,
            bytes: 10,
            training: Arc::new((seed, epoch)),
            stays: false,
        };
        let shelf = Shelf::new(35);
        [(1, 1), (1, 2), (2, 1)].into_iter().for_each(|(seed, epoch)| shelf.put(put(seed, epoch)));
        assert!(shelf.take(&[1], 1, 3).is_none() && shelf.take(&[0], 3, 3).is_none());
        assert!(shelf.take(&[0], 2, 0).is_none(), "it is beyond these epochs");
        let furthest = shelf.take(&[0], 1, 3).unwrap();
        assert_eq!(*furthest.training.downcast::<(u64, usize)>().unwrap(), (1, 2));
        assert_eq!(shelf.take(&[0], 1, 3).unwrap().epoch, 1);
        assert!(shelf.take(&[0], 1, 3).is_none(), "it was taken");
        [3, 4, 5].into_iter().for_each(|seed| shelf.put(put(seed, 1)));
        assert!(shelf.take(&[0], 2, 3).is_none(), "the oldest went");
        assert!(shelf.take(&[0], 5, 3).is_some());
        shelf.put(Put { bytes: 36, ..put(6, 1) });
        assert!(shelf.take(&[0], 6, 1).is_none(), "it is larger than the shelf");
        shelf.put(Put { stays: true, ..put(7, 2) });
        assert!(shelf.take(&[0], 7, 3).is_none() && shelf.see(&[0], 7, 1).is_none());
        shelf.put(put(8, 1));
        assert!(shelf.see(&[0], 7, 2).is_some() && shelf.see(&[0], 8, 1).is_none());
        [9, 10].into_iter().for_each(|seed| shelf.put(put(seed, 1)));
        assert!(shelf.see(&[0], 7, 2).is_some(), "it was used later than others");
    }
}
