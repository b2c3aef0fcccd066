//! NSGA-II: an elitist genetic algorithm for several objectives.
//!
//! Deb, Pratap, Agarwal, Meyarivan: "A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II",
//! IEEE Trans. Evol. Comp. 6:2, 2002, section III:
//!
//! ```text
//! P_0 <- N random architectures, evaluated
//! for t = 0, 1, ...:
//!     Q_t  <- N children of P_t, evaluated: two binary tournaments, crossover, mutation; the lower
//!             rank wins a tournament, and of equal ranks the less crowded member
//!     F    <- the fronts of P_t and Q_t together, by fast non-dominated sort
//!     P_{t+1} <- front after front while it fits; of the next front the least crowded
//! ```
//!
//! The rates are the paper's: crossover with probability 0.9, every decision mutated with probability
//! 1/n. Its N = 100 goes with 25,000 evaluations; a smaller budget has as many generations as members:
//! N = the square root of the trials, at least 4 and at most 100. With one objective the fronts are the
//! scores in order, and it is a genetic algorithm in which parents and children compete.
//!
//! Where we differ: a child that was tried already is bred again, as in pymoo, and if no new child is
//! found, it is mutated further until it is new. Trials that fail never join a population, and a child that
//! is likely to fail is bred again (`parts/caution.rs`). Q_t is full when N children have finished, in the
//! order of the trials; with a batch, the children that are running at that moment count for the next Q.

use super::parts::{Generations, Recall, Variation, given_text, size, size_text, too_few};
use super::{IntoStrategy, Proposal, Strategy, StrategyInfo, read};
use crate::count::Count;
use crate::error::Result;
use crate::record::{History, Trial};
use crate::rng::Rng;
use crate::stats::{crowding_distance, non_dominated_sort};
use serde::{Deserialize, Serialize};

/// NSGA-II: a genetic algorithm that spreads its population along the front of several objectives.
///
/// ```
/// use nascent::prelude::*;
/// let space = Space::new([8], Task::classification(2)).then(repeat(1..=4, linear(any([4, 8, 16, 32]))));
/// let deep = evaluator(|a, _| a.layers().len() as f64);
/// let study = Study::new(&space, deep).objective(Metric::minimise("params"))
///     .strategy(Nsga2::new()).trials(150).seed(1).quiet().run()?;
/// // One to four layers, all of them narrow.
/// assert_eq!(study.front().len(), 4);
/// # Ok::<(), nascent::Error>(())
/// ```
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[must_use = "methods return a new value and leave this one as it is"]
#[doc(alias("NSGA2", "NSGAII", "NSGAIISampler"))]
pub struct Nsga2 {
    population: Option<i64>,
    variation: Variation,
    #[serde(skip)]
    recall: Recall<Generations<Member>>,
}

/// A trial with its rank and crowding distance, which decide tournaments.
struct Member {
    trial: Trial,
    rank: usize,
    distance: f64,
}

impl Nsga2 {
    /// With the paper's rates, and a population of the square root of the trials, 4 to 100.
    pub fn new() -> Self {
        Nsga2::default()
    }

    /// The size of the population, N.
    pub fn population(&self, size: impl Count) -> Self {
        Nsga2 { population: Some(size.to_i64()), ..self.clone() }
    }

    /// The probability that a child has two parents.
    pub fn crossover(&self, probability: f64) -> Self {
        Nsga2 { variation: Variation { crossover: probability, ..self.variation }, ..self.clone() }
    }

    /// How many decisions of a child are mutated on average.
    pub fn mutation(&self, decisions: f64) -> Self {
        Nsga2 { variation: Variation { mutation: decisions, ..self.variation }, ..self.clone() }
    }

    /// Takes in the trials that have not been looked at yet.
    fn follow(&self, state: &mut Generations<Member>, history: &History) {
        let n = size(self.population, history.trials_planned());
        state.follow(n, 0, history, |parents, children| {
            let parents = parents.into_iter().map(|member| member.trial);
            let all: Vec<Trial> = parents.chain(children).collect();
            let member = |(i, rank, distance): (usize, usize, f64)| Member {
                trial: all[i].clone(),
                rank,
                distance,
            };
            survivors(&minimised(history, &all), n).into_iter().map(member).collect()
        });
    }
}

/// The objectives of trials, with signs changed so that less is better.
pub(super) fn minimised(history: &History, trials: &[Trial]) -> Vec<Vec<f64>> {
    let metrics = history.objectives();
    let turned = |values: Vec<f64>| {
        let all = values.into_iter().zip(&metrics);
        all.map(|(v, m)| m.turned(v)).collect()
    };
    trials.iter().map(|t| history.values(t).map_or(vec![], turned)).collect()
}

