//! Every chart with awkward data: names of any script and length, scores at the ends of
//! what a number can hold, no trials and a hundred thousand. Each must be a picture with its text
//! inside the frame and finite numbers, of a size that a notebook can hold.

use super::portable;
use crate::chart::*;
use serde_json::Value;

/// The largest picture that is allowed, in bytes.
const MOST: usize = 1_000_000;

/// Names that have broken pictures.
fn names() -> Vec<(&'static str, String)> {
    vec![
        ("empty", String::new()),
        ("long", "abcdefghij".repeat(20)),
        ("words", "a strategy with a name of many words ".repeat(6)),
        ("emoji", "🚀👩\u{200d}💻👍🏽❤\u{fe0f}🇩🇪".repeat(9)),
        ("wide", "神経構造探索の戦略".repeat(6)),
        ("combining", "e\u{301}\u{302}\u{303}".repeat(60)),
        ("right to left", "אסטרטגיה אקראית 12".into()),
        ("marks", "a\u{202e}b\u{2067}c\u{200f}d\u{feff}".into()),
        ("control", "a\u{0}\u{1b}[31m\u{7f}\u{9b}b".into()),
        ("markup", "<script>alert(\"1\")</script>&amp;'".into()),
        ("lines", "one\ntwo\r\nthree\tfour\u{2028}five".into()),
        ("percent", "%s {} %d \\n ${x}".into()),
    ]
}

/// The values of all scores, places and times.
fn values() -> Vec<(&'static str, Vec<f64>)> {
    vec![
        ("equal", vec![0.5]),
        ("zero", vec![0.0, -0.0]),
        ("huge", vec![1e300, 2e300, 1.5e300]),
        ("largest", vec![f64::MAX, f64::MIN]),
        ("negative", vec![-1e300, -3e300]),
        ("tiny", vec![1e-300, 3e-300, 2e-300]),
        ("least", vec![5e-324, 1e-310, 0.0]),
        ("mixed", vec![1e300, -1e300, 1e-300, 0.0, 1.0]),
        ("one far", vec![0.9, 0.91, 0.92, 0.905, 0.915, 0.908, 1e300]),
        ("whole and large", vec![1e16, 1e16 + 2.0]),
        ("above 1e100", vec![1.1e100, 0.9e100, -1e100]),
    ]
}

/// The data of a chart as JSON with other texts, numbers and lengths.
struct Other<'a> {
    text: Option<&'a str>,
    values: &'a [f64],
    length: Option<usize>,
    count: usize,
}

impl Other<'_> {
    fn of(&mut self, chart: &Chart) -> Option<Chart> {
        let mut json = serde_json::to_value(chart).unwrap();
        self.turn(&mut json, false);
        serde_json::from_value(json).ok()
    }

    fn turn(&mut self, json: &mut Value, listed: bool) {
        self.count += 1;
        match json {
            // The names of kinds are not texts.
            Value::String(text) if text != "Trials" && text != "Seconds" => {
                if let Some(other) = self.text {
                    *text = if listed { format!("{other}{}", self.count) } else { other.into() };
                }
            }
            Value::Number(number) if number.is_f64() && !self.values.is_empty() => {
                let value = self.values[self.count % self.values.len()];
                *json = Value::from(value);
            }
            Value::Array(list) => {
                // A pair of numbers is one thing.
                let pair = listed && list.len() < 4 && list.iter().all(|v| !v.is_array());
                if let Some(length) = self.length.filter(|_| !pair) {
                    list.truncate(length);
                }
                list.iter_mut().for_each(|v| self.turn(v, true));
            }
            Value::Object(map) => map.values_mut().for_each(|v| self.turn(v, listed)),
            _ => {}
        }
    }
}

/// What is wrong with a chart in any of its forms, or with its size.
fn wrong(what: &str, chart: &Chart) -> Option<String> {
    let tried = std::panic::catch_unwind(|| {
        let svg = chart.svg();
        assert!(svg.len() < MOST, "{} bytes", svg.len());
        check::svg(&svg);
        check::html(&chart.html());
        check::untrusted(&portable(&chart.html()));
        check::plain(&chart.plain());
    });
    let panic = tried.err()?;
    let said = panic.downcast_ref::<String>().cloned();
    let said = said.or_else(|| panic.downcast_ref::<&str>().map(|s| s.to_string()));
    Some(format!("{what}: {}", said.unwrap_or_default()))
}

