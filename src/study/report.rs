//! The charts of a study, and the report that combines them.

use super::Ended;
use super::Study;
use super::csv::own_names;
use crate::chart::{
    Axis, BestSeries, BestSoFar, Chart, Climb, Curve, Entry, Frontier, FrontierPoint, IntoEntry,
    Leaderboard, LearningCurves, Listing, Replay, Replayed, Report, Rungs, ScoreDistribution,
    ScoreSeries,
};
use crate::count::Count;
use crate::evaluate::{Evaluation, Evaluator, Retrained};
use crate::fidelity::chains_of;
use crate::record::objectives::figure;
use crate::record::{Key, Trial};
use crate::strategy::Strategy;
use crate::task::Metric;
use crate::words::{capital, human_count, human_seconds, plural, score};
use std::collections::HashSet;

/// The version of Candle that this crate is built on.
pub(super) const CANDLE: &str = "0.11";
/// The most rows of a listing.
const LISTED: usize = 200;

/// The most epochs that a finished trial stands for.
pub(super) fn deepest<'t>(trials: impl Iterator<Item = &'t Trial>) -> usize {
    trials.filter(|t| t.score().is_some()).map(Trial::depth).max().unwrap_or(0)
}

impl Study {
    /// Best score so far against trials.
    pub fn best_so_far(&self) -> Chart {
        self.best_chart(Axis::Trials)
    }

    /// The search as an animation: its trials appear one after the other, with the best so far. In a notebook, on a page
    /// and in a README it moves; on paper it is the picture of the end.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::decisions([4, 4, 4]);
    /// let study = Study::new(&space, evaluator(|a, _| a.identity() as f64)).trials(20).quiet().run()?;
    /// assert!(study.replay().svg().contains("<animate"));
    /// # Ok::<(), nascent::Error>(())
    /// ```
    #[doc(alias("animation", "movie"))]
    pub fn replay(&self) -> Chart {
        let trials = self.trials_done();
        let deepest = deepest(trials.iter());
        let trial = |t: &Trial| Replayed {
            number: t.number(),
            score: t.score().filter(|_| t.depth() == deepest),
            name: t.architecture().to_string(),
        };
        // What had fewer epochs than others has not failed.
        let shown = trials.iter().filter(|t| t.score().is_none() || t.depth() == deepest);
        let trials = shown.map(trial).collect();
        let Metric { name: metric, maximise } = self.metric();
        Chart::new(Replay { metric, maximise, trials })
    }

    /// Best score so far against seconds.
    pub fn best_against_seconds(&self) -> Chart {
        self.best_chart(Axis::Seconds)
    }

    fn best_chart(&self, axis: Axis) -> Chart {
        self.best_of_these(&self.trials_done(), axis)
    }

    /// The same for the trials of some moment.
    pub(super) fn best_of_these(&self, trials: &[Trial], axis: Axis) -> Chart {
        let trials = || trials.iter().filter(|t| t.ended());
        let simulated = trials().any(|t| t.finished().is_some_and(|e| e.seconds_spent().is_some()));
        let deepest = deepest(trials());
        let mut spent = 0.0;
        let mut points: Vec<(f64, Option<f64>)> = trials()
            .map(|t| {
                if t.reused_from().is_none() {
                    spent += t.seconds_spent();
                }
                let x = match axis {
                    Axis::Trials => t.number() as f64,
                    Axis::Seconds if simulated => spent,
                    Axis::Seconds => t.0.at,
                };
                // A score after few epochs is not compared with one after many.
                (x, t.score().filter(|_| t.depth() == deepest))
            })
            .collect();
        // Trials do not end in the order in which they were asked for.
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        let name = self.setup.strategy.describe(self.setup.planned());
        let Metric { name: metric, maximise } = self.metric();
        let series = vec![BestSeries { name, points }];
        Chart::new(BestSoFar { axis, metric, maximise, series })
    }

    /// The score of every trial after every epoch; the three best are highlighted.
    pub fn learning_curves(&self) -> Chart {
        let best: Vec<usize> = self.top(3).iter().map(Trial::number).collect();
        let trials = self.trials_done();
        // Of a training that was continued, the whole.
        let continued: HashSet<usize> = trials.iter().filter_map(Trial::continues).collect();
        let last = |t: &Trial| t.reused_from().is_none() && !continued.contains(&t.number());
        let curves = trials.into_iter().filter(last);
        let curves = curves.filter_map(|t| {
            let values = t.evaluation()?.curve();
            (!values.is_empty()).then(|| Curve {
                name: format!("trial {}", t.number()),
                highlight: best.contains(&t.number()),
                values,
            })
        });
        let Metric { name: metric, maximise } = self.metric();
        let curves = curves.collect();
        Chart::new(LearningCurves { metric, maximise, x: "epoch".into(), curves })
    }

