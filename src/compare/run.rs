//! The studies of a comparison on all cores: each is sequential, so they run side by side.
//!
//! Seed by seed, all strategies with one seed before any with the next: what has been done at any time is
//! a fair comparison on fewer seeds.

use super::journal::{Header, Journal, damaged, of_study};
use super::live::{Pulse, rest};
use super::record::Run;
use super::{Compare, Comparison, Spent};
use crate::bar::Bar;
use crate::error::{Error, ErrorKind, Result};
use crate::evaluate::{Evaluator, Watch};
use crate::fidelity::from_json;
use crate::interrupt::{self, Front, Stop};
use crate::strategy::{AnyStrategy, Strategy};
use crate::study::progress::Pace;
use crate::study::{Ended, Study, guarded};
use crate::threads::{MOST_THREADS, cores, pool};
use crate::words::human_seconds;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Runs it, and tells the pulse of all that happens. One that is `drawn` prints no lines.
///
/// If it is interrupted, what has been done is a comparison on fewer seeds: those with which all strategies have
/// come to their end.
pub(super) fn run(compare: &Compare, pulse: &Pulse, drawn: bool) -> Result<Comparison> {
    let stop = interrupt::stop_here().unwrap_or_default();
    let _front = Front::of(&stop, || in_words(compare));
    let found = interrupt::under(&stop, || run_under(&stop, compare, pulse, drawn));
    // A comparison inside of an evaluation that was told to stop is no result, whatever is made of it.
    let _ = Watch::current().check();
    found
}

/// What it is, and where its results are kept, for whoever thinks of stopping it.
fn in_words(compare: &Compare) -> [String; 2] {
    let what = format!("the comparison of {}", super::many(compare.strategies.len()));
    let kept = compare.journal.as_ref().map_or(String::new(), |path| {
        format!(
            "All that has ended is in the journal {}: run the comparison again to go on.",
            path.display()
        )
    });
    [what, kept]
}

