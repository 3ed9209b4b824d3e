//! Retries: the next attempt at an execution that has failed, requested in the commit of the failure.

use petrel_model::execution::Context;
use petrel_model::policy::effect::RetryOn;
use petrel_model::policy::{Applied, Effect, RetryOf};
use petrel_model::{Execution, Object, Status, TraceLink};
use petrel_persistence::{Change, Expect};

use crate::queue::Queue;
use crate::requests::{new_execution, runnable};
use crate::uncommitted::Uncommitted;

impl Queue {
    /// Commits the end of an execution that is inside no workflow, with the next attempt if a policy asks for one.
    ///
    /// # Errors
    /// As [`Queue::commit`].
    pub async fn commit_end(
        &self,
        ended: &Execution,
        expect: Vec<Expect>,
        mut changes: Vec<Change>,
    ) -> Result<(), Uncommitted> {
        let Some(retry) = self.retry_of(ended) else { return self.commit(expect, changes).await };
        changes.extend(TraceLink::of_execution(&retry).into_iter().map(Change::put));
        changes.push(Change::CreateExecution(retry));
        self.report_ends(&mut changes);
        self.commit_new(expect, changes).await.map_err(Uncommitted::of_commit)
    }

    /// The next attempt at an execution. As in StackStorm there is none inside workflows, which have retries of their own,
    /// and the number of attempts is one for all policies of the action.
    fn retry_of(&self, ended: &Execution) -> Option<Execution> {
        let on = match ended.status {
            Status::Failed => RetryOn::Failure,
            Status::Timeout => RetryOn::Timeout,
            _ => return None,
        };
        if ended.parent.is_some() {
            return None;
        }
        let content = self.catalog().content();
        let count = ended.context.policies.retries();
        let (policy, retry) = content.policies_of(&ended.action)?.iter().find_map(|policy| match &policy
            .effect
        {
            Effect::Retry(retry) if retry.on == on && count < retry.most => Some((&policy.reference, retry)),
            _ => None,
        })?;
        let registered = match runnable(&content, &ended.action) {
            Ok(registered) => registered,
            Err(error) => {
                tracing::warn!(execution.id = %ended.id, %error, "a failed execution is not tried again");
                return None;
            }
        };
        let retry_of = RetryOf {
            applied_policy: policy.clone(),
            retry_count: count + 1,
            retried_liveaction_id: ended.id,
        };
        let context = Context {
            policies: Applied { retry: Some(retry_of), passed: Vec::new() },
            cancelled_by: None,
            maintenance_window: None,
            trace: Some(ended.trace_id()),
            ..ended.context.clone()
        };
        let now = self.core().now();
        let parameters = Object::clone(&ended.parameters);
        let mut next = new_execution(self.core().mint(now), &registered, parameters, context, now);
        // Whoever asked to be told of the end is told of the last attempt, too.
        next.notify.clone_from(&ended.notify);
        if next.holds_secrets()
            && let Some(why) = self.core().store().refuses_secrets()
        {
            tracing::warn!(execution.id = %ended.id, why, "a failed execution with secrets is not tried again: none can be stored");
            return None;
        }
        next.ready_at = (!retry.delay.is_zero()).then(|| now.plus(retry.delay));
        Some(next)
    }
}
