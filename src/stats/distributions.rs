//! The distributions behind the p-values: normal, chi-square, and the studentized range.
//!
//! All of them come from one function, the regularised incomplete gamma function
//! `Q(a, x) = Gamma(a, x) / Gamma(a)`, by its series or its continued fraction, whichever converges
//! fast (Press et al., Numerical Recipes, section 6.2):
//!
//! ```text
//! Phi(-x)          = Q(1/2, x^2 / 2) / 2                            for x >= 0
//! P(chi^2_df > x)  = Q(df / 2, x / 2)
//! P(range of k normals > q) = k  integral of phi(z) (Phi(z)^(k-1) - (Phi(z) - Phi(z - q))^(k-1)) dz
//! ```
//!
//! In the last line, `z` is the largest of the `k`; with infinite degrees of freedom, the range needs no
//! studentizing. Small probabilities keep their relative accuracy, because none is computed as 1 minus
//! another.

use std::f64::consts::{PI, SQRT_2};

/// ln Gamma(x) for x > 0 (Lanczos 1964, g = 7, nine terms; relative error about 1e-15).
pub(crate) fn ln_gamma(x: f64) -> f64 {
    const C: [f64; 9] = [
        0.999_999_999_999_809_9,
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    if x < 0.5 {
        return ln_gamma(x + 1.0) - x.ln();
    }
    let z = x - 1.0;
    let sum = C[0] + (1..).zip(&C[1..]).map(|(i, c)| c / (z + f64::from(i))).sum::<f64>();
    let t = z + 7.5;
    0.5 * (2.0 * PI).ln() + (z + 0.5) * t.ln() - t + sum.ln()
}

/// The regularised upper incomplete gamma function Q(a, x), for a > 0: 1 at x = 0, falling to 0.
pub(crate) fn gamma_q(a: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 1.0;
    }
    let front = (a * x.ln() - x - ln_gamma(a)).exp();
    match x < a + 1.0 {
        // Far out; the fraction would take ever longer for what does not count.
        _ if front == 0.0 || x.is_infinite() => 0.0,
        true => 1.0 - front * series(a, x),
        false => front * fraction(a, x),
    }
}

/// sum of x^n / (a (a + 1) ... (a + n))
fn series(a: f64, x: f64) -> f64 {
    let (mut term, mut sum, mut n) = (1.0 / a, 1.0 / a, a);
    while term > sum * 1e-17 {
        n += 1.0;
        term *= x / n;
        sum += term;
    }
    sum
}

/// 1 / (x + 1 - a - 1 (1 - a) / (x + 3 - a - 2 (2 - a) / (x + 5 - a - ...))), by Lentz's method.
fn fraction(a: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let not_zero = |v: f64| if v.abs() < TINY { TINY } else { v };
    let mut b = x + 1.0 - a;
    let (mut c, mut d) = (1.0 / TINY, 1.0 / not_zero(b));
    let mut all = d;
    for i in (1..100_000).map(f64::from) {
        let numerator = -i * (i - a);
        b += 2.0;
        d = 1.0 / not_zero(numerator * d + b);
        c = not_zero(b + numerator / c);
        all *= c * d;
        if (c * d - 1.0).abs() < 1e-16 {
            break;
        }
    }
    all
}

/// The probability that chi-square with `df` degrees of freedom is above `x`.
pub(crate) fn chi_square_above(x: f64, df: f64) -> f64 {
    gamma_q(df / 2.0, x / 2.0)
}

/// Density of the standard normal distribution.
pub(crate) fn normal_pdf(x: f64) -> f64 {
    (-x * x / 2.0).exp() / (2.0 * PI).sqrt()
}

/// The probability that a standard normal variable is below `x`.
pub(crate) fn normal_cdf(x: f64) -> f64 {
    let tail = gamma_q(0.5, x * x / 2.0) / 2.0;
    if x < 0.0 { tail } else { 1.0 - tail }
}

