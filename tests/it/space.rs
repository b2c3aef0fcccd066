//! Properties of every search space: sizes, decisions, text, neighbours, mutation, crossover.

use nascent::prelude::*;
use proptest::prelude::{Just, ProptestConfig, prop_assert, prop_assert_eq, prop_oneof, proptest};
use proptest::strategy::Strategy as _;
use std::collections::HashSet;

/// Any block over features `[F]`, so that every combination is a network.
fn features() -> impl proptest::strategy::Strategy<Value = Block> {
    let leaf = prop_oneof![
        proptest::collection::btree_set(1i64..6, 1..4).prop_map(|v| linear(any(v))),
        Just(dropout(any([0.0, 0.25]))),
        Just(relu()),
        Just(skip()),
        Just(linear(3).activation(any(["relu", "gelu", "tanh"]))),
        Just(linear(3).norm(any([0, 1]))),
        Just(layer_norm()),
        Just(group_norm(1)),
        Just(drop_path(any([0.0, 0.1]))),
        Just(feed_forward(any([1, 2]))),
    ];
    leaf.prop_recursive(3, 10, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 1..3).prop_map(one_of),
            proptest::collection::vec(inner.clone(), 0..3).prop_map(seq),
            (0i64..3, 0i64..2, inner.clone()).prop_map(|(lo, more, b)| repeat(lo..=lo + more, b)),
            inner.clone().prop_map(residual),
            inner.clone().prop_map(|b| b.dense()),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| concat([a, b])),
            inner.clone().prop_map(|b| branches([b.clone().then(linear(3)), linear(3)])),
            // Every edge in the shape of its input, so that all of them can be added.
            inner.prop_map(|b| {
                let edge = one_of([zero(), skip(), seq([linear(4).norm(true), linear(4)])]);
                let join = b.then(linear(4));
                join.then(cell([vec![edge.clone()], vec![edge.clone(), edge]]))
            }),
        ]
    })
}

fn spaces() -> impl proptest::strategy::Strategy<Value = Space> {
    proptest::collection::vec(features(), 0..3).prop_map(|blocks| {
        let start = Space::new([4], Task::classification(2));
        blocks.into_iter().fold(start, |s, b| s.then(b))
    })
}

/// Any block that keeps a sequence `[L, D]` one, so that every combination is a network.
fn sequential() -> impl proptest::strategy::Strategy<Value = Block> {
    let leaf = prop_oneof![
        proptest::collection::btree_set(1i64..6, 1..4).prop_map(|v| lstm(any(v))),
        (1i64..5).prop_map(|units| gru(units).bidirectional(any([0, 1]))),
        (1i64..5).prop_map(|units| rnn(units).bidirectional(true)),
        Just(linear(3).norm(any([0, 1]))),
        Just(dropout(any([0.0, 0.25]))),
        Just(activation(any(["identity", "tanh"]))),
    ];
    leaf.prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 1..3).prop_map(one_of),
            proptest::collection::vec(inner.clone(), 0..3).prop_map(seq),
            inner.prop_map(residual),
        ]
    })
}

fn sequence_spaces() -> impl proptest::strategy::Strategy<Value = Space> {
    let ends = [last(), global_avg_pool(), global_max_pool(), flatten()];
    sequential().prop_map(move |block| {
        Space::new([5, 2], Task::classification(2)).then(block).then(one_of(&ends))
    })
}

