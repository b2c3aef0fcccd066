//! Comparisons: strategies, each with many seeds, under one protocol; and what can be said about them.
//!
//! One search proves nothing: strategies are random, and so is training. A comparison runs every
//! strategy with the same seeds and the same budget, beside random search, and says how sure its
//! differences are. See Lindauer and Hutter, "Best Practices for Scientific Research on Neural
//! Architecture Search", JMLR 21, 2020, and Li and Talwalkar, arXiv 1902.07638.
//!
//! ```text
//! for each seed, for each strategy:   one sequential study, all of them side by side on the cores
//! judged                              the figure that is reported of the best trial by the score
//! curves                              its mean or median over the seeds, with bootstrap bands
//! ranks                               Friedman and Nemenyi: do the strategies differ, and which
//! pairs                               Wilcoxon's signed ranks with Holm's correction
//! ```

mod csv;
mod curves;
mod finals;
mod journal;
mod live;
mod record;
mod report;
mod run;
mod strategies;
mod verdict;

pub use curves::Against;
pub use finals::{Finalists, Finals};
pub use strategies::{IntoStrategies, Named};
pub use verdict::{Pair, Standing, Verdict};

use crate::count::Count;
use crate::error::{Error, Result};
use crate::evaluate::{Evaluator, IntoEvaluator};
use crate::record::{Duplicates, Key, OnFailure, Protocol};
use crate::space::Space;
use crate::strategy::{AnyStrategy, IntoStrategy, Strategy, is_random};
use crate::study::Study;
use crate::task::Metric;
use crate::words::plural;
use record::Run;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use verdict::ALPHA;

/// A comparison to be run: an evaluator, strategies and seeds, under one protocol.
///
/// The protocol is that of the literature: one trial after the other (`batch(1)`), and an
/// architecture that is proposed again is evaluated and paid for again. All strategies get the same
/// seeds, which makes their results pairs. Settings return a new value; nothing runs before
/// [`run`](Compare::run).
///
/// ```
/// use nascent::prelude::*;
/// let space = Space::new([8], Task::classification(2)).then(repeat(1..=3, linear(any([4, 8, 16, 32]))));
/// let small = evaluator(|arch, _| -(arch.params() as f64));
/// let result = Compare::new(&space, small)
///     .strategies((Random, Evolution::regularized()))
///     .trials(40).seeds(12).quiet().run()?;
/// println!("{}", result.verdict());
/// assert_eq!(result.standings().len(), 2);
/// # Ok::<(), nascent::Error>(())
/// ```
#[derive(Clone)]
#[must_use = "methods return a new value and leave this one as it is"]
pub struct Compare {
    plan: Study,
    strategies: Vec<(Option<String>, AnyStrategy)>,
    /// What was wrong with strategies that were named.
    wrong: Vec<String>,
    seeds: i64,
    first: u64,
    report: Option<String>,
    optimum: Option<f64>,
    reference: Option<Vec<f64>>,
    jobs: Option<i64>,
    quiet: bool,
    journal: Option<PathBuf>,
}

const DEFAULT_SEEDS: i64 = 20;
/// More would say nothing that a twentieth of them does not say.
const MOST_SEEDS: i64 = 100_000;
const DEFAULT_TRIALS: i64 = 50;

impl Compare {
    /// A comparison on the space with the evaluator; by default 50 trials and the seeds 1 to 20.
    pub fn new<How>(space: &Space, evaluator: impl IntoEvaluator<How>) -> Compare {
        let plan = Study::new(space, evaluator.into_evaluator())
            .duplicates(Duplicates::Repeat)
            .batch(1)
            .planning(DEFAULT_TRIALS as usize);
        Compare {
            plan,
            strategies: vec![],
            wrong: vec![],
            seeds: DEFAULT_SEEDS,
            first: 1,
            report: None,
            optimum: None,
            reference: None,
            jobs: None,
            quiet: false,
            journal: None,
        }
    }

    fn with_plan(&self, plan: Study) -> Compare {
        Compare { plan, ..self.clone() }
    }

