//! Recurrent layers over whole sequences, one operation each: with `h` and `c` zero at the start,
//!
//! ```text
//! RNN   h' = tanh(a)                                        a = x wx^T + bx + h wh^T + bh
//! LSTM  c' = s(f) c + s(i) tanh(g)    h' = s(o) tanh(c')    i, f, g, o from a in this order
//! GRU   h' = (1 - z) n + z h    r, z = s(a)    n = tanh(x wx^T + bx + r (h wh^T + bh))
//! ```
//! (Elman, 1990; Hochreiter and Schmidhuber, 1997; arXiv 1406.1078), gates and biases as in PyTorch.
//!
//! Numbers are stored step by step, `[L, N, ..]`, so that a step works on dense matrices that stay in
//! the cache. The weights are packed once, and each step is one product (three for GRU) that begins with
//! the biases, and one pass over the gates. The backward pass goes through time in reverse. It computes
//! the gradients of the gates of some steps and, while these are in the cache, adds their contribution to
//! the gradients of weights and inputs, as one product for all of these steps.
//!
//! Sequences end where `ends` says. A state after the end is zero, as in PyTorch's padded sequences. This
//! suits both directions: forward nothing reads it, and in reverse it is the initial state.

use super::gates::{GruBackward, GruForward, LstmBackward, LstmForward, RnnBackward, RnnForward};
use super::linear::column_sums;
use super::math::do_work;
use super::operation::{Gradients, Input, Operation, apply3};
use super::panel::{Panels, Side, Target, add_outer};
use super::{Host, gradient, on_host, output, tensor};
use candle_core::{CpuStorage, Result, Shape, Tensor, bail};
use std::sync::{Arc, OnceLock};

/// Which recurrence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    Rnn,
    Lstm,
    Gru,
}

impl Cell {
    /// Rows of weights for each unit.
    pub(crate) fn gates(self) -> usize {
        match self {
            Cell::Rnn => 1,
            Cell::Lstm => 4,
            Cell::Gru => 3,
        }
    }

    /// Numbers that a step keeps for each unit besides the state: of an LSTM or a GRU its gates and what is beside them.
    pub(crate) fn kept(self) -> usize {
        match self {
            Cell::Rnn => 0,
            _ => self.gates() + self.side(),
        }
    }

    /// For LSTM `c` and `tanh(c)`, for GRU the `h wh^T + bh` that is multiplied by `r`.
    fn side(self) -> usize {
        match self {
            Cell::Rnn => 0,
            Cell::Lstm => 2,
            Cell::Gru => 1,
        }
    }

    /// Columns of the gradients of the gates: GRU's `n` has one for the state and one for the input.
    fn slopes(self) -> usize {
        match self {
            Cell::Rnn => 1,
            Cell::Lstm | Cell::Gru => 4,
        }
    }
}

/// The valid length of each sample, at least 1.
pub(crate) type Ends = Arc<Vec<u32>>;

/// All states of a sequence: `x [N, L, D]`, `w [G H, D + H]` (for the input, then for the state) and
/// `b [2, G H]` yield `[N, L, H]`, for `G` gates per unit. `reverse` goes from the last step to the
/// first. The result is a view of numbers that are stored step by step.
pub(crate) fn recurrent(
    cell: Cell,
    x: &Tensor,
    w: &Tensor,
    b: &Tensor,
    reverse: bool,
    ends: Option<&Ends>,
) -> Result<Tensor> {
    let s = Sizes::new(cell, x.dims3()?, w, b)?;
    if ends.is_some_and(|e| e.len() != s.n) {
        bail!("recurrent: x {:?} needs {} ends, one per sample", x.shape(), s.n);
    }
    let steps = x.transpose(0, 1)?.contiguous()?;
    let ends = ends.cloned();
    let y = if on_host(&[x, w, b]) {
        apply3(&steps, w, b, Recurrent { cell, reverse, ends, saved: OnceLock::new() })?
    } else {
        fallback(cell, &steps, w, b, reverse, ends, s)?
    };
    y.transpose(0, 1)
}