/// The `x` with `normal_cdf(x) = p`, for p above 0 and below 1; anything below 1e-300 counts as 1e-300.
pub(crate) fn normal_quantile(p: f64) -> f64 {
    if p > 0.5 {
        return -normal_quantile(1.0 - p);
    }
    let p = p.max(1e-300);
    // Abramowitz and Stegun 26.2.23, within 4.5e-4; then two steps of Halley, each of which cubes the error.
    let t = (-2.0 * p.ln()).sqrt();
    let top = 2.515_517 + t * (0.802_853 + t * 0.010_328);
    let mut x = top / (1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308))) - t;
    for _ in 0..2 {
        let u = (normal_cdf(x) - p) / normal_pdf(x);
        x -= u / (1.0 + x * u / 2.0);
    }
    x
}

/// The probability that the range of `k` >= 2 standard normal variables is above `q` >= 0.
pub(crate) fn range_above(q: f64, k: usize) -> f64 {
    // For a smooth function that vanishes at both ends, the plain sum converges faster than any power of
    // the step; with this step, only the error of rounding is left.
    const STEP: f64 = 0.125;
    let others = k as f64 - 1.0;
    let steps = ((18.0 + q) / STEP).ceil() as usize;
    let sum: f64 = (0..=steps)
        .map(|i| {
            let z = -9.0 + i as f64 * STEP;
            let below = normal_cdf(z);
            // Of the others below z, the share that is also below z - q.
            let share = (normal_cdf(z - q) / below).min(1.0);
            normal_pdf(z) * below.powf(others) * -(others * (-share).ln_1p()).exp_m1()
        })
        .sum();
    (k as f64 * STEP * sum).min(1.0)
}

/// The `q` that the range of `k` >= 2 standard normal variables exceeds with probability `alpha`.
pub(crate) fn range_quantile(alpha: f64, k: usize) -> f64 {
    // The range is at least that of the first two, and any of the k (k - 1) / 2 pairs may exceed q.
    let pair = |p: f64| (-SQRT_2 * normal_quantile(p / 2.0)).max(0.0);
    let pairs = (k as f64 * (k as f64 - 1.0) / 2.0).max(1.0);
    let (mut low, mut high) = (pair(alpha), pair(alpha / pairs));
    while high - low > 1e-13 * high {
        let middle = f64::midpoint(low, high);
        match range_above(middle, k) > alpha {
            true => low = middle,
            false => high = middle,
        }
    }
    f64::midpoint(low, high)
}

