//! Strategies with a model: that they find more than random search, and what they do in special
//! cases: failures, limits, batches, several objectives, spaces that are exhausted.

use nascent::prelude::*;
use std::collections::HashSet;

/// Those with a model, by their names in the table.
fn with_a_model() -> Vec<(&'static str, AnyStrategy)> {
    let names = ["gp-hamming", "gp-wl", "bananas", "forest", "gp-graf"];
    let rows = nascent::strategies().iter().filter(|s| names.contains(&s.name));
    let rows: Vec<_> = rows.map(|s| (s.name, (s.make)())).collect();
    assert_eq!(rows.len(), names.len());
    rows
}

/// Eight decisions with four options each: every one has a worth, and neighbours add to it.
fn landscape() -> (Space, AnyEvaluator) {
    let score = |arch: &Architecture, _: &Budget| {
        let d = arch.decisions();
        let alone: f64 = d.iter().enumerate().map(|(i, &d)| ((d + i as u32) % 4) as f64).sum();
        let pairs = d.windows(2).filter(|w| w[0] == (w[1] + 1) % 4).count();
        // Crowded below a bound, as accuracies are.
        100.0 - 50.0 * (-(alone + pairs as f64) / 5.0).exp()
    };
    (Space::decisions([4; 8]), nascent::IntoEvaluator::into_evaluator(evaluator(score)))
}

fn mean_best(strategy: &AnyStrategy, plan: &Study, seeds: u64) -> f64 {
    let best = |seed| plan.strategy(strategy).seed(seed).run().unwrap().best().unwrap().score();
    (0..seeds).filter_map(best).sum::<f64>() / seeds as f64
}

#[test]
fn each_finds_more_than_random_search() {
    let (space, score) = landscape();
    let plan = Study::new(&space, &score).trials(60).batch(1).quiet();
    let random = mean_best(&nascent::IntoStrategy::into_strategy(Random), &plan, 8);
    let far = 100.0 - random;
    for (name, strategy) in with_a_model() {
        let left = 100.0 - mean_best(&strategy, &plan, 4);
        assert!(left < 0.6 * far, "{name}: {left:.3} below the bound, random search {far:.3}");
        // With results that come late, too.
        let left = 100.0 - mean_best(&strategy, &plan.batch(4), 4);
        assert!(left < 0.7 * far, "{name}, batch 4: {left:.3}, random search {far:.3}");
    }
}

/// The same search on an accuracy, on the logarithm of the error, and on a loss.
#[test]
fn a_search_does_not_depend_on_the_scale_of_the_score() {
    let space = Space::decisions([4; 5]);
    let accuracy =
        |arch: &Architecture| (1.0 - 1.0 / (2.0 + (arch.identity() % 1000) as f64)) * 100.0;
    for (name, strategy) in with_a_model() {
        let run = |evaluator: AnyEvaluator| {
            let study = Study::new(&space, evaluator).strategy(&strategy).trials(30).batch(1);
            let study = study.seed(5).quiet().run().unwrap();
            study.trials_done().iter().map(|t| t.architecture().decisions()).collect::<Vec<_>>()
        };
        let up = run(nascent::IntoEvaluator::into_evaluator(evaluator(move |a, _| accuracy(a))));
        let log = evaluator(move |a, _| (100.0 - accuracy(a)).ln()).minimise();
        assert_eq!(up, run(nascent::IntoEvaluator::into_evaluator(log)), "{name}");
    }
}

/// Nothing that was tried is proposed again while there is anything else, whatever has failed.
#[test]
fn what_was_tried_or_failed_is_not_proposed_again() {
    let branch = || one_of([linear(any([4, 8, 16])), dropout(any([0.1, 0.2])), skip()]);
    let space =
        Space::new([8], Task::classification(2)).then(repeat(0..=1, branch())).then(branch());
    let all = space.enumerate().count();
    // More than a third fails, and those would be the best.
    let failing = evaluator(|arch, _| match arch.params() % 5 < 2 {
        true => Err(Error::from("no memory")),
        false => Ok(-(arch.params() as f64)),
    });
    for (name, strategy) in with_a_model() {
        for batch in [1, 4] {
            let study = Study::new(&space, &failing).strategy(&strategy).batch(batch).seed(2);
            let study = study.trials(all).duplicates(Duplicates::Repeat).quiet().run().unwrap();
            let seen: HashSet<_> =
                study.trials_done().iter().map(|t| t.architecture().decisions()).collect();
            // The random start may repeat a few; the model repeats none.
            assert_eq!(seen.len(), all, "{name}, batch {batch}");
            assert!(!study.failed().is_empty());
            // And it continues when everything has been tried.
            let more = study.trials(all + 5).run().unwrap();
            assert_eq!(more.trials_done().len(), all + 5, "{name}, batch {batch}");
        }
    }
    // Where everything fails there is nothing to learn.
    let never = evaluator(|_, _| -> Result<f64> { Err(Error::from("down")) });
    for (name, strategy) in with_a_model() {
        let study = Study::new(&space, &never).strategy(&strategy).trials(15).quiet();
        let study = study.run().unwrap();
        assert_eq!(study.failed().len(), 15, "{name}");
    }
}

