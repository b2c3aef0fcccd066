//! Schedules: who goes on and when, what is paid for, and that a continued training is one that was never
//! interrupted.

use crate::help::{Folder, says, side_by_side};
use nascent::prelude::*;
use nascent::{IntoStrategy, StrategyInfo, schedules};

/// A score that grows with the epochs, and an order that does not change.
fn growing() -> AnyEvaluator {
    let score = |a: &Architecture, b: &Budget| {
        let best: f64 = a.decisions().iter().map(|&d| f64::from(d)).sum();
        best * (b.epochs_allowed() as f64).sqrt()
    };
    evaluator(score).epochs(27)
}

fn space() -> Space {
    Space::decisions([5, 5, 5, 5])
}

/// How many trials there are with each number of epochs.
fn counts(study: &Study) -> Vec<(usize, usize)> {
    let mut counts = std::collections::BTreeMap::new();
    for t in study.trials_done() {
        *counts.entry(t.budget().epochs_allowed()).or_insert(0) += 1;
    }
    counts.into_iter().collect()
}

/// All that a study has found.
fn exact(study: &Study) -> Vec<String> {
    let line = |t: &Trial| {
        let bits = t.score().map(f64::to_bits);
        let (epochs, seed) = (t.budget().epochs_allowed(), t.budget().seed());
        let (decisions, from) = (t.architecture().decisions(), t.continues());
        format!(
            "{} {decisions:?} {epochs} {seed} {from:?} {bits:?} {}",
            t.number(),
            t.epochs_spent()
        )
    };
    study.trials_done().iter().map(line).collect()
}

#[test]
fn halving_keeps_one_of_three() {
    let plan = Study::new(&space(), growing()).strategy(SuccessiveHalving::new()).batch(1);
    let study = plan.duplicates(Duplicates::Repeat).trials(40).quiet().run().unwrap();
    assert_eq!(counts(&study), [(1, 27), (3, 9), (9, 3), (27, 1)]);
    assert_eq!(study.epochs_paid(), 27.0 + 9.0 * 2.0 + 3.0 * 6.0 + 18.0);
    let trials = study.trials_done();
    let first: Vec<f64> = trials[..27].iter().map(|t| t.score().unwrap()).collect();
    let best = first.iter().copied().fold(0.0, f64::max);
    let last = &trials[39];
    assert_eq!(last.score().unwrap(), best * 27f64.sqrt(), "the best of all has come to the end");
    assert_eq!(study.best().unwrap().number(), 39);
    assert_eq!(last.budget().seed(), trials[trials[39].parents()[0]].budget().seed());
}

/// A higher score after fewer epochs is not a better one: the tables of a schedule say which trial is meant.
#[test]
fn the_best_of_a_schedule_is_marked() {
    let first_looks_best = |a: &Architecture, b: &Budget| {
        let best: f64 = a.decisions().iter().map(|&d| f64::from(d)).sum();
        best / b.epochs_allowed() as f64
    };
    let plan = Study::new(&space(), evaluator(first_looks_best).epochs(9))
        .batch(1)
        .duplicates(Duplicates::Repeat);
    let study = plan.clone().strategy(SuccessiveHalving::new()).trials(13).quiet().run().unwrap();
    let best = study.best().unwrap();
    assert_eq!(best.budget().epochs_allowed(), 9);
    let listing = study.listing().plain();
    let marked: Vec<&str> = listing.lines().filter(|line| line.contains("best of 9")).collect();
    assert_eq!(marked.len(), 1, "{listing}");
    assert_eq!(marked[0].split_whitespace().next(), Some(best.number().to_string().as_str()));
    assert!(study.report().plain().contains("after 9 epochs"));
    // Where all trials have the same epochs there is nothing to tell apart.
    let study = plan.strategy(Random).trials(5).quiet().run().unwrap();
    assert!(!study.listing().plain().contains("best of"));
    assert!(!study.report().plain().contains("after 9 epochs"));
}

