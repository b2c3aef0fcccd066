//! Generations, children of two architectures, and the search for one that was not tried yet.

use super::super::Proposal;
use super::{Caution, likelier, mutant, sample, unfit};
use crate::count::Count;
use crate::error::Result;
use crate::record::{History, Trial};
use crate::rng::Rng;
use serde::{Deserialize, Serialize};
use std::mem::take;

/// How often an architecture is drawn that was not tried yet; pymoo's elimination of duplicates gives up
/// after as many draws.
const DRAWS: usize = 100;
/// How often the last draw is then mutated further, before a known architecture is accepted.
const FURTHER: usize = 100;

/// How children differ from their parents.
///
/// The rates of NSGA-II (Deb et al. 2002, section V): a crossover with probability 0.9, and a mutation
/// of each of the n decisions with probability 1/n, which is one decision per child on average. For the
/// reason, see Muehlenbein, "How genetic algorithms really work", PPSN 2, 1992.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
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
    /// A child of parents that `select` picks, and a new architecture if one is found.
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
        let Some(a) = select(rng) else { return sample(history, rng) };
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
            if rng.uniform() < rate
                && let Some(mutant) = mutant(space, &arch, rng)?
            {
                arch = mutant;
            }
        }
        let origin = if parents.len() == 2 { "crossover" } else { "mutation" };
        Ok(Proposal::new(arch, origin).parents(&parents))
    }

    /// What is wrong with the rates, in words.
    pub(in super::super) fn problems(&self) -> Vec<String> {
        let (crossover, mutation) = (Some(self.crossover), Some(self.mutation));
        let share = "a probability is wanted, 0 to 1";
        let number = "a number of decisions is wanted, 0 and above";
        let several = |v: f64| v >= 0.0 && v.is_finite();
        let mut wrong = vec![];
        wrong.extend(unfit("crossover", crossover, |v| (0.0..=1.0).contains(&v), share, "0.9"));
        wrong.extend(unfit("mutation", mutation, several, number, "1.0"));
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

/// The last generation that is full, and what has finished since; `M` is what is known of a member.
pub(in super::super) struct Generations<M> {
    /// For which size of a population.
    size: usize,
    /// How many of the visible trials have been looked at.
    seen: usize,
    pub(in super::super) population: Vec<M>,
    children: Vec<Trial>,
    pub(in super::super) caution: Caution,
}

impl<M> Default for Generations<M> {
    fn default() -> Self {
        let (population, children, caution) = Default::default();
        Generations { size: 0, seen: 0, population, children, caution }
    }
}

impl<M> Generations<M> {
    /// Takes in the trials that have not been looked at yet. A generation is full when its children are
    /// as many as the population, less the `elite` that survives of the one before; `next` makes a
    /// population of the one before and the children.
    pub(in super::super) fn follow(
        &mut self,
        size: usize,
        elite: usize,
        history: &History,
        next: impl Fn(Vec<M>, Vec<Trial>) -> Vec<M>,
    ) {
        if self.size != size {
            *self = Generations { size, ..Generations::default() };
        }
        let visible = history.visible();
        for trial in visible.iter().skip(self.seen).filter(|t| t.score().is_some()) {
            self.children.push(trial.clone());
            let survivors = if self.population.is_empty() { 0 } else { elite };
            if self.children.len() + survivors >= size {
                self.population = next(take(&mut self.population), take(&mut self.children));
            }
        }
        self.seen = visible.len();
        self.caution.follow(history);
    }
}

/// The size of a population: by default as many members as generations, the square root of the trials,
/// 4 to 100.
pub(in super::super) fn size(given: Option<i64>, trials: usize) -> usize {
    given.map_or_else(|| trials.isqrt().clamp(4, 100), Count::to_size).max(2)
}

/// A size of a population in words: one as large as the budget means that nothing is bred.
pub(in super::super) fn size_text(size: usize, trials: usize) -> String {
    let all = if size >= trials && trials > 0 { ": all of the trials, so at random" } else { "" };
    format!("{size}{all}")
}

/// A size of a population in words, whatever the budget.
pub(in super::super) fn given_text(given: Option<i64>) -> String {
    given.map_or("√trials".to_string(), |n| n.to_string())
}

/// What is wrong with the size of a population, in words. One above the number of trials is allowed.
pub(in super::super) fn too_few(given: Option<i64>) -> Option<String> {
    unfit("population", given, |n| n >= 2, "at least 2 are needed", "20")
}

/// Draws until a result was not tried yet and is unlikely to fail. If none is found, the last draw is
/// mutated further until one is; if that fails too, the new one that is least likely to fail is taken.
pub(in super::super) fn fresh(
    history: &History,
    caution: &Caution,
    rng: &mut Rng,
    mut draw: impl FnMut(&mut Rng) -> Result<Proposal>,
) -> Result<Proposal> {
    // A study that refuses duplicates looks for a new one itself.
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
        let Some(further) = mutant(history.space(), &drawn.architecture, rng)? else { break };
        drawn.architecture = further;
    }
    Ok(likeliest.map_or(drawn, |(_, likeliest)| likeliest))
}
