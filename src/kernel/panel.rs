//! Products of small matrices that repeat: what a recurrent layer does at every step.
//!
//! A step multiplies a few dozen rows by the same weights as the previous step. This product is too small
//! to repack its operands each time, as a library would. Here the weights are packed once, into panels as
//! wide as a tile; a tile of the result stays in registers from the first product to the last.

use super::math::{Math, Work, do_work, tile_width};

/// Numbers seen as a matrix: element `(i, k)` is at `i * rows + k * steps`, for `k` below `len`.
#[derive(Clone, Copy)]
pub(super) struct Side<'a> {
    pub data: &'a [f32],
    pub rows: usize,
    pub steps: usize,
    pub len: usize,
}

impl<'a> Side<'a> {
    /// The rows of a matrix, the first `len` of its `stride` columns.
    pub fn rows(data: &'a [f32], stride: usize, len: usize) -> Self {
        Side { data, rows: stride, steps: 1, len }
    }

    /// The columns of a dense matrix with this many: its transpose.
    pub fn columns(data: &'a [f32], columns: usize) -> Self {
        let len = data.len().checked_div(columns).unwrap_or(0);
        Side { data, rows: 1, steps: columns, len }
    }

    /// A matrix without columns.
    pub fn none() -> Self {
        Side { data: &[], rows: 0, steps: 0, len: 0 }
    }

    fn holds(&self, rows: usize) -> bool {
        self.len == 0 || rows == 0 || {
            let last = (rows - 1) * self.rows + (self.len - 1) * self.steps;
            last < self.data.len()
        }
    }
}

/// Where a result goes: `columns` numbers in each of several rows, `stride` apart.
pub(super) struct Target<'a> {
    pub data: &'a mut [f32],
    pub stride: usize,
    pub columns: usize,
}

/// A matrix `[K, C]` in panels of columns, each stored `[K][tile width]`, filled up with zeros.
pub(super) struct Panels {
    data: Vec<f32>,
    depth: usize,
    columns: usize,
}

impl Panels {
    /// Packs the matrix whose number in row `k`, column `c` is `at(k, c)`.
    pub fn pack(depth: usize, columns: usize, at: impl Fn(usize, usize) -> f32) -> Self {
        let width = tile_width();
        let mut data = Vec::with_capacity(columns.next_multiple_of(width) * depth);
        for panel in (0..columns).step_by(width) {
            for k in 0..depth {
                data.extend(
                    (panel..panel + width).map(|c| if c < columns { at(k, c) } else { 0.0 }),
                );
            }
        }
        Panels { data, depth, columns }
    }

    /// `out = start + [a b] M`, where `a` and `b` are side by side, and `start` is one row for all.
    pub fn product(&self, rows: usize, a: Side, b: Side, start: &[f32], out: Target) {
        assert!(start.len() >= out.columns);
        self.go(rows, a, b, Some(start), out);
    }

    /// `out += a M`.
    pub fn add_product(&self, rows: usize, a: Side, out: Target) {
        self.go(rows, a, Side::none(), None, out);
    }

    fn go(&self, rows: usize, a: Side, b: Side, start: Option<&[f32]>, out: Target) {
        // As long as there is no state, only a part of the panels' depth is used.
        assert!(a.len + b.len <= self.depth && out.columns == self.columns);
        let width = tile_width();
        // The packing and the product see the same processor, except in a test that changes it.
        assert!(self.data.len() == self.columns.next_multiple_of(width) * self.depth);
        let matrix = Matrix { data: &self.data, step: width, panel: self.depth * width };
        run(rows, [a, b], matrix, start, out);
    }
}

/// `out += a M`, for `M` as it is in memory: `a.len` rows, `stride` apart, in `out.columns` columns.
pub(super) fn add_outer(rows: usize, a: Side, m: &[f32], stride: usize, out: Target) {
    assert!(a.len == 0 || m.len() >= (a.len - 1) * stride + out.columns);
    let matrix = Matrix { data: m, step: stride, panel: tile_width() };
    run(rows, [a, Side::none()], matrix, None, out);
}

