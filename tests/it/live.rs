//! What the kernel in front of evcxr hears of searches while they run. A process finds that kernel's socket in its
//! environment, so each case runs in one of its own.

use crate::help::{Folder, alone};
use nascent::prelude::*;
use serde_json::Value;
use std::os::unix::net::UnixDatagram;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What was heard of a case.
struct Heard {
    /// The messages with a picture, with the time of each.
    shown: Vec<(Instant, Value)>,
    /// The others.
    said: Vec<Value>,
    /// What the process printed.
    printed: String,
}

impl Heard {
    /// The picture of a display after its last change.
    fn last(&self) -> &str {
        self.shown[self.shown.len() - 1].1["data"]["text/html"].as_str().unwrap()
    }

    fn displays(&self) -> Vec<&str> {
        let mut ids: Vec<&str> = self.shown.iter().map(|m| m.1["id"].as_str().unwrap()).collect();
        ids.dedup();
        ids
    }

    /// What the value shows as the last of its cell: the last HTML that was printed for evcxr.
    fn result(&self) -> &str {
        let from = "EVCXR_BEGIN_CONTENT text/html\n";
        let content = self.printed.rsplit_once(from).expect("it shows something").1;
        content.split("\nEVCXR_END_CONTENT").next().unwrap()
    }
}

/// Runs a case and listens.
fn hear(case: &str) -> Heard {
    let folder = Folder::new("live");
    let path = folder.file("socket");
    let ear = UnixDatagram::bind(&path).unwrap();
    ear.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let mut child = alone("live::the_child_that_shows");
    child.env("NASCENT_LIVE", &path).env("NASCENT_CHILD", case);
    let child = child.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
    let over = AtomicBool::new(false);
    let mut buffer = vec![0; 1 << 20];
    let (mut shown, mut said) = (vec![], vec![]);
    let mut listen = || loop {
        match ear.recv(&mut buffer) {
            Ok(n) => {
                let mut message: Value = serde_json::from_slice(&buffer[..n]).unwrap();
                if let Some(name) = message["file"].as_str() {
                    let file = folder.file(name);
                    message["data"] =
                        serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
                    std::fs::remove_file(file).unwrap();
                }
                match message.get("data") {
                    Some(_) => shown.push((Instant::now(), message)),
                    None => said.push(message),
                }
            }
            Err(_) if over.load(Ordering::Relaxed) => break,
            Err(_) => {}
        }
    };
    let output = std::thread::scope(|scope| {
        let wait = scope.spawn(|| {
            let output = child.wait_with_output().unwrap();
            over.store(true, Ordering::Relaxed);
            output
        });
        listen();
        wait.join().unwrap()
    });
    assert!(output.status.success(), "{case}");
    let left: Vec<_> = std::fs::read_dir(&folder.0).unwrap().map(|f| f.unwrap().path()).collect();
    assert_eq!(left, [path], "files that nobody read");
    Heard { shown, said, printed: String::from_utf8(output.stdout).unwrap() }
}

/// A study of so many trials, each of which takes 5 ms.
fn slow(trials: usize) -> Study {
    let space = Space::decisions([9, 9, 9]);
    let sum = evaluator(|a, _| {
        std::thread::sleep(Duration::from_millis(5));
        match a.decisions()[0] {
            8 => Err(Error::from("an eight")),
            _ => Ok(f64::from(a.decisions().iter().sum::<u32>())),
        }
    });
    Study::new(&space, sum).duplicates(Duplicates::Repeat).trials(trials).batch(1).seed(1)
}

fn training() -> (Dataset, Space, Train) {
    let data = Dataset::digits().take(400);
    let space = Space::on(&data).then(linear(any([16, 32])));
    let train = Train::on(&data).epochs(3000);
    (data, space, train)
}

