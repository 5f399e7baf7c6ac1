//! Reads an index. Everything is checked once, when it is parsed; a lookup is a binary search over hashes.

use std::ops::Range;

use http::HeaderValue;

use super::{
    Coding, ContentHash, ENTRY, ENTRY_DOCUMENT, ENTRY_HASHED, FLAG_FALLBACK, FLAG_NOT_FOUND_PAGE, Fnv, HASH, HEADER,
    MAGIC, PREFIX, RULE_SHIFT, Stored, TYPE, VARIANT, VERSION, checksum, first,
};
use crate::error::EdgeError;
use crate::mime::{usual, usual_header};
use crate::rules::Rules;

/// In memory, the number of an entry's content type is of those that many sites have, if this bit is set.
const USUAL_TYPE: u16 = 1 << 15;

/// The index of one release, in memory.
#[derive(Debug)]
pub struct Index {
    bytes: Box<[u8]>,
    deployment: i64,
    flags: u32,
    entries: u32,
    /// Where each part begins; the hashes begin behind the header.
    entries_at: u32,
    variants_at: u32,
    text_at: u32,
    /// Which entry answers unknown paths.
    fallback: Option<u32>,
    /// Content types that are not usual.
    types: Box<[HeaderValue]>,
    /// Most releases have none.
    rules: Option<Box<Rules>>,
}

/// One file of a release.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    index: &'a Index,
    bytes: &'a [u8],
}

