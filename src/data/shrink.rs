//! Smaller inputs: the same images or sequences at a lower resolution.

use super::Dataset;
use crate::count::Count;
use crate::error::{Error, Result};
use crate::shape::Shape;
use crate::task::Task;

impl Dataset {
    /// The same samples at a lower resolution: images of `[C, H, W]` become `[C, H / factor, W / factor]`, and
    /// sequences of `[L, D]` `[L / factor, D]`, each value being the mean of `factor` by `factor` pixels or of `factor`
    /// steps. What does not fill a whole one at the end is left out.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// assert_eq!(Dataset::digits().shrunk(2)?.shape().dims(), [1, 4, 4]);
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// For data that are neither images nor sequences of numbers, or that would have nothing left.
    #[doc(alias("resize", "downsample"))]
    pub fn shrunk(&self, factor: impl Count) -> Result<Dataset> {
        let (factor, dims) = (factor.to_i64(), self.shape().dims());
        let d = &self.0;
        let tokens = matches!(d.task, Task::NextToken { .. }) || !d.symbols.is_empty();
        let sizes = match dims.len() {
            3 => Some(&dims[1..]),
            2 => Some(&dims[..1]),
            _ => None,
        };
        let sizes = sizes.filter(|_| !tokens);
        let Some(sizes) = sizes else {
            return Err(Error::invalid(
                format!("shrunk({factor}) of {}", self.line()),
                "images [C, H, W] and sequences of numbers [L, D] have a resolution",
                "train_share(0.25), which makes any data cheaper",
            ));
        };
        let least = sizes.iter().copied().min().unwrap_or(0);
        if factor < 1 || factor as usize > least {
            return Err(Error::invalid(
                format!("shrunk({factor}) of inputs of {}", self.shape()),
                format!("a factor from 1 to {least} is needed"),
                match least {
                    0 | 1 => "train_share(0.25), which makes any data cheaper",
                    _ => "shrunk(2)",
                },
            ));
        }
        let f = factor as usize;
        let x = match sizes.len() {
            1 => {
                let (n, l, features) = d.x.dims3()?;
                d.x.narrow(1, 0, l / f * f)?.reshape((n, l / f, f, features))?.mean(2)?
            }
            _ => d.x.avg_pool2d(f)?,
        };
        let shape = match *dims {
            [l, features] => Shape::new([l / f, features]),
            _ => Shape::new([dims[0], dims[1] / f, dims[2] / f]),
        };
        Ok(self.with(|d| {
            (d.x, d.shape) = (x, shape);
            d.name += &format!(", shrunk by {factor}");
            // Files would have to be shrunk as well.
            d.files = None;
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Split;

    #[test]
    fn values_are_means() {
        let x: Vec<f64> = (0..160).map(f64::from).collect();
        let labels: Vec<u32> = (0..10).map(|i| i % 2).collect();
        let images = Dataset::classification("x", x.clone(), [1, 4, 4], labels.clone(), 2).unwrap();
        let all = |data: &Dataset| -> Vec<f32> {
            let (x, _) = data.tensors(Split::TrainValidation).unwrap();
            let (y, _) = data.tensors(Split::Test).unwrap();
            let mut v = x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            v.extend(y.flatten_all().unwrap().to_vec1::<f32>().unwrap());
            v.sort_by(f32::total_cmp);
            v
        };
        let mean = |v: &[f32]| v.iter().sum::<f32>() / v.len() as f32;
        let small = images.shrunk(2).unwrap();
        assert_eq!(small.shape().dims(), [1, 2, 2]);
        assert_eq!(all(&small).len(), 40);
        assert!((mean(&all(&small)) - mean(&all(&images))).abs() < 1e-3);
        let series = Dataset::classification("x", x, [8, 2], labels, 2).unwrap();
        assert_eq!(series.shrunk(3).unwrap().shape().dims(), [2, 2]);
        let mnist1d = Dataset::mnist1d().take(50).shrunk(2).unwrap();
        assert_eq!(mnist1d.shape().dims(), [20, 1]);
        let error = series.shrunk(9).unwrap_err().to_string();
        assert!(error.contains("1 to 8"), "{error}");
        assert!(Dataset::names().shrunk(2).is_err());
    }
}
