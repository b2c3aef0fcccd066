//! The walk through the tree of a space that makes something of it: a network, what it costs, or the
//! space itself as a graph.
//!
//! The walk knows which blocks follow each other where choices have fallen, and how residual
//! connections, cells and stacks are wired. What comes of that is for a [`Sink`] to say: in `lowering.rs`
//! the operations of a network are made, in `cost.rs` what they cost is counted without making them, and
//! in `open.rs` every choice stays open.

use crate::error::{Error, ErrorKind};
use crate::layer::zero;
use crate::rng::{Hash64, mix};
use crate::shape::Shape;
use crate::tree::{Block, Cell, Choice as Settings, Join, Spec, Tree, Wired, block_text, genes};

/// What enters a shared block, the earlier input of a cell with two, and the channels asked of a wired
/// one.
pub(crate) type Inputs<At> = (At, Option<At>, Option<usize>);

/// What a node of a network is there for.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Role {
    Chosen,
    Projection,
    /// Where the vertices of a wired cell become its output, in any order.
    Gather,
    Head,
}

/// What stands between the blocks of a network, where they are wired.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Between {
    Relu,
    /// The input of a wired cell, with so many channels.
    Projection(usize),
    /// The first channels of an image.
    First(usize),
}

/// What a walk makes of a tree, piece by piece.
pub(crate) trait Sink {
    /// A place where a tensor is.
    type At: Copy + PartialEq;
    /// Why there is no network.
    type Stop;
    /// Whether choices stay open. Then nothing is decided: all options of a choice are walked from the
    /// same place, and what is repeated, or stands on every vertex, once.
    const OPEN: bool = false;
    /// Whether it wants to know where in the tree it is.
    const SITES: bool = false;
    /// Whether nothing is decided and all options of a choice are made, to be mixed into one tensor.
    const MIXED: bool = false;

    fn layer(&mut self, layer: &Block, picks: &[u32], at: Self::At)
    -> Result<Self::At, Self::Stop>;
    /// Several tensors as one.
    fn join(&mut self, join: Join, ends: &[Self::At], role: Role) -> Result<Self::At, Self::Stop>;
    /// The input of a residual connection in the shape of its output.
    fn shortcut(&mut self, from: Self::At, to: Self::At) -> Result<Self::At, Self::Stop>;
    /// An operation that nobody has written.
    fn between(&mut self, what: Between, from: Self::At) -> Result<Self::At, Self::Stop>;
    /// What the task puts at the end.
    fn head(&mut self, end: Self::At) -> Result<Self::At, Self::Stop>;
    fn stop(&self, why: impl FnOnce() -> Error) -> Self::Stop;

    /// What is made next stands here: the same site, in every architecture, for the same place in the
    /// tree.
    fn site(&mut self, _site: u64) {}

    fn shape(&self, at: Self::At) -> Shape;
    fn dims<'a>(&'a self, at: &'a Self::At) -> &'a [usize];
    fn same_shape(&self, a: Self::At, b: Self::At) -> bool;
    /// Whether it is an edge that is not there.
    fn is_zero(&self, at: Self::At) -> bool;

    /// Sets how many channels a vertex has above an equal share; returns what it was.
    fn spare(&mut self, _: usize) -> usize {
        0
    }

    /// What a shared block of a number gives, and what it leaves of the earlier input and the channels,
    /// where that is known; `outside` says whether it is inside no other one.
    fn known(
        &mut self,
        _number: usize,
        _inputs: Inputs<Self::At>,
        _outside: bool,
    ) -> Option<Inputs<Self::At>> {
        None
    }

    /// A shared block that was not known, with what entered it and what it gives and leaves.
    fn learn(&mut self, _number: usize, _inputs: Inputs<Self::At>, _gives: Inputs<Self::At>) {}

    /// Where choices are open: a block that is more than a layer begins; or where it ends, if it is
    /// known.
    fn enter(&mut self, _block: &Block, _at: Self::At) -> Option<Self::At> {
        None
    }

