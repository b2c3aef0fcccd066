//! A freely wired cell: the search decides which vertices are connected, and what each of them
//! computes.
//!
//! Ying et al., "NAS-Bench-101: Towards Reproducible Neural Architecture Search", arXiv 1902.09635:
//! a module is a directed acyclic graph of `V` vertices and at most `E` edges, `V = 7` and `E = 9` in
//! the benchmark. Vertex 0 is the input, the last vertex is the output, and an operation is chosen for
//! each of the others; the matrix of edges is upper triangular, so that there are no cycles.
//!
//! ```text
//! prune what is not on a path from the input to the output; at most E edges are left
//! x_0        = the input
//! x_v        = op_v( sum of x_u truncated to c_v channels, u > 0, and of proj(x_0, c_v), for u -> v )
//! x_{V-1}    = concatenation of the x_v with v -> V-1, v > 0      (if there are any)
//!              + proj(x_0, c)                                     (if 0 -> V-1)
//! proj(x, c) = ReLU(BN(1x1 convolution of x to c channels))
//! c_v        = c / k for the k vertices in that concatenation, one more for the first c mod k;
//!              max c_u over v -> u for the others
//! ```
//!
//! The operations are on the vertices, whereas those of [`cell`](crate::cell) are on the edges.

use crate::count::Count;
use crate::error::{Error, ErrorKind};
use crate::tree::block::{Block, IntoBlock, Node};
use crate::tree::choice;
use crate::words::plural;
use serde::{Deserialize, Serialize};

/// More vertices than this must be a mistake: there are 2^120 matrices of this size already.
pub(crate) const MOST_VERTICES: usize = 16;

/// A cell whose wiring the search decides: `vertices` vertices, the first of which is the input and the
/// last the output, at most `most_edges` edges, and a block chosen from `op` on every vertex between.
/// The space of NAS-Bench-101 (arXiv 1902.09635) consists of such cells.
///
/// Its decisions are the matrix of edges row by row (0 to 1, 0 to 2, ..., 1 to 2, ...), each yes or no,
/// and then those of `op` for every vertex between. Vertices that are not on a path from the input to
/// the output are left out; the limit applies to the remaining edges. A vertex applies `op` to the sum
/// of its inputs. The vertices that lead to the output share its channels, of which there are as many
/// as in the input (see [`Block::channels`]): write `op` with [`same`](crate::same) channels.
///
/// [`Space::size`](crate::Space::size) counts the raw combinations of decisions, including those that
/// are not networks. Sampling and enumerating leave these out, but yield a network as often as there
/// are ways to write it: with other numbers for its vertices, or with vertices that are left out.
/// [`Architecture::canonical`](crate::Architecture::canonical) tells which are the same. Where the
/// channels cannot be shared equally, it ignores which of the vertices has one channel more.
///
/// ```
/// use nascent::prelude::*;
/// let op = one_of([conv(same(), 3), conv(same(), 1), max_pool(3).stride(1).padding(1)]);
/// let space = Space::new([8, 6, 6], Task::classification(10)).then(wired(4, 5, op));
/// assert_eq!(space.size(), Some(2u128.pow(6) * 3 * 3));
/// // 0 to 1, 0 to 2, 1 to 3, 2 to 3: two branches side by side, of 4 channels each.
/// let arch = space.decode([1, 1, 0, 0, 1, 1, 0, 2])?;
/// assert_eq!(arch.to_string(), "wired(conv(same,3)~0;max_pool(3,stride=1,padding=1)~0;~1~2)");
/// assert_eq!(arch.layers()[4].shape.dims(), [4, 6, 6]);
/// // No edge to the output.
/// let e = space.decode([1, 1, 0, 0, 0, 0, 0, 2])?.check().unwrap_err();
/// assert!(e.to_string().contains("no path"));
/// # Ok::<(), nascent::Error>(())
/// ```
pub fn wired(vertices: impl Count, most_edges: impl Count, op: impl IntoBlock) -> Block {
    Block::new(Node::Wired(Wired::new(vertices.to_size(), most_edges.to_size(), op.into_block())))
}