/// The brackets of the paper, for R = 27 and eta = 3.
#[test]
fn hyperband_has_the_brackets_of_the_paper() {
    let plan = Study::new(&space(), growing()).strategy(Hyperband::new()).batch(1);
    let study = plan.trials(40 + 17 + 8 + 4).quiet().run().unwrap();
    // 27 at 1, 9, 3, 1; 12 at 3, 4, 1; 6 at 9, 2; 4 at 27.
    let begun: Vec<usize> = study
        .trials_done()
        .iter()
        .filter(|t| t.continues().is_none())
        .map(|t| t.budget().epochs_allowed())
        .collect();
    let of = |epochs: usize| begun.iter().filter(|&&e| e == epochs).count();
    assert_eq!([1, 3, 9, 27].map(of), [27, 12, 6, 4]);
    assert_eq!(counts(&study), [(1, 27), (3, 9 + 12), (9, 3 + 4 + 6), (27, 1 + 1 + 2 + 4)]);
}

#[test]
fn asha_promotes_whoever_is_among_the_best() {
    let study = Study::new(&space(), growing()).strategy(Asha::new()).batch(1).trials(60).quiet();
    let study = study.run().unwrap();
    let trials = study.trials_done();
    let third = trials.iter().find(|t| t.continues().is_some()).unwrap();
    assert_eq!(third.number(), 3, "after three of them the best goes on");
    let best = trials[..3].iter().map(|t| t.score().unwrap()).fold(0.0, f64::max);
    assert_eq!(trials[third.continues().unwrap()].score().unwrap(), best);
    let counts = counts(&study);
    assert!(counts[0].1 >= 2 * counts[1].1 && counts[1].1 >= 2 * counts[2].1, "{counts:?}");
}

#[test]
fn median_stopping_finishes_the_better_half() {
    let plan = Study::new(&space(), growing()).strategy(MedianStopping::new()).batch(1);
    let study = plan.trials(150).quiet().run().unwrap();
    let trials = study.trials_done();
    let full: Vec<f64> = trials
        .iter()
        .filter(|t| t.budget().epochs_allowed() == 27)
        .filter_map(Trial::score)
        .collect();
    let begun = trials.iter().filter(|t| t.continues().is_none()).count();
    assert!(full.len() > 4 && full.len() < 3 * begun / 4, "{} of {begun}", full.len());
    let first = |t: &Trial| t.architecture().decisions().iter().sum::<u32>();
    let of = |full: bool| -> Vec<f64> {
        let done = |t: &&Trial| (t.budget().epochs_allowed() == 27) == full;
        trials.iter().filter(done).map(|t| f64::from(first(t))).collect()
    };
    let mean = |v: Vec<f64>| v.iter().sum::<f64>() / v.len() as f64;
    assert!(mean(of(true)) > mean(of(false)) + 0.5);
}

/// A training that was continued has the score, curve and losses of one that was not, and costs what it adds.
#[test]
fn a_continued_training_is_one_that_was_never_interrupted() {
    let data = Dataset::digits().take(120);
    let space = Space::on(&data).then(linear(any([4, 8, 16, 32]))).then(linear(any([4, 8])));
    let train = Train::on(&data).epochs(4).batch_size(16);
    let halving = SuccessiveHalving::new().reduction(2);
    let plan = Study::new(&space, &train)
        .strategy(halving)
        .trials(14)
        .seed(3)
        .duplicates(Duplicates::Repeat)
        .quiet();
    let study = plan.jobs(1).run().unwrap();
    assert!(study.trials_done().iter().any(|t| t.continues().is_some()));
    for trial in study.trials_done() {
        let alone = train.evaluate(&trial.architecture(), &trial.budget()).unwrap();
        assert_eq!(trial.evaluation().unwrap(), alone, "{trial}");
        let before =
            trial.continues().map_or(0, |n| study.trials_done()[n].budget().epochs_allowed());
        assert_eq!(trial.epochs_spent(), (trial.budget().epochs_allowed() - before) as f64);
    }
    assert_eq!(exact(&study), exact(&plan.jobs(4).run().unwrap()));
    // With results taken over, it goes on with the training that they are of.
    let reuse = plan.duplicates(Duplicates::Reuse).trials(28).run().unwrap();
    let trials = reuse.trials_done();
    assert!(trials.iter().any(|t| t.reused_from().is_some() && t.continues().is_none()));
    for trial in trials.iter().filter(|t| t.reused_from().is_none()) {
        let alone = train.evaluate(&trial.architecture(), &trial.budget()).unwrap();
        assert_eq!(trial.evaluation().unwrap(), alone, "{trial}");
        let from = trial.continues().map(|n| trials[n].clone());
        assert!(from.is_none_or(|f| f.reused_from().is_none()), "{trial}");
    }
}

