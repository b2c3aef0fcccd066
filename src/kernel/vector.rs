//! One register of `f32` numbers, whatever the processor's width, for the inner loops that the
//! compiler does not vectorise well by itself.
//!
//! The methods are unsafe twice over: pointers must be valid for a whole register, and the caller
//! must be compiled for, and run on, a processor with the instructions (see [`Level`]).

/// What the processor offers, found out at run time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// Whatever the crate was compiled for.
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
    /// The number at `p` in every lane.
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
/// With debug assertions, as in a notebook, every way of reading through a pointer comes with a
/// check, and checks in the innermost loop cost half the speed. Loads under a full mask have none,
/// and compile to plain loads; this is for stores and for processors without masks.
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

/// Multiplies and adds in registers `rounds` times over; returns how many multiply-adds that was.
pub(crate) fn multiply_adds(rounds: usize) -> usize {
    /// Enough sums to hide the latency of each.
    const SUMS: usize = 12;
    #[inline(always)]
    unsafe fn run<V: Vector>(rounds: usize) -> usize {
        // SAFETY: the caller has asked the processor, and `a` is long enough for every register.
        unsafe {
            let a = std::hint::black_box([0.5f32; 16]);
            let a = V::load(a.as_ptr());
            let mut sums = [a; SUMS];
            for _ in 0..rounds {
                for sum in &mut sums {
                    *sum = sum.add_product(*sum, a);
                }
            }
            let total: f32 = sums.iter().map(|s| s.sum()).sum();
            std::hint::black_box(total);
        }
        rounds * SUMS * V::LANES
    }
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn avx2(rounds: usize) -> usize {
        // SAFETY: the caller's.
        unsafe { run::<std::arch::x86_64::__m256>(rounds) }
    }
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx2,fma")]
    unsafe fn avx512(rounds: usize) -> usize {
        // SAFETY: the caller's.
        unsafe { run::<std::arch::x86_64::__m512>(rounds) }
    }
    // SAFETY: the processor has been asked.
    match Level::detect() {
        Level::Portable => unsafe { run::<[f32; 4]>(rounds) },
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { avx2(rounds) },
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { avx512(rounds) },
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
