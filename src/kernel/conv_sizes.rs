//! The sizes of a convolution, shared by the files that compute it.

use candle_core::{Result, Tensor, bail};

/// The sizes of one convolution; `c` and `o` are totals, not per group.
#[derive(Clone, Copy, Debug)]
pub(super) struct Conv {
    pub n: usize,
    pub c: usize,
    pub h: usize,
    pub w: usize,
    pub o: usize,
    pub kh: usize,
    pub kw: usize,
    /// Down and across, like the next two.
    pub stride: [usize; 2],
    pub padding: [usize; 2],
    pub dilation: [usize; 2],
    pub groups: usize,
    pub oh: usize,
    pub ow: usize,
    /// Whether the channels of `x` and `y` come last.
    pub last: bool,
}

impl Conv {
    pub fn new(
        name: &str,
        x: &Tensor,
        weight: &Tensor,
        stride: [usize; 2],
        padding: [usize; 2],
        dilation: [usize; 2],
        groups: usize,
    ) -> Result<Self> {
        let (n, c, h, w) = x.dims4()?;
        let (o, c_group, kh, kw) = weight.dims4()?;
        let (xs, ws) = (x.shape(), weight.shape());
        if stride.contains(&0) || dilation.contains(&0) || groups == 0 || kh * kw * o == 0 {
            bail!(
                "{name}: x {xs:?}, w {ws:?}: stride {stride:?}, dilation {dilation:?}, groups {groups} and the sizes of w must be at least 1"
            );
        }
        if !c.is_multiple_of(groups) || !o.is_multiple_of(groups) || c / groups != c_group {
            bail!("{name}: x {xs:?} and w {ws:?} do not fit {groups} groups");
        }
        let out = |axis: usize, size: usize, k: usize| {
            let room = (size + 2 * padding[axis]).checked_sub(dilation[axis] * (k - 1) + 1)?;
            Some(room / stride[axis] + 1)
        };
        let (Some(oh), Some(ow)) = (out(0, h, kh), out(1, w, kw)) else {
            bail!(
                "{name}: the kernel of w {ws:?}, dilation {dilation:?}, is larger than x {xs:?} padded by {padding:?}"
            );
        };
        let last = false;
        Ok(Conv { n, c, h, w, o, kh, kw, stride, padding, dilation, groups, oh, ow, last })
    }

    /// Rows and columns of the kernel, in the order of the weights.
    pub fn taps(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let (kh, kw) = (self.kh, self.kw);
        (0..kh).flat_map(move |a| (0..kw).map(move |b| (a, b)))
    }
}