/// Every schedule is the same on any number of threads, and goes on from any line of its journal.
#[test]
fn schedules_are_resumed_as_they_were() {
    let folder = Folder::new("schedules");
    let rows: Vec<&StrategyInfo> = schedules().iter().collect();
    side_by_side(&rows, |_, row| {
        let plan = |jobs: i64| {
            let study = Study::new(&space(), growing()).strategy((row.make)());
            study.trials(60).seed(2).quiet().jobs(jobs)
        };
        let whole = plan(1).run().unwrap();
        assert_eq!(whole.failed().len(), 0, "{whole}");
        assert!(whole.trials_done().iter().any(|t| t.continues().is_some()), "{}", row.name);
        assert_eq!(exact(&whole), exact(&plan(5).run().unwrap()), "{}", row.name);
        let path = folder.file(&format!("{}.jsonl", row.name));
        plan(2).journal(&path).run().unwrap();
        let lines: Vec<String> =
            std::fs::read_to_string(&path).unwrap().lines().map(String::from).collect();
        for n in [3, 40, 77, lines.len() - 1] {
            std::fs::write(&path, lines[..n].join("\n") + "\n").unwrap();
            let again = plan(2).journal(&path).run().unwrap();
            assert_eq!(exact(&whole), exact(&again), "{} from line {n}", row.name);
        }
        // Made again from its stored form.
        let stored = (row.make)().to_json().unwrap();
        assert!(stored.contains(row.name), "{stored}");
        assert!(whole.explain().to_string().contains("goes on"), "{}", whole.explain());
        assert!(!whole.report().html().is_empty() && whole.to_csv().lines().count() == 61);
    });
}

/// Where a full evaluation is all there is, a schedule is the strategy that it asks.
#[test]
fn without_epochs_there_is_nothing_to_schedule() {
    let open = evaluator(|a, _| a.identity() as f64);
    for row in schedules() {
        let study = Study::new(&space(), &open).strategy((row.make)()).trials(12).quiet();
        let study = study.run().unwrap();
        assert_eq!(study.trials_done().len(), 12);
        assert!(study.trials_done().iter().all(|t| t.continues().is_none()));
    }
}

/// Rungs that are trainings of their own: each is paid for as a whole.
#[test]
fn rungs_of_a_table_begin_anew() {
    let halving = SuccessiveHalving::new().reduction(9).rungs([1, 27]).anew();
    let study = Study::new(&space(), growing())
        .strategy(halving)
        .batch(1)
        .trials(20)
        .duplicates(Duplicates::Repeat)
        .quiet();
    let study = study.run().unwrap();
    assert_eq!(counts(&study), [(1, 18), (27, 2)]);
    assert_eq!(study.epochs_paid(), 18.0 + 2.0 * 27.0);
    assert!(study.trials_done().iter().all(|t| t.continues().is_none()));
}

#[test]
fn a_failure_is_the_last_of_its_rung() {
    let picky = evaluator(|a: &Architecture, b: &Budget| {
        let d = a.decisions();
        match d[0] {
            0 => Err(Error::from("no")),
            4 if b.epochs_allowed() > 1 => Err(Error::from("not that long")),
            _ => Ok(d.iter().sum::<u32>() as f64),
        }
    });
    for row in schedules() {
        let study = Study::new(&space(), picky.epochs(9)).strategy((row.make)()).trials(80).quiet();
        let study = study.run().unwrap();
        assert_eq!(study.trials_done().len(), 80, "{}: {}", row.name, study.ended());
        assert_eq!(study.best().unwrap().budget().epochs_allowed(), 9, "{}", row.name);
        for t in study.trials_done() {
            let from = t.continues().map(|n| study.trials_done()[n].clone());
            assert!(from.is_none_or(|f| f.error().is_none()), "{}: a failure goes on", row.name);
        }
    }
}

