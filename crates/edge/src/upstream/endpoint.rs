//! One address of a service, with the connections to it that wait for a next request.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, futures::OwnedNotified};

use super::connection::{Http1, Http2};

/// Connections that wait for a request.
const MOST_IDLE: usize = 256;
/// For so long: what a service closes by itself is not there any more anyway.
const IDLE_FOR: Duration = Duration::from_secs(60);
/// An address that refused a connection is left out for so long.
const LEFT_OUT: Duration = Duration::from_secs(1);

/// An address.
#[derive(Debug)]
pub(crate) struct Endpoint {
    address: SocketAddr,
    under_way: AtomicUsize,
    /// Told when nothing is under way any more.
    drained: Notify,
    /// Told when what would last is to end.
    ending: Arc<Notify>,
    refused: Mutex<Option<Instant>>,
    idle: Mutex<Idle>,
    /// The one connection of HTTP/2, which takes many requests at once.
    pub(super) h2: tokio::sync::Mutex<Option<Http2>>,
}

#[derive(Debug, Default)]
struct Idle {
    /// The one that was used last comes last.
    connections: VecDeque<(Http1, Instant)>,
    /// Nothing is kept any more.
    is_retired: bool,
}

impl Endpoint {
    pub(super) fn new(address: SocketAddr) -> Arc<Self> {
        Arc::new(Self {
            address,
            under_way: AtomicUsize::default(),
            drained: Notify::new(),
            ending: Arc::default(),
            refused: Mutex::default(),
            idle: Mutex::default(),
            h2: tokio::sync::Mutex::default(),
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn in_flight(&self) -> usize {
        self.under_way.load(Ordering::SeqCst)
    }

    pub(super) async fn drained(&self) {
        loop {
            let drained = self.drained.notified();
            if self.in_flight() == 0 {
                return;
            }
            drained.await;
        }
    }

    pub(super) fn end_lasting(&self) {
        self.ending.notify_waiters();
    }

    /// Done when what would last is to end, from the moment of this call on.
    pub(crate) fn lasting_ends(&self) -> OwnedNotified {
        Arc::clone(&self.ending).notified_owned()
    }

    /// It gets no request any more: connections that wait for one are closed.
    pub(super) fn retire(&self) {
        let mut idle = self.idle();
        idle.is_retired = true;
        idle.connections.clear();
    }

    pub(super) fn has_refused_since(&self, now: Instant) -> bool {
        let refused = *self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.is_some_and(|refused| now.saturating_duration_since(refused) < LEFT_OUT)
    }

    /// It refused a connection.
    pub(super) fn refused(&self) {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// The connection that was used last, if one is still there.
    pub(super) fn take(&self) -> Option<Http1> {
        let mut idle = self.idle();
        std::iter::from_fn(|| idle.connections.pop_back()).map(|(connection, _)| connection).find(Http1::is_ready)
    }

    /// Keeps a connection for the next request.
    pub(super) fn keep(&self, connection: Http1) {
        let (mut idle, now) = (self.idle(), Instant::now());
        if idle.is_retired {
            return;
        }
        idle.connections.push_back((connection, now));
        while idle.connections.len() > MOST_IDLE
            || idle.connections.front().is_some_and(|(_, since)| now.saturating_duration_since(*since) > IDLE_FOR)
        {
            idle.connections.pop_front();
        }
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request to it from now on.
    pub(super) fn arrive(self: &Arc<Self>) -> Visit {
        self.under_way.fetch_add(1, Ordering::SeqCst);
        Visit(Arc::clone(self))
    }
}

/// A request that is under way to an address, until this is dropped.
#[derive(Debug)]
pub(crate) struct Visit(Arc<Endpoint>);

impl Visit {
    pub(crate) fn endpoint(&self) -> &Arc<Endpoint> {
        &self.0
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        if self.0.under_way.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.drained.notify_waiters();
        }
    }
}
