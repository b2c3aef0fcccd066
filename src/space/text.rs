//! The text form of an architecture: its layers, as `conv(16,3)>residual(conv(32,5))>max_pool(2)`.
//!
//! Shared blocks come first, by name: `cell={skip};conv(16,3)>cell>cell`. One without decisions is only
//! a name, and where only shared blocks have decisions, they are the whole text.
//!
//! Reading it back means finding the decisions that lead to these layers: a search through the tree that
//! backtracks where a branch does not fit. Where several decisions lead to the same text (a space may
//! offer a layer twice), the decisions themselves follow: `conv(16,3)@0.1`. That short form alone,
//! `@0.1`, is read too.

use super::Space;
use crate::error::{Error, Result};
use crate::layer::find;
use crate::op::{Op, Value};
use crate::tree::Choice;
use crate::tree::block::{Block, Node};
use crate::tree::cell::{Cell, Join};
use crate::tree::genes::{self, Gene};
use crate::tree::wired::{Matrix, Wired};
use std::slice::Iter;

/// A step of a cell: how it joins its edges, and for each edge the node it comes from and its items.
type Joined = (Join, Vec<(usize, Vec<Item>)>);

/// What an architecture's text says: the shared blocks by name, and the network.
#[derive(PartialEq)]
struct Written {
    shared: Vec<(String, Vec<Item>)>,
    items: Vec<Item>,
}

impl Written {
    /// What these decisions lead to.
    fn of(space: &Space, genes: &[Gene]) -> Written {
        let (genome, mut genes) = (space.genome(), genes.iter());
        let shared = genome.shared.iter();
        let shared = shared.map(|(name, block)| (name.clone(), items_of(block, &mut genes)));
        let shared = shared.collect();
        let items = match genome.fixed {
            true => fixed_items(space),
            false => items_of(space.root(), &mut genes),
        };
        Written { shared, items }
    }

    fn show(&self, space: &Space) -> String {
        match space.genome().fixed && !self.shared.is_empty() {
            true => self.show_shared().join(";"),
            false => self.show_all(),
        }
    }

    fn show_shared(&self) -> Vec<String> {
        let one = |(name, list): &(String, Vec<Item>)| format!("{name}={{{}}}", show(list));
        self.shared.iter().map(one).collect()
    }

    fn show_all(&self) -> String {
        let mut parts = self.show_shared();
        parts.push(show(&self.items));
        parts.join(";")
    }

    /// The first decisions, in enumeration order, that lead here.
    fn solve(&self, space: &Space) -> Option<Vec<u32>> {
        let names = space.genome().shared.iter().map(|(name, _)| name);
        if !names.eq(self.shared.iter().map(|(name, _)| name)) {
            return None;
        }
        let mut flat = vec![];
        for ((_, block), (_, list)) in space.genome().shared.iter().zip(&self.shared) {
            flat.extend(solve(block, list)?);
        }
        flat.extend(solve(space.root(), &self.items)?);
        Some(flat)
    }
}

