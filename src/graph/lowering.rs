//! The network of an architecture as a graph of operations, with shapes and costs.

use crate::chart::Family;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::canonical::canonical;
use crate::layer::{ACTIVATION, ADD, CONCAT, CONV, FLATTEN, INPUT, LINEAR, TRUNCATE, ZERO};
use crate::op::{Activation, Op, Plan, Value};
use crate::shape::Shape;
use crate::space::Space;
use crate::task::Task;
use crate::tree::{Block, CHOICE, Cell, Genome, Join, Tree, Wired, genes};

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
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Role {
    Chosen,
    Projection,
    /// Where the vertices of a wired cell become its output, in any order.
    Gather,
    Head,
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

/// One layer of an architecture, as [`Architecture::layers`] lists them.
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

/// More layers than this are a slip, and would take the machine's memory with them.
pub(crate) const MOST_LAYERS: usize = 10_000;

/// Builds a graph, decision by decision.
pub(crate) struct Builder<'s> {
    pub(crate) nodes: Vec<Node>,
    genome: &'s Genome,
    task: Task,
    /// The decisions of every shared block.
    shared: Vec<&'s [u32]>,
    /// The decisions that what was built depends on: those of shared blocks and, of the tree's, all
    /// that were read.
    read: usize,
    /// How many shared blocks are being built, one inside the other.
    inside: usize,
    /// The earlier input of a cell with two, where it stands in a stack.
    before: Option<usize>,
    /// Adds a node to what was spent, and tells whether that is too much.
    over: Option<&'s dyn Fn(&Node) -> bool>,
    /// The channels that are asked of the next wired cell.
    wide: Option<usize>,
    /// See [`Node::spare`].
    spare: usize,
    /// Where the decisions of the shared block end that is being built.
    own: usize,
    /// How many decisions settle that it does not fit, where they are fewer than those that were read.
    settled: Option<usize>,
    /// Whether errors say which layer it is: not where it is a piece alone.
    numbered: bool,
}

impl Graph {
    pub(crate) fn of(space: &Space, decisions: &[u32]) -> Result<Graph, Misfit> {
        let mut builder = Builder::new(space);
        match builder.build(space, decisions) {
            Ok(()) => Ok(Graph { nodes: builder.nodes }),
            Err(error) => {
                let prefix = builder.settled.unwrap_or(builder.read);
                Err(Misfit { error, prefix, limit: false })
            }
        }
    }

    /// After how many decisions an architecture costs too much, whatever else is decided.
    pub(crate) fn too_much(
        space: &Space,
        decisions: &[u32],
        over: &dyn Fn(&Node) -> bool,
    ) -> Option<usize> {
        let mut builder = Builder::new(space);
        builder.over = Some(over);
        builder.build(space, decisions).err().map(|_| builder.read)
    }
}

