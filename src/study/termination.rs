//! When a search may stop: as soon as nothing better could be told from the noise of a score.
//!
//! Makarova, Shen, Perrone, Klein, Faddoul, Krause, Seeger and Archambeau, "Automatic termination for hyperparameter
//! optimization", AutoML 2022, arXiv 2104.08166. For a score that is maximised, with the model's mean mu_t and
//! deviation sigma_t after t trials:
//!
//! ```text
//! ucb_t(x) = mu_t(x) + sqrt(beta_t) sigma_t(x),      lcb_t(x) = mu_t(x) - sqrt(beta_t) sigma_t(x)
//! r_t      = max over x of ucb_t(x) - max over the x evaluated of lcb_t(x)      the most that may be missing
//! stop     as soon as r_t is less than the standard deviation of a score
//! ```
//!
//! Where we differ: sqrt(beta_t) is 2, as their beta_t = 2 log(d t^2 pi^2 / 0.6) / 5 is near to for the numbers of
//! decisions and trials here, between 2.2 and 2.6. The first maximum is over architectures drawn at random once, neighbours of the best
//! so far, and the best 200 of those evaluated; and the model predicts by ranks, so its bounds are in scores but not symmetric.
//! They estimate the noise from the folds of a cross-validation, which architectures rarely have: it is given.

use super::Study;
use super::insight::learned;
use crate::chart::{Chart, RemainingImprovement};
use crate::error::{Error, Result};
use crate::interrupt;
use crate::record::Trial;
use crate::rng::Rng;
use crate::space::Architecture;
use crate::strategy::Surrogate;
use crate::surrogate::Prediction;

/// sqrt(beta_t).
const DEVIATIONS: f64 = 2.0;
/// How many architectures are drawn, how many neighbours of the best are tried, and how often the model learns.
const DRAWN: usize = 300;
const NEAR: usize = 60;
/// Of the architectures evaluated, the best so many are judged again.
const JUDGED: usize = 200;
const REFITS: usize = 30;
/// The fewest finished trials that a model learns from.
const BEFORE: usize = 5;

impl Study {
    /// How much better than the best so far an architecture could still be, by what the model of a strategy believed after
    /// each number of trials, against the `noise` of a score: its standard deviation from one training of an
    /// architecture to the next. For an accuracy of 90 % on 1,000 validation samples, the samples alone make it
    /// `(0.9 * 0.1 / 1000.0).sqrt()`; with 0 no noise is drawn. Where the line stays below the noise, going on hardly pays
    /// (Makarova et al. 2022, arXiv 2104.08166). The model learns anew at most 30 times, evenly spread over the study, which need
    /// not have used this strategy; with several objectives, it learns the score alone.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::decisions([6, 6]);
    /// let smooth = evaluator(|a, _| -a.decisions().iter().map(|&d| (f64::from(d) - 3.0).powi(2)).sum::<f64>());
    /// let study = Study::new(&space, smooth).trials(25).quiet().run()?;
    /// let chart = study.remaining_improvement(&GaussianProcess::hamming(), 0.5)?;
    /// assert!(chart.plain().contains("after 25 trials"));
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// When the noise is negative or not finite, fewer than six trials have finished, the strategy has no model, or the
    /// space has problems.
    pub fn remaining_improvement(&self, by: &impl Surrogate, noise: f64) -> Result<Chart> {
        let what = || "the forecast of what is still to come".to_string();
        interrupt::stoppable(what, || self.improvement(by, noise))
    }

