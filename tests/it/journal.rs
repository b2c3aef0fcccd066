//! A study that cannot be lost: journals, resuming, failures, and the study in the background.

use crate::help::{Folder, alone, lines, says};
use nascent::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

fn space() -> Space {
    Space::new([8], Task::classification(3)).then(repeat(1..=3, linear(any([4, 8, 16, 32]))))
}

/// A score that depends on architecture and seed; one in nine fails.
fn scorer() -> AnyEvaluator {
    evaluator(|arch, budget| match budget.seed() % 9 {
        0 => Err(Error::from("out of luck")),
        s => Ok(Evaluation::new(arch.params() as f64 + s as f64 / 10.0).with("third", 1.0 / 3.0)),
    })
}

fn plan() -> Study {
    Study::new(&space(), scorer()).strategy(Evolution::regularized()).trials(40).seed(2).quiet()
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn cut_at_any_byte_it_ends_as_if_it_never_had() {
    let folder = Folder::new("cut");
    let whole = plan().run().unwrap();
    let path = folder.file("study.jsonl");
    let written = plan().journal(&path).run().unwrap();
    assert_eq!(lines(&written), lines(&whole));
    let bytes = std::fs::read(&path).unwrap();
    let mut rng = Rng::new(1);
    let header = bytes.iter().position(|&b| b == b'\n').unwrap();
    let mut cuts: Vec<usize> = (0..150).map(|_| rng.below(bytes.len())).collect();
    cuts.extend([0, 1, 30, header, header + 1, bytes.len() - 1]);
    for cut in cuts {
        std::fs::write(&path, &bytes[..cut]).unwrap();
        let resumed = match plan().jobs(1 + cut % 3).journal(&path).run() {
            Ok(study) => study,
            // Nothing but a piece of the header that is not even recognised as one.
            Err(e) => {
                panic!("cut at {cut}: {e}");
            }
        };
        assert_eq!(lines(&resumed), lines(&whole), "cut at {cut}");
        assert_eq!(lines(&Study::load(&path).unwrap()), lines(&whole), "cut at {cut}");
        for n in 0..40 {
            let ends = |e: &str| text(&path).matches(&format!("\"{e}\",\"trial\":{n},")).count();
            assert!(ends("finished") + ends("failed") <= 1, "cut at {cut}: trial {n} was repeated");
        }
    }
}

#[test]
fn finished_trials_are_not_evaluated_again_and_more_can_be_asked() {
    let folder = Folder::new("more");
    let path = folder.file("study.jsonl");
    let calls = Arc::new(AtomicUsize::new(0));
    let c = calls.clone();
    let count = evaluator(move |arch, _| {
        c.fetch_add(1, Ordering::SeqCst);
        arch.params() as f64
    });
    let plan = Study::new(&space(), count).duplicates(Duplicates::Repeat).quiet().journal(&path);
    assert_eq!(plan.trials(10).run().unwrap().trials_done().len(), 10);
    assert_eq!(plan.trials(10).run().unwrap().trials_done().len(), 10);
    assert_eq!(calls.load(Ordering::SeqCst), 10);
    assert_eq!(plan.trials(16).run().unwrap().trials_done().len(), 16);
    assert_eq!(calls.load(Ordering::SeqCst), 16);
    // What was computed before the journal was given goes into it.
    let before = Study::new(&space(), scorer()).trials(5).quiet().run().unwrap();
    let later = before.journal(folder.file("later.jsonl")).trials(8).run().unwrap();
    assert_eq!(lines(&later)[..5], lines(&before));
    assert_eq!(lines(&Study::load(folder.file("later.jsonl")).unwrap()), lines(&later));
}

#[test]
fn a_journal_by_hand_is_one_too() {
    let folder = Folder::new("hand");
    let path = folder.file("study.jsonl");
    let by_hand = plan().journal(&path);
    for _ in 0..7 {
        by_hand.step().unwrap();
    }
    let open = by_hand.ask().unwrap();
    assert_eq!(Study::load(&path).unwrap().trials_done().len(), open.number());
    // Another study cannot have it meanwhile; this one's run takes it over.
    says(plan().journal(&path).run(), &["in use by another study"]);
    assert_eq!(lines(&by_hand.run().unwrap()), lines(&plan().run().unwrap()));
    assert!(plan().journal(&path).run().is_ok(), "the lock is given back");
}

#[test]
fn by_its_path_alone_if_all_of_it_can_be_rebuilt() {
    let folder = Folder::new("alone");
    let path = folder.file("study.jsonl");
    let data = Dataset::digits().take(200);
    let space = Space::on(&data).then(linear(any([8, 16, 32]))).then(dropout(any([0.0, 0.2])));
    let train = Train::on(&data).epochs(2).batch_size(32).label_smoothing(0.1);
    let plan = Study::new(&space, &train).strategy(Evolution::regularized().population(4)).seed(9);
    let whole = plan.trials(12).quiet().run().unwrap();
    plan.trials(5).quiet().journal(&path).run().unwrap();
    let resumed = Study::resume(&path).unwrap();
    assert_eq!(resumed.trials_done().len(), 5);
    assert_eq!(lines(&resumed.trials(12).quiet().run().unwrap()), lines(&whole));
    assert!(Study::resume(&path).unwrap().retrain(2).unwrap().test_score() > 0.1);
    // Looked at only: charts, but no run.
    let looked = Study::load(&path).unwrap();
    assert!(looked.report().html().contains("<svg") && looked.ended().contains("12 trials"));
    says(looked.trials(20).quiet().run(), &["loaded to be looked at", "Study::resume"]);
    // A closure cannot be made again.
    let closure = folder.file("closure.jsonl");
    self::plan().journal(&closure).run().unwrap();
    says(Study::resume(&closure), &["a closure", ".journal("]);
}

#[test]
fn what_is_not_this_studys_journal_is_refused_and_left_alone() {
    let folder = Folder::new("refused");
    let path = folder.file("study.jsonl");
    plan().journal(&path).run().unwrap();
    let before = std::fs::read(&path).unwrap();
    let check = |study: Study, parts: &[&str]| {
        says(study.journal(&path).run(), parts);
        assert_eq!(std::fs::read(&path).unwrap(), before, "the file was touched");
    };
    let narrow = Space::new([8], Task::classification(3)).then(linear(any([4, 8])));
    check(
        Study::new(&narrow, scorer()).strategy(Evolution::regularized()).trials(40).seed(2).quiet(),
        &["another study", "its space is 84 combinations"],
    );
    check(
        plan().strategy(Random).seed(2),
        &["its strategy is regularized evolution", "random search"],
    );
    check(plan().seed(3), &["seed 2", "seed 3"]);
    check(plan().batch(1).seed(2), &["batch 4", "batch 1"]);
    check(
        Study::new(&space(), scorer().minimise().named("loss"))
            .strategy(Evolution::regularized())
            .trials(40)
            .seed(2)
            .quiet(),
        &["its metric is score, maximised", "loss, minimised"],
    );
    // Data and evaluator.
    let digits = |n: usize| {
        let data = Dataset::digits();
        let data = if n == 0 { data } else { data.take(n) };
        Study::new(&Space::on(&data).then(linear(any([4, 8]))), Train::on(&data).epochs(1))
            .trials(2)
            .quiet()
    };
    let trained = folder.file("trained.jsonl");
    digits(0).journal(&trained).run().unwrap();
    says(digits(300).journal(&trained).run(), &["data fingerprint", "digits[300]"]);
    says(digits(0).journal(&path).run(), &["its evaluator is a closure"]);

    // Another schema, no journal, a folder, no folder.
    let file = |name: &str, text: &str| {
        std::fs::write(folder.file(name), text).unwrap();
        folder.file(name)
    };
    let header = text(&path).lines().next().unwrap().to_string();
    let newer = file("newer.jsonl", &(header.replace("\"schema\":1", "\"schema\":7") + "\n"));
    for (path, parts) in [
        (newer, vec!["schema 7", "reads schema 1", "0.1.0"]),
        (file("notes.txt", "dear diary\n"), vec!["not a journal", "not JSON"]),
        (file("list.json", "[1, 2]\n"), vec!["not a journal", "not a header"]),
        (folder.0.clone(), vec!["cannot be opened", "a folder", "study.jsonl"]),
        (folder.file("absent/study.jsonl"), vec!["cannot be opened", "absent"]),
    ] {
        let had = std::fs::read(&path).ok();
        says(plan().journal(&path).run(), &parts);
        assert_eq!(std::fs::read(&path).ok(), had);
    }
    says(Study::load(folder.file("nowhere.jsonl")), &["nowhere.jsonl", "cannot be read"]);
    says(plan().checkpoints().run(), &["beside a journal"]);
    says(plan().journal("").run(), &["journal(\"\")", "a path is needed"]);
}

#[test]
fn a_damaged_line_is_named_and_can_be_left_out() {
    let folder = Folder::new("damaged");
    let path = folder.file("study.jsonl");
    let whole = plan().journal(&path).run().unwrap();
    let good = text(&path);
    let rows: Vec<&str> = good.lines().collect();
    let line = rows.iter().position(|l| l.contains("\"finished\"")).unwrap() + 4;
    let bad: Vec<String> = rows
        .iter()
        .enumerate()
        .map(|(i, l)| if i == line { l[..l.len() / 2].to_string() } else { l.to_string() })
        .collect();
    let bad = bad.join("\n") + "\n";
    std::fs::write(&path, &bad).unwrap();
    let number = format!("line {}", line + 1);
    says(plan().journal(&path).run(), &["damaged", &number, "salvage"]);
    says(Study::load(&path), &["damaged", &number]);
    assert_eq!(text(&path), bad, "the file was touched");
    let said = Study::salvage(&path).unwrap();
    assert!(said.contains("1 lines could not be read") && said.contains(".damaged"), "{said}");
    assert_eq!(text(&folder.file("study.jsonl.damaged")), bad);
    // Once more does no harm: nothing is damaged now, and the damaged file stays.
    assert!(Study::salvage(&path).unwrap().contains("nothing is damaged"));
    assert_eq!(text(&folder.file("study.jsonl.damaged")), bad);
    assert_eq!(lines(&plan().journal(&path).run().unwrap()), lines(&whole));
    // A line that reads well but does not follow.
    let repeated = format!("{good}{}\n", rows.iter().find(|l| l.contains("\"finished\"")).unwrap());
    std::fs::write(&path, repeated).unwrap();
    says(Study::load(&path), &["damaged", "has ended already"]);
}

#[test]
fn a_torn_last_line_is_dropped_and_a_journal_in_use_says_so() {
    let folder = Folder::new("torn");
    let path = folder.file("study.jsonl");
    plan().journal(&path).run().unwrap();
    let good = text(&path);
    std::fs::write(&path, format!("{good}{{\"event\":\"fini")).unwrap();
    assert_eq!(Study::load(&path).unwrap().trials_done().len(), 40);
    plan().journal(&path).run().unwrap();
    assert!(!text(&path).contains("fini\n") && !text(&path).contains("fini{"));

    let slow = evaluator(|_, _| {
        std::thread::sleep(Duration::from_millis(30));
        1.0
    });
    let busy = folder.file("busy.jsonl");
    let running = Study::new(&space(), slow.clone()).trials(30).journal(&busy).spawn().unwrap();
    says(Study::new(&space(), slow).trials(30).quiet().journal(&busy).run(), &["in use"]);
    assert!(Study::load(&busy).is_ok(), "looking is allowed");
    says(Study::salvage(&busy), &["in use"]);
    running.stop();
    running.wait().unwrap();
}

#[test]
fn a_larger_budget_is_part_of_the_journal() {
    let folder = Folder::new("budget");
    let path = folder.file("study.jsonl");
    let data = Dataset::digits().take(200);
    let space = Space::on(&data).then(linear(any(4..40)));
    let plan = Study::new(&space, Train::on(&data).epochs(1)).quiet().journal(&path);
    plan.trials(3).run().unwrap();
    let running = plan.trials(12).spawn().unwrap();
    running.stop();
    running.wait().unwrap();
    let resumed = Study::resume(&path).unwrap();
    assert_eq!(resumed.protocol().trials, Some(12));
    assert_eq!(resumed.quiet().run().unwrap().trials_done().len(), 12);
}

/// What a process had asked for but not told when it ended comes first in the next one.
#[test]
fn asked_and_never_told_is_asked_again() {
    let folder = Folder::new("orphans");
    let path = folder.file("study.jsonl");
    let whole = plan().trials(10).run().unwrap();
    for life in 0..3 {
        let study = plan().trials(10).journal(&path);
        let first = study.ask().unwrap();
        assert_eq!(first.number(), 0, "life {life}");
        assert_eq!(study.ask().unwrap().number(), 1);
    }
    let study = plan().trials(10).journal(&path);
    while study.step().is_ok() {}
    assert_eq!(lines(&study), lines(&whole));
}

/// Files that a careless path may name: whatever is not a piece of the header that would be
/// written anyway is refused, by everything that reads a journal, and left as it is.
#[test]
fn nothing_but_a_piece_of_its_own_header_is_written_over() {
    let folder = Folder::new("foreign");
    let path = folder.file("study.jsonl");
    plan().journal(&path).run().unwrap();
    let header = text(&path).lines().next().unwrap().to_string();
    plan().seed(3).journal(folder.file("other")).run().unwrap();
    let other = text(&folder.file("other")).lines().next().unwrap().to_string();
    let data = Dataset::digits().take(200);
    let arch = Space::on(&data).then(linear(4)).default_architecture().unwrap();
    let training = Train::on(&data).epochs(2).start(&arch, 1).unwrap();
    let latency = Latency::from_json(r#"{"batch": 1, "seconds": {"linear(2) on 4": 1e-6}}"#);
    let foreign: Vec<Vec<u8>> = vec![
        br#"{"nascent":"my notes, 3 years of them"}"#.to_vec(),
        br#"{"nascent":"journal"}"#.to_vec(),
        br#"{"nascent":"journal","schema":1}"#.to_vec(),
        br#"{"nascent":"journal","schema":1,"version":"0.1.0","notes":"of 3 years"}"#.to_vec(),
        br#"{"nascent":"comparison","schema":1,"setup":[]}"#.to_vec(),
        b"{\"nascent\":\"comparison\",\"schema\":1,\"setup\":[]}\n".to_vec(),
        format!("{} and my notes", &header[..header.len() / 2]).into_bytes(),
        format!("{header} and my notes").into_bytes(),
        other.clone().into_bytes(),
        other.as_bytes()[..other.len() - 60].to_vec(),
        b"my notes".to_vec(),
        b" ".to_vec(),
        vec![0; 5000],
        training.checkpoint().unwrap().to_bytes(),
        latency.unwrap().to_json().into_bytes(),
        b"\n\n".to_vec(),
    ];
    for bytes in foreign {
        std::fs::write(&path, &bytes).unwrap();
        let said = String::from_utf8_lossy(&bytes[..bytes.len().min(80)]).into_owned();
        let plan = plan().journal(&path);
        let compare = Compare::new(&space(), scorer()).strategies((Random,)).quiet();
        let asked = self::plan().ask().unwrap();
        let refusals = [
            plan.run().err(),
            plan.spawn().err(),
            plan.ask().err(),
            plan.step().err(),
            plan.tell(&asked, 1.0).err(),
            plan.retry_failures().err(),
            Study::load(&path).err(),
            Study::resume(&path).err(),
            Study::salvage(&path).err(),
            compare.trials(3).journal(&path).run().err(),
        ];
        for (i, e) in refusals.into_iter().enumerate() {
            let e = e.unwrap_or_else(|| panic!("{i} took {said}")).to_string();
            let known =
                ["not a", "journal of a", "another comparison"].iter().any(|k| e.contains(k));
            assert!(known, "{i}, {said}: {e}");
            assert!(std::fs::read(&path).unwrap() == bytes, "{i} touched {said}");
        }
    }
    // Its own header without the line feed is a new journal, and so is an empty file.
    for bytes in [header.as_bytes(), &header.as_bytes()[..100], b""] {
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(plan().journal(&path).run().unwrap().trials_done().len(), 40);
    }
}

/// An editor takes away the last line feed, somebody writes below it, the power fails.
#[test]
fn what_follows_the_last_line_is_kept_or_refused_or_torn() {
    let folder = Folder::new("tail");
    let path = folder.file("study.jsonl");
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = {
        let calls = calls.clone();
        evaluator(move |arch, _| {
            calls.fetch_add(1, Ordering::SeqCst);
            arch.params() as f64
        })
    };
    let plan = Study::new(&space(), counted).strategy(Grid).trials(6).quiet().jobs(1);
    let whole = plan.journal(&path).run().unwrap();
    let good = text(&path);
    let last = good.rfind("{\"event\":\"finished\"").unwrap();
    let end = last + good[last..].find('\n').unwrap();
    // A result that lacks only its line feed is a result.
    for zeros in ["", "\0\0\0"] {
        std::fs::write(&path, format!("{}{zeros}", &good[..end])).unwrap();
        calls.store(0, Ordering::SeqCst);
        assert_eq!(Study::load(&path).unwrap().trials_done().len(), 6);
        assert_eq!(lines(&plan.journal(&path).run().unwrap()), lines(&whole));
        assert_eq!(calls.load(Ordering::SeqCst), 0);
        assert_eq!(Study::load(&path).unwrap().trials_done().len(), 6);
    }
    // What was cut short is done again.
    for torn in ["{", "{\"event\":\"fin", &good[last..end - 1], &good[last..end - 30], "\0\0\0\0"] {
        std::fs::write(&path, format!("{}{torn}", &good[..last])).unwrap();
        assert_eq!(lines(&plan.journal(&path).run().unwrap()), lines(&whole), "{torn}");
        assert!(Study::salvage(&path).unwrap().contains("nothing is damaged"), "{torn}");
    }
    // What somebody else wrote is not cut off; following the advice leaves it beside the journal.
    let number = good[..end].lines().count() + 1;
    let named = format!("line {number}");
    for note in
        ["my notes", "{\"event\":\"my notes", "{\"event\":\"asked\",\"trial\":7,\"my\" notes"]
    {
        let bad = format!("{}{note}", &good[..end + 1]);
        std::fs::write(&path, &bad).unwrap();
        says(plan.journal(&path).run(), &["damaged", &named, "salvage"]);
        says(Study::load(&path), &["damaged", &named]);
        assert_eq!(text(&path), bad);
        let said = Study::salvage(&path).unwrap();
        assert!(said.contains("1 lines could not be read"), "{said}");
        assert_eq!(lines(&plan.journal(&path).run().unwrap()), lines(&whole));
    }
    assert!(text(&folder.file("study.jsonl.damaged-3")).ends_with("notes"));
}

/// What is not a regular file is refused at once: a pipe would wait, and a device has no end.
#[cfg(unix)]
#[test]
fn only_regular_files_are_journals() {
    let folder = Folder::new("devices");
    let pipe = folder.file("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let _listener = std::os::unix::net::UnixListener::bind(folder.file("socket")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", folder.file("link")).unwrap();
    let mut paths: Vec<(PathBuf, &str)> =
        ["/dev/null", "/dev/zero", "/dev/full"].map(|p| (p.into(), "a device")).to_vec();
    paths.extend([
        (pipe, "a pipe"),
        (folder.file("socket"), "a socket"),
        (folder.file("link"), "a device"),
        (folder.0.clone(), "a folder"),
    ]);
    let (done, wait) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for (path, what) in paths {
            let plan = plan().journal(&path);
            let compare = Compare::new(&space(), scorer()).strategies((Random,)).quiet();
            let refusals = [
                plan.run().err(),
                plan.ask().err(),
                plan.spawn().err(),
                Study::load(&path).err(),
                Study::resume(&path).err(),
                Study::salvage(&path).err(),
                compare.trials(3).journal(&path).run().err(),
            ];
            for (i, e) in refusals.into_iter().enumerate() {
                let e = e.unwrap_or_else(|| panic!("{i} took {}", path.display())).to_string();
                assert!(e.contains(what) && e.contains("regular file"), "{i}: {e}");
            }
        }
        done.send(()).unwrap();
    });
    wait.recv_timeout(Duration::from_secs(20)).expect("a journal is waited for");
    // The advice works.
    assert!(plan().journal(folder.file("study.jsonl")).run().is_ok());
}

