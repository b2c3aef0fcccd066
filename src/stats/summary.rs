//! A sample in a few numbers: mean, standard deviation, and quantiles.

use super::check::{self, Allowed};
use crate::error::{Error, Result};
use crate::words::{plural, trim};
use std::fmt;

/// What [`summary`] finds in a sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// How many values.
    pub count: usize,
    /// Their mean.
    pub mean: f64,
    /// The sample standard deviation (divisor `count - 1`); `None` for a single value, which has none.
    pub deviation: Option<f64>,
    /// The least value.
    pub least: f64,
    /// A quarter of the values are below.
    pub lower_quartile: f64,
    /// Half of the values are below.
    pub median: f64,
    /// Three quarters of the values are below.
    pub upper_quartile: f64,
    /// The largest value.
    pub most: f64,
}

/// Mean, sample standard deviation and quartiles of a sample.
///
/// ```
/// let summary = nascent::stats::summary([0.91, 0.93, 0.95])?;
/// assert!((summary.mean - 0.93).abs() < 1e-12);
/// assert!((summary.deviation.unwrap() - 0.02).abs() < 1e-12);
/// assert_eq!(summary.median, 0.93);
/// assert_eq!(summary.to_string(), "0.93 ± 0.02, median 0.93, 0.91 to 0.95, 3 values");
/// # Ok::<(), nascent::Error>(())
/// ```
///
/// # Errors
/// When there is no value, or one is not finite.
pub fn summary(values: impl AsRef<[f64]>) -> Result<Summary> {
    let values = values.as_ref();
    check::sample("summary(values)", "values", values, Allowed::Finite)?;
    let (count, mean, sorted) = (values.len(), mean(values), sorted(values));
    let deviation = (count > 1).then(|| deviation(values, mean));
    let [least, lower_quartile, median, upper_quartile, most] =
        [0.0, 0.25, 0.5, 0.75, 1.0].map(|share| sorted_quantile(&sorted, share));
    Ok(Summary { count, mean, deviation, least, lower_quartile, median, upper_quartile, most })
}

/// The value below which a `share`, from 0 to 1, of the sample lies; between two values it follows
/// a straight line from one to the other (type 7 of Hyndman and Fan 1996), like NumPy's `quantile`.
///
/// ```
/// use nascent::stats::quantile;
/// assert_eq!(quantile([4.0, 1.0, 2.0, 3.0], 0.5)?, 2.5);
/// assert_eq!(quantile([4.0, 1.0, 2.0, 3.0], 1.0)?, 4.0);
/// # Ok::<(), nascent::Error>(())
/// ```
///
/// # Errors
/// When there is no value, one is not finite, or the share is not from 0 to 1.
pub fn quantile(values: impl AsRef<[f64]>, share: f64) -> Result<f64> {
    let call = "quantile(values, share)";
    check::sample(call, "values", values.as_ref(), Allowed::Finite)?;
    if !(0.0..=1.0).contains(&share) {
        return Err(Error::invalid(
            format!("{call} with share {share}"),
            "0 to 1 is allowed",
            "0.5 for the median",
        ));
    }
    Ok(sorted_quantile(&sorted(values.as_ref()), share))
}

/// The mean of at least one value; exactly that value where all are equal.
pub(super) fn mean(values: &[f64]) -> f64 {
    let first = values.first().copied().unwrap_or_default();
    let n = values.len().max(1) as f64;
    let mean = first + values.iter().map(|v| v - first).sum::<f64>() / n;
    // The sum may overflow where the mean does not.
    if mean.is_finite() { mean } else { values.iter().map(|v| v / n).sum() }
}

/// The sample standard deviation of at least two values around their mean.
fn deviation(values: &[f64], mean: f64) -> f64 {
    let less = (values.len() - 1) as f64;
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    if squares.is_finite() && squares > 0.0 {
        return (squares / less).sqrt();
    }
    // Squares may overflow or vanish, so they are taken relative to the largest difference.
    let halves = || values.iter().map(|v| v / 2.0 - mean / 2.0);
    let most = halves().map(f64::abs).fold(0.0, f64::max);
    if most == 0.0 {
        return 0.0;
    }
    (halves().map(|d| (d / most).powi(2)).sum::<f64>() / less).sqrt() * most * 2.0
}

pub(super) fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}

/// The quantile of sorted values; NaN where there are none.
pub(super) fn sorted_quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * sorted.len().saturating_sub(1) as f64;
    let at = |i: f64| sorted.get(i as usize).copied().unwrap_or(f64::NAN);
    let (low, high) = (at(place.floor()), at(place.ceil()));
    match high - low {
        step if step.is_finite() => low + step * place.fract(),
        _ => low * (1.0 - place.fract()) + high * place.fract(),
    }
}

/// `0.93 ± 0.02, median 0.93, 0.91 to 0.95, 3 values`
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", short(self.mean))?;
        if let Some(deviation) = self.deviation {
            write!(f, " ± {}", short(deviation))?;
        }
        let [median, least, most] = [self.median, self.least, self.most].map(short);
        write!(f, ", median {median}, {least} to {most}, {}", plural(self.count, "value"))
    }
}

/// A number with four significant digits, without trailing zeros.
pub(super) fn short(value: f64) -> String {
    let digits = match value.abs().log10().floor() {
        size if (-4.0..12.0).contains(&size) => (3.0 - size).max(0.0) as usize,
        _ if value == 0.0 => return "0".to_string(),
        _ => return format!("{value:.2e}"),
    };
    trim(format!("{value:.digits$}"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn samples_at_the_ends_of_what_a_number_can_be() {
        // As with the same numbers around 1.
        for unit in [1.0, 1e300, 1e-300] {
            let found = super::summary([1.0, 2.0, 3.0].map(|v| v * unit)).unwrap();
            let near = |a: f64, b: f64| assert!((a / unit - b).abs() < 1e-9, "{a} {b} {unit}");
            near(found.mean, 2.0);
            near(found.deviation.unwrap(), 1.0);
            near(found.lower_quartile, 1.5);
        }
        let far = super::summary([f64::MAX, f64::MIN, f64::MAX]).unwrap();
        assert!((far.mean / f64::MAX - 1.0 / 3.0).abs() < 1e-9);
        assert!(far.lower_quartile.abs() < 1e300);
    }
}
