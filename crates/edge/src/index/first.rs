//! The first version of the index, which Berth wrote until it served large files by `sendfile`: such releases are
//! served as before, from an index that is rewritten in memory.
//!
//! Its header is deployment (8 bytes), length of the rules (8), length of the text (8), flags, entries, types (4 each)
//! and 4 bytes of nothing; then the entries, sorted by path, the content types, the rules, the text.

use super::read::{u32_at, u64_at};
use super::{Coding, ContentHash, FLAG_FALLBACK, IndexBuilder, PREFIX, Stored};
use crate::rules::Rules;

pub(super) const VERSION: u32 = 1;

const HEADER: usize = PREFIX + 8 * 3 + 4 * 4;
/// Path (offset, length), content type, flags, and each coding's length and hash; a length of `u64::MAX` where there is
/// none.
const ENTRY: usize = 4 + 4 + 2 + 2 + VARIANT * Coding::COUNT;
const VARIANT: usize = 8 + 16;

/// The same index in the version of today. The checksum was checked.
///
/// # Errors
/// What does not fit.
pub(super) fn rewrite(bytes: &[u8]) -> Result<Vec<u8>, &'static str> {
    const OUTSIDE: &str = "its sizes do not add up";
    let header = bytes.get(..HEADER).ok_or(OUTSIDE)?;
    let size = |at| usize::try_from(u64_at(header, at)).ok();
    let (rules, text) = (size(PREFIX + 8).ok_or(OUTSIDE)?, size(PREFIX + 16).ok_or(OUTSIDE)?);
    let (entries, types) = (u32_at(header, PREFIX + 28) as usize, u32_at(header, PREFIX + 32) as usize);
    let text_at = bytes.len().checked_sub(text).ok_or(OUTSIDE)?;
    let rules_at = text_at.checked_sub(rules).ok_or(OUTSIDE)?;
    if rules_at != HEADER + entries * ENTRY + types * 8 {
        return Err(OUTSIDE);
    }
    let mut index = IndexBuilder::new(u64_at(header, PREFIX).cast_signed());
    for entry in bytes[HEADER..].chunks_exact(ENTRY).take(entries) {
        let start = u32_at(entry, 0) as usize;
        let path = bytes[text_at..].get(start..start + u32_at(entry, 4) as usize).ok_or("a path leads outside")?;
        let path = std::str::from_utf8(path).map_err(|_| "a path is not text")?;
        let stored = |coding: Coding| {
            let variant = &entry[12 + coding as usize * VARIANT..][..VARIANT];
            let mut hash = ContentHash([0; 16]);
            hash.0.copy_from_slice(&variant[8..]);
            Some(Stored { length: u64_at(variant, 0), hash }).filter(|stored| stored.length != u64::MAX)
        };
        let compressed = Coding::COMPRESSED.into_iter().filter_map(|coding| Some((coding, stored(coding)?)));
        let identity = stored(Coding::Identity).ok_or("an entry is incomplete")?;
        index.add(path, identity, &compressed.collect::<Vec<_>>());
    }
    index.rules = Rules::from_json(&bytes[rules_at..text_at]).ok_or("its rules cannot be read")?;
    let fallback = u32_at(header, PREFIX + 24) & FLAG_FALLBACK != 0;
    Ok(index.finish(Some(fallback)).0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::{Index, checksum};

    /// As the first version wrote it: two files and a rule.
    fn first() -> Vec<u8> {
        let (paths, kind) = (["a.js", "index.html"], "text/html; charset=utf-8");
        let text = paths.concat() + kind;
        let rules = Rules { redirects: crate::rules::compile_redirects("/old /new 302\n").0, headers: Vec::new() };
        let rules = rules.to_json();
        let mut bytes = [b"BerthIdx".as_slice(), &VERSION.to_le_bytes(), &[0; 12], &7_u64.to_le_bytes()].concat();
        bytes.extend((rules.len() as u64).to_le_bytes());
        bytes.extend((text.len() as u64).to_le_bytes());
        bytes.extend([FLAG_FALLBACK, 2, 1, 0].iter().flat_map(|number| number.to_le_bytes()));
        let mut at = 0_u32;
        for (number, path) in paths.iter().enumerate() {
            bytes.extend(at.to_le_bytes());
            bytes.extend((path.len() as u32).to_le_bytes());
            bytes.extend([0; 4]);
            at += path.len() as u32;
            for length in [10, if number == 0 { 5 } else { u64::MAX }, u64::MAX, u64::MAX] {
                bytes.extend(u64::to_le_bytes(length));
                bytes.extend([length as u8; 16]);
            }
        }
        bytes.extend(at.to_le_bytes());
        bytes.extend((kind.len() as u32).to_le_bytes());
        bytes.extend(&rules);
        bytes.extend(text.as_bytes());
        let sum = checksum(&bytes[PREFIX..]);
        bytes[PREFIX - 8..PREFIX].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    #[test]
    fn what_an_older_berth_wrote_is_read() {
        let index = Index::parse(first()).unwrap();
        assert_eq!((index.deployment(), index.len()), (7, 2));
        assert_eq!(index.fallback().unwrap().path(), "index.html");
        let script = index.find("a.js").unwrap();
        assert_eq!(script.content_type(), "text/javascript; charset=utf-8");
        assert_eq!(script.stored(Coding::Brotli), Some(Stored { length: 5, hash: ContentHash([5; 16]) }));
        assert_eq!(script.stored(Coding::Gzip), None);
        assert_eq!(index.rules().unwrap().redirects.len(), 1);
        let copy = crate::index::of_another(first(), 9).unwrap();
        assert_eq!(Index::parse(copy).unwrap().deployment(), 9);
    }

    #[test]
    fn damage_is_told_here_too() {
        let good = first();
        for at in PREFIX..good.len() {
            for value in [0x00, 0x7f, 0xff] {
                let mut forged = good.clone();
                forged[at] = value;
                let _ = rewrite(&forged);
                let _ = rewrite(&forged[..at]);
            }
        }
    }
}
