//! The output heads of an autoregressive controller, for decisions that have been made: each row is a
//! decision, with a softmax over the options of its own place.
//!
//! A decision uses only the rows of `w [W, H]` and `b [W]` for its options, so the cost of a step depends
//! on its options and not on the number of places. With `z = w h + b` on these rows and
//! `p = softmax(z)`, the result for the option `a` that was taken is
//!
//! ```text
//! log p[a]   and the entropy   E = -sum p log p
//! d log p[a] / dz = [o == a] - p        dE / dz = -p (log p + E)
//! ```

use super::operation::{Gradients, Input, Operation, apply3};
use super::{Host, on_host, output, tensor};
use candle_core::{CpuStorage, Result, Shape, Tensor, bail};
use std::sync::Arc;

/// A decision that was made: its options are the rows `from..from + options` of the weights. One without
/// options is a placeholder, and yields zeros.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Decided {
    pub(crate) from: usize,
    pub(crate) options: usize,
    pub(crate) pick: usize,
}

/// The logarithm of the probability of what was decided, and the entropy of the decision, `[R, 2]`,
/// from states `h [R, H]`, weights `w [W, H]` and `b [W]`.
pub(crate) fn heads(h: &Tensor, w: &Tensor, b: &Tensor, rows: Arc<Vec<Decided>>) -> Result<Tensor> {
    let ((r, units), (width, inputs)) = (h.dims2()?, w.dims2()?);
    if r != rows.len() || units != inputs || b.dims() != [width] {
        bail!("heads: {} decisions, h {:?}, w {:?}", rows.len(), h.shape(), w.shape());
    }
    if rows.iter().any(|d| d.from + d.options > width || (d.options > 0 && d.pick >= d.options)) {
        bail!("heads: a decision is not within the {width} options");
    }
    if !on_host(&[h, w, b]) {
        bail!("heads: h, w and b must be in CPU memory, as f32");
    }
    apply3(h, w, b, Heads(rows))
}

/// The logits of one head: `to = w h + b` on its rows.
pub(crate) fn logits(h: &[f32], w: &[f32], b: &[f32], from: usize, to: &mut [f32]) {
    for (o, z) in to.iter_mut().enumerate() {
        let row = &w[(from + o) * h.len()..][..h.len()];
        *z = b[from + o] + row.iter().zip(h).map(|(w, h)| w * h).sum::<f32>();
    }
}

/// Turns logits into logarithms of probabilities.
pub(crate) fn log_softmax(z: &mut [f32]) {
    let largest = z.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f32 = z.iter().map(|&z| (z - largest).exp()).sum();
    let shift = largest + sum.ln();
    z.iter_mut().for_each(|z| *z -= shift);
}

fn entropy(log_p: &[f32]) -> f32 {
    -log_p.iter().map(|l| l.exp() * l).sum::<f32>()
}

struct Heads(Arc<Vec<Decided>>);

