//! What the strategies that learn a policy share: rewards, the controller after the visible trials, and
//! proposals drawn from it.
//!
//! A strategy is a function of the history, so the controller is one too: its initial weights come from
//! the study's seed, and it learns from the visible trials one after the other. What was learned is
//! remembered between two trials; a new instance learns it again.
//!
//! *Reward.* The share of the earlier trials that a trial is better than; ties count half. Like the
//! accuracies of the papers, this is a number from 0 to 1. It is the same for accuracy, error, loss or
//! perplexity, and a diverged loss cannot dominate the others. (Ranks instead of values are the fitness
//! shaping of Wierstra et al., JMLR 15, 2014.) A failed trial counts as the worst score before it. The
//! first trial cannot be compared with any other, so nothing is learned from it.
//!
//! *Baseline.* The exponential moving average of the earlier rewards. It begins at 1/2, the expected
//! reward of a trial that is like those before it. The advantage is the reward minus the baseline.
//!
//! *What does not fit.* If the layers of a draw do not fit together, or it exceeds a limit of the space,
//! it is drawn again, at most [`DRAWS`] times; then the space is sampled uniformly. Draws that are likely
//! to fail are drawn again with that probability (`parts/caution.rs`). So trials come from
//! p(a | a fits) = p(a) / Z, while the gradient is that of log p(a), without grad log Z. Its part of the
//! expected update would be E[advantage] grad log Z, and the baseline keeps E[advantage] near 0. A uniform
//! draw, which a study that forbids duplicates may also make, is learned from like any other draw; it is
//! as off-policy as the trials of a batch are.

use super::Proposal;
use super::controller::{Controller, Shape};
use super::parts::{Caution, Recall, likelier, sample, unfit};
use crate::error::Result;
use crate::record::History;
use crate::rng::{Rng, child};
use crate::space::Architecture;
use serde::{Deserialize, Serialize};

/// How often the policy draws before the space is sampled uniformly.
const DRAWS: usize = 100;
/// The probabilities of a policy are means over this many draws.
const SAMPLES: usize = 64;
/// The largest learning rate of the rule for small budgets, that of NATS-Bench's program.
const MOST_RATE: f64 = 0.01;

/// The settings that replace those of the paper.
#[derive(Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Settings {
    pub(super) layers: Option<i64>,
    pub(super) units: Option<i64>,
    pub(super) learning_rate: Option<f64>,
    pub(super) entropy: Option<f64>,
    pub(super) baseline: Option<f64>,
}

/// What all strategies with a controller have: `settings: Settings`, by default those of the paper.
macro_rules! controller_settings {
    ($strategy:ident, layers: $layers:literal, units: $units:literal) => {
        impl $strategy {
            #[doc = concat!("Layers of the LSTM; ", $layers, " in the paper.")]
            pub fn layers(&self, layers: impl Count) -> Self {
                self.with(Settings { layers: Some(layers.to_i64()), ..self.settings })
            }

            #[doc = concat!(
                "Units of each layer of the LSTM, and numbers of an embedding; ", $units, " in the paper."
            )]
            pub fn units(&self, units: impl Count) -> Self {
                self.with(Settings { units: Some(units.to_i64()), ..self.settings })
            }

            /// The learning rate of Adam.
            pub fn learning_rate(&self, rate: f64) -> Self {
                self.with(Settings { learning_rate: Some(rate), ..self.settings })
            }

            /// The weight of the entropy of the policy, in nats, against rewards from 0 to 1.
            pub fn entropy(&self, weight: f64) -> Self {
                self.with(Settings { entropy: Some(weight), ..self.settings })
            }

            /// How much of the baseline stays at each trial.
            pub fn baseline(&self, decay: f64) -> Self {
                self.with(Settings { baseline: Some(decay), ..self.settings })
            }

            fn with(&self, settings: Settings) -> Self {
                $strategy { settings, ..self.clone() }
            }
        }

        impl super::Surrogate for $strategy {
            fn odds(&self, history: &History) -> Result<Vec<policy::Odds>> {
                policy::odds(self, history)
            }
        }

        super::debug_as_described!($strategy);
    };
}
pub(super) use controller_settings;

/// What a paper used.
pub(super) struct Paper {
    pub(super) constants: Constants,
    /// The steps of its search, where the rate is to follow from their number.
    pub(super) steps: Option<usize>,
}

/// The constants of a study.
#[derive(Clone, Copy)]
pub(super) struct Constants {
    pub(super) shape: Shape,
    pub(super) rate: f64,
    pub(super) entropy: f64,
    pub(super) baseline: f64,
}

