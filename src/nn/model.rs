//! A network with weights: the architecture's graph, executed.

use crate::arch::{Architecture, Shape};
use crate::error::{Error, ErrorKind, Result};
use crate::kernel::Ends;
use crate::nn::{Layer, Params, fits};
use crate::output;
use crate::rng::Rng;
use candle_core::{DType, Device, Tensor, Var};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::Path;
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
pub struct Model(Arc<Inner>);

struct Inner {
    arch: Architecture,
    device: Device,
    layers: Vec<(Box<dyn Layer>, Vec<usize>)>,
    /// How many later layers read each layer's output, so that it is dropped after the last.
    readers: Vec<usize>,
    /// By how much each layer shortens a sequence.
    strides: Vec<u32>,
    /// Which layers the output depends on: an edge to nowhere is not computed.
    live: Vec<bool>,
    weights: Vec<(String, Var)>,
    buffers: Vec<(String, Var)>,
}

/// One forward pass: training or evaluation, and the stream that dropout draws from.
pub(crate) struct Pass {
    pub(crate) train: bool,
    pub(crate) rng: Option<Rng>,
    /// The valid length of each sample, at least 1, in what the layer is given, where it is padded.
    ends: Option<Ends>,
}

impl Pass {
    pub(crate) fn new(train: bool, rng: Option<Rng>) -> Pass {
        Pass { train, rng, ends: None }
    }

    /// Where the samples end in a batch of `n` sequences of `l` positions, `None` if everywhere at
    /// `l`.
    pub(crate) fn ends_for(&self, n: usize, l: usize) -> Option<Ends> {
        let ends = self.ends.as_ref().filter(|ends| ends.len() == n)?;
        match ends.iter().all(|&e| e as usize <= l) {
            true => Some(ends.clone()),
            false => Some(Arc::new(ends.iter().map(|&e| e.min(l as u32)).collect())),
        }
    }
}

