//! The layers in ONNX's operators, one after the other; what each computes is in its own file in `layer/`.
//!
//! Images are `[N, C, H, W]` and features `[N, F]` in both; sequences `[N, L, D]` are turned to `[N, D, L]` where an
//! operator wants that. Where texts are padded, their valid lengths `[N]` go along with them.

use super::operators::{Attr, INT32, Onnx};
use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::op::{Activation, Op, Value};
use crate::shape::Shape;

/// The numbers that are added to variances.
const EPS: f32 = 1e-5;

/// The network from `input` on; returns the name of its output. `names` are the beginnings of the names of the nodes' weights.
pub(super) fn lower(
    onnx: &mut Onnx,
    graph: &Graph,
    names: &[String],
    input: &str,
) -> Result<String> {
    let mut outputs: Vec<String> = vec![input.to_string()];
    let mut ends: Vec<Option<String>> = vec![None; graph.nodes.len()];
    let shape = &graph.nodes[0].plan.output;
    if shape.is_padded() && shape.vocabulary().is_some() {
        ends[0] = Some(lengths(onnx, input, shape.elements()));
    }
    let live = graph.live();
    for (id, node) in graph.nodes.iter().enumerate().skip(1) {
        let valid = node.inputs.iter().find_map(|&i| ends[i].clone());
        if !live[id] {
            outputs.push(String::new());
            ends[id] = valid;
            continue;
        }
        let inputs: Vec<&str> = node.inputs.iter().map(|&i| outputs[i].as_str()).collect();
        let mut place = Place {
            onnx,
            op: &node.op,
            input: &graph.nodes[node.inputs[0]].plan.output,
            output: &node.plan.output,
            name: &names[id],
            ends: valid.clone(),
        };
        let y = place.lower(&inputs)?;
        ends[id] = valid.map(|ends| shorter(onnx, &ends, node.op.stride() as i64));
        outputs.push(y);
    }
    Ok(outputs.pop().unwrap_or_default())
}

/// The valid lengths of texts `[N, L]`: up to the last symbol that is not 0, at least 1.
fn lengths(onnx: &mut Onnx, tokens: &str, l: usize) -> String {
    let (zero, one) = (onnx.ints(&[], &[0]), onnx.ints(&[], &[1]));
    let numbers: Vec<i64> = (1..=l as i64).collect();
    let numbers = onnx.ints(&[1, l], &numbers);
    let empty = onnx.op("Equal", &[tokens, &zero], &[]);
    let places = onnx.op("Where", &[&empty, &one, &numbers], &[]);
    onnx.op("ReduceMax", &[&places], &[("axes", Attr::Ints(vec![1])), ("keepdims", Attr::Int(0))])
}

/// Valid lengths after a layer that takes one position of so many.
fn shorter(onnx: &mut Onnx, ends: &str, stride: i64) -> String {
    if stride <= 1 {
        return ends.to_string();
    }
    let (more, stride) = (onnx.ints(&[], &[stride - 1]), onnx.ints(&[], &[stride]));
    let sum = onnx.op("Add", &[ends, &more], &[]);
    onnx.op("Div", &[&sum, &stride], &[])
}

/// A layer in its place.
struct Place<'g> {
    onnx: &'g mut Onnx,
    op: &'g Op,
    input: &'g Shape,
    output: &'g Shape,
    /// How the names of its weights begin.
    name: &'g str,
    /// The valid lengths of its input.
    ends: Option<String>,
}

