//! One-shot search: every method of the table on spaces of every kind, the same again and resumed, and what
//! is refused.

use crate::help::{Folder, says, side_by_side};
use nascent::chart::ChartData;
use nascent::prelude::*;
use nascent::{Ended, Method, MethodInfo, one_shot_methods};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

fn digits() -> Dataset {
    Dataset::digits().take(120)
}

/// Batches of 16 for 2 epochs.
fn train(data: &Dataset) -> Train {
    Train::on(data).epochs(2).batch_size(16)
}

/// A cell, and a layer with settings to choose.
fn small(data: &Dataset) -> Space {
    let op = one_of([conv(same(), 3), max_pool(3).stride(1).padding(1), skip(), zero()]);
    let edges = [vec![op.clone()], vec![op.clone(), op]];
    let act = conv(same(), any([1, 3])).activation(any(["relu", "tanh"]));
    Space::on(data)
        .then(conv(4, 3))
        .then(cell(edges))
        .then(dropout(any([0.1, 0.3])))
        .then(act)
        .then(global_avg_pool())
}

/// A stack of normal and reduction cells with two inputs, which keep two edges of each node.
fn like_darts(data: &Dataset) -> Space {
    let op = |stride: i64| {
        let pool = max_pool(3).stride(stride).padding(1);
        let shrink = relu().then(conv(same(), 1).stride(stride));
        one_of([
            conv(same(), 3).stride(stride),
            pool,
            if stride == 1 { skip() } else { shrink },
            zero_of(stride),
        ])
    };
    let node = |n: i64, stride| {
        (0..n).map(|from| op(if from < 2 { stride } else { 1 })).collect::<Vec<_>>()
    };
    let cell =
        |stride| cell([node(2, stride), node(3, stride)]).two_inputs().keep(2).concat_nodes();
    let prepare = |channels| relu().then(conv(channels, 1));
    let cells = [
        (prepare(2), shared("normal", cell(1))),
        (prepare(4), shared("reduce", cell(2))),
        (prepare(4), shared("normal", cell(1))),
    ];
    Space::on(data).then(conv(6, 3)).then(stack(cells)).then(global_avg_pool())
}

/// No edge, or where the shape changes one with little on it.
fn zero_of(stride: i64) -> Block {
    if stride == 1 { zero() } else { avg_pool(3).stride(stride).padding(1) }
}

/// Whether a method draws its paths without weighing options.
fn unweighed(row: &MethodInfo) -> bool {
    ["spos", "fairnas", "random_sharing"].contains(&row.name)
}

/// Whether fair paths are asked for where there are none.
fn unfair(row: &MethodInfo, study: &Study) -> bool {
    row.name == "fairnas" && study.problems().iter().any(|p| p.contains("fair paths"))
}

/// All that a search has found, to the last bit.
fn exact(study: &Study) -> Vec<String> {
    let bits = |v: f64| format!("{:016x}", v.to_bits());
    let line = |t: &Trial| {
        let found = t.evaluation().map_or(String::new(), |e| {
            let figures =
                ["loss", "training loss", "entropy", "skip connections", "reward", "curvature"];
            let figures = figures.iter().filter_map(|name| e.get(name)).map(bits);
            let weights = e.option_weights().into_iter().map(bits);
            figures.chain(weights).chain([bits(e.score())]).collect::<Vec<_>>().join(" ")
        });
        let arch = t.architecture().decisions();
        format!("{} {arch:?} {} {:?} {found}", t.number(), t.origin(), t.error())
    };
    study.trials_done().iter().map(line).collect()
}

fn all_spaces() -> Vec<(&'static str, Space, Dataset)> {
    let data = digits();
    let images = || Space::on(&data).then(conv(4, 3));
    let waves = Dataset::mnist1d().take(120);
    let names = Dataset::names().take(120);
    let letters = Dataset::names_text().take(80);
    let x: Vec<f32> = (0..480).map(|i| (i as f32 * 0.37).sin()).collect();
    let y: Vec<f32> = x.chunks(4).map(|c| c[0] - c[1]).collect();
    let numbers = Dataset::regression("sines", x, [4], y, 1).unwrap();
    let op = || one_of([conv(same(), 3), conv(same(), 1), skip()]);
    let nested = one_of([
        seq([conv(same(), 3), one_of([skip(), conv(same(), 1).residual()])]),
        repeat(1..=2, conv(same(), any([1, 3]))),
        skip(),
    ]);
    let motif = || shared("motif", one_of([conv(same(), 3), skip()]));
    let wave = conv1d(same(), any([3, 5])).activation(any(["relu", "gelu"]));
    let token = one_of([linear(same()), zero(), gru(same()), skip()]);
    let step = one_of([gru(same()), conv1d(same(), 3), attention(2), skip()]);
    vec![
        ("NAS-Bench-201", Space::on(&data).then(presets::nas_bench_201(4, 1)), data.clone()),
        ("DARTS", like_darts(&data), data.clone()),
        ("a chain", images().then(op()).then(op()).then(global_avg_pool()), data.clone()),
        ("depth", images().then(repeat(1..=3, op())).then(global_avg_pool()), data.clone()),
        (
            "settings",
            images().then(conv(same(), any([3, 5])).activation(any(["relu", "tanh"]))),
            data.clone(),
        ),
        (
            "residual",
            images().then(op().residual()).then(repeat(0..=2, op()).residual()),
            data.clone(),
        ),
        ("nested", images().then(&nested).then(&nested).then(global_avg_pool()), data.clone()),
        ("shared", images().then(motif()).then(conv(same(), 1)).then(motif()), data.clone()),
        (
            "waves",
            Space::on(&waves).then(conv1d(4, 5)).then(&wave).then(&wave).then(global_avg_pool()),
            waves,
        ),
        (
            "words",
            Space::on(&names).then(embedding(4)).then(token.residual()).then(&token).then(last()),
            names,
        ),
        ("letters", Space::on(&letters).then(embedding(4)).then(&step).then(&step), letters),
        (
            "numbers",
            Space::on(&numbers).then(linear(6)).then(one_of([
                linear(same()),
                linear(same()).activation("tanh"),
                skip(),
            ])),
            numbers,
        ),
    ]
}

