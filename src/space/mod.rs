//! The search space: which architectures exist.

mod architecture;
mod compared;
mod decide;
mod diagram;
mod distance;
mod draw;
mod encoding;
mod latency;
mod limit;
mod morphism;
pub mod presets;
pub(crate) mod text;

pub use architecture::Architecture;
pub(crate) use distance::Compared;
pub use distance::Distance;
pub use encoding::Encoding;
pub use latency::Latency;
pub(crate) use latency::least;
pub use limit::{Limit, Macs, Memory, Params};
pub use morphism::Morphism;

use crate::count::Count;
use crate::data::Dataset;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::{Networks, Verdict};
use crate::interrupt;
use crate::rng::{Rng, hash_of};
use crate::shape::Shape;
use crate::task::Task;
use crate::threads;
use crate::tree::genes::{self, Genes};
use crate::tree::{Block, CHOICE, Genome, IntoBlock, Places, Spec, Tree, choice, seq};
use crate::words::{plural, thousands};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, OnceLock};

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
#[derive(Clone)]
#[must_use = "methods return a new value and leave this one as it is"]
#[doc(alias = "SearchSpace")]
pub struct Space(Arc<Inner>);

struct Inner {
    /// Input, task and blocks, and what is known of its networks.
    networks: Networks,
    limits: Vec<Limit>,
    /// What is wrong with its blocks and settings, found out once, because every draw asks.
    faults: OnceLock<Vec<String>>,
    /// The same and, where that is nothing, whether anything fits together and is within the limits. The
    /// kind is `Shape` where the blocks are sound but no shapes go together.
    problems: OnceLock<(ErrorKind, Vec<String>)>,
}

/// A space as it is written down.
#[derive(Serialize, Deserialize)]
#[serde(expecting = "a search space")]
struct Stored {
    input: Shape,
    task: Task,
    root: Block,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    limits: Vec<Limit>,
}

impl PartialEq for Space {
    fn eq(&self, other: &Space) -> bool {
        let (a, b) = (self.spec(), other.spec());
        Arc::ptr_eq(&self.0, &other.0)
            || (a.input == b.input
                && a.task == b.task
                && self.0.limits == other.0.limits
                && a.root == b.root)
    }
}

/// How often sampling tries again when the layers of a draw do not fit together.
const TRIES: usize = 1000;
/// How often sampling then mends the last draw, and how many architectures it looks at in order after that.
const MENDS: usize = 20_000;
/// How many architectures are drawn before it is worked out which shapes can reach each part of a space.
const GLANCE: usize = 64;
/// How many architectures are looked at in order where that does not tell whether anything fits.
const LOOK: usize = 5_000;
/// How deep blocks may nest, so that their text and JSON forms can be read back.
const MOST_NESTED: usize = 20;

impl Space {
    /// A space for the data: their shape is the input, their task decides the head.
    pub fn on(data: &Dataset) -> Space {
        Space::with(data.shape(), data.task())
    }

    /// A space for inputs of a shape and a task. For [`Task::next_token`] the shape is the number
    /// of positions, `[L]`, and the inputs are tokens of the task's vocabulary.
    pub fn new<T: Count>(input: impl IntoIterator<Item = T>, task: impl Into<Task>) -> Space {
        let task = task.into();
        let shape = Shape::new(input);
        match &task {
            Task::NextToken { vocabulary } => {
                Space::with(Shape::tokens(shape.elements(), *vocabulary), task.clone())
            }
            _ => Space::with(shape, task),
        }
    }

    /// A space of decisions alone, each with so many options: for a [`Table`](crate::Table), or an
    /// evaluator of your own that knows what they mean. See [`choice`](crate::choice).
    ///
    /// ```
    /// use nascent::Space;
    /// let space = Space::decisions([5, 5, 5, 5, 5, 5]);
    /// assert_eq!(space.size(), Some(15_625));
    /// assert_eq!(space.decode([4, 2, 1, 2, 1, 1])?.params(), 0);
    /// # Ok::<(), nascent::Error>(())
    /// ```
    pub fn decisions<T: Count>(options: impl IntoIterator<Item = T>) -> Space {
        let choices = options.into_iter().map(|n| choice(0..n.to_i64()));
        // What comes in and what is learned is for the evaluator to know.
        let nothing = Shape::new([0usize; 0]);
        Space::with(nothing, Task::regression(1)).then(seq(choices))
    }

