//! Finals: which of the best trials of a study is the best, beyond what seeds explain.
//!
//! The best of many noisy scores is partly lucky: its seed suited it. So the best trials train again on seeds
//! that no search has seen, one seed after the other for all of them, until one is ahead or the budget ends.
//!
//! ```text
//! L = the number of looks, after 8, 16, 32 ... seeds and at the end
//! at each look: Wilcoxon's signed ranks for all pairs with Holm's correction, at the level 0.05 / L
//!     one finalist is ahead of every other: it has won
//! ```
//!
//! The level is divided, because whoever looks L times has L chances to be fooled (Bonferroni). What the search
//! had said of each finalist, minus the mean on fresh seeds, is its optimism: the winner's curse.

use super::live::{self, Pulse, View};
use super::{ALPHA, Compare, Comparison, Verdict, run};
use crate::chart::{Chart, Report};
use crate::count::Count;
use crate::error::{Error, ErrorKind, Result};
use crate::evaluate::Evaluator;
use crate::interrupt;
use crate::record::Trial;
use crate::strategy::{Proposal, strategy};
use crate::study::Study;
use crate::words::{plural, score};
use std::fmt;
use std::path::{Path, PathBuf};

/// The best trials of a study, to be trained on fresh seeds; see [`Study::finals`].
#[derive(Clone)]
#[must_use = "methods return a new value and leave this one as it is"]
#[doc(alias("validate"))]
pub struct Finals {
    study: Study,
    count: i64,
    seeds: i64,
    jobs: Option<i64>,
    quiet: bool,
    journal: Option<PathBuf>,
}

/// The first look, and the usual budget.
const FIRST: i64 = 8;
const SEEDS: i64 = 16;

impl Study {
    /// The `k` best architectures, to be evaluated again on fresh seeds, until one is ahead beyond what the seeds
    /// explain. After a search on shared weights each is trained by itself, with the settings and epochs of the search's
    /// own training.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::decisions([6, 6]);
    /// // A sum, and luck.
    /// let noisy = evaluator(|a, b| {
    ///     a.decisions().iter().sum::<u32>() as f64 + b.rng().normal()
    /// });
    /// let study = Study::new(&space, noisy).trials(30).seed(1).quiet().run()?;
    /// let finals = study.finals(3).seeds(16).quiet().run()?;
    /// println!("{}", finals.verdict());
    /// // On fresh seeds, the best of thirty is rarely as good as it was.
    /// println!("it looked {:.2} better than it is", finals.optimism()[0]);
    /// assert_eq!(finals.means().len(), 3);
    /// # Ok::<(), nascent::Error>(())
    /// ```
    pub fn finals(&self, k: impl Count) -> Finals {
        let (study, count) = (self.clone(), k.to_i64());
        Finals { study, count, seeds: SEEDS, jobs: None, quiet: false, journal: None }
    }
}

impl Finals {
    /// At most so many fresh seeds for each finalist; 16 unless it is set.
    pub fn seeds(&self, seeds: impl Count) -> Finals {
        Finals { seeds: seeds.to_i64(), ..self.clone() }
    }

    /// The threads to use; by default one per core. Results do not depend on it.
    pub fn jobs(&self, threads: impl Count) -> Finals {
        Finals { jobs: Some(threads.to_i64()), ..self.clone() }
    }

    /// Without lines of progress.
    pub fn quiet(&self) -> Finals {
        Finals { quiet: true, ..self.clone() }
    }

    /// Keeps each evaluation that has ended in a file, so that finals which were interrupted go on.
    pub fn journal(&self, path: impl AsRef<Path>) -> Finals {
        Finals { journal: Some(path.as_ref().to_path_buf()), ..self.clone() }
    }

