//! The number of parameters: a proxy that costs nothing, and is hard to beat.
//!
//! White, Khodak, Tu, Shah, Bubeck, Dey: "A Deeper Look at Zero-Cost Proxies for Lightweight NAS", ICLR Blog Track
//! 2022: many proxies do not rank better than this or [`flops`](super::flops). So every table has both beside them.

use super::{Proxy, ProxyInfo};

pub(super) static ROW: ProxyInfo = ProxyInfo {
    name: "params",
    about: "number of parameters",
    paper: "as a baseline: White et al. 2022, ICLR Blog Track",
    batch: false,
    make: || Proxy::of(&ROW),
    score: |candidate| Ok(candidate.arch.params() as f64),
};