/// The results that a study was told, by trial, as its journal has them.
fn told(path: &Path) -> Vec<(usize, f64)> {
    let trials = Study::load(path).unwrap().trials_done();
    trials.iter().filter_map(|t| Some((t.number(), t.score()?))).collect()
}

/// A setting makes a copy: what is told to it is in the journal, or it says why not.
#[test]
fn nothing_that_was_told_is_lost_by_a_setting() {
    let folder = Folder::new("settings");
    let calls = Arc::new(AtomicUsize::new(0));
    let plan = {
        let calls = calls.clone();
        let never = evaluator(move |_, _| {
            calls.fetch_add(1, Ordering::SeqCst);
            -1.0
        });
        Study::new(&space(), never).strategy(Grid).trials(7).quiet()
    };
    type Setting = (&'static str, fn(&Study) -> Study);
    let settings: [Setting; 8] = [
        ("trials", |s| s.trials(12)),
        ("jobs", |s| s.jobs(1)),
        ("quiet", |s| s.quiet()),
        ("on_trial", |s| s.on_trial(|_| {})),
        ("seconds", |s| s.seconds(100.0)),
        ("checkpoints", |s| s.checkpoints()),
        ("clone", |s| s.clone()),
        ("all", |s| s.quiet().trials(9).jobs(2).on_trial(|_| {}).clone()),
    ];
    for (name, setting) in settings {
        for alive in [true, false] {
            let path = folder.file(&format!("{name}-{alive}.jsonl"));
            let before = plan.journal(&path);
            for _ in 0..3 {
                let asked = before.ask().unwrap();
                before.tell(&asked, asked.number() as f64).unwrap();
            }
            let open: Vec<_> = (0..4).map(|_| before.ask().unwrap()).collect();
            let after = setting(&before);
            let kept = alive.then(|| before.clone());
            drop(before);
            for asked in &open {
                after.tell(asked, asked.number() as f64).unwrap();
                assert_eq!(told(&path).last(), Some(&(asked.number(), asked.number() as f64)));
                assert!(after.tell(asked, 9.0).is_err(), "told once");
            }
            // The one before it continues as well, and knows what the other was told.
            if let Some(kept) = &kept {
                assert_eq!(kept.trials(8).ask().unwrap().number(), 7);
                assert_eq!(told(&path).len(), 7);
            }
            drop(kept);
            let ended = after.run().unwrap();
            let scores: Vec<f64> =
                ended.trials_done()[..7].iter().map(|t| t.score().unwrap()).collect();
            assert_eq!(scores, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0], "{name}");
            assert_eq!(told(&path)[..7], (0..7).map(|n| (n, n as f64)).collect::<Vec<_>>()[..]);
            let further = ended.trials_done().len() - 7;
            assert_eq!(calls.swap(0, Ordering::SeqCst), further, "{name}: evaluated again");
        }
    }
}

