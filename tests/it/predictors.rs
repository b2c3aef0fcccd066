//! Predictors: that they learn, on every encoding, what they refuse, and that graph features rank better than
//! decisions.

use crate::help::says;
use nascent::chart::ChartData;
use nascent::prelude::*;

/// Random cells with their validation accuracies.
fn cells(n: usize, seed: u64) -> (Vec<Architecture>, Vec<f64>) {
    let table = NasBench201::cifar10();
    let mut rng = Rng::new(seed);
    let archs: Vec<_> = (0..n).map(|_| table.space().sample(&mut rng).unwrap()).collect();
    let score = |a| table.figure(a, "val").unwrap().unwrap();
    let scores = archs.iter().map(score).collect();
    (archs, scores)
}

fn kinds() -> [Predictor; 3] {
    [
        Predictor::forest().members(30),
        Predictor::gaussian_process(),
        Predictor::networks().members(2),
    ]
}

#[test]
fn every_kind_learns_on_every_encoding() {
    let (archs, scores) = cells(160, 1);
    let (learned, others) = (60, 60..);
    let encodings = [
        Encoding::one_hot(),
        Encoding::adjacency(),
        Encoding::path(),
        Encoding::graf(),
        Encoding::graf().and(&Proxy::params().feature()),
    ];
    let mut found = vec![];
    for kind in kinds() {
        for encoding in &encodings {
            let fitted =
                kind.encoding(encoding).fit(&archs[..learned], &scores[..learned]).unwrap();
            let tau = fitted.kendall_tau(&archs[others.clone()], &scores[others.clone()]).unwrap();
            assert!(tau > 0.3, "{fitted}: {tau}");
            found.push(fitted);
        }
    }
    let wl = Predictor::gaussian_process().distance(Distance::weisfeiler_lehman(2));
    found.push(wl.fit(&archs[..learned], &scores[..learned]).unwrap());
    for fitted in found {
        let again = fitted.predict(&archs[70]).unwrap();
        assert_eq!(again, fitted.predict(&archs[70]).unwrap());
        let all = fitted.predict_all(&archs[60..80]).unwrap();
        assert_eq!(all[10], again);
        assert!(all.iter().all(|p| p.sd() > 0.0 && p.acquisition() >= 0.0), "{fitted}");
        // It is nearer to what it has learned than the mean of all is.
        let error: f64 = (0..learned)
            .map(|i| (fitted.predict(&archs[i]).unwrap().mean() - scores[i]).abs())
            .sum();
        let mean = scores[..learned].iter().sum::<f64>() / learned as f64;
        let spread: f64 = scores[..learned].iter().map(|y| (y - mean).abs()).sum();
        assert!(error < 0.6 * spread, "{fitted}: {error} of {spread}");
    }
}

#[test]
fn the_same_seed_is_the_same_predictor_and_the_scale_does_not_matter() {
    let (archs, scores) = cells(60, 2);
    let errors: Vec<f64> = scores.iter().map(|y| (100.0 - y) / 100.0).collect();
    for kind in kinds() {
        let fit = |p: &Predictor, y: &[f64]| p.fit(&archs[..40], &y[..40]).unwrap();
        let (a, b) = (fit(&kind, &scores), fit(&kind, &scores));
        let other = fit(&kind.seed(1), &scores);
        let less = fit(&kind.minimise(), &errors);
        let mut differ = false;
        for arch in &archs[40..] {
            let (p, q) = (a.predict(arch).unwrap(), less.predict(arch).unwrap());
            assert_eq!(p, b.predict(arch).unwrap());
            differ |= p != other.predict(arch).unwrap();
            // An error is a turned accuracy, with its ends turned too.
            assert!((p.mean() - (100.0 - 100.0 * q.mean())).abs() < 1e-6, "{kind}: {p} {q}");
            assert!((p.low() - (100.0 - 100.0 * q.high())).abs() < 1e-6, "{kind}: {p} {q}");
        }
        assert_eq!(differ, !kind.to_string().contains("Gaussian"), "{kind}");
    }
}

/// The number of the issue, with embedded accuracies and fewer repeats: a forest on graph features that has
/// learned 100 cells ranks at least 0.1 better by Kendall's tau than one on decisions.
#[test]
fn graph_features_rank_better_than_decisions() {
    let (archs, scores) = cells(700, 3);
    let forest = Predictor::forest();
    let one_hot = forest.encoding(&Encoding::one_hot());
    let chart = Predictor::by_size([&forest, &one_hot], &archs, &scores, [100], 6).unwrap();
    let ChartData::TrainingSizes(found) = chart.data() else { panic!() };
    let mean = |i: usize| found.series[i].taus[0].iter().sum::<f64>() / 6.0;
    assert_eq!(found.series[0].taus[0].len(), 6);
    assert!(mean(0) > mean(1) + 0.1, "{} and {}", mean(0), mean(1));
}

#[test]
fn tau_grows_with_what_was_learned() {
    let (archs, scores) = cells(300, 4);
    let wl = Predictor::gaussian_process().distance(Distance::weisfeiler_lehman(1));
    for kind in kinds().iter().chain([&wl]) {
        let chart = Predictor::by_size([kind], &archs, &scores, [60, 5, 5], 4).unwrap();
        let ChartData::TrainingSizes(found) = chart.data() else { panic!() };
        let [series] = &found.series[..] else { panic!() };
        assert_eq!(series.sizes, [5.0, 60.0]);
        let mean = |i: usize| series.taus[i].iter().sum::<f64>() / 4.0;
        assert!(mean(1) > mean(0) + 0.05, "{}: {} and {}", series.name, mean(0), mean(1));
        assert!(chart.plain().contains("on 240 other architectures"), "{}", chart.plain());
    }
}

