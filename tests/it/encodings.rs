//! Encodings: widths from the literature, vectors worked out by hand and by brute force, errors.

use crate::help::says;
use nascent::prelude::*;
use std::collections::{BTreeSet, HashSet};

fn small() -> Space {
    Space::new([1, 8, 8], Task::classification(3))
}

fn cells201() -> Space {
    small().then(presets::nas_bench_201(4, 1))
}

/// A choice that opens others, in copies of a repetition.
fn conditional() -> Space {
    small()
        .then(conv(any([8, 16]), 3))
        .then(repeat(1..=2, one_of([conv(any([8, 16]), 3), max_pool(2)])))
        .then(global_avg_pool())
}

// ----------------------------------------------------------------------------------------- widths

#[test]
fn widths_are_those_of_the_literature() {
    let width = |encoding: Encoding, space: &Space| encoding.width(space).unwrap();
    let space = cells201();
    assert_eq!(width(Encoding::one_hot(), &space), 6 * 5);
    assert_eq!(width(Encoding::adjacency(), &space), 6 * 5);
    assert_eq!(width(Encoding::path(), &space), 4 + 16 + 64);
    assert_eq!(width(Encoding::path().truncated(20), &space), 20);
    assert_eq!(width(Encoding::path().truncated(1000), &space), 84);
    let space = small().then(presets::nas_bench_101(8, 1));
    assert_eq!(width(Encoding::one_hot(), &space), 21 * 2 + 5 * 3);
    assert_eq!(width(Encoding::adjacency(), &space), 21 + 5 * 3);
    assert_eq!(width(Encoding::path(), &space), 364);
    // Two cells, each with 14 edges of 7 operations, and a bit for all but the two of the first node,
    // which keeps both; paths from either input, of 1 to 4 edges.
    let space = small().then(presets::darts(4, 3));
    assert_eq!(width(Encoding::adjacency(), &space), 2 * (14 * 7 + 12));
    assert_eq!(width(Encoding::path(), &space), 2 * 2 * (7 + 49 + 343 + 2401));
    // Sets of edges, and two operations for each: 0, 3, 6 and 10 sets.
    assert_eq!(width(Encoding::one_hot(), &space), 2 * (14 + 3 + 42 + 6 + 84 + 10 + 140));
    assert_eq!(width(Encoding::path().truncated(30), &space), 60);
    assert_eq!(width(Encoding::one_hot(), &Space::decisions([5, 2, 7])), 14);
    // Edges of a wired cell bound the length of its paths.
    let op = one_of([conv(same(), 3), conv(same(), 1), max_pool(3).stride(1).padding(1)]);
    for (edges, paths) in [(1, 1), (2, 4), (3, 13), (9, 40)] {
        let space = small().then(conv(4, 3)).then(wired(5, edges, &op)).then(global_avg_pool());
        assert_eq!(width(Encoding::path(), &space), paths, "{edges} edges");
    }
}

// ---------------------------------------------------------------------------------------- one-hot

#[test]
fn one_hot_has_a_block_for_every_choice_of_the_tree() {
    let space = conditional();
    let encoding = Encoding::one_hot();
    assert_eq!(
        encoding.names(&space).unwrap(),
        [
            "0.conv.channels=8",
            "0.conv.channels=16",
            "1.repeat=1",
            "1.repeat=2",
            "1.repeat[0]=conv(any[8 | 16], 3)",
            "1.repeat[0]=max_pool(2)",
            "1.repeat[0]|0.conv.channels=8",
            "1.repeat[0]|0.conv.channels=16",
            "1.repeat[1]=conv(any[8 | 16], 3)",
            "1.repeat[1]=max_pool(2)",
            "1.repeat[1]|0.conv.channels=8",
            "1.repeat[1]|0.conv.channels=16",
        ]
    );
    let of = |decisions: &[i32]| {
        let arch = space.decode(decisions.iter().copied()).unwrap();
        encoding.of(&arch).unwrap().iter().map(|&x| x as u8).collect::<Vec<_>>()
    };
    // 16 channels; twice: pooling, then a convolution of 16.
    assert_eq!(of(&[1, 1, 1, 0, 1]), [0, 1, 0, 1, 0, 1, 0, 0, 1, 0, 0, 1]);
    // Once a convolution of 8: what does not exist is 0.
    assert_eq!(of(&[0, 0, 0, 0]), [1, 0, 1, 0, 1, 0, 1, 0, 0, 0, 0, 0]);
}