#[test]
fn what_does_not_fit_is_refused_with_advice() {
    let run = |strategy: AnyStrategy| {
        Study::new(&space(), growing()).strategy(strategy).trials(5).quiet().run()
    };
    let halving = SuccessiveHalving::new;
    says(run(halving().reduction(1).into_strategy()), &["reduction(1)", "Try reduction(3)"]);
    says(run(halving().least(0).into_strategy()), &["least(0)", "Try least(1)"]);
    says(run(halving().least(28).into_strategy()), &["least(28)", "27 epochs", "least(1)"]);
    says(run(halving().rungs([3, 1]).into_strategy()), &["rungs([3, 1])", "Try rungs([1, 3])"]);
    says(run(Hyperband::new().rungs([1, 9]).into_strategy()), &["[1, 9]", "27"]);
    says(run(Bohb::new().reduction(0).into_strategy()), &["BOHB", "reduction(0)"]);
    // Proposals by hand.
    let propose = |f: fn(&History) -> Result<Proposal>| {
        run(strategy("mine", move |h, _| f(h)).into_strategy())
    };
    says(
        propose(move |h| Ok(Proposal::new(h.space().default_architecture()?, "x").epochs(0))),
        &["0 epochs", "1 to 27"],
    );
    says(
        propose(move |h| Ok(Proposal::new(h.space().default_architecture()?, "x").epochs(28))),
        &["28 epochs", "1 to 27"],
    );
    let study = propose(|h| match h.visible().first() {
        None => Ok(Proposal::new(h.space().default_architecture()?, "x").epochs(9)),
        Some(t) => Ok(Proposal::continuing(t, 9)),
    });
    let ended = study.unwrap().ended();
    assert!(ended.contains("it has had 9 already"), "{ended}");
    let open = evaluator(|a, _| a.identity() as f64);
    let some =
        strategy(
            "some",
            |h, _| Ok(Proposal::new(h.space().default_architecture()?, "x").epochs(3)),
        );
    says(
        Study::new(&space(), open).strategy(some).trials(2).quiet().run(),
        &["3 epochs", ".epochs(27)"],
    );
}

/// What is tried again with more epochs is not a duplicate, and the same with as many is one.
#[test]
fn duplicates_are_of_the_same_depth() {
    let twice = strategy("twice", |h, _| {
        let arch = h.space().default_architecture()?;
        Ok(match h.asked() {
            0 | 1 => Proposal::new(arch, "x").epochs(3),
            2 => Proposal::continuing(&h.visible()[0], 9),
            _ => Proposal::new(arch, "x"),
        })
    });
    let plan = Study::new(&space(), growing()).strategy(twice).batch(1).trials(4).quiet();
    let reuse = plan.duplicates(Duplicates::Reuse).run().unwrap();
    let from: Vec<_> = reuse.trials_done().iter().map(Trial::reused_from).collect();
    assert_eq!(from, [None, Some(0), None, None]);
    assert_eq!(reuse.epochs_paid(), 3.0 + 6.0 + 27.0);
    let repeat = plan.duplicates(Duplicates::Repeat).run().unwrap();
    assert_eq!(repeat.epochs_paid(), 3.0 + 3.0 + 6.0 + 27.0);
}

/// The strategy that proposes sees the results of one rung alone, also where longer trainings begin anew.
#[test]
fn what_proposes_sees_one_rung() {
    let inner = strategy("one rung", |h, rng| {
        let seen: Vec<usize> = h.visible().iter().map(|t| t.budget().epochs_allowed()).collect();
        match seen.windows(2).all(|pair| pair[0] == pair[1]) {
            true => h.space().sample(rng),
            false => Err(Error::from("scores after few epochs among those after many")),
        }
    });
    let schedules = [
        SuccessiveHalving::new().of(&inner).into_strategy(),
        SuccessiveHalving::new().of(&inner).anew().into_strategy(),
        Hyperband::new().of(&inner).into_strategy(),
        Asha::new().of(&inner).into_strategy(),
        MedianStopping::new().of(&inner).into_strategy(),
    ];
    for schedule in schedules {
        let study = Study::new(&space(), growing()).strategy(schedule).trials(90).quiet();
        let study = study.run().unwrap();
        assert_eq!(study.trials_done().len(), 90, "{}", study.ended());
    }
}

/// Whatever proposes under a schedule, a study is the same on any number of threads.
#[test]
fn schedules_work_with_every_strategy() {
    let rows: Vec<&StrategyInfo> = nascent::strategies().iter().collect();
    side_by_side(&rows, |i, row| {
        let inner = (row.make)();
        let schedule = match i % 2 {
            0 => Hyperband::new().of(inner).into_strategy(),
            _ => Asha::new().of(inner).into_strategy(),
        };
        let plan = Study::new(&space(), growing()).strategy(&schedule).trials(60).seed(3).quiet();
        let one = plan.jobs(1).run().unwrap();
        assert_eq!(one.trials_done().len(), 60, "{}: {}", row.name, one.ended());
        assert_eq!(exact(&one), exact(&plan.jobs(3).run().unwrap()), "{}", row.name);
        assert!(one.best().unwrap().budget().epochs_allowed() >= 9, "{}", row.name);
    });
}

