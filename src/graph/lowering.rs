//! The network of an architecture as a graph of operations, with shapes and costs.

use crate::chart::Family;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::relaxed::Relaxed;
use crate::graph::walk::{Between, Choice, Inputs, Role, Sink, Walk};
use crate::layer::{
    ACTIVATION, ADD, BATCH_NORM, CONCAT, CONV, FLATTEN, INPUT, LINEAR, MAX_POOL, REST, SHUFFLE,
    TRUNCATE, ZERO,
};
use crate::op::{Activation, Op, Plan, Value};
use crate::shape::Shape;
use crate::tree::{Block, CHOICE, Join, Spec, Tree, block_name};

/// An operation with its place in the network.
#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) op: Op,
    pub(crate) inputs: Vec<usize>,
    pub(crate) plan: Plan,
    /// The task's head, or the projection of a residual connection.
    pub(crate) role: Role,
    /// Whether the two halves of the features come from the two directions of a recurrent layer.
    pub(crate) both: bool,
    /// How many channels its vertex of a wired cell has above an equal share.
    pub(crate) spare: usize,
    /// Where it stands in the tree: the same in all architectures of a space.
    pub(crate) site: u64,
}

/// Nodes in topological order; the first is the input, the last the output.
#[derive(Clone)]
pub(crate) struct Graph {
    pub(crate) nodes: Vec<Node>,
}

/// Why an architecture is not a network, and how many of its decisions led there: every other
/// architecture that begins with the same ones fails in the same way.
#[derive(Clone)]
pub(crate) struct Misfit {
    pub(crate) error: Error,
    pub(crate) prefix: usize,
    /// Whether the layers fit, and a limit of the space does not.
    pub(crate) limit: bool,
}

/// One layer of an architecture, as [`Architecture::layers`](crate::Architecture::layers) lists them.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerRow {
    /// The operation with its settings, as `conv(32,3)`.
    pub name: String,
    /// The layer's family: conv, pool, linear, ...
    pub family: String,
    /// The shape of its output.
    pub shape: Shape,
    /// Its learned parameters.
    pub params: usize,
    /// Its multiply-adds for one sample.
    pub macs: usize,
    /// The rows that it takes its inputs from.
    pub inputs: Vec<usize>,
}

impl std::fmt::Display for LayerRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} -> {}, {} parameters, {} multiply-adds",
            self.name, self.shape, self.params, self.macs
        )
    }
}

/// More layers than this are a mistake, and could exhaust the machine's memory.
pub(crate) const MOST_LAYERS: usize = 10_000;

/// The sink that makes the operations of a network, node by node.
pub(crate) struct Nodes<'s, const MIXED: bool = false> {
    pub(crate) nodes: Vec<Node>,
    spec: &'s Spec,
    /// Adds a node to what was spent, and tells whether that is too much.
    over: Option<&'s dyn Fn(&Node) -> bool>,
    /// See [`Node::spare`].
    spare: usize,
    /// See [`Node::site`].
    site: u64,
    /// Whether errors name a layer by its number, which a piece of a network does not have.
    numbered: bool,
    mixing: Option<Mixing<'s>>,
}

/// What the sink knows of choices that are mixed.
struct Mixing<'s> {
    relaxed: &'s Relaxed,
    /// Whether the edges into a node have weights even where all of them are kept.
    normalise: bool,
    /// The share of the channels that options see: one of so many (PC-DARTS).
    share: usize,
    /// The choices that it is inside of: whether their options see a share of the channels.
    within: Vec<bool>,
    /// Of each node: whether it belongs to an option.
    inside: Vec<bool>,
}

impl Graph {
    pub(crate) fn of(spec: &Spec, decisions: &[u32]) -> Result<Graph, Misfit> {
        let mut walk = Walk::new(spec, Nodes::new(spec));
        let input = walk.sink.input(spec.input.clone());
        match input.and_then(|input| walk.network(decisions, input)) {
            Ok(_) => Ok(Graph { nodes: walk.sink.nodes }),
            Err(error) => Err(Misfit { error, prefix: walk.prefix(), limit: false }),
        }
    }

    /// After how many decisions an architecture costs too much, whatever else is decided.
    pub(crate) fn too_much(
        spec: &Spec,
        decisions: &[u32],
        over: &dyn Fn(&Node) -> bool,
    ) -> Option<usize> {
        let mut walk = Walk::new(spec, Nodes { over: Some(over), ..Nodes::new(spec) });
        let input = walk.sink.input(spec.input.clone()).ok()?;
        walk.network(decisions, input).err().map(|_| walk.read())
    }