#[test]
fn what_is_told_after_a_run_is_written_or_says() {
    let folder = Folder::new("after-run");
    let path = folder.file("study.jsonl");
    let plan = || plan().strategy(Grid).trials(6).quiet();
    // The run took the open trials over: it is too late to tell them.
    let study = plan().journal(&path);
    let late = study.ask().unwrap();
    let done = study.run().unwrap();
    says(study.tell(&late, 5.0), &["not waiting"]);
    assert_eq!(lines(&Study::load(&path).unwrap()), lines(&done));
    // Both of them can be asked further, and what they are told is there.
    for (n, study) in [(6, done.trials(8)), (7, study.trials(8))] {
        let asked = study.ask().unwrap();
        assert_eq!(asked.number(), n);
        study.tell(&asked, 100.0 + n as f64).unwrap();
        assert!(told(&path).contains(&(n, 100.0 + n as f64)));
    }
    // A copy of one that is running cannot be told anything.
    let slow = evaluator(|_, _| {
        std::thread::sleep(Duration::from_millis(30));
        1.0
    });
    let busy = Study::new(&space(), slow).trials(9).quiet().journal(folder.file("busy.jsonl"));
    let asked = busy.ask().unwrap();
    let running = busy.spawn().unwrap();
    says(busy.tell(&asked, 1.0), &["in use by a search", "nascent::running()"]);
    says(running.study().tell(&asked, 1.0), &["in use by a search", "nascent::running()"]);
    running.stop();
    let stopped = running.wait().unwrap();
    // What it left open is handed out again, and no trial twice.
    let mut numbers = vec![];
    while let Ok(asked) = stopped.ask() {
        numbers.push(asked.number());
        stopped.tell(&asked, 1.0).unwrap();
    }
    let before = numbers.len();
    numbers.dedup();
    assert_eq!(numbers.len(), before);
    assert_eq!(stopped.trials_done().len(), 9);
    assert_eq!(Study::load(folder.file("busy.jsonl")).unwrap().trials_done().len(), 9);
}

