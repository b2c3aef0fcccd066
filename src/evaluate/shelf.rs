//! Trainings that ended before their full budget, put away so that a later trial can go on with them.
//!
//! They are kept in memory, up to a limit; where it is reached the oldest go first. A training that is not
//! there any more, as after a restart, is run again from its beginning: that costs time, and the result is the
//! same to the last bit.

use super::Checkpoint;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is put away, as far as the memory allows.
pub(crate) struct Shelf {
    /// The most bytes.
    room: usize,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// The decisions, and the training, the oldest first.
    list: VecDeque<(Vec<u32>, Checkpoint, usize)>,
    bytes: usize,
}

impl Shelf {
    pub(crate) fn new(bytes: usize) -> Shelf {
        Shelf { room: bytes, kept: Mutex::default() }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a training away.
    pub(crate) fn put(&self, decisions: Vec<u32>, training: Checkpoint) {
        let size = training.size();
        if size > self.room {
            return;
        }
        let mut kept = self.kept();
        while kept.bytes + size > self.room {
            let Some((.., oldest)) = kept.list.pop_front() else { break };
            kept.bytes -= oldest;
        }
        kept.bytes += size;
        kept.list.push_back((decisions, training, size));
    }

    /// Takes out the training of these decisions from this seed that has come furthest, but not beyond
    /// these epochs.
    pub(crate) fn take(&self, decisions: &[u32], seed: u64, epochs: usize) -> Option<Checkpoint> {
        let mut kept = self.kept();
        let fits = |(_, (own, t, _)): &(usize, &(Vec<u32>, Checkpoint, usize))| {
            own == decisions && t.seed() == seed && t.epoch() <= epochs
        };
        let all = kept.list.iter().enumerate();
        let (at, _) = all.filter(fits).max_by_key(|(_, (_, t, _))| t.epoch())?;
        let (_, training, size) = kept.list.remove(at)?;
        kept.bytes -= size;
        Some(training)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;

    #[test]
    fn what_is_put_away_is_found_and_the_oldest_goes_first() {
        let data = Dataset::digits().take(60);
        let space = Space::on(&data).then(linear(any([8, 16])));
        let train = Train::on(&data).epochs(3).batch_size(16);
        let after = |pick: u32, seed: u64, epochs: usize| {
            let mut run = train.start(&space.decode([pick]).unwrap(), seed).unwrap();
            run.advance(epochs).unwrap();
            run.checkpoint().unwrap()
        };
        let size = after(0, 1, 1).size();
        let shelf = Shelf::new(3 * size + size / 2);
        for (seed, epochs) in [(1, 1), (1, 2), (2, 1)] {
            shelf.put(vec![0], after(0, seed, epochs));
        }
        assert!(shelf.take(&[1], 1, 3).is_none() && shelf.take(&[0], 3, 3).is_none());
        assert!(shelf.take(&[0], 2, 0).is_none(), "it is beyond these epochs");
        assert_eq!(shelf.take(&[0], 1, 3).unwrap().epoch(), 2);
        assert_eq!(shelf.take(&[0], 1, 3).unwrap().epoch(), 1);
        assert!(shelf.take(&[0], 1, 3).is_none(), "it was taken");
        for seed in [3, 4, 5] {
            shelf.put(vec![0], after(0, seed, 1));
        }
        assert!(shelf.take(&[0], 2, 3).is_none(), "the oldest went");
        assert!(shelf.take(&[0], 5, 3).is_some());
        Shelf::new(size / 2).put(vec![0], after(0, 1, 1));
    }
}