    /// How the scores of all trials are distributed: for each score the share of finished trials that are no higher.
    /// Trials that took over the result of an earlier one count as well, for they were proposed again; those with
    /// fewer epochs than others do not.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::decisions([4, 4]);
    /// let sum = evaluator(|a, _| a.decisions().iter().sum::<u32>() as f64);
    /// let study = Study::new(&space, sum).strategy(Grid).trials(16).quiet().run()?;
    /// assert!(study.score_distribution().plain().contains("half up to 3"));
    /// # Ok::<(), nascent::Error>(())
    /// ```
    pub fn score_distribution(&self) -> Chart {
        let trials = self.trials_done();
        let deepest = deepest(trials.iter());
        let all = trials.iter().filter(|t| t.score().is_some()).count();
        let whole = trials.iter().filter(|t| t.depth() == deepest).filter_map(Trial::score);
        let name = self.setup.strategy.describe(self.setup.planned());
        let series = ScoreSeries { name: name.clone(), scores: whole.collect() };
        let few = match all - series.scores.len() {
            0 => String::new(),
            n => format!(", without {} with fewer epochs", plural(n, "trial")),
        };
        let few = few + &self.short_of(deepest).map_or(String::new(), |said| format!(", {said}"));
        let (Metric { name: metric, maximise }, shown) = (self.metric(), format!("{name}{few}"));
        Chart::new(ScoreDistribution { metric, maximise, shown, series: vec![series] })
    }

    /// Where a schedule such as [`Hyperband`](crate::Hyperband) has decided how long to train: the scores at the
    /// numbers of epochs at which it looked, with lines between those of a network that went on.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::decisions([4, 4, 4]);
    /// let sum = evaluator(|a, b| (a.identity() as f64) * b.epochs_allowed() as f64).epochs(9);
    /// let study = Study::new(&space, sum).strategy(SuccessiveHalving::new()).trials(13).batch(1).quiet().run()?;
    /// assert!(study.rungs().plain().contains("9 at 1 epoch, 3 at 3, 1 at 9"));
    /// # Ok::<(), nascent::Error>(())
    /// ```
    pub fn rungs(&self) -> Chart {
        let (planned, trials) = (self.setup.planned(), self.trials_done());
        let climb = |chain: &Vec<usize>| {
            let points =
                chain.iter().filter_map(|&n| Some((trials[n].depth() as f64, trials[n].score()?)));
            let points: Vec<(f64, f64)> = points.collect();
            Climb { name: format!("trial {}", chain[0]), points }
        };
        let Metric { name: metric, maximise } = self.metric();
        let networks = chains_of(&trials).iter().map(climb).collect();
        let shown = self.setup.strategy.describe(planned);
        Chart::new(Rungs { metric, maximise, paid: self.epochs_paid(), shown, networks })
    }

    /// The score against the second [objective](Study::objective), with the trials of
    /// [`Study::front`]; with the score as the only objective, against the parameters, with the trials
    /// that no other one beats in both. With more than two objectives, the front is that of all of them,
    /// though only two are drawn.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::decisions([4, 4]);
    /// let fast = evaluator(|a, _| {
    ///     let d = a.decisions();
    ///     Evaluation::new(f64::from(d[0])).with("speed", f64::from(3 - d[0] + d[1]))
    /// });
    /// let study = Study::new(&space, fast).objective(Metric::maximise("speed"))
    ///     .strategy(Grid).trials(16).quiet().run()?;
    /// assert_eq!(study.front().len(), 4);
    /// assert!(study.frontier().to_string().contains("speed (higher is better)"));
    /// # Ok::<(), nascent::Error>(())
    /// ```
    pub fn frontier(&self) -> Chart {
        let best = self.best().ok().map(|t| t.number());
        let further = self.protocol().objectives;
        let cost = further.first().cloned().unwrap_or_else(|| Metric::minimise("params"));
        let trials = self.trials_done().into_iter().filter(|t| t.reused_from().is_none());
        let shown = trials.filter_map(|t| {
            let found = t.finished()?;
            let point = FrontierPoint {
                name: format!("trial {}: {}", t.number(), t.architecture()),
                x: match further.is_empty() {
                    true => t.architecture().params() as f64,
                    false => figure(&cost.name, found, &t)?,
                },
                score: found.score(),
                best: best == Some(t.number()),
            };
            Some((t.number(), point))
        });
        let (numbers, points): (Vec<usize>, Vec<FrontierPoint>) = shown.unzip();
        // With two objectives the chart finds the front itself, and draws its line.
        let front = (further.len() > 1).then(|| {
            let place = |t: Trial| numbers.binary_search(&t.number()).ok();
            self.front().into_iter().filter_map(place).collect()
        });
        let x = match &cost.name[..] {
            "params" => "parameters",
            "macs" => "multiply-adds",
            other => other,
        };
        let Metric { name: metric, maximise } = self.metric();
        let maximise_x = cost.maximise;
        Chart::new(Frontier { x: x.into(), maximise_x, metric, maximise, points, front })
    }

