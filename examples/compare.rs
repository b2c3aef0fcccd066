//! Strategies side by side on a benchmark table, with many seeds.
//!
//! ```text
//! cargo run --release --example compare -- --table nasbench201.csv.gz --code code \
//!     --objective c10_val200_s0 --report c10_test200 --strategies all --trials 100 --repeats 200 \
//!     --seed 1 --csv summary.csv
//! ```
//!
//! One line for each strategy: `name mean std median seconds-per-trial`, of the reported figure of the
//! best trial, the last being what the strategy took itself; with `--curve`, behind it the mean epochs that a
//! study spent. The protocol is that of the literature:
//! one trial after the other, and an architecture that is proposed again is paid for again. `--help`
//! lists the options.

use nascent::output;
use nascent::prelude::*;
use nascent::{schedules, strategies};
use std::str::FromStr;

fn main() {
    if let Err(e) = compare() {
        eprintln!("compare: {e}");
        std::process::exit(1);
    }
}

const HELP: &str = "compare: strategies beside each other on a table of architectures
  --table FILE       comma-separated values with a header, plain or gzip (required); or mnist1d, the embedded
                     benchmark, whose objective is there after each of 27 epochs
  --code COL         the column of decisions (code)
  --objective COL    what the searches see (required, or --curve); several, one column per seed, with commas
                     between
  --curve PREFIX     the objective after every number of epochs: the columns PREFIX and a number. A budget
                     takes the nearest at or below it. Then schedules (halving, hyperband, bohb, asha, median)
                     have something to decide, the budget is --epochs, and a line has the mean epochs that
                     were spent
  --report COL       what is reported of the best, as a test accuracy; of several the first is judged
  --cost COL         seconds that an evaluation takes
  --maximise, --minimise   the objective's direction (--maximise)
  --space NAME       whose architectures the codes are: nas_bench_201. Then strategies that look at
                     graphs see them; without it the codes are bare decisions
  --strategies LIST  names of the table of strategies, with commas between, or all (all)
  --trials N         the budget of a study in trials (100, unless there are --seconds or --epochs)
  --epochs N         the budget of a study in epochs
  --seconds S        the budget of a study in simulated seconds
  --repeats N        how many seeds (20)
  --seed N           the first seed (1)
  --batch N          how far results lag behind (1)
  --jobs N           threads (one per core)
  --journal FILE     keeps what has ended, to continue after an interruption
  --csv FILE         the strategies in numbers, with bands, regrets and ranks
  --save DIR         trials, summary, pairs, the report as a page, and each chart as SVG";