/// A parsed piece of text.
#[derive(Clone, PartialEq, Debug)]
enum Item {
    Layer(&'static str, Vec<Value>),
    Residual(Vec<Item>),
    /// The steps of a cell.
    Cell(Vec<Joined>),
    /// The vertices of a wired cell after its input: what each computes, and which vertices it reads.
    Vertices(Vec<(Vec<Item>, Vec<usize>)>),
    /// The blocks of a stack, without their preparations, which have no choices.
    Stack(Vec<Vec<Item>>),
    /// A shared block, by its name.
    Shared(String),
}

/// Steps that reading may take before it gives up: far more than any honest text needs.
const FUEL: usize = 200_000;
/// How deep brackets may nest.
const DEPTH: usize = 64;

pub(crate) fn write(space: &Space, decisions: &[u32]) -> String {
    let Ok(genes) = genes::parse(&space.genome().whole, decisions) else {
        return code(decisions);
    };
    let written = Written::of(space, &genes);
    let text = written.show(space);
    match written.solve(space) {
        Some(flat) if flat == decisions => text,
        _ => format!("{text}{}", code(decisions)),
    }
}

fn code(decisions: &[u32]) -> String {
    let digits: Vec<String> = decisions.iter().map(u32::to_string).collect();
    format!("@{}", digits.join("."))
}

fn show(items: &[Item]) -> String {
    let parts: Vec<String> = items
        .iter()
        .map(|item| match item {
            Item::Layer(name, args) => match find(name) {
                Ok(info) => Op::of(info, args).to_string(),
                Err(_) => (*name).to_string(),
            },
            Item::Residual(inner) => format!("residual({})", show(inner)),
            Item::Cell(steps) => show_cell(steps),
            Item::Vertices(list) => show_vertices(list),
            Item::Stack(blocks) => {
                let blocks: Vec<String> = blocks.iter().map(|b| show(b)).collect();
                format!("stack({})", blocks.join("|"))
            }
            Item::Shared(name) => name.clone(),
        })
        .collect();
    parts.join(">")
}

/// `sum(a|b)` and `concat(a|b)` for one step; `cell(a~0;b~0|c~1)` for several, where a step that
/// concatenates begins with `concat:`.
fn show_cell(steps: &[Joined]) -> String {
    let edges = |edges: &[(usize, Vec<Item>)], from: bool| {
        let one = |(n, items): &(usize, Vec<Item>)| match from {
            true => format!("{}~{n}", show(items)),
            false => show(items),
        };
        edges.iter().map(one).collect::<Vec<_>>().join("|")
    };
    if let [(join, only)] = steps
        && only.iter().all(|(from, _)| *from == 0)
    {
        return format!("{}({})", join.name(), edges(only, false));
    }
    let step = |(join, list): &Joined| match join {
        Join::Sum => edges(list, true),
        Join::Concat => format!("concat:{}", edges(list, true)),
    };
    format!("cell({})", steps.iter().map(step).collect::<Vec<_>>().join(";"))
}

/// `wired(a~0;b~0~1;~1~2)`: every vertex with the numbers of those that it reads. The last one, the
/// output, computes nothing.
fn show_vertices(vertices: &[(Vec<Item>, Vec<usize>)]) -> String {
    let one = |(items, from): &(Vec<Item>, Vec<usize>)| {
        let from = from.iter().map(|n| format!("~{n}"));
        [show(items)].into_iter().chain(from).collect::<String>()
    };
    format!("wired({})", vertices.iter().map(one).collect::<Vec<_>>().join(";"))
}

/// The items of a block alone.
fn items_of(block: &Block, genes: &mut Iter<Gene>) -> Vec<Item> {
    let mut items = vec![];
    layers(block, genes, &mut items);
    items
}

/// The layers that the decisions lead to.
fn layers(block: &Block, genes: &mut Iter<Gene>, out: &mut Vec<Item>) {
    match &*block.0 {
        Node::Layer { info, args } => {
            let values = args.iter().filter_map(|c| match c.options.len() {
                1 => Some(c.options[0]),
                _ => genes.next().map(|g| c.options[g.pick as usize]),
            });
            out.push(Item::Layer(info.name, values.collect()));
        }
        Node::Seq(blocks) => blocks.iter().for_each(|b| layers(b, genes, out)),
        Node::OneOf(options) if options.len() == 1 => layers(&options[0], genes, out),
        Node::OneOf(options) => {
            if let Some(g) = genes.next() {
                layers(&options[g.pick as usize], &mut g.subs[0].iter(), out);
            }
        }
        Node::Repeat { block, .. } => {
            if let Some(g) = genes.next() {
                g.subs.iter().for_each(|copy| layers(block, &mut copy.iter(), out));
            }
        }
        Node::Residual(inner) => out.push(Item::Residual(items_of(inner, genes))),
        Node::Cell(cell) => {
            let mut steps = vec![];
            for (step, sets) in cell.nodes() {
                let kept = |set: &[usize], genes: &mut Iter<Gene>| -> Vec<_> {
                    let edges = set.iter().map(|&i| &step.edges[i]);
                    edges.map(|edge| (edge.from, items_of(&edge.block, genes))).collect()
                };
                let edges = match sets {
                    None => kept(&(0..step.edges.len()).collect::<Vec<_>>(), genes),
                    // With a single set there is nothing to decide.
                    Some([only]) => kept(only, genes),
                    Some(sets) => genes
                        .next()
                        .map_or(vec![], |g| kept(&sets[g.pick as usize], &mut g.subs[0].iter())),
                };
                steps.push((step.join, edges));
            }
            out.push(Item::Cell(steps));
        }
        Node::Wired(cell) => {
            let edges = genes.by_ref().take(cell.pairs()).map(|g| g.pick);
            let matrix = Matrix::of(cell.vertices, &edges.collect::<Vec<_>>());
            let vertex = |v: usize| {
                let computes = v + 1 < cell.vertices;
                let items = if computes { items_of(&cell.op, genes) } else { vec![] };
                (items, matrix.sources(v).collect())
            };
            out.push(Item::Vertices((1..cell.vertices).map(vertex).collect()));
        }
        Node::Stack(parts) => {
            // Preparations, the first of each pair, have no decisions.
            let cells = parts.chunks_exact(2).map(|pair| items_of(&pair[1], genes));
            out.push(Item::Stack(cells.collect()));
        }
        Node::Shared { name, .. } => out.push(Item::Shared(name.clone())),
        Node::Broken { block, .. } | Node::Wide { block, .. } => layers(block, genes, out),
    }
}

pub(crate) fn read(space: &Space, text: &str) -> Result<Vec<u32>> {
    let (layers, code) = match text.split_once('@') {
        Some((layers, code)) => (layers.trim(), Some(code.trim())),
        None => (text.trim(), None),
    };
    if let Some(code) = code {
        let parts = code.split('.').filter(|p| !p.is_empty());
        let flat: Vec<u32> =
            parts.map(|p| p.trim().parse()).collect::<Result<_, _>>().map_err(|_| {
                Error::invalid(
                    format!("the decisions \"@{}\"", shorten(code)),
                    "they are whole numbers with dots between",
                    "@0.1.2",
                )
            })?;
        let genes = genes::parse(&space.genome().whole, &flat)?;
        let written = Written::of(space, &genes);
        let (of_code, with_all) = (written.show(space), written.show_all());
        let said = layers.split_whitespace().collect::<String>();
        if !said.is_empty() && said != of_code && said != with_all {
            return Err(Error::invalid(
                format!("the architecture \"{}\"", shorten(text)),
                format!("the decisions after the @ are those of {}", shorten(&of_code)),
                "leaving out one of the two",
            ));
        }
        return Ok(flat);
    }
    let names = space.genome().named.iter().map(|(name, _)| name.clone()).collect();
    let mut parser = Parser { rest: layers, depth: 0, names };
    let fixed = space.genome().fixed;
    let shared = parser.shared(space.genome().shared.iter().map(|(name, _)| name), fixed)?;
    let items = match fixed && !shared.is_empty() && parser.rest.is_empty() {
        true => fixed_items(space),
        false => parser.items()?,
    };
    if !parser.rest.is_empty() {
        return Err(parser.wrong("this is left over at the end"));
    }
    Written { shared, items }.solve(space).ok_or_else(|| {
        let example = match space.default_architecture() {
            Ok(arch) => arch.to_text(),
            Err(_) => "space.sample(&mut rng)".to_string(),
        };
        Error::invalid(
            format!("the architecture \"{}\"", shorten(layers)),
            "it is not one of this space",
            format!("one such as {example}"),
        )
    })
}

/// The network around shared blocks, where it has no decisions of its own.
fn fixed_items(space: &Space) -> Vec<Item> {
    let genes = genes::parse(space.root(), &[]).unwrap_or_default();
    items_of(space.root(), &mut genes.iter())
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(120) {
        Some((i, _)) => format!("{}…", &text[..i]),
        None => text.to_string(),
    }
}

struct Parser<'t> {
    rest: &'t str,
    depth: usize,
    /// The names of shared blocks.
    names: Vec<String>,
}

