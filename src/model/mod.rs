//! A network with weights: the architecture's graph, executed.

mod answer;
mod inputs;
mod optimizer;
pub(crate) mod saved;
mod schedule;
mod timed;

pub use answer::Answer;
pub use inputs::IntoInputs;
pub use optimizer::Optimizer;
pub(crate) use optimizer::Steps;
pub use schedule::Schedule;

use crate::data::{Dataset, Meaning};
use crate::error::{Error, Result};
use crate::graph::lowering::Node;
use crate::kernel::Ends;
use crate::op::{Layer, Params, Pass, Store};
use crate::rng::Rng;
use crate::room::fits;
use crate::shape::Shape;
use crate::space::Architecture;
use crate::task::Task;
use candle_core::{DType, Device, Tensor, Var};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// A network with its weights, built from an [`Architecture`].
///
/// Clones share the weights, as Candle's variables do.
///
/// ```
/// use nascent::prelude::*;
/// let space = Space::new([4], Task::classification(3)).then(linear(8));
/// let model = Model::new(&space.default_architecture()?, &Device::Cpu, 1)?;
/// let x = Tensor::zeros((2, 4), DType::F32, &Device::Cpu)?;
/// assert_eq!(model.forward(&x)?.dims(), [2, 3]);
/// # Ok::<(), nascent::Error>(())
/// ```
#[derive(Clone)]
pub struct Model {
    net: Arc<Inner>,
    /// The meaning of its numbers, if it was trained on data or given them.
    meaning: Arc<Meaning>,
}

struct Inner {
    arch: Architecture,
    device: Device,
    layers: Vec<(Box<dyn Layer>, Vec<usize>)>,
    /// How many later layers read each layer's output, which is dropped after the last one.
    readers: Vec<usize>,
    /// The factor by which each layer shortens a sequence.
    strides: Vec<u32>,
    /// Which layers the output depends on; the others are not computed.
    live: Vec<bool>,
    weights: Vec<(String, Var)>,
    buffers: Vec<(String, Var)>,
}

/// The valid lengths in a batch of tokens `[N, L]`: up to the last symbol that is not 0.
fn find_ends(tokens: &Tensor) -> candle_core::Result<Ends> {
    let rows = tokens.to_dtype(DType::U32)?.to_vec2::<u32>()?;
    let end = |row: &Vec<u32>| row.iter().rposition(|&t| t != 0).map_or(1, |i| i as u32 + 1);
    Ok(Arc::new(rows.iter().map(end).collect()))
}

impl Model {
    /// Builds the network on a device and initialises its weights from the seed.
    ///
    /// # Errors
    /// When the architecture's layers do not fit together, or the device is out of memory.
    pub fn new(
        arch: &Architecture,
        device: &Device,
        seed: impl crate::count::Count,
    ) -> Result<Model> {
        fits(arch.params().saturating_mul(4), || arch.largest_layer())?;
        let params = Params::new(device, seed.to_seed());
        Model::build(arch, params, |id, node, _| format!("{id}.{}", node.op.info.name))
    }

    /// The network of an architecture with the weights that it has in common with the others of its
    /// space: those of the same operation on inputs of the same shapes, at the same place in the tree.
    /// Weights that are not in the store yet are initialised from the seed, whatever came before.
    pub(crate) fn sharing(
        arch: &Architecture,
        device: &Device,
        seed: u64,
        store: &Store,
    ) -> Result<Model> {
        let params = Params::new(device, seed).sharing(store);
        let mut met = HashMap::new();
        Model::build(arch, params, |_, node, inputs| {
            let shapes: Vec<String> = inputs.iter().map(Shape::to_string).collect();
            let name = format!("{:016x}.{} of {}", node.site, node.op, shapes.join(" and "));
            // Two nodes at one site are told apart by their order.
            let before = met.entry(name.clone()).or_insert(0);
            *before += 1;
            if *before > 1 { format!("{name} {before}") } else { name }
        })
    }

    fn build(
        arch: &Architecture,
        mut params: Params,
        mut name: impl FnMut(usize, &Node, &[Shape]) -> String,
    ) -> Result<Model> {
        let graph = arch.graph()?;
        let mut layers = Vec::with_capacity(graph.nodes.len());
        let mut readers = vec![0; graph.nodes.len()];
        let live = graph.live();
        for (id, node) in graph.nodes.iter().enumerate() {
            let inputs: Vec<Shape> =
                node.inputs.iter().map(|&i| graph.nodes[i].plan.output.clone()).collect();
            params.enter(name(id, node, &inputs));
            layers
                .push(((node.op.info.build)(&node.op, &inputs, &mut params)?, node.inputs.clone()));
            if live[id] {
                node.inputs.iter().for_each(|&i| readers[i] += 1);
            }
        }
        let net = Arc::new(Inner {
            arch: arch.clone(),
            device: params.device,
            layers,
            readers,
            strides: graph.nodes.iter().map(|n| n.op.stride() as u32).collect(),
            live,
            weights: params.weights,
            buffers: params.buffers,
        });
        Ok(Model { net, meaning: Arc::default() })
    }

