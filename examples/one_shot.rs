//! One-shot search from the command line: shared weights, what is derived from them, and what that comes to
//! when it is trained alone.
//!
//! ```text
//! cargo run --release --example one_shot -- --method darts2 --data digits --epochs 20 --seed 1
//! ```
//!
//! A line per epoch; then `derived ARCHITECTURE`, `shared S`, its validation accuracy on the shared weights,
//! `standalone S`, its test accuracy after a training of its own for as many epochs, and `tau T` where the
//! space is one whose networks were all trained alone. With `--data mnist1d` that is the space of
//! `Mnist1dBench`, whose 2,250 networks are in a table: T is Kendall's tau between the shared accuracy of 300
//! random ones and the test accuracy in that table. It has widths to choose, which do not mix: there the
//! methods are spos, fairnas, random_sharing and enas.
//!
//! With `--data digits` the space is that of NAS-Bench-201, with 16 channels and one cell per stage: `tau
//! cifar10 T` is for 300 random cells, against what the benchmark found on CIFAR-10: validation accuracy, or
//! with `--table nasbench201.csv.gz` test accuracy; `table cifar10 S` is that of the derived cell. With `--alone
//! FILE`, `tau alone T` is for the first 64 of them, against the accuracy that each reaches when it is trained
//! alone for as many epochs; FILE is the journal of these trainings, which are done once, for all methods. A
//! `regret` stands beside every tau: what the best of the 5 networks with the best shared accuracy lacks of the
//! best of all.
//!
//! With `--data text` the space is that of the recurrent cells of DARTS, for names letter by letter, and the
//! figures are perplexities, where less is better. A random cell is trained in the same way as the derived one:
//! `random ARCHITECTURE`, and `random standalone S`. Fair paths need one choice that does not decide which
//! others there are, so there is no fairnas here.

use nascent::prelude::*;
use nascent::stats;

/// Of the recurrent cells, and of the embedding in front of them.
const UNITS: usize = 24;

const HELP: &str = "one_shot: a search on shared weights
  --method NAME   darts, darts2 (second order), gdas, snas, pc_darts, drnas; and on single paths enas,
                  spos, fairnas, random_sharing (darts2)
  --data NAME     digits, mnist1d, or text for recurrent cells (digits)
  --epochs N      epochs of the search, and of the winner alone (20)
  --seed N        the seed (1)
  --jobs N        networks that are trained alone at the same time (one per core)
  --journal FILE  keeps the search, and goes on where it was stopped
  --rank N        random networks whose order on the shared weights is compared (300)
  --table FILE    the table of NAS-Bench-201, for its test accuracies
  --alone FILE    train 64 of these networks alone, with this journal";

/// How many networks are trained alone.
const ALONE: usize = 64;

/// Of how many networks the best is looked for, by their order on the shared weights.
const TOP: usize = 5;

struct Options {
    method: String,
    data: String,
    epochs: usize,
    seed: u64,
    jobs: Option<usize>,
    journal: Option<String>,
    rank: usize,
    table: Option<String>,
    alone: Option<String>,
}

impl Options {
    fn read() -> Result<Options> {
        let (method, data) = ("darts2".to_string(), "digits".to_string());
        let (jobs, journal, table, rank, alone) = (None, None, None, 300, None);
        let (epochs, seed) = (20, 1);
        let mut o = Options { method, data, epochs, seed, jobs, journal, rank, table, alone };
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
                "--seed" => o.seed = number()? as u64,
                "--jobs" => o.jobs = Some(number()?),
                "--journal" => o.journal = Some(value),
                "--rank" => o.rank = number()?,
                "--table" => o.table = Some(value),
                "--alone" => o.alone = Some(value),
                _ => return Err(Error::invalid(&word, "not known", "--help")),
            }
        }
        Ok(o)
    }
}

/// What a search has come to.
struct Found {
    derived: Architecture,
    /// Its score on the shared weights.
    score: f64,
    shared: AnyEvaluator,
}

fn search(o: &Options, space: &Space, train: &Train) -> Result<Found> {
    let study = Study::one_shot(space, train, Method::named(&o.method)?).seed(o.seed).quiet();
    let study = o.journal.as_ref().map_or(study.clone(), |path| study.journal(path));
    let study = study.on_trial(|t| {
        let Some(found) = t.evaluation() else { return };
        let names = [
            "training loss",
            "loss",
            "accuracy of the mixture",
            "entropy",
            "skip connections",
            "curvature",
            "reward",
        ];
        let figures = names.iter().filter_map(|f| Some(format!("{f} {:.4}", found.get(f)?)));
        let figures: Vec<String> = figures.collect();
        println!("epoch {} score {:.4} {}", t.number() + 1, found.score(), figures.join(" "));
    });
    let study = study.run()?;
    let last = study.trials_done().last().and_then(Trial::score).unwrap_or(f64::NAN);
    Ok(Found { derived: study.derived()?, score: last, shared: study.shared()? })
}

