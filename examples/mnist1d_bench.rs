//! Makes the benchmark that [`nascent::Mnist1dBench`] embeds: trains every architecture of its space
//! with two seeds, packs what was found, and prints the figures of its table card.
//!
//! ```text
//! cargo run --release --example mnist1d_bench -- --forecast
//! cargo run --release --example mnist1d_bench -- --jobs 2 --out src/data/mnist1d_bench.bin
//! ```
//!
//! One journal per seed is kept in `--folder` (target/mnist1d-bench), so that a run that was stopped
//! continues where it was. Without `--out`, only the journals are written.

use flate2::{Compression, write::DeflateEncoder};
use nascent::Mnist1dBench;
use nascent::output;
use nascent::prelude::*;
use std::io::Write;
use std::time::Instant;

const EPOCHS: usize = 27;

fn main() -> Result<()> {
    let mut words = std::env::args().skip(1);
    let (mut folder, mut jobs, mut forecast) = ("target/mnist1d-bench".to_string(), 2usize, false);
    let mut out = None;
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
        match word.as_str() {
            "--folder" => folder = value()?,
            "--jobs" => jobs = value()?.parse().map_err(|_| "--jobs needs a number")?,
            "--out" => out = Some(value()?),
            "--forecast" => forecast = true,
            _ => {
                let known = "there are --folder, --jobs, --out and --forecast";
                return Err(format!("{word}: {known}").into());
            }
        }
    }
    let space = Mnist1dBench::space();
    let all: Vec<Architecture> = space.enumerate().collect();
    if forecast {
        return print_forecast(&space, all.len(), jobs);
    }
    if let Some(out) = &out {
        output::check(out)?;
    }
    std::fs::create_dir_all(&folder)?;
    let mut found = vec![];
    for seed in 0..2 {
        let journal = format!("{folder}/seed{seed}.jsonl");
        let study = plan(&space, seed).trials(all.len()).jobs(jobs).journal(&journal).run()?;
        let runs: Option<Vec<Run>> = study.trials_done().iter().map(Run::of).collect();
        found.push(
            runs.filter(|r| r.len() == all.len()).ok_or("a training failed: see the journal")?,
        );
    }
    let clock = clock(&space).trials(all.len()).journal(format!("{folder}/seconds.jsonl")).run()?;
    let seconds: Option<Vec<f64>> = clock.trials_done().iter().map(Trial::score).collect();
    let complete = seconds.filter(|s| s.len() == all.len() && s.iter().all(|s| *s < 0.65));
    let seconds =
        complete.ok_or("an epoch failed, or is too long for the file: see the journal")?;
    print_card(&found, &seconds);
    match out {
        Some(out) => pack(&found, &seconds, &out),
        None => Ok(()),
    }
}

/// Every architecture in order, trained with one seed for all epochs and measured after each.
fn plan(space: &Space, seed: u64) -> Study {
    let train = Mnist1dBench::training();
    let full = train.full();
    let every_epoch = evaluator(move |arch: &Architecture, _: &Budget| {
        let mut run = train.start(arch, seed)?;
        let mut tests = vec![];
        while run.epoch() < full {
            run.advance(1)?;
            tests.push(run.measure(Split::Test)?[0].1);
        }
        let named = |e: Evaluation, (i, v): (usize, &f64)| e.with(&format!("test{:02}", i + 1), *v);
        Ok::<_, Error>(tests.iter().enumerate().fold(run.evaluation(), named))
    });
    let plan = Study::new(space, every_epoch.epochs(full)).strategy(Grid);
    plan.duplicates(Duplicates::Repeat).batch(4)
}

/// The seconds of an epoch with its validation: the shortest of three, one training at a time.
fn clock(space: &Space) -> Study {
    let shortest = evaluator(|arch: &Architecture, _: &Budget| shortest_epoch(arch));
    Study::new(space, shortest).strategy(Grid).jobs(1).batch(1)
}

fn shortest_epoch(arch: &Architecture) -> Result<f64> {
    let (mut run, mut shortest) = (Mnist1dBench::training().start(arch, 0)?, f64::INFINITY);
    for _ in 0..3 {
        let start = Instant::now();
        run.advance(1)?;
        shortest = shortest.min(start.elapsed().as_secs_f64());
    }
    Ok(shortest)
}

/// What all trainings would take, from the epochs of 40 architectures drawn at random.
fn print_forecast(space: &Space, architectures: usize, jobs: usize) -> Result<()> {
    let (mut rng, mut seconds) = (Rng::new(1), vec![]);
    for _ in 0..40 {
        seconds.push(shortest_epoch(&space.sample(&mut rng)?)?);
    }
    let mean = seconds.iter().sum::<f64>() / 40.0;
    let all = mean * (2 * EPOCHS * architectures) as f64;
    println!("{architectures} architectures, two seeds, {EPOCHS} epochs of {:.0} ms", mean * 1e3);
    println!(
        "{:.1} hours of one core, {:.1} with {jobs} jobs",
        all / 3600.0,
        all / 3600.0 / jobs as f64
    );
    Ok(())
}

