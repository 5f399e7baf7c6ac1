//! The bytes of a body: all of them, up to a limit, with no more memory than they need. Anybody can send them: what is
//! large takes turns, what is small shares a budget, and neither may take long. Turn and share last as long as what was
//! collected is [`Held`]: a slow database makes others wait and takes no memory.
//!
//! Deliveries and forms have budgets of their own, so that neither keeps the other away; and one address has a part of them
//! at most, so that somebody who sends slowly keeps nobody's deliveries away but their own. A private address has no such
//! limit: behind a proxy that `BERTH_TRUSTED_PROXIES` does not name everybody has the same.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use axum::body::Body;
use berth_model::is_private;
use berth_secrets::neighbourhood;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore, TryAcquireError};
use tokio::time::{Instant, timeout_at};

use crate::error::{ApiError, ErrorCode};

/// GitHub sends no payload over 25 MB.
const LARGEST_DELIVERY: usize = 25 << 20;
/// What a form may have, too: a whole `.env` has less.
pub(crate) const LARGEST_FORM: usize = 1 << 20;

/// Bodies up to this size take no turn; nearly all have it.
const SMALL: usize = 1 << 20;
/// So much of each is free; the rest of all small ones together is counted, in KiB.
const FREE: usize = 16 << 10;
const SMALL_TOGETHER: usize = 64 << 10;
const FORMS_TOGETHER: usize = 32 << 10;
/// Larger ones that are collected at once.
const LARGE_AT_ONCE: usize = 4;
/// The same of one address, and its part of the budget.
const LARGE_OF_ONE: usize = 2;
const PART_OF_ONE: usize = 4;
/// Larger ones that wait for their turn, each with what came of it so far; and those of one address.
const WAITING: usize = 16;
const WAITING_OF_ONE: usize = 4;
/// Addresses that are remembered before those from which nothing comes any more are forgotten.
const MANY: usize = 1_000;
/// For so long a body may take; a larger one may wait for its turn as long, and take as long from then on.
const PATIENCE: Duration = Duration::from_secs(30);

/// Collects bodies of one kind.
pub(crate) struct Bodies {
    /// What they are, for words.
    what: &'static str,
    largest: usize,
    room: Room,
    /// Of each address from which something comes.
    rooms: Mutex<HashMap<IpAddr, Weak<Room>>>,
    /// How much one of them has.
    of_one: (usize, usize, usize),
    patience: Duration,
}

/// What bodies take.
struct Room {
    turns: Arc<Semaphore>,
    /// Where a turn is waited for.
    waiting: Arc<Semaphore>,
    /// In KiB.
    budget: Arc<Semaphore>,
}

impl Room {
    fn of((turns, waiting, budget): (usize, usize, usize)) -> Self {
        let [turns, waiting, budget] = [turns, waiting, budget].map(|most| Arc::new(Semaphore::new(most)));
        Self { turns, waiting, budget }
    }
}

/// The turn or the share of the budget that a body has, until this is dropped.
#[derive(Default)]
pub(crate) struct Held {
    turn: Option<Permits>,
    share: Option<Permits>,
    /// Remembered for as long as something of it is held.
    own: Option<Arc<Room>>,
}

/// So much of what there is for all, and of what there is for the sender's address.
struct Permits {
    of_all: OwnedSemaphorePermit,
    of_own: Option<OwnedSemaphorePermit>,
}

impl Permits {
    /// First of the sender's own: who waits for that holds nothing that others could have.
    async fn take(all: &Arc<Semaphore>, own: Option<&Arc<Semaphore>>, number: u32) -> Result<Self, AcquireError> {
        let of_own = match own {
            Some(own) => Some(Arc::clone(own).acquire_many_owned(number).await?),
            None => None,
        };
        Ok(Self { of_all: Arc::clone(all).acquire_many_owned(number).await?, of_own })
    }

