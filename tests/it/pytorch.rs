//! Networks after 50 steps of training against the same networks in PyTorch.
//!
//! `pytorch/record.py` trains them in PyTorch and writes `pytorch/figures.json`; it says how to run
//! it. Both sides make inputs, labels and initial weights from the same integers. Each step here is
//! an epoch of one batch that holds all samples, so that the training is the one a study uses, with
//! its shuffling, its schedule and its clipping, and yet every step is PyTorch's.

use nascent::prelude::*;
use std::collections::HashMap;

/// The most that anything recorded may differ: losses by their own size, outputs by their root mean
/// square, weights and statistics by how far they moved in training (their root mean square).
///
/// The figures were computed in float64, so this is the error of float32 over 50 steps. It is at
/// most 6e-5, and so is that of PyTorch's own float32 (`record.py --float32`): where a scale near 1
/// has moved by less than a hundredth, in 50 steps that were each rounded.
const TOLERANCE: f64 = 3e-4;

const STEPS: usize = 50;
const SHOWN: [usize; 4] = [1, 10, 25, 50];

/// A sequence of `n` numbers below 10007 that depends on the name.
fn integers(name: &str, n: usize) -> Vec<u32> {
    let k: u64 = name.bytes().map(u64::from).sum();
    let number = |i: u64| ((k + 3) * i * i + 31 * i + 101 * k) * 7919 % 10007;
    (0..n as u64).map(|i| number(i) as u32).collect()
}

/// The same as numbers in -1..=1.
fn reals(name: &str, n: usize) -> Vec<f64> {
    integers(name, n).into_iter().map(|v| f64::from(v) / 5003.0 - 1.0).collect()
}

fn floats(name: &str, n: usize) -> Vec<f32> {
    reals(name, n).into_iter().map(|v| v as f32).collect()
}

/// Weights like 1/sqrt(fan_in), scales near 1, biases near 0.
fn initial(name: &str, dims: &[usize]) -> Vec<f32> {
    let n: usize = dims.iter().product();
    let fan = ((n / dims[0]) as f64).sqrt();
    let value = |r: f64| match dims.len() {
        _ if name.ends_with("gamma") => 1.0 + 0.1 * r,
        1 => 0.1 * r,
        _ => r / fan,
    };
    reals(name, n).into_iter().map(|r| value(r) as f32).collect()
}

/// Samples in two parts: all but two to train on, and two to look at afterwards.
fn split(data: Dataset) -> Dataset {
    let n = data.len() as u32;
    data.with_splits((0..n - 2).collect(), vec![n - 2, n - 1], vec![]).unwrap()
}

fn classes(samples: usize, classes: u32) -> Vec<u32> {
    integers("y", samples + 2).into_iter().map(|v| v % classes).collect()
}

fn images<const D: usize>(samples: usize, shape: [usize; D], of: u32) -> Dataset {
    let x = floats("x", (samples + 2) * shape.iter().product::<usize>());
    split(Dataset::classification("numbers", x, shape, classes(samples, of), of).unwrap())
}

fn windows(samples: usize, length: usize, vocabulary: u32) -> Dataset {
    let text = integers("x", (samples + 2) * length + 1);
    let text: Vec<u32> = text.into_iter().map(|v| v % vocabulary).collect();
    split(Dataset::next_token("tokens", &text, length, vocabulary).unwrap())
}

/// Texts of the letters from `a` on, which become the symbols from 1 on.
fn padded(samples: usize, length: usize, vocabulary: u32, of: u32) -> Dataset {
    let letter = |v: &u32| char::from(b'a' + (v % (vocabulary - 1)) as u8);
    let all = integers("x", (samples + 2) * length);
    let ends = integers("ends", samples + 2);
    let text = |(row, end): (&[u32], &u32)| -> String {
        row[..1 + *end as usize % length].iter().map(letter).collect()
    };
    let texts = all.chunks(length).zip(&ends).map(text);
    let labels = classes(samples, of).into_iter().map(|c| c.to_string());
    split(Dataset::texts("texts", texts.zip(labels), length).unwrap())
}

