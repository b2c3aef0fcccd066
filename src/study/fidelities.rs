//! Lower fidelities: what a cheaper evaluation costs, and what is left of the order.
//!
//! An evaluation can be made cheaper by fewer epochs, less data, smaller inputs, narrower layers or fewer cells.
//! Whether it still tells good architectures from bad ones is a question of measurement: the same architectures are
//! evaluated fully and cheaply, and the two orders are compared. Zela, Klein, Falkner and Hutter, "Towards
//! Automated Deep Learning", arXiv 1807.06906, found small correlations between short and long trainings; Zhou et
//! al., "EcoNAS", arXiv 2001.01233, compare such proxies of CIFAR-10 systematically.

use super::Study;
use crate::chart::{BandSeries, Bands, Chart, Leaderboard};
use crate::count::Count;
use crate::error::{Error, Result};
use crate::evaluate::{AnyEvaluator, IntoEvaluator};
use crate::interrupt;
use crate::live::Stage;
use crate::record::{Duplicates, Trial};
use crate::rng::Rng;
use crate::space::{Architecture, Space};
use crate::stats::kendall_tau;
use crate::strategy::{Proposal, strategy};
use crate::words::plural;
use std::fmt;

/// Cheaper evaluations of the same architectures, to be measured against the full one.
///
/// ```
/// use nascent::prelude::*;
/// let data = Dataset::digits().take(300);
/// let space = Space::on(&data).then(flatten()).then(linear(any([2, 4, 8, 16]))).then(relu());
/// let train = Train::on(&data).epochs(4);
/// let found = Fidelities::of(&space.all()?, &train)
///     .with("epochs", &train.epochs(1))
///     .with("epochs", &train.epochs(2))
///     .with("data", Train::on(&data.train_share(0.5)?).epochs(4))
///     .quiet()
///     .run()?;
/// assert_eq!(found.rows().len(), 3);
/// println!("{}", found.chart());
/// # Ok::<(), nascent::Error>(())
/// ```
#[derive(Clone)]
#[must_use = "methods return a new value and leave this one as it is"]
#[doc(alias("Proxies", "ProxyTasks", "proxy tasks"))]
pub struct Fidelities {
    architectures: Vec<Architecture>,
    full: AnyEvaluator,
    cheaper: Vec<Cheaper>,
    seed: u64,
    jobs: Option<i64>,
    quiet: bool,
}

#[derive(Clone)]
struct Cheaper {
    kind: String,
    /// Where the architectures are others with the same decisions.
    space: Option<Space>,
    evaluator: AnyEvaluator,
}

impl Fidelities {
    /// Of these architectures, all of one space; the evaluator is the full evaluation, whose order is the truth.
    pub fn of<How>(
        architectures: impl AsRef<[Architecture]>,
        full: impl IntoEvaluator<How>,
    ) -> Fidelities {
        let (architectures, full) = (architectures.as_ref().to_vec(), full.into_evaluator());
        Fidelities { architectures, full, cheaper: vec![], seed: 1, jobs: None, quiet: false }
    }

    /// One more cheaper evaluation of a kind, such as "epochs" or "data"; those of one kind are a line of the chart.
    pub fn with<How>(&self, kind: &str, evaluator: impl IntoEvaluator<How>) -> Fidelities {
        self.push(kind, None, evaluator.into_evaluator())
    }

    /// The same in another space with the same decisions: of smaller inputs, with narrower layers or fewer cells.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let data = Dataset::digits().take(200);
    /// let cells = |channels: i64| Space::on(&data).then(presets::nas_bench_201(channels, 1));
    /// let train = Train::on(&data).epochs(1);
    /// let mut rng = Rng::new(1);
    /// let found = Fidelities::of(&cells(4).different(3, &mut rng)?, &train)
    ///     .within("width", &cells(2), &train)
    ///     .quiet()
    ///     .run()?;
    /// assert!(found.rows()[0].cost < 0.5);
    /// # Ok::<(), nascent::Error>(())
    /// ```
    pub fn within<How>(
        &self,
        kind: &str,
        space: &Space,
        evaluator: impl IntoEvaluator<How>,
    ) -> Fidelities {
        self.push(kind, Some(space.clone()), evaluator.into_evaluator())
    }

    fn push(&self, kind: &str, space: Option<Space>, evaluator: AnyEvaluator) -> Fidelities {
        let mut next = self.clone();
        next.cheaper.push(Cheaper { kind: kind.to_string(), space, evaluator });
        next
    }

    /// The seed of all evaluations; 1 unless it is set.
    pub fn seed(&self, seed: impl Count) -> Fidelities {
        Fidelities { seed: seed.to_seed(), ..self.clone() }
    }

    /// The threads to use; by default one per core. Results do not depend on it.
    pub fn jobs(&self, threads: impl Count) -> Fidelities {
        Fidelities { jobs: Some(threads.to_i64()), ..self.clone() }
    }

