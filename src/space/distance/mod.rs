//! How far apart two architectures are: by their decisions, their layers, or their graphs.

mod edit;
mod hamming;
mod hungarian;
mod weisfeiler_lehman;

use crate::count::Count;
use crate::error::Result;
use crate::graph::{Sequence, check_iterations};
use crate::space::Architecture;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A distance between architectures, for kernels, neighbourhoods and diversity: 0 or more, the same
/// both ways, and 0 between an architecture and itself.
///
/// ```
/// use nascent::prelude::*;
/// let space = Space::on(&Dataset::digits()).then(presets::nas_bench_201(4, 1));
/// let (a, b) = (space.decode([3, 3, 3, 3, 3, 3])?, space.decode([3, 3, 3, 3, 0, 1])?);
/// assert_eq!(Distance::hamming().between(&a, &b)?, 2.0);
/// // The cell has ReLU and convolution two times fewer, and different connections.
/// assert!(Distance::edit().between(&a, &b)? > 4.0);
/// // From 0, the same, to the square root of 2, nothing in common.
/// let d = Distance::weisfeiler_lehman(2).between(&a, &b)?;
/// assert!(0.0 < d && d < 2f64.sqrt());
/// # Ok::<(), nascent::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[must_use = "methods return a new value and leave this one as it is"]
pub struct Distance(Kind);

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Hamming,
    Edit,
    WeisfeilerLehman(i64),
}

impl Distance {
    /// The number of decisions that differ; a choice that only one of the two has, in a branch or
    /// a copy that the other has not taken, counts as one. It is a metric, and for architectures of
    /// one space.
    pub fn hamming() -> Distance {
        Distance(Kind::Hamming)
    }

    /// What it takes to make one network from the other: layers that are added, removed or changed,
    /// and skip connections that are moved (Auto-Keras, arXiv 1806.10282). Where shared cells alone
    /// decide the networks, only the cells are compared, each once; networks of different spaces are
    /// compared as a whole.
    pub fn edit() -> Distance {
        Distance(Kind::Edit)
    }

    /// How different the operations and their surroundings of up to `iterations` steps are (NAS-BOWL,
    /// arXiv 2006.07556): `sqrt(2 - 2 k)` for the kernel `k`, the normalised dot product of
    /// [`Architecture::wl_features`]. That is the length of the difference of the two normalised
    /// vectors, so the triangle inequality holds, which it does not for `1 - k`. Isomorphic
    /// networks have distance 0. Networks of different spaces are compared as a whole.
    pub fn weisfeiler_lehman(iterations: impl Count) -> Distance {
        Distance(Kind::WeisfeilerLehman(iterations.to_i64()))
    }

    /// The distance between two architectures.
    ///
    /// # Errors
    /// For the Hamming distance, when they are of spaces with different choices. For the others, when
    /// the layers of one do not fit together, or its space consists of decisions alone.
    pub fn between(&self, a: &Architecture, b: &Architecture) -> Result<f64> {
        let same = hamming::same_choices(a, b);
        Ok(match self.0 {
            Kind::Hamming if same => hamming::distance(a, b) as f64,
            Kind::Hamming => return Err(hamming::apart(a, b)),
            _ => self.prepare(a, !same)?.distance(&self.prepare(b, !same)?),
        })
    }

    /// The distances between all of them: a symmetric matrix, row by row.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// let space = Space::new([8], Task::classification(2)).then(linear(any([4, 8]))).then(linear(any([4, 8])));
    /// let all: Vec<Architecture> = space.enumerate().collect();
    /// assert_eq!(Distance::hamming().all(&all)?[0], [0.0, 1.0, 1.0, 2.0]);
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Distance::between`].
    pub fn all(&self, archs: &[Architecture]) -> Result<Vec<Vec<f64>>> {
        let first = archs.first();
        let other = archs.iter().find(|b| first.is_some_and(|a| !hamming::same_choices(a, b)));
        if let (Kind::Hamming, Some(a), Some(b)) = (self.0, first, other) {
            return Err(hamming::apart(a, b));
        }
        let whole = other.is_some();
        let ready =
            archs.iter().map(|arch| self.prepare(arch, whole)).collect::<Result<Vec<_>>>()?;
        let mut matrix = vec![vec![0.0; archs.len()]; archs.len()];
        for (i, a) in ready.iter().enumerate() {
            for (j, b) in ready.iter().enumerate().skip(i + 1) {
                let distance = a.distance(b);
                (matrix[i][j], matrix[j][i]) = (distance, distance);
            }
        }
        Ok(matrix)
    }

    /// The features of an architecture that are compared.
    ///
    /// # Errors
    /// When there are none, or too many skip connections for the edit distance.
    pub(crate) fn prepare(&self, arch: &Architecture, whole: bool) -> Result<Compared> {
        Ok(match self.0 {
            Kind::Hamming => Compared::Decisions(arch.clone()),
            Kind::Edit => Compared::Layers(edit::layers(arch, whole)?),
            Kind::WeisfeilerLehman(iterations) => {
                check_iterations(iterations)?;
                Compared::Features(arch.wl(iterations.to_size(), whole)?)
            }
        })
    }
}

/// The features of an architecture that a distance compares.
pub(crate) enum Compared {
    Decisions(Architecture),
    Layers(Vec<Sequence>),
    Features(Vec<(u64, usize)>),
}

impl Compared {
    /// The distance to another one that was prepared in the same way.
    pub(crate) fn distance(&self, other: &Compared) -> f64 {
        match (self, other) {
            (Compared::Decisions(a), Compared::Decisions(b)) => hamming::distance(a, b) as f64,
            (Compared::Layers(a), Compared::Layers(b)) => edit::distance(a, b),
            (Compared::Features(a), Compared::Features(b)) => weisfeiler_lehman::distance(a, b),
            // All are prepared in the same way.
            _ => f64::NAN,
        }
    }
}

impl fmt::Display for Distance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Kind::Hamming => f.write_str("Hamming distance"),
            Kind::Edit => f.write_str("edit distance"),
            Kind::WeisfeilerLehman(1) => f.write_str("Weisfeiler-Lehman distance, 1 iteration"),
            Kind::WeisfeilerLehman(h) => write!(f, "Weisfeiler-Lehman distance, {h} iterations"),
        }
    }
}
