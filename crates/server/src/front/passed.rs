//! A service's answer on its way to the peer, which waits for it as long as it lasts.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use berth_edge::PassedBody;
use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use super::presence::Patience;

/// The body of a service's answer.
#[derive(Debug)]
pub(super) struct Passed {
    body: PassedBody,
    _patience: Patience,
}

impl Passed {
    pub(super) fn new(body: PassedBody, patience: Patience) -> Self {
        Self { body, _patience: patience }
    }
}

impl Body for Passed {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
