//! What a process needs once, before it trains: memory that is kept, and threads that are not
//! shared.
//!
//! Every tensor of a training step is a fresh allocation of the same few sizes. glibc returns large
//! blocks to the kernel as soon as they are free, and fetching them again means one page fault for
//! every 4 KiB: measured, 1.5 to 10 times the cost of the arithmetic. Two settings stop that; other
//! allocators are left alone.
//!
//! Candle spreads elementwise operations of 64 K numbers or more over one pool of spinning threads
//! behind one lock. Trials that run side by side, one core each, would wait for each other there,
//! so the pool is made with no threads but the caller's.

use std::sync::Once;

/// Prepares the process; later calls do nothing. A user's own `CANDLE_NUM_THREADS` is respected.
pub(crate) fn prepare() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        keep_memory();
        const THREADS: &str = "CANDLE_NUM_THREADS";
        if std::env::var_os(THREADS).is_none() {
            // SAFETY: the standard library guards its own readers; only foreign code that reads
            // the environment at this very moment could see it change. It is set back at once:
            // Candle reads it when it makes the pool, and never again.
            unsafe { std::env::set_var(THREADS, "1") };
            candle_core::utils::barrier_pool();
            unsafe { std::env::remove_var(THREADS) };
        }
    });
}

/// Asks the allocator to hold on to freed memory, up to 1 GiB, for the whole process.
fn keep_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // From <malloc.h>.
        const M_TRIM_THRESHOLD: std::ffi::c_int = -1;
        const M_MMAP_THRESHOLD: std::ffi::c_int = -3;
        unsafe extern "C" {
            fn mallopt(param: std::ffi::c_int, value: std::ffi::c_int) -> std::ffi::c_int;
        }
        // SAFETY: glibc's mallopt takes the allocator's lock and only changes two numbers. It can
        // refuse, which costs nothing but the speed.
        unsafe {
            mallopt(M_TRIM_THRESHOLD, 1 << 30);
            // The largest that glibc accepts.
            mallopt(M_MMAP_THRESHOLD, 32 << 20);
        }
    }
}
