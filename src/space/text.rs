//! The text form of an architecture: its layers, as `conv(16,3)>residual(conv(32,5))>max_pool(2)`.
//!
//! Shared blocks stand in front by name: `cell={skip};conv(16,3)>cell>cell`; one without decisions is
//! its name alone, and where nothing besides shared blocks is decided, they are all of the text.
//!
//! Reading it back means finding the decisions that lead to these layers: a search through the
//! tree that goes back where a branch does not fit. Where several decisions lead to the same text
//! (a space may offer a layer twice), the decisions themselves follow: `conv(16,3)@0.1`. That short
//! form alone, `@0.1`, is read too.

use super::Space;
use crate::error::{Error, Result};
use crate::layer::find;
use crate::op::{LayerInfo, Op, Value};
use crate::tree::block::{Block, Node};
use crate::tree::cell::{Cell, Edge, Join};
use crate::tree::genes::{self, Gene};
use crate::tree::wired::{Matrix, Wired};

/// A step of a cell: how it joins its edges, and for each the node it comes from and what is on it.
type Joined = (Join, Vec<(usize, Vec<Item>)>);

/// What an architecture's text says: the shared blocks by name, and the network.
#[derive(PartialEq)]
struct Written {
    shared: Vec<(String, Vec<Item>)>,
    items: Vec<Item>,
}

