//! A space in which nothing fits says so before it is searched, and its advice works.

use nascent::prelude::*;

fn features(n: i32) -> Space {
    Space::new([n], Task::classification(3))
}

fn sequences(d: i32) -> Space {
    Space::new([40, d], Task::classification(3))
}

fn images() -> Space {
    Space::new([3, 8, 8], Task::classification(3))
}

fn pixels() -> Space {
    Space::new([3, 1, 1], Task::classification(3))
}

fn tokens() -> Space {
    Space::on(&Dataset::names())
}

fn texts() -> Space {
    Space::new([12], Task::next_token(9))
}

/// Spaces with a mistake, what their problem must say, and the space after the advice was followed.
fn mistakes() -> Vec<(Space, &'static str, Space)> {
    let heads = attention(any([4, 8]));
    vec![
        (features(3).then(conv(any([8, 16]), 3)), "Try linear(8)", features(3).then(linear(8))),
        (features(3).then(conv1d(8, 3)), "Try linear(8)", features(3).then(linear(8))),
        (features(3).then(lstm(8)), "Try linear(8)", features(3).then(linear(8))),
        (features(3).then(&heads), "Try feed_forward(4)", features(3).then(feed_forward(4))),
        (features(3).then(max_pool(2)), "Try leaving it out", features(3)),
        (features(3).then(global_avg_pool()), "Try leaving it out", features(3)),
        (features(3).then(last()), "Try leaving it out", features(3)),
        (features(3).then(positions()), "Try leaving it out", features(3)),
        (features(3).then(squeeze_excite(4)), "Try leaving it out", features(3)),
        (features(3).then(embedding(8)), "Try leaving it out", features(3)),
        (
            images().then(flatten()).then(conv(8, 3)),
            "putting it in front of that one",
            images().then(conv(8, 3)).then(flatten()),
        ),
        (sequences(2).then(conv(8..=64, 5)), "Try conv1d(8, 5)", sequences(2).then(conv1d(8, 5))),
        (sequences(2).then(sep_conv(8, 3)), "Try conv1d(8, 3)", sequences(2).then(conv1d(8, 3))),
        (sequences(2).then(depthwise(3)), "Try conv1d(16, 3)", sequences(2).then(conv1d(16, 3))),
        (sequences(2).then(group_norm(2)), "Try layer_norm()", sequences(2).then(layer_norm())),
        (
            sequences(30).then(&heads),
            "(1, 2, 3, 5, 6, 10, 15, 30)",
            sequences(30).then(attention(5)),
        ),
        (
            sequences(30).then(&heads),
            "another number of features before it",
            sequences(30).then(linear(32)).then(&heads),
        ),
        (
            sequences(2).then(max_pool(50)),
            "Try a window of at most 40",
            sequences(2).then(max_pool(40)),
        ),
        (images().then(conv1d(8, 3)), "Try conv(8, 3)", images().then(conv(8, 3))),
        (images().then(gru(8)), "Try conv(8, 3)", images().then(conv(8, 3))),
        (images().then(last()), "Try global_avg_pool()", images().then(global_avg_pool())),
        (images().then(positions()), "Try leaving it out", images()),
        (
            images().then(feed_forward(4)),
            "Try global_avg_pool() before it",
            images().then(global_avg_pool()).then(feed_forward(4)),
        ),
        (images().then(group_norm(2)), "Try one of 1, 3", images().then(group_norm(3))),
        (images().then(conv(8, 3).groups(2)), "Try groups(1)", images().then(conv(8, 3).groups(1))),
        (pixels().then(conv(8, 4)), "Try an odd one", pixels().then(conv(8, 5))),
        (
            images().then(max_pool(2).padding(2)),
            "Try padding(1)",
            images().then(max_pool(2).padding(1)),
        ),
        (
            images().then(branches([conv(8, 3), conv(16, 3)])),
            "or concat([...])",
            images().then(concat([conv(8, 3), conv(16, 3)])),
        ),
        (
            images().then(branches([conv(8, 3), conv(16, 3)])),
            "Try the same channels",
            images().then(branches([conv(8, 3), conv(8, 3)])),
        ),
        (
            images().then(concat([conv(8, 3), max_pool(2)])),
            "Try strides and paddings that keep the other sizes alike",
            images().then(concat([conv(8, 3), max_pool(3).stride(1).padding(1)])),
        ),
        (
            images().then(concat([conv(8, 3), flatten()])),
            "Try global_avg_pool() at the end of each",
            images().then(concat([conv(8, 3).then(global_avg_pool()), global_avg_pool()])),
        ),
        (
            images().then(conv(8, 3).then(flatten()).residual()),
            "no flattening inside",
            images().then(conv(8, 3).residual()).then(flatten()),
        ),
        (
            sequences(2).then(conv1d(8, 3).stride(2).residual()),
            "no stride",
            sequences(2).then(conv1d(8, 3).residual()),
        ),
        (
            features(3).then(wired(4, 5, conv(same(), 3))),
            "or cell(...), which takes anything",
            features(3).then(cell([vec![linear(same())]])),
        ),
        (
            tokens().then(lstm(8)),
            "Try embedding(16) before it",
            tokens().then(embedding(16)).then(lstm(8)),
        ),
        (
            tokens().then(linear(8)),
            "Try embedding(16) before it",
            tokens().then(embedding(16)).then(linear(8)),
        ),
        (
            tokens().then(flatten()),
            "Try embedding(16) before it",
            tokens().then(embedding(16)).then(flatten()),
        ),
        (
            tokens().then(conv(8, 3)),
            "Try embedding(16) and then conv1d(8, 3)",
            tokens().then(embedding(16)).then(conv1d(8, 3)),
        ),
        (
            tokens().then(conv1d(same(), 3)),
            "Try embedding(16) before it",
            tokens().then(embedding(16)).then(conv1d(same(), 3)),
        ),
        (tokens(), "Try embedding(16)", tokens().then(embedding(16))),
        (texts(), "Try embedding(16) first", texts().then(embedding(16))),
        (
            texts().then(embedding(8)).then(global_avg_pool()),
            "no pooling or flattening",
            texts().then(embedding(8)),
        ),
        (
            texts().then(embedding(8)).then(lstm(4).bidirectional(true)),
            "Try bidirectional(false)",
            texts().then(embedding(8)).then(lstm(4).bidirectional(false)),
        ),
        (
            texts().then(embedding(8)).then(conv1d(4, 3).causal(false)),
            "Try causal(true)",
            texts().then(embedding(8)).then(conv1d(4, 3).causal(true)),
        ),
        (
            texts().then(embedding(8)).then(max_pool(2)),
            "Try leaving it out",
            texts().then(embedding(8)),
        ),
        (
            Space::new([2, 3, 4, 5], Task::classification(2)).then(conv(8, 3)),
            "Try flatten() and linear(16)",
            Space::new([2, 3, 4, 5], Task::classification(2)).then(flatten()).then(linear(16)),
        ),
    ]
}

