//! Convolution as sums over shifted lines, without unfolding.
//!
//! The images of a block form one long line per channel, with zeros between rows and between images, and
//! `pitch` numbers per row. For stride 1 that is
//!
//! ```text
//! line[c]:  0 0 0 0 | 0 x x x | 0 x x x | 0 x x x | 0 0 0 0 | 0 x x x | ...      (W = 3, p = 1)
//! ```
//!
//! where the zeros to the right of a row are also those to the left of the next, so `pitch = W + p`. Then
//! the input of tap `(c, a, b)` for *all* outputs is the same line, shifted. With an index `j` into the
//! line,
//!
//! ```text
//! y[o][j]        = sum over c, a, b of w[o, c, a, b] line[c][j + a d pitch + b d]
//! dw[o, c, a, b] = sum over j of g[o][j] line[c][j + a d pitch + b d]
//! dx[c][j]       = sum over o, a, b of w[o, c, a, b] g[o][j - a d pitch - b d]
//! ```
//!
//! so the matrix of im2col is never built: its rows are overlapping slices. The columns between the rows,
//! a share of `p / W`, are computed needlessly.
//!
//! For a stride `s` each channel becomes `s s` lines, one for each phase: rows `i s + u` and columns
//! `j s + v` of the padded image. A tap belongs to one phase, `u = a d mod s` and `v = b d mod s`, in
//! which it is again a shift, by `floor(a d / s)` rows and `floor(b d / s)` columns. A depthwise
//! convolution has many groups with a single row of weights each, so more columns are processed at a
//! time.

use super::conv_sizes::Conv;
use super::shifted::{Correlation, Product, SLACK, pack_weights, tile_height};
use super::{lanes, threads};

/// The size of the lines of one block, which together with the results stay in the L2 cache.
const BLOCK: usize = 48 * 1024;

/// The arrangement of images in the lines.
#[derive(Clone, Copy)]
struct Lines {
    /// The distance between rows.
    pitch: usize,
    /// The distance between images.
    image: usize,
    /// The distance between channels (or phases of a channel).
    line: usize,
    /// The number of images in a block.
    images: usize,
    /// The number of rows and columns of zeros above and to the left of an image of `g`.
    g_pad: (usize, usize),
}

impl Lines {
    fn new(conv: &Conv) -> Self {
        let ([ph, pw], [sh, sw], [dh, dw]) = (conv.padding, conv.stride, conv.dilation);
        let reach = (dh * (conv.kh - 1), dw * (conv.kw - 1));
        // Rows share their padding if the outputs, `W + 2 p - reach` per row, still fit.
        let (pitch, rows) = if sh * sw == 1 && ph <= reach.0 && pw <= reach.1 {
            (conv.w + pw, conv.h + ph)
        } else {
            ((conv.w + 2 * pw).div_ceil(sw), (conv.h + 2 * ph).div_ceil(sh))
        };
        let image = rows * pitch;
        let g_pad = (reach.0 / sh, reach.1 / sw);
        let channels = (conv.c * sh * sw).max(conv.o) / conv.groups;
        let images = (BLOCK / (channels * image)).clamp(1, conv.n);
        // With the slack, a register that extends beyond the last column does not reach the next channel.
        let line = images * image + ph.max(g_pad.0) * pitch + pw.max(g_pad.1) + SLACK;
        Lines { pitch, image, line, images, g_pad }
    }

    /// The number of columns from the first output of a block of `images` to the last, `h` by `w` each.
    fn columns(&self, images: usize, h: usize, w: usize) -> usize {
        (images - 1) * self.image + (h - 1) * self.pitch + w
    }

    /// The place of row `i`, column `j` of the first image.
    fn at(&self, i: usize, j: usize) -> usize {
        i * self.pitch + j
    }

    /// Copies `planes [image][channel][h, w]` into lines, after `pad` rows and columns, split into
    /// the `step.0 * step.1` phases of the padded plane.
    fn lay(
        &self,
        planes: &Planes,
        data: &[f32],
        step: (usize, usize),
        pad: (usize, usize),
        lines: &mut [f32],
    ) {
        if planes.last {
            return self.lay_last(planes, data, step.1, pad.1, lines);
        }
        for (n, image) in data.chunks_exact(planes.all * planes.h * planes.w).enumerate() {
            let image = &image[planes.skip * planes.h * planes.w..];
            let channels = image.chunks_exact(planes.h * planes.w).take(planes.count);
            for (c, plane) in channels.enumerate() {
                if step == (1, 1) {
                    let start = c * self.line + n * self.image + self.at(pad.0, pad.1);
                    copy_rows(plane, planes.w, planes.w, &mut lines[start..], self.pitch);
                    continue;
                }
                for (y, row) in plane.chunks_exact(planes.w).enumerate() {
                    let (i, u) = ((y + pad.0) / step.0, (y + pad.0) % step.0);
                    for v in 0..step.1 {
                        let x = first_in_phase(v, pad.1, step.1);
                        let line = ((c * step.0 + u) * step.1 + v) * self.line;
                        let to = line + n * self.image + self.at(i, (x + pad.1) / step.1);
                        if x < row.len() {
                            let from = row[x..].iter().step_by(step.1);
                            lines[to..].iter_mut().zip(from).for_each(|(to, &v)| *to = v);
                        }
                    }
                }
            }
        }
    }

