//! A study that runs in the background of a notebook.
//!
//! Whoever holds a [`Running`] can stop the search and wait for it. When its last holder is gone, as
//! after a notebook cell with `let search = plan.spawn()?;` was run again, the search stops by itself,
//! unless it was [detached](Running::detach). The searches of this process are listed by weak
//! references, so that each of them can be found again.

use super::{Study, live, run};
use crate::error::{Error, ErrorKind, Result};
use crate::interrupt::{self, Back, Front};
use crate::strategy::Strategy;
use crate::study::progress::Progress;
use crate::words::plural;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, Weak};
use std::time::{Duration, Instant};

/// A study that runs on its own threads, made by [`Study::spawn`]. Clones are the same study. When the
/// last of them is dropped, the study stops as by [`Running::stop`], and can be resumed from its
/// journal; [`Running::detach`] lets it run on.
#[derive(Clone)]
#[must_use = "a search stops when nobody holds it: write let search = plan.spawn()?; or \
              plan.spawn()?.detach();"]
pub struct Running(Arc<Handle>);

/// What all handles of a search share: it is dropped with the last of them.
struct Handle(Arc<Search>);

impl Drop for Handle {
    fn drop(&mut self) {
        if !self.0.detached.load(Ordering::Relaxed) {
            self.0.study.stop.ask();
        }
    }
}

/// A search; its thread and its handles hold it.
struct Search {
    study: Study,
    begun: Instant,
    detached: AtomicBool,
    /// The outcome, once there is one.
    end: (Mutex<Option<Result<()>>>, Condvar),
}

impl Search {
    fn end(&self) -> MutexGuard<'_, Option<Result<()>>> {
        self.end.0.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn stopping(&self) -> bool {
        self.study.stop.asked()
    }
}

/// The searches of this process, by weak references.
static SEARCHES: Mutex<Vec<(Weak<Search>, Weak<Handle>)>> = Mutex::new(vec![]);

fn searches() -> MutexGuard<'static, Vec<(Weak<Search>, Weak<Handle>)>> {
    SEARCHES.lock().unwrap_or_else(|e| e.into_inner())
}

