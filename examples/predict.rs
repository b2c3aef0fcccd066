//! How well predictors order the cells of NAS-Bench-201, against the number of cells that they have learned from.
//!
//! ```text
//! cargo run --release --example predict -- --table nasbench201.csv.gz --column c10_val200_s0 --repeats 20
//! ```
//!
//! One line for each predictor: the mean of Kendall's tau over the training sets, and in brackets its standard
//! deviation, for each size. Without `--table`, the embedded validation accuracies are used. `--chart FILE`
//! saves the chart.

use nascent::chart::ChartData;
use nascent::output;
use nascent::prelude::*;
use std::time::Instant;

const HELP: &str = "predict: predictors on NAS-Bench-201
  --table FILE      the benchmark's table (the embedded validation accuracies)
  --column COL      with it: the figure that is learned and predicted (c10_val200_s0)
  --predictors LIST forest, gp, networks (all)
  --encodings LIST  one-hot, path, adjacency, graf, graf+size, wl (all; wl is for gp)
  --sizes LIST      how many cells are learned (20,50,100,200,500)
  --repeats N       how many training sets of each size (20)
  --cells N         how many random cells there are, training sets and judges (3000)
  --chart FILE      saves the chart as SVG";

struct Options {
    table: Option<String>,
    column: String,
    predictors: String,
    encodings: String,
    sizes: Vec<usize>,
    repeats: usize,
    cells: usize,
    chart: Option<String>,
}

impl Options {
    fn read() -> Result<Options> {
        let mut o = Options {
            table: None,
            column: "c10_val200_s0".into(),
            predictors: "forest,gp,networks".into(),
            encodings: "one-hot,adjacency,path,graf,graf+size,wl".into(),
            sizes: vec![20, 50, 100, 200, 500],
            repeats: 20,
            cells: 3000,
            chart: None,
        };
        let mut words = std::env::args().skip(1);
        while let Some(name) = words.next() {
            if name == "--help" {
                println!("{HELP}");
                std::process::exit(0);
            }
            let value = words.next().ok_or(format!("{name}: a value is missing. Try --help."))?;
            let number = |text: &str| {
                text.parse::<usize>().map_err(|_| format!("{name} {text}: a number is needed"))
            };
            match name.as_str() {
                "--table" => o.table = Some(value),
                "--column" => o.column = value,
                "--predictors" => o.predictors = value,
                "--encodings" => o.encodings = value,
                "--sizes" => {
                    o.sizes =
                        value.split(',').map(number).collect::<std::result::Result<_, _>>()?;
                }
                "--repeats" => o.repeats = number(&value)?,
                "--cells" => o.cells = number(&value)?,
                "--chart" => o.chart = Some(value),
                _ => return Err(Error::invalid(name, "no such option", "--help")),
            }
        }
        Ok(o)
    }

    /// The predictors with a short name each.
    fn predictors(&self) -> Result<Vec<(String, Predictor)>> {
        let mut all = vec![];
        for kind in self.predictors.split(',') {
            let predictor = match kind {
                "forest" => Predictor::forest(),
                "gp" => Predictor::gaussian_process(),
                "networks" => Predictor::networks(),
                _ => return Err(Error::invalid(kind, "no predictor", "forest, gp or networks")),
            };
            for encoding in self.encodings.split(',') {
                let size = || Proxy::params().feature().and(&Proxy::flops().feature());
                let on = match encoding {
                    "one-hot" => Encoding::one_hot(),
                    "adjacency" => Encoding::adjacency(),
                    "path" => Encoding::path(),
                    "graf" => Encoding::graf(),
                    "graf+size" => Encoding::graf().and(&size()),
                    "wl" if kind == "gp" => {
                        let distance = Distance::weisfeiler_lehman(2);
                        all.push((format!("{kind} on {encoding}"), predictor.distance(distance)));
                        continue;
                    }
                    "wl" => continue,
                    _ => return Err(Error::invalid(encoding, "no encoding", "--help")),
                };
                all.push((format!("{kind} on {encoding}"), predictor.encoding(&on)));
            }
        }
        Ok(all)
    }
}

fn predict() -> Result<()> {
    let o = Options::read()?;
    if let Some(file) = &o.chart {
        output::check(file)?;
    }
    let (table, column) = match &o.table {
        Some(path) => {
            let space = NasBench201::cifar10().space();
            (Table::read(path)?.objective(&o.column).over(&space), o.column.as_str())
        }
        None => (NasBench201::cifar10(), "val"),
    };
    let (mut cells, mut scores) = (table.space().all()?, vec![]);
    Rng::new(1).shuffle(&mut cells);
    cells.truncate(o.cells);
    for cell in &cells {
        scores.push(table.figure(cell, column)?.ok_or(format!("{cell} has no {column}"))?);
    }
    let graf = Encoding::graf();
    graf.of(&cells[0])?;
    let begun = Instant::now();
    cells.iter().try_for_each(|cell| graf.of(cell).map(drop))?;
    let each = begun.elapsed().as_secs_f64() / cells.len() as f64;
    println!(
        "GRAF: {} numbers in {:.1} microseconds per cell",
        graf.width(&table.space())?,
        1e6 * each
    );
    println!("Kendall's tau with {column}, {} cells, {} training sets", cells.len(), o.repeats);
    let names: Vec<String> = o.sizes.iter().map(|n| format!("{n:>15}")).collect();
    println!("{:<24}{}   seconds", "", names.join(""));
    let mut series = vec![];
    for (name, predictor) in o.predictors()? {
        let begun = Instant::now();
        let chart = Predictor::by_size([&predictor], &cells, &scores, o.sizes.clone(), o.repeats)?;
        let ChartData::TrainingSizes(found) = chart.data() else { continue };
        let mut line = format!("{name:<24}");
        for taus in found.series.iter().flat_map(|s| &s.taus) {
            let all = stats::summary(taus)?;
            line += &format!("  {:.3} ({:.3})", all.mean, all.deviation.unwrap_or(0.0));
        }
        println!("{line}   {:.1}", begun.elapsed().as_secs_f64());
        series.extend(
            found
                .series
                .into_iter()
                .map(|s| nascent::chart::SizeSeries { name: name.clone(), ..s }),
        );
    }
    if let Some(file) = &o.chart {
        let shown = format!("on other cells, {column}");
        Chart::new(nascent::chart::TrainingSizes { shown, series }).save(file)?;
    }
    Ok(())
}

fn main() {
    if let Err(e) = predict() {
        eprintln!("predict: {e}");
        std::process::exit(1);
    }
}
