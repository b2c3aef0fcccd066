//! The features of a graph of operations: see `graf.rs` for what they are and for the paper.

/// The operations of a graph, and the sets of them that there are features of.
pub(super) struct Kinds {
    /// Where it is: the name of the cell.
    place: String,
    names: Vec<String>,
    /// Of each set: which operations are in it.
    sets: Vec<Vec<bool>>,
    inputs: usize,
    /// How many operations the longest path has; nothing where that depends on the architecture.
    longest: Option<usize>,
    /// What may be without effect: edges or vertices; nothing where that is not counted.
    idle: Option<(&'static str, usize)>,
}

/// The most operations that have features for all subsets, and for pairs.
const ALL_SUBSETS: usize = 7;
const PAIRS: usize = 16;

/// What flows where: the inputs, then operations, sums and the output, each behind what it reads.
#[derive(Default)]
pub(super) struct Flow {
    /// Nothing for an input, a sum, and the output, which is the last one.
    kind: Vec<Option<usize>>,
    /// Where the list of what each reads ends.
    ends: Vec<usize>,
    reads: Vec<usize>,
}

impl Flow {
    /// The vertex that reads these.
    pub(super) fn push(&mut self, kind: Option<usize>, reads: &[usize]) -> usize {
        self.kind.push(kind);
        self.reads.extend_from_slice(reads);
        self.ends.push(self.reads.len());
        self.kind.len() - 1
    }

    fn read(&self, v: usize) -> &[usize] {
        let begin = v.checked_sub(1).map_or(0, |u| self.ends[u]);
        &self.reads[begin..self.ends[v]]
    }

