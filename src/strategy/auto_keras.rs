//! Network morphism guided by Bayesian optimisation: the search of Auto-Keras.
//!
//! Haifeng Jin, Qingquan Song and Xia Hu, "Auto-Keras: An Efficient Neural Architecture Search System", arXiv
//! 1806.10282, algorithm 1. A trained network grows by an operation that keeps its function (a layer, a wider
//! layer, a skip connection), and the training goes on from there. A Gaussian process says which of the
//! networks that could be grown is most promising:
//!
//! ```text
//! H                  the trials so far: networks f, their weights, their costs c
//! d(f_a, f_b)        the edit distance (src/space/distance/edit.rs)
//! k(f_a, f_b)        = exp(-rho(d(f_a, f_b))^2)             rho a Bourgain embedding (src/surrogate/bourgain.rs)
//! alpha(f)           = mu(f) - beta sigma(f)                beta = 2.576; less is better
//!
//! T <- 1, Q <- H as a priority queue, c_min <- the lowest cost in H
//! while Q is not empty and T > T_low:                       T_low = 1e-4
//!     T <- T r                                              r = 0.9
//!     f <- pop the best of Q
//!     for each operation o in Omega(f):
//!         f' <- M(f, o)
//!         if exp((c_min - alpha(f')) / T) > Rand(): push f' to Q
//!         if c_min > alpha(f'): c_min <- alpha(f'), f_min <- f'
//! train f_min, with the weights that its nearest ancestor in H hands on
//! ```
//!
//! It is UCB here, for scores are maximised: mu + beta sigma, of the ranks of the scores (`surrogate/target.rs`).
//! Where we differ:
//!
//! - It is found by its name, but is no row of the table of strategies: it looks only at what can be grown from what
//!   it has trained, so it does not keep away from failures as the others do, and each trial compares thousands of pairs.
//! - Omega(f) are the morphisms that the *space* has ([`Architecture::morphisms`]); for an architecture without
//!   any, and in a space of decisions alone, its neighbours. There, weights are inherited where shapes agree, and
//!   the distance of decisions alone is the Hamming distance.
//! - The paper begins with one network. So does this, with the first option of every choice, which is often
//!   the smallest, and goes on with random morphisms of it until two trials have ended.
//! - The kernel is the same in fitting and in predicting, which it is not in the program that circulates. The share
//!   of noise has the largest likelihood on a grid.
//! - At most 200 networks are looked at per trial, 60 of the operations of one at random, and 100 trials learned from (the 50 best, and the last of the
//!   others). If none of the networks beats c_min, the best of them is taken. Trials that fail are learned as
//!   worse than all others, and what is likely to fail counts less (`parts/caution.rs`). Running trials are believed
//!   to have the mean, as in `bayesian.rs`.

use super::candidates::{Outlook, believed, in_scores, most_useful};
use super::parts::{Caution, Recall, random, unfit};
use super::targets::{Seen, drawn, evenly};
use super::{IntoStrategy, Proposal, Strategy, StrategyInfo, Surrogate, read};
use crate::count::Count;
use crate::error::Result;
use crate::interrupt;
use crate::record::{History, Trial};
use crate::rng::Rng;
use crate::space::{Architecture, Compared, Distance, Morphism};
use crate::surrogate::{Acquisition, Bourgain, Cholesky, Gp, Prediction, Scale};
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// T at the beginning, its decay r, and T_low.
const WARM: f64 = 1.0;
const DECAY: f64 = 0.9;
const COLD: f64 = 1e-4;
/// beta: 99 % of a normal distribution are within so many standard deviations.
const BETA: f64 = 2.576;
/// The most networks that are looked at per trial, and of one network's operations.
const CANDIDATES: i64 = 200;
const OPERATIONS: usize = 60;
/// The most trials that the model learns from.
const LEARNED: usize = 100;
/// Below every quantile of a score that occurs: what is unlikely to succeed comes close to it.
const WORST: f64 = -4.0;

