//! How many weights all networks of a space have together, where they share those that stand at the same
//! place, do the same, and get inputs of the same shapes. Not one network is built for it.
//!
//! As in [`reach`](super::reach), the tree is walked with all shapes that are possible at a place. Here
//! the place counts as well, for an operation has weights of its own at each. What can come of a block
//! carries the largest costs of the paths that lead there, so that the largest path is known at the end.
//!
//! Shared blocks are walked as if they were decided anew at each place, and in a wired cell each vertex has
//! all widths that some wiring gives it. Both can only add weights that no network has, so the numbers are
//! upper bounds; in spaces without these they are exact.
//!
//! Where weights are slices of larger ones, all paths to a place have to agree on it. So the walk notes the places
//! that some path reaches with channels in another order, and is repeated, with these apart, until there are no more.

use crate::error::Result;
use crate::graph::cost::Value;
use crate::graph::lowering::Nodes;
use crate::graph::order::{Order, Places, whole};
use crate::graph::walk::{Between, ROOT, Sink, same_size, site_in};
use crate::layer::BATCH_NORM;
use crate::op::{Op, SAME};
use crate::shape::Shape;
use crate::tree::{Block, Cell, Join, Spec, Tree, Wired, genes};
use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::rc::Rc;

/// What networks that share weights have together, in numbers of 32 bits, and what the largest has alone.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Sharing {
    /// All learned weights, where each size has its own.
    pub(crate) weights: u64,
    /// All learned weights, where those of smaller sizes are slices.
    pub(crate) sliced: u64,
    /// Where they are slices.
    pub(crate) places: Places,
    /// All running statistics.
    pub(crate) statistics: u64,
    /// The most weights that a path has.
    pub(crate) path: u64,
    /// The most numbers that a path keeps until the backward pass, for one sample.
    pub(crate) kept: u64,
}

/// How many layers are tried on a shape before it is too large to tell.
const MOST_TRIED: usize = 400_000;
/// More shapes than this at one place are too many.
const MOST_SHAPES: usize = 5_000;

/// A shape, and in a stack the earlier input of a cell with two.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct At {
    value: Value,
    before: Option<Value>,
}

/// The most that a path costs: its weights, and the numbers that it keeps.
#[derive(Clone, Copy, Default)]
struct Most {
    weights: u64,
    kept: u64,
}

impl Most {
    fn and(self, o: Most) -> Most {
        let (weights, kept) =
            (self.weights.saturating_add(o.weights), self.kept.saturating_add(o.kept));
        Most { weights, kept }
    }

    fn or(self, o: Most) -> Most {
        Most { weights: self.weights.max(o.weights), kept: self.kept.max(o.kept) }
    }

    /// Of an operation without weights that gives this.
    fn free(value: Value) -> Most {
        Most { weights: 0, kept: value.elements() }
    }
}

/// What can come of something, each with the most that a path to it costs.
#[derive(Clone)]
struct Ends<T> {
    list: Vec<(T, Most)>,
    index: HashMap<T, usize>,
}

impl<T: Clone + Eq + Hash> Ends<T> {
    fn new() -> Ends<T> {
        Ends { list: vec![], index: HashMap::new() }
    }

    fn one(end: T) -> Ends<T> {
        let mut ends = Ends::new();
        ends.add(end, Most::default());
        ends
    }

    fn add(&mut self, end: T, most: Most) {
        match self.index.get(&end) {
            Some(&i) => self.list[i].1 = self.list[i].1.or(most),
            None => {
                self.index.insert(end.clone(), self.list.len());
                self.list.push((end, most));
            }
        }
    }

    /// Nothing where there are too many.
    fn few(self) -> Option<Ends<T>> {
        (self.list.len() <= MOST_SHAPES).then_some(self)
    }
}

struct Walk<'s> {
    spec: &'s Spec,
    known: HashMap<(u64, At, Option<usize>), Rc<Ends<At>>>,
    /// The names of the operations that were counted; see `Model::sharing`.
    counted: HashSet<(u64, String)>,
    wholes: HashMap<(u64, String), Whole>,
    /// In which order the channels of what enters a place are.
    orders: HashMap<(u64, Value), Order>,
    sums: Sharing,
    tried: usize,
}

