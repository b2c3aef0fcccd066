//! Which shapes can reach each part of a space, and so whether anything in it fits together.
//!
//! What follows a shape does not depend on how the shape came about. So the tree is walked once with
//! *all* shapes that are possible at a place, instead of once for each architecture: a layer maps a set
//! of shapes to a set of shapes, and a choice is the union of what its options give. Where the set is
//! empty, nothing fits, and the layers at that place say why. Each shape carries the options on some
//! path to it: an option that is on no path to the end never fits.
//!
//! Shared blocks, whose decisions are the same everywhere, are walked as if they were decided anew at
//! each place, and of wired cells only the shape is followed. Both can only add architectures that do
//! not exist, so a verdict of "nothing fits" is always right.

use crate::error::Result;
use crate::graph::cost::Value;
use crate::graph::lowering::Nodes;
use crate::graph::walk::{Between, Sink, not_wired, same_size};
use crate::layer::{ADD, CONCAT};
use crate::op::{Op, Value as Given};
use crate::shape::Shape;
use crate::tree::{Block, Cell, Join, Spec, Tree, Wired, block_name, genes};
use std::collections::HashMap;
use std::rc::Rc;

/// What was found out about a space.
#[derive(Clone)]
pub(crate) struct Reach {
    pub(crate) verdict: Verdict,
    /// The options that never fit, with the reasons.
    pub(crate) never: Vec<String>,
}

#[derive(Clone)]
pub(crate) enum Verdict {
    /// Some architecture fits together.
    Fits,
    /// None does; what the layers say at the places where all of them end.
    Nothing(Vec<String>),
    /// Too large to tell, or only known to fit if shared blocks could differ.
    Unknown,
}

/// How many layers are tried on a shape before it is too large to tell.
const MOST_TRIED: usize = 100_000;
/// More options than this are not looked at one by one.
const MOST_OPTIONS: usize = 2_000;
/// More shapes than this at one place are too many.
const MOST_SHAPES: usize = 5_000;
/// The most reasons that are kept.
const MOST_REASONS: usize = 40;

/// A shape, and in a stack the earlier input of a cell with two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct At {
    value: Value,
    before: Option<Value>,
}

/// Options on the way to a shape, a bit each.
type Used = Vec<u64>;

fn unite(into: &mut Used, other: &Used) {
    into.iter_mut().zip(other).for_each(|(a, b)| *a |= b);
}

/// What can come of something, each with the options on the paths to it; and, where nothing can, why.
#[derive(Clone)]
struct Ends<T> {
    list: Vec<(T, Used)>,
    index: HashMap<T, usize>,
    refused: Vec<String>,
}

impl<T: Clone + Eq + std::hash::Hash> Ends<T> {
    fn new() -> Ends<T> {
        Ends { list: vec![], index: HashMap::new(), refused: vec![] }
    }

    fn one(end: T, used: Used) -> Ends<T> {
        let mut ends = Ends::new();
        ends.add(end, used);
        ends
    }

    fn add(&mut self, end: T, used: Used) {
        match self.index.get(&end) {
            Some(&i) => unite(&mut self.list[i].1, &used),
            None => {
                self.index.insert(end.clone(), self.list.len());
                self.list.push((end, used));
            }
        }
    }

    /// Adds what comes next after something with these options.
    fn extend(&mut self, next: &Ends<T>, options: &Used) {
        for (end, more) in &next.list {
            let mut used = options.clone();
            unite(&mut used, more);
            self.add(end.clone(), used);
        }
        self.blame(next);
    }

    fn refuse(&mut self, reason: &str) {
        let reason = reason.trim_end_matches('.');
        let new = !self.refused.iter().any(|r| r == reason);
        if new && self.refused.len() < MOST_REASONS {
            self.refused.push(reason.to_string());
        }
    }

