//! A graph of operations with weights, and the pass through it.

use crate::error::Result;
use crate::graph::lowering::Node;
use crate::graph::{Graph, Orders, Places};
use crate::kernel::Ends;
use crate::layer::{MIX, factors};
use crate::op::{Layer, Params, Parts, Pass};
use crate::shape::Shape;
use candle_core::{DType, Device, Tensor, Var};
use std::collections::HashMap;
use std::sync::Arc;

/// The layers of a graph.
pub(super) struct Net {
    /// The shape of one input.
    input: Shape,
    pub(super) device: Device,
    /// The type of its weights.
    dtype: DType,
    layers: Vec<Link>,
    /// How the names of each layer's weights begin.
    pub(super) names: Vec<String>,
    /// How many later layers read each layer's output, which is dropped after the last one; 0 for a layer
    /// that the output does not depend on, which is not computed.
    readers: Vec<usize>,
    pub(super) weights: Vec<(String, Var)>,
    pub(super) buffers: Vec<(String, Var)>,
    /// Which weights are slices of others, where they are shared.
    pub(super) parts: Option<Parts>,
}

/// A layer in its place.
struct Link {
    layer: Box<dyn Layer>,
    inputs: Vec<usize>,
    /// The factor by which it shortens a sequence.
    stride: u32,
    /// Where it mixes its inputs: the weights that are the factors of each.
    factors: Option<Vec<Vec<usize>>>,
}

/// The valid lengths in a batch of tokens `[N, L]`: up to the last symbol that is not 0.
fn find_ends(tokens: &Tensor) -> candle_core::Result<Ends> {
    let rows = tokens.to_dtype(DType::U32)?.to_vec2::<u32>()?;
    let end = |row: &Vec<u32>| row.iter().rposition(|&t| t != 0).map_or(1, |i| i as u32 + 1);
    Ok(Arc::new(rows.iter().map(end).collect()))
}

/// The name of the weights of a node, and of the larger ones that they may be slices of.
pub(super) type Named = (String, Option<String>);

/// Names for the weights of nodes that several networks have in common: by the place in the tree, the
/// operation and the shapes that it reads; and where they are slices, names of the larger weights.
pub(super) fn by_site(slices: Option<&Places>) -> impl FnMut(usize, &Node, &[Shape]) -> Named {
    let mut met = HashMap::new();
    // Two nodes at one site are told apart by their order.
    let mut told_apart = move |name: String| {
        let before = met.entry(name.clone()).or_insert(0);
        *before += 1;
        if *before > 1 { format!("{name} {before}") } else { name }
    };
    let mut orders = slices.map(Orders::new);
    move |_, node, inputs| {
        let whole = orders.as_mut().and_then(|orders| orders.next(node, inputs));
        let whole = whole.map(|whole| told_apart(format!("{:016x}.{whole}", node.site)));
        let shapes: Vec<String> = inputs.iter().map(Shape::to_string).collect();
        let name = format!("{:016x}.{} of {}", node.site, node.op, shapes.join(" and "));
        (told_apart(name), whole)
    }
}

impl Net {
    /// `affine` says of which nodes the normalisation has a scale and a shift to learn.
    pub(super) fn of(
        graph: &Graph,
        mut params: Params,
        mut name: impl FnMut(usize, &Node, &[Shape]) -> Named,
        affine: impl Fn(usize) -> bool,
    ) -> Result<Net> {
        crate::kernel::prepare();
        let (mut layers, mut names) = (Vec::with_capacity(graph.nodes.len()), vec![]);
        let mut readers = vec![0; graph.nodes.len()];
        let live = graph.live();
        for (id, node) in graph.nodes.iter().enumerate() {
            let shapes: Vec<Shape> =
                node.inputs.iter().map(|&i| graph.nodes[i].plan.output.clone()).collect();
            let (name, whole) = name(id, node, &shapes);
            params.enter(name.clone());
            names.push(name);
            params.slice_of(whole);
            params.learn_affine(affine(id));
            layers.push(Link {
                layer: (node.op.info.build)(&node.op, &shapes, &mut params)?,
                inputs: node.inputs.clone(),
                stride: node.op.stride() as u32,
                factors: node.op.is(&MIX).then(|| factors(&node.op)),
            });
            if live[id] {
                node.inputs.iter().for_each(|&i| readers[i] += 1);
            }
        }
        if let Some(last) = readers.last_mut() {
            *last = 1;
        }
        let input = graph.nodes.first().map_or(Shape::new([0usize; 0]), |n| n.plan.output.clone());
        let parts = params.parts();
        let Params { device, dtype, weights, buffers, .. } = params;
        Ok(Net { input, device, dtype, layers, names, readers, weights, buffers, parts })
    }

