//! Functions on whole registers, and loops that are written once for every width of register.
//!
//! The compiler vectorises a loop over one or two slices, but the gates of a recurrent layer read and
//! write a dozen. So they use [`Vector`]s, to which [`Math`] adds what the gates need.

use super::vector::{Level, Vector};

/// More arithmetic on a register. It is unsafe for the same reasons as [`Vector`].
pub(super) trait Math: Vector {
    unsafe fn add(self, other: Self) -> Self;
    unsafe fn sub(self, other: Self) -> Self;
    unsafe fn mul(self, other: Self) -> Self;
    unsafe fn div(self, other: Self) -> Self;
    /// Every lane limited to `low..=high`; NaN stays NaN.
    unsafe fn clamp(self, low: f32, high: f32) -> Self;
    /// `self` times two to the power of `n`, whole numbers from -126 to 127.
    unsafe fn times_two_to(self, n: Self) -> Self;
    /// The first `n` lanes from `p`, zeros in the others.
    unsafe fn load_part(p: *const f32, n: usize) -> Self;
    /// The first `n` lanes to `p`.
    unsafe fn store_part(self, p: *mut f32, n: usize);

    /// As many lanes as there are, at most `n`.
    #[inline(always)]
    unsafe fn load_most(p: *const f32, n: usize) -> Self {
        // SAFETY: the caller's promise that `p` is valid for that many.
        unsafe { if n >= Self::LANES { Self::load(p) } else { Self::load_part(p, n) } }
    }

    /// As many lanes as there are, at most `n`.
    #[inline(always)]
    unsafe fn store_most(self, p: *mut f32, n: usize) {
        // SAFETY: the caller's promise that `p` is valid for that many.
        unsafe { if n >= Self::LANES { self.store(p) } else { self.store_part(p, n) } }
    }
}

/// `exp(x)` as in [`super::activation`], with fused products where the processor has them.
#[inline(always)]
pub(super) unsafe fn exp<V: Math>(x: V) -> V {
    // Adding and subtracting 1.5 * 2^23 rounds to the nearest integer.
    const ROUND: f32 = 12_582_912.0;
    // SAFETY: the caller's promise about the processor.
    unsafe {
        let splat = |v: f32| V::splat(v);
        let x = x.clamp(-87.0, 88.0);
        let n = splat(ROUND).add_product(x, splat(std::f32::consts::LOG2_E)).sub(splat(ROUND));
        let r = x.add_product(n, splat(-0.693_359_4)).add_product(n, splat(2.121_944_4e-4));
        let p = splat(1.398_2e-3).add_product(splat(1.987_569_1e-4), r);
        let p = splat(8.333_452e-3).add_product(p, r);
        let p = splat(4.166_579_6e-2).add_product(p, r);
        let p = splat(1.666_666_5e-1).add_product(p, r);
        let p = splat(0.5).add_product(p, r);
        let y = r.add_product(p, r.mul(r)).add(splat(1.0));
        y.times_two_to(n)
    }
}

/// `1 / (1 + exp(-x))`.
#[inline(always)]
pub(super) unsafe fn logistic<V: Math>(x: V) -> V {
    // SAFETY: the caller's promise about the processor.
    unsafe {
        let one = V::splat(1.0);
        one.div(one.add(exp(V::zero().sub(x))))
    }
}

/// The hyperbolic tangent, with an absolute error of 1e-7, which is enough for a state between -1 and 1.
#[inline(always)]
pub(super) unsafe fn tanh<V: Math>(x: V) -> V {
    // SAFETY: the caller's promise about the processor.
    unsafe {
        let one = V::splat(1.0);
        one.sub(V::splat(2.0).div(one.add(exp(x.add(x)))))
    }
}

/// A loop over registers of any kind, and over tiles of `R` rows by `N` registers, which are as large as
/// the processor's registers allow.
pub(super) trait Work {
    /// Must be `#[inline(always)]`, to be compiled for the processor that it runs on.
    ///
    /// # Safety
    /// The processor has the instructions of `V`.
    unsafe fn run<V: Math, const R: usize, const N: usize>(self);
}

/// How many columns [`do_work`]'s tiles have.
pub(super) fn tile_width() -> usize {
    2 * match Level::detect() {
        Level::Portable => 4,
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => 8,
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => 16,
    }
}

/// Does the work with the widest registers available.
pub(super) fn do_work(work: impl Work) {
    #[cfg(target_arch = "x86_64")]
    use std::arch::x86_64::{__m256, __m512};
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn avx2(work: impl Work) {
        // SAFETY: the caller's.
        unsafe { work.run::<__m256, 6, 2>() }
    }
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx2,fma")]
    unsafe fn avx512(work: impl Work) {
        // SAFETY: the caller's.
        unsafe { work.run::<__m512, 8, 2>() }
    }
    match Level::detect() {
        // SAFETY: the processor has been asked.
        Level::Portable => unsafe { work.run::<[f32; 4], 4, 2>() },
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { avx2(work) },
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { avx512(work) },
    }
}

