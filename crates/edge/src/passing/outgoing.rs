//! The body of a request on its way to a service.

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use tokio::sync::oneshot;
use tokio::time::Sleep;

/// What can go wrong with a visitor's body.
pub(crate) type BodyError = Box<dyn Error + Send + Sync>;

/// For a service that does not say `100 Continue`: so long a visitor waits who asked for it (RFC 9110, 10.1.1).
const GO_ON_AFTER: Duration = Duration::from_secs(1);

/// Nothing, or what the visitor sends.
#[derive(Default)]
pub(crate) struct Outgoing {
    body: Option<Pin<Box<dyn Body<Data = Bytes, Error = BodyError> + Send>>>,
    /// Where it is said that it broke off.
    arrival: Arrival,
    /// Until the service wants it.
    held: Option<Box<Held>>,
}

/// Whether a visitor's body arrives.
#[derive(Clone, Debug, Default)]
pub(crate) struct Arrival(Option<Arc<AtomicBool>>);

impl Arrival {
    fn fail(&self) {
        if let Some(has_failed) = &self.0 {
            has_failed.store(true, Ordering::Relaxed);
        }
    }

    /// It broke off, by the visitor's fault: what the service does then is not the service's.
    pub(crate) fn has_failed(&self) -> bool {
        self.0.as_ref().is_some_and(|has_failed| has_failed.load(Ordering::Relaxed))
    }
}

/// A body whose visitor waits for a word before it is sent. Asking for the first byte of it is what gives the word.
struct Held {
    /// Gone once nobody will say it any more: then the time decides, or nobody asks again since the answer is there.
    wanted: Option<oneshot::Receiver<()>>,
    patience: Pin<Box<Sleep>>,
}

impl Outgoing {
    /// With how it arrives.
    pub(crate) fn of<B>(body: B) -> (Self, Arrival)
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BodyError>,
    {
        if body.is_end_stream() {
            return (Self::default(), Arrival::default());
        }
        let arrival = Arrival(Some(Arc::default()));
        let body: Pin<Box<dyn Body<Data = Bytes, Error = BodyError> + Send>> = Box::pin(body.map_err(Into::into));
        (Self { body: Some(body), arrival: arrival.clone(), held: None }, arrival)
    }

    pub(crate) fn is_nothing(&self) -> bool {
        self.body.is_none()
    }

    /// Holds it back until the sender is used, or for a while.
    pub(crate) fn hold(&mut self) -> oneshot::Sender<()> {
        let (want, wanted) = oneshot::channel();
        self.held = Some(Box::new(Held { wanted: Some(wanted), patience: Box::pin(tokio::time::sleep(GO_ON_AFTER)) }));
        want
    }
}

impl Held {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let Some(wanted) = &mut self.wanted
            && let Poll::Ready(said) = Pin::new(wanted).poll(context)
        {
            self.wanted = None;
            if said.is_ok() {
                return Poll::Ready(());
            }
        }
        self.patience.as_mut().poll(context)
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        if let Some(held) = &mut this.held {
            ready!(held.poll(context));
            this.held = None;
        }
        match &mut this.body {
            Some(body) => {
                let polled = body.as_mut().poll_frame(context);
                if matches!(polled, Poll::Ready(Some(Err(_)))) {
                    this.arrival.fail();
                }
                polled
            }
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(|body| body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), |body| body.size_hint())
    }
}
