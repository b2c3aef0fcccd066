//! A search space as one picture. Data flow from top to bottom; what the search decides is drawn in
//! frames and pills: alternatives side by side in a dashed frame, repetition and residual blocks as
//! frames with a label, choices of a value as pills.
//!
//! Each node is laid out first, in `space_layout.rs`; here everything is drawn in its place.

use super::plain::{COLUMNS, fit, heading, len, wrap};
use super::space_layout::{
    DEEPEST, LABEL, Laid, NODE, OPTION, OUT, Pill, ROOM, What, bare, lay, options, stack,
};
use super::space_node::TreeNode;
use super::svg::{Anchor, Svg, n, nothing};
use super::theme::{CARD, Font, MUTED, width, wrap as broken};
use super::{Draw, Family};
use serde::{Deserialize, Serialize};

/// A drawing of a search space.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SpaceTree {
    /// The heading; may be empty.
    pub title: String,
    /// How large the space is: `3 456 architectures`.
    pub size: String,
    /// The space.
    pub root: TreeNode,
}

/// As many lines has the size, or what is wrong, at most.
const SIZE_LINES: usize = 5;

fn draw(svg: &mut Svg, laid: &Laid, x: f64, y: f64) {
    match &laid.what {
        What::Layer { text, pills, family } => {
            let (strong, pale) = family.colours();
            let edge = format!(r#"stroke="{strong}" stroke-opacity="0.55""#);
            svg.rect((x, y, laid.w, laid.h), 5.0, pale, &edge);
            for (i, line) in text.iter().enumerate() {
                let at = (x + laid.w / 2.0, y + 17.0 + 14.0 * i as f64);
                svg.text(at, line, Font::TEXT, Anchor::Middle, laid.w - 14.0);
            }
            let right = pills.iter().map(|p| p.x + p.w).fold(0.0, f64::max);
            let shift = (laid.w - 10.0 - right) / 2.0;
            for Pill { x: px, y: py, w, name, options } in pills {
                let (px, py) = (x + px + shift.max(0.0), y + py);
                let edge = format!(r#"stroke="{strong}" stroke-opacity="0.5""#);
                svg.rect((px, py, *w, 17.0), 8.5, "#FFFFFF", &edge);
                svg.text((px + 7.0, py + 12.2), name, OPTION.fill(MUTED), Anchor::Start, *w);
                let named = width(name, OPTION);
                let at = (px + 12.0 + named, py + 12.2);
                svg.text(at, options, OPTION, Anchor::Start, w - named - 16.0);
            }
        }
        What::Stack { across } => {
            for pair in laid.parts.windows(2) {
                let ((ax, ay, a), (bx, by, b)) = (&pair[0], &pair[1]);
                let (from, to, along) = match across {
                    true => {
                        let middle = y + ay + a.h / 2.0;
                        ((x + ax + a.w, middle), (x + bx, middle), (1.0, 0.0))
                    }
                    false => {
                        let middle = x + laid.w / 2.0;
                        ((middle, y + ay + a.h), (middle, y + by + b.port), (0.0, 1.0))
                    }
                };
                svg.line(from, (to.0 - along.0 * 3.0, to.1 - along.1 * 3.0), MUTED, 1.3);
                svg.arrow_head(to, along, MUTED);
            }
        }
        What::Grid { or } => {
            for at in or {
                let at = (x + laid.w / 2.0, y + at + 3.5);
                svg.text(at, "or", OPTION.fill(MUTED), Anchor::Middle, 40.0);
            }
        }
        What::Wiring { nodes, edges } => {
            let at = |p: &(f64, f64)| (x + p.0, y + p.1);
            for (line, open) in edges {
                wire(svg, &line.iter().map(at).collect::<Vec<_>>(), *open);
            }
            for (name, place) in nodes {
                let (cx, cy) = at(place);
                svg.dot((cx, cy), NODE, "#F6E9F1", r##"stroke="#A3527E" stroke-width="1.1""##);
                svg.text((cx, cy + 3.6), name, OPTION, Anchor::Middle, 2.0 * NODE);
            }
        }
        What::Panel => {
            svg.rect((x, y, laid.w, laid.h), 7.0, "#EFF1F1", r##"stroke="#D9DCDC""##);
        }
        What::Frame(frame) => {
            let colour = frame.colour;
            let dash = if frame.dashed { r#" stroke-dasharray="5 3""# } else { "" };
            let back = if frame.depth % 2 == 0 { "#FFFFFF" } else { "#F6F7F6" };
            let edge = format!(r#"stroke="{colour}" stroke-width="1.2""#);
            svg.rect((x, y + OUT, laid.w, laid.h - OUT), 8.0, back, &(edge.clone() + dash));
            let label = width(&frame.label, LABEL) + 12.0;
            svg.rect((x + 10.0, y, label, 16.0), 8.0, CARD, &edge);
            let at = (x + 16.0, y + 11.8);
            svg.text(at, &frame.label, LABEL.fill(colour), Anchor::Start, label);
            if let ([(ix, iy, inner)], true) = (laid.parts.as_slice(), frame.residual) {
                let middle = x + laid.w / 2.0;
                let (top, end) = (y + iy + inner.port, y + iy + inner.h);
                let (start, sum) = (y + OUT, end + 21.0);
                let fork = (start + top) / 2.0 - 2.0;
                let lane = x + ix + inner.w + 14.0;
                svg.line((middle, start), (middle, top - 3.0), MUTED, 1.3);
                svg.arrow_head((middle, top), (0.0, 1.0), MUTED);
                svg.line((middle, end), (middle, sum - 8.0), MUTED, 1.3);
                svg.line((middle, sum + 6.0), (middle, y + laid.h), MUTED, 1.3);
                let route = [(middle, fork), (lane, fork), (lane, sum), (middle + 9.0, sum)];
                svg.route(&route, 6.0, colour, 1.5);
                svg.arrow_head((middle + 6.5, sum), (-1.0, 0.0), colour);
                let edge = format!(r#"stroke="{colour}" stroke-width="1.3""#);
                svg.dot((middle, sum), 6.5, "#FFFFFF", &edge);
                let plus = format!("M{:.1} {sum:.1}h7m-3.5 -3.5v7", middle - 3.5);
                svg.path(&plus, colour, 1.3, "");
            }
        }
    }
    for (dx, dy, part) in &laid.parts {
        draw(svg, part, x + dx, y + dy);
    }
}

/// An edge of a cell, around what is in its way: dashed and blue where the search decides what is on it.
fn wire(svg: &mut Svg, line: &[(f64, f64)], open: bool) {
    let [first, .., last] = line else { return };
    let colour = if open { "#0072B2" } else { MUTED };
    let dash = if open { r#"stroke-dasharray="5 3""# } else { "" };
    // From the lower side of a node to the upper side of another.
    let (top, end) = ((first.0, first.1 + NODE), (last.0, last.1 - NODE));
    let places: Vec<(f64, f64)> = std::iter::once(top)
        .chain(line[1..line.len() - 1].iter().copied())
        .chain([(end.0, end.1 - 3.0)])
        .collect();
    let mut d = format!("M{} {}", n(top.0), n(top.1));
    for pair in places.windows(2) {
        let ((ax, ay), (bx, by)) = (pair[0], pair[1]);
        let bend = (by - ay) * 0.5;
        d += &format!("C{} {} {} {} {} {}", n(ax), n(ay + bend), n(bx), n(by - bend), n(bx), n(by));
    }
    svg.path(&d, colour, 1.3, dash);
    svg.arrow_head(end, (0.0, 1.0), colour);
}

impl SpaceTree {
    fn title(&self) -> &str {
        if self.title.is_empty() { "Search space" } else { &self.title }
    }

    fn is_empty(&self) -> bool {
        matches!(&self.root, TreeNode::Sequence(parts) if parts.is_empty())
    }
}

const WHY: &str = "the space has no layers";

impl Draw for SpaceTree {
    fn svg(&self) -> String {
        if self.is_empty() {
            return nothing(self.title(), WHY);
        }
        let laid = match &self.root {
            TreeNode::Sequence(parts)
                if parts.iter().all(|p| matches!(p, TreeNode::Layer { .. })) =>
            {
                let row = stack(parts.iter().map(|p| lay(p, ROOM[1], 1)).collect(), true);
                if row.w <= ROOM[1] { row } else { lay(&self.root, ROOM[0], 0) }
            }
            root => {
                let (narrow, wide) = (lay(root, ROOM[0], 0), lay(root, ROOM[1], 0));
                if wide.h < narrow.h * 0.86 { wide } else { narrow }
            }
        };
        let titles = width(self.title(), Font::TITLE).max(width(&self.size, Font::NOTE)).min(420.0);
        let full = laid.w.max(titles).max(250.0) + 32.0;
        let mut svg = Svg::default();
        svg.text((16.0, 26.0), self.title(), Font::TITLE, Anchor::Start, full - 32.0);
        // A problem may take some lines.
        let mut said = broken(&self.size, Font::NOTE, full - 32.0);
        said.truncate(SIZE_LINES);
        let mut top = 28.0;
        for line in &said {
            top += 15.0;
            svg.text((16.0, top), line, Font::NOTE, Anchor::Start, full - 32.0);
        }
        top += 15.0;
        draw(&mut svg, &laid, (full - laid.w) / 2.0, top);
        let desc = format!("{}: {}", self.size, lines(&self.root).join("; "));
        let desc: String = desc.chars().take(2000).collect();
        svg.finish((full, top + laid.h + 16.0), full, self.title(), &desc)
    }

    fn plain(&self) -> String {
        let title = fit(self.title(), COLUMNS);
        if self.is_empty() {
            return format!("{title}\nnothing to draw yet: {WHY}\n");
        }
        let mut out = heading(&title, "");
        for line in wrap(&self.size, COLUMNS).iter().take(SIZE_LINES).filter(|l| !l.is_empty()) {
            out += &(line.trim_end().to_string() + "\n");
        }
        lines(&self.root)
            .iter()
            .for_each(|line| out += &(fit(line, COLUMNS).trim_end().to_string() + "\n"));
        out
    }
}

/// The space as a tree of text, one line per part.
fn lines(root: &TreeNode) -> Vec<String> {
    let mut out = vec![];
    match root {
        TreeNode::Sequence(parts) => branches(parts, "", 0, &mut out),
        other => branches(std::slice::from_ref(other), "", 0, &mut out),
    }
    out
}

fn branches(parts: &[TreeNode], before: &str, depth: usize, out: &mut Vec<String>) {
    if depth > DEEPEST {
        return out.push(format!("{before}└─ …"));
    }
    for (i, part) in parts.iter().enumerate() {
        let (turn, rest) =
            if i + 1 == parts.len() { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        let (said, inside) = say(part);
        // What does not fit continues below, to the right of the branches.
        let room = COLUMNS.saturating_sub(len(before) + 7).max(20);
        for (i, line) in wrap(&said, room).iter().enumerate() {
            let lead = if i == 0 { turn.to_string() } else { format!("{rest}    ") };
            out.push(format!("{before}{lead}{line}"));
        }
        branches(inside, &format!("{before}{rest}"), depth + 1, out);
    }
}

/// A frame in words, on the same line as the part in it if there is only one.
fn within(word: String, inner: &TreeNode) -> (String, &[TreeNode]) {
    match inner {
        TreeNode::Sequence(parts) => (word, parts),
        other => {
            let (said, inside) = say(other);
            (format!("{word} {said}"), inside)
        }
    }
}

/// A part in words, and what lies in it.
fn say(part: &TreeNode) -> (String, &[TreeNode]) {
    match part {
        TreeNode::Layer { text, choices, .. } => {
            let choice = |(name, values): &(String, Vec<String>)| {
                format!("  {name}: {}", options(values, 200.0))
            };
            (text.clone() + &choices.iter().map(choice).collect::<String>(), &[])
        }
        TreeNode::Sequence(parts) => ("in sequence".into(), parts),
        TreeNode::OneOf(parts) => ("one of".into(), parts),
        TreeNode::Repeat { times, inner } => within(format!("× {} of", bare(times)), inner),
        TreeNode::Residual(inner) => within("residual".into(), inner),
        TreeNode::Branches { label, parts, .. } => (label.clone(), parts),
        TreeNode::Edge { label, inner } => within(format!("{label}:"), inner),
    }
}

/// The space of the tour.
pub(super) fn example() -> SpaceTree {
    let texts = |values: &[&str]| values.iter().map(|v| v.to_string()).collect();
    let layer = |text: &str, choices: &[(&str, &[&str])], family: Family| TreeNode::Layer {
        family,
        text: text.into(),
        choices: choices.iter().map(|(name, values)| (name.to_string(), texts(values))).collect(),
    };
    let blocks = TreeNode::OneOf(vec![
        TreeNode::Residual(Box::new(layer("conv 32", &[("kernel", &["3", "5"])], Family::Conv))),
        layer("separable conv 32, 3×3", &[], Family::Conv),
        layer("max pool 2×2", &[], Family::Pool),
    ]);
    SpaceTree {
        title: "Search space".into(),
        size: "168 architectures".into(),
        root: TreeNode::Sequence(vec![
            layer("conv 3×3", &[("channels", &["16", "32"])], Family::Conv),
            TreeNode::Repeat { times: "1..3".into(), inner: Box::new(blocks) },
            layer("global average pool", &[], Family::Pool),
            layer("linear 10", &[], Family::Head),
        ]),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    fn leaf(text: &str) -> TreeNode {
        TreeNode::Layer {
            text: text.into(),
            choices: vec![("width".into(), vec!["16".into(), "32".into()])],
            family: Family::Conv,
        }
    }

    fn of(root: TreeNode) -> SpaceTree {
        SpaceTree { root, ..SpaceTree::default() }
    }

    #[test]
    fn the_terminal_draws_a_tree() {
        let text = example().plain();
        assert!(
            text.contains("├─ × 1..3 of one of\n│  ├─ residual conv 32  kernel: 3 | 5\n"),
            "{text}"
        );
    }

    #[test]
    fn degenerate_data_are_drawn() {
        let deep = (0..60).fold(leaf("x"), |inner, i| match i % 3 {
            0 => TreeNode::Residual(Box::new(inner)),
            1 => TreeNode::OneOf(vec![inner, leaf("conv")]),
            _ => TreeNode::Repeat { times: "× 9".into(), inner: Box::new(inner) },
        });
        let many = (0..40)
            .map(|i| (format!("choice {i}"), vec!["a rather long option".into(); 9]))
            .collect();
        let cases = [
            SpaceTree::default(),
            of(TreeNode::OneOf(vec![])),
            of(TreeNode::Residual(Box::default())),
            of(TreeNode::OneOf((0..12).map(|_| leaf("sep conv")).collect())),
            of(TreeNode::Layer {
                text: "<conv> & ".repeat(90),
                choices: many,
                family: Family::Other,
            }),
            of(TreeNode::Layer {
                text: String::new(),
                choices: vec![(String::new(), vec![])],
                family: Family::Other,
            }),
            of(TreeNode::Repeat { times: "9".repeat(300), inner: Box::new(leaf("conv")) }),
            of(deep),
            SpaceTree { title: "t".repeat(500), size: "s".repeat(500), ..example() },
        ];
        cases.iter().for_each(check::chart);
    }
}
