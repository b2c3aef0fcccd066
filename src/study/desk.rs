//! Who writes the journal: a study or one of its copies, one at a time.
//!
//! A setting returns a copy with the same trials and the same journal. Whichever copy is used takes the
//! journal, reads what the others have written since, and continues it. So no copy receives a result
//! without a journal to write it to. A running study keeps the journal to itself until it ends.

use super::journal::{self, Event, Journal};
use super::state::State;
use super::{Setup, Study, running};
use crate::error::{Error, ErrorKind, Result};
use crate::strategy::Strategy;
use std::sync::{Arc, Mutex, MutexGuard, Weak};

/// The open journal, while a study is run or asked by hand.
#[derive(Default)]
pub(super) struct Desk {
    pub(super) journal: Option<Journal>,
    /// The state of the study that writes it.
    pub(super) writer: Weak<Mutex<State>>,
    pub(super) running: bool,
}

impl Desk {
    pub(super) fn write(&mut self, event: &Event) -> Result<()> {
        self.journal.as_mut().map_or(Ok(()), |journal| journal.write(event))
    }

    /// Whether a study runs; one that has been dropped does not.
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

    /// The desk for a copy with this setup: the same one if the journal is the same.
    pub(super) fn desk_for(&self, setup: &Setup) -> Arc<Mutex<Desk>> {
        match setup.journal == self.setup.journal && setup.journal.is_some() {
            true => self.desk.clone(),
            false => Arc::default(),
        }
    }

    /// The desk; if there is to be a journal, it is open, and this study writes it.
    pub(super) fn desk(&self) -> Result<MutexGuard<'_, Desk>> {
        self.setup.strategy.beside(self.setup.journal.as_deref(), self.setup.protocol.seed);
        let Some(path) = &self.setup.journal else { return Ok(self.at_desk()) };
        // The desk is not locked here: a search that is stopping needs it in order to end.
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
        // Closed before it is opened: a copy wrote it, or writing failed and may succeed by now.
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

    /// Writes an event to the journal, if there is one; the event is made only then.
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

    /// A copy to run: it opens the journal, and from now on only it writes there.
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

    /// Leaves the desk. Dropping the journal closes it and releases its lock.
    pub(super) fn leave(&self) -> Option<Journal> {
        std::mem::take(&mut *self.at_desk()).journal
    }

    /// The same study, prepared but not to be run yet.
    pub(super) fn at_rest(self) -> Study {
        self.at_desk().running = false;
        self
    }
}
