//! Where the parts of the picture of a search space lie: sizes only, from the leaves up. Every part is
//! laid out in the room that it is given and says how large it became; [`super::space_tree`] draws it.

use super::Family;
use super::layers::layout;
use super::space_node::{TreeNode, Wiring};
use super::theme::{Font, INK, elide, width, wrap};

/// How wide a drawing may be, in pixels: narrow, so that it is legible on a phone, or as wide as a
/// notebook where that makes it much lower.
pub(super) const ROOM: [f64; 2] = [580.0, 736.0];
/// The narrowest that alternatives are squeezed into, however deep they are nested.
pub(super) const LEAST: f64 = 200.0;
/// Deeper nesting is drawn as an ellipsis.
pub(super) const DEEPEST: usize = 16;
/// Between layers, for the arrow.
pub(super) const GAP: f64 = 18.0;
/// The radius of a node of a cell, the distance of two layers of nodes, and the most nodes that are drawn.
pub(super) const NODE: f64 = 10.5;
const STEP: f64 = 42.0;
const MOST_NODES: usize = 12;
/// Between alternatives.
pub(super) const BESIDE: f64 = 12.0;
/// The part of a frame's label that stands out above the frame.
pub(super) const OUT: f64 = 8.0;

pub(super) const LABEL: Font = Font { size: 10.5, fill: INK, bold: true, mono: false };
pub(super) const OPTION: Font = Font { size: 10.5, fill: INK, bold: false, mono: false };

/// A node with its size; `port` is where the arrow from above ends.
pub(super) struct Laid {
    pub w: f64,
    pub h: f64,
    pub port: f64,
    pub what: What,
    /// Parts and where they lie in it.
    pub parts: Vec<(f64, f64, Laid)>,
}

pub(super) enum What {
    Layer {
        text: Vec<String>,
        pills: Vec<Pill>,
        family: Family,
    },
    Stack {
        across: bool,
    },
    /// `or` holds the heights at which that word stands between alternatives in one column.
    Grid {
        or: Vec<f64>,
    },
    /// The nodes of a cell with their places, and its edges, each a line of places and whether it is open.
    Wiring {
        nodes: Vec<(String, (f64, f64))>,
        edges: Vec<(Vec<(f64, f64)>, bool)>,
    },
    /// A pale background under a sequence that is one of several alternatives.
    Panel,
    Frame(Frame),
}

pub(super) struct Pill {
    pub x: f64,
    pub y: f64,
    pub w: f64,
    pub name: String,
    pub options: String,
}

pub(super) struct Frame {
    pub label: String,
    pub colour: &'static str,
    pub dashed: bool,
    pub residual: bool,
    pub depth: usize,
}

/// `16 | 32`, or for long lists `16 … 256, 16 values`.
pub(super) fn options(values: &[String], room: f64) -> String {
    let all = values.join(" | ");
    match values {
        [first, .., last] if values.len() > 6 || width(&all, OPTION) > room => {
            let part = |text| elide(text, OPTION, room / 3.0);
            format!("{} … {}, {} values", part(first), part(last), values.len())
        }
        _ => all,
    }
}

fn layer(text: &str, choices: &[(String, Vec<String>)], family: Family, room: f64) -> Laid {
    let room = room.clamp(110.0, 250.0);
    let inner = room - 20.0;
    let mut text = wrap(text, Font::TEXT, inner);
    if text.len() > 2 {
        text = vec![text[0].clone(), text[1..].join(" ")];
    }
    let title = text.iter().map(|t| width(t, Font::TEXT).min(inner)).fold(0.0, f64::max);
    let mut pills: Vec<Pill> = vec![];
    let (mut x, mut y, mut widest) = (0.0, 10.0 + 14.0 * text.len() as f64, title);
    for (name, values) in choices {
        let name = elide(name, OPTION, inner * 0.45);
        let names = width(&name, OPTION);
        let values = options(values, inner - names - 22.0);
        let w = (names + width(&values, OPTION) + 20.0).min(inner);
        if x > 0.0 && x + w > inner {
            (x, y) = (0.0, y + 21.0);
        }
        pills.push(Pill { x: x + 10.0, y, w, name, options: values });
        x += w + 5.0;
        widest = f64::max(widest, x - 5.0);
    }
    let h = if pills.is_empty() { 12.0 + 14.0 * text.len() as f64 } else { y + 17.0 + 8.0 };
    let (w, what) = ((widest + 20.0).max(64.0), What::Layer { text, pills, family });
    Laid { w, h, port: 0.0, what, parts: vec![] }
}

