//! The gallery: every chart and drawing of the crate, on light and on dark pages, at a phone's width and at a
//! wide screen's.
//!
//! ```text
//! cargo run --release --example gallery -- FOLDER
//! ```
//!
//! writes `index.html`, which shows all side by side, each drawing as a file of its own, and `light.html` and
//! `dark.html`, which `tests/gallery.py` opens in a browser. The same data are made every time. `--only NAME`
//! makes the drawings whose names, or whose heading, have that in them; `--hard` makes `hard.html` as well, every chart with long
//! names, emoji, names from right to left, extreme values, no trial, one and a thousand.

mod awkward;

use awkward::{Other, names, values};
use nascent::chart::{Chart, charts, map, sheet, theme};
use nascent::prelude::*;
use nascent::{Finalists, output, strategies};
use std::path::{Path, PathBuf};

const HELP: &str = "gallery FOLDER: every chart and drawing, in files
  --only NAME   those whose names, or whose heading, have this in them
  --hard        hard cases as well, in hard.html";

/// The heading above the rows of the table of charts.
const CHARTS: &str = "Charts with made-up data";

/// One drawing.
struct Drawing {
    heading: &'static str,
    name: String,
    html: String,
}

/// The drawings, in order.
struct Gallery {
    only: Option<String>,
    heading: &'static str,
    drawings: Vec<Drawing>,
}

impl Gallery {
    fn wants(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|part| name.contains(part) || self.heading.contains(part))
    }

    /// Adds a drawing, if it is asked for.
    fn add(&mut self, name: &str, item: &impl Draw) {
        if self.wants(name) {
            let (heading, name, html) = (self.heading, name.to_string(), item.html());
            self.drawings.push(Drawing { heading, name, html });
        }
    }

    /// Whether a part of the gallery, whose names are these, is worth computing.
    fn part(&mut self, heading: &'static str, names: &[&str]) -> bool {
        self.heading = heading;
        names.iter().any(|name| self.wants(name))
    }
}

fn main() -> Result<()> {
    let (mut folder, mut only, mut hard) = (None, None, false);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--only" => only = words.next(),
            "--hard" => hard = true,
            _ if word.starts_with('-') || folder.is_some() => {
                println!("{HELP}");
                return Ok(());
            }
            _ => folder = Some(PathBuf::from(word)),
        }
    }
    let Some(folder) = folder else {
        println!("{HELP}");
        return Ok(());
    };
    let mut gallery = Gallery { only, heading: "", drawings: vec![] };
    gallery.part(CHARTS, &[]);
    for info in charts() {
        gallery.add(info.name, &(info.example)());
    }
    spaces(&mut gallery)?;
    searches(&mut gallery)?;
    decisions(&mut gallery)?;
    trainings(&mut gallery)?;
    schedules(&mut gallery)?;
    shared_weights(&mut gallery)?;
    comparisons(&mut gallery)?;
    std::fs::create_dir_all(&folder)?;
    write(&folder, &gallery)?;
    if hard {
        gallery.part(CHARTS, &[]);
        output::write(
            folder.join("hard.html"),
            page("Hard cases", "light", &hard_cases(&gallery)),
        )?;
    }
    println!("{} drawings: {}", gallery.drawings.len(), folder.join("index.html").display());
    Ok(())
}

