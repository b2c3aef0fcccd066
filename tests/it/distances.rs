//! Distances between architectures, and exact neighbourhoods.

use crate::help::says;
use nascent::prelude::*;
use proptest::prelude::{prop, prop_assert, prop_assert_eq, proptest};
use std::collections::{HashMap, HashSet};

fn small() -> Space {
    Space::new([4, 8, 8], Task::classification(3))
}

fn vectors() -> Space {
    Space::new([8], Task::classification(2))
}

fn cells201() -> Space {
    Space::new([1, 8, 8], Task::classification(3)).then(presets::nas_bench_201(4, 1))
}

/// Small spaces of every kind.
fn spaces() -> Vec<Space> {
    let op = || one_of([zero(), skip(), conv(4, any([1, 3]))]);
    let keep = |c: i32| one_of([skip(), conv(same(), 3), max_pool(c).stride(1).padding(1)]);
    let normal = cell([vec![keep(3); 2], vec![keep(3); 3]]).two_inputs().keep(2).concat_nodes();
    let to = |c: i32| relu().then(conv(c, 1));
    vec![
        vectors()
            .then(linear(any([4, 8])))
            .then(linear(any([4, 8, 16])))
            .then(dropout(any([0.0, 0.5]))),
        small()
            .then(conv(any([8, 16]), 3))
            .then(repeat(1..=3, one_of([conv(any([8, 16]), any([1, 3])), max_pool(2)]))),
        // Three poolings are too many for 4 x 4, and a residual connection needs its input's size.
        Space::new([1, 4, 4], Task::classification(2))
            .then(repeat(0..=3, one_of([max_pool(2), conv(4, 3), conv(4, 3).residual()]))),
        small().then(one_of([
            repeat(any([1, 3]), conv(any([2, 4]), 3)),
            seq([conv(2, any([1, 3, 5])), repeat(0..=1, conv(4, any([1, 3])))]),
            skip(),
        ])),
        small()
            .then(shared("motif", one_of([conv(same(), 3), conv(same(), any([1, 5])).residual()])))
            .then(conv(any([4, 8]), 1))
            .then(shared("motif", one_of([conv(same(), 3), conv(same(), any([1, 5])).residual()]))),
        small().then(cell([vec![op(); 1], vec![op(); 2]])),
        small().then(branches([conv(4, any([1, 3])), conv(any([4, 8]), 3), skip()])),
        small().then(cell([vec![op(); 1], vec![op(); 2], vec![op(); 3]]).keep(1)),
        small()
            .then(stack([(to(4), shared("normal", &normal)), (to(4), shared("normal", &normal))])),
        small().then(wired(4, 4, one_of([conv(same(), 3), skip()]))),
        Space::decisions([3, 1, 4, 2]),
    ]
}

/// Every place of a space with the option that an architecture takes there, read off the one-hot
/// encoding and its names.
fn places(space: &Space, arch: &Architecture) -> Vec<(String, Option<usize>)> {
    let names = Encoding::one_hot().names(space).unwrap();
    let x = Encoding::one_hot().of(arch).unwrap();
    let mut found: Vec<(String, Option<usize>)> = vec![];
    let mut option = 0;
    for (name, x) in names.iter().zip(x) {
        let place = name.split('=').next().unwrap().to_string();
        if found.last().is_none_or(|(last, _)| *last != place) {
            found.push((place, None));
            option = 0;
        }
        if x == 1.0 {
            found.last_mut().unwrap().1 = Some(option);
        }
        option += 1;
    }
    found
}

fn some(space: &Space, n: usize) -> Vec<Architecture> {
    let mut rng = Rng::new(7);
    (0..n).map(|_| space.sample(&mut rng).unwrap()).collect()
}

// ---------------------------------------------------------------------------------------- hamming

