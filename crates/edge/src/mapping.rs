//! A file as memory: large contents are handed to the connection as bytes that nobody reads.
//!
//! hyper asks for the bytes of a body. For a file that would mean to read it into memory and to copy it from there into
//! the socket; measured, that is half of what serving it costs. A mapping gives hyper bytes that stand for the file:
//! whoever writes them to a socket recognises them ([`Mapping::place`]) and lets the kernel send the file itself.
//!
//! The only `unsafe` of this crate, and why it holds: a mapping is private to this type, is unmapped when the last of
//! its bytes is dropped, and is of a file that never changes once it is published ([`crate::Release`]). A file that is
//! truncated all the same, by somebody who writes into the releases, makes its missing pages unreadable (`SIGBUS`);
//! what is mapped is therefore not to be read, only sent by the kernel, which then reports an end of file.

use std::fs::File;
use std::io::{self, IoSliceMut};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::io::{Errno, ReadWriteFlags, preadv2};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// Up to here a file is looked for in the page cache only until it was found there.
const SMALL: usize = 1 << 20;

/// An open file and its address range.
#[derive(Debug)]
pub struct Mapping {
    file: Arc<File>,
    /// An address, not a pointer: it is only turned into one where bytes are asked for.
    start: usize,
    length: usize,
    /// Whether all of a small file was in the page cache.
    was_in_memory: AtomicBool,
}

impl Mapping {
    /// Maps a whole file, of which the length is known and not 0.
    ///
    /// # Errors
    /// The system's: too many mappings, or a file system without them.
    #[allow(unsafe_code, reason = "see the module's argument")]
    pub(crate) fn of(file: File, length: u64) -> io::Result<Self> {
        let length = usize::try_from(length).map_err(|_| io::ErrorKind::FileTooLarge)?;
        // SAFETY: the kernel chooses a free range, so that no memory of ours is touched.
        let start = unsafe { mmap(std::ptr::null_mut(), length, ProtFlags::READ, MapFlags::SHARED, &file, 0) }?
            .expose_provenance();
        Ok(Self { file: Arc::new(file), start, length, was_in_memory: AtomicBool::new(false) })
    }

    /// The file.
    #[must_use]
    pub fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// Whether bytes are in the page cache; the ends of a range tell it well enough. What the kernel drops of a small file
    /// later costs one wait for the disk, looking each time would cost every request. A file system that cannot tell is
    /// taken at its word.
    pub(crate) fn is_in_memory(&self, range: &Range<u64>) -> bool {
        if self.was_in_memory.load(Ordering::Relaxed) {
            return true;
        }
        let is_there = |at| {
            let mut byte = [0];
            let read = preadv2(&self.file, &mut [IoSliceMut::new(&mut byte)], at, ReadWriteFlags::NOWAIT);
            read != Err(Errno::AGAIN)
        };
        let all = is_there(range.start) && is_there(range.end - 1);
        if all && self.length <= SMALL && *range == (0..self.length as u64) {
            self.was_in_memory.store(true, Ordering::Relaxed);
        }
        all
    }

    /// Where in the file these bytes stand, if they are this mapping's.
    #[must_use]
    pub fn place(&self, bytes: &[u8]) -> Option<u64> {
        let at = bytes.as_ptr().addr().checked_sub(self.start).filter(|at| *at < self.length)?;
        Some(at as u64)
    }
}

impl AsRef<[u8]> for Mapping {
    #[allow(unsafe_code, reason = "see the module's argument")]
    fn as_ref(&self) -> &[u8] {
        // SAFETY: `start` and `length` are of a mapping that lives as long as `self`, readable, and of a file that
        // nobody changes.
        unsafe { std::slice::from_raw_parts(std::ptr::with_exposed_provenance(self.start), self.length) }
    }
}

impl Drop for Mapping {
    #[allow(unsafe_code, reason = "see the module's argument")]
    fn drop(&mut self) {
        // SAFETY: the range is this mapping's own, and no slice of it outlives `self`. A refusal would leave it mapped.
        let _ = unsafe { munmap(std::ptr::with_exposed_provenance_mut(self.start), self.length) };
    }
}
