//! Does it carry over? The best architectures of a study, trained on other data.
//!
//! What is good on one set of data need not be good on another; a search that is paid for once and used
//! elsewhere rests on it. So the order of the search is compared with the order on the other data, by Kendall's
//! tau over the same architectures. Its interval is a bootstrap over architectures: with ten of them it is wide.

use super::Study;
use super::fidelities::{in_turn, tau};
use crate::chart::{Agreement, Chart, Measured, Report};
use crate::count::Count;
use crate::data::Dataset;
use crate::draw::Draw;
use crate::error::{Error, Result};
use crate::evaluate::{AnyEvaluator, Evaluator, IntoEvaluator, Train};
use crate::live::Stage;
use crate::record::Trial;
use crate::space::Space;
use crate::task::Metric;
use crate::words::{plural, score};
use std::fmt;
use std::path::{Path, PathBuf};

/// The best trials of a study, to be trained on other data; see [`Study::transfer`].
#[derive(Clone)]
#[must_use = "methods return a new value and leave this one as it is"]
pub struct Transfer {
    study: Study,
    space: Space,
    to: AnyEvaluator,
    name: String,
    count: i64,
    seeds: i64,
    jobs: Option<i64>,
    quiet: bool,
    journal: Option<PathBuf>,
}

impl Study {
    /// The best architectures, trained on other data: with the settings of the study's own training, where it
    /// trains, and otherwise with those of [`Train::on`]. Shapes and classes may differ; the blocks are the same.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let digits = Dataset::digits().take(300);
    /// let space = Space::on(&digits).then(flatten()).then(linear(any([4, 16, 64]))).then(relu());
    /// let study = Study::new(&space, Train::on(&digits).epochs(2)).trials(3).quiet().run()?;
    /// let found = study.transfer(&Dataset::mnist1d().take(300)).top(3).seeds(1).quiet().run()?;
    /// assert_eq!(found.networks().len(), 3);
    /// println!("{}", found.chart());
    /// # Ok::<(), nascent::Error>(())
    /// ```
    pub fn transfer(&self, data: &Dataset) -> Transfer {
        let own = self.setup.evaluator.moved(data);
        let to = own.unwrap_or_else(|| Train::on(data).into_evaluator());
        let (study, space, name) = (self.clone(), self.setup.space.moved(data), data.name());
        Transfer {
            study,
            space,
            to,
            name,
            count: 10,
            seeds: 3,
            jobs: None,
            quiet: false,
            journal: None,
        }
    }
}

impl Study {
    /// Whose weights these trials were scored with, where they were not fresh.
    pub(crate) fn not_fresh(&self, trials: &[Trial]) -> Option<&'static str> {
        match self.setup.evaluator.alone() {
            Some(_) => Some("shared"),
            None => trials.iter().any(|t| t.inherits().is_some()).then_some("inherited"),
        }
    }

    /// What gives a study more networks to compare.
    pub(crate) fn more_networks(&self) -> &'static str {
        match self.setup.one_shot {
            None => "more trials",
            // More epochs may derive the same network again.
            Some(_) => {
                "Study::new(&space, search.shared()?).trials(20) after the search: it scores several networks on its \
                 weights"
            }
        }
    }
}

impl Transfer {
    /// How many of the best architectures; 10 unless it is set. All of them are
    /// `top(study.trials_done().len())`: the best alone say little about the order of the others.
    pub fn top(&self, k: impl Count) -> Transfer {
        Transfer { count: k.to_i64(), ..self.clone() }
    }

    /// How often each is trained, with a seed of its own each time; 3 unless it is set.
    pub fn seeds(&self, seeds: impl Count) -> Transfer {
        Transfer { seeds: seeds.to_i64(), ..self.clone() }
    }

    /// With another training than the study's own, on data of the same shape and task.
    pub fn with<How>(&self, evaluator: impl IntoEvaluator<How>) -> Transfer {
        Transfer { to: evaluator.into_evaluator(), ..self.clone() }
    }

