//! Threads within one operation, for a large network that trains alone.
//!
//! Trials side by side, on one core each, make better use of the cores, so the default is one thread. If
//! more are allowed, operations with enough work divide it at points that do not depend on the number of
//! threads, and sums are added in the same order, so that the results are the same bit for bit.

use crate::error::Result;
use crate::threads::pool;
use rayon::ThreadPool;
use std::cell::RefCell;
use std::sync::Arc;

/// With fewer multiply-adds a thread costs more than it saves: waking it and waiting for it takes some
/// tens of microseconds.
const WORTH: usize = 4_000_000;

/// The threads of one training: the calling one, and a pool of others.
#[derive(Clone, Debug)]
pub(crate) struct Threads(Option<Arc<ThreadPool>>);

thread_local! {
    static ALLOWED: RefCell<Threads> = const { RefCell::new(Threads(None)) };
}

impl Threads {
    /// This many, including the calling one.
    pub(crate) fn new(threads: usize) -> Result<Threads> {
        let others = threads.saturating_sub(1);
        Ok(Threads(if others > 0 { Some(Arc::new(pool(others, "kernel")?)) } else { None }))
    }

    /// Runs `f`, whose operations may use them.
    pub(crate) fn run<T>(&self, f: impl FnOnce() -> T) -> T {
        struct Restore(Threads);
        impl Drop for Restore {
            fn drop(&mut self) {
                ALLOWED.replace(self.0.clone());
            }
        }
        let _restore = Restore(ALLOWED.replace(self.clone()));
        f()
    }
}

/// The number of threads to use for this many multiply-adds.
pub(super) fn for_work(macs: usize) -> usize {
    let others = |pool: &Arc<ThreadPool>| pool.current_num_threads();
    let allowed = ALLOWED.with_borrow(|threads| 1 + threads.0.as_ref().map_or(0, others));
    allowed.min(macs / WORTH).max(1)
}

/// Does the parts in parallel, the first one on this thread.
pub(super) fn each<P: Send>(mut parts: impl Iterator<Item = P>, work: impl Fn(P) + Sync) {
    let Some(first) = parts.next() else { return };
    let Threads(Some(pool)) = ALLOWED.with_borrow(Threads::clone) else {
        work(first);
        return parts.for_each(work);
    };
    let work = &work;
    pool.in_place_scope(|scope| {
        for part in parts {
            scope.spawn(move |_| work(part));
        }
        work(first);
    });
}
