//! The genetic algorithm: generations, tournaments, crossover and mutation.
//!
//! Holland, "Adaptation in Natural and Artificial Systems", 1975, in the form with tournaments
//! (Goldberg, Deb: "A Comparative Analysis of Selection Schemes Used in Genetic Algorithms", FOGA 1,
//! 1991) and an elite (De Jong's plan R2, 1975); for architectures: Xie, Yuille: "Genetic CNN",
//! arXiv 1703.01513:
//!
//! ```text
//! P_0 <- N random architectures, evaluated
//! for t = 0, 1, ...:
//!     repeat N - E times:
//!         a, b  <- the winners of two tournaments of k members of P_t, drawn with replacement
//!         child <- crossover(a, b) with probability p_c, else a copy of a
//!         every decision of the child is mutated with probability p_m; it is evaluated
//!     P_{t+1} <- the E best of P_t and the N - E children
//! ```
//!
//! k = 2 and E = 1 as in those papers; p_c = 0.9 and p_m = 1/n, which changes one of the n decisions
//! on average, as in NSGA-II. N = 100 is for tens of thousands of evaluations; a smaller budget has as
//! many generations as members: N = the square root of the trials, at least 4 and at most 100.
//!
//! Where we differ: a child that was tried already is bred again, as in pymoo, since its score is
//! known; if no new child is found, it is mutated further until it is new. Trials that fail never join a
//! population, and a child that is likely to fail is bred again (`parts/caution.rs`). A generation is full
//! when its trials have finished, in their order; with a batch, the children that are running at that
//! moment count for the next generation. So everything follows from the visible trials. With several
//! objectives, only the score counts.

use super::parts::{
    Generations, Recall, Variation, given_text, size, size_text, too_few, tournament, unfit,
};
use super::{IntoStrategy, Proposal, Strategy, StrategyInfo, read};
use crate::count::Count;
use crate::error::Result;
use crate::record::{History, Trial};
use crate::rng::Rng;
use serde::{Deserialize, Serialize};

/// A genetic algorithm: from generation to generation the winners of tournaments are crossed and
/// mutated, and the best survive.
///
/// ```
/// use nascent::prelude::*;
/// let space = Space::new([8], Task::classification(2)).then(repeat(1..=4, linear(any([4, 8, 16, 32]))));
/// let study = Study::new(&space, evaluator(|a, _| -(a.params() as f64)))
///     .strategy(Genetic::new().population(10).elite(2))
///     .trials(80).seed(1).quiet().run()?;
/// assert_eq!(study.best()?.architecture().to_string(), "linear(4)");
/// # Ok::<(), nascent::Error>(())
/// ```
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[must_use = "methods return a new value and leave this one as it is"]
#[doc(alias = "GeneticAlgorithm")]
pub struct Genetic {
    population: Option<i64>,
    tournament: i64,
    elite: i64,
    variation: Variation,
    #[serde(skip)]
    recall: Recall<Generations<Trial>>,
}

impl Default for Genetic {
    fn default() -> Self {
        let (population, variation, recall) = Default::default();
        Genetic { population, tournament: 2, elite: 1, variation, recall }
    }
}

impl Genetic {
    /// Binary tournaments, an elite of 1, crossover with probability 0.9, one mutated decision per
    /// child on average, and a population of the square root of the trials, 4 to 100.
    pub fn new() -> Self {
        Genetic::default()
    }

    /// The size of the population, N.
    pub fn population(&self, size: impl Count) -> Self {
        Genetic { population: Some(size.to_i64()), ..self.clone() }
    }

    /// The size of a tournament, k.
    pub fn tournament(&self, size: impl Count) -> Self {
        Genetic { tournament: size.to_i64(), ..self.clone() }
    }

    /// How many of the best survive their generation, E.
    pub fn elite(&self, size: impl Count) -> Self {
        Genetic { elite: size.to_i64(), ..self.clone() }
    }

    /// The probability that a child has two parents, p_c.
    pub fn crossover(&self, probability: f64) -> Self {
        Genetic {
            variation: Variation { crossover: probability, ..self.variation },
            ..self.clone()
        }
    }

    /// How many decisions of a child are mutated on average: n p_m.
    pub fn mutation(&self, decisions: f64) -> Self {
        Genetic { variation: Variation { mutation: decisions, ..self.variation }, ..self.clone() }
    }

    /// N and E for a budget of trials.
    fn sizes(&self, trials: usize) -> (usize, usize) {
        let n = size(self.population, trials);
        (n, self.elite.to_size().min(n - 1))
    }

