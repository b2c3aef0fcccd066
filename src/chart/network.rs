//! One network as a graph, or two beside each other with what differs marked. A node is a layer, with its cost; where
//! the shape of the data changes, the edge says it. Normalisations and activations stand in the node of the layer
//! before them. A large network is folded: what is repeated in a row is drawn once, with how often it comes.
//!
//! Where nodes stand is for `layers.rs` to know. The same layers as a table are a [`Diagram`].

use super::layers::{Layout, layout};
use super::svg::{Anchor, Svg, n, nothing};
use super::theme::{CARD, FAIL, FAINT, Font, INK, MUTED, family, width, wrap};
use super::{Diagram, DiagramRow, Draw};
use crate::words::plural;
use serde::{Deserialize, Serialize};

/// Networks as graphs, beside each other.
///
/// ```
/// use nascent::prelude::*;
/// let space = Space::new([3, 8, 8], Task::classification(4)).then(presets::nas_bench_201(8, 1));
/// let (a, b) = (space.decode([3, 1, 2, 0, 1, 3])?, space.decode([3, 1, 2, 0, 1, 2])?);
/// assert!(a.drawing().svg().contains("<svg"));
/// assert!(a.beside(&b).plain().contains("only here"));
/// # Ok::<(), nascent::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NetworkGraph {
    /// The heading; may be empty.
    pub title: String,
    /// The networks, from left to right; of two, what is in one only is marked.
    pub networks: Vec<Diagram>,
}

/// More nodes than this are folded.
const FOLD: usize = 50;
/// More than this are not drawn.
const MOST: usize = 400;
/// More networks than this beside each other cannot be read.
const BESIDE_EACH_OTHER: usize = 4;
/// The longest sequence that is looked for as repeated, in blocks.
const PERIOD: usize = 8;

/// A node that is drawn: a layer, and what stands in its node.
#[derive(Clone, Debug, PartialEq)]
struct Node {
    name: String,
    /// What follows it in the same node.
    then: Vec<String>,
    params: String,
    shape: String,
    kind: String,
    inputs: Vec<usize>,
    /// Whether the other network does not have it.
    only_here: bool,
    /// How often the repeated part comes that ends with it, and how many nodes that part has.
    times: Option<(usize, usize)>,
}

/// A name as it stands in a node: what is drawn anyway is left out, and `relu` is `activation(relu)`.
fn short(name: &str) -> String {
    let name = name.replace(",activation=identity", "");
    let inside = name.strip_prefix("activation(").and_then(|rest| rest.strip_suffix(')'));
    inside.map(String::from).unwrap_or(name)
}

/// The layers as nodes; those that only follow another one stand in its node.
fn nodes(rows: &[DiagramRow], only_here: &[bool]) -> Vec<Node> {
    let place = |id: usize| rows.iter().position(|row| row.id == id);
    let inputs: Vec<Vec<usize>> = (rows.iter().enumerate())
        .map(|(i, row)| row.inputs.iter().filter_map(|&id| place(id)).filter(|&u| u < i).collect())
        .collect();
    let mut used = vec![0; rows.len()];
    inputs.iter().flatten().for_each(|&u| used[u] += 1);
    let mut node: Vec<usize> = vec![];
    let mut all: Vec<Node> = vec![];
    for (i, row) in rows.iter().enumerate() {
        let marked = only_here.get(i).copied().unwrap_or(false);
        let name = short(&row.name);
        let follows = matches!(row.kind.as_str(), "norm" | "activation");
        if let ([u], true) = (&inputs[i][..], follows)
            && used[*u] == 1
            && rows[*u].kind != "input"
        {
            let before = &mut all[node[*u]];
            before.then.push(name);
            before.shape.clone_from(&row.shape);
            before.only_here |= marked;
            node.push(node[*u]);
            continue;
        }
        node.push(all.len());
        all.push(Node {
            name,
            then: vec![],
            params: row.params.clone(),
            shape: row.shape.clone(),
            kind: row.kind.clone(),
            inputs: inputs[i].iter().map(|&u| node[u]).collect(),
            only_here: marked,
            times: None,
        });
    }
    all
}

