//! A model as an ONNX file: a graph of standard operators with its weights, which ONNX Runtime, browsers and phones run
//! (onnx.ai). The numbers of fields are those of onnx.proto3.

use super::layers::lower;
use super::proto::Message;
use crate::data::Scaling;
use crate::error::{Error, Result};
use crate::model::Model;
use crate::shape::Shape;
use crate::task::Task;
use candle_core::{DType, Device};
use std::collections::HashMap;
use std::path::Path;

/// The version of the set of operators.
pub(crate) const OPSET: i64 = 17;
/// The version of the file format that came with it.
const IR_VERSION: i64 = 8;

// The types of elements.
const FLOAT: i64 = 1;
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
    nodes: Vec<Message>,
    constants: Vec<Message>,
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

    fn named(&mut self, kind: &str, inputs: &[&str], attrs: &[(&str, Attr)], outputs: &[String]) {
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
    fn scaled(&mut self, x: &str, shape: &Shape, scaling: &Scaling, undo: bool) -> String {
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

/// A tensor of the interface: `[N, ...]` of this kind.
fn value(name: &str, kind: i64, dims: &[usize]) -> Message {
    let batch = Message::default().text(2, "N");
    let mut shape = Message::default().message(1, &batch);
    for &d in dims {
        shape = shape.message(1, &Message::default().int(1, d as i64));
    }
    let tensor = Message::default().int(1, kind).message(2, &shape);
    Message::default().text(1, name).message(2, &Message::default().message(1, &tensor))
}

impl Model {
    /// Writes the model as an ONNX file (operator set 17), which needs nothing of this crate. Its input is called `input`:
    /// `[N, ...]` in the shape of the data and in their original numbers, for the scaling of
    /// [`Dataset::standardised`](crate::Dataset) is part of the graph; tokens are 64-bit integers. Its output is called
    /// `logits`, a row for each sample (for next-token models `[N, L, V]`), or `values` for a regression, in the units of
    /// the data. The words of the classes are in the metadata, as JSON under `classes`.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let data = Dataset::digits().standardised()?;
    /// let arch = Space::on(&data).then(conv(8, 3)).then(global_avg_pool()).default_architecture()?;
    /// let model = Train::on(&data.take(200)).epochs(1).start(&arch, 1)?.model();
    /// let path = std::env::temp_dir().join(format!("nascent-doc-{}.onnx", std::process::id()));
    /// model.export_onnx(&path)?;
    /// # std::fs::remove_file(path)?;
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// When the file cannot be written, or a weight is not a finite number.
    pub fn export_onnx(&self, path: impl AsRef<Path>) -> Result<()> {
        let bytes = self.onnx()?;
        crate::output::write(path, bytes)
    }

    fn onnx(&self) -> Result<Vec<u8>> {
        let mut onnx = Onnx::default();
        for (name, var) in self.named_vars() {
            let tensor = var.as_detached_tensor().to_device(&Device::Cpu)?.to_dtype(DType::F32)?;
            let values = tensor.flatten_all()?.to_vec1::<f32>()?;
            if values.iter().any(|v| !v.is_finite()) {
                return Err(Error::invalid(
                    format!("weight {name} in export_onnx"),
                    "it holds what is not a finite number: the training has diverged",
                    "the model of a training with a smaller learning rate",
                ));
            }
            onnx.weights.insert(name, (tensor.dims().to_vec(), values));
        }
        let (input, meaning) = (self.input(), self.meaning());
        let tokens = input.vocabulary().is_some();
        let mut x = "input".to_string();
        if let Some(scaling) = meaning.inputs.as_ref().filter(|_| !tokens) {
            x = onnx.scaled(&x, &input, scaling, false);
        }
        let (arch, task) = (self.architecture(), self.task());
        let mut y = lower(&mut onnx, arch.graph()?, self.names(), &x)?;
        let name = match task {
            Task::Regression { .. } => "values",
            _ => "logits",
        };
        if let Some(scaling) = &meaning.targets {
            y = onnx.scaled(&y, &Shape::new([task.outputs()]), scaling, true);
        }
        onnx.named("Identity", &[&y], &[], &[name.to_string()]);
        let mut dims = vec![task.outputs()];
        if task.is_per_position() {
            dims.insert(0, input.elements());
        }
        let kind = if tokens { INT64 } else { FLOAT };
        let mut graph = Message::default();
        graph = onnx.nodes.iter().fold(graph, |graph, node| graph.message(1, node));
        graph = graph.text(2, "network");
        graph = onnx.constants.iter().fold(graph, |graph, tensor| graph.message(5, tensor));
        graph = graph.message(11, &value("input", kind, input.as_slice()));
        graph = graph.message(12, &value(name, FLOAT, &dims));
        let opset = Message::default().text(1, "").int(2, OPSET);
        let mut model = Message::default()
            .int(1, IR_VERSION)
            .text(2, "nascent")
            .text(3, env!("CARGO_PKG_VERSION"))
            .message(7, &graph)
            .message(8, &opset);
        let said = [
            ("architecture", arch.to_string()),
            ("data", meaning.data.clone()),
            ("classes", serde_json::to_string(&self.classes())?),
        ];
        for (key, value) in said {
            model = model.message(14, &Message::default().text(1, key).text(2, &value));
        }
        Ok(model.into_bytes())
    }
}