#[test]
fn limits_hold_and_conditional_choices_are_learned() {
    let layer = || one_of([conv(any([4, 8, 16]), any([3, 5])), sep_conv(any([8, 16]), 3), skip()]);
    let space = Space::new([1, 8, 8], Task::classification(4))
        .then(repeat(1..=4, layer()))
        .then(global_avg_pool())
        .at_most(Params(4000));
    // As many parameters as the limit allows.
    let large = evaluator(|arch, _| arch.params() as f64);
    for (name, strategy) in with_a_model() {
        let study = Study::new(&space, &large).strategy(&strategy).trials(50).seed(3).quiet();
        let study = study.run().unwrap();
        for t in study.trials_done() {
            assert!(
                space.contains(&t.architecture()) && t.architecture().params() <= 4000,
                "{name}"
            );
        }
        assert!(study.best().unwrap().score() > Some(3500.0), "{name}: {}", study.best().unwrap());
    }
}

/// Two objectives that pull apart: the front of a model covers more than that of random search.
#[test]
fn several_objectives_are_searched_together() {
    let space = Space::decisions([4; 8]);
    let two = evaluator(|arch, _| {
        let d = arch.decisions();
        let sum = |from: usize| d.iter().skip(from).step_by(2).map(|&d| d as f64).sum::<f64>();
        let shared = d.windows(2).filter(|w| w[0] == w[1]).count() as f64;
        Evaluation::new(sum(0) + shared / 2.0).with("cost", sum(0) - sum(1) + 20.0)
    });
    let area = |strategy: &AnyStrategy, seed: u64| {
        let study = Study::new(&space, &two).objective(Metric::minimise("cost")).strategy(strategy);
        let front = study.trials(60).batch(4).seed(seed).quiet().run().unwrap().front();
        let point = |t: &Trial| (t.score().unwrap(), t.evaluation().unwrap().get("cost").unwrap());
        let mut points: Vec<(f64, f64)> = front.iter().map(point).collect();
        points.sort_by(|a, b| b.0.total_cmp(&a.0));
        // The area that the front dominates, above 0 and below 40.
        let mut low = 40f64;
        points.iter().fold(0.0, |area, p| {
            let more = (low - p.1).max(0.0) * p.0;
            low = low.min(p.1);
            area + more
        })
    };
    let mean = |strategy: &AnyStrategy| (0..3).map(|seed| area(strategy, seed)).sum::<f64>() / 3.0;
    let random = mean(&nascent::IntoStrategy::into_strategy(Random));
    for (name, strategy) in with_a_model() {
        let found = mean(&strategy);
        assert!(found > 1.05 * random, "{name}: {found:.1}, random search {random:.1}");
    }
}

/// What is predicted for several objectives is not a score, and none is shown beside it.
#[test]
fn an_outlook_on_several_objectives_shows_no_score() {
    let space = Space::decisions([4, 4]);
    let two = evaluator(|arch, _| {
        let d = arch.decisions();
        Evaluation::new(500.0 + f64::from(d[0])).with("cost", f64::from(d[1]))
    });
    let plan = Study::new(&space, two.minimise()).trials(8).quiet();
    let view = |study: &Study| {
        let study = study.run().unwrap();
        let all = space.all().unwrap();
        let chart = GaussianProcess::hamming().outlook(&study, &all).unwrap();
        match chart.data() {
            nascent::chart::ChartData::SurrogateView(view) => view,
            other => panic!("{other:?}"),
        }
    };
    let one = view(&plan);
    assert!(!one.maximise && one.candidates.iter().any(|c| c.truth.is_some()));
    let both = view(&plan.objective(Metric::minimise("cost")));
    assert_eq!((&both.metric[..], both.maximise), ("weighted objectives", true));
    assert!(both.candidates.iter().all(|c| c.truth.is_none() && c.mean < 1.0));
    assert!(both.candidates.iter().any(|c| c.seen));
}

