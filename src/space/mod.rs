//! The search space: which architectures exist.

pub(crate) mod block;
pub(crate) mod draw;
pub(crate) mod genes;
pub(crate) mod text;
mod value;

pub(crate) use block::Node as Tree;
pub use block::{Block, IntoNorm, one_of, repeat, residual, seq};
pub(crate) use genes::{Gene, Genes};
pub use value::{Acts, Floats, IntoActs, IntoFloats, IntoInts, Ints, Item, Value, any};

use crate::arch::{Architecture, Shape};
use crate::count::Count;
use crate::data::Dataset;
use crate::error::{Error, ErrorKind, Result};
use crate::rng::{Hash64, Rng};
use crate::task::Task;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// A search space: the shape of the data, the task, and a tree of layers with choices in it.
///
/// ```
/// use nascent::prelude::*;
/// let space = Space::on(&Dataset::digits())
///     .then(conv(any([16, 32]), 3))
///     .then(repeat(1..=3, one_of([conv(32, any([3, 5])).residual(), max_pool(2)])))
///     .then(global_avg_pool());
/// assert_eq!(space.size(), Some(2 * (3 + 9 + 27)));
/// let arch = space.sample(&mut Rng::new(1))?;
/// let child = space.mutate(&arch, &mut Rng::new(2))?;
/// assert!(space.contains(&child) && child != arch);
/// # Ok::<(), nascent::Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Space(Arc<Inner>);

#[derive(Clone, PartialEq, Serialize, Deserialize)]
struct Inner {
    input: Shape,
    task: Task,
    root: Block,
}

/// How often sampling tries again when the layers of a draw do not fit together.
const TRIES: usize = 1000;

impl Space {
    /// A space for the data: their shape is the input, their task decides the head.
    pub fn on(data: &Dataset) -> Space {
        Space::with(data.shape(), data.task())
    }

    /// A space for inputs of a shape and a task. For [`Task::next_token`] the shape is the number
    /// of positions, `[L]`, and the inputs are tokens of the task's vocabulary.
    pub fn new<T: Count>(input: impl IntoIterator<Item = T>, task: Task) -> Space {
        let shape = Shape::new(input);
        match &task {
            Task::NextToken { vocabulary } => {
                Space::with(Shape::tokens(shape.elements(), *vocabulary), task.clone())
            }
            _ => Space::with(shape, task),
        }
    }

    fn with(input: Shape, task: Task) -> Space {
        Space(Arc::new(Inner { input, task, root: seq([]) }))
    }

    /// The space with one more block at its end.
    pub fn then(&self, block: impl Into<Block>) -> Space {
        let Inner { input, task, root } = (*self.0).clone();
        Space(Arc::new(Inner { input, task, root: root.then(block) }))
    }

    /// The shape of one input.
    pub fn input(&self) -> Shape {
        self.0.input.clone()
    }

    /// The task, which decides the head.
    pub fn task(&self) -> Task {
        self.0.task.clone()
    }

    pub(crate) fn root(&self) -> &Block {
        &self.0.root
    }

    /// Everything that is wrong with the space, in words; empty when it can be searched.
    pub fn problems(&self) -> Vec<String> {
        let mut found = self.0.root.problems();
        if self.0.input.elements() == 0 {
            found.push(format!(
                "the input shape {} holds no value. Give a size of at least 1 in each dimension.",
                self.0.input
            ));
        }
        found.extend(self.0.task.problem());
        let layers = most_layers(&self.0.root);
        if layers > crate::arch::MOST_LAYERS {
            found.push(format!(
                "the deepest architecture has {layers} layers; at most {} are allowed. Try a smaller repeat(...).",
                crate::arch::MOST_LAYERS
            ));
        }
        found
    }

    /// Whether the space can be searched.
    ///
    /// # Errors
    /// All of its problems together.
    pub fn check(&self) -> Result<()> {
        match &self.problems()[..] {
            [] => Ok(()),
            problems => Err(Error::all("the search space", problems)),
        }
    }

    /// The number of combinations of all choices, exactly, if it is below 2^128. Some of them may
    /// not fit together; sampling and enumerating leave those out.
    pub fn size(&self) -> Option<u128> {
        genes::tally(&self.0.root).exact
    }

    /// The logarithm to base 10 of the number of combinations.
    pub fn log10_size(&self) -> f64 {
        genes::tally(&self.0.root).log10
    }

    /// The size in words: "2,184" or "about 10^45".
    pub(crate) fn size_text(&self) -> String {
        match self.size() {
            Some(n) if n < 1_000_000_000_000 => thousands(n),
            _ => format!("about 10^{:.0}", self.log10_size()),
        }
    }

