//! Which trials are the same training, continued.

use crate::record::{History, Trial};
use crate::strategy::LONGER;

/// A new architecture and the trials that have gone on with it, in their order.
pub(super) struct Chain {
    pub(super) trials: Vec<Trial>,
}

impl Chain {
    /// The trial at a rung, by its place from the first on.
    pub(super) fn at(&self, rung: usize) -> Option<&Trial> {
        self.trials.get(rung)
    }

    /// The last of its trials.
    pub(super) fn last(&self) -> Option<&Trial> {
        self.trials.last()
    }
}

/// All chains, in the order in which they began. Results that the next trial may not see look as if they
/// were still to come.
pub(super) fn chains(history: &History) -> Vec<Chain> {
    let trials = history.trials();
    let of = |numbers: &Vec<usize>| Chain {
        trials: numbers.iter().map(|&n| trials[n].clone()).collect(),
    };
    chains_of(&trials).iter().map(of).collect()
}

/// The numbers of the trials of each chain.
pub(crate) fn chains_of(trials: &[Trial]) -> Vec<Vec<usize>> {
    let mut of: Vec<usize> = Vec::with_capacity(trials.len());
    let mut chains: Vec<Vec<usize>> = vec![];
    for (n, trial) in trials.iter().enumerate() {
        match before(trial).filter(|&n| n < of.len()) {
            Some(before) => {
                of.push(of[before]);
                chains[of[n]].push(n);
            }
            None => {
                of.push(chains.len());
                chains.push(vec![n]);
            }
        }
    }
    chains
}

/// The trial that this one goes on with, or is a longer training of. One whose result was taken over stands
/// in its own chain, though the training that goes on is another trial's.
fn before(trial: &Trial) -> Option<usize> {
    let longer = trial.continues().is_some() || trial.0.origin == LONGER;
    longer.then(|| trial.0.parents.first().copied()).flatten()
}
