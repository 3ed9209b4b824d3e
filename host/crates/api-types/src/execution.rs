//! Executions. Attributes that are not there yet are left out, as StackStorm does; only the result is empty then, since
//! its own client fails without one.

mod context;

use std::borrow::Cow;
use std::sync::Arc;

use petrel_model::action::{GONE, REFUSED};
use petrel_model::parameters::Parameters;
use petrel_model::{ExecutionId, Object, RuleId, Status, Timestamp, TraceId, TriggerInstanceId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use context::{ChainTask, Context, Origin, ParentExecution, RerunOf, Task};

use crate::{Action, Secrets};

/// One run of an action.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Execution<'a> {
    /// Its id.
    pub id: ExecutionId,
    /// Where it stands.
    pub status: Status,
    /// The action, with all that is known of it.
    pub action: ActionOf<'a>,
    /// What runs it.
    pub runner: RunnerName<'a>,
    /// StackStorm's live action, which is the same thing here.
    pub liveaction: LiveAction<'a>,
    /// When it was asked for.
    pub start_timestamp: Timestamp,
    /// When it reached a final status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_timestamp: Option<Timestamp>,
    /// Seconds from the one to the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elapsed_seconds: Option<f64>,
    /// What it was given.
    #[serde(default, skip_serializing_if = "has_none")]
    pub parameters: Arc<Object>,
    /// The workflow that has asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<ExecutionId>,
    /// The same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow_execution: Option<ExecutionId>,
    /// The run of the task that has asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_execution: Option<Cow<'a, str>>,
    /// Where it came from.
    pub context: Context<'a>,
    /// Every status it has had.
    pub log: Vec<LogEntry>,
    /// The event that led to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger_instance: Option<EventOf>,
    /// The rule that asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<RuleOf<'a>>,
    /// The trace that the lines of the log about it name. Nothing from a host that has no traces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceId>,
    /// What came of it. Null for who has asked for all but this.
    #[serde(default)]
    pub result: Arc<Value>,
    /// Whether it rests since a restore: its status alone would say that it runs, or is about to.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub held: bool,
    /// What its tasks have asked for, for who asks for that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<ExecutionId>,
}

/// How an execution stands: as much of one as a client looks at that waits for its end.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Standing<'a> {
    /// The id, as it came.
    pub id: Cow<'a, str>,
    /// Where it stands.
    pub status: Status,
    /// What runs it, if that came along.
    #[serde(default)]
    pub runner: Option<RunnerName<'a>>,
    /// Whether it rests since a restore.
    #[serde(default)]
    pub held: bool,
}

/// The action of an execution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ActionOf<'a> {
    /// It is registered.
    Registered(Box<Action<'a>>),
    /// It is not there any more.
    Gone(GoneAction<'a>),
}

/// What is known of an action that is not there any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoneAction<'a> {
    /// `pack.name`.
    #[serde(rename = "ref")]
    pub reference: Cow<'a, str>,
    /// The name within the pack.
    pub name: Cow<'a, str>,
    /// The pack.
    pub pack: Cow<'a, str>,
    /// The runner that ran it.
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

    /// The runner.
    pub fn runner_type(&self) -> &str {
        match self {
            Self::Registered(action) => &action.runner_type,
            Self::Gone(action) => &action.runner_type,
        }
    }
}

/// A runner by its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// What it was given.
    pub parameters: Arc<Object>,
}

/// When a status was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEntry {
    /// The status.
    pub status: Status,
    /// When.
    pub timestamp: Timestamp,
}

/// An event by its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventOf {
    /// The id.
    pub id: TriggerInstanceId,
}

/// A rule by its names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleOf<'a> {
    /// The id.
    pub id: RuleId,
    /// The reference that it had then.
    #[serde(rename = "ref")]
    pub reference: Cow<'a, str>,
}

/// An action as it is registered.
#[derive(Debug, Clone, Copy)]
pub struct RegisteredAs<'a> {
    /// The action.
    pub action: &'a petrel_model::Action,
    /// Its parameters and its runner's together.
    pub parameters: &'a Parameters,
    /// Why it is refused, if it is.
    pub refused: Option<&'a str>,
}

/// What an execution is shown by, beside itself.
#[derive(Debug, Clone)]
pub struct Beside<'a> {
    /// Its action, unless that is not there any more.
    pub action: Option<RegisteredAs<'a>>,
    /// What becomes of secrets.
    pub secrets: Secrets,
    /// The time.
    pub now: Timestamp,
    /// The id of the run of the task that has asked for it, if one has.
    pub task_execution: Option<String>,
    /// Whether it rests since a restore.
    pub is_held: bool,
}

/// The status of an execution as StackStorm shows it: what waits for its time is delayed. Stored it is requested, which is
/// what it becomes when its time has come.
pub fn shown_status(execution: &petrel_model::Execution, now: Timestamp) -> Status {
    let is_early = |ready_at: Timestamp| ready_at > now;
    match execution.status {
        Status::Requested if execution.ready_at.is_some_and(is_early) => Status::Delayed,
        other => other,
    }
}

/// What an execution gave, with what its action calls secret in it masked unless it is to be shown; all of it, once its
/// action is not there any more.
pub fn shown_result(
    execution: &petrel_model::Execution,
    action: Option<RegisteredAs<'_>>,
    secrets: Secrets,
) -> Arc<Value> {
    let action = Secrets::known_to(execution, action.map(|registered| registered.action));
    match execution.result.as_ref().filter(|result| !result.is_null()) {
        // Why the action was not run is the host's word, and quotes no secret.
        Some(result) if action.is_none() && (has_not_run(execution) || says_not_run(result)) => {
            Arc::clone(result)
        }
        Some(result) => secrets.within_result(result, action, &execution.runner),
        None => Arc::new(Value::Object(Object::new())),
    }
}

/// Whether it is known that its action has not begun.
fn has_not_run(execution: &petrel_model::Execution) -> bool {
    let log = &execution.log;
    !log.is_empty() && log.iter().all(|entry| entry.status != Status::Running)
}

/// Whether a result says just that the action was not there any more, or refused.
fn says_not_run(result: &Value) -> bool {
    let has_more = result.as_object().is_none_or(|result| result.len() > 3);
    let code = result.get("code").and_then(Value::as_str);
    !has_more && code.is_some_and(|code| [GONE, REFUSED].contains(&code))
}

fn has_none(parameters: &Arc<Object>) -> bool {
    parameters.is_empty()
}

impl<'a> Execution<'a> {
    /// `execution` by what is known beside it.
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
            status: shown_status(execution, now),
            action: action_of(execution, action),
            runner: RunnerName { name: Cow::Borrowed(&execution.runner) },
            liveaction: LiveAction {
                id: execution.id,
                action: Cow::Borrowed(execution.action.as_str()),
                parameters: Arc::clone(&parameters),
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
            children: Vec::new(),
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
        Self { status: entry.status, timestamp: entry.timestamp }
    }
}

#[cfg(test)]
mod tests;