    /// The block that was entered last ends.
    fn leave(&mut self) {}

    /// What is one of these ends, as is decided, or the only one as often as is decided.
    fn choice(&mut self, at: Self::At, _ends: Vec<Self::At>) -> Self::At {
        at
    }

    /// Where choices are mixed: the options of one begin here; returns what they read.
    fn options(&mut self, at: Self::At) -> Result<Self::At, Self::Stop> {
        Ok(at)
    }

    /// Where choices are mixed: what the options of these choices gave, which began at `at`, as one
    /// tensor. There are several choices only where a layer has several settings to choose; the last one
    /// varies fastest.
    fn mix(
        &mut self,
        _choices: &[Choice],
        _at: Self::At,
        ends: Vec<Self::At>,
    ) -> Result<Self::At, Self::Stop> {
        match ends[..] {
            [one, ..] => Ok(one),
            [] => Err(self.stop(|| Error::from("a choice without options"))),
        }
    }

    /// Where choices are mixed: a layer whose settings are a cell of their own, with weights for what is
    /// open in it; nothing, where it has no such settings.
    fn inner(
        &mut self,
        _layer: &Block,
        _id: u64,
        _at: Self::At,
    ) -> Result<Option<Self::At>, Self::Stop> {
        Ok(None)
    }

    /// Where choices are mixed: the sum of all edges into a node of a cell, of which an architecture keeps
    /// one of these sets, if not all.
    fn edges(
        &mut self,
        _id: u64,
        _sets: Option<&[Vec<usize>]>,
        ends: &[Self::At],
    ) -> Result<Self::At, Self::Stop> {
        self.join(Join::Sum, ends, Role::Chosen)
    }
}

/// A choice of a block that is mixed: of its blocks, its times, or one of its settings.
pub(crate) struct Choice<'t> {
    /// The same for all uses of a shared block.
    pub(crate) id: u64,
    pub(crate) block: &'t Block,
    pub(crate) options: usize,
}

/// Whether a block may have no layers at all.
fn may_be_nothing(block: &Block) -> bool {
    match &*block.0 {
        Tree::Layer { .. } | Tree::Cell(_) | Tree::Wired(_) | Tree::Stack(_) => false,
        Tree::Repeat { times, block } => {
            (0..times.options.len()).any(|i| genes::count(times, i) == 0) || may_be_nothing(block)
        }
        Tree::OneOf(options) => options.iter().any(may_be_nothing),
        Tree::Seq(blocks) => blocks.iter().all(may_be_nothing),
        Tree::Residual(block)
        | Tree::Wide { block, .. }
        | Tree::Shared { block, .. }
        | Tree::Broken { block, .. } => may_be_nothing(block),
    }
}

/// The most combinations of settings of one layer that are mixed.
const MOST_MIXED: usize = 64;
/// Nodes of a cell stand behind so many edges.
pub(crate) const MOST_EDGES: usize = 1 << 20;

/// The site of the whole tree.
pub(crate) const ROOT: u64 = 1;

/// The site of part `n` of what stands at a site. Parts count from 1, for `mix(0, 0)` is 0: the first part
/// of a first part would stand where the whole does.
pub(crate) fn site_in(site: u64, n: usize) -> u64 {
    mix(site, n as u64 + 1)
}

/// Where the choices of a shared block stand, wherever it is used.
pub(crate) fn shared_site(name: &str) -> u64 {
    let mut hash = Hash64::new();
    hash.write(name.as_bytes());
    hash.finish()
}

