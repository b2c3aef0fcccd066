//! SynFlow: how much flows through a network, whatever the data.
//!
//! Tanaka, Kunin, Yamins, Ganguli: "Pruning neural networks without any data by iteratively conserving synaptic
//! flow", arXiv 2006.05467, equation 3. Instead of a loss there is the sum of what comes out where ones go in
//! and all weights are positive:
//!
//! ```text
//! R = 1^T (prod over layers of |W|) 1
//! S(w) = dR/dw * w            S = the sum over all weights (arXiv 2101.08134, equation 1)
//! ```
//!
//! Normalisations are left out, as in the proxy of arXiv 2101.08134: they would bring what flows back to 1.
//! Without them each layer multiplies it by about half the root of what a filter sees. A cell of three
//! convolutions, fifteen times, has about 10^45 at its end, and the largest number of 32 bits is 10^38. So weights
//! and values are of 64 bits, as in the proxy's own code, which go up to 10^308: Candle's own operations have
//! them. To scale every layer back and count the factors would serve straight networks only; where paths of
//! different lengths add up, each has a factor of its own.
//!
//! Where we differ: the score is ln(1 + S), which ranks as S does and can be plotted and averaged. A network without
//! a path from input to output gets 0, the least. Symbols are not ones: there every position holds symbol 1.

use super::candidate::{Candidate, sum, weights};
use super::{Proxy, ProxyInfo};
use crate::error::{Error, ErrorKind, Result};
use crate::op::Pass;
use candle_core::{DType, Device, Tensor};

pub(super) static ROW: ProxyInfo = ProxyInfo {
    name: "synflow",
    about: "how much flows through positive weights from an input of ones",
    paper: "Tanaka et al. 2020, arXiv 2006.05467; as a proxy arXiv 2101.08134",
    batch: false,
    make: || Proxy::of(&ROW),
    score,
};

fn score(candidate: &Candidate) -> Result<f64> {
    let model = candidate.bare()?;
    for (_, var) in model.weights() {
        var.set(&var.abs()?)?;
    }
    let input = candidate.arch.of_space().input();
    let dims = input.batch(1);
    let x = match input.vocabulary() {
        None => Tensor::ones(dims, DType::F64, &Device::Cpu)?,
        Some(symbols) => Tensor::full(u32::from(symbols > 1), dims, &Device::Cpu)?,
    };
    let r = model.run(&x, &mut Pass::new(false, None))?.sum_all()?;
    let grads = r.backward()?;
    let mut total = 0.0;
    for w in weights(&model) {
        if let Some(g) = grads.get(&w) {
            total += sum(&(w.as_tensor() * g)?.abs()?)?;
        }
    }
    if !total.is_finite() {
        let text = "synflow: what flows through this network is too much for numbers of 64 bits; it has too \
                    many layers. Try Proxy::naswot() or Proxy::snip()";
        return Err(Error::new(ErrorKind::Invalid, text));
    }
    Ok(total.ln_1p())
}
