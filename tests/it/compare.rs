//! Comparisons: the protocol, what is said about the strategies, the journal.

use crate::help::alone;
use nascent::prelude::*;
use nascent::strategies;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// 625 architectures.
fn space() -> Space {
    Space::decisions([5, 5, 5, 5])
}

/// The sum of the decisions, a little noise of the seed, and a figure that the search does not see.
fn noisy() -> AnyEvaluator {
    nascent::evaluator(|arch, budget| {
        let sum: u32 = arch.decisions().iter().sum();
        let test = f64::from(sum) + 0.1;
        Evaluation::new(f64::from(sum) + budget.rng().uniform())
            .with("test", test)
            .with_seconds(10.0)
    })
}

fn compare() -> Compare {
    Compare::new(&space(), noisy()).trials(30).seeds(12).quiet()
}

fn scratch(name: &str) -> PathBuf {
    let folder =
        std::env::temp_dir().join(format!("nascent-compare-{}-{name}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// The lines without what depends on the clock.
fn lines(found: &Comparison) -> Vec<String> {
    let cut = |line: &str| {
        let mut cells: Vec<&str> = line.split(',').collect();
        cells.remove(7);
        cells.join(",")
    };
    found.to_csv().lines().map(cut).collect()
}

#[test]
fn each_study_is_what_it_would_be_alone() {
    let found = compare().strategies((Random, Evolution::regularized())).run().unwrap();
    assert_eq!(found.names(), ["random", "evolution"]);
    assert_eq!(found.seeds(), (1..=12).collect::<Vec<u64>>());
    let alone = Study::new(&space(), noisy())
        .strategy(Evolution::regularized())
        .trials(30)
        .batch(1)
        .duplicates(Duplicates::Repeat)
        .seed(3)
        .quiet()
        .run()
        .unwrap();
    let scores: Vec<f64> = alone.trials_done().iter().filter_map(|t| t.score()).collect();
    let row = |line: &&str| line.starts_with("evolution,3,");
    let csv = found.to_csv();
    let ours: Vec<f64> =
        csv.lines().filter(row).map(|l| l.split(',').nth(3).unwrap().parse().unwrap()).collect();
    assert_eq!(ours, scores);
    assert_eq!(found.finals("evolution").unwrap()[2], alone.best().unwrap().score());
}

#[test]
fn threads_do_not_change_it() {
    let plan = compare().strategies((Random, Evolution::regularized(), LocalSearch::new()));
    let one = plan.jobs(1).run().unwrap();
    let three = plan.jobs(3).run().unwrap();
    assert!(lines(&one) == lines(&three));
    assert_eq!(one.verdict(), three.verdict());
    let bands = |c: &Comparison| c.standings().iter().map(|s| s.mean.clone()).collect::<Vec<_>>();
    assert_eq!(bands(&one), bands(&three));
}

#[test]
fn the_report_is_of_the_best_by_the_score() {
    // The score hides which of two is better by test.
    let misleading = evaluator(|arch, _| {
        let d = arch.decisions()[0];
        Evaluation::new(f64::from(d)).with("test", [0.5, 0.9, 0.3][d as usize])
    });
    let space = Space::decisions([3]);
    let plan = Compare::new(&space, misleading).strategies((Grid,)).trials(3).seeds(2).quiet();
    let by_test = plan.reporting("test").run().unwrap();
    assert_eq!(by_test.finals("grid").unwrap(), [Some(0.3), Some(0.3)]);
    assert_eq!(by_test.metric(), Metric::maximise("test"));
    assert_eq!(by_test.by_score().finals("grid").unwrap(), [Some(2.0), Some(2.0)]);
    let trace: Vec<String> = by_test
        .to_csv()
        .lines()
        .skip(1)
        .take(3)
        .map(|l| l.split(',').nth(5).unwrap().into())
        .collect();
    assert_eq!(trace, ["0.5", "0.9", "0.3"]);
}

#[test]
fn a_winner_needs_seeds_that_support_it() {
    // The same strategy twice: whatever the seeds, there is no winner.
    let twice = |seeds: usize| {
        let other = strategy("random search in other words", |h, rng| {
            rng.uniform();
            h.space().sample(rng)
        });
        compare().strategies((Random, other)).seeds(seeds).run().unwrap().verdict()
    };
    for seeds in [1, 3, 40] {
        let verdict = twice(seeds);
        assert_eq!(verdict.winner(), None, "{verdict}");
    }
    assert!(twice(3).to_string().contains("Try more seeds"), "{}", twice(3));

    // A strategy that knows the answer wins over enough seeds, not over three.
    let oracle = strategy("oracle", |h, _| h.space().decode([4, 4, 4, 4]));
    let plan = compare().strategies((Random, oracle.clone()));
    let few = plan.seeds(3).run().unwrap().verdict();
    assert_eq!(few.winner(), None, "{few}");
    let many = plan.seeds(12).run().unwrap();
    assert_eq!(many.verdict().winner(), Some("oracle".to_string()), "{}", many.verdict());
    assert_eq!(many.beats_random(), ["oracle"]);
    assert!(
        few.to_string().contains("No strategy is shown to be better than random search"),
        "{few}"
    );
    let standing = &many.standings()[1];
    assert!(standing.beats_random.as_ref().unwrap().value > 0.9, "{standing}");
    assert_eq!(standing.rank, Some(1.0));
    let pair = &many.pairs()[0];
    assert!(pair.p < 0.01 && pair.wins < 0.1, "{pair}");

    // Among three, one that loses is named, though there is no winner.
    let same = strategy("oracle too", |h, _| h.space().decode([4, 4, 4, 4]));
    let three = plan.strategy("the same", same).strategy("o", oracle).seeds(20).run().unwrap();
    let verdict = three.verdict();
    assert!(
        verdict.winner().is_none() && verdict.to_string().contains("random fell behind"),
        "{verdict}"
    );
}

/// Two strategies, one trial per study: with the n-th seed the first ends better by `lead(n)`.
fn duel(lead: fn(u32) -> f64, seeds: usize) -> Comparison {
    let met = std::sync::Mutex::new(vec![]);
    let scores = evaluator(move |arch, budget| {
        let mut met = met.lock().unwrap();
        let seed = budget.seed();
        let n = met.iter().position(|&s| s == seed).unwrap_or_else(|| {
            met.push(seed);
            met.len() - 1
        });
        if arch.decisions()[0] == 0 { lead(n as u32) } else { 0.0 }
    });
    let always =
        |option: u32| strategy(&format!("option {option}"), move |h, _| h.space().decode([option]));
    let plan = Compare::new(&Space::decisions([2]), scores).trials(1).seeds(seeds).jobs(1).quiet();
    plan.strategies((always(0), always(1))).run().unwrap()
}

#[test]
fn many_small_wins_and_a_few_large_losses_make_no_winner() {
    // By hand: T+ = 1 + ... + 21 = 231 of 820; scipy.stats.wilcoxon has p = 0.0153.
    let lead = |n: u32| if n < 21 { 0.01 * f64::from(n + 1) } else { -f64::from(n) };
    let found = duel(lead, 40);
    let pair = &found.pairs()[0];
    assert!(pair.wins > 0.5 && pair.p < 0.05, "{pair}");
    assert!((pair.effect - (2.0 * 231.0 / 820.0 - 1.0)).abs() < 1e-12, "{}", pair.effect);
    assert_eq!(found.verdict().winner(), None, "{}", found.verdict());
}

#[test]
fn a_few_seeds_that_differ_are_few_however_many_do_not() {
    // 2 / 2^n for the seeds that differ; most found the same best.
    let found = duel(|n| f64::from(u8::from(n < 5)), 20);
    assert_eq!(found.pairs()[0].p, 0.0625);
    assert_eq!(found.verdict().winner(), None, "{}", found.verdict());
    let found = duel(|n| f64::from(u8::from(n < 6)), 20);
    assert_eq!(found.verdict().winner(), Some("option 0".to_string()), "{}", found.verdict());
}

#[test]
fn a_journal_continues_where_it_was() {
    let folder = scratch("journal");
    let path = folder.join("c.jsonl");
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = {
        let calls = calls.clone();
        evaluator(move |arch, budget| {
            calls.fetch_add(1, Ordering::Relaxed);
            let sum = f64::from(arch.decisions().iter().sum::<u32>());
            Evaluation::new(sum + budget.rng().uniform()).with_seconds(1.0)
        })
    };
    let plan = Compare::new(&space(), counted)
        .strategies((Random, Evolution::regularized()))
        .trials(20)
        .quiet();
    let whole = plan.seeds(6).run().unwrap();
    calls.store(0, Ordering::Relaxed);
    let four = plan.seeds(4).journal(&path).run().unwrap();
    assert_eq!(calls.swap(0, Ordering::Relaxed), 4 * 2 * 20);
    assert_eq!(four.seeds().len(), 4);
    // Two more seeds; and a line that was cut short is done again.
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 30]).unwrap();
    std::fs::read_dir(&folder).unwrap().flatten().for_each(|f| {
        if f.path() != path {
            std::fs::remove_file(f.path()).unwrap();
        }
    });
    let six = plan.seeds(6).journal(&path).run().unwrap();
    assert_eq!(calls.swap(0, Ordering::Relaxed), (2 * 2 + 1) * 20);
    assert!(lines(&six) == lines(&whole));
    // Once more: nothing is left to do.
    let again = plan.seeds(6).journal(&path).run().unwrap();
    assert!(calls.load(Ordering::Relaxed) == 0 && lines(&again) == lines(&whole));
    // A study under way has a journal of its own, and continues.
    let lost: String = std::fs::read_to_string(&path)
        .unwrap()
        .lines()
        .take(12)
        .map(|l| format!("{l}\n"))
        .collect();
    std::fs::write(&path, lost).unwrap();
    let resumed = plan.seeds(6).journal(&path).run().unwrap();
    assert!(calls.load(Ordering::Relaxed) == 0 && lines(&resumed) == lines(&whole));

    // A longer study left by an earlier comparison does not belong to this one, which has no journal yet.
    std::fs::rename(&path, folder.join("kept")).unwrap();
    let short = plan.trials(10).seeds(6).journal(&path).run().unwrap_err().to_string();
    assert!(short.contains("its budget is 20 trials, this study's is 10 trials"), "{short}");
    std::fs::rename(folder.join("kept"), &path).unwrap();
    // A line that was changed by hand is refused, without a panic.
    let good = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, good.replacen("\"seconds\":[1.0,", "\"seconds\":[", 1)).unwrap();
    let damaged = plan.seeds(6).journal(&path).run().unwrap_err().to_string();
    assert!(damaged.contains("damaged in line 2: its lists differ"), "{damaged}");
    std::fs::write(&path, good).unwrap();

    // Another comparison is refused, and so is what is not a journal.
    let other = plan.trials(21).journal(&path).run().unwrap_err().to_string();
    assert!(other.contains("another comparison") && other.contains("21 trials"), "{other}");
    let text = folder.join("notes.txt");
    std::fs::write(&text, "my notes\n").unwrap();
    let foreign = plan.journal(&text).run().unwrap_err().to_string();
    assert!(foreign.contains("not a comparison's journal"), "{foreign}");
    assert_eq!(std::fs::read_to_string(&text).unwrap(), "my notes\n");
    std::fs::remove_dir_all(&folder).unwrap();
}