    /// The `k` best trials as a table.
    pub fn leaderboard(&self, k: impl Count) -> Chart {
        let rows = self.top(k).into_iter().enumerate().map(|(i, t)| {
            let arch = t.architecture();
            vec![
                (i + 1).to_string(),
                t.number().to_string(),
                score(t.score().unwrap_or(f64::NAN)),
                human_count(arch.params() as f64),
                human_seconds(t.seconds_spent()),
                arch.to_text(),
            ]
        });
        let ours = ["trial", "parameters", "time", "architecture"];
        let metric = own_names(&[self.metric().name], &ours).swap_remove(0);
        let [trial, parameters, time, arch] = ours;
        let heads = ["", trial, &metric, parameters, time, arch];
        let mut columns = heads.map(String::from).to_vec();
        let mut rows: Vec<Vec<String>> = rows.collect();
        if self.setup.space.is_decisions() {
            // No network is built from decisions alone, so they have no parameters.
            rows.iter_mut().chain([&mut columns]).for_each(|row| _ = row.remove(3));
        }
        Chart::new(Leaderboard { columns, rows, note: String::new() })
    }

    /// Whether a schedule looked at others after fewer epochs than this trial had.
    fn looked_earlier(&self, best: &Trial) -> bool {
        let trials = self.trials_done();
        trials.iter().any(|t| t.score().is_some() && t.depth() < best.depth())
    }

    /// The trials in their order as a table: where each comes from, its score, what it cost, and, where there is something
    /// to remark, why it failed or whose evaluation it repeats. Of more than 200 these are the first and the last 100; [`Study::save_csv`] has all.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::new([8], Task::classification(2)).then(linear(any([4, 8, 16])));
    /// let wide = evaluator(|arch, _| arch.params() as f64);
    /// let study = Study::new(&space, wide).strategy(Evolution::regularized()).trials(3).quiet().run()?;
    /// assert!(study.listing().plain().contains("linear(16)"));
    /// # Ok::<(), nascent::Error>(())
    /// ```
    pub fn listing(&self) -> Chart {
        let (trials, metric) = (self.trials_done(), self.metric().name);
        let ours = ["trial", "made by", "from", "epochs", "time", "architecture", "remark"];
        let metric = own_names(&[metric], &ours).swap_remove(0);
        let [trial, origin, from, epochs, time, arch, remark] = ours;
        let mut listing = Listing::new([trial, origin, from, &metric, epochs, time, arch, remark]);
        let ends = LISTED / 2;
        // Others may have higher scores after fewer epochs, which are not compared with its own.
        let best = self.best().ok().filter(|best| self.looked_earlier(best));
        let best = best.map(|best| (best.number(), format!("best of {} epochs", best.depth())));
        for (i, t) in trials.iter().enumerate() {
            if trials.len() > LISTED && (ends..trials.len() - ends).contains(&i) {
                continue;
            }
            let mut from = t.parents();
            from.extend(t.continues().or(t.inherits()).filter(|n| !from.contains(n)));
            let from = from.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
            let remark = match (t.reused_from(), t.score(), t.error()) {
                (Some(first), Some(_), _) => format!("reused from {first}"),
                (Some(first), None, _) => format!("failed, reused from {first}"),
                (None, Some(_), _) => match &best {
                    Some((number, words)) if *number == t.number() => words.clone(),
                    _ => String::new(),
                },
                (None, None, Some(why)) => format!("failed: {why}"),
                (None, None, None) => t.status(),
            };
            // What a repeated evaluation once took, its first trial says.
            let paid = if t.reused_from().is_some() { 0.0 } else { t.seconds_spent() };
            let (n, epochs, time) = (t.number(), t.epochs_spent(), human_seconds(paid));
            let text = t.architecture().to_text();
            listing.add((n, t.origin(), from, t.score(), epochs, time, text, remark));
        }
        let empty = |row: &Vec<Entry>| row.last() == Some(&"".entry());
        if listing.rows.iter().all(empty) {
            listing.columns.pop();
            listing.rows.iter_mut().for_each(|row| _ = row.pop());
        }
        let note = match trials.len() {
            n if n > LISTED => format!("the first and the last {ends} of {n} trials"),
            _ => String::new(),
        };
        Chart::new(listing.noted(&note))
    }