    /// A space that cannot be searched, and why.
    pub(crate) fn impossible(problem: &str) -> Space {
        let (block, problem) = (seq::<Block>([]), problem.to_string());
        Space::decisions::<usize>([]).then(Block::new(Tree::Broken { block, problem }))
    }

    /// Whether it consists of decisions alone.
    pub(crate) fn is_decisions(&self) -> bool {
        fn only_choices(block: &Block) -> bool {
            match &*block.0 {
                Tree::Layer { info, .. } => std::ptr::eq(*info, &CHOICE),
                _ => block.children().iter().all(only_choices),
            }
        }
        most_layers(self.root()) > 0 && only_choices(self.root())
    }

    fn with(input: Shape, task: Task) -> Space {
        Space::of(input, task, Block::new(Tree::Seq(vec![])), vec![])
    }

    fn of(input: Shape, task: Task, root: Block, limits: Vec<Limit>) -> Space {
        let networks = Networks::new(Spec::new(input, task, root));
        let (faults, problems) = Default::default();
        Space(Arc::new(Inner { networks, limits, faults, problems }))
    }

    /// The space with one more block at its end.
    pub fn then(&self, block: impl IntoBlock) -> Space {
        Space::of(self.input(), self.task(), self.root().then(block), self.0.limits.clone())
    }

    pub(crate) fn limits(&self) -> &[Limit] {
        &self.0.limits
    }

    pub(crate) fn with_limits(&self, limits: Vec<Limit>) -> Space {
        Space::of(self.input(), self.task(), self.root().clone(), limits)
    }

    /// The same blocks and limits, for other data.
    pub(crate) fn moved(&self, data: &Dataset) -> Space {
        Space::of(data.shape(), data.task(), self.root().clone(), self.0.limits.clone())
    }

    /// The shape of one input.
    pub fn input(&self) -> Shape {
        self.spec().input.clone()
    }

    /// The task, which decides the head.
    pub fn task(&self) -> Task {
        self.spec().task.clone()
    }

    pub(crate) fn root(&self) -> &Block {
        &self.spec().root
    }

    pub(crate) fn genome(&self) -> &Genome {
        self.spec().genome()
    }

    pub(crate) fn networks(&self) -> &Networks {
        &self.0.networks
    }

    fn spec(&self) -> &Spec {
        self.0.networks.spec()
    }

    /// The places of all of its decisions.
    pub(crate) fn places(&self) -> &Arc<Places> {
        self.spec().places()
    }

    /// What holds all of its decisions, in order.
    /// The options of each decision, if every architecture has the same decisions.
    pub(crate) fn fixed_decisions(&self) -> Option<Vec<usize>> {
        genes::is_fixed(self.genes()).then(|| genes::complete(self.genes(), &[]).1)
    }

    fn genes(&self) -> &Block {
        &self.genome().whole
    }

    /// Everything that is wrong with the space, in words; empty when it can be searched.
    pub fn problems(&self) -> Vec<String> {
        self.found_problems().to_vec()
    }

    fn found_problems(&self) -> &[String] {
        &self.kind_and_problems().1
    }

    fn kind_and_problems(&self) -> &(ErrorKind, Vec<String>) {
        self.0.problems.get_or_init(|| match self.faults() {
            [] => match self.misfit() {
                Some(misfit) => (ErrorKind::Shape, vec![misfit]),
                None => (ErrorKind::Invalid, self.limit_problem().into_iter().collect()),
            },
            faults => (ErrorKind::Invalid, faults.to_vec()),
        })
    }

    /// What is wrong with its blocks and settings, whether or not anything fits together.
    fn faults(&self) -> &[String] {
        self.0.faults.get_or_init(|| self.find_faults())
    }