/// Where all scores that are left to judge by are the same, a repeat has no tau, and the others count.
#[test]
fn ties_do_not_end_a_chart_of_sizes() {
    let (archs, _) = cells(40, 4);
    let scores: Vec<f64> = (0..40).map(|i| f64::from(u8::from(i < 4))).collect();
    let chart = Predictor::by_size([Predictor::forest()], &archs, &scores, [5, 30], 6).unwrap();
    assert!(chart.svg().contains("<svg"));
}

#[test]
fn what_cannot_be_learned_is_refused() {
    let (archs, scores) = cells(6, 5);
    let forest = Predictor::forest();
    says(forest.fit(&archs[..1], &scores[..1]), &["1 architecture", "2 are needed"]);
    says(forest.fit(&archs, &scores[..2]), &["6 architectures with 2 scores"]);
    let bad = [1.0, 2.0, f64::NAN, 3.0, 4.0, 5.0];
    says(forest.fit(&archs, bad), &["score NaN", "number 2", "leaving out"]);
    let space = Space::new([8], Task::classification(2)).then(linear(any([4, 8])));
    let other = space.decode([1]).unwrap();
    let mixed = [archs[0].clone(), other.clone()];
    says(forest.fit(&mixed, [1.0, 2.0]), &["linear(8)", "another space"]);
    let fitted = forest.fit(&archs, &scores).unwrap();
    says(fitted.predict(&other), &["linear(8)", "another space"]);
    says(forest.predict(&archs[0]), &["has not learned yet", "predictor.fit"]);
    // A setting makes a new one, which has to learn again.
    says(fitted.seed(3).predict(&archs[0]), &["has not learned yet"]);
    says(forest.members(0).fit(&archs, &scores), &["members(0)", "Try members(100)"]);
    says(
        forest.distance(Distance::edit()).fit(&archs, &scores),
        &["a distance has none", "gaussian_process"],
    );
    let paths = forest.encoding(&Encoding::path());
    says(paths.fit(vec![other.clone(), other.clone()], [1.0, 2.0]), &["path encoding"]);
    says(fitted.agreement([(archs[0].clone(), 1.0)]), &["1 architecture"]);
    says(fitted.best_of(&space, 2, 1, 1), &["another space"]);
    says(forest.best_of(&space, 2, 1, 1), &["has not learned yet"]);
    let curves = |sizes: Vec<i32>, repeats: i32| {
        Predictor::by_size([&forest], &archs, &scores, sizes, repeats)
    };
    says(curves(vec![], 3), &["no size"]);
    says(curves(vec![1], 3), &["2 to 4 are allowed"]);
    says(curves(vec![3, 5], 3), &["2 to 4 are allowed"]);
    says(curves(vec![3], 0), &["0 repeats"]);
    let none: [Predictor; 0] = [];
    says(Predictor::by_size(none, &archs, &scores, [3], 1), &["0 predictors"]);
    // Equal scores can be learned, but give no order.
    let flat = forest.fit(&archs, [1.0; 6]).unwrap();
    assert_eq!(flat.predict(&archs[2]).unwrap().mean(), 1.0);
    says(flat.kendall_tau(&archs, &scores), &["no order"]);
}

#[test]
fn a_study_is_learned_in_the_direction_of_its_metric() {
    let space =
        Space::new([8], Task::classification(2)).then(repeat(1..=3, linear(any([4, 8, 16]))));
    let loss = evaluator(|a: &Architecture, _: &Budget| match a.params() % 7 {
        0 => Err(Error::from("no memory")),
        _ => Ok((a.params() as f64).ln()),
    });
    let study = Study::new(&space, loss.minimise()).trials(25).seed(1).quiet();
    says(study.fit(&Predictor::forest()), &["0 finished trials"]);
    let study = study.run().unwrap();
    let fitted = study.fit(&Predictor::forest()).unwrap();
    let scored = study.trials_done().iter().filter(|t| t.score().is_some()).count();
    assert!(
        fitted.to_string().ends_with(&format!("has learned {scored} architectures")),
        "{fitted}"
    );
    let best = fitted.best_of(&space, 30, 30, 1).unwrap();
    assert!(best[0].params() < best[best.len() - 1].params());
    let known = study
        .trials_done()
        .iter()
        .filter_map(|t| Some((t.architecture(), t.score()?)))
        .collect::<Vec<_>>();
    let chart = fitted.agreement(known).unwrap();
    assert!(chart.plain().contains("lower is better"), "{}", chart.plain());
}

/// exp(-edit distance / l) is not a kernel for every l.
#[test]
fn a_process_on_edit_distances_learns() {
    let space = Space::new([2, 8, 8], Task::classification(4)).then(presets::nas_bench_201(4, 1));
    let archs = space.different(60, &mut Rng::new(3)).unwrap();
    let y: Vec<f64> = archs.iter().map(|a| a.params() as f64).collect();
    let process = Predictor::gaussian_process().distance(Distance::edit());
    let fitted = process.fit(&archs[..40], &y[..40]).unwrap();
    let tau = fitted.kendall_tau(&archs[40..], &y[40..]).unwrap();
    assert!(tau > 0.4, "{tau}");
    assert!(fitted.kendall_tau(&archs[..40], &y[..40]).unwrap() > 0.8);
}
