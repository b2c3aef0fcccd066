//! Convolution without unfolding, for stride 1.
//!
//! Lay the images of a block side by side in one long line per channel, with zeros between rows and
//! between images, `pitch = W + p` numbers a row:
//!
//! ```text
//! line[c]:  0 0 0 0 | 0 x x x | 0 x x x | 0 x x x | 0 0 0 0 | 0 x x x | ...      (W = 3, p = 1)
//! ```
//!
//! The zeros right of a row are those left of the next. Then the input of tap `(c, a, b)` for *all*
//! outputs is the same line, shifted: with `j` running over the line,
//!
//! ```text
//! y[o][j]        = sum over c, a, b of w[o, c, a, b] line[c][j + a d pitch + b d]
//! dw[o, c, a, b] = sum over j of g[o][j] line[c][j + a d pitch + b d]
//! ```
//!
//! so the matrix of im2col never exists: its rows are overlapping slices. A few columns between
//! the rows are computed in vain, `p / W` of them. The gradient with respect to `x` is again such a
//! convolution, of `g` padded by `q = d (K - 1) - p`, with the kernel turned by 180 degrees; as
//! `W' + q = W + p`, the lines of `g` have the same pitch, and serve both gradients.

use super::conv::Conv;
use super::vector::{Level, Vector};

/// Numbers in the lines of one block: with the results beside them they stay in the L2 cache.
const BLOCK: usize = 48 * 1024;

/// Room behind a line: the widest register may reach that far beyond the last column.
const SLACK: usize = 16;

/// Whether a convolution can be done this way: `q` must not be negative.
pub(super) fn fits(conv: &Conv) -> bool {
    let d = conv.dilation;
    conv.stride == 1 && d * (conv.kh.min(conv.kw) - 1) >= conv.padding && conv.h * conv.w > 0
}

/// How images lie in the lines.
#[derive(Clone, Copy)]
struct Lines {
    /// From one row to the next.
    pitch: usize,
    /// From one image to the next.
    image: usize,
    /// From one channel to the next.
    line: usize,
    /// Images in a block.
    images: usize,
    /// Where the first number of an image of `x` lies, and of `g`.
    x_at: usize,
    g_at: usize,
}

impl Lines {
    fn new(conv: &Conv) -> Self {
        let (p, d) = (conv.padding, conv.dilation);
        let (qh, qw) = (d * (conv.kh - 1) - p, d * (conv.kw - 1) - p);
        let pitch = conv.w + p;
        let image = (conv.h + p) * pitch;
        let channels = conv.c.max(conv.o) / conv.groups;
        let images = (BLOCK / (channels * image)).clamp(1, conv.n.max(1));
        // The slack keeps the next channel out of a register that reaches beyond the last column.
        let line = images * image + p.max(qh) * pitch + p.max(qw) + SLACK;
        Lines { pitch, image, line, images, x_at: p * pitch + p, g_at: qh * pitch + qw }
    }

    /// Columns from the first output of a block of `images` to the last, `h` by `w` each.
    fn columns(&self, images: usize, h: usize, w: usize) -> usize {
        (images - 1) * self.image + (h - 1) * self.pitch + w
    }

    /// Copies `planes [image][channel][h, w]` into the lines, the first number to `at`.
    fn lay(&self, planes: &Planes, data: &[f32], at: usize, lines: &mut [f32]) {
        for (i, image) in data.chunks(planes.all * planes.h * planes.w).enumerate() {
            let image = &image[planes.skip * planes.h * planes.w..];
            let channels = image.chunks_exact(planes.h * planes.w).take(planes.count);
            for (c, plane) in channels.enumerate() {
                let to = &mut lines[c * self.line + i * self.image + at..];
                for (to, row) in to.chunks_mut(self.pitch).zip(plane.chunks_exact(planes.w)) {
                    to[..planes.w].copy_from_slice(row);
                }
            }
        }
    }

    /// Copies rows of a tile of results, `ld` numbers a channel, back into planes.
    fn unlay(&self, planes: &Planes, from: &[f32], ld: usize, data: &mut [f32]) {
        for (i, image) in data.chunks_mut(planes.all * planes.h * planes.w).enumerate() {
            let image = &mut image[planes.skip * planes.h * planes.w..];
            let channels = image.chunks_exact_mut(planes.h * planes.w).take(planes.count);
            for (c, plane) in channels.enumerate() {
                let from = &from[c * ld + i * self.image..(c + 1) * ld];
                for (row, from) in plane.chunks_exact_mut(planes.w).zip(from.chunks(self.pitch)) {
                    row.copy_from_slice(&from[..planes.w]);
                }
            }
        }
    }
}