#[test]
fn spaces_in_which_nothing_fits_say_so_and_their_advice_works() {
    for (wrong, advice, mended) in mistakes() {
        let problems = wrong.problems();
        assert_eq!(problems.len(), 1, "{advice}: {problems:?} in\n{wrong}");
        let text = wrong.check().unwrap_err().to_string();
        assert!(text.contains(advice), "{text}\n  lacks: {advice}");
        // The picture says so too, and a study does before it runs.
        assert!(wrong.to_string().contains(advice), "{wrong}");
        assert!(wrong.to_string().contains("cannot be searched: 1 problem"), "{wrong}");
        let study = Study::new(&wrong, evaluator(|_, _| 1.0)).trials(3).quiet();
        assert!(study.explain().to_string().contains(advice));
        // In a drawing alone, where it may be cut in lines.
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words(&wrong.drawing().plain()).contains(&words(advice)), "{}", wrong.drawing());
        assert!(study.run().unwrap_err().to_string().contains(advice));
        // It can be stored and read, and its architectures looked at.
        assert_eq!(Space::from_json(&wrong.to_json()).unwrap(), wrong);
        mended.check().unwrap();
        mended.sample(&mut Rng::new(1)).unwrap();
    }
}

#[test]
fn what_fits_rarely_is_not_a_problem() {
    // One of 2^20 combinations: all poolings but the last but one must be left out.
    let mut rare = Space::new([3, 3, 3], Task::classification(2));
    for _ in 0..20 {
        rare = rare.then(one_of([max_pool(2), skip()]));
    }
    let rare = rare.then(conv(4, 3)).then(max_pool(3));
    rare.check().unwrap();
    assert!(rare.never_fitting()[0].starts_with("max_pool(2) never fits: "));
    // Widths that have to be equal in ten places.
    let wide = || conv(any([4, 5, 6, 7, 8, 9, 10, 11]), 3);
    let equal = images().then(branches((0..10).map(|_| wide())));
    equal.check().unwrap();
    assert!(equal.never_fitting().is_empty());
    // Too many layers for everything to be worked out, and nothing to complain about.
    let deep = images().then(repeat(1..=30, concat([skip(), wide()]))).then(global_avg_pool());
    deep.check().unwrap();
}

