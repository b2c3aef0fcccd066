//! Strategies outside of the crate, with its public API alone: they find what those of the crate find.

use nascent::prelude::*;
use std::collections::{BTreeMap, HashMap};

// ------------------------------------------------------------------- a model: the Parzen estimator

/// The tree-structured Parzen estimator (Bergstra et al. 2011): of architectures drawn from those that
/// are good, the one that has most of what the others lack.
struct Parzen;

impl Strategy for Parzen {
    fn ask(&self, history: &History, rng: &mut Rng) -> Result<Proposal> {
        let (space, mut seen) = (history.space(), history.visible().to_vec());
        if seen.len() < 10 {
            return Ok(space.sample(rng)?.into());
        }
        // The best first; a failure is worse than every score, and what still runs comes last.
        let gain = |t: &Trial| history.gain(t).unwrap_or(f64::NEG_INFINITY);
        seen.sort_by(|a, b| gain(b).total_cmp(&gain(a)));
        let good = seen.len().div_ceil(10);
        // How often each option was taken at each place, and once more: by the good, by the others.
        let mut counts = [HashMap::new(), HashMap::new()];
        let all = seen.iter().map(Trial::architecture).chain(history.pending());
        for (i, arch) in all.enumerate() {
            let mut decided = arch.decisions().into_iter();
            space.decide(|place, options| {
                let pick = decided.next().unwrap_or(0) as usize;
                counts[usize::from(i >= good)].entry(place).or_insert(vec![1.0; options])[pick] +=
                    1.0;
                pick
            })?;
        }
        let density = |of: usize, place: usize, options: usize| -> Vec<f64> {
            let n = counts[of].get(&place).cloned().unwrap_or(vec![1.0; options]);
            n.iter().map(|count| count / n.iter().sum::<f64>()).collect()
        };
        let mut best = (f64::NEG_INFINITY, space.sample(rng)?);
        for _ in 0..24 {
            let mut ratio = 0.0;
            let arch = space.decide(|place, options| {
                let (l, g) = (density(0, place, options), density(1, place, options));
                let pick = draw(&l, rng);
                ratio += (l[pick] / g[pick]).ln();
                pick
            })?;
            if ratio > best.0 && arch.check().is_ok() && !history.tried(&arch) {
                best = (ratio, arch);
            }
        }
        Ok(Proposal::new(best.1, "model"))
    }
}

/// An option by its probability.
fn draw(p: &[f64], rng: &mut Rng) -> usize {
    let mut left = rng.uniform();
    let passed = |p: &f64| {
        left -= p;
        left < 0.0
    };
    p.iter().position(passed).unwrap_or(p.len() - 1)
}

// ------------------------------------------------------------------------- a policy: its gradient

/// REINFORCE with a table in place of a network: a preference for every option of every place, each
/// independent of the others.
struct Preferences;

impl Preferences {
    /// The preferences after the first `n` trials.
    fn after(&self, history: &History, n: usize) -> Result<BTreeMap<usize, Vec<f64>>> {
        let mut table: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
        let mut earlier: Vec<f64> = vec![];
        for trial in &history.visible()[..n] {
            let gain = history.gain(trial).unwrap_or(f64::NEG_INFINITY);
            // The reward is the share of the earlier trials that it is better than.
            let beaten = earlier.iter().filter(|&&g| g < gain).count() as f64;
            let advantage =
                if earlier.is_empty() { 0.0 } else { beaten / earlier.len() as f64 - 0.5 };
            earlier.push(gain);
            let mut decided = trial.architecture().decisions().into_iter();
            trial.architecture().space().decide(|place, options| {
                let pick = decided.next().unwrap_or(0) as usize;
                let row = table.entry(place).or_insert(vec![0.0; options]);
                let p = softmax(row);
                for (i, w) in row.iter_mut().enumerate() {
                    *w += 0.5 * advantage * (f64::from(u8::from(i == pick)) - p[i]);
                }
                pick
            })?;
        }
        Ok(table)
    }
}

fn softmax(row: &[f64]) -> Vec<f64> {
    let sum: f64 = row.iter().map(|w| w.exp()).sum();
    row.iter().map(|w| w.exp() / sum).collect()
}

