//! The loop on threads: keeps as many trials running as batch and jobs allow.

use super::{Study, Trial};
use crate::error::{Error, ErrorKind, Result};
use crate::evaluate::{AnyEvaluator, Evaluation, Evaluator};
use crate::notebook::Progress;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, Once};
use std::time::Instant;

/// Stack of a worker: deep networks recurse in the backward pass.
const STACK: usize = 16 << 20;

struct Done {
    number: usize,
    result: Result<Evaluation>,
    seconds: f64,
}

pub(super) fn run(study: &Study) -> Result<()> {
    let setup = &*study.setup;
    let begun = Instant::now();
    let before = {
        let mut state = study.lock();
        state.seconds = state.elapsed();
        state.by_hand = None;
        state.seconds
    };
    let (work, todo) = channel::<Trial>();
    let todo = Mutex::new(todo);
    let (report, done) = channel::<Done>();
    let outcome = std::thread::scope(|scope| {
        for _ in 0..setup.threads() {
            let (todo, report, evaluator) = (&todo, report.clone(), &setup.evaluator);
            let worker = std::thread::Builder::new().stack_size(STACK).name("trial".into());
            let spawned = worker.spawn_scoped(scope, move || work_off(todo, &report, evaluator));
            if let Err(e) = spawned {
                drop(work);
                return Err(Error::from(e).context(format!("starting {} threads", setup.threads())));
            }
        }
        let result = coordinate(study, &work, &done, begun, before);
        drop(work);
        result
    });
    study.lock().seconds = before + begun.elapsed().as_secs_f64();
    outcome
}

fn work_off(todo: &Mutex<Receiver<Trial>>, report: &Sender<Done>, evaluator: &AnyEvaluator) {
    loop {
        let next = todo.lock().unwrap_or_else(|e| e.into_inner()).recv();
        let Ok(trial) = next else { return };
        let begun = Instant::now();
        let result = evaluate(evaluator, &trial);
        let seconds = begun.elapsed().as_secs_f64();
        if report.send(Done { number: trial.number(), result, seconds }).is_err() {
            return;
        }
    }
}

fn coordinate(
    study: &Study,
    work: &Sender<Trial>,
    done: &Receiver<Done>,
    begun: Instant,
    before: f64,
) -> Result<()> {
    let setup = &*study.setup;
    let now = || before + begun.elapsed().as_secs_f64();
    // What the evaluator says of itself is a user's code: asked once, and never under the lock.
    let (full, planned, metric) =
        guarded(|| Ok((setup.evaluator.full(), setup.planned(), setup.evaluator.metric())))?;
    let mut progress = Progress::new(setup.quiet, &setup.protocol, planned);
    // Trials that were asked by hand and never told are evaluated first.
    let open: Vec<Trial> = study.lock().trials().iter().filter(|t| !t.ended()).cloned().collect();
    let mut running = 0;
    for trial in open.into_iter().filter(|t| t.reused_from().is_none()) {
        running += usize::from(work.send(trial).is_ok());
    }
    loop {
        let mut more = false;
        while running < setup.threads() {
            let asked = match study.ask_next(full, planned, now()) {
                Ok(Some(asked)) => asked,
                Ok(None) => break,
                Err(e) => {
                    // Nothing is lost: the trials so far stay, and the reason is on record.
                    let mut state = study.lock();
                    if state.trials().is_empty() {
                        return Err(e);
                    }
                    state.ended = Some(format!("the strategy failed: {e}"));
                    break;
                }
            };
            if !asked.evaluate {
                // Results that are known already: a look at callbacks and progress in between.
                more = true;
                break;
            }
            running += usize::from(work.send(asked.trial).is_ok());
        }
        announce(study);
        let trials = study.lock().history.trials.clone();
        progress.tell(&trials, &metric, begun.elapsed().as_secs_f64());
        drop(trials);
        let next = match (more, running) {
            (true, _) => done.try_recv().ok(),
            (false, 0) => break,
            (false, _) => done.recv().ok(),
        };
        if let Some(Done { number, result, seconds }) = next {
            running -= 1;
            study.lock().end(number, result, seconds, now());
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

/// Evaluates a trial; a panic becomes an error.
pub(super) fn evaluate(evaluator: &AnyEvaluator, trial: &Trial) -> Result<Evaluation> {
    guarded(|| evaluator.evaluate(&trial.0.architecture, &trial.0.budget))
}

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Runs a user's code; a panic in it becomes an error, without a backtrace on the screen.
pub(super) fn guarded<T>(f: impl FnOnce() -> Result<T>) -> Result<T> {
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
