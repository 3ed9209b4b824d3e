//! The propagation of a workflow's status to the executions inside it: when it is to end all of them end, and
//! a pause or a resume reaches the workflows among them. A pause does not interrupt plain actions. Nothing
//! calls upwards for that: the changes are committed here, or put into the mailboxes of workflows, and then
//! the runs are told.
//!
//! A workflow is final only when nothing is open inside it. So a process that recovers a workflow finds the
//! executions that were not told yet, and tells them then.

use std::time::Duration;

use petrel_engine_core::Error;
use petrel_executions::{
    Conductor as _, Report, Uncommitted, cancellation, is_left_behind, spans, tell_what_is_unread,
};
use petrel_model::{Execution, ExecutionId, Status as Stored, StatusEvent, Timestamp};
use petrel_persistence::{Change, Error as ReadError, Expect};
use petrel_workflows::Status;
use tokio::task::JoinSet;
use tracing::Instrument as _;

use super::live::{Inside, Live};
use super::message::Message;
use super::refusal::Refusal;
use super::service::WorkflowEngine;

/// The number of waiting executions that one commit ends; they are all in memory at once.
const WAITING_AT_ONCE: usize = 500;
/// The number of begun executions that are told at once.
const TOLD_AT_ONCE: usize = 32;
/// The number of attempts to end the executions inside a workflow: about a quarter of an hour, with the
/// pauses.
const MOST_ROUNDS: usize = 1_000;
/// The pause before the next attempt: it grows from the first value to the second.
const AGAIN: (Duration, Duration) = (Duration::from_millis(2), Duration::from_secs(1));

impl WorkflowEngine {
    /// Ends all executions inside a workflow that is to end. Nobody waits for that: their outcomes are
    /// reported to the workflow like all others. Whoever asks again meanwhile starts nothing more.
    pub(super) fn end_inside(&self, live: &Live) {
        let (id, context) = (live.execution.id, &live.execution.context);
        let user = context.cancelled_by.as_ref().unwrap_or(&context.user).clone();
        // First of all, so that nothing more begins while the others are told.
        self.closing().add(id);
        // What is being told already is not told by many at once, however often somebody cancels.
        if !self.ending().add(id) {
            return;
        }
        let open: Vec<_> = live.active.keys().copied().collect();
        let (engine, span) = (self.clone(), spans::execution(&live.execution));
        let ends = async move {
            engine.end_all(id, open, user).await;
            engine.ending().remove(id);
        };
        self.core().spawn("end of a workflow", ends.instrument(span));
    }

    /// Ends the executions `open` inside the workflow `id`, with as many attempts as needed.
    pub(super) async fn end_all(&self, id: ExecutionId, mut open: Vec<ExecutionId>, user: String) {
        // The latest requests have made the least progress, so they are ended first.
        open.sort_unstable_by(|one, other| other.cmp(one));
        let mut pause = AGAIN.0;
        for _ in 0..MOST_ROUNDS {
            let mut left = Vec::new();
            for some in open.chunks(WAITING_AT_ONCE) {
                left.extend(self.end_some(id, some, &user).await);
            }
            open = left;
            // When the host stops, the next process tells the rest.
            if open.is_empty() || self.core().end_running().is_cancelled() {
                return;
            }
            self.core().sleep(pause).await;
            pause = (pause * 2).min(AGAIN.1);
        }
        tracing::error!(execution.id = %id, left = open.len(), "failed to end the executions inside a workflow; the next start tries again");
    }

    /// Ends waiting executions in one commit, and begun ones one by one. Returns those that have to be tried
    /// again.
    async fn end_some(&self, id: ExecutionId, some: &[ExecutionId], user: &str) -> Vec<ExecutionId> {
        let (mut left, mut waiting, mut begun) = (Vec::new(), Vec::new(), Vec::new());
        for one in some {
            match self.store().execution_in_part(*one).await {
                Ok(Some(execution)) if execution.status.is_waiting() => {
                    waiting.extend(canceled(self, execution, user));
                }
                Ok(Some(execution)) if !execution.status.is_final() => begun.push(*one),
                Ok(_ended) => {}
                // For the moment only: nobody else would end it before the next start.
                Err(error @ ReadError::Starved { .. }) => {
                    tracing::debug!(execution.id = %one, %error, "failed to read an execution that is to end with its workflow; trying again");
                    left.push(*one);
                }
                Err(error) => {
                    tracing::error!(execution.id = %one, %error, "failed to read an execution inside a workflow that is to end");
                }
            }
        }
        left.extend(self.end_waiting(id, waiting).await);
        let is_told = |engine: Self, one: ExecutionId, user: String| async move {
            engine.end_begun(one, &user).await.map_err(Error::from).inspect_err(|error| {
                tracing::debug!(execution.id = %one, %error, "failed to cancel an execution inside a workflow; trying again");
            })
        };
        left.extend(tell(self, begun, user, is_told).await);
        left
    }