impl Block {
    /// The number of output channels of a [`wired`] cell, or of a shared one; by default as many as the
    /// input has. A cell that stands in several places may be wider in some of them.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let motif = shared("motif", wired(3, 3, conv(same(), 3)));
    /// let space = Space::new([8, 6, 6], Task::classification(10))
    ///     .then(&motif).then(max_pool(2)).then(motif.channels(16));
    /// let arch = space.decode([0, 1, 0])?; // from the input to the output
    /// assert_eq!(arch.layers()[3].shape.dims(), [16, 3, 3]);
    /// # Ok::<(), nascent::Error>(())
    /// ```
    pub fn channels(&self, channels: impl Count) -> Block {
        let channels = channels.to_i64();
        let block = match &*self.0 {
            Node::Wide { block, .. } => block.clone(),
            _ => self.clone(),
        };
        let is_wired = match &*block.0 {
            Node::Shared { block, .. } => matches!(*block.0, Node::Wired(_)),
            node => matches!(node, Node::Wired(_)),
        };
        let problem = match (is_wired, &*block.0) {
            (_, Node::Broken { .. }) => return block,
            (false, _) => format!(
                "channels({channels}) is for a wired cell, and this is {block}. Say it at the layer \
                 instead, as conv(16, 3)."
            ),
            (true, _) if !(1..=MOST_CHANNELS).contains(&channels) => format!(
                "a wired cell of {channels} channels; 1 to {MOST_CHANNELS} are allowed. Try channels(16)."
            ),
            (true, _) => return Block::new(Node::Wide { channels: channels as usize, block }),
        };
        block.broken(problem)
    }
}

/// The most channels of a layer.
const MOST_CHANNELS: i64 = 65_536;

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(from = "Stored")]
pub(crate) struct Wired {
    pub(crate) vertices: usize,
    pub(crate) most_edges: usize,
    /// The block on each vertex except the first and the last.
    pub(crate) op: Block,
    /// The blocks with the decisions, in order: yes or no for every edge, then the operations.
    #[serde(skip)]
    parts: Vec<Block>,
}

/// A wired cell as it is stored.
#[derive(Deserialize)]
struct Stored {
    vertices: usize,
    most_edges: usize,
    op: Block,
}

impl From<Stored> for Wired {
    fn from(s: Stored) -> Wired {
        Wired::new(s.vertices, s.most_edges, s.op)
    }
}

impl Wired {
    fn new(vertices: usize, most_edges: usize, op: Block) -> Wired {
        let mut parts = vec![];
        if (2..=MOST_VERTICES).contains(&vertices) {
            parts = vec![choice(0..2); vertices * (vertices - 1) / 2];
            parts.extend(vec![op.clone(); vertices - 2]);
        }
        Wired { vertices, most_edges, op, parts }
    }

    /// The blocks with the decisions, in order.
    pub(crate) fn parts(&self) -> &[Block] {
        &self.parts
    }

    /// The number of possible edges.
    pub(crate) fn pairs(&self) -> usize {
        self.parts.len() - self.parts.len().min(self.vertices.saturating_sub(2))
    }

    /// A description in a few words.
    pub(crate) fn label(&self) -> String {
        format!("{}, at most {}", vertices(self.vertices), plural(self.most_edges, "edge"))
    }

    pub(crate) fn problems(&self) -> Vec<String> {
        let mut found = vec![];
        if !(2..=MOST_VERTICES).contains(&self.vertices) {
            found.push(format!(
                "a wired cell of {}; 2 to {MOST_VERTICES} are allowed, input and output \
                 included. Try wired(7, 9, ...).",
                vertices(self.vertices)
            ));
        }
        if self.most_edges == 0 {
            let text = "a wired cell of at most 0 edges: nothing would lead to its output. Try \
                        wired(7, 9, ...).";
            found.push(text.into());
        }
        found
    }