    /// The threads to use; by default one per core. Results do not depend on it.
    pub fn jobs(&self, threads: impl Count) -> Transfer {
        Transfer { jobs: Some(threads.to_i64()), ..self.clone() }
    }

    /// Without lines of progress.
    pub fn quiet(&self) -> Transfer {
        Transfer { quiet: true, ..self.clone() }
    }

    /// Keeps the trainings in a file, so that what was interrupted goes on.
    pub fn journal(&self, path: impl AsRef<Path>) -> Transfer {
        Transfer { journal: Some(path.as_ref().to_path_buf()), ..self.clone() }
    }

    /// Trains them.
    ///
    /// # Errors
    /// When fewer than two architectures have a score, a setting does not fit, the data have no training, or no
    /// architecture fits the data.
    pub fn run(&self) -> Result<Transferred> {
        for (name, n, least, usual) in [("top", self.count, 2, 10), ("seeds", self.seeds, 1, 3)] {
            if n < least {
                let (given, instead) = (format!("{name}({n})"), format!("{name}({usual})"));
                return Err(Error::invalid(given, format!("at least {least} are needed"), instead));
            }
        }
        let trials = self.study.top(self.count);
        if trials.len() < 2 {
            return Err(Error::invalid(
                format!("a transfer of {}", plural(self.study.trials_done().len(), "trial")),
                format!("two architectures with a score are needed, there is {}", trials.len()),
                self.study.more_networks(),
            ));
        }
        let moved: Vec<_> = trials
            .iter()
            .map(|t| self.space.decode(t.architecture().decisions()))
            .collect::<Result<_>>()?;
        let seed = crate::rng::child(self.study.protocol().seed, "transfer", 0);
        let mut plan = in_turn(&self.space, &self.to, moved, self.seeds as usize)
            .on_failure(self.study.protocol().on_failure)
            .seed(seed);
        if let Some(jobs) = self.jobs {
            plan = plan.jobs(jobs);
        }
        if self.quiet {
            plan = plan.quiet();
        }
        if let Some(path) = &self.journal {
            plan = plan.journal(path);
        }
        let (study, stage) = plan.on_stage()?;
        let done = study.trials_done();
        let scores = |i: usize| -> Vec<f64> {
            let own = done.iter().filter(|t| t.number() % trials.len() == i);
            own.filter_map(Trial::score).collect()
        };
        let networks: Vec<(Trial, Vec<f64>)> =
            trials.iter().enumerate().map(|(i, t)| (t.clone(), scores(i))).collect();
        if networks.iter().all(|(_, scores)| scores.is_empty())
            // Says why.
            && let Err(e) = study.best()
        {
            stage.into_iter().for_each(Stage::clear);
            return Err(e);
        }
        let (from, to) = (self.study.metric(), study.metric());
        let source = self.study.setup.evaluator.describe();
        let weights = self.study.not_fresh(&trials);
        let found = Transferred { networks, from, to, source, weights, name: self.name.clone() };
        if let Some(stage) = stage {
            stage.finish(Draw::both(&found));
        }
        Ok(found)
    }
}

/// How the best architectures of a study did on other data. In a notebook it shows both orders as a chart.
#[derive(Clone)]
pub struct Transferred {
    networks: Vec<(Trial, Vec<f64>)>,
    from: Metric,
    to: Metric,
    source: String,
    /// Whose weights the search has scored, where they were not fresh.
    weights: Option<&'static str>,
    name: String,
}

/// Fewer architectures than this show no order: of five, one in 120 orders is the same by chance, and the interval
/// of a bootstrap has no width.
const FEW: usize = 6;

impl Transferred {
    /// The trials of the search, the best first, each with its scores on the other data: one a seed, those of
    /// failed trainings left out.
    pub fn networks(&self) -> Vec<(Trial, Vec<f64>)> {
        self.networks.clone()
    }

    /// The score in the search and the mean on the other data, where there are both, with signs by which more is
    /// better.
    fn pairs(&self) -> Vec<(f64, f64)> {
        let sign = |m: &Metric| if m.maximise { 1.0 } else { -1.0 };
        let mean = |scores: &[f64]| crate::stats::summary(scores).ok().map(|s| s.mean);
        let pair = |(trial, scores): &(Trial, Vec<f64>)| {
            Some((sign(&self.from) * trial.score()?, sign(&self.to) * mean(scores)?))
        };
        self.networks.iter().filter_map(pair).collect()
    }