/// The network of a name and its training.
fn network(name: &str) -> (Space, Train) {
    let sgd = |lr, momentum| Optimizer::sgd(momentum).learning_rate(lr).weight_decay(5e-4);
    let adamw = |lr| Optimizer::adamw().learning_rate(lr).weight_decay(0.01);
    let train = |data: &Dataset, optimizer| {
        let all = data.sizes().0;
        (Space::on(data), Train::on(data).epochs(STEPS).batch_size(all).optimizer(optimizer))
    };
    match name {
        "residual" => {
            let block = conv(16, 3).stride(2).then(conv(16, 3).activation("identity"));
            let data = images(24, [2, 8, 8], 3);
            let (space, train) = train(&data, sgd(0.01, 0.9).nesterov());
            let body = conv(8, 3).then(conv(12, 3).stride(2)).then(block.residual());
            (space.then(body).then(global_avg_pool()), train)
        }
        // |nor_conv_3x3~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|nor_conv_3x3~1|nor_conv_1x1~2|
        "nas_bench_201" => {
            let unit = |kernel: i64| relu().then(conv(8, kernel).activation("identity"));
            let pool = avg_pool(3).stride(1).padding(1);
            let edges = [vec![unit(3)], vec![zero(), skip()], vec![pool, unit(3), unit(1)]];
            let (space, train) = train(&images(24, [1, 8, 8], 4), sgd(0.03, 0.9));
            let stem = conv(8, 3).activation("identity");
            let body = stem.then(cell(edges)).then(batch_norm()).then(relu());
            (space.then(body).then(global_avg_pool()), train.schedule(Schedule::constant()))
        }
        "convolutions" => {
            let alone = |block: Block| block.norm(false).activation("gelu");
            let (space, train) = train(&images(24, [3, 9, 9], 3), adamw(0.003));
            let space = space
                .then(conv(8, 3).plain())
                .then(alone(depthwise(3)))
                .then(group_norm(2))
                .then(max_pool(3).stride(2).padding(1))
                .then(alone(conv(12, 3).groups(4).dilation(2)))
                .then(alone(sep_conv(16, 5).stride(2)))
                .then(squeeze_excite(4))
                .then(global_max_pool());
            (space, train)
        }
        "transformer" => {
            let (space, train) = train(&windows(16, 6, 7), adamw(0.01));
            let block = |heads: i64| attention(heads).then(feed_forward(2));
            let body = positions().then(block(2)).then(block(4)).then(layer_norm());
            let schedule = Schedule::cosine().warm_up(5.0);
            (space.then(embedding(8)).then(body), train.schedule(schedule))
        }
        "lstm" => {
            let (space, train) = train(&images(24, [10, 3], 4), adamw(0.02));
            (space.then(lstm(8)).then(last()), train.clip_gradient(0.15))
        }
        "gru" => {
            let (space, train) = train(&padded(24, 7, 5, 3), adamw(0.02));
            (space.then(embedding(6)).then(gru(5).bidirectional(true)).then(last()), train)
        }
        "conv1d" => {
            let (space, train) = train(&images(24, [20, 2], 4), adamw(0.01));
            let strided =
                |channels: i64, kernel: i64| conv1d(channels, kernel).stride(2).norm(false);
            let body = strided(6, 5).then(strided(8, 3)).then(strided(8, 3));
            (space.then(body), train.label_smoothing(0.1))
        }
        "regression" => {
            let (x, y) = (floats("x", 26 * 6), floats("y", 26 * 2));
            let data = split(Dataset::regression("numbers", x, [6], y, 2).unwrap());
            let (space, train) = train(&data, sgd(0.1, 0.0));
            let space = space
                .then(linear(12).norm(true).activation("silu"))
                .then(linear(12).activation("elu"))
                .then(feed_forward(2).activation("tanh"));
            (space, train.clip_gradient(0.5))
        }
        _ => panic!("there is no network {name}"),
    }
}

fn recorded(name: &str) -> serde_json::Value {
    let all: serde_json::Value =
        serde_json::from_str(include_str!("../pytorch/figures.json")).unwrap();
    all[name].clone()
}

