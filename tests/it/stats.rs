//! Statistics, against SciPy, NumPy and pymoo, and against their definitions.

use nascent::stats::{
    Band, Statistic, bootstrap, bootstrap_curve, crowding_distance, friedman, holm, hypervolume,
    kendall_tau, non_dominated_sort, paired_superiority, pareto_front, quantile, spearman, summary,
    superiority, wilcoxon,
};
use nascent::{Error, Rng};
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

/// The integers that all of the samples below are made of.
fn column(factor: usize, modulus: usize, n: usize) -> Vec<f64> {
    (0..n).map(|i| (i * factor % modulus) as f64).collect()
}

fn close(found: f64, expected: f64, tolerance: f64, what: &str) {
    let within = found == expected || (found - expected).abs() <= tolerance;
    assert!(within, "{what}: {found} for {expected}");
}

/// NumPy 2: `np.mean(v), np.std(v, ddof=1), [np.quantile(v, q) for q in (0, .1, .25, .5, .9, 1)]`.
#[test]
fn summaries_are_numpys() {
    let v = [3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0];
    let s = summary(v).unwrap();
    assert_eq!((s.count, s.mean, s.least, s.most, s.median), (8, 3.875, 1.0, 9.0, 3.5));
    close(s.deviation.unwrap(), 2.748376143938713, 1e-14, "deviation");
    assert_eq!((s.lower_quartile, s.upper_quartile), (1.75, 5.25));
    for (q, expected) in [(0.0, 1.0), (0.1, 1.0), (0.25, 1.75), (0.5, 3.5), (0.9, 6.9), (1.0, 9.0)]
    {
        close(quantile(v, q).unwrap(), expected, 1e-14, &format!("quantile {q}"));
    }
    let one = summary([0.5]).unwrap();
    assert_eq!((one.mean, one.deviation, one.median), (0.5, None, 0.5));
    assert_eq!(one.to_string(), "0.5, median 0.5, 0.5 to 0.5, 1 value");
    // 0.1 three times is not 0.3, but its mean is 0.1.
    let equal = summary([0.1; 3]).unwrap();
    assert_eq!((equal.mean, equal.deviation), (0.1, Some(0.0)));
    let large = summary([93_412.0, 0.000_123, -2e15]).unwrap().to_string();
    assert!(large.contains("median 0.000123, -2.00e15 to 93412"), "{large}");
}

/// SciPy 1.17.1, where the percentiles of this many resamples no longer move by more than a rank:
/// ```text
/// bootstrap((x,), statistic, n_resamples=200000, method="percentile", rng=default_rng(1))
/// ```
#[test]
fn bands_are_scipys() {
    let x = column(37, 101, 30);
    for (statistic, value, low, high) in
        [(Statistic::Mean, 48.333333333333336, 37.9, 58.7), (Statistic::Median, 48.5, 31.5, 65.0)]
    {
        let band = bootstrap(&x, statistic, 0.95, 100_000, &mut Rng::new(1)).unwrap();
        close(band.value, value, 1e-12, "value");
        close(band.low, low, 0.2, "low");
        close(band.high, high, 0.2, "high");
    }
    // n_resamples=100000 of mannwhitneyu(x, y).statistic / 750.
    let y = column(53, 89, 25);
    let a = superiority(&x, &y, true, 0.95, 100_000, &mut Rng::new(1)).unwrap();
    close(a.value, 0.532, 1e-12, "A");
    close(a.low, 0.378, 0.003, "A, low");
    close(a.high, 0.6833333333333333, 0.003, "A, high");
}

/// The bands from the same draws, each statistic computed afresh.
fn slow_band(
    values: &[f64],
    statistic: Statistic,
    level: f64,
    resamples: usize,
    seed: u64,
) -> Band {
    let mut rng = Rng::new(seed);
    let of = |values: &[f64]| match statistic {
        Statistic::Mean => values.iter().sum::<f64>() / values.len() as f64,
        Statistic::Median => quantile(values, 0.5).unwrap(),
    };
    let n = values.len();
    let resampled: Vec<f64> = (0..resamples)
        .map(|_| of(&(0..n).map(|_| values[rng.below(n)]).collect::<Vec<_>>()))
        .collect();
    let at = |share: f64| quantile(&resampled, share).unwrap();
    Band { low: at((1.0 - level) / 2.0), value: of(values), high: at((1.0 + level) / 2.0) }
}