/// Some channels of images: `count` after the first `skip`, out of `all`, each `h` by `w`.
#[derive(Clone, Copy)]
struct Planes {
    all: usize,
    skip: usize,
    count: usize,
    h: usize,
    w: usize,
}

/// Where tap `(c, a, b)` starts reading, for `channels` lines.
fn tap_offsets(conv: &Conv, lines: &Lines, channels: usize) -> Vec<usize> {
    let d = conv.dilation;
    let mut taps = Vec::with_capacity(channels * conv.kh * conv.kw);
    for c in 0..channels {
        for a in 0..conv.kh {
            taps.extend((0..conv.kw).map(|b| c * lines.line + a * d * lines.pitch + b * d));
        }
    }
    taps
}

/// Channels in one tile of results: the height of the register block.
fn tile_height() -> usize {
    match Level::detect() {
        Level::Portable => 4,
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => 4,
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => 8,
    }
}

/// `w [rows][k]` in tiles of `height` rows, each stored `[k][height]` and filled up with zeros.
fn pack_weights(
    rows: usize,
    k: usize,
    height: usize,
    at: impl Fn(usize, usize) -> f32,
) -> Vec<f32> {
    let mut packed = Vec::with_capacity(rows.next_multiple_of(height) * k);
    for tile in (0..rows).step_by(height) {
        for i in 0..k {
            packed
                .extend((tile..tile + height).map(|row| if row < rows { at(row, i) } else { 0.0 }));
        }
    }
    packed
}

/// `y`, one group and one block of images after the other.
pub(super) fn forward(conv: &Conv, x: &[f32], w: &[f32]) -> Vec<f32> {
    let lines = Lines::new(conv);
    let (cg, og) = (conv.c / conv.groups, conv.o / conv.groups);
    let taps = tap_offsets(conv, &lines, cg);
    let k = taps.len();
    let mut y = vec![0.0; conv.n * conv.o * conv.oh * conv.ow];
    for group in 0..conv.groups {
        let inputs = Planes { all: conv.c, skip: group * cg, count: cg, h: conv.h, w: conv.w };
        let outs = Planes { all: conv.o, skip: group * og, count: og, h: conv.oh, w: conv.ow };
        let w = &w[group * og * k..(group + 1) * og * k];
        let packed = pack_weights(og, k, tile_height(), |row, i| w[row * k + i]);
        let mut buffer = vec![0.0; cg * lines.line];
        let xs = x.chunks(lines.images * conv.c * conv.h * conv.w);
        for (x, y) in xs.zip(y.chunks_mut(lines.images * conv.o * conv.oh * conv.ow)) {
            lines.lay(&inputs, x, lines.x_at, &mut buffer);
            convolve(&lines, &taps, &packed, &buffer, &outs, y);
        }
    }
    y
}

/// `dx` and `dw`, those of the two that are wanted.
pub(super) fn backward(
    conv: &Conv,
    x: &[f32],
    w: &[f32],
    g: &[f32],
    want_x: bool,
    want_w: bool,
) -> (Option<Vec<f32>>, Option<Vec<f32>>) {
    let lines = Lines::new(conv);
    let (cg, og) = (conv.c / conv.groups, conv.o / conv.groups);
    let (x_taps, g_taps) = (tap_offsets(conv, &lines, cg), tap_offsets(conv, &lines, og));
    let (k, kk) = (x_taps.len(), conv.kh * conv.kw);
    let mut dx = vec![0.0; if want_x { x.len() } else { 0 }];
    let mut dw = vec![0.0; if want_w { w.len() } else { 0 }];
    for group in 0..conv.groups {
        let inputs = Planes { all: conv.c, skip: group * cg, count: cg, h: conv.h, w: conv.w };
        let outs = Planes { all: conv.o, skip: group * og, count: og, h: conv.oh, w: conv.ow };
        let span = group * og * k..(group + 1) * og * k;
        // Row c, tap (o, a, b) of the turned kernel.
        let turned = |c: usize, i: usize| w[span.start + (i / kk * cg + c) * kk + kk - 1 - i % kk];
        let packed = match want_x {
            true => pack_weights(cg, g_taps.len(), tile_height(), turned),
            false => Vec::new(),
        };
        let mut g_lines = vec![0.0; og * lines.line];
        let mut x_lines = vec![0.0; if want_w { cg * lines.line } else { 0 }];
        let (x_block, g_block) = (conv.c * conv.h * conv.w, conv.o * conv.oh * conv.ow);
        let starts = (0..conv.n).step_by(lines.images);
        for from in starts {
            let to = (from + lines.images).min(conv.n);
            if to - from < lines.images {
                // A last, shorter block must not see the images of the one before.
                g_lines.fill(0.0);
            }
            lines.lay(&outs, &g[from * g_block..to * g_block], lines.g_at, &mut g_lines);
            if want_w {
                let x = &x[from * x_block..to * x_block];
                lines.lay(&inputs, x, lines.x_at, &mut x_lines);
                let columns = lines.columns(to - from, conv.oh, conv.ow);
                let dw = &mut dw[span.clone()];
                correlate(&lines, &x_taps, &x_lines, &g_lines, columns, dw);
            }
            if want_x {
                let dx = &mut dx[from * x_block..to * x_block];
                convolve(&lines, &g_taps, &packed, &g_lines, &inputs, dx);
            }
        }
    }
    (want_x.then_some(dx), want_w.then_some(dw))
}

