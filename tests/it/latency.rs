//! Latency from a table of operations. Real times are compared only where they differ by orders of
//! magnitude; everything else is about tables.

use nascent::prelude::*;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Convolutions of one or two widths, once or twice.
fn small() -> Space {
    Space::new([1, 6, 6], Task::classification(3))
        .then(repeat(1..=2, conv(any([2, 4]), 3)))
        .then(global_avg_pool())
}

/// A table for [`small`] with round numbers, as another machine may have measured it.
const TABLE: &str = r#"{"batch": 1, "seconds": {
    "conv(2,3) on 1x6x6": 1e-3, "conv(4,3) on 1x6x6": 2e-3,
    "conv(2,3) on 2x6x6": 3e-3, "conv(4,3) on 2x6x6": 5e-3,
    "conv(2,3) on 4x6x6": 7e-3, "conv(4,3) on 4x6x6": 11e-3,
    "global_avg_pool on 2x6x6": 1e-4, "global_avg_pool on 4x6x6": 2e-4,
    "linear(3,activation=identity) on 2": 1e-5,
    "linear(3,activation=identity) on 4": 2e-5}}"#;

/// What [`TABLE`] yields for each architecture of [`small`], added up by hand.
const BY_HAND: [(&str, f64); 6] = [
    ("conv(2,3)>global_avg_pool", 1.11e-3),
    ("conv(4,3)>global_avg_pool", 2.22e-3),
    ("conv(2,3)>conv(2,3)>global_avg_pool", 4.11e-3),
    ("conv(2,3)>conv(4,3)>global_avg_pool", 6.22e-3),
    ("conv(4,3)>conv(2,3)>global_avg_pool", 9.11e-3),
    ("conv(4,3)>conv(4,3)>global_avg_pool", 13.22e-3),
];

fn given() -> Latency {
    Latency::from_json(TABLE).unwrap()
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * b.abs()
}

#[test]
fn a_network_takes_as_long_as_its_operations() {
    let (space, latency) = (small(), given());
    for (text, seconds) in BY_HAND {
        let found = latency.of(&space.parse(text).unwrap()).unwrap();
        assert!(near(found, seconds), "{text}: {found}, not {seconds}");
    }
}

#[test]
fn a_measured_table_predicts_the_sum_of_its_rows() {
    let space = small();
    let latency = Latency::new();
    let frozen = latency.for_space(&space).unwrap();
    let rows: BTreeMap<String, f64> = frozen.operations().into_iter().collect();
    let known: BTreeSet<String> = given().operations().into_iter().map(|row| row.0).collect();
    assert_eq!(rows.keys().cloned().collect::<BTreeSet<String>>(), known);
    assert!(rows.values().all(|s| *s > 0.0 && *s < 1.0), "{rows:?}");
    for arch in space.enumerate() {
        let parts = frozen.by_operation(&arch).unwrap();
        assert_eq!(parts.len(), arch.layers().len() - 1, "the input takes no time");
        let sum: f64 = parts.iter().map(|(name, _)| rows[name]).sum();
        // What was measured stays, both in the table that measured it and in its copy.
        for table in [&latency, &frozen, &frozen.clone(), &latency.frozen()] {
            assert_eq!(table.of(&arch).unwrap(), sum);
        }
    }
    assert_eq!(latency.operations(), frozen.operations());
}

#[test]
fn threads_share_a_table_and_agree() {
    let (space, latency) = (small(), Latency::new());
    let all: Vec<Architecture> = space.enumerate().collect();
    let ask = || all.iter().map(|a| latency.of(a).unwrap()).collect::<Vec<f64>>();
    let both = std::thread::scope(|s| [s.spawn(ask), s.spawn(ask)].map(|t| t.join().unwrap()));
    assert_eq!(both[0], both[1]);
    assert_eq!(latency.operations().len(), 10);
}

#[test]
fn eight_convolutions_take_longer_than_one() {
    let space = Space::new([8, 16, 16], Task::classification(3))
        .then(repeat(any([1, 8]), conv(8, 3)))
        .then(global_avg_pool());
    let latency = Latency::new();
    let [one, eight] = [0, 1].map(|pick| latency.of(&space.decode([pick]).unwrap()).unwrap());
    assert!(eight > one, "{eight} {one}");
    assert_eq!(latency.operations().len(), 3);
    // A large difference: 38 million multiply-adds and 8.
    let large = Space::new([64, 32, 32], Task::classification(3)).then(conv(64, 3));
    let tiny = Space::new([4], Task::classification(2));
    let [large, tiny] = [large, tiny].map(|s| s.default_architecture().unwrap());
    for seconds in [Latency::of, Latency::timed] {
        let (large, tiny) = (seconds(&latency, &large).unwrap(), seconds(&latency, &tiny).unwrap());
        assert!(large > tiny && tiny > 0.0 && large < 10.0, "{large} {tiny}");
    }
    let (one, many) = (latency.of(&large).unwrap(), latency.batch(32).of(&large).unwrap());
    assert!(many > 3.0 * one, "{many} {one}");
}

