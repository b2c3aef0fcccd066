//! A space with all its choices relaxed: one network in which a choice is the weighted sum of what its
//! options give, and an architecture is the special case that one option of each has weight 1.
//!
//! Liu, Simonyan and Yang, "DARTS: Differentiable Architecture Search", arXiv 1806.09055, section 2.2:
//!
//! ```text
//! choice of operations o in O on an edge (i, j)         o_mix(x) = sum over o of w_o o(x)
//! node j of a cell, of which edges are chosen           x_j = sum over i < j of g_i o_mix_(i,j)(x_i)
//! ```
//!
//! The weights w and g of all choices stand one behind the other in one list of numbers. Those of a shared
//! block stand in it once, so that all cells of a network are the same; the weights of its layers are not
//! shared. What w is made of, and how it is learned, differs from method to method.
//!
//! A recurrent cell is a layer (`layer/darts_rnn.rs`) whose settings choose, for each step, an earlier state
//! and a function. Its relaxed form (section 3.1.2) has every edge from an earlier state, with a choice of a
//! function or none on it. Of each step the edge is kept whose best function weighs most.

use crate::error::{Error, Result};
use crate::graph::walk::{Choice, MOST_EDGES, ROOT, shared_site, site_in};
use crate::layer::darts_rnn::STEPS;
use crate::layer::{DARTS_RNN, MIX, MIXED_RNN, SKIP, ZERO};
use crate::op::{LayerInfo, Op, Value};
use crate::tree::{Block, Cell, Choice as Settings, Join, Spec, Tree, block_name, distinct, genes};
use std::collections::HashMap;

/// A choice, with a weight for each of its options.
#[derive(Clone)]
pub(crate) struct Place {
    /// Where it stands, such as `normal 0-2`.
    pub(crate) label: String,
    pub(crate) options: Vec<String>,
    /// Which options are an edge that is not there.
    pub(crate) zeros: Vec<bool>,
    /// Which options do nothing.
    pub(crate) skips: Vec<bool>,
    /// The first of its weights in the list.
    pub(crate) at: usize,
}

/// Where the edges of a cell meet.
#[derive(Clone)]
pub(crate) struct Meeting {
    /// The nodes that the edges come from.
    pub(crate) from: Vec<usize>,
    /// The first choice on each edge.
    pub(crate) places: Vec<Option<usize>>,
    /// The sets of edges of which one is kept, if not all are.
    pub(crate) sets: Option<Vec<Vec<usize>>>,
    /// The first of its weights in the list: one for each edge.
    pub(crate) at: usize,
}

/// A cell with a choice on each of its edges.
#[derive(Clone)]
pub(crate) struct CellPlan {
    pub(crate) name: String,
    /// How many of its nodes are inputs, and how many there are.
    inputs: usize,
    count: usize,
    /// Whether the output is made of all nodes, rather than the last one.
    concat: bool,
    pub(crate) edges: Vec<EdgePlan>,
    /// Its edges without a choice.
    decided: Vec<(usize, usize)>,
}

#[derive(Clone)]
pub(crate) struct EdgePlan {
    pub(crate) from: usize,
    pub(crate) to: usize,
    /// The first choice on it.
    pub(crate) place: usize,
}

impl CellPlan {
    /// The names of its nodes; the last one is the output, where that is none of the others.
    pub(crate) fn nodes(&self) -> Vec<String> {
        let name = |i: usize| match (i, self.inputs) {
            (0, 1) => "input".to_string(),
            (0, _) => "before last".to_string(),
            (1, 2) => "last".to_string(),
            _ => i.to_string(),
        };
        (0..self.count).map(name).chain(self.concat.then(|| "output".to_string())).collect()
    }

    /// The connections without a choice, and those of the nodes with the output.
    pub(crate) fn fixed(&self) -> Vec<(usize, usize)> {
        let nodes = if self.concat { self.inputs..self.count } else { 0..0 };
        let decided = self.decided.iter().copied();
        decided.chain(nodes.map(|node| (node, self.count))).collect()
    }
}

/// All choices of a space, in the order of its tree.
#[derive(Clone, Default)]
pub(crate) struct Relaxed {
    pub(crate) places: Vec<Place>,
    pub(crate) meetings: Vec<Meeting>,
    pub(crate) cells: Vec<CellPlan>,
    /// The length of the list of weights.
    pub(crate) width: usize,
    /// Of a choice or a meeting: its number.
    known: HashMap<u64, usize>,
    /// The shared blocks that were met.
    shared: Vec<String>,
}

