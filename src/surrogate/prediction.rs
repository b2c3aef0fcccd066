//! What a model says about an architecture, in units of the score.

use super::Scale;
use crate::words::score;
use std::fmt;

/// What a strategy with a model expects of an architecture.
///
/// The model sees only the ranks of scores; here its predictions are turned back into scores, in the
/// direction of the metric. With several objectives, a score is the evenly weighted sum that strategies
/// with a model maximise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prediction {
    mean: f64,
    /// The scores at -2, -1, 1 and 2 standard deviations of the model, the least first.
    ends: [f64; 4],
    /// The scores at -2, -1, 0, 1 and 2 standard deviations, however bad they are.
    open: [f64; 5],
    acquisition: f64,
}

const STEPS: [f64; 5] = [-2.0, -1.0, 0.0, 1.0, 2.0];

impl Prediction {
    /// From the values of the model: `sign` is -1 for a metric that is minimised.
    pub(crate) fn new(
        mu: f64,
        sigma: f64,
        acquisition: f64,
        scale: &Scale,
        sign: f64,
    ) -> Prediction {
        // How bad a score can be is unknown, so none is expected to be worse than the worst seen.
        let end = |k: f64| sign * scale.y(mu + k * sigma).max(scale.worst());
        let mut ends = [-2.0, -1.0, 1.0, 2.0].map(end);
        ends.sort_by(f64::total_cmp);
        let mut open = STEPS.map(|k| sign * scale.y(mu + k * sigma));
        open.sort_by(f64::total_cmp);
        Prediction { mean: sign * scale.y(mu).max(scale.worst()), ends, open, acquisition }
    }

    /// The prediction of a model that is normal in scores: the mean, the standard deviation, and how much
    /// the strategy would like to try the architecture.
    pub fn normal(mean: f64, sd: f64, acquisition: f64) -> Prediction {
        let ends = [-2.0, -1.0, 1.0, 2.0].map(|k| mean + k * sd.abs());
        Prediction { mean, ends, open: STEPS.map(|k| mean + k * sd.abs()), acquisition }
    }

    /// The score this many standard deviations of the model from the mean, at most 2, without the limit at the worst
    /// score seen.
    pub(crate) fn at(&self, deviations: f64) -> f64 {
        let place = (deviations + 2.0).clamp(0.0, 4.0);
        let (below, part) = ((place as usize).min(3), place - (place as usize).min(3) as f64);
        self.open[below] * (1.0 - part) + self.open[below + 1] * part
    }

    /// The expected score: the median of the predicted distribution.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// How uncertain that is: half the distance between [`low`](Prediction::low) and
    /// [`high`](Prediction::high).
    pub fn sd(&self) -> f64 {
        self.ends[2] / 2.0 - self.ends[1] / 2.0
    }

    /// The score one standard deviation of the model below the mean. Scores need not be symmetric: there may
    /// be much more room below than above.
    pub fn low(&self) -> f64 {
        self.ends[1]
    }

    /// The score one standard deviation of the model above the mean.
    pub fn high(&self) -> f64 {
        self.ends[2]
    }

    pub(crate) fn ends(&self) -> [f64; 4] {
        self.ends
    }

    /// How much the strategy would like to try the architecture; more is better. It is computed on the
    /// scale of the model, which is that of ranks, so it does not follow from the mean and the deviation
    /// here. The expected improvement is turned into scores by what a step of the model is worth at the
    /// best score seen. An upper bound, or the value that Thompson sampling has drawn, is a score, with its
    /// sign turned if needed so that more is better.
    pub fn acquisition(&self) -> f64 {
        self.acquisition
    }
}

impl fmt::Display for Prediction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [mean, low, high, acquisition] =
            [self.mean, self.low(), self.high(), self.acquisition].map(score);
        write!(f, "{mean} ({low} to {high}), acquisition {acquisition}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_between_the_steps() {
        let p = Prediction::normal(3.0, 0.5, 0.0);
        for k in [-2.0, -1.96, -0.674, 0.0, 1.0, 1.2816, 2.0] {
            assert!((p.at(k) - (3.0 + 0.5 * k)).abs() < 1e-12, "{k}: {}", p.at(k));
        }
        // Intervals may go below the worst seen, the mean and its ends do not.
        let scale = Scale::of(&[1.0, 2.0, 3.0, 4.0]);
        let p = Prediction::new(-1.0, 1.0, 0.0, &scale, 1.0);
        assert!(p.at(-2.0) < 1.0 && p.low() == 1.0, "{} {}", p.at(-2.0), p.low());
        assert!(p.at(0.0) < p.at(1.0));
    }
}
