//! The search spaces from the literature: their sizes, what is in them, and that it learns.

use nascent::prelude::*;
use nascent::presets;

fn sum_of_powers(base: u128, exponents: std::ops::RangeInclusive<u32>) -> u128 {
    exponents.map(|e| base.pow(e)).sum()
}

#[test]
fn sizes_are_those_of_the_formulas() {
    let image = || Space::new([3, 32, 32], Task::classification(10));
    let sequence = || Space::new([12, 2], Task::classification(10));
    let tokens = || Space::new([12], Task::next_token(27));
    let five = [(24, 2), (40, 2), (80, 2), (96, 1), (192, 2)];
    for (space, size) in [
        (image().then(presets::mlp()), 27_252_360),
        (image().then(presets::mlp()), sum_of_powers(6 * 2 * 2 * 3, 1..=4)),
        (image().then(presets::mlp_of(2, [16, 32])), 24 * 24),
        (image().then(presets::mobile(16, [(24, 2)], 2..=4)), 22_608),
        (image().then(presets::mobile(16, five, 2..=4)), sum_of_powers(12, 2..=4).pow(5)),
        (sequence().then(presets::sequence(64, 1..=4)), 556_920),
        (sequence().then(presets::sequence(64, 1..=4)), 18 * sum_of_powers(13, 1..=4)),
        (Space::on(&Dataset::names()).then(presets::text(64, [2])), 18 * 13 * 13),
        (tokens().then(presets::language_model(64, 1..=4)), 6 * sum_of_powers(11, 1..=4)),
        (tokens().then(presets::language_model(64, 1..=4)), 96_624),
        (tokens().then(embedding(8)).then(presets::darts_rnn(8)), 2_642_411_520),
        (sequence().then(presets::darts_rnn(8)), (1..=8u128).product::<u128>() * 4u128.pow(8)),
    ] {
        assert_eq!(space.size(), Some(size), "{space}");
        assert!(space.problems().is_empty(), "{:?}", space.problems());
    }
    // Where they can be counted: each is an architecture of its own.
    let small = Space::on(&Dataset::digits()).then(presets::mobile(4, [(8, 2)], 1..=2));
    assert_eq!((small.enumerate().count() as u128, small.size()), (156, Some(156)));
}

/// Whatever is drawn fits together, and its text leads back to it.
#[test]
fn every_draw_is_a_network() -> Result<()> {
    let (images, text) = (Dataset::digits(), Dataset::names_text());
    for space in [
        Space::on(&images).then(presets::mlp()),
        Space::on(&Dataset::mnist1d()).then(presets::mlp()),
        Space::on(&images).then(presets::mobile(8, [(16, 2), (24, 1), (32, 2)], 1..=3)),
        Space::on(&Dataset::mnist1d()).then(presets::sequence(32, 1..=4)),
        Space::on(&Dataset::names()).then(presets::text(32, 1..=4)),
        Space::on(&text).then(presets::language_model(32, 1..=4)),
        Space::on(&text).then(embedding(8)).then(presets::darts_rnn(16)),
    ] {
        let mut rng = Rng::new(5);
        for _ in 0..60 {
            let arch = space.sample(&mut rng)?;
            assert_eq!(space.parse(&arch.to_string())?, arch);
            let (child, params) = (space.mutate(&arch, &mut rng)?, arch.params());
            assert!(space.contains(&child) && child != arch && params > 0);
        }
        assert_eq!(Space::from_json(&space.to_json())?, space);
    }
    Ok(())
}

/// Two layers, nothing normalised.
#[test]
fn the_networks_of_the_fully_connected_benchmark_are_among_the_perceptrons() -> Result<()> {
    let space = Space::new([9], Task::regression(1)).then(presets::mlp());
    let text = "flatten>linear(512,activation=tanh)>dropout(0.3)>linear(16)>dropout(0.6)";
    let arch = space.parse(text)?;
    assert_eq!(arch.params(), 9 * 512 + 512 + 512 * 16 + 16 + 16 + 1);
    Ok(())
}

