//! The loops of batch normalisation where the channels lie side by side: features `[N, C]`, and
//! sequences seen as `[N L, C]`. The formulas are those of [`super::norm`]; a row is a vector of
//! channels here, so the loops run along it.

use super::norm::Channel;
use super::simd::vectorised;

/// Rows that are summed in `f32` before they go to the sums in `f64`.
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
    pub(super) fn forward(x: &[f32], y: &mut [f32], channels: &[Channel]) {
        let c = channels.len();
        for (x, y) in x.chunks_exact(c).zip(y.chunks_exact_mut(c)) {
            for ((y, &x), ch) in y.iter_mut().zip(x).zip(channels) {
                *y = ch.value(x);
            }
        }
    }
}

vectorised! {
    /// `sum g` and `sum g (x - mean)` of each channel.
    pub(super) fn sums(x: &[f32], g: &[f32], channels: &[Channel], sum: &mut [f64], dot: &mut [f64]) {
        let c = channels.len();
        let (mut s, mut d) = (vec![0f32; c], vec![0f32; c]);
        for (x, g) in x.chunks(ROWS * c).zip(g.chunks(ROWS * c)) {
            s.fill(0.0);
            d.fill(0.0);
            for (x, g) in x.chunks_exact(c).zip(g.chunks_exact(c)) {
                let lanes = s.iter_mut().zip(d.iter_mut()).zip(channels);
                for (((s, d), ch), (&x, &g)) in lanes.zip(x.iter().zip(g)) {
                    let g = ch.masked(x, g);
                    *s += g;
                    *d += g * (x - ch.mean);
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
        channels: &[Channel],
        ab: &[(f32, f32)],
    ) {
        let c = channels.len();
        for ((x, g), dx) in x.chunks_exact(c).zip(g.chunks_exact(c)).zip(dx.chunks_exact_mut(c)) {
            let lanes = dx.iter_mut().zip(channels).zip(ab);
            for (((dx, ch), (a, b)), (&x, &g)) in lanes.zip(x.iter().zip(g)) {
                *dx = ch.scale * ch.masked(x, g) - a - (x - ch.mean) * b;
            }
        }
    }
}
