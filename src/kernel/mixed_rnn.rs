//! The recurrent cell of DARTS with its choices relaxed (arXiv 1806.09055, and `rnn/model_search.py` of its
//! authors' program), over whole sequences.
//!
//! With `s` the logistic function, `B` batch normalisation without a scale and a shift, and `p_o(j, i)` the
//! weight of function `o` on the edge from state `j` to state `i`, at every position:
//!
//! ```text
//! (c, g) = [x, h] W_0          s_0 = B(h + s(c) (tanh(g) - h))
//! (c_j, g_j) = s_j W_i         s_i = B(sum over j < i, o of p_o(j, i) (s_j + s(c_j) (o(g_j) - s_j)))
//! h' = (s_1 + .. + s_S) / S
//! ```
//! `W_i` is the same for all edges into a state, so one product serves them all; and one more, of a row of
//! weights, adds up what they give. "none" gives nothing and is no term here.
//!
//! The cell is made of Candle's operations. A network of them would be as deep as the sequence is long, and
//! `backward` is recursive. So the whole sequence is one custom operation, which keeps a graph of its own for
//! each position and goes back through them one by one.
//!
//! The statistics are those of the batch, for each state at each position. Only sequences that have not ended
//! yet take part: they are sorted by their length, so that they are always the first ones. One alone has no
//! statistics and stays as it is.
//!
//! Where we differ: the authors' program scores with running statistics. A state is divided by its deviation,
//! which is below 1, before it goes on to the next one, and with a fixed divisor nothing keeps a state that is
//! larger than usual from growing: in a search of letters with ReLU and identity, 3.5-fold from position to
//! position. So the statistics are those of the batch in evaluation as well.

use super::operation::{Gradients, Input, Operation, apply3};
use super::recurrent::Ends;
use super::{Function, Host, batch_norm, gradient, on_host, output};
use candle_core::{CpuStorage, DType, Device, Result, Shape, Tensor, Var, bail};
use std::sync::OnceLock;

/// A function on an edge.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Term {
    /// The state that the edge comes from.
    pub(crate) from: usize,
    pub(crate) function: Function,
    /// Its weight in the list of weights; without one it is 1.
    pub(crate) column: Option<usize>,
}

const EPS: f64 = 1e-5;

/// All outputs of a sequence: `x [N, L, D]`, `w0 [D + H, 2 H]`, `w [S, H, 2 H]` and the weights of options
/// yield `[N, L, H]`. `steps` has the terms of each state whose weights are not 0; the states may be
/// `normalised`. Without `train` there is no backward pass on a CPU.
pub(crate) fn mixed_rnn(
    x: &Tensor,
    [w0, w, weights]: [&Tensor; 3],
    steps: &[Vec<Term>],
    (normalised, train): (bool, bool),
    ends: Option<&Ends>,
) -> Result<Tensor> {
    let ((n, l, d), (count, h, _)) = (x.dims3()?, w.dims3()?);
    let fits = w0.dims() == [d + h, 2 * h] && w.dims() == [steps.len(), h, 2 * h];
    let ordered = steps.iter().enumerate().all(|(i, terms)| terms.iter().all(|t| t.from <= i));
    if h == 0 || count == 0 || !fits || !ordered || ends.is_some_and(|ends| ends.len() != n) {
        bail!("mixed_rnn: w0 {:?} and w {:?} do not belong to {d} inputs", w0.shape(), w.shape());
    }
    let order: Option<Vec<u32>> = ends.map(|ends| {
        let mut order: Vec<u32> = (0..n as u32).collect();
        order.sort_by_key(|&i| std::cmp::Reverse(ends[i as usize]));
        order
    });
    let alive = |t: usize| ends.map_or(n, |ends| ends.iter().filter(|&&e| t < e as usize).count());
    let mut by_step = x.transpose(0, 1)?;
    if let Some(order) = &order {
        by_step = by_step.contiguous()?.index_select(&index(order, x.device())?, 1)?;
    }
    let by_step = by_step.contiguous()?.reshape((l * n, d))?;
    let z = by_step.matmul(&w0.narrow(0, 0, d)?.contiguous()?)?.reshape((l, n, 2 * h))?;
    let w = Tensor::cat(&[w0.narrow(0, d, h)?, w.reshape((count * h, 2 * h))?], 0)?;
    let (states, shares) = of_steps(steps, weights)?;
    let alive = (0..l).map(alive).collect();
    let cell = Cell { states, alive, normal: Normal::new(normalised, w0, h)?, keep: train };
    let mut y = match on_host(&[&z, &w, &shares]) {
        true => apply3(&z, &w, &shares, Unrolled { cell, saved: OnceLock::new() })?,
        false => cell.direct(&z, &w, &shares)?,
    };
    if let Some(order) = order {
        let mut back = vec![0; n];
        order.iter().enumerate().for_each(|(at, &i)| back[i as usize] = at as u32);
        y = y.index_select(&index(&back, x.device())?, 1)?;
    }
    y.transpose(0, 1)
}