/// Parts one below another, or beside each other where `across`.
pub(super) fn stack(parts: Vec<Laid>, across: bool) -> Laid {
    let long = |p: &Laid| if across { p.w } else { p.h };
    let thick = |p: &Laid| if across { p.h } else { p.w };
    let breadth = parts.iter().map(thick).fold(0.0, f64::max);
    let gap = if across { GAP + 6.0 } else { GAP };
    let (mut at, mut port, mut placed) = (0.0, 0.0, vec![]);
    for (i, part) in parts.into_iter().enumerate() {
        match (i, across) {
            (0, true) => {}
            (0, false) => port = part.port,
            (_, true) => at += gap,
            (_, false) => at += gap - part.port,
        }
        let (length, aside) = (long(&part), (breadth - thick(&part)) / 2.0);
        placed.push(if across { (at, aside, part) } else { (aside, at, part) });
        at += length;
    }
    let (w, h) = if across { (at, breadth) } else { (breadth, at) };
    Laid { w, h, port, what: What::Stack { across }, parts: placed }
}

/// Alternatives in rows of equal length, as many beside each other as fit.
fn grid(mut parts: Vec<Laid>, room: f64) -> Laid {
    let n = parts.len();
    let columns_of = |per_row: usize, parts: &[Laid]| -> Vec<f64> {
        let widest = |c| parts.iter().skip(c).step_by(per_row).map(|p| p.w).fold(0.0, f64::max);
        (0..per_row).map(widest).collect()
    };
    let total = |columns: &[f64]| {
        columns.iter().sum::<f64>() + BESIDE * columns.len().saturating_sub(1) as f64
    };
    let fits = (1..=n).rev().find(|&k| total(&columns_of(k, &parts)) <= room).unwrap_or(1);
    // As few rows, but evenly filled: where four fit, five alternatives are drawn as three and two.
    let per_row = n.div_ceil(n.div_ceil(fits));
    let per_row = if total(&columns_of(per_row, &parts)) <= room { per_row } else { fits };
    let columns = columns_of(per_row, &parts);
    let w = total(&columns);
    for (i, part) in parts.iter_mut().enumerate() {
        if matches!(part.what, What::Layer { .. }) {
            part.w = columns[i % per_row];
        }
    }
    let gap = if per_row == 1 { 22.0 } else { BESIDE };
    let (mut y, mut placed, mut or) = (0.0, vec![], vec![]);
    let mut rest = parts.into_iter().peekable();
    while rest.peek().is_some() {
        if y > 0.0 {
            if per_row == 1 {
                or.push(y + gap / 2.0);
            }
            y += gap;
        }
        let row: Vec<Laid> = rest.by_ref().take(per_row).collect();
        let height = row.iter().map(|p| p.h).fold(0.0, f64::max);
        let mut x = 0.0;
        for (part, column) in row.into_iter().zip(&columns) {
            placed.push((x + (column - part.w) / 2.0, y + (height - part.h) / 2.0, part));
            x += column + BESIDE;
        }
        y += height;
    }
    Laid { w, h: y, port: 0.0, what: What::Grid { or }, parts: placed }
}

/// The nodes and edges of a cell in layers; nothing where they are too many to be told apart.
fn wired(wiring: &Wiring) -> Option<Laid> {
    let n = wiring.nodes.len();
    if !(2..=MOST_NODES).contains(&n) {
        return None;
    }
    let mut inputs = vec![vec![]; n];
    let known = |&&(from, to, _): &&(usize, usize, bool)| from < to && to < n;
    wiring.edges.iter().filter(known).for_each(|&(from, to, _)| inputs[to].push(from));
    let layout = layout(&inputs, &vec![2.0 * NODE; n], 16.0);
    let y = |layer: usize| NODE + layer as f64 * STEP;
    let edge = |&(from, to, ref ways): &(usize, usize, Vec<f64>)| {
        let mut line = vec![(layout.x[from], y(layout.layer[from]))];
        let first = layout.layer[from] + 1;
        line.extend(ways.iter().enumerate().map(|(i, &x)| (x, y(first + i))));
        line.push((layout.x[to], y(layout.layer[to])));
        let open = wiring.edges.iter().any(|e| (e.0, e.1) == (from, to) && e.2);
        (line, open)
    };
    let place = |v: usize| (wiring.nodes[v].clone(), (layout.x[v], y(layout.layer[v])));
    let nodes = (0..n).map(place).collect();
    let h = y(layout.layer.iter().copied().max().unwrap_or(0)) + NODE;
    let edges = layout.edges.iter().map(edge).collect();
    Some(Laid { w: layout.width, h, port: 0.0, what: What::Wiring { nodes, edges }, parts: vec![] })
}

fn panel(inner: Laid) -> Laid {
    let (w, h) = (inner.w + 20.0, inner.h + 20.0);
    Laid { w, h, port: 0.0, what: What::Panel, parts: vec![(10.0, 10.0, inner)] }
}

fn frame(inner: Laid, frame: Frame) -> Laid {
    let (above, below, side) = match frame.residual {
        true => (24.0 - inner.port, 36.0, 28.0),
        false => (16.0, 12.0, 12.0),
    };
    // The label stands beside the arrow that comes in at the middle, or at least within the frame.
    let label = width(&frame.label, LABEL) + 34.0;
    let w = (inner.w + 2.0 * side).max((2.0 * label).min(260.0)).max(label);
    let h = OUT + above + inner.h + below;
    let at = ((w - inner.w) / 2.0, OUT + above, inner);
    Laid { w, h, port: OUT, what: What::Frame(frame), parts: vec![at] }
}