fn hamming(a: &Architecture, b: &Architecture) -> usize {
    a.decisions().iter().zip(b.decisions()).filter(|(x, y)| **x != *y).count()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// The size is the number of architectures; enumeration is without repetition, in order.
    #[test]
    fn size_counts_the_enumeration(space in spaces()) {
        let size = space.size().unwrap();
        prop_assert!((space.log10_size() - (size as f64).log10()).abs() < 1e-9);
        if size <= 3000 {
            let all: Vec<_> = space.enumerate().map(|a| a.decisions()).collect();
            prop_assert_eq!(all.len() as u128, size);
            prop_assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
            prop_assert!(all.windows(2).all(|w| w[0] < w[1]), "in lexicographic order");
        }
    }

    /// Everything that comes out of a space belongs to it, and survives text and JSON.
    #[test]
    fn what_comes_out_belongs(space in spaces(), seed in 0u64..1000) {
        let mut rng = Rng::new(seed);
        let a = space.sample(&mut rng).unwrap();
        prop_assert!(space.contains(&a));
        prop_assert_eq!(&space.decode(a.decisions()).unwrap(), &a);
        prop_assert_eq!(&space.parse(&a.to_text()).unwrap(), &a, "{}", a.to_text());
        prop_assert_eq!(&Architecture::from_json(&a.to_json()).unwrap(), &a);
        let again = Space::from_json(&space.to_json()).unwrap();
        prop_assert_eq!(&again, &space);
        prop_assert_eq!(again.fingerprint(), space.fingerprint());

        let b = space.sample(&mut rng).unwrap();
        let child = space.crossover(&a, &b, &mut rng).unwrap();
        prop_assert!(space.contains(&child));
        prop_assert_eq!(&space.crossover(&a, &a, &mut rng).unwrap(), &a);
        if space.size() > Some(1) {
            if let Ok(mutant) = space.mutate(&a, &mut rng) {
                prop_assert!(space.contains(&mutant) && mutant != a);
            } else {
                prop_assert!(a.decisions().is_empty());
            }
        }
    }

    /// A neighbour differs in one decision; those after it may start afresh, none before it.
    #[test]
    fn neighbours_differ_in_one_decision(space in spaces(), seed in 0u64..1000) {
        let a = space.sample(&mut Rng::new(seed)).unwrap();
        let neighbours = space.neighbours(&a).unwrap();
        let distinct: HashSet<_> = neighbours.iter().map(|n| n.decisions()).collect();
        prop_assert_eq!(distinct.len(), neighbours.len());
        for n in &neighbours {
            prop_assert!(space.contains(n) && *n != a);
            if n.decisions().len() == a.decisions().len() && a.layers().len() == n.layers().len() {
                prop_assert!(hamming(&a, n) >= 1);
            }
        }
    }

    /// Shapes, costs and weights agree with the network that is really built.
    #[test]
    fn costs_are_those_of_the_network(space in spaces(), seed in 0u64..1000) {
        let a = space.sample(&mut Rng::new(seed)).unwrap();
        let model = Model::new(&a, &Device::Cpu, seed).unwrap();
        let weights: usize = model.vars().iter().map(|v| v.elem_count()).sum();
        prop_assert_eq!(weights, a.params());
        let x = Tensor::zeros((3, 4), DType::F32, &Device::Cpu).unwrap();
        let y = model.forward(&x).unwrap();
        prop_assert_eq!(y.dims(), &[3, 2]);
    }

    /// The same for sequences, whose text and JSON are read back as well.
    #[test]
    fn sequence_networks_cost_what_they_say(space in sequence_spaces(), seed in 0u64..1000) {
        prop_assert!(space.problems().is_empty());
        let a = space.sample(&mut Rng::new(seed)).unwrap();
        prop_assert_eq!(&space.parse(&a.to_text()).unwrap(), &a, "{}", a.to_text());
        prop_assert_eq!(&Architecture::from_json(&a.to_json()).unwrap(), &a);
        let model = Model::new(&a, &Device::Cpu, seed).unwrap();
        let weights: usize = model.vars().iter().map(|v| v.elem_count()).sum();
        prop_assert_eq!(weights, a.params());
        let x = Tensor::ones((3, 5, 2), DType::F32, &Device::Cpu).unwrap();
        let y = model.forward_train(&x, &mut Rng::new(seed)).unwrap();
        prop_assert_eq!(y.dims(), &[3, 2]);
        prop_assert!(y.sum_all().unwrap().backward().is_ok());
    }

    /// Reading never panics, whatever the text.
    #[test]
    fn any_text_is_read_or_refused(text in "[a-z_(),>@.0-9=|;:~ ]{0,60}") {
        let space = image_space();
        let _ = space.parse(&text);
        let _ = Space::from_json(&text);
    }
}