/// A journal given late, one that was deleted, and one that another study has continued.
#[test]
fn a_journal_catches_up_with_its_study() {
    let folder = Folder::new("late");
    let path = folder.file("study.jsonl");
    let study = plan();
    let open: Vec<_> = (0..4).map(|_| study.ask().unwrap()).collect();
    study.tell(&open[0], 10.0).unwrap();
    let study = study.journal(&path);
    study.tell(&open[1], 11.0).unwrap();
    assert_eq!(told(&path), [(0, 10.0), (1, 11.0)]);
    let study = study.jobs(1);
    std::fs::remove_file(&path).unwrap();
    study.tell(&open[2], 12.0).unwrap();
    assert_eq!(told(&path), [(0, 10.0), (1, 11.0), (2, 12.0)]);
    // An older copy of the file: what it lacks is written again.
    let lines: Vec<String> = text(&path).lines().take(3).map(|l| format!("{l}\n")).collect();
    let study = study.quiet();
    std::fs::write(&path, lines.concat()).unwrap();
    study.tell(&open[3], 13.0).unwrap();
    assert_eq!(told(&path), [(0, 10.0), (1, 11.0), (2, 12.0), (3, 13.0)]);
    // Trials of a study that only looks the same are not mixed with these, and none is lost.
    let from = |first: usize| {
        let mine = strategy("mine", move |history, _| {
            let n = (first + history.asked()) % 84;
            Ok::<_, Error>(history.space().enumerate().nth(n).unwrap())
        });
        Study::new(&space(), scorer()).strategy(mine).trials(3).quiet()
    };
    let there = folder.file("mine.jsonl");
    from(0).journal(&there).run().unwrap();
    let before = text(&there);
    let other = from(50).run().unwrap();
    says(other.journal(&there).run(), &["trial 0", "another path"]);
    assert_eq!(text(&there), before);
    assert!(other.journal(folder.file("other.jsonl")).run().is_ok(), "another path");
}