fn numbers(value: &serde_json::Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

fn values(t: &Tensor) -> Vec<f64> {
    t.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

fn root_mean_square(values: &[f64]) -> f64 {
    (values.iter().map(|v| v * v).sum::<f64>() / values.len() as f64).sqrt()
}

/// What is recorded about a tensor: its mean, its root mean square, and some of its elements.
fn shown(name: &str, t: &Tensor) -> Vec<f64> {
    let mut v = values(t);
    let n = v.len();
    if name.ends_with("in_proj.bias") {
        // A bias of the keys moves all scores of a query alike, which the softmax cancels: its
        // gradient is only rounding error, and AdamW turns it into full steps.
        v[n / 3..2 * n / 3].fill(0.0);
    }
    let mut shown = vec![v.iter().sum::<f64>() / n as f64, root_mean_square(&v)];
    shown.extend((0..4).map(|i| v[i * (n - 1) / 3]));
    shown
}

/// The largest difference between what a training yields and what is recorded, as a multiple of the
/// tolerance, and where it is.
fn distance(name: &str, space: &Space, train: &Train) -> (f64, String) {
    let theirs = recorded(name);
    let mut run = train.start(&space.default_architecture().unwrap(), 1).unwrap();
    let model = run.model();
    let vars: HashMap<String, Var> = model.named_vars().into_iter().collect();
    for (name, var) in vars.iter().filter(|(name, _)| !name.contains("running_")) {
        let values = Tensor::from_vec(initial(name, var.dims()), var.shape(), var.device());
        var.set(&values.unwrap()).unwrap();
    }
    run.advance(STEPS).unwrap();

    let mut found = vec![];
    let mut compare = |what: &str, ours: &[f64], theirs: &[f64], size: f64| {
        assert_eq!(ours.len(), theirs.len(), "{name}, {what}");
        for (a, b) in ours.iter().zip(theirs) {
            found.push(((a - b).abs() / size / TOLERANCE, format!("{what}: {a}, recorded is {b}")));
        }
    };
    let losses = run.losses();
    for (step, loss) in SHOWN.iter().zip(numbers(&theirs["losses"])) {
        compare(&format!("loss at step {step}"), &[losses[step - 1]], &[loss], loss);
    }
    let outputs = numbers(&theirs["outputs"]);
    let (x, _) = train.data().tensors(Split::Validation).unwrap();
    let ours = values(&model.forward(&x).unwrap());
    compare("output", &ours, &outputs, root_mean_square(&outputs));
    let tensors = theirs["tensors"].as_object().unwrap();
    for (name, var) in &vars {
        let figures = tensors.get(name).unwrap_or_else(|| panic!("{name} is not recorded"));
        let moved = figures["moved"].as_f64().unwrap();
        compare(name, &shown(name, var), &numbers(&figures["shown"]), moved);
    }
    assert_eq!(vars.len(), tensors.len(), "all that is recorded is compared");
    // NaN counts as far off.
    let far = |d: f64| if d.is_nan() { f64::INFINITY } else { d };
    found.into_iter().map(|(d, what)| (far(d), what)).max_by(|a, b| a.0.total_cmp(&b.0)).unwrap()
}

fn agrees(name: &str) {
    let (space, train) = network(name);
    let (off, what) = distance(name, &space, &train);
    println!("{name}: {off:.4} of the tolerance, {what}");
    assert!(off < 1.0, "{name}: {off:.2} times the tolerance: {what}");
}

#[test]
fn residual_network() {
    agrees("residual");
}

#[test]
fn cell_of_nas_bench_201() {
    agrees("nas_bench_201");
}

#[test]
fn convolutions_of_all_kinds() {
    agrees("convolutions");
}

#[test]
fn transformer_with_warm_up() {
    agrees("transformer");
}

#[test]
fn lstm_with_clipped_gradients() {
    agrees("lstm");
}

#[test]
fn gru_in_both_directions_on_padded_texts() {
    agrees("gru");
}

#[test]
fn conv1d_with_smoothed_labels() {
    agrees("conv1d");
}

#[test]
fn features_with_squared_error() {
    agrees("regression");
}

/// The comparison would notice what is hard to see: a constant that is slightly wrong.
#[test]
fn small_differences_are_seen() {
    let sgd = Optimizer::sgd(0.91).learning_rate(0.01).weight_decay(5e-4).nesterov();
    let heavy = Optimizer::sgd(0.9).learning_rate(0.03).weight_decay(6e-4);
    let ahead = Optimizer::sgd(0.9).learning_rate(0.03).weight_decay(5e-4).nesterov();
    let late = Schedule::cosine().warm_up(6.0);
    type Change<'a> = &'a dyn Fn(&Train) -> Train;
    let changes: [(&str, &str, Change); 8] = [
        ("momentum 0.91", "residual", &|t| t.optimizer(sgd)),
        ("weight decay 6e-4", "nas_bench_201", &|t| t.optimizer(heavy)),
        ("Nesterov's look-ahead", "nas_bench_201", &|t| t.optimizer(ahead)),
        ("weight decay 0.011", "convolutions", &|t| t.weight_decay(0.011)),
        ("learning rate 0.0202", "gru", &|t| t.learning_rate(0.0202)),
        ("a warm-up of 6 steps", "transformer", &|t| t.schedule(late)),
        ("clipping at 0.151", "lstm", &|t| t.clip_gradient(0.151)),
        ("label smoothing 0.101", "conv1d", &|t| t.label_smoothing(0.101)),
    ];
    for (change, name, apply) in changes {
        let (space, train) = network(name);
        let (off, what) = distance(name, &space, &apply(&train));
        println!("{change}: {off:.1} times the tolerance, {what}");
        assert!(off > 2.0, "{name} with {change} passes: {off:.2} times the tolerance");
    }
}