    fn find_faults(&self) -> Vec<String> {
        let Spec { input, task, root, .. } = self.spec();
        let mut found = root.problems();
        if input.elements() == 0 {
            found.push(format!(
                "the input shape {input} holds no value. Give a size of at least 1 in each dimension."
            ));
        }
        const MOST: usize = 1 << 62;
        let size = input.vocabulary().unwrap_or(1).max(input.elements());
        if size > MOST || task.outputs() > MOST {
            found.push(format!(
                "an input of {input} for {task}: sizes up to {MOST} are allowed. Count them again."
            ));
        }
        if input.is_padded() && task.is_per_position() {
            found.push(
                "padded tokens to predict the next token of: padding would be learned as well. \
                 Try one long text, as Dataset::next_token makes it."
                    .into(),
            );
        }
        if input.is_padded() && input.vocabulary().is_none() {
            found.push(format!(
                "the input shape {input} is padded, but only tokens can be. Try Shape::tokens(length, symbols).padded()."
            ));
        }
        found.extend(task.problem());
        let genome = self.genome();
        let mut twice = vec![];
        root.each_shared(&mut |name, block| {
            let differs = |(other, first): &&(String, Block)| other == name && first != block;
            if genome.named.iter().any(|s| differs(&s)) && !twice.contains(&name.to_string()) {
                twice.push(name.to_string());
            }
        });
        found.extend(twice.iter().map(|name| {
            format!(
                "shared({name:?}) stands for two different blocks. Give each a name of its own, or \
                 let the layers inside be as wide as what comes in: conv(same(), 3)."
            )
        }));
        let depth = root.depth();
        if depth > MOST_NESTED {
            found.push(format!(
                "blocks are nested {depth} deep; at most {MOST_NESTED} are allowed. Try then(...) or repeat(...)."
            ));
        }
        let layers = most_layers(root);
        if layers > crate::graph::MOST_LAYERS {
            found.push(format!(
                "the deepest architecture has {layers} layers; at most {} are allowed. Try a smaller repeat(...).",
                crate::graph::MOST_LAYERS
            ));
        }
        found
    }

    /// Whether the space can be searched: its blocks are sound, some architecture fits together, and
    /// some is within the limits.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::new([12, 30], Task::classification(2)).then(attention(any([4, 8])));
    /// let e = space.check().unwrap_err().to_string();
    /// assert!(e.contains("30 features do not split into 4 heads"), "{e}");
    /// ```
    ///
    /// # Errors
    /// All of its problems together.
    pub fn check(&self) -> Result<()> {
        match self.kind_and_problems() {
            (_, problems) if problems.is_empty() => Ok(()),
            (kind, problems) => Err(Error::all("the search space", problems).of_kind(*kind)),
        }
    }

    /// Whether its blocks are sound, so that architectures can be told apart and read, whether or not
    /// they fit together.
    pub(crate) fn sound(&self) -> Result<()> {
        match self.faults() {
            [] => Ok(()),
            faults => Err(Error::all("the search space", faults)),
        }
    }

    /// Why no architecture of a sound space fits together, limits aside; nothing if one does, or if a long
    /// search would be needed to tell.
    fn misfit(&self) -> Option<String> {
        let fits = |decisions| Architecture::new(self, decisions).fits();
        // For most spaces the first few draws are enough.
        let first = genes::complete(self.genes(), &[]).0;
        let mut rng = Rng::from_u64(0);
        if fits(first) || (1..GLANCE).any(|_| fits(genes::draw(self.genes(), &mut rng))) {
            return None;
        }
        let reasons = match &self.networks().reach().verdict {
            Verdict::Fits => return None,
            Verdict::Nothing(reasons) => reasons.clone(),
            Verdict::Unknown => {
                let free = self.with_limits(vec![]);
                vec![free.exhausted(LOOK)?.trim_end_matches('.').to_string()]
            }
        };
        const SHOWN: usize = 3;
        let more = match reasons.len().saturating_sub(SHOWN) {
            0 => String::new(),
            n => format!("; and {n} more"),
        };
        let shown = &reasons[..reasons.len().min(SHOWN)];
        Some(format!("none of its architectures fits together: {}{more}.", shown.join("; ")))
    }