impl Parser<'_> {
    fn wrong(&self, what: &str) -> Error {
        let at = if self.rest.is_empty() {
            "the end".into()
        } else {
            format!("\"{}\"", shorten(self.rest))
        };
        Error::invalid(
            format!("the text of an architecture, at {at}"),
            what,
            "layers joined by >, as conv(16,3)>max_pool(2)",
        )
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn eat(&mut self, c: char) -> bool {
        self.skip_space();
        match self.rest.strip_prefix(c) {
            Some(rest) => {
                self.rest = rest.trim_start();
                true
            }
            None => false,
        }
    }

    fn word(&mut self) -> String {
        self.skip_space();
        let is_part = |c: char| c.is_ascii_alphanumeric() || "_.-+".contains(c);
        let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest.trim_start();
        word.to_string()
    }

    /// The shared blocks in front, as `name={...};`, and whether they may be all there is.
    fn shared<'n>(
        &mut self,
        names: impl Iterator<Item = &'n String>,
        alone: bool,
    ) -> Result<Vec<(String, Vec<Item>)>> {
        let mut found = vec![];
        for name in names {
            let at = self.rest;
            if self.word() != *name || !self.eat('=') || !self.eat('{') {
                self.rest = at;
                return Err(self.wrong(&format!("{name}={{...}}; belongs here")));
            }
            found.push((name.clone(), self.items()?));
            let closed = self.eat('}');
            if !closed || !(self.eat(';') || alone && self.rest.is_empty()) {
                return Err(self.wrong("}; belongs here"));
            }
        }
        Ok(found)
    }

    /// What stands in brackets after a word.
    fn bracketed<T>(
        &mut self,
        word: &str,
        inside: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        if !self.eat('(') {
            return Err(self.wrong(&format!("a bracket belongs after {word}")));
        }
        let found = inside(self)?;
        match self.eat(')') {
            true => Ok(found),
            false => Err(self.wrong("a bracket is not closed")),
        }
    }

    /// One or more of something, with a mark between them.
    fn list<T>(
        &mut self,
        mark: char,
        mut one: impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut found = vec![one(self)?];
        while self.eat(mark) {
            found.push(one(self)?);
        }
        Ok(found)
    }

    fn number(&mut self, missing: &str) -> Result<usize> {
        self.word().parse().map_err(|_| self.wrong(missing))
    }

    fn items(&mut self) -> Result<Vec<Item>> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(self.wrong("the brackets are nested too deep"));
        }
        self.skip_space();
        let none = self.rest.is_empty() || self.rest.starts_with([')', '|', ';', '~', '}']);
        let items = if none { vec![] } else { self.list('>', Self::item)? };
        self.depth -= 1;
        Ok(items)
    }

    fn item(&mut self) -> Result<Item> {
        let name = self.word();
        if self.names.contains(&name) && !self.rest.starts_with('(') {
            return Ok(Item::Shared(name));
        }
        match name.as_str() {
            "residual" => Ok(Item::Residual(self.bracketed(&name, Self::items)?)),
            "sum" | "concat" | "cell" => self.cell(&name),
            "stack" => Ok(Item::Stack(self.bracketed(&name, |p| p.list('|', Self::items))?)),
            "wired" => self.vertices(),
            _ => self.layer(&name),
        }
    }

    /// The rest of a cell's text, after its name.
    fn cell(&mut self, name: &str) -> Result<Item> {
        let edge = |p: &mut Self| {
            let items = p.items()?;
            let from = if p.eat('~') { p.number("a node's number is missing")? } else { 0 };
            Ok((from, items))
        };
        let step = |p: &mut Self| {
            let mut join = if name == "concat" { Join::Concat } else { Join::Sum };
            if name == "cell"
                && let Some(rest) = p.rest.strip_prefix("concat:")
            {
                (p.rest, join) = (rest, Join::Concat);
            }
            Ok((join, p.list('|', edge)?))
        };
        Ok(Item::Cell(self.bracketed(name, |p| p.list(';', step))?))
    }

    /// The rest of a wired cell's text, after its name.
    fn vertices(&mut self) -> Result<Item> {
        let vertex = |p: &mut Self| {
            let (items, mut from) = (p.items()?, vec![]);
            while p.eat('~') {
                from.push(p.number("a vertex's number is missing")?);
            }
            Ok((items, from))
        };
        Ok(Item::Vertices(self.bracketed("wired", |p| p.list(';', vertex))?))
    }

    /// The rest of a layer's text, after its name.
    fn layer(&mut self, name: &str) -> Result<Item> {
        let info = find(name)?;
        let mut args: Vec<Option<Value>> = info.args.iter().map(|a| a.default).collect();
        if self.eat('(') && !self.eat(')') {
            let mut positions = 0..args.len();
            self.list(',', |p| {
                let word = p.word();
                let (index, text) = match p.eat('=') {
                    true => (info.args.iter().position(|a| a.name == word), p.word()),
                    false => (positions.next(), word),
                };
                let value = index.and_then(|i| Some((i, info.args[i].parse(&text)?)));
                let Some((i, value)) = value else {
                    return Err(p.wrong(&format!("{name} does not take this argument")));
                };
                args[i] = Some(value);
                Ok(())
            })?;
            if !self.eat(')') {
                return Err(self.wrong("a comma or a closing bracket belongs here"));
            }
        }
        let complete: Option<Vec<Value>> = args.into_iter().collect();
        let args = complete.ok_or_else(|| self.wrong(&format!("{name} lacks an argument")))?;
        Ok(Item::Layer(info.name, args))
    }
}

