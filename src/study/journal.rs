//! The journal: what a study leaves on disk while it runs, so that it cannot be lost.
//!
//! JSON lines: a header, then one line an event, each written before it is acted on and handed to
//! the system at once; a finished trial is also forced to the disk. A process that is killed at any
//! byte loses at most the trials that were running.
//!
//! ```text
//! {"nascent":"journal","schema":1,"version":"0.1.0","space":{...},"strategy":...,"protocol":{...}}
//! {"event":"asked","trial":0,"decisions":[1,0,2],"parents":[],"origin":"random"}
//! {"event":"epoch","trial":0,"epoch":1,"score":0.52,"loss":1.31}
//! {"event":"finished","trial":0,"evaluation":{...},"seconds":0.41,"at":0.42}
//! {"event":"stopped","reason":"all 20 trials are done","seconds":2.1}
//! ```
//!
//! Everything that a strategy knows follows from these events, so reading them again is all that
//! resuming needs.

use super::state::State;
use super::trial::Cost;
use super::{Protocol, Setup, Study};
use crate::error::{Error, ErrorKind, Result};
use crate::evaluate::{AnyEvaluator, Evaluation, Evaluator, IntoEvaluator};
use crate::rng::Rng;
use crate::space::Space;
use crate::strategy::{AnyStrategy, IntoStrategy, Proposal, Strategy};
use crate::task::Metric;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// The version of the format. Journals of every version stay readable: see `tests/journals/`.
pub(crate) const SCHEMA: u32 = 1;

/// A longer line than this is no event of ours.
const LONGEST_LINE: usize = 64 << 20;

/// The first line: everything that the results depend on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Header {
    nascent: String,
    schema: u32,
    version: String,
    candle: String,
    space: Space,
    /// In words, as planned, and as JSON where it can be made again.
    strategy: String,
    strategy_json: Option<String>,
    evaluator: String,
    evaluator_json: Option<String>,
    data: String,
    metric: Metric,
    full: usize,
    protocol: Protocol,
    /// Whether running trainings are kept beside it.
    #[serde(default)]
    checkpoints: bool,
}

/// One event a line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Event {
    Asked {
        trial: usize,
        decisions: Vec<u32>,
        parents: Vec<usize>,
        origin: String,
    },
    Epoch {
        trial: usize,
        epoch: usize,
        score: Option<f64>,
        loss: Option<f64>,
    },
    Finished {
        trial: usize,
        seed: u64,
        evaluation: Evaluation,
        seconds: f64,
        /// Bytes, where they were measured.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        memory: Option<usize>,
        at: f64,
    },
    Failed {
        trial: usize,
        seed: u64,
        error: String,
        seconds: f64,
        at: f64,
    },
    /// A failed trial is to be evaluated again.
    Retried {
        trial: usize,
    },
    Stopped {
        reason: String,
        seconds: f64,
    },
    /// The study goes on with other limits than those of the header.
    Limits {
        trials: Option<usize>,
        epochs: Option<f64>,
        seconds: Option<f64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        simulated_seconds: Option<f64>,
    },
}

impl Event {
    fn limits(p: &Protocol) -> Event {
        Event::Limits {
            trials: p.trials,
            epochs: p.epochs,
            seconds: p.seconds,
            simulated_seconds: p.simulated_seconds,
        }
    }
}

impl Header {
    fn of(setup: &Setup) -> Header {
        let (e, s) = (&setup.evaluator, &setup.strategy);
        Header {
            nascent: "journal".into(),
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION").into(),
            candle: super::report::CANDLE.into(),
            space: setup.space.clone(),
            strategy: s.describe(setup.planned()),
            strategy_json: s.to_json(),
            evaluator: e.describe(),
            evaluator_json: e.to_json(),
            data: format!("{:016x}", e.data_fingerprint()),
            metric: e.metric(),
            full: e.full(),
            protocol: setup.protocol.clone(),
            checkpoints: setup.checkpoints,
        }
    }