/// One training: sequences classified correctly after each epoch.
struct Run {
    val: Vec<i64>,
    test: Vec<i64>,
}

impl Run {
    fn of(trial: &Trial) -> Option<Run> {
        let evaluation = trial.evaluation()?;
        let count = |share: f64, of: f64| (share * of).round() as i64;
        let test = |epoch: usize| evaluation.get(&format!("test{epoch:02}"));
        let val: Vec<i64> = evaluation.curve().iter().map(|v| count(*v, 800.0)).collect();
        let test: Option<Vec<i64>> = (1..=EPOCHS).map(|e| Some(count(test(e)?, 1000.0))).collect();
        let run = Run { val, test: test? };
        (run.val.len() == EPOCHS).then_some(run)
    }
}

/// As `src/evaluate/benchmark/mnist1d.rs` reads it.
fn pack(found: &[Vec<Run>], seconds: &[f64], out: &str) -> Result<()> {
    let mut bytes = vec![];
    for runs in found {
        for curve_of in [|run: &Run| run.val.clone(), |run: &Run| run.test.clone()] {
            for run in runs {
                let mut before = 0;
                for count in curve_of(run) {
                    let d = count - before;
                    before = count;
                    let code = if d >= 0 { 2 * d } else { -2 * d - 1 };
                    match code {
                        0..128 => bytes.push(code as u8),
                        _ => bytes.extend([128 | (code & 127) as u8, (code >> 7) as u8]),
                    }
                }
            }
        }
    }
    for seconds in seconds {
        bytes.extend(((seconds * 1e5).round() as u16).to_le_bytes());
    }
    let mut encoder = DeflateEncoder::new(vec![], Compression::best());
    encoder.write_all(&bytes)?;
    let packed = encoder.finish()?;
    output::write(out, &packed)?;
    println!("{out}: {} bytes", packed.len());
    Ok(())
}

fn print_card(found: &[Vec<Run>], seconds: &[f64]) {
    let percent = |runs: &[Run], of: fn(&Run) -> f64| runs.iter().map(of).collect::<Vec<f64>>();
    let val: Vec<Vec<f64>> =
        found.iter().map(|runs| percent(runs, |r| r.val[EPOCHS - 1] as f64 / 8.0)).collect();
    let test: Vec<Vec<f64>> =
        found.iter().map(|runs| percent(runs, |r| r.test[EPOCHS - 1] as f64 / 10.0)).collect();
    let mean = |of: &[Vec<f64>]| of[0].iter().zip(&of[1]).map(|(a, b)| (a + b) / 2.0).collect();
    let (mean_val, mean_test): (Vec<f64>, Vec<f64>) = (mean(&val), mean(&test));
    let range = |name: &str, of: &[f64]| {
        let mut sorted = of.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |share: f64| sorted[(share * (sorted.len() - 1) as f64).round() as usize];
        println!("{name}: least {:.2}, median {:.2}, most {:.2}", at(0.0), at(0.5), at(1.0));
    };
    range("validation, mean of seeds, %", &mean_val);
    range("test, mean of seeds, %", &mean_test);
    for (name, of) in [("validation", &val), ("test", &test)] {
        let squares = of[0].iter().zip(&of[1]).map(|(a, b)| (a - b).powi(2) / 2.0);
        let spread = (squares.sum::<f64>() / of[0].len() as f64).sqrt();
        println!("{name}: standard deviation between seeds {spread:.2} points");
    }
    let apart = |i: usize| (test[0][i] - test[1][i]).abs() / 2f64.sqrt();
    let mut order: Vec<usize> = (0..mean_test.len()).collect();
    order.sort_by(|&i, &j| apart(i).total_cmp(&apart(j)));
    println!("test: half of the networks below {:.2} points", apart(order[order.len() / 2]));
    order.sort_by(|&i, &j| mean_test[j].total_cmp(&mean_test[i]));
    let tenth = &order[..order.len() / 10];
    let squares = tenth.iter().map(|&i| apart(i).powi(2)).sum::<f64>();
    println!("test: the best tenth {:.2} points", (squares / tenth.len() as f64).sqrt());
    let most = mean_test.iter().copied().fold(0.0, f64::max);
    let first =
        |of: &[f64]| (0..of.len()).fold(0, |best, i| if of[i] > of[best] { i } else { best });
    for (signal, of) in [("of seed 0", &val[0]), ("of seed 1", &val[1]), ("mean", &mean_val)] {
        let regret = most - mean_test[first(of)];
        println!("the best by validation ({signal}) has a test regret of {regret:.2} points");
    }
    range("an epoch, ms", &seconds.iter().map(|s| s * 1e3).collect::<Vec<f64>>());
    println!(
        "all trainings: {:.0} s on one core",
        2.0 * EPOCHS as f64 * seconds.iter().sum::<f64>()
    );
}
