//! Standardised inputs: mean 0 and standard deviation 1, since networks want inputs of about that
//! size.

use super::Dataset;
use crate::error::{Error, Result};
use candle_core::{Device, Tensor};

impl Dataset {
    /// The same inputs with mean 0 and standard deviation 1, as measured on the training split: for
    /// every feature of a vector `[F]`, every feature of a sequence `[L, D]` over all its
    /// positions, every channel of an image `[C, H, W]`. What never changes is only moved to 0.
    ///
    /// Splits that are made afterwards do not measure again: make them first.
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
                "tokens are no numbers",
                "embedding(...) in the space",
            ));
        }
        if d.train.is_empty() {
            return Err(Error::invalid(
                given(),
                "the training split is empty, there is nothing to measure",
                "more samples",
            ));
        }
        // Channels come first in an image and last in a sequence; `inner` values of one channel lie
        // side by side.
        let (channels, inner) = match *d.shape.as_slice() {
            [features] | [_, features] => (features, 1),
            [channels, ref rest @ ..] => (channels, rest.iter().product()),
            [] => (1, 1),
        };
        let channel = |i: usize| (i / inner) % channels;
        let mut x = d.x.flatten_all()?.to_vec1::<f32>()?;
        let size = d.shape.elements();
        let train = || d.train.iter().map(|&i| &x[i as usize * size..][..size]);

        // Two passes in f64: sums of millions of f32 would lose the digits that matter.
        let n = (d.train.len() * size / channels.max(1)) as f64;
        let (mut mean, mut square) = (vec![0.0f64; channels], vec![0.0f64; channels]);
        for sample in train() {
            sample.iter().enumerate().for_each(|(i, &v)| mean[channel(i)] += f64::from(v));
        }
        mean.iter_mut().for_each(|m| *m /= n);
        for sample in train() {
            for (i, &v) in sample.iter().enumerate() {
                square[channel(i)] += (f64::from(v) - mean[channel(i)]).powi(2);
            }
        }
        let scale = |s: f64| if s > 1e-12 { s.recip() } else { 1.0 };
        let scales: Vec<f64> =
            square.iter().map(|q| scale((q / (n - 1.0).max(1.0)).sqrt())).collect();
        for (i, v) in x.iter_mut().enumerate() {
            let c = channel(i % size);
            *v = ((f64::from(*v) - mean[c]) * scales[c]) as f32;
        }
        let x = Tensor::from_vec(x, d.x.dims(), &Device::Cpu)?;
        Ok(self.with(|d| {
            d.name += ", standardised";
            d.x = x;
            d.scaled = true;
        }))
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
