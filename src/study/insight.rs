//! What strategies believe after the trials of a study: what a model expects, and how a policy changed.

use super::{Study, run};
use crate::chart::{
    Calibration, Candidate, Chart, DecisionProbabilities, Forecast, Probabilities, SurrogateView,
};
use crate::error::{Error, Result};
use crate::evaluate::{Budget, Evaluator};
use crate::interrupt;
use crate::predictor::Predictor;
use crate::record::{History, Protocol, Trial};
use crate::space::Architecture;
use crate::strategy::{Bananas, GaussianProcess, Odds, Ppo, RandomForest, Reinforce, Surrogate};
use crate::surrogate::Prediction;
use crate::task::Metric;
use crate::words::plural;
use std::collections::HashMap;

/// How many finished trials a model learns before its first prediction in [`Study::calibration`], how often it learns
/// anew at most, and the ends of intervals of 50, 80 and 95 % in standard deviations.
const BEFORE: usize = 5;
const REFITS: usize = 30;
const DEVIATIONS: [f64; 3] = [0.674_489_750_196, 1.281_551_565_545, 1.959_963_984_540];

/// The trials of a study from which a model learns the score again, as after some of them.
pub(super) struct Learned {
    history: History,
    /// Those that ended, without those that have fewer epochs than others.
    pub(super) kept: Vec<Trial>,
    /// The places in `kept` of those that finished.
    pub(super) finished: Vec<usize>,
}

impl Learned {
    /// The history of the first trials of `kept`.
    pub(super) fn after(&self, trials: usize) -> History {
        let ended = self.kept[..trials].iter().map(|t| (*t.0).clone()).collect();
        self.history.only(ended, vec![], None)
    }
}

/// The same, for a method that needs more than so many finished trials of different architectures.
pub(super) fn learned(study: &Study, before: usize, call: &str) -> Result<Learned> {
    let mut history = study.known()?;
    history.set_protocol(&Protocol { objectives: vec![], ..study.protocol() });
    let trials = study.trials_done();
    let deepest = trials.iter().filter(|t| t.score().is_some()).map(Trial::depth).max();
    let whole = |t: &Trial| t.score().is_none() || Some(t.depth()) == deepest;
    let trials_with_fewer = trials.iter().filter(|t| !whole(t)).count();
    let kept: Vec<Trial> = trials.into_iter().filter(whole).collect();
    let finished: Vec<usize> = (0..kept.len()).filter(|&i| kept[i].score().is_some()).collect();
    let new = finished.iter().filter(|&&i| kept[i].reused_from().is_none()).count();
    if new <= before {
        let fewer = trials_with_fewer > 0;
        let epochs = match (fewer, deepest) {
            (true, Some(most)) => format!(" of {}", plural(most, "epoch")),
            _ => String::new(),
        };
        return Err(Error::invalid(
            format!("{call} with {}{epochs}", plural(new, "finished trial")),
            format!(
                "{before} are learned before the first prediction, so {} are needed",
                before + 1
            ),
            if fewer {
                "study.run() first, with more epochs"
            } else {
                "study.run() first, with trials(50)"
            },
        ));
    }
    Ok(Learned { history, kept, finished })
}

impl Study {
    /// What the model of a strategy expects of architectures after the trials so far.
    fn expected(
        &self,
        by: &impl Surrogate,
        architectures: &[Architecture],
    ) -> Result<Vec<Prediction>> {
        let history = self.known()?;
        let finished = history.finished().len();
        if finished < 2 {
            return Err(Error::invalid(
                format!("predictions from {}", plural(finished, "finished trial")),
                "a model needs 2 at the least",
                "study.run() first, with trials(20)",
            ));
        }
        if let Some(other) = architectures.iter().find(|a| *a.of_space() != *history.space()) {
            return Err(Error::invalid(
                format!("a prediction of {other}"),
                "it belongs to another space than the study's",
                "architectures of study.space(), as space.sample(&mut rng) or a trial's",
            ));
        }
        by.expects(&history, architectures)
    }

