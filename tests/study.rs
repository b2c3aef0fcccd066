//! The study from outside: budgets, failures, the loop by hand, files, strategies in general.

use nascent::prelude::*;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

fn space() -> Space {
    Space::new([8], Task::classification(3)).then(repeat(1..=3, linear(any([4, 8, 16, 32]))))
}

fn params() -> AnyEvaluator {
    evaluator(|arch, _| arch.params() as f64).minimise().named("parameters")
}

fn lines(study: &Study) -> Vec<String> {
    study.trials_done().iter().map(|t| t.line()).collect()
}

/// Spaces of every kind: conditional ones, ones in which not everything fits, small ones.
fn spaces() -> [Space; 5] {
    let skippy = one_of([skip(), dropout(any([0.0, 0.5])), linear(any([4, 8])).residual()]);
    [
        space(),
        Space::new([8], Task::regression(1)).then(repeat(0..=4, skippy)),
        Space::new([2, 6, 6], Task::classification(2))
            .then(repeat(1..=3, one_of([conv(any([2, 4]), 3), max_pool(2)]))),
        Space::new([8], Task::classification(2)).then(linear(4)),
        Space::new([6], Task::next_token(5)).then(embedding(any([2, 3]))),
    ]
}

/// A score of architecture and seed, larger or smaller is better; two in five fail.
fn flaky(minimise: bool) -> AnyEvaluator {
    let flaky = evaluator(|arch, budget| match arch.params() % 5 {
        0 => Err(Error::from("unlucky")),
        1 => Ok(f64::NAN),
        _ => Ok(arch.params() as f64 + budget.rng().uniform()),
    });
    if minimise { flaky.minimise() } else { flaky }
}

/// A strategy with its defaults; networks learn for a few epochs only, which is all that these tests
/// need.
fn quick(info: &nascent::StrategyInfo) -> AnyStrategy {
    match info.name {
        "bananas" => nascent::IntoStrategy::into_strategy(Bananas::new().members(2).epochs(3)),
        _ => (info.make)(),
    }
}

/// Every strategy of the table, over spaces of every kind.
#[test]
fn conformance() {
    for info in nascent::strategies() {
        for (i, space) in spaces().iter().enumerate() {
            let at = format!("{} on space {i}", info.name);
            let run = |batch: usize, jobs: usize, duplicates: Duplicates| {
                let study = Study::new(space, flaky(batch == 4)).strategy(quick(info)).trials(30);
                let study = study.seed(7).batch(batch).jobs(jobs).duplicates(duplicates);
                study.quiet().run().expect(&at)
            };
            for batch in [1, 4, 9] {
                for duplicates in [Duplicates::Reuse, Duplicates::Repeat, Duplicates::Forbid] {
                    let a = run(batch, 1, duplicates);
                    for jobs in [2, 3] {
                        assert_eq!(lines(&a), lines(&run(batch, jobs, duplicates)), "{at}");
                    }
                    let trials = a.trials_done();
                    assert!(trials.iter().all(|t| space.contains(&t.architecture())), "{at}");
                    assert!(!a.ended().is_empty(), "{at}");
                    let mut seen: Vec<_> =
                        trials.iter().map(|t| t.architecture().decisions()).collect();
                    seen.sort();
                    seen.dedup();
                    if duplicates == Duplicates::Forbid {
                        assert_eq!(seen.len(), trials.len(), "{at}");
                        let all = space.enumerate().count().min(30);
                        assert_eq!(trials.len(), all, "{at}: ends with the space");
                    } else if info.name == "grid" {
                        assert_eq!(seen.len(), trials.len(), "{at}");
                    } else if space.size() > Some(1) {
                        assert_eq!(trials.len(), 30, "{at}");
                    }
                }
            }
        }
    }
}

/// Killed after any trial was asked, a study goes on as if it never had been, with a strategy that
/// was made anew.
#[test]
fn every_strategy_is_resumed_at_every_trial() {
    let path = std::env::temp_dir().join(format!("nascent-resume-{}.jsonl", std::process::id()));
    for info in nascent::strategies() {
        for (i, batch) in [(0, 4), (1, 1), (2, 4)] {
            let at = format!("{} on space {i}, batch {batch}", info.name);
            let plan = || {
                let plan = Study::new(&spaces()[i], flaky(i == 0)).strategy(quick(info));
                plan.trials(20).seed(3).batch(batch).quiet().journal(&path)
            };
            let _ = std::fs::remove_file(&path);
            let whole = lines(&plan().run().expect(&at));
            let text = std::fs::read_to_string(&path).unwrap();
            let mut cuts = 0;
            for (begin, _) in text.match_indices("{\"event\":\"asked\"") {
                let end = begin + text[begin..].find('\n').unwrap() + 1;
                std::fs::write(&path, &text[..end]).unwrap();
                let resumed = plan().jobs(1 + end % 3).run().expect(&at);
                assert_eq!(lines(&resumed), whole, "{at}, cut at {end}");
                cuts += 1;
            }
            assert_eq!(cuts, whole.len(), "{at}");
        }
    }
    std::fs::remove_file(&path).unwrap();
}

