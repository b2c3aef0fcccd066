//! Batch normalisation of `[N, C, ..]` over everything but the channels, with an optional ReLU.
//!
//! With `M = N * S` numbers in a channel, mean `u`, biased variance `v` and `r = 1 / sqrt(v + eps)`:
//!
//! ```text
//! h = (x - u) r         y = gamma h + beta, or max(y, 0)          g = dL/dy where y > 0
//! dbeta = sum g         dgamma = sum g h
//! training:    dx = gamma r (g - dbeta / M - h dgamma / M)
//! evaluation:  dx = gamma r g             (u and v are the running averages, constants)
//! ```
//! (Ioffe and Szegedy, 2015.) A channel's statistics are computed row by row, in two passes over a row
//! that is then in the cache; rows are merged in `f64` by Chan's formula. This avoids cancellation and
//! reads memory once. The backward pass recomputes `h` and the mask of the ReLU instead of storing them.

use super::norm_columns::{self, Channel, Channels};
use super::operation::{Gradients, Input, Operation, apply3};
use super::simd::{self, vectorised};
use super::{Host, gradient, on_host, output, tensor};
use candle_core::{CpuStorage, DType, Result, Shape, Tensor, bail};
use std::sync::{Arc, OnceLock};

/// Normalises by the statistics of the batch: `x [N, C, ..]`, `gamma [C]`, `beta [C]`.
///
/// Returns the result, and the mean and the *unbiased* variance of the channels, `[C]` each, which
/// PyTorch's running averages use; on a GPU nothing waits for them. With `relu`, negative results become
/// zero.
pub(crate) fn batch_norm(
    x: &Tensor,
    gamma: &Tensor,
    beta: &Tensor,
    eps: f64,
    relu: bool,
) -> Result<(Tensor, Tensor, Tensor)> {
    let [n, c, s] = dims("batch_norm", x, &[gamma, beta])?;
    let m = n * s;
    if m < 2 {
        bail!("batch_norm: {:?} has {m} values per channel, training needs 2", x.shape());
    }
    let unbias = m as f64 / (m - 1) as f64;
    if !on_host(&[x, gamma, beta]) {
        return fallback(x, gamma, beta, eps, relu, unbias);
    }
    let cell = Arc::new(OnceLock::new());
    let op = BatchNorm { eps, relu, fixed: false, stats: cell.clone() };
    let y = apply3(x, gamma, beta, op)?;
    let Some(stats) = cell.get() else { bail!("batch_norm: no statistics for {c} channels") };
    let mean: Vec<f32> = stats.mean.iter().map(|&v| v as f32).collect();
    let var: Vec<f32> = stats.var.iter().map(|&v| (v * unbias) as f32).collect();
    Ok((y, tensor(mean, c)?, tensor(var, c)?))
}

/// Normalises by running averages, `[C]` each, which are constants to the gradient.
pub(crate) fn batch_norm_eval(
    x: &Tensor,
    gamma: &Tensor,
    beta: &Tensor,
    running_mean: &Tensor,
    running_var: &Tensor,
    eps: f64,
    relu: bool,
) -> Result<Tensor> {
    let [_, c, _] = dims("batch_norm_eval", x, &[gamma, beta, running_mean, running_var])?;
    if !on_host(&[x, gamma, beta]) {
        let shape = channel_shape(x, c);
        let constant = |t: &Tensor| t.detach().to_dtype(x.dtype())?.reshape(shape.as_slice());
        let (mean, var) = (constant(running_mean)?, constant(running_var)?);
        return normalise(x, &mean, &var, gamma, beta, eps, relu);
    }
    let read = |t: &Tensor| t.to_dtype(DType::F64)?.to_vec1::<f64>();
    let stats =
        Arc::new(OnceLock::from(Stats { mean: read(running_mean)?, var: read(running_var)? }));
    apply3(x, gamma, beta, BatchNorm { eps, relu, fixed: true, stats })
}

