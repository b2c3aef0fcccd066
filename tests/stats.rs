//! Rank correlations, against SciPy and against their definitions.

use nascent::stats::{kendall_tau, spearman};
use proptest::prelude::*;

/// SciPy 1.17.1:
/// ```text
/// from scipy.stats import kendalltau, spearmanr
/// print(kendalltau(x, y).statistic, spearmanr(x, y).statistic)
/// ```
#[test]
fn values_of_scipy() {
    let i = || (0..200).map(f64::from);
    let cases = [
        (
            vec![1.0, 2.0, 3.0, 4.0, 5.0],
            vec![3.0, 4.0, 1.0, 2.0, 5.0],
            0.19999999999999998,
            0.19999999999999998,
        ),
        (
            vec![12.0, 2.0, 1.0, 12.0, 2.0],
            vec![1.0, 4.0, 7.0, 1.0, 0.0],
            -0.4714045207910316,
            -0.5407380704358752,
        ),
        (
            vec![1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 3.0, 4.0],
            vec![2.0, 1.0, 1.0, 3.0, 3.0, 3.0, 4.0, 2.0],
            0.39130434782608703,
            0.5064102564102565,
        ),
        (
            i().map(|i| i * 37.0 % 101.0).collect(),
            i().map(|i| i * 53.0 % 11.0).collect(),
            0.06566978539329404,
            0.13814539315981025,
        ),
        (
            i().map(|i| i * 37.0 % 101.0 / 7.0 + i * 0.01).collect(),
            i().map(|i| (i * 53.0 % 89.0).sqrt() + i * 0.05).collect(),
            0.09372565797919243,
            0.13632281143353497,
        ),
        (
            vec![0.0, -0.0, 1.0, f64::INFINITY],
            vec![1.0, 2.0, 2.0, 3.0],
            0.7999999999999999,
            0.8333333333333335,
        ),
    ];
    for (n, (x, y, tau, rho)) in cases.into_iter().enumerate() {
        let found = (kendall_tau(&x, &y).unwrap(), spearman(&x, &y).unwrap());
        assert!((found.0 - tau).abs() < 1e-12, "{n}: tau {} for {tau}", found.0);
        assert!((found.1 - rho).abs() < 1e-12, "{n}: rho {} for {rho}", found.1);
    }
}

#[test]
fn what_has_no_order_is_an_error_that_says_so() {
    let cases: [(&[f64], &[f64], &str); 5] = [
        (&[1.0, 2.0], &[1.0], "with 2 and 1 values: both lists need the same length"),
        (&[1.0], &[1.0], "with 1 value: an order needs at least two"),
        (&[], &[], "with 0 values"),
        (&[1.0, 2.0, 3.0], &[1.0, f64::NAN, 2.0], "y[1] = NaN"),
        (&[0.5, 0.5, 0.5], &[1.0, 2.0, 3.0], "all of x is 0.5"),
    ];
    for (x, y, says) in cases {
        for e in [kendall_tau(x, y).unwrap_err(), spearman(x, y).unwrap_err()] {
            assert!(e.to_string().contains(says), "{e}");
        }
    }
}

#[test]
fn many_values_take_no_time() {
    // 200,000 values are 2e10 pairs. 7919 is prime: every value once, in disorder.
    let n = 200_000u64;
    let x: Vec<f64> = (0..n).map(|i| (i * 7919 % n) as f64).collect();
    let squares: Vec<f64> = x.iter().map(|v| -v * v).collect();
    assert_eq!(kendall_tau(&x, &squares).unwrap(), -1.0);
    assert!((spearman(&x, &squares).unwrap() + 1.0).abs() < 1e-12);
}

/// Tau-b by looking at every pair.
fn tau_of_pairs(x: &[f64], y: &[f64]) -> f64 {
    let sign = |a: f64, b: f64| f64::from(i8::from(a > b) - i8::from(a < b));
    let (mut sum, mut in_x, mut in_y) = (0.0, 0.0, 0.0);
    for i in 0..x.len() {
        for j in 0..i {
            let (a, b) = (sign(x[i], x[j]), sign(y[i], y[j]));
            (sum, in_x, in_y) = (sum + a * b, in_x + a * a, in_y + b * b);
        }
    }
    sum / f64::sqrt(in_x * in_y)
}

/// Pearson's correlation of ranks that are counted one by one.
fn rho_of_counts(x: &[f64], y: &[f64]) -> f64 {
    let rank = |values: &[f64], v: f64| {
        let below = values.iter().filter(|o| **o < v).count() as f64;
        below + (values.iter().filter(|o| **o == v).count() as f64 + 1.0) / 2.0
    };
    let centred = |values: &[f64]| -> Vec<f64> {
        let ranks: Vec<f64> = values.iter().map(|v| rank(values, *v)).collect();
        let mean = ranks.iter().sum::<f64>() / ranks.len() as f64;
        ranks.iter().map(|r| r - mean).collect()
    };
    let (a, b) = (centred(x), centred(y));
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt()
}

proptest! {
    #[test]
    fn both_agree_with_their_definitions(
        pairs in prop::collection::vec((0u8..8, 0u8..6), 2..60),
    ) {
        let x: Vec<f64> = pairs.iter().map(|p| f64::from(p.0)).collect();
        let y: Vec<f64> = pairs.iter().map(|p| f64::from(p.1) - 2.5).collect();
        let differ = |v: &[f64]| v.iter().any(|o| *o != v[0]);
        prop_assert_eq!(kendall_tau(&x, &y).is_ok(), differ(&x) && differ(&y));
        if let (Ok(tau), Ok(rho)) = (kendall_tau(&x, &y), spearman(&x, &y)) {
            prop_assert!((tau - tau_of_pairs(&x, &y)).abs() < 1e-12);
            prop_assert!((rho - rho_of_counts(&x, &y)).abs() < 1e-12);
            prop_assert!((tau - kendall_tau(&y, &x).unwrap()).abs() < 1e-12);
            let turned: Vec<f64> = x.iter().map(|v| -v).collect();
            prop_assert!((tau + kendall_tau(&turned, &y).unwrap()).abs() < 1e-12);
        }
    }
}
