//! The move of a workflow's execution to where a step has brought the workflow, and the end of one that meets secrets while
//! none can be stored.

use std::sync::Arc;

use petrel_engine_core::Error;
use petrel_executions::storable;
use petrel_model::secrets::masked_whole;
use petrel_model::{StatusEvent, WorkflowEvent};
use petrel_persistence::{Change, Expect};
use petrel_workflows::Status;
use serde_json::json;

use super::definitions::not_begun;
use super::live::Stopped;
use super::step::{Step, decrypted};
use super::{messages, outcome};

impl Step {
    /// Has the workflow fail if it has just met a secret and none can be stored: it could neither log this nor go on. What
    /// it was about to request is not requested.
    pub(super) fn refuse_secrets(&mut self) {
        if !self.live.is_secret || self.live.execution.holds_secrets() {
            return;
        }
        let Some(why) = self.engine.store().refuses_secrets() else { return };
        let message = format!(
            "the workflow has met a secret, and none can be stored: {why}; start it again once the key is back"
        );
        self.unstorable = Some(message.clone());
        for change in self.created.drain(..) {
            if let Change::CreateExecution(child) = change {
                self.live.active.remove(&child.id);
            }
        }
        // They are stored in clear, and errors may quote what they met.
        for entry in &mut self.entries {
            if let WorkflowEvent::Reported { result: Some(result), .. } = &mut entry.event {
                *result = Arc::new(masked_whole(result));
            }
        }
        self.fail(message, Stopped::Failed);
    }

    /// The status for the workflow's execution: the workflow's own, except that it ends only when nothing is
    /// open inside it.
    fn target(&self) -> Status {
        let status = self.live.conductor.status();
        if !status.is_completed() {
            return status;
        }
        match (self.live.active.is_empty(), self.is_canceled || status == Status::Canceled) {
            (true, true) => Status::Canceled,
            (true, false) => status,
            (false, true) => Status::Canceling,
            (false, false) => Status::Running,
        }
    }

    /// Moves the workflow's execution to its [`target`](Self::target).
    pub(super) fn settle(&mut self) -> Result<(), Error> {
        let (status, live) = (self.target(), &mut self.live);
        let has_met = live.is_secret && self.unstorable.is_none();
        // It is stored with the step in which it first meets a secret, so that the entries of this step are encrypted.
        let meets = has_met && !live.execution.holds_secrets();
        let rests = outcome::moves(live.execution.status, status).is_empty() && !meets;
        if live.execution.status.is_final() || rests {
            return Ok(());
        }
        self.expect.push(Expect::ExecutionVersion(live.execution.id, live.execution.version));
        live.execution.context.sealed |= has_met;
        // An execution that had not begun may have ended already.
        while let moves = outcome::moves(live.execution.status, status)
            && !moves.is_empty()
        {
            for event in moves {
                let event = match event {
                    StatusEvent::Failed if live.stopped == Some(Stopped::Expired) => StatusEvent::TimedOut,
                    event => *event,
                };
                live.execution.apply(event, self.now).map_err(|illegal| {
                    Error::Internal(format!("workflow {}: {illegal}", live.execution.id))
                })?;
            }
        }
        // One commit makes one version, however many moves it contains.
        if let Some(Expect::ExecutionVersion(_, version)) = self.expect.last() {
            live.execution.version = version + 1;
        }
        live.execution.host = Some(self.engine.store().fence().epoch);
        if live.execution.status.is_final() {
            let result = if let Some(message) = &self.unstorable {
                // Its output may have the secret.
                not_begun(&json!([{"type": "error", "message": message}]))
            } else {
                let (decrypted, result) = (decrypted(&self.engine, live), live.conductor.result());
                messages::without_secrets(self.engine.queue(), &live.execution, decrypted, result)
            };
            live.execution.result = Some(Arc::new(storable(result)));
        }
        self.changes.push(Change::UpdateExecution(live.execution.clone()));
        Ok(())
    }
}
