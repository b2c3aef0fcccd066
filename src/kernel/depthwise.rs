//! Depthwise convolution: every output channel reads one input channel.
//!
//! With `groups == C` and `O` a multiple of `C` there is nothing to multiply as matrices: a channel
//! has `KH KW` weights and each is used once for each pixel. So the loops run tap by tap along the
//! rows of a plane, which the cache holds:
//!
//! ```text
//! y[o, i, :] += w[o, a, b] x[c, i s + a d - p, ..]    dx[c, i s + a d - p, ..] += w[o, a, b] g[o, i, :]
//! dw[o, a, b] = sum over n, i of g[o, i, :] . x[c, i s + a d - p, ..]            c = o C / O
//! ```

use super::{conv::Conv, simd, simd::vectorised};

/// Whether a convolution is of this kind.
pub(super) fn fits(conv: &Conv) -> bool {
    conv.groups == conv.c && conv.c > 1
}

/// Calls `each(o, a, b, i, columns, start)` with, for a tap of one plane, the output row `i`, the
/// output columns inside of the input and where in the plane the first of them reads.
#[inline(always)]
fn taps(conv: &Conv, mut each: impl FnMut(usize, usize, std::ops::Range<usize>, usize)) {
    for a in 0..conv.kh {
        let rows = conv.inside(a, conv.h, conv.oh);
        for i in rows {
            let y = i * conv.stride + a * conv.dilation - conv.padding;
            for b in 0..conv.kw {
                let cols = conv.inside(b, conv.w, conv.ow);
                if cols.is_empty() {
                    continue;
                }
                let x = cols.start * conv.stride + b * conv.dilation - conv.padding;
                each(a * conv.kw + b, i, cols, y * conv.w + x);
            }
        }
    }
}

vectorised! {
    fn plane_forward(conv: &Conv, x: &[f32], w: &[f32], y: &mut [f32]) {
        taps(conv, |tap, i, cols, start| {
            let y = &mut y[i * conv.ow..(i + 1) * conv.ow][cols];
            let w = w[tap];
            if conv.stride == 1 {
                y.iter_mut().zip(&x[start..]).for_each(|(y, &x)| *y += w * x);
            } else {
                let x = x[start..].iter().step_by(conv.stride);
                y.iter_mut().zip(x).for_each(|(y, &x)| *y += w * x);
            }
        });
    }
}

vectorised! {
    fn plane_grad_x(conv: &Conv, w: &[f32], g: &[f32], dx: &mut [f32]) {
        taps(conv, |tap, i, cols, start| {
            let g = &g[i * conv.ow..(i + 1) * conv.ow][cols];
            let w = w[tap];
            if conv.stride == 1 {
                dx[start..].iter_mut().zip(g).for_each(|(dx, &g)| *dx += w * g);
            } else {
                let dx = dx[start..].iter_mut().step_by(conv.stride);
                dx.zip(g).for_each(|(dx, &g)| *dx += w * g);
            }
        });
    }
}

vectorised! {
    fn plane_grad_w(conv: &Conv, x: &[f32], g: &[f32], dw: &mut [f32]) {
        taps(conv, |tap, i, cols, start| {
            let g = &g[i * conv.ow..(i + 1) * conv.ow][cols];
            if conv.stride == 1 {
                dw[tap] += simd::reduce2(g, &x[start..start + g.len()], |g, x| g * x);
            } else {
                let x = x[start..].iter().step_by(conv.stride);
                dw[tap] += g.iter().zip(x).map(|(&g, &x)| g * x).sum::<f32>();
            }
        });
    }
}

/// Planes of input and of output that belong together: `(input plane, output plane, channel o)`.
fn planes(conv: &Conv) -> impl Iterator<Item = (usize, usize, usize)> + use<> {
    let (c, o) = (conv.c, conv.o);
    (0..conv.n * o).map(move |plane| {
        let (n, out) = (plane / o, plane % o);
        (n * c + out / (o / c), plane, out)
    })
}

pub(super) fn forward(conv: &Conv, x: &[f32], w: &[f32]) -> Vec<f32> {
    let (inp, out, k) = (conv.h * conv.w, conv.oh * conv.ow, conv.kh * conv.kw);
    let mut y = vec![0.0; conv.n * conv.o * out];
    for (from, to, o) in planes(conv) {
        let y = &mut y[to * out..(to + 1) * out];
        plane_forward(conv, &x[from * inp..(from + 1) * inp], &w[o * k..(o + 1) * k], y);
    }
    y
}

pub(super) fn grad_x(conv: &Conv, w: &[f32], g: &[f32]) -> Vec<f32> {
    let (inp, out, k) = (conv.h * conv.w, conv.oh * conv.ow, conv.kh * conv.kw);
    let mut dx = vec![0.0; conv.n * conv.c * inp];
    for (from, to, o) in planes(conv) {
        let dx = &mut dx[from * inp..(from + 1) * inp];
        plane_grad_x(conv, &w[o * k..(o + 1) * k], &g[to * out..(to + 1) * out], dx);
    }
    dx
}

pub(super) fn grad_w(conv: &Conv, x: &[f32], g: &[f32]) -> Vec<f32> {
    let (inp, out, k) = (conv.h * conv.w, conv.oh * conv.ow, conv.kh * conv.kw);
    let mut dw = vec![0.0; conv.o * k];
    for (from, to, o) in planes(conv) {
        let dw = &mut dw[o * k..(o + 1) * k];
        plane_grad_w(conv, &x[from * inp..(from + 1) * inp], &g[to * out..(to + 1) * out], dw);
    }
    dw
}
