//! Activation functions in one pass forward and one pass backward.
//!
//! Candle's own backward pass makes three to ten passes over memory and calls the scalar `expf` of the C
//! library. Here the exponential is a polynomial that the compiler vectorises. The derivative is written
//! in terms of the result `y` if possible, otherwise in terms of `x`.

use super::{Host, on_host, operand, output, simd::vectorised, tensor};
use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

/// `max(x, 0)`; the gradient at 0 is 0, as in PyTorch.
pub(crate) fn relu(x: &Tensor) -> Result<Tensor> {
    apply::<Relu>(x, |x| x.relu())
}

/// `x Phi(x)` with the normal distribution function `Phi`, by the error function.
pub(crate) fn gelu(x: &Tensor) -> Result<Tensor> {
    apply::<Gelu>(x, |x| x.gelu_erf())
}

/// `x sigmoid(x)`.
pub(crate) fn silu(x: &Tensor) -> Result<Tensor> {
    apply::<Silu>(x, |x| x.silu())
}

/// The hyperbolic tangent.
pub(crate) fn tanh(x: &Tensor) -> Result<Tensor> {
    apply::<Tanh>(x, |x| x.tanh())
}

/// `1 / (1 + exp(-x))`.
pub(crate) fn sigmoid(x: &Tensor) -> Result<Tensor> {
    apply::<Sigmoid>(x, |x| (x.neg()?.exp()? + 1.0)?.recip())
}

/// `x` where positive, else `0.01 x`.
pub(crate) fn leaky_relu(x: &Tensor) -> Result<Tensor> {
    apply::<LeakyRelu>(x, |x| x.relu()? - (x.neg()?.relu()? * 0.01)?)
}

/// `x` where positive, else `exp(x) - 1`.
pub(crate) fn elu(x: &Tensor) -> Result<Tensor> {
    apply::<Elu>(x, |x| x.elu(1.0))
}

fn apply<F: Function>(x: &Tensor, other: fn(&Tensor) -> Result<Tensor>) -> Result<Tensor> {
    if !on_host(&[x]) {
        return other(x);
    }
    x.contiguous()?.apply_op1(Elementwise(std::marker::PhantomData::<F>))
}

/// A function of one number, and its derivative from the argument `x` and the result `y`.
trait Function: Send + Sync + 'static {
    const NAME: &'static str;
    fn value(x: f32) -> f32;
    fn slope(x: f32, y: f32) -> f32;
}

struct Elementwise<F>(std::marker::PhantomData<F>);

vectorised! {
    fn values<F: Function>(x: &[f32], y: &mut [f32], _f: &Elementwise<F>) {
        for (y, &x) in y.iter_mut().zip(x) {
            *y = F::value(x);
        }
    }
}

vectorised! {
    fn slopes<F: Function>(x: &[f32], y: &[f32], dy: &[f32], dx: &mut [f32], _f: &Elementwise<F>) {
        for (((dx, &x), &y), &dy) in dx.iter_mut().zip(x).zip(y).zip(dy) {
            *dx = dy * F::slope(x, y);
        }
    }
}

impl<F: Function> CustomOp1 for Elementwise<F> {
    fn name(&self) -> &'static str {
        F::NAME
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = operand(storage, layout)?;
        let mut y = vec![0.0; x.len()];
        values(x, &mut y, self);
        output(y, layout.shape())
    }

    fn bwd(&self, x: &Tensor, y: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let grad = grad.contiguous()?;
        let (x_host, y_host, g_host) = (Host::new(x)?, Host::new(y)?, Host::new(&grad)?);
        let mut dx = vec![0.0; x.elem_count()];
        slopes(x_host.data()?, y_host.data()?, g_host.data()?, &mut dx, self);
        Ok(Some(tensor(dx, x.shape())?))
    }
}

