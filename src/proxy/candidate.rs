//! What proxies share: the network of a candidate with fresh weights, a batch of inputs and targets, and
//! the gradients of the loss on it.

use crate::data::{Dataset, Split};
use crate::error::{Error, Result};
use crate::evaluate;
use crate::model::Model;
use crate::op::{Eye, Pass};
use crate::rng::Rng;
use crate::room::fits;
use crate::space::Architecture;
use crate::task::Task;
use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Tensor, Var};

/// An architecture that is to be scored, and how.
pub(super) struct Candidate<'a> {
    pub(super) arch: &'a Architecture,
    /// Where the batch comes from; noise otherwise.
    pub(super) data: Option<&'a Dataset>,
    pub(super) batch: usize,
    /// Of the batch and the weights.
    pub(super) seed: u64,
    /// Which of the weights of this seed.
    pub(super) draw: u64,
}

/// The score of a network that learns nothing, where the formula gives it one in the middle of the others. It
/// is a number, so that ranks and averages go on.
pub(super) const LEAST: f64 = -1e30;

impl Candidate<'_> {
    pub(super) fn rng(&self, purpose: &str) -> Rng {
        Rng::from_u64(self.seed).stream(purpose, self.draw)
    }

    /// The network with fresh weights.
    pub(super) fn model(&self) -> Result<Model> {
        fits(self.arch.memory(self.batch), || self.arch.largest_layer())?;
        Model::new(self.arch, &Device::Cpu, self.rng("weights").bits())
    }

    /// The inputs of a batch that are compared with each other, if there are not too many for a matrix of all pairs.
    pub(super) fn compared(&self) -> Result<usize> {
        const MOST: usize = 10_000;
        match self.batch <= MOST {
            true => Ok(self.batch),
            false => Err(Error::invalid(
                format!("batch({})", self.batch),
                format!(
                    "every input is compared with every other one, so at most {MOST} are allowed"
                ),
                "batch(64)",
            )),
        }
    }

    /// The network with fresh weights in 64 bits, without its normalisations.
    pub(super) fn bare(&self) -> Result<Model> {
        Model::bare(self.arch, &Device::Cpu, self.rng("weights").bits())
    }

    /// Inputs and targets: those of the data, or else noise. They are the same for all candidates, so that
    /// these differ in themselves alone.
    pub(super) fn batch(&self) -> Result<(Tensor, Tensor)> {
        let mut rng = Rng::from_u64(self.seed).stream("batch", 0);
        if let Some(data) = self.data {
            let mut all = data.indices(Split::Train);
            rng.shuffle(&mut all);
            all.truncate(self.batch);
            return data.gather(&all, &Device::Cpu);
        }
        Ok((self.noise(&mut rng)?, self.targets(&mut rng)?))
    }

    /// Inputs without meaning: standard normal numbers, or symbols that are all equally likely.
    pub(super) fn noise(&self, rng: &mut Rng) -> Result<Tensor> {
        let input = self.arch.of_space().input();
        let (n, dims) = (input.elements() * self.batch, input.batch(self.batch));
        let Some(symbols) = input.vocabulary() else {
            let x: Vec<f32> = (0..n).map(|_| rng.normal() as f32).collect();
            return Ok(Tensor::from_vec(x, dims, &Device::Cpu)?);
        };
        // Symbol 0 is the padding, where there is one.
        let from = usize::from(input.is_padded() && symbols > 1);
        let x: Vec<u32> = (0..n).map(|_| (from + rng.below(symbols - from)) as u32).collect();
        Ok(Tensor::from_vec(x, dims, &Device::Cpu)?)
    }

    fn targets(&self, rng: &mut Rng) -> Result<Tensor> {
        let (space, n) = (self.arch.of_space(), self.batch);
        let mut some = |n: usize, classes: usize| -> Vec<u32> {
            (0..n).map(|_| rng.below(classes) as u32).collect()
        };
        Ok(match space.task() {
            Task::Classification { classes } => Tensor::new(some(n, classes), &Device::Cpu)?,
            Task::NextToken { vocabulary } => {
                let dims = space.input().batch(n);
                Tensor::from_vec(some(dims.iter().product(), vocabulary), dims, &Device::Cpu)?
            }
            Task::Regression { outputs } => {
                let y: Vec<f32> = (0..n * outputs).map(|_| rng.normal() as f32).collect();
                Tensor::from_vec(y, (n, outputs), &Device::Cpu)?
            }
        })
    }

    /// A pass as in training: with the statistics of the batch, and dropout.
    pub(super) fn pass(&self, eye: Eye) -> Pass {
        let mut pass = Pass::new(true, Some(self.rng("dropout")));
        pass.eye = Some(Box::new(eye));
        pass
    }

    /// The loss of the task.
    pub(super) fn loss(&self, out: &Tensor, y: &Tensor) -> Result<Tensor> {
        Ok(evaluate::loss(&self.arch.of_space().task(), out, y, 0.0)?)
    }

    /// The gradients of the loss on a batch.
    pub(super) fn gradients(&self, model: &Model, (x, y): &(Tensor, Tensor)) -> Result<GradStore> {
        let out = model.run(x, &mut self.pass(Eye::default()))?;
        Ok(self.loss(&out, y)?.backward()?)
    }

    /// The weights of a fresh network, each with its gradient. One that the loss does not depend on, because
    /// no path leads through its layer, has none.
    pub(super) fn slopes(&self) -> Result<Vec<(Tensor, Tensor)>> {
        let model = self.model()?;
        let grads = self.gradients(&model, &self.batch()?)?;
        let pair = |var: Var| Some((var.as_detached_tensor(), grads.get(&var)?.clone()));
        Ok(weights(&model).into_iter().filter_map(pair).collect())
    }
}

/// What counts as a weight: matrices and kernels, as in the papers, without biases and without the scale and
/// the shift of a normalisation.
pub(super) fn weights(model: &Model) -> Vec<Var> {
    let learned = |name: &str| name.ends_with("gamma") || name.ends_with("beta");
    let all = model.weights().iter().filter(|(name, var)| var.rank() > 1 && !learned(name));
    all.map(|(_, var)| var.clone()).collect()
}

/// The sum of all numbers of a tensor, in 64 bits.
pub(super) fn sum(x: &Tensor) -> Result<f64> {
    Ok(x.to_dtype(DType::F64)?.sum_all()?.to_scalar()?)
}

/// The Euclidean norm.
pub(super) fn norm(x: &Tensor) -> Result<f64> {
    Ok(sum(&x.to_dtype(DType::F64)?.sqr()?)?.sqrt())
}

/// Whether a network learns nothing: no weight has a gradient.
pub(super) fn dead(slopes: &[(Tensor, Tensor)]) -> Result<bool> {
    for (_, g) in slopes {
        if sum(&g.abs()?)? > 0.0 {
            return Ok(false);
        }
    }
    Ok(true)
}
