//! Which decisions tell the best trials from the others: PED-ANOVA.
//!
//! Watanabe, Bansal and Hutter: "PED-ANOVA: Efficiently Quantifying Hyperparameter Importance in Arbitrary
//! Subspaces", IJCAI 2023 (arXiv 2304.10255). A decision is important if the best trials take its options in other
//! shares than all trials do:
//!
//! ```text
//! D'     <- the best of the trials D, a share gamma' of them, with all that are as good as the last of these
//! for each decision d
//!     p(x), p'(x)  <- densities of the options x of d among the trials of D, and of D', that have d
//!     beta, alpha  <- the shares of D, and of D', that have d
//!     V_d          <- alpha^2 / beta  sum_x p(x) (p'(x) / p(x) - 1)^2         the Pearson divergence
//! importance of d  <- V_d / sum of all V
//! ```
//!
//! A decision that not all trials have is compared among those that have it; alpha and beta weight it, as in
//! "Conditional PED-ANOVA" (arXiv 2601.20800). That it exists at all is to the credit of the decision that brings it.
//!
//! The densities are those of Optuna 5, with which a test compares: with n trials that took m different ones of K
//! options, option x c_x times, every option that was taken is a kernel with weight c_x, and one more kernel of weight
//! 1 is uniform.
//!
//! ```text
//! k_y(x) = ([x = y] + 1/(m+1)) / (1 + K/(m+1))
//! p(x)   = (sum_y c_y k_y(x) + 1/K) / (n + 1)
//! ```

/// A decision: of each trial the option that it took, if it has the decision.
pub(crate) struct Picks<'a> {
    pub options: usize,
    pub of: &'a [Option<u16>],
}

/// A decision that fewer trials have is not judged.
const FEWEST: usize = 2;

/// The trials whose score is among the best, a share `top` of them.
pub(crate) fn best(scores: &[f64], maximise: bool, top: f64) -> Vec<bool> {
    let loss = |v: f64| if maximise { -v } else { v };
    let mut losses: Vec<f64> = scores.iter().copied().map(loss).collect();
    losses.sort_by(f64::total_cmp);
    let last = ((top * losses.len() as f64).ceil() as usize).clamp(1, losses.len().max(1)) - 1;
    let Some(&least) = losses.get(last) else { return vec![] };
    scores.iter().map(|&v| loss(v) <= least).collect()
}

/// The importance of each decision, adding up to 1; all 0 if nothing tells the best trials apart.
pub(crate) fn ped_anova(decisions: &[Picks], best: &[bool]) -> Vec<f64> {
    let good = best.iter().filter(|b| **b).count() as f64;
    let all = best.len() as f64;
    let divergence = |decision: &Picks| {
        let mut counts = vec![[0.0; 2]; decision.options];
        for (pick, good) in decision.of.iter().zip(best) {
            let Some(count) = pick.and_then(|x| counts.get_mut(usize::from(x))) else { continue };
            count[0] += 1.0;
            count[1] += f64::from(*good);
        }
        let of = |which: usize| counts.iter().map(|c| c[which]).collect::<Vec<f64>>();
        let (p, p_good) = (of(0), of(1));
        let (have, good_have) = (p.iter().sum::<f64>(), p_good.iter().sum::<f64>());
        if (have as usize) < FEWEST || good_have == 0.0 || decision.options < 2 {
            return 0.0;
        }
        let (alpha, beta) = (good_have / good, have / all);
        let terms = density(&p).into_iter().zip(density(&p_good));
        alpha * alpha / beta * terms.map(|(p, q)| p * (q / p - 1.0).powi(2)).sum::<f64>()
    };
    shares(decisions.iter().map(divergence).collect())
}

/// The density of each option, given how often each was taken.
fn density(counts: &[f64]) -> Vec<f64> {
    let n: f64 = counts.iter().sum();
    let options = counts.len() as f64;
    let kernels = 1.0 + counts.iter().filter(|c| **c > 0.0).count() as f64;
    let of = |c: &f64| {
        let taken = (c + n / kernels) / (1.0 + options / kernels);
        (taken + 1.0 / options) / (n + 1.0) + 1e-12
    };
    counts.iter().map(of).collect()
}

/// Of each value its share of the sum.
pub(super) fn shares(values: Vec<f64>) -> Vec<f64> {
    let sum: f64 = values.iter().sum();
    values.iter().map(|v| if sum > 0.0 { v / sum } else { 0.0 }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_are_a_share_and_those_that_are_as_good() {
        let scores = [0.1, 0.9, 0.5, 0.9, 0.2];
        assert_eq!(best(&scores, true, 0.1), [false, true, false, true, false]);
        assert_eq!(best(&scores, false, 0.4), [true, false, false, false, true]);
        assert!(best(&[], true, 0.1).is_empty());
    }

    #[test]
    fn densities_are_the_formula() {
        // Three options, taken 2, 1 and 0 times: two kernels and the prior.
        let kernel = |x: usize, y: usize| (f64::from(x == y) + 1.0 / 3.0) / 2.0;
        let by_hand = |x: usize| (2.0 * kernel(x, 0) + kernel(x, 1) + 1.0 / 3.0) / 4.0;
        for (x, p) in density(&[2.0, 1.0, 0.0]).into_iter().enumerate() {
            assert!((p - by_hand(x)).abs() < 1e-11, "{x}: {p} for {}", by_hand(x));
        }
        assert!((density(&[5.0, 7.0, 0.0, 1.0]).iter().sum::<f64>() - 1.0).abs() < 1e-11);
    }

    #[test]
    fn what_decides_is_important() {
        // The first decision gives the score, the second is the same for all, the third is missing everywhere.
        let picks: Vec<Option<u16>> = (0..100).map(|i| Some(i % 4)).collect();
        let scores: Vec<f64> = (0..100).map(|i| f64::from(i % 4)).collect();
        let (same, none) = (vec![Some(1); 100], vec![None; 100]);
        let decisions = [&picks, &same, &none].map(|of| Picks { options: 4, of });
        let found = ped_anova(&decisions, &best(&scores, true, 0.1));
        assert!(found[0] > 0.999 && found[2] == 0.0, "{found:?}");
        let all_good = ped_anova(&decisions, &[true; 100]);
        assert_eq!(all_good, [0.0; 3]);
        assert!(ped_anova(&[], &[]).is_empty());
    }
}
