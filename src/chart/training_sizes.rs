//! How well predictors rank, against how many architectures they have learned from: for each size the median over
//! many training sets, and the middle half of them as a band. It is drawn as `bands.rs` draws.

use super::bands::{BandSeries, Bands};
use super::svg::nothing;
use super::{Draw, plain::COLUMNS, plain::fit};
use crate::stats::quantile;
use crate::words::usable;
use serde::{Deserialize, Serialize};

/// The rank correlation of predictors with the truth, for every number of architectures that they have
/// learned from.
///
/// ```
/// use nascent::chart::{Chart, SizeSeries, TrainingSizes};
/// let forest = SizeSeries {
///     name: "random forest on GRAF".into(),
///     sizes: vec![20.0, 100.0],
///     taus: vec![vec![0.4, 0.5, 0.6], vec![0.6, 0.7, 0.8]],
/// };
/// let chart = Chart::new(TrainingSizes { series: vec![forest], ..TrainingSizes::default() });
/// assert!(chart.plain().contains("0.7000 (0.6500 to 0.7500)"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TrainingSizes {
    /// What is ranked, and against what: `1,000 other architectures`.
    pub shown: String,
    /// The predictors.
    pub series: Vec<SizeSeries>,
}

/// One predictor of [`TrainingSizes`]: two lists of the same length.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SizeSeries {
    /// The name of the predictor.
    pub name: String,
    /// How many architectures it has learned from, in order.
    pub sizes: Vec<f64>,
    /// For each size Kendall's tau of every training set.
    pub taus: Vec<Vec<f64>>,
}

impl TrainingSizes {
    fn bands(&self) -> Bands {
        let series = |s: &SizeSeries| {
            let quarter = |share: f64| {
                let of = |taus: &Vec<f64>| {
                    let taus: Vec<f64> = taus.iter().copied().filter(|v| usable(*v)).collect();
                    quantile(taus, share).unwrap_or(f64::NAN)
                };
                s.taus.iter().map(of).collect::<Vec<f64>>()
            };
            let (low, middle, high) = (quarter(0.25), quarter(0.5), quarter(0.75));
            BandSeries { name: s.name.clone(), x: s.sizes.clone(), middle, low, high }
        };
        let sets = self.series.iter().flat_map(|s| &s.taus).map(Vec::len).max().unwrap_or(0);
        let middle = format!("median and middle half of {sets} training sets");
        let shown =
            if self.shown.is_empty() { middle } else { format!("{middle}; {}", self.shown) };
        Bands {
            x: "architectures learned from".into(),
            log_x: true,
            metric: "Kendall's tau".into(),
            maximise: true,
            shown,
            series: self.series.iter().map(series).collect(),
            ..Bands::default()
        }
    }

    /// Whether there is anything to draw.
    fn is_empty(&self) -> bool {
        let drawn = |(size, taus): (&f64, &Vec<f64>)| {
            usable(*size) && *size > 0.0 && taus.iter().any(|v| usable(*v))
        };
        !self.series.iter().any(|s| s.sizes.iter().zip(&s.taus).any(drawn))
    }
}

const TITLE: &str = "Kendall's tau against architectures learned from";

impl Draw for TrainingSizes {
    fn svg(&self) -> String {
        if self.is_empty() {
            return nothing(TITLE, "no predictor has been measured");
        }
        self.bands().svg()
    }

    fn plain(&self) -> String {
        if self.is_empty() {
            let title = fit(TITLE, COLUMNS);
            return format!("{title}\nnothing to draw yet: no predictor has been measured\n");
        }
        self.bands().plain()
    }
}

/// Three made-up predictors, twenty training sets of each size.
pub(super) fn example() -> TrainingSizes {
    let mut rng = crate::rng::Rng::from_u64(7);
    let names = ["random forest on GRAF", "random forest on one-hot", "Gaussian process on GRAF"];
    let sizes = [20.0, 50.0, 100.0, 200.0, 500.0];
    let series = names.iter().enumerate().map(|(i, name)| {
        let (least, most) = [(0.45, 0.82), (0.3, 0.72), (0.42, 0.84)][i];
        let tau = |size: &f64, rng: &mut crate::rng::Rng| {
            let grown = least + (most - least) * (size / 20.0).ln() / 25f64.ln();
            grown + 0.4 / size.sqrt() * rng.normal()
        };
        let taus =
            sizes.iter().map(|size| (0..20).map(|_| tau(size, &mut rng)).collect()).collect();
        SizeSeries { name: (*name).into(), sizes: sizes.to_vec(), taus }
    });
    TrainingSizes { shown: "on 1,000 other architectures".into(), series: series.collect() }
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    #[test]
    fn the_band_is_the_middle_half() {
        let series = SizeSeries {
            name: "s".into(),
            sizes: vec![10.0, 20.0],
            // numpy.quantile([0.1, 0.2, 0.4, 0.9], [.25, .5, .75]) is [0.175, 0.3, 0.525].
            taus: vec![vec![0.4, 0.1, 0.9, 0.2, f64::NAN], vec![]],
        };
        let bands = TrainingSizes { series: vec![series], ..TrainingSizes::default() }.bands();
        let BandSeries { low, middle, high, .. } = &bands.series[0];
        for (found, expected) in [(low[0], 0.175), (middle[0], 0.3), (high[0], 0.525)] {
            assert!((found - expected).abs() < 1e-12, "{found} for {expected}");
        }
        assert!(middle[1].is_nan());
    }

    #[test]
    fn degenerate_data_are_drawn() {
        let long = "a very long name of a predictor & ".repeat(9);
        let of = |sizes: &[f64], taus: Vec<Vec<f64>>| TrainingSizes {
            series: vec![SizeSeries { name: long.clone(), sizes: sizes.to_vec(), taus }],
            shown: long.clone(),
        };
        let cases = [
            TrainingSizes::default(),
            of(&[], vec![]),
            of(&[10.0], vec![vec![]]),
            of(&[10.0], vec![vec![f64::NAN, f64::INFINITY]]),
            of(&[0.0, -1.0], vec![vec![0.5], vec![0.6]]),
            of(&[10.0], vec![vec![0.5]]),
            of(&[10.0, 20.0, 1e9], vec![vec![0.5; 3], vec![0.5; 3], vec![f64::MAX, f64::MIN]]),
            TrainingSizes { series: vec![example().series[0].clone(); 14], ..example() },
        ];
        cases.iter().for_each(check::chart);
    }
}
