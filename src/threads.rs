//! Work on several threads: rayon, in pools that belong to their creator and end with it.
//!
//! This crate runs nothing in rayon's global pool, so a user's own work there neither waits for ours nor
//! holds it up. A thread that is already one of several, as in a comparison or a study with several jobs,
//! does its work alone, so that no core is given out twice. Work is always divided at the same places, and
//! its parts are put together in order, so no result depends on the number of threads.

use crate::error::{Error, Result};
use crate::interrupt;
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::cell::Cell;

/// The stack of a thread, in bytes: the backward pass of a deep network is recursive.
pub(crate) const STACK: usize = 16 << 20;

/// The most threads that are started side by side.
pub(crate) const MOST_THREADS: usize = 256;

thread_local! {
    /// How many threads this one may start for work of its own; 0 stands for one per core.
    static SHARE: Cell<usize> = const { Cell::new(0) };
}

/// The cores of this machine that this process may use.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Runs `f`, which may use this many threads.
pub(crate) fn with_share<T>(threads: usize, f: impl FnOnce() -> T) -> T {
    struct Restore(usize);
    impl Drop for Restore {
        fn drop(&mut self) {
            SHARE.set(self.0);
        }
    }
    // A callee has no more threads than its caller.
    let outer = SHARE.get();
    let _restore = Restore(SHARE.replace(match outer {
        0 => threads.max(1),
        most => threads.clamp(1, most),
    }));
    f()
}

/// A pool of this many threads, each of which does its own work alone.
pub(crate) fn pool(threads: usize, name: &'static str) -> Result<ThreadPool> {
    let pool = ThreadPoolBuilder::new()
        .num_threads(threads)
        .stack_size(STACK)
        .thread_name(move |_| name.to_string())
        .start_handler(|_| SHARE.set(1));
    pool.build().map_err(|e| {
        Error::from(std::io::Error::other(e)).context(format!("starting {threads} threads"))
    })
}

/// The results of `work` for 0 to n - 1, in order. A thread is started only if it gets at least `least` of
/// them: for less than about half a millisecond of work, it costs more than it saves.
pub(crate) fn map<R: Send>(n: usize, least: usize, work: impl Fn(usize) -> R + Sync) -> Vec<R> {
    let share = match SHARE.get() {
        0 => cores(),
        threads => threads,
    };
    let threads = share.min(n / least.max(1)).min(MOST_THREADS);
    let pool = if threads > 1 { pool(threads, "part").ok() } else { None };
    match pool {
        Some(pool) => {
            // What stops the caller stops its parts.
            let part = interrupt::carried(&work);
            pool.install(|| (0..n).into_par_iter().map(part).collect())
        }
        None => (0..n).map(work).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::thread::{ThreadId, current};

    /// The threads at work, and the share of each.
    fn at_work(n: usize, least: usize) -> (HashSet<ThreadId>, HashSet<usize>) {
        let found = map(n, least, |i| (i, current().id(), SHARE.get()));
        assert!(found.iter().enumerate().all(|(i, (at, ..))| i == *at));
        (found.iter().map(|f| f.1).collect(), found.iter().map(|f| f.2).collect())
    }

    #[test]
    fn work_is_spread_once() {
        let here = HashSet::from([current().id()]);
        assert_eq!(at_work(100, 60), (here.clone(), HashSet::from([0])));
        with_share(3, || {
            let (threads, shares) = at_work(1000, 1);
            assert!((1..=3).contains(&threads.len()) && !threads.contains(&current().id()));
            assert_eq!(shares, HashSet::from([1]));
            // Not more than the caller has.
            with_share(8, || assert_eq!(SHARE.get(), 3));
            with_share(0, || assert_eq!(at_work(1000, 1), (here, HashSet::from([1]))));
        });
        let inner = pool(2, "test").unwrap().install(|| at_work(1000, 1).0.len());
        assert_eq!(inner, 1);
        assert!(std::panic::catch_unwind(|| with_share(2, || panic!("over"))).is_err());
        assert_eq!(SHARE.get(), 0);
    }

    #[test]
    fn a_panic_in_a_part_is_the_callers() {
        let work = || with_share(2, || map(10, 1, |i| assert!(i != 7, "number {i}")));
        let panic = std::panic::catch_unwind(work).unwrap_err();
        assert_eq!(panic.downcast_ref::<String>().unwrap(), "number 7");
    }
}