    /// One of each, if there is one now.
    fn try_take(all: &Arc<Semaphore>, own: Option<&Arc<Semaphore>>) -> Result<Self, TryAcquireError> {
        let of_own = own.map(|own| Arc::clone(own).try_acquire_owned()).transpose()?;
        Ok(Self { of_all: Arc::clone(all).try_acquire_owned()?, of_own })
    }

    fn merge(&mut self, more: Self) {
        self.of_all.merge(more.of_all);
        if let (Some(of_own), Some(more)) = (&mut self.of_own, more.of_own) {
            of_own.merge(more);
        }
    }
}

impl Bodies {
    pub(crate) fn of_deliveries() -> Self {
        Self::of("a delivery", LARGEST_DELIVERY, SMALL_TOGETHER)
    }

    pub(crate) fn of_forms() -> Self {
        Self::of("a body", LARGEST_FORM, FORMS_TOGETHER)
    }

    fn of(what: &'static str, largest: usize, together: usize) -> Self {
        let of_one = (LARGE_OF_ONE, WAITING_OF_ONE, together / PART_OF_ONE);
        let room = Room::of((LARGE_AT_ONCE, WAITING, together));
        Self { what, largest, room, rooms: Mutex::default(), of_one, patience: PATIENCE }
    }

    /// What there is for bodies from this address.
    fn room_of(&self, sender: IpAddr) -> Arc<Room> {
        let sender = neighbourhood(sender);
        let mut rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = rooms.get(&sender).and_then(Weak::upgrade) {
            return known;
        }
        if rooms.len() >= MANY {
            rooms.retain(|_, room| room.strong_count() > 0);
        }
        let room = Arc::new(Room::of(self.of_one));
        rooms.insert(sender, Arc::downgrade(&room));
        room
    }

    /// Collects a body. One that says it is too long is refused before a byte is read, one that lies as soon as it
    /// crosses the limit.
    pub(crate) async fn collect(
        &self,
        sender: Option<IpAddr>,
        headers: &HeaderMap,
        mut body: Body,
    ) -> Result<(Bytes, Held), ApiError> {
        let announced = headers
            .get(header::CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok())
            .and_then(|length| length.parse::<usize>().ok())
            .unwrap_or_default();
        if announced > self.largest {
            return Err(self.too_large());
        }
        // Memory follows the bytes that have come, not the promise of them.
        let mut collected = BytesMut::with_capacity(announced.min(64 << 10));
        let mut until = Instant::now() + self.patience;
        let mut held = Held::default();
        loop {
            let frame = timeout_at(until, body.frame()).await.map_err(|_| self.too_slow())?;
            let Some(frame) = frame else { return Ok((collected.freeze(), held)) };
            let frame = frame.map_err(|error| ApiError::bad_request("the body was cut off").caused_by(error))?;
            let Ok(data) = frame.into_data() else { continue };
            if collected.len() + data.len() > self.largest {
                return Err(self.too_large());
            }
            let length = collected.len() + data.len();
            if held.turn.is_none() && length > FREE && held.own.is_none() {
                held.own = sender.filter(|sender| !is_private(*sender)).map(|sender| self.room_of(sender));
            }
            let own = held.own.as_deref();
            if held.turn.is_none() && length > SMALL {
                // Who waits for a turn keeps nothing that others wait for, and waits for so long at most. What came of
                // it so far is in memory all the same: few may wait.
                let waiting = Permits::try_take(&self.room.waiting, own.map(|own| &own.waiting));
                let _waiting = waiting.map_err(|_| self.too_many())?;
                held.share = None;
                let turn = Permits::take(&self.room.turns, own.map(|own| &own.turns), 1);
                let turn = timeout_at(Instant::now() + self.patience, turn).await.map_err(|_| self.too_slow())?;
                held.turn = Some(turn.map_err(ApiError::internal)?);
                until = Instant::now() + self.patience;
            }
            if held.turn.is_none() && length > FREE {
                // Data of one frame is less than SMALL.
                let wanted = data.len().div_ceil(1 << 10) as u32;
                let more = Permits::take(&self.room.budget, own.map(|own| &own.budget), wanted);
                let more = timeout_at(until, more).await.map_err(|_| self.too_slow())?.map_err(ApiError::internal)?;
                match &mut held.share {
                    Some(share) => share.merge(more),
                    none => *none = Some(more),
                }
            }
            collected.extend_from_slice(&data);
        }
    }

