//! The clock for tests. It stands still until a test turns it, which also wakes those who sleep by it.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use petrel_model::Timestamp;
use tokio::sync::watch;

use crate::clock::Clock;

/// The time at which the clock begins, 2025-11-20T12:00:00Z, in microseconds since the Unix epoch.
const BEGINS: i64 = 1_763_640_000_000_000;

/// A clock that moves only when it is [turned](Self::turn).
#[derive(Debug)]
pub struct SetClock {
    began: Instant,
    turned: watch::Sender<Duration>,
}

impl Default for SetClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "an instant can be had in no other way; nothing depends on which"
    )]
    fn default() -> Self {
        Self { began: Instant::now(), turned: watch::Sender::default() }
    }
}

impl SetClock {
    /// Moves the clock forward and wakes every sleeper whose time has come.
    pub fn turn(&self, by: Duration) {
        self.turned.send_modify(|turned| *turned = turned.saturating_add(by));
    }

    /// The number of sleepers. By it a test knows that the services it waits for have come to rest.
    pub fn sleepers(&self) -> usize {
        self.turned.receiver_count()
    }
}

#[async_trait]
impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(BEGINS).plus(*self.turned.borrow())
    }

    fn wall(&self) -> Timestamp {
        self.now()
    }

    fn monotonic(&self) -> Instant {
        self.began + *self.turned.borrow()
    }

    async fn sleep_until(&self, at: Instant) {
        let until = at.saturating_duration_since(self.began);
        // The sender is a part of this clock, so the channel cannot close while somebody sleeps.
        drop(self.turned.subscribe().wait_for(|turned| *turned >= until).await);
    }
}