/// What has to be decided in order to name an architecture.
pub(crate) enum Ask<'a> {
    /// The option of a choice; `kept` in a cell whose edges are kept or left out as such.
    Place { place: &'a Place, kept: bool },
    /// The set of edges that is kept.
    Sets { meeting: &'a Meeting, sets: &'a [Vec<usize>] },
    /// The edge of a step of a recurrent cell, and its function: `edge * functions + function`. Each edge
    /// has the same options, of which the first is that it is not there.
    Step { edges: &'a [Place], functions: usize },
}

impl Ask<'_> {
    /// The answer that these decisions contain.
    pub(crate) fn recall<'d>(&self, decisions: &mut impl Iterator<Item = &'d u32>) -> usize {
        let mut next = |options: usize| match options {
            0 | 1 => 0,
            _ => decisions.next().map_or(0, |&pick| pick as usize),
        };
        match self {
            Ask::Step { edges, functions } => {
                let edge = next(edges.len());
                edge * functions + next(*functions)
            }
            _ => next(2),
        }
    }
}

impl Relaxed {
    /// The choices of a space.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn of(spec: &Spec) -> Result<Relaxed> {
        let mut found = Relaxed::default();
        for (name, block) in &spec.genome().shared {
            found.shared(name, block);
        }
        found.survey(&spec.root, site_in(ROOT, 0), "");
        match found.places.is_empty() {
            false => Ok(found),
            true => Err(Error::invalid(
                "a space without choices to relax",
                "a gradient needs options that can be mixed: of blocks, edges, activations or kernels",
                "one_of([conv(same(), 3), conv(same(), 5), skip()]) in place of a layer",
            )),
        }
    }

    /// A choice; of blocks, if there are such.
    fn place(&mut self, id: u64, label: String, options: Vec<String>, blocks: &[Block]) {
        self.known.insert(id, self.places.len());
        let n = options.len();
        let are = |info: &'static LayerInfo| -> Vec<bool> {
            (0..n).map(|i| blocks.get(i).is_some_and(|block| is(block, info))).collect()
        };
        let (zeros, skips) = (are(&ZERO), are(&SKIP));
        self.places.push(Place { label, options, zeros, skips, at: self.width });
        self.width += n;
    }

    fn shared(&mut self, name: &str, block: &Block) {
        if !self.shared.iter().any(|known| known == name) {
            self.shared.push(name.to_string());
            self.survey(block, shared_site(name), name);
        }
    }

    fn survey(&mut self, block: &Block, id: u64, path: &str) {
        match &*block.0 {
            Tree::Layer { info, args } if is_recurrent(info, args) => {
                self.recurrent_cell(args, id, path);
            }
            Tree::Layer { info, args } => {
                for (i, choice) in args.iter().enumerate().filter(|(_, c)| c.options.len() > 1) {
                    let setting = &info.args[i];
                    let label = within(path, &format!("{} {}", info.name, setting.name));
                    let options: Vec<String> =
                        choice.options.iter().map(|v| setting.option(v)).collect();
                    self.place(site_in(id, i), label, options, &[]);
                }
            }
            Tree::OneOf(options) => {
                if options.len() > 1 {
                    let label = if path.is_empty() { "one_of".into() } else { path.to_string() };
                    let names = options.iter().map(block_name).collect();
                    self.place(id, label, distinct(names), options);
                }
                for (i, option) in options.iter().enumerate() {
                    let inner = within(path, &block_name(option));
                    self.survey(option, site_in(id, i), &inner);
                }
            }
            Tree::Repeat { times, block } => {
                let counts: Vec<usize> =
                    (0..times.options.len()).map(|i| genes::count(times, i)).collect();
                if counts.len() > 1 {
                    let names = counts.iter().map(usize::to_string).collect();
                    self.place(id, within(path, "repeat"), names, &[]);
                }
                for copy in 0..counts.iter().copied().max().unwrap_or(0) {
                    self.survey(block, site_in(id, copy), &within(path, &format!("[{copy}]")));
                }
            }
            Tree::Cell(cell) => self.cell(cell, id, path),
            Tree::Shared { name, block } => self.shared(name, block),
            _ => {
                let all: Vec<(usize, Block)> = parts(block).collect();
                let several = all.iter().filter(|(_, part)| part.has_choices()).count() > 1;
                for (n, part) in all {
                    let inner = if several { within(path, &n.to_string()) } else { path.into() };
                    self.survey(&part, inner_site(block, id, n), &inner);
                }
            }
        }
    }

    /// The edges of a recurrent cell. Its first setting is the number of its units.
    fn recurrent_cell(&mut self, args: &[Settings], id: u64, path: &str) {
        if let Some(units) = args.first().filter(|units| units.options.len() > 1) {
            let setting = &DARTS_RNN.args[0];
            let options = units.options.iter().map(|v| setting.option(v)).collect();
            self.place(site_in(id, 0), within(path, "rnn units"), options, &[]);
        }
        let (mut edges, mut decided) = (vec![], vec![]);
        for (i, step) in steps_of(args).enumerate() {
            let to = i + 1;
            if !step.open {
                decided.extend(step.from.first().map(|&from| (from, to)));
                continue;
            }
            let names = step.functions.iter().map(Value::to_string);
            let options: Vec<String> = std::iter::once("none".to_string()).chain(names).collect();
            let n = options.len();
            self.known.insert(site_in(id, 2 * i + 1), self.places.len());
            for &from in &step.from {
                edges.push(EdgePlan { from, to, place: self.places.len() });
                self.places.push(Place {
                    label: within(path, &format!("rnn {from}-{to}")),
                    options: options.clone(),
                    zeros: (0..n).map(|o| o == 0).collect(),
                    skips: vec![false; n],
                    at: self.width,
                });
                self.width += n;
            }
        }
        let (name, inputs, count) = (within(path, "recurrent cell"), 1, STEPS + 1);
        self.cells.push(CellPlan { name, inputs, count, concat: true, edges, decided });
    }

    fn cell(&mut self, cell: &Cell, id: u64, path: &str) {
        let (mut edges, mut planned) = (0, vec![]);
        for (n, (step, sets)) in cell.nodes().enumerate() {
            let (mut places, to) = (vec![], n + cell.inputs());
            for edge in &step.edges {
                edges += 1;
                let first = self.places.len();
                let label = within(path, &format!("{}-{to}", edge.from));
                self.survey(&edge.block, site_in(id, edges), &label);
                places.push(match &*edge.block.0 {
                    // Its choices stand where it was met first.
                    Tree::Shared { name, block } if block.has_choices() => {
                        self.known.get(&shared_site(name)).copied()
                    }
                    _ => (self.places.len() > first).then_some(first),
                });
                let first = places.last().copied().flatten().unwrap_or(first);
                planned.push(EdgePlan { from: edge.from, to, place: first });
            }
            if places.contains(&None) {
                planned.retain(|edge| edge.to != to);
            }
            let chosen = sets.is_some() || places.iter().all(Option::is_some);
            if chosen && step.join == Join::Sum && places.len() > 1 {
                self.known.insert(site_in(id, MOST_EDGES + n), self.meetings.len());
                let from = step.edges.iter().map(|edge| edge.from).collect();
                let (sets, at) = (sets.map(<[_]>::to_vec), self.width);
                self.width += places.len();
                self.meetings.push(Meeting { from, places, sets, at });
            }
        }
        if planned.len() == edges && edges > 1 {
            let (name, inputs) = (if path.is_empty() { "cell" } else { path }, cell.inputs());
            let (count, concat) = (inputs + cell.steps.len(), cell.concat);
            let (name, decided) = (name.to_string(), vec![]);
            self.cells.push(CellPlan { name, inputs, count, concat, edges: planned, decided });
        }
    }

    /// The weight of the edge with this choice.
    pub(crate) fn gate(&self, place: usize) -> Option<usize> {
        self.meetings.iter().find_map(|meeting| {
            let edge = meeting.places.iter().position(|p| *p == Some(place))?;
            Some(meeting.at + edge)
        })
    }

    /// The number of a choice or a meeting.
    fn known(&self, id: u64) -> Result<usize> {
        let lost = || Error::from("a choice that the survey of the space has not met");
        self.known.get(&id).copied().ok_or_else(lost)
    }

    /// The decisions of the architecture for which `ask` answers every question with an option.
    ///
    /// # Errors
    /// Only those of `ask`.
    pub(crate) fn decide(
        &self,
        spec: &Spec,
        mut ask: impl FnMut(Ask) -> Result<usize>,
    ) -> Result<Vec<u32>> {
        let mut decided = vec![];
        for (name, block) in &spec.genome().shared {
            self.visit(block, shared_site(name), false, &mut ask, &mut decided)?;
        }
        self.visit(&spec.root, site_in(ROOT, 0), false, &mut ask, &mut decided)?;
        Ok(decided)
    }

    fn visit(
        &self,
        block: &Block,
        id: u64,
        kept: bool,
        ask: &mut dyn FnMut(Ask) -> Result<usize>,
        decided: &mut Vec<u32>,
    ) -> Result<()> {
        let mut choose = |id: u64, options: usize, decided: &mut Vec<u32>| -> Result<usize> {
            if options < 2 {
                return Ok(0);
            }
            let place = &self.places[self.known(id)?];
            let pick = ask(Ask::Place { place, kept })?.min(options - 1);
            decided.push(pick as u32);
            Ok(pick)
        };
        match &*block.0 {
            Tree::Layer { info, args } if is_recurrent(info, args) => {
                let units = args.first().map_or(1, |units| units.options.len());
                choose(site_in(id, 0), units, decided)?;
                for (i, step) in steps_of(args).enumerate().filter(|(_, step)| step.open) {
                    let first = self.known(site_in(id, 2 * i + 1))?;
                    let (edges, functions) = (step.from.len(), step.functions.len());
                    let edges_here = &self.places[first..first + edges];
                    let pick = ask(Ask::Step { edges: edges_here, functions })?;
                    let pick = pick.min((edges * functions).saturating_sub(1));
                    if edges > 1 {
                        decided.push((pick / functions) as u32);
                    }
                    if functions > 1 {
                        decided.push((pick % functions) as u32);
                    }
                }
                Ok(())
            }
            Tree::Layer { args, .. } => {
                for (i, choice) in args.iter().enumerate() {
                    choose(site_in(id, i), choice.options.len(), decided)?;
                }
                Ok(())
            }
            Tree::OneOf(options) => {
                let pick = choose(id, options.len(), decided)?;
                let Some(option) = options.get(pick) else { return Ok(()) };
                self.visit(option, site_in(id, pick), kept, ask, decided)
            }
            Tree::Repeat { times, block } => {
                let pick = choose(id, times.options.len(), decided)?;
                (0..genes::count(times, pick))
                    .try_for_each(|n| self.visit(block, site_in(id, n), kept, ask, decided))
            }
            Tree::Cell(cell) => {
                let mut edges = 0;
                for (n, (step, sets)) in cell.nodes().enumerate() {
                    let all: Vec<usize> = (0..step.edges.len()).collect();
                    let set = match sets {
                        Some(sets) if sets.len() > 1 => {
                            let meeting = self.known(site_in(id, MOST_EDGES + n))?;
                            let meeting = &self.meetings[meeting];
                            let pick = ask(Ask::Sets { meeting, sets })?.min(sets.len() - 1);
                            decided.push(pick as u32);
                            &sets[pick]
                        }
                        Some([only]) => only,
                        _ => &all,
                    };
                    for &i in set {
                        let block = &step.edges[i].block;
                        let site = site_in(id, edges + i + 1);
                        self.visit(block, site, cell.keep.is_some(), ask, decided)?;
                    }
                    edges += step.edges.len();
                }
                Ok(())
            }
            // Their decisions stand in front of the others.
            Tree::Shared { block, .. } if block.has_choices() => Ok(()),
            _ => parts(block).try_for_each(|(n, part)| {
                self.visit(&part, inner_site(block, id, n), kept, ask, decided)
            }),
        }
    }

    /// The weights with which the network is that of an architecture.
    ///
    /// # Errors
    /// When it has not the decisions of this space.
    pub(crate) fn one_hot(&self, spec: &Spec, decisions: &[u32]) -> Result<Vec<f64>> {
        let mut weights = vec![0.0; self.width];
        for meeting in self.meetings.iter().filter(|meeting| meeting.sets.is_none()) {
            weights[meeting.at..meeting.at + meeting.from.len()].fill(1.0);
        }
        let mut rest = decisions.iter();
        self.decide(spec, |question| {
            let pick = question.recall(&mut rest);
            match question {
                Ask::Place { place, .. } => weights[place.at + pick] = 1.0,
                // On the other edges nothing weighs anything, not even none: no edge is there.
                Ask::Step { edges, functions } => {
                    let edge = &edges[pick / functions];
                    weights[edge.at + 1 + pick % functions] = 1.0;
                }
                Ask::Sets { meeting, sets } => {
                    sets.get(pick)
                        .into_iter()
                        .flatten()
                        .for_each(|i| weights[meeting.at + i] = 1.0);
                }
            }
            Ok(pick)
        })?;
        Ok(weights)
    }

    /// The operation that mixes the options of choices that are not zeros, with the columns of their
    /// weights, and these options.
    pub(crate) fn mix_of(
        &self,
        choices: &[Choice],
        ends: &[usize],
        zero: impl Fn(usize) -> bool,
    ) -> Result<(Op, Vec<usize>)> {
        let at = choices.iter().map(|c| Ok(self.places[self.known(c.id)?].at));
        let at = at.collect::<Result<Vec<usize>>>()?;
        let (mut args, mut inputs) = (vec![], vec![]);
        for (mut n, &end) in ends.iter().enumerate() {
            if zero(end) {
                continue;
            }
            let mut columns = vec![];
            for (choice, at) in choices.iter().zip(&at).rev() {
                columns.push(Value::Int((at + n % choice.options) as i64));
                n /= choice.options;
            }
            args.push(Value::Int(columns.len() as i64));
            args.extend(columns);
            inputs.push(end);
        }
        Ok((Op { info: &MIX, args }, inputs))
    }

    /// The relaxed form of a recurrent cell with steps to choose; nothing for any other layer.
    ///
    /// # Errors
    /// When its units are to be chosen as well.
    pub(crate) fn recurrent(&self, layer: &Block, id: u64) -> Result<Option<Op>> {
        let Tree::Layer { info, args } = &*layer.0 else { return Ok(None) };
        if !is_recurrent(info, args) {
            return Ok(None);
        }
        let units = match &args[0].options[..] {
            [units] => *units,
            several => {
                let all: Vec<String> = several.iter().map(Value::to_string).collect();
                return Err(Error::invalid(
                    format!("darts_rnn with {} units", all.join(" or ")),
                    "options are mixed number by number, so all of them have to give the same shape",
                    "one number of units, as presets::darts_rnn(32); or Supernet::on(&space, &train), \
                     which trains one path at a time",
                ));
            }
        };
        let mut values = vec![units];
        for (i, step) in steps_of(args).enumerate() {
            let mut column = match step.open {
                true => Some(self.places[self.known(site_in(id, 2 * i + 1))?].at),
                false => None,
            };
            values.push(Value::Int((step.from.len() * step.functions.len()) as i64));
            for &from in &step.from {
                for (n, function) in step.functions.iter().enumerate() {
                    // The first option is none.
                    let own = column.map_or(-1, |at| (at + 1 + n) as i64);
                    values.extend([Value::Int(from as i64), *function, Value::Int(own)]);
                }
                column = column.map(|at| at + 1 + step.functions.len());
            }
        }
        Ok(Some(Op { info: &MIXED_RNN, args: values }))
    }

    /// The operation that adds up the edges of a meeting, or nothing where all of them are simply there.
    pub(crate) fn sum_of(&self, id: u64, edges: usize, normalise: bool) -> Option<Op> {
        let meeting = &self.meetings[*self.known.get(&id)?];
        let needed = meeting.sets.is_some() || normalise;
        let column = |i: usize| [Value::Int(1), Value::Int((meeting.at + i) as i64)];
        needed.then(|| Op { info: &MIX, args: (0..edges).flat_map(column).collect() })
    }
}

