//! The charts of a comparison, and the report that combines them.

use super::curves::Curve;
use super::verdict::{ALPHA, p_text};
use super::{Against, Comparison, Judge};
use crate::chart::{
    BandSeries, Bands, Chart, CriticalDifference, Leaderboard, MeanRank, Pairs, Reference, Report,
    ScoreDistribution, ScoreSeries, Spread, SpreadRow, TargetTimes, TimeToTarget,
};
use crate::error::{Error, Result};
use crate::output;
use crate::stats::Statistic;
use crate::task::Metric;
use crate::words::{human_seconds, plural, score};
use std::path::Path;

/// From this ratio of the longest to the shortest on, an axis of time is logarithmic.
const WIDE: f64 = 30.0;

impl Comparison {
    fn seeds_text(&self) -> String {
        plural(self.0.seeds.len(), "seed")
    }

    fn judged_name(&self) -> String {
        let name = self.metric().name;
        match &self.0.judge {
            Judge::Report(_) => format!("{name}, of the best by {}", self.0.metric.name),
            _ => name,
        }
    }

    /// The mean over the seeds against trials or time, with bootstrap bands: regret where the
    /// optimum is known.
    pub fn curves(&self, against: Against) -> Chart {
        self.bands(against, Statistic::Mean)
    }

    /// The same of the median.
    pub fn median_curves(&self, against: Against) -> Chart {
        self.bands(against, Statistic::Median)
    }

    fn bands(&self, against: Against, statistic: Statistic) -> Chart {
        let regret = self.0.optimum.is_some();
        let curve = |(i, name)| Some((name, self.curve(i, against, statistic)?));
        let curves: Vec<(&String, Curve)> =
            self.0.names.iter().enumerate().filter_map(curve).collect();
        let ends = curves.iter().filter_map(|(_, c)| c.x.last().copied()).filter(|x| *x > 0.0);
        let (least, most) = ends.fold((f64::INFINITY, 0.0f64), |(l, m), x| (l.min(x), m.max(x)));
        let positive = |(_, c): &(&String, Curve)| c.bands.iter().all(|b| b.value > 0.0);
        let series = |(name, curve): &(&String, Curve)| BandSeries {
            name: (*name).clone(),
            x: curve.x.clone(),
            middle: curve.bands.iter().map(|b| b.value).collect(),
            low: curve.bands.iter().map(|b| b.low).collect(),
            high: curve.bands.iter().map(|b| b.high).collect(),
        };
        let middle = if statistic == Statistic::Mean { "mean" } else { "median" };
        let name = self.metric().name;
        Chart::new(Bands {
            x: axis(against, self.simulated()).into(),
            log_x: against != Against::Trials && most > WIDE * least,
            metric: format!("{middle} {}", if regret { "regret" } else { &name }),
            maximise: !regret && self.metric().maximise,
            log_y: regret && !curves.is_empty() && curves.iter().all(positive),
            shown: match regret {
                true => format!("{name}, {}, 95 % bootstrap band", self.seeds_text()),
                false => format!("{}, 95 % bootstrap band", self.seeds_text()),
            },
            reference: None,
            series: curves.iter().map(series).collect(),
        })
    }

    fn simulated(&self) -> bool {
        self.0.runs.iter().flatten().any(|run| run.simulated)
    }

    /// What every study ended with.
    pub fn spread(&self) -> Chart {
        let row = |(i, name): (usize, &String)| SpreadRow {
            name: name.clone(),
            values: self.ends(i).into_iter().flatten().collect(),
        };
        Chart::new(Spread {
            metric: self.metric().name,
            maximise: self.metric().maximise,
            shown: format!("at the end, {}", self.seeds_text()),
            reference: self.0.optimum.map(|value| Reference { name: "optimum".into(), value }),
            rows: self.0.names.iter().enumerate().map(row).collect(),
        })
    }

