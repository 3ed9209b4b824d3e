//! The end of keys whose time is over. They are not read any more from that moment on (`held`); the task here deletes them, and
//! reports that. It sleeps until the next one is due.

use std::time::Duration;

use petrel_engine_core::{Decided, Error};

use crate::events;
use crate::held::Held;
use crate::key::KeyId;
use crate::keys::Keys;

/// How many keys one commit deletes, and about how many bytes of values it may have, which the events of a deletion quote.
const AT_ONCE: (usize, usize) = (200, 4 << 20);
/// The longest sleep: a machine that was suspended meanwhile does not count that as sleep.
const LONGEST_SLEEP: Duration = Duration::from_hours(1);
/// The pause after a failure, and the longest one after several.
const AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(1));

impl Keys {
    /// Deletes keys when they expire, until the host stops.
    pub async fn run_expiry(self) {
        let stop = self.core().stop_starting().clone();
        stop.run_until_cancelled(self.expire_forever()).await;
    }

    async fn expire_forever(&self) {
        let (core, mut pause) = (self.core(), AGAIN.0);
        loop {
            let version = self.held().version();
            let Some(due) = self.held().get().next_due() else {
                self.held().changed_since(version).await;
                continue;
            };
            let now = core.now();
            if due > now {
                tokio::select! {
                    () = self.held().changed_since(version) => {}
                    () = core.sleep(due.since(now).min(LONGEST_SLEEP)) => {}
                }
                continue;
            }
            match self.delete_expired().await {
                Ok(()) => pause = AGAIN.0,
                Err(error) => {
                    if let Some(left_out) = core.may_log("expired keys") {
                        tracing::warn!(%error, hint = error.hint(), left_out, "failed to delete expired keys; trying again");
                    }
                    core.sleep(pause).await;
                    pause = (pause * 2).min(AGAIN.1);
                }
            }
        }
    }

    /// Deletes keys that have expired, the first ones.
    async fn delete_expired(&self) -> Result<(), Error> {
        let core = self.core().clone();
        let delete = move |held: &Held| {
            let now = core.now();
            let (most, mut room) = AT_ONCE;
            let fits = |id: &&KeyId| {
                let is_next = room > 0;
                room = room.saturating_sub(held.get(id).map_or(0, |entry| entry.value.len()));
                is_next
            };
            let ids: Vec<_> = held.expired(now, most).take_while(fits).cloned().collect();
            let mut changes = Vec::with_capacity(ids.len());
            for entry in ids.iter().filter_map(|id| held.get(id)) {
                changes.push(entry.id().deleted());
                events::deleted(&core, now, &entry, &mut changes);
            }
            Ok(Decided::new(changes, (), move |held: &mut Held| ids.iter().for_each(|id| held.remove(id))))
        };
        self.held().change(self.core(), delete).await
    }
}
