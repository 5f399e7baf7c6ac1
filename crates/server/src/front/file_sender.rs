//! A stream that sends files: bytes of a [`Mapping`] leave by `sendfile(2)`, everything else as usual.
//!
//! hyper gathers an answer's head and body into slices and writes them. A large file's slice is an address range that
//! stands for it; here it is recognised, and the kernel takes the pages from its cache to the socket. Nothing is copied
//! and nobody reads the mapping. The head waits for the first of the file (`MSG_MORE`), so that both travel together.
//! A file that is not in memory makes the thread wait, as with other servers; the edge looks at its ends before it
//! hands it over.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll, ready};

use berth_edge::Mapping;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::sendfile;
use rustix::io::Errno;
use rustix::net::{SendAncillaryBuffer, SendFlags, sendmsg};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

/// Most of a file that is sent at once, so that one fast download leaves room for others.
const AT_ONCE: usize = 1 << 20;

/// A connection that is gone is an error and no signal.
const QUIETLY: SendFlags = SendFlags::NOSIGNAL;

/// The mappings that the stream may meet: the last two, because an answer can be ready while the one before it still
/// waits to be written, and no further one is asked for until then.
#[derive(Debug, Default)]
pub(super) struct Expected {
    known: Mutex<[Weak<Mapping>; 2]>,
    /// Most connections never meet one.
    any: AtomicBool,
}

impl Expected {
    /// Bytes of this mapping will be written.
    pub(super) fn add(&self, mapping: &Arc<Mapping>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        self.any.store(true, Ordering::Relaxed);
        if !std::ptr::eq(known[1].as_ptr(), Arc::as_ptr(mapping)) {
            known.swap(0, 1);
            known[1] = Arc::downgrade(mapping);
        }
    }

    /// The first slice that is of a mapping, and where in its file that begins.
    fn first_of<'a>(&self, slices: &'a [IoSlice<'a>]) -> Option<Piece<'a>> {
        if !self.any.load(Ordering::Relaxed) {
            return None;
        }
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.iter().filter_map(Weak::upgrade);
        let places = known.flat_map(|mapping| {
            let place = |(number, slice): (usize, &IoSlice<'_>)| Some((number, mapping.place(slice)?));
            let place = slices.iter().enumerate().find_map(place);
            place.map(|(number, at)| Piece { before: &slices[..number], slice: &slices[number..=number], mapping, at })
        });
        places.min_by_key(|piece| piece.before.len())
    }
}

/// What one write is about: slices of memory, then a part of a file.
struct Piece<'a> {
    before: &'a [IoSlice<'a>],
    /// What stands for the part of the file, alone.
    slice: &'a [IoSlice<'a>],
    mapping: Arc<Mapping>,
    at: u64,
}

impl Piece<'_> {
    /// How much is written where there is room.
    fn len(&self) -> usize {
        self.before.iter().map(|slice| slice.len()).sum::<usize>() + self.slice[0].len().min(AT_ONCE)
    }

    fn send(&self, stream: &TcpStream) -> io::Result<usize> {
        let wanted: usize = self.before.iter().map(|slice| slice.len()).sum();
        let mut sent = 0;
        if wanted > 0 {
            sent = sendmsg(stream, self.before, &mut SendAncillaryBuffer::default(), SendFlags::MORE | QUIETLY)?;
            if sent < wanted {
                return Ok(sent);
            }
        }
        let mut at = self.at;
        match sendfile(stream, self.mapping.file(), Some(&mut at), self.slice[0].len().min(AT_ONCE)) {
            // Somebody cut it short: the connection ends before its answer does.
            Ok(0) if sent == 0 => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(of_file) => Ok(sent + of_file),
            Err(_) if sent > 0 => Ok(sent),
            // A file system that cannot: then the kernel copies from the mapping, and a file cut short is an error, too.
            Err(Errno::INVAL | Errno::NOSYS) => {
                Ok(sendmsg(stream, self.slice, &mut SendAncillaryBuffer::default(), QUIETLY)?)
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// A TCP stream that recognises what it is told to expect.
#[derive(Debug)]
pub(super) struct FileSender {
    stream: TcpStream,
    expected: Arc<Expected>,
}

impl FileSender {
    pub(super) fn new(stream: TcpStream, expected: Arc<Expected>) -> Self {
        Self { stream, expected }
    }

    /// Writes what is in memory. Head and body leave as they lie: joining them first costs more than it saves.
    fn write(&mut self, context: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match slices {
            [only] => Pin::new(&mut self.stream).poll_write(context, only),
            several => {
                self.send(context, |stream| Ok(sendmsg(stream, several, &mut SendAncillaryBuffer::default(), QUIETLY)?))
            }
        }
    }

    /// Has the next write wait until the reader has made much room: one that follows at once finds room for a segment,
    /// and then for another one. The kernel is asked, because a write may also be short for a reason that ends by itself.
    fn wait_if_full(&self) {
        let full = || match poll(&mut [PollFd::new(&self.stream, PollFlags::OUT)], Some(&Timespec::default()))? {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            _ => Ok(()),
        };
        // Whatever else is wrong, the next write meets it.
        let _ = self.stream.try_io(Interest::WRITABLE, full);
    }

    /// Tries until the stream takes something.
    fn send(
        &self,
        context: &mut Context<'_>,
        mut attempt: impl FnMut(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.stream.poll_write_ready(context))?;
            match self.stream.try_io(Interest::WRITABLE, || attempt(&self.stream)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                sent => return Poll::Ready(sent),
            }
        }
    }
}

impl AsyncRead for FileSender {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for FileSender {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        match this.expected.first_of(slices) {
            Some(piece) => {
                let sent = ready!(this.send(context, |stream| piece.send(stream)))?;
                if sent < piece.len() {
                    this.wait_if_full();
                }
                Poll::Ready(Ok(sent))
            }
            None => this.write(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
