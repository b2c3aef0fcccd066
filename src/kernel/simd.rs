//! One loop, compiled twice: for the baseline processor and for AVX2.
//!
//! The crate is built for plain x86-64, whose vectors hold four numbers. [`vectorised!`] wraps ordinary
//! loops so that the compiler makes a second copy for AVX2, which is selected at run time. Rust never
//! fuses a multiplication and an addition by itself, so both copies yield the same bits.

/// Whether the AVX2 copies can run. The standard library caches the answer.
#[cfg(target_arch = "x86_64")]
#[inline]
pub(super) fn has_avx2() -> bool {
    std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma")
}

/// Defines a function whose loops are compiled for the baseline and for AVX2.
macro_rules! vectorised {
    ($(#[$meta:meta])* $vis:vis fn $name:ident $(<$($g:ident : $bound:path),+>)?
     ($($arg:ident : $ty:ty),* $(,)?) $(-> $ret:ty)? $body:block) => {
        $(#[$meta])*
        $vis fn $name $(<$($g: $bound),+>)? ($($arg: $ty),*) $(-> $ret)? {
            #[inline(always)]
            fn plain $(<$($g: $bound),+>)? ($($arg: $ty),*) $(-> $ret)? $body
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2,fma")]
                fn wide $(<$($g: $bound),+>)? ($($arg: $ty),*) $(-> $ret)? {
                    plain($($arg),*)
                }
                if $crate::kernel::simd::has_avx2() {
                    // SAFETY: the processor has the features that `wide` was compiled for.
                    return unsafe { wide($($arg),*) };
                }
            }
            plain($($arg),*)
        }
    };
}
pub(super) use vectorised;

/// The number of partial sums of a reduction: two AVX2 registers, so that additions overlap.
pub(super) const LANES: usize = 16;

/// `sum over i of f(x[i], y[i])` in a fixed order: 16 interleaved partial sums, then their sum.
#[inline(always)]
pub(super) fn reduce2(x: &[f32], y: &[f32], f: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [0f32; LANES];
    let ((xs, x), (ys, y)) = (x.as_chunks::<LANES>(), y.as_chunks::<LANES>());
    let mut rest = 0f32;
    for (&a, &b) in x.iter().zip(y) {
        rest += f(a, b);
    }
    for (a, b) in xs.iter().zip(ys) {
        for i in 0..LANES {
            lanes[i] += f(a[i], b[i]);
        }
    }
    lanes.iter().sum::<f32>() + rest
}

/// `sum over i of f(x[i])`, in the order of [`reduce2`].
#[inline(always)]
pub(super) fn reduce(x: &[f32], f: impl Fn(f32) -> f32) -> f32 {
    reduce2(x, x, |a, _| f(a))
}

/// Combines the lanes by halves: four steps instead of sixteen, which matters for many short rows.
#[inline(always)]
pub(super) fn halve(mut lanes: [f32; LANES], both: impl Fn(f32, f32) -> f32) -> f32 {
    let mut half = LANES / 2;
    while half > 0 {
        for i in 0..half {
            lanes[i] = both(lanes[i], lanes[i + half]);
        }
        half /= 2;
    }
    lanes[0]
}

/// The sum of the lanes, by halves.
#[inline(always)]
pub(super) fn total(lanes: [f32; LANES]) -> f32 {
    halve(lanes, |a, b| a + b)
}

/// As [`reduce2`], with the sum of the lanes by halves: for short rows.
#[inline(always)]
pub(super) fn sum2(x: &[f32], y: &[f32], f: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [0f32; LANES];
    let ((xs, x), (ys, y)) = (x.as_chunks::<LANES>(), y.as_chunks::<LANES>());
    for (a, b) in xs.iter().zip(ys) {
        for i in 0..LANES {
            lanes[i] += f(a[i], b[i]);
        }
    }
    let mut rest = 0f32;
    for (&a, &b) in x.iter().zip(y) {
        rest += f(a, b);
    }
    total(lanes) + rest
}
