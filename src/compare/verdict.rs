//! What can be said about the strategies, and how sure it is.
//!
//! Demsar, "Statistical Comparisons of Classifiers over Multiple Data Sets", JMLR 7, 2006, with seeds
//! in place of data sets: Friedman's test asks whether the strategies differ at all, and Nemenyi's
//! critical difference which of their average ranks do; for pairs there is Wilcoxon's signed-rank test
//! with Holm's correction, after Benavoli, Corani and Mangili, JMLR 17, 2016, who show that ranks among
//! all strategies are a poor judge of two. A winner is named only if it beats every other strategy in that test,
//! and with most of the seeds: if a strategy is a little better with many of them and much worse with the
//! rest, the test is against it.

use super::Comparison;
use super::curves::{LEVEL, RESAMPLES};
use crate::error::{Error, Result};
use crate::rng::Rng;
use crate::stats::{self, Band, Friedman, Statistic};
use crate::words::{plural, score};
use std::fmt;

/// The level of all tests.
pub(super) const ALPHA: f64 = 0.05;

/// How a strategy did over its seeds.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// Its name in the comparison.
    pub name: String,
    /// Studies in which a trial finished.
    pub studies: usize,
    /// The mean of what they ended with, with its 95 % bootstrap band.
    pub mean: Band,
    /// The sample standard deviation; `None` for a single study.
    pub deviation: Option<f64>,
    /// The median.
    pub median: f64,
    /// The mean of the best score that the searches saw, which need not be what they are judged by.
    pub score: f64,
    /// The average rank over the seeds, 1 is best; `None` if no seed has a result of every strategy.
    pub rank: Option<f64>,
    /// The share of seeds with which it ends better than random search, a tie counting as half, with its bootstrap
    /// band; `None` without random search, and for random search itself. Whether that is significant is said by
    /// [`Comparison::pairs`] and [`Comparison::beats_random`].
    pub beats_random: Option<Band>,
    /// The mean of the seconds that evaluations took in a study, simulated where looked up.
    pub seconds: f64,
    /// Seconds per trial that the strategy took itself.
    pub overhead: f64,
    /// Trials per study.
    pub trials: f64,
    /// Epochs per study, of what was paid for.
    pub epochs: f64,
    /// Failed trials in all studies.
    pub failed: usize,
}

/// Two strategies, seed by seed.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// The one.
    pub first: String,
    /// The other.
    pub second: String,
    /// The share of seeds with which the first ended better, a tie counting as half.
    pub wins: f64,
    /// How far ahead the first is by the ranks that the test uses, from -1 to 1: the share of them
    /// in its favour minus the share against it (the matched-pairs rank-biserial
    /// correlation; Kerby, Comprehensive Psychology 3, 2014). Many small wins and a few large losses
    /// can be a loss.
    pub effect: f64,
    /// The probability of such a difference, were both alike: Wilcoxon's signed-rank test, two-sided,
    /// with Holm's correction for all pairs of the comparison.
    pub p: f64,
}

/// What the seeds support, in words; see [`Comparison::verdict`].
#[derive(Clone, Debug, PartialEq)]
#[must_use = "methods return a new value and leave this one as it is"]
pub struct Verdict {
    winner: Option<String>,
    text: String,
}

