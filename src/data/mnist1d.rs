//! MNIST-1D: ten classes of short signals, drawn from templates that resemble handwritten digits as
//! lines, and then padded, stretched, scaled, shifted, sheared and blurred with noise.
//!
//! Sam Greydanus and Dmitry Kobak, "Scaling Down Deep Learning with MNIST-1D", arXiv 2011.14439.
//! The data were generated once by the authors' package `mnist1d` (PyPI, Apache-2.0), with its
//! defaults and seed 42; `make_mnist1d.py` beside this file is the script, `LICENSES.md` the notice.
//! In the paper a linear model reaches 32 % on such data, an MLP 68 %, a GRU 91 %, a convolutional
//! network 94 %, and people 96 %.
//!
//! `mnist1d.bin` holds 81 bytes per sample: 40 numbers as 16-bit integers (little-endian, in units of
//! 1/4096), then the class. Rounding moves a value by at most 1/8192 = 0.00012; the values have a
//! standard deviation of 1.

use super::{Dataset, Values};
use crate::shape::Shape;
use crate::task::Task;

static SAMPLES: &[u8] = include_bytes!("mnist1d.bin");

/// The package's own test split begins here.
const TEST: usize = 4000;

impl Dataset {
    /// MNIST-1D: 5,000 signals of 40 numbers in 10 classes, as sequences `[40, 1]` (arXiv
    /// 2011.14439), embedded in the crate. Small enough to search in seconds, yet it tells
    /// linear, fully connected, recurrent and convolutional networks well apart.
    ///
    /// The test split is the 1,000 samples that the authors' package sets aside; the other 4,000
    /// are 3,200 training and 800 validation samples.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let data = Dataset::mnist1d();
    /// assert_eq!((data.shape().dims(), data.sizes()), (vec![40, 1], (3200, 800, 1000)));
    /// ```
    pub fn mnist1d() -> Dataset {
        let n = SAMPLES.len() / 81;
        let (mut x, mut labels) = (Vec::with_capacity(40 * n), Vec::with_capacity(n));
        for sample in SAMPLES.chunks_exact(81) {
            let values = sample[..80].chunks_exact(2);
            x.extend(values.map(|b| f32::from(i16::from_le_bytes([b[0], b[1]])) / 4096.0));
            labels.push(u32::from(sample[80]));
        }
        let (task, shape) = (Task::classification(10), Shape::new([40, 1]));
        // The file is part of the program, and a test reads it: this cannot fail.
        Dataset::labelled("mnist1d", task, shape, Values::Numbers(x), labels, Some(TEST))
            .expect("the embedded signals are complete")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Split;

    #[test]
    fn the_values_are_those_of_the_package() {
        // What make_mnist1d.py prints.
        let first = [-0.33200567, -0.47191037, -0.77869708, -1.00974083];
        let last = [0.44723289, 0.65987565, 0.87773435, 1.19315184];
        let (data, error) = (Dataset::mnist1d(), 1.0 / 8192.0 + 1e-7);
        let (x, y) = data.on(&candle_core::Device::Cpu).unwrap();
        let (x, y) =
            (x.flatten_all().unwrap().to_vec1::<f32>().unwrap(), y.to_vec1::<u32>().unwrap());
        for (&ours, theirs) in x[..4].iter().zip(first).chain(x[199_996..].iter().zip(last)) {
            assert!((f64::from(ours) - theirs).abs() <= error, "{ours} {theirs}");
        }
        assert_eq!((x.len(), y[0], y[4999]), (200_000, 2, 4));
        let sum: f64 = x.iter().map(|&v| f64::from(v)).sum();
        let square: f64 = x.iter().map(|&v| f64::from(v).powi(2)).sum();
        assert!(sum.abs() < 1.0 && (square - 200_000.0).abs() < 1.0, "{sum} {square}");
        assert_eq!(data.indices(Split::Test), (4000..5000).collect::<Vec<u32>>());
    }
}
