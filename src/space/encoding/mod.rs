//! Architectures as vectors of numbers, for surrogates that learn from them: one encoding per file.

mod adjacency;
mod cells;
mod graf;
mod graf_features;
mod graf_layers;
mod one_hot;
mod path;

use crate::count::Count;
use crate::error::{Error, ErrorKind, Result};
use crate::space::{Architecture, Space};
use adjacency::Adjacency;
use graf::Graf;
use one_hot::OneHot;
use path::Paths;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// How an architecture becomes a vector of numbers (arXiv 2007.04965).
///
/// One-hot, adjacency and path depend on the decisions alone, so nothing is built and nothing has to fit
/// together. Their columns are 0 or 1, in the same order for all architectures of a space. Graph features
/// ([`Encoding::graf`]) are numbers, and so are those of a [`Proxy`](crate::Proxy::feature);
/// [`and`](Encoding::and) puts several encodings side by side.
///
/// ```
/// use nascent::prelude::*;
/// let space = Space::on(&Dataset::digits()).then(presets::nas_bench_201(4, 1));
/// // Edges 0-1, 0-2, 1-2, 0-3, 1-3, 2-3: none is 0, skip is 1, conv 3x3 is 3.
/// let arch = space.decode([0, 3, 0, 1, 0, 3])?;
/// let paths = Encoding::path();
/// assert_eq!(paths.width(&space)?, 4 + 16 + 64);
/// let x = paths.of(&arch)?;
/// let names = paths.names(&space)?;
/// let there: Vec<&String> = names.iter().zip(&x).filter(|(_, x)| **x == 1.0).map(|(n, _)| n).collect();
/// // The skip from 0 to 3, and the two convolutions by way of 2.
/// assert_eq!(there.len(), 2);
/// assert_eq!(there[0], "cell: skip_connect");
/// assert_eq!(Encoding::one_hot().of(&arch)?.len(), 30);
/// # Ok::<(), nascent::Error>(())
/// ```
#[derive(Clone)]
#[must_use = "methods return a new value and leave this one as it is"]
pub struct Encoding {
    kind: Kind,
    /// The space that was encoded last, prepared: a search asks for the same space again and again.
    known: Arc<Mutex<Option<Known>>>,
}

#[derive(Clone)]
enum Kind {
    OneHot,
    Adjacency,
    Path {
        first: Option<usize>,
    },
    Graf,
    Custom {
        name: String,
        of: Arc<Custom>,
    },
    /// One number with a name.
    Column {
        name: String,
        of: Arc<Column>,
    },
    /// Several, side by side.
    Joined(Vec<Encoding>),
    /// Asked for something impossible; reported when it is used.
    Broken {
        name: String,
        problem: String,
    },
}

type Known = (Space, Arc<Plan>);
type Custom = dyn Fn(&Architecture) -> Vec<f32> + Send + Sync;
type Column = dyn Fn(&Architecture) -> Result<f64> + Send + Sync;

/// An encoding of the architectures of one space.
enum Plan {
    OneHot(OneHot),
    Adjacency(Adjacency),
    Path(Paths),
    Graf(Graf),
}

/// Wider vectors than this are of no use to a surrogate, and would take the memory of a search.
const MOST_COLUMNS: usize = 100_000;

/// What to try where the path encoding has nothing to say.
fn other() -> &'static str {
    "Encoding::one_hot(), which takes any space, or Encoding::adjacency()"
}

impl Encoding {
    /// A block of columns for every choice, a 1 for the option that was taken. A choice that does not
    /// exist in an architecture, in a branch or a copy that was not taken, is 0 in all of its columns.
    pub fn one_hot() -> Encoding {
        Encoding::new(Kind::OneHot)
    }

    /// For every edge of a [`cell`](crate::cell) the one-hot operation on it; for a
    /// [`wired`](crate::wired) cell one column for every edge, and the one-hot operation of every
    /// vertex. Choices outside cells are one-hot, so it takes any space.
    pub fn adjacency() -> Encoding {
        Encoding::new(Kind::Adjacency)
    }

    /// A column for every sequence of operations that leads from the input of a cell to its output
    /// (BANANAS, arXiv 1910.11858), shorter ones first: 1 where the architecture has such a path. For
    /// spaces whose choices are all in cells.
    pub fn path() -> Encoding {
        Encoding::new(Kind::Path { first: None })
    }

    /// The path encoding with only the first `columns` of every cell, those of the shortest paths.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::on(&Dataset::digits()).then(presets::nas_bench_101(8, 1));
    /// assert_eq!(Encoding::path().width(&space)?, 1 + 3 + 9 + 27 + 81 + 243);
    /// assert_eq!(Encoding::path().truncated(40).width(&space)?, 40);
    /// # Ok::<(), nascent::Error>(())
    /// ```
    pub fn truncated(&self, columns: impl Count) -> Encoding {
        let name = format!("{self}, truncated({})", columns.to_i64());
        let broken = |problem: &str| Kind::Broken { name, problem: problem.to_string() };
        Encoding::new(match &self.kind {
            Kind::Path { .. } if columns.to_size() == 0 => {
                broken("at least one column is needed. Try truncated(40).")
            }
            Kind::Path { .. } => Kind::Path { first: Some(columns.to_size()) },
            Kind::Broken { .. } => return self.clone(),
            _ => broken("only paths have an order. Try Encoding::path().truncated(40)."),
        })
    }

