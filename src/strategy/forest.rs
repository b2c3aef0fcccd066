//! Bayesian optimisation with a random forest, as in SMAC.
//!
//! Hutter, Hoos and Leyton-Brown, "Sequential Model-Based Optimization for General Algorithm
//! Configuration", LION 5, 2011. A forest needs no special treatment of choices that open others: it
//! never splits on what does not exist. The spread of its trees and leaves shows how uncertain it is
//! (`src/surrogate/forest.rs`, with SMAC's constants: 10 trees, 5/6 of the features at a node, leaves of
//! 3 or more). The candidate with the largest expected improvement is tried next.
//!
//! Where we differ: the candidates are those of the other strategies with a model, half mutations of
//! the best trials and half random, instead of a local search and a random architecture for every second
//! trial. The forest sees the ranks of the scores (`src/surrogate/target.rs`) instead of their logarithms,
//! and splits on single options at their place in the tree. It grows anew for every trial. For a running
//! trial it believes its own mean, which comes from a first forest without that trial. A failed trial is
//! learned as worse than every score, and the acquisition is weighed by the probability that a candidate
//! does not fail (`parts/caution.rs`). With several objectives, every trial takes another random weighting
//! of them (ParEGO). Above 1,000 trials it learns from the 500 best and the last of the others; the ranks
//! are those of up to 3,000 trials (`targets.rs`).

use super::candidates::{self, Memory, Model, Outlook, acquisitions, believed, most_useful};
use super::features::Columns;
use super::parts::{Recall, unfit};
use super::targets::Seen;
use super::{IntoStrategy, Proposal, Strategy, StrategyInfo, Surrogate, read};
use crate::count::Count;
use crate::error::Result;
use crate::record::History;
use crate::rng::Rng;
use crate::space::Architecture;
use crate::surrogate::{Acquisition, Forest, Prediction, Rows, Scale};
use serde::{Deserialize, Serialize};

/// The most trials that the forest learns from.
const MOST: usize = 1000;

/// Bayesian optimisation with a random forest (SMAC).
///
/// ```
/// use nascent::prelude::*;
/// let space = Space::new([8], Task::classification(2)).then(repeat(1..=4, linear(any([4, 8, 16, 32]))));
/// let study = Study::new(&space, evaluator(|a, _| -(a.params() as f64)))
///     .strategy(RandomForest::new())
///     .trials(60).seed(1).quiet().run()?;
/// assert_eq!(study.best()?.architecture().to_string(), "linear(4)");
/// # Ok::<(), nascent::Error>(())
/// ```
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[must_use = "methods return a new value and leave this one as it is"]
#[doc(alias = "SMAC")]
pub struct RandomForest {
    trees: i64,
    acquisition: Acquisition,
    #[serde(skip)]
    recall: Recall<Memory<Table>>,
}

/// The columns of the trials that are seen.
pub(super) struct Table {
    columns: Columns,
    rows: Vec<Vec<u32>>,
    /// After how many visible trials the last clearing took place.
    cleared: usize,
}

impl Default for Table {
    fn default() -> Self {
        Table { columns: Columns::one_hot(), rows: vec![], cleared: 0 }
    }
}

impl RandomForest {
    /// With 10 trees and the largest expected improvement, as SMAC.
    pub fn new() -> Self {
        RandomForest {
            trees: 10,
            acquisition: Acquisition::ExpectedImprovement,
            recall: Recall::default(),
        }
    }

    /// How many trees the forest has.
    pub fn trees(&self, trees: impl Count) -> Self {
        RandomForest { trees: trees.to_i64(), ..self.clone() }
    }
}

impl Default for RandomForest {
    fn default() -> Self {
        RandomForest::new()
    }
}

acquisitions!(
    RandomForest,
    "Draws a value for every candidate from the normal distribution of the forest's mean and standard \
     deviation, and tries the largest."
);

impl Model for RandomForest {
    type Learned = Table;

    fn look(
        &self,
        table: &mut Table,
        history: &History,
        seen: &Seen,
        y: &[f64],
        architectures: &[Architecture],
        rng: &mut Rng,
    ) -> Vec<Outlook> {
        if table.cleared != seen.cleared {
            *table = Table { cleared: seen.cleared, ..Table::default() };
        }
        let Table { columns, rows, .. } = table;
        for trial in seen.trials.iter().skip(rows.len()) {
            rows.push(columns.meet(&trial.0.architecture));
        }
        let scale = Scale::of(y);
        let chosen = most_useful(y, MOST);
        let mut x: Vec<Vec<u32>> = chosen.iter().map(|&i| rows[i].clone()).collect();
        let mut z: Vec<f64> = chosen.iter().map(|&i| scale.z(y[i])).collect();
        let best = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let trees = self.trees.max(1) as usize;
        let width = columns.width();
        let mut forest = Forest::grow(&Rows { x: &x, y: &z, width }, trees, rng);
        let believed: Vec<Vec<u32>> = believed(history).iter().map(|a| columns.of(a)).collect();
        if !believed.is_empty() {
            z.extend(believed.iter().map(|features| forest.predict(features).0));
            x.extend(believed);
            forest = Forest::grow(&Rows { x: &x, y: &z, width }, trees, rng);
        }
        let value = |arch| {
            let (mu, sigma) = forest.predict(&columns.of(arch));
            Outlook { mu, sigma, acquisition: self.acquisition.of(mu, sigma, best, rng) }
        };
        architectures.iter().map(value).collect()
    }
}

impl Surrogate for RandomForest {
    fn expects(
        &self,
        history: &History,
        architectures: &[Architecture],
    ) -> Result<Vec<Prediction>> {
        Ok(candidates::expects(self, self.acquisition, &self.recall, history, architectures))
    }

    fn prefers_by(&self) -> String {
        self.acquisition.name()
    }
}

/// Its row in the table of strategies.
pub(super) const ROW: StrategyInfo = StrategyInfo {
    name: "forest",
    about: "a random forest on the decisions; expected improvement chooses",
    paper: "Hutter et al. 2011 (SMAC), LION 5",
    make: || RandomForest::new().into_strategy(),
    read: read::<RandomForest>,
};

impl Strategy for RandomForest {
    fn ask(&self, history: &History, rng: &mut Rng) -> Result<Proposal> {
        candidates::ask(self, self.acquisition, &self.recall, history, rng)
    }

    fn describe(&self, _: usize) -> String {
        format!("random forest ({} trees, {})", self.trees, self.acquisition.name())
    }

    fn to_json(&self) -> Option<String> {
        ROW.stored(self)
    }

    fn problems(&self) -> Vec<String> {
        let (trees, allowed) = (Some(self.trees), "1 to 10000 is allowed");
        let wrong = unfit("trees", trees, |n| (1..=10_000).contains(&n), allowed, "10");
        wrong.into_iter().chain(self.acquisition.problem()).collect()
    }
}
