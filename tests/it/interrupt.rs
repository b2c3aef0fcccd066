//! ■ and Ctrl-C: what a SIGINT does to a process in the middle of something. Each case is a process of its own.

use crate::help::{Folder, alone};
use nascent::prelude::*;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How a process ended.
struct End {
    out: String,
    err: String,
    /// The signal that ended it.
    signal: Option<i32>,
    /// From the last signal to the end.
    took: Duration,
}

/// Runs a case, and sends so many signals once it is in the middle of its work.
fn press(case: &str, presses: usize) -> End {
    press_with(case, presses, "--default-signal=INT")
}

fn press_with(case: &str, presses: usize, how: &str) -> End {
    let child = alone("interrupt::the_child_that_is_interrupted");
    // A shell may have started this program with the signal ignored.
    let mut command = Command::new("env");
    command.arg(how).arg(child.get_program()).args(child.get_args()).env("NASCENT_CHILD", case);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut out = String::new();
    while !out.ends_with("ready\n") {
        assert!(lines.read_line(&mut out).unwrap() > 0, "{case}: {out}");
    }
    std::thread::sleep(Duration::from_millis(300));
    for _ in 0..presses {
        Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        std::thread::sleep(Duration::from_millis(100));
    }
    let begun = Instant::now();
    lines.read_to_string(&mut out).unwrap();
    let output = child.wait_with_output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    End { out, err, signal: output.status.signal(), took: begun.elapsed() }
}

fn ready() {
    println!("\nready");
}

/// It takes hours.
fn long_training() -> (Space, Train) {
    let data = Dataset::digits().take(400);
    let space = Space::on(&data).then(linear(any([16, 32])));
    (space, Train::on(&data).epochs(1_000_000))
}

/// Looks all results up, and never ends.
fn endless() -> Study {
    let sum = evaluator(|a, _| {
        std::thread::sleep(Duration::from_millis(2));
        f64::from(a.decisions().iter().sum::<u32>())
    });
    let study = Study::new(&Space::decisions([9, 9, 9]), sum).duplicates(Duplicates::Repeat);
    study.trials(10_000_000).quiet()
}

fn tell(study: &Study) {
    println!("{}: {} trials done", study.ended(), study.trials_done().len());
}

#[test]
fn the_child_that_is_interrupted() {
    let Ok(case) = std::env::var("NASCENT_CHILD") else { return };
    let (case, path) = case.split_once(' ').unwrap_or((&case, ""));
    match case {
        "training" => {
            let (space, train) = long_training();
            ready();
            let study = Study::new(&space, &train).trials(3).jobs(2).run().unwrap();
            tell(&study);
            println!("{}", study.best().unwrap_err());
        }
        "study" => {
            ready();
            let study = endless().journal(path).run().unwrap();
            tell(&study);
            assert!(study.best().is_ok() && study.to_string().contains("it was interrupted"));
        }
        "ask" => {
            let slow = Bananas::new().members(9).epochs(100_000);
            ready();
            tell(&endless().strategy(slow).run().unwrap());
        }
        "compare" => {
            let quick = endless();
            let asked = AtomicUsize::new(0);
            let sum = evaluator(move |a, _| {
                std::thread::sleep(Duration::from_millis(1));
                // Some studies have ended by then.
                if asked.fetch_add(1, Ordering::Relaxed) == 100 {
                    ready();
                }
                f64::from(a.decisions().iter().sum::<u32>())
            });
            let plan = Compare::new(&quick.space(), sum).strategies((Random, Grid));
            let found = plan.trials(10).seeds(5_000).quiet().run().unwrap();
            let said = found.report().notices.join(" ");
            println!("{} seeds: {said}", found.seeds().len());
        }
        "first" => {
            let (space, train) = long_training();
            let plan = Compare::new(&space, &train).strategies((Random, Grid)).trials(3).seeds(2);
            ready();
            println!("{}", plan.quiet().run().unwrap_err());
        }
        "retrain" => {
            let (space, train) = long_training();
            ready();
            let arch = space.default_architecture().unwrap();
            println!("{}", train.retrain(&arch, 1_000_000, 1).unwrap_err());
        }
        "alone" => {
            let (space, train) = long_training();
            let mut run = train.start(&space.default_architecture().unwrap(), 1).unwrap();
            ready();
            println!("{}", run.advance(1_000_000).unwrap_err());
            // It is not over: it goes on where it was.
            run.advance(1).unwrap();
        }
        "table" => {
            let rows: String = (0..200_000).map(|i| format!("{i},{}\n", i % 7)).collect();
            std::fs::write(path, format!("code,score\n{rows}")).unwrap();
            ready();
            // Kept, or the signal would come while one is dropped, which nobody has to stop.
            let mut kept = vec![];
            let e = loop {
                match Table::read(path) {
                    Ok(table) => kept.push(table),
                    Err(e) => break e,
                }
            };
            println!("{e}");
        }
        "nested" => {
            let inner = endless();
            let outer = evaluator(move |_, _| Ok(inner.run()?.best()?.score().unwrap_or(0.0)));
            ready();
            tell(&Study::new(&Space::decisions([9]), outer).trials(3).quiet().run().unwrap());
        }
        "wait" => {
            let search = endless().spawn().unwrap();
            ready();
            tell(&search.wait().unwrap());
        }
        "spawn" => {
            let search = endless().spawn().unwrap();
            ready();
            std::thread::sleep(Duration::from_secs(2));
            let before = search.study().trials_done().len();
            std::thread::sleep(Duration::from_millis(300));
            println!("it goes on: {}", search.study().trials_done().len() > before);
            search.stop();
            tell(&search.wait().unwrap());
        }
        "deaf" => {
            let deaf = evaluator(|_, _| {
                std::thread::sleep(Duration::from_secs(60));
                0.0
            });
            ready();
            let plan = Study::new(&Space::decisions([9]), deaf).journal(path).quiet();
            tell(&plan.run().unwrap());
        }
        "loop" | "after" => {
            if case == "after" {
                tell(&endless().trials(3).run().unwrap());
            }
            ready();
            std::thread::sleep(Duration::from_secs(60));
        }
        "brief" => {
            ready();
            tell(&endless().trials(400).run().unwrap());
        }
        other => panic!("{other}"),
    }
}

