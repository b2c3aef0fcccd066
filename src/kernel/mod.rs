//! Fast CPU kernels, each a Candle custom operation checked against Candle's own.
//!
//! Every kernel works on `f32` in CPU memory, by default on one thread: trials run side by side, on one
//! core each, and a result never depends on the number of threads. Tensors of another type or on another
//! device use Candle's own operations instead, so the same functions serve CUDA.
//!
//! Candle's own elementwise operations, which occur often in backward passes, share one pool of threads
//! behind one lock; [`prepare`] keeps trials from waiting for each other there.
//!
//! A custom operation takes at most three tensors and returns one; Candle detaches the gradient, so
//! there are no second derivatives.

mod activation;
mod attention;
mod bias;
mod conv;
mod conv_sizes;
mod darts_rnn;
mod direct;
mod elementwise;
mod gates;
mod heads;
mod lanes;
mod layer_norm;
mod linear;
mod loss;
mod math;
mod memory;
mod mix;
mod mixed_rnn;
mod norm;
mod norm_columns;
mod operation;
mod optim;
mod panel;
mod pool;
mod recurrent;
mod shifted;
mod simd;
mod small;
#[cfg(test)]
mod tests;
mod threads;
mod vector;

pub(crate) use activation::{elu, gelu, leaky_relu, relu, sigmoid, silu, tanh};
pub(crate) use attention::attention;
pub(crate) use bias::bias;
pub(crate) use conv::{conv1d, conv2d};
pub(crate) use darts_rnn::{Step, darts_rnn};
pub(crate) use elementwise::{add, mul};
pub(crate) use gates::Function;
pub(crate) use heads::{Decided, heads, log_softmax, logits};
pub(crate) use layer_norm::{group_norm, layer_norm};
pub(crate) use linear::linear;
pub(crate) use loss::cross_entropy;
pub(crate) use math::multiply_adds;
pub(crate) use memory::{Gauge, heap, prepare, step_begins};
pub(crate) use mix::weigh;
pub(crate) use mixed_rnn::{Term, mixed_rnn};
pub(crate) use norm::{batch_norm, batch_norm_eval};
pub(crate) use optim::{adamw_step, sgd_step, shift};
pub(crate) use pool::{avg_pool, global_avg_pool, global_max_pool, max_pool};
pub(crate) use recurrent::{Cell, Ends, recurrent};
pub(crate) use threads::Threads;

use candle_core::{CpuStorage, DType, Device, Layout, Result, Shape, Storage, StorageRef, Tensor};

/// Whether all the tensors are `f32` in CPU memory, as the kernels require.
fn on_host(tensors: &[&Tensor]) -> bool {
    tensors.iter().all(|t| t.device().is_cpu() && t.dtype() == DType::F32)
}

/// The numbers of one operand of a custom operation, which must be contiguous.
fn operand<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    match layout.contiguous_offsets() {
        Some((from, to)) => Ok(&storage.as_slice::<f32>()?[from..to]),
        None => candle_core::bail!("kernel: operand {:?} is not contiguous", layout.shape()),
    }
}

/// The result of a custom operation.
fn output(data: Vec<f32>, shape: impl Into<Shape>) -> Result<(CpuStorage, Shape)> {
    memory::look();
    Ok((CpuStorage::F32(data), shape.into()))
}

/// A tensor in CPU memory, readable as a slice; this holds the lock on its storage.
struct Host<'a> {
    storage: StorageRef<'a>,
    from: usize,
    to: usize,
}

impl<'a> Host<'a> {
    fn new(tensor: &'a Tensor) -> Result<Self> {
        let (storage, layout) = tensor.storage_and_layout();
        match layout.contiguous_offsets() {
            Some((from, to)) => Ok(Host { storage, from, to }),
            None => candle_core::bail!("kernel: tensor {:?} is not contiguous", layout.shape()),
        }
    }

    fn data(&self) -> Result<&[f32]> {
        match &*self.storage {
            Storage::Cpu(s) => Ok(&s.as_slice::<f32>()?[self.from..self.to]),
            _ => candle_core::bail!("kernel: tensor is not in CPU memory"),
        }
    }
}

/// A tensor in CPU memory from its numbers.
fn tensor(data: Vec<f32>, shape: impl Into<Shape>) -> Result<Tensor> {
    memory::look();
    Tensor::from_vec(data, shape.into(), &Device::Cpu)
}

/// The gradient of `x`, if it is needed.
fn gradient(x: &Tensor, data: Vec<f32>) -> Result<Option<Tensor>> {
    x.track_op().then(|| tensor(data, x.shape())).transpose()
}

thread_local! {
    static FIXED: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Runs a forward and backward pass in which the weights of layers have no gradient: those of the options of
/// a choice have one, and what flows back through the layers. Convolutions, the most expensive ones, save
/// the gradient of their weights.
pub(crate) fn with_fixed_weights<T>(f: impl FnOnce() -> T) -> T {
    struct Reset(bool);
    impl Drop for Reset {
        fn drop(&mut self) {
            FIXED.set(self.0);
        }
    }
    let _reset = Reset(FIXED.replace(true));
    f()
}

/// Whether the gradient of a layer's weight is needed.
fn wanted(weight: &Tensor) -> bool {
    weight.track_op() && !FIXED.get()
}

/// A matrix seen through its strides, in elements: row `i`, column `j` is at `i * rs + j * cs`.
#[derive(Clone, Copy)]
struct Matrix<'a> {
    data: &'a [f32],
    rs: usize,
    cs: usize,
}

/// `out = a b`, or `out += a b`: `[m, k]` by `[k, n]`, `out` dense with `n` columns.
fn matmul(dims: [usize; 3], out: &mut [f32], accumulate: bool, a: Matrix, b: Matrix) {
    let [m, n, k] = dims;
    if m == 0 || n == 0 || k == 0 {
        if !accumulate {
            out[..m * n].fill(0.0);
        }
        return;
    }
    assert!(out.len() >= m * n);
    assert!(a.data.len() > (m - 1) * a.rs + (k - 1) * a.cs);
    assert!(b.data.len() > (k - 1) * b.rs + (n - 1) * b.cs);
    // SAFETY: the three assertions above bound every element that gemm reads or writes.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            n as isize,
            accumulate,
            a.data.as_ptr(),
            a.cs as isize,
            a.rs as isize,
            b.data.as_ptr(),
            b.cs as isize,
            b.rs as isize,
            1.0f32,
            1.0f32,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}