/// Search spaces, and a network of each.
fn spaces(gallery: &mut Gallery) -> Result<()> {
    gallery.heading = "Spaces and networks";
    let images = || Space::new([3, 32, 32], Task::classification(10));
    let all = [
        ("space of NAS-Bench-201", images().then(presets::nas_bench_201(16, 5))),
        ("space of NAS-Bench-101", images().then(presets::nas_bench_101(128, 3))),
        ("space of DARTS", images().then(presets::darts(16, 8))),
        ("space of mobile networks", images().then(presets::mobile(16, [(24, 2), (40, 2)], 2..=4))),
        ("space of perceptrons", Space::new([4], Task::classification(3)).then(presets::mlp())),
        (
            "space of sequences",
            Space::on(&Dataset::names_text()).then(presets::language_model(32, 1..=2)),
        ),
        ("space of recurrent cells", {
            Space::on(&Dataset::names_text()).then(embedding(16)).then(presets::darts_rnn(24))
        }),
        ("space of branches", {
            let branches = concat([seq([conv(8, 1), conv(any([8, 16]), 3)]), max_pool(1), skip()]);
            images().then(repeat(1..=4, branches)).then(squeeze_excite(4)).then(global_avg_pool())
        }),
    ];
    for (name, space) in all {
        gallery.add(name, &space.drawing());
        let network = name.replace("space", "network");
        if gallery.wants(&network) {
            gallery.add(&network, &space.sample(&mut Rng::new(3))?);
        }
    }
    gallery.add(
        "a space that cannot be built",
        &Space::new([4], Task::classification(3)).then(conv(8, 3)),
    );
    gallery.add("digits", &Dataset::digits());
    Ok(())
}

/// Searches in the embedded table of NAS-Bench-201.
fn searches(gallery: &mut Gallery) -> Result<()> {
    let names = [
        "study",
        "study before it runs",
        "study of a thousand",
        "family tree of evolution",
        "population of evolution",
        "family tree of annealing",
        "outlook of a model",
        "policy of a controller",
        "frontier of two objectives",
        "map of a benchmark",
        "bill",
        "search map of evolution",
        "search map by graphs",
        "search map of a thousand",
        "hypervolume history of two objectives",
        "timeline of a table",
        "timeline of a thousand",
        "score distribution of a thousand",
        "calibration of a Gaussian process",
        "remaining improvement by a Gaussian process",
        "a search as an animation",
    ];
    if !gallery.part("Searches in a table", &names) {
        return Ok(());
    }
    let table = NasBench201::cifar10();
    let space = table.space();
    let plan = Study::new(&space, &table).batch(1).seed(3).quiet();
    gallery.add(names[1], &plan.explain());
    let evolution = plan.strategy(Evolution::regularized()).trials(150).run()?;
    gallery.add(names[0], &evolution.report());
    let thousand = plan.strategy(Random).trials(1000).batch(4).run()?;
    gallery.add(names[2], &thousand.report());
    gallery.add(names[3], &evolution.family_tree());
    gallery.add(names[4], &evolution.population(30));
    gallery.add("a search as an animation", &evolution.replay());
    gallery.add(names[5], &plan.strategy(Annealing::new()).trials(80).run()?.family_tree());
    let mut rng = Rng::new(5);
    let some = (0..60).map(|_| space.sample(&mut rng)).collect::<Result<Vec<_>>>()?;
    gallery.add(names[6], &GaussianProcess::hamming().outlook(&evolution, &some)?);
    let controller = Reinforce::new();
    let learned = plan.strategy(&controller).trials(200).run()?;
    gallery.add(names[7], &controller.policy(&learned)?);
    let small = plan.objective(Metric::minimise("params")).strategy(Nsga2::new());
    let small = small.trials(200).run()?;
    gallery.add(names[8], &small.frontier());
    let (mut scores, mut costs) = (vec![], vec![]);
    for arch in space.enumerate().take(6000) {
        scores.push(table.figure(&arch, "val")?.unwrap_or(f64::NAN));
        costs.push(arch.macs() as f64);
    }
    let mut places = map("accuracy (%)", scores, "multiply-adds", costs)?;
    if let Ok(best) = evolution.best() {
        let cost = best.architecture().macs() as f64;
        places = places.mark("found", best.score().unwrap_or(f64::NAN), cost);
    }
    gallery.add(names[9], &places);
    gallery.add(names[10], &evolution.bill());
    gallery.add(names[11], &evolution.search_map());
    gallery.add(names[12], &evolution.search_map_by(&Distance::weisfeiler_lehman(2))?);
    gallery.add(names[13], &thousand.search_map());
    gallery.add(names[14], &small.hypervolume_history()?);
    gallery.add(names[15], &plan.strategy(Random).trials(40).batch(4).run()?.timeline());
    gallery.add(names[16], &thousand.timeline());
    gallery.add(names[17], &thousand.score_distribution());
    if gallery.wants(names[18]) {
        gallery.add(names[18], &evolution.calibration(&GaussianProcess::hamming())?);
    }
    if gallery.wants(names[19]) {
        let model = GaussianProcess::hamming();
        gallery.add(names[19], &evolution.remaining_improvement(&model, 0.2)?);
    }
    Ok(())
}

