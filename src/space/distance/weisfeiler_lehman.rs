//! The Weisfeiler-Lehman distance: that of the normalised features of two graphs. See
//! `src/graph/wl.rs` for the features and for the papers.
//!
//! ```text
//! k(a, b) = <phi(a), phi(b)> / (|phi(a)| |phi(b)|)
//! d(a, b) = | phi(a) / |phi(a)| - phi(b) / |phi(b)| | = sqrt(2 - 2 k(a, b))
//! ```

/// The distance of two lists of hashes with their counts, each sorted: phi(a) and phi(b).
pub(super) fn distance(a: &[(u64, usize)], b: &[(u64, usize)]) -> f64 {
    // Equal vectors are at 0 exactly, however the square roots are rounded.
    if a == b {
        return 0.0;
    }
    let kernel = dot(a, b) / (dot(a, a) * dot(b, b)).sqrt();
    (2.0 - 2.0 * kernel).max(0.0).sqrt()
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