fn image_space() -> Space {
    Space::new([1, 8, 8], Task::classification(10))
        .then(conv(any([16, 32]), any([3, 5])).stride(any([1, 2])))
        .then(repeat(
            1..=3,
            one_of([
                conv(32, any([3, 5])).residual(),
                sep_conv(any([8, 16]), 3).activation(any(["relu", "silu"])),
                max_pool(2),
                avg_pool(3).stride(1),
                batch_norm().then(gelu()).then(conv(8, 1).plain()),
                group_norm(any([1, 8])).then(squeeze_excite(any([4, 64]))).then(drop_path(0.1)),
                layer_norm().then(squeeze_excite(2)).residual(),
            ]),
        ))
        .then(one_of([global_avg_pool(), global_max_pool(), flatten().then(linear(16))]))
        .then(dropout(any([0.0, 0.3])))
}

#[test]
fn image_networks_cost_what_they_say() {
    let space = image_space();
    let mut rng = Rng::new(5);
    for seed in 0..60 {
        let a = space.sample(&mut rng).unwrap();
        let x = Tensor::zeros((2, 1, 8, 8), DType::F32, &Device::Cpu).unwrap();
        built_as_said(&a, seed, &x, &[2, 10]);
    }
}

/// The network of an architecture has its parameters and its output, every weight a gradient, and its
/// text is read back.
fn built_as_said(a: &Architecture, seed: usize, x: &Tensor, output: &[usize]) {
    let model = Model::new(a, &Device::Cpu, seed).unwrap();
    let weights: usize = model.vars().iter().map(|v| v.elem_count()).sum();
    assert_eq!(weights, a.params(), "{a}");
    assert_eq!(model.forward(x).unwrap().dims(), output, "{a}");
    let y = model.forward_train(x, &mut Rng::new(1)).unwrap();
    assert_eq!(y.dims(), output, "{a}");
    let grads = y.sqr().unwrap().sum_all().unwrap().backward().unwrap();
    assert!(model.vars().iter().all(|v| grads.get(v).is_some()), "{a}");
    assert_eq!(a.space().parse(&a.to_text()).unwrap(), *a);
}

fn language_space() -> Space {
    Space::new([7], Task::next_token(5)).then(embedding(any([8, 12]))).then(positions()).then(
        repeat(
            1..=3,
            one_of([
                attention(any([1, 2, 4])),
                feed_forward(any([1, 2])).activation(any(["gelu", "identity"])),
                layer_norm().then(linear(8)).then(drop_path(0.2)).residual(),
            ]),
        ),
    )
}

#[test]
fn language_networks_cost_what_they_say() {
    let space = language_space();
    let mut rng = Rng::new(5);
    for seed in 0..60 {
        let a = space.sample(&mut rng).unwrap();
        let x = Tensor::ones((2, 7), DType::U32, &Device::Cpu).unwrap();
        built_as_said(&a, seed, &x, &[2, 7, 5]);
    }
}

/// Multiply-adds and parameters by hand, for a network small enough to count.
#[test]
fn costs_by_hand() {
    let space = Space::new([3, 8, 8], Task::classification(10))
        .then(conv(16, 3).stride(2))
        .then(conv(32, 3).residual())
        .then(global_avg_pool());
    let a = space.default_architecture().unwrap();
    let names: Vec<String> = a.layers().iter().map(|l| l.name.clone()).collect();
    assert_eq!(
        names,
        [
            "input",
            "conv(16,3,stride=2)",
            "conv(32,3)",
            "projection: conv(32,1,activation=identity)",
            "add",
            "global_avg_pool",
            "head: linear",
        ]
    );
    // 16 filters of 3x3x3, 32 of 3x3x16, 32 of 1x1x16, each with a scale and a shift; the head.
    let params = [16 * 27 + 32, 32 * 144 + 64, 32 * 16 + 64, 32 * 10 + 10];
    assert_eq!(a.params(), params.iter().sum::<usize>());
    let macs = [16 * 27 * 16, 32 * 144 * 16, 32 * 16 * 16, 320];
    assert_eq!(a.macs(), macs.iter().sum::<usize>());
    assert_eq!(a.output().dims(), [10]);
}

