//! The controller of a search by reinforcement learning: a recurrent network that decides an
//! architecture step by step.
//!
//! Zoph and Le, arXiv 1611.01578, figure 2. For the decisions a_1 ... a_T of an architecture, in the
//! order of its list:
//!
//! ```text
//! x_1 = a learned start;  x_t = embedding(a_{t-1})
//! h_t = LSTM(x_t, h_{t-1})                                 one layer or several
//! p(a_t | a_1 ... a_{t-1}) = softmax(W_k h_t + b_k)        k: the place of decision t in the space
//! log p(a) = sum over t of log p(a_t | a_1 ... a_{t-1})
//! ```
//!
//! Which decisions follow depends on the earlier ones. Each belongs to a place in the tree of the space,
//! and a place has its own head and embeddings. So "the kernel size of layer 2" has the same head whatever
//! came before it, and a shared block, which is decided once, has one. A space with more than
//! [`MOST_OPTIONS`] options has one place for all copies of a repetition; the state of the LSTM tells them
//! apart.
//!
//! For learning, the decisions are known, so the LSTM runs over all steps at once, on Candle's graph. For
//! drawing, they are not known: the same weights are multiplied step by step, without a graph.

use crate::error::{Error, Result};
use crate::kernel::{self, Cell, Decided};
use crate::model::{Optimizer, Steps};
use crate::op::Params;
use crate::rng::Rng;
use crate::space::Space;
use crate::tree::places::Places;
use candle_core::{Device, Tensor, Var};
use std::sync::{Arc, OnceLock};

/// With more options than this, the copies of a repetition share a place.
const MOST_OPTIONS: usize = 10_000;
/// The most options of all places then.
const MOST_COLUMNS: usize = 100_000;

/// The size and initial weights of a controller.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// Layers of the LSTM.
    pub(crate) layers: usize,
    /// Units of each, and numbers of an embedding.
    pub(crate) units: usize,
    /// Initial weights are uniform in ± this, biases 0.
    pub(crate) init: f64,
}

pub(crate) struct Controller {
    places: Arc<Places>,
    /// Whether the copies of a repetition share a place.
    shared: bool,
    /// Of every option and, in the last row, of the start: `[W + 1, H]`.
    embedding: Var,
    /// Weights `[4 H, 2 H]` and biases `[2, 4 H]` of each layer.
    lstm: Vec<(Var, Var)>,
    /// `[W, H]` and `[W]`: the head of a place is the rows of its options.
    heads: (Var, Var),
    adam: Steps,
    /// The weights as plain numbers, made when they are first needed after a step.
    plain: OnceLock<Plain>,
}

impl Controller {
    pub(crate) fn new(space: &Space, shape: Shape, rate: f64, seed: u64) -> Result<Controller> {
        kernel::prepare();
        let places = space.places().clone();
        let shared = places.columns(false) > MOST_OPTIONS;
        let (width, h) = (places.columns(shared), shape.units);
        if width > MOST_COLUMNS {
            return Err(Error::invalid(
                format!("a controller for a space with {width} options"),
                format!("at most {MOST_COLUMNS} are allowed"),
                "fewer options, or Evolution::regularized()",
            ));
        }
        let mut p = Params::new(&Device::Cpu, seed);
        p.enter("controller".into());
        let embedding = p.within("embedding", &[width + 1, h], shape.init)?;
        let lstm = (0..shape.layers).map(|i| {
            let weight = p.within(&format!("lstm.{i}.weight"), &[4 * h, 2 * h], shape.init)?;
            Ok((weight, p.constant(&format!("lstm.{i}.bias"), &[2, 4 * h], 0.0)?))
        });
        let lstm = lstm.collect::<Result<_>>()?;
        let weight = p.within("heads.weight", &[width, h], shape.init)?;
        let heads = (weight, p.constant("heads.bias", &[width], 0.0)?);
        // Adam: AdamW without decay.
        let adam = Optimizer::adamw().learning_rate(rate).weight_decay(0.0);
        let mut adam = Steps::new(adam);
        adam.take_on(&p.weights)?;
        Ok(Controller { places, shared, embedding, lstm, heads, adam, plain: OnceLock::new() })
    }

    /// The number of options of all places.
    fn width(&self) -> usize {
        self.heads.1.elem_count()
    }

    /// Whether there is anything to decide.
    pub(crate) fn decides(&self) -> bool {
        self.width() > 0
    }

    /// How many steps of training have been taken.
    pub(super) fn steps(&self) -> usize {
        self.adam.taken
    }