fn index(rows: &[u32], device: &Device) -> Result<Tensor> {
    Tensor::from_slice(rows, rows.len(), device)
}

/// How a state follows from earlier ones.
#[derive(Clone)]
struct State {
    /// The earlier ones.
    from: Vec<usize>,
    /// Each function with the edges that have it, by their places in `from`.
    functions: Vec<(Function, Edges)>,
    /// Its shares in the list: of each earlier state, then of each function on its edges.
    at: usize,
    shares: usize,
}

/// Some of the edges of a state.
#[derive(Clone)]
enum Edges {
    Range(usize, usize),
    Some(Vec<u32>),
}

impl Edges {
    /// These rows.
    fn of(&self, x: &Tensor) -> Result<Tensor> {
        match self {
            Edges::Range(0, n) if *n == x.dim(0)? => Ok(x.clone()),
            Edges::Range(from, n) => x.narrow(0, *from, *n),
            Edges::Some(rows) => x.index_select(&index(rows, x.device())?, 0),
        }
    }
}

/// What the states are made of, and the shares of all terms as a function of the weights.
fn of_steps(steps: &[Vec<Term>], weights: &Tensor) -> Result<(Vec<State>, Tensor)> {
    let columns = weights.elem_count();
    // Each share is a sum of weights, and of a constant where a step is fixed.
    let (mut sums, mut fixed): (Vec<f32>, Vec<f32>) = (vec![], vec![]);
    let mut share = |terms: &[&Term]| -> Result<()> {
        let mut row = vec![0.0; columns];
        let mut constant = 0.0;
        for term in terms {
            match term.column {
                Some(column) if column < columns => row[column] += 1.0,
                Some(column) => bail!("mixed_rnn: weight {column} of {columns}"),
                None => constant += 1.0,
            }
        }
        sums.extend(row);
        fixed.push(constant);
        Ok(())
    };
    let (mut states, mut at) = (vec![], 0);
    for terms in steps {
        // Edges with the same function stand together, where each has one.
        let mut sorted: Vec<&Term> = terms.iter().collect();
        sorted.sort_by_key(|term| (term.function as usize, term.from));
        let (mut from, mut found): (Vec<usize>, Vec<Function>) = (vec![], vec![]);
        for term in &sorted {
            if !from.contains(&term.from) {
                from.push(term.from);
            }
            if !found.contains(&term.function) {
                found.push(term.function);
            }
        }
        for &edge in &from {
            let own: Vec<&Term> = sorted.iter().copied().filter(|t| t.from == edge).collect();
            share(&own)?;
        }
        let (mut functions, mut shares) = (vec![], from.len());
        for function in found {
            let mut rows = vec![];
            for (row, &edge) in from.iter().enumerate() {
                let here = |t: &&&Term| t.from == edge && t.function == function;
                let own: Vec<&Term> = sorted.iter().filter(here).copied().collect();
                if !own.is_empty() {
                    share(&own)?;
                    rows.push(row as u32);
                }
            }
            shares += rows.len();
            let first = rows.first().map_or(0, |&row| row as usize);
            let together = rows.iter().enumerate().all(|(i, &row)| row as usize == first + i);
            let edges = if together { Edges::Range(first, rows.len()) } else { Edges::Some(rows) };
            functions.push((function, edges));
        }
        states.push(State { from, functions, at, shares });
        at += shares;
    }
    let (device, kind) = (weights.device(), weights.dtype());
    if at == 0 {
        return Ok((states, Tensor::zeros(1, kind, device)?));
    }
    let sums = Tensor::from_vec(sums, (at, columns), device)?.to_dtype(kind)?;
    let fixed = Tensor::from_vec(fixed, at, device)?.to_dtype(kind)?;
    let shares = (sums.matmul(&weights.reshape((columns, 1))?)?.reshape(at)? + fixed)?;
    Ok((states, shares))
}

/// The scale and the shift that the normalisation does not have; nothing without a normalisation.
#[derive(Clone)]
struct Normal(Option<[Tensor; 2]>);