/// The first decisions, in enumeration order, that lead to the layers.
fn solve(root: &Block, items: &[Item]) -> Option<Vec<u32>> {
    let mut search = Search { fuel: FUEL, flat: vec![] };
    let found = search.block(root, items, 0, &mut |_, at| at == items.len());
    found.then_some(search.flat)
}

/// A piece of what has to be matched.
enum Part<'a> {
    /// An option that the text names: of a setting, of an edge, or of the sets of edges that a node
    /// may keep.
    Pick { pick: usize, of: usize },
    /// A block, with its items.
    Block(&'a Block, &'a [Item]),
}

/// The parts of a cell whose text has the same wiring: for each node the set of edges that it keeps,
/// and then these edges.
fn matched<'a>(cell: &'a Cell, steps: &'a [Joined]) -> Option<Vec<Part<'a>>> {
    let mut found = vec![];
    if cell.steps.len() != steps.len() {
        return None;
    }
    for ((step, sets), (join, edges)) in cell.nodes().zip(steps) {
        if step.join != *join {
            return None;
        }
        let all = [(0..step.edges.len()).collect()];
        let sets = sets.unwrap_or(&all);
        let of = sets.len();
        let wired = |set: &Vec<usize>| {
            set.len() == edges.len()
                && set.iter().zip(edges).all(|(&i, (from, _))| step.edges[i].from == *from)
        };
        let pick = sets.iter().position(wired)?;
        found.push(Part::Pick { pick, of });
        let kept = sets[pick].iter().zip(edges);
        found.extend(kept.map(|(&i, (_, items))| Part::Block(&step.edges[i].block, items)));
    }
    Some(found)
}