    /// The inputs that a layer reads: where it mixes, those whose factor is not 0.
    fn reads<'a>(&'a self, id: usize, pass: &'a Pass) -> impl Iterator<Item = usize> + 'a {
        let link = &self.layers[id];
        let counts = move |n: usize| match (&link.factors, &pass.mixture) {
            (Some(factors), Some(mixture)) => {
                factors.get(n).is_none_or(|columns| mixture.factor(columns) != 0.0)
            }
            _ => true,
        };
        link.inputs.iter().enumerate().filter(move |(n, _)| counts(*n)).map(|(_, &i)| i)
    }

    /// How many layers read the output of each, in this pass.
    fn readers(&self, pass: &Pass) -> Vec<usize> {
        if pass.mixture.is_none() {
            return self.readers.clone();
        }
        let mut readers = vec![0; self.layers.len()];
        if let Some(last) = readers.last_mut() {
            *last = 1;
        }
        for id in (0..self.layers.len()).rev().filter(|&id| self.readers[id] > 0) {
            if readers[id] > 0 {
                self.reads(id, pass).for_each(|i| readers[i] += 1);
            }
        }
        readers
    }

    pub(super) fn run(&self, x: &Tensor, pass: &mut Pass) -> candle_core::Result<Tensor> {
        let wanted = &self.input;
        if x.dims().get(1..) != Some(wanted.as_slice()) {
            let given = x.dims();
            candle_core::bail!(
                "the model needs a batch of inputs of {wanted}, and was given {given:?}"
            );
        }
        pass.samples = x.dim(0)?;
        // Numbers in a notebook are f64 by default; weights are f32.
        let x = match wanted.vocabulary() {
            None => x.to_dtype(self.dtype)?,
            Some(_) => x.clone(),
        };
        // The valid lengths in the output of each layer.
        let mut ends: Vec<Option<Ends>> = vec![None; self.layers.len()];
        if wanted.is_padded() && wanted.vocabulary().is_some() {
            ends[0] = Some(find_ends(&x)?);
        }
        let mut left = self.readers(pass);
        let live: Vec<bool> = left.iter().map(|&n| n > 0).collect();
        let mut outputs: Vec<Option<Tensor>> = vec![None; self.layers.len()];
        outputs[0] = Some(x);
        for (id, link) in self.layers.iter().enumerate().skip(1) {
            // Also of what is not computed: a mix of nothing has the lengths of its options.
            let valid = link.inputs.iter().find_map(|&i| ends[i].clone());
            ends[id] = valid.clone().map(|ends| match link.stride {
                1 => ends,
                s => Arc::new(ends.iter().map(|e| e.div_ceil(s).max(1)).collect()),
            });
            if !live[id] {
                continue;
            }
            let from: Vec<usize> = self.reads(id, pass).collect();
            let inputs: Vec<&Tensor> = from.iter().filter_map(|&i| outputs[i].as_ref()).collect();
            pass.ends = valid;
            let y = link.layer.forward(&inputs, pass)?;
            let y = pass.output(id, y)?;
            for &i in &from {
                left[i] -= 1;
                if left[i] == 0 {
                    outputs[i] = None;
                }
            }
            outputs[id] = Some(y);
        }
        match outputs.pop().flatten() {
            Some(y) => Ok(y),
            None => candle_core::bail!("a network without layers"),
        }
    }
}
