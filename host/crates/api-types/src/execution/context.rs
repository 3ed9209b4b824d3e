//! The origin of an execution: the host's own account of it, and apart from that the context that the caller gave.

use std::borrow::Cow;

use petrel_model::policy::RetryOf;
use petrel_model::{ExecutionId, Object, RuleId, TriggerInstanceId, execution};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The runner of Orquesta's workflows.
const ORQUESTA: &str = "orquesta";
/// The attribute by which StackStorm marks the execution of a workflow.
const WORKFLOW: &str = "workflow_execution";

/// The context of an execution.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Context<'a> {
    /// The user on whose behalf it runs.
    #[serde(default)]
    pub user: Cow<'a, str>,
    /// The name of the action's pack.
    #[serde(default)]
    pub pack: Cow<'a, str>,
    /// The event that led to the execution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger_instance: Option<Origin<'a, TriggerInstanceId>>,
    /// The rule that requested the execution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<Origin<'a, RuleId>>,
    /// The caller, where that is not `user`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_user: Option<Cow<'a, str>>,
    /// The user who canceled the execution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled_by: Option<Cow<'a, str>>,
    /// The user who answered the execution, if it is an inquiry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_by: Option<Cow<'a, str>>,
    /// The execution of which this is a rerun.
    #[serde(default, rename = "re-run", skip_serializing_if = "Option::is_none")]
    pub rerun: Option<RerunOf<'a>>,
    /// The failed attempt that a policy tries again, below `retry`. Any value, because an older host shows what a caller
    /// gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policies: Option<Value>,
    /// The caller's context, under its own names.
    #[serde(flatten)]
    pub beside: Cow<'a, Object>,
    /// The part of the caller's context whose names belong to the host.
    #[serde(default, skip_serializing_if = "Object::is_empty")]
    pub given: Object,
    /// The workflow that requested the execution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<ParentExecution>,
    /// The task that requested the execution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orquesta: Option<Task<'a>>,
    /// The task again, for a task of an action chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain: Option<ChainTask<'a>>,
    /// The id of the execution itself, if it is a workflow. Any value, because a caller may give one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow_execution: Option<Value>,
}

/// The id of an object, with its name at that time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin<'a, T> {
    /// The id.
    pub id: T,
    /// The name.
    pub name: Cow<'a, str>,
}

/// The original of a rerun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RerunOf<'a> {
    /// The id of the original execution.
    #[serde(rename = "ref")]
    pub execution: ExecutionId,
    /// The tasks of the workflow that are run again; empty for the whole workflow.
    pub tasks: Cow<'a, [String]>,
    /// The tasks among these whose items are all run again.
    pub reset: Cow<'a, [String]>,
}

/// A workflow that requested an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParentExecution {
    /// The id of the workflow's execution.
    pub execution_id: ExecutionId,
}

/// A task that requested an execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task<'a> {
    /// The id of the workflow's execution.
    pub workflow_execution_id: ExecutionId,
    /// The id of the task's run.
    pub task_execution_id: Cow<'a, str>,
    /// The name of the task.
    pub task_id: Cow<'a, str>,
    /// The name of the task, under StackStorm's other key.
    pub task_name: Cow<'a, str>,
    /// The number of the task's route.
    pub task_route: u32,
    /// The number of the item, for a task with items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item_id: Option<u64>,
}

/// A task of an action chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainTask<'a> {
    /// The name.
    pub name: Cow<'a, str>,
    /// The action.
    #[serde(rename = "ref")]
    pub reference: Cow<'a, str>,
}

impl<'a> Context<'a> {
    /// The context of `execution`. The task's run is `task_execution`, if the execution belongs to a workflow.
    pub(super) fn of(execution: &'a execution::Execution, task_execution: Option<&Cow<'a, str>>) -> Self {
        let origins = &execution.context;
        let (mut beside, given) = origins.given_apart();
        let (parent, task) = (execution.parent.as_ref(), execution.task());
        let orquesta = task.map(|parent| Task {
            workflow_execution_id: parent.execution,
            task_execution_id: task_execution.cloned().unwrap_or_default(),
            task_id: Cow::Borrowed(&parent.task),
            task_name: Cow::Borrowed(&parent.task),
            task_route: parent.route,
            item_id: parent.item,
        });
        let chain = task.filter(|parent| parent.in_chain).map(|parent| ChainTask {
            name: Cow::Borrowed(&parent.task),
            reference: Cow::Borrowed(execution.action.as_str()),
        });
        let own = (execution.runner == ORQUESTA).then(|| Value::from(execution.id.to_string()));
        // The host's value replaces what a caller gave under this name.
        let workflow_execution = match own {
            Some(own) if beside.contains_key(WORKFLOW) => {
                beside.to_mut().insert(WORKFLOW.to_owned(), own);
                None
            }
            own => own,
        };
        Self {
            user: Cow::Borrowed(&origins.user),
            pack: Cow::Borrowed(&origins.pack),
            trigger_instance: origins.trigger_instance.as_ref().map(Origin::from),
            rule: origins.rule.as_ref().map(Origin::from),
            api_user: origins.api_user.as_deref().map(Cow::Borrowed),
            cancelled_by: origins.cancelled_by.as_deref().map(Cow::Borrowed),
            answered_by: origins.answered_by.as_deref().map(Cow::Borrowed),
            rerun: origins.rerun.as_ref().map(RerunOf::from),
            policies: origins.policies.retry.as_ref().map(retry),
            beside,
            given,
            parent: parent.map(|parent| ParentExecution { execution_id: parent.execution }),
            orquesta,
            chain,
            workflow_execution,
        }
    }
}

/// The attempt before an execution, as StackStorm shows it.
fn retry(retry: &RetryOf) -> Value {
    json!({
        "retry": {
            "applied_policy": retry.applied_policy,
            "retry_count": retry.retry_count,
            "retried_liveaction_id": retry.retried_liveaction_id,
        },
    })
}

impl<'a, T: Copy> From<&'a execution::Origin<T>> for Origin<'a, T> {
    fn from(origin: &'a execution::Origin<T>) -> Self {
        Self { id: origin.id, name: Cow::Borrowed(&origin.name) }
    }
}

impl<'a> From<&'a execution::RerunOf> for RerunOf<'a> {
    fn from(rerun: &'a execution::RerunOf) -> Self {
        Self {
            execution: rerun.execution,
            tasks: Cow::Borrowed(&rerun.tasks),
            reset: Cow::Borrowed(&rerun.reset),
        }
    }
}