/// Whatever part of a journal is gone, and whatever has changed since: a comparison continues from
/// studies of its own, or says why not before it runs anything.
#[test]
fn no_study_of_another_comparison_is_continued() {
    let folder = scratch("parts");
    let calls = Arc::new(AtomicUsize::new(0));
    let judge = |name: &str, calls: &Arc<AtomicUsize>| {
        let calls = calls.clone();
        evaluator(move |arch, budget| {
            calls.fetch_add(1, Ordering::Relaxed);
            let sum = f64::from(arch.decisions().iter().sum::<u32>());
            Evaluation::new(sum + budget.rng().uniform()).with("test", sum).with_seconds(1.0)
        })
        .named(name)
    };
    let on = |space: &Space, evaluator: AnyEvaluator| {
        Compare::new(space, evaluator)
            .strategies((Random, Evolution::regularized()))
            .trials(12)
            .seeds(2)
            .quiet()
    };
    let plan = || on(&space(), judge("score", &calls));
    // The whole journal, as a comparison that has ended leaves it, in a folder of its own.
    let kept = folder.join("kept");
    std::fs::create_dir_all(&kept).unwrap();
    let whole = plan().journal(kept.join("c.jsonl")).run().unwrap();
    let fresh = |name: &str| {
        let there = folder.join(name.replace(' ', "-"));
        std::fs::create_dir_all(&there).unwrap();
        for file in std::fs::read_dir(&kept).unwrap().flatten() {
            std::fs::copy(file.path(), there.join(file.file_name())).unwrap();
        }
        there
    };
    let main = |f: &std::path::Path| f.file_name().unwrap() == "c.jsonl";
    let remove = |there: &std::path::Path, gone: &dyn Fn(&std::path::Path) -> bool| {
        let files = std::fs::read_dir(there).unwrap().flatten().map(|f| f.path());
        files.filter(|f| gone(f)).for_each(|f| std::fs::remove_file(f).unwrap());
    };
    type Damage<'a> = (&'a str, Box<dyn Fn(&std::path::Path) + 'a>);
    let lines_of = |there: &std::path::Path, keep: usize| {
        let text = std::fs::read_to_string(there.join("c.jsonl")).unwrap();
        let text: Vec<String> = text.lines().take(keep).map(|l| format!("{l}\n")).collect();
        std::fs::write(there.join("c.jsonl"), text.concat()).unwrap();
    };
    let damages: Vec<Damage> = vec![
        ("main gone", Box::new(|there| remove(there, &main))),
        ("main empty", Box::new(|there| std::fs::write(there.join("c.jsonl"), "").unwrap())),
        ("lines gone", Box::new(|there| lines_of(there, 2))),
        ("header alone", Box::new(|there| lines_of(there, 1))),
        ("studies gone", Box::new(|there| remove(there, &|f| !main(f)))),
        ("a study gone", Box::new(|there| remove(there, &|f| f.ends_with("c.jsonl.random.1")))),
        (
            "studies cut short",
            Box::new(|there| {
                remove(there, &main);
                for f in std::fs::read_dir(there).unwrap().flatten() {
                    let text = std::fs::read_to_string(f.path()).unwrap();
                    let text: Vec<String> =
                        text.lines().take(9).map(|l| format!("{l}\n")).collect();
                    std::fs::write(f.path(), text.concat()).unwrap();
                }
            }),
        ),
    ];
    let wide = Space::decisions([5, 5, 5, 6]);
    let size = || Metric::minimise("test");
    let others: Vec<(&str, Compare)> = vec![
        ("more trials", plan().trials(20)),
        ("fewer trials", plan().trials(6)),
        ("fewer than cut", plan().trials(3)),
        ("epochs", plan().epochs(12)),
        ("batch", plan().batch(2)),
        ("duplicates", plan().duplicates(Duplicates::Forbid)),
        ("objective", plan().objective(size())),
        ("metric", on(&space(), judge("accuracy", &calls))),
        ("space", on(&wide, judge("score", &calls))),
        ("failures", plan().on_failure(OnFailure::Abort)),
    ];
    for (damage, apply) in &damages {
        // The same comparison ends as it would have.
        let there = fresh(damage);
        apply(&there);
        let again = plan().journal(there.join("c.jsonl")).run().unwrap();
        assert!(lines(&again) == lines(&whole), "{damage}");
        for (name, other) in &others {
            let there = fresh(&format!("{damage} {name}"));
            apply(&there);
            let path = there.join("c.jsonl");
            let had = std::fs::read(&path).ok();
            calls.store(0, Ordering::Relaxed);
            let e = other.journal(&path).run().err();
            let e = e.unwrap_or_else(|| panic!("{damage}, {name}: goes on")).to_string();
            assert_eq!(calls.load(Ordering::Relaxed), 0, "{damage}, {name}: evaluated");
            assert!(e.contains("of another"), "{damage}, {name}: {e}");
            // An empty file may be used; nothing else is touched, and nothing is left behind.
            if *damage != "main empty" {
                assert_eq!(std::fs::read(&path).ok(), had, "{damage}, {name}");
            }
        }
    }
    // The advice works: another path, or without those files.
    let there = fresh("tried");
    let path = there.join("c.jsonl");
    remove(&there, &main);
    let longer = plan().trials(20);
    let e = longer.journal(&path).run().unwrap_err().to_string();
    assert!(e.contains("its budget is 12 trials, this study's is 20 trials"), "{e}");
    assert!(e.contains("delete") && e.contains("c.jsonl.random.1"), "{e}");
    assert!(plan().journal(&path).run().is_ok(), "the comparison that it is of");
    let right = longer.run().unwrap();
    assert!(lines(&longer.journal(there.join("d.jsonl")).run().unwrap()) == lines(&right));
    remove(&there, &|f| f.file_name().unwrap().to_string_lossy().starts_with("c.jsonl"));
    assert!(lines(&longer.journal(&path).run().unwrap()) == lines(&right));

    // Another figure is reported of the same studies, which have it.
    let there = fresh("report");
    remove(&there, &main);
    calls.store(0, Ordering::Relaxed);
    let found = plan().reporting("test").journal(there.join("c.jsonl")).run().unwrap();
    assert_eq!((calls.load(Ordering::Relaxed), found.metric().name.as_str()), (0, "test"));
    // A study that was continued by hand is longer, and not of this comparison.
    let there = fresh("by hand");
    lines_of(&there, 1);
    let alone = Study::new(&space(), judge("score", &calls)).batch(1);
    let alone = alone.duplicates(Duplicates::Repeat).seed(1).trials(15).quiet();
    alone.journal(there.join("c.jsonl.random.1")).run().unwrap();
    let e = plan().journal(there.join("c.jsonl")).run().unwrap_err().to_string();
    assert!(e.contains("its budget is 15 trials"), "{e}");
    // Lines of another comparison under this one's header.
    let there = fresh("mixed");
    longer.journal(there.join("longer")).run().unwrap();
    let mixed = std::fs::read_to_string(there.join("c.jsonl")).unwrap();
    let line = std::fs::read_to_string(there.join("longer")).unwrap();
    let line = line.lines().nth(1).unwrap();
    std::fs::write(there.join("c.jsonl"), format!("{mixed}{line}\n")).unwrap();
    let e = plan().journal(there.join("c.jsonl")).run().unwrap_err().to_string();
    assert!(e.contains("damaged in line 6: it has 20 trials"), "{e}");
    std::fs::write(there.join("c.jsonl"), mixed).unwrap();
    assert!(plan().journal(there.join("c.jsonl")).run().is_ok(), "without that line");
    std::fs::remove_dir_all(&folder).unwrap();
}

