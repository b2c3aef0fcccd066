//! Convolution of small images, with one image per lane of a register.
//!
//! [`super::direct`] puts images side by side with zeros between them, and also computes the columns
//! between them: (H + p)(W + p) / (H W) of the work, which for 8 x 8 and p = 1 is a quarter too much.
//! Here 16 images are interleaved, so that one pixel of all of them fills a register:
//!
//! ```text
//! x[c][y][column][image]      columns padded with zeros, rows not      g[o][i][column][image]
//! ```
//!
//! An output row then has `W'` registers without gaps, a tap is a shift by whole registers, and taps above
//! or below the image are left out. With the weights in the order (a, c, b), the remaining taps of a row
//! are contiguous:
//!
//! ```text
//! y[o][i]        = sum over the a with 0 <= i s + a d - p < H, c, b of w[o, c, a, b] x[c][i s + a d - p]
//! dx[c][y]       = sum over the a with 0 <= y + p - a d < H', o, b  of w[o, c, a, b] g[o][y + p - a d]
//! dw[o, c, a, b] = sum over the same i, and all columns and images, of g[o][i] x[c][i s + a d - p]
//! ```
//!
//! The columns of a strided convolution are ordered by their remainder, as in `direct`, so that neighbours
//! stay neighbours; its `dx` is left to `direct`.

use super::conv_sizes::Conv;
use super::shifted::{Correlation, Product, pack_weights, tile_height};
use std::ops::Range;

/// The number of interleaved images: the lanes of the widest register.
pub(super) const IMAGES: usize = 16;

/// Whether this is faster than `direct`.
pub(super) fn suits(conv: &Conv) -> bool {
    // A last group with few images costs as much as a full one.
    let full = conv.n.is_multiple_of(IMAGES) || conv.n > 3 * IMAGES;
    // Wide planes waste little in `direct`, and with few channels registers remain unused here.
    full && conv.groups == 1 && conv.h * conv.w <= 18 * 18 && conv.o >= 4 && !conv.last
}

/// The number of images whose sums for `dw` are computed together in registers: for small planes, adding up
/// the lanes of a register would cost more than filling it.
pub(super) fn block(conv: &Conv) -> usize {
    IMAGES * (64 / (conv.oh * conv.ow)).clamp(1, 4)
}

/// The places of rows and columns.
struct Grid {
    /// The number of registers in a row.
    pitch: usize,
    /// The place of each column in a row.
    columns: Vec<usize>,
}

impl Grid {
    /// The rows of the input: zeros on both sides, columns ordered by their remainder.
    fn input(conv: &Conv) -> Grid {
        let (p, s) = (conv.padding[1], conv.stride[1]);
        let part = (conv.w + 2 * p).div_ceil(s);
        let columns = (0..conv.w).map(|x| (x + p) % s * part + (x + p) / s).collect();
        Grid { pitch: s * part, columns }
    }

    /// The rows of the output, with the zeros that `dx` reads if it is computed here.
    fn output(conv: &Conv) -> Grid {
        let (left, right) = match conv.stride {
            [1, 1] => (left(conv), (conv.w + conv.padding[1]).saturating_sub(conv.ow)),
            _ => (0, 0),
        };
        Grid { pitch: left + conv.ow + right, columns: (left..left + conv.ow).collect() }
    }

    /// The place of each pixel of a plane of `h` rows.
    fn places(&self, h: usize) -> Vec<usize> {
        (0..h).flat_map(|y| self.columns.iter().map(move |x| y * self.pitch + x)).collect()
    }
}

/// The number of zeros to the left of a row of `g`.
fn left(conv: &Conv) -> usize {
    (conv.dilation[1] * (conv.kw - 1)).saturating_sub(conv.padding[1])
}

/// The first four numbers.
#[inline(always)]
fn quad(from: &[f32]) -> [f32; 4] {
    from.first_chunk().copied().unwrap_or_default()
}

