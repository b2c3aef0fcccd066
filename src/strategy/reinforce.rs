//! Search by reinforcement learning: a controller proposes, and its policy follows what was good.
//!
//! Zoph and Le: "Neural Architecture Search with Reinforcement Learning", arXiv 1611.01578, section
//! 3.2, with the rule of Williams (REINFORCE, Machine Learning 8, 1992). An architecture is a list of
//! actions a_1 ... a_T, its reward R, the policy the controller's p with weights theta:
//!
//! ```text
//! J(theta) = E[R]
//! grad J  ~  (R - b) sum over t of grad log p(a_t | a_1 ... a_{t-1})      b: moving average of R
//! ```
//!
//! and a bonus for the entropy of the policy, so that it does not settle too early (not in the paper;
//! its weight, 0.0001, is that of ENAS, arXiv 1802.03268). The controller is an LSTM of two layers of
//! 35 units with weights uniform in ±0.08, trained by Adam, as in the paper; the decay of the baseline
//! is 0.9, as in the program of NATS-Bench (arXiv 2009.00437), since the paper gives none.
//!
//! Where we differ: the weights change after every visible trial instead of every eight. The paper's
//! learning rate of 0.0006 was for 1,600 steps, with eight of 12,800 architectures in each; the product
//! of the two is kept: 0.96 / trials, but at most 0.01, the rate of the program of NATS-Bench for about a
//! hundred trials. At the paper's own rate, a hundred trials would change almost nothing; at a larger
//! rate, a longer search would settle on what it saw first. Rewards are ranks instead of cubed accuracies,
//! see `policy.rs`, which also says what happens to draws that do not fit. With a batch above 1, a trial
//! was drawn by an earlier policy than the one that learns from it, as with the paper's parallel replicas.

use super::controller::Shape;
use super::policy::{
    self, Constants, Learner, Memory, Paper, PolicyGradient, Settings, controller_settings,
};
use super::{IntoStrategy, Proposal, Strategy, StrategyInfo, read};
use crate::count::Count;
use crate::error::Result;
use crate::record::History;
use crate::rng::Rng;
use candle_core::{Device, Tensor};
use serde::{Deserialize, Serialize};

/// REINFORCE: a recurrent controller draws architectures, and learns from how good they were.
///
/// ```
/// use nascent::prelude::*;
/// let space = Space::new([8], Task::classification(2)).then(repeat(1..=3, linear(any([4, 8, 16, 32]))));
/// let study = Study::new(&space, evaluator(|a, _| -(a.params() as f64)))
///     .strategy(Reinforce::new())
///     .trials(150).seed(1).quiet().run()?;
/// let late = &study.trials_done()[100..];
/// let shallow = late.iter().filter(|t| t.architecture().decisions().len() == 2).count();
/// assert!(shallow > 25);
/// # Ok::<(), nascent::Error>(())
/// ```
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[must_use = "methods return a new value and leave this one as it is"]
#[doc(alias = "REINFORCE")]
pub struct Reinforce {
    settings: Settings,
    #[serde(skip)]
    memory: Memory,
}

const PAPER: Paper = Paper {
    constants: Constants {
        shape: Shape { layers: 2, units: 35, init: 0.08 },
        rate: 0.0006,
        entropy: 0.0001,
        baseline: 0.9,
    },
    // 12,800 architectures, eight in each step.
    steps: Some(1600),
};

impl Reinforce {
    /// With the paper's controller, and a learning rate that follows from the budget: 0.96 / trials,
    /// at most 0.01.
    pub fn new() -> Self {
        Reinforce::default()
    }
}

controller_settings!(Reinforce, layers: 2, units: 35);

impl PolicyGradient for Reinforce {
    fn constants(&self, trials: usize) -> Constants {
        self.settings.constants(&PAPER, trials)
    }

    fn learn(&self, learner: &mut Learner, history: &History) -> Result<()> {
        let last = learner.advantages.len() - 1;
        let Some(advantage) = learner.advantages[last] else { return Ok(()) };
        let decided = history.visible()[last].0.architecture.decided();
        let weights = [-advantage as f32, -learner.constants.entropy as f32];
        let weights = Tensor::new(&[weights], &Device::Cpu)?;
        let loss = (learner.controller.score(&[decided])? * weights)?.sum_all()?;
        learner.controller.descend(&loss)
    }
}

/// Its row in the table of strategies.
pub(super) const ROW: StrategyInfo = StrategyInfo {
    name: "reinforce",
    about: "a policy of probabilities, moved towards what scored above the average",
    paper: "Zoph and Le 2017, arXiv 1611.01578",
    make: || Reinforce::new().into_strategy(),
    read: read::<Reinforce>,
};

impl Strategy for Reinforce {
    fn ask(&self, history: &History, rng: &mut Rng) -> Result<Proposal> {
        policy::ask(self, &self.memory, history, rng)
    }

    fn describe(&self, trials: usize) -> String {
        let c = self.constants(trials);
        format!(
            "REINFORCE (LSTM {} x {}, learning rate {}, entropy {}, baseline {})",
            c.shape.layers,
            c.shape.units,
            policy::digits(c.rate),
            c.entropy,
            c.baseline
        )
    }

    fn to_json(&self) -> Option<String> {
        ROW.stored(self)
    }

    fn problems(&self) -> Vec<String> {
        self.settings.problems()
    }
}
