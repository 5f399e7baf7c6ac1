//! A pack is read along before libgit2 has it, and refused where libgit2 would take memory without a bound.
//!
//! To apply a delta libgit2 inflates what it builds on, as large as the head of that entry says, and makes room for what
//! the delta says it becomes; it looks for the one where the delta says that it is. So here
//!
//! 1. a delta builds on an entry, never on bytes in the middle of one, and neither it nor what it builds on or becomes
//!    is larger than what a checkout can have;
//! 2. commits, tags and directories have the size that [`super::tree`] would read. A file may have any: libgit2 inflates
//!    it piece by piece, and the tree then says which file it is. But no delta builds on it;
//! 3. every entry is as long as its head says, and all together are bounded, as is the number of entries;
//! 4. after the entries comes the checksum and nothing else: libgit2 would take more entries.
//!
//! Not here: what the entries say, their names and the checksum. libgit2 reads these, within the bounds above.

use berth_model::BuildLimits;
use flate2::{Decompress, FlushDecompress, Status};

use super::failures;
use super::tree::{MOST_COMMIT_BYTES, MOST_FILE_BYTES, MOST_TREE_BYTES};
use crate::BuildError;

/// How often larger than what may be downloaded all entries together may be.
const MOST_INFLATED: u64 = 4;
/// Entries for one file that a checkout may have: directories, and the history of a branch.
const ENTRIES_PER_FILE: u64 = 5;

const HEAD_BYTES: usize = 12;
const NAME_BYTES: usize = 20;
const CHECKSUM_BYTES: usize = 20;
/// What a delta builds on and what it becomes, each a number of seven bits a byte.
const DELTA_HEAD_BYTES: usize = 20;
/// Inflated at once.
const PIECE: usize = 32 << 10;

/// Reads one pack.
pub(super) struct PackReader {
    /// What a delta builds on or becomes. Its own instructions are at most half of that: git makes none that are longer
    /// than half of what they become.
    most_object: u64,
    most_entries: u64,
    most_inflated: u64,
    place: Place,
    /// How many bytes of the pack were read.
    position: u64,
    entries_left: u64,
    entry: Entry,
    /// Where entries begin, in their order.
    starts: Vec<u64>,
    /// Where the files begin on which no delta may build.
    oversized: Vec<u64>,
    /// Whether a delta names what it builds on: which entry that is, is not known here.
    builds_on_a_name: bool,
    inflated: u64,
    inflater: Decompress,
    piece: Box<[u8; PIECE]>,
}

/// Where in the pack the next byte is.
enum Place {
    Head {
        came: usize,
        bytes: [u8; HEAD_BYTES],
    },
    Entry,
    /// In the number that says how large an entry is, of which so many bits came.
    Size {
        bits: u32,
    },
    /// Before the number that says how far back a delta's base is.
    Distance,
    RestOfDistance(u64),
    Name {
        left: usize,
    },
    /// In what zlib writes before content, and after it; libgit2 checks it.
    ContentHead {
        left: usize,
    },
    Content,
    ContentSum {
        left: usize,
    },
    Checksum {
        left: usize,
    },
}

impl Place {
    const CONTENT: Self = Self::ContentHead { left: 2 };
}

/// The entry that is read.
#[derive(Default)]
struct Entry {
    start: u64,
    kind: u8,
    size: u64,
    came: u64,
    /// Of a delta: its first bytes.
    head: Vec<u8>,
}

const COMMIT: u8 = 1;
const TREE: u8 = 2;
const BLOB: u8 = 3;
const TAG: u8 = 4;
const DELTA_BY_DISTANCE: u8 = 6;
const DELTA_BY_NAME: u8 = 7;

impl PackReader {
    pub(super) fn new(limits: &BuildLimits) -> Self {
        Self {
            most_object: MOST_FILE_BYTES,
            most_entries: limits.source_files.saturating_mul(ENTRIES_PER_FILE),
            most_inflated: limits.source_bytes.saturating_mul(MOST_INFLATED),
            place: Place::Head { came: 0, bytes: [0; HEAD_BYTES] },
            position: 0,
            entries_left: 0,
            entry: Entry::default(),
            starts: Vec::new(),
            oversized: Vec::new(),
            builds_on_a_name: false,
            inflated: 0,
            inflater: Decompress::new(false),
            piece: Box::new([0; PIECE]),
        }
    }

    /// Reads the next bytes of the pack.
    pub(super) fn read(&mut self, mut bytes: &[u8]) -> Result<(), BuildError> {
        while let Some((&byte, rest)) = bytes.split_first() {
            if matches!(self.place, Place::Content) {
                let used = self.inflate(bytes)?;
                self.position += used as u64;
                bytes = &bytes[used..];
            } else {
                self.step(byte)?;
                self.position += 1;
                bytes = rest;
            }
        }
        Ok(())
    }

