//! The tree-structured Parzen estimator.
//!
//! Bergstra, Bardenet, Bengio, Kegl: "Algorithms for Hyper-Parameter Optimization", NIPS 24, 2011,
//! section 4. Instead of the score of an architecture, it models which architectures have good scores:
//!
//! ```text
//! y*   <- a quantile of the scores: a share gamma of the trials is better
//! l(x) <- the density of the trials that are better than y*
//! g(x) <- the density of the others
//! draw candidates x from l; evaluate the one with the largest l(x)/g(x), which has the largest
//! expected improvement on y*
//! ```
//!
//! Both densities are products over the choices in the tree of the space. If a choice has N options and
//! option i was taken C_i times, its probability is proportional to N p_i + C_i, as in the paper; the
//! prior p is uniform, so this is 1 + C_i. Choices are told apart by their place in the tree, so a choice
//! that only some architectures have counts only those.
//!
//! The constants are those of Optuna 5: 10 random trials at first, gamma = 0.1 with at most 25 trials above
//! y*, 24 candidates. With a small budget, a quarter of the trials are random.
//!
//! Where we differ: the best candidate that fits together and was not tried yet is taken, since the
//! scores of others are known. Failed trials count for g as the worst of all. Once one has failed,
//! candidates are also judged by the probability that they do not fail (`parts/caution.rs`), as in c-TPE
//! (Watanabe and Hutter, arXiv 2211.14411): l(x)/g(x) P(x does not fail)^2. Architectures without results
//! count for g as well, which keeps the trials of a batch apart (Optuna's constant liar). Ordered choices,
//! such as widths, are choices like any other.
//!
//! The good trials are found among those of `targets.rs`, so that the cost of another trial does not grow
//! with the study; for g, all trials count.

use super::parts::{Caution, Recall, sample, unfit};
use super::targets::{Seen, drawn};
use super::{IntoStrategy, Proposal, Strategy, StrategyInfo, read};
use crate::count::Count;
use crate::error::Result;
use crate::record::History;
use crate::rng::Rng;
use crate::space::Architecture;
use crate::tree::Places;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// The tree-structured Parzen estimator: prefers what good architectures have more often than others.
///
/// ```
/// use nascent::prelude::*;
/// let space = Space::new([8], Task::classification(2)).then(repeat(1..=4, linear(any([4, 8, 16, 32]))));
/// let study = Study::new(&space, evaluator(|a, _| -(a.params() as f64)))
///     .strategy(Tpe::new())
///     .trials(60).seed(1).quiet().run()?;
/// assert_eq!(study.best()?.architecture().to_string(), "linear(4)");
/// # Ok::<(), nascent::Error>(())
/// ```
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[must_use = "methods return a new value and leave this one as it is"]
#[doc(alias("TPE", "TPESampler", "TpeSampler"))]
pub struct Tpe {
    gamma: f64,
    candidates: i64,
    startup: Option<i64>,
    #[serde(skip)]
    recall: Recall<Memory>,
}

/// The most trials that count as good.
const MOST_GOOD: usize = 25;
/// Drawing more candidates would take longer than training most architectures.
const MOST_CANDIDATES: i64 = 100_000;
/// The number of random trials before the first model.
const STARTUP: usize = 10;

impl Default for Tpe {
    fn default() -> Self {
        Tpe { gamma: 0.1, candidates: 24, startup: None, recall: Recall::default() }
    }
}

/// What follows from the trials, kept between two of them.
#[derive(Default)]
struct Memory {
    seen: Seen,
    caution: Caution,
    /// How often each option was taken in the first `counted` trials.
    counted: usize,
    counts: Counts,
}

/// How often each option was taken at each place.
#[derive(Clone, Default)]
struct Counts(HashMap<usize, Vec<u32>>);

impl Counts {
    fn add(&mut self, places: &Places, arch: &Architecture) {
        self.each(places, arch, |count| *count += 1);
    }

    /// Takes away what was added.
    fn remove(&mut self, places: &Places, arch: &Architecture) {
        self.each(places, arch, |count| *count -= 1);
    }

    fn each(&mut self, places: &Places, arch: &Architecture, change: impl Fn(&mut u32)) {
        let mut decided = arch.decided().iter();
        places.visit(0, &mut |place, options| {
            let pick = decided.next().map_or(0, |&d| d as usize);
            let counts = self.0.entry(place).or_insert_with(|| vec![0; options]);
            counts.get_mut(pick).into_iter().for_each(&change);
            pick
        });
    }
}

impl Tpe {
    /// With a tenth of the trials as good ones, at most 25, and with 24 candidates.
    pub fn new() -> Self {
        Tpe::default()
    }

