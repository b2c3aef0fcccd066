//! One architecture of a space: decisions, the network they stand for, and what it costs.

use super::Space;
use crate::error::{Error, Result};
use crate::graph::canonical::canonical;
use crate::graph::cost::{Costs, Inputs};
use crate::graph::lowering::Node;
use crate::graph::{Graph, LayerRow, Misfit, Sums};
use crate::rng::{Hash64, mix};
use crate::shape::Shape;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::{Arc, OnceLock};

/// One architecture of a [`Space`].
///
/// Its identity is its decisions, one number for every choice of the space that exists in it.
/// Shapes, parameters and multiply-adds are known without allocating a tensor.
///
/// ```
/// use nascent::prelude::*;
/// let space = Space::new([1, 8, 8], Task::classification(10))
///     .then(repeat(1..=2, one_of([conv(any([8, 16]), 3), max_pool(2)])))
///     .then(global_avg_pool());
/// let arch = space.decode([1, 0, 1, 1])?;
/// assert_eq!(arch.to_string(), "conv(16,3)>max_pool(2)>global_avg_pool");
/// assert_eq!(space.parse(&arch.to_string())?, arch);
/// assert_eq!(arch.params(), 16 * 9 + 2 * 16 + 16 * 10 + 10);
/// # Ok::<(), nascent::Error>(())
/// ```
#[derive(Clone)]
pub struct Architecture(Arc<Inner>);

struct Inner {
    space: Space,
    decisions: Vec<u32>,
    /// Known without the network, which is built only when it is asked for.
    costs: OnceLock<Result<Costs, Misfit>>,
    graph: OnceLock<Result<Graph, Misfit>>,
    /// The limit of the space that it is over.
    over: OnceLock<Option<Misfit>>,
}

impl Architecture {
    /// Of decisions that the space has already accepted.
    pub(crate) fn new(space: &Space, decisions: Vec<u32>) -> Self {
        let (space, costs) = (space.clone(), OnceLock::new());
        let (graph, over) = (OnceLock::new(), OnceLock::new());
        Architecture(Arc::new(Inner { space, decisions, costs, graph, over }))
    }

    /// The decisions: the index of the chosen option for every choice, in reading order.
    pub fn decisions(&self) -> Vec<u32> {
        self.0.decisions.clone()
    }

    pub(crate) fn decided(&self) -> &[u32] {
        &self.0.decisions
    }

    /// The space it belongs to.
    pub fn space(&self) -> Space {
        self.0.space.clone()
    }

    pub(crate) fn of_space(&self) -> &Space {
        &self.0.space
    }

    /// A short name for the identity, stable between runs: a hash of the decisions.
    pub fn identity(&self) -> u64 {
        let mut h = Hash64::new();
        self.0.decisions.iter().for_each(|d| h.write(&d.to_le_bytes()));
        h.finish()
    }

    /// The canonical key: equal for architectures whose networks are the same graph of the same
    /// operations, whatever decisions led to it. It looks through skips. Trained accuracies of two
    /// such architectures still differ, because weights are initialised by position.
    pub fn canonical(&self) -> u64 {
        match (self.fit(), self.graph_of_shared()) {
            (Err(_), _) => self.identity(),
            (_, Some(key)) => key,
            _ => self.graph().map_or_else(|_| self.identity(), Graph::canonical),
        }
    }

    /// The key of a network that is decided by its shared blocks alone: theirs, each taken once.
    fn graph_of_shared(&self) -> Option<u64> {
        let graphs = self.shared_graphs()?;
        Some(graphs.iter().fold(0, |key, (nodes, end)| mix(key, canonical(nodes, *end))))
    }

    /// The graphs of the shared blocks, each with its last node, if they alone decide the network.
    fn shared_graphs(&self) -> Option<Vec<(Vec<Node>, usize)>> {
        let space = &self.0.space;
        let entered = &self.costs().ok()?.entered;
        if entered.is_empty() || !space.genome().fixed {
            return None;
        }
        let graph = |&(i, (at, before, wide)): &(usize, Inputs)| {
            let inputs = (at.shape(), before.map(|v| v.shape()), wide);
            Graph::of_shared(space.networks().spec(), &self.0.decisions, i, inputs)
        };
        entered.iter().map(graph).collect()
    }

