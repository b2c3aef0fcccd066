//! The embedded benchmarks: their figures against those of the benchmark's own files, and what a
//! study gets from them.

use crate::help::{outside, says};
use nascent::prelude::*;
use std::time::{Duration, Instant};

/// A set by its name, its name in the file, and the seconds of a training over CIFAR-10's.
fn sets() -> [(&'static str, Table, &'static str, f64); 3] {
    [
        ("cifar10", NasBench201::cifar10(), "c10", 1.0),
        ("cifar100", NasBench201::cifar100(), "c100", 2.0),
        ("imagenet16", NasBench201::imagenet16(), "in16", 6.068),
    ]
}

/// A column of the table in the order of its codes.
fn column(table: &Table, name: &str) -> Vec<Option<f64>> {
    table.space().enumerate().map(|arch| table.figure(&arch, name).unwrap()).collect()
}

#[test]
fn nasbench201_is_complete_but_for_the_third_seed() {
    let mut lacking: Option<Vec<bool>> = None;
    // The best, its mean and its seeds as make_nasbench201.py prints them.
    let best = [
        ([3, 3, 3, 1, 3, 2], 91.60666665, vec![91.684, 91.720, 91.416]),
        ([3, 3, 3, 1, 3, 3], 73.49333332, vec![73.520, 73.380, 73.580]),
        ([3, 2, 2, 1, 3, 3], 46.73333322, vec![46.700, 46.766667]),
    ];
    for ((set, table, _, share), (code, mean, seeds)) in sets().into_iter().zip(best) {
        table.check().unwrap();
        assert_eq!((table.len(), table.is_complete()), (15_625, true));
        assert_eq!(table.options().unwrap(), [5; 6]);
        assert_eq!(table.columns(), ["code", "val_s0", "val_s1", "val_s2", "val", "time"]);
        let missing = |name: &str| column(&table, name).iter().map(Option::is_none).collect();
        let third: Vec<bool> = missing("val_s2");
        assert_eq!(third.iter().filter(|m| **m).count(), 7_456, "{set}");
        assert_eq!(*lacking.get_or_insert_with(|| third.clone()), third, "{set}");
        for name in ["val_s0", "val_s1", "val", "time"] {
            assert!(!missing(name).contains(&true), "{set} {name}");
        }
        let arch = table.objective("val").best().unwrap();
        assert_eq!(arch.decisions(), code);
        for (found, known) in
            [(table.optimum().unwrap(), mean), (table.optimum_of("val").unwrap(), mean)]
        {
            assert!((found - known).abs() < 1e-6, "{set}: {found} for {known}");
        }
        let found = ["val_s0", "val_s1", "val_s2"].map(|name| table.figure(&arch, name).unwrap());
        let found: Vec<f64> = found.into_iter().flatten().collect();
        assert_eq!(found.len(), seeds.len(), "{set}");
        for (found, known) in found.iter().zip(&seeds) {
            assert!((found - known).abs() < 1e-6, "{set}: {found} for {known}");
        }
        // Seconds: the sum over all cells, which rounding to milliseconds moves by less than 8 s.
        let times: Vec<f64> = column(&table, "time").into_iter().flatten().collect();
        let (total, known) = (times.iter().sum::<f64>(), 28_562_295.432_408 * share);
        assert!((total - known).abs() < 8.0 * share, "{set}: {total} s for {known} s");
        let least = times.iter().copied().fold(f64::INFINITY, f64::min);
        let most = times.iter().copied().fold(0.0, f64::max);
        assert_eq!((least, most), (542.231 * share, 3460.832 * share));
    }
}

