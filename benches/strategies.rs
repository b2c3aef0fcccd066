//! What it takes to ask a strategy for one more trial: every row of the table, on the decisions of
//! NAS-Bench-201, one trial after the other, one thread, an evaluator that costs nothing.
//!
//! ```text
//! cargo bench --bench strategies [-- NAME ...]          a table of all rows, or of these
//! cargo bench --bench strategies -- twin TRIALS NAME,.. asking and telling, as benches/optuna reads it
//! ```

use nascent::prelude::*;
use std::time::{Duration, Instant};

/// Numbers of finished trials at which the cost of one more is printed: the mean of those from there on.
const MARKS: [usize; 7] = [10, 30, 100, 150, 300, 1000, 3000];
/// How many trials that is the mean of, as a share of the number.
const SHARE: usize = 10;
/// A strategy that takes longer is not asked for more.
const PATIENCE: Duration = Duration::from_secs(60);
/// A study is the same every time; for each ask the fastest of this many counts, if they do not take long.
const ROUNDS: usize = 5;
const QUICK: Duration = Duration::from_secs(5);

fn plan(strategy: AnyStrategy, trials: usize) -> Study {
    let free = evaluator(|_, _| 0.0);
    let study = Study::new(&Space::decisions([5; 6]), free).strategy(strategy).trials(trials);
    study.batch(1).duplicates(Duplicates::Repeat).quiet()
}

/// With structure, so that models have something to find, and noise.
fn score(arch: &Architecture, rng: &mut Rng) -> f64 {
    arch.decisions().iter().map(|&d| f64::from(d)).sum::<f64>() / 24.0 + 0.1 * rng.uniform()
}

/// Seconds of every ask of one study, and of every tell.
fn study_times(
    strategy: AnyStrategy,
    trials: usize,
    patience: Duration,
) -> Result<Vec<(f64, f64)>> {
    let (study, mut rng) = (plan(strategy, trials), Rng::new(1));
    let (mut times, mut spent) = (Vec::with_capacity(trials), Duration::ZERO);
    while times.len() < trials && spent < patience {
        let begun = Instant::now();
        let asked = study.ask()?;
        let asking = begun.elapsed();
        let value = score(&asked.architecture(), &mut rng);
        let begun = Instant::now();
        study.tell(&asked, value)?;
        let telling = begun.elapsed();
        times.push((asking.as_secs_f64(), telling.as_secs_f64()));
        spent += asking + telling;
    }
    Ok(times)
}

fn mean(values: &[(f64, f64)]) -> f64 {
    values.iter().map(|t| t.0).sum::<f64>() / values.len().max(1) as f64
}

/// "12.3 us", "4.56 ms"
fn text(seconds: f64) -> String {
    match seconds {
        s if s < 1e-3 => format!("{:.1} us", 1e6 * s),
        s if s < 1.0 => format!("{:.2} ms", 1e3 * s),
        s => format!("{s:.2} s"),
    }
}

/// A row: the cost of one ask at every mark, how it grows over the last two, and the seconds of a
/// whole study of 1,000 trials, the loop and all, through their number.
fn row(name: &str, make: fn() -> AnyStrategy) -> Result<()> {
    let last = MARKS[MARKS.len() - 1];
    let begun = Instant::now();
    let mut times = study_times(make(), last + last / SHARE, PATIENCE)?;
    for _ in 1..ROUNDS {
        if begun.elapsed() > QUICK {
            break;
        }
        let again = study_times(make(), times.len(), PATIENCE)?;
        times.iter_mut().zip(again).for_each(|(best, t)| best.0 = best.0.min(t.0));
    }
    let costs = MARKS.map(|n| times.get(n..n + n / SHARE).map(mean));
    let cells = costs.map(|c| format!("{:>9}", c.map_or("-".to_string(), text)));
    let growth = match costs {
        [.., Some(a), Some(b)] => format!("{:.2}", (b / a).ln() / 3f64.ln()),
        _ => "-".to_string(),
    };
    // A whole study, with the loop around the strategy, if there was time for one.
    let whole = match times.len() > 1000 {
        true => {
            let mut best = f64::INFINITY;
            for _ in 0..ROUNDS {
                let begun = Instant::now();
                let done = plan(make(), 1000).run()?.trials_done().len();
                best = best.min(begun.elapsed().as_secs_f64() / done as f64);
            }
            text(best)
        }
        false => "-".to_string(),
    };
    println!("{name:<12} {} {growth:>7} {whole:>9}", cells.join(" "));
    Ok(())
}

/// In the format of the other program.
fn twin(trials: usize, names: &str) -> Result<()> {
    for name in names.split(',') {
        let Some(row) = nascent::strategies().iter().find(|s| s.name == name) else { continue };
        let times = study_times((row.make)(), trials, Duration::MAX)?;
        let all: Vec<f64> = times.iter().map(|(ask, tell)| ask + tell).collect();
        let (sum, k) = (all.iter().sum::<f64>(), (all.len() / 20).max(1));
        let late = all[all.len() - k..].iter().sum::<f64>() / k as f64;
        println!(
            "{name:7} {} trials: {sum:8.6} s, mean {:8.5} ms, last {k}: {:8.5} ms",
            all.len(),
            1e3 * sum / all.len() as f64,
            1e3 * late
        );
    }
    Ok(())
}

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).filter(|w| !w.starts_with("--")).collect();
    if let [first, trials, names] = &words[..]
        && first == "twin"
    {
        let trials = trials.parse().map_err(|_| Error::from("twin TRIALS NAME,NAME"))?;
        return twin(trials, names);
    }
    let marks = MARKS.map(|n| format!("{n:>9}")).join(" ");
    println!("one ask after this many finished trials; growth: the power of n from 1000 to 3000");
    println!("{:<12} {marks} {:>7} {:>9}", "", "growth", "a trial");
    for s in nascent::strategies()
        .iter()
        .filter(|s| words.is_empty() || words.iter().any(|w| w == s.name))
    {
        match row(s.name, s.make) {
            Ok(()) => {}
            Err(e) => println!("{:<12} {e}", s.name),
        }
    }
    Ok(())
}
