//! The cell of a differentiable search as a graph. Nodes stand one below the other; an edge is a ribbon
//! with a stripe for every option, as wide as the option's weight. At first all stripes are equally
//! wide; where one fills its ribbon, the edge is decided. What the derived cell keeps is labelled, and
//! the rest is pale. Recorded over a search, the picture moves: an animation of SVG itself, which ends
//! on the last frame, rests there, and begins anew. Where it does not run, the last frame is seen.
//!
//! Edges between neighbours run straight down. The others are arcs on both sides, so that few cross
//! (an embedding in two pages of a book): each is put where it crosses fewer, as long as that helps.

use super::Draw;
use super::frontier::{Area, around};
use super::lines::{LABEL, remarks};
use super::plain::{COLUMNS, fit, heading, spark, table};
use super::plot::{Key, Sample, head, legend};
use super::svg::{Anchor, SHOWN, Svg, WIDTH, n, nothing};
use super::theme::{BORDER, CARD, FAINT, Font, INK, MUTED, colour, elide, width};
use crate::words::{plural, score, usable};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The weights of the options on every edge of a cell, as a search goes on.
///
/// ```
/// use nascent::chart::{CellWeights, Chart, WeightedEdge};
/// let edge = WeightedEdge {
///     from: 0,
///     to: 1,
///     options: vec!["skip".into(), "conv 3x3".into()],
///     frames: vec![vec![0.5, 0.5], vec![0.1, 0.9]],
///     kept: vec![1],
/// };
/// let chart = Chart::new(CellWeights {
///     shown: "epoch 50".into(),
///     nodes: vec!["input".into(), "output".into()],
///     edges: vec![edge],
///     frames: vec!["epoch 1".into(), "epoch 50".into()],
/// });
/// assert!(chart.svg().contains("<animate"));
/// assert!(chart.plain().contains("conv 3x3"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CellWeights {
    /// What is shown: `DARTS, normal cell`.
    pub shown: String,
    /// The names of the nodes, inputs before those that use them.
    pub nodes: Vec<String>,
    /// The edges. One without options is a fixed connection, drawn as a thin line.
    pub edges: Vec<WeightedEdge>,
    /// The names of the frames, such as `epoch 3`. With several, the picture is an animation.
    pub frames: Vec<String>,
}

/// One edge of [`CellWeights`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WeightedEdge {
    /// The place in `nodes` of the one that it comes from.
    pub from: usize,
    /// The place in `nodes` of the one that it goes to.
    pub to: usize,
    /// The names of the options.
    pub options: Vec<String>,
    /// `frames[t][o]` is the weight of option `o` in frame `t`, 0 or more. The weights need not sum to 1.
    pub frames: Vec<Vec<f64>>,
    /// The options that the derived cell has here, as places in `options`; none if it is without this
    /// edge.
    pub kept: Vec<usize>,
}

const TITLE: &str = "Weights of the cell";
const WHY: &str = "no edge has weights";
/// What is drawn at most: nodes, edges, options of an edge, frames, and values in all of these.
const NODES: usize = 24;
const EDGES: usize = 90;
const OPTIONS: usize = 12;
const FRAMES: usize = 12;
const VALUES: usize = 1400;
/// Options that are named in the legend.
const NAMED: usize = 12;
/// Options that keep nothing, by the names that are usual for them: they are grey.
const EMPTY: [&str; 4] = ["none", "zero", "zeroize", "noise"];
const GREY: &str = "#C3C8CC";
const SMALL: Font = Font { size: 9.5, fill: INK, bold: true, mono: false };
/// How opaque an edge is that the derived cell does not have.
const PALE: f64 = 0.28;

/// An edge as it is drawn: its weights as shares of the largest sum on any edge.
struct Ribbon<'a> {
    edge: &'a WeightedEdge,
    /// By frame that is drawn, and option.
    shares: Vec<Vec<f64>>,
    /// The options that are drawn.
    options: Vec<usize>,
    side: Side,
    /// How far out it lies among the arcs of its side.
    lane: usize,
    /// Where it begins and ends, above and below.
    ends: (f64, f64),
}

#[derive(Clone, Copy, PartialEq)]
enum Side {
    Straight,
    Left,
    Right,
}

impl WeightedEdge {
    fn span(&self) -> (usize, usize) {
        (self.from.min(self.to), self.from.max(self.to))
    }

    /// The weight of an option in a frame, or in the last one before it; 0 if it cannot be drawn.
    fn weight(&self, frame: usize, option: usize) -> f64 {
        let row = self.frames.get(frame).or(self.frames.last());
        let weight = row.and_then(|r| r.get(option)).copied().filter(|w| usable(*w));
        weight.unwrap_or(0.0).max(0.0)
    }

    fn keeps(&self, option: usize) -> bool {
        self.kept.contains(&option)
    }

    /// The options with their last weights, the strongest first.
    fn ranked(&self) -> Vec<(usize, f64)> {
        let last = self.frames.len().saturating_sub(1);
        let mut all: Vec<_> = (0..self.options.len()).map(|o| (o, self.weight(last, o))).collect();
        all.sort_by(|a, b| b.1.total_cmp(&a.1));
        all
    }
}

