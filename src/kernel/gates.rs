//! The gates of recurrent layers, computed in one pass per step, between the products.
//!
//! The sums of a step are stored as `[N, G H]`, gate after gate in each row. Forward, they become the
//! gates and the new state. Backward, the gradient of the state becomes that of the sums, and `carry` is
//! the part that reaches the previous state directly rather than through the gates.

use super::math::{Math, Work, logistic, tanh};

/// The function of a step in the cell that DARTS searches for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    Tanh,
    Relu,
    Sigmoid,
    Identity,
}

/// A register from place `at` of a slice, at most its first `n` lanes.
#[inline(always)]
unsafe fn get<V: Math>(data: &[f32], at: usize, n: usize) -> V {
    // SAFETY: the caller's promise that there are as many.
    unsafe { V::load_most(data.as_ptr().wrapping_add(at), n) }
}

#[inline(always)]
unsafe fn put<V: Math>(data: &mut [f32], at: usize, n: usize, v: V) {
    // SAFETY: the caller's promise that there are as many.
    unsafe { v.store_most(data.as_mut_ptr().wrapping_add(at), n) }
}

/// The slope of the logistic function from its value.
#[inline(always)]
unsafe fn logistic_slope<V: Math>(y: V) -> V {
    // SAFETY: the caller's promise about the processor.
    unsafe { y.sub(y.mul(y)) }
}

/// The slope of the hyperbolic tangent from its value.
#[inline(always)]
unsafe fn tanh_slope<V: Math>(y: V) -> V {
    // SAFETY: the caller's promise about the processor.
    unsafe { V::splat(1.0).sub(y.mul(y)) }
}

/// Turns the sums into the state.
pub(super) struct RnnForward<'a> {
    pub z: &'a mut [f32],
}

impl Work for RnnForward<'_> {
    #[inline(always)]
    unsafe fn run<V: Math, const R: usize, const N: usize>(self) {
        let len = self.z.len();
        for j in (0..len).step_by(V::LANES) {
            // SAFETY: `len - j` numbers are left.
            unsafe { put(self.z, j, len - j, tanh(get::<V>(self.z, j, len - j))) };
        }
    }
}

/// Sets `dz` to the gradients of the sums.
pub(super) struct RnnBackward<'a> {
    pub y: &'a [f32],
    pub dy: &'a [f32],
    pub carry: &'a mut [f32],
    pub dz: &'a mut [f32],
}

impl Work for RnnBackward<'_> {
    #[inline(always)]
    unsafe fn run<V: Math, const R: usize, const N: usize>(self) {
        let len = self.y.len();
        assert!(self.dy.len() == len && self.carry.len() == len && self.dz.len() == len);
        for j in (0..len).step_by(V::LANES) {
            let left = len - j;
            // SAFETY: `left` numbers are left, in slices of the same length.
            unsafe {
                let dh = get::<V>(self.dy, j, left).add(get(self.carry, j, left));
                put(self.dz, j, left, dh.mul(tanh_slope(get(self.y, j, left))));
                put(self.carry, j, left, V::zero());
            }
        }
    }
}

/// Turns the sums in `z` into the gates, and sets `c` to the cell and its tangent, from the previous cell.
pub(super) struct LstmForward<'a> {
    pub n: usize,
    pub h: usize,
    pub z: &'a mut [f32],
    pub before: &'a [f32],
    pub c: &'a mut [f32],
    pub y: &'a mut [f32],
}

impl Work for LstmForward<'_> {
    #[inline(always)]
    unsafe fn run<V: Math, const R: usize, const N: usize>(self) {
        let Self { n, h, z, before, c, y } = self;
        assert!(z.len() == n * 4 * h && before.len() == n * 2 * h);
        assert!(c.len() == n * 2 * h && y.len() == n * h);
        for row in 0..n {
            for j in (0..h).step_by(V::LANES) {
                let (left, z_at, c_at) = (h - j, row * 4 * h + j, row * 2 * h + j);
                // SAFETY: `left` numbers are left of each gate in the row.
                unsafe {
                    let i: V = logistic(get(z, z_at, left));
                    let f: V = logistic(get(z, z_at + h, left));
                    let g: V = tanh(get(z, z_at + 2 * h, left));
                    let o: V = logistic(get(z, z_at + 3 * h, left));
                    let cell = i.mul(g).add_product(f, get(before, c_at, left));
                    let t = tanh(cell);
                    put(z, z_at, left, i);
                    put(z, z_at + h, left, f);
                    put(z, z_at + 2 * h, left, g);
                    put(z, z_at + 3 * h, left, o);
                    put(c, c_at, left, cell);
                    put(c, c_at + h, left, t);
                    put(y, row * h + j, left, o.mul(t));
                }
            }
        }
    }
}

