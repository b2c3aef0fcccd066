//! The journal: what a study leaves on disk while it runs, so that it cannot be lost.
//!
//! JSON lines: a header, then one line per event. Each is written before anything follows from it and
//! handed to the operating system at once; a finished trial is also forced to the disk. A process that
//! is killed at any byte loses at most the trials that were running.
//!
//! ```text
//! {"nascent":"journal","schema":1,"version":"0.1.0","space":{...},"strategy":...,"protocol":{...}}
//! {"event":"asked","trial":0,"decisions":[1,0,2],"parents":[],"origin":"random"}
//! {"event":"epoch","trial":0,"epoch":0,"score":null,"loss":null}      its evaluation begins
//! {"event":"epoch","trial":0,"epoch":1,"score":0.52,"loss":1.31}
//! {"event":"finished","trial":0,"evaluation":{...},"seconds":0.41,"at":0.42}
//! {"event":"stopped","reason":"all 20 trials are done","seconds":2.1}
//! ```
//!
//! Everything that a strategy knows follows from these events, so a study is resumed by reading them
//! again. The beginning of an evaluation is an epoch 0, which earlier versions read and ignore; see
//! [`super::deaths`] for its purpose.
//!
//! Only what this program itself has left unfinished is overwritten: a piece of the same header, or a
//! last line that is the beginning of an event.

use super::deaths::Deaths;
use super::state::State;
use super::{Ended, Setup, Study};
use crate::error::{Error, ErrorKind, Result};
use crate::evaluate::{AnyEvaluator, Budget, Evaluation, Evaluator, IntoEvaluator};
use crate::file::{self, Locked, Role};
use crate::oneshot::ONE_SHOT;
use crate::record::{Cost, Failure, Outcome, Protocol, Trial};
use crate::rng::Rng;
use crate::space::{Architecture, Space};
use crate::strategy::{AnyStrategy, IntoStrategy, Proposal, Strategy};
use crate::task::Metric;
use crate::words::plural;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// The version of the format. Journals of every version stay readable: see `tests/journals/`.
pub(crate) const SCHEMA: u32 = 1;

/// The longest line of a journal.
const LONGEST_LINE: usize = 64 << 20;

const ROLE: Role = Role { what: "the journal", user: "study" };

/// The first line: everything that the results depend on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Header {
    nascent: String,
    schema: u32,
    version: String,
    candle: String,
    space: Space,
    /// In words for the planned trials, and as JSON if it can be made from that again.
    strategy: String,
    strategy_json: Option<String>,
    evaluator: String,
    evaluator_json: Option<String>,
    data: String,
    metric: Metric,
    full: usize,
    protocol: Protocol,
    /// Whether checkpoints of running trainings are kept beside it.
    #[serde(default)]
    checkpoints: bool,
}

/// An event: one line each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Event {
    Asked {
        trial: usize,
        decisions: Vec<u32>,
        parents: Vec<usize>,
        origin: String,
        /// Where they are not those of the full budget.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        epochs: Option<usize>,
        /// The trial that this one goes on with.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        continues: Option<usize>,
        /// The trial whose weights it begins with.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        inherits: Option<usize>,
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
        /// In bytes, where it was measured.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        memory: Option<usize>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retried: Option<Retried>,
        at: f64,
    },
    Failed {
        trial: usize,
        seed: u64,
        error: Failure,
        seconds: f64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retried: Option<Retried>,
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
    /// The study continues with other limits than before.
    Limits(Limits),
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Limits {
    trials: Option<usize>,
    epochs: Option<f64>,
    seconds: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    simulated_seconds: Option<f64>,
}

/// The evaluations of a trial that failed before the one that counts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Retried {
    times: usize,
    /// The simulated seconds that they took.
    #[serde(default)]
    seconds: f64,
}

impl Retried {
    fn of(cost: &Cost) -> Option<Retried> {
        let retried = Retried { times: cost.retries, seconds: cost.lost_seconds };
        (cost.retries > 0 || cost.lost_seconds > 0.0).then_some(retried)
    }

    fn cost(retried: Option<Retried>, seconds: f64, memory: Option<usize>) -> Cost {
        let (retries, lost_seconds) = retried.map_or((0, 0.0), |r| (r.times, r.seconds));
        Cost { seconds, memory, retries, lost_seconds }
    }
}

impl Limits {
    fn of(p: &Protocol) -> Limits {
        let Protocol { trials, epochs, seconds, simulated_seconds, .. } = *p;
        Limits { trials, epochs, seconds, simulated_seconds }
    }

