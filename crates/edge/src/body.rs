//! Bodies: nothing, bytes, or slices of an open file.
//!
//! A file is sent through the descriptor that was opened when the answer began. Switching the site or removing the
//! release meanwhile changes nothing: the download ends with the bytes it began with. Where the connection can send
//! files itself the slice is one piece of its mapping; elsewhere it is read in bounded chunks, and what has to wait for
//! the disk waits on threads that only visitors use.

use std::collections::VecDeque;
use std::fs::File;
use std::future::Future as _;
use std::io::{self, IoSliceMut};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use rustix::io::{ReadWriteFlags, preadv2};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;

use crate::files::Takes;
use crate::mapping::Mapping;
use crate::traffic::Meter;

/// Most that is read at once for a connection that sends files itself, where the disk is waited for.
const CHUNK: u64 = 32 * 1024;
/// The same elsewhere: what a frame of HTTP/2 holds. Each stream of each connection can have as much while its client
/// takes nothing.
const FRAME: u64 = 16 * 1024;
/// Most that is handed over at once of what needs no reading. The next piece follows when this one is sent, so that what
/// is counted of a download that is broken off is what was sent, to within one piece.
const PIECE: usize = 1 << 20;

/// Where visitors' reads wait for the disk. The process's other threads that may wait are held by fetches, uploads and
/// builds, some for minutes: a site is not served later for what its neighbours do.
static READERS: LazyLock<io::Result<Runtime>> = LazyLock::new(|| {
    let mut readers = Builder::new_current_thread();
    readers.max_blocking_threads(READERS_AT_ONCE).thread_keep_alive(Duration::from_secs(5)).thread_name("site-reads");
    readers.build()
});
const READERS_AT_ONCE: usize = 32;

/// Reads on a thread that may wait.
fn reading(read: impl FnOnce() -> io::Result<Bytes> + Send + 'static) -> JoinHandle<io::Result<Bytes>> {
    // Where there is no runtime to be had, the common threads are better than none.
    READERS.as_ref().map_or_else(|_| Handle::current(), |readers| readers.handle().clone()).spawn_blocking(read)
}

/// The body of an answer.
#[derive(Debug, Default)]
pub struct EdgeBody {
    pieces: Pieces,
    left: u64,
    /// Whose bytes it has, if of a mapping.
    mapping: Option<Arc<Mapping>>,
    deployment: Option<i64>,
    is_cached: bool,
    /// Counts the answer once this is dropped.
    meter: Option<Meter>,
}

#[derive(Debug, Default)]
enum Pieces {
    #[default]
    Nothing,
    One(Piece),
    /// `multipart/byteranges`.
    Many(VecDeque<Piece>),
}

/// A part of a body.
#[derive(Debug)]
pub(crate) enum Piece {
    Bytes(Bytes),
    File(FileSlice),
}

impl Piece {
    fn length(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File(slice) => slice.left,
        }
    }
}

/// An open file that slices are taken of.
#[derive(Debug)]
pub(crate) enum Source {
    /// Read in chunks of so many bytes.
    Read(Arc<File>, u64),
    /// Handed to a connection that sends the file itself.
    Mapped(Bytes),
}

impl Source {
    /// To be read for a connection.
    pub(crate) fn read(file: Arc<File>, takes: Takes) -> Self {
        let chunk = if takes == Takes::Files { CHUNK } else { FRAME };
        Self::Read(file, chunk)
    }

    pub(crate) fn mapped(mapping: &Arc<Mapping>) -> Self {
        Self::Mapped(Bytes::from_owner(OwnedMapping(Arc::clone(mapping))))
    }

    pub(crate) fn slice(&self, range: Range<u64>) -> Piece {
        match self {
            Self::Read(file, chunk) => Piece::File(FileSlice::new(Arc::clone(file), range, *chunk)),
            // A mapping is as long as an address can say.
            Self::Mapped(bytes) => Piece::Bytes(bytes.slice(range.start as usize..range.end as usize)),
        }
    }
}

struct OwnedMapping(Arc<Mapping>);

impl AsRef<[u8]> for OwnedMapping {
    fn as_ref(&self) -> &[u8] {
        (*self.0).as_ref()
    }
}

/// Bytes of a file from a place on.
#[derive(Debug)]
pub(crate) struct FileSlice {
    file: Arc<File>,
    at: u64,
    left: u64,
    /// Most that is read at once.
    chunk: u64,
    /// A read that waits for the disk, on a thread that may.
    reading: Option<JoinHandle<io::Result<Bytes>>>,
}

impl FileSlice {
    fn new(file: Arc<File>, range: Range<u64>, chunk: u64) -> Self {
        Self { file, at: range.start, left: range.end - range.start, chunk, reading: None }
    }

    /// The next chunk; of the page cache at once, of the disk through a thread.
    fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
        let chunk = match &mut self.reading {
            Some(reading) => {
                let read = ready!(Pin::new(reading).poll(context));
                self.reading = None;
                read.map_err(io::Error::other)??
            }
            None => {
                let wanted = usize::try_from(self.left.min(self.chunk)).unwrap_or(usize::MAX);
                match read_cached(&self.file, self.at, wanted)? {
                    Some(chunk) => chunk,
                    None => {
                        let (file, at) = (Arc::clone(&self.file), self.at);
                        self.reading = Some(reading(move || read_waiting(&file, at, wanted)));
                        return self.poll_chunk(context);
                    }
                }
            }
        };
        self.at += chunk.len() as u64;
        self.left -= chunk.len() as u64;
        Poll::Ready(Ok(chunk))
    }
}

