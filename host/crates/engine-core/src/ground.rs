//! The handle that every service is given: the store, the clock, the source of ids and the life of the process.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use petrel_model::{Id, Ref, Timestamp};
use petrel_persistence::{Change, Commit, Expect, Store};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::clock::{self, Clock};
use crate::error::Error;
use crate::ids::Ids;
use crate::lifecycle::Lifecycle;
use crate::outbox::Outbox;
use crate::owed::Owed;
use crate::sparing::Sparing;
use crate::vault::Vault;

/// The ground of all services of one host process. Cheap to clone.
#[derive(Clone)]
pub struct Core(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    ids: Ids,
    lifecycle: Lifecycle,
    sparing: Sparing,
    outbox: Outbox,
    vault: Vault,
}

impl Core {
    /// The ground over `store`, with the time of `clock`, and without a key for secrets.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self::with_vault(store, clock, Vault::default())
    }

    /// As [`new`](Self::new), with the keys of `vault`.
    pub fn with_vault(store: Arc<dyn Store>, clock: Arc<dyn Clock>, vault: Vault) -> Self {
        let ids = Ids::random(clock.now());
        Self(Arc::new(Inner {
            store,
            clock,
            ids,
            lifecycle: Lifecycle::default(),
            sparing: Sparing::default(),
            outbox: Outbox::default(),
            vault,
        }))
    }

    /// The store, for reading. Services write by [`commit`](Self::commit).
    pub fn store(&self) -> &dyn Store {
        self.0.store.as_ref()
    }

    /// The present time, in microseconds. It never goes back.
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// The present point on a steady scale, for waiting and measuring.
    pub fn monotonic(&self) -> Instant {
        self.0.clock.monotonic()
    }

    /// The time since `begun`, a point of [`monotonic`](Self::monotonic).
    pub fn since(&self, begun: Instant) -> Duration {
        self.monotonic().saturating_duration_since(begun)
    }

    /// Waits until [`monotonic`](Self::monotonic) has reached `at`.
    pub async fn sleep_until(&self, at: Instant) {
        self.0.clock.sleep_until(at).await;
    }

    /// Waits for `duration`.
    pub async fn sleep(&self, duration: Duration) {
        // A point that the clock cannot represent is never reached.
        match self.monotonic().checked_add(duration) {
            Some(at) => self.sleep_until(at).await,
            None => std::future::pending().await,
        }
    }

    /// Reports in the log when the wall clock of the machine has been set. Never returns.
    pub async fn watch_clock(&self) {
        clock::watch(self.0.clock.as_ref()).await;
    }

    /// The next id, for something that is created at `now`.
    pub fn mint<T: From<Id>>(&self, now: Timestamp) -> T {
        self.0.ids.mint(now)
    }

    /// Makes all of these changes, or none if an expectation does not hold. The commit is fenced: nothing is written
    /// once another process has taken over the store.
    ///
    /// # Errors
    /// When an expectation does not hold, the disk is nearly full, or the store fails.
    pub async fn commit(&self, expect: Vec<Expect>, changes: Vec<Change>) -> Result<(), Error> {
        let fills = Outbox::is_filled_by(&changes);
        let commit = Commit { fence: Some(self.store().fence()), expect, changes };
        if !fills {
            return self.store_all(commit).await;
        }
        let core = self.clone();
        // To its end even if the caller goes away meanwhile: nobody else tells of what is in the outbox.
        self.run_detached(async move {
            core.store_all(commit).await?;
            core.0.outbox.tell();
            Ok(())
        })
        .await
    }

    /// As [`commit`](Self::commit), and calls `then` as soon as the commit is made: also if the caller goes away meanwhile, as a
    /// request does whose client resets its connection. `then` may be called although the commit was not made, if nobody is
    /// left who would know.
    ///
    /// # Errors
    /// As [`commit`](Self::commit).
    pub async fn commit_then<F>(
        &self,
        expect: Vec<Expect>,
        changes: Vec<Change>,
        then: F,
    ) -> Result<(), Error>
    where
        F: FnOnce() + Send + 'static,
    {
        let fills = Outbox::is_filled_by(&changes);
        let commit = Commit { fence: Some(self.store().fence()), expect, changes };
        if !fills {
            let owed = Owed::new(self, then);
            let made = self.store_all(commit).await;
            owed.settle(made.is_ok());
            return made;
        }
        let core = self.clone();
        self.run_detached(async move {
            core.store_all(commit).await?;
            core.0.outbox.tell();
            then();
            Ok(())
        })
        .await
    }

    /// Waits until every commit that was handed to the store before has been answered, whoever waits for the answer.
    pub(crate) async fn pass_commits(&self) -> Result<(), Error> {
        // Commits are made in order, so an empty one comes after them.
        self.store_all(Commit { fence: Some(self.store().fence()), ..Commit::default() }).await
    }

    async fn store_all(&self, commit: Commit) -> Result<(), Error> {
        let span = tracing::debug_span!("commit", changes = commit.changes.len());
        Ok(self.store().commit(commit).instrument(span).await?)
    }

    /// Whether anybody listens to internal events of the trigger type `kind`, for those who have to prepare a report.
    pub fn is_heard(&self, kind: &str) -> bool {
        self.0.outbox.wants(kind)
    }

    /// Sets the trigger types of internal events that anybody listens to.
    pub fn listen_to(&self, kinds: BTreeSet<Ref>) {
        self.0.outbox.want(kinds);
    }

    /// The greatest depth of an event, see [`InternalEvent::depth`](petrel_model::InternalEvent::depth). Default 32.
    pub fn deepest_event(&self) -> u32 {
        self.0.outbox.deepest()
    }

    /// Sets [`deepest_event`](Self::deepest_event).
    pub fn limit_depth_of_events(&self, deepest: u32) {
        self.0.outbox.limit_depth(deepest);
    }

    /// Waits until an internal event was put into the outbox since the last time that this returned.
    pub async fn outbox_filled(&self) {
        self.0.outbox.filled().await;
    }

    /// The keys for what is stored encrypted.
    pub fn vault(&self) -> &Vault {
        &self.0.vault
    }

    /// Whether a log line about `subject`, a rule for example, may be written now: of a flood only a few lines a minute
    /// are. Gives the number of lines about it that were left out since the last one.
    pub fn may_log(&self, subject: &str) -> Option<u64> {
        self.0.sparing.admits(subject, self.monotonic())
    }

    /// Runs `future` as a task whose end a stop waits for. The log names a task that does not end by `name`.
    /// The task runs in the span of the caller.
    pub fn spawn<F>(&self, name: &'static str, future: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.0.lifecycle.spawn(name, future)
    }

    /// Begins `work`, and runs it to its end even if the caller goes away meanwhile: committed changes must also be shown
    /// in memory.
    ///
    /// # Errors
    /// The errors of `work`, and an error when it panics.
    pub fn run_detached<T, W>(&self, work: W) -> impl Future<Output = Result<T, Error>> + Send + use<T, W>
    where
        T: Send + 'static,
        W: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let task = self.spawn("change", work);
        async move { task.await.unwrap_or_else(|gone| Err(gone.into())) }
    }

    /// Stops in order: starts nothing new, lets running work go on for `drain`, and then ends it. The log names the
    /// tasks that do not end even so; the next process recovers their work.
    pub async fn stop(&self, drain: Duration) {
        self.0.lifecycle.stop(self, drain).await;
    }

    /// Whether the host is stopping, and accepts nothing new.
    pub fn is_stopping(&self) -> bool {
        self.0.lifecycle.is_stopping()
    }

    /// Fires when nothing more may be started.
    pub fn stop_starting(&self) -> &CancellationToken {
        self.0.lifecycle.stop_starting()
    }

    /// Fires when running work has to end.
    pub fn end_running(&self) -> &CancellationToken {
        self.0.lifecycle.end_running()
    }

    /// The names of the running tasks, in alphabetical order, with the number of each.
    pub fn running(&self) -> Vec<(&'static str, usize)> {
        self.0.lifecycle.running()
    }
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core").field("lifecycle", &self.0.lifecycle).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use petrel_model::KeyValue;
    use petrel_persistence::{MemoryStore, StoreExt as _};

    use super::*;
    use crate::set_clock::SetClock;

    fn put(name: &str) -> Change {
        Change::put(KeyValue::new(name, ""))
    }

    #[tokio::test]
    async fn who_was_fenced_off_commits_nothing() {
        let store = MemoryStore::default();
        let core = Core::new(Arc::new(store.clone()), Arc::new(SetClock::default()));
        core.commit(Vec::new(), vec![put("first")]).await.unwrap();
        let next = store.reopen();
        let refused = core.commit(Vec::new(), vec![put("second")]).await.unwrap_err();
        assert_eq!(refused.code(), "internal", "{refused}");
        assert_eq!(next.all::<KeyValue>().await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_sleep_ends_when_the_clock_is_turned_and_not_before() {
        let clock = Arc::new(SetClock::default());
        let core = Core::new(Arc::new(MemoryStore::default()), Arc::clone(&clock) as Arc<dyn Clock>);
        let sleeper = core.clone();
        let asleep = core.spawn("sleeper", async move {
            sleeper.sleep(Duration::from_secs(3600)).await;
            sleeper.now()
        });
        let began = core.now();
        for (turned, is_asleep) in [(0, true), (3599, true), (1, false)] {
            clock.turn(Duration::from_secs(turned));
            tokio::task::yield_now().await;
            assert_eq!(clock.sleepers(), usize::from(is_asleep), "{turned}");
        }
        assert_eq!(asleep.await.unwrap().since(began), Duration::from_secs(3600));
    }
}