/// The right factor: row `k` of panel `p` begins at `p * panel + k * step`.
#[derive(Clone, Copy)]
struct Matrix<'a> {
    data: &'a [f32],
    step: usize,
    panel: usize,
}

fn run(rows: usize, left: [Side; 2], right: Matrix, start: Option<&[f32]>, out: Target) {
    if rows == 0 || out.columns == 0 {
        return;
    }
    assert!(left.iter().all(|side| side.holds(rows)));
    assert!(out.data.len() >= (rows - 1) * out.stride + out.columns);
    do_work(Product { rows, left, right, start, out });
}

/// The lengths were asserted in [`run`] and its callers; of an incomplete panel, only the first columns
/// are read and written.
struct Product<'a> {
    rows: usize,
    left: [Side<'a>; 2],
    right: Matrix<'a>,
    start: Option<&'a [f32]>,
    out: Target<'a>,
}

impl Work for Product<'_> {
    #[inline(always)]
    unsafe fn run<V: Math, const R: usize, const N: usize>(self) {
        let width = N * V::LANES;
        let out = self.out.data.as_mut_ptr();
        for panel in 0..self.out.columns.div_ceil(width) {
            let column = panel * width;
            let columns = width.min(self.out.columns - column);
            let right = self.right.data.as_ptr().wrapping_add(panel * self.right.panel);
            for row in (0..self.rows).step_by(R) {
                // Past the last row, that row is computed again, with the same result.
                let at: [usize; R] = std::array::from_fn(|r| (row + r).min(self.rows - 1));
                let to = at.map(|r| out.wrapping_add(r * self.out.stride + column));
                let from = match self.start {
                    Some(start) => [start.as_ptr().wrapping_add(column); R],
                    None => to.map(|p| p.cast_const()),
                };
                // SAFETY: see the type.
                unsafe {
                    if columns == width {
                        self.tile::<V, R, N, true>(&at, right, &from, &to, columns);
                    } else {
                        self.tile::<V, R, N, false>(&at, right, &from, &to, columns);
                    }
                }
            }
        }
    }
}

impl Product<'_> {
    /// `R` rows by `N` registers of the result, of which `columns` numbers exist.
    #[inline(always)]
    unsafe fn tile<V: Math, const R: usize, const N: usize, const WHOLE: bool>(
        &self,
        at: &[usize; R],
        right: *const f32,
        from: &[*const f32; R],
        to: &[*mut f32; R],
        columns: usize,
    ) {
        // SAFETY: the caller's. Wrapping pointer arithmetic, because with debug assertions the
        // plain kind checks itself in the innermost loop.
        unsafe {
            let load = |p: *const f32, n: usize| {
                let p = p.wrapping_add(n * V::LANES);
                match WHOLE {
                    true => V::load(p),
                    false => V::load_most(p, columns.saturating_sub(n * V::LANES)),
                }
            };
            let mut acc = [[V::zero(); N]; R];
            for (acc, &from) in acc.iter_mut().zip(from) {
                for (n, acc) in acc.iter_mut().enumerate() {
                    *acc = load(from, n);
                }
            }
            let mut m = right;
            for side in &self.left {
                let rows: [*const f32; R] =
                    at.map(|r| side.data.as_ptr().wrapping_add(r * side.rows));
                let mut k = 0;
                for _ in 0..side.len {
                    let mut x = [V::zero(); N];
                    for (n, x) in x.iter_mut().enumerate() {
                        *x = load(m, n);
                    }
                    for (acc, &row) in acc.iter_mut().zip(&rows) {
                        let a = V::broadcast(row.wrapping_add(k));
                        for (acc, &x) in acc.iter_mut().zip(&x) {
                            *acc = acc.add_product(a, x);
                        }
                    }
                    k = k.wrapping_add(side.steps);
                    m = m.wrapping_add(self.right.step);
                }
            }
            for (acc, &to) in acc.iter().zip(to) {
                for (n, acc) in acc.iter().enumerate() {
                    let p = to.wrapping_add(n * V::LANES);
                    match WHOLE {
                        true => acc.store(p),
                        false => acc.store_most(p, columns.saturating_sub(n * V::LANES)),
                    }
                }
            }
        }
    }
}