#[test]
fn hamming_is_a_metric_that_counts_places() {
    for space in spaces() {
        let archs = some(&space, 40);
        let d = Distance::hamming().all(&archs).unwrap();
        let places: Vec<_> = archs.iter().map(|a| places(&space, a)).collect();
        for i in 0..archs.len() {
            for j in 0..archs.len() {
                let counted = places[i].iter().zip(&places[j]).filter(|(a, b)| a != b).count();
                assert_eq!(d[i][j], counted as f64, "{} and {}", archs[i], archs[j]);
                assert_eq!(d[i][j], Distance::hamming().between(&archs[i], &archs[j]).unwrap());
                assert_eq!(d[i][j], d[j][i]);
                assert_eq!(d[i][j] == 0.0, archs[i] == archs[j]);
                for k in 0..archs.len() {
                    assert!(d[i][k] <= d[i][j] + d[j][k]);
                }
            }
        }
    }
}

#[test]
fn hamming_does_not_count_what_shifts() {
    let space = small()
        .then(repeat(1..=2, one_of([max_pool(2), conv(any([4, 8]), any([1, 3]))])))
        .then(linear(any([5, 6, 7])))
        .then(linear(any([5, 6, 7])));
    let d = |a: &[i32], b: &[i32]| {
        let [a, b] = [a, b].map(|d| space.decode(d.iter().copied()).unwrap());
        Distance::hamming().between(&a, &b).unwrap()
    };
    // The branch differs, and brings two choices with it; the layers after it are the same.
    assert_eq!(d(&[0, 0, 1, 2], &[0, 1, 0, 1, 1, 2]), 3.0);
    // One copy more: the depth, the branch in the copy, its two choices.
    assert_eq!(d(&[0, 0, 1, 2], &[1, 0, 1, 1, 1, 1, 2]), 4.0);
    assert_eq!(d(&[0, 0, 1, 2], &[0, 0, 2, 1]), 2.0);
}

proptest! {
    #[test]
    fn hamming_of_fixed_decisions_is_the_plain_one(
        options in prop::collection::vec(1usize..6, 1..9), seed: u64,
    ) {
        let space = Space::decisions(options);
        let mut rng = Rng::new(seed);
        let (a, b) = (space.sample(&mut rng).unwrap(), space.sample(&mut rng).unwrap());
        let plain = a.decisions().iter().zip(b.decisions()).filter(|(x, y)| **x != *y).count();
        prop_assert_eq!(Distance::hamming().between(&a, &b).unwrap(), plain as f64);
    }

    #[test]
    fn distances_are_symmetric_and_0_to_themselves(number in 0usize..10, seed: u64) {
        let space = &spaces()[number];
        let mut rng = Rng::new(seed);
        let (a, b) = (space.sample(&mut rng).unwrap(), space.sample(&mut rng).unwrap());
        for distance in [Distance::hamming(), Distance::edit(), Distance::weisfeiler_lehman(2)] {
            let d = distance.between(&a, &b).unwrap();
            prop_assert!(d >= 0.0 && (d - distance.between(&b, &a).unwrap()).abs() < 1e-12);
            prop_assert_eq!(distance.between(&a, &a).unwrap(), 0.0);
            prop_assert_eq!(distance.all(&[a.clone(), b.clone()]).unwrap()[0][1], d);
        }
    }
}

// ----------------------------------------------------------------------------------- neighbourhoods

/// b is a neighbour of a: one decision that both have differs, and those that only b has are at their
/// first option. The others that both have are the same.
fn is_neighbour(a: &[(String, Option<usize>)], b: &[(String, Option<usize>)]) -> bool {
    let changed = a.iter().zip(b).filter(|((_, x), (_, y))| x.is_some() && y.is_some() && x != y);
    let opened = a.iter().zip(b).filter(|((_, x), (_, y))| x.is_none() && y.is_some());
    changed.count() == 1 && opened.into_iter().all(|(_, (_, y))| *y == Some(0))
}

