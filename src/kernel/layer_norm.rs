//! Layer and group normalisation: every group of a sample's numbers is normalised by its own statistics.
//!
//! A group is a row of `M` numbers with mean `u`, biased variance `v` and `r = 1 / sqrt(v + eps)`.
//! Layer normalisation has one row per position (or per sample), group normalisation one row per group
//! of channels; they differ only in which `gamma` and `beta` apply to an element:
//!
//! ```text
//! h = (x - u) r            y = gamma h + beta            g = dL/dy
//! dbeta = sum g            dgamma = sum g h              (over all elements that share them)
//! dx = r (e - sum e / M - h sum(e h) / M)                with e = gamma g, sums over the row
//! ```
//! (Ba, Kiros and Hinton, 2016; Wu and He, 2018.) The backward pass uses the stored mean and `r` of every
//! row, and recomputes `h`.

use super::math::{Math, Work, do_work};
use super::operation::{Gradients, Input, Operation, apply3};
use super::vector::Vector;
use super::{Host, gradient, on_host, output, tensor};
use candle_core::{CpuStorage, Result, Shape, Tensor, bail};
use std::borrow::Cow;
use std::sync::OnceLock;

/// Normalises over the last dimensions of `x [.., D]`, which are those of `gamma` and `beta`.
pub(crate) fn layer_norm(x: &Tensor, gamma: &Tensor, beta: &Tensor, eps: f64) -> Result<Tensor> {
    let d = gamma.dims();
    if d.is_empty() || !x.dims().ends_with(d) || beta.dims() != d {
        bail!(
            "layer_norm: gamma {:?} and beta {:?} must both be the last dimensions of {:?}",
            gamma.shape(),
            beta.shape(),
            x.shape()
        );
    }
    normalise(x, gamma, beta, Rows { groups: 1, channels: gamma.elem_count(), span: 1 }, eps)
}

/// Normalises every group of channels of `x [N, C, ..]`; `gamma [C]`, `beta [C]`.
pub(crate) fn group_norm(
    x: &Tensor,
    gamma: &Tensor,
    beta: &Tensor,
    groups: usize,
    eps: f64,
) -> Result<Tensor> {
    if x.rank() < 2 {
        bail!("group_norm: {:?} is not [N, C, ..]", x.shape());
    }
    let c = x.dims()[1];
    if let Some(bad) = [gamma, beta].iter().find(|t| t.dims() != [c]) {
        bail!("group_norm: {:?} is not one number per channel of {:?}", bad.shape(), x.shape());
    }
    if groups == 0 || !c.is_multiple_of(groups) {
        bail!("group_norm: {c} channels do not split into {groups} groups");
    }
    let span = x.dims()[2..].iter().product();
    normalise(x, gamma, beta, Rows { groups, channels: c / groups, span }, eps)
}

fn normalise(x: &Tensor, gamma: &Tensor, beta: &Tensor, rows: Rows, eps: f64) -> Result<Tensor> {
    if !on_host(&[x, gamma, beta]) {
        return fallback(x, gamma, beta, rows, eps);
    }
    apply3(x, gamma, beta, Normalise { rows, eps, stats: OnceLock::new() })
}

fn fallback(x: &Tensor, gamma: &Tensor, beta: &Tensor, rows: Rows, eps: f64) -> Result<Tensor> {
    let centred = x.reshape(((), rows.length()))?;
    let centred = centred.broadcast_sub(&centred.mean_keepdim(1)?)?;
    let var = centred.sqr()?.mean_keepdim(1)?;
    let h = centred.broadcast_div(&(var + eps)?.sqrt()?)?;
    let h = h.reshape(((), rows.groups * rows.channels, rows.span))?;
    let (gamma, beta) = (gamma.reshape((1, (), 1))?, beta.reshape((1, (), 1))?);
    h.broadcast_mul(&gamma)?.broadcast_add(&beta)?.reshape(x.shape())
}

/// The division of a sample into `groups` rows of `channels` runs of `span` numbers; a run shares its
/// gamma and its beta.
#[derive(Clone, Copy)]
struct Rows {
    groups: usize,
    channels: usize,
    span: usize,
}

/// Runs shorter than this are treated as single numbers, each with a copy of its gamma and beta.
const SHORT: usize = 8;

