//! Charts of decisions: which of them matter, and what was earned by which option.

use super::Study;
use super::decided::{Decided, Decision};
use crate::chart::{
    Chart, Choices, DecisionAxis, DecisionScores, ImportanceRow, Importances, Interaction,
    OptionScores, PairCell, ParallelCoordinates, TrialLine,
};
use crate::error::{Error, Result};
use crate::rng::Rng;
use crate::stats::fanova::{SAMPLE, fanova};
use crate::stats::ped_anova::{best, ped_anova};
use crate::stats::rank::ranks;
use crate::task::Metric;
use crate::words::thousands;

/// The share of the trials that counts as the best, as in Optuna.
const TOP: f64 = 0.1;
/// The trees of a forest. With Optuna's 64, the shares of another seed differ by several percent.
const TREES: usize = 256;
/// The most pairs of options of two decisions.
const MOST_CELLS: usize = 10_000;
/// The most axes of parallel coordinates.
const AXES: usize = 12;

impl Study {
    /// How important each decision of the space was for the score, as a chart: by PED-ANOVA ([Watanabe et al.
    /// 2023](https://arxiv.org/abs/2304.10255)), which compares what the best 10 % of the trials took with what all
    /// trials took. Decisions are named as the columns of [`Encoding::one_hot`](crate::Encoding::one_hot).
    ///
    /// A decision that only some architectures have, as one within an option of `one_of`, is compared among the trials
    /// that have it, and the chart says how many have. Trials count that finished with a score after as many epochs as
    /// any, each evaluation once. With several objectives, it is the score that counts.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::decisions([4, 4, 4]);
    /// let score = evaluator(|a, _| f64::from(10 * a.decisions()[1] + a.decisions()[0]));
    /// let study = Study::new(&space, score).trials(60).seed(1).quiet().run()?;
    /// let chart = study.importance()?;
    /// assert!(chart.plain().lines().nth(2).unwrap().contains("1.choice"), "{chart}");
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// When fewer than two trials have a score, or the space has a single architecture or more than 10,000 options.
    #[doc(alias("plot_param_importances", "get_param_importances"))]
    pub fn importance(&self) -> Result<Chart> {
        self.importance_for_best(TOP)
    }

    /// The same, where another share of the trials counts as the best: a small one asks what the very best have in
    /// common, 0.5 what good networks have.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::decisions([4, 4, 4]);
    /// let score = evaluator(|a, _| f64::from(10 * a.decisions()[1] + a.decisions()[0]));
    /// let study = Study::new(&space, score).trials(60).seed(1).quiet().run()?;
    /// assert!(study.importance_for_best(0.25)?.plain().contains("the best 25 % against all"));
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// As of [`Study::importance`], and when the share is not between 0 and 1.
    pub fn importance_for_best(&self, share: f64) -> Result<Chart> {
        if !(share > 0.0 && share < 1.0) {
            return Err(Error::invalid(
                format!("importance_for_best({share})"),
                "the share of the trials that count as the best lies between 0 and 1",
                "0.1",
            ));
        }
        let found = self.decided("the importance of decisions")?;
        let good = best(&found.scores, self.metric().maximise, share);
        let method = format!("PED-ANOVA: the best {} % against all", (share * 1e4).round() / 100.0);
        Ok(self.importances(&found, ped_anova(&found.as_picks(), &good), method))
    }

    /// How what single decisions make up of the variance of the scores is shared among them, as a chart: by functional ANOVA of a random
    /// forest (fANOVA, [Hutter et al. 2014](https://proceedings.mlr.press/v32/hutter14.html)). While
    /// [`Study::importance`] asks what makes networks the best, this asks what makes the scores of all differ, which may
    /// be a few that hardly learn.
    ///
    /// The chart also says how much of the variance they make up at all. Where that is little, decisions matter together
    /// only, and the bars are of the noise of the forest: see [`Study::interaction`].
    ///
    /// For a decision that only some architectures have, not having it counts as one more option. Of more than 1,000
    /// trials, each tree learns 1,000 drawn at random.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::decisions([4, 4, 4]);
    /// let score = evaluator(|a, _| f64::from(3 * a.decisions()[1] + a.decisions()[0]));
    /// let study = Study::new(&space, score).strategy(Grid).trials(64).quiet().run()?;
    /// let chart = study.importance_of_variance()?;
    /// assert!(chart.plain().lines().nth(2).unwrap().contains("1.choice"), "{chart}");
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// As of [`Study::importance`].
    #[doc(alias("fanova", "fANOVA"))]
    pub fn importance_of_variance(&self) -> Result<Chart> {
        let found = self.decided("the importance of decisions")?;
        let mut rng = Rng::from_u64(0).stream("fanova", 0);
        let (shares, alone) = fanova(&found.as_picks(), &found.scores, TREES, &mut rng);
        let sample = match found.scores.len() > SAMPLE {
            true => format!(", {} trials each", thousands(SAMPLE as u128)),
            false => String::new(),
        };
        let alone = 100.0 * alone;
        let method = format!(
            "fANOVA: alone, decisions make up {alone:.0} % of the variance; {TREES} trees{sample}"
        );
        Ok(self.importances(&found, shares, method))
    }