    /// What differs between the journal's study and this one, in words. Limits may differ: a study
    /// may be given more.
    fn differences(&self, now: &Header) -> Vec<String> {
        let mut list = vec![];
        let mut compare = |what: &str, then: String, now: String| {
            if then != now {
                list.push(format!("its {what} is {then}, this study's is {now}."));
            }
        };
        let space = |s: &Space| format!("{} combinations, {:016x}", s.size_text(), s.fingerprint());
        compare("space", space(&self.space), space(&now.space));
        // A strategy that plans with the number of trials describes itself differently for more.
        match (&self.strategy_json, &now.strategy_json) {
            (Some(a), Some(b)) if a == b => {}
            _ => compare("strategy", self.strategy.clone(), now.strategy.clone()),
        }
        compare("evaluator", self.evaluator.clone(), now.evaluator.clone());
        compare("data fingerprint", self.data.clone(), now.data.clone());
        compare("metric", self.metric.to_string(), now.metric.to_string());
        compare("full budget", format!("{} epochs", self.full), format!("{} epochs", now.full));
        let unlimited = |p: &Protocol| {
            let none = (None, None, None, None);
            let mut p = p.clone();
            (p.trials, p.epochs, p.seconds, p.simulated_seconds) = none;
            p.to_string()
        };
        compare("protocol", unlimited(&self.protocol), unlimited(&now.protocol));
        list
    }
}

/// Where the journal's lines go; a test puts a failing one in the place of the file.
pub(crate) trait Sink: Send {
    fn append(&mut self, line: &[u8]) -> std::io::Result<()>;
    /// Forces what was written to the disk.
    fn force(&mut self) -> std::io::Result<()>;
    /// Takes back what was written after `length` bytes.
    fn cut(&mut self, length: u64) -> std::io::Result<()>;
}

impl Sink for File {
    fn append(&mut self, line: &[u8]) -> std::io::Result<()> {
        self.write_all(line)
    }
    fn force(&mut self) -> std::io::Result<()> {
        self.sync_data()
    }
    fn cut(&mut self, length: u64) -> std::io::Result<()> {
        self.set_len(length)?;
        self.seek(SeekFrom::Start(length)).map(|_| ())
    }
}

/// A journal that is being written. The lock on the file lasts as long as this does.
pub(crate) struct Journal {
    sink: Box<dyn Sink>,
    path: PathBuf,
    length: u64,
    broken: Option<Error>,
}

impl Journal {
    pub(crate) fn write(&mut self, event: &Event) -> Result<()> {
        if let Some(e) = &self.broken {
            return Err(e.clone());
        }
        let durable = !matches!(event, Event::Asked { .. } | Event::Epoch { .. });
        self.line(event, durable)
    }

    fn line(&mut self, value: &impl Serialize, durable: bool) -> Result<()> {
        let mut line = serde_json::to_vec(value)?;
        line.push(b'\n');
        let written = self.sink.append(&line).and_then(|()| match durable {
            true => self.sink.force(),
            false => Ok(()),
        });
        if let Err(e) = written {
            // A full disk may have taken half of the line.
            let _ = self.sink.cut(self.length);
            let e = Error::from(e).context(format!(
                "the journal {} cannot be written; its {} bytes are whole. Make room and resume",
                self.path.display(),
                self.length
            ));
            self.broken = Some(e.clone());
            return Err(e);
        }
        self.length += line.len() as u64;
        Ok(())
    }

    /// Where the checkpoint of a trial is kept, beside the journal.
    pub(crate) fn checkpoint(&self, trial: usize) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".trial-{trial}.checkpoint"));
        name.into()
    }
}

/// What a journal holds.
pub(crate) struct Content {
    pub(crate) header: Header,
    pub(crate) events: Vec<Event>,
    /// The bytes of whole lines.
    length: u64,
    /// What was dropped, in words.
    notices: Vec<String>,
}

fn damaged(path: &Path, line: usize, why: &str) -> Error {
    Error::new(
        ErrorKind::File,
        format!(
            "the journal {} is damaged in line {line}: {why}. Study::salvage({path:?}) keeps what can \
             be kept, and the damaged file beside it",
            path.display()
        ),
    )
}

