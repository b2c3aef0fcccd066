//! How one network becomes another that computes the same.
//!
//! Chen, Goodfellow and Shlens, "Net2Net: Accelerating Learning via Knowledge Transfer", arXiv 1511.05641;
//! Wei et al., "Network Morphism", arXiv 1603.01670. A network f is given, and a graph g that is larger.
//! Every node of g gets a meaning in terms of f, in the order in which they are computed:
//!
//! ```text
//! image(p, m)   channel c is channel m(c) of node p of f, or anything where m(c) is nothing
//! zeros         nothing but zeros
//! fresh         anything: weights as they were drawn
//!
//! same          a layer of f on images of what it reads there: image(p, m), where m repeats channels if
//!               the layer is wider (Net2WiderNet), and taps that a larger kernel has more are 0
//! identity      a layer of g alone that passes on what it reads (Net2DeeperNet): the meaning of its input
//! zero layer    a layer of g alone whose weights are 0: zeros
//! sum           image(p, m) + zeros = image(p, m)                          a skip that is added
//! concatenation image(p, m) beside anything = image(p, (m, nothing))       a skip that is concatenated
//! ```
//!
//! The output has to be image(output of f, identity). The meanings are found by trying these in turn, with
//! steps back where a choice leads nowhere. Whoever reads an image divides the weights of a channel among its
//! copies, and has weights 0 for channels that mean nothing.
//!
//! What this asks of layers:
//!
//! - An identity needs an activation that passes on what it gets: none, or ReLU on what is never negative, as
//!   after another ReLU. Its stride is 1, its kernel odd.
//! - A layer of zeros must not end in ReLU: behind it there would be no gradient at 0, and it could never learn.
//! - Wider and with larger kernels become convolutions, linear layers and what works on each channel by
//!   itself. Recurrent layers, attention, group and layer normalisation have to stay as they are.
//!
//! Where we differ: Net2Net repeats channels at random. Here channel c of a wider layer is channel c modulo
//! the old width, so that what is added up fits: all that grows from one width to another grows alike.

use crate::error::{Error, ErrorKind, Result};
use crate::graph::lowering::{Graph, Node};
use crate::graph::walk::Role;
use crate::layer::drop_path::DROP_PATH;
use crate::layer::dropout::DROPOUT;
use crate::layer::{ACTIVATION, ADD, CONCAT, FLATTEN, INPUT, ZERO};
use crate::op::{Activation, Channels, Value};
use std::rc::Rc;

/// The channels of the old network that those of the new one are.
pub(crate) type Map = Rc<Vec<Option<usize>>>;

/// What a node of the new network is in terms of the old one.
#[derive(Clone, Debug, PartialEq)]
enum Meaning {
    /// Nothing reads it.
    Unread,
    Image(usize, Map),
    Zeros,
    Fresh,
}

/// Where a node of the new network has its weights from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Source {
    /// It has none, or keeps those that were drawn.
    Drawn,
    /// They are those of a node of the old network.
    Same(usize),
    /// They are those of a node of the old network, by the channels that come in and those that go out.
    Grown(usize, Map, Map),
    /// It passes on what it reads, which is an image of a node of the old network.
    Identity(usize, Map, Map),
    /// It gives zeros.
    Zeros,
}

/// How to make the weights of a network that computes the same as another one.
pub(crate) struct Morph {
    pub(crate) sources: Vec<Source>,
    /// What it does, in words: "wider: conv(16,3) to conv(32,3)".
    pub(crate) name: String,
}

/// Why a layer is not one that it was.
const STAYS: &str = "this layer has to stay as it is, with the same inputs";
/// Why a sum is not what it was.
const NOT_ZERO: &str = "what is added is not 0, and was not added before. A branch can be 0 and learn if it has \
    weights and does not end in ReLU: try .activation(\"identity\"), with relu() before it";
/// More steps than this are not tried.
const MOST_STEPS: usize = 3000;

struct Search<'g> {
    old: &'g Graph,
    new: &'g Graph,
    live: Vec<bool>,
    /// Whether a layer may be anything: something joins it with others.
    joins: bool,
    meanings: Vec<Meaning>,
    sources: Vec<Source>,
    steps: usize,
    /// The node furthest on that has no meaning, and the last reason why.
    stuck: (usize, String),
}

impl Morph {
    /// # Errors
    /// When there is none: the reason names the layer.
    pub(crate) fn of(old: &Graph, new: &Graph) -> Result<Morph> {
        let joins = new.nodes.iter().any(|n| n.op.is(&ADD) || n.op.is(&CONCAT));
        let (live, stuck) = (new.live(), (0, String::new()));
        let (meanings, sources) = (vec![], vec![]);
        let mut search = Search { old, new, live, joins, meanings, sources, steps: 0, stuck };
        if search.solve() {
            let name = search.name();
            return Ok(Morph { sources: search.sources, name });
        }
        let (at, why) = search.stuck;
        let layer = new.nodes.get(at).map_or(String::new(), |n| n.op.to_string());
        Err(Error::new(ErrorKind::Shape, format!("layer {at}, {layer}: {why}")))
    }
}