fn none_of(wrong: Vec<String>) {
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn names_of_any_script_and_length() {
    let mut all = vec![];
    for info in charts() {
        for (name, text) in names() {
            let mut other = Other { text: Some(&text), values: &[], length: None, count: 0 };
            let chart = other.of(&(info.example)()).unwrap();
            all.extend(wrong(&format!("{}: {name}", info.name), &chart));
        }
    }
    none_of(all);
}

#[test]
fn scores_at_the_ends_of_what_a_number_can_be() {
    let mut all = vec![];
    for info in charts() {
        for (name, values) in values() {
            let mut other = Other { text: None, values: &values, length: None, count: 0 };
            let chart = other.of(&(info.example)()).unwrap();
            all.extend(wrong(&format!("{}: {name}", info.name), &chart));
            // Scores are scores, whatever their size.
            if ["best so far", "frontier", "family tree"].contains(&info.name) {
                let said = chart.plain();
                assert!(!said.contains("nothing to draw"), "{}: {name}: {said}", info.name);
            }
        }
    }
    none_of(all);
}

#[test]
fn one_and_none() {
    let mut all = vec![];
    for info in charts() {
        for length in [0, 1, 2] {
            for values in [&[][..], &[1e300], &[-1e300, 1e300]] {
                let mut other = Other { text: None, values, length: Some(length), count: 0 };
                if let Some(chart) = other.of(&(info.example)()) {
                    let what = format!("{} of length {length}, {values:?}", info.name);
                    all.extend(wrong(&what, &chart));
                }
            }
        }
    }
    none_of(all);
}

/// Many thousands of trials, in each chart that grows with them; each picture is of a bounded size.
fn many() -> Vec<(&'static str, Chart)> {
    const N: usize = 20_000;
    /// Where it was first seen.
    const TREE: usize = 100_000;
    let mut rng = crate::rng::Rng::from_u64(3);
    let scores: Vec<f64> =
        (0..TREE).map(|i| 0.9 + 0.09 * (i as f64 / TREE as f64) + 0.02 * rng.normal()).collect();
    let score = |i: usize| (!i.is_multiple_of(50)).then_some(scores[i]);
    let names = || (0..8).map(|i| format!("strategy {i}"));
    let maximise = true;
    let metric = || "accuracy".to_string();
    let run = || BestSeries {
        name: "evolution".into(),
        points: (0..N).map(|i| (i as f64, score(i))).collect(),
    };
    let relative = |i: usize| Relative {
        trial: i,
        score: score(i),
        parents: if i > 50 { vec![i - 1 - i * 7919 % 50, i - 1 - i * 31 % 50] } else { vec![] },
        origin: if i > 50 { "crossover".into() } else { "random".into() },
    };
    let point = |i: usize| FrontierPoint {
        name: format!("trial {i}: conv(16, 3)>linear(8)"),
        x: 1e3 * (1.0 + (i * 7919 % N) as f64),
        score: scores[i],
        best: i == 7,
    };
    vec![
        (
            "best so far",
            Chart::new(BestSoFar {
                axis: Axis::Trials,
                metric: metric(),
                maximise,
                series: vec![run(), run()],
            }),
        ),
        (
            "learning curves",
            Chart::new(LearningCurves {
                metric: metric(),
                maximise,
                x: "epoch".into(),
                curves: (0..N)
                    .map(|i| Curve {
                        name: format!("trial {i}"),
                        highlight: i < 3,
                        values: (0..4).map(|e| scores[i] - 0.1 / (e + 1) as f64).collect(),
                    })
                    .collect(),
            }),
        ),
        (
            "one long curve",
            Chart::new(LearningCurves {
                metric: metric(),
                maximise,
                x: "epoch".into(),
                curves: vec![Curve {
                    name: "trial 0".into(),
                    highlight: true,
                    values: scores[..N].to_vec(),
                }],
            }),
        ),
        (
            "frontier",
            Chart::new(Frontier {
                x: "parameters".into(),
                metric: metric(),
                maximise,
                points: (0..N).map(point).collect(),
                ..Frontier::default()
            }),
        ),
        // Every point on the frontier.
        (
            "front of all",
            Chart::new(Frontier {
                x: "parameters".into(),
                metric: metric(),
                maximise,
                points: (0..N)
                    .map(|i| FrontierPoint { x: i as f64 + 1.0, score: i as f64, ..point(i) })
                    .collect(),
                ..Frontier::default()
            }),
        ),
        (
            "family tree",
            Chart::new(FamilyTree {
                metric: metric(),
                maximise,
                trials: (0..TREE).map(relative).collect(),
            }),
        ),
        (
            "a long line",
            Chart::new(FamilyTree {
                metric: metric(),
                maximise,
                trials: (0..N)
                    .map(|i| Relative {
                        score: Some(i as f64),
                        parents: i.checked_sub(1).into_iter().collect(),
                        ..relative(i)
                    })
                    .collect(),
            }),
        ),
        (
            "population",
            Chart::new(Population {
                metric: metric(),
                maximise,
                members: (0..N)
                    .map(|i| Member {
                        score: scores[i],
                        born: i as f64,
                        died: Some(i as f64 + 50.0),
                        ..Member::default()
                    })
                    .collect(),
                ..Population::default()
            }),
        ),
        (
            "surrogate",
            Chart::new(SurrogateView {
                candidates: (0..N)
                    .map(|i| Candidate {
                        mean: scores[i],
                        sd: 0.01,
                        acquisition: scores[i],
                        ..Candidate::default()
                    })
                    .collect(),
                metric: metric(),
                maximise,
                ..SurrogateView::default()
            }),
        ),
        (
            "spread",
            Chart::new(Spread {
                metric: metric(),
                maximise,
                shown: String::new(),
                reference: None,
                rows: names()
                    .map(|name| SpreadRow { name, values: scores[..N].to_vec() })
                    .collect(),
            }),
        ),
        (
            "bands",
            Chart::new(Bands {
                x: "trials".into(),
                metric: metric(),
                maximise,
                series: names()
                    .map(|name| BandSeries {
                        name,
                        x: (0..N).map(|i| i as f64).collect(),
                        middle: scores[..N].to_vec(),
                        low: scores[..N].iter().map(|s| s - 0.1).collect(),
                        high: scores[..N].iter().map(|s| s + 0.1).collect(),
                    })
                    .collect(),
                ..Bands::default()
            }),
        ),
        (
            "time to target",
            Chart::new(TimeToTarget {
                x: "trials".into(),
                target: "0.9".into(),
                series: names()
                    .map(|name| TargetTimes {
                        name,
                        times: (0..N).map(|i| (!i.is_multiple_of(3)).then_some(i as f64)).collect(),
                    })
                    .collect(),
                ..TimeToTarget::default()
            }),
        ),
    ]
}

/// `cargo test --release --lib thousands_of_trials -- --nocapture` prints sizes and seconds.
#[test]
fn thousands_of_trials_are_a_small_picture() {
    let mut all = vec![];
    for (name, chart) in many() {
        let begun = std::time::Instant::now();
        let svg = chart.svg();
        println!("{name}: {} bytes in {:.3} s", svg.len(), begun.elapsed().as_secs_f64());
        let begun = std::time::Instant::now();
        chart.plain();
        println!("  as text {:.3} s", begun.elapsed().as_secs_f64());
        all.extend(wrong(name, &chart));
    }
    none_of(all);
}

/// `NASCENT_PICTURES=folder cargo test --lib dense -- --ignored` writes them.
#[test]
#[ignore = "writes files for the eye"]
fn dense_pictures_for_the_eye() {
    let folder = std::env::var("NASCENT_PICTURES").map(std::path::PathBuf::from);
    let folder = folder.unwrap_or_else(|_| std::env::temp_dir().join("nascent-pictures"));
    std::fs::create_dir_all(&folder).unwrap();
    for (name, chart) in many() {
        chart.save(folder.join(format!("dense-{}.svg", name.replace(' ', "-")))).unwrap();
    }
}