/// `[N, C, S]`, with `S` the product of the dimensions after the channels.
fn dims(name: &str, x: &Tensor, per_channel: &[&Tensor]) -> Result<[usize; 3]> {
    if x.rank() < 2 {
        bail!("{name}: {:?} is not [N, C, ..]", x.shape());
    }
    let d = x.dims();
    if let Some(bad) = per_channel.iter().find(|t| t.dims() != [d[1]]) {
        bail!("{name}: {:?} is not one number per channel of {:?}", bad.shape(), x.shape());
    }
    Ok([d[0], d[1], d[2..].iter().product()])
}

fn channel_shape(x: &Tensor, c: usize) -> Vec<usize> {
    let mut shape = vec![1; x.rank()];
    shape[1] = c;
    shape
}

fn normalise(
    x: &Tensor,
    mean: &Tensor,
    var: &Tensor,
    gamma: &Tensor,
    beta: &Tensor,
    eps: f64,
    relu: bool,
) -> Result<Tensor> {
    let shape = channel_shape(x, gamma.elem_count());
    let h = x.broadcast_sub(mean)?.broadcast_div(&(var + eps)?.sqrt()?)?;
    let y = h.broadcast_mul(&gamma.reshape(shape.as_slice())?)?;
    let y = y.broadcast_add(&beta.reshape(shape.as_slice())?)?;
    if relu { super::relu(&y) } else { Ok(y) }
}

fn fallback(
    x: &Tensor,
    gamma: &Tensor,
    beta: &Tensor,
    eps: f64,
    relu: bool,
    unbias: f64,
) -> Result<(Tensor, Tensor, Tensor)> {
    let axes: Vec<usize> = (0..x.rank()).filter(|&d| d != 1).collect();
    let mean = x.mean_keepdim(axes.as_slice())?;
    let var = x.broadcast_sub(&mean)?.sqr()?.mean_keepdim(axes.as_slice())?;
    let y = normalise(x, &mean, &var, gamma, beta, eps, relu)?;
    let flat = |t: &Tensor| t.detach().flatten_all()?.to_dtype(DType::F32);
    Ok((y, flat(&mean)?, flat(&(var.detach() * unbias)?)?))
}

/// Mean and biased variance of each channel.
struct Stats {
    mean: Vec<f64>,
    var: Vec<f64>,
}

struct BatchNorm {
    eps: f64,
    relu: bool,
    /// Whether the statistics are given (evaluation) or the batch's own (training).
    fixed: bool,
    /// Filled by the forward pass in training, from the start in evaluation.
    stats: Arc<OnceLock<Stats>>,
}

/// The rows of channel `c`, one for each sample, of `s` numbers each.
#[inline(always)]
fn rows(x: &[f32], [_, c_all, s]: [usize; 3], c: usize) -> impl Iterator<Item = &[f32]> {
    x.chunks_exact(c_all * s).map(move |sample| &sample[c * s..(c + 1) * s])
}

#[inline(always)]
fn rows_mut(
    x: &mut [f32],
    [_, c_all, s]: [usize; 3],
    c: usize,
) -> impl Iterator<Item = &mut [f32]> {
    x.chunks_exact_mut(c_all * s).map(move |sample| &mut sample[c * s..(c + 1) * s])
}

vectorised! {
    /// Mean and biased variance of channel `c`.
    fn channel_stats(x: &[f32], dims: [usize; 3], c: usize) -> (f64, f64) {
        let s = dims[2] as f64;
        if dims[2] < 8 {
            // The rows are too short for statistics of their own: two passes over all numbers.
            let all = || rows(x, dims, c).flatten().map(|&v| f64::from(v));
            let m = dims[0] as f64 * s;
            let mean = all().sum::<f64>() / m;
            return (mean, all().map(|v| (v - mean) * (v - mean)).sum::<f64>() / m);
        }
        let (mut count, mut mean, mut m2) = (0f64, 0f64, 0f64);
        for row in rows(x, dims, c) {
            // Shifted by its first number, a row of equal numbers has a variance of exactly zero.
            let shift = row[0];
            let row_mean = shift + simd::reduce(row, |v| v - shift) / s as f32;
            let row_m2 = simd::reduce(row, |v| (v - row_mean) * (v - row_mean));
            let delta = f64::from(row_mean) - mean;
            let total = count + s;
            mean += delta * s / total;
            m2 += f64::from(row_m2) + delta * delta * count * s / total;
            count = total;
        }
        (mean, m2 / count)
    }
}

