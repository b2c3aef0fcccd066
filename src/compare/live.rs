//! How a comparison looks while it runs: how much of it is done, and the curves of its strategies so far.
//!
//! All its studies run side by side, and each tells after every trial what it has come to. A strategy of which no
//! study has ended yet is drawn by those that run, as far as all of them have come.

use super::record::Run;
use super::{Against, Compare, Comparison, Spent, studies};
use crate::chart::{Chart, Progress};
use crate::draw::Draw;
use crate::error::Result;
use crate::evaluate::Evaluator;
use crate::live::{Scene, Stage};
use crate::record::Trial;
use crate::study::progress::{Pace, Tally};
use crate::study::{Study, guarded};
use crate::words::{clock, plural};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

/// What is heard of the studies of a comparison while they run. Copies hear the same.
#[derive(Clone, Default)]
pub(super) struct Pulse(Arc<Mutex<Heard>>);

#[derive(Default)]
struct Heard {
    /// How much is done of each study that is to be run, from 0 to 1.
    shares: Vec<f64>,
    threads: usize,
    /// How many studies there are, with those that are done already.
    total: usize,
    done: Vec<Run>,
    /// The trials of those that run, by strategy and seed.
    going: BTreeMap<(usize, u64), Vec<Trial>>,
    /// Whether somebody looks at them.
    watched: bool,
    news: u64,
}

impl Pulse {
    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// So many studies are to be run on so many threads, besides those that are done.
    pub(super) fn begin(&self, todo: usize, threads: usize, done: &[Run]) {
        let mut heard = self.heard();
        let before = heard.done.len();
        (heard.shares, heard.threads) = (vec![0.0; todo], threads);
        heard.total = before + todo + done.len();
        if heard.watched {
            heard.done.extend(done.iter().cloned());
        }
    }

    /// A study has ended.
    pub(super) fn ended(&self, number: usize, run: Option<&Run>) {
        let mut heard = self.heard();
        heard.news += 1;
        if let Some(share) = heard.shares.get_mut(number) {
            *share = 1.0;
        }
        if let Some(run) = run {
            heard.going.remove(&(run.strategy, run.seed));
            if heard.watched {
                heard.done.push(run.clone());
            }
        }
    }

    pub(super) fn shares(&self) -> Vec<f64> {
        self.heard().shares.clone()
    }

    /// The study, telling after each trial how much of it is done.
    pub(super) fn watch(&self, number: usize, strategy: usize, study: &Study) -> Study {
        let (pulse, protocol) = (self.clone(), study.protocol());
        let spent = Mutex::new(Tally::default());
        study.on_trial(move |trial| {
            let mut spent = spent.lock().unwrap_or_else(|e| e.into_inner());
            spent.add(trial);
            let mut heard = pulse.heard();
            heard.news += 1;
            if let Some(share) = heard.shares.get_mut(number) {
                *share = spent.share(&protocol);
            }
            if heard.watched {
                heard.going.entry((strategy, protocol.seed)).or_default().push(trial.clone());
            }
        })
    }
}

/// The share that is done of all studies, and what is left as a share of the time: a study is on one core, so the
/// last ones take as long as the longest of them.
pub(super) fn rest(shares: &[f64], threads: usize) -> (f64, f64) {
    let n = shares.len().max(1) as f64;
    let share = shares.iter().sum::<f64>() / n;
    let longest = shares.iter().fold(0.0f64, |most, share| most.max(1.0 - share));
    (share, (1.0 - share).max(longest * threads as f64 / n))
}

/// What is drawn of a comparison besides the bar.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum View {
    /// The mean over the seeds against trials.
    Curves,
    /// What each came to on each seed, where a study is one evaluation.
    Ends,
}

/// Begins to draw a comparison in the output of its cell, where that is possible and wanted.
pub(super) fn open(compare: &Compare, pulse: &Pulse, view: View, title: &str) -> Option<Stage> {
    if compare.quiet {
        return None;
    }
    let scene = || {
        pulse.heard().watched = true;
        let (compare, names) = (compare.clone(), compare.names());
        let (pulse, title) = (pulse.clone(), title.to_string());
        let (begun, pace, chart) = (Instant::now(), Pace::default(), None);
        let scene: Box<dyn Scene> =
            Box::new(Going { compare, names, pulse, title, view, begun, pace, chart });
        scene
    };
    Stage::open(scene, false)
}

