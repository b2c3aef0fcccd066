//! Random numbers that are part of the result: one ChaCha stream for each purpose.
//!
//! The seed of a study is the root of a tree: study -> trial -> {init, shuffle, dropout, ...}. Every
//! stream is named by its path, so it does not depend on which thread asks first, or on how much has been
//! drawn from another. The draws below are written out here, because a library may change its algorithm
//! between versions, and a journal must replay for years.

use crate::count::Count;
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A seeded stream of random numbers, the same on every machine and any number of threads.
///
/// ```
/// use nascent::Rng;
/// let (mut a, mut b) = (Rng::new(7), Rng::new(7));
/// assert_eq!(a.below(100), b.below(100));
/// let mut init = Rng::new(7).stream("init", 3);
/// assert!(init.uniform() < 1.0);
/// ```
#[derive(Clone, Debug)]
pub struct Rng {
    seed: u64,
    chacha: ChaCha8Rng,
}

impl Rng {
    /// The stream of a seed.
    pub fn new(seed: impl Count) -> Self {
        Self::from_u64(seed.to_seed())
    }

    pub(crate) fn from_u64(seed: u64) -> Self {
        Rng { seed, chacha: ChaCha8Rng::seed_from_u64(seed) }
    }

    /// A child stream, named by a purpose and a number: independent of what this one has drawn.
    #[must_use = "it returns a new stream and leaves this one as it is"]
    pub fn stream(&self, purpose: &str, number: impl Count) -> Rng {
        Self::from_u64(child(self.seed, purpose, number.to_seed()))
    }

    /// The next 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.chacha.next_u64()
    }

    /// A whole number from 0 up to, but not including, `n`; 0 when `n` is 0.
    pub fn below(&mut self, n: usize) -> usize {
        // Lemire's multiply-shift; its bias of at most n / 2^64 cannot be measured.
        ((u128::from(self.bits()) * n as u128) >> 64) as usize
    }

    /// A number from 0 up to, but not including, 1, with 53 random bits.
    pub fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A draw from the standard normal distribution (Box and Muller).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (2.0 * std::f64::consts::PI * self.uniform()).cos()
    }

    /// One of the items, all equally likely; `None` when there are none.
    pub fn pick<T: Clone>(&mut self, items: &[T]) -> Option<T> {
        items.get(self.below(items.len())).cloned()
    }

    /// Puts the items into a random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            let j = self.below(i + 1);
            items.swap(i, j);
        }
    }

    /// The numbers `0..n` in a random order.
    pub fn permutation(&mut self, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        self.shuffle(&mut order);
        order
    }
}

/// The same numbers for code that takes a generator of the `rand` family.
impl RngCore for Rng {
    fn next_u32(&mut self) -> u32 {
        self.chacha.next_u32()
    }
    fn next_u64(&mut self) -> u64 {
        self.chacha.next_u64()
    }
    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.chacha.fill_bytes(bytes);
    }
}

/// The seed of a child in the tree.
pub(crate) fn child(seed: u64, purpose: &str, number: u64) -> u64 {
    let mut h = Hash64::new();
    h.write(&seed.to_le_bytes());
    h.write(purpose.as_bytes());
    h.write(&number.to_le_bytes());
    h.finish()
}

/// FNV-1a with a final mix (splitmix64): small, and the same for ever. It is not cryptographic.
pub(crate) struct Hash64(u64);

/// The hash of bytes.
pub(crate) fn hash_of(bytes: &[u8]) -> u64 {
    let mut hash = Hash64::new();
    hash.write(bytes);
    hash.finish()
}

impl Hash64 {
    pub(crate) fn new() -> Self {
        Hash64(0xcbf2_9ce4_8422_2325)
    }
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        for b in bytes {
            self.0 = (self.0 ^ u64::from(*b)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        // A separator, so that ("ab", "c") and ("a", "bc") differ.
        self.0 = (self.0 ^ bytes.len() as u64).wrapping_mul(0x0000_0100_0000_01b3);
    }
    pub(crate) fn finish(&self) -> u64 {
        let mut z = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// One hash of two.
pub(crate) const fn mix(a: u64, b: u64) -> u64 {
    let mut v = (a.rotate_left(23) ^ b).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    v = (v ^ (v >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    v ^ (v >> 29)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_fixed_for_ever() {
        // If these change, old journals no longer replay.
        let mut rng = Rng::new(1);
        assert_eq!([rng.below(1000), rng.below(1000), rng.below(1000)], FIRST);
        assert_eq!(child(1, "trial", 0), CHILD);
    }
    const FIRST: [usize; 3] = [402, 80, 596];
    const CHILD: u64 = 1_689_148_249_224_832_393;

    #[test]
    fn moments_of_the_draws() {
        let mut rng = Rng::new(2);
        let n = 100_000;
        let mean = (0..n).map(|_| rng.uniform()).sum::<f64>() / n as f64;
        assert!((mean - 0.5).abs() < 0.005, "{mean}");
        let square = (0..n).map(|_| rng.normal().powi(2)).sum::<f64>() / n as f64;
        assert!((square - 1.0).abs() < 0.02, "{square}");
        let mut counts = [0; 7];
        (0..n).for_each(|_| counts[rng.below(7)] += 1);
        assert!(counts.iter().all(|&c| (c as f64 / n as f64 - 1.0 / 7.0).abs() < 0.005));
    }
}
