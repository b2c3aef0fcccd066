//! The loop on threads: keeps as many trials running as the batch and the number of jobs allow.

use super::Study;
use super::journal::{self, Event};
use super::{Ended, Fault};
use crate::error::{Error, ErrorKind, Result};
use crate::evaluate::{Checkpoint, Evaluation, Evaluator, Watch};
use crate::interrupt::{self, Front};
use crate::record::{Cost, Trial};
use crate::rng::child;
use crate::study::progress::Progress;
use crate::threads::{STACK, with_share};
use crate::words::plural;
use std::cell::Cell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, Once};
use std::time::{Duration, Instant};

/// How often progress is checked while no trial ends.
const LOOK: Duration = Duration::from_millis(500);

/// What became of an evaluation.
pub(super) struct Done {
    number: usize,
    pub(super) result: Result<Evaluation>,
    /// The seed of the attempt that counts.
    pub(super) seed: u64,
    pub(super) cost: Cost,
}

/// Runs a study to its end. One that is `drawn` prints no lines.
pub(super) fn run(study: &Study, drawn: bool) -> Result<()> {
    let _front = Front::of(&study.stop, || study.in_words());
    let outcome = interrupt::under(&study.stop, || run_until(study, Goal::Budget, drawn));
    // A study inside of an evaluation that was told to stop is no result, whatever is made of it.
    let _ = Watch::current().check();
    outcome
}

/// Evaluates only the trials in which a process may have ended, one at a time.
pub(super) fn try_suspects(study: &Study) -> Result<()> {
    run_until(study, Goal::Suspects, true)
}

#[derive(Clone, Copy, PartialEq)]
enum Goal {
    Budget,
    Suspects,
}

/// Up to where, and whether no lines are printed.
type How = (Goal, bool);

fn run_until(study: &Study, goal: Goal, drawn: bool) -> Result<()> {
    let (setup, how) = (&*study.setup, (goal, drawn));
    let begun = Instant::now();
    let before = {
        let mut state = study.lock();
        state.seconds = state.elapsed();
        state.by_hand = None;
        state.run_since = Some(begun);
        state.earlier = state.settled();
        state.seconds
    };
    let outcome = with_share(setup.threads(), || match setup.alone() {
        true => coordinate(study, &mut Crew::Alone(study, VecDeque::new()), how, begun, before),
        false => on_threads(study, how, begun, before),
    });
    let seconds = {
        let mut state = study.lock();
        state.seconds = before + begun.elapsed().as_secs_f64();
        state.run_since = None;
        // Nobody is working on the trials that it leaves open.
        state.hand_out_again();
        state.seconds
    };
    let reason = study.ended();
    // This also closes the journal and releases its lock.
    if let (Some(mut journal), Goal::Budget) = (study.leave(), goal) {
        let closed = journal.write(&Event::Stopped { reason, seconds });
        if let (Err(e), true) = (closed, study.broke_off().is_none()) {
            study.lock().ended = Some(Ended::Journal(e.to_string()));
        }
    }
    outcome
}

/// Who evaluates the trials.
enum Crew<'s> {
    /// The coordinating thread itself: waking another one takes longer than looking up a result.
    Alone(&'s Study, VecDeque<Trial>),
    Threads(Sender<Trial>, Receiver<Done>),
}