/// The options of all edges by name, in the order in which they come first, with their colours.
struct Shades {
    order: Vec<String>,
    looks: BTreeMap<String, (&'static str, f64)>,
}

impl Shades {
    fn of(edges: &[&WeightedEdge]) -> Shades {
        let (mut order, mut looks) = (vec![], BTreeMap::new());
        let mut next = 0;
        for name in edges.iter().flat_map(|e| &e.options) {
            if looks.contains_key(name) {
                continue;
            }
            let look = match EMPTY.contains(&name.trim()) {
                true => (GREY, 1.0),
                false => {
                    next += 1;
                    // From the ninth on, colours are repeated, paler.
                    (colour(next - 1), if next <= 8 { 0.88 } else { 0.45 })
                }
            };
            looks.insert(name.clone(), look);
            order.push(name.clone());
        }
        Shades { order, looks }
    }

    fn get(&self, name: &str) -> (&'static str, f64) {
        self.looks.get(name).copied().unwrap_or((FAINT, 1.0))
    }
}

/// How long frames take: the share of the time that passes before the last one, and all of it.
fn timing(frames: usize) -> (f64, f64) {
    let run = (frames as f64 * 0.45).clamp(1.5, 6.0);
    (run / (run + 3.0), run + 3.0)
}

/// A number with two decimals at most.
fn fine(v: f64) -> String {
    let rounded = (v * 100.0).round() / 100.0;
    if rounded == 0.0 { "0".into() } else { format!("{rounded}") }
}

/// The key times of frames at equal distances, and of the rest at the end.
fn times(frames: usize) -> String {
    let (moving, _) = timing(frames);
    let at = |i: usize| format!("{:.3}", moving * i as f64 / (frames - 1).max(1) as f64);
    (0..frames).map(at).chain(["1".to_string()]).collect::<Vec<_>>().join(";")
}

/// An animation of an attribute through values, one per frame, the last of which stays; nothing if it
/// does not change.
fn animate(attribute: &str, values: &[String]) -> String {
    let (Some(first), Some(last)) = (values.first(), values.last()) else { return String::new() };
    if values.iter().all(|v| v == first) {
        return String::new();
    }
    let (times, (_, seconds)) = (times(values.len()), timing(values.len()));
    let values = values.join(";");
    format!(
        r#"<animate attributeName="{attribute}" values="{values};{last}" keyTimes="{times}" dur="{}s" repeatCount="indefinite"/>"#,
        n(seconds)
    )
}

/// An animation of what is seen in one frame only: opaque in it and else not. The last one rests.
fn flash(i: usize, frames: usize) -> String {
    let (moving, seconds) = timing(frames);
    let at = |i: f64| format!("{:.3}", moving * i / (frames - 1).max(1) as f64);
    // Each is seen from half a step before its time to half a step after it.
    let (from, to) = (at(i as f64 - 0.5), at(i as f64 + 0.5));
    let (values, times) = match i {
        0 => ("1;0".to_string(), format!("0;{to}")),
        i if i + 1 == frames => ("0;1".to_string(), format!("0;{}", at(i as f64))),
        _ => ("0;1;0".to_string(), format!("0;{from};{to}")),
    };
    format!(
        r#"<animate attributeName="opacity" calcMode="discrete" values="{values}" keyTimes="{times}" dur="{}s" repeatCount="indefinite"/>"#,
        n(seconds)
    )
}

/// An animation of opacity that moves from one value to another when the last frame is reached.
fn settle(frames: usize, from: f64, to: f64) -> String {
    let (moving, seconds) = timing(frames);
    let (a, b) = (format!("{moving:.3}"), format!("{:.3}", (moving + 0.06).min(0.999)));
    format!(
        r#"<animate attributeName="opacity" values="{from};{from};{to};{to}" keyTimes="0;{a};{b};1" dur="{}s" repeatCount="indefinite"/>"#,
        n(seconds)
    )
}

/// Whether two arcs on the same side cross: one begins within the other and ends outside.
fn cross(a: (usize, usize), b: (usize, usize)) -> bool {
    (a.0 < b.0 && b.0 < a.1 && a.1 < b.1) || (b.0 < a.0 && a.0 < b.1 && b.1 < a.1)
}

/// The side of each edge: the first between neighbours is straight, and the others are put where they
/// cross fewer. `heavy` are ribbons, whose crossings count more than those of thin lines.
fn sides(spans: &[(usize, usize)], heavy: &[bool]) -> Vec<Side> {
    let mut sides = vec![Side::Straight; spans.len()];
    let (mut taken, mut arcs) = (std::collections::BTreeSet::new(), vec![]);
    for (i, span) in spans.iter().enumerate() {
        if span.1 > span.0 + 1 || !taken.insert(span.0) {
            arcs.push(i);
        }
    }
    let weigh = |i: usize, j: usize| if heavy[i] && heavy[j] { 5 } else { 1 };
    let cost = |sides: &[Side], i: usize, side: Side| -> (usize, usize) {
        let with = || arcs.iter().copied().filter(|&j| j != i && sides[j] == side);
        let crossed = with().filter(|&j| cross(spans[i], spans[j])).map(|j| weigh(i, j)).sum();
        let over = with().filter(|&j| spans[i].0 < spans[j].1 && spans[j].0 < spans[i].1).count();
        (crossed, over)
    };
    let all = |sides: &[Side]| -> usize { arcs.iter().map(|&i| cost(sides, i, sides[i]).0).sum() };
    let mut best: Option<(usize, Vec<Side>)> = None;
    // From several beginnings, each arc where it crosses fewer, until none is better elsewhere.
    for begin in 0..if arcs.len() > 40 { 4 } else { 48 } {
        for (k, &i) in arcs.iter().enumerate() {
            let right = (k * (2 * begin + 1) + k * k * begin / 3) / 2 % 2 == 1;
            sides[i] = if right { Side::Right } else { Side::Left };
        }
        for _ in 0..12 {
            let mut moved = false;
            for &i in &arcs {
                let there = if sides[i] == Side::Left { Side::Right } else { Side::Left };
                if cost(&sides, i, there) < cost(&sides, i, sides[i]) {
                    (sides[i], moved) = (there, true);
                }
            }
            if !moved {
                break;
            }
        }
        let crossed = all(&sides);
        if best.as_ref().is_none_or(|b| crossed < b.0) {
            best = Some((crossed, sides.clone()));
        }
    }
    best.map_or(sides, |b| b.1)
}

/// How far out each arc lies: outside of all shorter ones beside it.
fn lanes(spans: &[(usize, usize)], sides: &[Side]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..spans.len()).filter(|i| sides[*i] != Side::Straight).collect();
    order.sort_by_key(|&i| (spans[i].1 - spans[i].0, spans[i].0));
    let mut lanes = vec![0; spans.len()];
    for (k, &i) in order.iter().enumerate() {
        let beside = order[..k].iter().filter(|&&j| {
            sides[j] == sides[i] && spans[j].0 < spans[i].1 && spans[i].0 < spans[j].1
        });
        lanes[i] = beside.map(|&j| lanes[j] + 1).max().unwrap_or(0);
    }
    lanes
}