fn compare() -> Result<()> {
    let options = Options::read()?;
    // What cannot be written is reported before anything is run.
    let files =
        [("--table", &options.table), ("--journal", &options.journal), ("--csv", &options.csv)];
    let given = |file: &String| !file.is_empty();
    output::apart(files.into_iter().filter(|(_, file)| given(file)))?;
    output::all([
        Some(&options.csv).filter(|f| given(f)).map_or(Ok(()), output::check),
        Some(&options.save).filter(|f| given(f)).map_or(Ok(()), output::check_folder),
    ])?;
    let embedded = options.table == "mnist1d";
    let mut table = match embedded {
        true => Mnist1dBench::table(),
        false => Table::read(&options.table)?.code(&options.code),
    };
    table = match options.space.as_str() {
        "" => table,
        "nas_bench_201" => {
            let space = Space::new([3, 32, 32], Task::classification(10));
            table.over(&space.then(presets::nas_bench_201(16, 5)))
        }
        other => {
            return Err(Error::invalid(format!("--space {other}"), "not known", "nas_bench_201"));
        }
    };
    table = match (options.objective.is_empty(), options.curve.is_empty()) {
        (false, false) => {
            return Err(Error::invalid(
                "--objective and --curve",
                "it is one or the other",
                "--curve",
            ));
        }
        (true, true) => table,
        (_, true) => table.objectives(options.objective.split(',')),
        (true, false) => table.curve(&options.curve),
    };
    for column in options.report.split(',').filter(|column| !column.is_empty() && !embedded) {
        table = table.reporting(column);
    }
    if !options.cost.is_empty() {
        table = table.cost(&options.cost);
    }
    if options.minimise {
        table = table.minimise();
    }
    table.check()?;

    let mut plan = Compare::new(&table.space(), &table)
        .seeds(options.repeats)
        .seed(options.seed)
        .batch(options.batch)
        .quiet();
    plan = match options.strategies.as_str() {
        "all" if options.curve.is_empty() && !embedded => plan.strategies(strategies()),
        "all" => plan.strategies(strategies()).strategies(schedules()),
        list => plan.strategies(list.split(',').map(str::trim)),
    };
    if let Some(seconds) = options.seconds {
        plan = plan.simulated_seconds(seconds);
    }
    if let Some(epochs) = options.epochs {
        plan = plan.epochs(epochs);
    }
    match options.trials {
        None if options.seconds.is_some() || options.epochs.is_some() => {}
        trials => plan = plan.trials(trials.unwrap_or(100)),
    }
    if let Some(first) = options.report.split(',').find(|column| !column.is_empty()) {
        plan = plan.reporting(first);
    }
    if let Some(jobs) = options.jobs {
        plan = plan.jobs(jobs);
    }
    if !options.journal.is_empty() {
        plan = plan.journal(&options.journal);
    }
    let found = plan.run()?;
    let written = output::all([
        Some(&options.csv).filter(|f| given(f)).map_or(Ok(()), |file| found.save_csv(file)),
        Some(&options.save).filter(|f| given(f)).map_or(Ok(()), |folder| found.save(folder)),
    ]);
    let mut lines = String::new();
    for s in found.standings() {
        lines += &format!(
            "{} {:.4} {:.4} {:.4} {:.9}",
            s.name.replace(' ', "-"),
            s.mean.value,
            s.deviation.unwrap_or(0.0),
            s.median,
            s.overhead
        );
        let in_epochs = embedded || !options.curve.is_empty();
        lines += &if in_epochs { format!(" {:.1}\n", s.epochs) } else { "\n".into() };
    }
    let said = output::write("/dev/stdout", lines);
    if !options.curve.is_empty() {
        let columns = table.columns();
        let known =
            columns.iter().filter_map(|c| c.strip_prefix(&options.curve)?.parse::<usize>().ok());
        let mut known: Vec<usize> = known.collect();
        known.sort_unstable();
        eprintln!("a budget takes the nearest of epochs {known:?} at or below it");
    }
    // What a reader must not overlook, beside the lines: the direction, the verdict, failures.
    eprintln!("judged by {}; name, mean, std, median, own seconds per trial", found.metric());
    found.report().notices.iter().for_each(|notice| eprintln!("{notice}"));
    output::all([written, said])
}

struct Options {
    table: String,
    code: String,
    objective: String,
    report: String,
    cost: String,
    minimise: bool,
    space: String,
    strategies: String,
    curve: String,
    trials: Option<usize>,
    epochs: Option<usize>,
    seconds: Option<f64>,
    repeats: i64,
    seed: u64,
    batch: usize,
    jobs: Option<usize>,
    journal: String,
    csv: String,
    save: String,
}

impl Options {
    fn read() -> Result<Options> {
        let mut o = Options {
            table: String::new(),
            code: "code".into(),
            objective: String::new(),
            report: String::new(),
            cost: String::new(),
            minimise: false,
            space: String::new(),
            strategies: "all".into(),
            curve: String::new(),
            trials: None,
            epochs: None,
            seconds: None,
            repeats: 20,
            seed: 1,
            batch: 1,
            jobs: None,
            journal: String::new(),
            csv: String::new(),
            save: String::new(),
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
                        "--curve" => o.curve = value,
                        "--epochs" => o.epochs = Some(number(&name, &value)?),
                        "--report" => o.report = value,
                        "--cost" => o.cost = value,
                        "--space" => o.space = value,
                        "--strategies" => o.strategies = value,
                        "--trials" => o.trials = Some(number(&name, &value)?),
                        "--seconds" => o.seconds = Some(number(&name, &value)?),
                        "--repeats" => o.repeats = number(&name, &value)?,
                        "--seed" => o.seed = number(&name, &value)?,
                        "--batch" => o.batch = number(&name, &value)?,
                        "--jobs" => o.jobs = Some(number(&name, &value)?),
                        "--journal" => o.journal = value,
                        "--csv" => o.csv = value,
                        "--save" => o.save = value,
                        _ => return Err(Error::invalid(name, "no such option", "--help")),
                    }
                }
            }
        }
        let judged = if o.curve.is_empty() { &o.objective } else { &o.curve };
        for (name, value) in [("--table", &o.table), ("--objective", judged)] {
            if value.is_empty() && o.table != "mnist1d" {
                return Err(Error::invalid(name, "a value is needed", "--help"));
            }
        }
        Ok(o)
    }
}

fn number<T: FromStr>(name: &str, value: &str) -> Result<T> {
    value.parse().map_err(|_| Error::invalid(format!("{name} {value}"), "a number is needed", "20"))
}