impl Rows {
    fn length(&self) -> usize {
        self.channels * self.span
    }

    /// The rows that the loops work on, and how many copies of each gamma they need.
    fn loops(self) -> (Rows, usize) {
        if self.span >= SHORT {
            return (self, 1);
        }
        (Rows { channels: self.length(), span: 1, ..self }, self.span)
    }
}

fn copies(values: &[f32], times: usize) -> Cow<'_, [f32]> {
    if times == 1 {
        return Cow::Borrowed(values);
    }
    Cow::Owned(values.iter().flat_map(|&v| std::iter::repeat_n(v, times)).collect())
}

struct Normalise {
    rows: Rows,
    eps: f64,
    /// The mean and `1 / sqrt(var + eps)` of every row, from the forward pass.
    stats: OnceLock<Vec<[f32; 2]>>,
}

/// The number of values of a row that are summed in `f32` before the sum continues in `f64`, so that the
/// sum over an image is as exact as that of a few features.
const PART: usize = 4096;

// Sums are written with registers, because the compiler would take one number at a time.

/// The sums of `x - shift` and of its square, over a part of a row.
#[inline(always)]
unsafe fn sums<V: Vector>(x: &[f32], shift: f32) -> [f32; 2] {
    let mut i = 0;
    // SAFETY: the caller's about the processor; every load ends within `x`.
    let [mut sum, mut square] = unsafe {
        let (one, minus) = (V::splat(1.0), V::splat(-shift));
        let (mut sum, mut square) = ([V::zero(); 2], [V::zero(); 2]);
        while i + 2 * V::LANES <= x.len() {
            for (n, (sum, square)) in sum.iter_mut().zip(&mut square).enumerate() {
                let x = V::load(x.as_ptr().wrapping_add(i + n * V::LANES));
                let x = minus.add_product(x, one);
                *sum = sum.add_product(x, one);
                *square = square.add_product(x, x);
            }
            i += 2 * V::LANES;
        }
        let both = |v: [V; 2]| v[0].add_product(v[1], one).sum();
        [both(sum), both(square)]
    };
    for &x in &x[i..] {
        let x = x - shift;
        sum += x;
        square += x * x;
    }
    [sum, square]
}

/// Mean and biased variance of a row.
#[inline(always)]
unsafe fn moments<V: Vector>(x: &[f32]) -> (f64, f64) {
    let m = x.len() as f64;
    // Shifted by its first number, a row of equal numbers has a variance of exactly zero; shifted
    // by the mean, nothing cancels.
    let shift = x[0];
    let (mut sum, mut square, mut rest) = (0f64, 0f64, 0f64);
    for part in x.chunks(PART) {
        // SAFETY: the caller's.
        sum += f64::from(unsafe { sums::<V>(part, shift) }[0]);
    }
    let mean = f64::from(shift) + sum / m;
    for part in x.chunks(PART) {
        // SAFETY: the caller's.
        let [r, s] = unsafe { sums::<V>(part, mean as f32) };
        rest += f64::from(r);
        square += f64::from(s);
    }
    // The mean was rounded; this corrects the variance for it.
    (mean, (square - rest * rest / m).max(0.0) / m)
}

struct Forward<'a> {
    x: &'a [f32],
    y: &'a mut [f32],
    gamma: &'a [f32],
    beta: &'a [f32],
    rows: Rows,
    eps: f64,
    stats: &'a mut [[f32; 2]],
}

impl Work for Forward<'_> {
    #[inline(always)]
    unsafe fn run<V: Math, const R: usize, const N: usize>(self) {
        let (rows, m, c) = (self.rows, self.rows.length(), self.rows.channels);
        let lines = self.x.chunks_exact(m).zip(self.y.chunks_exact_mut(m)).zip(self.stats);
        for (r, ((x, y), stats)) in lines.enumerate() {
            // SAFETY: the caller's.
            let (mean, var) = unsafe { moments::<V>(x) };
            let (mean, inv) = (mean as f32, (1.0 / (var + self.eps).sqrt()) as f32);
            *stats = [mean, inv];
            let from = r % rows.groups * c;
            let affine = self.gamma[from..from + c].iter().zip(&self.beta[from..from + c]);
            if rows.span == 1 {
                for ((y, &x), (&a, &b)) in y.iter_mut().zip(x).zip(affine) {
                    *y = (x - mean) * inv * a + b;
                }
            } else {
                let runs = x.chunks_exact(rows.span).zip(y.chunks_exact_mut(rows.span));
                for ((x, y), (&a, &b)) in runs.zip(affine) {
                    let scale = inv * a;
                    for (y, &x) in y.iter_mut().zip(x) {
                        *y = (x - mean) * scale + b;
                    }
                }
            }
        }
    }
}

