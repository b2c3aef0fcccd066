//! What an architecture costs, without building its network.
//!
//! A search asks this of every architecture that it samples, mutates or enumerates, and most of them
//! are never trained. So the tree is [walked](super::walk) with shapes alone: what a single layer makes
//! of a shape is found out once for the whole space and remembered, and a shared block is counted once
//! for every shape that enters it, however often it stands there. The layers themselves say what they
//! cost, and [`Nodes`] puts them together; where this walk meets something that does not fit, the
//! network is built to say what it is.

use crate::error::{Error, Result as Built};
use crate::graph::lowering::{Node, Nodes};
use crate::graph::order::Order;
use crate::graph::walk::{self, Between, Role, Sink, Walk};
use crate::graph::{Graph, MOST_LAYERS};
use crate::layer::ZERO;
use crate::shape::Shape;
use crate::tree::{Block, CHOICE, Join, Spec};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};

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

    pub(crate) fn of(nodes: &[Node]) -> Sums {
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
    pub(crate) fn walk(spec: &Spec, memo: &Memo, decisions: &[u32]) -> Option<Costs> {
        let input = At { value: Value::of(&spec.input)?, id: 0 };
        // The input itself is a node as well.
        let sums = Sums { layers: 1, ..Sums::default() };
        let known = memo.lock();
        let (counted, entered, outside) = (vec![], vec![], vec![]);
        let sink = Counts { spec, known, counted, entered, outside, sums, made: 0 };
        let mut walk = Walk::new(spec, sink);
        let end = walk.network(decisions, input).ok()?.value;
        let Counts { sums, entered, .. } = walk.sink;
        (sums.layers <= MOST_LAYERS).then(|| Costs { sums, output: end.shape(), entered })
    }
}

/// A shape, and what else later layers want to know of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Value {
    dims: [usize; 3],
    rank: u8,
    vocabulary: Option<usize>,
    padded: bool,
    /// See [`Node::both`].
    pub(crate) both: bool,
    /// Whether it is an edge that is not there.
    pub(crate) zero: bool,
    /// Only [`Sharing`](super::Sharing) keeps track of it.
    pub(crate) order: Order,
}

impl Value {
    pub(crate) fn of(shape: &Shape) -> Option<Value> {
        let mut dims = [0; 3];
        let given = shape.as_slice();
        dims.get_mut(..given.len())?.copy_from_slice(given);
        let (rank, vocabulary) = (given.len() as u8, shape.vocabulary());
        let (padded, both, zero, order) = (shape.is_padded(), false, false, Order::First);
        Some(Value { dims, rank, vocabulary, padded, both, zero, order })
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

    /// The same with its channels in another order.
    pub(crate) fn ordered(self, order: Order) -> Value {
        Value { order, ..self }
    }

    /// As large as another one of the same rank, where that is larger.
    pub(crate) fn grow(&mut self, other: &Value) {
        self.dims.iter_mut().zip(other.dims).for_each(|(mine, theirs)| *mine = theirs.max(*mine));
    }

    pub(crate) fn elements(&self) -> u64 {
        self.as_slice().iter().fold(1u64, |n, &d| n.saturating_mul(d as u64))
    }
}

/// In few words: the memo is asked of every layer of every architecture.
impl Hash for Value {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.dims.iter().for_each(|&d| state.write_usize(d));
        let flags = [self.padded, self.both, self.zero, self.vocabulary.is_some()];
        let rank = usize::from(self.rank);
        let word = flags.iter().fold(rank, |word, &flag| word << 1 | usize::from(flag));
        state.write_usize(self.vocabulary.unwrap_or(0) << 12 | word);
    }
}

/// What is remembered: what a block, or a piece that the walk asks for, makes of what enters it, with
/// its decisions or something else that it depends on.
type Key = (Piece, [u32; 4], Value);

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Piece {
    Layer(u64),
    Between(Between),
    Shortcut,
    Head,
}