    /// The places of an architecture's decisions.
    fn decided(&self, decisions: &[u32]) -> Vec<Decided> {
        let mut list = Vec::with_capacity(decisions.len());
        self.places.walk(0, self.shared, &mut |from, options| {
            let pick =
                decisions.get(list.len()).map_or(0, |&d| d as usize).min(options.saturating_sub(1));
            list.push(Decided { from, options, pick });
            pick
        });
        list
    }

    /// For N architectures, log p(a) and the sum of the entropies of the decisions: `[N, 2]`.
    pub(crate) fn score(&self, archs: &[&[u32]]) -> Result<Tensor> {
        let lists: Vec<Vec<Decided>> = archs.iter().map(|a| self.decided(a)).collect();
        let (n, l) = (lists.len(), lists.iter().map(Vec::len).max().unwrap_or(0).max(1));
        let start = self.width() as u32;
        let (mut rows, mut inputs) = (vec![Decided::default(); n * l], vec![start; n * l]);
        for (i, list) in lists.iter().enumerate() {
            for (t, &d) in list.iter().enumerate() {
                rows[i * l + t] = d;
                if t + 1 < l {
                    inputs[i * l + t + 1] = (d.from + d.pick) as u32;
                }
            }
        }
        // What follows the last decision of a shorter list does not change what comes before.
        let inputs = Tensor::from_vec(inputs, n * l, &Device::Cpu)?;
        let mut x = self.embedding.index_select(&inputs, 0)?.reshape((n, l, ()))?;
        for (w, b) in &self.lstm {
            x = kernel::recurrent(Cell::Lstm, &x, w, b, false, None)?;
        }
        let h = x.reshape((n * l, ()))?;
        let each = kernel::heads(&h, &self.heads.0, &self.heads.1, Arc::new(rows))?;
        Ok(each.reshape((n, l, 2))?.sum(1)?)
    }

    /// The same as numbers.
    pub(super) fn log_probabilities(&self, archs: &[&[u32]]) -> Result<Vec<f32>> {
        match archs {
            [] => Ok(vec![]),
            _ => Ok(self.score(archs)?.get_on_dim(1, 0)?.to_vec1()?),
        }
    }

    /// One step of Adam that reduces the loss.
    pub(crate) fn descend(&mut self, loss: &Tensor) -> Result<()> {
        self.adam.step(&loss.backward()?, 1.0)?;
        self.plain = OnceLock::new();
        Ok(())
    }

    /// The weights and the state of Adam by name, to be kept and set again.
    pub(crate) fn named(&self) -> Vec<(String, Var)> {
        let mut all = vec![("controller.embedding".to_string(), self.embedding.clone())];
        for (i, (weight, bias)) in self.lstm.iter().enumerate() {
            all.push((format!("controller.lstm.{i}.weight"), weight.clone()));
            all.push((format!("controller.lstm.{i}.bias"), bias.clone()));
        }
        all.push(("controller.heads.weight".to_string(), self.heads.0.clone()));
        all.push(("controller.heads.bias".to_string(), self.heads.1.clone()));
        let state = self.adam.slots();
        all.extend(state.into_iter().map(|(name, var)| (format!("controller.{name}"), var)));
        all
    }

    /// After its weights and state were set: how many steps have led to them.
    pub(crate) fn resume(&mut self, steps: usize) {
        self.adam.taken = steps;
        self.plain = OnceLock::new();
    }

    /// Draws the decisions of an architecture; `see` receives the first column of each place and the
    /// probabilities there.
    pub(crate) fn draw(
        &self,
        rng: &mut Rng,
        see: &mut dyn FnMut(usize, &[f32]),
    ) -> Result<Vec<u32>> {
        let plain = match self.plain.get() {
            Some(plain) => plain,
            None => {
                let plain = Plain::of(self)?;
                self.plain.get_or_init(|| plain)
            }
        };
        let mut state = vec![(vec![0.0; plain.units], vec![0.0; plain.units]); plain.lstm.len()];
        let (mut input, mut drawn, mut p) = (self.width(), vec![], vec![]);
        self.places.walk(0, self.shared, &mut |from, options| {
            p.resize(options, 0.0);
            let h = plain.step(input, &mut state);
            kernel::logits(h, &plain.heads.0, &plain.heads.1, from, &mut p);
            kernel::log_softmax(&mut p);
            p.iter_mut().for_each(|p| *p = p.exp());
            see(from, &p);
            let pick = choose(&p, rng.uniform());
            drawn.push(pick as u32);
            input = from + pick;
            pick
        });
        Ok(drawn)
    }