    /// Neural graph features (GRAF, arXiv 2404.16551): for every cell how many operations of each kind there
    /// are, and for sets of operations the shortest path of these alone, the most of them on one path, and how
    /// many read the input, are read by the output, and are connected with each other on average. What no
    /// path from the input to the output goes through is left out first. Every column has a
    /// [name](Encoding::names) in words. A cell of NAS-Bench-201 takes a few microseconds.
    ///
    /// Where choices are outside of cells, the same features are those of the graph of layers, with
    /// the kinds of layers as operations; every setting that is chosen adds its mean over the layers of that
    /// kind. Decisions alone, as those of a [`Table`](crate::Table) without a space, have no graph: they get
    /// how often each option is taken among the decisions with the same number of options. Then many
    /// architectures have the same numbers; `Encoding::graf().and(&Encoding::one_hot())` tells them apart.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::on(&Dataset::digits()).then(presets::nas_bench_201(4, 1));
    /// // Edges 0-1, 0-2, 1-2, 0-3, 1-3, 2-3: none is 0, skip is 1, conv 3x3 is 3.
    /// let arch = space.decode([0, 3, 0, 1, 0, 3])?;
    /// let graf = Encoding::graf();
    /// let (x, names) = (graf.of(&arch)?, graf.names(&space)?);
    /// let feature = |name: &str| names.iter().position(|n| n == name).map(|i| x[i]);
    /// assert_eq!(feature("cell: number of nor_conv_3x3"), Some(2.0));
    /// assert_eq!(feature("cell: shortest path of nor_conv_3x3 alone"), Some(2.0));
    /// assert_eq!(feature("cell: shortest path of any operation alone"), Some(1.0));
    /// assert_eq!(feature("cell: edges without effect"), Some(3.0));
    /// # Ok::<(), nascent::Error>(())
    /// ```
    pub fn graf() -> Encoding {
        Encoding::new(Kind::Graf)
    }

    /// The columns of this encoding, and behind them those of another one.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::on(&Dataset::digits()).then(presets::nas_bench_201(4, 1));
    /// let both = Encoding::graf().and(&Encoding::one_hot());
    /// assert_eq!(both.width(&space)?, 95 + 30);
    /// assert_eq!(both.to_string(), "GRAF and one-hot encoding");
    /// # Ok::<(), nascent::Error>(())
    /// ```
    pub fn and(&self, other: &Encoding) -> Encoding {
        let parts = |e: &Encoding| match &e.kind {
            Kind::Joined(parts) => parts.clone(),
            _ => vec![e.clone()],
        };
        Encoding::new(Kind::Joined([parts(self), parts(other)].concat()))
    }

    /// One number of this name.
    pub(crate) fn column(
        name: &str,
        of: impl Fn(&Architecture) -> Result<f64> + Send + Sync + 'static,
    ) -> Encoding {
        Encoding::new(Kind::Column { name: name.to_string(), of: Arc::new(of) })
    }

    /// An encoding of your own, or features that were learned elsewhere.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let size = Encoding::custom("size", |arch| vec![(arch.params() as f32).ln()]);
    /// let space = Space::new([8], Task::classification(2)).then(linear(any([4, 8])));
    /// assert_eq!(size.of(&space.decode([1])?)?, [90f32.ln()]);
    /// assert_eq!(size.names(&space)?, ["size[0]"]);
    /// # Ok::<(), nascent::Error>(())
    /// ```
    pub fn custom(
        name: &str,
        of: impl Fn(&Architecture) -> Vec<f32> + Send + Sync + 'static,
    ) -> Encoding {
        Encoding::new(Kind::Custom { name: name.to_string(), of: Arc::new(of) })
    }

    fn new(kind: Kind) -> Encoding {
        Encoding { kind, known: Arc::default() }
    }

    /// The vector of an architecture, [`width`](Encoding::width) numbers.
    ///
    /// # Errors
    /// When the encoding does not fit the space; it says which one does. For an encoding of your own,
    /// when a number is not finite. For graph features of layers outside of cells, when they do not fit
    /// together; for a proxy, when it cannot score the architecture.
    pub fn of(&self, arch: &Architecture) -> Result<Vec<f32>> {
        let own = match &self.kind {
            Kind::Custom { of, .. } => Some(of(arch)),
            Kind::Column { of, .. } => Some(vec![of(arch)? as f32]),
            Kind::Joined(parts) => {
                let all = parts.iter().map(|part| part.of(arch)).collect::<Result<Vec<_>>>()?;
                return Ok(all.concat());
            }
            _ => None,
        };
        if let Some(x) = own {
            return match x.iter().position(|v| !v.is_finite()) {
                None => Ok(x),
                Some(i) => Err(Error::invalid(
                    format!("{self} of {arch}"),
                    format!("column {i} is {}, but only finite numbers are allowed", x[i]),
                    "0.0 where there is nothing to say",
                )),
            };
        }
        let plan = self.plan(arch.of_space())?;
        let mut x = Vec::with_capacity(plan.width());
        match &*plan {
            Plan::OneHot(one_hot) => one_hot.encode(arch.decided(), &mut x),
            Plan::Adjacency(adjacency) => adjacency.encode(arch.decided(), &mut x),
            Plan::Path(paths) => paths.encode(arch.decided(), &mut x),
            Plan::Graf(graf) => graf.encode(arch, &mut x)?,
        }
        Ok(x)
    }

