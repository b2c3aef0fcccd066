//! Scores without training: each against values worked out by hand, and all of them over spaces of every kind.

use crate::help::{Folder, outside, says};
use nascent::prelude::*;
use nascent::{proxies, stats};

// ------------------------------------------------------------------------------- worked out by hand

/// y = v relu(W x) + b, for a mean squared error: all that the proxies read of it, in plain numbers.
struct Tiny {
    arch: Architecture,
    data: Dataset,
    x: Vec<Vec<f64>>,
    t: Vec<f64>,
    w: Vec<Vec<f64>>,
    v: Vec<f64>,
    b: f64,
}

const UNITS: usize = 4;
const SEED: u64 = 3;

fn numbers(tensor: &Tensor) -> Vec<Vec<f64>> {
    tensor.to_dtype(DType::F64).unwrap().to_vec2().unwrap()
}

impl Tiny {
    fn new() -> Tiny {
        let mut rng = Rng::new(5);
        let x: Vec<f64> = (0..30).map(|_| rng.normal()).collect();
        let targets: Vec<f64> = x.chunks(3).map(|x| x[0] - x[1] * x[2]).collect();
        let data = Dataset::regression("tiny", x, [3], targets, 1).unwrap();
        let space = Space::on(&data).then(linear(UNITS).bias(false));
        let arch = space.default_architecture().unwrap();
        let (x, t) = data.tensors(Split::Train).unwrap();
        let (x, t) = (numbers(&x), numbers(&t).into_iter().map(|t| t[0]).collect());
        let model = Tiny::model(&arch);
        let vars = model.vars();
        let [w, v, b] = &vars[..] else { panic!("{} weights", vars.len()) };
        let (w, v) = (numbers(w), numbers(v).remove(0));
        let b = f64::from(b.to_vec1::<f32>().unwrap()[0]);
        Tiny { arch, data, x, t, w, v, b }
    }

    /// The network with the weights that a proxy of this seed draws.
    fn model(arch: &Architecture) -> Model {
        let seed = Rng::new(SEED).stream("weights", 0).bits();
        Model::new(arch, &Device::Cpu, seed).unwrap()
    }

    fn n(&self) -> f64 {
        self.x.len() as f64
    }

    /// W x, per sample.
    fn z(&self, x: &[f64]) -> Vec<f64> {
        self.w.iter().map(|w| w.iter().zip(x).map(|(w, x)| w * x).sum()).collect()
    }

    /// v relu(W x), without b.
    fn f(&self, x: &[f64]) -> f64 {
        self.z(x).iter().zip(&self.v).map(|(z, v)| v * z.max(0.0)).sum()
    }

    /// What is wrong, per sample.
    fn r(&self) -> Vec<f64> {
        self.x.iter().zip(&self.t).map(|(x, t)| self.f(x) + self.b - t).collect()
    }

    /// 2/N sum_n c_n df_n/dw, for the weights of W and then those of v.
    fn slopes(&self, c: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let (mut of_w, mut of_v) = (vec![0.0; UNITS * 3], vec![0.0; UNITS]);
        for (x, c) in self.x.iter().zip(c) {
            for (j, z) in self.z(x).into_iter().enumerate().filter(|(_, z)| *z > 0.0) {
                of_v[j] += 2.0 * c * z / self.n();
                for i in 0..3 {
                    of_w[3 * j + i] += 2.0 * c * self.v[j] * x[i] / self.n();
                }
            }
        }
        (of_w, of_v)
    }

    /// All weights in that order.
    fn weights(&self) -> (Vec<f64>, Vec<f64>) {
        (self.w.concat(), self.v.clone())
    }

    fn score(&self, proxy: &Proxy) -> f64 {
        proxy.data(&self.data).batch(self.x.len()).seed(SEED).score(&self.arch).unwrap()
    }
}

