//! The recurrent cell that DARTS searches for (arXiv 1806.09055) over whole sequences, in one operation.
//!
//! With `h` zero at the start, `s` the logistic function, `f_0 = tanh`, and `p(i) < i` and `f_i` the
//! earlier state and the function that step `i` has chosen, at every position:
//!
//! ```text
//! (c, g) = [x, h] W_0     s_0 = h    + s(c) (f_0(g) - h)
//! (c, g) = s_p(i) W_i     s_i = s_p(i) + s(c) (f_i(g) - s_p(i))     i = 1 .. S
//! h' = (s_1 + .. + s_S) / S
//! ```
//! It is one custom operation for the same reason as [`super::recurrent`]: a network of Candle's own
//! operations would be as deep as the sequence is long, and `backward` is recursive. Numbers are stored
//! step by step, and the weights are packed once. Outputs after a sequence's end are zero.

use super::gates::{DartsBackward, DartsForward, Function};
use super::math::do_work;
use super::operation::{Gradients, Input, Operation, apply3};
use super::panel::{Panels, Side, Target, add_outer};
use super::recurrent::{Ends, Sizes, clear, valid};
use super::{Host, gradient, on_host, output, tensor};
use candle_core::{CpuStorage, Result, Shape, Tensor, bail};
use std::sync::OnceLock;

/// The earlier state that a step begins with, and its function.
pub(crate) type Step = (usize, Function);

/// All outputs of a sequence: `x [N, L, D]`, `w0 [D + H, 2 H]` and `w [S, H, 2 H]` yield `[N, L, H]`.
pub(crate) fn darts_rnn(
    x: &Tensor,
    w0: &Tensor,
    w: &Tensor,
    steps: &[Step],
    ends: Option<&Ends>,
) -> Result<Tensor> {
    let s = sizes(x.dims3()?, w0, w, steps)?;
    if ends.is_some_and(|e| e.len() != s.n) {
        bail!("darts_rnn: x {:?} needs {} ends, one per sample", x.shape(), s.n);
    }
    let by_step = x.transpose(0, 1)?.contiguous()?;
    let ends = ends.cloned();
    let y = if on_host(&[x, w0, w]) {
        let op = DartsRnn { steps: steps.to_vec(), ends, saved: OnceLock::new() };
        apply3(&by_step, w0, w, op)?
    } else {
        fallback(&by_step, w0, w, steps, ends, s)?
    };
    y.transpose(0, 1)
}

fn sizes(
    (n, l, d): (usize, usize, usize),
    w0: &Tensor,
    w: &Tensor,
    steps: &[Step],
) -> Result<Sizes> {
    let (count, h, _) = w.dims3()?;
    let fits = w0.dims() == [d + h, 2 * h] && w.dims() == [steps.len(), h, 2 * h];
    let ordered = steps.iter().enumerate().all(|(i, (from, _))| *from <= i);
    if h == 0 || count == 0 || !fits || !ordered {
        bail!(
            "darts_rnn: w0 {:?} and w {:?} do not belong to {d} inputs and the steps {steps:?}; \
             they are [D + H, 2 H] and [S, H, 2 H], and a step begins with an earlier state",
            w0.shape(),
            w.shape()
        );
    }
    Ok(Sizes { n, l, d, h })
}

/// Candle's operations, step by step; `x` is `[L, N, D]`, and the result `[L, N, H]`.
fn fallback(
    x: &Tensor,
    w0: &Tensor,
    w: &Tensor,
    steps: &[Step],
    ends: Option<Ends>,
    Sizes { n, l, d, h }: Sizes,
) -> Result<Tensor> {
    let inputs = x.reshape((l * n, d))?.matmul(&w0.narrow(0, 0, d)?)?.reshape((l, n, ()))?;
    let by_state = w0.narrow(0, d, h)?;
    let by_step: Vec<Tensor> = (0..steps.len()).map(|i| w.get(i)).collect::<Result<_>>()?;
    let step = |before: &Tensor, z: &Tensor, f: Function| -> Result<Tensor> {
        let (c, g) = (super::sigmoid(&z.narrow(1, 0, h)?)?, z.narrow(1, h, h)?);
        let f = match f {
            Function::Tanh => super::tanh(&g)?,
            Function::Relu => super::relu(&g)?,
            Function::Sigmoid => super::sigmoid(&g)?,
            Function::Identity => g,
        };
        before + (c * (f - before)?)?
    };
    let mut state = Tensor::zeros((n, h), x.dtype(), x.device())?;
    let mut outputs = Vec::with_capacity(l);
    for t in 0..l {
        let z = (inputs.get(t)? + state.matmul(&by_state)?)?;
        let mut states = vec![step(&state, &z, Function::Tanh)?];
        for ((from, f), w) in steps.iter().zip(&by_step) {
            let before = states[*from].clone();
            states.push(step(&before, &before.matmul(w)?, *f)?);
        }
        let [_, chosen @ ..] = &states[..] else { bail!("darts_rnn: no steps") };
        let sum = chosen[1..].iter().try_fold(chosen[0].clone(), |sum, s| sum + s)?;
        state = (sum / steps.len() as f64)?;
        outputs.push(state.clone());
    }
    let y = Tensor::stack(&outputs, 0)?;
    match ends {
        Some(ends) => y.broadcast_mul(&valid(&ends, l, x)?),
        None => Ok(y),
    }
}

