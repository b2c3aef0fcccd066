//! Covariance of the Jacobian: a network that tells inputs apart can learn to.
//!
//! Mellor, Turner, Storkey, Crowley: "Neural Architecture Search without Training", arXiv 2006.04647v1, section 3.
//! Row i of the Jacobian J is the gradient of the network's outputs, added up, by input i of a minibatch. With the
//! eigenvalues v_1, ..., v_N of the correlations of its rows, and k = 1e-5:
//!
//! ```text
//! S = - sum_i [ log(v_i + k) + 1 / (v_i + k) ]
//! ```
//!
//! The sums are ln det and the trace of the inverse of C + k I, so no eigenvalue has to be found. Where we differ: a
//! row that is the same everywhere is correlated to nothing, not even to itself; so a network in which nothing
//! depends on the input has N eigenvalues 0, and the least score. Symbols cannot be changed a little, so of a network
//! that begins with them the gradient is by what the first layer makes of them.

use super::candidate::Candidate;
use super::gram::{factor, inverse_trace, log_det};
use super::{Proxy, ProxyInfo};
use crate::error::Result;
use crate::kernel;
use crate::op::Eye;
use candle_core::{DType, Tensor, Var};

pub(super) static ROW: ProxyInfo = ProxyInfo {
    name: "jacob_cov",
    about: "how differently the output depends on different inputs",
    paper: "Mellor et al. 2020, arXiv 2006.04647v1",
    batch: true,
    make: || Proxy::of(&ROW),
    score,
};

const K: f64 = 1e-5;

fn score(candidate: &Candidate) -> Result<f64> {
    let n = candidate.compared()?;
    let (model, (x, _)) = (candidate.model()?, candidate.batch()?);
    let symbols = candidate.arch.of_space().input().vocabulary().is_some();
    let nodes = &candidate.arch.graph()?.nodes;
    let first = |i: &usize| symbols && nodes[*i].inputs.contains(&0);
    let wanted = (0..nodes.len()).filter(first).collect();
    let mut pass = candidate.pass(Eye { nodes: wanted, ..Eye::default() });
    let x = Var::from_tensor(&x)?;
    let out = model.run(&x, &mut pass)?.sum_all()?;
    let grads = kernel::with_fixed_weights(|| out.backward())?;
    let seen = pass.eye.map(|eye| eye.outputs).unwrap_or_default();
    let by: Vec<Var> = if symbols { seen.into_iter().map(|s| s.zeros).collect() } else { vec![x] };
    let rows: Vec<Tensor> = by.iter().filter_map(|v| grads.get(v)?.flatten_from(1).ok()).collect();
    let c = match rows.is_empty() {
        true => vec![vec![0.0; n]; n],
        false => correlations(&Tensor::cat(&rows, 1)?)?,
    };
    let l = factor(n, |i, j| c[i][j] + if i == j { K } else { 0.0 });
    Ok(-log_det(&l, n) - inverse_trace(&l, n))
}

/// The correlations of the rows of a matrix.
fn correlations(j: &Tensor) -> Result<Vec<Vec<f64>>> {
    let j = j.to_dtype(DType::F64)?;
    let j = j.broadcast_sub(&j.mean_keepdim(1)?)?;
    let length = j.sqr()?.sum_keepdim(1)?.sqrt()?;
    // Nothing divided by 1 stays nothing.
    let length = (&length + length.eq(0f64)?.to_dtype(DType::F64)?)?;
    let j = j.broadcast_div(&length)?;
    Ok(j.matmul(&j.t()?)?.to_vec2()?)
}
