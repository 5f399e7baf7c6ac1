//! Accepting connections, and ending them in order.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use berth_runtime::Doors;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::clock::{self, HeadTimer};
use super::file_sender::{Expected, FileSender};
use super::idle::IdleLimit;
use super::limits::{ConnectionLimits, Crowd};
use super::presence::{Answered, Presence, UnderWay};
use super::short::{self, HandedOver};
use super::{Answer, Front, FrontBody};

/// All headers of a request together, in bytes.
const HEAD_SIZE: usize = 64 * 1024;
/// Of an answer over HTTP/2, so much waits until the client lets it be sent.
const SEND_BUFFER: usize = 64 * 1024;
/// For requests that run when Berth stops.
const DRAIN: Duration = Duration::from_secs(10);
/// For a peer that is told that this is the end, because it asks and takes nothing more.
const PARTING: Duration = Duration::from_secs(5);

/// Accepts connections until `stop`, then lets running requests end, for ten seconds at most. What comes through one of
/// the doors to services, which are for Berth's own requests, is refused.
pub(crate) async fn serve(listener: TcpListener, front: Arc<Front>, doors: Doors, stop: CancellationToken) {
    let (builders, crowd) = (Arc::new(Builders::new(&front.limits)), Crowd::of(&front.limits));
    let ending = watch::Sender::new(());
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                if doors.let_in(&stream, peer.ip()) {
                    continue;
                }
                let Some(seat) = crowd.seat(peer.ip()) else { continue };
                // Small answers must not wait for an acknowledgement. Where that cannot be set, they wait.
                let _ = stream.set_nodelay(true);
                let (builders, front) = (Arc::clone(&builders), Arc::clone(&front));
                let presence = Presence::new(seat, front.counts().connection());
                tokio::spawn(converse(stream, (peer.ip(), presence), front, builders, ending.subscribe()));
            }
            Err(error) => {
                // The peer gave up, or we have no descriptor left: neither is a reason to stop listening.
                tracing::debug!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener);
    front.closing.begin();
    ending.send_replace(());
    if tokio::time::timeout(DRAIN, ending.closed()).await.is_err() {
        tracing::info!("some requests had not ended after {} s and were cut off", DRAIN.as_secs());
    }
}

/// Answers the requests of one connection: HTTP/1.1 or HTTP/2 without TLS, whichever the client speaks.
async fn converse(
    stream: TcpStream,
    (peer, presence): (IpAddr, Arc<Presence>),
    front: Arc<Front>,
    builders: Arc<Builders>,
    mut ending: watch::Receiver<()>,
) {
    let expected = Arc::<Expected>::default();
    let stream = FileSender::new(stream, Arc::clone(&expected));
    let stream = IdleLimit::new(stream, &front.limits, Arc::clone(&presence));
    let Some(HandedOver { stream, is_http1 }) = short::serve(stream, peer, &front, &expected).await else { return };
    presence.expect_more(front.limits.head);
    let conversation = Conversation { front, peer, expected, presence: Arc::clone(&presence) };
    let builder = if is_http1 { &builders.http1 } else { &builders.either };
    let mut connection = pin!(builder.serve_connection_with_upgrades(TokioIo::new(stream), conversation));
    let (mut stopping, mut is_told) = (pin!(ending.changed()), false);
    let ended = poll_fn(|context| {
        let is_overdue = presence.is_to_be_told(clock::now(), PARTING);
        if !is_told && (is_overdue || stopping.as_mut().poll(context).is_ready()) {
            is_told = true;
            connection.as_mut().graceful_shutdown();
        }
        connection.as_mut().poll(context)
    });
    if let Err(error) = ended.await {
        tracing::trace!(%error, "a connection ended early");
    }
}

/// One connection's service. What a site answers is there at once: no future is made for it.
struct Conversation {
    front: Arc<Front>,
    peer: IpAddr,
    expected: Arc<Expected>,
    presence: Arc<Presence>,
}

impl Service<Request<Incoming>> for Conversation {
    type Response = Response<Answered<FrontBody>>;
    type Error = Infallible;
    type Future = Answering;

    fn call(&self, request: Request<Incoming>) -> Answering {
        let under_way = self.presence.asked(request.version(), self.front.limits.silence);
        Answering { answer: Some(self.front.answer((self.peer, &self.presence), request, &self.expected)), under_way }
    }
}

/// An answer on its way to hyper.
struct Answering {
    answer: Option<Answer>,
    under_way: Option<UnderWay>,
}

impl Future for Answering {
    type Output = Result<Response<Answered<FrontBody>>, Infallible>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { answer, under_way } = self.get_mut();
        let response = match answer {
            Some(Answer::Later(waiting)) => ready!(waiting.as_mut().poll(context)),
            _ => match answer.take() {
                Some(Answer::Now(response)) => response.map(FrontBody::Left),
                // It is asked once.
                Some(Answer::Later(_)) | None => return Poll::Pending,
            },
        };
        let under_way = under_way.take();
        Poll::Ready(Ok(response.map(|body| Answered::new(body, under_way))))
    }
}

/// What makes hyper's connections.
struct Builders {
    /// For a client that has not said yet which version it speaks.
    either: auto::Builder<TokioExecutor>,
    http1: auto::Builder<TokioExecutor>,
}

impl Builders {
    fn new(limits: &ConnectionLimits) -> Self {
        let either = builder(limits);
        Self { http1: either.clone().http1_only(), either }
    }
}

fn builder(limits: &ConnectionLimits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(HeadTimer).header_read_timeout(limits.head).max_buf_size(HEAD_SIZE);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(20))
        // Fewer than the hundred that RFC 9113 (6.5.2) recommends: each holds a chunk of its answer even while the client
        // lets nothing be sent. What a client asks beyond that before it has read our settings, it asks again.
        .max_concurrent_streams(32)
        .max_send_buf_size(SEND_BUFFER)
        .max_header_list_size(HEAD_SIZE as u32);
    builder
}
