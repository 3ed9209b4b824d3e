//! Reruns: an execution is requested again as a new one, or a workflow from some of its tasks on.

use std::time::Duration;

use petrel_access::{Behalf, RULE_USER};
use petrel_engine_core::Error;
use petrel_model::execution::RerunOf;
use petrel_model::execution::masked::secret_texts;
use petrel_model::secrets::{has_secret, is_secret_at, places_beside};
use petrel_model::{Execution, ExecutionId, Object, Parent};
use serde_json::Value;

use super::cancel::unknown;
use super::requests::{Request, Secret};
use super::service::Executions;

/// The length of a chain of reruns up to which the owners of its secrets are looked up, with one read of the
/// store for each rerun. The secrets of a longer chain count as somebody else's.
const RERUNS_LOOKED_AT: usize = 100;

/// The options of a rerun.
#[derive(Debug, Clone)]
pub struct Again {
    /// Parameters that replace those of the original.
    pub parameters: Object,
    /// Whether the other parameters of the original are used too.
    pub merges: bool,
    /// The tasks to start from; empty for the whole execution.
    pub tasks: Vec<String>,
    /// Tasks among these whose items are all run again, not only the failed ones.
    pub reset: Vec<String>,
    /// The user on whose behalf it runs, and the caller.
    pub behalf: Behalf,
    /// The delay before it starts.
    pub delay: Option<Duration>,
}

impl Again {
    /// Refuses options that do not fit each other, in StackStorm's words.
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
    /// Runs an execution again, as a new one with the same parameters, or from some tasks of a workflow on.
    ///
    /// # Errors
    /// When it cannot be run again in that way. Nothing was requested then.
    pub async fn rerun(&self, id: ExecutionId, again: Again) -> Result<Execution, Error> {
        let found = self.store().execution(id).await?;
        let execution = found.ok_or_else(|| unknown(id))?;
        again.check()?;
        if let Some(why) = &execution.context.unread {
            // Without its parameters it would do something else.
            return Err(Error::Sealed(format!("execution {id} cannot be run again unread: {why}")));
        }
        if !again.tasks.is_empty() {
            self.conductor().check_rerun(&execution, &again.tasks).await?;
        }
        let Again { parameters, merges, tasks, reset, behalf, delay } = again;
        let trace = execution.trace_id();
        let taken_over = if merges { Object::clone(&execution.parameters) } else { Object::new() };
        if merges {
            self.refuse_secrets_of_others(&execution, &behalf, &parameters).await?;
        }
        let secret = if merges {
            // A new value is no secret because the old one was.
            Secret {
                places: places_beside(&execution.context.secret_places, &parameters),
                texts: secret_texts(&execution),
                sealed: execution.holds_secrets(),
            }
        } else {
            // The results of its tasks are used again, if not its parameters.
            Secret { sealed: execution.holds_secrets(), ..Secret::default() }
        };
        let request = Request {
            action: execution.action,
            parameters,
            rendered: taken_over,
            behalf,
            context: Object::new(),
            rerun: Some(RerunOf { execution: id, tasks, reset }),
            delay,
            // As in StackStorm, a rerun belongs to the trace of the original.
            trace: Some(trace),
            // As in StackStorm, what the original's request said of this does not count.
            notify: None,
            trace_tag: execution.context.trace_tag,
        };
        self.request_with(request, secret).await
    }

    /// Refuses to reuse secret parameters of somebody else's execution together with changed ones, which
    /// might send them elsewhere.
    async fn refuse_secrets_of_others(
        &self,
        execution: &Execution,
        behalf: &Behalf,
        changed: &Object,
    ) -> Result<(), Error> {
        if changed.is_empty() {
            return Ok(());
        }
        let Some(name) = self.secret_taken_over(execution, changed)? else { return Ok(()) };
        // Both need a right to the secret: neither acting for somebody nor issuing somebody's token lends
        // rights.
        for caller in [Some(&behalf.user), behalf.api_user.as_ref()].into_iter().flatten() {
            // The admin sees all secrets anyhow.
            if self.access().is_admin(caller) {
                continue;
            }
            if let Some(owner) = self.other_owner(execution, caller).await? {
                return Err(Error::Forbidden {
                    message: format!(
                        "the parameter `{name}` of execution {} is a secret of {owner}",
                        execution.id
                    ),
                    hint: "run it again as it is, or give this parameter too".into(),
                });
            }
        }
        Ok(())
    }

    /// The name of a secret parameter of `execution` that the rerun takes over beside the `changed` ones, if
    /// there is one.
    fn secret_taken_over(&self, execution: &Execution, changed: &Object) -> Result<Option<String>, Error> {
        let content = self.queue().catalog().content();
        let registered = content.action(&execution.action)?;
        let is_taken_over = |(name, value): &(&String, &Value)| {
            let is_marked = || registered.parameters.get(*name).is_some_and(has_secret);
            let is_secret = || is_secret_at(&execution.context.secret_places, name) || is_marked();
            !value.is_null() && !changed.contains_key(*name) && is_secret()
        };
        Ok(execution.parameters.iter().find(is_taken_over).map(|(name, _)| name.clone()))
    }

    /// The owner of the secrets of an execution, unless that is `caller` or somebody on whose behalf `caller`
    /// may act. A rerun has the secrets of the execution before it, an execution inside a workflow those of
    /// the workflow, and an execution of a rule those of the rule.
    async fn other_owner(&self, execution: &Execution, caller: &str) -> Result<Option<String>, Error> {
        if let Some(owner) = self.owner_beside(execution, caller) {
            return Ok(Some(owner));
        }
        let mut before = origin(execution);
        for _ in 0..RERUNS_LOOKED_AT {
            let Some(id) = before else { return Ok(None) };
            let Some(execution) = self.store().execution(id).await? else { break };
            if let Some(owner) = self.owner_beside(&execution, caller) {
                return Ok(Some(owner));
            }
            before = origin(&execution);
        }
        Ok(before.map(|id| format!("execution {id}, whose owner is not known any more")))
    }

    /// As [`other_owner`](Self::other_owner), for one execution without its origins.
    fn owner_beside(&self, execution: &Execution, caller: &str) -> Option<String> {
        let context = &execution.context;
        if let Some(rule) = &context.rule {
            return Some(format!("the rule {}", rule.name));
        }
        // Executions inside workflows that rules began have this user, and name no rule.
        if context.user == RULE_USER {
            return Some("a rule".into());
        }
        let accounts = self.access().accounts();
        // A user created after the execution is somebody else, with the name of a deleted user.
        let is_anew = accounts.user(caller).is_ok_and(|user| user.created_at > execution.requested_at);
        let may_act = self.access().refuse_impersonation(caller, &context.user).is_ok();
        let is_own = may_act && !(is_anew && context.user == caller);
        (!is_own).then(|| format!("`{}`", context.user))
    }
}

/// The execution from which another one has its secrets: the original of a rerun, or the root workflow.
fn origin(execution: &Execution) -> Option<ExecutionId> {
    let rerun = execution.context.rerun.as_ref().map(|rerun| rerun.execution);
    rerun.or_else(|| execution.parent.as_ref().map(Parent::root))
}