struct DartsRnn {
    steps: Vec<Step>,
    ends: Option<Ends>,
    /// Filled by the forward pass.
    saved: OnceLock<Saved>,
}

/// What the backward pass needs besides the outputs.
struct Saved {
    /// `s_0` to `s_S`, `[L, S + 1, N, H]`.
    states: Vec<f32>,
    /// `s(c)` and `f(g)` of every step, `[L, S + 1, N, 2 H]`.
    gates: Vec<f32>,
}

impl DartsRnn {
    /// All outputs `[L, N, H]`.
    fn states(&self, s: Sizes, x: &[f32], w0: &[f32], w: &[f32]) -> (Vec<f32>, Saved) {
        let Sizes { n, l, d, h } = s;
        let (all, state, gate) = (self.steps.len() + 1, n * h, n * 2 * h);
        let mut y = vec![0.0; l * state];
        let mut saved =
            Saved { states: vec![0.0; l * all * state], gates: vec![0.0; l * all * gate] };
        if y.is_empty() {
            return (y, saved);
        }
        let first = Panels::pack(d + h, 2 * h, |k, c| w0[k * 2 * h + c]);
        let pack = |w: &[f32]| Panels::pack(h, 2 * h, |k, c| w[k * 2 * h + c]);
        let later: Vec<Panels> = w.chunks_exact(2 * h * h).map(pack).collect();
        let (none, nothing) = (vec![0.0; 2 * h], vec![0.0; state]);
        let share = 1.0 / self.steps.len() as f32;
        for t in 0..l {
            let (gone, here) = y.split_at_mut(t * state);
            let states = &mut saved.states[t * all * state..(t + 1) * all * state];
            let gates = &mut saved.gates[t * all * gate..(t + 1) * all * gate];
            let inputs = Side::rows(&x[t * n * d..(t + 1) * n * d], d, d);
            // A state of zeros need not be multiplied.
            let (before, side) = match t {
                0 => (&nothing[..], Side::none()),
                _ => (&gone[(t - 1) * state..], Side::rows(&gone[(t - 1) * state..], h, h)),
            };
            let z = &mut gates[..gate];
            let target = Target { data: &mut *z, stride: 2 * h, columns: 2 * h };
            first.product(n, inputs, side, &none, target);
            do_work(DartsForward { n, h, f: Function::Tanh, z, before, s: &mut states[..state] });
            for (i, (&(from, f), w)) in self.steps.iter().zip(&later).enumerate() {
                let (done, rest) = states.split_at_mut((i + 1) * state);
                let before = &done[from * state..(from + 1) * state];
                let z = &mut gates[(i + 1) * gate..(i + 2) * gate];
                let target = Target { data: &mut *z, stride: 2 * h, columns: 2 * h };
                w.product(n, Side::rows(before, h, h), Side::none(), &none, target);
                do_work(DartsForward { n, h, f, z, before, s: &mut rest[..state] });
            }
            let here = &mut here[..state];
            for s in states[state..].chunks_exact(state) {
                here.iter_mut().zip(s).for_each(|(y, s)| *y += share * s);
            }
            clear(&self.ends, t, h, here);
        }
        (y, saved)
    }