#[test]
fn a_curve_is_resampled_as_a_whole() {
    let draw = |seed| {
        let mut rng = Rng::new(9);
        let rows = vec![vec![0.25, 0.5], vec![0.5, 1.0], vec![1.0, 2.0], vec![0.75, 1.5]];
        bootstrap_curve(&rows, Statistic::Mean, 0.9, 200, &mut rng.stream("seed", seed)).unwrap();
        bootstrap_curve(rows, Statistic::Mean, 0.9, 200, &mut rng).unwrap()
    };
    let bands = draw(1);
    // The second point is twice the first on every seed: so is its band.
    assert_eq!((2.0 * bands[0].low, 2.0 * bands[0].high), (bands[1].low, bands[1].high));
    assert_eq!(bands, draw(2));
    for statistic in [Statistic::Mean, Statistic::Median] {
        let one = bootstrap([0.7], statistic, 0.95, 10, &mut Rng::new(1)).unwrap();
        assert_eq!(one, Band { low: 0.7, value: 0.7, high: 0.7 });
        let equal = bootstrap([0.1; 7], statistic, 0.95, 50, &mut Rng::new(1)).unwrap();
        assert_eq!(equal, Band { low: 0.1, value: 0.1, high: 0.1 });
    }
    let band = bootstrap([0.7], Statistic::Mean, 0.95, 1, &mut Rng::new(1)).unwrap();
    assert_eq!(band.to_string(), "0.7 [0.7, 0.7]");
}

#[test]
fn superiority_counts_ties_half_and_turns_with_the_direction() {
    let mut rng = Rng::new(1);
    let (x, y) = ([1.0, 2.0, 3.0], [2.0, 2.0, f64::INFINITY, 0.0]);
    // Pairs of x above y: 1; 1 and two ties; 3.
    let a = superiority(x, y, true, 0.95, 100, &mut rng).unwrap().value;
    close(a, (1.0 + 2.0 + 3.0) / 12.0, 1e-15, "A");
    let down = superiority(x, y, false, 0.95, 100, &mut rng).unwrap().value;
    close(a + down, 1.0, 1e-15, "both directions");
    let sure = superiority([2.0, 3.0], [1.0], true, 0.95, 100, &mut rng).unwrap();
    assert_eq!((sure.low, sure.value, sure.high), (1.0, 1.0, 1.0));
    let paired = |maximise| {
        let (x, y) = ([1.0, 2.0, 3.0, 9.0], [1.0, 1.0, 4.0, 0.0]);
        paired_superiority(x, y, maximise, 0.95, 100, &mut Rng::new(1)).unwrap().value
    };
    assert_eq!((paired(true), paired(false)), (2.5 / 4.0, 1.5 / 4.0));
}