/// Where the nodes lie, and how wide ribbons are.
struct Layout {
    /// Top and height of every node.
    nodes: Vec<(f64, f64)>,
    half: f64,
    wide: f64,
    /// How far the outermost arc is from the middle, and how many lanes there are.
    reach: f64,
    lanes: usize,
    bottom: f64,
}

const MIDDLE: f64 = WIDTH / 2.0;

impl CellWeights {
    /// The edges that can be drawn.
    fn drawn(&self) -> Vec<&WeightedEdge> {
        let nodes = self.nodes.len().min(NODES);
        let can = |e: &&WeightedEdge| e.from < nodes && e.to < nodes && e.from != e.to;
        self.edges.iter().filter(can).take(EDGES).collect()
    }

    fn has_weights(edges: &[&WeightedEdge]) -> bool {
        edges.iter().any(|e| e.frames.iter().flatten().any(|w| usable(*w) && *w > 0.0))
    }

    /// The frames that are drawn.
    fn times(&self, edges: &[&WeightedEdge]) -> Vec<usize> {
        let all = edges.iter().map(|e| e.frames.len()).max().unwrap_or(0);
        let options: usize = edges.iter().map(|e| e.options.len().min(OPTIONS)).sum();
        let most = (VALUES / options.max(1)).clamp(2, FRAMES);
        let last = all.saturating_sub(1);
        match all <= most {
            true => (0..all.max(1)).collect(),
            false => (0..most).map(|i| (i * last) / (most - 1)).collect(),
        }
    }

    fn frame_name(&self, i: usize) -> String {
        self.frames.get(i).cloned().unwrap_or_else(|| format!("frame {}", i + 1))
    }