    /// An architecture at random: every decision uniform over its options; draws whose layers do
    /// not fit together are drawn again.
    ///
    /// # Errors
    /// When the space has problems, or no valid architecture in 1000 draws; it quotes the reason of
    /// the last one.
    pub fn sample(&self, rng: &mut Rng) -> Result<Architecture> {
        self.check()?;
        self.first_valid(|| genes::sample(&self.0.root, rng))
    }

    fn first_valid(&self, mut draw: impl FnMut() -> Genes) -> Result<Architecture> {
        let mut why = None;
        for _ in 0..TRIES {
            let arch = self.of(&draw());
            match arch.check() {
                Ok(()) => return Ok(arch),
                Err(e) => why = Some(e),
            }
        }
        let why = why.map_or(String::new(), |e| e.to_string());
        Err(Error::new(
            ErrorKind::Exhausted,
            format!("none of {TRIES} draws from the space fits together; the last one: {why}"),
        ))
    }

    pub(crate) fn of(&self, genes: &[Gene]) -> Architecture {
        Architecture::new(self, genes::flatten(&self.0.root, genes))
    }

    fn genes(&self, arch: &Architecture) -> Result<Genes> {
        genes::parse(&self.0.root, arch.decided())
    }

    /// The architecture of a list of decisions, as [`Architecture::decisions`] gives them. Whether
    /// its layers fit together is another question: see [`Architecture::check`].
    ///
    /// # Errors
    /// When there are too many or too few decisions, or one is out of range.
    pub fn decode<T: Count>(&self, decisions: impl IntoIterator<Item = T>) -> Result<Architecture> {
        self.check()?;
        let wide = decisions.into_iter().map(|d| u32::try_from(d.to_i64()).unwrap_or(u32::MAX));
        let flat: Vec<u32> = wide.collect();
        genes::parse(&self.0.root, &flat)?;
        Ok(Architecture::new(self, flat))
    }

    /// The architecture in which every choice takes its first option, or the first one in
    /// enumeration order whose layers fit together.
    ///
    /// # Errors
    /// As [`Space::sample`].
    pub fn default_architecture(&self) -> Result<Architecture> {
        self.check()?;
        let mut rank = 0;
        self.first_valid(|| {
            rank += 1;
            genes::nth(&self.0.root, rank - 1)
        })
    }

    /// All architectures whose layers fit together, in order, the last choice running fastest.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::new([8], Task::classification(2)).then(linear(any([4, 8]))).then(dropout(any([0.0, 0.5])));
    /// assert_eq!(space.enumerate().count(), 4);
    /// ```
    pub fn enumerate(&self) -> Enumerate {
        let size = if self.problems().is_empty() { self.size().unwrap_or(u128::MAX) } else { 0 };
        Enumerate { space: self.clone(), next: 0, size }
    }

    /// The first architecture at or after a place in the enumeration, and the place after it.
    pub(crate) fn next_valid(&self, mut rank: u128) -> Option<(u128, Architecture)> {
        let size = self.size().unwrap_or(u128::MAX);
        while rank < size {
            let arch = self.of(&genes::nth(&self.0.root, rank));
            rank += 1;
            if arch.check().is_ok() {
                return Some((rank, arch));
            }
        }
        None
    }

    /// The place of an architecture in the enumeration.
    pub(crate) fn rank(&self, arch: &Architecture) -> u128 {
        self.genes(arch).map_or(0, |g| genes::rank(&self.0.root, &g))
    }

    /// Whether the architecture is one of this space, with layers that fit together.
    pub fn contains(&self, arch: &Architecture) -> bool {
        (Arc::ptr_eq(&self.0, &arch.space().0) || *self == arch.space())
            && self.genes(arch).is_ok()
            && arch.check().is_ok()
    }

    /// All architectures that differ in one decision and fit together. Where the decision opens
    /// others (another branch, one more copy), those take their first options.
    ///
    /// # Errors
    /// When the architecture belongs to another space.
    pub fn neighbours(&self, arch: &Architecture) -> Result<Vec<Architecture>> {
        let genes = self.own(arch)?;
        let arities = genes::arities(&self.0.root, &genes);
        let mut found = vec![];
        for (k, (&n, &now)) in arities.iter().zip(arch.decided()).enumerate() {
            for option in (0..n).filter(|&o| o != now as usize) {
                let fill = &mut |b: &Block| genes::nth(b, 0);
                let other = self.of(&genes::change(&self.0.root, &genes, k, option, fill));
                if other.check().is_ok() {
                    found.push(other);
                }
            }
        }
        Ok(found)
    }