/// Strategies that fit a model or a network to the history: one that is made anew for every trial
/// takes the square of the usual time.
fn learns_long(name: &str) -> bool {
    ["reinforce", "ppo", "bananas", "forest", "gp-hamming", "gp-wl"].contains(&name)
}

/// What a strategy remembers between two trials saves time and nothing else: one that is made anew
/// for every trial proposes the same, and so does one that serves several studies in turn.
#[test]
fn strategies_know_nothing_but_the_history() {
    let decisions = Space::decisions([3; 4]);
    for info in nascent::strategies() {
        for space in spaces().iter().take(3).chain([&decisions]) {
            for batch in [1, 4] {
                // Without parameters nothing would fail: one in seven, and a rugged score.
                let rugged = evaluator(|arch, _| match arch.identity() % 7 {
                    0 => Err(Error::from("unlucky")),
                    n => Ok(n as f64 + (arch.identity() % 97) as f64 / 97.0),
                });
                let (trials, seeds) = if learns_long(info.name) { (30, 2) } else { (60, 6) };
                let plan = Study::new(space, rugged).trials(trials).batch(batch).quiet();
                let anew = strategy("anew", |h, rng| quick(info).ask(h, rng));
                let shared = plan.strategy(quick(info));
                let open: Vec<Study> = (0..seeds).map(|seed| shared.seed(seed)).collect();
                for _ in 0..trials {
                    open.iter().for_each(|study| _ = study.step());
                }
                for (seed, study) in open.iter().enumerate() {
                    let other = plan.strategy(&anew).seed(seed).run().unwrap();
                    let at = format!("{}, batch {batch}, seed {seed}", info.name);
                    assert_eq!(lines(study), lines(&other), "{at}");
                }
            }
        }
    }
}

#[test]
fn evolution_is_the_papers() {
    let study = Study::new(&space(), params()).strategy(Evolution::regularized()).trials(40);
    let study = study.seed(1).quiet().run().unwrap();
    let trials = study.trials_done();
    let children: Vec<&Trial> = trials.iter().filter(|t| !t.parents().is_empty()).collect();
    // A population of 40/4, then children only.
    assert_eq!(children.len(), 30);
    for child in children {
        let parent = &trials[child.parents()[0]];
        // Sequential knowledge: the parent is visible, and among the last 10 of those.
        assert!(parent.number() + 4 <= child.number());
        assert!(parent.number() + 14 > child.number());
        let (a, b) = (parent.architecture(), child.architecture());
        assert_ne!(a.decisions(), b.decisions());
    }
}

/// Nor do they hold on to a failure that was evaluated again.
#[test]
fn strategies_forget_what_is_opened_again() {
    for info in nascent::strategies() {
        let run = |strategy: AnyStrategy, seed: i64| {
            let down = Arc::new(AtomicBool::new(true));
            let d = down.clone();
            let remote = evaluator(move |arch, budget| {
                match d.load(Ordering::SeqCst) && budget.seed() % 2 == 0 {
                    true => Err(Error::from("the machine is down")),
                    false => Ok((arch.identity() % 97) as f64),
                }
            });
            let plan = Study::new(&Space::decisions([3; 5]), remote).strategy(strategy);
            let broken = plan.trials(40).seed(seed).quiet().run().unwrap();
            assert!(broken.failed().len() > 10);
            down.store(false, Ordering::SeqCst);
            let mended = broken.retry_failures().unwrap().run().unwrap();
            assert!(mended.failed().is_empty());
            lines(&mended.trials(80).run().unwrap())
        };
        let anew = strategy("anew", |h, rng| quick(info).ask(h, rng));
        for seed in 0..if learns_long(info.name) { 1 } else { 6 } {
            assert_eq!(run(quick(info), seed), run(anew.clone(), seed), "{}", info.name);
        }
    }
}

/// The decisions of the neighbours.
fn around(space: &Space, trial: &Trial) -> Vec<Vec<u32>> {
    let all = space.neighbours(&trial.architecture()).unwrap();
    all.iter().map(Architecture::decisions).collect()
}

