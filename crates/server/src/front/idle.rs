//! A stream that gives up when no byte moves in either direction, or when bytes move and nothing is asked. Where a service
//! is asked for the peer the silence may be that one's; not where there is something that the peer does not take.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::coop::unconstrained;
use tokio::time::{Instant, Sleep};

use super::clock::{self, COARSE};
use super::limits::ConnectionLimits;
use super::presence::Presence;

/// Ends its stream with [`io::ErrorKind::TimedOut`] after too long a silence.
#[derive(Debug)]
pub(super) struct IdleLimit<S> {
    stream: S,
    alarm: Pin<Box<Sleep>>,
    /// When the alarm rings; zero until it is set.
    rings: Duration,
    /// Whom it wakes: another task after an upgrade.
    wakes: Option<Waker>,
    /// When the silence has lasted too long, if no byte moves.
    due: Duration,
    between: Duration,
    /// A silent stream wakes its task at least so often: other limits of the connection are looked at then.
    waking: Duration,
    /// When the silence was noticed first, and last.
    noticed: (Duration, Duration),
    /// Whether a byte moved since `due` was set: a silence is timed when it is noticed, not at each byte before it.
    moved: bool,
    /// Whether the peer does not take what there is for it.
    is_full: bool,
    /// Lasts as long as the socket.
    presence: Arc<Presence>,
}

impl<S> IdleLimit<S> {
    pub(super) fn new(stream: S, limits: &ConnectionLimits, presence: Arc<Presence>) -> Self {
        let alarm = Box::pin(tokio::time::sleep_until(Instant::now()));
        let now = clock::now();
        let (due, noticed) = (now + limits.first_byte, (now, now));
        let (between, waking) = (limits.silence, limits.head / 3);
        let (rings, wakes, moved, is_full) = (Duration::ZERO, None, false, false);
        Self { stream, alarm, rings, wakes, due, between, waking, noticed, moved, is_full, presence }
    }

    /// How long it has been silent, as of the last look at it.
    pub(super) fn silence(&self) -> Duration {
        self.noticed.1 - self.noticed.0
    }

    /// While the stream is silent: whether it has been for too long, or nothing was asked for too long. Bytes only move
    /// `due`; the alarm is looked at when it may have rung, and set anew then.
    fn silent<T>(&mut self, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        let now = clock::now();
        self.noticed.1 = now;
        if std::mem::take(&mut self.moved) {
            (self.due, self.noticed.0) = (now + self.between, now);
        }
        if self.presence.is_overdue(now) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let wakes_us = self.wakes.as_ref().is_some_and(|wakes| wakes.will_wake(context.waker()));
        if wakes_us && now + COARSE < self.rings {
            return Poll::Pending;
        }
        if now >= self.due {
            if self.is_full || !self.presence.may_be_silent() {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            self.due = now + self.between;
        }
        if !wakes_us {
            self.wakes = Some(context.waker().clone());
        }
        // Unconstrained: an alarm that tokio does not ask, because the task has done much at once, wakes nobody.
        while self.rings <= now + COARSE || Pin::new(&mut unconstrained(self.alarm.as_mut())).poll(context).is_ready() {
            let wait = (self.due - now).clamp(COARSE, self.waking.max(COARSE)) + COARSE;
            self.rings = now + wait;
            self.alarm.as_mut().reset(Instant::now() + wait);
        }
        Poll::Pending
    }

    /// From when the peer takes nothing on, it has as long as after a byte.
    fn written<T>(&mut self, polled: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        self.moved |= polled.is_pending() && !self.is_full;
        self.is_full = polled.is_pending();
        self.watched(polled, context)
    }

    fn watched<T>(&mut self, polled: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        match polled {
            Poll::Ready(done) => {
                self.moved = true;
                Poll::Ready(done)
            }
            Poll::Pending => self.silent(context),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for IdleLimit<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_read(context, buffer);
        this.watched(polled, context)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for IdleLimit<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.written(polled, context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_write_vectored(context, slices);
        this.written(polled, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::super::presence::somebody;
    use super::*;

    const FIRST: Duration = Duration::from_millis(100);
    const BETWEEN: Duration = Duration::from_millis(300);

    fn limited<S>(stream: S) -> IdleLimit<S> {
        let limits = ConnectionLimits { first_byte: FIRST, silence: BETWEEN, ..ConnectionLimits::default() };
        IdleLimit::new(stream, &limits, somebody())
    }

    #[tokio::test]
    async fn bytes_prolong_a_stream_and_silence_ends_it() {
        let (mut far, near) = tokio::io::duplex(16);
        let mut near = limited(near);
        far.write_all(b"x").await.unwrap();
        assert_eq!(near.read_u8().await.unwrap(), b'x');
        let started = Instant::now();
        assert_eq!(near.read_u8().await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(started.elapsed() > BETWEEN - FIRST, "the first byte's limit was kept");
    }

    #[tokio::test]
    async fn a_peer_that_waits_for_a_service_may_be_silent_but_takes_what_there_is() {
        let (mut far, near) = tokio::io::duplex(16);
        let presence = somebody();
        let limits = ConnectionLimits { first_byte: FIRST, silence: BETWEEN, ..ConnectionLimits::default() };
        let mut near = IdleLimit::new(near, &limits, Arc::clone(&presence));
        let waits = presence.waits();
        far.write_all(b"x").await.unwrap();
        near.read_u8().await.unwrap();
        assert!(tokio::time::timeout(BETWEEN * 4, near.read_u8()).await.is_err(), "it waits on");
        let (full, started) = ([0; 17], Instant::now());
        assert_eq!(near.write_all(&full).await.unwrap_err().kind(), io::ErrorKind::TimedOut, "nobody takes it");
        assert!(started.elapsed() >= BETWEEN, "it has as long as after a byte");
        far.read_exact(&mut [0; 16]).await.unwrap();
        drop(waits);
        assert_eq!(near.read_u8().await.unwrap_err().kind(), io::ErrorKind::TimedOut, "the answer is there");
    }

    #[tokio::test]
    async fn a_silence_that_another_task_waits_through_ends_too() {
        let (mut far, near) = tokio::io::duplex(16);
        let mut near = limited(near);
        far.write_all(b"x").await.unwrap();
        near.read_u8().await.unwrap();
        let asked = std::future::poll_fn(|context| {
            let mut byte = [0];
            Poll::Ready(Pin::new(&mut near).poll_read(context, &mut ReadBuf::new(&mut byte)).is_pending())
        });
        assert!(asked.await, "there is nothing to read");
        let read = tokio::spawn(async move { near.read_u8().await });
        let ended = tokio::time::timeout(BETWEEN * 10, read).await.expect("its own task is woken");
        assert_eq!(ended.unwrap().unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_task_that_has_done_much_at_once_is_woken_too() {
        let (_far, near) = tokio::io::duplex(16);
        let mut near = limited(near);
        let mut byte = [0];
        let mut read = ReadBuf::new(&mut byte);
        let mut has_begun = false;
        let ended = std::future::poll_fn(|context| {
            if !std::mem::replace(&mut has_begun, true) {
                while Box::pin(tokio::task::coop::consume_budget()).as_mut().poll(context).is_ready() {}
            }
            Pin::new(&mut near).poll_read(context, &mut read)
        });
        let ended = tokio::time::timeout(BETWEEN * 10, ended).await.expect("it is woken");
        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_connection_that_says_nothing_is_ended_first() {
        let (_far, near) = tokio::io::duplex(16);
        let started = Instant::now();
        assert!(limited(near).read_u8().await.is_err());
        assert!(started.elapsed() >= FIRST);
    }
}
