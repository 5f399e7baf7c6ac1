//! Protected sites: whether a visitor may see anything of one (HTTP Basic, RFC 7617).
//!
//! Telling whether a password is right is slow by design, so it happens once: away from the threads that serve, a few at
//! a time, and counted against the address that tries. What was right is remembered by a keyed hash of the lock and
//! what was sent; a lock that changes opens to nothing that was remembered. A visitor without a password costs nothing,
//! and so does a site without a lock.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use berth_model::{Clock, Lock};
use berth_secrets::{Attempts, SecretString, constant_time_eq, neighbourhood, token, token_hash, verify_password};
use http::{HeaderMap, Response, header};
use tokio::sync::Semaphore;

use crate::body::EdgeBody;
use crate::pages;

/// Passwords that are looked at at the same time: each takes 19 MiB and tens of milliseconds of a core.
const AT_ONCE: usize = 2;
/// For a password's turn to be looked at.
const TURN_WITHIN: Duration = Duration::from_secs(5);
/// Wrong passwords of an address in a [`WINDOW`]; several people can share one.
const WRONG: u32 = 50;
const WINDOW: Duration = Duration::from_secs(15 * 60);
/// Right ones that are remembered, twice: 32 bytes each.
const REMEMBERED: usize = 4_096;

/// Marks a request of Berth itself, which asks whether a site answers. No connection can carry it.
#[derive(Clone, Copy, Debug)]
pub struct Insider;

/// What opens locks, for all sites.
#[derive(Debug)]
pub(crate) struct Gate {
    clock: Clock,
    /// Of this process.
    key: SecretString,
    known: Mutex<Known>,
    attempts: Mutex<Attempts<IpAddr>>,
    turns: Arc<Semaphore>,
}

/// What opened a lock lately. When the newer half is full it becomes the older one, which is forgotten.
#[derive(Debug, Default)]
struct Known {
    newer: HashSet<[u8; 32]>,
    older: HashSet<[u8; 32]>,
}

impl Known {
    fn has(&mut self, mark: [u8; 32]) -> bool {
        if self.newer.contains(&mark) {
            return true;
        }
        let known = self.older.remove(&mark);
        if known {
            self.put(mark);
        }
        known
    }

    fn put(&mut self, mark: [u8; 32]) {
        if self.newer.len() >= REMEMBERED {
            self.older = std::mem::take(&mut self.newer);
        }
        self.newer.insert(mark);
    }
}