#[test]
fn predictions_are_in_units_of_the_score() {
    let (space, score) = landscape();
    let study = Study::new(&space, &score).trials(80).seed(1).quiet().run().unwrap();
    let tried: Vec<Trial> = study.trials_done();
    let archs: Vec<Architecture> = tried.iter().map(Trial::architecture).collect();
    let mut rng = Rng::new(9);
    let fresh: Vec<Architecture> = (0..100).map(|_| space.sample(&mut rng).unwrap()).collect();
    let gp = GaussianProcess::weisfeiler_lehman();
    let predict = |which: usize, archs: &[Architecture]| match which {
        0 => gp.predict(&study, archs),
        1 => GaussianProcess::hamming().predict(&study, archs),
        2 => RandomForest::new().predict(&study, archs),
        _ => Bananas::new().predict(&study, archs),
    };
    for which in 0..4 {
        let found = predict(which, &archs).unwrap();
        assert_eq!(found, predict(which, &archs).unwrap(), "{which}: the same again");
        let truth: Vec<f64> = tried.iter().filter_map(Trial::score).collect();
        let means: Vec<f64> = found.iter().map(Prediction::mean).collect();
        let tau = stats::kendall_tau(&means, &truth).unwrap();
        assert!(tau > if which == 2 { 0.5 } else { 0.8 }, "{which}: {tau} where it learned");
        let new = predict(which, &fresh).unwrap();
        let truth: Vec<f64> = fresh
            .iter()
            .map(|a| score.evaluate(a, &Budget::new(1, 1, 1)).unwrap().score())
            .collect();
        let means: Vec<f64> = new.iter().map(Prediction::mean).collect();
        let tau = stats::kendall_tau(&means, &truth).unwrap();
        assert!(tau > 0.3, "{which}: {tau} where it did not");
        assert!(new.iter().chain(&found).all(|p| p.sd() >= 0.0 && p.mean().is_finite()));
        assert!(means.iter().all(|m| (40.0..110.0).contains(m)), "{which}");
    }
    // More certain where it has been, and nothing to gain at the best.
    let sd = |list: &[Prediction]| list.iter().map(Prediction::sd).sum::<f64>() / list.len() as f64;
    let (known, new) = (gp.predict(&study, &archs).unwrap(), gp.predict(&study, &fresh).unwrap());
    assert!(sd(&known) < 0.5 * sd(&new), "{} and {}", sd(&known), sd(&new));
    // A loss keeps its direction.
    let loss = evaluator(|a, _| a.decisions().iter().sum::<u32>() as f64).minimise();
    let study = Study::new(&space, loss).trials(60).seed(1).quiet().run().unwrap();
    let ends = [space.decode([0; 8]).unwrap(), space.decode([3; 8]).unwrap()];
    let found = gp.predict(&study, &ends).unwrap();
    assert!(found[0].mean() + 6.0 < found[1].mean(), "{} and {}", found[0], found[1]);
    assert!(found[0].acquisition() > found[1].acquisition());
    // And what cannot be predicted is refused in words.
    let other = Space::decisions([4; 3]).sample(&mut rng).unwrap();
    let e = gp.predict(&study, &[other]).unwrap_err().to_string();
    assert!(e.contains("another space"), "{e}");
    let none = Study::new(&space, &score).quiet();
    let e = Bananas::new().predict(&none, &archs).unwrap_err().to_string();
    assert!(e.contains("0 finished"), "{e}");
}