/// The channels of a node's output.
fn width(node: &Node) -> usize {
    node.plan.output.channels()
}

/// Every channel as itself.
fn plain(n: usize) -> Map {
    Rc::new((0..n).map(Some).collect())
}

/// The channels of a layer that has become wider.
fn repeated(old: usize, new: usize) -> Map {
    Rc::new((0..new).map(|c| Some(c % old.max(1))).collect())
}

impl Search<'_> {
    fn solve(&mut self) -> bool {
        let id = self.meanings.len();
        if id == self.new.nodes.len() {
            return self.ends_alike();
        }
        self.steps += 1;
        if self.steps > MOST_STEPS {
            return false;
        }
        let mut why = String::new();
        let found = match self.live[id] {
            true => self.candidates(id, &mut why),
            false => vec![(Meaning::Unread, Source::Drawn)],
        };
        if found.is_empty() && id >= self.stuck.0 {
            self.stuck = (id, why);
        }
        for (meaning, source) in found {
            self.meanings.push(meaning);
            self.sources.push(source);
            if self.solve() {
                return true;
            }
            self.meanings.pop();
            self.sources.pop();
        }
        false
    }

    /// Whether the output is that of the old network.
    fn ends_alike(&mut self) -> bool {
        let (Some(last), Some(end)) = (self.old.nodes.len().checked_sub(1), self.meanings.last())
        else {
            return false;
        };
        let alike = *end == Meaning::Image(last, plain(width(&self.old.nodes[last])));
        let id = self.meanings.len() - 1;
        if !alike && id >= self.stuck.0 {
            self.stuck = (id, "the output is not that of the network that there is".into());
        }
        alike
    }

    fn candidates(&self, id: usize, why: &mut String) -> Vec<(Meaning, Source)> {
        let node = &self.new.nodes[id];
        if node.op.is(&INPUT) {
            return vec![(Meaning::Image(0, plain(width(node))), Source::Drawn)];
        }
        let inputs: Vec<&Meaning> = node.inputs.iter().map(|&i| &self.meanings[i]).collect();
        if node.op.is(&ADD) {
            return self.sums(&inputs, why);
        }
        if node.op.is(&CONCAT) {
            return self.concatenations(node, &inputs);
        }
        let [input] = inputs[..] else { return vec![] };
        let mut found = vec![];
        if let Meaning::Image(p, map) = input {
            found.extend(self.same(node, *p, map, why));
            found.extend(self.identity(node, *p, map, why));
        }
        if node.role != Role::Head {
            let weighed = node.op.info.facts.channels == Channels::Weighed;
            if node.op.is(&ZERO) || *input == Meaning::Zeros && keeps_zeros(node) {
                found.push((Meaning::Zeros, Source::Drawn));
            } else if self.joins && weighed && *input != Meaning::Zeros {
                let relu = node.op.act() == Activation::Relu;
                if !relu && (node.op.info.facts.keeps_zero)(&node.op) {
                    found.push((Meaning::Zeros, Source::Zeros));
                }
            }
            if self.joins && *input != Meaning::Zeros {
                found.push((Meaning::Fresh, Source::Drawn));
            }
        }
        found
    }

    /// As layers of the old network that read the same: first what stands at the same place.
    fn same(&self, node: &Node, p: usize, map: &Map, why: &mut String) -> Vec<(Meaning, Source)> {
        let reads = |q: &usize| self.old.nodes[*q].inputs == [p];
        let mut readers: Vec<usize> = (0..self.old.nodes.len()).filter(reads).collect();
        readers.sort_by_key(|&q| self.old.nodes[q].site != node.site);
        let taken = |q: usize| {
            let takes = |s: &Source| matches!(s, Source::Same(o) | Source::Grown(o, ..) if *o == q);
            self.old.nodes[q].plan.params > 0 && self.sources.iter().any(takes)
        };
        let mut found = vec![];
        for q in readers.into_iter().filter(|&q| !taken(q)) {
            let old = &self.old.nodes[q];
            let from = &self.old.nodes[p];
            if (old.role == Role::Head) != (node.role == Role::Head) || !grows(old, node, why) {
                continue;
            }
            let (was, is) = (width(old), width(node));
            let untouched = **map == *plain(width(from));
            let (out, source) = match node.op.info.facts.channels {
                _ if node.op.is(&FLATTEN) => {
                    let shape = from.plan.output.as_slice();
                    (flattened(shape, map), Source::Drawn)
                }
                Channels::Each => (map.clone(), Source::Grown(q, map.clone(), map.clone())),
                Channels::Weighed if node.op.int("groups") <= 1 => {
                    let out = repeated(was, is);
                    (out.clone(), Source::Grown(q, map.clone(), out))
                }
                _ if untouched && old.op == node.op => (plain(was), Source::Same(q)),
                _ => {
                    *why = STAYS.to_string();
                    continue;
                }
            };
            found.push((Meaning::Image(q, out), source));
        }
        found
    }

    /// As a layer that passes on what it reads.
    fn identity(
        &self,
        node: &Node,
        p: usize,
        map: &Map,
        why: &mut String,
    ) -> Option<(Meaning, Source)> {
        let input = &self.new.nodes[node.inputs[0]];
        let (op, from, to) = (&node.op, &input.plan.output, &node.plan.output);
        let facts = &op.info.facts;
        let weighed = facts.channels == Channels::Weighed;
        let wider = weighed && to.channels() != from.channels();
        if node.role == Role::Head {
            return None;
        }
        if from.as_slice().len() != to.as_slice().len()
            || from.elements() / from.channels().max(1) != to.elements() / to.channels().max(1)
            || to.channels() < from.channels()
        {
            say(why, "a new layer has to keep the shape. Try a stride of 1, and no fewer channels");
            return None;
        }
        if (facts.does_nothing)(op) || op.is(&DROPOUT) || op.is(&DROP_PATH) {
            return Some((Meaning::Image(p, map.clone()), Source::Drawn));
        }
        let passes = match op.act() {
            Activation::Identity => true,
            Activation::Relu => self.never_negative(p),
            _ => false,
        };
        if !passes {
            let text = format!(
                "a new layer that ends in {} does not pass on what it gets. Try relu after another \
                 relu, or .activation(\"identity\")",
                op.act()
            );
            say(why, &text);
            return None;
        }
        if op.is(&ACTIVATION) {
            return Some((Meaning::Image(p, map.clone()), Source::Drawn));
        }
        let odd = op.value("kernel").is_none() || op.int("kernel") % 2 == 1 || op.has("causal");
        if !odd || op.int("groups") > 1 || facts.channels == Channels::Whole {
            say(
                why,
                "a new layer like this does not pass on what it gets. Try an odd kernel, and one group",
            );
            return None;
        }
        if facts.channels == Channels::Each && node.plan.params == 0 {
            say(why, "a new layer without weights, which changes what it gets. Try skip()");
            return None;
        }
        let out = match wider {
            true => repeated(width(&self.old.nodes[p]), to.channels()),
            false => map.clone(),
        };
        Some((Meaning::Image(p, out.clone()), Source::Identity(p, map.clone(), out)))
    }

    /// Whether no value of a node of the old network is below 0.
    fn never_negative(&self, p: usize) -> bool {
        let node = &self.old.nodes[p];
        let act = node.op.value("activation").map(|_| node.op.act());
        match act {
            Some(act) => matches!(act, Activation::Relu | Activation::Sigmoid),
            None if node.plan.params > 0 || node.op.is(&INPUT) => false,
            None => {
                let facts = &node.op.info.facts;
                let keeps = facts.channels == Channels::Each
                    || [&ADD, &CONCAT, &FLATTEN, &ZERO].iter().any(|info| node.op.is(info));
                keeps && node.inputs.iter().all(|&i| self.never_negative(i))
            }
        }
    }

    fn sums(&self, inputs: &[&Meaning], why: &mut String) -> Vec<(Meaning, Source)> {
        *why = NOT_ZERO.to_string();
        let mut images = vec![];
        for input in inputs {
            match input {
                Meaning::Image(p, map) => images.push((*p, map)),
                Meaning::Zeros => {}
                _ => return vec![],
            }
        }
        let Some(&(_, map)) = images.first() else {
            return vec![(Meaning::Zeros, Source::Drawn)];
        };
        if images.iter().any(|(_, other)| *other != map) {
            return vec![];
        }
        let sorted = |list: &[usize]| {
            let mut list = list.to_vec();
            list.sort_unstable();
            list
        };
        let reads = sorted(&images.iter().map(|(p, _)| *p).collect::<Vec<_>>());
        let sums = self.old.nodes.iter().enumerate().filter(|(_, n)| n.op.is(&ADD));
        let mut found: Vec<usize> =
            sums.filter(|(_, n)| sorted(&n.inputs) == reads).map(|(q, _)| q).collect();
        if let [(p, _)] = images[..] {
            found.push(p);
        }
        found.into_iter().map(|q| (Meaning::Image(q, map.clone()), Source::Drawn)).collect()
    }

    fn concatenations(&self, node: &Node, inputs: &[&Meaning]) -> Vec<(Meaning, Source)> {
        let widths: Vec<usize> = node.inputs.iter().map(|&i| width(&self.new.nodes[i])).collect();
        let nothing = |i: usize| vec![None; widths[i]];
        let mut found = vec![];
        let joined = self.old.nodes.iter().enumerate().filter(|(_, n)| n.op.is(&CONCAT));
        for (q, old) in joined {
            let (mut map, mut next, mut before) = (vec![], 0, 0);
            for (i, input) in inputs.iter().enumerate() {
                match input {
                    Meaning::Image(p, own) if old.inputs.get(next) == Some(p) => {
                        map.extend(own.iter().map(|c| c.map(|c| before + c)));
                        before += width(&self.old.nodes[*p]);
                        next += 1;
                    }
                    _ => map.extend(nothing(i)),
                }
            }
            if next == old.inputs.len() {
                found.push((Meaning::Image(q, Rc::new(map)), Source::Drawn));
            }
        }
        for (kept, input) in inputs.iter().enumerate() {
            let Meaning::Image(p, own) = input else { continue };
            let part = |i: usize| if i == kept { (**own).clone() } else { nothing(i) };
            let map: Vec<Option<usize>> = (0..inputs.len()).flat_map(part).collect();
            found.push((Meaning::Image(*p, Rc::new(map)), Source::Drawn));
        }
        found
    }

    /// What the new network has more, in words.
    fn name(&self) -> String {
        let mut parts: Vec<String> = vec![];
        for (id, source) in self.sources.iter().enumerate().filter(|(id, _)| self.live[*id]) {
            let op = &self.new.nodes[id].op;
            let words = match source {
                Source::Grown(q, ..)
                    if width(&self.old.nodes[*q]) < width(&self.new.nodes[id])
                        && op.info.facts.channels == Channels::Weighed =>
                {
                    format!("wider: {} to {op}", self.old.nodes[*q].op)
                }
                Source::Grown(q, ..) if self.old.nodes[*q].op.int("kernel") < op.int("kernel") => {
                    format!("larger kernel: {} to {op}", self.old.nodes[*q].op)
                }
                Source::Identity(..) => format!("deeper: {op}"),
                Source::Zeros => format!("skip, added: {op}"),
                Source::Drawn if op.is(&CONCAT) => match &self.meanings[id] {
                    Meaning::Image(_, map) if map.iter().any(Option::is_none) => {
                        "skip, concatenated".to_string()
                    }
                    _ => continue,
                },
                _ => continue,
            };
            if !parts.contains(&words) {
                parts.push(words);
            }
        }
        let more = parts.len().saturating_sub(1);
        match parts.into_iter().next() {
            None => "the same".to_string(),
            Some(first) if more == 0 => first,
            Some(first) => format!("{first} and {more} more"),
        }
    }
}

