//! Time for limits: the kernel's coarse clock, which is right to a few milliseconds and costs next to nothing to ask.

use std::future::Future;
use std::pin::Pin;
use std::sync::LazyLock;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};
use rustix::time::{ClockId, clock_gettime};

/// Since some start that never changes.
pub(super) fn now() -> Duration {
    let now = clock_gettime(ClockId::MonotonicCoarse);
    Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or_default())
}

/// How far [`now`] may be behind.
pub(super) const COARSE: Duration = Duration::from_millis(20);

/// The same moment by both clocks.
static START: LazyLock<(Instant, Duration)> = LazyLock::new(|| (Instant::now(), now()));

/// [`now`] for whom it has to be an [`Instant`].
fn instant() -> Instant {
    let (start, by_coarse) = *START;
    start + now().saturating_sub(by_coarse)
}

/// hyper's timer for the head of a request. One is begun for each request, and hardly any ever ends: so it wakes nobody,
/// and is found to have ended when its connection is woken by its [`super::idle::IdleLimit`].
#[derive(Clone, Copy, Debug)]
pub(super) struct HeadTimer;

struct Until(Instant);

impl Timer for HeadTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(instant() + duration)
    }

    fn now(&self) -> Instant {
        instant()
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(Until(deadline))
    }
}

impl Future for Until {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if instant() >= self.0 { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Sleep for Until {}