/// The search of Auto-Keras: networks grow by morphisms, a Gaussian process with an edit-distance kernel says which
/// ones, and each begins with the weights of the one that it has grown from.
///
/// ```
/// use nascent::prelude::*;
/// let data = Dataset::digits().take(200);
/// let space = Space::on(&data).then(repeat(1..=3, linear(any([8, 16, 32]))));
/// let study = Study::new(&space, Train::on(&data).epochs(1)).strategy(AutoKeras::new()).trials(8).quiet().run()?;
/// let trials = study.trials_done();
/// assert_eq!(trials[0].architecture().to_string(), "linear(8)");
/// assert!(trials.iter().any(|t| t.inherits().is_some()));
/// # Ok::<(), nascent::Error>(())
/// ```
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[must_use = "methods return a new value and leave this one as it is"]
#[doc(alias("NetworkMorphism", "autokeras"))]
pub struct AutoKeras {
    beta: f64,
    candidates: i64,
    #[serde(skip)]
    recall: Recall<Memory>,
}

#[derive(Default)]
struct Memory {
    seen: Seen,
    caution: Caution,
    known: Known,
}

/// What follows from architectures alone.
#[derive(Default)]
struct Known {
    /// Omega of each.
    grown: HashMap<Vec<u32>, Arc<Vec<Architecture>>>,
    /// What their distances compare; nothing where they have too many skip connections.
    compared: HashMap<Vec<u32>, Option<Arc<Compared>>>,
}

/// The most architectures that are remembered, and the most decisions of all of them.
const KNOWN: usize = 5_000;
const DECISIONS: usize = 500_000;

impl Known {
    fn trim(&mut self, arch: &Architecture) {
        let most = KNOWN.min(DECISIONS / arch.decided().len().max(1));
        if self.compared.len() >= most || self.grown.len() >= most {
            *self = Known::default();
        }
    }

    /// Omega(f), with M(f, o) for each of its operations o.
    fn operations(&mut self, arch: &Architecture, rng: &mut Rng) -> Result<Vec<Architecture>> {
        self.trim(arch);
        let all = match self.grown.get(arch.decided()) {
            Some(all) => all.clone(),
            None => {
                let all = Arc::new(operations(arch)?);
                self.grown.insert(arch.decisions(), all.clone());
                all
            }
        };
        let mut some = (*all).clone();
        rng.shuffle(&mut some);
        some.truncate(OPERATIONS);
        Ok(some)
    }

    fn compared(&mut self, arch: &Architecture) -> Option<Arc<Compared>> {
        if let Some(known) = self.compared.get(arch.decided()) {
            return known.clone();
        }
        self.trim(arch);
        let distance = match arch.of_space().is_decisions() {
            true => Distance::hamming(),
            false => Distance::edit(),
        };
        let found = distance.prepare(arch, false).ok().map(Arc::new);
        self.compared.insert(arch.decisions(), found.clone());
        found
    }
}

impl AutoKeras {
    /// With beta = 2.576.
    pub fn new() -> AutoKeras {
        AutoKeras { beta: BETA, candidates: CANDIDATES, recall: Recall::default() }
    }

    /// The most networks that are looked at before one of them is trained; 200 unless it is set.
    pub fn candidates(&self, candidates: impl Count) -> AutoKeras {
        AutoKeras { candidates: candidates.to_i64(), ..self.clone() }
    }

    /// The number of standard deviations that count as much as the mean: more explores more.
    pub fn beta(&self, beta: f64) -> AutoKeras {
        AutoKeras { beta, ..self.clone() }
    }

    fn acquisition(&self) -> Acquisition {
        Acquisition::UpperBound(self.beta)
    }
}

impl Default for AutoKeras {
    fn default() -> Self {
        AutoKeras::new()
    }
}

/// Omega(f), with M(f, o) for each of its operations o.
fn operations(arch: &Architecture) -> Result<Vec<Architecture>> {
    let space = arch.of_space();
    let found: Vec<Architecture> = match space.is_decisions() {
        true => vec![],
        false => arch.morphisms()?.iter().map(Morphism::architecture).collect(),
    };
    if found.is_empty() { space.neighbours(arch) } else { Ok(found) }
}

/// The Gaussian process after some trials.
struct Process {
    points: Vec<Arc<Compared>>,
    sets: Bourgain,
    vectors: Vec<Vec<f64>>,
    factor: Cholesky,
    gp: Gp,
}

/// k, of what is embedded.
fn kernel(a: &[f64], b: &[f64]) -> f64 {
    (-a.iter().zip(b).map(|(x, y)| (x - y) * (x - y)).sum::<f64>()).exp()
}