    /// Takes in the trials that have not been looked at yet.
    fn follow(&self, state: &mut Generations<Trial>, history: &History) {
        let (n, e) = self.sizes(history.trials_planned());
        state.follow(n, e, history, |mut population, children| {
            let gain = |t: &Trial| history.gain(t).unwrap_or(f64::NEG_INFINITY);
            // The better first; of equal ones the earlier.
            population.sort_by(|a, b| gain(b).total_cmp(&gain(a)));
            population.truncate(e);
            population.extend(children);
            population
        });
    }
}

/// Its row in the table of strategies.
pub(super) const ROW: StrategyInfo = StrategyInfo {
    name: "genetic",
    about: "generations of crossed and mutated parents, of which the best survive",
    paper: "Holland 1975; for NAS: Xie and Yuille 2017, arXiv 1703.01513",
    make: || Genetic::new().into_strategy(),
    read: read::<Genetic>,
};

impl Strategy for Genetic {
    fn ask(&self, history: &History, rng: &mut Rng) -> Result<Proposal> {
        self.recall.with(history, |state| {
            self.follow(state, history);
            let size = self.tournament.max(1).to_size();
            self.variation.breed(history, &state.caution, rng, |rng| {
                tournament(history, &state.population, size, rng)
            })
        })
    }

    fn describe(&self, trials: usize) -> String {
        let (n, e) = self.sizes(trials);
        let Variation { crossover, mutation } = self.variation;
        format!(
            "genetic algorithm (population {}, tournament {}, elite {e}, crossover {crossover}, \
             mutation {mutation})",
            size_text(n, trials),
            self.tournament
        )
    }

    fn to_json(&self) -> Option<String> {
        ROW.stored(self)
    }

    fn problems(&self) -> Vec<String> {
        let (k, e) = (Some(self.tournament), self.elite);
        let mut wrong: Vec<String> = too_few(self.population).into_iter().collect();
        wrong.extend(unfit("tournament", k, |k| k >= 1, "at least 1 is needed", "2"));
        match self.population {
            _ if e < 0 => wrong.push(format!("elite({e}): 0 and above is allowed. Try elite(1).")),
            Some(n) if e >= n.max(2) => wrong.push(format!(
                "elite({e}): of a population of {n} some must make room for children. Try elite(1)."
            )),
            _ => {}
        }
        wrong.extend(self.variation.problems());
        wrong
    }
}

impl std::fmt::Debug for Genetic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let n = given_text(self.population);
        let Variation { crossover, mutation } = self.variation;
        write!(
            f,
            "genetic algorithm (population {n}; tournament {}; elite {}; crossover {crossover}; \
             mutation {mutation})",
            self.tournament, self.elite
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::{Duplicates, Space, Study, evaluator};

    /// Generation after generation, followed beside the study: the elite is never evaluated again.
    #[test]
    fn parents_are_of_the_last_generation_or_its_elite() {
        let (n, e) = (8, 2);
        let rugged = evaluator(|arch, _| (arch.identity() % 997) as f64);
        let study = Study::new(&Space::decisions([4; 6]), rugged).duplicates(Duplicates::Repeat);
        let study = study.strategy(Genetic::new().population(n).elite(e));
        let trials = study.batch(1).trials(80).seed(3).quiet().run().unwrap().trials_done();
        let mut population: Vec<usize> = (0..n).collect();
        let (mut crossed, mut from_elite) = (0, 0);
        assert!(trials[..n].iter().all(|t| t.origin() == "random"));
        for generation in 0..(80 - n) / (n - e) {
            let begin = n + generation * (n - e);
            let children: Vec<usize> = (begin..begin + n - e).collect();
            for &child in &children {
                let parents = trials[child].parents();
                assert!(!parents.is_empty() && parents.iter().all(|p| population.contains(p)));
                crossed += usize::from(parents.len() == 2);
                from_elite += usize::from(parents.iter().any(|&p| p < begin - (n - e)));
            }
            population.sort_by(|&a, &b| trials[b].score().partial_cmp(&trials[a].score()).unwrap());
            population.truncate(e);
            population.extend(children);
        }
        assert!(crossed > 50 && from_elite > 5, "{crossed} crossed, {from_elite} from the elite");
    }

    #[test]
    fn a_population_has_as_many_members_as_there_are_generations() {
        let usual = |trials| Genetic::new().sizes(trials).0;
        assert_eq!([0, 20, 100, 300, 1_000_000].map(usual), [4, 4, 10, 17, 100]);
        assert!(Genetic::new().population(50).describe(20).contains("at random"));
    }
}
