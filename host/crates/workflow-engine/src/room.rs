//! The limits on one step of a workflow: tasks because of one event, and executions inside the root. A
//! workflow that exceeds one fails with the name of the setting.

use std::sync::Arc;
use std::time::Duration;

use petrel_engine_core::Error;
use petrel_model::{ExecutionId, Parent, WorkflowEvent};
use petrel_workflows::conductor::{self, Event};
use petrel_workflows::{Start, Status};
use serde_json::{Value, json};

use super::live::Stopped;
use super::message::Message;
use super::refusal::Refusal;
use super::service::WorkflowEngine;
use super::step::Step;

/// The number of events that may follow from one at once. Only a cycle of tasks whose actions cannot be
/// requested has more.
const MOST_ROUNDS: usize = 1_000;
/// The pause before a root that could not be told is told again.
const AGAIN: Duration = Duration::from_secs(1);

impl Step {
    /// Whether the consequences of one event would go on for ever, or are too many.
    pub(super) fn is_endless(&self, rounds: usize) -> bool {
        self.live.stopped.is_none()
            && (rounds >= MOST_ROUNDS || self.tasks > self.engine.options().limits.tasks_in_step)
    }

    /// The failure of a workflow with an endless cycle.
    pub(super) fn endless(&mut self) -> (Event, WorkflowEvent) {
        let most = self.engine.options().limits.tasks_in_step;
        self.stopped(format!(
            "more than {MOST_ROUNDS} tasks whose actions cannot be started followed each other, or more than {most} \
             tasks (`workflows.max_tasks_in_step`) started at once; correct the actions, or give their cycle a \
             condition to end"
        ))
    }

    fn stopped(&mut self, message: String) -> (Event, WorkflowEvent) {
        self.live.stopped = Some(Stopped::Failed);
        let event = Event::Fail(conductor::ErrorEntry::new(message.clone()));
        (event, WorkflowEvent::Failed { message, is_timeout: false })
    }

    /// Whether one more execution may be inside the root.
    pub(super) fn has_room(&mut self) -> bool {
        let (engine, root) = (&self.engine, self.root());
        let room = *self.room.get_or_insert_with(|| {
            engine.options().max_descendants.saturating_sub(engine.store().inside(root))
        });
        // The store counts committed executions, so those of this step come on top.
        self.created.len() < room
    }

    fn root(&self) -> ExecutionId {
        self.live.execution.parent.as_ref().map_or(self.live.execution.id, Parent::root)
    }

    /// The failure for too many executions inside the root: the root fails, and everything inside it ends.
    pub(super) fn overgrown(&mut self) -> (Event, WorkflowEvent) {
        let (root, most) = (self.root(), self.engine.options().max_descendants);
        let message = format!(
            "more than {most} executions are inside the workflow {root}, which is the limit \
             (`workflows.max_descendants`); does a workflow call itself without an end?"
        );
        if root != self.live.execution.id {
            // Nothing inside the root begins from now on. Its failure is a commit of its own.
            self.engine.closing().add(root);
            self.engine.fail_later(root, message.clone());
        }
        self.stopped(message)
    }
}

impl WorkflowEngine {
    /// Makes a workflow fail on a task of its own, because the caller holds the lock of a workflow inside it.
    fn fail_later(&self, id: ExecutionId, message: String) {
        let engine = self.clone();
        self.core().spawn("end of a workflow", async move { engine.fail(id, message).await });
    }

    /// Makes a workflow fail, with as many attempts as needed.
    async fn fail(&self, id: ExecutionId, message: String) {
        loop {
            match self.deliver(id, Message::Fail(message.clone())).await {
                // It has failed, and ends once nothing is open inside it.
                Ok(workflow) if !workflow.status.is_final() => return,
                // Nothing is inside it any more.
                Ok(_) | Err(Refusal::Gone { .. }) => return self.closing().remove(id),
                // It stays marked, so that nothing begins inside it.
                Err(error @ Refusal::Failed(Error::Unreadable(_) | Error::Sealed(_))) => {
                    let hint = "`petrel execution cancel` ends it without its log";
                    tracing::error!(execution.id = %id, %error, hint, "failed to read a workflow that has grown too large");
                    return;
                }
                Err(error) => {
                    tracing::warn!(execution.id = %id, %error, "failed to end a workflow that has grown too large; trying again");
                }
            }
            if self.core().end_running().is_cancelled() {
                return;
            }
            self.core().sleep(AGAIN).await;
        }
    }
}

/// The failure of a task whose action could not be requested.
pub(super) fn unmade(start: &Start, item: Option<usize>, reason: &str) -> (Event, WorkflowEvent) {
    let result: Arc<Value> = Arc::new(json!({"error": reason, "code": "workflow.action"}));
    let report = conductor::Report {
        task: Arc::clone(&start.task),
        route: start.route,
        item,
        status: Status::Failed,
        result: Arc::clone(&result),
        execution: None,
    };
    let logged = WorkflowEvent::Reported {
        task: Arc::clone(&start.task),
        route: start.route,
        item: item.and_then(|item| u64::try_from(item).ok()),
        status: Status::Failed.as_str().to_owned(),
        execution: None,
        result: Some(result),
    };
    (Event::Report(report), logged)
}