#[test]
fn costs_of_recurrent_layers_by_hand() {
    for (block, gates, kept) in [(rnn(8), 1, 1), (lstm(8), 4, 7), (gru(8), 3, 5)] {
        let one = Space::new([10, 3], Task::classification(2)).then(block.clone()).then(last());
        let one = one.default_architecture().unwrap();
        assert_eq!(one.layers()[1].params, gates * 8 * (3 + 8 + 2));
        assert_eq!(one.layers()[1].macs, 10 * gates * 8 * (3 + 8));
        assert_eq!(one.layers()[2].shape.dims(), [8]);
        // States with what belongs to them, inputs, the last state, scores; then the weights.
        let numbers = 10 * (8 * kept + 3) + 8 + 2;
        assert_eq!(one.memory(1), 4 * (2 * numbers + 4 * one.params()));
        let both = Space::new([10, 3], Task::classification(2)).then(block.bidirectional(true));
        let both = both.default_architecture().unwrap();
        assert_eq!(both.layers()[1].params, 2 * one.layers()[1].params);
        assert_eq!(both.layers()[1].shape.dims(), [10, 16]);
    }
}

#[test]
fn sizes_of_all_orders() {
    let layer = || linear(any(1..=10));
    let one = Space::new([4], Task::classification(2)).then(repeat(0..=2, layer()));
    assert_eq!(one.size(), Some(1 + 10 + 100));
    let huge = Space::new([4], Task::classification(2)).then(repeat(50, layer()));
    assert_eq!(huge.size(), None);
    assert!((huge.log10_size() - 50.0).abs() < 1e-9);
    assert!(huge.to_string().contains("about 10^50"), "{huge}");
    // Every operation works there as well.
    let mut rng = Rng::new(1);
    let a = huge.sample(&mut rng).unwrap();
    let b = huge.mutate(&a, &mut rng).unwrap();
    assert_eq!(hamming(&a, &b), 1);
    assert_eq!(huge.neighbours(&a).unwrap().len(), 50 * 9);
    assert_eq!(huge.enumerate().nth(12).unwrap().decisions()[48..], [1, 2]);
}

#[test]
fn sampling_is_uniform_over_each_decision() {
    let space =
        Space::new([4], Task::classification(2)).then(one_of([linear(2), linear(any([3, 4]))]));
    let mut rng = Rng::new(3);
    let n = 20_000;
    let mut counts = std::collections::HashMap::new();
    for _ in 0..n {
        *counts.entry(space.sample(&mut rng).unwrap().to_text()).or_insert(0) += 1;
    }
    for (text, share) in [("linear(2)", 0.5), ("linear(3)", 0.25), ("linear(4)", 0.25)] {
        assert!((f64::from(counts[text]) / n as f64 - share).abs() < 0.015, "{text}: {counts:?}");
    }
}

#[test]
fn all_at_once_are_those_that_come_one_by_one() {
    let image = Space::new([1, 8, 8], Task::classification(10));
    let some = || conv(any([4, 8, 16, 32]), any([1, 3, 5]));
    // Choices that open others, layers that do not fit, limits, and one decision alone.
    let repeated = image.then(repeat(0..=3, some())).then(max_pool(any([2, 4, 16])));
    for space in [
        repeated.at_most(Params(9_000)),
        repeated.at_most(Params(300)),
        repeated,
        image.then(repeat(4, one_of([some(), max_pool(2)]))).at_most(Params(100)),
        Space::decisions([9_000]),
        Space::decisions([2; 13]),
        Space::new([8], Task::classification(2)).then(linear(4)),
    ] {
        let all = space.all().unwrap();
        assert!(all == space.enumerate().collect::<Vec<_>>(), "{space}");
        assert!(all.iter().all(|a| *a == space.decode(a.decisions()).unwrap()), "{space}");
    }
}