/// Reads the bytes of a journal. With `salvage`, lines that cannot be read are left out instead of
/// refused.
pub(crate) fn read(path: &Path, bytes: &[u8], salvage: bool) -> Result<Content> {
    let refuse = |why: &str| {
        Error::new(
            ErrorKind::File,
            format!("{} is no journal of a study: {why}. Give another path", path.display()),
        )
    };
    let whole = bytes.iter().rposition(|&b| b == b'\n').map_or(0, |i| i + 1);
    let mut lines = bytes[..whole].split(|&b| b == b'\n');
    let first = lines.next().unwrap_or_default();
    if whole == 0 {
        return Err(refuse("it has no header"));
    }
    if first.len() > LONGEST_LINE {
        return Err(refuse("its first line is too long"));
    }
    let value: serde_json::Value =
        serde_json::from_slice(first).map_err(|_| refuse("its first line is no JSON"))?;
    if value["nascent"] != "journal" {
        return Err(refuse("its first line is no header"));
    }
    if value["schema"] != SCHEMA {
        return Err(Error::new(
            ErrorKind::File,
            format!(
                "the journal {} is of schema {}, this version of nascent reads schema {SCHEMA}. Use \
                 nascent {}, which wrote it, or a newer one",
                path.display(),
                value["schema"],
                value["version"]
            ),
        ));
    }
    let header: Header =
        serde_json::from_value(value).map_err(|e| damaged(path, 1, &e.to_string()))?;
    header.space.sound().map_err(|e| damaged(path, 1, &e.to_string()))?;
    let mut notices = vec![];
    let mut events = vec![];
    for (i, line) in lines.enumerate().filter(|(_, l)| !l.is_empty()) {
        match serde_json::from_slice(line) {
            Ok(event) => events.push(event),
            Err(e) if salvage => notices.push(format!("line {} was left out: {e}", i + 2)),
            Err(e) => return Err(damaged(path, i + 2, &e.to_string())),
        }
    }
    if whole < bytes.len() {
        notices.push(format!(
            "the last line of the journal was cut short and has been dropped ({} bytes)",
            bytes.len() - whole
        ));
    }
    Ok(Content { header, events, length: whole as u64, notices })
}

/// Puts the events into a state that has no trials yet. Returns the line of the first event that
/// does not follow from those before it, with the reason.
pub(crate) fn replay(
    state: &mut State,
    events: &[Event],
    protocol: &Protocol,
    evaluator: &AnyEvaluator,
    full: usize,
) -> Result<(), (usize, String)> {
    let mut seconds: f64 = 0.0;
    for (i, event) in events.iter().enumerate() {
        let wrong = |why: String| Err((i + 2, why));
        let open = |trial: usize, state: &State| match state.trials().get(trial) {
            None => Err((i + 2, format!("trial {trial} was never asked"))),
            Some(t) if t.ended() => Err((i + 2, format!("trial {trial} has ended already"))),
            Some(_) => Ok(()),
        };
        match event {
            Event::Asked { trial, decisions, parents, origin } => {
                if *trial != state.trials().len() {
                    return wrong(format!("trial {trial} where {} is due", state.trials().len()));
                }
                let arch = match state.history.space.decode(decisions.iter().copied()) {
                    Ok(arch) => arch,
                    Err(e) => return wrong(e.to_string()),
                };
                let mut proposal = Proposal::new(arch, origin);
                proposal.parents = parents.clone();
                state.commit(proposal, protocol, evaluator, full, (0.0, 0.0));
            }
            Event::Epoch { .. } | Event::Limits { .. } => {}
            Event::Finished { trial, seed, evaluation, seconds: s, memory, at } => {
                open(*trial, state)?;
                let cost = Cost { seconds: *s, memory: *memory };
                state.end(*trial, Ok(evaluation.clone()), *seed, cost, *at);
                seconds = seconds.max(*at);
            }
            Event::Failed { trial, seed, error, seconds: s, at } => {
                // A misfit has failed when it was asked, and is not evaluated.
                if state.trials().get(*trial).is_some_and(|t| t.error().is_some()) {
                    continue;
                }
                open(*trial, state)?;
                let cost = Cost { seconds: *s, memory: None };
                state.end(*trial, Err(Error::from(error.as_str())), *seed, cost, *at);
                seconds = seconds.max(*at);
            }
            Event::Retried { trial } => {
                if state.trials().get(*trial).is_none_or(|t| t.error().is_none()) {
                    return wrong(format!("trial {trial} has not failed"));
                }
                state.reopen(*trial);
            }
            Event::Stopped { seconds: s, .. } => seconds = seconds.max(*s),
        }
    }
    state.seconds = seconds;
    Ok(())
}