    /// [`Lines::lay`] for sequences `[image][w][channel]`.
    fn lay_last(&self, planes: &Planes, data: &[f32], step: usize, pad: usize, lines: &mut [f32]) {
        for (n, image) in data.chunks_exact(planes.all * planes.w).enumerate() {
            for (x, at) in image.chunks_exact(planes.all).enumerate() {
                let to = (x + pad) % step * self.line + n * self.image + (x + pad) / step;
                let channels = &at[planes.skip..planes.skip + planes.count];
                let lines = lines[to..].iter_mut().step_by(step * self.line);
                lines.zip(channels).for_each(|(to, &v)| *to = v);
            }
        }
    }

    /// Copies a tile of results, `ld` numbers per channel, to every `step`-th number of planes, starting at
    /// row `first.0`, column `first.1`.
    fn unlay(
        &self,
        planes: &Planes,
        from: &[f32],
        ld: usize,
        step: (usize, usize),
        first: (usize, usize),
        data: &mut [f32],
    ) {
        if planes.last {
            for (n, image) in data.chunks_exact_mut(planes.all * planes.w).enumerate() {
                let places = image.chunks_exact_mut(planes.all).skip(first.1).step_by(step.1);
                for (x, at) in places.enumerate() {
                    let channels = &mut at[planes.skip..planes.skip + planes.count];
                    let from = from[n * self.image + x..].iter().step_by(ld);
                    channels.iter_mut().zip(from).for_each(|(to, &v)| *to = v);
                }
            }
            return;
        }
        for (n, image) in data.chunks_exact_mut(planes.all * planes.h * planes.w).enumerate() {
            let image = &mut image[planes.skip * planes.h * planes.w..];
            let channels = image.chunks_exact_mut(planes.h * planes.w).take(planes.count);
            for (c, plane) in channels.enumerate() {
                let from = &from[c * ld + n * self.image..(c + 1) * ld];
                if step == (1, 1) {
                    copy_rows(from, self.pitch, planes.w, plane, planes.w);
                    continue;
                }
                let from = from.chunks(self.pitch);
                let rows = plane.chunks_exact_mut(planes.w).skip(first.0).step_by(step.0);
                for (row, from) in rows.zip(from) {
                    if step.1 == 1 {
                        row.copy_from_slice(&from[..row.len()]);
                    } else {
                        let row = row[first.1..].iter_mut().step_by(step.1);
                        row.zip(from).for_each(|(to, &v)| *to = v);
                    }
                }
            }
        }
    }
}

/// Copies rows of `w` numbers that are `ld` apart to rows that are `to_ld` apart, as many as fit. The
/// most common widths have code of their own, since a row is too short for a call of `memcpy`.
fn copy_rows(from: &[f32], ld: usize, w: usize, to: &mut [f32], to_ld: usize) {
    fn fixed<const W: usize>(from: &[f32], ld: usize, to: &mut [f32], to_ld: usize) {
        for (to, from) in to.chunks_mut(to_ld).zip(from.chunks(ld)) {
            if let (Some(to), Some(from)) = (to.first_chunk_mut::<W>(), from.first_chunk::<W>()) {
                *to = *from;
            }
        }
    }
    if ld == w && to_ld == w {
        // A plane without padding is one long row.
        let n = from.len().min(to.len());
        return to[..n].copy_from_slice(&from[..n]);
    }
    match w {
        1 => fixed::<1>(from, ld, to, to_ld),
        2 => fixed::<2>(from, ld, to, to_ld),
        4 => fixed::<4>(from, ld, to, to_ld),
        7 => fixed::<7>(from, ld, to, to_ld),
        8 => fixed::<8>(from, ld, to, to_ld),
        14 => fixed::<14>(from, ld, to, to_ld),
        16 => fixed::<16>(from, ld, to, to_ld),
        28 => fixed::<28>(from, ld, to, to_ld),
        32 => fixed::<32>(from, ld, to, to_ld),
        _ => {
            for (to, from) in to.chunks_mut(to_ld).zip(from.chunks(ld)) {
                let n = w.min(to.len()).min(from.len());
                to[..n].copy_from_slice(&from[..n]);
            }
        }
    }
}

