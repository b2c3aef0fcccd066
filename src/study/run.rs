//! The loop on threads: keeps as many trials running as batch and jobs allow.

use super::state::Next;
use super::{Setup, Study, Trial};
use crate::error::{Error, ErrorKind, Result};
use crate::evaluate::{AnyEvaluator, Evaluation, Evaluator};
use crate::notebook::Progress;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, Once};
use std::time::Instant;

pub(super) const EXHAUSTED: &str = "the space is exhausted";

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
    let before = study.lock().seconds;
    let (work, todo) = channel::<Trial>();
    let todo = Mutex::new(todo);
    let (report, done) = channel::<Done>();
    let outcome = std::thread::scope(|scope| {
        for _ in 0..setup.threads() {
            let (todo, report, evaluator) = (&todo, report.clone(), &setup.evaluator);
            let worker = std::thread::Builder::new().stack_size(STACK).name("trial".into());
            worker.spawn_scoped(scope, move || work_off(todo, &report, evaluator))?;
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
    let mut progress = Progress::new(setup.quiet, setup.protocol.trials);
    // Trials that were asked by hand and never told are evaluated first.
    let open: Vec<Trial> = study.lock().trials().iter().filter(|t| !t.ended()).cloned().collect();
    let mut running = 0;
    for trial in open.into_iter().filter(|t| t.reused_from().is_none()) {
        running += usize::from(work.send(trial).is_ok());
    }
    let mut announced = study.lock().settled;
    loop {
        let now = || before + begun.elapsed().as_secs_f64();
        let failure = fill(study, setup, work, &mut running, now()).err();
        announce(study, setup, &mut announced);
        progress.tell(
            study.lock().trials(),
            &setup.evaluator.metric(),
            begun.elapsed().as_secs_f64(),
        );
        if let Some(e) = failure {
            // Nothing is lost: the trials so far stay, and the reason is on record.
            let mut state = study.lock();
            if state.trials().is_empty() {
                return Err(e);
            }
            state.ended = Some(format!("the strategy failed: {e}"));
        }
        if running == 0 {
            break;
        }
        let Ok(Done { number, result, seconds }) = done.recv() else { break };
        running -= 1;
        let at = now();
        study.lock().end(number, result, seconds, at);
    }
    let state = study.lock();
    progress.finish(state.trials(), &setup.evaluator.metric(), begun.elapsed().as_secs_f64());
    Ok(())
}

/// Asks for trials as long as the rules allow.
fn fill(
    study: &Study,
    setup: &Setup,
    work: &Sender<Trial>,
    running: &mut usize,
    elapsed: f64,
) -> Result<()> {
    let full = setup.evaluator.full();
    let mut state = study.lock();
    state.history.planned = setup.planned();
    loop {
        match state.next(&setup.protocol, full, elapsed) {
            Next::Wait => return Ok(()),
            Next::Over(reason) => {
                state.ended = Some(reason);
                return Ok(());
            }
            Next::Ask => {}
        }
        let Some(asked) = guarded(|| state.ask(&setup.strategy, &setup.protocol, full))? else {
            state.ended = Some(EXHAUSTED.to_string());
            return Ok(());
        };
        if asked.evaluate && work.send(asked.trial).is_ok() {
            *running += 1;
        }
    }
}

/// Calls the callbacks for the trials that have ended, in order.
fn announce(study: &Study, setup: &Setup, announced: &mut usize) {
    let ended: Vec<Trial> = {
        let state = study.lock();
        state.trials()[*announced..state.settled].to_vec()
    };
    *announced += ended.len();
    for trial in &ended {
        for callback in &setup.callbacks {
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
