//! NASWOT: in how many places do two inputs switch different units on?
//!
//! Mellor, Turner, Storkey, Crowley: "Neural Architecture Search without Training", arXiv 2006.04647, section 3.
//! Which ReLUs let input i of a minibatch through is a word c_i of N_A bits, the same for inputs of one linear
//! piece of the network. With the number d of bits in which two words differ:
//!
//! ```text
//! K_ij = N_A - d(c_i, c_j)            S = log |det K|
//! ```
//!
//! Words that are alike make the determinant 0. Where a pivot of K / N_A is less than 1e-10 that stands in its
//! place, so that the score of any network is a number.

use super::candidate::Candidate;
use super::gram::{factor, log_det};
use super::{Proxy, ProxyInfo};
use crate::error::{Error, Result};
use crate::kernel;
use crate::op::Eye;
use candle_core::DType;

pub(super) static ROW: ProxyInfo = ProxyInfo {
    name: "naswot",
    about: "how differently inputs switch the ReLUs on and off",
    paper: "Mellor et al. 2021, arXiv 2006.04647",
    batch: true,
    make: || Proxy::of(&ROW),
    score,
};

fn score(candidate: &Candidate) -> Result<f64> {
    let n = candidate.compared()?;
    let (model, (x, _)) = (candidate.model()?, candidate.batch()?);
    let mut pass = candidate.pass(Eye { relus: Some(vec![]), ..Eye::default() });
    model.run(&x, &mut pass)?;
    let seen = pass.eye.and_then(|eye| eye.relus).unwrap_or_default();
    if seen.is_empty() {
        return Err(Error::invalid(
            format!("naswot of {}", candidate.arch),
            "it reads the ReLUs of a network, and this one has none",
            "Proxy::jacob_cov(), or a space in which every network has one",
        ));
    }
    let (mut units, mut same) = (0.0, vec![0.0; n * n]);
    for y in seen {
        let bits = y.gt(0f32)?.to_dtype(DType::F32)?.reshape((n, ()))?;
        units += bits.dim(1)? as f64;
        // Ones in both; there are far fewer than 2^24, up to which the numbers of 32 bits are exact.
        let both = kernel::linear(&bits, &bits, None)?.flatten_all()?.to_vec1::<f32>()?;
        same.iter_mut().zip(both).for_each(|(sum, both)| *sum += f64::from(both));
    }
    let both = |i: usize, j: usize| same[i * n + j];
    // Ones in both, and zeros in both.
    let k = |i: usize, j: usize| 2.0 * both(i, j) + units - both(i, i) - both(j, j);
    Ok(log_det(&factor(n, |i, j| k(i, j) / units), n) + n as f64 * units.ln())
}
