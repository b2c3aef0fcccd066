//! Proximal policy optimisation: the controller of REINFORCE, which learns from each batch of trials
//! several times.
//!
//! Schulman et al.: "Proximal Policy Optimization Algorithms", arXiv 1707.06347, equation 7 and
//! algorithm 1, as it is used for architectures by Zoph et al., arXiv 1707.07012, appendix A. With the
//! probability p(a) of a whole architecture, p_old when it was drawn, and A = R - b:
//!
//! ```text
//! for each batch of N architectures drawn with p_old:
//!     for K epochs:
//!         r = p(a) / p_old(a)
//!         L = mean of min(r A, clip(r, 1 - epsilon, 1 + epsilon) A)  +  weight * entropy
//!         theta <- a step of Adam up grad L
//! ```
//!
//! The minimum removes the gain from a ratio that is already far on the good side, so several steps on
//! the same trials do not move the policy too far. The controller is an LSTM of one layer of 100 units
//! with weights uniform in ±0.1, the learning rate of Adam 0.00035, the weight of the entropy 0.00001,
//! the decay of the baseline 0.95, N is 20, all as in Zoph et al.; epsilon is 0.2 and K 10, as in
//! Schulman et al., tables 1 and 3.
//!
//! Where we differ: N is trials/30, between 2 and 20, so that a small budget has thirty batches too,
//! because the clip limits how far one batch can move the policy. There is no value network: an
//! architecture has one reward, at its end. Rewards are ranks, see `policy.rs`, which also says what
//! happens to draws that do not fit. If the study's own batch is above 1, the first trials of a batch were
//! drawn by the previous policy; p_old is that of each trial.

use super::controller::Shape;
use super::parts::unfit;
use super::policy::{
    self, Constants, Learner, Memory, Paper, PolicyGradient, Settings, controller_settings,
};
use super::{IntoStrategy, Proposal, Strategy, StrategyInfo, read};
use crate::count::Count;
use crate::error::Result;
use crate::record::{History, Trial};
use crate::rng::Rng;
use candle_core::{Device, Tensor};
use serde::{Deserialize, Serialize};

/// Proximal policy optimisation: a recurrent controller that learns from batches of trials, in steps
/// that stay near the policy which drew them.
///
/// ```
/// use nascent::prelude::*;
/// let space = Space::new([8], Task::classification(2)).then(repeat(1..=3, linear(any([4, 8, 16, 32]))));
/// let study = Study::new(&space, evaluator(|a, _| -(a.params() as f64)))
///     .strategy(Ppo::new())
///     .trials(150).seed(1).quiet().run()?;
/// let late = &study.trials_done()[100..];
/// let shallow = late.iter().filter(|t| t.architecture().decisions().len() == 2).count();
/// assert!(shallow > 25);
/// # Ok::<(), nascent::Error>(())
/// ```
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[must_use = "methods return a new value and leave this one as it is"]
#[doc(alias = "PPO")]
pub struct Ppo {
    settings: Settings,
    clip: Option<f64>,
    epochs: Option<i64>,
    trials: Option<i64>,
    #[serde(skip)]
    memory: Memory,
}

const PAPER: Paper = Paper {
    constants: Constants {
        shape: Shape { layers: 1, units: 100, init: 0.1 },
        rate: 0.00035,
        entropy: 0.00001,
        baseline: 0.95,
    },
    steps: None,
};

impl Ppo {
    /// With the constants of Zoph et al., and batches of a thirtieth of the budget, 2 to 20 trials.
    pub fn new() -> Self {
        Ppo::default()
    }

    /// How far from 1 the ratio of new to old probability still gains, epsilon.
    pub fn clip(&self, epsilon: f64) -> Self {
        Ppo { clip: Some(epsilon), ..self.clone() }
    }

    /// How often it learns from each batch, K.
    pub fn epochs(&self, epochs: impl Count) -> Self {
        Ppo { epochs: Some(epochs.to_i64()), ..self.clone() }
    }

    /// How many trials it learns from at once, N.
    pub fn every(&self, trials: impl Count) -> Self {
        Ppo { trials: Some(trials.to_i64()), ..self.clone() }
    }

    /// N for a budget of trials.
    fn at_once(&self, trials: usize) -> usize {
        self.trials.map_or((trials / 30).clamp(2, 20), |n| n.clamp(1, 100_000) as usize)
    }

    fn rounds(&self) -> usize {
        self.epochs.map_or(10, |k| k.clamp(1, 1000) as usize)
    }

    fn epsilon(&self) -> f64 {
        self.clip.unwrap_or(0.2)
    }
}

controller_settings!(Ppo, layers: 1, units: 100);

/// The objective of each architecture, from `log p`, `log p_old` and `A`, all `[N]`.
fn clipped(new: &Tensor, old: &Tensor, advantage: &Tensor, epsilon: f64) -> Result<Tensor> {
    let ratio = (new - old)?.exp()?;
    let near = ratio.clamp((1.0 - epsilon) as f32, (1.0 + epsilon) as f32)?;
    Ok((ratio * advantage)?.minimum(&(near * advantage)?)?)
}

impl PolicyGradient for Ppo {
    fn constants(&self, trials: usize) -> Constants {
        self.settings.constants(&PAPER, trials)
    }

