//! The schedulers, which claim due executions as slots get free, and have them run. Each kind of slots has
//! its own, so that processes never wait for components or the other way round.
//!
//! While the disk is short of space nothing more starts: running executions need the reserve for outcome and
//! output.
//!
//! The [policies](super::policies) of an action may have its executions wait, or end them; such a one leaves its slot.
//!
//! An execution with large parameters runs if there is memory for them, and is [set aside](super::given)
//! otherwise: nobody waits for memory while holding a slot, or the other way round.

use std::sync::Arc;
use std::time::Duration;

use petrel_model::Execution;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::Instrument as _;

use super::calls::{self, Calls};
use super::executor;
use super::given::{Admission, Place};
use super::kind::Kind;
use super::measures;
use super::seat::Seat;
use super::service::Executions;
use super::spans;

/// The greatest number of executions that are claimed at once.
const BATCH: usize = 64;
/// The time after which the store is asked again although nothing was heard.
const IDLE: Duration = Duration::from_secs(1);

/// The time after which the free space of the disk is checked again.
const NO_ROOM: Duration = Duration::from_secs(1);

/// The scheduler of one kind of slots.
pub(crate) struct Scheduler {
    executions: Executions,
    runners: Vec<String>,
    kind: Kind,
    slots: Arc<Semaphore>,
}

impl Scheduler {
    pub(crate) fn new(executions: Executions, kind: Kind, count: usize) -> Self {
        let runners = executions
            .queue()
            .catalog()
            .content()
            .runners()
            .iter()
            .filter(|(_name, runs)| Kind::of(runs) == kind)
            .map(|(name, _runs)| name.clone())
            .collect();
        measures::slots(kind, count);
        Self { executions, runners, kind, slots: Arc::new(Semaphore::new(count)) }
    }

    /// Runs until the host stops.
    pub(crate) async fn run(self) {
        let stop = self.executions.core().stop_starting().clone();
        // Executions that were set aside and due ones come first in turn, so that neither wait for all of the
        // other.
        let mut aside_first = false;
        loop {
            let slot = tokio::select! {
                // The stop is looked at first, here and below: free slots and new work must not put it off.
                biased;
                () = stop.cancelled() => return,
                slot = Arc::clone(&self.slots).acquire_owned() => slot,
            };
            let Ok(slot) = slot else { return };
            if !self.has_room() {
                drop(slot);
                tokio::select! {
                    biased;
                    () = stop.cancelled() => return,
                    () = self.executions.core().sleep(NO_ROOM) => continue,
                }
            }
            // Registered before the store is asked, so that work that comes in between is not missed.
            let work = self.executions.queue().wakes().notified(self.kind);
            tokio::pin!(work);
            work.as_mut().enable();
            aside_first = !aside_first;
            if stop.is_cancelled() || self.start_some(slot, aside_first).await {
                continue;
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = &mut work => {}
                () = self.executions.core().sleep(self.until_due().await) => {}
            }
        }
    }

    /// Whether the disk has room for more output and results. They would fill the reserve otherwise, and then
    /// the host could not even be started again.
    fn has_room(&self) -> bool {
        self.executions.core().store().figures().short_of_room().is_none()
    }

    /// Starts executions that can start. Returns whether there were any.
    async fn start_some(&self, slot: OwnedSemaphorePermit, aside_first: bool) -> bool {
        let mut slot = Some(slot);
        if aside_first && self.start_set_aside(&mut slot).await {
            return true;
        }
        self.start_due(&mut slot).await || (!aside_first && self.start_set_aside(&mut slot).await)
    }

    /// Starts an execution that was set aside, if there is memory for it by now.
    async fn start_set_aside(&self, slot: &mut Option<OwnedSemaphorePermit>) -> bool {
        let Some((id, place)) = self.executions.queue().admissions().next(self.kind) else { return false };
        // Read again, because an execution that was set aside is not kept in memory.
        match self.executions.store().execution(id).await {
            Ok(Some(execution)) if execution.status.is_waiting() => {
                self.start(execution, slot.take(), Some(place));
            }
            // It was canceled meanwhile.
            Ok(_) => {}
            Err(error) => {
                tracing::error!(execution.id = %id, %error, "failed to read an execution that was set aside");
                self.executions.queue().put_back(id);
            }
        }
        true
    }

    /// Starts due executions, as far as slots are free. Returns whether there were any.
    async fn start_due(&self, first: &mut Option<OwnedSemaphorePermit>) -> bool {
        // One more than the free slots, because the caller holds one already.
        let room = (self.slots.available_permits() + 1).min(BATCH);
        let now = self.executions.core().now();
        let claimed = match self.executions.store().claim(&self.runners, now, room).await {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::error!(%error, "failed to read due executions");
                return false;
            }
        };
        let found = !claimed.is_empty();
        // One snapshot for all of them: most actions have no policies, and cost a look into a map.
        let content = self.executions.queue().catalog().content();
        for execution in claimed {
            if let Some(policies) = content.policies_of(&execution.action) {
                let passes = self.executions.passes(self.kind, &execution, policies);
                if !passes.instrument(spans::claim(&execution)).await {
                    continue;
                }
            }
            let admit = || self.executions.queue().admissions().admit(self.kind, &execution);
            // Otherwise it is set aside: it stays claimed, and leaves its slot to the next one.
            let Admission::Runs(place) = spans::claim(&execution).in_scope(admit) else { continue };
            let slot = match first.take() {
                Some(slot) => Some(slot),
                // No more were claimed than slots are free, and waits only if runs that had given back theirs take some.
                None => Arc::clone(&self.slots).acquire_owned().await.ok(),
            };
            self.start(execution, slot, place);
        }
        found
    }

    /// Runs a claimed execution as a task of its own, which holds `slot` and `place` until its end.
    fn start(&self, execution: Execution, slot: Option<OwnedSemaphorePermit>, place: Option<Place>) {
        let executions = self.executions.clone();
        let span = spans::execution(&execution);
        let seat = Seat::new(&self.slots, self.kind, slot);
        let calls = Arc::new(Calls::new(&executions, execution.id, seat));
        let conducts = self.kind == Kind::Workflow;
        // Boxed, because a task is moved as a whole when it is spawned and when it ends, and this one is large.
        let run = Box::pin(async move {
            tracing::debug!("the execution is claimed");
            if calls::is_forsaken(&executions, &execution).await {
                calls::end_forsaken(&executions, &execution).await;
            } else if conducts {
                executions.conductor().begin(execution).await;
            } else {
                executor::execute(&executions, execution, &calls).await;
            }
            drop(place);
            calls.leave();
        });
        let name = if conducts { "beginning workflow" } else { "execution" };
        self.executions.core().spawn(name, run.instrument(span));
    }

    /// The time until the next delayed execution is due, at most [`IDLE`].
    async fn until_due(&self) -> Duration {
        match self.executions.store().next_due(&self.runners).await {
            Ok(Some(due)) => due.since(self.executions.core().now()).min(IDLE),
            _ => IDLE,
        }
    }
}
