//! Threads inside one operation, for a large network that trains alone.
//!
//! Trials side by side, one core each, are the better use of cores, so the default is one thread.
//! Where more are allowed, operations with enough work cut it at places that do not depend on their
//! number, and sums are added in the same order: the bits stay the same.

use std::cell::Cell;

/// Below this many multiply-adds a thread costs more than it brings: starting one takes some tens of
/// microseconds.
const WORTH: usize = 4_000_000;

thread_local! {
    static ALLOWED: Cell<usize> = const { Cell::new(1) };
}

/// Runs `f`, whose operations may use so many threads.
pub(crate) fn with_threads<T>(threads: usize, f: impl FnOnce() -> T) -> T {
    let outer = ALLOWED.replace(threads.max(1));
    let result = f();
    ALLOWED.set(outer);
    result
}

/// How many threads to use for so many multiply-adds.
pub(super) fn for_work(macs: usize) -> usize {
    ALLOWED.get().min(macs / WORTH).max(1)
}

/// Does the parts at the same time, the first one on this thread.
pub(super) fn each<P: Send>(mut parts: impl Iterator<Item = P>, work: impl Fn(P) + Sync) {
    let Some(first) = parts.next() else { return };
    let rest: Vec<P> = parts.collect();
    if rest.is_empty() {
        return work(first);
    }
    let work = &work;
    std::thread::scope(|scope| {
        for part in rest {
            scope.spawn(move || work(part));
        }
        work(first);
    });
}
