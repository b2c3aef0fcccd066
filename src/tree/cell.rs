//! Blocks whose parts form a small graph instead of a sequence: each node joins the results of its
//! edges.
//!
//! Node 0 is the input. Every later node has edges from earlier ones, with a block on each, and adds
//! or concatenates their results; the last node is the output. Parallel branches are one such node, a
//! DenseNet's connection is another, and a cell of NAS-Bench-201 (arXiv 2001.00326) has three. The
//! cells of NASNet (1707.07012) and DARTS (1806.09055) have two inputs, the outputs of the two cells
//! before them in a [`stack`]; each of their nodes keeps two of its possible edges, and the output is
//! the concatenation of all nodes.

use crate::count::Count;
use crate::tree::block::{Block, IntoBlock, IntoBlocks, Node};
use crate::words::plural;
use serde::{Deserialize, Serialize};

/// How a node joins several tensors into one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Join {
    /// Adds tensors of the same shape.
    Sum,
    /// Concatenates channels, or features.
    Concat,
}

impl Join {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Join::Sum => "sum",
            Join::Concat => "concat",
        }
    }
}

/// The edge from an earlier node, with its block.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Edge {
    pub(crate) from: usize,
    pub(crate) block: Block,
}

/// A node with its incoming edges.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Step {
    pub(crate) join: Join,
    pub(crate) edges: Vec<Edge>,
}

/// The nodes after the inputs, in the order in which they are computed.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub(crate) struct Cell {
    pub(crate) steps: Vec<Step>,
    /// Whether nodes 0 and 1 are inputs, rather than node 0 alone.
    pub(crate) two_inputs: bool,
    /// How many edges the search keeps at each node, if not all.
    pub(crate) keep: Option<usize>,
    /// Whether the output is the concatenation of all nodes, rather than the last one.
    pub(crate) concat: bool,
    /// The blocks with the decisions, in order: those on the edges, and for a node that keeps only some
    /// of its edges a choice between the possible sets.
    parts: Vec<Block>,
    /// For each node that does not keep all of its edges, the sets of edges that it chooses from.
    sets: Vec<Option<Vec<Vec<usize>>>>,
}

/// A cell as it is written down.
#[derive(Serialize, Deserialize)]
struct Stored {
    steps: Vec<Step>,
    #[serde(default, skip_serializing_if = "is_default")]
    two_inputs: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    keep: Option<usize>,
    #[serde(default, skip_serializing_if = "is_default")]
    concat: bool,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl From<Stored> for Cell {
    fn from(s: Stored) -> Cell {
        Cell::new(s.steps, s.two_inputs, s.keep, s.concat)
    }
}

impl From<Cell> for Stored {
    fn from(c: Cell) -> Stored {
        Stored { steps: c.steps, two_inputs: c.two_inputs, keep: c.keep, concat: c.concat }
    }
}

/// The sum of all the blocks on the same input; their outputs must have the same shape.
///
/// ```
/// use nascent::prelude::*;
/// let space = Space::new([3, 8, 8], Task::classification(10))
///     .then(branches([conv(16, 3), conv(16, 5), conv(16, 1)]));
/// assert_eq!(space.default_architecture()?.layers()[4].shape.dims(), [16, 8, 8]);
/// # Ok::<(), nascent::Error>(())
/// ```
#[doc(alias("parallel", "Branches", "Parallel"))]
pub fn branches<B>(blocks: impl IntoBlocks<B>) -> Block {
    single(Join::Sum, blocks)
}

/// The concatenation of all the blocks on the same input, along the channels of images, or the
/// features.
///
/// ```
/// use nascent::prelude::*;
/// let space = Space::new([3, 8, 8], Task::classification(10))
///     .then(concat([conv(16, 3), max_pool(3).stride(1).padding(1)]));
/// assert_eq!(space.default_architecture()?.layers()[3].shape.dims(), [19, 8, 8]);
/// # Ok::<(), nascent::Error>(())
/// ```
#[doc(alias("cat", "concatenate", "Concat", "Concatenate"))]
pub fn concat<B>(blocks: impl IntoBlocks<B>) -> Block {
    single(Join::Concat, blocks)
}

fn single<B>(join: Join, blocks: impl IntoBlocks<B>) -> Block {
    let edges = blocks.into_blocks().into_iter().map(|block| Edge { from: 0, block }).collect();
    Block::new(Node::Cell(Cell::new(vec![Step { join, edges }], false, None, false)))
}

/// A cell: `nodes[j]` lists the blocks on the edges to node `j + 1`, from nodes 0, 1, ... up to `j`;
/// a node is the sum of its edges, and the last one is the cell's output. [`zero`](crate::zero)
/// stands for a missing edge.
///
/// ```
/// use nascent::prelude::*;
/// let op = one_of([zero(), skip(), conv(16, 3), avg_pool(3).stride(1).padding(1)]);
/// // The cell of NAS-Bench-201: three nodes behind its input, six edges.
/// let edges = |n: usize| vec![op.clone(); n];
/// let space = Space::new([16, 8, 8], Task::classification(10))
///     .then(cell([edges(1), edges(2), edges(3)]))
///     .then(global_avg_pool());
/// assert_eq!(space.size(), Some(4u128.pow(6)));
/// # Ok::<(), nascent::Error>(())
/// ```
#[doc(alias = "Cell")]
pub fn cell<B, N: IntoBlocks<B>>(nodes: impl IntoIterator<Item = N>) -> Block {
    let step = |edges: N| {
        let edges = edges.into_blocks().into_iter().enumerate();
        let edges = edges.map(|(from, block)| Edge { from, block });
        Step { join: Join::Sum, edges: edges.collect() }
    };
    Block::new(Node::Cell(Cell::new(nodes.into_iter().map(step).collect(), false, None, false)))
}

/// Blocks in sequence, where a cell with [two inputs](Block::two_inputs) gets the outputs of the two
/// blocks before it (the first one gets the stack's input twice).
///
/// Each block comes with its preparation, a block without choices that each of its inputs goes through
/// first, with weights of its own; it gives them the cell's width. Where the earlier input is larger,
/// because the block between has reduced it, it goes through ReLU and a 1x1 convolution with a stride
/// instead.
///
/// ```
/// use nascent::prelude::*;
/// let op = one_of([skip(), conv(same(), 3)]);
/// let normal = cell([vec![op.clone(); 2], vec![op.clone(); 3]]).two_inputs().concat_nodes();
/// let to = |channels: i32| relu().then(conv(channels, 1).activation("identity"));
/// let space = Space::new([3, 8, 8], Task::classification(10))
///     .then(conv(24, 3))
///     .then(stack([(to(8), shared("normal", &normal)), (to(8), shared("normal", &normal))]))
///     .then(global_avg_pool());
/// assert_eq!(space.size(), Some(2u128.pow(5)));
/// assert_eq!(space.default_architecture()?.output().dims(), [10]);
/// # Ok::<(), nascent::Error>(())
/// ```
pub fn stack<P: IntoBlock, C: IntoBlock>(cells: impl IntoIterator<Item = (P, C)>) -> Block {
    let parts =
        cells.into_iter().flat_map(|(prepare, cell)| [prepare.into_block(), cell.into_block()]);
    Block::new(Node::Stack(parts.collect()))
}

impl Block {
    /// A cell whose nodes 0 and 1 are inputs, the outputs of the two blocks before it in a
    /// [`stack`]: `nodes[j]` lists the blocks on the edges to node `j + 2`.
    pub fn two_inputs(&self) -> Block {
        self.cell_with("two_inputs", |c| Cell::new(c.steps.clone(), true, c.keep, c.concat))
    }