impl Process {
    /// Of trials with these quantiles, and of architectures whose results are still to come.
    fn fit(
        history: &History,
        trials: &[Trial],
        z: &[f64],
        known: &mut Known,
        rng: &mut Rng,
    ) -> Process {
        let (mut points, mut learned) = (vec![], vec![]);
        for i in most_useful(z, LEARNED) {
            // What has no network cannot be compared.
            if let Some(point) = known.compared(&trials[i].0.architecture) {
                points.push(point);
                learned.push(z[i]);
            }
        }
        let z = learned;
        points.extend(believed(history).iter().filter_map(|arch| known.compared(arch)));
        let rows: Vec<Vec<f64>> =
            points.iter().map(|a| points.iter().map(|b| a.distance(b)).collect()).collect();
        let sets = Bourgain::draw(points.len(), rng);
        let vectors: Vec<Vec<f64>> = rows.iter().map(|row| sets.embed(row)).collect();
        let correlations: Vec<Vec<f64>> = (0..vectors.len())
            .map(|i| vectors[..i].iter().map(|b| kernel(&vectors[i], b)).collect())
            .collect();
        let factor = |noise: f64| {
            let mut factor = Cholesky::default();
            correlations.iter().for_each(|left| factor.push(left, 1.0 + noise));
            factor
        };
        let fit = |i: i32| {
            let factor = factor(10f64.powi(i));
            let gp = Gp::fit(&factor, &z);
            (factor, gp)
        };
        let mut best = fit(-4);
        for i in -3..=0 {
            let other = fit(i);
            if other.1.log_likelihood > best.1.log_likelihood {
                best = other;
            }
        }
        let (factor, gp) = best;
        Process { points, sets, vectors, factor, gp }
    }

    /// What it expects of an architecture; nothing where that cannot be compared.
    fn look(&self, arch: &Architecture, beta: f64, known: &mut Known) -> Option<Outlook> {
        let arch = known.compared(arch)?;
        let row: Vec<f64> = self.points.iter().map(|point| arch.distance(point)).collect();
        let x = self.sets.embed(&row);
        let mut r: Vec<f64> = self.vectors.iter().map(|b| kernel(&x, b)).collect();
        let mu = self.gp.mu(&r);
        self.factor.forward(&mut r);
        let sigma = self.gp.sigma(&r, 1.0);
        Some(Outlook { mu, sigma, acquisition: mu + beta * sigma })
    }
}

/// A network of the tree, and the trial that it has grown from.
struct Leaf<'t> {
    arch: Architecture,
    from: &'t Trial,
    value: f64,
}

impl AutoKeras {
    /// Before there is a model: the first option everywhere, and what can be made of it.
    fn first(&self, history: &History, memory: &mut Memory, rng: &mut Rng) -> Result<Proposal> {
        let Memory { caution, known, .. } = memory;
        let new = |arch: &Architecture| history.first(&history.key().of(arch)).is_none();
        let begin = history.space().default_architecture();
        if let Some(arch) = begin.ok().filter(|a| a.check().is_ok() && !caution.needed()) {
            if new(&arch) {
                return Ok(Proposal::new(arch, "default").heritable());
            }
            let from = history.finished().into_iter().next();
            let arch = from.as_ref().map_or(arch, Trial::architecture);
            let next = known.operations(&arch, rng)?.into_iter().find(new);
            if let Some(next) = next {
                let grown = Proposal::new(next, "morphism").heritable();
                return Ok(from.map_or(grown.clone(), |from| heir(grown, &from)));
            }
        }
        Ok(random(history, caution, rng)?.heritable())
    }