    /// Evaluates the finalists on fresh seeds, until one is ahead or the seeds are spent.
    ///
    /// # Errors
    /// When fewer than two architectures have a score, the settings have problems, the journal cannot be read
    /// or written, or it is interrupted before every finalist has a result.
    pub fn run(&self) -> Result<Finalists> {
        if self.count < 2 {
            return Err(Error::invalid(
                format!("finals({})", self.count),
                "at least 2 are needed, or there is nothing to compare",
                "finals(3)",
            ));
        }
        let trials = self.study.top(self.count);
        if trials.len() < 2 {
            return Err(Error::invalid(
                format!(
                    "finals({}) of {}",
                    self.count,
                    plural(self.study.trials_done().len(), "trial")
                ),
                format!("two architectures with a score are needed, there is {}", trials.len()),
                self.study.more_networks(),
            ));
        }
        let own = self.study.evaluator();
        let alone = Evaluator::alone(&own);
        let mut inside = Evaluator::wraps(&own);
        while let (None, Some(evaluator)) = (&alone, inside) {
            if evaluator.alone().is_some() {
                return Err(Error::invalid(
                    format!("finals by {}", Evaluator::describe(&own)),
                    "it makes scores of its own from shared weights, which have no fresh seeds",
                    "finals of Study::new(&space, ...) with the same evaluator around a Train",
                ));
            }
            inside = evaluator.wraps();
        }
        let weights = self.study.not_fresh(&trials);
        let (had, full) = (trials[0].depth(), Evaluator::full(&own));
        if alone.is_none() && had < full && trials[0].epochs_spent() > 0.0 {
            return Err(Error::invalid(
                format!("finals of trials with {}", plural(had, "epoch")),
                format!(
                    "finals are full trainings, of {full} epochs, which no trial of this study has had"
                ),
                "more trials or epochs for the search, so that some are trained to the end",
            ));
        }
        let protocol = self.study.protocol();
        let first = crate::rng::child(protocol.seed, "finals", 0);
        let mut plan = Compare::new(&self.study.space(), alone.unwrap_or(own))
            .trials(1)
            .key(protocol.key)
            .on_failure(protocol.on_failure);
        for trial in &trials {
            let arch = trial.architecture();
            let again =
                strategy("a finalist", move |_, _| Ok(Proposal::new(arch.clone(), "final")));
            plan = plan.strategy(&name(trial), again);
        }
        plan =
            Compare { jobs: self.jobs, quiet: self.quiet, journal: self.journal.clone(), ..plan };
        // What is wrong with the settings, the number of seeds included.
        plan.seeds(self.seeds).check()?;
        let title = format!("{} on fresh seeds", plural(trials.len(), "finalist"));
        let pulse = Pulse::default();
        let stage = live::open(&plan, &pulse, View::Ends, &title);
        let drawn = stage.is_some() || crate::live::hush();
        let search = || self.looked(&plan, first, &pulse, drawn);
        let found = interrupt::in_front(|| title.clone(), search);
        let found = found.map(|(comparison, verdict)| {
            let (trials, budget) = (trials, self.seeds);
            Finalists { trials, weights, comparison, verdict, budget }
        });
        live::close(stage, &found);
        found
    }

    /// Evaluates up to one look after the other, until one finalist is ahead.
    fn looked(
        &self,
        plan: &Compare,
        first: u64,
        pulse: &Pulse,
        drawn: bool,
    ) -> Result<(Comparison, Verdict)> {
        let looks = looks(self.seeds);
        let level = ALPHA / looks.len() as f64;
        let mut found: Option<Comparison> = None;
        let mut verdict = None;
        for at in looks {
            let done = found.as_ref().map_or(0, |c| c.seeds().len() as i64);
            let next = plan.seed(first.wrapping_add(done as u64)).seeds(at - done);
            let more = match run::run(&next, pulse, drawn) {
                // What was found before the interruption stays.
                Err(e) if e.kind() == ErrorKind::Stopped && found.is_some() => break,
                more => more?,
            };
            let interrupted = more.interrupted();
            let all = match &found {
                None => more,
                Some(before) => before.with(&more),
            };
            verdict = Some(all.verdict_at(level));
            let won = verdict.as_ref().is_some_and(|v| v.winner().is_some());
            found = Some(all);
            if won || interrupted {
                break;
            }
        }
        found.zip(verdict).ok_or_else(|| {
            Error::invalid("finals without a look", "at least 1 seed is needed", "seeds(16)")
        })
    }
}

/// After how many seeds the finalists are compared.
fn looks(seeds: i64) -> Vec<i64> {
    let mut looks: Vec<i64> = std::iter::successors(Some(FIRST), |n| n.checked_mul(2))
        .take_while(|n| *n < seeds)
        .collect();
    looks.push(seeds);
    looks
}