    /// The wiring for these decisions, 0 or 1 for each edge, without what leads nowhere; `None` if it is
    /// not valid.
    pub(crate) fn pruned(&self, edges: &[u32]) -> Option<Matrix> {
        let pruned = Matrix::of(self.vertices, edges).pruned();
        (pruned.live() != 0 && pruned.edges() <= self.most_edges).then_some(pruned)
    }

    /// Why the wiring for these decisions is not valid, and how many of them settle this whatever the
    /// later ones are.
    pub(crate) fn fault(&self, edges: &[u32]) -> (Error, usize) {
        let all = Matrix::of(self.vertices, edges);
        let (n, most) = (self.vertices, self.most_edges);
        // More edges never take anything off a path: the later decisions can at best add all of their
        // edges, and at least none.
        let settled = |hopeless: &dyn Fn(Matrix) -> bool, rest: bool| {
            let taken = edges.iter().map(|&edge| edge == 1);
            let begin = |k: usize| taken.clone().take(k).chain(std::iter::repeat(rest));
            let at = |k: usize| Matrix::from_edges(n, begin(k));
            (0..edges.len()).find(|&k| hopeless(at(k))).unwrap_or(edges.len())
        };
        let pruned = all.pruned();
        if pruned.live() == 0 {
            let shown = match all.edges() {
                0 => "there are no edges".to_string(),
                _ => format!("its edges are {all}"),
            };
            let text = format!(
                "a wired cell with no path from its input, vertex 0, to its output, vertex {0}: \
                 {shown}. Try an edge 0-{0}",
                n - 1
            );
            return (Error::new(ErrorKind::Shape, text), settled(&|m| m.live() == 0, true));
        }
        let text = format!(
            "a wired cell of {} edges: at most {most} are allowed, not counting those that lead \
             nowhere. Try leaving out some of {pruned}",
            pruned.edges()
        );
        (Error::new(ErrorKind::Shape, text), settled(&|m| m.pruned().edges() > most, false))
    }
}

/// "1 vertex", "7 vertices".
fn vertices(n: usize) -> String {
    if n == 1 { "1 vertex".to_string() } else { format!("{n} vertices") }
}

/// All pairs of `n` vertices, in the order of the decisions.
pub(crate) fn pairs(n: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..n).flat_map(move |from| (from + 1..n).map(move |to| (from, to)))
}

/// A set of vertices, one bit each.
type Set = u16;

/// Which vertices are connected: an upper triangular matrix, one row per vertex.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Matrix {
    n: usize,
    rows: [Set; MOST_VERTICES],
}

impl Matrix {
    /// The matrix with these edges, given row by row; any that are missing are absent.
    fn from_edges(n: usize, edges: impl Iterator<Item = bool>) -> Matrix {
        let mut matrix = Matrix { n, rows: [0; MOST_VERTICES] };
        for ((from, to), _) in pairs(n).zip(edges).filter(|(_, edge)| *edge) {
            matrix.rows[from] |= 1 << to;
        }
        matrix
    }

    pub(crate) fn of(n: usize, edges: &[u32]) -> Matrix {
        Matrix::from_edges(n, edges.iter().map(|&edge| edge == 1))
    }

    pub(crate) fn has(&self, from: usize, to: usize) -> bool {
        self.rows[from] >> to & 1 == 1
    }

    /// The vertices that a vertex reads.
    pub(crate) fn sources(&self, to: usize) -> impl Iterator<Item = usize> {
        let matrix = *self;
        (0..to).filter(move |&from| matrix.has(from, to))
    }

    pub(crate) fn edges(&self) -> usize {
        self.rows.iter().map(|row| row.count_ones() as usize).sum()
    }

