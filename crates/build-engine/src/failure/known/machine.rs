//! Memory, processes, disk: what the build may use ran out.

use berth_model::FailureCode;
use berth_model::words::Bytes;

use super::Kind::{PassesOn, Reason};
use super::{Row, Seen, Set, Words};
use crate::failure::signal;

pub(super) const ROWS: &[Row] = &[
    (r"^(?:<--- .*)?FATAL ERROR: .*(?:JavaScript heap out of memory|Allocation failed)", Reason, heap),
    (
        r"(?:sh|bash|dash): (?:\d+: |line \d+: |fork: )?(?:[Cc]annot fork|can't fork|fork: retry: |retry: Resource)|^(?:Error: )?spawn \S+ EAGAIN|pthread_create: Resource temporarily unavailable",
        Reason,
        processes,
    ),
    (
        r"^(?:\[?Error: |npm warn tar TAR_ENTRY_ERROR )?ENOSPC: System limit for number of file watchers",
        Reason,
        watchers,
    ),
    (
        r"^(?:\[?Error: |error: |OSError: )?(?:ENOSPC: no space left on device|\[Errno 28\] No space left)|^npm (?:error|ERR!) code ENOSPC|^(?:\S+: )+.*: No space left on device(?: \(os error 28\))?$|^ ERR_PNPM_ENOSPC",
        Reason,
        space,
    ),
    (
        r#"^error Command failed with signal "(SIG\w+)"|exited with code: null and signal: (SIG\w+)|^npm (?:error|ERR!) signal (SIG\w+)|was terminated by signal (SIG\w+)"#,
        PassesOn,
        by_signal,
    ),
];

fn heap(seen: &Seen<'_>) -> Option<Words> {
    let memory = seen.scene.limits.memory;
    // What is not heap (buffers, code, other processes) needs some too.
    let heap = (memory >> 20) / 4 * 3;
    Words::new(
        FailureCode::OutOfMemory,
        "Node's heap was full",
        format!(
            "Node holds its objects in a heap with a limit of its own, below the build's {}. Set the variable NODE_OPTIONS \
             to --max-old-space-size={heap} (MiB), or give the build less to hold at once. If {} are too little, ask the \
             operator for more (BERTH_BUILD_MEMORY).",
            Bytes(memory),
            Bytes(memory)
        ),
    )
    .set("secrets")
}

fn processes(seen: &Seen<'_>) -> Option<Words> {
    Words::of_command(
        format!("the build started more than {} processes (limit: BERTH_BUILD_PIDS)", seen.scene.limits.pids),
        "Let it work with fewer workers at once, look for a script that starts itself, or ask the operator for more.",
    )
    .set("BERTH_BUILD_PIDS")
}

fn watchers(_: &Seen<'_>) -> Option<Words> {
    Words::of_command(
        "the build command watches files",
        "A command that watches never ends. Let the build command build once and exit: `vite build`, not `vite`.",
    )
    .set("buildCommand")
}

fn space(_: &Seen<'_>) -> Option<Words> {
    Words::new(
        FailureCode::NoSpace,
        "no space was left where the build wrote",
        "If the build should not write so much, look for what it writes (/dev/shm holds 64 MiB only); else ask the operator \
         for more disk.",
    )
}

fn by_signal(seen: &Seen<'_>) -> Option<Words> {
    let (title, detail) =
        signal::words(signal::named(seen.value())?, "a program of the build", seen.scene.limits.memory);
    Words::new(FailureCode::Killed, title, detail)
}