    /// The vectors of several architectures, one row each.
    ///
    /// # Errors
    /// As [`Encoding::of`], and when the rows differ in width, as those of different spaces may.
    pub fn all(&self, archs: &[Architecture]) -> Result<Vec<Vec<f32>>> {
        let rows = archs.iter().map(|arch| self.of(arch)).collect::<Result<Vec<_>>>()?;
        match rows.windows(2).position(|pair| pair[0].len() != pair[1].len()) {
            None => Ok(rows),
            Some(i) => Err(Error::invalid(
                format!("{self} of {} and {}", archs[i], archs[i + 1]),
                format!("{} columns and {}", rows[i].len(), rows[i + 1].len()),
                "architectures of one space",
            )),
        }
    }

    /// The number of columns for a space.
    ///
    /// # Errors
    /// When the space has problems, or the encoding does not fit it or is wider than 100,000 columns.
    pub fn width(&self, space: &Space) -> Result<usize> {
        match self.kind {
            Kind::Custom { .. } => Ok(self.of(&space.default_architecture()?)?.len()),
            Kind::Column { .. } => Ok(1),
            Kind::Joined(ref parts) => parts.iter().map(|part| part.width(space)).sum(),
            _ => self.plan(space).map(|plan| plan.width()),
        }
    }

    /// What every column stands for, such as `cell.0-1=skip` or `cell: skip > conv(same, 3)`.
    ///
    /// # Errors
    /// As [`Encoding::width`].
    pub fn names(&self, space: &Space) -> Result<Vec<String>> {
        match &self.kind {
            Kind::Custom { name, .. } => {
                return Ok((0..self.width(space)?).map(|i| format!("{name}[{i}]")).collect());
            }
            Kind::Column { name, .. } => return Ok(vec![name.clone()]),
            Kind::Joined(parts) => {
                let all = parts.iter().map(|part| part.names(space)).collect::<Result<Vec<_>>>()?;
                return Ok(all.concat());
            }
            _ => {}
        }
        Ok(match &*self.plan(space)? {
            Plan::OneHot(one_hot) => one_hot.names(),
            Plan::Adjacency(adjacency) => adjacency.names(),
            Plan::Path(paths) => paths.names(),
            Plan::Graf(graf) => graf.names(),
        })
    }

    fn plan(&self, space: &Space) -> Result<Arc<Plan>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, plan)) = &*known
            && of == space
        {
            return Ok(plan.clone());
        }
        space.check()?;
        let plan = match &self.kind {
            Kind::Path { first } => Plan::Path(Paths::of(space, *first)?),
            Kind::Adjacency => Plan::Adjacency(Adjacency::of(space)),
            Kind::Graf => Plan::Graf(Graf::of(space)),
            Kind::OneHot | Kind::Custom { .. } | Kind::Column { .. } | Kind::Joined(_) => {
                Plan::OneHot(OneHot::of(space))
            }
            Kind::Broken { name, problem } => {
                return Err(Error::new(ErrorKind::Invalid, format!("{name}: {problem}")));
            }
        };
        if plan.width() > MOST_COLUMNS {
            return Err(Error::invalid(
                format!("{self} of this space, {} columns", plan.width()),
                format!("at most {MOST_COLUMNS} are allowed"),
                "a smaller repeat(...), or Encoding::custom(\"mine\", |arch| ...)",
            ));
        }
        let plan = Arc::new(plan);
        *known = Some((space.clone(), plan.clone()));
        Ok(plan)
    }
}

impl Plan {
    fn width(&self) -> usize {
        match self {
            Plan::OneHot(one_hot) => one_hot.width(),
            Plan::Adjacency(adjacency) => adjacency.width,
            Plan::Path(paths) => paths.width,
            Plan::Graf(graf) => graf.width,
        }
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::OneHot => f.write_str("one-hot encoding"),
            Kind::Adjacency => f.write_str("adjacency encoding"),
            Kind::Path { first: None } => f.write_str("path encoding"),
            Kind::Path { first: Some(n) } => write!(f, "path encoding, the first {n} columns"),
            Kind::Graf => f.write_str("GRAF"),
            Kind::Joined(parts) => {
                let names: Vec<String> = parts.iter().map(Encoding::to_string).collect();
                f.write_str(&names.join(" and "))
            }
            Kind::Custom { name, .. } | Kind::Column { name, .. } | Kind::Broken { name, .. } => {
                f.write_str(name)
            }
        }
    }
}