    /// Which vertices are on a path from an input to the output.
    fn live(&self, inputs: usize) -> Vec<bool> {
        let n = self.kind.len();
        let mut reached = vec![false; n];
        for v in 0..n {
            reached[v] = v < inputs || self.read(v).iter().any(|&u| reached[u]);
        }
        let mut used = vec![false; n];
        used[n - 1] = reached[n - 1];
        for v in (0..n).rev().filter(|&v| reached[v]) {
            if used[v] {
                self.read(v).iter().filter(|&&u| reached[u]).for_each(|&u| used[u] = true);
            }
        }
        used
    }
}

impl Kinds {
    pub(super) fn new(
        place: String,
        names: Vec<String>,
        inputs: usize,
        longest: Option<usize>,
        idle: Option<(&'static str, usize)>,
    ) -> Kinds {
        let place = if place.is_empty() { "cell".to_string() } else { place };
        let sets = sets(names.len());
        Kinds { place, names, sets, inputs, longest, idle }
    }

    pub(super) fn width(&self) -> usize {
        let of_a_set = 5 + self.inputs;
        self.names.len() + usize::from(self.idle.is_some()) + self.sets.len() * of_a_set
    }

    /// Appends the features of a graph.
    pub(super) fn features(&self, flow: &Flow, out: &mut Vec<f32>) {
        let (q, inputs, n) = (self.names.len(), self.inputs, flow.kind.len());
        let (live, output) = (flow.live(inputs), n - 1);
        let kind = |v: usize| flow.kind[v].filter(|_| live[v]);
        let mut count = vec![0.0f32; q];
        (0..n).filter_map(kind).for_each(|k| count[k] += 1.0);
        let operations: f32 = count.iter().sum();
        out.extend(&count);
        out.extend(self.idle.map(|(_, all)| all as f32 - operations));

        // Degrees, by kind: of sets they are sums.
        let (mut input, mut end) = (vec![0.0f32; inputs * q], vec![0.0f32; q]);
        let (mut read, mut readers) = (vec![0.0f32; q], vec![0.0f32; q]);
        // What the value of each vertex comes from: operations and inputs, through sums.
        let mut sources: Vec<Vec<usize>> = vec![vec![]; n];
        let mut seen = vec![];
        for v in (0..n).filter(|&v| live[v]) {
            seen.clear();
            for &u in flow.read(v).iter().filter(|&&u| live[u]) {
                seen.extend_from_slice(&sources[u]);
            }
            seen.sort_unstable();
            seen.dedup();
            let reader = kind(v);
            if v >= inputs && (reader.is_some() || v == output) {
                for &u in &seen {
                    if let Some(k) = kind(u) {
                        read[k] += 1.0;
                        end[k] += if v == output { 1.0 } else { 0.0 };
                    }
                    if let Some(k) = reader {
                        readers[k] += 1.0;
                        if u < inputs {
                            input[u * q + k] += 1.0;
                        }
                    }
                }
            }
            match v < inputs || reader.is_some() {
                true => sources[v] = vec![v],
                false => sources[v].clone_from(&seen),
            }
        }
        let entered = (0..inputs).filter(|&v| live[v]).count() as f32;
        let (takers, givers) = (operations + 1.0, (operations + entered).max(1.0));
        let none = self.longest.unwrap_or(operations as usize) + 1;
        let (mut least, mut most) = (vec![usize::MAX; n], vec![0; n]);
        for set in &self.sets {
            for v in (0..n).filter(|&v| live[v]) {
                let reads = || flow.read(v).iter().filter(|&&u| live[u]);
                if v < inputs {
                    (least[v], most[v]) = (0, 0);
                    continue;
                }
                let (fewest, longest) =
                    (reads().map(|&u| least[u]).min(), reads().map(|&u| most[u]).max());
                let (fewest, longest) = (fewest.unwrap_or(usize::MAX), longest.unwrap_or(0));
                (least[v], most[v]) = match kind(v) {
                    None => (fewest, longest),
                    Some(k) if set[k] => (fewest.saturating_add(1), longest + 1),
                    Some(_) => (usize::MAX, longest),
                };
            }
            let (fewest, longest) =
                if live[output] { (least[output], most[output]) } else { (usize::MAX, 0) };
            out.push(fewest.min(none) as f32);
            out.push(longest as f32);
            let sum =
                |of: &[f32]| of.iter().zip(set).filter(|(_, s)| **s).map(|(x, _)| x).sum::<f32>();
            out.extend((0..inputs).map(|i| sum(&input[i * q..(i + 1) * q])));
            out.push(sum(&end));
            out.push(sum(&read) / takers);
            out.push(sum(&readers) / givers);
        }
    }

    /// Appends what every column stands for.
    pub(super) fn names(&self, out: &mut Vec<String>) {
        let at = |what: String| format!("{}: {what}", self.place);
        out.extend(self.names.iter().map(|name| at(format!("number of {name}"))));
        out.extend(self.idle.map(|(what, _)| at(format!("{what} without effect"))));
        for set in &self.sets {
            let named =
                self.names.iter().zip(set).filter(|(_, s)| **s).map(|(name, _)| name.as_str());
            let named: Vec<&str> = named.collect();
            let which = match named.len() == self.names.len() && named.len() > 1 {
                true => "any operation".to_string(),
                false => named.join(" or "),
            };
            out.push(at(format!("shortest path of {which} alone")));
            out.push(at(format!("most of {which} on a path")));
            for i in 0..self.inputs {
                let input = if self.inputs > 1 { format!("input {i}") } else { "the input".into() };
                out.push(at(format!("{which} that read {input}")));
            }
            out.push(at(format!("{which} that the output reads")));
            out.push(at(format!("{which} that are read, on average")));
            out.push(at(format!("{which} that read a result, on average")));
        }
    }
}

/// The sets of `q` operations that there are features of: single ones first.
fn sets(q: usize) -> Vec<Vec<bool>> {
    let of = |keep: &dyn Fn(usize) -> bool| (0..q).map(keep).collect::<Vec<bool>>();
    let mut sets: Vec<Vec<bool>> = match q {
        0..=ALL_SUBSETS => (1..1usize << q).map(|bits| of(&|i| bits >> i & 1 == 1)).collect(),
        _ => {
            let mut found: Vec<Vec<bool>> = (0..q).map(|a| of(&|i| i == a)).collect();
            if q <= PAIRS {
                let pairs = (0..q).flat_map(|a| (a + 1..q).map(move |b| (a, b)));
                found.extend(pairs.map(|(a, b)| of(&|i| i == a || i == b)));
                found.extend((0..q).map(|a| of(&|i| i != a)));
            }
            found.push(of(&|_| true));
            found
        }
    };
    sets.sort_by_key(|set| set.iter().filter(|s| **s).count());
    sets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sets_are_all_subsets_of_few_operations_and_some_of_many() {
        let of = |q| sets(q).iter().map(|s| s.iter().filter(|b| **b).count()).collect::<Vec<_>>();
        assert_eq!(of(3), [1, 1, 1, 2, 2, 2, 3]);
        assert_eq!((of(0).len(), of(1).len(), of(7).len()), (0, 1, 127));
        assert_eq!(of(8).len(), 8 + 28 + 8 + 1);
        assert_eq!(of(20).len(), 21);
    }
}
