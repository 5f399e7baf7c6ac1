//! Bodies: nothing, bytes, or slices of an open file in bounded chunks.
//!
//! A file is read through the descriptor that was opened when the answer began. Switching the site or removing the
//! release meanwhile changes nothing: the download ends with the bytes it began with.

use std::collections::VecDeque;
use std::fs::File;
use std::future::Future as _;
use std::io::{self, IoSliceMut};
use std::os::unix::fs::FileExt as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use rustix::io::{ReadWriteFlags, preadv2};
use tokio::task::JoinHandle;

/// Most that is read at once.
const CHUNK: u64 = 128 * 1024;

/// The body of an answer.
#[derive(Debug, Default)]
pub struct EdgeBody {
    pieces: Pieces,
    left: u64,
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

/// Bytes of a file from a place on.
#[derive(Debug)]
pub(crate) struct FileSlice {
    file: Arc<File>,
    at: u64,
    left: u64,
    /// A read that waits for the disk, on a thread that may.
    reading: Option<JoinHandle<io::Result<Bytes>>>,
}

impl FileSlice {
    pub(crate) fn new(file: Arc<File>, at: u64, length: u64) -> Self {
        Self { file, at, left: length, reading: None }
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
                let wanted = usize::try_from(self.left.min(CHUNK)).unwrap_or(usize::MAX);
                match read_cached(&self.file, self.at, wanted)? {
                    Some(chunk) => chunk,
                    None => {
                        let (file, at) = (Arc::clone(&self.file), self.at);
                        self.reading = Some(tokio::task::spawn_blocking(move || read_waiting(&file, at, wanted)));
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

    /// A slice of an open file.
    pub(crate) fn file(slice: FileSlice) -> Self {
        Self { left: slice.left, pieces: Pieces::One(Piece::File(slice)) }
    }

    /// Pieces one after the other.
    pub(crate) fn pieces(pieces: VecDeque<Piece>) -> Self {
        let left = pieces.iter().map(|piece| match piece {
            Piece::Bytes(bytes) => bytes.len() as u64,
            Piece::File(slice) => slice.left,
        });
        Self { left: left.sum(), pieces: Pieces::Many(pieces) }
    }

    /// Its whole length in bytes, before anything was read of it.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.left
    }
}

impl From<Bytes> for EdgeBody {
    fn from(bytes: Bytes) -> Self {
        Self { left: bytes.len() as u64, pieces: Pieces::One(Piece::Bytes(bytes)) }
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
                Piece::Bytes(bytes) => std::mem::take(bytes),
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
