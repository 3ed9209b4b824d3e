//! Executions: one run of an action, from the request to its result.

mod context;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use context::{Context, Origin, RerunOf};

use crate::status::IllegalMove;
use crate::{ExecutionId, Object, Parent, Ref, Status, StatusEvent, Timestamp};

/// One run of an action.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Execution {
    /// Its id.
    pub id: ExecutionId,
    /// Grows by one with every stored change; who changes it names the version that was read.
    pub version: u64,
    /// The action.
    pub action: Ref,
    /// The action's runner, as it was then.
    pub runner: String,
    /// Where it stands.
    pub status: Status,
    /// Whether it may be run again when its host is lost (copied from the action).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub idempotent: bool,
    /// How often it has been started on a host that was lost.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub attempt: u32,
    /// The parameters as given, rendered and cast. They never change.
    #[serde(default, skip_serializing_if = "no_parameters")]
    pub parameters: Arc<Object>,
    /// Where it came from.
    #[serde(default)]
    pub context: Context,
    /// The task of a workflow that has asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Parent>,
    /// What came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Arc<Value>>,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// Not to be started before this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready_at: Option<Timestamp>,
    /// When it reached a final status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// The host process that runs it: its epoch, see `petrel_persistence::Fence`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<u64>,
    /// Every status it has had.
    #[serde(default)]
    pub log: Vec<LogEntry>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde asks for")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

fn no_parameters(parameters: &Arc<Object>) -> bool {
    parameters.is_empty()
}

/// When a status was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEntry {
    /// The status.
    pub status: Status,
    /// When.
    pub timestamp: Timestamp,
}

/// On whose account executions wait. What waits is shared out evenly between accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Account<'a> {
    /// All that is inside this workflow, which itself is inside no other.
    Workflow(ExecutionId),
    /// What this rule has asked for.
    Rule(&'a str),
    /// What this user has asked for.
    User(&'a str),
}

impl fmt::Display for Account<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Workflow(id) => write!(formatter, "the workflow {id}"),
            Self::Rule(rule) => write!(formatter, "the rule {rule}"),
            Self::User(user) => write!(formatter, "the user `{user}`"),
        }
    }
}

impl Execution {
    /// Moves it by `event` at `now`: status, log, end time and version follow.
    ///
    /// # Errors
    /// [`IllegalMove`] when the table of [`Status::after`] has no such move; nothing is changed then.
    pub fn apply(&mut self, event: StatusEvent, now: Timestamp) -> Result<(), IllegalMove> {
        let status = self.status.after(event)?;
        self.status = status;
        self.version += 1;
        self.log.push(LogEntry { status, timestamp: now });
        if event == StatusEvent::Requeued && !status.is_final() {
            self.attempt += 1;
            self.host = None;
        }
        if status.is_final() {
            self.ended_at = Some(now);
        }
        Ok(())
    }

    /// On whose account it waits: of the top workflow that it belongs to, else of the rule that asked for it, else
    /// of its user.
    pub fn account(&self) -> Account<'_> {
        match (&self.parent, &self.context.rule) {
            (Some(parent), _) => Account::Workflow(parent.root()),
            (None, Some(rule)) => Account::Rule(&rule.name),
            (None, None) => Account::User(&self.context.user),
        }
    }

    /// When it may start.
    pub fn due_at(&self) -> Timestamp {
        self.ready_at.unwrap_or(self.requested_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Id;

    fn execution() -> Execution {
        Execution {
            id: Id::from_parts(1, 1).into(),
            version: 1,
            action: "core.noop".parse().unwrap(),
            runner: "noop".into(),
            status: Status::Requested,
            idempotent: true,
            attempt: 0,
            parameters: Arc::default(),
            context: Context::default(),
            parent: None,
            result: None,
            requested_at: Timestamp::from_micros(1),
            ready_at: None,
            ended_at: None,
            host: None,
            log: Vec::new(),
        }
    }

    #[test]
    fn a_move_is_logged_and_an_illegal_one_changes_nothing() {
        let mut execution = execution();
        let at = Timestamp::from_micros;
        execution.apply(StatusEvent::Started, at(2)).unwrap();
        execution.host = Some(7);
        execution.apply(StatusEvent::Requeued, at(3)).unwrap();
        assert_eq!((execution.attempt, execution.host), (1, None));
        execution.apply(StatusEvent::Started, at(4)).unwrap();
        execution.apply(StatusEvent::Succeeded, at(5)).unwrap();
        assert_eq!((execution.version, execution.ended_at), (5, Some(at(5))));
        let before = execution.clone();
        assert!(execution.apply(StatusEvent::Failed, at(6)).is_err());
        assert_eq!(execution, before);
        let log: Vec<_> = execution.log.iter().map(|entry| entry.status.as_str()).collect();
        assert_eq!(log, ["running", "requested", "running", "succeeded"]);
    }

    #[test]
    fn stored_form_leaves_out_what_is_not_there() {
        let text = serde_json::to_string(&execution()).unwrap();
        assert!(!text.contains("result") && !text.contains("attempt") && !text.contains("trigger_instance"));
        assert_eq!(serde_json::from_str::<Execution>(&text).unwrap(), execution());
    }
}