/// What a finalist is called.
fn name(trial: &Trial) -> String {
    format!("trial {}", trial.number())
}

/// Finalists on fresh seeds, and what can be said of them. In a notebook they show their verdict, how each
/// did, and its optimism.
#[derive(Clone)]
pub struct Finalists {
    trials: Vec<Trial>,
    /// Whose weights the search has scored, where they were not fresh.
    weights: Option<&'static str>,
    comparison: Comparison,
    verdict: Verdict,
    budget: i64,
}

impl Finalists {
    /// Which one is ahead, if the seeds show it.
    pub fn verdict(&self) -> Verdict {
        self.verdict.clone()
    }

    /// The finalists as trials of the search, the best of the search first.
    pub fn trials(&self) -> Vec<Trial> {
        self.trials.clone()
    }

    /// The trial that has won, if there is one.
    pub fn winner(&self) -> Option<Trial> {
        let winner = self.verdict.winner()?;
        self.trials.iter().find(|t| name(t) == winner).cloned()
    }

    /// How many fresh seeds each finalist was evaluated on.
    pub fn seeds(&self) -> usize {
        self.comparison.seeds().len()
    }

    /// The mean score of each finalist on fresh seeds, in the order of [`trials`](Finalists::trials); `NaN` where
    /// all its evaluations failed.
    pub fn means(&self) -> Vec<f64> {
        let mean = |i: usize| {
            let ends: Vec<f64> = self.comparison.ends(i).into_iter().flatten().collect();
            crate::stats::summary(&ends).map_or(f64::NAN, |s| s.mean)
        };
        (0..self.trials.len()).map(mean).collect()
    }

    /// How much better each finalist looked in the search than on fresh seeds, in units of the score: positive
    /// where the search flattered it. `NaN` where the search has scored shared or inherited weights: it did not
    /// measure the same.
    #[doc(alias("winners_curse", "selection_bias"))]
    pub fn optimism(&self) -> Vec<f64> {
        let sign = if self.comparison.metric().maximise { 1.0 } else { -1.0 };
        let searched = |trial: &Trial| trial.score().filter(|_| self.weights.is_none());
        let of = |(trial, mean): (&Trial, f64)| sign * (searched(trial).unwrap_or(f64::NAN) - mean);
        self.trials.iter().zip(self.means()).map(of).collect()
    }

    /// The comparison of the finalists, with its charts and pairs. Its own verdict is that of a single look.
    pub fn comparison(&self) -> Comparison {
        self.comparison.clone()
    }

    /// What every finalist came to on every fresh seed.
    pub fn chart(&self) -> Chart {
        self.comparison.spread()
    }

    /// The finals in one block.
    pub fn report(&self) -> Report {
        let mut facts =
            vec![("fresh seeds".to_string(), format!("{} of {}", self.seeds(), self.budget))];
        let (means, optimism) = (self.means(), self.optimism());
        for (i, trial) in self.trials.iter().enumerate() {
            let searched = score(trial.score().unwrap_or(f64::NAN));
            let text = format!("{} fresh, {searched} in the search", score(means[i]));
            facts.push((name(trial), text));
        }
        let mut notices = vec![self.verdict.to_string()];
        if let Some(whose) = self.weights {
            notices.push(format!(
                "In the search the scores are of {whose} weights, here each is trained by itself: what they differ \
                 by is not luck."
            ));
        }
        if self.comparison.interrupted() {
            notices.push("It was interrupted before one was ahead or the seeds were spent.".into());
        }
        if let Some(first) = optimism.first().filter(|o| o.is_finite()) {
            notices.push(match *first > 0.0 {
                true => {
                    format!("The best of the search looked {} better than it is.", score(*first))
                }
                false => "The search did not flatter its best.".to_string(),
            });
        }
        Report {
            title: format!(
                "{} on {}",
                plural(self.trials.len(), "finalist"),
                plural(self.seeds(), "fresh seed")
            ),
            subtitle: self.comparison.metric().to_string(),
            facts,
            notices,
            charts: vec![self.chart()],
        }
    }
}

impl fmt::Display for Finalists {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.report().plain())
    }
}

crate::draw::debug_as_display!(Finalists);
