//! The two kinds of sum over shifted lines that make up a convolution, computed in registers: products of
//! a tile of weights with lines, and correlations of lines with each other.

use super::vector::{Level, Vector};

/// The room after a line: the widest register may extend this far beyond the last column.
pub(super) const SLACK: usize = 16;

/// The number of channels in one tile of results: the height of a block of registers.
pub(super) fn tile_height() -> usize {
    match Level::detect() {
        Level::Portable => 4,
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => 6,
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => 8,
    }
}

/// `w [rows][k]` in tiles, each stored `[k][tile height]` and filled up with zeros.
pub(super) fn pack_weights(rows: usize, k: usize, at: impl Fn(usize, usize) -> f32) -> Vec<f32> {
    let height = tile_height();
    let mut packed = Vec::with_capacity(rows.next_multiple_of(height) * k);
    for tile in (0..rows).step_by(height) {
        for i in 0..k {
            packed.extend((tile..tile + height).map(|r| if r < rows { at(r, i) } else { 0.0 }));
        }
    }
    packed
}

/// `out[r ld + j] = sum over k of weights[k][r] buffer[start + taps[k] + j]`.
pub(super) struct Product<'a> {
    /// These may wrap around, as long as their sums with `start` are inside the buffer.
    pub taps: &'a [usize],
    pub weights: &'a [f32],
    pub buffer: &'a [f32],
    pub start: isize,
    pub ld: usize,
    pub columns: usize,
}