/// The same for a wired cell: which edges there are, and what each vertex computes.
fn chosen<'a>(cell: &'a Wired, vertices: &'a [(Vec<Item>, Vec<usize>)]) -> Option<Vec<Part<'a>>> {
    let n = cell.vertices;
    let (_, ops) = vertices.split_last().filter(|((last, _), ops)| {
        let earlier = |(i, (_, from)): (usize, &(_, Vec<usize>))| from.iter().all(|&u| u <= i);
        ops.len() + 2 == n && last.is_empty() && vertices.iter().enumerate().all(earlier)
    })?;
    let pairs = (0..n).flat_map(|from| (from + 1..n).map(move |to| (from, to)));
    let edge = |(from, to): (usize, usize)| vertices[to - 1].1.contains(&from);
    let edges = pairs.map(|pair| Part::Pick { pick: usize::from(edge(pair)), of: 2 });
    Some(edges.chain(ops.iter().map(|(items, _)| Part::Block(&cell.op, items))).collect())
}

struct Search {
    fuel: usize,
    flat: Vec<u32>,
}

/// What has to fit after the block that is being matched, from a position in the items.
type Then<'a> = dyn FnMut(&mut Search, usize) -> bool + 'a;
/// What has to fit next, at a position that is known already.
type Next<'a> = dyn FnMut(&mut Search) -> bool + 'a;