/// A walk, with what it carries from block to block.
pub(crate) struct Walk<'s, S: Sink> {
    spec: &'s Spec,
    pub(crate) sink: S,
    /// The decisions of every shared block.
    shared: Vec<&'s [u32]>,
    /// The decisions that what was made depends on: those of shared blocks and, of the tree's, all that
    /// were read.
    read: usize,
    /// How many shared blocks are being walked, one inside the other.
    inside: usize,
    /// The earlier input of a cell with two, where it stands in a stack.
    before: Option<S::At>,
    /// The channels that are asked of the next wired cell.
    wide: Option<usize>,
    /// Where the decisions of the shared block end that is being walked.
    own: usize,
    /// How many decisions settle that it does not fit, where they are fewer than those that were read.
    settled: Option<usize>,
    /// The place in the tree of what is being walked.
    site: u64,
    /// The place of its choices: inside a shared block it is counted from there.
    choice: u64,
    /// Whether the repetition that comes next is all that a residual connection is around.
    bare: bool,
}

impl<'s, S: Sink> Walk<'s, S> {
    pub(crate) fn new(spec: &'s Spec, sink: S) -> Walk<'s, S> {
        let (before, wide, settled) = (None, None, None);
        Walk {
            spec,
            sink,
            shared: vec![],
            read: 0,
            inside: 0,
            before,
            wide,
            own: 0,
            settled,
            site: ROOT,
            choice: ROOT,
            bare: false,
        }
    }

    /// The network of decisions, from its input to its output.
    ///
    /// # Errors
    /// When its layers do not fit together.
    pub(crate) fn network(&mut self, decisions: &'s [u32], input: S::At) -> Result<S::At, S::Stop> {
        let mut rest = self.split_shared(decisions);
        let end = self.part(0, &self.spec.root, &mut rest, input)?;
        self.here(1);
        self.sink.head(end)
    }

    /// The shared block of a number alone.
    ///
    /// # Errors
    /// When its layers do not fit together.
    pub(crate) fn shared_block(
        &mut self,
        decisions: &'s [u32],
        number: usize,
        (at, before, wide): Inputs<S::At>,
    ) -> Result<S::At, S::Stop> {
        self.split_shared(decisions);
        (self.before, self.wide) = (before, wide);
        let mut own = self.shared[number];
        self.block(&self.spec.genome().shared[number].1, &mut own, at)
    }

    /// How many decisions led to where the walk ended: all others are of no account.
    pub(crate) fn prefix(&self) -> usize {
        self.settled.unwrap_or(self.read)
    }

    /// How many decisions were read.
    pub(crate) fn read(&self) -> usize {
        self.read
    }

    /// Keeps the decisions of shared blocks, which come first; returns the others.
    fn split_shared(&mut self, decisions: &'s [u32]) -> &'s [u32] {
        let mut rest = decisions;
        for (_, block) in &self.spec.genome().shared {
            let (own, behind) = rest.split_at(genes::length(block, rest));
            self.shared.push(own);
            rest = behind;
        }
        self.read = decisions.len() - rest.len();
        rest
    }

    /// The next decisions.
    fn take<'d>(&mut self, decisions: &mut &'d [u32], n: usize) -> &'d [u32] {
        if self.inside == 0 {
            self.read += n;
        }
        let (taken, rest) = decisions.split_at(n.min(decisions.len()));
        *decisions = rest;
        taken
    }

    /// The next decision, of a choice of `options`; the only option is not a decision.
    fn pick(&mut self, decisions: &mut &[u32], options: usize) -> usize {
        if options <= 1 {
            return 0;
        }
        self.take(decisions, 1).first().map_or(0, |&pick| pick as usize)
    }

    /// How many decisions stand before the next one, where no other ones decide that it is reached.
    fn place(&self, decisions: &[u32]) -> Option<usize> {
        let of_shared = self.shared.iter().map(|own| own.len()).sum::<usize>();
        match self.inside {
            0 => Some(self.read),
            1 if self.read == of_shared => Some(self.own - decisions.len()),
            _ => None,
        }
    }

    /// Tells the sink that it is at part `n` of what is being walked.
    fn here(&mut self, n: usize) {
        if S::SITES {
            self.sink.site(site_in(self.site, n));
        }
    }

