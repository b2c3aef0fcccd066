//! Trainings that ended before their full budget, put away so that a later trial can go on with them, and
//! weights that a later trial may begin with.
//!
//! They are kept in memory, or as files beside a journal, up to a limit; where it is reached the oldest go first. A
//! training that is not there any more is run again from its beginning: that costs time, and the result is the same
//! to the last bit.

use super::shelf_files::Files;
use super::shelved::{Key, Shelved};
use std::any::Any;
use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What is put away, as far as there is room.
pub(crate) struct Shelf {
    /// The most bytes.
    room: usize,
    kept: Mutex<Kept>,
    /// In place of memory.
    files: Option<Files>,
}

#[derive(Default)]
struct Kept {
    /// The oldest first.
    list: VecDeque<Put>,
    bytes: usize,
}

/// The shelf does not know what it is.
struct Put {
    decisions: Vec<u32>,
    seed: u64,
    epoch: usize,
    bytes: usize,
    thing: Arc<dyn Any + Send + Sync>,
}

impl Put {
    fn key(&self) -> Key<'_> {
        Key { decisions: &self.decisions, seed: self.seed, epoch: self.epoch }
    }
}

impl Shelf {
    /// In memory.
    pub(crate) fn new(bytes: usize) -> Shelf {
        Shelf { room: bytes, kept: Mutex::default(), files: None }
    }

