//! Wired cells and the space of NAS-Bench-101: what they compute, cost, and count.

use nascent::prelude::*;
use std::collections::HashSet;

fn operation() -> Block {
    one_of([conv(same(), 3), conv(same(), 1), max_pool(3).stride(1).padding(1)])
}

/// Images of 4x4 with this many channels, through one wired cell.
fn one_cell(channels: i64, vertices: i64, edges: i64) -> Space {
    Space::new([channels, 4, 4], Task::classification(3))
        .then(wired(vertices, edges, operation()))
        .then(global_avg_pool())
}

/// The architecture of a matrix, rows as in the benchmark, and the operations.
fn decode<const N: usize>(space: &Space, matrix: [[u32; N]; N], ops: &[u32]) -> Architecture {
    let rows = matrix.iter().enumerate().flat_map(|(i, row)| row[i + 1..].to_vec());
    space.decode(rows.chain(ops.iter().copied())).unwrap()
}

#[test]
fn the_benchmarks_example_has_its_number_of_parameters() {
    let space =
        Space::new([3, 32, 32], Task::classification(10)).then(presets::nas_bench_101(128, 3));
    assert_eq!(space.problems(), [""; 0]);
    assert_eq!(space.size(), Some((1 << 21) * 243));
    // NASBench.ipynb of the benchmark's repository: its matrix as it is requested, and as it is stored.
    let asked = decode(
        &space,
        [
            [0, 1, 1, 1, 0, 1, 0],
            [0, 0, 0, 0, 0, 0, 1],
            [0, 0, 0, 0, 0, 0, 1],
            [0, 0, 0, 0, 1, 0, 0],
            [0, 0, 0, 0, 0, 0, 1],
            [0, 0, 0, 0, 0, 0, 1],
            [0, 0, 0, 0, 0, 0, 0],
        ],
        &[1, 0, 0, 0, 2],
    );
    let stored = decode(
        &space,
        [
            [0, 1, 1, 1, 1, 0, 0],
            [0, 0, 0, 0, 0, 0, 1],
            [0, 0, 0, 0, 0, 0, 1],
            [0, 0, 0, 0, 0, 0, 1],
            [0, 0, 0, 0, 0, 1, 0],
            [0, 0, 0, 0, 0, 0, 1],
            [0, 0, 0, 0, 0, 0, 0],
        ],
        &[0, 1, 2, 0, 0],
    );
    assert_eq!((asked.params(), stored.params()), (2_694_282, 2_694_282));
    assert_eq!(asked.canonical(), stored.canonical());
    let other = decode(
        &space,
        [
            [0, 1, 1, 1, 0, 1, 0],
            [0, 0, 0, 0, 0, 0, 1],
            [0, 0, 0, 0, 0, 0, 1],
            [0, 0, 0, 0, 1, 0, 0],
            [0, 0, 0, 0, 0, 0, 1],
            [0, 0, 0, 0, 0, 0, 1],
            [0, 0, 0, 0, 0, 0, 0],
        ],
        &[1, 0, 0, 2, 2],
    );
    assert_ne!(asked.canonical(), other.canonical());
}

/// The architectures are listed in order without looking at most of the combinations that are not one.
#[test]
fn enumeration_passes_over_what_is_not_a_network() {
    let cell = wired(4, 3, one_of([conv(same(), 1), max_pool(2)]));
    let images = || Space::new([3, 4, 4], Task::classification(2));
    // Alone, behind another decision, shared, and where another decision leads there or not.
    let spaces = [
        images().then(&cell),
        images().then(conv(any([3, 4]), 1)).then(&cell),
        images().then(shared("cell", &cell)).then(shared("cell", &cell)),
        images().then(one_of([skip(), shared("cell", &cell)])),
        images().then(shared("a", one_of([relu(), shared("b", &cell)]))),
        images().then(shared("a", seq([conv(any([3, 4]), 1), cell.clone()]))),
    ];
    for space in spaces {
        // The space of the same decisions, all of which fit together.
        let size = space.size().unwrap();
        let found: Vec<Vec<u32>> = space.enumerate().map(|a| a.decisions()).collect();
        let mut all = vec![vec![]];
        // Every list of decisions that the space accepts, by trying all.
        let mut accepted = vec![];
        while let Some(list) = all.pop() {
            match space.decode(list.clone()) {
                Ok(arch) => accepted.push(arch),
                Err(_) if list.len() < 10 => all.extend((0..2).map(|d| [&list[..], &[d]].concat())),
                Err(_) => {}
            }
        }
        assert_eq!(accepted.len() as u128, size, "{space}");
        let mut fit: Vec<Vec<u32>> =
            accepted.iter().filter(|a| a.check().is_ok()).map(|a| a.decisions()).collect();
        fit.sort();
        assert_eq!(found, fit, "{space}");
        assert!(!fit.is_empty() && fit.len() < accepted.len());
        let first = space.default_architecture().unwrap();
        assert_eq!(first.decisions(), fit[0]);
    }
}