    /// Walks part `n` of what is being walked.
    fn part(
        &mut self,
        n: usize,
        block: &Block,
        decisions: &mut &[u32],
        at: S::At,
    ) -> Result<S::At, S::Stop> {
        if !S::SITES {
            return self.block(block, decisions, at);
        }
        let (whole, choice) = (self.site, self.choice);
        (self.site, self.choice) = (site_in(whole, n), site_in(choice, n));
        let end = self.block(block, decisions, at);
        (self.site, self.choice) = (whole, choice);
        end
    }

    pub(crate) fn block(
        &mut self,
        block: &Block,
        decisions: &mut &[u32],
        at: S::At,
    ) -> Result<S::At, S::Stop> {
        match &*block.0 {
            Tree::Layer { args, .. } if S::MIXED => self.mixed_layer(block, args, at),
            Tree::Layer { args, .. } => {
                let choices = args.iter().filter(|choice| choice.options.len() > 1).count();
                let picks = self.take(decisions, choices);
                self.here(0);
                self.sink.layer(block, picks, at)
            }
            _ if S::OPEN => self.open(block, at),
            _ => self.composed(block, decisions, at),
        }
    }

    /// A block that is more than a layer, in which nothing is decided.
    fn open(&mut self, block: &Block, at: S::At) -> Result<S::At, S::Stop> {
        if let Some(end) = self.sink.enter(block, at) {
            return Ok(end);
        }
        let options = match &*block.0 {
            Tree::OneOf(options) => options,
            Tree::Repeat { block, .. } => std::slice::from_ref(block),
            Tree::Wired(cell) => std::slice::from_ref(&cell.op),
            _ => &[],
        };
        let end = match options {
            [] => self.composed(block, &mut &[][..], at)?,
            options => {
                let ends = options.iter().map(|option| self.block(option, &mut &[][..], at));
                let ends = ends.collect::<Result<_, _>>()?;
                self.sink.choice(at, ends)
            }
        };
        self.sink.leave();
        Ok(end)
    }

    /// A layer with each combination of the settings that are to be chosen.
    fn mixed_layer(
        &mut self,
        block: &Block,
        args: &[Settings],
        at: S::At,
    ) -> Result<S::At, S::Stop> {
        self.here(0);
        let open = args.iter().enumerate().filter(|(_, choice)| choice.options.len() > 1);
        let choices: Vec<Choice> = open
            .map(|(i, choice)| Choice {
                id: site_in(self.choice, i),
                block,
                options: choice.options.len(),
            })
            .collect();
        if choices.is_empty() {
            return self.sink.layer(block, &[], at);
        }
        if let Some(end) = self.sink.inner(block, self.choice, at)? {
            return Ok(end);
        }
        let all = choices.iter().map(|c| c.options).fold(1, usize::saturating_mul);
        if all > MOST_MIXED {
            return Err(self.sink.stop(|| {
                Error::invalid(
                    format!("{all} combinations of settings of {block}"),
                    format!("at most {MOST_MIXED} are mixed, for all of them are computed"),
                    "fewer choices in one layer, or Supernet::on(&space, &train), which trains one path \
                     at a time",
                )
            }));
        }
        let from = self.sink.options(at)?;
        let mut ends = Vec::with_capacity(all);
        for mut n in 0..all {
            let mut picks: Vec<u32> = vec![0; choices.len()];
            for (pick, choice) in picks.iter_mut().zip(&choices).rev() {
                (*pick, n) = ((n % choice.options) as u32, n / choice.options);
            }
            ends.push(self.sink.layer(block, &picks, from)?);
        }
        self.sink.mix(&choices, at, ends)
    }

    /// The choice of a block at `at`, all of whose options gave something.
    fn mix(&mut self, block: &Block, at: S::At, ends: Vec<S::At>) -> Result<S::At, S::Stop> {
        self.here(ends.len());
        let choice = Choice { id: self.choice, block, options: ends.len() };
        self.sink.mix(&[choice], at, ends)
    }

