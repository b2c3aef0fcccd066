//! Benchmarks that come with the crate.

mod mnist1d;
mod nasbench201;

pub use mnist1d::Mnist1dBench;
pub use nasbench201::NasBench201;

/// The embedded table of a name, for a journal that was written with it.
pub(crate) fn embedded(name: &str) -> Option<crate::evaluate::Table> {
    nasbench201::embedded(name).or_else(|| mnist1d::embedded(name))
}
