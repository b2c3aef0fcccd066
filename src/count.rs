//! Counts and seeds of any integer type: a notebook keeps `let n = 20;` as an `i32`.

/// Any integer, where a count, a size or a seed is wanted. What is out of range is reported with
/// the other problems of a builder, not here.
#[diagnostic::on_unimplemented(
    message = "a whole number is wanted here, `{Self}` is not one",
    label = "write it without a decimal point"
)]
pub trait Count: Copy {
    /// The number, saturated to what an `i64` holds (seeds keep their low 64 bits).
    fn to_i64(self) -> i64;
}

macro_rules! counts {
    ($($t:ty),*) => {$(
        impl Count for $t {
            fn to_i64(self) -> i64 {
                self as i64
            }
        }
    )*};
}
counts!(i8, i16, i32, i64, isize, u8, u16, u32, u64, usize);
