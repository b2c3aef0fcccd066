//! How likely an architecture is to fail, learned from which ones did.
//!
//! Bayesian probit regression on the options that an architecture has, one result after the other:
//! Graepel, Quinonero Candela, Borchert and Herbrich, "Web-Scale Bayesian Click-Through Rate Prediction
//! for Sponsored Search Advertising in Microsoft's Bing Search Engine", ICML 2010, equations 5 to 8. With
//! the features i that x has, one of which is always present, and y = 1 for a success, -1 for a failure:
//!
//! ```text
//! w_i ~ N(m_i, s_i^2), at first N(0, 1)
//! S^2 = beta^2 + sum s_i^2         t = y sum m_i / S        P(y | x) = Phi(t)
//! v   = phi(t) / Phi(t)            w = v (v + t)
//! m_i   <- m_i + y s_i^2 / S v
//! s_i^2 <- s_i^2 (1 - s_i^2 / S^2 w)
//! ```
//!
//! Options that were never seen leave the matter open, since their weight is as uncertain as at first. A sum
//! of weights distinguishes what fails by an option, by a branch and by two options together. What fails by
//! its size, because of a limit on memory or time, shows in the costs that are known of a network before it
//! is built: parameters, multiply-adds and memory are features as well, on a logarithmic scale in
//! overlapping steps, of which each cost has three. A result is learned once, so the cost of a study
//! is linear in its trials.

use super::acquisition::{below, density};
use crate::space::Architecture;
use std::collections::HashMap;

/// The standard deviation of what the options do not explain: less than theirs, as most failures recur.
const BETA: f64 = 0.5;
/// The feature that every architecture has; places begin at 0 and are far fewer.
const ALWAYS: usize = usize::MAX;
/// Steps of a cost's scale per factor of two, and on the whole scale.
const STEPS: f64 = 4.0;
const SCALE: usize = 64 * STEPS as usize + 2;
/// The batch that memory is estimated for.
const BATCH: usize = 64;

/// The weights of the options seen so far: mean and variance.
#[derive(Clone, Debug, Default)]
pub(crate) struct Feasible(HashMap<usize, (f64, f64)>);

impl Feasible {
    /// The probability that the architecture does not fail.
    pub(crate) fn of(&self, arch: &Architecture) -> f64 {
        let (mean, deviation) = self.sum(&options(arch));
        below(mean / deviation)
    }

    /// Learns whether the architecture has failed.
    pub(crate) fn learn(&mut self, arch: &Architecture, failed: bool) {
        let options = options(arch);
        let (mean, s) = self.sum(&options);
        let y = if failed { -1.0 } else { 1.0 };
        let t = y * mean / s;
        // Far in the tail the ratio is -t, and both would round to 0.
        let v = if t < -30.0 { -t } else { density(t) / below(t) };
        let w = (v * (v + t)).clamp(0.0, 1.0);
        for option in options {
            let (m, variance) = self.0.entry(option).or_insert((0.0, 1.0));
            *m += y * *variance / s * v;
            *variance *= 1.0 - *variance / (s * s) * w;
        }
    }

    fn sum(&self, options: &[usize]) -> (f64, f64) {
        let weights = options.iter().map(|o| self.0.get(o).copied().unwrap_or((0.0, 1.0)));
        let (mean, variance) = weights.fold((0.0, BETA * BETA), |(m, s), w| (m + w.0, s + w.1));
        (mean, variance.sqrt())
    }
}

/// The columns of the one-hot encoding that an architecture has, the steps of its costs, and the one for
/// all.
fn options(arch: &Architecture) -> Vec<usize> {
    let mut taken = vec![];
    arch.of_space().places().taken(&mut arch.decided().iter(), 0, &mut taken);
    let columns = taken.iter().map(|t| t.at.wrapping_add(t.pick as usize));
    // Decisions alone have no costs in which they could differ.
    let costs = [arch.params(), arch.macs(), arch.memory(BATCH)];
    let steps = costs.iter().enumerate().filter(|(_, cost)| **cost > 0).flat_map(|(i, cost)| {
        let step = (STEPS * (*cost as f64).log2()) as usize;
        (step..step + 3).map(move |step| ALWAYS - 1 - i * SCALE - step)
    });
    columns.chain(steps).chain([ALWAYS]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;

    /// One step by hand, with three features: S^2 = 0.25 + 3, t = 0, v = 2 phi(0), w = v^2.
    #[test]
    fn a_step_is_the_papers() {
        let space = Space::decisions([2, 3]);
        let arch = space.decode([1, 2]).unwrap();
        let mut model = Feasible::default();
        assert_eq!(model.of(&arch), 0.5);
        model.learn(&arch, true);
        let (s, v) = (3.25f64.sqrt(), (2.0 / std::f64::consts::PI).sqrt());
        for option in options(&arch) {
            let (mean, variance) = model.0[&option];
            assert!((mean + v / s).abs() < 1e-12, "{mean}");
            assert!((variance - (1.0 - v * v / 3.25)).abs() < 1e-12, "{variance}");
        }
        // Phi(-3 v/s / sqrt(0.25 + 3 (1 - v^2/3.25)))
        assert!((model.of(&arch) - 0.20790).abs() < 1e-4, "{}", model.of(&arch));
        // What shares one of its options is less likely to fail, what shares none even less.
        let p = |d: [u32; 2]| model.of(&space.decode(d).unwrap());
        assert!(model.of(&arch) < p([1, 0]) && p([1, 0]) < p([0, 0]));
    }

    /// Half of a space by one option, and all but a sixth by two.
    #[test]
    fn it_learns_what_fails() {
        let space = Space::decisions([4, 3, 4, 4]);
        let rules: [fn(&[u32]) -> bool; 2] = [|d| d[0] % 2 == 0, |d| d[0] > 1 || d[1] != 1];
        for fails in rules {
            let (mut model, mut rng) = (Feasible::default(), Rng::new(1));
            for _ in 0..100 {
                let arch = space.sample(&mut rng).unwrap();
                model.learn(&arch, fails(arch.decided()));
            }
            let right = |a: &Architecture| (model.of(a) < 0.5) == fails(a.decided());
            let all = space.all().unwrap();
            let share = all.iter().filter(|a| right(a)).count() as f64 / all.len() as f64;
            assert!(share > 0.95, "{share}");
        }
    }

    /// By a cost that no option shows alone.
    #[test]
    fn it_learns_what_is_too_large() {
        let space = Space::new([8], Task::classification(2));
        let space = space.then(repeat(1..=4, linear(any([8, 16, 24, 32, 48, 64]))));
        let (mut model, mut rng) = (Feasible::default(), Rng::new(1));
        for _ in 0..100 {
            let arch = space.sample(&mut rng).unwrap();
            model.learn(&arch, arch.params() > 2500);
        }
        let right = |a: &Architecture| (model.of(a) < 0.5) == (a.params() > 2500);
        let all = space.all().unwrap();
        let share = all.iter().filter(|a| right(a)).count() as f64 / all.len() as f64;
        assert!(share > 0.9, "{share}");
    }

    #[test]
    fn surprises_without_end_are_no_error() {
        let space = Space::decisions([2]);
        let arch = space.decode([1]).unwrap();
        let mut model = Feasible::default();
        (0..10_000).for_each(|_| model.learn(&arch, false));
        assert!(model.of(&arch) > 0.99);
        (0..10_000).for_each(|_| model.learn(&arch, true));
        assert!((0.0..0.7).contains(&model.of(&arch)));
    }
}
