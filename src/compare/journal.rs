//! The journal of a comparison: a line for each study that has ended, so that one which was
//! interrupted goes on where it was.
//!
//! ```text
//! {"nascent":"comparison","schema":1,"setup":[...]}
//! {"strategy":0,"seed":1,"scores":[...],...}
//! ```
//!
//! Where an evaluation takes time, each study keeps a journal of its own beside it, so that a study
//! that was under way goes on as well.

use super::record::Run;
use crate::error::{Error, ErrorKind, Result};
use crate::rng::child;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const SCHEMA: u32 = 1;

/// The first line: all that the results depend on, in words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Header {
    nascent: String,
    schema: u32,
    setup: Vec<(String, String)>,
}

impl Header {
    pub(super) fn new(setup: Vec<(String, String)>) -> Header {
        Header { nascent: "comparison".into(), schema: SCHEMA, setup }
    }

    fn differences(&self, now: &Header) -> Vec<String> {
        let value = |h: &Header, what: &str| {
            let found = h.setup.iter().find(|(name, _)| name == what);
            found.map_or("not there".to_string(), |(_, v)| v.clone())
        };
        let names = self.setup.iter().chain(&now.setup).map(|(name, _)| name);
        let mut list: Vec<String> = vec![];
        for name in names {
            let (then, now) = (value(self, name), value(now, name));
            let text = format!("its {name} is {then}, this one's is {now}.");
            if then != now && !list.contains(&text) {
                list.push(text);
            }
        }
        list
    }
}

/// An open journal; its lock lasts as long as it.
pub(super) struct Journal {
    file: File,
    path: PathBuf,
    length: u64,
    synced: Option<Instant>,
}

/// On a table a study takes milliseconds; the disk is waited for no more often than this.
const SYNC: Duration = Duration::from_millis(500);

impl Journal {
    /// Opens or begins it; with the studies that it holds, and what was dropped.
    pub(super) fn open(
        path: &Path,
        header: &Header,
    ) -> Result<(Journal, Vec<Run>, Option<String>)> {
        let named = |e: std::io::Error| {
            Error::from(e).context(format!("the comparison's journal {}", path.display()))
        };
        let mut open = OpenOptions::new();
        let mut file =
            open.read(true).write(true).create(true).truncate(false).open(path).map_err(named)?;
        file.try_lock().map_err(|_| {
            Error::new(
                ErrorKind::File,
                format!(
                    "the comparison's journal {} is in use by another one, here or in another \
                     process. Stop that one, or give this one another path",
                    path.display()
                ),
            )
        })?;
        let mut bytes = vec![];
        file.read_to_end(&mut bytes).map_err(named)?;
        let whole = bytes.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
        let torn = (whole < bytes.len())
            .then(|| format!("the last line of {} was cut short and is dropped", path.display()));
        let mut lines = bytes[..whole].split(|&b| b == b'\n').filter(|line| !line.is_empty());
        let begins = br#"{"nascent":"comparison""#;
        let Some(first) = lines.next() else {
            // Only a header of ours that was cut short may be written over.
            if !begins.starts_with(&bytes) && !bytes.starts_with(begins) {
                return Err(foreign(path));
            }
            let mut journal = Journal { file, path: path.to_path_buf(), length: 0, synced: None };
            journal.cut()?;
            journal.line(header)?;
            return Ok((journal, vec![], None));
        };
        let kept: Header = serde_json::from_slice(first).map_err(|_| foreign(path))?;
        if kept.nascent != "comparison" || kept.schema != SCHEMA {
            return Err(foreign(path));
        }
        let differences = kept.differences(header);
        if !differences.is_empty() {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!(
                    "the journal {} is of another comparison:\n  {}\nGive this one another path.",
                    path.display(),
                    differences.join("\n  ")
                ),
            ));
        }
        let mut runs = vec![];
        for (i, line) in lines.enumerate() {
            let read = serde_json::from_slice::<Run>(line).map_err(|e| e.to_string());
            let whole = |run: Run| match run.is_whole() {
                true => Ok(run),
                false => Err("its lists differ in length".to_string()),
            };
            runs.push(read.and_then(whole).map_err(|e| {
                Error::new(
                    ErrorKind::File,
                    format!(
                        "the journal {} is damaged in line {}: {e}. Without that line it can be \
                         gone on with",
                        path.display(),
                        i + 2
                    ),
                )
            })?);
        }
        let mut journal =
            Journal { file, path: path.to_path_buf(), length: whole as u64, synced: None };
        journal.cut()?;
        Ok((journal, runs, torn))
    }

    /// Writes a study that has ended.
    pub(super) fn write(&mut self, run: &Run) -> Result<()> {
        self.line(run)
    }

    /// Forces what was written to the disk.
    pub(super) fn close(&mut self) -> Result<()> {
        Ok(self.file.sync_data()?)
    }

    fn line(&mut self, value: &impl Serialize) -> Result<()> {
        let mut line = serde_json::to_vec(value)?;
        line.push(b'\n');
        let due = self.synced.is_none_or(|at| at.elapsed() > SYNC);
        let written = self.file.write_all(&line).and_then(|()| match due {
            true => self.file.sync_data(),
            false => Ok(()),
        });
        if due {
            self.synced = Some(Instant::now());
        }
        if let Err(e) = written {
            // A full disk may have taken half of the line.
            let _ = self.cut();
            return Err(Error::from(e).context(format!(
                "the comparison's journal {} cannot be written; its {} bytes are whole. Make room \
                 and run again",
                self.path.display(),
                self.length
            )));
        }
        self.length += line.len() as u64;
        Ok(())
    }

    fn cut(&mut self) -> Result<()> {
        self.file.set_len(self.length)?;
        self.file.seek(SeekFrom::Start(self.length))?;
        Ok(())
    }
}

fn foreign(path: &Path) -> Error {
    Error::invalid(
        format!("the journal {}", path.display()),
        "it is no comparison's journal, and is left as it is",
        "another path",
    )
}

/// Where a study of the comparison keeps its own journal. No two names have the same, nor on a disk
/// that takes capitals for small letters: what does not fit into a file's name is told apart by a hash.
pub(super) fn of_study(path: &Path, strategy: &str, seed: u64) -> PathBuf {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    let mut short: String = strategy.chars().map(plain).take(LONGEST).collect();
    if short != strategy || short.contains(|c: char| c.is_ascii_uppercase()) {
        short += &format!("-{:08x}", child(0, strategy, 0) as u32);
    }
    let mut name = path.as_os_str().to_os_string();
    name.push(format!(".{short}.{seed}"));
    name.into()
}

/// Letters of a strategy's name in the name of a file.
const LONGEST: usize = 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_study_has_a_journal_of_its_own() {
        let long = "PPO (LSTM 1 x 100, 10 epochs of 2 trials, clip 0.2, learning rate ";
        let names = [
            "gp-wl".to_string(),
            "mine a".to_string(),
            "mine.a".to_string(),
            "mine_a".to_string(),
            "Mine-a".to_string(),
            "mine-a".to_string(),
            format!("{long}0.001)"),
            format!("{long}0.002)"),
        ];
        let mut paths: Vec<String> = names
            .iter()
            .map(|n| of_study(Path::new("c"), n, 3).to_string_lossy().to_lowercase())
            .collect();
        assert_eq!(paths[0], "c.gp-wl.3");
        assert!(paths.iter().all(|p| p.len() < 80), "{paths:?}");
        paths.sort();
        paths.dedup();
        assert_eq!(paths.len(), names.len(), "{paths:?}");
    }
}
