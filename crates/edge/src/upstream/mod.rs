//! Services of deployments as visitors' requests see them: a state, and addresses that are balanced over.
//!
//! Who starts and watches replicas says what there is ([`Upstream::set`]); requests are counted while they are under way,
//! so that a replica can be let go when its last one has ended ([`Upstream::drained_from`]). Connections are kept by
//! [`endpoint`] for as long as their address is in use.

mod connection;
mod endpoint;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use berth_model::ServiceProtocol;
use tokio::sync::watch;

pub(crate) use connection::{Borrowed, Connection};
use endpoint::Endpoint;
use endpoint::Visit;

/// Requests of one service that are under way at the same time; more are answered 503. What lasts for as long as both sides
/// like, WebSockets and event streams, is none of them: it costs little, and a chat has one for everybody who is there.
const MOST_UNDER_WAY: usize = 4_096;

/// All services that a request may meet. They are kept by whoever uses them.
#[derive(Debug, Default)]
pub struct Upstreams(Mutex<HashMap<ServiceKey, Weak<Upstream>>>);

/// A deployment and the name of one of its services.
type ServiceKey = (i64, Box<str>);

impl Upstreams {
    /// A service of a deployment; made when it is first asked for, and forgotten when nobody holds it any more.
    #[must_use]
    pub fn of(&self, deployment: i64, service: &str) -> Arc<Upstream> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (deployment, service.into());
        if let Some(upstream) = known.get(&key).and_then(Weak::upgrade) {
            return upstream;
        }
        known.retain(|_, upstream| upstream.strong_count() > 0);
        let upstream = Arc::new(Upstream::new());
        known.insert(key, Arc::downgrade(&upstream));
        upstream
    }
}

/// What is to be said of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpstreamState {
    /// No replica is healthy yet: requests wait a little, then they are told.
    Starting,
    /// These answer.
    Ready(Vec<SocketAddr>),
    /// None answers, and why, as it goes on after "The service": `crashed: out of memory`.
    Down {
        /// For visitors to read.
        words: String,
    },
    /// Nobody wants it to run.
    Stopped,
}

/// A service of a deployment.
#[derive(Debug)]
pub struct Upstream {
    current: watch::Sender<Current>,
    speaks_h2: AtomicBool,
    under_way: AtomicUsize,
    /// How many of these last for as long as both sides like.
    lasting: AtomicUsize,
    /// Addresses that are no longer given to requests, while some are under way to them.
    retired: Mutex<Vec<Weak<Endpoint>>>,
    /// Where among equals the next request begins.
    turn: AtomicUsize,
}

#[derive(Debug)]
struct Current {
    state: UpstreamState,
    /// Those of [`UpstreamState::Ready`].
    endpoints: Vec<Arc<Endpoint>>,
}

/// What a request can do about a service at this moment.
pub(crate) enum Choice {
    /// Ask there.
    Ask(Visit),
    /// There is no address that it has not tried.
    NoneLeft,
    /// Nobody answers now.
    Not(UpstreamState),
}

impl Upstream {
    fn new() -> Self {
        Self {
            current: watch::Sender::new(Current { state: UpstreamState::Starting, endpoints: Vec::new() }),
            speaks_h2: AtomicBool::default(),
            under_way: AtomicUsize::default(),
            lasting: AtomicUsize::default(),
            retired: Mutex::default(),
            turn: AtomicUsize::default(),
        }
    }

    /// Says what there is, for all requests from now on. Addresses that stay keep their connections; those that go get
    /// no further request, and the ones under way to them end as they would.
    pub fn set(&self, state: UpstreamState) {
        self.current.send_if_modified(|current| {
            if current.state == state {
                return false;
            }
            let addresses = if let UpstreamState::Ready(addresses) = &state { addresses.as_slice() } else { &[] };
            let mut before = std::mem::take(&mut current.endpoints);
            for address in addresses {
                let is_there = current.endpoints.iter().any(|endpoint| endpoint.address() == *address);
                if !is_there {
                    let kept = before.iter().position(|endpoint| endpoint.address() == *address);
                    let kept = kept.map(|at| before.swap_remove(at));
                    current.endpoints.push(kept.unwrap_or_else(|| Endpoint::new(*address)));
                }
            }
            let mut retired = self.retired();
            retired.retain(|endpoint| endpoint.strong_count() > 0);
            for endpoint in before {
                endpoint.retire();
                retired.push(Arc::downgrade(&endpoint));
            }
            current.state = state;
            true
        });
    }

    /// What was said last.
    #[must_use]
    pub fn state(&self) -> UpstreamState {
        self.current.borrow().state.clone()
    }

    /// Says what its replicas speak; HTTP/1.1, where nothing is said.
    pub fn speak(&self, protocol: ServiceProtocol) {
        self.speaks_h2.store(protocol == ServiceProtocol::H2c, Ordering::Relaxed);
    }