/// Transposes a 4 x 4 matrix.
#[inline(always)]
fn transpose(rows: [[f32; 4]; 4]) -> [[f32; 4]; 4] {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::*;
        // SAFETY: every x86-64 has these instructions, and a row has the size of a register.
        unsafe {
            let [a, b, c, d] = rows.map(|row| _mm_loadu_ps(row.as_ptr()));
            let (ab, cd) = (_mm_unpacklo_ps(a, b), _mm_unpacklo_ps(c, d));
            let (ab2, cd2) = (_mm_unpackhi_ps(a, b), _mm_unpackhi_ps(c, d));
            let columns = [
                _mm_movelh_ps(ab, cd),
                _mm_movehl_ps(cd, ab),
                _mm_movelh_ps(ab2, cd2),
                _mm_movehl_ps(cd2, ab2),
            ];
            std::mem::transmute::<[__m128; 4], [[f32; 4]; 4]>(columns)
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    std::array::from_fn(|i| std::array::from_fn(|j| rows[j][i]))
}

/// Interleaves up to 16 images of `planes` planes each; a pixel goes to its place in a plane of `size`
/// registers.
fn interleave(data: &[f32], planes: usize, places: &[usize], size: usize, to: &mut [f32]) {
    let area = places.len();
    let images = data.len() / (planes * area).max(1);
    for c in 0..planes {
        let to = &mut to[c * size * IMAGES..(c + 1) * size * IMAGES];
        for first in (0..images).step_by(4) {
            let image = |k: usize| &data[((first + k) * planes + c) * area..][..area];
            let mut done = 0;
            if first + 4 <= images {
                let four = [image(0), image(1), image(2), image(3)];
                done = area / 4 * 4;
                for p in (0..done).step_by(4) {
                    let pixels = transpose(four.map(|image| quad(&image[p..])));
                    for (pixel, &place) in pixels.iter().zip(&places[p..]) {
                        to[place * IMAGES + first..][..4].copy_from_slice(pixel);
                    }
                }
            }
            for k in 0..(images - first).min(4) {
                for (p, &v) in image(k).iter().enumerate().skip(done) {
                    to[places[p] * IMAGES + first + k] = v;
                }
            }
        }
    }
}

/// The reverse of [`interleave`], from planes without gaps.
fn separate(from: &[f32], planes: usize, area: usize, data: &mut [f32]) {
    let images = data.len() / (planes * area).max(1);
    for c in 0..planes {
        let from = &from[c * area * IMAGES..(c + 1) * area * IMAGES];
        for first in (0..images).step_by(4) {
            let mut done = 0;
            if first + 4 <= images {
                done = area / 4 * 4;
                for p in (0..done).step_by(4) {
                    let at = |q: usize| quad(&from[(p + q) * IMAGES + first..]);
                    let images = transpose([at(0), at(1), at(2), at(3)]);
                    for (k, image) in images.iter().enumerate() {
                        let at = ((first + k) * planes + c) * area + p;
                        data[at..][..4].copy_from_slice(image);
                    }
                }
            }
            for k in 0..(images - first).min(4) {
                let at = ((first + k) * planes + c) * area;
                for p in done..area {
                    data[at + p] = from[p * IMAGES + first + k];
                }
            }
        }
    }
}

/// The `a` below `kh` with `0 <= from + a step < size`.
fn taps_inside(from: isize, step: isize, kh: usize, size: usize) -> Range<usize> {
    let inside = |a: usize| (0..size as isize).contains(&(from + a as isize * step));
    let first = (0..kh).find(|&a| inside(a)).unwrap_or(0);
    let last = (first..kh).take_while(|&a| inside(a)).last();
    first..last.map_or(first, |a| a + 1)
}

/// The product that computes `y` or `dx`, row by row.
struct Rows<'a> {
    /// The distance between rows of the buffer.
    step: usize,
    /// The offset of each tap from the beginning of a row, in the order (a, channel, b).
    taps: &'a [usize],
    /// The weights in tiles, in the same order.
    weights: &'a [f32],
    /// The number of taps for each `a`.
    run: usize,
    /// The sizes of the result: rows, registers in a row, channels.
    out: [usize; 3],
}

impl Rows<'_> {
    /// Computes one row of all channels: its taps read from `start` on, for the `a` that are `inside`.
    fn product(
        &self,
        buffer: &[f32],
        start: isize,
        inside: Range<usize>,
        row: usize,
        y: &mut [f32],
    ) {
        let [rows, columns, channels] = self.out;
        let (height, ld) = (tile_height(), rows * columns * IMAGES);
        let used = inside.start * self.run..inside.end * self.run;
        let tile = self.weights.len() / channels.div_ceil(height);
        for (t, first) in (0..channels).step_by(height).enumerate() {
            let weights = &self.weights[t * tile..(t + 1) * tile];
            let weights = &weights[used.start * height..used.end * height];
            let y = &mut y[first * ld + row * columns * IMAGES..];
            let taps = &self.taps[used.clone()];
            let job = Product { taps, weights, buffer, start, ld, columns: columns * IMAGES };
            job.run_all(y, (channels - first).min(height));
        }
    }
}

