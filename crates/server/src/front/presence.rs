//! A connection for as long as its socket is there, whoever speaks over it: its seat among all, and whether it is used to
//! ask something.
//!
//! A peer that sends a byte now and then is never silent. HTTP/1.1 has a limit for each head, by hyper; what comes before
//! the version is known, and HTTP/2, have theirs here. While it is the peer's turn, to complete the head of a request or to
//! take more of an answer, it has so much time, whatever else it sends. Then it is told that this is the end, so that what
//! it asks at that moment it asks again elsewhere, and has a little more to go. What HTTP/1.1 is upgraded to has limits of
//! its own, and keeps its seat.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::Version;
use hyper::body::{Body, Frame, SizeHint};

use super::clock;
use super::limits::Seat;
use super::measured::OpenConnection;

/// Most that HTTP/2 is handed of an answer at once: from the last of it on, the peer has one turn for all that it has not
/// taken.
const AT_ONCE: usize = 64 << 10;

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
    /// Whether the peer was told that this is the end.
    is_told: AtomicBool,
    /// Answers of services that the peer waits for.
    awaited: AtomicUsize,
}

impl Presence {
    pub(super) fn new(seat: Seat, counted: OpenConnection) -> Arc<Self> {
        let (ours, due) = (AtomicUsize::default(), AtomicU64::new(NEVER));
        let (is_told, awaited) = (AtomicBool::default(), AtomicUsize::default());
        Arc::new(Self { _seat: seat, _counted: counted, ours, due, is_told, awaited })
    }

    /// It is the peer's turn, for so long.
    pub(super) fn expect_more(&self, within: Duration) {
        self.due.store(millis(clock::now() + within), Ordering::Relaxed);
    }

    /// Whether the peer let its turn pass and has to be told, which it is once. It may take so long to go.
    pub(super) fn is_to_be_told(&self, now: Duration, parting: Duration) -> bool {
        let is_to_be_told = !self.is_told.load(Ordering::Relaxed) && self.has_let_its_turn_pass(now);
        if is_to_be_told {
            self.expect_more(parting);
            self.is_told.store(true, Ordering::Relaxed);
        }
        is_to_be_told
    }

    /// Whether the peer was told and let its turn pass again.
    pub(super) fn is_overdue(&self, now: Duration) -> bool {
        self.is_told.load(Ordering::Relaxed) && self.has_let_its_turn_pass(now)
    }

    fn has_let_its_turn_pass(&self, now: Duration) -> bool {
        millis(now) >= self.due.load(Ordering::Relaxed) && self.ours.load(Ordering::Relaxed) == 0
    }

    /// The peer waits for a service's answer, or for more of it, until what is returned is dropped.
    pub(super) fn waits(self: &Arc<Self>) -> Patience {
        self.awaited.fetch_add(1, Ordering::Relaxed);
        Patience(Arc::clone(self))
    }

    /// The connection is upgraded, and a service's protocol says from now on how silent it may be.
    pub(super) fn is_upgraded(self: &Arc<Self>) {
        self.awaited.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether the peer may be silent, because it is a service's turn.
    pub(super) fn may_be_silent(&self) -> bool {
        self.awaited.load(Ordering::Relaxed) > 0
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

/// A service is asked for a peer.
#[derive(Debug)]
pub(super) struct Patience(Arc<Presence>);

impl Drop for Patience {
    fn drop(&mut self) {
        self.0.awaited.fetch_sub(1, Ordering::Relaxed);
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
    body: B,
    under_way: Option<UnderWay>,
    /// What is left of a frame that is handed on in pieces.
    rest: Bytes,
}

impl<B> Answered<B> {
    pub(super) fn new(body: B, under_way: Option<UnderWay>) -> Self {
        Self { body, under_way, rest: Bytes::new() }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Answered<B> {
    /// The next piece of at most [`AT_ONCE`].
    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let frame = if self.rest.is_empty() {
            ready!(Pin::new(&mut self.body).poll_frame(context))
        } else {
            Some(Ok(Frame::data(std::mem::take(&mut self.rest))))
        };
        Poll::Ready(frame.map(|frame| {
            frame.map(|frame| match frame.into_data() {
                Ok(mut data) => {
                    self.rest = data.split_off(data.len().min(AT_ONCE));
                    Frame::data(data)
                }
                Err(trailers) => trailers,
            })
        }))
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Answered<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = self.get_mut();
        if this.under_way.is_none() {
            return Pin::new(&mut this.body).poll_frame(context);
        }
        let polled = this.poll_piece(context);
        if let Some(under_way) = &mut this.under_way {
            if polled.is_ready() { under_way.is_their_turn() } else { under_way.is_our_turn() }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, of_body) = (self.rest.len() as u64, self.body.size_hint());
        let mut hint = SizeHint::new();
        hint.set_lower(of_body.lower() + rest);
        if let Some(upper) = of_body.upper() {
            hint.set_upper(upper + rest);
        }
        hint
    }
}

#[cfg(test)]
pub(super) use tests::somebody;

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use http_body_util::{BodyExt, Full};

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
        let is_overdue = |after: u32| presence.has_let_its_turn_pass(clock::now() + after * second);
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

    #[test]
    fn a_peer_is_told_once_before_it_is_overdue() {
        let (presence, second) = (somebody(), Duration::from_secs(1));
        let after = |seconds: u32| clock::now() + seconds * second;
        presence.expect_more(second);
        assert!(!presence.is_to_be_told(after(0), 5 * second));
        assert!(!presence.is_overdue(after(9)), "nobody has told it");
        assert!(presence.is_to_be_told(after(2), 5 * second));
        assert!(!presence.is_to_be_told(after(9), 5 * second), "it knows");
        assert!(!presence.is_overdue(after(3)) && presence.is_overdue(after(9)));
        drop(presence.asked(Version::HTTP_2, 10 * second));
        assert!(!presence.is_overdue(after(8)), "it goes on with what it asked for");
    }

    #[tokio::test]
    async fn what_is_answered_at_once_is_handed_on_in_pieces() {
        let (presence, second) = (somebody(), Duration::from_secs(1));
        let whole = Bytes::from((0..=u8::MAX).cycle().take(2 * AT_ONCE + 7).collect::<Vec<_>>());
        let answered = |version| Answered::new(Full::new(whole.clone()), presence.asked(version, second));
        let mut body = answered(Version::HTTP_2);
        let mut taken = Vec::new();
        for length in [AT_ONCE, AT_ONCE, 7] {
            assert!(!body.is_end_stream());
            assert_eq!(body.size_hint().exact(), Some((whole.len() - taken.len()) as u64));
            let piece = body.frame().await.unwrap().unwrap().into_data().unwrap();
            assert_eq!(piece.len(), length);
            taken.extend(piece);
        }
        assert!(body.is_end_stream() && body.frame().await.is_none() && taken == whole);
        let over_http_1 = answered(Version::HTTP_11).frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!(over_http_1.len(), whole.len(), "as it is");
    }
}