    /// The graph of a shared block alone, and its last node, where these shapes enter it.
    pub(crate) fn of_shared(
        spec: &Spec,
        decisions: &[u32],
        number: usize,
        (at, before, wide): (Shape, Option<Shape>, Option<usize>),
    ) -> Option<(Vec<Node>, usize)> {
        let mut walk = Walk::new(spec, Nodes::new(spec));
        let before = before.map(|shape| walk.sink.input(shape)).transpose().ok()?;
        let inputs: Inputs<usize> = (walk.sink.input(at).ok()?, before, wide);
        let end = walk.shared_block(decisions, number, inputs).ok()?;
        Some((walk.sink.nodes, end))
    }
}

/// The network of a space with all its choices relaxed.
pub(crate) struct MixedGraph {
    pub(crate) graph: Graph,
    /// Which nodes belong to an option of a choice.
    pub(crate) inside: Vec<bool>,
}

impl MixedGraph {
    /// `normalise` gives the edges into a node weights even where all of them are kept; options see one
    /// of `share` channels.
    ///
    /// # Errors
    /// When options of one choice differ in their shapes, or a choice cannot be mixed at all.
    pub(crate) fn of(
        spec: &Spec,
        relaxed: &Relaxed,
        normalise: bool,
        share: usize,
    ) -> Result<MixedGraph> {
        let (inside, within) = (vec![], vec![]);
        let mixing = Some(Mixing { relaxed, normalise, share: share.max(1), within, inside });
        let (nodes, spare, site) = (vec![], 0, 0);
        let sink = Nodes::<true> { nodes, spec, over: None, spare, site, numbered: true, mixing };
        let mut walk = Walk::new(spec, sink);
        let input = walk.sink.input(spec.input.clone())?;
        walk.network(&[], input)?;
        let inside = walk.sink.mixing.map_or(vec![], |mixing| mixing.inside);
        Ok(MixedGraph { graph: Graph { nodes: walk.sink.nodes }, inside })
    }
}