    /// Adds the reasons of something that came to nothing.
    fn blame<U>(&mut self, other: &Ends<U>) {
        if other.list.is_empty() {
            other.refused.iter().for_each(|reason| self.refuse(reason));
        }
    }

    fn none(because: &[String]) -> Ends<T> {
        let mut none = Ends::new();
        because.iter().for_each(|reason| none.refuse(reason));
        none
    }
}

/// An option of the tree: the block by its number, which of its choices, and which option.
type Place = (u64, usize, usize);

/// Instead of the number of a choice: the layer as a whole.
const ALL: usize = usize::MAX;

struct Choice {
    name: String,
    /// The option that it is inside of.
    parent: Option<usize>,
    /// Why it did not fit by itself.
    refused: Option<String>,
}

struct Walk<'s> {
    spec: &'s Spec,
    choices: Vec<Choice>,
    numbers: HashMap<Place, usize>,
    known: HashMap<(u64, At, Option<usize>), Rc<Ends<At>>>,
    tried: usize,
}

impl Reach {
    pub(crate) fn of(spec: &Spec) -> Reach {
        let (choices, numbers, known) = Default::default();
        let mut walk = Walk { spec, choices, numbers, known, tried: 0 };
        walk.list(&spec.root, None);
        if walk.choices.len() > MOST_OPTIONS {
            (walk.choices, walk.numbers) = Default::default();
        }
        let Some(ends) = Value::of(&spec.input).and_then(|input| walk.whole(input)) else {
            return Reach { verdict: Verdict::Unknown, never: vec![] };
        };
        if ends.list.is_empty() {
            return Reach { verdict: Verdict::Nothing(ends.refused), never: vec![] };
        }
        let mut used = walk.unused();
        ends.list.iter().for_each(|(_, u)| unite(&mut used, u));
        let verdict = match spec.genome().shared.is_empty() {
            true => Verdict::Fits,
            false => Verdict::Unknown,
        };
        Reach { verdict, never: walk.never(&used) }
    }
}

/// How often a block may be repeated.
fn counts(times: &crate::tree::Choice) -> impl Iterator<Item = usize> {
    (0..times.options.len()).map(|i| genes::count(times, i))
}

fn most(times: &crate::tree::Choice) -> usize {
    counts(times).max().unwrap_or(0)
}

fn has(used: &Used, i: usize) -> bool {
    used.get(i / 64).is_some_and(|word| word >> (i % 64) & 1 == 1)
}

