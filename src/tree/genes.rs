//! Decisions as a tree that mirrors the blocks, and the operations on it: sample, count,
//! enumerate, mutate, cross.
//!
//! An architecture's identity is the flat list of its decisions, in the reading order of the tree. The
//! operations work on the nested form, because a decision may bring others with it: a chosen branch has
//! choices of its own, a deeper repetition has more copies.

use crate::error::{Error, ErrorKind, Result};
use crate::rng::Rng;
use crate::tree::block::{Block, Node};
use crate::words::plural;

/// One decision, and the decisions that exist because of it: one group for a chosen branch, one per
/// copy for a repetition, none for a value.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Gene {
    pub(crate) pick: u32,
    pub(crate) subs: Vec<Genes>,
}

/// The decisions of one block, in order.
pub(crate) type Genes = Vec<Gene>;

/// Returns the next decision of a block, given its number of options.
type Decide<'a> = dyn FnMut(usize) -> Result<usize> + 'a;

/// Asks for every decision of the block, in reading order.
pub(crate) fn walk(block: &Block, decide: &mut Decide) -> Result<()> {
    match &*block.0 {
        Node::Layer { args, .. } => {
            for choice in args.iter().filter(|c| c.options.len() > 1) {
                decide(choice.options.len())?;
            }
        }
        Node::OneOf(options) => match &options[..] {
            [only] => walk(only, decide)?,
            _ => {
                let pick = decide(options.len())?;
                walk(&options[pick], decide)?;
            }
        },
        Node::Repeat { times, block } => {
            let pick = if times.options.len() > 1 { decide(times.options.len())? } else { 0 };
            (0..count(times, pick)).try_for_each(|_| walk(block, decide))?;
        }
        _ => block.parts().unwrap_or_default().iter().try_for_each(|b| walk(b, decide))?,
    }
    Ok(())
}

/// Whether every architecture has the same decisions: none depends on another one.
pub(crate) fn is_fixed(block: &Block) -> bool {
    match &*block.0 {
        Node::Layer { .. } => true,
        Node::OneOf(options) => match &options[..] {
            [only] => is_fixed(only),
            _ => !options.iter().any(Block::has_choices),
        },
        Node::Repeat { times, block } => match times.options.len() {
            1 => is_fixed(block),
            _ => !block.has_choices(),
        },
        _ => block.parts().unwrap_or_default().iter().all(is_fixed),
    }
}

/// How many of these decisions, from the front, belong to the block.
pub(crate) fn length(block: &Block, decisions: &[u32]) -> usize {
    let mut read = 0;
    let walked = walk(block, &mut |n| {
        let pick = decisions.get(read).map_or(0, |&p| p as usize).min(n - 1);
        read += 1;
        Ok(pick)
    });
    walked.map_or(0, |()| read.min(decisions.len()))
}

/// As [`walk`], and returns the decisions as a tree.
fn build(block: &Block, decide: &mut Decide) -> Result<Genes> {
    let mut genes = vec![];
    build_into(block, decide, &mut genes)?;
    Ok(genes)
}

fn build_into(block: &Block, decide: &mut Decide, genes: &mut Genes) -> Result<()> {
    match &*block.0 {
        Node::Layer { args, .. } => {
            for choice in args.iter().filter(|c| c.options.len() > 1) {
                genes.push(Gene { pick: decide(choice.options.len())? as u32, subs: vec![] });
            }
        }
        Node::OneOf(options) => {
            if let [only] = &options[..] {
                return build_into(only, decide, genes);
            }
            let pick = decide(options.len())?;
            genes.push(Gene { pick: pick as u32, subs: vec![build(&options[pick], decide)?] });
        }
        Node::Repeat { times, block } => {
            let pick = if times.options.len() > 1 { decide(times.options.len())? } else { 0 };
            let copies = (0..count(times, pick)).map(|_| build(block, decide));
            let subs = copies.collect::<Result<_>>()?;
            genes.push(Gene { pick: pick as u32, subs });
        }
        _ => {
            for b in block.parts().unwrap_or_default() {
                build_into(b, decide, genes)?;
            }
        }
    }
    Ok(())
}