impl<'s> Builder<'s> {
    pub(crate) fn new(space: &'s Space) -> Builder<'s> {
        Builder {
            nodes: vec![],
            genome: space.genome(),
            task: space.task(),
            shared: vec![],
            read: 0,
            inside: 0,
            before: None,
            over: None,
            wide: None,
            spare: 0,
            own: 0,
            settled: None,
            numbered: true,
        }
    }

    /// For a piece of a network, whose layers have no numbers of their own.
    pub(crate) fn piece(space: &'s Space) -> Builder<'s> {
        Builder { numbered: false, ..Builder::new(space) }
    }

    fn build(&mut self, space: &Space, decisions: &'s [u32]) -> Result<()> {
        let rest = self.split_shared(decisions);
        self.input(space.input())?;
        let end = self.block(space.root(), &mut rest.iter(), 0)?;
        self.head(&space.task(), end)
    }

    /// Where data of a shape enter.
    pub(crate) fn input(&mut self, shape: Shape) -> Result<usize> {
        let op = Op::of(&INPUT, &[]);
        let plan = (INPUT.plan)(&op, &[shape])?;
        let (inputs, role, both, spare) = (vec![], Role::Chosen, false, 0);
        self.nodes.push(Node { op, inputs, plan, role, both, spare });
        Ok(self.nodes.len() - 1)
    }

    /// Keeps the decisions of shared blocks, which come first; returns the others.
    pub(crate) fn split_shared(&mut self, decisions: &'s [u32]) -> &'s [u32] {
        let mut rest = decisions;
        for (_, block) in &self.genome.shared {
            let (own, behind) = rest.split_at(genes::length(block, rest));
            self.shared.push(own);
            rest = behind;
        }
        self.read = decisions.len() - rest.len();
        rest
    }

    /// The next decision, of a choice of `options`; the only option is not a decision.
    fn decision(&mut self, decisions: &mut std::slice::Iter<u32>, options: usize) -> usize {
        if options <= 1 {
            return 0;
        }
        if self.inside == 0 {
            self.read += 1;
        }
        decisions.next().map_or(0, |&pick| pick as usize)
    }

    /// How many decisions stand before the next one, where no other ones decide that it is reached.
    fn place(&self, decisions: &std::slice::Iter<u32>) -> Option<usize> {
        let of_shared = self.shared.iter().map(|own| own.len()).sum::<usize>();
        match self.inside {
            0 => Some(self.read),
            1 if self.read == of_shared => Some(self.own - decisions.len()),
            _ => None,
        }
    }

    fn shape(&self, id: usize) -> &Shape {
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
            [one] => (op.info.plan)(&op, std::slice::from_ref(self.shape(one))),
            _ => {
                let shapes: Vec<Shape> = inputs.iter().map(|&i| self.shape(i).clone()).collect();
                (op.info.plan)(&op, &shapes)
            }
        };
        let plan = plan.map_err(|e| match self.numbered {
            true => e.context(format!("layer {number}")),
            false => e,
        })?;
        let both = op.gives_both(inputs.first().is_some_and(|&i| self.nodes[i].both));
        let spare = self.spare;
        self.nodes.push(Node { op, inputs, plan, role, both, spare });
        if self.over.is_some_and(|over| over(&self.nodes[number])) {
            return Err(Error::new(ErrorKind::Shape, "it costs too much"));
        }
        Ok(number)
    }

    pub(crate) fn block(
        &mut self,
        block: &Block,
        decisions: &mut std::slice::Iter<u32>,
        from: usize,
    ) -> Result<usize> {
        match &*block.0 {
            Tree::Layer { info, args } => {
                let mut values = Vec::with_capacity(args.len());
                for choice in args {
                    let pick = self.decision(decisions, choice.options.len());
                    values.push(choice.options.get(pick).copied().unwrap_or(Value::Int(0)));
                }
                let op = Op { info, args: values }.within(&self.task).behind(self.nodes[from].both);
                if self.task.is_per_position()
                    && let Some(instead) = (info.facts.looks_ahead)(&op)
                {
                    return Err(Error::invalid(
                        format!("{op} in a space for {}", self.task),
                        "it lets a position see later ones, and with them what it is to predict",
                        instead,
                    ));
                }
                let from = if info.facts.flat { self.flat(from)? } else { from };
                let op = op.on(self.shape(from))?;
                self.push(op, vec![from], Role::Chosen)
            }
            Tree::Seq(blocks) => blocks.iter().try_fold(from, |at, b| self.block(b, decisions, at)),
            Tree::OneOf(options) => {
                let pick = self.decision(decisions, options.len());
                match options.get(pick) {
                    Some(option) => self.block(option, decisions, from),
                    None => Ok(from),
                }
            }
            Tree::Repeat { times, block } => {
                let pick = self.decision(decisions, times.options.len());
                (0..genes::count(times, pick))
                    .try_fold(from, |at, _| self.block(block, decisions, at))
            }
            Tree::Residual(inner) => {
                let out = self.block(inner, decisions, from)?;
                if out == from {
                    return Ok(from);
                }
                let shortcut = self.shortcut(from, out)?;
                self.push(Op::of(&ADD, &[]), vec![out, shortcut], Role::Chosen)
            }
            Tree::Cell(cell) => self.cell(cell, decisions, from),
            Tree::Wired(cell) => self.wired(cell, decisions, from),
            Tree::Wide { channels, block } => {
                self.wide = Some(*channels);
                self.block(block, decisions, from)
            }
            Tree::Stack(parts) => self.stack(parts, decisions, from),
            Tree::Shared { name, block } => {
                let Some(i) = self.genome.number(name) else {
                    return self.block(block, decisions, from);
                };
                let before = &self.shared[..(i + 1).min(self.shared.len())];
                let end = before.iter().map(|own| own.len()).sum();
                let own = self.shared.get(i).copied().unwrap_or_default();
                if self.inside == 0 {
                    self.own = end;
                }
                self.inside += 1;
                let end = self.block(block, &mut own.iter(), from)?;
                self.inside -= 1;
                Ok(end)
            }
            Tree::Broken { block, .. } => self.block(block, decisions, from),
        }
    }

    /// The shared block of a number alone, on an input and the earlier one, with the channels asked of it.
    pub(crate) fn shared_block(
        &mut self,
        number: usize,
        from: usize,
        earlier: Option<usize>,
        wide: Option<usize>,
    ) -> Result<usize> {
        let genome = self.genome;
        let (Some((_, block)), Some(own)) = (genome.shared.get(number), self.shared.get(number))
        else {
            return Ok(from);
        };
        let mut own = own.iter();
        (self.before, self.wide) = (earlier, wide);
        self.block(block, &mut own, from)
    }

    fn cell(
        &mut self,
        cell: &Cell,
        decisions: &mut std::slice::Iter<u32>,
        from: usize,
    ) -> Result<usize> {
        let mut nodes = match cell.two_inputs {
            // Inside, no other cell sees this one's inputs.
            true => vec![self.before.take().unwrap_or(from), from],
            false => vec![from],
        };
        let inputs = nodes.len();
        for (step, sets) in cell.nodes() {
            let kept = sets.map(|sets| {
                let pick = self.decision(decisions, sets.len());
                sets.get(pick).map_or(&[][..], Vec::as_slice)
            });
            let mut ends = Vec::with_capacity(step.edges.len());
            for (_, edge) in
                step.edges.iter().enumerate().filter(|(i, _)| kept.is_none_or(|k| k.contains(i)))
            {
                let at = nodes.get(edge.from).copied().unwrap_or(from);
                ends.push(self.block(&edge.block, decisions, at)?);
            }
            nodes.push(self.join(step.join, ends)?);
        }
        match cell.concat {
            true => self.join(Join::Concat, nodes.split_off(inputs)),
            false => Ok(nodes.pop().unwrap_or(from)),
        }
    }

    fn wired(
        &mut self,
        cell: &Wired,
        decisions: &mut std::slice::Iter<u32>,
        from: usize,
    ) -> Result<usize> {
        let input = self.shape(from).clone();
        let wide = self.wide.take();
        let place = self.place(decisions);
        let edges: Vec<bool> =
            (0..cell.pairs()).map(|_| self.decision(decisions, 2) == 1).collect();
        let wiring = cell.wiring(&edges).map_err(|(error, settled)| {
            self.settled = place.map(|place| place + settled);
            error
        })?;
        if input.as_slice().len() != 3 {
            return Err(not_wired(&input));
        }
        let channels = wide.unwrap_or(input.channels());
        let (widths, share) = wiring.widths(channels)?;
        let (last, outside) = (cell.vertices - 1, self.spare);
        // What every vertex gives; the first is the input, those that are left out give nothing.
        let mut gives = vec![from; last];
        for v in 1..last {
            if !wiring.keeps(v) {
                for _ in 0..genes::length(&cell.op, decisions.as_slice()) {
                    self.decision(decisions, 2);
                }
                continue;
            }
            self.spare = widths[v].saturating_sub(share);
            let mut reads = vec![];
            for u in wiring.sources(v) {
                let end = gives[u];
                reads.push(match u {
                    0 => self.projection(from, widths[v])?,
                    _ if widths[u] == widths[v] => end,
                    _ => {
                        let first = Op::of(&TRUNCATE, &[Value::Int(widths[v] as i64)]);
                        self.push(first, vec![end], Role::Chosen)?
                    }
                });
            }
            let sum = self.join(Join::Sum, reads)?;
            gives[v] = self.block(&cell.op, decisions, sum)?;
            let (a, b) = (self.shape(sum), self.shape(gives[v]));
            if a != b {
                return Err(Error::new(
                    ErrorKind::Shape,
                    format!(
                        "what stands on vertex {v} of a wired cell makes {b} of {a}: it has to keep \
                         the shape. Try same() channels and no stride, as conv(same(), 3)"
                    ),
                ));
            }
        }
        self.spare = outside;
        let shares: Vec<usize> =
            wiring.sources(last).filter(|&v| v > 0).map(|v| gives[v]).collect();
        let mut ends = match shares.len() {
            0 => vec![],
            1 => shares,
            _ => vec![self.push(Op::of(&CONCAT, &[]), shares, Role::Gather)?],
        };
        if wiring.has(0, last) {
            ends.push(self.projection(from, channels)?);
        }
        self.join(Join::Sum, ends)
    }

    /// A 1x1 convolution, batch normalisation, ReLU.
    pub(crate) fn projection(&mut self, from: usize, channels: usize) -> Result<usize> {
        let op = Op::of(&CONV, &[Value::Int(channels as i64), Value::Int(1)]);
        self.push(op, vec![from], Role::Projection)
    }

    fn stack(
        &mut self,
        parts: &[Block],
        decisions: &mut std::slice::Iter<u32>,
        from: usize,
    ) -> Result<usize> {
        let (mut earlier, mut last) = (from, from);
        for pair in parts.chunks_exact(2) {
            let [prepare, cell] = pair else { continue };
            let at = self.block(prepare, decisions, last)?;
            // A preparation has no decisions, so that it can be built twice.
            self.before = Some(match self.same_size(earlier, last) {
                true => self.block(prepare, &mut [].iter(), earlier)?,
                false => {
                    let active = self.active(earlier)?;
                    self.shortcut(active, at)?
                }
            });
            let end = self.block(cell, decisions, at)?;
            self.before = None;
            (earlier, last) = (last, end);
        }
        Ok(last)
    }

    /// ReLU.
    pub(crate) fn active(&mut self, from: usize) -> Result<usize> {
        let relu = Op::of(&ACTIVATION, &[Value::Act(Activation::Relu)]);
        self.push(relu, vec![from], Role::Projection)
    }

    /// Whether two values differ in nothing but channels.
    fn same_size(&self, a: usize, b: usize) -> bool {
        let (a, b) = (self.shape(a).as_slice(), self.shape(b).as_slice());
        match (a, b) {
            ([_, h, w], [_, y, x]) => (h, w) == (y, x),
            ([l, _], [m, _]) => l == m,
            _ => a.len() == b.len(),
        }
    }

    /// The node where edges meet. Zeros add nothing to a sum, so they are not read, unless there is
    /// nothing else.
    fn join(&mut self, join: Join, mut ends: Vec<usize>) -> Result<usize> {
        if join == Join::Sum {
            let shape = ends.first().map(|&e| self.shape(e).clone());
            let zero =
                |g: &Self, e: usize| g.nodes[e].op.is(&ZERO) && Some(g.shape(e)) == shape.as_ref();
            match ends.iter().any(|&e| !zero(self, e)) {
                true => ends.retain(|&e| !zero(self, e)),
                false => ends.truncate(1),
            }
        }
        match (&ends[..], join) {
            ([one], _) => Ok(*one),
            (_, Join::Sum) => self.push(Op::of(&ADD, &[]), ends, Role::Chosen),
            (_, Join::Concat) => self.push(Op::of(&CONCAT, &[]), ends, Role::Chosen),
        }
    }

    /// A linear layer takes an image as one vector.
    fn flat(&mut self, from: usize) -> Result<usize> {
        match self.shape(from).as_slice() {
            [_, _, _] => self.push(Op::of(&FLATTEN, &[]), vec![from], Role::Chosen),
            _ => Ok(from),
        }
    }

    /// The residual connection's input in the shape of its output: itself, or projected by a 1x1
    /// convolution or a linear layer (option B of arXiv 1512.03385).
    pub(crate) fn shortcut(&mut self, from: usize, out: usize) -> Result<usize> {
        let (a, b) = (self.shape(from).clone(), self.shape(out).clone());
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

    /// What the task puts at the end: a linear layer with one output per class, target or symbol.
    pub(crate) fn head(&mut self, task: &Task, from: usize) -> Result<()> {
        // Decisions alone are not a network, and have no head.
        if self.is_decisions() {
            return Ok(());
        }
        let shape = self.shape(from).clone();
        let positions = self.shape(0).elements();
        if let (true, &[l, _]) = (task.is_per_position(), shape.as_slice())
            && l != positions
        {
            return Err(Error::new(
                ErrorKind::Shape,
                format!(
                    "the head for {task} on an output of {shape}: the input has {positions} \
                     positions, and each needs a prediction. Try no stride and no pooling"
                ),
            ));
        }
        let from = match (task.is_per_position(), shape.as_slice()) {
            (true, [_, _]) | (false, [_]) if shape.vocabulary().is_none() => from,
            (false, [_, _] | [_, _, _]) => {
                self.push(Op::of(&FLATTEN, &[]), vec![from], Role::Head)?
            }
            (true, _) => {
                return Err(Error::new(
                    ErrorKind::Shape,
                    format!(
                        "the head for {task} on an output of {shape}: it needs a sequence [L, D], \
                         one vector per position. Try embedding(16) first, and no pooling \
                         or flattening after it"
                    ),
                ));
            }
            _ => {
                return Err(Error::new(
                    ErrorKind::Shape,
                    format!(
                        "the head for {task} on an output of {shape}: it needs numbers. Try \
                         embedding(16) for tokens"
                    ),
                ));
            }
        };
        let act = Value::Act(Activation::Identity);
        let args = [Value::Int(task.outputs() as i64), Value::Int(0), act];
        self.push(Op::of(&LINEAR, &args), vec![from], Role::Head).map(|_| ())
    }

    pub(crate) fn is_decisions(&self) -> bool {
        are_decisions(&self.nodes)
    }
}

/// The error of a wired cell on something that is not an image.
pub(super) fn not_wired(input: &Shape) -> Error {
    Error::new(
        ErrorKind::Shape,
        format!(
            "a wired cell on an input of {input}: it needs an image [C, H, W]. Try it \
             before flattening, or cell(...), which takes anything"
        ),
    )
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

    /// A hash of the graph, the same for isomorphic ones.
    pub(crate) fn canonical(&self) -> u64 {
        self.nodes.len().checked_sub(1).map_or(0, |end| canonical(&self.nodes, end))
    }

    /// Which nodes the output depends on.
    pub(crate) fn live(&self) -> Vec<bool> {
        let mut live = vec![false; self.nodes.len()];
        if let Some(last) = live.last_mut() {
            *last = true;
        }
        for id in (0..self.nodes.len()).rev() {
            if live[id] {
                self.nodes[id].inputs.iter().for_each(|&i| live[i] = true);
            }
        }
        live
    }
}
