//! How a study looks while it runs: what is done and what is left, the best score so far, the learning curves of
//! the trials that run, and the last failures.

use super::progress::{CANNOT_STOP, Pace, Tally};
use super::{Study, guarded};
use crate::chart::{Chart, Curve, LearningCurves, Progress};
use crate::draw::Draw;
use crate::error::Result;
use crate::evaluate::Evaluator;
use crate::live::{Scene, Stage};
use crate::record::{Trial, best_of};
use crate::strategy::Strategy;
use crate::task::Metric;
use crate::words::{capital, clock, plural, score};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};

/// What is heard of trials while they run. Nothing is kept unless somebody looks.
#[derive(Default)]
pub(super) struct Pulse {
    watched: AtomicBool,
    beats: AtomicU64,
    /// The scores by epoch, of the trials that run.
    curves: Mutex<BTreeMap<usize, Vec<f64>>>,
}

/// A longer curve is not kept: nobody could see it.
const LONGEST: usize = 100_000;

impl Pulse {
    fn curves(&self) -> MutexGuard<'_, BTreeMap<usize, Vec<f64>>> {
        self.curves.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// A trial has reached the end of an epoch, counted from 1, with this score if there is one.
    pub(super) fn epoch(&self, trial: usize, epoch: usize, score: Option<f64>) {
        if !self.watched.load(Ordering::Relaxed) || epoch > LONGEST {
            return;
        }
        let mut curves = self.curves();
        let curve = curves.entry(trial).or_default();
        // A training that goes on where another one was begins later; a second attempt begins anew.
        curve.resize(epoch, f64::NAN);
        curve[epoch - 1] = score.unwrap_or(f64::NAN);
        self.beats.fetch_add(1, Ordering::Relaxed);
    }

