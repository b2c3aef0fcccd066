//! What an architecture costs, without building its network.
//!
//! A search asks this of every architecture that it samples, mutates or enumerates, and most of them
//! are never trained. So the tree is walked with shapes alone: what a single layer makes of a shape is
//! found out once for the whole space and remembered, and a shared block is counted once for every
//! shape that enters it, however often it stands there. The layers themselves say what they cost, and
//! [`Builder`] puts them together; where this walk meets something that does not fit, the network is
//! built to say what it is.

use crate::graph::{
    Graph, MOST_LAYERS,
    lowering::{Builder, Node},
};
use crate::layer::ZERO;
use crate::shape::Shape;
use crate::space::Space;
use crate::tree::{Block, CHOICE, Cell, Genome, Join, Tree, Wired, genes};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// The cost of an architecture, or of a part of one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Costs {
    pub(crate) sums: Sums,
    pub(crate) output: Shape,
    /// The shared blocks of the tree, not those inside others, by number, with what entered each where
    /// it stood first; empty where the network had to be built.
    pub(crate) entered: Vec<(usize, Inputs)>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Sums {
    pub(crate) params: u64,
    pub(crate) macs: u64,
    pub(crate) flops: u64,
    pub(crate) kept: u64,
    layers: usize,
    /// How many of the layers are decisions that only an evaluator knows.
    choices: usize,
}

impl Sums {
    fn plus(self, o: Sums) -> Sums {
        Sums {
            params: self.params.saturating_add(o.params),
            macs: self.macs.saturating_add(o.macs),
            flops: self.flops.saturating_add(o.flops),
            kept: self.kept.saturating_add(o.kept),
            layers: self.layers + o.layers,
            choices: self.choices + o.choices,
        }
    }

    /// With one node more.
    pub(crate) fn and(self, node: &Node) -> Sums {
        self.plus(Sums {
            params: node.plan.params,
            macs: node.plan.macs,
            flops: node.plan.macs.saturating_add(node.plan.single),
            kept: node.plan.kept,
            layers: 1,
            choices: usize::from(node.op.is(&CHOICE)),
        })
    }

    fn of(nodes: &[Node]) -> Sums {
        nodes.iter().fold(Sums::default(), Sums::and)
    }

    /// The bytes to train with batches of so many samples; see [`Architecture::memory`].
    ///
    /// [`Architecture::memory`]: super::Architecture::memory
    pub(crate) fn memory(&self, batch: u64) -> u64 {
        let weights = self.params.saturating_mul(4);
        let numbers = weights.saturating_add(batch.saturating_mul(2).saturating_mul(self.kept));
        numbers.saturating_mul(4)
    }
}

impl Costs {
    /// Of a network that is built.
    pub(crate) fn of_graph(graph: &Graph) -> Costs {
        let output = graph.nodes.last().map_or(Shape::new([0usize; 0]), |n| n.plan.output.clone());
        Costs { sums: Sums::of(&graph.nodes), output, entered: vec![] }
    }

    /// By a walk through the tree; nothing where it does not fit together or is out of the ordinary.
    pub(crate) fn walk(space: &Space, decisions: &[u32]) -> Option<Costs> {
        let genome = space.genome();
        let memo = space.memo().lock().unwrap_or_else(PoisonError::into_inner);
        let mut walk = Walk {
            space,
            genome,
            memo,
            shared: vec![],
            counted: vec![],
            entered: vec![],
            inside: false,
            before: None,
            wide: None,
            sums: Sums::default(),
        };
        let mut rest = decisions;
        for (_, block) in &genome.shared {
            let (own, behind) = rest.split_at(genes::length(block, rest));
            walk.shared.push(own);
            rest = behind;
        }
        // The input itself is a node as well.
        walk.sums.layers = 1;
        let end = walk.block(space.root(), &mut rest, Value::of(&space.input())?)?;
        let bare = walk.sums.layers > 1 && walk.sums.choices + 1 == walk.sums.layers;
        let end = if bare { end } else { walk.head(end)? };
        let fits = walk.sums.layers <= MOST_LAYERS;
        let (sums, entered) = (walk.sums, walk.entered);
        fits.then(|| Costs { sums, output: end.shape(), entered })
    }
}

