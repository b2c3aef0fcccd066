//! Weights that several networks have in common, and the slices of them that some have.

use super::slices::{slice, within_zeros};
use crate::error::Result;
use candle_core::backprop::GradStore;
use candle_core::{Device, Tensor, Var};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Weights and buffers that several networks have in common, by name: what one has made, the next one
/// finds. Clones are the same store.
#[derive(Clone, Default)]
pub(crate) struct Store {
    vars: Arc<Mutex<BTreeMap<String, Var>>>,
    /// Whether smaller weights are slices of larger ones; see `slices.rs`.
    slices: bool,
}

impl Store {
    /// With weights that are slices of larger ones, or not.
    pub(crate) fn new(slices: bool) -> Store {
        Store { slices, ..Store::default() }
    }

    pub(crate) fn slices(&self) -> bool {
        self.slices
    }

    /// A store of the same weights, in which what is made from now on is its own.
    pub(crate) fn fork(&self) -> Store {
        let vars = self.all().clone();
        Store { vars: Arc::new(Mutex::new(vars)), slices: self.slices }
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Var>> {
        self.vars.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get(&self, name: &str) -> Option<Var> {
        self.all().get(name).cloned()
    }

    /// How many numbers it holds.
    pub(crate) fn numbers(&self) -> usize {
        self.all().values().map(|var| var.elem_count()).sum()
    }

    /// All of them by name.
    pub(crate) fn vars(&self) -> Vec<(String, Var)> {
        self.all().iter().map(|(name, var)| (name.clone(), var.clone())).collect()
    }

    /// Their values by name.
    pub(crate) fn named(&self) -> Vec<(String, Tensor)> {
        self.vars().into_iter().map(|(name, var)| (name, var.as_detached_tensor())).collect()
    }

    pub(crate) fn put(&self, name: String, var: Var) {
        self.all().insert(name, var);
    }
}

/// A weight of a network and the name of the one that it is a slice of.
pub(crate) struct Part {
    /// Its place among the weights.
    pub(super) at: usize,
    pub(super) whole: String,
}

/// What a network has of a store that other networks have too.
pub(crate) struct Parts {
    store: Store,
    list: Vec<Part>,
}

impl Parts {
    pub(super) fn new(store: &Store, list: Vec<Part>) -> Parts {
        Parts { store: store.clone(), list }
    }

    /// The weights, with the wholes in place of the slices.
    pub(crate) fn wholes(&self, weights: &[(String, Var)]) -> Vec<(String, Var)> {
        let mut all = weights.to_vec();
        for part in &self.list {
            if let Some(whole) = self.store.get(&part.whole) {
                all[part.at] = (part.whole.clone(), whole);
            }
        }
        all
    }

    /// Moves the gradients of slices to the wholes.
    pub(crate) fn spread(&self, grads: &mut GradStore, weights: &[(String, Var)]) -> Result<()> {
        for part in &self.list {
            let (var, whole) = (&weights[part.at].1, self.store.get(&part.whole));
            let Some(whole) = whole.filter(|whole| whole.id() != var.id()) else { continue };
            if let Some(grad) = grads.remove(var) {
                grads.insert(&whole, within_zeros(&grad, whole.dims())?);
            }
        }
        Ok(())
    }
}

impl Store {
    /// A weight of these dimensions, of the whole of this name. What the whole lacks is made: numbers for
    /// dimensions.
    pub(super) fn part(
        &self,
        name: &str,
        dims: &[usize],
        device: &Device,
        make: impl FnOnce(&[usize]) -> Vec<f32>,
    ) -> Result<Var> {
        let whole = self.get(name);
        if let Some(whole) = &whole {
            if whole.dims() == dims {
                return Ok(whole.clone());
            }
            if whole.dims().iter().zip(dims).all(|(has, asked)| has >= asked) {
                return Ok(Var::from_tensor(&slice(whole, dims)?)?);
            }
        }
        let has = whole.as_ref().map_or(vec![], |whole| whole.dims().to_vec());
        let larger = |axis: usize| has.get(axis).copied().unwrap_or(0).max(dims[axis]);
        let dims_of_all: Vec<usize> = (0..dims.len()).map(larger).collect();
        let fresh = Tensor::from_vec(make(&dims_of_all), &dims_of_all[..], device)?;
        let all = match &whole {
            // Ones where the old numbers go, and there the old ones in place of the new.
            Some(old) => {
                let ones = Tensor::ones(old.dims(), old.dtype(), device)?;
                let kept = within_zeros(&ones, &dims_of_all)?;
                let keeps = (fresh * (1.0 - kept)?)?;
                (keeps + within_zeros(old.as_tensor(), &dims_of_all)?)?
            }
            None => fresh,
        };
        let all = Var::from_tensor(&all.detach())?;
        self.put(name.to_string(), all.clone());
        match all.dims() == dims {
            true => Ok(all),
            false => Ok(Var::from_tensor(&slice(&all, dims)?)?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(dims: &[usize]) -> Vec<f32> {
        (0..dims.iter().product()).map(|i| i as f32).collect()
    }

    #[test]
    fn a_whole_grows_around_what_it_has() {
        let store = Store::default();
        let ask = |dims: &[usize]| store.part("w", dims, &Device::Cpu, numbers).unwrap();
        let small = ask(&[2, 1, 3]).to_vec3::<f32>().unwrap();
        let wide = ask(&[4, 1, 1]);
        assert_eq!(store.get("w").unwrap().dims(), [4, 1, 3], "the largest of each");
        assert_eq!(ask(&[2, 1, 3]).to_vec3::<f32>().unwrap(), small);
        assert_eq!(wide.to_vec3::<f32>().unwrap()[0], [[small[0][0][1]]]);
        ask(&[1, 1, 5]);
        assert_eq!(ask(&[2, 1, 3]).to_vec3::<f32>().unwrap(), small);
        assert_eq!(ask(&[4, 1, 1]).to_vec3::<f32>().unwrap(), wide.to_vec3::<f32>().unwrap());
    }

    #[test]
    fn the_gradient_of_a_slice_goes_to_where_it_was_taken_from() {
        let store = Store::new(true);
        store.part("w", &[3, 3], &Device::Cpu, numbers).unwrap();
        let part = store.part("w", &[2, 1], &Device::Cpu, numbers).unwrap();
        let (weights, whole) =
            (vec![("w of 1".to_string(), part.clone())], store.get("w").unwrap());
        let parts = Parts::new(&store, vec![Part { at: 0, whole: "w".into() }]);
        let mut grads = part.sqr().unwrap().sum_all().unwrap().backward().unwrap();
        parts.spread(&mut grads, &weights).unwrap();
        let grad = grads.get(&whole).unwrap().to_vec2::<f32>().unwrap();
        assert_eq!(grad, [[0.0, 0.0, 0.0], [6.0, 0.0, 0.0], [0.0; 3]]);
        assert_eq!(parts.wholes(&weights)[0].1.id(), whole.id());
    }
}