    /// Reads a byte that is no content's.
    fn step(&mut self, byte: u8) -> Result<(), BuildError> {
        match &mut self.place {
            Place::Head { came, bytes } => {
                bytes[*came] = byte;
                *came += 1;
                if *came == HEAD_BYTES {
                    let bytes = *bytes;
                    self.begin(bytes)?;
                }
            }
            Place::Entry => {
                let (start, kind, size) = (self.position, byte >> 4 & 7, u64::from(byte & 15));
                self.entry = Entry { start, kind, size, came: 0, head: Vec::new() };
                self.place = Place::Size { bits: 4 };
                if byte & 0x80 == 0 {
                    self.admit()?;
                }
            }
            Place::Size { bits } => {
                if *bits > 56 {
                    return Err(failures::object_too_large(self.most_object));
                }
                self.entry.size |= u64::from(byte & 0x7f) << *bits;
                *bits += 7;
                if byte & 0x80 == 0 {
                    self.admit()?;
                }
            }
            Place::Distance => self.follow(u64::from(byte & 0x7f), byte)?,
            Place::RestOfDistance(distance) => {
                if *distance >> 56 > 0 {
                    return Err(builds_on_nothing());
                }
                let distance = (*distance + 1) << 7 | u64::from(byte & 0x7f);
                self.follow(distance, byte)?;
            }
            Place::Name { left } => {
                *left -= 1;
                if *left == 0 {
                    self.place = Place::CONTENT;
                }
            }
            Place::ContentHead { left } => {
                *left -= 1;
                if *left == 0 {
                    self.place = Place::Content;
                }
            }
            Place::ContentSum { left } => {
                *left -= 1;
                if *left == 0 {
                    self.end_entry()?;
                }
            }
            Place::Checksum { left: 0 } => return Err(failures::malformed_pack("bytes follow its last object")),
            Place::Checksum { left } => *left -= 1,
            Place::Content => {}
        }
        Ok(())
    }

    fn begin(&mut self, head: [u8; HEAD_BYTES]) -> Result<(), BuildError> {
        let [b'P', b'A', b'C', b'K', 0, 0, 0, 2 | 3, entries @ ..] = head else {
            return Err(failures::malformed_pack("its beginning is no pack's"));
        };
        self.entries_left = u32::from_be_bytes(entries).into();
        if self.entries_left > self.most_entries {
            return Err(failures::too_many_objects(self.most_entries));
        }
        self.place = self.next();
        Ok(())
    }

    fn next(&self) -> Place {
        if self.entries_left == 0 { Place::Checksum { left: CHECKSUM_BYTES } } else { Place::Entry }
    }

    /// Judges an entry by its kind and its size.
    fn admit(&mut self) -> Result<(), BuildError> {
        let Entry { start, kind, size, .. } = self.entry;
        match kind {
            COMMIT | TAG if size > MOST_COMMIT_BYTES as u64 => {
                return Err(failures::malformed("a commit or a tag is larger than 1 MiB"));
            }
            TREE if size > MOST_TREE_BYTES as u64 => {
                return Err(failures::malformed("a directory is larger than 32 MiB"));
            }
            BLOB if size > self.most_object => self.oversized.push(start),
            DELTA_BY_DISTANCE | DELTA_BY_NAME if size > self.most_object / 2 => {
                return Err(failures::object_too_large(self.most_object / 2));
            }
            COMMIT | TAG | TREE | BLOB | DELTA_BY_DISTANCE => {}
            DELTA_BY_NAME => self.builds_on_a_name = true,
            _ => return Err(failures::malformed_pack("an object is of no known kind")),
        }
        if self.builds_on_a_name && !self.oversized.is_empty() {
            return Err(failures::object_too_large(self.most_object));
        }
        if size > self.most_inflated - self.inflated {
            return Err(failures::unpacks_too_large(self.most_inflated));
        }
        self.place = match kind {
            DELTA_BY_DISTANCE => Place::Distance,
            DELTA_BY_NAME => Place::Name { left: NAME_BYTES },
            _ => Place::CONTENT,
        };
        Ok(())
    }

    /// Goes on in the number that says how far back a delta's base is, or, after its last byte, to that base.
    fn follow(&mut self, distance: u64, byte: u8) -> Result<(), BuildError> {
        if byte & 0x80 != 0 {
            self.place = Place::RestOfDistance(distance);
            return Ok(());
        }
        let base = self.entry.start.checked_sub(distance).ok_or_else(builds_on_nothing)?;
        if self.starts.binary_search(&base).is_err() {
            return Err(builds_on_nothing());
        }
        if self.oversized.binary_search(&base).is_ok() {
            return Err(failures::object_too_large(self.most_object));
        }
        self.place = Place::CONTENT;
        Ok(())
    }

