//! Batch normalisation (arXiv 1502.03167): y = gamma (x - mean) / sqrt(var + eps) + beta, with
//! a mean and a variance per channel.
//!
//! In training these are the batch's, and running averages follow them with a momentum of 0.1 (using
//! the unbiased variance, as in PyTorch); in evaluation the running averages are used instead.

use crate::chart::Family;
use crate::error::Result;
use crate::kernel;
use crate::layer::wants::not;
use crate::op::{Activation, Channels, Facts, Layer, LayerInfo, Op, Params, Pass, Plan};
use crate::shape::Shape;
use crate::tree::Block;
use candle_core::{Tensor, Var};

/// Batch normalisation of every channel of an image `[C, H, W]`, or of every feature of a vector
/// `[F]` or a sequence `[L, D]`.
///
/// [`conv`](crate::conv) and [`sep_conv`](crate::sep_conv) include it. The statistics of a training
/// step are taken over all samples and positions, padding included, so in a network for the next
/// token the result at a position depends slightly on later ones. In evaluation it does not;
/// [`layer_norm`](crate::layer_norm) has no such dependence.
#[doc(alias("batchnorm", "batchnorm1d", "batchnorm2d", "batch_norm1d", "batch_norm2d"))]
#[doc(alias = "batch_normalization")]
#[doc(alias("BatchNorm", "BatchNorm1d", "BatchNorm2d", "BatchNormalization"))]
pub fn batch_norm() -> Block {
    Block::layer(&BATCH_NORM, vec![])
}

pub(crate) static BATCH_NORM: LayerInfo = LayerInfo {
    name: "batch_norm",
    family: Family::Norm,
    about: "batch normalisation",
    args: &[],
    facts: Facts { slices: |_| Some(&[]), channels: Channels::Each, ..Facts::KEEPS_ZERO },
    plan,
    build: |op, inputs, p| match p.norms {
        true => Ok(Box::new(Norm::build(channels(op, inputs)?, p)?)),
        false => Ok(Box::new(Activation::Identity)),
    },
};

fn channels(op: &Op, inputs: &[Shape]) -> Result<usize> {
    match (inputs[0].as_slice(), inputs[0].vocabulary()) {
        ([c] | [c, _, _] | [_, c], None) => Ok(*c),
        _ => Err(not(op, inputs, "numbers")),
    }
}

fn plan(op: &Op, inputs: &[Shape]) -> Result<Plan> {
    let params = 2 * channels(op, inputs)? as u64;
    let single = (inputs[0].elements() as u64).saturating_mul(2);
    Ok(Plan { params, single, ..Plan::free(inputs[0].clone()) })
}

/// What is added to a variance.
pub(crate) const EPS: f64 = 1e-5;

pub(crate) struct Norm {
    gamma: Var,
    beta: Var,
    mean: Var,
    var: Var,
}

impl Norm {
    pub(super) fn build(channels: usize, p: &mut Params) -> Result<Self> {
        Ok(Norm {
            gamma: p.affine("gamma", &[channels], 1.0)?,
            beta: p.affine("beta", &[channels], 0.0)?,
            mean: p.buffer("running_mean", channels, 0.0)?,
            var: p.buffer("running_var", channels, 1.0)?,
        })
    }

    /// Normalises, and with `relu` applies ReLU in the same pass.
    pub(super) fn forward(
        &self,
        x: &Tensor,
        pass: &mut Pass,
        relu: bool,
    ) -> candle_core::Result<Tensor> {
        if !pass.train {
            let (m, v) = (&self.mean, &self.var);
            return kernel::batch_norm_eval(x, &self.gamma, &self.beta, m, v, EPS, relu);
        }
        let (y, mean, var) = kernel::batch_norm(x, &self.gamma, &self.beta, EPS, relu)?;
        pass.variances(&var)?;
        for (running, batch) in [(&self.mean, mean), (&self.var, var)] {
            let old = (running.as_detached_tensor() * (1.0 - pass.momentum))?;
            running.set(&(old + (batch * pass.momentum)?)?)?;
        }
        Ok(y)
    }
}

impl Layer for Norm {
    fn forward(&self, inputs: &[&Tensor], pass: &mut Pass) -> candle_core::Result<Tensor> {
        match inputs[0].dims() {
            &[n, l, d] => {
                let rows = inputs[0].reshape((n * l, d))?;
                Norm::forward(self, &rows, pass, false)?.reshape((n, l, d))
            }
            _ => Norm::forward(self, inputs[0], pass, false),
        }
    }
}
