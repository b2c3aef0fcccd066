//! The weighted sum of several tensors, where the choices of a space are relaxed (`graph/relaxed.rs`). It is
//! not in the table: nobody writes it.
//!
//! Its settings are, for each tensor, how many weights are its factors, and their columns in the list of
//! weights, which comes with the forward pass. A tensor whose factor is 0 is not read, so whatever leads to
//! it alone is not computed.

use crate::chart::Family;
use crate::kernel;
use crate::op::{Facts, Layer, LayerInfo, Op, Pass, Plan, Setting, Value};
use crate::shape::Shape;
use candle_core::Tensor;

pub(crate) static MIX: LayerInfo = LayerInfo {
    name: "mix",
    family: Family::Add,
    about: "weighted sum of the options of a choice",
    args: &[],
    facts: Facts::PLAIN,
    plan: |op, inputs| {
        match inputs.iter().all(|s| *s == inputs[0]) {
        true => Ok(Plan::free(inputs[0].clone())),
        false => Err(op.unfit(
            inputs,
            "the shapes differ, and only equal ones can be mixed. Try same() channels and equal strides",
        )),
    }
    },
    build: |op, inputs, _| Ok(Box::new(Mix { factors: factors(op), output: inputs[0].dims() })),
};

/// Of each tensor: the columns of its factors.
pub(crate) fn factors(op: &Op) -> Vec<Vec<usize>> {
    let mut numbers = op.args.iter().map(|value| match value {
        Value::Int(n) => (*n).max(0) as usize,
        _ => 0,
    });
    let mut all = vec![];
    while let Some(n) = numbers.next() {
        all.push(numbers.by_ref().take(n).collect());
    }
    all
}

struct Mix {
    factors: Vec<Vec<usize>>,
    output: Vec<usize>,
}

impl Layer for Mix {
    /// `inputs` are those with a factor that is not 0.
    fn forward(&self, inputs: &[&Tensor], pass: &mut Pass) -> candle_core::Result<Tensor> {
        let Some(mixture) = &pass.mixture else { candle_core::bail!("mix: no weights") };
        let (mut sum, mut inputs) = (None, inputs.iter());
        for columns in self.factors.iter().filter(|columns| mixture.factor(columns) != 0.0) {
            let Some(x) = inputs.next() else { candle_core::bail!("mix: an input is missing") };
            let (weights, column) = match columns[..] {
                [column] => (mixture.weights.clone(), column),
                _ => {
                    let one = |&column: &usize| mixture.weights.narrow(0, column, 1);
                    let mut each = columns.iter().map(one);
                    let first = each.next().unwrap_or_else(|| mixture.weights.narrow(0, 0, 1))?;
                    (each.try_fold(first, |product, w| product * w?)?, 0)
                }
            };
            sum = Some(kernel::weigh(sum.as_ref(), x, &weights, column)?);
        }
        match sum {
            Some(sum) => Ok(sum),
            None => {
                let dims: Vec<usize> = [pass.samples].iter().chain(&self.output).copied().collect();
                Tensor::zeros(dims, candle_core::DType::F32, mixture.weights.device())
            }
        }
    }
}

/// The channels of an image behind the first ones, which options that see a share of them do not see.
pub(crate) static REST: LayerInfo = LayerInfo {
    name: "rest",
    family: Family::Other,
    about: "all but its first channels",
    args: &[Setting::int("channels", None, 1, 65_536)],
    facts: Facts::PLAIN,
    plan: |op, inputs| match inputs[0].as_slice() {
        [c, h, w] if op.int("channels") < *c => {
            Ok(Plan::free(Shape::new([c - op.int("channels"), *h, *w])))
        }
        _ => Err(op.unfit(inputs, "it needs an image with more channels")),
    },
    build: |op, _, _| Ok(Box::new(Rest(op.int("channels")))),
};

struct Rest(usize);

impl Layer for Rest {
    fn forward(&self, inputs: &[&Tensor], _: &mut Pass) -> candle_core::Result<Tensor> {
        let x = inputs[0];
        x.narrow(1, self.0, x.dim(1)? - self.0)?.contiguous()
    }
}

/// The channels of an image in another order: of `groups` groups, the first of each, the second of each, ...
/// (Zhang et al., "ShuffleNet", arXiv 1707.01083).
pub(crate) static SHUFFLE: LayerInfo = LayerInfo {
    name: "shuffle",
    family: Family::Other,
    about: "its channels in another order",
    args: &[Setting::int("groups", None, 1, 65_536)],
    facts: Facts::PLAIN,
    plan: |op, inputs| match inputs[0].as_slice() {
        [c, _, _] if c % op.int("groups").max(1) == 0 => Ok(Plan::free(inputs[0].clone())),
        _ => Err(op.unfit(inputs, "it needs an image whose channels are a multiple of the groups")),
    },
    build: |op, _, _| Ok(Box::new(Shuffle(op.int("groups").max(1)))),
};

struct Shuffle(usize);

impl Layer for Shuffle {
    fn forward(&self, inputs: &[&Tensor], _: &mut Pass) -> candle_core::Result<Tensor> {
        let (n, c, h, w) = inputs[0].dims4()?;
        let groups = inputs[0].reshape((n, self.0, c / self.0, h * w))?;
        groups.transpose(1, 2)?.contiguous()?.reshape((n, c, h, w))
    }
}
