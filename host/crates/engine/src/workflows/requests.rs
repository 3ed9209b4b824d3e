//! What people ask of workflows: to pause, to resume, to end, to be run again. And where the outcome of an
//! execution goes that belongs to a workflow.

use std::time::Duration;

use petrel_access::{Behalf, RULE_USER};
use petrel_model::execution::RerunOf;
use petrel_model::secrets::{has_secret, is_secret_at, places_beside};
use petrel_model::{Execution, ExecutionId, Object, Status as Stored};
use petrel_persistence::{Change, Expect};
use petrel_workflows::{Source, Status};
use serde_json::Value;

use super::mailbox::{Message, deliver};
use super::report::Report;
use super::timers::take_up;
use super::{ORQUESTA, is_workflow, live};
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

/// How many executions, each of which was the one before run again, are asked whose secrets they have.
const RERUNS_LOOKED_AT: usize = 100;
/// How many tasks an answer names that does not find one.
const TASKS_SHOWN: usize = 20;

/// From where an execution is run again.
#[derive(Debug, Clone)]
pub struct Again {
    /// Parameters in the place of those that it had.
    pub parameters: Object,
    /// Whether those that it had are taken over beside them.
    pub merges: bool,
    /// The tasks of the workflow; all of it from the beginning when there are none.
    pub tasks: Vec<String>,
    /// Those of the tasks of which all items are done again, not only those that have failed.
    pub reset: Vec<String>,
    /// On whose behalf.
    pub behalf: Behalf,
    /// How long to wait before it starts.
    pub delay: Option<Duration>,
}