    /// The gradients of `x` (if needed), `w0` and `w`, from that of `y`.
    fn gradients(
        &self,
        s: Sizes,
        want_x: bool,
        [x, w0, w, y, dy]: [&[f32]; 5],
        saved: &Saved,
    ) -> [Vec<f32>; 3] {
        let Sizes { n, l, d, h } = s;
        let (all, state, gate) = (self.steps.len() + 1, n * h, n * 2 * h);
        let mut dx = vec![0.0; if want_x { x.len() } else { 0 }];
        let (mut dw0, mut dw) = (vec![0.0; w0.len()], vec![0.0; w.len()]);
        if y.is_empty() {
            return [dx, dw0, dw];
        }
        let turned = |w: &[f32]| Panels::pack(2 * h, h, |k, c| w[c * 2 * h + k]);
        let by_state = turned(&w0[d * 2 * h..]);
        let by_step: Vec<Panels> = w.chunks_exact(2 * h * h).map(turned).collect();
        let by_x = Panels::pack(2 * h, if want_x { d } else { 0 }, |k, c| w0[c * 2 * h + k]);
        let share = 1.0 / self.steps.len() as f32;
        let (none, nothing) = (vec![0.0; d], vec![0.0; state]);
        // The gradient of a position's output from later positions, and those of its states.
        let (mut carry, mut ds) = (vec![0.0; state], vec![0.0; all * state]);
        let mut dz = vec![0.0; gate];
        for t in (0..l).rev() {
            let states = &saved.states[t * all * state..(t + 1) * all * state];
            let gates = &saved.gates[t * all * gate..(t + 1) * all * gate];
            carry.iter_mut().zip(&dy[t * state..]).for_each(|(c, g)| *c += g);
            clear(&self.ends, t, h, &mut carry);
            let (first, later) = ds.split_at_mut(state);
            first.fill(0.0);
            for ds in later.chunks_exact_mut(state) {
                ds.iter_mut().zip(&carry).for_each(|(ds, c)| *ds = share * c);
            }
            for (i, &(from, f)) in self.steps.iter().enumerate().rev() {
                let (earlier, here) = ds.split_at_mut((i + 1) * state);
                let before = &states[from * state..(from + 1) * state];
                let carry = &mut earlier[from * state..(from + 1) * state];
                let z = &gates[(i + 1) * gate..(i + 2) * gate];
                let ds = &here[..state];
                do_work(DartsBackward { n, h, f, z, before, ds, carry, dz: &mut dz });
                let target = Target { data: carry, stride: h, columns: h };
                by_step[i].add_product(n, Side::rows(&dz, 2 * h, 2 * h), target);
                let dw = &mut dw[i * 2 * h * h..(i + 1) * 2 * h * h];
                let target = Target { data: dw, stride: 2 * h, columns: 2 * h };
                add_outer(h, Side::columns(before, h), &dz, 2 * h, target);
            }
            let before = if t == 0 { &nothing } else { &y[(t - 1) * state..t * state] };
            carry.fill(0.0);
            let (f, z, ds, carry) = (Function::Tanh, &gates[..gate], &ds[..state], &mut carry);
            do_work(DartsBackward { n, h, f, z, before, ds, carry: &mut *carry, dz: &mut dz });
            if t > 0 {
                let target = Target { data: carry, stride: h, columns: h };
                by_state.add_product(n, Side::rows(&dz, 2 * h, 2 * h), target);
                let dw = &mut dw0[d * 2 * h..];
                let target = Target { data: dw, stride: 2 * h, columns: 2 * h };
                add_outer(h, Side::columns(before, h), &dz, 2 * h, target);
            }
            let inputs = Side::columns(&x[t * n * d..(t + 1) * n * d], d);
            let target = Target { data: &mut dw0, stride: 2 * h, columns: 2 * h };
            add_outer(d, inputs, &dz, 2 * h, target);
            if want_x {
                let target = Target { data: &mut dx[t * n * d..], stride: d, columns: d };
                by_x.product(n, Side::rows(&dz, 2 * h, 2 * h), Side::none(), &none, target);
            }
        }
        [dx, dw0, dw]
    }
}

impl Operation<3> for DartsRnn {
    fn name(&self) -> &'static str {
        "darts_rnn"
    }

    fn forward(&self, [x, w0, w]: [Input; 3]) -> Result<(CpuStorage, Shape)> {
        let ((l, n, d), h) = (x.shape.dims3()?, w.shape.dims3()?.1);
        let (y, saved) = self.states(Sizes { n, l, d, h }, x.data, w0.data, w.data);
        // The same operation is never applied twice, so the cell is empty.
        let _ = self.saved.set(saved);
        output(y, (l, n, h))
    }

    fn backward(&self, [x, w0, w]: [&Tensor; 3], y: &Tensor, grad: &Tensor) -> Gradients<3> {
        let Some(saved) = self.saved.get() else { bail!("darts_rnn: backward before forward") };
        let (l, n, d) = x.dims3()?;
        let h = y.dims3()?.2;
        let grad = grad.contiguous()?;
        let hosts =
            [Host::new(x)?, Host::new(w0)?, Host::new(w)?, Host::new(y)?, Host::new(&grad)?];
        let [xs, w0s, ws, ys, g] = &hosts;
        let data = [xs.data()?, w0s.data()?, ws.data()?, ys.data()?, g.data()?];
        let [dx, dw0, dw] = self.gradients(Sizes { n, l, d, h }, x.track_op(), data, saved);
        let (dw0, dw) = (tensor(dw0, w0.shape())?, tensor(dw, w.shape())?);
        Ok([gradient(x, dx)?, Some(dw0), Some(dw)])
    }
}