impl Settings {
    /// The constants for a budget of trials. A step of Adam moves a weight by about the learning
    /// rate, so the product of the rate and the number of steps limits how far a policy can get. With
    /// one step per trial, this product is that of the paper, as far as the largest rate allows.
    pub(super) fn constants(&self, paper: &Paper, trials: usize) -> Constants {
        let size = |n: Option<i64>, or: usize| n.map_or(or, |n| n.clamp(1, 4096) as usize);
        let Constants { shape, rate, entropy, baseline } = paper.constants;
        let rule = paper
            .steps
            .map_or(rate, |steps| (rate * steps as f64 / trials.max(1) as f64).min(MOST_RATE));
        let (layers, units) = (size(self.layers, shape.layers), size(self.units, shape.units));
        Constants {
            shape: Shape { layers, units, ..shape },
            rate: self.learning_rate.unwrap_or(rule),
            entropy: self.entropy.unwrap_or(entropy),
            baseline: self.baseline.unwrap_or(baseline),
        }
    }

    pub(super) fn problems(&self) -> Vec<String> {
        let mut found = vec![];
        for (name, n, most, usual) in
            [("layers", self.layers, 8, "2"), ("units", self.units, 1024, "35")]
        {
            let allowed = format!("1 to {most} are allowed");
            found.extend(unfit(name, n, |n| (1..=most).contains(&n), &allowed, usual));
        }
        let positive = |v: f64| v.is_finite() && v > 0.0;
        let allowed = "a number above 0.0 is wanted";
        found.extend(unfit("learning_rate", self.learning_rate, positive, allowed, "0.001"));
        let allowed = "a number of at least 0.0 is wanted";
        let no_less = |v: f64| v.is_finite() && v >= 0.0;
        found.extend(unfit("entropy", self.entropy, no_less, allowed, "0.0001"));
        let allowed = "0.0 up to, not including, 1.0 is allowed";
        found.extend(unfit("baseline", self.baseline, |v| (0.0..1.0).contains(&v), allowed, "0.9"));
        found
    }
}

/// A number rounded to three digits.
pub(super) fn digits(v: f64) -> f64 {
    format!("{v:.2e}").parse().unwrap_or(v)
}

/// The sorted scores of the trials so far, and the baseline.
struct Rewards {
    scores: Vec<f64>,
    baseline: f64,
}

impl Rewards {
    /// The advantage of the next trial; `None` if there is no other to compare it with.
    fn advantage(&mut self, score: Option<f64>, decay: f64) -> Option<f64> {
        let known = score.or(self.scores.first().copied())?;
        let below = self.scores.partition_point(|&s| s < known);
        let equal = self.scores.partition_point(|&s| s <= known) - below;
        let rank = (below as f64 + 0.5 * equal as f64) / self.scores.len() as f64;
        if score.is_some() {
            self.scores.insert(below, known);
        }
        // The first one: 0 of 0.
        if rank.is_nan() {
            return None;
        }
        let advantage = rank - self.baseline;
        self.baseline = decay * self.baseline + (1.0 - decay) * rank;
        Some(advantage)
    }
}

/// A strategy that trains the controller by a gradient of its policy.
pub(super) trait PolicyGradient {
    fn constants(&self, trials: usize) -> Constants;

    /// Learns from the last trial in `learner.advantages`, or waits for more.
    fn learn(&self, learner: &mut Learner, history: &History) -> Result<()>;
}

/// The controller after the first trials of a history.
pub(super) struct Learner {
    pub(super) controller: Controller,
    pub(super) constants: Constants,
    planned: usize,
    rewards: Rewards,
    /// One for each trial that it has taken in.
    pub(super) advantages: Vec<Option<f64>>,
    /// For PPO: log p(a) of the first trials, when they were drawn.
    pub(super) drawn_at: Vec<f32>,
    caution: Caution,
}

impl Learner {
    fn new(method: &impl PolicyGradient, history: &History) -> Result<Learner> {
        let planned = history.trials_planned();
        let constants = method.constants(planned);
        let seed = child(history.seed(), "controller", 0);
        let controller = Controller::new(history.space(), constants.shape, constants.rate, seed)?;
        let rewards = Rewards { scores: vec![], baseline: 0.5 };
        let (advantages, drawn_at, caution) = Default::default();
        Ok(Learner { controller, constants, planned, rewards, advantages, drawn_at, caution })
    }

    /// Takes in the next trial.
    fn take(&mut self, method: &impl PolicyGradient, history: &History) -> Result<()> {
        let trial = &history.visible()[self.advantages.len()];
        let gain = history.gain(trial);
        self.advantages.push(self.rewards.advantage(gain, self.constants.baseline));
        match self.controller.decides() {
            true => method.learn(self, history),
            false => Ok(()),
        }
    }