#[test]
fn neighbourhoods_are_exact() {
    for space in spaces() {
        let all: Vec<Architecture> = space.enumerate().collect();
        let places: Vec<_> = all.iter().map(|a| places(&space, a)).collect();
        // For large spaces, a sample at regular intervals.
        for (arch, here) in all.iter().zip(&places).step_by(1 + all.len() / 60) {
            let there = |i: &usize| is_neighbour(here, &places[*i]);
            let expected: HashSet<Vec<u32>> =
                (0..all.len()).filter(there).map(|i| all[i].decisions()).collect();
            let found = space.neighbours(arch).unwrap();
            let set: HashSet<Vec<u32>> = found.iter().map(|a| a.decisions()).collect();
            assert_eq!(set.len(), found.len(), "twice the same neighbour of {arch}");
            assert_eq!(set, expected, "neighbours of {arch}");
        }
    }
}

#[test]
fn neighbours_of_unconditional_spaces_are_those_at_distance_1() {
    let space = Space::decisions([3, 1, 4, 2]);
    let all: Vec<Architecture> = space.enumerate().collect();
    for a in &all {
        let near = |b: &&Architecture| Distance::hamming().between(a, b).unwrap() == 1.0;
        let expected: HashSet<Vec<u32>> = all.iter().filter(near).map(|b| b.decisions()).collect();
        let found: HashSet<Vec<u32>> =
            space.neighbours(a).unwrap().iter().map(|b| b.decisions()).collect();
        assert_eq!(found, expected);
        assert_eq!(found.len(), 2 + 3 + 1);
    }
    let space = cells201();
    for arch in space.enumerate().step_by(11) {
        let found = space.neighbours(&arch).unwrap();
        assert_eq!(found.len(), 24);
        assert!(found.iter().all(|b| Distance::hamming().between(&arch, b).unwrap() == 1.0));
        assert_eq!(found.iter().map(|b| b.decisions()).collect::<HashSet<_>>().len(), 24);
    }
}

// ------------------------------------------------------------------------------------------- edit

#[test]
fn edit_distances_worked_by_hand() {
    let d = |a: &Block, b: &Block| {
        let arch =
            |block: &Block| small().then(block).then(global_avg_pool()).default_architecture();
        Distance::edit().between(&arch(a).unwrap(), &arch(b).unwrap()).unwrap()
    };
    let near = |d: f64, expected: f64| assert!((d - expected).abs() < 1e-12, "{d}, not {expected}");
    let c = conv(4, 3);
    near(d(&c, &c), 0.0);
    // Width 4 and 8, kernel 3 and 5, stride 1 and 2.
    near(d(&c, &conv(8, 5).stride(2)), (0.5 + 0.4 + 0.5) / 3.0);
    near(d(&c, &c.activation("gelu")), 1.0 / 4.0);
    near(d(&c, &max_pool(2)), 1.0);
    near(d(&c, &seq([&c, &c])), 1.0);
    near(d(&seq([&c, &max_pool(2), &c]), &seq([&c, &c])), 1.0);
    // A skip is nothing.
    near(d(&seq([&c, &skip()]), &c), 0.0);
    // The skip connection from the input to the layer after it, 0 to 2.
    near(d(&c.residual(), &c), 1.0);
    // 0 to 2 and 1 to 3: one place apart, equally long.
    near(d(&seq([&c.residual(), &c]), &seq([&c, &c.residual()])), 1.0 / (1.0 + 2.0));
    // 0 to 2 and 0 to 3, around one and two layers, of which one is inserted.
    near(d(&c.residual(), &seq([&c, &c]).residual()), 1.0 + 1.0 / 3.0);
    // Added and concatenated: nothing in common.
    near(d(&c.residual(), &c.dense()), 1.0);
    // Two and one: 0 to 2 is matched with itself and not with 2 to 4.
    near(d(&seq([&c.residual(), &c, &c.residual()]), &seq([&c.residual(), &c, &c])), 1.0);
}

#[test]
fn edit_distances_of_cells_are_those_of_one_cell() {
    let space = cells201();
    let [a, b] = [[0, 0, 0, 3, 0, 0], [0, 0, 0, 2, 0, 0]].map(|d| space.decode(d).unwrap());
    // ReLU and a convolution, 3 x 3 and 1 x 1: width and stride the same.
    let d = Distance::edit().between(&a, &b).unwrap();
    assert!((d - (2.0 / 3.0) / 3.0).abs() < 1e-12, "{d}");
    // Networks of different spaces are compared as a whole: three cells of two layers more, and what
    // surrounds the two residual blocks has moved.
    let deep = Space::new([1, 8, 8], Task::classification(3)).then(presets::nas_bench_201(4, 2));
    let d = Distance::edit().between(&a, &deep.decode([0, 0, 0, 3, 0, 0]).unwrap()).unwrap();
    assert!(d > 6.0 && d < 8.0, "{d}");
}