    fn too_slow(&self) -> ApiError {
        let message = format!("{} has {} seconds to come in", self.what, PATIENCE.as_secs());
        ApiError::new(StatusCode::REQUEST_TIMEOUT, ErrorCode::TooSlow, message)
    }

    fn too_many(&self) -> ApiError {
        let message = format!("too many large ones come in already; send {} again in a moment", self.what);
        ApiError::unavailable(message)
    }

    fn too_large(&self) -> ApiError {
        let message = format!("{} has at most {} MiB", self.what, self.largest >> 20);
        ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::TooLarge, message)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::StreamExt;
    use futures_util::stream;

    use super::*;

    fn deliveries() -> Bodies {
        Bodies::of_deliveries()
    }

    fn sending(bytes: usize) -> stream::Iter<std::vec::IntoIter<Result<Bytes, Infallible>>> {
        stream::iter(vec![Ok(Bytes::from(vec![b'x'; bytes]))])
    }

    #[tokio::test]
    async fn large_ones_take_turns_and_none_holds_its_for_ever() {
        let room = Room::of((1, WAITING, SMALL_TOGETHER));
        let bodies = Arc::new(Bodies { room, patience: Duration::from_secs(2), ..deliveries() });
        let (stalls, of_stalling) = (Body::from_stream(sending(SMALL + 1).chain(stream::pending())), bodies.clone());
        let stalling = tokio::spawn(async move { of_stalling.collect(None, &HeaderMap::new(), stalls).await });
        while bodies.room.turns.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let headers = HeaderMap::new();
        let small = bodies.collect(None, &headers, Body::from_stream(sending(SMALL)));
        assert!(small.await.is_ok() && bodies.room.turns.available_permits() == 0, "a small one waits for nobody");
        let large = bodies.collect(None, &headers, Body::from_stream(sending(LARGEST_DELIVERY)));
        let (large, held) = large.await.unwrap();
        assert_eq!(large.len(), LARGEST_DELIVERY);
        assert_eq!(bodies.room.turns.available_permits(), 0, "it has its turn while it is held");
        drop(held);
        assert_eq!(stalling.await.unwrap().err().unwrap().code(), ErrorCode::TooSlow.into(), "its turn ended first");
        assert_eq!(bodies.room.turns.available_permits(), 1);
    }

    /// Bodies that come in drips, however many, have a budget and an end.
    #[tokio::test]
    async fn small_ones_share_a_budget_and_none_holds_its_share_for_ever() {
        let room = Room::of((LARGE_AT_ONCE, WAITING, 100));
        let bodies = Arc::new(Bodies { room, patience: Duration::from_secs(3), ..deliveries() });
        let collect = |first: usize, ends: bool| {
            let bodies = bodies.clone();
            let rest = if ends { stream::empty().left_stream() } else { stream::pending().right_stream() };
            let body = Body::from_stream(sending(first).chain(rest));
            tokio::spawn(async move { bodies.collect(None, &HeaderMap::new(), body).await.map(|(body, _)| body.len()) })
        };
        let stalling = collect(90 << 10, false);
        while bodies.room.budget.available_permits() > 10 {
            tokio::task::yield_now().await;
        }
        assert_eq!(collect(FREE, true).await.unwrap().unwrap(), FREE, "a usual one needs no share");
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        let waiting = collect(50 << 10, true);
        assert_eq!(stalling.await.unwrap().unwrap_err().code(), ErrorCode::TooSlow.into());
        assert_eq!(waiting.await.unwrap().unwrap(), 50 << 10, "it waited for the other's share");
        assert_eq!(bodies.room.budget.available_permits(), 100);
        assert_eq!(collect(90 << 10, true).await.unwrap().unwrap(), 90 << 10);
    }