/// A step of a recurrent cell.
struct Step<'t> {
    /// The earlier states that it may begin with.
    from: Vec<usize>,
    functions: &'t [Value],
    /// Whether anything is to be chosen.
    open: bool,
}

/// The steps of a recurrent cell from the settings of its layer: its units, and two for each step.
fn steps_of(args: &[Settings]) -> impl Iterator<Item = Step<'_>> {
    args.get(1..).unwrap_or_default().chunks_exact(2).map(|step| {
        let from = step[0].options.iter().map(|value| match value {
            Value::Int(from) => (*from).max(0) as usize,
            _ => 0,
        });
        let open = step.iter().any(|setting| setting.options.len() > 1);
        Step { from: from.collect(), functions: &step[1].options, open }
    })
}

/// Whether a layer is a recurrent cell with steps to choose.
fn is_recurrent(info: &'static LayerInfo, args: &[Settings]) -> bool {
    std::ptr::eq(info, &DARTS_RNN) && steps_of(args).any(|step| step.open)
}

/// Whether a block is a layer of this row.
fn is(block: &Block, row: &'static LayerInfo) -> bool {
    match &*block.0 {
        Tree::Layer { info, .. } => std::ptr::eq(*info, row),
        Tree::Shared { block, .. } => is(block, row),
        _ => false,
    }
}