// ------------------------------------------------------------------ evaluations that end the process

/// How an evaluation ends the process that it runs in.
fn perish(how: &str) -> f64 {
    fn deeper(n: u64) -> u64 {
        let room = std::hint::black_box([n; 512]);
        if n == u64::MAX { 0 } else { deeper(n + 1) + room[7] }
    }
    match how {
        "abort" => std::process::abort(),
        "exit" => std::process::exit(3),
        "overflow" => deeper(0) as f64,
        other => panic!("{other}"),
    }
}

/// Grid search over twelve, of which the sixth and the last end the process.
fn deadly(how: &'static str) -> Study {
    let evaluator = evaluator(move |arch, _| {
        let n = arch.decisions()[0];
        let deadly = n == 5 || n == 11;
        std::thread::sleep(Duration::from_millis(if deadly { 15 } else { 30 }));
        if deadly { perish(how) } else { f64::from(n) }
    });
    Study::new(&Space::decisions([12]), evaluator).strategy(Grid).trials(12).quiet()
}

/// This program again, as a process of its own that may die.
fn child(words: &str) -> bool {
    let mut command = alone("journal::the_child_that_may_die");
    command.env("NASCENT_CHILD", words).output().unwrap().status.success()
}

#[test]
fn the_child_that_may_die() {
    let Ok(words) = std::env::var("NASCENT_CHILD") else { return };
    let words: Vec<&str> = words.split(' ').collect();
    let how = ["abort", "exit", "overflow"].into_iter().find(|how| *how == words[0]);
    let plan = deadly(how.unwrap_or("abort")).journal(words[2]);
    match words[1] {
        "steps" => while plan.step().is_ok() {},
        "again" => {
            let ended = Study::retry_failures(&plan.run().unwrap()).unwrap();
            ended.run().unwrap();
        }
        "hand" => {
            let asked = plan.ask().unwrap();
            std::thread::sleep(Duration::from_millis(5));
            plan.tell(&asked, perish(how.unwrap_or("abort"))).unwrap();
        }
        "epochs" => {
            let slow = Slow { die_after: words[3].parse().unwrap() };
            let study = Study::new(&Space::decisions([2]), slow).strategy(Grid).trials(2);
            study.jobs(2).quiet().journal(words[2]).run().unwrap();
        }
        jobs => drop(plan.jobs(jobs.parse::<usize>().unwrap()).run().unwrap()),
    }
}

