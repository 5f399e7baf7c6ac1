//! Slows down guessing of passwords, strangers who fill the database with sign-ins that they never finish, and users who
//! have repository after repository looked at, or deliveries kept: per account and per address, in memory, bounded.
//!
//! An attempt is counted before the password is looked at, so that a thousand at once are no way around; one that
//! succeeds is forgiven.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use berth_model::{Clock, DeployHookId, ProjectId, UserId};
use berth_secrets::{Attempts, neighbourhood};

/// Failures that an account may see in a [`WINDOW`].
const PER_ACCOUNT: u32 = 10;
/// Failures that an address may cause in a [`WINDOW`]; several people can share one.
const PER_ADDRESS: u32 = 50;
/// Departures for GitHub from an address in a [`WINDOW`]: each is remembered in the database.
const DEPARTURES: u32 = 100;
/// Detections of a user in a [`WINDOW`]: somebody who picks a repository, and tries out settings.
const DETECTIONS: u32 = 60;
/// Calls of a deploy hook in a [`WINDOW`].
const CALLS: u32 = 60;
/// Bodies of deliveries to a project's own hook that are kept in a [`WINDOW`].
const BODIES: u32 = 60;
const WINDOW: Duration = Duration::from_secs(15 * 60);

/// Remembers failed attempts.
pub(crate) struct Throttle {
    clock: Clock,
    seen: Mutex<Seen>,
}

struct Seen {
    accounts: Attempts<String>,
    addresses: Attempts<IpAddr>,
    departures: Attempts<Option<IpAddr>>,
    calls: Attempts<DeployHookId>,
    detections: Attempts<UserId>,
    bodies: Attempts<ProjectId>,
}

impl Throttle {
    /// Nobody has failed yet.
    pub(crate) fn new(clock: Clock) -> Self {
        let seen = Seen {
            accounts: Attempts::new(PER_ACCOUNT, WINDOW),
            addresses: Attempts::new(PER_ADDRESS, WINDOW),
            departures: Attempts::new(DEPARTURES, WINDOW),
            calls: Attempts::new(CALLS, WINDOW),
            detections: Attempts::new(DETECTIONS, WINDOW),
            bodies: Attempts::new(BODIES, WINDOW),
        };
        Self { clock, seen: Mutex::new(seen) }
    }

    /// Counts an attempt.
    ///
    /// # Errors
    /// How long to wait, when there were too many.
    pub(crate) fn admit(&self, account: &str, address: Option<IpAddr>) -> Result<(), Duration> {
        let now = self.clock.now();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(address) = address.map(neighbourhood) {
            seen.addresses.count(address, now)?;
        }
        seen.accounts.count(account.to_owned(), now)
    }

    /// Counts a sign-in that leaves for GitHub.
    ///
    /// # Errors
    /// How long to wait, when there were too many.
    pub(crate) fn admit_departure(&self, address: Option<IpAddr>) -> Result<(), Duration> {
        let now = self.clock.now();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.departures.count(address.map(neighbourhood), now)
    }

    /// Counts a detection.
    ///
    /// # Errors
    /// How long to wait, when there were too many.
    pub(crate) fn admit_detection(&self, user: UserId) -> Result<(), Duration> {
        let now = self.clock.now();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.detections.count(user, now)
    }

    /// Counts a call of a deploy hook.
    ///
    /// # Errors
    /// How long to wait, when there were too many.
    pub(crate) fn admit_call(&self, hook: DeployHookId) -> Result<(), Duration> {
        let now = self.clock.now();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.calls.count(hook, now)
    }

    /// Counts a body that a project's own hook is to keep.
    ///
    /// # Errors
    /// How long to wait, when there were too many.
    pub(crate) fn admit_body(&self, project: ProjectId) -> Result<(), Duration> {
        let now = self.clock.now();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.bodies.count(project, now)
    }

    /// Takes back what [`Throttle::admit`] counted: the password was right.
    pub(crate) fn forgive(&self, account: &str, address: Option<IpAddr>) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.accounts.forget(&account.to_owned());
        if let Some(address) = address {
            seen.addresses.forgive(&neighbourhood(address));
        }
    }
}

#[cfg(test)]
mod tests {
    use berth_model::Timestamp;

    use super::*;

    #[test]
    fn an_account_is_closed_after_ten_failures_and_opens_again() {
        let clock = Clock::manual(Timestamp(0));
        let throttle = Throttle::new(clock.clone());
        for _ in 0..PER_ACCOUNT {
            assert_eq!(throttle.admit("ada", None), Ok(()));
        }
        clock.advance(Duration::from_secs(60));
        assert_eq!(throttle.admit("ada", None), Err(WINDOW - Duration::from_secs(60)));
        assert_eq!(throttle.admit("bob", None), Ok(()), "others are not affected");
        clock.advance(WINDOW);
        assert_eq!(throttle.admit("ada", None), Ok(()));
    }

    #[test]
    fn an_address_is_closed_whatever_account_it_tries() {
        let throttle = Throttle::new(Clock::manual(Timestamp(0)));
        let address = Some(IpAddr::from([192, 0, 2, 1]));
        for attempt in 0..PER_ADDRESS {
            assert_eq!(throttle.admit(&attempt.to_string(), address), Ok(()));
        }
        assert!(throttle.admit("one more", address).is_err());
        let mapped = Some("::ffff:192.0.2.1".parse().unwrap());
        assert!(throttle.admit("and another", mapped).is_err(), "the same address, written as IPv6");
    }

    #[test]
    fn a_whole_network_is_one_address() {
        let throttle = Throttle::new(Clock::manual(Timestamp(0)));
        for attempt in 0..PER_ADDRESS {
            let address = Some(format!("2001:db8::{attempt:x}").parse().unwrap());
            assert_eq!(throttle.admit(&attempt.to_string(), address), Ok(()));
        }
        assert!(throttle.admit("x", Some("2001:db8::ffff".parse().unwrap())).is_err());
        assert_eq!(throttle.admit("x", Some("2001:db8:0:1::1".parse().unwrap())), Ok(()));
    }

    #[test]
    fn success_is_forgiven() {
        let throttle = Throttle::new(Clock::manual(Timestamp(0)));
        for _ in 0..100 {
            assert_eq!(throttle.admit("ada", None), Ok(()));
            throttle.forgive("ada", None);
        }
    }

    #[test]
    fn departures_are_counted_by_address() {
        let throttle = Throttle::new(Clock::manual(Timestamp(0)));
        let address = |last| Some(IpAddr::from([192, 0, 2, last]));
        for _ in 0..DEPARTURES {
            assert_eq!(throttle.admit_departure(address(1)), Ok(()));
        }
        assert_eq!(throttle.admit_departure(address(1)), Err(WINDOW));
        assert_eq!(throttle.admit_departure(address(2)), Ok(()));
    }

    #[test]
    fn calls_are_counted_by_hook() {
        let clock = Clock::manual(Timestamp(0));
        let throttle = Throttle::new(clock.clone());
        for _ in 0..CALLS {
            assert_eq!(throttle.admit_call(DeployHookId(1)), Ok(()));
        }
        assert_eq!(throttle.admit_call(DeployHookId(1)), Err(WINDOW));
        assert_eq!(throttle.admit_call(DeployHookId(2)), Ok(()));
        clock.advance(WINDOW);
        assert_eq!(throttle.admit_call(DeployHookId(1)), Ok(()));
    }
}
