//! Who writes the journal: a study and the copies that settings make of it, one at a time.
//!
//! A setting returns a copy with the same trials and the same journal. Whichever of them is used
//! takes the journal, reads what the others have written since, and writes on; so no result is told
//! to a copy that has no journal to write it to. A study that is being run keeps its journal to
//! itself until it ends.

use super::journal::{self, Event, Journal};
use super::state::State;
use super::{Setup, Study, running};
use crate::error::{Error, ErrorKind, Result};
use std::sync::{Arc, Mutex, MutexGuard, Weak};

/// The open journal, while a study is run or asked by hand.
#[derive(Default)]
pub(super) struct Desk {
    pub(super) journal: Option<Journal>,
    /// The state that follows what is in it.
    pub(super) writer: Weak<Mutex<State>>,
    pub(super) running: bool,
}

impl Desk {
    pub(super) fn write(&mut self, event: &Event) -> Result<()> {
        self.journal.as_mut().map_or(Ok(()), |journal| journal.write(event))
    }

    /// A study that was to run and is gone does not.
    fn is_running(&self) -> bool {
        self.running && self.writer.strong_count() > 0
    }

    fn is_of(&self, study: &Study) -> bool {
        std::ptr::eq(self.writer.as_ptr(), Arc::as_ptr(&study.state))
    }
}

impl Study {
    fn at_desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// The desk for a copy with this setup: the same, as long as it is the same journal's.
    pub(super) fn desk_for(&self, setup: &Setup) -> Arc<Mutex<Desk>> {
        match setup.journal == self.setup.journal && setup.journal.is_some() {
            true => self.desk.clone(),
            false => Arc::default(),
        }
    }

    /// The desk with the journal open and this study at it, if there is to be a journal.
    pub(super) fn desk(&self) -> Result<MutexGuard<'_, Desk>> {
        let Some(path) = &self.setup.journal else { return Ok(self.at_desk()) };
        // Asked without the desk: a search that is stopping needs it for its end.
        if !self.at_desk().is_of(self) {
            running::not_held(path)?;
        }
        let mut desk = self.at_desk();
        let mine = desk.is_of(self);
        if desk.is_running() && !mine {
            return Err(Error::new(
                ErrorKind::File,
                format!(
                    "the journal {} is in use by another study: this one is a copy of it, and it is \
                     running. Wait for its end, or stop it",
                    path.display()
                ),
            ));
        }
        if mine && desk.journal.as_ref().is_some_and(|j| desk.running || !j.broken()) {
            return Ok(desk);
        }
        // Closed first: a copy has it, or it could not be written and may be by now.
        *desk = Desk::default();
        let (journal, notices) = journal::open(self, path)?;
        if !self.setup.quiet {
            notices.iter().for_each(|notice| println!("{notice}"));
        }
        let mut state = self.lock();
        state.earlier = state.settled();
        drop(state);
        (desk.journal, desk.writer) = (Some(journal), Arc::downgrade(&self.state));
        Ok(desk)
    }

    /// Writes an event to the journal, if one is kept; without one it is not even made.
    pub(super) fn note(&self, event: impl FnOnce() -> Option<Event>) -> Result<()> {
        let mut desk = self.at_desk();
        match (&desk.journal, &self.setup.journal) {
            (None, None) => Ok(()),
            (Some(_), _) if desk.is_of(self) => match event() {
                Some(event) => desk.write(&event),
                None => Ok(()),
            },
            _ => Err(Error::new(
                ErrorKind::File,
                "the journal has been taken by a copy of this study meanwhile. Ask again",
            )),
        }
    }

    /// A copy to run, with the journal open, which it alone writes from now on.
    pub(super) fn prepared(&self) -> Result<Study> {
        let study = self.keep(|_| {});
        study.lock().go_on();
        {
            let mut desk = self.at_desk();
            if desk.is_of(self) && !desk.running {
                desk.writer = Arc::downgrade(&study.state);
            }
        }
        study.desk()?.running = true;
        Ok(study)
    }

    /// Leaves the desk, which closes the journal and gives its lock back.
    pub(super) fn leave(&self) -> Option<Journal> {
        std::mem::take(&mut *self.at_desk()).journal
    }

    /// The same study, prepared but not to be run now.
    pub(super) fn at_rest(self) -> Study {
        self.at_desk().running = false;
        self
    }
}