impl Normal {
    fn new(normalised: bool, like: &Tensor, h: usize) -> Result<Normal> {
        let (device, kind) = (like.device(), like.dtype());
        if !normalised {
            return Ok(Normal(None));
        }
        Ok(Normal(Some([Tensor::ones(h, kind, device)?, Tensor::zeros(h, kind, device)?])))
    }

    fn apply(&self, s: Tensor) -> Result<Tensor> {
        match &self.0 {
            Some([one, zero]) if s.dim(0)? > 1 => Ok(batch_norm(&s, one, zero, EPS, false)?.0),
            _ => Ok(s),
        }
    }
}

/// The cell, and how many sequences have not ended at each position.
#[derive(Clone)]
struct Cell {
    states: Vec<State>,
    alive: Vec<usize>,
    normal: Normal,
    /// Whether there will be a backward pass.
    keep: bool,
}

fn value(f: Function, g: &Tensor) -> Result<Tensor> {
    match f {
        Function::Tanh => super::tanh(g),
        Function::Relu => super::relu(g),
        Function::Sigmoid => super::sigmoid(g),
        Function::Identity => Ok(g.clone()),
    }
}

impl Cell {
    /// The output at a position from the one before and what the input contributes to the gates.
    fn output(
        &self,
        before: &Tensor,
        z: &Tensor,
        (w, shares): (&[Tensor], &Tensor),
    ) -> Result<Tensor> {
        let (n, h) = before.dims2()?;
        let gates = |z: &Tensor| {
            let c = super::sigmoid(&z.narrow(1, 0, h)?)?;
            Ok::<_, candle_core::Error>((c, z.narrow(1, h, h)?.contiguous()?))
        };
        let (c, g) = gates(&(z + before.matmul(&w[0])?)?)?;
        let first = (before + (c * (super::tanh(&g)? - before)?)?)?;
        let mut states = vec![self.normal.apply(first)?];
        for (state, w) in self.states.iter().zip(&w[1..]) {
            if state.from.is_empty() {
                states.push(Tensor::zeros((n, h), before.dtype(), before.device())?);
                continue;
            }
            let edges = state.from.len();
            let s: Vec<&Tensor> = state.from.iter().map(|&j| &states[j]).collect();
            let s = if edges == 1 { s[0].clone() } else { Tensor::cat(&s, 0)? };
            let (c, g) = gates(&s.matmul(w)?)?;
            // A row for each edge.
            let rows = |x: &Tensor| x.reshape((edges, n * h));
            let (s, c, g) = (rows(&s)?, rows(&c)?, rows(&g)?);
            let mut parts = vec![s.clone()];
            for (function, own) in &state.functions {
                let f = value(*function, &own.of(&g)?)?;
                parts.push((own.of(&c)? * (f - own.of(&s)?)?)?);
            }
            let parts = Tensor::cat(&parts, 0)?;
            let shares = shares.narrow(0, state.at, state.shares)?.reshape((1, state.shares))?;
            states.push(self.normal.apply(shares.matmul(&parts)?.reshape((n, h))?)?);
        }
        let [_, chosen @ ..] = &states[..] else { bail!("mixed_rnn: no states") };
        let sum = chosen[1..].iter().try_fold(chosen[0].clone(), |sum, s| sum + s)?;
        sum / chosen.len() as f64
    }

    /// All outputs `[L, N, H]` as one graph.
    fn direct(&self, z: &Tensor, w: &Tensor, shares: &Tensor) -> Result<Tensor> {
        let (l, n, width) = z.dims3()?;
        let h = width / 2;
        let by_state = |i: usize| w.narrow(0, i * h, h)?.contiguous();
        let w = (0..=self.states.len()).map(by_state).collect::<Result<Vec<_>>>()?;
        let mut outputs = Vec::with_capacity(l);
        let mut before = Tensor::zeros((n, h), z.dtype(), z.device())?;
        for t in 0..l {
            let alive = self.alive[t];
            if alive == 0 {
                outputs.push(Tensor::zeros((n, h), z.dtype(), z.device())?);
                continue;
            }
            before = before.narrow(0, 0, alive)?.contiguous()?;
            let z = z.get(t)?.narrow(0, 0, alive)?.contiguous()?;
            before = self.output(&before, &z, (&w, shares))?;
            outputs.push(before.pad_with_zeros(0, 0, n - alive)?);
        }
        if outputs.is_empty() {
            return Tensor::zeros((l, n, h), z.dtype(), z.device());
        }
        Tensor::stack(&outputs, 0)
    }
}

/// The cell over a sequence as one operation on what the inputs contribute `[L, N, 2 H]`, the matrices
/// `[(S + 1) H, 2 H]` and the shares.
struct Unrolled {
    cell: Cell,
    /// Filled by the forward pass.
    saved: OnceLock<Saved>,
}