/// `sum e` and `sum e h` of a row in which every number has its own gamma; adds the row's contribution to
/// `dgamma` and `dbeta`.
#[inline(always)]
unsafe fn row_sums<V: Vector>(
    [x, g, gamma]: [&[f32]; 3],
    [dgamma, dbeta]: [&mut [f32]; 2],
    [mean, inv]: [f32; 2],
) -> [f32; 2] {
    let n = x.len();
    assert!([g.len(), gamma.len(), dgamma.len(), dbeta.len()] == [n; 4]);
    let mut i = 0;
    // SAFETY: the caller's about the processor; the lengths are asserted.
    let [mut sum, mut dot] = unsafe {
        let (one, inv, minus) = (V::splat(1.0), V::splat(inv), V::splat(-mean));
        let (mut sum, mut dot) = (V::zero(), V::zero());
        while i + V::LANES <= n {
            let g = V::load(g.as_ptr().wrapping_add(i));
            let x = minus.add_product(V::load(x.as_ptr().wrapping_add(i)), one);
            let h = V::zero().add_product(x, inv);
            let e = V::zero().add_product(g, V::load(gamma.as_ptr().wrapping_add(i)));
            sum = sum.add_product(e, one);
            dot = dot.add_product(e, h);
            let (da, db) =
                (dgamma.as_mut_ptr().wrapping_add(i), dbeta.as_mut_ptr().wrapping_add(i));
            V::load(da).add_product(g, h).store(da);
            V::load(db).add_product(g, one).store(db);
            i += V::LANES;
        }
        [sum.sum(), dot.sum()]
    };
    let affine = dgamma[i..].iter_mut().zip(&mut dbeta[i..]);
    for (((&x, &g), &a), (da, db)) in x[i..].iter().zip(&g[i..]).zip(&gamma[i..]).zip(affine) {
        let h = (x - mean) * inv;
        sum += g * a;
        dot += g * a * h;
        *da += g * h;
        *db += g;
    }
    [sum, dot]
}

/// `sum g` and `sum g (x - mean)` over a run.
#[inline(always)]
unsafe fn run_sums<V: Vector>(x: &[f32], g: &[f32], mean: f32) -> [f32; 2] {
    let n = x.len().min(g.len());
    let mut i = 0;
    // SAFETY: the caller's about the processor; every load ends within both.
    let [mut sum, mut dot] = unsafe {
        let (one, minus) = (V::splat(1.0), V::splat(-mean));
        let (mut sum, mut dot) = (V::zero(), V::zero());
        while i + V::LANES <= n {
            let g = V::load(g.as_ptr().wrapping_add(i));
            let x = minus.add_product(V::load(x.as_ptr().wrapping_add(i)), one);
            sum = sum.add_product(g, one);
            dot = dot.add_product(g, x);
            i += V::LANES;
        }
        [sum.sum(), dot.sum()]
    };
    for (&x, &g) in x[i..].iter().zip(&g[i..]) {
        sum += g;
        dot += g * (x - mean);
    }
    [sum, dot]
}

/// Adds to `dgamma` and `dbeta`, and writes `dx` unless it is empty because it is not needed.
struct Backward<'a> {
    x: &'a [f32],
    g: &'a [f32],
    gamma: &'a [f32],
    dx: &'a mut [f32],
    dgamma: &'a mut [f32],
    dbeta: &'a mut [f32],
    rows: Rows,
    stats: &'a [[f32; 2]],
}