pub(super) fn forward(conv: &Conv, x: &[f32], w: &[f32], y: &mut [f32]) {
    let grid = Grid::input(conv);
    let places = grid.places(conv.h);
    let size = conv.h * grid.pitch;
    let taps = x_taps(conv, &grid);
    let (c, kh, kw) = (conv.c, conv.kh, conv.kw);
    let run = c * kw;
    let order = in_order(kh, c, kw, |a, c, b| (c * kh + a) * kw + b);
    let weights = pack_weights(conv.o, order.len(), |o, i| w[o * c * kh * kw + order[i]]);
    let out = [conv.oh, conv.ow, conv.o];
    let rows = Rows { step: grid.pitch * IMAGES, taps: &taps, weights: &weights, run, out };
    let mut xs = vec![0.0; c * size * IMAGES];
    let mut ys = vec![0.0; whole_tiles(conv.o) * conv.oh * conv.ow * IMAGES];
    let (x_size, y_size) = (c * conv.h * conv.w, conv.o * conv.oh * conv.ow);
    for (x, y) in x.chunks(IMAGES * x_size).zip(y.chunks_mut(IMAGES * y_size)) {
        clear_if_fewer(x.len(), x_size, &mut xs);
        interleave(x, c, &places, size, &mut xs);
        for i in 0..conv.oh {
            let top = (i * conv.stride[0]) as isize - conv.padding[0] as isize;
            let inside = taps_inside(top, conv.dilation[0] as isize, kh, conv.h);
            rows.product(&xs, top * rows.step as isize, inside, i, &mut ys);
        }
        separate(&ys, conv.o, conv.oh * conv.ow, y);
    }
}

/// The number of channels, rounded up to whole tiles.
fn whole_tiles(channels: usize) -> usize {
    channels.next_multiple_of(tile_height())
}

/// A smaller last group must not see images of the previous one.
fn clear_if_fewer(given: usize, size: usize, buffer: &mut [f32]) {
    if given < IMAGES * size {
        buffer.fill(0.0);
    }
}

/// The offset of tap `(a, c, b)` from the beginning of its topmost row.
fn x_taps(conv: &Conv, grid: &Grid) -> Vec<usize> {
    let ([_, s], [dh, dw]) = (conv.stride, conv.dilation);
    let part = grid.pitch / s;
    in_order(conv.kh, conv.c, conv.kw, |a, c, b| {
        let column = b * dw % s * part + b * dw / s;
        ((c * conv.h + a * dh) * grid.pitch + column) * IMAGES
    })
}

/// The results of `f` for every row `a`, channel, and column `b` of a kernel, in this order.
fn in_order(
    kh: usize,
    channels: usize,
    kw: usize,
    f: impl Fn(usize, usize, usize) -> usize,
) -> Vec<usize> {
    let mut list = Vec::with_capacity(kh * channels * kw);
    for a in 0..kh {
        for c in 0..channels {
            list.extend((0..kw).map(|b| f(a, c, b)));
        }
    }
    list
}

/// Whether [`backward`] also computes `dx`.
pub(super) fn makes_dx(conv: &Conv) -> bool {
    conv.stride == [1, 1]
}