/// What decided the scores of searches.
fn decisions(gallery: &mut Gallery) -> Result<()> {
    let names = [
        "importance of decisions",
        "importance by variance",
        "choices of evolution",
        "interaction of two edges",
        "interaction by rank",
        "parallel coordinates of evolution",
        "importance of conditional decisions",
        "choices of conditional decisions",
        "parallel coordinates of conditional decisions",
        "parallel coordinates of a thousand",
    ];
    if !gallery.part("Decisions of a study", &names) {
        return Ok(());
    }
    let table = NasBench201::cifar10();
    let plan = Study::new(&table.space(), &table).batch(1).seed(3).quiet();
    let evolution = plan.strategy(Evolution::regularized()).trials(200).run()?;
    let thousand = plan.strategy(Random).trials(1000).run()?;
    let edges = Encoding::one_hot().names(&table.space())?;
    let edge = |i: usize| edges[5 * i].split_once('=').map_or("", |(name, _)| name);
    gallery.add(names[0], &evolution.importance()?);
    gallery.add(names[1], &thousand.importance_of_variance()?);
    gallery.add(names[2], &evolution.choices()?);
    gallery.add(names[3], &thousand.interaction(edge(3), edge(5))?);
    gallery.add(names[4], &evolution.interaction_rank(edge(0), edge(3))?);
    gallery.add(names[5], &evolution.parallel_coordinates()?);
    let space = Space::new([3, 32, 32], Task::classification(10));
    let space = space.then(presets::mobile(16, [(24, 2), (40, 2)], 2..=4));
    let size = evaluator(|a, _| {
        let (macs, params) = (a.macs() as f64, a.params() as f64);
        0.95 - 40.0 / macs.sqrt() - 1e-7 * params
    });
    let mobile = Study::new(&space, size).seed(1).quiet().trials(150).run()?;
    gallery.add(names[6], &mobile.importance()?);
    gallery.add(names[7], &mobile.choices()?);
    gallery.add(names[8], &mobile.parallel_coordinates()?);
    gallery.add(names[9], &thousand.parallel_coordinates()?);
    Ok(())
}

/// Short trainings on the digits.
fn trainings(gallery: &mut Gallery) -> Result<()> {
    let names = [
        "study on digits",
        "learning curves on digits",
        "winner",
        "model",
        "finals",
        "trial",
        "timeline on digits",
        "bill on digits",
    ];
    if !gallery.part("Trainings on digits", &names) {
        return Ok(());
    }
    let data = Dataset::digits().take(600);
    let space = Space::on(&data)
        .then(conv(any([4, 8]), 3))
        .then(repeat(1..=2, one_of([conv(8, any([3, 5])).residual(), sep_conv(8, 3), max_pool(2)])))
        .then(global_avg_pool());
    let train = Train::on(&data).epochs(4);
    let study = Study::new(&space, &train).strategy(Evolution::regularized()).trials(10);
    let study = study.batch(1).seed(1).quiet().run()?;
    gallery.add(names[0], &study.report());
    gallery.add(names[1], &study.learning_curves());
    let winner = study.retrain(4)?;
    gallery.add(names[2], &winner);
    gallery.add(names[3], &winner.model());
    if gallery.wants(names[4]) {
        let finals: Finalists = study.finals(3).seeds(3).quiet().run()?;
        gallery.add(names[4], &finals);
    }
    gallery.add(names[5], &study.best()?);
    gallery.add(names[6], &study.timeline());
    gallery.add(names[7], &study.bill().chart());
    Ok(())
}

