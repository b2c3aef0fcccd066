//! What a model says of an architecture, in units of the score.

use super::Scale;
use std::fmt;

/// What a strategy with a model expects of an architecture.
///
/// The model knows scores by their ranks; here they are turned back into scores, in the direction of the
/// metric. Of several objectives it is the evenly weighted sum that strategies with a model maximise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prediction {
    mean: f64,
    sd: f64,
    acquisition: f64,
}

impl Prediction {
    /// From the values of the model: `sign` is -1 for a metric that is minimised.
    pub(crate) fn new(
        mu: f64,
        sigma: f64,
        acquisition: f64,
        scale: &Scale,
        sign: f64,
    ) -> Prediction {
        let sd = (scale.y(mu + sigma) - scale.y(mu - sigma)) / 2.0;
        Prediction { mean: sign * scale.y(mu), sd, acquisition }
    }

    /// The score that is expected: the middle of the predicted distribution.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// How unsure that is: half the distance between the scores one standard deviation of the model to
    /// both sides.
    pub fn sd(&self) -> f64 {
        self.sd
    }

    /// How much the strategy would like to try it; more is better. The expected improvement is in units
    /// of the score, by what a step of the model is worth at the best score seen; an upper bound, or
    /// the value that Thompson sampling has drawn, is a score, in the direction of more is better.
    pub fn acquisition(&self) -> f64 {
        self.acquisition
    }
}

impl fmt::Display for Prediction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.4} ± {:.4}, acquisition {:.4}", self.mean, self.sd, self.acquisition)
    }
}
