//! The Weisfeiler-Lehman distance: that of the normalised features of two graphs. See
//! `src/graph/wl.rs` for the features and for the papers.
//!
//! ```text
//! k(a, b) = <phi(a), phi(b)> / (|phi(a)| |phi(b)|)
//! d(a, b) = | phi(a) / |phi(a)| - phi(b) / |phi(b)| | = sqrt(2 - 2 k(a, b))
//! ```

use crate::error::Result;
use crate::space::Architecture;

/// phi: hashes with their counts, sorted.
pub(super) struct Features(Vec<(u64, usize)>);

impl Features {
    pub(super) fn of(arch: &Architecture, iterations: usize, whole: bool) -> Result<Features> {
        arch.wl(iterations, whole).map(Features)
    }

    pub(super) fn distance(&self, other: &Features) -> f64 {
        // Equal vectors are at 0 exactly, whatever the square roots are rounded to.
        if self.0 == other.0 {
            return 0.0;
        }
        (2.0 - 2.0 * self.kernel(other)).max(0.0).sqrt()
    }

    fn kernel(&self, other: &Features) -> f64 {
        dot(&self.0, &other.0) / (dot(&self.0, &self.0) * dot(&other.0, &other.0)).sqrt()
    }
}

/// The dot product of two sorted lists.
fn dot(a: &[(u64, usize)], b: &[(u64, usize)]) -> f64 {
    let (mut i, mut j, mut sum) = (0, 0, 0.0);
    while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
        match x.0.cmp(&y.0) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                sum += x.1 as f64 * y.1 as f64;
                (i, j) = (i + 1, j + 1);
            }
        }
    }
    sum
}