#[test]
fn equal_options_still_have_texts_of_their_own() {
    let space =
        Space::new([4], Task::classification(2)).then(one_of([linear(2), linear(any([2, 3]))]));
    let texts: Vec<String> = space.enumerate().map(|a| a.to_text()).collect();
    assert_eq!(texts, ["linear(2)", "linear(2)@1.0", "linear(3)"]);
    for a in space.enumerate() {
        assert_eq!(space.parse(&a.to_text()).unwrap(), a);
    }
    assert_eq!(space.parse("@1.1").unwrap().to_text(), "linear(3)");
}

#[test]
fn misfits_are_known_before_training_and_named() {
    let pools =
        Space::new([1, 8, 8], Task::classification(10)).then(repeat(any([1, 4]), max_pool(2)));
    let e = pools.decode([1]).unwrap().check().unwrap_err().to_string();
    assert!(e.contains("layer 4") && e.contains("max_pool(2)") && e.contains("1x1x1"), "{e}");
    assert!(!pools.contains(&pools.decode([1]).unwrap()));
    assert_eq!(pools.enumerate().count(), 1);
    assert_eq!(pools.sample(&mut Rng::new(0)).unwrap().decisions(), [0]);

    let never =
        Space::new([1, 4, 4], Task::classification(2)).then(repeat(any([3, 4]), max_pool(2)));
    let e = never.sample(&mut Rng::new(0)).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Shape);
    assert!(e.to_string().contains("max_pool(2)"), "{e}");
}

#[test]
fn all_problems_of_a_space_are_reported_together() {
    let none: [i32; 0] = [];
    let (three, one) = (3, 1);
    let backwards = three..=one;
    let space = Space::new([1, 8, 8], Task::classification(1))
        .then(conv(any(none), 3))
        .then(one_of(Vec::<Block>::new()))
        .then(conv(0, 3).activation("rellu"))
        .then(repeat(backwards, dropout(1.5)))
        .then(max_pool(2).activation("relu"))
        .then(one_of([linear(4), linear(5)]).stride(2))
        .then(linear(any([4, 4])));
    let text = space.check().unwrap_err().to_string();
    for part in [
        "offers no value",
        "one_of([]) offers no block",
        "channels is 0",
        "no activation \"rellu\"",
        "reversed",
        "less than 1.0",
        "max_pool has no setting `activation`",
        "composed block has no setting `stride`",
        "offers 4 twice",
        "at least 2 are needed",
    ] {
        assert!(text.contains(part), "{part} is not in: {text}");
    }
    assert!(space.sample(&mut Rng::new(0)).is_err());
    assert_eq!(space.enumerate().count(), 0);
    let _ = space.to_string();
}

#[test]
fn architectures_of_another_space_are_refused() {
    let a = Space::new([4], Task::classification(2)).then(linear(any([2, 3])));
    let b = Space::new([4], Task::classification(2)).then(linear(any([2, 4])));
    let arch = a.sample(&mut Rng::new(0)).unwrap();
    assert!(!b.contains(&arch));
    let e = b.mutate(&arch, &mut Rng::new(0)).unwrap_err().to_string();
    assert!(e.contains("another space"), "{e}");
    for (bad, why) in [(vec![], "ends after 0"), (vec![0, 0], "only 1"), (vec![7], "2 options")] {
        let e = a.decode(bad).unwrap_err().to_string();
        assert!(e.contains(why), "{e}");
    }
}

/// Spaces in which almost nothing fits are still sampled and enumerated, at once.
#[test]
fn misfits_are_passed_over_together() {
    let image = || Space::new([1, 8, 8], Task::classification(2));
    // Three poolings fit, forty choices allow forty.
    let deep = image().then(repeat(40, one_of([conv(8, 3), max_pool(2)])));
    let mut rng = Rng::new(1);
    for _ in 0..20 {
        assert!(deep.contains(&deep.sample(&mut rng).unwrap()));
    }
    let all = image().then(repeat(12, one_of([skip(), max_pool(2)]))).enumerate().count();
    assert_eq!(all, 1 + 12 + 66 + 220); // at most 3 of 12
    // The first option never fits, and 4^20 choices follow it.
    let wall = image()
        .then(one_of([max_pool(16), conv(16, 3)]))
        .then(repeat(20, conv(any([8, 16, 32, 64]), 3)));
    assert_eq!(wall.default_architecture().unwrap().decisions()[0], 1);
    assert_eq!(wall.enumerate().nth(3).unwrap().decisions()[20], 3);
    let nothing = image().then(max_pool(16)).then(repeat(20, conv(any([8, 16]), 3)));
    assert_eq!(nothing.enumerate().count(), 0);
    assert!(nothing.sample(&mut rng).unwrap_err().to_string().contains("max_pool(16)"));
}

