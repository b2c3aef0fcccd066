//! How a space is drawn: its open graph as data for the chart.

use super::Space;
use crate::chart::{Chart, Family, SpaceTree, TreeNode, Wiring};
use crate::graph::Part;
use crate::tree::block::{Block, Node};
use crate::tree::cell::Cell;
use crate::tree::times_text;
use crate::words::plural;

/// `told`: the problems stand beside it.
pub(super) fn drawing(space: &Space, told: bool) -> Chart {
    let open = space.networks().open();
    let mut nodes = vec![];
    match open.root().map(tree) {
        Some(TreeNode::Sequence(inner)) => nodes.extend(inner),
        other => nodes.extend(other),
    }
    if open.has_head() {
        nodes.insert(0, plain(format!("input {}", space.input()), Family::Input));
        nodes.push(plain(format!("head for {}", space.task()), Family::Head));
    }
    let problems = space.problems();
    let size = match (&problems[..], space.size()) {
        ([], Some(1)) => "1 architecture".to_string(),
        ([], _) => {
            let limits: String = space.limits().iter().map(|l| format!(", {l}")).collect();
            format!("{}{limits}", space.combinations())
        }
        (all, _) if told => format!("cannot be searched: {}", plural(all.len(), "problem")),
        ([only], _) => format!("cannot be searched: {only}"),
        ([first, more @ ..], _) => {
            let more = plural(more.len(), "more problem");
            format!("cannot be searched: {first} And {more}, see check().")
        }
    };
    let root = TreeNode::Sequence(nodes);
    Chart::new(SpaceTree { title: "Search space".into(), size, root })
}

/// The drawing of a block; a shared one is drawn where it occurs first, and after that is only a name.
fn tree(part: &Part) -> TreeNode {
    let list = || -> Vec<TreeNode> { part.parts.iter().map(tree).collect() };
    let only = || part.parts.first().map_or(TreeNode::default(), tree);
    match &*part.block.0 {
        Node::Layer { info, args } => {
            let mut fixed = vec![];
            let mut choices = vec![];
            for (arg, choice) in info.args.iter().zip(args) {
                match &choice.options[..] {
                    [one] if arg.default == Some(*one) => {}
                    [one] => fixed.push(arg.label(one)),
                    many => {
                        let options = many.iter().map(|v| arg.option(v)).collect();
                        choices.push((arg.name.to_string(), options));
                    }
                }
            }
            let text = [info.name.to_string(), fixed.join(", ")].join(" ").trim().to_string();
            TreeNode::Layer { text, choices, family: info.family }
        }
        Node::Seq(_) => sequence(list()),
        Node::OneOf(_) => TreeNode::OneOf(list()),
        Node::Repeat { times, .. } => {
            TreeNode::Repeat { times: times_text(times), inner: Box::new(only()) }
        }
        Node::Residual(_) => TreeNode::Residual(Box::new(only())),
        Node::Cell(cell) => {
            let parts = match cell.is_single() {
                true => list(),
                false => edges(cell, &part.parts),
            };
            // Branches are beside each other already.
            let joined = cell.steps.len() > 1 || cell.two_inputs;
            let wiring = joined.then(|| wiring(cell));
            TreeNode::Branches { label: cell.label(), parts, wiring }
        }
        Node::Wired(cell) => {
            TreeNode::Edge { label: format!("{}, on each", cell.label()), inner: Box::new(only()) }
        }
        Node::Wide { channels, block } => {
            let wide = |what: &str| format!("{what}, {}", plural(*channels, "channel"));
            let mut node = only();
            match (&mut node, &*block.0) {
                (TreeNode::Branches { label, .. }, Node::Shared { name, .. }) => {
                    *label = wide(name);
                }
                (
                    TreeNode::Layer { text: label, .. }
                    | TreeNode::Branches { label, .. }
                    | TreeNode::Edge { label, .. },
                    _,
                ) => *label = wide(label),
                _ => {}
            }
            node
        }
        Node::Stack(_) => {
            // Each preparation is there twice, once for each input of the cell after it.
            let parts = part.parts.chunks_exact(3);
            sequence(parts.flat_map(|of| [tree(&of[0]), tree(&of[2])]).collect())
        }
        Node::Shared { name, block } if part.again => plain(name.clone(), family(block)),
        Node::Shared { name, block } => {
            let inner = only();
            if block.has_choices() {
                let label = format!("{name}: decided once");
                return TreeNode::Branches { label, parts: vec![inner], wiring: None };
            }
            match plain_layers(&inner) {
                Some(layers) => plain(format!("{name}: {layers}"), family(block)),
                None => {
                    let label = name.clone();
                    TreeNode::Branches { label, parts: vec![inner], wiring: None }
                }
            }
        }
        Node::Broken { .. } => only(),
    }
}

/// A layer without choices.
fn plain(text: String, family: Family) -> TreeNode {
    TreeNode::Layer { text, choices: vec![], family }
}

/// The family of a sequence of layers: that of the first one that is more than an activation or a
/// normalisation, if there is one.
fn family(block: &Block) -> Family {
    fn all(block: &Block, found: &mut Vec<Family>) {
        match &*block.0 {
            Node::Layer { info, .. } => found.push(info.family),
            Node::Seq(blocks) => blocks.iter().for_each(|b| all(b, found)),
            Node::Shared { block, .. } => all(block, found),
            _ => found.push(Family::Other),
        }
    }
    let mut found = vec![];
    all(block, &mut found);
    let light = [Family::Activation, Family::Norm, Family::Other];
    let heavy = found.iter().find(|f| !light.contains(f));
    heavy.or(found.first()).copied().unwrap_or_default()
}