    /// Why the last architecture does not fit together, if none of them does; nothing where one fits, or
    /// where there are more than `most` to look at.
    fn exhausted(&self, most: usize) -> Option<String> {
        let mut prefix = vec![];
        for _ in 0..most {
            let (decisions, arities) = genes::complete(self.genes(), &prefix);
            let arch = Architecture::new(self, decisions);
            let misfit = arch.fit().err()?;
            match genes::bump(arch.decided(), &arities, misfit.prefix) {
                Some(next) => prefix = next,
                None => return Some(misfit.error.to_string()),
            }
        }
        None
    }

    /// The options that no architecture can have, because nothing fits together with them, and why. They
    /// do no harm, but are seldom intended: whenever sampling draws one, it has to draw again.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::new([12, 30], Task::classification(2)).then(attention(any([4, 5])));
    /// space.check()?;
    /// let never = space.never_fitting();
    /// assert!(never.len() == 1 && never[0].starts_with("attention with heads 4 never fits"), "{never:?}");
    /// # Ok::<(), nascent::Error>(())
    /// ```
    pub fn never_fitting(&self) -> Vec<String> {
        match self.found_problems() {
            [] => self.networks().reach().never.clone(),
            _ => vec![],
        }
    }

    /// The number of combinations of all choices, exactly, if it is below 2^128. Some of them may
    /// not fit together, or be over a limit; sampling and enumerating leave those out.
    pub fn size(&self) -> Option<u128> {
        genes::tally(self.genes()).exact
    }

    /// The logarithm to base 10 of the number of combinations.
    pub fn log10_size(&self) -> f64 {
        genes::tally(self.genes()).log10
    }

    /// What has to stand beside a drawing: the problems, or the options that never fit.
    pub(crate) fn remarks(&self) -> Option<String> {
        const SHOWN: usize = 5;
        if let Err(e) = self.check() {
            return Some(e.to_string());
        }
        let mut lines = self.never_fitting();
        let all = lines.len();
        if all > SHOWN {
            lines.truncate(SHOWN);
            lines.push(format!("{} in all never fit.", plural(all, "option")));
        }
        (all > 0).then(|| lines.join("\n"))
    }

    /// The drawing to stand beside [`remarks`](Self::remarks).
    pub(crate) fn drawing_beside(&self) -> crate::chart::Chart {
        draw::drawing(self, true)
    }

    /// "2,184 combinations".
    pub(crate) fn combinations(&self) -> String {
        let one = self.size() == Some(1);
        format!("{} combination{}", self.size_text(), if one { "" } else { "s" })
    }

    /// The size in words: "2,184" or "about 10^45".
    pub(crate) fn size_text(&self) -> String {
        match self.size() {
            Some(n) if n < 1_000_000_000_000 => thousands(n),
            _ => format!("about 10^{:.0}", self.log10_size()),
        }
    }

    /// An architecture at random: every decision uniform over its options; draws whose layers do
    /// not fit together are drawn again. Where 1000 in a row do not fit, the last one is mended: the
    /// decisions at which it fails are drawn again, so that rare architectures are found at all.
    ///
    /// # Errors
    /// When the space has problems, or nothing in it fits together; it quotes the last reason.
    pub fn sample(&self, rng: &mut Rng) -> Result<Architecture> {
        self.check()?;
        match self.first_valid(|| genes::draw(self.genes(), rng)) {
            Ok(arch) => Ok(arch),
            Err(misfit) if self.limits().is_empty() => self.mend(misfit, rng),
            Err(misfit) => match self.descend(rng)? {
                Some(arch) => Ok(arch),
                None => self.mend(misfit, rng),
            },
        }
    }