    pub(crate) fn speaks(&self) -> ServiceProtocol {
        if self.speaks_h2.load(Ordering::Relaxed) { ServiceProtocol::H2c } else { ServiceProtocol::Http1 }
    }

    /// Requests that are under way, and what lasts.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.under_way.load(Ordering::SeqCst)
    }

    /// Waits until nothing is under way to one address, which is to be none of [`UpstreamState::Ready`] any more.
    pub async fn drained_from(&self, address: SocketAddr) {
        for endpoint in self.endpoints_at(address) {
            endpoint.drained().await;
        }
    }

    /// Ends what would last: WebSockets and event streams to one address.
    pub fn end_lasting(&self, address: SocketAddr) {
        self.endpoints_at(address).iter().for_each(|endpoint| endpoint.end_lasting());
    }

    fn endpoints_at(&self, address: SocketAddr) -> Vec<Arc<Endpoint>> {
        let mut endpoints = self.current.borrow().endpoints.clone();
        endpoints.extend(self.retired().iter().filter_map(Weak::upgrade));
        endpoints.retain(|endpoint| endpoint.address() == address);
        endpoints
    }

    fn retired(&self) -> MutexGuard<'_, Vec<Weak<Endpoint>>> {
        self.retired.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The address with the fewest requests under way, of equals one after the other. One that refused a connection a
    /// moment ago is asked only where there is no other. It is counted there before [`Upstream::set`] can take it away.
    pub(crate) fn choose(&self, tried: &[SocketAddr]) -> Choice {
        let current = self.current.borrow();
        if current.endpoints.is_empty() {
            let state = match &current.state {
                UpstreamState::Ready(_) => UpstreamState::Starting,
                state => state.clone(),
            };
            return Choice::Not(state);
        }
        if let ([only], []) = (current.endpoints.as_slice(), tried) {
            return Choice::Ask(only.arrive());
        }
        let (now, count) = (Instant::now(), current.endpoints.len());
        let first = self.turn.fetch_add(1, Ordering::Relaxed) % count;
        let in_turn = (0..count).filter_map(|number| current.endpoints.get((first + number) % count));
        let untried = in_turn.filter(|endpoint| !tried.contains(&endpoint.address()));
        let best = untried.min_by_key(|endpoint| (endpoint.has_refused_since(now), endpoint.in_flight()));
        best.map_or(Choice::NoneLeft, |endpoint| Choice::Ask(endpoint.arrive()))
    }

    /// Waits until something else than [`UpstreamState::Starting`] was said, for so long at most.
    pub(crate) async fn started(&self, within: Duration) {
        let mut current = self.current.subscribe();
        let has_started = |current: &Current| {
            !current.endpoints.is_empty()
                || matches!(current.state, UpstreamState::Down { .. } | UpstreamState::Stopped)
        };
        // Whoever waited too long looks at the state again, too.
        let _ = tokio::time::timeout(within, current.wait_for(has_started)).await;
    }

    /// Counts a request from now on; nothing, where there are too many.
    pub(crate) fn enter(self: &Arc<Self>) -> Option<Flight> {
        let before = self.under_way.fetch_add(1, Ordering::SeqCst);
        let flight = Flight { upstream: Arc::clone(self), lasts: false };
        (before.saturating_sub(self.lasting.load(Ordering::SeqCst)) < MOST_UNDER_WAY).then_some(flight)
    }
}

/// A request that is under way to a service, until this is dropped.
#[derive(Debug)]
pub(crate) struct Flight {
    upstream: Arc<Upstream>,
    lasts: bool,
}

impl Flight {
    pub(crate) fn upstream(&self) -> &Arc<Upstream> {
        &self.upstream
    }

    /// From now on it lasts for as long as both sides like.
    pub(crate) fn lasts_on(&mut self) {
        if !std::mem::replace(&mut self.lasts, true) {
            self.upstream.lasting.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        if self.lasts {
            self.upstream.lasting.fetch_sub(1, Ordering::SeqCst);
        }
        self.upstream.under_way.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_are_under_way_and_those_that_last_are_none_of_them() {
        let upstream = Arc::new(Upstream::new());
        let mut flights: Vec<_> = (0..MOST_UNDER_WAY).map_while(|_| upstream.enter()).collect();
        assert_eq!(flights.len(), MOST_UNDER_WAY);
        assert!(upstream.enter().is_none());
        flights[0].lasts_on();
        flights.extend(upstream.enter());
        assert_eq!(upstream.in_flight(), MOST_UNDER_WAY + 1);
        assert!(upstream.enter().is_none());
        drop(flights);
        assert_eq!(upstream.in_flight(), 0);
        assert!(upstream.enter().is_some());
    }
}