/// Takes the journal's lock, which other studies and other processes respect.
fn lock(file: &File, path: &Path) -> Result<()> {
    file.try_lock().map_err(|_| {
        Error::new(
            ErrorKind::File,
            format!(
                "the journal {} is in use by another study, here or in another process. Stop that \
                 one, or give this one another path",
                path.display()
            ),
        )
    })
}

/// Opens the journal of a study, a new one or one to go on with, and puts what it holds into the
/// study's state.
pub(super) fn open(study: &Study, path: &Path) -> Result<(Journal, Vec<String>)> {
    let named = |e: std::io::Error| {
        Error::from(e).context(format!("the journal {} cannot be opened", path.display()))
    };
    let exists = path.exists();
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(named)?;
    lock(&file, path)?;
    let mut bytes = vec![];
    file.read_to_end(&mut bytes).map_err(named)?;
    let header = Header::of(&study.setup);
    // A header that was cut short when it was first written is a new journal as well.
    let begins = br#"{"nascent":"#;
    let torn = !bytes.contains(&b'\n') && (bytes.starts_with(begins) || begins.starts_with(&bytes));
    if bytes.is_empty() || torn {
        let mut journal =
            Journal { sink: Box::new(file), path: path.to_path_buf(), length: 0, broken: None };
        journal.sink.cut(0).map_err(named)?;
        if let Err(e) = begin(&mut journal, &header, study) {
            // Nothing of a journal that cannot be begun is left behind.
            if !exists {
                let _ = std::fs::remove_file(path);
            }
            return Err(e);
        }
        return Ok((journal, vec![]));
    }
    let content = read(path, &bytes, false)?;
    let differences = content.header.differences(&header);
    if !differences.is_empty() {
        return Err(Error::new(
            ErrorKind::Invalid,
            format!(
                "the journal {} is of another study:\n  {}\nGive this one another path.",
                path.display(),
                differences.join("\n  ")
            ),
        ));
    }
    let s = &study.setup;
    let mut state = State::new(&s.space, s.evaluator.metric());
    replay(&mut state, &content.events, &s.protocol, &s.evaluator, s.evaluator.full())
        .map_err(|(line, why)| damaged(path, line, &why))?;
    {
        let mut now = study.lock();
        if now.trials().len() > state.trials().len() {
            return Err(Error::invalid(
                format!("a study of {} trials", now.trials().len()),
                format!("its journal {} holds {}", path.display(), state.trials().len()),
                "another path, or a study that has not run yet",
            ));
        }
        state.tests = now.tests;
        let open = state.trials().iter().filter(|t| !t.ended() && t.reused_from().is_none());
        state.orphans = open.map(super::Trial::number).collect();
        *now = state;
    }
    let length = content.length;
    file.cut(length).map_err(named)?;
    let mut journal =
        Journal { sink: Box::new(file), path: path.to_path_buf(), length, broken: None };
    let last = content.events.iter().rev().find(|e| matches!(e, Event::Limits { .. }));
    let last = last.cloned().unwrap_or_else(|| Event::limits(&content.header.protocol));
    let now = Event::limits(&s.protocol);
    if last != now {
        journal.write(&now)?;
    }
    Ok((journal, content.notices))
}

/// The header, and what the study has done so far without a journal.
fn begin(journal: &mut Journal, header: &Header, study: &Study) -> Result<()> {
    journal.line(header, true)?;
    let trials = study.lock().trials().to_vec();
    for t in &trials {
        journal.write(&asked(t))?;
        if let Some(event) = ended(t) {
            journal.write(&event)?;
        }
    }
    Ok(())
}

