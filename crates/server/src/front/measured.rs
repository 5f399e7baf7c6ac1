//! What is counted where connections arrive: answers of the control plane, as a site's are when they end or nobody waits
//! for them any more, and connections.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use berth_edge::traffic::{Meter, Tally};
use http::Response;
use hyper::body::{Body, Buf, Frame, SizeHint};

/// The counters.
#[derive(Debug)]
pub(crate) struct Counts {
    control: Arc<Tally>,
    /// One for each connection, and one here.
    connections: Arc<()>,
}

/// One of the connections that are counted, for as long as it is held.
#[derive(Debug)]
pub(super) struct OpenConnection(#[allow(dead_code, reason = "it is counted, not read")] Arc<()>);

impl Default for Counts {
    fn default() -> Self {
        Self { control: Arc::new(Tally::new(Instant::now())), connections: Arc::default() }
    }
}

impl Counts {
    /// What the control plane answered.
    pub(crate) fn control(&self) -> &Tally {
        &self.control
    }

    /// How many connections there are, of visitors and of the control plane.
    pub(crate) fn open_connections(&self) -> usize {
        Arc::strong_count(&self.connections) - 1
    }

    pub(super) fn connection(&self) -> OpenConnection {
        OpenConnection(Arc::clone(&self.connections))
    }

    /// Has an answer of the control plane counted when it ends.
    pub(super) fn measure<B>(&self, began: Instant, answer: Response<B>) -> Response<Measured<B>> {
        let meter = Meter::new(Arc::clone(&self.control), began, answer.status(), false);
        answer.map(|body| Measured { body, meter })
    }
}

/// A body with its meter.
#[derive(Debug)]
pub(super) struct Measured<B> {
    body: B,
    meter: Meter,
}

impl<B: Body<Data: Buf> + Unpin> Body for Measured<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(data) = frame.data_ref()
        {
            this.meter.sent(data.remaining() as u64);
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
