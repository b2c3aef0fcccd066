//! Strategies that learn a policy: REINFORCE and PPO.

use nascent::prelude::*;

fn both() -> [AnyStrategy; 2] {
    let make = |name| nascent::strategies().iter().find(|s| s.name == name).unwrap().make;
    [make("reinforce")(), make("ppo")()]
}

/// Five decisions of four options, each with a value of its own; the best has option 3 throughout.
fn separable() -> (Space, AnyEvaluator) {
    let value = |a: &Architecture| a.decisions().iter().map(|&d| f64::from(d)).sum::<f64>();
    (Space::decisions([4; 5]), evaluator(move |a, _| value(a)))
}

fn mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let values: Vec<f64> = values.into_iter().collect();
    values.iter().sum::<f64>() / values.len() as f64
}

fn scores(study: &Study) -> Vec<f64> {
    study.trials_done().iter().filter_map(Trial::score).collect()
}

#[test]
fn they_learn_what_random_search_does_not() {
    let (space, separable) = separable();
    for (batch, seeds) in [(1, 20), (4, 6)] {
        let run = |strategy: &AnyStrategy| -> (f64, f64) {
            let plan = Study::new(&space, &separable).strategy(strategy).trials(200).batch(batch);
            let studies = (0..seeds).map(|seed| plan.seed(seed).quiet().run().unwrap());
            let both =
                |s: Study| (s.best().unwrap().score().unwrap(), mean(scores(&s)[150..].to_vec()));
            let all: Vec<(f64, f64)> = studies.map(both).collect();
            (mean(all.iter().map(|b| b.0)), mean(all.iter().map(|b| b.1)))
        };
        let (best, late) = run(&strategy("random", |h, rng| h.space().sample(rng)));
        assert!((late - 7.5).abs() < 0.3, "{late}");
        for policy in both() {
            let (better, later) = run(&policy);
            assert!(better > best + 0.2, "{policy:?}, batch {batch}: {better} of {best}");
            assert!(later > late + 2.5, "{policy:?}, batch {batch}: {later} of {late}");
        }
    }
}

/// Whether more or less is better, and on which scale, changes nothing.
#[test]
fn the_scale_of_the_score_does_not_matter() {
    let space = Space::decisions([4; 5]);
    let value = |a: &Architecture| a.decisions().iter().map(|&d| f64::from(d)).sum::<f64>();
    for policy in both() {
        let run = |evaluator: AnyEvaluator| -> Vec<Vec<u32>> {
            let study = Study::new(&space, evaluator).strategy(&policy).trials(60).quiet();
            let trials = study.run().unwrap().trials_done();
            trials.iter().map(|t| t.architecture().decisions()).collect()
        };
        let plain = run(evaluator(move |a, _| value(a)));
        assert_eq!(plain, run(evaluator(move |a, _| (-3.0 * value(a)).exp()).minimise()));
    }
}

#[test]
fn the_probability_of_the_best_option_rises() {
    let (space, separable) = separable();
    let study = |seed, strategy: AnyStrategy| {
        let plan = Study::new(&space, &separable).strategy(strategy).trials(200).seed(seed);
        plan.quiet().run().unwrap()
    };
    let [reinforce, ppo] = both();
    let (a, b) = (study(1, reinforce), study(1, ppo));
    for odds in [Reinforce::new().probabilities(&a).unwrap(), Ppo::new().probabilities(&b).unwrap()]
    {
        assert_eq!(odds.len(), 20);
        let best: Vec<_> = odds.iter().filter(|o| o.option == "3").collect();
        assert_eq!(best.len(), 5);
        for line in &best {
            assert_eq!(line.probabilities.len(), 201);
            assert!((line.probabilities[0] - 0.25).abs() < 0.02, "{}", line.probabilities[0]);
        }
        let late = mean(best.iter().map(|line| line.probabilities[200]));
        assert!(late > 0.4, "{late}");
        // The options of a decision that always exists.
        for decision in odds.chunks(4) {
            let sum: f64 = decision.iter().map(|o| o.probabilities[77]).sum();
            assert!((sum - 1.0).abs() < 1e-4, "{sum}");
        }
    }
    // Studies with other seeds begin with other weights.
    let other = study(2, both()[0].clone());
    let first = |s: &Study| Reinforce::new().probabilities(s).unwrap()[0].probabilities[0];
    assert_ne!(first(&a), first(&other));
    assert_eq!(first(&a), first(&study(1, both()[0].clone())));
}