    /// Ends waiting executions in one commit. Returns all of them when any has changed meanwhile.
    async fn end_waiting(&self, id: ExecutionId, waiting: Vec<Report>) -> Vec<ExecutionId> {
        if waiting.is_empty() {
            return Vec::new();
        }
        let ids: Vec<_> = waiting.iter().map(|report| report.execution.id).collect();
        // Through the workflow, because the entries in its log belong into the same commit.
        let result = match self.deliver(id, Message::Reports(waiting.clone())).await {
            // The workflow is gone or unreadable, which must not keep the executions inside it from ending.
            Err(Refusal::Gone { .. } | Refusal::Failed(Error::Unreadable(_) | Error::Sealed(_))) => {
                let ended: Vec<_> = waiting.iter().map(|one| one.execution.clone()).collect();
                let committed = self.commit_reports(waiting).await.map_err(Refusal::from);
                if committed.is_ok() {
                    ended.iter().for_each(|execution| self.queue().tell(execution));
                }
                committed
            }
            result => result.map(drop),
        };
        match result {
            Ok(()) => {
                self.queue().end(&ids);
                Vec::new()
            }
            Err(error) => {
                tracing::debug!(execution.id = %id, %error, "executions inside a workflow have changed meanwhile; trying again");
                ids
            }
        }
    }

    /// Ends a begun execution: a workflow by a message to it, any other by a commit, after which its run is
    /// told.
    async fn end_begun(&self, id: ExecutionId, user: &str) -> Result<(), Uncommitted> {
        let Some(execution) = self.store().execution_in_part(id).await? else { return Ok(()) };
        let is_workflow = self.queue().is_workflow(&execution);
        let runs_nowhere =
            self.store().is_held(id) || (!is_workflow && is_left_behind(&execution, self.store().fence()));
        match execution.status {
            // No run here could report its end, so the execution ends with this commit.
            Stored::Canceling if runs_nowhere => {}
            Stored::Canceling => {
                self.queue().end(&[id]);
                return Ok(());
            }
            status if !status.is_cancelable() => return Ok(()),
            _ => {}
        }
        if is_workflow && !execution.status.is_waiting() {
            return self.cancel(execution, user).await.map(drop);
        }
        let (execution, expect) = cancellation(execution, runs_nowhere, user, self.now())?;
        let changes = vec![Change::UpdateExecution(execution.clone())];
        self.commit_outcome(&execution, expect, changes).await?;
        self.queue().end(&[id]);
        self.queue().tell(&execution);
        Ok(())
    }

    /// Propagates the status of a workflow that goes on, or rests, to the workflows inside it. They are
    /// resumed only when somebody asked this one to go on.
    pub(super) fn hand_on(&self, live: &Live, goes_on: bool) {
        let status = live.conductor.status();
        let wanted = match status {
            // Where a question makes it rest, what is inside may finish.
            Status::Pausing | Status::Paused if live.rests_on_request => Status::Pausing,
            Status::Resuming | Status::Running if goes_on => Status::Resuming,
            _ => return,
        };
        let workflows = workflows_inside(live);
        if workflows.is_empty() {
            return;
        }
        // On a task of its own: the caller holds this workflow, and those inside may report to it before they
        // answer.
        let engine = self.clone();
        self.core().spawn("status of a workflow", async move {
            let is_told = |engine: Self, one: ExecutionId, _user: String| async move {
                // Most often it has ended meanwhile.
                engine.ask(one, wanted).await.inspect_err(
                    |error| tracing::debug!(execution.id = %one, %error, "failed to propagate a workflow's status to an execution inside it"),
                )
            };
            tell(&engine, workflows, "", is_told).await;
        });
    }

    /// Resumes the workflows inside one that was resumed itself, because an earlier process may have ended
    /// before it propagated that. A workflow that was paused afterwards stays paused.
    pub(super) fn hand_on_again(&self, live: &Live) {
        let Some(resumed_at) = last(&live.execution, Stored::Resuming) else { return };
        let workflows = workflows_inside(live);
        let engine = self.clone();
        self.core().spawn("status of a workflow", async move {
            for id in workflows {
                let inside = engine.store().execution(id).await.ok().flatten();
                if !inside.is_some_and(|inside| rests_since_before(&inside, resumed_at)) {
                    continue;
                }
                if let Err(error) = engine.ask(id, Status::Resuming).await {
                    // Most often it has ended meanwhile.
                    tracing::debug!(execution.id = %id, %error, "failed to resume a workflow inside another one");
                }
            }
        });
    }

