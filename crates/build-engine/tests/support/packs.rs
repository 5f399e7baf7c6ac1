//! Packs made by hand: what git's own tools would not send.

use std::io::Write as _;
use std::process::{Command, Stdio};

use flate2::Compression;
use flate2::write::ZlibEncoder;

pub(crate) const COMMIT: u8 = 1;
pub(crate) const TREE: u8 = 2;
pub(crate) const BLOB: u8 = 3;
pub(crate) const DELTA_BY_DISTANCE: u8 = 6;
pub(crate) const DELTA_BY_NAME: u8 = 7;

pub(crate) fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// So many MiB of zeros, deflated, made from one of them.
pub(crate) fn deflated_zeros(mebibytes: usize) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&[0; 1 << 20]).unwrap();
    encoder.flush().unwrap();
    let (head, block) = encoder.get_ref().split_at(2);
    let mut bytes = [head, &block.repeat(mebibytes)].concat();
    // A last block with nothing in it, and the checksum.
    bytes.extend([1, 0, 0, 0xff, 0xff]);
    let ones_and_sums = (((mebibytes as u64) << 20) % 65_521) << 16 | 1;
    bytes.extend(u32::try_from(ones_and_sums).unwrap().to_be_bytes());
    bytes
}

/// The head of an entry.
pub(crate) fn head(kind: u8, size: usize) -> Vec<u8> {
    let mut bytes = vec![kind << 4 | (size & 15) as u8];
    let mut rest = size >> 4;
    while rest > 0 {
        *bytes.last_mut().unwrap() |= 0x80;
        bytes.push((rest & 0x7f) as u8);
        rest >>= 7;
    }
    bytes
}

pub(crate) fn entry(kind: u8, content: &[u8]) -> Vec<u8> {
    [head(kind, content.len()), deflated(content)].concat()
}

/// A delta on what begins `back` bytes before it.
pub(crate) fn delta(back: usize, instructions: &[u8]) -> Vec<u8> {
    let mut distance = vec![(back & 0x7f) as u8];
    let mut rest = back >> 7;
    while rest > 0 {
        rest -= 1;
        distance.insert(0, (rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    [head(DELTA_BY_DISTANCE, instructions.len()), distance, deflated(instructions)].concat()
}

/// Instructions that say how large the base is and how large what comes of it, and copy its first 64 KiB some times.
pub(crate) fn copies(base: usize, result: usize, times: usize) -> Vec<u8> {
    [number(base), number(result), vec![0x80; times]].concat()
}

fn number(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value > 0x7f {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// A pack that says that it has so many entries.
pub(crate) fn pack_of(says: u32, entries: &[Vec<u8>]) -> Vec<u8> {
    let mut pack = [&b"PACK\0\0\0\x02"[..], &says.to_be_bytes(), &entries.concat()].concat();
    let mut sum = Command::new("sha1sum").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    sum.stdin.take().unwrap().write_all(&pack).unwrap();
    let sum = sum.wait_with_output().unwrap().stdout;
    pack.extend(hex::decode(&sum[..40]).unwrap());
    pack
}

pub(crate) fn pack(entries: &[Vec<u8>]) -> Vec<u8> {
    pack_of(u32::try_from(entries.len()).unwrap(), entries)
}