    /// The predictor, after it has learned the finished trials of this study: their scores, in the direction of
    /// the metric. With several objectives it learns the first.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::new([8], Task::classification(2)).then(linear(any([4, 8, 16, 32, 64, 128])));
    /// let study = Study::new(&space, evaluator(|a, _| (a.params() as f64).sqrt())).trials(4).quiet().run()?;
    /// let fitted = study.fit(&Predictor::gaussian_process())?;
    /// let expected: Vec<f64> = fitted.predict_all(space.all()?)?.iter().map(Prediction::mean).collect();
    /// assert!(expected[5] > expected[0]);
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// When fewer than two trials have finished, and as [`Predictor::fit`].
    pub fn fit(&self, predictor: &Predictor) -> Result<Predictor> {
        let found = self.known()?.finished();
        let scored = found.iter().filter_map(|t| Some((t.architecture(), t.score()?)));
        let (archs, scores): (Vec<Architecture>, Vec<f64>) = scored.unzip();
        if archs.len() < 2 {
            return Err(Error::invalid(
                format!("a predictor that learns from {}", plural(archs.len(), "finished trial")),
                "2 are needed at the least, and 20 before it ranks well",
                "study.run() first, with trials(20)",
            ));
        }
        predictor.towards(self.metric().maximise).fit(archs, scores)
    }

    /// What the model of a strategy expects of architectures after the trials of this study, as a chart:
    /// mean and uncertainty of each, its acquisition below, and the true score where a trial found it,
    /// or everywhere if it can be looked up. With several objectives there is no true value, because
    /// the model predicts a weighted sum instead of a score. See [`Surrogate`].
    ///
    /// # Errors
    /// When fewer than two trials have finished, an architecture is of another space, or the strategy has
    /// no model.
    pub fn outlook(&self, by: &impl Surrogate, architectures: &[Architecture]) -> Result<Chart> {
        let predictions = self.expected(by, architectures)?;
        let evaluator = self.evaluator();
        let several = self.objectives().len() > 1;
        let Metric { name: metric, maximise } = match several {
            true => Metric::maximise("weighted objectives"),
            false => self.metric(),
        };
        let seen: HashMap<Vec<u32>, f64> = self
            .trials_done()
            .iter()
            .filter_map(|t| Some((t.architecture().decisions(), t.score()?)))
            .collect();
        let budget = Budget::new(evaluator.full(), evaluator.full(), 0);
        let look_up = |arch: &Architecture| {
            let cheap = evaluator.looks_up();
            let found = cheap.then(|| run::guarded(|| evaluator.evaluate(arch, &budget)).ok())?;
            found.map(|e| e.score())
        };
        let candidate = |(arch, p): (&Architecture, &Prediction)| {
            let known = seen.get(arch.decided()).copied();
            Candidate {
                name: arch.to_text(),
                mean: p.mean(),
                sd: p.sd(),
                ends: Some(p.ends()),
                acquisition: p.acquisition(),
                truth: if several { None } else { known.or_else(|| look_up(arch)) },
                seen: known.is_some(),
            }
        };
        let candidates: Vec<Candidate> =
            architectures.iter().zip(&predictions).map(candidate).collect();
        let value = |&i: &usize| candidates[i].acquisition;
        let open = (0..candidates.len()).filter(|i| !candidates[*i].seen && value(i).is_finite());
        let chosen = open.max_by(|a, b| value(a).total_cmp(&value(b)));
        let acquisition = by.prefers_by();
        Ok(Chart::new(SurrogateView { metric, maximise, acquisition, candidates, chosen }))
    }

