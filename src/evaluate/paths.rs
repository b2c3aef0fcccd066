//! Paths with strict fairness, for the training of shared weights: Xiangxiang Chu, Bo Zhang and Ruijun
//! Xu, "FairNAS", arXiv 1907.01845, algorithm 1.
//!
//! In a step, each choice goes through its m operations in an order of its own, and path k takes the k-th
//! operation of each. So every operation is trained equally often, at any time.

use crate::error::{Error, Result};
use crate::rng::Rng;
use crate::space::{Architecture, Space};

/// How often a step is drawn again where one of its paths does not fit together.
const TRIES: usize = 100;

/// The number of options of each decision, in a space where all architectures have the same decisions.
pub(super) struct Fair {
    options: Vec<usize>,
}

impl Fair {
    pub(super) fn of(space: &Space) -> Result<Fair> {
        let Some(options) = space.fixed_decisions() else {
            return Err(Error::invalid(
                "fair paths in a space where one choice decides which others there are",
                "all operations have to be drawn equally often",
                "uniform paths, as Spos::new() has them and a supernet without fair(), or the same choices \
                 in every architecture",
            ));
        };
        Ok(Fair { options })
    }

    /// How many paths there are in a step.
    pub(super) fn paths(&self) -> usize {
        self.options.iter().copied().max().unwrap_or(1)
    }

    /// The paths of one step, as many as the largest choice has options. Of a choice with fewer, the
    /// options take turns, so that none is drawn more than once more often than another.
    pub(super) fn draw(&self, space: &Space, rng: &mut Rng) -> Result<Vec<Architecture>> {
        let paths = self.paths();
        let mut last = None;
        for _ in 0..TRIES {
            let columns: Vec<Vec<u32>> =
                self.options.iter().map(|&m| turns(m, paths, rng)).collect();
            let path = |k: usize| {
                let arch = space.decode(columns.iter().map(|c| c[k]).collect::<Vec<u32>>())?;
                arch.check().map(|()| arch)
            };
            match (0..paths).map(path).collect::<Result<Vec<_>>>() {
                Ok(archs) => return Ok(archs),
                Err(e) => last = Some(e),
            }
        }
        Err(last.unwrap_or_else(|| Error::from("a space without paths")).context(format!(
            "fair paths, drawn {TRIES} times: one of each {paths} does not fit together. Try uniform \
             paths, as Spos::new() has them and a supernet without fair()"
        )))
    }
}

/// `n` options of `m`, in one random order after the other.
fn turns(m: usize, n: usize, rng: &mut Rng) -> Vec<u32> {
    let mut all = vec![];
    while all.len() < n {
        let mut order: Vec<u32> = (0..m as u32).collect();
        rng.shuffle(&mut order);
        all.extend(order);
    }
    all.truncate(n);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;

    #[test]
    fn every_option_is_drawn_equally_often() {
        let op = one_of([conv(same(), 3), conv(same(), 1), skip()]);
        let two = one_of([skip(), relu()]);
        let space = Space::new([3, 8, 8], Task::classification(10)).then(&op).then(two).then(&op);
        let fair = Fair::of(&space).unwrap();
        assert_eq!(fair.options, [3, 2, 3]);
        let mut rng = Rng::new(1);
        for _ in 0..20 {
            let paths = fair.draw(&space, &mut rng).unwrap();
            for decision in [0, 2] {
                let mut taken: Vec<u32> = paths.iter().map(|a| a.decided()[decision]).collect();
                taken.sort_unstable();
                assert_eq!(taken, [0, 1, 2]);
            }
            let ones = paths.iter().filter(|a| a.decided()[1] == 1).count();
            assert!((1..=2).contains(&ones));
        }
        let deep = space.then(repeat(1..=3, relu()));
        assert!(Fair::of(&deep).is_ok(), "what is repeated has no choices");
        let deeper = deep.then(repeat(1..=3, one_of([relu(), gelu()])));
        assert!(Fair::of(&deeper).is_err_and(|e| e.to_string().contains("uniform paths")));
    }
}
