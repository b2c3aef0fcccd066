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

/// Steps of a one-shot search on cells of NAS-Bench-201, C = 16, N = 1, images of 8x8 in batches of 64.
pub struct SearchSteps {
    epoch: Box<dyn FnMut() -> Result<()>>,
}

impl SearchSteps {
    /// How many steps [`SearchSteps::steps`] takes.
    pub const STEPS: usize = 8;

    /// Of a method by name, or of single paths, drawn uniformly ("path").
    pub fn new(method: &str) -> Result<SearchSteps> {
        let mut rng = crate::rng::Rng::from_u64(0);
        // Halves of the training split for a method; the whole of it for single paths.
        let path = method == "path";
        let train = 64 * Self::STEPS * if path { 1 } else { 2 };
        let n = train + 128;
        let x: Vec<f32> = (0..n * 64).map(|_| rng.normal() as f32).collect();
        let labels: Vec<u32> = (0..n as u32).map(|i| i % 10).collect();
        let data = Dataset::classification("made up", x, [1, 8, 8], labels, 10)?;
        let range = |from: usize, to: usize| (from as u32..to as u32).collect::<Vec<u32>>();
        let data =
            data.with_splits(range(0, train), range(train, train + 64), range(train + 64, n))?;
        let space = Space::on(&data).then(crate::space::presets::nas_bench_201(16, 1));
        let sgd = crate::model::Optimizer::sgd(0.9).learning_rate(0.025).weight_decay(3e-4);
        let train = Train::on(&data).epochs(1_000).optimizer(sgd).clip_gradient(5.0);
        if path {
            let mut going = crate::evaluate::Supernet::on(&space, &train).begin(1)?;
            return Ok(SearchSteps {
                epoch: Box::new(move || going.epoch(&crate::evaluate::Watch::none())),
            });
        }
        let mut search = crate::oneshot::begin(method, &space, &train)?;
        Ok(SearchSteps { epoch: Box::new(move || search.epoch()) })
    }

    /// Some steps, of the weights and of what they are mixed by.
    pub fn steps(&mut self) -> Result<()> {
        (self.epoch)()
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