#[test]
fn what_never_fits_is_found_however_large_the_space() {
    let layers = repeat(1..=20, one_of([linear(any([8, 16, 32])), skip(), dropout(0.1)]));
    let space = features(9).then(layers).then(one_of([conv(any([8, 16]), any([3, 5])), lstm(4)]));
    let text = space.check().unwrap_err().to_string();
    assert!(text.contains("conv(8,3) on an input of"), "{text}");
    assert!(text.contains("lstm(4) on an input of") || text.contains("more"), "{text}");
    // A layer with very many settings.
    let space = images().then(presets::darts_rnn(8));
    assert!(space.check().unwrap_err().to_string().contains("Try conv(8, 3)"));
    // A cell whose decisions are made once for two places, one of which always refuses it.
    let motif = shared("motif", one_of([attention(4), conv(8, 3)]));
    let space = images().then(&motif).then(flatten()).then(&motif);
    assert!(space.check().is_err());
}

#[test]
fn options_that_never_fit_are_named() {
    let space = sequences(30).then(attention(any([4, 5, 8])));
    space.check().unwrap();
    let never = space.never_fitting();
    assert_eq!(never.len(), 2, "{never:?}");
    assert!(never[0].starts_with("attention with heads 4 never fits"), "{never:?}");
    assert!(space.to_string().contains(&never[1]), "{space}");
    let study = Study::new(&space, evaluator(|_, _| 1.0)).trials(3).quiet();
    assert!(study.explain().to_string().contains(&never[0]));
    // One option of several, reported once, with what is inside; and one that only later layers refuse.
    let first = one_of([conv(8, 3), flatten(), lstm(any([4, 8]))]);
    let never = images().then(first).then(conv(any([8, 16]), 3)).never_fitting();
    assert_eq!(never.len(), 2, "{never:?}");
    assert!(never[0].starts_with("flatten never fits: what stands around it"), "{never:?}");
    assert!(never[1].starts_with("lstm(any[4 | 8]) never fits: lstm(4) on an input"), "{never:?}");
    let never = images().then(repeat(0..=2, conv1d(8, 3))).never_fitting();
    assert!(never[0].starts_with("conv1d(8, 3) never fits"), "{never:?}");
    // Presets are in order.
    for block in [presets::nas_bench_201(4, 1), presets::darts(4, 3), presets::nas_bench_101(5, 1)]
    {
        let space = Space::new([3, 32, 32], Task::classification(10)).then(block);
        assert!(space.never_fitting().is_empty(), "{:?}", space.never_fitting());
    }
}

#[test]
fn a_ratio_is_not_taken_for_a_size() {
    let space = sequences(16).then(feed_forward(64));
    let text = space.check().unwrap_err().to_string();
    assert!(text.contains("64 times as many") && text.contains("Try feed_forward(4)"), "{text}");
    assert!(sequences(16).then(feed_forward(any([4, 128]))).check().is_err());
    sequences(16).then(feed_forward(4)).then(linear(64)).check().unwrap();
    // What an earlier version stored is read, and means what it meant.
    let stored = sequences(16).then(feed_forward(4)).to_json().replace("[4]", "[64]");
    let space = Space::from_json(&stored).unwrap();
    assert_eq!(space.decode([0u32; 0]).unwrap().to_string(), "feed_forward(64)");
    assert_eq!(
        space.parse("feed_forward(64)").unwrap().layers()[1].macs,
        40 * 2 * 16 * 64 * 16,
        "{space}"
    );
}

/// A list of numbers is f64 unless told otherwise.
#[test]
fn a_network_takes_numbers_of_any_type() {
    let space = features(3).then(linear(4));
    let model = Model::new(&space.default_architecture().unwrap(), &Device::Cpu, 1).unwrap();
    let x = Tensor::new(&[[1.0, 2.0, 3.0], [0.5, -1.0, 2.0]], &Device::Cpu).unwrap();
    let y = model.forward(&x.to_dtype(DType::F32).unwrap()).unwrap().to_vec2::<f32>().unwrap();
    assert_eq!(x.dtype(), DType::F64);
    assert_eq!(model.forward(&x).unwrap().to_vec2::<f32>().unwrap(), y);
    assert_eq!(model.predict(&x).unwrap().len(), 2);
}

