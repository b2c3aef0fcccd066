//! The loops of batch normalisation for adjacent channels: features `[N, C]`, and sequences as
//! `[N L, C]`. The formulas are those of [`super::norm`]; here a row is a vector of channels, so the
//! loops run along it.

use super::simd::vectorised;

/// The numbers of one channel in the inner loops: `y = (x - mean) * scale + beta`.
#[derive(Clone, Copy)]
pub(super) struct Channel {
    pub(super) mean: f32,
    /// `1 / sqrt(var + eps)`
    pub(super) inv: f32,
    /// `gamma * inv`
    pub(super) scale: f32,
    pub(super) beta: f32,
    pub(super) relu: bool,
}

impl Channel {
    #[inline(always)]
    pub(super) fn value(&self, x: f32) -> f32 {
        let y = (x - self.mean) * self.scale + self.beta;
        if self.relu && y < 0.0 { 0.0 } else { y }
    }

    /// The gradient after the ReLU. The expression is that of `value`, so the mask is the same.
    #[inline(always)]
    pub(super) fn masked(&self, x: f32, g: f32) -> f32 {
        let y = (x - self.mean) * self.scale + self.beta;
        // With bits rather than a branch, which would be mispredicted every other time.
        let keep = u32::from(!self.relu || y > 0.0).wrapping_neg();
        f32::from_bits(g.to_bits() & keep)
    }
}

/// The contents of [`Channel`]s as vectors, so that registers are filled from neighbours.
pub(super) struct Channels {
    mean: Vec<f32>,
    scale: Vec<f32>,
    beta: Vec<f32>,
    /// A result below this becomes zero, and its gradient too.
    least: f32,
}

impl Channels {
    pub(super) fn new(channels: &[Channel]) -> Channels {
        let list = |f: fn(&Channel) -> f32| channels.iter().map(f).collect();
        let relu = channels.first().is_some_and(|ch| ch.relu);
        Channels {
            mean: list(|ch| ch.mean),
            scale: list(|ch| ch.scale),
            beta: list(|ch| ch.beta),
            least: if relu { 0.0 } else { f32::NEG_INFINITY },
        }
    }
}

/// The number of rows that are summed in `f32` before the sums continue in `f64`.
const ROWS: usize = 32;

vectorised! {
    /// Mean and biased variance of each channel.
    pub(super) fn stats(x: &[f32], mean: &mut [f64], var: &mut [f64]) {
        let c = mean.len();
        let (mut part, mut squares) = (vec![0f32; c], vec![0f32; c]);
        let mut count = 0f64;
        for chunk in x.chunks(ROWS * c) {
            let n = (chunk.len() / c) as f64;
            // Shifted by its first row, a chunk of equal numbers has a variance of exactly zero.
            let (shift, _) = chunk.split_at(c);
            part.fill(0.0);
            for row in chunk.chunks_exact(c) {
                for ((p, &v), &s) in part.iter_mut().zip(row).zip(shift) {
                    *p += v - s;
                }
            }
            for (p, &s) in part.iter_mut().zip(shift) {
                *p = s + *p / n as f32;
            }
            squares.fill(0.0);
            for row in chunk.chunks_exact(c) {
                for ((q, &v), &m) in squares.iter_mut().zip(row).zip(&part) {
                    *q += (v - m) * (v - m);
                }
            }
            // Chan's formula; `var` holds the sum of squares until the end.
            let total = count + n;
            for (((m, v), &p), &q) in mean.iter_mut().zip(var.iter_mut()).zip(&part).zip(&squares) {
                let delta = f64::from(p) - *m;
                *m += delta * n / total;
                *v += f64::from(q) + delta * delta * count * n / total;
            }
            count = total;
        }
        var.iter_mut().for_each(|v| *v /= count);
    }
}

vectorised! {
    pub(super) fn forward(x: &[f32], y: &mut [f32], channels: &Channels) {
        let c = channels.mean.len();
        let (mean, scale, beta) = (&channels.mean[..c], &channels.scale[..c], &channels.beta[..c]);
        let least = channels.least;
        for (x, y) in x.chunks_exact(c).zip(y.chunks_exact_mut(c)) {
            let (x, y) = (&x[..c], &mut y[..c]);
            for i in 0..c {
                let v = (x[i] - mean[i]) * scale[i] + beta[i];
                // In this order a NaN stays NaN.
                y[i] = if v < least { 0.0 } else { v };
            }
        }
    }
}

vectorised! {
    /// `sum g` and `sum g (x - mean)` of each channel.
    pub(super) fn sums(x: &[f32], g: &[f32], channels: &Channels, sum: &mut [f64], dot: &mut [f64]) {
        let c = channels.mean.len();
        let (mean, scale, beta) = (&channels.mean[..c], &channels.scale[..c], &channels.beta[..c]);
        let least = channels.least;
        let (mut s, mut d) = (vec![0f32; c], vec![0f32; c]);
        for (x, g) in x.chunks(ROWS * c).zip(g.chunks(ROWS * c)) {
            s.fill(0.0);
            d.fill(0.0);
            for (x, g) in x.chunks_exact(c).zip(g.chunks_exact(c)) {
                let (x, g, s, d) = (&x[..c], &g[..c], &mut s[..c], &mut d[..c]);
                for i in 0..c {
                    let y = (x[i] - mean[i]) * scale[i] + beta[i];
                    let g = if y > least { g[i] } else { 0.0 };
                    s[i] += g;
                    d[i] += g * (x[i] - mean[i]);
                }
            }
            for ((sum, dot), (&s, &d)) in sum.iter_mut().zip(dot.iter_mut()).zip(s.iter().zip(&d)) {
                *sum += f64::from(s);
                *dot += f64::from(d);
            }
        }
    }
}

vectorised! {
    /// `dx = scale * g - a - (x - mean) * b`, with an `a` and a `b` for each channel.
    pub(super) fn backward(
        x: &[f32],
        g: &[f32],
        dx: &mut [f32],
        channels: &Channels,
        ab: (&[f32], &[f32]),
    ) {
        let c = channels.mean.len();
        let (mean, scale, beta) = (&channels.mean[..c], &channels.scale[..c], &channels.beta[..c]);
        let (a, b, least) = (&ab.0[..c], &ab.1[..c], channels.least);
        for ((x, g), dx) in x.chunks_exact(c).zip(g.chunks_exact(c)).zip(dx.chunks_exact_mut(c)) {
            let (x, g, dx) = (&x[..c], &g[..c], &mut dx[..c]);
            for i in 0..c {
                let y = (x[i] - mean[i]) * scale[i] + beta[i];
                let g = if y > least { g[i] } else { 0.0 };
                dx[i] = scale[i] * g - a[i] - (x[i] - mean[i]) * b[i];
            }
        }
    }
}