    /// As files beside a journal.
    pub(crate) fn beside(journal: &Path, bytes: usize) -> Shelf {
        Shelf { files: Some(Files::beside(journal)), ..Shelf::new(bytes) }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts something away.
    pub(crate) fn put<T: Shelved>(&self, key: Key, thing: Arc<T>) {
        let bytes = thing.size();
        if bytes > self.room {
            return;
        }
        if let Some(files) = &self.files {
            return files.put(key, &*thing, self.room);
        }
        let mut kept = self.kept();
        while kept.bytes + bytes > self.room {
            let Some(oldest) = kept.list.pop_front() else { break };
            kept.bytes -= oldest.bytes;
        }
        kept.bytes += bytes;
        let Key { decisions, seed, epoch } = key;
        kept.list.push_back(Put { decisions: decisions.to_vec(), seed, epoch, bytes, thing });
    }

    /// Takes out the training of these decisions from this seed that has come furthest, but not beyond
    /// these epochs.
    pub(crate) fn take<T: Shelved>(&self, key: Key) -> Option<Arc<T>> {
        if let Some(files) = &self.files {
            return files.furthest(key).map(Arc::new);
        }
        let mut kept = self.kept();
        let fits = |(_, put): &(usize, &Put)| {
            put.thing.is::<T>()
                && key == Key { epoch: key.epoch, ..put.key() }
                && put.epoch <= key.epoch
        };
        let all = kept.list.iter().enumerate();
        let (at, _) = all.filter(fits).max_by_key(|(_, put)| put.epoch)?;
        let put = kept.list.remove(at)?;
        kept.bytes -= put.bytes;
        put.thing.downcast().ok()
    }

    /// What stays there of a training. What was used last goes last.
    pub(crate) fn see<T: Shelved>(&self, key: Key) -> Option<Arc<T>> {
        if let Some(files) = &self.files {
            return files.read(key).map(Arc::new);
        }
        let mut kept = self.kept();
        let at = kept.list.iter().position(|put| put.thing.is::<T>() && put.key() == key)?;
        let put = kept.list.remove(at)?;
        let found = put.thing.clone();
        kept.list.push_back(put);
        found.downcast().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A training, or weights, of ten bytes in memory.
    #[derive(Debug, PartialEq)]
    struct Thing<const STAYS: bool>(u64);

    impl<const STAYS: bool> Shelved for Thing<STAYS> {
        const STAYS: bool = STAYS;
        const ENDING: &str = if STAYS { "weights" } else { "paused" };
        fn size(&self) -> usize {
            if self.0 == 99 { 36 } else { 10 }
        }
        fn to_bytes(&self) -> Vec<u8> {
            self.0.to_le_bytes().to_vec()
        }
        fn from_bytes(bytes: &[u8]) -> Option<Self> {
            Some(Thing(u64::from_le_bytes(bytes.try_into().ok()?)))
        }
    }

    fn key(seed: u64, epoch: usize) -> Key<'static> {
        Key { decisions: &[0], seed, epoch }
    }

    #[test]
    fn what_is_put_away_is_found_and_the_oldest_goes_first() {
        let shelf = Shelf::new(35);
        let put = |seed, epoch| shelf.put(key(seed, epoch), Arc::new(Thing::<false>(epoch as u64)));
        let take = |seed, epochs| shelf.take::<Thing<false>>(key(seed, epochs)).map(|t| t.0);
        [(1, 1), (1, 2), (2, 1)].into_iter().for_each(|(seed, epoch)| put(seed, epoch));
        assert!(shelf.take::<Thing<false>>(Key { decisions: &[1], ..key(1, 3) }).is_none());
        assert_eq!((take(3, 3), take(2, 0)), (None, None), "another seed, and beyond these epochs");
        assert_eq!(take(1, 3), Some(2), "the furthest");
        assert_eq!((take(1, 3), take(1, 3)), (Some(1), None), "it was taken");
        [3, 4, 5].into_iter().for_each(|seed| put(seed, 1));
        assert_eq!((take(2, 3), take(5, 3)), (None, Some(1)), "the oldest went");
        shelf.put(key(6, 1), Arc::new(Thing::<false>(99)));
        assert_eq!(take(6, 1), None, "it is larger than the shelf");
        shelf.put(key(7, 2), Arc::new(Thing::<true>(7)));
        assert_eq!(take(7, 3), None, "weights are no training");
        let see = |seed, epoch| shelf.see::<Thing<true>>(key(seed, epoch)).map(|t| t.0);
        put(8, 1);
        assert_eq!((see(7, 1), see(7, 2), see(8, 1)), (None, Some(7), None));
        [9, 10].into_iter().for_each(|seed| put(seed, 1));
        assert_eq!(see(7, 2), Some(7), "it was used later than others");
    }

    #[test]
    fn files_are_found_by_another_process_and_damaged_ones_are_not_read() {
        let folder = std::env::temp_dir().join(format!("nascent-shelf-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let journal = folder.join("study.jsonl");
        let shelf = || Shelf::beside(&journal, 100);
        let files = || {
            let all = std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path());
            all.filter(|p| p.is_file()).collect::<Vec<_>>()
        };
        let put =
            |seed, epoch| shelf().put(key(seed, epoch), Arc::new(Thing::<false>(epoch as u64)));
        let take = |seed, epochs| shelf().take::<Thing<false>>(key(seed, epochs)).map(|t| t.0);
        put(1, 1);
        put(1, 3);
        assert_eq!(files().len(), 1, "the further training takes the place of the earlier one");
        assert_eq!((take(1, 2), take(2, 3), take(1, 9)), (None, None, Some(3)));
        assert_eq!(take(1, 3), Some(3), "it is there until the training has gone on");
        assert!(shelf().take::<Thing<false>>(Key { decisions: &[1], ..key(1, 3) }).is_none());
        shelf().put(key(1, 3), Arc::new(Thing::<true>(5)));
        assert_eq!(shelf().see::<Thing<true>>(key(1, 3)), Some(Arc::new(Thing(5))));
        // A file that belongs to nobody here is left alone, and one that was cut short is not read.
        let mine = ["study.jsonl.notes.paused", "study.jsonl.0123456789abcdef-1.txt"];
        mine.iter().for_each(|name| std::fs::write(folder.join(name), "mine").unwrap());
        let path = files().into_iter().find(|p| p.to_string_lossy().ends_with("3.paused")).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for bad in [&whole[..whole.len() - 1], &whole[..3], &[]] {
            std::fs::write(&path, bad).unwrap();
            assert_eq!(take(1, 3), None);
        }
        let mut flipped = whole.clone();
        *flipped.last_mut().unwrap() ^= 1;
        std::fs::write(&path, &flipped).unwrap();
        assert_eq!(take(1, 3), None);
        // Files of 30 bytes or so, in 100.
        (2..8).for_each(|seed| put(seed, 1));
        let sizes: u64 = files().iter().map(|p| p.metadata().unwrap().len()).sum();
        assert!(files().len() >= 4 && sizes <= 108, "{:?}: {sizes} bytes", files());
        assert_eq!(take(7, 1), Some(1));
        // What does not fit sends nothing away, and a smaller limit holds for what is there.
        let before = files().len();
        Shelf::beside(&journal, 20).put(key(9, 1), Arc::new(Thing::<false>(1)));
        assert_eq!(files().len(), before);
        Shelf::beside(&journal, 30).put(key(9, 1), Arc::new(Thing::<false>(1)));
        assert_eq!((files().len(), take(9, 1)), (3, Some(1)), "it and mine");
        assert!(mine.iter().all(|name| folder.join(name).exists()));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