#[test]
fn one_hot_tells_all_architectures_apart() {
    let op = || one_of([zero(), skip(), conv(4, any([1, 3]))]);
    let spaces = [
        conditional(),
        small().then(conv(4, 3)).then(cell([vec![op(); 1], vec![op(); 2]])),
        small().then(cell([vec![op(); 1], vec![op(); 2], vec![op(); 3]]).keep(1)),
        Space::decisions([3, 1, 4]),
        small().then(shared("motif", one_of([conv(4, 3), seq([conv(any([2, 4]), 1), relu()])]))),
    ];
    for space in spaces {
        for encoding in [Encoding::one_hot(), Encoding::adjacency()] {
            let all: Vec<Architecture> = space.enumerate().collect();
            let rows = encoding.all(&all).unwrap();
            let different: HashSet<Vec<u8>> =
                rows.iter().map(|r| r.iter().map(|&x| x as u8).collect()).collect();
            assert_eq!(different.len(), all.len(), "{encoding} of {space}");
            let names = encoding.names(&space).unwrap();
            assert_eq!(names.len(), encoding.width(&space).unwrap());
            assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len(), "{names:?}");
            for (arch, row) in all.iter().zip(&rows) {
                assert_eq!(row.len(), names.len());
                let ones = row.iter().filter(|&&x| x == 1.0).count();
                if encoding.to_string() == "one-hot encoding" {
                    assert_eq!(ones, arch.decisions().len());
                }
            }
        }
    }
}

// -------------------------------------------------------------------------------------- adjacency