#[test]
fn settings_are_checked_stored_and_read_again() {
    let all: [AnyStrategy; 7] = [
        nascent::IntoStrategy::into_strategy(GaussianProcess::hamming().upper_bound(1.5)),
        nascent::IntoStrategy::into_strategy(GaussianProcess::weisfeiler_lehman().thompson()),
        nascent::IntoStrategy::into_strategy(GaussianProcess::hamming().expected_improvement()),
        nascent::IntoStrategy::into_strategy(
            Bananas::new().layers(10).members(3).epochs(5).width(4),
        ),
        nascent::IntoStrategy::into_strategy(Bananas::new().epochs(5).upper_bound(1.0)),
        nascent::IntoStrategy::into_strategy(RandomForest::new().trees(30).thompson()),
        nascent::IntoStrategy::into_strategy(RandomForest::new().upper_bound(0.0)),
    ];
    let (space, score) = landscape();
    let path =
        std::env::temp_dir().join(format!("nascent-surrogates-{}.jsonl", std::process::id()));
    for strategy in all {
        let _ = std::fs::remove_file(&path);
        let plan = Study::new(&space, &score).strategy(&strategy).trials(20).quiet();
        let begun = plan.journal(&path);
        (0..14).for_each(|_| _ = begun.step().unwrap());
        drop(begun);
        // With nothing remembered it continues as if nothing had happened.
        let lines = |s: &Study| s.trials_done().iter().map(Trial::line).collect::<Vec<_>>();
        let on = plan.journal(&path).run().unwrap();
        assert_eq!(lines(&on), lines(&plan.run().unwrap()), "{strategy:?}");
        assert_eq!(Study::load(&path).unwrap().trials_done().len(), 20);
    }
    std::fs::remove_file(&path).unwrap();
    let wrong = |strategy: AnyStrategy, part: &str| {
        let e = Study::new(&space, &score).strategy(strategy).check().unwrap_err().to_string();
        assert!(e.contains(part), "{e}");
    };
    let into = nascent::IntoStrategy::into_strategy(GaussianProcess::hamming().upper_bound(-1.0));
    wrong(into, "upper_bound(-1)");
    wrong(nascent::IntoStrategy::into_strategy(RandomForest::new().trees(0)), "trees(0)");
    let into = nascent::IntoStrategy::into_strategy(Bananas::new().layers(0).members(1));
    wrong(into, "layers(0)");
}

/// With the networks of NAS-Bench-201 the kernel sees graphs: isomorphic cells share their features.
#[test]
fn a_space_of_networks_is_searched_by_its_graphs() {
    let space = Space::on(&Dataset::digits()).then(presets::nas_bench_201(4, 1));
    let macs = evaluator(|a, _| -((a.macs() as f64) - 150_000.0).abs());
    let plan = Study::new(&space, macs).trials(40).batch(1).quiet();
    let random = mean_best(&nascent::IntoStrategy::into_strategy(Random), &plan, 6);
    for (name, strategy) in with_a_model() {
        let found = mean_best(&strategy, &plan, 3);
        assert!(found >= random, "{name}: {found}, random search {random}");
    }
    let study = plan.strategy(GaussianProcess::weisfeiler_lehman()).seed(1).run().unwrap();
    // A convolution from 0 to 3, once with a skip to a node that leads nowhere.
    let same =
        [space.decode([0, 0, 0, 3, 0, 0]).unwrap(), space.decode([0, 1, 0, 3, 0, 0]).unwrap()];
    assert_eq!(same[0].canonical(), same[1].canonical());
    let predicted = GaussianProcess::weisfeiler_lehman().predict(&study, &same).unwrap();
    let apart = (predicted[0].mean() - predicted[1].mean()).abs();
    assert!(apart < 3.0 * predicted[0].sd().max(predicted[1].sd()), "{predicted:?}");
}

/// With few trials, graph features and the size of a network find more than decisions do.
#[test]
fn graph_features_find_more_with_few_trials() {
    let table = NasBench201::cifar10();
    let plan = Study::new(&table.space(), &table).duplicates(Duplicates::Repeat);
    let plan = plan.trials(30).batch(1).quiet();
    let mean = |strategy: GaussianProcess| {
        mean_best(&nascent::IntoStrategy::into_strategy(strategy), &plan, 12)
    };
    let (graf, hamming) = (mean(GaussianProcess::graf()), mean(GaussianProcess::hamming()));
    assert!(graf > hamming, "{graf} and {hamming}");
}

/// Decisions alone have neither a graph nor a size, and are searched all the same.
#[test]
fn graph_features_need_no_graph() {
    let (space, score) = landscape();
    let plan = Study::new(&space, &score).strategy(GaussianProcess::graf()).trials(25).quiet();
    let study = plan.seed(3).run().unwrap();
    let again = plan.seed(3).run().unwrap();
    let decided = |s: &Study| s.trials_done().iter().map(|t| t.line()).collect::<Vec<_>>();
    assert_eq!(decided(&study), decided(&again));
    assert!(
        study
            .outlook(
                &GaussianProcess::graf(),
                &study.trials_done().iter().map(Trial::architecture).collect::<Vec<_>>()
            )
            .is_ok()
    );
}