/// Only a piece of its own header is overwritten, and the last line counts as torn only if it is its own.
#[test]
fn a_file_that_is_not_its_journal_is_left_alone() {
    let folder = scratch("foreign");
    let path = folder.join("c.jsonl");
    let plan = compare().strategies((Random, Grid)).seeds(2).journal(&path);
    let whole = plan.run().unwrap();
    let good = std::fs::read_to_string(&path).unwrap();
    let header = good.lines().next().unwrap();
    let study = Study::new(&space(), noisy()).trials(2).quiet();
    study.journal(folder.join("s.jsonl")).run().unwrap();
    let of_study = std::fs::read_to_string(folder.join("s.jsonl")).unwrap();
    for foreign in [
        "{\"nascent\":\"comparison of my cats, 3 years of them\"}",
        "{\"nascent\":\"comparison\",\"my notes\":1}",
        "{\"nascent\":\"comparison\",\"schema\":1,\"setup\":[]} and my notes",
        &format!("{} and my notes", &header[..200]),
        &format!("{header} "),
        "my notes",
        "\n",
        &of_study,
        of_study.lines().next().unwrap(),
    ] {
        std::fs::write(&path, foreign).unwrap();
        let e = plan.run().unwrap_err().to_string();
        assert!(e.contains("not a comparison's journal") || e.contains("of a study"), "{e}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), foreign);
        for error in [Study::load(&path).err(), Study::salvage(&path).err()] {
            // The journal of a study is one, and whole.
            assert!(error.is_some() || foreign == of_study, "{foreign}");
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), foreign);
    }
    for begun in ["", "{", &header[..300], header] {
        std::fs::write(&path, begun).unwrap();
        assert!(lines(&plan.run().unwrap()) == lines(&whole), "{begun}");
    }
    // The last line: complete except for its line feed, cut short, and one from elsewhere.
    for kept in [&good[..good.len() - 1], &good[..good.len() - 40]] {
        std::fs::write(&path, kept).unwrap();
        assert!(lines(&plan.run().unwrap()) == lines(&whole));
        let now = std::fs::read_to_string(&path).unwrap();
        assert_eq!(now.lines().count(), good.lines().count());
    }
    let noted = format!("{good}my notes");
    std::fs::write(&path, &noted).unwrap();
    let e = plan.run().unwrap_err().to_string();
    assert!(e.contains("damaged in line 6"), "{e}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), noted);
    std::fs::remove_dir_all(&folder).unwrap();
}

/// Both strategies come upon what ends the process, each beside the other's innocent trials.
fn deadly() -> Compare {
    let evaluator = evaluator(|arch, _| {
        let n = arch.decisions()[0];
        std::thread::sleep(std::time::Duration::from_millis(if n == 3 { 5 } else { 15 }));
        if n == 3 { std::process::abort() } else { f64::from(n) }
    });
    let backwards = strategy("backwards", |h, _| h.space().decode([5 - h.asked() as u32]));
    let plan = Compare::new(&Space::decisions([6]), evaluator).strategies((Grid, backwards));
    plan.trials(6).seeds(1).jobs(2).quiet()
}

#[test]
fn the_child_that_may_die() {
    let Ok(path) = std::env::var("NASCENT_CHILD") else { return };
    deadly().journal(path).run().unwrap();
}

#[test]
fn an_evaluation_that_ends_the_process_does_not_end_the_comparison() {
    let folder = scratch("deadly");
    let path = folder.join("c.jsonl");
    let child = |_: &usize| {
        let mut command = alone("compare::the_child_that_may_die");
        command.env("NASCENT_CHILD", &path).output().unwrap().status.success()
    };
    let deaths = (0..20).find(child).expect("it dies for ever");
    assert!((3..=4).contains(&deaths), "{deaths}");
    // All has ended, so nothing is evaluated here: one trial of each failed, and no innocent one.
    let found = deadly().journal(&path).run().unwrap();
    let csv = found.to_csv();
    assert_eq!(csv.lines().count(), 1 + 2 * 6);
    let report = found.report().notices.join("\n");
    for name in ["grid", "backwards"] {
        assert!(report.contains(&format!("{name}: 1 of 6 trials failed")), "{report}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_study_that_broke_off_is_not_a_result() {
    let folder = scratch("broken");
    let path = folder.join("c.jsonl");
    let fails = Arc::new(AtomicUsize::new(1));
    let moody = {
        let fails = fails.clone();
        strategy("moody", move |h, rng| match h.asked() {
            5 if fails.load(Ordering::Relaxed) > 0 => Err(Error::from("no idea")),
            _ => h.space().sample(rng),
        })
    };
    let plan = compare().strategies((moody,)).seeds(2).journal(&path);
    let wrong = plan.run().unwrap_err().to_string();
    assert!(wrong.contains("moody with seed") && wrong.contains("no idea"), "{wrong}");
    // Once it has one, the comparison continues, and all studies are complete.
    fails.store(0, Ordering::Relaxed);
    let found = plan.run().unwrap();
    assert_eq!(found.to_csv().lines().count(), 1 + 2 * 30);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn what_is_wrong_is_said_before_it_runs() {
    let problems = |c: Compare| c.problems().join("\n");
    assert!(problems(compare()).contains("there is no strategy"));
    let wrong = problems(compare().strategies(["random", "evolutoin"]));
    assert!(wrong.contains("\"evolutoin\"") && wrong.contains("evolution"), "{wrong}");
    let wrong = problems(compare().strategies((Random, Random)).seeds(0).trials(0));
    assert!(wrong.contains("seeds(0)") && wrong.contains("trials(0)"), "{wrong}");
    assert!(wrong.contains("two strategies are called"), "{wrong}");
    let wrong = problems(compare().strategies((Random,)).seeds(u64::MAX));
    assert!(wrong.contains("at most 100000 are allowed"), "{wrong}");
    let wrong = problems(compare().strategies((Evolution::regularized().population(0),)));
    assert!(wrong.contains("evolution: population(0)"), "{wrong}");
    let wrong = problems(compare().strategies((Random,)).reference([0.0, 1.0]));
    assert!(wrong.contains("each of 1 objectives"), "{wrong}");
    assert!(compare().strategies(["random"]).run().unwrap().finals("rnadom").is_err());
    // Two of one kind are told apart by their settings.
    let two =
        compare().strategies((Evolution::regularized(), Evolution::regularized().population(5)));
    assert!(two.problems().is_empty(), "{:?}", two.problems());
}

/// A figure that no evaluation has is reported after the first study, with those that exist.
#[test]
fn what_is_reported_must_be_there() {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = calls.clone();
    let counted = evaluator(move |_, _| {
        count.fetch_add(1, Ordering::Relaxed);
        Evaluation::new(1.0).with("test", 2.0)
    });
    let plan = Compare::new(&space(), counted).strategies((Random, Grid)).trials(5).jobs(1).quiet();
    let wrong = plan.seeds(50).reporting("tset").run().unwrap_err().to_string();
    assert!(wrong.contains("\"tset\"") && wrong.contains("test, seconds"), "{wrong}");
    assert_eq!(calls.swap(0, Ordering::Relaxed), 1);
    // So is an objective that is not there.
    let none = plan.seeds(50).objective(Metric::minimise("tset")).run().unwrap_err().to_string();
    assert!(none.contains("random with seed 1") && none.contains("Try \"test\""), "{none}");
    assert_eq!(calls.load(Ordering::Relaxed), 1);
}

/// Where the evaluator knows its figures, before anything runs.
#[test]
fn figures_that_do_not_exist_are_reported_before_the_run() {
    let table = Mnist1dBench::table();
    let plan =
        Compare::new(&table.space(), &table).strategies((Random,)).trials(3).seeds(2).quiet();
    let told = |compare: Compare, parts: &[&str]| {
        let text = compare.run().unwrap_err().to_string();
        parts.iter().for_each(|part| assert!(text.contains(part), "{part} is not in: {text}"));
        assert!(compare.to_string().contains(parts[0]));
    };
    let list = "there are test, params, macs, seconds";
    told(plan.reporting("tset"), &["reporting(\"tset\")", list, "Try reporting(\"test\")"]);
    told(plan.reporting("val27_s0"), &["val27_s0", list, "table.reporting(\"val27_s0\")"]);
    told(plan.objective(Metric::minimise("parms")), &["parms", list, "minimise(\"params\")"]);
    assert!(plan.reporting("test").objective(Metric::minimise("params")).problems().is_empty());
}

#[test]
fn a_journal_says_what_it_cannot_know() {
    let folder = scratch("own");
    let mine = strategy("mine", |h, rng| h.space().sample(rng));
    let plan = compare().strategies((Random, mine)).seeds(2).journal(folder.join("c.jsonl"));
    let told = |c: &Comparison| c.report().notices.join(" ").contains("knows mine by name only");
    assert!(!told(&plan.run().unwrap()));
    assert!(told(&plan.run().unwrap()));
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn random_search_is_known_by_what_it_is() {
    let mine = strategy("random search", |h, _| h.space().decode([4, 4, 4, 4]));
    let plan = compare().strategies((mine,)).strategy("baseline", Random);
    let standings = plan.run().unwrap().standings();
    assert_eq!(standings[1].beats_random, None);
    assert!(standings[0].beats_random.as_ref().unwrap().value > 0.9, "{}", standings[0]);
}

#[test]
fn failures_and_early_ends_are_reported() {
    let failing = evaluator(|arch, _| match arch.decisions()[0] {
        0 => Err(Error::from("no luck")),
        d => Ok(f64::from(d)),
    });
    let space = Space::decisions([4]);
    let found = Compare::new(&space, failing)
        .strategies((Random, Grid))
        .trials(12)
        .seeds(8)
        .quiet()
        .run()
        .unwrap();
    let report = found.report().notices.join("\n");
    assert!(report.contains("grid: 8 of 32 trials failed"), "{report}");
    assert!(report.contains("grid: 8 of 8 studies ended before 12 trials"), "{report}");
    // A strategy none of whose trials finish is left out of the tests, not of the report.
    let never = evaluator(|_, _| Err::<f64, Error>(Error::from("no luck")));
    let none = Compare::new(&space, never).strategies((Random, Grid)).trials(3).seeds(2).quiet();
    let none = none.run().unwrap();
    assert!(none.standings().is_empty());
    assert!(none.verdict().to_string().contains("No trial"), "{}", none.verdict());
    assert!(none.to_string().contains("6 of 6 trials failed"), "{none}");
}

#[test]
fn what_the_tests_leave_out_is_reported() {
    // Option 0 fails with every other seed, and is better where it does not.
    let half = evaluator(|arch, budget| match (arch.decisions()[0], budget.seed() % 2) {
        (0, 0) | (2, _) => Err(Error::from("no luck")),
        (option, _) => Ok(1.0 - f64::from(option)),
    });
    let always =
        |option: u32| strategy(&format!("option {option}"), move |h, _| h.space().decode([option]));
    let plan = Compare::new(&Space::decisions([3]), half).trials(1).seeds(40).quiet();
    let found = plan.strategies((always(0), always(1), always(2))).run().unwrap();
    let missing = found.finals("option 0").unwrap().iter().filter(|f| f.is_none()).count();
    assert!((5..30).contains(&missing), "{missing}");
    let text = found.verdict().to_string();
    assert!(text.contains("having no result: option 2 (no luck)"), "{text}");
    let told = format!(
        "{missing} seeds left out of the ranks, with which not every strategy has a result"
    );
    assert!(text.contains(&told) && text.ends_with("(option 0)."), "{text}");
}

#[test]
fn the_one_that_is_left_is_shown_and_the_others_with_what_failed() {
    let half = evaluator(|arch, _| match arch.decisions()[0] {
        1 => Err(Error::from("out of luck")),
        2 => Err(Error::from("out of money")),
        d => Ok(0.5 + f64::from(d)),
    });
    let always =
        |option: u32| strategy(&format!("option {option}"), move |h, _| h.space().decode([option]));
    let plan = Compare::new(&Space::decisions([3]), half).trials(2).seeds(5).quiet();
    let found = plan.strategies((always(0), always(1), always(2))).run().unwrap();
    let said = found.verdict().to_string();
    assert_eq!(
        said,
        "Only option 0 has a result, a mean of 0.5000 over 5 seeds, so there is nothing to compare. \
         option 1 has no result: out of luck. option 2 has no result: out of money."
    );
    assert!(found.verdict().winner().is_none());
    let shown = found.to_string();
    assert!(shown.contains("\noption 0 ") && shown.contains("out of money"), "{shown}");
    // A comparison of one strategy says so, and says what to add.
    let alone = plan.strategies((always(0),)).run().unwrap().verdict().to_string();
    assert!(alone.contains("With one strategy there is nothing to compare. Try it beside random"));
}

#[test]
fn scores_of_any_size_are_scores() {
    for unit in [1e300, -1e300, 1e-300, 1e150] {
        let far = nascent::evaluator(move |arch: &Architecture, budget: &Budget| {
            unit * (1.0 + f64::from(arch.decisions()[0]) + budget.rng().uniform())
        });
        let plan = Compare::new(&space(), &far).trials(8).seeds(6).quiet();
        let found = plan.strategies((Random, Grid)).run().unwrap();
        let shown = found.to_string();
        for wrong in ["NaN", "inf", "nothing to draw yet", "± –", "mean –"] {
            assert!(!shown.contains(wrong), "{unit:e}: {wrong}: {shown}");
        }
        let study = Study::new(&space(), &far).strategy(Random).trials(8).quiet().run().unwrap();
        let shown = study.to_string();
        for wrong in ["NaN", "inf", "nothing to draw yet", "no score", "failed"] {
            assert!(!shown.contains(wrong), "{unit:e}: {wrong}: {shown}");
        }
    }
}

#[test]
fn time_to_a_target_is_counted() {
    let found = compare().strategies((Random, Grid)).seeds(4).reporting("test").run().unwrap();
    let csv = found.to_csv();
    for (i, seed) in (1..=4).enumerate() {
        let mut judged = csv
            .lines()
            .filter(|l| l.starts_with(&format!("random,{seed},")))
            .map(|l| l.split(',').nth(5).unwrap().parse::<f64>().unwrap());
        let first = judged.position(|v| v >= 10.1).map(|at| at as f64 + 1.0);
        assert_eq!(found.time_to(10.1, "random", Against::Trials).unwrap()[i], first);
        let seconds = found.time_to(10.1, "random", Against::Seconds).unwrap()[i];
        assert_eq!(seconds, first.map(|n| 10.0 * n));
    }
    assert!(found.time_to(99.0, "grid", Against::Trials).unwrap().iter().all(Option::is_none));
}

#[test]
fn an_optimum_that_is_passed_is_not_one() {
    let plan =
        || Compare::new(&Space::decisions([5]), evaluator(|a, _| f64::from(a.decisions()[0])));
    let plan = |optimum| plan().strategies((Grid,)).trials(5).seeds(2).quiet().optimum(optimum);
    let regret = |found: &Comparison| -> f64 {
        found.summary_csv().lines().nth(1).unwrap().split(',').nth(7).unwrap().parse().unwrap()
    };
    let (right, wrong) = (plan(4.5).run().unwrap(), plan(3.0).run().unwrap());
    assert_eq!((regret(&right), regret(&wrong)), (0.5, -1.0));
    assert!(wrong.report().notices.join(" ").contains("better than the optimum of 3"));
    assert!(!right.report().notices.join(" ").contains("optimum"));
    assert_eq!(right.by_score().optimum(), Some(4.5));
}

#[test]
fn several_objectives_are_judged_by_hypervolume() {
    let two = evaluator(|arch, _| {
        let d = arch.decisions();
        Evaluation::new(f64::from(d[0])).with("size", f64::from(d[0] + d[1]))
    });
    let plan = Compare::new(&Space::decisions([3, 3]), two)
        .objective(Metric::minimise("size"))
        .strategies((Grid, Random))
        .trials(9)
        .seeds(2)
        .quiet();
    // The front is (0, 0), (1, 1), (2, 2); from the point (-1, 5): unions of boxes, by hand
    // 1 x 5 + 1 x 4 + 1 x 3.
    let found = plan.reference([-1.0, 5.0]).run().unwrap();
    assert_eq!(found.metric(), Metric::maximise("hypervolume"));
    assert_eq!(found.finals("grid").unwrap(), [Some(12.0), Some(12.0)]);
    // By default: from the worst of all, as a share of the box to the best.
    let found = plan.run().unwrap();
    assert_eq!(found.finals("grid").unwrap(), [Some(5.0 / 8.0), Some(5.0 / 8.0)]);
    // An objective in which all are equal takes nothing away from the others.
    let flat =
        evaluator(|arch, _| Evaluation::new(f64::from(arch.decisions()[0])).with("size", 7.0));
    let plan = Compare::new(&Space::decisions([3, 3]), flat).trials(9).seeds(2).quiet();
    let plan = plan.objective(Metric::minimise("size")).strategies((Grid, Random));
    assert_eq!(plan.run().unwrap().finals("grid").unwrap(), [Some(1.0), Some(1.0)]);
}

#[test]
fn everything_is_saved() {
    let folder = scratch("save");
    let found = compare().strategies(strategies().iter().take(3)).run().unwrap();
    found.save(folder.join("made")).unwrap();
    let names: Vec<String> = std::fs::read_dir(folder.join("made"))
        .unwrap()
        .flatten()
        .map(|f| f.file_name().to_string_lossy().into_owned())
        .collect();
    for name in ["trials.csv", "summary.csv", "pairs.csv", "report.html", "ranks.svg", "final.svg"]
    {
        assert!(names.contains(&name.to_string()), "{name} of {names:?}");
    }
    let rows = std::fs::read_to_string(folder.join("made/trials.csv")).unwrap();
    assert_eq!(rows.lines().count(), 1 + 3 * 12 * 30);
    std::fs::remove_dir_all(&folder).unwrap();
}

/// A figure that an evaluation calls undefined is one that it has.
#[test]
fn a_reported_figure_may_be_undefined_in_some_trials() {
    let compiled = |always: bool| {
        evaluator(move |arch, _| {
            let n = arch.decisions()[0];
            let found = Evaluation::new(f64::from(n));
            match always || n % 2 == 0 {
                true => found.without("latency", "it did not compile"),
                false => found.with("latency", 1.0),
            }
        })
    };
    let plan = |always| {
        let plan = Compare::new(&Space::decisions([12]), compiled(always));
        plan.strategies((Grid, Random)).trials(6).seeds(2).reporting("latency").quiet()
    };
    assert_eq!(plan(false).run().unwrap().standings().len(), 2);
    refused_with(plan(true).run(), "undefined in every trial: it did not compile");
}

fn refused_with<T>(result: nascent::Result<T>, part: &str) {
    let e = result.err().expect("it is refused").to_string();
    assert!(e.contains(part), "{e}");
}

/// Lines of a comparison with fewer trials under the header of one with more.
#[test]
fn no_study_of_a_smaller_budget_is_taken_for_a_whole_one() {
    let folder = scratch("smaller");
    let (small, large) = (folder.join("small.jsonl"), folder.join("large.jsonl"));
    let small_of = evaluator(|arch, _| f64::from(arch.decisions()[0]));
    let all = Compare::new(&Space::decisions([30]), small_of).strategies((Random, Grid)).quiet();
    all.trials(3).seeds(2).journal(&small).run().unwrap();
    let plan = all.trials(5).seeds(2).journal(&large);
    plan.run().unwrap();
    let text = |path| std::fs::read_to_string(path).unwrap();
    let (head, studies) = (text(&large), text(&small));
    let head = head.split_inclusive('\n').next().unwrap();
    let mixed = format!("{head}{}", studies.split_once('\n').unwrap().1);
    std::fs::write(&large, &mixed).unwrap();
    refused_with(plan.run(), "damaged in line 2: it has 3 trials");
    assert_eq!(text(&large), mixed);
    std::fs::remove_dir_all(&folder).unwrap();
}
