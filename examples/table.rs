//! A strategy on a benchmark table, with many seeds, in seconds.
//!
//! ```text
//! cargo run --release --example table -- --table nasbench201.csv.gz --objective c10_val200_s0 \
//!     --report c10_test200 --strategy evolution:P=30,S=10 --trials 100 --repeats 500
//! ```
//!
//! Any file of comma-separated values will do if it has a column of decisions (`code`, such as `421211` or
//! `0-3-12`) and columns of figures. The protocol is that of the literature: one trial after the
//! other, and an architecture that is proposed again is paid for again. `--help` lists the options.

mod shared;

use nascent::prelude::*;
use shared::{Options, SETTINGS, TABLE};
use std::time::Instant;

fn main() {
    if let Err(e) = search() {
        eprintln!("table: {e}");
        std::process::exit(1);
    }
}

fn help() -> String {
    format!(
        "table: runs a strategy on a table of architectures
{TABLE} (1)
  --epochs N         with --curve or --fidelity: the epochs of every trial (the most there are)
  --strategy NAME    a row of the tables of strategies and schedules, as random, local, tpe, hyperband
                     (evolution)
{SETTINGS}"
    )
}

fn search() -> Result<()> {
    let options = Options::read(&help(), &["--strategy"])?;
    let mut table = options.table()?;
    if let Some(epochs) = options.number::<usize>("--epochs")? {
        if !options.has_fidelities() {
            let why = "a table with an objective alone has one budget";
            return Err(Error::invalid(format!("--epochs {epochs}"), why, "--curve or --fidelity"));
        }
        table = table.epochs(epochs);
    }
    table.check()?;
    options.say_epochs(&table);

    let strategy = match options.text("--strategy") {
        "" => "evolution",
        name => name,
    };
    let mut plan = Study::new(&table.space(), &table)
        .strategy(options.strategy(strategy)?)
        .duplicates(Duplicates::Repeat)
        .batch(options.number("--batch")?.unwrap_or(1))
        .quiet();
    if let Some(jobs) = options.number::<usize>("--jobs")? {
        plan = plan.jobs(jobs);
    }
    let (trials, seconds) = (options.number::<usize>("--trials")?, options.number("--seconds")?);
    if let Some(seconds) = seconds {
        plan = plan.simulated_seconds(seconds);
    }
    match (trials, seconds) {
        (Some(trials), _) => plan = plan.trials(trials),
        (None, None) => plan = plan.trials(100),
        (None, Some(_)) => {}
    }
    let first: u64 = options.number("--seed")?.unwrap_or(1);
    let repeats: u64 = options.number("--repeats")?.unwrap_or(1);
    let report = options.reported().unwrap_or_default();

    // The regret of what is reported, or else of the objective; only a complete table knows the optimum.
    let optimum = match (table.is_complete(), report) {
        (false, _) => None,
        (true, "") => Some(table.optimum()?),
        (true, report) => Some(table.optimum_of(report)?),
    };
    let metric = table.metric().name;
    let (mut scores, mut reports, mut regrets, mut trials) = (vec![], vec![], vec![], 0);
    let begun = Instant::now();
    for seed in (0..repeats).map(|i| first.wrapping_add(i)) {
        let study = plan.seed(seed).run()?;
        trials += study.trials_done().len();
        let best = study.best()?;
        let found = best.evaluation().unwrap_or_default();
        let reported = found.get(report);
        let judged = reported.or(report.is_empty().then_some(found.score()));
        let regret = optimum.zip(judged).map(|(optimum, v)| (optimum - v).abs());
        if repeats <= 10 {
            let code: Vec<String> =
                best.architecture().decisions().iter().map(u32::to_string).collect();
            let reported = reported.map_or(String::new(), |v| format!(", {report} {v}"));
            let regret = regret.map_or(String::new(), |v| format!(", regret {v:.3}"));
            println!(
                "seed {seed}: {} of {} trials is the best: {}, {metric} {}{reported}{regret}",
                best.number(),
                study.trials_done().len(),
                code.join("-"),
                found.score()
            );
        }
        scores.push(found.score());
        reports.extend(reported);
        regrets.extend(regret);
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!("{metric}: {}", spread(&scores));
    if !reports.is_empty() {
        println!("{report}: {}", spread(&reports));
    }
    if !regrets.is_empty() {
        println!("regret: {}", spread(&regrets));
    }
    println!("{trials} trials in {seconds:.2} s, {:.0} per second", trials as f64 / seconds);
    Ok(())
}

/// "94.13 ± 0.25 over 500 seeds": mean and standard deviation.
fn spread(values: &[f64]) -> String {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    match values.len() {
        1 => format!("{mean:.3}"),
        _ => {
            let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
            format!("{mean:.3} ± {:.3} over {n} seeds", (squares / (n - 1.0)).sqrt())
        }
    }
}
