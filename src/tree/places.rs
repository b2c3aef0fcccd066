//! The choices of a space without its layers: a place for every choice that an architecture may have.
//!
//! A choice in a branch, or in a copy of a repetition, exists only in some architectures, so its number
//! in the list of decisions varies. Its place in the tree does not vary, and distances and encodings
//! use that.

use crate::tree::block::{Block, Node};
use crate::tree::genes::count;
use crate::tree::wired::pairs;
use crate::tree::{CHOICE, Genome, block_name};
use std::collections::HashSet;
use std::slice::Iter;

/// The places of a block, and their total number of options.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    kind: Kind,
    /// The number of options of all places: the columns of a one-hot encoding.
    pub(crate) width: usize,
}

/// A place that an architecture has, with the option taken there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    /// The first of its columns in the one-hot encoding, which identifies the place.
    pub(crate) at: usize,
    pub(crate) pick: u32,
    pub(crate) options: u32,
}

#[derive(Clone, Debug)]
enum Kind {
    /// A choice between values.
    Values { label: String, options: Vec<String> },
    /// A choice between blocks, each with its own places.
    OneOf { labels: Vec<String>, options: Vec<Places> },
    /// How many copies, each with its own places; a single option is not a choice.
    Repeat { times: Vec<usize>, copy: Box<Places> },
    /// Named parts, all of which exist.
    Parts(Vec<(String, Places)>),
}

impl Places {
    /// The places of a space, in the order of its decisions.
    pub(crate) fn of_genome(genome: &Genome, root: &Block) -> Places {
        let shared = genome.shared.iter().map(|(name, b)| (name.clone(), Places::of(b)));
        Places::parts(shared.chain([(String::new(), Places::of(root))]).collect())
    }

    pub(crate) fn of(block: &Block) -> Places {
        match &*block.0 {
            Node::Layer { info, args } => {
                let choices = info.args.iter().zip(args).filter(|(_, c)| c.options.len() > 1);
                let places = choices.map(|(arg, choice)| {
                    let label = match std::ptr::eq(*info, &CHOICE) {
                        true => info.name.to_string(),
                        false => format!("{}.{}", info.name, arg.name),
                    };
                    let options: Vec<String> = choice.options.iter().map(|v| arg.text(v)).collect();
                    let width = options.len();
                    (String::new(), Places { kind: Kind::Values { label, options }, width })
                });
                Places::parts(places.collect())
            }
            Node::OneOf(blocks) => match &blocks[..] {
                [only] => Places::of(only),
                _ => {
                    let labels = distinct(blocks.iter().map(block_name).collect());
                    let options: Vec<Places> = blocks.iter().map(Places::of).collect();
                    let inner = options.iter().map(|p| p.width).fold(0, usize::saturating_add);
                    let width = inner.saturating_add(blocks.len());
                    Places { kind: Kind::OneOf { labels, options }, width }
                }
            },
            Node::Repeat { times, block } => {
                let copy = Box::new(Places::of(block));
                let times: Vec<usize> = (0..times.options.len()).map(|i| count(times, i)).collect();
                let own = if times.len() > 1 { times.len() } else { 0 };
                let most = times.iter().max().copied().unwrap_or(0);
                let width = copy.width.saturating_mul(most).saturating_add(own);
                Places { kind: Kind::Repeat { times, copy }, width }
            }
            Node::Wired(cell) => {
                let n = cell.vertices;
                let edges = pairs(n).map(|(from, to)| format!("{from}-{to}"));
                let vertices = (1..n.saturating_sub(1)).map(|v| v.to_string());
                let parts = edges.chain(vertices).zip(cell.parts());
                let named = parts.enumerate().map(|(i, (name, block))| match i < cell.pairs() {
                    true => (name, Places::yes_or_no()),
                    false => (name, Places::of(block)),
                });
                Places::parts(named.collect())
            }
            Node::Cell(cell) => {
                let (mut parts, mut blocks) = (vec![], cell.parts().iter());
                for ((step, sets), to) in cell.nodes().zip(cell.inputs()..) {
                    let Some(sets) = sets else {
                        let names = step.edges.iter().map(|e| format!("{}-{to}", e.from));
                        parts.extend(names.zip(&mut blocks).map(|(n, b)| (n, Places::of(b))));
                        continue;
                    };
                    let Some(mut places) = blocks.next().map(Places::of) else { continue };
                    // Its options are sets of edges, named after the nodes that these come from.
                    if let Kind::OneOf { labels, .. } = &mut places.kind {
                        let from = |i: &usize| step.edges.get(*i).map(|e| e.from.to_string());
                        let text = |set: &Vec<usize>| {
                            set.iter().filter_map(from).collect::<Vec<_>>().join(" and ")
                        };
                        *labels = sets.iter().map(|set| format!("from {}", text(set))).collect();
                    }
                    parts.push((to.to_string(), places));
                }
                Places::parts(parts)
            }
            _ => match block.parts().unwrap_or_default() {
                [only] => Places::of(only),
                parts => {
                    let numbered = parts.iter().enumerate();
                    Places::parts(numbered.map(|(i, b)| (i.to_string(), Places::of(b))).collect())
                }
            },
        }
    }