impl Verdict {
    /// The strategy that is better than every other one, if the seeds show that there is one.
    pub fn winner(&self) -> Option<String> {
        self.winner.clone()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Comparison {
    /// A row for each strategy that has a result.
    pub fn standings(&self) -> Vec<Standing> {
        let ranks = self.friedman().ok();
        let (compared, _) = self.complete();
        let standing = |i: usize| {
            let rank = compared.iter().position(|&c| c == i).zip(ranks.as_ref());
            self.standing_of(i, rank.map(|(at, ranks)| ranks.ranks[at]))
        };
        (0..self.0.names.len()).filter_map(standing).collect()
    }

    fn standing_of(&self, i: usize, rank: Option<f64>) -> Option<Standing> {
        let ends: Vec<f64> = self.ends(i).into_iter().flatten().collect();
        let spread = stats::summary(&ends).ok()?;
        let mut rng = Rng::from_u64(0).stream("summary", 0);
        let mean = stats::bootstrap(&ends, Statistic::Mean, LEVEL, RESAMPLES, &mut rng).ok()?;
        let baseline = self.baseline().filter(|&b| b != i);
        let beats_random = baseline.and_then(|b| {
            let both = self.ends(i).into_iter().zip(self.ends(b));
            let (ours, theirs): (Vec<f64>, Vec<f64>) = both.filter_map(|(a, b)| a.zip(b)).unzip();
            let up = self.metric().maximise;
            stats::paired_superiority(&ours, &theirs, up, LEVEL, RESAMPLES, &mut rng).ok()
        });
        let runs = &self.0.runs[i];
        let best = |scores: &[Option<f64>]| {
            let better = |a: f64, b: f64| if self.0.metric.better(b, a) { b } else { a };
            scores.iter().flatten().copied().reduce(better)
        };
        let scores: Vec<f64> = runs.iter().filter_map(|run| best(&run.scores)).collect();
        let trials: usize = runs.iter().map(|run| run.scores.len()).sum();
        let total = |of: fn(&super::Run) -> &Vec<f64>| -> f64 {
            runs.iter().map(|run| of(run).iter().sum::<f64>()).sum()
        };
        Some(Standing {
            name: self.0.names[i].clone(),
            studies: ends.len(),
            mean,
            deviation: spread.deviation,
            median: spread.median,
            score: scores.iter().sum::<f64>() / scores.len() as f64,
            rank,
            beats_random,
            seconds: total(|run| &run.seconds) / runs.len() as f64,
            overhead: total(|run| &run.overhead) / trials.max(1) as f64,
            trials: trials as f64 / runs.len() as f64,
            epochs: runs.iter().flat_map(|run| &run.epochs).sum::<f64>() / runs.len() as f64,
            failed: runs.iter().flat_map(|run| &run.scores).filter(|s| s.is_none()).count(),
        })
    }

    /// Random search, if it is there.
    pub(super) fn baseline(&self) -> Option<usize> {
        self.0.baseline
    }

    /// The strategies that have any result, and a row for each seed with a result of all of them.
    pub(super) fn complete(&self) -> (Vec<usize>, Vec<Vec<f64>>) {
        let ends: Vec<Vec<Option<f64>>> = (0..self.0.names.len()).map(|i| self.ends(i)).collect();
        let any = |i: &usize| ends[*i].iter().any(Option::is_some);
        let compared: Vec<usize> = (0..ends.len()).filter(any).collect();
        let row = |seed: usize| -> Option<Vec<f64>> {
            compared.iter().map(|&i| ends[i].get(seed).copied().flatten()).collect()
        };
        let rows = (0..self.0.seeds.len()).filter_map(row).collect();
        (compared, rows)
    }

    /// Friedman's test over the seeds with average ranks and Nemenyi's critical difference, for the
    /// strategies that have a result, in their order.
    ///
    /// # Errors
    /// With fewer than two strategies, or no seed with a result of all.
    pub fn friedman(&self) -> Result<Friedman> {
        let (compared, rows) = self.complete();
        if compared.len() < 2 || rows.is_empty() {
            return Err(Error::invalid(
                format!("{} on {}", plural(compared.len(), "strategy"), plural(rows.len(), "seed")),
                "ranks need two strategies and a seed with a result of both",
                "more strategies or seeds",
            ));
        }
        stats::friedman(&rows, self.metric().maximise, ALPHA)
    }

    /// All pairs of strategies that have a result, in order, each over the seeds with which both have one.
    pub fn pairs(&self) -> Vec<Pair> {
        let (compared, _) = self.complete();
        let up = self.metric().maximise;
        let ends: Vec<Vec<Option<f64>>> = compared.iter().map(|&i| self.ends(i)).collect();
        let mut pairs = vec![];
        for a in 0..compared.len() {
            for b in a + 1..compared.len() {
                let both = ends[a].iter().zip(&ends[b]).filter_map(|(a, b)| a.zip(*b));
                let (x, y): (Vec<f64>, Vec<f64>) = both.unzip();
                let Ok(test) = stats::wilcoxon(&x, &y) else { continue };
                let win = |(x, y): (&f64, &f64)| match x == y {
                    true => 0.5,
                    false => f64::from(u8::from((x > y) == up)),
                };
                let wins = x.iter().zip(&y).map(win).sum::<f64>() / x.len() as f64;
                let name = |i: usize| self.0.names[compared[i]].clone();
                let whole = (test.differ * (test.differ + 1)) as f64 / 2.0;
                let above = if whole > 0.0 { 2.0 * test.plus / whole - 1.0 } else { 0.0 };
                let effect = if up { above } else { -above };
                pairs.push(Pair { first: name(a), second: name(b), wins, effect, p: test.p });
            }
        }
        let corrected = stats::holm(pairs.iter().map(|p| p.p).collect::<Vec<_>>());
        for (pair, p) in pairs.iter_mut().zip(corrected.unwrap_or_default()) {
            pair.p = p;
        }
        pairs
    }

    /// The strategies that the seeds show to be better than random search (p < 0.05, corrected for all
    /// pairs); none without it.
    pub fn beats_random(&self) -> Vec<String> {
        let Some(random) = self.baseline().map(|b| &self.0.names[b]) else { return vec![] };
        // Wins and ranks must agree.
        let better = |p: Pair| match () {
            () if p.p >= ALPHA => None,
            () if p.first == *random && p.wins < 0.5 && p.effect < 0.0 => Some(p.second),
            () if p.second == *random && p.wins > 0.5 && p.effect > 0.0 => Some(p.first),
            () => None,
        };
        self.pairs().into_iter().filter_map(better).collect()
    }

    /// What the seeds support: a winner only if one is better than every other strategy, beyond what
    /// the choice of seeds explains (p < 0.05, corrected for all pairs).
    pub fn verdict(&self) -> Verdict {
        self.verdict_at(ALPHA)
    }

    /// The same at another level than 0.05.
    pub(super) fn verdict_at(&self, alpha: f64) -> Verdict {
        let none = |text: String| Verdict { winner: None, text };
        let (compared, rows) = self.complete();
        let n = rows.len();
        let Ok(test) = self.friedman() else {
            return none(match compared.len() {
                0 => match self.0.runs.iter().flatten().find_map(|run| run.failure.as_deref()) {
                    Some(why) => format!("No trial of any strategy has finished. The first: {why}"),
                    None => "No trial of any strategy has finished.".into(),
                },
                1 if self.0.names.len() > 1 => self.only_one(compared[0]),
                1 => {
                    let random = self.baseline().is_some();
                    let other =
                        if random { "another beside it" } else { "it beside random search" };
                    format!("With one strategy there is nothing to compare. Try {other}.")
                }
                _ => format!(
                    "No seed has a result of every strategy, so they cannot be ranked.{}",
                    self.left_out(&compared, self.0.seeds.len())
                ),
            });
        };
        let names: Vec<&String> = compared.iter().map(|&i| &self.0.names[i]).collect();
        let seeds = plural(n, "seed");
        let least = |a: &usize, b: &usize| test.ranks[*a].total_cmp(&test.ranks[*b]);
        let mut order: Vec<usize> = (0..names.len()).collect();
        order.sort_by(least);
        let (best, pairs) = (order[0], self.pairs());
        let of = |other: usize| {
            let is = |p: &&Pair| {
                let both = [&p.first, &p.second];
                both.contains(&names[best]) && both.contains(&names[other])
            };
            pairs.iter().find(is).map_or((1.0, false), |p| {
                let (wins, effect) = (p.wins - 0.5, p.effect);
                let sign = if p.first == *names[best] { 1.0 } else { -1.0 };
                (p.p, sign * wins > 0.0 && sign * effect > 0.0)
            })
        };
        let differs = names.len() == 2 || test.p < alpha;
        let beaten = |other: &usize| differs && of(*other).0 < alpha && of(*other).1;
        let (behind, level): (Vec<usize>, Vec<usize>) = order[1..].iter().partition(|o| beaten(o));
        let list = |of: &[usize]| {
            let names: Vec<&str> = of.iter().map(|&i| names[i].as_str()).collect();
            match names.split_last() {
                Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
                _ => names.join(""),
            }
        };
        // Of this many pairs, each with all seeds on one side.
        let smallest = 0.5f64.powi(n.min(1000) as i32 - 1) * pairs.len() as f64;
        if level.is_empty() {
            let p = behind.iter().map(|&o| of(o).0).fold(0.0, f64::max);
            let column = |i: usize| rows.iter().map(|row| row[i]).sum::<f64>() / n as f64;
            let gap = column(best) - column(order[1]);
            let text = format!(
                "{} is ahead of every other one over {seeds} ({}); its mean is {} {} that of {}.{}",
                names[best],
                p_text(p),
                score(gap.abs()),
                if gap >= 0.0 { "above" } else { "below" },
                names[order[1]],
                self.left_out(&compared, n),
            );
            return Verdict { winner: Some(names[best].clone()), text };
        }
        let mut tied = vec![best];
        tied.extend(&level);
        tied.sort_by(least);
        let mut text = format!("No winner: {seeds} do not tell {} apart", list(&tied));
        if !behind.is_empty() {
            text += &format!("; {} fell behind {}", list(&behind), names[best]);
        }
        text += ".";
        if smallest >= alpha {
            text += " With so few seeds no difference could be significant. Try more seeds.";
        }
        if self.baseline().is_some_and(|b| compared.contains(&b)) {
            let place = |name: &String| names.iter().position(|other| *other == name);
            let better: Vec<usize> = self.beats_random().iter().filter_map(place).collect();
            text += &match better.is_empty() {
                true => " No strategy is shown to be better than random search.".to_string(),
                false => format!(" Better than random search: {}.", list(&better)),
            };
        }
        none(text + &self.left_out(&compared, n))
    }

    /// What to say when all but one have failed.
    fn only_one(&self, left: usize) -> String {
        let ends: Vec<f64> = self.ends(left).into_iter().flatten().collect();
        let mean = stats::summary(&ends).map_or(f64::NAN, |s| s.mean);
        let names = &self.0.names;
        let none = |i: usize| format!("{} has no result: {}", names[i], self.why_none(i));
        let failed: Vec<String> = (0..names.len()).filter(|i| *i != left).map(none).collect();
        format!(
            "Only {} has a result, a mean of {} over {}, so there is nothing to compare. {}.",
            names[left],
            score(mean),
            plural(ends.len(), "seed"),
            failed.join(". "),
        )
    }

    /// Why a strategy has no result.
    fn why_none(&self, i: usize) -> String {
        let runs = &self.0.runs[i];
        let failed = runs.iter().find_map(|run| run.failure.clone());
        let why = failed.or_else(|| runs.first().map(|run| run.ended.to_string()));
        let why = why.unwrap_or_else(|| "it was not run".into());
        why.trim_end_matches('.').to_string()
    }

    /// What the tests have not looked at: strategies without any result, and seeds with which one of
    /// the others has none.
    fn left_out(&self, compared: &[usize], rows: usize) -> String {
        let mut text = String::new();
        let out = (0..self.0.names.len()).filter(|i| !compared.contains(i));
        let why = |i: usize| format!("{} ({})", self.0.names[i], self.why_none(i));
        let out: Vec<String> = out.map(why).collect();
        if !out.is_empty() {
            text += &format!(" Left out, having no result: {}.", out.join(", "));
        }
        let seeds = self.0.seeds.len();
        if rows < seeds {
            let lacks = |i: &usize| self.ends(*i).iter().flatten().count() < seeds;
            let who: Vec<&str> =
                compared.iter().filter(|i| lacks(i)).map(|&i| self.0.names[i].as_str()).collect();
            text += &format!(
                " {} left out of the ranks, with which not every strategy has a result ({}).",
                plural(seeds - rows, "seed"),
                who.join(", ")
            );
        }
        text
    }
}

/// `p = 0.03`, `p < 0.001`
pub(super) fn p_text(p: f64) -> String {
    match p {
        p if p < 0.001 => "p < 0.001".to_string(),
        p if p < 0.01 => format!("p = {p:.3}"),
        p => format!("p = {p:.2}"),
    }
}

/// `evolution: mean 94.08 (94.03 to 94.12), median 94.13, rank 1.83`
impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Band { low, value, high } = &self.mean;
        let mean = format!("mean {} ({} to {})", score(*value), score(*low), score(*high));
        write!(f, "{}: {mean}, median {}", self.name, score(self.median))?;
        self.rank.map_or(Ok(()), |rank| write!(f, ", rank {rank:.2}"))
    }
}

/// `evolution beats random with 87 % of the seeds, p < 0.001`
impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let share = (100.0 * self.wins).round();
        let (Pair { first, second, .. }, p) = (self, p_text(self.p));
        write!(f, "{first} beats {second} with {share} % of the seeds, {p}")
    }
}