/// The parts of a block without a choice of its own, with their numbers in the walk.
fn parts(block: &Block) -> impl Iterator<Item = (usize, Block)> {
    let stack = matches!(&*block.0, Tree::Stack(_));
    let parts = block.parts().unwrap_or_default().to_vec();
    // A stack prepares the earlier input of each cell as well.
    let number = move |i: usize| if stack { i / 2 * 3 + i % 2 * 2 } else { i };
    parts.into_iter().enumerate().map(move |(i, part)| (number(i), part))
}

/// The site of part `n`: that of the block itself, where the walk goes straight into it.
fn inner_site(block: &Block, id: u64, n: usize) -> u64 {
    match &*block.0 {
        Tree::Wide { .. } | Tree::Broken { .. } => id,
        Tree::Shared { name, .. } => shared_site(name),
        _ => site_in(id, n),
    }
}

fn within(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_string() } else { format!("{path} {name}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Graph;
    use crate::layer::mixed_rnn::bare;
    use crate::op::{Mixture, Params, Pass};
    use crate::prelude::*;
    use crate::presets;
    use std::sync::Arc;

    /// All steps open, or some of them decided in one or both of their settings.
    fn cells() -> [Block; 2] {
        let (some, one) = (any(["relu", "identity", "tanh"]), any(["sigmoid"]));
        let open = |i: i64| match i % 4 {
            0 => (0..=i, some.clone()),
            1 => (0..=i, one.clone()),
            2 => (i - 1..=i - 1, some.clone()),
            _ => (i..=i, one.clone()),
        };
        [presets::darts_rnn(5), darts_rnn(5, (0..8).map(open))]
    }

    /// With the weights of an architecture, the relaxed cell is the layer of that architecture, apart from
    /// the normalisation.
    #[test]
    fn one_option_of_each_step_gives_the_derived_cell() {
        for cell in cells() {
            let space = Space::new([6, 3], Task::classification(2)).then(cell).then(last());
            let spec = space.networks().spec();
            let relaxed = Relaxed::of(spec).unwrap();
            let Tree::Seq(parts) = &*spec.root.0 else { panic!("a row of blocks") };
            let site = site_in(site_in(ROOT, 0), 0);
            let op = relaxed.recurrent(&parts[0], site).unwrap().unwrap();
            let shape = [Shape::new([6, 3])];
            let params = || {
                let mut params = Params::new(&Device::Cpu, 4);
                params.enter("cell".into());
                params
            };
            let mixed = bare(&op, &shape, &mut params()).unwrap();
            let mut rng = Rng::new(2);
            for _ in 0..20 {
                let arch = space.sample(&mut rng).unwrap();
                let decisions = arch.decided();
                let numbers = relaxed.one_hot(spec, decisions).unwrap();
                // Each step that is open has one edge with a function.
                let on = numbers.iter().filter(|&&w| w == 1.0).count();
                let mut to: Vec<usize> = relaxed.cells[0].edges.iter().map(|e| e.to).collect();
                to.dedup();
                assert_eq!(on, to.len());
                let graph = Graph::of(spec, decisions).map_err(|m| m.error).unwrap();
                let own = &graph.nodes[1].op;
                let derived = (own.info.build)(own, &shape, &mut params()).unwrap();
                let x: Vec<f32> = (0..4 * 6 * 3).map(|_| rng.normal() as f32).collect();
                let x = Tensor::from_vec(x, (4, 6, 3), &Device::Cpu).unwrap();
                let weights: Vec<f32> = numbers.iter().map(|&w| w as f32).collect();
                let weights = Tensor::new(weights, &Device::Cpu).unwrap();
                let mut pass = Pass::new(false, None);
                pass.mixture = Some(Mixture { weights, numbers: Arc::new(numbers) });
                let run = |layer: &dyn crate::op::Layer, pass: &mut Pass| -> Vec<f32> {
                    let y = layer.forward(&[&x], pass).unwrap();
                    y.flatten_all().unwrap().to_vec1().unwrap()
                };
                let (a, b) = (run(&*mixed, &mut pass), run(&*derived, &mut pass));
                assert!(a.iter().any(|v| v.abs() > 1e-4));
                for (a, b) in a.iter().zip(&b) {
                    assert!((a - b).abs() < 1e-6, "{arch}: {a} {b}");
                }
            }
        }
    }
}
