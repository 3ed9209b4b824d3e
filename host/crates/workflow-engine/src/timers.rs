//! The timeouts of workflows, and the recovery of workflows that an earlier process was conducting. Timeouts
//! are kept apart from the workflows, so that these can leave memory while they wait.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use petrel_engine_core::Error;
use petrel_executions::spans;
use petrel_model::{Execution, ExecutionId, Status as Stored, Timestamp};
use petrel_persistence::Error as ReadError;
use petrel_workflows::Status;
use tokio::sync::MutexGuard;
use tokio::task::AbortHandle;
use tracing::Instrument as _;

use super::live::Live;
use super::mailbox::Workflow;
use super::message::Message;
use super::refusal::Refusal;
use super::service::WorkflowEngine;

/// The number of attempts to take up a workflow that cannot be read for the moment.
const MOST_ATTEMPTS: usize = 20;
/// The first pause between these attempts, which grows from one to the next, and the longest.
pub(super) const AGAIN: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(5));

/// The timeout of a workflow. On drop it is called off.
#[derive(Debug)]
struct Timer(AbortHandle);

impl Drop for Timer {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The timeouts of workflows that have not ended, in memory or not.
#[derive(Debug, Default)]
pub(super) struct Timers(Mutex<HashMap<ExecutionId, Timer>>);

impl WorkflowEngine {
    /// Sets the timeout of a workflow, unless it is set, and calls it off once the workflow has ended. The
    /// time counts from its beginning, in whichever process that was. To be called whenever a workflow has
    /// changed.
    pub(super) fn follow(&self, live: &Live) {
        // Most workflows have no timeout, and need no lock.
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

    /// Ends the workflow `id` at `end`.
    fn arm(&self, id: ExecutionId, end: Timestamp) -> Timer {
        let (core, engine) = (self.core().clone(), self.clone());
        let waiting = self.core().spawn("timeout of a workflow", async move {
            tokio::select! {
                // A host that stops leaves this to the next one, which sets it again, also when the time is up already.
                biased;
                () = core.stop_starting().cancelled() => return,
                () = core.sleep(end.since(core.now())) => {}
            }
            // A task of its own, which cannot be called off half way.
            core.spawn("end of a workflow", async move { engine.expire(id).await });
        });
        Timer(waiting.abort_handle())
    }

    /// Ends a workflow that has taken too long. What cannot be read or stored for the moment is tried again, as nobody else
    /// would end it before the next start.
    async fn expire(&self, id: ExecutionId) {
        let mut pause = AGAIN.0;
        while let Err(error) = self.deliver(id, Message::Expire).await {
            if !error.is_passing() {
                tracing::warn!(execution.id = %id, %error, "failed to end a workflow after its timeout");
                return;
            }
            tracing::debug!(execution.id = %id, %error, "failed to end a workflow after its timeout; trying again");
            if !self.goes_on_after(pause).await {
                return;
            }
            pause = (pause * 2).min(AGAIN.1);
        }
    }

    /// Takes up the workflows that an earlier process was conducting: their time runs on, and what they had asked of
    /// what runs inside them is asked again, as it may not have been told. What cannot be read for the moment is tried
    /// again.
    pub(super) async fn go_on(&self, mut workflows: Vec<Execution>) {
        let mut pause = AGAIN.0;
        for attempt in 1.. {
            let mut left = Vec::new();
            for workflow in workflows {
                let id = workflow.id;
                if workflow.status != Stored::Canceling && !self.behind().contains(id) {
                    // Something inside it was about to begin, and has taken it up.
                    continue;
                }
                let result = self.go_on_with(id).instrument(spans::execution(&workflow)).await;
                let Err(error) = result else { continue };
                if is_lasting(&error) || attempt >= MOST_ATTEMPTS {
                    tracing::error!(execution.id = %id, %error, "failed to recover a workflow");
                    self.behind().remove(id);
                    self.go_on_to_the_end(workflow, error).await;
                } else {
                    tracing::debug!(execution.id = %id, %error, "failed to recover a workflow; trying again");
                    left.push(workflow);
                }
            }
            if left.is_empty() || !self.goes_on_after(pause).await {
                return;
            }
            workflows = left;
            pause = (pause * 2).min(AGAIN.1);
        }
    }

    /// Ends a workflow that was canceled before this process, and cannot be read.
    async fn go_on_to_the_end(&self, workflow: Execution, error: Refusal) {
        let Refusal::Failed(Error::Unreadable(reason) | Error::Sealed(reason)) = error else { return };
        if workflow.status != Stored::Canceling {
            return;
        }
        let context = &workflow.context;
        let (id, user) = (workflow.id, context.cancelled_by.as_ref().unwrap_or(&context.user).clone());
        if let Err(error) = self.cancel_unread(workflow, &user, reason).await {
            let error = Error::from(error);
            tracing::error!(execution.id = %id, %error, "failed to end a canceled workflow");
        }
    }

    /// Waits until the workflows that `execution` is inside of are taken up, or the host stops.
    pub(super) async fn catch_up_with(&self, execution: &Execution) {
        let mut pause = AGAIN.0;
        // It may be canceled itself while it waits.
        while self.store().is_waiting(execution.id)
            && let Some(id) = self.behind().around(execution)
        {
            let is_behind = || self.behind().contains(id);
            match self.go_on_if(id, is_behind).await {
                Ok(()) => {}
                Err(error) if is_lasting(&error) => {
                    if is_behind() {
                        tracing::error!(execution.id = %id, %error, "failed to recover a workflow");
                    }
                    self.behind().remove(id);
                }
                Err(error) => {
                    tracing::debug!(execution.id = %id, %error, "failed to recover a workflow; trying again");
                    if !self.goes_on_after(pause).await {
                        return;
                    }
                    pause = (pause * 2).min(AGAIN.1);
                }
            }
        }
    }

    /// Waits; says whether the host goes on then.
    pub(super) async fn goes_on_after(&self, pause: Duration) -> bool {
        tokio::select! {
            // A host that stops leaves the rest to the next one, also when the pause is over.
            biased;
            () = self.core().stop_starting().cancelled() => false,
            () = self.core().sleep(pause) => true,
        }
    }

    /// Takes up one workflow, unless it has ended meanwhile.
    ///
    /// # Errors
    /// When it is gone, or cannot be read: nothing inside it was told of anything.
    pub(super) async fn go_on_with(&self, id: ExecutionId) -> Result<(), Refusal> {
        self.go_on_if(id, || true).await
    }

    /// As [`go_on_with`](Self::go_on_with), if that is still `needed` once nobody else has the workflow in hand.
    async fn go_on_if(&self, id: ExecutionId, needed: impl Fn() -> bool + Send) -> Result<(), Refusal> {
        loop {
            let workflow = self.workflows().get(id);
            let held = workflow.hold().await;
            // It may have left memory while it was waited for.
            if !workflow.is_gone() {
                if !needed() {
                    if held.is_none() {
                        self.workflows().forget(id, &workflow);
                    }
                    return Ok(());
                }
                let result = self.go_on_holding(id, &workflow, held).await;
                self.make_room();
                return result;
            }
        }
    }

    /// As [`go_on_with`](Self::go_on_with), for a workflow that the caller has in hand.
    async fn go_on_holding(
        &self,
        id: ExecutionId,
        workflow: &Arc<Workflow>,
        mut held: MutexGuard<'_, Option<Live>>,
    ) -> Result<(), Refusal> {
        let mut result = Ok(());
        if held.is_none() {
            match self.load(id).await {
                Ok(live) => *held = Some(live),
                Err(error) => result = Err(error),
            }
        }
        if let Some(live) = held.as_ref() {
            self.follow(live);
            if live.execution.status.is_final() && live.active.is_empty() {
                self.closing().remove(id);
            } else if live.is_closing() {
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
        if result.is_ok() {
            // While it is in hand, so that nobody who waits for it takes it up once more.
            self.behind().remove(id);
        }
        if held.as_ref().is_none_or(Live::is_idle) {
            *held = None;
            self.workflows().forget(id, workflow);
        } else {
            self.workflows().used(workflow, held.as_ref());
        }
        result
    }

    /// Ends executions that an earlier version left inside ended workflows. None of them begins once this
    /// returns.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(super) async fn end_left_behind(&self, conducted: &[Execution]) -> Result<(), Error> {
        let conducted: HashSet<ExecutionId> = conducted.iter().map(|workflow| workflow.id).collect();
        let mut left: BTreeMap<ExecutionId, Vec<ExecutionId>> = self.store().by_workflow();
        // The others are recovered with their workflows.
        left.retain(|workflow, _| !conducted.contains(workflow));
        for (id, inside) in left {
            let workflow = match self.store().execution(id).await {
                // Nobody knows whether it has ended, and what is inside it waits until it can be read. That must not keep the
                // host from starting.
                Err(error @ (ReadError::Damaged { .. } | ReadError::Sealed { .. })) => {
                    tracing::error!(execution.id = %id, %error, open = inside.len(), "failed to read a workflow; what is open inside it is left as it is");
                    continue;
                }
                workflow => workflow?,
            };
            if workflow.as_ref().is_some_and(|workflow| !workflow.status.is_final()) {
                continue;
            }
            let trace = workflow.as_ref().map(|workflow| tracing::field::display(workflow.trace_id()));
            tracing::warn!(execution.id = %id, trace, left = inside.len(), "canceling executions left inside a workflow that has ended");
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

/// Whether a workflow that cannot be read for this reason cannot be read later either.
fn is_lasting(error: &Refusal) -> bool {
    matches!(error, Refusal::Gone { .. } | Refusal::Failed(Error::Unreadable(_)))
}
