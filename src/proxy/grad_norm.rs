//! The norm of the gradient: what moves far in its first step may learn well.
//!
//! Abdelfattah, Mehrotra, Dudziak, Lane: "Zero-Cost Proxies for Lightweight NAS", arXiv 2101.08134, section
//! 3.1: the Euclidean norms of the gradients of the loss L on a minibatch, summed over the layers,
//!
//! ```text
//! S = sum over layers of |dL/dW|
//! ```

use super::candidate::{Candidate, norm};
use super::{Proxy, ProxyInfo};
use crate::error::Result;

pub(super) static ROW: ProxyInfo = ProxyInfo {
    name: "grad_norm",
    about: "norm of the gradients of a batch, summed over the layers",
    paper: "Abdelfattah et al. 2021, arXiv 2101.08134",
    batch: true,
    make: || Proxy::of(&ROW),
    score,
};

fn score(candidate: &Candidate) -> Result<f64> {
    candidate.slopes()?.iter().map(|(_, g)| norm(g)).sum()
}
