//! Weights that a training begins with: those that another training ended with, which may have begun with
//! those of a third, and so on.
//!
//! A training with an ancestor is still a pure function: of architecture, budget, seed and ancestor. What the
//! shelf has lost is trained again, from the nearest ancestor whose weights are still there, or from the first.

use super::Budget;
use super::shelf::Shelf;
use super::shelf_files::WEIGHTS;
use super::shelved::{Key, Shelved};
use crate::error::Result;
use crate::space::Architecture;
use candle_core::{Device, Tensor};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A training that has ended, and what it began with.
pub(crate) struct Ancestor {
    pub(crate) arch: Architecture,
    pub(crate) budget: Budget,
    pub(crate) before: Option<Arc<Ancestor>>,
}

/// Weights and statistics in the order of the network.
pub(super) type Weights = Arc<Vec<Tensor>>;

/// Weights, and the architecture that they are of.
pub(super) type Heirloom<'a> = (&'a Architecture, Weights);

/// What has to be trained before the weights of an ancestor are there.
pub(super) struct Line<'a> {
    /// The last comes first.
    missing: Vec<&'a Ancestor>,
    /// The weights that the first of them begins with.
    known: Option<Heirloom<'a>>,
}

impl<'a> Line<'a> {
    pub(super) fn of(ancestor: &'a Ancestor, shelf: Option<&Shelf>) -> Line<'a> {
        let see = |one: &Ancestor| shelf?.see(key(&one.arch, &one.budget));
        let (mut missing, mut next) = (vec![], Some(ancestor));
        while let Some(one) = next {
            if let Some(weights) = see(one) {
                return Line { missing, known: Some((&one.arch, weights)) };
            }
            missing.push(one);
            next = one.before.as_deref();
        }
        Line { missing, known: None }
    }

    /// The most bytes that one of the trainings takes, in batches of so many.
    pub(super) fn memory(&self, batch: i64) -> usize {
        self.missing.iter().map(|a| a.arch.memory(batch)).max().unwrap_or(0)
    }

    /// The weights of the ancestor. What is missing is trained: an ancestor, beginning with these weights.
    pub(super) fn end(
        mut self,
        mut train: impl FnMut(&'a Ancestor, Option<Heirloom<'a>>) -> Result<Weights>,
    ) -> Result<Option<Heirloom<'a>>> {
        while let Some(one) = self.missing.pop() {
            self.known = Some((&one.arch, train(one, self.known.take())?));
        }
        Ok(self.known)
    }
}

/// Puts weights away, for whoever may inherit them.
pub(super) fn put(shelf: Option<&Shelf>, arch: &Architecture, budget: &Budget, weights: &Weights) {
    let Some(shelf) = shelf else { return };
    let key = key(arch, budget);
    if shelf.see::<Vec<Tensor>>(key).is_none() {
        shelf.put(key, weights.clone());
    }
}

/// Of an evaluation with this budget.
pub(super) fn key<'a>(arch: &'a Architecture, budget: &Budget) -> Key<'a> {
    Key { decisions: arch.decided(), seed: budget.seed(), epoch: budget.epochs_allowed() }
}

impl Shelved for Vec<Tensor> {
    const STAYS: bool = true;
    const ENDING: &str = WEIGHTS;

    fn size(&self) -> usize {
        self.iter().map(|t| t.elem_count() * t.dtype().size_in_bytes()).sum()
    }

    fn to_bytes(&self) -> Vec<u8> {
        let named: BTreeMap<String, Tensor> = (0..self.len()).map(name).zip(self.clone()).collect();
        // Tensors of known types in main memory: nothing can fail.
        safetensors::serialize(named, None).unwrap_or_default()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut all = candle_core::safetensors::load_buffer(bytes, &Device::Cpu).ok()?;
        (0..all.len()).map(|i| all.remove(&name(i))).collect()
    }
}

fn name(i: usize) -> String {
    i.to_string()
}