/// The number of copies that option `pick` of a repetition stands for.
pub(crate) fn count(times: &super::value::Choice, pick: usize) -> usize {
    match times.options.get(pick) {
        Some(crate::op::Value::Int(n)) => (*n).max(0) as usize,
        _ => 0,
    }
}

/// Draws every decision uniformly from its options, as a flat list.
pub(crate) fn draw(block: &Block, rng: &mut Rng) -> Vec<u32> {
    let mut flat = vec![];
    let drawn = walk(block, &mut |n| {
        let pick = rng.below(n);
        flat.push(pick as u32);
        Ok(pick)
    });
    drawn.map_or(vec![], |()| flat)
}

/// The same draws as a tree.
pub(crate) fn sample(block: &Block, rng: &mut Rng) -> Genes {
    build(block, &mut |n| Ok(rng.below(n))).unwrap_or_default()
}

/// Reads a flat list of decisions.
pub(crate) fn parse(block: &Block, flat: &[u32]) -> Result<Genes> {
    read(flat, |decide| build(block, decide))
}

/// Whether a flat list has the decisions of an architecture, each in its range.
pub(crate) fn accept(block: &Block, flat: &[u32]) -> Result<()> {
    read(flat, |decide| walk(block, decide))
}

fn read<T>(flat: &[u32], walk: impl FnOnce(&mut Decide) -> Result<T>) -> Result<T> {
    let mut at = 0;
    let done = walk(&mut |n| {
        let Some(&pick) = flat.get(at) else {
            return Err(wrong(format!(
                "{flat:?} ends after {}, this space asks for more",
                plural(at, "decision")
            )));
        };
        at += 1;
        if pick as usize >= n {
            return Err(wrong(format!(
                "decision {} of {flat:?} is {pick}, but there are {n} options, 0 to {}",
                at - 1,
                n - 1
            )));
        }
        Ok(pick as usize)
    })?;
    if at < flat.len() {
        return Err(wrong(format!(
            "{flat:?} has {}, this architecture has only {at}",
            plural(flat.len(), "decision")
        )));
    }
    Ok(done)
}

fn wrong(text: String) -> Error {
    Error::new(
        ErrorKind::Invalid,
        format!("{text}. Try space.sample(&mut rng) to see a valid one."),
    )
}

/// The flat list: decisions in reading order. A repetition with one possible count is not a decision.
pub(crate) fn flatten(block: &Block, genes: &[Gene]) -> Vec<u32> {
    let mut flat = vec![];
    visit(block, genes, &mut |gene, _| flat.push(gene.pick));
    flat
}

/// Calls `see(gene, options)` for every gene with more than one option, in reading order.
fn visit(block: &Block, genes: &[Gene], see: &mut dyn FnMut(&Gene, usize)) {
    fn go<'g>(
        b: &Block,
        genes: &mut std::slice::Iter<'g, Gene>,
        see: &mut dyn FnMut(&Gene, usize),
    ) {
        match &*b.0 {
            Node::Layer { args, .. } => {
                for choice in args.iter().filter(|c| c.options.len() > 1) {
                    if let Some(gene) = genes.next() {
                        see(gene, choice.options.len());
                    }
                }
            }
            Node::OneOf(options) if options.len() == 1 => go(&options[0], genes, see),
            Node::OneOf(options) => {
                if let Some(gene) = genes.next() {
                    see(gene, options.len());
                    visit(&options[gene.pick as usize], &gene.subs[0], see);
                }
            }
            Node::Repeat { times, block } => {
                if let Some(gene) = genes.next() {
                    if times.options.len() > 1 {
                        see(gene, times.options.len());
                    }
                    gene.subs.iter().for_each(|copy| visit(block, copy, see));
                }
            }
            _ => b.parts().unwrap_or_default().iter().for_each(|b| go(b, genes, see)),
        }
    }
    go(block, &mut genes.iter(), see);
}

/// The options of every decision, in the order of [`flatten`].
pub(crate) fn arities(block: &Block, genes: &[Gene]) -> Vec<usize> {
    let mut list = vec![];
    visit(block, genes, &mut |_, n| list.push(n));
    list
}

/// The decisions after decision `k` is set to `option`. Decisions that still exist keep their values;
/// `fill` makes those that the change brings with it (a new branch, more copies).
pub(crate) fn change(
    block: &Block,
    genes: &[Gene],
    k: usize,
    option: usize,
    fill: &mut dyn FnMut(&Block) -> Genes,
) -> Genes {
    let mut out = Vec::with_capacity(genes.len());
    change_in(block, &mut genes.iter(), &mut Some(k), option, fill, &mut out);
    out
}