/// Curves that cross: half of the architectures learn fast and stop early.
fn crossing(a: &Architecture, t: f64) -> f64 {
    let d = a.decisions();
    let end: f64 = d.iter().map(|&d| f64::from(d)).sum();
    match d[0] % 2 {
        0 => 0.6 * end + 4.0 - 2.0 / t,
        _ => end * (1.0 - t.powf(-0.7)),
    }
}

fn with_curves() -> AnyEvaluator {
    let train = |a: &Architecture, b: &Budget| {
        let curve: Vec<f64> = (1..=b.epochs_allowed()).map(|t| crossing(a, t as f64)).collect();
        Evaluation::new(curve[curve.len() - 1]).with_curve(curve)
    };
    evaluator(train).epochs(32)
}

/// It goes back to trainings that it had frozen, and finds those that are late.
#[test]
fn what_was_frozen_is_thawed() {
    let (mut thawed, mut found) = (0, vec![]);
    for seed in 1..=3 {
        let plan = Study::new(&space(), with_curves()).strategy(FreezeThaw::new()).batch(1);
        let study = plan.epochs(6 * 32).seed(seed).quiet().run().unwrap();
        let trials = study.trials_done();
        // Others were tried in between.
        thawed +=
            trials.iter().filter(|t| t.continues().is_some_and(|b| t.number() > b + 2)).count();
        found.push(crossing(&study.best().unwrap().architecture(), 32.0));
    }
    found.sort_by(f64::total_cmp);
    assert!(thawed > 5, "{thawed}");
    // The best of all 625 has 15 (1 - 32^-0.7) = 13.67; the best of the fast ones 13.54.
    assert!(found[1] > 11.0, "{found:?}");
}

#[test]
fn a_hopeless_curve_is_stopped_and_a_late_one_is_not() {
    let plan = Study::new(&space(), with_curves()).strategy(CurveStopping::new()).batch(1);
    let study = plan.trials(300).seed(1).duplicates(Duplicates::Repeat).quiet().run().unwrap();
    let trials = study.trials_done();
    let begun: Vec<&Trial> = trials.iter().filter(|t| t.continues().is_none()).collect();
    let whole: Vec<&Trial> = trials.iter().filter(|t| t.budget().epochs_allowed() == 32).collect();
    let every = begun.iter().map(|t| crossing(&t.architecture(), 32.0)).fold(0.0, f64::max);
    assert!(whole.len() * 2 < begun.len(), "{} of {} came to the end", whole.len(), begun.len());
    let best = study.best().unwrap().score().unwrap();
    assert!(best > every - 0.5, "{best} of {every}");
    let spent = study.epochs_paid() / (32.0 * begun.len() as f64);
    assert!(spent < 0.7, "{spent}");
}

/// A table with a figure after every epoch has learning curves, which its schedules read.
#[test]
fn a_table_has_curves() {
    let table = Mnist1dBench::table();
    let arch = table.space().default_architecture().unwrap();
    let short = table.evaluate(&arch, &Budget::new(5, 27, 3)).unwrap();
    let long = table.evaluate(&arch, &Budget::new(27, 27, 3)).unwrap();
    assert_eq!(short.curve(), long.curve()[..5]);
    assert_eq!(long.curve()[26], long.score());
    let study = Study::new(&table.space(), &table).strategy(CurveStopping::new()).batch(1);
    let study = study.epochs(400).quiet().run().unwrap();
    assert!(study.learning_curves().svg().contains("<svg"));
}