impl Work for Backward<'_> {
    #[inline(always)]
    unsafe fn run<V: Math, const R: usize, const N: usize>(self) {
        let (rows, m, c) = (self.rows, self.rows.length(), self.rows.channels);
        let lines = self.x.chunks_exact(m).zip(self.g.chunks_exact(m)).zip(self.stats);
        for (r, ((x, g), &[mean, inv])) in lines.enumerate() {
            let from = r % rows.groups * c;
            let gamma = &self.gamma[from..from + c];
            let dgamma = &mut self.dgamma[from..from + c];
            let dbeta = &mut self.dbeta[from..from + c];
            let [mut sum, mut dot] = [0f32; 2];
            if rows.span == 1 {
                // SAFETY: the caller's.
                [sum, dot] = unsafe { row_sums::<V>([x, g, gamma], [dgamma, dbeta], [mean, inv]) };
            } else {
                let runs = x.chunks_exact(rows.span).zip(g.chunks_exact(rows.span)).zip(gamma);
                for (((x, g), &a), (da, db)) in runs.zip(dgamma.iter_mut().zip(dbeta)) {
                    // SAFETY: the caller's.
                    let [s, d] = unsafe { run_sums::<V>(x, g, mean) };
                    *db += s;
                    *da += d * inv;
                    sum += a * s;
                    dot += a * d * inv;
                }
            }
            if self.dx.is_empty() {
                continue;
            }
            // dx = inv e - a - (x - mean) b
            let (a, b) = (inv * sum / m as f32, inv * inv * dot / m as f32);
            let dx = &mut self.dx[r * m..(r + 1) * m];
            if rows.span == 1 {
                for (((dx, &x), &g), &gamma) in dx.iter_mut().zip(x).zip(g).zip(gamma) {
                    *dx = inv * (g * gamma) - a - (x - mean) * b;
                }
            } else {
                let runs = x.chunks_exact(rows.span).zip(g.chunks_exact(rows.span));
                for (((x, g), dx), &gamma) in runs.zip(dx.chunks_exact_mut(rows.span)).zip(gamma) {
                    let scale = inv * gamma;
                    for ((dx, &x), &g) in dx.iter_mut().zip(x).zip(g) {
                        *dx = scale * g - a - (x - mean) * b;
                    }
                }
            }
        }
    }
}

impl Operation<3> for Normalise {
    fn name(&self) -> &'static str {
        "layer-norm"
    }

    fn forward(&self, [x, gamma, beta]: [Input; 3]) -> Result<(CpuStorage, Shape)> {
        let mut y = vec![0.0; x.data.len()];
        let mut stats = vec![];
        if !y.is_empty() {
            let (rows, times) = self.rows.loops();
            stats = vec![[0.0; 2]; y.len() / rows.length()];
            let (gamma, beta) = (copies(gamma.data, times), copies(beta.data, times));
            let (x, y, stats, eps) = (x.data, &mut y, &mut stats, self.eps);
            do_work(Forward { x, y, gamma: &gamma, beta: &beta, rows, eps, stats });
        }
        // The same operation is never applied twice, so the cell is empty.
        let _ = self.stats.set(stats);
        output(y, x.shape)
    }

    fn backward(&self, [x, gamma, beta]: [&Tensor; 3], _: &Tensor, grad: &Tensor) -> Gradients<3> {
        let Some(stats) = self.stats.get() else { bail!("layer-norm: backward before forward") };
        let grad = grad.contiguous()?;
        let (x_host, g_host, gamma_host) = (Host::new(x)?, Host::new(&grad)?, Host::new(gamma)?);
        let (xs, g) = (x_host.data()?, g_host.data()?);
        let mut dx = vec![0.0; if x.track_op() { xs.len() } else { 0 }];
        let (rows, times) = self.rows.loops();
        let mut affine = [(); 2].map(|_| vec![0f32; rows.groups * rows.channels]);
        if !xs.is_empty() {
            let [dgamma, dbeta] = &mut affine;
            let gamma = copies(gamma_host.data()?, times);
            let (x, dx, gamma) = (xs, &mut dx, &gamma);
            do_work(Backward { x, g, gamma, dx, dgamma, dbeta, rows, stats });
        }
        // The copies of a gamma share its gradient; without numbers there are no copies either.
        let [dgamma, dbeta] = affine.map(|d| match times {
            0 => vec![0.0; gamma.elem_count()],
            1 => d,
            _ => d.chunks_exact(times).map(|copies| copies.iter().sum()).collect(),
        });
        let [dgamma, dbeta] = [tensor(dgamma, gamma.shape())?, tensor(dbeta, beta.shape())?];
        Ok([gradient(x, dx)?, Some(dgamma), Some(dbeta)])
    }
}