    /// The first of [`TRIES`] draws that fits, or the last that does not.
    fn first_valid(
        &self,
        mut draw: impl FnMut() -> Vec<u32>,
    ) -> Result<Architecture, Architecture> {
        let mut arch = Architecture::new(self, draw());
        for _ in 1..TRIES {
            if arch.fit().is_ok() {
                return Ok(arch);
            }
            arch = Architecture::new(self, draw());
        }
        if arch.fit().is_ok() { Ok(arch) } else { Err(arch) }
    }

    /// Draws those decisions again at which an architecture fails, and now and then earlier ones too.
    fn mend(&self, mut arch: Architecture, rng: &mut Rng) -> Result<Architecture> {
        let mut why = None;
        for _ in 0..MENDS {
            let Err(misfit) = arch.fit() else { return Ok(arch) };
            why = Some(misfit.error.clone());
            let mut keep = misfit.prefix.saturating_sub(1);
            while keep > 0 && rng.below(2) == 0 {
                keep -= 1;
            }
            let (kept, mut drawn) = (arch.decisions(), vec![]);
            genes::walk(self.genes(), &mut |n| {
                let at = drawn.len();
                let pick = if at < keep { kept[at] as usize } else { rng.below(n) };
                drawn.push(pick as u32);
                Ok(pick)
            })?;
            arch = Architecture::new(self, drawn);
        }
        // Chance has found none: look in order before saying that there is none.
        if let Some((_, arch)) = self.next_valid(vec![], MENDS) {
            return Ok(arch);
        }
        let why = why.map_or(String::new(), |e| e.to_string());
        Err(Error::new(
            ErrorKind::Shape,
            format!(
                "no architecture of the space was found that fits together; the last one: {why}"
            ),
        ))
    }

    /// The architecture of a list of decisions, as [`Architecture::decisions`] gives them. Whether
    /// its layers fit together is another question: see [`Architecture::check`].
    ///
    /// # Errors
    /// When there are too many or too few decisions, or one is out of range.
    pub fn decode<T: Count>(&self, decisions: impl IntoIterator<Item = T>) -> Result<Architecture> {
        self.sound()?;
        let wide = decisions.into_iter().map(|d| u32::try_from(d.to_i64()).unwrap_or(u32::MAX));
        let flat: Vec<u32> = wide.collect();
        genes::accept(self.genes(), &flat)?;
        Ok(Architecture::new(self, flat))
    }

    /// The first architecture in enumeration order whose layers fit together: where it can be, the
    /// one in which every choice takes its first option.
    ///
    /// # Errors
    /// As [`Space::sample`].
    pub fn default_architecture(&self) -> Result<Architecture> {
        self.check()?;
        match self.next_valid(vec![], MENDS) {
            Some((_, arch)) => Ok(arch),
            None => self.sample(&mut Rng::from_u64(0)),
        }
    }

    /// All architectures whose layers fit together, in order, the last choice running fastest.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::new([8], Task::classification(2)).then(linear(any([4, 8]))).then(dropout(any([0.0, 0.5])));
    /// assert_eq!(space.enumerate().count(), 4);
    /// ```
    pub fn enumerate(&self) -> Enumerate {
        Enumerate { space: self.clone(), next: self.found_problems().is_empty().then(Vec::new) }
    }

    /// All architectures of the space, in order, as [`Space::enumerate`] gives them one by one.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::new([8], Task::classification(2)).then(linear(any([4, 8, 16])));
    /// assert_eq!(space.all()?.len(), 3);
    /// let deep = Space::new([8], Task::classification(2)).then(repeat(40..=40, linear(any([4, 8]))));
    /// assert!(deep.all().unwrap_err().to_string().contains("sample"));
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// When the space has problems, or more than four million combinations.
    pub fn all(&self) -> Result<Vec<Architecture>> {
        const MOST: u128 = 4_000_000;
        self.check()?;
        match self.size() {
            Some(n) if n <= MOST => Ok(self.all_of(n as usize)),
            _ => Err(Error::invalid(
                format!("all architectures of a space with {} combinations", self.size_text()),
                format!("a list can hold those of up to {}", thousands(MOST)),
                "space.sample(&mut rng) for some of them, space.enumerate().take(n) for the first, \
                 or at_most(Params(n)) and enumerate() for small ones",
            )),
        }
    }