fn change_in(
    block: &Block,
    genes: &mut std::slice::Iter<Gene>,
    left: &mut Option<usize>,
    option: usize,
    fill: &mut dyn FnMut(&Block) -> Genes,
    out: &mut Genes,
) {
    /// Counts down to the decision that changes; true once, there.
    fn here(left: &mut Option<usize>) -> bool {
        match left {
            Some(0) => {
                *left = None;
                true
            }
            Some(n) => {
                *n -= 1;
                false
            }
            None => false,
        }
    }
    match &*block.0 {
        Node::Layer { args, .. } => {
            for _ in args.iter().filter(|c| c.options.len() > 1) {
                let Some(gene) = genes.next() else { break };
                let pick = if here(left) { option as u32 } else { gene.pick };
                out.push(Gene { pick, subs: vec![] });
            }
        }
        Node::OneOf(options) if options.len() == 1 => {
            change_in(&options[0], genes, left, option, fill, out);
        }
        Node::OneOf(options) => {
            if let Some(gene) = genes.next() {
                if here(left) {
                    out.push(Gene { pick: option as u32, subs: vec![fill(&options[option])] });
                } else {
                    let branch = &options[gene.pick as usize];
                    let mut sub = Vec::with_capacity(gene.subs[0].len());
                    change_in(branch, &mut gene.subs[0].iter(), left, option, fill, &mut sub);
                    out.push(Gene { pick: gene.pick, subs: vec![sub] });
                }
            }
        }
        Node::Repeat { times, block } => {
            if let Some(gene) = genes.next() {
                let changed = times.options.len() > 1 && here(left);
                let pick = if changed { option } else { gene.pick as usize };
                let copies = count(times, pick);
                let subs = (0..copies).map(|i| match gene.subs.get(i) {
                    Some(copy) => {
                        let mut sub = Vec::with_capacity(copy.len());
                        change_in(block, &mut copy.iter(), left, option, fill, &mut sub);
                        sub
                    }
                    None => fill(block),
                });
                let subs = subs.collect();
                out.push(Gene { pick: pick as u32, subs });
            }
        }
        _ => {
            for b in block.parts().unwrap_or_default() {
                change_in(b, genes, left, option, fill, out);
            }
        }
    }
}

/// Uniform crossover: a fair coin decides from which parent each decision comes that both have; where
/// they took different branches, the whole branch comes from one parent.
pub(crate) fn cross(block: &Block, a: &[Gene], b: &[Gene], rng: &mut Rng) -> Genes {
    let mut out = vec![];
    cross_in(block, &mut a.iter(), &mut b.iter(), rng, &mut out);
    out
}

fn cross_in(
    block: &Block,
    a: &mut std::slice::Iter<Gene>,
    b: &mut std::slice::Iter<Gene>,
    rng: &mut Rng,
    out: &mut Genes,
) {
    let either = |x: &Gene, y: &Gene, rng: &mut Rng| match rng.below(2) {
        0 => x.clone(),
        _ => y.clone(),
    };
    match &*block.0 {
        Node::Layer { args, .. } => {
            for _ in args.iter().filter(|c| c.options.len() > 1) {
                let (Some(x), Some(y)) = (a.next(), b.next()) else { break };
                out.push(either(x, y, rng));
            }
        }
        Node::OneOf(options) if options.len() == 1 => cross_in(&options[0], a, b, rng, out),
        Node::OneOf(options) => {
            if let (Some(x), Some(y)) = (a.next(), b.next()) {
                out.push(if x.pick == y.pick {
                    let sub = cross(&options[x.pick as usize], &x.subs[0], &y.subs[0], rng);
                    Gene { pick: x.pick, subs: vec![sub] }
                } else {
                    either(x, y, rng)
                });
            }
        }
        Node::Repeat { block, .. } => {
            if let (Some(x), Some(y)) = (a.next(), b.next()) {
                // The depth comes from one parent; the copies that both have are crossed.
                let (deep, other) = if rng.below(2) == 0 { (x, y) } else { (y, x) };
                let subs = deep.subs.iter().enumerate().map(|(i, copy)| match other.subs.get(i) {
                    Some(twin) => cross(block, copy, twin, rng),
                    None => copy.clone(),
                });
                out.push(Gene { pick: deep.pick, subs: subs.collect() });
            }
        }
        _ => {
            for s in block.parts().unwrap_or_default() {
                cross_in(s, a, b, rng, out);
            }
        }
    }
}