/// Depth, branches with decisions of their own, and a block that is decided once.
#[test]
fn they_take_any_space() {
    let once = shared("once", linear(any([4, 8])));
    let branch = one_of([skip(), dropout(any([0.0, 0.5])), linear(any([4, 8, 16])).residual()]);
    let deep = Space::new([8], Task::classification(2));
    let deep = deep.then(&once).then(repeat(0..=4, branch)).then(&once);
    let limited = Space::on(&Dataset::digits())
        .then(repeat(1..=4, conv(any([8, 16, 32, 64]), any([1, 3]))))
        .then(global_avg_pool())
        .at_most(Params(2_000));
    let single = Space::new([8], Task::classification(2)).then(linear(4));
    let cells = Space::on(&Dataset::digits()).then(presets::nas_bench_101(8, 1));
    for space in [deep, limited, single, cells] {
        for policy in both() {
            let study = Study::new(&space, evaluator(|a, _| -(a.params() as f64)));
            let study = study.strategy(&policy).trials(40).seed(2).quiet().run().unwrap();
            let trials = study.trials_done();
            assert_eq!(trials.len(), 40, "{policy:?}");
            assert!(trials.iter().all(|t| space.contains(&t.architecture())), "{policy:?}");
        }
    }
}

#[test]
fn a_space_that_is_exhausted_ends_the_study() {
    let space = Space::new([8], Task::classification(2)).then(repeat(1..=2, linear(any([4, 8]))));
    for policy in both() {
        let study = Study::new(&space, evaluator(|a, _| a.params() as f64)).strategy(&policy);
        let study = study.duplicates(Duplicates::Forbid).trials(50).quiet().run().unwrap();
        assert_eq!(study.trials_done().len(), 6, "{policy:?}");
        assert!(study.ended().contains("exhausted"), "{}", study.ended());
    }
}

/// One option of four always fails, and nothing else matters.
#[test]
fn failures_are_avoided() {
    let flaky = evaluator(|a, budget| match a.decisions()[0] {
        0 => Err(Error::from("out of luck")),
        _ => Ok(budget.rng().uniform()),
    });
    for policy in both() {
        let plan = Study::new(&Space::decisions([4, 2, 2]), &flaky).strategy(&policy).trials(120);
        let failed = mean((0..10).map(|seed| {
            let study = plan.duplicates(Duplicates::Repeat).seed(seed).quiet().run().unwrap();
            let late = study.trials_done()[80..].to_vec();
            late.iter().filter(|t| t.score().is_none()).count() as f64 / late.len() as f64
        }));
        assert!(failed < 0.15, "{policy:?}: {failed} fail, a quarter at random");
    }
}

/// More trials than were planned: as if they had been planned, whatever was learned before.
#[test]
fn a_longer_budget_is_learned_afresh() {
    let (space, separable) = separable();
    for name in ["reinforce", "ppo"] {
        let make = nascent::strategies().iter().find(|s| s.name == name).unwrap().make;
        let run = |strategy: AnyStrategy| -> Vec<String> {
            let short = Study::new(&space, &separable).strategy(strategy).trials(40).quiet();
            // With the constants of a budget that the other one does not have.
            short.run().unwrap().trials(2000).step().unwrap();
            let longer = short.run().unwrap().trials(60).run().unwrap();
            longer.trials_done().iter().map(Trial::line).collect()
        };
        assert_eq!(run(make()), run(strategy("fresh", move |h, rng| make().ask(h, rng))));
    }
}