/// Sets `dz` to the gradients of the sums, and `carry_c` to that of the previous cell.
pub(super) struct LstmBackward<'a> {
    pub n: usize,
    pub h: usize,
    pub z: &'a [f32],
    pub c: &'a [f32],
    pub before: &'a [f32],
    pub dy: &'a [f32],
    pub carry: &'a mut [f32],
    pub carry_c: &'a mut [f32],
    pub dz: &'a mut [f32],
}

impl Work for LstmBackward<'_> {
    #[inline(always)]
    unsafe fn run<V: Math, const R: usize, const N: usize>(self) {
        let Self { n, h, z, c, before, dy, carry, carry_c, dz } = self;
        assert!(z.len() == n * 4 * h && dz.len() == n * 4 * h);
        assert!(c.len() == n * 2 * h && before.len() == n * 2 * h);
        assert!(dy.len() == n * h && carry.len() == n * h && carry_c.len() == n * h);
        for row in 0..n {
            for j in (0..h).step_by(V::LANES) {
                let (left, z_at, c_at) = (h - j, row * 4 * h + j, row * 2 * h + j);
                let at = row * h + j;
                // SAFETY: `left` numbers are left of each gate in the row.
                unsafe {
                    let i: V = get(z, z_at, left);
                    let f: V = get(z, z_at + h, left);
                    let g: V = get(z, z_at + 2 * h, left);
                    let o: V = get(z, z_at + 3 * h, left);
                    let t: V = get(c, c_at + h, left);
                    let dh = get::<V>(dy, at, left).add(get(carry, at, left));
                    let dc = get::<V>(carry_c, at, left).add_product(dh.mul(o), tanh_slope(t));
                    let df = dc.mul(get(before, c_at, left));
                    put(dz, z_at, left, dc.mul(g).mul(logistic_slope(i)));
                    put(dz, z_at + h, left, df.mul(logistic_slope(f)));
                    put(dz, z_at + 2 * h, left, dc.mul(i).mul(tanh_slope(g)));
                    put(dz, z_at + 3 * h, left, dh.mul(t).mul(logistic_slope(o)));
                    put(carry_c, at, left, dc.mul(f));
                    put(carry, at, left, V::zero());
                }
            }
        }
    }
}

/// Turns the sums in `z` into the gates, with `u`, the sums over the state.
pub(super) struct GruForward<'a> {
    pub n: usize,
    pub h: usize,
    pub z: &'a mut [f32],
    pub u: &'a [f32],
    pub before: &'a [f32],
    pub y: &'a mut [f32],
}

impl Work for GruForward<'_> {
    #[inline(always)]
    unsafe fn run<V: Math, const R: usize, const N: usize>(self) {
        let Self { n, h, z, u, before, y } = self;
        assert!(z.len() == n * 3 * h && before.len() == n * h);
        assert!(u.len() == n * h && y.len() == n * h);
        for row in 0..n {
            for j in (0..h).step_by(V::LANES) {
                let (left, z_at, at) = (h - j, row * 3 * h + j, row * h + j);
                // SAFETY: `left` numbers are left of each gate in the row.
                unsafe {
                    let reset: V = logistic(get(z, z_at, left));
                    let keep: V = logistic(get(z, z_at + h, left));
                    let sum = get::<V>(z, z_at + 2 * h, left);
                    let new = tanh(sum.add_product(reset, get(u, at, left)));
                    let old: V = get(before, at, left);
                    put(z, z_at, left, reset);
                    put(z, z_at + h, left, keep);
                    put(z, z_at + 2 * h, left, new);
                    put(y, at, left, new.add_product(keep, old.sub(new)));
                }
            }
        }
    }
}

/// Sets `dz` to the gradients of `r`, `z` and the two sums in `n`: over the state and over the input.
pub(super) struct GruBackward<'a> {
    pub n: usize,
    pub h: usize,
    pub z: &'a [f32],
    pub u: &'a [f32],
    pub before: &'a [f32],
    pub dy: &'a [f32],
    pub carry: &'a mut [f32],
    pub dz: &'a mut [f32],
}