#[track_caller]
fn goes_on(case: &str, parts: &[&str]) -> End {
    let end = press(case, 1);
    assert_eq!(end.signal, None, "{case}: {} {}", end.out, end.err);
    assert!(end.took < Duration::from_secs(20), "{case}: {:?}", end.took);
    for part in parts {
        assert!(end.out.contains(part), "{part:?} is not in {} {}", end.out, end.err);
    }
    end
}

#[test]
fn a_study_ends_at_its_next_step_and_its_caller_goes_on() {
    let parts = ["it was interrupted: 0 trials done", "interrupted before a trial had finished"];
    let end = goes_on("training", &parts);
    assert!(end.err.contains("Random search will end at the next step."), "{}", end.err);
    goes_on("nested", &["it was interrupted: 0 trials done"]);
    goes_on("wait", &["it was interrupted: "]);
    let folder = Folder::new("interrupt");
    let journal = folder.file("study.jsonl");
    goes_on(&format!("study {}", journal.display()), &["it was interrupted: "]);
    // The journal knows why, and the study goes on from there.
    let kept = Study::load(&journal).unwrap();
    assert_eq!(kept.ended_by(), Some(Ended::Interrupted));
    let done = kept.trials_done().len();
    let more = endless().journal(&journal).trials(done + 3).run().unwrap();
    assert_eq!(
        (more.trials_done().len(), more.ended_by()),
        (done + 3, Some(Ended::Trials(done + 3)))
    );
}

#[test]
fn a_long_ask_ends_as_well() {
    goes_on("ask", &["it was interrupted: "]);
}

#[test]
fn a_comparison_has_what_is_whole() {
    let end = goes_on("compare", &[" seeds: ", "of the 5000 seeds that were asked for"]);
    assert!(end.err.contains("The comparison of 2 strategies will end"), "{}", end.err);
    goes_on("first", &["it was interrupted: the comparison has no seed yet"]);
}

#[test]
fn trainings_and_tables_end_with_an_error() {
    goes_on("retrain", &["the training ended after ", "of 1000000 epochs: it was interrupted"]);
    goes_on("alone", &["it was interrupted"]);
    let folder = Folder::new("interrupt-table");
    goes_on(&format!("table {}", folder.file("t.csv").display()), &["it was interrupted"]);
}

#[test]
fn a_search_in_the_background_is_spared() {
    let end = goes_on("spawn", &["it goes on: true", "it was stopped"]);
    assert!(end.err.contains("nascent::running().stop() ends it"), "{}", end.err);
}

#[test]
fn a_second_press_ends_the_process_and_says_what_is_kept() {
    let folder = Folder::new("interrupt-twice");
    let journal = folder.file("study.jsonl");
    let end = press(&format!("deaf {}", journal.display()), 2);
    assert_eq!(end.signal, Some(2), "{}", end.err);
    assert!(end.took < Duration::from_secs(2));
    assert!(end.err.contains("A second press within two seconds ends the process."), "{}", end.err);
    assert!(end.err.contains(&format!("is in the journal {}", journal.display())), "{}", end.err);
}

#[test]
fn without_a_search_the_signal_does_what_it_does() {
    for case in ["loop", "after"] {
        let end = press(case, 1);
        assert_eq!(end.signal, Some(2), "{case}: {}", end.err);
    }
    // Whoever wants the signal to be ignored, as nohup does, is obeyed.
    let end = press_with("brief", 1, "--ignore-signal=INT");
    assert!(end.signal.is_none() && end.out.contains("all 400 trials are done"), "{}", end.out);
}