/// Algorithm 1 of the paper, followed trial by trial beside the study.
#[test]
fn local_search_is_the_papers() {
    let pools = Space::new([2, 6, 6], Task::classification(2))
        .then(repeat(1..=3, one_of([conv(any([2, 4, 6, 8]), any([1, 3])), max_pool(2)])));
    for space in [Space::decisions([4, 3, 4, 3]), space(), pools] {
        for (minimise, eager) in [(false, false), (true, false), (false, true), (true, true)] {
            let score = |arch: &Architecture| (arch.identity() % 1000) as f64;
            let rugged = evaluator(move |arch, _| score(arch));
            let rugged = if minimise { rugged.minimise() } else { rugged };
            let local = LocalSearch::new();
            let local = if eager { local.first_improvement() } else { local };
            let study = Study::new(&space, rugged).strategy(local).batch(1).trials(60).seed(5);
            let study = study.quiet().run().unwrap();
            let trials = study.trials_done();
            let better = |a: &Trial, b: &Trial| {
                study.metric().better(a.score().unwrap(), b.score().unwrap())
            };
            let find = |d: &[u32], n: usize| {
                trials[..n].iter().find(|t| t.architecture().decisions() == d)
            };
            let (mut v, mut climbs, mut moves, mut in_order) = (&trials[0], 1, 0, 0);
            assert_eq!(v.origin(), "random");
            for (n, trial) in trials.iter().enumerate().skip(1) {
                // Where the search must be before trial n.
                loop {
                    let all = around(&space, v);
                    let mut known: Vec<&Trial> = all.iter().filter_map(|d| find(d, n)).collect();
                    known.sort_by_key(|t| t.number());
                    let here = known.iter().filter(|t| t.parents() == [v.number()]);
                    let up: Vec<&Trial> = here.filter(|t| better(t, v)).copied().collect();
                    let left = all.len() - known.len();
                    let best = match eager {
                        true => up.first().copied(),
                        false => up.iter().copied().reduce(|a, b| if better(b, a) { b } else { a }),
                    };
                    match (best, left) {
                        (Some(u), left) if eager || left == 0 => (v, moves) = (u, moves + 1),
                        (_, 0) => {
                            climbs += 1;
                            assert_eq!(trial.origin(), "random", "trial {n}");
                            assert!(trial.parents().is_empty());
                            break;
                        }
                        _ => {
                            assert_eq!(trial.origin(), "neighbour", "trial {n}");
                            assert_eq!(trial.parents(), [v.number()], "trial {n}");
                            break;
                        }
                    }
                }
                let asked = trial.architecture().decisions();
                assert!(find(&asked, n).is_none(), "trial {n} was asked before");
                if trial.parents().is_empty() {
                    v = trial;
                } else {
                    let left = around(&space, v);
                    let mut left = left.iter().filter(|d| find(d, n).is_none());
                    assert!(left.clone().any(|d| *d == asked), "trial {n} is no neighbour");
                    in_order += usize::from(left.next() == Some(&asked));
                }
            }
            assert!(climbs > 1 && moves > 1, "{climbs} climbs, {moves} moves");
            assert!(in_order < trials.len() / 2, "neighbours in the order of the space");
        }
    }
}

/// A batch changes the order of the trials, and no climb is left half way.
#[test]
fn with_a_batch_a_local_search_finishes_every_climb() {
    let space = Space::decisions([3; 5]);
    for (eager, batch) in [(false, 1), (false, 4), (false, 9), (true, 4)] {
        let rugged = evaluator(|arch, _| match arch.identity() % 11 {
            0 => Err(Error::from("unlucky")),
            n => Ok(n as f64 + (arch.identity() % 97) as f64 / 97.0),
        });
        let local = LocalSearch::new();
        let local = if eager { local.first_improvement() } else { local };
        let study = Study::new(&space, rugged).strategy(local).batch(batch).trials(120).seed(2);
        let trials = study.quiet().run().unwrap().trials_done();
        let starts: Vec<&Trial> = trials.iter().filter(|t| t.parents().is_empty()).collect();
        assert!(starts.len() > 4, "{} climbs", starts.len());
        // The last two may not have been over when the study was.
        for start in &starts[..starts.len() - 2] {
            let mut at = *start;
            while at.error().is_none() {
                let all = around(&space, at);
                let known: Vec<&Trial> =
                    trials.iter().filter(|t| all.contains(&t.architecture().decisions())).collect();
                let here = known.iter().filter(|t| t.parents() == [at.number()]).copied();
                let mut up = here.filter(|t| t.score() > at.score());
                let best = match eager {
                    true => up.next(),
                    false => up.reduce(|a, b| if b.score() > a.score() { b } else { a }),
                };
                match best {
                    Some(u) => at = u,
                    None => {
                        assert_eq!(known.len(), all.len(), "batch {batch}: a climb was left");
                        break;
                    }
                }
            }
        }
    }
}