#[test]
fn adjacency_of_a_wired_cell_is_its_matrix_and_its_operations() {
    let op = one_of([conv(same(), 3), conv(same(), 1), max_pool(3).stride(1).padding(1)]);
    let space = small().then(conv(4, 3)).then(wired(4, 5, op));
    let arch = space.decode([1, 1, 0, 0, 1, 1, 0, 2]).unwrap();
    let x = Encoding::adjacency().of(&arch).unwrap();
    assert_eq!(x, [1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
    let names = Encoding::adjacency().names(&space).unwrap();
    assert_eq!(names[4], "1.1-3");
    assert_eq!(names[11], "1.2=max_pool(3, stride=1, padding=1)");
}

#[test]
fn adjacency_of_a_cell_that_keeps_edges_goes_by_edge() {
    let op = one_of([skip(), conv(same(), any([1, 3]))]);
    let cells = cell([vec![op.clone(); 1], vec![op.clone(); 2], vec![op.clone(); 3]]).keep(2);
    let space = small().then(conv(4, 3)).then(cells);
    // Node 1: skip. Node 2: conv 1, conv 3. Node 3: edges 1 and 2, conv 3 and skip.
    let arch = space.decode([0, 1, 0, 1, 1, 2, 1, 1, 0]).unwrap();
    let x: Vec<u8> = Encoding::adjacency().of(&arch).unwrap().iter().map(|&x| x as u8).collect();
    let expected =
        [[1, 0, 0].as_slice(), &[0, 1, 0], &[0, 0, 1], &[0, 0, 0, 0], &[1, 0, 0, 1], &[1, 1, 0, 0]];
    assert_eq!(x, expected.concat());
    let names = Encoding::adjacency().names(&space).unwrap();
    assert_eq!(names[0..3], ["1.0-1=skip", "1.0-1=conv(same, 1)", "1.0-1=conv(same, 3)"]);
    assert_eq!(names[9], "1.0-3");
}

// ------------------------------------------------------------------------------------------ paths

/// The column of a path among all sequences of `q` letters from length `shortest` on.
fn column(letters: &[usize], q: usize, shortest: u32) -> usize {
    let before: usize = (shortest..letters.len() as u32).map(|l| q.pow(l)).sum();
    before + letters.iter().fold(0, |n, letter| n * q + letter)
}

fn ones(x: &[f32]) -> BTreeSet<usize> {
    assert!(x.iter().all(|&v| v == 0.0 || v == 1.0));
    (0..x.len()).filter(|&i| x[i] == 1.0).collect()
}

#[test]
fn paths_of_all_cells_of_nas_bench_201() {
    // Edges in order: 0-1, 0-2, 1-2, 0-3, 1-3, 2-3.
    const PATHS: [&[usize]; 4] = [&[3], &[0, 4], &[1, 5], &[0, 2, 5]];
    let (space, encoding) = (cells201(), Encoding::path());
    let shorter = encoding.truncated(20);
    for arch in space.enumerate() {
        let operations = arch.decisions();
        let mut expected = BTreeSet::new();
        for path in PATHS {
            let along: Vec<usize> = path.iter().map(|&e| operations[e] as usize).collect();
            if !along.contains(&0) {
                let letters: Vec<usize> = along.iter().map(|o| o - 1).collect();
                expected.insert(column(&letters, 4, 1));
            }
        }
        let x = encoding.of(&arch).unwrap();
        assert_eq!(ones(&x), expected, "{operations:?}");
        assert_eq!(shorter.of(&arch).unwrap(), x[..20]);
    }
    let names = encoding.names(&space).unwrap();
    let first = ["cell: skip_connect", "cell: skip_connect > skip_connect"];
    assert_eq!([&names[0], &names[4]], first);
    assert_eq!(names.iter().collect::<HashSet<_>>().len(), 84);
}

#[test]
fn paths_of_cells_of_nas_bench_101() {
    fn walk(
        at: usize,
        edges: &[Vec<usize>],
        ops: &[u32],
        so_far: &mut Vec<usize>,
        found: &mut BTreeSet<usize>,
    ) {
        for &to in &edges[at] {
            if to == 6 {
                found.insert(column(so_far, 3, 0));
            } else {
                so_far.push(ops[to - 1] as usize);
                walk(to, edges, ops, so_far, found);
                so_far.pop();
            }
        }
    }
    let space = small().then(presets::nas_bench_101(8, 1));
    let encoding = Encoding::path();
    let mut rng = Rng::new(1);
    let mut longest = 0;
    for _ in 0..300 {
        let arch = space.sample(&mut rng).unwrap();
        let decisions = arch.decisions();
        let mut bits = decisions.iter();
        let mut edges = vec![vec![]; 7];
        for (from, list) in edges.iter_mut().enumerate() {
            list.extend((from + 1..7).filter(|_| bits.next() == Some(&1)));
        }
        let mut expected = BTreeSet::new();
        walk(0, &edges, &decisions[21..], &mut vec![], &mut expected);
        assert!(!expected.is_empty());
        assert_eq!(ones(&encoding.of(&arch).unwrap()), expected, "{arch}");
        longest = longest.max(*expected.last().unwrap());
    }
    assert!(longest > 40, "paths of more than three operations were drawn");
    // Vertices 1 and 2 exchanged: another matrix, the same paths.
    let edges = |pairs: [(usize, usize); 4]| {
        (0..7).flat_map(move |a| (a + 1..7).map(move |b| i32::from(pairs.contains(&(a, b)))))
    };
    let one = edges([(0, 1), (1, 6), (0, 2), (2, 6)]).chain([0, 2, 0, 0, 0]);
    let other = edges([(0, 1), (1, 6), (0, 2), (2, 6)]).chain([2, 0, 1, 1, 1]);
    let [a, b] = [one.collect::<Vec<_>>(), other.collect()].map(|d| space.decode(d).unwrap());
    assert_eq!(encoding.of(&a).unwrap(), encoding.of(&b).unwrap());
    assert_ne!(Encoding::adjacency().of(&a).unwrap(), Encoding::adjacency().of(&b).unwrap());
}

#[test]
fn paths_of_cells_with_two_inputs() {
    let op = one_of([skip(), conv(same(), 3)]);
    let normal =
        cell([vec![op.clone(); 2], vec![op.clone(); 3]]).two_inputs().keep(2).concat_nodes();
    let to = |c: i32| relu().then(conv(c, 1));
    let space = small()
        .then(conv(8, 3))
        .then(stack([(to(4), shared("normal", &normal)), (to(4), shared("normal", &normal))]))
        .then(global_avg_pool());
    let names = Encoding::path().names(&space).unwrap();
    assert_eq!(names.len(), 2 * (2 + 4));
    assert_eq!(names[0], "normal: input 0 > skip");
    // Node 2: skip of input 0, conv of input 1. Node 3: edges 1 and 2 (the set of number 2), both conv.
    let arch = space.decode([0, 1, 2, 1, 1]).unwrap();
    let x = Encoding::path().of(&arch).unwrap();
    let there: BTreeSet<&str> = ones(&x).into_iter().map(|i| names[i].as_str()).collect();
    let expected = [
        "normal: input 0 > skip",
        "normal: input 1 > conv(same, 3)",
        "normal: input 0 > skip > conv(same, 3)",
        "normal: input 1 > conv(same, 3) > conv(same, 3)",
    ];
    assert_eq!(there, expected.into_iter().collect());
}

// ----------------------------------------------------------------------------------- errors, yours

#[test]
fn what_cannot_be_encoded_says_what_can() {
    let hint = "Try Encoding::one_hot()";
    let chain = conditional();
    says(Encoding::path().width(&chain), &["outside of its cells", "0.conv.channels=8", hint]);
    says(Encoding::path().of(&chain.decode([0, 0, 1]).unwrap()), &[hint]);
    says(Encoding::path().width(&Space::decisions([3, 3])), &[hint]);
    says(Encoding::path().width(&small().then(conv(8, 3))), &["without choices in a cell", hint]);
    says(Encoding::one_hot().truncated(5).width(&chain), &["Encoding::path().truncated(40)"]);
    says(Encoding::path().truncated(-1).names(&cells201()), &["truncated(-1)", "at least one"]);
    let wide = small().then(repeat(1..=1000, conv(any(1..=200), 3)));
    says(Encoding::one_hot().width(&wide), &["201000 columns", "at most 100000"]);
    says(Encoding::one_hot().width(&small().then(one_of::<Block>([]))), &["one_of([])"]);
    // 2^15 paths of each of many lengths.
    let op = one_of((1..=7).map(|k| conv(same(), 2 * k - 1)));
    let dense = small().then(conv(4, 3)).then(wired(12, 60, op));
    says(Encoding::path().width(&dense), &["truncated(100)"]);
    assert_eq!(Encoding::path().truncated(100).width(&dense).unwrap(), 100);
    // Rows of two spaces.
    let two = [chain.decode([0, 0, 1]).unwrap(), cells201().decode([0; 6]).unwrap()];
    says(Encoding::one_hot().all(&two), &["12 columns and 30"]);
    let nan = Encoding::custom("mine", |_| vec![1.0, f32::NAN]);
    says(nan.of(&two[0]), &["mine", "column 1 is NaN"]);
}

#[test]
fn an_encoding_is_one_value_for_several_spaces_and_threads() {
    let (a, b) = (cells201(), conditional());
    let one_hot = Encoding::one_hot();
    assert_eq!((one_hot.width(&a).unwrap(), one_hot.width(&b).unwrap()), (30, 12));
    assert_eq!(one_hot.width(&a).unwrap(), 30);
    let encoding = Encoding::path();
    let some: Vec<Architecture> = a.enumerate().step_by(37).collect();
    let expected = encoding.all(&some).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(encoding.all(&some).unwrap(), expected));
        }
    });
    // A space that was read back is the same space.
    let again = Space::from_json(&a.to_json()).unwrap();
    assert_eq!(encoding.of(&again.decode(some[5].decisions()).unwrap()).unwrap(), expected[5]);
}