    /// The share of the trials that count as good, gamma; 25 of them at most.
    pub fn gamma(&self, share: f64) -> Self {
        Tpe { gamma: share, ..self.clone() }
    }

    /// How many architectures are drawn; the best of them is proposed.
    pub fn candidates(&self, number: impl Count) -> Self {
        Tpe { candidates: number.to_i64(), ..self.clone() }
    }

    /// How many random trials come first; by default 10, or a quarter of a budget below 40.
    pub fn startup(&self, trials: impl Count) -> Self {
        Tpe { startup: Some(trials.to_i64()), ..self.clone() }
    }

    fn random_trials(&self, trials: usize) -> usize {
        self.startup.map_or((trials / 4).clamp(2, STARTUP), Count::to_size).max(1)
    }

    /// The places of the good trials in `y`; of equal ones the earlier.
    fn good(&self, y: &[f64]) -> Vec<usize> {
        let share = (self.gamma * y.len() as f64).ceil();
        let scores = y.iter().filter(|y| y.is_finite()).count();
        let n = (share as usize).clamp(1, MOST_GOOD).min(scores);
        let mut order: Vec<usize> = (0..y.len()).collect();
        if n < y.len() {
            order.select_nth_unstable_by(n, |&a, &b| y[b].total_cmp(&y[a]).then(a.cmp(&b)));
        }
        order.truncate(n);
        order
    }

    /// The best of the candidates, if one fits together.
    fn candidate(
        &self,
        l: &Counts,
        all: &Counts,
        caution: &Caution,
        history: &History,
        rng: &mut Rng,
    ) -> Option<Architecture> {
        let places = history.space().places();
        let mut drawn: Vec<(f64, Architecture)> = vec![];
        for _ in 0..self.candidates.clamp(1, MOST_CANDIDATES) {
            let (mut decisions, mut gain) = (vec![], 0.0);
            places.visit(0, &mut |place, options| {
                let (pick, ratio) = decide(l.0.get(&place), all.0.get(&place), options, rng);
                decisions.push(pick as u32);
                gain += ratio.ln();
                pick
            });
            let arch = Architecture::new(history.space(), decisions);
            if caution.needed() {
                gain += caution.weight(&arch).ln();
            }
            drawn.push((gain, arch));
        }
        // Of equal ones, the one that was drawn first.
        drawn.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut tried = None;
        for (_, arch) in drawn {
            if arch.check().is_err() {
                continue;
            }
            if !history.tried(&arch) {
                return Some(arch);
            }
            tried.get_or_insert(arch);
        }
        tried
    }
}

/// Draws an option from l; its number, and l/g for it.
fn decide(
    l: Option<&Vec<u32>>,
    all: Option<&Vec<u32>>,
    options: usize,
    rng: &mut Rng,
) -> (usize, f64) {
    let count = |counts: Option<&Vec<u32>>, option: usize| {
        f64::from(counts.and_then(|c| c.get(option)).copied().unwrap_or(0))
    };
    let sum = |counts: Option<&Vec<u32>>| -> f64 {
        counts.map_or(0.0, |c| c.iter().map(|&n| f64::from(n)).sum())
    };
    let (n, good, every) = (options as f64, sum(l), sum(all));
    let mut left = rng.uniform() * (n + good);
    let mut pick = 0;
    while pick + 1 < options {
        left -= 1.0 + count(l, pick);
        if left < 0.0 {
            break;
        }
        pick += 1;
    }
    let in_l = (1.0 + count(l, pick)) / (n + good);
    let in_g = (1.0 + count(all, pick) - count(l, pick)) / (n + every - good);
    (pick, in_l / in_g)
}

/// Its row in the table of strategies.
pub(super) const ROW: StrategyInfo = StrategyInfo {
    name: "tpe",
    about: "the decisions that good trials share and bad ones do not",
    paper: "Bergstra et al. 2011, NIPS 24",
    make: || Tpe::new().into_strategy(),
    read: read::<Tpe>,
};

impl Strategy for Tpe {
    fn ask(&self, history: &History, rng: &mut Rng) -> Result<Proposal> {
        let places = history.space().places();
        self.recall.with(history, |Memory { seen, caution, counted, counts }| {
            let visible = history.visible();
            for trial in &visible[*counted..] {
                counts.add(places, &trial.0.architecture);
            }
            *counted = visible.len();
            seen.follow(history);
            caution.follow(history);
            let y = drawn(history, &seen.trials, rng);
            let good = self.good(&y);
            if good.is_empty() || y.len() < self.random_trials(history.trials_planned()) {
                return caution.draw(rng, |rng| sample(history, rng));
            }
            let mut l = Counts::default();
            for i in good {
                l.add(places, &seen.trials[i].0.architecture);
            }
            // Trials without results are added for this proposal only.
            let pending = history.hidden();
            pending.iter().for_each(|t| counts.add(places, &t.0.architecture));
            let found = self.candidate(&l, counts, caution, history, rng);
            pending.iter().for_each(|t| counts.remove(places, &t.0.architecture));
            match found {
                Some(arch) => Ok(Proposal::new(arch, "model")),
                None => caution.draw(rng, |rng| sample(history, rng)),
            }
        })
    }

