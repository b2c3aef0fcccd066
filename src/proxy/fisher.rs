//! Fisher: how much the loss would change if channels were taken away.
//!
//! Turner, Crowley, O'Boyle, Storkey, Gray: "BlockSwap: Fisher-guided Block Substitution for Network Compression
//! on a Budget", arXiv 1906.04113, equation 2, after Theis et al. (arXiv 1801.05787). With the activations A of
//! channel c at the positions i of sample n, and the gradients g of the loss by them:
//!
//! ```text
//! D_c = 1/(2 N) sum_n (sum_i A_nci g_nci)^2         S = the sum over all channels of all layers
//! ```
//!
//! As in the proxy of arXiv 2101.08134, the activations are what convolutions and linear maps put out, before
//! a normalisation. What happens inside recurrent layers is not seen; every network has a linear map at its end.

use super::candidate::{Candidate, sum};
use super::{Proxy, ProxyInfo};
use crate::error::Result;
use crate::op::Eye;

pub(super) static ROW: ProxyInfo = ProxyInfo {
    name: "fisher",
    about: "how much the loss depends on each channel",
    paper: "Turner et al. 2020, arXiv 1906.04113; as a proxy arXiv 2101.08134",
    batch: true,
    make: || Proxy::of(&ROW),
    score,
};

fn score(candidate: &Candidate) -> Result<f64> {
    let (model, (x, y)) = (candidate.model()?, candidate.batch()?);
    let mut pass = candidate.pass(Eye { products: Some(vec![]), ..Eye::default() });
    let out = model.run(&x, &mut pass)?;
    // Of weights the gradients are not needed.
    let loss = candidate.loss(&out, &y)?;
    let grads = crate::kernel::with_fixed_weights(|| loss.backward())?;
    let seen = pass.eye.and_then(|eye| eye.products).unwrap_or_default();
    let (mut total, n) = (0.0, x.dim(0)? as f64);
    for layer in seen {
        let Some(g) = grads.get(&layer.zeros) else { continue };
        let each = (&layer.value * g)?;
        // Of an image the positions are last, of a sequence in the middle.
        let by_channel = match each.rank() {
            4 => each.sum((2, 3))?,
            3 => each.sum(1)?,
            _ => each,
        };
        total += sum(&by_channel.sqr()?)? / (2.0 * n);
    }
    Ok(total)
}
