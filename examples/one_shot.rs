//! A supernet from the command line: shared weights, a search on them, and what its winner comes to when
//! it is trained alone.
//!
//! ```text
//! cargo run --release --example one_shot -- --method fairnas --data mnist1d --epochs 30 --seed 1
//! ```
//!
//! A line per epoch, `epoch N loss L`; then `derived ARCHITECTURE`, the best that the search found on the
//! shared weights, `shared S`, its validation accuracy there, and `standalone S`, its test accuracy after a
//! training of its own for as many epochs. With `--data mnist1d` the space is that of `Mnist1dBench`, whose
//! 2,250 networks were all trained alone: `tau T` is Kendall's tau between the shared accuracy of 100
//! random ones and the test accuracy in that table.

use nascent::prelude::*;
use nascent::stats;

const HELP: &str = "one_shot: a search on shared weights
  --method NAME   spos: uniform paths, then evolution; fairnas: fair paths, then evolution;
                  random: uniform paths, then random search (spos)
  --data NAME     digits or mnist1d (digits)
  --epochs N      epochs of the supernet, and of the winner alone (20)
  --trials N      architectures that the search scores on the shared weights (100)
  --seed N        the seed (1)
  --jobs N        threads (one per core)";

struct Options {
    method: String,
    data: String,
    epochs: usize,
    trials: usize,
    seed: u64,
    jobs: Option<usize>,
}

impl Options {
    fn read() -> Result<Options> {
        let (method, data) = ("spos".to_string(), "digits".to_string());
        let mut o = Options { method, data, epochs: 20, trials: 100, seed: 1, jobs: None };
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
                "--method" => o.method = value,
                "--data" => o.data = value,
                "--epochs" => o.epochs = number()?,
                "--trials" => o.trials = number()?,
                "--seed" => o.seed = number()? as u64,
                "--jobs" => o.jobs = Some(number()?),
                _ => return Err(Error::invalid(&word, "not known", "--help")),
            }
        }
        Ok(o)
    }
}

fn one_shot() -> Result<()> {
    let o = Options::read()?;
    let (data, space) = match o.data.as_str() {
        "digits" => {
            let data = Dataset::digits();
            (data.clone(), Space::on(&data).then(presets::nas_bench_201(16, 1)))
        }
        "mnist1d" => (Dataset::mnist1d(), Mnist1dBench::table().space()),
        other => {
            return Err(Error::invalid(
                format!("--data {other}"),
                "not known",
                "digits or mnist1d",
            ));
        }
    };
    let sgd = Optimizer::sgd(0.9).nesterov().learning_rate(0.05).weight_decay(3e-4);
    let train = Train::on(&data).epochs(o.epochs).optimizer(sgd).clip_gradient(5.0);
    let supernet = Supernet::on(&space, &train).quiet();
    let (supernet, search) = match o.method.as_str() {
        "spos" => (supernet, Evolution::regularized().into_strategy()),
        "fairnas" => (supernet.fair(), Evolution::regularized().into_strategy()),
        "random" => (supernet, Random.into_strategy()),
        other => {
            let allowed = "spos, fairnas or random";
            return Err(Error::invalid(format!("--method {other}"), "not known", allowed));
        }
    };
    let supernet = supernet.train(o.seed)?;
    for (epoch, loss) in supernet.losses().iter().enumerate() {
        println!("epoch {} loss {loss:.4}", epoch + 1);
    }
    let mut study = Study::new(&space, &supernet).strategy(search).trials(o.trials).seed(o.seed);
    if let Some(jobs) = o.jobs {
        study = study.jobs(jobs);
    }
    let best = study.quiet().run()?.best()?;
    println!("derived {}", best.architecture());
    println!("shared {:.4}", best.score().unwrap_or(f64::NAN));
    let alone = train.retrain(&best.architecture(), o.epochs, o.seed)?;
    println!("standalone {:.4}", alone.test_score());
    if o.data == "mnist1d" {
        let (table, mut rng) = (Mnist1dBench::table(), Rng::new(o.seed).stream("ranked", 0));
        let (mut shared, mut alone) = (vec![], vec![]);
        for _ in 0..100 {
            let arch = space.sample(&mut rng)?;
            if let Some(accuracy) = table.figure(&arch, "test")? {
                shared.push(supernet.evaluate(&arch)?.score());
                alone.push(accuracy);
            }
        }
        println!("tau {:.3}", stats::kendall_tau(&shared, &alone)?);
    }
    Ok(())
}

fn main() {
    if let Err(e) = one_shot() {
        eprintln!("one_shot: {e}");
        std::process::exit(1);
    }
}
