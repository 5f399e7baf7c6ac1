//! What one build may use. Every number is shown to users and named in the error that it causes.

use std::time::Duration;

/// Limits of a build; the defaults are those of the acceptance list.
#[derive(Clone, Debug, PartialEq)]
pub struct BuildLimits {
    /// Wall time from claim to artifact (`BERTH_BUILD_TIMEOUT`).
    pub timeout: Duration,
    /// Memory of a container, without swap, in bytes (`BERTH_BUILD_MEMORY`).
    pub memory: u64,
    /// Processors, as a number of cores (`BERTH_BUILD_CPUS`).
    pub cpus: f64,
    /// Processes and threads (`BERTH_BUILD_PIDS`).
    pub pids: u32,
    /// Log kept of a build, in bytes; head and tail survive (`BERTH_BUILD_LOG`).
    pub log: u64,
    /// Size of the output, in bytes (`BERTH_BUILD_OUTPUT`).
    pub output_bytes: u64,
    /// Number of files in the output.
    pub output_files: u64,
    /// Size of a clone, in bytes, on the wire and checked out.
    pub source_bytes: u64,
    /// Number of files in a checkout.
    pub source_files: u64,
    /// Free space below which no build starts, and a running one is stopped, in bytes.
    pub free_space_floor: u64,
}

impl Default for BuildLimits {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(15 * 60),
            memory: 2 << 30,
            cpus: 2.0,
            pids: 512,
            log: 10 << 20,
            output_bytes: 1 << 30,
            output_files: 100_000,
            source_bytes: 500 << 20,
            source_files: 200_000,
            free_space_floor: 1 << 30,
        }
    }
}