/// How often the child dies before it comes through.
fn deaths(words: &str) -> usize {
    (0..20).find(|_| child(words)).expect("it dies for ever")
}

#[test]
fn an_evaluation_that_ends_the_process_is_a_failed_trial() {
    let folder = Folder::new("deadly");
    for (how, jobs) in [("abort", "4"), ("exit", "1"), ("overflow", "2"), ("exit", "steps")] {
        let path = folder.file(&format!("{how}-{jobs}.jsonl"));
        let words = format!("{how} {jobs} {}", path.display());
        // Two trials that do, each of them twice.
        assert_eq!(deaths(&words), 4, "{words}");
        let study = Study::load(&path).unwrap();
        assert_eq!(study.trials_done().len(), 12, "{words}");
        let failed: Vec<usize> = study.failed().iter().map(|t| t.number()).collect();
        assert_eq!(failed, [5, 11], "innocent trials failed: {words}");
        for t in study.failed() {
            let e = t.error().unwrap();
            assert!(e.contains("ended 2 times") && e.contains("retry_failures"), "{e}");
        }
        // Nothing was evaluated twice but what was running when the process ended.
        let begun = text(&path).matches("\"epoch\":0,").count();
        assert!((14..=20).contains(&begun), "{words}: {begun}");
        // It continues without them, and its results are those of a study that never died.
        assert!(child(&words));
    }
    // The advice works: both die twice more, and fail again.
    let path = folder.file("abort-4.jsonl");
    assert!(!child(&format!("abort again {}", path.display())));
    assert_eq!(deaths(&format!("abort 4 {}", path.display())), 3);
    assert_eq!(Study::load(&path).unwrap().failed().len(), 2);
    // Repaired, they are like the others.
    let mended = evaluator(|arch, _| f64::from(arch.decisions()[0]));
    let plan = Study::new(&Space::decisions([12]), mended).strategy(Grid).trials(12).quiet();
    let mended = plan.journal(&path).retry_failures().unwrap().run().unwrap();
    assert_eq!(mended.best().unwrap().score(), Some(11.0));
    assert!(Study::load(&path).unwrap().failed().is_empty());
}

/// Reports its epochs, and ends the process after this many over all its trials.
struct Slow {
    die_after: usize,
}

impl Evaluator for Slow {
    fn evaluate(&self, arch: &Architecture, budget: &Budget) -> Result<Evaluation> {
        self.evaluate_watched(arch, budget, &Watch::none())
    }
    fn evaluate_watched(
        &self,
        _: &Architecture,
        budget: &Budget,
        watch: &Watch,
    ) -> Result<Evaluation> {
        for epoch in 1..=budget.epochs_allowed() {
            if epoch > self.die_after {
                std::process::abort();
            }
            watch.epoch(epoch, 0.1, 1.0);
        }
        Ok(Evaluation::new(1.0))
    }
    fn metric(&self) -> Metric {
        Metric::maximise("score")
    }
    fn full(&self) -> usize {
        9
    }
    fn describe(&self) -> String {
        "slow".to_string()
    }
}

/// A long training that is killed each time it has got further is not at fault, nor are trials
/// that were asked by hand, nor those that were told to stop.
#[test]
fn what_was_interrupted_is_not_a_failure() {
    let folder = Folder::new("interrupted");
    let path = folder.file("epochs.jsonl");
    for after in 1..6 {
        assert!(!child(&format!("abort epochs {} {after}", path.display())));
    }
    assert!(child(&format!("abort epochs {} 9", path.display())));
    assert!(Study::load(&path).unwrap().failed().is_empty());
    // Without getting further, it is at fault.
    let path = folder.file("stuck.jsonl");
    let words = format!("abort epochs {} 3", path.display());
    assert!((2..8).contains(&deaths(&words)));
    assert_eq!(Study::load(&path).unwrap().failed().len(), 2);

    let path = folder.file("hand.jsonl");
    for _ in 0..4 {
        assert!(!child(&format!("exit hand {}", path.display())));
    }
    assert_eq!(deadly("abort").journal(&path).ask().unwrap().number(), 0);

    let path = folder.file("stopped.jsonl");
    let nap = evaluator(|_, _| {
        std::thread::sleep(Duration::from_millis(20));
        Err::<f64, Error>(Error::new(ErrorKind::Stopped, "told to stop"))
    });
    let plan = Study::new(&space(), nap).trials(3).quiet().journal(&path);
    for _ in 0..3 {
        let running = plan.spawn().unwrap();
        running.stop();
        assert!(running.wait().unwrap().failed().is_empty());
    }
}

/// A checkpoint that cannot be written is not a reason to lose the trial.
#[test]
fn checkpoints_are_an_insurance() {
    let folder = Folder::new("insurance");
    let path = folder.file("study.jsonl");
    for n in 0..3 {
        std::fs::create_dir_all(folder.file(&format!("study.jsonl.trial-{n}.checkpoint/full")))
            .unwrap();
    }
    let data = Dataset::digits().take(200);
    let space = Space::on(&data).then(linear(any([4, 8, 16])));
    let plan = Study::new(&space, Train::on(&data).epochs(2)).trials(5).quiet();
    // Nor is what somebody else keeps there touched.
    std::fs::write(folder.file("study.jsonl.trial-3.checkpoint"), "my notes").unwrap();
    let kept = plan.journal(&path).checkpoints().run().unwrap();
    assert_eq!(lines(&kept), lines(&plan.run().unwrap()));
    assert_eq!(text(&folder.file("study.jsonl.trial-3.checkpoint")), "my notes");
}