// ------------------------------------------------------------------------------ Weisfeiler-Lehman

#[test]
fn weisfeiler_lehman_worked_by_hand() {
    let arch = |text: &str| vectors().then(repeat(1..=2, linear(any([4, 8])))).parse(text).unwrap();
    let d = |h: i32, a: &str, b: &str| {
        Distance::weisfeiler_lehman(h).between(&arch(a), &arch(b)).unwrap()
    };
    let near = |d: f64, k: f64| assert!((d - (2.0 - 2.0 * k).sqrt()).abs() < 1e-12, "{d}, {k}");
    // Of four nodes, input, head and output are the same; together with their readers, head and output.
    near(d(0, "linear(8)", "linear(4)"), 3.0 / 4.0);
    near(d(1, "linear(8)", "linear(4)"), 5.0 / 8.0);
    // (1, 2, 1, 1) and (1, 1, 1, 1).
    near(d(0, "linear(8)>linear(8)", "linear(8)"), 5.0 / (7.0 * 4.0f64).sqrt());
    // One more step: input>8, 8>8, 8>head, head>output, output; without the second of them.
    near(d(1, "linear(8)>linear(8)", "linear(8)"), 9.0 / (12.0 * 8.0f64).sqrt());
}

#[test]
fn features_are_the_same_where_networks_are() {
    let space = cells201();
    let mut of: HashMap<u64, Vec<(u64, usize)>> = HashMap::new();
    let mut kinds = HashSet::new();
    for arch in space.enumerate() {
        let features = arch.wl_features(3).unwrap();
        assert!(features.windows(2).all(|w| w[0].0 < w[1].0) && features.iter().all(|f| f.1 > 0));
        assert_eq!(*of.entry(arch.canonical()).or_insert(features.clone()), features, "{arch}");
        kinds.insert(features);
    }
    // Almost all of the 5,425 networks have features of their own.
    assert!(kinds.len() > 4_900, "{}", kinds.len());
    // The cell alone is taken: a deeper network has the same features.
    let deep = Space::new([1, 8, 8], Task::classification(3)).then(presets::nas_bench_201(4, 3));
    let code = [3, 1, 2, 4, 3, 3];
    let [a, b] = [&space, &deep].map(|s| s.decode(code).unwrap());
    assert_eq!(a.wl_features(2).unwrap(), b.wl_features(2).unwrap());
    // But as networks they are not the same.
    assert!(Distance::weisfeiler_lehman(2).between(&a, &b).unwrap() > 0.0);
}

#[test]
fn weisfeiler_lehman_is_a_metric_of_features() {
    let distance = Distance::weisfeiler_lehman(2);
    for space in spaces().into_iter().filter(|s| s.input().elements() > 1) {
        let archs = some(&space, 25);
        let d = distance.all(&archs).unwrap();
        for i in 0..archs.len() {
            for j in 0..archs.len() {
                assert!(d[i][j] <= 2f64.sqrt() + 1e-12);
                for k in 0..archs.len() {
                    assert!(
                        d[i][k] <= d[i][j] + d[j][k] + 1e-7,
                        "{} {} {}",
                        d[i][k],
                        d[i][j],
                        d[j][k]
                    );
                }
            }
        }
    }
}

// ----------------------------------------------------------------------------------------- errors

