//! What people ask of workflows: to pause, to resume, to end, to be run again. And where the outcome of an
//! execution goes that belongs to a workflow.

use petrel_model::execution::RerunOf;
use petrel_model::secrets::has_secret;
use petrel_model::{Execution, ExecutionId, Object, Status as Stored};
use petrel_persistence::{Change, Expect};
use petrel_workflows::Status;
use serde_json::Value;

use super::is_workflow;
use super::mailbox::{Message, deliver};
use super::report::Report;
use super::timers::take_up;
use crate::behalf::Behalf;
use crate::error::Error;
use crate::requests::Request;
use crate::service::Engine;

/// Pauses a workflow: no more tasks start, what runs is let finish.
///
/// # Errors
/// When it is no workflow, or its status does not allow it.
pub(super) async fn pause(engine: &Engine, id: ExecutionId) -> Result<Execution, Error> {
    ask(engine, id, Status::Pausing).await
}

/// Lets a paused workflow go on.
///
/// # Errors
/// When it is no workflow, or its status does not allow it.
pub(super) async fn resume(engine: &Engine, id: ExecutionId) -> Result<Execution, Error> {
    ask(engine, id, Status::Resuming).await
}

async fn ask(engine: &Engine, id: ExecutionId, status: Status) -> Result<Execution, Error> {
    let found = engine.store().execution(id).await?;
    let execution = found.ok_or_else(|| Error::NotFound {
        what: "execution",
        name: id.to_string(),
        hint: "`petrel execution list` shows what there is".into(),
    })?;
    let conflict = |message: String, hint: &str| Error::Conflict {
        message,
        hint: hint.into(),
        id: Some(id.to_string()),
    };
    if !is_workflow(&execution.runner) {
        let message = format!("execution {id} is run by `{}` and cannot be paused", execution.runner);
        return Err(conflict(
            message,
            "only workflows can be paused and resumed; `petrel execution cancel` ends it",
        ));
    }
    if engine.store().is_held(id) && !execution.status.is_final() {
        let message =
            format!("execution {id} is held: it was in flight at the backup that this host is restored from");
        return Err(conflict(
            message,
            "`petrel resume-all` lets all that is held go on; canceling it is possible",
        ));
    }
    if execution.status.is_final() {
        let message = format!("execution {id} has ended: it is {}", execution.status);
        return Err(conflict(message, "`petrel execution rerun` runs it again"));
    }
    if execution.status.is_waiting() {
        let message = format!("execution {id} is {} and has not begun", execution.status);
        return Err(conflict(message, "wait until it runs; canceling it is possible"));
    }
    deliver(engine, id, Message::Request(status)).await
}

/// From where an execution is run again.
#[derive(Debug, Clone)]
pub struct Again {
    /// Parameters in the place of those that it had.
    pub parameters: Object,
    /// The tasks of the workflow; all of it from the beginning when there are none.
    pub tasks: Vec<String>,
    /// Those of the tasks of which all items are done again, not only those that have failed.
    pub reset: Vec<String>,
    /// On whose behalf.
    pub behalf: Behalf,
}

impl Engine {
    /// Pauses a workflow: no more tasks start, what runs is let finish.
    ///
    /// # Errors
    /// When it is no workflow, or its status does not allow it.
    pub async fn pause(&self, id: ExecutionId) -> Result<Execution, Error> {
        let engine = self.clone();
        self.to_the_end(async move { pause(&engine, id).await }).await
    }

    /// Lets a paused workflow go on.
    ///
    /// # Errors
    /// When it is no workflow, or its status does not allow it.
    pub async fn resume(&self, id: ExecutionId) -> Result<Execution, Error> {
        let engine = self.clone();
        self.to_the_end(async move { resume(&engine, id).await }).await
    }