    /// All architectures of `n` combinations, in parts with the same first decisions.
    fn all_of(&self, n: usize) -> Vec<Architecture> {
        /// This many combinations are worth a thread.
        const WORTH: usize = 2_000;
        let parts = self.beginnings();
        let part = |i: usize| {
            let (mut found, mut next) = (vec![], Some(parts[i].clone()));
            while let Some((after, arch)) =
                next.and_then(|from| self.next_within(&parts[i], from, usize::MAX))
            {
                found.push(arch);
                next = after;
            }
            found
        };
        let each = n.div_ceil(parts.len()).max(1);
        threads::map(parts.len(), WORTH.div_ceil(each), part).into_iter().flatten().collect()
    }

    /// The beginnings of all lists of decisions, in order, just long enough that there are some dozens.
    fn beginnings(&self) -> Vec<Vec<u32>> {
        const ENOUGH: usize = 64;
        for depth in 1.. {
            let (mut found, mut next, mut deeper) = (vec![], Some(vec![]), false);
            while let Some(from) = next {
                let (decisions, arities) = genes::complete(self.genes(), &from);
                deeper |= decisions.len() > depth;
                found.push(decisions[..depth.min(decisions.len())].to_vec());
                next = genes::bump(&decisions, &arities, depth);
            }
            if found.len() >= ENOUGH || !deeper {
                return found;
            }
        }
        vec![vec![]]
    }

    /// The first architecture that fits together and does not come before the decisions `from`, and
    /// where to go on after it. All that begin like one that does not fit are passed over; at most
    /// `most` are looked at.
    pub(crate) fn next_valid(
        &self,
        from: Vec<u32>,
        most: usize,
    ) -> Option<(Option<Vec<u32>>, Architecture)> {
        self.next_within(&[], from, most)
    }

    /// The same, among those with this beginning.
    fn next_within(
        &self,
        beginning: &[u32],
        from: Vec<u32>,
        most: usize,
    ) -> Option<(Option<Vec<u32>>, Architecture)> {
        let mut prefix = from;
        for _ in 0..most {
            let (decisions, arities) = genes::complete(self.genes(), &prefix);
            if !decisions.starts_with(beginning) {
                return None;
            }
            let arch = Architecture::new(self, decisions);
            match arch.fit() {
                Ok(_) => {
                    let next = genes::bump(arch.decided(), &arities, usize::MAX);
                    return Some((next, arch));
                }
                Err(misfit) => {
                    // A limit may be passed before all has been decided.
                    let early = misfit.limit.then(|| arch.over_limit_after());
                    let keep = early.unwrap_or(misfit.prefix);
                    prefix = genes::bump(arch.decided(), &arities, keep)?;
                }
            }
        }
        None
    }

    /// Where to go on enumerating after an architecture.
    pub(crate) fn after(&self, arch: &Architecture) -> Option<Vec<u32>> {
        let (_, arities) = genes::complete(self.genes(), arch.decided());
        genes::bump(arch.decided(), &arities, usize::MAX)
    }

    /// Whether the architecture is one of this space, with layers that fit together.
    pub fn contains(&self, arch: &Architecture) -> bool {
        *self == *arch.of_space()
            && genes::accept(self.genes(), arch.decided()).is_ok()
            && arch.fit().is_ok()
    }

    /// All architectures that differ in one decision and fit together. Where the decision opens
    /// others (another branch, one more copy), those take their first options.
    ///
    /// # Errors
    /// When the architecture belongs to another space.
    pub fn neighbours(&self, arch: &Architecture) -> Result<Vec<Architecture>> {
        let genes = self.own(arch)?;
        let arities = genes::arities(self.genes(), &genes);
        let mut found = vec![];
        for (k, (&n, &now)) in arities.iter().zip(arch.decided()).enumerate() {
            let others = (0..n).filter(|&option| option != now as usize);
            found.extend(others.filter_map(|option| self.changed(&genes, k, option)));
        }
        Ok(found)
    }

