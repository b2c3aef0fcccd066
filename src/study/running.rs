//! A study that runs while the notebook goes on.

use super::{Study, run};
use crate::error::{Error, ErrorKind, Result};
use crate::notebook::Progress;
use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex};

/// A study at work on threads of its own, made by [`Study::spawn`]. Clones are the same study;
/// dropping them all does not stop it, and its journal is written in any case.
#[derive(Clone)]
#[must_use = "it is the only way to watch and to stop the search"]
pub struct Running {
    study: Study,
    /// The outcome, once there is one.
    end: Arc<(Mutex<Option<Result<()>>>, Condvar)>,
}

impl Study {
    /// Runs the study in the background. It is quiet: ask [`Running::progress`].
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::new([8], Task::classification(2)).then(linear(any([4, 8, 16])));
    /// let running = Study::new(&space, evaluator(|a, _| a.params() as f64)).trials(10).spawn()?;
    /// println!("{}", running.progress());
    /// let study = running.wait()?;
    /// assert_eq!(study.trials_done().len(), 10);
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Study::run`], for what is known before the first trial.
    pub fn spawn(&self) -> Result<Running> {
        self.check()?;
        let study = self.quiet().prepared()?;
        let running = Running { study: study.clone(), end: Arc::default() };
        let end = running.end.clone();
        std::thread::Builder::new().name("study".into()).spawn(move || {
            let outcome = run::guarded(|| run::run(&study));
            *end.0.lock().unwrap_or_else(|e| e.into_inner()) = Some(outcome);
            end.1.notify_all();
        })?;
        Ok(running)
    }
}

impl Running {
    /// Whether it has ended.
    pub fn done(&self) -> bool {
        self.end.0.lock().unwrap_or_else(|e| e.into_inner()).is_some()
    }

    /// Asks it to end: no further trials, and trainings under way end within one step. Those trials
    /// stay open and are taken up when the study goes on.
    pub fn stop(&self) {
        self.study.stop.store(true, Ordering::Relaxed);
    }

    /// The study as it is now: a copy to look at, with charts and tables.
    #[must_use]
    pub fn study(&self) -> Study {
        self.study.keep(|s| s.journal = None)
    }

    /// Where it is, in a line.
    pub fn progress(&self) -> String {
        let trials = self.study.lock().history.trials.clone();
        let line = Progress::line(&trials, &self.study.setup.protocol, &self.study.metric());
        let reason = self.study.ended();
        if self.done() { format!("{line}; ended: {reason}") } else { line }
    }

    /// Waits for the end and returns the study with its trials.
    ///
    /// # Errors
    /// As [`Study::run`].
    pub fn wait(&self) -> Result<Study> {
        let (lock, woken) = &*self.end;
        let mut end = lock.lock().unwrap_or_else(|e| e.into_inner());
        while end.is_none() {
            end = woken.wait(end).unwrap_or_else(|e| e.into_inner());
        }
        match &*end {
            Some(Err(e)) => Err(e.clone()),
            Some(Ok(())) => Ok(self.study.keep(|_| {})),
            None => Err(Error::new(ErrorKind::Missing, "the study has not ended")),
        }
    }
}

impl fmt::Display for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.progress())
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.progress())
    }
}
