//! Every chart with awkward data: names of any script and length, scores at the limits of `f64`, no
//! trials and a hundred thousand. Each must become a picture of a size that a notebook can hold, with
//! its text inside the frame and with finite numbers.

use crate::chart::*;
use crate::live::portable;
use awkward::{Other, names, values};

// What the gallery shows as hard cases.
#[path = "../../examples/gallery/awkward.rs"]
mod awkward;

/// The largest picture that is allowed, in bytes.
const MOST: usize = 1_000_000;

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
    /// As many as in the first family tree that was too large.
    const TREE: usize = 100_000;
    let mut rng = crate::rng::Rng::from_u64(3);
    let scores: Vec<f64> =
        (0..TREE).map(|i| 0.9 + 0.09 * (i as f64 / TREE as f64) + 0.02 * rng.normal()).collect();
    let some = &scores[..N];
    let score = |i: usize| (!i.is_multiple_of(50)).then_some(scores[i]);
    let names = || (0..8).map(|i| format!("strategy {i}"));
    let (metric, maximise) = (|| "accuracy".to_string(), true);

    let points: Vec<_> = (0..N).map(|i| (i as f64, score(i))).collect();
    let run = BestSeries { name: "evolution".into(), points };
    let series = vec![run.clone(), run];
    let best = BestSoFar { axis: Axis::Trials, metric: metric(), maximise, series };

    let curves = |curves| LearningCurves { metric: metric(), maximise, x: "epoch".into(), curves };
    let curve = |i: usize| Curve {
        name: format!("trial {i}"),
        highlight: i < 3,
        values: (0..4).map(|e| scores[i] - 0.1 / (e + 1) as f64).collect(),
    };
    let long = Curve { values: some.to_vec(), ..curve(0) };

    let front = |points| Frontier {
        x: "parameters".into(),
        metric: metric(),
        maximise,
        points,
        ..Frontier::default()
    };
    let point = |i: usize| FrontierPoint {
        name: format!("trial {i}: conv(16, 3)>linear(8)"),
        x: 1e3 * (1.0 + (i * 7919 % N) as f64),
        score: scores[i],
        best: i == 7,
    };
    let ahead = |i| FrontierPoint { x: i as f64 + 1.0, score: i as f64, ..point(i) };

    let tree = |trials| FamilyTree { metric: metric(), maximise, trials };
    let relative = |i: usize| Relative {
        trial: i,
        score: score(i),
        parents: if i > 50 { vec![i - 1 - i * 7919 % 50, i - 1 - i * 31 % 50] } else { vec![] },
        origin: if i > 50 { "crossover".into() } else { "random".into() },
    };
    let child = |i: usize| {
        let parents = i.checked_sub(1).into_iter().collect();
        Relative { score: Some(i as f64), parents, ..relative(i) }
    };

    let member = |i: usize| {
        let (born, died) = (i as f64, Some(i as f64 + 50.0));
        Member { score: scores[i], born, died, ..Member::default() }
    };
    let members = (0..N).map(member).collect();
    let population = Population { metric: metric(), maximise, members, ..Population::default() };

    let candidate = |i: usize| {
        let (mean, acquisition) = (scores[i], scores[i]);
        Candidate { mean, sd: 0.01, acquisition, ..Candidate::default() }
    };
    let candidates = (0..N).map(candidate).collect();
    let surrogate =
        SurrogateView { candidates, metric: metric(), maximise, ..SurrogateView::default() };

    let rows = names().map(|name| SpreadRow { name, values: some.to_vec() }).collect();
    let spread = Spread { metric: metric(), maximise, rows, ..Spread::default() };

    let band = |name| BandSeries {
        name,
        x: (0..N).map(|i| i as f64).collect(),
        middle: some.to_vec(),
        low: some.iter().map(|s| s - 0.1).collect(),
        high: some.iter().map(|s| s + 0.1).collect(),
    };
    let (x, series) = ("trials".into(), names().map(band).collect());
    let bands = Bands { x, metric: metric(), maximise, series, ..Bands::default() };

    let times = (0..N).map(|i| (!i.is_multiple_of(3)).then_some(i as f64)).collect::<Vec<_>>();
    let series = names().map(|name| TargetTimes { name, times: times.clone() }).collect();
    let (x, target) = ("trials".into(), "0.9".into());
    let target = TimeToTarget { x, target, series, ..TimeToTarget::default() };

    let (x, y): (Vec<f64>, Vec<f64>) = (0..N).map(|i| (i as f64, scores[i])).unzip();
    let signal = |name| Signal { name, x: x.clone(), y: y.clone(), ..Signal::default() };
    let marks = (0..N).map(|i| (i as f64, format!("mark {i}"))).collect();
    let panels = names().map(signal).collect();
    let signals = SearchSignals { panels, marks, ..SearchSignals::default() };

    let edge = |(from, to)| WeightedEdge {
        from,
        to,
        options: names().collect(),
        frames: (0..N / 10).map(|i| scores[i..i + 8].to_vec()).collect(),
        kept: vec![3],
    };
    let nodes = (0..8).map(|i| format!("node {i}")).collect();
    let edges = (0..8).flat_map(|to| (0..to).map(move |from| (from, to))).map(edge).collect();
    let cell = CellWeights { nodes, edges, ..CellWeights::default() };

    let places: Vec<f64> = (0..300).map(|i| i as f64).collect();
    let plane = Landscape {
        metric: metric(),
        maximise,
        values: scores.chunks(300).take(300).map(<[f64]>::to_vec).collect(),
        path: x.iter().map(|x| (x / 70.0, 150.0 + 100.0 * (x / 900.0).sin())).collect(),
        xs: places.clone(),
        ys: places,
        ..Landscape::default()
    };
    let measured = |i: usize| Measured {
        name: format!("conv(16, 3)>linear({i})"),
        cheap: scores[i] + 0.01 * scores[TREE - 1 - i],
        truth: scores[i],
    };
    let (cheap, truth) = ("accuracy on shared weights".into(), "test accuracy".into());
    let networks = (0..TREE).map(measured).collect();
    let agreement = Agreement { cheap, truth, maximise, networks };
    let waypoint = |i: usize| {
        let name = format!("conv(16, 3)>linear({i})");
        Waypoint { number: i + 1, x: 0.1 + i as f64 / 7.0, y: scores[i], name }
    };
    let points = (0..TREE).map(waypoint).collect();
    let trajectory = Trajectory { y: metric(), maximise, points, ..Trajectory::default() };
    let climb = |i: usize| Climb {
        name: format!("trial {i}"),
        points: (0..=(i % 4)).map(|k| (3f64.powi(k as i32), scores[i] + 0.01 * k as f64)).collect(),
    };
    let (metric, shown) = ("accuracy".to_string(), "Hyperband".into());
    let networks = (0..TREE).map(climb).collect();
    let rungs = Rungs { metric: metric.clone(), maximise, paid: 9e4, shown, networks };

    let placed = |i: usize| Placed {
        number: i,
        x: (i as f64 / 900.0).sin() + 0.2 * scores[TREE - 1 - i],
        y: scores[i * 7919 % TREE],
        score: score(i),
        failed: score(i).is_none(),
        name: format!("conv(16, 3)>linear({i})"),
    };
    let points = (0..TREE).map(placed).collect();
    let searched = SearchMap { metric: metric.clone(), maximise, points, ..SearchMap::default() };
    let volumes = (0..TREE).map(|i| score(i).map(|_| i as f64 / TREE as f64)).collect();
    let volume = HypervolumeHistory { volumes, ..HypervolumeHistory::default() };
    let series = names().map(|name| ScoreSeries { name, scores: scores.clone() }).collect();
    let distribution = ScoreDistribution { series, maximise, ..ScoreDistribution::default() };
    let forecast = |i: usize| Forecast {
        number: i,
        mean: scores[i],
        lows: vec![scores[i] - 0.01, scores[i] - 0.02, scores[i] - 0.03],
        highs: vec![scores[i] + 0.01, scores[i] + 0.02, scores[i] + 0.03],
        truth: scores[i * 7919 % TREE],
        name: String::new(),
    };
    let forecasts = (0..TREE).map(forecast).collect();
    let calibration = Calibration { forecasts, maximise, ..Calibration::default() };
    let stretch = |i: usize| Stretch {
        number: i,
        lane: i % 16,
        begin: (i / 16) as f64,
        end: (i / 16) as f64 + scores[i],
        stopped: i % 3 == 1,
        failed: score(i).is_none(),
        ..Stretch::default()
    };
    let thoughts = (0..TREE).map(|i| (i as f64 / 16.0, i as f64 / 16.0 + 0.02)).collect();
    let trials = (0..TREE).map(stretch).collect();
    let timeline = Timeline { trials, thoughts, ..Timeline::default() };

    let option = |i: usize| OptionScores {
        name: format!("option {i}"),
        scores: scores[i * N / 2..(i + 1) * N / 2].to_vec(),
    };
    let decision = |i: usize| DecisionScores {
        name: format!("decision {i}"),
        options: (0..10).map(option).collect(),
    };
    let (metric, decisions) = ("accuracy".into(), (0..6).map(decision).collect());
    let choices = Choices { metric, maximise, decisions, ..Choices::default() };
    let axis = |i: usize| DecisionAxis {
        name: format!("decision {i}"),
        options: (0..10).map(|o| format!("option {o}")).collect(),
    };
    let line = |i: usize| TrialLine {
        name: format!("trial {i}"),
        score: scores[i],
        picks: (0..12).map(|d| (i % 7 != d).then_some(i * 7919 % (d + 3) % 10)).collect(),
    };
    let parallel = ParallelCoordinates {
        metric: "accuracy".into(),
        maximise,
        decisions: (0..12).map(axis).collect(),
        trials: (0..TREE).map(line).collect(),
        ..ParallelCoordinates::default()
    };

    vec![
        ("search map", searched.into()),
        ("hypervolume history", volume.into()),
        ("score distribution", distribution.into()),
        ("calibration", calibration.into()),
        ("timeline", timeline.into()),
        ("best so far", best.into()),
        ("learning curves", curves((0..N).map(curve).collect()).into()),
        ("one long curve", curves(vec![long]).into()),
        ("frontier", front((0..N).map(point).collect()).into()),
        ("front of all", front((0..N).map(ahead).collect()).into()),
        ("family tree", tree((0..TREE).map(relative).collect()).into()),
        ("a long line", tree((0..N).map(child).collect()).into()),
        ("population", population.into()),
        ("surrogate", surrogate.into()),
        ("spread", spread.into()),
        ("bands", bands.into()),
        ("time to target", target.into()),
        ("search signals", signals.into()),
        ("cell weights", cell.into()),
        ("landscape", plane.into()),
        ("agreement", agreement.into()),
        ("trajectory", trajectory.into()),
        ("rungs", rungs.into()),
        ("choices", choices.into()),
        ("parallel coordinates", parallel.into()),
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

/// Where so many dots share spots that it can be seen, the chart says so; where they do not, it does not.
#[test]
fn binned_charts_say_so() {
    let says = "dots that share a spot are drawn as one";
    let points = |n: u32| (0..n).map(f64::from);
    let best = |n: u32| {
        let points = points(n).map(|i| (i, Some((i * 0.7).sin()))).collect();
        crate::chart::BestSoFar {
            series: vec![crate::chart::BestSeries { points, ..Default::default() }],
            ..Default::default()
        }
    };
    let frontier = |n: u32| {
        let point = |i: f64| crate::chart::FrontierPoint {
            x: i,
            score: (i * 0.7).sin(),
            ..Default::default()
        };
        crate::chart::Frontier { points: points(n).map(point).collect(), ..Default::default() }
    };
    for (n, said) in [(4_000, false), (6_000, true)] {
        let drawn = [Chart::new(best(n)).svg(), Chart::new(frontier(n)).svg()];
        for svg in drawn {
            assert_eq!(svg.contains(says), said, "{n}");
        }
    }
}

/// What a study of many trials shows, and how long it takes to draw: `cargo test --release --lib large_studies --
/// --ignored --nocapture`. At most 200 ms and 300 KB for 1,000 trials, 1 s and 1 MB for 100,000.
#[test]
#[ignore = "100,000 trials take a while; the time counts in a release build only"]
fn large_studies_are_drawn_quickly() {
    use crate::draw::Draw as _;
    let space = crate::Space::decisions([16; 6]);
    let sum = crate::evaluator(|arch, _| {
        let sum = arch.decisions().iter().map(|d| f64::from(*d)).sum::<f64>() / 90.0;
        let curve: Vec<f64> = (1..=4).map(|e| sum - 0.1 / f64::from(e)).collect();
        crate::Evaluation::new(sum).with_curve(curve).with("size", 1.0 + 1e3 * (1.0 - sum))
    });
    let plan = crate::Study::new(&space, sum).objective(crate::Metric::minimise("size")).batch(1);
    let mut wrong = vec![];
    for (trials, most, seconds) in [(1_000, 300_000, 0.2), (100_000, 1_000_000, 1.0)] {
        let study =
            plan.strategy(crate::Evolution::regularized()).trials(trials).quiet().run().unwrap();
        let shown = |chart: crate::Result<Chart>| portable(&chart.unwrap().html());
        let (a, b) = ("0.choice", "1.choice");
        let drawn: [(&str, &dyn Fn() -> String); 9] = [
            ("report", &|| portable(&study.report().html())),
            ("family tree", &|| portable(&study.family_tree().html())),
            ("population", &|| portable(&study.population(100).html())),
            ("learning curves", &|| portable(&study.learning_curves().html())),
            ("importance", &|| shown(study.importance())),
            ("importance of variance", &|| shown(study.importance_of_variance())),
            ("choices", &|| shown(study.choices())),
            ("interaction", &|| shown(study.interaction(a, b))),
            ("parallel coordinates", &|| shown(study.parallel_coordinates())),
        ];
        for (name, draw) in drawn {
            let begun = std::time::Instant::now();
            let (size, took) = (draw().len(), begun.elapsed().as_secs_f64());
            println!("{trials} trials, {name}: {took:.3} s, {} KB", size / 1000);
            let late = took > seconds && !cfg!(debug_assertions);
            if size > most || late {
                wrong.push(format!("{name} of {trials} trials: {took:.3} s, {size} bytes"));
            }
        }
        println!("{trials} trials, the study as text: {:.3} s", {
            let begun = std::time::Instant::now();
            study.plain();
            begun.elapsed().as_secs_f64()
        });
    }
    none_of(wrong);
}
