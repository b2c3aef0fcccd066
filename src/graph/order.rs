//! In which order channels are: whether the first channels of a wide tensor are those of a narrow one, which
//! is what makes the weights of a narrow layer a slice of those of a wide one.
//!
//! That has to hold on every path that leads to a layer, for all of them have to agree on whether its weights
//! are slices. So [`Sharing`](super::Sharing) walks all paths and says at which places it does not.

use crate::graph::lowering::Node;
use crate::layer::{CONCAT, FLATTEN, INPUT};
use crate::op::{Channels, Op, Setting};
use crate::shape::Shape;
use std::collections::HashSet;

/// The order of the channels of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Order {
    /// The first channels are the first of a wider one.
    First,
    /// One channel after the other, each of so many rows and columns.
    Flat(usize, usize),
    Unknown,
}

impl Order {
    /// Of what is the sum of two tensors.
    pub(crate) fn and(self, o: Order) -> Order {
        if self == o { self } else { Order::Unknown }
    }

    /// What an operation makes of it. `open` says that its own number of channels differs between paths.
    pub(crate) fn after(self, op: &Op, inputs: &[Shape], params: u64, open: bool) -> Order {
        let sliced = (op.info.facts.slices)(op).is_some() && self != Order::Unknown;
        let own = op.info.args.iter().any(Setting::is_size)
            || inputs.iter().any(|shape| shape.vocabulary().is_some());
        match () {
            () if op.is(&INPUT) => Order::First,
            () if op.has("bidirectional") || op.is(&CONCAT) => Order::Unknown,
            // Of a single width there is a single order.
            () if own => {
                if sliced || !open {
                    Order::First
                } else {
                    Order::Unknown
                }
            }
            () if op.is(&FLATTEN) => match (inputs.first().map(Shape::as_slice), self) {
                (Some([_, h, w]), Order::First) => Order::Flat(*h, *w),
                (Some([_]), same) => same,
                _ => Order::Unknown,
            },
            // Attention mixes all channels by weights of its own for every width.
            () if params > 0 && !sliced && op.info.facts.channels == Channels::Whole => {
                Order::Unknown
            }
            () => self,
        }
    }
}

/// The places of a space at which weights are not slices, as some path leads there with another order; and those
/// of layers whose number of channels differs between paths.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Places {
    pub(crate) apart: HashSet<u64>,
    pub(crate) open: HashSet<u64>,
}

/// The name of the weights that those of an operation are slices of: the operation without the settings that
/// slices differ in, and its inputs without their channels. Nothing where each has weights of its own.
pub(crate) fn whole(op: &Op, inputs: &[Shape], from: Order) -> Option<String> {
    let sliced = (op.info.facts.slices)(op)?;
    let order = match from {
        Order::First => String::new(),
        Order::Flat(h, w) => format!(" of {h}x{w}"),
        Order::Unknown => return None,
    };
    let settings = op.info.args.iter().zip(&op.args);
    let fixed = settings.filter(|(setting, _)| !sliced.contains(&setting.name));
    let fixed: Vec<String> = fixed.map(|(s, v)| format!("{}={v}", s.name)).collect();
    let open = |shape: &Shape| match (shape.vocabulary(), shape.as_slice()) {
        (Some(_), _) => shape.to_string(),
        (None, [_, h, w]) => format!("any{order}x{h}x{w}"),
        (None, [l, _]) => format!("{l}xany{order}"),
        (None, _) => format!("any{order}"),
    };
    let shapes: Vec<String> = inputs.iter().map(open).collect();
    Some(format!("{}({}) of {}", op.info.name, fixed.join(","), shapes.join(" and ")))
}

/// The orders of the nodes of one network, as they are made.
pub(crate) struct Orders<'p> {
    places: &'p Places,
    /// The place of each node so far, and the order of its channels.
    known: Vec<(u64, Order)>,
}

impl<'p> Orders<'p> {
    pub(crate) fn new(places: &'p Places) -> Orders<'p> {
        Orders { places, known: vec![] }
    }

    /// The name of the whole of the next node.
    pub(crate) fn next(&mut self, node: &Node, inputs: &[Shape]) -> Option<String> {
        let Node { op, site, .. } = node;
        let order = |&i: &usize| match self.known.get(i) {
            // From elsewhere in the tree.
            Some((from, _)) if from != site && self.places.apart.contains(site) => Order::Unknown,
            Some((_, order)) => *order,
            None => Order::Unknown,
        };
        let from = node.inputs.iter().map(order).reduce(Order::and).unwrap_or(Order::First);
        let open = self.places.open.contains(site);
        self.known.push((*site, from.after(op, inputs, node.plan.params, open)));
        whole(op, inputs, from)
    }
}