    /// Without lines of progress.
    pub fn quiet(&self) -> Fidelities {
        Fidelities { quiet: true, ..self.clone() }
    }

    /// Evaluates all architectures, fully and in each of the cheaper ways.
    ///
    /// # Errors
    /// With fewer than two architectures, without a cheaper evaluation, where an architecture does not fit a space, or
    /// nothing can be evaluated.
    pub fn run(&self) -> Result<Measures> {
        let n = self.architectures.len();
        let first = self.architectures.first().filter(|_| n >= 2).ok_or_else(|| {
            let given = format!("fidelities of {}", plural(n, "architecture"));
            Error::invalid(given, "two are needed for an order", "20 or more")
        })?;
        if self.cheaper.is_empty() {
            return Err(Error::invalid(
                "fidelities without a cheaper evaluation",
                "there is nothing to compare",
                ".with(\"epochs\", &train.epochs(1))",
            ));
        }
        let own = first.of_space();
        if let Some(other) = self.architectures.iter().find(|a| a.of_space() != own) {
            return Err(Error::invalid(
                format!("fidelities of {first} and {other}"),
                "they are of different spaces, and an order is of one",
                "space.different(20, &mut rng)",
            ));
        }
        interrupt::in_front(|| "the comparison of fidelities".into(), || self.compared(own, n))
    }

    fn compared(&self, own: &Space, n: usize) -> Result<Measures> {
        let (truth, whole) = self.scores(own, &self.full)?;
        let mut rows = vec![];
        for cheaper in &self.cheaper {
            let space = cheaper.space.as_ref().unwrap_or(own);
            let (cheap, cost) = self
                .scores(space, &cheaper.evaluator)
                .map_err(|e| e.context(format!("{:?}", cheaper.kind)))?;
            let pairs: Vec<(f64, f64)> =
                cheap.iter().zip(&truth).filter_map(|(a, b)| (*a).zip(*b)).collect();
            rows.push(Measure::of(&cheaper.kind, cost.against(&whole), &pairs));
        }
        Ok(Measures { rows, architectures: n })
    }

    /// The score of each, more being better, and what all of them cost.
    fn scores(&self, space: &Space, evaluator: &AnyEvaluator) -> Result<(Vec<Option<f64>>, Spent)> {
        let list: Vec<Architecture> = self
            .architectures
            .iter()
            .map(|a| space.decode(a.decisions()))
            .collect::<Result<_>>()?;
        let mut plan = in_turn(space, evaluator, list, 1).seed(self.seed);
        if let Some(jobs) = self.jobs {
            plan = plan.jobs(jobs);
        }
        if self.quiet {
            plan = plan.quiet();
        }
        // What is of interest in the end is the comparison of all of them.
        let (study, stage) = plan.on_stage()?;
        stage.into_iter().for_each(Stage::clear);
        study.stop.check()?;
        // Says why, if there is nothing.
        study.best()?;
        let sign = if study.metric().maximise { 1.0 } else { -1.0 };
        let scores = study.trials_done().iter().map(|t| t.score().map(|s| sign * s)).collect();
        let bill = study.bill();
        let seconds: f64 = study.trials_done().iter().map(Trial::seconds_spent).sum();
        Ok((scores, Spent { adds: bill.multiply_adds(), epochs: bill.epochs(), seconds }))
    }
}

/// What the evaluations of all architectures cost.
struct Spent {
    adds: Option<f64>,
    epochs: f64,
    seconds: f64,
}

impl Spent {
    /// As a share of another: by multiply-adds where both are known, by seconds where both took some, or else by
    /// epochs.
    fn against(&self, whole: &Spent) -> f64 {
        let known = |v: f64| v.is_finite() && v > 0.0;
        match (self.adds, whole.adds) {
            (Some(a), Some(b)) if known(a) && known(b) => a / b,
            _ if self.epochs != whole.epochs && known(whole.epochs) => self.epochs / whole.epochs,
            _ if known(whole.seconds) => self.seconds / whole.seconds,
            _ => 1.0,
        }
    }
}

/// One cheaper evaluation against the full one.
#[derive(Clone, Debug, PartialEq)]
pub struct Measure {
    /// Its kind.
    pub kind: String,
    /// What it costs, as a share of the full evaluation: of its multiply-adds, where both train.
    pub cost: f64,
    /// Kendall's tau of the two orders, and its 95 % bootstrap interval over architectures; `NaN` where there is no
    /// order.
    pub tau: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// The share of the best tenth (at least one) of the full evaluation that is also in the best tenth of this one.
    pub overlap: f64,
}

