//! Augmentation: training samples that are a little different at every step.
//!
//! All of it happens in one pass over the batch, from one stream of random numbers named by the seed and
//! the step: the same step of the same training always sees the same samples, even after a resume.

use crate::count::Count;
use crate::error::{Error, Result};
use crate::rng::Rng;
use crate::shape::Shape;
use candle_core::{DType, Device, Tensor};
use serde::{Deserialize, Serialize};
use std::fmt;

/// How training samples are changed; see [`Train::augment`](crate::Train::augment).
///
/// | step | of | what | from |
/// |---|---|---|---|
/// | `crop(pad)` | images | zeros all round, then a window of the old size at a random place | He et al., arXiv 1512.03385 |
/// | `flip()` | images | left and right exchanged, half of the time | the same |
/// | `cutout(size)` | images | a square of zeros at a random place, which may reach over the edge | DeVries and Taylor, arXiv 1708.04552 |
/// | `shift(max)` | sequences | moved by up to `max` positions, zeros in the places that become free | |
/// | `noise(std)` | all numbers | a normal number added to each value | |
///
/// They are applied in this order, whatever the order in which they are called. Zero is the mean where
/// the data are [`standardised`](crate::Dataset::standardised), and black where they are not.
///
/// ```
/// use nascent::prelude::*;
/// let data = Dataset::digits();
/// let augment = Augment::new().crop(1).cutout(3).noise(0.05);
/// let space = Space::on(&data).then(conv(8, 3)).then(global_avg_pool());
/// let train = Train::on(&data).epochs(2).augment(augment);
/// train.evaluate(&space.default_architecture()?, &Budget::new(2, 2, 1))?;
///
/// // What it does to a batch:
/// let (x, _) = data.tensors(Split::Train)?;
/// let changed = augment.apply(&x.narrow(0, 0, 16)?, &mut Rng::new(1))?;
/// assert_eq!(changed.dims(), [16, 1, 8, 8]);
/// # Ok::<(), nascent::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[must_use = "methods return a new value and leave this one as it is"]
pub struct Augment {
    crop: i64,
    flip: bool,
    cutout: i64,
    shift: i64,
    noise: f64,
}

impl Augment {
    /// Nothing yet.
    pub fn new() -> Augment {
        Augment::default()
    }

    /// Images: `pad` rows and columns of zeros all round, then a random crop of the original size.
    pub fn crop(&self, pad: impl Count) -> Augment {
        Augment { crop: pad.to_i64(), ..*self }
    }

    /// Images: exchange left and right, half of the time.
    pub fn flip(&self) -> Augment {
        Augment { flip: true, ..*self }
    }

    /// Images: a square of zeros, `size` pixels on a side; its centre is a random pixel, so it may
    /// reach over the edge.
    pub fn cutout(&self, size: impl Count) -> Augment {
        Augment { cutout: size.to_i64(), ..*self }
    }

    /// Sequences: move by a random number of positions up to `max`, either way.
    pub fn shift(&self, max: impl Count) -> Augment {
        Augment { shift: max.to_i64(), ..*self }
    }

    /// Any numbers: add to each a normal number of this standard deviation.
    pub fn noise(&self, std: f64) -> Augment {
        Augment { noise: std, ..*self }
    }

    /// Whether nothing is changed.
    pub(crate) fn is_none(&self) -> bool {
        *self == Augment::default()
    }

    /// What is wrong with the settings for inputs of this shape.
    pub(crate) fn problems(&self, shape: &Shape) -> Vec<String> {
        let mut found = vec![];
        if self.is_none() {
            return found;
        }
        if shape.vocabulary().is_some() {
            return vec![format!("augment({self}): tokens are not numbers. Leave it out.")];
        }
        let dims = shape.as_slice();
        let wanted = |name: &str, wanted: &str| {
            format!(
                "augment({name}): it is for {wanted}, but the inputs are {shape}. Leave it out."
            )
        };
        let range = |name: &str, given: i64, most: usize| {
            format!("augment({name}({given})): inputs of {shape} allow 0 to {most}.")
        };
        for (name, given, less) in [("crop", self.crop, 1), ("cutout", self.cutout, 0)] {
            match *dims {
                _ if given == 0 => {}
                [_, h, w] => {
                    let most = h.min(w).saturating_sub(less);
                    if given < 0 || given > most as i64 {
                        found.push(range(name, given, most));
                    }
                }
                _ => found.push(wanted(name, "images [C, H, W]")),
            }
        }
        if self.flip && dims.len() != 3 {
            found.push(wanted("flip", "images [C, H, W]"));
        }
        match *dims {
            _ if self.shift == 0 => {}
            [length, _] => {
                let most = length.saturating_sub(1);
                if self.shift < 0 || self.shift > most as i64 {
                    found.push(range("shift", self.shift, most));
                }
            }
            _ => found.push(wanted("shift", "sequences [L, D]; images have crop")),
        }
        if !self.noise.is_finite() || self.noise < 0.0 {
            found.push(format!(
                "augment(noise({})): a standard deviation of at least 0.0 is needed. Try noise(0.1).",
                self.noise
            ));
        }
        found
    }