/// What a space has learnt of its layers: each thread of a pool by itself, so that none waits for
/// another, as far as there are places.
#[derive(Default)]
pub(crate) struct Memo([Mutex<Known>; 8]);

type Known = HashMap<Key, (Value, Sums), BuildHasherDefault<Quick>>;

/// More than this are not remembered.
const MOST_KNOWN: usize = 20_000;

/// Too many decisions to be a key: a piece that is built anew each time.
const NOT_REMEMBERED: &[u32] = &[0; 5];

impl Memo {
    fn lock(&self) -> MutexGuard<'_, Known> {
        let place = rayon::current_thread_index().map_or(0, |i| 1 + i % (self.0.len() - 1));
        self.0[place].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A hash for keys that nobody chooses with ill intent: multiply and rotate.
#[derive(Default)]
struct Quick(u64);

impl Hasher for Quick {
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

/// What enters a shared block.
pub(crate) type Inputs = walk::Inputs<Value>;

/// A value, and a number of its own: two layers may give the same.
#[derive(Clone, Copy)]
struct At {
    value: Value,
    id: usize,
}

impl PartialEq for At {
    fn eq(&self, other: &At) -> bool {
        self.id == other.id
    }
}

/// A shared block with its inputs, and what became of them.
struct Counted {
    number: usize,
    inputs: Inputs,
    /// What it gives; nothing where that is what enters it.
    end: Option<Value>,
    /// Whether the earlier input is still there, and the channels asked of a wired cell.
    left: (bool, Option<usize>),
    sums: Sums,
}

/// The sink that counts what a network costs.
struct Counts<'s> {
    spec: &'s Spec,
    known: MutexGuard<'s, Known>,
    counted: Vec<Counted>,
    entered: Vec<(usize, Inputs)>,
    /// What was counted before the shared blocks that are being walked.
    outside: Vec<Sums>,
    sums: Sums,
    /// How many values there were.
    made: usize,
}

impl Counts<'_> {
    fn at(&mut self, value: Value) -> At {
        self.made += 1;
        At { value, id: self.made }
    }

    /// A layer without parameters, which gives this.
    fn free(&mut self, out: Value) -> At {
        self.sums = self.sums.plus(Sums { kept: out.elements(), layers: 1, ..Sums::default() });
        self.at(out)
    }

    /// A piece that [`Nodes`] makes of one input, which is not counted, as others of the first
    /// `inputs` are not; remembered by what it is and what it depends on.
    fn piece(
        &mut self,
        piece: Piece,
        depends: &[u32],
        at: At,
        inputs: usize,
        build: impl FnOnce(&mut Nodes) -> Built<usize>,
    ) -> Result<At, ()> {
        let mut key = (piece, [u32::MAX; 4], at.value);
        let short = depends.len() <= 4;
        let known = match short {
            true => {
                key.1[..depends.len()].copy_from_slice(depends);
                self.known.get(&key).copied()
            }
            false => None,
        };
        let (end, sums) = match known {
            Some(known) => known,
            None => {
                let mut nodes = Nodes::new(self.spec);
                nodes.input(at.value.shape()).map_err(drop)?;
                nodes.nodes[0].both = at.value.both;
                let end = build(&mut nodes).map_err(drop)?;
                let sums = Sums::of(nodes.nodes.get(inputs..).unwrap_or_default());
                let end = match end {
                    0 => at.value,
                    end => Value::of_node(&nodes.nodes[end]).ok_or(())?,
                };
                if short && self.known.len() < MOST_KNOWN {
                    self.known.insert(key, (end, sums));
                }
                (end, sums)
            }
        };
        self.sums = self.sums.plus(sums);
        Ok(if sums.layers == 0 { at } else { self.at(end) })
    }
}