    /// The mean one-hot encoding over this many draws: for every option the probability that an
    /// architecture has it.
    pub(crate) fn odds(&self, draws: usize, rng: &mut Rng) -> Result<Vec<f64>> {
        let mut sum = vec![0.0; self.width()];
        for _ in 0..draws {
            // Probabilities are less noisy than the number of draws of an option.
            self.draw(rng, &mut |from, p| {
                sum[from..].iter_mut().zip(p).for_each(|(sum, &p)| *sum += f64::from(p));
            })?;
        }
        Ok(sum.into_iter().map(|sum| sum / draws as f64).collect())
    }

    /// The place and the option of every column of [`Controller::odds`].
    pub(super) fn labels(&self) -> Result<Vec<(String, String)>> {
        if self.shared {
            return Err(Error::invalid(
                format!("the probabilities of a space with {} options", self.places.columns(false)),
                format!("at most {MOST_OPTIONS} are listed"),
                "a smaller repeat(...)",
            ));
        }
        let mut labels = vec![];
        self.places.labels("", &mut labels);
        Ok(labels)
    }
}

/// The option at which the sum of the probabilities passes `u`.
fn choose(p: &[f32], u: f64) -> usize {
    let mut sum = 0.0;
    let passed = |p: &f32| {
        sum += f64::from(*p);
        u < sum
    };
    // The sum may round to less than 1.
    p.iter().position(passed).unwrap_or(p.len().saturating_sub(1))
}

/// The weights without a graph, for drawing.
struct Plain {
    units: usize,
    embedding: Vec<f32>,
    /// Weights input by input, `[2 H, 4 H]`, and the sum of the two biases.
    lstm: Vec<(Vec<f32>, Vec<f32>)>,
    heads: (Vec<f32>, Vec<f32>),
}

impl Plain {
    fn of(c: &Controller) -> Result<Plain> {
        let flat = |t: &Tensor| t.flatten_all()?.to_vec1::<f32>();
        let layer = |(w, b): &(Var, Var)| Ok((flat(&w.t()?.contiguous()?)?, flat(&b.sum(0)?)?));
        Ok(Plain {
            units: c.embedding.dim(1)?,
            embedding: flat(&c.embedding)?,
            lstm: c.lstm.iter().map(layer).collect::<Result<_>>()?,
            heads: (flat(&c.heads.0)?, flat(&c.heads.1)?),
        })
    }

