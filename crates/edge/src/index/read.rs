//! Reads an index. Everything is checked once, when it is parsed; a lookup is a binary search over the sorted paths.

use std::cmp::Ordering;
use std::ops::Range;

use http::HeaderValue;

use super::{
    Coding, ContentHash, ENTRY, ENTRY_DOCUMENT, ENTRY_HASHED, FLAG_FALLBACK, FLAG_NOT_FOUND_PAGE, HEADER, MAGIC,
    PREFIX, RULE_SHIFT, Stored, VARIANT, VERSION, checksum,
};
use crate::error::EdgeError;
use crate::rules::Rules;

/// The index of one release, in memory.
#[derive(Debug)]
pub struct Index {
    bytes: Box<[u8]>,
    deployment: i64,
    flags: u32,
    entries: usize,
    text: Range<usize>,
    types: Box<[HeaderValue]>,
    rules: Rules,
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
        if u32_at(&bytes, 8) != VERSION {
            return Err(corrupt("it has another version"));
        }
        if u32_at(&bytes, 12) != 0 || u64_at(&bytes, PREFIX - 8) != checksum(&bytes[PREFIX..]) {
            return Err(corrupt("its checksum does not fit"));
        }
        let deployment = u64_at(&bytes, PREFIX).cast_signed();
        let (rules_length, text_length) = (u64_at(&bytes, PREFIX + 8), u64_at(&bytes, PREFIX + 16));
        let flags = u32_at(&bytes, PREFIX + 24);
        let (entries, types) = (u32_at(&bytes, PREFIX + 28) as usize, u32_at(&bytes, PREFIX + 32) as usize);
        let sizes = [HEADER as u64, (entries * ENTRY) as u64, types as u64 * 8, rules_length, text_length];
        let mut ends = sizes.iter().scan(0_u64, |end, size| {
            *end = end.checked_add(*size)?;
            Some(*end)
        });
        let mut next_end =
            || ends.next().and_then(|end| usize::try_from(end).ok()).ok_or(corrupt("its sizes overflow"));
        let (_, types_at, rules_at, text_at, end) = (next_end()?, next_end()?, next_end()?, next_end()?, next_end()?);
        if end != bytes.len() {
            return Err(corrupt("its sizes do not add up"));
        }
        let kinds = (0..types).map(|number| {
            let kind = span_at(&bytes, types_at + number * 8, &(text_at..end))
                .ok_or(corrupt("a content type leads outside"))?;
            HeaderValue::from_bytes(kind).map_err(|_| corrupt("a content type is not one"))
        });
        let index = Self {
            types: kinds.collect::<Result<_, _>>()?,
            rules: Rules::from_json(&bytes[rules_at..text_at]).ok_or(corrupt("its rules cannot be read"))?,
            bytes: bytes.into_boxed_slice(),
            deployment,
            flags,
            entries,
            text: text_at..end,
        };
        index.check_entries().map_err(corrupt)?;
        Ok(index)
    }

    fn check_entries(&self) -> Result<(), &'static str> {
        let mut previous: Option<&[u8]> = None;
        for number in 0..self.entries {
            let entry = self.entry(number);
            let path = span_at(&self.bytes, HEADER + number * ENTRY, &self.text).ok_or("a path leads outside")?;
            if std::str::from_utf8(path).is_err() {
                return Err("a path is not text");
            }
            if previous.is_some_and(|previous| previous >= path) {
                return Err("its paths are not sorted");
            }
            if usize::from(u16_at(entry.bytes, 8)) >= self.types.len() || entry.stored(Coding::Identity).is_none() {
                return Err("an entry is incomplete");
            }
            previous = Some(path);
        }
        Ok(())
    }

    fn entry(&self, number: usize) -> Entry<'_> {
        let start = HEADER + number * ENTRY;
        Entry { index: self, bytes: &self.bytes[start..start + ENTRY] }
    }

    /// The file at a path (relative to the release, without a leading slash).
    #[must_use]
    pub fn find(&self, path: &str) -> Option<Entry<'_>> {
        let (mut low, mut high) = (0, self.entries);
        while low < high {
            let middle = low.midpoint(high);
            let entry = self.entry(middle);
            match entry.path().cmp(path) {
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
                Ordering::Equal => return Some(entry),
            }
        }
        None
    }

    /// The deployment that this is the index of.
    #[must_use]
    pub fn deployment(&self) -> i64 {
        self.deployment
    }

    /// How many files there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries
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
        (self.flags & FLAG_FALLBACK != 0).then(|| self.find("200.html").or_else(|| self.find("index.html"))).flatten()
    }

    /// Whether there is any `404.html`.
    #[must_use]
    pub fn has_not_found_page(&self) -> bool {
        self.flags & FLAG_NOT_FOUND_PAGE != 0
    }

    /// `_redirects` and `_headers`.
    pub(crate) fn rules(&self) -> &Rules {
        &self.rules
    }
}

impl<'a> Entry<'a> {
    /// Its path below the release.
    #[must_use]
    pub fn path(&self) -> &'a str {
        let text = &self.index.bytes[self.index.text.clone()];
        let (start, length) = (u32_at(self.bytes, 0) as usize, u32_at(self.bytes, 4) as usize);
        // Checked when the index was read; the empty path is no file's.
        text.get(start..start + length).and_then(|path| std::str::from_utf8(path).ok()).unwrap_or_default()
    }

    /// Its `Content-Type`.
    #[must_use]
    pub fn content_type(&self) -> &'a HeaderValue {
        &self.index.types[usize::from(u16_at(self.bytes, 8))]
    }

    /// Whether its name carries the hash of its content.
    #[must_use]
    pub fn is_hashed(&self) -> bool {
        u16_at(self.bytes, 10) & ENTRY_HASHED != 0
    }

    /// Whether it is an HTML document.
    #[must_use]
    pub fn is_document(&self) -> bool {
        u16_at(self.bytes, 10) & ENTRY_DOCUMENT != 0
    }

    /// Its content in one coding, if it is kept so.
    #[must_use]
    pub fn stored(&self, coding: Coding) -> Option<Stored> {
        let at = 12 + coding as usize * VARIANT;
        let length = u64_at(self.bytes, at);
        let mut hash = [0; 16];
        hash.copy_from_slice(&self.bytes[at + 8..at + VARIANT]);
        (length != u64::MAX).then_some(Stored { length, hash: ContentHash(hash) })
    }

    /// Whether it is kept in more than one coding, so that the answer depends on `Accept-Encoding`.
    #[must_use]
    pub fn is_negotiated(&self) -> bool {
        Coding::COMPRESSED.iter().any(|coding| self.stored(*coding).is_some())
    }
}

/// The text that an offset and a length at `at` point to.
fn span_at<'a>(bytes: &'a [u8], at: usize, text: &Range<usize>) -> Option<&'a [u8]> {
    let (start, length) = (u32_at(bytes, at) as usize, u32_at(bytes, at + 4) as usize);
    bytes[text.clone()].get(start..start.checked_add(length)?)
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | (u64::from(u32_at(bytes, at + 4)) << 32)
}
