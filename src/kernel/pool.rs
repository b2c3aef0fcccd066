//! Pooling over windows of `[N, C, H, W]` or `[N, L, D]`: the largest value, the mean, and both over a
//! whole plane.
//!
//! A window starts at `o * stride - padding`; `H' = (H + 2 padding - kernel) / stride + 1`. Padding is
//! never counted, neither in a maximum nor in the denominator of a mean (`count_include_pad = false` in
//! PyTorch), so that borders are not darkened.

use super::simd::{self, vectorised};
use super::{Host, on_host, operand, output, tensor};
use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};
use std::ops::Range;
use std::sync::OnceLock;

/// The largest of each window, `[N, C, H, W] -> [N, C, H', W']`, or `[N, L, D] -> [N, L', D]` for windows
/// of positions.
///
/// Of equal values the first gets the gradient, as in PyTorch. The result for a window with NaN is NaN.
pub(crate) fn max_pool(x: &Tensor, kernel: usize, stride: usize, padding: usize) -> Result<Tensor> {
    pool("max_pool", x, [kernel, stride, padding], max_windows)
}

/// The mean of each window without its padding; the shapes are those of [`max_pool`].
pub(crate) fn avg_pool(x: &Tensor, kernel: usize, stride: usize, padding: usize) -> Result<Tensor> {
    pool("avg_pool", x, [kernel, stride, padding], avg_windows)
}

/// A sequence is one plane per sample with its positions as rows; its windows are one column wide.
fn pool(
    name: &str,
    x: &Tensor,
    [kernel, stride, padding]: [usize; 3],
    windows: fn(&Tensor, Window) -> Result<Tensor>,
) -> Result<Tensor> {
    if x.rank() != 3 {
        return windows(x, Window::new(name, x, [kernel; 2], [stride; 2], [padding; 2])?);
    }
    let plane = x.unsqueeze(1)?;
    let window = Window::new(name, &plane, [kernel, 1], [stride, 1], [padding, 0])?;
    windows(&plane, window)?.squeeze(1)
}

/// The largest of each plane, `[N, C, H, W] -> [N, C]`; ties as in [`max_pool`].
pub(crate) fn global_max_pool(x: &Tensor) -> Result<Tensor> {
    let (n, c, h, w) = x.dims4()?;
    let window = Window::new("global_max_pool", x, [h, w], [1, 1], [0, 0])?;
    max_windows(x, window)?.reshape((n, c))
}

fn max_windows(x: &Tensor, window: Window) -> Result<Tensor> {
    if !on_host(&[x]) {
        return window.max_fallback(x);
    }
    let track = x.track_op();
    x.contiguous()?.apply_op1(MaxPool { window, track, from: OnceLock::new() })
}

fn avg_windows(x: &Tensor, window: Window) -> Result<Tensor> {
    if !on_host(&[x]) {
        return window.avg_fallback(x);
    }
    x.contiguous()?.apply_op1(AvgPool { window })
}

/// The mean of each plane, `[N, C, H, W] -> [N, C]`.
pub(crate) fn global_avg_pool(x: &Tensor) -> Result<Tensor> {
    let (_, _, h, w) = x.dims4()?;
    if h * w == 0 {
        bail!("global_avg_pool: the planes of {:?} are empty", x.shape());
    }
    if !on_host(&[x]) {
        return x.mean((2, 3));
    }
    x.contiguous()?.apply_op1(GlobalAvgPool)
}

/// The windows of a plane, down and across.
#[derive(Clone, Copy)]
struct Window {
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 2],
    h: usize,
    w: usize,
    oh: usize,
    ow: usize,
}

impl Window {
    fn new(
        name: &str,
        x: &Tensor,
        kernel: [usize; 2],
        stride: [usize; 2],
        padding: [usize; 2],
    ) -> Result<Self> {
        let (_, _, h, w) = x.dims4()?;
        let mut out = [0; 2];
        for (axis, size) in [h, w].into_iter().enumerate() {
            let (k, s, p) = (kernel[axis], stride[axis], padding[axis]);
            if k == 0 || s == 0 {
                bail!("{name}: kernel {k} and stride {s} must be at least 1");
            }
            // With more than half a kernel, a window could consist of padding alone.
            if p > k / 2 {
                bail!("{name}: padding {p} is more than half of kernel {k}");
            }
            if size + 2 * p < k || size == 0 {
                bail!("{name}: kernel {k} is larger than {:?} padded by {p}", x.shape());
            }
            out[axis] = (size + 2 * p - k) / s + 1;
        }
        Ok(Window { kernel, stride, padding, h, w, oh: out[0], ow: out[1] })
    }