/// Blocks by hand: widened from the block's own input, with it added where the shape does not change.
#[test]
fn inverted_residuals_are_those_of_the_papers() -> Result<()> {
    let space = Space::new([3, 32, 32], Task::classification(10)).then(presets::mobile(
        16,
        [(24, 2), (24, 1)],
        2..=3,
    ));
    let arch = space.parse(
        "conv(16,3)\
         >conv(48,1)>depthwise(5,stride=2)>skip>conv(24,1,activation=identity)\
         >residual(conv(144,1)>depthwise(7)>squeeze_excite(4)>conv(24,1,activation=identity))\
         >residual(conv(72,1)>depthwise(3)>skip>conv(24,1,activation=identity))\
         >residual(conv(72,1)>depthwise(3)>skip>conv(24,1,activation=identity))\
         >conv(96,1)>global_avg_pool",
    )?;
    // The convolutions with their normalisations; squeeze-excite; the head.
    let conv = |from: usize, to: usize, k: usize| from * to * k * k + 2 * to;
    let block = |from: usize, by: usize, to: usize, k: usize| {
        conv(from, by * from, 1) + conv(1, by * from, k) + conv(by * from, to, 1)
    };
    let gates = 2 * 144 * 36 + 144 + 36;
    let params = conv(3, 16, 3)
        + block(16, 3, 24, 5)
        + block(24, 6, 24, 7)
        + gates
        + 2 * block(24, 3, 24, 3)
        + conv(24, 96, 1)
        + 96 * 10
        + 10;
    assert_eq!(arch.params(), params);
    let sums = arch.layers().iter().filter(|l| l.name == "add").count();
    assert_eq!((sums, arch.output().dims()), (3, vec![10]));
    assert!(arch.layers().iter().any(|l| l.shape.dims() == [24, 16, 16]));
    Ok(())
}

/// Trains an architecture; its score.
fn learned(space: &Space, data: &Dataset, epochs: i32, text: &str) -> Result<f64> {
    let arch = space.parse(text)?;
    let train = Train::on(data).epochs(epochs).optimizer(Optimizer::adamw().learning_rate(0.005));
    let mut training = train.start(&arch, 1)?;
    training.advance(epochs)?;
    Ok(training.evaluation().score())
}

/// One network of every kind, after one or a few epochs: better than guessing, by a wide margin.
#[test]
fn every_kind_learns() -> Result<()> {
    let data = Dataset::mnist1d();
    let signals = Space::on(&data).then(presets::sequence(16, 1..=3));
    for text in [
        "linear(16,activation=identity)>skip>gru(16)>lstm(8,bidirectional=1)>dropout(0)>global_max_pool",
        "linear(16,activation=identity)>positions>residual(layer_norm>activation(relu)\
         >conv1d(16,5,norm=0,activation=identity))>dropout(0)>global_max_pool",
        "linear(16,activation=identity)>positions>attention(4)>feed_forward(2)>attention(2)\
         >feed_forward(2)>dropout(0)>global_avg_pool",
    ] {
        let score = learned(&signals, &data, 1, text)?;
        assert!(score > 0.15, "{text}: {score}");
    }
    let space = Space::on(&data).then(presets::mlp());
    let text = "flatten>linear(128,norm=1)>dropout(0)>linear(64,norm=1)>dropout(0)";
    assert!(learned(&space, &data, 1, text)? > 0.3);

    let images = Dataset::digits();
    let space = Space::on(&images).then(presets::mobile(8, [(16, 1), (24, 2)], 1..=2));
    let block = |from: i32, to: i32, more: &str| {
        format!(
            "conv({},1)>depthwise(3{more})>squeeze_excite(4)>conv({to},1,activation=identity)",
            3 * from
        )
    };
    let text = format!(
        "conv(8,3)>{}>{}>conv(96,1)>global_avg_pool",
        block(8, 16, ""),
        block(16, 24, ",stride=2")
    );
    // An epoch is too short for the running statistics of so many normalisations.
    assert!(learned(&space, &images, 3, &text)? > 0.5);

    // Always answering "female" is right for 78 %.
    let names = Dataset::names();
    let space = Space::on(&names).then(presets::text(16, 1..=2));
    let text =
        "embedding(16)>skip>gru(8,bidirectional=1)>attention(2)>feed_forward(2)>dropout(0)>last";
    assert!(learned(&space, &names, 1, text)? > 0.8);

    // 27 symbols, whose frequencies alone leave a perplexity of about 16; an epoch has 11 steps.
    let letters = Dataset::names_text();
    let space = Space::on(&letters).then(presets::language_model(32, 1..=3));
    let text = "embedding(32)>positions>attention(2)>feed_forward(2)>residual(layer_norm\
                >activation(relu)>conv1d(32,3,norm=0,activation=identity))>lstm(32)>dropout(0)";
    assert!(learned(&space, &letters, 8, text)? < 13.0);
    let space = Space::on(&letters).then(embedding(32)).then(presets::darts_rnn(32));
    let text =
        "embedding(32)>darts_rnn(32,0,relu,1,relu,2,tanh,3,relu,4,relu,1,identity,5,relu,1,relu)";
    assert!(learned(&space, &letters, 8, text)? < 13.0);
    Ok(())
}

