//! Two-dimensional convolution, `x [N, C, H, W]` with `w [O, C / groups, KH, KW]`.
//!
//! ```text
//! y[n, o, i, j] = sum over c, a, b of w[o, c, a, b] x[n, c, i s + a d - p, j s + b d - p]
//! H' = (H + 2 p - d (KH - 1) - 1) / s + 1, and W' alike
//! ```
//! for stride `s`, padding `p`, dilation `d`; outside of `x` there are zeros.

use super::{Host, direct, on_host, operand, output, tensor};
use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};

/// The convolution above; kernels need not be square, any stride, padding, dilation and groups.
pub(crate) fn conv2d(
    x: &Tensor,
    w: &Tensor,
    stride: usize,
    padding: usize,
    dilation: usize,
    groups: usize,
) -> Result<Tensor> {
    let conv = Conv::new(x, w, stride, padding, dilation, groups)?;
    if !on_host(&[x, w]) {
        return conv.fallback(x, w);
    }
    x.contiguous()?.apply_op2(&w.contiguous()?, conv)
}

/// The sizes of one convolution: `c` and `o` are whole, not per group.
#[derive(Clone, Copy, Debug)]
pub(super) struct Conv {
    pub n: usize,
    pub c: usize,
    pub h: usize,
    pub w: usize,
    pub o: usize,
    pub kh: usize,
    pub kw: usize,
    pub stride: usize,
    pub padding: usize,
    pub dilation: usize,
    pub groups: usize,
    pub oh: usize,
    pub ow: usize,
}

impl Conv {
    fn new(
        x: &Tensor,
        weight: &Tensor,
        stride: usize,
        padding: usize,
        dilation: usize,
        groups: usize,
    ) -> Result<Self> {
        let (n, c, h, w) = x.dims4()?;
        let (o, c_group, kh, kw) = weight.dims4()?;
        let (xs, ws) = (x.shape(), weight.shape());
        if stride == 0 || dilation == 0 || groups == 0 || kh * kw * o == 0 {
            bail!(
                "conv2d: x {xs:?}, w {ws:?}: stride {stride}, dilation {dilation}, groups {groups} and the sizes of w must be at least 1"
            );
        }
        if !c.is_multiple_of(groups) || !o.is_multiple_of(groups) || c / groups != c_group {
            bail!("conv2d: x {xs:?} and w {ws:?} do not fit {groups} groups");
        }
        let out = |size: usize, k: usize| {
            let room = (size + 2 * padding).checked_sub(dilation * (k - 1) + 1)?;
            Some(room / stride + 1)
        };
        let (Some(oh), Some(ow)) = (out(h, kh), out(w, kw)) else {
            bail!(
                "conv2d: the kernel of w {ws:?}, dilation {dilation}, is larger than x {xs:?} padded by {padding}"
            );
        };
        Ok(Conv { n, c, h, w, o, kh, kw, stride, padding, dilation, groups, oh, ow })
    }

    fn fallback(&self, x: &Tensor, w: &Tensor) -> Result<Tensor> {
        let span = |k: usize, out: usize| (out - 1) * self.stride + self.dilation * (k - 1) + 1;
        let (sh, sw) = (span(self.kh, self.oh), span(self.kw, self.ow));
        let p = self.padding;
        if (sh, sw) == (self.h + 2 * p, self.w + 2 * p) {
            return x.conv2d(w, p, self.stride, self.dilation, self.groups);
        }
        // A stride that leaves rows or columns over: Candle's backward pass assumes as many of
        // each. Padded by hand and cut to what the kernel covers, none are.
        let x = x.pad_with_zeros(2, p, p)?.pad_with_zeros(3, p, p)?;
        let x = x.narrow(2, 0, sh)?.narrow(3, 0, sw)?.contiguous()?;
        x.conv2d(w, 0, self.stride, self.dilation, self.groups)
    }

    /// Rows and columns of the kernel, in the order of the weights.
    pub fn taps(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let (kh, kw) = (self.kh, self.kw);
        (0..kh).flat_map(move |a| (0..kw).map(move |b| (a, b)))
    }
}

impl CustomOp2 for Conv {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        xl: &Layout,
        w: &CpuStorage,
        wl: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, w) = (operand(x, xl)?, operand(w, wl)?);
        let y = direct::forward(self, x, w);
        output(y, (self.n, self.o, self.oh, self.ow))
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        let (x_host, w_host, g_host) = (Host::new(x)?, Host::new(w)?, Host::new(&grad)?);
        let (xs, ws, g) = (x_host.data()?, w_host.data()?, g_host.data()?);
        let (want_x, want_w) = (x.track_op(), w.track_op());
        let (dx, dw) = direct::backward(self, xs, ws, g, want_x, want_w);
        let dx = dx.map(|d| tensor(d, x.shape())).transpose()?;
        let dw = dw.map(|d| tensor(d, w.shape())).transpose()?;
        Ok((dx, dw))
    }
}