impl Operation<3> for Heads {
    fn name(&self) -> &'static str {
        "heads"
    }

    fn forward(&self, [h, w, b]: [Input; 3]) -> Result<(CpuStorage, Shape)> {
        let units = h.shape.dims2()?.1;
        let (mut y, mut z) = (vec![0.0; 2 * self.0.len()], vec![]);
        for (i, d) in self.0.iter().enumerate().filter(|(_, d)| d.options > 0) {
            z.resize(d.options, 0.0);
            logits(&h.data[i * units..][..units], w.data, b.data, d.from, &mut z);
            log_softmax(&mut z);
            (y[2 * i], y[2 * i + 1]) = (z[d.pick], entropy(&z));
        }
        output(y, (self.0.len(), 2))
    }

    fn backward(&self, [h, w, b]: [&Tensor; 3], _: &Tensor, grad: &Tensor) -> Gradients<3> {
        let grad = grad.contiguous()?;
        let hosts = (Host::new(h)?, Host::new(w)?, Host::new(b)?, Host::new(&grad)?);
        let (hs, ws) = (hosts.0.data()?, hosts.1.data()?);
        let (bs, g) = (hosts.2.data()?, hosts.3.data()?);
        let units = h.dim(1)?;
        let [mut dh, mut dw, mut db] = [hs, ws, bs].map(|of| vec![0.0; of.len()]);
        let mut z = vec![];
        for (i, d) in self.0.iter().enumerate().filter(|(_, d)| d.options > 0) {
            let (state, to) = (&hs[i * units..][..units], &mut dh[i * units..][..units]);
            z.resize(d.options, 0.0);
            logits(state, ws, bs, d.from, &mut z);
            log_softmax(&mut z);
            let e = entropy(&z);
            for (o, &log_p) in z.iter().enumerate() {
                let (p, taken) = (log_p.exp(), if o == d.pick { 1.0 } else { 0.0 });
                let dz = g[2 * i] * (taken - p) - g[2 * i + 1] * p * (log_p + e);
                let at = (d.from + o) * units;
                to.iter_mut().zip(&ws[at..]).for_each(|(to, w)| *to += dz * w);
                dw[at..].iter_mut().zip(state).for_each(|(to, h)| *to += dz * h);
                db[d.from + o] += dz;
            }
        }
        let [dh, dw, db] = [(dh, h), (dw, w), (db, b)].map(|(data, of)| tensor(data, of.shape()));
        Ok([Some(dh?), Some(dw?), Some(db?)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;
    use candle_core::{DType, Device, Var};

    /// The same by Candle's operations in `f64`, and its gradients.
    #[test]
    fn it_is_candles_softmax_of_the_rows() {
        let mut rng = Rng::new(1);
        let (r, units, width) = (5, 7, 11);
        let mut random = |shape: &[usize]| {
            let n = shape.iter().product();
            let data: Vec<f32> = (0..n).map(|_| rng.normal() as f32).collect();
            Tensor::from_vec(data, shape, &Device::Cpu).unwrap()
        };
        let (h, w, b) = (random(&[r, units]), random(&[width, units]), random(&[width]));
        let weights = random(&[r, 2]);
        let row = |from, options, pick| Decided { from, options, pick };
        let rows = vec![row(0, 3, 2), row(3, 8, 0), row(0, 3, 1), row(0, 0, 0), row(3, 2, 1)];

        let fast = [&h, &w, &b].map(|t| Var::from_tensor(t).unwrap());
        let y = heads(&fast[0], &fast[1], &fast[2], Arc::new(rows.clone())).unwrap();
        let grads = (&y * &weights).unwrap().sum_all().unwrap().backward().unwrap();

        let wide = |t: &Tensor| t.to_dtype(DType::F64).unwrap();
        let slow = [&h, &w, &b].map(|t| Var::from_tensor(&wide(t)).unwrap());
        let mut reference = vec![];
        for (i, d) in rows.iter().enumerate() {
            if d.options == 0 {
                reference.push(Tensor::zeros(2, DType::F64, &Device::Cpu).unwrap());
                continue;
            }
            let (w, b) =
                (slow[1].narrow(0, d.from, d.options), slow[2].narrow(0, d.from, d.options));
            let z = w.unwrap().matmul(&slow[0].get(i).unwrap().unsqueeze(1).unwrap()).unwrap();
            let z = (z.squeeze(1).unwrap() + b.unwrap()).unwrap();
            let log_p = candle_nn::ops::log_softmax(&z, 0).unwrap();
            let e = (log_p.exp().unwrap() * &log_p).unwrap().sum_all().unwrap().neg().unwrap();
            reference.push(Tensor::stack(&[log_p.get(d.pick).unwrap(), e], 0).unwrap());
        }
        let reference = Tensor::stack(&reference, 0).unwrap();
        let expected =
            (&reference * wide(&weights)).unwrap().sum_all().unwrap().backward().unwrap();

        let near = |a: &Tensor, b: &Tensor| {
            let gap = (wide(a) - b).unwrap().abs().unwrap().max_all().unwrap();
            assert!(gap.to_scalar::<f64>().unwrap() < 1e-5, "{a} {b}");
        };
        near(&y, &reference);
        for (fast, slow) in fast.iter().zip(&slow) {
            near(grads.get(fast).unwrap(), expected.get(slow).unwrap());
        }
        assert!(heads(&h, &w, &b, Arc::new(vec![row(9, 3, 0); 5])).is_err());
    }
}
