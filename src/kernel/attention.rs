//! Multi-head scaled dot-product attention, `softmax(Q K^T / sqrt(d) + mask) V`, in one operation.
//!
//! Queries, keys and values come packed, as a single projection produces them: `[N, L, 3 D]`, where each
//! `D` holds `H` heads of `d` numbers. For one head, with `s = 1 / sqrt(d)` and `G = dL/dO`:
//!
//! ```text
//! P = softmax(s Q K^T)       O = P V
//! dV = P^T G                 dP = G V^T             t = rows' sums of G * O
//! dS = s P * (dP - t)        dQ = dS K              dK = dS^T Q
//! ```
//! (Vaswani et al., 2017; the backward pass with `t` is that of FlashAttention, Dao et al., 2022.)
//!
//! Queries are processed in blocks. The scores of a block stay in the cache and are never stored: the
//! backward pass computes them again, from the largest score and the sum that the forward pass keeps for
//! every row, so memory grows linearly with L, not quadratically. A query sees the beginning of the
//! sequence, up to its *limit*; masked keys are left out rather than given a score of minus infinity.

use super::activation::exp;
use super::simd::{self, vectorised};
use super::small::{WIDE, product};
use super::{Host, Matrix, on_host, operand, output, tensor};
use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};
use std::sync::OnceLock;

/// Attention over `qkv [N, L, 3 D]`, which returns `[N, L, D]`.
///
/// With `causal` no position sees a later one. `ends` has one length per sample: later keys are padding
/// and not seen, and later outputs are meaningless; if a length is 0, they are zero.
pub(crate) fn attention(
    qkv: &Tensor,
    heads: usize,
    causal: bool,
    ends: Option<&[u32]>,
) -> Result<Tensor> {
    let (n, l, width) = qkv.dims3()?;
    if heads == 0 || !width.is_multiple_of(3 * heads) {
        bail!("attention: {:?} is not [N, L, 3 D] with a D of {heads} heads", qkv.shape());
    }
    if let Some(ends) = ends {
        if ends.len() != n {
            bail!("attention: {} lengths for {n} samples", ends.len());
        }
        if let Some(bad) = ends.iter().find(|&&e| e as usize > l) {
            bail!("attention: a sample of length {bad} in sequences of {l}");
        }
    }
    let ends: Option<Vec<usize>> = ends.map(|e| e.iter().map(|&e| e as usize).collect());
    let mask = Mask { causal, ends, length: l };
    if !on_host(&[qkv]) {
        return fallback(qkv, heads, &mask);
    }
    qkv.contiguous()?.apply_op1(Attention { heads, mask, stats: OnceLock::new() })
}

fn fallback(qkv: &Tensor, heads: usize, mask: &Mask) -> Result<Tensor> {
    let (n, l, width) = qkv.dims3()?;
    let d = width / 3 / heads;
    let parts = qkv.reshape((n, l, 3, heads, d))?.permute((2, 0, 3, 1, 4))?;
    let part = |i: usize| parts.get(i)?.contiguous();
    let (q, k, v) = (part(0)?, part(1)?, part(2)?);
    let mut scores = (q.matmul(&k.t()?.contiguous()?)? * (1.0 / (d as f64).sqrt()))?;
    let keep = mask.keep(n, qkv)?;
    if let Some(keep) = &keep {
        // Lower than any score, but finite: rows without any key must not become NaN.
        scores = scores.broadcast_add(&keep.affine(1e30, -1e30)?)?;
    }
    let mut p = candle_nn::ops::softmax(&scores, 3)?;
    if let Some(keep) = &keep {
        p = p.broadcast_mul(keep)?;
    }
    p.matmul(&v)?.transpose(1, 2)?.reshape((n, l, width / 3))
}

/// Which keys a query sees: those below its limit.
struct Mask {
    causal: bool,
    ends: Option<Vec<usize>>,
    length: usize,
}

impl Mask {
    fn limit(&self, sample: usize, query: usize) -> usize {
        let end = self.ends.as_ref().map_or(self.length, |ends| ends[sample]);
        if self.causal { end.min(query + 1) } else { end }
    }

    /// The limits of a block's queries and the largest of them.
    fn limits(&self, sample: usize, queries: std::ops::Range<usize>) -> (Vec<usize>, usize) {
        let limits: Vec<usize> = queries.map(|i| self.limit(sample, i)).collect();
        let most = limits.iter().copied().max().unwrap_or(0);
        (limits, most)
    }