/// Reads up to `wanted` bytes if they are in the page cache; `None` if that would wait for the disk.
///
/// # Errors
/// When the file is shorter than it was said to be, or cannot be read.
pub(crate) fn read_cached(file: &File, at: u64, wanted: usize) -> io::Result<Option<Bytes>> {
    let mut buffer = vec![0; wanted];
    match preadv2(file, &mut [IoSliceMut::new(&mut buffer)], at, ReadWriteFlags::NOWAIT) {
        Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
        Ok(read) => {
            buffer.truncate(read);
            Ok(Some(buffer.into()))
        }
        // Not cached, or a file system that cannot tell.
        Err(_) => Ok(None),
    }
}

fn read_waiting(file: &File, at: u64, wanted: usize) -> io::Result<Bytes> {
    let mut buffer = vec![0; wanted];
    match file.read_at(&mut buffer, at)? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        read => {
            buffer.truncate(read);
            Ok(buffer.into())
        }
    }
}

impl EdgeBody {
    /// No body.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// One piece.
    pub(crate) fn piece(piece: Piece) -> Self {
        Self { left: piece.length(), pieces: Pieces::One(piece), ..Self::default() }
    }

    /// Pieces one after the other.
    pub(crate) fn pieces(pieces: VecDeque<Piece>) -> Self {
        Self { left: pieces.iter().map(Piece::length).sum(), pieces: Pieces::Many(pieces), ..Self::default() }
    }

    /// Says whose bytes the pieces are.
    pub(crate) fn of_mapping(self, mapping: Option<Arc<Mapping>>) -> Self {
        Self { mapping, ..self }
    }

    /// Says that no file was needed for its content.
    pub(crate) fn cached(self) -> Self {
        Self { is_cached: true, ..self }
    }

    /// Whether its content was in memory, or in the visitor's.
    pub(crate) fn is_cached(&self) -> bool {
        self.is_cached
    }

    pub(crate) fn measure(&mut self, meter: Meter) {
        self.meter = Some(meter);
    }

    pub(crate) fn set_deployment(&mut self, deployment: i64) {
        self.deployment = Some(deployment);
    }

    /// Keeps only what it says about itself.
    pub(crate) fn clear(&mut self) {
        *self = Self { deployment: self.deployment, is_cached: self.is_cached, ..Self::default() };
    }

    /// Its whole length in bytes, before anything was read of it.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.left
    }

    /// The mapping of which it has bytes that are not to be read; see [`Mapping`].
    #[must_use]
    pub fn mapping(&self) -> Option<&Arc<Mapping>> {
        self.mapping.as_ref()
    }

    /// Which deployment the answer came from, if a release gave it.
    #[must_use]
    pub fn deployment(&self) -> Option<i64> {
        self.deployment
    }
}

impl From<Bytes> for EdgeBody {
    fn from(bytes: Bytes) -> Self {
        Self::piece(Piece::Bytes(bytes))
    }
}

impl Body for EdgeBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = self.get_mut();
        loop {
            let piece = match &mut this.pieces {
                Pieces::Nothing => return Poll::Ready(None),
                Pieces::One(piece) => piece,
                Pieces::Many(pieces) => match pieces.front_mut() {
                    Some(piece) => piece,
                    None => return Poll::Ready(None),
                },
            };
            let chunk = match piece {
                Piece::Bytes(bytes) => bytes.split_to(bytes.len().min(PIECE)),
                Piece::File(slice) if slice.left == 0 => Bytes::new(),
                Piece::File(slice) => match ready!(slice.poll_chunk(context)) {
                    Ok(chunk) => chunk,
                    Err(error) => {
                        this.pieces = Pieces::Nothing;
                        return Poll::Ready(Some(Err(error)));
                    }
                },
            };
            if chunk.is_empty() {
                match &mut this.pieces {
                    Pieces::Many(pieces) => drop(pieces.pop_front()),
                    pieces => *pieces = Pieces::Nothing,
                }
                continue;
            }
            this.left -= chunk.len() as u64;
            if let Some(meter) = &mut this.meter {
                meter.sent(chunk.len() as u64);
            }
            return Poll::Ready(Some(Ok(Frame::data(chunk))));
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;
    use std::sync::mpsc;

    use super::*;

    /// All threads of the process that may wait are held: a file that no cache has is read all the same.
    #[test]
    fn a_cold_file_waits_for_no_tenant() {
        let runtime = Builder::new_current_thread().enable_time().max_blocking_threads(1).build().unwrap();
        let (let_go, held) = mpsc::channel::<()>();
        runtime.spawn_blocking(move || held.recv());
        let read = runtime.block_on(async {
            // Of this file system nobody can tell what is in memory.
            let file = Arc::new(File::open("/proc/version").unwrap());
            let mut body = EdgeBody::piece(Source::read(file, Takes::Bytes).slice(0..5));
            tokio::time::timeout(Duration::from_secs(5), body.frame()).await
        });
        drop(let_go);
        let frame = read.expect("it does not wait").unwrap().unwrap();
        assert_eq!(&frame.into_data().unwrap()[..], b"Linux");
    }
}