impl Index {
    /// Reads and checks an index.
    ///
    /// # Errors
    /// [`EdgeError::Corrupt`] with what does not fit.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, EdgeError> {
        let corrupt = |what| EdgeError::Corrupt { what };
        if bytes.len() < HEADER || bytes[..8] != MAGIC {
            return Err(corrupt("it is not an index"));
        }
        if u32_at(&bytes, 12) != 0 || u64_at(&bytes, PREFIX - 8) != checksum(&bytes[PREFIX..]) {
            return Err(corrupt("its checksum does not fit"));
        }
        match u32_at(&bytes, 8) {
            VERSION => Self::parse_current(bytes).map_err(corrupt),
            first::VERSION => Self::parse_current(first::rewrite(&bytes).map_err(corrupt)?).map_err(corrupt),
            _ => Err(corrupt("it has another version")),
        }
    }

    fn parse_current(bytes: Vec<u8>) -> Result<Self, &'static str> {
        let bytes = bytes.into_boxed_slice();
        let size = |number: usize| u64::from(u32_at(&bytes, PREFIX + 12 + number * 4));
        let (entries, variants, types, rules, text) = (size(0), size(1), size(2), size(3), size(4));
        let entries_at = HEADER as u64 + entries * HASH as u64;
        let variants_at = entries_at + entries * ENTRY as u64;
        let types_at = variants_at + variants * VARIANT as u64;
        let rules_at = types_at + types * TYPE as u64;
        let text_at = rules_at + rules;
        // None of these sums of 32-bit numbers overflows; with the last one they all fit into the file.
        if text_at + text != bytes.len() as u64 || bytes.len() > u32::MAX as usize {
            return Err("its sizes do not add up");
        }
        let (types_at, rules_at) = (types_at as usize, rules_at as usize);
        let types = (0..types as usize).map(|number| {
            let at = types_at + number * TYPE;
            let (start, length) = (u32_at(&bytes, at), u32_at(&bytes, at + 4));
            span(&bytes, text_at as usize, start, length).ok_or("a content type leads outside")
        });
        let types = types.collect::<Result<Vec<_>, _>>()?;
        let rules = &bytes[rules_at..text_at as usize];
        let rules =
            (!rules.is_empty()).then(|| Rules::from_json(rules).map(Box::new).ok_or("its rules cannot be read"));
        let mut index = Self {
            fallback: None,
            types: Box::default(),
            rules: rules.transpose()?,
            deployment: u64_at(&bytes, PREFIX).cast_signed(),
            flags: u32_at(&bytes, PREFIX + 8),
            entries: entries as u32,
            entries_at: entries_at as u32,
            variants_at: variants_at as u32,
            text_at: text_at as u32,
            bytes,
        };
        index.check_entries(variants, types.len())?;
        index.share_types(&types)?;
        if index.flags & FLAG_FALLBACK != 0 {
            index.fallback = index.number_of("200.html").or_else(|| index.number_of("index.html"));
        }
        Ok(index)
    }

    /// Gives every entry the number by which its content type is found in memory.
    fn share_types(&mut self, spans: &[Range<usize>]) -> Result<(), &'static str> {
        let (mut own, mut numbers) = (Vec::new(), Vec::with_capacity(spans.len()));
        for span in spans {
            let text = &self.bytes[span.clone()];
            numbers.push(match usual(text) {
                Some(number) => number as u16 | USUAL_TYPE,
                None => {
                    own.push(HeaderValue::from_bytes(text).map_err(|_| "a content type is not one")?);
                    (own.len() - 1) as u16
                }
            });
        }
        for entry in self.bytes[self.entries_at as usize..self.variants_at as usize].chunks_exact_mut(ENTRY) {
            let number = numbers[usize::from(u16_at(entry, 10))];
            entry[10..12].copy_from_slice(&number.to_le_bytes());
        }
        self.types = own.into();
        Ok(())
    }

    fn check_entries(&self, variants: u64, types: usize) -> Result<(), &'static str> {
        let mut previous: Option<(u32, &str)> = None;
        for number in 0..self.entries as usize {
            let entry = self.entry(number);
            let (start, length) = (u32_at(entry.bytes, 0), u32::from(u16_at(entry.bytes, 8)));
            let path = span(&self.bytes, self.text_at as usize, start, length).ok_or("a path leads outside")?;
            let path = std::str::from_utf8(&self.bytes[path]).map_err(|_| "a path is not text")?;
            if Fnv::default().and(path.as_bytes()).of_path() != self.hash(number) {
                return Err("a path has another hash");
            }
            if previous.is_some_and(|previous| previous >= (self.hash(number), path)) {
                return Err("its paths are not sorted");
            }
            let last = u64::from(u32_at(entry.bytes, 4)) + u64::from(entry.codings().count_ones());
            let is_whole = entry.has(Coding::Identity) && entry.codings() < 1 << Coding::COUNT && last <= variants;
            if usize::from(u16_at(entry.bytes, 10)) >= types.min(USUAL_TYPE.into()) || !is_whole {
                return Err("an entry is incomplete");
            }
            previous = Some((self.hash(number), path));
        }
        Ok(())
    }

    fn hash(&self, number: usize) -> u32 {
        u32_at(&self.bytes, HEADER + number * HASH)
    }

    fn entry(&self, number: usize) -> Entry<'_> {
        let start = self.entries_at as usize + number * ENTRY;
        Entry { index: self, bytes: &self.bytes[start..start + ENTRY] }
    }

    /// The file at a path (relative to the release, without a leading slash).
    #[must_use]
    pub fn find(&self, path: &str) -> Option<Entry<'_>> {
        self.find_joined(path, "")
    }

    /// The file at a path that comes in two parts.
    #[must_use]
    pub fn find_joined(&self, path: &str, ending: &str) -> Option<Entry<'_>> {
        let hash = Fnv::default().and(path.as_bytes()).and(ending.as_bytes());
        self.look_up(hash, path.as_bytes(), ending.as_bytes()).map(|number| self.entry(number))
    }

    fn number_of(&self, path: &str) -> Option<u32> {
        let number = self.look_up(Fnv::default().and(path.as_bytes()), path.as_bytes(), &[])?;
        Some(number as u32)
    }

    fn look_up(&self, hash: Fnv, path: &[u8], ending: &[u8]) -> Option<usize> {
        let hash = hash.of_path();
        let (hashes, _) = self.bytes[HEADER..self.entries_at as usize].as_chunks::<HASH>();
        let first = hashes.partition_point(|known| u32::from_le_bytes(*known) < hash);
        let same = hashes[first..].iter().take_while(|known| u32::from_le_bytes(**known) == hash);
        let mut numbers = (first..).zip(same).map(|(number, _)| number);
        numbers.find(|number| self.entry(*number).path_bytes().strip_prefix(path) == Some(ending))
    }

    /// The deployment that this is the index of.
    #[must_use]
    pub fn deployment(&self) -> i64 {
        self.deployment
    }

    /// When it was published, in seconds since 1970; 0 where that was not recorded.
    #[must_use]
    pub fn published(&self) -> u32 {
        u32_at(&self.bytes, PREFIX + 32)
    }

    /// How many files there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries as usize
    }

    /// Whether there is no file at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries == 0
    }

    /// Every file.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        (0..self.len()).map(|number| self.entry(number))
    }

    /// By which rule its compressed forms were made; see [`super::IndexBuilder::compressed_by`].
    #[must_use]
    pub fn compression_rule(&self) -> u8 {
        (self.flags >> RULE_SHIFT) as u8
    }

    /// The page that answers unknown paths, if the SPA fallback is on.
    #[must_use]
    pub fn fallback(&self) -> Option<Entry<'_>> {
        self.fallback.map(|number| self.entry(number as usize))
    }

    /// Whether there is any `404.html`.
    #[must_use]
    pub fn has_not_found_page(&self) -> bool {
        self.flags & FLAG_NOT_FOUND_PAGE != 0
    }

    /// `_redirects` and `_headers`, if there is a rule in them.
    pub(crate) fn rules(&self) -> Option<&Rules> {
        self.rules.as_deref()
    }
}