#[test]
fn budgets_in_trials_epochs_and_seconds() {
    let study = Study::new(&space(), params().epochs(5)).duplicates(Duplicates::Repeat).quiet();
    assert_eq!(study.run().unwrap().trials_done().len(), 20);
    let by_epochs = study.epochs(52).run().unwrap();
    assert_eq!((by_epochs.trials_done().len(), by_epochs.epochs_paid()), (10, 50.0));
    assert!(by_epochs.ended().contains("52 epochs"), "{}", by_epochs.ended());

    // Trials that cost less than they might leave room for more, the same on any number of threads.
    let cheap =
        evaluator(|_, b| Evaluation::new(1.0).epochs(1.0 + (b.seed() % 3) as f64)).epochs(5);
    let cheap = Study::new(&space(), cheap).duplicates(Duplicates::Repeat).epochs(50).quiet();
    let (one, three) = (cheap.jobs(1).run().unwrap(), cheap.jobs(3).run().unwrap());
    assert_eq!(lines(&one), lines(&three));
    assert!(one.trials_done().len() > 15 && one.epochs_paid() <= 50.0, "{}", one.epochs_paid());

    let sleepy = evaluator(|_, _| {
        std::thread::sleep(std::time::Duration::from_millis(20));
        1.0
    });
    let sleepy = Study::new(&space(), sleepy).duplicates(Duplicates::Repeat).seconds(0.3).quiet();
    let n = sleepy.run().unwrap().trials_done().len();
    assert!((2..200).contains(&n), "{n}");

    // A budget in epochs ends even where nothing new is proposed.
    let small = Space::new([4], Task::classification(2)).then(linear(any([2, 3])));
    let study = Study::new(&small, params()).epochs(1000).quiet().run().unwrap();
    assert!(study.ended().contains("cost nothing"), "{}", study.ended());

    // A time limit ends a study in which nothing is evaluated any more, and one of many queued trials.
    let begun = std::time::Instant::now();
    let known = Study::new(&small, params()).trials(10_000_000).seconds(0.2).quiet().run().unwrap();
    assert!(known.ended().contains("time limit"), "{}", known.ended());
    let nap = evaluator(|_, _| {
        std::thread::sleep(std::time::Duration::from_millis(20));
        1.0
    });
    let queued = Study::new(&space(), nap).duplicates(Duplicates::Repeat).seconds(0.2);
    queued.batch(300).jobs(2).quiet().run().unwrap();
    let by_hand = Study::new(&space(), params()).duplicates(Duplicates::Repeat).seconds(0.05);
    while let Ok(asked) = by_hand.ask() {
        by_hand.tell(&asked, 1.0).unwrap();
    }
    assert!(by_hand.ended().contains("time limit"), "{}", by_hand.ended());
    assert!(begun.elapsed().as_secs_f64() < 5.0);
}

/// Costs that cannot be are failures, and so are scores that no other could beat.
#[test]
fn absurd_results_are_failures() {
    let wild = evaluator(|_, b| match b.seed() % 4 {
        0 => Evaluation::new(1.0).epochs(200.0),
        1 => Evaluation::new(1.0).epochs(-1.0),
        2 => Evaluation::new(f64::INFINITY),
        _ => Evaluation::new(0.5),
    });
    let study =
        Study::new(&space(), wild.epochs(5)).duplicates(Duplicates::Repeat).epochs(150).quiet();
    let (one, four) = (study.jobs(1).run().unwrap(), study.jobs(4).run().unwrap());
    assert_eq!(lines(&one), lines(&four));
    assert_eq!(one.best().unwrap().score(), Some(0.5));
    let errors: String = one.failed().iter().filter_map(Trial::error).collect();
    assert!(
        errors.contains("200 epochs") && errors.contains("-1 epochs") && errors.contains("inf")
    );
}