    /// The strategies to compare, in place of those before: a tuple, names of
    /// [the table](crate::strategies), or a list of [`AnyStrategy`].
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::new([8], Task::classification(2)).then(linear(any([4, 8])));
    /// let compare = Compare::new(&space, evaluator(|a, _| a.params() as f64));
    /// assert!(compare.strategies(["random", "evolution"]).problems().is_empty());
    /// assert!(compare.strategies(["randon"]).problems()[0].contains("random"));
    /// ```
    pub fn strategies<How>(&self, strategies: impl IntoStrategies<How>) -> Compare {
        let (mut good, mut wrong) = (vec![], vec![]);
        for named in strategies.into_strategies() {
            match named {
                Ok(strategy) => good.push(strategy),
                Err(problem) => wrong.push(problem),
            }
        }
        Compare { strategies: good, wrong, ..self.clone() }
    }

    /// One more strategy, under a name of its own.
    pub fn strategy<How>(&self, name: &str, strategy: impl IntoStrategy<How>) -> Compare {
        let mut next = self.clone();
        next.strategies.push((Some(name.to_string()), strategy.into_strategy()));
        next
    }

    /// The budget of each study in trials.
    pub fn trials(&self, trials: impl Count) -> Compare {
        self.with_plan(self.plan.trials(trials))
    }

    /// The budget of each study in epochs of all its trials together.
    pub fn epochs(&self, epochs: impl Count) -> Compare {
        self.with_plan(self.plan.epochs(epochs))
    }

    /// The budget of each study in simulated seconds; see [`Study::simulated_seconds`].
    pub fn simulated_seconds(&self, seconds: f64) -> Compare {
        self.with_plan(self.plan.simulated_seconds(seconds))
    }

    /// How many seeds each strategy gets; all get the same.
    pub fn seeds(&self, seeds: impl Count) -> Compare {
        Compare { seeds: seeds.to_i64(), ..self.clone() }
    }

    /// The first seed; the others follow it.
    pub fn seed(&self, first: impl Count) -> Compare {
        Compare { first: first.to_seed(), ..self.clone() }
    }

    /// How far results lag behind; see [`Study::batch`]. By default 1.
    pub fn batch(&self, q: impl Count) -> Compare {
        self.with_plan(self.plan.batch(q))
    }

    /// What happens when an architecture is proposed again; by default it is evaluated and paid for
    /// again.
    pub fn duplicates(&self, duplicates: Duplicates) -> Compare {
        self.with_plan(self.plan.duplicates(duplicates))
    }

    /// Which architectures count as the same; see [`Study::key`].
    pub fn key(&self, key: Key) -> Compare {
        self.with_plan(self.plan.key(key))
    }

    /// What happens when a trial fails; see [`Study::on_failure`].
    pub fn on_failure(&self, what: OnFailure) -> Compare {
        self.with_plan(self.plan.on_failure(what))
    }

    /// A further objective besides the score; see [`Study::objective`]. Then the strategies are
    /// judged by the hypervolume of what they have found, unless there is a
    /// [report](Compare::reporting); see [`Compare::reference`].
    pub fn objective(&self, metric: Metric) -> Compare {
        self.with_plan(self.plan.objective(metric))
    }

    /// The point that hypervolume is measured from, a value for each objective, the score's first:
    /// the worst that is of any use. By default the worst values of all trials of the comparison.
    pub fn reference(&self, point: impl IntoIterator<Item = f64>) -> Compare {
        Compare { reference: Some(point.into_iter().collect()), ..self.clone() }
    }

    /// The figure that is reported of the best trial, and that the strategies are judged by, in the
    /// direction of the score, such as the test accuracy that a table keeps on record
    /// ([`Table::reporting`](crate::Table::reporting)). By default the score itself, which flatters those
    /// that fit its noise.
    pub fn reporting(&self, figure: &str) -> Compare {
        Compare { report: Some(figure.to_string()), ..self.clone() }
    }

    /// The best possible value of what the strategies are judged by, if it is known: then
    /// curves show the regret. A complete table knows its own.
    pub fn optimum(&self, value: f64) -> Compare {
        Compare { optimum: Some(value), ..self.clone() }
    }

    /// The threads to use; by default one per core. Results do not depend on it.
    pub fn jobs(&self, threads: impl Count) -> Compare {
        Compare { jobs: Some(threads.to_i64()), ..self.clone() }
    }

    /// Without lines of progress.
    pub fn quiet(&self) -> Compare {
        Compare { quiet: true, ..self.clone() }
    }

