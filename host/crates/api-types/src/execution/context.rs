//! Where an execution came from: what the host says of it, and beside it what the caller gave.

use std::borrow::Cow;

use petrel_model::{ExecutionId, Object, RuleId, TriggerInstanceId, execution};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The runner of Orquesta's workflows.
const ORQUESTA: &str = "orquesta";
/// The attribute by which StackStorm marks a workflow.
const WORKFLOW: &str = "workflow_execution";

/// Where an execution came from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Context<'a> {
    /// On whose behalf.
    #[serde(default)]
    pub user: Cow<'a, str>,
    /// The action's pack.
    #[serde(default)]
    pub pack: Cow<'a, str>,
    /// The event that led to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger_instance: Option<Origin<'a, TriggerInstanceId>>,
    /// The rule that asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<Origin<'a, RuleId>>,
    /// Who really asked, where that is not `user`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_user: Option<Cow<'a, str>>,
    /// Who has ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled_by: Option<Cow<'a, str>>,
    /// The execution that it does again.
    #[serde(default, rename = "re-run", skip_serializing_if = "Option::is_none")]
    pub rerun: Option<RerunOf<'a>>,
    /// What the caller gave, each under its own name.
    #[serde(flatten)]
    pub beside: Cow<'a, Object>,
    /// What the caller gave under names that are the host's.
    #[serde(default, skip_serializing_if = "Object::is_empty")]
    pub given: Object,
    /// The workflow that has asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<ParentExecution>,
    /// The task that has asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orquesta: Option<Task<'a>>,
    /// The task again, of an action chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain: Option<ChainTask<'a>>,
    /// Of a workflow its own id. (A caller may have given anything here.)
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow_execution: Option<Value>,
}

/// An id and the name that its object had then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin<'a, T> {
    /// The id.
    pub id: T,
    /// The name.
    pub name: Cow<'a, str>,
}

/// What is done again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RerunOf<'a> {
    /// The execution.
    #[serde(rename = "ref")]
    pub execution: ExecutionId,
    /// The tasks of the workflow; none for all of it.
    pub tasks: Cow<'a, [String]>,
    /// Those of the tasks of which all items are done again.
    pub reset: Cow<'a, [String]>,
}

/// A workflow that has asked for an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParentExecution {
    /// Its id.
    pub execution_id: ExecutionId,
}

/// A task that has asked for an execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task<'a> {
    /// The workflow.
    pub workflow_execution_id: ExecutionId,
    /// This run of the task.
    pub task_execution_id: Cow<'a, str>,
    /// The name.
    pub task_id: Cow<'a, str>,
    /// The name again.
    pub task_name: Cow<'a, str>,
    /// The route that it is on.
    pub task_route: u32,
    /// The item that it is for.
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
    /// The context of `execution`, which the run `task_execution` of a task has asked for if it belongs to a workflow.
    pub(super) fn of(execution: &'a execution::Execution, task_execution: Option<&Cow<'a, str>>) -> Self {
        let origins = &execution.context;
        let (mut beside, given) = origins.given_apart();
        let parent = execution.parent.as_ref();
        let orquesta = parent.map(|parent| Task {
            workflow_execution_id: parent.execution,
            task_execution_id: task_execution.cloned().unwrap_or_default(),
            task_id: Cow::Borrowed(&parent.task),
            task_name: Cow::Borrowed(&parent.task),
            task_route: parent.route,
            item_id: parent.item,
        });
        let chain = parent.filter(|parent| parent.in_chain).map(|parent| ChainTask {
            name: Cow::Borrowed(&parent.task),
            reference: Cow::Borrowed(execution.action.as_str()),
        });
        let own = (execution.runner == ORQUESTA).then(|| Value::from(execution.id.to_string()));
        // It takes the place of what a caller gave under its name.
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
            rerun: origins.rerun.as_ref().map(RerunOf::from),
            beside,
            given,
            parent: parent.map(|parent| ParentExecution { execution_id: parent.execution }),
            orquesta,
            chain,
            workflow_execution,
        }
    }
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
