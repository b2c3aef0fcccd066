//! Training from outside: optimisers, schedules, early stop, best epoch, batch statistics.

use crate::help::{alone, says};
use nascent::prelude::*;

fn digits() -> (Dataset, Space) {
    let data = Dataset::digits();
    let space = Space::on(&data)
        .then(conv(8, 3))
        .then(max_pool(2))
        .then(conv(16, 3).residual())
        .then(global_avg_pool());
    (data, space)
}

#[test]
fn every_optimiser_learns_the_digits() {
    let (data, space) = digits();
    let arch = space.default_architecture().unwrap();
    for optimizer in [
        Optimizer::adamw(),
        Optimizer::sgd(0.0).learning_rate(0.5),
        Optimizer::sgd(0.9),
        Optimizer::sgd(0.9).nesterov().weight_decay(5e-4),
    ] {
        let train = Train::on(&data)
            .epochs(8)
            .optimizer(optimizer)
            .schedule(Schedule::cosine().warm_up(0.5));
        let e = train.evaluate(&arch, &Budget::new(8, 8, 1)).unwrap();
        assert!(e.score() > 0.8, "{optimizer}: {}", e.score());
        assert!(e.losses()[7] < e.losses()[0]);
        assert_eq!(e.curve().len(), 8);
        assert_eq!(e.curve()[7], e.score());
    }
}

#[test]
fn label_smoothing_and_clipping_change_the_training() {
    let (data, space) = digits();
    let arch = space.default_architecture().unwrap();
    let run = |t: Train| t.evaluate(&arch, &Budget::new(2, 2, 1)).unwrap().losses();
    let plain = Train::on(&data).epochs(2);
    assert_ne!(run(plain.clone()), run(plain.label_smoothing(0.1)));
    assert_ne!(run(plain.clone()), run(plain.clip_gradient(0.1)));
    assert_eq!(run(plain.clone()), run(plain.clip_gradient(1e9)));
    assert_eq!(run(plain.clone()), run(plain.label_smoothing(0.0)));
}

#[test]
fn early_stop_and_best_epoch() {
    let (data, space) = digits();
    let arch = space.default_architecture().unwrap();
    // A rate so high that the accuracy jumps about.
    let wild = Train::on(&data).epochs(12).learning_rate(0.3).schedule(Schedule::constant());
    let all = wild.evaluate(&arch, &Budget::new(12, 12, 1)).unwrap();
    let best = all.curve().iter().copied().fold(f64::MIN, f64::max);
    let kept = wild.keep_best_epoch().evaluate(&arch, &Budget::new(12, 12, 1)).unwrap();
    assert_eq!((kept.curve(), kept.score()), (all.curve(), best));
    let stopped = wild.early_stop(2).evaluate(&arch, &Budget::new(12, 12, 1)).unwrap();
    let n = stopped.curve().len();
    assert!(n < 12, "{:?}", all.curve());
    assert_eq!(stopped.curve(), all.curve()[..n]);
    assert_eq!(stopped.epochs_spent(), Some(n as f64));

    // The weights that are kept are those of the best epoch.
    let mut run = wild.keep_best_epoch().start(&arch, 1).unwrap();
    run.advance(12).unwrap();
    let (x, y) = data.tensors(Split::Validation).unwrap();
    let (guess, truth) = (run.model().predict(&x).unwrap(), y.to_vec1::<u32>().unwrap());
    let right = guess.iter().zip(&truth).filter(|(a, b)| a == b).count() as f64;
    assert!((right / truth.len() as f64 - run.evaluation().score()).abs() < 1e-12);
}

