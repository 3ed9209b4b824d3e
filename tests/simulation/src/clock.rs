//! The clock of the simulation: it stands until the simulation turns it. Sleepers are woken in the order of their due
//! times, and at equal times in the order in which they began to sleep.
//!
//! `petrel_engine_core::SetClock` does as much for the tests of one service; but it wakes its sleepers through tokio's
//! `watch`, which spreads them over several lists at random, and it does not say when the next of them is due.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use parking_lot::Mutex;
use petrel_engine_core::Clock;
use petrel_model::Timestamp;

/// The beginning of this clock: 2025-11-20T12:00:00Z, in microseconds since the Unix epoch.
const BEGINS: i64 = 1_763_640_000_000_000;

/// A clock that stands until it is turned.
#[derive(Debug)]
pub(crate) struct TurnedClock {
    began: Instant,
    state: Mutex<State>,
}

/// When a sleeper is due, counted from the beginning, and its number among all that ever slept.
type Place = (Duration, u64);

#[derive(Debug, Default)]
struct State {
    turned: Duration,
    lain_down: u64,
    sleepers: BTreeMap<Place, Waker>,
}

impl Default for TurnedClock {
    fn default() -> Self {
        // An instant can be had in no other way; only differences between instants count.
        Self { began: Instant::now(), state: Mutex::default() }
    }
}

impl TurnedClock {
    /// The time since its beginning.
    pub(crate) fn turned(&self) -> Duration {
        self.state.lock().turned
    }

    /// The due time of the next sleeper, counted from the beginning.
    pub(crate) fn next_due(&self) -> Option<Duration> {
        self.state.lock().sleepers.first_key_value().map(|((due, _), _)| *due)
    }

    /// Turns to `turned`, counted from the beginning, and wakes the sleepers that are due by then, in turn. It never goes back.
    pub(crate) fn go_to(&self, turned: Duration) {
        let mut woken = Vec::new();
        {
            let mut state = self.state.lock();
            state.turned = state.turned.max(turned);
            let now = state.turned;
            while let Some(first) = state.sleepers.first_entry()
                && first.key().0 <= now
            {
                woken.push(first.remove());
            }
        }
        // Not under the lock, since a woken sleeper may ask for the time at once.
        woken.into_iter().for_each(Waker::wake);
    }
}

#[async_trait]
impl Clock for TurnedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(BEGINS).plus(self.turned())
    }

    fn wall(&self) -> Timestamp {
        self.now()
    }

    fn monotonic(&self) -> Instant {
        self.began + self.turned()
    }

    async fn sleep_until(&self, at: Instant) {
        Sleep { clock: self, until: at.saturating_duration_since(self.began), place: None }.await;
    }
}

/// A sleeper. If its sleep is dropped, nobody is woken.
struct Sleep<'a> {
    clock: &'a TurnedClock,
    until: Duration,
    place: Option<Place>,
}

impl Future for Sleep<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let mut state = this.clock.state.lock();
        if state.turned >= this.until {
            return Poll::Ready(());
        }
        let place = if let Some(place) = this.place {
            place
        } else {
            state.lain_down += 1;
            (this.until, state.lain_down)
        };
        this.place = Some(place);
        state.sleepers.insert(place, context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep<'_> {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.clock.state.lock().sleepers.remove(&place);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn sleepers_wake_in_the_order_of_their_due_times() {
        let (clock, woken) = (Arc::new(TurnedClock::default()), Arc::new(Mutex::new(Vec::new())));
        let began = clock.monotonic();
        for (name, seconds) in [("late", 3), ("early", 1), ("early too", 1), ("later", 9)] {
            let (clock, woken) = (Arc::clone(&clock), Arc::clone(&woken));
            tokio::spawn(async move {
                clock.sleep_until(began + Duration::from_secs(seconds)).await;
                woken.lock().push(name);
            });
        }
        tokio::task::yield_now().await;
        assert_eq!(clock.next_due(), Some(Duration::from_secs(1)));
        clock.go_to(Duration::from_secs(3));
        tokio::task::yield_now().await;
        assert_eq!(*woken.lock(), ["early", "early too", "late"]);
        assert_eq!(clock.next_due(), Some(Duration::from_secs(9)));
    }

    #[tokio::test]
    async fn a_sleep_that_is_given_up_is_forgotten() {
        let clock = TurnedClock::default();
        tokio::select! {
            biased;
            () = clock.sleep_until(clock.monotonic() + Duration::from_secs(1)) => panic!("it stands"),
            () = tokio::task::yield_now() => {}
        }
        assert_eq!(clock.next_due(), None);
    }
}
