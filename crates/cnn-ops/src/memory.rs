//! The allocator's policy for large buffers.
#![allow(unsafe_code)]

/// Asks the C library to keep freed memory for the next tensor instead of giving it back to the
/// system at once; returns whether it agreed.
///
/// Every candle operator allocates its result. By default glibc maps each large buffer anew, and
/// the system clears it page by page, which can take longer than the operator itself. Call this
/// once, early, in a program that trains. The process then keeps the largest amount of memory it
/// has needed. Does nothing and returns `false` where the C library is not glibc.
///
/// # Examples
///
/// ```
/// let kept = cnn_ops::keep_freed_memory();
/// assert_eq!(kept, cfg!(all(target_os = "linux", target_env = "gnu")));
/// ```
pub fn keep_freed_memory() -> bool {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        use std::ffi::c_int;

        unsafe extern "C" {
            fn mallopt(parameter: c_int, value: c_int) -> c_int;
        }
        const TRIM_THRESHOLD: c_int = -1;
        const MMAP_MAX: c_int = -4;
        // SAFETY: glibc's `mallopt` takes two integers, may be called at any time and locks its
        // own state; the numbers are those of its <malloc.h>.
        unsafe { mallopt(TRIM_THRESHOLD, -1) == 1 && mallopt(MMAP_MAX, 0) == 1 }
    }
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    false
}