#[test]
fn forbid_finds_every_architecture_also_by_canonical_form() {
    let layer = || one_of([skip(), conv(4, 3), conv(5, 3)]);
    let space =
        Space::new([1, 6, 6], Task::classification(2)).then(layer()).then(layer()).then(layer());
    for info in nascent::strategies() {
        for seed in 0..4 {
            let study = Study::new(&space, params()).strategy(quick(info)).seed(seed).trials(100);
            let study =
                study.duplicates(Duplicates::Forbid).key(Key::Canonical).quiet().run().unwrap();
            assert_eq!(study.trials_done().len(), 15, "{} seed {seed}", info.name);
            assert!(study.ended().contains("exhausted"));
        }
    }
    // Rare architectures count as well: at most three of twelve poolings fit.
    let rare = Space::new([1, 8, 8], Task::classification(2))
        .then(repeat(12, one_of([skip(), max_pool(2)])));
    let all = Study::new(&rare, params())
        .trials(1000)
        .duplicates(Duplicates::Forbid)
        .quiet()
        .run()
        .unwrap();
    assert_eq!(all.trials_done().len(), 299);
    // And a strategy meets no end where there is none.
    let deep = |layers: usize| {
        let layer = one_of([conv(8, 3), max_pool(2)]);
        Space::new([1, 8, 8], Task::classification(2)).then(repeat(layers, layer))
    };
    for info in nascent::strategies() {
        // One draw in 776 fits, or one in 35 for those that draw a hundred at each trial.
        let deep = deep(if learns_long(info.name) { 14 } else { 20 });
        let study =
            Study::new(&deep, params()).strategy(quick(info)).trials(15).quiet().run().unwrap();
        assert_eq!(study.trials_done().len(), 15, "{}: {}", info.name, study.ended());
    }
}

#[test]
fn a_strategy_may_look_at_the_study_that_asks_it() {
    let shelf: Arc<Mutex<Option<Study>>> = Arc::default();
    let other = shelf.clone();
    let nosy = strategy("nosy", move |history, rng| {
        let study = other.lock().unwrap().clone().ok_or("no study yet")?;
        assert_eq!(study.trials_done().len(), history.asked());
        assert!(study.step().unwrap_err().to_string().contains("asking its strategy already"));
        history.space().sample(rng)
    });
    let study = Study::new(&space(), params()).strategy(nosy).batch(1).trials(5);
    *shelf.lock().unwrap() = Some(study.clone());
    for _ in 0..5 {
        if let Err(e) = study.step() {
            assert!(e.to_string().contains("trials are done"), "{e}");
        }
    }
    assert!(study.trials_done().len() >= 3);
}

#[test]
fn callbacks_also_come_from_the_loop_by_hand_and_ended_stays() {
    let seen = Arc::new(AtomicUsize::new(0));
    let s = seen.clone();
    let count = move |_: &Trial| {
        s.fetch_add(1, Ordering::SeqCst);
    };
    let study =
        Study::new(&space(), params()).duplicates(Duplicates::Repeat).trials(6).on_trial(count);
    for _ in 0..3 {
        study.step().unwrap();
    }
    let asked = study.ask().unwrap();
    study.tell(&asked, 1.0).unwrap();
    assert_eq!(seen.load(Ordering::SeqCst), 4);
    let done = study.quiet().run().unwrap();
    assert_eq!(seen.load(Ordering::SeqCst), 6);
    assert!(done.quiet().jobs(1).ended().contains("6 trials are done"));
}

/// What is on the test split changes nothing but the winner's test.
#[test]
fn a_search_never_sees_the_test_split() {
    let mut rng = Rng::new(1);
    let x: Vec<f32> = (0..300).map(|_| rng.normal() as f32).collect();
    let y: Vec<f32> = x.iter().map(|v| v.sin()).collect();
    let honest = Dataset::regression("honest", x.clone(), [1], y.clone(), 1).unwrap();
    let hidden =
        honest.tensors(Split::Test).unwrap().0.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let spoiled: Vec<f32> =
        x.iter().zip(&y).map(|(x, y)| if hidden.contains(x) { 1000.0 } else { *y }).collect();
    let spoiled = Dataset::regression("spoiled", x, [1], spoiled, 1).unwrap();
    let run = |data: &Dataset| {
        let space = Space::on(data).then(linear(any([2, 4, 8])));
        let study = Study::new(&space, Train::on(data).epochs(2).batch_size(32)).trials(5).quiet();
        study.run().unwrap()
    };
    let (a, b) = (run(&honest), run(&spoiled));
    assert_eq!(lines(&a), lines(&b));
    assert!(b.retrain(2).unwrap().test_score() > 100.0 * a.retrain(2).unwrap().test_score());
    assert!(a.to_string().find("test split has been used").is_none());
    a.retrain(3).unwrap();
    assert!(a.to_string().contains("test split has been used 2 times"), "{a}");
}

