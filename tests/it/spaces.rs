//! Spaces of every kind: presets and their sizes, the two keys of NAS-Bench-201, what its cells cost,
//! and limits.

use crate::help::{outside, says};
use nascent::prelude::*;
use std::collections::{HashMap, HashSet};

fn images() -> Space {
    Space::new([3, 32, 32], Task::classification(10))
}

/// The learned numbers of the network itself.
fn learned(arch: &Architecture) -> usize {
    let model = Model::new(arch, &Device::Cpu, 1).unwrap();
    model.vars().iter().map(|v| v.elem_count()).sum()
}

// ---------------------------------------------------------------------------------- NAS-Bench-201

#[test]
fn nas_bench_201_has_15_625_cells_of_6_466_and_fewer_kinds() {
    let space = images().then(presets::nas_bench_201(16, 5));
    assert_eq!(space.size(), Some(15_625));
    let all: Vec<Architecture> = space.enumerate().collect();
    assert_eq!(all.len(), 15_625);
    let strings: HashSet<String> =
        all.iter().map(|a| presets::nas_bench_201_unique_string(a).unwrap()).collect();
    assert_eq!(strings.len(), 6_466);
    let keys: HashSet<u64> = all.iter().map(Architecture::canonical).collect();
    assert_eq!(keys.len(), CLASSES);
    // Isomorphic cells of another width and depth are told apart in the same way.
    let small = Space::new([1, 8, 8], Task::classification(3)).then(presets::nas_bench_201(4, 1));
    let keys: HashSet<u64> = small.enumerate().map(|a| a.canonical()).collect();
    assert_eq!(keys.len(), CLASSES);
}

/// What a node of the cell computes, in words, from the six operations alone: skips and sums are looked
/// through, zeros are left out, and a node that is read twice is written twice.
fn unfolded(code: &[u32], node: usize) -> Vec<String> {
    // Edges 0>1, 0>2, 1>2, 0>3, 1>3, 2>3.
    let first = [0, 0, 1, 3][node];
    let mut sum: Vec<String> = vec![];
    for from in 0..node {
        let read = if from == 0 { vec!["x".to_string()] } else { unfolded(code, from) };
        match (code[first + from], read.is_empty()) {
            (0, _) | (_, true) => {}
            (1, _) => sum.extend(read),
            (op, _) => sum.push(format!("{op}({})", read.join("+"))),
        }
    }
    sum.sort();
    sum
}

#[test]
fn a_rule_that_sees_what_is_computed_counts_4_930() {
    let space = Space::new([1, 8, 8], Task::classification(3)).then(presets::nas_bench_201(4, 1));
    let mut words: HashMap<u64, String> = HashMap::new();
    let mut all = HashSet::new();
    for arch in space.enumerate() {
        let text = unfolded(&arch.decisions(), 3).join("+");
        // Ours tells more apart, and never merges what this rule keeps apart.
        assert_eq!(*words.entry(arch.canonical()).or_insert(text.clone()), text, "{arch}");
        all.insert(text);
    }
    assert_eq!((all.len(), words.len()), (4_930, CLASSES));
}

/// Cells by the canonical key: sums flattened, zeros propagated. 4,930 if, as in a string, a convolution
/// that is read twice were the same as two convolutions with weights of their own.
const CLASSES: usize = 5_425;

#[test]
fn the_benchmarks_partition_and_costs_are_met_for_all_cells() {
    let Some(table) = outside("nasbench201.csv.gz") else { return };
    let table = Table::read(&table).unwrap();
    let space = images().then(presets::nas_bench_201(16, 5));
    let (mut classes, mut strings) = (HashMap::new(), HashMap::new());
    for arch in space.enumerate() {
        let row = table.space().decode(arch.decisions()).unwrap();
        let figure = |column: &str| table.figure(&row, column).unwrap().unwrap();
        assert_eq!(arch.params() as f64, figure("c10_params"), "{arch}");
        // The benchmark counts 1,088 operations more in the same network, whatever the cell.
        assert_eq!((arch.flops() + 1_088) as f64, figure("c10_flops"), "{arch}");
        let (string, class) =
            (presets::nas_bench_201_unique_string(&arch).unwrap(), figure("iso") as u64);
        assert_eq!(*classes.entry(string.clone()).or_insert(class), class, "{arch}");
        assert_eq!(*strings.entry(class).or_insert(string.clone()), string, "{arch}");
    }
    assert_eq!((classes.len(), strings.len()), (6_466, 6_466));
}

