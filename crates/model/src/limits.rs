//! What one build may use, and what a repository may ask for. Every number is shown to users and named in the error that
//! it causes.

use std::time::Duration;

use crate::Cpus;

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

/// The most that one replica of a service gets, whatever its repository asks for. `None` is as much as the machine has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServiceMaximum {
    /// Memory, in bytes (`BERTH_SERVICE_MEMORY_MAX`).
    pub memory: Option<u64>,
    /// Processors (`BERTH_SERVICE_CPUS_MAX`).
    pub cpus: Option<Cpus>,
}

impl ServiceMaximum {
    /// Of an amount of memory, what may be had.
    #[must_use]
    pub fn of_memory(&self, memory: u64) -> u64 {
        self.memory.map_or(memory, |most| memory.min(most))
    }

    /// Of a number of processors, what may be had.
    #[must_use]
    pub fn of_cpus(&self, cpus: Cpus) -> Cpus {
        self.cpus.map_or(cpus, |most| cpus.min(most))
    }
}