/// A shape, and what else later layers want to know of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Value {
    dims: [usize; 3],
    rank: u8,
    vocabulary: Option<usize>,
    padded: bool,
    /// See [`Node::both`].
    pub(crate) both: bool,
    /// Whether it is an edge that is not there.
    pub(crate) zero: bool,
}

impl Value {
    pub(crate) fn of(shape: &Shape) -> Option<Value> {
        let mut dims = [0; 3];
        let given = shape.as_slice();
        dims.get_mut(..given.len())?.copy_from_slice(given);
        let (rank, vocabulary) = (given.len() as u8, shape.vocabulary());
        Some(Value { dims, rank, vocabulary, padded: shape.is_padded(), both: false, zero: false })
    }

    pub(crate) fn of_node(node: &Node) -> Option<Value> {
        let zero = node.op.is(&ZERO);
        Some(Value { both: node.both, zero, ..Value::of(&node.plan.output)? })
    }

    pub(crate) fn as_slice(&self) -> &[usize] {
        &self.dims[..usize::from(self.rank)]
    }

    pub(crate) fn shape(&self) -> Shape {
        let shape = match self.vocabulary {
            Some(symbols) => Shape::tokens(self.dims[0], symbols),
            None => Shape::new(self.as_slice().iter().copied()),
        };
        if self.padded { shape.padded() } else { shape }
    }

    pub(crate) fn same_shape(&self, o: &Value) -> bool {
        let key = |v: &Value| (v.dims, v.rank, v.vocabulary, v.padded);
        key(self) == key(o)
    }

    /// The sum or concatenation of tensors, in the shape of the first.
    pub(crate) fn joined(&self) -> Value {
        Value { both: false, zero: false, ..*self }
    }

    /// Zeros in its shape.
    pub(crate) fn nothing(&self) -> Value {
        Value { zero: true, ..self.joined() }
    }

    /// It and another one as one, if they fit.
    pub(crate) fn with(&self, join: Join, other: &Value) -> Option<Value> {
        let mut out = *self;
        match join {
            Join::Sum => self.same_shape(other).then_some(out),
            Join::Concat => {
                let axis = if self.rank == 3 { 0 } else { usize::from(self.rank.max(1)) - 1 };
                let mut alike = *other;
                alike.dims[axis] = self.dims[axis];
                out.dims[axis] = self.dims[axis].saturating_add(other.dims[axis]);
                (alike.same_shape(self) && self.vocabulary.is_none()).then_some(out)
            }
        }
    }

    /// Whether they differ in nothing but channels.
    pub(crate) fn same_size(&self, other: &Value) -> bool {
        let sizes = |v: &Value| match *v.as_slice() {
            [_, h, w] => (h, w),
            [l, _] => (l, 0),
            _ => (0, 0),
        };
        self.rank == other.rank && sizes(self) == sizes(other)
    }

    fn elements(&self) -> u64 {
        self.as_slice().iter().fold(1u64, |n, &d| n.saturating_mul(d as u64))
    }
}

/// What is remembered: a block by its place in memory, which the space keeps, with its decisions (or
/// something else that it depends on), and what enters it.
type Key = (usize, [u32; 4], Value);

/// What a space has learnt of its layers: each thread of a pool by itself, so that none waits for
/// another, as far as there are places.
#[derive(Default)]
pub(crate) struct Memo([Mutex<Known>; 8]);

type Known = HashMap<Key, (Value, Sums), std::hash::BuildHasherDefault<Quick>>;

/// More than this are not remembered.
const MOST_KNOWN: usize = 20_000;

/// Too many decisions to be a key: a piece that is built anew each time.
const NOT_REMEMBERED: &[u32] = &[0; 5];

impl Memo {
    fn lock(&self) -> std::sync::LockResult<std::sync::MutexGuard<'_, Known>> {
        let place = rayon::current_thread_index().map_or(0, |i| 1 + i % (self.0.len() - 1));
        self.0[place].lock()
    }
}

/// A clone begins anew: it may outlive the blocks that this one knows by their places.
impl Clone for Memo {
    fn clone(&self) -> Memo {
        Memo::default()
    }
}

