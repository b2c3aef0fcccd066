//! Convolution of images, `x [N, C, H, W]` with `w [O, C / groups, KH, KW]`, and of sequences,
//! `x [N, L, C]` with `w [O, C / groups, K]`.
//!
//! ```text
//! y[n, o, i, j] = sum over c, a, b of w[o, c, a, b] x[n, c, i s + a d - p, j s + b d - p]
//! H' = (H + 2 p - d (KH - 1) - 1) / s + 1, and W' alike
//! ```
//! for stride `s`, padding `p`, dilation `d`; outside `x` there are zeros. A sequence is an image one
//! pixel high with its channels last; the kernel reads and writes this order itself.

use super::conv_sizes::Conv;
use super::operation::{Gradients, Input, Operation, apply2};
use super::{Host, direct, on_host, output, tensor, wanted};
use candle_core::{CpuStorage, D, Result, Shape, Tensor};

/// The convolution above, with any stride, padding, dilation and groups; kernels need not be square.
pub(crate) fn conv2d(
    x: &Tensor,
    w: &Tensor,
    stride: usize,
    padding: usize,
    dilation: usize,
    groups: usize,
) -> Result<Tensor> {
    let conv = Conv::new("conv2d", x, w, [stride; 2], [padding; 2], [dilation; 2], groups)?;
    if !on_host(&[x, w]) {
        return conv.fallback(x, w);
    }
    apply2(x, w, conv)
}

/// Convolution along a sequence: `x [N, L, C]`, `w [O, C / groups, K]`, `y [N, L', O]`.
///
/// With `causal` no position sees a later one: all of the padding is in front, `d (K - 1)`, `padding` is
/// ignored, and `L' = ceil(L / s)`.
pub(crate) fn conv1d(
    x: &Tensor,
    w: &Tensor,
    stride: usize,
    padding: usize,
    causal: bool,
    dilation: usize,
    groups: usize,
) -> Result<Tensor> {
    let (n, l, _) = x.dims3()?;
    // An image [N, C, 1, L], as a view.
    let image = x.transpose(1, 2)?.unsqueeze(2)?;
    let weight = w.unsqueeze(2)?;
    let padding = match causal {
        true => dilation * (w.dim(2)?.max(1) - 1),
        false => padding,
    };
    let mut conv =
        Conv::new("conv1d", &image, &weight, [1, stride], [0, padding], [1, dilation], groups)?;
    if causal {
        conv.ow = l.div_ceil(stride);
    }
    if on_host(&[x, w]) {
        conv.last = true;
        return apply2(x, w, conv);
    }
    let y = match causal {
        // There is no padding at the end.
        true => {
            let image = image.pad_with_zeros(3, padding, 0)?;
            let conv =
                Conv::new("conv1d", &image, &weight, [1, stride], [0, 0], [1, dilation], groups)?;
            conv.fallback(&image, &weight)?
        }
        false => conv.fallback(&image, &weight)?,
    };
    y.reshape((n, conv.o, conv.ow))?.transpose(1, 2)?.contiguous()
}

impl Conv {
    fn fallback(&self, x: &Tensor, w: &Tensor) -> Result<Tensor> {
        let span = |axis: usize, k: usize, out: usize| {
            (out - 1) * self.stride[axis] + self.dilation[axis] * (k - 1) + 1
        };
        let (sh, sw) = (span(0, self.kh, self.oh), span(1, self.kw, self.ow));
        let ([ph, pw], stride, dilation) = (self.padding, self.stride[1], self.dilation[1]);
        if (sh, sw) == (self.h + 2 * ph, self.w + 2 * pw) && ph == pw {
            return x.conv2d(w, pw, stride, dilation, self.groups);
        }
        // If the stride leaves rows or columns over, Candle's backward pass assumes the same number of
        // each. Padding here and cutting to what the kernel covers leaves none.
        let x = x.pad_with_zeros(2, ph, ph)?.pad_with_zeros(D::Minus1, pw, pw)?;
        let x = x.narrow(2, 0, sh)?.narrow(3, 0, sw)?.contiguous()?;
        x.conv2d(w, 0, stride, dilation, self.groups)
    }
}

impl Operation<2> for Conv {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    fn forward(&self, [x, w]: [Input; 2]) -> Result<(CpuStorage, Shape)> {
        let y = direct::forward(self, x.data, w.data);
        match self.last {
            true => output(y, (self.n, self.ow, self.o)),
            false => output(y, (self.n, self.o, self.oh, self.ow)),
        }
    }

    fn backward(&self, [x, w]: [&Tensor; 2], _: &Tensor, grad: &Tensor) -> Gradients<2> {
        let grad = grad.contiguous()?;
        let (x_host, w_host, g_host) = (Host::new(x)?, Host::new(w)?, Host::new(&grad)?);
        let (xs, ws, g) = (x_host.data()?, w_host.data()?, g_host.data()?);
        let (dx, dw) = direct::backward(self, xs, ws, g, x.track_op(), wanted(w));
        let dx = dx.map(|d| tensor(d, x.shape())).transpose()?;
        Ok([dx, dw.map(|d| tensor(d, w.shape())).transpose()?])
    }
}
