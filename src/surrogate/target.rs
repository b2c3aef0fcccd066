//! What a model learns about the scores: their ranks, as quantiles of a normal distribution.
//!
//! Accuracies crowd below their bound and losses have long tails, so a model of the plain scores spends
//! its flexibility on the worst architectures. Logarithms of the error help where the bound is known;
//! ranks help for every metric, and need no bound, no scale and no constant:
//!
//! ```text
//! z_i = Phi^-1((r_i - 1/2) / n)       r_i the rank of y_i among the n seen, equals share their mean
//! ```
//!
//! A search is the same, trial for trial, whether it sees an accuracy in % or as a share, or an error or
//! its logarithm. Gaussian copula: Salinas, Shen and Perrone, "A Quantile-based Approach for
//! Hyperparameter Transfer Learning", ICML 2020 (arXiv 1909.13595); (r - 1/2) / n is Hazen's
//! plotting position. Predictions go back by linear interpolation between the scores seen; beyond
//! them, the line through the outer quarter of the scores is used.
//!
//! A failed trial is given as negative infinity, worse than every score: it has a rank below all of them,
//! but predictions never go back to it.

use super::acquisition::quantile;

/// The scale on which the scores seen are normally distributed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scale {
    /// The distinct scores in order, each with its quantile.
    steps: Vec<(f64, f64)>,
    /// The quantile of failed trials.
    failed: Option<f64>,
    /// Scores per step of the quantile, below the lowest and above the highest.
    slopes: (f64, f64),
}

impl Scale {
    /// The scale of the scores.
    pub(crate) fn of(y: &[f64]) -> Scale {
        let mut sorted = y.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (n, mut before) = (y.len() as f64, 0.0);
        let (mut steps, mut failed) = (vec![], None);
        for equals in sorted.chunk_by(|a, b| a == b) {
            let k = equals.len() as f64;
            let z = quantile((before + k / 2.0) / n);
            match equals.first() {
                Some(&f64::NEG_INFINITY) => failed = Some(z),
                Some(&y) => steps.push((y, z)),
                None => {}
            }
            before += k;
        }
        let slopes = match (steps.first(), steps.last()) {
            (Some(low), Some(high)) => {
                let at = |k: usize| steps.get(k).unwrap_or(high);
                let (inner, outer) = (steps.len().div_ceil(4), steps.len() * 3 / 4);
                let outer = outer.min(steps.len().saturating_sub(2));
                (slope(low, at(inner)), slope(at(outer), high))
            }
            _ => (0.0, 0.0),
        };
        Scale { steps, failed, slopes }
    }

    /// The quantile of a score.
    pub(crate) fn z(&self, y: f64) -> f64 {
        if let (Some(failed), f64::NEG_INFINITY) = (self.failed, y) {
            return failed;
        }
        match self.steps.partition_point(|s| s.0 < y) {
            i if self.steps.get(i).is_some_and(|s| s.0 == y) => self.steps[i].1,
            i => self.between(i, y, |s| (s.0, s.1), |slope| 1.0 / slope),
        }
    }

    /// The score of a quantile.
    pub(crate) fn y(&self, z: f64) -> f64 {
        let i = self.steps.partition_point(|s| s.1 < z);
        self.between(i, z, |s| (s.1, s.0), |slope| slope)
    }

    /// The worst score seen; failed trials have none.
    pub(crate) fn worst(&self) -> f64 {
        self.steps.first().map_or(f64::NEG_INFINITY, |step| step.0)
    }

    /// What a step of 1 is worth in scores, at the best.
    pub(crate) fn slope(&self) -> f64 {
        self.slopes.1
    }

    /// A point on the line through step `i` and the previous one, or beyond the ends.
    fn between(
        &self,
        i: usize,
        x: f64,
        of: impl Fn(&(f64, f64)) -> (f64, f64),
        turn: impl Fn(f64) -> f64,
    ) -> f64 {
        let beyond = |end: &(f64, f64), slope: f64| {
            let (a, b) = of(end);
            let slope = turn(slope);
            if slope.is_finite() { b + (x - a) * slope } else { b }
        };
        match (i.checked_sub(1).and_then(|i| self.steps.get(i)), self.steps.get(i)) {
            (Some(low), Some(high)) => {
                let ((a, b), (c, d)) = (of(low), of(high));
                if c > a { b + (x - a) / (c - a) * (d - b) } else { b }
            }
            (None, Some(first)) => beyond(first, self.slopes.0),
            (Some(last), None) => beyond(last, self.slopes.1),
            (None, None) => x,
        }
    }
}

fn slope(low: &(f64, f64), high: &(f64, f64)) -> f64 {
    let slope = (high.0 - low.0) / (high.1 - low.1);
    if slope.is_finite() { slope } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_become_quantiles() {
        // scipy.stats.norm.ppf((scipy.stats.rankdata([3, 1, 2, 2, 90]) - 0.5) / 5)
        let scale = Scale::of(&[3.0, 1.0, 2.0, 2.0, 90.0]);
        let expected = [
            (3.0, 0.524400512708041),
            (1.0, -1.2815515655446004),
            (2.0, -0.2533471031357997),
            (90.0, 1.2815515655446004),
        ];
        for (y, z) in expected {
            assert!((scale.z(y) - z).abs() < 1e-12, "{y}: {}", scale.z(y));
            assert!((scale.y(z) - y).abs() < 1e-9, "{z}: {}", scale.y(z));
        }
        assert!(scale.y(2.0) > 90.0 && scale.y(-2.0) < 1.0);
        assert!(2.0 < scale.y(0.0) && scale.y(0.0) < 3.0);
    }

    /// Below every score, as one more rank; the scores themselves are mapped back unchanged.
    #[test]
    fn what_failed_is_worse_than_the_worst() {
        const FAILED: f64 = f64::NEG_INFINITY;
        let scale = Scale::of(&[3.0, FAILED, 2.0, FAILED, 7.0]);
        // scipy.stats.norm.ppf((scipy.stats.rankdata([3, 0, 2, 0, 7]) - 0.5) / 5)
        let expected = [
            (3.0, 0.524400512708041),
            (FAILED, -0.8416212335729142),
            (2.0, 0.0),
            (7.0, 1.2815515655446004),
        ];
        for (y, z) in expected {
            assert!((scale.z(y) - z).abs() < 1e-12, "{y}: {}", scale.z(y));
        }
        assert_eq!(scale.worst(), 2.0);
        assert!(scale.y(-0.8).is_finite());
        let all = Scale::of(&[FAILED; 3]);
        assert_eq!((all.z(FAILED), all.y(0.3)), (0.0, 0.3));
    }

    #[test]
    fn any_monotone_metric_is_the_same() {
        let accuracies = [91.2, 88.0, 10.0, 93.7, 91.2];
        let logs = accuracies.map(|a: f64| -(100.0 - a).ln());
        let (a, b) = (Scale::of(&accuracies), Scale::of(&logs));
        assert_eq!(accuracies.map(|v| a.z(v)), logs.map(|v| b.z(v)));
    }

    #[test]
    fn one_score_or_none_is_no_error() {
        assert_eq!(Scale::of(&[2.0, 2.0]).z(2.0), 0.0);
        assert_eq!(Scale::of(&[2.0]).y(0.7), 2.0);
        assert_eq!(Scale::of(&[]).y(0.7), 0.7);
        assert_eq!(Scale::of(&[5.0, 5.0]).z(9.0), 0.0);
    }
}