    /// Algorithm 1: the tree search with simulated annealing.
    fn search(
        &self,
        history: &History,
        memory: &mut Memory,
        rng: &mut Rng,
    ) -> Result<Option<Proposal>> {
        let Memory { seen, caution, known } = memory;
        let y = drawn(history, &seen.trials, rng);
        let scale = Scale::of(&y);
        let z: Vec<f64> = y.iter().map(|&y| scale.z(y)).collect();
        let process = Process::fit(history, &seen.trials, &z, known, rng);
        let finished = seen.trials.iter().zip(&z).filter(|(t, _)| t.finished().is_some());
        let mut queue: Vec<Leaf> = finished
            .map(|(from, &value)| Leaf { arch: from.architecture(), from, value })
            .collect();
        let mut most = queue.iter().map(|leaf| leaf.value).fold(f64::NEG_INFINITY, f64::max);
        let mut met = HashSet::new();
        let mut best: Option<(f64, Architecture, &Trial)> = None;
        let mut temperature = WARM;
        while temperature > COLD && (met.len() as i64) < self.candidates {
            interrupt::point();
            temperature *= DECAY;
            let values = queue.iter().enumerate().map(|(i, leaf)| (i, leaf.value));
            let top = values.reduce(|a, b| if b.1 > a.1 { b } else { a });
            let Some((top, _)) = top else { break };
            let Leaf { arch, from, .. } = queue.remove(top);
            let mut grown = known.operations(&arch, rng)?;
            grown.retain(|arch| {
                let key = history.key().of(arch);
                history.first(&key).is_none() && met.insert(key)
            });
            for arch in grown {
                let Some(value) = process.look(&arch, self.beta, known) else { continue };
                let value = match caution.needed() {
                    true => WORST + (value.acquisition - WORST).max(0.0) * caution.weight(&arch),
                    false => value.acquisition,
                };
                if ((value - most) / temperature).exp() > rng.uniform() {
                    queue.push(Leaf { arch: arch.clone(), from, value });
                }
                if best.as_ref().is_none_or(|(least, ..)| value > *least) {
                    best = Some((value, arch, from));
                }
                most = most.max(value);
            }
        }
        Ok(best.map(|(_, arch, from)| heir(Proposal::new(arch, "morphism"), from)))
    }
}

fn heir(grown: Proposal, from: &Trial) -> Proposal {
    grown.parents(std::slice::from_ref(from)).inheriting(from)
}

/// Its row in the table of strategies.
pub(super) const ROW: StrategyInfo = StrategyInfo {
    name: "autokeras",
    about: "networks grow by morphisms, where a Gaussian process on edit distances sends them",
    paper: "Jin et al. 2019 (Auto-Keras), arXiv 1806.10282",
    make: || AutoKeras::new().into_strategy(),
    read: read::<AutoKeras>,
};

impl Strategy for AutoKeras {
    fn ask(&self, history: &History, rng: &mut Rng) -> Result<Proposal> {
        self.recall.with(history, |memory| {
            memory.seen.follow(history);
            memory.caution.follow(history);
            let finished = memory.seen.trials.iter().filter(|t| t.finished().is_some());
            if finished.count() < 2 {
                return self.first(history, memory, rng);
            }
            match self.search(history, memory, rng)? {
                Some(found) => Ok(found),
                None => Ok(random(history, &memory.caution, rng)?.heritable()),
            }
        })
    }

    fn describe(&self, _: usize) -> String {
        format!(
            "Auto-Keras (network morphisms, edit-distance kernel, {})",
            self.acquisition().name()
        )
    }

    fn to_json(&self) -> Option<String> {
        ROW.stored(self)
    }

    fn problems(&self) -> Vec<String> {
        let (beta, candidates) = (Some(self.beta), Some(self.candidates));
        let sound = |beta: f64| beta.is_finite() && beta >= 0.0;
        let beta = unfit("beta", beta, sound, "0 or more is needed", "2.576");
        let few = unfit("candidates", candidates, |n| n >= 1, "at least 1 is needed", "200");
        beta.into_iter().chain(few).collect()
    }
}

impl Surrogate for AutoKeras {
    fn expects(
        &self,
        history: &History,
        architectures: &[Architecture],
    ) -> Result<Vec<Prediction>> {
        let mut rng = Rng::from_u64(history.seed()).stream("predict", 0);
        let mut seen = Seen::default();
        seen.follow(history);
        let y = evenly(history, &seen.trials);
        let scale = Scale::of(&y);
        let z: Vec<f64> = y.iter().map(|&y| scale.z(y)).collect();
        let mut known = Known::default();
        let process = Process::fit(history, &seen.trials, &z, &mut known, &mut rng);
        let unknown = Outlook { mu: f64::NAN, sigma: f64::NAN, acquisition: f64::NAN };
        let look = |arch| process.look(arch, self.beta, &mut known);
        let found = architectures.iter().map(look).map(|o| o.unwrap_or(unknown)).collect();
        Ok(in_scores(found, self.acquisition(), &scale, history))
    }

    fn prefers_by(&self) -> String {
        self.acquisition().name()
    }
}

super::debug_as_described!(AutoKeras);
