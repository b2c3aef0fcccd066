//! The loop on threads: keeps as many trials running as batch and jobs allow.

use super::journal::Event;
use super::trial::Cost;
use super::{OnFailure, Study, Trial};
use crate::error::{Error, ErrorKind, Result};
use crate::evaluate::{Budget, Evaluation, Evaluator, Watch};
use crate::notebook::Progress;
use crate::rng::child;
use std::cell::Cell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, Once};
use std::time::Instant;

/// Why a study ended that was told to stop.
pub(super) const STOPPED: &str = "it was stopped";

/// Stack of a worker: deep networks recurse in the backward pass.
const STACK: usize = 16 << 20;

/// What became of an evaluation.
pub(super) struct Done {
    number: usize,
    pub(super) result: Result<Evaluation>,
    /// The seed of the attempt that counts.
    pub(super) seed: u64,
    pub(super) cost: Cost,
}

pub(super) fn run(study: &Study) -> Result<()> {
    let setup = &*study.setup;
    let begun = Instant::now();
    let before = {
        let mut state = study.lock();
        state.seconds = state.elapsed();
        state.by_hand = None;
        state.orphans.clear();
        state.seconds
    };
    let outcome = if setup.alone() {
        coordinate(study, &mut Crew::Alone(study, VecDeque::new()), begun, before)
    } else {
        on_threads(study, begun, before)
    };
    let seconds = before + begun.elapsed().as_secs_f64();
    study.lock().seconds = seconds;
    let reason = study.ended();
    // The journal is closed, and its lock given back.
    let open = study.open.lock().unwrap_or_else(|e| e.into_inner()).take();
    if let Some(mut journal) = open {
        let closed = journal.write(&Event::Stopped { reason, seconds });
        if let (Err(e), true) = (closed, study.ended().starts_with("all ")) {
            study.lock().ended = Some(e.to_string());
        }
    }
    outcome
}

/// Who evaluates the trials.
enum Crew<'s> {
    /// The coordinating thread itself: to wake another one takes longer than to look a result up.
    Alone(&'s Study, VecDeque<Trial>),
    Threads(Sender<Trial>, Receiver<Done>),
}

impl Crew<'_> {
    /// Hands a trial over; whether it will be evaluated.
    fn start(&mut self, trial: Trial) -> bool {
        match self {
            Crew::Alone(_, queue) => {
                queue.push_back(trial);
                true
            }
            Crew::Threads(work, _) => work.send(trial).is_ok(),
        }
    }

    /// Waits for a trial to end.
    fn wait(&mut self) -> Option<Done> {
        match self {
            Crew::Alone(study, queue) => queue.pop_front().map(|trial| evaluate(study, &trial)),
            Crew::Threads(_, done) => done.recv().ok(),
        }
    }

    /// A trial that has ended already.
    fn ready(&mut self) -> Option<Done> {
        match self {
            Crew::Alone(..) => None,
            Crew::Threads(_, done) => done.try_recv().ok(),
        }
    }
}

fn on_threads(study: &Study, begun: Instant, before: f64) -> Result<()> {
    let setup = &*study.setup;
    let (work, todo) = channel::<Trial>();
    let todo = Mutex::new(todo);
    let (report, done) = channel::<Done>();
    std::thread::scope(|scope| {
        for _ in 0..setup.threads() {
            let (todo, report) = (&todo, report.clone());
            let worker = std::thread::Builder::new().stack_size(STACK).name("trial".into());
            let spawned = worker.spawn_scoped(scope, move || work_off(todo, &report, study));
            if let Err(e) = spawned {
                drop(work);
                return Err(Error::from(e).context(format!("starting {} threads", setup.threads())));
            }
        }
        // The crew is dropped at the end, and with it the channel that the workers listen to.
        coordinate(study, &mut Crew::Threads(work, done), begun, before)
    })
}

fn work_off(todo: &Mutex<Receiver<Trial>>, report: &Sender<Done>, study: &Study) {
    loop {
        let next = todo.lock().unwrap_or_else(|e| e.into_inner()).recv();
        let Ok(trial) = next else { return };
        if report.send(evaluate(study, &trial)).is_err() {
            return;
        }
    }
}