impl<'s> Nodes<'s> {
    pub(crate) fn new(spec: &'s Spec) -> Nodes<'s> {
        Nodes { nodes: vec![], spec, over: None, spare: 0, site: 0, numbered: true, mixing: None }
    }

    /// For a piece of a network, whose layers have no numbers of their own.
    pub(crate) fn piece(spec: &'s Spec) -> Nodes<'s> {
        Nodes { numbered: false, ..Nodes::new(spec) }
    }
}

impl<const MIXED: bool> Nodes<'_, MIXED> {
    /// Where data of a shape enter.
    pub(crate) fn input(&mut self, shape: Shape) -> Result<usize> {
        let op = Op::of(&INPUT, &[]);
        let plan = (INPUT.plan)(&op, &[shape])?;
        let (inputs, role, both, spare, site) = (vec![], Role::Chosen, false, 0, 0);
        self.nodes.push(Node { op, inputs, plan, role, both, spare, site });
        if let Some(mixing) = &mut self.mixing {
            mixing.inside.push(false);
        }
        Ok(self.nodes.len() - 1)
    }

    fn output(&self, id: usize) -> &Shape {
        &self.nodes[id].plan.output
    }

    fn push(&mut self, op: Op, inputs: Vec<usize>, role: Role) -> Result<usize> {
        if self.nodes.len() > MOST_LAYERS {
            return Err(Error::invalid(
                format!("an architecture of more than {MOST_LAYERS} layers"),
                format!("at most {MOST_LAYERS} are allowed"),
                "a smaller repeat(...)",
            ));
        }
        let number = self.nodes.len();
        let plan = match inputs[..] {
            [one] => (op.info.plan)(&op, std::slice::from_ref(self.output(one))),
            _ => {
                let shapes: Vec<Shape> = inputs.iter().map(|&i| self.output(i).clone()).collect();
                (op.info.plan)(&op, &shapes)
            }
        };
        let plan = plan.map_err(|e| match self.numbered {
            true => e.context(format!("layer {number}")),
            false => e,
        })?;
        let both = op.gives_both(inputs.first().is_some_and(|&i| self.nodes[i].both));
        let (spare, site) = (self.spare, self.site);
        self.nodes.push(Node { op, inputs, plan, role, both, spare, site });
        if let Some(mixing) = &mut self.mixing {
            mixing.inside.push(!mixing.within.is_empty());
        }
        if self.over.is_some_and(|over| over(&self.nodes[number])) {
            return Err(Error::new(ErrorKind::Shape, "it costs too much"));
        }
        Ok(number)
    }

    /// What a share of the channels became, with the other channels behind it, in an order in which the
    /// next share is another one (PC-DARTS).
    fn rest(&mut self, at: usize, mixed: usize, what: &Block) -> Result<usize> {
        let int = |n: usize| Value::Int(n as i64);
        let share = self.mixing.as_ref().map_or(1, |mixing| mixing.share);
        let (&[c, h, _], &[d, oh, _]) = (self.output(at).as_slice(), self.output(mixed).as_slice())
        else {
            return Err(self.unlike(&[at, mixed], what));
        };
        if d != c / share {
            return Err(Error::invalid(
                format!("{}, whose options make {d} channels of {}", block_name(what), c / share),
                "options that see a share of the channels have to keep their number",
                "same() in place of a number of channels",
            ));
        }
        let mut rest = self.push(Op::of(&REST, &[int(c / share)]), vec![at], Role::Chosen)?;
        if oh != h {
            // As a padded convolution with this stride: windows overlap, so that no pixel is left out.
            let stride = h.div_ceil(oh);
            let pool = Op::of(&MAX_POOL, &[int(2 * stride - 1), int(stride), int(stride - 1)]);
            rest = self.push(pool, vec![rest], Role::Chosen)?;
        }
        let all = self.push(Op::of(&CONCAT, &[]), vec![mixed, rest], Role::Chosen)?;
        self.push(Op::of(&SHUFFLE, &[int(share)]), vec![all], Role::Chosen)
    }

    /// The error of options that do not mix.
    fn unlike(&self, ends: &[usize], what: &Block) -> Error {
        let mut shapes: Vec<String> = vec![];
        for &end in ends {
            let shape = self.output(end).to_string();
            if !shapes.contains(&shape) {
                shapes.push(shape);
            }
        }
        Error::invalid(
            format!("{}, whose options give {}", block_name(what), shapes.join(" and ")),
            "options are mixed number by number, so all of them have to give the same shape",
            "conv(same(), 3) in place of numbers of channels, max_pool(3).stride(1).padding(1) in place of \
             max_pool(3), and the same stride in each option; or Spos::new() and Supernet::on(&space, \
             &train), which train one path at a time",
        )
    }

    /// A linear layer takes an image as one vector.
    fn flat(&mut self, from: usize) -> Result<usize> {
        match self.output(from).as_slice() {
            [_, _, _] => self.push(Op::of(&FLATTEN, &[]), vec![from], Role::Chosen),
            _ => Ok(from),
        }
    }
}

impl<const M: bool> Sink for Nodes<'_, M> {
    type At = usize;
    type Stop = Error;
    const SITES: bool = true;
    const MIXED: bool = M;

    fn layer(&mut self, layer: &Block, picks: &[u32], from: usize) -> Result<usize> {
        let Tree::Layer { info, args } = &*layer.0 else { return Ok(from) };
        let (task, mut picks) = (&self.spec.task, picks.iter());
        let mut values = Vec::with_capacity(args.len());
        for choice in args {
            let pick = match choice.options.len() {
                0 | 1 => 0,
                _ => picks.next().map_or(0, |&pick| pick as usize),
            };
            values.push(choice.options.get(pick).copied().unwrap_or(Value::Int(0)));
        }
        let op = Op { info, args: values }.within(task).behind(self.nodes[from].both);
        if task.is_per_position()
            && let Some(instead) = (info.facts.looks_ahead)(&op)
        {
            return Err(Error::invalid(
                format!("{op} in a space for {task}"),
                "it lets a position see later ones, and with them what it is to predict",
                instead,
            ));
        }
        let from = if info.facts.flat { self.flat(from)? } else { from };
        let op = op.on(self.output(from))?;
        self.push(op, vec![from], Role::Chosen)
    }

    fn join(&mut self, join: Join, ends: &[usize], role: Role) -> Result<usize> {
        let info = if join == Join::Sum { &ADD } else { &CONCAT };
        self.push(Op::of(info, &[]), ends.to_vec(), role)
    }