    /// Has a workflow that goes on take in the outcomes that came while it was paused. An earlier version
    /// waited for these for ever.
    pub(super) fn take_in_ends(&self, live: &Live) {
        let goes_on = matches!(live.conductor.status(), Status::Running | Status::Resuming);
        if goes_on && live.conductor.holds_ends() {
            let (engine, id) = (self.clone(), live.execution.id);
            // The caller holds the workflow, so it is told afterwards.
            self.core().spawn("ends held back by a workflow", async move {
                if let Err(error) = engine.ask(id, Status::Resuming).await {
                    tracing::warn!(execution.id = %id, %error, "failed to continue a resumed workflow");
                }
            });
        }
    }
}

/// The canceled form of an execution that has not begun.
fn canceled(engine: &WorkflowEngine, mut execution: Execution, user: &str) -> Option<Report> {
    let parent = execution.parent.clone()?;
    let expect = vec![Expect::ExecutionVersion(execution.id, execution.version)];
    execution.apply(StatusEvent::CancelRequested, engine.now()).ok()?;
    execution.context.cancelled_by = Some(user.to_owned());
    tell_what_is_unread(&mut execution);
    let changes = vec![Change::UpdateExecution(execution.clone())];
    Some(Report { parent, execution, expect, changes })
}

/// The workflows among the open executions inside a workflow, oldest first: an order that is the same in
/// every run, as the simulation requires.
fn workflows_inside(live: &Live) -> Vec<ExecutionId> {
    let inside = live.active.iter().filter(|(_, inside)| **inside == Inside::Workflow);
    let mut inside: Vec<_> = inside.map(|(id, _)| *id).collect();
    inside.sort_unstable();
    inside
}

/// Whether a workflow has been resting since before `moment`.
fn rests_since_before(workflow: &Execution, moment: Timestamp) -> bool {
    matches!(workflow.status, Stored::Pausing | Stored::Paused)
        && last(workflow, Stored::Pausing).is_some_and(|told_at| told_at <= moment)
}

/// The last time at which an execution had this status.
fn last(execution: &Execution, status: Stored) -> Option<Timestamp> {
    execution.log.iter().rfind(|entry| entry.status == status).map(|entry| entry.timestamp)
}

/// Calls `one` for each execution, a few at a time. Returns those that could not be told.
async fn tell<F, T>(
    engine: &WorkflowEngine,
    ids: Vec<ExecutionId>,
    user: &str,
    one: impl Fn(WorkflowEngine, ExecutionId, String) -> F,
) -> Vec<ExecutionId>
where
    F: Future<Output = Result<T, Error>> + Send + 'static,
    T: Send + 'static,
{
    // Not tasks of the process: they end with the caller, for which a stop waits.
    let (mut told, mut left) = (JoinSet::new(), Vec::new());
    for id in ids {
        if told.len() >= TOLD_AT_ONCE {
            left.extend(told.join_next().await.and_then(Result::ok).flatten());
        }
        let work = one(engine.clone(), id, user.to_owned());
        told.spawn(async move { work.await.is_err().then_some(id) }.in_current_span());
    }
    while let Some(one) = told.join_next().await {
        left.extend(one.ok().flatten());
    }
    left
}

#[cfg(test)]
mod tests {
    use petrel_store_suite::{at, id};
    use serde_json::json;

    use super::*;

    /// A workflow that has had these statuses, each at its time.
    fn workflow(log: &[(&str, i64)]) -> Execution {
        let entries: Vec<_> =
            log.iter().map(|(status, time)| json!({"status": status, "timestamp": at(*time)})).collect();
        let status = log.last().map(|(status, _)| *status);
        let id: ExecutionId = id(1);
        serde_json::from_value(json!({
            "id": id, "version": 1, "action": "a.b", "runner": "orquesta", "status": status, "requested_at": at(0),
            "log": entries,
        }))
        .unwrap()
    }

    #[test]
    fn only_what_was_told_to_rest_before_the_workflow_above_went_on_is_resumed_again() {
        for (log, is_resumed) in [
            (&[("running", 1), ("pausing", 2), ("paused", 3)][..], true),
            // It comes to rest later than it was told.
            (&[("running", 1), ("pausing", 2), ("paused", 9)], true),
            (&[("running", 1), ("pausing", 2)], true),
            // Somebody has paused it by itself.
            (&[("running", 1), ("pausing", 6), ("paused", 7)], false),
            (&[("running", 1), ("pausing", 2), ("paused", 3), ("resuming", 6), ("running", 6)], false),
            (&[("running", 1)], false),
            (&[("running", 1), ("pausing", 2), ("canceling", 3), ("canceled", 4)], false),
        ] {
            assert_eq!(rests_since_before(&workflow(log), at(5)), is_resumed, "{log:?}");
        }
    }
}
