//! The clock, and the only place that reads the clocks of the system. All other code is given a [`Clock`], or a time.
//!
//! The host takes its time from the wall clock when it starts, and counts on from there by a clock that nobody can
//! set. So a delay takes as long as it says, durations are right and lists stay in order when the wall clock is set
//! while the host runs. The next start takes the wall clock over again, but never goes back behind the newest thing
//! stored ([`SystemClock::go_on_from`]). [`SetClock`](crate::SetClock) is the clock that tests turn.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use petrel_model::Timestamp;
use rustix::time::{ClockId, clock_gettime};

/// The interval at which the wall clock is compared with the host's time.
const COMPARED: Duration = Duration::from_secs(30);
/// The difference, in microseconds, from which the wall clock was set rather than slowed or sped up by a time
/// service.
const SET: i64 = 2_000_000;

/// A source of the time, for services.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The present time, in microseconds. It never goes back.
    fn now(&self) -> Timestamp;

    /// The time of the machine's wall clock, which may be set. Only for reports: no decision depends on it.
    fn wall(&self) -> Timestamp;

    /// The present point on a steady scale, for waiting and measuring.
    fn monotonic(&self) -> Instant;

    /// Waits until [`monotonic`](Self::monotonic) has reached `at`.
    async fn sleep_until(&self, at: Instant);
}

/// The clock of this machine. All values of this type tell the same time.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl SystemClock {
    /// Advances the clock to `newest`, the time of the newest thing stored, if the clock is behind it: new things
    /// must be younger than old ones. Returns the difference.
    pub fn go_on_from(self, newest: Timestamp) -> Duration {
        let ahead = newest.since(now());
        if !ahead.is_zero() {
            offset().fetch_add(i64::try_from(ahead.as_micros()).unwrap_or(i64::MAX), Ordering::Relaxed);
            tracing::warn!(
                seconds = ahead.as_secs(),
                "the wall clock is behind the newest row of the store; the host counts on from that row. Check the clock of this machine"
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

/// The present time of this process, for surfaces and commands, which have no clock of their own. Services ask their
/// [`Core`](crate::Core).
pub fn now() -> Timestamp {
    Timestamp::from_micros(steady().saturating_add(offset().load(Ordering::Relaxed)))
}

/// Reports in the log when the wall clock has been set. Never returns.
pub(crate) async fn watch(clock: &dyn Clock) {
    let difference = || clock.wall().as_micros().saturating_sub(clock.now().as_micros());
    // A difference at the start, after `go_on_from`, was reported by that already.
    let mut told = difference();
    loop {
        clock.sleep_until(clock.monotonic() + COMPARED).await;
        let difference = difference();
        if (difference - told).abs() > SET {
            tracing::warn!(
                seconds = difference / 1_000_000,
                "the wall clock was set; the host keeps its own time until it is started again, and delays stay as they are"
            );
            // The next report is due only after another change.
            told = difference;
        }
    }
}

/// The difference between the time and the steady clock, in microseconds.
fn offset() -> &'static AtomicI64 {
    static OFFSET: OnceLock<AtomicI64> = OnceLock::new();
    OFFSET.get_or_init(|| AtomicI64::new(wall().saturating_sub(steady())))
}

/// Microseconds since the Unix epoch by the wall clock.
#[expect(clippy::disallowed_methods, reason = "this is where it is read for all")]
fn wall() -> i64 {
    // A clock before 1970 is broken, and the epoch is as good as any other time.
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// Microseconds since the machine was started, its sleep included.
#[expect(clippy::disallowed_methods, reason = "this is where it is read for all")]
fn steady() -> i64 {
    // `Boottime` and not `Monotonic`, which stands still while the machine sleeps: delays must pass in the meantime.
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
