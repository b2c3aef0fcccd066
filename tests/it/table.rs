//! Tables as evaluators: what they read and refuse, what a trial gets from them, and whether the
//! strategies reach on NAS-Bench-201 what they are known to reach.

use crate::help::{Folder, outside, says};
use nascent::prelude::*;
use std::io::Write;
use std::path::{Path, PathBuf};

/// 2 x 3 architectures, of which 1-2 is missing; seed 1 of 0-1, and both of 1-1.
const SMALL: &str = "code,s0,s1,test,seconds,note\n\
    00,10,11,1.5,100,a\n01,20,,2.5,200,b\n02,30,31,3.5,300,c\n10,40,41,4.5,400,d\n11,NaN,NA,5.5,500,e\n";

fn small(name: &str) -> Table {
    let folder = Folder::new(name);
    Table::read(folder.write("small.csv", SMALL)).unwrap()
}

// -------------------------------------------------------------------------------- what it is

#[test]
fn the_optimum_is_known_as_long_as_the_table_is_taken_as_it_is() {
    let folder = Folder::new("optimum");
    let whole = folder.write("whole.csv", "code,s0,test\n0,10,3\n1,20,1\n2,30,2\n");
    let table = Table::read(whole).unwrap().objective("s0").reporting("test");
    let any = nascent::IntoEvaluator::into_evaluator(&table);
    let known = |e: &AnyEvaluator| (e.known_optimum(None), e.known_optimum(Some("test")));
    assert_eq!(known(&any), (Some(30.0), Some(3.0)));
    assert_eq!(known(&any.named("accuracy")), (Some(30.0), Some(3.0)));
    assert_eq!(known(&any.minimise()), (None, None));
    assert_eq!(known(&any.epochs(7)), (None, Some(3.0)));
    let turned = nascent::IntoEvaluator::into_evaluator(table.minimise());
    assert_eq!(known(&turned), (Some(10.0), Some(1.0)));
    let partial = nascent::IntoEvaluator::into_evaluator(small("partial").objective("s0"));
    assert_eq!(known(&partial), (None, None));
}