    /// Kendall's tau between the order of the search and that on the other data, and its 95 % bootstrap interval
    /// over the architectures.
    ///
    /// # Errors
    /// When fewer than two architectures have been trained, or all have the same score.
    pub fn tau(&self) -> Result<(f64, f64, f64)> {
        tau(&self.pairs())
    }

    /// How far the best architecture of the search stays behind the best of these on the other data, in units of
    /// the score there: what is lost by trusting the search. `NaN` where the best has no score there.
    pub fn regret(&self) -> f64 {
        // The best of the search may have no score there.
        if self.networks.first().is_none_or(|(_, scores)| scores.is_empty()) {
            return f64::NAN;
        }
        let pairs = self.pairs();
        let best = pairs.iter().map(|p| p.1).fold(f64::NEG_INFINITY, f64::max);
        pairs.first().map_or(f64::NAN, |first| best - first.1)
    }

    /// A point for each architecture: its score in the search, and on the other data.
    pub fn chart(&self) -> Chart {
        let sign = if self.to.maximise { 1.0 } else { -1.0 };
        let network = |((trial, _), (x, y)): (&(Trial, Vec<f64>), (f64, f64))| Measured {
            name: format!("trial {}", trial.number()),
            cheap: sign * x,
            truth: sign * y,
        };
        let known = self.networks.iter().filter(|(_, scores)| !scores.is_empty());
        Chart::new(Agreement {
            cheap: match self.from.maximise == self.to.maximise {
                true => format!("{} in the search", self.from.name),
                // Both axes have one direction.
                false => format!("minus {} in the search", self.from.name),
            },
            truth: format!("{} on {}", self.to.name, self.name),
            maximise: self.to.maximise,
            networks: known.zip(self.pairs()).map(network).collect(),
        })
    }

    /// The whole in one block.
    pub fn report(&self) -> Report {
        let seeds = self.networks.iter().map(|(_, scores)| scores.len()).max().unwrap_or(0);
        let failed = self.networks.iter().filter(|(_, scores)| scores.is_empty()).count();
        let mut facts = vec![
            ("from".to_string(), self.source.clone()),
            ("to".to_string(), format!("{}, {} each", self.name, plural(seeds, "seed"))),
        ];
        let mut notices = vec![];
        match self.tau() {
            Ok((tau, low, high)) => {
                facts.push(("Kendall's tau".into(), format!("{tau:.2} ({low:.2} to {high:.2})")));
                facts.push(("regret".into(), score(self.regret())));
                let networks = plural(self.pairs().len(), "architecture");
                // The bootstrap knows no doubt where all orders of a few are alike.
                let few = self.pairs().len() < FEW;
                notices.push(match (low > 0.0, high < 0.0) {
                    _ if few => {
                        format!("{networks} are too few to say whether the order carries over.")
                    }
                    (true, _) => format!("The order carries over, as far as {networks} show it."),
                    (_, true) => {
                        format!("The order is turned around, as far as {networks} show it.")
                    }
                    _ => format!("{networks} do not show that the order carries over."),
                });
            }
            Err(e) => notices.push(e.to_string()),
        }
        if let Some(whose) = self.weights {
            notices.push(format!(
                "In the search the scores are of {whose} weights, here each is trained by itself: what differs may come \
                 from that, and not from the data."
            ));
        }
        if failed > 0 {
            notices.push(format!(
                "{} could not be trained on {}.",
                plural(failed, "architecture"),
                self.name
            ));
        }
        Report {
            title: format!("The best {} on {}", self.networks.len(), self.name),
            subtitle: "trained anew on other data".into(),
            facts,
            notices,
            charts: vec![self.chart()],
        }
    }
}

impl fmt::Display for Transferred {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.report().plain())
    }
}

crate::draw::debug_as_display!(Transferred);