/// Folds what is repeated: between two nodes through which everything passes lies a block, and equal blocks in a row are
/// drawn once.
fn folded(all: Vec<Node>) -> Vec<Node> {
    if all.len() <= FOLD {
        return all;
    }
    // Everything passes through a node that no edge passes by.
    let mut reach = 0;
    let mut ends = vec![];
    for v in 0..all.len() {
        let passed = (v + 1..all.len()).any(|w| all[w].inputs.iter().any(|&u| u < v));
        if !passed && reach <= v {
            ends.push(v);
            reach = v + 1;
        }
    }
    let blocks: Vec<std::ops::Range<usize>> = std::iter::once(0)
        .chain(ends.iter().map(|e| e + 1))
        .zip(&ends)
        .map(|(b, e)| b..e + 1)
        .collect();
    let same = |a: usize, b: usize| {
        let (a, b) = (&blocks[a], &blocks[b]);
        a.len() == b.len()
            && a.clone().zip(b.clone()).all(|(v, w)| {
                let (x, y) = (&all[v], &all[w]);
                let beside = |at: usize, node: &Node| -> Vec<usize> {
                    node.inputs.iter().map(|u| at - u).collect()
                };
                (&x.name, &x.then, &x.shape, &x.params) == (&y.name, &y.then, &y.shape, &y.params)
                    && x.only_here == y.only_here
                    && beside(v, x) == beside(w, y)
            })
    };
    let (mut kept, mut from): (Vec<Node>, Vec<usize>) = (vec![], vec![usize::MAX; all.len()]);
    let mut block = 0;
    let keep = |range: std::ops::Range<usize>, kept: &mut Vec<Node>, from: &mut Vec<usize>| {
        for v in range {
            from[v] = kept.len();
            let inputs = all[v].inputs.iter().map(|&u| from[u]).filter(|&u| u < kept.len());
            kept.push(Node { inputs: inputs.collect(), ..all[v].clone() });
        }
    };
    while block < blocks.len() {
        let repeats = |period: usize| {
            let again = |k: usize| (0..period).all(|i| same(block + i, block + k * period + i));
            (1..).take_while(|&k| block + (k + 1) * period <= blocks.len() && again(k)).count() + 1
        };
        let size = |period: usize| blocks[block + period - 1].end - blocks[block].start;
        let saved = |&period: &usize| (repeats(period) - 1) * size(period);
        let periods = (1..=PERIOD).filter(|p| block + p <= blocks.len());
        // Of equal ones the shortest.
        let period = periods.rev().max_by_key(saved).unwrap_or(1);
        let times = repeats(period);
        let first = blocks[block].start..blocks[block + period - 1].end;
        keep(first.clone(), &mut kept, &mut from);
        if times > 1 {
            let last = kept.len() - 1;
            kept[last].times = Some((times, first.len()));
            // What follows takes the end of the last repetition.
            from[blocks[block + times * period - 1].end - 1] = last;
        }
        block += times * period;
    }
    let rest = blocks.last().map_or(0, |b| b.end)..all.len();
    keep(rest, &mut kept, &mut from);
    kept
}

