//! How memory goes back to the system.

use std::collections::HashSet;
use std::time::Duration;

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

/// How long nothing may have happened before memory is given back.
const QUIET: Duration = Duration::from_secs(2);
/// How often a Berth that is never quiet gives back what lies free between what it uses.
const WHILE_BUSY: Duration = Duration::from_secs(60);

/// Gives back, whenever nothing happens any more, what was needed while something did: after people used the dashboard,
/// after many folders came in. `happened` is a number that grows with everything that happens.
pub(crate) async fn give_back_when_quiet(happened: impl Fn() -> u64) {
    let (mut before, mut given_back_at, mut busy_for) = (happened(), None, Duration::ZERO);
    loop {
        tokio::time::sleep(QUIET).await;
        let now = happened();
        if now != before {
            busy_for += QUIET;
            if busy_for >= WHILE_BUSY {
                trim();
                busy_for = Duration::ZERO;
            }
        } else if given_back_at != Some(now) {
            give_back();
            (given_back_at, busy_for) = (Some(now), Duration::ZERO);
        }
        before = now;
    }
}

/// What was freed goes back, however small its pieces.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code, reason = "malloc_trim has no safe binding")]
fn trim() {
    // SAFETY: no pointers are involved; only memory that nobody holds goes back.
    unsafe { libc::malloc_trim(0) };
}

/// Starting touches two thirds of the program's code and leaves freed memory between what stays (with 10,000 sites half
/// of 150 MiB); hardly any of it is needed again. Measured 10 s after a start without sites: 34 MiB without this, 13 MiB
/// with it.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code, reason = "madvise has no safe binding")]
pub(crate) fn give_back() {
    trim();
    for (start, length) in code() {
        // SAFETY: the range is a mapping of a file that is not written to. Its pages are the file's: taken out, they are
        // mapped again, with the same bytes, by whoever touches them next. An error changes nothing.
        unsafe { libc::madvise(start as *mut libc::c_void, length, libc::MADV_DONTNEED) };
    }
}

/// Elsewhere memory stays where it is.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn trim() {}

/// Elsewhere memory stays where it is.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn give_back() {}

/// The mappings of this program and its libraries that nobody can write to and nobody wrote to: code, and the beginning
/// of each file, which the loader leaves as it is. What it puts addresses into comes later in a file.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn code() -> Vec<(usize, usize)> {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let mappings: Vec<Mapping<'_>> = maps.lines().filter_map(Mapping::parse).collect();
    let programs: HashSet<&str> =
        mappings.iter().filter(|mapping| mapping.permissions == "r-xp").map(|mapping| mapping.file).collect();
    let untouched = |mapping: &&Mapping<'_>| match mapping.permissions {
        "r-xp" => true,
        "r--p" => mapping.is_first && programs.contains(mapping.file),
        _ => false,
    };
    mappings.iter().filter(untouched).map(|mapping| (mapping.start, mapping.length)).collect()
}

/// A line of `/proc/self/maps` that is a file's: `55d0c0-55d0f0 r-xp 0000c000 fe:00 4711 /usr/bin/berth`.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[derive(Debug, PartialEq)]
struct Mapping<'a> {
    start: usize,
    length: usize,
    permissions: &'a str,
    /// Whether it begins where the file does.
    is_first: bool,
    file: &'a str,
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
impl<'a> Mapping<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let mut fields = line.split_ascii_whitespace();
        let (range, permissions, offset) = (fields.next()?, fields.next()?, fields.next()?);
        let file = fields.nth(2).filter(|file| file.starts_with('/'))?;
        let number = |text: &str| usize::from_str_radix(text, 16).ok();
        let (from, to) = range.split_once('-')?;
        let (start, is_first) = (number(from)?, number(offset)? == 0);
        Some(Self { start, length: number(to)?.checked_sub(start)?, permissions, is_first, file })
    }
}

#[cfg(test)]
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_of_a_file_is_read_and_others_are_not() {
        let expected =
            Mapping { start: 0x1000, length: 0x2000, permissions: "r-xp", is_first: false, file: "/usr/bin/berth" };
        assert_eq!(Mapping::parse("1000-3000 r-xp 00001000 fe:00 4711    /usr/bin/berth"), Some(expected));
        for other in ["1000-3000 r-xp 00000000 00:00 0       [vdso]", "1000-3000 rw-p 00000000 00:00 0", "", "1000"] {
            assert_eq!(Mapping::parse(other), None, "{other}");
        }
    }

    #[test]
    fn what_was_given_back_is_there_when_it_is_needed() {
        static CONSTANTS: [&str; 3] = ["one", "two", "three"];
        let kept: Vec<String> = (0..1_000).map(|number| number.to_string()).collect();
        assert!(!code().is_empty());
        give_back();
        assert!(kept.iter().enumerate().all(|(number, text)| *text == number.to_string()));
        assert_eq!(CONSTANTS.concat(), "onetwothree");
    }
}