    /// How the scores of all finished trials are distributed, a curve for each strategy with the trials of all its
    /// seeds. Trials with fewer epochs than others are left out.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::decisions([4, 4, 4]);
    /// let sum = evaluator(|a, _| a.decisions().iter().sum::<u32>() as f64);
    /// let result = Compare::new(&space, sum).strategies(["random", "evolution"]).trials(30).seeds(3).quiet().run()?;
    /// assert!(result.score_distribution().svg().contains("of 3 seeds"));
    /// # Ok::<(), nascent::Error>(())
    /// ```
    pub fn score_distribution(&self) -> Chart {
        let all = || self.0.runs.iter().flatten();
        let deepest = all().flat_map(|run| &run.depths).copied().max();
        let whole = |run: &super::Run, i: usize| run.depths.get(i).copied().or(deepest) == deepest;
        let scores = |runs: &Vec<super::Run>| {
            let of = |run: &super::Run| {
                let kept = run.scores.iter().enumerate().filter(|(i, _)| whole(run, *i));
                kept.filter_map(|(_, score)| *score).collect::<Vec<f64>>()
            };
            runs.iter().flat_map(of).collect()
        };
        let series = |(name, runs): (&String, &Vec<super::Run>)| ScoreSeries {
            name: name.clone(),
            scores: scores(runs),
        };
        let which =
            if deepest.is_some() { "those with the most epochs" } else { "all finished trials" };
        let Metric { name: metric, maximise } = self.0.metric.clone();
        Chart::new(ScoreDistribution {
            metric,
            maximise,
            shown: format!("{which} of {}", self.seeds_text()),
            series: self.0.names.iter().zip(&self.0.runs).map(series).collect(),
        })
    }

    /// Average ranks with the critical difference.
    pub fn ranks(&self) -> Chart {
        let (compared, rows) = self.complete();
        let shown = self.metric().name;
        let Ok(test) = self.friedman() else {
            return Chart::new(CriticalDifference { shown, ..Default::default() });
        };
        let rank = |(&i, &rank): (&usize, &f64)| MeanRank { name: self.0.names[i].clone(), rank };
        let (p, seeds) = (p_text(test.p), plural(rows.len(), "seed"));
        Chart::new(CriticalDifference {
            shown,
            ranks: compared.iter().zip(&test.ranks).map(rank).collect(),
            cliques: test.cliques,
            critical: Some(test.critical_difference),
            note: format!("Friedman {p}, Nemenyi at {ALPHA}, {seeds}"),
        })
    }

    /// How often each strategy ended better than each other one, and which differences are significant.
    pub fn duels(&self) -> Chart {
        let names = &self.0.names;
        let place = |name: &String| names.iter().position(|n| n == name).unwrap_or_default();
        let mut wins = vec![vec![f64::NAN; names.len()]; names.len()];
        let mut p = wins.clone();
        for pair in self.pairs() {
            let (a, b) = (place(&pair.first), place(&pair.second));
            (wins[a][b], wins[b][a]) = (pair.wins, 1.0 - pair.wins);
            // Where wins and ranks point in different directions, neither is reliable.
            let agree = (pair.wins - 0.5) * pair.effect > 0.0;
            let sure = if agree { pair.p } else { pair.p.max(ALPHA) };
            (p[a][b], p[b][a]) = (sure, sure);
        }
        Chart::new(Pairs {
            names: names.clone(),
            wins,
            p,
            alpha: ALPHA,
            shown: format!("{}, {}, Wilcoxon with Holm", self.metric().name, self.seeds_text()),
        })
    }

    /// The share of studies that have reached the target against trials or time.
    pub fn time_to_target(&self, target: f64, against: Against) -> Chart {
        let times = |(i, name): (usize, &String)| TargetTimes {
            name: name.clone(),
            times: self.reached(target, i, against),
        };
        let series: Vec<TargetTimes> = self.0.names.iter().enumerate().map(times).collect();
        let known = || series.iter().flat_map(|s| s.times.iter().flatten().copied());
        let (least, most) = known().fold((f64::INFINITY, 0.0f64), |(l, m), x| (l.min(x), m.max(x)));
        let of_random = match self.usual_target() == Some(target) && self.baseline().is_some() {
            true => "; the target is the median of random search",
            false => "",
        };
        let longest = self.0.runs.iter().flatten().map(|run| run.scores.len()).max();
        Chart::new(TimeToTarget {
            x: axis(against, self.simulated()).into(),
            log_x: against != Against::Trials && least > 0.0 && most > WIDE * least,
            target: score(target),
            shown: format!("{}, {}{of_random}", self.metric().name, self.seeds_text()),
            end: longest.filter(|_| against == Against::Trials).map(|n| n as f64),
            series,
        })
    }

    /// What random search typically ends with; without it, what half of all studies end with.
    pub(super) fn usual_target(&self) -> Option<f64> {
        let who = match self.baseline() {
            Some(baseline) => baseline..baseline + 1,
            None => 0..self.0.names.len(),
        };
        let ends: Vec<f64> = who.flat_map(|i| self.ends(i)).flatten().collect();
        crate::stats::quantile(&ends, 0.5).ok()
    }