    /// Whoever waits for a turn has nothing that others wait for, and not for ever.
    #[tokio::test]
    async fn who_waits_for_a_turn_holds_nothing() {
        let room = Room::of((0, 1, SMALL_TOGETHER));
        let bodies = Arc::new(Bodies { room, patience: Duration::from_secs(2), ..deliveries() });
        let of_waiting = bodies.clone();
        let pieces: Vec<Result<Bytes, Infallible>> = vec![Ok(vec![b'x'; SMALL].into()), Ok(vec![b'x'; SMALL].into())];
        let large = Body::from_stream(stream::iter(pieces));
        let waiting = tokio::spawn(async move { of_waiting.collect(None, &HeaderMap::new(), large).await });
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert!(!waiting.is_finished());
        assert_eq!(bodies.room.budget.available_permits(), SMALL_TOGETHER);
        // Each that waits has a mebibyte in memory: one too many is refused at once.
        let refused = bodies.collect(None, &HeaderMap::new(), Body::from_stream(sending(SMALL + 1))).await;
        assert_eq!(refused.err().unwrap().code(), ErrorCode::Unavailable.into());
        let waited = tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("not for ever").unwrap();
        assert_eq!(waited.err().unwrap().code(), ErrorCode::TooSlow.into());
    }

    /// Somebody who begins very many and ends none: of theirs most wait, and everybody else is served meanwhile.
    #[tokio::test]
    async fn one_address_has_a_part_of_it() {
        let bodies = Arc::new(deliveries());
        let address = |last| Some(IpAddr::from([192, 0, 2, last]));
        let send = |sender, first: usize, ends: bool| {
            let bodies = bodies.clone();
            let rest = if ends { stream::empty().left_stream() } else { stream::pending().right_stream() };
            let body = Body::from_stream(sending(first).chain(rest));
            tokio::spawn(
                async move { bodies.collect(sender, &HeaderMap::new(), body).await.map(|(body, _)| body.len()) },
            )
        };
        let slow: Vec<_> =
            (0..200).map(|number| send(address(1), if number % 2 == 0 { SMALL } else { SMALL + 1 }, false)).collect();
        let of_one = (LARGE_OF_ONE, SMALL_TOGETHER / PART_OF_ONE);
        let left = || (bodies.room.turns.available_permits(), bodies.room.budget.available_permits());
        while left() != (LARGE_AT_ONCE - of_one.0, SMALL_TOGETHER - of_one.1) {
            tokio::task::yield_now().await;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(left(), (LARGE_AT_ONCE - of_one.0, SMALL_TOGETHER - of_one.1));
        for size in [FREE, SMALL, LARGEST_DELIVERY] {
            let served = tokio::time::timeout(Duration::from_secs(5), send(address(2), size, true)).await;
            assert_eq!(served.expect("it waits for nobody else's").unwrap().unwrap(), size);
        }
        // Behind a proxy all are one address.
        let of_proxy = Some(IpAddr::from([172, 17, 0, 1]));
        let many: Vec<_> = (0..of_one.1 / 1_024 + 1).map(|_| send(of_proxy, SMALL, false)).collect();
        let beyond_a_part = async {
            while left().1 + 2 * of_one.1 >= SMALL_TOGETHER {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), beyond_a_part).await.expect("a proxy has no part");
        for sending in many {
            sending.abort();
        }
        for sending in slow {
            sending.abort();
        }
        let _ = send(address(1), SMALL, true).await.unwrap();
        assert_eq!(left(), (LARGE_AT_ONCE, SMALL_TOGETHER));
    }
}