    /// Ones for keys that are seen and zeros for the others, `[N, 1, L, L]`, with 1 in place of N if the
    /// samples do not differ; `None` if all are ones.
    fn keep(&self, n: usize, like: &Tensor) -> Result<Option<Tensor>> {
        if !self.causal && self.ends.is_none() {
            return Ok(None);
        }
        let (l, n) = (self.length, if self.ends.is_none() { 1 } else { n });
        let rows = (0..n).flat_map(|s| (0..l).map(move |i| self.limit(s, i)));
        let keep: Vec<f32> =
            rows.flat_map(|limit| (0..l).map(move |j| if j < limit { 1.0 } else { 0.0 })).collect();
        let keep = Tensor::from_vec(keep, (n, 1, l, l), like.device())?;
        keep.to_dtype(like.dtype()).map(Some)
    }
}

struct Attention {
    heads: usize,
    mask: Mask,
    /// For every row of scores, the largest score and the reciprocal of the sum of the exponentials.
    stats: OnceLock<Vec<[f32; 2]>>,
}

/// The queries in a block: few enough that their scores for some hundred keys stay in the cache.
const BLOCK: usize = 64;

/// The sizes of one call.
#[derive(Clone, Copy)]
struct Dims {
    samples: usize,
    /// Positions.
    l: usize,
    heads: usize,
    /// Numbers per head.
    d: usize,
    /// The same, rounded up to whole registers.
    wide: usize,
    /// The distance between rows of scores, or of transposed keys: an odd number of registers, so that
    /// rows do not compete for the same cache lines.
    ks: usize,
}

impl Dims {
    fn new(shape: &Shape, heads: usize) -> Result<Self> {
        let (samples, l, width) = shape.dims3()?;
        let d = width / 3 / heads;
        let ks = (l.div_ceil(WIDE) | 1) * WIDE;
        Ok(Dims { samples, l, heads, d, wide: d.next_multiple_of(WIDE), ks })
    }

    /// Numbers of all heads together.
    fn width(&self) -> usize {
        self.heads * self.d
    }

    /// All pairs of a sample and a head.
    fn each(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let (samples, heads) = (if self.d == 0 { 0 } else { self.samples }, self.heads);
        (0..samples).flat_map(move |s| (0..heads).map(move |h| (s, h)))
    }

    /// One head's queries, keys or values (part 0, 1, 2) of one sample, one row per position.
    fn part<'a>(&self, qkv: &'a [f32], (sample, head): (usize, usize), part: usize) -> Rows<'a> {
        let rs = 3 * self.width();
        let from = sample * self.l * rs + part * self.width() + head * self.d;
        Rows { data: &qkv[from..], rs, d: self.d, count: self.l }
    }

    /// One head's share of the outputs of one sample.
    fn outs<'a>(&self, out: &'a [f32], (sample, head): (usize, usize)) -> Rows<'a> {
        let rs = self.width();
        Rows { data: &out[sample * self.l * rs + head * self.d..], rs, d: self.d, count: self.l }
    }

    fn stats(&self, (sample, head): (usize, usize)) -> usize {
        (sample * self.heads + head) * self.l
    }
}

/// Rows of `d` numbers each inside wider ones, `rs` apart.
#[derive(Clone, Copy)]
struct Rows<'a> {
    data: &'a [f32],
    rs: usize,
    d: usize,
    count: usize,
}

impl<'a> Rows<'a> {
    fn iter(&self) -> impl Iterator<Item = &'a [f32]> {
        let d = self.d;
        self.data.chunks(self.rs).take(self.count).map(move |row| &row[..d])
    }

    fn from(&self, row: usize) -> Rows<'a> {
        Rows { data: &self.data[row * self.rs..], count: self.count - row, ..*self }
    }

    fn matrix(&self) -> Matrix<'a> {
        Matrix { data: self.data, rs: self.rs, cs: 1 }
    }

    /// Copies the rows into rows of `wide` numbers.
    fn pack(&self, wide: usize, to: &mut [f32]) {
        for (to, row) in to.chunks_exact_mut(wide).zip(self.iter()) {
            to[..row.len()].copy_from_slice(row);
        }
    }

    /// Copies the rows into columns: number `c` of row `i` goes to `c ks + i`.
    fn turn(&self, ks: usize, to: &mut [f32]) {
        for (i, row) in self.iter().enumerate() {
            to[i..].iter_mut().step_by(ks).zip(row).for_each(|(to, &v)| *to = v);
        }
    }
}