impl Place<'_> {
    fn lower(&mut self, inputs: &[&str]) -> Result<String> {
        let x = inputs[0];
        Ok(match self.op.info.name {
            "conv" | "depthwise" => self.conv(x),
            "sep_conv" => self.sep_conv(x),
            "conv1d" => self.conv1d(x),
            "linear" => self.linear(x),
            "embedding" => {
                let table = self.weight("table");
                self.op("Gather", &[&table, x])
            }
            "positions" => {
                let table = self.weight("table");
                self.op("Add", &[x, &table])
            }
            "rnn" => self.recurrent(x, "RNN", &[0]),
            // Gates are i, f, g, o here, and i, o, f, g there.
            "lstm" => self.recurrent(x, "LSTM", &[0, 3, 1, 2]),
            // Gates are r, z, n here, and z, r, n there.
            "gru" => self.recurrent(x, "GRU", &[1, 0, 2]),
            "darts_rnn" => self.darts_rnn(x),
            "last" => self.last(x),
            "attention" => self.attention(x),
            "feed_forward" => self.feed_forward(x),
            "max_pool" => self.pool(x, "MaxPool"),
            "avg_pool" => self.pool(x, "AveragePool"),
            "global_avg_pool" => self.global_pool(x, false),
            "global_max_pool" => self.global_pool(x, true),
            "batch_norm" => self.batch_norm_layer(x),
            "layer_norm" => self.layer_norm(x, ""),
            "group_norm" => self.group_norm(x),
            "squeeze_excite" => self.squeeze_excite(x),
            "activation" => self.activation(x, self.op.act()),
            // In evaluation these do nothing.
            "dropout" | "drop_path" | "skip" => x.to_string(),
            "flatten" => self.onnx.op("Flatten", &[x], &[("axis", Attr::Int(1))]),
            "zero" => {
                let zero = self.onnx.number(0.0);
                self.op("Mul", &[x, &zero])
            }
            "add" => inputs[1..].iter().fold(x.to_string(), |sum, y| self.op("Add", &[&sum, y])),
            "concat" => {
                let axis = if self.input.as_slice().len() == 3 { 1 } else { -1 };
                self.onnx.op("Concat", inputs, &[("axis", Attr::Int(axis))])
            }
            "truncate" => self.slice(x, 1, 0, self.op.int("channels")),
            other => {
                return Err(Error::invalid(
                    format!("layer {other} in export_onnx"),
                    "it is part of a network in which choices are mixed",
                    "the model of one architecture",
                ));
            }
        })
    }

    /// An operator without settings.
    fn op(&mut self, kind: &str, inputs: &[&str]) -> String {
        self.onnx.op(kind, inputs, &[])
    }

    // --- weights ------------------------------------------------------------------------------------

    fn has(&self, weight: &str) -> bool {
        self.onnx.weights.contains_key(&format!("{}.{weight}", self.name))
    }

    fn values(&self, weight: &str) -> (Vec<usize>, Vec<f32>) {
        self.onnx.weights.get(&format!("{}.{weight}", self.name)).cloned().unwrap_or_default()
    }

    /// A weight as it is.
    fn weight(&mut self, weight: &str) -> String {
        let (dims, values) = self.values(weight);
        self.onnx.floats(&dims, &values)
    }

    /// A weight in other dimensions.
    fn shaped(&mut self, weight: &str, dims: &[usize]) -> String {
        let (_, values) = self.values(weight);
        self.onnx.floats(dims, &values)
    }

    /// A matrix `[rows, columns]` as `[columns, rows]`.
    fn turned(&mut self, weight: &str) -> String {
        let (dims, values) = self.values(weight);
        let [rows, columns] = dims[..] else { return self.weight(weight) };
        let at = |i: usize| values[i % rows * columns + i / rows];
        let turned: Vec<f32> = (0..rows * columns).map(at).collect();
        self.onnx.floats(&[columns, rows], &turned)
    }

    /// `x W^T + b` of features or of each position.
    fn dense(&mut self, x: &str, weight: &str, bias: &str) -> String {
        let w = self.turned(weight);
        let y = self.op("MatMul", &[x, &w]);
        if !self.has(bias) {
            return y;
        }
        let b = self.weight(bias);
        self.op("Add", &[&y, &b])
    }

    // --- pieces -------------------------------------------------------------------------------------

    fn activation(&mut self, x: &str, act: Activation) -> String {
        let alpha = |v: f32| [("alpha", Attr::Float(v))];
        match act {
            Activation::Relu => self.op("Relu", &[x]),
            Activation::Gelu => {
                // x (1 + erf(x / sqrt 2)) / 2
                let (root, one, half) = (
                    self.onnx.number(std::f32::consts::FRAC_1_SQRT_2),
                    self.onnx.number(1.0),
                    self.onnx.number(0.5),
                );
                let inner = self.op("Mul", &[x, &root]);
                let erf = self.op("Erf", &[&inner]);
                let sum = self.op("Add", &[&erf, &one]);
                let product = self.op("Mul", &[x, &sum]);
                self.op("Mul", &[&product, &half])
            }
            Activation::Silu => {
                let gate = self.op("Sigmoid", &[x]);
                self.op("Mul", &[x, &gate])
            }
            Activation::Tanh => self.op("Tanh", &[x]),
            Activation::Sigmoid => self.op("Sigmoid", &[x]),
            Activation::LeakyRelu => self.onnx.op("LeakyRelu", &[x], &alpha(0.01)),
            Activation::Elu => self.onnx.op("Elu", &[x], &alpha(1.0)),
            Activation::Identity => x.to_string(),
        }
    }

    /// Batch normalisation of `[N, C, ...]`, with the running statistics.
    fn batch_norm(&mut self, x: &str) -> String {
        let [gamma, beta, mean, var] =
            ["gamma", "beta", "running_mean", "running_var"].map(|name| self.weight(name));
        let attrs = [("epsilon", Attr::Float(EPS))];
        self.onnx.op("BatchNormalization", &[x, &gamma, &beta, &mean, &var], &attrs)
    }

    /// What follows a product `[N, C, ...]` that has its bias.
    fn finish(&mut self, y: &str) -> String {
        let y = match self.has("running_mean") {
            true => self.batch_norm(y),
            false => y.to_string(),
        };
        self.activation(&y, self.op.act())
    }

    /// A convolution with this weight `[O, I, K...]`.
    fn product(
        &mut self,
        x: &str,
        weight: &str,
        groups: usize,
        [stride, dilation]: [usize; 2],
        pads: Vec<i64>,
        bias: bool,
    ) -> String {
        let (dims, _) = self.values(weight);
        let w = self.weight(weight);
        let rank = dims.len() - 2;
        let b = (bias && self.has("bias")).then(|| self.weight("bias"));
        let inputs: Vec<&str> = [Some(x), Some(&w), b.as_deref()].into_iter().flatten().collect();
        let same = |v: usize| Attr::Ints(vec![v as i64; rank]);
        let kernel = Attr::Ints(dims[2..].iter().map(|&k| k as i64).collect());
        let attrs = [
            ("kernel_shape", kernel),
            ("strides", same(stride)),
            ("dilations", same(dilation)),
            ("pads", Attr::Ints(pads)),
            ("group", Attr::Int(groups as i64)),
        ];
        self.onnx.op("Conv", &inputs, &attrs)
    }

    /// Stride, dilation, and the padding on each side.
    fn taps(&self) -> ([usize; 2], i64) {
        let dilation = self.op.int("dilation").max(1);
        let padding = dilation * ((self.op.int("kernel").max(1) - 1) / 2);
        ([self.op.int("stride").max(1), dilation], padding as i64)
    }

    fn slice(&mut self, x: &str, axis: i64, from: usize, to: usize) -> String {
        let [from, to, axis] = [from as i64, to as i64, axis].map(|v| self.onnx.ints(&[1], &[v]));
        self.op("Slice", &[x, &from, &to, &axis])
    }

    /// Valid lengths `[N]` of at most the input's, and whether each of its `L` positions is before them, `[N, L]`.
    fn valid(&mut self) -> Option<(String, String)> {
        let ends = self.ends.clone()?;
        let l = self.input.as_slice()[0];
        let most = self.onnx.ints(&[], &[l as i64]);
        let ends = self.op("Min", &[&ends, &most]);
        let column = self.onnx.reshape(&ends, &[-1, 1]);
        let places: Vec<i64> = (0..l as i64).collect();
        let places = self.onnx.ints(&[1, l], &places);
        let valid = self.op("Less", &[&places, &column]);
        Some((ends, valid))
    }

    /// As numbers, 1 or 0.
    fn as_numbers(&mut self, x: &str) -> String {
        self.onnx.op("Cast", &[x], &[("to", Attr::Int(1))])
    }

    // --- layers -------------------------------------------------------------------------------------

    fn conv(&mut self, x: &str) -> String {
        let groups = match self.op.info.name {
            "depthwise" => self.input.channels(),
            _ => self.op.int("groups").max(1),
        };
        let (steps, p) = self.taps();
        let y = self.product(x, "weight", groups, steps, vec![p; 4], true);
        self.finish(&y)
    }

    fn sep_conv(&mut self, x: &str) -> String {
        let (steps, p) = self.taps();
        let y = self.product(x, "depthwise", self.input.channels(), steps, vec![p; 4], false);
        let y = self.product(&y, "pointwise", 1, [1, 1], vec![0; 4], true);
        self.finish(&y)
    }

    fn conv1d(&mut self, x: &str) -> String {
        let (steps, p) = self.taps();
        let pads = match self.op.has("causal") {
            true => vec![(steps[1] * (self.op.int("kernel").max(1) - 1)) as i64, 0],
            false => vec![p; 2],
        };
        let x = self.onnx.transpose(x, &[0, 2, 1]);
        let y = self.product(&x, "weight", self.op.int("groups").max(1), steps, pads, true);
        let y = self.finish(&y);
        self.onnx.transpose(&y, &[0, 2, 1])
    }

    /// `f` on `[N, C, ...]`, whatever has the channels last.
    fn channels_first(&mut self, x: &str, f: impl Fn(&mut Self, &str) -> String) -> String {
        if self.input.as_slice().len() != 2 {
            return f(self, x);
        }
        let x = self.onnx.transpose(x, &[0, 2, 1]);
        let y = f(self, &x);
        self.onnx.transpose(&y, &[0, 2, 1])
    }

    fn linear(&mut self, x: &str) -> String {
        let y = self.dense(x, "weight", "bias");
        match self.has("running_mean") {
            true => {
                let y = self.channels_first(&y, Self::batch_norm);
                self.activation(&y, self.op.act())
            }
            false => self.activation(&y, self.op.act()),
        }
    }

    fn batch_norm_layer(&mut self, x: &str) -> String {
        self.channels_first(x, Self::batch_norm)
    }

    fn layer_norm(&mut self, x: &str, prefix: &str) -> String {
        let (dims, _) = self.values(&format!("{prefix}gamma"));
        let (gamma, beta) =
            (self.weight(&format!("{prefix}gamma")), self.weight(&format!("{prefix}beta")));
        let attrs = [("axis", Attr::Int(-(dims.len() as i64))), ("epsilon", Attr::Float(EPS))];
        self.onnx.op("LayerNormalization", &[x, &gamma, &beta], &attrs)
    }

    fn group_norm(&mut self, x: &str) -> String {
        let groups = self.op.int("groups").max(1);
        let (ones, zeros) = (
            self.onnx.floats(&[groups], &vec![1.0; groups]),
            self.onnx.floats(&[groups], &vec![0.0; groups]),
        );
        let split = self.onnx.reshape(x, &[0, groups as i64, -1]);
        let attrs = [("epsilon", Attr::Float(EPS))];
        let y = self.onnx.op("InstanceNormalization", &[&split, &ones, &zeros], &attrs);
        let dims = self.input.dims();
        let whole: Vec<i64> = [0].into_iter().chain(dims.iter().map(|&d| d as i64)).collect();
        let y = self.onnx.reshape(&y, &whole);
        let mut each = vec![dims[0]];
        each.resize(dims.len(), 1);
        let (gamma, beta) = (self.shaped("gamma", &each), self.shaped("beta", &each));
        let y = self.op("Mul", &[&y, &gamma]);
        self.op("Add", &[&y, &beta])
    }

    fn squeeze_excite(&mut self, x: &str) -> String {
        let mean = self.op("GlobalAveragePool", &[x]);
        let mean = self.onnx.op("Flatten", &[&mean], &[("axis", Attr::Int(1))]);
        let hidden = self.dense(&mean, "squeeze.weight", "squeeze.bias");
        let hidden = self.op("Relu", &[&hidden]);
        let gate = self.dense(&hidden, "excite.weight", "excite.bias");
        let gate = self.op("Sigmoid", &[&gate]);
        let gate = self.onnx.reshape(&gate, &[0, self.input.channels() as i64, 1, 1]);
        self.op("Mul", &[x, &gate])
    }

    fn pool(&mut self, x: &str, kind: &str) -> String {
        let (window, padding) = (self.op.int("window"), self.op.int("padding"));
        let stride = match self.op.int("stride") {
            0 => window,
            s => s,
        };
        let rank = if self.input.as_slice().len() == 3 { 2 } else { 1 };
        let list = |v: usize, n: usize| Attr::Ints(vec![v as i64; n]);
        let attrs = [
            ("kernel_shape", list(window, rank)),
            ("strides", list(stride, rank)),
            ("pads", list(padding, 2 * rank)),
        ];
        self.channels_first(x, |place, x| place.onnx.op(kind, &[x], &attrs))
    }

    fn global_pool(&mut self, x: &str, max: bool) -> String {
        if self.input.as_slice().len() == 3 {
            let kind = if max { "GlobalMaxPool" } else { "GlobalAveragePool" };
            let y = self.op(kind, &[x]);
            return self.onnx.op("Flatten", &[&y], &[("axis", Attr::Int(1))]);
        }
        let over = |keep: i64| [("axes", Attr::Ints(vec![1])), ("keepdims", Attr::Int(keep))];
        let Some((ends, valid)) = self.valid() else {
            return self.onnx.op(if max { "ReduceMax" } else { "ReduceMean" }, &[x], &over(0));
        };
        let l = self.input.as_slice()[0] as i64;
        let valid = self.onnx.reshape(&valid, &[-1, l, 1]);
        if max {
            let least = self.onnx.number(f32::NEG_INFINITY);
            let x = self.op("Where", &[&valid, x, &least]);
            return self.onnx.op("ReduceMax", &[&x], &over(0));
        }
        let numbers = self.as_numbers(&valid);
        let x = self.op("Mul", &[x, &numbers]);
        let sum = self.summed(&x);
        let count = self.as_numbers(&ends);
        let count = self.onnx.reshape(&count, &[-1, 1]);
        self.op("Div", &[&sum, &count])
    }

    /// The sum over the positions of `[N, L, D]`.
    fn summed(&mut self, x: &str) -> String {
        let axes = self.onnx.ints(&[1], &[1]);
        self.onnx.op("ReduceSum", &[x, &axes], &[("keepdims", Attr::Int(0))])
    }

    fn last(&mut self, x: &str) -> String {
        let d = self.input.as_slice()[1];
        if !self.op.has("bidirectional") {
            return self.at_end(x);
        }
        let (forward, backward) = (self.slice(x, 2, 0, d / 2), self.slice(x, 2, d / 2, d));
        let forward = self.at_end(&forward);
        let first = self.onnx.ints(&[], &[0]);
        let backward = self.onnx.op("Gather", &[&backward, &first], &[("axis", Attr::Int(1))]);
        self.onnx.op("Concat", &[&forward, &backward], &[("axis", Attr::Int(1))])
    }

    /// The last valid position of each sample.
    fn at_end(&mut self, x: &str) -> String {
        let l = self.input.as_slice()[0] as i64;
        let Some((ends, _)) = self.valid() else {
            let last = self.onnx.ints(&[], &[l - 1]);
            return self.onnx.op("Gather", &[x, &last], &[("axis", Attr::Int(1))]);
        };
        let ends = self.onnx.reshape(&ends, &[-1, 1]);
        let places: Vec<i64> = (1..=l).collect();
        let places = self.onnx.ints(&[1, l as usize], &places);
        let there = self.op("Equal", &[&places, &ends]);
        let there = self.as_numbers(&there);
        let there = self.onnx.reshape(&there, &[-1, l, 1]);
        let x = self.op("Mul", &[x, &there]);
        self.summed(&x)
    }

    /// The gates in another order, and for each direction a matrix of the inputs, one of the states, and the biases.
    fn recurrent(&mut self, x: &str, kind: &str, order: &[usize]) -> String {
        let ends: &[&str] = if self.op.has("bidirectional") { &["", "_reverse"] } else { &[""] };
        let d = self.input.as_slice()[1];
        let h = self.op_units() / ends.len();
        let rows = order.len() * h;
        let (mut w, mut r, mut b) = (vec![], vec![], vec![]);
        for end in ends {
            let (_, weight) = self.values(&format!("weight{end}"));
            let (_, bias) = self.values(&format!("bias{end}"));
            let row = |i: usize| &weight[i * (d + h)..(i + 1) * (d + h)];
            let ordered = || order.iter().flat_map(|&gate| gate * h..(gate + 1) * h);
            ordered().for_each(|i| w.extend(&row(i)[..d]));
            ordered().for_each(|i| r.extend(&row(i)[d..]));
            (0..2).for_each(|k| ordered().for_each(|i| b.push(bias[k * rows + i])));
        }
        let n = ends.len();
        let w = self.onnx.floats(&[n, rows, d], &w);
        let r = self.onnx.floats(&[n, rows, h], &r);
        let b = self.onnx.floats(&[n, 2 * rows], &b);
        let lengths = self
            .valid()
            .map(|(ends, _)| self.onnx.op("Cast", &[&ends], &[("to", Attr::Int(INT32))]));
        let x = self.onnx.transpose(x, &[1, 0, 2]);
        let mut inputs = vec![x.as_str(), &w, &r, &b];
        inputs.extend(lengths.as_deref());
        let direction = if n == 2 { "bidirectional" } else { "forward" };
        let mut attrs =
            vec![("hidden_size", Attr::Int(h as i64)), ("direction", Attr::Text(direction))];
        if kind == "GRU" {
            attrs.push(("linear_before_reset", Attr::Int(1)));
        }
        // [L, directions, N, H]
        let y = self.onnx.op(kind, &inputs, &attrs);
        let y = self.onnx.transpose(&y, &[2, 0, 1, 3]);
        self.onnx.reshape(&y, &[0, self.output.as_slice()[0] as i64, (n * h) as i64])
    }

    /// The features of its output, which `same` units are resolved in.
    fn op_units(&self) -> usize {
        self.output.as_slice()[1]
    }

    /// The cell of DARTS, position by position.
    fn darts_rnn(&mut self, x: &str) -> String {
        let (l, h) = (self.input.as_slice()[0], self.op_units());
        let (dims, values) = self.values("W");
        let size = h * 2 * h;
        let first = self.weight("W0");
        let later: Vec<String> = (0..dims[0])
            .map(|i| self.onnx.floats(&[h, 2 * h], &values[i * size..(i + 1) * size]))
            .collect();
        let count = self.onnx.number(dims[0] as f32);
        let zero = self.onnx.number(0.0);
        let mut state: Option<String> = None;
        let mut states = vec![];
        for t in 0..l {
            let at = self.onnx.ints(&[], &[t as i64]);
            let now = self.onnx.op("Gather", &[x, &at], &[("axis", Attr::Int(1))]);
            let before = match &state {
                Some(state) => state.clone(),
                None => {
                    // Zeros [N, H], of the sum of the inputs.
                    let axes = self.onnx.ints(&[1], &[1]);
                    let sum =
                        self.onnx.op("ReduceSum", &[&now, &axes], &[("keepdims", Attr::Int(1))]);
                    let none = self.op("Mul", &[&sum, &zero]);
                    let wide = self.onnx.floats(&[1, h], &vec![0.0; h]);
                    self.op("Add", &[&none, &wide])
                }
            };
            let both = self.onnx.op("Concat", &[&now, &before], &[("axis", Attr::Int(1))]);
            let mut made = vec![self.gated(&both, &first, &before, Activation::Tanh)];
            for (i, w) in later.iter().enumerate() {
                let from = made[self.op.int(&format!("from{}", i + 1))].clone();
                let act = match self.op.value(&format!("f{}", i + 1)) {
                    Some(Value::Act(act)) => act,
                    _ => Activation::Identity,
                };
                made.push(self.gated(&from, w, &from, act));
            }
            let sum = made[2..].iter().fold(made[1].clone(), |sum, s| self.op("Add", &[&sum, s]));
            let mean = self.op("Div", &[&sum, &count]);
            states.push(self.onnx.reshape(&mean, &[0, 1, h as i64]));
            state = Some(mean);
        }
        let list: Vec<&str> = states.iter().map(String::as_str).collect();
        let y = self.onnx.op("Concat", &list, &[("axis", Attr::Int(1))]);
        match self.valid() {
            None => y,
            Some((_, valid)) => {
                let numbers = self.as_numbers(&valid);
                let numbers = self.onnx.reshape(&numbers, &[-1, l as i64, 1]);
                self.op("Mul", &[&y, &numbers])
            }
        }
    }

    /// `s + sigmoid(c) (f(g) - s)` with `(c, g) = input W`.
    fn gated(&mut self, input: &str, w: &str, s: &str, f: Activation) -> String {
        let both = self.op("MatMul", &[input, w]);
        let halves = self.onnx.ops("Split", &[&both], &[("axis", Attr::Int(1))], 2);
        let gate = self.op("Sigmoid", &[&halves[0]]);
        let value = self.activation(&halves[1], f);
        let step = self.op("Sub", &[&value, s]);
        let step = self.op("Mul", &[&gate, &step]);
        self.op("Add", &[s, &step])
    }

    fn attention(&mut self, x: &str) -> String {
        let &[l, d] = self.input.as_slice() else { return x.to_string() };
        let (heads, l, d) = (self.op.int("heads") as i64, l as i64, d as i64);
        let normed = self.layer_norm(x, "norm.");
        let qkv = self.dense(&normed, "in_proj.weight", "in_proj.bias");
        let parts = self.onnx.ops("Split", &[&qkv], &[("axis", Attr::Int(2))], 3);
        let mut of = |part: &str, order: &[i64]| {
            let split = self.onnx.reshape(part, &[0, l, heads, d / heads]);
            self.onnx.transpose(&split, order)
        };
        let (q, k, v) = (
            of(&parts[0], &[0, 2, 1, 3]),
            of(&parts[1], &[0, 2, 3, 1]),
            of(&parts[2], &[0, 2, 1, 3]),
        );
        let root = self.onnx.number(1.0 / ((d / heads) as f32).sqrt());
        let scores = self.op("MatMul", &[&q, &k]);
        let mut scores = self.op("Mul", &[&scores, &root]);
        if self.op.has("causal") {
            let n = l as usize;
            let later = |i: usize| if i % n > i / n { f32::NEG_INFINITY } else { 0.0 };
            let mask: Vec<f32> = (0..n * n).map(later).collect();
            let mask = self.onnx.floats(&[1, 1, n, n], &mask);
            scores = self.op("Add", &[&scores, &mask]);
        }
        if let Some((_, valid)) = self.valid() {
            let valid = self.onnx.reshape(&valid, &[-1, 1, 1, l]);
            let least = self.onnx.number(f32::NEG_INFINITY);
            scores = self.op("Where", &[&valid, &scores, &least]);
        }
        let shares = self.onnx.op("Softmax", &[&scores], &[("axis", Attr::Int(-1))]);
        let y = self.op("MatMul", &[&shares, &v]);
        let y = self.onnx.transpose(&y, &[0, 2, 1, 3]);
        let y = self.onnx.reshape(&y, &[0, l, d]);
        let y = self.dense(&y, "out_proj.weight", "out_proj.bias");
        self.op("Add", &[&y, x])
    }

    fn feed_forward(&mut self, x: &str) -> String {
        let normed = self.layer_norm(x, "norm.");
        let wide = self.dense(&normed, "linear1.weight", "linear1.bias");
        let hidden = self.activation(&wide, self.op.act());
        let y = self.dense(&hidden, "linear2.weight", "linear2.bias");
        self.op("Add", &[&y, x])
    }
}