/// What a schedule looks at is proposed by a strategy that knows nothing of rungs: it sees every architecture once,
/// numbered in a row, whether it has a result at the rung or not.
#[test]
fn strategies_inside_schedules_know_what_was_tried() {
    let noisy = |epochs: i32| {
        evaluator(|a: &Architecture, b: &Budget| {
            a.decisions().iter().sum::<u32>() as f64 + 0.3 * b.rng().normal()
        })
        .epochs(epochs)
    };
    let space = Space::decisions([4, 4, 4, 4, 4]);
    let new = |study: &Study| -> Vec<Architecture> {
        let fresh = |t: &&Trial| t.continues().is_none();
        study.trials_done().iter().filter(fresh).map(Trial::architecture).collect()
    };
    // Local search used a trial's number as its place.
    for strategy in [Bohb::new().of(LocalSearch::new()), Bohb::new().of(Annealing::new())] {
        let study = Study::new(&space, noisy(9)).strategy(strategy).batch(1).trials(90).quiet();
        let study = study.run().unwrap();
        assert_eq!(study.trials_done().len(), 90, "{}", study.ended());
    }
    // A grid and a warm start count what they have proposed.
    for batch in [1, 8] {
        let halving = SuccessiveHalving::new().of("grid");
        let study = Study::new(&space, noisy(9)).strategy(halving).batch(batch).trials(60).quiet();
        let proposed = new(&study.run().unwrap());
        let mut different: Vec<_> = proposed.iter().map(Architecture::decisions).collect();
        different.sort();
        different.dedup();
        assert_eq!(different.len(), proposed.len(), "batch {batch}");
    }
    let cells = Space::on(&Dataset::digits()).then(repeat(1..=3, linear(any([4, 8, 12, 16]))));
    let warm = WarmStart::new(&Proxy::params(), 20, Random).first(6);
    let study = Study::new(&cells, evaluator(|a, _| a.params() as f64).epochs(9));
    let study = study.strategy(Hyperband::new().of(warm)).batch(1).trials(60).seed(2).quiet();
    let first = Proxy::params().best_of(&cells, 20, 6, 2).unwrap();
    assert_eq!(new(&study.run().unwrap())[..6], first[..]);
    // A model inside a schedule learns.
    let space = Space::decisions([6; 6]);
    let later = |strategy: AnyStrategy| {
        let study = Study::new(&space, noisy(9)).strategy(Hyperband::new().of(strategy)).batch(1);
        let proposed = new(&study.trials(100).seed(1).quiet().run().unwrap());
        let half = &proposed[proposed.len() / 2..];
        let sum = |a: &Architecture| a.decisions().iter().sum::<u32>() as f64;
        half.iter().map(sum).sum::<f64>() / half.len() as f64
    };
    let random = later(Random.into_strategy());
    for name in ["bananas", "gp-hamming", "evolution"] {
        let found = later(AnyStrategy::named(name).unwrap());
        assert!(found > random + 3.0, "{name}: {found}, random {random}");
    }
    // Two that say how long to train.
    let train = || Study::new(&space, noisy(9)).quiet();
    let nested = Hyperband::new().of(Asha::new());
    says(train().strategy(nested).run(), &["of a schedule", "of(Tpe::new())"]);
    let warm = WarmStart::new(&Proxy::params().within(&cells), 12, Asha::new());
    says(train().strategy(warm).run(), &["warm start of a schedule", "Hyperband::new().of("]);
}

/// With every architecture tried, a bracket goes on with those that it has, and the study ends after that.
#[test]
fn a_bracket_in_an_exhausted_space_comes_to_its_end() {
    let tiny = Space::decisions([3, 4]);
    let of = |schedule: AnyStrategy, batch: usize, jobs: usize| {
        let plan = Study::new(&tiny, growing()).strategy(schedule).batch(batch).jobs(jobs);
        plan.trials(200).duplicates(Duplicates::Forbid).quiet().run().unwrap()
    };
    for schedule in [
        SuccessiveHalving::new().into_strategy(),
        SuccessiveHalving::new().anew().into_strategy(),
        SuccessiveHalving::new().of(Evolution::regularized()).into_strategy(),
        SuccessiveHalving::new().of(Grid).into_strategy(),
        Hyperband::new().into_strategy(),
        Bohb::new().into_strategy(),
    ] {
        let study = of(schedule.clone(), 1, 1);
        // 12 of the 27 at 1 epoch, and of these 9, 3 and 1.
        assert_eq!(counts(&study), [(1, 12), (3, 9), (9, 3), (27, 1)], "{study}");
        assert!(study.ended().contains("exhausted"), "{study}");
        assert_eq!(study.best().unwrap().architecture().decisions(), [2, 3]);
        // Results that lag behind are waited for.
        for batch in [2, 4, 8] {
            let late = of(schedule.clone(), batch, 1);
            assert_eq!(counts(&late), [(1, 12), (3, 9), (9, 3), (27, 1)], "{batch}: {late}");
            assert_eq!(exact(&late), exact(&of(schedule.clone(), batch, 4)));
        }
    }
    // The others go on with whom they like, and try each once.
    for row in schedules() {
        let study = of((row.make)(), 4, 2);
        let begun = study.trials_done().iter().filter(|t| t.parents().is_empty()).count();
        assert_eq!(begun, 12, "{}", row.name);
    }
}

