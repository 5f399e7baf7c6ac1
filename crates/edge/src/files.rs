//! The contents of files, from wherever they are had cheapest: small ones of the cache, large ones of a file that is
//! kept open.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use crate::body::{EdgeBody, Piece, Source, read_cached};
use crate::cache::{MAX_CONTENT, SmallContents};
use crate::index::{Coding, Entry};
use crate::mapping::Mapping;
use crate::open_files::OpenFiles;
use crate::release::Release;

/// What a connection takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// Bytes.
    Bytes,
    /// Also bytes of a [`Mapping`], which it never reads.
    Files,
}

/// What all sites share of memory and descriptors.
#[derive(Debug)]
pub(crate) struct Files {
    contents: SmallContents,
    open: OpenFiles,
}

impl Files {
    pub(crate) fn new(cache_bytes: usize, open_files: usize) -> Self {
        Self { contents: SmallContents::new(cache_bytes), open: OpenFiles::new(open_files) }
    }

    /// Bytes of a file.
    pub(crate) fn content(
        &self,
        release: &Arc<Release>,
        entry: &Entry<'_>,
        coding: Coding,
        range: Range<u64>,
        takes: Takes,
    ) -> io::Result<EdgeBody> {
        let stored = entry.stored(coding).ok_or(io::ErrorKind::NotFound)?;
        if stored.length == 0 {
            return Ok(EdgeBody::empty());
        }
        let cut = |content: bytes::Bytes| {
            let is_whole = range.end - range.start == stored.length;
            let content = if is_whole { content } else { content.slice(range.start as usize..range.end as usize) };
            EdgeBody::from(content)
        };
        if stored.length <= MAX_CONTENT {
            if let Some(content) = self.contents.get(stored.hash) {
                return Ok(cut(content).cached());
            }
            let file = release.open_file(entry, coding)?;
            if let Some(content) = read_cached(&file, 0, stored.length as usize)?
                && content.len() as u64 == stored.length
            {
                self.contents.put(stored.hash, content.clone());
                return Ok(cut(content));
            }
            return Ok(EdgeBody::piece(Source::read(Arc::new(file), takes).slice(range)));
        }
        let (source, mapping) = self.large(release, entry, coding, &range, takes)?;
        Ok(EdgeBody::piece(source.slice(range)).of_mapping(mapping))
    }

    /// Several ranges of a file, each behind a head of its own, and an end.
    pub(crate) fn parts(
        &self,
        release: &Arc<Release>,
        entry: &Entry<'_>,
        coding: Coding,
        parts: impl Iterator<Item = (String, Range<u64>)>,
        end: String,
        takes: Takes,
    ) -> io::Result<EdgeBody> {
        let length = entry.stored(coding).map_or(0, |stored| stored.length);
        let (source, mapping) = self.large(release, entry, coding, &(0..length), takes)?;
        let pieces = parts.flat_map(|(head, range)| [Piece::Bytes(head.into()), source.slice(range)]);
        Ok(EdgeBody::pieces(pieces.chain([Piece::Bytes(end.into())]).collect()).of_mapping(mapping))
    }

    /// A file that is kept open: as a mapping where the connection sends files. One that would have to come from the
    /// disk first is read by a thread that may wait.
    fn large(
        &self,
        release: &Arc<Release>,
        entry: &Entry<'_>,
        coding: Coding,
        range: &Range<u64>,
        takes: Takes,
    ) -> io::Result<(Source, Option<Arc<Mapping>>)> {
        let Ok(mapping) = release.map_file(entry, coding, &self.open) else {
            // No file system has to have mappings, and there may be too many.
            return Ok((Source::read(Arc::new(release.open_file(entry, coding)?), takes), None));
        };
        if takes == Takes::Files && mapping.is_in_memory(range) {
            return Ok((Source::mapped(&mapping), Some(mapping)));
        }
        Ok((Source::read(Arc::clone(mapping.file()), takes), None))
    }
}