    fn composed(
        &mut self,
        block: &Block,
        decisions: &mut &[u32],
        at: S::At,
    ) -> Result<S::At, S::Stop> {
        match &*block.0 {
            Tree::Layer { .. } => self.block(block, decisions, at),
            Tree::Seq(blocks) => {
                let mut blocks = blocks.iter().enumerate();
                blocks.try_fold(at, |at, (i, block)| self.part(i, block, decisions, at))
            }
            Tree::OneOf(options) if S::MIXED && options.len() > 1 => {
                let before = self.before;
                let from = self.sink.options(at)?;
                let mut ends = Vec::with_capacity(options.len());
                for (i, option) in options.iter().enumerate() {
                    self.before = before;
                    ends.push(self.part(i, option, &mut &[][..], from)?);
                }
                self.mix(block, at, ends)
            }
            Tree::Repeat { times, block: copy } if S::MIXED && times.options.len() > 1 => {
                let counts: Vec<usize> =
                    (0..times.options.len()).map(|i| genes::count(times, i)).collect();
                let bare = std::mem::take(&mut self.bare);
                let mut after = vec![self.sink.options(at)?];
                for n in 0..counts.iter().copied().max().unwrap_or(0) {
                    let end = self.part(n, copy, &mut &[][..], after[n])?;
                    after.push(end);
                }
                if bare && counts.contains(&0) {
                    after[0] = self.sink.layer(&zero(), &[], after[0])?;
                }
                self.mix(block, at, counts.iter().map(|&n| after[n]).collect())
            }
            Tree::OneOf(options) => {
                let pick = self.pick(decisions, options.len());
                let option = options.get(pick);
                option.map_or(Ok(at), |option| self.part(pick, option, decisions, at))
            }
            Tree::Repeat { times, block } => {
                let pick = self.pick(decisions, times.options.len());
                let mut copies = 0..genes::count(times, pick);
                copies.try_fold(at, |at, copy| self.part(copy, block, decisions, at))
            }
            Tree::Residual(inner) => {
                if S::MIXED && !matches!(&*inner.0, Tree::Repeat { .. }) && may_be_nothing(inner) {
                    return Err(self.sink.stop(|| {
                        Error::invalid(
                            format!("a residual connection around {}, which may be nothing", block_text(inner)),
                            "around nothing it is nothing, and that does not mix",
                            "repeat(1..=2, ...) in place of repeat(0..=2, ...), or .residual() around each repeat",
                        )
                    }));
                }
                // Around nothing it is nothing: the input counts once.
                self.bare = S::MIXED
                    && matches!(&*inner.0, Tree::Repeat { times, .. } if times.options.len() > 1);
                let out = self.part(0, inner, decisions, at)?;
                if out == at {
                    return Ok(at);
                }
                self.here(1);
                let shortcut = self.sink.shortcut(at, out)?;
                self.sink.join(Join::Sum, &[out, shortcut], Role::Chosen)
            }
            Tree::Cell(cell) => self.cell(cell, decisions, at),
            Tree::Wired(cell) => self.wired(cell, decisions, at),
            Tree::Wide { channels, block } => {
                self.wide = Some(*channels);
                self.block(block, decisions, at)
            }
            Tree::Stack(parts) => self.stack(parts, decisions, at),
            Tree::Shared { name, block } if S::MIXED => {
                let outside = std::mem::replace(&mut self.choice, shared_site(name));
                let end = self.block(block, &mut &[][..], at);
                self.choice = outside;
                end
            }
            Tree::Shared { name, block } => match self.spec.genome().number(name) {
                Some(i) if !S::OPEN => self.shared(i, block, at),
                _ => self.block(block, decisions, at),
            },
            Tree::Broken { block, .. } => self.block(block, decisions, at),
        }
    }

