//! Counts and seeds of any integer type: in a notebook, `let n = 20;` is an `i32`.

/// Any integer, where a count, a size or a seed is expected. A number out of range is reported with the
/// other problems of a builder, not here.
#[diagnostic::on_unimplemented(
    message = "a whole number is wanted here, `{Self}` is not one",
    label = "write it without a decimal point"
)]
pub trait Count: Copy {
    /// The number, or the nearest one that fits into an `i64`.
    fn to_i64(self) -> i64;

    /// The number as a seed: its low 64 bits.
    fn to_seed(self) -> u64;

    /// The number as a size; 0 for a negative one.
    fn to_size(self) -> usize {
        usize::try_from(self.to_i64().max(0)).unwrap_or(usize::MAX)
    }
}

macro_rules! counts {
    ($($t:ty),*) => {$(
        impl Count for $t {
            #[allow(irrefutable_let_patterns, clippy::unnecessary_fallible_conversions)]
            fn to_i64(self) -> i64 {
                #[allow(unused_comparisons)]
                let nearest = if self < 0 { i64::MIN } else { i64::MAX };
                i64::try_from(self).unwrap_or(nearest)
            }
            fn to_seed(self) -> u64 {
                self as u64
            }
        }
    )*};
}
counts!(i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, u128, usize);

/// Marks a conversion from a value; see [`IntoEvaluator`](crate::IntoEvaluator) and
/// [`IntoStrategy`](crate::IntoStrategy).
#[doc(hidden)]
pub enum ByValue {}

/// Marks a conversion from a reference; see [`IntoEvaluator`](crate::IntoEvaluator) and
/// [`IntoStrategy`](crate::IntoStrategy).
#[doc(hidden)]
pub enum ByReference {}

#[cfg(test)]
mod tests {
    use super::Count;

    #[test]
    fn counts_saturate_and_seeds_do_not() {
        assert_eq!(
            (usize::MAX.to_i64(), i128::MIN.to_i64(), (-3i8).to_size()),
            (i64::MAX, i64::MIN, 0)
        );
        assert_eq!((u64::MAX.to_seed(), (-1i32).to_seed()), (u64::MAX, u64::MAX));
    }
}
