//! Plain: weights times gradients, with their signs.
//!
//! Abdelfattah, Mehrotra, Dudziak, Lane: "Zero-Cost Proxies for Lightweight NAS", arXiv 2101.08134. A weight
//! that the loss L falls by when it goes to zero can go; this is the sum of
//!
//! ```text
//! S(w) = dL/dw * w
//! ```
//!
//! Where we differ: a network in which no weight has a gradient would get 0, in the middle of the others. It
//! gets -1e30, below all of them.

use super::candidate::{Candidate, LEAST, dead, sum};
use super::{Proxy, ProxyInfo};
use crate::error::Result;

pub(super) static ROW: ProxyInfo = ProxyInfo {
    name: "plain",
    about: "weights times their gradients",
    paper: "Abdelfattah et al. 2021, arXiv 2101.08134",
    batch: true,
    make: || Proxy::of(&ROW),
    score,
};

fn score(candidate: &Candidate) -> Result<f64> {
    let slopes = candidate.slopes()?;
    if dead(&slopes)? {
        return Ok(LEAST);
    }
    slopes.iter().map(|(w, g)| sum(&(w * g)?)).sum()
}