pub(super) fn asked(t: &super::Trial) -> Event {
    Event::Asked {
        trial: t.number(),
        decisions: t.architecture().decisions(),
        parents: t.parents(),
        origin: t.origin(),
    }
}

/// The event of a trial that has ended by itself; a duplicate's follows from its first trial's.
pub(super) fn ended(t: &super::Trial) -> Option<Event> {
    let (trial, seed, at) = (t.number(), t.budget().seed(), t.0.at);
    let Cost { seconds, memory } = t.0.cost;
    match (t.reused_from(), t.evaluation(), t.error()) {
        (None, Some(evaluation), _) => {
            Some(Event::Finished { trial, seed, evaluation, seconds, memory, at })
        }
        (None, None, Some(error)) => Some(Event::Failed { trial, seed, error, seconds, at }),
        _ => None,
    }
}

impl Study {
    /// Keeps a journal at this path: a new file, or one to go on with where it stopped. Killed at
    /// any moment, the study loses at most the trials that were running.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let path = std::env::temp_dir().join(format!("nascent-doc-{}.jsonl", std::process::id()));
    /// let space = Space::new([8], Task::classification(2)).then(linear(any([4, 8, 16])));
    /// let plan = Study::new(&space, evaluator(|a, _| a.params() as f64)).quiet().journal(&path);
    /// plan.trials(3).run()?;
    /// let more = plan.trials(8).run()?; // goes on after the third
    /// assert_eq!(Study::load(&path)?.trials_done().len(), 8);
    /// # std::fs::remove_file(&path)?;
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// The file is opened, checked and locked by [`run`](Study::run), [`spawn`](Study::spawn),
    /// [`ask`](Study::ask) and [`step`](Study::step), which refuse a journal of another space,
    /// strategy, evaluator, data or protocol, one that is damaged, and one that is in use, and leave
    /// the file as it was. A closure of your own cannot be told from another: change the path when
    /// you change it.
    #[must_use = "a setting returns a new study and leaves this one as it is"]
    pub fn journal(&self, path: impl AsRef<Path>) -> Study {
        let path = path.as_ref().to_path_buf();
        self.keep(|s| s.journal = Some(path))
    }

    /// Keeps a checkpoint of every running training beside the journal, after each epoch, so that
    /// not even a training that was under way begins anew.
    #[must_use = "a setting returns a new study and leaves this one as it is"]
    pub fn checkpoints(&self) -> Study {
        self.keep(|s| s.checkpoints = true)
    }

    /// The study of a journal, ready to go on with [`run`](Study::run).
    ///
    /// # Errors
    /// When the file is no whole journal, or the file of its table is gone or another by now, or its
    /// evaluator or strategy is a user's code: then build the study as before and give it
    /// [`journal`](Study::journal).
    pub fn resume(path: impl AsRef<Path>) -> Result<Study> {
        let path = path.as_ref();
        let content = content(path)?;
        let h = &content.header;
        let code = |what: &str, which: &str| {
            Error::new(
                ErrorKind::Missing,
                format!(
                    "the {what} of {}, {which}, is code or data of yours that a journal cannot hold. \
                     Build the study as before and give it .journal({path:?})",
                    path.display()
                ),
            )
        };
        let evaluator = h.evaluator_json.as_deref().and_then(crate::evaluate::from_json);
        let evaluator = evaluator.ok_or_else(|| code("evaluator", &h.evaluator))?;
        let evaluator = evaluator.map_err(|e| e.context(format!("resuming {}", path.display())))?;
        let strategy = h.strategy_json.as_deref().and_then(crate::strategy::from_json);
        let strategy = strategy.ok_or_else(|| code("strategy", &h.strategy))?;
        let study = Study::restored(&content, path, evaluator, strategy)?;
        let study = study.journal(path);
        Ok(if h.checkpoints { study.checkpoints() } else { study })
    }