    fn learn(&self, learner: &mut Learner, history: &History) -> Result<()> {
        let n = self.at_once(history.trials_planned());
        let end = learner.advantages.len();
        if !end.is_multiple_of(n) {
            return Ok(());
        }
        // This policy has drawn all trials that were asked for since the last batch, before result
        // `end - 1` became visible.
        let asked = (end + history.batch().saturating_sub(1)).min(history.asked());
        let decided = |trials: &'_ [Trial]| -> Vec<Vec<u32>> {
            trials.iter().map(|t| t.0.architecture.decisions()).collect()
        };
        let drawn = decided(history.all().get(learner.drawn_at.len()..asked).unwrap_or_default());
        let drawn: Vec<&[u32]> = drawn.iter().map(Vec::as_slice).collect();
        learner.drawn_at.extend(learner.controller.log_probabilities(&drawn)?);

        let batch = decided(&history.visible()[end - n..end]);
        let batch: Vec<&[u32]> = batch.iter().map(Vec::as_slice).collect();
        let old = Tensor::new(&learner.drawn_at[end - n..end], &Device::Cpu)?;
        let advantages = learner.advantages[end - n..].iter();
        let advantages: Vec<f32> = advantages.map(|a| a.unwrap_or(0.0) as f32).collect();
        let advantages = Tensor::new(advantages, &Device::Cpu)?;
        for _ in 0..self.rounds() {
            let score = learner.controller.score(&batch)?;
            let gain = clipped(&score.get_on_dim(1, 0)?, &old, &advantages, self.epsilon())?;
            let entropy = score.get_on_dim(1, 1)?.affine(learner.constants.entropy, 0.0)?;
            let loss = (gain + entropy)?.mean_all()?.neg()?;
            learner.controller.descend(&loss)?;
        }
        Ok(())
    }
}

/// Its row in the table of strategies.
pub(super) const ROW: StrategyInfo = StrategyInfo {
    name: "ppo",
    about: "a policy of probabilities, moved by clipped steps",
    paper: "Schulman et al. 2017, arXiv 1707.06347; for NAS: arXiv 1707.07012",
    make: || Ppo::new().into_strategy(),
    read: read::<Ppo>,
};

impl Strategy for Ppo {
    fn ask(&self, history: &History, rng: &mut Rng) -> Result<Proposal> {
        policy::ask(self, &self.memory, history, rng)
    }

    fn describe(&self, trials: usize) -> String {
        let c = self.constants(trials);
        format!(
            "PPO (LSTM {} x {}, {} epochs of {} trials, clip {}, learning rate {}, entropy {}, \
             baseline {})",
            c.shape.layers,
            c.shape.units,
            self.rounds(),
            self.at_once(trials),
            self.epsilon(),
            policy::digits(c.rate),
            c.entropy,
            c.baseline
        )
    }

    fn to_json(&self) -> Option<String> {
        ROW.stored(self)
    }

    fn problems(&self) -> Vec<String> {
        let mut found = self.settings.problems();
        let allowed = "a number between 0.0 and 1.0 is wanted";
        found.extend(unfit("clip", self.clip, |v| v > 0.0 && v < 1.0, allowed, "0.2"));
        for (name, n, most) in [("epochs", self.epochs, 1000), ("every", self.trials, 100_000)] {
            let allowed = format!("1 to {most} are allowed");
            found.extend(unfit(name, n, |n| (1..=most).contains(&n), &allowed, "10"));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Var;

    /// The gain and its slope at ratios below, in and above 1 - epsilon .. 1 + epsilon: no more is to
    /// be gained on the good side, and a step back to it always is.
    #[test]
    fn the_ratio_is_clipped_where_it_gains() {
        for (ratio, advantage, gain, slope) in [
            (1.0, 2.0, 2.0, 2.0),
            (1.1, 2.0, 2.2, 2.2),
            (1.5, 2.0, 2.4, 0.0),
            (0.5, 2.0, 1.0, 1.0),
            (1.5, -2.0, -3.0, -3.0),
            (0.5, -2.0, -1.6, 0.0),
        ] {
            let old = Tensor::new(&[-3f32], &Device::Cpu).unwrap();
            let new = Var::new(&[(ratio as f32).ln() - 3.0], &Device::Cpu).unwrap();
            let a = Tensor::new(&[advantage as f32], &Device::Cpu).unwrap();
            let value = clipped(&new, &old, &a, 0.2).unwrap().sum_all().unwrap();
            let grad = value.backward().unwrap().get(&new).unwrap().to_vec1::<f32>().unwrap()[0];
            let value = value.to_scalar::<f32>().unwrap();
            assert!((value - gain as f32).abs() < 1e-5, "{ratio} {advantage}: {value}");
            // With respect to log p, of which the ratio is the exponential.
            assert!((grad - slope as f32).abs() < 1e-5, "{ratio} {advantage}: {grad}");
        }
    }

    #[test]
    fn it_is_made_again_from_its_stored_form() {
        let custom = Ppo::new().clip(0.1).epochs(4).every(7).units(20).learning_rate(0.002);
        for ppo in [Ppo::new(), custom] {
            let stored = ppo.to_json().unwrap();
            let again = crate::strategy::from_json(&stored).unwrap();
            assert_eq!(again.describe(100), ppo.describe(100));
            assert_eq!(again.to_json().unwrap(), stored);
        }
    }

    #[test]
    fn its_problems_are_reported_together() {
        assert!(Ppo::new().problems().is_empty());
        let wrong = Ppo::new().clip(0.0).epochs(0).every(-1).units(0).layers(99).baseline(1.0);
        let wrong = wrong.learning_rate(f64::NAN).entropy(-1.0);
        assert_eq!(wrong.problems().len(), 8, "{:?}", wrong.problems());
    }
}