impl Crew<'_> {
    /// Hands over a trial; returns whether it will be evaluated.
    fn start(&mut self, trial: Trial) -> bool {
        match self {
            Crew::Alone(_, queue) => {
                queue.push_back(trial);
                true
            }
            Crew::Threads(work, _) => work.send(trial).is_ok(),
        }
    }

    /// Waits for a trial to end, and calls `meanwhile` now and then.
    fn wait(&mut self, mut meanwhile: impl FnMut()) -> Option<Done> {
        match self {
            Crew::Alone(study, queue) => queue.pop_front().map(|trial| evaluate(study, &trial)),
            Crew::Threads(_, done) => loop {
                match done.recv_timeout(LOOK) {
                    Ok(done) => return Some(done),
                    Err(RecvTimeoutError::Timeout) => meanwhile(),
                    Err(RecvTimeoutError::Disconnected) => return None,
                }
            },
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

/// The crew has its own threads instead of a pool of rayon. A trial writes to the journal and waits for
/// its lock, and a worker of a pool may begin another trial while it waits, inside the first one.
fn on_threads(study: &Study, how: How, begun: Instant, before: f64) -> Result<()> {
    let setup = &*study.setup;
    let (work, todo) = channel::<Trial>();
    let todo = Mutex::new(todo);
    let (report, done) = channel::<Done>();
    std::thread::scope(|scope| {
        for _ in 0..setup.threads() {
            let (todo, report) = (&todo, report.clone());
            let worker = std::thread::Builder::new().stack_size(STACK).name("trial".into());
            let spawned = worker
                .spawn_scoped(scope, move || with_share(1, || work_off(todo, &report, study)));
            if let Err(e) = spawned {
                drop(work);
                return Err(Error::from(e).context(format!("starting {} threads", setup.threads())));
            }
        }
        // At the end the crew is dropped, and with it the channel that the workers listen to.
        coordinate(study, &mut Crew::Threads(work, done), how, begun, before)
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

fn coordinate(
    study: &Study,
    crew: &mut Crew,
    (goal, drawn): How,
    begun: Instant,
    before: f64,
) -> Result<()> {
    let setup = &*study.setup;
    let now = || before + begun.elapsed().as_secs_f64();
    // The evaluator may be a user's code: it is asked once, and never under the lock.
    let (whole, planned, metric) =
        guarded(|| Ok((setup.evaluator.whole(0), setup.planned(), setup.evaluator.metric())))?;
    let threads = setup.threads();
    let mut progress = Progress::new(setup.quiet || drawn, &setup.protocol);
    if setup.cannot_stop() {
        progress.cannot_stop();
    }
    progress.begin(&study.lock().history.shared(), now());
    // What the evaluator has not said is shown by the first trial, which runs alone.
    let by_epochs = setup.protocol.epochs.is_some() && whole.is_open();
    let unshown = || by_epochs && !study.lock().has_shown_its_cost();
    let mut first = unshown() || study.unsure_figures()?;
    // First come the trials in which a process may have ended, one at a time, and then the others that
    // were asked for and have not ended.
    let (mut suspects, mut open): (VecDeque<Trial>, VecDeque<Trial>) = {
        let state = study.lock();
        let open = state.trials().iter().filter(|t| t.runs());
        open.cloned().partition(|t| state.suspects.contains(&t.number()))
    };
    let mut running = 0;
    let mut alone = false;
    loop {
        let mut more = false;
        alone &= running > 0;
        while !alone && running < if first { 1 } else { threads } {
            if study.stop.asked() {
                study.lock().ended = Some(Ended::by(&study.stop));
                break;
            }
            if let Some(trial) = suspects.pop_front() {
                running += usize::from(crew.start(trial));
                alone = true;
                break;
            }
            if goal == Goal::Suspects {
                break;
            }
            if let Some(trial) = open.pop_front() {
                running += usize::from(crew.start(trial));
                continue;
            }
            let asked = match study.ask_next(whole, planned, now()) {
                Ok(Some(asked)) => asked,
                Ok(None) => break,
                Err(fault) => {
                    // Nothing is lost: the trials so far stay, and the reason is on record.
                    let mut state = study.lock();
                    if state.trials().is_empty() {
                        return Err(fault.into());
                    }
                    state.ended = Some(match fault {
                        Fault::Journal(e) => Ended::Journal(e.to_string()),
                        Fault::Strategy(e) => Ended::Strategy(e.to_string()),
                    });
                    break;
                }
            };
            if !asked.evaluate {
                // The result is already known: callbacks and progress get their turn in between.
                more = true;
                progress.ended(now());
                break;
            }
            running += usize::from(crew.start(asked.trial));
        }
        match setup.callbacks.is_empty() {
            true => announce(study),
            false => progress.aside(|| announce(study)),
        }
        let trials = study.lock().history.shared();
        progress.tell(&trials, &metric, now());
        drop(trials);
        let meanwhile = || {
            let stopped = study.stop.asked();
            progress.wait(&study.lock().history.shared(), stopped, now());
        };
        let next = match (more, running) {
            (true, _) => crew.ready(),
            (false, 0) => break,
            (false, _) => crew.wait(meanwhile),
        };
        if let Some(Done { number, result, seed, cost }) = next {
            running -= 1;
            progress.ended(now());
            if result.as_ref().is_err_and(|e| e.kind() == ErrorKind::Stopped) {
                // It stays open until the study continues.
                continue;
            }
            if let Err(e) = study.end(number, result, seed, cost, now()) {
                study.lock().ended = Some(Ended::Journal(e.to_string()));
            }
            first = unshown();
            if let Some(path) = checkpoint(study, number).filter(|path| Checkpoint::is_at(path)) {
                let _ = std::fs::remove_file(path);
            }
        }
    }
    let trials = study.lock().history.shared();
    progress.finish(&trials, &metric, begun.elapsed().as_secs_f64());
    Ok(())
}

/// Calls the callbacks for the trials that have ended, in order.
pub(super) fn announce(study: &Study) {
    let ended: Vec<Trial> = {
        let mut state = study.lock();
        let settled = state.settled();
        let from = std::mem::replace(&mut state.announced, settled);
        if study.setup.callbacks.is_empty() {
            return;
        }
        state.trials()[from..settled].to_vec()
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
    let desk = study.desk.lock().unwrap_or_else(|e| e.into_inner());
    let kept = desk.journal.as_ref().filter(|_| study.setup.checkpoints);
    kept.map(|journal| journal.checkpoint(trial))
}

/// Evaluates a trial, again after a failure if the protocol says so; a panic becomes an error.
pub(super) fn evaluate(study: &Study, trial: &Trial) -> Done {
    let setup = &*study.setup;
    let (number, begun, limit) = (trial.number(), Instant::now(), setup.protocol.trial_seconds);
    let first = trial.0.budget.seed();
    if setup.foreign()
        && let Err(e) = study.note(|| Some(journal::begins(number)))
    {
        study.lock().ended = Some(Ended::Journal(e.to_string()));
        let result = Err(Error::new(ErrorKind::Stopped, e.to_string()));
        return Done { number, result, seed: first, cost: Cost::default() };
    }
    let note = study.clone();
    let tell = Arc::new(move |epoch, score: f64, loss: f64| {
        let finite = |v: f64| v.is_finite().then_some(v);
        let (score, loss) = (finite(score), finite(loss));
        // Epochs are counted from 1: a 0 would mean that the evaluation begins.
        if epoch == 0 {
            return;
        }
        note.pulse.epoch(number, epoch, score);
        // A journal that cannot be written is noticed when the trial ends.
        let _ = note.note(|| Some(Event::Epoch { trial: number, epoch, score, loss }));
    });
    let ancestor = study.lock().ancestor(trial.inherits());
    let (mut retries, mut lost_seconds) = (0, 0.0);
    loop {
        let seed = match retries {
            0 => first,
            n => child(first, "retry", n as u64),
        };
        let attempt_begun = Instant::now();
        let watch = Watch::stopped_by(&study.stop)
            .limit(limit)
            .telling(tell.clone())
            .keeping(checkpoint(study, number))
            .shelving(Some(setup.shelf()))
            .inheriting(ancestor.clone(), trial.0.heritable);
        let budget = trial.0.budget.seeded(seed);
        let result = guarded(|| {
            watch.check()?;
            watch
                .during(|| setup.evaluator.evaluate_watched(&trial.0.architecture, &budget, &watch))
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
        let spent = result.as_ref().ok().and_then(Evaluation::seconds_spent);
        let spent = spent.filter(|s| s.is_finite() && *s >= 0.0).unwrap_or(0.0);
        let mut ended = None;
        if failed && retries + 1 < trial.0.attempts {
            ended = over(study, lost_seconds + spent);
            if ended.is_none() {
                retries += 1;
                lost_seconds += spent;
                continue;
            }
        }
        if failed {
            lost_seconds += spent;
        }
        let result = match (retries, ended) {
            (0, None) => result,
            (n, ended) => result.map_err(|e| match (e.kind(), ended) {
                (ErrorKind::Stopped, _) => e,
                (_, None) => e.context(format!("after {} attempts", n + 1)),
                (_, Some(why)) => {
                    e.context(format!("after {}, because {why}", plural(n + 1, "attempt")))
                }
            }),
        };
        study.pulse.ended(number);
        let (seconds, memory) = (begun.elapsed().as_secs_f64(), watch.measured());
        let cost = Cost { seconds, memory, retries, lost_seconds };
        return Done { number, result, seed, cost };
    }
}

/// The limit that keeps a failed trial from being evaluated again, if one is reached. Whether enough
/// epochs are left was decided when the trial was asked for.
fn over(study: &Study, simulated: f64) -> Option<Ended> {
    let protocol = &study.setup.protocol;
    let reached = |limit: Option<f64>, spent: f64| limit.filter(|&limit| spent >= limit);
    if let Some(limit) = reached(protocol.seconds, study.lock().elapsed()) {
        return Some(Ended::Seconds(limit));
    }
    reached(protocol.simulated_seconds, simulated).map(Ended::SimulatedSeconds)
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
        let panic = match panic.downcast::<Error>() {
            // Told to stop in the middle.
            Ok(e) => return Err(*e),
            Err(panic) => panic,
        };
        let text = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("without a message");
        Err(Error::new(ErrorKind::User, format!("a panic: {text}")))
    })
}
