//! Optimisers: SGD with momentum (optionally Nesterov's), and AdamW (arXiv 1711.05101).
//!
//! Both use PyTorch's formulas; the state is one or two tensors per weight, stored in checkpoints.

use crate::error::Result;
use crate::kernel;
use crate::op::within_zeros;
use candle_core::backprop::GradStore;
use candle_core::{Tensor, Var};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::fmt;

/// How weights are updated from their gradients.
///
/// ```
/// use nascent::Optimizer;
/// let sgd = Optimizer::sgd(0.9).nesterov().learning_rate(0.05).weight_decay(5e-4);
/// assert_eq!(sgd.to_string(), "SGD(lr 0.05, momentum 0.9, nesterov, weight decay 0.0005)");
/// assert_eq!(Optimizer::default(), Optimizer::adamw());
/// ```
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[must_use = "methods return a new value and leave this one as it is"]
pub struct Optimizer {
    rule: Rule,
    learning_rate: f64,
    weight_decay: f64,
}

#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Rule {
    Sgd { momentum: f64, nesterov: bool },
    Adamw { beta1: f64, beta2: f64, eps: f64 },
}

impl Optimizer {
    /// Stochastic gradient descent with momentum; learning rate 0.1, no weight decay.
    pub fn sgd(momentum: f64) -> Self {
        let rule = Rule::Sgd { momentum, nesterov: false };
        Optimizer { rule, learning_rate: 0.1, weight_decay: 0.0 }
    }

    /// AdamW with betas 0.9 and 0.999; learning rate 0.01, weight decay 0.01.
    pub fn adamw() -> Self {
        let rule = Rule::Adamw { beta1: 0.9, beta2: 0.999, eps: 1e-8 };
        Optimizer { rule, learning_rate: 0.01, weight_decay: 0.01 }
    }

    /// With Nesterov momentum, which only SGD has; AdamW stays as it is.
    pub fn nesterov(&self) -> Self {
        match self.rule {
            Rule::Sgd { momentum, .. } => {
                Optimizer { rule: Rule::Sgd { momentum, nesterov: true }, ..*self }
            }
            Rule::Adamw { .. } => *self,
        }
    }

    /// The largest learning rate, which the schedule scales.
    pub fn learning_rate(&self, rate: f64) -> Self {
        Optimizer { learning_rate: rate, ..*self }
    }

    /// The weight decay: added to the gradient in SGD, decoupled in AdamW.
    pub fn weight_decay(&self, decay: f64) -> Self {
        Optimizer { weight_decay: decay, ..*self }
    }

    pub(crate) fn problems(&self) -> Vec<String> {
        let mut found = vec![];
        let mut want = |ok: bool, name: &str, value: f64, allowed: &str| {
            if !ok {
                found.push(format!("{name} is {value}; allowed is {allowed}."));
            }
        };
        let lr = self.learning_rate;
        want(lr.is_finite() && lr > 0.0, "the learning rate", lr, "a number above 0.0, as 0.01");
        let wd = self.weight_decay;
        want(wd.is_finite() && wd >= 0.0, "the weight decay", wd, "0.0 or more, as 5e-4");
        if let Rule::Sgd { momentum, .. } = self.rule {
            let allowed = "0.0 up to, not including, 1.0, as 0.9";
            want((0.0..1.0).contains(&momentum), "the momentum", momentum, allowed);
        }
        found
    }

    /// The number of tensors of state for each weight.
    pub(crate) fn moments(&self) -> usize {
        if matches!(self.rule, Rule::Sgd { .. }) { 1 } else { 2 }
    }
}

impl Default for Optimizer {
    fn default() -> Self {
        Optimizer::adamw()
    }
}

impl fmt::Display for Optimizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (lr, wd) = (self.learning_rate, self.weight_decay);
        match self.rule {
            Rule::Sgd { momentum, nesterov } => {
                let nesterov = if nesterov { ", nesterov" } else { "" };
                write!(f, "SGD(lr {lr}, momentum {momentum}{nesterov}, weight decay {wd})")
            }
            Rule::Adamw { .. } => write!(f, "AdamW(lr {lr}, weight decay {wd})"),
        }
    }
}

/// An optimiser at work on the weights of a network.
pub(crate) struct Steps {
    optimizer: Optimizer,
    weights: Vec<(String, Var)>,
    /// One or two tensors per weight, zero at first.
    state: Vec<Vec<Var>>,
    /// How many of the steps each weight has missed.
    missed: Vec<usize>,
    /// The weights by name.
    known: HashMap<String, usize>,
    pub(crate) taken: usize,
}

