//! Texts about policies for people: the results of executions that policies end, and the reason why one waits.

use petrel_model::{Execution, ExecutionId, Ref};
use serde_json::{Value, json};

use super::book::Pace;
use super::lines::{Need, Stuck};
use crate::service::Executions;

/// The policy in the key of a limit.
pub(super) fn policy(key: &str) -> &str {
    key.rsplit_once(':').map_or(key, |(policy, _)| policy)
}

/// The result of an execution that would have been one too many at once.
pub(super) fn too_many(need: &Need, action: &Ref) -> Value {
    let policy = policy(&need.key);
    json!({
        "error": format!(
            "the policy {policy} lets {} of {action} run at once, and cancels what comes in the meantime",
            need.threshold
        ),
        "code": "policy.concurrency",
        "hint": "run it again later, or let the policy delay it: action: delay",
        "policy": policy,
    })
}

/// The result of an execution that would have been one too many in a time.
pub(super) fn too_often(pace: &Pace, action: &Ref) -> Value {
    let policy = policy(&pace.key);
    json!({
        "error": format!(
            "the policy {policy} lets {} of {action} start in {} s, and cancels what comes in the meantime",
            pace.limit,
            pace.per.as_secs_f64()
        ),
        "code": "policy.rate_limit",
        "hint": "run it again later, or let the policy delay it: action: delay",
        "policy": policy,
    })
}

/// The result of an execution that would have done the same as another one.
pub(super) fn duplicate(policy: &Ref, first: ExecutionId) -> Value {
    json!({
        "error": format!("execution {first} does the same, or has done it, and the policy {policy} lets it be done once"),
        "code": "policy.dedupe",
        "hint": format!("`petrel execution rerun {first}` does it again in any case"),
        "policy": policy,
        "duplicate_of": first,
    })
}

impl Executions {
    /// The reason why a policy or a maintenance window has an execution wait, in a sentence. `None` if none has.
    pub fn wait_reason(&self, execution: &Execution) -> Option<String> {
        if !execution.status.is_waiting() {
            return None;
        }
        if let Some(wait) = self.queue().policies().wait(execution.id) {
            let before = match wait.before {
                0 => "it is the next one".to_owned(),
                1 => "1 waits before it".to_owned(),
                more => format!("{more} wait before it"),
            };
            let stuck = wait.stuck.map_or_else(String::new, |stuck| {
                let Stuck { holder, above } = stuck;
                format!(
                    "; execution {holder} has a place, and what is inside it waits for that of execution {above}, which this one is                      inside of: cancel one of them, or neither ends"
                )
            });
            return Some(format!(
                "the policy {} lets {} run at once, and {} run now; {before}{stuck}",
                policy(&wait.key),
                wait.threshold,
                wait.running
            ));
        }
        if let Some(reason) = self.window_reason(execution) {
            return Some(reason);
        }
        let passed = &execution.context.policies.passed;
        let (policy, at) = (passed.first()?, execution.ready_at?);
        (at > self.core().now()).then(|| format!("the policy {policy} lets it start at {at}"))
    }
}
