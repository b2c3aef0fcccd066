//! Standardised inputs: mean 0 and standard deviation 1, the size of inputs that networks expect.

use super::Dataset;
use super::scaling::{Scaling, channel_of, channels, merged};
use crate::error::{Error, Result};
use candle_core::{Device, Tensor};

impl Dataset {
    /// The same inputs with mean 0 and standard deviation 1, as measured on the training split: for
    /// every feature of a vector `[F]`, every feature of a sequence `[L, D]` over all its
    /// positions, every channel of an image `[C, H, W]`. A feature that never changes, except by rounding,
    /// is only moved to 0.
    ///
    /// Nothing is measured again for splits that are made afterwards, so make them first.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let x: Vec<f32> = (0..100).map(|i| 100.0 * i as f32).collect();
    /// let y: Vec<f32> = (0..100).map(|i| i as f32 / 100.0).collect();
    /// let data = Dataset::regression("line", x, [1], y, 1)?.standardised()?;
    /// let (x, _) = data.tensors(Split::Train)?;
    /// assert!(x.mean_all()?.to_scalar::<f32>()?.abs() < 1e-3);
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// When the inputs are tokens, or the training split is empty.
    pub fn standardised(&self) -> Result<Dataset> {
        let d = &self.0;
        let given = || format!("standardised() on {}", d.name);
        if d.shape.vocabulary().is_some() {
            return Err(Error::invalid(
                given(),
                "tokens are not numbers",
                "embedding(...) in the space",
            ));
        }
        if d.train.is_empty() {
            return Err(Error::invalid(
                given(),
                "the training split is empty, so there is nothing to measure",
                "more samples",
            ));
        }
        let (n_channels, channel) = (channels(&d.shape).0, channel_of(&d.shape));
        let mut x = d.x.flatten_all()?.to_vec1::<f32>()?;
        let size = d.shape.elements();
        let train = || d.train.iter().map(|&i| &x[i as usize * size..][..size]);

        // Two passes in f64: sums of millions of f32 would lose the digits that matter.
        let n = (d.train.len() * size / n_channels.max(1)) as f64;
        let mut seen = vec![Seen::default(); n_channels];
        for sample in train() {
            sample.iter().enumerate().for_each(|(i, &v)| seen[channel(i)].add(v));
        }
        let mut scaling = Scaling::none(n_channels);
        seen.iter().zip(&mut scaling.shift).for_each(|(seen, mean)| *mean = seen.sum / n);
        let mut square = vec![0.0f64; n_channels];
        for sample in train() {
            for (i, &v) in sample.iter().enumerate() {
                square[channel(i)] += (f64::from(v) - scaling.shift[channel(i)]).powi(2);
            }
        }
        for ((seen, q), scale) in seen.iter().zip(square).zip(&mut scaling.scale) {
            if seen.varies() {
                *scale = (q / (n - 1.0).max(1.0)).sqrt();
            }
        }
        // A table's columns are checked once more: values that differed may have become equal.
        let mut notes = vec![];
        for (c, name) in d.columns.iter().enumerate() {
            let mut column: Vec<f32> = x.iter().skip(c).step_by(n_channels).copied().collect();
            column.sort_unstable_by(f32::total_cmp);
            column.dedup();
            let given = column.len();
            column.iter_mut().for_each(|v| *v = scaling.apply(c, (*v).into()) as f32);
            column.dedup();
            if given - column.len() > given / 100 {
                notes.push(merged(&format!("standardised {name:?}"), given, column.len()));
            }
        }
        for (i, v) in x.iter_mut().enumerate() {
            *v = scaling.apply(channel(i), (*v).into()) as f32;
        }
        let whole = d.scaling.as_ref().map_or(scaling.clone(), |before| before.then(&scaling));
        let x = Tensor::from_vec(x, d.x.dims(), &Device::Cpu)?;
        Ok(self.with(|d| {
            d.name += ", standardised";
            d.x = x;
            d.scaled = true;
            d.scaling = Some(whole);
            d.notes.extend(notes);
        }))
    }
}

/// What the values of a channel are like.
#[derive(Clone)]
struct Seen {
    sum: f64,
    least: f32,
    most: f32,
    whole: bool,
}

impl Default for Seen {
    fn default() -> Seen {
        Seen { sum: 0.0, least: f32::INFINITY, most: f32::NEG_INFINITY, whole: true }
    }
}