/// Samples, positions, inputs and units.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    pub n: usize,
    pub l: usize,
    pub d: usize,
    pub h: usize,
}

impl Sizes {
    fn new(cell: Cell, (n, l, d): (usize, usize, usize), w: &Tensor, b: &Tensor) -> Result<Self> {
        let (rows, columns) = w.dims2()?;
        let h = rows / cell.gates();
        if h == 0 || rows != h * cell.gates() || columns != d + h || b.dims() != [2, rows] {
            bail!(
                "{cell:?}: w {:?} and b {:?} do not belong to {d} inputs; they are [G H, D + H] \
                 and [2, G H] with G = {}",
                w.shape(),
                b.shape(),
                cell.gates()
            );
        }
        Ok(Sizes { n, l, d, h })
    }
}

/// One for a step that is valid, zero for one that is not, `[L, N, 1]`, in the type of `like`.
pub(super) fn valid(ends: &Ends, l: usize, like: &Tensor) -> Result<Tensor> {
    let valid = |t: usize| ends.iter().map(move |&e| if t < e as usize { 1f32 } else { 0.0 });
    let valid: Vec<f32> = (0..l).flat_map(valid).collect();
    Tensor::from_vec(valid, (l, ends.len(), 1), like.device())?.to_dtype(like.dtype())
}

/// Candle's operations, step by step; `x` is `[L, N, D]`, and the result `[L, N, H]`.
fn fallback(
    cell: Cell,
    x: &Tensor,
    w: &Tensor,
    b: &Tensor,
    reverse: bool,
    ends: Option<Ends>,
    Sizes { n, l, d, h }: Sizes,
) -> Result<Tensor> {
    // Candle's products on CUDA need copies.
    let wx = w.narrow(1, 0, d)?.t()?.contiguous()?;
    let wh = w.narrow(1, d, h)?.t()?.contiguous()?;
    let inputs = x.reshape((l * n, d))?.matmul(&wx)?.broadcast_add(&b.get(0)?)?;
    let inputs = inputs.reshape((l, n, ()))?;
    let valid = ends.map(|ends| valid(&ends, l, x)).transpose()?;
    let zero = Tensor::zeros((n, h), x.dtype(), x.device())?;
    let (mut state, mut c) = (zero.clone(), zero);
    let mut states = vec![state.clone(); l];
    for i in 0..l {
        let t = if reverse { l - 1 - i } else { i };
        let a = inputs.get(t)?;
        let u = state.matmul(&wh)?.broadcast_add(&b.get(1)?)?;
        let gate = |z: &Tensor, i: usize| z.narrow(1, i * h, h);
        state = match cell {
            Cell::Rnn => super::tanh(&(a + u)?)?,
            Cell::Lstm => {
                let z = (a + u)?;
                let open = |i| super::sigmoid(&gate(&z, i)?);
                c = ((open(1)? * &c)? + (open(0)? * super::tanh(&gate(&z, 2)?)?)?)?;
                (open(3)? * super::tanh(&c)?)?
            }
            Cell::Gru => {
                let open = |i| super::sigmoid(&(gate(&a, i)? + gate(&u, i)?)?);
                let new = super::tanh(&(gate(&a, 2)? + (open(0)? * gate(&u, 2)?)?)?)?;
                (&new + (open(1)? * (&state - &new)?)?)?
            }
        };
        if let Some(valid) = &valid {
            let valid = valid.get(t)?;
            state = state.broadcast_mul(&valid)?;
            c = c.broadcast_mul(&valid)?;
        }
        states[t] = state.clone();
    }
    Tensor::stack(&states, 0)
}

struct Recurrent {
    cell: Cell,
    reverse: bool,
    ends: Option<Ends>,
    /// Filled by the forward pass.
    saved: OnceLock<Saved>,
}

