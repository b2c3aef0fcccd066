//! Sums and products of two tensors, on one thread: residual connections, positions, gates, masks.
//!
//! Candle's own go through a pool of threads that all trials share. Where the second operand is
//! smaller, it is not expanded to the size of the first one.

use super::linear::column_sums;
use super::{
    Host, on_host, operand, output,
    simd::{self, vectorised},
    tensor,
};
use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};

/// `a + b`, where the shape of `b` is that of `a` or its end: `[N, L, D]` and `[L, D]`.
pub(crate) fn add(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    if !a.dims().ends_with(b.dims()) {
        bail!("add: {:?} is not the end of {:?}", b.shape(), a.shape());
    }
    if !on_host(&[a, b]) {
        return a.broadcast_add(b);
    }
    a.contiguous()?.apply_op2(&b.contiguous()?, Add)
}

/// `x s`, where the shape of `s` is that of `x` or its beginning: `[N, C, H, W]` and `[N, C]` for
/// a gate, `[N]` for a mask over samples.
pub(crate) fn mul(x: &Tensor, s: &Tensor) -> Result<Tensor> {
    if !x.dims().starts_with(s.dims()) {
        bail!("mul: {:?} is not the beginning of {:?}", s.shape(), x.shape());
    }
    if !on_host(&[x, s]) {
        let mut shape = s.dims().to_vec();
        shape.resize(x.rank(), 1);
        return x.broadcast_mul(&s.reshape(shape)?);
    }
    x.contiguous()?.apply_op2(&s.contiguous()?, Mul)
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

impl CustomOp2 for Add {
    fn name(&self) -> &'static str {
        "add"
    }

    fn cpu_fwd(
        &self,
        a: &CpuStorage,
        al: &Layout,
        b: &CpuStorage,
        bl: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (a, b) = (operand(a, al)?, operand(b, bl)?);
        let mut y = vec![0.0; a.len()];
        sums(a, b, &mut y);
        output(y, al.shape())
    }

    fn bwd(
        &self,
        a: &Tensor,
        b: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let da = a.track_op().then(|| grad.clone());
        if !b.track_op() {
            return Ok((da, None));
        }
        if a.dims() == b.dims() {
            return Ok((da, Some(grad.clone())));
        }
        let mut db = vec![0.0; b.elem_count()];
        column_sums(Host::new(&grad.contiguous()?)?.data()?, &mut db);
        Ok((da, Some(tensor(db, b.shape())?)))
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

impl CustomOp2 for Mul {
    fn name(&self) -> &'static str {
        "mul"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        xl: &Layout,
        s: &CpuStorage,
        sl: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, s) = (operand(x, xl)?, operand(s, sl)?);
        let mut y = vec![0.0; x.len()];
        if !x.is_empty() {
            scaled(x, s, &mut y, x.len() / s.len());
        }
        output(y, xl.shape())
    }

    fn bwd(
        &self,
        x: &Tensor,
        s: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        let (x_host, s_host, g_host) = (Host::new(x)?, Host::new(s)?, Host::new(&grad)?);
        let (xs, ss, g) = (x_host.data()?, s_host.data()?, g_host.data()?);
        let span = xs.len() / ss.len().max(1);
        let dx = if x.track_op() {
            let mut dx = vec![0.0; xs.len()];
            if span > 0 {
                scaled(g, ss, &mut dx, span);
            }
            Some(tensor(dx, x.shape())?)
        } else {
            None
        };
        let ds = if s.track_op() {
            let mut ds = vec![0.0; ss.len()];
            match span {
                0 => {}
                1 => scaled(g, xs, &mut ds, 1),
                _ => products(xs, g, &mut ds, span),
            }
            Some(tensor(ds, s.shape())?)
        } else {
            None
        };
        Ok((dx, ds))
    }
}
