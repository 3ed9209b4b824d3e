//! Retention: a service that deletes the oldest executions and events, and expired keys of events, in small steps, each followed by a
//! pause as long as the step, so that it never takes more than half of the store's time.

use std::time::{Duration, Instant};

use petrel_engine_core::{Core, Error};
use petrel_executions::Executions;
use petrel_model::TriggerInstanceId;
use petrel_triggers::Triggers;

/// The number of rows of a kind that a step reads: enough that two kinds, with their pauses, are deleted
/// faster than events can come in.
const STEP: usize = 1000;
/// The shortest pause after a step.
const PAUSE: Duration = Duration::from_millis(2);
/// The longest pause between two passes.
const LONGEST_INTERVAL: Duration = Duration::from_mins(1);
/// The shortest pause between two passes.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);
/// The longest pause between two looks for expired keys of events. All of them are looked at each time, as they are in no
/// order of time.
const LONGEST_BETWEEN_KEYS: Duration = Duration::from_hours(1);
/// The pause between two looks at all events that were kept as dead letters: some may have been replayed since.
const BETWEEN_LETTERS: Duration = Duration::from_hours(24);

/// The time for which things are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// The time for executions with their output, from their end on. `None` keeps all. Default 30 days.
    pub executions: Option<Duration>,
    /// The time for events with their enforcements. `None` keeps all. Default 30 days.
    pub trigger_instances: Option<Duration>,
    /// The least time for events on which a rule failed and that were not replayed, with their enforcements. `None` keeps
    /// all of these. Default 30 days.
    pub dead_letters: Option<Duration>,
}

impl Default for Retention {
    fn default() -> Self {
        let month = Duration::from_hours(30 * 24);
        Self { executions: Some(month), trigger_instances: Some(month), dead_letters: Some(month) }
    }
}

impl Retention {
    /// The interval of passes: short enough that nothing is kept for a tenth of its time too long.
    fn interval(self) -> Duration {
        let shortest = self.executions.into_iter().chain(self.trigger_instances).min();
        (shortest.unwrap_or(LONGEST_INTERVAL) / 10).clamp(SHORTEST_INTERVAL, LONGEST_INTERVAL)
    }
}

/// Runs until the host stops.
pub(crate) async fn run(executions: Executions, triggers: Triggers, core: Core, retention: Retention) {
    let stop = core.stop_starting().clone();
    let pacer =
        Pacer { executions, triggers, core, retention, keys_at: None, letters_after: None, letters_at: None };
    stop.run_until_cancelled(pacer.run()).await;
}

struct Pacer {
    executions: Executions,
    triggers: Triggers,
    core: Core,
    retention: Retention,
    /// When keys of events are looked at again. `None` before the first time.
    keys_at: Option<Instant>,
    /// The event up to which only those are left that are kept as dead letters. `None` before the first look.
    letters_after: Option<TriggerInstanceId>,
    /// When these are looked at again. `None` before the first look.
    letters_at: Option<Instant>,
}

impl Pacer {
    async fn run(mut self) {
        // Once, for files that an earlier process left.
        match self.core.store().sweep().await {
            Ok(0) => {}
            Ok(bytes) => tracing::info!(bytes, "deleted unreferenced files of the store"),
            Err(error) => tracing::warn!(%error, "failed to delete unreferenced files of the store"),
        }
        // Before the deletions, which would wait for it.
        if let Err(error) = self.seal_ended().await {
            tracing::warn!(%error, "failed to encrypt what an earlier version stored in clear; the next start tries again");
        }
        loop {
            if let Err(error) = self.pass().await {
                tracing::warn!(%error, "failed to delete expired rows; the next pass tries again");
            }
            if let Err(error) = self.forget_keys().await {
                tracing::warn!(%error, "failed to delete expired keys of events; the next pass tries again");
            }
            let pause = self.retention.interval().min(between_keys(self.triggers.dedup_window()));
            self.core.sleep(pause).await;
        }
    }

