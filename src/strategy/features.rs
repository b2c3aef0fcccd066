//! What surrogates see of an architecture.
//!
//! [`Features`] are for kernels: the options taken, by their place in the tree of choices, and the
//! Weisfeiler-Lehman features of the graph. A space of decisions alone has no graph. There we use the
//! counterpart of zero iterations: how often each option occurs among the decisions with the same number of
//! options ("operation counts"). [`Columns`] are for trees and networks: the columns of an encoding that
//! are 1.

use crate::rng::Rng;
use crate::space::{Architecture, Encoding, Space};
use crate::surrogate::{Units, distance};
use crate::tree::places::Taken;
use std::collections::HashMap;

/// How often each thing occurs, sorted.
type Counts = Vec<(u64, usize)>;

#[derive(Clone, Debug, Default)]
pub(crate) struct Features {
    /// Place and option, in order of place.
    places: Vec<(usize, u32)>,
    /// The Weisfeiler-Lehman features of every iteration, with the sum of squares up to it.
    steps: Vec<(Counts, f64)>,
    /// Graph features, and parameters and operations, as a [`Ruler`] measures them.
    numbers: Vec<f64>,
    size: Vec<f64>,
}

/// How many random architectures tell the spread of a column.
const SPREAD: usize = 300;

/// Graph features and sizes in units of their spread in a space: the standard deviation over random
/// architectures. Columns that do not differ are left out, as are the sizes of decisions alone, which have none.
pub(crate) struct Ruler {
    encoding: Encoding,
    numbers: Units,
    size: Units,
}

impl Ruler {
    pub(crate) fn of(space: &Space) -> Ruler {
        let (encoding, mut rng) = (Encoding::graf(), Rng::from_u64(0).stream("ruler", 0));
        let drawn = (0..SPREAD).map_while(|_| space.sample(&mut rng).ok());
        let rows = drawn.map(|arch| (numbers(&encoding, &arch), size(&arch)));
        let (x, sizes): (Vec<Vec<f64>>, Vec<Vec<f64>>) = rows.unzip();
        Ruler { encoding, numbers: Units::of(&x), size: Units::of(&sizes) }
    }

    /// Adds what is measured of an architecture to its features.
    pub(crate) fn measure(&self, arch: &Architecture, features: &mut Features) {
        features.numbers = self.numbers.apply(&numbers(&self.encoding, arch));
        features.size = self.size.apply(&size(arch));
    }
}

/// The layers of a proposal fit together, and every space has graph features.
fn numbers(encoding: &Encoding, arch: &Architecture) -> Vec<f64> {
    encoding.of(arch).unwrap_or_default().into_iter().map(f64::from).collect()
}

fn size(arch: &Architecture) -> Vec<f64> {
    vec![arch.params() as f64, arch.flops() as f64]
}

impl Features {
    /// With the features of 0 to `iterations` iterations, if any.
    pub(crate) fn of(arch: &Architecture, iterations: Option<usize>) -> Features {
        let space = arch.of_space();
        let taken = taken(arch);
        let places = taken.iter().map(|t| (t.at, t.pick)).collect();
        let counts = match iterations {
            None => vec![],
            Some(_) if space.is_decisions() => {
                let mut all: Vec<u64> =
                    taken.iter().map(|t| u64::from(t.options) << 32 | u64::from(t.pick)).collect();
                all.sort_unstable();
                let runs = all.chunk_by(|a, b| a == b);
                vec![runs.filter_map(|run| Some((*run.first()?, run.len()))).collect()]
            }
            // The layers of a proposal fit together, so there is a graph.
            Some(h) => arch.wl_steps(h, false).unwrap_or_else(|_| vec![vec![]; h + 1]),
        };
        let mut sum = 0.0;
        let step = |counts: Counts| {
            sum += dot(&counts, &counts);
            (counts, sum)
        };
        let steps = counts.into_iter().map(step).collect();
        Features { places, steps, ..Features::default() }
    }

    /// How far the measured graph features are apart, and the sizes; and the product of the sizes.
    pub(crate) fn measured(&self, other: &Features) -> [f64; 3] {
        let (a, b) = (&self.size, &other.size);
        let product: f64 = a.iter().zip(b).map(|(a, b)| a * b).sum();
        let product = product / a.len().max(1) as f64;
        [distance(&self.numbers, &other.numbers), distance(a, b), product]
    }

    /// In how many places two architectures differ, as `Distance::hamming` counts them.
    pub(crate) fn hamming(&self, other: &Features) -> f64 {
        let (a, b) = (&self.places, &other.places);
        // Usually both have the same places.
        let same = a.len() == b.len() && a.iter().zip(b).all(|(x, y)| x.0 == y.0);
        if same {
            return a.iter().zip(b).filter(|(x, y)| x.1 != y.1).count() as f64;
        }
        let (mut i, mut j, mut differ) = (0, 0, 0);
        while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
            differ += usize::from(x != y);
            i += usize::from(x.0 <= y.0);
            j += usize::from(y.0 <= x.0);
        }
        (differ + a.len() - i + b.len() - j) as f64
    }

    /// 1 - the normalised product of the features up to every iteration.
    pub(crate) fn weisfeiler_lehman(&self, other: &Features) -> impl Iterator<Item = f64> {
        let mut sum = 0.0;
        self.steps.iter().zip(&other.steps).map(move |((a, aa), (b, bb))| {
            sum += dot(a, b);
            let norm = (aa * bb).sqrt();
            if norm > 0.0 { (1.0 - sum / norm).max(0.0) } else { 0.0 }
        })
    }
}