    /// The protocol with these limits.
    fn put(&self, protocol: &Protocol) -> Protocol {
        let Limits { trials, epochs, seconds, simulated_seconds } = *self;
        Protocol { trials, epochs, seconds, simulated_seconds, ..protocol.clone() }
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

    /// What differs between the journal's study and this one, in words. Limits may differ, because a
    /// study may be given more.
    fn differences(&self, now: &Header) -> Vec<String> {
        let mut list = vec![];
        let mut compare = |what: &str, then: String, now: String| {
            if then != now {
                list.push(format!("its {what} is {then}, this study's is {now}."));
            }
        };
        let space = |s: &Space| format!("{} combinations, {:016x}", s.size_text(), s.fingerprint());
        compare("space", space(&self.space), space(&now.space));
        // A strategy that depends on the number of trials describes itself differently for more.
        match (&self.strategy_json, &now.strategy_json) {
            (Some(a), Some(b)) if a == b => {}
            _ => compare("strategy", self.strategy.clone(), now.strategy.clone()),
        }
        compare("evaluator", self.evaluator.clone(), now.evaluator.clone());
        compare("data fingerprint", self.data.clone(), now.data.clone());
        // Where the settings of an evaluator of ours say what is measured, the name of the score is a label.
        let known = self.evaluator_json.is_some() && now.evaluator_json.is_some();
        if !(known
            && self.evaluator == now.evaluator
            && self.metric.maximise == now.metric.maximise)
        {
            compare("metric", self.metric.to_string(), now.metric.to_string());
        }
        compare("full budget", plural(self.full, "epoch"), plural(now.full, "epoch"));
        let unlimited = |p: &Protocol| Limits::default().put(p).to_string();
        compare("protocol", unlimited(&self.protocol), unlimited(&now.protocol));
        list
    }
}

/// A line of a journal.
pub(crate) fn line(value: &impl Serialize) -> Result<Vec<u8>> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    Ok(line)
}

/// Where the lines of a journal go: a file, or in a test something that fails.
pub(crate) trait Sink: Send {
    fn append(&mut self, line: &[u8]) -> std::io::Result<()>;
    /// Forces what was written to the disk.
    fn force(&mut self) -> std::io::Result<()>;
    /// Takes back what was written after `length` bytes.
    fn cut(&mut self, length: u64) -> std::io::Result<()>;

    /// Appends a line, and forces it to the disk if it has to last.
    fn put(&mut self, line: &[u8], durable: bool) -> std::io::Result<()> {
        self.append(line)?;
        if durable { self.force() } else { Ok(()) }
    }
}

impl Sink for Locked {
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

/// A journal that is being written. It holds the lock on the file as long as it exists.
pub(crate) struct Journal {
    sink: Box<dyn Sink>,
    path: PathBuf,
    length: u64,
    broken: Option<Error>,
}

impl Journal {
    fn new(sink: Box<dyn Sink>, path: &Path, length: u64) -> Journal {
        Journal { sink, path: path.to_path_buf(), length, broken: None }
    }

    pub(crate) fn write(&mut self, event: &Event) -> Result<()> {
        if let Some(e) = &self.broken {
            return Err(e.clone());
        }
        let durable = !matches!(event, Event::Asked { .. } | Event::Epoch { .. });
        self.line(event, durable)
    }

    /// Whether a line could not be written; then no other line is written either.
    pub(crate) fn broken(&self) -> bool {
        self.broken.is_some()
    }