    /// The study of a journal, to look at: all charts and tables, but nothing can be run. The
    /// journal may be in use.
    ///
    /// # Errors
    /// When the file is no whole journal.
    pub fn load(path: impl AsRef<Path>) -> Result<Study> {
        let path = path.as_ref();
        let content = content(path)?;
        let h = &content.header;
        let evaluator =
            Recorded { metric: h.metric.clone(), full: h.full, text: h.evaluator.clone() };
        let strategy = RecordedStrategy(h.strategy.clone());
        Study::restored(&content, path, evaluator.into_evaluator(), strategy.into_strategy())
    }

    fn restored(
        content: &Content,
        path: &Path,
        evaluator: AnyEvaluator,
        strategy: AnyStrategy,
    ) -> Result<Study> {
        let h = &content.header;
        let mut protocol = h.protocol.clone();
        let limits = content.events.iter().rev().find(|e| matches!(e, Event::Limits { .. }));
        if let Some(Event::Limits { trials, epochs, seconds, simulated_seconds }) = limits {
            (protocol.trials, protocol.epochs, protocol.seconds) = (*trials, *epochs, *seconds);
            protocol.simulated_seconds = *simulated_seconds;
        }
        let study = Study::new(&h.space, evaluator).strategy(strategy).anew(|s| {
            s.limited = protocol.trials.is_some();
            s.protocol = protocol;
        });
        {
            let (s, mut state) = (&study.setup, study.lock());
            replay(&mut state, &content.events, &s.protocol, &s.evaluator, h.full)
                .map_err(|(line, why)| damaged(path, line, &why))?;
            if let Some(Event::Stopped { reason, .. }) = content.events.last() {
                state.ended = Some(reason.clone());
            }
        }
        Ok(study)
    }

    /// Mends a damaged journal: leaves out the lines that cannot be read and what depends on them,
    /// keeps the damaged file beside it with the ending `.damaged`, and says what it did. A journal
    /// that is whole is left as it is.
    ///
    /// # Errors
    /// When the header itself cannot be read, the journal is in use, or a file cannot be written.
    pub fn salvage(path: impl AsRef<Path>) -> Result<String> {
        let path = path.as_ref();
        let mut file = OpenOptions::new().read(true).write(true).open(path).map_err(|e| {
            Error::from(e).context(format!("the journal {} cannot be opened", path.display()))
        })?;
        lock(&file, path)?;
        let mut bytes = vec![];
        file.read_to_end(&mut bytes)?;
        let mut content = read(path, &bytes, true)?;
        let h = content.header.clone();
        let evaluator =
            Recorded { metric: h.metric.clone(), full: h.full, text: h.evaluator.clone() }
                .into_evaluator();
        // The longest list of events in which each follows from those before it.
        let mut kept: Vec<Event> = vec![];
        let mut state = State::new(&h.space, h.metric.clone());
        let mut dropped = 0;
        for event in std::mem::take(&mut content.events) {
            let one = std::slice::from_ref(&event);
            match replay(&mut state, one, &h.protocol, &evaluator, h.full) {
                Ok(()) => kept.push(event),
                Err(_) => dropped += 1,
            }
        }
        if content.notices.is_empty() && dropped == 0 {
            return Ok(format!("nothing is damaged: {} events", kept.len()));
        }
        // An earlier damaged file may hold what this one has lost: it is never written over.
        let aside = (1..).map(|n| {
            let mut name = path.to_path_buf().into_os_string();
            name.push(if n == 1 { ".damaged".to_string() } else { format!(".damaged-{n}") });
            PathBuf::from(name)
        });
        let aside = aside.into_iter().find(|p| !p.exists()).unwrap_or_default();
        std::fs::write(&aside, &bytes)
            .map_err(|e| Error::from(e).context(format!("writing {}", aside.display())))?;
        let mut text = serde_json::to_vec(&h)?;
        text.push(b'\n');
        for event in &kept {
            text.extend(serde_json::to_vec(event)?);
            text.push(b'\n');
        }
        file.cut(0)
            .and_then(|()| file.write_all(&text))
            .and_then(|()| file.sync_data())
            .map_err(|e| Error::from(e).context(format!("writing {}", path.display())))?;
        let unread = content.notices.len();
        Ok(format!(
            "{} events kept with {} trials; {unread} lines could not be read and {dropped} depended on \
             them. The damaged file is {}.",
            kept.len(),
            state.trials().len(),
            aside.display()
        ))
    }
}