/// What the backward pass needs besides the states.
struct Saved {
    /// After their activation functions, `[L, N, G H]`; empty for RNN, whose gate is the state.
    gates: Vec<f32>,
    /// LSTM: `c` and `tanh(c)`, `[L, N, 2 H]`. GRU: what `r` is multiplied by, `[L, N, H]`.
    side: Vec<f32>,
}

/// The numbers of one step, and those of the step before it, empty for the first.
fn step_and_last<T>(
    data: &mut [T],
    size: usize,
    t: usize,
    last: Option<usize>,
) -> (&mut [T], &[T]) {
    match last {
        None => (&mut data[t * size..(t + 1) * size], &[]),
        Some(u) if u < t => {
            let (before, here) = data.split_at_mut(t * size);
            (&mut here[..size], &before[u * size..(u + 1) * size])
        }
        Some(u) => {
            let (here, after) = data.split_at_mut(u * size);
            (&mut here[t * size..(t + 1) * size], &after[..size])
        }
    }
}

/// The numbers of step `t`.
fn step(data: &[f32], size: usize, t: usize) -> &[f32] {
    &data[t * size..(t + 1) * size]
}

/// The number of rows of gradients in one product: enough for it to be worth its overhead.
const CHUNK: usize = 256;

/// Sets the rows of the samples that have ended at step `t` to zero.
pub(super) fn clear(ends: &Option<Ends>, t: usize, width: usize, rows: &mut [f32]) {
    if let Some(ends) = ends
        && width > 0
    {
        for (row, &end) in rows.chunks_exact_mut(width).zip(ends.iter()) {
            if t >= end as usize {
                row.fill(0.0);
            }
        }
    }
}

impl Recurrent {
    /// The step before step `t`, whose state it begins with.
    fn last(&self, t: usize, l: usize) -> Option<usize> {
        if self.reverse { Some(t + 1).filter(|&u| u < l) } else { t.checked_sub(1) }
    }

    /// All states `[L, N, H]`.
    fn states(&self, s: Sizes, x: &[f32], w: &[f32], b: &[f32]) -> (Vec<f32>, Saved) {
        let Sizes { n, l, d, h } = s;
        let (gates, side) = (self.cell.gates() * h, self.cell.side() * h);
        let mut y = vec![0.0; l * n * h];
        let keeps = self.cell != Cell::Rnn;
        let mut saved = Saved {
            gates: vec![0.0; if keeps { l * n * gates } else { 0 }],
            side: vec![0.0; l * n * side],
        };
        if y.is_empty() {
            return (y, saved);
        }
        let (bx, bh) = b.split_at(gates);
        let both: Vec<f32> = bx.iter().zip(bh).map(|(a, b)| a + b).collect();
        // GRU's last gate keeps input and state apart.
        let joint = if self.cell == Cell::Gru { 2 * h } else { gates };
        let row = |c: usize| &w[c * (d + h)..(c + 1) * (d + h)];
        let whole = Panels::pack(d + h, joint, |k, c| row(c)[k]);
        let new_x = Panels::pack(d, gates - joint, |k, c| row(joint + c)[k]);
        let new_h = Panels::pack(h, gates - joint, |k, c| row(joint + c)[d + k]);
        let nothing = vec![0.0; n * h.max(side)];
        for i in 0..l {
            let t = if self.reverse { l - 1 - i } else { i };
            let last = self.last(t, l);
            let (state, before) = step_and_last(&mut y, n * h, t, last);
            let (aside, aside_before) = step_and_last(&mut saved.side, n * side, t, last);
            let inputs = Side::rows(step(x, n * d, t), d, d);
            // A state of zeros need not be multiplied.
            let states = match before {
                [] => Side::none(),
                _ => Side::rows(before, h, h),
            };
            if self.cell == Cell::Rnn {
                let target = Target { data: &mut *state, stride: h, columns: h };
                whole.product(n, inputs, states, &both, target);
                do_work(RnnForward { z: state });
            } else {
                let z = &mut saved.gates[t * n * gates..(t + 1) * n * gates];
                let target = Target { data: &mut *z, stride: gates, columns: joint };
                whole.product(n, inputs, states, &both, target);
                if self.cell == Cell::Lstm {
                    let before = if aside_before.is_empty() { &nothing } else { aside_before };
                    do_work(LstmForward { n, h, z, before, c: aside, y: state });
                } else {
                    let target = Target { data: &mut z[joint..], stride: gates, columns: h };
                    new_x.product(n, inputs, Side::none(), &bx[joint..], target);
                    let target = Target { data: &mut *aside, stride: h, columns: h };
                    new_h.product(n, states, Side::none(), &bh[joint..], target);
                    let before = if before.is_empty() { &nothing[..n * h] } else { before };
                    do_work(GruForward { n, h, z, u: aside, before, y: state });
                }
            }
            clear(&self.ends, t, h, &mut y[t * n * h..(t + 1) * n * h]);
            if self.cell == Cell::Lstm {
                clear(&self.ends, t, side, &mut saved.side[t * n * side..(t + 1) * n * side]);
            }
        }
        (y, saved)
    }