impl Walk<'_> {
    /// Numbers the options of the tree, once each.
    fn list(&mut self, block: &Block, parent: Option<usize>) {
        if self.choices.len() > MOST_OPTIONS {
            return;
        }
        match &*block.0 {
            Tree::Layer { info, args } => {
                let own = self.number((block.id(), ALL, 0), block_name(block), parent);
                for (a, (arg, choice)) in info.args.iter().zip(args).enumerate() {
                    if choice.options.len() > 1 {
                        for (o, value) in choice.options.iter().enumerate() {
                            let name =
                                format!("{} with {} {}", info.name, arg.name, arg.text(value));
                            self.number((block.id(), a, o), name, Some(own));
                        }
                    }
                }
            }
            Tree::OneOf(options) if options.len() > 1 => {
                for (o, option) in options.iter().enumerate() {
                    let name = block_name(option);
                    let number = self.number((block.id(), 0, o), name, parent);
                    self.list(option, Some(number));
                }
            }
            Tree::Shared { name, block } => {
                let same = self.decided(name).unwrap_or_else(|| block.clone());
                self.list(&same, parent);
            }
            // Nothing inside these is ever built.
            Tree::Repeat { times, .. } if most(times) == 0 => {}
            Tree::Wired(cell) if cell.vertices < 3 => {}
            // Any of its sets of edges is as good as another.
            Tree::Cell(cell) => cell.edges().for_each(|(_, _, b)| self.list(b, parent)),
            _ => block.children().iter().for_each(|b| self.list(b, parent)),
        }
    }

    fn number(&mut self, place: Place, name: String, parent: Option<usize>) -> usize {
        let next = self.choices.len();
        let number = *self.numbers.entry(place).or_insert(next);
        if number == next {
            self.choices.push(Choice { name, parent, refused: None });
        }
        number
    }

    /// The one block that a name stands for.
    fn decided(&self, name: &str) -> Option<Block> {
        let genome = self.spec.genome();
        genome.number(name).map(|i| genome.shared[i].1.clone())
    }

    fn unused(&self) -> Used {
        vec![0; self.choices.len().div_ceil(64)]
    }

    fn using(&self, places: impl IntoIterator<Item = Place>) -> Used {
        let mut used = self.unused();
        for place in places {
            if let Some(&i) = self.numbers.get(&place) {
                used[i / 64] |= 1 << (i % 64);
            }
        }
        used
    }

    /// Remembers why an option did not fit, the first time.
    fn explain(&mut self, place: Place, why: &str) {
        if let Some(&i) = self.numbers.get(&place) {
            self.choices[i].refused.get_or_insert_with(|| why.to_string());
        }
    }

    fn never(&self, used: &Used) -> Vec<String> {
        let alive = |i: usize| has(used, i);
        let mut told = vec![];
        for (i, choice) in self.choices.iter().enumerate() {
            // What is inside something that never fits is not mentioned again.
            if alive(i) || choice.parent.is_some_and(|p| !alive(p)) {
                continue;
            }
            let why = match &choice.refused {
                Some(why) => why.clone(),
                None => "what stands around it fits none of the shapes that it makes".to_string(),
            };
            let text = format!("{} never fits: {why}.", choice.name);
            if !told.contains(&text) {
                told.push(text);
            }
        }
        told
    }

    /// What leaves the head.
    fn whole(&mut self, input: Value) -> Option<Ends<At>> {
        let spec = self.spec;
        let ends = self.block(&spec.root, At { value: input, before: None }, None)?;
        let mut out = Ends::new();
        out.blame(&ends);
        for (end, used) in &ends.list {
            let head = self.piece(end.value, |b| {
                let from = b.input(end.value.shape())?;
                b.nodes[0].plan.output = spec.input.clone();
                b.head(from)
            })?;
            match head {
                Ok(value) => out.add(At { value, before: None }, used.clone()),
                Err(why) => out.refuse(&why.to_string()),
            }
        }
        Some(out)
    }

    /// What the builder makes of one input, or why it does not; nothing where enough has been tried.
    fn piece(
        &mut self,
        at: Value,
        build: impl FnOnce(&mut Nodes) -> Result<usize>,
    ) -> Option<Result<Value>> {
        self.tried += 1;
        if self.tried > MOST_TRIED {
            return None;
        }
        let mut nodes = Nodes::piece(self.spec);
        nodes.input(at.shape()).ok()?;
        nodes.nodes[0].both = at.both;
        Some(match build(&mut nodes) {
            Ok(0) => Ok(at),
            Ok(end) => Ok(Value::of_node(&nodes.nodes[end])?),
            Err(e) => Err(e),
        })
    }

    fn block(&mut self, block: &Block, at: At, wide: Option<usize>) -> Option<Rc<Ends<At>>> {
        let key = (block.id(), at, wide);
        if let Some(known) = self.known.get(&key) {
            return Some(known.clone());
        }
        let ends = self.ends(block, at, wide)?;
        if ends.list.len() > MOST_SHAPES {
            return None;
        }
        let ends = Rc::new(ends);
        self.known.insert(key, ends.clone());
        Some(ends)
    }

    /// What a block makes of all that comes in.
    fn follow(&mut self, block: &Block, all: &Ends<At>) -> Option<Ends<At>> {
        let mut out = Ends::new();
        for (at, used) in &all.list {
            out.extend(&*self.block(block, *at, None)?, used);
        }
        // Where nothing came in, the reason is an earlier one.
        out.blame(all);
        Some(out)
    }

    fn ends(&mut self, block: &Block, at: At, wide: Option<usize>) -> Option<Ends<At>> {
        let start = || Ends::one(at, self.unused());
        match &*block.0 {
            Tree::Layer { .. } => self.layer(block, at),
            Tree::Seq(blocks) => blocks.iter().try_fold(start(), |all, b| self.follow(b, &all)),
            Tree::OneOf(options) => {
                let mut out = Ends::new();
                for (o, option) in options.iter().enumerate() {
                    let ends = self.block(option, at, None)?;
                    let place = (block.id(), 0, o);
                    out.extend(&ends, &self.using([place]));
                    if let (true, Some(why)) = (ends.list.is_empty(), ends.refused.first()) {
                        self.explain(place, why);
                    }
                }
                Some(out)
            }
            Tree::Repeat { times, block } => {
                let counts: Vec<usize> = counts(times).collect();
                let (mut all, mut out) = (start(), Ends::new());
                for copies in 0..=most(times) {
                    if copies > 0 {
                        all = self.follow(block, &all)?;
                    }
                    if counts.contains(&copies) {
                        all.list.iter().for_each(|(end, used)| out.add(*end, used.clone()));
                    }
                }
                out.blame(&all);
                Some(out)
            }
            Tree::Residual(inner) => {
                let ends = self.block(inner, at, None)?;
                let mut out = Ends::new();
                out.blame(&ends);
                for (end, used) in &ends.list {
                    if *end == at {
                        // Perhaps there is no layer inside, and so no sum.
                        out.add(*end, used.clone());
                    }
                    let fits = match at.value.same_shape(&end.value) {
                        true => Ok(end.value),
                        false => self.piece(at.value, |b| {
                            let target = b.input(end.value.shape())?;
                            b.shortcut(0, target)
                        })?,
                    };
                    match fits {
                        Ok(_) => {
                            let value = end.value.joined();
                            out.add(At { value, ..*end }, used.clone());
                        }
                        Err(why) => out.refuse(&why.to_string()),
                    }
                }
                Some(out)
            }
            Tree::Cell(cell) => self.cell(cell, at),
            Tree::Wired(cell) => self.wired(cell, at, wide),
            Tree::Stack(parts) => self.stack(parts, at),
            Tree::Wide { channels, block } => {
                Some((*self.block(block, at, Some(*channels))?).clone())
            }
            Tree::Shared { name, block } => {
                let same = self.decided(name).unwrap_or_else(|| block.clone());
                Some((*self.block(&same, at, wide)?).clone())
            }
            Tree::Broken { block, .. } => Some((*self.block(block, at, None)?).clone()),
        }
    }

    /// A layer with each of its settings.
    fn layer(&mut self, block: &Block, at: At) -> Option<Ends<At>> {
        let Tree::Layer { info, args } = &*block.0 else { return None };
        let sizes: Vec<usize> = args.iter().map(|c| c.options.len().max(1)).collect();
        // Whether it fits does not depend on how many channels or units it gives, unless they are grouped.
        let grouped = |(arg, choice): (&crate::op::Setting, &crate::tree::Choice)| {
            arg.divides && choice.options != [Given::Int(1)]
        };
        let alike = info.args.first().is_some_and(|arg| arg.is_size())
            && !info.args.iter().zip(args).any(grouped);
        let mut out = Ends::new();
        let mut picks = vec![0u32; args.len()];
        loop {
            let open = picks.iter().zip(&sizes).filter(|(_, n)| **n > 1);
            let own: Vec<u32> = open.map(|(pick, _)| *pick).collect();
            let whole = (block.id(), ALL, 0);
            let chosen = |(a, &pick): (usize, &u32)| (block.id(), a, pick as usize);
            let places = picks.iter().enumerate().map(chosen).chain([whole]);
            match self.piece(at.value, |b| b.layer(block, &own, 0))? {
                Ok(value) => out.add(At { value, ..at }, self.using(places)),
                Err(e) => {
                    let why = e.to_string().trim_end_matches('.').to_string();
                    out.refuse(&why);
                    if e.is_hopeless() {
                        self.explain(whole, &why);
                        return Some(out);
                    }
                    places.for_each(|place| self.explain(place, &why));
                    if alike && let Some(first) = picks.first_mut() {
                        *first = sizes[0] as u32 - 1;
                    }
                }
            }
            // The first setting runs fastest.
            let Some(next) = (0..picks.len()).find(|&i| (picks[i] as usize) + 1 < sizes[i]) else {
                return Some(out);
            };
            picks[..next].fill(0);
            picks[next] += 1;
            if out.list.len() > MOST_SHAPES {
                return None;
            }
        }
    }

    fn cell(&mut self, cell: &Cell, at: At) -> Option<Ends<At>> {
        // The values of the nodes so far, and the earlier input if nothing has taken it.
        let first = match cell.two_inputs {
            true => (vec![at.before.unwrap_or(at.value), at.value], None),
            false => (vec![at.value], at.before),
        };
        let mut all = Ends::one(first, self.unused());
        for (step, sets) in cell.nodes() {
            let every = [(0..step.edges.len()).collect()];
            let mut out = Ends::new();
            for set in sets.unwrap_or(&every) {
                // Edge by edge, with what is joined so far.
                let begin = |((nodes, before), used): &((Vec<Value>, _), Used)| {
                    ((nodes.clone(), *before, Joined::Nothing), used.clone())
                };
                let mut partly = Ends::new();
                all.list.iter().map(begin).for_each(|(state, used)| partly.add(state, used));
                for edge in set.iter().filter_map(|&i| step.edges.get(i)) {
                    let mut next = Ends::new();
                    for ((nodes, before, joined), used) in &partly.list {
                        let from = At { value: *nodes.get(edge.from)?, before: *before };
                        let ends = self.block(&edge.block, from, None)?;
                        next.blame(&ends);
                        for (end, more) in &ends.list {
                            let mut used = used.clone();
                            unite(&mut used, more);
                            match joined.and(step.join, end.value) {
                                Ok(joined) => {
                                    next.add((nodes.clone(), end.before, joined), used);
                                }
                                Err(why) => next.refuse(&why),
                            }
                        }
                    }
                    if next.list.len() > MOST_SHAPES {
                        return None;
                    }
                    next.blame(&partly);
                    partly = next;
                }
                out.blame(&partly);
                for ((mut nodes, before, joined), used) in partly.list {
                    nodes.push(joined.end()?);
                    out.add((nodes, before), used);
                }
            }
            if out.list.is_empty() {
                return Some(Ends::none(&out.refused));
            }
            all = out;
        }
        let mut out = Ends::new();
        for ((nodes, before), used) in all.list {
            let value = match cell.concat {
                true => {
                    let mut nodes = nodes[cell.inputs()..].iter();
                    let all = |joined: Joined, v: &Value| joined.and(Join::Concat, *v);
                    match nodes.try_fold(Joined::Nothing, all) {
                        Ok(joined) => joined.end()?,
                        Err(why) => {
                            out.refuse(&why);
                            continue;
                        }
                    }
                }
                false => *nodes.last()?,
            };
            out.add(At { value, before }, used);
        }
        Some(out)
    }

    /// The wiring that leads from the input straight to the output is always possible, and every other
    /// one gives the same shape. The options on the vertices are tried with all shares of the channels.
    fn wired(&mut self, cell: &Wired, at: At, wide: Option<usize>) -> Option<Ends<At>> {
        let &[input, h, w] = at.value.as_slice() else {
            let why = not_wired(&at.value.shape()).to_string();
            return Some(Ends::none(&[why]));
        };
        let channels = wide.unwrap_or(input);
        let mut used = self.unused();
        for k in 1..cell.vertices.saturating_sub(1) {
            for share in [channels / k, (channels / k).saturating_add(1)] {
                let shape = Shape::new([share, h, w]);
                let Some(value) = Value::of(&shape).filter(|_| share > 0) else { continue };
                let ends = self.block(&cell.op, At { value, before: at.before }, None)?;
                let stays = ends.list.iter().filter(|(end, _)| end.value.same_shape(&value));
                stays.for_each(|(_, more)| unite(&mut used, more));
            }
        }
        let value = Value::of(&Shape::new([channels, h, w]))?;
        let mut out = Ends::one(At { value, ..at }, used.clone());
        // A vertex of zeros may be all there is.
        out.add(At { value: value.nothing(), ..at }, used);
        Some(out)
    }

    fn stack(&mut self, parts: &[Block], at: At) -> Option<Ends<At>> {
        let mut all = Ends::one((at.value, at.value), self.unused());
        for pair in parts.chunks_exact(2) {
            let [prepare, cell] = pair else { continue };
            let mut out = Ends::new();
            for ((earlier, last), used) in &all.list {
                let prepared = self.block(prepare, At { value: *last, before: None }, None)?;
                out.blame(&prepared);
                let Some((now, of_now)) = prepared.list.first() else { continue };
                let before = match same_size(earlier.as_slice(), last.as_slice()) {
                    true => {
                        let ends =
                            self.block(prepare, At { value: *earlier, before: None }, None)?;
                        out.blame(&ends);
                        ends.list.first().map(|(end, _)| end.value)
                    }
                    false => {
                        let shaped = self.piece(*earlier, |b| {
                            let active = b.between(Between::Relu, 0)?;
                            let target = b.input(now.value.shape())?;
                            b.shortcut(active, target)
                        })?;
                        shaped.map_err(|why| out.refuse(&why.to_string())).ok()
                    }
                };
                let Some(before) = before else { continue };
                let at = At { value: now.value, before: Some(before) };
                let ends = self.block(cell, at, None)?;
                out.blame(&ends);
                for (end, more) in &ends.list {
                    let mut used = used.clone();
                    [of_now, more].into_iter().for_each(|more| unite(&mut used, more));
                    out.add((*last, end.value), used);
                }
            }
            if out.list.is_empty() {
                return Some(Ends::none(&out.refused));
            }
            all = out;
        }
        let mut out = Ends::new();
        for ((_, last), used) in all.list {
            out.add(At { value: last, before: None }, used);
        }
        Some(out)
    }
}