#[test]
fn batch_norm_is_right_in_both_modes() {
    let space =
        Space::new([3, 2, 2], Task::classification(2)).then(batch_norm()).then(global_avg_pool());
    let arch = space.default_architecture().unwrap();
    let model = Model::new(&arch, &Device::Cpu, 1).unwrap();
    let mut rng = Rng::new(1);
    let values: Vec<f32> = (0..8 * 12).map(|_| 3.0 + 2.0 * rng.normal() as f32).collect();
    let x = Tensor::from_vec(values, (8, 3, 2, 2), &Device::Cpu).unwrap();
    let named = |name: &str| {
        let vars = model.named_vars();
        let (_, var) = vars.iter().find(|(n, _)| n.ends_with(name)).unwrap().clone();
        var.as_detached_tensor().to_vec1::<f32>().unwrap()
    };
    let per_channel = x.transpose(0, 1).unwrap().flatten_from(1).unwrap();
    let mean = per_channel.mean(1).unwrap().to_vec1::<f32>().unwrap();
    let var = per_channel.var(1).unwrap().to_vec1::<f32>().unwrap(); // unbiased
    model.forward_train(&x, &mut rng).unwrap();
    for c in 0..3 {
        assert!((named("running_mean")[c] - 0.1 * mean[c]).abs() < 1e-5);
        assert!((named("running_var")[c] - (0.9 + 0.1 * var[c])).abs() < 1e-5);
    }
    for _ in 0..200 {
        model.forward_train(&x, &mut rng).unwrap();
    }
    // Evaluation leaves the statistics alone and, once they have settled, agrees with training but
    // for the biased variance.
    let before = named("running_mean");
    let (a, b) = (model.forward(&x).unwrap(), model.forward_train(&x, &mut rng).unwrap());
    assert_eq!(before[0].to_bits(), {
        model.forward(&x).unwrap();
        before[0].to_bits()
    });
    let gap = (a - b).unwrap().abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
    assert!(gap < 0.05, "{gap}");
}

#[test]
fn dropout_acts_in_training_only() {
    let space = Space::new([64], Task::classification(4)).then(dropout(0.5));
    let model = Model::new(&space.default_architecture().unwrap(), &Device::Cpu, 1).unwrap();
    let x = Tensor::ones((4, 64), DType::F32, &Device::Cpu).unwrap();
    let out = |t: Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let quiet = out(model.forward(&x).unwrap());
    assert_eq!(quiet, out(model.forward(&x).unwrap()));
    let mut rng = Rng::new(1);
    let (a, b) =
        (model.forward_train(&x, &mut rng).unwrap(), model.forward_train(&x, &mut rng).unwrap());
    assert_ne!(out(a), out(b));
}

#[test]
fn a_diverging_training_says_so() {
    let (data, space) = digits();
    let train = Train::on(&data).epochs(2).optimizer(Optimizer::sgd(0.9).learning_rate(1e18));
    let e =
        train.evaluate(&space.default_architecture().unwrap(), &Budget::new(2, 2, 1)).unwrap_err();
    assert!(e.to_string().contains("diverged") && e.to_string().contains("learning rate"), "{e}");
}

#[test]
fn data_and_space_must_match() {
    let (data, _) = digits();
    let other = Space::new([3, 8, 8], Task::classification(10)).then(global_avg_pool());
    let e =
        Train::on(&data).start(&other.default_architecture().unwrap(), 1).unwrap_err().to_string();
    assert!(e.contains("3x8x8") && e.contains("1x8x8"), "{e}");
    let damaged = Checkpoint::from_bytes(&[1, 2, 3]).unwrap_err().to_string();
    assert!(damaged.contains("too short"), "{damaged}");
}

#[test]
fn checkpoints_of_another_training_are_refused() {
    let (data, space) = digits();
    let arch = space.default_architecture().unwrap();
    let train = Train::on(&data).epochs(3);
    let mut run = train.start(&arch, 1).unwrap();
    run.advance(1).unwrap();
    let kept = run.checkpoint().unwrap();
    assert!(train.resume(&arch, &kept).is_ok());
    let gelu = Space::on(&data)
        .then(conv(8, 3).activation("gelu"))
        .then(max_pool(2))
        .then(conv(16, 3).residual())
        .then(global_avg_pool());
    for (other, arch, part) in [
        (train.epochs(5), arch.clone(), "3 epochs"),
        (train.optimizer(Optimizer::sgd(0.9)), arch.clone(), "AdamW"),
        (train.batch_size(32), arch.clone(), "batches of 64"),
        (Train::on(&data.take(500)).epochs(3), arch.clone(), "digits[500]"),
        (train.clone(), gelu.default_architecture().unwrap(), "gelu"),
    ] {
        let e = other.resume(&arch, &kept).unwrap_err().to_string();
        assert!(e.contains(part), "{part}: {e}");
    }
    let bytes = kept.to_bytes();
    for cut in [9, 100, bytes.len() / 2, bytes.len() - 1] {
        assert!(Checkpoint::from_bytes(&bytes[..cut]).is_err(), "cut at {cut}");
    }
}

