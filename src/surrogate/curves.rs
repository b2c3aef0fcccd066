//! How a learning curve goes on: a weighted ensemble of parametric curves.
//!
//! Domhan, Springenberg and Hutter, "Speeding up Automatic Hyperparameter Optimization of Deep Neural Networks
//! by Extrapolation of Learning Curves", IJCAI 2015. The idea: curves of training have a few typical forms.
//! Many of each form are laid through the beginning of a curve, and count as much as they fit.
//!
//! ```text
//! y(t) = b + r (1 - g(t)) + noise,  g(1) = 1,  g falls to 0        b the first score, r what is to be gained
//!
//! power            g = t^-a
//! shifted power    g = ((t + k) / (1 + k))^-a
//! Weibull          g = exp(-a (t^d - 1))
//! logarithm        g = ln 2 / ln(t + 1)
//! Hill             g = (1 + k) / (1 + k t^d)
//!
//! weight of a shape (form, a, k, d, sd of the noise) = its marginal likelihood p(y_1 ... y_n)
//! y(T) | y_1 ... y_n = the weighted mixture of the normal distributions that the shapes predict
//! ```
//!
//! Where we differ: the paper draws all parameters by Markov chains, 100,000 steps for a curve. Given a shape,
//! the curve is linear in b and r. With normal priors on both, likelihood and prediction have a closed form, and
//! what is left are at most two parameters a form, which a grid covers: nothing is random, and it takes a
//! millisecond. The grids have the same weight for each form. The priors are relative to the range s of the
//! scores seen: b around y_1 and r around s, both within s; the noise from s / 100 to s / 2.

use crate::count::Count;
use crate::error::{Error, Result};
use crate::stats::distributions::normal_cdf;
use crate::words::number;

/// The beginning of a learning curve, and how it may go on.
///
/// ```
/// use nascent::prelude::*;
/// let seen = [0.42, 0.61, 0.70, 0.745, 0.78, 0.795];
/// let curve = Extrapolation::of(seen)?;
/// let (mean, sd) = (curve.mean(30), curve.sd(30));
/// assert!(mean > 0.8 && mean < 0.95 && sd < 0.1, "{mean} ± {sd}");
/// assert!(curve.above(0.99, 30) < 0.05);
/// # Ok::<(), nascent::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "methods return a new value and leave this one as it is"]
#[doc(alias("LearningCurve", "extrapolate"))]
pub struct Extrapolation {
    /// The shapes, each with its weight; the weights sum to 1.
    shapes: Vec<(Shape, f64)>,
    seen: usize,
    /// The first score and the range seen: the shapes are of scores in these units.
    base: f64,
    unit: f64,
}

/// One of the curves: what is known of b and r, given the form.
#[derive(Clone, Debug)]
struct Shape {
    form: Form,
    sd: f64,
    /// The mean of (b, r), and their covariance by its elements bb, br, rr.
    mean: [f64; 2],
    covariance: [f64; 3],
}

#[derive(Clone, Copy, Debug)]
enum Form {
    Power(f64),
    Shifted(f64, f64),
    Weibull(f64, f64),
    Logarithm,
    Hill(f64, f64),
}

impl Form {
    /// g(t), what is still to be gained after t epochs.
    fn left(self, t: f64) -> f64 {
        match self {
            Form::Power(a) => t.powf(-a),
            Form::Shifted(a, k) => ((t + k) / (1.0 + k)).powf(-a),
            Form::Weibull(a, d) => (-a * (t.powf(d) - 1.0)).exp(),
            Form::Logarithm => 2f64.ln() / (t + 1.0).ln(),
            Form::Hill(k, d) => (1.0 + k) / (1.0 + k * t.powf(d)),
        }
    }

