//! What a search cost: epochs, multiply-adds, time, and by stated factors energy and CO2e.
//!
//! ```text
//! multiply-adds = 3 x (multiply-adds of a forward pass) x samples x epochs, summed over the trials
//! energy        = watts x (seconds of evaluations and of the strategy, summed over threads)
//! CO2e          = energy x grams per kWh
//! ```
//!
//! A backward pass takes about twice a forward pass: the gradient by the inputs and that by the weights. Watts are
//! those of one busy thread with its share of the machine. 15 is a desktop's 60 W over four cores; for a GPU, its power
//! limit is a better figure. 475 g per kWh is the world's electricity of 2018 (International Energy Agency, "Global
//! Energy & CO2 Status Report 2019"); Strubell, Ganesh and McCallum, arXiv 1906.02243, on why to say it at all.

use super::Study;
use super::timeline::stopped_early;
use crate::chart::{Chart, CostBill, CostPart, Report, Spent};
use crate::evaluate::Evaluator;
use crate::fidelity::chains_of;
use crate::record::Trial;
use crate::rng::Rng;
use crate::strategy::Strategy;
use crate::words::{human_count, human_seconds, plural};
use std::fmt;

/// Watts of a busy thread, and grams of CO2e per kWh, unless others are given.
const WATTS: f64 = 15.0;
const GRAMS: f64 = 475.0;
/// Passes that a step of training is worth.
const PASSES: f64 = 3.0;
/// How many architectures are drawn for the forecast.
const DRAWS: usize = 12;

/// What a study has cost, and what it was forecast to cost from its first measured trial; see [`Study::bill`].
#[derive(Clone, PartialEq)]
#[must_use = "methods return a new value and leave this one as it is"]
#[doc(alias("cost", "carbon", "energy"))]
pub struct Bill {
    trials: usize,
    epochs: f64,
    multiply_adds: Option<f64>,
    seconds: f64,
    simulated: f64,
    thought: f64,
    forecast: Option<f64>,
    /// Of the seconds, those of trials that failed.
    failed: f64,
    /// What the threads had together from begin to end.
    available: f64,
    threads: usize,
    /// What the epochs were spent on.
    by: Spending,
    watts: f64,
    grams: f64,
}

/// Epochs by what became of the trainings that they were spent on.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Spending {
    /// Trained to the end in one trial.
    whole: f64,
    /// Trained to the end in several trials, each of which went on with the one before.
    steps: f64,
    /// Stopped before its end.
    stopped: f64,
    failed: f64,
}

/// The seconds that an evaluation really took; none where it was looked up.
fn measured(trial: &Trial) -> f64 {
    let simulated = trial.finished().is_some_and(|e| e.seconds_spent().is_some());
    if simulated { 0.0 } else { trial.0.cost.seconds }
}

/// Adds up the epochs of trials; after `end` of them a training is at its end.
fn spending(trials: &[Trial], end: Option<usize>) -> Spending {
    let mut by = Spending::default();
    for chain in chains_of(trials) {
        let of = |n: &usize| &trials[*n];
        let (failed, done): (Vec<&Trial>, Vec<&Trial>) =
            chain.iter().map(of).partition(|t| t.error().is_some());
        by.failed += failed.into_iter().map(Trial::epochs_spent).sum::<f64>();
        let epochs: f64 = done.iter().map(|t| t.epochs_spent()).sum();
        let Some(last) = done.last() else { continue };
        let to_the_end = Some(last.depth()) >= end && !stopped_early(last);
        let place = match (to_the_end, done.len()) {
            (true, 1) => &mut by.whole,
            (true, _) => &mut by.steps,
            (false, _) => &mut by.stopped,
        };
        *place += epochs;
    }
    by
}

impl Study {
    /// What the trials so far have cost.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let digits = Dataset::digits().take(200);
    /// let space = Space::on(&digits).then(flatten()).then(linear(any([4, 8])));
    /// let study = Study::new(&space, Train::on(&digits).epochs(2)).trials(2).quiet().run()?;
    /// let bill = study.bill().watts(65.0);
    /// assert_eq!(bill.epochs(), 4.0);
    /// assert!(bill.watt_hours() > 0.0 && bill.multiply_adds() > Some(0.0));
    /// println!("{bill}");
    /// # Ok::<(), nascent::Error>(())
    /// ```
    pub fn bill(&self) -> Bill {
        let trials = self.trials_done();
        let own: Vec<&Trial> = trials.iter().filter(|t| t.reused_from().is_none()).collect();
        let adds = |t: &&Trial| Some(self.multiply_adds(t)? * t.epochs_spent());
        let sum = |of: &dyn Fn(&Trial) -> f64| own.iter().map(|t| of(t)).sum::<f64>();
        Bill {
            trials: trials.len(),
            epochs: self.epochs_paid(),
            // An empty sum is -0.
            multiply_adds: own.iter().map(adds).sum::<Option<f64>>().map(|sum| sum + 0.0),
            seconds: sum(&measured),
            simulated: sum(&Trial::simulated_paid),
            thought: trials.iter().map(Trial::overhead).sum(),
            forecast: self.forecast(&own, trials.len() - own.len()),
            failed: own.iter().filter(|t| t.error().is_some()).map(|t| measured(t)).sum(),
            available: self.seconds_run() * self.setup.threads() as f64,
            threads: self.setup.threads(),
            by: spending(&trials, self.last_epoch(&trials)),
            watts: WATTS,
            grams: GRAMS,
        }
    }

