//! How fast a search is where evaluating costs nothing: spaces, and whole studies with a closure.
//! `cargo bench --bench search`; one thread.

use nascent::prelude::*;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Six layers of five widths each: 5^6 architectures.
fn layers() -> Space {
    (0..6).fold(Space::new([8], Task::classification(3)), |space, _| {
        space.then(linear(any([4, 8, 16, 32, 64])))
    })
}

/// A cell of six edges with five operations each, as NAS-Bench-201's.
fn edges() -> Space {
    let op = || {
        let relu_conv = |k| relu().then(conv(16, k).activation("identity"));
        one_of([zero(), skip(), relu_conv(1), relu_conv(3), avg_pool(3).stride(1).padding(1)])
    };
    let nodes = [1, 2, 3].map(|edges| vec![op(); edges]);
    Space::new([3, 8, 8], Task::classification(10))
        .then(conv(16, 3))
        .then(cell(nodes))
        .then(global_avg_pool())
}

/// Runs `work`, which does `n` things, for about a second, and prints how many it does per second.
fn rate(what: &str, n: usize, mut work: impl FnMut() -> Result<()>) -> Result<()> {
    work()?;
    let (begun, mut done) = (Instant::now(), 0);
    while begun.elapsed() < Duration::from_millis(1000) {
        work()?;
        done += n;
    }
    println!("{what:<48} {:>10.0} per second", done as f64 / begun.elapsed().as_secs_f64());
    Ok(())
}

/// What a notebook waits for before the first trial on an embedded table, the best of 20.
fn ready(what: &str, mut work: impl FnMut() -> Result<()>) -> Result<()> {
    let mut least = f64::INFINITY;
    for _ in 0..20 {
        let begun = Instant::now();
        work()?;
        least = least.min(begun.elapsed().as_secs_f64());
    }
    println!("{what:<48} {:>10.1} ms", least * 1e3);
    Ok(())
}

/// A score without structure: a local search starts afresh after every few moves.
fn rugged(arch: &Architecture) -> f64 {
    (arch.identity() % 1000) as f64
}

/// What it takes to ask a strategy for one more trial after `n`: the mean over 300 of them, which a
/// local search spends on about a dozen neighbourhoods. Best of seven.
fn ask(what: &str, plan: &Study, n: usize) -> Result<()> {
    let mut best = f64::INFINITY;
    for seed in 0..7 {
        let study = plan.seed(seed).trials(n).run()?.trials(n + 300);
        let mut asking = Duration::ZERO;
        for _ in 0..300 {
            let begun = Instant::now();
            let asked = study.ask()?;
            asking += begun.elapsed();
            study.tell(&asked, rugged(&asked.architecture()))?;
        }
        best = best.min(asking.as_secs_f64() / 300.0);
    }
    println!("{what:<48} {:>10.2} microseconds", 1e6 * best);
    Ok(())
}

/// Encodings and distances of the cells of NAS-Bench-201, one pair of architectures at a time.
fn encodings_and_distances() -> Result<()> {
    let space = Space::new([3, 32, 32], Task::classification(10));
    let space = space.then(presets::nas_bench_201(16, 5));
    let mut rng = Rng::new(1);
    let some: Vec<Architecture> =
        (0..1000).map(|_| space.sample(&mut rng)).collect::<Result<_>>()?;
    for encoding in [
        Encoding::one_hot(),
        Encoding::adjacency(),
        Encoding::path(),
        Encoding::path().truncated(20),
    ] {
        rate(&format!("{encoding}"), 1000, || {
            some.iter().try_for_each(|a| encoding.of(a).map(|x| drop(black_box(x))))
        })?;
    }
    for distance in [Distance::hamming(), Distance::edit(), Distance::weisfeiler_lehman(2)] {
        rate(&format!("{distance}"), 999, || {
            some.windows(2)
                .try_for_each(|w| distance.between(&w[0], &w[1]).map(|d| _ = black_box(d)))
        })?;
        rate(&format!("{distance}, of all pairs of 300"), 300 * 299 / 2, || {
            distance.all(&some[..300]).map(|d| drop(black_box(d)))
        })?;
    }
    rate("Weisfeiler-Lehman features, 2 iterations", 1000, || {
        some.iter().try_for_each(|a| a.wl_features(2).map(|f| drop(black_box(f))))
    })
}

