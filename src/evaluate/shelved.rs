//! What a shelf keeps, and by what it is found.

use std::any::Any;

/// What can be put away.
pub(crate) trait Shelved: Any + Send + Sync + Sized {
    /// Whether it stays there when it is used: weights, which several trials may begin with.
    const STAYS: bool;
    /// How the names of its files end.
    const ENDING: &str;
    /// The bytes that it takes in memory.
    fn size(&self) -> usize;
    fn to_bytes(&self) -> Vec<u8>;
    /// `None` if they are not such bytes.
    fn from_bytes(bytes: &[u8]) -> Option<Self>;
}

/// Of which training something is: of an architecture from a seed, after so many epochs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key<'a> {
    pub(crate) decisions: &'a [u32],
    pub(crate) seed: u64,
    pub(crate) epoch: usize,
}
