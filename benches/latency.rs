//! How well added times of operations predict the time of a network: 50 random cells of NAS-Bench-201
//! (16 channels, 5 cells per stage, images of 32x32), batches of one, one thread.
//! `cargo bench --bench latency`; the bar is a Kendall's tau of 0.8.

use nascent::prelude::*;
use nascent::stats::{kendall_tau, spearman};
use std::time::Instant;

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn main() -> Result<()> {
    let space = Space::new([3, 32, 32], Task::classification(10));
    let space = space.then(presets::nas_bench_201(16, 5));
    let begun = Instant::now();
    let latency = Latency::new().for_space(&space)?;
    let n = latency.operations().len();
    println!("{n} operations measured in {:.1} s", begun.elapsed().as_secs_f64());

    let begun = Instant::now();
    let mut rng = Rng::new(1);
    let cells: Vec<Architecture> =
        (0..50).map(|_| space.sample(&mut rng)).collect::<Result<_>>()?;
    let predicted: Vec<f64> = cells.iter().map(|a| latency.of(a)).collect::<Result<_>>()?;
    let seconds = begun.elapsed().as_secs_f64() / 50.0;
    println!("predicted in {:.0} microseconds per cell", 1e6 * seconds);

    let timed: Vec<f64> = cells.iter().map(|a| latency.timed(a)).collect::<Result<_>>()?;
    let macs: Vec<f64> = cells.iter().map(|a| a.macs() as f64).collect();
    println!("{:>12} {:>12}  the six operations of the cell", "predicted ms", "timed ms");
    for ((a, p), t) in cells.iter().zip(&predicted).zip(&timed).take(10) {
        println!("{:>12.2} {:>12.2}  {:?}", p * 1e3, t * 1e3, a.decisions());
    }
    let off = predicted.iter().zip(&timed).map(|(p, t)| (p - t).abs() / t).collect();
    println!("Kendall's tau        {:.3}", kendall_tau(&predicted, &timed)?);
    println!("Spearman's rho       {:.3}", spearman(&predicted, &timed)?);
    println!("of multiply-adds:    {:.3} (Kendall's tau)", kendall_tau(&macs, &timed)?);
    println!("median relative error {:.1} %", 100.0 * median(off));
    Ok(())
}