    /// The gradients of `x` (if needed), `w` and `b`, from that of `y`.
    fn gradients(
        &self,
        s: Sizes,
        want_x: bool,
        [x, w, y, dy]: [&[f32]; 4],
        saved: &Saved,
    ) -> [Vec<f32>; 3] {
        let Sizes { n, l, d, h } = s;
        let (gates, side) = (self.cell.gates() * h, self.cell.side() * h);
        let slopes = self.cell.slopes() * h;
        let mut dx = vec![0.0; if want_x { x.len() } else { 0 }];
        // Transposed, so that the long side of the weights runs along the registers.
        let mut dw = vec![0.0; (d + h) * gates];
        let mut sums = vec![0.0; slopes];
        if y.is_empty() {
            return [dx, dw, vec![0.0; 2 * gates]];
        }
        let column = |k: usize, c: usize| w[k * (d + h) + c];
        let by_h = Panels::pack(gates, h, |k, c| column(k, d + c));
        let by_x = Panels::pack(gates, if want_x { d } else { 0 }, column);
        let nothing = vec![0.0; n * h.max(side)];
        // The gradients of the state, and of LSTM's cell, from the steps that are done.
        let mut carry = vec![0.0; n * h];
        let mut carry_c = vec![0.0; if self.cell == Cell::Lstm { n * h } else { 0 }];
        let steps = (CHUNK / n).clamp(1, l);
        let mut chunk = vec![0.0; steps * n * slopes];
        let mut starts: Vec<usize> = (0..l).step_by(steps).collect();
        if !self.reverse {
            starts.reverse();
        }
        for from in starts {
            let to = (from + steps).min(l);
            for i in 0..to - from {
                let t = if self.reverse { from + i } else { to - 1 - i };
                let last = self.last(t, l);
                let dz = &mut chunk[(t - from) * n * slopes..(t - from + 1) * n * slopes];
                let dy = step(dy, n * h, t);
                let before = last.map_or(&nothing[..n * h], |u| step(y, n * h, u));
                match self.cell {
                    Cell::Rnn => {
                        do_work(RnnBackward { y: step(y, n * h, t), dy, carry: &mut carry, dz });
                    }
                    Cell::Lstm => do_work(LstmBackward {
                        n,
                        h,
                        z: step(&saved.gates, n * gates, t),
                        c: step(&saved.side, n * side, t),
                        before: last.map_or(&nothing[..], |u| step(&saved.side, n * side, u)),
                        dy,
                        carry: &mut carry,
                        carry_c: &mut carry_c,
                        dz,
                    }),
                    Cell::Gru => do_work(GruBackward {
                        n,
                        h,
                        z: step(&saved.gates, n * gates, t),
                        u: step(&saved.side, n * side, t),
                        before,
                        dy,
                        carry: &mut carry,
                        dz,
                    }),
                }
                clear(&self.ends, t, slopes, dz);
                clear(&self.ends, t, h, &mut carry);
                clear(&self.ends, t, if carry_c.is_empty() { 0 } else { h }, &mut carry_c);
                if last.is_some() {
                    let target = Target { data: &mut carry, stride: h, columns: h };
                    by_h.add_product(n, Side::rows(dz, slopes, gates), target);
                }
            }
            let dz = &chunk[..(to - from) * n * slopes];
            column_sums(dz, &mut sums);
            // The states that these steps began with, and where their gradients begin.
            let (states, skip) = match self.reverse {
                false => (&y[from.saturating_sub(1) * n * h..(to - 1) * n * h], from == 0),
                true => (&y[(from + 1).min(l) * n * h..(to + 1).min(l) * n * h], false),
            };
            let dz_h = &dz[if skip { n * slopes } else { 0 }..];
            let states = Side::columns(states, h);
            let target = Target { data: &mut dw[d * gates..], stride: gates, columns: gates };
            add_outer(h, states, dz_h, slopes, target);
            let inputs = Side::columns(&x[from * n * d..to * n * d], d);
            // The gradients for the inputs are adjacent, or those of the last gate are at the end.
            let (joint, rest) = match self.cell {
                Cell::Gru => (2 * h, h),
                _ => (gates, 0),
            };
            let target = Target { data: &mut dw, stride: gates, columns: joint };
            add_outer(d, inputs, dz, slopes, target);
            if rest > 0 {
                let target = Target { data: &mut dw[joint..], stride: gates, columns: rest };
                add_outer(d, inputs, &dz[gates..], slopes, target);
            }
            if want_x {
                let first = Side::rows(dz, slopes, joint);
                let second = match rest {
                    0 => Side::none(),
                    _ => Side::rows(&dz[gates..], slopes, rest),
                };
                let target = Target { data: &mut dx[from * n * d..], stride: d, columns: d };
                by_x.product((to - from) * n, first, second, &vec![0.0; d], target);
            }
        }
        let mut turned = vec![0.0; dw.len()];
        for (k, row) in dw.chunks_exact(gates).enumerate() {
            for (to, &v) in turned[k..].iter_mut().step_by(d + h).zip(row) {
                *to = v;
            }
        }
        // The biases of the input, then those of the state.
        let mut db = sums[..gates].to_vec();
        db.extend_from_slice(&sums[..gates]);
        if self.cell == Cell::Gru {
            db[2 * h..gates].copy_from_slice(&sums[gates..]);
        }
        [dx, turned, db]
    }
}

