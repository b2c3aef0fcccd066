//! BANANAS: an ensemble of small networks predicts, and independent Thompson sampling chooses.
//!
//! White, Neiswanger and Savani, "BANANAS: Bayesian Optimization with Neural Architectures for Neural
//! Architecture Search", arXiv 1910.11858, algorithm 1:
//!
//! ```text
//! draw t_0 architectures at random and evaluate them
//! for t from t_0 to T:
//!     train an ensemble of M networks on all architectures so far, by their path encoding
//!     generate candidates by mutating the best architectures so far
//!     for each candidate x, draw f~(x) ~ N(mean of the ensemble, its variance)
//!     evaluate the candidate with the largest f~
//! ```
//!
//! Constants of the paper and its program: t_0 = 10, M = 5, training anew every k = 10 trials, layers of
//! 20 units with ReLU, Adam at 0.01, 150 epochs of batches of 32, the mean absolute error.
//!
//! Where we differ: there are three hidden layers instead of ten, because asking then takes a third of the
//! time. The path encoding is not truncated; where a space has none (choices outside of cells, or decisions
//! alone), the one-hot encoding is used. The networks see the ranks of the scores
//! (`src/surrogate/target.rs`), while the paper weighs errors by the distance to a bound, for the same
//! purpose. Half of the candidates are random. Above 300 trials, it learns from the 150 best and the last
//! of the others; the ranks are those of up to 3,000 trials (`targets.rs`). Between two trainings, and in a
//! batch, the random draws keep proposals apart; running trials are not proposed again, and nothing is
//! learned from them. A failed trial is learned as worse than every score, and the acquisition is weighed
//! by the probability that a candidate does not fail (`parts/caution.rs`). With several objectives, every
//! training takes another random weighting of them (ParEGO).

use super::candidates::{
    self, Memory, Model, Outlook, START, acquisitions, in_scores, most_useful,
};
use super::features::Columns;
use super::parts::Recall;
use super::targets::{Seen, drawn, evenly};
use super::{IntoStrategy, Proposal, Strategy, StrategyInfo, Surrogate, read};
use crate::count::Count;
use crate::error::Result;
use crate::record::{History, Trial};
use crate::rng::{Rng, child};
use crate::space::Architecture;
use crate::surrogate::{Acquisition, Ensemble, Prediction, Recipe, Row, Scale};
use serde::{Deserialize, Serialize};

/// The most trials that the networks learn from.
const MOST: usize = 300;
/// The number of trials from one training to the next.
const EVERY: usize = 10;

/// BANANAS: an ensemble of networks on the path encoding, and independent Thompson sampling.
///
/// ```
/// use nascent::prelude::*;
/// let table = NasBench201::cifar10();
/// let study = Study::new(&table.space(), &table).strategy(Bananas::new())
///     .batch(1).trials(30).seed(1).quiet().run()?;
/// assert!(study.best()?.score() > Some(85.0));
/// # Ok::<(), nascent::Error>(())
/// ```
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[must_use = "methods return a new value and leave this one as it is"]
#[doc(alias = "BANANAS")]
pub struct Bananas {
    members: i64,
    layers: i64,
    width: i64,
    epochs: i64,
    acquisition: Acquisition,
    #[serde(skip)]
    recall: Recall<Memory<Option<Trained>>>,
}

/// The ensemble after a number of trials.
pub(super) struct Trained {
    after: usize,
    columns: Columns,
    ensemble: Ensemble,
    /// The largest of the values that it has learned.
    best: f64,
}

impl Bananas {
    /// With an ensemble of 5 networks of 3 layers of 20 units, and Thompson sampling.
    pub fn new() -> Self {
        Bananas {
            members: 5,
            layers: 3,
            width: 20,
            epochs: 150,
            acquisition: Acquisition::Thompson,
            recall: Recall::default(),
        }
    }

    /// How many networks the ensemble has.
    pub fn members(&self, members: impl Count) -> Self {
        Bananas { members: members.to_i64(), ..self.clone() }
    }

    /// How many hidden layers a network has; the paper's has 10.
    pub fn layers(&self, layers: impl Count) -> Self {
        Bananas { layers: layers.to_i64(), ..self.clone() }
    }

    /// How many units a hidden layer has.
    pub fn width(&self, width: impl Count) -> Self {
        Bananas { width: width.to_i64(), ..self.clone() }
    }

    /// How often a training passes over the trials.
    pub fn epochs(&self, epochs: impl Count) -> Self {
        Bananas { epochs: epochs.to_i64(), ..self.clone() }
    }

    fn recipe(&self) -> Recipe {
        let size = |n: i64| n.max(1) as usize;
        Recipe {
            layers: size(self.layers),
            width: size(self.width),
            epochs: size(self.epochs),
            rate: 0.01,
            batch: 32,
        }
    }