/// SciPy 1.17.1, `wilcoxon(x, y)`, where that is exact or more than 50 pairs differ; for the others the
/// distribution over all signs, in Python's fractions.
#[test]
fn signed_ranks_are_scipys() {
    let (a, b) = (column(37, 101, 200), column(53, 89, 200));
    let bent: Vec<f64> = (0..200).map(|i| a[i] * 1.01 + (i as f64).sqrt()).collect();
    let plus = |by: f64, v: Vec<f64>| v.into_iter().map(|v| v + by).collect::<Vec<f64>>();
    let s = column(1, 1000, 20);
    let above: Vec<f64> = s.iter().map(|s| s + 1.0 + 0.01 * s * s).collect();
    let same = vec![1.0, 2.0, 3.0, 4.0, 5.0];
    let cases = [
        ("one", vec![1.0], vec![0.5], 0.0, 1.0, true),
        ("all one way", above, s, 0.0, 1.9073486328125e-06, true),
        ("50, one zero", bent[..50].to_vec(), b[..50].to_vec(), 374.0, 0.01696513917495679, true),
        ("50", bent[1..51].to_vec(), b[1..51].to_vec(), 407.0, 0.025500083179634814, true),
        ("51", bent[1..52].to_vec(), b[1..52].to_vec(), 410.0, 0.017716664287365864, false),
        ("13 tied", column(7, 5, 13), column(3, 4, 13), 13.5, 0.34375, true),
        ("14 tied", column(7, 5, 14), column(3, 4, 14), 20.0, 0.5078125, true),
        (
            "40 tied",
            plus(1.0, column(7, 11, 40)),
            column(3, 8, 40),
            90.0,
            4.777379217557609e-05,
            true,
        ),
        ("200", plus(6.0, a), b, 6636.0, 6.83990414563776e-05, false),
        ("no pair differs", same.clone(), same, 0.0, 1.0, true),
    ];
    for (name, x, y, statistic, p, exact) in cases {
        for test in [wilcoxon(&x, &y).unwrap(), wilcoxon(&y, &x).unwrap()] {
            assert_eq!((test.statistic, test.exact), (statistic, exact), "{name}");
            close(test.p, p, 1e-13, name);
        }
    }
    // SciPy returns NaN here.
    let none = wilcoxon([0.5; 60], [0.5; 60]).unwrap();
    assert_eq!((none.p, none.differ, none.exact), (1.0, 0, true));
    assert_eq!(none.to_string(), "Wilcoxon statistic 0, p 1 (exact), 0 pairs differ");
    // Few pairs that differ are few, however many are equal: 2 / 2^n, tied or not.
    for (few, p) in [(4, 0.125), (5, 0.0625), (6, 0.03125)] {
        let x: Vec<f64> = (0..20).map(|i| f64::from(u8::from(i < few))).collect();
        assert_eq!(wilcoxon(&x, [0.0; 20]).unwrap().p, p);
        let untied: Vec<f64> = x.iter().zip(1..).map(|(x, i)| x * f64::from(i)).collect();
        assert_eq!(wilcoxon(&untied, [0.0; 20]).unwrap().p, p);
    }
}

/// statsmodels' `multipletests(p, method="holm")`, by hand: 6 p, 5 p, ... and never falling.
#[test]
fn holms_correction() {
    let p = [0.01, 0.2, 0.005, 0.04, 0.03, 1.0];
    let expected = [0.05, 0.4, 0.03, 0.12, 0.12, 1.0];
    for (found, expected) in holm(p).unwrap().into_iter().zip(expected) {
        close(found, expected, 1e-15, "adjusted p");
    }
    assert!(holm([]).unwrap().is_empty());
    assert_eq!(holm([0.9, 0.8]).unwrap(), [1.0, 1.0]);
}

/// Rows of small integers, by seed and strategy.
fn table(seeds: usize, strategies: usize, value: impl Fn(usize, usize) -> usize) -> Vec<Vec<f64>> {
    (0..seeds).map(|s| (0..strategies).map(|k| value(s, k) as f64).collect()).collect()
}