#[test]
fn nasbench201_has_the_figures_of_its_file() {
    let Some(path) = outside("nasbench201.csv.gz") else { return };
    let whole = Table::read(&path).unwrap();
    for (set, table, prefix, share) in sets() {
        let names = ["val_s0", "val_s1", "val_s2", "val", "time"];
        let theirs = ["val200_s0", "val200_s1", "val200_s2", "val200", "time200"];
        for (ours, theirs) in names.into_iter().zip(theirs) {
            let (a, b) = (column(&table, ours), column(&whole, &format!("{prefix}_{theirs}")));
            // The file has three decimals, and so do our seconds for CIFAR-10.
            let within = if ours == "time" { 0.0005 + 0.0005 * share } else { 0.00051 };
            for (row, (a, b)) in a.iter().zip(&b).enumerate() {
                match (a, b) {
                    (Some(a), Some(b)) => {
                        assert!((a - b).abs() <= within, "{set}, cell {row}, {ours}: {a} for {b}");
                    }
                    _ => assert_eq!(a, b, "{set}, cell {row}, {ours}"),
                }
            }
            assert_eq!((a.len(), b.len()), (15_625, 15_625));
        }
    }
}

#[test]
fn nasbench201_as_an_evaluator() {
    let table = NasBench201::cifar10();
    assert_eq!((table.metric(), table.full()), (Metric::maximise("validation accuracy (%)"), 200));
    let scores = |code: [u32; 6]| {
        let arch = table.space().decode(code).unwrap();
        let mut found: Vec<f64> = (0..64)
            .map(|seed| {
                let e = table.evaluate(&arch, &Budget::new(200, 200, seed)).unwrap();
                assert_eq!(e.seconds_spent(), table.figure(&arch, "time").unwrap());
                assert_eq!(e.epochs_spent(), Some(200.0));
                e.score()
            })
            .collect();
        found.sort_by(f64::total_cmp);
        found.dedup();
        found
    };
    // The first cell of the benchmark's own list has three seeds.
    assert_eq!(scores([4, 2, 1, 2, 1, 1]), [81.616, 82.092, 82.24]);
    let arch = table.space().decode([4, 2, 1, 2, 1, 1]).unwrap();
    assert_eq!(table.figure(&arch, "time").unwrap(), Some(1444.219));
    assert_eq!(table.figure(&arch, "val").unwrap(), Some((82.092 + 81.616 + 82.24) / 3.0));
    let lacking = table
        .space()
        .enumerate()
        .find(|arch| table.figure(arch, "val_s2").unwrap().is_none())
        .unwrap();
    assert_eq!(scores(lacking.decisions().try_into().unwrap()).len(), 2);
    let third = table.objective("val_s2");
    says(third.evaluate(&lacking, &Budget::new(200, 200, 1)), &["row ", "column \"val_s2\""]);
    // Another objective is after 200 epochs too, and there is none after fewer.
    let seed0 = table.objective("val_s0").minimise();
    assert_eq!((seed0.metric(), seed0.full()), (Metric::minimise("val_s0"), 200));
    says(seed0.evaluate(&arch, &Budget::new(12, 200, 1)), &["12 epochs", "after 200"]);
    says(table.objective("test").check(), &["no column \"test\"", "\"val_s0\""]);
    says(table.objective("code").check(), &["\"code\" holds the decisions"]);
    says(table.code("val").check(), &["\"val\" holds no decisions", "code(\"code\")"]);
    // A study pays for its trials in simulated seconds.
    let study = Study::new(&table.space(), &table).batch(1).simulated_seconds(12_000.0).quiet();
    let study = study.run().unwrap();
    let spent: f64 = study.trials_done().iter().map(Trial::seconds_spent).sum();
    let last = study.trials_done().last().unwrap().seconds_spent();
    assert!(spent >= 12_000.0 && spent - last < 12_000.0, "{spent}");
    assert!(study.trials_done().len() < 15 && study.failed().is_empty());
    let shown = table.to_string();
    for part in [
        "NAS-Bench-201 cifar10: 15,625 rows, 6 decisions with 5 options each, complete",
        "cost time",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
}

#[test]
fn nasbench201_from_the_fuller_file() {
    let Some(path) = outside("nasbench201.csv.gz") else { return };
    for (set, embedded, prefix, _) in sets() {
        let table = NasBench201::read(&path, set).unwrap();
        assert_eq!((table.len(), table.full(), table.is_complete()), (15_625, 200, true));
        assert_eq!(table.metric().name, format!("{prefix}_val200"));
        let arch = table.space().decode([4, 2, 1, 2, 1, 1]).unwrap();
        let short = table.evaluate(&arch, &Budget::new(12, 200, 1)).unwrap();
        let whole = table.evaluate(&arch, &Budget::new(200, 200, 1)).unwrap();
        let seconds = |e: &Evaluation| e.seconds_spent().unwrap();
        assert!((seconds(&short) / seconds(&whole) - 0.06).abs() < 1e-12);
        let figure =
            |name: &str| table.figure(&arch, &format!("{prefix}_{name}")).unwrap().unwrap();
        assert_eq!(short.score(), figure("val12"));
        for kind in ["test12", "test200"] {
            assert_eq!(whole.get(&format!("{prefix}_{kind}")), Some(figure(kind)));
        }
        // The same seed of a trial draws the same seed of the benchmark.
        let ours = embedded.evaluate(&arch, &Budget::new(200, 200, 1)).unwrap();
        assert!((ours.score() - whole.score()).abs() < 0.00051);
        if set == "cifar10" {
            // So a study goes the same way on either, trial for trial.
            let run = |table: &Table| {
                let plan = Study::new(&table.space(), table).strategy(Evolution::regularized());
                let study = plan.duplicates(Duplicates::Repeat).trials(200).quiet().run().unwrap();
                let decisions = |t: &Trial| t.architecture().decisions();
                study
                    .trials_done()
                    .iter()
                    .map(|t| (decisions(t), t.score(), t.seconds_spent()))
                    .collect()
            };
            let (a, b): (Vec<_>, Vec<_>) = (run(&table), run(&embedded));
            assert_eq!(a, b);
        }
    }
    says(NasBench201::read(&path, "c10"), &["the set \"c10\"", "\"cifar10\", \"cifar100\""]);
    says(NasBench201::read(path.with_file_name("none.csv"), "cifar10"), &["no such file"]);
    let other = path.with_file_name("fcnet_protein_structure.csv.gz");
    if other.is_file() {
        says(
            NasBench201::read(other, "cifar10"),
            &["no column \"c10_val12\"", "is not an architecture"],
        );
    }
}

/// All that a notebook waits for before its first trial; the best of a few runs, since tests share the
/// machine.
#[test]
fn nasbench201_is_ready_in_50_ms() {
    let ready = || {
        let begun = Instant::now();
        let table = NasBench201::imagenet16();
        table.check().unwrap();
        assert_eq!(table.space().size(), Some(15_625));
        begun.elapsed()
    };
    // The first that nothing else on this machine has delayed.
    let quick = (0..200).map(|_| ready()).find(|time| *time < Duration::from_millis(50));
    println!("ready in {:.1} ms", quick.expect("more than 50 ms each time").as_secs_f64() * 1e3);
}

#[test]
fn mnist1d_is_complete() {
    let table = Mnist1dBench::table();
    table.check().unwrap();
    assert_eq!((table.len(), table.full(), table.is_complete()), (2_250, 27, true));
    assert_eq!(table.space(), Mnist1dBench::space());
    let all = table.space().all().unwrap();
    for (split, sequences) in [("val", 800.0), ("test", 1000.0)] {
        let figures = |name: &str| -> Vec<f64> {
            all.iter().map(|a| table.figure(a, name).unwrap().unwrap()).collect()
        };
        let mean = |figures: &[f64]| figures.iter().sum::<f64>() / figures.len() as f64;
        let mut before = 0.0;
        for epoch in [1, 2, 4, 9, 27] {
            let seeds = [0, 1].map(|seed| figures(&format!("{split}{epoch}_s{seed}")));
            for figures in &seeds {
                for v in figures {
                    let count = v * sequences;
                    assert!((0.0..=1.0).contains(v) && (count - count.round()).abs() < 1e-9);
                }
            }
            // Longer is better on average, for either seed, and the seeds are not the same.
            assert!(seeds.iter().all(|s| mean(s) > before), "{split} after {epoch} epochs");
            before = seeds.iter().map(|s| mean(s)).fold(0.0, f64::max);
            assert_ne!(seeds[0], seeds[1]);
        }
        let whole = figures(split);
        let parts = [0, 1].map(|seed| figures(&format!("{split}27_s{seed}")));
        assert!((0..2_250).all(|i| whole[i] == (parts[0][i] + parts[1][i]) / 2.0));
    }
    for (i, arch) in all.iter().enumerate().step_by(97) {
        let figure = |name: &str| table.figure(arch, name).unwrap().unwrap();
        assert_eq!(figure("params"), arch.params() as f64);
        assert_eq!(figure("macs"), arch.macs() as f64);
        assert!((0.01..20.0).contains(&figure("seconds")), "row {i}");
        // A third of the epochs costs a third, and shows what was measured after them.
        let third = table.evaluate(arch, &Budget::new(9, 27, i as u64)).unwrap();
        let seconds = third.seconds_spent().unwrap();
        assert!((seconds - figure("seconds") / 3.0).abs() < 1e-12);
        assert!([figure("val9_s0"), figure("val9_s1")].contains(&third.score()));
        assert_eq!(third.get("test"), Some(figure("test")));
    }
}

/// Trainings of today against those of the table: closer to the same seed's than to the other's. (Bit for
/// bit they are equal on the kind of machine that made the table.)
#[test]
fn mnist1d_can_be_trained_again() {
    let (table, train) = (Mnist1dBench::table(), Mnist1dBench::training());
    let mut apart = [0.0, 0.0];
    for decisions in
        [[0, 0, 1, 3, 2, 0], [1, 1, 2, 1, 0, 1], [0, 1, 4, 3, 1, 2], [2, 0, 3, 3, 2, 1]]
    {
        let arch = table.space().decode(decisions).unwrap();
        let mut run = train.start(&arch, 0).unwrap();
        for epoch in 1..=4 {
            run.advance(1).unwrap();
            for (split, name) in [(Split::Validation, "val"), (Split::Test, "test")] {
                let now = run.measure(split).unwrap()[0].1;
                for (seed, apart) in apart.iter_mut().enumerate() {
                    let then = table.figure(&arch, &format!("{name}{epoch}_s{seed}")).unwrap();
                    *apart += (now - then.unwrap()).abs() / 32.0;
                }
            }
        }
    }
    println!("apart on average: same seed {:.4}, other seed {:.4}", apart[0], apart[1]);
    assert!(apart[0] < 0.01 && 2.0 * apart[0] < apart[1], "{apart:?}");
}

/// The best of n uniform draws has a known expectation, and random search reaches it: without any
/// file, on every table.
#[test]
fn random_search_finds_what_chance_would() {
    for table in [
        NasBench201::cifar10().objective("val_s0"),
        NasBench201::imagenet16().objective("val"),
        Mnist1dBench::table().objective("val"),
    ] {
        let name = table.metric().name;
        let mut sorted: Vec<f64> = column(&table, &name).into_iter().flatten().collect();
        sorted.sort_by(f64::total_cmp);
        for n in [10, 100] {
            let below = |rank: usize| (rank as f64 / sorted.len() as f64).powi(n);
            let moment = |power: i32| -> f64 {
                let term = |(i, v): (usize, &f64)| v.powi(power) * (below(i + 1) - below(i));
                sorted.iter().enumerate().map(term).sum()
            };
            let (mean, deviation) = (moment(1), (moment(2) - moment(1).powi(2)).max(0.0).sqrt());
            let plan = Study::new(&table.space(), &table).strategy(Random).quiet();
            let plan = plan.duplicates(Duplicates::Repeat).batch(1).trials(n);
            let best = |seed: u64| plan.seed(seed).run().unwrap().best().unwrap().score().unwrap();
            let found = (0..400).map(best).sum::<f64>() / 400.0;
            let error = deviation / 20.0;
            println!("{table:?}\nbest of {n}: {found:.4}, expected {mean:.4} ± {error:.4}");
            assert!((found - mean).abs() < 4.0 * error, "{name}: {found} for {mean} ± {error}");
        }
    }
}
