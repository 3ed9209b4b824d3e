//! Workflows that may take only so long, and those that an earlier process was conducting. What ends a workflow by the
//! time is kept here and not with the workflow, which so can leave memory while it waits.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use parking_lot::Mutex;
use petrel_engine_core::Error;
use petrel_executions::spans;
use petrel_model::{Execution, ExecutionId, Timestamp};
use petrel_workflows::Status;
use tokio::task::AbortHandle;
use tracing::Instrument as _;

use super::live::Live;
use super::message::Message;
use super::service::WorkflowEngine;

/// What ends a workflow when it takes too long; it is called off when this is dropped.
#[derive(Debug)]
struct Timer(AbortHandle);

impl Drop for Timer {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What ends the workflows that may take only so long and have not ended, in memory or not.
#[derive(Debug, Default)]
pub(super) struct Timers(Mutex<HashMap<ExecutionId, Timer>>);

impl WorkflowEngine {
    /// Has a workflow ended when it has taken longer than it may, unless that is seen to; calls that off once it has
    /// ended. The time counts from its beginning, whichever process that was in. To be called whenever something has
    /// happened to it.
    pub(super) fn follow(&self, live: &Live) {
        // Most have no timeout, and need no lock.
        let Some(timeout) = live.conductor.timeout().and_then(|seconds| u64::try_from(seconds).ok()) else {
            return;
        };
        let id = live.execution.id;
        let mut timers = self.timers().0.lock();
        if live.execution.status.is_final() {
            timers.remove(&id);
        } else {
            let end = live.began.plus(Duration::from_secs(timeout));
            timers.entry(id).or_insert_with(|| self.arm(id, end));
        }
    }

    /// Has the workflow `id` ended at `end`.
    fn arm(&self, id: ExecutionId, end: Timestamp) -> Timer {
        let (core, engine) = (self.core().clone(), self.clone());
        let waiting = self.core().spawn("timeout of a workflow", async move {
            tokio::select! {
                // A host that stops leaves this to the next one, also when the time is up already.
                biased;
                () = core.stop_starting().cancelled() => return,
                () = core.sleep(end.since(core.now())) => {}
            }
            // In a task of its own, which nobody calls off half way.
            core.spawn("end of a workflow", async move {
                if let Err(error) = engine.deliver(id, Message::Expire).await {
                    tracing::warn!(execution.id = %id, %error, "it has taken too long and cannot be ended");
                }
            });
        });
        Timer(waiting.abort_handle())
    }

    /// Takes up the workflows that an earlier process was conducting: their time runs on, and what they had asked of
    /// what runs inside them is asked again, as it may not have been told.
    pub(super) async fn go_on(&self, workflows: Vec<Execution>) {
        for execution in workflows {
            self.go_on_with(execution.id).instrument(spans::execution(&execution)).await;
        }
    }

    /// Takes up one workflow, unless something has happened to it meanwhile.
    async fn go_on_with(&self, id: ExecutionId) {
        let workflow = self.workflows().get(id);
        let mut held = workflow.hold().await;
        if workflow.is_gone() {
            // Nothing is left to be taken up.
            return;
        }
        if held.is_none() {
            match self.load(id).await {
                Ok(live) => *held = Some(live),
                Err(error) => tracing::error!(execution.id = %id, %error, "the workflow cannot be taken up"),
            }
        }
        if let Some(live) = held.as_ref() {
            self.follow(live);
            if live.is_closing() {
                self.end_inside(live);
            } else {
                self.take_in_ends(live);
                match live.conductor.status() {
                    Status::Pausing | Status::Resuming => self.hand_on(live, true),
                    Status::Running => self.hand_on_again(live),
                    _ => {}
                }
            }
        }
        if held.as_ref().is_none_or(Live::is_idle) {
            *held = None;
            self.workflows().forget(id, &workflow);
        } else {
            self.workflows().used(&workflow, held.as_ref());
        }
        drop(held);
        self.make_room();
    }

    /// Ends what is inside workflows that have ended: an earlier version could leave it behind. Nothing of it begins
    /// once this returns.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(super) async fn end_left_behind(&self, conducted: &[Execution]) -> Result<(), Error> {
        let conducted: HashSet<ExecutionId> = conducted.iter().map(|workflow| workflow.id).collect();
        let mut left: BTreeMap<ExecutionId, Vec<ExecutionId>> = self.store().by_workflow();
        left.retain(|workflow, _| !conducted.contains(workflow));
        for (id, inside) in left {
            let workflow = self.store().execution(id).await?;
            if workflow.as_ref().is_some_and(|workflow| !workflow.status.is_final()) {
                continue;
            }
            let trace = workflow.as_ref().map(|workflow| tracing::field::display(workflow.trace_id()));
            tracing::warn!(execution.id = %id, trace, left = inside.len(), "it has ended and something was left inside it; that is canceled");
            self.closing().add(id);
            let engine = self.clone();
            let user = workflow.map(|one| one.context.user).unwrap_or_default();
            self.core().spawn("end of a workflow", async move {
                engine.end_all(id, inside, user).await;
                engine.closing().remove(id);
            });
        }
        Ok(())
    }
}