    fn yes_or_no() -> Places {
        let options = vec!["no".to_string(), "yes".to_string()];
        Places { kind: Kind::Values { label: String::new(), options }, width: 2 }
    }

    /// These parts, leaving out any with nothing to decide.
    fn parts(mut parts: Vec<(String, Places)>) -> Places {
        parts.retain(|(_, part)| part.width > 0);
        if parts.len() == 1 && parts[0].0.is_empty() {
            return parts.remove(0).1;
        }
        let width = parts.iter().map(|(_, p)| p.width).fold(0, usize::saturating_add);
        Places { kind: Kind::Parts(parts), width }
    }

    /// The number of decisions in which two architectures differ: those at the same place with different
    /// options, and those that only one of them has.
    pub(crate) fn differ(&self, a: &mut Iter<u32>, b: &mut Iter<u32>) -> usize {
        match &self.kind {
            Kind::Values { .. } => usize::from(a.next() != b.next()),
            Kind::OneOf { options, .. } => {
                let (x, y) = (pick(a), pick(b));
                match (options.get(x), options.get(y)) {
                    (Some(same), Some(_)) if x == y => same.differ(a, b),
                    (Some(one), Some(other)) => 1 + one.pass(a) + other.pass(b),
                    _ => 1,
                }
            }
            Kind::Repeat { times, copy } => {
                let (x, y) = (copies(times, a), copies(times, b));
                let both: usize = (0..x.min(y)).map(|_| copy.differ(a, b)).sum();
                let more: usize =
                    (y..x).map(|_| copy.pass(a)).chain((x..y).map(|_| copy.pass(b))).sum();
                both + more + usize::from(x != y)
            }
            Kind::Parts(parts) => parts.iter().map(|(_, part)| part.differ(a, b)).sum(),
        }
    }

    /// Skips its decisions, and counts them.
    fn pass(&self, decisions: &mut Iter<u32>) -> usize {
        let mut count = 0;
        self.visit(0, &mut |_, _| {
            count += 1;
            pick(decisions)
        });
        count
    }

    /// Makes every decision, in reading order: `decide(place, options)` returns the option taken at a
    /// place, which is identified by its first column in the one-hot encoding, counted from `column`.
    pub(crate) fn visit(&self, column: usize, decide: &mut dyn FnMut(usize, usize) -> usize) {
        self.walk(column, false, decide);
    }

    /// Appends a 1 for the option taken at each place, and 0 for all others.
    pub(crate) fn one_hot(&self, decisions: &mut Iter<u32>, out: &mut Vec<f32>) {
        let begin = out.len();
        out.resize(begin + self.width, 0.0);
        self.visit(begin, &mut |place, options| {
            let x = pick(decisions);
            if x < options {
                out[place + x] = 1.0;
            }
            x
        });
    }

    /// Appends the places that an architecture has, in order, with the options taken; `at` is the first
    /// column.
    pub(crate) fn taken(&self, decisions: &mut Iter<u32>, at: usize, out: &mut Vec<Taken>) {
        self.visit(at, &mut |at, options| {
            let x = pick(decisions);
            out.push(Taken { at, pick: x as u32, options: options as u32 });
            x
        });
    }

    /// A name for every column of the one-hot encoding, as `1.conv.channels=16`.
    pub(crate) fn names(&self, prefix: &str, out: &mut Vec<String>) {
        let mut labels = vec![];
        self.labels(prefix, &mut labels);
        out.extend(labels.iter().map(|(place, option)| format!("{place}={option}")));
    }

    /// The place and the option of every column, as `1.conv.channels` and `16`.
    pub(crate) fn labels(&self, prefix: &str, out: &mut Vec<(String, String)>) {
        match &self.kind {
            Kind::Values { label, options } => {
                let place = join(prefix, label);
                out.extend(options.iter().map(|option| (place.clone(), option.clone())));
            }
            Kind::OneOf { labels, options } => {
                let place = if prefix.is_empty() { "one_of" } else { prefix };
                out.extend(labels.iter().map(|option| (place.to_string(), option.clone())));
                for (i, option) in options.iter().enumerate() {
                    option.labels(&format!("{place}|{i}"), out);
                }
            }
            Kind::Repeat { times, copy } => {
                let place = join(prefix, "repeat");
                if times.len() > 1 {
                    out.extend(times.iter().map(|n| (place.clone(), n.to_string())));
                }
                for i in 0..times.iter().max().copied().unwrap_or(0) {
                    copy.labels(&format!("{place}[{i}]"), out);
                }
            }
            Kind::Parts(parts) => {
                parts.iter().for_each(|(name, part)| part.labels(&join(prefix, name), out));
            }
        }
    }