    /// The state of the last layer after one more step, from the states (h, c) of all.
    fn step<'s>(&self, input: usize, state: &'s mut [(Vec<f32>, Vec<f32>)]) -> &'s [f32] {
        let n = self.units;
        let sigmoid = |z: f32| 1.0 / (1.0 + (-z).exp());
        let mut x = self.embedding[input * n..][..n].to_vec();
        for ((w, b), (h, c)) in self.lstm.iter().zip(state.iter_mut()) {
            let mut a = b.clone();
            for (v, row) in x.iter().chain(h.iter()).zip(w.chunks_exact(4 * n)) {
                a.iter_mut().zip(row).for_each(|(a, w)| *a += v * w);
            }
            for u in 0..n {
                let [i, f, g, o] = [0, 1, 2, 3].map(|gate| a[gate * n + u]);
                c[u] = sigmoid(f) * c[u] + sigmoid(i) * g.tanh();
                h[u] = sigmoid(o) * c[u].tanh();
            }
            x.clone_from(h);
        }
        state.last().map_or(&[], |(h, _)| h)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;

    const TINY: super::Shape = super::Shape { layers: 2, units: 3, init: 0.5 };

    /// Branches, copies, copies of branches, and a block that is decided once.
    fn conditional() -> Space {
        let cell = shared("s", linear(any([4, 5, 6])));
        let branch = one_of([skip(), dropout(any([0.0, 0.5])), linear(any([4, 8])).residual()]);
        Space::new([8], Task::classification(2)).then(&cell).then(repeat(0..=2, branch)).then(&cell)
    }

    #[test]
    fn the_probabilities_of_all_architectures_sum_to_one() {
        for space in [conditional(), Space::decisions([3, 2, 4])] {
            let controller = Controller::new(&space, TINY, 0.1, 3).unwrap();
            let all = space.all().unwrap();
            assert_eq!(all.len() as u128, space.size().unwrap());
            let all: Vec<&[u32]> = all.iter().map(Architecture::decided).collect();
            let p = controller.log_probabilities(&all).unwrap();
            let sum: f64 = p.iter().map(|&l| f64::from(l).exp()).sum();
            assert!((sum - 1.0).abs() < 1e-5, "{sum}");
        }
    }

    /// The weights without a graph say the same as those with one, whatever an architecture is scored
    /// with; and the odds are the one-hot encodings, each as likely as its architecture.
    #[test]
    fn draws_have_the_probabilities_of_the_graph() {
        let space = conditional();
        let controller = Controller::new(&space, TINY, 0.1, 4).unwrap();
        let mut rng = Rng::new(1);
        let (mut archs, mut expected) = (vec![], vec![]);
        for _ in 0..20 {
            let mut heads = vec![];
            let drawn = controller.draw(&mut rng, &mut |_, p| heads.push(p.to_vec())).unwrap();
            assert!(space.decode(drawn.clone()).is_ok());
            let taken = heads.iter().zip(&drawn).map(|(p, &d)| p[d as usize].ln());
            expected.push(taken.sum::<f32>());
            archs.push(drawn);
        }
        let archs: Vec<&[u32]> = archs.iter().map(Vec::as_slice).collect();
        let together = controller.log_probabilities(&archs).unwrap();
        for ((arch, a), b) in archs.iter().zip(&together).zip(&expected) {
            assert!((a - b).abs() < 1e-4, "{a} {b}");
            let alone = controller.log_probabilities(&[arch]).unwrap();
            assert!((a - alone[0]).abs() < 1e-5, "{a} {alone:?}");
        }

        let all = space.all().unwrap();
        let codes: Vec<&[u32]> = all.iter().map(Architecture::decided).collect();
        let p = controller.log_probabilities(&codes).unwrap();
        let rows = Encoding::one_hot().all(&all).unwrap();
        let odds = controller.odds(4000, &mut Rng::new(2)).unwrap();
        for (i, odds) in odds.iter().enumerate() {
            let exact: f32 = rows.iter().zip(&p).map(|(row, p)| row[i] * p.exp()).sum();
            assert!((f64::from(exact) - odds).abs() < 0.02, "column {i}: {exact} {odds}");
        }
        let names: Vec<String> =
            controller.labels().unwrap().iter().map(|(p, o)| format!("{p}={o}")).collect();
        assert_eq!(names, Encoding::one_hot().names(&space).unwrap());
    }

    /// Of log p and of the entropy, by central differences in every weight.
    #[test]
    fn the_gradient_of_the_policy_is_that_of_finite_differences() {
        let space = conditional();
        let controller = Controller::new(&space, TINY, 0.1, 5).unwrap();
        let archs: [&[u32]; 3] = [&[1, 2, 2, 1, 1, 0], &[0, 0], &[2, 1, 0]];
        archs.iter().for_each(|a| assert!(space.decode(a.iter().copied()).is_ok()));
        let weights = Tensor::new(&[[1f32, 0.3], [-0.5, 0.7], [0.8, -0.4]], &Device::Cpu).unwrap();
        let value = || (controller.score(&archs).unwrap() * &weights).unwrap().sum_all().unwrap();
        let grads = value().backward().unwrap();
        let lstm = controller.lstm.iter().flat_map(|(w, b)| [w, b]);
        let heads = [&controller.embedding, &controller.heads.0, &controller.heads.1];
        let mut largest = 0f32;
        for var in lstm.chain(heads) {
            let shape = var.shape().clone();
            let grad: Vec<f32> = grads.get(var).unwrap().flatten_all().unwrap().to_vec1().unwrap();
            let at: Vec<f32> = var.flatten_all().unwrap().to_vec1().unwrap();
            for i in 0..at.len() {
                let moved = |by: f32| {
                    let mut w = at.clone();
                    w[i] += by;
                    var.set(&Tensor::from_vec(w, &shape, &Device::Cpu).unwrap()).unwrap();
                    value().to_scalar::<f32>().unwrap()
                };
                let slope = (moved(0.01) - moved(-0.01)) / 0.02;
                assert!((slope - grad[i]).abs() < 2e-3, "{shape:?} {i}: {slope} {}", grad[i]);
                largest = largest.max(grad[i].abs());
            }
            var.set(&Tensor::from_vec(at, &shape, &Device::Cpu).unwrap()).unwrap();
        }
        assert!(largest > 0.3, "{largest}");
    }

    /// A space with more options than are told apart copy by copy.
    #[test]
    fn many_copies_are_one_place() {
        let layer = linear(choice_of(40));
        let space = Space::new([8], Task::classification(2)).then(repeat(1..=300, layer));
        assert!(space.places().columns(false) > MOST_OPTIONS);
        let controller = Controller::new(&space, TINY, 0.1, 6).unwrap();
        assert_eq!(controller.width(), 300 + 40);
        let drawn = controller.draw(&mut Rng::new(1), &mut |_, _| ()).unwrap();
        assert!(space.decode(drawn.clone()).is_ok());
        assert!(controller.log_probabilities(&[&drawn]).unwrap()[0] < 0.0);
        assert!(controller.labels().unwrap_err().to_string().contains("12300 options"));
    }

    fn choice_of(n: usize) -> Ints {
        any((1..=n).collect::<Vec<_>>())
    }
}