    /// The vertices on a path from the first to the last; none if there is no path.
    fn live(&self) -> Set {
        let (mut reached, mut leads): (Set, Set) = (1, 1 << (self.n - 1));
        for v in 0..self.n {
            if reached >> v & 1 == 1 {
                reached |= self.rows[v];
            }
        }
        for v in (0..self.n).rev() {
            if self.rows[v] & leads != 0 {
                leads |= 1 << v;
            }
        }
        // Without a path, neither the last vertex nor any that leads to it is reached.
        reached & leads
    }

    /// The matrix without the edges that lead nowhere; the vertices keep their numbers.
    fn pruned(&self) -> Matrix {
        let live = self.live();
        let mut pruned = *self;
        for (v, row) in pruned.rows.iter_mut().enumerate() {
            *row &= if live >> v & 1 == 1 { live } else { 0 };
        }
        pruned
    }

    /// Whether the vertex is on a path, in a pruned matrix.
    pub(crate) fn keeps(&self, v: usize) -> bool {
        self.rows[v] != 0 || v + 1 == self.n
    }

    /// The number of channels of every vertex that computes something, for a pruned matrix with
    /// `channels` at the output; and the least of them, an equal share.
    ///
    /// # Errors
    /// When there are fewer channels than vertices to share them.
    pub(crate) fn widths(&self, channels: usize) -> Result<([usize; MOST_VERTICES], usize), Error> {
        let (mut widths, last) = ([0; MOST_VERTICES], self.n - 1);
        let share: Vec<usize> = self.sources(last).filter(|&v| v > 0).collect();
        if share.is_empty() {
            return Ok((widths, channels));
        }
        let (each, more) = (channels / share.len(), channels % share.len());
        if each == 0 {
            let text = format!(
                "a wired cell whose output of {} is shared by {1} vertices: each needs at least \
                 one. Try {1} channels or more",
                plural(channels, "channel"),
                share.len()
            );
            return Err(Error::new(ErrorKind::Shape, text));
        }
        for (i, &v) in share.iter().enumerate() {
            widths[v] = each + usize::from(i < more);
        }
        for v in (1..last).rev().filter(|&v| !self.has(v, last)) {
            let read = (v + 1..last).filter(|&to| self.has(v, to));
            widths[v] = read.map(|to| widths[to]).max().unwrap_or(0);
        }
        Ok((widths, each))
    }
}

