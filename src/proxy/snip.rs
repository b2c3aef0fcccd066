//! SNIP: how much the loss would change if weights were taken away.
//!
//! Lee, Ajanthan, Torr: "SNIP: Single-shot Network Pruning based on Connection Sensitivity", arXiv 1810.02340.
//! A weight is kept where taking it away would change the loss L on a minibatch; to first order that is
//!
//! ```text
//! S(w) = |dL/dw * w|          S = the sum over all weights (arXiv 2101.08134, equation 1)
//! ```

use super::candidate::{Candidate, sum};
use super::{Proxy, ProxyInfo};
use crate::error::Result;

pub(super) static ROW: ProxyInfo = ProxyInfo {
    name: "snip",
    about: "how much the loss depends on each weight, to first order",
    paper: "Lee et al. 2019, arXiv 1810.02340; as a proxy arXiv 2101.08134",
    batch: true,
    make: || Proxy::of(&ROW),
    score,
};

fn score(candidate: &Candidate) -> Result<f64> {
    candidate.slopes()?.iter().map(|(w, g)| sum(&(w * g)?.abs()?)).sum()
}
