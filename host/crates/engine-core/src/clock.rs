//! The time: the only place that reads the system's clocks. Everything else is given a [`Clock`], or the time itself.
//!
//! The time is the wall clock's when the host starts, and goes on from there by a clock that nobody sets: so a delay takes
//! as long as it says, durations are right and lists stay in order when the wall clock is set back or forward under a
//! running host. Its next start takes the wall clock over, but never goes behind what is stored
//! ([`SystemClock::go_on_from`]). The clock that tests turn is [`SetClock`](crate::SetClock).

use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use petrel_model::Timestamp;
use rustix::time::{ClockId, clock_gettime};

/// How often the wall clock is compared with ours.
const COMPARED: Duration = Duration::from_secs(30);
/// From which difference on, in microseconds, the wall clock was set rather than steered.
const SET: i64 = 2_000_000;

/// What services ask for the time.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The time now, to the microsecond. It never goes back.
    fn now(&self) -> Timestamp;

    /// What the wall clock of the machine says, which may be set. Nothing is decided by it.
    fn wall(&self) -> Timestamp;

    /// The point in time for waiting and measuring.
    fn monotonic(&self) -> Instant;

    /// Waits until [`monotonic`](Self::monotonic) has reached `at`.
    async fn sleep_until(&self, at: Instant);
}

/// The time of this machine. A process has one: all of these say the same.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl SystemClock {
    /// Goes on from `newest`, the time of the newest thing stored, if that is ahead of it: what comes is to be younger.
    /// Says by how much.
    pub fn go_on_from(self, newest: Timestamp) -> Duration {
        let ahead = newest.since(now());
        if !ahead.is_zero() {
            offset().fetch_add(i64::try_from(ahead.as_micros()).unwrap_or(i64::MAX), Ordering::Relaxed);
            tracing::warn!(
                seconds = ahead.as_secs(),
                "the wall clock is behind what is stored; the time goes on from there. Check the clock of this machine"
            );
        }
        ahead
    }
}

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        now()
    }

    fn wall(&self) -> Timestamp {
        Timestamp::from_micros(wall())
    }

    #[expect(clippy::disallowed_methods, reason = "this is where it is read for all")]
    fn monotonic(&self) -> Instant {
        Instant::now()
    }

    #[expect(clippy::disallowed_methods, reason = "this is where all wait")]
    async fn sleep_until(&self, at: Instant) {
        tokio::time::sleep_until(at.into()).await;
    }
}

/// The time of this process, for surfaces and commands, which have no clock of their own. Services ask their
/// [`Core`](crate::Core).
pub fn now() -> Timestamp {
    Timestamp::from_micros(steady().saturating_add(offset().load(Ordering::Relaxed)))
}

/// Tells in the log when the wall clock was set. It never ends.
pub(crate) async fn watch(clock: &dyn Clock) {
    let difference = || clock.wall().as_micros().saturating_sub(clock.now().as_micros());
    let mut told = difference();
    loop {
        clock.sleep_until(clock.monotonic() + COMPARED).await;
        let difference = difference();
        if (difference - told).abs() > SET {
            tracing::warn!(
                seconds = difference / 1_000_000,
                "the wall clock was set; this host goes on by its own until it is started again. What is due is due as before"
            );
            told = difference;
        }
    }
}

/// What is between the steady clock and the time, in microseconds.
fn offset() -> &'static AtomicI64 {
    static OFFSET: OnceLock<AtomicI64> = OnceLock::new();
    OFFSET.get_or_init(|| AtomicI64::new(wall().saturating_sub(steady())))
}

/// Microseconds since the Unix epoch by the wall clock, which may be set.
#[expect(clippy::disallowed_methods, reason = "this is where it is read for all")]
fn wall() -> i64 {
    // A clock before 1970 is a broken one; the epoch is as good an answer as any.
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// Microseconds since the machine started, its sleep included.
#[expect(clippy::disallowed_methods, reason = "this is where it is read for all")]
fn steady() -> i64 {
    let time = clock_gettime(ClockId::Boottime);
    time.tv_sec.saturating_mul(1_000_000).saturating_add(time.tv_nsec / 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_goes_on_from_what_is_stored_and_never_back() {
        let clock = SystemClock;
        let before = clock.now();
        assert_eq!(clock.go_on_from(before.minus(Duration::from_secs(60))), Duration::ZERO);
        let newest = clock.now().plus(Duration::from_secs(3600));
        assert!(clock.go_on_from(newest) > Duration::from_secs(3590));
        let times: Vec<_> = (0..1000).map(|_| clock.now()).collect();
        assert!(times.is_sorted() && times.iter().all(|time| *time >= newest));
        assert!(clock.wall() < newest, "the wall clock is as it was");
    }
}
