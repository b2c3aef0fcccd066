//! Lines of progress while a study runs: whole lines on standard output, at most one per second.
//!
//! evcxr adds a newline to everything it is sent and shows background threads' output only with
//! the next cell, so there is no redrawing, and only the thread that runs the cell writes.

use crate::chart::theme::{human_seconds, score};
use crate::study::{Protocol, Trial, best_of};
use crate::task::Metric;

/// Seconds between two lines.
const PAUSE: f64 = 1.0;

pub(crate) struct Progress {
    quiet: bool,
    of: Option<usize>,
    limit: Option<f64>,
    told: f64,
    before: Option<usize>,
}

impl Progress {
    pub(crate) fn new(quiet: bool, protocol: &Protocol, planned: usize) -> Self {
        let counted = protocol.trials.is_some() || protocol.epochs.is_some();
        let of = counted.then_some(planned);
        Progress { quiet, of, limit: protocol.seconds, told: 0.0, before: None }
    }

    /// Tells where the study is, if it is time to.
    pub(crate) fn tell(&mut self, trials: &[Trial], metric: &Metric, elapsed: f64) {
        let done = || trials.iter().filter(|t| t.ended()).count();
        // Trials of an earlier run say nothing about the speed of this one.
        let before = *self.before.get_or_insert_with(done);
        if self.quiet || elapsed - self.told < PAUSE {
            return;
        }
        let done = done();
        if done <= before {
            return;
        }
        self.told = elapsed;
        let of = self.of.map_or(String::new(), |n| format!("/{n}"));
        let by_trials = self
            .of
            .filter(|n| *n > done)
            .map(|n| elapsed / (done - before) as f64 * (n - done) as f64);
        let by_time = self.limit.map(|limit| (limit - elapsed).max(0.0));
        let left = [by_trials, by_time].into_iter().flatten().reduce(f64::min);
        let left = left.map_or(String::new(), |s| format!(", about {} left", human_seconds(s)));
        println!("trial {done}{of}: {}{left}", summary(trials, metric));
    }

    /// Where a study is, without times.
    pub(crate) fn line(trials: &[Trial], protocol: &Protocol, metric: &Metric) -> String {
        let done = trials.iter().filter(|t| t.ended()).count();
        let of = protocol.trials.map_or(String::new(), |n| format!("/{n}"));
        format!("trial {done}{of}: {}", summary(trials, metric))
    }

    /// The closing line.
    pub(crate) fn finish(&self, trials: &[Trial], metric: &Metric, elapsed: f64) {
        if !self.quiet {
            let done = trials.iter().filter(|t| t.ended()).count();
            println!("{done} trials, {}: {}", human_seconds(elapsed), summary(trials, metric));
        }
    }
}

fn summary(trials: &[Trial], metric: &Metric) -> String {
    let failed = trials.iter().filter(|t| t.error().is_some()).count();
    let failures = if failed > 0 { format!(", {failed} failed") } else { String::new() };
    match best_of(trials.iter(), metric) {
        Some(best) => format!(
            "best {} {} (trial {}){failures}",
            metric.name,
            score(best.score().unwrap_or(f64::NAN)),
            best.number()
        ),
        None => format!("no trial has finished yet{failures}"),
    }
}
