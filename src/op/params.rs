//! The weights of a network while it is built: each has a name and is initialised from a random stream
//! of its own.

use super::store::{Part, Parts, Store};
use crate::error::Result;
use crate::rng::Rng;
use candle_core::{DType, Device, Tensor, Var};

/// Collects the weights (trained) and the buffers (running statistics) of a network.
pub(crate) struct Params {
    pub(crate) weights: Vec<(String, Var)>,
    pub(crate) buffers: Vec<(String, Var)>,
    pub(crate) device: Device,
    pub(crate) dtype: DType,
    /// Whether there are normalisations, or nothing in their places.
    pub(crate) norms: bool,
    rng: Rng,
    prefix: String,
    /// The beginning of the names of larger weights of which the next ones may be slices.
    whole: Option<String>,
    parts: Vec<Part>,
    /// Where the weights are that other networks have too, if there are such.
    store: Option<Store>,
    /// Whether a normalisation has a scale and a shift to learn.
    affine: bool,
}

impl Params {
    pub(crate) fn new(device: &Device, seed: u64) -> Self {
        Params {
            weights: vec![],
            buffers: vec![],
            device: device.clone(),
            dtype: DType::F32,
            norms: true,
            rng: Rng::from_u64(seed),
            prefix: String::new(),
            whole: None,
            parts: vec![],
            store: None,
            affine: true,
        }
    }

    /// The same, with the weights that are in the store already, and adding to them.
    pub(crate) fn sharing(self, store: &Store) -> Self {
        Params { store: Some(store.clone()), ..self }
    }

    /// The same in 64 bits and without normalisations, for a network that is not trained.
    pub(crate) fn bare(self) -> Self {
        Params { dtype: DType::F64, norms: false, ..self }
    }

    /// Sets the beginning of the names that follow.
    pub(crate) fn enter(&mut self, prefix: String) {
        (self.prefix, self.whole) = (prefix, None);
    }

    /// Sets the beginning of the names of larger weights that the ones that follow may be slices of.
    pub(crate) fn slice_of(&mut self, whole: Option<String>) {
        self.whole = whole;
    }

    /// What there is of a store, if the weights are shared.
    pub(crate) fn parts(&mut self) -> Option<Parts> {
        let list = std::mem::take(&mut self.parts);
        self.store.as_ref().map(|store| Parts::new(store, list))
    }

    /// Sets whether the normalisations that follow learn a scale and a shift.
    pub(crate) fn learn_affine(&mut self, affine: bool) {
        self.affine = affine;
    }

    fn name(&self, name: &str) -> String {
        format!("{}.{name}", self.prefix)
    }

    /// The variable of a name, made if there is none.
    fn var(&self, name: &str, make: impl FnOnce() -> candle_core::Result<Tensor>) -> Result<Var> {
        if let Some(var) = self.store.as_ref().and_then(|store| store.get(name)) {
            return Ok(var);
        }
        let var = Var::from_tensor(&make()?.to_dtype(self.dtype)?)?;
        if let Some(store) = &self.store {
            store.put(name.to_string(), var.clone());
        }
        Ok(var)
    }

    fn keep(
        &mut self,
        name: &str,
        dims: &[usize],
        values: impl FnOnce(&Params, &str, &[usize]) -> Vec<f32>,
    ) -> Result<Var> {
        let full = self.name(name);
        let var = match (&self.store, &self.whole) {
            (Some(store), Some(whole)) => {
                let whole = format!("{whole}.{name}");
                let make = |dims: &[usize]| values(self, &whole, dims);
                let var = store.part(&whole, dims, &self.device, make)?;
                self.parts.push(Part { at: self.weights.len(), whole });
                var
            }
            _ => {
                let make = || Tensor::from_vec(values(self, &full, dims), dims, &self.device);
                self.var(&full, make)?
            }
        };
        self.weights.push((full, var.clone()));
        Ok(var)
    }

    /// Every weight is drawn from a stream of its own, named after it.
    fn drawn(&mut self, name: &str, dims: &[usize], draw: impl Fn(&mut Rng) -> f64) -> Result<Var> {
        self.keep(name, dims, |params, name, dims| {
            let mut rng = params.rng.stream(name, 0);
            (0..dims.iter().product()).map(|_| draw(&mut rng) as f32).collect()
        })
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
        self.keep(name, dims, |_, _, dims| vec![value; dims.iter().product()])
    }

    /// The scale or the shift of a normalisation over the batch, one number per channel.
    pub(crate) fn affine(&mut self, name: &str, dims: &[usize], value: f32) -> Result<Var> {
        match self.affine {
            true => self.constant(name, dims, value),
            false => Ok(Var::from_tensor(&Tensor::full(value, dims, &self.device)?)?),
        }
    }

    /// A running statistic, which is stored with the weights but not trained.
    pub(crate) fn buffer(&mut self, name: &str, dim: usize, value: f32) -> Result<Var> {
        let name = self.name(name);
        let var = self.var(&name, || Tensor::full(value, dim, &self.device))?;
        self.buffers.push((name, var.clone()));
        Ok(var)
    }
}