#[test]
fn an_architecture_of_shared_cells_has_a_text_and_a_network() {
    let space = Space::on(&Dataset::digits()).then(presets::nas_bench_201(8, 1));
    for arch in [[0; 6], [4, 2, 1, 2, 1, 1], [3; 6]].map(|d| space.decode(d).unwrap()) {
        let text = arch.to_string();
        assert!(text.starts_with("cell={cell("), "{text}");
        assert_eq!(space.parse(&text).unwrap(), arch);
        assert_eq!(learned(&arch), arch.params());
        assert_eq!(Architecture::from_json(&arch.to_json()).unwrap(), arch);
    }
    let cell =
        "cell={cell(nor_conv_3x3~0;skip_connect~0|nor_conv_1x1~1;none~0|avg_pool_3x3~1|none~2)}";
    let arch = space.parse(cell).unwrap();
    assert_eq!((arch.decisions(), arch.to_string()), (vec![3, 1, 2, 0, 4, 0], cell.to_string()));
    says(space.parse("conv(8,3)"), &["cell={...}; belongs here"]);
    says(space.parse(&format!("{cell};conv(9,3)")), &["not one of this space"]);
    // Every other operation on every edge is a neighbour.
    let arch = space.decode([0; 6]).unwrap();
    assert_eq!(space.neighbours(&arch).unwrap().len(), 24);
    let child = space.mutate(&arch, &mut Rng::new(3)).unwrap();
    let differ = child.decisions().iter().filter(|&&d| d != 0).count();
    assert_eq!(differ, 1);
}

#[test]
fn texts_are_read_back_whatever_they_leave_out() {
    let op = one_of([skip(), conv(same(), 3)]);
    let both = cell([vec![op.clone(); 2]]).two_inputs();
    let named = shared("m", one_of([skip(), skip()]));
    let nested = shared("n", one_of([conv(same(), 3), shared("k", conv(same(), 1))]));
    let digits = Space::on(&Dataset::digits());
    for space in [
        digits.then(conv(4, 3)).then(stack([(conv(4, 1), both.clone()), (conv(4, 1), both)])),
        digits.then(conv(4, 3)).then(&named),
        digits.then(conv(4, 3)).then(&nested).then(&nested),
        digits.then(conv(any([4, 8]), 3)).then(&nested).then(shared("k", conv(same(), 1))),
        digits.then(shared("two", repeat(2, conv(4, 3)))).then(&nested).then(conv(any([4, 8]), 3)),
    ] {
        for arch in space.enumerate() {
            let text = arch.to_string();
            assert_eq!(space.parse(&text).unwrap(), arch, "{text}");
        }
    }
    let space = digits.then(conv(4, 3)).then(&named);
    for text in ["m={skip}@1", "m={skip};conv(4,3)>m@1", "@1"] {
        assert_eq!(space.parse(text).unwrap().decisions(), [1], "{text}");
    }
    says(space.parse("m={skip};conv(5,3)>m@1"), &["those of m={skip}"]);
}

#[test]
fn what_is_too_many_is_not_listed() {
    let space = images().then(presets::darts(16, 8));
    says(
        space.all(),
        &["about 10^18 combinations", "up to 4,000,000", "space.sample", "enumerate().take(n)"],
    );
    // In order they come one by one, whatever their number.
    assert_eq!(space.enumerate().take(3).count(), 3);
    let broken = images().then(one_of::<Block>([]));
    assert!(broken.enumerate().next().is_none());
    says(broken.all(), &["one_of"]);
    let small = images().then(conv(any([8, 16]), 3)).then(global_avg_pool());
    let limited = small.at_most(Params(1000));
    assert!(limited.to_string().contains("2 combinations, at_most(Params(1000))"), "{limited}");
    assert_eq!(small.all().unwrap(), small.enumerate().collect::<Vec<_>>());
}

// ------------------------------------------------------------------------------------------ DARTS

