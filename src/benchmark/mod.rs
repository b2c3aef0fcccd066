//! Benchmarks that the crate brings along.

mod mnist1d;

pub use mnist1d::Mnist1dBench;