    /// The neighbour in which decision `k` takes an option, if its layers fit together.
    fn changed(&self, genes: &Genes, k: usize, option: usize) -> Option<Architecture> {
        let changed = genes::change(self.genes(), genes, k, option, &mut genes::first);
        let other = Architecture::new(self, genes::flatten(self.genes(), &changed));
        other.fit().is_ok().then_some(other)
    }

    /// How many options each decision of an architecture has.
    pub(crate) fn options(&self, arch: &Architecture) -> Vec<usize> {
        genes::complete(self.genes(), arch.decided()).1
    }

    /// One of the [neighbours](Space::neighbours): decision `k` takes another option.
    pub(crate) fn neighbour(
        &self,
        arch: &Architecture,
        k: usize,
        option: usize,
    ) -> Result<Option<Architecture>> {
        Ok(self.changed(&self.own(arch)?, k, option))
    }

    /// `n` different architectures at random; fewer where there are no more, or so few that drawing them takes
    /// too long.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::decisions([3, 3]);
    /// assert_eq!(space.different(5, &mut Rng::new(1))?.len(), 5);
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// When nothing can be drawn from the space.
    pub fn different(&self, n: impl Count, rng: &mut Rng) -> Result<Vec<Architecture>> {
        /// How often an architecture is drawn for each that is wanted.
        const DRAWS: usize = 20;
        let all = self.size().and_then(|size| usize::try_from(size).ok());
        let n = n.to_size().min(all.unwrap_or(usize::MAX));
        let (mut met, mut found) = (HashSet::new(), vec![]);
        for _ in 0..n.saturating_mul(DRAWS) {
            if found.len() == n {
                break;
            }
            interrupt::check()?;
            match self.sample(rng) {
                Ok(arch) if met.insert(arch.decisions()) => found.push(arch),
                Ok(_) => {}
                Err(e) if e.kind() == ErrorKind::Exhausted && !found.is_empty() => break,
                Err(e) => return Err(e),
            }
        }
        Ok(found)
    }

    /// A copy with one decision changed: each decision is equally likely, and so is each of its other
    /// options. Decisions that the change opens are drawn; all others stay.
    ///
    /// # Errors
    /// When the architecture belongs to another space, or the space has a single architecture.
    pub fn mutate(&self, arch: &Architecture, rng: &mut Rng) -> Result<Architecture> {
        let genes = self.own(arch)?;
        let arities = genes::arities(self.genes(), &genes);
        if arities.is_empty() {
            return Err(Error::new(
                ErrorKind::Exhausted,
                "this space has a single architecture: there is nothing to mutate. Try \
                 any([16, 32]) in place of a number, or one_of([...]) in place of a layer.",
            ));
        }
        let drawn = self.first_valid(|| {
            let k = rng.below(arities.len());
            let now = arch.decided()[k] as usize;
            let other = rng.below(arities[k] - 1);
            let option = if other >= now { other + 1 } else { other };
            let fill = &mut |b: &Block| genes::sample(b, rng);
            let changed = genes::change(self.genes(), &genes, k, option, fill);
            genes::flatten(self.genes(), &changed)
        });
        match drawn {
            Ok(arch) => Ok(arch),
            Err(_) => rng.pick(&self.neighbours(arch)?).ok_or_else(|| {
                Error::new(
                    ErrorKind::Exhausted,
                    format!("no mutation of {arch} fits together. Try a wider space."),
                )
            }),
        }
    }

    /// A child of two architectures: every decision that both have comes from one of them by a fair
    /// coin; where they chose different branches, the branch comes whole from one. Where no child of
    /// 1000 fits together it is the first parent.
    ///
    /// # Errors
    /// When an architecture belongs to another space.
    pub fn crossover(
        &self,
        a: &Architecture,
        b: &Architecture,
        rng: &mut Rng,
    ) -> Result<Architecture> {
        let (x, y) = (self.own(a)?, self.own(b)?);
        let root = self.genes();
        let drawn = self.first_valid(|| genes::flatten(root, &genes::cross(root, &x, &y, rng)));
        // A parent is a child as well: the one in which every coin fell the same way.
        Ok(drawn.unwrap_or_else(|_| a.clone()))
    }