    /// Calls `see` with every graph that sets the architecture apart, and its last node: the graphs of its
    /// shared blocks where they alone decide the network, each once, or that of the `whole` network.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn each_graph(
        &self,
        whole: bool,
        see: &mut dyn FnMut(&[Node], usize),
    ) -> Result<()> {
        if self.0.space.is_decisions() {
            return Err(Error::invalid(
                format!("the graph of {self}"),
                "an architecture of decisions alone has no layers that could be compared",
                "Distance::hamming() or Encoding::one_hot()",
            ));
        }
        if !whole && let Some(graphs) = self.shared_graphs() {
            graphs.iter().for_each(|(nodes, end)| see(nodes, *end));
            return Ok(());
        }
        let nodes = &self.graph()?.nodes;
        if let Some(end) = nodes.len().checked_sub(1) {
            see(nodes, end);
        }
        Ok(())
    }

    /// The network, or why the layers do not fit together.
    pub(crate) fn graph(&self) -> Result<&Graph> {
        self.built().map_err(|misfit| misfit.error.clone())
    }

    /// The network, if it has been built already.
    pub(super) fn known_graph(&self) -> Option<&Graph> {
        self.0.graph.get()?.as_ref().ok()
    }

    fn built(&self) -> Result<&Graph, &Misfit> {
        self.0.graph.get_or_init(|| self.0.space.networks().graph(&self.0.decisions)).as_ref()
    }

    /// What it costs, over the limits or not.
    fn costs(&self) -> Result<&Costs, &Misfit> {
        let find = || match self.0.space.networks().costs(&self.0.decisions) {
            Some(costs) => Ok(costs),
            None => self.built().map(Costs::of_graph).map_err(Misfit::clone),
        };
        self.0.costs.get_or_init(find).as_ref()
    }

    /// What it costs, or the misfit with the decisions that led to it.
    pub(crate) fn fit(&self) -> Result<&Costs, &Misfit> {
        let costs = self.costs()?;
        match self.over_limit() {
            None => Ok(costs),
            Some(misfit) => Err(misfit),
        }
    }

    /// Whether its layers fit together, limits aside.
    pub(crate) fn fits(&self) -> bool {
        self.costs().is_ok()
    }

    /// The limit of the space that it is over.
    fn over_limit(&self) -> Option<&Misfit> {
        let limits = self.0.space.limits();
        if limits.is_empty() {
            return None;
        }
        let find = || {
            let costs = self.0.costs.get().and_then(|c| c.as_ref().ok())?;
            let prefix = self.0.decisions.len();
            limits.iter().find_map(|limit| {
                let cost = limit.cost(self, &costs.sums);
                let over = !limit.allows(cost);
                over.then(|| Misfit { error: limit.error(self, cost), prefix, limit: true })
            })
        };
        self.0.over.get_or_init(find).as_ref()
    }

    /// After how many of its decisions it is over a limit.
    pub(crate) fn over_limit_after(&self) -> usize {
        let spent = std::cell::Cell::new(Sums::default());
        let over = |node: &Node| {
            spent.set(spent.get().and(node));
            let limits = self.0.space.limits().iter();
            limits.filter_map(|l| Some(!l.allows(l.spent(&spent.get())?))).any(|over| over)
        };
        Graph::too_much(self.0.space.networks().spec(), &self.0.decisions, &over)
            .unwrap_or(self.0.decisions.len())
    }

    /// What it costs, over the limits or not; nothing if the layers do not fit.
    pub(crate) fn sums(&self) -> Sums {
        let _ = self.fit();
        let costs = self.0.costs.get().and_then(|costs| costs.as_ref().ok());
        costs.map_or(Sums::default(), |costs| costs.sums)
    }

    /// Whether the layers fit together.
    ///
    /// # Errors
    /// Names the layer that does not fit and the shape it was given.
    pub fn check(&self) -> Result<()> {
        self.fit().map(|_| ()).map_err(|misfit| misfit.error.clone())
    }

    /// The layers in order, the input first and the task's head last; empty if they do not fit.
    pub fn layers(&self) -> Vec<LayerRow> {
        self.graph().map(Graph::rows).unwrap_or_default()
    }

    /// The name of the layer with the most parameters or values.
    pub(crate) fn largest_layer(&self) -> String {
        let largest = self.layers().into_iter().max_by_key(|l| l.params.max(l.shape.elements()));
        largest.map_or(String::new(), |l| l.name)
    }

    /// The shape of the output, the head included.
    pub fn output(&self) -> Shape {
        self.fit().map_or(Shape::new([0usize; 0]), |costs| costs.output.clone())
    }

    /// Learned parameters, the head included; 0 if the layers do not fit.
    pub fn params(&self) -> usize {
        self.sums().params as usize
    }

    /// Multiply-adds of one forward pass of one sample: of convolutions, linear and recurrent layers,
    /// attention and gates. Normalisation, activations, pooling and sums do not count.
    pub fn macs(&self) -> usize {
        self.sums().macs as usize
    }

    /// Operations of one forward pass of one sample as benchmarks count them: a multiply-add is one,
    /// and so is the work on single values, two per value for batch normalisation, one for an
    /// activation, and one for every value under a pooling's window. What happens inside recurrent
    /// layers, attention and gates is counted as in [`Architecture::macs`]; sums are not counted.
    pub fn flops(&self) -> usize {
        self.sums().flops as usize
    }

    /// An estimate of the bytes that training with batches of `batch` samples needs: weights,
    /// gradients and two moments of the optimiser, and every layer's kept values with their
    /// gradients. What the allocator and the data set hold comes on top.
    pub fn memory(&self, batch: impl crate::count::Count) -> usize {
        self.sums().memory(batch.to_size() as u64) as usize
    }

    /// The text form, which [`Space::parse`] reads back.
    pub fn to_text(&self) -> String {
        crate::space::text::write(&self.0.space, &self.0.decisions)
    }

    /// Its layers one below the other, with shapes and parameters.
    pub fn diagram(&self) -> crate::chart::Chart {
        crate::chart::Chart::new(super::diagram::layers(self))
    }

    /// Its layers as a graph: branches stand beside each other, and a network of more than fifty nodes is folded where
    /// it repeats itself.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::new([3, 16, 16], Task::classification(4)).then(presets::nas_bench_201(8, 1));
    /// assert!(space.default_architecture()?.drawing().svg().contains("conv"));
    /// # Ok::<(), nascent::Error>(())
    /// ```
    #[doc(alias("graph", "plot", "draw"))]
    pub fn drawing(&self) -> crate::chart::Chart {
        super::diagram::drawing(self)
    }

    /// As a notebook shows it: [`drawing`](Self::drawing) if it branches, [`diagram`](Self::diagram) if it does not.
    pub(crate) fn shown(&self) -> crate::chart::Chart {
        super::diagram::shown(self)
    }

    /// The graphs of two architectures beside each other. What only one of them has is marked.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::new([8], Task::classification(2)).then(linear(any([4, 8])));
    /// let both = space.decode([0])?.beside(&space.decode([1])?);
    /// assert!(both.plain().contains("≠ linear(4)") && both.plain().contains("≠ linear(8)"));
    /// # Ok::<(), nascent::Error>(())
    /// ```
    pub fn beside(&self, other: &Architecture) -> crate::chart::Chart {
        super::diagram::beside(self, other)
    }

    /// The architecture and its space as JSON, for [`Architecture::from_json`].
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads what [`Architecture::to_json`] wrote.
    ///
    /// # Errors
    /// When the text is not such JSON, or the decisions do not belong to the space.
    pub fn from_json(json: &str) -> Result<Architecture> {
        let stored: Stored = serde_json::from_str(json)?;
        stored.space.decode(stored.decisions)
    }
}

#[derive(Serialize, Deserialize)]
struct Stored {
    space: Space,
    decisions: Vec<u32>,
}

impl Serialize for Architecture {
    fn serialize<S: serde::Serializer>(&self, s: S) -> std::result::Result<S::Ok, S::Error> {
        Stored { space: self.0.space.clone(), decisions: self.decisions() }.serialize(s)
    }
}

impl<'de> Deserialize<'de> for Architecture {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        let stored = Stored::deserialize(d)?;
        stored.space.decode(stored.decisions).map_err(serde::de::Error::custom)
    }
}

impl PartialEq for Architecture {
    fn eq(&self, other: &Self) -> bool {
        self.0.decisions == other.0.decisions && self.0.space == other.0.space
    }
}

impl Eq for Architecture {}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}