/// A block of scores: a row of `keys` numbers for every query, `ks` apart, of which the query sees the
/// first `limit`.
struct Block {
    ks: usize,
    keys: usize,
    limits: Vec<usize>,
    /// The factor of the scores.
    s: f32,
}

#[inline(always)]
fn largest(x: &[f32]) -> f32 {
    const LANES: usize = simd::LANES;
    let larger = |a: f32, b: f32| if b > a { b } else { a };
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let (xs, x) = x.as_chunks::<LANES>();
    for x in xs {
        for i in 0..LANES {
            lanes[i] = larger(lanes[i], x[i]);
        }
    }
    for (lane, &x) in lanes.iter_mut().zip(x) {
        *lane = larger(*lane, x);
    }
    simd::halve(lanes, larger)
}

vectorised! {
    /// Turns scores into exponentials, `exp(s x - largest)`, with zeros for masked keys, and computes the
    /// statistics of the rows.
    fn exponentials(scores: &mut [f32], block: &Block, stats: &mut [[f32; 2]]) {
        let s = block.s;
        let rows = scores.chunks_exact_mut(block.ks).zip(&block.limits);
        for ((row, &limit), stats) in rows.zip(stats) {
            let (seen, masked) = row[..block.keys].split_at_mut(limit);
            masked.fill(0.0);
            if seen.is_empty() {
                continue;
            }
            let most = s * largest(seen);
            let (chunks, rest) = seen.as_chunks_mut::<{ simd::LANES }>();
            let mut lanes = [0f32; simd::LANES];
            for chunk in chunks {
                for (x, lane) in chunk.iter_mut().zip(&mut lanes) {
                    *x = exp(s * *x - most);
                    *lane += *x;
                }
            }
            for (x, lane) in rest.iter_mut().zip(&mut lanes) {
                *x = exp(s * *x - most);
                *lane += *x;
            }
            *stats = [most, 1.0 / simd::total(lanes)];
        }
    }
}

vectorised! {
    /// In place, scores become probabilities, and the gradients of these become those of the scores,
    /// `s p (dp - t)`, where `t` is the product of a row's output and its gradient.
    fn gradients(
        scores: &mut [f32],
        grads: &mut [f32],
        block: &Block,
        stats: &[[f32; 2]],
        t: &[f32],
    ) {
        let s = block.s;
        let rows = scores.chunks_exact_mut(block.ks).zip(grads.chunks_exact_mut(block.ks));
        let each = rows.zip(block.limits.iter().zip(t)).zip(stats);
        for (((p, dp), (&limit, &t)), &[most, inv]) in each {
            p[limit..block.keys].fill(0.0);
            dp[limit..block.keys].fill(0.0);
            for (p, dp) in p[..limit].iter_mut().zip(&mut dp[..limit]) {
                let value = exp(s * *p - most) * inv;
                *p = value;
                *dp = s * value * (*dp - t);
            }
        }
    }
}

vectorised! {
    /// The dot products of the rows of `a` and `b`.
    fn dots(a: Rows, b: Rows, t: &mut [f32]) {
        for ((a, b), t) in a.iter().zip(b.iter()).zip(t) {
            *t = simd::sum2(a, b, |a, b| a * b);
        }
    }
}

/// Copies packed rows of `wide` numbers into rows of `d` numbers that are `rs` apart.
fn unpack(from: &[f32], wide: usize, to: &mut [f32], rs: usize, d: usize) {
    for (from, to) in from.chunks_exact(wide).zip(to.chunks_mut(rs)) {
        to[..d].copy_from_slice(&from[..d]);
    }
}