/// The journal of every schema stays readable, for ever.
#[test]
fn golden_journals_are_read() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/journals/schema-1.jsonl");
    if std::env::var_os("NASCENT_BLESS").is_some() {
        let _ = std::fs::remove_file(&golden);
        let data = Dataset::digits().take(200);
        let space = Space::on(&data)
            .then(conv(any([4, 8]), 3))
            .then(repeat(0..=2, one_of([conv(8, 3).residual(), max_pool(2)])))
            .then(global_avg_pool());
        let plan =
            Study::new(&space, Train::on(&data).epochs(2)).strategy(Evolution::regularized());
        plan.trials(8).seed(1).quiet().journal(&golden).run().unwrap();
    }
    let study = Study::load(&golden).unwrap();
    assert_eq!(study.trials_done().len(), 8);
    assert_eq!(study.space().size(), Some(14));
    assert!(study.best().unwrap().score().unwrap() > 0.1);
    assert!(Study::resume(&golden).is_ok());
}

// ------------------------------------------------------------------------------------- failures

#[test]
fn on_failure_skip_retry_abort() {
    let flaky = || {
        evaluator(|arch, budget| match budget.seed() % 3 {
            0 => Err(Error::from("out of luck")),
            1 => Ok(f64::INFINITY),
            _ => Ok(arch.params() as f64),
        })
    };
    let study = |what: OnFailure, jobs: usize| {
        let plan = Study::new(&space(), flaky()).duplicates(Duplicates::Repeat).on_failure(what);
        plan.trials(30).jobs(jobs).quiet().run().unwrap()
    };
    let skip = study(OnFailure::Skip, 2);
    assert!((10..30).contains(&skip.failed().len()));
    let retry = study(OnFailure::Retry(6), 2);
    assert!(retry.failed().len() < 6, "{}", retry.failed().len());
    assert_eq!(lines(&retry), lines(&study(OnFailure::Retry(6), 1)));
    // The seed on record is the one that worked.
    assert!(retry.trials_done().iter().all(|t| t.error().is_some() || t.budget().seed() % 3 == 2));
    let twice = study(OnFailure::Retry(1), 2);
    assert!(
        twice.failed()[0].error().unwrap().contains("after 2 attempts")
            || twice.failed()[0].error().unwrap().contains("inf")
    );
    let abort = study(OnFailure::Abort, 2);
    assert!(
        abort.ended().contains("failed") && abort.trials_done().len() < 30,
        "{}",
        abort.ended()
    );
    assert_eq!(lines(&abort), lines(&study(OnFailure::Abort, 4)));
}

#[test]
fn failures_are_retried_later_with_their_own_seeds() {
    let folder = Folder::new("retry");
    let path = folder.file("study.jsonl");
    let down = Arc::new(AtomicBool::new(true));
    let d = down.clone();
    let remote =
        evaluator(move |arch, budget| match d.load(Ordering::SeqCst) && budget.seed() % 3 == 0 {
            true => Err(Error::from("the machine is down")),
            false => Ok(arch.params() as f64 + budget.seed() as f64 % 7.0),
        });
    let plan = Study::new(&space(), remote).trials(20).quiet().journal(&path);
    let broken = plan.run().unwrap();
    assert!(!broken.failed().is_empty());
    down.store(false, Ordering::SeqCst);
    let mended = broken.retry_failures().unwrap().run().unwrap();
    assert!(mended.failed().is_empty());
    assert_eq!(mended.trials_done().len(), 20);
    for (a, b) in broken.trials_done().iter().zip(mended.trials_done()) {
        assert!(a.error().is_some() || a.line() == b.line());
        assert_eq!(a.budget().seed(), b.budget().seed());
    }
    assert_eq!(lines(&Study::load(&path).unwrap()), lines(&mended));
}

#[test]
fn limits_of_time_and_memory() {
    let data = Dataset::digits();
    let space =
        Space::on(&data).then(conv(any([32, 33]), 3)).then(conv(32, 3)).then(global_avg_pool());
    let train = Train::on(&data).epochs(500);
    // A training ends within one step of the limit.
    let begun = Instant::now();
    let study =
        Study::new(&space, &train).trials(2).jobs(2).trial_seconds(0.3).quiet().run().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert!(
        study.failed().iter().all(|t| t.error().unwrap().contains("over the time limit of 0.3 s"))
    );
    // Any other evaluation is judged when it ends.
    let nap = evaluator(|_, _| {
        std::thread::sleep(Duration::from_millis(50));
        1.0
    });
    let study = Study::new(&space, nap).trials(1).trial_seconds(0.01).quiet().run().unwrap();
    assert!(study.failed()[0].error().unwrap().contains("it took 0."));
    // Memory is estimated before anything is built, and costs nothing.
    let study = Study::new(&space, &train).trials(3).trial_memory(100_000).quiet().run().unwrap();
    assert_eq!((study.failed().len(), study.epochs_paid()), (3, 0.0));
    assert!(study.failed()[0].error().unwrap().contains("over the memory limit"));
    assert!(study.to_string().contains("all 3 trials failed"));
    says(
        Study::new(&space, &train).trial_memory(0).trial_seconds(-1.0).run(),
        &["memory(0)", "trial_seconds(-1)"],
    );
    // A batch of one has no statistics.
    let flat = Space::on(&data).then(linear(8).norm(true));
    let one = Study::new(&flat, Train::on(&data).epochs(1).batch_size(1))
        .trials(1)
        .quiet()
        .run()
        .unwrap();
    assert!(one.best().unwrap_err().to_string().contains("batch"), "{}", one.best().unwrap_err());
}