    fn shared(&mut self, i: usize, block: &Block, at: S::At) -> Result<S::At, S::Stop> {
        let inputs = (at, self.before, self.wide);
        if let Some((end, before, wide)) = self.sink.known(i, inputs, self.inside == 0) {
            (self.before, self.wide) = (before, wide);
            return Ok(end);
        }
        if self.inside == 0 {
            self.own = self.shared.iter().take(i + 1).map(|own| own.len()).sum();
        }
        self.inside += 1;
        let mut own = self.shared.get(i).copied().unwrap_or_default();
        let end = self.block(block, &mut own, at)?;
        self.inside -= 1;
        self.sink.learn(i, inputs, (end, self.before, self.wide));
        Ok(end)
    }

    fn cell(&mut self, cell: &Cell, decisions: &mut &[u32], at: S::At) -> Result<S::At, S::Stop> {
        let mut nodes = Vec::with_capacity(cell.steps.len() + 2);
        if cell.two_inputs {
            // Inside, no other cell sees this one's inputs.
            nodes.push(self.before.take().unwrap_or(at));
        }
        nodes.push(at);
        let (mut ends, mut edges) = (vec![], 0);
        for (n, (step, sets)) in cell.nodes().enumerate() {
            ends.clear();
            let kept = sets.filter(|_| !S::OPEN && !S::MIXED).map(|sets| {
                let pick = self.pick(decisions, sets.len());
                sets.get(pick).map_or(&[][..], Vec::as_slice)
            });
            for (i, edge) in step.edges.iter().enumerate() {
                edges += 1;
                if kept.is_none_or(|kept| kept.contains(&i)) {
                    let from = nodes.get(edge.from).copied().unwrap_or(at);
                    ends.push(self.part(edges, &edge.block, decisions, from)?);
                }
            }
            if S::MIXED && step.join == Join::Sum && ends.len() > 1 {
                self.here(MOST_EDGES + n);
                nodes.push(self.sink.edges(site_in(self.choice, MOST_EDGES + n), sets, &ends)?);
                continue;
            }
            nodes.push(self.join(step.join, &mut ends, Role::Chosen)?);
        }
        match cell.concat {
            true => {
                nodes.drain(..cell.inputs());
                self.join(Join::Concat, &mut nodes, Role::Chosen)
            }
            false => Ok(nodes.pop().unwrap_or(at)),
        }
    }

    fn wired(&mut self, cell: &Wired, decisions: &mut &[u32], at: S::At) -> Result<S::At, S::Stop> {
        let wide = self.wide.take();
        if S::MIXED {
            return Err(self.sink.stop(|| {
                Error::invalid(
                    "wired(...) in a space whose choices are to be mixed",
                    "how its vertices are wired decides their widths, and widths do not mix",
                    "cell([...]), or Supernet::on(&space, &train), which trains one path at a time",
                )
            }));
        }
        let place = self.place(decisions);
        let edges = self.take(decisions, cell.pairs());
        let Some(wiring) = cell.pruned(edges) else {
            let mut settled = None;
            let why = self.sink.stop(|| {
                let (error, after) = cell.fault(edges);
                settled = Some(after);
                error
            });
            self.settled = place.zip(settled).map(|(place, after)| place + after);
            return Err(why);
        };
        let &[input, _, _] = self.sink.dims(&at) else {
            return Err(self.sink.stop(|| not_wired(&self.sink.shape(at))));
        };
        let channels = wide.unwrap_or(input);
        let (widths, share) = wiring.widths(channels).map_err(|e| self.sink.stop(|| e))?;
        let last = cell.vertices - 1;
        let outside = self.sink.spare(0);
        // What every vertex gives; the first is the input, those that are left out give nothing.
        let mut gives = vec![at; last];
        let mut reads = vec![];
        for v in 1..last {
            if !wiring.keeps(v) {
                let unread = genes::length(&cell.op, decisions);
                self.take(decisions, unread);
                continue;
            }
            self.sink.spare(widths[v].saturating_sub(share));
            self.here(v);
            reads.clear();
            for u in wiring.sources(v) {
                reads.push(match u {
                    0 => self.sink.between(Between::Projection(widths[v]), at)?,
                    _ if widths[u] == widths[v] => gives[u],
                    _ => self.sink.between(Between::First(widths[v]), gives[u])?,
                });
            }
            let sum = self.join(Join::Sum, &mut reads, Role::Chosen)?;
            gives[v] = self.part(v, &cell.op, decisions, sum)?;
            if !self.sink.same_shape(sum, gives[v]) {
                return Err(self.sink.stop(|| {
                    let (a, b) = (self.sink.shape(sum), self.sink.shape(gives[v]));
                    Error::new(
                        ErrorKind::Shape,
                        format!(
                            "what stands on vertex {v} of a wired cell makes {b} of {a}: it has to \
                             keep the shape. Try same() channels and no stride, as conv(same(), 3)"
                        ),
                    )
                }));
            }
        }
        self.sink.spare(outside);
        reads.clear();
        reads.extend(wiring.sources(last).filter(|&v| v > 0).map(|v| gives[v]));
        if !reads.is_empty() {
            let gathered = self.join(Join::Concat, &mut reads, Role::Gather)?;
            reads.clear();
            reads.push(gathered);
        }
        if wiring.has(0, last) {
            self.here(last);
            reads.push(self.sink.between(Between::Projection(channels), at)?);
        }
        self.join(Join::Sum, &mut reads, Role::Chosen)
    }

