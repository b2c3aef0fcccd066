//! The quickstart on the command line: a search on the 8x8 digits.
//!
//! ```text
//! cargo run --release --example quickstart -- --trials 40 --jobs 2 --seed 1
//! ```
//!
//! prints a line for each trial and the best at the end. The lines are the same for any number of
//! jobs. Further options: `--epochs N` for each trial (4), `--strategy random|evolution|tpe|...`,
//! `--retrain N` to train the winner for N epochs and test it, `--report FILE.html`, `--replay FILE.svg` (the search as an
//! animation), `--csv FILE.csv`, `--journal FILE` to keep a journal, or continue it if the file exists, and
//! `--checkpoints yes` to keep every running training as well. Ctrl-C ends the search early: what there is
//! is written, and the exit status is 130, as for any program that is interrupted.

use nascent::output;
use nascent::prelude::*;
use std::str::FromStr;

fn main() {
    // An error of `main` would be printed by its Debug text; ours is the same, without "Error:".
    let status = match search() {
        Ok(Some(Ended::Interrupted)) => 130,
        Ok(_) => return,
        Err(e) => {
            eprintln!("quickstart: {e}");
            1
        }
    };
    std::process::exit(status);
}

/// Searches, writes what is asked for, and returns why the search ended.
fn search() -> Result<Option<Ended>> {
    let options = Options::read()?;
    // What cannot be written is reported before anything is trained.
    let files = [
        ("--journal", &options.journal),
        ("--csv", &options.csv),
        ("--report", &options.report),
        ("--replay", &options.replay),
    ];
    output::apart(files.into_iter().filter_map(|(name, file)| Some((name, file.as_ref()?))))?;
    let given = [
        options.csv.as_ref().map(output::check),
        options.report.as_ref().map(Report::check),
        options.replay.as_ref().map(Chart::check),
    ];
    output::all(given.into_iter().flatten())?;

    let data = Dataset::digits();
    let space = Space::on(&data)
        .then(conv(any([16, 32]), 3))
        .then(repeat(
            1..=3,
            one_of([conv(32, any([3, 5])).residual(), sep_conv(32, 3), max_pool(2)]),
        ))
        .then(global_avg_pool());
    let strategies = nascent::strategies();
    let names: Vec<&str> = strategies.iter().map(|s| s.name).collect();
    let row = strategies.iter().find(|s| s.name == options.strategy).ok_or_else(|| {
        Error::invalid(format!("--strategy {}", options.strategy), "unknown", names.join(", "))
    })?;

    let mut plan = Study::new(&space, Train::on(&data).epochs(options.epochs))
        .strategy((row.make)())
        .trials(options.trials)
        .jobs(options.jobs)
        .seed(options.seed)
        .quiet()
        .on_trial(|trial| _ = say(&trial.line()));
    if let Some(file) = &options.journal {
        plan = plan.journal(file);
    }
    if options.checkpoints {
        plan = plan.checkpoints();
    }
    let study = plan.run()?;

    output::all([
        options.csv.as_ref().map_or(Ok(()), |file| study.save_csv(file)),
        options.report.as_ref().map_or(Ok(()), |file| study.report().save(file)),
        options.replay.as_ref().map_or(Ok(()), |file| study.replay().save(file)),
        conclude(&study, &options),
    ])?;
    Ok(study.ended_by())
}

/// The best, and its test if asked for; an error if the search did not come to its end.
fn conclude(study: &Study, options: &Options) -> Result<()> {
    let done = study.trials_done().len();
    if study.ended_by() == Some(Ended::Interrupted) {
        let trials = options.trials;
        return say(&format!("interrupted after {done} of {trials} trials"));
    }
    if done < options.trials && !matches!(study.ended_by(), Some(Ended::Exhausted(_))) {
        let ended = format!("{done} of {} trials are done: {}", options.trials, study.ended());
        return Err(Error::from(ended));
    }
    let best = study.best()?;
    if options.retrain > 0 {
        let winner = study.retrain(options.retrain)?;
        let test = winner.test_score();
        say(&format!("test accuracy {test:.4} after {} epochs", options.retrain))?;
    }
    say(&format!("best trial {} score {:.6}", best.number(), best.score().unwrap_or(f64::NAN)))
}

/// Prints a line; a reader that has gone, such as `head`, is an error and not a panic.
fn say(line: &str) -> Result<()> {
    output::write("/dev/stdout", format!("{line}\n"))
}

const HELP: &str = "quickstart: searches a network for the 8x8 digits
  --trials N      how many architectures to try (20)
  --epochs N      for each trial (4)
  --strategy S    random, grid, local, tpe, or any row of the table of strategies (evolution)
  --seed N        from which everything random follows (0)
  --jobs N        threads; results do not depend on it (2)
  --retrain N     train the winner for N epochs and test it
  --report FILE   the report as .html      --csv FILE   the trials as .csv
  --replay FILE   the search as an animation, as .svg
  --journal FILE  keep a journal, or continue it if the file exists
  --checkpoints yes  keep running trainings beside the journal";

struct Options {
    trials: usize,
    jobs: usize,
    seed: u64,
    epochs: usize,
    retrain: usize,
    strategy: String,
    report: Option<String>,
    replay: Option<String>,
    csv: Option<String>,
    journal: Option<String>,
    checkpoints: bool,
}

impl Options {
    fn read() -> Result<Options> {
        let mut o = Options {
            trials: 20,
            jobs: 2,
            seed: 0,
            epochs: 4,
            retrain: 0,
            strategy: "evolution".into(),
            report: None,
            replay: None,
            csv: None,
            journal: None,
            checkpoints: false,
        };
        let mut words = std::env::args().skip(1);
        while let Some(name) = words.next() {
            if name == "--help" {
                println!("{HELP}");
                std::process::exit(0);
            }
            let value = words.next().unwrap_or_default();
            match name.as_str() {
                "--trials" => o.trials = number(&name, &value)?,
                "--jobs" => o.jobs = number(&name, &value)?,
                "--seed" => o.seed = number(&name, &value)?,
                "--epochs" => o.epochs = number(&name, &value)?,
                "--retrain" => o.retrain = number(&name, &value)?,
                "--strategy" => o.strategy = value,
                "--report" => o.report = Some(value),
                "--replay" => o.replay = Some(value),
                "--csv" => o.csv = Some(value),
                "--journal" => o.journal = Some(value),
                "--checkpoints" => o.checkpoints = value == "yes",
                _ => {
                    return Err(Error::invalid(
                        name,
                        "no such option",
                        "--trials, --jobs, --seed, --epochs, --retrain, --strategy, --report, --replay, \
                         --csv, --journal or --checkpoints",
                    ));
                }
            }
        }
        Ok(o)
    }
}

fn number<T: FromStr>(name: &str, value: &str) -> Result<T> {
    value
        .parse()
        .map_err(|_| Error::invalid(format!("{name} {value}"), "a whole number is needed", "20"))
}
