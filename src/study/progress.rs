//! Progress while a study runs: a bar on a terminal (`bar.rs`), and otherwise whole lines on standard output, each after
//! a longer pause than the one before.
//!
//! evcxr adds a newline to all output and shows that of background threads only with the next cell. So
//! no line is drawn again, and only the thread that runs the cell writes.

use crate::bar::Bar;
use crate::record::{Protocol, Trial, best_of};
use crate::task::Metric;
use crate::words::{clock, human_seconds, number, plural, score};

/// When it is time for another line, and how long the work will take.
///
/// A line is due when a quarter of the time so far has passed since the last one, but at least a second
/// and at most two minutes: five minutes make twenty lines. The time left follows from the pace so
/// far, at which the share of the work that is done has grown on all cores together.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    told: f64,
    /// The time and the share of the work that was done at the beginning: what an earlier run did says
    /// nothing about the speed of this one.
    begun: Option<(f64, f64)>,
}

impl Pace {
    pub(crate) fn begin(&mut self, elapsed: f64, share: f64) {
        self.begun.get_or_insert((elapsed, share));
    }

    /// Whether a line is due; then it counts as written.
    pub(crate) fn due(&mut self, elapsed: f64) -> bool {
        let since = self.begun.map_or(0.0, |(at, _)| at);
        let due = elapsed - self.told.max(since) >= ((elapsed - since) / 4.0).clamp(1.0, 120.0);
        if due {
            self.told = elapsed;
        }
        due
    }

    /// The seconds that the rest of the work will take, if the pace can be told.
    pub(crate) fn left(&self, elapsed: f64, share: f64, rest: f64) -> Option<f64> {
        let (at, before) = self.begun?;
        let left = (elapsed - at) * rest / (share - before);
        (share > before && rest > 0.0 && left.is_finite()).then_some(left)
    }
}

pub(crate) struct Progress {
    quiet: bool,
    protocol: Protocol,
    bar: Bar,
    pace: Pace,
    /// When the last trial ended, and whether no line has been written since.
    last: f64,
    news: bool,
    /// After how many seconds without news a line says what the study waits for.
    waits: f64,
}

/// What a limit in seconds does not do.
pub(crate) const CANNOT_STOP: &str = "only a training can be stopped in the middle: time limits are looked at when an evaluation returns";

/// This many seconds in which no trial ends are worth a line.
const LONG: f64 = 30.0;

impl Progress {
    pub(crate) fn new(quiet: bool, protocol: &Protocol) -> Self {
        Progress {
            quiet,
            protocol: protocol.clone(),
            bar: Bar::new(!quiet),
            pace: Pace::default(),
            last: 0.0,
            news: false,
            waits: LONG,
        }
    }

    /// Says at the beginning that a limit in seconds cannot end an evaluation.
    pub(crate) fn cannot_stop(&self) {
        if !self.quiet {
            self.bar.line(CANNOT_STOP);
        }
    }

    /// A study with these trials begins or continues after this many seconds.
    pub(crate) fn begin(&mut self, trials: &[Trial], elapsed: f64) {
        self.pace.begin(elapsed, share(trials, &self.protocol));
        self.last = elapsed;
    }

    /// A trial has ended.
    pub(crate) fn ended(&mut self, elapsed: f64) {
        (self.last, self.news, self.waits) = (elapsed, true, LONG);
    }

    /// Writes a line of progress, if one is due.
    pub(crate) fn tell(&mut self, trials: &[Trial], metric: &Metric, elapsed: f64) {
        if self.bar.is_there() {
            let by_time = self.protocol.seconds.map_or(0.0, |limit| elapsed / limit);
            let done = || share(trials, &self.protocol).max(by_time);
            return self.bar.say(|| (done(), self.beside_bar(trials, metric, elapsed)));
        }
        if self.quiet || !self.news || !self.pace.due(elapsed) {
            return;
        }
        self.news = false;
        println!("{}", self.line_at(trials, metric, elapsed));
    }

    /// What is done, and the time that is left.
    fn line_at(&self, trials: &[Trial], metric: &Metric, elapsed: f64) -> String {
        let line = head(trials, &self.protocol, metric);
        match self.left(trials, elapsed) {
            Some(left) if left <= 0.0 => format!("{line}, {}", self.over(trials)),
            Some(left) => format!("{line}, about {} left", human_seconds(left)),
            None => line,
        }
    }