fn coordinate(study: &Study, crew: &mut Crew, begun: Instant, before: f64) -> Result<()> {
    let setup = &*study.setup;
    let now = || before + begun.elapsed().as_secs_f64();
    // What the evaluator says of itself is a user's code: asked once, and never under the lock.
    let (full, planned, metric) =
        guarded(|| Ok((setup.evaluator.full(), setup.planned(), setup.evaluator.metric())))?;
    let threads = setup.threads();
    let mut progress = Progress::new(setup.quiet, &setup.protocol, planned);
    // Trials that were asked by hand and never told are evaluated first.
    let open: Vec<Trial> = study.lock().trials().iter().filter(|t| !t.ended()).cloned().collect();
    let mut running = 0;
    for trial in open.into_iter().filter(|t| t.reused_from().is_none()) {
        running += usize::from(crew.start(trial));
    }
    loop {
        let mut more = false;
        while running < threads {
            if study.stop.load(Ordering::Relaxed) {
                study.lock().ended = Some(STOPPED.to_string());
                break;
            }
            let asked = match study.ask_next(full, planned, now()) {
                Ok(Some(asked)) => asked,
                Ok(None) => break,
                Err(e) => {
                    // Nothing is lost: the trials so far stay, and the reason is on record.
                    let mut state = study.lock();
                    if state.trials().is_empty() {
                        return Err(e);
                    }
                    state.ended = Some(match e.to_string() {
                        text if text.starts_with("the journal") => text,
                        text => format!("the strategy failed: {text}"),
                    });
                    break;
                }
            };
            if !asked.evaluate {
                // Results that are known already: a look at callbacks and progress in between.
                more = true;
                break;
            }
            running += usize::from(crew.start(asked.trial));
        }
        announce(study);
        let trials = study.lock().history.trials.clone();
        progress.tell(&trials, &metric, begun.elapsed().as_secs_f64());
        drop(trials);
        let next = match (more, running) {
            (true, _) => crew.ready(),
            (false, 0) => break,
            (false, _) => crew.wait(),
        };
        if let Some(Done { number, result, seed, cost }) = next {
            running -= 1;
            if result.as_ref().is_err_and(|e| e.kind() == ErrorKind::Stopped) {
                // It stays open, to be taken up when the study goes on.
                continue;
            }
            if let Err(e) = study.end(number, result, seed, cost, now()) {
                study.lock().ended = Some(e.to_string());
            }
            if let Some(path) = checkpoint(study, number) {
                let _ = std::fs::remove_file(path);
            }
        }
    }
    let trials = study.lock().history.trials.clone();
    progress.finish(&trials, &metric, begun.elapsed().as_secs_f64());
    Ok(())
}

/// Calls the callbacks for the trials that have ended, in order.
pub(super) fn announce(study: &Study) {
    let ended: Vec<Trial> = {
        let mut state = study.lock();
        let settled = state.settled;
        let from = std::mem::replace(&mut state.announced, settled);
        if study.setup.callbacks.is_empty() {
            return;
        }
        state.trials()[from..state.settled].to_vec()
    };
    for trial in &ended {
        for callback in &study.setup.callbacks {
            let call = || {
                callback(trial);
                Ok(())
            };
            if let Err(e) = guarded(call) {
                eprintln!("nascent: the callback for trial {} failed: {e}", trial.number());
            }
        }
    }
}

/// Where a trial's checkpoint is kept, if it is.
fn checkpoint(study: &Study, trial: usize) -> Option<PathBuf> {
    let open = study.open.lock().unwrap_or_else(|e| e.into_inner());
    open.as_ref().filter(|_| study.setup.checkpoints).map(|journal| journal.checkpoint(trial))
}

/// Evaluates a trial, again after a failure if the protocol says so; a panic becomes an error.
pub(super) fn evaluate(study: &Study, trial: &Trial) -> Done {
    let setup = &*study.setup;
    let (number, begun, limit) = (trial.number(), Instant::now(), setup.protocol.trial_seconds);
    let (first, budget) = (trial.0.budget.seed(), trial.0.budget);
    let attempts = match setup.protocol.on_failure {
        OnFailure::Retry(n) => n,
        _ => 0,
    };
    let note = study.clone();
    let tell = Arc::new(move |epoch, score: f64, loss: f64| {
        let finite = |v: f64| v.is_finite().then_some(v);
        let (score, loss) = (finite(score), finite(loss));
        // A journal that cannot be written is noticed when the trial ends.
        let _ = note.note(|| Some(Event::Epoch { trial: number, epoch, score, loss }));
    });
    let mut attempt = 0;
    loop {
        let seed = match attempt {
            0 => first,
            n => child(first, "retry", n as u64),
        };
        let attempt_begun = Instant::now();
        let watch = Watch::stopped_by(&study.stop)
            .limit(limit)
            .telling(tell.clone())
            .keeping(checkpoint(study, number));
        let budget = Budget::new(budget.epochs(), budget.full(), seed);
        let result = guarded(|| {
            watch.check()?;
            setup.evaluator.evaluate_watched(&trial.0.architecture, &budget, &watch)
        });
        let late = limit.filter(|&most| attempt_begun.elapsed().as_secs_f64() > most);
        let result = match (result, late) {
            (Ok(_), Some(most)) => Err(Error::new(
                ErrorKind::Backend,
                format!(
                    "over the time limit of {most} s per trial: it took {:.1} s",
                    attempt_begun.elapsed().as_secs_f64()
                ),
            )),
            (result, _) => result,
        };
        let failed = match &result {
            Ok(e) => !e.score().is_finite(),
            Err(e) => e.kind() != ErrorKind::Stopped,
        };
        if failed && attempt < attempts {
            attempt += 1;
            continue;
        }
        let result = match attempt {
            0 => result,
            n => result.map_err(|e| match e.kind() {
                ErrorKind::Stopped => e,
                _ => e.context(format!("after {} attempts", n + 1)),
            }),
        };
        let cost = Cost { seconds: begun.elapsed().as_secs_f64(), memory: watch.measured() };
        return Done { number, result, seed, cost };
    }
}

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Runs a user's code; a panic in it becomes an error, without a backtrace on the screen.
pub(crate) fn guarded<T>(f: impl FnOnce() -> Result<T>) -> Result<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let loud = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                loud(info);
            }
        }));
    });
    let outer = QUIET.replace(true);
    let result = catch_unwind(AssertUnwindSafe(f));
    QUIET.set(outer);
    result.unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("without a message");
        Err(Error::new(ErrorKind::User, format!("a panic: {text}")))
    })
}