    /// The strategies in numbers; see [`Comparison::standings`].
    pub fn table(&self) -> Chart {
        let (regret, baseline) = (self.0.optimum.is_some(), self.baseline().is_some());
        let mean = format!("mean {} ± sd", self.metric().name);
        let mut columns = vec!["strategy", &mean, "95 % of the mean", "median"];
        columns.extend(regret.then_some("mean regret"));
        columns.push("rank");
        columns.extend(baseline.then_some("beats random"));
        columns.push("own time");
        let columns = columns.into_iter().map(String::from).collect();
        // The best first, which the table marks.
        let mut summary = self.standings();
        let up = if self.metric().maximise { -1.0 } else { 1.0 };
        summary.sort_by(|a, b| (up * a.mean.value).total_cmp(&(up * b.mean.value)));
        let sure = self.beats_random();
        let rows = summary.into_iter().map(|s| {
            let certain = sure.contains(&s.name);
            let deviation = s.deviation.map_or(String::new(), |d| format!(" ± {}", score(d)));
            let mut row = vec![
                s.name,
                format!("{}{deviation}", score(s.mean.value)),
                format!("{} to {}", score(s.mean.low), score(s.mean.high)),
                score(s.median),
            ];
            if regret {
                row.push(score(self.shown(s.mean.value)));
            }
            row.push(s.rank.map_or(String::new(), |r| format!("{r:.2}")));
            if baseline {
                row.push(s.beats_random.map_or("–".into(), |b| {
                    let mark = if certain { "" } else { " n.s." };
                    format!("{} %{mark}", (100.0 * b.value).round())
                }));
            }
            row.push(own_time(s.overhead));
            row
        });
        let note = "bands: 95 % bootstrap over the seeds; n.s.: not significant, as in the pairs; own time: of \
                    a trial"
            .to_string();
        Chart::new(Leaderboard { columns, rows: rows.collect(), note })
    }

    /// The whole comparison in one block: what was run, what the seeds support, and the charts. It
    /// is what the comparison shows in a notebook.
    pub fn report(&self) -> Report {
        let inner = &self.0;
        let mut facts = vec![
            ("judged by".to_string(), self.judged_name()),
            ("seeds".to_string(), inner.seeds.len().to_string()),
        ];
        let mut say = |what: &str, text: String| facts.push((what.to_string(), text));
        let trials: usize = inner.runs.iter().flatten().map(|run| run.scores.len()).sum();
        say("trials in all", crate::words::human_count(trials as f64));
        let evaluated: f64 = inner.runs.iter().flatten().flat_map(|run| &run.seconds).sum();
        if evaluated > 0.0 && (self.simulated() || !inner.looked_up) {
            let what = if self.simulated() { "simulated time" } else { "time of evaluations" };
            say(what, human_seconds(evaluated));
        }
        say(
            &format!("wall time, {}", plural(inner.spent.threads, "thread")),
            human_seconds(inner.spent.seconds),
        );
        if inner.spent.kept > 0 {
            let all = inner.seeds.len() * inner.names.len();
            say("from the journal", format!("{} of {}", inner.spent.kept, super::studies(all)));
        }
        if let Some(optimum) = inner.optimum {
            say("optimum", score(optimum));
        }
        if let Judge::Hypervolume { reference, unit } = &inner.judge {
            let turned = reference.iter().zip(&inner.objectives);
            let point: Vec<String> =
                turned.map(|(v, m)| format!("{} {}", m.name, score(m.turned(*v)))).collect();
            say("hypervolume from", point.join(", "));
            if *unit != 1.0 {
                say("its unit", "the box from the worst to the best values of all trials".into());
            }
        }
        let trials = Against::Trials;
        let mut charts = vec![self.table(), self.curves(trials), self.median_curves(trials)];
        charts.extend(self.simulated().then(|| self.curves(Against::Seconds)));
        charts.push(self.curves(Against::Overhead));
        charts.extend([self.spread(), self.ranks(), self.duels()]);
        if let Some(target) = self.usual_target() {
            charts.push(self.time_to_target(target, Against::Trials));
        }
        let title = match inner.names.len() {
            1 => format!("{} over {}", inner.names[0], self.seeds_text()),
            n => format!("{n} strategies over {}", self.seeds_text()),
        };
        let version = env!("CARGO_PKG_VERSION");
        let subtitle = format!("{}; {}; nascent {version}", inner.evaluator, inner.protocol);
        Report { title, subtitle, facts, notices: self.notices(), charts }
    }