/// One block: every tile of channels over all columns, then into the planes of `data`.
fn convolve(
    lines: &Lines,
    taps: &[usize],
    weights: &[f32],
    buffer: &[f32],
    outs: &Planes,
    data: &mut [f32],
) {
    let images = data.len() / (outs.all * outs.h * outs.w);
    let columns = lines.columns(images, outs.h, outs.w);
    let ld = columns + SLACK;
    let height = tile_height();
    let mut tile = vec![0.0; height * ld];
    for (t, weights) in weights.chunks_exact((height * taps.len()).max(1)).enumerate() {
        let count = (outs.count - t * height).min(height);
        product(taps, weights, buffer, &mut tile, ld, columns, count);
        let part = Planes { skip: outs.skip + t * height, count, ..*outs };
        lines.unlay(&part, &tile, ld, data);
    }
}

/// `tile[r][j] = sum over k of weights[k][r] buffer[taps[k] + j]` for `j` below `columns`.
fn product(
    taps: &[usize],
    weights: &[f32],
    buffer: &[f32],
    tile: &mut [f32],
    ld: usize,
    columns: usize,
    rows: usize,
) {
    let job = Product { taps, weights, buffer, ld, columns };
    let furthest = taps.iter().max().copied().unwrap_or(0);
    // Only single registers reach beyond the last column.
    assert!(furthest + columns + SLACK <= buffer.len() && columns + SLACK <= ld);
    let height = tile_height();
    assert!(tile.len() >= height * ld && weights.len() >= height * taps.len());
    match Level::detect() {
        // SAFETY: the lengths are asserted above, and the processor has been asked.
        Level::Portable => unsafe { job.run::<[f32; 4], 4, 4, 2>(tile) },
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { job.avx2(tile) },
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { job.avx512(tile, rows) },
    }
}

struct Product<'a> {
    taps: &'a [usize],
    weights: &'a [f32],
    buffer: &'a [f32],
    ld: usize,
    columns: usize,
}

impl Product<'_> {
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn avx2(&self, tile: &mut [f32]) {
        // SAFETY: the caller's.
        unsafe { self.run::<std::arch::x86_64::__m256, 4, 4, 3>(tile) }
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx2,fma")]
    unsafe fn avx512(&self, tile: &mut [f32], rows: usize) {
        // SAFETY: the caller's.
        unsafe {
            if rows > 4 {
                self.run::<std::arch::x86_64::__m512, 8, 8, 3>(tile)
            } else {
                self.run::<std::arch::x86_64::__m512, 8, 4, 3>(tile)
            }
        }
    }

    /// Blocks of `R` rows (of the `H` that the weights are stored by) times `N` registers.
    #[inline(always)]
    unsafe fn run<V: Vector, const H: usize, const R: usize, const N: usize>(
        &self,
        tile: &mut [f32],
    ) {
        let mut j = 0;
        // SAFETY: the caller's; a block ends less than its own width behind `columns`.
        unsafe {
            while j + N * V::LANES <= self.columns {
                self.block::<V, H, R, N>(tile, j);
                j += N * V::LANES;
            }
            while j < self.columns {
                self.block::<V, H, R, 1>(tile, j);
                j += V::LANES;
            }
        }
    }

    #[inline(always)]
    unsafe fn block<V: Vector, const H: usize, const R: usize, const N: usize>(
        &self,
        tile: &mut [f32],
        j: usize,
    ) {
        // SAFETY: the caller's. Wrapping pointer arithmetic, because with debug assertions the
        // plain kind checks itself in the innermost loop.
        unsafe {
            let mut acc = [[V::zero(); N]; R];
            let base = self.buffer.as_ptr().wrapping_add(j);
            let (weights, _) = self.weights.as_chunks::<H>();
            for (&tap, w) in self.taps.iter().zip(weights) {
                let from = base.wrapping_add(tap);
                let mut x = [V::zero(); N];
                for (n, x) in x.iter_mut().enumerate() {
                    *x = V::load(from.wrapping_add(n * V::LANES));
                }
                for (acc, &w) in acc.iter_mut().zip(w) {
                    let w = V::splat(w);
                    for (acc, &x) in acc.iter_mut().zip(&x) {
                        *acc = acc.add_product(w, x);
                    }
                }
            }
            for (r, acc) in acc.iter().enumerate() {
                for (n, acc) in acc.iter().enumerate() {
                    acc.store(tile.as_mut_ptr().wrapping_add(r * self.ld + j + n * V::LANES));
                }
            }
        }
    }
}

