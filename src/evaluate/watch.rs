//! How a running evaluation is watched: it reports its epochs, and can be asked to stop.

use super::Shelf;
use super::heritage::Ancestor;
use crate::error::{Error, ErrorKind, Result};
use crate::interrupt::{self, Stop};
use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

type Tell = Arc<dyn Fn(usize, f64, f64) + Send + Sync>;

/// What a study hands to an evaluation that takes long: see
/// [`Evaluator::evaluate_watched`](crate::Evaluator::evaluate_watched).
///
/// It never changes a result, only whether there is one.
///
/// ```
/// use nascent::prelude::*;
///
/// struct Patient;
/// impl Evaluator for Patient {
///     fn evaluate(&self, arch: &Architecture, budget: &Budget) -> Result<Evaluation> {
///         self.evaluate_watched(arch, budget, &Watch::none())
///     }
///     fn evaluate_watched(&self, arch: &Architecture, budget: &Budget, watch: &Watch) -> Result<Evaluation> {
///         for epoch in 1..=budget.epochs_allowed() {
///             watch.check()?; // stopped, or over the time limit
///             watch.epoch(epoch, 0.5, 1.0);
///         }
///         Ok(Evaluation::new(0.5))
///     }
/// }
/// ```
#[derive(Clone, Default)]
pub struct Watch {
    stop: Arc<Stop>,
    deadline: Option<(Instant, f64)>,
    tell: Option<Tell>,
    checkpoint: Option<PathBuf>,
    /// Where trainings are put away that other trials may go on with.
    shelf: Option<Arc<Shelf>>,
    /// The training whose weights this one begins with, and whether its own may be wanted.
    ancestor: Option<Arc<Ancestor>>,
    heritable: bool,
    /// The most bytes that the evaluation has measured; 0 for none.
    memory: Arc<AtomicUsize>,
    /// Whether something else decides when it is stopped: a study, or a longer work.
    part: bool,
    /// For a training inside an evaluation that does not ask its watch: whether it was told to stop.
    told: Option<Arc<AtomicBool>>,
}

thread_local! {
    /// The watch of the evaluation that this thread is working on.
    static CURRENT: RefCell<Option<Watch>> = const { RefCell::new(None) };
}

impl Watch {
    /// Watches nothing.
    pub fn none() -> Watch {
        Watch::default()
    }

    pub(crate) fn stopped_by(stop: &Arc<Stop>) -> Watch {
        Watch { stop: stop.clone(), part: true, ..Watch::default() }
    }

    /// The watch of a training that a user's code has started: that of the evaluation around it, so that
    /// both end together. Epochs and checkpoints are left to the evaluation.
    pub(crate) fn current() -> Watch {
        let around = CURRENT.with_borrow(Clone::clone);
        let alone =
            || interrupt::stop_here().map_or_else(Watch::none, |stop| Watch::stopped_by(&stop));
        around.map_or_else(alone, |w| Watch {
            tell: None,
            checkpoint: None,
            shelf: None,
            ancestor: None,
            heritable: false,
            ..w
        })
    }

    /// Whether nothing decides when its training is stopped, so that the training itself has to ask.
    pub(crate) fn alone(&self) -> bool {
        !self.part && interrupt::stop_here().is_none()
    }

    /// The same with another stop.
    pub(crate) fn ending_with(&self, stop: &Arc<Stop>) -> Watch {
        Watch { stop: stop.clone(), ..self.clone() }
    }

    /// Runs an evaluation under this watch. If a training inside it was told to stop, it ends too,
    /// whatever it did with the training's error.
    pub(crate) fn during<T>(&self, f: impl FnOnce() -> Result<T>) -> Result<T> {
        struct Back(Option<Watch>);
        impl Drop for Back {
            fn drop(&mut self) {
                CURRENT.set(self.0.take());
            }
        }
        let told = Arc::new(AtomicBool::new(false));
        let inner = Watch { told: Some(told.clone()), ..self.clone() };
        let back = Back(CURRENT.replace(Some(inner)));
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            interrupt::under(&self.stop, f)
        }));
        drop(back);
        match result {
            _ if told.load(Ordering::Relaxed) => Err(self.stop.told()),
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }

    pub(crate) fn limit(self, seconds: Option<f64>) -> Watch {
        Watch { deadline: seconds.map(|s| (Instant::now(), s)), ..self }
    }

    pub(crate) fn telling(self, tell: Tell) -> Watch {
        Watch { tell: Some(tell), ..self }
    }

    pub(crate) fn keeping(self, checkpoint: Option<PathBuf>) -> Watch {
        Watch { checkpoint, ..self }
    }

    pub(crate) fn shelving(self, shelf: Option<Arc<Shelf>>) -> Watch {
        Watch { shelf, ..self }
    }

    /// Where trainings are put away that other trials may go on with.
    pub(crate) fn shelf(&self) -> Option<&Shelf> {
        self.shelf.as_deref()
    }

    pub(crate) fn inheriting(self, ancestor: Option<Arc<Ancestor>>, heritable: bool) -> Watch {
        Watch { ancestor, heritable, ..self }
    }

    /// The training whose weights this one begins with.
    pub(crate) fn ancestor(&self) -> Option<&Arc<Ancestor>> {
        self.ancestor.as_ref()
    }

    /// Whether later trials may want the weights.
    pub(crate) fn heritable(&self) -> bool {
        self.heritable
    }

    /// The same for what is done on the side, which is no measure of the evaluation.
    pub(crate) fn aside(&self) -> Watch {
        Watch { memory: Arc::default(), ..self.clone() }
    }

    /// Whether to go on; a training asks at least once per batch step.
    ///
    /// # Errors
    /// When the study has been stopped, or the trial is over its time limit. Pass it on with `?`.
    pub fn check(&self) -> Result<()> {
        if let Err(e) = self.stop.check() {
            self.told.iter().for_each(|told| told.store(true, Ordering::Relaxed));
            return Err(e);
        }
        match self.deadline {
            Some((begun, limit)) if begun.elapsed().as_secs_f64() > limit => Err(Error::new(
                ErrorKind::Backend,
                format!("over the time limit of {limit} s per trial"),
            )),
            _ => Ok(()),
        }
    }

    /// Reports that an epoch has ended, counted from 1, with its score and training loss.
    pub fn epoch(&self, epoch: usize, score: f64, loss: f64) {
        if let Some(tell) = &self.tell {
            tell(epoch, score, loss);
        }
    }

    /// Reports the most bytes that the evaluation has allocated at once, if it has measured that.
    pub fn allocated(&self, bytes: usize) {
        self.memory.fetch_max(bytes, Ordering::Relaxed);
    }

    pub(crate) fn measured(&self) -> Option<usize> {
        Some(self.memory.load(Ordering::Relaxed)).filter(|&bytes| bytes > 0)
    }

    /// Where to keep checkpoints, if they are wanted.
    pub fn checkpoint(&self) -> Option<PathBuf> {
        self.checkpoint.clone()
    }
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a watch, {}", if self.check().is_ok() { "running" } else { "over" })
    }
}