    /// The inputs that window `o` covers along an axis.
    #[inline(always)]
    fn covers(&self, axis: usize, o: usize) -> Range<usize> {
        let size = if axis == 0 { self.h } else { self.w };
        let (start, p) = (o * self.stride[axis], self.padding[axis]);
        start.saturating_sub(p)..(start + self.kernel[axis] - p).min(size)
    }

    /// The windows in a row whose tap `k` is inside the plane.
    #[inline(always)]
    fn windows(&self, k: usize) -> Range<usize> {
        let (s, p) = (self.stride[1], self.padding[1]);
        let first = p.saturating_sub(k).div_ceil(s);
        let last = (self.w + p).saturating_sub(k).div_ceil(s);
        first.min(self.ow)..last.min(self.ow)
    }

    fn divides(&self) -> bool {
        let exact = self.h.is_multiple_of(self.kernel[0]) && self.w.is_multiple_of(self.kernel[1]);
        self.kernel == self.stride && self.padding == [0, 0] && exact
    }

    /// The shifted views of `x`, padded with `fill`: one for each tap, all `[N, C, H', W']`.
    fn taps(&self, x: &Tensor, fill: f64) -> Result<Vec<Tensor>> {
        let x = pad(&pad(x, 2, self.padding[0], fill)?, 3, self.padding[1], fill)?;
        let pick = |x: &Tensor, axis: usize, from: usize, count: usize| {
            let stride = self.stride[axis - 2];
            let to = from + (count - 1) * stride + 1;
            let index = Tensor::arange_step(from as u32, to as u32, stride as u32, x.device())?;
            x.index_select(&index, axis)
        };
        let mut taps = Vec::with_capacity(self.kernel[0] * self.kernel[1]);
        for ky in 0..self.kernel[0] {
            let rows = pick(&x, 2, ky, self.oh)?;
            for kx in 0..self.kernel[1] {
                taps.push(pick(&rows, 3, kx, self.ow)?);
            }
        }
        Ok(taps)
    }

    /// Candle's own pooling is not used, because it scales the gradient by the share of largest values.
    fn max_fallback(&self, x: &Tensor) -> Result<Tensor> {
        let taps = self.taps(x, f64::NEG_INFINITY)?;
        taps[1..].iter().try_fold(taps[0].clone(), |best, tap| best.maximum(tap))
    }

    fn avg_fallback(&self, x: &Tensor) -> Result<Tensor> {
        if self.divides() {
            let [kernel, stride] = [self.kernel, self.stride].map(|[down, across]| (down, across));
            return x.avg_pool2d_with_stride(kernel, stride);
        }
        let taps = self.taps(x, 0.0)?;
        let sum = taps[1..].iter().try_fold(taps[0].clone(), |sum, tap| sum + tap)?;
        let share = Tensor::from_vec(self.shares(), (self.oh, self.ow), x.device())?;
        sum.broadcast_mul(&share.to_dtype(x.dtype())?)
    }

    /// One over the number of inputs in each window, `[H', W']`.
    fn shares(&self) -> Vec<f32> {
        let mut shares = Vec::with_capacity(self.oh * self.ow);
        for oy in 0..self.oh {
            let rows = self.covers(0, oy).len();
            let columns = (0..self.ow).map(|ox| self.covers(1, ox).len());
            shares.extend(columns.map(|n| 1.0 / (rows * n) as f32));
        }
        shares
    }

    fn out_shape(&self, layout: &Layout) -> Result<(usize, usize, usize, usize)> {
        let (n, c, _, _) = layout.shape().dims4()?;
        Ok((n, c, self.oh, self.ow))
    }
}

fn pad(x: &Tensor, axis: usize, by: usize, fill: f64) -> Result<Tensor> {
    if by == 0 {
        return Ok(x.clone());
    }
    let mut shape = x.dims().to_vec();
    shape[axis] = by;
    let side = Tensor::full(fill, shape, x.device())?.to_dtype(x.dtype())?;
    Tensor::cat(&[&side, x, &side], axis)
}

