//! Layer normalisation (arXiv 1607.06450): y = gamma (x - mean) / sqrt(var + eps) + beta, with the
//! mean and the variance of each position of a sequence, or of a whole vector or image.
//!
//! Unlike in batch normalisation, no sample depends on the others, and training and evaluation are
//! the same. Eps is 1e-5; gamma and beta have the shape of what is normalised, as in PyTorch.

use crate::chart::Family;
use crate::error::Result;
use crate::kernel;
use crate::layer::wants::not;
use crate::op::{Facts, Layer, LayerInfo, Op, Params, Pass, Plan};
use crate::shape::Shape;
use crate::tree::Block;
use candle_core::{Tensor, Var};

/// Layer normalisation of each position of a sequence `[L, D]`, of all features of a vector `[F]`, or
/// of all values of an image `[C, H, W]`. The shape stays.
///
/// ```
/// use nascent::prelude::*;
/// let space = Space::new([6], Task::next_token(5)).then(embedding(8)).then(layer_norm());
/// assert_eq!(space.default_architecture()?.layers()[2].params, 8 + 8);
/// # Ok::<(), nascent::Error>(())
/// ```
#[doc(alias("layernorm", "layer_normalization", "LayerNorm", "LayerNormalization"))]
pub fn layer_norm() -> Block {
    Block::layer(&LAYER_NORM, vec![])
}

pub(crate) static LAYER_NORM: LayerInfo = LayerInfo {
    name: "layer_norm",
    family: Family::Norm,
    about: "normalisation of each position or sample by itself",
    args: &[],
    facts: Facts { slices: |_| Some(&[]), ..Facts::KEEPS_ZERO },
    plan,
    build: |op, inputs, p| Ok(Box::new(LayerNorm::build("", normalised(op, inputs)?.0, p)?)),
};

/// The dimensions of a row that is normalised, and the number of rows in a sample.
fn normalised<'a>(op: &Op, inputs: &'a [Shape]) -> Result<(&'a [usize], usize)> {
    match (inputs[0].as_slice(), inputs[0].vocabulary()) {
        (_, Some(_)) => Err(not(op, inputs, "numbers")),
        ([l, d @ ..], None) if d.len() == 1 => Ok((d, *l)),
        (all, None) => Ok((all, 1)),
    }
}

/// A training step keeps the output, and a mean and a deviation for every row.
fn plan(op: &Op, inputs: &[Shape]) -> Result<Plan> {
    let (dims, rows) = normalised(op, inputs)?;
    let free = Plan::free(inputs[0].clone());
    Ok(Plan {
        params: super::conv::product(dims).saturating_mul(2),
        kept: free.kept.saturating_add((rows as u64).saturating_mul(2)),
        ..free
    })
}

const EPS: f64 = 1e-5;

/// The normalisation, also for blocks that begin with one.
pub(super) struct LayerNorm {
    /// Scale and shift; none in a network without normalisations.
    learned: Option<(Var, Var)>,
}

impl LayerNorm {
    pub(super) fn build(prefix: &str, dims: &[usize], p: &mut Params) -> Result<Self> {
        if !p.norms {
            return Ok(LayerNorm { learned: None });
        }
        let gamma = p.constant(&format!("{prefix}gamma"), dims, 1.0)?;
        let beta = p.constant(&format!("{prefix}beta"), dims, 0.0)?;
        Ok(LayerNorm { learned: Some((gamma, beta)) })
    }

    pub(super) fn apply(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        match &self.learned {
            Some((gamma, beta)) => kernel::layer_norm(x, gamma, beta, EPS),
            None => Ok(x.clone()),
        }
    }
}

impl Layer for LayerNorm {
    fn forward(&self, inputs: &[&Tensor], _: &mut Pass) -> candle_core::Result<Tensor> {
        self.apply(inputs[0])
    }
}