impl Gate {
    pub(crate) fn new(clock: Clock) -> Self {
        let attempts = Mutex::new(Attempts::new(WRONG, WINDOW));
        Self { clock, key: token(), known: Mutex::default(), attempts, turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// Whether a request may see what is behind a lock, as far as that is known already.
    pub(crate) fn is_open(&self, lock: &Lock, headers: &HeaderMap) -> bool {
        sent(headers).is_some_and(|sent| self.knows(self.mark(lock, sent)))
    }

    /// Finds out whether a request opens a lock, which [`Gate::is_open`] then knows.
    ///
    /// # Errors
    /// The answer, where it is not even looked at: too many wrong ones came from this address, or too many at once.
    #[allow(clippy::result_large_err, reason = "it is the answer, and rare")]
    pub(crate) async fn try_key(
        &self,
        lock: &Lock,
        headers: &HeaderMap,
        client: IpAddr,
    ) -> Result<(), Response<EdgeBody>> {
        let Some(sent) = sent(headers) else { return Ok(()) };
        let Some((user, password)) = read(sent) else { return Ok(()) };
        let mark = self.mark(lock, sent);
        if self.knows(mark) {
            return Ok(());
        }
        let client = neighbourhood(client);
        let now = self.clock.now();
        let counted = self.attempts.lock().unwrap_or_else(PoisonError::into_inner).count(client, now);
        counted.map_err(pages::too_many_passwords)?;
        let turn = tokio::time::timeout(TURN_WITHIN, Arc::clone(&self.turns).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else { return Err(pages::busy()) };
        // A page asks for many files at once; the first of them may have found out.
        if !self.knows(mark) {
            let hash = lock.hash.clone();
            // The turn lasts as long as the work, even if nobody waits for it any more.
            let look = move || {
                let _turn = turn;
                verify_password(&password, Some(&hash))
            };
            let fits = tokio::task::spawn_blocking(look).await;
            let knows_user =
                lock.user.as_ref().is_none_or(|wanted| constant_time_eq(wanted.as_bytes(), user.as_bytes()));
            if !(fits.unwrap_or(false) && knows_user) {
                return Ok(());
            }
            self.known.lock().unwrap_or_else(PoisonError::into_inner).put(mark);
        }
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner).forgive(&client);
        Ok(())
    }

    fn knows(&self, mark: [u8; 32]) -> bool {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).has(mark)
    }

    /// What is remembered of a lock and what opened it.
    fn mark(&self, Lock { user, hash }: &Lock, sent: &str) -> [u8; 32] {
        let user = user.as_ref().map(|user| format!("{}:{user}", user.len())).unwrap_or_default();
        token_hash(&format!("{} {hash} {user} {sent}", self.key.expose()))
    }
}

/// What follows `Basic ` in the one `Authorization` header.
fn sent(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let (scheme, sent) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("basic").then_some(sent.trim_matches(' '))
}

/// The user and the password.
fn read(sent: &str) -> Option<(String, SecretString)> {
    let decoded = String::from_utf8(STANDARD.decode(sent).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some((user.to_owned(), SecretString::from(password.to_owned())))
}

#[cfg(test)]
mod tests {
    use berth_model::Timestamp;
    use berth_secrets::hash_password;

    use super::*;

    fn with(user: &str, password: &str) -> HeaderMap {
        let value = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
        HeaderMap::from_iter([(header::AUTHORIZATION, value.parse().unwrap())])
    }

    const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    #[tokio::test]
    async fn a_password_is_looked_at_once_and_forgotten_with_its_lock() {
        let gate = Gate::new(Clock::manual(Timestamp(0)));
        let lock = |user: Option<&str>, password: &str| Lock {
            user: user.map(str::to_owned),
            hash: hash_password(&SecretString::from(password.to_owned())),
        };
        let shop = lock(None, "open sesame");
        let right = with("anybody", "open sesame");
        assert!(!gate.is_open(&shop, &right));
        gate.try_key(&shop, &right, CLIENT).await.unwrap();
        assert!(gate.is_open(&shop, &right));
        for wrong in [with("anybody", "open"), HeaderMap::new(), with("", "")] {
            gate.try_key(&shop, &wrong, CLIENT).await.unwrap();
            assert!(!gate.is_open(&shop, &wrong));
        }
        // Another lock, even of the same password.
        assert!(!gate.is_open(&lock(None, "open sesame"), &right));
        let named = Lock { user: Some("ada".to_owned()), ..shop.clone() };
        gate.try_key(&named, &right, CLIENT).await.unwrap();
        assert!(!gate.is_open(&named, &right));
        let ada = with("ada", "open sesame");
        gate.try_key(&named, &ada, CLIENT).await.unwrap();
        assert!(gate.is_open(&named, &ada));
    }

    #[tokio::test]
    async fn who_leaves_frees_no_turn() {
        let gate = Gate::new(Clock::manual(Timestamp(0)));
        let lock = Lock { user: None, hash: hash_password(&"open sesame".into()) };
        for guess in 0..2 * AT_ONCE {
            let headers = with("", &guess.to_string());
            // Polled until the work has begun or its turn has not come, then dropped.
            let tried = tokio::time::timeout(Duration::from_micros(1), gate.try_key(&lock, &headers, CLIENT));
            assert!(tried.await.is_err());
        }
        assert_eq!(gate.turns.available_permits(), 0);
    }

    #[tokio::test]
    async fn guessing_is_slowed_down_by_address() {
        let clock = Clock::manual(Timestamp(0));
        let gate = Gate::new(clock.clone());
        // Not a hash: every password is wrong, and quickly so.
        let lock = Lock { user: None, hash: "none".to_owned() };
        for guess in 0..WRONG {
            gate.try_key(&lock, &with("", &guess.to_string()), CLIENT).await.unwrap();
        }
        let refusal = gate.try_key(&lock, &with("", "one more"), CLIENT).await.unwrap_err();
        assert_eq!((refusal.status().as_u16(), refusal.headers()["retry-after"].to_str().unwrap()), (429, "900"));
        assert!(gate.try_key(&lock, &with("", "one more"), "192.0.2.2".parse().unwrap()).await.is_ok());
        assert!(gate.try_key(&lock, &HeaderMap::new(), CLIENT).await.is_ok(), "no password is no guess");
        clock.advance(WINDOW);
        assert!(gate.try_key(&lock, &with("", "one more"), CLIENT).await.is_ok());
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut known = Known::default();
        let mark = |number: u32| {
            let mut mark = [0; 32];
            mark[..4].copy_from_slice(&number.to_le_bytes());
            mark
        };
        for number in 0..3 * REMEMBERED as u32 {
            known.put(mark(number));
            assert!(known.has(mark(0)) || number as usize > REMEMBERED, "what is asked for stays");
        }
        assert!(known.newer.len() + known.older.len() <= 2 * REMEMBERED);
    }
}