struct MaxPool {
    window: Window,
    /// Whether there may be a backward pass.
    track: bool,
    /// For each output, the position of its value in the plane.
    from: OnceLock<Vec<u32>>,
}

/// No position yet.
const NOWHERE: u32 = u32::MAX;

vectorised! {
    /// The maxima of one plane, tap by tap, so that the inner loop runs along a row.
    fn max_plane(win: &Window, x: &[f32], y: &mut [f32], from: &mut [u32]) {
        y.fill(f32::NEG_INFINITY);
        from.fill(NOWHERE);
        let rows = y.chunks_exact_mut(win.ow).zip(from.chunks_exact_mut(win.ow));
        for (oy, (best, from)) in rows.enumerate() {
            for iy in win.covers(0, oy) {
                for kx in 0..win.kernel[1] {
                    let outs = win.windows(kx);
                    if outs.is_empty() {
                        continue;
                    }
                    let start = iy * win.w + outs.start * win.stride[1] + kx - win.padding[1];
                    let (best, from) = (&mut best[outs.clone()], &mut from[outs]);
                    let row = &x[start..(iy + 1) * win.w];
                    match win.stride[1] {
                        1 => scan::<1>(best, from, row, start as u32),
                        2 => scan::<2>(best, from, row, start as u32),
                        _ => {
                            let places = (start as u32..).step_by(win.stride[1]);
                            let row = row.iter().step_by(win.stride[1]).zip(places);
                            for ((b, f), (&v, i)) in best.iter_mut().zip(from).zip(row) {
                                better(b, f, v, i);
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Takes `v`, from position `i`, if it is larger than the best so far, or NaN, or the first value.
#[inline(always)]
fn better(best: &mut f32, from: &mut u32, v: f32, i: u32) {
    // No branch, so that the loops around this vectorise.
    let better = (v > *best) | v.is_nan() | (*from == NOWHERE);
    *best = if better { v } else { *best };
    *from = if better { i } else { *from };
}

/// One tap along a row, with `S` inputs from one output to the next; the first input is at position `at`.
#[inline(always)]
fn scan<const S: usize>(best: &mut [f32], from: &mut [u32], row: &[f32], mut at: u32) {
    let (Some((b, best)), Some((f, from))) = (best.split_last_mut(), from.split_last_mut()) else {
        return;
    };
    // The inputs after that of the last output may be missing, so there may be no whole chunk for it.
    let last = best.len();
    for ((b, f), v) in best.iter_mut().zip(from).zip(row.as_chunks::<S>().0) {
        better(b, f, v[0], at);
        at = at.wrapping_add(S as u32);
    }
    better(b, f, row[last * S], at);
}

impl CustomOp1 for MaxPool {
    fn name(&self) -> &'static str {
        "max-pool2d"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let win = &self.window;
        let x = operand(storage, layout)?;
        let shape = self.window.out_shape(layout)?;
        let out = win.oh * win.ow;
        let planes = shape.0 * shape.1;
        let mut y = vec![0.0; planes * out];
        let mut from = vec![NOWHERE; if self.track { y.len() } else { out }];
        let step = if self.track { out } else { 0 };
        for (p, (x, y)) in x.chunks_exact(win.h * win.w).zip(y.chunks_exact_mut(out)).enumerate() {
            max_plane(win, x, y, &mut from[p * step..p * step + out]);
        }
        if self.track {
            // The same operation is never applied twice, so the cell is empty.
            let _ = self.from.set(from);
        }
        output(y, shape)
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let win = &self.window;
        let Some(from) = self.from.get() else { return Ok(None) };
        let grad = grad.contiguous()?;
        let host = Host::new(&grad)?;
        let (plane, out) = (win.h * win.w, win.oh * win.ow);
        let mut dx = vec![0.0; x.elem_count()];
        let grads = host.data()?.chunks_exact(out).zip(from.chunks_exact(out));
        for (dx, (grad, from)) in dx.chunks_exact_mut(plane).zip(grads) {
            for (&g, &i) in grad.iter().zip(from) {
                dx[i as usize] += g;
            }
        }
        Ok(Some(tensor(dx, x.shape())?))
    }
}

struct AvgPool {
    window: Window,
}

/// Masks of ones and zeros for windows with stride 1 that keep the size: for each tap in a row, which
/// columns it stays inside for. With them a whole plane is one loop instead of many short ones.
struct Same {
    /// `[kernel][h * w]`
    masks: Vec<f32>,
}

impl Same {
    fn new(win: &Window) -> Option<Same> {
        let keeps = win.stride == [1, 1] && (win.oh, win.ow) == (win.h, win.w);
        let mask = |tap: usize| {
            let column = move |i: usize| (i % win.w + tap).checked_sub(win.padding[1]);
            (0..win.h * win.w).map(move |i| match column(i) {
                Some(column) if column < win.w => 1.0,
                _ => 0.0,
            })
        };
        keeps.then(|| Same { masks: (0..win.kernel[1]).flat_map(mask).collect() })
    }
}

/// `i + tap - padding` as the two offsets, and how long both remain inside `len`.
#[inline(always)]
fn shift(tap: usize, padding: usize, unit: usize, len: usize) -> (usize, usize, usize) {
    let (to, from) = (padding.saturating_sub(tap) * unit, tap.saturating_sub(padding) * unit);
    // A window may be larger than a small plane.
    (to.min(len), from.min(len), len.saturating_sub(to + from))
}

vectorised! {
    /// [`avg_plane`] for the windows of [`Same`]: sums along columns first, then along rows.
    fn avg_same(win: &Window, same: &Same, x: &[f32], y: &mut [f32], shares: &[f32], sums: &mut [f32]) {
        let len = x.len();
        sums.fill(0.0);
        for ky in 0..win.kernel[0] {
            let (to, from, n) = shift(ky, win.padding[0], win.w, len);
            for (s, &v) in sums[to..to + n].iter_mut().zip(&x[from..from + n]) {
                *s += v;
            }
        }
        y.fill(0.0);
        for (kx, mask) in same.masks.chunks_exact(len).enumerate() {
            let (to, from, n) = shift(kx, win.padding[1], 1, len);
            let taps = sums[from..from + n].iter().zip(&mask[to..to + n]);
            for (y, (&s, &m)) in y[to..to + n].iter_mut().zip(taps) {
                *y += s * m;
            }
        }
        for (y, &share) in y.iter_mut().zip(shares) {
            *y *= share;
        }
    }
}

vectorised! {
    /// The transpose of [`avg_same`].
    fn avg_same_back(
        win: &Window,
        same: &Same,
        g: &[f32],
        dx: &mut [f32],
        shares: &[f32],
        sums: &mut [f32],
    ) {
        let len = g.len();
        sums.fill(0.0);
        for (kx, mask) in same.masks.chunks_exact(len).enumerate() {
            let (to, from, n) = shift(kx, win.padding[1], 1, len);
            let taps = g[to..to + n].iter().zip(&shares[to..to + n]).zip(&mask[to..to + n]);
            for (s, ((&g, &share), &m)) in sums[from..from + n].iter_mut().zip(taps) {
                *s += g * share * m;
            }
        }
        dx.fill(0.0);
        for ky in 0..win.kernel[0] {
            let (to, from, n) = shift(ky, win.padding[0], win.w, len);
            for (d, &s) in dx[from..from + n].iter_mut().zip(&sums[to..to + n]) {
                *d += s;
            }
        }
    }
}

vectorised! {
    /// The means of one plane: sums the rows of a window into `sums`, then sums along that row.
    fn avg_plane(win: &Window, x: &[f32], y: &mut [f32], shares: &[f32], sums: &mut [f32]) {
        let rows = y.chunks_exact_mut(win.ow).zip(shares.chunks_exact(win.ow));
        for (oy, (y, share)) in rows.enumerate() {
            let inner = &mut sums[win.padding[1]..win.padding[1] + win.w];
            inner.fill(0.0);
            let cover = win.covers(0, oy);
            for row in x[cover.start * win.w..cover.end * win.w].chunks_exact(win.w) {
                for (s, &v) in inner.iter_mut().zip(row) {
                    *s += v;
                }
            }
            y.fill(0.0);
            for kx in 0..win.kernel[1] {
                if win.stride[1] == 1 {
                    for (y, &s) in y.iter_mut().zip(&sums[kx..]) {
                        *y += s;
                    }
                } else {
                    for (y, &s) in y.iter_mut().zip(sums[kx..].iter().step_by(win.stride[1])) {
                        *y += s;
                    }
                }
            }
            for (y, &share) in y.iter_mut().zip(share) {
                *y *= share;
            }
        }
    }
}

vectorised! {
    /// The transpose of [`avg_plane`]: the same steps in reverse.
    fn avg_plane_back(win: &Window, g: &[f32], dx: &mut [f32], shares: &[f32], sums: &mut [f32]) {
        let rows = g.chunks_exact(win.ow).zip(shares.chunks_exact(win.ow));
        for (oy, (g, share)) in rows.enumerate() {
            sums.fill(0.0);
            for kx in 0..win.kernel[1] {
                if win.stride[1] == 1 {
                    for (s, (&g, &share)) in sums[kx..].iter_mut().zip(g.iter().zip(share)) {
                        *s += g * share;
                    }
                } else {
                    let sums = sums[kx..].iter_mut().step_by(win.stride[1]);
                    for (s, (&g, &share)) in sums.zip(g.iter().zip(share)) {
                        *s += g * share;
                    }
                }
            }
            let cover = win.covers(0, oy);
            for row in dx[cover.start * win.w..cover.end * win.w].chunks_exact_mut(win.w) {
                for (d, &s) in row.iter_mut().zip(&sums[win.padding[1]..]) {
                    *d += s;
                }
            }
        }
    }
}

impl CustomOp1 for AvgPool {
    fn name(&self) -> &'static str {
        "avg-pool2d"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let win = &self.window;
        let x = operand(storage, layout)?;
        let shape = win.out_shape(layout)?;
        let out = win.oh * win.ow;
        let shares = win.shares();
        let mut sums = vec![0.0; win.w + 2 * win.padding[1]];
        let mut y = vec![0.0; shape.0 * shape.1 * out];
        if let Some(same) = Same::new(win) {
            let mut sums = vec![0.0; out];
            for (x, y) in x.chunks_exact(out).zip(y.chunks_exact_mut(out)) {
                avg_same(win, &same, x, y, &shares, &mut sums);
            }
            return output(y, shape);
        }
        for (x, y) in x.chunks_exact(win.h * win.w).zip(y.chunks_exact_mut(out)) {
            avg_plane(win, x, y, &shares, &mut sums);
        }
        output(y, shape)
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let win = &self.window;
        let grad = grad.contiguous()?;
        let host = Host::new(&grad)?;
        let shares = win.shares();
        let mut sums = vec![0.0; win.w + 2 * win.padding[1]];
        let mut dx = vec![0.0; x.elem_count()];
        let grads = host.data()?.chunks_exact(win.oh * win.ow);
        if let Some(same) = Same::new(win) {
            let mut sums = vec![0.0; win.h * win.w];
            for (dx, g) in dx.chunks_exact_mut(win.h * win.w).zip(grads) {
                avg_same_back(win, &same, g, dx, &shares, &mut sums);
            }
            return Ok(Some(tensor(dx, x.shape())?));
        }
        for (dx, g) in dx.chunks_exact_mut(win.h * win.w).zip(grads) {
            avg_plane_back(win, g, dx, &shares, &mut sums);
        }
        Ok(Some(tensor(dx, x.shape())?))
    }
}

struct GlobalAvgPool;

vectorised! {
    fn plane_means(x: &[f32], plane: usize, y: &mut [f32]) {
        let share = 1.0 / plane as f32;
        for (y, x) in y.iter_mut().zip(x.chunks_exact(plane)) {
            *y = simd::reduce(x, |v| v) * share;
        }
    }
}

impl CustomOp1 for GlobalAvgPool {
    fn name(&self) -> &'static str {
        "global-avg-pool"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (n, c, h, w) = layout.shape().dims4()?;
        let mut y = vec![0.0; n * c];
        plane_means(operand(storage, layout)?, h * w, &mut y);
        output(y, (n, c))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let (n, c, h, w) = x.dims4()?;
        // A view, which Candle adds to the sum of gradients without writing it out.
        let share = (grad * (1.0 / (h * w) as f64))?.reshape((n, c, 1, 1))?;
        Ok(Some(share.broadcast_as(x.shape())?))
    }
}