    /// Trains on these trials, the first `after` of all.
    fn train(&self, history: &History, trials: &[Trial], y: &[f64], after: usize) -> Trained {
        let mut rng = Rng::from_u64(child(history.seed(), "bananas", after as u64));
        let scale = Scale::of(y);
        let chosen = most_useful(y, MOST);
        let z: Vec<f64> = chosen.iter().map(|&i| scale.z(y[i])).collect();
        let mut columns = Columns::path(history.space());
        let x: Vec<Row> =
            chosen.iter().map(|&i| present(columns.meet(&trials[i].0.architecture))).collect();
        let members = self.members.max(1) as usize;
        let ensemble = Ensemble::train(&x, &z, columns.width(), members, &self.recipe(), &mut rng);
        let best = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Trained { after, columns, ensemble, best }
    }
}

/// Columns that are 1.
fn present(columns: Vec<u32>) -> Row {
    columns.into_iter().map(|column| (column, 1.0)).collect()
}

impl Trained {
    fn look(
        &self,
        acquisition: Acquisition,
        architectures: &[Architecture],
        rng: &mut Rng,
    ) -> Vec<Outlook> {
        let outlook = |arch| {
            let (mu, sigma) = self.ensemble.predict(&present(self.columns.of(arch)));
            Outlook { mu, sigma, acquisition: acquisition.of(mu, sigma, self.best, rng) }
        };
        architectures.iter().map(outlook).collect()
    }
}

impl Default for Bananas {
    fn default() -> Self {
        Bananas::new()
    }
}

/// The number of trials, `n` or less, after which the networks were last trained. They are trained at
/// every thousand trials, when others may be cleared.
fn trained_after(n: usize) -> usize {
    if n <= START { n } else { n - (n - START) % EVERY }
}

/// The stream that draws the weights of the objectives; they are those of the training.
fn weights(history: &History) -> Rng {
    let after = trained_after(history.visible().len());
    Rng::from_u64(child(history.seed(), "bananas weights", after as u64))
}

acquisitions!(
    Bananas,
    "Draws a value for every candidate from the normal distribution of the ensemble's mean and standard \
     deviation, and tries the largest."
);

impl Model for Bananas {
    type Learned = Option<Trained>;

    fn targets(&self, history: &History, trials: &[Trial], _: &mut Rng) -> Vec<f64> {
        drawn(history, trials, &mut weights(history))
    }

    fn look(
        &self,
        trained: &mut Option<Trained>,
        history: &History,
        seen: &Seen,
        _: &[f64],
        architectures: &[Architecture],
        rng: &mut Rng,
    ) -> Vec<Outlook> {
        let after = trained_after(history.visible().len());
        if trained.as_ref().is_none_or(|t| t.after != after) {
            let first = seen.first(after);
            let y = drawn(history, first, &mut weights(history));
            *trained = Some(self.train(history, first, &y, after));
        }
        let look = |trained: &Trained| trained.look(self.acquisition, architectures, rng);
        trained.as_ref().map_or(vec![], look)
    }
}

impl Surrogate for Bananas {
    /// With an ensemble that is trained on all trials, however few have been added.
    fn expects(
        &self,
        history: &History,
        architectures: &[Architecture],
    ) -> Result<Vec<Prediction>> {
        let mut seen = Seen::default();
        seen.follow(history);
        let y = evenly(history, &seen.trials);
        let trained = self.train(history, &seen.trials, &y, history.visible().len());
        let mut rng = Rng::from_u64(history.seed()).stream("predict", 0);
        let found = trained.look(self.acquisition, architectures, &mut rng);
        Ok(in_scores(found, self.acquisition, &Scale::of(&y), history))
    }

    fn prefers_by(&self) -> String {
        self.acquisition.name()
    }
}

/// Its row in the table of strategies.
pub(super) const ROW: StrategyInfo = StrategyInfo {
    name: "bananas",
    about: "an ensemble of networks on path encodings predicts; Thompson sampling chooses",
    paper: "White et al. 2021, arXiv 1910.11858",
    make: || Bananas::new().into_strategy(),
    read: read::<Bananas>,
};

impl Strategy for Bananas {
    fn ask(&self, history: &History, rng: &mut Rng) -> Result<Proposal> {
        candidates::ask(self, self.acquisition, &self.recall, history, rng)
    }

    fn describe(&self, _: usize) -> String {
        let Bananas { members, layers, width, .. } = self;
        format!("BANANAS ({members} networks of {layers} x {width}, {})", self.acquisition.name())
    }

    fn to_json(&self) -> Option<String> {
        ROW.stored(self)
    }

    fn problems(&self) -> Vec<String> {
        let sizes = [
            ("members", self.members, 2, 5, 100),
            ("layers", self.layers, 1, 3, 100),
            ("width", self.width, 1, 20, 1000),
            ("epochs", self.epochs, 1, 150, 100_000),
        ];
        let wrong = sizes.into_iter().filter(|(_, n, least, _, most)| n < least || n > most);
        let told = wrong.map(|(name, n, least, good, most)| {
            format!("{name}({n}): {least} to {most} is allowed. Try {name}({good}).")
        });
        told.chain(self.acquisition.problem()).collect()
    }
}
