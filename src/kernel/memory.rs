//! Keeps freed memory for the next step instead of giving it back to the system.
//!
//! Every tensor of a training step is a fresh allocation of the same few sizes. glibc returns large
//! blocks to the kernel as soon as they are free, and fetching them again means one page fault for
//! every 4 KiB: measured, 1.5 to 10 times the cost of the arithmetic. Two settings stop that; other
//! allocators are left alone.

/// Asks the allocator to hold on to freed memory, up to 1 GiB, for the whole process. Idempotent.
pub(crate) fn keep_memory() {
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