/// Weights that smaller ones are slices of: the largest inputs, and the least and largest value of each setting.
struct Whole {
    op: Op,
    inputs: Vec<Value>,
    settings: Vec<(usize, [Setting; 2])>,
    /// The most weights that one of them has.
    most: u64,
}

type Setting = crate::op::Value;

impl Whole {
    fn of(op: &Op, inputs: &[Value], weights: u64) -> Whole {
        let sliced = (op.info.facts.slices)(op).unwrap_or_default();
        let at = |name: &&str| op.info.args.iter().position(|arg| arg.name == *name);
        let both = |i: usize| (i, [op.args[i]; 2]);
        let settings = sliced.iter().filter_map(at).map(both).collect();
        Whole { op: op.clone(), inputs: inputs.to_vec(), settings, most: weights }
    }

    fn grow(&mut self, op: &Op, inputs: &[Value], weights: u64) {
        self.most = self.most.max(weights);
        for (mine, value) in self.inputs.iter_mut().zip(inputs) {
            mine.grow(value);
        }
        for (i, [low, high]) in &mut self.settings {
            if let (Setting::Int(now), Setting::Int(a), Setting::Int(b)) =
                (op.args[*i], *low, *high)
            {
                (*low, *high) = (Setting::Int(a.min(now)), Setting::Int(b.max(now)));
            }
        }
    }

    /// The most that it can have: each of its dimensions is the largest that was asked for.
    fn weights(&self) -> u64 {
        let shapes: Vec<Shape> = self.inputs.iter().map(Value::shape).collect();
        let corner = |bits: usize| {
            let mut op = self.op.clone();
            for (k, (i, ends)) in self.settings.iter().enumerate() {
                op.args[*i] = ends[bits >> k & 1];
            }
            (op.info.plan)(&op, &shapes).map_or(0, |plan| plan.params)
        };
        (0..1 << self.settings.len()).map(corner).fold(self.most, u64::max)
    }
}

impl Sharing {
    /// Nothing where the space has too many shapes, or none that fit.
    pub(crate) fn of(spec: &Spec) -> Option<Sharing> {
        let mut places = Places::default();
        loop {
            let found = Sharing::with(spec, &places)?;
            if found.places == places {
                return Some(found);
            }
            places = found.places;
        }
    }

    /// With these places, and those that come to it.
    fn with(spec: &Spec, places: &Places) -> Option<Sharing> {
        let (known, counted, wholes, orders) = Default::default();
        let sums = Sharing { places: places.clone(), ..Sharing::default() };
        let mut walk = Walk { spec, known, counted, wholes, orders, sums, tried: 0 };
        let input = At { value: Value::of(&spec.input)?, before: None };
        let ends = walk.block(&spec.root, site_in(ROOT, 0), input, None)?;
        let mut all = Most::default();
        for (end, most) in &ends.list {
            let head = walk.piece(site_in(ROOT, 1), end.value, 2, false, |nodes| {
                let from = nodes.input(end.value.shape())?;
                nodes.nodes[0].plan.output = spec.input.clone();
                nodes.head(from)
            })?;
            if let Some((_, head)) = head {
                all = all.or(most.and(head));
            }
        }
        let sliced = walk.wholes.values().fold(0u64, |sum, w| sum.saturating_add(w.weights()));
        (!ends.list.is_empty()).then_some(Sharing {
            path: all.weights,
            kept: all.kept,
            sliced: walk.sums.sliced.saturating_add(sliced),
            ..walk.sums
        })
    }
}

