//! Executions. As in StackStorm, absent attributes are left out. Only the result is null instead, since StackStorm's
//! client fails without one.

mod context;

use std::borrow::Cow;
use std::sync::Arc;

use petrel_model::execution::masked;
use petrel_model::parameters::Parameters;
use petrel_model::{ExecutionId, Notify, Object, RuleId, Status, Timestamp, TraceId, TriggerInstanceId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use context::{ChainTask, Context, Origin, ParentExecution, RerunOf, Task};

use crate::{Action, Secrets};

/// One run of an action.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Execution<'a> {
    /// The id of the execution.
    pub id: ExecutionId,
    /// The status.
    pub status: Status,
    /// The action, with its metadata.
    pub action: ActionOf<'a>,
    /// The runner type.
    #[serde(default)]
    pub runner: RunnerName<'a>,
    /// StackStorm's live action, which is the execution itself here.
    pub liveaction: LiveAction<'a>,
    /// The time of the request.
    pub start_timestamp: Timestamp,
    /// The time of the final status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_timestamp: Option<Timestamp>,
    /// Seconds from `start_timestamp` to `end_timestamp`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elapsed_seconds: Option<f64>,
    /// The parameters of the call.
    #[serde(default, skip_serializing_if = "has_none")]
    pub parameters: Arc<Object>,
    /// The workflow that requested the execution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<ExecutionId>,
    /// The id in `parent`, under StackStorm's other key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow_execution: Option<ExecutionId>,
    /// The id of the task's run that requested the execution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_execution: Option<Cow<'a, str>>,
    /// The origin of the execution.
    #[serde(default)]
    pub context: Context<'a>,
    /// The history of the status.
    #[serde(default)]
    pub log: Vec<LogEntry>,
    /// The event that led to the execution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger_instance: Option<EventOf>,
    /// The rule that requested the execution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<RuleOf<'a>>,
    /// The trace in the log lines about it. Absent from a host without traces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceId>,
    /// The result. Null where only other attributes were asked for.
    #[serde(default)]
    pub result: Arc<Value>,
    /// Whether the execution is held since a restore. Its status alone would say that it runs or is about to.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub held: bool,
    /// The reason why a policy has the execution wait, where a single execution was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_reason: Option<Cow<'a, str>>,
    /// The ids of the executions inside a workflow, where they were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<ExecutionId>,
    /// What of the request has no effect, where the execution is answered to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Cow<'a, str>>,
}

/// The few attributes that a client reads while it waits for an execution.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Standing<'a> {
    /// The id as text.
    pub id: Cow<'a, str>,
    /// The status.
    pub status: Status,
    /// Whether the execution is held since a restore.
    #[serde(default)]
    pub held: bool,
}

/// The action of an execution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ActionOf<'a> {
    /// The action is registered.
    Registered(Box<Action<'a>>),
    /// The action is not registered any more.
    Gone(GoneAction<'a>),
}

/// An action that is not registered any more, as far as its execution knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoneAction<'a> {
    /// `pack.name`.
    #[serde(rename = "ref")]
    pub reference: Cow<'a, str>,
    /// The name without the pack.
    pub name: Cow<'a, str>,
    /// The name of the pack.
    pub pack: Cow<'a, str>,
    /// The runner type.
    pub runner_type: Cow<'a, str>,
}

impl ActionOf<'_> {
    /// `pack.name`.
    pub fn reference(&self) -> &str {
        match self {
            Self::Registered(action) => &action.reference,
            Self::Gone(action) => &action.reference,
        }
    }

    /// The name of the runner type.
    pub fn runner_type(&self) -> &str {
        match self {
            Self::Registered(action) => &action.runner_type,
            Self::Gone(action) => &action.runner_type,
        }
    }
}

/// A runner type by its name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunnerName<'a> {
    /// The name.
    pub name: Cow<'a, str>,
}

/// StackStorm's live action.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LiveAction<'a> {
    /// The id of the execution.
    pub id: ExecutionId,
    /// `pack.name`.
    pub action: Cow<'a, str>,
    /// The parameters of the call.
    pub parameters: Arc<Object>,
    /// Who is to be told of the end, if somebody is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notify: Option<Arc<Notify>>,
}

/// An entry in the history of a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEntry {
    /// The status.
    pub status: Status,
    /// The time of the change.
    pub timestamp: Timestamp,
    /// Number of statuses before this one that the log does not have any more.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde asks for")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// An event, by its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventOf {
    /// The id.
    pub id: TriggerInstanceId,
}

