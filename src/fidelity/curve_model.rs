//! A Gaussian process over trainings: how well an architecture does after any number of epochs, from what all
//! trainings have shown so far.
//!
//! ```text
//! k((x, s), (y, t)) = (c + k_X(x, y) + o [x and y are one training]) exp(-|log s - log t| / L)
//! ```
//!
//! k_X is the kernel of Bayesian optimisation (`strategy/kernel.rs`). c is the variance of the curve that all
//! trainings share, o of what is a training's own and not to be read off its architecture, L how slowly a
//! standing after few epochs is forgotten. They are searched like the parameters of k_X, by the marginal
//! likelihood on a grid that is relative to the data, one after the other.
//!
//! The form is that of DyHPO (Wistuba, Kadra and Grabocka, arXiv 2202.09774), whose kernel is a product over
//! architecture and budget, with the sum of Swersky, Snoek and Adams (arXiv 1406.3896), in which a curve has an
//! asymptote by its architecture and a part of its own. Their exponential decay supposes losses that fall
//! towards 0; here the model sees ranks (`surrogate/target.rs`), which have no such shape.

use crate::strategy::{Features, Kernel, Pair, Parameters};
use crate::surrogate::{Cholesky, Gp};
use std::sync::Arc;

const KERNEL: Kernel = Kernel::WeisfeilerLehman;

/// A training after some epochs.
#[derive(Clone)]
pub(super) struct Point {
    /// Two points with the same number are one training.
    pub(super) training: usize,
    pub(super) epochs: usize,
    pub(super) features: Arc<Features>,
}

impl Point {
    pub(super) fn features(arch: &crate::space::Architecture) -> Arc<Features> {
        Arc::new(Features::of(arch, KERNEL.iterations()))
    }

    fn apart(&self, other: &Point) -> Apart {
        Apart {
            pair: KERNEL.pair(&self.features, &other.features),
            same: self.training == other.training,
            time: ((self.epochs as f64).ln() - (other.epochs as f64).ln()).abs(),
        }
    }
}

/// What lies between each point and those before it.
fn rows(points: &[Point]) -> Vec<Vec<Apart>> {
    let row = |i: usize| points[..i].iter().map(|p| points[i].apart(p)).collect();
    (0..points.len()).map(row).collect()
}

/// What lies between two points.
struct Apart {
    pair: Pair,
    same: bool,
    /// |log s - log t|
    time: f64,
}

/// The parameters of the kernel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Shape {
    x: Parameters,
    /// c
    common: f64,
    /// o
    own: f64,
    /// L
    length: f64,
    noise: f64,
}

impl Shape {
    fn variance(&self) -> f64 {
        1.0 + self.common + self.own
    }

    fn correlation(&self, apart: &Apart) -> f64 {
        let own = if apart.same { self.own } else { 0.0 };
        let sum = self.common + self.x.correlation(&apart.pair) + own;
        sum / self.variance() * (-apart.time / self.length).exp()
    }

    fn factor(&self, rows: &[Vec<Apart>]) -> Cholesky {
        let mut factor = Cholesky::default();
        for row in rows {
            let left: Vec<f64> = row.iter().map(|a| self.correlation(a)).collect();
            factor.push(&left, 1.0 + self.noise);
        }
        factor
    }

    /// The parameters with the largest marginal likelihood, within wide log-normal priors: a share, L and the
    /// noise are around the middle of their grid within a factor of about e^2.
    pub(super) fn fit(points: &[Point], z: &[f64]) -> Shape {
        let rows = rows(points);
        // The span of the epochs is the unit of L.
        let unit = rows.iter().flatten().map(|a| a.time).fold(0.0, f64::max).max(1.0);
        // k_X from the points of the budget with the most of them.
        let mut epochs: Vec<usize> = points.iter().map(|p| p.epochs).collect();
        epochs.sort_unstable();
        let most =
            epochs.chunk_by(|a, b| a == b).max_by_key(|c| c.len()).and_then(|c| c.first().copied());
        let here: Vec<usize> =
            (0..points.len()).filter(|&i| Some(points[i].epochs) == most).collect();
        // Each row ends with the point itself.
        let pair = |i: usize, j: usize| KERNEL.pair(&points[i].features, &points[j].features);
        let pairs: Vec<Vec<Pair>> = (0..here.len())
            .map(|i| here[..=i].iter().map(|&j| pair(here[i], j)).collect())
            .collect();
        let values: Vec<f64> = here.iter().map(|&i| z[i]).collect();
        let x = Parameters::fit(KERNEL, &pairs, &values);

        let normal = |ratio: f64| -0.5 * (ratio.ln() / 2.0).powi(2);
        let likelihood = |s: &Shape| {
            let prior = normal(s.common)
                + normal(s.own / OWN)
                + normal(s.length / unit)
                + normal(s.noise / NOISE);
            Gp::fit(&s.factor(&rows), z).log_likelihood + prior
        };
        let mut best = Shape { x, common: 1.0, own: OWN, length: unit, noise: NOISE };
        let mut most = likelihood(&best);
        let powers = || (-2..=2).map(|i| 4f64.powi(i));
        for _ in 0..3 {
            let before = best;
            let mut look = |choices: Vec<Shape>| {
                for s in choices {
                    if s != best {
                        let l = likelihood(&s);
                        if l > most {
                            (best, most) = (s, l);
                        }
                    }
                }
                best
            };
            let at = look(powers().map(|p| Shape { common: p, ..before }).collect());
            let at = look(powers().map(|p| Shape { own: p * OWN, ..at }).collect());
            let at = look(powers().map(|p| Shape { length: p * unit, ..at }).collect());
            look((-4..=-1).map(|i| Shape { noise: 10f64.powi(i), ..at }).collect());
            if best == before {
                break;
            }
        }
        best
    }
}

/// The middle of the prior of o and of the noise.
const OWN: f64 = 0.25;
const NOISE: f64 = 0.01;

/// What is believed of trainings.
pub(super) struct CurveModel<'p> {
    shape: Shape,
    points: &'p [Point],
    factor: Cholesky,
    gp: Gp,
}

impl<'p> CurveModel<'p> {
    /// From the values of the first points; of the others only that they are on their way is known.
    pub(super) fn new(shape: Shape, points: &'p [Point], z: &[f64]) -> CurveModel<'p> {
        let factor = shape.factor(&rows(points));
        let gp = Gp::fit(&factor, z);
        CurveModel { shape, points, factor, gp }
    }

    /// Mean and standard deviation at a point, without the noise.
    pub(super) fn at(&self, point: &Point) -> (f64, f64) {
        let mut row: Vec<f64> =
            self.points.iter().map(|p| self.shape.correlation(&point.apart(p))).collect();
        let mu = self.gp.mu(&row);
        self.factor.forward(&mut row);
        (mu, self.gp.sigma(&row, 1.0))
    }
}