fn bytes_of(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|e| {
        Error::from(e).context(format!("the journal {} cannot be read", path.display()))
    })
}

fn content(path: &Path) -> Result<Content> {
    read(path, &bytes_of(path)?, false)
}

/// The evaluator of a study that is only looked at.
struct Recorded {
    metric: Metric,
    full: usize,
    text: String,
}

impl Evaluator for Recorded {
    fn evaluate(&self, _: &crate::Architecture, _: &crate::Budget) -> Result<Evaluation> {
        Err(only_looked_at())
    }
    fn metric(&self) -> Metric {
        self.metric.clone()
    }
    fn full(&self) -> usize {
        self.full
    }
    fn describe(&self) -> String {
        self.text.clone()
    }
    fn problems(&self) -> Vec<String> {
        vec![only_looked_at().to_string()]
    }
}

struct RecordedStrategy(String);

impl Strategy for RecordedStrategy {
    fn ask(&self, _: &super::History, _: &mut Rng) -> Result<Proposal> {
        Err(only_looked_at())
    }
    fn describe(&self, _: usize) -> String {
        self.0.clone()
    }
}

fn only_looked_at() -> Error {
    Error::new(
        ErrorKind::Missing,
        "this study was loaded to be looked at. Try Study::resume(path), or .journal(path) on a study",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::evaluator;
    use crate::space::{any, one_of, repeat};
    use crate::task::Task;
    use crate::{dropout, linear, skip};
    use std::sync::{Arc, Mutex};

    fn space() -> Space {
        Space::new([8], Task::classification(3))
            .then(repeat(1..=2, linear(any([4, 8, 16]))))
            .then(one_of([skip(), dropout(any([0.0, 0.5]))]))
    }

    fn plan() -> Study {
        let score = evaluator(|a, _| Evaluation::new(a.params() as f64).curve_of([0.5, 1.0]));
        Study::new(&space(), score).trials(6).quiet()
    }

    /// A disk with room for so many bytes.
    struct Small(Arc<Mutex<Vec<u8>>>, usize);

    impl Sink for Small {
        fn append(&mut self, line: &[u8]) -> std::io::Result<()> {
            let mut disk = self.0.lock().unwrap();
            let room = (self.1 - disk.len()).min(line.len());
            disk.extend(&line[..room]);
            match room < line.len() {
                true => Err(std::io::Error::other("no space left on device")),
                false => Ok(()),
            }
        }
        fn force(&mut self) -> std::io::Result<()> {
            Ok(())
        }
        fn cut(&mut self, length: u64) -> std::io::Result<()> {
            self.0.lock().unwrap().truncate(length as usize);
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_ends_the_study_and_loses_nothing() {
        let whole = written().len();
        for room in [whole / 8, whole / 3, whole / 2, whole * 3 / 4, whole - 200] {
            let disk = Arc::new(Mutex::new(vec![]));
            let study = plan().keep(|_| {});
            let sink = Box::new(Small(disk.clone(), room));
            let mut journal = Journal { sink, path: "study.jsonl".into(), length: 0, broken: None };
            if begin(&mut journal, &Header::of(&study.setup), &study).is_err() {
                assert!(disk.lock().unwrap().is_empty());
                continue;
            }
            *study.open.lock().unwrap() = Some(journal);
            let outcome = super::super::run::run(&study);
            let said = outcome.err().map_or(study.ended(), |e| e.to_string());
            assert!(said.contains("no space left") && said.contains("resume"), "{room}: {said}");
            // What is on the disk is whole, and what is in memory is kept.
            let bytes = disk.lock().unwrap().clone();
            let content = read(Path::new("study.jsonl"), &bytes, false).unwrap();
            assert!(content.notices.is_empty());
            let finished = |e: &&Event| matches!(e, Event::Finished { .. });
            let on_disk = content.events.iter().filter(finished).count();
            assert!(study.trials_done().len() >= on_disk);
        }
    }

    /// The bytes of a journal.
    fn written() -> Vec<u8> {
        let disk = Arc::new(Mutex::new(vec![]));
        let study = plan().keep(|_| {});
        let sink = Box::new(Small(disk.clone(), usize::MAX));
        let mut journal = Journal { sink, path: "study.jsonl".into(), length: 0, broken: None };
        begin(&mut journal, &Header::of(&study.setup), &study).unwrap();
        *study.open.lock().unwrap() = Some(journal);
        super::super::run::run(&study).unwrap();
        disk.lock().unwrap().clone()
    }

    /// Damages bytes: flips, cuts, repeats and swaps pieces, and puts in words that mean something.
    fn damage(bytes: &[u8], rng: &mut Rng) -> Vec<u8> {
        const WORDS: [&str; 14] = [
            "0",
            "-1",
            "4294967296",
            "1e999",
            "null",
            "[",
            "]",
            "{",
            "}",
            "\"",
            "\n",
            ",",
            "18446744073709551615",
            "\"repeat\"",
        ];
        let mut out = bytes.to_vec();
        for _ in 0..1 + rng.below(3) {
            if out.is_empty() {
                return out;
            }
            let (a, b) = (rng.below(out.len()), rng.below(out.len()));
            let (from, to) = (a.min(b), a.max(b).min(a.min(b) + 40));
            match rng.below(6) {
                0 => out[a] = rng.below(256) as u8,
                1 => out.truncate(a),
                2 => drop(out.drain(from..to)),
                3 => {
                    let piece = out[from..to].to_vec();
                    out.splice(b..b, piece);
                }
                4 => {
                    let word = rng.pick(&WORDS).unwrap_or("");
                    out.splice(from..(from + 1).min(out.len()), word.bytes());
                }
                _ => {
                    let digits = out.iter().enumerate().filter(|(_, c)| c.is_ascii_digit());
                    let places: Vec<usize> = digits.map(|(i, _)| i).collect();
                    if let Some(i) = rng.pick(&places) {
                        let word = rng.pick(&WORDS[..5]).unwrap_or("");
                        out.splice(i..=i, word.bytes());
                    }
                }
            }
        }
        out
    }

    /// 100,000 damaged journals: read and replayed, or refused; no panic, no unbounded memory.
    #[test]
    fn damaged_journals_are_read_or_refused() {
        let good = written();
        let path = Path::new("study.jsonl");
        let (mut rng, mut whole, mut refused) = (Rng::new(1), 0, 0);
        for case in 0..100_000 {
            let bytes = damage(&good, &mut rng);
            let Ok(content) = read(path, &bytes, case % 2 == 0) else {
                refused += 1;
                continue;
            };
            let h = &content.header;
            let judge = Recorded { metric: h.metric.clone(), full: h.full, text: String::new() };
            let mut state = State::new(&h.space, h.metric.clone());
            let judge = judge.into_evaluator();
            let _ = replay(&mut state, &content.events, &h.protocol, &judge, h.full);
            whole += 1;
        }
        assert!(whole > 1000 && refused > 1000, "{whole} read, {refused} refused");
    }

    /// The same for spaces as JSON and architectures as text, with a draw from what is accepted.
    #[test]
    fn damaged_spaces_and_architectures_are_read_or_refused() {
        let space = space();
        let mut rng = Rng::new(2);
        let json = space.to_json().into_bytes();
        let texts: Vec<Vec<u8>> = space.enumerate().map(|a| a.to_text().into_bytes()).collect();
        let (mut accepted, mut parsed) = (0, 0);
        for _ in 0..100_000 {
            let bytes = damage(&json, &mut rng);
            if let Ok(other) = Space::from_json(&String::from_utf8_lossy(&bytes)) {
                accepted += 1;
                let _ = (other.size(), other.log10_size());
                if accepted % 50 == 0 {
                    let _ = other.sample(&mut rng).map(|a| (a.params(), a.to_text()));
                }
            }
            let text = rng.pick(&texts).unwrap_or_default();
            let text = damage(&text, &mut rng);
            parsed += usize::from(space.parse(&String::from_utf8_lossy(&text)).is_ok());
        }
        assert!(accepted > 1000 && parsed > 100, "{accepted} spaces, {parsed} architectures");
    }
}