/// Searches with few epochs for most networks, in the embedded table of learning curves.
fn schedules(gallery: &mut Gallery) -> Result<()> {
    let names = [
        "study with Hyperband",
        "rungs of successive halving",
        "curves that were stopped",
        "timeline of successive halving",
        "bill of successive halving",
    ];
    if !gallery.part("Schedules", &names) {
        return Ok(());
    }
    let table = Mnist1dBench::table();
    let plan = Study::new(&table.space(), &table).batch(1).seed(1).quiet();
    gallery.add(names[0], &plan.strategy(Hyperband::new()).epochs(400).run()?.report());
    let halving = plan.strategy(SuccessiveHalving::new()).trials(40).run()?;
    gallery.add(names[1], &halving.rungs());
    gallery.add(names[3], &halving.timeline());
    gallery.add(names[4], &halving.bill().chart());
    let stopped = plan.strategy(CurveStopping::new()).epochs(400).run()?;
    gallery.add(names[2], &stopped.learning_curves());
    Ok(())
}

/// A search on shared weights.
fn shared_weights(gallery: &mut Gallery) -> Result<()> {
    let names =
        ["study on shared weights", "operation weights", "cell that forms", "signals of a search"];
    if !gallery.part("Shared weights", &names) {
        return Ok(());
    }
    let data = Dataset::digits().take(300);
    let space = Space::on(&data).then(presets::nas_bench_201(4, 1));
    let search = Study::one_shot(&space, &Train::on(&data).epochs(4), Darts::first_order());
    let search = search.seed(1).quiet().run()?;
    gallery.add(names[0], &search.report());
    gallery.add(names[1], &search.operation_weights()?);
    gallery.add(names[2], &search.searched_cell("cell")?);
    gallery.add(names[3], &search.search_signals()?);
    Ok(())
}

/// Strategies side by side.
fn comparisons(gallery: &mut Gallery) -> Result<()> {
    let names = [
        "comparison of four",
        "comparison of all",
        "curves against the strategies' own time",
        "curves against seconds",
        "time to a target",
        "comparison of schedules",
        "score distribution of four strategies",
    ];
    if !gallery.part("Comparisons", &names) {
        return Ok(());
    }
    let table = NasBench201::cifar10();
    let plan = Compare::new(&table.space(), &table).quiet();
    let plan = plan.optimum(table.optimum_of("val")?).trials(40);
    let of = |names: &[&str], seeds: usize| plan.strategies(names.to_vec()).seeds(seeds).run();
    let four = of(&["random", "evolution", "local", "tpe"], 12)?;
    gallery.add(names[0], &four.report());
    gallery.add(names[6], &four.score_distribution());
    if names[1..6].iter().any(|name| gallery.wants(name)) {
        let slow = ["bananas", "autokeras", "gp-hamming", "gp-wl", "gp-graf", "forest"];
        let all: Vec<&str> =
            strategies().iter().map(|row| row.name).filter(|n| !slow.contains(n)).collect();
        let all = of(&all, 4)?;
        gallery.add(names[1], &all.report());
        gallery.add(names[2], &all.curves(Against::Overhead));
        gallery.add(names[3], &all.curves(Against::Seconds));
        gallery.add(names[4], &all.time_to_target(91.0, Against::Trials));
    }
    if gallery.wants(names[5]) {
        let table = Mnist1dBench::table();
        let schedules = Compare::new(&table.space(), &table).reporting("test").quiet();
        let schedules =
            schedules.strategies(["random", "halving", "hyperband"]).epochs(200).seeds(8);
        gallery.add(names[5], &schedules.run()?.report());
    }
    Ok(())
}