/// A hash for keys that nobody chooses with ill intent: multiply and rotate.
#[derive(Default)]
struct Quick(u64);

impl std::hash::Hasher for Quick {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }
    fn write_u8(&mut self, v: u8) {
        self.write_u64(u64::from(v));
    }
    fn write_u32(&mut self, v: u32) {
        self.write_u64(u64::from(v));
    }
    fn write_usize(&mut self, v: usize) {
        self.write_u64(v as u64);
    }
    fn write_u64(&mut self, v: u64) {
        self.0 = (self.0.rotate_left(5) ^ v).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 29)
    }
}

/// What enters a block, the earlier input of a cell with two, and the channels asked of a wired one.
pub(crate) type Inputs = (Value, Option<Value>, Option<usize>);

/// A shared block with its inputs, and what became of them.
struct Counted {
    number: usize,
    inputs: Inputs,
    end: Value,
    /// The earlier input and the channels, if nothing has taken them.
    left: (Option<Value>, Option<usize>),
    sums: Sums,
}

struct Walk<'s> {
    space: &'s Space,
    genome: &'s Genome,
    memo: std::sync::MutexGuard<'s, Known>,
    /// The decisions of every shared block.
    shared: Vec<&'s [u32]>,
    /// What shared blocks came to in this architecture, by number and inputs.
    counted: Vec<Counted>,
    entered: Vec<(usize, Inputs)>,
    /// Whether a shared block is being walked.
    inside: bool,
    before: Option<Value>,
    wide: Option<usize>,
    sums: Sums,
}

/// The next decision, of a choice of `options`.
fn decision(decisions: &mut &[u32], options: usize) -> usize {
    if options <= 1 {
        return 0;
    }
    match decisions.split_first() {
        Some((&pick, rest)) => {
            *decisions = rest;
            pick as usize
        }
        None => 0,
    }
}