    /// Inflates content to its end or to the end of `bytes`; how many of these were read.
    fn inflate(&mut self, bytes: &[u8]) -> Result<usize, BuildError> {
        let broken = || failures::malformed_pack("an object cannot be inflated");
        let mut used = 0;
        loop {
            let before = (self.inflater.total_in(), self.inflater.total_out());
            let status = self.inflater.decompress(&bytes[used..], &mut self.piece[..], FlushDecompress::None);
            let status = status.map_err(|_| broken())?;
            let taken = (self.inflater.total_in() - before.0) as usize;
            let made = (self.inflater.total_out() - before.1) as usize;
            used += taken;
            self.entry.came += made as u64;
            if self.entry.came > self.entry.size {
                return Err(failures::malformed_pack("an object is longer than it says"));
            }
            if matches!(self.entry.kind, DELTA_BY_DISTANCE | DELTA_BY_NAME) {
                let missing = DELTA_HEAD_BYTES - self.entry.head.len();
                self.entry.head.extend_from_slice(&self.piece[..made.min(missing)]);
            }
            if status == Status::StreamEnd {
                self.place = Place::ContentSum { left: 4 };
                return Ok(used);
            }
            if made == 0 {
                return if used == bytes.len() { Ok(used) } else { Err(broken()) };
            }
        }
    }

    fn end_entry(&mut self) -> Result<(), BuildError> {
        if self.entry.came < self.entry.size {
            return Err(failures::malformed_pack("an object is shorter than it says"));
        }
        if matches!(self.entry.kind, DELTA_BY_DISTANCE | DELTA_BY_NAME) {
            let mut head = self.entry.head.iter().copied();
            let (Some(from), Some(to)) = (number(&mut head), number(&mut head)) else {
                return Err(failures::malformed_pack("a delta does not say what it becomes"));
            };
            if from.max(to) > self.most_object {
                return Err(failures::object_too_large(self.most_object));
            }
        }
        self.inflated += self.entry.size;
        self.starts.push(self.entry.start);
        self.entries_left -= 1;
        self.inflater.reset(false);
        self.place = self.next();
        Ok(())
    }
}

fn builds_on_nothing() -> BuildError {
    failures::malformed_pack("a delta builds on what is no object")
}