/// `exp(x)` to about 2 ulp: `2^n exp(r)` with `|r| <= log(2) / 2`, where `exp(r)` is a polynomial (with
/// the coefficients of Cephes' `expf`). It saturates below -87 and above 88; NaN stays NaN.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    // Adding and subtracting 1.5 * 2^23 rounds to the nearest integer.
    const ROUND: f32 = 12_582_912.0;
    let x = if x > 88.0 { 88.0 } else { x };
    let x = if x < -87.0 { -87.0 } else { x };
    let n = (x * std::f32::consts::LOG2_E + ROUND) - ROUND;
    let r = x - n * 0.693_359_4 - n * -2.121_944_4e-4;
    let p = 1.987_569_1e-4;
    let p = p * r + 1.398_2e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 0.5;
    let y = p * r * r + r + 1.0;
    // The exponent field of 2^n. The low bits of `n + ROUND` hold n; wrapping avoids checks for NaN.
    let bits = (n + ROUND).to_bits().wrapping_add(127).wrapping_shl(23);
    y * f32::from_bits(bits)
}

/// The error function to 1.5e-7 (Abramowitz and Stegun 7.1.26), with `e = exp(-x^2)` given.
#[inline(always)]
fn erf(x: f32, e: f32) -> f32 {
    let t = 1.0 / (1.0 + 0.327_591_1 * x.abs());
    let p = 1.061_405_4;
    let p = p * t - 1.453_152_1;
    let p = p * t + 1.421_413_8;
    let p = p * t - 0.284_496_72;
    let p = p * t + 0.254_829_6;
    (1.0 - p * t * e).copysign(x)
}

#[inline(always)]
fn logistic(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

macro_rules! functions {
    ($($function:ident $name:literal, |$x:pat_param| $value:expr, |$sx:pat_param, $sy:pat_param| $slope:expr;)*) => {$(
        struct $function;
        impl Function for $function {
            const NAME: &'static str = $name;
            #[inline(always)]
            fn value($x: f32) -> f32 {
                $value
            }
            #[inline(always)]
            fn slope($sx: f32, $sy: f32) -> f32 {
                $slope
            }
        }
    )*};
}

// Each function with its value and its slope. In the order of `x < 0.0` a NaN passes through, so that
// a diverged network is noticed.
functions! {
    Relu "relu",
        |x| if x < 0.0 { 0.0 } else { x },
        |_, y| if y > 0.0 { 1.0 } else { 0.0 };
    LeakyRelu "leaky-relu",
        |x| if x < 0.0 { 0.01 * x } else { x },
        |x, _| if x > 0.0 { 1.0 } else { 0.01 };
    Elu "elu",
        |x| if x < 0.0 { exp(x) - 1.0 } else { x },
        |_, y| if y > 0.0 { 1.0 } else { y + 1.0 };
    Sigmoid "sigmoid", |x| logistic(x), |_, y| y * (1.0 - y);
    Silu "silu", |x| x * logistic(x), |x, y| logistic(x) * (1.0 - y) + y;
    Tanh "tanh", |x| tangent(x), |_, y| 1.0 - y * y;
    Gelu "gelu", |x| 0.5 * x * twice_phi(x, exp(-0.5 * x * x)), |x, _| {
        // Phi(x) + x phi(x), with phi(x) = exp(-x^2 / 2) / sqrt(2 pi).
        let e = exp(-0.5 * x * x);
        0.5 * twice_phi(x, e) + x * (0.398_942_3 * e)
    };
}

#[inline(always)]
fn tangent(x: f32) -> f32 {
    // Near zero `1 - 2 / (exp(2x) + 1)` cancels; there an odd polynomial (Cephes) takes over.
    let z = x * x;
    let p = -5.704_988_7e-3;
    let p = p * z + 2.063_909e-2;
    let p = p * z - 5.373_971_5e-2;
    let p = p * z + 1.333_144_2e-1;
    let p = p * z - 3.333_328e-1;
    let near = p * z * x + x;
    let far = 1.0 - 2.0 / (exp(2.0 * x) + 1.0);
    if z < 0.390_625 { near } else { far }
}

/// `2 Phi(x)`, with `e = exp(-x^2 / 2)` given.
#[inline(always)]
fn twice_phi(x: f32, e: f32) -> f32 {
    1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2, e)
}