/// As `0-1 0-2 1-3`.
impl std::fmt::Display for Matrix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let edges = pairs(self.n).filter(|&(from, to)| self.has(from, to));
        let edges: Vec<String> = edges.map(|(from, to)| format!("{from}-{to}")).collect();
        f.write_str(&edges.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;
    use std::collections::{HashMap, HashSet};

    /// A graph with an operation on every inner vertex, up to the order of these: the least code of its
    /// matrix over all orders, and of the operations over the orders that yield it.
    type Class = (u64, u64);

    /// All orders of the inner vertices.
    fn orders(n: usize) -> Vec<Vec<usize>> {
        let mut found = vec![vec![0]];
        for round in 1..n.max(2) - 1 {
            let at = |order: Vec<usize>| {
                (1..=round).map(move |i| {
                    let mut longer = order.clone();
                    longer.insert(i, round);
                    longer
                })
            };
            found = found.into_iter().flat_map(at).collect();
        }
        found.iter_mut().for_each(|order| order.push(n - 1));
        found
    }

    /// Every matrix of `n` vertices, all of them on a path, and at most `most` edges.
    fn full(n: usize, most: usize) -> impl Iterator<Item = Matrix> {
        (0..1u32 << (n * (n - 1) / 2))
            .map(move |bits| Matrix::from_edges(n, (0..).map(|i| bits >> i & 1 == 1)))
            .filter(move |m| m.live() == ((1u32 << n) - 1) as Set && m.edges() <= most)
    }

    /// Calls `see` with every labelling of every such matrix: matrix, operations (base 3), and class.
    fn each(n: usize, most: usize, mut see: impl FnMut(&Matrix, u64, Class)) {
        let orders = orders(n);
        let mut best: Vec<&Vec<usize>> = vec![];
        for matrix in full(n, most) {
            let mut least = u64::MAX;
            for order in &orders {
                let mut code = 0;
                for (from, &a) in order.iter().enumerate().take(n) {
                    for (to, &b) in order.iter().enumerate().take(n) {
                        code |= u64::from(matrix.has(from, to)) << (a * n + b);
                    }
                }
                if code < least {
                    (least, _) = (code, best.clear());
                }
                if code == least {
                    best.push(order);
                }
            }
            for ops in 0..3u64.pow(n as u32 - 2) {
                let relabel = |order: &&Vec<usize>| {
                    let (mut rest, mut code) = (ops, 0);
                    for &a in &order[1..n - 1] {
                        code |= (rest % 3) << (2 * a);
                        rest /= 3;
                    }
                    code
                };
                let labels = best.iter().map(relabel).min().unwrap_or(0);
                see(&matrix, ops, (least, labels));
            }
        }
    }

    /// The benchmark's own hash: a vertex begins with its degrees and its operation; then, as many times
    /// as there are vertices, it takes in the sorted hashes of its inputs and of its readers.
    fn published(matrix: &Matrix, ops: u64) -> u64 {
        let n = matrix.n;
        let mix = |a: u64, b: u64| {
            let v = (a.rotate_left(25) ^ b).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            v ^ (v >> 31)
        };
        let (mut now, mut next) = ([0u64; MOST_VERTICES], [0u64; MOST_VERTICES]);
        let mut rest = ops;
        for (v, hash) in now.iter_mut().enumerate().take(n) {
            let op = match v {
                0 => 3,
                _ if v + 1 == n => 4,
                _ => {
                    let op = rest % 3;
                    rest /= 3;
                    op
                }
            };
            let (reads, read) = (matrix.sources(v).count(), matrix.rows[v].count_ones());
            *hash = mix(mix(mix(7, u64::from(read)), reads as u64), op);
        }
        let sorted = |h: u64, now: &[u64], from: &dyn Fn(usize) -> bool| {
            let (mut list, mut k) = ([0u64; MOST_VERTICES], 0);
            for w in (0..n).filter(|&w| from(w)) {
                (list[k], k) = (now[w], k + 1);
            }
            list[..k].sort_unstable();
            list[..k].iter().fold(mix(h, 5), |h, &v| mix(h, v))
        };
        for _ in 0..n {
            for v in 0..n {
                let h = sorted(1, &now, &|w| w < v && matrix.has(w, v));
                next[v] = mix(sorted(h, &now, &|w| w > v && matrix.has(v, w)), now[v]);
            }
            now = next;
        }
        now[..n].sort_unstable();
        now[..n].iter().fold(0, |h, &v| mix(h, v))
    }

    /// The classes of exactly `n` vertices with one of each, and how many labelled graphs there are.
    fn classes(n: usize, most: usize) -> (Vec<(Matrix, u64)>, usize) {
        let (mut found, mut first, mut all) = (HashSet::new(), vec![], 0);
        each(n, most, |matrix, ops, class| {
            all += 1;
            if found.insert(class) {
                first.push((*matrix, ops));
            }
        });
        (first, all)
    }

    /// The published numbers, for each number of vertices; both ways to tell graphs apart agree.
    #[test]
    fn nas_bench_101_has_423_624_cells() {
        let mut labelled = 0;
        let mut total = 0;
        for (n, count) in [(2, 1), (3, 6), (4, 84), (5, 2_441), (6, 62_010), (7, 359_082)] {
            let (first, all) = classes(n, 9);
            let hashes: HashSet<u64> = first.iter().map(|(m, ops)| published(m, *ops)).collect();
            assert_eq!((first.len(), hashes.len()), (count, count), "{n} vertices");
            labelled += all;
            total += count;
        }
        // "Roughly a third", as the benchmark's generator says.
        assert_eq!((total, labelled), (423_624, 1_293_208));
    }

    /// The same without canonical forms: two graphs are the same if reordering the vertices of one gives
    /// the other.
    #[test]
    fn classes_are_those_of_all_orders() {
        for (n, count) in [(2, 1), (3, 6), (4, 84), (5, 2_441)] {
            let orders = orders(n);
            let mut first: Vec<(Matrix, u64)> = vec![];
            each(n, 9, |matrix, ops, _| {
                let op = |ops: u64, v: usize| ops / 3u64.pow(v as u32 - 1) % 3;
                let same = |(other, labels): &(Matrix, u64)| {
                    let edge =
                        |o: &[usize], a: usize, b: usize| matrix.has(a, b) == other.has(o[a], o[b]);
                    other.edges() == matrix.edges()
                        && orders.iter().any(|o| {
                            (1..n - 1).all(|v| op(ops, v) == op(*labels, o[v]))
                                && (0..n).all(|a| (0..n).all(|b| edge(o, a, b)))
                        })
                };
                if !first.iter().any(same) {
                    first.push((*matrix, ops));
                }
            });
            assert_eq!(first.len(), count, "{n} vertices");
        }
    }

    /// Seven channels cannot be shared equally, and a network's key is that of its graph all the same.
    #[test]
    fn keys_are_those_of_classes() {
        let op = one_of([conv(same(), 3), conv(same(), 1), max_pool(3).stride(1).padding(1)]);
        let mut keys = HashMap::new();
        for n in 2..=7 {
            let space = Space::new([7, 4, 4], Task::classification(3)).then(wired(n, 9, &op));
            let key = |matrix: &Matrix, ops: u64| {
                let edges = pairs(n).map(|(a, b)| u32::from(matrix.has(a, b)));
                let ops = (0..n as u32 - 2).map(|i| (ops / 3u64.pow(i) % 3) as u32);
                space.decode(edges.chain(ops)).unwrap().canonical()
            };
            if n == 7 {
                // One of each is enough.
                for (i, (matrix, ops)) in classes(n, 9).0.iter().enumerate() {
                    keys.insert(key(matrix, *ops), (n, (0, i as u64)));
                }
            } else {
                each(n, 9, |matrix, ops, class| {
                    let known = *keys.entry(key(matrix, ops)).or_insert((n, class));
                    assert_eq!(known, (n, class), "{matrix}, operations {ops}");
                });
            }
        }
        // As many keys as classes, and no key for two: a key for each.
        assert_eq!(keys.len(), 423_624);
    }

    #[test]
    fn channels_are_shared() {
        // Edges in the order of their vertices, channels of the output, channels of the others.
        let check = |n: usize, edges: &[(usize, usize)], channels: usize, widths: &[usize]| {
            let mut matrix = Matrix { n, rows: [0; MOST_VERTICES] };
            edges.iter().for_each(|(a, b)| matrix.rows[*a] |= 1 << b);
            let (found, _) = matrix.pruned().widths(channels).unwrap();
            assert_eq!(&found[1..n - 1], widths, "{matrix}");
        };
        check(4, &[(0, 1), (1, 2), (2, 3)], 16, &[16, 16]);
        check(4, &[(0, 1), (0, 2), (1, 3), (2, 3)], 15, &[8, 7]);
        check(5, &[(0, 1), (0, 2), (0, 3), (1, 4), (2, 4), (3, 4)], 8, &[3, 3, 2]);
        // Vertex 1 is as wide as the wider of those that read it.
        check(5, &[(0, 1), (1, 2), (1, 3), (2, 4), (3, 4)], 9, &[5, 5, 4]);
        check(5, &[(0, 1), (0, 3), (1, 2), (1, 4), (2, 3), (3, 4)], 15, &[8, 7, 7]);
        // What leads nowhere has none; the input at the output takes no share.
        check(5, &[(0, 1), (1, 2), (0, 3), (3, 4), (0, 4)], 9, &[0, 0, 9]);
        check(3, &[(0, 2)], 9, &[0]);
    }
}
