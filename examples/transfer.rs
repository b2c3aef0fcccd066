//! What one-shot searches on a small set derive, judged on another task, against random search at equal cost.
//!
//! ```text
//! cargo run --release --example transfer -- --epochs 20 --seeds 5
//! ```
//!
//! Every method searches the cells of NAS-Bench-201 (16 channels, one cell per stage) on the 8x8 digits. Random
//! search has the same seconds on the same machine: it trains random cells alone, for as many epochs, and
//! proposes the one with the best validation accuracy, at least one. What each proposes is looked up in the table of
//! NAS-Bench-201: validation accuracy on CIFAR-10, or with `--table nasbench201.csv.gz` test accuracy. `Compare`
//! does the statistics. Everything runs on one thread, so that seconds mean the same for all.

use nascent::prelude::*;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

const HELP: &str = "transfer: one-shot searches against random search at equal cost
  --epochs N       epochs of a search, and of a network that is trained alone (20)
  --seeds N        repeats (5)
  --methods A,B    rows of the table of one-shot methods (all)
  --table FILE     the table of NAS-Bench-201, for its test accuracies
  --csv FILE       the table of results";

/// Seconds that the search of each method took, by name and seed.
type Spent = Arc<Mutex<HashMap<(String, u64), f64>>>;

struct Setup {
    space: Space,
    train: Train,
    single: Train,
    spent: Spent,
}

impl Setup {
    /// What a method derives.
    fn derived(&self, name: &str, seed: u64) -> Result<Architecture> {
        let begun = Instant::now();
        let single = ["enas", "spos", "fairnas", "random_sharing"].contains(&name);
        let train = if single { &self.single } else { &self.train };
        let study = Study::one_shot(&self.space, train, Method::named(name)?);
        let found = study.seed(seed).quiet().run()?.derived()?;
        let mut spent = self.spent.lock().unwrap_or_else(|e| e.into_inner());
        spent.insert((name.to_string(), seed), begun.elapsed().as_secs_f64());
        Ok(found)
    }

    /// What random search finds in as many seconds.
    fn random(&self, name: &str, seed: u64) -> Result<Architecture> {
        let known =
            |s: &Spent| s.lock().ok().and_then(|s| s.get(&(name.to_string(), seed)).copied());
        let seconds = match known(&self.spent) {
            Some(seconds) => seconds,
            None => {
                self.derived(name, seed)?;
                known(&self.spent).unwrap_or(0.0)
            }
        };
        let study = Study::new(&self.space, &self.single).strategy(Random).batch(1).jobs(1);
        let study = study.seconds(seconds.max(0.1)).seed(seed + 1_000).quiet().run()?;
        Ok(study.best()?.architecture())
    }
}

fn transfer() -> Result<()> {
    let (mut epochs, mut seeds, mut table, mut csv) = (20usize, 5usize, None, None);
    let mut methods: Vec<String> =
        nascent::one_shot_methods().iter().map(|row| row.name.into()).collect();
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        if word == "--help" {
            println!("{HELP}");
            return Ok(());
        }
        let value = words
            .next()
            .ok_or_else(|| Error::invalid(&word, "a value belongs behind it", "--help"))?;
        let number = || {
            let wrong =
                |_| Error::invalid(format!("{word} {value}"), "a whole number is needed", "5");
            value.parse::<usize>().map_err(wrong)
        };
        match word.as_str() {
            "--epochs" => epochs = number()?,
            "--seeds" => seeds = number()?,
            "--methods" => methods = value.split(',').map(str::to_string).collect(),
            "--table" => table = Some(value),
            "--csv" => csv = Some(value),
            _ => return Err(Error::invalid(&word, "not known", "--help")),
        }
    }
    let data = Dataset::digits();
    let space = Space::on(&data).then(presets::nas_bench_201(16, 1));
    let sgd = Optimizer::sgd(0.9).learning_rate(0.025).weight_decay(3e-4);
    let train = Train::on(&data).epochs(epochs).optimizer(sgd).clip_gradient(5.0);
    let single = train.optimizer(sgd.nesterov().learning_rate(0.05));
    let setup = Arc::new(Setup { space, train, single, spent: Arc::default() });
    let judge = match &table {
        None => NasBench201::cifar10().objective("val"),
        Some(path) => NasBench201::read(path, "cifar10")?.objective("c10_test200").maximise(),
    };
    for method in &methods {
        let pair: Vec<(String, AnyStrategy)> = [false, true]
            .into_iter()
            .map(|random| {
                let (setup, name, cells) = (setup.clone(), method.clone(), judge.space());
                let label = if random { format!("random for {name}") } else { name.clone() };
                let own = strategy(&label, move |history, _| {
                    let seed = history.seed();
                    let found = if random {
                        setup.random(&name, seed)?
                    } else {
                        setup.derived(&name, seed)?
                    };
                    cells.decode(found.decisions())
                });
                (label, own)
            })
            .collect();
        let mut compare =
            Compare::new(&judge.space(), &judge).trials(1).seeds(seeds).jobs(1).quiet();
        for (label, own) in pair {
            compare = compare.strategy(&label, own);
        }
        let result = compare.run()?;
        let seconds: Vec<f64> = {
            let spent = setup.spent.lock().unwrap_or_else(|e| e.into_inner());
            spent.iter().filter(|((name, _), _)| name == method).map(|(_, s)| *s).collect()
        };
        println!(
            "{method}: {:.1} s a search",
            seconds.iter().sum::<f64>() / seconds.len().max(1) as f64
        );
        println!("{result}");
        if let Some(path) = &csv {
            nascent::output::write(format!("{path}.{method}.csv"), result.to_csv())?;
        }
    }
    Ok(())
}

fn main() {
    if let Err(e) = transfer() {
        eprintln!("transfer: {e}");
        std::process::exit(1);
    }
}
