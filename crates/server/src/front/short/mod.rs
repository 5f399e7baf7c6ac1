//! The short way: the simplest requests for a site's files are answered without hyper, which saves a tenth of their cost.
//!
//! Why that is safe:
//!
//! 1. **A request is taken only if there is no doubt where it ends and whom it is for** ([`head`]): its whole head is
//!    there, in one read; it is HTTP/1.1, GET or HEAD, in origin form; no header says anything about a body, the
//!    connection (but `keep-alive`) or another protocol. Such a request ends with its head, and the next one begins
//!    there. The parser is hyper's, so the two never read a head differently.
//! 2. **It is for a site's file that everybody may see**, by the decision that every request goes through. The control
//!    host, protected sites, services, addresses and unknown hosts are not answered here.
//! 3. **Everything else is hyper's**: it gets the connection with all bytes that are not answered yet ([`Rewound`]), and
//!    keeps it. Half a head is everything else, too. So what was handed over was neither counted nor answered before.
//! 4. **The answer is the one that hyper is given**, from the same [`Front::visit`]; only its head is written here
//!    ([`write`]), as hyper writes it. A connection has one answer at a time, and reads on when that one is written.
//!
//! Time limits are the stream's ([`IdleLimit`]), and what a head has for coming. A connection that waits for a request
//! has no buffer: reading and writing one down is done in memory of the thread.

mod head;
mod rewound;
mod write;

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use berth_edge::{Edge, EdgeBody, HostDecision, Takes};
use bytes::{Buf, Bytes};
use http::HeaderMap;
use hyper::body::Body;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use super::Front;
use super::file_sender::{Expected, FileSender};
use super::idle::IdleLimit;
use rewound::Rewound;
use write::Date;

/// Bytes that are read at once, and the longest head that is taken.
const AT_ONCE: usize = 8 * 1024;

/// Says to connections that wait for a request that none will be answered any more.
#[derive(Debug, Default)]
pub(super) struct Closing {
    begun: AtomicBool,
    waiting: Notify,
}

impl Closing {
    pub(super) fn begin(&self) {
        self.begun.store(true, Ordering::SeqCst);
        self.waiting.notify_waiters();
    }
}