/// The first position that is `phase` modulo `step` after adding `pad` zeros in front.
fn first_in_phase(phase: usize, pad: usize, step: usize) -> usize {
    (phase + step - pad % step) % step
}

/// Some channels of images: `count` after the first `skip`, out of `all`, each `h` by `w`.
#[derive(Clone, Copy)]
struct Planes {
    all: usize,
    skip: usize,
    count: usize,
    h: usize,
    w: usize,
    /// Whether channels come last, in sequences.
    last: bool,
}

impl Planes {
    fn input(conv: &Conv, group: usize) -> Self {
        let count = conv.c / conv.groups;
        Planes { all: conv.c, skip: group * count, count, h: conv.h, w: conv.w, last: conv.last }
    }

    fn output(conv: &Conv, group: usize) -> Self {
        let count = conv.o / conv.groups;
        Planes { all: conv.o, skip: group * count, count, h: conv.oh, w: conv.ow, last: conv.last }
    }
}

/// Where tap `(c, a, b)` starts reading in the lines of `x`, in the order of the weights.
fn x_taps(conv: &Conv, lines: &Lines) -> Vec<usize> {
    let ([sh, sw], [dh, dw]) = (conv.stride, conv.dilation);
    let mut taps = Vec::new();
    for c in 0..conv.c / conv.groups {
        for (a, b) in conv.taps() {
            let phase = (c * sh + a * dh % sh) * sw + b * dw % sw;
            taps.push(phase * lines.line + lines.at(a * dh / sh, b * dw / sw));
        }
    }
    taps
}

/// One phase of `dx`: its first row and column, its size, and for each tap `(o, a, b)` in it the start in
/// the lines of `g` and the index of the weight for `c = 0`.
struct Phase {
    first: (usize, usize),
    size: (usize, usize),
    taps: Vec<usize>,
    weights: Vec<usize>,
}

fn phases(conv: &Conv, lines: &Lines) -> Vec<Phase> {
    let ([sh, sw], [ph, pw], [dh, dw]) = (conv.stride, conv.padding, conv.dilation);
    let (cg, og) = (conv.c / conv.groups, conv.o / conv.groups);
    let mut phases = Vec::new();
    for (u, v) in (0..sh).flat_map(|u| (0..sw).map(move |v| (u, v))) {
        let first = (first_in_phase(u, ph, sh), first_in_phase(v, pw, sw));
        if first.0 >= conv.h || first.1 >= conv.w {
            continue;
        }
        let size = ((conv.h - first.0).div_ceil(sh), (conv.w - first.1).div_ceil(sw));
        let start = lines.at((first.0 + ph) / sh, (first.1 + pw) / sw);
        let (mut taps, mut weights) = (Vec::new(), Vec::new());
        for o in 0..og {
            for (a, b) in conv.taps().filter(|(a, b)| (a * dh % sh, b * dw % sw) == (u, v)) {
                let back = lines.at(lines.g_pad.0 - a * dh / sh, lines.g_pad.1 - b * dw / sw);
                taps.push(o * lines.line + start + back);
                weights.push((o * cg * conv.kh + a) * conv.kw + b);
            }
        }
        if !taps.is_empty() {
            phases.push(Phase { first, size, taps, weights });
        }
    }
    phases
}

/// Computes `y` group by group and block by block.
pub(super) fn forward(conv: &Conv, x: &[f32], w: &[f32]) -> Vec<f32> {
    let mut y = vec![0.0; conv.n * conv.o * conv.oh * conv.ow];
    if x.is_empty() {
        return y;
    }
    let (x_size, y_size) = (conv.c * conv.h * conv.w, conv.o * conv.oh * conv.ow);
    if lanes::suits(conv) {
        let share = share_of_images(conv, lanes::block(conv));
        let parts = x.chunks(share * x_size).zip(y.chunks_mut(share * y_size));
        threads::each(parts, |(x, y)| lanes::forward(conv, x, w, y));
        return y;
    }
    let lines = Lines::new(conv);
    let share = share_of_images(conv, lines.images);
    let parts = x.chunks(share * x_size).zip(y.chunks_mut(share * y_size));
    threads::each(parts, |(x, y)| forward_part(conv, &lines, x, w, y));
    y
}