    /// Encrypts the executions that an earlier version has stored in clear although they hold secrets.
    async fn seal_ended(&self) -> Result<(), Error> {
        let (mut after, mut count) = (None, 0);
        let seal = async |after| Ok(self.core.store().seal_ended(after, STEP).await?);
        while let Some((last, sealed)) = self.step(seal(after)).await? {
            (after, count) = (Some(last), count + sealed);
        }
        if count > 0 {
            tracing::info!(
                count,
                "encrypted executions with secrets that an earlier version stored in clear; `petrel store compact` removes what is left of them on the disk"
            );
        }
        Ok(())
    }

    /// Deletes the keys of events that are expired by now, now and then.
    async fn forget_keys(&mut self) -> Result<(), Error> {
        let now = self.core.monotonic();
        let Some(kept) = self.triggers.dedup_window() else { return Ok(()) };
        if self.keys_at.is_some_and(|at| now < at) {
            return Ok(());
        }
        let cutoff = self.core.now().minus(kept);
        let mut after = None;
        while let Some(last) = self.step(self.triggers.forget_keys(after, cutoff, STEP)).await? {
            after = Some(last);
        }
        self.keys_at = now.checked_add(between_keys(Some(kept)));
        Ok(())
    }

    /// Deletes all rows that are expired by now.
    async fn pass(&mut self) -> Result<(), Error> {
        if let Some(kept) = self.retention.executions {
            // One moment for the whole pass, so that the pass ends although further rows expire meanwhile.
            let cutoff = self.core.now().minus(kept);
            let mut after = None;
            while let Some(last) = self.step(self.executions.delete_old(after, cutoff, STEP)).await? {
                after = Some(last);
            }
        }
        let Some(kept) = self.retention.trigger_instances else { return Ok(()) };
        match self.retention.dead_letters {
            Some(of_letters) if of_letters <= kept => self.delete_events(kept).await,
            of_letters => {
                if let Some(of_letters) = of_letters {
                    self.delete_events(of_letters).await?;
                }
                self.delete_events_but_letters(kept).await
            }
        }
    }

    /// Deletes all events that are older than `kept`.
    async fn delete_events(&self, kept: Duration) -> Result<(), Error> {
        let cutoff = self.core.now().minus(kept);
        let mut after = None;
        while let Some(last) = self.step(self.triggers.delete_old(after, cutoff, STEP)).await? {
            after = Some(last);
        }
        Ok(())
    }

    /// Deletes the events that are older than `kept` and no dead letters. Those before the place where the last pass ended
    /// are looked at again only now and then.
    async fn delete_events_but_letters(&mut self, kept: Duration) -> Result<(), Error> {
        let cutoff = self.core.now().minus(kept);
        let now = self.core.monotonic();
        if self.letters_at.is_none_or(|at| now >= at) {
            (self.letters_after, self.letters_at) = (None, now.checked_add(BETWEEN_LETTERS));
        }
        let mut after = self.letters_after;
        while let Some(last) = self.step(self.triggers.delete_old_but_letters(after, cutoff, STEP)).await? {
            after = Some(last);
            self.letters_after = after;
        }
        Ok(())
    }

    /// Runs a step, then pauses for as long.
    async fn step<T>(&self, step: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let begun = self.core.monotonic();
        let result = step.await;
        self.core.sleep(self.core.since(begun).max(PAUSE)).await;
        result
    }
}

/// The pause between two looks for expired keys of events that are kept for so long.
fn between_keys(kept: Option<Duration>) -> Duration {
    kept.map_or(LONGEST_BETWEEN_KEYS, |kept| (kept / 10).clamp(SHORTEST_INTERVAL, LONGEST_BETWEEN_KEYS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_looks_often_enough() {
        let of = |seconds| Retention {
            executions: Some(Duration::from_secs(seconds)),
            trigger_instances: None,
            ..Retention::default()
        };
        assert_eq!(of(100).interval(), Duration::from_secs(10));
        assert_eq!(of(0).interval(), Duration::from_millis(100));
        assert_eq!(Retention::default().interval(), LONGEST_INTERVAL);
        let keys = |seconds| between_keys(Some(Duration::from_secs(seconds)));
        assert_eq!((keys(100), keys(86_400)), (Duration::from_secs(10), LONGEST_BETWEEN_KEYS));
        assert_eq!(between_keys(None), LONGEST_BETWEEN_KEYS);
    }
}
