//! Convolution as a product of matrices, for strides and paddings that [`direct`] does not take.
//!
//! Each image is unfolded ("im2col") into a matrix with one column for each output and one row for
//! each weight, `U [C/groups KH KW, H' W']`; then, with `w [O, C/groups KH KW]` and `g = dL/dy`,
//!
//! ```text
//! y = w U        dU = w^T g, folded back onto the image        dw = sum over images of g U^T
//! ```
//!
//! [`direct`]: super::direct

use super::{Matrix, conv::Conv, matmul};

impl Conv {
    /// Rows of the matrix that the kernel is multiplied with: inputs of one output.
    fn taps(&self) -> usize {
        self.c / self.groups * self.kh * self.kw
    }

    fn pointwise(&self) -> bool {
        self.kh * self.kw == 1 && self.stride == 1 && self.padding == 0
    }

    /// `columns[(c, a, b), (i, j)] = x[c, i s + a d - p, j s + b d - p]` for one group of an image.
    fn unfold(&self, x: &[f32], columns: &mut [f32]) {
        let mut columns = columns.chunks_exact_mut(self.ow);
        for plane in x.chunks_exact(self.h * self.w) {
            for a in 0..self.kh {
                let rows = self.inside(a, self.h, self.oh);
                for b in 0..self.kw {
                    let cols = self.inside(b, self.w, self.ow);
                    for (i, out) in (0..self.oh).zip(&mut columns) {
                        if !rows.contains(&i) || cols.is_empty() {
                            out.fill(0.0);
                            continue;
                        }
                        out[..cols.start].fill(0.0);
                        out[cols.end..].fill(0.0);
                        let y = i * self.stride + a * self.dilation - self.padding;
                        let x = cols.start * self.stride + b * self.dilation - self.padding;
                        let from = &plane[y * self.w + x..(y + 1) * self.w];
                        let out = &mut out[cols.clone()];
                        if self.stride == 1 {
                            out.copy_from_slice(&from[..out.len()]);
                        } else {
                            for (o, &v) in out.iter_mut().zip(from.iter().step_by(self.stride)) {
                                *o = v;
                            }
                        }
                    }
                }
            }
        }
    }

    /// The transpose of [`unfold`]: adds every column back to where it came from.
    fn fold(&self, columns: &[f32], dx: &mut [f32]) {
        let mut columns = columns.chunks_exact(self.ow);
        for plane in dx.chunks_exact_mut(self.h * self.w) {
            for a in 0..self.kh {
                let rows = self.inside(a, self.h, self.oh);
                for b in 0..self.kw {
                    let cols = self.inside(b, self.w, self.ow);
                    for (i, from) in (0..self.oh).zip(&mut columns) {
                        if !rows.contains(&i) || cols.is_empty() {
                            continue;
                        }
                        let y = i * self.stride + a * self.dilation - self.padding;
                        let x = cols.start * self.stride + b * self.dilation - self.padding;
                        let out = plane[y * self.w + x..(y + 1) * self.w].iter_mut();
                        let from = &from[cols.clone()];
                        if self.stride == 1 {
                            out.zip(from).for_each(|(o, &v)| *o += v);
                        } else {
                            out.step_by(self.stride).zip(from).for_each(|(o, &v)| *o += v);
                        }
                    }
                }
            }
        }
    }

    pub fn unfold_forward(&self, x: &[f32], w: &[f32]) -> Vec<f32> {
        let (k, pixels, og) = (self.taps(), self.oh * self.ow, self.o / self.groups);
        let mut y = vec![0.0; self.n * self.o * pixels];
        let mut columns = vec![0.0; if self.pointwise() { 0 } else { k * pixels }];
        let group_in = self.c / self.groups * self.h * self.w;
        if group_in == 0 {
            return y;
        }
        let parts = x.chunks_exact(group_in).zip(y.chunks_exact_mut(og * pixels));
        for (part, (x, y)) in parts.enumerate() {
            let w = &w[part % self.groups * og * k..];
            let data = if self.pointwise() {
                x
            } else {
                self.unfold(x, &mut columns);
                &columns
            };
            let a = Matrix { data: w, rs: k, cs: 1 };
            matmul([og, pixels, k], y, false, a, Matrix { data, rs: pixels, cs: 1 });
        }
        y
    }

    pub fn unfold_grad_x(&self, w: &[f32], g: &[f32]) -> Vec<f32> {
        let (k, pixels, og) = (self.taps(), self.oh * self.ow, self.o / self.groups);
        let mut dx = vec![0.0; self.n * self.c * self.h * self.w];
        let mut columns = vec![0.0; if self.pointwise() { 0 } else { k * pixels }];
        let group_in = self.c / self.groups * self.h * self.w;
        if group_in == 0 {
            return dx;
        }
        let parts = dx.chunks_exact_mut(group_in).zip(g.chunks_exact(og * pixels));
        for (part, (dx, g)) in parts.enumerate() {
            let a = Matrix { data: &w[part % self.groups * og * k..], rs: 1, cs: k };
            let b = Matrix { data: g, rs: pixels, cs: 1 };
            if self.pointwise() {
                matmul([k, pixels, og], dx, false, a, b);
            } else {
                matmul([k, pixels, og], &mut columns, false, a, b);
                self.fold(&columns, dx);
            }
        }
        dx
    }

    pub fn unfold_grad_w(&self, x: &[f32], g: &[f32]) -> Vec<f32> {
        let (k, pixels, og) = (self.taps(), self.oh * self.ow, self.o / self.groups);
        let mut dw = vec![0.0; self.o * k];
        let mut columns = vec![0.0; if self.pointwise() { 0 } else { k * pixels }];
        let group_in = self.c / self.groups * self.h * self.w;
        if group_in == 0 {
            return dw;
        }
        for (part, (x, g)) in x.chunks_exact(group_in).zip(g.chunks_exact(og * pixels)).enumerate()
        {
            let dw = &mut dw[part % self.groups * og * k..];
            let data = if self.pointwise() {
                x
            } else {
                self.unfold(x, &mut columns);
                &columns
            };
            let a = Matrix { data: g, rs: pixels, cs: 1 };
            matmul([og, k, pixels], dw, true, a, Matrix { data, rs: 1, cs: pixels });
        }
        dw
    }
}