impl Sink for Counts<'_> {
    type At = At;
    type Stop = ();

    fn layer(&mut self, layer: &Block, picks: &[u32], at: At) -> Result<At, ()> {
        self.piece(Piece::Layer(layer.id()), picks, at, 1, |nodes| nodes.layer(layer, picks, 0))
    }

    fn join(&mut self, join: Join, ends: &[At], _: Role) -> Result<At, ()> {
        let (first, rest) = ends.split_first().ok_or(())?;
        let all = rest.iter().try_fold(first.value, |all, end| all.with(join, &end.value));
        Ok(self.free(all.ok_or(())?.joined()))
    }

    fn shortcut(&mut self, from: At, to: At) -> Result<At, ()> {
        if from.value.same_shape(&to.value) {
            return Ok(from);
        }
        // It depends on the two shapes alone.
        let to = to.value;
        let depends = to.dims.map(|d| u32::try_from(d).unwrap_or(u32::MAX));
        let odd = to.vocabulary.is_some() || to.dims.iter().any(|&d| d >= u32::MAX as usize);
        let depends = if odd { NOT_REMEMBERED } else { &depends[..] };
        self.piece(Piece::Shortcut, depends, from, 2, |nodes| {
            let target = nodes.input(to.shape())?;
            nodes.shortcut(0, target)
        })
    }

    fn between(&mut self, what: Between, from: At) -> Result<At, ()> {
        self.piece(Piece::Between(what), &[], from, 1, |nodes| nodes.between(what, 0))
    }

    fn head(&mut self, end: At) -> Result<At, ()> {
        if self.sums.layers > 1 && self.sums.choices + 1 == self.sums.layers {
            return Ok(end);
        }
        let spec = self.spec;
        self.piece(Piece::Head, &[], end, 2, |nodes| {
            // The head asks the first node for the positions of the network's input.
            let from = nodes.input(end.value.shape())?;
            nodes.nodes[0].plan.output = spec.input.clone();
            nodes.head(from)
        })
    }

    fn stop(&self, _: impl FnOnce() -> Error) {}

    fn shape(&self, at: At) -> Shape {
        at.value.shape()
    }

    fn dims<'a>(&'a self, at: &'a At) -> &'a [usize] {
        at.value.as_slice()
    }

    fn same_shape(&self, a: At, b: At) -> bool {
        a.value.same_shape(&b.value)
    }

    fn is_zero(&self, at: At) -> bool {
        at.value.zero
    }

    fn known(
        &mut self,
        number: usize,
        inputs: walk::Inputs<At>,
        outside: bool,
    ) -> Option<walk::Inputs<At>> {
        let (at, before, wide) = inputs;
        let inputs = (at.value, before.map(|at| at.value), wide);
        // Before it may be known already, from inside another one: which are entered is not decided.
        if outside && self.entered.iter().all(|e| e.0 != number) {
            self.entered.push((number, inputs));
        }
        let known = |c: &&Counted| c.number == number && c.inputs == inputs;
        let Some(c) = self.counted.iter().find(known) else {
            self.outside.push(std::mem::take(&mut self.sums));
            return None;
        };
        let (end, (still, wide)) = (c.end, c.left);
        self.sums = self.sums.plus(c.sums);
        Some((end.map_or(at, |end| self.at(end)), before.filter(|_| still), wide))
    }

    fn learn(&mut self, number: usize, inputs: walk::Inputs<At>, gives: walk::Inputs<At>) {
        let (at, before, wide) = inputs;
        let inputs = (at.value, before.map(|at| at.value), wide);
        let outside = self.outside.pop().unwrap_or_default();
        let sums = std::mem::replace(&mut self.sums, outside);
        self.sums = self.sums.plus(sums);
        let end = (gives.0 != at).then_some(gives.0.value);
        let left = (gives.1.is_some(), gives.2);
        self.counted.push(Counted { number, inputs, end, left, sums });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;
    use crate::tree::genes;

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
            // What comes out is what came in, although there is a layer inside.
            images()
                .then(residual(branches([zero(), seq::<Block>([])])).then(conv(any([4, 8]), 3))),
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
                let known = space.networks().costs(&decisions);
                match (space.networks().graph(&decisions), known) {
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
            assert_eq!(walked, if i == 13 { 0 } else { fits }, "space {i}");
            assert!(fits > 20, "space {i}: {fits}");
        }
    }
}