    /// The residual connection's input in the shape of its output: itself, or projected by a 1x1
    /// convolution or a linear layer (option B of arXiv 1512.03385).
    fn shortcut(&mut self, from: usize, out: usize) -> Result<usize> {
        let (a, b) = (self.output(from).clone(), self.output(out).clone());
        if a == b {
            return Ok(from);
        }
        let (int, act) = (Value::Int, Value::Act(Activation::Identity));
        let op = match (a.as_slice(), b.as_slice()) {
            ([_, h, w], [c, oh, ow]) => (1..=*h.max(w).min(&127))
                .find(|s| h.div_ceil(*s) == *oh && w.div_ceil(*s) == *ow)
                .map(|s| (&CONV, vec![int(*c as i64), int(1), int(s as i64), int(1), act])),
            ([_], [f]) => Some((&LINEAR, vec![int(*f as i64), int(1), act])),
            ([l, _], [m, f]) if l == m => Some((&LINEAR, vec![int(*f as i64), int(1), act])),
            _ => None,
        };
        match op {
            Some((info, args)) => self.push(Op::of(info, &args), vec![from], Role::Projection),
            None => Err(Error::new(
                ErrorKind::Shape,
                format!(
                    "residual around layers {} to {out}: an input of {a} cannot be added to an \
                     output of {b}, not even through a projection. Try {}",
                    from + 1,
                    match (a.as_slice().len(), b.as_slice().len()) {
                        (2, 2) => "the same length: odd kernels, no stride and no pooling inside",
                        _ => "odd kernels, a stride up to 127, and no flattening inside",
                    }
                ),
            )),
        }
    }

    fn between(&mut self, what: Between, from: usize) -> Result<usize> {
        let int = |n: usize| Value::Int(n as i64);
        let (op, role) = match what {
            Between::Relu => {
                (Op::of(&ACTIVATION, &[Value::Act(Activation::Relu)]), Role::Projection)
            }
            // A 1x1 convolution, batch normalisation, ReLU.
            Between::Projection(channels) => {
                (Op::of(&CONV, &[int(channels), int(1)]), Role::Projection)
            }
            Between::First(channels) => (Op::of(&TRUNCATE, &[int(channels)]), Role::Chosen),
        };
        self.push(op, vec![from], role)
    }

    /// What the task puts at the end: a linear layer with one output per class, target or symbol.
    fn head(&mut self, from: usize) -> Result<usize> {
        let task = &self.spec.task;
        // Decisions alone are not a network, and have no head.
        if are_decisions(&self.nodes) {
            return Ok(from);
        }
        let shape = self.output(from).clone();
        let positions = self.output(0).elements();
        let misfit = |why: String| {
            let text = format!("the head for {task} on an output of {shape}: {why}");
            Err(Error::new(ErrorKind::Shape, text))
        };
        if let (true, &[l, _]) = (task.is_per_position(), shape.as_slice())
            && l != positions
        {
            return misfit(format!(
                "the input has {positions} positions, and each needs a prediction. Try no stride \
                 and no pooling"
            ));
        }
        let from = match (task.is_per_position(), shape.as_slice()) {
            (true, [_, _]) | (false, [_]) if shape.vocabulary().is_none() => from,
            (false, [_, _] | [_, _, _]) => {
                self.push(Op::of(&FLATTEN, &[]), vec![from], Role::Head)?
            }
            (true, _) => {
                return misfit(
                    "it needs a sequence [L, D], one vector per position. Try embedding(16) first, \
                     and no pooling or flattening after it"
                        .into(),
                );
            }
            _ => return misfit("it needs numbers. Try embedding(16) for tokens".into()),
        };
        let act = Value::Act(Activation::Identity);
        let args = [Value::Int(task.outputs() as i64), Value::Int(0), act];
        self.push(Op::of(&LINEAR, &args), vec![from], Role::Head)
    }

    fn stop(&self, why: impl FnOnce() -> Error) -> Error {
        why()
    }

    fn shape(&self, at: usize) -> Shape {
        self.output(at).clone()
    }

    fn dims<'a>(&'a self, at: &'a usize) -> &'a [usize] {
        self.output(*at).as_slice()
    }

    fn same_shape(&self, a: usize, b: usize) -> bool {
        self.output(a) == self.output(b)
    }

    fn is_zero(&self, at: usize) -> bool {
        self.nodes[at].op.is(&ZERO)
    }

    fn site(&mut self, site: u64) {
        self.site = site;
    }

    fn spare(&mut self, spare: usize) -> usize {
        std::mem::replace(&mut self.spare, spare)
    }