    fn ribbons<'a>(edges: &[&'a WeightedEdge], times: &[usize]) -> Vec<Ribbon<'a>> {
        let weights = edges.iter().map(|e| {
            times.iter().map(|&t| (0..e.options.len()).map(|o| e.weight(t, o)).collect()).collect()
        });
        let weights: Vec<Vec<Vec<f64>>> = weights.collect();
        // As shares of the largest, because their sum is always finite.
        let most = weights.iter().flatten().flatten().copied().fold(0.0, f64::max);
        let part = |w: f64| if most > 0.0 { w / most } else { 0.0 };
        let sum = |row: &Vec<f64>| row.iter().map(|w| part(*w)).sum::<f64>();
        let full = weights.iter().flatten().map(sum).fold(0.0, f64::max);
        let spans: Vec<(usize, usize)> = edges.iter().map(|e| e.span()).collect();
        let heavy: Vec<bool> = edges.iter().map(|e| !e.options.is_empty()).collect();
        let sides = sides(&spans, &heavy);
        let lanes = lanes(&spans, &sides);
        let all = edges.iter().zip(weights).zip(sides.into_iter().zip(lanes));
        all.map(|((edge, rows), (side, lane))| {
            let share = |w: &f64| if full > 0.0 { part(*w) / full } else { 0.0 };
            let shares: Vec<Vec<f64>> =
                rows.iter().map(|row| row.iter().map(share).collect()).collect();
            let mut options: Vec<usize> =
                edge.ranked().into_iter().take(OPTIONS).map(|o| o.0).collect();
            options.sort_unstable();
            Ribbon { edge, shares, options, side, lane, ends: (0.0, 0.0) }
        })
        .collect()
    }

    fn layout(&self, ribbons: &mut [Ribbon], top: f64) -> Layout {
        let count = self.nodes.len().min(NODES);
        let weighted = ribbons.iter().filter(|r| !r.edge.options.is_empty()).count();
        let wide = match weighted {
            0..=7 => 15.0,
            8..=18 => 11.0,
            19..=40 => 6.0,
            _ => 3.5,
        };
        let thick = |r: &Ribbon| if r.edge.options.is_empty() { 3.0 } else { wide + 2.0 };
        // What meets a side of a node, from top to bottom: what comes from above, the short arcs first,
        // and then what goes further down, the long ones first.
        let mut ports: Vec<[Vec<(usize, bool)>; 2]> = vec![[vec![], vec![]]; count];
        for (i, r) in ribbons.iter().enumerate() {
            let page = match r.side {
                Side::Straight => continue,
                Side::Left => 0,
                Side::Right => 1,
            };
            let (a, b) = r.edge.span();
            ports[a][page].push((i, false));
            ports[b][page].push((i, true));
        }
        let long = |i: usize| ribbons[i].lane as isize;
        for list in ports.iter_mut().flatten() {
            list.sort_by_key(|&(i, ends)| (!ends, if ends { long(i) } else { -long(i) }, i));
        }
        let needs = |list: &Vec<(usize, bool)>| list.iter().map(|p| thick(&ribbons[p.0])).sum();
        let gap = if count <= 5 { 44.0 } else { 34.0 };
        let (mut y, mut nodes, mut ends) = (top, vec![], vec![(0.0, 0.0); ribbons.len()]);
        for pair in &ports {
            let high = pair.iter().map(needs).fold(20.0, f64::max) + 2.0;
            for list in pair {
                let all: f64 = needs(list);
                let mut at = y + high / 2.0 - all / 2.0;
                for &(i, below) in list {
                    let middle = at + thick(&ribbons[i]) / 2.0;
                    if below {
                        ends[i].1 = middle;
                    } else {
                        ends[i].0 = middle;
                    }
                    at += thick(&ribbons[i]);
                }
            }
            nodes.push((y, high));
            y += high + gap;
        }
        for (r, end) in ribbons.iter_mut().zip(ends) {
            let (a, b) = r.edge.span();
            r.ends = match r.side {
                Side::Straight => (nodes[a].0 + nodes[a].1, nodes[b].0),
                _ => end,
            };
        }
        let names = self.nodes.iter().take(count);
        let named = names.map(|name| width(name, LABEL.bold())).fold(0.0, f64::max);
        let half = (named / 2.0 + 8.0).clamp(18.0, 46.0);
        let lanes = ribbons.iter().filter(|r| r.side != Side::Straight).map(|r| r.lane + 1).max();
        let lanes = lanes.unwrap_or(0);
        let most = MIDDLE - 16.0 - wide / 2.0;
        let reach = (half + 34.0 + lanes as f64 * 46.0).min(most);
        Layout { nodes, half, wide, reach, lanes, bottom: y - gap }
    }

    /// An edge in words.
    fn says(&self, edge: &WeightedEdge) -> String {
        let name = |i: usize| fit(self.nodes.get(i).map_or("", String::as_str), 60);
        let mut all: Vec<String> = vec![];
        for &(o, w) in edge.ranked().iter().take(OPTIONS) {
            let kept = if edge.keeps(o) { " (kept)" } else { "" };
            all.push(format!("{} {}{kept}", fit(&edge.options[o], 60), weight(w)));
        }
        let all = if all.is_empty() { "fixed".into() } else { all.join(", ") };
        format!("{} → {}: {all}", name(edge.from), name(edge.to))
    }

    /// What is not drawn.
    fn left_out(&self, edges: usize) -> String {
        let nodes = self.nodes.len().saturating_sub(NODES);
        match (nodes, self.edges.len() - edges) {
            (0, 0) => String::new(),
            (0, n) => format!("{} not drawn", plural(n, "edge")),
            (m, n) => format!("{} and {} not drawn", plural(m, "node"), plural(n, "edge")),
        }
    }

    fn describe(&self, edges: &[&WeightedEdge]) -> String {
        let said = edges.iter().filter(|e| !e.options.is_empty()).take(40).map(|e| self.says(e));
        let said: String = said.collect::<Vec<_>>().join("; ").chars().take(4000).collect();
        format!("{TITLE}. {}. {said}", self.shown)
    }
}

/// A weight in words: as a share if it can be one.
fn weight(w: f64) -> String {
    if w <= 1.000_001 { format!("{:.0} %", w * 100.0) } else { score(w) }
}

impl Layout {
    /// How far an arc bulges from the middle.
    fn bulge(&self, lane: usize) -> f64 {
        let inner = self.half + 14.0 + self.wide / 2.0;
        let step = (self.reach - inner) / self.lanes.max(1) as f64;
        inner + step * (lane + 1) as f64
    }

    /// A point of the centre of a ribbon, from 0 at its begin to 1 at its end.
    fn point(&self, r: &Ribbon, t: f64) -> (f64, f64) {
        let (y0, y1) = r.ends;
        let out = match r.side {
            Side::Straight => return (MIDDLE, y0 + t * (y1 - y0)),
            Side::Left => -1.0,
            Side::Right => 1.0,
        };
        let bend = 3.0 * t * (1.0 - t) * (self.bulge(r.lane) - self.half) * 4.0 / 3.0;
        (MIDDLE + out * (self.half + bend), y0 + (3.0 - 2.0 * t) * t * t * (y1 - y0))
    }

    /// The path at a distance from the centre of a ribbon, outwards.
    fn curve(&self, r: &Ribbon, off: f64) -> String {
        let (y0, y1) = r.ends;
        let out = match r.side {
            Side::Straight => {
                let x = fine(MIDDLE + off);
                return format!("M{x} {}L{x} {}", fine(y0), fine(y1));
            }
            Side::Left => -1.0,
            Side::Right => 1.0,
        };
        let bend = (self.bulge(r.lane) - self.half + off) * 4.0 / 3.0;
        let (x, far) = (fine(MIDDLE + out * self.half), fine(MIDDLE + out * (self.half + bend)));
        let (y0, y1) = (fine(y0 - off), fine(y1 + off));
        format!("M{x} {y0}C{far} {y0} {far} {y1} {x} {y1}")
    }