/// Time is the one limit that depends on the machine: what it decided is on record, and replayed.
#[test]
fn the_decisions_of_a_time_limit_are_replayed() {
    let folder = Folder::new("time");
    let path = folder.file("study.jsonl");
    let nap = evaluator(|arch, _| {
        std::thread::sleep(Duration::from_millis(15));
        arch.params() as f64
    });
    let plan = Study::new(&space(), nap).duplicates(Duplicates::Repeat).seconds(0.2).quiet();
    let first = plan.journal(&path).run().unwrap();
    assert!(first.ended().contains("time limit") && first.trials_done().len() > 2);
    // Its time is spent, even in another process or on a faster machine.
    let again = plan.journal(&path).run().unwrap();
    assert_eq!(lines(&again), lines(&first));
    assert!(again.seconds_run() >= 0.2);
    assert!(Study::load(&path).unwrap().ended().contains("time limit"));
    let more = plan.journal(&path).seconds(0.4).run().unwrap();
    assert_eq!(lines(&more)[..first.trials_done().len()], lines(&first));
    assert!(more.trials_done().len() > first.trials_done().len());
}

/// A strategy that proposes what does not fit: each is on record, and none is paid for.
#[test]
fn misfits_are_records_in_the_journal_too() {
    let folder = Folder::new("misfit");
    let path = folder.file("study.jsonl");
    let pools = Space::new([1, 8, 8], Task::classification(2)).then(repeat(1..=6, max_pool(2)));
    let stubborn = strategy("stubborn", |history, rng| history.space().decode([rng.below(6)]));
    let plan = Study::new(&pools, scorer()).strategy(stubborn).trials(20).quiet();
    let whole = plan.run().unwrap();
    assert!(whole.failed().iter().any(|t| t.error().unwrap().contains("max_pool(2)")));
    assert!(
        whole
            .failed()
            .iter()
            .all(|t| t.epochs_spent() == 0.0 || t.error().unwrap().contains("luck"))
    );
    assert_eq!(lines(&plan.trials(9).journal(&path).run().unwrap()), lines(&whole)[..9]);
    assert_eq!(lines(&plan.journal(&path).run().unwrap()), lines(&whole));
}

// ----------------------------------------------------------------------------------- background

#[test]
fn a_study_in_the_background_is_watched_stopped_and_waited_for() {
    let folder = Folder::new("spawn");
    let path = folder.file("study.jsonl");
    let data = Dataset::digits();
    let space = Space::on(&data)
        .then(conv(any([4, 8]), 3))
        .then(conv(8, any([3, 5])))
        .then(global_avg_pool());
    let plan = Study::new(&space, Train::on(&data).epochs(3)).trials(6).jobs(2).quiet();
    let whole = plan.run().unwrap();
    let running = plan.journal(&path).checkpoints().spawn().unwrap();
    while running.study().trials_done().is_empty() {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(running.progress().contains("/6: best accuracy"), "{}", running.progress());
    running.stop();
    let begun = Instant::now();
    let stopped = running.wait().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    assert!(running.done() && stopped.trials_done().len() < 6);
    assert!(running.progress().contains("it was stopped"));
    assert_eq!(running.wait().unwrap().trials_done().len(), stopped.trials_done().len());
    let went_on = Study::resume(&path).unwrap().quiet().run().unwrap();
    assert_eq!(lines(&went_on), lines(&whole));
    let left: Vec<_> = std::fs::read_dir(&folder.0).unwrap().filter_map(|f| f.ok()).collect();
    assert_eq!(left.len(), 1, "checkpoints are removed with their trials: {left:?}");
    // A study that is detached needs no handle.
    let dropped = folder.file("dropped.jsonl");
    plan.journal(&dropped).spawn().unwrap().detach();
    let begun = Instant::now();
    while Study::load(&dropped).unwrap().ended().is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(30));
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(lines(&Study::load(&dropped).unwrap()), lines(&whole));
    says(plan.trials(0).spawn(), &["trials(0)"]);
}

/// Figures that JSON has no word for are written as text: what a journal holds can be read again.
#[test]
fn infinite_and_undefined_figures_survive() {
    let folder = Folder::new("odd-figures");
    let path = folder.file("infinite");
    let odd = evaluator(|arch, _| {
        let values = [f64::INFINITY, f64::NEG_INFINITY, f64::NAN];
        let e = Evaluation::new(arch.decisions()[0] as f64).with_curve(values).with_losses(values);
        values.iter().enumerate().fold(e, |e, (i, v)| e.with(&format!("figure {i}"), *v))
    });
    let space = Space::new([4], Task::classification(2)).then(linear(any([2, 4, 8])));
    let study = Study::new(&space, &odd).strategy(Grid).quiet();
    study.journal(&path).run().unwrap();
    let again = Study::load(&path).unwrap();
    assert_eq!(again.trials_done().len(), 3);
    let e = again.trials_done()[2].evaluation().unwrap();
    assert_eq!(
        (e.score(), e.get("figure 0"), e.get("figure 1")),
        (2.0, Some(f64::INFINITY), Some(f64::NEG_INFINITY))
    );
    assert!(e.get("figure 2").unwrap().is_nan() && e.curve()[2].is_nan());

    // A regression with one value to predict explains an infinite share of no variance.
    let x = (0..100).map(|i| i as f32).collect();
    let data = Dataset::regression("constant", x, [1], vec![3.0; 100], 1).unwrap();
    let space = Space::on(&data).then(linear(any([2, 4])));
    let path = folder.file("constant");
    let train = Train::on(&data).epochs(2).batch_size(8).learning_rate(1e-4);
    Study::new(&space, train).strategy(Grid).quiet().journal(&path).run().unwrap();
    assert_eq!(Study::load(&path).unwrap().trials_done().len(), 2);
}