    /// The seconds until the end, as far as they are known.
    fn left(&self, trials: &[Trial], elapsed: f64) -> Option<f64> {
        let share = share(trials, &self.protocol);
        let by_time = self.protocol.seconds.map(|limit| limit - elapsed);
        let left = [self.pace.left(elapsed, share, 1.0 - share), by_time].into_iter().flatten();
        left.reduce(f64::min)
    }

    /// The same as a line, short enough to stand beside a bar.
    fn beside_bar(&self, trials: &[Trial], metric: &Metric, elapsed: f64) -> String {
        let mut text = count(trials, &self.protocol);
        if let Some(left) = self.left(trials, elapsed).filter(|left| *left > 0.0) {
            text += &format!(" · {} left", clock(left.max(1.0)));
        }
        if let Some(best) = best_of(trials.iter(), metric) {
            let value = score(best.score().unwrap_or(f64::NAN));
            text += &format!(" · best {} {value}", metric.name);
        }
        match trials.iter().filter(|t| t.error().is_some()).count() {
            0 => text,
            failed => format!("{text} · {failed} failed"),
        }
    }

    fn over(&self, trials: &[Trial]) -> String {
        let running = trials.iter().filter(|t| t.runs()).count();
        match running {
            0 => "the time limit is reached".to_string(),
            n => format!("the time limit is reached, waiting for {}", plural(n, "trial")),
        }
    }

    /// While no trial ends: says what the study waits for, at longer and longer intervals.
    pub(crate) fn wait(&mut self, trials: &[Trial], stopped: bool, elapsed: f64) {
        let waited = elapsed - self.last;
        if self.quiet || waited < self.waits {
            return;
        }
        self.waits = 2.0 * waited;
        let running: Vec<&Trial> = trials.iter().filter(|t| t.runs()).collect();
        let Some(first) = running.first() else { return };
        let more = match running.len() - 1 {
            0 => String::new(),
            n => format!(" and {n} more"),
        };
        let over = self.protocol.seconds.is_some_and(|limit| elapsed >= limit);
        let why = match (stopped, over) {
            (true, _) => "the study was told to stop, and waits",
            (_, true) => "the time limit is reached, and the study waits",
            _ => "no trial has ended",
        };
        self.bar.line(&format!(
            "{why} for {}: trial number {}{more} still running",
            human_seconds(waited.round()),
            first.number()
        ));
    }

    /// Does something that may print lines of its own.
    pub(crate) fn aside<T>(&self, f: impl FnOnce() -> T) -> T {
        self.bar.aside(f)
    }

    /// The progress of a study, without times.
    pub(crate) fn line(trials: &[Trial], protocol: &Protocol, metric: &Metric) -> String {
        head(trials, protocol, metric)
    }

    /// The closing line.
    pub(crate) fn finish(&self, trials: &[Trial], metric: &Metric, elapsed: f64) {
        if !self.quiet {
            let done = trials.iter().filter(|t| t.ended()).count();
            let done = plural(done, "trial");
            let (elapsed, summary) = (human_seconds(elapsed), summary(trials, metric));
            self.bar.line(&format!("{done} done in {elapsed}: {summary}"));
        }
    }
}

/// The share of its budget that a study has spent, by the limit that is nearest. Seconds do not count:
/// they do not measure what is done.
fn share(trials: &[Trial], protocol: &Protocol) -> f64 {
    Tally::of(trials).share(protocol)
}

/// What trials have spent of a budget.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    trials: usize,
    epochs: f64,
    seconds: f64,
}

impl Tally {
    /// Of all these that have ended.
    pub(crate) fn of(trials: &[Trial]) -> Tally {
        let mut spent = Tally::default();
        trials.iter().filter(|t| t.ended()).for_each(|t| spent.add(t));
        spent
    }

    pub(crate) fn add(&mut self, trial: &Trial) {
        self.trials += 1;
        self.epochs += trial.epochs_spent();
        self.seconds += trial.simulated_paid();
    }