    fn stack(
        &mut self,
        parts: &[Block],
        decisions: &mut &[u32],
        at: S::At,
    ) -> Result<S::At, S::Stop> {
        let (mut earlier, mut last) = (at, at);
        for (i, pair) in parts.chunks_exact(2).enumerate() {
            let [prepare, cell] = pair else { continue };
            let at = self.part(3 * i, prepare, decisions, last)?;
            // A preparation has no decisions, so that it can stand there twice.
            self.before = Some(match same_size(self.sink.dims(&earlier), self.sink.dims(&last)) {
                true => self.part(3 * i + 1, prepare, &mut &[][..], earlier)?,
                false => {
                    self.here(3 * i + 1);
                    let active = self.sink.between(Between::Relu, earlier)?;
                    self.sink.shortcut(active, at)?
                }
            });
            let end = self.part(3 * i + 2, cell, decisions, at)?;
            self.before = None;
            (earlier, last) = (last, end);
        }
        Ok(last)
    }

    /// Where edges meet. Zeros add nothing to a sum, so they are not read, unless there is nothing
    /// else; one alone is itself.
    fn join(&mut self, join: Join, ends: &mut Vec<S::At>, role: Role) -> Result<S::At, S::Stop> {
        if let (Join::Sum, Some(&first)) = (join, ends.first()) {
            let sink = &self.sink;
            let zero = |end: &S::At| sink.is_zero(*end) && sink.same_shape(*end, first);
            match ends.iter().all(zero) {
                true => ends.truncate(1),
                false => ends.retain(|end| !zero(end)),
            }
        }
        match ends[..] {
            [one] => Ok(one),
            _ => self.sink.join(join, ends, role),
        }
    }
}

/// Whether two values differ in nothing but channels.
pub(crate) fn same_size(a: &[usize], b: &[usize]) -> bool {
    match (a, b) {
        ([_, h, w], [_, y, x]) => (h, w) == (y, x),
        ([l, _], [m, _]) => l == m,
        _ => a.len() == b.len(),
    }
}

/// The error of a wired cell on something that is not an image.
pub(crate) fn not_wired(input: &Shape) -> Error {
    Error::new(
        ErrorKind::Shape,
        format!(
            "a wired cell on an input of {input}: it needs an image [C, H, W]. Try it \
             before flattening, or cell(...), which takes anything"
        ),
    )
}