    /// What an epoch of a trial takes.
    fn multiply_adds(&self, trial: &Trial) -> Option<f64> {
        let samples = self.setup.evaluator.samples()? as f64;
        Some(PASSES * samples * trial.architecture().macs() as f64)
    }

    /// The seconds of all planned trials together: the pace of the first measured trial, for architectures of the
    /// mean size. Trials that were reused are known to take nothing.
    fn forecast(&self, own: &[&Trial], reused: usize) -> Option<f64> {
        // A schedule says itself how many epochs a trial has.
        if Strategy::is_schedule(&self.setup.strategy) && self.setup.protocol.epochs.is_none() {
            return None;
        }
        let first = own.iter().find(|t| t.finished().is_some() && t.simulated_paid() == 0.0)?;
        let pace = first.seconds_spent() / (self.multiply_adds(first)? * first.epochs_spent());
        let s = &*self.setup;
        let mut rng = Rng::from_u64(s.protocol.seed).stream("bill", 0);
        let drawn: Vec<f64> =
            (0..DRAWS).filter_map(|_| Some(s.space.sample(&mut rng).ok()?.macs() as f64)).collect();
        let mean = drawn.iter().sum::<f64>() / drawn.len().max(1) as f64;
        let epochs = match s.protocol.epochs {
            Some(epochs) => epochs,
            None => (s.planned().saturating_sub(reused) * s.evaluator.full().max(1)) as f64,
        };
        let seconds = pace * PASSES * s.evaluator.samples()? as f64 * mean * epochs;
        seconds.is_finite().then_some(seconds)
    }
}

impl Bill {
    /// With the watts of one busy thread.
    pub fn watts(&self, watts: f64) -> Bill {
        Bill { watts, ..self.clone() }
    }

    /// With the grams of CO2e of a kWh.
    pub fn grams_per_kwh(&self, grams: f64) -> Bill {
        Bill { grams, ..self.clone() }
    }

    /// The epochs that were paid for.
    pub fn epochs(&self) -> f64 {
        self.epochs
    }

    /// The multiply-adds of training; `None` where the evaluator does not say how many samples an epoch has, as a
    /// table.
    #[doc(alias = "macs")]
    pub fn multiply_adds(&self) -> Option<f64> {
        self.multiply_adds
    }

    /// The seconds that evaluations took, summed over threads.
    pub fn seconds(&self) -> f64 {
        self.seconds
    }

    /// The seconds that looked-up evaluations would have taken.
    pub fn simulated_seconds(&self) -> f64 {
        self.simulated
    }

    /// The seconds that the strategy took to propose.
    pub fn overhead(&self) -> f64 {
        self.thought
    }

    /// What all planned trials were forecast to take, in seconds summed over threads, from the pace of the first
    /// measured trial; `None` where nothing was measured.
    pub fn forecast(&self) -> Option<f64> {
        self.forecast
    }

    /// The energy, in Wh: of what really ran, so without simulated seconds.
    pub fn watt_hours(&self) -> f64 {
        self.watts * (self.seconds + self.thought) / 3600.0
    }

    /// The CO2e of that energy, in grams.
    pub fn grams_of_co2e(&self) -> f64 {
        self.watt_hours() / 1000.0 * self.grams
    }

    /// What is known of it, in words.
    pub(super) fn lines(&self) -> Vec<(String, String)> {
        let mut lines: Vec<(String, String)> = vec![];
        let mut say = |what: &str, text: String| lines.push((what.to_string(), text));
        if let Some(adds) = self.multiply_adds {
            say("multiply-adds", format!("{} in training", human_count(adds)));
        }
        if self.seconds > 0.0 {
            let forecast = self.forecast.map_or(String::new(), |f| {
                format!(", {} forecast by the first trial for the whole plan", human_seconds(f))
            });
            say("evaluations", format!("{}{forecast}", human_seconds(self.seconds)));
        }
        if self.watt_hours() > 0.0 {
            let (energy, grams) =
                (amount(self.watt_hours(), "Wh"), amount(self.grams_of_co2e(), "g"));
            let factors = format!("at {} W a thread and {} g/kWh", self.watts, self.grams);
            say("energy", format!("{energy}, {grams} CO2e, {factors}"));
        }
        lines
    }