    /// A changed copy of a batch: images `[B, C, H, W]`, sequences `[B, L, D]` or vectors `[B, F]`
    /// of `f32`. The same stream yields the same changes.
    ///
    /// # Errors
    /// When a step does not suit inputs of this shape.
    pub fn apply(&self, batch: &Tensor, rng: &mut Rng) -> Result<Tensor> {
        let (dims, device) = (batch.dims(), batch.device().clone());
        let [_, sample @ ..] = dims else {
            return Err(Error::invalid("a scalar", "a batch is needed", "x of data.tensors(...)"));
        };
        if batch.dtype() != DType::F32 {
            return Err(Error::invalid(
                format!("a batch of {:?}", batch.dtype()),
                "numbers of f32 are needed",
                "x.to_dtype(DType::F32)?",
            ));
        }
        match &self.problems(&Shape::new(sample.iter().copied()))[..] {
            [] => {}
            problems => return Err(Error::all("the augmentation", problems)),
        }
        let x = batch.to_device(&Device::Cpu)?.flatten_all()?.to_vec1::<f32>()?;
        let mut out = match *sample {
            [c, h, w] if self.crop != 0 || self.flip || self.cutout != 0 => {
                self.images(&x, [c, h, w], rng)
            }
            [l, d] if self.shift != 0 => self.sequences(&x, [l, d], rng),
            _ => x,
        };
        if self.noise > 0.0 {
            add_noise(&mut out, self.noise, rng);
        }
        Ok(Tensor::from_vec(out, dims, &Device::Cpu)?.to_device(&device)?)
    }

    fn images(&self, x: &[f32], [c, h, w]: [usize; 3], rng: &mut Rng) -> Vec<f32> {
        let mut out = vec![0.0; x.len()];
        let size = (c * h * w).max(1);
        for (from, to) in x.chunks_exact(size).zip(out.chunks_exact_mut(size)) {
            let (down, right) = (within(self.crop, rng), within(self.crop, rng));
            let flip = self.flip && rng.below(2) == 1;
            let (rows, source) = overlap(h, down);
            let (columns, first) = overlap(w, right);
            // What stays in the picture is copied row by row.
            for plane in 0..c {
                for (i, row) in rows.clone().enumerate() {
                    let line = &from[(plane * h + source + i) * w..][first..first + columns.len()];
                    let into = &mut to[(plane * h + row) * w..][..w];
                    if flip {
                        let turned = into[w - columns.end..w - columns.start].iter_mut().rev();
                        turned.zip(line).for_each(|(a, b)| *a = *b);
                    } else {
                        into[columns.clone()].copy_from_slice(line);
                    }
                }
            }
            if self.cutout > 0 {
                let size = self.cutout as usize;
                let cut = |n: usize, rng: &mut Rng| {
                    let start = rng.below(n) as i64 - (size / 2) as i64;
                    start.max(0) as usize..((start + size as i64).max(0) as usize).min(n)
                };
                let (rows, columns) = (cut(h, rng), cut(w, rng));
                for plane in 0..c {
                    for row in rows.clone() {
                        to[(plane * h + row) * w..][columns.clone()].fill(0.0);
                    }
                }
            }
        }
        out
    }

    fn sequences(&self, x: &[f32], [l, d]: [usize; 2], rng: &mut Rng) -> Vec<f32> {
        let mut out = vec![0.0; x.len()];
        let size = (l * d).max(1);
        for (from, to) in x.chunks_exact(size).zip(out.chunks_exact_mut(size)) {
            let (into, first) = overlap(l, within(self.shift, rng));
            to[into.start * d..into.end * d].copy_from_slice(&from[first * d..][..into.len() * d]);
        }
        out
    }
}