    /// Keeps each study that has ended in a file, so that a comparison which was interrupted continues
    /// where it was, and one that has ended can be given more seeds. Where an evaluation takes time,
    /// each study has a journal of its own beside it, `PATH.STRATEGY.SEED`, which stays when it has
    /// ended: to start afresh, delete those too, or give another path.
    ///
    /// A journal knows a strategy or an evaluator of your own by its name only: after a change of its code
    /// use another path, or another name. The report says how much came from the journal.
    pub fn journal(&self, path: impl AsRef<Path>) -> Compare {
        Compare { journal: Some(path.as_ref().to_path_buf()), ..self.clone() }
    }

    /// Everything that is wrong with the settings, in words.
    pub fn problems(&self) -> Vec<String> {
        let mut found = self.wrong.clone();
        if self.strategies.is_empty() && found.is_empty() {
            found.push(
                "there is no strategy. Try .strategies((Random, Evolution::regularized())).".into(),
            );
        }
        for (name, n, most, usual) in
            [("seeds", Some(self.seeds), MOST_SEEDS, 20), ("jobs", self.jobs, i64::MAX, 4)]
        {
            let Some(n) = n.filter(|n| !(1..=most).contains(n)) else { continue };
            let allowed = match n < 1 {
                true => "at least 1 is needed".to_string(),
                false => format!("at most {most} are allowed"),
            };
            found.push(format!("{name}({n}): {allowed}. Try {name}({usual})."));
        }
        let names = self.names();
        for (i, name) in names.iter().enumerate() {
            if names[..i].contains(name) {
                found.push(format!(
                    "two strategies are called {name:?}. Try .strategy(\"another name\", ...)."
                ));
            }
        }
        found.extend(self.plan.problems());
        if let Some(figure) = &self.report {
            let call = |name: &str| format!("reporting({name:?})");
            found.extend(self.plan.unknown_figure(figure, &call(figure), call, &[]));
        }
        for (name, (_, strategy)) in names.iter().zip(&self.strategies) {
            found.extend(strategy.problems().into_iter().map(|p| format!("{name}: {p}")));
        }
        if let Some(point) = &self.reference {
            let wanted = self.plan.objectives().len();
            if point.len() != wanted || point.iter().any(|v| !v.is_finite()) {
                found.push(format!(
                    "reference({point:?}): a number for each of {wanted} objectives is needed, the \
                     score's first."
                ));
            }
        }
        if let Some(value) = self.optimum.filter(|v| !v.is_finite()) {
            found.push(format!(
                "optimum({value}): a finite number is needed. Give the best value that is known, or \
                 leave it out."
            ));
        }
        found
    }

    /// Whether the comparison can run.
    ///
    /// # Errors
    /// All problems together.
    pub fn check(&self) -> Result<()> {
        match &self.problems()[..] {
            [] => Ok(()),
            problems => Err(Error::all("the comparison", problems)),
        }
    }

    /// Runs all studies and returns what they found. A study in which trials fail is not an error; with
    /// a [journal](Compare::journal) whatever has ended is kept, even if the comparison is interrupted.
    ///
    /// ■ in a notebook or Ctrl-C in a terminal ends it early: what it returns then is a comparison on the seeds
    /// with which all strategies have come to their end, and its report says so.
    ///
    /// # Errors
    /// When the settings have problems, all of them together, a strategy fails, the journal cannot be read
    /// or written, or it is interrupted before there is such a seed.
    pub fn run(&self) -> Result<Comparison> {
        self.check()?;
        let title =
            format!("{} with {}", many(self.strategies.len()), plural(self.seeds as usize, "seed"));
        let pulse = live::Pulse::default();
        let stage = live::open(self, &pulse, live::View::Curves, &title);
        let found = run::run(self, &pulse, stage.is_some() || crate::live::hush());
        live::close(stage, &found);
        found
    }

    /// What the strategies are called: by their row in the table, and where two share a row, by
    /// how they describe themselves.
    fn names(&self) -> Vec<String> {
        let planned = self.plan.planned();
        let short = |(name, s): &(Option<String>, AnyStrategy)| {
            name.clone().unwrap_or_else(|| strategies::short_name(s, planned))
        };
        let names: Vec<String> = self.strategies.iter().map(short).collect();
        let twice = |name: &String| names.iter().filter(|other| *other == name).count() > 1;
        let long = |(name, (given, s)): (&String, &(Option<String>, AnyStrategy))| match given {
            None if twice(name) => s.describe(planned),
            _ => name.clone(),
        };
        names.iter().zip(&self.strategies).map(long).collect()
    }