    /// A cell in which each node keeps `edges` of its possible edges; the search decides which ones.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let op = one_of([skip(), conv(same(), 3), max_pool(3).stride(1).padding(1)]);
    /// let space = Space::new([16, 8, 8], Task::classification(10))
    ///     .then(cell([vec![op.clone(); 1], vec![op.clone(); 2], vec![op.clone(); 3]]).keep(2));
    /// // Node 3 has three sets of two edges to choose from.
    /// assert_eq!(space.size(), Some(3 * 3u128.pow(2) * 3 * 3u128.pow(2)));
    /// # Ok::<(), nascent::Error>(())
    /// ```
    pub fn keep(&self, edges: impl Count) -> Block {
        let k = edges.to_size();
        self.cell_with("keep", |c| Cell::new(c.steps.clone(), c.two_inputs, Some(k), c.concat))
    }

    /// A cell whose output is the concatenation of all its nodes except the inputs, instead of the last
    /// node.
    pub fn concat_nodes(&self) -> Block {
        self.cell_with("concat_nodes", |c| Cell::new(c.steps.clone(), c.two_inputs, c.keep, true))
    }

    fn cell_with(&self, name: &str, change: impl Fn(&Cell) -> Cell) -> Block {
        match &*self.0 {
            Node::Cell(cell) => Block::new(Node::Cell(change(cell))),
            Node::Broken { .. } => self.clone(),
            _ => self.broken(format!(
                "{name}() is for a cell, and this is {self}. Try cell([[conv(16, 3)]]).{name}({}).",
                if name == "keep" { "2" } else { "" }
            )),
        }
    }
}

/// The most sets of edges that one node may choose from.
const MOST_SETS: usize = 5_000;

/// The number of sets of `k` of `n` edges, unless it is too large.
fn sets_of(n: usize, k: usize) -> Option<usize> {
    let count = (0..k.min(n)).try_fold(1usize, |c, i| Some(c.checked_mul(n - i)? / (i + 1)));
    count.filter(|&c| c <= MOST_SETS)
}

/// All sets of `k` of `n` edges, in order; none where there are too many.
fn sets(n: usize, k: usize) -> Vec<Vec<usize>> {
    if sets_of(n, k).is_none() || k == 0 {
        return vec![];
    }
    let mut found: Vec<Vec<usize>> = vec![vec![]];
    for round in 0..k.min(n) {
        let longer = |set: Vec<usize>| {
            let first = set.last().map_or(0, |&l| l + 1);
            let last = n - (k.min(n) - round);
            (first..=last).map(move |i| set.iter().copied().chain([i]).collect())
        };
        found = found.into_iter().flat_map(longer).collect();
    }
    found
}

impl Cell {
    fn new(steps: Vec<Step>, two_inputs: bool, keep: Option<usize>, concat: bool) -> Cell {
        let (mut parts, mut all) = (vec![], vec![]);
        for step in &steps {
            let n = step.edges.len();
            let sets = keep.filter(|&k| k < n).map(|k| sets(n, k));
            let kept = |set: &Vec<usize>| super::seq(set.iter().map(|&i| &step.edges[i].block));
            match &sets {
                None => parts.extend(step.edges.iter().map(|e| e.block.clone())),
                Some(sets) => parts.push(super::one_of(sets.iter().map(kept))),
            }
            all.push(sets);
        }
        Cell { steps, two_inputs, keep, concat, parts, sets: all }
    }

