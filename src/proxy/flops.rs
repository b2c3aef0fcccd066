//! The operations of a forward pass, as [`Architecture::flops`](crate::Architecture::flops) counts them: the other
//! proxy that costs nothing.
//!
//! White, Khodak, Tu, Shah, Bubeck, Dey: "A Deeper Look at Zero-Cost Proxies for Lightweight NAS", ICLR Blog Track
//! 2022.

use super::{Proxy, ProxyInfo};

pub(super) static ROW: ProxyInfo = ProxyInfo {
    name: "flops",
    about: "operations of a forward pass",
    paper: "as a baseline: White et al. 2022, ICLR Blog Track",
    batch: false,
    make: || Proxy::of(&ROW),
    score: |candidate| Ok(candidate.arch.flops() as f64),
};
