//! A training of shared weights as data: all that another process needs to go on with it.

use crate::error::{Error, Result};
use crate::model::Steps;
use crate::op::Store;
use candle_core::{Device, Tensor, Var};
use std::collections::{BTreeMap, HashMap};

/// The weights, the state of their optimiser, and what else there is to know.
pub(crate) struct Kept {
    pub(crate) state: serde_json::Value,
    /// Steps of the weights, and how many of them some weights have missed.
    pub(crate) steps: usize,
    pub(crate) missed: BTreeMap<String, usize>,
    pub(crate) tensors: Vec<(String, Tensor)>,
}

impl Kept {
    pub(crate) fn of(state: serde_json::Value, store: &Store, steps: &Steps) -> Kept {
        let mut tensors = store.named();
        tensors.extend(steps.named());
        Kept { state, steps: steps.taken, missed: steps.missed(), tensors }
    }

    /// Takes out the tensors whose names begin so, by name.
    pub(crate) fn split_off(&mut self, prefix: &str) -> HashMap<String, Tensor> {
        let all = std::mem::take(&mut self.tensors);
        let (own, rest) = all.into_iter().partition(|(name, _)| name.starts_with(prefix));
        self.tensors = rest;
        let own: Vec<(String, Tensor)> = own;
        own.into_iter().collect()
    }

    /// Sets weights and optimiser to what was kept. Weights exist as soon as a path has led to them, and
    /// have a state as soon as one was trained: so the store gets what it lacks, and the optimiser too.
    pub(crate) fn give(mut self, store: &Store, steps: &mut Steps, device: &Device) -> Result<()> {
        let state = self.split_off("optimizer.");
        for (name, tensor) in self.tensors {
            store.put(name, Var::from_tensor(&tensor.to_device(device)?)?);
        }
        let trained = |name: &str| state.contains_key(&format!("optimizer.0.{name}"));
        let mut vars = store.vars();
        vars.retain(|(name, _)| trained(name));
        steps.take_on(&vars)?;
        for (name, var) in steps.slots() {
            set(&state, &name, &var)?;
        }
        steps.go_on(self.steps, &self.missed);
        Ok(())
    }
}

/// Sets a variable to the tensor of its name.
pub(crate) fn set(tensors: &HashMap<String, Tensor>, name: &str, var: &Var) -> Result<()> {
    let tensor = tensors.get(name).filter(|t| t.dims() == var.dims());
    let tensor = tensor.ok_or_else(|| Error::from(format!("it has no matching {name}")))?;
    Ok(var.set(&tensor.to_device(var.device())?)?)
}
