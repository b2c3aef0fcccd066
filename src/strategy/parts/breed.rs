//! Children of two architectures, and the search for one that was not tried.

use super::super::Proposal;
use super::{Caution, likelier};
use crate::error::{ErrorKind, Result};
use crate::record::{History, Trial};
use crate::rng::Rng;
use serde::{Deserialize, Serialize};

/// Draws for an architecture that was not tried yet; pymoo's elimination of duplicates gives up after
/// as many.
const DRAWS: usize = 100;
/// Mutations that then lead away from those that were tried, before one of them is taken.
const FURTHER: usize = 100;

/// How children differ from their parents.
///
/// The rates of NSGA-II (Deb et al. 2002, section V): a crossover with probability 0.9, and every
/// decision mutated with probability 1/n, n being their number, which is one decision a child on
/// average; for why that one, see Muehlenbein, "How genetic algorithms really work", PPSN 2, 1992.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in super::super) struct Variation {
    /// The probability that a child has two parents.
    pub(in super::super) crossover: f64,
    /// How many decisions of a child are changed on average.
    pub(in super::super) mutation: f64,
}

impl Default for Variation {
    fn default() -> Self {
        Variation { crossover: 0.9, mutation: 1.0 }
    }
}

impl Variation {
    /// A child of parents that `select` picks, one that was not tried yet if that is found.
    pub(in super::super) fn breed(
        &self,
        history: &History,
        caution: &Caution,
        rng: &mut Rng,
        select: impl Fn(&mut Rng) -> Option<Trial>,
    ) -> Result<Proposal> {
        fresh(history, caution, rng, |rng| self.child(history, rng, &select))
    }

    fn child(
        &self,
        history: &History,
        rng: &mut Rng,
        select: impl Fn(&mut Rng) -> Option<Trial>,
    ) -> Result<Proposal> {
        let space = history.space();
        let Some(a) = select(rng) else { return Ok(Proposal::new(space.sample(rng)?, "random")) };
        let mut arch = a.architecture();
        let mut parents = vec![a];
        if rng.uniform() < self.crossover
            && let Some(b) = select(rng)
        {
            arch = space.crossover(&arch, &b.0.architecture, rng)?;
            parents.push(b);
        }
        let decisions = arch.decided().len();
        let rate = self.mutation / decisions.max(1) as f64;
        for _ in 0..decisions {
            if rng.uniform() < rate {
                match space.mutate(&arch, rng) {
                    Ok(mutant) => arch = mutant,
                    // Without a neighbour it stays as it is.
                    Err(e) if e.kind() == ErrorKind::Exhausted => {}
                    Err(e) => return Err(e),
                }
            }
        }
        let origin = if parents.len() == 2 { "crossover" } else { "mutation" };
        Ok(Proposal::new(arch, origin).parents(&parents))
    }

    /// What is wrong with the rates, in words.
    pub(in super::super) fn problems(&self) -> Vec<String> {
        let mut wrong = vec![];
        if !(0.0..=1.0).contains(&self.crossover) {
            wrong.push(format!(
                "crossover({}): a probability is wanted, 0 to 1. Try crossover(0.9).",
                self.crossover
            ));
        }
        if !(self.mutation >= 0.0 && self.mutation.is_finite()) {
            wrong.push(format!(
                "mutation({}): a number of decisions is wanted, 0 and above. Try mutation(1.0).",
                self.mutation
            ));
        }
        if self.crossover == 0.0 && self.mutation == 0.0 {
            wrong.push(
                "crossover(0) and mutation(0): every child would be like its parent. Try \
                 mutation(1.0)."
                    .to_string(),
            );
        }
        wrong
    }
}

/// What `draw` draws, again while it was tried already or is likely to fail; when only such seem to be
/// left, the nearest beyond them that is not; when there is none, the likeliest not to fail.
pub(in super::super) fn fresh(
    history: &History,
    caution: &Caution,
    rng: &mut Rng,
    mut draw: impl FnMut(&mut Rng) -> Result<Proposal>,
) -> Result<Proposal> {
    // A study that has refused one that was tried asks for a new one itself.
    if history.rejected().is_some() {
        return caution.draw(rng, draw);
    }
    let mut drawn = draw(rng)?;
    let mut likeliest: Option<(f64, Proposal)> = None;
    for _ in 1..DRAWS {
        if !history.tried(&drawn.architecture) {
            if caution.keeps(&drawn.architecture, rng) {
                return Ok(drawn);
            }
            likelier(&mut likeliest, caution.weight(&drawn.architecture), drawn);
        }
        drawn = draw(rng)?;
    }
    for _ in 0..FURTHER {
        if !history.tried(&drawn.architecture) && caution.keeps(&drawn.architecture, rng) {
            return Ok(drawn);
        }
        match history.space().mutate(&drawn.architecture, rng) {
            Ok(architecture) => drawn.architecture = architecture,
            Err(e) if e.kind() == ErrorKind::Exhausted => break,
            Err(e) => return Err(e),
        }
    }
    Ok(likeliest.map_or(drawn, |(_, likeliest)| likeliest))
}