/// The features that the channels of an image or a sequence become.
fn flattened(shape: &[usize], map: &Map) -> Map {
    let all = match *shape {
        [_, h, w] => {
            map.iter().flat_map(|c| (0..h * w).map(move |i| c.map(|c| c * h * w + i))).collect()
        }
        [l, d] => (0..l).flat_map(|at| map.iter().map(move |c| c.map(|c| at * d + c))).collect(),
        _ => return map.clone(),
    };
    Rc::new(all)
}

/// The first reason is the one that counts.
fn say(why: &mut String, reason: &str) {
    if why.is_empty() {
        why.push_str(reason);
    }
}

/// Whether zeros come out where zeros come in.
fn keeps_zeros(node: &Node) -> bool {
    node.plan.params == 0 && (node.op.info.facts.keeps_zero)(&node.op)
}

/// Whether a layer is the old one, or one with more channels or a larger kernel.
fn grows(old: &Node, new: &Node, why: &mut String) -> bool {
    if !old.op.is(new.op.info) {
        return false;
    }
    let weighs = old.plan.params > 0 && new.op.info.facts.channels != Channels::Whole;
    let pairs = new.op.info.args.iter().zip(old.op.args.iter().zip(&new.op.args));
    for (setting, (was, is)) in pairs {
        let same = old.op.meant(setting, *was) == new.op.meant(setting, *is);
        let more = match (was, is) {
            (Value::Int(was), Value::Int(is)) => (*was, *is),
            _ => (0, 0),
        };
        let fits = match setting.name {
            _ if same => true,
            _ if setting.is_size() && weighs && more.1 < more.0 => {
                *why = "a narrower layer computes less than the old one".into();
                false
            }
            _ if setting.is_size() && !weighs => {
                *why = STAYS.to_string();
                false
            }
            _ if setting.is_size() => true,
            "kernel" if weighs && more.1 < more.0 => {
                *why = "a smaller kernel computes less than the old one".into();
                false
            }
            "kernel" => weighs && more.0 % 2 == 1 && more.1 % 2 == 1 && !new.op.has("causal"),
            _ => false,
        };
        if !fits {
            return false;
        }
    }
    true
}