/// A schedule looks where a table has scores, and nowhere else.
#[test]
fn the_rungs_of_a_table_are_those_it_has() {
    let folder = Folder::new("levels");
    let path = folder.file("levels.csv");
    let rows: Vec<String> = (0..64).map(|i| format!("{}-{},{i},{}", i / 8, i % 8, i + 1)).collect();
    std::fs::write(&path, format!("code,after5,after40\n{}\n", rows.join("\n"))).unwrap();
    let space = Space::decisions([8, 8]);
    let table = Table::read(&path).unwrap().over(&space).curve("after");
    for row in schedules() {
        let plan = Study::new(&space, &table).strategy((row.make)()).trials(40).quiet();
        let study = plan.run().unwrap();
        assert!(study.trials_done().iter().all(|t| t.error().is_none()), "{}: {study}", row.name);
        let depths: Vec<usize> = counts(&study).iter().map(|c| c.0).collect();
        assert!(depths.iter().all(|d| [5, 40].contains(d)), "{}: {depths:?}", row.name);
    }
    let early = SuccessiveHalving::new().rungs([2, 40]);
    let refused = Study::new(&space, &table).strategy(early).trials(9).quiet().run();
    says(refused, &["after 5, 40 epochs", "Try rungs([5, 40])"]);
    let later = SuccessiveHalving::new().rungs([5, 40]);
    assert!(Study::new(&space, &table).strategy(later).trials(9).quiet().run().is_ok());
    // All of it is known before the run.
    let early = SuccessiveHalving::new().rungs([5, 20]);
    let problems = Study::new(&space, &table).strategy(early).problems();
    assert!(problems[0].contains("the last rung is that one"), "{problems:?}");
    let once = SuccessiveHalving::new().least(30);
    let plan = Study::new(&space, &table).strategy(once).trials(9);
    assert!(plan.explain().to_string().contains("looks only once, after 40 epochs"));
    let plan = plan.strategy(SuccessiveHalving::new());
    assert!(!plan.explain().to_string().contains("looks only once"));
    // A column that cannot be a rung is not passed over.
    let text = std::fs::read_to_string(&path).unwrap().replace("after5", "after5.5");
    std::fs::write(&path, text).unwrap();
    let table = Table::read(&path).unwrap().over(&space).curve("after");
    says(Study::new(&space, &table).quiet().trials(2).run(), &["\"after5.5\"", ".fidelity("]);
}

/// What has stopped stays stopped, and what was decided follows from the trials alone.
#[test]
fn a_curve_is_judged_once() {
    let folder = Folder::new("judged");
    let path = folder.file("study.jsonl");
    let plan = Study::new(&space(), with_curves()).strategy(CurveStopping::new()).batch(1);
    let plan = plan.duplicates(Duplicates::Repeat);
    let whole = plan.trials(120).quiet().run().unwrap();
    let begun = plan.trials(70).journal(&path).quiet().run().unwrap();
    assert_eq!(exact(&begun)[..], exact(&whole)[..70]);
    let resumed = plan.trials(120).journal(&path).quiet().run().unwrap();
    assert_eq!(exact(&resumed), exact(&whole), "a new instance decides the same");
    // A training goes on at once or never.
    let done = whole.trials_done();
    for t in done.iter().filter(|t| t.continues().is_some()) {
        let before = t.continues().unwrap();
        assert_eq!(before + 1, t.number(), "with a batch of 1");
    }
}

