//! Runs executions again: as new ones, or from some tasks of a workflow on.

use std::time::Duration;

use petrel_access::Behalf;
use petrel_engine_core::Error;
use petrel_model::execution::RerunOf;
use petrel_model::secrets::has_secret;
use petrel_model::{Execution, ExecutionId, Object};
use serde_json::Value;

use super::cancel::unknown;
use super::requests::Request;
use super::service::Executions;

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
    /// Refuses what does not go together, in StackStorm's words.
    fn check(&self) -> Result<(), Error> {
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
        Ok(())
    }
}

impl Executions {
    /// Runs an execution again: as a new one with the same parameters, or from some tasks of a workflow on.
    ///
    /// # Errors
    /// When it cannot be run again in that way. Nothing was asked for then.
    pub async fn rerun(&self, id: ExecutionId, again: Again) -> Result<Execution, Error> {
        let found = self.store().execution(id).await?;
        let execution = found.ok_or_else(|| unknown(id))?;
        again.check()?;
        if !again.tasks.is_empty() {
            self.conductor().check_rerun(&execution, &again.tasks).await?;
        }
        let Again { parameters, merges, tasks, reset, behalf, delay } = again;
        let trace = execution.trace_id();
        let taken_over = if merges { Object::clone(&execution.parameters) } else { Object::new() };
        if merges {
            self.refuse_secrets_of_others(&execution, &behalf, &parameters)?;
        }
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
        if changed.is_empty() || *caller == execution.context.user || self.access().may_impersonate(caller) {
            return Ok(());
        }
        let content = self.queue().catalog().content();
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
}