impl Walk<'_> {
    fn block(&mut self, block: &Block, decisions: &mut &[u32], at: Value) -> Option<Value> {
        match &*block.0 {
            Tree::Layer { args, .. } => {
                let n = args.iter().filter(|c| c.options.len() > 1).count();
                let (own, rest) = decisions.split_at(n.min(decisions.len()));
                *decisions = rest;
                let place = std::sync::Arc::as_ptr(&block.0) as usize;
                self.piece(place, own, at, |b| b.block(block, &mut own.iter(), 0))
            }
            Tree::Seq(blocks) => blocks.iter().try_fold(at, |at, b| self.block(b, decisions, at)),
            Tree::OneOf(options) => {
                let pick = decision(decisions, options.len());
                self.block(options.get(pick)?, decisions, at)
            }
            Tree::Repeat { times, block } => {
                let pick = decision(decisions, times.options.len());
                let mut copies = 0..genes::count(times, pick);
                copies.try_fold(at, |at, _| self.block(block, decisions, at))
            }
            Tree::Residual(inner) => {
                let layers = self.sums.layers;
                let out = self.block(inner, decisions, at)?;
                if self.sums.layers == layers {
                    return Some(out);
                }
                let shortcut = match at.same_shape(&out) {
                    true => at,
                    false => self.projection(at, out)?,
                };
                self.join(Join::Sum, &[out, shortcut])
            }
            Tree::Cell(cell) => self.cell(cell, decisions, at),
            Tree::Wired(cell) => self.wired(cell, decisions, at),
            Tree::Wide { channels, block } => {
                self.wide = Some(*channels);
                self.block(block, decisions, at)
            }
            Tree::Stack(parts) => self.stack(parts, decisions, at),
            Tree::Shared { name, block } => match self.genome.number(name) {
                Some(i) => self.shared(i, block, at),
                None => self.block(block, decisions, at),
            },
            Tree::Broken { block, .. } => self.block(block, decisions, at),
        }
    }

    /// A piece that the builder makes of one input; remembered by its place and what it depends on.
    fn piece(
        &mut self,
        place: usize,
        depends: &[u32],
        at: Value,
        build: impl FnOnce(&mut Builder) -> crate::error::Result<usize>,
    ) -> Option<Value> {
        let mut key = (place, [u32::MAX; 4], at);
        let short = depends.len() <= 4;
        if short {
            key.1[..depends.len()].copy_from_slice(depends);
            if let Some((end, sums)) = self.memo.get(&key) {
                self.sums = self.sums.plus(*sums);
                return Some(*end);
            }
        }
        let mut builder = Builder::new(self.space);
        builder.input(at.shape()).ok()?;
        builder.nodes[0].both = at.both;
        let end = build(&mut builder).ok()?;
        let sums = Sums::of(&builder.nodes[1..]);
        let end = if end == 0 { at } else { Value::of_node(&builder.nodes[end])? };
        if short && self.memo.len() < MOST_KNOWN {
            self.memo.insert(key, (end, sums));
        }
        self.sums = self.sums.plus(sums);
        Some(end)
    }

    /// The projection of a residual connection from one shape to another.
    fn projection(&mut self, from: Value, to: Value) -> Option<Value> {
        // It depends on the two shapes alone: the place of nothing stands for it.
        let depends = to.dims.map(|d| u32::try_from(d).unwrap_or(u32::MAX));
        let odd = to.vocabulary.is_some() || to.dims.iter().any(|&d| d >= u32::MAX as usize);
        let depends = if odd { NOT_REMEMBERED } else { &depends[..] };
        let end = self.piece(0, depends, from, |b| {
            let target = b.input(to.shape())?;
            b.shortcut(0, target)
        });
        // What it goes to was an input of the piece, and is not a layer.
        self.sums.layers -= usize::from(end.is_some());
        end
    }

    fn head(&mut self, end: Value) -> Option<Value> {
        // The place of what belongs to the space as a whole.
        let (space, place) = (self.space, std::ptr::from_ref(self.genome) as usize);
        let head = self.piece(place, &[], end, |b| {
            // The head asks the first node for the positions of the network's input.
            let from = b.input(end.shape())?;
            b.nodes[0].plan.output = space.input();
            b.head(&space.task(), from)?;
            Ok(b.nodes.len() - 1)
        });
        self.sums.layers -= usize::from(head.is_some());
        head
    }

    fn shared(&mut self, i: usize, block: &Block, at: Value) -> Option<Value> {
        let inputs = (at, self.before, self.wide);
        // Before it may be known already, from inside another one: which are entered is not decided.
        if !self.inside && self.entered.iter().all(|e| e.0 != i) {
            self.entered.push((i, inputs));
        }
        let known = |c: &&Counted| c.number == i && c.inputs == inputs;
        if let Some(c) = self.counted.iter().find(known) {
            self.sums = self.sums.plus(c.sums);
            (self.before, self.wide) = c.left;
            return Some(c.end);
        }
        let (outside, nested) = (std::mem::take(&mut self.sums), self.inside);
        self.inside = true;
        let mut own: &[u32] = self.shared.get(i).copied()?;
        let end = self.block(block, &mut own, at)?;
        self.inside = nested;
        let sums = std::mem::replace(&mut self.sums, outside);
        self.sums = self.sums.plus(sums);
        let left = (self.before, self.wide);
        self.counted.push(Counted { number: i, inputs, end, left, sums });
        Some(end)
    }

    fn cell(&mut self, cell: &Cell, decisions: &mut &[u32], at: Value) -> Option<Value> {
        let mut nodes = Vec::with_capacity(cell.steps.len() + 2);
        if cell.two_inputs {
            nodes.push(self.before.take().unwrap_or(at));
        }
        nodes.push(at);
        let mut ends = vec![];
        for (step, sets) in cell.nodes() {
            ends.clear();
            match sets {
                None => {
                    for edge in &step.edges {
                        ends.push(self.block(&edge.block, decisions, *nodes.get(edge.from)?)?);
                    }
                }
                Some(sets) => {
                    let pick = decision(decisions, sets.len());
                    for edge in sets.get(pick)?.iter().map(|&i| &step.edges[i]) {
                        ends.push(self.block(&edge.block, decisions, *nodes.get(edge.from)?)?);
                    }
                }
            }
            if step.join == Join::Sum {
                leave_out_zeros(&mut ends);
            }
            nodes.push(self.join(step.join, &ends)?);
        }
        match cell.concat {
            true => self.join(Join::Concat, &nodes[cell.inputs()..]),
            false => nodes.pop(),
        }
    }

    fn wired(&mut self, cell: &Wired, decisions: &mut &[u32], at: Value) -> Option<Value> {
        let wide = self.wide.take();
        let (edges, rest) = decisions.split_at_checked(cell.pairs())?;
        *decisions = rest;
        let edges: Vec<bool> = edges.iter().map(|&edge| edge == 1).collect();
        let wiring = cell.pruned(&edges)?;
        let [input, _, _] = *at.as_slice() else { return None };
        let channels = wide.unwrap_or(input);
        let (widths, _) = wiring.widths(channels).ok()?;
        let last = cell.vertices - 1;
        let mut gives = vec![at; last];
        let mut reads = vec![];
        for v in 1..last {
            if !wiring.keeps(v) {
                *decisions = &decisions[genes::length(&cell.op, decisions)..];
                continue;
            }
            reads.clear();
            for u in wiring.sources(v) {
                reads.push(match u {
                    0 => self.wired_projection(cell, at, widths[v])?,
                    _ if widths[u] == widths[v] => gives[u],
                    _ => {
                        let mut first = gives[u].joined();
                        first.dims[0] = widths[v];
                        self.free(first)
                    }
                });
            }
            leave_out_zeros(&mut reads);
            let sum = self.join(Join::Sum, &reads)?;
            gives[v] = self.block(&cell.op, decisions, sum)?;
            if !gives[v].same_shape(&sum) {
                return None;
            }
        }
        let shares: Vec<Value> =
            wiring.sources(last).filter(|&v| v > 0).map(|v| gives[v]).collect();
        let mut ends = vec![];
        if !shares.is_empty() {
            ends.push(self.join(Join::Concat, &shares)?);
        }
        if wiring.has(0, last) {
            ends.push(self.wired_projection(cell, at, channels)?);
        }
        leave_out_zeros(&mut ends);
        self.join(Join::Sum, &ends)
    }

    /// A wired cell's projection of its input.
    fn wired_projection(&mut self, cell: &Wired, at: Value, channels: usize) -> Option<Value> {
        let depends = [u32::try_from(channels).ok()?];
        let place = std::ptr::from_ref(cell) as usize;
        self.piece(place, &depends, at, |b| b.projection(0, channels))
    }

    /// A layer without parameters, which gives this.
    fn free(&mut self, out: Value) -> Value {
        self.sums = self.sums.plus(Sums { kept: out.elements(), layers: 1, ..Sums::default() });
        out
    }

    fn stack(&mut self, parts: &[Block], decisions: &mut &[u32], at: Value) -> Option<Value> {
        let (mut earlier, mut last) = (at, at);
        for pair in parts.chunks_exact(2) {
            let [prepare, cell] = pair else { continue };
            let at = self.block(prepare, decisions, last)?;
            self.before = Some(if earlier.same_size(&last) {
                self.block(prepare, &mut &[][..], earlier)?
            } else {
                let relu = crate::layer::relu();
                let active =
                    self.piece(0, NOT_REMEMBERED, earlier, |b| b.block(&relu, &mut [].iter(), 0))?;
                self.projection(active, at)?
            });
            let end = self.block(cell, decisions, at)?;
            self.before = None;
            (earlier, last) = (last, end);
        }
        Some(last)
    }

    /// As [`Builder`] joins tensors: one alone is itself, several have to fit.
    fn join(&mut self, join: Join, ends: &[Value]) -> Option<Value> {
        let (first, rest) = ends.split_first()?;
        if rest.is_empty() {
            return Some(*first);
        }
        let all = rest.iter().try_fold(*first, |all, end| all.with(join, end))?;
        Some(self.free(all.joined()))
    }
}

