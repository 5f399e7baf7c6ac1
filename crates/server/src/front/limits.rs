//! How patient Berth is with a connection, and how many it takes of one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use berth_model::PRIVATE_NETWORKS;
use berth_secrets::neighbourhood;
use ipnet::IpNet;

/// The limits of connections. Operators have no say in them; tests do, to see them in seconds.
#[derive(Clone, Debug)]
pub struct ConnectionLimits {
    /// Before a connection's first byte.
    pub first_byte: Duration,
    /// For a request's whole head.
    pub head: Duration,
    /// Between two bytes of a request's body.
    pub body_silence: Duration,
    /// Between two bytes of a connection in either direction. Longer than a long-polling client's silence.
    pub silence: Duration,
    /// Connections of one address, or of one IPv6 network of 64 bits, which is one subscriber's.
    pub of_one_address: usize,
    /// Addresses whose connections are not counted: many visitors may come through one of them.
    pub uncounted: Vec<IpNet>,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            first_byte: Duration::from_secs(30),
            head: Duration::from_secs(30),
            body_silence: Duration::from_secs(30),
            silence: Duration::from_secs(60),
            of_one_address: 1_000,
            uncounted: PRIVATE_NETWORKS.to_vec(),
        }
    }
}

/// Who is connected, by address.
#[derive(Debug)]
pub(super) struct Crowd {
    most: usize,
    uncounted: Vec<IpNet>,
    seats: Mutex<HashMap<IpAddr, usize>>,
    /// When the log said last that somebody was turned away.
    said: Mutex<Option<Instant>>,
}

/// Between two words of the log about who is turned away.
const SAY_EVERY: Duration = Duration::from_secs(60);

/// A connection that was let in. Its seat is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Seat(Option<(Arc<Crowd>, IpAddr)>);

impl Crowd {
    pub(super) fn of(limits: &ConnectionLimits) -> Arc<Self> {
        let (most, uncounted) = (limits.of_one_address, limits.uncounted.clone());
        Arc::new(Self { most, uncounted, seats: Mutex::default(), said: Mutex::default() })
    }

    /// A seat, unless the address has as many as one may have.
    pub(super) fn seat(self: &Arc<Self>, peer: IpAddr) -> Option<Seat> {
        let peer = peer.to_canonical();
        if self.uncounted.iter().any(|network| network.contains(&peer)) {
            return Some(Seat(None));
        }
        let whose = neighbourhood(peer);
        let mut seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = seats.entry(whose).or_default();
        if *taken >= self.most {
            drop(seats);
            self.say_full(whose);
            return None;
        }
        *taken += 1;
        Some(Seat(Some((Arc::clone(self), whose))))
    }

    /// An operator whose proxy is turned away sees why, and not with every connection.
    fn say_full(&self, whose: IpAddr) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.is_none_or(|said| said.elapsed() >= SAY_EVERY) {
            *said = Some(Instant::now());
            let most = self.most;
            tracing::warn!(
                "{whose} has {most} connections, and no further one is taken: if it is a proxy of yours, name it in \
                 BERTH_TRUSTED_PROXIES"
            );
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let Some((crowd, whose)) = self.0.take() else { return };
        let mut seats = crowd.seats.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(taken) = seats.get_mut(&whose) {
            *taken -= 1;
            if *taken == 0 {
                seats.remove(&whose);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_has_so_many_seats_and_leaves_them() {
        let crowd = Crowd::of(&ConnectionLimits { of_one_address: 2, ..ConnectionLimits::default() });
        let seat = |address: &str| crowd.seat(address.parse().unwrap());
        let taken = [seat("198.51.100.7"), seat("::ffff:198.51.100.7"), seat("2001:db8::1"), seat("2001:db8::2")];
        assert!(taken.iter().all(Option::is_some));
        assert!(seat("198.51.100.7").is_none() && seat("2001:db8::ffff").is_none());
        assert!(seat("198.51.100.8").is_some() && seat("2001:db8:0:1::1").is_some());
        for proxy in ["127.0.0.1", "172.17.0.1", "::1", "fd00::1"] {
            assert!((0..5).map(|_| seat(proxy)).collect::<Vec<_>>().iter().all(Option::is_some), "{proxy}");
        }
        drop(taken);
        assert!(seat("198.51.100.7").is_some() && seat("2001:db8::3").is_some());
        assert!(crowd.seats.lock().unwrap().is_empty(), "who left is forgotten");
    }
}
