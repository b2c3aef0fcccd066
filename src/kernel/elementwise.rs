//! Sums and products of two tensors, on one thread: residual connections, positions, gates, masks.
//!
//! Candle's own operations use a pool of threads that all trials share. A smaller second operand is not
//! expanded to the size of the first one.

use super::linear::column_sums;
use super::operation::{Gradients, Input, Operation, apply2};
use super::simd::{self, vectorised};
use super::{Host, on_host, output, tensor};
use candle_core::{CpuStorage, Result, Shape, Tensor, bail};

/// `a + b`, where the shape of `b` is that of `a` or the end of it: `[N, L, D]` and `[L, D]`.
pub(crate) fn add(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    if !a.dims().ends_with(b.dims()) {
        bail!("add: {:?} is not the end of {:?}", b.shape(), a.shape());
    }
    if !on_host(&[a, b]) {
        return a.broadcast_add(b);
    }
    apply2(a, b, Add)
}

/// `x s`, where the shape of `s` is that of `x` or the beginning of it: for `[N, C, H, W]`, `[N, C]` is
/// a gate and `[N]` a mask over samples.
pub(crate) fn mul(x: &Tensor, s: &Tensor) -> Result<Tensor> {
    if !x.dims().starts_with(s.dims()) {
        bail!("mul: {:?} is not the beginning of {:?}", s.shape(), x.shape());
    }
    if !on_host(&[x, s]) {
        let mut shape = s.dims().to_vec();
        shape.resize(x.rank(), 1);
        return x.broadcast_mul(&s.reshape(shape)?);
    }
    apply2(x, s, Mul)
}

struct Add;

vectorised! {
    /// `y = a + b` for every copy of `b` that fits into `a`.
    fn sums(a: &[f32], b: &[f32], y: &mut [f32]) {
        if b.is_empty() {
            return;
        }
        for (a, y) in a.chunks_exact(b.len()).zip(y.chunks_exact_mut(b.len())) {
            for ((y, &a), &b) in y.iter_mut().zip(a).zip(b) {
                *y = a + b;
            }
        }
    }
}

impl Operation<2> for Add {
    fn name(&self) -> &'static str {
        "add"
    }

    fn forward(&self, [a, b]: [Input; 2]) -> Result<(CpuStorage, Shape)> {
        let mut y = vec![0.0; a.data.len()];
        sums(a.data, b.data, &mut y);
        output(y, a.shape)
    }

    fn backward(&self, [a, b]: [&Tensor; 2], _: &Tensor, grad: &Tensor) -> Gradients<2> {
        let da = a.track_op().then(|| grad.clone());
        if !b.track_op() {
            return Ok([da, None]);
        }
        if a.dims() == b.dims() {
            return Ok([da, Some(grad.clone())]);
        }
        let mut db = vec![0.0; b.elem_count()];
        column_sums(Host::new(&grad.contiguous()?)?.data()?, &mut db);
        Ok([da, Some(tensor(db, b.shape())?)])
    }
}

struct Mul;

vectorised! {
    /// `y = x s`, where each number of `s` is for `span` numbers of `x`.
    fn scaled(x: &[f32], s: &[f32], y: &mut [f32], span: usize) {
        if span == 1 {
            for ((y, &x), &s) in y.iter_mut().zip(x).zip(s) {
                *y = x * s;
            }
            return;
        }
        for ((x, y), &s) in x.chunks_exact(span).zip(y.chunks_exact_mut(span)).zip(s) {
            for (y, &x) in y.iter_mut().zip(x) {
                *y = x * s;
            }
        }
    }
}

vectorised! {
    /// `ds = sum of x g` over each span.
    fn products(x: &[f32], g: &[f32], ds: &mut [f32], span: usize) {
        for ((x, g), ds) in x.chunks_exact(span).zip(g.chunks_exact(span)).zip(ds) {
            *ds = simd::reduce2(x, g, |x, g| x * g);
        }
    }
}

impl Operation<2> for Mul {
    fn name(&self) -> &'static str {
        "mul"
    }

    fn forward(&self, [x, s]: [Input; 2]) -> Result<(CpuStorage, Shape)> {
        let mut y = vec![0.0; x.data.len()];
        if !y.is_empty() {
            scaled(x.data, s.data, &mut y, x.data.len() / s.data.len());
        }
        output(y, x.shape)
    }

    fn backward(&self, [x, s]: [&Tensor; 2], _: &Tensor, grad: &Tensor) -> Gradients<2> {
        let grad = grad.contiguous()?;
        let (x_host, s_host, g_host) = (Host::new(x)?, Host::new(s)?, Host::new(&grad)?);
        let (xs, ss, g) = (x_host.data()?, s_host.data()?, g_host.data()?);
        let span = xs.len() / ss.len().max(1);
        let dx = || {
            let mut dx = vec![0.0; xs.len()];
            if span > 0 {
                scaled(g, ss, &mut dx, span);
            }
            tensor(dx, x.shape())
        };
        let ds = || {
            let mut ds = vec![0.0; ss.len()];
            match span {
                0 => {}
                1 => scaled(g, xs, &mut ds, 1),
                _ => products(xs, g, &mut ds, span),
            }
            tensor(ds, s.shape())
        };
        Ok([x.track_op().then(dx).transpose()?, s.track_op().then(ds).transpose()?])
    }
}