    /// The output for a batch of inputs `[N, ...]`, which must already be scaled if the training data were
    /// ([`Model::predict`] scales them itself). This is evaluation mode: running statistics, no dropout.
    /// Classes are given as logits.
    ///
    /// # Errors
    /// When the inputs have another shape than the space's.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(self.run(x, &mut Pass::new(false, None))?)
    }

    /// The output in training mode: with batch statistics, which also update the running ones, and with
    /// dropout from the given random stream.
    ///
    /// # Errors
    /// When the inputs have another shape than the space's.
    pub fn forward_train(&self, x: &Tensor, rng: &mut Rng) -> Result<Tensor> {
        let mut pass = Pass::new(true, Some(rng.clone()));
        let y = self.run(x, &mut pass)?;
        if let Some(after) = pass.rng {
            *rng = after;
        }
        Ok(y)
    }

    pub(crate) fn run(&self, x: &Tensor, pass: &mut Pass) -> candle_core::Result<Tensor> {
        let m = &*self.net;
        let wanted = m.arch.space().input();
        if x.dims().get(1..) != Some(wanted.as_slice()) {
            let given = x.dims();
            candle_core::bail!(
                "the model needs a batch of inputs of {wanted}, and was given {given:?}"
            );
        }
        // Numbers in a notebook are f64 by default; weights are f32.
        let x = match wanted.vocabulary() {
            None => x.to_dtype(DType::F32)?,
            Some(_) => x.clone(),
        };
        // The valid lengths in the output of each layer.
        let mut ends: Vec<Option<Ends>> = vec![None; m.layers.len()];
        if wanted.is_padded() && wanted.vocabulary().is_some() {
            ends[0] = Some(find_ends(&x)?);
        }
        let mut left = m.readers.clone();
        let mut outputs: Vec<Option<Tensor>> = vec![None; m.layers.len()];
        outputs[0] = Some(x);
        for (id, (layer, from)) in m.layers.iter().enumerate().skip(1) {
            if !m.live[id] {
                continue;
            }
            let inputs: Vec<&Tensor> = from.iter().filter_map(|&i| outputs[i].as_ref()).collect();
            pass.ends = from.iter().find_map(|&i| ends[i].clone());
            let y = layer.forward(&inputs, pass)?;
            ends[id] = pass.ends.take().map(|ends| match m.strides[id] {
                1 => ends,
                s => Arc::new(ends.iter().map(|e| e.div_ceil(s).max(1)).collect()),
            });
            for &i in from {
                left[i] -= 1;
                if left[i] == 0 {
                    outputs[i] = None;
                }
            }
            outputs[id] = Some(y);
        }
        match outputs.pop().flatten() {
            Some(y) => Ok(y),
            None => candle_core::bail!("a network without layers"),
        }
    }

    /// The same network, with shared weights, and with what a data set knows: how its inputs were scaled,
    /// and the words of its classes. [`Train`](crate::Train) does this by itself; it is for networks that
    /// you train on your own.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let data = Dataset::digits().standardised()?;
    /// let arch = Space::on(&data).then(flatten()).default_architecture()?;
    /// let model = Model::new(&arch, &Device::Cpu, 1)?.for_data(&data)?;
    /// assert_eq!(model.predict((&data, Split::Test))?.len(), 359);
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// When the data have another task or inputs of another shape.
    pub fn for_data(&self, data: &Dataset) -> Result<Model> {
        if self.input() != data.shape() || self.task() != data.task() {
            return Err(Error::invalid(
                format!("a model for {}, inputs of {}", self.task(), self.input()),
                format!("the data are {}", data.line()),
                "the data that its space was built on",
            ));
        }
        Ok(self.with_meaning(data.meaning()))
    }

    pub(crate) fn with_meaning(&self, meaning: Meaning) -> Model {
        Model { net: self.net.clone(), meaning: Arc::new(meaning) }
    }

    pub(crate) fn meaning(&self) -> &Meaning {
        &self.meaning
    }

    /// The task.
    pub fn task(&self) -> Task {
        self.net.arch.space().task()
    }

    /// The shape of one input.
    pub fn input(&self) -> Shape {
        self.net.arch.space().input()
    }

    /// The words of the classes in the order of their numbers: those of the data that it was trained on,
    /// or else the numbers themselves. Empty if there are no classes.
    pub fn classes(&self) -> Vec<String> {
        match self.task() {
            Task::Classification { classes } if self.meaning.classes.is_empty() => {
                (0..classes).map(|c| c.to_string()).collect()
            }
            _ => self.meaning.classes.clone(),
        }
    }

    /// Whether [`Model::predict`] scales the inputs, as [`Dataset::standardised`] scaled the data that the
    /// model was trained on. [`Model::forward`] takes inputs that are already scaled.
    pub fn scales(&self) -> bool {
        self.meaning.inputs.is_some()
    }

    /// The architecture.
    pub fn architecture(&self) -> Architecture {
        self.net.arch.clone()
    }

    /// The device that the weights are on.
    pub fn device(&self) -> Device {
        self.net.device.clone()
    }

    /// The trained weights, for an optimiser of your own.
    pub fn vars(&self) -> Vec<Var> {
        self.net.weights.iter().map(|(_, v)| v.clone()).collect()
    }

    /// The trained weights and the running statistics by name.
    pub fn named_vars(&self) -> Vec<(String, Var)> {
        self.net.weights.iter().chain(&self.net.buffers).cloned().collect()
    }

    pub(crate) fn weights(&self) -> &[(String, Var)] {
        &self.net.weights
    }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = crate::words::thousands(self.net.arch.params() as u128);
        write!(f, "model {} with {n} parameters", self.net.arch)?;
        if self.meaning.data.is_empty() {
            return Ok(());
        }
        write!(f, ", for {}", self.meaning.data)?;
        if self.scales() { f.write_str(", scales its inputs itself") } else { Ok(()) }
    }
}

crate::draw::debug_as_display!(Model);
