//! The norm of the weights before training: little more than their number, and a baseline for that reason.
//!
//! Abdelfattah, Mehrotra, Dudziak, Lane: "Zero-Cost Proxies for Lightweight NAS", arXiv 2101.08134:
//!
//! ```text
//! S = sum over layers of |W|
//! ```
//!
//! Layers that no path reaches count as well, as they do among the parameters.

use super::candidate::{Candidate, norm, weights};
use super::{Proxy, ProxyInfo};
use crate::error::Result;

pub(super) static ROW: ProxyInfo = ProxyInfo {
    name: "l2_norm",
    about: "norm of the weights, summed over the layers",
    paper: "Abdelfattah et al. 2021, arXiv 2101.08134",
    batch: false,
    make: || Proxy::of(&ROW),
    score,
};

fn score(candidate: &Candidate) -> Result<f64> {
    weights(&candidate.model()?).iter().map(|w| norm(w)).sum()
}
