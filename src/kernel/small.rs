//! Products of matrices that are too small for the preparations of a general product to pay off.
//!
//! One head of attention multiplies, say, 64 x 16 by 16 x 64, a few hundred times per step. The `gemm`
//! crate first packs both sides, which costs as much as the product. Here the right side is read in
//! place, with its rows filled up to whole registers, and the left side number by number.

use super::Matrix;
use super::math::{Math, Work, do_work};
use super::vector::Vector;

/// Rows of the right side and of the result are filled up to a multiple of this: the widest register.
pub(super) const WIDE: usize = 16;

/// `out = a b`, or `out += a b`: `[m, k]` by `[k, n]`, with `n` a multiple of [`WIDE`]; the rows of
/// `out` are `ors` numbers apart, those of `b` are dense and `brs` apart.
pub(super) fn product(
    [m, n, k]: [usize; 3],
    (out, ors): (&mut [f32], usize),
    accumulate: bool,
    a: Matrix,
    (b, brs): (&[f32], usize),
) {
    if m == 0 || n == 0 {
        return;
    }
    assert!(n.is_multiple_of(WIDE) && ors >= n && out.len() >= (m - 1) * ors + n);
    if k > 0 {
        assert!(a.data.len() > (m - 1) * a.rs + (k - 1) * a.cs);
        assert!(brs >= n && b.len() >= (k - 1) * brs + n);
    }
    do_work(Product { m, n, k, out, ors, accumulate, a, b, brs });
}

struct Product<'a> {
    m: usize,
    n: usize,
    k: usize,
    out: &'a mut [f32],
    ors: usize,
    accumulate: bool,
    a: Matrix<'a>,
    b: &'a [f32],
    brs: usize,
}

impl Work for Product<'_> {
    #[inline(always)]
    unsafe fn run<V: Math, const R: usize, const N: usize>(mut self) {
        // As many sums at a time as fit into registers.
        // SAFETY: the caller's about the processor; `product` has asserted the lengths.
        unsafe {
            match V::LANES {
                16 => self.blocks::<V, 8>(),
                8 => self.blocks::<V, 6>(),
                _ => self.blocks::<V, 4>(),
            }
        }
    }
}

impl Product<'_> {
    /// Blocks of `R` rows times two registers, or one where two do not fit.
    #[inline(always)]
    unsafe fn blocks<V: Vector, const R: usize>(&mut self) {
        let mut j = 0;
        while j < self.n {
            let two = j + 2 * V::LANES <= self.n;
            for i in (0..self.m).step_by(R) {
                // SAFETY: the caller's.
                unsafe {
                    if two {
                        self.block::<V, R, 2>(i, j);
                    } else {
                        self.block::<V, R, 1>(i, j);
                    }
                }
            }
            j += if two { 2 * V::LANES } else { V::LANES };
        }
    }

    /// Beyond the last row, that row is repeated, and its result is discarded.
    #[inline(always)]
    unsafe fn block<V: Vector, const R: usize, const N: usize>(&mut self, i: usize, j: usize) {
        let rows: [*const f32; R] = std::array::from_fn(|r| {
            self.a.data.as_ptr().wrapping_add((i + r).min(self.m - 1) * self.a.rs)
        });
        // SAFETY: the caller's. Wrapping pointer arithmetic, because with debug assertions the
        // plain kind checks itself in the innermost loop.
        unsafe {
            let mut acc = [[V::zero(); N]; R];
            let (mut at, mut b) = (0usize, self.b.as_ptr().wrapping_add(j));
            let mut left = self.k;
            while left > 0 {
                let mut x = [V::zero(); N];
                for (n, x) in x.iter_mut().enumerate() {
                    *x = V::load(b.wrapping_add(n * V::LANES));
                }
                for (acc, row) in acc.iter_mut().zip(&rows) {
                    let a = V::broadcast(row.wrapping_add(at));
                    for (acc, &x) in acc.iter_mut().zip(&x) {
                        *acc = acc.add_product(a, x);
                    }
                }
                at = at.wrapping_add(self.a.cs);
                b = b.wrapping_add(self.brs);
                left -= 1;
            }
            let one = V::splat(1.0);
            for (r, acc) in acc.iter().enumerate() {
                if i + r >= self.m {
                    break;
                }
                let to = self.out.as_mut_ptr().wrapping_add((i + r) * self.ors + j);
                for (n, acc) in acc.iter().enumerate() {
                    let to = to.wrapping_add(n * V::LANES);
                    let sum = match self.accumulate {
                        true => acc.add_product(one, V::load(to)),
                        false => *acc,
                    };
                    sum.store(to);
                }
            }
        }
    }
}