impl Walk<'_> {
    /// What the builder makes of one input at a site, and what that costs. Without the first `inputs` nodes,
    /// which stand for others. `open` says that its number of channels differs between paths. Inside, nothing if
    /// it does not fit; outside, if enough has been tried.
    fn piece(
        &mut self,
        site: u64,
        at: Value,
        inputs: usize,
        open: bool,
        build: impl FnOnce(&mut Nodes) -> Result<usize>,
    ) -> Option<Option<(Value, Most)>> {
        self.tried += 1;
        if self.tried > MOST_TRIED {
            return None;
        }
        let mut nodes = Nodes::piece(self.spec);
        nodes.input(at.shape()).ok()?;
        nodes.nodes[0].both = at.both;
        let Ok(end) = build(&mut nodes) else { return Some(None) };
        let mut most = Most::default();
        let places = &mut self.sums.places;
        if open {
            places.open.insert(site);
        }
        // Two orders of one shape are as bad as one that is not known.
        let first = *self.orders.entry((site, at.ordered(Order::First))).or_insert(at.order);
        if at.order == Order::Unknown || at.order != first {
            places.apart.insert(site);
        }
        let open = places.open.contains(&site);
        let order = if places.apart.contains(&site) { Order::Unknown } else { at.order };
        let mut orders = vec![order; inputs];
        for node in nodes.nodes.iter().skip(inputs) {
            let (weights, kept) = (node.plan.params, node.plan.kept);
            most = most.and(Most { weights, kept });
            let shape = |&i: &usize| nodes.nodes[i].plan.output.clone();
            let shapes: Vec<Shape> = node.inputs.iter().map(shape).collect();
            let from = node.inputs.iter().map(|&i| orders[i]).reduce(Order::and);
            let from = from.unwrap_or(Order::First);
            orders.push(from.after(&node.op, &shapes, weights, open));
            if weights == 0 {
                continue;
            }
            let read: Vec<String> = shapes.iter().map(Shape::to_string).collect();
            let name = format!("{} of {}", node.op, read.join(" and "));
            let whole = whole(&node.op, &shapes, from);
            let known = self.counted.contains(&(site, name.clone()));
            match whole {
                Some(whole) => {
                    let values: Vec<Value> = shapes.iter().filter_map(Value::of).collect();
                    self.wholes
                        .entry((site, whole))
                        .and_modify(|w| w.grow(&node.op, &values, weights))
                        .or_insert_with(|| Whole::of(&node.op, &values, weights));
                }
                None if known => {}
                None => self.sums.sliced = self.sums.sliced.saturating_add(weights),
            }
            if self.counted.insert((site, name)) {
                let normalised = node.op.has("norm") || node.op.is(&BATCH_NORM);
                let channels = node.plan.output.channels() as u64;
                let statistics = if normalised { 2 * channels } else { 0 };
                let sums = &mut self.sums;
                sums.weights = sums.weights.saturating_add(weights);
                sums.statistics = sums.statistics.saturating_add(statistics);
            }
        }
        let end = match end {
            0 => at,
            end => Value::of_node(&nodes.nodes[end])?.ordered(orders[end]),
        };
        Some(Some((end, most)))
    }

    fn block(
        &mut self,
        block: &Block,
        site: u64,
        at: At,
        wide: Option<usize>,
    ) -> Option<Rc<Ends<At>>> {
        let key = (site, at, wide);
        if let Some(known) = self.known.get(&key) {
            return Some(known.clone());
        }
        let ends = Rc::new(self.ends(block, site, at, wide)?.few()?);
        self.known.insert(key, ends.clone());
        Some(ends)
    }

    /// What a block makes of all that comes in.
    fn follow(&mut self, block: &Block, site: u64, all: &Ends<At>) -> Option<Ends<At>> {
        let mut out = Ends::new();
        for (at, most) in &all.list {
            for (end, more) in &self.block(block, site, *at, None)?.list {
                out.add(*end, most.and(*more));
            }
        }
        out.few()
    }

    fn ends(&mut self, block: &Block, site: u64, at: At, wide: Option<usize>) -> Option<Ends<At>> {
        match &*block.0 {
            Tree::Layer { .. } => self.layer(block, site_in(site, 0), at),
            Tree::Seq(blocks) => {
                let mut blocks = blocks.iter().enumerate();
                blocks.try_fold(Ends::one(at), |all, (i, b)| self.follow(b, site_in(site, i), &all))
            }
            Tree::OneOf(options) => {
                let mut out = Ends::new();
                for (o, option) in options.iter().enumerate() {
                    let ends = self.block(option, site_in(site, o), at, None)?;
                    ends.list.iter().for_each(|(end, most)| out.add(*end, *most));
                }
                Some(out)
            }
            Tree::Repeat { times, block } => {
                let counts: Vec<usize> =
                    (0..times.options.len()).map(|i| genes::count(times, i)).collect();
                let (mut all, mut out) = (Ends::one(at), Ends::new());
                for copies in 0..=counts.iter().copied().max().unwrap_or(0) {
                    if copies > 0 {
                        all = self.follow(block, site_in(site, copies - 1), &all)?;
                    }
                    if counts.contains(&copies) {
                        all.list.iter().for_each(|(end, most)| out.add(*end, *most));
                    }
                }
                Some(out)
            }
            Tree::Residual(inner) => self.residual(inner, site, at),
            Tree::Cell(cell) => self.cell(cell, site, at),
            Tree::Wired(cell) => self.wired(cell, site, at, wide),
            Tree::Stack(parts) => self.stack(parts, site, at),
            Tree::Wide { channels, block } => {
                Some((*self.block(block, site, at, Some(*channels))?).clone())
            }
            Tree::Shared { name, block } => {
                let genome = self.spec.genome();
                let same = genome.number(name).map(|i| genome.shared[i].1.clone());
                let same = same.unwrap_or_else(|| block.clone());
                Some((*self.block(&same, site, at, wide)?).clone())
            }
            Tree::Broken { block, .. } => Some((*self.block(block, site, at, None)?).clone()),
        }
    }

    /// A layer with each of its settings.
    fn layer(&mut self, block: &Block, site: u64, at: At) -> Option<Ends<At>> {
        let Tree::Layer { args, info } = &*block.0 else { return None };
        let same = |options: &[Setting]| options.len() != 1 || options[0] == SAME;
        let open = info.args.iter().zip(args).any(|(arg, c)| arg.is_size() && same(&c.options));
        let sizes: Vec<usize> = args.iter().map(|c| c.options.len().max(1)).collect();
        let mut out = Ends::new();
        let mut picks = vec![0u32; args.len()];
        loop {
            let asked = picks.iter().zip(&sizes).filter(|(_, n)| **n > 1);
            let own: Vec<u32> = asked.map(|(pick, _)| *pick).collect();
            let made = self.piece(site, at.value, 1, open, |nodes| nodes.layer(block, &own, 0))?;
            if let Some((value, most)) = made {
                out.add(At { value, ..at }, most);
            }
            // The first setting runs fastest.
            let Some(next) = (0..picks.len()).find(|&i| (picks[i] as usize) + 1 < sizes[i]) else {
                return Some(out);
            };
            picks[..next].fill(0);
            picks[next] += 1;
        }
    }

    fn residual(&mut self, inner: &Block, site: u64, at: At) -> Option<Ends<At>> {
        let ends = self.block(inner, site_in(site, 0), at, None)?;
        let mut out = Ends::new();
        for (end, most) in &ends.list {
            if *end == at {
                // Perhaps there is no layer inside, and so no sum.
                out.add(*end, *most);
            }
            let shortcut = match at.value.same_shape(&end.value) {
                true => Some((at.value, Most::default())),
                false => self.piece(site_in(site, 1), at.value, 2, true, |nodes| {
                    let target = nodes.input(end.value.shape())?;
                    nodes.shortcut(0, target)
                })?,
            };
            if let Some((Value { order: shortcut_order, .. }, more)) = shortcut {
                let order = end.value.order.and(shortcut_order);
                let value = end.value.joined().ordered(order);
                out.add(At { value, ..*end }, most.and(more).and(Most::free(value)));
            }
        }
        Some(out)
    }

    fn cell(&mut self, cell: &Cell, site: u64, at: At) -> Option<Ends<At>> {
        // The values of the nodes so far, and the earlier input if nothing has taken it.
        let first = match cell.two_inputs {
            true => (vec![at.before.unwrap_or(at.value), at.value], None),
            false => (vec![at.value], at.before),
        };
        let (mut all, mut edges) = (Ends::one(first), 0);
        for (step, sets) in cell.nodes() {
            let every = [(0..step.edges.len()).collect()];
            let mut out = Ends::new();
            for set in sets.unwrap_or(&every) {
                // Edge by edge, with what is joined so far.
                let mut partly = Ends::new();
                for ((nodes, before), most) in &all.list {
                    partly.add((nodes.clone(), *before, Joined::Nothing), *most);
                }
                for &i in set {
                    let Some(edge) = step.edges.get(i) else { continue };
                    // Parts of a cell count from 1.
                    let part = site_in(site, edges + i + 1);
                    let mut next = Ends::new();
                    for ((nodes, before, joined), most) in &partly.list {
                        let from = At { value: *nodes.get(edge.from)?, before: *before };
                        for (end, more) in &self.block(&edge.block, part, from, None)?.list {
                            if let Some((joined, sum)) = joined.and(step.join, end.value) {
                                let state = (nodes.clone(), end.before, joined);
                                next.add(state, most.and(*more).and(sum));
                            }
                        }
                    }
                    partly = next.few()?;
                }
                for ((mut nodes, before, joined), most) in partly.list {
                    nodes.push(joined.end()?);
                    out.add((nodes, before), most);
                }
            }
            edges += step.edges.len();
            all = out.few()?;
        }
        let mut out = Ends::new();
        for ((nodes, before), most) in all.list {
            let joined = match cell.concat {
                true => {
                    let begin = Some((Joined::Nothing, most));
                    nodes[cell.inputs()..].iter().fold(begin, |joined, v| {
                        let (joined, most) = joined?;
                        let (joined, more) = joined.and(Join::Concat, *v)?;
                        Some((joined, most.and(more)))
                    })
                }
                false => nodes.last().map(|&v| (Joined::One(v, v), most)),
            };
            if let Some((joined, most)) = joined {
                out.add(At { value: joined.end()?, before }, most);
            }
        }
        Some(out)
    }

    /// Every vertex with every width that a wiring gives it; a path has all vertices at the largest.
    fn wired(&mut self, cell: &Wired, site: u64, at: At, wide: Option<usize>) -> Option<Ends<At>> {
        let &[input, h, w] = at.value.as_slice() else { return Some(Ends::new()) };
        let channels = wide.unwrap_or(input);
        let last = cell.vertices.saturating_sub(1);
        let mut widths: Vec<usize> = (1..last)
            .flat_map(|k| [channels / k, (channels / k).saturating_add(1)])
            .filter(|&width| (1..=channels).contains(&width))
            .collect();
        widths.sort_unstable();
        widths.dedup();
        let whole = Value::of(&Shape::new([channels, h, w]))?;
        // The sum and the concatenation at the end, and the projection of the input.
        let mut most = Most::free(whole).and(Most::free(whole));
        let projected = |nodes: &mut Nodes, width| nodes.between(Between::Projection(width), 0);
        let straight =
            self.piece(site_in(site, last), at.value, 1, true, |n| projected(n, channels))?;
        most = most.and(straight.map_or(Most::default(), |(_, most)| most));
        // What a vertex reads may be the first channels of any before it.
        let mut order = Order::First;
        for v in 1..last {
            let (mut of_vertex, before) = (Most::default(), order);
            for &width in &widths {
                let value = Value::of(&Shape::new([width, h, w]))?;
                let part = site_in(site, v);
                let read = self.piece(part, at.value, 1, true, |n| projected(n, width))?;
                let mut own = read.map_or(Most::default(), |(_, most)| most);
                let order_of_read = read.map_or(Order::Unknown, |(value, _)| value.order);
                let value = value.ordered(before.and(order_of_read));
                // From every earlier vertex its first channels, and the sum of all that is read.
                for _ in 0..v {
                    own = own.and(Most::free(value));
                }
                let ends = self.block(&cell.op, part, At { value, before: at.before }, None)?;
                order = ends.list.iter().fold(order, |all, (end, _)| all.and(end.value.order));
                let ops = ends.list.iter().fold(Most::default(), |all, (_, most)| all.or(*most));
                of_vertex = of_vertex.or(own.and(ops));
            }
            most = most.and(of_vertex);
        }
        let mut out = Ends::new();
        let whole = whole.ordered(Order::Unknown);
        out.add(At { value: whole, ..at }, most);
        // A vertex of zeros may be all there is.
        out.add(At { value: whole.nothing(), ..at }, most);
        Some(out)
    }

    fn stack(&mut self, parts: &[Block], site: u64, at: At) -> Option<Ends<At>> {
        let mut all = Ends::one((at.value, at.value));
        for (i, pair) in parts.chunks_exact(2).enumerate() {
            let [prepare, cell] = pair else { continue };
            let [of_now, of_before, of_cell] = [0, 1, 2].map(|part| site_in(site, 3 * i + part));
            let mut out = Ends::new();
            for ((earlier, last), most) in &all.list {
                let alone = |value: Value| At { value, before: None };
                let prepared = self.block(prepare, of_now, alone(*last), None)?;
                let Some(&(now, first)) = prepared.list.first() else { continue };
                let before = match same_size(earlier.as_slice(), last.as_slice()) {
                    true => {
                        let ends = self.block(prepare, of_before, alone(*earlier), None)?;
                        ends.list.first().map(|(end, most)| (end.value, *most))
                    }
                    false => self.piece(of_before, *earlier, 1, true, |nodes| {
                        let active = nodes.between(Between::Relu, 0)?;
                        let target = nodes.input(now.value.shape())?;
                        nodes.shortcut(active, target)
                    })?,
                };
                let Some((before, second)) = before else { continue };
                let at = At { value: now.value, before: Some(before) };
                for (end, more) in &self.block(cell, of_cell, at, None)?.list {
                    out.add((*last, end.value), most.and(first).and(second).and(*more));
                }
            }
            all = out.few()?;
        }
        let mut out = Ends::new();
        all.list.into_iter().for_each(|((_, value), m)| out.add(At { value, before: None }, m));
        Some(out)
    }
}