impl Operation<3> for Recurrent {
    fn name(&self) -> &'static str {
        match self.cell {
            Cell::Rnn => "rnn",
            Cell::Lstm => "lstm",
            Cell::Gru => "gru",
        }
    }

    fn forward(&self, [x, w, b]: [Input; 3]) -> Result<(CpuStorage, Shape)> {
        let (l, n, d) = x.shape.dims3()?;
        let h = w.shape.dims2()?.0 / self.cell.gates();
        let (y, saved) = self.states(Sizes { n, l, d, h }, x.data, w.data, b.data);
        // The same operation is never applied twice, so the cell is empty.
        let _ = self.saved.set(saved);
        output(y, (l, n, h))
    }

    fn backward(&self, [x, w, b]: [&Tensor; 3], y: &Tensor, grad: &Tensor) -> Gradients<3> {
        let Some(saved) = self.saved.get() else {
            bail!("{}: backward before forward", self.name())
        };
        let (l, n, d) = x.dims3()?;
        let h = y.dims3()?.2;
        let grad = grad.contiguous()?;
        let hosts = [Host::new(x)?, Host::new(w)?, Host::new(y)?, Host::new(&grad)?];
        let [xs, ws, ys, g] = &hosts;
        let data = [xs.data()?, ws.data()?, ys.data()?, g.data()?];
        let [dx, dw, db] = self.gradients(Sizes { n, l, d, h }, x.track_op(), data, saved);
        let (dw, db) = (tensor(dw, w.shape())?, tensor(db, b.shape())?);
        Ok([gradient(x, dx)?, Some(dw), Some(db)])
    }
}
