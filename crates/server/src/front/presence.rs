//! A connection for as long as its socket is there, whoever speaks over it: its seat among all, and whether it is used to
//! ask something.
//!
//! A peer that sends a byte now and then is never silent. HTTP/1.1 has a limit for each head, by hyper; what comes before
//! the version is known, and HTTP/2, have theirs here. While it is the peer's turn, to complete the head of a request or to
//! take more of an answer, it has so much time, whatever else it sends. What HTTP/1.1 is upgraded to has limits of its
//! own, and keeps its seat.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http::Version;
use hyper::body::{Body, Frame, SizeHint};

use super::clock;
use super::limits::Seat;
use super::measured::OpenConnection;

/// No moment at which a request is due.
const NEVER: u64 = u64::MAX;

/// Held by the socket's stream, so that it ends with it.
#[derive(Debug)]
pub(super) struct Presence {
    _seat: Seat,
    _counted: OpenConnection,
    /// Requests of HTTP/2 that wait for us: for an answer, or more of it.
    ours: AtomicUsize,
    /// When the peer has to have gone on if nothing waits for us, in milliseconds of the coarse clock.
    due: AtomicU64,
}

impl Presence {
    pub(super) fn new(seat: Seat, counted: OpenConnection) -> Arc<Self> {
        let (ours, due) = (AtomicUsize::default(), AtomicU64::new(NEVER));
        Arc::new(Self { _seat: seat, _counted: counted, ours, due })
    }

    /// It is the peer's turn, for so long.
    pub(super) fn expect_more(&self, within: Duration) {
        self.due.store(millis(clock::now() + within), Ordering::Relaxed);
    }

    /// Whether the peer let its turn pass.
    pub(super) fn is_overdue(&self, now: Duration) -> bool {
        millis(now) >= self.due.load(Ordering::Relaxed) && self.ours.load(Ordering::Relaxed) == 0
    }

    /// A request's head is complete. Over HTTP/2 the peer has `patience` for each turn of its own from now on.
    pub(super) fn asked(self: &Arc<Self>, version: Version, patience: Duration) -> Option<UnderWay> {
        if version <= Version::HTTP_11 {
            self.due.store(NEVER, Ordering::Relaxed);
            return None;
        }
        self.ours.fetch_add(1, Ordering::Relaxed);
        Some(UnderWay { presence: Arc::clone(self), patience, is_ours: true })
    }
}

fn millis(moment: Duration) -> u64 {
    u64::try_from(moment.as_millis()).unwrap_or(NEVER)
}

/// A request of HTTP/2 until its answer has ended, or nobody waits for it any more.
#[derive(Debug)]
pub(super) struct UnderWay {
    presence: Arc<Presence>,
    patience: Duration,
    is_ours: bool,
}

impl UnderWay {
    /// The peer waits for us.
    fn is_our_turn(&mut self) {
        if !std::mem::replace(&mut self.is_ours, true) {
            self.presence.ours.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// There is something that the peer can take. Until it has, nothing more is asked for.
    fn is_their_turn(&mut self) {
        // In this order: nothing is due before.
        self.presence.expect_more(self.patience);
        if std::mem::replace(&mut self.is_ours, false) {
            self.presence.ours.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.is_their_turn();
    }
}

/// The body of an answer, with the request that is under way until it ends.
#[derive(Debug)]
pub(super) struct Answered<B> {
    pub(super) body: B,
    pub(super) under_way: Option<UnderWay>,
}

impl<B: Body + Unpin> Body for Answered<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let Self { body, under_way } = self.get_mut();
        let polled = Pin::new(body).poll_frame(context);
        if let Some(under_way) = under_way {
            if polled.is_ready() { under_way.is_their_turn() } else { under_way.is_our_turn() }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
pub(super) use tests::somebody;

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::super::limits::{ConnectionLimits, Crowd};
    use super::super::measured::Counts;
    use super::*;

    pub(in super::super) fn somebody() -> Arc<Presence> {
        let seat = Crowd::of(&ConnectionLimits::default()).seat(Ipv4Addr::LOCALHOST.into()).unwrap();
        Presence::new(seat, Counts::default().connection())
    }

    #[test]
    fn a_peer_is_overdue_only_in_its_own_turn() {
        let (presence, second) = (somebody(), Duration::from_secs(1));
        let is_overdue = |after: u32| presence.is_overdue(clock::now() + after * second);
        assert!(!is_overdue(1_000), "on the short way others look");
        presence.expect_more(second);
        assert!(!is_overdue(0) && is_overdue(2));
        let asked = || presence.asked(Version::HTTP_2, 10 * second).unwrap();
        let (mut first, other) = (asked(), asked());
        assert!(!is_overdue(1_000));
        first.is_their_turn();
        assert!(!is_overdue(1_000), "another one waits for us");
        drop(other);
        assert!(!is_overdue(8) && is_overdue(12), "what there is was not taken");
        first.is_our_turn();
        assert!(!is_overdue(1_000));
        drop(first);
        assert!(!is_overdue(8) && is_overdue(12));
        assert!(presence.asked(Version::HTTP_11, second).is_none() && !is_overdue(1_000));
    }
}
