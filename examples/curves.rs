//! How well learning curves are continued: error and calibration on the curves of `Mnist1dBench`, or of any table.
//!
//! ```text
//! cargo run --release --example curves -- --full 100
//! cargo run --release --example curves -- --table FILE --curve val_ --full 100
//! ```
//!
//! For each of some beginnings (a ninth, a quarter, a half of the epochs), every curve beyond the first `--full` is
//! continued to its end: by the ensemble of parametric curves, by the regression from the first `--full` curves, and by
//! its last value. A line has the mean absolute error, and the shares of ends that lie within what should hold 50 %,
//! 80 % and 95 % of them.

use nascent::prelude::*;

const HELP: &str = "curves: how well learning curves are continued
  --table FILE     comma-separated values with columns for each number of epochs (the embedded benchmark)
  --curve PREFIX   what those columns begin with
  --code COL       the column of decisions (code)
  --full N         full curves that the regression learns from (50)
  --most N         curves that are continued (200)
  --seed N         which curves come first (1)";

fn main() {
    if let Err(e) = curves() {
        eprintln!("curves: {e}");
        std::process::exit(1);
    }
}

/// What is expected of the end of a beginning: a mean and a standard deviation.
type Says<'a> = &'a dyn Fn(&[(usize, f64)]) -> Option<(f64, f64)>;

fn curves() -> Result<()> {
    let (mut file, mut prefix, mut code) = (String::new(), String::new(), "code".to_string());
    let (mut full, mut most, mut seed) = (50usize, 200usize, 1u64);
    let mut words = std::env::args().skip(1);
    while let Some(name) = words.next() {
        if name == "--help" {
            println!("{HELP}");
            return Ok(());
        }
        let value =
            words.next().ok_or_else(|| Error::invalid(&name, "a value is missing", "--help"))?;
        let number = || -> Result<usize> {
            value
                .parse()
                .map_err(|_| Error::invalid(format!("{name} {value}"), "a number is needed", "50"))
        };
        match name.as_str() {
            "--table" => file = value,
            "--curve" => prefix = value,
            "--code" => code = value,
            "--full" => full = number()?,
            "--most" => most = number()?,
            "--seed" => seed = number()? as u64,
            _ => return Err(Error::invalid(name, "no such option", "--help")),
        }
    }
    let table = match file.is_empty() {
        true => Mnist1dBench::table(),
        false => Table::read(&file)?.code(&code).curve(&prefix),
    };
    table.check()?;
    let end = Evaluator::full(&table);
    let mut architectures = table.space().all()?;
    let mut rng = Rng::new(seed);
    rng.shuffle(&mut architectures);
    architectures.truncate(full + most);
    let all: Vec<Vec<(usize, f64)>> = architectures
        .iter()
        .enumerate()
        .map(|(i, a)| {
            let found = table.evaluate(a, &Budget::new(end, end, seed + i as u64))?;
            Ok((1..).zip(found.curve()).collect())
        })
        .collect::<Result<_>>()?;
    if all.iter().any(|c: &Vec<(usize, f64)>| c.len() != end) {
        return Err(Error::invalid(
            "a table without a figure after every epoch",
            "curves are needed",
            "--curve PREFIX",
        ));
    }
    if all.len() <= full {
        return Err(Error::invalid(
            format!("--full {full}"),
            format!("there are {} curves", all.len()),
            "--full 50",
        ));
    }
    let (whole, rest) = all.split_at(full);
    println!(
        "method seen error within50 within80 within95 (of {} curves, {end} epochs)",
        rest.len()
    );
    for seen in [end.div_ceil(9), end.div_ceil(4), end.div_ceil(2)] {
        let methods: [(&str, Says); 3] = [
            ("last-value", &|begin| Some((begin.last()?.1, f64::NAN))),
            ("ensemble", &|begin| {
                let curve = Extrapolation::at_epochs(begin.iter().copied()).ok()?;
                Some((curve.mean(end), curve.sd(end)))
            }),
            ("regression", &|begin| {
                let found = CurveRegression::of(whole, begin).ok()?;
                Some((found.mean(), found.sd()))
            }),
        ];
        for (name, say) in methods {
            let said: Vec<(f64, f64)> = rest
                .iter()
                .filter_map(|curve| {
                    let (mean, sd) = say(&curve[..seen])?;
                    let miss = (curve[end - 1].1 - mean).abs();
                    Some((miss, miss / sd))
                })
                .collect();
            let n = said.len().max(1) as f64;
            let error = said.iter().map(|s| s.0).sum::<f64>() / n;
            // Quantiles of |z|.
            let within = [0.6745, 1.2816, 1.96]
                .map(|z| said.iter().filter(|s| s.1 <= z).count() as f64 / n)
                .map(|share| format!("{share:.2}"));
            println!("{name} {seen} {error:.4} {}", within.join(" "));
        }
    }
    Ok(())
}
