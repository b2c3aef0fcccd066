//! The features of a whole network, for choices that are not in cells: those of `graf.rs` with the kinds of
//! layers as operations, and the settings that were chosen.
//!
//! ```text
//! operations    the layers that some architectures have and others do not, by kind; all others are wires
//! settings      for every setting that is chosen: its mean over the layers of that kind; of activations
//!               and switches the share that has each option
//! ```
//!
//! The graph is that of the [canonical](crate::Architecture::canonical) key: skips are looked through, and zeros
//! and what they lead to are not there. The settings are our addition: without them all networks that
//! differ in their widths alone would look the same.

use super::graf_features::{Flow, Kinds};
use crate::error::Result;
use crate::graph::canonical::simplify;
use crate::graph::walk::Role;
use crate::layer::{SKIP, ZERO};
use crate::op::{LayerInfo, Value};
use crate::space::{Architecture, Space};
use crate::tree::Choice;
use crate::tree::block::{Block, Node};

pub(super) struct Layers {
    rows: Vec<&'static LayerInfo>,
    kinds: Kinds,
    settings: Vec<Setting>,
}

/// A setting that is chosen.
struct Setting {
    row: &'static LayerInfo,
    arg: usize,
    /// The option that is counted, where the options have no order.
    option: Option<Value>,
}

impl Layers {
    pub(super) fn of(space: &Space) -> Layers {
        let (mut rows, mut settings): (Vec<&'static LayerInfo>, Vec<Setting>) = (vec![], vec![]);
        collect(space.root(), false, &mut |row, args, varies| {
            if varies && !rows.iter().any(|r| r.name == row.name) {
                rows.push(row);
            }
            for (arg, choice) in args.iter().enumerate().filter(|(_, c)| c.options.len() > 1) {
                for value in &choice.options {
                    let option = matches!(value, Value::Act(_)).then_some(*value);
                    let same =
                        |s: &Setting| s.row.name == row.name && s.arg == arg && s.option == option;
                    if !settings.iter().any(same) {
                        settings.push(Setting { row, arg, option });
                    }
                }
            }
        });
        let names = rows.iter().map(|row| row.name.to_string()).collect();
        let kinds = Kinds::new("layers".into(), names, 1, None, None);
        Layers { rows, kinds, settings }
    }

    pub(super) fn width(&self) -> usize {
        self.kinds.width() + self.settings.len()
    }

    pub(super) fn encode(&self, arch: &Architecture, out: &mut Vec<f32>) -> Result<()> {
        let nodes = &arch.graph()?.nodes;
        let plain = simplify(nodes, nodes.len().saturating_sub(1));
        let mut flow = Flow::default();
        let mut at = vec![usize::MAX; nodes.len()];
        // The input comes first, whether it is used or not.
        at[0] = flow.push(None, &[]);
        let there = |id: usize| plain.used[id] && !plain.zero[id];
        for id in (1..plain.reads.len()).filter(|&id| there(id)) {
            let node = &nodes[id];
            let kind =
                self.rows.iter().position(|row| node.role == Role::Chosen && node.op.is(row));
            let reads: Vec<usize> =
                plain.reads[id].iter().map(|&i| at[i]).filter(|&i| i != usize::MAX).collect();
            at[id] = flow.push(kind, &reads);
        }
        let end = plain.end.map(|end| at[end]).filter(|&end| end != usize::MAX);
        flow.push(None, end.as_slice());
        self.kinds.features(&flow, out);
        for setting in &self.settings {
            let (mut sum, mut n) = (0.0, 0.0f64);
            let of = |id: usize| {
                there(id) && nodes[id].role == Role::Chosen && nodes[id].op.is(setting.row)
            };
            for node in (1..plain.reads.len()).filter(|&id| of(id)).map(|id| &nodes[id]) {
                let Some(&given) = node.op.args.get(setting.arg) else { continue };
                sum += setting.value(
                    node.op.meant(&setting.row.args[setting.arg], given),
                    node.plan.output.channels(),
                );
                n += 1.0;
            }
            out.push(if n > 0.0 { (sum / n) as f32 } else { 0.0 });
        }
        Ok(())
    }

    pub(super) fn names(&self, out: &mut Vec<String>) {
        self.kinds.names(out);
        for Setting { row, arg, option } in &self.settings {
            let (name, setting) = (row.name, row.args[*arg].name);
            out.push(match option {
                Some(option) => format!("layers: share of {name} with {setting} {option}"),
                None => format!("layers: mean {setting} of {name}"),
            });
        }
    }
}

impl Setting {
    /// What a layer adds to the mean. A size that is the same as the input's is what that is.
    fn value(&self, value: Value, channels: usize) -> f64 {
        match (value, self.option) {
            (value, Some(option)) => f64::from(u8::from(value == option)),
            (Value::Int(v), _) if v < 0 => channels as f64,
            (Value::Int(v), _) => v as f64,
            (Value::Float(v), _) => v,
            (Value::Act(_), _) => 0.0,
        }
    }
}

/// Calls `see` with every kind of layer, its settings, and whether some architectures have more of them
/// than others.
fn collect(block: &Block, varies: bool, see: &mut dyn FnMut(&'static LayerInfo, &[Choice], bool)) {
    let opens = match &*block.0 {
        Node::Layer { info, args } => {
            if !std::ptr::eq(*info, &ZERO) && !std::ptr::eq(*info, &SKIP) {
                see(info, args, varies);
            }
            false
        }
        Node::OneOf(options) => options.len() > 1,
        Node::Repeat { times, .. } => times.options.len() > 1,
        Node::Wired(_) => true,
        Node::Cell(cell) => cell.keep.is_some(),
        _ => false,
    };
    block.children().iter().for_each(|child| collect(child, varies || opens, see));
}
