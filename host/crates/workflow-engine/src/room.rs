//! How much a step of a workflow may start: tasks because of one event, and executions inside the top workflow.
//! What exceeds it fails a workflow with the name of the setting.

use std::sync::Arc;
use std::time::Duration;

use petrel_model::{ExecutionId, Parent, WorkflowEvent};
use petrel_workflows::conductor::{self, Event};
use petrel_workflows::{Start, Status};
use serde_json::{Value, json};

use super::live::Stopped;
use super::message::Message;
use super::refusal::Refusal;
use super::service::WorkflowEngine;
use super::step::Step;

/// How many events may follow from one at once. More come of a cycle of tasks whose actions cannot be asked for.
const MOST_ROUNDS: usize = 1_000;
/// How long to wait before a top workflow that could not be told is told again.
const AGAIN: Duration = Duration::from_secs(1);

impl Step {
    /// Whether what follows from one event at once would go on for ever, or is too much.
    pub(super) fn is_endless(&self, rounds: usize) -> bool {
        self.live.stopped.is_none()
            && (rounds >= MOST_ROUNDS || self.tasks > self.engine.options().limits.tasks_in_step)
    }

    /// A cycle that would go on for ever fails its workflow.
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

    /// Whether one more execution may be inside the top workflow.
    pub(super) fn has_room(&mut self) -> bool {
        let (engine, root) = (&self.engine, self.root());
        let room = *self.room.get_or_insert_with(|| {
            engine.options().max_descendants.saturating_sub(engine.store().inside(root))
        });
        self.created.len() < room
    }

    fn root(&self) -> ExecutionId {
        self.live.execution.parent.as_ref().map_or(self.live.execution.id, Parent::root)
    }

    /// Too many executions are inside the top workflow: it fails, and with it all that is inside.
    pub(super) fn overgrown(&mut self) -> (Event, WorkflowEvent) {
        let (root, most) = (self.root(), self.engine.options().max_descendants);
        let message = format!(
            "more than {most} executions are inside the workflow {root}, which is the limit \
             (`workflows.max_descendants`); does a workflow call itself without an end?"
        );
        if root != self.live.execution.id {
            // From now on nothing of it begins; that it fails is a commit of its own.
            self.engine.closing().add(root);
            self.engine.fail_later(root, message.clone());
        }
        self.stopped(message)
    }
}

impl WorkflowEngine {
    /// Makes a workflow fail. It is not waited for.
    fn fail_later(&self, id: ExecutionId, message: String) {
        let engine = self.clone();
        self.core().spawn("end of a workflow", async move { engine.fail(id, message).await });
    }

    /// Makes a workflow fail, however often that takes.
    async fn fail(&self, id: ExecutionId, message: String) {
        loop {
            match self.deliver(id, Message::Fail(message.clone())).await {
                Ok(workflow) if !workflow.status.is_final() => return,
                // Nothing is inside it any more.
                Ok(_) | Err(Refusal::Gone { .. }) => return self.closing().remove(id),
                Err(error) => {
                    tracing::warn!(execution.id = %id, %error, "it has grown too large and cannot be ended yet");
                }
            }
            if self.core().end_running().is_cancelled() {
                return;
            }
            self.core().sleep(AGAIN).await;
        }
    }
}

/// An action that could not be asked for, as a failure of its task.
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