#[test]
fn absurd_sizes_are_refused_or_costed_but_never_panic() {
    let huge =
        Space::new([1_000_000, 1_000_000, 1_000_000], Task::classification(2)).then(conv(64, 3));
    let arch = huge.default_architecture().unwrap();
    assert!(arch.memory(64) > 1 << 50);
    let wide = Space::new([8], Task::classification(2)).then(repeat(2, linear(1_048_576)));
    let e =
        Model::new(&wide.default_architecture().unwrap(), &Device::Cpu, 1).unwrap_err().to_string();
    assert!(e.contains("GB") && e.contains("linear(1048576)"), "{e}");
    let nested = (0..40).fold(linear(4), |b, _| residual(b));
    let text =
        Space::new([4], Task::classification(2)).then(nested).check().unwrap_err().to_string();
    assert!(text.contains("nested"), "{text}");
    let long = Space::new([4], Task::classification(2)).then(repeat(1..=3000, linear(4)));
    let text = long.check().unwrap_err().to_string();
    assert!(text.contains("1999 more") && text.len() < 500, "{text}");
}

#[test]
fn settings_that_mean_the_same_have_one_canonical_form() {
    let image = Space::new([1, 8, 8], Task::classification(2)).then(one_of([
        max_pool(2),
        max_pool(2).stride(2),
        max_pool(2).then(dropout(0.0)),
        max_pool(2).then(activation("identity")),
        max_pool(1).then(max_pool(2)),
        max_pool(3),
    ]));
    let forms: Vec<u64> = image.enumerate().map(|a| a.canonical()).collect();
    assert!(forms[..5].iter().all(|f| *f == forms[0]) && forms[5] != forms[0]);
}

#[test]
fn sequences_have_residual_connections_too() {
    let space = Space::new([6], Task::next_token(5)).then(embedding(8)).then(linear(12).residual());
    let arch = space.default_architecture().unwrap();
    let model = Model::new(&arch, &Device::Cpu, 1).unwrap();
    let x = Tensor::zeros((2, 6), DType::U32, &Device::Cpu).unwrap();
    assert_eq!(model.forward(&x).unwrap().dims(), [2, 6, 5]);
}

fn sequence_space() -> Space {
    Space::new([12, 3], Task::classification(4))
        .then(conv1d(any([4, 8]), any([3, 5])).stride(any([1, 2])).dilation(any([1, 2])))
        .then(one_of([
            conv1d(8, 3).groups(any([1, 4])).residual(),
            conv1d(4, 3).plain().dense(),
            max_pool(3).stride(1).padding(1),
            avg_pool(2),
            batch_norm().then(linear(8)),
            conv1d(8, 1).norm(false).bias(any([0, 1])).causal(any([false, true])),
        ]))
        .then(one_of([global_avg_pool(), global_max_pool(), flatten()]))
}

fn convolutions() -> Space {
    Space::new([4, 9, 9], Task::classification(4))
        .then(one_of([
            conv(8, 3).groups(any([1, 2, 4])).dilation(any([1, 2])).stride(any([1, 2])),
            depthwise(any([3, 5])).norm(any([false, true])),
            sep_conv(8, 3).dilation(2).bias(any([0, 1])).norm(false),
            avg_pool(3).stride(1).padding(1).dense(),
            concat([conv(4, 1), max_pool(3).stride(1).padding(1), zero()]),
        ]))
        .then(global_avg_pool())
}

#[test]
fn all_networks_of_a_space_cost_what_they_say() {
    for (space, shape) in [(sequence_space(), &[2, 12, 3][..]), (convolutions(), &[2, 4, 9, 9])] {
        assert_eq!(space.problems(), [""; 0]);
        for (seed, a) in space.enumerate().enumerate() {
            let x = Tensor::zeros(shape, DType::F32, &Device::Cpu).unwrap();
            built_as_said(&a, seed, &x, &[2, 4]);
        }
    }
}