    /// How well the model of a strategy knew what it did not know: what it expected of the trials of this study, each from
    /// trials before it, against what came out, and how often that lay within its intervals of 50, 80 and 95 %. The model
    /// learns anew at most 30 times, evenly spread over the study, and each time predicts the trials up to the next time;
    /// 5 finished trials come before the first. The study need not have used this strategy. Trials that took over an
    /// earlier result are not predicted, and neither are those with fewer epochs than others; with several
    /// objectives, the score alone is. A model's interval is that of the true score, without the noise of a training, so of a
    /// noisy score it covers less.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::decisions([8, 8]);
    /// let smooth = evaluator(|a, _| a.decisions().iter().map(|&d| (f64::from(d) - 3.0).powi(2)).sum::<f64>());
    /// let study = Study::new(&space, smooth).trials(30).quiet().run()?;
    /// let chart = study.calibration(&GaussianProcess::hamming())?;
    /// assert!(chart.plain().contains("80 % interval"));
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// When fewer than six trials have finished, or the strategy has no model.
    pub fn calibration(&self, by: &impl Surrogate) -> Result<Chart> {
        interrupt::stoppable(|| "the calibration".into(), || self.calibrated(by))
    }

    fn calibrated(&self, by: &impl Surrogate) -> Result<Chart> {
        let seen = learned(self, BEFORE, "calibration(...)")?;
        let kept = &seen.kept;
        let is_new = |&&i: &&usize| kept[i].reused_from().is_none();
        let finished: Vec<usize> = seen.finished.iter().filter(is_new).copied().collect();
        let predicted = &finished[BEFORE..];
        let mut forecasts = vec![];
        let block = predicted.len().div_ceil(REFITS);
        for part in predicted.chunks(block) {
            interrupt::check()?;
            let archs: Vec<Architecture> = part.iter().map(|&i| kept[i].architecture()).collect();
            let expected = by.expects(&seen.after(part[0]), &archs)?;
            for (&i, p) in part.iter().zip(&expected) {
                let ends = |sign: f64| DEVIATIONS.map(|k| p.at(sign * k)).to_vec();
                forecasts.push(Forecast {
                    number: kept[i].number(),
                    name: kept[i].architecture().to_text(),
                    mean: p.at(0.0),
                    lows: ends(-1.0),
                    highs: ends(1.0),
                    truth: kept[i].score().unwrap_or(f64::NAN),
                });
            }
        }
        let refits = match predicted.len().div_ceil(block) {
            1 => "learned once".to_string(),
            n if block == 1 => format!("learned anew for each of {n}"),
            n => format!("learned anew {n} times, every {block} trials"),
        };
        let shown = format!("{} from the trials before, {refits}", by.describe(self.planned()));
        let Metric { name: metric, maximise } = self.metric();
        Ok(Chart::new(Calibration { metric, maximise, shown, forecasts }))
    }

    /// How the policy of a strategy changed over the trials of this study, as a chart: for each decision
    /// a panel with the probabilities of its options. See [`Surrogate`].
    ///
    /// # Errors
    /// When the strategy has no policy, or the space has problems.
    pub fn policy(&self, of: &impl Surrogate) -> Result<Chart> {
        let odds = of.odds(&self.known()?)?;
        let mut decisions: Vec<DecisionProbabilities> = vec![];
        for Odds { decision, option, probabilities } in odds {
            if decisions.last().is_none_or(|d| d.name != decision) {
                decisions.push(DecisionProbabilities {
                    name: decision,
                    options: vec![],
                    x: (0..probabilities.len()).map(|n| n as f64).collect(),
                    probabilities: vec![vec![]; probabilities.len()],
                });
            }
            let Some(panel) = decisions.last_mut() else { continue };
            panel.options.push(option);
            panel.probabilities.iter_mut().zip(probabilities).for_each(|(row, p)| row.push(p));
        }
        let shown = of.describe(self.planned());
        Ok(Chart::new(Probabilities { x: "trials".into(), shown, decisions }))
    }
}