    /// The shapes of every form.
    fn all() -> Vec<Vec<Form>> {
        let rates = [0.125, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0];
        let shifts = [1.0, 3.0, 9.0, 27.0];
        let speeds = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0];
        let powers = [0.25, 0.5, 0.75, 1.0, 1.5];
        let pairs = |a: &[f64], b: &[f64], form: fn(f64, f64) -> Form| -> Vec<Form> {
            a.iter().flat_map(|&x| b.iter().map(move |&y| form(x, y))).collect()
        };
        vec![
            rates.iter().map(|&a| Form::Power(a)).collect(),
            pairs(&rates, &shifts, Form::Shifted),
            pairs(&speeds, &powers, Form::Weibull),
            vec![Form::Logarithm],
            pairs(&speeds, &[0.5, 1.0, 1.5, 2.0], Form::Hill),
        ]
    }
}

/// The standard deviation of the noise, in parts of the range seen.
const NOISES: [f64; 6] = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5];

impl Extrapolation {
    /// The largest score of a curve.
    pub(crate) const LARGEST: f64 = 1e300;

    /// From the scores after 1, 2, 3, ... epochs, of any metric: the values may rise or fall.
    ///
    /// # Errors
    /// With fewer than two scores, or one that is not finite.
    pub fn of(scores: impl IntoIterator<Item = f64>) -> Result<Extrapolation> {
        Extrapolation::at_epochs((1..).zip(scores))
    }

    /// From pairs of a number of epochs and the score after them, where not every epoch was measured.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let curve = Extrapolation::at_epochs([(1, 2.3), (3, 1.4), (9, 0.9), (27, 0.6)])?;
    /// assert!(curve.mean(81) < 0.6);
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// As of [`of`](Extrapolation::of), and where the epochs do not grow from 1 on.
    pub fn at_epochs<C: Count>(
        scores: impl IntoIterator<Item = (C, f64)>,
    ) -> Result<Extrapolation> {
        let (t, y): (Vec<i64>, Vec<f64>) = scores.into_iter().map(|(t, y)| (t.to_i64(), y)).unzip();
        if y.len() < 2 {
            let given = format!("a curve of {} scores", y.len());
            return Err(Error::invalid(
                given,
                "at least 2 are needed to go on from",
                "more epochs",
            ));
        }
        if t[0] < 1 || !t.is_sorted_by(|a, b| a < b) {
            return Err(Error::invalid(
                format!("a curve after {t:?} epochs"),
                "the epochs have to grow, from 1 or more on",
                "the scores in order, each epoch once",
            ));
        }
        if let Some(i) = y.iter().position(|v| !v.is_finite() || v.abs() > Extrapolation::LARGEST) {
            let given = format!("a curve with {} after {} epochs", number(y[i]), t[i]);
            return Err(Error::invalid(
                given,
                format!(
                    "all scores have to be finite, and at most {:e} in size",
                    Extrapolation::LARGEST
                ),
                "the epochs before it alone",
            ));
        }
        let t: Vec<f64> = t.iter().map(|&t| t as f64).collect();
        Ok(Extrapolation::through(&t, &y))
    }

    fn through(t: &[f64], y: &[f64]) -> Extrapolation {
        let (low, high) = y.iter().fold((f64::MAX, f64::MIN), |(l, h), &v| (l.min(v), h.max(v)));
        // A curve that has not moved at all has no scale of its own.
        let range = if high > low { high - low } else { (high.abs() * 1e-3).max(1e-9) };
        let base = y[0];
        let y: Vec<f64> = y.iter().map(|v| (v - base) / range).collect();
        // A loss falls: the first half is worse than the second.
        let half = y.len() / 2;
        let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
        let sign = if mean(&y[half..]) < mean(&y[..half]) { -1.0 } else { 1.0 };
        let mut shapes = vec![];
        for forms in Form::all() {
            let share = -((forms.len() * NOISES.len()) as f64).ln();
            for form in forms {
                let gained: Vec<f64> = t.iter().map(|&t| 1.0 - form.left(t)).collect();
                for noise in NOISES {
                    let (shape, evidence) = fit(form, noise, &gained, &y, 1.0, sign);
                    shapes.push((shape, evidence + share));
                }
            }
        }
        let most = shapes.iter().map(|s| s.1).fold(f64::NEG_INFINITY, f64::max);
        shapes.iter_mut().for_each(|s| s.1 = (s.1 - most).exp());
        // What counts for nothing need not be asked.
        shapes.retain(|s| s.1 > 1e-6);
        let sum: f64 = shapes.iter().map(|s| s.1).sum();
        shapes.iter_mut().for_each(|s| s.1 /= sum);
        let seen = t.last().map_or(0, |&t| t as usize);
        Extrapolation { shapes, seen, base, unit: range }
    }