/// Zeros add nothing to a sum, unless there is nothing else.
fn leave_out_zeros(ends: &mut Vec<Value>) {
    let Some(&shape) = ends.first() else { return };
    let zero = |e: &Value| e.zero && e.same_shape(&shape);
    match ends.iter().all(zero) {
        true => ends.truncate(1),
        false => ends.retain(|e| !zero(e)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;

    /// Spaces of all kinds, some of whose architectures do not fit together.
    fn spaces() -> Vec<Space> {
        let images = || Space::new([3, 12, 12], Task::classification(10));
        let sequences = || Space::new([20, 5], Task::classification(4));
        let op =
            one_of([skip(), zero(), conv(same(), any([1, 3])), avg_pool(3).stride(1).padding(1)]);
        let edges = |n: usize| vec![op.clone(); n];
        let wide = cell([edges(2), edges(3)]).two_inputs().keep(2).concat_nodes();
        let to = |channels: i32| relu().then(conv(channels, 1).activation("identity"));
        let halves = shared("halves", wide.clone());
        vec![
            images().then(presets::nas_bench_201(4, 2)),
            images().then(presets::darts(4, 5)),
            images().then(presets::nas_bench_101(5, 2)),
            images().then(wired(5, 6, one_of([zero(), conv(same(), any([1, 3])), max_pool(2)]))),
            images()
                .then(conv(any([4, 8]), 3))
                .then(repeat(
                    0..=3,
                    one_of([conv(any([4, 8]), 3).stride(any([1, 2])).residual(), max_pool(2)]),
                ))
                .then(one_of([global_avg_pool(), flatten(), linear(8)])),
            // Sums and concatenations that fit only sometimes.
            images()
                .then(conv(any([4, 8]), 3))
                .then(branches([conv(any([4, 8]), 3), one_of([skip(), zero(), conv(4, 1)])]))
                .then(concat([skip(), conv(3, 3), max_pool(3).stride(any([1, 2])).padding(1)]))
                .then(seq([shared("tail", conv(same(), any([3, 5]))).residual()]).dense()),
            images().then(stack([
                (to(4), halves.clone()),
                (to(4), seq([halves.clone(), max_pool(2)])),
                (to(6), halves.clone()),
                (skip(), seq([one_of([skip(), relu()]), wide])),
                (to(6), halves),
            ])),
            sequences()
                .then(one_of([lstm(any([4, 8])).bidirectional(any([false, true])), conv1d(8, 3)]))
                .then(one_of([skip(), dropout(0.1), relu(), conv1d(same(), 3).residual()]))
                .then(one_of([last(), global_max_pool(), attention(any([2, 3]))])),
            Space::on(&Dataset::names())
                .then(one_of([embedding(8), linear(4)]))
                .then(gru(same()).residual())
                .then(one_of([last(), skip()])),
            Space::new([16], Task::next_token(30))
                .then(embedding(8))
                .then(repeat(1..=2, one_of([attention(2).residual(), max_pool(2), gru(same())]))),
            Space::new([8], Task::regression(2)).then(repeat(any([0, 1, 5]), linear(any([4, 8])))),
            Space::decisions([3, 1, 2]),
            Space::new([2, 3, 4, 5], Task::classification(2)).then(flatten()),
        ]
    }

    #[test]
    fn costs_are_those_of_the_network() {
        let mut rng = Rng::new(1);
        for (i, space) in spaces().into_iter().enumerate() {
            space.check().unwrap();
            let (mut walked, mut fits) = (0, 0);
            for _ in 0..300 {
                let decisions = genes::draw(&space.genome().whole, &mut rng);
                let known = Costs::walk(&space, &decisions);
                match (Graph::of(&space, &decisions), known) {
                    (Ok(graph), known) => {
                        fits += 1;
                        walked += usize::from(known.is_some());
                        let built = Costs::of_graph(&graph);
                        let known = known.map_or(built.clone(), |k| Costs { entered: vec![], ..k });
                        assert_eq!(known, built, "{i}: {decisions:?}");
                    }
                    (Err(_), known) => assert_eq!(known, None, "{i}: {decisions:?}"),
                }
            }
            // Only what has more than three dimensions has to be built.
            assert_eq!(walked, if i == 12 { 0 } else { fits }, "space {i}");
            assert!(fits > 20, "space {i}: {fits}");
        }
    }
}
