//! The graph of an ONNX file while it is written: operators, constants, and the few that come up again and again.

use super::proto::Message;
use crate::data::Scaling;
use crate::shape::Shape;
use std::collections::HashMap;

// The types of elements.
pub(super) const FLOAT: i64 = 1;
pub(super) const INT32: i64 = 6;
pub(super) const INT64: i64 = 7;

/// The setting of an operator.
pub(super) enum Attr<'a> {
    Int(i64),
    Float(f32),
    Text(&'a str),
    Ints(Vec<i64>),
}

/// A graph while it is written; tensors are known by their names.
#[derive(Default)]
pub(super) struct Onnx {
    pub(super) nodes: Vec<Message>,
    pub(super) constants: Vec<Message>,
    made: usize,
    /// The weights by their names: dimensions and values.
    pub(super) weights: HashMap<String, (Vec<usize>, Vec<f32>)>,
}

impl Onnx {
    fn name(&mut self, of: &str) -> String {
        self.made += 1;
        format!("{of}_{}", self.made)
    }

    /// An operator with one output, whose name is returned.
    pub(super) fn op(&mut self, kind: &str, inputs: &[&str], attrs: &[(&str, Attr)]) -> String {
        self.ops(kind, inputs, attrs, 1).swap_remove(0)
    }

    /// An operator with several outputs.
    pub(super) fn ops(
        &mut self,
        kind: &str,
        inputs: &[&str],
        attrs: &[(&str, Attr)],
        outputs: usize,
    ) -> Vec<String> {
        let outputs: Vec<String> = (0..outputs).map(|_| self.name(kind)).collect();
        self.named(kind, inputs, attrs, &outputs);
        outputs
    }

    pub(super) fn named(
        &mut self,
        kind: &str,
        inputs: &[&str],
        attrs: &[(&str, Attr)],
        outputs: &[String],
    ) {
        let mut node = Message::default();
        node = inputs.iter().fold(node, |node, input| node.text(1, input));
        node = outputs.iter().fold(node, |node, output| node.text(2, output));
        node = node.text(3, &format!("{kind}_{}", self.nodes.len())).text(4, kind);
        for (name, attr) in attrs {
            let written = Message::default().text(1, name);
            // The kind of an attribute is field 20.
            let written = match attr {
                Attr::Float(v) => written.float(2, *v).int(20, 1),
                Attr::Int(v) => written.int(3, *v).int(20, 2),
                Attr::Text(v) => written.text(4, v).int(20, 3),
                Attr::Ints(v) => written.ints(8, v.iter().copied()).int(20, 7),
            };
            node = node.message(5, &written);
        }
        self.nodes.push(node);
    }

    fn constant(&mut self, kind: i64, dims: &[usize], raw: &[u8], name: String) -> String {
        let dims = dims.iter().map(|&d| d as i64);
        let tensor = Message::default().ints(1, dims).int(2, kind).text(8, &name).bytes(9, raw);
        self.constants.push(tensor);
        name
    }

    /// A constant of 32-bit numbers.
    pub(super) fn floats(&mut self, dims: &[usize], values: &[f32]) -> String {
        let name = self.name("constant");
        let raw: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.constant(FLOAT, dims, &raw, name)
    }

    /// A constant of whole numbers.
    pub(super) fn ints(&mut self, dims: &[usize], values: &[i64]) -> String {
        let name = self.name("constant");
        let raw: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.constant(INT64, dims, &raw, name)
    }

    pub(super) fn number(&mut self, v: f32) -> String {
        self.floats(&[], &[v])
    }

    pub(super) fn reshape(&mut self, x: &str, dims: &[i64]) -> String {
        let shape = self.ints(&[dims.len()], dims);
        self.op("Reshape", &[x, &shape], &[])
    }

    pub(super) fn transpose(&mut self, x: &str, order: &[i64]) -> String {
        self.op("Transpose", &[x], &[("perm", Attr::Ints(order.to_vec()))])
    }

    /// `x` as the network sees it, or, with `undo`, as it was given.
    pub(super) fn scaled(
        &mut self,
        x: &str,
        shape: &Shape,
        scaling: &Scaling,
        undo: bool,
    ) -> String {
        let mut dims = vec![scaling.shift.len()];
        if shape.as_slice().len() == 3 {
            dims.extend([1, 1]);
        }
        let narrow = |list: &[f64]| list.iter().map(|&v| v as f32).collect::<Vec<f32>>();
        let (shift, scale) = (narrow(&scaling.shift), narrow(&scaling.scale));
        let (shift, scale) = (self.floats(&dims, &shift), self.floats(&dims, &scale));
        match undo {
            false => {
                let moved = self.op("Sub", &[x, &shift], &[]);
                self.op("Div", &[&moved, &scale], &[])
            }
            true => {
                let wide = self.op("Mul", &[x, &scale], &[]);
                self.op("Add", &[&wide, &shift], &[])
            }
        }
    }
}
