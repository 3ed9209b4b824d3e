//! The one place that reads the clock. Everything else is given the time.
//!
//! The time is the wall clock's when the host starts, and goes on from there by a clock that nobody sets: so a delay takes
//! as long as it says, durations are right and lists stay in order when the wall clock is set back or forward under a
//! running host. Its next start takes the wall clock over, but never goes behind what is stored ([`go_on_from`]).

use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use petrel_model::Timestamp;
use rustix::time::{ClockId, clock_gettime};

/// How often the wall clock is compared with ours.
const COMPARED: Duration = Duration::from_secs(30);
/// From which difference on, in microseconds, the wall clock was set rather than steered.
const SET: i64 = 2_000_000;

/// The time now, to the microsecond. It never goes back.
pub fn now() -> Timestamp {
    Timestamp::from_micros(steady().saturating_add(offset().load(Ordering::Relaxed)))
}

/// Goes on from `newest`, the time of the newest thing stored, if that is ahead of us: what comes is to be younger. Says by
/// how much.
pub(crate) fn go_on_from(newest: Timestamp) -> Duration {
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

/// Tells in the log when the wall clock was set. It never ends.
pub(crate) async fn watch() {
    let mut told = difference();
    loop {
        tokio::time::sleep(COMPARED).await;
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

/// How far the wall clock is ahead of ours, in microseconds.
fn difference() -> i64 {
    wall().saturating_sub(now().as_micros())
}

/// What is between the steady clock and the time, in microseconds.
fn offset() -> &'static AtomicI64 {
    static OFFSET: OnceLock<AtomicI64> = OnceLock::new();
    OFFSET.get_or_init(|| AtomicI64::new(wall().saturating_sub(steady())))
}

/// Microseconds since the Unix epoch by the wall clock, which may be set.
fn wall() -> i64 {
    // A clock before 1970 is a broken one; the epoch is as good an answer as any.
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// Microseconds since the machine started, its sleep included.
fn steady() -> i64 {
    let time = clock_gettime(ClockId::Boottime);
    time.tv_sec.saturating_mul(1_000_000).saturating_add(time.tv_nsec / 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_goes_on_from_what_is_stored_and_never_back() {
        let before = now();
        assert_eq!(go_on_from(before.minus(Duration::from_secs(60))), Duration::ZERO);
        let newest = now().plus(Duration::from_secs(3600));
        assert!(go_on_from(newest) > Duration::from_secs(3590));
        let times: Vec<_> = (0..1000).map(|_| now()).collect();
        assert!(times.is_sorted() && times.iter().all(|time| *time >= newest));
    }
}
