//! Many strategies on the same seeds: are they all alike, and if not, which can be told apart?
//!
//! Friedman's test (JASA 32, 1937) ranks the strategies within each seed, so that a seed which is
//! easy for all of them does not count; Nemenyi's test says by how much two average ranks must differ.
//! Both follow Demsar (Statistical Comparisons of Classifiers over Multiple Data Sets, JMLR 7, 2006),
//! whose critical-difference diagram shows the result.
//!
//! ```text
//! N seeds, k strategies;  r_i^j = rank of strategy j on seed i, best = 1, ties share their mean
//! R_j   = sum_i r_i^j / N
//! chi^2 = 12 N / (k (k + 1))  sum_j (R_j - (k + 1) / 2)^2  /  C
//! C     = 1 - sum over ties of t values (t^3 - t) / (N (k^3 - k))
//! p     = P(chi^2 with k - 1 degrees of freedom is larger)
//! CD    = q_alpha sqrt(k (k + 1) / (6 N))
//! ```
//!
//! `q_alpha` is the quantile of the studentized range with infinite degrees of freedom over the
//! square root of 2, computed rather than looked up. Demsar's printed table of it has three digits.

use super::check::{self, Allowed};
use super::distributions::{chi_square_above, range_quantile};
use super::rank::{cubic, ranks, ties};
use super::summary::short;
use crate::error::{Error, Result};
use std::f64::consts::SQRT_2;
use std::fmt;

/// What [`friedman`] finds.
#[derive(Clone, Debug, PartialEq)]
pub struct Friedman {
    /// The average rank of each strategy, in the order of the columns; 1 is best.
    pub ranks: Vec<f64>,
    /// Friedman's chi-square, corrected for ties; 0 if everything is tied.
    pub statistic: f64,
    /// The probability of a statistic at least as large if all strategies were alike; 1 if everything is
    /// tied.
    pub p: f64,
    /// Nemenyi's critical difference: average ranks at least this far apart differ significantly.
    pub critical_difference: f64,
    /// The largest groups of two or more strategies within which no two differ significantly: the bars
    /// of a critical-difference diagram. They hold column numbers, the best strategy first. A strategy in
    /// no group differs from all others.
    pub cliques: Vec<Vec<usize>>,
}

/// Compares strategies over seeds: `rows` holds a row for each seed, with the result of every strategy
/// in a column of its own. Better is larger if `maximise`; `alpha` is the level of the critical
/// difference, 0.05 as a rule. Infinity is allowed, for a run that failed.
///
/// The p-value, as that of SciPy's `friedmanchisquare`, is an approximation for more than about ten
/// seeds; for two strategies [`wilcoxon`](super::wilcoxon()) is the stronger test.
///
/// ```
/// use nascent::stats::friedman;
/// // Four seeds of random search, local search and evolution.
/// let rows = [[0.91, 0.93, 0.94], [0.90, 0.92, 0.95], [0.92, 0.91, 0.94], [0.89, 0.93, 0.93]];
/// let test = friedman(rows, true, 0.05)?;
/// assert_eq!(test.ranks, [2.75, 2.125, 1.125]);
/// assert!((test.p - 0.0569).abs() < 1e-4 && (test.critical_difference - 1.657).abs() < 1e-3);
/// assert_eq!(test.cliques, [[2, 1, 0]]);
/// # Ok::<(), nascent::Error>(())
/// ```
///
/// # Errors
/// When there is no seed or only one strategy, the rows differ in length, a value is NaN, or alpha is
/// not between 0 and 1.
pub fn friedman<R: AsRef<[f64]>>(
    rows: impl AsRef<[R]>,
    maximise: bool,
    alpha: f64,
) -> Result<Friedman> {
    let call = "friedman(rows, maximise, alpha)";
    let (rows, k) = check::table(call, "rows", rows.as_ref(), Allowed::Ordered)?;
    if k < 2 {
        return Err(Error::invalid(
            format!("{call} with {} rows of length {k}", rows.len()),
            "at least one seed and two strategies are needed",
            "a row for each seed, a column for each strategy",
        ));
    }
    check::share(call, "alpha", alpha, "0.05")?;
    let (seeds, n, width) = (rows.len() as f64, rows.len() as u128, k as f64);
    let (mut sums, mut tied) = (vec![0.0; k], 0);
    for row in &rows {
        let gains: Vec<f64> = row.iter().map(|v| if maximise { -v } else { *v }).collect();
        let ranks = ranks(&gains);
        sums.iter_mut().zip(&ranks).for_each(|(sum, rank)| *sum += rank);
        tied += ties(&ranks);
    }
    let ranks: Vec<f64> = sums.iter().map(|sum| sum / seeds).collect();
    let untied = (n * cubic(k) - tied) as f64 / (n * cubic(k)) as f64;
    let squares: f64 = ranks.iter().map(|r| (r - (width + 1.0) / 2.0).powi(2)).sum();
    let statistic = match untied > 0.0 {
        true => 12.0 * seeds / (width * (width + 1.0)) * squares / untied,
        false => 0.0,
    };
    let q = range_quantile(alpha, k) / SQRT_2;
    let critical_difference = q * (width * (width + 1.0) / (6.0 * seeds)).sqrt();
    Ok(Friedman {
        p: chi_square_above(statistic, width - 1.0),
        cliques: cliques(&ranks, critical_difference),
        ranks,
        statistic,
        critical_difference,
    })
}

fn cliques(ranks: &[f64], critical_difference: f64) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..ranks.len()).collect();
    order.sort_by(|&a, &b| ranks[a].total_cmp(&ranks[b]));
    let (mut cliques, mut covered) = (vec![], 0);
    for (from, &best) in order.iter().enumerate() {
        let to = order.partition_point(|&other| ranks[other] - ranks[best] < critical_difference);
        // A group that ends no further than the one before lies within it.
        if to > covered && to - from > 1 {
            cliques.push(order[from..to].to_vec());
            covered = to;
        }
    }
    cliques
}

/// `Friedman chi-square 5.733, p 0.05689, average ranks 2.75 2.125 1.125, critical difference 1.657`
impl fmt::Display for Friedman {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ranks: Vec<String> = self.ranks.iter().map(|r| short(*r)).collect();
        let [statistic, p, cd] = [self.statistic, self.p, self.critical_difference].map(short);
        write!(f, "Friedman chi-square {statistic}, p {p}, average ranks {}, ", ranks.join(" "))?;
        write!(f, "critical difference {cd}")
    }
}