#[test]
fn the_child_that_shows() {
    let Ok(case) = std::env::var("NASCENT_CHILD") else { return };
    match &case[..] {
        "study" => slow(500).run().unwrap().evcxr_display(),
        "quiet" => {
            let study = slow(80).quiet().run().unwrap();
            study.quiet().trials(90).spawn().unwrap().wait().unwrap();
        }
        "short" => slow(3).run().unwrap().evcxr_display(),
        "spawn" => {
            let search = slow(500).spawn().unwrap();
            println!("spawned after {} trials", search.study().trials_done().len());
            search.wait().unwrap().evcxr_display();
        }
        "training" => {
            let (_, space, train) = training();
            Study::new(&space, &train).trials(2).jobs(2).run().unwrap().evcxr_display();
        }
        "retrain" => {
            let (_, space, train) = training();
            let arch = space.default_architecture().unwrap();
            train.retrain(&arch, 3000, 1).unwrap().evcxr_display();
        }
        "compare" => {
            let space = Space::decisions([9, 9, 9]);
            let sum = evaluator(|a, _| {
                std::thread::sleep(Duration::from_millis(2));
                f64::from(a.decisions().iter().sum::<u32>())
            });
            let plan = Compare::new(&space, sum).strategies((Random, Evolution::regularized()));
            plan.trials(40).seeds(20).run().unwrap().evcxr_display();
        }
        "finals" => slow(60).quiet().run().unwrap().finals(3).run().unwrap().evcxr_display(),
        "nested" => {
            let outer = evaluator(|_, b| {
                let inner = slow(20).seed(b.seed()).run()?;
                Ok(inner.best()?.score().unwrap_or(0.0))
            });
            let space = Space::decisions([9, 9]);
            Study::new(&space, outer).trials(6).run().unwrap().evcxr_display();
        }
        "own" => {
            let chart = |n: usize| slow(n).quiet().run().unwrap().best_so_far();
            let view = live(chart(1));
            (2..30).for_each(|n| view.update(chart(n)));
            view.evcxr_display();
            // A cell ends here, but not its process.
            std::thread::sleep(Duration::from_millis(600));
        }
        "fails" => {
            let bad = nascent::strategy("bad", |_, _| Err::<Proposal, _>(Error::from("no idea")));
            assert!(slow(9).strategy(bad).run().is_err());
        }
        other => panic!("{other}"),
    }
}

#[test]
fn a_study_draws_itself_and_ends_with_its_report() {
    let heard = hear("study");
    assert_eq!(heard.displays().len(), 1, "one display, in order");
    assert_eq!(heard.last(), heard.result());
    let n = heard.shown.len();
    assert!(n >= 2, "{n} pictures in three seconds");
    // At most four a second before the last.
    for pair in heard.shown[..n - 1].windows(2) {
        let apart = pair[1].0 - pair[0].0;
        assert!(apart > Duration::from_millis(180), "{apart:?}");
    }
    let text = heard.shown[n - 2].1["data"]["text/plain"].as_str().unwrap();
    for part in ["█", " of 500 trials", "about ", "best score so far", "failed: an eight"] {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
    // No lines beside the pictures.
    assert!(!heard.printed.contains("trials done"), "{}", heard.printed);
    let running: Vec<(&Value, bool)> =
        heard.said.iter().map(|m| (&m["running"], m["note"].as_str() == Some(""))).collect();
    assert_eq!(running, [(&1.into(), false), (&0.into(), true)]);
}

#[test]
fn what_is_quiet_shows_nothing_and_what_is_short_its_end_alone() {
    let quiet = hear("quiet");
    assert!(quiet.shown.is_empty(), "{:?}", quiet.shown);
    let short = hear("short");
    assert_eq!((short.shown.len(), short.last()), (1, short.result()));
    let fails = hear("fails");
    assert!(fails.shown.is_empty());
}

#[test]
fn a_search_in_the_background_is_seen_before_anything_else() {
    let heard = hear("spawn");
    assert_eq!((heard.displays().len(), heard.last()), (1, heard.result()));
    assert!(heard.shown.len() >= 2);
    let first = heard.shown[0].1["data"]["text/plain"].as_str().unwrap();
    assert!(first.contains("0 of 500 trials"), "{first}");
}

#[test]
fn trainings_show_their_curves_while_they_run() {
    let heard = hear("training");
    assert_eq!((heard.displays().len(), heard.last()), (1, heard.result()));
    let curves = |m: &(Instant, Value)| m.1["data"]["text/plain"].to_string().contains("epoch");
    assert!(heard.shown[..heard.shown.len() - 1].iter().any(curves), "{:?}", heard.shown);
    let winner = hear("retrain");
    assert_eq!((winner.displays().len(), winner.last()), (1, winner.result()));
    assert!(winner.shown.len() > 1);
}

#[test]
fn a_comparison_and_finals_are_one_display_each() {
    let heard = hear("compare");
    assert_eq!((heard.displays().len(), heard.last()), (1, heard.result()));
    let some =
        |m: &(Instant, Value)| m.1["data"]["text/plain"].to_string().contains(" of 40 studies");
    assert!(heard.shown.iter().any(some));
    assert!(!heard.printed.contains("studies done"));
    let finals = hear("finals");
    assert_eq!((finals.displays().len(), finals.last()), (1, finals.result()));
}

#[test]
fn of_searches_inside_of_a_search_only_the_outer_one_is_seen() {
    let heard = hear("nested");
    assert_eq!((heard.displays().len(), heard.last()), (1, heard.result()));
    assert!(!heard.printed.contains("done in"), "{}", heard.printed);
}

#[test]
fn a_picture_of_ones_own_ends_with_its_last() {
    let heard = hear("own");
    assert_eq!((heard.displays().len(), heard.last()), (1, heard.result()));
}
