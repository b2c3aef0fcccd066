//! What `benches/` measures: the kernels and single training steps. Not part of the API.

use crate::data::Dataset;
use crate::error::Result;
use crate::evaluate::Train;
use crate::kernel;
use crate::space::Space;
use candle_core::{Device, Tensor, Var};

type Operation = dyn Fn(&[Tensor]) -> candle_core::Result<Tensor> + Send + Sync;

/// Forward and backward of one operation on given sizes; `f32`, on the CPU.
pub struct Case {
    inputs: Vec<Var>,
    op: Box<Operation>,
}

impl Case {
    fn new(
        shapes: &[&[usize]],
        op: impl Fn(&[Tensor]) -> candle_core::Result<Tensor> + Send + Sync + 'static,
    ) -> Case {
        kernel::prepare();
        let mut rng = crate::rng::Rng::from_u64(0);
        let mut input = |shape: &&[usize]| {
            let n = shape.iter().product();
            let data: Vec<f32> = (0..n).map(|_| rng.normal() as f32).collect();
            let t = Tensor::from_vec(data, *shape, &Device::Cpu).expect("the sizes are constants");
            Var::from_tensor(&t).expect("a tensor becomes a variable")
        };
        Case { inputs: shapes.iter().map(&mut input).collect(), op: Box::new(op) }
    }

    /// A square convolution that keeps the size, on `[n, c, size, size]`.
    pub fn conv2d(n: usize, c: usize, o: usize, size: usize, k: usize, groups: usize) -> Case {
        Case::new(&[&[n, c, size, size], &[o, c / groups, k, k]], move |t| {
            kernel::conv2d(&t[0], &t[1], 1, k / 2, 1, groups)
        })
    }

    /// Batch normalisation with ReLU, on `[n, c, size, size]`.
    pub fn batch_norm(n: usize, c: usize, size: usize) -> Case {
        Case::new(&[&[n, c, size, size], &[c], &[c]], |t| {
            Ok(kernel::batch_norm(&t[0], &t[1], &t[2], 1e-5, true)?.0)
        })
    }

    /// Average pooling of 3x3 that keeps the size, on `[n, c, size, size]`.
    pub fn avg_pool(n: usize, c: usize, size: usize) -> Case {
        Case::new(&[&[n, c, size, size]], |t| kernel::avg_pool(&t[0], 3, 1, 1))
    }

    /// The operation alone, on inputs for which no gradients are computed.
    pub fn forward(&self) -> Result<Tensor> {
        let inputs: Vec<Tensor> = self.inputs.iter().map(|v| v.as_detached_tensor()).collect();
        Ok((self.op)(&inputs)?)
    }

    /// The operation, and the gradients of the sum of its results.
    pub fn forward_backward(&self) -> Result<candle_core::backprop::GradStore> {
        let inputs: Vec<Tensor> = self.inputs.iter().map(|v| v.as_tensor().clone()).collect();
        Ok((self.op)(&inputs)?.sum_all()?.backward()?)
    }
}

/// Training steps of one network on one batch: forward, loss, backward, AdamW.
pub struct Steps(crate::evaluate::Training);

impl Steps {
    /// On `n` made-up samples of a shape, in 10 classes.
    pub fn new(n: usize, shape: &[usize], space: impl Fn(Space) -> Space) -> Result<Steps> {
        let values = shape.iter().product::<usize>() * 5 * n;
        let mut rng = crate::rng::Rng::from_u64(0);
        let x = (0..values).map(|_| rng.normal() as f32).collect();
        let labels = (0..5 * n as u32).map(|i| i % 10).collect();
        let data = Dataset::classification("made up", x, shape.iter().copied(), labels, 10)?;
        let arch = space(Space::on(&data)).default_architecture()?;
        let train = Train::on(&data).batch_size(n).learning_rate(1e-3);
        Ok(Steps(train.start(&arch, 1)?))
    }

    /// One step.
    pub fn step(&mut self) -> Result<()> {
        self.0.time_steps(1).map(|_| ())
    }
}

/// Multiply-adds per second of one core, in registers alone: no kernel can be faster.
pub fn peak() -> f64 {
    const ROUNDS: usize = 2_000_000;
    // The best of a few: the clock rate rises only after a moment, and other programs may be running.
    let once = || {
        let begun = std::time::Instant::now();
        let done = kernel::multiply_adds(ROUNDS);
        done as f64 / begun.elapsed().as_secs_f64()
    };
    (0..5).map(|_| once()).fold(0.0, f64::max)
}