/// Predicting the mean of each target explains nothing, however far apart the targets are.
#[test]
fn r2_is_a_mean_over_the_targets() {
    let mut rng = Rng::new(1);
    let n = 400;
    let x: Vec<f32> = (0..n).map(|_| rng.normal() as f32).collect();
    // One target follows the input, the other is noise around 10.
    let y: Vec<f32> = x.iter().flat_map(|v| [2.0 * v, 10.0 + rng.normal() as f32]).collect();
    let data = Dataset::regression("two", x, [1], y, 2).unwrap();
    let space = Space::on(&data).then(skip());
    let train = Train::on(&data).epochs(60).learning_rate(1.0).batch_size(32);
    let e =
        train.evaluate(&space.default_architecture().unwrap(), &Budget::new(60, 60, 1)).unwrap();
    let r2 = e.get("r2").unwrap();
    assert!((0.3..0.6).contains(&r2), "{r2}");
    assert_eq!(e.get("rmse"), Some(e.score()));
}

/// Without variance there is no share of it: neither infinity nor a number made up by rounding.
#[test]
fn r2_of_a_target_that_never_varies_is_left_out_with_the_reason() {
    let x: Vec<f32> = (0..40).map(|i| i as f32 / 40.0).collect();
    for value in [0.0, 3.0, 0.1, 1e4, -1e-30] {
        let data = Dataset::regression("same", x.clone(), [1], vec![value; 40], 1).unwrap();
        let space = Space::on(&data).then(linear(any([2, 4])));
        let train = Train::on(&data).epochs(1).batch_size(8);
        let study = Study::new(&space, &train).trials(2).quiet().run().unwrap();
        assert!(study.failed().is_empty(), "{value}");
        for t in study.trials_done().iter().filter_map(Trial::evaluation) {
            let why = t.undefined("r2").unwrap();
            assert!(t.get("r2").is_none() && why.contains("validation split"), "{value}: {why}");
            assert!(t.get("rmse").unwrap().is_finite());
            // It is kept in what is written down, which reads as before where all is defined.
            let json = serde_json::to_string(&t).unwrap();
            assert_eq!(serde_json::from_str::<Evaluation>(&json).unwrap(), t);
            let plain = serde_json::to_string(&Evaluation::new(0.5)).unwrap();
            assert!(!plain.contains("undefined"), "{plain}");
        }
        // An objective that asks for it is told why there is none.
        let study = Study::new(&space, &train).objective(Metric::maximise("r2")).trials(2).quiet();
        for t in study.run().unwrap().failed() {
            let why = t.error().unwrap();
            assert!(why.contains("\"r2\" is undefined") && why.contains("all 8"), "{why}");
        }
    }
    // With two targets, it says which one.
    let y: Vec<f32> = (0..40).flat_map(|i| [i as f32, 7.0]).collect();
    let data = Dataset::regression("one", x, [1], y, 2).unwrap();
    let space = Space::on(&data).then(linear(2));
    let train = Train::on(&data).epochs(1).batch_size(8);
    let found = train.evaluate(&space.default_architecture().unwrap(), &Budget::new(1, 1, 1));
    let why = found.unwrap().undefined("r2").unwrap();
    assert!(why.contains("target 1 is 7"), "{why}");
}

/// Next to nothing varies: the sums of squares would lose it to rounding.
#[test]
fn r2_of_a_target_far_from_0_is_that_of_one_near_it() {
    let x: Vec<f32> = (0..60).map(|i| i as f32 / 60.0).collect();
    let r2 = |offset: f32| {
        let y: Vec<f32> = (0..60).map(|i| offset + (i % 4) as f32).collect();
        let data = Dataset::regression("far", x.clone(), [1], y, 1).unwrap();
        let arch = Space::on(&data).then(skip()).default_architecture().unwrap();
        let run = Train::on(&data).epochs(1).batch_size(8).learning_rate(1e-12).start(&arch, 1);
        let mut run = run.unwrap();
        run.advance(1).unwrap();
        let e = run.evaluation();
        // 1 - n rmse^2 / sum of squared deviations; the values are 0 to 3 in some order.
        (e.get("r2").unwrap(), e.get("rmse").unwrap())
    };
    let ((near, near_rmse), (far, far_rmse)) = (r2(0.0), r2(4e6));
    let (a, b) = ((1.0 - near) / near_rmse.powi(2), (1.0 - far) / far_rmse.powi(2));
    assert!((a / b - 1.0).abs() < 1e-9, "{near} {far}: {a} {b}");
}

