//! How much of the API anybody may ask for in a minute: strangers by their address, whoever changes something by their
//! account. In memory, bounded, for both databases alike.
//!
//! - Nobody who is signed in is kept out by what others at their address do: a request beyond the address's limit is
//!   refused only if it comes from nobody.
//! - The programs of an account share a limit of their own: one that runs wild does not lock its owner out of the
//!   dashboard, and more tokens are no way around it.
//! - Folders that are sent are not counted: they have turns, a pace and room of their own (`server::folders`).
//! - Of a socket its beginning is counted: each takes memory, before anybody has said who they are.
//! - Hooks are not counted here. What a flood there could use up has limits of its own: memory for bodies
//!   (`webhooks::body`), deliveries that are kept, and calls (`auth::Throttle`).
//!
//! Guessing of passwords is slowed down by `auth::Throttle`, which is stricter.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use berth_model::{Clock, UserId};
use berth_secrets::{Attempts, neighbourhood};
use berth_store::Act;
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode, Uri};

use crate::auth::Caller;
use crate::config::RateLimits;
use crate::error::{ApiError, ErrorCode};
use crate::webhooks::is_hook_path;
use crate::{Api, ClientAddress};

const MINUTE: Duration = Duration::from_secs(60);

/// Who changes something: an account's owner, or its programs together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Writer {
    Person(UserId),
    ProgramsOf(UserId),
}

impl Writer {
    /// Whose account it is.
    pub(crate) fn user(self) -> UserId {
        match self {
            Self::Person(user) | Self::ProgramsOf(user) => user,
        }
    }
}

/// Counts requests.
pub(crate) struct Limits {
    clock: Clock,
    limits: RateLimits,
    counted: Mutex<Counted>,
}

struct Counted {
    strangers: Attempts<IpAddr>,
    writers: Attempts<Writer>,
}

impl Limits {
    /// Nobody has asked for anything yet.
    pub(crate) fn new(clock: Clock, limits: RateLimits) -> Self {
        let attempts_of = |limit: Option<NonZeroU32>| limit.map_or(u32::MAX, NonZeroU32::get);
        let counted = Counted {
            strangers: Attempts::new(attempts_of(limits.strangers), MINUTE),
            writers: Attempts::new(attempts_of(limits.writes), MINUTE),
        };
        Self { clock, limits, counted: Mutex::new(counted) }
    }

    /// Counts a change.
    ///
    /// # Errors
    /// 429 when there were too many.
    pub(crate) fn admit_write(&self, writer: Writer) -> Result<(), ApiError> {
        let Some(limit) = self.limits.writes else { return Ok(()) };
        let now = self.clock.now();
        self.counted().writers.count(writer, now).map_err(|wait| {
            let whose = match writer {
                Writer::Person(_) => "this account",
                Writer::ProgramsOf(_) => "the API tokens of this account",
            };
            too_many(format!("{whose} may make {limit} changes in a minute"), wait)
        })
    }

    /// Counts a request of an address of which nothing is known yet.
    fn admit_stranger(&self, address: IpAddr) -> Result<(), ApiError> {
        let Some(limit) = self.limits.strangers else { return Ok(()) };
        let now = self.clock.now();
        self.counted().strangers.count(neighbourhood(address), now).map_err(|wait| {
            too_many(format!("an address may ask {limit} times in a minute without being signed in"), wait)
        })
    }

    /// Takes back what was counted: it came from somebody.
    fn forgive(&self, address: IpAddr) {
        self.counted().strangers.forgive(&neighbourhood(address));
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// 429 that says how long to wait.
fn too_many(why: String, wait: Duration) -> ApiError {
    let seconds = wait.as_secs().max(1);
    let message = format!("{why}; try again in {seconds} seconds");
    ApiError::new(StatusCode::TOO_MANY_REQUESTS, ErrorCode::TooManyRequests, message)
        .with_header(RETRY_AFTER, HeaderValue::from(seconds))
}

/// Middleware: refuses strangers who ask too often, before anything is done for them.
pub(crate) async fn admit(State(api): State<Api>, request: Request, next: Next) -> Result<Response, ApiError> {
    let path = request.uri().path();
    let is_counted =
        (path == "/api" || path.starts_with("/api/")) && !is_hook_path(path) || begins_socket(request.uri());
    let address = request.extensions().get::<ClientAddress>().map(|ClientAddress(address)| *address);
    let Some(address) = address.filter(|_| is_counted) else { return Ok(next.run(request).await) };
    match api.limits.admit_stranger(address) {
        Ok(()) => {
            let response = next.run(request).await;
            if Act::under_way().is_some_and(|act| act.is_known()) {
                api.limits.forgive(address);
            }
            Ok(response)
        }
        Err(refusal) => {
            let (parts, body) = request.into_parts();
            if Caller::is_somebody(&api, &parts).await {
                Ok(next.run(Request::from_parts(parts, body)).await)
            } else {
                Err(refusal)
            }
        }
    }
}

/// Whether somebody wants a new socket, and is not talking over one.
fn begins_socket(address: &Uri) -> bool {
    let names_one = |query: &str| query.split('&').any(|pair| pair.starts_with("sid="));
    matches!(address.path(), "/socket.io" | "/socket.io/") && !address.query().is_some_and(names_one)
}

#[cfg(test)]
mod tests {
    use berth_model::Timestamp;

    use super::*;

    fn of(strangers: u32, writes: u32) -> (Clock, Limits) {
        let clock = Clock::manual(Timestamp(0));
        let limits = RateLimits { strangers: NonZeroU32::new(strangers), writes: NonZeroU32::new(writes) };
        (clock.clone(), Limits::new(clock, limits))
    }

    #[test]
    fn programs_do_not_use_up_what_their_owner_may() {
        let (clock, limits) = of(1, 2);
        let (ada, programs) = (Writer::Person(UserId(1)), Writer::ProgramsOf(UserId(1)));
        assert!(limits.admit_write(programs).is_ok() && limits.admit_write(programs).is_ok());
        let refused = limits.admit_write(programs).unwrap_err();
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(
            refused.message(),
            "the API tokens of this account may make 2 changes in a minute; try again in 60 seconds"
        );
        assert!(limits.admit_write(ada).is_ok());
        assert!(limits.admit_write(Writer::Person(UserId(2))).is_ok());
        clock.advance(MINUTE);
        assert!(limits.admit_write(programs).is_ok());
    }

    #[test]
    fn no_limit_is_none() {
        let (_, limits) = of(0, 0);
        for _ in 0..1_000 {
            assert!(limits.admit_write(Writer::Person(UserId(1))).is_ok());
            assert!(limits.admit_stranger(IpAddr::from([192, 0, 2, 1])).is_ok());
        }
    }
}