impl<'a> Entry<'a> {
    fn path_bytes(&self) -> &'a [u8] {
        let start = self.index.text_at as usize + u32_at(self.bytes, 0) as usize;
        &self.index.bytes[start..start + usize::from(u16_at(self.bytes, 8))]
    }

    /// Its path below the release.
    #[must_use]
    pub fn path(&self) -> &'a str {
        // Checked when the index was read; the empty path is no file's.
        std::str::from_utf8(self.path_bytes()).unwrap_or_default()
    }

    /// Its `Content-Type`.
    #[must_use]
    pub fn content_type(&self) -> &'a HeaderValue {
        let number = u16_at(self.bytes, 10);
        if number & USUAL_TYPE != 0 {
            return usual_header(usize::from(number & !USUAL_TYPE));
        }
        &self.index.types[usize::from(number)]
    }

    /// Whether its name carries the hash of its content.
    #[must_use]
    pub fn is_hashed(&self) -> bool {
        self.bytes[12] & ENTRY_HASHED != 0
    }

    /// Whether it is an HTML document.
    #[must_use]
    pub fn is_document(&self) -> bool {
        self.bytes[12] & ENTRY_DOCUMENT != 0
    }

    /// A bit for each coding that it is kept in.
    fn codings(&self) -> u8 {
        self.bytes[13]
    }

    /// Whether it is kept in a coding.
    #[must_use]
    pub fn has(&self, coding: Coding) -> bool {
        self.codings() & 1 << coding as u8 != 0
    }

    /// Its content in one coding, if it is kept so.
    #[must_use]
    pub fn stored(&self, coding: Coding) -> Option<Stored> {
        if !self.has(coding) {
            return None;
        }
        let before = self.codings() & ((1 << coding as u8) - 1);
        let number = u32_at(self.bytes, 4) as usize + before.count_ones() as usize;
        let at = self.index.variants_at as usize + number * VARIANT;
        let mut hash = [0; 16];
        hash.copy_from_slice(&self.index.bytes[at + 8..at + VARIANT]);
        Some(Stored { length: u64_at(&self.index.bytes, at), hash: ContentHash(hash) })
    }

    /// Whether it is kept in more than one coding, so that the answer depends on `Accept-Encoding`.
    #[must_use]
    pub fn is_negotiated(&self) -> bool {
        self.codings() != 1 << Coding::Identity as u8
    }
}

/// The bytes of a text that begins at `text_at` and ends with `bytes`.
fn span(bytes: &[u8], text_at: usize, start: u32, length: u32) -> Option<Range<usize>> {
    let start = text_at + start as usize;
    let span = start..start + length as usize;
    bytes.get(span.clone()).map(|_| span)
}

pub(super) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | (u64::from(u32_at(bytes, at + 4)) << 32)
}