vectorised! {
    fn channel_forward(x: &[f32], y: &mut [f32], dims: [usize; 3], c: usize, ch: Channel) {
        for (x, y) in rows(x, dims, c).zip(rows_mut(y, dims, c)) {
            if ch.relu {
                let ch = Channel { relu: true, ..ch };
                x.iter().zip(y).for_each(|(&x, y)| *y = ch.value(x));
            } else {
                let ch = Channel { relu: false, ..ch };
                x.iter().zip(y).for_each(|(&x, y)| *y = ch.value(x));
            }
        }
    }
}

vectorised! {
    /// `sum g` and `sum g (x - mean)` of channel `c`.
    fn channel_sums(x: &[f32], g: &[f32], dims: [usize; 3], c: usize, ch: Channel) -> (f64, f64) {
        let (mut sum, mut dot) = (0f64, 0f64);
        for (x, g) in rows(x, dims, c).zip(rows(g, dims, c)) {
            // Two loops over a row in the cache, because one loop for both sums is not vectorised.
            if ch.relu {
                let ch = Channel { relu: true, ..ch };
                sum += f64::from(simd::reduce2(x, g, |x, g| ch.masked(x, g)));
                dot += f64::from(simd::reduce2(x, g, |x, g| ch.masked(x, g) * (x - ch.mean)));
            } else {
                sum += f64::from(simd::reduce(g, |g| g));
                dot += f64::from(simd::reduce2(x, g, |x, g| g * (x - ch.mean)));
            }
        }
        (sum, dot)
    }
}

vectorised! {
    /// `dx = scale * g - a - (x - mean) * b` for channel `c`.
    fn channel_backward(
        x: &[f32],
        g: &[f32],
        dx: &mut [f32],
        dims: [usize; 3],
        c: usize,
        ch: Channel,
        ab: (f32, f32),
    ) {
        let (a, b) = ab;
        for ((x, g), dx) in rows(x, dims, c).zip(rows(g, dims, c)).zip(rows_mut(dx, dims, c)) {
            let lanes = x.iter().zip(g).zip(dx);
            if ch.relu {
                let ch = Channel { relu: true, ..ch };
                lanes.for_each(|((&x, &g), dx)| {
                    *dx = ch.scale * ch.masked(x, g) - a - (x - ch.mean) * b;
                });
            } else {
                lanes.for_each(|((&x, &g), dx)| *dx = ch.scale * g - a - (x - ch.mean) * b);
            }
        }
    }
}

impl BatchNorm {
    fn channels(&self, stats: &Stats, gamma: &[f32], beta: &[f32]) -> Vec<Channel> {
        let each = gamma.iter().zip(beta).enumerate();
        each.map(|(c, (&gamma, &beta))| self.channel(stats, c, gamma, beta)).collect()
    }

    fn channel(&self, stats: &Stats, c: usize, gamma: f32, beta: f32) -> Channel {
        let inv = 1.0 / (stats.var[c] + self.eps).sqrt();
        let scale = (f64::from(gamma) * inv) as f32;
        Channel { mean: stats.mean[c] as f32, inv: inv as f32, scale, beta, relu: self.relu }
    }
}