    /// The share of the budget, at most 1; 0 where the only limit is in seconds.
    pub(crate) fn share(&self, protocol: &Protocol) -> f64 {
        let of = |spent: f64, limit: Option<f64>| limit.map_or(0.0, |limit| spent / limit);
        let trials = of(self.trials as f64, protocol.trials.map(|n| n as f64));
        let (epochs, seconds) =
            (of(self.epochs, protocol.epochs), of(self.seconds, protocol.simulated_seconds));
        trials.max(epochs).max(seconds).min(1.0)
    }
}

/// How many trials have ended, of how many or with how many of the epochs, and the best of them.
fn head(trials: &[Trial], protocol: &Protocol, metric: &Metric) -> String {
    format!("trials done {}: {}", count(trials, protocol), summary(trials, metric))
}

fn count(trials: &[Trial], protocol: &Protocol) -> String {
    let done = trials.iter().filter(|t| t.ended()).count();
    // Trials of different lengths are not counted against epochs.
    let of = match (protocol.trials, protocol.epochs) {
        (Some(n), _) => format!("/{n}"),
        (None, Some(limit)) => {
            let spent = Tally::of(trials).epochs;
            format!(", {} of {} epochs", number(spent), number(limit))
        }
        (None, None) => String::new(),
    };
    format!("{done}{of}")
}

fn summary(trials: &[Trial], metric: &Metric) -> String {
    let failed = trials.iter().filter(|t| t.error().is_some()).count();
    let failures = if failed > 0 { format!(", {failed} failed") } else { String::new() };
    match best_of(trials.iter(), metric) {
        Some(best) => format!(
            "best {} {}, by trial number {}{failures}",
            metric.name,
            score(best.score().unwrap_or(f64::NAN)),
            best.number()
        ),
        // If all trials fail, the reason is better known early.
        None => match trials.iter().find_map(Trial::error) {
            Some(why) => {
                format!("none has a result, {failed} failed, the first one because: {why}")
            }
            None => "none has a result yet".to_string(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::{Space, Study, evaluator};

    #[test]
    fn a_forecast_falls_while_the_pace_stays() {
        let mut pace = Pace::default();
        pace.begin(10.0, 0.2);
        assert_eq!(pace.left(10.0, 0.2, 0.8), None);
        // A tenth takes 30 seconds, whatever was done before.
        let at = |i: i32| {
            let (elapsed, share) = (10.0 + 30.0 * f64::from(i), 0.2 + 0.1 * f64::from(i));
            pace.left(elapsed, share, 1.0 - share)
        };
        let left: Vec<f64> = (1..=7).filter_map(at).collect();
        for (left, tenths) in left.iter().zip([7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0]) {
            assert!((left - 30.0 * tenths).abs() < 1e-6, "{left} for {tenths}");
        }
        assert_eq!(pace.left(500.0, 1.0, 0.0), None);
    }

    #[test]
    fn epochs_are_counted_where_they_are_the_budget() {
        let metric = Metric { name: "accuracy".into(), maximise: true };
        let line = |protocol: Protocol| Progress::line(&[], &protocol, &metric);
        let space = Space::decisions([2]);
        let plan = Study::new(&space, evaluator(|_, _| 0.0));
        let none = Protocol { trials: None, ..plan.protocol() };
        assert_eq!(line(none.clone()), "trials done 0: none has a result yet");
        let by_epochs = Protocol { epochs: Some(400.0), ..none.clone() };
        assert_eq!(line(by_epochs), "trials done 0, 0 of 400 epochs: none has a result yet");
        let by_trials = Protocol { trials: Some(10), ..none };
        assert_eq!(line(by_trials), "trials done 0/10: none has a result yet");
    }

    #[test]
    fn lines_become_rarer() {
        let lines = |seconds: usize| {
            let mut pace = Pace::default();
            pace.begin(0.0, 0.0);
            (0..10 * seconds).filter(|tenth| pace.due(*tenth as f64 / 10.0)).count()
        };
        assert_eq!(lines(2), 1);
        assert!((10..=20).contains(&lines(300)), "{}", lines(300));
        assert!((40..=60).contains(&lines(3600)), "{}", lines(3600));
    }
}