#[test]
fn paths_beyond_all_bounds_are_refused() {
    // A long cell with ten operations on each edge, and one that goes nowhere before its end.
    let op = one_of((0..10).map(|k| conv(same(), 2 * k + 1)));
    let chain = cell((0..7).map(|j| {
        let mut edges = vec![zero(); j];
        edges.push(op.clone());
        edges
    }));
    let long = small().then(chain);
    let many = conv(same(), any([1, 3, 5, 7])).dilation(1..=8).norm(any([false, true]));
    let many = many.activation(any(["relu", "gelu", "silu", "tanh"]));
    let broad = small().then(cell([vec![many.clone()], vec![many.clone(); 2], vec![many; 3]]));
    for space in [long, broad] {
        for encoding in [Encoding::path(), Encoding::path().truncated(90_000)] {
            says(encoding.width(&space), &["more than 100000 paths", "Try Encoding::"]);
        }
        assert!(Encoding::adjacency().width(&space).unwrap() < 2000);
    }
    // Widths by the thousand, in layers by the thousand: nothing is listed for an error.
    let wide = small().then(repeat(1000, conv(1..=65_536, 3)));
    says(Encoding::path().width(&wide), &["choices outside of its cells", "one_hot"]);
    says(Encoding::adjacency().of(&wide.default_architecture().unwrap()), &["columns"]);
    let inside = small().then(cell([[conv(1..=300, 3)]]));
    says(Encoding::path().width(&inside), &["more than 256 operations", "0-1.conv.channels=1"]);
}

