//! How the allocator gives memory back.

/// Keeps large allocations in mappings of their own, which go back to the system when they are freed, and lets threads
/// share two arenas. Left alone, glibc raises the limit to the largest allocation it has seen: after the first
/// password check (19 MiB) an idle Berth stayed 18 MiB larger.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(
    unsafe_code,
    reason = "mallopt has no safe binding; it takes two integers and is called before any thread runs"
)]
pub(crate) fn give_back_what_is_freed() {
    const LARGE: libc::c_int = 256 * 1024;
    // SAFETY: no pointers are involved. A refusal leaves the allocator as it was, which is only larger.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE);
        libc::mallopt(libc::M_ARENA_MAX, 2);
    }
}

/// Other allocators are left as they are.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn give_back_what_is_freed() {}