/// A graph for each position, from variables of its own to its output.
struct Saved {
    steps: Vec<Position>,
    w: Vec<Var>,
    shares: Var,
}

struct Position {
    before: Var,
    z: Var,
    y: Tensor,
}

impl Operation<3> for Unrolled {
    fn name(&self) -> &'static str {
        "mixed_rnn"
    }

    fn forward(&self, [z, w, shares]: [Input; 3]) -> Result<(CpuStorage, Shape)> {
        let ((l, n, width), cpu) = (z.shape.dims3()?, &Device::Cpu);
        let h = width / 2;
        let matrix = |data: &[f32]| Var::from_slice(data, (h, 2 * h), cpu);
        let w = w.data.chunks_exact(2 * h * h).map(matrix).collect::<Result<Vec<Var>>>()?;
        let shares = Var::from_slice(shares.data, shares.shape, cpu)?;
        // Without a backward pass to come, nothing has to remember where it came from.
        let seen = |var: &Var| match self.cell.keep {
            true => var.as_tensor().clone(),
            false => var.as_detached_tensor(),
        };
        let (seen_w, seen_shares) = (w.iter().map(seen).collect::<Vec<_>>(), seen(&shares));
        let (mut steps, mut y) = (vec![], vec![0.0; l * n * h]);
        let mut before = Tensor::zeros((n, h), DType::F32, cpu)?;
        for (t, &alive) in self.cell.alive.iter().enumerate().take_while(|(_, n)| **n > 0) {
            let z = &z.data[t * n * 2 * h..][..alive * 2 * h];
            let z = Var::from_slice(z, (alive, 2 * h), cpu)?;
            let last = Var::from_tensor(&before.narrow(0, 0, alive)?.contiguous()?.detach())?;
            let with = (&seen_w[..], &seen_shares);
            let output = self.cell.output(&seen(&last), &seen(&z), with)?;
            y[t * n * h..][..alive * h].copy_from_slice(&output.flatten_all()?.to_vec1::<f32>()?);
            before = output.detach();
            if self.cell.keep {
                steps.push(Position { before: last, z, y: output });
            }
        }
        // The same operation is never applied twice, so the cell is empty.
        if self.cell.keep {
            let _ = self.saved.set(Saved { steps, w, shares });
        }
        output(y, (l, n, h))
    }

    fn backward(&self, [z, w, shares]: [&Tensor; 3], _: &Tensor, grad: &Tensor) -> Gradients<3> {
        let Some(saved) = self.saved.get() else { bail!("mixed_rnn: backward before forward") };
        let (_, n, width) = z.dims3()?;
        let h = width / 2;
        let mut dz = vec![0.0; z.elem_count()];
        let mut sums: Vec<Option<Tensor>> = vec![None; saved.w.len() + 1];
        let mut carry: Option<Tensor> = None;
        for (t, step) in saved.steps.iter().enumerate().rev() {
            let alive = step.y.dim(0)?;
            let mut dy = grad.get(t)?.narrow(0, 0, alive)?.contiguous()?;
            if let Some(carry) = carry.take() {
                dy = (dy + carry.pad_with_zeros(0, 0, alive - carry.dim(0)?)?)?;
            }
            let grads = (&step.y * dy.detach())?.sum_all()?.backward()?;
            for (sum, var) in sums.iter_mut().zip(saved.w.iter().chain([&saved.shares])) {
                if let Some(g) = grads.get(var) {
                    *sum = Some(match sum.take() {
                        Some(sum) => (sum + g)?,
                        None => g.clone(),
                    });
                }
            }
            if let Some(g) = grads.get(&step.z) {
                let g = g.contiguous()?;
                let host = Host::new(&g)?;
                dz[t * n * 2 * h..][..alive * 2 * h].copy_from_slice(host.data()?);
            }
            carry = grads.get(&step.before).cloned();
        }
        let zeros = |like: &Tensor| like.zeros_like();
        let d_shares = sums.pop().flatten().map_or_else(|| zeros(shares), Ok)?;
        let of_w = |(sum, var): (Option<Tensor>, &Var)| sum.map_or_else(|| var.zeros_like(), Ok);
        let dw = sums.into_iter().zip(&saved.w).map(of_w).collect::<Result<Vec<_>>>()?;
        let dw = Tensor::cat(&dw, 0)?;
        if dw.dims() != w.dims() {
            bail!("mixed_rnn: a gradient {:?} of {:?}", dw.shape(), w.shape());
        }
        Ok([gradient(z, dz)?, Some(dw), Some(d_shares)])
    }
}
