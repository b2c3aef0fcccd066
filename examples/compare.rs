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

mod shared;

use nascent::output;
use nascent::prelude::*;
use nascent::{schedules, strategies};
use shared::{Options, SETTINGS, TABLE};

fn main() {
    if let Err(e) = compare() {
        eprintln!("compare: {e}");
        std::process::exit(1);
    }
}

fn help() -> String {
    format!(
        "compare: strategies beside each other on a table of architectures
{TABLE} (20)
  --epochs N         the budget of a study in epochs. With --curve, --fidelity or mnist1d, schedules (halving,
                     hyperband, ...) have something to decide, and a line has the mean epochs that were spent
  --strategies LIST  names of the tables of strategies and schedules, with commas between, or all (all)
  --journal FILE     keeps what has ended, to continue after an interruption
  --csv FILE         the strategies in numbers, with bands, regrets and ranks
  --save DIR         trials, summary, pairs, the report as a page, and each chart as SVG
{SETTINGS}"
    )
}

/// `evolution:P=30,S=10,random`: a setting belongs to the name before it.
fn names(list: &str) -> Vec<String> {
    let mut names: Vec<String> = vec![];
    for part in list.split(',').map(str::trim) {
        let setting = part.split(':').next().is_some_and(|key| key.contains('=')) || part == "anew";
        match names.last_mut().filter(|name| setting && name.contains(':')) {
            Some(name) => *name += &format!(",{part}"),
            None => names.push(part.to_string()),
        }
    }
    names
}

fn compare() -> Result<()> {
    let options = Options::read(&help(), &["--strategies", "--journal", "--csv", "--save"])?;
    let [journal, csv, save] = ["--journal", "--csv", "--save"].map(|name| options.text(name));
    let given = |file: &str| !file.is_empty();
    // What cannot be written is reported before anything is run.
    let files = [("--table", options.text("--table")), ("--journal", journal), ("--csv", csv)];
    output::apart(files.into_iter().filter(|(_, file)| given(file)))?;
    output::all([
        Some(csv).filter(|f| given(f)).map_or(Ok(()), output::check),
        Some(save).filter(|f| given(f)).map_or(Ok(()), output::check_folder),
    ])?;
    let table = options.table()?;
    table.check()?;

    let mut plan = Compare::new(&table.space(), &table)
        .seeds(options.number::<i64>("--repeats")?.unwrap_or(20))
        .seed(options.number::<u64>("--seed")?.unwrap_or(1))
        .batch(options.number::<i64>("--batch")?.unwrap_or(1))
        .quiet();
    match options.text("--strategies") {
        "" | "all" => {
            plan = plan.strategies(strategies());
            if options.has_fidelities() {
                plan = plan.strategies(schedules());
            }
        }
        list => {
            for name in names(list) {
                plan = plan.strategy(&name, options.strategy(&name)?);
            }
        }
    }
    let (seconds, epochs) = (options.number("--seconds")?, options.number::<usize>("--epochs")?);
    if let Some(seconds) = seconds {
        plan = plan.simulated_seconds(seconds);
    }
    if let Some(epochs) = epochs {
        plan = plan.epochs(epochs);
    }
    match options.number::<usize>("--trials")? {
        None if seconds.is_some() || epochs.is_some() => {}
        trials => plan = plan.trials(trials.unwrap_or(100)),
    }
    if let Some(first) = options.reported() {
        plan = plan.reporting(first);
    }
    if let Some(jobs) = options.number::<usize>("--jobs")? {
        plan = plan.jobs(jobs);
    }
    if given(journal) {
        plan = plan.journal(journal);
    }
    let found = plan.run()?;
    let written = output::all([
        Some(csv).filter(|f| given(f)).map_or(Ok(()), |file| found.save_csv(file)),
        Some(save).filter(|f| given(f)).map_or(Ok(()), |folder| found.save(folder)),
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
        lines +=
            &if options.has_fidelities() { format!(" {:.1}\n", s.epochs) } else { "\n".into() };
    }
    let said = output::write("/dev/stdout", lines);
    options.say_epochs(&table);
    // What a reader must not overlook, beside the lines: the direction, the verdict, failures.
    eprintln!("judged by {}; name, mean, std, median, own seconds per trial", found.metric());
    found.report().notices.iter().for_each(|notice| eprintln!("{notice}"));
    output::all([written, said])
}