#[test]
fn what_does_not_reach_the_output_is_not_run() {
    // One edge to the middle, then nothing or something from there on.
    let op = || one_of([zero(), conv(2, 3)]);
    let space = Space::new([2, 6, 6], Task::classification(3))
        .then(cell([vec![conv(2, 3)], vec![skip(), op()]]));
    let latency = Latency::new();
    let cut = latency.by_operation(&space.decode([0]).unwrap()).unwrap();
    let names = |parts: &[(String, f64)]| parts.iter().map(|p| p.0.clone()).collect::<Vec<_>>();
    assert!(!names(&cut).iter().any(|name| name.starts_with("conv")), "{cut:?}");
    let whole = latency.by_operation(&space.decode([1]).unwrap()).unwrap();
    let convolutions = names(&whole).iter().filter(|n| n.starts_with("conv")).count();
    assert_eq!(convolutions, 2, "{whole:?}");
    assert!(names(&whole).contains(&"add on 2x6x6 and 2x6x6".to_string()), "{whole:?}");
}

#[test]
fn all_kinds_of_inputs_are_measured() {
    let kinds = [
        Space::new([2, 9, 9], Task::classification(3)).then(wired(
            4,
            4,
            one_of([zero(), conv(same(), 1)]),
        )),
        Space::new([6], Task::next_token(9)).then(embedding(4)).then(one_of([
            lstm(4),
            attention(2).residual(),
            rnn(4),
        ])),
        Space::on(&Dataset::names()).then(embedding(4)).then(gru(4)).then(last()),
    ];
    for space in kinds {
        let latency = Latency::new().for_space(&space).unwrap();
        for arch in space.enumerate() {
            assert!(latency.of(&arch).unwrap() > 0.0, "{arch}");
        }
    }
}