    /// The last epoch that was seen.
    pub fn seen(&self) -> usize {
        self.seen
    }

    /// The score that is expected after so many epochs.
    pub fn mean(&self, epochs: impl Count) -> f64 {
        self.base + self.unit * self.standing(time(epochs))
    }

    /// The expected score in its own units.
    fn standing(&self, t: f64) -> f64 {
        self.shapes.iter().map(|(s, w)| w * s.at(t).0).sum()
    }

    /// How uncertain that is: a standard deviation, the noise of a score included.
    pub fn sd(&self, epochs: impl Count) -> f64 {
        let t = time(epochs);
        let mean = self.standing(t);
        let square = |(s, w): &(Shape, f64)| {
            let (mu, sd) = s.at(t);
            w * (sd * sd + (mu - mean) * (mu - mean))
        };
        self.unit * self.shapes.iter().map(square).sum::<f64>().sqrt()
    }

    /// The probability that the score after so many epochs is above this one.
    pub fn above(&self, score: f64, epochs: impl Count) -> f64 {
        if score.is_infinite() {
            return if score > 0.0 { 0.0 } else { 1.0 };
        }
        let (t, score) = (time(epochs), (score - self.base) / self.unit);
        let above = |(s, w): &(Shape, f64)| {
            let (mu, sd) = s.at(t);
            w * (1.0 - normal_cdf((score - mu) / sd))
        };
        self.shapes.iter().map(above).sum::<f64>().clamp(0.0, 1.0)
    }
}

/// An epoch below the first counts as the first.
fn time(epochs: impl Count) -> f64 {
    epochs.to_size().max(1) as f64
}

/// Bayesian regression on 1 and `gained`, with known noise: the posterior of b and r, and the logarithm of the
/// marginal likelihood.
fn fit(form: Form, sd: f64, gained: &[f64], y: &[f64], range: f64, sign: f64) -> (Shape, f64) {
    let prior = [y[0], sign * range];
    let (precise, noise) = (1.0 / (range * range), 1.0 / (sd * sd));
    // The posterior precision P, and P mean - prior precision * prior = noise X^T (y - X prior).
    let (mut bb, mut br, mut rr) = (precise, 0.0, precise);
    let (mut u, mut v, mut squares) = (0.0, 0.0, 0.0);
    for (&h, &y) in gained.iter().zip(y) {
        let rest = y - prior[0] - prior[1] * h;
        bb += noise;
        br += noise * h;
        rr += noise * h * h;
        u += noise * rest;
        v += noise * rest * h;
        squares += noise * rest * rest;
    }
    let determinant = bb * rr - br * br;
    let covariance = [rr / determinant, -br / determinant, bb / determinant];
    let [cbb, cbr, crr] = covariance;
    let step = [cbb * u + cbr * v, cbr * u + crr * v];
    let n = y.len() as f64;
    let evidence = -0.5 * (squares - step[0] * u - step[1] * v)
        - 0.5 * (determinant / (precise * precise)).ln()
        - n * (sd * (2.0 * std::f64::consts::PI).sqrt()).ln();
    let mean = [prior[0] + step[0], prior[1] + step[1]];
    (Shape { form, sd, mean, covariance }, evidence)
}

