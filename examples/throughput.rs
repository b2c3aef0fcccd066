//! Trains NAS-Bench-201 networks on the 8x8 digits, one after the other on each of several threads,
//! and says how long it took: the workload that the README's comparison with PyTorch is made of.
//!
//!     cargo run --release --example throughput -- --archs FILE --epochs 5 --jobs 2
//!     cargo run --release --example throughput -- --fashion DIR --code ARCH
//!
//! The second form trains one network for one epoch on the 60,000 images of Fashion-MNIST, on one
//! thread, and tests it. DIR holds the four files of the set, `train-images-idx3-ubyte.gz` and so on.
//!
//! FILE holds one architecture per line, in the benchmark's notation (arXiv 2001.00326):
//! `|nor_conv_3x3~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|none~1|nor_conv_1x1~2|`.

use nascent::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

fn main() -> Result<()> {
    let mut words = std::env::args().skip(1);
    let (mut archs, mut epochs, mut jobs) = (None, 5usize, 2usize);
    let (mut fashion, mut code) = (None, String::new());
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
        let number = || value.parse::<usize>().map_err(|_| format!("{word} {value}: not a number"));
        match word.as_str() {
            "--archs" => archs = Some(value),
            "--fashion" => fashion = Some(value),
            "--code" => code = value,
            "--epochs" => epochs = number()?,
            "--jobs" => jobs = number()?.max(1),
            _ => {
                let all = "--archs, --epochs and --jobs, or --fashion and --code";
                return Err(format!("{word}: there are {all}").into());
            }
        }
    }
    if let Some(folder) = fashion {
        return one_epoch_of_fashion(&folder, &code);
    }
    let path = archs.ok_or("--archs FILE is missing: one architecture per line")?;
    let text = std::fs::read_to_string(&path).map_err(|e| format!("{path}: {e}"))?;
    let names: Vec<String> = text.split_whitespace().map(str::to_string).collect();

    if names.is_empty() {
        return Err(format!("{path} holds no architecture").into());
    }

    // Every fifth sample is for validation, the rest for training, and none is kept for a test.
    let (validation, train): (Vec<u32>, Vec<u32>) = (0..1797).partition(|i| i % 5 == 4);
    let data = Dataset::digits().with_splits(train, validation, vec![])?;
    let training = Train::on(&data)
        .epochs(epochs)
        .batch_size(64)
        .optimizer(Optimizer::sgd(0.9).nesterov().learning_rate(0.1).weight_decay(5e-4));
    let all: Vec<Architecture> =
        names.iter().map(|n| network(&data, n)?.default_architecture()).collect::<Result<_>>()?;

    // The first training is a warm-up, as in the program that this is compared with.
    training.evaluate(&all[0], &Budget::new(epochs, epochs, 0))?;
    let begun = Instant::now();
    let next = AtomicUsize::new(0);
    let work = || -> Result<Vec<(usize, f64, f64)>> {
        let mut done = vec![];
        loop {
            let i = next.fetch_add(1, Ordering::Relaxed);
            let Some(arch) = all.get(i) else { return Ok(done) };
            let begun = Instant::now();
            let score = training.evaluate(arch, &Budget::new(epochs, epochs, i as u64))?.score();
            done.push((i, score, begun.elapsed().as_secs_f64()));
        }
    };
    let parts: Vec<Result<Vec<_>>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..jobs).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|t| t.join().unwrap_or_else(|_| Err("a panic".into()))).collect()
    });
    let wall = begun.elapsed().as_secs_f64();
    let mut rows = parts.into_iter().collect::<Result<Vec<_>>>()?.concat();
    rows.sort_by_key(|row| row.0);
    for (i, score, seconds) in &rows {
        println!("{score:.4} {seconds:7.3}s {:7} {}", all[*i].params(), names[*i]);
    }
    let n = rows.len();
    let mean = rows.iter().map(|row| row.1).sum::<f64>() / n as f64;
    println!(
        "{n} architectures, {epochs} epochs, {jobs} jobs: {wall:.2} s, {:.3} s each, mean acc {mean:.4}",
        wall / n as f64
    );
    Ok(())
}

fn one_epoch_of_fashion(folder: &str, code: &str) -> Result<()> {
    // Its test images are for validation, as in the program that this is compared with.
    let data = Dataset::idx(folder)?;
    let data = data.with_splits((0..60_000).collect(), (60_000..70_000).collect(), vec![])?;
    let arch = network(&data, code)?.default_architecture()?;
    let train = Train::on(&data)
        .epochs(1)
        .batch_size(64)
        .optimizer(Optimizer::sgd(0.9).nesterov().learning_rate(0.1).weight_decay(5e-4));
    let begun = Instant::now();
    let score = train.evaluate(&arch, &Budget::new(1, 1, 1))?.score();
    let seconds = begun.elapsed().as_secs_f64();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap_or("unknown").trim();
    let peak = peak.trim_end_matches(" kB").parse::<f64>().map_or(f64::NAN, |kb| kb / 1024.0);
    println!(
        "fashion: {seconds:.2} s, accuracy {score:.4}, peak {peak:.0} MB, {} parameters",
        arch.params()
    );
    Ok(())
}

/// The benchmark's network for small images: three stages of one cell, 16, 32 and 64 channels.
fn network(data: &Dataset, name: &str) -> Result<Space> {
    let stage = |channels: i64| nas_bench_cell(name, channels);
    let half = |channels: i64| {
        let residual =
            relu().then(conv(channels, 3).stride(2)).then(conv(channels, 3).activation("identity"));
        branches([residual, avg_pool(2).then(conv(channels, 1).plain().bias(false))])
    };
    Ok(Space::on(data)
        .then(conv(16, 3).activation("identity"))
        .then(stage(16)?)
        .then(half(32))
        .then(stage(32)?)
        .then(half(64))
        .then(stage(64)?)
        .then(batch_norm())
        .then(relu())
        .then(global_avg_pool()))
}

/// `|op~0|+|op~0|op~1|+...|`: the edges to each node, by the node they come from.
fn nas_bench_cell(name: &str, channels: i64) -> Result<Block> {
    let op = |edge: &str| -> Result<Block> {
        let (op, _) = edge.split_once('~').ok_or_else(|| format!("{name}: {edge} has no ~"))?;
        let unit = |kernel: i64| relu().then(conv(channels, kernel).activation("identity"));
        Ok(match op {
            "none" => zero(),
            "skip_connect" => skip(),
            "nor_conv_1x1" => unit(1),
            "nor_conv_3x3" => unit(3),
            "avg_pool_3x3" => avg_pool(3).stride(1).padding(1),
            _ => return Err(format!("{name}: there is no operation {op}").into()),
        })
    };
    let nodes = name.split('+').map(|node| {
        let edges = node.trim_matches('|').split('|');
        edges.map(op).collect::<Result<Vec<Block>>>()
    });
    Ok(cell(nodes.collect::<Result<Vec<_>>>()?))
}
