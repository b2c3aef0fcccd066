//! A block as one line of text, as one would write it.

use super::block::{Block, Node};
use super::value::{Choice, Ints};

/// "1..3" for consecutive numbers, "1 | 2 | 4" for others.
pub(crate) fn times_text(times: &Choice) -> String {
    let counts = Ints(times.clone()).values();
    match (&counts[..], counts.windows(2).all(|w| w[1] == w[0] + 1)) {
        ([first, .., last], true) => format!("{first}..{last}"),
        _ => times.text(),
    }
}

/// The name of a shared block; any other block as one would write it.
pub(crate) fn block_name(block: &Block) -> String {
    match &*block.0 {
        Node::Shared { name, .. } => name.clone(),
        _ => block_text(block),
    }
}

/// A block as one line of text, as one would write it.
pub(crate) fn block_text(block: &Block) -> String {
    let list = |blocks: &[Block]| blocks.iter().map(block_text).collect::<Vec<_>>().join(", ");
    match &*block.0 {
        Node::Layer { info, args } => {
            let parts: Vec<String> = info
                .args
                .iter()
                .zip(args)
                .filter(|(a, c)| c.options.len() != 1 || a.default != Some(c.options[0]))
                .map(|(a, c)| (a, c, c.text_with(|v| a.text(v))))
                .map(|(a, c, text)| match (a.default, c.options.len()) {
                    (None, 1) => text,
                    (None, _) => format!("any[{text}]"),
                    (_, 1) => format!("{}={text}", a.name),
                    _ => format!("{}=any[{text}]", a.name),
                })
                .collect();
            if parts.is_empty() {
                info.name.to_string()
            } else {
                format!("{}({})", info.name, parts.join(", "))
            }
        }
        Node::Seq(blocks) => format!("seq[{}]", list(blocks)),
        Node::OneOf(blocks) => format!("one_of[{}]", list(blocks)),
        Node::Repeat { times, block } => {
            format!("repeat({}, {})", times_text(times), block_text(block))
        }
        Node::Residual(inner) => format!("residual({})", block_text(inner)),
        Node::Cell(cell) => cell.text(block_text),
        Node::Wired(cell) => {
            format!("wired({}, {}, {})", cell.vertices, cell.most_edges, block_text(&cell.op))
        }
        Node::Wide { channels, block } => format!("{}.channels({channels})", block_text(block)),
        Node::Stack(parts) => {
            let pair = |p: &[Block]| format!("({}, {})", block_text(&p[0]), block_text(&p[1]));
            format!("stack[{}]", parts.chunks_exact(2).map(pair).collect::<Vec<_>>().join(", "))
        }
        Node::Shared { name, block } => format!("shared({name:?}, {})", block_text(block)),
        Node::Broken { block, .. } => block_text(block),
    }
}
