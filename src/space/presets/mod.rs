//! Search spaces of the literature, ready to use. Each is a function that gives a
//! [`Block`](crate::Block), so that it can be a whole space or a part of one.
//!
//! ```
//! use nascent::prelude::*;
//! let space = Space::on(&Dataset::digits()).then(presets::nas_bench_201(16, 1));
//! assert_eq!(space.size(), Some(15_625));
//! ```

mod darts;
mod nas_bench_101;
mod nas_bench_201;

pub use darts::darts;
pub use nas_bench_101::nas_bench_101;
pub use nas_bench_201::{nas_bench_201, nas_bench_201_unique_string};
