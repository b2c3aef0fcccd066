//! A network with weights: the architecture's graph, executed.

mod answer;
mod inherit;
mod inputs;
mod mixed;
mod morph;
mod net;
mod optimizer;
pub(crate) mod saved;
mod schedule;
mod timed;

pub use answer::Answer;
pub use inputs::IntoInputs;
pub(crate) use mixed::Mixed;
pub use optimizer::Optimizer;
pub(crate) use optimizer::Steps;
pub use schedule::Schedule;

use crate::data::{Dataset, Meaning};
use crate::error::{Error, Result};
use crate::graph::lowering::Node;
use crate::op::{Params, Pass, Store};
use crate::rng::Rng;
use crate::room::fits;
use crate::shape::Shape;
use crate::space::Architecture;
use crate::task::Task;
use candle_core::backprop::GradStore;
use candle_core::{Device, Tensor, Var};
use net::Net;
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
    inner: Arc<Inner>,
    /// The meaning of its numbers, if it was trained on data or given them.
    meaning: Arc<Meaning>,
}

struct Inner {
    arch: Architecture,
    net: Net,
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
        Model::alone(arch, Params::new(device, seed.to_seed()))
    }

    /// The network without its normalisations and in 64 bits, which has numbers large enough for what many
    /// layers make of each other where nothing brings them back to 1.
    pub(crate) fn bare(arch: &Architecture, device: &Device, seed: u64) -> Result<Model> {
        fits(arch.params().saturating_mul(8), || arch.largest_layer())?;
        Model::alone(arch, Params::new(device, seed).bare())
    }

    fn alone(arch: &Architecture, params: Params) -> Result<Model> {
        Model::build(arch, params, |id, node, _| (format!("{id}.{}", node.op.info.name), None))
    }

    /// The network of an architecture with the weights that it has in common with the others of its
    /// space: those of the same operation on inputs of the same shapes, at the same place in the tree. In a
    /// store with slices those of fewer channels or of a smaller kernel are slices of the larger.
    /// Weights that are not in the store yet are initialised from the seed, whatever came before.
    pub(crate) fn sharing(
        arch: &Architecture,
        device: &Device,
        seed: u64,
        store: &Store,
    ) -> Result<Model> {
        let params = Params::new(device, seed).sharing(store);
        // Where it is not known which weights are slices, each size has its own.
        let places = || Some(&arch.of_space().networks().sharing()?.places);
        Model::build(arch, params, net::by_site(store.slices().then(places).flatten()))
    }

    fn build(
        arch: &Architecture,
        params: Params,
        name: impl FnMut(usize, &Node, &[Shape]) -> net::Named,
    ) -> Result<Model> {
        let net = Net::of(arch.graph()?, params, name, |_| true)?;
        let inner = Arc::new(Inner { arch: arch.clone(), net });
        Ok(Model { inner, meaning: Arc::default() })
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
        self.inner.net.run(x, pass)
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
        Model { inner: self.inner.clone(), meaning: Arc::new(meaning) }
    }

    pub(crate) fn meaning(&self) -> &Meaning {
        &self.meaning
    }

    /// The task.
    pub fn task(&self) -> Task {
        self.inner.arch.space().task()
    }

    /// The shape of one input.
    pub fn input(&self) -> Shape {
        self.inner.arch.space().input()
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
        self.inner.arch.clone()
    }

    /// How the names of the weights of each of the graph's nodes begin.
    pub(crate) fn names(&self) -> &[String] {
        &self.inner.net.names
    }

    /// The device that the weights are on.
    pub fn device(&self) -> Device {
        self.inner.net.device.clone()
    }

    /// The trained weights, for an optimiser of your own.
    pub fn vars(&self) -> Vec<Var> {
        self.inner.net.weights.iter().map(|(_, v)| v.clone()).collect()
    }

    /// The trained weights and the running statistics by name.
    pub fn named_vars(&self) -> Vec<(String, Var)> {
        self.inner.net.weights.iter().chain(&self.inner.net.buffers).cloned().collect()
    }

    pub(crate) fn weights(&self) -> &[(String, Var)] {
        &self.inner.net.weights
    }

    /// The weights that an optimiser changes: of slices, what they are slices of.
    pub(crate) fn trained(&self) -> Vec<(String, Var)> {
        let weights = self.weights();
        self.inner.net.parts.as_ref().map_or_else(|| weights.to_vec(), |p| p.wholes(weights))
    }

    /// Moves the gradients of slices to what [`Model::trained`] lists.
    pub(crate) fn spread(&self, grads: &mut GradStore) -> Result<()> {
        let parts = self.inner.net.parts.as_ref();
        parts.map_or(Ok(()), |parts| parts.spread(grads, self.weights()))
    }
}

/// In evaluation mode, as [`Model::forward`].
impl candle_nn::Module for Model {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        self.run(x, &mut Pass::new(false, None))
    }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = crate::words::thousands(self.inner.arch.params() as u128);
        write!(f, "model {} with {n} parameters", self.inner.arch)?;
        if self.meaning.data.is_empty() {
            return Ok(());
        }
        write!(f, ", for {}", self.meaning.data)?;
        if self.scales() { f.write_str(", scales its inputs itself") } else { Ok(()) }
    }
}

crate::draw::debug_as_display!(Model);