/// SciPy 1.17.1:
/// ```text
/// friedmanchisquare(*rows.T); rankdata(-rows, axis=1).mean(0)
/// studentized_range.ppf(0.95, k, inf) / sqrt(2) * sqrt(k * (k + 1) / (6 * n))
/// ```
#[test]
fn friedmans_test_is_scipys() {
    let cases = [
        (
            table(12, 5, |s, k| (s * 37 + k * 53) % 29 + 3 * k),
            0.6666666666666572,
            0.9553750807650535,
            vec![3.0, 2.75, 2.9166666666666665, 3.0833333333333335, 3.25],
            3.857655510378623 / f64::sqrt(2.0) * f64::sqrt(30.0 / 72.0),
        ),
        (
            table(10, 4, |s, k| (s * 7 + k * 5 + s * k) % 4),
            4.297297297297306,
            0.2310993243440767,
            vec![2.55, 3.05, 2.35, 2.05],
            1.4832311854364129,
        ),
        (
            table(30, 10, |s, k| (s * 37 + k * 53) % 101 + k),
            19.4909090909091,
            0.02132768486797199,
            vec![
                6.566666666666666,
                6.566666666666666,
                5.9,
                6.233333333333333,
                5.233333333333333,
                5.566666666666666,
                4.9,
                5.233333333333333,
                4.233333333333333,
                4.566666666666666,
            ],
            4.474124221725907 / f64::sqrt(2.0) * f64::sqrt(110.0 / 180.0),
        ),
    ];
    for (rows, statistic, p, ranks, critical_difference) in cases {
        let test = friedman(&rows, true, 0.05).unwrap();
        close(test.statistic, statistic, 1e-12, "statistic");
        close(test.p, p, 1e-12, "p");
        close(test.critical_difference, critical_difference, 1e-8, "critical difference");
        for (found, expected) in test.ranks.iter().zip(&ranks) {
            close(*found, *expected, 1e-12, "rank");
        }
        let turned = friedman(&rows, false, 0.05).unwrap();
        close(turned.statistic, statistic, 1e-12, "statistic, minimised");
        for (found, expected) in turned.ranks.iter().zip(&ranks) {
            close(found + expected, ranks.len() as f64 + 1.0, 1e-12, "rank, minimised");
        }
    }
}

/// Demsar (2006), table 5: q_0.05 and q_0.10 of the Nemenyi test for 2 to 10 strategies. With
/// 6 N = k (k + 1) the critical difference is q itself.
#[test]
fn critical_values_are_those_of_demsar() {
    let q05 = [1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164];
    let q10 = [1.645, 2.052, 2.291, 2.459, 2.589, 2.693, 2.780, 2.855, 2.920];
    for (k, q05, q10) in (2..).zip(q05).zip(q10).map(|((k, a), b)| (k, a, b)) {
        let rows = table(6, k, |s, j| s + j);
        for (alpha, q) in [(0.05, q05), (0.1, q10)] {
            let cd = friedman(&rows, true, alpha).unwrap().critical_difference;
            close(cd * 6.0 / f64::sqrt((k * (k + 1)) as f64), q, 0.001, &format!("k = {k}"));
        }
    }
}

#[test]
fn cliques_are_the_bars_of_the_diagram() {
    // Each of 60 seeds puts the five in the same order: neighbours are one rank apart.
    let orderly = table(60, 5, |_, k| k);
    // q_0.05 of 5 is 2.728: 60 seeds make it 0.79, 30 make it 1.11, 10 make it 1.93.
    let cliques = |n: usize, maximise| friedman(&orderly[..n], maximise, 0.05).unwrap().cliques;
    assert_eq!(cliques(60, true), Vec::<Vec<usize>>::new());
    assert_eq!(cliques(30, true), [[4, 3], [3, 2], [2, 1], [1, 0]]);
    assert_eq!(cliques(30, false), [[0, 1], [1, 2], [2, 3], [3, 4]]);
    assert_eq!(cliques(1, true), [[4, 3, 2, 1, 0]]);
    // Everything is tied: SciPy returns NaN.
    let tied = friedman([[0.5; 3]; 4], true, 0.05).unwrap();
    assert_eq!((tied.statistic, tied.p, tied.ranks), (0.0, 1.0, vec![2.0; 3]));
    assert_eq!(tied.cliques, [[0, 1, 2]]);
    let failed = friedman([[f64::NEG_INFINITY, 0.1], [0.2, 0.1]], true, 0.05).unwrap();
    assert_eq!(failed.ranks, [1.5, 1.5]);
}

/// Points that pymoo was given as well: hundredths without a pattern.
fn points(n: usize, objectives: usize) -> Vec<Vec<f64>> {
    let value = |i: usize, j: usize| (i * 37 + 11 * j * j + 7) * (j + 3) * (i + 1) % 101;
    let row = |i| (0..objectives).map(|j| value(i, j) as f64 / 100.0).collect();
    (0..n).map(row).collect()
}

