//! A request's body that is read to its end even if nobody wants the rest.
//!
//! A refusal (too large, no account, no such path) is ready while its client is still sending. Closing the connection
//! then makes the client's next write fail, and many never look at the answer. So what is left of a body is taken and
//! thrown away, within limits, and the answer arrives meanwhile.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderMap, header};
use http_body_util::BodyExt;
use hyper::body::{Body, Buf, Frame, SizeHint};
use tokio::runtime::Handle;
use tower_http::timeout::TimeoutBody;

/// Bytes that are thrown away for one answer. More than the largest body that any address takes.
const MOST_LEFT: usize = 64 << 20;
/// Time that is spent on them.
const LONGEST: Duration = Duration::from_secs(30);

/// A body that fails when its sender pauses for too long, and whose rest is read when it is dropped.
pub(super) struct WholeBody<B>
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// Gone once it has ended.
    body: Option<Pin<Box<TimeoutBody<B>>>>,
    /// Whether the client sends the body without waiting for our word.
    is_on_its_way: bool,
}

impl<B> WholeBody<B>
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    pub(super) fn new(headers: &HeaderMap, body: B, silence: Duration) -> Self {
        if body.is_end_stream() {
            return Self { body: None, is_on_its_way: false };
        }
        let body = Some(Box::pin(TimeoutBody::new(silence, body)));
        Self { body, is_on_its_way: !headers.contains_key(header::EXPECT) }
    }
}

impl<B> Body for WholeBody<B>
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Data = B::Data;
    type Error = <TimeoutBody<B> as Body>::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = self.get_mut();
        let Some(body) = &mut this.body else { return Poll::Ready(None) };
        let polled = body.as_mut().poll_frame(context);
        if let Poll::Ready(None | Some(Err(_))) = polled {
            this.body = None;
        }
        // Somebody wants it: the client was told to go on.
        this.is_on_its_way = true;
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(|body| body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), |body| body.size_hint())
    }
}

impl<B> Drop for WholeBody<B>
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn drop(&mut self) {
        let is_on_its_way = self.is_on_its_way;
        let rest = self.body.take().filter(|body| is_on_its_way && !body.is_end_stream());
        if let Some(rest) = rest
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(tokio::time::timeout(LONGEST, throw_away(rest)));
        }
    }
}

/// Until the end, a failure, or too many bytes.
async fn throw_away<B: Body>(mut rest: Pin<Box<TimeoutBody<B>>>)
where
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut bytes = 0;
    while let Some(Ok(frame)) = rest.frame().await {
        bytes += frame.data_ref().map_or(0, Buf::remaining);
        if bytes > MOST_LEFT {
            return;
        }
    }
}
