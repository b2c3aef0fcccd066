//! How well predictors rank, against the number of architectures that they have learned from.
//!
//! ```text
//! for every repeat:   a random order of the architectures, the same for all predictors
//!     for every size n:   learn the first n of it
//!                         tau(n) = Kendall's tau of predictions and scores on the last ones of it
//! ```
//!
//! The last ones are those that no size learns, 1,000 at the most.

use super::{Input, Predictor, known, rows, too_few};
use crate::chart::{Chart, SizeSeries, TrainingSizes};
use crate::count::Count;
use crate::error::{Error, Result};
use crate::interrupt;
use crate::rng::Rng;
use crate::space::Architecture;
use crate::stats::kendall_tau;
use crate::surrogate::{Prediction, Scale};
use crate::words::thousands;
use std::borrow::Borrow;

/// On how many others the order is judged.
const JUDGED: usize = 1000;

impl Predictor {
    /// Kendall's tau of predictors against the number of architectures that they have learned from, as a chart:
    /// for each of the `sizes` the median over so many random training sets, and the middle half of them. All
    /// predictors get the same sets. They are judged on architectures that are in none of the sets of
    /// their repeat, 1,000 at the most.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let table = NasBench201::cifar10();
    /// let mut rng = Rng::new(1);
    /// let archs: Vec<Architecture> = (0..200).map(|_| table.space().sample(&mut rng)).collect::<Result<_>>()?;
    /// let scores: Vec<f64> = archs.iter().map(|a| table.evaluate(a, &Budget::new(200, 200, 1)).map(|e| e.score())).collect::<Result<_>>()?;
    /// let forest = Predictor::forest().members(20);
    /// let one_hot = forest.encoding(&Encoding::one_hot());
    /// let chart: Chart = Predictor::by_size([&forest, &one_hot], &archs, &scores, [20, 50], 3)?;
    /// assert!(chart.plain().contains("random forest"));
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Predictor::fit`], and when there is no predictor, no size or no repeat, a size is below 2, or fewer
    /// than two architectures would be left to be judged by.
    pub fn by_size<P: Borrow<Predictor>, N: Count>(
        predictors: impl IntoIterator<Item = P>,
        architectures: impl AsRef<[Architecture]>,
        scores: impl AsRef<[f64]>,
        sizes: impl IntoIterator<Item = N>,
        repeats: impl Count,
    ) -> Result<Chart> {
        let predictors: Vec<Predictor> =
            predictors.into_iter().map(|p| p.borrow().clone()).collect();
        let (archs, scores) = (architectures.as_ref(), scores.as_ref());
        let mut sizes: Vec<i64> = sizes.into_iter().map(Count::to_i64).collect();
        sizes.sort_unstable();
        sizes.dedup();
        let repeats = repeats.to_i64();
        if known(archs, scores)?.is_none() {
            return Err(too_few(archs.len()));
        }
        let (least, most) = (sizes.first().copied(), sizes.last().copied());
        let (Some(least), Some(most)) = (least, most) else {
            return Err(Error::invalid("no size", "at least one is needed", "[20, 50, 100]"));
        };
        if least < 2 || most > archs.len() as i64 - 2 {
            let room = archs.len().saturating_sub(2);
            return Err(Error::invalid(
                format!("sizes from {least} to {most} with {} architectures", archs.len()),
                format!("2 to {room} are allowed, so that two are left to be judged by"),
                "more architectures, or smaller sizes",
            ));
        }
        if predictors.is_empty() || repeats < 1 {
            return Err(Error::invalid(
                format!("{} predictors, {repeats} repeats", predictors.len()),
                "at least one of each is needed",
                "Predictor::by_size([Predictor::forest()], &archs, &scores, [20, 50], 20)",
            ));
        }
        let sizes: Vec<usize> = sizes.into_iter().map(Count::to_size).collect();
        let judged = (archs.len() - most as usize).min(JUDGED);
        let mut series = vec![];
        let each = |predictor: &Predictor| -> Result<SizeSeries> {
            predictor.sound()?;
            let data = Data::of(predictor, archs)?;
            let gains = predictor.gains(scores);
            let tau = |i: usize| {
                let (size, repeat) = (sizes[i / repeats as usize], i % repeats as usize);
                let order =
                    Rng::from_u64(0).stream("training sets", repeat).permutation(archs.len());
                let others = &order[archs.len() - judged..];
                interrupt::check()?;
                predictor.tau(&data, &gains, &order[..size], others)
            };
            let taus = crate::threads::map(sizes.len() * repeats as usize, 1, tau);
            let taus = taus.into_iter().collect::<Result<Vec<f64>>>()?;
            Ok(SizeSeries {
                name: Predictor { learned: None, ..predictor.clone() }.to_string(),
                sizes: sizes.iter().map(|&n| n as f64).collect(),
                taus: taus.chunks(repeats as usize).map(<[f64]>::to_vec).collect(),
            })
        };
        let what = || "the comparison of predictors".to_string();
        interrupt::stoppable(what, || {
            predictors.iter().try_for_each(|predictor| {
                series.push(each(predictor)?);
                Ok(())
            })
        })?;
        let shown = format!("on {} other architectures", thousands(judged as u128));
        Ok(Chart::new(TrainingSizes { shown, series }))
    }

    /// Kendall's tau on `others` after learning the `chosen`; 0 for predictions that are all the same.
    fn tau(&self, data: &Data, y: &[f64], chosen: &[usize], others: &[usize]) -> Result<f64> {
        let of = |places: &[usize]| places.iter().map(|&i| y[i]).collect::<Vec<f64>>();
        let scale = Scale::of(&of(chosen));
        let z: Vec<f64> = chosen.iter().map(|&i| scale.z(y[i])).collect();
        let expected = |(mu, sigma)| Prediction::new(mu, sigma, 0.0, &scale, 1.0).mean();
        let predicted: Vec<f64> = match data {
            Data::Rows(x) => {
                let rows: Vec<Vec<f64>> = chosen.iter().map(|&i| x[i].clone()).collect();
                let model = self.learn(&rows, &z);
                others.iter().map(|&i| expected(model.at(&x[i]))).collect()
            }
            Data::Distances(d) => {
                let before = chosen.iter().enumerate();
                let before = before.map(|(k, &i)| chosen[..k].iter().map(|&j| d[i][j]).collect());
                let process = super::Distant::fit(&before.collect::<Vec<Vec<f64>>>(), &z);
                let to = |i: usize| chosen.iter().map(|&j| d[i][j]).collect::<Vec<f64>>();
                others.iter().map(|&i| expected(process.predict(&to(i)))).collect()
            }
        };
        let truth = of(others);
        let constant = |y: &[f64]| y.iter().all(|v| *v == y[0]);
        match constant(&predicted) || constant(&truth) {
            true => Ok(0.0),
            false => kendall_tau(predicted, truth),
        }
    }
}

/// What a predictor sees of all architectures.
enum Data {
    Rows(Vec<Vec<f64>>),
    Distances(Vec<Vec<f64>>),
}

impl Data {
    fn of(predictor: &Predictor, archs: &[Architecture]) -> Result<Data> {
        Ok(match &predictor.input {
            Input::Encoding(encoding) => Data::Rows(rows(encoding, archs)?),
            Input::Distance(distance) => Data::Distances(distance.all(archs)?),
        })
    }
}