/// The dot product of two sorted lists.
fn dot(a: &Counts, b: &Counts) -> f64 {
    let (mut i, mut j, mut sum) = (0, 0, 0);
    while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
        if x.0 == y.0 {
            sum += x.1 * y.1;
        }
        i += usize::from(x.0 <= y.0);
        j += usize::from(y.0 <= x.0);
    }
    sum as f64
}

/// The columns that architectures have, numbered as they are first seen.
#[derive(Clone, Debug)]
pub(crate) struct Columns {
    /// `None` for the one-hot encoding.
    encoding: Option<Encoding>,
    numbers: HashMap<usize, u32>,
}

impl Columns {
    /// Of the one-hot encoding.
    pub(crate) fn one_hot() -> Columns {
        Columns { encoding: None, numbers: HashMap::new() }
    }

    /// Of the path encoding if the space has one, otherwise of the one-hot encoding.
    pub(crate) fn path(space: &Space) -> Columns {
        let path = Encoding::path();
        let fits = path.width(space).is_ok();
        Columns { encoding: fits.then_some(path), numbers: HashMap::new() }
    }

    /// How many columns have been seen.
    pub(crate) fn width(&self) -> usize {
        self.numbers.len()
    }

    /// The columns of an architecture, new ones included.
    pub(crate) fn meet(&mut self, arch: &Architecture) -> Vec<u32> {
        let all = self.all(arch);
        let number = |column| {
            let next = self.numbers.len() as u32;
            *self.numbers.entry(column).or_insert(next)
        };
        all.into_iter().map(number).collect()
    }

    /// Those columns of an architecture that were seen before.
    pub(crate) fn of(&self, arch: &Architecture) -> Vec<u32> {
        let all = self.all(arch);
        all.into_iter().filter_map(|column| self.numbers.get(&column).copied()).collect()
    }

    fn all(&self, arch: &Architecture) -> Vec<usize> {
        let encoded = self.encoding.as_ref().and_then(|encoding| encoding.of(arch).ok());
        if let Some(x) = encoded {
            return (0..x.len()).filter(|&i| x[i] > 0.0).collect();
        }
        one_hot(arch)
    }
}

/// The options that an architecture has taken.
fn taken(arch: &Architecture) -> Vec<Taken> {
    let mut taken = vec![];
    arch.of_space().places().taken(&mut arch.decided().iter(), 0, &mut taken);
    taken
}

/// The columns of the one-hot encoding that are 1.
pub(super) fn one_hot(arch: &Architecture) -> Vec<usize> {
    taken(arch).iter().map(|t| t.at.wrapping_add(t.pick as usize)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;

    /// Spaces whose choices open others.
    fn spaces() -> Vec<Space> {
        let branch = || one_of([conv(any([4, 8]), any([3, 5])), max_pool(2), skip()]);
        vec![
            Space::decisions([2, 5, 3]),
            Space::new([1, 8, 8], Task::classification(2))
                .then(repeat(0..=3, branch()))
                .then(branch()),
            Space::new([8], Task::classification(2))
                .then(repeat(1..=2, repeat(1..=2, linear(any([4, 8]))))),
            Space::on(&Dataset::digits()).then(presets::nas_bench_201(4, 1)),
        ]
    }

    #[test]
    fn they_agree_with_the_distances_and_the_encoding() {
        for space in spaces() {
            let mut rng = Rng::new(3);
            let archs: Vec<_> = (0..30).map(|_| space.sample(&mut rng).unwrap()).collect();
            let features: Vec<_> = archs.iter().map(|a| Features::of(a, Some(2))).collect();
            for (a, x) in archs.iter().zip(&features) {
                let mut columns = Columns::one_hot().all(a);
                columns.sort_unstable();
                let one_hot = Encoding::one_hot().of(a).unwrap();
                let ones: Vec<_> = (0..one_hot.len()).filter(|&i| one_hot[i] == 1.0).collect();
                assert_eq!(columns, ones);
                for (b, y) in archs.iter().zip(&features) {
                    assert_eq!(x.hamming(y), Distance::hamming().between(a, b).unwrap(), "{a} {b}");
                    for (h, d) in x.weisfeiler_lehman(y).enumerate() {
                        let Ok(known) = Distance::weisfeiler_lehman(h).between(a, b) else {
                            continue;
                        };
                        assert!((d - known * known / 2.0).abs() < 1e-12, "{a} {b}: {d}, {known}");
                    }
                }
            }
        }
    }

    #[test]
    fn without_a_graph_options_are_counted() {
        let space = Space::decisions([3, 3, 2, 3]);
        let of = |d: [u32; 4]| Features::of(&space.decode(d).unwrap(), Some(2));
        let d = |a: [u32; 4], b| of(a).weisfeiler_lehman(&of(b)).collect::<Vec<_>>();
        // The order among decisions with three options does not matter, that of others does.
        assert_eq!(d([0, 0, 1, 2], [2, 0, 1, 0]), [0.0]);
        // (2, 0, 1 | 0, 1) and (1, 1, 1 | 1, 0): 3 / sqrt(6 * 4).
        assert!((d([0, 0, 1, 2], [0, 1, 0, 2])[0] - (1.0 - 3.0 / 24f64.sqrt())).abs() < 1e-15);
    }
}
