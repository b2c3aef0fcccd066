//! Several tests at once: Holm's correction, so that many tests do not find something by chance.
//!
//! Holm (A Simple Sequentially Rejective Multiple Test Procedure, Scandinavian J. of Statistics 6,
//! 1979) keeps the probability of any false alarm below the level, however the tests depend on each
//! other, and rejects at least as much as Bonferroni's correction:
//!
//! ```text
//! p_(1) <= p_(2) <= ... <= p_(m);   adjusted p_(i) = max over j <= i of min(1, (m - j + 1) p_(j))
//! ```

use crate::error::{Error, Result};

/// The p-values corrected for multiple testing, in the given order: a test whose corrected value is at
/// most 0.05 is significant at 0.05 over all of them together.
///
/// ```
/// use nascent::stats::holm;
/// assert_eq!(holm([0.01, 0.04, 0.03])?, [0.03, 0.06, 0.06]);
/// # Ok::<(), nascent::Error>(())
/// ```
///
/// # Errors
/// When a value is not from 0 to 1.
pub fn holm(p_values: impl AsRef<[f64]>) -> Result<Vec<f64>> {
    let p_values = p_values.as_ref();
    if let Some(at) = p_values.iter().position(|p| !(0.0..=1.0).contains(p)) {
        return Err(Error::invalid(
            format!("holm(p_values) with p_values[{at}] = {}", p_values[at]),
            "a probability is from 0 to 1",
            "the p of each test",
        ));
    }
    let m = p_values.len();
    let mut order: Vec<usize> = (0..m).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let (mut adjusted, mut so_far) = (vec![0.0; m], 0.0f64);
    for (before, place) in order.into_iter().enumerate() {
        so_far = so_far.max(((m - before) as f64 * p_values[place]).min(1.0));
        adjusted[place] = so_far;
    }
    Ok(adjusted)
}