/// What is said beforehand about memory, against the most that the first step has allocated. The
/// allocator counts for the whole process, and this test's threads allocate and free: in a process alone.
#[test]
fn memory_is_estimated_before_and_measured_after() -> Result<()> {
    if std::env::var_os("NASCENT_ALONE").is_none() {
        let mut child = alone("training::memory_is_estimated_before_and_measured_after");
        let out = child.env("NASCENT_ALONE", "1").output().unwrap();
        assert!(out.status.success(), "{out:?}");
        return Ok(());
    }
    let images = Dataset::classification(
        "noise",
        (0..400 * 3 * 256).map(|i| (i % 97) as f32 / 97.0).collect(),
        [3, 16, 16],
        (0..400).map(|i| i % 4).collect(),
        4,
    )?;
    let nets = [
        Space::on(&images).then(conv(32, 3)).then(conv(32, 3)).then(global_avg_pool()),
        Space::on(&images)
            .then(conv(64, 3).activation("gelu"))
            .then(max_pool(2))
            .then(sep_conv(64, 5)),
        Space::on(&images).then(conv(16, 3).then(conv(16, 3)).residual()).then(linear(512)),
        Space::on(&images).then(linear(2048)).then(dropout(0.5)).then(linear(1024)),
    ];
    let train = Train::on(&images).batch_size(64);
    for space in nets {
        let arch = space.default_architecture()?;
        let mut run = train.start(&arch, 1)?;
        assert_eq!(run.peak_memory(), None);
        run.advance(1)?;
        let Some(measured) = run.peak_memory() else {
            if cfg!(target_env = "gnu") {
                panic!("glibc's allocator counts");
            }
            return Ok(());
        };
        let ratio = arch.memory(64) as f64 / measured as f64;
        println!("{arch}: {} estimated, {measured} measured, {ratio:.2}", arch.memory(64));
        assert!((0.6..2.0).contains(&ratio), "{arch}: {} and {measured}", arch.memory(64));
    }
    Ok(())
}

/// The order of arXiv 2011.14439: what a network assumes about signals decides what it learns.
#[test]
fn the_families_come_out_in_the_known_order_on_mnist1d() {
    let data = Dataset::mnist1d();
    let space = Space::on(&data).then(one_of([
        flatten(),
        flatten().then(linear(100)).then(linear(100).residual()),
        gru(6).bidirectional(true),
        conv1d(25, 5).stride(2).then(repeat(2, conv1d(25, 3).stride(2))),
    ]));
    let train = Train::on(&data).epochs(10).learning_rate(0.02);
    let study = Study::new(&space, train).strategy(Grid).trials(4).seed(1).quiet().run().unwrap();
    let scores: Vec<f64> = study.trials_done().iter().filter_map(|t| t.score()).collect();
    assert_eq!(scores.len(), 4);
    assert!(scores.windows(2).all(|s| s[0] + 0.03 < s[1]), "{scores:?}");
    assert!(scores[0] < 0.4 && scores[3] > 0.85, "{scores:?}");
}

#[test]
fn few_samples_make_small_batches() {
    let of = |n: usize| Train::on(&Dataset::digits().take(n)).to_string();
    assert!(of(500).contains("batches of 64"), "{}", of(500));
    // 43 training samples.
    let few = Dataset::digits().take(72);
    assert_eq!(few.sizes().0, 44);
    assert!(of(72).contains("batches of 5"), "{}", of(72));
    let space = Space::on(&few).then(flatten()).then(linear(4));
    let study = Study::new(&space, Train::on(&few).epochs(1)).trials(1).quiet().run().unwrap();
    study.retrain(1).unwrap();
    // A size that is given stays an error.
    says(
        Train::on(&few).batch_size(64).start(&space.default_architecture().unwrap(), 1),
        &["batch_size(64)", "Try batch_size(5)"],
    );
}
