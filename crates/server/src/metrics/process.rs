//! What the system says of this process.

use std::fs;

use berth_model::Timestamp;
use rustix::process::{Resource, getrlimit};

use super::text::{Kind, Text};

/// How the kernel counts processor time for programs: a hundredth of a second on every architecture we run on.
const TICKS_PER_SECOND: f64 = 100.0;

fn status() -> String {
    fs::read_to_string("/proc/self/status").unwrap_or_default()
}

fn kilobytes(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

/// Memory of this process that is not elsewhere.
pub(crate) fn resident_bytes() -> Option<u64> {
    kilobytes(&status(), "VmRSS").map(|resident| resident * 1_024)
}

/// What `/proc/self` tells; a part that cannot be read is left out.
pub(super) fn write(text: &mut Text, started: Timestamp) {
    let status = status();
    let kilobytes = |name| kilobytes(&status, name);
    if let Some(resident) = kilobytes("VmRSS") {
        let help = "Resident memory size in bytes.";
        text.single("process_resident_memory_bytes", Kind::Gauge, help, resident * 1_024);
    }
    if let Some(virtual_size) = kilobytes("VmSize") {
        let help = "Virtual memory size in bytes.";
        text.single("process_virtual_memory_bytes", Kind::Gauge, help, virtual_size * 1_024);
    }
    if let Some(seconds) = fs::read_to_string("/proc/self/stat").ok().as_deref().and_then(processor_seconds) {
        let help = "Total user and system CPU time spent in seconds.";
        text.single("process_cpu_seconds_total", Kind::Counter, help, seconds);
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        // The directory itself is open while it is read.
        let count = open.count().saturating_sub(1);
        text.single("process_open_fds", Kind::Gauge, "Number of open file descriptors.", count);
    }
    if let Some(most) = getrlimit(Resource::Nofile).current {
        text.single("process_max_fds", Kind::Gauge, "Maximum number of open file descriptors.", most);
    }
    let help = "Start time of the process since unix epoch in seconds.";
    text.single("process_start_time_seconds", Kind::Gauge, help, started.unix_seconds());
}

/// User and system time of `/proc/<pid>/stat`: fields 14 and 15. The second field is the program's name, which may hold
/// anything, a parenthesis too.
fn processor_seconds(stat: &str) -> Option<f64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u32>().ok().map(f64::from);
    Some((ticks()? + ticks()?) / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_found_behind_any_name() {
        let stat = "4711 (ber) th) S 1 2 3 4 5 6 7 8 9 10 150 51 0 0 20 0 7 0 123456";
        assert_eq!(processor_seconds(stat), Some(2.01));
        assert_eq!(processor_seconds("4711 (berth) S 1"), None);
        let own = fs::read_to_string("/proc/self/stat").unwrap();
        assert!(processor_seconds(&own).is_some());
    }
}
