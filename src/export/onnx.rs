//! A model as an ONNX file: a graph of standard operators with its weights, which ONNX Runtime, browsers and phones run
//! (onnx.ai). The numbers of fields are those of onnx.proto3.

use super::layers::lower;
use super::operators::{FLOAT, INT64, Onnx};
use super::proto::Message;
use crate::error::{Error, Result};
use crate::model::Model;
use crate::shape::Shape;
use crate::task::Task;
use candle_core::{DType, Device};
use std::path::Path;

/// The version of the set of operators.
pub(crate) const OPSET: i64 = 17;
/// The version of the file format that came with it.
const IR_VERSION: i64 = 8;

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
