//! Makes the benchmark that [`nascent::Mnist1dBench`] embeds: trains every architecture of its space
//! with two seeds, and packs what was found.
//!
//! ```text
//! cargo run --release --example mnist1d_bench -- --forecast
//! cargo run --release --example mnist1d_bench -- --jobs 2
//! ```
//!
//! One journal a seed is kept in `--folder` (target/mnist1d-bench), so that a run that was stopped
//! goes on where it was.

use nascent::Mnist1dBench;
use nascent::prelude::*;
use std::time::Instant;

fn main() -> Result<()> {
    let mut words = std::env::args().skip(1);
    let (mut folder, mut jobs, mut forecast) = ("target/mnist1d-bench".to_string(), 2usize, false);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} wants a value"));
        match word.as_str() {
            "--folder" => folder = value()?,
            "--jobs" => jobs = value()?.parse().map_err(|_| "--jobs wants a number")?,
            "--forecast" => forecast = true,
            _ => return Err(format!("{word}: there are --folder, --jobs and --forecast").into()),
        }
    }
    let space = Mnist1dBench::space();
    let all = space.enumerate().count();
    if forecast {
        println!("{all} architectures");
        for seed in 0..2 {
            println!("{}", plan(&space, seed).trials(all).explain());
        }
        return Ok(());
    }
    std::fs::create_dir_all(&folder)?;
    for seed in 0..2 {
        let journal = format!("{folder}/seed{seed}.jsonl");
        let study = plan(&space, seed).trials(all).jobs(jobs).journal(&journal).run()?;
        println!("{journal}: {} finished", study.trials_done().len());
    }
    Ok(())
}

fn plan(space: &Space, seed: u64) -> Study {
    let train = Mnist1dBench::training();
    let full = train.full();
    let every_epoch = evaluator(move |arch: &Architecture, _: &Budget| {
        let mut run = train.start(arch, seed)?;
        let (mut tests, mut shortest) = (vec![], f64::INFINITY);
        while run.epoch() < full {
            let start = Instant::now();
            run.advance(1)?;
            shortest = shortest.min(start.elapsed().as_secs_f64());
            tests.push(run.measure(Split::Test)?[0].1);
        }
        let named = |e: Evaluation, (i, v): (usize, &f64)| e.with(&format!("test{:02}", i + 1), *v);
        let evaluation = run.evaluation().with("epoch_seconds", shortest);
        Ok::<_, Error>(tests.iter().enumerate().fold(evaluation, named))
    });
    Study::new(space, every_epoch.epochs(full))
        .strategy(Grid)
        .duplicates(Duplicates::Repeat)
        .batch(4)
}