    fn own(&self, arch: &Architecture) -> Result<Genes> {
        self.sound()?;
        if *self != *arch.of_space() {
            return Err(Error::invalid(
                format!("the architecture {arch}"),
                "it belongs to another space",
                "space.parse(...) or space.sample(...) of this one",
            ));
        }
        genes::parse(self.genes(), arch.decided())
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
    /// When the text is not an architecture, or not one of this space.
    pub fn parse(&self, text: &str) -> Result<Architecture> {
        self.sound()?;
        text::read(self, text).map(|flat| Architecture::new(self, flat))
    }

    /// The space as JSON, for [`Space::from_json`].
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads what [`Space::to_json`] wrote. Whether anything in it fits together is another question:
    /// see [`Space::check`].
    ///
    /// # Errors
    /// When the text is not such JSON, or blocks of the space in it are not sound.
    pub fn from_json(json: &str) -> Result<Space> {
        let space: Space = serde_json::from_str(json)?;
        space.sound()?;
        Ok(space)
    }

    /// A short name for the space, stable between runs: a hash of its JSON.
    pub fn fingerprint(&self) -> u64 {
        hash_of(self.to_json().as_bytes())
    }

    /// The drawing of its choices.
    pub fn drawing(&self) -> crate::chart::Chart {
        draw::drawing(self, false)
    }
}

/// The layers of the deepest architecture.
fn most_layers(block: &Block) -> usize {
    match &*block.0 {
        Tree::Layer { .. } => 1,
        Tree::OneOf(blocks) => blocks.iter().map(most_layers).max().unwrap_or(0),
        Tree::Repeat { times, block } => {
            let deepest = (0..times.options.len()).map(|i| genes::count(times, i)).max();
            most_layers(block).saturating_mul(deepest.unwrap_or(0))
        }
        Tree::Residual(inner) => most_layers(inner).saturating_add(2),
        Tree::Cell(cell) => {
            cell.parts().iter().map(most_layers).fold(cell.steps.len() + 1, usize::saturating_add)
        }
        // At most a projection or a truncation an edge, a sum or a concatenation a vertex.
        Tree::Wired(cell) => most_layers(&cell.op)
            .saturating_mul(cell.vertices.saturating_sub(2))
            .saturating_add(cell.vertices.saturating_add(cell.most_edges.min(cell.pairs()))),
        Tree::Shared { block, .. } => most_layers(block),
        // Where sizes differ, the earlier of two inputs goes through two more layers.
        Tree::Stack(parts) => {
            parts.iter().map(most_layers).fold(parts.len(), usize::saturating_add)
        }
        Tree::Seq(_) | Tree::Wide { .. } | Tree::Broken { .. } => {
            let parts = block.parts().unwrap_or_default();
            parts.iter().map(most_layers).fold(0, usize::saturating_add)
        }
    }
}

/// The architectures of a space, in order; see [`Space::enumerate`].
#[derive(Clone, Debug)]
pub struct Enumerate {
    space: Space,
    next: Option<Vec<u32>>,
}

impl Iterator for Enumerate {
    type Item = Architecture;
    fn next(&mut self) -> Option<Architecture> {
        let (next, arch) = self.space.next_valid(self.next.take()?, usize::MAX)?;
        self.next = next;
        Some(arch)
    }
}

impl Serialize for Space {
    fn serialize<S: serde::Serializer>(&self, s: S) -> std::result::Result<S::Ok, S::Error> {
        let (input, task, root) = (self.input(), self.task(), self.root().clone());
        Stored { input, task, root, limits: self.0.limits.clone() }.serialize(s)
    }
}

impl<'de> Deserialize<'de> for Space {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        let Stored { input, task, root, limits } = Stored::deserialize(d)?;
        Ok(Space::of(input, task, root, limits))
    }
}

impl fmt::Display for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::draw::Draw::plain(self))
    }
}

crate::draw::debug_as_display!(Space, Architecture, Distance, Encoding, Latency);
