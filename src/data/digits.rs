//! The 8x8 digits: "Optical Recognition of Handwritten Digits", E. Alpaydin and C. Kaynak, 1998,
//! UCI Machine Learning Repository, CC BY 4.0; the 1,797 samples of scikit-learn's copy.
//!
//! `digits.bin` holds 65 bytes a sample: 64 pixels from 0 to 16, then the class.

use super::Dataset;
use crate::arch::Shape;
use crate::task::Task;
use candle_core::{Device, Tensor};

static DIGITS: &[u8] = include_bytes!("digits.bin");

pub(super) fn load() -> Dataset {
    let n = DIGITS.len() / 65;
    let (mut x, mut labels) = (Vec::with_capacity(64 * n), Vec::with_capacity(n));
    for sample in DIGITS.chunks_exact(65) {
        x.extend(sample[..64].iter().map(|&p| f32::from(p) / 16.0));
        labels.push(u32::from(sample[64]));
    }
    let shape = Shape::new([1, 8, 8]);
    let tensors = Tensor::from_vec(x, shape.batch(n), &Device::Cpu)
        .and_then(|x| Ok((x, Tensor::from_vec(labels.clone(), n, &Device::Cpu)?)));
    // The sizes are those of the embedded file: this cannot fail once the tests have passed.
    let (x, y) = tensors.expect("the embedded digits are complete");
    Dataset::stratified("digits", Task::classification(10), shape, x, y, &labels)
}