/// pymoo 0.6.2: `HV(ref_point=np.array(reference))(points)`; some points lie beyond the second one.
#[test]
fn volumes_are_pymoos() {
    let reference = [0.9, 0.8, 1.1, 0.7, 1.0];
    for (d, n, of_ones, of_reference) in [
        (1, 20, 1.0, 0.9),
        (2, 40, 0.9512, 0.6738000000000001),
        (3, 40, 0.9114570000000001, 0.7054910000000001),
        (4, 40, 0.80495622, 0.4025052000000001),
        (5, 30, 0.5241299278, 0.22995043020000006),
    ] {
        let points = points(n, d);
        let found = hypervolume(&points, vec![1.0; d]).unwrap();
        close(found, of_ones, 1e-12, &format!("{d} objectives"));
        let found = hypervolume(&points, &reference[..d]).unwrap();
        close(found, of_reference, 1e-12, &format!("{d} objectives, second reference"));
    }
}

#[test]
fn volumes_of_next_to_nothing() {
    assert_eq!(hypervolume(Vec::<Vec<f64>>::new(), [1.0, 1.0]).unwrap(), 0.0);
    assert_eq!(hypervolume([[1.0, 0.0], [2.0, -9.0]], [1.0, 1.0]).unwrap(), 0.0);
    assert_eq!(hypervolume([[0.0; 4]; 3], [2.0; 4]).unwrap(), 16.0);
    assert_eq!(hypervolume([[-1.0, 0.0, -0.0], [5.0, 0.0, 0.0]], [1.0; 3]).unwrap(), 2.0);
}

/// pymoo 0.6.2: `NonDominatedSorting().do(points)`, `get_crowding_function("cd").do(points)`.
#[test]
fn fronts_and_crowding_are_pymoos() {
    let inf = f64::INFINITY;
    let fronts = [
        (
            2,
            vec![
                vec![3, 8, 9, 10, 15, 17],
                vec![0, 4, 5, 12, 19],
                vec![1, 7, 16],
                vec![2, 6, 14],
                vec![11, 13, 18],
            ],
            [
                0.4004347826086957,
                inf,
                inf,
                0.49847826086956526,
                0.17869565217391303,
                0.22521739130434784,
            ],
        ),
        (
            3,
            vec![
                vec![3, 8, 9, 10, 15, 17],
                vec![0, 4, 5, 11, 12, 19],
                vec![1, 2, 6, 7, 14, 16],
                vec![13, 18],
            ],
            [0.3020442410373761, inf, inf, 0.5112662090007628, inf, inf],
        ),
    ];
    for (d, fronts, crowding) in fronts {
        let points = points(20, d);
        assert_eq!(non_dominated_sort(&points).unwrap(), fronts);
        assert_eq!(pareto_front(&points).unwrap(), fronts[0]);
        let first: Vec<&[f64]> = fronts[0].iter().map(|&i| &points[i][..]).collect();
        for (found, expected) in crowding_distance(&first).unwrap().into_iter().zip(crowding) {
            close(found, expected, 1e-14, "crowding");
        }
    }
    // Equal points, and ends that are ties: the first of them is the end.
    let rows = [[0.0, 1.0, 2.0], [1.0; 3], [1.0; 3], [2.0, 1.0, 0.0], [0.5, 1.0, 1.0]];
    let found = crowding_distance(rows).unwrap();
    for (found, expected) in found.into_iter().zip([inf, 0.25, 1.0 / 6.0, inf, 1.0 / 3.0]) {
        close(found, expected, 1e-14, "crowding of ties");
    }
    assert_eq!(crowding_distance([[0.5, 0.5]; 4]).unwrap(), [0.0; 4]);
    assert_eq!(crowding_distance([[0.5, 0.5]; 2]).unwrap(), [inf; 2]);
    assert_eq!(crowding_distance([[-1e308], [0.0], [1e308]]).unwrap(), [inf, 1.0, inf]);
    assert!(crowding_distance(Vec::<Vec<f64>>::new()).unwrap().is_empty());
    assert!(non_dominated_sort(Vec::<Vec<f64>>::new()).unwrap().is_empty());
    assert_eq!(pareto_front([[1.0, inf], [1.0, 2.0], [1.0, 2.0]]).unwrap(), [1, 2]);
}