// ------------------------------------------------------------------------------------------- GRAF

/// The features of an architecture that are named, by their columns.
fn graf(space: &Space, decisions: &[u32], names: &[&str]) -> Vec<f32> {
    let encoding = Encoding::graf();
    let all = encoding.names(space).unwrap();
    let x = encoding.of(&space.decode(decisions.iter().copied()).unwrap()).unwrap();
    assert_eq!(x.len(), all.len());
    let at = |name: &&str| {
        let found = all.iter().position(|n| n == name);
        x[found.unwrap_or_else(|| panic!("{name} is none of {all:#?}"))]
    };
    names.iter().map(at).collect()
}

#[test]
fn graf_of_cells_worked_out_by_hand() {
    let space = cells201();
    assert_eq!(Encoding::graf().width(&space).unwrap(), 4 + 1 + 15 * 6);
    let names = [
        "cell: number of skip_connect",
        "cell: number of nor_conv_3x3",
        "cell: edges without effect",
        "cell: shortest path of nor_conv_3x3 alone",
        "cell: shortest path of skip_connect or nor_conv_3x3 alone",
        "cell: shortest path of any operation alone",
        "cell: most of nor_conv_3x3 on a path",
        "cell: most of any operation on a path",
        "cell: nor_conv_3x3 that read the input",
        "cell: nor_conv_3x3 that the output reads",
        "cell: nor_conv_3x3 that are read, on average",
        "cell: nor_conv_3x3 that read a result, on average",
    ];
    // Edges 0-1, 0-2, 1-2, 0-3, 1-3, 2-3. All convolutions: of 3 operations into node 3 the one from node 2 reads
    // two, the one from node 1 reads one, and so does the one from 1 to 2: 2 + 1 + 1, and 3 that the output reads.
    // The input is read by 3, the operation 0-1 by 2, the ones into node 2 by 1 each.
    let all = graf(&space, &[3, 3, 3, 3, 3, 3], &names);
    assert_eq!(all, [0., 6., 0., 1., 1., 1., 3., 3., 3., 3., 7. / 7., 7. / 7.]);
    // 0-2 and 2-3 convolutions, 0-3 a skip; 1-3 is a convolution that nothing enters.
    let some = graf(&space, &[0, 3, 0, 1, 3, 3], &names);
    assert_eq!(some, [1., 2., 3., 2., 1., 1., 2., 2., 1., 1., 2. / 4., 2. / 4.]);
    // The same cell by way of node 1.
    assert_eq!(some, graf(&space, &[3, 0, 2, 1, 3, 0], &names));
    // A pooling in between: no path of convolutions alone, one more than the longest.
    let mixed = graf(&space, &[3, 0, 4, 0, 0, 3], &names);
    assert_eq!(mixed, [0., 2., 3., 4., 4., 3., 2., 3., 1., 1., 2. / 4., 2. / 4.]);
    // No path at all.
    let none = graf(&space, &[3, 3, 3, 0, 0, 0], &names);
    assert_eq!(none, [0., 0., 6., 4., 4., 4., 0., 0., 0., 0., 0., 0.]);
}

#[test]
fn graf_of_a_wired_cell_worked_out_by_hand() {
    let op = one_of([conv(same(), 3), max_pool(3).stride(1).padding(1)]);
    let space = small().then(conv(4, 3)).then(wired(4, 5, op));
    let names = [
        "1: number of conv(same, 3)",
        "1: vertices without effect",
        "1: shortest path of conv(same, 3) alone",
        "1: most of any operation on a path",
        "1: conv(same, 3) that read the input",
        "1: any operation that the output reads",
        "1: conv(same, 3) that are read, on average",
    ];
    // Edges 0-1, 0-2, 0-3, 1-2, 1-3, 2-3; operations of 1 and 2. A convolution, then pooling, and the input again.
    let row = graf(&space, &[1, 0, 1, 1, 0, 1, 0, 1], &names);
    // Pooling reads the convolution; the output reads pooling: 1 reading of a convolution among 3 readers.
    assert_eq!(row, [1., 0., 0., 2., 1., 1., 1. / 3.]);
    // Vertex 2 leads nowhere.
    let row = graf(&space, &[1, 1, 0, 0, 1, 0, 0, 0], &names);
    assert_eq!(row, [1., 1., 1., 1., 1., 1., 1. / 2.]);
}

