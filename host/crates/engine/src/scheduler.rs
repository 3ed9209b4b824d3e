//! Claims what is due, as slots get free, and has it run. One scheduler a kind of slots, so that
//! processes never wait for components or the other way round.
//!
//! What is short of room on its disk starts nothing more: what runs is to find the reserve for its outcome and output.
//! What was given much runs if there is room for that, and is [set aside](crate::given) otherwise: nobody waits for
//! room who holds a slot, or the other way round.

use std::sync::Arc;
use std::time::Duration;

use petrel_model::Execution;
use petrel_runners::Slots;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::Instrument as _;

use crate::executor;
use crate::given::{self, Admission, Place};
use crate::measures::{self, Busy};
use crate::service::Engine;
use crate::{spans, workflows};

/// How many executions are claimed at once at most.
const BATCH: usize = 64;
/// How long at most until the store is asked again although nothing was heard.
const IDLE: Duration = Duration::from_secs(1);

/// How long until the store is asked again whether it has room.
const NO_ROOM: Duration = Duration::from_secs(1);

/// Runs what is waiting for one kind of slots.
pub(crate) struct Scheduler {
    engine: Engine,
    runners: Vec<String>,
    kind: Slots,
    slots: Arc<Semaphore>,
}

impl Scheduler {
    pub(crate) fn new(engine: Engine, kind: Slots, count: usize) -> Self {
        let runners = engine
            .content()
            .runners()
            .values()
            .map(|runner| runner.runner_type())
            .filter(|kind_of| kind_of.slots == kind)
            .map(|kind_of| kind_of.name.to_owned())
            .collect();
        measures::slots(kind, count);
        Self { engine, runners, kind, slots: Arc::new(Semaphore::new(count)) }
    }

    /// Runs until the host is to stop.
    pub(crate) async fn run(self) {
        let stop = self.engine.core().stop_starting().clone();
        // What was set aside and what is due come first in turn, so that neither waits for all of the other.
        let mut aside_first = false;
        loop {
            let slot = tokio::select! {
                slot = Arc::clone(&self.slots).acquire_owned() => slot,
                () = stop.cancelled() => return,
            };
            let Ok(slot) = slot else { return };
            if !self.has_room() {
                drop(slot);
                tokio::select! {
                    () = self.engine.core().sleep(NO_ROOM) => continue,
                    () = stop.cancelled() => return,
                }
            }
            // Registered before the store is asked, so that work that comes in between is not missed.
            let work = self.engine.0.work.notified();
            tokio::pin!(work);
            work.as_mut().enable();
            aside_first = !aside_first;
            if stop.is_cancelled() || self.start_some(slot, aside_first).await {
                continue;
            }
            tokio::select! {
                () = &mut work => {}
                () = self.engine.core().sleep(self.until_due().await) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// Whether the disk has room for what would be started. What it prints and gives would else fill the reserve, and
    /// with that the host could not even be started again.
    fn has_room(&self) -> bool {
        self.engine.store().figures().short_of_room().is_none()
    }

    /// Starts what can start. Says whether there was any.
    async fn start_some(&self, slot: OwnedSemaphorePermit, aside_first: bool) -> bool {
        let mut slot = Some(slot);
        if aside_first && self.start_set_aside(&mut slot).await {
            return true;
        }
        self.start_due(&mut slot).await || (!aside_first && self.start_set_aside(&mut slot).await)
    }

    /// Starts one that was set aside, if there is room for it by now.
    async fn start_set_aside(&self, slot: &mut Option<OwnedSemaphorePermit>) -> bool {
        let Some((id, place)) = given::next(&self.engine, self.kind) else { return false };
        match self.engine.store().execution(id).await {
            Ok(Some(execution)) if execution.status.is_waiting() => {
                self.start(execution, slot.take(), Some(place));
            }
            // It was canceled meanwhile.
            Ok(_) => {}
            Err(error) => tracing::error!(execution.id = %id, %error, "it waits and cannot be read"),
        }
        true
    }

    /// Starts what is due, as far as slots are free. Says whether there was any.
    async fn start_due(&self, first: &mut Option<OwnedSemaphorePermit>) -> bool {
        let room = (self.slots.available_permits() + 1).min(BATCH);
        let now = self.engine.now();
        let claimed = match self.engine.store().claim(&self.runners, now, room).await {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::error!(%error, "what is due cannot be read");
                return false;
            }
        };
        let found = !claimed.is_empty();
        for execution in claimed {
            let admit = || given::admit(&self.engine, self.kind, &execution);
            let Admission::Runs(place) = spans::claim(&execution).in_scope(admit) else { continue };
            let slot = match first.take() {
                Some(slot) => Some(slot),
                None => Arc::clone(&self.slots).acquire_owned().await.ok(),
            };
            self.start(execution, slot, place);
        }
        found
    }

    fn start(&self, execution: Execution, slot: Option<OwnedSemaphorePermit>, place: Option<Place>) {
        let engine = self.engine.clone();
        let span = spans::execution(&execution);
        let busy = Busy::now(self.kind);
        let conducts = self.kind == Slots::Workflow;
        let run = async move {
            tracing::debug!("the execution is claimed");
            if conducts {
                workflows::begin(&engine, execution).await;
            } else {
                executor::execute(&engine, execution).await;
            }
            drop((place, slot, busy));
        };
        let name = if conducts { "beginning workflow" } else { "execution" };
        self.engine.core().spawn(name, run.instrument(span));
    }

    async fn until_due(&self) -> Duration {
        match self.engine.store().next_due(&self.runners).await {
            Ok(Some(due)) => due.since(self.engine.now()).min(IDLE),
            _ => IDLE,
        }
    }
}