/// The `n` rows with the lowest ranks; if a rank fits only in part, its least crowded rows. For each its
/// number, rank and crowding distance.
pub(super) fn survivors(rows: &[Vec<f64>], n: usize) -> Vec<(usize, usize, f64)> {
    let mut chosen = Vec::with_capacity(n);
    // The study refuses values that are not finite, so this cannot fail.
    for (rank, front) in non_dominated_sort(rows).unwrap_or_default().iter().enumerate() {
        let members: Vec<&Vec<f64>> = front.iter().map(|&i| &rows[i]).collect();
        let distances = crowding_distance(&members).unwrap_or_default();
        let mut ranked: Vec<_> = front.iter().zip(distances).map(|(&i, d)| (i, rank, d)).collect();
        if chosen.len() + ranked.len() > n {
            // Of equal ones the earlier comes first.
            ranked.sort_by(|a, b| b.2.total_cmp(&a.2));
            ranked.truncate(n - chosen.len());
        }
        chosen.append(&mut ranked);
    }
    chosen
}

/// The winner of a binary tournament by the crowded comparison; the first drawn wins a tie.
fn binary(population: &[Member], rng: &mut Rng) -> Option<Trial> {
    let n = population.len();
    let (a, b) = (population.get(rng.below(n))?, population.get(rng.below(n))?);
    let better = b.rank < a.rank || (b.rank == a.rank && b.distance > a.distance);
    Some(if better { b } else { a }.trial.clone())
}

/// Its row in the table of strategies.
pub(super) const ROW: StrategyInfo = StrategyInfo {
    name: "nsga2",
    about: "generations on the way to the front of several objectives",
    paper: "Deb et al. 2002, IEEE Trans. Evol. Comp. 6:2",
    make: || Nsga2::new().into_strategy(),
    read: read::<Nsga2>,
};

impl Strategy for Nsga2 {
    fn ask(&self, history: &History, rng: &mut Rng) -> Result<Proposal> {
        self.recall.with(history, |state| {
            self.follow(state, history);
            self.variation.breed(history, &state.caution, rng, |rng| binary(&state.population, rng))
        })
    }

    fn describe(&self, trials: usize) -> String {
        let n = size_text(size(self.population, trials), trials);
        let Variation { crossover, mutation } = self.variation;
        format!("NSGA-II (population {n}, crossover {crossover}, mutation {mutation})")
    }

    fn to_json(&self) -> Option<String> {
        ROW.stored(self)
    }

    fn problems(&self) -> Vec<String> {
        too_few(self.population).into_iter().chain(self.variation.problems()).collect()
    }
}

impl std::fmt::Debug for Nsga2 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let n = given_text(self.population);
        let Variation { crossover, mutation } = self.variation;
        write!(f, "NSGA-II (population {n}; crossover {crossover}; mutation {mutation})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::{Duplicates, Metric, Space, Study, evaluator};

    /// With two objectives in which no two rows are equal.
    #[test]
    fn the_survivors_are_pymoos() {
        let rows: Vec<Vec<f64>> = ROWS.iter().map(|row| row.to_vec()).collect();
        let mut chosen: Vec<usize> = survivors(&rows, 9).into_iter().map(|c| c.0).collect();
        chosen.sort_unstable();
        assert_eq!(chosen, SURVIVORS);
    }

    /// pymoo 0.6.2: `F = numpy.random.default_rng(2).integers(0, 1000, (18, 2)) / 100`, and
    /// the numbers of the 9 rows that `RankAndCrowding` keeps.
    const ROWS: [[f64; 2]; 18] = [
        [8.37, 2.61],
        [1.09, 2.98],
        [4.13, 8.14],
        [4.51, 0.91],
        [3.34, 6.0],
        [8.13, 7.28],
        [9.92, 1.87],
        [8.8, 0.55],
        [5.58, 2.74],
        [2.01, 6.57],
        [3.05, 5.62],
        [2.6, 1.5],
        [7.49, 4.32],
        [6.78, 6.69],
        [9.45, 4.22],
        [2.19, 6.33],
        [9.34, 9.67],
        [8.67, 6.83],
    ];
    const SURVIVORS: [usize; 9] = [0, 1, 3, 6, 7, 8, 9, 10, 11];

    /// Parents are members of the population of their generation, followed beside the study.
    #[test]
    fn parents_are_survivors() {
        let two = evaluator(|arch, _| {
            let h = arch.identity();
            crate::evaluate::Evaluation::new((h % 97) as f64).with("other", (h % 89) as f64)
        });
        let study = Study::new(&Space::decisions([4; 6]), two).objective(Metric::minimise("other"));
        let study = study.strategy(Nsga2::new().population(8)).duplicates(Duplicates::Repeat);
        let trials = study.batch(1).trials(80).seed(3).quiet().run().unwrap().trials_done();
        let rows: Vec<Vec<f64>> = trials
            .iter()
            .map(|t| t.evaluation().map(|e| vec![-e.score(), e.get("other").unwrap()]).unwrap())
            .collect();
        let mut population: Vec<usize> = (0..8).collect();
        assert!(trials[..8].iter().all(|t| t.origin() == "random"));
        for generation in 1..10 {
            let children: Vec<usize> = (8 * generation..8 * generation + 8).collect();
            for &n in &children {
                let parents = trials[n].parents();
                assert!(!parents.is_empty() && parents.iter().all(|p| population.contains(p)));
            }
            population.extend(children);
            let here: Vec<Vec<f64>> = population.iter().map(|&n| rows[n].clone()).collect();
            population = survivors(&here, 8).into_iter().map(|c| population[c.0]).collect();
        }
    }
}