    /// What a reader must not overlook, the verdict first.
    fn notices(&self) -> Vec<String> {
        let inner = &self.0;
        let mut notices = vec![self.verdict().to_string()];
        if self.interrupted() {
            notices.push(format!(
                "It was interrupted: it has {} of the {} seeds that were asked for.",
                inner.seeds.len(),
                inner.spent.planned
            ));
        }
        if self.baseline().is_none() {
            notices.push(
                "Random search is not among the strategies. A strategy deserves the name only if it \
                 beats that."
                    .to_string(),
            );
        }
        if inner.spent.kept > 0 && !inner.unknown.is_empty() {
            notices.push(format!(
                "{} of the studies came from the journal, which knows {} by name only: if the code has \
                 changed since, use another journal.",
                inner.spent.kept,
                inner.unknown.join(", ")
            ));
        }
        let volumes = || (0..inner.names.len()).flat_map(|i| self.ends(i)).flatten();
        if matches!(inner.judge, Judge::Hypervolume { .. }) && volumes().all(|v| v == 0.0) {
            notices.push(
                "No trial is better than the reference point in every objective, so all volumes are 0. \
                 Try reference(...) with worse values."
                    .to_string(),
            );
        }
        let ends = volumes();
        if let (Some(optimum), Some(least)) =
            (inner.optimum, ends.map(|v| self.shown(v)).min_by(f64::total_cmp))
            && least < 0.0
        {
            notices.push(format!(
                "The best study is better than the optimum of {} by {}: a regret is never \
                 below 0. Try optimum(...) with the best value there is.",
                score(optimum),
                score(-least)
            ));
        }
        let planned = inner.runs.iter().flatten().map(|run| run.scores.len()).max().unwrap_or(0);
        for (name, runs) in inner.names.iter().zip(&inner.runs) {
            let failed: usize = runs.iter().flat_map(|r| &r.scores).filter(|s| s.is_none()).count();
            let all: usize = runs.iter().map(|run| run.scores.len()).sum();
            if failed > 0 {
                let why = runs.iter().find_map(|run| run.failure.as_deref()).unwrap_or_default();
                notices.push(format!(
                    "{name}: {failed} of {} failed. The first: {why}",
                    plural(all, "trial")
                ));
            }
            let early = |run: &&super::Run| run.scores.len() < planned && !run.ended.is_budget();
            if let Some(super::Run { ended, .. }) = runs.iter().find(early) {
                let (n, all) = (runs.iter().filter(early).count(), runs.len());
                notices.push(format!(
                    "{name}: {n} of {all} studies ended before {planned} trials: {ended}."
                ));
            }
        }
        notices
    }

    /// Writes everything into a folder, which is made if need be: `trials.csv`, `summary.csv` and
    /// `pairs.csv`, `report.html`, and each chart as SVG.
    ///
    /// # Errors
    /// When something cannot be written; everything else is written all the same.
    pub fn save(&self, folder: impl AsRef<Path>) -> Result<()> {
        let folder = folder.as_ref();
        output::check_folder(folder)?;
        std::fs::create_dir_all(folder)
            .map_err(|e| Error::from(e).context(format!("making {}", folder.display())))?;
        let write = |name: &str, text: String| output::write(folder.join(name), text);
        let mut written = vec![
            write("trials.csv", self.to_csv()),
            write("summary.csv", self.summary_csv()),
            write("pairs.csv", self.pairs_csv()),
            self.report().save(folder.join("report.html")),
        ];
        let mut charts = vec![
            ("regret-trials", self.curves(Against::Trials)),
            ("regret-trials-median", self.median_curves(Against::Trials)),
            ("regret-seconds", self.curves(Against::Seconds)),
            ("regret-overhead", self.curves(Against::Overhead)),
            ("final", self.spread()),
            ("ranks", self.ranks()),
            ("pairs", self.duels()),
            ("summary", self.table()),
        ];
        if let Some(target) = self.usual_target() {
            charts.push(("time-to-target", self.time_to_target(target, Against::Trials)));
        }
        written.extend(charts.into_iter().map(|(name, c)| write(&format!("{name}.svg"), c.svg())));
        output::all(written)
    }
}

/// Seconds, even very few.
fn own_time(seconds: f64) -> String {
    match seconds < 1e-3 {
        true => format!("{:.1} µs", seconds * 1e6),
        false => human_seconds(seconds),
    }
}

fn axis(against: Against, simulated: bool) -> &'static str {
    match against {
        Against::Trials => "trials",
        Against::Seconds if simulated => "simulated time (s)",
        Against::Seconds => "time of evaluations (s)",
        Against::Overhead => "own time of the strategy (s)",
        Against::Epochs => "epochs",
    }
}