#[test]
fn what_cannot_be_compared_says_what_can() {
    let bare = Space::decisions([3, 3]);
    let [a, b] = [[0, 1], [2, 1]].map(|d| bare.decode(d).unwrap());
    assert_eq!(Distance::hamming().between(&a, &b).unwrap(), 1.0);
    for distance in [Distance::edit(), Distance::weisfeiler_lehman(1)] {
        says(distance.between(&a, &b), &["decisions alone", "Try Distance::hamming()"]);
        says(distance.all(&[a.clone(), b.clone()]), &["decisions alone"]);
    }
    let one = vectors().then(linear(any([4, 8])));
    let other = vectors().then(linear(any([4, 16])));
    let [x, y] = [&one, &other].map(|s| s.decode([1]).unwrap());
    says(Distance::hamming().between(&x, &y), &["different choices", "Try Distance::edit()"]);
    says(Distance::hamming().all(&[x.clone(), y.clone()]), &["different choices"]);
    assert_eq!(Distance::edit().between(&x, &y).unwrap(), 0.5);
    // Limits do not change what the choices are.
    let limited = one.at_most(Params(1000)).decode([0]).unwrap();
    assert_eq!(Distance::hamming().between(&x, &limited).unwrap(), 1.0);
    // An architecture over a limit is a network all the same.
    let over = one.at_most(Params(60)).decode([1]).unwrap();
    assert!(over.check().is_err());
    assert_eq!(Distance::weisfeiler_lehman(2).between(&x, &over).unwrap(), 0.0);
    for h in [-1, 1000] {
        says(Distance::weisfeiler_lehman(h).between(&x, &x), &[&h.to_string(), "0 to 100"]);
        says(x.wl_features(h), &["0 to 100"]);
    }
    let misfit = Space::new([1, 2, 2], Task::classification(2)).then(repeat(1..=3, max_pool(2)));
    let misfit = misfit.decode([2]).unwrap();
    assert!(Distance::edit().between(&misfit, &misfit).is_err());
    assert!(misfit.wl_features(1).is_err());
    assert_eq!(Distance::hamming().between(&misfit, &misfit).unwrap(), 0.0);
    assert!(Distance::edit().all(&[]).unwrap().is_empty());
    assert_eq!(
        Distance::weisfeiler_lehman(2).to_string(),
        "Weisfeiler-Lehman distance, 2 iterations"
    );
}

/// A shared block that stands alone, and inside another one as well.
#[test]
fn shared_blocks_inside_shared_blocks() {
    let inner = shared("inner", one_of([conv(same(), 3), conv(same(), 5)]));
    let outer = shared("outer", one_of([conv(same(), 3), inner.clone()]));
    let space = small().then(&outer).then(&inner);
    let at = |decisions: [u32; 2]| space.decode(decisions).unwrap();
    // conv3 > conv3 in two ways, conv3 > conv5, conv5 > conv5.
    let (a, b, c, d) = (at([0, 1]), at([1, 0]), at([0, 0]), at([1, 1]));
    assert_eq!(a.canonical(), c.canonical());
    assert_eq!([&a, &b, &d].map(Architecture::canonical).iter().collect::<HashSet<_>>().len(), 3);
    for distance in [Distance::edit(), Distance::weisfeiler_lehman(2)] {
        let between = |x: &Architecture, y: &Architecture| distance.between(x, y).unwrap();
        assert_eq!(between(&a, &c), 0.0, "{distance}");
        assert!(between(&a, &b) > 0.0 && between(&b, &d) > 0.0, "{distance}");
    }
}

/// x + x, added to itself again and again, and concatenated.
#[test]
fn what_doubles_at_every_step_does_not_grow_without_bounds() {
    let op = one_of([skip(), conv(same(), 3)]);
    let sums = small().then(repeat(30, op.residual()));
    let (doubled, other) = (sums.default_architecture().unwrap(), sums.decode([1; 30]).unwrap());
    assert_ne!(doubled.canonical(), other.canonical());
    assert!(Distance::weisfeiler_lehman(2).between(&doubled, &other).unwrap() > 0.0);
    says(Distance::edit().between(&doubled, &other), &["skip connections", "at most 1000"]);
    let twice = concat([skip(), one_of([skip(), conv(same(), 1)])]);
    let wide = small().then(repeat(12, twice));
    let widest = wide.default_architecture().unwrap();
    says(Distance::edit().between(&widest, &widest), &["at most 1000", "hamming"]);
}