#[test]
fn a_table_is_its_rows_and_a_space_of_decisions() {
    let table = small("rows").objective("s0").reporting("test");
    assert_eq!((table.len(), table.columns().len(), table.is_complete()), (5, 6, false));
    assert_eq!(table.options().unwrap(), [2, 3]);
    let space = table.space();
    assert_eq!(space.size(), Some(6));
    assert_eq!(table.best().unwrap(), space.decode([1, 0]).unwrap());
    assert_eq!((table.optimum().unwrap(), table.optimum_of("test").unwrap()), (40.0, 5.5));
    assert_eq!(table.minimise().optimum().unwrap(), 10.0);
    let arch = space.decode([0, 1]).unwrap();
    assert_eq!(table.figure(&arch, "seconds").unwrap(), Some(200.0));
    assert_eq!(table.figure(&arch, "s1").unwrap(), None);
    says(
        table.figure(&arch, "note"),
        &["line 2, column \"note\": \"a\" is not a number, and 4 more"],
    );
    // Decisions alone: a readable drawing and diagram, a text that reads back, and no network.
    assert_eq!(arch.to_string(), "choice(0)>choice(1)");
    assert_eq!(space.parse("choice(0)>choice(1)").unwrap(), arch);
    assert_eq!((arch.params(), arch.macs(), arch.layers().len()), (0, 0, 3));
    assert_eq!(Space::from_json(&space.to_json()).unwrap(), space);
    let text = space.to_string();
    assert!(text.contains("choice") && !text.contains("head"), "{text}");
    says(Model::new(&arch, &Device::Cpu, 1), &["choice(0)", "no network to build"]);
    let shown = table.to_string();
    for part in ["5 rows", "2 decisions with 2, 3 options", "not complete", "s0", "reporting test"]
    {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert_eq!(shown, format!("{table:?}"));
    assert!(show(&table).html().contains("5 rows"));
}

#[test]
fn every_way_to_write_the_decisions() {
    let folder = Folder::new("codes");
    for code in ["0-1-12", "\"0,1,12\"", "0;1;12", "0 1 12", "0.1.12", "\"0, 1, 12\""] {
        let other = code.replace("12", "3").replace('0', "2");
        let path = folder.write("t.csv", format!("arch,y,z\n{code},1,1\n{other},2,1\n"));
        let table = Table::read(&path).unwrap().code("arch").objective("y");
        assert_eq!(table.options().unwrap(), [3, 2, 13], "{code}");
        assert_eq!(table.best().unwrap().decisions(), [2, 1, 3], "{code}");
    }
    // A decision that never varies is not one of the space's, and may be given or not in another one.
    let path = folder.write("t.csv", "code,y\n002,1\n101,5\n");
    let table = Table::read(&path).unwrap().objective("y");
    assert_eq!(table.options().unwrap(), [2, 1, 3]);
    assert_eq!(table.best().unwrap().decisions(), [1, 1]);
    let whole = Space::decisions([2, 2, 3]);
    let budget = Budget::new(1, 1, 1);
    let score = |d: [u32; 3]| table.evaluate(&whole.decode(d).unwrap(), &budget);
    assert_eq!(score([1, 0, 1]).unwrap().score(), 5.0);
    says(score([1, 1, 1]), &["no row for the decisions 1-1-1"]);
    // What a study wrote is a table.
    let study = Study::new(&table.space(), &table).strategy(Grid).quiet().run().unwrap();
    let path = folder.0.join("trials.csv");
    study.save_csv(&path).unwrap();
    let again = Table::read(&path).unwrap().code("decisions").objective("score");
    assert_eq!((again.len(), again.optimum().unwrap()), (6, 5.0));
}

// ------------------------------------------------------------------------------ what a trial gets

#[test]
fn the_seed_draws_among_the_seeds_there_are() {
    let table = small("seeds").objectives(["s0", "s1"]).reporting("test").cost("seconds");
    assert_eq!(table.metric().name, "s");
    let space = table.space();
    let scores = |d: [u32; 2]| {
        let arch = space.decode(d).unwrap();
        let mut found: Vec<f64> = (0..64)
            .map(|seed| table.evaluate(&arch, &Budget::new(1, 1, seed)).unwrap().score())
            .collect();
        assert_eq!(found[7], table.evaluate(&arch, &Budget::new(1, 1, 7)).unwrap().score());
        let tens = found.iter().filter(|v| **v % 10.0 == 0.0).count();
        found.sort_by(f64::total_cmp);
        found.dedup();
        (found, tens)
    };
    let (found, tens) = scores([0, 0]);
    assert_eq!(found, [10.0, 11.0]);
    assert!((16..48).contains(&tens), "{tens}");
    assert_eq!(scores([0, 1]).0, [20.0]);
    let none = table.evaluate(&space.decode([1, 1]).unwrap(), &Budget::new(1, 1, 1));
    says(none, &["line 6", "no figure in column \"s0\""]);
    let e = table.evaluate(&space.decode([0, 2]).unwrap(), &Budget::new(1, 1, 1)).unwrap();
    assert_eq!((e.get("test"), e.seconds_spent()), (Some(3.5), Some(300.0)));
    assert_eq!(table.optimum().unwrap(), 40.5);
}

#[test]
fn an_incomplete_table_makes_failed_trials_that_cost_nothing() {
    let table = small("failed").objective("s0").cost("seconds");
    let study = Study::new(&table.space(), &table).strategy(Grid).quiet().run().unwrap();
    assert_eq!((study.trials_done().len(), study.failed().len()), (6, 2));
    let errors: Vec<String> = study.failed().iter().filter_map(Trial::error).collect();
    assert!(errors[0].contains("no figure in column \"s0\""), "{errors:?}");
    assert!(errors[1].contains("no row for the decisions 1-2"), "{errors:?}");
    assert_eq!(study.best().unwrap().score(), Some(40.0));
    let report = study.to_string();
    for part in ["2 of 6 trials failed", "simulated time"] {
        assert!(report.contains(part), "{part}: {report}");
    }
    assert!(!report.contains("parameters against"), "{report}");
}

#[test]
fn other_spaces_with_the_same_decisions() {
    let table = small("spaces").objective("s0");
    let space = Space::new([8], Task::classification(3))
        .then(linear(any([4, 8])))
        .then(linear(any([4, 8, 16])));
    let study = Study::new(&space, &table).strategy(Grid).quiet().run().unwrap();
    assert_eq!(study.best().unwrap().architecture().to_string(), "linear(8)>linear(4)");
    let other = space.then(linear(any([4, 8])));
    says(Study::new(&other, &table).run(), &["3 decisions", "table small have 2", "table.space()"]);
}

#[test]
fn budgets_pick_the_column_and_its_share_of_the_cost() {
    let table = small("fidelity").fidelity([("s1", 50), ("s0", 10)]).cost("seconds");
    let arch = table.space().decode([0, 2]).unwrap();
    let at = |epochs: usize| table.evaluate(&arch, &Budget::new(epochs, 50, 1));
    for (epochs, score, seconds, spent) in
        [(10, 30.0, 60.0, 10.0), (49, 30.0, 60.0, 10.0), (50, 31.0, 300.0, 50.0)]
    {
        let e = at(epochs).unwrap();
        assert_eq!(e.score(), score);
        assert_eq!((e.seconds_spent(), e.epochs_spent()), (Some(seconds), Some(spent)));
    }
    says(at(9), &["a budget of 9 epochs", "10, 50", "at least 10"]);
    assert_eq!((table.full(), table.metric().name), (50, "s1".to_string()));
    let short = table.epochs(10);
    assert_eq!((short.full(), short.metric().name), (10, "s0".to_string()));
    let study = Study::new(&short.space(), &short).strategy(Grid).trials(3).quiet().run().unwrap();
    assert_eq!(study.epochs_paid(), 30.0);
    assert_eq!(study.trials_done()[2].seconds_spent(), 60.0);
}

#[test]
fn a_budget_of_simulated_seconds_ends_with_the_trial_that_crosses_it() {
    let table = small("budget").objective("s0").cost("seconds");
    let plan = Study::new(&table.space(), &table).duplicates(Duplicates::Repeat).quiet();
    for batch in [1, 3] {
        let study = plan.batch(batch).simulated_seconds(2000.0).seed(5).run().unwrap();
        let spent: Vec<f64> = study
            .trials_done()
            .iter()
            .map(|t| t.evaluation().map_or(0.0, |_| t.seconds_spent()))
            .collect();
        // Trial n is asked when trials 0 to n - batch have not spent the budget.
        let known: f64 = spent[..spent.len() - batch].iter().sum();
        let next: f64 = spent[..spent.len() - batch + 1].iter().sum();
        assert!(known < 2000.0 && next >= 2000.0, "batch {batch}: {spent:?}");
        assert!(study.ended().contains("2000 simulated seconds"), "{}", study.ended());
        let lines = |s: &Study| s.trials_done().iter().map(Trial::line).collect::<Vec<_>>();
        for jobs in [1, 2, 3] {
            let other = plan.batch(batch).simulated_seconds(2000.0).seed(5).jobs(jobs).run();
            assert_eq!(lines(&study), lines(&other.unwrap()), "batch {batch}, jobs {jobs}");
        }
    }
    // Where nothing has a cost, it ends as well.
    let free = Study::new(&table.space(), small("free").objective("s0")).quiet();
    let study = free.simulated_seconds(10.0).duplicates(Duplicates::Repeat).run().unwrap();
    assert!(study.ended().contains("cost no simulated seconds"), "{}", study.ended());
    let study = plan.duplicates(Duplicates::Reuse).simulated_seconds(1e9).run().unwrap();
    assert!(study.ended().contains("cost no"), "{}", study.ended());
    says(plan.simulated_seconds(f64::NAN).run(), &["simulated_seconds(NaN)"]);
    // The limit is part of the journal, and a killed study goes on with what it has spent.
    let folder = Folder::new("journal");
    let path = folder.0.join("study.jsonl");
    let lines = |s: &Study| s.trials_done().iter().map(Trial::line).collect::<Vec<_>>();
    let whole = plan.batch(1).simulated_seconds(4000.0).run().unwrap();
    plan.batch(1).trials(5).journal(&path).run().unwrap();
    let plan = plan.batch(1).journal(&path);
    let resumed = plan.trials(1000).simulated_seconds(4000.0).run().unwrap();
    assert_eq!(lines(&resumed), lines(&whole));
    let loaded = Study::load(&path).unwrap();
    assert_eq!(loaded.protocol().simulated_seconds, Some(4000.0));
    assert!(loaded.protocol().to_string().contains("simulated"));
    let other = small("other").objective("s1").cost("seconds");
    says(
        Study::new(&other.space(), other).batch(1).trials(9).journal(&path).run(),
        &["another study", "evaluator"],
    );
}

// -------------------------------------------------------------------------------- what is refused

#[test]
fn malformed_files_are_reported_with_row_and_column() {
    let folder = Folder::new("bad");
    let read = |text: &str| {
        Table::read(folder.write("t.csv", text)).map(|t| t.objective("y")).and_then(|t| t.check())
    };
    read("code,y\n0,1\n").unwrap(); // one row
    for (text, parts) in [
        ("", vec!["the file is empty"]),
        ("\n\n", vec!["the file is empty"]),
        ("code,y\n", vec!["no row below the header"]),
        ("01,1\n", vec!["Add a header"]),
        ("code,y,y\n0,1,1\n", vec!["two columns are called \"y\""]),
        ("code,y\n0,1\n1\n", vec!["line 3 has 1 field, and the header has 2"]),
        ("code,y\n0,1\n\"1,2\n", vec!["line 3 opens a quote"]),
        ("code,x\n0,1\n", vec!["no column \"y\"", "Try \"x\""]),
        ("cod,y\n0,1\n", vec!["no column \"code\". Try \"cod\", or one of \"y\""]),
        ("code,y\n00,1\n0,1\n", vec!["line 3, column \"code\"", "1 decisions", "has 2"]),
        ("code,y\n00,1\n01,2\n00,3\n", vec!["line 4", "the architecture of line 2"]),
        ("code,y\n0-1,1\n01,2\n", vec!["line 3", "the architecture of line 2"]),
        ("code,y\n,1\n", vec!["line 2, column \"code\"", "no decisions"]),
        ("code,y\n0x,1\n", vec!["\"0x\" is not a list of decisions", "0-12-3"]),
        ("code,y\n0-4294967295,1\n", vec!["largest allowed is 99999"]),
        ("code,y\n0-99999999999999,1\n", vec!["line 2, column \"code\""]),
        ("code,y\n0,much\n1,more\n", vec!["line 2, column \"y\": \"much\"", "1 more"]),
        ("code,y\n0,1e999\n", vec!["line 2, column \"y\"", "larger than"]),
        ("code,y\n0,inf\n", vec!["line 2, column \"y\""]),
        ("code,y\n0,NaN\n1,\n", vec!["column \"y\" holds no figure at all"]),
    ] {
        says(read(text), &parts);
    }
    // The largest numbers that there are.
    let table = Table::read(folder.write("t.csv", "code,y\n0,1.7e308\n1,-1.7e308\n")).unwrap();
    assert_eq!(table.objective("y").optimum().unwrap(), 1.7e308);
    assert_eq!(table.objective("y").minimise().optimum().unwrap(), -1.7e308);
    // A space that cannot be made says why, and nothing panics on the way.
    let table = Table::read(folder.write("t.csv", "code,y\n0,1\n00,2\n")).unwrap().objective("y");
    assert!(table.best().is_err() && table.options().is_err() && !table.is_complete());
    says(table.space().check(), &["line 3, column \"code\""]);
    says(Study::new(&table.space(), &table).run(), &["the study: line 3, column \"code\""]);
    assert!(table.to_string().contains("problem: line 3"));
    says(Table::read(folder.0.join("none.csv")), &["no such file"]);
    says(Table::read(&folder.0), &["folder"]);
    says(Table::read(folder.write("b.csv", [0x63, 0x2c, 0xff, 0x0a])), &["UTF-8"]);
}

#[test]
fn damaged_gzip_is_refused() {
    let folder = Folder::new("gzip");
    let mut child = std::process::Command::new("gzip")
        .arg("-c")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(SMALL.as_bytes()).unwrap();
    let packed = child.wait_with_output().unwrap().stdout;
    let table = Table::read(folder.write("t.csv.gz", &packed)).unwrap();
    assert_eq!(table.len(), 5);
    for cut in [3, packed.len() / 2, packed.len() - 4] {
        says(Table::read(folder.write("t.csv.gz", &packed[..cut])), &["damaged or cut short"]);
    }
    let mut broken = packed.clone();
    broken[packed.len() / 2] ^= 0xff;
    says(Table::read(folder.write("t.csv.gz", broken)), &["damaged or cut short"]);
}

#[test]
fn settings_are_checked_together() {
    let table = small("settings");
    says(table.check(), &["no objective", "\"s0\"", "\"test\""]);
    says(table.best(), &["no objective"]);
    says(
        table.evaluate(&table.space().decode([0, 0]).unwrap(), &Budget::new(1, 1, 1)),
        &["no objective"],
    );
    let wrong = table.objective("s00").reporting("tset").cost("note").epochs(3);
    says(
        Study::new(&wrong.space(), &wrong).run(),
        &[
            "4 problems",
            "no column \"s00\". Try \"s0\"",
            "no column \"tset\". Try \"test\"",
            "column \"note\": \"a\" is not a number",
            "epochs(3)",
        ],
    );
    says(table.objectives([""; 0]).check(), &["no objective"]);
    says(table.fidelity([("s0", 0), ("s1", 5)]).check(), &["fidelity: 0 epochs"]);
    says(table.fidelity([("s0", 5), ("s1", 5)]).check(), &["two columns for 5 epochs"]);
    says(table.fidelity([("s0", 5)]).epochs(4).check(), &["epochs(4)", "Try epochs(5)"]);
    let folder = Folder::new("negative");
    let path = folder.write("t.csv", "code,y,t\n0,1,5\n1,1,-5\n");
    says(Table::read(&path).unwrap().objective("y").cost("t").check(), &["line 3, column \"t\""]);
    says(table.objective("s0").optimum_of("s2"), &["no column \"s2\""]);
}

// ------------------------------------------------------------------------------- over a given space

/// One to three layers of two widths each: the first decision says how many widths follow.
fn towers() -> Space {
    Space::new([8], Task::classification(3)).then(repeat(1..=3, linear(any([4, 8]))))
}

/// A row for each of them, with its parameters as the score.
fn tower_rows() -> Vec<String> {
    let row = |a: Architecture| {
        let code: String = a.decisions().iter().map(u32::to_string).collect();
        format!("{code},{}\n", a.params())
    };
    towers().enumerate().map(row).collect()
}

#[test]
fn codes_of_different_lengths_belong_to_a_given_space() {
    let folder = Folder::new("over");
    let space = towers();
    let path = folder.write("t.csv", format!("code,y\n{}", tower_rows().concat()));
    let table = Table::read(&path).unwrap().objective("y");
    // Alone, the codes do not say what their numbers mean.
    let parts =
        ["line 4, column \"code\": \"100\" has 3 decisions, and the first row has 2", ".over(&"];
    says(table.check(), &parts);
    says(table.space().check(), &parts);
    says(table.best(), &parts);
    says(Study::new(&space, &table).run(), &parts);
    says(table.evaluate(&space.default_architecture().unwrap(), &Budget::new(1, 1, 1)), &parts);
    let table = table.over(&space);
    table.check().unwrap();
    assert_eq!((table.space(), table.is_complete()), (space.clone(), true));
    for arch in space.enumerate() {
        let e = table.evaluate(&arch, &Budget::new(1, 1, 1)).unwrap();
        assert_eq!(e.score(), arch.params() as f64, "{arch}");
    }
    assert_eq!(table.best().unwrap().to_string(), "linear(8)>linear(8)>linear(8)");
    assert!(table.to_string().contains("14 rows, 2 to 4 decisions, complete"), "{table}");
    says(table.options(), &["2 to 4 decisions", "table.space()"]);
    let study = Study::new(&space, &table).strategy(Grid).quiet().run().unwrap();
    assert_eq!((study.trials_done().len(), study.failed().len()), (14, 0));
    let other = Space::new([8], Task::classification(3)).then(linear(any([4, 8])));
    says(Study::new(&other, &table).run(), &["1 decision,", "have 2 to 4"]);
    // What the study wrote is a table over the space, by another column.
    let trials = folder.0.join("trials.csv");
    study.save_csv(&trials).unwrap();
    let again = Table::read(&trials).unwrap().objective("score").over(&space).code("decisions");
    assert_eq!((again.len(), again.best().unwrap()), (14, table.best().unwrap()));
}

#[test]
fn codes_that_the_given_space_does_not_have() {
    let folder = Folder::new("strangers");
    let read = |rows: &[String]| {
        let path = folder.write("t.csv", format!("code,y\n{}", rows.concat()));
        Table::read(path).unwrap().objective("y").over(&towers())
    };
    let mut rows = tower_rows();
    rows.remove(3);
    assert!(!read(&rows).is_complete());
    rows[5] = "0000,1\n".into();
    let parts =
        ["line 7, column \"code\": \"0000\" is not an architecture of the space", "has only 2"];
    says(read(&rows).check(), &parts);
    says(read(&rows).best(), &parts);
    says(Study::new(&towers(), read(&rows)).run(), &parts);
    rows[8] = "02,1\n".into();
    says(read(&rows).check(), &["line 7", "nor are those of 1 more rows"]);
    // The same in memory, with rows in place of lines.
    let codes = [vec![0u32, 0], vec![1, 1, 1], vec![1, 1]];
    let table = Table::new("mine", codes, [("y", [1.0, 2.0, 3.0])]).unwrap().objective("y");
    says(table.check(), &["row 2: \"111\" has 3 decisions, and the first row has 2"]);
    says(table.over(&towers()).check(), &["row 3, column \"code\": \"11\" is not an architecture"]);
    // A space with a problem of its own, and one where a decision that never varies is not one.
    let broken = towers().then(linear(any([0i64; 0])));
    says(table.over(&broken).check(), &["over(&space): the search space"]);
    let table = small("fixed").objective("s0");
    assert!(table.over(&table.space()).check().is_ok());
    let path = folder.write("t.csv", "code,y\n002,1\n101,5\n");
    let table = Table::read(path).unwrap().objective("y");
    let (bare, whole) = (table.space(), Space::decisions([2, 2, 3]));
    assert_eq!(table.over(&bare).best().unwrap().decisions(), [1, 1]);
    assert_eq!(table.over(&whole).best().unwrap().decisions(), [1, 0, 1]);
}

#[test]
fn real_networks_in_the_place_of_decisions() {
    let table = small("networks").objective("s0");
    let space = Space::new([8], Task::classification(3))
        .then(linear(any([4, 8])))
        .then(linear(any([4, 8, 16])));
    let table = table.over(&space);
    assert_eq!(table.best().unwrap().to_string(), "linear(8)>linear(4)");
    assert_eq!(table.options().unwrap(), [2, 3]);
    assert!(!table.is_complete());
}

#[test]
fn codes_that_a_spreadsheet_changed() {
    let folder = Folder::new("spreadsheet");
    let all: Vec<String> = (0..27).map(|i| format!("{}{}{}", i / 9, i / 3 % 3, i % 3)).collect();
    let read = |codes: &[String], first: &str| {
        let row = |(i, code): (usize, &String)| format!("{code},{i}\n");
        let rows: String = codes.iter().enumerate().map(row).collect();
        Table::read(folder.write("t.csv", format!("code,y\n{first}{rows}"))).unwrap().objective("y")
    };
    let number = |code: &String| code.parse::<u32>().unwrap();
    let wanted = read(&all, "");
    let best = wanted.best().unwrap();
    type Change<'a> = &'a dyn Fn(&String) -> String;
    // Read: nothing else can be meant.
    let changes: [(&str, Change); 6] = [
        ("put back", &|c| number(c).to_string()),
        ("put back", &|c| format!("{}.0", number(c))),
        ("", &|c| format!("'{c}")),
        ("", &|c| format!("\"=\"\"{c}\"\"\"")),
        ("", &|c| format!("\"[{}, {}, {}]\"", &c[..1], &c[1..2], &c[2..])),
        ("", &|c| format!("\"[{}. {}. {}.]\"", &c[..1], &c[1..2], &c[2..])),
    ];
    for (note, change) in changes {
        let table = read(&all.iter().map(change).collect::<Vec<_>>(), "");
        assert_eq!(table.options().unwrap(), [3, 3, 3], "{table}");
        assert!(table.is_complete() && table.best().unwrap() == best, "{table}");
        let said = table.to_string();
        assert!(said.contains(note), "{note}: {said}");
    }
    let exponents = ["1.02E+02", "2.2E+02", "1.11E+02"].map(String::from);
    let table = read(&exponents, "");
    assert_eq!(table.options().unwrap(), [3, 3, 3]);
    assert!(table.to_string().contains("1.02E+02 as 102"), "{table}");
    let floats = ["102.0", "222.0", "201.0"].map(String::from);
    assert_eq!(read(&floats, "").best().unwrap().decisions(), [2, 0, 1]);

    // Refused, since rows are missing; what is said to do works.
    let part: Vec<String> = all.iter().step_by(2).cloned().collect();
    let lost: Vec<String> = part.iter().map(|c| number(c).to_string()).collect();
    let said =
        ["leading zeros were lost", ".astype(int).astype(str).str.zfill(3)", ".over(&space)"];
    says(read(&lost, "").check(), &said);
    let floats: Vec<String> = lost.iter().map(|c| format!("{c}.0")).collect();
    says(read(&floats, "").check(), &said);
    says(read(&floats, "").over(&Space::decisions([3, 3, 3])).check(), &[said[0], said[1]]);
    let filled: Vec<String> = lost.iter().map(|c| format!("{c:0>3}")).collect();
    read(&filled, "").check().unwrap();
    assert_eq!(read(&filled, "").options().unwrap(), [3, 3, 3]);
    // All numbers up to 99 may be one choice of a hundred, or two of ten.
    let numbers: Vec<String> = (0..100).map(|i| i.to_string()).collect();
    says(read(&numbers, "").check(), &["a single one as [12]", "zfill(2)"]);
    let listed: Vec<String> = (0..100).map(|i| format!("[{i}]")).collect();
    assert_eq!(read(&listed, "").options().unwrap(), [100]);
    let zeros: Vec<String> = (0..100).map(|i| format!("{i:02}")).collect();
    assert_eq!(read(&zeros, "").options().unwrap(), [10, 10]);
    // Codes that begin with zeros of their own have lost none.
    let uneven = ["00", "01", "100"].map(String::from);
    let text = read(&uneven, "").check().unwrap_err().to_string();
    assert!(!text.contains("leading zeros"), "{text}");

    for (first, parts) in [
        ("2-Jan-03,1\n", ["line 2, column \"code\": \"2-Jan-03\" is a date", "as text"]),
        ("2003-01-02,1\n", ["is a date", "apostrophe"]),
        ("1/2/03,1\n", ["is a date", "digits alone, as 312"]),
    ] {
        says(read(&all, first).check(), &parts);
    }
    let lists = ["'0-1-2", "'3-1-2"].map(String::from);
    assert_eq!(read(&lists, "").options().unwrap(), [4, 2, 3]);
    let grouped = ["\"421,211\"", "\"21,211\"", "\"120\""].map(String::from);
    says(read(&grouped, "").check(), &["line 2", "marks between thousands", "421211"]);
    let rounded = ["1.23457E+11", "2.1E+10"].map(String::from);
    says(read(&rounded, "").check(), &["line 2", "12 digits", "the code is lost", "dtype=str"]);
    let twice = ["102", "102.0"].map(String::from);
    says(read(&twice, "").check(), &["line 3", "architecture of line 2", ".objectives("]);
}

#[test]
fn figures_as_people_write_them() {
    let folder = Folder::new("figures");
    let read = |text: &str| Table::read(folder.write("t.csv", text)).unwrap().objective("y");
    for text in [
        "code;y\n0;1,5\n1;12,25\n",
        "code,y\n0,\"1,5\"\n1,\"12,25\"\n",
        "code\ty\n0\t1,5\n1\t12,25\n",
        "code,y\r0,1.5\r1,12.25\r",
        "\u{feff}code,y\r\n0,1.5\r\n1,12.25\r\n",
    ] {
        assert_eq!(read(text).optimum().unwrap(), 12.25, "{text}");
    }
    assert_eq!(read("code;y\n0;1.234,5\n1;999\n").optimum().unwrap(), 1234.5);
    says(read("code;y\n0;1,234\n1;2,345\n").check(), &["column \"y\"", "may be 1234 or 1.234"]);
    says(read("code;y\n0;1,5\n1;2.5\n").check(), &["cannot both be read"]);
    // Missing in any spelling.
    for missing in ["", "NA", "None", "-", "#N/A", "<NA>"] {
        assert_eq!(read(&format!("code,y\n0,{missing}\n1,2\n")).optimum().unwrap(), 2.0);
    }
}

#[test]
fn columns_of_a_study_never_collide() {
    let names =
        ["score", "metric_score", "trial", "seed", "error", "metric_metric_score", "loss", ""];
    let space = Space::decisions([3, 2]);
    let each = evaluator(move |arch: &Architecture, _: &Budget| {
        let sum = arch.decisions().iter().sum::<u32>() as f64;
        (0..names.len()).fold(Evaluation::new(sum), |e, i| e.with(names[i], i as f64))
    });
    let study = Study::new(&space, each).strategy(Grid).quiet().run().unwrap();
    let folder = Folder::new("collide");
    let path = folder.0.join("trials.csv");
    study.save_csv(&path).unwrap();
    let table = Table::read(&path).unwrap().code("decisions").objective("score");
    assert_eq!(table.optimum().unwrap(), 3.0);
    let mut columns = table.columns();
    assert!(columns.iter().all(|c| !c.is_empty()), "{columns:?}");
    assert_eq!(columns[..3], ["trial", "status", "score"]);
    let arch = space.default_architecture().unwrap();
    let of = |column: &str| table.figure(&arch, column).unwrap().unwrap();
    // Under its own name where that is free.
    assert_eq!((of("metric_score"), of("metric_metric_score"), of("loss")), (1.0, 5.0, 6.0));
    assert_eq!(of("metric_metric_metric_score"), 0.0);
    assert_eq!((of("metric_trial"), of("metric_seed"), of("metric_error")), (2.0, 3.0, 4.0));
    columns.sort();
    columns.dedup();
    assert_eq!(columns.len(), table.columns().len());
    // Lists of numbers are lists to other programs too, and to a table.
    for sizes in [vec![30], vec![3, 12], vec![2, 2, 2]] {
        let space = Space::decisions(sizes.clone());
        let each = evaluator(|arch: &Architecture, _: &Budget| {
            arch.decisions().iter().fold(0.0, |sum, &d| 100.0 * sum + f64::from(d))
        });
        let study = Study::new(&space, each).strategy(Grid).trials(40).quiet().run().unwrap();
        study.save_csv(&path).unwrap();
        let table = Table::read(&path).unwrap().code("decisions").objective("score");
        assert_eq!((table.options().unwrap(), table.is_complete()), (sizes, true));
        assert_eq!(table.best().unwrap(), study.best().unwrap().architecture());
        let dotted =
            study.to_csv().lines().any(|l| l.split(',').any(|c| c == "1.10" || c == "0.1"));
        assert!(!dotted);
    }
}

// ------------------------------------------------------------------------------ without any file

#[test]
fn a_table_of_numbers() {
    let codes = [[0u32, 0], [0, 12], [1, 0], [1, 12]];
    let nan = f64::NAN;
    let table = Table::new(
        "mine",
        codes,
        [
            ("s_s0", [10.0, 20.0, 30.0, nan]),
            ("s_s1", [11.0, nan, 31.0, nan]),
            ("seconds", [1.0, 2.0, 3.0, -4.0]),
        ],
    );
    let table = table.unwrap().objectives(["s_s0", "s_s1"]);
    assert_eq!((table.len(), table.metric().name, table.full()), (4, "s".to_string(), 1));
    assert_eq!(table.columns(), ["code", "s_s0", "s_s1", "seconds"]);
    assert_eq!(table.options().unwrap(), [2, 13]);
    assert_eq!((table.optimum().unwrap(), table.best().unwrap().decisions()), (30.5, vec![1, 0]));
    let last = table.space().decode([1, 12]).unwrap();
    says(table.evaluate(&last, &Budget::new(1, 1, 1)), &["the table mine, row 4", "\"s_s0\""]);
    assert_eq!(table.figure(&last, "seconds").unwrap(), Some(-4.0));
    says(table.cost("seconds").check(), &["row 4, column \"seconds\": a cost of -4"]);
    says(table.reporting("code").check(), &["\"code\" holds the decisions"]);
    assert!(table.to_json().is_none());
    // What cannot be one.
    let none: [[u32; 1]; 0] = [];
    says(Table::new("t", none, [("y", [0.0; 0])]), &["the table t", "no rows"]);
    says(
        Table::new("t", [[0], [1]], [("code", vec![1.0]), ("y", vec![1.0, f64::INFINITY])]),
        &[
            "3 problems",
            "called \"code\"",
            "1 figure, but there are 2 rows",
            "row 2, column \"y\": inf",
        ],
    );
    let one =
        |code: Vec<i64>| Table::new("t", [code], [("y", [1.0])]).unwrap().objective("y").check();
    one(vec![3, 1]).unwrap();
    says(one(vec![0, -1]), &["row 1", "largest allowed is 99999"]);
    says(one(vec![0; 1001]), &["row 1", "at most 1000"]);
    let twins = Table::new("t", [[0], [0]], [("y", [1.0, 2.0])]).unwrap();
    says(twins.objective("y").check(), &["row 2: \"0\" is the architecture of row 1"]);
}

// ----------------------------------------------------------------------------- found by a journal

#[test]
fn a_journal_finds_its_table_again() {
    let folder = Folder::new("again");
    let lines = |s: &Study| s.trials_done().iter().map(Trial::line).collect::<Vec<_>>();
    let path = folder.write("small.csv", SMALL);
    let towers_path = folder.write("towers.csv", format!("code,y\n{}", tower_rows().concat()));
    let read = |path: &PathBuf| Table::read(path).unwrap();
    let arch = read(&path).objective("s0").space().decode([0, 2]).unwrap();
    for (i, table) in [
        read(&path).objectives(["s0", "s1"]).reporting("test").cost("seconds").minimise(),
        read(&path)
            .fidelity([("s0", 10), ("s1", 50)])
            .epochs(10)
            .reporting("test")
            .reporting("seconds"),
        read(&path).code("code").objective("test").over(&Space::decisions([2, 3])),
        read(&towers_path).objective("y").over(&towers()),
        NasBench201::cifar10(),
        NasBench201::cifar100().objective("val_s0").reporting("val"),
        NasBench201::imagenet16().objective("val").cost("time").minimise(),
        Mnist1dBench::table().epochs(9),
    ]
    .iter()
    .enumerate()
    {
        let journal = folder.0.join(format!("{i}.jsonl"));
        // Its own default would go by the number of trials.
        let strategy = Evolution::regularized().population(5).sample(2);
        let plan = Study::new(&table.space(), table).strategy(strategy).quiet();
        let plan = plan.duplicates(Duplicates::Repeat).seed(3);
        let whole = plan.trials(25).run().unwrap();
        plan.trials(9).journal(&journal).run().unwrap();
        // Of the same settings, and with the same figures.
        let resumed = Study::resume(&journal).unwrap();
        assert_eq!(resumed.trials_done().len(), 9, "{i}");
        let resumed = resumed.trials(25).quiet().run().unwrap();
        assert_eq!(lines(&resumed), lines(&whole), "{i}");
        let figures = |s: &Study| -> Vec<_> {
            s.trials_done().iter().map(|t| t.evaluation().map(|e| e.metrics())).collect()
        };
        assert_eq!(figures(&resumed), figures(&whole), "{i}");
    }
    // From another working directory too: the path in the journal is absolute.
    let header = std::fs::read_to_string(folder.0.join("0.jsonl")).unwrap();
    let whole = path.canonicalize().unwrap().display().to_string();
    assert!(header.lines().next().unwrap().contains(&whole), "{whole}");
    assert!(read(&path).evaluate(&arch, &Budget::new(1, 1, 1)).is_err());
}

#[test]
fn the_name_of_a_score_is_a_label() {
    let folder = Folder::new("named");
    let journal = folder.0.join("of.jsonl");
    let table = NasBench201::cifar10();
    assert_eq!(table.metric().name, "validation accuracy (%)");
    assert_eq!(table.objective("val").metric().name, "val");
    // An older journal has the name of the columns.
    let plan = |table: &Table| {
        Study::new(&table.space(), table).duplicates(Duplicates::Repeat).seed(3).quiet()
    };
    let older = table.named("val");
    plan(&older).trials(4).journal(&journal).run().unwrap();
    let resumed = Study::resume(&journal).unwrap();
    assert_eq!(resumed.metric().name, "val");
    drop(resumed);
    let more = plan(&table).trials(6).journal(&journal).run().unwrap();
    assert_eq!(
        (more.trials_done().len(), more.metric().name.as_str()),
        (6, "validation accuracy (%)")
    );
    // A comparison goes on, too.
    let journal_of_both = folder.0.join("both.jsonl");
    let compared = |table: &Table, journal: &Path| {
        let compare = Compare::new(&table.space(), table).strategies(["random", "evolution"]);
        compare.trials(5).journal(journal).quiet()
    };
    let both = |table: &Table, seeds: usize| compared(table, &journal_of_both).seeds(seeds).run();
    both(&older, 2).unwrap();
    assert_eq!(both(&table, 3).unwrap().metric().name, "validation accuracy (%)");
    says(both(&table.minimise(), 4), &["metric", "minimised"]);
    // Which way is better is more than a label.
    drop(more);
    let turned = plan(&table.minimise()).trials(8).journal(&journal).run();
    says(turned, &["metric", "maximised", "minimised"]);
    // An empty name takes it away, and one that a column on record has is refused.
    assert_eq!(table.named(" ").metric().name, "val");
    says(table.reporting("val").named("val").check(), &["named(\"val\")", "score, val"]);
    // The settings of a table that is only in memory are not kept, so its name has to stay.
    let kept = folder.0.join("memory.jsonl");
    let mine = Table::new("mine", [[0], [1]], [("v", [0.1, 0.2])]).unwrap().objective("v");
    plan(&mine).trials(2).journal(&kept).run().unwrap();
    says(plan(&mine.named("accuracy")).trials(3).journal(&kept).run(), &["its metric is v"]);
    let kept = folder.0.join("memory of both.jsonl");
    compared(&mine, &kept).seeds(2).run().unwrap();
    says(compared(&mine.named("accuracy"), &kept).seeds(3).run(), &["its metric is v"]);
}

#[test]
fn a_journal_refuses_another_table() {
    let folder = Folder::new("other");
    let path = folder.write("small.csv", SMALL);
    let journal = folder.0.join("study.jsonl");
    let table = Table::read(&path).unwrap().objective("s0");
    Study::new(&table.space(), &table).trials(3).quiet().journal(&journal).run().unwrap();
    let before = std::fs::read(&journal).unwrap();
    // One figure is different.
    folder.write("small.csv", SMALL.replace("30,31", "30,32"));
    let parts = ["small.csv is not the one", "fingerprint", ".journal(path)"];
    says(Study::resume(&journal), &parts);
    folder.write("small.csv", "code,y\n0");
    says(Study::resume(&journal), &["study.jsonl", "cannot be read again", "line 2 has 1 field,"]);
    std::fs::remove_file(&path).unwrap();
    says(Study::resume(&journal), &["small.csv: there is no such file", ".journal(path)"]);
    // It can still be looked at, and continued where the table is now.
    assert_eq!(Study::load(&journal).unwrap().trials_done().len(), 3);
    assert_eq!(std::fs::read(&journal).unwrap(), before);
    std::fs::create_dir(folder.0.join("moved")).unwrap();
    let table = Table::read(folder.write("moved/small.csv", SMALL)).unwrap().objective("s0");
    let plan = Study::new(&table.space(), &table).quiet().journal(&journal);
    assert_eq!(plan.trials(5).run().unwrap().trials_done().len(), 5);
    folder.write("small.csv", SMALL);
    assert_eq!(Study::resume(&journal).unwrap().trials_done().len(), 5);
    // An embedded table with a name or a fingerprint that this version does not know.
    let table = NasBench201::cifar10();
    let journal = folder.0.join("embedded.jsonl");
    Study::new(&table.space(), &table).trials(3).quiet().journal(&journal).run().unwrap();
    let text = std::fs::read_to_string(&journal).unwrap();
    let named = text.replace("201 cifar10\\\"", "301 cifar10\\\"");
    let changed = text.replace(&format!("{:016x}", table.data_fingerprint()), "0123456789abcdef");
    assert!(named != text && changed != text);
    std::fs::write(&journal, named).unwrap();
    says(Study::resume(&journal), &["no embedded table \"NAS-Bench-301 cifar10\""]);
    std::fs::write(&journal, changed).unwrap();
    says(Study::resume(&journal), &["the embedded table NAS-Bench-201 cifar10 is not the one"]);
    // Numbers of a notebook's own are in no journal.
    let table = Table::new("mine", [[0], [1]], [("y", [1.0, 2.0])]).unwrap().objective("y");
    let journal = folder.0.join("mine.jsonl");
    Study::new(&table.space(), &table).strategy(Grid).quiet().journal(&journal).run().unwrap();
    says(Study::resume(&journal), &["the table mine", "data of yours", ".journal("]);
}

// ----------------------------------------------------------------------------------- NAS-Bench-201

fn known(file: &str) -> Option<Table> {
    outside(file).map(|path| Table::read(path).unwrap())
}

#[test]
fn tables_of_every_size_are_read() {
    if let Some(table) = known("nasbench201.csv.gz") {
        let table = table.objective("c10_val200").reporting("c10_test200");
        assert_eq!((table.len(), table.is_complete()), (15_625, true));
        assert_eq!(table.options().unwrap(), [5; 6]);
        for (set, validation, test) in
            [("c10", 91.61, 94.37), ("c100", 73.49, 73.51), ("in16", 46.73, 47.31)]
        {
            let best = |kind: &str| table.optimum_of(&format!("{set}_{kind}200")).unwrap();
            assert!((best("val") - validation).abs() < 0.006, "{set}: {}", best("val"));
            assert!((best("test") - test).abs() < 0.006, "{set}: {}", best("test"));
        }
        // By the signal of seed 0, no search passes this.
        let seed0 = table.objective("c100_val200_s0");
        let test = seed0.figure(&seed0.best().unwrap(), "c100_test200").unwrap().unwrap();
        assert!((test - 73.09).abs() < 0.006, "{test}");
    }
    if let Some(table) = known("fcnet_protein_structure.csv.gz") {
        let table = table.objective("loss_mean").minimise().cost("time");
        assert_eq!((table.len(), table.is_complete()), (62_208, true));
        let plan = Study::new(&table.space(), &table).strategy(Evolution::regularized()).quiet();
        let found = plan.trials(500).run().unwrap().best().unwrap().score().unwrap();
        let optimum = table.optimum().unwrap();
        assert!(found >= optimum && found < 1.1 * optimum, "{found}, {optimum}");
    }
    if let Some(table) = known("nasbench201_latency_ms.csv.gz") {
        says(table.objective("raspi4").check(), &["no column \"code\"", "index"]);
    }
}

/// Mean and standard deviation of the test accuracy of the best by the signal, over 500 seeds.
fn over_seeds(plan: &Study) -> (f64, f64) {
    let test_of = |seed: u64| {
        let best = plan.seed(seed).run().unwrap().best().unwrap();
        best.evaluation().unwrap().get("c10_test200").unwrap()
    };
    let tests: Vec<f64> = (0..500).map(test_of).collect();
    let mean = tests.iter().sum::<f64>() / 500.0;
    let squares: f64 = tests.iter().map(|v| (v - mean).powi(2)).sum();
    (mean, (squares / 499.0).sqrt())
}

/// What reference implementations reach on the same table, CIFAR-10, 500 seeds each: sequential,
/// duplicates paid for again; what is reported is the test accuracy of the best by the signal. A million trials,
/// in a few seconds.
#[test]
fn the_figures_of_random_search_evolution_and_local_search() {
    let Some(table) = known("nasbench201.csv.gz") else { return };
    let table = table.reporting("c10_test200");
    let signal = table.objective("c10_val200_s0");
    let short = table.fidelity([("c10_val12", 12), ("c10_val200", 200)]).epochs(12);
    let short = short.cost("c10_time200");
    let plan = |table: &Table| {
        Study::new(&table.space(), table).batch(1).duplicates(Duplicates::Repeat).quiet()
    };
    let (by_time, by_trials) = (plan(&short).simulated_seconds(12_000.0), plan(&signal));
    let evolution = |p: usize, s: usize| Evolution::regularized().population(p).sample(s);
    let (p10, p30, local) = (evolution(10, 3), evolution(30, 10), LocalSearch::new());
    for (name, plan, mean, deviation, within) in [
        ("random, 12,000 s", by_time.clone(), 93.78, 0.32, 0.08),
        ("evolution P10 S3, 12,000 s", by_time.strategy(p10), 93.92, 0.39, 0.08),
        ("local search, 12,000 s", by_time.strategy(&local), 94.02, 0.35, 0.08),
        ("random, 100 cells", by_trials.trials(100), 93.75, 0.30, 0.06),
        ("evolution P30 S10, 100 cells", by_trials.strategy(&p30).trials(100), 94.13, 0.25, 0.06),
        ("local search, 100 cells", by_trials.strategy(&local).trials(100), 94.02, 0.31, 0.06),
        ("random, 300 cells", by_trials.trials(300), 93.94, 0.22, 0.06),
        ("evolution P30 S10, 300 cells", by_trials.strategy(&p30).trials(300), 94.30, 0.19, 0.06),
        ("local search, 300 cells", by_trials.strategy(&local).trials(300), 94.26, 0.20, 0.06),
    ] {
        let (found, spread) = over_seeds(&plan);
        println!("{name}: {found:.3} ± {spread:.3}; {mean} ± {deviation} is known");
        assert!((found - mean).abs() < within, "{name}: {found:.3} for {mean}");
        assert!((spread / deviation - 1.0).abs() < 0.35, "{name}: ± {spread:.3} for {deviation}");
    }
}