/// Which rows are in one of two networks only: what is left beside the longest sequence of names that both have.
fn differing(a: &[DiagramRow], b: &[DiagramRow]) -> (Vec<bool>, Vec<bool>) {
    let equal = |i: usize, j: usize| a[i].name == b[j].name && a[i].shape == b[j].shape;
    // The length of the longest common sequence from each pair on.
    let mut longest = vec![vec![0u32; b.len() + 1]; a.len() + 1];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            longest[i][j] = match equal(i, j) {
                true => longest[i + 1][j + 1] + 1,
                false => longest[i + 1][j].max(longest[i][j + 1]),
            };
        }
    }
    let (mut only_a, mut only_b) = (vec![true; a.len()], vec![true; b.len()]);
    let (mut i, mut j) = (0, 0);
    while i < a.len() && j < b.len() {
        if equal(i, j) {
            (only_a[i], only_b[j]) = (false, false);
            (i, j) = (i + 1, j + 1);
        } else if longest[i + 1][j] >= longest[i][j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    (only_a, only_b)
}

/// Whether a network is easier to follow as a graph than as a list: something in it branches, and it is not too large.
pub(crate) fn branches(diagram: &Diagram) -> bool {
    let all = nodes(&diagram.rows, &[]);
    let mut used = vec![0; all.len()];
    all.iter().flat_map(|node| &node.inputs).for_each(|&u| used[u] += 1);
    used.iter().any(|&n| n > 1) && folded(all).len() <= MOST
}

impl NetworkGraph {
    fn title(&self) -> &str {
        if self.title.is_empty() { "Network" } else { &self.title }
    }

    /// For each network which of its rows the other one does not have.
    fn marks(&self) -> Vec<Vec<bool>> {
        match &self.networks[..] {
            [a, b] if a.rows.len() * b.rows.len() <= 4_000_000 => {
                let (a, b) = differing(&a.rows, &b.rows);
                vec![a, b]
            }
            all => all.iter().map(|d| vec![false; d.rows.len()]).collect(),
        }
    }
}

const WHY: &str = "the network has no layers";
const NAME: Font = Font { size: 11.5, ..Font::TEXT };
const SMALL: Font = Font { size: 9.5, ..Font::NOTE };
const SHAPE: Font = Font { size: 9.5, fill: MUTED, bold: false, mono: true };
/// The widest text in a node.
const ROOM: f64 = 190.0;
/// Between two layers of nodes, and between two nodes in a layer.
const BETWEEN: f64 = 30.0;
const BESIDE: f64 = 18.0;
/// Left of the first node and right of the last.
const MARGIN: f64 = 22.0;

impl Node {
    /// The second line: what follows in the node, and its parameters.
    fn small(&self) -> String {
        let params = match self.params.as_str() {
            "" | "0" | "-" | "–" => None,
            params => Some(format!("{params} parameters")),
        };
        let parts: Vec<String> = self.then.iter().cloned().chain(params).collect();
        parts.join(" · ")
    }

    /// Where branches meet, a sign is enough.
    fn sign(&self) -> Option<&str> {
        match (self.kind.as_str(), self.name.as_str()) {
            ("add", "add") if self.then.is_empty() => Some("+"),
            _ => None,
        }
    }

    fn size(&self) -> (f64, f64) {
        if self.sign().is_some() {
            return (22.0, 22.0);
        }
        let text = width(&self.name, NAME).max(width(&self.small(), SMALL)).min(ROOM);
        (text + 24.0, if self.small().is_empty() { 24.0 } else { 42.0 })
    }

    /// The room from its middle to either side, the shape at its edge included.
    fn room(&self, shows: bool) -> f64 {
        let shape = if shows { 2.0 * (width(&self.shape, SHAPE).min(110.0) + 12.0) } else { 0.0 };
        self.size().0.max(shape)
    }
}

/// A network with places for its nodes.
struct Drawn {
    nodes: Vec<Node>,
    /// Whether the edge that leaves a node says the shape.
    shows: Vec<bool>,
    layout: Layout,
    /// The top of each layer, and what is below the last.
    tops: Vec<f64>,
    heights: Vec<f64>,
}

impl Drawn {
    fn of(nodes: Vec<Node>) -> Drawn {
        let used: Vec<bool> =
            (0..nodes.len()).map(|v| nodes.iter().any(|w| w.inputs.contains(&v))).collect();
        let changes = |v: usize| {
            let node = &nodes[v];
            let same = |&u: &usize| nodes[u].shape == node.shape;
            let kept = !node.inputs.is_empty() && node.inputs.iter().all(same);
            used[v] && !kept && !node.shape.is_empty()
        };
        let shows: Vec<bool> = (0..nodes.len()).map(changes).collect();
        let inputs: Vec<Vec<usize>> = nodes.iter().map(|node| node.inputs.clone()).collect();
        let rooms: Vec<f64> = nodes.iter().zip(&shows).map(|(node, s)| node.room(*s)).collect();
        let layout = layout(&inputs, &rooms, BESIDE);
        let layers = layout.layer.iter().max().map_or(0, |most| most + 1);
        let mut heights = vec![0.0f64; layers];
        for (node, &layer) in nodes.iter().zip(&layout.layer) {
            heights[layer] = heights[layer].max(node.size().1);
        }
        let mut tops = vec![0.0];
        heights.iter().for_each(|h| tops.push(tops[tops.len() - 1] + h + BETWEEN));
        Drawn { nodes, shows, layout, tops, heights }
    }

    fn height(&self) -> f64 {
        (self.tops.last().copied().unwrap_or(0.0) - BETWEEN).max(0.0)
    }

    fn middle(&self, layer: usize) -> f64 {
        self.tops[layer] + self.heights[layer] / 2.0
    }

    /// Draws it with its upper left corner here.
    fn draw(&self, svg: &mut Svg, (left, top): (f64, f64)) {
        for (i, &(from, to, ref ways)) in self.layout.edges.iter().enumerate() {
            self.edge(svg, (left, top), i, (from, to), ways);
        }
        (0..self.nodes.len()).for_each(|v| self.repeated(svg, (left, top), v));
        for (v, node) in self.nodes.iter().enumerate() {
            let (x, y) = (left + self.layout.x[v], top + self.middle(self.layout.layer[v]));
            self.node(svg, node, (x, y));
            if self.shows[v] {
                let at = (x + 7.0, y + node.size().1 / 2.0 + 12.0);
                svg.halo(at, &node.shape, SHAPE, Anchor::Start, 110.0);
            }
        }
    }

    fn node(&self, svg: &mut Svg, node: &Node, (x, y): (f64, f64)) {
        let (w, h) = node.size();
        let (strong, pale) = family(&node.kind);
        let (line, wide) = if node.only_here { (FAIL, 2.0) } else { (strong, 1.1) };
        let dashes = if node.only_here { r#" stroke-dasharray="5 3""# } else { "" };
        let edge = format!(r#"stroke="{line}" stroke-width="{wide}"{dashes}"#);
        let (l, t) = (x - w / 2.0, y - h / 2.0);
        match node.kind.as_str() {
            _ if node.sign().is_some() => svg.dot((x, y), w / 2.0, pale, &edge),
            // What makes the data smaller is narrower below.
            "pool" => {
                let d = format!(
                    "M{} {}H{}L{} {}H{}Z",
                    n(l),
                    n(t),
                    n(l + w),
                    n(l + w - 9.0),
                    n(t + h),
                    n(l + 9.0)
                );
                svg.area(&d, pale, &edge);
            }
            "norm" | "activation" | "input" | "head" => {
                svg.rect((l, t, w, h), h / 2.0, pale, &edge);
            }
            _ => svg.rect((l, t, w, h), 5.0, pale, &edge),
        }
        if let Some(sign) = node.sign() {
            svg.text((x, y + 5.0), sign, NAME.size(15.0), Anchor::Middle, w);
            return;
        }
        let small = node.small();
        let base = if small.is_empty() { y + 4.0 } else { y - 4.0 };
        svg.text((x, base), &node.name, NAME, Anchor::Middle, w - 14.0);
        if !small.is_empty() {
            svg.text((x, y + 14.0), &small, SMALL, Anchor::Middle, w - 14.0);
        }
    }

    /// The ground of a part that is repeated, and how often.
    fn repeated(&self, svg: &mut Svg, (left, top): (f64, f64), last: usize) {
        let Some((times, part)) = self.nodes[last].times else { return };
        let own = last + 1 - part..last + 1;
        let mut sides = vec![];
        let mut rows = vec![];
        for v in own.clone() {
            let (x, half) = (self.layout.x[v], self.nodes[v].size().0 / 2.0);
            sides.extend([x - half, x + half]);
            rows.push(self.layout.layer[v]);
        }
        for (from, to, ways) in &self.layout.edges {
            if own.contains(from) && own.contains(to) {
                sides.extend(ways);
            }
        }
        let least = |values: &[f64]| values.iter().copied().fold(f64::MAX, f64::min);
        let most = |values: &[f64]| values.iter().copied().fold(f64::MIN, f64::max);
        let (x0, x1) = (left + least(&sides) - 9.0, left + most(&sides) + 9.0);
        let (Some(&first), Some(&end)) = (rows.iter().min(), rows.iter().max()) else { return };
        let y0 = top + self.tops[first] - 7.0;
        let y1 = top + self.tops[end] + self.heights[end] + 7.0;
        let edge = format!(r#"stroke="{FAINT}" stroke-dasharray="3 3""#);
        svg.rect((x0, y0, x1 - x0, y1 - y0), 9.0, "none", &edge);
        let text = format!("× {times}");
        svg.halo((x0 + 8.0, y1 + 4.0), &text, NAME.bold(), Anchor::Start, 80.0);
    }

    /// From the lower side of a node, by its waypoints, to the upper side of another.
    fn edge(
        &self,
        svg: &mut Svg,
        (left, top): (f64, f64),
        i: usize,
        (from, to): (usize, usize),
        ways: &[f64],
    ) {
        let lower = |v: usize| self.middle(self.layout.layer[v]) + self.nodes[v].size().1 / 2.0;
        let upper = |v: usize| self.middle(self.layout.layer[v]) - self.nodes[v].size().1 / 2.0;
        let first = self.layout.layer[from] + 1;
        let begin = (left + self.layout.x[from], top + lower(from));
        let end = (left + self.layout.x[to] + self.port(i, to), top + upper(to));
        let mut d = format!("M{} {}", n(begin.0), n(begin.1));
        let mut at = begin;
        let mut curve = |at: &mut (f64, f64), to: (f64, f64)| {
            let bend = (to.1 - at.1) * 0.5;
            match (to.0 - at.0).abs() < 0.1 {
                true => d += &format!("L{} {}", n(to.0), n(to.1)),
                false => {
                    let (a, b) = (at.1 + bend, to.1 - bend);
                    d += &format!(
                        "C{} {} {} {} {} {}",
                        n(at.0),
                        n(a),
                        n(to.0),
                        n(b),
                        n(to.0),
                        n(to.1)
                    );
                }
            }
            *at = to;
        };
        for (k, way) in ways.iter().enumerate() {
            let layer = first + k;
            curve(&mut at, (left + way, top + self.tops[layer]));
            curve(&mut at, (left + way, top + self.tops[layer] + self.heights[layer]));
        }
        curve(&mut at, (end.0, end.1 - 5.0));
        svg.path(&d, MUTED, 1.2, "");
        svg.arrow_head(end, (0.0, 1.0), MUTED);
    }

    /// Where an edge comes to its node: in the order in which they come, beside each other.
    fn port(&self, edge: usize, to: usize) -> f64 {
        let comes =
            |e: &(usize, usize, Vec<f64>)| e.2.last().copied().unwrap_or(self.layout.x[e.0]);
        let edges = &self.layout.edges;
        let mut all: Vec<usize> = (0..edges.len()).filter(|&e| edges[e].1 == to).collect();
        all.sort_by(|&a, &b| comes(&edges[a]).total_cmp(&comes(&edges[b])));
        let place = all.iter().position(|&e| e == edge).unwrap_or(0) as f64;
        let step = (self.nodes[to].size().0 / (all.len() as f64 + 1.0)).min(12.0);
        (place - (all.len() as f64 - 1.0) / 2.0) * step
    }
}

impl Draw for NetworkGraph {
    fn svg(&self) -> String {
        if self.networks.iter().all(|d| d.rows.is_empty()) {
            return nothing(self.title(), WHY);
        }
        if self.networks.len() > BESIDE_EACH_OTHER {
            let many = plural(self.networks.len(), "network");
            let why = format!(
                "{many} beside each other are too many to read; {BESIDE_EACH_OTHER} are not"
            );
            return nothing(self.title(), &why);
        }
        let marks = self.marks();
        let all: Vec<(&Diagram, Vec<Node>)> = (self.networks.iter().zip(&marks))
            .map(|(diagram, marks)| (diagram, folded(nodes(&diagram.rows, marks))))
            .collect();
        if let Some((_, nodes)) = all.iter().find(|(_, nodes)| nodes.len() > MOST) {
            let many = plural(nodes.len(), "layer");
            let why = format!("{many} that do not repeat are too many for a graph; see diagram()");
            return nothing(self.title(), &why);
        }
        let several = all.len() > 1;
        let drawn: Vec<(&Diagram, Drawn)> =
            all.into_iter().map(|(diagram, nodes)| (diagram, Drawn::of(nodes))).collect();
        let column = |d: &Drawn| (d.layout.width + 2.0 * MARGIN).max(260.0);
        let full: f64 = drawn.iter().map(|(_, d)| column(d)).sum::<f64>().max(300.0);
        let mut svg = Svg::default();
        svg.text((16.0, 26.0), self.title(), Font::TITLE, Anchor::Start, full - 32.0);
        let mut top = 44.0;
        if several {
            let mut left = 0.0;
            for (diagram, d) in &drawn {
                let name = if diagram.title.is_empty() { "network" } else { &diagram.title };
                let room = column(d) - 24.0;
                svg.text((left + 16.0, 48.0), name, NAME.bold(), Anchor::Start, room);
                left += column(d);
            }
            top += 20.0;
            if marks.iter().flatten().any(|m| *m) {
                let edge = format!(r#"stroke="{FAIL}" stroke-width="2" stroke-dasharray="5 3""#);
                svg.rect((16.0, 56.0, 22.0, 12.0), 4.0, CARD, &edge);
                svg.text((44.0, 66.0), "only here", Font::NOTE, Anchor::Start, 120.0);
                top += 18.0;
            }
        }
        let height = drawn.iter().map(|(_, d)| d.height()).fold(0.0, f64::max);
        let (mut left, mut bottom) = (0.0, top + height);
        for (diagram, d) in &drawn {
            let spare = column(d) - d.layout.width;
            d.draw(&mut svg, (left + spare / 2.0, top));
            let font = NAME.bold().fill(INK);
            let room = column(d) - 32.0;
            let mut y = top + height + 12.0;
            for line in wrap(&diagram.total, font, room).into_iter().filter(|l| !l.is_empty()) {
                y += 16.0;
                svg.text((left + 16.0, y), &line, font, Anchor::Start, room + 2.0);
            }
            bottom = f64::max(bottom, y + 8.0);
            left += column(d);
        }
        let said: Vec<String> = (drawn.iter())
            .map(|(d, _)| format!("{}. {}", plural(d.rows.len(), "layer"), d.total))
            .collect();
        svg.finish((full, bottom + 6.0), full, self.title(), &said.join(" "))
    }

    fn plain(&self) -> String {
        let marks = self.marks();
        let mut out = String::new();
        for (diagram, marks) in self.networks.iter().zip(marks) {
            let mut listed = diagram.clone();
            if self.networks.len() == 1 && !self.title.is_empty() {
                listed.title.clone_from(&self.title);
            }
            let differs = marks.iter().any(|m| *m);
            for (row, _) in listed.rows.iter_mut().zip(marks).filter(|(_, marked)| *marked) {
                row.name = format!("≠ {}", row.name);
            }
            if differs {
                listed.title = format!("≠: only here. {}", listed.title).trim_end().to_string();
            }
            if !out.is_empty() {
                out.push('\n');
            }
            out += &listed.plain();
        }
        if out.is_empty() { Diagram::default().plain() } else { out }
    }
}

/// Two cells of NAS-Bench-201 that differ in two edges.
pub(super) fn example() -> NetworkGraph {
    let cell = |title: &str, a: &str, b: &str| {
        let conv = |size: u32| format!("conv 16, {size}×{size}");
        let layers: Vec<(String, &str, &[usize], &str)> = vec![
            ("input".into(), "", &[], "input"),
            (conv(3), "448", &[0], "conv"),
            ("batch norm".into(), "32", &[1], "norm"),
            (a.into(), if a.starts_with("conv") { "2.3 k" } else { "" }, &[2], kind(a)),
            (conv(1), "272", &[2], "conv"),
            ("avg pool 3×3".into(), "", &[3], "pool"),
            ("add".into(), "", &[4, 5], "add"),
            (b.into(), if b.starts_with("conv") { "2.3 k" } else { "" }, &[2], kind(b)),
            ("add".into(), "", &[6, 7], "add"),
            ("global average pool".into(), "", &[8], "pool"),
            ("linear 10".into(), "170", &[9], "head"),
        ];
        let rows = layers.into_iter().enumerate().map(|(id, (name, params, inputs, kind))| {
            let shape = ["3×32×32", "16×32×32", "16", "10"][match id {
                0 => 0,
                1..=8 => 1,
                9 => 2,
                _ => 3,
            }];
            let (shape, params, kind) = (shape.into(), params.into(), kind.into());
            DiagramRow { id, name, shape, params, inputs: inputs.to_vec(), kind }
        });
        let total = "about 3 k parameters".to_string();
        Diagram { title: title.into(), rows: rows.collect(), total }
    };
    fn kind(name: &str) -> &'static str {
        if name.starts_with("conv") { "conv" } else { "pool" }
    }
    NetworkGraph {
        title: "Two cells".into(),
        networks: vec![
            cell("trial 7", "conv 16, 3×3", "avg pool 3×3"),
            cell("trial 19", "conv 16, 3×3", "conv 16, 3×3"),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    fn chain(names: &[&str]) -> Vec<DiagramRow> {
        let row = |(id, name): (usize, &&str)| DiagramRow {
            id,
            name: (*name).into(),
            shape: "8".into(),
            inputs: id.checked_sub(1).into_iter().collect(),
            kind: if *name == "relu" { "activation" } else { "conv" }.into(),
            ..DiagramRow::default()
        };
        names.iter().enumerate().map(row).collect()
    }

    #[test]
    fn what_only_follows_stands_in_the_node_before() {
        let rows = chain(&["conv", "relu", "conv", "relu"]);
        let all = nodes(&rows, &[false, false, false, true]);
        assert_eq!(all.len(), 2);
        assert_eq!((all[0].then.clone(), all[0].only_here), (vec!["relu".to_string()], false));
        assert_eq!((all[1].inputs.clone(), all[1].only_here), (vec![0], true));
        // Where something else takes the layer as well, it has a node of its own.
        let mut forked = rows;
        forked[3].inputs = vec![2, 0];
        forked[3].kind = "add".into();
        assert_eq!(nodes(&forked, &[]).len(), 4);
    }

    #[test]
    fn repeated_blocks_are_drawn_once() {
        let names: Vec<&str> =
            ["stem"].into_iter().chain(["a", "b"].repeat(40)).chain(["head"]).collect();
        let all = folded(nodes(&chain(&names), &[]));
        let found: Vec<&str> = all.iter().map(|node| &node.name[..]).collect();
        assert_eq!(found, ["stem", "a", "b", "head"]);
        assert_eq!(all[2].times, Some((40, 2)));
        assert_eq!(all[3].inputs, [2]);
        // Residual blocks: a skip inside of each.
        let mut rows = chain(&vec!["conv"; 91]);
        for end in (3..91).step_by(3) {
            rows[end].name = "add".into();
            rows[end].inputs.push(end - 3);
        }
        let all = folded(nodes(&rows, &[]));
        assert!(all.len() <= 6, "{}", all.len());
        assert!(
            all.iter().any(|node| node.times.is_some_and(|(times, part)| times > 20 && part == 3))
        );
        // A small one stays as it is.
        assert_eq!(folded(nodes(&chain(&["a"; 50]), &[])).len(), 50);
    }

    #[test]
    fn what_differs_is_what_only_one_has() {
        let (a, b) = (chain(&["x", "y", "z"]), chain(&["x", "z", "w"]));
        assert_eq!(differing(&a, &b), (vec![false, true, false], vec![false, false, true]));
        assert_eq!(differing(&a, &a), (vec![false; 3], vec![false; 3]));
        assert_eq!(differing(&a, &[]), (vec![true; 3], vec![]));
    }

    #[test]
    fn degenerate_data_are_drawn() {
        let net = |inputs: Vec<Vec<usize>>| {
            let row = |(id, inputs)| DiagramRow {
                id,
                name: format!("layer {id}"),
                inputs,
                ..DiagramRow::default()
            };
            let rows = inputs.into_iter().enumerate().map(row).collect();
            Diagram { rows, ..Diagram::default() }
        };
        let mut long = Diagram { rows: chain(&["conv", "pool"]), ..Diagram::default() };
        long.rows.iter_mut().for_each(|r| {
            (r.name, r.shape, r.params) = ("conv & <".repeat(40), "1×".repeat(90), "9".repeat(60));
        });
        (long.title, long.total) = ("t ".repeat(300), "total ".repeat(99));
        let of = |networks: Vec<Diagram>| NetworkGraph { title: "t".into(), networks };
        let cases = [
            NetworkGraph::default(),
            of(vec![Diagram::default()]),
            of(vec![net(vec![vec![]])]),
            of(vec![net(vec![vec![0, 7, 99], vec![1], vec![0, 0, 0]])]),
            of(vec![net((0..30).map(|i| (0..i).collect()).collect()), long.clone()]),
            of(vec![long.clone(), long.clone(), Diagram::default()]),
            of(vec![Diagram { rows: vec![DiagramRow::default(); 900], ..Diagram::default() }]),
            example(),
        ];
        cases.iter().for_each(check::chart);
    }
}