/// Values of SciPy 1.17.1, printed by the line above each table.
#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, expected: f64, relative: f64, what: &str) {
        let error = (found - expected).abs();
        assert!(error <= relative * expected.abs() + 1e-300, "{what}: {found} for {expected}");
    }

    #[test]
    fn ln_gamma_is_scipys() {
        // scipy.special.gammaln(x)
        for (x, expected) in [
            (1e-3, 6.907178885383853),
            (0.5, 0.5723649429247),
            (1.5, -0.12078223763524526),
            (7.25, 7.0521854507385395),
            (50.0, 144.56574394634487),
            (171.5, 709.1431630309283),
            (1e4, 82099.71749644238),
        ] {
            close(ln_gamma(x), expected, 2e-14, &format!("ln_gamma({x})"));
        }
        assert!(ln_gamma(1.0).abs() < 1e-14 && ln_gamma(2.0).abs() < 1e-14);
    }

    #[test]
    fn gamma_q_is_scipys() {
        // scipy.special.gammaincc(a, x)
        for (a, x, expected) in [
            (0.5, 1e-8, 0.9998871620836666),
            (0.5, 0.7, 0.23672357063785393),
            (0.5, 30.0, 9.485737571073857e-15),
            (1.0, 2.0, 0.1353352832366127),
            (2.5, 3.4, 0.2359445376945211),
            (4.5, 40.0, 1.61613141565346e-13),
            (24.5, 20.0, 0.8167770748275297),
            (24.5, 60.0, 6.876961427062773e-8),
            (500.0, 510.0, 0.3230633599111277),
            (500.0, 450.0, 0.9892827619087102),
            (3.0, 0.0, 1.0),
            (3.0, 800.0, 0.0),
            (0.5, 1e18, 0.0),
            (0.5, 1e308, 0.0),
            (0.5, f64::INFINITY, 0.0),
        ] {
            close(gamma_q(a, x), expected, 2e-12, &format!("gamma_q({a}, {x})"));
        }
    }

    #[test]
    fn the_normal_distribution_is_scipys() {
        // scipy.stats.norm.cdf(x)
        for (x, expected) in [
            (-12.0, 1.776482112077653e-33),
            (-5.0, 2.866515718791933e-7),
            (-1.96, 0.024997895148220435),
            (-0.1, 0.460172162722971),
            (0.0, 0.5),
            (0.5, 0.6914624612740131),
            (3.0, 0.9986501019683699),
            (9.0, 1.0),
        ] {
            close(normal_cdf(x), expected, 1e-13, &format!("normal_cdf({x})"));
        }
        // scipy.stats.norm.ppf(p)
        for (p, expected) in [
            (1e-300, -37.0470962993612),
            (1e-20, -9.262340089798409),
            (1e-6, -4.753424308822899),
            (0.025, -1.9599639845400545),
            (0.3, -0.5244005127080409),
            (0.8, 0.8416212335729143),
            (0.999, 3.090232306167813),
        ] {
            close(normal_quantile(p), expected, 1e-13, &format!("normal_quantile({p})"));
        }
        assert!(normal_quantile(0.5).abs() < 1e-15);
    }

    #[test]
    fn the_studentized_range_is_scipys() {
        // scipy.stats.studentized_range.sf(q, k, numpy.inf)
        for (q, k, expected) in [
            (0.5, 3, 0.933421945135287),
            (2.0, 3, 0.33349932504015),
            (3.5, 10, 0.28201643828913625),
            (5.0, 50, 0.21014537871762118),
            (1.0, 50, 1.0),
            (6.0, 2, 2.2090496998639075e-05),
        ] {
            close(range_above(q, k), expected, 1e-10, &format!("range_above({q}, {k})"));
        }
        // scipy.stats.studentized_range.ppf(1 - alpha, k, numpy.inf)
        for (k, quantiles) in [
            (2, [3.642772735436894, 2.771807648699355, 2.3261743073533476]),
            (3, [4.12030320646012, 3.314493155398122, 2.9023802134282515]),
            (5, [4.602821042201571, 3.857655510378623, 3.478280550703068]),
            (10, [5.156634960089622, 4.474124221725907, 4.129346398236873]),
            (20, [5.6452146979858515, 5.0116887941184425, 4.694104409490512]),
            (50, [6.228392608582205, 5.646026026380527, 5.356686875267444]),
        ] {
            for (alpha, expected) in [0.01, 0.05, 0.1].into_iter().zip(quantiles) {
                let what = format!("range_quantile({alpha}, {k})");
                close(range_quantile(alpha, k), expected, 1e-9, &what);
            }
        }
    }

    #[test]
    fn the_range_of_two_is_a_normal_difference() {
        for q in [0.0, 0.3, 1.0, 4.0, 12.0, 30.0] {
            let expected = 2.0 * normal_cdf(-q / SQRT_2);
            close(range_above(q, 2), expected, 1e-12, &format!("range_above({q}, 2)"));
        }
    }

    #[test]
    fn quantiles_go_back_through_their_distribution() {
        for k in [2, 3, 7, 50, 1000] {
            for alpha in [1e-12, 1e-3, 0.05, 0.5, 0.99] {
                let q = range_quantile(alpha, k);
                close(range_above(q, k), alpha, 1e-10, &format!("k = {k}, alpha = {alpha}"));
            }
            let (widest, least) = (range_quantile(5e-324, k), range_quantile(1.0 - 1e-16, k));
            assert!(
                (52.0..54.0).contains(&widest) && (0.0..5.0).contains(&least),
                "{widest} {least}"
            );
        }
    }
}