impl Shape {
    /// Mean and standard deviation of a score after t epochs.
    fn at(&self, t: f64) -> (f64, f64) {
        let h = 1.0 - self.form.left(t);
        let [bb, br, rr] = self.covariance;
        let variance = bb + 2.0 * h * br + h * h * rr + self.sd * self.sd;
        (self.mean[0] + h * self.mean[1], variance.max(0.0).sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// numpy: the posterior of X = [1, 1 - 1/t] with prior N((0.4, 0.3), 0.3^2 I) and noise 0.03, and
    /// scipy.stats.multivariate_normal(X m, 0.09 X X^T + 0.0009 I).logpdf(y).
    #[test]
    fn posterior_and_evidence_are_numpys() {
        let y = [0.4, 0.55, 0.62, 0.7];
        let form = Form::Power(1.0);
        let gained: Vec<f64> = (1..=4).map(|t| 1.0 - form.left(f64::from(t))).collect();
        let (shape, evidence) = fit(form, 0.03, &gained, &y, 0.3, 1.0);
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-10, "{a} for {b}");
        close(shape.mean[0], POSTERIOR[0]);
        close(shape.mean[1], POSTERIOR[1]);
        close(evidence, POSTERIOR[2]);
        let (mu, sd) = shape.at(10.0);
        close(mu, POSTERIOR[3]);
        close(sd, POSTERIOR[4]);
    }
    const POSTERIOR: [f64; 5] = [
        0.39075348348638894,
        0.3689105380276071,
        4.403305552543273,
        0.7227729677112353,
        0.03976612209909347,
    ];

    /// It goes on with curves of its own forms, up or down, and what it says is uncertain holds them.
    #[test]
    fn known_forms_are_continued() {
        let cases: [fn(f64) -> f64; 4] = [
            |t| 0.9 - 0.5 * t.powf(-0.5),
            |t| 0.95 - 0.6 * (-0.3 * (t - 1.0)).exp(),
            |t| 80.0 + 15.0 * (1.0 - 2f64.ln() / (t + 1.0).ln()),
            |t| 0.3 + 2.0 * t.powf(-1.0),
        ];
        for (i, curve) in cases.iter().enumerate() {
            let seen: Vec<f64> = (1..=12).map(|t| curve(f64::from(t))).collect();
            let range = (seen[11] - seen[0]).abs();
            let found = Extrapolation::of(seen.clone()).unwrap();
            let (mean, sd, truth) = (found.mean(40), found.sd(40), curve(40.0));
            assert!((mean - truth).abs() < 0.1 * range, "{i}: {mean} for {truth}");
            assert!((mean - truth).abs() < 2.5 * sd, "{i}: {mean} ± {sd} for {truth}");
            let both = found.above(truth - range, 40) - found.above(truth + range, 40);
            assert!(both > 0.99, "{i}: {both}");
        }
    }

    /// The same curve in other units, also in those whose squares overflow.
    #[test]
    fn units_do_not_matter() {
        let seen = [0.42, 0.61, 0.70, 0.745, 0.78, 0.795];
        let found = Extrapolation::of(seen).unwrap();
        for unit in [1e-200, 1e-9, 3.0, 1e90, 1e299] {
            let scaled = Extrapolation::of(seen.map(|y| y * unit)).unwrap();
            let close = |a: f64, b: f64| assert!((a / unit - b).abs() < 1e-9, "{a} for {b} {unit}");
            close(scaled.mean(40), found.mean(40));
            close(scaled.sd(40), found.sd(40));
            assert!((scaled.above(0.8 * unit, 40) - found.above(0.8, 40)).abs() < 1e-9);
        }
        assert_eq!((found.above(f64::INFINITY, 9), found.above(f64::NEG_INFINITY, 9)), (0.0, 1.0));
    }

    #[test]
    fn a_curve_that_cannot_go_on_is_refused() {
        let say = |y: &[f64]| Extrapolation::of(y.to_vec()).unwrap_err().to_string();
        assert!(say(&[0.5]).contains("at least 2"), "{}", say(&[0.5]));
        assert!(
            say(&[0.5, f64::NAN, 0.6]).contains("NaN after 2 epochs"),
            "{}",
            say(&[0.5, f64::NAN, 0.6])
        );
        assert!(say(&[0.5, 1e301]).contains("at most 1e300"), "{}", say(&[0.5, 1e301]));
        let flat = Extrapolation::of([0.1; 5]).unwrap();
        assert!((flat.mean(100) - 0.1).abs() < 1e-3 && flat.sd(100) < 1e-3);
    }
}