    /// Of an image, the options of a choice that is inside no other see the first channels, where they
    /// are to see a share.
    fn options(&mut self, at: usize) -> Result<usize> {
        let Some(mixing) = &mut self.mixing else { return Ok(at) };
        let share = mixing.share;
        let shape = self.nodes[at].plan.output.as_slice();
        let partial = match *shape {
            [c, _, _] if share > 1 && mixing.within.is_empty() => (c % share == 0).then_some(c),
            _ => None,
        };
        let from = match partial {
            Some(c) => self.between(Between::First(c / share), at)?,
            None => at,
        };
        if let Some(mixing) = &mut self.mixing {
            mixing.within.push(partial.is_some());
        }
        Ok(from)
    }

    /// A pooling option is normalised, as everything else that is mixed: the authors' program of DARTS
    /// does the same. The channels that options do not see are put behind what they give.
    fn mix(&mut self, choices: &[Choice], at: usize, ends: Vec<usize>) -> Result<usize> {
        let (Some(mixing), Some(&whole)) = (&self.mixing, ends.first()) else {
            return Err(Error::from("a choice without options"));
        };
        let (op, mut inputs) = mixing.relaxed.mix_of(choices, &ends, |end| self.is_zero(end))?;
        if ends.iter().any(|&end| self.output(end) != self.output(whole)) {
            return Err(self.unlike(&ends, choices[0].block));
        }
        for end in &mut inputs {
            let node = &self.nodes[*end];
            if node.op.info.family == Family::Pool && node.plan.output.as_slice().len() == 3 {
                *end = self.push(Op::of(&BATCH_NORM, &[]), vec![*end], Role::Chosen)?;
            }
        }
        let partial = self.mixing.as_mut().and_then(|m| m.within.pop()).unwrap_or(false);
        // Where nothing but zeros can be chosen, they are what there is.
        let mixed = if inputs.is_empty() { whole } else { self.push(op, inputs, Role::Chosen)? };
        if partial { self.rest(at, mixed, choices[0].block) } else { Ok(mixed) }
    }

    fn inner(&mut self, layer: &Block, id: u64, at: usize) -> Result<Option<usize>> {
        let Some(mixing) = &self.mixing else { return Ok(None) };
        match mixing.relaxed.recurrent(layer, id)? {
            Some(op) => {
                let op = op.on(self.output(at))?;
                self.push(op, vec![at], Role::Chosen).map(Some)
            }
            None => Ok(None),
        }
    }

    fn edges(&mut self, id: u64, _: Option<&[Vec<usize>]>, ends: &[usize]) -> Result<usize> {
        let sum = self.mixing.as_ref().and_then(|m| m.relaxed.sum_of(id, ends.len(), m.normalise));
        match sum {
            Some(op) => self.push(op, ends.to_vec(), Role::Chosen),
            None => self.join(Join::Sum, ends, Role::Chosen),
        }
    }
}

/// Whether they are not a network, but decisions that only an evaluator knows the meaning of.
fn are_decisions(nodes: &[Node]) -> bool {
    let layers = nodes.get(1..).unwrap_or_default();
    !layers.is_empty() && layers.iter().all(|n| n.op.is(&CHOICE))
}

impl Graph {
    pub(crate) fn is_decisions(&self) -> bool {
        are_decisions(&self.nodes)
    }

    pub(crate) fn rows(&self) -> Vec<LayerRow> {
        let row = |n: &Node| LayerRow {
            name: match n.role {
                Role::Head if n.op.is(&LINEAR) => "head: linear".to_string(),
                Role::Projection => format!("projection: {}", n.op),
                _ => n.op.to_string(),
            },
            family: if n.role == Role::Head { Family::Head } else { n.op.info.family }.to_string(),
            shape: n.plan.output.clone(),
            params: n.plan.params as usize,
            macs: n.plan.macs as usize,
            inputs: n.inputs.clone(),
        };
        self.nodes.iter().map(row).collect()
    }

    /// Which nodes the output depends on.
    pub(crate) fn live(&self) -> Vec<bool> {
        let n = self.nodes.len();
        leading_to(n.checked_sub(1), n, |id| &self.nodes[id].inputs)
    }
}

/// Which of `n` nodes in topological order lead to a node, itself included.
pub(crate) fn leading_to<'a>(
    end: Option<usize>,
    n: usize,
    reads: impl Fn(usize) -> &'a [usize],
) -> Vec<bool> {
    let mut live: Vec<bool> = (0..n).map(|id| Some(id) == end).collect();
    for id in (0..n).rev() {
        if live[id] {
            reads(id).iter().for_each(|&i| live[i] = true);
        }
    }
    live
}
