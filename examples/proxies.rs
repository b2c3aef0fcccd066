//! How well scores without training rank the cells of NAS-Bench-201, and what one costs.
//!
//! ```text
//! cargo run --release --example proxies -- --cells 300 --channels 16 --cells-per-stage 5 --size 32 --seed 1
//! ```
//!
//! Random cells are scored by every proxy, in networks of this size, on noise in place of images. A line per proxy:
//! Spearman's and Kendall's correlations with the accuracy that the benchmark measured on CIFAR-10, and the
//! milliseconds of one score on one core. The accuracy is the test accuracy with `--table nasbench201.csv.gz`, and
//! otherwise the validation accuracy that is embedded. `vote` is the mean rank by synflow, jacob_cov and snip, and
//! `vote of all` that of all proxies but params, flops, plain and l2_norm.

use nascent::prelude::*;
use nascent::{ProxyInfo, proxies, stats};
use std::time::Instant;

const HELP: &str = "proxies: scores without training, against accuracies after training
  --cells N             random cells (300)
  --channels N          channels of the first stage (16)
  --cells-per-stage N   cells per stage (5)
  --size N              pixels of an image's side (32)
  --batch N             images of a batch (64)
  --seed N              the seed (1)
  --minutes N           stops after so many minutes, with the cells that were scored by then
  --only LIST           proxies, separated by commas
  --table FILE          the table of NAS-Bench-201, for its test accuracies";

struct Options {
    cells: usize,
    channels: usize,
    cells_per_stage: usize,
    size: usize,
    batch: usize,
    seed: u64,
    minutes: f64,
    only: Option<String>,
    table: Option<String>,
}

impl Options {
    fn read() -> Result<Options> {
        let mut o = Options {
            cells: 300,
            channels: 16,
            cells_per_stage: 5,
            size: 32,
            batch: 64,
            seed: 1,
            minutes: f64::INFINITY,
            only: None,
            table: None,
        };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            if word == "--help" {
                println!("{HELP}");
                std::process::exit(0);
            }
            let value = words.next().ok_or_else(|| {
                Error::invalid(&word, "a value belongs behind it, or it is not known", "--help")
            })?;
            let number = || {
                let wrong =
                    |_| Error::invalid(format!("{word} {value}"), "a whole number is needed", "20");
                value.parse::<usize>().map_err(wrong)
            };
            match word.as_str() {
                "--cells" => o.cells = number()?,
                "--channels" => o.channels = number()?,
                "--cells-per-stage" => o.cells_per_stage = number()?,
                "--size" => o.size = number()?,
                "--batch" => o.batch = number()?,
                "--seed" => o.seed = number()? as u64,
                "--minutes" => o.minutes = number()? as f64,
                "--only" => o.only = Some(value),
                "--table" => o.table = Some(value),
                _ => return Err(Error::invalid(&word, "not known", "--help")),
            }
        }
        Ok(o)
    }

    fn rows(&self) -> Result<Vec<&'static ProxyInfo>> {
        let Some(only) = &self.only else { return Ok(proxies()) };
        let names: Vec<&str> = only.split(',').collect();
        // Names what is not in the table.
        names.iter().try_for_each(|name| Proxy::named(name).map(drop))?;
        Ok(proxies().into_iter().filter(|row| names.contains(&row.name)).collect())
    }
}

/// A proxy, its scores, and the seconds that they took.
struct Column {
    proxy: Proxy,
    scores: Vec<f64>,
    seconds: f64,
}

fn rank() -> Result<()> {
    let o = Options::read()?;
    let (table, figure) = match &o.table {
        Some(path) => (NasBench201::read(path, "cifar10")?, "c10_test200"),
        None => (NasBench201::cifar10(), "val"),
    };
    let block = presets::nas_bench_201(o.channels, o.cells_per_stage);
    let space = Space::new([3, o.size, o.size], Task::classification(10)).then(block);
    let column = |row: &ProxyInfo| {
        let proxy = (row.make)().batch(o.batch).seed(o.seed);
        Column { proxy, scores: vec![], seconds: 0.0 }
    };
    let mut columns: Vec<Column> = o.rows()?.into_iter().map(column).collect();
    let (mut rng, mut truth, begun) = (Rng::new(o.seed), vec![], Instant::now());
    while truth.len() < o.cells && begun.elapsed().as_secs_f64() < 60.0 * o.minutes {
        let arch = space.sample(&mut rng)?;
        let Some(accuracy) = table.figure(&table.space().decode(arch.decisions())?, figure)? else {
            continue;
        };
        truth.push(accuracy);
        for column in &mut columns {
            let begun = Instant::now();
            column.scores.push(column.proxy.score(&arch)?);
            column.seconds += begun.elapsed().as_secs_f64();
        }
    }
    let (n, size) = (truth.len(), o.size);
    println!(
        "{n} cells, {} channels, {} cells per stage, {size}x{size} pixels, batches of {} of noise, seed {}; \
         against {figure}",
        o.channels, o.cells_per_stage, o.batch, o.seed
    );
    println!("{:<12} {:>9} {:>8} {:>10}", "proxy", "Spearman", "Kendall", "ms");
    let line = |name: &str, scores: &[f64], seconds: f64| -> Result<()> {
        let (rho, tau) = (stats::spearman(scores, &truth)?, stats::kendall_tau(scores, &truth)?);
        println!("{name:<12} {rho:>9.3} {tau:>8.3} {:>10.2}", 1000.0 * seconds / n as f64);
        Ok(())
    };
    for column in &columns {
        line(&column.proxy.name(), &column.scores, column.seconds)?;
    }
    let of = |name: &str| columns.iter().find(|column| column.proxy.name() == name);
    let votes = [
        ("vote", &["synflow", "jacob_cov", "snip"][..]),
        (
            "vote of all",
            &["grad_norm", "snip", "grasp", "fisher", "synflow", "jacob_cov", "naswot", "zen"],
        ),
    ];
    for (name, voters) in votes {
        let Some(voters) = voters.iter().map(|v| of(v)).collect::<Option<Vec<&Column>>>() else {
            continue;
        };
        let scores: Vec<&[f64]> = voters.iter().map(|column| &column.scores[..]).collect();
        let ranks = Vote::mean_ranks(&scores)?;
        line(name, &ranks, voters.iter().map(|column| column.seconds).sum())?;
    }
    Ok(())
}

fn main() {
    if let Err(e) = rank() {
        eprintln!("proxies: {e}");
        std::process::exit(1);
    }
}
