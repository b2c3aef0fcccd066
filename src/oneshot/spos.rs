//! SPOS: Guo, Zhang, Mu, Heng, Liu, Wei and Sun, "Single Path One-Shot Neural Architecture Search with
//! Uniform Sampling", arXiv 1904.00420.
//!
//! The idea: training the shared weights and searching on them are two things, and done one after the other.
//! Every step trains one path, drawn uniformly, so that no choice is favoured while the weights are still
//! poor. Evolution then asks how good an architecture is on the weights that it inherits, which costs a
//! validation.
//!
//! ```text
//! for each batch: a ~ U(A),  W <- W - lr grad L(N(a, W))                          (equation 7)
//! P_0 = P random architectures, Topk = none                                       (algorithm 1)
//! for i in 1 ... T
//!     score P_(i-1) on validation samples, with batch statistics measured anew
//!     Topk <- the k best of Topk and P_(i-1)
//!     P_i = n children of two of Topk, and m mutants of one of Topk, none of them seen before
//! derive: the best of Topk
//! ```
//!
//! n and m are P / 2 and k is P / 5, as in the paper, where P is 50 and T is 20: 1,000 scores. Here P is 20
//! and T is 5, for small spaces. A mutant changes each decision with probability 0.1, and at least one.

use super::paths::{Chosen, method};
use super::{Method, MethodInfo};
use crate::count::Count;
use crate::error::Result;
use crate::rng::Rng;
use crate::space::{Architecture, Space};
use std::collections::HashSet;
use std::sync::Arc;

/// Uniform single paths, then evolution on the shared weights.
///
/// ```
/// use nascent::prelude::*;
/// let data = Dataset::digits().take(300);
/// let op = one_of([conv(same(), 3), conv(same(), 1), skip()]);
/// let space = Space::on(&data).then(conv(8, 3)).then(&op).then(&op).then(global_avg_pool());
/// let search = Study::one_shot(&space, &Train::on(&data).epochs(3), Spos::new()).quiet().run()?;
/// assert!(space.contains(&search.derived()?));
/// # Ok::<(), nascent::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "methods return a new value and leave this one as it is"]
#[doc(alias("SPOS", "SinglePath"))]
pub struct Spos {
    evolution: Evolved,
}

impl Spos {
    /// With 5 rounds of 20 architectures.
    pub fn new() -> Spos {
        Spos { evolution: Evolved::new() }
    }

    /// The population P and the rounds T of the evolution on the shared weights.
    pub fn evolution(&self, population: impl Count, rounds: impl Count) -> Spos {
        Spos { evolution: Evolved { population: population.to_i64(), rounds: rounds.to_i64() } }
    }
}

impl Default for Spos {
    fn default() -> Self {
        Spos::new()
    }
}

/// Its row in the table of one-shot methods.
pub(super) const ROW: MethodInfo = MethodInfo {
    name: "spos",
    about: "uniform single paths, then evolution on the shared weights",
    paper: "Guo et al. 2019, arXiv 1904.00420",
    make: || Spos::new().into(),
};

impl From<Spos> for Method {
    fn from(spos: Spos) -> Method {
        spos.evolution.method("SPOS", false)
    }
}

/// The evolution on shared weights.
#[derive(Clone, Copy, Debug)]
pub(super) struct Evolved {
    pub(super) population: i64,
    pub(super) rounds: i64,
}

/// The probability that a decision of a mutant is drawn again.
const CHANGED: f64 = 0.1;
/// How often a child is made again that was there before.
const TRIES: usize = 20;

impl Evolved {
    pub(super) fn new() -> Evolved {
        Evolved { population: 20, rounds: 5 }
    }

    /// The method of this name that chooses so.
    pub(super) fn method(self, name: &str, fair: bool) -> Method {
        let Evolved { population, rounds } = self;
        let wrong = || {
            format!(
                "evolution({population}, {rounds}) of {name}: a population of 2 to 100000 and 1 to 10000 \
                 rounds are allowed. Try evolution(20, 5)."
            )
        };
        let right = (2..=100_000).contains(&population) && (1..=10_000).contains(&rounds);
        let problems = if right { vec![] } else { vec![wrong()] };
        let choose: Arc<Chosen> = Arc::new(move |space, rng, score| self.best(space, rng, score));
        method(format!("{name}, evolution({population}, {rounds})"), fair, problems, choose)
    }

    fn best(
        self,
        space: &Space,
        rng: &mut Rng,
        score: &mut dyn FnMut(&Architecture) -> Result<f64>,
    ) -> Result<Vec<u32>> {
        let p = self.population.max(2) as usize;
        let k = (p / 5).max(1);
        let mut seen: HashSet<Vec<u32>> = HashSet::new();
        let mut top: Vec<(f64, Architecture)> = vec![];
        let mut fresh = |make: &mut dyn FnMut(&mut Rng) -> Result<Architecture>, rng: &mut Rng| {
            for _ in 0..TRIES {
                let made = make(rng)?;
                if seen.insert(made.decisions()) {
                    return Ok(Some(made));
                }
            }
            Ok::<_, crate::error::Error>(None)
        };
        for _ in 0..self.rounds.max(1) {
            let mut population = vec![];
            for i in 0..p {
                let parents: Vec<&Architecture> = top.iter().map(|(_, arch)| arch).collect();
                let made = match parents.is_empty() {
                    true => fresh(&mut |rng| space.sample(rng), rng)?,
                    false => fresh(&mut |rng| child(space, &parents, 2 * i < p, rng), rng)?,
                };
                population.extend(made);
            }
            for arch in population {
                top.push((score(&arch)?, arch));
            }
            // Stable: of equal ones the first.
            top.sort_by(|a, b| b.0.total_cmp(&a.0));
            top.truncate(k);
        }
        let none = || crate::error::Error::from("evolution on shared weights has scored nothing");
        top.first().map(|(_, arch)| arch.decisions()).ok_or_else(none)
    }
}

/// A child of two parents, or a mutant of one.
fn child(
    space: &Space,
    parents: &[&Architecture],
    crossed: bool,
    rng: &mut Rng,
) -> Result<Architecture> {
    let one = parents[rng.below(parents.len())];
    if crossed {
        return space.crossover(one, parents[rng.below(parents.len())], rng);
    }
    let mut mutant = space.mutate(one, rng)?;
    for _ in 1..mutant.decided().len() {
        if rng.uniform() < CHANGED {
            mutant = space.mutate(&mutant, rng)?;
        }
    }
    Ok(mutant)
}