fn run_under(
    stop: &Arc<Stop>,
    compare: &Compare,
    pulse: &Pulse,
    drawn: bool,
) -> Result<Comparison> {
    let begun = Instant::now();
    let (names, quiet) = (compare.names(), compare.quiet || drawn);
    let header = header(compare, &names);
    let mut done: Vec<Run> = vec![];
    let mut journal = None;
    if let Some(path) = &compare.journal {
        let (open, runs, torn) = Journal::open(path, &header)?;
        if let (Some(torn), false) = (torn, compare.quiet) {
            println!("{torn}");
        }
        journal = Some(open);
        done = runs;
        belong(compare, &names, &done, path)?;
    }

    let seeds = compare.all_seeds();
    done.retain(|run| seeds.contains(&run.seed));
    let known: std::collections::HashSet<(u64, usize)> =
        done.iter().map(|run| (run.seed, run.strategy)).collect();
    let todo: Vec<(u64, usize)> = seeds
        .iter()
        .flat_map(|&seed| (0..names.len()).map(move |strategy| (seed, strategy)))
        .filter(|job| !known.contains(job))
        .collect();
    let threads = compare.threads().min(todo.len().max(1));
    // A study that cannot be continued is reported before any other is run.
    let ready = take_up(compare, &names, &todo).and_then(|()| pool(threads, "compare"));
    let pool = match ready {
        Ok(pool) => pool,
        Err(e) => {
            journal.into_iter().for_each(Journal::abandon);
            return Err(e);
        }
    };
    let total = seeds.len() * names.len();
    let kept = done.len();
    if kept > 0 && !quiet {
        println!("{kept} of {} from the journal", super::studies(total));
    }
    let mut progress = Progress::new(threads, Bar::new(!quiet));
    pulse.begin(todo.len(), threads, &done);
    let (halt, next) = (AtomicBool::new(false), Mutex::new(todo.iter().enumerate()));
    let mut failure: Option<Error> = None;
    let (report, ended) = channel::<Result<Run>>();
    let (names, halt, next) = (&names, &halt, &next);
    // Each thread of the pool takes one study after the other. As jobs of the pool, studies could be
    // begun by a thread that is in the middle of another and is waiting for a part of its work.
    let work = move || {
        while !halt.load(Ordering::Relaxed) && !stop.asked() {
            let job = next.lock().unwrap_or_else(|e| e.into_inner()).next();
            let Some((number, &(seed, strategy))) = job else { return };
            let run = || guarded(|| one(compare, names, strategy, seed, (pulse, number)));
            let run = interrupt::under(stop, run);
            if let Ok(run) = &run {
                pulse.ended(number, run.as_ref());
            }
            // At once: this thread would begin the next study before the failure is read.
            if run.is_err() {
                halt.store(true, Ordering::Relaxed);
            }
            let Some(run) = run.transpose() else { return };
            if report.send(run).is_err() {
                return;
            }
        }
    };
    pool.in_place_scope(|scope| {
        scope.spawn_broadcast(move |_, _| work());
        loop {
            match ended.recv_timeout(Duration::from_millis(200)) {
                Ok(Ok(run)) => {
                    let written = journal.as_mut().map_or(Ok(()), |journal| journal.write(&run));
                    done.push(run);
                    if let Err(e) = written {
                        failure.get_or_insert(e);
                        halt.store(true, Ordering::Relaxed);
                    }
                }
                Ok(Err(e)) => {
                    failure.get_or_insert(e);
                    halt.store(true, Ordering::Relaxed);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if !quiet {
                progress.tell(pulse, begun.elapsed().as_secs_f64(), (done.len(), total));
            }
        }
    });
    if let Some(journal) = journal.as_mut() {
        journal.close()?;
    }
    if let Some(e) = failure {
        return Err(e);
    }
    if !quiet {
        let seconds = human_seconds(begun.elapsed().as_secs_f64());
        progress.bar.line(&format!("{} done in {seconds}", super::studies(done.len())));
    }
    let planned = seeds.len();
    let seeds = whole(seeds, &done, names.len());
    if seeds.is_empty() {
        let told = stop.told();
        let text =
            "the comparison has no seed yet with which all strategies have come to their end";
        let [_, kept] = in_words(compare);
        return Err(Error::new(told.kind(), format!("{told}: {text}. {kept}").trim_end()));
    }
    done.retain(|run| seeds.contains(&run.seed));
    let kept = kept.min(done.len());
    let spent = Spent { seconds: begun.elapsed().as_secs_f64(), threads, kept, planned };
    Ok(Comparison::of(compare, names.clone(), done, seeds, spent))
}

/// The seeds with which all strategies have come to their end.
fn whole(seeds: Vec<u64>, done: &[Run], strategies: usize) -> Vec<u64> {
    if done.len() == seeds.len() * strategies {
        return seeds;
    }
    let all = |seed: &u64| done.iter().filter(|run| run.seed == *seed).count() == strategies;
    seeds.into_iter().filter(all).collect()
}

/// Checks that the studies in the journal are of this comparison; only its header may have been kept, or it may
/// have come from another one.
fn belong(compare: &Compare, names: &[String], done: &[Run], path: &Path) -> Result<()> {
    let protocol = compare.plan.protocol();
    let most = protocol.trials.unwrap_or(usize::MAX);
    let wrong = |run: &Run| -> Option<String> {
        let n = run.scores.len();
        if run.strategy >= names.len() {
            Some(format!("it is of strategy {} of {}", run.strategy + 1, names.len()))
        } else if n > most {
            Some(format!("it has {n} trials, and the budget is {most}"))
        } else if n < most && matches!(run.ended, Ended::Trials(_)) {
            // It came to the end of a different budget.
            Some(format!("it has {n} trials and ended with them, and the budget is {most}"))
        } else if run.reports.len() != if compare.report.is_some() { n } else { 0 } {
            Some("it does not have the figure that is reported".to_string())
        } else if run.further.len() != if protocol.objectives.is_empty() { 0 } else { n } {
            Some("it does not have the objectives".to_string())
        } else {
            None
        }
    };
    let found = done.iter().enumerate().find_map(|(i, run)| Some((i, wrong(run)?)));
    found.map_or(Ok(()), |(i, why)| Err(damaged(path, i + 2, &why)))
}

/// Opens the journals of the studies that were under way, and evaluates what may have ended the
/// process with nothing else running beside it.
fn take_up(compare: &Compare, names: &[String], todo: &[(u64, usize)]) -> Result<()> {
    for &(seed, strategy) in todo {
        let there = study_path(compare, names, strategy, seed).filter(|path| path.exists());
        let Some(path) = there else { continue };
        let study = study(compare, names, strategy, seed);
        guarded(|| study.try_suspects()).map_err(|e| {
            let e = e.context(format!("{} with seed {seed}", names[strategy]));
            match e.kind() {
                ErrorKind::Invalid => Error::new(
                    ErrorKind::Invalid,
                    format!(
                        "{e} It was left by another comparison: to start afresh here, delete {} and \
                         others like it.",
                        path.display()
                    ),
                ),
                _ => e,
            }
        })?;
    }
    Ok(())
}

/// Where a study keeps its own journal, if it is worth having one.
fn study_path(compare: &Compare, names: &[String], strategy: usize, seed: u64) -> Option<PathBuf> {
    let slow = !compare.plan.evaluator().looks_up();
    let path = compare.journal.as_ref().filter(|_| slow)?;
    Some(of_study(path, &names[strategy], seed))
}

fn study(compare: &Compare, names: &[String], strategy: usize, seed: u64) -> Study {
    // An instance of its own, so that studies side by side do not wait for each other's memory.
    let shared: &AnyStrategy = &compare.strategies[strategy].1;
    let own = shared.to_json().and_then(|json| from_json(&json)).unwrap_or_else(|| shared.clone());
    let study = compare.plan.strategy(own).seed(seed).jobs(1).quiet();
    let study = study.reporting(compare.report.clone());
    match study_path(compare, names, strategy, seed) {
        Some(path) => study.journal(path).strict(),
        None => study,
    }
}

/// Lines of progress, by the trials of all studies: too few studies have ended to tell the
/// pace.
struct Progress {
    bar: Bar,
    threads: usize,
    pace: Pace,
    /// When it was last looked at.
    looked: f64,
    /// When the share that is done last grew, and to what; and whether that has been reported.
    grown: (f64, f64),
    news: bool,
    /// After how many seconds without news we say so.
    waits: f64,
}

/// Seconds between two looks at all shares.
const LOOK: f64 = 0.2;
/// This many seconds in which no trial ends are worth a line.
const LONG: f64 = 30.0;

impl Progress {
    fn new(threads: usize, bar: Bar) -> Progress {
        let pace = Pace::default();
        Progress { bar, threads, pace, looked: -LOOK, grown: (0.0, 0.0), news: false, waits: LONG }
    }

    fn tell(&mut self, pulse: &Pulse, elapsed: f64, (done, total): (usize, usize)) {
        if elapsed - self.looked < LOOK {
            return;
        }
        self.looked = elapsed;
        let (share, rest) = rest(&pulse.shares(), self.threads);
        self.pace.begin(elapsed, share);
        if share > self.grown.1 {
            (self.grown, self.news, self.waits) = ((elapsed, share), true, LONG);
        }
        let waited = elapsed - self.grown.0;
        let left = self.pace.left(elapsed, share, rest);
        let left = left.map_or(String::new(), |s| format!(", about {} left", human_seconds(s)));
        if self.bar.is_there() {
            self.bar.say(|| (share, format!("of the trials, studies done {done}/{total}{left}")));
        } else if self.news && self.pace.due(elapsed) {
            self.news = false;
            let percent = (100.0 * share) as usize;
            println!("studies done {done}/{total}, {percent} % of the trials{left}");
        } else if waited >= self.waits {
            self.waits = 2.0 * waited;
            let running = super::studies(self.threads.min(total - done));
            println!(
                "studies done {done}/{total}; no trial has ended for {}, {running} still running",
                human_seconds(waited.round())
            );
        }
    }
}

/// One study: a pure function of its strategy and seed.
fn one(
    compare: &Compare,
    names: &[String],
    strategy: usize,
    seed: u64,
    (pulse, number): (&Pulse, usize),
) -> Result<Option<Run>> {
    let named = |e: Error| e.context(format!("{} with seed {seed}", names[strategy]));
    let mut study = study(compare, names, strategy, seed);
    if !compare.quiet {
        study = pulse.watch(number, strategy, &study);
    }
    let study = study.run().map_err(named)?;
    // What was broken off is not a result: if kept, it would be taken for one when the comparison continues.
    match study.broke_off() {
        Some(why) if why.may_go_on() => Ok(None),
        Some(why) => Err(named(Error::new(ErrorKind::User, why))),
        None => {
            let run = Run::of(&study, strategy, seed, compare.report.as_deref());
            reported(compare, &study, &run)?;
            Ok(Some(run))
        }
    }
}

/// Checks that the figure to be reported exists, so that the first study says so, and not the last.
fn reported(compare: &Compare, study: &Study, run: &Run) -> Result<()> {
    let finished = study.trials_done().into_iter().find(|t| t.score().is_some());
    let (Some(figure), Some(trial)) = (&compare.report, finished) else { return Ok(()) };
    if run.reports.iter().any(Option::is_some) {
        return Ok(());
    }
    if let Some(why) = trial.evaluation().and_then(|found| found.undefined(figure)) {
        return Err(Error::invalid(
            format!("reporting({figure:?})"),
            format!("it is undefined in every trial: {why}"),
            "another figure, or data in which it is defined",
        ));
    }
    let known = trial.finished().map(|found| crate::record::objectives::known(found, &trial));
    Err(Error::invalid(
        format!("reporting({figure:?})"),
        "no evaluation has such a figure",
        known.unwrap_or_default().join(", "),
    ))
}

/// What the results depend on, except for the seeds: a comparison may be given more of them.
fn header(compare: &Compare, names: &[String]) -> Header {
    let plan = &compare.plan;
    let (protocol, evaluator) = (plan.protocol(), plan.evaluator());
    let fixed = [
        ("version", format!("nascent {}", env!("CARGO_PKG_VERSION"))),
        ("space", format!("{:016x}", plan.space().fingerprint())),
        ("evaluator", evaluator.describe()),
        ("data", format!("{:016x}", evaluator.data_fingerprint())),
        ("metric", evaluator.metric().to_string()),
        ("full budget", format!("{} epochs", evaluator.full())),
        ("report", compare.report.clone().unwrap_or_default()),
        ("budget", protocol.written_limits()),
        ("batch", protocol.batch.to_string()),
        ("key", format!("{:?}", protocol.key)),
        ("failures", format!("{:?}", protocol.on_failure)),
        ("limits of a trial", format!("{:?} {:?}", protocol.trial_seconds, protocol.memory)),
        ("objectives", format!("{:?}", protocol.objectives)),
        ("duplicates", protocol.duplicates.word().to_string()),
    ];
    let mut setup = fixed.map(|(what, value)| (what.to_string(), value)).to_vec();
    for (i, (name, (_, strategy))) in names.iter().zip(&compare.strategies).enumerate() {
        let settings = strategy.to_json().unwrap_or_else(|| strategy.describe(plan.planned()));
        setup.push((format!("strategy {i}"), format!("{name}: {settings}")));
    }
    Header::new(setup, evaluator.to_json().is_some())
}

impl Compare {
    fn threads(&self) -> usize {
        self.jobs.map_or_else(cores, |n| n.max(1) as usize).clamp(1, MOST_THREADS)
    }
}
