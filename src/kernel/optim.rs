//! Optimiser steps that update a variable in place, by PyTorch's formulas.
//!
//! The state is kept in variables, so that it can be saved and loaded like any other tensor, and a resumed
//! run continues bit for bit. Candle's in-place operations change one tensor at a time and lock in the
//! order of addresses, so a step consists of two (SGD) or three (AdamW) such operations and cannot
//! deadlock.

use super::{on_host, operand, simd::vectorised};
use candle_core::{CpuStorage, InplaceOp3, Layout, Result, Tensor, Var, bail};

/// One step of stochastic gradient descent with momentum `m`, as in `torch.optim.SGD`:
///
/// ```text
/// g = grad + weight_decay * var;  buf = m * buf + g;  var -= lr * (nesterov ? g + m * buf : buf)
/// ```
/// With a buffer of zeros this is PyTorch's first step. Without momentum the buffer is not changed.
pub(crate) fn sgd_step(
    var: &Var,
    grad: &Tensor,
    momentum_buf: &Var,
    lr: f64,
    momentum: f64,
    weight_decay: f64,
    nesterov: bool,
) -> Result<()> {
    let grad = &checked("sgd_step", var, grad, &[momentum_buf])?;
    if !on_host(&[var, grad, momentum_buf]) {
        let g = if weight_decay != 0.0 {
            (grad + var.as_detached_tensor().affine(weight_decay, 0.0)?)?
        } else {
            grad.clone()
        };
        let step = if momentum == 0.0 {
            g
        } else {
            let buf = (momentum_buf.as_detached_tensor().affine(momentum, 0.0)? + &g)?;
            momentum_buf.set(&buf)?;
            if nesterov { (g + buf.affine(momentum, 0.0)?)? } else { buf }
        };
        return var.set(&(var.as_detached_tensor() - step.affine(lr, 0.0)?)?);
    }
    let (m, wd, lr) = (momentum as f32, weight_decay as f32, lr as f32);
    if momentum == 0.0 {
        let rule = move |w: f32, g: f32, _: f32| w - lr * (g + wd * w);
        return var.inplace_op3(grad, grad, &Update(rule));
    }
    momentum_buf.inplace_op3(grad, var, &Update(move |b: f32, g, w| m * b + (g + wd * w)))?;
    if nesterov {
        let rule = move |w: f32, g: f32, b: f32| w - lr * ((g + wd * w) + m * b);
        var.inplace_op3(grad, momentum_buf, &Update(rule))
    } else {
        var.inplace_op3(grad, momentum_buf, &Update(move |w: f32, _, b| w - lr * b))
    }
}

/// One step of AdamW, as in `torch.optim.AdamW`; `step` counts from 1, `m` and `v` start at zero:
///
/// ```text
/// var *= 1 - lr * weight_decay;  m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2
/// var -= lr / (1 - beta1^step) * m / (sqrt(v) / sqrt(1 - beta2^step) + eps)
/// ```
#[expect(clippy::too_many_arguments, reason = "one for each symbol of the paper")]
pub(crate) fn adamw_step(
    var: &Var,
    grad: &Tensor,
    m: &Var,
    v: &Var,
    step: usize,
    lr: f64,
    beta1: f64,
    beta2: f64,
    eps: f64,
    weight_decay: f64,
) -> Result<()> {
    let grad = &checked("adamw_step", var, grad, &[m, v])?;
    if step == 0 {
        bail!("adamw_step: steps count from 1");
    }
    let step = i32::try_from(step).unwrap_or(i32::MAX);
    let size = lr / (1.0 - beta1.powi(step));
    let root = (1.0 - beta2.powi(step)).sqrt();
    let keep = 1.0 - lr * weight_decay;
    if !on_host(&[var, grad, m, v]) {
        m.set(&(m.as_detached_tensor().affine(beta1, 0.0)? + grad.affine(1.0 - beta1, 0.0)?)?)?;
        let squares = grad.sqr()?.affine(1.0 - beta2, 0.0)?;
        v.set(&(v.as_detached_tensor().affine(beta2, 0.0)? + squares)?)?;
        let below = v.as_detached_tensor().sqrt()?.affine(1.0 / root, eps)?;
        let change = (m.as_detached_tensor() / below)?.affine(size, 0.0)?;
        return var.set(&(var.as_detached_tensor().affine(keep, 0.0)? - change)?);
    }
    let (b1, b2) = (beta1 as f32, beta2 as f32);
    let (c1, c2) = ((1.0 - beta1) as f32, (1.0 - beta2) as f32);
    let (size, root, keep, eps) = (size as f32, root as f32, keep as f32, eps as f32);
    m.inplace_op3(grad, grad, &Update(move |m: f32, g, _| b1 * m + c1 * g))?;
    v.inplace_op3(grad, grad, &Update(move |v: f32, g, _| b2 * v + c2 * (g * g)))?;
    let rule = move |w: f32, m: f32, v: f32| keep * w - size * (m / (v.sqrt() / root + eps));
    var.inplace_op3(m, v, &Update(rule))
}

/// `var += factor * by`, where `by` may be the variable itself.
pub(crate) fn shift(var: &Var, by: &Tensor, factor: f64) -> Result<()> {
    let same = by.id() == var.id();
    let by = &checked("shift", var, by, &[])?;
    if !on_host(&[var, by]) || same {
        let moved = (var.as_detached_tensor() + by.affine(factor, 0.0)?)?;
        return var.set(&moved);
    }
    let factor = factor as f32;
    var.inplace_op3(by, by, &Update(move |w: f32, by, _| w + factor * by))
}

/// The gradient, made contiguous; an error if the shapes or types differ.
fn checked(name: &str, var: &Var, grad: &Tensor, state: &[&Var]) -> Result<Tensor> {
    for t in std::iter::once(grad).chain(state.iter().map(|v| v.as_tensor())) {
        if t.shape() != var.shape() || t.dtype() != var.dtype() {
            bail!(
                "{name}: {:?} {:?} does not fit the variable {:?} {:?}",
                t.dtype(),
                t.shape(),
                var.dtype(),
                var.shape()
            );
        }
    }
    grad.detach().contiguous()
}

/// `dst[i] = rule(dst[i], a[i], b[i])`.
struct Update<F>(F);

vectorised! {
    fn update<F: Rule>(dst: &mut [f32], a: &[f32], b: &[f32], rule: &F) {
        for ((d, &a), &b) in dst.iter_mut().zip(a).zip(b) {
            *d = rule.call(*d, a, b);
        }
    }
}

trait Rule {
    fn call(&self, dst: f32, a: f32, b: f32) -> f32;
}

impl<F: Fn(f32, f32, f32) -> f32> Rule for F {
    #[inline(always)]
    fn call(&self, dst: f32, a: f32, b: f32) -> f32 {
        self(dst, a, b)
    }
}

impl<F: Rule> InplaceOp3 for Update<F> {
    fn name(&self) -> &'static str {
        "optimiser step"
    }

    fn cpu_fwd(
        &self,
        dst: &mut CpuStorage,
        dl: &Layout,
        a: &CpuStorage,
        al: &Layout,
        b: &CpuStorage,
        bl: &Layout,
    ) -> Result<()> {
        let (Some((from, to)), CpuStorage::F32(dst)) = (dl.contiguous_offsets(), dst) else {
            bail!("optimiser step: the variable is not a contiguous f32 tensor");
        };
        update(&mut dst[from..to], operand(a, al)?, operand(b, bl)?, &self.0);
        Ok(())
    }
}