fn norm(v: &[f64]) -> f64 {
    v.iter().map(|v| v * v).sum::<f64>().sqrt()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[track_caller]
fn close(found: f64, wanted: f64, share: f64) {
    assert!((found - wanted).abs() <= share * wanted.abs(), "{found} instead of {wanted}");
}

/// The determinant and the trace of the inverse, by Gauss and Jordan.
fn det_and_trace(mut a: Vec<Vec<f64>>) -> (f64, f64) {
    let n = a.len();
    let mut inverse: Vec<Vec<f64>> =
        (0..n).map(|i| (0..n).map(|j| f64::from(u8::from(i == j))).collect()).collect();
    let mut det = 1.0;
    for i in 0..n {
        let pivot = a[i][i];
        det *= pivot;
        for m in [&mut a, &mut inverse] {
            m[i].iter_mut().for_each(|v| *v /= pivot);
        }
        for k in (0..n).filter(|k| *k != i) {
            let by = a[k][i];
            for m in [&mut a, &mut inverse] {
                let row = m[i].clone();
                m[k].iter_mut().zip(row).for_each(|(v, of_row)| *v -= by * of_row);
            }
        }
    }
    (det, (0..n).map(|i| inverse[i][i]).sum())
}

#[test]
fn scores_of_weights_and_gradients_are_those_worked_out_by_hand() {
    let tiny = Tiny::new();
    let (w, v) = tiny.weights();
    let (gw, gv) = tiny.slopes(&tiny.r());
    close(tiny.score(&Proxy::grad_norm()), norm(&gw) + norm(&gv), 1e-5);
    close(tiny.score(&Proxy::l2_norm()), norm(&w) + norm(&v), 1e-5);
    let all = || w.iter().zip(&gw).chain(v.iter().zip(&gv)).map(|(w, g)| w * g);
    close(tiny.score(&Proxy::snip()), all().map(f64::abs).sum(), 1e-5);
    close(tiny.score(&Proxy::plain()), all().sum(), 1e-4);
    assert_eq!(tiny.score(&Proxy::params()), (UNITS * 3 + UNITS + 1) as f64);
    assert_eq!(tiny.score(&Proxy::flops()), tiny.arch.flops() as f64);
}

/// With weights (1 + t) w and the same ReLUs on, f is (1 + t)^2 f, and the derivative of the gradient by t at 0
/// has 2 f + r where the gradient has r.
#[test]
fn grasp_is_the_product_with_the_hessian() {
    let tiny = Tiny::new();
    let (gw, gv) = tiny.slopes(&tiny.r());
    let c: Vec<f64> = tiny.x.iter().zip(tiny.r()).map(|(x, r)| 2.0 * tiny.f(x) + r).collect();
    let (hw, hv) = tiny.slopes(&c);
    close(tiny.score(&Proxy::grasp()), -dot(&gw, &hw) - dot(&gv, &hv), 1e-3);
}

#[test]
fn fisher_is_the_square_of_channels_times_gradients() {
    let tiny = Tiny::new();
    let mut wanted = 0.0;
    for (x, r) in tiny.x.iter().zip(tiny.r()) {
        let g = 2.0 * r / tiny.n();
        for (z, v) in tiny.z(x).iter().zip(&tiny.v) {
            wanted += if *z > 0.0 { (z * v * g).powi(2) } else { 0.0 };
        }
        wanted += ((tiny.f(x) + tiny.b) * g).powi(2);
    }
    close(tiny.score(&Proxy::fisher()), wanted / (2.0 * tiny.n()), 1e-5);
}

#[test]
fn synflow_is_what_flows_through_positive_weights() {
    let tiny = Tiny::new();
    let (w, v) = tiny.weights();
    // What enters each unit, times what its way out multiplies it by; both layers carry the same.
    let through =
        (0..UNITS).map(|j| w[3 * j..][..3].iter().map(|w| w.abs()).sum::<f64>() * v[j].abs());
    close(tiny.score(&Proxy::synflow()), (2.0 * through.sum::<f64>()).ln_1p(), 1e-6);
}

#[test]
fn correlations_of_the_jacobian_and_words_of_relus_by_hand() {
    let tiny = Tiny::new();
    let (n, k) = (tiny.x.len(), 1e-5);
    let on: Vec<Vec<bool>> =
        tiny.x.iter().map(|x| tiny.z(x).iter().map(|z| *z > 0.0).collect()).collect();
    let row = |n: usize| -> Vec<f64> {
        let by =
            |i: usize| (0..UNITS).filter(|&j| on[n][j]).map(|j| tiny.v[j] * tiny.w[j][i]).sum();
        let row: Vec<f64> = (0..3).map(by).collect();
        let mean = row.iter().sum::<f64>() / 3.0;
        row.iter().map(|v| v - mean).collect()
    };
    let j: Vec<Vec<f64>> = (0..n).map(row).collect();
    let c = |a: usize, b: usize| match norm(&j[a]) * norm(&j[b]) {
        0.0 => 0.0,
        lengths => dot(&j[a], &j[b]) / lengths,
    };
    let c = |a: usize| (0..n).map(|b| c(a, b) + if a == b { k } else { 0.0 }).collect();
    let (det, trace) = det_and_trace((0..n).map(c).collect());
    // The matrix is nearly singular, and the gradients have 32 bits.
    close(tiny.score(&Proxy::jacob_cov()), -det.ln() - trace, 1e-2);

    // Four units tell these samples apart by far fewer words than there are samples: more units, fewer samples.
    let space = Space::on(&tiny.data).then(linear(64).bias(false));
    let arch = space.default_architecture().unwrap();
    let w = numbers(&Tiny::model(&arch).vars()[0]);
    let word = |x: &Vec<f64>| -> Vec<bool> { w.iter().map(|w| dot(w, x) > 0.0).collect() };
    let words: Vec<Vec<bool>> = tiny.x.iter().map(word).collect();
    let same = |a: &[bool], b: &[bool]| a.iter().zip(b).filter(|(a, b)| a == b).count() as f64;
    let matrix = words.iter().map(|a| words.iter().map(|b| same(a, b)).collect()).collect();
    let proxy = Proxy::naswot().data(&tiny.data).batch(n).seed(SEED);
    close(proxy.score(&arch).unwrap(), det_and_trace(matrix).0.ln(), 1e-9);
}

#[test]
fn zen_gives_back_what_normalisations_took() {
    let space = Space::new([3], Task::regression(1)).then(linear(5).norm(true));
    let (arch, n) = (space.default_architecture().unwrap(), 6);
    let mut rng = Rng::new(SEED).stream("normal", 0);
    let mut draw = |n: usize| -> Vec<f64> { (0..n).map(|_| rng.normal()).collect() };
    // The weights of the layer and of the head, the inputs, and the changes.
    let (w, _, x, e) = (draw(15), draw(5), draw(3 * n), draw(3 * n));
    let features = |x: &[f64]| {
        let z = |s: usize, j: usize| dot(&w[3 * j..][..3], &x[3 * s..][..3]);
        let mut variances = 0.0;
        let mut unit = |j: usize| -> Vec<f64> {
            let mean = (0..n).map(|s| z(s, j)).sum::<f64>() / n as f64;
            let squares: f64 = (0..n).map(|s| (z(s, j) - mean).powi(2)).sum();
            variances += squares / (n - 1) as f64 / 5.0;
            let deviation = (squares / n as f64 + 1e-5).sqrt();
            (0..n).map(|s| ((z(s, j) - mean) / deviation).max(0.0)).collect()
        };
        let units: Vec<Vec<f64>> = (0..5).map(&mut unit).collect();
        (units, variances)
    };
    let moved: Vec<f64> = x.iter().zip(&e).map(|(x, e)| x + 0.01 * e).collect();
    let ((before, variances), (after, _)) = (features(&x), features(&moved));
    let apart =
        |s: usize| norm(&before.iter().zip(&after).map(|(a, b)| a[s] - b[s]).collect::<Vec<_>>());
    let mean = (0..n).map(apart).sum::<f64>() / n as f64;
    let found = Proxy::zen().batch(n).seed(SEED).score(&arch).unwrap();
    close(found, mean.ln() + variances.ln() / 2.0, 1e-3);
}

// ------------------------------------------------------------------------------ spaces of every kind

fn cells() -> Space {
    Space::on(&Dataset::digits()).then(presets::nas_bench_201(4, 1))
}

fn all() -> Vec<Proxy> {
    proxies().into_iter().map(|row| (row.make)().batch(8)).collect()
}

/// Images, features, sequences, symbols for a class, and symbols for the next one.
fn spaces() -> Vec<(&'static str, Space, Option<Dataset>)> {
    let x: Vec<f64> = (0..200).map(|i| f64::from(i * i % 7)).collect();
    let targets: Vec<f64> = x.chunks(5).flat_map(|x| [x[0], x[1] - x[2]]).collect();
    let table = Dataset::regression("table", x, [5], targets, 2).unwrap();
    let units = linear(any([4, 8])).then(batch_norm()).then(feed_forward(2));
    let positions = embedding(8).then(positions()).then(attention(2)).then(feed_forward(2));
    let signals = conv1d(any([4, 8]), 3).then(max_pool(2)).then(gru(6)).then(last());
    let squeezed = conv(8, 3).then(group_norm(2)).then(squeeze_excite(2)).then(sep_conv(8, 3));
    let squeezed = squeezed.then(dropout(0.2)).then(depthwise(3)).then(global_max_pool());
    let (digits, mnist, names) = (Dataset::digits(), Dataset::mnist1d(), Dataset::names());
    let text = Dataset::names_text();
    let on = |data: &Dataset, block: Block| Space::on(data).then(block);
    vec![
        ("cells", cells(), Some(digits.clone())),
        ("images", on(&digits, squeezed), Some(digits)),
        ("features", on(&table, units), Some(table)),
        ("sequences", on(&mnist, signals), Some(mnist)),
        ("symbols", on(&names, positions.clone().then(global_avg_pool())), Some(names)),
        ("text", on(&text, positions), Some(text.clone())),
        ("recurrent cells", on(&text, embedding(8).then(presets::darts_rnn(8))), Some(text)),
        (
            "noise",
            Space::new([3, 6, 6], Task::regression(2)).then(conv(4, 3)).then(flatten()),
            None,
        ),
    ]
}

#[test]
fn every_proxy_scores_every_kind_of_network_or_says_what_it_lacks() {
    let mut refused = vec![];
    for (name, space, data) in spaces() {
        let arch = space.sample(&mut Rng::new(1)).unwrap();
        for proxy in all() {
            let with_data = data.as_ref().map(|data| proxy.data(data));
            for proxy in [Some(proxy), with_data].into_iter().flatten() {
                match proxy.score(&arch) {
                    Ok(score) => {
                        assert!(score.is_finite(), "{proxy} of {name}: {score}");
                        assert_eq!(proxy.score(&arch).unwrap(), score, "{proxy} of {name}");
                    }
                    Err(e) => {
                        let text = e.to_string();
                        assert!(text.contains("Try "), "{proxy} of {name}: {text}");
                        refused.push(format!("{} of {name}", proxy.name()));
                    }
                }
            }
        }
    }
    refused.dedup();
    let lacks = ["symbols", "text", "recurrent cells"];
    let wanted = lacks.map(|space| ["naswot", "zen"].map(|proxy| format!("{proxy} of {space}")));
    let wanted = wanted.concat();
    assert_eq!(refused, wanted);
}

/// What nothing flows through scores least, and has a number.
#[test]
fn a_cell_without_a_path_scores_least() {
    let space = cells();
    let dead = space.decode([0; 6]).unwrap();
    let mut rng = Rng::new(2);
    // Cells in which the first node reaches the last one.
    let reaches = |a: &Architecture| {
        let d = a.decisions();
        d[3] > 0 || d[0] > 0 && d[4] > 0 || d[1] > 0 && d[5] > 0
    };
    let live: Vec<Architecture> =
        (0..12).map(|_| space.sample(&mut rng).unwrap()).filter(reaches).collect();
    // What these count is there, whether a path leads to it or not.
    let counts = |proxy: &Proxy| ["l2_norm", "params", "flops"].contains(&&proxy.name()[..]);
    for proxy in all().into_iter().filter(|proxy| !counts(proxy)) {
        let least = proxy.score(&dead).unwrap();
        for arch in &live {
            let score = proxy.score(arch).unwrap();
            assert!(least < score, "{}: {least} for none, {score} for {arch}", proxy.name());
        }
    }
}

#[test]
fn a_score_follows_from_architecture_and_seed() {
    let arch = cells().decode([3, 1, 2, 3, 4, 3]).unwrap();
    for proxy in all() {
        let one = proxy.score(&arch).unwrap();
        let other = proxy.seed(9).score(&arch).unwrap();
        let fixed = ["params", "flops"].contains(&&proxy.name()[..]);
        assert_eq!(one == other, fixed, "{}", proxy.name());
    }
    let space = cells();
    let study = |proxy: Proxy, jobs: usize| {
        let study = Study::new(&space, proxy).trials(6).seed(1).jobs(jobs);
        study.quiet().run().unwrap()
    };
    let scores = |s: &Study| s.trials_done().iter().map(Trial::score).collect::<Vec<_>>();
    let (one, two) = (study(Proxy::snip().batch(8), 1), study(Proxy::snip().batch(8), 3));
    assert_eq!(scores(&one), scores(&two));
    assert_eq!(scores(&study(Proxy::synflow(), 1)), scores(&study(Proxy::synflow(), 3)));
    assert_eq!(one.metric().name, "snip");
    assert!(one.metric().maximise);
    let best = one.best().unwrap();
    assert_eq!(best.epochs_spent(), 0.0);
    // Another trial of the same architecture draws other weights.
    let budget = |seed: u64| Budget::new(1, 1, seed);
    let snip = Proxy::snip().batch(8);
    let score = |seed| snip.evaluate(&arch, &budget(seed)).unwrap().score();
    assert_eq!(score(4), score(4));
    assert_ne!(score(4), score(5));
}

// --------------------------------------------------------------------------------------- bad input

#[test]
fn what_cannot_be_scored_is_refused_with_advice() {
    let (space, digits) = (cells(), Dataset::digits());
    let arch = space.default_architecture().unwrap();
    says(Proxy::named("sinflow"), &["proxy \"sinflow\"", "grad_norm, snip", "flops"]);
    says(Proxy::snip().batch(1).score(&arch), &["batch(1)", "at least 2", "Try batch(64)"]);
    let few = Proxy::snip().data(&digits.take(50)).batch(64);
    says(few.score(&arch), &["batch(64)", "30 samples", "Try batch(30)"]);
    let other = Proxy::snip().data(&Dataset::mnist1d());
    says(other.score(&arch), &["the data are mnist1d", "Space::on(&data)"]);
    let bare = Space::decisions([2, 3]);
    let coded = bare.sample(&mut Rng::new(1)).unwrap();
    for proxy in all() {
        says(proxy.score(&coded), &["decisions alone has no networks", "Table::over"]);
    }
    says(Study::new(&bare, Proxy::flops()).quiet().run(), &["no networks to score"]);
    let smooth = Space::new([4], Task::classification(2)).then(linear(8).activation("tanh"));
    let smooth = smooth.default_architecture().unwrap();
    says(Proxy::naswot().score(&smooth), &["this one has none", "Proxy::jacob_cov()"]);
    says(Proxy::zen().score(&smooth), &["batch normalisations", "this one has none"]);
    says(
        Proxy::synflow().best_of(&space, 5, 6, 1),
        &["the best 6 of 5", "best_of(&space, 1000, 10"],
    );
    says(Proxy::synflow().best_of(&space, 0, 0, 1), &["the best 0 of 0"]);
    says(Proxy::naswot().best_of(&smooth.space(), 1, 1, 1), &["naswot of linear"]);
    let nobody: [Proxy; 0] = [];
    says(Vote::of(nobody).ranks([arch]), &["a vote of no proxies", "Vote::standard()"]);
    says(Vote::mean_ranks([vec![1.0], vec![1.0, 2.0]]), &["lists of [1, 2] scores"]);
    let start = |n: i32, k: i32| {
        let strategy = WarmStart::new(&Proxy::synflow(), n, Random).first(k);
        Study::new(&space, Proxy::flops()).strategy(strategy).trials(2).quiet().run()
    };
    says(start(0, 1), &["0 candidates", "Try 1000"]);
    says(start(4, 5), &["first(5) of 4 candidates", "Try first(4)"]);
}

/// What compares all inputs with each other has a limit of its own.
#[test]
fn a_batch_too_large_to_compare_is_refused() {
    let arch = cells().default_architecture().unwrap();
    for proxy in [Proxy::jacob_cov(), Proxy::naswot()] {
        says(proxy.batch(20_000).score(&arch), &["batch(20000)", "batch(64)"]);
    }
}

/// 600 layers that each multiply by 6 are beyond 10^308.
#[test]
fn what_overflows_even_64_bits_is_an_error() {
    let deep = Space::new([128], Task::classification(2)).then(repeat(600, linear(128)));
    says(Proxy::synflow().score(&deep.default_architecture().unwrap()), &["too many layers"]);
}

// ------------------------------------------------------------------------------- filter, vote, start

#[test]
fn a_filter_takes_the_best_and_a_vote_the_mean_of_ranks() {
    let space = cells();
    let params = Proxy::params();
    let best = params.best_of(&space, 30, 5, 1).unwrap();
    let sizes: Vec<usize> = best.iter().map(Architecture::params).collect();
    assert!(sizes.is_sorted_by(|a, b| a >= b), "{sizes:?}");
    // Of few architectures all are found, once each.
    let few = Space::on(&Dataset::digits()).then(flatten()).then(linear(any([4, 8, 16])));
    let best = params.best_of(&few, 10, 10, 1).unwrap();
    let texts: Vec<String> = best.iter().map(Architecture::to_text).collect();
    assert_eq!(texts, ["flatten>linear(16)", "flatten>linear(8)", "flatten>linear(4)"]);

    let archs = few.all().unwrap();
    let vote = Vote::of([Proxy::params(), Proxy::flops(), Proxy::snip().batch(8)]);
    let ranks = vote.ranks(&archs).unwrap();
    let by = |proxy: Proxy| archs.iter().map(|a| proxy.score(a).unwrap()).collect::<Vec<f64>>();
    let lists: Vec<Vec<f64>> = vote.proxies().into_iter().map(by).collect();
    assert_eq!(ranks, Vote::mean_ranks(&lists).unwrap());
    assert_eq!(ranks.iter().sum::<f64>(), 6.0);
    let first = vote.best_of(&few, 10, 1, 1).unwrap();
    assert_eq!(first[0].to_text(), "flatten>linear(16)");
}

#[test]
fn a_warm_start_begins_with_the_best_and_is_resumed() {
    let folder = Folder::new("warm");
    let path = folder.file("warm.jsonl");
    let data = Dataset::digits().take(200);
    let space = Space::on(&data).then(presets::nas_bench_201(4, 1));
    let proxy = Proxy::snip().data(&data).batch(8).seed(2);
    let strategy =
        WarmStart::new(&proxy, 12, Evolution::regularized().population(3).sample(2)).first(4);
    assert!(
        strategy
            .describe(8)
            .contains("the best 4 of 12 by snip on 8 samples of digits[200], seed 2, then")
    );
    let study = |trials: usize| {
        let train = Train::on(&data).epochs(1).batch_size(32);
        Study::new(&space, train).strategy(&strategy).trials(trials).seed(3).batch(1).quiet()
    };
    let whole = study(7).run().unwrap();
    let begun: Vec<Architecture> =
        whole.trials_done()[..4].iter().map(Trial::architecture).collect();
    assert_eq!(begun, proxy.best_of(&space, 12, 4, 3).unwrap());
    let origin = |i: usize| whole.trials_done()[i].origin();
    assert_eq!(
        (origin(0), origin(3), origin(5)),
        ("snip".into(), "snip".into(), "mutation".into())
    );
    // From the journal's path alone, in the middle of the start.
    study(2).journal(&path).run().unwrap();
    let resumed = Study::resume(&path).unwrap().trials(7).quiet().run().unwrap();
    let decided = |s: &Study| -> Vec<Vec<u32>> {
        s.trials_done().iter().map(|t| t.architecture().decisions()).collect()
    };
    assert_eq!(decided(&resumed), decided(&whole));
}

// ------------------------------------------------------------------------------------ how they rank

/// Scores of random cells in networks of this size, and what the benchmark says of them.
fn against(
    table: &Table,
    figure: &str,
    [cells, n, size]: [usize; 3],
    proxies: &[Proxy],
) -> Vec<f64> {
    let space =
        Space::new([3, size, size], Task::classification(10)).then(presets::nas_bench_201(16, n));
    let mut rng = Rng::new(1);
    let archs: Vec<Architecture> = (0..cells).map(|_| space.sample(&mut rng).unwrap()).collect();
    let same = |a: &Architecture| table.space().decode(a.decisions()).unwrap();
    let truth: Vec<f64> =
        archs.iter().map(|a| table.figure(&same(a), figure).unwrap().unwrap()).collect();
    let rank = |proxy: &Proxy| {
        let scores: Vec<f64> = archs.iter().map(|a| proxy.score(a).unwrap()).collect();
        let rho = stats::spearman(&scores, &truth).unwrap();
        println!("{:<10} {rho:.3}", proxy.name());
        rho
    };
    proxies.iter().map(rank).collect()
}

#[test]
fn synflow_ranks_small_networks_as_the_benchmark_does() {
    let table = NasBench201::cifar10();
    let rho = against(&table, "val", [40, 1, 8], &[Proxy::synflow()])[0];
    assert!(rho > 0.55, "{rho}");
}

/// Abdelfattah et al. report .74 for the networks of the benchmark (arXiv 2101.08134, table 2).
#[test]
#[ignore = "minutes, and the benchmark's file"]
fn synflow_ranks_as_reported() {
    let Some(path) = outside("nasbench201.csv.gz") else { return };
    let table = NasBench201::read(path, "cifar10").unwrap();
    let proxies = [Proxy::synflow(), Proxy::params(), Proxy::flops()];
    let rho = against(&table, "c10_test200", [300, 5, 32], &proxies)[0];
    assert!((rho - 0.74).abs() < 0.08, "{rho}");
}
