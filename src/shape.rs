//! The shape of one sample, without the batch dimension.

use crate::count::Count;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The shape of one sample between two layers, without the batch dimension.
///
/// One dimension is a vector of features `[F]`, two are a sequence `[L, D]` of positions and
/// features, and three are an image `[C, H, W]`. Tokens are a sequence `[L]` of symbols of a
/// vocabulary, which an [`embedding`](crate::embedding) turns into `[L, D]`.
///
/// ```
/// use nascent::Shape;
/// assert_eq!(Shape::new([1, 8, 8]).to_string(), "1x8x8");
/// assert_eq!(Shape::tokens(12, 27).to_string(), "12 tokens of 27");
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[must_use = "methods return a new value and leave this one as it is"]
pub struct Shape {
    dims: Vec<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    vocabulary: Option<usize>,
    #[serde(default, skip_serializing_if = "is_false")]
    padded: bool,
}

fn is_false(b: &bool) -> bool {
    !b
}

impl Shape {
    /// A shape of numbers, such as `[1, 8, 8]`.
    pub fn new<T: Count>(dims: impl IntoIterator<Item = T>) -> Self {
        let dims = dims.into_iter().map(Count::to_size).collect();
        Shape { dims, vocabulary: None, padded: false }
    }

    /// A sequence of tokens.
    pub fn tokens(length: impl Count, vocabulary: impl Count) -> Self {
        let vocabulary = Some(vocabulary.to_size());
        Shape { dims: vec![length.to_size()], vocabulary, padded: false }
    }

    /// Tokens, some of which are padding: symbol 0 fills the places after the end of a sequence.
    ///
    /// A sequence ends with its last symbol that is not 0. Recurrent layers, [`last`](crate::last)
    /// and the global poolings over positions return the same result whatever the amount of padding.
    ///
    /// ```
    /// use nascent::Shape;
    /// assert!(Shape::tokens(12, 27).padded().is_padded());
    /// ```
    pub fn padded(&self) -> Self {
        Shape { padded: true, ..self.clone() }
    }

    /// Whether symbol 0 is padding.
    pub fn is_padded(&self) -> bool {
        self.padded
    }

    /// The dimensions.
    pub fn dims(&self) -> Vec<usize> {
        self.dims.clone()
    }

    /// The number of symbols, if this is a sequence of tokens.
    pub fn vocabulary(&self) -> Option<usize> {
        self.vocabulary
    }

    /// The number of values.
    pub fn elements(&self) -> usize {
        self.dims.iter().fold(1usize, |n, &d| n.saturating_mul(d))
    }

    /// The channels of an image, the features of a vector or of every position of a sequence.
    pub(crate) fn channels(&self) -> usize {
        let at = if self.dims.len() == 3 { self.dims.first() } else { self.dims.last() };
        at.copied().unwrap_or(1)
    }

    pub(crate) fn as_slice(&self) -> &[usize] {
        &self.dims
    }

    /// The dimensions after a batch of `n`.
    pub(crate) fn batch(&self, n: usize) -> Vec<usize> {
        std::iter::once(n).chain(self.dims.iter().copied()).collect()
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dims: Vec<String> = self.dims.iter().map(usize::to_string).collect();
        match self.vocabulary {
            Some(v) => {
                let padded = if self.padded { ", padded" } else { "" };
                write!(f, "{} tokens of {v}{padded}", dims.join("x"))
            }
            None => f.write_str(&dims.join("x")),
        }
    }
}
