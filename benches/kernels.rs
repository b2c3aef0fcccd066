//! The kernels and whole training steps on one thread: `cargo bench`, or side by side with PyTorch,
//! `benches/compare`.

use divan::{Bencher, black_box};
use nascent::bench::{Case, SearchSteps, Steps, peak};
use nascent::prelude::*;

fn main() {
    // What no kernel can exceed; `compare` reads this line.
    println!("peak: {:.2} G multiply-adds per second", peak() / 1e9);
    divan::main();
}

/// Channels in and out, size, kernel, groups; batches of 64.
const CONVOLUTIONS: [[usize; 5]; 6] = [
    [16, 16, 32, 3, 1],
    [32, 32, 16, 3, 1],
    [64, 64, 8, 3, 1],
    [16, 16, 32, 1, 1],
    [16, 16, 32, 3, 16],
    [16, 16, 8, 3, 1],
];

#[divan::bench(args = 0..CONVOLUTIONS.len())]
fn conv_forward(bencher: Bencher, which: usize) {
    let [c, o, size, k, groups] = CONVOLUTIONS[which];
    let case = Case::conv2d(64, c, o, size, k, groups);
    bencher.bench_local(|| black_box(case.forward()).is_ok());
}

#[divan::bench(args = 0..CONVOLUTIONS.len())]
fn conv_forward_backward(bencher: Bencher, which: usize) {
    let [c, o, size, k, groups] = CONVOLUTIONS[which];
    let case = Case::conv2d(64, c, o, size, k, groups);
    bencher.bench_local(|| black_box(case.forward_backward()).is_ok());
}

#[divan::bench]
fn batch_norm_relu(bencher: Bencher) {
    let case = Case::batch_norm(64, 16, 32);
    bencher.bench_local(|| black_box(case.forward_backward()).is_ok());
}

#[divan::bench]
fn avg_pool_3x3(bencher: Bencher) {
    let case = Case::avg_pool(64, 16, 8);
    bencher.bench_local(|| black_box(case.forward_backward()).is_ok());
}

fn steps(bencher: Bencher, shape: &[usize], space: impl Fn(Space) -> Space) {
    match Steps::new(64, shape, space) {
        Ok(mut steps) => bencher.bench_local(|| steps.step().is_ok()),
        Err(e) => panic!("{e}"),
    }
}

#[divan::bench]
fn step_cnn(bencher: Bencher) {
    steps(bencher, &[1, 8, 8], |s| s.then(conv(16, 3)).then(conv(32, 3)).then(max_pool(2)));
}

#[divan::bench]
fn step_mlp(bencher: Bencher) {
    steps(bencher, &[64], |s| s.then(linear(128)).then(linear(128)));
}

#[divan::bench]
fn step_lstm(bencher: Bencher) {
    steps(bencher, &[40, 1], |s| s.then(lstm(64)).then(last()));
}

#[divan::bench]
fn step_gru(bencher: Bencher) {
    steps(bencher, &[40, 1], |s| s.then(gru(64)).then(last()));
}

#[divan::bench]
fn step_conv1d(bencher: Bencher) {
    let unit = |k: i64| conv1d(25, k).stride(2).norm(false);
    steps(bencher, &[40, 1], |s| s.then(unit(5)).then(unit(3)).then(unit(3)));
}

/// Eight steps of a one-shot search each.
#[divan::bench(args = ["darts", "darts2", "path"])]
fn search(bencher: Bencher, method: &str) {
    let mut steps = SearchSteps::new(method).unwrap();
    bencher.bench_local(|| steps.steps().unwrap());
}
