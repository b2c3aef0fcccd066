//! Regression on partial curves: Baker, Gupta, Raskar and Naik, "Accelerating Neural Architecture Search using
//! Performance Prediction", arXiv 1705.10823.
//!
//! The idea: trainings of one space go on alike. From full ones, learn what a beginning comes to.
//!
//! ```text
//! x = (y_1 ... y_t, their differences), each column scaled to mean 0 and variance 1
//! a regression of y_R - y_t on x over all full trainings; its error says how certain it is
//! ```
//!
//! The paper's regression is a support-vector machine, with its error in cross-validation. Ours is a Gaussian
//! process with a squared-exponential kernel, which has an error for every point; its length and its noise are those with
//! the largest marginal likelihood on a grid. The paper's features of the architecture are left out: they would
//! be other ones for every space.

use super::{Cholesky, Gp};
use crate::error::{Error, Result};
use crate::stats::distributions::normal_cdf;

/// What a training comes to at its end, by those that have come to theirs.
///
/// ```
/// use nascent::prelude::*;
/// // Trainings that end about 0.2 above where they are after three epochs.
/// let curve = |end: f64| [(1, end - 0.4), (2, end - 0.25), (3, end - 0.2), (9, end)];
/// let whole: Vec<Vec<(usize, f64)>> = (0..12).map(|i| curve(0.6 + 0.02 * i as f64).to_vec()).collect();
/// let found = CurveRegression::of(&whole, &curve(0.71)[..3])?;
/// assert!((found.mean() - 0.71).abs() < 0.02);
/// assert!(found.above(0.9) < 0.05);
/// # Ok::<(), nascent::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use = "methods return a new value and leave this one as it is"]
pub struct CurveRegression {
    mean: f64,
    sd: f64,
}

/// The most full trainings that are learned from: the last ones.
const MOST: usize = 200;
/// The fewest.
const LEAST: usize = 3;

impl CurveRegression {
    /// From full curves, for one that has only begun: pairs of an epoch and the score after it, the last of each full
    /// curve being its end. Of those curves only the ones count that have a score at every epoch of `own`.
    ///
    /// # Errors
    /// When fewer than three do, `own` is empty, or a score is not finite.
    pub fn of(whole: &[Vec<(usize, f64)>], own: &[(usize, f64)]) -> Result<CurveRegression> {
        let all = whole.iter().flatten().chain(own);
        if let Some((epoch, y)) = all.into_iter().find(|(_, y)| !y.is_finite()) {
            let given = format!("a curve with {y} after {epoch} epochs");
            return Err(Error::invalid(
                given,
                "all scores have to be finite",
                "the epochs before it alone",
            ));
        }
        CurveRegression::fit(whole, own).ok_or_else(|| {
            Error::invalid(
                format!("{} full curves and a beginning of {} scores", whole.len(), own.len()),
                format!("at least {LEAST} full curves with scores at the epochs of the beginning are needed"),
                "more full curves, or Extrapolation, which needs none",
            )
        })
    }

    pub(crate) fn fit(
        whole: &[Vec<(usize, f64)>],
        own: &[(usize, f64)],
    ) -> Option<CurveRegression> {
        let epochs: Vec<usize> = own.iter().map(|p| p.0).collect();
        let begin = |curve: &[(usize, f64)]| -> Option<Vec<f64>> {
            epochs.iter().map(|e| curve.iter().find(|p| p.0 == *e).map(|p| p.1)).collect()
        };
        let mut rows = vec![];
        let mut y = vec![];
        for curve in whole.iter().rev().take(MOST) {
            if let (Some(x), Some(last)) = (begin(curve), curve.last()) {
                y.push(last.1 - x.last()?);
                rows.push(features(&x));
            }
        }
        if rows.len() < LEAST {
            return None;
        }
        let own = begin(own)?;
        let base = *own.last()?;
        let mut point = features(&own);
        scale(&mut rows, &mut point);
        let apart = |a: &[f64], b: &[f64]| {
            a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>() / a.len() as f64
        };
        let distances: Vec<Vec<f64>> = (0..rows.len())
            .map(|i| rows[..i].iter().map(|b| apart(&rows[i], b)).collect())
            .collect();
        let mut best: Option<(f64, f64, f64, Gp, Cholesky)> = None;
        for length in [0.5, 1.0, 2.0, 4.0, 8.0] {
            for noise in [0.001, 0.01, 0.1, 1.0] {
                let mut factor = Cholesky::default();
                for row in &distances {
                    let left: Vec<f64> = row.iter().map(|d| correlation(*d, length)).collect();
                    factor.push(&left, 1.0 + noise);
                }
                let gp = Gp::fit(&factor, &y);
                let likelihood = gp.log_likelihood;
                if best.as_ref().is_none_or(|b| likelihood > b.0) {
                    best = Some((likelihood, length, noise, gp, factor));
                }
            }
        }
        let (_, length, noise, gp, factor) = best?;
        let mut row: Vec<f64> =
            rows.iter().map(|b| correlation(apart(&point, b), length)).collect();
        let mean = base + gp.mu(&row);
        factor.forward(&mut row);
        let sd = (gp.sigma(&row, 1.0).powi(2) + gp.variance * noise).sqrt();
        Some(CurveRegression { mean, sd })
    }

    /// The score that is expected at the end.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// How uncertain that is: a standard deviation, the noise of a score included.
    pub fn sd(&self) -> f64 {
        self.sd
    }

    /// The probability of a score above this one at the end.
    pub fn above(&self, score: f64) -> f64 {
        1.0 - normal_cdf((score - self.mean) / self.sd.max(f64::MIN_POSITIVE))
    }
}

fn correlation(square: f64, length: f64) -> f64 {
    (-0.5 * square / (length * length)).exp()
}

/// The scores and their differences.
fn features(y: &[f64]) -> Vec<f64> {
    y.iter().copied().chain(y.windows(2).map(|w| w[1] - w[0])).collect()
}

/// Mean 0 and variance 1 of every column.
fn scale(rows: &mut [Vec<f64>], point: &mut [f64]) {
    let n = rows.len() as f64;
    for (j, own) in point.iter_mut().enumerate() {
        let mean = rows.iter().map(|r| r[j]).sum::<f64>() / n;
        let variance = rows.iter().map(|r| (r[j] - mean).powi(2)).sum::<f64>() / n;
        let unit = if variance > 0.0 { variance.sqrt() } else { 1.0 };
        rows.iter_mut().for_each(|r| r[j] = (r[j] - mean) / unit);
        *own = (*own - mean) / unit;
    }
}
