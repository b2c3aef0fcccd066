//! Kernels for architectures, and the search for their parameters.
//!
//! ```text
//! Hamming                k(a, b) = exp(-d(a, b) / l)                      d in decisions, by place
//! Weisfeiler-Lehman      k(a, b) = 1/2 exp(-d(a, b) / l) + 1/2 exp(-(1 - w_h(a, b)) / l')
//!                        w_h the normalised product of the features of 0 to h iterations
//! graph features         k(a, b) = 1/4 exp(-d(a, b) / l) + 1/4 exp(-g(a, b) / l_g)
//!                                + 1/4 exp(-s(a, b) / l_s) + 1/4 <s_a, s_b> / l_t
//!                        g between graph features, s between sizes (parameters and operations)
//! ```
//!
//! The second adds NAS-BOWL's kernel (arXiv 2006.07556) to that of the decisions. Ours is a function of
//! the distance, so it need not be linear. The decisions are kept because the position of an operation
//! matters for training. Both halves have equal weight, as in the additive kernels of CoCaBO (arXiv
//! 1906.08878).
//!
//! The third has GRAF (arXiv 2404.16551) in place of the Weisfeiler-Lehman features, and the size of the
//! network. Its last part is the kernel of a line through the sizes, whose slope is unknown: where larger networks
//! are better, or worse, a model that knows only distances has to find that out anew in every corner of
//! a space, and expects nothing beyond the sizes that it has seen. Columns are in units of their
//! standard deviation over random architectures of the space.
//!
//! The parameters are those with the largest marginal likelihood on a grid, searched one after the other
//! until none improves: lengths from 1/8 to 8 times the mean distance of the points by factors of two,
//! the share of noise from 0.0001 to 1 by factors of ten, h from 0 to 2. The grid is relative to the data,
//! and so the same for all spaces; the data rarely determine more than a factor of two. With few points,
//! wide log-normal priors keep the search from settling at an end of the grid: lengths are around the mean
//! distance within a factor of about e, and the noise is around 0.01, as in HEBO (arXiv 2012.03826),
//! within a factor of about e^2.

use super::features::Features;
use crate::surrogate::{Cholesky, Gp};

/// The most Weisfeiler-Lehman iterations that are tried.
const MOST_STEPS: usize = 2;
/// The median of the prior of the share of noise.
const NOISE: f64 = 0.01;

/// How two architectures are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kernel {
    Hamming,
    WeisfeilerLehman,
    Graf,
}

/// The distances between two architectures.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pair {
    hamming: f64,
    /// For each number of iterations.
    graph: [f64; MOST_STEPS + 1],
    /// Graph features, sizes, and the product of the sizes.
    measured: [f64; 3],
}

impl Kernel {
    /// How many Weisfeiler-Lehman iterations its features have.
    pub(crate) fn iterations(self) -> Option<usize> {
        (self == Kernel::WeisfeilerLehman).then_some(MOST_STEPS)
    }

    pub(crate) fn pair(self, a: &Features, b: &Features) -> Pair {
        let mut pair = Pair { hamming: a.hamming(b), ..Pair::default() };
        if self == Kernel::WeisfeilerLehman {
            let mut last = 0.0;
            let mut steps = a.weisfeiler_lehman(b);
            for d in &mut pair.graph {
                last = steps.next().unwrap_or(last);
                *d = last;
            }
        }
        if self == Kernel::Graf {
            pair.measured = a.measured(b);
        }
        pair
    }
}

/// The parameters of a kernel, and the noise as a share of the variance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Parameters {
    /// l, and l', which the Hamming kernel lacks.
    hamming: f64,
    graph: Option<f64>,
    steps: usize,
    /// l_g, l_s and l_t, of the kernel that has them.
    measured: Option<[f64; 3]>,
    pub(crate) noise: f64,
}

impl Parameters {
    /// k(a, b).
    pub(crate) fn correlation(&self, pair: &Pair) -> f64 {
        let places = (-pair.hamming / self.hamming).exp();
        if let Some([graph, size, trend]) = self.measured {
            let [g, s, product] = pair.measured;
            return 0.25 * (places + (-g / graph).exp() + (-s / size).exp() + product / trend);
        }
        match self.graph {
            None => places,
            Some(length) => 0.5 * places + 0.5 * (-pair.graph[self.steps] / length).exp(),
        }
    }