impl CustomOp1 for Attention {
    fn name(&self) -> &'static str {
        "attention"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let qkv = operand(storage, layout)?;
        let dims = Dims::new(layout.shape(), self.heads)?;
        let Dims { samples, l, d, wide, ks, .. } = dims;
        let width = dims.width();
        let mut out = vec![0.0; samples * l * width];
        let mut all_stats = vec![[0.0; 2]; samples * l * self.heads];
        let (mut kt, mut v) = (vec![0.0; d * ks], vec![0.0; l * wide]);
        let (mut scores, mut o) = (vec![0.0; BLOCK.min(l) * ks], vec![0.0; BLOCK.min(l) * wide]);
        let s = 1.0 / (d as f32).sqrt();
        for at in dims.each() {
            let q = dims.part(qkv, at, 0);
            dims.part(qkv, at, 1).turn(ks, &mut kt);
            dims.part(qkv, at, 2).pack(wide, &mut v);
            for from in (0..l).step_by(BLOCK) {
                let rows = BLOCK.min(l - from);
                let (limits, keys) = self.mask.limits(at.0, from..from + rows);
                if keys == 0 {
                    continue;
                }
                let across = keys.next_multiple_of(WIDE);
                let q = q.from(from).matrix();
                product([rows, across, d], (&mut scores, ks), false, q, (&kt, ks));
                let stats = &mut all_stats[dims.stats(at) + from..][..rows];
                exponentials(&mut scores, &Block { ks, keys, limits, s }, stats);
                let p = Matrix { data: &scores, rs: ks, cs: 1 };
                product([rows, wide, keys], (&mut o, wide), false, p, (&v, wide));
                let out = &mut out[(at.0 * l + from) * width + at.1 * d..];
                let outs = out.chunks_mut(width).zip(o.chunks_exact(wide));
                for ((to, from), &[_, inv]) in outs.zip(&*stats) {
                    to[..d].iter_mut().zip(from).for_each(|(to, &v)| *to = v * inv);
                }
            }
        }
        // The same operation is never applied twice, so the cell is empty.
        let _ = self.stats.set(all_stats);
        output(out, (samples, l, width))
    }

    fn bwd(&self, qkv: &Tensor, out: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let Some(stats) = self.stats.get() else { bail!("attention: backward before forward") };
        let grad = grad.contiguous()?;
        let (x_host, o_host, g_host) = (Host::new(qkv)?, Host::new(out)?, Host::new(&grad)?);
        let (x, o, g) = (x_host.data()?, o_host.data()?, g_host.data()?);
        let dims = Dims::new(qkv.shape(), self.heads)?;
        let Dims { l, d, wide, ks, .. } = dims;
        let (width, s) = (dims.width(), 1.0 / (d as f32).sqrt());
        let mut dx = vec![0.0; x.len()];
        let [mut kt, mut vt] = [(); 2].map(|_| vec![0.0; d * ks]);
        let [mut q, mut k, mut go, mut dk, mut dv] = [(); 5].map(|_| vec![0.0; l * wide]);
        let [mut p, mut ds] = [(); 2].map(|_| vec![0.0; BLOCK.min(l) * ks]);
        let (mut dq, mut t) = (vec![0.0; BLOCK.min(l) * wide], [0f32; BLOCK]);
        for at in dims.each() {
            let parts = [0, 1, 2].map(|part| dims.part(x, at, part));
            let (outs, grads) = (dims.outs(o, at), dims.outs(g, at));
            parts[1].turn(ks, &mut kt);
            parts[2].turn(ks, &mut vt);
            parts[0].pack(wide, &mut q);
            parts[1].pack(wide, &mut k);
            grads.pack(wide, &mut go);
            dk.fill(0.0);
            dv.fill(0.0);
            let to =
                |part: usize, row: usize| (at.0 * l + row) * 3 * width + part * width + at.1 * d;
            for from in (0..l).step_by(BLOCK) {
                let rows = BLOCK.min(l - from);
                let (limits, keys) = self.mask.limits(at.0, from..from + rows);
                if keys == 0 {
                    continue;
                }
                let across = keys.next_multiple_of(WIDE);
                let (qs, gs) = (parts[0].from(from), grads.from(from));
                product([rows, across, d], (&mut p, ks), false, qs.matrix(), (&kt, ks));
                product([rows, across, d], (&mut ds, ks), false, gs.matrix(), (&vt, ks));
                let (t, stats) = (&mut t[..rows], &stats[dims.stats(at) + from..][..rows]);
                dots(outs.from(from), gs, t);
                gradients(&mut p, &mut ds, &Block { ks, keys, limits, s }, stats, t);
                let by_query = Matrix { data: &ds, rs: ks, cs: 1 };
                product([rows, wide, keys], (&mut dq, wide), false, by_query, (&k, wide));
                unpack(&dq[..rows * wide], wide, &mut dx[to(0, from)..], 3 * width, d);
                for (m, side, sum) in [(&ds, &q, &mut dk), (&p, &go, &mut dv)] {
                    let by_key = Matrix { data: m, rs: 1, cs: ks };
                    let side = (&side[from * wide..], wide);
                    product([keys, wide, rows], (sum, wide), true, by_key, side);
                }
            }
            unpack(&dk, wide, &mut dx[to(1, 0)..], 3 * width, d);
            unpack(&dv, wide, &mut dx[to(2, 0)..], 3 * width, d);
        }
        Ok(Some(tensor(dx, qkv.shape())?))
    }
}