#[test]
fn the_space_of_darts_is_as_large_as_the_paper_says() {
    let space = images().then(presets::darts(36, 20));
    let cell = (3 * 6 * 10) * 7u128.pow(8);
    assert_eq!(space.size(), Some(cell * cell));
    // The paper's cell: 3.3 million parameters in CIFAR-10's network, without the auxiliary head.
    let arch = space.sample(&mut Rng::new(5)).unwrap();
    assert_eq!(space.parse(&arch.to_string()).unwrap(), arch);
    assert_eq!(Space::from_json(&space.to_json()).unwrap(), space);
    assert_eq!(arch.decisions().len(), 2 * (3 + 8));
    let small = Space::on(&Dataset::digits()).then(presets::darts(4, 3));
    let arch = small.sample(&mut Rng::new(5)).unwrap();
    let train = Train::on(&Dataset::digits().take(200)).epochs(1);
    assert!(train.evaluate(&arch, &Budget::new(1, 1, 1)).unwrap().score() > 0.0);
}

#[test]
fn darts_v2_has_the_published_number_of_parameters() {
    // What the paper's second order found on CIFAR-10. A set of two edges by its number, then the
    // operations on them.
    let (max, skip, sep3, dil3) = (0, 2, 3, 5);
    let normal = [sep3, sep3, 0, sep3, sep3, 0, skip, sep3, 1, skip, dil3];
    let reduce = [max, max, 2, max, skip, 1, max, skip, 4, max, skip];
    let space = images().then(presets::darts(36, 20));
    let arch = space.decode(normal.into_iter().chain(reduce)).unwrap();
    // The authors' program says 3.349342 million. Its batch normalisation after a pooling has no
    // parameters: ours has 2 for each channel of 5 poolings in both reduction cells.
    assert_eq!(arch.params(), 3_349_342 + 5 * 2 * (72 + 144));
}

// ----------------------------------------------------------------------------------------- limits

#[test]
fn limits_hold_wherever_architectures_come_from() {
    let free = Space::on(&Dataset::digits())
        .then(repeat(1..=4, one_of([conv(any([8, 16, 32, 64]), any([3, 5])), max_pool(2)])))
        .then(global_avg_pool());
    let space = free.at_most(Params(9_000)).at_most(Macs(300_000)).at_most(Memory(5_000_000));
    let within =
        |a: &Architecture| a.params() <= 9_000 && a.macs() <= 300_000 && a.memory(64) <= 5_000_000;
    let mut rng = Rng::new(1);
    let some: Vec<Architecture> = (0..200).map(|_| space.sample(&mut rng).unwrap()).collect();
    for arch in &some {
        assert!(within(arch) && space.contains(arch), "{arch}");
        assert!(within(&space.mutate(arch, &mut rng).unwrap()));
        assert!(within(&space.crossover(arch, &some[0], &mut rng).unwrap()));
        assert!(space.neighbours(arch).unwrap().iter().all(within));
    }
    assert!(some.iter().map(Architecture::to_string).collect::<HashSet<_>>().len() > 30);
    // Enumerating leaves out just what is over.
    let all: Vec<Vec<u32>> = space.enumerate().map(|a| a.decisions()).collect();
    let kept = free.enumerate().filter(within).map(|a| a.decisions());
    assert_eq!(all, kept.collect::<Vec<_>>());
    // An architecture that is over the limit can be made from its decisions, and says what is wrong.
    let large = space.decode([3, 0, 3, 1, 0, 3, 1, 0, 3, 1, 0, 3, 1]).unwrap();
    says(large.check(), &["limited by at_most(Params(9000))"]);
    assert!(!space.contains(&large) && large.params() > 9_000);
    // A study stays within, resumes, and its space is read back.
    assert_eq!(Space::from_json(&space.to_json()).unwrap(), space);
    assert_ne!(space.fingerprint(), free.fingerprint());
    let score = evaluator(|a: &Architecture, _: &Budget| a.params() as f64);
    let study = Study::new(&space, score).strategy(Evolution::regularized()).trials(60).quiet();
    let study = study.run().unwrap();
    assert!(study.trials_done().iter().all(|t| within(&t.architecture())));
    assert!(study.failed().is_empty());
}

