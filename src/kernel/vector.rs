//! One register of `f32` numbers, of the processor's width, for inner loops that the compiler does not
//! vectorise well by itself.
//!
//! The methods are unsafe for two reasons: pointers must be valid for a whole register, and the caller
//! must be compiled for, and run on, a processor with the instructions (see [`Level`]).

/// What the processor offers, determined at run time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// The instructions that the crate was compiled for.
    Portable,
    /// 8 lanes, fused multiply-add.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// 16 lanes, twice as many registers.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Level {
    /// The best that this processor has. The standard library caches the answer.
    #[inline]
    pub fn detect() -> Self {
        #[cfg(test)]
        if let Some(level) = FORCED.get() {
            return level;
        }
        #[cfg(target_arch = "x86_64")]
        {
            if super::simd::has_avx2() {
                return match std::arch::is_x86_feature_detected!("avx512f") {
                    true => Level::Avx512,
                    false => Level::Avx2,
                };
            }
        }
        Level::Portable
    }
}

#[cfg(test)]
thread_local! {
    /// What a test sets the processor to.
    pub(super) static FORCED: std::cell::Cell<Option<Level>> = const { std::cell::Cell::new(None) };
}

/// A register of `LANES` numbers.
pub(super) trait Vector: Copy {
    const LANES: usize;
    /// Zeros.
    unsafe fn zero() -> Self;
    /// The same number in every lane.
    unsafe fn splat(v: f32) -> Self;
    /// The number at `p` in every lane. Unlike `splat(*p)`, it has no check in debug builds.
    unsafe fn broadcast(p: *const f32) -> Self;
    /// `LANES` numbers from `p`, of any alignment.
    unsafe fn load(p: *const f32) -> Self;
    /// The lanes to `p`, of any alignment.
    unsafe fn store(self, p: *mut f32);
    /// `self + a b`.
    unsafe fn add_product(self, a: Self, b: Self) -> Self;
    /// The sum of the lanes, by halves.
    unsafe fn sum(self) -> f32;
}

/// A register in memory at any address.
///
/// With debug assertions, as in a notebook, reading through a pointer is checked, and checks in the
/// innermost loop cost half the speed. Loads with a full mask are not checked, and compile to plain
/// loads; this type is for stores, and for processors without masks.
#[repr(C, packed)]
struct Unaligned<V>(V);

impl Vector for [f32; 4] {
    const LANES: usize = 4;

    #[inline(always)]
    unsafe fn zero() -> Self {
        [0.0; 4]
    }

    #[inline(always)]
    unsafe fn splat(v: f32) -> Self {
        [v; 4]
    }

    #[inline(always)]
    unsafe fn broadcast(p: *const f32) -> Self {
        // SAFETY: the caller's promise about `p`.
        unsafe { [(*p.cast::<Unaligned<f32>>()).0; 4] }
    }

    #[inline(always)]
    unsafe fn load(p: *const f32) -> Self {
        // SAFETY: the caller's promise about `p`.
        unsafe { (*p.cast::<Unaligned<Self>>()).0 }
    }

    #[inline(always)]
    unsafe fn store(self, p: *mut f32) {
        // SAFETY: the caller's promise about `p`.
        unsafe { (*p.cast::<Unaligned<Self>>()).0 = self }
    }

    #[inline(always)]
    unsafe fn add_product(self, a: Self, b: Self) -> Self {
        std::array::from_fn(|i| self[i] + a[i] * b[i])
    }

    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        (self[0] + self[2]) + (self[1] + self[3])
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Unaligned, Vector};
    use std::arch::x86_64::*;

    // SAFETY of all below: the caller's promises about the pointer and about the processor.

    impl Vector for __m256 {
        const LANES: usize = 8;

        #[inline(always)]
        unsafe fn zero() -> Self {
            unsafe { _mm256_setzero_ps() }
        }

        #[inline(always)]
        unsafe fn splat(v: f32) -> Self {
            unsafe { _mm256_set1_ps(v) }
        }

        #[inline(always)]
        unsafe fn broadcast(p: *const f32) -> Self {
            unsafe { _mm256_broadcastss_ps(_mm_load_ss(p)) }
        }

        #[inline(always)]
        unsafe fn load(p: *const f32) -> Self {
            unsafe { _mm256_maskload_ps(p, _mm256_set1_epi32(-1)) }
        }

        #[inline(always)]
        unsafe fn store(self, p: *mut f32) {
            unsafe { (*p.cast::<Unaligned<Self>>()).0 = self }
        }

        #[inline(always)]
        unsafe fn add_product(self, a: Self, b: Self) -> Self {
            unsafe { _mm256_fmadd_ps(a, b, self) }
        }

        #[inline(always)]
        unsafe fn sum(self) -> f32 {
            unsafe {
                let four = _mm_add_ps(_mm256_castps256_ps128(self), _mm256_extractf128_ps(self, 1));
                let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
                _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
            }
        }
    }

    impl Vector for __m512 {
        const LANES: usize = 16;

        #[inline(always)]
        unsafe fn zero() -> Self {
            unsafe { _mm512_setzero_ps() }
        }

        #[inline(always)]
        unsafe fn splat(v: f32) -> Self {
            unsafe { _mm512_set1_ps(v) }
        }

        #[inline(always)]
        unsafe fn broadcast(p: *const f32) -> Self {
            unsafe { _mm512_broadcastss_ps(_mm_load_ss(p)) }
        }

        #[inline(always)]
        unsafe fn load(p: *const f32) -> Self {
            unsafe { _mm512_maskz_loadu_ps(!0, p) }
        }

        #[inline(always)]
        unsafe fn store(self, p: *mut f32) {
            unsafe { (*p.cast::<Unaligned<Self>>()).0 = self }
        }

        #[inline(always)]
        unsafe fn add_product(self, a: Self, b: Self) -> Self {
            unsafe { _mm512_fmadd_ps(a, b, self) }
        }

        #[inline(always)]
        unsafe fn sum(self) -> f32 {
            unsafe { _mm512_reduce_add_ps(self) }
        }
    }
}