/// A study of these architectures, one after the other, so many times, each time with a seed of its own.
pub(super) fn in_turn(
    space: &Space,
    evaluator: &AnyEvaluator,
    list: Vec<Architecture>,
    times: usize,
) -> Study {
    let all = list.len() * times;
    let each = strategy("given architectures in turn", move |history, _| {
        Ok(Proposal::new(list[history.asked() % list.len()].clone(), "given"))
    });
    let plan = Study::new(space, evaluator).strategy(each).batch(all).trials(all);
    plan.duplicates(Duplicates::Repeat)
}

/// Resamples of the architectures for the interval of tau.
const RESAMPLES: usize = 1_000;

/// Kendall's tau of pairs, and its 95 % bootstrap interval.
///
/// # Errors
/// When there are fewer than two pairs, or no order among them.
pub(super) fn tau(pairs: &[(f64, f64)]) -> Result<(f64, f64, f64)> {
    let of = |pairs: &[(f64, f64)]| {
        let (x, y): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
        kendall_tau(x, y)
    };
    let tau = of(pairs)?;
    let mut rng = Rng::from_u64(0).stream("tau", 0);
    let draw = |_| {
        let drawn: Vec<(f64, f64)> =
            (0..pairs.len()).map(|_| pairs[rng.below(pairs.len())]).collect();
        of(&drawn).ok().filter(|t| t.is_finite())
    };
    let taus: Vec<f64> = (0..RESAMPLES).filter_map(draw).collect();
    let end = |q: f64| crate::stats::quantile(&taus, q).unwrap_or(tau);
    Ok((tau, end(0.025), end(0.975)))
}

impl Measure {
    fn of(kind: &str, cost: f64, pairs: &[(f64, f64)]) -> Measure {
        let (tau, low, high) = tau(pairs).unwrap_or((f64::NAN, f64::NAN, f64::NAN));
        let top = |of: fn(&(f64, f64)) -> f64| {
            let mut order: Vec<usize> = (0..pairs.len()).collect();
            order.sort_by(|&a, &b| of(&pairs[b]).total_cmp(&of(&pairs[a])));
            order.truncate((pairs.len() / 10).max(1));
            order
        };
        let (cheap, full) = (top(|p| p.0), top(|p| p.1));
        let both = full.iter().filter(|i| cheap.contains(i)).count();
        let overlap = both as f64 / full.len() as f64;
        Measure { kind: kind.to_string(), cost, tau, low, high, overlap }
    }
}

/// What cheaper evaluations cost, and how much they know. In a notebook it shows a line for each kind.
#[derive(Clone)]
pub struct Measures {
    rows: Vec<Measure>,
    architectures: usize,
}

impl Measures {
    /// A row for each cheaper evaluation, in the order in which they were given.
    pub fn rows(&self) -> Vec<Measure> {
        self.rows.clone()
    }

    fn shown(&self) -> String {
        format!("{}, 95 % bootstrap band", plural(self.architectures, "architecture"))
    }

    /// Kendall's tau against the cost, a line for each kind.
    pub fn chart(&self) -> Chart {
        let mut kinds: Vec<&String> = vec![];
        for row in &self.rows {
            if !kinds.contains(&&row.kind) {
                kinds.push(&row.kind);
            }
        }
        let series = |kind: &&String| {
            let mut own: Vec<&Measure> = self.rows.iter().filter(|r| r.kind == **kind).collect();
            own.sort_by(|a, b| a.cost.total_cmp(&b.cost));
            let all = |of: fn(&Measure) -> f64| own.iter().map(|r| of(r)).collect();
            BandSeries {
                name: (*kind).clone(),
                x: all(|r| 100.0 * r.cost),
                middle: all(|r| r.tau),
                low: all(|r| r.low),
                high: all(|r| r.high),
            }
        };
        let costs = || self.rows.iter().map(|r| r.cost);
        let span = costs().fold(0.0, f64::max) / costs().fold(f64::INFINITY, f64::min);
        Chart::new(Bands {
            x: "cost (% of a full evaluation)".into(),
            // Within less than a decade a logarithmic axis has hardly a tick.
            log_x: span >= 10.0,
            metric: "Kendall's tau with the full evaluation".into(),
            maximise: true,
            shown: self.shown(),
            series: kinds.iter().map(series).collect(),
            ..Bands::default()
        })
    }

    /// The rows in numbers.
    pub fn table(&self) -> Chart {
        let columns = ["fidelity", "cost", "Kendall's tau", "95 %", "of the best tenth"];
        let row = |r: &Measure| {
            vec![
                r.kind.clone(),
                format!("{:.1} %", 100.0 * r.cost),
                format!("{:.2}", r.tau),
                format!("{:.2} to {:.2}", r.low, r.high),
                format!("{:.0} %", 100.0 * r.overlap),
            ]
        };
        Chart::new(Leaderboard {
            columns: columns.map(String::from).to_vec(),
            rows: self.rows.iter().map(row).collect(),
            note: self.shown(),
        })
    }
}

impl fmt::Display for Measures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.table().plain())
    }
}

crate::draw::debug_as_display!(Measures);