/// Prints Kendall's tau between the scores on shared weights and other figures, and what is lost by trusting
/// the shared weights.
fn agreement(name: &str, shared: &AnyEvaluator, known: &[(Architecture, f64)]) -> Result<()> {
    let score =
        |(arch, _): &(Architecture, f64)| Ok(shared.evaluate(arch, &Budget::new(1, 1, 1))?.score());
    let scores = known.iter().map(score).collect::<Result<Vec<f64>>>()?;
    let figures: Vec<f64> = known.iter().map(|(_, figure)| *figure).collect();
    println!("tau{name} {:.3}", stats::kendall_tau(&scores, &figures)?);
    println!("regret{name} {:.3}", stats::top_k_regret(&scores, &figures, TOP, true)?);
    Ok(())
}

fn one_shot() -> Result<()> {
    let o = Options::read()?;
    let (data, space) = match o.data.as_str() {
        "digits" => {
            let data = Dataset::digits();
            (data.clone(), Space::on(&data).then(presets::nas_bench_201(16, 1)))
        }
        "mnist1d" => (Dataset::mnist1d(), Mnist1dBench::table().space()),
        "text" => {
            let data = Dataset::names_text();
            let space = Space::on(&data).then(embedding(UNITS)).then(presets::darts_rnn(UNITS));
            (data, space)
        }
        other => {
            return Err(Error::invalid(
                format!("--data {other}"),
                "not known",
                "digits, mnist1d or text",
            ));
        }
    };
    // DARTS has 0.025 for the weights, single paths are trained at twice the rate.
    let single = ["spos", "fairnas", "random_sharing", "enas"].contains(&o.method.as_str());
    let rate = if single { 0.05 } else { 0.025 };
    let sgd = Optimizer::sgd(0.9).learning_rate(rate).weight_decay(3e-4);
    let sgd = if single { sgd.nesterov() } else { sgd };
    // The first steps of a recurrent cell on little text are slow at these rates.
    let text = Optimizer::adamw().learning_rate(0.01).weight_decay(5e-7);
    let (optimizer, alone, batch) = match o.data.as_str() {
        "text" => (text, text, 32),
        // Networks are trained alone in the same way, whatever the method.
        _ => (sgd, sgd.nesterov().learning_rate(0.05), 64),
    };
    let train = Train::on(&data).epochs(o.epochs).optimizer(optimizer).batch_size(batch);
    let train = train.clip_gradient(5.0);
    let by_itself = train.optimizer(alone);
    let begun = std::time::Instant::now();
    let Found { derived, score, shared } = search(&o, &space, &train)?;
    println!("seconds {:.1}", begun.elapsed().as_secs_f64());
    println!("derived {derived}");
    println!("shared {score:.4}");
    let alone = by_itself.retrain(&derived, o.epochs, o.seed)?;
    println!("standalone {:.4}", alone.test_score());
    if o.data == "text" {
        let random = space.sample(&mut Rng::new(o.seed).stream("random", 0))?;
        println!("random {random}");
        let alone = by_itself.retrain(&random, o.epochs, o.seed)?;
        println!("random standalone {:.4}", alone.test_score());
        return Ok(());
    }
    // The same networks whatever the seed.
    let mut rng = Rng::new(0).stream("ranked", 0);
    let mut networks: Vec<Architecture> = vec![];
    while networks.len() < o.rank {
        let arch = space.sample(&mut rng)?;
        if !networks.contains(&arch) {
            networks.push(arch);
        }
    }
    let (table, column) = match (o.data.as_str(), &o.table) {
        ("mnist1d", _) => (Mnist1dBench::table(), "test"),
        (_, None) => (NasBench201::cifar10(), "val"),
        (_, Some(path)) => (NasBench201::read(path, "cifar10")?, "c10_test200"),
    };
    let figure = |arch: &Architecture| {
        // The same decisions in the table's own space, whose networks are larger.
        let arch = table.space().decode(arch.decisions())?;
        Ok::<f64, Error>(table.figure(&arch, column)?.unwrap_or(f64::NAN))
    };
    let known = networks.iter().map(|a| Ok((a.clone(), figure(a)?))).collect::<Result<Vec<_>>>()?;
    let name = if o.data == "digits" { " cifar10" } else { "" };
    println!("table{name} {:.2}", figure(&derived)?);
    agreement(name, &shared, &known)?;
    if let Some(path) = &o.alone {
        let first: Vec<Architecture> = networks.into_iter().take(ALONE).collect();
        let list = first.clone();
        let next = strategy("a list", move |history, _| Ok(list[history.asked() % ALONE].clone()));
        let study =
            Study::new(&space, &by_itself).strategy(next).trials(first.len()).seed(1).quiet();
        let study = o.jobs.map_or(study.clone(), |jobs| study.jobs(jobs));
        let trained = study.journal(path).run()?.trials_done();
        let known = trained.iter().filter_map(|t| Some((t.architecture(), t.score()?)));
        agreement(" alone", &shared, &known.collect::<Vec<_>>())?;
    }
    Ok(())
}

fn main() {
    if let Err(e) = one_shot() {
        eprintln!("one_shot: {e}");
        std::process::exit(1);
    }
}