#[test]
fn what_cannot_be_compared_is_an_error_that_says_so() {
    let nan = f64::NAN;
    let rng = &mut Rng::new(1);
    let none: [[f64; 2]; 0] = [];
    let says = |error: Option<Error>, text: &str| {
        let error = error.expect(text).to_string();
        assert!(error.contains(text) && error.contains("Try "), "{error}");
    };
    says(summary([]).err(), "values is empty: at least one value is needed");
    says(summary([1.0, nan]).err(), "values[1] = NaN: only finite numbers are allowed");
    says(quantile([1.0], 1.5).err(), "share 1.5: 0 to 1 is allowed");
    let boot = |values: &[f64], level, resamples: i64| {
        bootstrap(values, Statistic::Mean, level, resamples, &mut Rng::new(1)).err()
    };
    says(boot(&[], 0.95, 10), "values is empty");
    says(boot(&[1.0, f64::INFINITY], 0.95, 10), "values[1] = inf");
    says(boot(&[1.0], 95.0, 10), "level 95: above 0 and below 1 is allowed");
    says(boot(&[1.0], nan, 10), "level NaN");
    says(boot(&[1.0], 0.95, 0), "0 resamples of 1 values: 1 to 1000000 are allowed");
    says(boot(&[1.0], 0.95, -3), "-3 resamples");
    says(boot(&[1.0; 1000], 0.95, i64::MAX), "1 to 100000 are allowed");
    let mut curve =
        |rows: &[Vec<f64>]| bootstrap_curve(rows, Statistic::Median, 0.9, 10, rng).err();
    says(curve(&[]), "0 rows of length 0: at least one seed with one point is needed");
    says(curve(&[vec![], vec![]]), "2 rows of length 0");
    says(curve(&[vec![1.0], vec![1.0, 2.0]]), "rows[0] has length 1 and rows[1] has 2");
    says(curve(&[vec![1.0, 2.0], vec![nan, 2.0]]), "rows[1][0] = NaN");
    says(
        friedman(none, true, 0.05).err(),
        "0 rows of length 0: at least one seed and two strategies",
    );
    says(friedman([[1.0], [2.0]], true, 0.05).err(), "2 rows of length 1");
    says(
        friedman([[1.0, nan]], true, 0.05).err(),
        "rows[0][1] = NaN: NaN has no place in an order",
    );
    says(friedman([[1.0, 2.0]], true, 5.0).err(), "alpha 5: above 0 and below 1");
    says(
        wilcoxon([1.0], [1.0, 2.0]).err(),
        "1 and 2 values: pairs need two lists of the same length",
    );
    says(wilcoxon([], []).err(), "x is empty");
    says(wilcoxon([1.0], [nan]).err(), "y[0] = NaN");
    says(holm([0.5, 1.5]).err(), "p_values[1] = 1.5: a probability is from 0 to 1");
    says(holm([nan]).err(), "p_values[0] = NaN");
    let rng = &mut Rng::new(1);
    says(superiority([1.0], [], true, 0.95, 10, rng).err(), "y is empty");
    says(superiority([nan], [1.0], true, 0.95, 10, rng).err(), "x[0] = NaN");
    says(paired_superiority([1.0], [], true, 0.95, 10, rng).err(), "1 and 0 values");
    says(paired_superiority([1.0], [1.0], true, 0.0, 10, rng).err(), "level 0");
    says(pareto_front([[1.0, nan]]).err(), "points[0][1] = NaN");
    says(pareto_front([[], []]).err(), "2 rows of length 0: at least one objective is needed");
    says(
        non_dominated_sort([vec![1.0], vec![]]).err(),
        "points[0] has length 1 and points[1] has 0",
    );
    says(crowding_distance([[1.0, f64::INFINITY]]).err(), "only finite numbers are allowed");
    says(hypervolume([[1.0, nan]], [2.0, 2.0]).err(), "points[0][1] = NaN");
    says(hypervolume([[1.0, -f64::INFINITY]], [2.0, 2.0]).err(), "points[0][1] = -inf");
    says(hypervolume([[1.0, 1.0]], [2.0, nan]).err(), "reference[1] = NaN");
    says(hypervolume([[1.0, 1.0]], [2.0]).err(), "2 objectives and 1 of the reference");
    says(hypervolume(none, []).err(), "reference is empty");
}