impl Seen {
    fn add(&mut self, v: f32) {
        self.sum += f64::from(v);
        (self.least, self.most) = (self.least.min(v), self.most.max(v));
        self.whole &= v.fract() == 0.0;
    }

    /// Whether the values differ by more than rounding, which may change the last digit of numbers that
    /// are not whole.
    fn varies(&self) -> bool {
        let size = f64::from(self.least.abs().max(self.most.abs()));
        let rounding = if self.whole { 0.0 } else { 2.0 * f64::from(f32::EPSILON) * size };
        f64::from(self.most) - f64::from(self.least) > rounding
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Split;
    use crate::rng::Rng;

    /// The mean and the spread of every channel.
    fn moments(data: &Dataset) -> Vec<(f32, f32)> {
        let (x, _) = data.tensors(Split::Train).unwrap();
        let axis = if data.shape().dims().len() == 2 { 2 } else { 1 };
        let by = x.transpose(0, axis).unwrap().contiguous().unwrap().flatten_from(1).unwrap();
        let (mean, var) = (by.mean(1).unwrap(), by.var(1).unwrap());
        let list = |t: Tensor| t.to_vec1::<f32>().unwrap();
        list(mean).into_iter().zip(list(var)).map(|(m, v)| (m, v.sqrt())).collect()
    }

    #[test]
    fn every_kind_of_input_is_standardised_by_its_channels() {
        let mut rng = Rng::new(1);
        for (shape, channels) in [(vec![6], 6), (vec![7, 3], 3), (vec![2, 4, 5], 2)] {
            let size: usize = shape.iter().product();
            let inner = if shape.len() == 3 { 20 } else { 1 };
            let mut value = |i: usize| {
                let c = ((i % size) / inner % channels) as f64;
                (100.0 * c + (1.0 + c) * rng.normal()) as f32
            };
            let x: Vec<f32> = (0..400 * size).map(&mut value).collect();
            let labels = (0..400).map(|i| i % 2).collect();
            let data = Dataset::classification("d", x, shape.clone(), labels, 2).unwrap();
            let data = data.standardised().unwrap();
            let found = moments(&data);
            assert_eq!(found.len(), channels, "{shape:?}");
            for (mean, spread) in found {
                assert!(mean.abs() < 1e-4 && (spread - 1.0).abs() < 1e-3, "{shape:?}");
            }
        }
    }

    #[test]
    fn standardised_data_are_what_they_always_were() {
        // Journals know these data by their fingerprints, so every bit counts.
        let data = Dataset::mnist1d().take(500);
        let scaled = data.standardised().unwrap();
        let of = |data: &Dataset, split| -> Vec<f32> {
            data.tensors(split).unwrap().0.flatten_all().unwrap().to_vec1().unwrap()
        };
        let train = of(&data, Split::Train);
        let n = train.len() as f64;
        let mean = train.iter().fold(0.0, |sum, &v| sum + f64::from(v)) / n;
        let square = train.iter().fold(0.0, |sum, &v| sum + (f64::from(v) - mean).powi(2));
        let scale = (square / (n - 1.0)).sqrt().recip();
        for split in [Split::Train, Split::Test] {
            let wanted: Vec<f32> =
                of(&data, split).iter().map(|&v| ((f64::from(v) - mean) * scale) as f32).collect();
            assert_eq!(of(&scaled, split), wanted);
        }
        // What a model is told yields the same numbers, also when applied twice.
        let twice = scaled.standardised().unwrap();
        for data in [&scaled, &twice] {
            let given: Vec<f64> = train.iter().map(|&v| v.into()).collect();
            let found = data.scaling().unwrap().narrow(&data.shape(), &given);
            let wanted = of(data, Split::Train);
            assert!(found.iter().zip(&wanted).all(|(a, b)| (a - b).abs() < 1e-5));
        }
    }

    #[test]
    fn what_never_changes_and_what_is_no_number() {
        let x = (0..20).flat_map(|i| [5.0, i as f32]).collect();
        let labels = (0..20).map(|i| i % 2).collect();
        let data = Dataset::classification("flat", x, [2], labels, 2).unwrap();
        assert_eq!(moments(&data.standardised().unwrap())[0], (0.0, 0.0));
        assert!(data.take(0).standardised().unwrap_err().to_string().contains("empty"));
        let e = Dataset::names().standardised().unwrap_err().to_string();
        assert!(e.contains("tokens") && e.contains("embedding"), "{e}");
    }
}