/// A number of seven bits a byte, the lowest first.
fn number(bytes: &mut impl Iterator<Item = u8>) -> Option<u64> {
    let mut value = 0;
    for bits in (0..63).step_by(7) {
        let byte = bytes.next()?;
        value |= u64::from(byte & 0x7f) << bits;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Command;

    use berth_model::FailureCode::{self, BadRepository, SourceTooLarge};
    use proptest::prelude::*;

    use super::super::packs::{self, copies, deflated, deflated_zeros, delta, entry, head, pack, pack_of};
    use super::*;

    fn limits() -> BuildLimits {
        BuildLimits { source_bytes: 1 << 20, source_files: 100, ..BuildLimits::default() }
    }

    /// Reads a pack in pieces of a size; the refusal's code and title, if it is one.
    fn told(pack: &[u8], size: usize) -> Result<(), (FailureCode, String)> {
        let mut reader = PackReader { most_object: 1 << 20, ..PackReader::new(&limits()) };
        match pack.chunks(size).try_for_each(|piece| reader.read(piece)) {
            Ok(()) => Ok(()),
            Err(BuildError::Theirs(failure, None)) => Err((failure.code, failure.title)),
            Err(other) => panic!("not theirs: {other:?}"),
        }
    }

    fn git(directory: &Path, arguments: &[&str]) -> Vec<u8> {
        let output = Command::new("git").args(arguments).current_dir(directory).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    #[test]
    fn what_git_makes_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        git(directory, &["init", "-q"]);
        let lines: Vec<String> = (0..3_000).map(|n| format!("line {n} of a file that changes a little")).collect();
        for version in 0..5 {
            std::fs::write(directory.join("file.txt"), format!("{version}\n{}", lines.join("\n"))).unwrap();
            git(directory, &["add", "."]);
            git(directory, &["-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "-qm", "Change"]);
        }
        for more in [&["--delta-base-offset"][..], &[]] {
            let pack = git(directory, &[&["pack-objects", "--all", "--stdout", "-q"], more].concat());
            let mut reader = PackReader::new(&limits());
            reader.read(&pack).unwrap();
            assert!(matches!(reader.place, Place::Checksum { left: 0 }), "its end is found");
            assert_eq!((reader.starts.len(), reader.builds_on_a_name), (15, more.is_empty()));
            assert_eq!(told(&pack, 1), Ok(()));
        }
    }

    #[test]
    fn what_would_take_memory_is_refused() {
        const LARGE: usize = 3 << 20;
        let large = || [head(packs::BLOB, LARGE), deflated_zeros(LARGE >> 20)].concat();
        let small = || entry(packs::BLOB, &[7; 1_000]);
        let copy = |base: usize, result: usize| deflated(&copies(base, result, 1));
        let named = || {
            let instructions = copies(1_000, 1_000, 1);
            let kind = head(packs::DELTA_BY_NAME, instructions.len());
            [kind, vec![0; NAME_BYTES], deflated(&instructions)].concat()
        };
        // A large entry inside of a small one that is not compressed.
        let mut cover = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::none());
        std::io::Write::write_all(&mut cover, &large()[..1_000]).unwrap();
        let cover = [head(packs::BLOB, 1_000), cover.finish().unwrap()].concat();

        for (pack, code, title) in [
            (pack(&[large(), delta(large().len(), &copies(1_000, 1_000, 1))]), SourceTooLarge, "larger than 1 MiB"),
            (pack(&[large(), named()]), SourceTooLarge, "larger than 1 MiB"),
            (pack(&[named(), large()]), SourceTooLarge, "larger than 1 MiB"),
            (pack(&[small(), delta(small().len(), &copies(1_000, LARGE, 1))]), SourceTooLarge, "larger than 1 MiB"),
            (pack(&[small(), [head(6, LARGE), vec![9], copy(1, 1)].concat()]), SourceTooLarge, "larger than 512 KiB"),
            (pack(&[cover.clone(), delta(cover.len() - 9, &copies(1_000, 1_000, 1))]), BadRepository, "malformed"),
            (pack(&[large(), large()]), SourceTooLarge, "more than 4 MiB"),
            (pack(&[[head(packs::COMMIT, 2 << 20), deflated_zeros(2)].concat()]), BadRepository, "malformed"),
            (pack(&[[head(packs::TREE, 33 << 20), deflated_zeros(33)].concat()]), BadRepository, "malformed"),
            (pack_of(501, &[small()]), SourceTooLarge, "more than 500 objects"),
            (pack_of(u32::MAX, &[]), SourceTooLarge, "more than 500 objects"),
            (pack_of(1, &[small(), small()]), BadRepository, "malformed"),
            (pack(&[[vec![0xbf], vec![0xff; 9], vec![1]].concat()]), SourceTooLarge, "larger than 1 MiB"),
        ] {
            let refusal = told(&pack, pack.len()).expect_err(title);
            assert!(refusal.0 == code && refusal.1.contains(title), "{title}: {refusal:?}");
        }
        // A large file alone is none of this: the tree says which one it is.
        assert_eq!(told(&pack(&[large()]), 4_096), Ok(()));
    }

    #[test]
    fn what_is_no_pack_is_refused() {
        let hello = entry(packs::BLOB, b"hello");
        for entries in [
            vec![entry(0, b"")],
            vec![entry(5, b"")],
            vec![[head(packs::BLOB, 4), deflated(b"hello")].concat()],
            vec![[head(packs::BLOB, 6), deflated(b"hello")].concat()],
            vec![[head(packs::BLOB, 5), b"hello".to_vec()].concat()],
            vec![delta(1, &copies(5, 5, 1))],
            vec![hello.clone(), delta(hello.len() - 1, &copies(5, 5, 1))],
            vec![hello.clone(), delta(0, &copies(5, 5, 1))],
            vec![hello.clone(), delta(hello.len() + 1, &copies(5, 5, 1))],
            vec![hello.clone(), delta(usize::MAX >> 2, &copies(5, 5, 1))],
            vec![hello.clone(), delta(hello.len(), &[0x80; 3])],
        ] {
            let refusal = told(&pack(&entries), 3).expect_err("it is refused");
            assert_eq!(refusal.0, BadRepository, "{entries:?}");
        }
        for start in [&b"PACK\0\0\0\x04\0\0\0\0"[..], b"KCAP\0\0\0\x02\0\0\0\0"] {
            assert_eq!(told(start, 12).unwrap_err().0, BadRepository);
        }
    }

    proptest! {
        /// Whatever comes, in whatever pieces: the verdict is the same, and there is one.
        #[test]
        fn pieces_change_nothing(changes in prop::collection::vec((0_usize..200, any::<u8>()), 0..4), size in 1_usize..50) {
            let base = entry(packs::BLOB, b"a file of some length, some length");
            let more = delta(base.len(), &[34, 6, 0x90, 6]);
            let mut pack = [&b"PACK\0\0\0\x02\0\0\0\x02"[..], &base, &more, &[0; CHECKSUM_BYTES]].concat();
            for (at, byte) in changes {
                let at = at % pack.len();
                pack[at] = byte;
            }
            prop_assert_eq!(told(&pack, size), told(&pack, pack.len()));
        }
    }
}