    /// The whole study in one block: what was done, under which protocol, what it cost, what failed,
    /// and the charts. A study shows its report in a notebook.
    pub fn report(&self) -> Report {
        let s = &*self.setup;
        let p = &s.protocol;
        let trials = self.trials_done();
        let metric = self.metric();
        let mut facts: Vec<(String, String)> = vec![];
        let mut say = |what: &str, text: String| facts.push((what.to_string(), text));
        if let Ok(best) = self.best() {
            let value = score(best.score().unwrap_or(f64::NAN));
            let of = s.evaluator.split().map_or(String::new(), |split| format!("{split} "));
            let after = match self.looked_earlier(&best) {
                true => format!(" after {}", plural(best.depth(), "epoch")),
                false => String::new(),
            };
            let found = format!("{value}{after}, trial {}", best.number());
            say(&format!("best {of}{}", metric.name), found);
            if s.space.is_decisions() {
                // There are no parameters; the figures of the evaluation say more.
                let more = best.evaluation().unwrap_or_default().metrics();
                more.iter().for_each(|(name, v)| say(&format!("its {name}"), score(*v)));
            } else {
                say("its parameters", human_count(best.architecture().params() as f64));
            }
        }
        let reused = trials.iter().filter(|t| t.reused_from().is_some()).count();
        let note = if reused > 0 { format!(", {reused} reused") } else { String::new() };
        say("trials", format!("{}{note}", trials.len()));
        say("epochs paid", human_count(self.epochs_paid()));
        let simulated: f64 = trials.iter().map(Trial::simulated_paid).sum();
        if simulated > 0.0 {
            say("simulated time", human_seconds(simulated));
        }
        say(
            &format!("wall time, {}", plural(s.threads(), "thread")),
            human_seconds(self.seconds_run()),
        );
        self.bill().lines().into_iter().for_each(|(what, text)| say(&what, text));
        say("space size", s.space.size_text());
        let mut notices = vec![];
        let failed = self.failed();
        if let Some(first) = failed.first().filter(|_| failed.len() < trials.len()) {
            let seconds: f64 = failed.iter().map(Trial::seconds_spent).sum();
            notices.push(format!(
                "{} of {} failed and cost {}. Trial {}: {}",
                failed.len(),
                plural(trials.len(), "trial"),
                human_seconds(seconds),
                first.number(),
                first.error().unwrap_or_default()
            ));
        }
        match self.best() {
            Err(e) => notices.push(e.to_string()),
            Ok(best) => {
                let undefined = best.finished().into_iter().flat_map(Evaluation::all_undefined);
                notices.extend(undefined.map(|(name, why)| format!("{name} is undefined: {why}.")));
            }
        }
        let ended = self.ended_by();
        if let Some(ended) = ended.filter(|ended| !matches!(ended, Ended::Trials(_))) {
            notices.push(format!("The study ended because {ended}."));
        }
        let tests = self.lock().tests;
        if tests > 1 {
            notices.push(format!(
                "The test split has been used {tests} times. A choice made by it makes it optimistic."
            ));
        }
        let key = if p.key == Key::Canonical { " by canonical form" } else { "" };
        let subtitle = format!(
            "{}; budget {}, seed {}, {}, duplicates {}{key}; nascent {}, candle {CANDLE}",
            s.evaluator.describe(),
            p.limits(),
            p.seed,
            p.pace(),
            p.duplicates.word(),
            env!("CARGO_PKG_VERSION"),
        );
        let mut charts = vec![self.best_so_far(), self.best_against_seconds()];
        if trials.windows(2).any(|pair| pair[0].depth() != pair[1].depth()) {
            charts.push(self.rungs());
        }
        if trials.iter().any(|t| t.evaluation().is_some_and(|e| e.curve().len() > 1)) {
            charts.push(self.learning_curves());
        }
        if !s.space.is_decisions() || !p.objectives.is_empty() {
            charts.push(self.frontier());
        }
        charts.push(self.leaderboard(5));
        let title = capital(&s.strategy.describe(s.planned()));
        Report { title, subtitle, facts, notices, charts }
    }
}

impl Retrained {
    /// The winner in one block: its test score, its network and how its training went.
    pub fn report(&self) -> Report {
        let arch = self.model.architecture();
        let mut facts = vec![(format!("test {}", self.metric.name), score(self.test))];
        let more = self.metrics().into_iter().filter(|(name, _)| *name != self.metric.name);
        facts.extend(more.map(|(name, v)| (format!("test {name}"), score(v))));
        facts.push(("epochs".into(), self.epochs.to_string()));
        facts.push(("time".into(), human_seconds(self.seconds)));
        facts.push(("parameters".into(), human_count(arch.params() as f64)));
        let losses = LearningCurves {
            metric: "training loss".into(),
            maximise: false,
            x: "epoch".into(),
            curves: vec![Curve { name: "loss".into(), highlight: true, values: self.losses() }],
        };
        Report {
            title: "The winner, trained on train + validation and tested once".into(),
            subtitle: arch.to_text(),
            facts,
            notices: vec![],
            charts: vec![arch.shown(), Chart::new(losses)],
        }
    }
}
