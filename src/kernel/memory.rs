//! What a process sets up once, before it trains: an allocator that keeps memory, and no shared threads.
//!
//! Every tensor of a training step is a new allocation of one of a few sizes. glibc returns large blocks
//! to the operating system as soon as they are free, and getting them back takes one page fault for every
//! 4 KiB: we measured 1.5 to 10 times the cost of the arithmetic. Two settings prevent that; other
//! allocators are left alone.
//!
//! Candle distributes elementwise operations of 64 K numbers or more over one pool of spinning threads
//! behind one lock. Trials that run side by side, on one core each, would wait for each other there, so
//! the pool is created with only the caller's thread.

use std::cell::Cell;
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Prepares the process; later calls do nothing. A user's own `CANDLE_NUM_THREADS` is respected.
pub(crate) fn prepare() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        keep_memory();
        const THREADS: &str = "CANDLE_NUM_THREADS";
        if std::env::var_os(THREADS).is_none() {
            // SAFETY: the standard library guards its own readers; only foreign code that reads the
            // environment at this very moment could see it change. The variable is removed again
            // immediately: Candle reads it only when it creates the pool.
            unsafe { std::env::set_var(THREADS, "1") };
            candle_core::utils::barrier_pool();
            unsafe { std::env::remove_var(THREADS) };
        }
    });
}

/// The memory that the allocator holds, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heap {
    /// In allocated blocks.
    pub(crate) in_use: usize,
    /// Freed, but kept for later allocations.
    pub(crate) spare: usize,
}

fn in_use() -> Option<usize> {
    heap().map(|heap| heap.in_use)
}

/// The memory that the allocator holds, if it can tell.
pub(crate) fn heap() -> Option<Heap> {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // `struct mallinfo2` of <malloc.h>: the eighth number counts the bytes in use, the fifth
        // those in blocks of their own, the ninth those that are free.
        type Mallinfo = unsafe extern "C" fn() -> [usize; 10];
        unsafe extern "C" {
            fn dlsym(
                handle: *mut std::ffi::c_void,
                name: *const std::ffi::c_char,
            ) -> *mut std::ffi::c_void;
        }
        // Looked up at run time, because glibc has it only since version 2.33.
        // SAFETY: a null handle searches the process; the name ends in a zero.
        let found = unsafe { dlsym(std::ptr::null_mut(), c"mallinfo2".as_ptr()) };
        if found.is_null() {
            return None;
        }
        // SAFETY: the symbol of that name has that type: ten numbers come back through memory,
        // a struct or an array alike.
        let info = unsafe { std::mem::transmute::<*mut std::ffi::c_void, Mallinfo>(found)() };
        Some(Heap { in_use: info[7] + info[4], spare: info[8] })
    }
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    None
}

/// The number of training steps that have begun so far.
static BEGUN: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// The most bytes in use since the thread began to measure; 0 while it does not.
    static MOST: Cell<usize> = const { Cell::new(0) };
}

/// Measures the peak memory of a training, from before its weights are made to the end of its first step.
/// This works only while nothing else trains, because the allocator counts for the whole process.
#[derive(Debug)]
pub(crate) struct Gauge {
    before: Option<usize>,
    begun: usize,
}

impl Gauge {
    pub(crate) fn new() -> Gauge {
        Gauge { before: in_use(), begun: BEGUN.load(Ordering::Relaxed) }
    }

    /// Runs the step; the bytes are known if no other step has begun since the gauge was made.
    pub(crate) fn measure<T>(&self, step: impl FnOnce() -> T) -> (T, Option<usize>) {
        let mine = BEGUN.fetch_add(1, Ordering::Relaxed);
        MOST.set(1);
        let result = step();
        look();
        let most = MOST.replace(0);
        let alone = mine == self.begun && BEGUN.load(Ordering::Relaxed) == mine + 1;
        (result, self.before.filter(|_| alone).map(|before| most.saturating_sub(before)))
    }
}

/// Announces a step that is not measured, so that a gauge on another thread knows that it is not alone.
pub(crate) fn step_begins() {
    BEGUN.fetch_add(1, Ordering::Relaxed);
}

/// Reads the memory in use if this thread measures; called whenever a kernel has made a tensor.
#[inline]
pub(super) fn look() {
    let most = MOST.get();
    if most > 0 {
        MOST.set(most.max(in_use().unwrap_or(0)));
    }
}

/// Asks the allocator to keep freed memory, up to 1 GiB, for the whole process.
fn keep_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // From <malloc.h>.
        const M_TRIM_THRESHOLD: std::ffi::c_int = -1;
        const M_MMAP_THRESHOLD: std::ffi::c_int = -3;
        unsafe extern "C" {
            fn mallopt(param: std::ffi::c_int, value: std::ffi::c_int) -> std::ffi::c_int;
        }
        // SAFETY: glibc's mallopt takes the allocator's lock and only changes two numbers. If it refuses,
        // only speed is lost.
        unsafe {
            mallopt(M_TRIM_THRESHOLD, 1 << 30);
            // The largest that glibc accepts.
            mallopt(M_MMAP_THRESHOLD, 32 << 20);
        }
    }
}