impl Strategy for Preferences {
    fn ask(&self, history: &History, rng: &mut Rng) -> Result<Proposal> {
        let table = self.after(history, history.visible().len())?;
        let arch = history.space().decide(|place, options| {
            let p = table.get(&place).map_or(vec![1.0 / options as f64; options], |r| softmax(r));
            draw(&p, rng)
        })?;
        Ok(Proposal::new(arch, "policy"))
    }
}

impl Surrogate for Preferences {
    fn odds(&self, history: &History) -> Result<Vec<Odds>> {
        let names = Encoding::one_hot().names(history.space())?;
        let options = |name: &String| name.split_once('=').map(|(a, b)| (a.into(), b.into()));
        let mut all: Vec<Odds> = names
            .iter()
            .filter_map(options)
            .map(|(decision, option)| Odds { decision, option, probabilities: vec![] })
            .collect();
        for n in 0..=history.visible().len() {
            let table = self.after(history, n)?;
            history.space().decide(|place, options| {
                let p =
                    table.get(&place).map_or(vec![1.0 / options as f64; options], |r| softmax(r));
                p.iter().enumerate().for_each(|(i, p)| all[place + i].probabilities.push(*p));
                0
            })?;
        }
        Ok(all)
    }
}

// ------------------------------------------------------------------------------------------- tests

/// The mean of what ten searches of NAS-Bench-201 find.
fn mean(strategy: &AnyStrategy, trials: usize) -> f64 {
    let table = NasBench201::cifar10();
    let best = |seed: u64| {
        let study = Study::new(&table.space(), &table).strategy(strategy).batch(1).trials(trials);
        study.seed(seed).quiet().run().unwrap().best().unwrap().score().unwrap()
    };
    (1..=10).map(best).sum::<f64>() / 10.0
}

#[test]
fn a_parzen_estimator_of_ones_own_is_as_good_as_the_crates() {
    let of = |strategy| mean(&strategy, 60);
    let (own, crates) = (of(Parzen.into_strategy()), of(Tpe::new().into_strategy()));
    let random = of(Random.into_strategy());
    assert!(own > crates - 0.2 && own > random + 0.2, "{own} {crates} {random}");
}

#[test]
fn what_is_minimised_fails_or_runs_is_known_to_it() {
    // Three quarters of the space fail; of the others the largest decisions are the best.
    let space = Space::decisions([4, 6, 6, 6]);
    let loss = evaluator(|arch, _| match arch.decisions()[..] {
        [2, a, b, c] => Ok(-f64::from(a + b + c)),
        _ => Err("it is not of the good quarter".into()),
    });
    let plan = Study::new(&space, loss.minimise()).strategy(Parzen).batch(4).trials(80).seed(2);
    let study = plan.quiet().jobs(4).run().unwrap();
    let lines =
        |study: &Study| study.trials_done().iter().map(Trial::line).collect::<Vec<String>>();
    assert_eq!(lines(&study), lines(&plan.quiet().jobs(1).run().unwrap()));
    let failed = |trials: &[Trial]| trials.iter().filter(|t| t.error().is_some()).count();
    let trials = study.trials_done();
    assert!(2 * failed(&trials[60..]) < failed(&trials[..20]), "{}", study.to_csv());
    assert!(study.best().unwrap().score() < Some(-12.0), "{}", study.best().unwrap());
}

#[test]
fn a_policy_of_ones_own_learns_and_shows_what_it_believes() {
    let space = Space::decisions([4, 4, 4]);
    let last = evaluator(|a, _| f64::from(a.decisions()[2]));
    let study = Study::new(&space, last).duplicates(Duplicates::Repeat).strategy(Preferences);
    let study = study.trials(200).seed(1).quiet().run().unwrap();
    let late = &study.trials_done()[150..];
    let good = late.iter().filter(|t| t.architecture().decisions()[2] == 3).count();
    assert!(good > 30, "{good}");
    let chart = study.policy(&Preferences).unwrap();
    assert!(chart.svg().contains("2.choice"), "{}", chart.plain());
    let e = study.outlook(&Preferences, &space.all().unwrap()).unwrap_err().to_string();
    assert!(e.contains("has no model"), "{e}");
}