/// Reads the ends off a batch of tokens `[N, L]`: behind the last symbol that is not 0.
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
    pub fn new(arch: &Architecture, device: &Device, seed: impl crate::Count) -> Result<Model> {
        let graph = arch.graph()?;
        fits(arch, arch.params().saturating_mul(4))?;
        let mut params = Params::new(device, seed.to_seed());
        let mut layers = Vec::with_capacity(graph.nodes.len());
        let mut readers = vec![0; graph.nodes.len()];
        let live = graph.live();
        for (id, node) in graph.nodes.iter().enumerate() {
            let inputs: Vec<Shape> =
                node.inputs.iter().map(|&i| graph.nodes[i].plan.output.clone()).collect();
            params.enter(format!("{id}.{}", node.op.info.name));
            layers
                .push(((node.op.info.build)(&node.op, &inputs, &mut params)?, node.inputs.clone()));
            if live[id] {
                node.inputs.iter().for_each(|&i| readers[i] += 1);
            }
        }
        Ok(Model(Arc::new(Inner {
            arch: arch.clone(),
            device: device.clone(),
            layers,
            readers,
            strides: graph.nodes.iter().map(|n| n.op.stride() as u32).collect(),
            live,
            weights: params.weights,
            buffers: params.buffers,
        })))
    }

    /// The output for a batch of inputs `[N, ...]`, in evaluation mode: running statistics, no
    /// dropout. Class scores come as logits.
    ///
    /// # Errors
    /// When the inputs have another shape than the space's.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(self.run(x, &mut Pass::new(false, None))?)
    }

    /// The output in training mode: batch statistics, which also move the running ones, and
    /// dropout from the given stream.
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
        let m = &*self.0;
        let wanted = m.arch.space().input();
        if x.dims().get(1..) != Some(wanted.as_slice()) {
            candle_core::bail!(
                "the model needs a batch of inputs of {wanted}, and was given {:?}",
                x.dims()
            );
        }
        // In a notebook numbers are f64 where nobody says otherwise; weights are f32.
        let x = match wanted.vocabulary() {
            None => x.to_dtype(DType::F32)?,
            Some(_) => x.clone(),
        };
        // Where the samples end, as each layer gives them on.
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

    /// The most likely class (or symbol) of every input; for a regression see [`Model::forward`].
    ///
    /// # Errors
    /// When the inputs have another shape than the space's.
    pub fn predict(&self, x: &Tensor) -> Result<Vec<u32>> {
        let y = self.forward(x)?;
        let last = y.rank() - 1;
        Ok(y.argmax(last)?.flatten_all()?.to_vec1::<u32>()?)
    }

    /// The architecture.
    pub fn architecture(&self) -> Architecture {
        self.0.arch.clone()
    }

    /// The device that the weights are on.
    pub fn device(&self) -> Device {
        self.0.device.clone()
    }

    /// The trained weights, for an optimiser of your own.
    pub fn vars(&self) -> Vec<Var> {
        self.0.weights.iter().map(|(_, v)| v.clone()).collect()
    }

    /// The trained weights and the running statistics by name.
    pub fn named_vars(&self) -> Vec<(String, Var)> {
        self.0.weights.iter().chain(&self.0.buffers).cloned().collect()
    }

    pub(crate) fn weights(&self) -> &[(String, Var)] {
        &self.0.weights
    }

    /// Sets weights and statistics by name; every one of the network's must be there.
    pub(crate) fn set(&self, mut tensors: HashMap<String, Tensor>) -> Result<()> {
        for (name, var) in self.0.weights.iter().chain(&self.0.buffers) {
            let given = tensors.remove(name).ok_or_else(|| {
                Error::new(
                    ErrorKind::File,
                    format!("weight {name} is missing: these are weights of another architecture"),
                )
            })?;
            if given.dims() != var.dims() {
                return Err(Error::new(
                    ErrorKind::File,
                    format!(
                        "weight {name} has shape {:?}, the architecture needs {:?}",
                        given.dims(),
                        var.dims()
                    ),
                ));
            }
            var.set(&given.to_device(&self.0.device)?.to_dtype(var.dtype())?)?;
        }
        Ok(())
    }

    /// Writes `PATH.safetensors` (weights and statistics) and `PATH.json` (architecture and space).
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::new([4], Task::classification(3)).then(linear(any([8, 16])));
    /// let model = Model::new(&space.default_architecture()?, &Device::Cpu, 1)?;
    /// let path = std::env::temp_dir().join(format!("nascent-doc-{}", std::process::id()));
    /// model.save(&path)?;
    /// let again = Model::load(&path, &Device::Cpu)?;
    /// assert_eq!(again.architecture(), model.architecture());
    /// # for end in ["json", "safetensors"] { std::fs::remove_file(path.with_extension(end))?; }
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let (weights, json) = files(path.as_ref());
        let tensors: BTreeMap<String, Tensor> =
            self.named_vars().into_iter().map(|(n, v)| (n, v.as_detached_tensor())).collect();
        let bytes = safetensors::serialize(&tensors, None).map_err(|e| {
            Error::new(ErrorKind::File, format!("writing {}: {e}", weights.display()))
        })?;
        // Both are on disk before one takes its place: weights and architecture stay a pair.
        output::together(&[(&weights, &bytes), (&json, self.0.arch.to_json().as_bytes())])
    }

    /// Reads what [`Model::save`] wrote; `path` is the same path.
    ///
    /// # Errors
    /// When a file is missing or damaged, or the weights are of another architecture.
    pub fn load(path: impl AsRef<Path>, device: &Device) -> Result<Model> {
        let (weights, json) = files(path.as_ref());
        let text = std::fs::read_to_string(&json)
            .map_err(|e| Error::from(e).context(format!("reading {}", json.display())))?;
        let arch = Architecture::from_json(&text)
            .map_err(|e| e.context(format!("reading {}", json.display())))?;
        let model = Model::new(&arch, device, 0)?;
        let named = |e: Error| e.context(format!("reading {}", weights.display()));
        let tensors = candle_core::safetensors::load(&weights, device);
        model.set(tensors.map_err(|e| named(e.into()))?).map_err(named)?;
        Ok(model)
    }
}

/// The two files of a saved model: the path with each ending, or in place of one of them.
fn files(path: &Path) -> (std::path::PathBuf, std::path::PathBuf) {
    let ours = path.extension().is_some_and(|e| e == "json" || e == "safetensors");
    let stem = if ours { path.with_extension("") } else { path.to_path_buf() };
    let with = |end: &str| {
        let mut name = stem.clone().into_os_string();
        name.push(end);
        std::path::PathBuf::from(name)
    };
    (with(".safetensors"), with(".json"))
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = crate::space::thousands(self.0.arch.params() as u128);
        write!(f, "model {} with {n} parameters", self.0.arch)
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