    fn describe(&self, trials: usize) -> String {
        let random = self.random_trials(trials);
        let Tpe { gamma, candidates, .. } = self;
        format!(
            "tree-structured Parzen estimator ({random} at random, gamma {gamma}, {candidates} candidates)"
        )
    }

    fn to_json(&self) -> Option<String> {
        ROW.stored(self)
    }

    fn problems(&self) -> Vec<String> {
        let (gamma, share) = (Some(self.gamma), "a share between 0 and 1 is wanted");
        let (n, some) = (Some(self.candidates), format!("1 to {MOST_CANDIDATES} are allowed"));
        let wrong = [
            unfit("gamma", gamma, |v| v > 0.0 && v < 1.0, share, "0.1"),
            unfit("candidates", n, |n| (1..=MOST_CANDIDATES).contains(&n), &some, "24"),
            unfit("startup", self.startup, |n| n >= 1, "at least 1 trial is needed", "10"),
        ];
        wrong.into_iter().flatten().collect()
    }
}

impl std::fmt::Debug for Tpe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let random = self.startup.map_or("10, or trials/4".to_string(), |n| n.to_string());
        let Tpe { gamma, candidates, .. } = self;
        write!(
            f,
            "tree-structured Parzen estimator ({random} at random; gamma {gamma}; {candidates} candidates)"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;

    /// N p_i + C_i: with l of [3, 0, 1] and all of [4, 4, 2] it is [4, 1, 2] of 7 over [2, 5, 2] of 9.
    #[test]
    fn options_are_drawn_from_l_and_judged_by_both_densities() {
        let (l, all) = (vec![3, 0, 1], vec![4, 4, 2]);
        let expected = [4.0 / 7.0, 1.0 / 7.0, 2.0 / 7.0];
        let ratios =
            [(4.0 / 7.0) / (2.0 / 9.0), (1.0 / 7.0) / (5.0 / 9.0), (2.0 / 7.0) / (2.0 / 9.0)];
        let (mut rng, mut drawn) = (Rng::new(1), [0; 3]);
        for _ in 0..70_000 {
            let (pick, ratio) = decide(Some(&l), Some(&all), 3, &mut rng);
            drawn[pick] += 1;
            assert!((ratio - ratios[pick]).abs() < 1e-12);
        }
        for (n, p) in drawn.iter().zip(expected) {
            assert!((f64::from(*n) / 70_000.0 - p).abs() < 0.01, "{drawn:?}");
        }
        // At a place that was never seen both are the prior.
        assert_eq!(decide(None, None, 3, &mut rng).1, 1.0);
    }

    /// Choices of a branch are counted at their own places: those of the one-hot encoding.
    #[test]
    fn choices_are_counted_at_their_place_in_the_tree() {
        let inner = one_of([skip(), linear(any([4, 8, 16])), repeat(1..=2, linear(any([4, 8])))]);
        let space = Space::new([8], Task::classification(2)).then(repeat(0..=3, inner));
        let mut rng = Rng::new(1);
        for _ in 0..200 {
            let arch = space.sample(&mut rng).unwrap();
            let mut counts = Counts::default();
            counts.add(space.places(), &arch);
            let mut columns = vec![0.0; space.places().width];
            for (place, options) in &counts.0 {
                options.iter().enumerate().for_each(|(i, &n)| columns[place + i] += n as f32);
            }
            assert_eq!(columns, Encoding::one_hot().of(&arch).unwrap(), "{arch}");
            counts.remove(space.places(), &arch);
            assert!(counts.0.values().flatten().all(|&n| n == 0));
        }
    }

    #[test]
    fn a_tenth_of_the_trials_is_good_and_no_more_than_25() {
        let y: Vec<f64> = (0..1000).map(|i| f64::from(i * 7919 % 1000)).collect();
        for (n, most) in [(1, 1), (10, 1), (11, 2), (100, 10), (1000, 25)] {
            let mut good = Tpe::new().good(&y[..n]);
            good.sort_by(|&a, &b| y[b].total_cmp(&y[a]));
            let mut best: Vec<usize> = (0..n).collect();
            best.sort_by(|&a, &b| y[b].total_cmp(&y[a]));
            assert_eq!(good, best[..most]);
        }
        assert_eq!(Tpe::new().good(&[1.0; 30]).into_iter().max(), Some(2));
    }
}