/// The number of images for each thread: all of them if there is one thread, otherwise whole blocks, so
/// that the blocks do not depend on the number of threads.
fn share_of_images(conv: &Conv, block: usize) -> usize {
    let macs = conv.n * conv.o * conv.oh * conv.ow * (conv.c / conv.groups) * conv.kh * conv.kw;
    let threads = threads::for_work(macs);
    conv.n.div_ceil(block).div_ceil(threads) * block
}

fn forward_part(conv: &Conv, lines: &Lines, x: &[f32], w: &[f32], y: &mut [f32]) {
    let (cg, og) = (conv.c / conv.groups, conv.o / conv.groups);
    let step = (conv.stride[0], conv.stride[1]);
    let pad = (conv.padding[0], conv.padding[1]);
    let taps = x_taps(conv, lines);
    let k = taps.len();
    let (mut x_lines, mut tile) = (vec![0.0; cg * step.0 * step.1 * lines.line], Vec::new());
    for group in 0..conv.groups {
        let (inputs, outs) = (Planes::input(conv, group), Planes::output(conv, group));
        let w = &w[group * og * k..(group + 1) * og * k];
        let packed = pack_weights(og, k, |row, i| w[row * k + i]);
        let xs = x.chunks(lines.images * conv.c * conv.h * conv.w);
        for (x, y) in xs.zip(y.chunks_mut(lines.images * conv.o * conv.oh * conv.ow)) {
            lines.lay(&inputs, x, step, pad, &mut x_lines);
            let columns = lines.columns(x.len() / (conv.c * conv.h * conv.w), conv.oh, conv.ow);
            for (rows, weights) in tiles(&outs, &packed) {
                let ld = product(&taps, weights, &x_lines, &mut tile, columns, rows.count);
                lines.unlay(&rows, &tile, ld, (1, 1), (0, 0), y);
            }
        }
    }
}

/// `dx` and `dw`, or whichever of the two is needed.
pub(super) fn backward(
    conv: &Conv,
    x: &[f32],
    w: &[f32],
    g: &[f32],
    want_x: bool,
    want_w: bool,
) -> (Option<Vec<f32>>, Option<Vec<f32>>) {
    let mut dx = vec![0.0; if want_x { x.len() } else { 0 }];
    let mut dw = vec![0.0; if want_w { w.len() } else { 0 }];
    if x.is_empty() {
        return (want_x.then_some(dx), want_w.then_some(dw));
    }
    let lines = Lines::new(conv);
    let lanes = lanes::suits(conv);
    let block = if lanes { lanes::block(conv) } else { lines.images };
    let (x_size, g_size) = (conv.c * conv.h * conv.w, conv.o * conv.oh * conv.ow);
    let (share, blocks) = (share_of_images(conv, block), conv.n.div_ceil(block));
    // The sums of blocks are added in the order of the blocks, whichever thread computes them: the first
    // thread adds its own immediately, the others hand theirs over.
    let mut handed = vec![0.0; blocks.saturating_sub(share / block) * dw.len()];
    let per_thread = share / block * dw.len();
    let mut dws: Vec<&mut [f32]> = vec![&mut dw];
    dws.extend(handed.chunks_mut(per_thread.max(1)));
    dws.resize_with(conv.n.div_ceil(share), Default::default);
    let mut dxs: Vec<&mut [f32]> = dx.chunks_mut(share * x_size).collect();
    dxs.resize_with(dws.len(), Default::default);
    let parts =
        x.chunks(share * x_size).zip(g.chunks(share * g_size)).zip(dxs.into_iter().zip(dws));
    threads::each(parts, |((x, g), (dx, dw))| {
        let part = Part { conv, lines: &lines, w, want_x, want_w };
        match (lanes, lanes::makes_dx(conv)) {
            (false, _) => part.backward(x, g, dx, dw),
            (true, true) => lanes::backward(conv, x, w, g, dx, dw, want_w),
            (true, false) => {
                if want_w {
                    lanes::backward(conv, x, w, g, &mut [], dw, true);
                }
                if want_x {
                    Part { want_w: false, ..part }.backward(x, g, dx, &mut []);
                }
            }
        }
    });
    for block in handed.chunks_exact(dw.len().max(1)) {
        for (sum, v) in dw.iter_mut().zip(block) {
            *sum += v;
        }
    }
    (want_x.then_some(dx), want_w.then_some(dw))
}

/// The backward pass of some whole blocks of images.
struct Part<'a> {
    conv: &'a Conv,
    lines: &'a Lines,
    w: &'a [f32],
    want_x: bool,
    want_w: bool,
}