/// A whole number from `-most` to `most`, all equally likely.
fn within(most: i64, rng: &mut Rng) -> i64 {
    if most == 0 { 0 } else { rng.below(2 * most as usize + 1) as i64 - most }
}

/// Which of `n` places still have a value once all are moved by `by`, and the place that the first of
/// these values comes from.
fn overlap(n: usize, by: i64) -> (std::ops::Range<usize>, usize) {
    let far = (by.unsigned_abs() as usize).min(n);
    if by >= 0 { (far..n, 0) } else { (0..n - far, far) }
}

/// Adds normal numbers, two from each pair of uniform ones (Box and Muller).
fn add_noise(values: &mut [f32], std: f64, rng: &mut Rng) {
    for pair in values.chunks_mut(2) {
        let radius = std * (-2.0 * (1.0 - rng.uniform()).ln()).sqrt();
        let (sin, cos) = (2.0 * std::f64::consts::PI * rng.uniform()).sin_cos();
        pair[0] += (radius * cos) as f32;
        if let Some(second) = pair.get_mut(1) {
            *second += (radius * sin) as f32;
        }
    }
}

impl fmt::Display for Augment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps = [
            (self.crop != 0, format!("crop({})", self.crop)),
            (self.flip, "flip".to_string()),
            (self.cutout != 0, format!("cutout({})", self.cutout)),
            (self.shift != 0, format!("shift({})", self.shift)),
            (self.noise != 0.0, format!("noise({})", self.noise)),
        ];
        let done: Vec<String> =
            steps.into_iter().filter(|step| step.0).map(|step| step.1).collect();
        f.write_str(&if done.is_empty() { "nothing".to_string() } else { done.join(", ") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(augment: Augment, dims: &[usize], seed: u64) -> (Vec<f32>, Vec<f32>) {
        let n: usize = dims.iter().product();
        let x: Vec<f32> = (1..=n).map(|i| i as f32).collect();
        let batch = Tensor::from_vec(x.clone(), dims, &Device::Cpu).unwrap();
        let out = augment.apply(&batch, &mut Rng::from_u64(seed)).unwrap();
        assert_eq!(out.dims(), dims);
        (x, out.flatten_all().unwrap().to_vec1().unwrap())
    }

    #[test]
    fn a_crop_is_a_window_of_the_padded_image() {
        let (b, c, h, w, pad) = (64, 2, 4, 5, 2);
        let mut seen = std::collections::BTreeSet::new();
        for flip in [false, true] {
            let augment = Augment::new().crop(pad);
            let augment = if flip { augment.flip() } else { augment };
            let (x, out) = apply(augment, &[b, c, h, w], 3);
            for (from, to) in x.chunks(c * h * w).zip(out.chunks(c * h * w)) {
                // Which of all crops, turned or not, is it? Exactly one.
                let window = |down: i64, right: i64, turned: bool| -> Vec<f32> {
                    let at = |p: usize, y: i64, x: i64| {
                        let inside = (0..h as i64).contains(&y) && (0..w as i64).contains(&x);
                        if inside { from[(p * h + y as usize) * w + x as usize] } else { 0.0 }
                    };
                    let mut all = vec![];
                    for p in 0..c {
                        for y in 0..h as i64 {
                            for x in 0..w as i64 {
                                let x = if turned { w as i64 - 1 - x } else { x };
                                all.push(at(p, y - down, x - right));
                            }
                        }
                    }
                    all
                };
                let mut hits = 0;
                for down in -pad..=pad {
                    for right in -pad..=pad {
                        for turned in [false, true] {
                            if window(down, right, turned) == to && (flip || !turned) {
                                hits += 1;
                                seen.insert((down, right, turned));
                            }
                        }
                    }
                }
                assert_eq!(hits, 1);
            }
        }
        assert!(seen.len() > 35, "{} of 50", seen.len());
    }

    #[test]
    fn cutout_is_one_square() {
        let (x, out) = apply(Augment::new().cutout(3), &[200, 2, 6, 7], 1);
        let mut sizes = std::collections::BTreeSet::new();
        for (from, to) in x.chunks(84).zip(out.chunks(84)) {
            let gone: Vec<usize> = (0..84).filter(|&i| to[i] == 0.0).collect();
            assert!((0..84).all(|i| to[i] == 0.0 || to[i] == from[i]));
            let (first, second) = gone.split_at(gone.len() / 2);
            assert!(first.iter().zip(second).all(|(a, b)| a + 42 == *b), "the same in both planes");
            let rows: Vec<usize> = first.iter().map(|i| i / 7).collect();
            let columns: Vec<usize> = first.iter().map(|i| i % 7).collect();
            let span = |v: &[usize]| v.iter().max().unwrap() - v.iter().min().unwrap() + 1;
            assert_eq!(span(&rows) * span(&columns), first.len());
            sizes.insert((span(&rows), span(&columns)));
        }
        assert_eq!(sizes.into_iter().collect::<Vec<_>>(), [(2, 2), (2, 3), (3, 2), (3, 3)]);
    }

    #[test]
    fn shifts_and_noise() {
        let (x, out) = apply(Augment::new().shift(3), &[100, 8, 2], 1);
        let mut seen = std::collections::BTreeSet::new();
        for (from, to) in x.chunks(16).zip(out.chunks(16)) {
            let by = (-3i64..=3).find(|by| {
                (0..8).all(|l| {
                    let source = l - by;
                    let want = |d: i64| match (0..8).contains(&source) {
                        true => from[(2 * source + d) as usize],
                        false => 0.0,
                    };
                    (0..2).all(|d| to[(2 * l + d) as usize] == want(d))
                })
            });
            seen.insert(by.unwrap());
        }
        assert_eq!(seen.len(), 7);
        let (x, out) = apply(Augment::new().noise(0.5), &[101, 999], 1);
        let gaps: Vec<f64> = x.iter().zip(&out).map(|(a, b)| f64::from(b - a)).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let spread = (gaps.iter().map(|g| g * g).sum::<f64>() / gaps.len() as f64).sqrt();
        assert!(mean.abs() < 0.01 && (spread - 0.5).abs() < 0.01, "{mean} {spread}");
    }

    #[test]
    fn the_stream_decides_and_nothing_else() {
        let all = Augment::new().crop(2).flip().cutout(3).noise(0.1);
        assert_eq!(apply(all, &[4, 1, 8, 8], 1).1, apply(all, &[4, 1, 8, 8], 1).1);
        assert_ne!(apply(all, &[4, 1, 8, 8], 1).1, apply(all, &[4, 1, 8, 8], 2).1);
        let (x, same) = apply(Augment::new(), &[4, 1, 8, 8], 1);
        assert_eq!(x, same);
        assert_eq!(all.to_string(), "crop(2), flip, cutout(3), noise(0.1)");
        assert_eq!(Augment::new().to_string(), "nothing");
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let image = Shape::new([3, 8, 6]);
        let told = |a: Augment, s: &Shape| a.problems(s).join(" ");
        assert_eq!(told(Augment::new().crop(5).cutout(6).flip().noise(1.0), &image), "");
        assert!(told(Augment::new().crop(6), &image).contains("0 to 5"));
        assert!(told(Augment::new().crop(-1), &image).contains("0 to 5"));
        assert!(told(Augment::new().cutout(7), &image).contains("0 to 6"));
        assert!(told(Augment::new().shift(1), &image).contains("sequences"));
        assert!(told(Augment::new().noise(f64::NAN), &image).contains("noise(NaN)"));
        assert!(told(Augment::new().noise(-1.0), &image).contains("noise(-1)"));
        let e = told(Augment::new().crop(1).flip().cutout(1), &Shape::new([9]));
        assert_eq!(e.matches("images").count(), 3, "{e}");
        assert!(told(Augment::new().shift(9), &Shape::new([9, 2])).contains("0 to 8"));
        assert!(told(Augment::new().noise(0.1), &Shape::tokens(9, 3)).contains("tokens"));
        assert_eq!(told(Augment::new(), &Shape::tokens(9, 3)), "");
        let tokens = Tensor::zeros((2, 3), DType::U32, &Device::Cpu).unwrap();
        assert!(Augment::new().noise(0.1).apply(&tokens, &mut Rng::new(1)).is_err());
        let scalar = Tensor::new(1f32, &Device::Cpu).unwrap();
        assert!(Augment::new().apply(&scalar, &mut Rng::new(1)).is_err());
        let none = Tensor::zeros((0, 3, 8, 8), DType::F32, &Device::Cpu).unwrap();
        assert!(Augment::new().crop(1).apply(&none, &mut Rng::new(1)).is_ok());
    }
}