#[test]
fn the_operations_of_a_large_space_are_all_found() {
    // 10^12 architectures, whose operations all count: 10 widths after 10 others.
    let wide = any([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    let layer = linear(wide);
    let space = (0..12).fold(Space::new([2], Task::regression(1)), |s, _| s.then(layer.clone()));
    let mut table = HashMap::new();
    for from in 1..=10 {
        for to in 1..=10 {
            table.insert(format!("linear({to}) on {from}"), 1e-6);
        }
        table.insert(format!("linear(1,activation=identity) on {from}"), 1e-6);
    }
    let read = |table: &HashMap<String, f64>| {
        let json = serde_json::json!({"batch": 1, "seconds": table});
        Latency::from_json(&json.to_string()).unwrap()
    };
    let _ = read(&table).for_space(&space).unwrap();
    // If any one of them is missing the table is not complete, and the search for them notices.
    for gone in ["linear(7) on 9", "linear(1,activation=identity) on 3"] {
        let mut less = table.clone();
        assert!(less.remove(gone).is_some());
        let says = read(&less).for_space(&space).unwrap_err().to_string();
        assert!(says.contains(&format!("of 109 operations lacks {gone}. Try")), "{says}");
    }
}

#[test]
fn tables_are_kept_and_read() {
    let latency = Latency::new().for_space(&small()).unwrap();
    let again = Latency::from_json(&latency.to_json()).unwrap();
    assert_eq!((&again, again.operations()), (&latency, latency.operations()));
    let path = std::env::temp_dir().join(format!("nascent-latency-{}.json", std::process::id()));
    latency.save(&path).unwrap();
    assert_eq!(Latency::load(&path).unwrap(), latency);
    std::fs::remove_file(&path).unwrap();
    let says = Latency::load(&path).unwrap_err().to_string();
    assert!(says.starts_with("reading ") && says.contains("nascent-latency-"), "{says}");
    assert_eq!(given().to_string(), "latency of 10 operations in batches of 1");
}

#[test]
fn bad_tables_and_bad_questions_are_errors() {
    for bad in ["{}", "[]", r#"{"batch": 1, "seconds": {"a": -1.0}}"#] {
        assert!(Latency::from_json(bad).is_err(), "{bad}");
    }
    let other = Space::new([1, 6, 6], Task::classification(3)).then(conv(2, 5));
    let arch = other.default_architecture().unwrap();
    for e in [given().of(&arch).unwrap_err(), given().for_space(&other).unwrap_err()] {
        assert_eq!(e.kind(), ErrorKind::Missing);
        let says = "the latency table of 10 operations lacks conv(2,5) on 1x6x6. Try \
                    Latency::new().for_space(&space)?";
        assert!(e.to_string().starts_with(says), "{e}");
    }
    for batch in [0, -3] {
        let none = Latency::new().batch(batch);
        for e in [none.of(&arch).unwrap_err(), none.timed(&arch).unwrap_err()] {
            assert!(e.to_string().contains("a batch has at least one sample"), "{e}");
        }
    }
    let decisions = Space::decisions([2, 2]);
    let e = Latency::new().of(&decisions.decode([0, 1]).unwrap()).unwrap_err();
    assert!(e.to_string().contains("there is no network to build"), "{e}");
}

// ------------------------------------------------------------------------------------------ limits

#[test]
fn a_limit_keeps_what_is_quick_enough() {
    for most in [1.2e-3, 6.5e-3, 9.11e-3 - 1e-9, 1.0] {
        let space = small().at_most(given().seconds(most));
        let inside: BTreeSet<String> = space.enumerate().map(|a| a.to_string()).collect();
        let expected = BY_HAND.iter().filter(|(_, s)| *s <= most).map(|(t, _)| t.to_string());
        assert_eq!(inside, expected.collect(), "{most}");
        let mut rng = Rng::new(1);
        let drawn: BTreeSet<String> =
            (0..100).map(|_| space.sample(&mut rng).unwrap().to_string()).collect();
        assert_eq!(drawn, inside, "{most}");
        let kept = Space::from_json(&space.to_json()).unwrap();
        assert_eq!((&kept, kept.fingerprint()), (&space, space.fingerprint()));
    }
}

#[test]
fn a_limit_that_nothing_is_within_says_what_would_do() {
    let space = small().at_most(given().seconds(1e-3));
    let says = space.check().unwrap_err().to_string();
    assert!(
        says.contains(
            "no architecture is within at_most(latency.seconds(0.001)): the smallest has a latency \
             of 1.11 ms. Try at_most(latency.seconds(0.00111)), or smaller options."
        ),
        "{says}"
    );
    small().at_most(given().seconds(0.00111)).check().unwrap();
    let slow = small().at_most(given().seconds(5e-3)).parse(BY_HAND[5].0).unwrap();
    let says = slow.check().unwrap_err().to_string();
    let expected = "it has a latency of 13.2 ms, the space is limited by \
                    at_most(latency.seconds(0.005))";
    assert_eq!(says, expected);
    assert!(small().at_most(given().seconds(f64::NAN)).check().is_err());
    small().at_most(given().seconds(f64::INFINITY)).check().unwrap();
}

#[test]
fn a_limit_with_an_incomplete_table_says_so() {
    let empty = small().at_most(Latency::new().seconds(1.0));
    let says = empty.check().unwrap_err().to_string();
    assert!(
        says.contains(
            "at_most(latency.seconds(1)): the latency table of 0 operations lacks conv(2,3)"
        ),
        "{says}"
    );
    // A table that continues to grow does not move a limit that was made before.
    let latency = Latency::new();
    let limit = latency.seconds(1.0);
    let _ = latency.for_space(&small()).unwrap();
    assert!(small().at_most(limit).check().is_err());
    small().at_most(latency.seconds(1.0)).check().unwrap();
}

#[test]
fn limits_of_different_kinds_hold_together() {
    let space = small().at_most(given().seconds(6.5e-3)).at_most(Params(150));
    let inside: Vec<Architecture> = space.enumerate().collect();
    assert!(!inside.is_empty());
    for arch in small().enumerate() {
        let within = given().of(&arch).unwrap() <= 6.5e-3 && arch.params() <= 150;
        assert_eq!(inside.iter().any(|a| a.to_string() == arch.to_string()), within, "{arch}");
    }
}

#[test]
fn what_would_take_for_ever_is_refused() {
    let space =
        Space::new([8], Task::classification(2)).then(linear(1..=300)).then(linear(1..=300));
    let e = Latency::new().for_space(&space).unwrap_err().to_string();
    assert!(e.contains("at most 5000") && e.contains("fewer widths"), "{e}");
    let arch = space.default_architecture().unwrap();
    for batch in [10_000_000_000_000, i64::MAX] {
        let latency = Latency::new().batch(batch);
        assert!(latency.timed(&arch).is_err() && latency.of(&arch).is_err());
    }
}