/// Sets `dx` unless it is empty, and adds each block of images to `dw`, or sets one sum per block if there
/// is room.
pub(super) fn backward(
    conv: &Conv,
    x: &[f32],
    w: &[f32],
    g: &[f32],
    dx: &mut [f32],
    dw: &mut [f32],
    want_w: bool,
) {
    let (x_grid, g_grid) = (Grid::input(conv), Grid::output(conv));
    let (x_places, g_places) = (x_grid.places(conv.h), g_grid.places(conv.oh));
    let (x_area, g_area) = (conv.h * x_grid.pitch, conv.oh * g_grid.pitch);
    let (c, o, kh, kw) = (conv.c, conv.o, conv.kh, conv.kw);
    let (x_size, g_size) = (c * conv.h * conv.w, o * conv.oh * conv.ow);
    let x_taps = x_taps(conv, &x_grid);

    let run = o * kw;
    let mut taps = Vec::new();
    let mut weights = Vec::new();
    if !dx.is_empty() {
        let (dh, d, p) = (conv.dilation[0], conv.dilation[1], conv.padding[1]);
        taps = in_order(kh, o, kw, |a, o, b| {
            let row = (o * conv.oh).wrapping_sub(a * dh).wrapping_mul(g_grid.pitch);
            row.wrapping_add(left(conv) + p - b * d).wrapping_mul(IMAGES)
        });
        let order = in_order(kh, o, kw, |a, o, b| (o * c * kh + a) * kw + b);
        weights = pack_weights(c, order.len(), |c, i| w[c * kh * kw + order[i]]);
    }
    let out = [conv.h, conv.w, c];
    let rows = Rows { step: g_grid.pitch * IMAGES, taps: &taps, weights: &weights, run, out };
    let (x_group, g_group) = (c * x_area * IMAGES, o * g_area * IMAGES);
    let together = block(conv) / IMAGES;
    let mut xs = vec![0.0; if want_w { together * x_group } else { 0 }];
    let mut gs = vec![0.0; together * g_group];
    let wide = if dx.is_empty() { 0 } else { whole_tiles(c) * conv.h * conv.w };
    let mut dxs = vec![0.0; wide * IMAGES];
    for (number, g) in g.chunks(together * IMAGES * g_size).enumerate() {
        let first = number * together * IMAGES * x_size;
        let groups = (g.len() / g_size).div_ceil(IMAGES);
        clear_if_fewer(g.len(), together * g_size, &mut gs);
        for (g, gs) in g.chunks(IMAGES * g_size).zip(gs.chunks_exact_mut(g_group)) {
            interleave(g, o, &g_places, g_area, gs);
        }
        if want_w {
            let x = &x[first..first + g.len() / g_size * x_size];
            clear_if_fewer(x.len(), together * x_size, &mut xs);
            for (x, xs) in x.chunks(IMAGES * x_size).zip(xs.chunks_exact_mut(x_group)) {
                interleave(x, c, &x_places, x_area, xs);
            }
            let sum = if dw.len() > w.len() { number * w.len() } else { 0 };
            let dw = &mut dw[sum..sum + w.len()];
            for a in 0..kh {
                // The output rows for which this tap is inside.
                let top = (a * conv.dilation[0]) as isize - conv.padding[0] as isize;
                let inside = taps_inside(top, conv.stride[0] as isize, conv.oh, conv.h);
                if inside.is_empty() {
                    continue;
                }
                let first = top + (inside.start * conv.stride[0]) as isize;
                let job = Correlation {
                    line: g_area * IMAGES,
                    taps: &x_taps[a * c * kw..(a + 1) * c * kw],
                    x: &xs,
                    // The taps of `a` already begin `a d` rows further down.
                    x_start: (first - (a * conv.dilation[0]) as isize)
                        * (x_grid.pitch * IMAGES) as isize,
                    x_step: conv.stride[0] * x_grid.pitch * IMAGES,
                    g: &gs[(inside.start * g_grid.pitch + g_grid.columns[0]) * IMAGES..],
                    g_step: g_grid.pitch * IMAGES,
                    rows: inside.len(),
                    columns: conv.ow * IMAGES,
                    groups: (groups, x_group, g_group),
                    // The weights of `a` for every channel and `b`.
                    at: (kw, kh * kw, a * kw, c * kh * kw),
                };
                job.run_all(dw, o);
            }
        }
        if !dx.is_empty() {
            for (n, gs) in gs.chunks_exact(g_group).take(groups).enumerate() {
                for y in 0..conv.h {
                    let bottom = (y + conv.padding[0]) as isize;
                    let inside = taps_inside(bottom, -(conv.dilation[0] as isize), kh, conv.oh);
                    rows.product(gs, bottom * rows.step as isize, inside, y, &mut dxs);
                }
                let from = first + n * IMAGES * x_size;
                let to = (from + IMAGES * x_size).min(dx.len());
                separate(&dxs, c, conv.h * conv.w, &mut dx[from..to]);
            }
        }
    }
}
