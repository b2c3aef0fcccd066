//! Searches whose networks inherit weights, against the same searches without and against random search.
//!
//! ```text
//! cargo run --release --example inheritance -- --data digits --trials 40 --epochs 1 --seeds 5
//! cargo run --release --example inheritance -- --data digits --seconds 20 --epochs 1 --seeds 5
//! ```
//!
//! Every search trains on one thread, one trial after the other. With `--trials` all have the same number of epochs, with
//! `--seconds` the same time. The winner by validation is tested as it was trained, with what it inherited; nothing is
//! trained again for longer. `longest` is the number of epochs of a winner with those of all its ancestors.

use nascent::IntoStrategy;
use nascent::prelude::*;

const HELP: &str = "inheritance: searches with inherited weights against searches without
  --data NAME      digits or mnist1d (digits)
  --trials N       trials of a search (40)
  --seconds S      seconds of a search, in place of trials
  --epochs N       epochs of a trial (1)
  --seeds N        repeats (5)
  --methods A,B    of random, evolution, inheriting, autokeras, scratch (all but the last: Auto-Keras' search without
                   inherited weights)";

/// Networks that can grow, image or sequence.
fn space(data: &Dataset) -> Space {
    let widths = || any([8, 16, 24, 32]);
    match data.shape().dims().len() {
        3 => Space::on(data)
            .then(conv(widths(), any([3, 5])))
            .then(repeat(0..=3, conv(widths(), any([3, 5]))))
            .then(max_pool(2))
            .then(repeat(0..=2, conv(widths(), any([3, 5]))))
            .then(global_avg_pool()),
        _ => Space::on(data)
            .then(conv1d(widths(), any([3, 5, 7])).stride(2))
            .then(repeat(0..=3, conv1d(widths(), any([3, 5, 7]))))
            .then(conv1d(widths(), 3).stride(2))
            .then(repeat(0..=2, conv1d(widths(), any([3, 5]))))
            .then(global_avg_pool()),
    }
}

/// A strategy without what its proposals inherit.
fn from_scratch(inner: AnyStrategy) -> AnyStrategy {
    strategy("from scratch", move |history, rng| {
        let found = inner.ask(history, rng)?;
        Ok(Proposal::new(found.architecture(), "morphism"))
    })
}

fn method(name: &str) -> Result<AnyStrategy> {
    Ok(match name {
        "random" => Random.into_strategy(),
        "evolution" => Evolution::regularized().into_strategy(),
        "inheriting" => Evolution::regularized().inheriting().into_strategy(),
        "autokeras" => AutoKeras::new().into_strategy(),
        "scratch" => from_scratch(AutoKeras::new().into_strategy()),
        other => {
            return Err(Error::invalid(
                other,
                "not known",
                "random,evolution,inheriting,autokeras,scratch",
            ));
        }
    })
}

/// The accuracy of a network on the test split.
fn tested(model: &Model, data: &Dataset) -> Result<f64> {
    let (x, y) = data.tensors(Split::Test)?;
    let right = model.forward(&x)?.argmax(1)?.eq(&y.flatten_all()?)?;
    Ok(f64::from(right.to_dtype(DType::F32)?.mean_all()?.to_scalar::<f32>()?))
}

/// The epochs of a trial and of all that it inherited.
fn longest(study: &Study, trial: &Trial) -> usize {
    let trials = study.trials_done();
    let line = std::iter::successors(Some(trial.clone()), |t| Some(trials[t.inherits()?].clone()));
    line.map(|t| t.budget().epochs_allowed()).sum()
}

fn mean(list: &[f64]) -> f64 {
    stats::summary(list).map_or(f64::NAN, |s| s.mean)
}

fn deviation(list: &[f64]) -> f64 {
    stats::summary(list).ok().and_then(|s| s.deviation).unwrap_or(0.0)
}

fn inheritance() -> Result<()> {
    let (mut data, mut trials, mut seconds, mut epochs, mut seeds) =
        ("digits".to_string(), 40usize, None, 1usize, 5usize);
    let mut methods = "random,evolution,inheriting,autokeras".to_string();
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
            "--data" => data = value,
            "--trials" => trials = number()?,
            "--seconds" => seconds = Some(number()? as f64),
            "--epochs" => epochs = number()?,
            "--seeds" => seeds = number()?,
            "--methods" => methods = value,
            _ => return Err(Error::invalid(&word, "not known", "--help")),
        }
    }
    let data = match data.as_str() {
        "digits" => Dataset::digits(),
        "mnist1d" => Dataset::mnist1d(),
        other => return Err(Error::invalid(other, "no such data", "digits or mnist1d")),
    };
    let (space, train) = (space(&data), Train::on(&data).epochs(epochs));
    println!("{}, {} architectures", data.name(), space.size().unwrap_or(0));
    println!(
        "method       test accuracy      validation   trials  seconds  thought  longest  parameters"
    );
    for name in methods.split(',') {
        let (mut test, mut valid, mut count, mut time, mut thought, mut long, mut params) =
            (vec![], vec![], vec![], vec![], vec![], vec![], vec![]);
        for seed in 1..=seeds {
            let plan = Study::new(&space, &train)
                .strategy(method(name)?)
                .batch(1)
                .jobs(1)
                .seed(seed)
                .quiet();
            let plan = match seconds {
                Some(seconds) => plan.seconds(seconds),
                None => plan.trials(trials),
            };
            let study = plan.run()?;
            let best = study.best()?;
            let done = study.trials_done();
            test.push(tested(&study.model(&best)?, &data)?);
            valid.push(best.score().unwrap_or(f64::NAN));
            count.push(done.len() as f64);
            time.push(study.seconds_run());
            thought.push(done.iter().map(Trial::overhead).sum());
            long.push(longest(&study, &best) as f64);
            params.push(best.architecture().params() as f64);
        }
        println!(
            "{name:<12} {:.4} ± {:.4}    {:.4}       {:>5.0}   {:>6.1}   {:>6.2}   {:>6.1}   {:>8.0}",
            mean(&test),
            deviation(&test),
            mean(&valid),
            mean(&count),
            mean(&time),
            mean(&thought),
            mean(&long),
            mean(&params)
        );
        println!("             {test:.4?}");
    }
    Ok(())
}

fn main() {
    if let Err(e) = inheritance() {
        eprintln!("{e}");
        std::process::exit(1);
    }
}