#[test]
fn an_impossible_limit_says_what_would_do() {
    let free = Space::on(&Dataset::digits())
        .then(repeat(1..=4, conv(any([8, 16, 32, 64]), 3)))
        .then(global_avg_pool());
    let smallest = free.enumerate().map(|a| a.params()).min().unwrap();
    let text = format!("Try at_most(Params({smallest}))");
    says(free.at_most(Params(100)).check(), &["within at_most(Params(100))", &text]);
    says(free.at_most(Params(100)).sample(&mut Rng::new(1)), &[&text]);
    free.at_most(Params(smallest)).check().unwrap();
    assert_eq!(free.at_most(Params(smallest)).sample(&mut Rng::new(1)).unwrap().params(), smallest);
    // Of two limits the one at fault is named.
    let e = free.at_most(Params(50_000)).at_most(Macs(10)).check().unwrap_err().to_string();
    assert!(e.contains("at_most(Macs(10))") && !e.contains("at_most(Params"), "{e}");
    // Each can be met alone, but not both.
    let deep = Space::new([8], Task::classification(2))
        .then(one_of([linear(100).then(linear(1)), seq([conv_like(), linear(2)])]));
    deep.at_most(Params(200)).check().unwrap();
    // A rare corner of a large space is found; nothing of 10^12 has to be enumerated.
    let wide = Space::new([64], Task::classification(2))
        .then(repeat(12, linear(any((1..=10).map(|i| i * 8)))));
    let least = 64 * 8 + 8 + 11 * (64 + 8) + 8 * 2 + 2;
    let tight = wide.at_most(Params(least + 70));
    let arch = tight.sample(&mut Rng::new(1)).unwrap();
    assert!(arch.params() <= least + 70);
    assert!(tight.default_architecture().is_ok());
    says(wide.at_most(Params(least - 1)).check(), &["the smallest found has", &least.to_string()]);
    let study = Study::new(&wide.at_most(Params(5)), evaluator(|_: &Architecture, _: &Budget| 1.0));
    says(study.quiet().run(), &["at_most(Params(5))"]);
}

fn conv_like() -> Block {
    linear(4)
}

// -------------------------------------------------------------------------------- shared and stacks

#[test]
fn what_cannot_be_shared_or_stacked_is_reported() {
    let with = |block: Block| images().then(block).check();
    let two = seq([shared("a", conv(8, 3)), shared("a", conv(8, 5))]);
    says(with(two), &["shared(\"a\") stands for two different blocks", "same()"]);
    says(with(shared("conv", conv(8, 3))), &["name of a layer"]);
    says(with(shared("", conv(8, 3))), &["begins with a letter"]);
    says(with(shared("a>b", conv(8, 3))), &["letters, digits and _"]);
    says(with(stack([(conv(any([8, 16]), 1), skip())])), &["preparation", "choices"]);
    says(with(conv(8, 3).keep(2)), &["keep() is for a cell"]);
    says(with(cell([vec![skip()], vec![skip(), skip()]]).keep(0)), &["keep(0) of 1 edge:"]);
    let backwards = cell([vec![skip(), skip()]]);
    says(with(backwards.clone()), &["from node 1 to node 1", "cycle"]);
    with(backwards.two_inputs()).unwrap();
    says(with(cell(Vec::<Vec<Block>>::new())), &["a cell without nodes"]);
    says(images().then(conv(0, 3)).check(), &["channels is 0", "1 to 65536, or same()"]);
    says(
        Space::on(&Dataset::names()).then(gru(same())).sample(&mut Rng::new(1)),
        &["tokens have no channels"],
    );
    // Shared blocks in a branch that is not taken keep their decisions, and cost nothing.
    let space = images().then(one_of([shared("a", conv(any([8, 16]), 3)), max_pool(2)]));
    assert_eq!(space.size(), Some(4));
    let (a, b) = (space.decode([0, 1]).unwrap(), space.decode([1, 1]).unwrap());
    assert_eq!(a.params(), b.params());
}

#[test]
fn cells_can_be_made_of_motifs() {
    // Hierarchical representations (arXiv 1711.00436): cells of motifs of operations.
    let op = one_of([conv(same(), 1), conv(same(), 3), sep_conv(same(), 3)]);
    let motif = |name: &str| shared(name, cell([vec![op.clone()], vec![op.clone(), skip()]]));
    let part = one_of([motif("first"), motif("second")]);
    let block = shared("block", cell([vec![part.clone()], vec![part.clone(), part.clone()]]));
    let space = images()
        .then(conv(8, 3))
        .then(&block)
        .then(max_pool(2))
        .then(&block)
        .then(global_avg_pool());
    assert_eq!(space.size(), Some(9 * 9 * 8));
    let mut rng = Rng::new(1);
    for _ in 0..50 {
        let arch = space.sample(&mut rng).unwrap();
        assert_eq!(space.parse(&arch.to_string()).unwrap(), arch, "{arch}");
        assert_eq!(learned(&arch), arch.params());
    }
    assert!(space.to_string().contains("first"));
}