/// A sequence of layers without choices in one line.
fn plain_layers(node: &TreeNode) -> Option<String> {
    match node {
        TreeNode::Layer { text, choices, .. } if choices.is_empty() => Some(text.clone()),
        TreeNode::Sequence(nodes) => {
            let texts: Option<Vec<String>> = nodes.iter().map(plain_layers).collect();
            Some(texts?.join(" > "))
        }
        _ => None,
    }
}

/// How a cell's nodes are joined. An edge is open where the search chooses its operation, or whether it stays.
fn wiring(cell: &Cell) -> Wiring {
    let first = if cell.two_inputs { 2 } else { 1 };
    let open = |to: usize, block: &Block| cell.chooses(to - first) || block.has_choices();
    let joined = cell.edges().map(|(from, to, block)| (from, to, open(to, block)));
    let mut edges: Vec<(usize, usize, bool)> = joined.collect();
    let end = first + cell.steps.len();
    let mut nodes: Vec<String> = (0..end).map(|node| node.to_string()).collect();
    if cell.concat {
        nodes.push("out".into());
        edges.extend((first..end).map(|node| (node, end, false)));
    }
    Wiring { nodes, edges }
}

/// A cell's edges; those with the same choices are drawn as one.
fn edges(cell: &Cell, parts: &[Part]) -> Vec<TreeNode> {
    let mut groups: Vec<(Vec<String>, &Part)> = vec![];
    for ((from, to, block), part) in cell.edges().zip(parts) {
        let name = format!("{from} → {to}");
        match groups.iter_mut().find(|(_, other)| other.block == *block) {
            Some((names, _)) => names.push(name),
            None => groups.push((vec![name], part)),
        }
    }
    let part = |(names, part): (Vec<String>, &Part)| TreeNode::Edge {
        label: match names.len() {
            1 => names.concat(),
            _ => format!("each of {}", names.join(", ")),
        },
        inner: Box::new(tree(part)),
    };
    groups.into_iter().map(part).collect()
}

/// A sequence, without sequences inside it.
fn sequence(parts: Vec<TreeNode>) -> TreeNode {
    let flat = parts.into_iter().flat_map(|part| match part {
        TreeNode::Sequence(inner) => inner,
        other => vec![other],
    });
    TreeNode::Sequence(flat.collect())
}

#[cfg(test)]
mod tests {
    use crate::chart::{ChartData, TreeNode, Wiring};
    use crate::prelude::*;

    /// Six edges of NAS-Bench-201's cell, each open; in a cell with two inputs the concatenation is a node of its own.
    #[test]
    fn cells_are_drawn_as_graphs() {
        let wirings = |space: &Space| -> Vec<Wiring> {
            fn all(node: &TreeNode, found: &mut Vec<Wiring>) {
                match node {
                    TreeNode::Branches { parts, wiring, .. } => {
                        found.extend(wiring.clone());
                        parts.iter().for_each(|part| all(part, found));
                    }
                    TreeNode::Sequence(parts) | TreeNode::OneOf(parts) => {
                        parts.iter().for_each(|part| all(part, found));
                    }
                    TreeNode::Repeat { inner, .. }
                    | TreeNode::Edge { inner, .. }
                    | TreeNode::Residual(inner) => all(inner, found),
                    TreeNode::Layer { .. } => {}
                }
            }
            let mut found = vec![];
            let ChartData::SpaceTree(tree) = space.drawing().data() else {
                panic!("a space is a tree")
            };
            all(&tree.root, &mut found);
            found
        };
        let images = || Space::new([3, 8, 8], Task::classification(4));
        let [one] = &wirings(&images().then(presets::nas_bench_201(8, 1)))[..] else {
            panic!("one cell")
        };
        assert_eq!((one.nodes.len(), one.edges.len()), (4, 6));
        assert!(one.edges.iter().all(|e| e.2));
        // Four nodes behind two inputs, and the concatenation of the four.
        let [normal, _] = &wirings(&images().then(presets::darts(8, 3)))[..] else {
            panic!("two kinds of cells")
        };
        assert_eq!(normal.nodes, ["0", "1", "2", "3", "4", "5", "out"]);
        let open = normal.edges.iter().filter(|e| e.2).count();
        assert_eq!((open, normal.edges.len()), (14, 18));
        let fixed = cell([vec![skip()], vec![skip(), conv(same(), 1)]]);
        assert!(wirings(&images().then(fixed.clone()))[0].edges.iter().all(|e| !e.2));
        // Of two edges to node 2 one is kept; node 1 has no more.
        let kept = wirings(&images().then(fixed.keep(1)));
        assert_eq!(kept[0].edges, [(0, 1, false), (0, 2, true), (1, 2, true)]);
        assert!(wirings(&images().then(branches([conv(4, 1), conv(4, 3)]))).is_empty());
    }

    #[test]
    fn switches_are_drawn_as_words() {
        let data = Dataset::mnist1d();
        let space = Space::on(&data).then(gru(any([1, 4])).bidirectional(any([false, true])));
        let plain = space.to_string();
        assert!(plain.contains("units: 1 | 4  bidirectional: no | yes"), "{plain}");
    }
}