/// A rule, by its id and its reference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleOf<'a> {
    /// The id.
    pub id: RuleId,
    /// The reference of the rule at that time.
    #[serde(rename = "ref")]
    pub reference: Cow<'a, str>,
}

/// A registered action.
#[derive(Debug, Clone, Copy)]
pub struct RegisteredAs<'a> {
    /// The action.
    pub action: &'a petrel_model::Action,
    /// The parameters of the action and of its runner, merged.
    pub parameters: &'a Parameters,
    /// The reason why the action is refused, if it is.
    pub refused: Option<&'a str>,
}

/// The data that the view of an execution needs besides the execution itself.
#[derive(Debug, Clone)]
pub struct Beside<'a> {
    /// The action, unless it is not registered any more.
    pub action: Option<RegisteredAs<'a>>,
    /// Whether secrets are shown.
    pub secrets: Secrets,
    /// The time of the view.
    pub now: Timestamp,
    /// The id of the task's run that requested the execution, if there is one.
    pub task_execution: Option<String>,
    /// Whether the execution is held since a restore.
    pub is_held: bool,
}

/// The result of an execution. Values that its action declares secret are masked unless secrets are to be shown, and
/// secret parameters that it repeats; the whole result is masked if the action is gone.
pub fn shown_result(
    execution: &petrel_model::Execution,
    action: Option<RegisteredAs<'_>>,
    secrets: Secrets,
) -> Arc<Value> {
    match secrets {
        Secrets::Masked => masked::result(execution, action.map(|registered| registered.action)),
        Secrets::Shown => {
            let result = execution.result.as_ref().filter(|result| !result.is_null());
            result.map_or_else(|| Arc::new(Value::Object(Object::new())), Arc::clone)
        }
    }
}

fn has_none(parameters: &Arc<Object>) -> bool {
    parameters.is_empty()
}

impl<'a> Execution<'a> {
    /// The view of `execution`.
    pub fn of(execution: &'a petrel_model::Execution, beside: Beside<'a>) -> Self {
        let Beside { action, secrets, now, task_execution, is_held } = beside;
        let schemas = action.map(|registered| registered.parameters);
        let parameters = secrets.of_execution(execution, schemas);
        let parent = execution.parent.as_ref().map(|parent| parent.execution);
        let (event, rule) = (&execution.context.trigger_instance, &execution.context.rule);
        let task_execution: Option<Cow<'a, str>> =
            task_execution.filter(|_| parent.is_some()).map(Cow::Owned);
        Self {
            id: execution.id,
            status: execution.shown_status(now),
            action: action_of(execution, action),
            runner: RunnerName { name: Cow::Borrowed(&execution.runner) },
            liveaction: LiveAction {
                id: execution.id,
                action: Cow::Borrowed(execution.action.as_str()),
                parameters: Arc::clone(&parameters),
                notify: execution.notify.clone(),
            },
            start_timestamp: execution.requested_at,
            end_timestamp: execution.ended_at,
            elapsed_seconds: execution.ended_at.map(|end| end.seconds_since(execution.requested_at)),
            parameters,
            parent,
            workflow_execution: parent,
            context: Context::of(execution, task_execution.as_ref()),
            task_execution,
            log: execution.log.iter().map(LogEntry::from).collect(),
            trigger_instance: event.as_ref().map(|origin| EventOf { id: origin.id }),
            rule: rule
                .as_ref()
                .map(|origin| RuleOf { id: origin.id, reference: Cow::Borrowed(&origin.name) }),
            trace: Some(execution.trace_id()),
            result: shown_result(execution, action, secrets),
            held: is_held,
            wait_reason: None,
            children: Vec::new(),
            warnings: Vec::new(),
        }
    }
}

fn action_of<'a>(
    execution: &'a petrel_model::Execution,
    registered: Option<RegisteredAs<'a>>,
) -> ActionOf<'a> {
    let reference = &execution.action;
    match registered {
        Some(RegisteredAs { action, refused, .. }) => {
            ActionOf::Registered(Box::new(Action::of(action, refused)))
        }
        None => ActionOf::Gone(GoneAction {
            reference: Cow::Borrowed(reference.as_str()),
            name: Cow::Borrowed(reference.name()),
            pack: Cow::Borrowed(reference.pack()),
            runner_type: Cow::Borrowed(&execution.runner),
        }),
    }
}

impl From<&petrel_model::execution::LogEntry> for LogEntry {
    fn from(entry: &petrel_model::execution::LogEntry) -> Self {
        Self { status: entry.status, timestamp: entry.timestamp, left_out: entry.left_out }
    }
}

#[cfg(test)]
mod tests;
