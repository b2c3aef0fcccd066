//! Adds one number per channel to a tensor, with an optional ReLU in the same pass.
//!
//! ```text
//! y[n, c, s] = x[n, c, s] + b[c], or max(.., 0)      dx = g where y > 0      db[c] = sum of dx
//! ```
//! Channels are the second dimension of an image `[N, C, H, W]` and the last of everything else.

use super::operation::{Gradients, Input, Operation, apply2};
use super::simd::{self, vectorised};
use super::{Host, on_host, output, tensor};
use candle_core::{CpuStorage, Result, Shape, Tensor, bail};

/// `x + b`, for `x [N, C, H, W]` or `[.., C]` and `b [C]`; negative results become zero with `relu`.
pub(crate) fn bias(x: &Tensor, b: &Tensor, relu: bool) -> Result<Tensor> {
    let channels = if x.rank() == 4 { x.dim(1)? } else { x.dims().last().copied().unwrap_or(0) };
    if b.dims() != [channels] {
        bail!("bias: {:?} is not one number per channel of {:?}", b.shape(), x.shape());
    }
    if !on_host(&[x, b]) {
        let y = match x.rank() {
            4 => x.broadcast_add(&b.reshape((1, channels, 1, 1))?)?,
            _ => x.broadcast_add(b)?,
        };
        return if relu { super::relu(&y) } else { Ok(y) };
    }
    apply2(x, b, Bias { relu })
}

struct Bias {
    relu: bool,
}

/// The number of adjacent numbers of one channel.
fn run(shape: &Shape) -> usize {
    match shape.dims() {
        [_, _, h, w] => h * w,
        _ => 1,
    }
}

vectorised! {
    fn forward(x: &[f32], b: &[f32], run: usize, least: f32, y: &mut [f32]) {
        if run == 1 {
            for (x, y) in x.chunks_exact(b.len()).zip(y.chunks_exact_mut(b.len())) {
                for ((y, &x), &b) in y.iter_mut().zip(x).zip(b) {
                    *y = (x + b).max(least);
                }
            }
            return;
        }
        let planes = x.chunks_exact(run).zip(y.chunks_exact_mut(run));
        for ((x, y), &b) in planes.zip(b.iter().cycle()) {
            for (y, &x) in y.iter_mut().zip(x) {
                *y = (x + b).max(least);
            }
        }
    }
}

vectorised! {
    fn sums(g: &[f32], run: usize, db: &mut [f32]) {
        if run == 1 {
            for g in g.chunks_exact(db.len()) {
                for (db, &g) in db.iter_mut().zip(g) {
                    *db += g;
                }
            }
            return;
        }
        for image in g.chunks_exact(run * db.len()) {
            for (db, g) in db.iter_mut().zip(image.chunks_exact(run)) {
                *db += simd::reduce(g, |g| g);
            }
        }
    }
}

vectorised! {
    fn masked(y: &[f32], g: &[f32], dx: &mut [f32]) {
        for ((dx, &y), &g) in dx.iter_mut().zip(y).zip(g) {
            *dx = if y > 0.0 { g } else { 0.0 };
        }
    }
}

impl Operation<2> for Bias {
    fn name(&self) -> &'static str {
        "bias"
    }

    fn forward(&self, [x, b]: [Input; 2]) -> Result<(CpuStorage, Shape)> {
        let mut y = vec![0.0; x.data.len()];
        if !b.data.is_empty() {
            let least = if self.relu { 0.0 } else { f32::NEG_INFINITY };
            forward(x.data, b.data, run(x.shape).max(1), least, &mut y);
        }
        output(y, x.shape)
    }

    fn backward(&self, [x, b]: [&Tensor; 2], y: &Tensor, grad: &Tensor) -> Gradients<2> {
        let mut grad = grad.contiguous()?;
        if self.relu {
            let mut dx = vec![0.0; x.elem_count()];
            masked(Host::new(y)?.data()?, Host::new(&grad)?.data()?, &mut dx);
            grad = tensor(dx, x.shape())?;
        }
        let mut db = vec![0.0; b.elem_count()];
        if !db.is_empty() {
            sums(Host::new(&grad)?.data()?, run(x.shape()).max(1), &mut db);
        }
        Ok([x.track_op().then_some(grad), Some(tensor(db, b.shape())?)])
    }
}
