//! The 8x8 digits: "Optical Recognition of Handwritten Digits", E. Alpaydin and C. Kaynak, 1998,
//! UCI Machine Learning Repository, CC BY 4.0; the 1,797 samples of scikit-learn's copy.
//!
//! `digits.bin` holds 65 bytes per sample: 64 pixels from 0 to 16, then the class.

use super::{Dataset, Values};
use crate::shape::Shape;
use crate::task::Task;

static DIGITS: &[u8] = include_bytes!("digits.bin");

pub(super) fn load() -> Dataset {
    let n = DIGITS.len() / 65;
    let (mut x, mut labels) = (Vec::with_capacity(64 * n), Vec::with_capacity(n));
    for sample in DIGITS.chunks_exact(65) {
        x.extend(sample[..64].iter().map(|&p| f32::from(p) / 16.0));
        labels.push(u32::from(sample[64]));
    }
    let shape = Shape::new([1, 8, 8]);
    // The file is part of the program, and a test reads it: this cannot fail.
    Dataset::labelled("digits", Task::classification(10), shape, Values::Numbers(x), labels, None)
        .expect("the embedded digits are complete")
}