/// All rows, by looking at every pair.
fn undominated(points: &[Vec<f64>]) -> Vec<usize> {
    let dominates = |a: &[f64], b: &[f64]| {
        a.iter().zip(b).all(|(a, b)| a <= b) && a.iter().zip(b).any(|(a, b)| a < b)
    };
    (0..points.len()).filter(|&i| !points.iter().any(|p| dominates(p, &points[i]))).collect()
}

/// The volume of integer points below 6, by counting unit cubes.
fn cubes(points: &[Vec<f64>], objectives: u32) -> f64 {
    let cells = (0..6usize.pow(objectives)).filter(|cell| {
        let at = |j: usize| (cell / 6usize.pow(j as u32) % 6) as f64;
        points.iter().any(|p| p.iter().enumerate().all(|(j, v)| *v <= at(j)))
    });
    cells.count() as f64
}

/// Rows of whole numbers below `values`, where ties are frequent.
fn rows(columns: usize, values: u8, most: usize) -> impl Strategy<Value = Vec<Vec<f64>>> {
    let row = prop::collection::vec((0..values).prop_map(f64::from), columns);
    prop::collection::vec(row, 1..most)
}

proptest! {
    #[test]
    fn bands_agree_with_working_each_resample_out(
        rows in (1usize..12).prop_flat_map(|points| rows(points, 9, 14)), seed in 0u64..1000, level in 0.01f64..0.99,
    ) {
        for statistic in [Statistic::Mean, Statistic::Median] {
            let found = bootstrap_curve(&rows, statistic, level, 37, &mut Rng::new(seed)).unwrap();
            for (at, found) in found.iter().enumerate() {
                let column: Vec<f64> = rows.iter().map(|row| row[at]).collect();
                let slow = slow_band(&column, statistic, level, 37, seed);
                for (a, b) in [(found.low, slow.low), (found.value, slow.value), (found.high, slow.high)] {
                    prop_assert!((a - b).abs() < 1e-12, "{statistic:?} {at}: {found:?} for {slow:?}");
                }
                prop_assert_eq!(found, &bootstrap(&column, statistic, level, 37, &mut Rng::new(seed)).unwrap());
            }
        }
    }

    #[test]
    fn superiority_agrees_with_looking_at_every_pair(
        x in prop::collection::vec(0u8..6, 1..20), y in prop::collection::vec(0u8..6, 1..20),
    ) {
        let [x, y] = [x, y].map(|v| v.into_iter().map(f64::from).collect::<Vec<_>>());
        let pairs = x.iter().flat_map(|x| y.iter().map(move |y| (x, y)));
        let wins: f64 = pairs.map(|(x, y)| f64::from(u8::from(x > y)) + 0.5 * f64::from(u8::from(x == y))).sum();
        let a = superiority(&x, &y, true, 0.9, 50, &mut Rng::new(1)).unwrap();
        prop_assert!((a.value - wins / (x.len() * y.len()) as f64).abs() < 1e-12);
        prop_assert!(0.0 <= a.low && a.low <= a.high && a.high <= 1.0);
    }

    #[test]
    fn ranks_of_each_seed_sum_to_the_same(rows in (2usize..7).prop_flat_map(|k| rows(k, 5, 20))) {
        let k = rows[0].len() as f64;
        let test = friedman(&rows, true, 0.05).unwrap();
        prop_assert!((test.ranks.iter().sum::<f64>() - k * (k + 1.0) / 2.0).abs() < 1e-9);
        prop_assert!(test.statistic >= 0.0 && (0.0..=1.0).contains(&test.p));
        // A pair is in a clique if and only if it does not differ.
        for i in 0..rows[0].len() {
            for j in 0..i {
                let together = test.cliques.iter().any(|c| c.contains(&i) && c.contains(&j));
                let differ = (test.ranks[i] - test.ranks[j]).abs() >= test.critical_difference;
                prop_assert_eq!(together, !differ);
            }
        }
    }

    #[test]
    fn exact_signed_ranks_count_all_signs(d in prop::collection::vec(-4i8..5, 1..11)) {
        let x: Vec<f64> = d.iter().copied().map(f64::from).collect();
        let test = wilcoxon(&x, vec![0.0; x.len()]).unwrap();
        let sizes: Vec<f64> = x.iter().filter(|d| **d != 0.0).map(|d| d.abs()).collect();
        let rank = |v: f64| sizes.iter().map(|o| f64::from(u8::from(*o < v)) + f64::from(u8::from(*o <= v))).sum::<f64>() / 2.0 + 0.5;
        let ranks: Vec<f64> = sizes.iter().map(|v| rank(*v)).collect();
        let as_uneven = (0..1u32 << ranks.len()).filter(|signs| {
            let plus: f64 = ranks.iter().enumerate().filter(|(i, _)| signs >> i & 1 == 1).map(|(_, r)| r).sum();
            plus <= test.statistic
        });
        let p = (2.0 * as_uneven.count() as f64 / f64::from(1u32 << ranks.len())).min(1.0);
        prop_assert!(test.exact && (test.p - p).abs() < 1e-12, "{} for {p}", test.p);
    }

    #[test]
    fn holm_keeps_the_order_and_lies_below_bonferroni(p in prop::collection::vec(0.0f64..=1.0, 0..20)) {
        let adjusted = holm(&p).unwrap();
        for i in 0..p.len() {
            prop_assert!(adjusted[i] >= p[i] && adjusted[i] <= (p[i] * p.len() as f64).min(1.0));
            for j in 0..p.len() {
                prop_assert!(p[i] > p[j] || adjusted[i] <= adjusted[j]);
            }
        }
    }

    #[test]
    fn fronts_agree_with_looking_at_every_pair(points in (1usize..5).prop_flat_map(|d| rows(d, 6, 40))) {
        prop_assert_eq!(pareto_front(&points).unwrap(), undominated(&points));
        // Each front is what is left when those before it are taken away.
        let mut left: Vec<usize> = (0..points.len()).collect();
        for front in non_dominated_sort(&points).unwrap() {
            let rows: Vec<Vec<f64>> = left.iter().map(|&i| points[i].clone()).collect();
            let expected: Vec<usize> = undominated(&rows).into_iter().map(|i| left[i]).collect();
            prop_assert_eq!(&front, &expected);
            left.retain(|i| !front.contains(i));
        }
        prop_assert!(left.is_empty());
    }

    #[test]
    fn volumes_agree_with_counting_cubes(points in (1usize..5).prop_flat_map(|d| rows(d, 7, 12))) {
        let d = points[0].len();
        let reference = vec![6.0; d];
        let volume = hypervolume(&points, &reference).unwrap();
        prop_assert_eq!(volume, cubes(&points, d as u32));
        let turned: Vec<Vec<f64>> = points.iter().rev().cloned().collect();
        prop_assert_eq!(volume, hypervolume(turned, &reference).unwrap());
        // What is no better than a point that is there adds nothing.
        let mut more = points.clone();
        more.extend(points.iter().map(|p| p.iter().map(|v| v + 1.0).collect::<Vec<f64>>()));
        more.push(points[0].clone());
        prop_assert_eq!(volume, hypervolume(more, &reference).unwrap());
        let front: Vec<&[f64]> = pareto_front(&points).unwrap().into_iter().map(|i| &points[i][..]).collect();
        prop_assert_eq!(volume, hypervolume(front, &reference).unwrap());
    }
}