    fn importances(&self, found: &Decided, shares: Vec<f64>, method: String) -> Chart {
        let row = |(d, importance): (&Decision, f64)| ImportanceRow {
            name: d.name.clone(),
            importance,
            share: d.share(),
        };
        let rows = found.decisions.iter().zip(shares).map(row).collect();
        let (metric, shown) = (self.metric().name, found.shown());
        Chart::new(Importances { metric, method, shown, rows })
    }

    /// The decisions, the most important first, of equal ones as in the space.
    fn by_importance<'d>(&self, found: &'d Decided) -> Vec<&'d Decision> {
        let good = best(&found.scores, self.metric().maximise, TOP);
        let shares = ped_anova(&found.as_picks(), &good);
        let mut order: Vec<usize> = (0..shares.len()).collect();
        order.sort_by(|&a, &b| shares[b].total_cmp(&shares[a]));
        order.into_iter().map(|i| &found.decisions[i]).collect()
    }

    /// Which option earned what, as a chart: for each decision, the most important first as in [`Study::importance`],
    /// the scores of the trials that took each of its options. Options that no trial took are there too.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::decisions([3, 3]);
    /// let score = evaluator(|a, _| f64::from(10 * a.decisions()[1] + a.decisions()[0]));
    /// let study = Study::new(&space, score).strategy(Grid).trials(9).quiet().run()?;
    /// assert!(study.choices()?.plain().contains("21.00   3 trials"));
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// As of [`Study::importance`].
    #[doc(alias("plot_slice", "slice"))]
    pub fn choices(&self) -> Result<Chart> {
        let found = self.decided("the choices")?;
        let decision = |d: &Decision| {
            let mut options: Vec<OptionScores> = d
                .options
                .iter()
                .map(|name| OptionScores { name: name.clone(), scores: vec![] })
                .collect();
            for (pick, score) in d.picks.iter().zip(&found.scores) {
                let option = pick.and_then(|x| options.get_mut(usize::from(x)));
                option.into_iter().for_each(|o| o.scores.push(*score));
            }
            DecisionScores { name: d.name.clone(), options }
        };
        let decisions: Vec<DecisionScores> =
            self.by_importance(&found).into_iter().map(decision).collect();
        let order = if decisions.len() > 1 { "; the most important decision first" } else { "" };
        let shown = format!("{}{order}", found.shown());
        let Metric { name: metric, maximise } = self.metric();
        Ok(Chart::new(Choices { metric, maximise, shown, decisions }))
    }

    /// Two decisions together, as a chart: for each pair of their options the mean score of the trials that took both,
    /// and how many these are. Decisions are named as in [`Study::importance`].
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::decisions([3, 3]);
    /// let score = evaluator(|a, _| f64::from(a.decisions()[0] * a.decisions()[1]));
    /// let study = Study::new(&space, score).strategy(Grid).trials(9).quiet().run()?;
    /// let chart = study.interaction("0.choice", "1.choice")?;
    /// assert!(chart.svg().contains("0.choice 2, 1.choice 2: mean score 4.0000, 1 trial"));
    /// let error = study.interaction("0.choice", "2.choice").unwrap_err();
    /// assert!(error.to_string().contains(r#"are "0.choice", "1.choice""#));
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// As of [`Study::importance`], and when no trial has a decision of such a name.
    #[doc(alias("plot_contour", "contour"))]
    pub fn interaction(&self, first: &str, second: &str) -> Result<Chart> {
        let mean = |scores: &[f64]| scores.iter().sum::<f64>() / scores.len() as f64;
        self.pairs((first, second), "interaction", "mean", mean)
    }

    /// The same with the best score of each pair in place of the mean.
    ///
    /// # Errors
    /// As of [`Study::interaction`].
    pub fn interaction_best(&self, first: &str, second: &str) -> Result<Chart> {
        let better = if self.metric().maximise { f64::max } else { f64::min };
        let best = move |scores: &[f64]| scores.iter().copied().fold(f64::NAN, better);
        self.pairs((first, second), "interaction_best", "best", best)
    }

    /// The same with the mean rank of the trials among all of them in place of the mean score: 1 is the best, and a few
    /// networks that failed to learn do not hide the differences between the others.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::decisions([3, 3]);
    /// let score = evaluator(|a, _| f64::from(a.decisions()[0] + 3 * a.decisions()[1]).exp());
    /// let study = Study::new(&space, score).strategy(Grid).trials(9).quiet().run()?;
    /// let chart = study.interaction_rank("0.choice", "1.choice")?;
    /// assert!(chart.svg().contains("0.choice 2, 1.choice 2: mean rank of score 1.0000, 1 trial"));
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// As of [`Study::interaction`].
    #[doc(alias("plot_rank"))]
    pub fn interaction_rank(&self, first: &str, second: &str) -> Result<Chart> {
        let mean = |ranks: &[f64]| ranks.iter().sum::<f64>() / ranks.len() as f64;
        self.pairs((first, second), "interaction_rank", "mean rank of", mean)
    }

    /// The trials as lines through their decisions to their scores, as a chart of parallel coordinates, the best on top.
    /// The decisions are those of the space in its order; of more than 12 the most important.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::decisions([3, 3]);
    /// let score = evaluator(|a, _| f64::from(10 * a.decisions()[1] + a.decisions()[0]));
    /// let study = Study::new(&space, score).strategy(Grid).trials(9).quiet().run()?;
    /// let chart = study.parallel_coordinates()?;
    /// assert!(chart.svg().contains("trial 8: score 22.00, 0.choice 2, 1.choice 2"));
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// As of [`Study::importance`].
    #[doc(alias("plot_parallel_coordinate"))]
    pub fn parallel_coordinates(&self) -> Result<Chart> {
        let found = self.decided("parallel coordinates")?;
        let mut shown = found.shown();
        let mut decisions: Vec<&Decision> = found.decisions.iter().collect();
        if decisions.len() > AXES {
            let chosen: Vec<&Decision> =
                self.by_importance(&found).into_iter().take(AXES).collect();
            shown += &format!("; the {AXES} most important of {} decisions", decisions.len());
            decisions.retain(|d| chosen.iter().any(|c| std::ptr::eq(*c, *d)));
        }
        let line = |i: usize| TrialLine {
            name: format!("trial {}", found.trials[i]),
            score: found.scores[i],
            picks: decisions.iter().map(|d| d.picks[i].map(usize::from)).collect(),
        };
        let trials = (0..found.trials.len()).map(line).collect();
        let axis =
            |d: &&Decision| DecisionAxis { name: d.name.clone(), options: d.options.clone() };
        let decisions = decisions.iter().map(axis).collect();
        let Metric { name: metric, maximise } = self.metric();
        Ok(Chart::new(ParallelCoordinates { metric, maximise, shown, decisions, trials }))
    }

    fn pairs(
        &self,
        (first, second): (&str, &str),
        call: &str,
        what: &str,
        figure: impl Fn(&[f64]) -> f64,
    ) -> Result<Chart> {
        let call = format!("{call}({first:?}, {second:?})");
        let found = self.decided("the interaction of decisions")?;
        let (a, b) = (found.named(first, &call)?, found.named(second, &call)?);
        let (rows, columns) = (a.options.len(), b.options.len());
        if rows * columns > MOST_CELLS {
            return Err(Error::invalid(
                format!("{call} of {rows} by {columns} options"),
                format!("at most {MOST_CELLS} pairs are shown"),
                "study.choices()",
            ));
        }
        let Metric { name: metric, maximise } = self.metric();
        // Ranks are figures of which less is better, whatever the score.
        let ranked = what.contains("rank");
        let values = if ranked { ranks_of(&found.scores, maximise) } else { found.scores.clone() };
        let mut cells = vec![vec![vec![]; b.options.len()]; a.options.len()];
        for ((x, y), value) in a.picks.iter().zip(&b.picks).zip(values) {
            let (Some(x), Some(y)) = (x, y) else { continue };
            let cell = cells.get_mut(usize::from(*x)).and_then(|r| r.get_mut(usize::from(*y)));
            cell.into_iter().for_each(|c: &mut Vec<f64>| c.push(value));
        }
        let cell = |values: &Vec<f64>| match values.len() {
            0 => PairCell::default(),
            trials => PairCell { value: figure(values), trials },
        };
        Ok(Chart::new(Interaction {
            shows: format!("{what} {metric}"),
            maximise: maximise && !ranked,
            shown: match ranked {
                true => format!("{}; rank 1 is the best", found.shown()),
                false => found.shown(),
            },
            decisions: vec![a.name.clone(), b.name.clone()],
            rows: a.options.clone(),
            columns: b.options.clone(),
            cells: cells.iter().map(|row| row.iter().map(cell).collect()).collect(),
        }))
    }
}

/// The rank of each score: 1 is the best, and equal ones share the mean of theirs.
fn ranks_of(scores: &[f64], maximise: bool) -> Vec<f64> {
    let losses: Vec<f64> = scores.iter().map(|s| if maximise { -s } else { *s }).collect();
    ranks(&losses)
}