#[test]
fn costs_of_a_cell_by_hand() {
    let unit = |k: i64| relu().then(conv(16, k).activation("identity"));
    let pool = avg_pool(3).stride(1).padding(1);
    let edges = vec![vec![unit(3)], vec![zero(), skip()], vec![pool, unit(1), zero()]];
    let space = Space::new([16, 8, 8], Task::classification(10)).then(cell(edges));
    let a = space.default_architecture().unwrap();
    assert_eq!(
        a.to_text(),
        "cell(activation(relu)>conv(16,3,activation=identity)~0;zero~0|skip~1;\
         avg_pool(3,stride=1,padding=1)~0|activation(relu)>conv(16,1,activation=identity)~1|zero~2)"
    );
    // Node 2, and with it the first two edges, leads only into the 1x1 convolution's node.
    assert_eq!(a.params(), 16 * 144 + 32 + 16 * 16 + 32 + 1024 * 10 + 10);
    assert_eq!(a.macs(), (16 * 144 + 16 * 16) * 64 + 10240);
    let sum = a.layers().into_iter().find(|l| l.name == "add").unwrap();
    assert_eq!(sum.inputs.len(), 2, "zeros are not added");
}

#[test]
fn what_is_not_a_cell_is_refused() {
    let space =
        |b: Block| Space::new([4, 8, 8], Task::classification(2)).then(b).problems().join(" ");
    let misfit = |b: Block| {
        let space = Space::new([4, 8, 8], Task::classification(2)).then(b);
        space.default_architecture().unwrap_err().to_string()
    };
    let empty: Vec<Vec<Block>> = vec![];
    assert!(space(cell(empty)).contains("without nodes"));
    assert!(space(cell([vec![skip()], vec![]])).contains("node 2 of a cell has no edges"));
    let cyclic = cell([vec![skip(), conv(4, 3)], vec![skip()]]);
    assert!(space(cyclic).contains("edges come from earlier nodes, 0 to 0"));
    assert!(misfit(branches([conv(4, 3), conv(8, 3)])).contains("the shapes differ"));
    assert!(misfit(concat([conv(4, 3), max_pool(2)])).contains("only channels"));
    assert!(misfit(conv(6, 3).groups(4)).contains("4 groups"));
    assert!(misfit(avg_pool(3).padding(2)).contains("padding(1)"));
}

#[test]
fn nothing_looks_ahead_at_what_it_is_to_predict() {
    let tokens = |b: Block| Space::new([8], Task::next_token(5)).then(embedding(4)).then(b);
    let a = tokens(conv1d(4, 3)).default_architecture().unwrap();
    assert_eq!(a.layers()[2].name, "conv1d(4,3,causal=1)");
    let e = tokens(conv1d(4, 3).causal(false)).default_architecture().unwrap_err().to_string();
    assert!(e.contains("later ones") && e.contains("causal(true)"), "{e}");
    for block in [attention(2).causal(false), gru(2).bidirectional(true)] {
        assert!(tokens(block).default_architecture().is_err());
    }
    let other = Space::new([8, 4], Task::classification(2)).then(conv1d(4, 3));
    assert_eq!(other.default_architecture().unwrap().layers()[1].name, "conv1d(4,3,causal=0)");
    // A changed symbol changes no result before it.
    let model = Model::new(&a, &Device::Cpu, 1).unwrap();
    let out = |last: u32| {
        let x = Tensor::new(&[[1u32, 2, 3, 4, 0, 1, last, 2]], &Device::Cpu).unwrap();
        model.forward(&x).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap()
    };
    let (a, b) = (out(3), out(4));
    assert_eq!(a[..6 * 5], b[..6 * 5]);
    assert_ne!(a[6 * 5..], b[6 * 5..]);
}