    /// Runs an execution again: as a new one with the same parameters, or from some tasks of a workflow on.
    ///
    /// # Errors
    /// When it cannot be run again in that way. Nothing was asked for then.
    pub async fn rerun(&self, id: ExecutionId, again: Again) -> Result<Execution, Error> {
        let found = self.store().execution(id).await?;
        let execution = found.ok_or_else(|| Error::NotFound {
            what: "execution",
            name: id.to_string(),
            hint: "`petrel execution list` shows what there is".into(),
        })?;
        let Again { parameters, tasks, reset, behalf } = again;
        if !tasks.is_empty() && !is_workflow(&execution.runner) {
            let message = format!("execution {id} is run by `{}` and has no tasks", execution.runner);
            return Err(Error::invalid(message, "leave out the tasks"));
        }
        if !tasks.is_empty() && !execution.status.is_final() {
            let message = format!("execution {id} is {} and has not ended", execution.status);
            return Err(Error::invalid(message, "wait for its end, or cancel it"));
        }
        if let Some(stranger) = reset.iter().find(|name| !tasks.contains(name)) {
            let message = format!("the task `{stranger}` is to be reset, but is not among those run again");
            return Err(Error::invalid(message, "name it among the tasks too"));
        }
        self.refuse_secrets_of_others(&execution, &behalf, &parameters)?;
        let request = Request {
            action: execution.action,
            parameters,
            rendered: Object::clone(&execution.parameters),
            behalf,
            context: Object::new(),
            rerun: Some(RerunOf { execution: id, tasks, reset }),
            delay: None,
        };
        self.request(request).await
    }

    /// Refuses to take over secret parameters of somebody else's execution beside others that are changed: they might be
    /// sent elsewhere.
    fn refuse_secrets_of_others(
        &self,
        execution: &Execution,
        behalf: &Behalf,
        changed: &Object,
    ) -> Result<(), Error> {
        let caller = behalf.api_user.as_ref().unwrap_or(&behalf.user);
        if changed.is_empty() || *caller == execution.context.user || self.may_impersonate(caller) {
            return Ok(());
        }
        let content = self.content();
        let registered = content.action(&execution.action)?;
        let is_taken_over = |(name, value): (&String, &Value)| {
            let schema = registered.parameters.get(name);
            !value.is_null() && !changed.contains_key(name) && schema.is_some_and(has_secret)
        };
        let Some((name, _)) = execution.parameters.iter().find(|entry| is_taken_over(*entry)) else {
            return Ok(());
        };
        Err(Error::Forbidden {
            message: format!(
                "the parameter `{name}` of execution {} is a secret of `{}`",
                execution.id, execution.context.user
            ),
            hint: "run it again as it is, or give this parameter too".into(),
        })
    }

    /// Commits the outcome of an execution: with what it means to the workflow that has asked for it, if one
    /// has.
    pub(crate) async fn commit_outcome(
        &self,
        execution: &Execution,
        expect: Vec<Expect>,
        changes: Vec<Change>,
    ) -> Result<(), Error> {
        let Some(parent) = execution.parent.clone().filter(|_| execution.status.is_final()) else {
            return self.commit(expect, changes).await;
        };
        let above = parent.execution;
        let report =
            Report { parent, execution: execution.clone(), expect: expect.clone(), changes: changes.clone() };
        match Box::pin(deliver(self, above, Message::Report(Box::new(report)))).await {
            Ok(_workflow) => Ok(()),
            // The workflow is gone; its outcome is kept all the same.
            Err(Error::NotFound { name, .. }) if name == above.to_string() => {
                self.commit(expect, changes).await
            }
            Err(error) => Err(error),
        }
    }

    /// Asks a workflow that has begun to end. One that was asked already, before the backup that it is held since, has
    /// told nobody here: what is inside it is told now.
    pub(crate) async fn cancel_workflow(&self, workflow: Execution) -> Result<Execution, Error> {
        let id = workflow.id;
        if workflow.status != Stored::Canceling {
            return deliver(self, id, Message::Request(Status::Canceling)).await;
        }
        self.0.workflows.closing.add(id);
        take_up(self.clone(), vec![workflow.clone()]).await;
        Ok(workflow)
    }
}