/// Several values as they become one, in the order of the edges.
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
    fn and(self, join: Join, value: Value) -> Result<Joined, String> {
        let first = match self {
            Joined::Nothing => value,
            Joined::Zeros(first) | Joined::One(_, first) | Joined::Many(_, first) => first,
        };
        if join == Join::Sum && value.zero && value.same_shape(&first) {
            return Ok(if self == Joined::Nothing { Joined::Zeros(value) } else { self });
        }
        let so_far = match self {
            Joined::Nothing | Joined::Zeros(_) => return Ok(Joined::One(value, first)),
            Joined::One(so_far, _) | Joined::Many(so_far, _) => so_far,
        };
        match so_far.with(join, &value) {
            Some(both) => Ok(Joined::Many(both, first)),
            None => {
                let op = Op::of(if join == Join::Sum { &ADD } else { &CONCAT }, &[]);
                let shapes = [so_far.shape(), value.shape()];
                let why = (op.info.plan)(&op, &shapes).err();
                Err(why.map_or_else(String::new, |e| e.to_string()))
            }
        }
    }

    fn end(self) -> Option<Value> {
        match self {
            Joined::Nothing => None,
            Joined::Zeros(value) | Joined::One(value, _) => Some(value),
            Joined::Many(value, _) => Some(value.joined()),
        }
    }
}