impl Product<'_> {
    /// The first `rows` of a tile; `out` has room for a whole one.
    pub fn run_all(&self, out: &mut [f32], rows: usize) {
        let height = tile_height();
        // The last register may extend beyond the last column.
        let reach = self.columns.next_multiple_of(SLACK);
        let (mut low, mut high) = (isize::MAX, isize::MIN);
        for &tap in self.taps {
            (low, high) = (low.min(tap as isize), high.max(tap as isize));
        }
        assert!(self.taps.is_empty() || self.start + low >= 0);
        assert!(self.taps.is_empty() || (self.start + high) as usize + reach <= self.buffer.len());
        assert!(self.weights.len() >= height * self.taps.len());
        assert!(self.ld >= reach && out.len() >= (height - 1) * self.ld + reach);
        match Level::detect() {
            // SAFETY: the lengths are asserted above, and the processor has been asked.
            Level::Portable => unsafe { self.portable(out, rows) },
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => unsafe { self.avx2(out, rows) },
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => unsafe { self.avx512(out, rows) },
        }
    }

    // As many sums at a time as fit into registers, besides the factors: with one too many, a sum goes
    // through memory in every step, which halves the speed. A single row, as in a depthwise convolution,
    // allows more columns instead.

    unsafe fn portable(&self, tile: &mut [f32], rows: usize) {
        // SAFETY: the caller's.
        unsafe {
            match rows {
                1 => self.run::<[f32; 4], 4, 1, 6>(tile),
                _ => self.run::<[f32; 4], 4, 4, 2>(tile),
            }
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn avx2(&self, tile: &mut [f32], rows: usize) {
        // SAFETY: the caller's.
        unsafe {
            match rows {
                1 => self.run::<std::arch::x86_64::__m256, 6, 1, 10>(tile),
                2..=4 => self.run::<std::arch::x86_64::__m256, 6, 4, 2>(tile),
                _ => self.run::<std::arch::x86_64::__m256, 6, 6, 2>(tile),
            }
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx2,fma")]
    unsafe fn avx512(&self, tile: &mut [f32], rows: usize) {
        // SAFETY: the caller's.
        unsafe {
            match rows {
                1 => self.run::<std::arch::x86_64::__m512, 8, 1, 10>(tile),
                2..=4 => self.run::<std::arch::x86_64::__m512, 8, 4, 3>(tile),
                _ => self.run::<std::arch::x86_64::__m512, 8, 8, 3>(tile),
            }
        }
    }

    /// Blocks of `R` rows (the weights are stored with `H`) times `N` registers.
    #[inline(always)]
    unsafe fn run<V: Vector, const H: usize, const R: usize, const N: usize>(
        &self,
        tile: &mut [f32],
    ) {
        let mut j = 0;
        // SAFETY: the caller's; a block ends less than a register after `columns`.
        unsafe {
            while j < self.columns {
                let left = (self.columns - j).div_ceil(V::LANES);
                // Four are computed as two and two, because a single one would wait for its sums.
                if left >= N && (N != 3 || left != 4) {
                    self.block::<V, H, R, N>(tile, j);
                    j += N * V::LANES;
                } else if left >= 2 && N > 2 {
                    self.block::<V, H, R, 2>(tile, j);
                    j += 2 * V::LANES;
                } else {
                    self.block::<V, H, R, 1>(tile, j);
                    j += V::LANES;
                }
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
            let base = self.buffer.as_ptr().wrapping_offset(self.start).wrapping_add(j);
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

/// `dw[..] += sum over i below rows, j below columns of
/// g[o line + i g_step + j] x[x_start + taps[t] + i x_step + j]`.
pub(super) struct Correlation<'a> {
    pub line: usize,
    pub taps: &'a [usize],
    pub x: &'a [f32],
    pub x_start: isize,
    pub x_step: usize,
    pub g: &'a [f32],
    pub g_step: usize,
    pub rows: usize,
    pub columns: usize,
    /// The number of repetitions, and the distances between them in `x` and in `g`.
    pub groups: (usize, usize, usize),
    /// `(n, s, first, row)`: the place of tap `t` for `o` is `o row + first + t / n s + t % n`.
    pub at: (usize, usize, usize, usize),
}

impl Correlation<'_> {
    pub fn run_all(&self, dw: &mut [f32], channels: usize) {
        if channels == 0 || self.taps.is_empty() || self.rows * self.groups.0 == 0 {
            return;
        }
        let reach = self.columns.next_multiple_of(SLACK);
        let furthest = self.taps.iter().max().copied().unwrap_or(0) as isize + self.x_start;
        let nearest = self.taps.iter().min().copied().unwrap_or(0) as isize + self.x_start;
        assert!(nearest >= 0);
        let (more, x_group, g_group) = (self.groups.0 - 1, self.groups.1, self.groups.2);
        let last = furthest as usize + (self.rows - 1) * self.x_step + more * x_group;
        assert!(last + reach <= self.x.len());
        let last = (channels - 1) * self.line + (self.rows - 1) * self.g_step + more * g_group;
        assert!(last + reach <= self.g.len());
        match Level::detect() {
            // SAFETY: the lengths are asserted above, and the processor has been asked.
            Level::Portable => unsafe { self.run::<[f32; 4], 4, 2>(dw, channels) },
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => unsafe { self.avx2(dw, channels) },
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => unsafe { self.avx512(dw, channels) },
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn avx2(&self, dw: &mut [f32], rows: usize) {
        // SAFETY: the caller's.
        unsafe {
            match rows {
                1 => self.run::<std::arch::x86_64::__m256, 1, 9>(dw, rows),
                _ => self.run::<std::arch::x86_64::__m256, 2, 6>(dw, rows),
            }
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx2,fma")]
    unsafe fn avx512(&self, dw: &mut [f32], rows: usize) {
        // SAFETY: the caller's.
        unsafe {
            match rows {
                1 => self.run::<std::arch::x86_64::__m512, 1, 9>(dw, rows),
                _ => self.run::<std::arch::x86_64::__m512, 4, 6>(dw, rows),
            }
        }
    }

    /// Blocks of `R` output channels times `N` taps. At the edges rows and taps are repeated, and their
    /// results are discarded.
    #[inline(always)]
    unsafe fn run<V: Vector, const R: usize, const N: usize>(&self, dw: &mut [f32], rows: usize) {
        let k = self.taps.len();
        for o in (0..rows).step_by(R) {
            let gs: [*const f32; R] = std::array::from_fn(|r| {
                self.g.as_ptr().wrapping_add((o + r).min(rows - 1) * self.line)
            });
            for t in (0..k).step_by(N) {
                let xs: [*const f32; N] = std::array::from_fn(|n| {
                    let tap = self.taps[(t + n).min(k - 1)];
                    self.x.as_ptr().wrapping_offset(self.x_start).wrapping_add(tap)
                });
                // SAFETY: the caller's.
                let sums = unsafe { self.block::<V, R, N>(&gs, &xs) };
                let (n, s, first, row) = self.at;
                for (o, sums) in (o..rows).zip(&sums) {
                    for (t, sum) in (t..k).zip(sums) {
                        dw[o * row + first + t / n * s + t % n] += sum;
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
            // Nested as in `Product::block`; otherwise the compiler keeps some of the sums in memory.
            let mut acc = [[V::zero(); R]; N];
            let (groups, x_group, g_group) = self.groups;
            for i in 0..self.rows * groups {
                let (n, i) = (i / self.rows, i % self.rows);
                let g_row = i.wrapping_mul(self.g_step).wrapping_add(n.wrapping_mul(g_group));
                let x_row = i.wrapping_mul(self.x_step).wrapping_add(n.wrapping_mul(x_group));
                let mut j = 0;
                while j < self.columns {
                    let mut g = [V::zero(); R];
                    for (g, p) in g.iter_mut().zip(gs) {
                        *g = V::load(p.wrapping_add(g_row.wrapping_add(j)));
                    }
                    for (acc, p) in acc.iter_mut().zip(xs) {
                        let x = V::load(p.wrapping_add(x_row.wrapping_add(j)));
                        for (acc, &g) in acc.iter_mut().zip(&g) {
                            *acc = acc.add_product(g, x);
                        }
                    }
                    j = j.wrapping_add(V::LANES);
                }
            }
            // Through memory: if the compiler saw the sums of lanes, it would keep half of the accumulators
            // in memory during the loop.
            let mut lanes = [[[0f32; 16]; R]; N];
            for (lanes, acc) in lanes.iter_mut().zip(&acc) {
                for (lanes, acc) in lanes.iter_mut().zip(acc) {
                    acc.store(lanes.as_mut_ptr());
                }
            }
            let lanes = std::hint::black_box(&lanes);
            let mut sums = [[0.0; N]; R];
            for (n, lanes) in lanes.iter().enumerate() {
                for (r, lanes) in lanes.iter().enumerate() {
                    sums[r][n] = V::load(lanes.as_ptr()).sum();
                }
            }
            sums
        }
    }
}