    /// The strategies whose code and settings a journal cannot know.
    fn unknown(&self) -> Vec<String> {
        let all = self.names().into_iter().zip(&self.strategies);
        all.filter(|(_, (_, s))| s.to_json().is_none()).map(|(name, _)| name).collect()
    }

    fn all_seeds(&self) -> Vec<u64> {
        (0..self.seeds.max(0) as u64).map(|i| self.first.wrapping_add(i)).collect()
    }
}

impl fmt::Display for Compare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.names();
        writeln!(f, "A comparison that has not run yet; run() starts it.")?;
        writeln!(f, "  strategies  {}", names.join(", "))?;
        writeln!(f, "  evaluation  {}", self.plan.evaluator().describe())?;
        writeln!(f, "  seeds       {} from {}", self.seeds, self.first)?;
        writeln!(f, "  protocol    {}", self.plan.protocol())?;
        writeln!(f, "  failures    when a trial fails, {}", self.plan.protocol().failures())?;
        if self.plan.stopping().is_some() {
            let waits = "an evaluation of your own runs until it returns, however long that takes";
            writeln!(f, "  stopping    {waits}")?;
        }
        self.problems().iter().try_for_each(|p| writeln!(f, "  problem     {p}"))
    }
}

/// What the strategies of a comparison are judged by.
#[derive(Clone, Debug, PartialEq)]
enum Judge {
    /// The score that the search sees.
    Score,
    /// A figure on record, for the best trial by score.
    Report(String),
    /// The hypervolume of all trials, from a point, the objectives turned so that less is better.
    Hypervolume { reference: Vec<f64>, unit: f64 },
}

/// A comparison that has run: every study's trials, and what can be said of the strategies.
///
/// In a notebook it shows its [report](Comparison::report).
#[derive(Clone)]
pub struct Comparison(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    names: Vec<String>,
    /// Which of them is random search, whatever it is called.
    baseline: Option<usize>,
    evaluator: String,
    protocol: String,
    metric: Metric,
    objectives: Vec<Metric>,
    judge: Judge,
    optimum: Option<f64>,
    optimum_of_score: Option<f64>,
    seeds: Vec<u64>,
    /// For each strategy, its studies in the order of the seeds.
    runs: Vec<Vec<Run>>,
    /// For each strategy and seed, what it is judged by after each trial; `None` as long as no trial has
    /// finished.
    judged: Vec<Vec<Vec<Option<f64>>>>,
    /// Whether results were looked up: then the seconds that this took say nothing.
    looked_up: bool,
    /// Strategies that a journal cannot tell from others of their name.
    unknown: Vec<String>,
    spent: Spent,
}

/// What running it took.
#[derive(Clone, Copy)]
struct Spent {
    seconds: f64,
    threads: usize,
    /// Studies that came from the journal.
    kept: usize,
    /// The seeds that were asked for; it has fewer if it was interrupted.
    planned: usize,
}

impl Comparison {
    fn of(
        compare: &Compare,
        names: Vec<String>,
        done: Vec<Run>,
        seeds: Vec<u64>,
        spent: Spent,
    ) -> Comparison {
        let mut runs: Vec<Vec<Run>> = vec![vec![]; names.len()];
        done.into_iter().for_each(|run| runs[run.strategy].push(run));
        let place = |run: &Run| seeds.iter().position(|&s| s == run.seed);
        runs.iter_mut().for_each(|list| {
            list.sort_by_key(place);
            list.dedup_by_key(|run| run.seed);
        });
        let plan = &compare.plan;
        let (evaluator, objectives) = (plan.evaluator(), plan.objectives());
        let judge = match (&compare.report, objectives.len()) {
            (Some(figure), _) => Judge::Report(figure.clone()),
            (None, 1) => Judge::Score,
            (None, _) => Judge::Hypervolume { reference: vec![], unit: 1.0 },
        };
        let optimum_of_score = evaluator.known_optimum(None);
        let known = match &judge {
            Judge::Score => optimum_of_score,
            Judge::Report(figure) => evaluator.known_optimum(Some(figure)),
            Judge::Hypervolume { .. } => None,
        };
        let inner = Inner {
            baseline: compare.strategies.iter().position(|s| is_random(&s.1)),
            names,
            evaluator: evaluator.describe(),
            protocol: protocol_text(&plan.protocol()),
            metric: evaluator.metric(),
            objectives,
            judge,
            optimum: compare.optimum.or(known),
            optimum_of_score,
            seeds,
            runs,
            judged: vec![],
            looked_up: evaluator.looks_up(),
            unknown: compare.unknown(),
            spent,
        };
        Comparison::judging(inner, compare.reference.as_deref())
    }

