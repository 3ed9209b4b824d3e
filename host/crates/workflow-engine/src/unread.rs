//! Workflows that cannot be read: their log is damaged, or encrypted without its key, so that nobody knows what they are to do next. One that is to end
//! needs no log for that: what is inside it ends, what ends there is kept without it, and then it ends as canceled. One
//! that nobody cancels stays as it is, until a backup is restored or the key is back.

use std::sync::Arc;

use petrel_engine_core::Error;
use petrel_executions::{Uncommitted, cancellation, ended, spans};
use petrel_model::{Execution, ExecutionId, Status as Stored, StatusEvent};
use petrel_persistence::{Change, Expect};
use serde_json::json;
use tracing::Instrument as _;

use super::definitions::not_begun;
use super::message::{Envelope, Message};
use super::refusal::Refusal;
use super::service::WorkflowEngine;
use super::timers::AGAIN;

impl WorkflowEngine {
    /// The refusal of `messages` to a workflow that could not be loaded. One that is to end counts as gone for what leads
    /// to its end, so that what is inside it can end.
    pub(super) fn unloaded(&self, id: ExecutionId, refusal: Refusal, messages: &[Envelope]) -> Refusal {
        match refusal {
            Refusal::Failed(Error::Unreadable(_) | Error::Sealed(_))
                if self.closing().contains(id) && messages.iter().all(leads_to_its_end) =>
            {
                Refusal::Gone { workflow: id, reports: Vec::new() }
            }
            refusal => refusal,
        }
    }

    /// Cancels a workflow that cannot be read for this `reason`: it is canceling when this returns, and has ended once
    /// nothing is open inside it.
    ///
    /// # Errors
    /// When it has changed since it was read, or the store fails.
    pub(super) async fn cancel_unread(
        &self,
        mut workflow: Execution,
        user: &str,
        reason: String,
    ) -> Result<Execution, Uncommitted> {
        let id = workflow.id;
        if workflow.status != Stored::Canceling {
            // Never as one that is held: it must not end before what is inside it.
            let (canceling, expect) = cancellation(workflow, false, user, self.now())?;
            self.queue().commit(vec![expect], vec![Change::UpdateExecution(canceling.clone())]).await?;
            self.queue().tell(&canceling);
            workflow = canceling;
        }
        self.closing().add(id);
        // One goes on trying; whoever asks again hears how far it has come.
        if !self.ending_unread().add(id) {
            return Ok(workflow);
        }
        tracing::error!(execution.id = %id, %reason, "the workflow cannot be read, and is canceled without its log");
        let (engine, user) = (self.clone(), user.to_owned());
        let ends = async move {
            engine.end_unread(id, user, reason).await;
            engine.ending_unread().remove(id);
        };
        self.core().spawn("end of a workflow", ends.instrument(spans::execution(&workflow)));
        Ok(workflow)
    }

    /// Ends such a workflow, with as many attempts as needed. When the host stops, the next process goes on.
    async fn end_unread(&self, id: ExecutionId, user: String, reason: String) {
        let mut pause = AGAIN.0;
        loop {
            match self.try_to_end_unread(id, &user, &reason).await {
                Ok(true) => return,
                Ok(false) => {}
                Err(error) => {
                    let error = Error::from(error);
                    tracing::debug!(execution.id = %id, %error, "failed to end a workflow whose log cannot be read; trying again");
                }
            }
            if !self.goes_on_after(pause).await {
                return;
            }
            pause = (pause * 2).min(AGAIN.1);
        }
    }

    /// Ends what is inside the workflow, and then the workflow. Says whether that has ended.
    async fn try_to_end_unread(
        &self,
        id: ExecutionId,
        user: &str,
        reason: &str,
    ) -> Result<bool, Uncommitted> {
        let open = self.open_inside(id).await?;
        if !open.is_empty() {
            self.end_all(id, open.into_keys().collect(), user.to_owned()).await;
            if !self.open_inside(id).await?.is_empty() {
                return Ok(false);
            }
        }
        let found = self.store().execution_in_part(id).await?;
        if let Some(mut workflow) = found.filter(|workflow| !workflow.status.is_final()) {
            let expect = Expect::ExecutionVersion(id, workflow.version);
            let canceled = workflow.apply(StatusEvent::Canceled, self.now());
            canceled.map_err(|illegal| Error::Internal(illegal.to_string()))?;
            let message =
                format!("the workflow was canceled without its log, which cannot be read: {reason}");
            workflow.result = Some(Arc::new(not_begun(&json!([{"type": "error", "message": message}]))));
            // So that its result is told, and what it holds stays as it is.
            workflow.context.unread.get_or_insert_with(|| reason.to_owned());
            let changes = vec![Change::UpdateExecution(workflow.clone())];
            self.commit_outcome(&workflow, expect, changes).await?;
            ended(&workflow.runner, workflow.status);
            self.queue().tell(&workflow);
        }
        self.closing().remove(id);
        Ok(true)
    }
}

/// Whether a message says that something has ended inside a workflow, or is to end it.
fn leads_to_its_end(envelope: &Envelope) -> bool {
    matches!(envelope.message, Message::Report(_) | Message::Reports(_) | Message::Cancel(_))
}