/// Multiplies and adds in registers, `rounds` times; returns the number of multiply-adds.
pub(crate) fn multiply_adds(rounds: usize) -> usize {
    /// Enough sums to hide the latency of each.
    const SUMS: usize = 12;
    struct Rounds(usize);
    impl Work for Rounds {
        #[inline(always)]
        unsafe fn run<V: Math, const R: usize, const N: usize>(self) {
            // SAFETY: the caller's about the processor, and `a` is long enough for every register.
            unsafe {
                let a = std::hint::black_box([0.5f32; 16]);
                let a = V::load(a.as_ptr());
                let mut sums = [a; SUMS];
                for _ in 0..self.0 {
                    for sum in &mut sums {
                        *sum = sum.add_product(*sum, a);
                    }
                }
                let total: f32 = sums.iter().map(|s| s.sum()).sum();
                std::hint::black_box(total);
            }
        }
    }
    do_work(Rounds(rounds));
    rounds * SUMS * tile_width() / 2
}

impl Math for [f32; 4] {
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        std::array::from_fn(|i| self[i] + other[i])
    }

    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        std::array::from_fn(|i| self[i] - other[i])
    }

    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        std::array::from_fn(|i| self[i] * other[i])
    }

    #[inline(always)]
    unsafe fn div(self, other: Self) -> Self {
        std::array::from_fn(|i| self[i] / other[i])
    }

    #[inline(always)]
    unsafe fn clamp(self, low: f32, high: f32) -> Self {
        self.map(|v| {
            let v = if high < v { high } else { v };
            if low > v { low } else { v }
        })
    }

    #[inline(always)]
    unsafe fn times_two_to(self, n: Self) -> Self {
        // The exponent field of 2^n; a NaN's is nonsense, but the product is NaN all the same.
        std::array::from_fn(|i| self[i] * f32::from_bits(((n[i] as i32 + 127) as u32) << 23))
    }

    #[inline(always)]
    unsafe fn load_part(p: *const f32, n: usize) -> Self {
        // SAFETY: the caller's promise about the first `n`.
        std::array::from_fn(|i| if i < n { unsafe { *p.wrapping_add(i) } } else { 0.0 })
    }

    #[inline(always)]
    unsafe fn store_part(self, p: *mut f32, n: usize) {
        for (i, v) in self.into_iter().enumerate().take(n) {
            // SAFETY: the caller's promise about the first `n`.
            unsafe { *p.wrapping_add(i) = v };
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::Math;
    use std::arch::x86_64::*;

    // SAFETY of all below: the caller's promises about the pointer and about the processor.

    /// All bits set in the first `n` lanes.
    #[inline(always)]
    unsafe fn first(n: usize) -> __m256i {
        unsafe {
            let lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
            _mm256_cmpgt_epi32(_mm256_set1_epi32(n as i32), lanes)
        }
    }

    impl Math for __m256 {
        #[inline(always)]
        unsafe fn add(self, other: Self) -> Self {
            unsafe { _mm256_add_ps(self, other) }
        }

        #[inline(always)]
        unsafe fn sub(self, other: Self) -> Self {
            unsafe { _mm256_sub_ps(self, other) }
        }

        #[inline(always)]
        unsafe fn mul(self, other: Self) -> Self {
            unsafe { _mm256_mul_ps(self, other) }
        }

        #[inline(always)]
        unsafe fn div(self, other: Self) -> Self {
            unsafe { _mm256_div_ps(self, other) }
        }

        #[inline(always)]
        unsafe fn clamp(self, low: f32, high: f32) -> Self {
            // The instructions return their second operand where one is NaN.
            unsafe {
                let x = _mm256_min_ps(_mm256_set1_ps(high), self);
                _mm256_max_ps(_mm256_set1_ps(low), x)
            }
        }

        #[inline(always)]
        unsafe fn times_two_to(self, n: Self) -> Self {
            unsafe {
                let n = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
                _mm256_mul_ps(self, _mm256_castsi256_ps(_mm256_slli_epi32::<23>(n)))
            }
        }

        #[inline(always)]
        unsafe fn load_part(p: *const f32, n: usize) -> Self {
            unsafe { _mm256_maskload_ps(p, first(n)) }
        }

        #[inline(always)]
        unsafe fn store_part(self, p: *mut f32, n: usize) {
            unsafe { _mm256_maskstore_ps(p, first(n), self) }
        }
    }

    impl Math for __m512 {
        #[inline(always)]
        unsafe fn add(self, other: Self) -> Self {
            unsafe { _mm512_add_ps(self, other) }
        }

        #[inline(always)]
        unsafe fn sub(self, other: Self) -> Self {
            unsafe { _mm512_sub_ps(self, other) }
        }

        #[inline(always)]
        unsafe fn mul(self, other: Self) -> Self {
            unsafe { _mm512_mul_ps(self, other) }
        }

        #[inline(always)]
        unsafe fn div(self, other: Self) -> Self {
            unsafe { _mm512_div_ps(self, other) }
        }

        #[inline(always)]
        unsafe fn clamp(self, low: f32, high: f32) -> Self {
            // The instructions return their second operand where one is NaN.
            unsafe {
                let x = _mm512_min_ps(_mm512_set1_ps(high), self);
                _mm512_max_ps(_mm512_set1_ps(low), x)
            }
        }

        #[inline(always)]
        unsafe fn times_two_to(self, n: Self) -> Self {
            unsafe { _mm512_scalef_ps(self, n) }
        }

        #[inline(always)]
        unsafe fn load_part(p: *const f32, n: usize) -> Self {
            unsafe { _mm512_maskz_loadu_ps((1u16 << n).wrapping_sub(1), p) }
        }

        #[inline(always)]
        unsafe fn store_part(self, p: *mut f32, n: usize) {
            unsafe { _mm512_mask_storeu_ps(p, (1u16 << n).wrapping_sub(1), self) }
        }
    }
}
