//! GraSP: how much the flow of the gradient would change if weights were taken away.
//!
//! Wang, Zhang, Grosse: "Picking Winning Tickets Before Training by Preserving Gradient Flow", arXiv 2002.07376,
//! equation 8, with the loss L on a minibatch, its gradient g and its Hessian H:
//!
//! ```text
//! S(w) = -(H g) * w           S = the sum over all weights (arXiv 2101.08134, equation 1)
//! ```
//!
//! Candle does not differentiate a gradient, so second order is a difference of two gradients. H is symmetric, w^T H g
//! = g^T H w, so the weights move along themselves, which leaves a network of normalised layers nearly as it is:
//!
//! ```text
//! S = -g^T H w,   H w = (dL/dw at (1 + t) w  -  dL/dw at (1 - t) w) / 2 t        t = 0.01
//! ```
//!
//! A difference sees what a derivative does not: the gradient jumps where a ReLU bends, and of many some bend within
//! any step that 32 bits can tell from none. They make the difference noise of the size of the result. So the ReLUs
//! are held where they are at w: there the network is smooth, and the difference is good to three digits.
//!
//! A network in which no weight has a gradient gets -1e30 instead of a 0 in the middle of the others.

use super::candidate::{Candidate, LEAST, dead, sum, weights};
use super::{Proxy, ProxyInfo};
use crate::error::{Error, Result};
use crate::model::Model;
use crate::op::Eye;
use candle_core::backprop::GradStore;
use candle_core::{Tensor, Var};

pub(super) static ROW: ProxyInfo = ProxyInfo {
    name: "grasp",
    about: "how much the gradient's flow depends on each weight",
    paper: "Wang et al. 2020, arXiv 2002.07376; as a proxy arXiv 2101.08134",
    batch: true,
    make: || Proxy::of(&ROW),
    score,
};

/// The share of themselves by which the weights grow and shrink, t.
const STEP: f64 = 0.01;

fn score(candidate: &Candidate) -> Result<f64> {
    let (model, batch) = (candidate.model()?, candidate.batch()?);
    let (grads, relus) = gradients(candidate, &model, &batch, None)?;
    let vars = weights(&model);
    let slopes = vars.iter().filter_map(|var| Some((var.copy(), grads.get(var)?.clone())));
    let start = slopes.map(|(w, g)| Ok((w?, g))).collect::<Result<Vec<(Tensor, Tensor)>>>()?;
    if dead(&start)? {
        return Ok(LEAST);
    }
    let vars: Vec<&Var> = vars.iter().filter(|var| grads.get(var).is_some()).collect();
    let at = |factor: f64| {
        for (var, (w, _)) in vars.iter().zip(&start) {
            var.set(&(w * factor)?)?;
        }
        Ok::<_, Error>(gradients(candidate, &model, &batch, Some(relus.clone()))?.0)
    };
    let (after, before) = (at(1.0 + STEP)?, at(1.0 - STEP)?);
    let mut total = 0.0;
    for (var, (_, g)) in vars.iter().zip(&start) {
        if let (Some(after), Some(before)) = (after.get(var), before.get(var)) {
            total -= sum(&(g * (after - before)?)?)? / (2.0 * STEP);
        }
    }
    Ok(total)
}

/// The gradients, and what came out of the ReLUs, which are held where another pass had them.
fn gradients(
    candidate: &Candidate,
    model: &Model,
    (x, y): &(Tensor, Tensor),
    held: Option<Vec<Tensor>>,
) -> Result<(GradStore, Vec<Tensor>)> {
    let (relus, held) = (held.is_none().then(Vec::new), held.map(Vec::into_iter));
    let mut pass = candidate.pass(Eye { relus, held, ..Eye::default() });
    let out = model.run(x, &mut pass)?;
    let grads = candidate.loss(&out, y)?.backward()?;
    Ok((grads, pass.eye.and_then(|eye| eye.relus).unwrap_or_default()))
}