impl Study {
    /// Runs the study in the background. It prints nothing: ask [`Running::progress`]. In this project's kernel for
    /// notebooks it draws itself below its cell while other cells run, unless the study is
    /// [quiet](Study::quiet).
    ///
    /// Keep what it returns: the search stops when nobody holds it any more, unless it is
    /// [detached](Running::detach). [`running`](fn@running) lists all searches of this process.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::new([8], Task::classification(2)).then(linear(any([4, 8, 16])));
    /// let search = Study::new(&space, evaluator(|a, _| a.params() as f64)).trials(10).spawn()?;
    /// println!("{}", search.progress());
    /// let study = search.wait()?;
    /// assert_eq!(study.trials_done().len(), 10);
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Study::run`], as far as they are known before the first trial.
    pub fn spawn(&self) -> Result<Running> {
        self.check()?;
        let study = self.quiet().prepared()?;
        let search = Arc::new(Search {
            study: study.clone(),
            begun: Instant::now(),
            detached: AtomicBool::new(false),
            end: (Mutex::new(None), Condvar::new()),
        });
        let handle = Arc::new(Handle(search.clone()));
        {
            let mut all = searches();
            all.retain(|(search, _)| search.strong_count() > 0);
            all.push((Arc::downgrade(&search), Arc::downgrade(&handle)));
        }
        // It is seen before anything else happens in its cell.
        let stage = live::open(&study, !self.setup.quiet, true);
        let back = Back::new();
        std::thread::Builder::new().name("study".into()).spawn(move || {
            let _back = back;
            let outcome = interrupt::under(&study.stop, || {
                run::guarded(|| run::run(&study, stage.is_some()))
            });
            live::close(stage, &study, &outcome);
            *search.end() = Some(outcome);
            search.end.1.notify_all();
        })?;
        Ok(Running(handle))
    }
}

impl Running {
    fn search(&self) -> &Search {
        &self.0.0
    }

    /// Whether it has ended.
    pub fn done(&self) -> bool {
        self.search().end().is_some()
    }

    /// Asks it to end: no further trial begins, and running trainings end within one step. Their
    /// trials stay open until the study continues. An evaluation that is not a training runs until it
    /// returns.
    pub fn stop(&self) {
        self.search().study.stop.ask();
    }

    /// Lets the search go on without a handle: `plan.spawn()?.detach();`.
    /// [`running`](fn@running) gives a handle back.
    pub fn detach(&self) {
        self.search().detached.store(true, Ordering::Relaxed);
    }

    /// The study as it is now: a copy to look at, with charts and tables.
    #[must_use]
    pub fn study(&self) -> Study {
        self.search().study.keep(|_| {})
    }

    /// Its progress, in a line.
    pub fn progress(&self) -> String {
        let study = &self.search().study;
        let trials = study.lock().history.shared();
        let line = Progress::line(&trials, &study.setup.protocol, &study.metric());
        if self.done() {
            return format!("{line}; ended: {}", study.ended());
        }
        let running = trials.iter().filter(|t| t.runs()).count();
        match self.search().stopping() {
            true => format!("{line}; stopping, {} still running", plural(running, "trial")),
            false => line,
        }
    }

    /// Waits for the end and returns the study with its trials.
    ///
    /// # Errors
    /// As [`Study::run`].
    pub fn wait(&self) -> Result<Study> {
        let search = self.search();
        // Whoever waits has it in the foreground.
        let _front = match self.done() {
            true => None,
            false => Front::of(&search.study.stop, || search.study.in_words()),
        };
        let mut end = search.end();
        while end.is_none() {
            end = search.end.1.wait(end).unwrap_or_else(|e| e.into_inner());
        }
        match &*end {
            Some(Err(e)) => Err(e.clone()),
            Some(Ok(())) => Ok(search.study.keep(|_| {})),
            None => Err(Error::new(ErrorKind::Missing, "the study has not ended")),
        }
    }

    /// What it is and its progress, in a line.
    fn line(&self) -> String {
        let (search, setup) = (self.search(), &self.search().study.setup);
        let mut line = setup.strategy.describe(setup.planned());
        if let Some(path) = &setup.journal {
            line += &format!(", journal {}", path.display());
        }
        let seconds = search.begun.elapsed().as_secs_f64().round();
        let seconds = crate::words::human_seconds(seconds);
        let detached = if search.detached.load(Ordering::Relaxed) { ", detached" } else { "" };
        format!("{line}, begun {seconds} ago{detached}: {}", self.progress())
    }
}

/// All searches of this process that [`Study::spawn`] began and that have not ended, the oldest first:
/// they can be looked at, stopped and waited for even if their variables are gone.
///
/// ```
/// use nascent::prelude::*;
/// let space = Space::new([8], Task::classification(2)).then(linear(any([4, 8, 16])));
/// let slow = evaluator(|a, _| {
///     std::thread::sleep(std::time::Duration::from_millis(5));
///     a.params() as f64
/// });
/// Study::new(&space, slow).duplicates(Duplicates::Repeat).trials(10_000).spawn()?.detach();
/// println!("{}", nascent::running());
/// let search = nascent::running().list().pop().ok_or("it has ended")?;
/// search.stop();
/// assert!(search.wait()?.trials_done().len() < 10_000);
/// # Ok::<(), nascent::Error>(())
/// ```
pub fn running() -> Searches {
    let mut all = searches();
    let mut list = vec![];
    all.retain_mut(|(search, handle)| {
        let Some(search) = search.upgrade().filter(|search| search.end().is_none()) else {
            return false;
        };
        let shared = handle.upgrade().unwrap_or_else(|| {
            let anew = Arc::new(Handle(search));
            *handle = Arc::downgrade(&anew);
            anew
        });
        list.push(Running(shared));
        true
    });
    drop(all);
    Searches(list)
}

/// The searches that [`running`](fn@running) found. Like any handle, this keeps them running.
#[derive(Clone)]
pub struct Searches(Vec<Running>);

impl Searches {
    /// The searches, the oldest first.
    pub fn list(&self) -> Vec<Running> {
        self.0.clone()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing runs.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Asks all of them to end; see [`Running::stop`].
    pub fn stop(&self) {
        self.0.iter().for_each(Running::stop);
    }

    /// Waits for all of them, and returns their studies.
    ///
    /// # Errors
    /// As [`Study::run`], for the first one that failed.
    pub fn wait(&self) -> Result<Vec<Study>> {
        self.0.iter().map(Running::wait).collect()
    }
}

/// A search that has been told to stop usually releases its journal within this time.
const PATIENCE: Duration = Duration::from_secs(2);

/// Refuses a journal that a search of this process holds, and says how to get at that search. A search
/// that is stopping, as when its cell was run again, is waited for a little.
pub(super) fn not_held(path: &Path) -> Result<()> {
    // Different paths may lead to the same file.
    let whole = |path: &Path| path.canonicalize().or_else(|_| std::path::absolute(path));
    let Ok(wanted) = whole(path) else { return Ok(()) };
    let same = |journal: &Option<PathBuf>| {
        journal.as_ref().and_then(|other| whole(other).ok()).is_some_and(|other| other == wanted)
    };
    let begun = Instant::now();
    loop {
        // Takes no handle: that would keep a search alive that nobody holds.
        let all: Vec<Arc<Search>> = searches().iter().filter_map(|(s, _)| s.upgrade()).collect();
        let holder = all.into_iter().find(|s| s.end().is_none() && same(&s.study.setup.journal));
        let Some(search) = holder else { return Ok(()) };
        if search.stopping() && begun.elapsed() < PATIENCE {
            drop(search);
            std::thread::sleep(Duration::from_millis(10));
            continue;
        }
        let trials = search.study.lock().history.shared();
        let done = trials.iter().filter(|t| t.ended()).count();
        let state = match search.stopping() {
            true => "which is stopping as soon as the trials that run have ended",
            false => "which goes on",
        };
        return Err(Error::new(
            ErrorKind::File,
            format!(
                "the journal {} is in use by a search that was spawned in this process, {state}; it \
                 has ended {} so far. nascent::running() lists it: \
                 nascent::running().stop() ends it, and nascent::running().list() has it to look at \
                 and wait for. Or give this study another path",
                path.display(),
                plural(done, "trial")
            ),
        ));
    }
}

impl fmt::Display for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.progress())
    }
}

impl fmt::Display for Searches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0[..] {
            [] => f.write_str("nothing runs in the background"),
            list => {
                let searches = if list.len() == 1 { "search" } else { "searches" };
                write!(f, "{} {searches} in the background", list.len())?;
                list.iter().enumerate().try_for_each(|(i, s)| write!(f, "\n  {i}. {}", s.line()))
            }
        }
    }
}

crate::draw::debug_as_display!(Running, Searches);