    /// A copy with one decision changed: each decision equally likely, each other option equally
    /// likely. Decisions that the change opens are drawn; all others stay.
    ///
    /// # Errors
    /// When the architecture belongs to another space, or the space has a single architecture.
    pub fn mutate(&self, arch: &Architecture, rng: &mut Rng) -> Result<Architecture> {
        let genes = self.own(arch)?;
        let arities = genes::arities(&self.0.root, &genes);
        if arities.is_empty() {
            return Err(Error::new(
                ErrorKind::Exhausted,
                "this space has a single architecture: there is nothing to mutate. Try \
                 any([16, 32]) in place of a number, or one_of([...]) in place of a layer.",
            ));
        }
        self.first_valid(|| {
            let k = rng.below(arities.len());
            let now = arch.decided()[k] as usize;
            let other = rng.below(arities[k] - 1);
            let option = if other >= now { other + 1 } else { other };
            genes::change(&self.0.root, &genes, k, option, &mut |b| genes::sample(b, rng))
        })
    }

    /// A child of two architectures: every decision that both have comes from one of them by a fair
    /// coin; where they chose different branches, the branch comes whole from one.
    ///
    /// # Errors
    /// When an architecture belongs to another space, or no child fits together in 1000 draws.
    pub fn crossover(
        &self,
        a: &Architecture,
        b: &Architecture,
        rng: &mut Rng,
    ) -> Result<Architecture> {
        let (x, y) = (self.own(a)?, self.own(b)?);
        self.first_valid(|| genes::cross(&self.0.root, &x, &y, rng))
    }

    fn own(&self, arch: &Architecture) -> Result<Genes> {
        self.check()?;
        if !Arc::ptr_eq(&self.0, &arch.space().0) && *self != arch.space() {
            return Err(Error::invalid(
                format!("the architecture {arch}"),
                "it belongs to another space",
                "space.parse(...) or space.sample(...) of this one",
            ));
        }
        self.genes(arch)
    }

    /// Reads the text form of an architecture.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::new([8], Task::classification(2)).then(linear(any([4, 8])));
    /// assert_eq!(space.parse("linear(8)")?.decisions(), [1]);
    /// assert!(space.parse("linear(9)").unwrap_err().to_string().contains("linear(4)"));
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// When the text is no architecture, or none of this space.
    pub fn parse(&self, text: &str) -> Result<Architecture> {
        self.check()?;
        text::read(self, text).map(|flat| Architecture::new(self, flat))
    }

    /// The space as JSON, for [`Space::from_json`].
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads what [`Space::to_json`] wrote.
    ///
    /// # Errors
    /// When the text is not such JSON, or the space in it has problems.
    pub fn from_json(json: &str) -> Result<Space> {
        let space: Space = serde_json::from_str(json)?;
        space.check()?;
        Ok(space)
    }

    /// A short name for the space, stable between runs: a hash of its JSON.
    pub fn fingerprint(&self) -> u64 {
        let mut h = Hash64::new();
        h.write(self.to_json().as_bytes());
        h.finish()
    }

    /// The drawing of its choices.
    pub fn drawing(&self) -> crate::chart::Chart {
        draw::drawing(self)
    }
}

/// The layers of the deepest architecture.
fn most_layers(block: &Block) -> usize {
    match &*block.0 {
        Tree::Layer { .. } => 1,
        Tree::Seq(blocks) => blocks.iter().map(most_layers).fold(0, usize::saturating_add),
        Tree::OneOf(blocks) => blocks.iter().map(most_layers).max().unwrap_or(0),
        Tree::Repeat { times, block } => {
            let deepest = (0..times.options.len()).map(|i| genes::count(times, i)).max();
            most_layers(block).saturating_mul(deepest.unwrap_or(0))
        }
        Tree::Residual(inner) => most_layers(inner).saturating_add(2),
        Tree::Broken { block, .. } => most_layers(block),
    }
}

/// The architectures of a space, in order; see [`Space::enumerate`].
#[derive(Clone)]
pub struct Enumerate {
    space: Space,
    next: u128,
    size: u128,
}

impl Iterator for Enumerate {
    type Item = Architecture;
    fn next(&mut self) -> Option<Architecture> {
        if self.next >= self.size {
            return None;
        }
        let found = self.space.next_valid(self.next);
        self.next = found.as_ref().map_or(self.size, |(after, _)| *after);
        found.map(|(_, arch)| arch)
    }
}

impl Serialize for Space {
    fn serialize<S: serde::Serializer>(&self, s: S) -> std::result::Result<S::Ok, S::Error> {
        self.0.serialize(s)
    }
}

impl<'de> Deserialize<'de> for Space {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        Inner::deserialize(d).map(|inner| Space(Arc::new(inner)))
    }
}

impl fmt::Display for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.drawing().plain())
    }
}

impl fmt::Debug for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// 12345 as "12,345".
pub(crate) fn thousands(n: u128) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}