#[test]
fn graf_of_layers_and_of_decisions() {
    let space = conditional();
    let names = [
        "layers: number of conv",
        "layers: number of max_pool",
        "layers: shortest path of conv alone",
        "layers: shortest path of any operation alone",
        "layers: mean channels of conv",
    ];
    // conv 16, then twice: pooling, a convolution of 16. The first convolution is a layer of the same kind.
    assert_eq!(graf(&space, &[1, 1, 1, 0, 1], &names), [2., 1., 4., 3., 16.]);
    // conv 8, then one of 16.
    assert_eq!(graf(&space, &[0, 0, 0, 1], &names), [2., 0., 2., 2., 12.]);
    let names = [
        "decisions among 3 options that take option 0",
        "decisions among 2 options that take option 1",
    ];
    let space = Space::decisions([3, 2, 3]);
    assert_eq!(Encoding::graf().width(&space).unwrap(), 5);
    assert_eq!(graf(&space, &[0, 1, 0], &names), [2., 1.]);
}

/// What does not change the graph does not change its features.
#[test]
fn graf_leaves_out_what_has_no_effect() {
    let (space, encoding, mut rng) = (cells201(), Encoding::graf(), Rng::new(1));
    let mut without = 0;
    for _ in 0..300 {
        let arch = space.sample(&mut rng).unwrap();
        for edge in 0..6 {
            let mut decisions = arch.decisions();
            decisions[edge] = 0;
            let other = space.decode(decisions).unwrap();
            let same = arch.canonical() == other.canonical();
            assert_eq!(encoding.of(&arch).unwrap() == encoding.of(&other).unwrap(), same, "{arch}");
            without += usize::from(same);
        }
    }
    assert!(without > 300, "{without}");
}

/// Every space has some, all finite and named.
#[test]
fn graf_fits_every_space() {
    let (encoding, mut rng) = (Encoding::graf(), Rng::new(1));
    let spaces = [
        conditional(),
        Space::on(&Dataset::digits()).then(presets::mlp()),
        small().then(presets::darts(4, 3)),
        small().then(presets::nas_bench_101(8, 1)),
        small().then(conv(any([4, 8]), 3)).then(presets::nas_bench_201(4, 1)),
        Space::on(&Dataset::mnist1d()).then(presets::sequence(8, 1..=2)),
        Space::decisions([5, 2, 7]),
        Mnist1dBench::space(),
    ];
    for space in spaces {
        let names = encoding.names(&space).unwrap();
        assert_eq!(names.len(), encoding.width(&space).unwrap(), "{space}");
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len(), "{names:?}");
        let mut rows = HashSet::new();
        for _ in 0..30 {
            let arch = space.sample(&mut rng).unwrap();
            let x = encoding.of(&arch).unwrap();
            assert!(x.len() == names.len() && x.iter().all(|v| v.is_finite()), "{arch}");
            rows.insert(format!("{x:?}"));
        }
        assert!(rows.len() > 5, "{space}: {}", rows.len());
    }
}

#[test]
fn encodings_stand_side_by_side() {
    let space = cells201();
    let arch = space.decode([3, 1, 0, 2, 4, 3]).unwrap();
    let proxy = Proxy::params();
    let all = Encoding::graf().and(&Encoding::one_hot()).and(&proxy.feature());
    let x = all.of(&arch).unwrap();
    assert_eq!(x.len(), 95 + 30 + 1);
    assert_eq!(x[125], arch.params() as f32);
    assert_eq!(x[95..125], Encoding::one_hot().of(&arch).unwrap()[..]);
    assert_eq!(all.names(&space).unwrap()[125], "params");
    assert_eq!(all.to_string(), "GRAF and one-hot encoding and params");
    // A proxy that has nothing to read says so; decisions alone are not a network.
    let bare = Space::decisions([2, 2]);
    says(proxy.feature().of(&bare.decode([0, 1]).unwrap()), &["decisions alone"]);
}