    /// k(a, a): 1, unless there is a trend.
    pub(crate) fn own(&self, own: &Pair) -> f64 {
        if self.measured.is_some() { self.correlation(own) } else { 1.0 }
    }

    /// Adds a point by its distances to all others and, at the end, to itself.
    pub(crate) fn push(&self, factor: &mut Cholesky, pairs: &[Pair]) {
        let Some((own, others)) = pairs.split_last() else { return };
        let left: Vec<f64> = others.iter().map(|pair| self.correlation(pair)).collect();
        factor.push(&left, self.own(own) + self.noise);
    }

    pub(crate) fn factor(&self, pairs: &[Vec<Pair>]) -> Cholesky {
        let mut factor = Cholesky::default();
        pairs.iter().for_each(|row| self.push(&mut factor, row));
        factor
    }

    /// The parameters with the largest marginal likelihood; row i of `pairs` has the distances of point i
    /// to those before it, and to itself.
    pub(crate) fn fit(kernel: Kernel, pairs: &[Vec<Pair>], z: &[f64]) -> Parameters {
        let others = || pairs.iter().enumerate().flat_map(|(i, row)| &row[..i]);
        let mean = |of: &dyn Fn(&Pair) -> f64| {
            let (mut sum, mut n) = (0.0, 0.0);
            others().for_each(|pair| (sum, n) = (sum + of(pair), n + 1.0));
            if sum > 0.0 { sum / n } else { 1.0 }
        };
        let unit = mean(&|p| p.hamming);
        let graph = (kernel == Kernel::WeisfeilerLehman).then(|| mean(&|p| p.graph[0]));
        let units = [mean(&|p| p.measured[0]), mean(&|p| p.measured[1]), 1.0];
        let lengths: Vec<f64> = (-3..=3).map(|i| 2f64.powi(i)).collect();
        let noises: Vec<f64> = (-4..=0).map(|i| 10f64.powi(i)).collect();
        let normal = |ratio: f64, width: f64| -0.5 * (ratio.ln() / width).powi(2);
        let likelihood = |p: &Parameters| {
            let length = p.graph.zip(graph).map_or(0.0, |(l, unit)| normal(l / unit, 1.0));
            let mut prior = length + normal(p.hamming / unit, 1.0) + normal(p.noise / NOISE, 2.0);
            for (l, unit) in p.measured.iter().flatten().zip(units) {
                prior += normal(l / unit, 1.0);
            }
            Gp::fit(&p.factor(pairs), z).log_likelihood + prior
        };
        let measured = (kernel == Kernel::Graf).then_some(units);
        let mut best = Parameters { hamming: unit, graph, steps: 0, measured, noise: NOISE };
        let mut most = likelihood(&best);
        // The search along one parameter after the other ends quickly; three rounds are rarely needed.
        for _ in 0..3 {
            let before = best;
            let mut look = |choices: Vec<Parameters>| {
                for p in choices {
                    if p != best {
                        let l = likelihood(&p);
                        if l > most {
                            (best, most) = (p, l);
                        }
                    }
                }
                best
            };
            let at = before;
            let at = look(lengths.iter().map(|l| Parameters { hamming: l * unit, ..at }).collect());
            let at = match graph {
                None => at,
                Some(unit) => {
                    let length = |l: &f64| Parameters { graph: Some(l * unit), ..at };
                    let at = look(lengths.iter().map(length).collect());
                    let deep = others().any(|p| p.graph[MOST_STEPS] != p.graph[0]);
                    let most = if deep { MOST_STEPS } else { 0 };
                    look((0..=most).map(|steps| Parameters { steps, ..at }).collect())
                }
            };
            let mut at = at;
            for part in 0..at.measured.map_or(0, |m| m.len()) {
                let length = |l: &f64| {
                    let mut measured = at.measured;
                    measured.iter_mut().for_each(|m| m[part] = l * units[part]);
                    Parameters { measured, ..at }
                };
                at = look(lengths.iter().map(length).collect());
            }
            look(noises.iter().map(|&noise| Parameters { noise, ..at }).collect());
            if best == before {
                break;
            }
        }
        best
    }
}
