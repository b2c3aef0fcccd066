//! When each trial ran, and what the strategy did in between.
//!
//! A trial that was measured began as long before its end as its evaluation took. One that was looked up in a table took
//! no time, but has simulated seconds, so its place follows from the rule of a study: with `batch(q)`, trial n begins when
//! trials 0 to n - q have ended, and q run at once.

use super::Study;
use crate::chart::{Chart, Stretch, Timeline};
use crate::evaluate::{Evaluation, Evaluator};
use crate::record::Trial;
use crate::strategy::Strategy;
use crate::words::plural;

impl Study {
    /// The trials over time, as bars in one lane for each that ran at the same time, and when the strategy thought as far as
    /// that is known: it is not kept in journals. Of a study on a table, the time is the simulated one, on as many workers
    /// as the batch has trials; the chart says which of both it is.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let table = NasBench201::cifar10();
    /// let study = Study::new(&table.space(), &table).batch(4).trials(20).quiet().run()?;
    /// assert!(study.timeline().plain().contains("simulated"));
    /// # Ok::<(), nascent::Error>(())
    /// ```
    pub fn timeline(&self) -> Chart {
        let trials = self.trials_done();
        let simulated = trials.iter().any(|t| t.simulated_paid() > 0.0);
        let (times, thoughts, shown) = match simulated {
            true => {
                let q = self.protocol().batch.max(1);
                let on = format!("simulated seconds, on {}", plural(q, "worker"));
                (simulate(&trials, q), vec![], on)
            }
            false => {
                let thoughts: Vec<(f64, f64)> = trials.iter().filter_map(thought).collect();
                let known = match thoughts.is_empty() {
                    true => ", without the strategy's time",
                    false => "",
                };
                let on = plural(self.setup.threads(), "thread");
                (lanes(&trials), thoughts, format!("measured, {on}{known}"))
            }
        };
        let last = self.last_epoch(&trials);
        let stretch = |(t, (lane, begin, end)): (&Trial, (usize, f64, f64))| Stretch {
            number: t.number(),
            name: t.architecture().to_text(),
            lane,
            begin,
            end,
            failed: t.error().is_some(),
            stopped: t.score().is_some() && (Some(t.depth()) < last || stopped_early(t)),
            reused: t.reused_from().is_some(),
        };
        let trials = trials.iter().zip(times).map(stretch).collect();
        Chart::new(Timeline { shown, trials, thoughts })
    }

    /// After how many epochs a training is at its end: with a schedule, the full number, even where no trial came so far.
    pub(super) fn last_epoch(&self, trials: &[Trial]) -> Option<usize> {
        let deepest = trials.iter().filter(|t| t.score().is_some()).map(Trial::depth).max();
        match Strategy::is_schedule(&self.setup.strategy) {
            true => deepest.max(Some(self.setup.evaluator.full())),
            false => deepest,
        }
    }

    /// What a chart says where no trial of a schedule has come to its last epoch.
    pub(super) fn short_of(&self, deepest: usize) -> Option<String> {
        let full = self.setup.evaluator.full();
        let schedule = Strategy::is_schedule(&self.setup.strategy);
        (schedule && (1..full).contains(&deepest))
            .then(|| format!("scores after {deepest} of {full} epochs"))
    }
}

/// Whether an evaluation ended before the epochs that it was given.
pub(super) fn stopped_early(trial: &Trial) -> bool {
    let spent = trial.finished().and_then(Evaluation::epochs_spent);
    spent.is_some_and(|epochs| epochs < trial.depth() as f64)
}

/// When a trial was evaluated.
fn measured(trial: &Trial) -> (f64, f64) {
    let (end, seconds) = (trial.0.at.max(0.0), trial.0.cost.seconds.max(0.0));
    let seconds = if trial.reused_from().is_some() { 0.0 } else { seconds };
    ((end - seconds).max(0.0), end)
}

/// When the strategy thought of a trial: right before it began.
fn thought(trial: &Trial) -> Option<(f64, f64)> {
    let (begin, _) = measured(trial);
    let from = (begin - trial.overhead()).max(0.0);
    (trial.overhead() > 0.0).then_some((from, begin))
}