#[test]
fn a_failed_trial_is_a_record() {
    let mixed = evaluator(|arch, budget| match budget.seed() % 4 {
        0 => Err(Error::from("out of luck")),
        1 => panic!("a bug in layer {}", arch.params()),
        2 => Ok(f64::NAN),
        _ => Ok(arch.params() as f64),
    });
    let study = Study::new(&space(), mixed).duplicates(Duplicates::Repeat).trials(40).quiet();
    let study = study.run().unwrap();
    assert_eq!(study.trials_done().len(), 40);
    let failed = study.failed();
    for why in ["out of luck", "a panic: a bug in layer", "the score is NaN"] {
        assert!(failed.iter().any(|t| t.error().unwrap().contains(why)), "{why}");
    }
    assert!(study.best().is_ok());
    assert!(study.to_string().contains("of 40 trials failed"), "{study}");

    let hopeless = evaluator(|_, _| -> Result<f64> { Err("no disk".into()) });
    let study = Study::new(&space(), hopeless).trials(5).quiet().run().unwrap();
    let e = study.best().unwrap_err().to_string();
    assert!(e.contains("all 5 trials failed") && e.contains("no disk"), "{e}");
    let _ = (study.report().html(), study.to_csv(), study.frontier().svg(), study.top(3));
}

#[test]
fn a_failing_strategy_loses_nothing() {
    let tired = strategy("tired", |history, rng| match history.asked() {
        12 => Err(Error::from("out of ideas")),
        _ => history.space().sample(rng),
    });
    let study = Study::new(&space(), params()).strategy(tired).trials(30).quiet().run().unwrap();
    assert_eq!(study.trials_done().len(), 12);
    assert!(study.ended().contains("out of ideas"), "{}", study.ended());

    let broken = strategy("broken", |_, _| -> Result<Architecture> { panic!("index 7") });
    let e = Study::new(&space(), params()).strategy(broken).quiet().run().unwrap_err();
    assert!(e.to_string().contains("index 7"), "{e}");

    let foreign = Space::new([4], Task::classification(2)).then(linear(2));
    let lost = strategy("lost", move |_, rng| foreign.sample(rng));
    let e = Study::new(&space(), params()).strategy(lost).quiet().run().unwrap_err();
    assert!(e.to_string().contains("another space"), "{e}");
}

#[test]
fn callbacks_come_in_order_and_may_fail() {
    let seen = Arc::new(Mutex::new(vec![]));
    let log = seen.clone();
    let slow = evaluator(|_, b| {
        std::thread::sleep(std::time::Duration::from_millis(b.seed() % 5));
        1.0
    });
    let study = Study::new(&space(), slow).duplicates(Duplicates::Repeat).trials(20).quiet();
    let study = study.on_trial(move |t| {
        log.lock().unwrap().push(t.number());
        assert!(t.number() != 3, "a callback that fails");
    });
    study.run().unwrap();
    assert_eq!(*seen.lock().unwrap(), (0..20).collect::<Vec<_>>());
}

#[test]
fn a_builder_can_be_run_again_and_a_study_goes_on() {
    let plan = Study::new(&space(), params()).trials(10).seed(3).quiet();
    let (a, b) = (plan.run().unwrap(), plan.run().unwrap());
    assert_eq!(lines(&a), lines(&b));
    assert!(plan.trials_done().is_empty());
    let more = a.trials(25).run().unwrap();
    assert_eq!(lines(&more)[..10], lines(&a));
    // Random search does not look at its budget, so going on is the same as having asked for more.
    assert_eq!(lines(&more), lines(&plan.trials(25).run().unwrap()));
    assert!(more.seed(4).trials_done().is_empty(), "another seed is another study");
}

#[test]
fn the_loop_by_hand_is_the_loop() {
    let plan = Study::new(&space(), params()).strategy(Evolution::regularized()).trials(30).seed(5);
    let plan = plan.duplicates(Duplicates::Repeat).quiet();
    let whole = plan.run().unwrap();
    let by_hand = plan.trials(30);
    while let Ok(asked) = by_hand.ask() {
        by_hand.tell(&asked, asked.architecture().params() as f64).unwrap();
    }
    assert_eq!(lines(&whole), lines(&by_hand));
    assert!(by_hand.ask().unwrap_err().to_string().contains("30 trials are done"));
    let stepped = plan.trials(30);
    let trials: Vec<Trial> = std::iter::from_fn(|| stepped.step().ok()).collect();
    assert_eq!(trials.iter().map(|t| t.line()).collect::<Vec<_>>(), lines(&whole));

    // As many as the batch may be open; each is told once.
    let open = plan.batch(2);
    let (a, b) = (open.ask().unwrap(), open.ask().unwrap());
    assert!(open.ask().unwrap_err().to_string().contains("trial 0 waits"));
    open.tell(&b, 2.0).unwrap();
    assert!(open.ask().is_err(), "trial 0 is still open");
    open.tell(&a, Err::<f64, _>(Error::from("lost"))).unwrap();
    assert!(open.tell(&a, 1.0).unwrap_err().to_string().contains("not waiting"));
    assert_eq!((open.failed().len(), open.best().unwrap().number()), (1, 1));
    // What is open is evaluated when the study is run after all.
    let _ = open.ask().unwrap();
    assert_eq!(open.run().unwrap().trials_done().len(), 30);
}