    /// The same comparison, judged by the score that the searches saw instead of the reported figure.
    #[must_use = "it returns a new value and leaves this one as it is"]
    pub fn by_score(&self) -> Comparison {
        if self.0.judge == Judge::Score {
            return self.clone();
        }
        let optimum = self.0.optimum_of_score;
        let inner = Inner { judge: Judge::Score, optimum, ..(*self.0).clone() };
        Comparison::judging(inner, None)
    }

    /// Both, where the other one has the same strategies on further seeds.
    fn with(&self, more: &Comparison) -> Comparison {
        let mut inner = (*self.0).clone();
        inner.seeds.extend(&more.0.seeds);
        for (runs, more) in inner.runs.iter_mut().zip(&more.0.runs) {
            runs.extend(more.iter().cloned());
        }
        inner.spent.seconds += more.0.spent.seconds;
        inner.spent.kept += more.0.spent.kept;
        inner.spent.planned += more.0.spent.planned;
        Comparison::judging(inner, None)
    }

    fn judging(mut inner: Inner, given: Option<&[f64]>) -> Comparison {
        if let Judge::Hypervolume { reference: point, unit } = &mut inner.judge {
            (*point, *unit) = curves::reference(&inner.runs, &inner.objectives, given);
        }
        let judged =
            |run: &Run| curves::judged(run, &inner.metric, &inner.objectives, &inner.judge);
        inner.judged = inner.runs.iter().map(|list| list.iter().map(judged).collect()).collect();
        Comparison(Arc::new(inner))
    }

    /// Whether it has fewer seeds than were asked for.
    fn interrupted(&self) -> bool {
        self.0.seeds.len() < self.0.spent.planned
    }

    /// The strategies' names, in order.
    pub fn names(&self) -> Vec<String> {
        self.0.names.clone()
    }

    /// The seeds, in order.
    pub fn seeds(&self) -> Vec<u64> {
        self.0.seeds.clone()
    }

    /// What the strategies are judged by: name and direction.
    pub fn metric(&self) -> Metric {
        match &self.0.judge {
            Judge::Score => self.0.metric.clone(),
            Judge::Report(figure) => Metric { name: figure.clone(), ..self.0.metric.clone() },
            Judge::Hypervolume { .. } => Metric::maximise("hypervolume"),
        }
    }

    /// The best possible value of it, where it is known.
    pub fn optimum(&self) -> Option<f64> {
        self.0.optimum
    }

    /// What each study of a strategy ended with, in the order of the seeds; `None` for one in which
    /// no trial finished.
    ///
    /// # Errors
    /// When no strategy has that name.
    pub fn finals(&self, strategy: &str) -> Result<Vec<Option<f64>>> {
        let i = self.number(strategy)?;
        Ok(self.ends(i))
    }

    fn ends(&self, strategy: usize) -> Vec<Option<f64>> {
        self.0.judged[strategy].iter().map(|study| study.last().copied().flatten()).collect()
    }

    fn number(&self, strategy: &str) -> Result<usize> {
        self.0.names.iter().position(|name| name == strategy).ok_or_else(|| {
            Error::invalid(
                format!("strategy {strategy:?}"),
                "it is not in this comparison",
                self.0.names.join(", "),
            )
        })
    }
}

/// `1 strategy`, `2 strategies`.
fn many(strategies: usize) -> String {
    format!("{strategies} {}", if strategies == 1 { "strategy" } else { "strategies" })
}

/// `1 study`, `2 studies`.
fn studies(n: usize) -> String {
    format!("{n} {}", if n == 1 { "study" } else { "studies" })
}

/// The protocol except for the seed, of which there are several.
fn protocol_text(p: &Protocol) -> String {
    let duplicates = match p.duplicates {
        Duplicates::Repeat => "paid again",
        other => other.word(),
    };
    let mut text = format!("{} per study, {}, duplicates {duplicates}", p.limits(), p.pace());
    p.objectives.iter().for_each(|m| text += &format!(", and {m}"));
    text
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::draw::Draw::plain(self))
    }
}

crate::draw::debug_as_display!(Compare, Comparison);
