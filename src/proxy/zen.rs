//! Zen-score: how much a small change of the input changes the features, whatever the data.
//!
//! Lin, Wang, Sun, Chen, Sun, Qian, Li, Jin: "Zen-NAS: A Zero-Shot NAS for High-Performance Deep Image Recognition",
//! arXiv 2102.01063, algorithm 1. With the features f before they are pooled over the whole plane, standard normal
//! weights, inputs x and changes e, and the deviation s_i that batch normalisation i divides by:
//!
//! ```text
//! D = mean of |f(x) - f(x + a e)|         a = 0.01, x and e from N(0, 1)
//! s_i = sqrt(mean over channels of their variances)
//! Zen = log D + sum_i log s_i
//! ```
//!
//! The sum gives back what the normalisations took: without it every deep network would be as expressive as any
//! other. The batch is always noise. Where we differ: the paper takes out residual connections; here they stay, since
//! in a cell there is no telling which edge is one. The statistics are those of the pass with x.

use super::candidate::{Candidate, norm, weights};
use super::{Proxy, ProxyInfo};
use crate::error::{Error, Result};
use crate::model::Model;
use crate::op::Eye;
use candle_core::Tensor;

pub(super) static ROW: ProxyInfo = ProxyInfo {
    name: "zen",
    about: "how much a small change of the input changes the features",
    paper: "Lin et al. 2021, arXiv 2102.01063",
    batch: false,
    make: || Proxy::of(&ROW),
    score,
};

const A: f64 = 0.01;

fn score(candidate: &Candidate) -> Result<f64> {
    if candidate.arch.of_space().input().vocabulary().is_some() {
        return Err(Error::invalid(
            "zen for symbols",
            "it changes inputs a little, so they have to be numbers",
            "Proxy::synflow(), or Proxy::jacob_cov()",
        ));
    }
    let model = candidate.model()?;
    let mut rng = candidate.rng("normal");
    for (_, var) in model.weights().iter().filter(|(name, _)| name.ends_with("bias")) {
        var.set(&var.zeros_like()?)?;
    }
    for var in weights(&model) {
        let drawn: Vec<f32> = (0..var.elem_count()).map(|_| rng.normal() as f32).collect();
        var.set(&Tensor::from_vec(drawn, var.dims(), var.device())?)?;
    }
    let (x, e) = (candidate.noise(&mut rng)?, candidate.noise(&mut rng)?);
    let (before, deviations) = features(candidate, &model, &x)?;
    if deviations.is_empty() {
        return Err(Error::invalid(
            format!("zen of {}", candidate.arch),
            "it reads the batch normalisations of a network, and this one has none",
            "Proxy::synflow(), or norm(true) of linear layers",
        ));
    }
    let (after, _) = features(candidate, &model, &(x + (e * A)?)?)?;
    let apart = (before - after)?.flatten_from(1)?;
    let n = apart.dim(0)?;
    let each = (0..n).map(|i| norm(&apart.get(i)?));
    let mean = each.sum::<Result<f64>>()? / n as f64;
    // Of a network without a path to its features there is no logarithm.
    Ok(mean.max(f64::from(f32::MIN_POSITIVE)).ln() + deviations.iter().sum::<f64>())
}

/// The features before the last pooling and the task's head, and the logarithms of the deviations.
fn features(candidate: &Candidate, model: &Model, x: &Tensor) -> Result<(Tensor, Vec<f64>)> {
    const REDUCE: [&str; 4] = ["global_avg_pool", "global_max_pool", "flatten", "last"];
    let nodes = &candidate.arch.graph()?.nodes;
    let before = |id: usize| nodes[id].inputs.first().copied();
    // From the head on.
    let mut at = nodes.len().checked_sub(1).and_then(before);
    while let Some(id) = at.filter(|&id| REDUCE.contains(&nodes[id].op.info.name)) {
        at = before(id);
    }
    let wanted = at.filter(|&id| id > 0);
    let nodes = wanted.into_iter().collect();
    let mut pass = candidate.pass(Eye { nodes, deviations: Some(vec![]), ..Eye::default() });
    model.run(x, &mut pass)?;
    let eye = pass.eye.unwrap_or_default();
    let features = eye.outputs.into_iter().next().map_or_else(|| x.clone(), |seen| seen.value);
    Ok((features, eye.deviations.unwrap_or_default()))
}
