//! The weights of a network while it is built: each has a name and is initialised from a random stream
//! of its own.

use crate::error::Result;
use crate::rng::Rng;
use candle_core::{Device, Tensor, Var};

/// Collects the weights (trained) and the buffers (running statistics) of a network.
pub(crate) struct Params {
    pub(crate) weights: Vec<(String, Var)>,
    pub(crate) buffers: Vec<(String, Var)>,
    device: Device,
    rng: Rng,
    prefix: String,
}

impl Params {
    pub(crate) fn new(device: &Device, seed: u64) -> Self {
        Params {
            weights: vec![],
            buffers: vec![],
            device: device.clone(),
            rng: Rng::from_u64(seed),
            prefix: String::new(),
        }
    }

    /// Sets the beginning of the names that follow.
    pub(crate) fn enter(&mut self, prefix: String) {
        self.prefix = prefix;
    }

    fn name(&self, name: &str) -> String {
        format!("{}.{name}", self.prefix)
    }

    fn keep(&mut self, name: &str, values: Vec<f32>, dims: &[usize]) -> Result<Var> {
        let var = Var::from_tensor(&Tensor::from_vec(values, dims, &self.device)?)?;
        self.weights.push((self.name(name), var.clone()));
        Ok(var)
    }

    /// Every weight is drawn from a stream of its own, named after it.
    fn drawn(&mut self, name: &str, dims: &[usize], draw: impl Fn(&mut Rng) -> f64) -> Result<Var> {
        let mut rng = self.rng.stream(&self.name(name), 0);
        let values = (0..dims.iter().product()).map(|_| draw(&mut rng) as f32).collect();
        self.keep(name, values, dims)
    }

    /// Uniform in ±1/sqrt(fan_in): PyTorch's default for convolutions and linear layers, so that results
    /// are comparable.
    pub(crate) fn uniform(&mut self, name: &str, dims: &[usize], fan_in: usize) -> Result<Var> {
        self.within(name, dims, 1.0 / (fan_in.max(1) as f64).sqrt())
    }

    /// Uniform in ±bound.
    pub(crate) fn within(&mut self, name: &str, dims: &[usize], bound: f64) -> Result<Var> {
        self.drawn(name, dims, |rng| bound * (2.0 * rng.uniform() - 1.0))
    }

    /// Uniform in ±sqrt(6 / (fan_in + fan_out)) for a matrix [fan_out, fan_in] (Glorot and Bengio,
    /// 2010): PyTorch's default for the projections of attention.
    pub(crate) fn xavier(&mut self, name: &str, dims: &[usize; 2]) -> Result<Var> {
        self.within(name, dims, (6.0 / (dims[0] + dims[1]).max(1) as f64).sqrt())
    }

    /// Standard normal: the default for embeddings.
    pub(crate) fn normal(&mut self, name: &str, dims: &[usize]) -> Result<Var> {
        self.drawn(name, dims, Rng::normal)
    }

    pub(crate) fn constant(&mut self, name: &str, dims: &[usize], value: f32) -> Result<Var> {
        self.keep(name, vec![value; dims.iter().product()], dims)
    }

    /// A running statistic, which is stored with the weights but not trained.
    pub(crate) fn buffer(&mut self, name: &str, dim: usize, value: f32) -> Result<Var> {
        let var = Var::from_tensor(&Tensor::full(value, dim, &self.device)?)?;
        self.buffers.push((self.name(name), var.clone()));
        Ok(var)
    }
}