#[test]
fn all_problems_of_a_study_are_reported_together() {
    let data = Dataset::digits();
    let train =
        Train::on(&data).epochs(0).batch_size(5000).learning_rate(-1.0).label_smoothing(2.0);
    let study = Study::new(&Space::on(&data).then(conv(0, 3)), train).trials(0).batch(0).jobs(-1);
    let text =
        study.strategy(Evolution::regularized().population(0)).run().unwrap_err().to_string();
    for part in [
        "trials(0)",
        "batch(0)",
        "jobs(-1)",
        "channels is 0",
        "population(0)",
        "epochs(0)",
        "batch_size(5000)",
        "learning rate is -1",
        "label_smoothing(2)",
    ] {
        assert!(text.contains(part), "{part} is not in: {text}");
    }
}

#[test]
fn best_and_top_follow_the_direction() {
    let study = Study::new(&space(), params()).strategy(Grid).trials(100).quiet().run().unwrap();
    assert_eq!(study.trials_done().len(), 4 + 16 + 64);
    assert!(study.ended().contains("exhausted"));
    let best = study.best().unwrap();
    assert_eq!(best.architecture().to_string(), "linear(4)");
    let top: Vec<f64> = study.top(5).iter().map(|t| t.score().unwrap()).collect();
    assert_eq!(top.len(), 5);
    assert!(top.windows(2).all(|w| w[0] <= w[1]));
    let csv = study.to_csv();
    assert_eq!(csv.lines().count(), 85);
    assert!(csv.lines().nth(1).unwrap().contains("linear(4)"));
}

#[test]
fn explain_runs_nothing_and_says_what_it_would_cost() {
    let calls = Arc::new(AtomicUsize::new(0));
    let c = calls.clone();
    let count = evaluator(move |_, _| c.fetch_add(1, Ordering::SeqCst) as f64);
    let text = Study::new(&space(), count).trials(12).explain().to_string();
    assert_eq!(calls.load(Ordering::SeqCst), 0);
    assert!(text.contains("84 combinations") && text.contains("12 trials"), "{text}");
    let data = Dataset::digits();
    let space = Space::on(&data).then(linear(any([8, 16])));
    let text = Study::new(&space, Train::on(&data)).explain().to_string();
    assert!(text.contains("a trial") && text.contains("parameters in"), "{text}");
}