impl Work for GruBackward<'_> {
    #[inline(always)]
    unsafe fn run<V: Math, const R: usize, const N: usize>(self) {
        let Self { n, h, z, u, before, dy, carry, dz } = self;
        assert!(z.len() == n * 3 * h && dz.len() == n * 4 * h && u.len() == n * h);
        assert!(before.len() == n * h && dy.len() == n * h && carry.len() == n * h);
        for row in 0..n {
            for j in (0..h).step_by(V::LANES) {
                let (left, z_at, at) = (h - j, row * 3 * h + j, row * h + j);
                let to = row * 4 * h + j;
                // SAFETY: `left` numbers are left of each gate in the row.
                unsafe {
                    let reset: V = get(z, z_at, left);
                    let keep: V = get(z, z_at + h, left);
                    let new: V = get(z, z_at + 2 * h, left);
                    let dh = get::<V>(dy, at, left).add(get(carry, at, left));
                    let through = dh.mul(keep);
                    let dsum = dh.sub(through).mul(tanh_slope(new));
                    let dkeep = dh.mul(get::<V>(before, at, left).sub(new));
                    let dreset = dsum.mul(get(u, at, left));
                    put(dz, to, left, dreset.mul(logistic_slope(reset)));
                    put(dz, to + h, left, dkeep.mul(logistic_slope(keep)));
                    put(dz, to + 2 * h, left, dsum.mul(reset));
                    put(dz, to + 3 * h, left, dsum);
                    put(carry, at, left, through);
                }
            }
        }
    }
}

impl Function {
    #[inline(always)]
    unsafe fn value<V: Math>(self, x: V) -> V {
        // SAFETY: the caller's promise about the processor.
        unsafe {
            match self {
                Function::Tanh => tanh(x),
                Function::Relu => x.clamp(0.0, f32::INFINITY),
                Function::Sigmoid => logistic(x),
                Function::Identity => x,
            }
        }
    }

    /// The slope, from the value.
    #[inline(always)]
    unsafe fn slope<V: Math>(self, y: V) -> V {
        // SAFETY: the caller's promise about the processor.
        unsafe {
            match self {
                Function::Tanh => tanh_slope(y),
                // 1 where the value is not 0: every normal number times the largest one is above 1.
                Function::Relu => y.mul(V::splat(f32::MAX)).clamp(0.0, 1.0),
                Function::Sigmoid => logistic_slope(y),
                Function::Identity => V::splat(1.0),
            }
        }
    }
}

/// Turns the sums in `z` into the gate and the function's value, and sets `s` to the state, from the
/// previous state.
pub(super) struct DartsForward<'a> {
    pub n: usize,
    pub h: usize,
    pub f: Function,
    pub z: &'a mut [f32],
    pub before: &'a [f32],
    pub s: &'a mut [f32],
}

impl Work for DartsForward<'_> {
    #[inline(always)]
    unsafe fn run<V: Math, const R: usize, const N: usize>(self) {
        let Self { n, h, f, z, before, s } = self;
        assert!(z.len() == n * 2 * h && before.len() == n * h && s.len() == n * h);
        for row in 0..n {
            for j in (0..h).step_by(V::LANES) {
                let (left, z_at, at) = (h - j, row * 2 * h + j, row * h + j);
                // SAFETY: `left` numbers are left of each part in the row.
                unsafe {
                    let c: V = logistic(get(z, z_at, left));
                    let g: V = f.value(get(z, z_at + h, left));
                    let old: V = get(before, at, left);
                    put(z, z_at, left, c);
                    put(z, z_at + h, left, g);
                    put(s, at, left, old.add_product(c, g.sub(old)));
                }
            }
        }
    }
}

/// Sets `dz` to the gradients of the sums, and adds to `carry` what reaches the previous state directly.
pub(super) struct DartsBackward<'a> {
    pub n: usize,
    pub h: usize,
    pub f: Function,
    pub z: &'a [f32],
    pub before: &'a [f32],
    pub ds: &'a [f32],
    pub carry: &'a mut [f32],
    pub dz: &'a mut [f32],
}

impl Work for DartsBackward<'_> {
    #[inline(always)]
    unsafe fn run<V: Math, const R: usize, const N: usize>(self) {
        let Self { n, h, f, z, before, ds, carry, dz } = self;
        assert!(z.len() == n * 2 * h && dz.len() == n * 2 * h && before.len() == n * h);
        assert!(ds.len() == n * h && carry.len() == n * h);
        for row in 0..n {
            for j in (0..h).step_by(V::LANES) {
                let (left, z_at, at) = (h - j, row * 2 * h + j, row * h + j);
                // SAFETY: `left` numbers are left of each part in the row.
                unsafe {
                    let c: V = get(z, z_at, left);
                    let g: V = get(z, z_at + h, left);
                    let d: V = get(ds, at, left);
                    let new = d.mul(c);
                    let gate = d.mul(g.sub(get(before, at, left)));
                    put(dz, z_at, left, gate.mul(logistic_slope(c)));
                    put(dz, z_at + h, left, new.mul(f.slope(g)));
                    put(carry, at, left, get::<V>(carry, at, left).add(d.sub(new)));
                }
            }
        }
    }
}