impl Written {
    /// What the decisions lead to.
    fn of(space: &Space, genes: &[Gene]) -> Written {
        let (mut genes, mut shared, mut items) = (genes.iter(), vec![], vec![]);
        for (name, block) in &space.genome().shared {
            let mut list = vec![];
            layers(block, &mut genes, &mut list);
            shared.push((name.clone(), list));
        }
        match space.genome().fixed {
            true => items = fixed_items(space),
            false => layers(space.root(), &mut genes, &mut items),
        }
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
    /// The vertices of a wired cell behind its input: what each computes, and what it reads.
    Vertices(Vec<(Vec<Item>, Vec<usize>)>),
    /// The blocks of a stack, without their preparations, which are no choice.
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

/// `wired(a~0;b~0~1;~1~2)`: every vertex with the numbers of those that it reads, the last of which,
/// the output, computes nothing.
fn show_vertices(vertices: &[(Vec<Item>, Vec<usize>)]) -> String {
    let one = |(items, from): &(Vec<Item>, Vec<usize>)| {
        let from = from.iter().map(|n| format!("~{n}"));
        [show(items)].into_iter().chain(from).collect::<String>()
    };
    format!("wired({})", vertices.iter().map(one).collect::<Vec<_>>().join(";"))
}

/// The layers that the decisions lead to.
fn layers(block: &Block, genes: &mut std::slice::Iter<Gene>, out: &mut Vec<Item>) {
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
        Node::Residual(inner) => {
            let mut list = vec![];
            layers(inner, genes, &mut list);
            out.push(Item::Residual(list));
        }
        Node::Cell(cell) => {
            let mut steps = vec![];
            for (step, sets) in cell.nodes() {
                let mut edges = vec![];
                let mut add = |edge: &Edge, genes: &mut std::slice::Iter<Gene>| {
                    let mut list = vec![];
                    layers(&edge.block, genes, &mut list);
                    edges.push((edge.from, list));
                };
                match sets {
                    None => step.edges.iter().for_each(|edge| add(edge, genes)),
                    // A single set is not a decision, and stands for itself.
                    Some(sets) if sets.len() == 1 => {
                        sets[0].iter().for_each(|&i| add(&step.edges[i], genes));
                    }
                    Some(sets) => {
                        if let Some(g) = genes.next() {
                            let mut inner = g.subs[0].iter();
                            let set = &sets[g.pick as usize];
                            set.iter().for_each(|&i| add(&step.edges[i], &mut inner));
                        }
                    }
                }
                steps.push((step.join, edges));
            }
            out.push(Item::Cell(steps));
        }
        Node::Wired(cell) => {
            let edges = genes.by_ref().take(cell.pairs()).map(|g| g.pick);
            let matrix = Matrix::of(cell.vertices, &edges.collect::<Vec<_>>());
            let vertex = |v: usize| {
                let mut list = vec![];
                if v + 1 < cell.vertices {
                    layers(&cell.op, genes, &mut list);
                }
                (list, matrix.sources(v).collect())
            };
            out.push(Item::Vertices((1..cell.vertices).map(vertex).collect()));
        }
        Node::Stack(parts) => {
            let mut blocks = vec![];
            for pair in parts.chunks_exact(2) {
                // A preparation has no decisions.
                let mut list = vec![];
                layers(&pair[1], genes, &mut list);
                blocks.push(list);
            }
            out.push(Item::Stack(blocks));
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
    let (mut items, genes) = (vec![], genes::parse(space.root(), &[]).unwrap_or_default());
    layers(space.root(), &mut genes.iter(), &mut items);
    items
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

    fn items(&mut self) -> Result<Vec<Item>> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(self.wrong("the brackets are nested too deep"));
        }
        let mut items = vec![];
        self.skip_space();
        if self.rest.is_empty() || self.rest.starts_with([')', '|', ';', '~', '}']) {
            self.depth -= 1;
            return Ok(items);
        }
        loop {
            items.push(self.item()?);
            if !self.eat('>') {
                self.depth -= 1;
                return Ok(items);
            }
        }
    }

    /// The rest of a cell's text, after its name.
    fn cell(&mut self, name: &str) -> Result<Item> {
        if !self.eat('(') {
            return Err(self.wrong(&format!("a bracket belongs after {name}")));
        }
        let mut steps = vec![];
        loop {
            let mut join = if name == "concat" { Join::Concat } else { Join::Sum };
            if name == "cell"
                && let Some(rest) = self.rest.strip_prefix("concat:")
            {
                (self.rest, join) = (rest, Join::Concat);
            }
            let mut edges = vec![];
            loop {
                let items = self.items()?;
                let from = match self.eat('~') {
                    true => {
                        self.word().parse().map_err(|_| self.wrong("a node's number is missing"))?
                    }
                    false => 0,
                };
                edges.push((from, items));
                if !self.eat('|') {
                    break;
                }
            }
            steps.push((join, edges));
            if !self.eat(';') {
                break;
            }
        }
        if !self.eat(')') {
            return Err(self.wrong("a bracket is not closed"));
        }
        Ok(Item::Cell(steps))
    }

    /// The rest of a wired cell's text, after its name.
    fn vertices(&mut self) -> Result<Item> {
        if !self.eat('(') {
            return Err(self.wrong("a bracket belongs after wired"));
        }
        let mut vertices = vec![];
        loop {
            let (items, mut from) = (self.items()?, vec![]);
            while self.eat('~') {
                let number = self.word().parse();
                from.push(number.map_err(|_| self.wrong("a vertex's number is missing"))?);
            }
            vertices.push((items, from));
            if !self.eat(';') {
                break;
            }
        }
        if !self.eat(')') {
            return Err(self.wrong("a bracket is not closed"));
        }
        Ok(Item::Vertices(vertices))
    }

    fn item(&mut self) -> Result<Item> {
        let name = self.word();
        if self.names.contains(&name) && !self.rest.starts_with('(') {
            return Ok(Item::Shared(name));
        }
        if name == "residual" {
            if !self.eat('(') {
                return Err(self.wrong("a bracket belongs after residual"));
            }
            let inner = self.items()?;
            if !self.eat(')') {
                return Err(self.wrong("a bracket is not closed"));
            }
            return Ok(Item::Residual(inner));
        }
        if let "sum" | "concat" | "cell" = name.as_str() {
            return self.cell(&name);
        }
        if name == "stack" {
            if !self.eat('(') {
                return Err(self.wrong("a bracket belongs after stack"));
            }
            let mut blocks = vec![self.items()?];
            while self.eat('|') {
                blocks.push(self.items()?);
            }
            if !self.eat(')') {
                return Err(self.wrong("a bracket is not closed"));
            }
            return Ok(Item::Stack(blocks));
        }
        if name == "wired" {
            return self.vertices();
        }
        let info = find(&name)?;
        let mut args: Vec<Option<Value>> = info.args.iter().map(|a| a.default).collect();
        if self.eat('(') && !self.eat(')') {
            let mut position = 0;
            loop {
                let word = self.word();
                let (index, value) = if self.eat('=') {
                    (info.args.iter().position(|a| a.name == word), self.word())
                } else {
                    position += 1;
                    (Some(position - 1).filter(|&i| i < info.args.len()), word)
                };
                let value = index.and_then(|i| Some((i, info.args[i].parse(&value)?)));
                let Some((i, value)) = value else {
                    return Err(self.wrong(&format!("{name} does not take this argument")));
                };
                args[i] = Some(value);
                if self.eat(')') {
                    break;
                }
                if !self.eat(',') {
                    return Err(self.wrong("a comma or a closing bracket belongs here"));
                }
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

/// What is to be matched of a cell where the wiring is the same: the set of edges that a node keeps,
/// of so many, or an edge with its items.
enum Part<'a> {
    Set { pick: usize, of: usize },
    Edge(&'a Block, &'a [Item]),
}

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
        found.push(Part::Set { pick, of });
        let kept = sets[pick].iter().zip(edges);
        found.extend(kept.map(|(&i, (_, items))| Part::Edge(&step.edges[i].block, items)));
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
    let edges = pairs.map(|pair| Part::Set { pick: usize::from(edge(pair)), of: 2 });
    Some(edges.chain(ops.iter().map(|(items, _)| Part::Edge(&cell.op, items))).collect())
}

struct Search {
    fuel: usize,
    flat: Vec<u32>,
}

/// What has to fit after the block that is being matched, from a position in the items.
type Then<'a> = dyn FnMut(&mut Search, usize) -> bool + 'a;

impl Search {
    /// Tries an option of a decision; takes it back if what follows does not fit.
    fn option(&mut self, pick: usize, of: usize, go: &mut dyn FnMut(&mut Search) -> bool) -> bool {
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
        match &*block.0 {
            Node::Layer { info, args } => self.layer(info, args, items, at, then),
            Node::Seq(blocks) => self.blocks(blocks, items, at, then),
            Node::OneOf(options) => (0..options.len()).any(|i| {
                self.option(i, options.len(), &mut |s| s.block(&options[i], items, at, then))
            }),
            Node::Repeat { times, block } => (0..times.options.len()).any(|i| {
                let copies = genes::count(times, i);
                self.option(i, times.options.len(), &mut |s| {
                    s.copies(block, copies, items, at, then)
                })
            }),
            Node::Residual(inner) => match items.get(at) {
                Some(Item::Residual(list)) => {
                    self.block(inner, list, 0, &mut |s, end| end == list.len() && then(s, at + 1))
                }
                _ => false,
            },
            Node::Cell(cell) => match items.get(at) {
                Some(Item::Cell(steps)) => match matched(cell, steps) {
                    Some(edges) => self.edges(&edges, &mut |s| then(s, at + 1)),
                    None => false,
                },
                _ => false,
            },
            Node::Wired(cell) => match items.get(at) {
                Some(Item::Vertices(list)) => match chosen(cell, list) {
                    Some(parts) => self.edges(&parts, &mut |s| then(s, at + 1)),
                    None => false,
                },
                _ => false,
            },
            Node::Stack(parts) => match items.get(at) {
                Some(Item::Stack(lists)) if 2 * lists.len() == parts.len() => {
                    let cells = parts.iter().skip(1).step_by(2).zip(lists);
                    let cells: Vec<Part> = cells.map(|(b, list)| Part::Edge(b, list)).collect();
                    self.edges(&cells, &mut |s| then(s, at + 1))
                }
                _ => false,
            },
            Node::Shared { name, .. } => match items.get(at) {
                Some(Item::Shared(other)) if other == name => then(self, at + 1),
                _ => false,
            },
            Node::Broken { block, .. } | Node::Wide { block, .. } => {
                self.block(block, items, at, then)
            }
        }
    }

    fn layer(
        &mut self,
        info: &LayerInfo,
        args: &[crate::tree::Choice],
        items: &[Item],
        at: usize,
        then: &mut Then,
    ) -> bool {
        let Some(Item::Layer(name, values)) = items.get(at) else { return false };
        if *name != info.name {
            return false;
        }
        let mark = self.flat.len();
        for (choice, value) in args.iter().zip(values) {
            let Some(pick) = choice.options.iter().position(|o| o == value) else {
                self.flat.truncate(mark);
                return false;
            };
            if choice.options.len() > 1 {
                self.flat.push(pick as u32);
            }
        }
        then(self, at + 1) || {
            self.flat.truncate(mark);
            false
        }
    }

    /// Every edge of a cell against its own items.
    fn edges(&mut self, edges: &[Part], then: &mut dyn FnMut(&mut Search) -> bool) -> bool {
        match edges {
            [] => then(self),
            [Part::Set { pick, of }, rest @ ..] => {
                self.option(*pick, *of, &mut |s| s.edges(rest, then))
            }
            [Part::Edge(block, items), rest @ ..] => {
                self.block(block, items, 0, &mut |s, end| end == items.len() && s.edges(rest, then))
            }
        }
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