/// Lane, begin and end of each trial: the first lane that is free at its begin.
fn lanes(trials: &[Trial]) -> Vec<(usize, f64, f64)> {
    let mut order: Vec<usize> = (0..trials.len()).collect();
    let begin = |i: &usize| measured(&trials[*i]).0;
    order.sort_by(|a, b| begin(a).total_cmp(&begin(b)));
    let mut free: Vec<f64> = vec![];
    let mut found = vec![(0, 0.0, 0.0); trials.len()];
    for i in order {
        let (begin, end) = measured(&trials[i]);
        if trials[i].reused_from().is_some() {
            found[i] = (0, begin, end);
            continue;
        }
        // Clocks of threads are read one after the other.
        let slack = 1e-3 * (end - begin);
        let lane = free.iter().position(|f| *f <= begin + slack).unwrap_or(free.len());
        if lane == free.len() {
            free.push(0.0);
        }
        free[lane] = end;
        found[i] = (lane, begin, end);
    }
    found
}

/// The same in simulated seconds, with `q` workers.
fn simulate(trials: &[Trial], q: usize) -> Vec<(usize, f64, f64)> {
    let mut free = vec![0.0f64; q.min(trials.len().max(1))];
    let (mut ends, mut known, mut asked) = (vec![], 0.0f64, 0.0f64);
    let mut found: Vec<(usize, f64, f64)> = vec![];
    for (n, trial) in trials.iter().enumerate() {
        if let Some(end) = n.checked_sub(q).and_then(|i| ends.get(i)) {
            known = known.max(*end);
        }
        let lane = (0..free.len()).fold(0, |a, b| if free[b] < free[a] { b } else { a });
        let begin = match trial.reused_from() {
            Some(_) => known.max(asked),
            None => known.max(asked).max(free[lane]),
        };
        let seconds = if trial.reused_from().is_some() { 0.0 } else { trial.simulated_paid() };
        // A result is taken over when it is there.
        let place = |number| trials[..n].binary_search_by_key(&number, Trial::number).ok();
        let source = trial.reused_from().and_then(place).map_or(0.0, |i| ends[i]);
        let end = (begin + seconds.max(0.0)).max(source);
        let begin = if trial.reused_from().is_some() { end } else { begin };
        if trial.reused_from().is_none() {
            (free[lane], asked) = (end, begin);
        }
        ends.push(end);
        found.push((lane, begin, end));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::ChartData;
    use crate::evaluate::{NasBench201, evaluator};
    use crate::space::Space;

    fn of(study: &Study) -> Timeline {
        match study.timeline().data() {
            ChartData::Timeline(timeline) => timeline,
            _ => panic!("another chart"),
        }
    }

    #[test]
    fn no_two_trials_of_a_lane_overlap() {
        let space = Space::decisions([30, 30]);
        let slow = evaluator(|a, _| {
            std::thread::sleep(std::time::Duration::from_millis(3 + u64::from(a.decisions()[0])));
            f64::from(a.decisions()[1])
        });
        let study = Study::new(&space, slow).batch(3).jobs(3).trials(24).quiet().run().unwrap();
        let table = NasBench201::cifar10();
        let looked_up =
            Study::new(&table.space(), &table).batch(3).trials(50).quiet().run().unwrap();
        for (study, word) in
            [(study, "measured, 3 threads"), (looked_up, "simulated seconds, on 3 workers")]
        {
            let timeline = of(&study);
            assert_eq!(timeline.shown, word);
            assert_eq!(timeline.trials.len(), study.trials_done().len());
            let mut bars: Vec<&Stretch> = timeline.trials.iter().filter(|t| !t.reused).collect();
            bars.sort_by(|a, b| a.begin.total_cmp(&b.begin));
            assert!(bars.iter().all(|b| b.lane < 3), "{bars:?}");
            for (i, a) in bars.iter().enumerate() {
                let next = bars[i + 1..].iter().find(|b| b.lane == a.lane);
                let slack = 1e-3 * (a.end - a.begin) + 1e-4;
                assert!(next.is_none_or(|b| b.begin >= a.end - slack), "{a:?} and {next:?}");
            }
        }
    }

    #[test]
    fn simulated_trials_wait_for_their_batch() {
        // One at a time: each begins where the one before has ended.
        let table = NasBench201::cifar10();
        let study = Study::new(&table.space(), &table).batch(1).trials(20).quiet().run().unwrap();
        let timeline = of(&study);
        let bars: Vec<&Stretch> = timeline.trials.iter().filter(|t| !t.reused).collect();
        assert!(bars.windows(2).all(|pair| pair[1].begin == pair[0].end), "{bars:?}");
        let whole: f64 = study.trials_done().iter().map(Trial::simulated_paid).sum();
        assert!((bars[bars.len() - 1].end - whole).abs() < 1e-6 * whole);
        assert!(timeline.thoughts.is_empty());
    }
}