impl Part<'_> {
    /// Adds the blocks to `dw` if it has room for one sum only, otherwise sets one sum per block.
    fn backward(&self, x: &[f32], g: &[f32], dx: &mut [f32], dw: &mut [f32]) {
        let (conv, lines) = (self.conv, self.lines);
        let (cg, og) = (conv.c / conv.groups, conv.o / conv.groups);
        let step = (conv.stride[0], conv.stride[1]);
        let pad = (conv.padding[0], conv.padding[1]);
        let (taps, kk) = (x_taps(conv, lines), conv.kh * conv.kw);
        let phases = if self.want_x { phases(conv, lines) } else { Vec::new() };
        let mut g_lines = vec![0.0; og * lines.line];
        let wide = if self.want_w { cg * step.0 * step.1 * lines.line } else { 0 };
        let mut x_lines = vec![0.0; wide];
        let mut tile = Vec::new();
        let (x_size, g_size) = (conv.c * conv.h * conv.w, conv.o * conv.oh * conv.ow);
        let images = x.len() / x_size;
        for group in 0..conv.groups {
            let (inputs, outs) = (Planes::input(conv, group), Planes::output(conv, group));
            let span = group * og * cg * kk..(group + 1) * og * cg * kk;
            let w = &self.w[span.clone()];
            let pack = |p: &Phase| pack_weights(cg, p.taps.len(), |c, i| w[p.weights[i] + c * kk]);
            let packed: Vec<Vec<f32>> = phases.iter().map(pack).collect();
            for (block, from) in (0..images).step_by(lines.images).enumerate() {
                let to = (from + lines.images).min(images);
                if to - from < lines.images {
                    // A shorter last block must not see images of the previous one.
                    g_lines.fill(0.0);
                }
                lines.lay(&outs, &g[from * g_size..to * g_size], (1, 1), lines.g_pad, &mut g_lines);
                if self.want_w {
                    let x = &x[from * x_size..to * x_size];
                    lines.lay(&inputs, x, step, pad, &mut x_lines);
                    let columns = lines.columns(to - from, conv.oh, conv.ow);
                    let sum = if dw.len() > self.w.len() { block * self.w.len() } else { 0 };
                    let dw = &mut dw[sum + span.start..sum + span.end];
                    correlate(lines, &taps, &x_lines, &g_lines, columns, dw);
                }
                for (phase, packed) in phases.iter().zip(&packed) {
                    let dx = &mut dx[from * x_size..to * x_size];
                    let columns = lines.columns(to - from, phase.size.0, phase.size.1);
                    for (rows, weights) in tiles(&inputs, packed) {
                        let ld =
                            product(&phase.taps, weights, &g_lines, &mut tile, columns, rows.count);
                        lines.unlay(&rows, &tile, ld, step, phase.first, dx);
                    }
                }
            }
        }
    }
}

/// The channels of `planes` in tiles, with the weights of each.
fn tiles<'a>(planes: &Planes, packed: &'a [f32]) -> impl Iterator<Item = (Planes, &'a [f32])> {
    let (height, planes) = (tile_height(), *planes);
    let size = packed.len() / planes.count.div_ceil(height);
    packed.chunks_exact(size).enumerate().map(move |(t, weights)| {
        let count = (planes.count - t * height).min(height);
        (Planes { skip: planes.skip + t * height, count, ..planes }, weights)
    })
}

/// `tile[r][j] = sum over k of weights[k][r] buffer[taps[k] + j]` for `j` below `columns`; returns the
/// distance from one `r` to the next.
fn product(
    taps: &[usize],
    weights: &[f32],
    buffer: &[f32],
    tile: &mut Vec<f32>,
    columns: usize,
    rows: usize,
) -> usize {
    let (ld, height) = (columns + SLACK, tile_height());
    tile.resize(tile.len().max(height * ld), 0.0);
    Product { taps, weights, buffer, start: 0, ld, columns }.run_all(tile, rows);
    ld
}

/// `dw[o][k] += sum over j of g[o][j] x[taps[k] + j]` for `j` below `columns`.
fn correlate(lines: &Lines, taps: &[usize], x: &[f32], g: &[f32], columns: usize, dw: &mut [f32]) {
    let k = taps.len();
    let g = &g[lines.at(lines.g_pad.0, lines.g_pad.1)..];
    let (line, groups, at) = (lines.line, (1, 0, 0), (k, 0, 0, k));
    let (x_start, x_step, g_step, rows) = (0, 0, 0, 1);
    Correlation { line, taps, x, x_start, x_step, g, g_step, rows, columns, groups, at }
        .run_all(dw, dw.len() / k.max(1));
}
