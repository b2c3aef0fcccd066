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

use nascent::prelude::*;
use std::str::FromStr;
use std::time::Instant;

fn main() {
    if let Err(e) = search() {
        eprintln!("table: {e}");
        std::process::exit(1);
    }
}

const HELP: &str = "table: runs a strategy on a table of architectures
  --table FILE       comma-separated values with a header, plain or gzip (required)
  --objective COL    what the search sees; several, one column per seed, with commas between
  --fidelity LIST    in place of it: columns and their epochs, as val12:12,val200:200
  --epochs N         with it: the epochs of every trial (the most of the list)
  --code COL         the column of decisions (code)
  --report COL       what is reported of the best, as a test accuracy
  --cost COL         seconds that an evaluation takes, for --seconds
  --maximise, --minimise   the objective's direction (--maximise)
  --strategy NAME    a row of the table of strategies, as random, local, tpe, nsga2; with settings
                     local:first (moves at the first better neighbour), evolution:P=30,S=10
                     (evolution)
  --trials N         the budget in trials (100, unless there are --seconds)
  --seconds S        the budget in simulated seconds
  --batch N          how far results lag behind (1)
  --seed N           the first seed (1)
  --repeats N        how many seeds (1)";

fn search() -> Result<()> {
    let options = Options::read()?;
    let mut table = Table::read(&options.table)?.code(&options.code);
    if !options.objective.is_empty() {
        table = table.objectives(options.objective.split(','));
    }
    if !options.fidelity.is_empty() {
        table = table.fidelity(levels(&options.fidelity)?);
    }
    if let Some(epochs) = options.epochs {
        table = table.epochs(epochs);
    }
    if !options.report.is_empty() {
        table = table.reporting(&options.report);
    }
    if !options.cost.is_empty() {
        table = table.cost(&options.cost);
    }
    if options.minimise {
        table = table.minimise();
    }
    table.check()?;

    let mut plan = Study::new(&table.space(), &table)
        .strategy(strategy_of(&options.strategy)?)
        .duplicates(Duplicates::Repeat)
        .batch(options.batch)
        .quiet();
    if let Some(seconds) = options.seconds {
        plan = plan.simulated_seconds(seconds);
    }
    match (options.trials, options.seconds) {
        (Some(trials), _) => plan = plan.trials(trials),
        (None, None) => plan = plan.trials(100),
        (None, Some(_)) => {}
    }

    // The regret of what is reported, or else of the objective; only a complete table knows the optimum.
    let optimum = match (table.is_complete(), &options.report[..]) {
        (false, _) => None,
        (true, "") => Some(table.optimum()?),
        (true, report) => Some(table.optimum_of(report)?),
    };
    let metric = table.metric().name;
    let (mut scores, mut reports, mut regrets, mut trials) = (vec![], vec![], vec![], 0);
    let begun = Instant::now();
    for seed in options.seed..options.seed + options.repeats {
        let study = plan.seed(seed).run()?;
        trials += study.trials_done().len();
        let best = study.best()?;
        let found = best.evaluation().unwrap_or_default();
        let report = found.get(&options.report);
        let judged = report.or(options.report.is_empty().then_some(found.score()));
        let regret = optimum.zip(judged).map(|(optimum, v)| (optimum - v).abs());
        if options.repeats <= 10 {
            let code: Vec<String> =
                best.architecture().decisions().iter().map(u32::to_string).collect();
            let report = report.map_or(String::new(), |v| format!(", {} {v}", options.report));
            let regret = regret.map_or(String::new(), |v| format!(", regret {v:.3}"));
            println!(
                "seed {seed}: {} of {} trials is the best: {}, {metric} {}{report}{regret}",
                best.number(),
                study.trials_done().len(),
                code.join("-"),
                found.score()
            );
        }
        scores.push(found.score());
        reports.extend(report);
        regrets.extend(regret);
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!("{metric}: {}", spread(&scores));
    if !reports.is_empty() {
        println!("{}: {}", options.report, spread(&reports));
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

/// `evolution:P=30,S=10`: a row of the table of strategies, some of them also with settings.
fn strategy_of(text: &str) -> Result<AnyStrategy> {
    let (name, settings) = text.split_once(':').unwrap_or((text, ""));
    let rows = nascent::strategies();
    let names: Vec<&str> = rows.iter().map(|s| s.name).collect();
    let row = rows.iter().find(|s| s.name == name).ok_or_else(|| {
        Error::invalid(format!("--strategy {text}"), "no such strategy", names.join(", "))
    })?;
    if settings.is_empty() {
        return Ok((row.make)());
    }
    let wrong = |what: &str| {
        Error::invalid(
            format!("--strategy {text}"),
            what.to_string(),
            "evolution:P=30,S=10 or local:first",
        )
    };
    match (name, settings) {
        ("local", "first") => {
            return Ok(nascent::IntoStrategy::into_strategy(
                LocalSearch::new().first_improvement(),
            ));
        }
        ("local", _) => return Err(wrong("its only setting is first")),
        ("evolution", _) => {}
        _ => return Err(wrong("only evolution and local have settings")),
    }
    let mut evolution = Evolution::regularized();
    for setting in settings.split(',') {
        let (key, value) = setting.split_once('=').unwrap_or((setting, ""));
        let n: i64 = value.parse().map_err(|_| wrong("its settings are P=N and S=N"))?;
        evolution = match key.trim() {
            "P" => evolution.population(n),
            "S" => evolution.sample(n),
            _ => return Err(wrong("its settings are P, the population, and S, the sample")),
        };
    }
    Ok(nascent::IntoStrategy::into_strategy(evolution))
}

/// `val12:12,val200:200`
fn levels(list: &str) -> Result<Vec<(String, usize)>> {
    let level = |part: &str| {
        let (column, epochs) = part.rsplit_once(':')?;
        Some((column.to_string(), epochs.parse().ok()?))
    };
    let levels: Option<Vec<_>> = list.split(',').map(level).collect();
    levels.ok_or_else(|| {
        Error::invalid(
            format!("--fidelity {list}"),
            "columns and their epochs are needed",
            "val12:12,val200:200",
        )
    })
}

struct Options {
    table: String,
    code: String,
    objective: String,
    fidelity: String,
    epochs: Option<usize>,
    report: String,
    cost: String,
    minimise: bool,
    strategy: String,
    trials: Option<usize>,
    seconds: Option<f64>,
    batch: usize,
    seed: u64,
    repeats: u64,
}

impl Options {
    fn read() -> Result<Options> {
        let mut o = Options {
            table: String::new(),
            code: "code".into(),
            objective: String::new(),
            fidelity: String::new(),
            epochs: None,
            report: String::new(),
            cost: String::new(),
            minimise: false,
            strategy: "evolution".into(),
            trials: None,
            seconds: None,
            batch: 1,
            seed: 1,
            repeats: 1,
        };
        let mut words = std::env::args().skip(1);
        while let Some(name) = words.next() {
            match name.as_str() {
                "--help" => {
                    println!("{HELP}");
                    std::process::exit(0);
                }
                "--maximise" => o.minimise = false,
                "--minimise" => o.minimise = true,
                _ => {
                    let Some(value) = words.next() else {
                        return Err(Error::invalid(name, "a value is missing", "--help"));
                    };
                    match name.as_str() {
                        "--table" => o.table = value,
                        "--code" => o.code = value,
                        "--objective" => o.objective = value,
                        "--fidelity" => o.fidelity = value,
                        "--epochs" => o.epochs = Some(number(&name, &value)?),
                        "--report" => o.report = value,
                        "--cost" => o.cost = value,
                        "--strategy" => o.strategy = value,
                        "--trials" => o.trials = Some(number(&name, &value)?),
                        "--seconds" => o.seconds = Some(number(&name, &value)?),
                        "--batch" => o.batch = number(&name, &value)?,
                        "--seed" => o.seed = number(&name, &value)?,
                        "--repeats" => o.repeats = number(&name, &value)?,
                        _ => return Err(Error::invalid(name, "no such option", "--help")),
                    }
                }
            }
        }
        if o.table.is_empty() {
            return Err(Error::invalid("--table", "a file is needed", "--table FILE, or --help"));
        }
        if o.repeats == 0 {
            return Err(Error::invalid("--repeats 0", "at least 1 is needed", "--repeats 10"));
        }
        Ok(o)
    }
}

fn number<T: FromStr>(name: &str, value: &str) -> Result<T> {
    value.parse().map_err(|_| Error::invalid(format!("{name} {value}"), "a number is needed", "20"))
}