#[test]
fn the_winner_is_retrained_tested_saved_and_loaded() {
    let data = Dataset::digits();
    let space = Space::on(&data).then(linear(any([8, 64])));
    let study =
        Study::new(&space, Train::on(&data).epochs(2)).strategy(Grid).quiet().run().unwrap();
    let winner = study.retrain(8).unwrap();
    assert!(winner.test_score() > 0.9, "{}", winner.test_score());
    let (x, y) = data.tensors(Split::Test).unwrap();
    let right = |m: &Model| {
        let (guess, truth) = (m.predict(&x).unwrap(), y.to_vec1::<u32>().unwrap());
        guess.iter().zip(&truth).filter(|(a, b)| a == b).count() as f64 / truth.len() as f64
    };
    assert!((right(&winner.model()) - winner.test_score()).abs() < 1e-12);

    let folder = std::env::temp_dir().join(format!("nascent-study-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("winner");
    winner.model().save(&path).unwrap();
    let again = Model::load(&path, &Device::Cpu).unwrap();
    let (a, b) = (winner.model().forward(&x).unwrap(), again.forward(&x).unwrap());
    assert_eq!(
        a.flatten_all().unwrap().to_vec1::<f32>().unwrap(),
        b.flatten_all().unwrap().to_vec1::<f32>().unwrap()
    );
    // Weights of another architecture, a missing and a damaged file.
    let other = Model::new(&space.decode([0]).unwrap(), &Device::Cpu, 1).unwrap();
    other.save(folder.join("other")).unwrap();
    std::fs::copy(folder.join("other.safetensors"), folder.join("winner.safetensors")).unwrap();
    let e = Model::load(&path, &Device::Cpu).unwrap_err().to_string();
    assert!(e.contains("the architecture needs"), "{e}");
    std::fs::write(folder.join("winner.safetensors"), b"no tensors").unwrap();
    assert!(
        Model::load(&path, &Device::Cpu).unwrap_err().to_string().contains("winner.safetensors")
    );
    assert!(
        Model::load(folder.join("absent"), &Device::Cpu)
            .unwrap_err()
            .to_string()
            .contains("absent")
    );
    study.save_csv(folder.join("trials.csv")).unwrap();
    study.report().save(folder.join("report.html")).unwrap();
    study.best_so_far().save(folder.join("best.svg")).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();

    let e = Study::new(&space, params()).trials(2).quiet().run().unwrap().retrain(3).unwrap_err();
    assert!(e.to_string().contains("Train::on"), "{e}");
}

/// A closure round a training says that it lost its epochs; `score` keeps them.
#[test]
fn a_wrapped_training_keeps_its_epochs() {
    let data = Dataset::digits().take(200);
    let space = Space::on(&data).then(linear(any([8, 16])));
    let train = Train::on(&data).epochs(3);
    let inner = train.clone();
    let wrapped = evaluator(move |arch, budget| inner.evaluate(arch, budget));
    let e = Study::new(&space, &wrapped).trials(1).quiet().run().unwrap().best().unwrap_err();
    assert!(e.to_string().contains(".epochs(3)"), "{e}");
    let curve = |study: Study| {
        study.trials(1).quiet().run().unwrap().best().unwrap().evaluation().unwrap().curve().len()
    };
    assert_eq!(curve(Study::new(&space, wrapped.epochs(3))), 3);
    assert_eq!(
        curve(Study::new(&space, train.score("mine", |arch, e| e.score() / arch.params() as f64))),
        3
    );

    let other = Space::new([3], Task::classification(2)).then(linear(4));
    let e = Study::new(&other, train).run().unwrap_err().to_string();
    assert!(e.contains("Space::on(&data)"), "{e}");
}

#[test]
fn references_boxes_and_arcs_are_taken() {
    let data = Dataset::digits().take(150);
    let space = Space::on(&data).then(linear(any([4, 8])));
    let (train, evolution) = (Train::on(&data).epochs(1), Evolution::regularized());
    let a = Study::new(&space, &train).strategy(&evolution).trials(3).quiet().run().unwrap();
    let boxed: Box<dyn Evaluator> = Box::new(train.clone());
    let strategy: Arc<dyn Strategy> = Arc::new(evolution.clone());
    let b = Study::new(&space, boxed).strategy(strategy).trials(3).quiet().run().unwrap();
    assert_eq!(lines(&a), lines(&b));
}

#[test]
fn several_objectives_leave_a_front() {
    let space = Space::new([8], Task::classification(2)).then(linear(any([4, 8, 16, 32])));
    // Score and size go together, but the widest is no better than the third.
    let capped =
        evaluator(|a, _| Evaluation::new((a.params() as f64).min(150.0)).with("twice", 2.0));
    let study = Study::new(&space, capped)
        .objective(Metric::minimise("params"))
        .strategy(Grid)
        .trials(4)
        .quiet()
        .run()
        .unwrap();
    let widths: Vec<String> = study.front().iter().map(|t| t.architecture().to_string()).collect();
    assert_eq!(widths, ["linear(4)", "linear(8)", "linear(16)"]);
    assert_eq!(study.objectives()[1], Metric::minimise("params"));

    // A result that was taken over took as long as it did: it is no better for having been free.
    let slow = evaluator(|_, _| {
        std::thread::sleep(std::time::Duration::from_millis(2));
        1.0
    });
    let again = Study::new(&Space::decisions([1]), slow).objective(Metric::minimise("seconds"));
    let again = again.strategy(Random).trials(3).quiet().run().unwrap();
    let seconds: Vec<f64> = again.trials_done().iter().map(Trial::seconds).collect();
    assert!(seconds[0] >= 0.002 && seconds.iter().all(|s| *s == seconds[0]), "{seconds:?}");
    assert_eq!(again.front().iter().map(Trial::number).collect::<Vec<_>>(), [0]);

    // A name that nobody knows fails the trials, and says what there is.
    let wrong = study.objective(Metric::minimise("latncy")).quiet().run().unwrap();
    let why = wrong.failed()[0].error().unwrap();
    assert!(why.contains("latncy") && why.contains("twice, params, macs, seconds"), "{why}");
    let twice = study.objective(Metric::maximise("params")).problems();
    assert!(twice[0].contains("it is one already"), "{twice:?}");
}
