//! Sums of tensors with a weight each, where the weights are learned too: `y = a + w[c] x`.
//!
//! ```text
//! da = dy        dx = w[c] dy        dw[c] = sum of x dy, and 0 elsewhere
//! ```
//! A sum of many is a chain of these, one pass over the data for each.

use super::operation::{Gradients, Input, Operation, apply2, apply3};
use super::simd::{self, vectorised};
use super::{Host, on_host, output, tensor};
use candle_core::{CpuStorage, Result, Shape, Tensor, bail};

/// `a + w[column] x`, or `w[column] x` alone; `a` has the shape of `x`, and `w` is `[columns]`.
pub(crate) fn weigh(a: Option<&Tensor>, x: &Tensor, w: &Tensor, column: usize) -> Result<Tensor> {
    if w.rank() != 1 || column >= w.elem_count() {
        bail!("weigh: column {column} of {:?}", w.shape());
    }
    if let Some(a) = a.filter(|a| a.dims() != x.dims()) {
        bail!("weigh: {:?} and {:?} are not of one shape", a.shape(), x.shape());
    }
    if !on_host(&[x, w]) {
        let weight = w.narrow(0, column, 1)?.reshape(vec![1; x.rank()])?;
        let y = x.broadcast_mul(&weight)?;
        return match a {
            Some(a) => a + y,
            None => Ok(y),
        };
    }
    match a {
        Some(a) => apply3(a, x, w, Weigh(column)),
        None => apply2(x, w, Weigh(column)),
    }
}

/// With the column of the weight.
struct Weigh(usize);

vectorised! {
    fn times(x: &[f32], w: f32, y: &mut [f32]) {
        for (y, &x) in y.iter_mut().zip(x) {
            *y = w * x;
        }
    }
}

vectorised! {
    fn plus_times(a: &[f32], x: &[f32], w: f32, y: &mut [f32]) {
        for ((y, &a), &x) in y.iter_mut().zip(a).zip(x) {
            *y = a + w * x;
        }
    }
}

vectorised! {
    fn dot(x: &[f32], g: &[f32]) -> f32 {
        simd::reduce2(x, g, |x, g| x * g)
    }
}

impl Weigh {
    /// The gradients of `x` and of the weights.
    fn gradients(&self, x: &Tensor, w: &Tensor, grad: &Tensor) -> Gradients<2> {
        let grad = grad.contiguous()?;
        let (x_host, w_host, g_host) = (Host::new(x)?, Host::new(w)?, Host::new(&grad)?);
        let (xs, ws, g) = (x_host.data()?, w_host.data()?, g_host.data()?);
        let dx = || {
            let mut dx = vec![0.0; xs.len()];
            times(g, ws[self.0], &mut dx);
            tensor(dx, x.shape())
        };
        let dw = || {
            let mut dw = vec![0.0; ws.len()];
            dw[self.0] = dot(xs, g);
            tensor(dw, w.shape())
        };
        Ok([x.track_op().then(dx).transpose()?, w.track_op().then(dw).transpose()?])
    }
}

impl Operation<2> for Weigh {
    fn name(&self) -> &'static str {
        "weigh"
    }

    fn forward(&self, [x, w]: [Input; 2]) -> Result<(CpuStorage, Shape)> {
        let mut y = vec![0.0; x.data.len()];
        times(x.data, w.data[self.0], &mut y);
        output(y, x.shape)
    }

    fn backward(&self, [x, w]: [&Tensor; 2], _: &Tensor, grad: &Tensor) -> Gradients<2> {
        self.gradients(x, w, grad)
    }
}

impl Operation<3> for Weigh {
    fn name(&self) -> &'static str {
        "weigh"
    }

    fn forward(&self, [a, x, w]: [Input; 3]) -> Result<(CpuStorage, Shape)> {
        let mut y = vec![0.0; x.data.len()];
        plus_times(a.data, x.data, w.data[self.0], &mut y);
        output(y, x.shape)
    }

    fn backward(&self, [a, x, w]: [&Tensor; 3], _: &Tensor, grad: &Tensor) -> Gradients<3> {
        let [dx, dw] = self.gradients(x, w, grad)?;
        Ok([a.track_op().then(|| grad.clone()), dx, dw])
    }
}