    /// The nodes, each with the sets of edges that it chooses from if it does not keep all of them.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = (&Step, Option<&[Vec<usize>]>)> {
        self.steps.iter().zip(self.sets.iter().map(Option::as_deref))
    }

    /// The blocks with the decisions, in order.
    pub(crate) fn parts(&self) -> &[Block] {
        &self.parts
    }

    /// The number of inputs.
    pub(crate) fn inputs(&self) -> usize {
        1 + usize::from(self.two_inputs)
    }

    /// All edges: from which node, to which node, and with which block.
    pub(crate) fn edges(&self) -> impl Iterator<Item = (usize, usize, &Block)> {
        self.steps
            .iter()
            .zip(self.inputs()..)
            .flat_map(|(step, to)| step.edges.iter().map(move |edge| (edge.from, to, &edge.block)))
    }

    /// Whether it consists of parallel branches only.
    pub(crate) fn is_single(&self) -> bool {
        self.steps.len() == 1 && !self.two_inputs && self.keep.is_none()
    }

    /// Whether the search chooses which edges a node keeps: the one of this step.
    pub(crate) fn chooses(&self, step: usize) -> bool {
        self.sets.get(step).is_some_and(Option::is_some)
    }

    /// A description in a few words.
    pub(crate) fn label(&self) -> String {
        match &self.steps[..] {
            [only] if self.is_single() => format!("{} of {}", only.join.name(), only.edges.len()),
            steps => {
                let inputs = if self.two_inputs { ", two of them inputs" } else { "" };
                let keeps = |k: usize| format!(", each keeps {}", plural(k, "edge"));
                let keep = self.keep.map_or(String::new(), keeps);
                let concat = if self.concat { ", concatenated" } else { "" };
                format!("cell of {} nodes{inputs}{keep}{concat}", steps.len() + self.inputs())
            }
        }
    }

    /// As one would write it.
    pub(crate) fn text(&self, block: impl Fn(&Block) -> String) -> String {
        let list =
            |s: &Step| s.edges.iter().map(|e| block(&e.block)).collect::<Vec<_>>().join(", ");
        match &self.steps[..] {
            [only] if self.is_single() => match only.join {
                Join::Sum => format!("branches[{}]", list(only)),
                Join::Concat => format!("concat[{}]", list(only)),
            },
            steps => {
                let nodes: Vec<String> = steps.iter().map(|s| format!("[{}]", list(s))).collect();
                let two = if self.two_inputs { ".two_inputs" } else { "" };
                let keep = self.keep.map_or(String::new(), |k| format!(".keep({k})"));
                let concat = if self.concat { ".concat_nodes" } else { "" };
                format!("cell[{}]{two}{keep}{concat}", nodes.join(", "))
            }
        }
    }

    pub(crate) fn problems(&self) -> Vec<String> {
        let mut found = vec![];
        if self.steps.is_empty() {
            found.push("a cell without nodes. Give at least one, as cell([[conv(16, 3)]]).".into());
        }
        let widest = self.steps.iter().map(|step| step.edges.len()).max().unwrap_or(0);
        for (i, (step, sets)) in self.nodes().enumerate() {
            // The node's number, and that of the last node that it may read.
            let (node, last) = (i + self.inputs(), i + self.inputs() - 1);
            let name = match self.is_single() {
                true => format!("{} of nothing", step.join.name()),
                false => format!("node {node} of a cell has no edges"),
            };
            if step.edges.is_empty() {
                found.push(format!("{name}. Give at least one block."));
            }
            for edge in step.edges.iter().filter(|e| e.from > last) {
                found.push(format!(
                    "a cell's edge from node {} to node {node}: edges come from earlier nodes, 0 to \
                     {last}; a cycle has no order to compute it in. Give node {node} at most {}.",
                    edge.from,
                    plural(last + 1, "block")
                ));
            }
            let n = step.edges.len();
            if sets.is_some_and(<[_]>::is_empty) {
                found.push(format!(
                    "keep({}) of {}: between 1 and {} sets of edges are allowed. Try keep({}).",
                    self.keep.unwrap_or(0),
                    plural(n, "edge"),
                    MOST_SETS,
                    // Of very many edges there are too many pairs.
                    if sets_of(widest, 2).is_some() { 2 } else { 1 }
                ));
            }
        }
        found
    }
}