/// Puts the report in the place of the pictures before it.
pub(super) fn close(stage: Option<Stage>, outcome: &Result<impl Draw>) {
    let Some(stage) = stage else { return };
    match outcome {
        Ok(found) => stage.finish(found.both()),
        Err(_) => stage.clear(),
    }
}

/// A comparison that runs.
struct Going {
    compare: Compare,
    names: Vec<String>,
    pulse: Pulse,
    title: String,
    view: View,
    begun: Instant,
    pace: Pace,
    /// The chart of so many trials and studies.
    chart: Option<(usize, Chart)>,
}

impl Going {
    /// The studies that have ended, and as much of the others as can be compared.
    fn so_far(&self) -> (usize, Vec<Run>) {
        let (mut runs, going) = {
            let heard = self.pulse.heard();
            (heard.done.clone(), heard.going.clone())
        };
        let report = self.compare.report.as_deref();
        let further = self.compare.plan.protocol().objectives;
        let ended = runs.len();
        for strategy in 0..self.names.len() {
            if runs[..ended].iter().any(|run| run.strategy == strategy) {
                continue;
            }
            let those: Vec<(u64, &Vec<Trial>)> =
                going.iter().filter(|(of, _)| of.0 == strategy).map(|(of, t)| (of.1, t)).collect();
            let common = those.iter().map(|(_, trials)| trials.len()).min().unwrap_or(0);
            let part = |(seed, trials): (u64, &Vec<Trial>)| {
                Run::of_trials(&trials[..common], strategy, seed, report, &further)
            };
            runs.extend(those.into_iter().filter(|_| common > 0).map(part));
        }
        (runs.iter().map(|run| 1 + run.scores.len()).sum(), runs)
    }

    fn draw_chart(&mut self) -> Option<Chart> {
        let (size, runs) = self.so_far();
        if runs.is_empty() {
            return None;
        }
        if self.chart.as_ref().is_none_or(|(before, _)| *before != size) {
            let mut seeds: Vec<u64> = runs.iter().map(|run| run.seed).collect();
            seeds.sort_unstable();
            seeds.dedup();
            let spent = Spent { seconds: 0.0, threads: 1, kept: 0, planned: seeds.len() };
            let found = Comparison::of(&self.compare, self.names.clone(), runs, seeds, spent);
            let chart = match self.view {
                View::Curves => found.curves(Against::Trials),
                View::Ends => found.spread(),
            };
            self.chart = Some((size, chart));
        }
        self.chart.as_ref().map(|(_, chart)| chart.clone())
    }

    fn picture(&mut self) -> Progress {
        let elapsed = self.begun.elapsed().as_secs_f64();
        let (shares, threads, total, running) = {
            let heard = self.pulse.heard();
            (heard.shares.clone(), heard.threads, heard.total, heard.going.len())
        };
        let (share, rest) = rest(&shares, threads);
        self.pace.begin(elapsed, share);
        let todo = shares.iter().filter(|share| **share < 1.0).count();
        let what = match self.view {
            View::Curves => studies(total),
            View::Ends => plural(total, "evaluation"),
        };
        let mut says = format!("{} of {what}", total - todo.min(total));
        if running > 0 {
            says += &format!(", {running} running");
        }
        says += &format!(" · {}", clock(elapsed));
        if let Some(left) = self.pace.left(elapsed, share, rest) {
            says += &format!(" · about {} left", clock(left.max(1.0)));
        }
        // With what was done before.
        let before = total.saturating_sub(shares.len()) as f64;
        let share = (before + share * shares.len() as f64) / total.max(1) as f64;
        Progress {
            title: self.title.clone(),
            subtitle: self.compare.plan.evaluator().describe(),
            share: Some(share),
            says,
            charts: self.draw_chart().into_iter().collect(),
            ..Progress::default()
        }
    }
}

impl Scene for Going {
    fn news(&self) -> u64 {
        self.pulse.heard().news
    }

    fn draw(&mut self) -> (String, String) {
        let picture = guarded(|| Ok(self.picture())).unwrap_or_default();
        (picture.html(), picture.plain())
    }
}