#[test]
fn keys_see_through_what_leads_nowhere() {
    // All 2^10 * 3^3 ways to write a cell of five vertices, with and without a remainder of channels.
    for channels in [12, 11] {
        let space = one_cell(channels, 5, 9);
        let all: Vec<Architecture> = space.enumerate().collect();
        let keys: HashSet<u64> = all.iter().map(Architecture::canonical).collect();
        assert_eq!((all.len(), keys.len()), (22_680, 1 + 6 + 84 + 2_441));
    }
    // With other channels, and twice: other networks.
    let form = |space: Space| space.decode([1, 1, 0, 1, 1, 0, 0, 1]).map(|a| a.canonical());
    let four = |channels: i64| {
        let cell = wired(4, 9, one_of([conv(same(), 3), conv(same(), 1)]));
        Space::new([6, 4, 4], Task::classification(3)).then(cell.channels(channels))
    };
    assert_eq!(form(four(6)).unwrap(), form(four(6)).unwrap());
    assert_ne!(form(four(6)).unwrap(), form(four(7)).unwrap());
}

#[test]
fn what_comes_out_of_it_belongs_to_it() {
    let space = Space::on(&Dataset::digits()).then(presets::nas_bench_101(6, 1));
    assert_eq!(Space::from_json(&space.to_json()).unwrap(), space);
    let mut rng = Rng::new(5);
    let mut a = space.sample(&mut rng).unwrap();
    let mut changed = [0; 2];
    for _ in 0..300 {
        assert!(space.contains(&a));
        assert_eq!(space.parse(&a.to_text()).unwrap(), a, "{a}");
        assert!(!a.to_text().contains('@'), "{a}");
        assert_eq!(Architecture::from_json(&a.to_json()).unwrap(), a);
        let b = space.mutate(&a, &mut rng).unwrap();
        let (x, y) = (a.decisions(), b.decisions());
        let differ: Vec<usize> = (0..26).filter(|&i| x[i] != y[i]).collect();
        assert_eq!(differ.len(), 1);
        changed[usize::from(differ[0] >= 21)] += 1;
        let child = space.crossover(&a, &space.sample(&mut rng).unwrap(), &mut rng).unwrap();
        assert!(space.contains(&child));
        a = b;
    }
    assert!(changed[0] > 100 && changed[1] > 30, "edges and operations: {changed:?}");
    let neighbours = space.neighbours(&a).unwrap();
    let limit = space.decode(a.decisions()).unwrap();
    assert!(neighbours.len() >= 10 && neighbours.len() <= 21 + 10, "of {limit}");
}

#[test]
fn limits_hold_for_it_too() {
    let space = Space::on(&Dataset::digits()).then(presets::nas_bench_101(6, 1));
    let sizes = |space: &Space| -> Vec<usize> {
        let mut rng = Rng::new(2);
        (0..100).map(|_| space.sample(&mut rng).unwrap().params()).collect()
    };
    let small = space.at_most(Params(2_000));
    assert!(sizes(&space).iter().filter(|&&n| n > 2_000).count() > 50);
    assert!(sizes(&small).iter().all(|&n| n <= 2_000));
    // The smallest is a chain of four poolings, each of which the output reads: a quarter of the
    // channels is projected, 6 to 2, 6 to 3 and 12 to 6. With five there would be ten edges.
    let e = space.at_most(Params(100)).check().unwrap_err().to_string();
    let least = (54 + 12) + (12 + 4) + (18 + 6) + (72 + 12) + (240 + 10);
    assert!(e.contains(&format!("at_most(Params({least}))")), "{e}");
}