#[test]
fn a_node_read_twice_is_not_two_nodes() {
    let unit = || linear(4);
    let one = Space::new([4], Task::classification(2)).then(cell([
        vec![unit()],
        vec![zero(), skip()],
        vec![zero(), relu(), skip()],
    ]));
    let two = Space::new([4], Task::classification(2)).then(cell([
        vec![unit()],
        vec![unit(), zero()],
        vec![zero(), relu(), skip()],
    ]));
    let form = |s: &Space| s.default_architecture().unwrap().canonical();
    assert_ne!(form(&one), form(&two), "one shared layer, and two of the same kind");
    // Edges in another order, the same graph.
    let [a, b] = [[linear(4), relu()], [relu(), linear(4)]]
        .map(|e| form(&Space::new([4], Task::classification(2)).then(branches(e))));
    assert_eq!(a, b);
}

#[test]
fn a_text_and_its_decisions_must_agree() {
    let space = Space::new([4], Task::classification(2)).then(linear(any([2, 3])));
    assert_eq!(space.parse("linear(3)@1").unwrap().decisions(), [1]);
    let e = space.parse("linear(3)@0").unwrap_err().to_string();
    assert!(e.contains("linear(2)"), "{e}");
}

#[test]
fn canonical_forms_of_what_is_and_is_not_the_same() {
    let image = |b: Block| Space::new([2, 9, 9], Task::classification(2)).then(b);
    let features = |b: Block| Space::new([4], Task::classification(2)).then(b);
    let form = |s: Space| s.default_architecture().unwrap().canonical();
    assert_ne!(form(image(max_pool(3))), form(image(max_pool(3).padding(1))));
    for (a, b) in [
        (max_pool(3).padding(1), max_pool(3).stride(3).padding(1)),
        (conv(8, 1).dilation(1), conv(8, 1).dilation(2)),
        (conv(8, 3).bias(false), conv(8, 3).bias(true)),
        (residual(zero()), skip()),
        (branches([zero(), skip()]), skip()),
    ] {
        assert_eq!(form(image(a.clone())), form(image(b.clone())), "{a} and {b}");
    }
    // Two equal nodes, and who reads which of them.
    let reads = |first: bool| {
        let tail = |name: &str| linear(4).activation(name);
        let (d1, d2) = if first { (tail("silu"), zero()) } else { (zero(), tail("silu")) };
        features(cell([
            vec![linear(4)],
            vec![linear(4), zero()],
            vec![zero(), tail("tanh"), zero()],
            vec![zero(), zero(), tail("gelu"), zero()],
            vec![zero(), d1, d2, skip(), skip()],
        ]))
    };
    assert_ne!(form(reads(true)), form(reads(false)));
}

#[test]
fn misfits_of_sequences_are_named() {
    let fails = |s: Space| s.default_architecture().unwrap_err().to_string();
    let text = Space::new([8], Task::next_token(5)).then(embedding(4));
    let e = fails(text.then(conv1d(8, 3).stride(2)));
    assert!(e.contains("8 positions") && e.contains("no stride"), "{e}");
    let e =
        fails(Space::new([8, 4], Task::classification(2)).then(conv1d(4, 3).stride(2).residual()));
    assert!(e.contains("the same length"), "{e}");
    let e =
        fails(Space::new([512, 8, 8], Task::classification(2)).then(conv(1, 127).dilation(127)));
    assert!(e.contains("smaller kernel or dilation"), "{e}");
    // A side of that length was searched for a stride, one by one.
    let long = Space::new([3, 400_000_000, 4], Task::classification(2)).then(conv(8, 2).residual());
    assert!(long.default_architecture().is_err());
}

/// There are no more than there are, and a space that is nearly used up does not keep drawing for ever.
#[test]
fn different_architectures_end_with_the_space() {
    let space = Space::decisions([3, 3]);
    let mut rng = Rng::new(1);
    let all = space.different(1_000_000_000_000u64, &mut rng).unwrap();
    let codes: HashSet<Vec<u32>> = all.iter().map(|a| a.decisions()).collect();
    assert!((1..=9).contains(&all.len()) && codes.len() == all.len());
    assert!(space.different(0, &mut rng).unwrap().is_empty());
    assert_eq!(space.different(4, &mut rng).unwrap().len(), 4);
}