fn main() -> Result<()> {
    encodings_and_distances()?;
    // `cargo bench --bench search -- encodings`: no more than these.
    if std::env::args().any(|arg| arg == "encodings") {
        return Ok(());
    }
    ready("NAS-Bench-201: ready", || NasBench201::cifar10().check())?;
    let cells = edges();
    ready("NAS-Bench-201: ready, over networks", || NasBench201::cifar10().over(&cells).check())?;
    let decisions = Space::decisions([5; 6]);
    let images = Space::new([3, 32, 32], Task::classification(10));
    let bench201 = images.then(presets::nas_bench_201(16, 5));
    let darts = images.then(presets::darts(16, 8));
    let spaces = [
        ("decisions", decisions),
        ("layers", layers()),
        ("edges", edges()),
        ("nas_bench_201", bench201),
        ("darts", darts),
    ];
    for (name, space) in spaces {
        let plan = Study::new(&space, evaluator(|a, _| rugged(a)))
            .batch(1)
            .duplicates(Duplicates::Repeat)
            .quiet();
        for n in [100, 1000, 3000] {
            ask(&format!("{name}: ask random search after {n} trials"), &plan, n)?;
            let evolution = plan.strategy(Evolution::regularized().population(30).sample(10));
            ask(&format!("{name}: ask evolution after {n} trials"), &evolution, n)?;
            let local = plan.strategy(LocalSearch::new());
            ask(&format!("{name}: ask local search after {n} trials"), &local, n)?;
        }
        let mut rng = Rng::new(1);
        let some: Vec<Architecture> =
            (0..1000).map(|_| space.sample(&mut rng)).collect::<Result<_>>()?;
        rate(&format!("{name}: sample"), 1000, || {
            (0..1000).try_for_each(|_| space.sample(&mut rng).map(|a| drop(black_box(a))))
        })?;
        rate(&format!("{name}: mutate"), 1000, || {
            some.iter().try_for_each(|a| space.mutate(a, &mut rng).map(|a| drop(black_box(a))))
        })?;
        rate(&format!("{name}: identity"), 1000, || {
            some.iter().for_each(|a| _ = black_box(a.identity()));
            Ok(())
        })?;
        rate(&format!("{name}: canonical"), 1000, || {
            some.iter().for_each(|a| _ = black_box(a.canonical()));
            Ok(())
        })?;
        rate(&format!("{name}: decode, parameters, macs, canonical"), 1000, || {
            some.iter().try_for_each(|a| {
                let a = space.decode(a.decisions())?;
                black_box(a.canonical() + (a.params() + a.macs()) as u64);
                Ok(())
            })
        })?;
        rate(&format!("{name}: decode, parameters, macs"), 1000, || {
            some.iter().try_for_each(|a| {
                let a = space.decode(a.decisions())?;
                black_box(a.params() + a.macs());
                Ok(())
            })
        })?;
        let score = evaluator(|a, _| a.decisions().iter().map(|&d| f64::from(d)).sum::<f64>());
        let plan = Study::new(&space, score).duplicates(Duplicates::Repeat).quiet();
        let evolution = Evolution::regularized().population(30).sample(10);
        for (how, plan) in
            [("batch 1", plan.batch(1)), ("jobs 1", plan.jobs(1)), ("jobs 2", plan.jobs(2))]
        {
            for n in [300, 10_000] {
                let plan = plan.trials(n);
                rate(&format!("{name}: random search, {how}, {n} trials"), n, || {
                    plan.run().map(|s| drop(black_box(s)))
                })?;
                let plan = plan.strategy(&evolution);
                rate(&format!("{name}: evolution, {how}, {n} trials"), n, || {
                    plan.run().map(|s| drop(black_box(s)))
                })?;
            }
        }
    }
    Ok(())
}