    fn draw(&self, svg: &mut Svg, r: &Ribbon, shades: &Shades, derived: bool) {
        let frames = r.shares.len();
        let pale = derived && r.edge.kept.is_empty();
        if r.edge.options.is_empty() {
            svg.path(&self.curve(r, 0.0), FAINT, 1.4, "");
            return;
        }
        if pale {
            let moving = if frames > 1 { settle(frames, 1.0, PALE) } else { String::new() };
            svg.raw(&format!(r#"<g opacity="{PALE}">{moving}"#));
        }
        let total = |row: &Vec<f64>| r.options.iter().map(|&o| row[o]).sum::<f64>() * self.wide;
        let totals: Vec<f64> = r.shares.iter().map(total).collect();
        let full = totals.iter().copied().fold(0.0, f64::max);
        svg.path(&self.curve(r, 0.0), CARD, full + 2.6, "");
        if full < 0.3 {
            svg.path(&self.curve(r, 0.0), GREY, 0.8, r#"stroke-dasharray="2 2""#);
        }
        // Stripes side by side, from the inner edge to the outer one.
        let mut inner: Vec<f64> = totals.iter().map(|t| -t / 2.0).collect();
        for &o in &r.options {
            let wide: Vec<f64> = r.shares.iter().map(|row| row[o] * self.wide).collect();
            let at = |(w, i): (&f64, &f64)| self.curve(r, i + w / 2.0);
            let curves: Vec<String> = wide.iter().zip(&inner).map(at).collect();
            inner.iter_mut().zip(&wide).for_each(|(i, w)| *i += w);
            if wide.iter().all(|w| *w < 0.06) {
                continue;
            }
            let strokes: Vec<String> = wide.iter().map(|w| fine(*w)).collect();
            let (fill, alpha) = shades.get(&r.edge.options[o]);
            let (d, stroke) = (&curves[frames - 1], &strokes[frames - 1]);
            let moves = animate("d", &curves) + &animate("stroke-width", &strokes);
            let alpha = match alpha {
                1.0 => String::new(),
                alpha => format!(r#" stroke-opacity="{alpha}""#),
            };
            let look = format!(r#"d="{d}" fill="none" stroke="{fill}"{alpha}"#);
            svg.raw(&match moves.is_empty() {
                true => format!(r#"<path {look} stroke-width="{stroke}"/>"#),
                false => format!(r#"<path {look} stroke-width="{stroke}">{moves}</path>"#),
            });
        }
        if pale {
            svg.raw("</g>");
        }
    }

    fn draw_nodes(&self, svg: &mut Svg, names: &[String]) {
        for (name, (y, high)) in names.iter().zip(&self.nodes) {
            let edge = format!(r#"stroke="{BORDER}" stroke-width="1.2""#);
            svg.rect((MIDDLE - self.half, *y, 2.0 * self.half, *high), 5.0, "#EDF0F2", &edge);
            let at = (MIDDLE, y + high / 2.0 + 3.6);
            svg.text(at, name, LABEL.bold(), Anchor::Middle, 2.0 * self.half - 8.0);
        }
    }

    /// What the derived cell keeps on an edge, on its ribbon, where there is room: if possible where
    /// it hides no other ribbon.
    fn label(
        &self,
        svg: &mut Svg,
        r: &Ribbon,
        all: &[&Ribbon],
        look: &Shades,
        taken: &mut Vec<Area>,
    ) {
        let names = r.edge.kept.iter().filter_map(|&o| r.edge.options.get(o));
        let names: Vec<&str> = names.map(String::as_str).filter(|n| !n.trim().is_empty()).collect();
        let Some(first) = names.first() else { return };
        let text = elide(&names.join(" + "), SMALL, 118.0);
        let half = width(&text, SMALL) / 2.0 + 4.0;
        let overlap = |a: &Area, b: &Area| a.0 < b.2 && b.0 < a.2 && a.1 < b.3 && b.1 < a.3;
        let crowd: Vec<Area> = all
            .iter()
            .filter(|other| !std::ptr::eq(**other, r))
            .flat_map(|other| (1..24).map(|k| self.point(other, f64::from(k) / 24.0)))
            .map(|p| around(p, self.wide / 2.0))
            .collect();
        let mut best: Option<(f64, Area)> = None;
        for (k, t) in [0.5, 0.44, 0.56, 0.38, 0.62, 0.32, 0.68, 0.26, 0.74].iter().enumerate() {
            let (x, y) = self.point(r, *t);
            for (m, shift) in [0.0, 0.6, -0.6].iter().enumerate() {
                let x = (x + shift * half).clamp(8.0 + half, WIDTH - 8.0 - half);
                let area = (x - half, y - 7.0, x + half, y + 7.0);
                if taken.iter().any(|t| overlap(t, &area)) {
                    continue;
                }
                let hidden = crowd.iter().filter(|c| overlap(c, &area)).count();
                let cost = hidden as f64 + 0.3 * k as f64 + 0.5 * m as f64;
                if best.is_none_or(|b| cost < b.0) {
                    best = Some((cost, area));
                }
            }
        }
        let Some((_, (x0, y0, x1, y1))) = best else { return };
        taken.push((x0 - 2.0, y0 - 1.0, x1 + 2.0, y1 + 1.0));
        let frames = r.shares.len();
        let moving = if frames > 1 { settle(frames, 0.0, 1.0) } else { String::new() };
        let (fill, _) = look.get(first);
        let (x, y, w, h) = (n(x0), n(y0), n(x1 - x0), n(y1 - y0));
        svg.raw(&format!(
            r#"<rect x="{x}" y="{y}" width="{w}" height="{h}" rx="4" fill="{CARD}" stroke="{fill}" stroke-width="1.3">{moving}</rect>"#
        ));
        let at = ((x0 + x1) / 2.0, y1 - 3.6);
        svg.text(at, &text, SMALL, Anchor::Middle, 2.0 * half);
        svg.animate_text(&moving, false);
    }
}

/// The time line below the cell: where the search is, and the name of the frame.
fn time_line(svg: &mut Svg, names: &[String], y: f64) {
    let font = Font::TEXT.bold().size(11.0);
    let widest = names.iter().map(|name| width(name, font)).fold(0.0, f64::max).min(150.0);
    let (left, right) = (20.0, WIDTH - 16.0 - widest - 12.0);
    let frames = names.len();
    svg.line((left, y), (right, y), BORDER, 3.0);
    let at = |i: usize| left + (right - left) * i as f64 / (frames - 1).max(1) as f64;
    let xs: Vec<String> = (0..frames).map(|i| n(at(i))).collect();
    svg.raw(&format!(
        r#"<circle cx="{}" cy="{}" r="5" fill="{MUTED}">{}</circle>"#,
        n(right),
        n(y),
        animate("cx", &xs)
    ));
    for (i, name) in names.iter().enumerate() {
        svg.text((right + 12.0, y + 4.0), name, font, Anchor::Start, widest + 1.0);
        svg.animate_text(&flash(i, frames), i + 1 < frames);
    }
}

impl Draw for CellWeights {
    fn svg(&self) -> String {
        let edges = self.drawn();
        if !Self::has_weights(&edges) {
            return nothing(TITLE, WHY);
        }
        let times = self.times(&edges);
        let mut ribbons = Self::ribbons(&edges, &times);
        let shades = Shades::of(&edges);
        let derived = ribbons.iter().any(|r| !r.edge.kept.is_empty());
        let mut svg = Svg::default();
        let how = if derived { "labelled: the derived cell" } else { "" };
        let frame = match (times.len(), self.frames.first()) {
            (1, Some(name)) => name,
            _ => "",
        };
        let note = remarks(&[&self.shown, frame, how, &self.left_out(edges.len())]);
        let end = head(&mut svg, TITLE, &note);
        let mut keys: Vec<Key> = vec![];
        for name in shades.order.iter().filter(|n| !n.trim().is_empty()).take(NAMED) {
            let (fill, alpha) = shades.get(name);
            keys.push(Key::new(fill, Sample::Area(alpha), name.replace('\n', " ")));
        }
        if shades.order.len() > NAMED {
            let more = format!("and {} more", shades.order.len() - NAMED);
            keys.push(Key::new(CARD, Sample::Area(0.0), more));
        }
        let top = legend(&mut svg, &keys, end) + 6.0;
        let layout = self.layout(&mut ribbons, top);
        // Long arcs below short ones, and below all of them what the derived cell does not have.
        let depth = |r: &Ribbon| {
            (!r.edge.kept.is_empty(), r.side == Side::Straight, std::cmp::Reverse(r.lane))
        };
        let mut order: Vec<&Ribbon> = ribbons.iter().collect();
        order.sort_by_key(|r| (!r.edge.options.is_empty(), depth(r)));
        order.iter().for_each(|r| layout.draw(&mut svg, r, &shades, derived));
        layout.draw_nodes(&mut svg, &self.nodes);
        let boxes = layout.nodes.iter();
        let boxes = boxes.map(|(y, h)| (MIDDLE - layout.half, *y, MIDDLE + layout.half, y + h));
        let mut taken: Vec<Area> = boxes.collect();
        for r in order.iter().rev() {
            layout.label(&mut svg, r, &order, &shades, &mut taken);
        }
        for r in ribbons.iter().filter(|r| !r.edge.options.is_empty()).take(60) {
            let says = self.says(r.edge);
            for t in [0.2, 0.35, 0.5, 0.65, 0.8] {
                let (x0, y0, x1, y1) = around(layout.point(r, t), layout.wide / 2.0 + 2.0);
                svg.tip((x0, y0, x1 - x0, y1 - y0), &says);
            }
        }
        let mut height = layout.bottom + 16.0;
        if times.len() > 1 {
            let names: Vec<String> = times.iter().map(|&t| self.frame_name(t)).collect();
            time_line(&mut svg, &names, layout.bottom + 24.0);
            height += 24.0;
        }
        svg.finish((WIDTH, height), SHOWN, TITLE, &self.describe(&edges))
    }

    fn plain(&self) -> String {
        let edges = self.drawn();
        if !Self::has_weights(&edges) {
            return format!("{TITLE}\nnothing to draw yet: {WHY}\n");
        }
        let name = |i: usize| fit(self.nodes.get(i).map_or("", String::as_str), 12);
        let frames = edges.iter().map(|e| e.frames.len()).max().unwrap_or(0);
        let moving = frames > 1;
        let mut heads = vec!["edge", "", "strongest", "weight"];
        if moving {
            heads.push("so far");
        }
        heads.push("next");
        let heads: Vec<String> = heads.into_iter().map(String::from).collect();
        let mut rows = vec![];
        for edge in edges.iter().filter(|e| !e.options.is_empty()) {
            // What is kept comes first, even if another option is stronger.
            let mut ranked = edge.ranked();
            ranked.sort_by_key(|o| !edge.keeps(o.0));
            let said = |&(o, w): &(usize, f64)| (fit(&edge.options[o], 16), weight(w));
            let Some((option, share)) = ranked.first().map(said) else { continue };
            let mark = if edge.kept.is_empty() { "" } else { "kept" };
            let mut row = vec![
                format!("{} → {}", name(edge.from), name(edge.to)),
                mark.to_string(),
                option,
                share,
            ];
            if moving {
                let o = ranked[0].0;
                let values: Vec<f64> = (0..frames).map(|t| edge.weight(t, o)).collect();
                let most = values.iter().copied().fold(1.0, f64::max);
                row.push(spark(&values, (0.0, most), 10));
            }
            let next = ranked.get(1).map(said);
            row.push(next.map_or(String::new(), |(name, share)| format!("{name} {share}")));
            rows.push(row);
        }
        let mut out = heading(TITLE, &self.shown) + &table(&heads, &rows);
        if moving {
            let (first, last) = (self.frame_name(0), self.frame_name(frames - 1));
            out += &(fit(&format!("so far: from {first} to {last}"), COLUMNS) + "\n");
        }
        let left = self.left_out(edges.len());
        if left.is_empty() { out } else { out + &fit(&left, COLUMNS) + "\n" }
    }
}

/// A made-up search for the normal cell of DARTS.
pub(super) fn example() -> CellWeights {
    let nodes = ["c k−2", "c k−1", "0", "1", "2", "3", "c k"];
    let options = [
        "none",
        "max_pool_3x3",
        "avg_pool_3x3",
        "skip_connect",
        "sep_conv_3x3",
        "sep_conv_5x5",
        "dil_conv_3x3",
        "dil_conv_5x5",
    ];
    let between = (2..6usize).flat_map(|to| (0..to).map(move |from| (from, to)));
    // The genotype of the paper, DARTS (V2), with two edges into every node.
    let genotype =
        [(0, 2, 4), (1, 2, 4), (0, 3, 4), (1, 3, 4), (1, 4, 4), (0, 4, 3), (0, 5, 3), (2, 5, 6)];
    let mut edges = searched(between, &options, &|from, to| {
        genotype.iter().find(|g| (g.0, g.1) == (from, to)).map(|g| g.2)
    });
    let fixed = |from| WeightedEdge { from, to: 6, ..WeightedEdge::default() };
    edges.extend((2..6).map(fixed));
    CellWeights {
        shown: "DARTS, normal cell; width: weight".into(),
        nodes: nodes.map(String::from).to_vec(),
        edges,
        frames: (1..=50).map(|e| format!("epoch {e}")).collect(),
    }
}

/// Made-up weights over fifty epochs; an edge without a kept option remains undecided.
fn searched(
    between: impl Iterator<Item = (usize, usize)>,
    options: &[&str],
    kept: &dyn Fn(usize, usize) -> Option<usize>,
) -> Vec<WeightedEdge> {
    let mut rng = crate::rng::Rng::from_u64(11);
    let mut edge = |(from, to): (usize, usize)| {
        let kept = kept(from, to);
        let pull: Vec<f64> = (0..options.len())
            .map(|o| if Some(o) == kept { 2.6 } else { rng.uniform() * 1.1 })
            .collect();
        let weights = |t: usize| -> Vec<f64> {
            let far = t as f64 / 49.0;
            let odds: Vec<f64> = pull
                .iter()
                .enumerate()
                .map(|(o, p)| (far * p + 0.25 * far * (t as f64 / 6.0 + o as f64).sin()).exp())
                .collect();
            let sum: f64 = odds.iter().sum();
            odds.iter().map(|o| o / sum).collect()
        };
        let options = options.iter().map(|o| o.to_string()).collect();
        let kept = kept.into_iter().collect();
        WeightedEdge { from, to, options, frames: (0..50).map(weights).collect(), kept }
    };
    between.map(&mut edge).collect()
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    /// The cell of NAS-Bench-201.
    fn small() -> CellWeights {
        let options = ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"];
        let between = (1..4usize).flat_map(|to| (0..to).map(move |from| (from, to)));
        CellWeights {
            shown: "GDAS on NAS-Bench-201; width: weight".into(),
            nodes: ["input", "1", "2", "output"].map(String::from).to_vec(),
            edges: searched(between, &options, &|a, b| Some([3, 3, 1, 2, 3, 0][a + b])),
            ..example()
        }
    }

    /// From, to, the weights of each frame, and what is kept.
    type Edge<'a> = (usize, usize, &'a [&'a [f64]], &'a [usize]);

    fn of(edges: &[Edge]) -> CellWeights {
        let edge = |&(from, to, frames, kept): &Edge| WeightedEdge {
            from,
            to,
            options: (0..frames.first().map_or(0, |f| f.len())).map(|o| format!("o{o}")).collect(),
            frames: frames.iter().map(|f| f.to_vec()).collect(),
            kept: kept.to_vec(),
        };
        CellWeights { edges: edges.iter().map(edge).collect(), ..example() }
    }

    /// `NASCENT_PICTURES=folder cargo test --lib small_cell -- --ignored` writes it.
    #[test]
    #[ignore = "writes a file for the eye"]
    fn small_cell_for_the_eye() {
        let folder = std::env::var("NASCENT_PICTURES").map(std::path::PathBuf::from);
        let folder = folder.unwrap_or_else(|_| std::env::temp_dir().join("nascent-pictures"));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("cell-weights-small.svg"), small().svg()).unwrap();
    }

    #[test]
    fn few_arcs_cross() {
        let crossings = |chart: &CellWeights, heavy: bool| {
            let edges = chart.drawn();
            let ribbons = CellWeights::ribbons(&edges, &[0]);
            let arcs: Vec<_> = ribbons
                .iter()
                .filter(|r| r.side != Side::Straight && !(heavy && r.edge.options.is_empty()))
                .collect();
            let pairs = arcs.iter().enumerate().flat_map(|(i, a)| {
                arcs[..i]
                    .iter()
                    .filter(move |b| a.side == b.side && cross(a.edge.span(), b.edge.span()))
            });
            pairs.count()
        };
        assert_eq!(crossings(&small(), false), 0);
        // Six points on a line, all joined, cannot be drawn on two sides with fewer than three.
        assert_eq!(crossings(&example(), true), 3);
        assert!(crossings(&example(), false) <= 8, "{}", crossings(&example(), false));
    }

    #[test]
    fn stripes_are_as_wide_as_weights() {
        let chart = of(&[(0, 1, &[&[1.0, 3.0]], &[]), (1, 2, &[&[f64::NAN, 2.0, -1.0]], &[])]);
        let edges = chart.drawn();
        let ribbons = CellWeights::ribbons(&edges, &chart.times(&edges));
        assert_eq!(ribbons[0].shares, [[0.25, 0.75]]);
        assert_eq!(ribbons[1].shares, [[0.0, 0.5, 0.0]]);
        let svg = chart.svg();
        assert!(svg.contains(r#"stroke-width="3.75"/>"#), "{svg}");
        assert!(svg.contains(r#"stroke-width="11.25"/>"#) && !svg.contains("<animate"));
    }

    #[test]
    fn at_rest_the_last_frame_is_seen() {
        let chart = of(&[(0, 1, &[&[0.5, 0.5], &[0.2, 0.8]], &[1])]);
        let svg = chart.svg();
        assert!(svg.contains(r#"stroke-width="12">"#), "{svg}");
        assert!(svg.contains(r#"values="7.5;12;12""#));
        // The name of the last frame is seen, and the others are not.
        assert!(svg.contains(">epoch 2<animate") && svg.contains(">o1<animate"));
        let tag = |name: &str| svg.split("<text").find(|t| t.contains(name)).unwrap().to_string();
        assert!(!tag(">epoch 2<").contains(r#" opacity="0""#));
        assert!(tag(">epoch 1<").contains(r#" opacity="0""#));
    }

    #[test]
    fn what_is_kept_is_labelled() {
        for chart in [small(), example()] {
            let svg = chart.svg();
            let all: usize = chart.edges.iter().map(|e| e.kept.len()).sum();
            let labels = svg.matches("<rect ").count() - svg.matches("transparent").count();
            assert!(labels >= all, "{labels} of {all}");
            let text = chart.plain();
            assert_eq!(text.matches(" kept ").count(), all, "{text}");
        }
    }

    #[test]
    fn degenerate_data_are_drawn() {
        let long = "a very long name & ".repeat(12);
        let mut named = example();
        named.nodes.iter_mut().for_each(|n| *n = long.clone());
        named.edges.iter_mut().flat_map(|e| &mut e.options).for_each(|o| *o = long.clone());
        (named.shown, named.frames) = (long.clone(), vec![long.clone(); 50]);
        let names = |n: usize| (0..n).map(|i| format!("node {i}")).collect::<Vec<_>>();
        let all = |n: usize| (0..n).flat_map(|b| (0..b).map(move |a| (a, b)));
        let dense = |n: usize| CellWeights {
            nodes: names(n),
            edges: searched(all(n), &["a", "b", "c"], &|a, b| Some((a + b) % 3)),
            ..example()
        };
        let wide: Vec<f64> = (0..100_000).map(f64::from).collect();
        let tall: Vec<&[f64]> = vec![&[0.5, 0.5]; 100_000];
        let same = (0, 1, &[&[1.0, 2.0][..]][..], &[0, 1][..]);
        let cases = [
            CellWeights::default(),
            CellWeights { nodes: vec![], ..example() },
            CellWeights { edges: vec![], ..example() },
            CellWeights { frames: vec![], ..example() },
            CellWeights { nodes: names(1), ..example() },
            CellWeights { nodes: names(100_000), ..example() },
            of(&[(0, 0, &[&[1.0]], &[0]), (0, 99, &[&[1.0]], &[0])]),
            of(&[(3, 1, &[&[1.0]], &[0, 7, 99]), (6, 0, &[&[0.0]], &[])]),
            of(&[(0, 1, &[&[0.0, 0.0]], &[0]), (0, 2, &[], &[]), (0, 3, &[&[]], &[])]),
            of(&[(0, 1, &[&[f64::NAN, f64::INFINITY, -1.0]], &[2])]),
            of(&[(0, 1, &[&[1e300, 1e300, f64::MAX], &[], &[1e-300, 0.0, 5e-324]], &[2])]),
            of(&[(0, 2, &[&wide], &[99_999]), (0, 3, &tall, &[])]),
            of(&vec![same; 100_000]),
            dense(4),
            dense(12),
            dense(30),
            small(),
            named,
        ];
        cases.iter().for_each(check::chart);
        for case in &cases {
            assert!(case.svg().len() < 300_000, "{}", case.svg().len());
        }
    }
}