    fn propose(&self, history: &History, rng: &mut Rng) -> Result<Proposal> {
        let (space, mut likeliest) = (history.space(), None);
        for _ in 0..DRAWS {
            let drawn = self.controller.draw(rng, &mut |_, _| ())?;
            let arch = Architecture::new(space, drawn);
            if arch.fit().is_ok() {
                if self.caution.keeps(&arch, rng) {
                    return Ok(Proposal::new(arch, "policy"));
                }
                likelier(&mut likeliest, self.caution.weight(&arch), arch);
            }
        }
        match likeliest {
            Some((_, arch)) => Ok(Proposal::new(arch, "policy")),
            None => sample(history, rng),
        }
    }
}

/// What a strategy remembers; nothing after an error, so that it begins anew.
pub(super) type Memory = Recall<Option<Learner>>;

/// Learns from the visible trials, and draws the next architecture.
pub(super) fn ask(
    method: &impl PolicyGradient,
    memory: &Memory,
    history: &History,
    rng: &mut Rng,
) -> Result<Proposal> {
    history.space().check()?;
    memory.with(history, |state| {
        // Another budget may have other constants.
        let known = state.take().filter(|l| l.planned == history.trials_planned());
        let mut learner = match known {
            Some(learner) => learner,
            None => Learner::new(method, history)?,
        };
        while learner.advantages.len() < history.visible().len() {
            learner.take(method, history)?;
        }
        learner.caution.follow(history);
        let proposal = learner.propose(history, rng)?;
        *state = Some(learner);
        Ok(proposal)
    })
}

/// The probability of an option of a decision while a policy learned; see
/// [`Reinforce::probabilities`](crate::Reinforce::probabilities).
#[derive(Clone, Debug, PartialEq)]
#[must_use = "methods return a new value and leave this one as it is"]
pub struct Odds {
    /// The decision, by its place in the space, such as `1.conv.channels`.
    pub decision: String,
    /// The option.
    pub option: String,
    /// After 0, 1, 2, ... trials: the probability that the policy draws an architecture with it.
    pub probabilities: Vec<f64>,
}

/// The policy after every visible trial.
pub(super) fn odds(method: &impl PolicyGradient, history: &History) -> Result<Vec<Odds>> {
    history.space().check()?;
    let mut learner = Learner::new(method, history)?;
    let labels = learner.controller.labels()?;
    let list = |(decision, option)| Odds { decision, option, probabilities: vec![] };
    let mut all: Vec<Odds> = labels.into_iter().map(list).collect();
    // The same random numbers each time: only the policy changes.
    let stream = Rng::from_u64(child(history.seed(), "odds", 0));
    let (mut odds, mut steps) = (vec![], None);
    for n in 0..=history.visible().len() {
        if n > 0 {
            learner.take(method, history)?;
        }
        let taken = Some(learner.controller.steps());
        if steps != taken {
            (odds, steps) = (learner.controller.odds(SAMPLES, &mut stream.clone())?, taken);
        }
        all.iter_mut().zip(&odds).for_each(|(line, &p)| line.probabilities.push(p));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rewards_are_ranks_and_a_failure_is_the_worst_before_it() {
        let mut rewards = Rewards { scores: vec![], baseline: 0.5 };
        let mut next = |score| rewards.advantage(score, 0.9);
        assert_eq!([next(None), next(Some(3.0))], [None, None]);
        // Better than the one before: 1 - 0.5, and the baseline moves to 0.55.
        assert_eq!(next(Some(4.0)), Some(0.5));
        let close = |a: Option<f64>, b: f64| assert!((a.unwrap() - b).abs() < 1e-12, "{a:?} {b}");
        // The worst of two is 3.0: a tie with one of them.
        close(next(None), 0.25 - 0.55);
        close(next(Some(1e300)), 1.0 - 0.52);
    }

    #[test]
    fn the_rate_keeps_how_far_a_policy_gets() {
        let shape = Shape { layers: 1, units: 8, init: 0.1 };
        let constants = Constants { shape, rate: 0.0006, entropy: 0.0, baseline: 0.9 };
        let paper = Paper { constants, steps: Some(1600) };
        let rate = |trials| Settings::default().constants(&paper, trials).rate;
        assert_eq!([rate(0), rate(90), rate(1600)], [0.01, 0.01, 0.0006]);
        assert!((rate(100) - 0.0096).abs() < 1e-12 && (rate(16_000) - 0.00006).abs() < 1e-12);
        let fixed = Paper { steps: None, ..paper };
        assert_eq!(Settings::default().constants(&fixed, 10).rate, 0.0006);
    }
}