/// `dw[o][k] += sum over j of g[o][j] x[taps[k] + j]` for `j` below `columns`.
fn correlate(lines: &Lines, taps: &[usize], x: &[f32], g: &[f32], columns: usize, dw: &mut [f32]) {
    let rows = dw.len() / taps.len().max(1);
    let furthest = taps.iter().max().copied().unwrap_or(0);
    assert!(furthest + columns + SLACK <= x.len());
    assert!((rows.max(1) - 1) * lines.line + lines.g_at + columns + SLACK <= g.len());
    let job = Correlation { lines, taps, x, g: &g[lines.g_at..], columns };
    match Level::detect() {
        // SAFETY: the lengths are asserted above, and the processor has been asked.
        Level::Portable => unsafe { job.run::<[f32; 4], 4, 2>(dw, rows) },
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { job.avx2(dw, rows) },
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { job.avx512(dw, rows) },
    }
}

struct Correlation<'a> {
    lines: &'a Lines,
    taps: &'a [usize],
    x: &'a [f32],
    g: &'a [f32],
    columns: usize,
}

impl Correlation<'_> {
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn avx2(&self, dw: &mut [f32], rows: usize) {
        // SAFETY: the caller's.
        unsafe { self.run::<std::arch::x86_64::__m256, 4, 3>(dw, rows) }
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx2,fma")]
    unsafe fn avx512(&self, dw: &mut [f32], rows: usize) {
        // SAFETY: the caller's.
        unsafe { self.run::<std::arch::x86_64::__m512, 4, 6>(dw, rows) }
    }

    /// Blocks of `R` output channels times `N` taps. At the edges rows and taps are repeated,
    /// and what they give is thrown away.
    #[inline(always)]
    unsafe fn run<V: Vector, const R: usize, const N: usize>(&self, dw: &mut [f32], rows: usize) {
        let k = self.taps.len();
        for o in (0..rows).step_by(R) {
            let gs: [*const f32; R] = std::array::from_fn(|r| {
                self.g.as_ptr().wrapping_add((o + r).min(rows - 1) * self.lines.line)
            });
            for t in (0..k).step_by(N) {
                let xs: [*const f32; N] = std::array::from_fn(|n| {
                    self.x.as_ptr().wrapping_add(self.taps[(t + n).min(k - 1)])
                });
                // SAFETY: the caller's.
                let sums = unsafe { self.block::<V, R, N>(&gs, &xs) };
                for (dw, sums) in dw[o * k..].chunks_exact_mut(k).zip(&sums) {
                    for (dw, sum) in dw[t..].iter_mut().zip(sums) {
                        *dw += sum;
                    }
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn block<V: Vector, const R: usize, const N: usize>(
        &self,
        gs: &[*const f32; R],
        xs: &[*const f32; N],
    ) -> [[f32; N]; R] {
        // SAFETY: the caller's.
        unsafe {
            let mut acc = [[V::zero(); N]; R];
            let mut j = 0;
            while j < self.columns {
                let mut g = [V::zero(); R];
                for (g, p) in g.iter_mut().zip(gs) {
                    *g = V::load(p.wrapping_add(j));
                }
                for (n, p) in xs.iter().enumerate() {
                    let x = V::load(p.wrapping_add(j));
                    for (acc, &g) in acc.iter_mut().zip(&g) {
                        acc[n] = acc[n].add_product(g, x);
                    }
                }
                j = j.wrapping_add(V::LANES);
            }
            let mut sums = [[0.0; N]; R];
            for (sums, acc) in sums.iter_mut().zip(&acc) {
                for (sum, acc) in sums.iter_mut().zip(acc) {
                    *sum = acc.sum();
                }
            }
            sums
        }
    }
}