impl Steps {
    /// On no weights so far.
    pub(crate) fn new(optimizer: Optimizer) -> Self {
        let (weights, state, missed) = (vec![], vec![], vec![]);
        Steps { optimizer, weights, state, missed, known: HashMap::new(), taken: 0 }
    }

    /// Updates these weights too, from now on. Those that it has already stay as they are; but where one has
    /// grown (see `op/slices.rs`), its state grows with it.
    pub(crate) fn take_on(&mut self, weights: &[(String, Var)]) -> Result<()> {
        for (name, v) in weights {
            if let Some(&at) = self.known.get(name) {
                if self.weights[at].1.id() != v.id() {
                    for state in &mut self.state[at] {
                        *state = Var::from_tensor(&within_zeros(state, v.dims())?)?;
                    }
                    self.weights[at].1 = v.clone();
                }
                continue;
            }
            self.known.insert(name.clone(), self.weights.len());
            let zero = |_| Var::zeros(v.shape(), v.dtype(), v.device());
            let moments = (0..self.optimizer.moments()).map(zero);
            self.state.push(moments.collect::<candle_core::Result<_>>()?);
            self.missed.push(self.taken);
            self.weights.push((name.clone(), v.clone()));
        }
        Ok(())
    }

    /// One step; `scale` is the schedule's factor of the learning rate.
    pub(crate) fn step(&mut self, grads: &GradStore, scale: f64) -> Result<()> {
        let o = self.optimizer;
        let lr = o.learning_rate * scale;
        self.taken += 1;
        let each = self.weights.iter().zip(&self.state).zip(&mut self.missed);
        for (((_, var), state), missed) in each {
            // A weight that the loss does not depend on has no gradient.
            let Some(grad) = grads.get(var) else {
                *missed += 1;
                continue;
            };
            match (o.rule, &state[..]) {
                (Rule::Sgd { momentum, nesterov }, [buf]) => {
                    kernel::sgd_step(var, grad, buf, lr, momentum, o.weight_decay, nesterov)?;
                }
                (Rule::Adamw { beta1, beta2, eps }, [m, v]) => {
                    let (t, wd) = (self.taken - *missed, o.weight_decay);
                    kernel::adamw_step(var, grad, m, v, t, lr, beta1, beta2, eps, wd)?;
                }
                _ => unreachable!("the state was made for this rule"),
            }
        }
        Ok(())
    }

    /// Moves the weights to where a step along these gradients would take them, without taking it: the step of
    /// SGD with its momentum and decay, or of AdamW one along the gradient alone. Returns xi, by which the
    /// gradient is multiplied in it.
    pub(crate) fn look_ahead(&self, grads: &GradStore, scale: f64) -> Result<f64> {
        let o = self.optimizer;
        // With Nesterov's momentum a step has the gradient once, and once more in the buffer.
        let twice = match o.rule {
            Rule::Sgd { momentum, nesterov: true } => 1.0 + momentum,
            _ => 1.0,
        };
        let xi = o.learning_rate * scale * twice;
        for ((_, var), state) in self.weights.iter().zip(&self.state) {
            let Some(grad) = grads.get(var) else { continue };
            if let (Rule::Sgd { momentum, nesterov }, [buffer]) = (o.rule, &state[..]) {
                let last = if nesterov { momentum * momentum } else { momentum };
                kernel::shift(var, var, -xi * o.weight_decay)?;
                kernel::shift(var, buffer, -o.learning_rate * scale * last)?;
            }
            kernel::shift(var, grad, -xi)?;
        }
        Ok(xi)
    }

    /// How many of the steps some weights have missed, by name.
    pub(crate) fn missed(&self) -> BTreeMap<String, usize> {
        let each = self.weights.iter().zip(&self.missed).filter(|(_, missed)| **missed > 0);
        each.map(|((name, _), missed)| (name.clone(), *missed)).collect()
    }

    /// After its state was set: how many steps have led there, and who has missed some of them.
    pub(crate) fn go_on(&mut self, taken: usize, missed: &BTreeMap<String, usize>) {
        self.taken = taken;
        for ((name, _), n) in self.weights.iter().zip(&mut self.missed) {
            *n = missed.get(name).copied().unwrap_or(0);
        }
    }

    /// The state by name, for a checkpoint.
    pub(crate) fn named(&self) -> Vec<(String, Tensor)> {
        self.slots().into_iter().map(|(name, s)| (name, s.as_detached_tensor())).collect()
    }

    /// The state's variables by the same names, to be set from a checkpoint.
    pub(crate) fn slots(&self) -> Vec<(String, Var)> {
        let mut list = vec![];
        for ((name, _), state) in self.weights.iter().zip(&self.state) {
            for (i, s) in state.iter().enumerate() {
                list.push((format!("optimizer.{i}.{name}"), s.clone()));
            }
        }
        list
    }
}