/// A curve that breaks off says nothing about the others, and is not gone on with.
#[test]
fn a_curve_with_a_gap_stops_itself_alone() {
    let train = |a: &Architecture, b: &Budget| {
        let broken = a.decisions()[0] == 1;
        let at = |t: usize| if broken && t == 2 { f64::NAN } else { crossing(a, t as f64) };
        let curve: Vec<f64> = (1..=b.epochs_allowed()).map(at).collect();
        Evaluation::new(crossing(a, b.epochs_allowed() as f64)).with_curve(curve)
    };
    let plan = Study::new(&space(), evaluator(train).epochs(32)).strategy(CurveStopping::new());
    let study = plan.batch(1).trials(150).seed(2).quiet().run().unwrap();
    assert_eq!(study.trials_done().len(), 150, "{study}");
    assert!(study.trials_done().iter().any(|t| t.budget().epochs_allowed() == 32));
}

/// What is tried in place of a duplicate has the budget of the duplicate.
#[test]
fn the_last_of_a_space_are_looked_at_like_the_others() {
    let small = Space::decisions([6, 6]);
    for row in schedules() {
        let first = strategy("the first", |h, _| h.space().default_architecture());
        let schedule = match row.name {
            "halving" => SuccessiveHalving::new().of(first).into_strategy(),
            "asha" => Asha::new().of(first).into_strategy(),
            "median" => MedianStopping::new().of(first).into_strategy(),
            _ => (row.make)(),
        };
        let plan = Study::new(&small, growing()).strategy(schedule).batch(1).trials(90).quiet();
        let study = plan.duplicates(Duplicates::Forbid).run().unwrap();
        let failed = study.ended().contains("failed");
        assert!(!failed, "{}: {}", row.name, study.ended());
    }
}

/// Scores that are far from all others, or hardly numbers, stop what has them, and nothing else.
#[test]
fn extreme_scores_stop_themselves_alone() {
    for far in [1e100, 1e160, 1e301, f64::MAX] {
        let train = move |a: &Architecture, b: &Budget| {
            let bad = a.decisions()[0] == 0;
            let at = |t: usize| if bad { far } else { 4.0 + 1.0 / t as f64 };
            let curve: Vec<f64> = (1..=b.epochs_allowed()).map(at).collect();
            Evaluation::new(curve[curve.len() - 1]).with_curve(curve)
        };
        let fixed =
            strategy("in order", |h, _| h.space().decode([(h.asked() % 5) as u32, 0, 0, 0]));
        let curve = CurveStopping::new().of(fixed);
        let plan = Study::new(&space(), evaluator(train).epochs(16).minimise()).strategy(curve);
        let plan = plan.batch(1).trials(60).duplicates(Duplicates::Repeat).quiet();
        let study = plan.run().unwrap();
        assert_eq!(study.trials_done().len(), 60, "{far:e}: {study}");
        assert!(study.best().unwrap().score().unwrap() < 5.0, "{far:e}: {study}");
    }
}

/// Levels that an evaluator of one's own gives in any order, and more of them than epochs.
#[test]
fn levels_of_ones_own_are_put_in_order() {
    struct Own(Vec<usize>);
    impl Evaluator for Own {
        fn evaluate(&self, a: &Architecture, _: &Budget) -> Result<Evaluation> {
            Ok(Evaluation::new(a.identity() as f64))
        }
        fn full(&self) -> usize {
            27
        }
        fn levels(&self) -> Option<Vec<usize>> {
            if self.0.is_empty() { panic!("no levels") } else { Some(self.0.clone()) }
        }
    }
    let run = |levels: &[usize]| {
        let plan = Study::new(&space(), Own(levels.to_vec())).strategy(SuccessiveHalving::new());
        plan.batch(1).trials(40).duplicates(Duplicates::Repeat).quiet().run()
    };
    let depths = |levels: &[usize]| {
        let found = counts(&run(levels).unwrap());
        found.into_iter().map(|(depth, _)| depth).collect::<Vec<_>>()
    };
    assert_eq!(depths(&[27, 3, 9, 1]), [1, 3, 9, 27]);
    assert_eq!(depths(&[9, 27, 0, 9]), [9, 27]);
    assert_eq!(depths(&[5, 20, 40]), [5, 27]);
    says(run(&[]), &["levels() of the evaluator", "no levels"]);
    // The fewest epochs that were asked for are kept.
    let least = SuccessiveHalving::new().least(4);
    let plan = Study::new(&space(), Own(vec![3, 10, 27])).strategy(least).trials(9).quiet();
    assert!(counts(&plan.run().unwrap()).iter().all(|(depth, _)| *depth >= 4));
}