    fn line(&mut self, value: &impl Serialize, durable: bool) -> Result<()> {
        let line = line(value)?;
        if let Err(e) = self.sink.put(&line, durable) {
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
    /// The bytes up to the end of the last whole event.
    length: u64,
    /// Whether the last event lacks its line feed.
    open_line: bool,
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

fn foreign(path: &Path, why: &str) -> Error {
    Error::new(
        ErrorKind::File,
        format!(
            "{} is not a journal of a study: {why}. It is left as it is. Give another path",
            path.display()
        ),
    )
}

/// The first line of a file, if it is the header of a journal of this schema.
fn first_line(path: &Path, line: &[u8]) -> Result<serde_json::Value> {
    if !line.ends_with(b"\n") {
        return Err(foreign(
            path,
            match line {
                [] => "it is empty",
                _ if line.len() >= LONGEST_LINE => "its first line is too long",
                _ if line.starts_with(BEGINS) => {
                    "it begins like one, but its header has no end and it has no trials"
                }
                _ => "it has no header",
            },
        ));
    }
    let value: serde_json::Value =
        serde_json::from_slice(line).map_err(|_| foreign(path, "its first line is not JSON"))?;
    if value["nascent"] == "comparison" {
        return Err(foreign(path, "it is the journal of a comparison, for Compare::journal"));
    }
    if value["nascent"] != "journal" {
        return Err(foreign(path, "its first line is not a header"));
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
    Ok(value)
}

const BEGINS: &[u8] = br#"{"nascent":"journal","schema":"#;

/// How the lines of events begin.
const EVENTS: [&str; 7] = [
    r#"{"event":"asked","trial":"#,
    r#"{"event":"epoch","trial":"#,
    r#"{"event":"finished","trial":"#,
    r#"{"event":"failed","trial":"#,
    r#"{"event":"retried","trial":"#,
    r#"{"event":"stopped","reason":"#,
    r#"{"event":"limits","trials":"#,
];

/// What follows the last line feed of a journal.
pub(crate) enum Tail<T> {
    Nothing,
    /// A line that lacks only its line feed, and its length in bytes.
    Whole(T, usize),
    /// The beginning of a line that this program was about to write.
    Torn,
    Foreign,
}

/// Tells a line that was cut short from foreign text, by how lines begin. A power cut may leave zeros
/// behind it.
pub(crate) fn tail<T: serde::de::DeserializeOwned>(bytes: &[u8], begins: &[&str]) -> Tail<T> {
    if bytes.is_empty() {
        return Tail::Nothing;
    }
    let length = bytes.iter().rposition(|&b| b != 0).map_or(0, |at| at + 1);
    let bytes = &bytes[..length];
    let begun = begins.iter().any(|b| b.as_bytes().starts_with(bytes));
    let goes_on = begins.iter().any(|b| bytes.starts_with(b.as_bytes()));
    match serde_json::from_slice::<T>(bytes) {
        Ok(value) => Tail::Whole(value, length),
        Err(e) if begun || goes_on && e.is_eof() => Tail::Torn,
        Err(_) => Tail::Foreign,
    }
}

/// Reads the bytes of a journal. With `salvage`, lines that cannot be read are left out instead of
/// refused.
pub(crate) fn read(path: &Path, bytes: &[u8], salvage: bool) -> Result<Content> {
    let whole = bytes.iter().rposition(|&b| b == b'\n').map_or(0, |i| i + 1);
    let mut lines = bytes[..whole].split_inclusive(|&b| b == b'\n');
    let value = first_line(path, lines.next().unwrap_or(bytes))?;
    let header: Header =
        serde_json::from_value(value).map_err(|e| damaged(path, 1, &e.to_string()))?;
    header.space.sound().map_err(|e| damaged(path, 1, &e.to_string()))?;
    let mut notices = vec![];
    let mut events = vec![];
    let mut last = 1;
    for (i, line) in lines.enumerate() {
        last = i + 2;
        match serde_json::from_slice(line) {
            Ok(event) => events.push(event),
            Err(_) if line.trim_ascii().is_empty() => {}
            Err(e) if salvage => notices.push(format!("line {last} was left out: {e}")),
            Err(e) => return Err(damaged(path, last, &e.to_string())),
        }
    }
    let rest = bytes.len() - whole;
    let mut length = whole;
    match tail(&bytes[whole..], &EVENTS) {
        Tail::Nothing => {}
        Tail::Whole(event, more) => {
            events.push(event);
            length += more;
        }
        Tail::Torn => notices.push(format!(
            "the last line of the journal was cut short and has been dropped ({rest} bytes)"
        )),
        Tail::Foreign if salvage => notices.push(format!("line {} was left out", last + 1)),
        Tail::Foreign => return Err(damaged(path, last + 1, "it is not an event")),
    }
    Ok(Content { header, events, length: length as u64, open_line: length > whole, notices })
}

/// Adds events to a state. Fails with the line of the first event that is impossible after those
/// before it, and the reason.
pub(crate) fn replay(
    state: &mut State,
    events: &[Event],
    protocol: &Protocol,
    evaluator: &AnyEvaluator,
    full: usize,
) -> Result<(), (usize, String)> {
    let mut seconds: f64 = state.seconds;
    let whole = match evaluator.whole(0) {
        open if open.is_open() => open,
        _ => Budget::new(full, full, 0),
    };
    for (i, event) in events.iter().enumerate() {
        let wrong = |why: String| Err((i + 2, why));
        let open = |trial: usize, state: &State| match state.trials().get(trial) {
            None => Err((i + 2, format!("trial {trial} was never asked"))),
            Some(t) if t.ended() => Err((i + 2, format!("trial {trial} has ended already"))),
            Some(_) => Ok(()),
        };
        match event {
            Event::Asked { trial, decisions, parents, origin, epochs, continues, inherits } => {
                if *trial != state.trials().len() {
                    return wrong(format!("trial {trial} where {} is due", state.trials().len()));
                }
                let arch = match state.history.space().decode(decisions.iter().copied()) {
                    Ok(arch) => arch,
                    Err(e) => return wrong(e.to_string()),
                };
                let mut proposal = Proposal::new(arch, origin);
                proposal.parents.clone_from(parents);
                (proposal.epochs, proposal.continues) = (*epochs, *continues);
                (proposal.inherits, proposal.heritable) = (*inherits, inherits.is_some());
                let not_ended = |n: &usize| !state.trials().get(*n).is_some_and(Trial::ended);
                if let Some(n) = continues.filter(not_ended) {
                    return wrong(format!(
                        "trial {trial} goes on with trial {n}, which has not ended"
                    ));
                }
                if let Some(n) = inherits.filter(not_ended) {
                    return wrong(format!(
                        "trial {trial} inherits from trial {n}, which has not ended"
                    ));
                }
                state.commit(proposal, protocol, evaluator, whole, (0.0, 0.0));
            }
            Event::Epoch { .. } | Event::Limits(_) => {}
            Event::Finished { trial, seed, evaluation, seconds: s, memory, retried, at } => {
                open(*trial, state)?;
                let cost = Retried::cost(*retried, *s, *memory);
                let outcome = state.judge(*trial, Ok(evaluation.clone()));
                state.close(*trial, outcome, *seed, cost, *at);
                seconds = seconds.max(*at);
            }
            Event::Failed { trial, seed, error, seconds: s, retried, at } => {
                // Layers that do not fit together failed at once and were not evaluated.
                if state.trials().get(*trial).is_some_and(|t| t.error().is_some()) {
                    continue;
                }
                open(*trial, state)?;
                let cost = Retried::cost(*retried, *s, None);
                state.close(*trial, Outcome::Failed(error.clone()), *seed, cost, *at);
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

/// The bytes of a journal whose first line passes the check; `None` if the journal is new. A header
/// that was cut short makes a new journal as well, but only if it is a piece of this very header:
/// nothing else may be overwritten.
pub(crate) fn begun(
    file: &File,
    header: &impl Serialize,
    check: impl FnOnce(&[u8]) -> Result<()>,
) -> Result<Option<Vec<u8>>> {
    let own = line(header)?;
    let torn = |first: &[u8]| !first.ends_with(b"\n") && own.starts_with(first);
    let check = |first: &[u8]| if torn(first) { Ok(()) } else { check(first) };
    let bytes = file::read_if(file, LONGEST_LINE, check)?;
    Ok(Some(bytes).filter(|bytes| !torn(bytes)))
}

/// The content of a file as the journal of the study with this header; `None` if it is new.
///
/// # Errors
/// When it is not a journal, or the journal of another study.
fn kept(file: &File, path: &Path, header: &Header, strict: bool) -> Result<Option<Content>> {
    let check = |first: &[u8]| first_line(path, first).map(drop);
    let Some(bytes) = begun(file, header, check)? else { return Ok(None) };
    let content = read(path, &bytes, false)?;
    let mut differences = content.header.differences(header);
    if strict {
        differences.extend(content.other_budget(header));
    }
    if differences.is_empty() {
        return Ok(Some(content));
    }
    Err(Error::new(
        ErrorKind::Invalid,
        format!(
            "the journal {} is of another study:\n  {}\nGive this one another path.",
            path.display(),
            differences.join("\n  ")
        ),
    ))
}

/// Adds the name of a journal to the error of opening it.
fn unopened(path: &Path) -> impl Fn(std::io::Error) -> Error + Copy {
    move |e| Error::from(e).context(format!("the journal {} cannot be opened", path.display()))
}

/// Opens the journal of a study, a new one or one to continue, and takes over its content as the state
/// of the study.
pub(super) fn open(study: &Study, path: &Path) -> Result<(Journal, Vec<String>)> {
    let named = unopened(path);
    let s = &study.setup;
    let header = Header::of(s);
    let file::Opened { mut file, new } = file::open(path, ROLE)?;
    let Some(content) = kept(&file, path, &header, s.strict)? else {
        let mut journal = Journal::new(Box::new(file), path, 0);
        journal.sink.cut(0).map_err(named)?;
        if let Err(e) = begin(&mut journal, &header, study) {
            // A journal that cannot be begun leaves nothing behind.
            if new {
                let _ = std::fs::remove_file(path);
            }
            return Err(e);
        }
        return Ok((journal, vec![]));
    };
    let full = s.evaluator.full();
    let mut state = State::new(&s.space, s.evaluator.metric());
    replay(&mut state, &content.events, &s.protocol, &s.evaluator, full)
        .map_err(|(line, why)| damaged(path, line, &why))?;
    let deaths = Deaths::of(&content.events);
    let mut now = study.lock();
    // First what only this study knows, then what follows from the journal about its trials.
    let mut more = ahead(&now, &state, &content, path)?;
    let limits = Limits::of(&s.protocol);
    if content.limits().last() != Some(limits.clone()) {
        more.push(Event::Limits(limits));
    }
    let wrong = |(_, why): (usize, String)| Error::new(ErrorKind::File, why);
    replay(&mut state, &more, &s.protocol, &s.evaluator, full).map_err(wrong)?;
    state.take_over_from(&now);
    let (verdicts, mut notices) = deaths.verdicts(&mut state, now.elapsed());
    replay(&mut state, &verdicts, &s.protocol, &s.evaluator, full).map_err(wrong)?;

    file.cut(content.length).map_err(named)?;
    let mut journal = Journal::new(Box::new(file), path, content.length);
    if content.open_line {
        journal.sink.append(b"\n").map_err(named)?;
        journal.length += 1;
    }
    more.iter().chain(&verdicts).try_for_each(|event| journal.write(event))?;
    *now = state;
    notices.splice(0..0, content.notices);
    Ok((journal, notices))
}

/// The events that the journal of a study lacks: results that could not be written, or trials from
/// before it had a journal.
fn ahead(ours: &State, kept: &State, content: &Content, path: &Path) -> Result<Vec<Event>> {
    let mut events = vec![];
    for t in ours.trials() {
        let Some(there) = kept.trials().get(t.number()) else {
            events.push(asked(t));
            events.extend(ended(t));
            continue;
        };
        if there.architecture().decisions() != t.architecture().decisions() {
            return Err(Error::invalid(
                format!("a study whose trial {} is {}", t.number(), t.architecture()),
                format!("in its journal {} that is {}", path.display(), there.architecture()),
                "another path, or a study that has not run yet",
            ));
        }
        // An older copy of the study does not know that a failed trial is to be tried again.
        let again = |e: &Event| matches!(e, Event::Retried { trial } if *trial == t.number());
        if !there.ended() && (t.score().is_some() || !content.events.iter().any(again)) {
            events.extend(ended(t));
        }
    }
    Ok(events)
}

impl Content {
    /// All limits that the study has had, in order.
    fn limits(&self) -> impl Iterator<Item = Limits> {
        let later = self.events.iter().filter_map(|event| match event {
            Event::Limits(limits) => Some(limits.clone()),
            _ => None,
        });
        std::iter::once(Limits::of(&self.header.protocol)).chain(later)
    }

    /// How budget and version differ from those of a study that needs the same ones, in words.
    fn other_budget(&self, now: &Header) -> Vec<String> {
        let mut list = vec![];
        let wanted = Limits::of(&now.protocol);
        if let Some(other) = self.limits().find(|limits| *limits != wanted) {
            let (then, now) = (other.put(&now.protocol).limits(), now.protocol.limits());
            list.push(format!("its budget is {then}, this study's is {now}."));
        }
        if self.header.version != now.version {
            let (then, now) = (&self.header.version, &now.version);
            list.push(format!("its version is nascent {then}, this study's is {now}."));
        }
        list
    }
}

/// Writes the header, and what the study has done so far without a journal.
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

pub(super) fn asked(t: &Trial) -> Event {
    Event::Asked {
        trial: t.number(),
        decisions: t.architecture().decisions(),
        parents: t.parents(),
        origin: t.origin(),
        epochs: (t.depth() != t.budget().full()).then(|| t.depth()),
        continues: t.continues(),
        inherits: t.inherits(),
    }
}

/// That the evaluation of a trial begins.
pub(super) fn begins(trial: usize) -> Event {
    Event::Epoch { trial, epoch: 0, score: None, loss: None }
}

/// The event of a trial that has ended; a duplicate has none, since it follows from its first trial.
pub(super) fn ended(t: &Trial) -> Option<Event> {
    let own = t.reused_from().is_none();
    own.then(|| end_of(t.number(), &t.0.outcome, t.budget().seed(), t.0.cost, t.0.at)).flatten()
}

/// The event for this end of a trial; `None` while it is pending.
pub(super) fn end_of(
    trial: usize,
    outcome: &Outcome,
    seed: u64,
    cost: Cost,
    at: f64,
) -> Option<Event> {
    let (Cost { seconds, memory, .. }, retried) = (cost, Retried::of(&cost));
    match outcome {
        Outcome::Pending => None,
        Outcome::Finished(evaluation) => {
            let evaluation = evaluation.clone();
            Some(Event::Finished { trial, seed, evaluation, seconds, memory, retried, at })
        }
        Outcome::Failed(error) => {
            Some(Event::Failed { trial, seed, error: error.clone(), seconds, retried, at })
        }
    }
}

impl Study {
    /// Keeps a journal at this path: a new file, or one of this study, which then continues where it
    /// stopped. A study that is killed at any moment loses at most the trials that were running.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let path = std::env::temp_dir().join(format!("nascent-doc-{}.jsonl", std::process::id()));
    /// let space = Space::new([8], Task::classification(2)).then(linear(any([4, 8, 16])));
    /// let plan = Study::new(&space, evaluator(|a, _| a.params() as f64)).quiet().journal(&path);
    /// plan.trials(3).run()?;
    /// let more = plan.trials(8).run()?; // continues after the third
    /// assert_eq!(Study::load(&path)?.trials_done().len(), 8);
    /// # std::fs::remove_file(&path)?;
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// The file is opened, checked and locked by [`run`](Study::run), [`spawn`](Study::spawn),
    /// [`ask`](Study::ask), [`tell`](Study::tell) and [`step`](Study::step), which refuse a journal
    /// of another space, strategy, evaluator, data or protocol, one that is damaged, one that is in
    /// use, and what is not a journal, and leave the file as it was. One closure of your own cannot be
    /// told from another, so change the path when you change the closure.
    ///
    /// If an evaluator of your own ends the process (an abort, an exit, a stack overflow), its trial is
    /// tried once more, alone. If it ends the process again without getting further, the trial is a
    /// failure, and the study continues. [`retry_failures`](Study::retry_failures) tries it anew.
    #[must_use = "a setting returns a new study and leaves this one as it is"]
    pub fn journal(&self, path: impl AsRef<Path>) -> Study {
        let path = path.as_ref().to_path_buf();
        self.keep(|s| s.journal = Some(path))
    }

    /// Accepts only a journal with exactly this budget and version: a comparison would not be fair if a
    /// study continued from a different one.
    pub(crate) fn strict(&self) -> Study {
        self.keep(|s| s.strict = true)
    }

    /// Keeps a checkpoint of every running training beside the journal after each epoch, so that an
    /// interrupted training does not begin anew. Those that a schedule has paused are kept there as well, up to
    /// 4 GB; see [`Study::shelf`].
    #[must_use = "a setting returns a new study and leaves this one as it is"]
    pub fn checkpoints(&self) -> Study {
        self.keep(|s| s.checkpoints = true)
    }

    /// The study of a journal, ready to continue with [`run`](Study::run).
    ///
    /// # Errors
    /// When the file is not a whole journal, when the file of its table is gone or has changed, or when
    /// its evaluator or strategy is your own code: then build the study as before and give it
    /// [`journal`](Study::journal).
    pub fn resume(path: impl AsRef<Path>) -> Result<Study> {
        let path = path.as_ref();
        let content = content(path)?;
        let h = &content.header;
        let code = |what: &str, which: &str| {
            if which.starts_with(ONE_SHOT) {
                let text = format!(
                    "{} is the journal of a one-shot search, which is built again rather than read. Try \
                     Study::one_shot(&space, &train, method).journal({path:?}).run()?, with what it began with",
                    path.display()
                );
                return Error::new(ErrorKind::Missing, text);
            }
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
        let strategy = h.strategy_json.as_deref().and_then(crate::fidelity::from_json);
        let strategy = strategy.ok_or_else(|| code("strategy", &h.strategy))?;
        let study = Study::restored(&content, path, evaluator, strategy)?;
        let study = study.journal(path);
        Ok(if h.checkpoints { study.checkpoints() } else { study })
    }

    /// The study of a journal, to look at: it has all charts and tables, but cannot run. The journal
    /// may be in use.
    ///
    /// # Errors
    /// When the file is not a whole journal.
    pub fn load(path: impl AsRef<Path>) -> Result<Study> {
        let path = path.as_ref();
        let content = content(path)?;
        let h = &content.header;
        let strategy = RecordedStrategy(h.strategy.clone()).into_strategy();
        Study::restored(&content, path, Recorded::of(h).into_evaluator(), strategy)
    }

    fn restored(
        content: &Content,
        path: &Path,
        evaluator: AnyEvaluator,
        strategy: AnyStrategy,
    ) -> Result<Study> {
        let h = &content.header;
        let limits = content.limits().last().unwrap_or_default();
        let protocol = limits.put(&h.protocol);
        let study = Study::new(&h.space, evaluator).strategy(strategy).anew(|s| {
            s.limited = protocol.trials.is_some();
            s.protocol = protocol;
        });
        {
            let (s, mut state) = (&study.setup, study.lock());
            replay(&mut state, &content.events, &s.protocol, &s.evaluator, h.full)
                .map_err(|(line, why)| damaged(path, line, &why))?;
            state.hand_out_again();
            if let Some(Event::Stopped { reason, .. }) = content.events.last() {
                let reason = Some(reason.clone()).filter(|reason| !reason.is_empty());
                state.ended = reason.map(Ended::from);
            }
        }
        Ok(study)
    }

    /// Mends a damaged journal: leaves out the lines that cannot be read and what depends on them,
    /// keeps the damaged file beside it with `.damaged` added to its name, and says what it did. A whole
    /// journal is left as it is.
    ///
    /// # Errors
    /// When the header itself cannot be read, the journal is in use, or a file cannot be written.
    pub fn salvage(path: impl AsRef<Path>) -> Result<String> {
        let path = path.as_ref();
        ROLE.regular(path)?;
        let file = OpenOptions::new().read(true).write(true).open(path).map_err(unopened(path))?;
        let mut file = file::lock(file, path, ROLE)?;
        let bytes = file::read_if(&file, LONGEST_LINE, |first| first_line(path, first).map(drop))?;
        let mut content = read(path, &bytes, true)?;
        let h = content.header.clone();
        let evaluator = Recorded::of(&h).into_evaluator();
        // The events that are possible after those before them.
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
        let aside = set_aside(path, &bytes)?;
        let mut text = line(&h)?;
        for event in &kept {
            text.extend(line(event)?);
        }
        file.cut(0).and_then(|()| file.write_all(&text)).and_then(|()| file.sync_data()).map_err(
            |e| {
                Error::from(e).context(format!(
                    "writing {}; the damaged file is {}",
                    path.display(),
                    aside.display()
                ))
            },
        )?;
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

/// Keeps the bytes of a damaged journal beside it. An earlier copy is never overwritten: it may hold
/// what this one has lost.
fn set_aside(path: &Path, bytes: &[u8]) -> Result<PathBuf> {
    let mut n = 1;
    loop {
        let mut name = path.to_path_buf().into_os_string();
        name.push(if n == 1 { ".damaged".to_string() } else { format!(".damaged-{n}") });
        let aside = PathBuf::from(name);
        let written = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&aside)
            .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_data()));
        match written {
            Ok(()) => return Ok(aside),
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => n += 1,
            Err(e) => {
                return Err(Error::from(e).context(format!("writing {}", aside.display())));
            }
        }
    }
}

fn content(path: &Path) -> Result<Content> {
    let named = |e: std::io::Error| {
        Error::from(e).context(format!("the journal {} cannot be read", path.display()))
    };
    ROLE.regular(path)?;
    let file = File::open(path).map_err(named)?;
    let bytes = file::read_if(&file, LONGEST_LINE, |first| first_line(path, first).map(drop))?;
    read(path, &bytes, false)
}

/// How many trials have ended in the journal of a study at this path; `None` if it is new.
///
/// # Errors
/// When a run would refuse it.
pub(super) fn holds(study: &Study, path: &Path) -> Result<Option<usize>> {
    let named = unopened(path);
    ROLE.regular(path)?;
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            // The file would be created, but not its folder.
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            return folder.map_or(Ok(None), |f| f.metadata().map(|_| None).map_err(named));
        }
        Err(e) => return Err(named(e)),
    };
    let s = &study.setup;
    let Some(content) = kept(&file, path, &Header::of(s), s.strict)? else { return Ok(None) };
    let mut state = State::new(&s.space, s.evaluator.metric());
    replay(&mut state, &content.events, &s.protocol, &s.evaluator, s.evaluator.full())
        .map_err(|(line, why)| damaged(path, line, &why))?;
    Ok(Some(state.trials().iter().filter(|t| t.ended()).count()))
}

/// The evaluator of a study that is only looked at.
struct Recorded {
    metric: Metric,
    full: usize,
    text: String,
}

impl Recorded {
    fn of(h: &Header) -> Recorded {
        Recorded { metric: h.metric.clone(), full: h.full, text: h.evaluator.clone() }
    }
}

impl Evaluator for Recorded {
    fn evaluate(&self, _: &Architecture, _: &Budget) -> Result<Evaluation> {
        Err(only_looked_at())
    }
    fn metric(&self) -> Metric {
        self.metric.clone()
    }
    fn full(&self) -> usize {
        // 1 is also the value of an evaluator that has not said its epochs, whose evaluations may have
        // reported more.
        if self.full == 1 { 0 } else { self.full }
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
    fn ask(&self, _: &crate::record::History, _: &mut Rng) -> Result<Proposal> {
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
    use crate::task::Task;
    use crate::tree::{any, one_of, repeat};
    use crate::{Duplicates, dropout, linear, skip};
    use std::sync::{Arc, Mutex};

    fn space() -> Space {
        Space::new([8], Task::classification(3))
            .then(repeat(1..=2, linear(any([4, 8, 16]))))
            .then(one_of([skip(), dropout(any([0.0, 0.5]))]))
    }

    fn plan() -> Study {
        let score = evaluator(|a, _| Evaluation::new(a.params() as f64).with_curve([0.5, 1.0]));
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

    fn sit_down(study: &Study, journal: Journal) {
        let mut desk = study.desk.lock().unwrap();
        (desk.journal, desk.writer) = (Some(journal), Arc::downgrade(&study.state));
    }

    #[test]
    fn a_full_disk_ends_the_study_and_loses_nothing() {
        let whole = written().len();
        for room in [whole / 8, whole / 3, whole / 2, whole * 3 / 4, whole - 200] {
            let disk = Arc::new(Mutex::new(vec![]));
            let study = plan().keep(|_| {});
            let sink = Box::new(Small(disk.clone(), room));
            let mut journal = Journal::new(sink, Path::new("study.jsonl"), 0);
            if begin(&mut journal, &Header::of(&study.setup), &study).is_err() {
                assert!(disk.lock().unwrap().is_empty());
                continue;
            }
            sit_down(&study, journal);
            let outcome = super::super::run::run(&study, true);
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

    /// What cannot be written is not told, or kept until it can be: with room again, all of it is there.
    #[test]
    fn what_a_full_disk_refuses_is_written_later() {
        let path = std::env::temp_dir().join(format!("nascent-full-{}.jsonl", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let on_disk = || Study::load(&path).unwrap().trials_done().len();
        // Room for so many bytes from now on, and the file as it is.
        let full = |study: &Study, room: usize| {
            let disk = Arc::new(Mutex::new(vec![]));
            sit_down(study, Journal::new(Box::new(Small(disk, room)), &path, 0));
        };
        let study = plan().duplicates(Duplicates::Repeat).trials(30).journal(&path);
        let first = study.ask().unwrap();
        full(&study, 20);
        assert!(study.tell(&first, 1.0).unwrap_err().to_string().contains("no space left"));
        assert_eq!((study.trials_done().len(), on_disk()), (0, 0));
        study.tell(&first, 1.0).unwrap();
        assert_eq!(on_disk(), 1);
        // What was asked and could not be written is asked again.
        full(&study, 20);
        assert!(study.ask().unwrap_err().to_string().contains("no space left"));
        assert_eq!(study.ask().unwrap().number(), 1);
        // An evaluation that has been paid for is kept: room for its question and its beginning.
        full(&study, 220);
        let failed = study.step().unwrap_err().to_string();
        assert!(failed.contains("no space left"), "{failed}");
        assert_eq!((study.trials_done().len(), on_disk()), (2, 1));
        study.step().unwrap();
        assert_eq!((study.trials_done().len(), on_disk()), (3, 3));
        // And so is a whole run.
        let study = study.prepared().unwrap();
        full(&study, 3000);
        super::super::run::run(&study, true).unwrap();
        assert!(study.ended().contains("no space left"), "{}", study.ended());
        let (kept, there) = (study.trials_done(), on_disk());
        assert!(kept.len() > there && there == 3);
        let ended = study.run().unwrap();
        assert_eq!((ended.trials_done().len(), on_disk()), (30, 30));
        let scores = |trials: &[Trial]| trials.iter().map(Trial::score).collect::<Vec<_>>();
        let again = Study::load(&path).unwrap().trials_done();
        let same = |t: &Trial| again[t.number()].score() == t.score();
        assert!(kept.iter().all(same) && scores(&again) == scores(&ended.trials_done()));
        std::fs::remove_file(&path).unwrap();
    }

    /// The bytes of a journal.
    fn written() -> Vec<u8> {
        let disk = Arc::new(Mutex::new(vec![]));
        let study = plan().keep(|_| {});
        let sink = Box::new(Small(disk.clone(), usize::MAX));
        let mut journal = Journal::new(sink, Path::new("study.jsonl"), 0);
        begin(&mut journal, &Header::of(&study.setup), &study).unwrap();
        sit_down(&study, journal);
        super::super::run::run(&study, true).unwrap();
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