/// A number of combinations, exact below 2^128, and as a logarithm to base 10.
#[derive(Clone, Copy)]
pub(crate) struct Tally {
    pub(crate) exact: Option<u128>,
    pub(crate) log10: f64,
}

impl Tally {
    const ONE: Tally = Tally { exact: Some(1), log10: 0.0 };
    const NONE: Tally = Tally { exact: Some(0), log10: f64::NEG_INFINITY };

    fn times(self, o: Tally) -> Tally {
        let exact = self.exact.zip(o.exact).and_then(|(a, b)| a.checked_mul(b));
        Tally { exact, log10: exact.map_or(self.log10 + o.log10, log10) }
    }

    fn plus(self, o: Tally) -> Tally {
        let exact = self.exact.zip(o.exact).and_then(|(a, b)| a.checked_add(b));
        let (hi, lo) = (self.log10.max(o.log10), self.log10.min(o.log10));
        let sum =
            if lo == f64::NEG_INFINITY { hi } else { hi + (1.0 + 10f64.powf(lo - hi)).log10() };
        Tally { exact, log10: exact.map_or(sum, log10) }
    }

    fn power(self, n: usize) -> Tally {
        (0..n).fold(Tally::ONE, |p, _| p.times(self))
    }
}

fn log10(n: u128) -> f64 {
    if n == 0 { f64::NEG_INFINITY } else { (n as f64).log10() }
}

pub(crate) fn tally(block: &Block) -> Tally {
    match &*block.0 {
        Node::Layer { args, .. } => args.iter().fold(Tally::ONE, |t, c| {
            let n = c.options.len() as u128;
            t.times(Tally { exact: Some(n), log10: log10(n) })
        }),
        Node::OneOf(options) => options.iter().fold(Tally::NONE, |t, b| t.plus(tally(b))),
        Node::Repeat { times, block } => {
            let one = tally(block);
            let depths = (0..times.options.len()).map(|i| one.power(count(times, i)));
            depths.fold(Tally::NONE, Tally::plus)
        }
        _ => {
            let parts = block.parts().unwrap_or_default();
            parts.iter().fold(Tally::ONE, |t, b| t.times(tally(b)))
        }
    }
}

/// The first architecture that begins with the decisions, and the options of each decision.
/// Decisions beyond the prefix take their first option.
pub(crate) fn complete(block: &Block, prefix: &[u32]) -> (Vec<u32>, Vec<usize>) {
    let (mut flat, mut arities) = (vec![], vec![]);
    let walked = walk(block, &mut |n| {
        let pick = prefix.get(arities.len()).map_or(0, |&p| p as usize).min(n - 1);
        arities.push(n);
        flat.push(pick as u32);
        Ok(pick)
    });
    (walked.map_or(vec![], |()| flat), arities)
}

/// The first option everywhere, as a tree.
pub(crate) fn first(block: &Block) -> Genes {
    build(block, &mut |_| Ok(0)).unwrap_or_default()
}

/// The combination of decisions of a number, which is divided among them: 0 is the first option everywhere.
/// What is left of the number is above 0 where there is no such combination.
pub(crate) fn numbered(block: &Block, number: &mut usize) -> Genes {
    let decide = &mut |n: usize| {
        let pick = *number % n;
        *number /= n;
        Ok(pick)
    };
    build(block, decide).unwrap_or_default()
}

/// The beginning of the next architecture, in order, after all those that share the first `keep`
/// decisions; `None` after the last one. The last decision varies fastest.
pub(crate) fn bump(decisions: &[u32], arities: &[usize], keep: usize) -> Option<Vec<u32>> {
    let keep = keep.min(decisions.len());
    let last = (0..keep).rev().find(|&i| (decisions[i] as usize) + 1 < arities[i])?;
    let mut next = decisions[..=last].to_vec();
    next[last] += 1;
    Some(next)
}