/// A chart with awkward data, in all the ways, each with what it is.
fn cases(chart: &Chart) -> Vec<(String, Chart)> {
    let mut all = vec![];
    for (what, text) in names() {
        let mut other = Other { text: Some(&text), values: &[], length: None, count: 0 };
        all.extend(other.of(chart).map(|chart| (format!("{what} names"), chart)));
    }
    for (what, values) in values() {
        let mut other = Other { text: None, values: &values, length: None, count: 0 };
        all.extend(other.of(chart).map(|chart| (format!("{what} values"), chart)));
    }
    for (what, length) in [("none", 0), ("one", 1), ("a thousand", 1000)] {
        let mut other = Other { text: None, values: &[], length: Some(length), count: 0 };
        all.extend(other.of(chart).map(|chart| (what.to_string(), chart)));
    }
    all
}

/// Every chart with awkward data, as one piece of HTML.
fn hard_cases(gallery: &Gallery) -> String {
    let wanted = charts().iter().filter(|info| gallery.wants(info.name));
    let cases = wanted
        .flat_map(|info| cases(&(info.example)()).into_iter().map(move |case| (info.name, case)));
    let cases: Vec<String> = cases
        .map(|(name, (how, chart))| section(&format!("{name}: {how}"), &chart.html()))
        .collect();
    cases.concat()
}

fn section(name: &str, html: &str) -> String {
    let name = theme::escape(name);
    format!("<section data-name=\"{name}\"><h3>{name}</h3>{html}</section>\n")
}

/// A page that is light or dark, or both where `scheme` is `light dark`.
fn page(title: &str, scheme: &str, body: &str) -> String {
    let style = "body{font-family:system-ui,sans-serif;margin:8px}h2{margin-top:40px}h3{font-weight:400;font-size:14px}\
                 .row{display:flex;gap:12px;overflow-x:auto}.row>div{flex:none;padding:8px;background:Canvas;color:CanvasText}";
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\" style=\"color-scheme:{scheme}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><link rel=\"icon\" href=\"data:,\">\
         <title>{title}</title><style>{style}</style>{}</head>\n<body>\n<h1>{title}</h1>\n{body}</body></html>\n",
        sheet()
    )
}

/// The pages, and a file for each drawing.
fn write(folder: &Path, gallery: &Gallery) -> Result<()> {
    let (mut once, mut beside, mut heading) = (String::new(), String::new(), "");
    for drawing in &gallery.drawings {
        if heading != drawing.heading {
            heading = drawing.heading;
            [&mut once, &mut beside]
                .into_iter()
                .for_each(|page| *page += &format!("<h2>{heading}</h2>\n"));
        }
        once += &section(&drawing.name, &drawing.html);
        // A picture is a file, which the index shows four times; a report stands in the index itself.
        let picture = drawing.html.starts_with("<svg");
        let file =
            format!("{}.{}", drawing.name.replace(' ', "-"), if picture { "svg" } else { "html" });
        let shown = match picture {
            true => format!(
                "<img src=\"{file}\" alt=\"\" style=\"max-width:100%;color-scheme:inherit\">"
            ),
            false => drawing.html.clone(),
        };
        let content = if picture {
            drawing.html.clone()
        } else {
            page(&drawing.name, "light dark", &drawing.html)
        };
        output::write(folder.join(file), content)?;
        let place = |scheme: &str, width: usize| {
            format!("<div style=\"color-scheme:{scheme};width:{width}px\">{shown}</div>")
        };
        let places =
            [place("light", 400), place("dark", 400), place("light", 1200), place("dark", 1200)];
        beside += &section(&drawing.name, &format!("<div class=\"row\">{}</div>", places.concat()));
    }
    output::write(folder.join("index.html"), page("Gallery", "light", &beside))?;
    for scheme in ["light", "dark"] {
        output::write(folder.join(format!("{scheme}.html")), page("Gallery", scheme, &once))?;
    }
    Ok(())
}
