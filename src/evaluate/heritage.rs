//! Weights that a training begins with: those that another training ended with, which may have begun with
//! those of a third, and so on.
//!
//! A training with an ancestor is still a pure function: of architecture, budget, seed and ancestor. What the
//! shelf has lost is trained again, from the nearest ancestor whose weights are still there, or from the first.

use super::Budget;
use super::shelf::{Put, Shelf};
use crate::error::Result;
use crate::space::Architecture;
use candle_core::Tensor;
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
        let see = |one: &Ancestor| {
            let (seed, epochs) = (one.budget.seed(), one.budget.epochs_allowed());
            shelf?.see(one.arch.decided(), seed, epochs)?.downcast::<Vec<Tensor>>().ok()
        };
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
    let (decisions, seed, epoch) = (arch.decisions(), budget.seed(), budget.epochs_allowed());
    if shelf.see(&decisions, seed, epoch).is_none() {
        let size = |t: &Tensor| t.elem_count() * t.dtype().size_in_bytes();
        let bytes = weights.iter().map(size).sum();
        shelf.put(Put { decisions, seed, epoch, bytes, training: weights.clone(), stays: true });
    }
}
