//! The body of a service's answer on its way to a visitor.
//!
//! Nothing is gathered: each piece is handed on as it came, and the next one is asked for when the visitor's connection
//! has room. Dropped before its end, the connection to the service is closed, so that it learns that nobody waits.

use std::error::Error;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::sync::futures::OwnedNotified;
use tokio::time::{Instant, Sleep};

use crate::body::EdgeBody;
use crate::traffic::Meter;
use crate::upstream::{Borrowed, Flight};

/// A page of ours, or what a service says.
#[derive(Debug)]
pub struct PassedBody(Kind);

#[derive(Debug)]
enum Kind {
    Page(EdgeBody),
    Streamed(Box<Streamed>),
}

/// A body that comes as it is made.
#[derive(Debug)]
pub(super) struct Streamed {
    body: Incoming,
    /// Given back at the end.
    connection: Option<Borrowed>,
    /// The request is under way for as long.
    flight: Flight,
    /// Of one that would last for as long as both sides like: when it has to end.
    ends: Option<Pin<Box<OwnedNotified>>>,
    /// It did, before the service ended it.
    is_over: bool,
    meter: Option<Meter>,
    /// How long the service may say nothing, since when it says nothing, and what wakes us then.
    patience: Duration,
    silent_since: Option<Instant>,
    alarm: Option<Pin<Box<Sleep>>>,
}

impl PassedBody {
    pub(crate) fn page(page: EdgeBody) -> Self {
        Self(Kind::Page(page))
    }

    pub(super) fn streamed(body: Incoming, connection: Borrowed, flight: Flight, patience: Duration) -> Self {
        let mut streamed = Streamed {
            body,
            connection: Some(connection),
            flight,
            ends: None,
            is_over: false,
            meter: None,
            patience,
            silent_since: None,
            alarm: None,
        };
        // No body at all: nobody may ever ask for it.
        if streamed.body.is_end_stream() {
            streamed.end();
        }
        Self(Kind::Streamed(Box::new(streamed)))
    }

    /// An event stream. Where it has to end it does so as if the service had ended it: whoever reads it asks anew.
    pub(super) fn lasting(body: Incoming, connection: Borrowed, flight: Flight, patience: Duration) -> Self {
        let ends = connection.endpoint().lasting_ends();
        let mut passed = Self::streamed(body, connection, flight, patience);
        if let Kind::Streamed(streamed) = &mut passed.0 {
            streamed.flight.lasts_on();
            streamed.ends = Some(Box::pin(ends));
        }
        passed
    }

    /// Has the answer counted when it ends.
    pub(crate) fn measure(&mut self, meter: Meter) {
        match &mut self.0 {
            Kind::Page(page) => page.measure(meter),
            Kind::Streamed(streamed) => streamed.meter = Some(meter),
        }
    }
}

impl Streamed {
    fn end(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.give_back();
        }
    }

    /// Nothing came. Whether it has been too long.
    fn wait(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let since = *self.silent_since.get_or_insert_with(Instant::now);
        let due = since + self.patience;
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
        // An alarm that was set in an earlier silence rings too soon.
        while alarm.as_mut().poll(context).is_ready() {
            if Instant::now() >= due {
                self.connection = None;
                let said = format!("the service said nothing for {} s", self.patience.as_secs());
                return Poll::Ready(Some(Err(io::Error::new(io::ErrorKind::TimedOut, said))));
            }
            alarm.as_mut().reset(due);
        }
        Poll::Pending
    }
}

impl Body for PassedBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let streamed = match &mut self.get_mut().0 {
            Kind::Page(page) => return Pin::new(page).poll_frame(context),
            Kind::Streamed(streamed) => streamed,
        };
        if streamed.ends.as_mut().is_some_and(|ends| ends.as_mut().poll(context).is_ready()) {
            (streamed.ends, streamed.connection, streamed.is_over) = (None, None, true);
        }
        if streamed.is_over {
            return Poll::Ready(None);
        }
        match Pin::new(&mut streamed.body).poll_frame(context) {
            Poll::Pending => streamed.wait(context),
            Poll::Ready(Some(Ok(frame))) => {
                streamed.silent_since = None;
                if let (Some(meter), Some(data)) = (&mut streamed.meter, frame.data_ref()) {
                    meter.sent(data.len() as u64);
                }
                // hyper asks no more once it has what was declared.
                if streamed.body.is_end_stream() {
                    streamed.end();
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => {
                streamed.connection = None;
                Poll::Ready(Some(Err(io::Error::other(Box::<dyn Error + Send + Sync>::from(error)))))
            }
            Poll::Ready(None) => {
                streamed.end();
                Poll::Ready(None)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Page(page) => page.is_end_stream(),
            Kind::Streamed(streamed) => streamed.is_over || streamed.body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Page(page) => page.size_hint(),
            Kind::Streamed(streamed) => streamed.body.size_hint(),
        }
    }
}