// The examples are alike, so only one of them is run: networks learn slowly in unoptimised builds.
macro_rules! with_a_model {
    ($($model:ident $new:literal $run:literal),*) => {$(
        impl $model {
            /// What the model expects of architectures after the trials of a study: mean, uncertainty and
            /// acquisition. The study need not have used this strategy.
            ///
            #[doc = concat!("```", $run)]
            /// use nascent::prelude::*;
            /// let space = Space::new([8], Task::classification(2)).then(linear(any([4, 8, 16, 32, 64, 128])));
            /// let study = Study::new(&space, evaluator(|a, _| (a.params() as f64).sqrt())).trials(4).quiet().run()?;
            /// let all = space.all()?;
            #[doc = concat!("let predicted = ", $new, ".predict(&study, &all)?;")]
            /// assert_eq!(predicted.len(), 6);
            /// assert!(predicted.iter().all(|p| p.sd() >= 0.0 && p.acquisition().is_finite()));
            /// # Ok::<(), nascent::Error>(())
            /// ```
            ///
            /// # Errors
            /// When fewer than two trials have finished, or an architecture is of another space.
            pub fn predict(
                &self,
                study: &Study,
                architectures: &[Architecture],
            ) -> Result<Vec<Prediction>> {
                study.expected(self, architectures)
            }

            /// The same as a chart: mean and uncertainty of each architecture, its acquisition below, and
            /// the true score as far as it is known; see [`Study::outlook`].
            ///
            /// # Errors
            #[doc = concat!("As of [`", stringify!($model), "::predict`].")]
            pub fn outlook(&self, study: &Study, architectures: &[Architecture]) -> Result<Chart> {
                study.outlook(self, architectures)
            }
        }
    )*};
}
with_a_model!(
    GaussianProcess "GaussianProcess::hamming()" "", RandomForest "RandomForest::new()" "no_run",
    Bananas "Bananas::new()" "no_run"
);

macro_rules! with_a_policy {
    ($($policy:ident $run:literal),*) => {$(
        impl $policy {
            /// How the policy changed over a study's trials: for every option of every decision the
            /// probability that a drawn architecture has it, after 0, 1, 2, ... trials. Decisions are
            /// named as the columns of [`Encoding::one_hot`](crate::Encoding::one_hot). If a decision
            /// does not always exist, its options add up to the probability that it does.
            ///
            /// The controller learns from the study's trials again, so the study should have been run with
            /// this strategy. The probabilities are means over 64 architectures drawn from the policy; each
            /// contributes the policy's probabilities given its earlier decisions. Architectures whose
            /// layers do not fit together are among them.
            ///
            #[doc = concat!("```", $run)]
            /// use nascent::prelude::*;
            /// let space = Space::decisions([4, 4]);
            /// let last = evaluator(|a, _| a.decisions()[1] as f64);
            #[doc = concat!("let search = ", stringify!($policy), "::new();")]
            /// let study = Study::new(&space, last).strategy(&search).trials(100).quiet().run()?;
            /// let odds = search.probabilities(&study)?;
            /// assert_eq!(odds.len(), 8);
            /// assert_eq!((&odds[7].decision[..], &odds[7].option[..]), ("1.choice", "3"));
            /// let p = &odds[7].probabilities;
            /// assert!((p[0] - 0.25).abs() < 0.01 && p[100] > 0.4);
            /// # Ok::<(), nascent::Error>(())
            /// ```
            ///
            /// # Errors
            /// When the space has problems, or more than 10,000 options.
            pub fn probabilities(&self, study: &Study) -> Result<Vec<Odds>> {
                self.odds(&study.known()?)
            }

            /// The same as a chart: for each decision a panel with the probabilities of its options over
            /// the trials; see [`Study::policy`].
            ///
            /// # Errors
            #[doc = concat!("As of [`", stringify!($policy), "::probabilities`].")]
            pub fn policy(&self, study: &Study) -> Result<Chart> {
                study.policy(self)
            }
        }
    )*};
}
with_a_policy!(Reinforce "", Ppo "no_run");