/// Several values as they become one, in the order of the edges; see [`reach`](super::reach).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Joined {
    Nothing,
    /// Zeros alone, which add nothing to a sum.
    Zeros(Value),
    /// A single value, and the first one: only zeros of its shape are left out of a sum.
    One(Value, Value),
    Many(Value, Value),
}

impl Joined {
    /// With one value more, and what that costs; nothing where they do not fit.
    fn and(self, join: Join, value: Value) -> Option<(Joined, Most)> {
        let first = match self {
            Joined::Nothing => value,
            Joined::Zeros(first) | Joined::One(_, first) | Joined::Many(_, first) => first,
        };
        if join == Join::Sum && value.zero && value.same_shape(&first) {
            let same = if self == Joined::Nothing { Joined::Zeros(value) } else { self };
            return Some((same, Most::default()));
        }
        let so_far = match self {
            Joined::Nothing | Joined::Zeros(_) => {
                return Some((Joined::One(value, first), Most::default()));
            }
            Joined::One(so_far, _) | Joined::Many(so_far, _) => so_far,
        };
        let order = match join {
            Join::Sum => so_far.order.and(value.order),
            Join::Concat => Order::Unknown,
        };
        let both = so_far.with(join, &value)?.ordered(order);
        // It is one operation, however many it joins: only what it grows by is new.
        let before = if matches!(self, Joined::Many(..)) { so_far.elements() } else { 0 };
        let cost = Most { weights: 0, kept: both.elements().saturating_sub(before) };
        Some((Joined::Many(both, first), cost))
    }

    fn end(self) -> Option<Value> {
        match self {
            Joined::Nothing => None,
            Joined::Zeros(value) | Joined::One(value, _) => Some(value),
            Joined::Many(value, _) => Some(value.joined()),
        }
    }
}