thread_local! {
    /// Memory that requests use one after the other.
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

#[derive(Default)]
struct Scratch {
    headers: HeaderMap,
    head: Vec<u8>,
    date: Date,
}

/// A connection that hyper goes on with.
pub(super) struct HandedOver {
    pub(super) stream: Rewound,
    /// A request was answered: it stays with HTTP/1.1, whatever the next bytes look like.
    pub(super) is_http1: bool,
}

/// Answers what it takes of a connection. Returns the connection once something else comes, and nothing at its end.
pub(super) async fn serve(
    stream: IdleLimit<FileSender>,
    peer: IpAddr,
    front: &Front,
    expected: &Expected,
) -> Option<HandedOver> {
    let closing = pin!(front.closing.waiting.notified());
    let mut way = ShortWay {
        stream,
        peer,
        front,
        expected,
        closing,
        listens: false,
        has_answered: false,
        unanswered: Bytes::new(),
        sending: None,
    };
    match poll_fn(|context| way.poll(context)).await {
        End::Closed => None,
        End::HandedOver(first) => {
            Some(HandedOver { stream: Rewound::new(way.stream, first), is_http1: way.has_answered })
        }
    }
}

/// How the short way ends.
enum End {
    Closed,
    /// These bytes come first.
    HandedOver(Bytes),
}

struct ShortWay<'a, 'n> {
    stream: IdleLimit<FileSender>,
    peer: IpAddr,
    front: &'a Front,
    expected: &'a Expected,
    closing: Pin<&'a mut Notified<'n>>,
    /// Whether `closing` wakes this task.
    listens: bool,
    has_answered: bool,
    /// What was read behind the request whose answer is being sent.
    unanswered: Bytes,
    sending: Option<Sending>,
}

impl ShortWay<'_, '_> {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<End> {
        if !self.listens {
            self.listens = true;
            // Its end is seen by the flag.
            let _ = self.closing.as_mut().poll(context);
        }
        loop {
            if let Some(sending) = &mut self.sending {
                if ready!(sending.poll(&mut self.stream, context)).is_err() {
                    return Poll::Ready(End::Closed);
                }
                self.sending = None;
            }
            let end = if self.unanswered.is_empty() {
                let mut space = [const { MaybeUninit::uninit() }; AT_ONCE];
                let mut read = ReadBuf::uninit(&mut space);
                match Pin::new(&mut self.stream).poll_read(context, &mut read) {
                    Poll::Pending => return self.wait(),
                    Poll::Ready(Err(_)) => return Poll::Ready(End::Closed),
                    Poll::Ready(Ok(())) if read.filled().is_empty() => return Poll::Ready(End::Closed),
                    Poll::Ready(Ok(())) => self.answer_all(context, read.filled()),
                }
            } else {
                let unanswered = std::mem::take(&mut self.unanswered);
                self.answer_all(context, &unanswered)
            };
            if let Some(end) = end {
                return Poll::Ready(end);
            }
        }
    }

    /// Between two requests: whether it is worth it.
    fn wait(&self) -> Poll<End> {
        if self.front.closing.begun.load(Ordering::SeqCst) || self.stream.silence() >= self.front.limits.head {
            return Poll::Ready(End::Closed);
        }
        Poll::Pending
    }

    /// Answers one request after the other, until one's answer has to wait for the client.
    fn answer_all(&mut self, context: &mut Context<'_>, mut bytes: &[u8]) -> Option<End> {
        while !bytes.is_empty() {
            let Some((length, mut answer)) = self.answer(bytes) else {
                return Some(End::HandedOver(Bytes::copy_from_slice(bytes)));
            };
            bytes = &bytes[length..];
            self.has_answered = true;
            match answer.poll(&mut self.stream, context) {
                Poll::Ready(Ok(())) => answer.leave_memory(),
                Poll::Ready(Err(_)) => return Some(End::Closed),
                Poll::Pending => {
                    (self.sending, self.unanswered) = (Some(answer), Bytes::copy_from_slice(bytes));
                    return None;
                }
            }
        }
        None
    }

    /// The answer to the first request, which is so many bytes long, if it is one that is taken.
    fn answer(&self, bytes: &[u8]) -> Option<(usize, Sending)> {
        let Scratch { headers, mut head, mut date } = SCRATCH.take();
        let (length, request) = head::read(bytes, headers)?;
        let decision = self.front.decide(&request);
        if !matches!(decision, HostDecision::Site(_)) || !Edge::answers_at_once(&decision, request.uri()) {
            return None;
        }
        let response = self.front.visit(Takes::Files, &decision, self.peer, request, self.expected);
        let (mut parts, body) = response.into_parts();
        write::head(&mut head, &parts, &body, &mut date);
        parts.headers.clear();
        SCRATCH.set(Scratch { headers: parts.headers, head: Vec::new(), date });
        Some((length, Sending { head, sent: 0, piece: Bytes::new(), body }))
    }
}

/// An answer on its way to the client.
struct Sending {
    head: Vec<u8>,
    /// Of the head.
    sent: usize,
    /// Of the body, what is sent next.
    piece: Bytes,
    body: EdgeBody,
}

impl Sending {
    fn poll(&mut self, stream: &mut IdleLimit<FileSender>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            if self.piece.is_empty() {
                match ready!(Pin::new(&mut self.body).poll_frame(context)).transpose()? {
                    Some(frame) => self.piece = frame.into_data().unwrap_or_default(),
                    None if self.sent == self.head.len() => return Poll::Ready(Ok(())),
                    None => {}
                }
            }
            let slices = [IoSlice::new(&self.head[self.sent..]), IoSlice::new(&self.piece)];
            let slices = &slices[usize::from(slices[0].is_empty())..2 - usize::from(self.piece.is_empty())];
            let written = ready!(Pin::new(&mut *stream).poll_write_vectored(context, slices))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            let of_head = written.min(self.head.len() - self.sent);
            self.sent += of_head;
            self.piece.advance(written - of_head);
        }
    }

    /// The next answer on this thread writes its head there.
    fn leave_memory(mut self) {
        self.head.clear();
        SCRATCH.with_borrow_mut(|scratch| scratch.head = self.head);
    }
}