    /// A trial has ended.
    pub(super) fn ended(&self, trial: usize) {
        if self.watched.load(Ordering::Relaxed) {
            self.curves().remove(&trial);
            self.beats.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Begins to draw a study in the output of its cell, where that is possible and wanted.
pub(super) fn open(study: &Study, wanted: bool, at_once: bool) -> Option<Stage> {
    if !wanted {
        return None;
    }
    let scene = || {
        study.pulse.watched.store(true, Ordering::Relaxed);
        let scene: Box<dyn Scene> = Box::new(Going::new(study));
        scene
    };
    Stage::open(scene, at_once)
}

/// Puts the report in the place of the pictures before it.
pub(super) fn close(stage: Option<Stage>, study: &Study, outcome: &Result<()>) {
    let Some(stage) = stage else { return };
    study.pulse.watched.store(false, Ordering::Relaxed);
    // The description of an evaluator or a strategy is a user's code.
    match outcome.clone().and_then(|()| guarded(|| Ok(Draw::both(study)))) {
        Ok(report) => stage.finish(report),
        Err(_) => stage.clear(),
    }
}

/// A study that runs.
struct Going {
    study: Study,
    pace: Pace,
}

/// Finished trials whose curves are drawn behind those of the trials that run.
const BEHIND: usize = 60;
/// The failures that are shown, the last ones, and how many letters of each.
const FAILURES: usize = 3;
const LETTERS: usize = 240;

impl Going {
    fn new(study: &Study) -> Going {
        let mut pace = Pace::default();
        let (trials, elapsed) = Going::state(study);
        pace.begin(elapsed, Tally::of(&trials).share(&study.setup.protocol));
        Going { study: study.clone(), pace }
    }

    /// The trials that have been asked for, and the seconds so far. The lock is held for a moment only.
    fn state(study: &Study) -> (Vec<Trial>, f64) {
        let (shared, elapsed) = {
            let state = study.lock();
            (state.history.shared(), state.elapsed())
        };
        (shared.to_vec(), elapsed)
    }

    /// The line at the bar: what is done, and the time.
    fn says(&self, trials: &[Trial], share: f64, elapsed: f64) -> (f64, String) {
        let protocol = &self.study.setup.protocol;
        let done = trials.iter().filter(|t| t.ended()).count();
        let mut says = match protocol.trials {
            Some(of) => format!("{done} of {}", plural(of, "trial")),
            None => plural(done, "trial"),
        };
        let running = trials.iter().filter(|t| t.runs()).count();
        if running > 0 {
            says += &format!(", {running} running");
        }
        says += &format!(" · {}", clock(elapsed));
        let by_time = protocol.seconds.map(|limit| (limit - elapsed).max(0.0));
        let left = [self.pace.left(elapsed, share, 1.0 - share), by_time].into_iter().flatten();
        match left.reduce(f64::min) {
            Some(left) if left > 0.0 => {
                says += &format!(" · about {} left", clock(left.max(1.0)));
            }
            Some(_) => says += " · the time limit is reached",
            None => {}
        }
        let over_time = protocol.seconds.map_or(0.0, |limit| elapsed / limit);
        (share.max(over_time).min(1.0), says)
    }

    fn facts(&self, trials: &[Trial], metric: &Metric) -> Vec<(String, String)> {
        let mut facts = vec![];
        if let Some(best) = best_of(trials.iter(), metric) {
            let value = score(best.score().unwrap_or(f64::NAN));
            let text = format!("{value}, trial {}", best.number());
            facts.push((format!("best {} so far", metric.name), text));
        }
        let failed = trials.iter().filter(|t| t.error().is_some()).count();
        if failed > 0 {
            facts.push(("failed".into(), plural(failed, "trial")));
        }
        facts
    }

    /// What goes wrong, or holds it up.
    fn notices(&self, trials: &[Trial]) -> Vec<String> {
        let study = &self.study;
        let running: Vec<&Trial> = trials.iter().filter(|t| t.runs()).collect();
        let mut notices = vec![];
        if study.setup.cannot_stop() {
            notices.push(CANNOT_STOP.to_string());
        }
        if study.stop.asked() {
            let waits = match running[..] {
                [] => String::new(),
                [one] => format!(" It waits for trial {}.", one.number()),
                [first, ..] => {
                    format!(" It waits for {} trials, first {}.", running.len(), first.number())
                }
            };
            notices.push(format!("The study was told to stop.{waits}"));
        }
        let failed = trials.iter().rev().filter_map(|t| Some((t.number(), t.error()?)));
        notices.extend(failed.take(FAILURES).map(|(n, why)| {
            let short: String = why.chars().take(LETTERS).collect();
            let more = if short.len() < why.len() { " …" } else { "" };
            format!("Trial {n} failed: {short}{more}")
        }));
        notices
    }

    /// The curves of the trials that run, before those of the last that have finished.
    fn curves(&self, trials: &[Trial], metric: &Metric) -> Option<Chart> {
        let live = self.study.pulse.curves().clone();
        if live.is_empty() {
            return None;
        }
        let curve = |name: String, highlight: bool, values: Vec<f64>| {
            let drawn = values.iter().any(|v| v.is_finite());
            drawn.then_some(Curve { name, highlight, values })
        };
        let finished = trials.iter().rev().filter_map(|t| Some((t.number(), t.finished()?)));
        let mut curves: Vec<Curve> = finished
            .filter_map(|(n, found)| curve(format!("trial {n}"), false, found.curve()))
            .take(BEHIND)
            .collect();
        let running = live.into_iter();
        curves.extend(running.filter_map(|(n, values)| curve(format!("trial {n}"), true, values)));
        let some = curves.iter().any(|c| c.highlight);
        let Metric { name: metric, maximise } = metric.clone();
        let chart = || LearningCurves { metric, maximise, x: "epoch".into(), curves };
        some.then(|| Chart::new(chart()))
    }

    fn picture(&self) -> Progress {
        let (study, setup) = (&self.study, &*self.study.setup);
        let (trials, elapsed) = Going::state(study);
        let metric = study.metric();
        let (share, says) = self.says(&trials, Tally::of(&trials).share(&setup.protocol), elapsed);
        let mut charts = vec![study.best_of_these(&trials, crate::chart::Axis::Trials)];
        charts.extend(self.curves(&trials, &metric));
        Progress {
            title: capital(&setup.strategy.describe(setup.planned())),
            subtitle: setup.evaluator.describe(),
            share: Some(share),
            says,
            facts: self.facts(&trials, &metric),
            notices: self.notices(&trials),
            charts,
        }
    }
}

impl Scene for Going {
    fn news(&self) -> u64 {
        let state = self.study.lock();
        let trials = (state.trials().len() + state.settled()) as u64;
        let beats = self.study.pulse.beats.load(Ordering::Relaxed);
        trials + beats + u64::from(self.study.stop.asked())
    }

    fn draw(&mut self) -> (String, String) {
        let picture = guarded(|| Ok(self.picture())).unwrap_or_default();
        (picture.html(), picture.plain())
    }
}

impl Study {
    /// What it is, and where its results are kept, for whoever thinks of stopping it.
    pub(super) fn in_words(&self) -> [String; 2] {
        let what = guarded(|| Ok(self.setup.strategy.describe(self.setup.planned())));
        let kept = self.setup.journal.as_ref().map_or(String::new(), |path| {
            let path = path.display();
            format!("All that has ended is in the journal {path}, and the study can be resumed from there.")
        });
        [what.unwrap_or_else(|_| "a study".into()), kept]
    }
}
