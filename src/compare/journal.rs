//! The journal of a comparison: a line for each study that has ended, so that a comparison which was
//! interrupted continues where it was.
//!
//! ```text
//! {"nascent":"comparison","schema":1,"setup":[...]}
//! {"strategy":0,"seed":1,"scores":[...],...}
//! ```
//!
//! Where an evaluation takes time, each study keeps a journal of its own beside it, so that a study
//! that was under way continues as well. Its budget has to be the same to the last trial: see
//! [`Study::strict`](crate::Study).

use super::record::Run;
use crate::error::{Error, ErrorKind, Result};
use crate::file::{self, Locked, Role};
use crate::rng::child;
use crate::study::{Sink, Tail, begun, line, tail};
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const SCHEMA: u32 = 1;

const ROLE: Role = Role { what: "the comparison's journal", user: "comparison" };

/// How the line of a study begins.
const BEGINS: [&str; 1] = [r#"{"strategy":"#];

/// The first line: all that the results depend on, in words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Header {
    nascent: String,
    schema: u32,
    setup: Vec<(String, String)>,
    /// Whether the evaluator's settings say all that it measures.
    #[serde(skip)]
    stored: bool,
}

impl Header {
    pub(super) fn new(setup: Vec<(String, String)>, stored: bool) -> Header {
        Header { nascent: "comparison".into(), schema: SCHEMA, setup, stored }
    }

    fn differences(&self, now: &Header) -> Vec<String> {
        let value = |h: &Header, what: &str| {
            let found = h.setup.iter().find(|(name, _)| name == what);
            found.map_or("not there".to_string(), |(_, v)| v.clone())
        };
        let names = self.setup.iter().chain(&now.setup).map(|(name, _)| name);
        let mut list: Vec<String> = vec![];
        // As in the journal of a study: where the settings of an evaluator of ours say what is measured, the name
        // of the score is a label.
        let same = |what: &str| value(self, what) == value(now, what);
        let label = now.stored && same("evaluator");
        let way =
            |metric: String| metric.rsplit_once(", ").map_or(metric.clone(), |m| m.1.to_string());
        for name in names {
            let (mut then, mut now) = (value(self, name), value(now, name));
            if label && name == "metric" {
                (then, now) = (way(then), way(now));
            }
            let text = format!("its {name} is {then}, this one's is {now}.");
            if then != now && !list.contains(&text) {
                list.push(text);
            }
        }
        list
    }
}

/// An open journal; its lock lasts as long as it does.
pub(super) struct Journal {
    file: Locked,
    path: PathBuf,
    length: u64,
    synced: Option<Instant>,
    /// Whether this created the file.
    new: bool,
}

/// On a table a study takes milliseconds; we wait for the disk no more often than this.
const SYNC: Duration = Duration::from_millis(500);

impl Journal {
    /// Opens or begins it; returns the studies that it holds, and what was dropped.
    pub(super) fn open(
        path: &Path,
        header: &Header,
    ) -> Result<(Journal, Vec<Run>, Option<String>)> {
        let file::Opened { file, new } = file::open(path, ROLE)?;
        let mut journal = Journal { file, path: path.to_path_buf(), length: 0, synced: None, new };
        let check = |first: &[u8]| kept_header(path, first).map(drop);
        let Some(bytes) = begun(&journal.file, header, check)? else {
            journal.cut()?;
            if let Err(e) = journal.write(header) {
                journal.abandon();
                return Err(e);
            }
            return Ok((journal, vec![], None));
        };
        let whole = bytes.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
        let mut lines = bytes[..whole].split_inclusive(|&b| b == b'\n');
        let differences = kept_header(path, lines.next().unwrap_or_default())?.differences(header);
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
        let mut last = 1;
        for (i, line) in lines.enumerate().filter(|(_, line)| !line.trim_ascii().is_empty()) {
            last = i + 2;
            let run = serde_json::from_slice::<Run>(line).map_err(|e| e.to_string());
            runs.push(run.and_then(checked).map_err(|e| damaged(path, last, &e))?);
        }
        journal.length = whole as u64;
        let mut torn = None;
        match tail::<Run>(&bytes[whole..], &BEGINS) {
            Tail::Nothing => {}
            // Complete except for its line feed, which it gets.
            Tail::Whole(run, length) => {
                runs.push(checked(run).map_err(|e| damaged(path, last + 1, &e))?);
                journal.length += length as u64;
                journal.cut()?;
                journal.file.write_all(b"\n")?;
                journal.length += 1;
            }
            Tail::Torn => {
                torn = Some(format!(
                    "the last line of {} was cut short and is dropped",
                    path.display()
                ));
            }
            Tail::Foreign => return Err(damaged(path, last + 1, "it is not of a study")),
        }
        journal.cut()?;
        Ok((journal, runs, torn))
    }

    /// Removes the file if this has created it: a comparison that could not begin leaves nothing behind.
    pub(super) fn abandon(self) {
        if self.new {
            let _ = std::fs::remove_file(&self.path);
        }
    }

    /// Forces what was written to the disk.
    pub(super) fn close(&mut self) -> Result<()> {
        Ok(self.file.sync_data()?)
    }

    /// Writes the header, or a study that has ended.
    pub(super) fn write(&mut self, value: &impl Serialize) -> Result<()> {
        let line = line(value)?;
        let due = self.synced.is_none_or(|at| at.elapsed() > SYNC);
        let written = self.file.put(&line, due);
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
        Ok(self.file.cut(self.length)?)
    }
}

fn kept_header(path: &Path, line: &[u8]) -> Result<Header> {
    let header: Option<Header> =
        line.strip_suffix(b"\n").and_then(|line| serde_json::from_slice(line).ok());
    let header = header.filter(|h| h.nascent == "comparison" && h.schema == SCHEMA);
    header.ok_or_else(|| {
        let value: serde_json::Value = serde_json::from_slice(line).unwrap_or_default();
        Error::invalid(
            format!("the journal {}", path.display()),
            match value["nascent"].as_str() {
                Some("journal") => "it is the journal of a study, for Study::journal",
                Some("comparison") if value["schema"].is_u64() && value["schema"] != SCHEMA => {
                    "it was written by another version of nascent"
                }
                _ => "it is not a comparison's journal, and is left as it is",
            },
            "another path",
        )
    })
}

fn checked(run: Run) -> Result<Run, String> {
    match run.is_whole() {
        true => Ok(run),
        false => Err("its lists differ in length".to_string()),
    }
}

pub(super) fn damaged(path: &Path, line: usize, why: &str) -> Error {
    Error::new(
        ErrorKind::File,
        format!(
            "the journal {} is damaged in line {line}: {why}. Without that line the comparison can continue",
            path.display()
        ),
    )
}

/// Where a study of the comparison keeps its own journal. No two names share one, not even on a disk
/// that ignores the case of letters: what does not fit into a file's name is told apart by a hash.
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

/// The most letters of a strategy's name in the name of a file.
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