    /// As [`Places::visit`], where with `shared` all copies of a repetition are one place.
    pub(crate) fn walk(
        &self,
        from: usize,
        shared: bool,
        decide: &mut dyn FnMut(usize, usize) -> usize,
    ) {
        // Columns wrap around in spaces of an absurd size.
        match &self.kind {
            Kind::Values { options, .. } => _ = decide(from, options.len()),
            Kind::OneOf { options, .. } => {
                let pick = decide(from, options.len());
                let before = options.iter().take(pick).map(|o| o.columns(shared));
                let inner = before.fold(from.wrapping_add(options.len()), usize::wrapping_add);
                if let Some(option) = options.get(pick) {
                    option.walk(inner, shared, decide);
                }
            }
            Kind::Repeat { times, copy } => {
                let own = if times.len() > 1 { times.len() } else { 0 };
                let pick = if own > 0 { decide(from, own) } else { 0 };
                let step = if shared { 0 } else { copy.width };
                let mut at = from.wrapping_add(own);
                for _ in 0..times.get(pick).copied().unwrap_or(0) {
                    copy.walk(at, shared, decide);
                    at = at.wrapping_add(step);
                }
            }
            Kind::Parts(parts) => {
                let mut at = from;
                for (_, part) in parts {
                    part.walk(at, shared, decide);
                    at = at.wrapping_add(part.columns(shared));
                }
            }
        }
    }

    /// The number of options of all places; with `shared` all copies of a repetition are one place.
    pub(crate) fn columns(&self, shared: bool) -> usize {
        match &self.kind {
            _ if !shared => self.width,
            Kind::Values { options, .. } => options.len(),
            Kind::OneOf { options, .. } => {
                options.len() + options.iter().map(|o| o.columns(true)).sum::<usize>()
            }
            Kind::Repeat { times, copy } => {
                copy.columns(true) + if times.len() > 1 { times.len() } else { 0 }
            }
            Kind::Parts(parts) => parts.iter().map(|(_, part)| part.columns(true)).sum(),
        }
    }

    /// The number of combinations of its decisions, up to the largest `usize`.
    pub(crate) fn combinations(&self) -> usize {
        match &self.kind {
            Kind::Values { options, .. } => options.len(),
            Kind::OneOf { options, .. } => {
                options.iter().map(Places::combinations).fold(0, usize::saturating_add)
            }
            Kind::Repeat { times, copy } => {
                let one = copy.combinations();
                times.iter().map(|&n| power(one, n)).fold(0, usize::saturating_add)
            }
            Kind::Parts(parts) => {
                let counts = parts.iter().map(|(_, part)| part.combinations());
                counts.fold(1, usize::saturating_mul)
            }
        }
    }

    /// The index of the combination that was decided; the last decision varies fastest.
    pub(crate) fn rank(&self, decisions: &mut Iter<u32>) -> usize {
        match &self.kind {
            Kind::Values { .. } => pick(decisions),
            Kind::OneOf { options, .. } => {
                let x = pick(decisions);
                let before: usize = options.iter().take(x).map(Places::combinations).sum();
                before + options.get(x).map_or(0, |option| option.rank(decisions))
            }
            Kind::Repeat { times, copy } => {
                let x = if times.len() > 1 { pick(decisions) } else { 0 };
                let one = copy.combinations();
                let before: usize = times.iter().take(x).map(|&n| power(one, n)).sum();
                let n = times.get(x).copied().unwrap_or(0);
                before + (0..n).fold(0, |rank, _| rank * one + copy.rank(decisions))
            }
            Kind::Parts(parts) => parts
                .iter()
                .fold(0, |rank, (_, part)| rank * part.combinations() + part.rank(decisions)),
        }
    }
}

/// Appends its number to a label that has occurred before, for a block that is offered twice.
pub(crate) fn distinct(mut labels: Vec<String>) -> Vec<String> {
    let mut seen = HashSet::new();
    for (i, label) in labels.iter_mut().enumerate() {
        if !seen.insert(label.clone()) {
            *label = format!("{label} ({i})");
        }
    }
    labels
}

fn pick(decisions: &mut Iter<u32>) -> usize {
    decisions.next().map_or(0, |&d| d as usize)
}

fn copies(times: &[usize], decisions: &mut Iter<u32>) -> usize {
    let x = if times.len() > 1 { pick(decisions) } else { 0 };
    times.get(x).copied().unwrap_or(0)
}

fn power(base: usize, n: usize) -> usize {
    u32::try_from(n).map_or(usize::MAX, |n| base.saturating_pow(n))
}

/// Appends `n` columns, a 1 in one of them.
pub(crate) fn mark(out: &mut Vec<f32>, at: usize, n: usize) {
    let begin = out.len();
    out.resize(begin + n, 0.0);
    if let Some(column) = out[begin..].get_mut(at) {
        *column = 1.0;
    }
}

pub(crate) fn join(prefix: &str, name: &str) -> String {
    match (prefix, name) {
        ("", name) => name.to_string(),
        (prefix, "") => prefix.to_string(),
        _ => format!("{prefix}.{name}"),
    }
}