pub(super) fn lay(node: &TreeNode, room: f64, depth: usize) -> Laid {
    if depth > DEEPEST {
        return layer("…", &[], Family::Other, room);
    }
    let room = room.max(LEAST);
    match node {
        TreeNode::Layer { text, choices, family } => layer(text, choices, *family, room),
        TreeNode::Sequence(parts) if parts.is_empty() => layer("nothing", &[], Family::Other, room),
        TreeNode::Sequence(parts) => {
            stack(parts.iter().map(|p| lay(p, room, depth + 1)).collect(), false)
        }
        TreeNode::OneOf(parts) => {
            let label = format!("one of {}", parts.len());
            let inner = beside(parts, room - 24.0, depth);
            frame(inner, Frame { label, colour: "#0072B2", dashed: true, residual: false, depth })
        }
        TreeNode::Branches { label, parts, wiring } => {
            let label = elide(label, LABEL, 160.0);
            let mut inner = beside(parts, room - 24.0, depth);
            if let What::Grid { or } = &mut inner.what {
                or.clear();
            }
            // Where it would be too wide, its edges have to do.
            let wiring = wiring.as_ref().and_then(wired).filter(|laid| laid.w <= room - 24.0);
            if let Some(wiring) = wiring {
                inner = grid(vec![wiring, inner], room - 24.0);
                inner.what = What::Grid { or: vec![] };
            }
            frame(inner, Frame { label, colour: "#A3527E", dashed: false, residual: false, depth })
        }
        TreeNode::Edge { label, inner } => {
            let label = elide(label, LABEL, (room - 34.0).clamp(120.0, 300.0));
            let inner = lay(inner, room - 24.0, depth + 1);
            frame(inner, Frame { label, colour: "#6B6B6B", dashed: false, residual: false, depth })
        }
        TreeNode::Repeat { times, inner } => {
            let label = elide(&format!("× {}", bare(times)), LABEL, 120.0);
            let inner = lay(inner, room - 24.0, depth + 1);
            frame(inner, Frame { label, colour: "#00805D", dashed: false, residual: false, depth })
        }
        TreeNode::Residual(inner) => {
            let label = "residual".to_string();
            let inner = lay(inner, room - 56.0, depth + 1);
            frame(inner, Frame { label, colour: "#A3527E", dashed: false, residual: true, depth })
        }
    }
}

/// How often something is repeated, without the sign for it.
pub(super) fn bare(times: &str) -> &str {
    times.trim().trim_start_matches(['×', 'x']).trim_start()
}

/// Alternatives or branches; a sequence among them has a background of its own.
fn beside(parts: &[TreeNode], room: f64, depth: usize) -> Laid {
    let one = |part: &TreeNode| match part {
        TreeNode::Sequence(several) if several.len() > 1 => {
            panel(lay(part, room - 20.0, depth + 1))
        }
        part => lay(part, room, depth + 1),
    };
    match parts {
        [] => grid(vec![layer("no alternatives", &[], Family::Other, room)], room),
        parts => grid(parts.iter().map(one).collect(), room),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(text: &str) -> TreeNode {
        TreeNode::Layer {
            text: text.into(),
            choices: vec![("width".into(), vec!["16".into(), "32".into()])],
            family: Family::Conv,
        }
    }

    #[test]
    fn parts_lie_inside_and_apart() {
        let check = |laid: &Laid| {
            for (i, (x, y, a)) in laid.parts.iter().enumerate() {
                assert!(
                    *x >= -0.01
                        && *y >= -0.01
                        && x + a.w <= laid.w + 0.01
                        && y + a.h <= laid.h + 0.01
                );
                for (u, v, b) in &laid.parts[..i] {
                    assert!(x + a.w <= *u || u + b.w <= *x || y + a.h <= *v || v + b.h <= *y);
                }
            }
        };
        fn walk(laid: &Laid, check: &dyn Fn(&Laid)) {
            check(laid);
            laid.parts.iter().for_each(|(_, _, p)| walk(p, check));
        }
        let twelve = TreeNode::OneOf((0..12).map(|i| leaf(&"conv ".repeat(i % 5 + 1))).collect());
        let nested = TreeNode::Repeat {
            times: "2".into(),
            inner: Box::new(TreeNode::OneOf(vec![
                twelve.clone(),
                TreeNode::Residual(Box::new(twelve)),
            ])),
        };
        let laid = lay(&nested, ROOM[0], 0);
        assert!(laid.w <= ROOM[0]);
        walk(&laid, &check);
    }

    #[test]
    fn long_lists_are_abbreviated() {
        let values: Vec<String> = (1..=16).map(|i| (i * 16).to_string()).collect();
        assert_eq!(options(&values, 200.0), "16 … 256, 16 values");
        assert_eq!(options(&values[..2], 200.0), "16 | 32");
    }
}
