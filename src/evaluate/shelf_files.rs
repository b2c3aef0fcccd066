//! A shelf as files beside a journal, which outlive the process: `study.jsonl.SEED-EPOCH.ENDING`.
//!
//! ```text
//! a checksum of what follows (8 bytes), the length of the decisions (8 bytes), the decisions as JSON, the content
//! ```

use super::shelved::{Key, Shelved};
use crate::output;
use crate::rng::hash_of;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The files beside one journal.
pub(super) struct Files {
    journal: PathBuf,
}

/// How the names of files end that are kept beside a journal.
pub(super) const PAUSED: &str = "paused";
pub(super) const WEIGHTS: &str = "weights";
const ENDINGS: [&str; 2] = [PAUSED, WEIGHTS];

/// A file that is there.
struct There {
    path: PathBuf,
    seed: u64,
    epoch: usize,
    ending: &'static str,
    bytes: u64,
    written: SystemTime,
}

impl Files {
    pub(super) fn beside(journal: &Path) -> Files {
        Files { journal: journal.to_path_buf() }
    }

    fn path<T: Shelved>(&self, seed: u64, epoch: usize) -> PathBuf {
        let mut name = OsString::from(&self.journal);
        name.push(format!(".{seed:016x}-{epoch}.{}", T::ENDING));
        name.into()
    }

    /// Those of this journal, the oldest first.
    fn all(&self) -> Vec<There> {
        let folder = match self.journal.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let own = self.journal.file_name().unwrap_or_default().to_string_lossy().into_owned() + ".";
        let there = |entry: std::fs::DirEntry| {
            let name = entry.file_name().into_string().ok()?;
            let (key, ending) = name.strip_prefix(&own)?.split_once('.')?;
            // Nothing else that lies beside a journal is touched.
            let ending = ENDINGS.into_iter().find(|own| *own == ending)?;
            let (seed, epoch) = key.split_once('-').filter(|(seed, _)| seed.len() == 16)?;
            let (seed, epoch) = (u64::from_str_radix(seed, 16).ok()?, epoch.parse().ok()?);
            let found = entry.metadata().ok().filter(std::fs::Metadata::is_file)?;
            let (bytes, written) = (found.len(), found.modified().ok()?);
            Some(There { path: entry.path(), seed, epoch, ending, bytes, written })
        };
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut all: Vec<There> = entries.filter_map(there).collect();
        all.sort_by_key(|t| (t.written, t.seed, t.epoch));
        all
    }

    /// Writes it, in place of earlier states of the same training. What cannot be written is not there: it will be
    /// trained again.
    pub(super) fn put<T: Shelved>(&self, key: Key, thing: &T, room: usize) {
        let decisions = serde_json::to_vec(key.decisions).unwrap_or_default();
        let mut content = (decisions.len() as u64).to_le_bytes().to_vec();
        content.extend(decisions);
        content.extend(thing.to_bytes());
        let bytes = [&hash_of(&content).to_le_bytes()[..], &content].concat();
        let (earlier, mut others): (Vec<There>, Vec<There>) =
            self.all().into_iter().partition(|t| {
                !T::STAYS && t.ending == T::ENDING && t.seed == key.seed && t.epoch <= key.epoch
            });
        let path = self.path::<T>(key.seed, key.epoch);
        let fits = |others: &[There]| {
            let used: u64 = others.iter().map(|t| t.bytes).sum();
            used.saturating_add(bytes.len() as u64) <= room as u64
        };
        // What will never fit sends nothing else away.
        while fits(&[]) && !fits(&others) {
            if std::fs::remove_file(&others.remove(0).path).is_err() {
                return;
            }
        }
        if !fits(&others) || output::write(&path, &bytes).is_err() {
            return;
        }
        for old in earlier.iter().filter(|t| t.path != path) {
            // It stays, and the further one is read.
            let _ = std::fs::remove_file(&old.path);
        }
    }

    /// The furthest state of a training that is not beyond these epochs.
    pub(super) fn furthest<T: Shelved>(&self, key: Key) -> Option<T> {
        let mut found: Vec<usize> = self
            .all()
            .into_iter()
            .filter(|t| t.ending == T::ENDING && t.seed == key.seed && t.epoch <= key.epoch)
            .map(|t| t.epoch)
            .collect();
        found.sort_unstable();
        found.into_iter().rev().find_map(|epoch| self.read(Key { epoch, ..key }))
    }

    /// What is there of a training, unless it is damaged.
    pub(super) fn read<T: Shelved>(&self, key: Key) -> Option<T> {
        let bytes = std::fs::read(self.path::<T>(key.seed, key.epoch)).ok()?;
        let (sum, content) = bytes.split_first_chunk::<8>()?;
        let (length, rest) = content.split_first_chunk::<8>()?;
        let (decisions, rest) =
            rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
        let theirs: Vec<u32> = serde_json::from_slice(decisions).ok()?;
        let whole = hash_of(content) == u64::from_le_bytes(*sum) && theirs == key.decisions;
        if whole { T::from_bytes(rest) } else { None }
    }
}
