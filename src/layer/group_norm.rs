//! Group normalisation (arXiv 1803.08494): the channels of a sample form groups, each normalised by
//! its own mean and variance; then y = gamma h + beta, with one gamma and one beta per channel.
//!
//! It lies between layer normalisation (one group) and instance normalisation (one group per
//! channel), and does not depend on other samples, which suits small batches. Eps is 1e-5, as in
//! PyTorch.

use crate::chart::Family;
use crate::error::Result;
use crate::kernel;
use crate::layer::wants::not;
use crate::op::{Activation, Facts, Layer, LayerInfo, Op, Params, Pass, Plan, Setting};
use crate::shape::Shape;
use crate::tree::{Block, IntoInts};
use candle_core::{Tensor, Var};

/// Group normalisation of an image `[C, H, W]` or a vector `[C]`; `groups` must divide `C`. The
/// shape stays.
///
/// ```
/// use nascent::prelude::*;
/// let space = Space::new([12, 4, 4], Task::classification(2)).then(group_norm(any([4, 5])));
/// assert_eq!(space.decode([0])?.layers()[1].params, 12 + 12);
/// let e = space.decode([1])?.check().unwrap_err().to_string();
/// assert!(e.contains("Try one of 1, 2, 3, 4, 6, 12"), "{e}");
/// # Ok::<(), nascent::Error>(())
/// ```
#[doc(alias("groupnorm", "GroupNorm", "GroupNormalization"))]
pub fn group_norm(groups: impl IntoInts) -> Block {
    Block::layer(&GROUP_NORM, vec![groups.into_ints().0])
}

pub(crate) static GROUP_NORM: LayerInfo = LayerInfo {
    name: "group_norm",
    family: Family::Norm,
    about: "normalisation of groups of channels of each sample",
    args: &[Setting::int("groups", None, 1, 65_536)],
    facts: Facts {
        slices: |_| Some(&[]),
        instead: |_, rank| (rank == 2).then(|| "layer_norm()".to_string()),
        ..Facts::KEEPS_ZERO
    },
    plan,
    build,
};

fn channels(op: &Op, inputs: &[Shape]) -> Result<usize> {
    let (c, groups) = match (inputs[0].as_slice(), inputs[0].vocabulary()) {
        ([c] | [c, _, _], None) => (*c, op.int("groups")),
        _ => return Err(not(op, inputs, "an image [C, H, W] or features [F]")),
    };
    if groups == 0 || !c.is_multiple_of(groups) {
        let why = format!(
            "{} not split into {groups} groups. Try one of {}",
            if c == 1 { "1 channel does".to_string() } else { format!("{c} channels do") },
            divisors(c)
        );
        return Err(op.unfit(inputs, why));
    }
    Ok(c)
}

/// The divisors of `n` as text, only the first ones where there are very many.
pub(super) fn divisors(n: usize) -> String {
    const MOST: usize = 16;
    // Nobody uses more groups than that.
    let found: Vec<String> = (1..=n.min(65_536))
        .filter(|d| n.is_multiple_of(*d))
        .take(MOST + 1)
        .map(|d| d.to_string())
        .collect();
    match found.len() {
        0..=MOST => found.join(", "),
        _ => format!("{}, ...", found[..MOST].join(", ")),
    }
}

/// A training step keeps the output, and a mean and a deviation for every group.
fn plan(op: &Op, inputs: &[Shape]) -> Result<Plan> {
    let params = 2 * channels(op, inputs)? as u64;
    let free = Plan::free(inputs[0].clone());
    let kept = free.kept.saturating_add(2 * op.int("groups") as u64);
    Ok(Plan { params, kept, ..free })
}

const EPS: f64 = 1e-5;

struct GroupNorm {
    gamma: Var,
    beta: Var,
    groups: usize,
}

fn build(op: &Op, inputs: &[Shape], p: &mut Params) -> Result<Box<dyn Layer>> {
    let channels = channels(op, inputs)?;
    if !p.norms {
        return Ok(Box::new(Activation::Identity));
    }
    Ok(Box::new(GroupNorm {
        gamma: p.constant("gamma", &[channels], 1.0)?,
        beta: p.constant("beta", &[channels], 0.0)?,
        groups: op.int("groups"),
    }))
}

impl Layer for GroupNorm {
    fn forward(&self, inputs: &[&Tensor], _: &mut Pass) -> candle_core::Result<Tensor> {
        kernel::group_norm(inputs[0], &self.gamma, &self.beta, self.groups, EPS)
    }
}