impl Again {
    /// Refuses what does not go together for `execution`, in StackStorm's words.
    fn check(&self, execution: &Execution) -> Result<(), Error> {
        let id = execution.id;
        if self.tasks.is_empty() && self.reset.is_empty() {
            return Ok(());
        }
        if !self.parameters.is_empty() {
            let message = "Parameters override is not supported when re-running task(s) for a workflow.";
            let hint = "leave out the parameters, or the tasks: then all of it runs again";
            return Err(Error::invalid(message, hint));
        }
        if let Some(stranger) = self.reset.iter().find(|name| !self.tasks.contains(name)) {
            let message = format!("the task `{stranger}` is to be reset, but is not among those run again");
            return Err(Error::invalid(message, "name it among the tasks too"));
        }
        if execution.runner != ORQUESTA {
            let message = format!(
                "Task option is only supported for Orquesta workflows: execution {id} is run by `{}`",
                execution.runner
            );
            return Err(Error::invalid(message, "leave out the tasks: then all of it runs again"));
        }
        if !execution.status.is_final() {
            let message = format!("execution {id} is {} and has not ended", execution.status);
            return Err(Error::invalid(message, "wait for its end, or cancel it"));
        }
        Ok(())
    }
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
        again.check(&execution)?;
        self.refuse_unknown_tasks(id, &again.tasks).await?;
        let Again { parameters, merges, tasks, reset, behalf, delay } = again;
        let trace = execution.trace_id();
        let taken_over = if merges { Object::clone(&execution.parameters) } else { Object::new() };
        if merges {
            self.refuse_secrets_of_others(&execution, &behalf, &parameters).await?;
        }
        let secret = if merges {
            // What is given anew is no secret because what it had was one.
            places_beside(&execution.context.secret_places, &parameters)
        } else {
            Vec::new()
        };
        let request = Request {
            action: execution.action,
            parameters,
            rendered: taken_over,
            behalf,
            context: Object::new(),
            rerun: Some(RerunOf { execution: id, tasks, reset }),
            delay,
            // As in StackStorm: what is done again belongs to what was done.
            trace: Some(trace),
        };
        self.request_with(request, secret).await
    }

    /// Refuses tasks that the definition does not have that a workflow began with. One that never began has none; it says
    /// why when it is run.
    async fn refuse_unknown_tasks(&self, workflow: ExecutionId, tasks: &[String]) -> Result<(), Error> {
        if tasks.is_empty() {
            return Ok(());
        }
        let Some(compiled) = live::definition(self, workflow).await? else { return Ok(()) };
        let Source::Orquesta(definition) = &compiled.definition else { return Ok(()) };
        let is_known = |task: &&String| match task.split_once('|') {
            Some((name, route)) => definition.find(name).is_some() && route.parse::<u32>().is_ok(),
            None => definition.find(task).is_some(),
        };
        let Some(stranger) = tasks.iter().find(|task| !is_known(task)) else { return Ok(()) };
        let known = definition.tasks().iter().filter(|task| task.engine.is_none()).take(TASKS_SHOWN);
        let known: Vec<&str> = known.map(|task| &*task.name).collect();
        let hint = format!("its tasks are {}; NAME|2 is the task on its third route", known.join(", "));
        Err(Error::invalid(format!("the workflow of execution {workflow} has no task `{stranger}`"), hint))
    }

    /// Refuses to take over secret parameters of somebody else's execution beside others that are changed: they might be
    /// sent elsewhere.
    async fn refuse_secrets_of_others(
        &self,
        execution: &Execution,
        behalf: &Behalf,
        changed: &Object,
    ) -> Result<(), Error> {
        let caller = behalf.api_user.as_ref().unwrap_or(&behalf.user);
        if changed.is_empty() || self.access().is_admin(caller) {
            return Ok(());
        }
        let Some(name) = self.secret_taken_over(execution, changed)? else { return Ok(()) };
        let Some(owner) = self.other_owner(execution, caller).await? else { return Ok(()) };
        Err(Error::Forbidden {
            message: format!("the parameter `{name}` of execution {} is a secret of {owner}", execution.id),
            hint: "run it again as it is, or give this parameter too".into(),
        })
    }

    /// A secret parameter of an execution that is taken over beside those that are `changed`.
    fn secret_taken_over(&self, execution: &Execution, changed: &Object) -> Result<Option<String>, Error> {
        let content = self.content();
        let registered = content.action(&execution.action)?;
        let is_taken_over = |(name, value): &(&String, &Value)| {
            let is_marked = || registered.parameters.get(*name).is_some_and(has_secret);
            let is_secret = || is_secret_at(&execution.context.secret_places, name) || is_marked();
            !value.is_null() && !changed.contains_key(*name) && is_secret()
        };
        Ok(execution.parameters.iter().find(is_taken_over).map(|(name, _)| name.clone()))
    }

    /// Whose the secrets of an execution are, if they are not those of `caller` nor of somebody as whom `caller` may act. One
    /// that was run again has those of the one before it; what rules ask for has theirs.
    async fn other_owner(&self, execution: &Execution, caller: &str) -> Result<Option<String>, Error> {
        if let Some(owner) = self.owner_beside(execution, caller) {
            return Ok(Some(owner));
        }
        let mut before = execution.context.rerun.as_ref().map(|rerun| rerun.execution);
        for _ in 0..RERUNS_LOOKED_AT {
            let Some(id) = before else { return Ok(None) };
            let Some(execution) = self.store().execution(id).await? else { break };
            if let Some(owner) = self.owner_beside(&execution, caller) {
                return Ok(Some(owner));
            }
            before = execution.context.rerun.as_ref().map(|rerun| rerun.execution);
        }
        Ok(before.map(|id| format!("execution {id}, which cannot be asked whose it was")))
    }

    /// The same of one execution by itself.
    fn owner_beside(&self, execution: &Execution, caller: &str) -> Option<String> {
        let context = &execution.context;
        if let Some(rule) = &context.rule {
            return Some(format!("the rule {}", rule.name));
        }
        // So are those inside workflows that rules began.
        if context.user == RULE_USER {
            return Some("a rule".into());
        }
        let accounts = self.access().accounts();
        // After a deletion the name may be somebody else's.
        let is_anew = accounts.user(caller).is_ok_and(|user| user.created_at > execution.requested_at);
        let may_act = self.access().refuse_impersonation(caller, &context.user).is_ok();
        let is_own = may_act && !(is_anew && context.user == caller);
        (!is_own).then(|| format!("`{}`", context.user))
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
