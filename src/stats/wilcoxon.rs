//! Two strategies on the same seeds: is one better, or was it luck?
//!
//! Wilcoxon's signed-rank test (Individual Comparisons by Ranking Methods, Biometrics Bulletin 1, 1945)
//! asks how the ranks of the differences are shared between the two sides:
//!
//! ```text
//! d_i = x_i - y_i, zeros left out, n of them left;  r_i = rank of |d_i|, ties share their mean
//! T+  = sum of r_i with d_i > 0;   T- = sum of r_i with d_i < 0;   statistic = min(T+, T-)
//! exact:   every sign is + or - by the toss of a coin; p = 2 min(P(T+ <= t), P(T+ >= t))
//! normal:  z = (T+ - n (n + 1) / 4) / s;   p = 2 Phi(-|z|)
//!          s^2 = n (n + 1) (2 n + 1) / 24 - sum over ties of t differences (t^3 - t) / 48
//! ```
//!
//! It is exact as long as at most 50 pairs differ, with or without ties. Beyond that, the normal
//! approximation is used, without a correction for continuity. The exact distribution comes from adding
//! one rank after the other, in units of one half, because shared ranks are multiples of it. SciPy's
//! `wilcoxon` returns the same, but approximates from 14 pairs on if some are equal or tied. That fails
//! where most pairs are equal, as with strategies that mostly find the same best architecture: if 4 of 20
//! pairs differ, all in one direction, p = 0.125, but the approximation gives 0.046.

use super::check::{self, Allowed};
use super::distributions::normal_cdf;
use super::rank::{ranks, ties};
use super::summary::short;
use crate::error::Result;
use std::fmt;

/// The most differing pairs for which p is exact.
const EXACT: usize = 50;

/// What [`wilcoxon`] finds.
#[derive(Clone, Debug, PartialEq)]
pub struct Wilcoxon {
    /// The smaller of the two sums of ranks.
    pub statistic: f64,
    /// The sum of the ranks of the pairs in which x is larger, T+.
    pub plus: f64,
    /// The probability of sums at least as uneven if both strategies were alike (two-sided).
    pub p: f64,
    /// How many pairs differ.
    pub differ: usize,
    /// Whether p is exact; the normal approximation otherwise.
    pub exact: bool,
}

/// The two-sided signed-rank test of pairs: `x[i]` and `y[i]` are results of two strategies with the
/// same seed. Exact as long as no more than 50 pairs differ; p = 1 if none does. With fewer than six
/// pairs that differ p is never below 0.05. For several pairs of strategies see
/// [`holm`](super::holm()).
///
/// ```
/// use nascent::stats::wilcoxon;
/// let evolution = [0.94, 0.95, 0.93, 0.96, 0.92, 0.97, 0.94];
/// let random = [0.93, 0.93, 0.90, 0.92, 0.925, 0.90, 0.88];
/// let test = wilcoxon(evolution, random)?;
/// assert_eq!((test.statistic, test.p, test.exact), (1.0, 0.03125, true));
/// # Ok::<(), nascent::Error>(())
/// ```
///
/// # Errors
/// When the lists differ in length, are empty, or a value is not finite.
pub fn wilcoxon(x: impl AsRef<[f64]>, y: impl AsRef<[f64]>) -> Result<Wilcoxon> {
    let (x, y) = (x.as_ref(), y.as_ref());
    check::pairs("wilcoxon(x, y)", x, y, Allowed::Finite)?;
    let differences: Vec<f64> = x.iter().zip(y).map(|(x, y)| x - y).filter(|d| *d != 0.0).collect();
    let ranks = ranks(&differences.iter().map(|d| d.abs()).collect::<Vec<_>>());
    let side = |plus: bool| -> f64 {
        let of_side = ranks.iter().zip(&differences).filter(|(_, d)| (**d > 0.0) == plus);
        // From 0, because an empty sum of floats is -0.
        of_side.fold(0.0, |sum, (rank, _)| sum + rank)
    };
    let (plus, minus) = (side(true), side(false));
    let exact = ranks.len() <= EXACT;
    let p = match exact {
        true => exact_p(&ranks, plus.min(minus)),
        false => normal_p(ranks.len() as f64, plus, ties(&ranks) as f64),
    };
    Ok(Wilcoxon { statistic: plus.min(minus), plus, p, differ: ranks.len(), exact })
}

/// Both tails of the distribution of T+, which is symmetric: twice the one up to the smaller sum.
fn exact_p(ranks: &[f64], smaller: f64) -> f64 {
    let halves = |r: f64| (2.0 * r) as usize;
    let mut chance = vec![1.0];
    for rank in ranks.iter().map(|r| halves(*r)) {
        let mut next = vec![0.0; chance.len() + rank];
        for (sum, c) in chance.iter().enumerate() {
            next[sum] += c / 2.0;
            next[sum + rank] += c / 2.0;
        }
        chance = next;
    }
    let tail: f64 = chance.iter().take(halves(smaller) + 1).sum();
    (2.0 * tail).min(1.0)
}

fn normal_p(n: f64, plus: f64, ties: f64) -> f64 {
    let variance = n * (n + 1.0) * (2.0 * n + 1.0) / 24.0 - ties / 48.0;
    match variance > 0.0 {
        true => 2.0 * normal_cdf(-(plus - n * (n + 1.0) / 4.0).abs() / variance.sqrt()),
        false => 1.0,
    }
}

/// `Wilcoxon statistic 1, p 0.03125 (exact), 7 pairs differ`
impl fmt::Display for Wilcoxon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = if self.exact { "exact" } else { "normal approximation" };
        let pairs = if self.differ == 1 { "pair differs" } else { "pairs differ" };
        let (statistic, p) = (short(self.statistic), short(self.p));
        write!(f, "Wilcoxon statistic {statistic}, p {p} ({way}), {} {pairs}", self.differ)
    }
}