#[test]
fn one_of_a_thing_is_singular() {
    let space = images().then(conv(1, 3)).then(group_norm(1));
    let drawn = space.to_string();
    assert!(drawn.contains("1 architecture\n") && drawn.contains("conv 1 channel,"), "{drawn}");
    let study = Study::new(&space, evaluator(|_, _| 1.0)).trials(1).jobs(1).quiet();
    let text = study.explain().to_string();
    assert!(text.contains(" 1 combination, ") && text.contains(" 1 trial\n"), "{text}");
    assert_eq!(study.run().unwrap().ended(), "the only trial is done");
    let text = images().then(cell([[skip()]]).keep(0)).check().unwrap_err().to_string();
    assert!(text.contains("keep(0) of 1 edge:"), "{text}");
}

/// The advice of blocks that are not sound, followed.
#[test]
fn advice_for_blocks_works() {
    let edges = |n: usize| vec![skip(); n];
    let cells = |block: Block| images().then(block).check().map_err(|e| e.to_string());
    for (wrong, advice, mended) in [
        (cell((1..=20).map(edges)).keep(10), "Try keep(2)", cell((1..=20).map(edges)).keep(2)),
        (cell((1..=110).map(edges)).keep(9), "Try keep(1)", cell((1..=110).map(edges)).keep(1)),
        (skip().keep(2), "Try cell([[conv(16, 3)]]).keep(2)", cell([[conv(16, 3)]]).keep(2)),
        (
            skip().two_inputs(),
            "Try cell([[conv(16, 3)]]).two_inputs()",
            cell([[conv(16, 3)]]).two_inputs(),
        ),
        (wired(1, 9, skip()), "Try wired(7, 9, ...)", wired(7, 9, skip())),
        (wired(4, 0, skip()), "Try wired(7, 9, ...)", wired(7, 9, skip())),
        (wired(4, 5, skip()).channels(0), "Try channels(16)", wired(4, 5, skip()).channels(16)),
        (shared("conv", skip()), "Try shared(\"normal\", ...)", shared("normal", skip())),
        (
            conv(any(1..=200_000), 3),
            "any((16..=256).step_by(16))",
            conv(any((16..=256).step_by(16)), 3),
        ),
        (linear(8).activation("rellu"), "relu", linear(8).activation("relu")),
        (one_of::<Block>([]), "one_of([conv(16, 3), skip()])", one_of([conv(16, 3), skip()])),
    ] {
        let text = cells(wrong).unwrap_err();
        assert!(text.contains(advice), "{text}\n  lacks: {advice}");
        cells(mended).unwrap();
    }
}

#[test]
fn a_strategy_is_found_by_its_name() {
    let size = evaluator(|arch: &Architecture, _: &Budget| arch.params() as f64);
    let plan = Study::new(&features(8), &size).trials(3).quiet();
    for name in nascent::strategies().iter().chain(nascent::schedules()).map(|row| row.name) {
        let study = plan.strategy(name);
        let wrong = study.run().err().map(|e| e.to_string()).unwrap_or_default();
        assert!(!wrong.contains("none of that name"), "{name}: {wrong}");
    }
    let by_name = plan.strategy(String::from("evolution")).run().unwrap();
    let by_value = plan.strategy(Evolution::regularized()).run().unwrap();
    assert_eq!(by_name.listing(), by_value.listing());
    let text = plan.strategy("evoltion").run().unwrap_err().to_string();
    assert!(text.contains("\"evoltion\"") && text.contains("evolution"), "{text}");
    let text = plan.strategy(Hyperband::new().of("evoltion")).run().unwrap_err().to_string();
    assert!(text.contains("\"evoltion\"") && text.contains("evolution"), "{text}");
}

#[test]
fn a_listing_remarks_what_was_reused_and_what_failed() {
    let small = evaluator(|arch: &Architecture, _: &Budget| match arch.params() {
        n if n > 300 => Err(Error::from("it is too large")),
        n => Ok(n as f64),
    });
    let listed = |widths: [u32; 2], plan: fn(&Study) -> Study| {
        let space = Space::new([8], Task::classification(2)).then(linear(any(widths)));
        plan(&Study::new(&space, &small).seed(1).quiet()).run().unwrap().listing().plain()
    };
    let text = listed([4, 8], |plan| plan.duplicates(Duplicates::Reuse).trials(8));
    assert!(text.contains("reused from 0"), "{text}");
    let text = listed([4, 80], |plan| plan.trials(2));
    assert!(text.contains("failed: it is too") && text.contains("failed, reused"), "{text}");
    let text = listed([4, 8], |plan| plan.strategy("grid").trials(2));
    assert!(!text.contains("remark"), "{text}");
}
