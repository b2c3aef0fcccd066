//! Weights that are slices of larger ones: a layer of 8 filters has the first 8 of the layer of 32 at its
//! place, and a kernel of 3 the middle of one of 5, as in slimmable networks (Yu et al., arXiv 1812.08928)
//! and once-for-all (Cai et al., arXiv 1908.09791).
//!
//! A network that has less than the whole gets a copy of its slice, and in a step the gradient of the copy
//! goes to where it was taken from. So no layer needs to know of it, and a space without such choices pays
//! nothing. The whole is as large as the largest that was asked for so far: it grows.

use candle_core::Tensor;

/// Where a slice begins along each dimension: filters and channels from the first on, in the other
/// dimensions (which are those of a kernel) so that the taps in the middle meet.
fn begins(part: &[usize], whole: &[usize]) -> Vec<usize> {
    let middle = |n: usize| n.saturating_sub(1) / 2;
    let one = |(axis, (&p, &w)): (usize, (&usize, &usize))| {
        if axis < 2 { 0 } else { middle(w) - middle(p) }
    };
    part.iter().zip(whole).enumerate().map(one).collect()
}

/// A slice of these dimensions.
pub(super) fn slice(whole: &Tensor, part: &[usize]) -> candle_core::Result<Tensor> {
    let begins = begins(part, whole.dims());
    let mut cut = whole.clone();
    for (axis, (&from, &size)) in begins.iter().zip(part).enumerate() {
        cut = cut.narrow(axis, from, size)?;
    }
    cut.copy()
}

/// These numbers as a slice of zeros.
pub(crate) fn within_zeros(part: &Tensor, whole: &[usize]) -> candle_core::Result<Tensor> {
    let begins = begins(part.dims(), whole);
    let mut padded = part.clone();
    for (axis, (&from, &size)) in begins.iter().zip(whole).enumerate() {
        let has = padded.dim(axis)?;
        if has != size {
            padded = padded.pad_with_zeros(axis, from, size - from - has)?;
        }
    }
    padded.contiguous()
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    fn numbers(dims: &[usize]) -> Vec<f32> {
        (0..dims.iter().product()).map(|i| i as f32).collect()
    }

    #[test]
    fn a_slice_is_the_first_channels_and_the_middle_of_the_kernel() {
        let whole = Tensor::from_vec(numbers(&[3, 2, 5]), (3, 2, 5), &Device::Cpu).unwrap();
        let part = slice(&whole, &[2, 1, 3]).unwrap();
        assert_eq!(part.to_vec3::<f32>().unwrap(), [[[1.0, 2.0, 3.0]], [[11.0, 12.0, 13.0]]]);
        let back = within_zeros(&part, &[3, 2, 5]).unwrap();
        assert_eq!(back.sum_all().unwrap().to_scalar::<f32>().unwrap(), 42.0);
        assert_eq!(
            slice(&back, &[2, 1, 3]).unwrap().to_vec3::<f32>().unwrap(),
            part.to_vec3::<f32>().unwrap()
        );
        assert_eq!(
            begins(&[1, 1, 2], &[1, 1, 3]),
            [0, 0, 1],
            "of an even kernel the tap before the middle"
        );
    }
}