fn every_pair(check: impl Fn(&'static MethodInfo, &str, &Space, &Dataset) + Sync) {
    let spaces = all_spaces();
    let pairs: Vec<_> = one_shot_methods()
        .iter()
        .flat_map(|row| spaces.iter().map(move |(name, space, data)| (row, *name, space, data)))
        .collect();
    let seconds = Mutex::new(std::collections::BTreeMap::<&str, f64>::new());
    side_by_side(&pairs, |_, (row, name, space, data)| {
        let begun = std::time::Instant::now();
        check(row, name, space, data);
        let took = begun.elapsed().as_secs_f64();
        let mut seconds = seconds.lock().unwrap();
        [row.name, *name].into_iter().for_each(|what| *seconds.entry(what).or_default() += took);
    });
    for (what, seconds) in seconds.lock().unwrap().iter() {
        println!("{what:<32} {seconds:>6.2} s");
    }
}

#[test]
fn every_method_derives_from_every_space_and_follows_from_the_seed() {
    every_pair(|row, name, space, data| {
        let what = format!("{} on {name}", row.name);
        let plan =
            |seed: u64| Study::one_shot(space, &train(data), (row.make)()).seed(seed).quiet();
        if unfair(row, &plan(1)) {
            assert!(name != "NAS-Bench-201", "there all operations can be drawn equally often");
            return;
        }
        let study = plan(1).run().unwrap_or_else(|e| panic!("{what}: {e}"));
        assert_eq!((study.trials_done().len(), study.failed().len()), (2, 0), "{what}: {study}");
        let derived = study.derived().unwrap();
        assert!(space.contains(&derived) && derived.check().is_ok(), "{what}: {derived}");
        assert_eq!(space.parse(&derived.to_string()).unwrap(), derived, "{what}");
        assert_eq!(space.decode(derived.decisions()).unwrap(), derived, "{what}");
        for trial in study.trials_done() {
            let weights = trial.evaluation().unwrap().option_weights();
            assert!(
                weights.is_empty() == unweighed(row) && weights.iter().all(|w| w.is_finite()),
                "{what}"
            );
            assert!(trial.score().is_some_and(f64::is_finite), "{what}");
        }
        let again = Study::one_shot(space, &train(data).threads(2), (row.make)());
        let again = again.seed(1).quiet().jobs(3).run().unwrap();
        assert_eq!(exact(&study), exact(&again), "{what}, again");
        let other = plan(2).trials(1).run().unwrap();
        assert_ne!(exact(&study)[0], exact(&other)[0], "{what}, another seed");
    });
}

/// Of each choice the weights are those of a distribution, and every chart can be drawn.
#[test]
fn charts_and_reports_of_every_method() {
    let data = digits();
    let spaces = [
        small(&data),
        like_darts(&data),
        Space::on(&data)
            .then(conv(4, 3))
            .then(one_of([conv(same(), 3), skip()]))
            .then(one_of([conv(same(), 3), skip()]))
            .then(repeat(1..=2, one_of([conv(same(), 3), skip()]))),
    ];
    let pairs: Vec<_> =
        one_shot_methods().iter().flat_map(|row| spaces.iter().map(move |s| (row, s))).collect();
    side_by_side(&pairs, |_, (row, space)| {
        let study = Study::one_shot(space, &train(&data), (row.make)()).quiet();
        if unfair(row, &study) {
            return;
        }
        assert!(study.problems().is_empty(), "{:?}", study.problems());
        assert!(study.explain().to_string().contains("sequential"));
        says(study.derived(), &["no epoch of the search has ended", "run()?"]);
        says(study.shared().map(|_| ()), &["no epoch"]);
        let why = if unweighed(row) { "without weighing options" } else { "no epoch" };
        says(study.operation_weights(), &[why]);
        says(study.search_signals(), &["no epoch"]);
        let study = study.run().unwrap();
        let decisions = match study.operation_weights().map(|chart| chart.data()) {
            Ok(nascent::chart::ChartData::Probabilities(weights)) => weights.decisions,
            Ok(_) => panic!("another chart"),
            Err(_) if unweighed(row) => vec![],
            Err(e) => panic!("{e}"),
        };
        for decision in &decisions {
            let names: std::collections::BTreeSet<_> = decision.options.iter().collect();
            assert_eq!(names.len(), decision.options.len(), "{}: {:?}", row.name, decision.options);
            for p in &decision.probabilities {
                // A controller may not come to every choice.
                let sum = p.iter().sum::<f64>();
                let sure =
                    if row.name == "enas" { sum < 1.0 + 1e-4 } else { (sum - 1.0).abs() < 1e-9 };
                assert!(sure, "{} {}: {sum}", row.name, decision.name);
            }
        }
        assert!(study.search_signals().unwrap().svg().contains("<svg"));
        if unweighed(row) {
            says(study.searched_cell("cell"), &["without weighing options"]);
        } else {
            for name in study.searched_cells().unwrap() {
                assert!(study.searched_cell(&name).unwrap().svg().contains("<svg"));
            }
            says(study.searched_cell("nowhere"), &["nowhere"]);
        }
        assert!(study.report().html().contains("<svg") && !study.to_string().is_empty());
        assert_eq!(study.to_csv().lines().count(), 3);
        assert!(study.explain().to_string().contains("2 trials"));
        assert!(study.best().is_ok() && study.retrain(1).is_ok());
    });
}

fn weights_of(journal: &Path) -> PathBuf {
    PathBuf::from(format!("{}.weights", journal.display()))
}

/// A journal without the last trials: those after the `n`th, which was only asked for.
fn cut(journal: &Path, n: usize) {
    let text = std::fs::read_to_string(journal).unwrap();
    let asked: Vec<usize> = text.match_indices("{\"event\":\"asked\"").map(|(i, _)| i).collect();
    let end = asked[n] + text[asked[n]..].find('\n').unwrap() + 1;
    std::fs::write(journal, &text[..end]).unwrap();
}

#[test]
fn a_search_that_was_interrupted_ends_as_if_it_never_had() {
    let data = Dataset::digits().take(60);
    let train = train(&data).batch_size(8);
    let space = small(&data);
    let folder = Folder::new("one-shot");
    let rows: Vec<&MethodInfo> = one_shot_methods().iter().collect();
    side_by_side(&rows, |_, row| {
        let plan = || Study::one_shot(&space, &train, (row.make)()).seed(4).quiet();
        let file = |name: &str| folder.file(&format!("{}-{name}.jsonl", row.name));
        let whole = exact(&plan().run().unwrap());
        let same =
            |study: Study, what: &str| assert_eq!(whole, exact(&study), "{}, {what}", row.name);
        // In one process, with and without a journal.
        same(plan().trials(1).run().unwrap().trials(2).run().unwrap(), "more trials");
        let path = file("a");
        let begun = plan().journal(&path).trials(1).run().unwrap();
        let (journal, kept) =
            (std::fs::read(&path).unwrap(), std::fs::read(weights_of(&path)).unwrap());
        same(begun.trials(2).run().unwrap(), "more trials with a journal");
        let ahead = std::fs::read(weights_of(&path)).unwrap();
        // In another process, with the file beside it in any state.
        let other = file("other");
        plan().seed(5).trials(1).journal(&other).run().unwrap();
        let of_seed = std::fs::read(weights_of(&other)).unwrap();
        let other = file("settings");
        let settings = train.learning_rate(0.02);
        let differs = Study::one_shot(&space, &settings, (row.make)()).seed(4).quiet().trials(1);
        differs.journal(&other).run().unwrap();
        let of_settings = std::fs::read(weights_of(&other)).unwrap();
        let flipped = |at: usize| {
            let mut bytes = kept.clone();
            bytes[at] ^= 1;
            bytes
        };
        let n = kept.len();
        let files: Vec<(&str, Option<Vec<u8>>)> = vec![
            ("as it was", Some(kept.clone())),
            ("deleted", None),
            ("empty", Some(vec![])),
            ("cut in the header", Some(kept[..60].to_vec())),
            ("cut in the first words", Some(kept[..20].to_vec())),
            ("cut in the numbers", Some(kept[..n - n / 3].to_vec())),
            ("cut at the end", Some(kept[..n - 1].to_vec())),
            ("another bit in the header", Some(flipped(90))),
            ("another bit in the numbers", Some(flipped(n - 200))),
            ("of another seed", Some(of_seed)),
            ("of other settings", Some(of_settings)),
            ("of a later epoch", Some(ahead)),
        ];
        // The others read and write the file in the same way.
        let most = match row.name {
            "darts" | "gdas" => files.len(),
            "enas" => 4,
            _ => 2,
        };
        for (what, bytes) in files.into_iter().take(most) {
            let path = file("b");
            std::fs::write(&path, &journal).unwrap();
            _ = std::fs::remove_file(weights_of(&path));
            if let Some(bytes) = &bytes {
                std::fs::write(weights_of(&path), bytes).unwrap();
            }
            same(plan().journal(&path).run().unwrap(), what);
        }
        // Killed between a proposal and its evaluation: the file is an epoch ahead of the journal.
        let path = file("c");
        std::fs::write(&path, &journal).unwrap();
        std::fs::write(weights_of(&path), &kept).unwrap();
        let killed = plan().journal(&path);
        assert_eq!(killed.ask().unwrap().number(), 1);
        drop(killed);
        same(plan().journal(&path).run().unwrap(), "killed after a proposal");
        for n in 0..2 {
            cut(&path, n);
            same(plan().journal(&path).run().unwrap(), "cut after a proposal");
        }
        // What is there of somebody else stays, and so does the journal.
        for foreign in [&b"my notes of three years, and more"[..], b"notes", &[0; 200]] {
            let path = file("d");
            std::fs::write(&path, &journal).unwrap();
            std::fs::write(weights_of(&path), foreign).unwrap();
            says(
                plan().journal(&path).run(),
                &["d.jsonl.weights", "something else", "another name"],
            );
            assert_eq!(std::fs::read(weights_of(&path)).unwrap(), foreign);
            assert_eq!(std::fs::read(&path).unwrap(), journal);
        }
        _ = std::fs::remove_file(weights_of(&file("d")));
        std::fs::create_dir(weights_of(&file("d"))).unwrap();
        says(plan().journal(file("d")).run(), &["d.jsonl.weights", "something else"]);
    });
}

/// Weights grow while wider paths come up, and are kept as far as they have grown.
#[test]
fn a_search_of_widths_and_kernels_goes_on_as_if_it_never_had_stopped() {
    let data = Dataset::digits().take(60);
    let train = train(&data).batch_size(8).clip_gradient(5.0);
    let space = Space::on(&data)
        .then(conv(any([2, 4, 8]), any([1, 3, 5])))
        .then(conv(any([3, 6]), any([1, 3])))
        .then(global_avg_pool())
        .then(linear(any([4, 8])));
    let folder = Folder::new("one-shot-slices");
    let single = ["enas", "spos", "fairnas", "random_sharing"];
    let rows = one_shot_methods().iter().filter(|row| single.contains(&row.name));
    let rows: Vec<&MethodInfo> = rows.collect();
    side_by_side(&rows, |_, row| {
        let plan = || Study::one_shot(&space, &train, (row.make)()).seed(4).quiet();
        let path = folder.file(&format!("{}.jsonl", row.name));
        let whole = plan().run().unwrap();
        assert_eq!(whole.failed().len(), 0, "{whole}");
        let whole = exact(&whole);
        plan().journal(&path).trials(1).run().unwrap();
        let journal = std::fs::read(&path).unwrap();
        assert_eq!(whole, exact(&plan().journal(&path).run().unwrap()), "{}", row.name);
        std::fs::write(&path, &journal).unwrap();
        std::fs::remove_file(weights_of(&path)).unwrap();
        assert_eq!(whole, exact(&plan().journal(&path).run().unwrap()), "{}, deleted", row.name);
    });
}

/// The file of one method's settings is not taken for that of others.
#[test]
fn settings_of_a_method_are_part_of_its_journal() {
    let data = digits();
    let space = small(&data);
    let folder = Folder::new("one-shot-settings");
    let path = folder.file("study.jsonl");
    let plan =
        |method: Method| Study::one_shot(&space, &train(&data), method).quiet().journal(&path);
    plan(Gdas::new().into()).trials(1).run().unwrap();
    let methods: [Method; 8] = [
        Gdas::new().temperature(5.0, 0.1).into(),
        Gdas::new().alpha_rate(0.1).into(),
        Gdas::new().warm_up(0.5).into(),
        Gdas::new().watch_curvature().into(),
        Gdas::new().stop_at_curvature().into(),
        Gdas::new().stop_at_skips(2).into(),
        Snas::new().into(),
        Enas::new().into(),
    ];
    for method in methods {
        let name = method.to_string();
        says(plan(method).run(), &["another study", &name]);
    }
    plan(Gdas::new().into()).run().unwrap();
    // Looked at only.
    let looked = Study::load(&path).unwrap();
    assert!(looked.derived().is_ok() && looked.report().html().contains("<svg"));
    says(looked.shared().map(|_| ()), &["no one-shot search", "Study::one_shot"]);
    says(Study::resume(&path), &[".journal("]);
}

#[test]
fn an_early_stop_ends_a_search_and_is_resumed_as_one() {
    let data = digits();
    let op = one_of([conv(same(), 3), skip()]);
    let space = Space::on(&data).then(conv(4, 3)).then(&op).then(&op).then(&op).then(&op);
    let space = space.then(global_avg_pool());
    let folder = Folder::new("one-shot-stop");
    type Make = fn(usize) -> Method;
    let methods: [(&str, Make); 4] = [
        ("darts", |n| Darts::first_order().stop_at_skips(n).into()),
        ("gdas", |n| Gdas::new().stop_at_skips(n).into()),
        ("pc", |n| PcDarts::new().one_of_channels(2).stop_at_skips(n).into()),
        ("drnas", |n| DrNas::new().stop_at_skips(n).into()),
    ];
    let mut stopped = 0;
    for (name, method) in methods {
        // As many as there are in some epoch, and fewer in an earlier one.
        let free =
            Study::one_shot(&space, &train(&data).epochs(30), method(99)).quiet().run().unwrap();
        let skips = |t: &Trial| t.evaluation().unwrap().get("skip connections").unwrap() as usize;
        let skips: Vec<usize> = free.trials_done().iter().map(skips).collect();
        // The alphas of PC-DARTS wait for 9 epochs.
        let from = if name == "pc" { 9 } else { 0 };
        let Some(most) = skips[from..].iter().copied().max().filter(|most| *most > skips[from])
        else {
            continue;
        };
        stopped += 1;
        let method = method(most);
        let plan = || Study::one_shot(&space, &train(&data).epochs(30), method.clone()).quiet();
        let study = plan().run().unwrap();
        let n = study.trials_done().len();
        assert!((2..=30).contains(&n), "{name}: {n}");
        if n < 30 {
            assert!(
                matches!(study.ended_by(), Some(Ended::Exhausted(_))),
                "{name}: {}",
                study.ended()
            );
            assert!(study.ended().contains("skip connections"), "{}", study.ended());
        }
        assert!(study.trials_done()[n - 1].origin().contains("stopped: "));
        assert!(space.contains(&study.derived().unwrap()));
        assert!(study.search_signals().unwrap().svg().contains("stopped"));
        assert_eq!(exact(&study.run().unwrap()), exact(&study));
        let path = folder.file(name);
        let resumed = plan().journal(&path).trials(n - 1).run().unwrap();
        assert_eq!(exact(&resumed), exact(&study)[..n - 1]);
        assert_eq!(exact(&plan().journal(&path).run().unwrap()), exact(&study), "{name}");
        assert_eq!(exact(&plan().journal(&path).run().unwrap()), exact(&study), "{name}");
        std::fs::remove_file(weights_of(&path)).unwrap();
        let again = plan().journal(&path).run().unwrap();
        let arch = again.derived().unwrap();
        assert_eq!(
            again.shared().unwrap().evaluate(&arch, &Budget::new(1, 1, 1)).unwrap().score(),
            study.trials_done()[n - 1].score().unwrap()
        );
    }
    assert!(stopped > 0, "in none of these searches does the number of skip connections rise");
}

#[test]
fn the_curvature_is_watched_and_can_stop_a_search() {
    let data = Dataset::digits().take(120);
    let op = one_of([conv(same(), 1), skip(), zero()]);
    let space = Space::on(&data).then(conv(4, 3)).then(&op).then(&op).then(global_avg_pool());
    let methods: [Method; 3] = [
        Darts::first_order().stop_at_curvature().into(),
        Gdas::new().watch_curvature().into(),
        Darts::second_order().stop_at_curvature().alpha_rate(0.5).into(),
    ];
    for method in methods {
        let plan = || Study::one_shot(&space, &train(&data).epochs(10), method.clone()).quiet();
        let study = plan().run().unwrap();
        let found = study.trials_done();
        assert!(found.len() >= 8, "{}", study.ended());
        for t in &found {
            assert!(
                t.evaluation().unwrap().get("curvature").is_some_and(f64::is_finite),
                "{method}"
            );
        }
        let resumed = plan().trials(4).run().unwrap().trials(10).run().unwrap();
        assert_eq!(exact(&resumed), exact(&study));
        assert!(study.search_signals().unwrap().svg().contains("curvature"));
    }
}

/// A point for each epoch, and each architecture is judged once.
#[test]
fn the_curvature_is_drawn_against_what_a_judge_says() {
    let data = digits();
    let op = one_of([conv(same(), 3), conv(same(), 1), skip(), max_pool(3).stride(1).padding(1)]);
    let space = Space::on(&data).then(conv(4, 3)).then(&op).then(&op).then(global_avg_pool());
    let method = Darts::first_order().watch_curvature().alpha_rate(0.5);
    let plan = Study::one_shot(&space, &train(&data).epochs(10), method).seed(5).quiet();
    says(plan.search_curvature(&train(&data)), &["no epoch of the search has ended"]);
    let folder = Folder::new("one-shot-curvature");
    let search = plan.journal(folder.file("search")).run().unwrap();
    let asked = Arc::new(Mutex::new(vec![]));
    let list = asked.clone();
    let judge = evaluator(move |arch, budget| {
        list.lock().unwrap().push((arch.decisions(), budget.seed(), budget.epochs_allowed()));
        arch.params() as f64
    });
    let judge = judge.named("parameters").minimise().epochs(3);
    let chart = search.search_curvature(&judge).unwrap();
    let ChartData::Trajectory(drawn) = chart.data() else { panic!("{chart}") };
    assert_eq!((drawn.x.as_str(), drawn.maximise), ("curvature", false));
    assert_eq!(drawn.y, "parameters of what is derived");
    let trials = search.trials_done();
    assert_eq!(drawn.points.len(), 10);
    for (point, t) in drawn.points.iter().zip(&trials) {
        assert_eq!(point.number, t.number() + 1);
        assert_eq!(point.name, t.architecture().to_string());
        assert_eq!(Some(point.x), t.evaluation().unwrap().get("curvature"));
        assert_eq!(point.y, t.architecture().params() as f64);
    }
    let mut asked = asked.lock().unwrap().clone();
    asked.sort();
    let mut derived: Vec<_> = trials.iter().map(|t| (t.architecture().decisions(), 5, 3)).collect();
    derived.sort();
    derived.dedup();
    assert_eq!(asked, derived);
    assert!((2..10).contains(&derived.len()), "{} architectures", derived.len());
    // A training as the judge, and a journal that was loaded to be looked at.
    let loaded = Study::load(folder.file("search")).unwrap();
    for study in [&search, &loaded] {
        let chart = study.search_curvature(&train(&data)).unwrap();
        let ChartData::Trajectory(drawn) = chart.data() else { panic!("{chart}") };
        let alone = train(&data).evaluate(&search.derived().unwrap(), &Budget::new(2, 2, 5));
        assert_eq!(drawn.points[9].y, alone.unwrap().score());
        assert!(chart.svg().contains("<svg") && chart.plain().contains("10 epochs"));
    }
}

#[test]
fn a_curvature_that_cannot_be_drawn_is_refused_with_advice() {
    let data = digits();
    let space = small(&data);
    let judge = evaluator(|arch, _| arch.params() as f64);
    says(Study::new(&space, &judge).search_curvature(&judge), &["no one-shot search"]);
    for method in [Method::from(Darts::first_order()), Spos::new().into()] {
        let search = Study::one_shot(&space, &train(&data), method).quiet().run().unwrap();
        says(search.search_curvature(&judge), &["Try Study::one_shot", ".watch_curvature()"]);
    }
    // What the advice says works.
    let method = Darts::first_order().watch_curvature();
    let search = Study::one_shot(&space, &train(&data), method).quiet().run().unwrap();
    assert!(search.search_curvature(&judge).is_ok());
    says(search.search_curvature(evaluator(|_, _| f64::NAN)), &["without a number", "Try Train"]);
    let full = |_: &Architecture, _: &Budget| -> Result<f64> {
        Err(Error::invalid("writing a file", "the disk is full", "another disk"))
    };
    let failing = evaluator(full);
    says(search.search_curvature(failing), &["the disk is full", "judging", "epoch 1"]);
    fn panics(_: &Architecture, _: &Budget) -> f64 {
        panic!("out of luck")
    }
    says(search.search_curvature(evaluator(panics)), &["out of luck"]);
    // One that knows some of them only.
    let first = search.trials_done()[0].architecture().decisions();
    let some = move |arch: &Architecture, _: &Budget| {
        if arch.decisions() == first { 0.5 } else { f64::NAN }
    };
    let chart = search.search_curvature(evaluator(some)).unwrap();
    let ChartData::Trajectory(drawn) = chart.data() else { panic!("{chart}") };
    assert_eq!((drawn.points.len(), drawn.points[0].y), (2, 0.5));
}

#[test]
fn any_architecture_is_scored_on_the_shared_weights() {
    let data = digits();
    let space = small(&data);
    let rows: Vec<&MethodInfo> = one_shot_methods().iter().collect();
    side_by_side(&rows, |_, row| {
        let search = Study::one_shot(&space, &train(&data), (row.make)()).seed(3).quiet();
        let first = search.trials(1).run().unwrap();
        let early = first.shared().unwrap();
        let last = first.trials(2).run().unwrap();
        let shared = last.shared().unwrap();
        let plan =
            Study::new(&space, shared.clone()).strategy(Evolution::regularized().population(4));
        let plan = plan.trials(10).seed(1).quiet();
        let study = plan.jobs(1).run().unwrap();
        assert_eq!(study.failed().len(), 0, "{}: {study}", row.name);
        assert_eq!(exact(&study), exact(&plan.jobs(3).run().unwrap()), "{}", row.name);
        assert!(study.best().unwrap().score().is_some() && study.retrain(1).is_ok());
        assert!(study.report().html().contains("<svg") && study.to_csv().lines().count() > 5);
        assert!(study.explain().to_string().contains("weights after 2 epochs from seed 3"));
        says(study.derived(), &["no one-shot search", "Study::one_shot"]);
        // What is derived has the score that the search gave it, and an earlier epoch its own.
        let of = |scored: &AnyEvaluator, arch: &Architecture| {
            scored.evaluate(arch, &Budget::new(1, 1, 9)).unwrap().get("loss").unwrap().to_bits()
        };
        let loss = |study: &Study, n: usize| {
            study.trials_done()[n].evaluation().unwrap().get("loss").unwrap().to_bits()
        };
        let archs = [0, 1].map(|n| last.trials_done()[n].architecture());
        assert_eq!(of(&shared, &archs[1]), loss(&last, 1), "{}", row.name);
        assert_eq!(of(&early, &archs[0]), loss(&last, 0), "{}", row.name);
        assert_eq!(of(&shared, &archs[1]), loss(&last, 1), "{}", row.name);
        let compared = Compare::new(&space, shared.clone()).strategies(["random", "evolution"]);
        let compared = compared.trials(3).seeds(2).quiet().run().unwrap();
        assert!(!compared.to_string().is_empty());
        let other = Space::on(&data).then(conv(any([4, 8]), 3)).then(global_avg_pool());
        says(Study::new(&other, shared).quiet().run().map(|_| ()), &["another space"]);
    });
}

#[test]
fn what_cannot_be_searched_is_refused_with_advice() {
    let data = digits();
    let stem = || Space::on(&data).then(conv(4, 3));
    let space = small(&data);
    for row in one_shot_methods() {
        let run = |space: &Space, train: &Train| {
            Study::one_shot(space, train, (row.make)()).quiet().run()
        };
        // Nothing to choose.
        let fixed = stem().then(global_avg_pool());
        says(run(&fixed, &train(&data)), &["one_of([conv(same(), 3)"]);
        // Widths, and cells that decide them: single paths can have them.
        let widths = stem().then(one_of([conv(4, 3), conv(8, 3)])).then(global_avg_pool());
        let settings = stem().then(conv(any([4, 8]), 3)).then(global_avg_pool());
        let strides = stem().then(conv(same(), 3).stride(any([1, 2]))).then(global_avg_pool());
        let wired = Space::on(&data).then(presets::nas_bench_101(4, 1));
        for (space, part) in
            [(widths, "same()"), (settings, "same()"), (strides, "same()"), (wired, "cell([...])")]
        {
            match row.name {
                "enas" => assert!(run(&space, &train(&data)).is_ok()),
                _ if unweighed(row) => assert!(run(&space, &train(&data)).is_ok()),
                _ => says(run(&space, &train(&data)), &["Try", part, "Supernet::on"]),
            }
        }
        // Settings.
        let with = |train: Train| run(&space, &train);
        says(with(train(&data).epochs(0)), &["epochs(0)", "Try epochs(4)"]);
        says(with(train(&data).batch_size(0)), &["batch_size(0)"]);
        // Half of the samples, where the choice learns from the other half.
        let more = with(train(&data).batch_size(70));
        match unweighed(row) {
            true => assert!(more.is_ok()),
            false => says(more, &["a batch of 70", "Try .batch_size("]),
        }
        says(with(train(&data).batch_size(7000)), &["batch_size(7000)"]);
        says(with(train(&Dataset::mnist1d())), &["Space::on(&data)"]);
        says(with(train(&data).learning_rate(f64::NAN)), &["learning rate"]);
        with(train(&Dataset::digits().take(12)).epochs(1).batch_size(1)).unwrap();
        // The study.
        let study = || Study::one_shot(&space, &train(&data), (row.make)()).quiet();
        says(study().batch(4).run(), &["batch(4)", "Leave batch(...) out"]);
        says(study().duplicates(Duplicates::Forbid).run(), &["duplicates", "Duplicates::Repeat"]);
        says(study().duplicates(Duplicates::Reuse).run(), &["duplicates"]);
        says(study().on_failure(OnFailure::Retry(2)).run(), &["Retry", "OnFailure::Abort"]);
        assert!(study().on_failure(OnFailure::Abort).run().is_ok());
        says(study().trials(0).run(), &["trials(0)"]);
        if row.name != "enas" && !unweighed(row) {
            says(study().trial_memory(1000).run(), &["trial_memory", "Enas::new()"]);
        } else {
            let said = study().trial_memory(1000).run();
            says(said, &["trial_memory", "the shared weights and a path", "smaller batches"]);
        }
        assert!(study().trial_memory(1_000_000_000u64).run().is_ok());
        // More trials than epochs: it ends with the epochs.
        let more = study().trials(9).run().unwrap();
        assert_eq!(more.trials_done().len(), 2);
        assert!(more.ended().contains("2 epochs"), "{}", more.ended());
        // Another strategy has architectures of its own.
        let random = study().run().unwrap().strategy(Random).trials(3).run();
        says(random, &["strategy(random search)", "Study::new(&space, search.shared()?)"]);
        // Sizes without bounds.
        let op = one_of([conv(same(), 3), skip()]);
        let huge = Space::on(&data).then(conv(60_000, 3)).then(&op).then(&op);
        says(run(&huge, &train(&data)), &["needs", "are free"]);
    }
}

#[test]
fn settings_of_methods_are_checked() {
    let data = digits();
    let space = small(&data);
    let bad: Vec<(Method, &[&str])> = vec![
        (Darts::first_order().alpha_rate(f64::NAN).into(), &["alpha_rate(NaN)", "0.003"]),
        (Darts::first_order().alpha_rate(0.0).into(), &["alpha_rate(0)"]),
        (Gdas::new().alpha_rate(-1.0).into(), &["alpha_rate(-1)"]),
        (Snas::new().alpha_rate(f64::INFINITY).into(), &["alpha_rate(inf)"]),
        (Darts::second_order().warm_up(1.0).into(), &["warm_up(1)", "Try 0.3"]),
        (Darts::second_order().warm_up(-0.1).into(), &["warm_up(-0.1)"]),
        (DrNas::new().warm_up(f64::NAN).into(), &["warm_up(NaN)"]),
        (DrNas::new().stop_at_skips(0).into(), &["stop_at_skips(0)", "Try 2"]),
        (PcDarts::new().one_of_channels(0).into(), &["one_of_channels(0)", "Try 4"]),
        (PcDarts::new().one_of_channels(-3).into(), &["one_of_channels(-3)"]),
        (Gdas::new().temperature(0.0, 0.1).into(), &["temperature(0, 0.1)", "Try temperature("]),
        (Gdas::new().temperature(1.0, -1.0).into(), &["temperature(1, -1)"]),
        (Snas::new().temperature(f64::NAN, 0.1).into(), &["temperature(NaN, 0.1)"]),
    ];
    for (method, parts) in bad {
        let study = Study::one_shot(&space, &train(&data), method).quiet();
        assert!(study.explain().to_string().contains("problem"));
        says(study.run(), parts);
    }
    says(Method::named("dart"), &["method \"dart\"", "darts2", "enas"]);
    says(Method::named(""), &["darts"]);
    // What is absurd and allowed: an end with the reason, or a search.
    let absurd: Vec<Method> = vec![
        Darts::first_order().alpha_rate(1e300).into(),
        Gdas::new().temperature(1e-300, 1e300).into(),
        Snas::new().temperature(1e-12, 1e-12).into(),
        DrNas::new().alpha_rate(1e6).into(),
        PcDarts::new().one_of_channels(1000).into(),
        PcDarts::new().one_of_channels(3).into(),
        PcDarts::new().one_of_channels(1).into(),
        Darts::first_order().warm_up(0.99).into(),
        Darts::first_order().stop_at_skips(1_000_000).into(),
    ];
    for method in absurd {
        let name = method.to_string();
        match Study::one_shot(&space, &train(&data), method).quiet().run() {
            Ok(study) => assert!(
                study.failed().is_empty() && !study.ended().contains("panic"),
                "{name}: {}",
                study.ended()
            ),
            Err(e) => assert!(e.to_string().contains("Try"), "{name}: {e}"),
        }
    }
}

#[test]
fn a_search_that_diverges_says_so() {
    let data = digits();
    let space = small(&data);
    let rates: [Optimizer; 2] =
        [Optimizer::sgd(0.9).learning_rate(1e6), Optimizer::adamw().learning_rate(1e6)];
    for row in one_shot_methods() {
        for rate in rates {
            let plan = Study::one_shot(&space, &train(&data).optimizer(rate), (row.make)()).quiet();
            match plan.run() {
                Err(e) => assert!(e.to_string().contains("diverged"), "{}: {e}", row.name),
                // All weights are numbers still: then all scores are, or the reason is there.
                Ok(study) => {
                    println!("{} with {rate}: {}", row.name, study.ended());
                    for t in study.failed() {
                        assert!(!t.error().unwrap().contains("panic"), "{:?}", t.error());
                    }
                }
            }
        }
    }
}

/// The cells of the paper.
#[test]
fn the_space_of_darts_is_searched() {
    let data = Dataset::digits().take(60);
    let space = Space::on(&data).then(presets::darts(2, 3));
    for name in ["darts", "gdas", "enas"] {
        let method = Method::named(name).unwrap();
        let train = train(&data).epochs(1).batch_size(8);
        let study = Study::one_shot(&space, &train, method).quiet().run().unwrap();
        let derived = study.derived().unwrap();
        assert!(space.contains(&derived) && derived.check().is_ok(), "{name}");
        let cells = study.searched_cells().unwrap();
        assert_eq!(cells.len(), if name == "enas" { 0 } else { 2 });
        for cell in cells {
            let svg = study.searched_cell(&cell).unwrap().svg();
            assert!(svg.contains("sep_conv_3x3") && svg.contains("before last"), "{cell}");
        }
    }
}

/// A space with a limit that the derived architectures may be over.
#[test]
fn a_limit_of_the_space_is_kept() {
    let data = digits();
    let op = one_of([conv(same(), 3), conv(same(), 5), skip()]);
    let space = Space::on(&data).then(conv(4, 3)).then(&op).then(&op).then(global_avg_pool());
    let space = space.at_most(Params(300));
    for row in one_shot_methods() {
        let study = Study::one_shot(&space, &train(&data), (row.make)()).quiet().run();
        if row.name == "fairnas" {
            // Every operation in every step: also those that are too large together.
            says(study, &["fair paths", "Spos::new()", "300"]);
            continue;
        }
        let study = study.unwrap_or_else(|e| panic!("{}: {e}", row.name));
        for t in study.trials_done() {
            match t.score() {
                Some(_) => assert!(space.contains(&t.architecture())),
                None => assert!(t.error().unwrap().contains("300"), "{:?}", t.error()),
            }
        }
        if study.failed().len() == 2 {
            says(study.derived(), &["every epoch of the search has failed", "300"]);
        }
    }
}

#[test]
fn a_search_in_the_background_can_be_stopped_and_goes_on() {
    let data = digits();
    let space = small(&data);
    let plan = || Study::one_shot(&space, &train(&data).epochs(6), Darts::first_order()).quiet();
    let whole = plan().run().unwrap();
    let running = plan().spawn().unwrap();
    running.stop();
    let stopped = running.wait().unwrap();
    assert!(stopped.trials_done().len() < 6);
    assert_eq!(exact(&stopped.run().unwrap()), exact(&whole));
}