    fn improvement(&self, by: &impl Surrogate, noise: f64) -> Result<Chart> {
        if !noise.is_finite() || noise < 0.0 {
            return Err(Error::invalid(
                format!("remaining_improvement(..., {noise})"),
                "the noise is a standard deviation, 0 or more",
                "0.004, or 0.0 if it is not known",
            ));
        }
        let seen = learned(self, BEFORE, "remaining_improvement(...)")?;
        let (metric, space) = (self.metric(), &self.setup.space);
        let mut rng = Rng::from_u64(self.protocol().seed).stream("termination", 0);
        let drawn = (0..DRAWN).map(|_| space.sample(&mut rng)).collect::<Result<Vec<_>>>()?;
        let up = if metric.maximise { 1.0 } else { -1.0 };
        let bound = |p: &Prediction, deviations: f64| up * p.at(up * deviations);
        let (mut trials, mut bounds) = (vec![], vec![]);
        let step = (seen.finished.len() - BEFORE).div_ceil(REFITS).max(1);
        let last = seen.finished.len() - 1;
        let ends = (BEFORE..=last).rev().step_by(step).collect::<Vec<usize>>();
        for end in ends.into_iter().rev() {
            interrupt::check()?;
            let upto = seen.finished[end] + 1;
            let all = seen.finished[..=end].iter().map(|&i| &seen.kept[i]);
            let gain = |t: &Trial| up * t.score().unwrap_or(f64::NEG_INFINITY);
            let mut done: Vec<&Trial> = all.collect();
            done.sort_by(|a, b| gain(b).total_cmp(&gain(a)));
            done.truncate(JUDGED);
            let Some(best) = done.first().copied() else { continue };
            let mut archs: Vec<Architecture> = done.iter().map(|t| t.architecture()).collect();
            let evaluated = archs.len();
            let near = (0..NEAR).filter_map(|_| space.mutate(&best.architecture(), &mut rng).ok());
            archs.extend(near);
            archs.extend(drawn.iter().cloned());
            let expected = by.expects(&seen.after(upto), &archs)?;
            let most = |predictions: &[Prediction], deviations: f64| {
                predictions.iter().map(|p| bound(p, deviations)).fold(f64::NEG_INFINITY, f64::max)
            };
            let possible = most(&expected, DEVIATIONS);
            let sure = most(&expected[..evaluated], -DEVIATIONS);
            trials.push(seen.kept[upto - 1].number() as f64 + 1.0);
            bounds.push((possible - sure).max(0.0));
        }
        let name = by.describe(self.planned());
        let shown = format!("{name}, bounds of 2 standard deviations");
        let metric = metric.name;
        Ok(Chart::new(RemainingImprovement { metric, shown, noise, trials, bounds }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::ChartData;
    use crate::evaluate::evaluator;
    use crate::space::Space;
    use crate::strategy::{GaussianProcess, Random};

    #[test]
    fn the_bound_falls_as_a_space_becomes_known() {
        let space = Space::decisions([6, 6]);
        for sign in [1.0, -1.0] {
            let smooth = evaluator(move |a, _| {
                let far: f64 = a.decisions().iter().map(|&d| (f64::from(d) - 3.0).powi(2)).sum();
                -sign * far
            });
            let smooth = if sign > 0.0 { smooth } else { smooth.minimise() };
            let study = Study::new(&space, smooth)
                .strategy(Random)
                .trials(60)
                .batch(1)
                .quiet()
                .run()
                .unwrap();
            let model = GaussianProcess::hamming();
            let data = study.remaining_improvement(&model, 0.5).unwrap().data();
            let ChartData::RemainingImprovement(chart) = data else { panic!("another chart") };
            let (first, last) = (chart.bounds[0], chart.bounds[chart.bounds.len() - 1]);
            assert!(last < 0.5 * first, "{:?}", chart.bounds);
            assert!(chart.trials.len() <= 31 && chart.trials.is_sorted(), "{:?}", chart.trials);
        }
    }

    #[test]
    fn what_cannot_be_said_is_an_error_that_says_what_to_try() {
        let space = Space::decisions([6, 6]);
        let study = Study::new(&space, evaluator(|_, _| 1.0)).trials(3).quiet().run().unwrap();
        let model = GaussianProcess::hamming();
        for (noise, word) in [(f64::NAN, "0.004"), (-1.0, "0.004"), (0.1, "trials(50)")] {
            let said = study.remaining_improvement(&model, noise).unwrap_err().to_string();
            assert!(said.contains(word), "{said}");
        }
        assert!(study.calibration(&model).unwrap_err().to_string().contains("trials(50)"));
        // A strategy without a model.
        let more = Study::new(&space, evaluator(|_, _| 1.0)).trials(9).quiet().run().unwrap();
        assert!(more.calibration(&crate::strategy::Reinforce::new()).is_err());
    }
}