impl Operation<3> for BatchNorm {
    fn name(&self) -> &'static str {
        "batch-norm"
    }

    fn forward(&self, [x, gamma, beta]: [Input; 3]) -> Result<(CpuStorage, Shape)> {
        let (d, shape) = (x.shape.dims(), x.shape);
        let (x, gamma, beta) = (x.data, gamma.data, beta.data);
        let dims = [d[0], d[1], d[2..].iter().product()];
        let mut y = vec![0.0; x.len()];
        if x.is_empty() {
            return output(y, shape);
        }
        let mut stats = Stats { mean: vec![0.0; dims[1]], var: vec![0.0; dims[1]] };
        if dims[2] == 1 {
            if !self.fixed {
                norm_columns::stats(x, &mut stats.mean, &mut stats.var);
                let _ = self.stats.set(stats);
            }
            let Some(stats) = self.stats.get() else { bail!("batch-norm: no statistics") };
            let channels = Channels::new(&self.channels(stats, gamma, beta));
            norm_columns::forward(x, &mut y, &channels);
        } else if self.fixed {
            let Some(stats) = self.stats.get() else { bail!("batch-norm: no running averages") };
            for c in 0..dims[1] {
                let ch = self.channel(stats, c, gamma[c], beta[c]);
                channel_forward(x, &mut y, dims, c, ch);
            }
        } else {
            for c in 0..dims[1] {
                (stats.mean[c], stats.var[c]) = channel_stats(x, dims, c);
                let ch = self.channel(&stats, c, gamma[c], beta[c]);
                channel_forward(x, &mut y, dims, c, ch);
            }
            // The same operation is never applied twice, so the cell is empty.
            let _ = self.stats.set(stats);
        }
        output(y, shape)
    }

    fn backward(&self, [x, gamma, beta]: [&Tensor; 3], _: &Tensor, grad: &Tensor) -> Gradients<3> {
        let Some(stats) = self.stats.get() else { bail!("batch-norm: backward before forward") };
        let grad = grad.contiguous()?;
        let (x_host, g_host) = (Host::new(x)?, Host::new(&grad)?);
        let (gamma_host, beta_host) = (Host::new(gamma)?, Host::new(beta)?);
        let (xs, g) = (x_host.data()?, g_host.data()?);
        let (gammas, betas) = (gamma_host.data()?, beta_host.data()?);
        let dims = dims("batch-norm", x, &[gamma])?;
        let m = (dims[0] * dims[2]) as f64;
        let need_x = x.track_op();
        let mut dx = vec![0.0; if need_x { xs.len() } else { 0 }];
        let (mut dgamma, mut dbeta) = (vec![0f32; dims[1]], vec![0f32; dims[1]]);
        let channels = self.channels(stats, gammas, betas);
        // Sets the gradients of a channel from its sums, and returns the `a` and `b` of `dx`.
        let mut settle = |c: usize, sum: f64, dot: f64| {
            let (inv, scale) = (f64::from(channels[c].inv), f64::from(channels[c].scale));
            dbeta[c] = sum as f32;
            dgamma[c] = (dot * inv) as f32;
            match self.fixed {
                true => (0.0, 0.0),
                false => ((scale * sum / m) as f32, (scale * inv * inv * dot / m) as f32),
            }
        };
        if xs.is_empty() {
            // Nothing to add up.
        } else if dims[2] == 1 {
            let (mut sum, mut dot) = (vec![0f64; dims[1]], vec![0f64; dims[1]]);
            let columns = Channels::new(&channels);
            norm_columns::sums(xs, g, &columns, &mut sum, &mut dot);
            let ab = (0..dims[1]).map(|c| settle(c, sum[c], dot[c]));
            let (a, b): (Vec<f32>, Vec<f32>) = ab.unzip();
            if need_x {
                norm_columns::backward(xs, g, &mut dx, &columns, (&a, &b));
            }
        } else {
            for (c, &ch) in channels.iter().enumerate() {
                let (sum, dot) = channel_sums(xs, g, dims, c, ch);
                let ab = settle(c, sum, dot);
                if need_x {
                    channel_backward(xs, g, &mut dx, dims, c, ch, ab);
                }
            }
        }
        let [dgamma, dbeta] = [tensor(dgamma, gamma.shape())?, tensor(dbeta, beta.shape())?];
        Ok([gradient(x, dx)?, Some(dgamma), Some(dbeta)])
    }
}
