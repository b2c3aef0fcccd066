//! What a cheap score costs in the end: how far the best network among the few that it likes most falls
//! short of the best of all.
//!
//! ```text
//! S_k      = the k networks that the cheap score puts first
//! regret_k = max over all of truth - max over S_k of truth
//! ```
//!
//! A search does not need the whole order. It trains a few networks alone that the cheap score likes, and
//! keeps the best of them, so a correlation of all ranks says less than the regret of the top: a score
//! may sort the bad networks well and still be wrong about the good ones.

use super::check::{self, Allowed};
use super::rank::order;
use crate::count::Count;
use crate::error::{Error, Result};

/// How far the truly best of the `k` networks that a cheap score likes most falls short of the truly best
/// of all: 0 where that one is among the `k`, and in the unit of `truth`. `cheap[i]` and `truth[i]` are of
/// the same network; better is larger in both if `maximise`, and smaller otherwise. If there are fewer
/// than `k`, all are taken. Of networks with equal cheap scores the truly worse come first, so that a
/// score does not seem good because it cannot tell them apart.
///
/// ```
/// use nascent::stats::top_k_regret;
/// let (after_3_epochs, after_30) = ([0.61, 0.70, 0.66, 0.52], [0.90, 0.92, 0.95, 0.88]);
/// assert!((top_k_regret(after_3_epochs, after_30, 1, true)? - 0.03).abs() < 1e-12);
/// assert_eq!(top_k_regret(after_3_epochs, after_30, 2, true)?, 0.0);
/// # Ok::<(), nascent::Error>(())
/// ```
///
/// # Errors
/// When the lists differ in length or are empty, a cheap score is NaN, a true one is not finite, or `k`
/// is below 1.
pub fn top_k_regret(
    cheap: impl AsRef<[f64]>,
    truth: impl AsRef<[f64]>,
    k: impl Count,
    maximise: bool,
) -> Result<f64> {
    let (call, cheap, truth) = ("top_k_regret(cheap, truth, k)", cheap.as_ref(), truth.as_ref());
    if cheap.len() != truth.len() {
        return Err(Error::invalid(
            format!("{call} with {} and {} values", cheap.len(), truth.len()),
            "both lists need the same length",
            "one value of each for every network",
        ));
    }
    check::sample(call, "cheap", cheap, Allowed::Ordered)?;
    check::numbers(call, "truth", truth, Allowed::Finite)?;
    if k.to_i64() < 1 {
        return Err(Error::invalid(
            format!("{call} with k = {}", k.to_i64()),
            "at least 1 network has to be chosen",
            "k = 5",
        ));
    }
    Ok(regrets(&liked(cheap, truth, maximise), truth, &[k.to_size()], maximise)[0])
}

/// The places of the networks in the order in which a cheap score likes them; of equal ones the truly
/// worse come first.
pub(crate) fn liked(cheap: &[f64], truth: &[f64], maximise: bool) -> Vec<usize> {
    let mut places: Vec<usize> = (0..cheap.len()).collect();
    places.sort_by(|&a, &b| {
        let by_cheap = order(&cheap[a], &cheap[b]);
        let by_truth = order(&truth[a], &truth[b]);
        if maximise { by_cheap.reverse().then(by_truth) } else { by_cheap.then(by_truth.reverse()) }
    });
    places
}

/// The regret of the first `k` places for each `k`, each at least 1; there is at least one place.
pub(crate) fn regrets(liked: &[usize], truth: &[f64], ks: &[usize], maximise: bool) -> Vec<f64> {
    let gain = |&place: &usize| if maximise { truth[place] } else { -truth[place] };
    let best = |places: &[usize]| places.iter().map(gain).fold(f64::NEG_INFINITY, f64::max);
    let top = best(liked);
    ks.iter().map(|&k| top - best(&liked[..k.min(liked.len())])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_worked_out_by_hand() {
        let (cheap, truth) = ([3.0, 1.0, 2.0, 5.0, 4.0], [0.5, 0.9, 0.6, 0.2, 0.7]);
        let of = |k: usize, maximise| top_k_regret(cheap, truth, k, maximise).unwrap();
        // By falling cheap score the truths are 0.2, 0.7, 0.5, 0.6, 0.9.
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
        for (k, regret) in [(1, 0.7), (2, 0.2), (3, 0.2), (4, 0.2), (5, 0.0), (99, 0.0)] {
            near(of(k, true), regret);
        }
        // By rising cheap score they are 0.9, 0.6, 0.5, 0.7, 0.2, and less is better.
        for (k, regret) in [(1, 0.7), (2, 0.4), (3, 0.3), (4, 0.3), (5, 0.0)] {
            near(of(k, false), regret);
        }
    }

    #[test]
    fn a_tie_is_no_knowledge_and_the_order_of_the_list_does_not_count() {
        let of =
            |cheap: &[f64], truth: &[f64], k: usize| top_k_regret(cheap, truth, k, true).unwrap();
        assert_eq!(of(&[1.0, 1.0, 1.0], &[0.0, 4.0, 3.0], 1), 4.0);
        assert_eq!(of(&[1.0, 1.0, 1.0], &[4.0, 3.0, 0.0], 1), 4.0);
        assert_eq!(of(&[1.0, 1.0, 1.0], &[4.0, 3.0, 0.0], 2), 1.0);
        assert_eq!(of(&[0.0, -0.0], &[2.0, 1.0], 1), 1.0);
        assert_eq!(of(&[f64::INFINITY, 1.0, f64::NEG_INFINITY], &[1.0, 2.0, 3.0], 1), 2.0);
    }

    #[test]
    fn what_has_no_answer_is_refused() {
        let said = |e: Result<f64>| e.unwrap_err().to_string();
        assert!(said(top_k_regret([1.0], [1.0, 2.0], 1, true)).contains("1 and 2 values"));
        assert!(said(top_k_regret([], [], 1, true)).contains("cheap is empty"));
        assert!(said(top_k_regret([f64::NAN], [1.0], 1, true)).contains("cheap[0] = NaN"));
        assert!(said(top_k_regret([1.0], [f64::INFINITY], 1, true)).contains("truth[0] = inf"));
        assert!(said(top_k_regret([1.0], [1.0], 0, true)).contains("k = 0"));
        assert!(said(top_k_regret([1.0], [1.0], -3, true)).contains("k = -3"));
    }
}
