//! A bracket of successive halving: n_0 architectures at the first rung, of which the best n_1 go on to the
//! second, and so on.

use super::chain::Chain;
use crate::record::{History, Trial};

/// How many architectures there are at each rung, and the epochs of each.
pub(super) struct Bracket {
    pub(super) rungs: Vec<(usize, usize)>,
}

/// What a bracket has to do next.
pub(super) enum Step {
    /// A new architecture, with so many epochs.
    Fresh(usize),
    /// A trial goes on up to so many epochs.
    Promote(Trial, usize),
    /// Nothing before results that are still to come.
    Wait,
    Done,
}

impl Bracket {
    /// Of n architectures at the first of these rungs one of eta goes on each time.
    pub(super) fn new(n: usize, eta: usize, epochs: &[usize]) -> Bracket {
        let at = |(i, &r): (usize, &usize)| ((n / eta.saturating_pow(i as u32)).max(1), r);
        Bracket { rungs: epochs.iter().enumerate().map(at).collect() }
    }

    /// How many architectures it begins with.
    pub(super) fn size(&self) -> usize {
        self.rungs.first().map_or(0, |(n, _)| *n)
    }

    /// What to do next, with the chains that belong to it. Where there are no more architectures, it goes on with those
    /// that it has.
    pub(super) fn next(&self, chains: &[Chain], history: &History) -> Step {
        let Some(&(size, epochs)) = self.rungs.first() else { return Step::Done };
        let size = if history.is_exhausted() { size.min(chains.len()) } else { size };
        if chains.len() < size {
            return Step::Fresh(epochs);
        }
        // How many have reached the rung, failures of the one before left out.
        let mut here = size;
        for (rung, &(want, epochs)) in self.rungs.iter().enumerate().skip(1) {
            let before: Vec<&Trial> = chains.iter().filter_map(|c| c.at(rung - 1)).collect();
            let promoted = chains.iter().filter(|c| c.at(rung).is_some()).count();
            if before.len() < here || !before.iter().all(|t| t.ended()) {
                // Those that are known to go on have gone; the others depend on what is to come.
                return Step::Wait;
            }
            let mut order: Vec<(&Trial, f64)> =
                before.iter().filter_map(|t| Some((*t, history.gain(t)?))).collect();
            // Stable: of equal ones the first.
            order.sort_by(|a, b| b.1.total_cmp(&a.1));
            order.truncate(want);
            here = order.len();
            if promoted < here {
                let gone = |t: &Trial| {
                    chains.iter().any(|c| {
                        c.at(rung).is_some()
                            && c.at(rung - 1).is_some_and(|b| b.number() == t.number())
                    })
                };
                if let Some((next, _)) = order.iter().find(|(t, _)| !gone(t)) {
                    return Step::Promote((*next).clone(), epochs);
                }
            }
        }
        Step::Done
    }
}