impl Search {
    /// Tries an option of a decision; takes it back if what follows does not fit.
    fn option(&mut self, pick: usize, of: usize, go: &mut Next) -> bool {
        let mark = self.flat.len();
        if of > 1 {
            self.flat.push(pick as u32);
        }
        go(self) || {
            self.flat.truncate(mark);
            false
        }
    }

    fn block(&mut self, block: &Block, items: &[Item], at: usize, then: &mut Then) -> bool {
        if self.fuel == 0 {
            return false;
        }
        self.fuel -= 1;
        let next = &mut |s: &mut Search| then(s, at + 1);
        match (&*block.0, items.get(at)) {
            (Node::Seq(blocks), _) => self.blocks(blocks, items, at, then),
            (Node::OneOf(options), _) => (0..options.len()).any(|i| {
                self.option(i, options.len(), &mut |s| s.block(&options[i], items, at, then))
            }),
            (Node::Repeat { times, block }, _) => (0..times.options.len()).any(|i| {
                let copies = genes::count(times, i);
                self.option(i, times.options.len(), &mut |s| {
                    s.copies(block, copies, items, at, then)
                })
            }),
            (Node::Broken { block, .. } | Node::Wide { block, .. }, _) => {
                self.block(block, items, at, then)
            }
            (Node::Layer { info, args }, Some(Item::Layer(name, values))) if *name == info.name => {
                let pick = |(choice, value): (&Choice, &Value)| {
                    let pick = choice.options.iter().position(|o| o == value)?;
                    Some(Part::Pick { pick, of: choice.options.len() })
                };
                self.parts(args.iter().zip(values).map(pick).collect(), next)
            }
            (Node::Residual(inner), Some(Item::Residual(list))) => {
                self.parts(Some(vec![Part::Block(inner, list)]), next)
            }
            (Node::Cell(cell), Some(Item::Cell(steps))) => self.parts(matched(cell, steps), next),
            (Node::Wired(cell), Some(Item::Vertices(list))) => self.parts(chosen(cell, list), next),
            (Node::Stack(parts), Some(Item::Stack(lists))) if 2 * lists.len() == parts.len() => {
                let cells = parts.iter().skip(1).step_by(2).zip(lists);
                self.parts(Some(cells.map(|(b, list)| Part::Block(b, list)).collect()), next)
            }
            (Node::Shared { name, .. }, Some(Item::Shared(other))) => other == name && next(self),
            _ => false,
        }
    }

    /// All parts, if there is a way to match them.
    fn parts(&mut self, parts: Option<Vec<Part>>, then: &mut Next) -> bool {
        parts.is_some_and(|parts| self.each(&parts, then))
    }

    /// Every part against its own items.
    fn each(&mut self, parts: &[Part], then: &mut Next) -> bool {
        let mark = self.flat.len();
        // A loop over the options that stand in front: a recursion would be deep in long texts.
        let mut parts = parts;
        while let [Part::Pick { pick, of }, rest @ ..] = parts {
            self.flat.extend((*of > 1).then_some(*pick as u32));
            parts = rest;
        }
        let fits = match parts {
            [Part::Block(block, items), rest @ ..] => {
                self.block(block, items, 0, &mut |s, end| end == items.len() && s.each(rest, then))
            }
            _ => then(self),
        };
        if !fits {
            self.flat.truncate(mark);
        }
        fits
    }

    fn blocks(&mut self, blocks: &[Block], items: &[Item], at: usize, then: &mut Then) -> bool {
        match blocks {
            [] => then(self, at),
            [first, rest @ ..] => {
                self.block(first, items, at, &mut |s, next| s.blocks(rest, items, next, then))
            }
        }
    }

    fn copies(
        &mut self,
        block: &Block,
        left: usize,
        items: &[Item],
        at: usize,
        then: &mut Then,
    ) -> bool {
        if left == 0 {
            return then(self, at);
        }
        if self.fuel == 0 {
            return false;
        }
        self.fuel -= 1;
        self.block(block, items, at, &mut |s, next| s.copies(block, left - 1, items, next, then))
    }
}
