//! A vote of several proxies: the mean of their ranks.
//!
//! Abdelfattah, Mehrotra, Dudziak, Lane: "Zero-Cost Proxies for Lightweight NAS", arXiv 2101.08134, section 3.2: of two
//! architectures the one wins that most of synflow, jacob_cov and snip prefer. For a list of them, this is Borda's
//! count: with the rank r_p(a) of architecture a by proxy p, from 1 for the worst,
//!
//! ```text
//! S(a) = 1/P sum_p r_p(a)
//! ```
//!
//! Where we differ: a majority of pairs can run in a circle, and a mean of ranks cannot. Equal scores share the mean of
//! their ranks.

use super::{Proxy, screen};
use crate::count::Count;
use crate::error::{Error, Result};
use crate::interrupt;
use crate::rng::Rng;
use crate::space::{Architecture, Space};
use crate::words::plural;
use std::borrow::Borrow;
use std::fmt;

/// Several proxies that vote: each ranks a list of architectures, and the mean of the ranks decides.
///
/// ```
/// use nascent::prelude::*;
/// let space = Space::on(&Dataset::digits()).then(presets::nas_bench_201(4, 1));
/// let archs = [space.decode([0; 6])?, space.decode([3; 6])?, space.decode([3, 1, 3, 1, 3, 3])?];
/// let ranks = Vote::of([Proxy::params(), Proxy::synflow()]).ranks(&archs)?;
/// assert_eq!(ranks, [1.0, 3.0, 2.0]);
/// # Ok::<(), nascent::Error>(())
/// ```
#[derive(Clone)]
#[must_use = "methods return a new value and leave this one as it is"]
pub struct Vote {
    proxies: Vec<Proxy>,
}

impl Vote {
    /// Of these proxies, each with its settings.
    pub fn of<P: Borrow<Proxy>>(proxies: impl IntoIterator<Item = P>) -> Vote {
        Vote { proxies: proxies.into_iter().map(|p| p.borrow().clone()).collect() }
    }

    /// Of synflow, jacob_cov and snip, as in the paper.
    pub fn standard() -> Vote {
        Vote::of([Proxy::synflow(), Proxy::jacob_cov(), Proxy::snip()])
    }

    /// The proxies.
    pub fn proxies(&self) -> Vec<Proxy> {
        self.proxies.clone()
    }

    /// The mean rank of each architecture among them, from 1 for the worst to their number for the best.
    ///
    /// # Errors
    /// When there are no proxies, or one cannot score one of the architectures.
    pub fn ranks(&self, architectures: impl AsRef<[Architecture]>) -> Result<Vec<f64>> {
        let all = architectures.as_ref();
        self.check()?;
        let of = |proxy: &Proxy| {
            let score = |a: &Architecture| interrupt::check().and_then(|()| proxy.score(a));
            all.iter().map(score).collect::<Result<Vec<f64>>>()
        };
        let what = || format!("the vote on {}", plural(all.len(), "architecture"));
        let lists = || self.proxies.iter().map(of).collect::<Result<Vec<_>>>();
        Vote::mean_ranks(interrupt::stoppable(what, lists)?)
    }

    /// The mean rank of each architecture, from scores that are there already: a list for each voter, in which more
    /// is better.
    ///
    /// ```
    /// use nascent::prelude::*;
    /// assert_eq!(Vote::mean_ranks([[0.1, 0.2, 0.3], [5.0, 9.0, 5.0]])?, [1.25, 2.5, 2.25]);
    /// # Ok::<(), nascent::Error>(())
    /// ```
    ///
    /// # Errors
    /// When there is no list, or they differ in length.
    pub fn mean_ranks<S: AsRef<[f64]>>(scores: impl AsRef<[S]>) -> Result<Vec<f64>> {
        let lists: Vec<&[f64]> = scores.as_ref().iter().map(AsRef::as_ref).collect();
        let n = lists.first().map_or(0, |list| list.len());
        if lists.is_empty() || lists.iter().any(|list| list.len() != n) {
            let lengths: Vec<usize> = lists.iter().map(|list| list.len()).collect();
            return Err(Error::invalid(
                format!("a vote by lists of {lengths:?} scores"),
                "there has to be one, and all are about the same architectures",
                "Vote::standard().ranks(&architectures)",
            ));
        }
        let mut sums = vec![0.0; n];
        for list in &lists {
            sums.iter_mut().zip(ranks(list)).for_each(|(sum, rank)| *sum += rank);
        }
        Ok(sums.iter().map(|sum| sum / lists.len() as f64).collect())
    }

    /// The `k` best of `n` architectures that are drawn at random, the best first; as [`Proxy::best_of`].
    ///
    /// # Errors
    /// As [`Proxy::best_of`].
    pub fn best_of(
        &self,
        space: &Space,
        n: impl Count,
        k: impl Count,
        seed: impl Count,
    ) -> Result<Vec<Architecture>> {
        let (n, k) = (n.to_i64(), k.to_i64());
        self.check()?;
        let of_all = |arch: &Architecture| -> Result<Vec<f64>> {
            self.proxies.iter().map(|p| p.score(arch)).collect()
        };
        let found = screen::scored(space, (n, k), &mut Rng::new(seed), of_all)?;
        let scores_of =
            |p: usize| -> Vec<f64> { found.iter().map(|(scores, _)| scores[p]).collect() };
        let ranks = Vote::mean_ranks((0..self.proxies.len()).map(scores_of).collect::<Vec<_>>())?;
        let ranked = ranks.into_iter().zip(found.into_iter().map(|(_, arch)| arch));
        Ok(screen::best(ranked.collect(), k))
    }

    fn check(&self) -> Result<()> {
        match self.proxies.is_empty() {
            true => {
                Err(Error::invalid("a vote of no proxies", "one has to vote", "Vote::standard()"))
            }
            false => Ok(()),
        }
    }
}

/// The rank of each number, from 1 for the least; equal ones share the mean of theirs.
fn ranks(numbers: &[f64]) -> Vec<f64> {
    let rank = |x: &f64| {
        let less = numbers.iter().filter(|y| *y < x).count();
        let equal = numbers.iter().filter(|y| *y == x).count();
        less as f64 + (equal + 1) as f64 / 2.0
    };
    numbers.iter().map(rank).collect()
}

impl fmt::Display for Vote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.proxies.iter().map(Proxy::name).collect();
        write!(f, "vote of {}", names.join(", "))
    }
}

crate::draw::debug_as_display!(Vote);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_numbers_share_a_rank() {
        assert_eq!(ranks(&[3.0, 1.0, 3.0, 2.0]), [3.5, 1.0, 3.5, 2.0]);
        assert_eq!(ranks(&[]), [0.0; 0]);
    }
}