/// What follows a position does not change its prediction, in training and afterwards.
#[test]
fn language_models_do_not_look_ahead() -> Result<()> {
    let letters = Space::new([9], Task::next_token(7));
    for space in [
        letters.then(presets::language_model(16, 1..=4)),
        letters.then(embedding(6)).then(presets::darts_rnn(8)),
    ] {
        for seed in 0..12 {
            let arch = space.sample(&mut Rng::new(seed))?;
            let model = Model::new(&arch, &Device::Cpu, seed)?;
            let run = |end: u32, train: bool| -> Result<Vec<Vec<f32>>> {
                let x = Tensor::new(&[[1u32, 2, 3, 4, 5, 6, end, 6, end]], &Device::Cpu)?;
                let y = match train {
                    true => model.forward_train(&x, &mut Rng::new(1))?,
                    false => model.forward(&x)?,
                };
                Ok(y.squeeze(0)?.to_vec2()?)
            };
            for train in [false, true] {
                let (a, b) = (run(0, train)?, run(3, train)?);
                assert_eq!(a[..6], b[..6], "{arch}");
                assert_ne!(a[6], b[6], "{arch}");
            }
        }
    }
    Ok(())
}

#[test]
fn what_a_preset_cannot_be_is_reported() {
    for (block, part) in [
        (presets::sequence(20, 1..=4), "a width of 20"),
        (presets::text(-8, 1..=4), "a width of -8"),
        (presets::language_model(64, [-1, 2]), "times is -1"),
        (presets::mobile(16, [(24, 2)], 0..=3), "a depth of 0"),
        (presets::mobile(16, [(24, 0)], 2..=3), "stride is 0"),
        (presets::mobile(16, [(0, 2)], 2..=3), "mobile: 0 channels"),
        (presets::mobile(16, [(i64::MAX, 2)], 2..=3), "allowed is 1 to 65536"),
        (presets::mlp_of(2, [0, 8]), "units is 0"),
        (presets::darts_rnn(0), "units is 0"),
        (presets::darts(16, 0), "darts: 0 cells"),
        (presets::nas_bench_101(16, -3), "nas_bench_101: -3 cells"),
        (presets::nas_bench_201(16, 0), "nas_bench_201: 0 cells"),
    ] {
        let problems = block.problems();
        assert!(problems.iter().any(|p| p.contains(part)), "{part}: {problems:?}");
    }
}