#[test]
fn texts_are_read_or_refused() {
    let space = one_cell(8, 4, 4);
    let text = "wired(conv(same,3)~0;max_pool(3,stride=1,padding=1)~1;~0~2)>global_avg_pool";
    let a = space.parse(text).unwrap();
    assert_eq!(a.decisions(), [1, 0, 1, 1, 0, 1, 0, 2]);
    assert_eq!(a.to_text(), text);
    for wrong in [
        // A cycle, an operation on the output, a vertex too many and one too few, and typing errors.
        text.replacen("~0", "~2", 1),
        text.replace("~0~2", "conv(same,3)~0~2"),
        text.replace("wired(", "wired(conv(same,3);"),
        "wired(conv(same,3)~0;~1)>global_avg_pool".to_string(),
        text.replace("~0~2", "~0~"),
        text.replace("~0~2)", "~0~2"),
        text.replace("wired", "wire"),
        "wired".to_string(),
    ] {
        assert!(space.parse(&wrong).is_err(), "{wrong}");
    }
}

#[test]
fn what_is_not_a_cell_is_refused() {
    let images = |b: Block| Space::new([4, 6, 6], Task::classification(2)).then(b);
    let problem = |b: Block| images(b).problems().join(" ");
    let conv3 = || conv(same(), 3);
    assert!(problem(wired(1, 9, conv3())).contains("2 to 16"));
    assert!(problem(wired(17, 9, conv3())).contains("2 to 16"));
    assert!(problem(wired(-3, 9, conv3())).contains("2 to 16"));
    assert!(problem(wired(i64::MAX, 9, conv3())).contains("2 to 16"));
    assert!(problem(wired(4, 0, conv3())).contains("at most 0 edges"));
    assert!(problem(wired(4, 4, one_of::<Block>([]))).contains("no block"));
    assert!(problem(wired(4, 4, conv3()).channels(0)).contains("1 to 65536"));
    assert!(problem(wired(4, 4, conv3()).channels(-1)).contains("1 to 65536"));
    assert!(problem(conv3().channels(8)).contains("conv(16, 3)"));
    assert!(problem(shared("a", conv3()).channels(8)).contains("for a wired cell"));
    assert!(problem(shared("wired", conv3())).contains("name of a layer"));
    let json = images(wired(4, 4, conv3())).to_json().replace("\"vertices\":4", "\"vertices\":99");
    assert!(Space::from_json(&json).unwrap_err().to_string().contains("2 to 16"));

    // In order: 0-1, 0-2, 0-3, 0-4, 1-2, 1-3, 1-4, 2-3, 2-4, 3-4.
    let fails = |b: Block, edges: [u32; 10]| {
        images(b).decode(edges).unwrap().check().unwrap_err().to_string()
    };
    let e = fails(wired(5, 4, conv3()), [1, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
    assert!(e.contains("no path") && e.contains("0-1 1-2 3-4") && e.contains("0-4"), "{e}");
    let e = fails(wired(5, 4, conv3()), [0; 10]);
    assert!(e.contains("there are no edges"), "{e}");
    let e = fails(wired(5, 4, conv3()), [1, 1, 0, 1, 1, 1, 1, 0, 1, 0]);
    assert!(e.contains("6 edges") && e.contains("at most 4"), "1-3 leads nowhere: {e}");
    let e = fails(wired(5, 9, conv3()).channels(2), [1, 1, 1, 0, 0, 0, 1, 0, 1, 1]);
    assert!(e.contains("2 channels") && e.contains("3 vertices"), "{e}");
    for op in [conv(5, 3), conv(same(), 3).stride(2), global_avg_pool()] {
        let e = fails(wired(5, 9, op), [1, 0, 0, 0, 1, 0, 0, 0, 1, 0]);
        assert!(e.contains("vertex 1") && e.contains("same()"), "{e}");
    }
    let e = fails(flatten().then(wired(5, 9, conv3())), [0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    assert!(e.contains("needs an image"), "{e}");
}

/// One row of a network's layers: its name and the channels of its output.
fn rows(a: &Architecture) -> Vec<(String, usize)> {
    a.layers().into_iter().map(|l| (l.name, l.shape.dims()[0])).collect()
}

/// Vertex 1 of 5 channels is read by vertices 2 and 3, of 5 and 4, which make an output of 9.
#[test]
fn a_cell_computes_what_the_paper_says() {
    let pool = max_pool(3).stride(1).padding(1);
    let space = Space::new([2, 4, 4], Task::classification(3))
        .then(wired(5, 9, pool).channels(9))
        .then(global_avg_pool());
    let a = space.parse(
        "wired(max_pool(3,stride=1,padding=1)~0;max_pool(3,stride=1,padding=1)~0~1;\
         max_pool(3,stride=1,padding=1)~1;~0~2~3)>global_avg_pool",
    );
    let a = a.unwrap();
    let names: Vec<(String, usize)> = rows(&a);
    let names: Vec<(&str, usize)> = names.iter().map(|(n, c)| (n.as_str(), *c)).collect();
    let pool = "max_pool(3,stride=1,padding=1)";
    let expected = [
        ("input", 2),
        ("projection: conv(5,1)", 5),
        (pool, 5),
        ("projection: conv(5,1)", 5),
        ("add", 5),
        (pool, 5),
        ("truncate(4)", 4),
        (pool, 4),
        ("concat", 9),
        ("projection: conv(9,1)", 9),
        ("add", 9),
        ("global_avg_pool", 9),
        ("head: linear", 3),
    ];
    assert_eq!(names, expected);
    let params = 2 * (2 * 5 + 2 * 5) + (2 * 9 + 2 * 9) + 9 * 3 + 3;
    assert_eq!(a.params(), params);

    // The same by Candle's own operations, with the network's weights and fresh running statistics.
    let model = Model::new(&a, &Device::Cpu, 3).unwrap();
    let vars = model.vars();
    assert_eq!(vars.iter().map(|v| v.elem_count()).sum::<usize>(), params);
    let values: Vec<f32> = (0..64).map(|i| ((i * 37 % 64) as f32 - 30.0) / 20.0).collect();
    let x = Tensor::from_vec(values, (2, 2, 4, 4), &Device::Cpu).unwrap();
    let projection = |i: usize| -> candle_core::Result<Tensor> {
        let y = x.conv2d(vars[3 * i].as_tensor(), 0, 1, 1, 1)?;
        let y = (y / (1.0f64 + 1e-5).sqrt())?;
        let scale = vars[3 * i + 1].as_tensor().reshape((1, (), 1, 1))?;
        let shift = vars[3 * i + 2].as_tensor().reshape((1, (), 1, 1))?;
        y.broadcast_mul(&scale)?.broadcast_add(&shift)?.relu()
    };
    // Padding with zeros is the same as padding with nothing where no value is below 0.
    let pool = |x: &Tensor| {
        let x = x.pad_with_zeros(2, 1, 1)?.pad_with_zeros(3, 1, 1)?;
        x.max_pool2d_with_stride(3, 1)
    };
    let output = || -> candle_core::Result<Tensor> {
        let one = pool(&projection(0)?)?;
        let two = pool(&(projection(1)? + &one)?)?;
        let three = pool(&one.narrow(1, 0, 4)?)?;
        let out = (Tensor::cat(&[two, three], 1)? + projection(2)?)?;
        let mean = out.mean((2, 3))?;
        mean.matmul(&vars[9].as_tensor().t()?)?.broadcast_add(vars[10].as_tensor())
    };
    let ours = model.forward(&x).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let theirs = output().unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
    assert!(ours.iter().any(|v| v.abs() > 0.05), "{ours:?}");
    for (a, b) in ours.iter().zip(&theirs) {
        assert!((a - b).abs() < 1e-5, "{ours:?} {theirs:?}");
    }
}

#[test]
fn it_is_drawn() {
    let space = Space::on(&Dataset::digits()).then(presets::nas_bench_101(16, 2));
    let plain = space.to_string();
    for line in [
        "cell, 16 channels",
        "7 vertices, at most 9 edges, on each: one of",
        "max_pool 3x3, stride 1, padding 1",
        "cell, 32 channels",
    ] {
        assert!(plain.contains(line), "{line}: {plain}");
    }
    assert!(space.drawing().svg().contains("7 vertices, at most 9 edges, on each"));
    let block = wired(3, 2, conv(same(), 3)).channels(8);
    assert_eq!(block.to_string(), "wired(3, 2, conv(same, 3)).channels(8)");
}

/// Channels that cannot be shared equally, a vertex that is left out, one epoch.
#[test]
fn a_small_one_learns_the_digits() {
    let data = Dataset::digits();
    let space = Space::on(&data).then(presets::nas_bench_101(7, 1));
    let a = space.parse(
        "cell={wired(conv(same,3)~0;conv(same,3)~1;conv(same,1)~1;max_pool(3,stride=1,padding=1)~1~2;\
         conv(same,3)~0;~0~3~4)};conv(7,3)>cell>max_pool(2)>cell>max_pool(2)>cell>global_avg_pool",
    );
    let a = a.unwrap();
    let train = Train::on(&data).epochs(1).batch_size(16);
    let e = train.evaluate(&a, &Budget::new(1, 1, 1)).unwrap();
    assert!(e.score() > 0.6, "{}", e.score());
}