    /// Where the time and the epochs went, as a chart: seconds of evaluations, of the strategy, and the rest, in which
    /// threads waited or the study wrote its journal; epochs by whether the trainings came to their end, were stopped before
    /// it, or failed; and what looked-up evaluations would have taken. The forecast is beside the
    /// bill.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let table = Mnist1dBench::table();
    /// let study = Study::new(&table.space(), &table).strategy(SuccessiveHalving::new()).trials(13).quiet().run()?;
    /// assert!(study.bill().chart().plain().contains("stopped early"));
    /// # Ok::<(), nascent::Error>(())
    /// ```
    pub fn chart(&self) -> Chart {
        let part = |name: &str, amount: f64| CostPart { name: name.into(), amount };
        let known = self.seconds + self.thought;
        let seconds = Spent {
            name: "time, summed over threads".into(),
            seconds: true,
            parts: vec![
                part("evaluations that finished", self.seconds - self.failed),
                part("evaluations that failed", self.failed),
                part("strategy", self.thought),
                part("waiting and all the rest", self.available - known),
            ],
            // It is a forecast of the evaluations alone, so without one the whole would say nothing.
            forecast: self.forecast,
        };
        let simulated = Spent {
            name: "simulated time".into(),
            seconds: true,
            parts: vec![part("evaluations that were looked up", self.simulated)],
            forecast: None,
        };
        let epochs = Spent {
            name: "epochs".into(),
            seconds: false,
            parts: vec![
                part("to the end, in one go", self.by.whole),
                part("to the end, in steps", self.by.steps),
                part("stopped early", self.by.stopped),
                part("failed", self.by.failed),
            ],
            forecast: None,
        };
        let shown = format!("{}, {}", plural(self.trials, "trial"), plural(self.threads, "thread"));
        Chart::new(CostBill { shown, spent: vec![seconds, simulated, epochs] })
    }

    /// The whole in one block.
    pub fn report(&self) -> Report {
        let mut facts = vec![("epochs paid".to_string(), human_count(self.epochs))];
        facts.extend(self.lines());
        if self.simulated > 0.0 {
            facts.push(("simulated time".into(), human_seconds(self.simulated)));
        }
        facts.push(("strategy".into(), human_seconds(self.thought)));
        Report {
            title: format!("The bill of {}", plural(self.trials, "trial")),
            subtitle: "seconds are summed over threads".into(),
            facts,
            notices: vec![],
            charts: vec![self.chart()],
        }
    }
}

impl fmt::Display for Bill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.report().plain())
    }
}

crate::draw::debug_as_display!(Bill);

/// A little of something in a unit that shows it.
fn amount(value: f64, unit: &str) -> String {
    match value {
        v if v >= 0.1 => format!("{} {unit}", human_count(v)),
        v if v >= 1e-4 => format!("{} m{unit}", human_count(v * 1e3)),
        v if v >= 1e-7 => format!("{} µ{unit}", human_count(v * 1e6)),
        _ => format!("under 0.1 µ{unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::Mnist1dBench;
    use crate::fidelity::SuccessiveHalving;

    #[test]
    fn epochs_are_told_by_what_became_of_their_trainings() {
        let table = Mnist1dBench::table();
        let halving = SuccessiveHalving::new();
        let study =
            Study::new(&table.space(), &table).strategy(halving).trials(40).batch(1).quiet();
        let study = study.run().unwrap();
        let bill = study.bill();
        let Spending { whole, steps, stopped, failed } = bill.by;
        assert!((whole + steps + stopped + failed - bill.epochs()).abs() < 1e-9, "{:?}", bill.by);
        assert!(steps > 0.0 && stopped > 0.0 && failed == 0.0, "{:?}", bill.by);
        // Nothing was measured, though a trial that goes on stands for more seconds than it paid.
        assert!(bill.seconds() == 0.0 && bill.simulated_seconds() > 0.0, "{bill}");
    }

    #[test]
    fn a_little_is_not_nothing() {
        let said = |v| super::amount(v, "Wh");
        assert_eq!(said(2.5), "2.5 Wh");
        assert_eq!((said(0.05), said(2e-5)), ("50 mWh".to_string(), "20 µWh".to_string()));
        assert_eq!((said(3e-7), said(3e-9)), ("0.3 µWh".to_string(), "under 0.1 µWh".to_string()));
    }
}
