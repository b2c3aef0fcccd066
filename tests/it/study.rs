//! The study from outside: budgets, failures, the loop by hand, files, strategies in general.

use crate::help::{Folder, lines, quick, side_by_side};
use nascent::prelude::*;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

fn space() -> Space {
    Space::new([8], Task::classification(3)).then(repeat(1..=3, linear(any([4, 8, 16, 32]))))
}

fn params() -> AnyEvaluator {
    evaluator(|arch, _| arch.params() as f64).minimise().named("parameters")
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

/// A score that depends on architecture and seed, larger or smaller being better; two in five fail.
fn flaky(minimise: bool) -> AnyEvaluator {
    let flaky = evaluator(|arch, budget| match arch.params() % 5 {
        0 => Err(Error::from("unlucky")),
        1 => Ok(f64::NAN),
        _ => Ok(arch.params() as f64 + budget.rng().uniform()),
    });
    if minimise { flaky.minimise() } else { flaky }
}

/// Every strategy of the table, over spaces of every kind.
#[test]
fn conformance() {
    side_by_side(nascent::strategies(), |_, info| {
        for (i, space) in spaces().iter().enumerate() {
            let at = format!("{} on space {i}", info.name);
            let run = |batch: usize, jobs: usize, duplicates: Duplicates| {
                let study = Study::new(space, flaky(batch == 4)).strategy(quick(info)).trials(30);
                let study = study.seed(7).batch(batch).jobs(jobs).duplicates(duplicates);
                study.quiet().run().expect(&at)
            };
            for batch in [1, 4, 9] {
                let all = [Duplicates::Reuse, Duplicates::Repeat, Duplicates::Forbid];
                for (duplicates, jobs) in all.into_iter().zip([2, 3, 2]) {
                    let a = run(batch, 1, duplicates);
                    assert_eq!(lines(&a), lines(&run(batch, jobs, duplicates)), "{at}");
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
    });
}

/// Killed after any trial was asked for, a study continues as if it never had been, with a strategy that
/// was newly created.
#[test]
fn every_strategy_is_resumed_at_every_trial() {
    let folder = Folder::new("resume");
    side_by_side(nascent::strategies(), |n, info| {
        let path = folder.file(&format!("{n}.jsonl"));
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
    });
}

/// Strategies that fit a model or a network to the history: one that is newly created for every trial
/// takes the square of the usual time.
fn learns_long(name: &str) -> bool {
    ["reinforce", "ppo", "bananas", "forest", "gp-hamming", "gp-wl", "gp-graf"].contains(&name)
}

/// What a strategy remembers between two trials saves time and nothing else: one that is newly created
/// for every trial proposes the same, and so does one that serves several studies in turn.
#[test]
fn strategies_know_nothing_but_the_history() {
    let decisions = Space::decisions([3; 4]);
    side_by_side(nascent::strategies(), |_, info| {
        for space in spaces().iter().take(3).chain([&decisions]) {
            for batch in [1, 4] {
                // Without parameters, the usual scorer fails nothing: here one in seven fails, and the score is rugged.
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
    });
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
    side_by_side(nascent::strategies(), |_, info| {
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
    });
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
                    assert!(left.clone().any(|d| *d == asked), "trial {n} is not a neighbour");
                    in_order += usize::from(left.next() == Some(&asked));
                }
            }
            assert!(climbs > 1 && moves > 1, "{climbs} climbs, {moves} moves");
            assert!(in_order < trials.len() / 2, "neighbours in the order of the space");
        }
    }
}

/// A batch changes the order of the trials, and no climb is left half-way; where trials fail, only what
/// is likely to fail is passed over.
#[test]
fn with_a_batch_a_local_search_finishes_every_climb() {
    let space = Space::decisions([3; 5]);
    let cases = [(false, 1), (false, 4), (false, 9), (true, 4)];
    for ((eager, batch), unlucky) in cases.into_iter().flat_map(|c| [(c, false), (c, true)]) {
        let rugged = evaluator(move |arch, _| match arch.identity() % 11 {
            0 if unlucky => Err(Error::from("unlucky")),
            n => Ok(n as f64 + (arch.identity() % 97) as f64 / 97.0),
        });
        let local = LocalSearch::new();
        let local = if eager { local.first_improvement() } else { local };
        let study = Study::new(&space, rugged).strategy(local).batch(batch).trials(120).seed(2);
        let trials = study.quiet().run().unwrap().trials_done();
        let starts: Vec<&Trial> = trials.iter().filter(|t| t.parents().is_empty()).collect();
        assert!(starts.len() > 4, "{} climbs", starts.len());
        // The last two may not have been over when the study ended.
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
                        let least = if unlucky { all.len() / 2 } else { all.len() };
                        assert!(known.len() >= least, "batch {batch}: a climb was left");
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

    // Trials that cost less than they might leave room for more, equally on any number of threads.
    let cheap =
        evaluator(|_, b| Evaluation::new(1.0).with_epochs(1.0 + (b.seed() % 3) as f64)).epochs(5);
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

    // A time limit ends a study in which nothing is evaluated any more, and one with many queued trials.
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

/// Impossible costs are failures, and so are scores that no other could beat.
#[test]
fn absurd_results_are_failures() {
    let wild = evaluator(|_, b| match b.seed() % 4 {
        0 => Evaluation::new(1.0).with_epochs(200.0),
        1 => Evaluation::new(1.0).with_epochs(-1.0),
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
    // And a strategy does not see an end where there is none.
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

/// What is in the test split changes nothing but the winner's test.
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
    // Random search does not look at its budget, so continuing is the same as having asked for more.
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
    // What it says to try works.
    let few = Study::new(&Space::decisions([3]), evaluator(|_, _| 0.0)).trials(9).quiet();
    let few = few.duplicates(Duplicates::Forbid);
    while let Ok(asked) = few.ask() {
        few.tell(&asked, 0.0).unwrap();
    }
    let over = few.ask().unwrap_err().to_string();
    assert!(over.contains("exhausted. Try ") && over.contains("Duplicates::Repeat"), "{over}");
    assert_eq!(few.trials_done().len(), 3);
    assert!(few.duplicates(Duplicates::Repeat).ask().is_ok());
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

/// What wraps a training or a table need not repeat its epochs.
#[test]
fn what_is_wrapped_keeps_its_epochs() {
    struct Mine<E>(E);
    impl<E: Evaluator> Evaluator for Mine<E> {
        fn evaluate(&self, arch: &Architecture, budget: &Budget) -> Result<Evaluation> {
            self.0.evaluate(arch, budget)
        }
    }
    let data = Dataset::digits().take(200);
    let space = Space::on(&data).then(linear(any([8, 16])));
    let train = Train::on(&data).epochs(3);
    let evaluation = |study: Study| {
        let trial = study.trials(1).quiet().run().unwrap().best().unwrap();
        (trial.epochs_spent(), trial.evaluation().unwrap())
    };
    let curve = |study: Study| {
        let (epochs, found) = evaluation(study);
        assert_eq!(epochs, 3.0);
        found.curve()
    };
    let alone = curve(Study::new(&space, &train));
    assert_eq!(alone.len(), 3);
    let priced = train.score("mine", |_, e| e.score());
    let inner = train.clone();
    let wrapped = evaluator(move |arch, budget| inner.evaluate(arch, budget));
    let with_handle = Mine(nascent::IntoEvaluator::into_evaluator(&train));
    let boxed: Box<dyn Evaluator> = Box::new(Mine(train.clone()));
    for study in [
        Study::new(&space, &wrapped),
        Study::new(&space, &wrapped.epochs(3)),
        Study::new(&space, Mine(train.clone())),
        Study::new(&space, Mine(priced)),
        Study::new(&space, Mine(Mine(train.clone()))),
        Study::new(&space, with_handle),
        Study::new(&space, boxed),
    ] {
        assert_eq!(curve(study), alone);
    }
    // Stated epochs are meant: a number other than the training's is reported, with how to fix it.
    let other = Study::new(&space, wrapped.epochs(5)).trials(1).quiet().run().unwrap();
    let why = other.failed()[0].error().unwrap();
    assert!(why.contains("Train::on(&data).epochs(5), or 3"), "{why}");

    // Tables with figures after several numbers of epochs.
    let table = NasBench201::cifar10().objective("val");
    let (_, found) = evaluation(Study::new(&table.space(), Mine(table.clone())));
    assert_eq!(found.epochs_spent(), Some(200.0));
    let curves = Mnist1dBench::table();
    let (_, found) = evaluation(Study::new(&curves.space(), Mine(curves.clone())));
    assert_eq!(found.epochs_spent(), Some(27.0));

    // A budget in epochs counts what the first trial has shown, on any number of threads, and a
    // journal keeps it.
    let path = std::env::temp_dir().join(format!("nascent-wrapped-{}.jsonl", std::process::id()));
    for jobs in [1, 3] {
        let _ = std::fs::remove_file(&path);
        let study = Study::new(&space, Mine(train.clone())).duplicates(Duplicates::Repeat).quiet();
        let study = study.epochs(8).jobs(jobs).journal(&path).run().unwrap();
        assert_eq!((study.trials_done().len(), study.epochs_paid()), (2, 6.0), "{}", study.ended());
        let read = Study::load(&path).unwrap();
        assert_eq!((lines(&read), read.epochs_paid()), (lines(&study), 6.0));
    }
    std::fs::remove_file(&path).unwrap();

    let other = Space::new([3], Task::classification(2)).then(linear(4));
    let e = Study::new(&other, train).run().unwrap_err().to_string();
    assert!(e.contains("Space::on(&data)"), "{e}");
}

/// One that says what it wraps says what that one says.
#[test]
fn a_wrapper_takes_after_what_it_wraps() {
    struct Halved(Train);
    impl Evaluator for Halved {
        fn evaluate(&self, arch: &Architecture, budget: &Budget) -> Result<Evaluation> {
            Ok(Evaluation::new(self.0.evaluate(arch, budget)?.score() / 2.0))
        }
        fn wraps(&self) -> Option<&dyn Evaluator> {
            Some(&self.0)
        }
    }
    let mut rng = Rng::new(1);
    let x: Vec<f32> = (0..120).map(|_| rng.normal() as f32).collect();
    let data = Dataset::regression("line", x.clone(), [1], x, 1).unwrap();
    let space = Space::on(&data).then(linear(any([2, 4])));
    let train = Train::on(&data).epochs(2).batch_size(32);
    let study = Study::new(&space, Halved(train.clone()));
    assert_eq!(study.metric(), Metric::minimise("rmse"));
    let done = study.trials(2).quiet().run().unwrap();
    assert_eq!((done.epochs_paid(), done.best().unwrap().budget().full()), (4.0, 2));
    let large = study.trial_memory(10).trials(1).quiet().run().unwrap();
    assert!(large.failed()[0].error().unwrap().contains("over the memory limit"));
    let wrong = Study::new(&space, Halved(train.batch_size(0))).problems();
    assert!(wrong[0].contains("batch_size(0)"), "{wrong:?}");
    assert!(done.retrain(1).is_ok());
}

/// `?` in a closure takes an error of any kind, and needs no type.
#[test]
fn closures_with_a_question_mark_need_no_type() {
    let parsed = evaluator(|arch, _| {
        let digits: String = arch.to_text().chars().filter(char::is_ascii_digit).collect();
        let number: f64 = digits.parse()?;
        if number > 1e6 {
            return Err("three layers are too many".into());
        }
        Ok(number)
    });
    let picky = strategy("picky", |history, rng| {
        let arch = history.space().sample(rng)?;
        Ok(arch)
    });
    let study = Study::new(&space(), parsed).strategy(picky).trials(30).quiet().run().unwrap();
    assert!(study.best().is_ok());
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

    // A reused result took as long as it took: it is not better for having been free.
    let slow = evaluator(|_, _| {
        std::thread::sleep(std::time::Duration::from_millis(2));
        1.0
    });
    let again = Study::new(&Space::decisions([1]), slow).objective(Metric::minimise("seconds"));
    let again = again.strategy(Random).trials(3).quiet().run().unwrap();
    let seconds: Vec<f64> = again.trials_done().iter().map(Trial::seconds_spent).collect();
    assert!(seconds[0] >= 0.002 && seconds.iter().all(|s| *s == seconds[0]), "{seconds:?}");
    assert_eq!(again.front().iter().map(Trial::number).collect::<Vec<_>>(), [0]);

    // An unknown name fails the trials, and says what there is.
    let wrong = study.objective(Metric::minimise("latncy")).quiet().run().unwrap();
    let why = wrong.failed()[0].error().unwrap();
    assert!(why.contains("latncy") && why.contains("twice, params, macs, seconds"), "{why}");
    let twice = study.objective(Metric::maximise("params")).problems();
    assert!(twice[0].contains("it is one already"), "{twice:?}");
}

/// A figure that no evaluation has is reported before anything runs, if the evaluator knows.
#[test]
fn an_objective_that_does_not_exist_is_reported_before_the_run() {
    let data = Dataset::digits().take(200);
    let space = Space::on(&data).then(linear(any([8, 16])));
    let train = Train::on(&data).epochs(1);
    let told = |study: Study, parts: &[&str]| {
        let text = study.run().unwrap_err().to_string();
        parts.iter().for_each(|part| assert!(text.contains(part), "{part} is not in: {text}"));
        assert!(study.explain().to_string().contains(parts[0]));
    };
    let of = |name: &str| Study::new(&space, &train).objective(Metric::minimise(name)).trials(2);
    let list = "there are accuracy, loss, params, macs, seconds";
    told(of("latency"), &["latency", list, ".with(\"latency\", value)"]);
    told(of("parms"), &["parms", list, "Try objective(Metric::minimise(\"params\"))"]);
    let scored = train.score("mine", |_, e| e.score());
    let scored = Study::new(&space, &scored).objective(Metric::maximise("acuracy"));
    told(scored, &["acuracy", "Try objective(Metric::maximise(\"accuracy\"))"]);
    let table = Mnist1dBench::table();
    let of_table = |table: &Table, name: &str| {
        Study::new(&table.space(), table).objective(Metric::minimise(name)).trials(3).quiet()
    };
    told(of_table(&table, "val1"), &["val1", "there are test, params, macs, seconds"]);
    told(of_table(&table, "val_s0"), &["val_s0", "table.reporting(\"val1_s0\")"]);

    // What is advised works.
    assert_eq!(of("params").quiet().run().unwrap().failed().len(), 0);
    let t = train.clone();
    let own = evaluator(move |a, b| Ok(t.evaluate(a, b)?.with("latency", a.params() as f64)));
    let own = Study::new(&space, own).objective(Metric::minimise("latency")).trials(2).quiet();
    assert_eq!(own.run().unwrap().failed().len(), 0);
    let reporting = table.reporting("val1_s0");
    assert!(of_table(&reporting, "val1_s0").run().unwrap().failed().is_empty());
}

/// Where only an evaluation can show it, the first one does, and nothing else is paid for.
#[test]
fn an_objective_that_no_evaluation_has_ends_the_study() {
    let path = std::env::temp_dir().join(format!("nascent-figure-{}.jsonl", std::process::id()));
    let _ = std::fs::remove_file(&path);
    for jobs in [1, 4] {
        let calls = Arc::new(AtomicUsize::new(0));
        let plan = |figure: &'static str| {
            let calls = calls.clone();
            let counted = evaluator(move |arch, _| {
                calls.fetch_add(1, Ordering::SeqCst);
                Evaluation::new(arch.params() as f64).with(figure, 1.0)
            });
            let plan = Study::new(&space(), counted).objective(Metric::minimise("latency"));
            plan.duplicates(Duplicates::Repeat).trials(20).jobs(jobs).quiet()
        };
        let study = plan("latncy").run().unwrap();
        assert_eq!((calls.load(Ordering::SeqCst), study.trials_done().len()), (1, 1));
        let why = study.ended();
        assert!(why.contains("latncy, params") && why.contains("Try \"latncy\""), "{why}");
        assert!(study.to_string().contains("The study ended because the evaluation has no figure"));
        // Once more is one trial more; and with the figure it continues, even from a journal.
        let wrong = plan("latncy").journal(&path);
        wrong.run().unwrap();
        assert_eq!(wrong.run().unwrap().trials_done().len(), 2);
        let right = plan("latency").journal(&path).run().unwrap();
        assert_eq!((right.trials_done().len(), right.failed().len()), (20, 2));
        std::fs::remove_file(&path).unwrap();
    }
    // A first trial that fails shows nothing, and nothing else is said about failures.
    let moody = evaluator(|_, budget| match budget.seed() % 2 {
        0 => Err(Error::from("unlucky")),
        _ => Ok(Evaluation::new(1.0).with("latency", 1.0)),
    });
    for seed in 0..4 {
        let study = Study::new(&space(), &moody).objective(Metric::minimise("latency")).seed(seed);
        let study = study.duplicates(Duplicates::Repeat).quiet().run().unwrap();
        assert_eq!(study.trials_done().len(), 20);
    }
    // By hand, too.
    let by_hand = Study::new(&space(), params()).objective(Metric::minimise("latency"));
    by_hand.step().unwrap();
    assert!(by_hand.step().unwrap_err().to_string().contains("latency"));
}

/// Every attempt is paid for, and none is begun when there is nothing left to pay for it.
#[test]
fn retries_keep_to_the_budget() {
    let calls = Arc::new(AtomicUsize::new(0));
    let plan = |what: OnFailure| {
        let calls = calls.clone();
        calls.store(0, Ordering::SeqCst);
        let hopeless = evaluator(move |_, _| -> Result<f64> {
            calls.fetch_add(1, Ordering::SeqCst);
            std::thread::sleep(std::time::Duration::from_millis(1));
            Err("never".into())
        });
        let plan = Study::new(&space(), hopeless.epochs(5)).on_failure(what).quiet();
        plan.duplicates(Duplicates::Repeat)
    };
    for jobs in [1, 4] {
        for (retries, trials) in [(usize::MAX, 1), (2, 4)] {
            let study = plan(OnFailure::Retry(retries)).epochs(52).jobs(jobs).run().unwrap();
            assert_eq!((calls.load(Ordering::SeqCst), study.epochs_paid()), (10, 50.0));
            assert_eq!(study.trials_done().len(), trials, "{}", study.ended());
        }
    }
    // Without failures, batch and threads are what they were.
    let fine = Study::new(&space(), params().epochs(5)).duplicates(Duplicates::Repeat).epochs(52);
    let with = fine.on_failure(OnFailure::Retry(2)).quiet().run().unwrap();
    assert_eq!(lines(&with), lines(&fine.quiet().run().unwrap()));

    let begun = std::time::Instant::now();
    let study = plan(OnFailure::Retry(usize::MAX)).seconds(0.05).jobs(2).run().unwrap();
    let why = study.failed()[0].error().unwrap();
    assert!(why.contains("attempt") && why.contains("the time limit of 0.05 s"), "{why}");
    // An evaluation without a result has its cost as well.
    let priced = evaluator(|_, _| Evaluation::new(f64::NAN).with_seconds(40.0));
    let priced = Study::new(&space(), priced).duplicates(Duplicates::Repeat).batch(1).quiet();
    let priced = priced.on_failure(OnFailure::Retry(usize::MAX)).simulated_seconds(1000.0);
    let study = priced.run().unwrap();
    assert!(study.ended().contains("1000 simulated seconds"), "{}", study.ended());
    assert_eq!(study.trials_done().len(), 1);
    // Nor is a study limited only by trials endless; and it can be stopped.
    let study = plan(OnFailure::Retry(usize::MAX)).trials(2).jobs(2).run().unwrap();
    assert_eq!((calls.load(Ordering::SeqCst), study.failed().len()), (2 * 101, 2));
    let search = plan(OnFailure::Retry(usize::MAX)).trials(1000).spawn().unwrap();
    search.stop();
    assert!(search.wait().unwrap().ended().contains("stopped"));
    assert!(begun.elapsed().as_secs_f64() < 5.0, "{:?}", begun.elapsed());
}

/// What retries have cost is in the journal.
#[test]
fn retries_are_journalled() {
    let path = std::env::temp_dir().join(format!("nascent-retried-{}.jsonl", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let flaky = evaluator(|_, b| match b.seed() % 3 {
        0 => Evaluation::new(1.0).with_seconds(3.0),
        _ => Evaluation::new(f64::NAN).with_seconds(2.0),
    });
    let plan = Study::new(&space(), flaky.epochs(5)).on_failure(OnFailure::Retry(3)).journal(&path);
    let study = plan.duplicates(Duplicates::Repeat).trials(12).quiet().run().unwrap();
    assert!(study.epochs_paid() > 60.0, "{}", study.epochs_paid());
    let read = Study::load(&path).unwrap();
    assert_eq!(read.epochs_paid(), study.epochs_paid());
    let simulated = |s: &Study| s.report().facts.into_iter().find(|f| f.0 == "simulated time");
    assert!(simulated(&study).is_some() && simulated(&read) == simulated(&study));
    std::fs::remove_file(&path).unwrap();
}

/// A training that a closure has called ends with the study, whatever the closure makes of it.
#[test]
fn a_training_inside_a_closure_can_be_stopped() {
    let data = Dataset::digits();
    let space = Space::on(&data).then(linear(any([64, 128])));
    let train = Train::on(&data).epochs(100_000);
    let t = train.clone();
    let swallowing = evaluator(move |a, b| t.evaluate(a, b).map_or(0.0, |found| found.score()));
    let begun = std::time::Instant::now();
    let search = Study::new(&space, &swallowing).trials(4).jobs(2).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(50));
    search.stop();
    let study = search.wait().unwrap();
    assert!(study.trials_done().is_empty(), "a trial that was cut off is not a result");
    // Over its time limit it is a failure; and so is a training that is advanced by hand.
    let by_hand = evaluator(move |a, b| {
        let mut run = train.start(a, b.seed())?;
        run.advance(100_000)?;
        Ok(run.evaluation())
    });
    for slow in [swallowing, by_hand] {
        let study = Study::new(&space, slow).trials(2).trial_seconds(0.05).quiet().run().unwrap();
        assert!(study.failed()[0].error().unwrap().contains("over the time limit of 0.05 s"));
    }
    assert!(begun.elapsed().as_secs_f64() < 5.0, "{:?}", begun.elapsed());
}

/// What a time limit cannot stop is said before anything runs.
#[test]
fn explain_says_limits_failures_and_what_cannot_be_stopped() {
    let data = Dataset::digits().take(200);
    let of_data = Space::on(&data).then(linear(any([8, 16])));
    let says = |study: &Study, parts: &[&str]| {
        for text in [study.explain().to_string(), study.to_string()] {
            parts.iter().for_each(|part| assert!(text.contains(part), "{part} is not in: {text}"));
        }
    };
    let plan = Study::new(&space(), params());
    says(&plan, &["it is recorded, and the study goes on", "none of time and memory"]);
    says(&plan, &["only a training can be stopped in the middle", "stop() waits until it returns"]);
    let limited = plan.on_failure(OnFailure::Retry(3)).trial_seconds(90.0).trial_memory(20_000_000);
    says(
        &limited,
        &["evaluated again, up to 3 times", "1 min 30 s and 20.0 MB of memory an attempt"],
    );
    says(&limited, &["stop() and the limits of time wait until it returns"]);
    says(&plan.on_failure(OnFailure::Abort), &["when a trial fails, the study ends"]);
    let trained = Study::new(&of_data, Train::on(&data).epochs(1)).trials(2);
    assert!(!trained.explain().to_string().contains("stopping"));
    says(&trained, &["MB a trial in these draws", "are free"]);
    let compare = Compare::new(&space(), params()).strategies((Random,)).to_string();
    assert!(compare.contains("recorded") && compare.contains("until it returns"), "{compare}");

    // A study that goes on has run.
    let path = std::env::temp_dir().join(format!("nascent-explain-{}.jsonl", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let kept = plan.trials(3).quiet().journal(&path);
    says(&kept, &["A study that has not run yet", "it begins with the run"]);
    let done = kept.run().unwrap();
    let goes_on = "A study of 3 trials so far; run() goes on with it.";
    assert!(done.trials(9).explain().to_string().starts_with(goes_on));
    says(&kept.trials(9), &[goes_on, "it holds 3 trials, which the run goes on from"]);
    // What the run would refuse is told in its words.
    let refused = |plan: &Study, part: &str| {
        let said = plan.explain().to_string();
        let e = plan.run().unwrap_err().to_string();
        assert!(said.contains("the run will refuse it: ") && said.contains(&e), "{said}\n{e}");
        assert!(e.contains(part), "{e}");
    };
    refused(&kept.seed(7).journal(&path), "is of another study");
    std::fs::write(&path, "id,score\n1,0.5\n").unwrap();
    refused(&kept, "is not a journal");
    refused(&kept.journal(std::env::temp_dir()), "this is a folder");
    refused(&kept.journal("no/such/folder/study.jsonl"), "cannot be opened");
    std::fs::remove_file(&path).unwrap();
    let one = plan.trials(1).explain().to_string();
    assert!(one.contains(" 1 trial\n"), "{one}");
}

// ----------------------------------------------------------------------------------- background

fn endless() -> Study {
    let nap = evaluator(|arch, _| {
        std::thread::sleep(std::time::Duration::from_millis(2));
        arch.params() as f64
    });
    Study::new(&space(), nap).duplicates(Duplicates::Repeat).trials(1_000_000)
}

/// The searches of this process that keep this journal; other tests have searches of their own.
fn with_journal(path: &std::path::Path) -> Vec<Running> {
    let name = path.file_name().unwrap().to_string_lossy().to_string();
    let listed = nascent::running();
    let lines = listed.to_string();
    assert_eq!(lines.lines().count(), 1 + listed.len(), "{lines}");
    let ours = lines.lines().skip(1).zip(listed.list());
    ours.filter(|(line, _)| line.contains(&name)).map(|(_, search)| search).collect()
}

#[test]
fn a_search_that_nobody_holds_stops() {
    let path = std::env::temp_dir().join(format!("nascent-orphan-{}.jsonl", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let plan = endless().journal(&path);
    let search = plan.spawn().unwrap();
    let began = std::time::Instant::now();
    while search.study().trials_done().is_empty() {
        assert!(began.elapsed().as_secs_f64() < 10.0);
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let clone = search.clone();
    drop(search);
    assert!(!clone.done() && !clone.progress().contains("stopp"), "{}", clone.progress());
    assert_eq!(with_journal(&path).len(), 1);
    // A second one of the same journal is told how to get the first one back, and the advice works.
    for again in [plan.spawn().map(|_| ()), plan.quiet().run().map(|_| ())] {
        let text = again.unwrap_err().to_string();
        assert!(
            text.contains("nascent::running().stop()") && text.contains("which goes on"),
            "{text}"
        );
    }
    drop(clone);
    // The orphan releases its journal by itself, and the next one continues it.
    let second = plan.spawn().unwrap();
    let study = second.study();
    assert!(with_journal(&path).len() == 1 && !study.trials_done().is_empty());
    drop((study, second));
    let began = std::time::Instant::now();
    while !with_journal(&path).is_empty() {
        assert!(began.elapsed().as_secs_f64() < 10.0);
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert_eq!(Study::load(&path).unwrap().ended(), "it was stopped");
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn a_detached_search_goes_on_and_is_found_again() {
    let path = std::env::temp_dir().join(format!("nascent-detached-{}.jsonl", std::process::id()));
    let _ = std::fs::remove_file(&path);
    endless().journal(&path).spawn().unwrap().detach();
    let done = || Study::load(&path).unwrap().trials_done().len();
    let before = done();
    let began = std::time::Instant::now();
    while done() <= before + 3 {
        assert!(began.elapsed().as_secs_f64() < 10.0);
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    // Listed, looked at and let go of, it still goes on.
    let found = with_journal(&path);
    assert!(found.len() == 1 && !found[0].done());
    drop(found);
    let search = with_journal(&path).pop().unwrap();
    search.stop();
    assert!(search.wait().unwrap().trials_done().len() > before);
    assert!(with_journal(&path).is_empty());
    let html = show(nascent::running()).html();
    assert!(html.contains("background"), "{html}");
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn what_was_told_to_stop_goes_on_without_a_journal_too() {
    let nap = evaluator(|arch, _| {
        std::thread::sleep(std::time::Duration::from_millis(5));
        arch.params() as f64
    });
    let plan = Study::new(&space(), nap).duplicates(Duplicates::Repeat).trials(30).quiet();
    let search = plan.spawn().unwrap();
    search.stop();
    let stopped = search.wait().unwrap();
    assert_eq!(stopped.ended(), "it was stopped");
    assert!(stopped.trials_done().len() < 30);
    let whole = stopped.run().unwrap();
    assert_eq!((whole.trials_done().len(), whole.ended()), (30, "all 30 trials are done".into()));
    assert_eq!(lines(&whole), lines(&plan.run().unwrap()));
    // By hand as well.
    assert!(stopped.ask().is_ok());
}

/// Copies of a study share its journal's desk, which a search that is stopping needs to leave.
#[test]
fn a_copy_waits_for_a_search_that_is_stopping() {
    let path = std::env::temp_dir().join(format!("nascent-copies-{}.jsonl", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let small = evaluator(|arch, _| arch.params() as f64);
    let plan = Study::new(&space(), small).duplicates(Duplicates::Repeat).trials(10).quiet();
    let plan = plan.journal(&path).run().unwrap();
    for more in 1..20 {
        let search = plan.trials(1_000_000).spawn().unwrap();
        if more % 2 == 0 {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        drop(search);
        let copy = plan.trials(1);
        assert!(copy.run().is_ok(), "{more}");
    }
    std::fs::remove_file(&path).unwrap();
}

/// With a budget in epochs, an evaluator that does not say what it costs shows it in its first
/// evaluation that does not fail, and what it then costs more does not depend on threads.
#[test]
fn threads_do_not_change_a_budget_in_epochs_of_unknown_cost() {
    for case in 0..3 {
        let costly = evaluator(move |arch, _| {
            let n = u64::from(arch.decisions()[0]);
            std::thread::sleep(std::time::Duration::from_millis(4 - n % 4));
            if case < 2 && n <= case {
                return Err(Error::from("no luck"));
            }
            let epochs = if case == 2 { [1.0, 9.0, 2.0][n as usize % 3] } else { 8.0 };
            Ok(Evaluation::new(n as f64).with_epochs(epochs))
        });
        let plan = Study::new(&Space::decisions([40]), costly).strategy(Grid).quiet();
        for limit in [20, 30, 41] {
            let alone = plan.epochs(limit).jobs(1).run().unwrap();
            for jobs in [2, 4] {
                let found = plan.epochs(limit).jobs(jobs).run().unwrap();
                assert_eq!(lines(&found), lines(&alone), "{case} {limit} {jobs}");
            }
            // Where the first ones fail, the others are known to be expensive.
            assert!(case == 2 || alone.epochs_paid() <= f64::from(limit), "{case} {limit}");
        }
    }
}

#[test]
fn explain_counts_no_more_trials_than_there_may_be() {
    struct Quick(f64);
    impl Evaluator for Quick {
        fn evaluate(&self, _: &Architecture, _: &Budget) -> Result<Evaluation> {
            Ok(Evaluation::new(0.0))
        }
        fn forecast(&self, _: &Architecture) -> Option<f64> {
            Some(self.0)
        }
    }
    let cost = |forecast: f64, limits: fn(&Study) -> Study| {
        let text = limits(&Study::new(&space(), Quick(forecast)).jobs(2)).explain().to_string();
        text.lines().find(|l| l.contains("  cost ")).unwrap_or_default().to_string()
    };
    let both = |s: &Study| s.trials(5).seconds(1000.0);
    assert!(cost(1.0, both).ends_with("so there is time for 5 trials"), "{}", cost(1.0, both));
    assert!(cost(0.0, both).ends_with("so there is time for 5 trials"));
    assert!(cost(1e3, both).ends_with("so about 2 trials"));
    assert!(cost(1.0, |s| s.seconds(10.0)).ends_with("so about 20 trials"));
    assert!(cost(0.0, |s| s.seconds(10.0)).ends_with("more trials than can be counted"));
    assert!(cost(1.0, |s| s.seconds(1e300)).ends_with("more trials than can be counted"));
    for nonsense in [f64::NAN, f64::INFINITY, -1.0] {
        assert_eq!(cost(nonsense, both), "");
    }
}
