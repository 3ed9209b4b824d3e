//! Executions: single runs of an action, from the request to the result.

mod context;
pub mod masked;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use context::{Context, Origin, RerunOf};

use crate::count::is_zero;
use crate::status::IllegalMove;
use crate::{ExecutionId, Notify, Object, Parent, Ref, Status, StatusEvent, Timestamp, TraceId, inquiry};

/// A single run of an action.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Execution {
    /// Its id.
    pub id: ExecutionId,
    /// Increases by one with every stored change. A commit names the version that it is based on.
    pub version: u64,
    /// The action.
    pub action: Ref,
    /// The action's runner at the time of the request.
    pub runner: String,
    /// Its present status.
    pub status: Status,
    /// Whether it may be run again if its host is lost. Copied from the action.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub idempotent: bool,
    /// Number of starts on hosts that were lost.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub attempt: u32,
    /// The given parameters, rendered and cast. They never change.
    #[serde(default, skip_serializing_if = "no_parameters")]
    pub parameters: Arc<Object>,
    /// Its origin.
    #[serde(default)]
    pub context: Context,
    /// Its position in a workflow, or below the action that has called it. See [`Execution::task`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Parent>,
    /// Who is to be told of its end. It never changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notify: Option<Arc<Notify>>,
    /// Its result, once it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Arc<Value>>,
    /// The time of the request.
    pub requested_at: Timestamp,
    /// Earliest start. Default: at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready_at: Option<Timestamp>,
    /// The time at which it reached a final status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// The epoch of the host process that runs it, see `petrel_persistence::Fence`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<u64>,
    /// Its statuses so far, with their times: the first ten and the last ninety if there are more than a hundred.
    #[serde(default)]
    pub log: Vec<LogEntry>,
}

/// Entries that a log begins with, however long it grows.
const FIRST_LOGGED: usize = 10;
/// Entries that a log has at most. It is stored anew with each move, and some moves can be asked for without end.
const MOST_LOGGED: usize = 100;

/// Leaves out entries in the middle of a log that is too long.
fn shorten(log: &mut Vec<LogEntry>) {
    let Some(excess) = log.len().checked_sub(MOST_LOGGED).filter(|excess| *excess > 0) else { return };
    let left_out = log
        .drain(FIRST_LOGGED..FIRST_LOGGED + excess)
        .fold(0_u32, |sum, entry| sum.saturating_add(entry.left_out).saturating_add(1));
    if let Some(next) = log.get_mut(FIRST_LOGGED) {
        next.left_out = next.left_out.saturating_add(left_out);
    }
}

fn no_parameters(parameters: &Arc<Object>) -> bool {
    parameters.is_empty()
}

/// An entry of the log of statuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEntry {
    /// The status.
    pub status: Status,
    /// The time at which it was reached.
    pub timestamp: Timestamp,
    /// Number of entries before this one that the log does not have any more.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out: u32,
}

/// The account on which executions wait. The scheduler serves accounts in turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Account<'a> {
    /// A workflow that is inside no other, for itself and everything inside it.
    Workflow(ExecutionId),
    /// A rule, for the executions that it requested.
    Rule(&'a str),
    /// A user, for the executions that they requested.
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
    /// Moves the execution by `event` at the time `now`, and updates status, log, end time and version.
    ///
    /// # Errors
    /// [`IllegalMove`] if [`Status::after`] does not allow it. Nothing has changed then.
    pub fn apply(&mut self, event: StatusEvent, now: Timestamp) -> Result<(), IllegalMove> {
        let status = self.status.after(event)?;
        self.status = status;
        self.version += 1;
        self.log.push(LogEntry { status, timestamp: now, left_out: 0 });
        shorten(&mut self.log);
        if event == StatusEvent::Requeued && !status.is_final() {
            self.attempt += 1;
            self.host = None;
        }
        if status.is_final() {
            self.ended_at = Some(now);
        }
        Ok(())
    }

    /// The status as StackStorm shows it: `delayed` while it waits for its time. It is stored as `requested`, which is its
    /// status once the time has come.
    pub fn shown_status(&self, now: Timestamp) -> Status {
        match self.status {
            Status::Requested if self.ready_at.is_some_and(|ready_at| ready_at > now) => Status::Delayed,
            other => other,
        }
    }

    /// Its position in a workflow, if a task requested it: it reports its end there.
    pub fn task(&self) -> Option<&Parent> {
        self.parent.as_ref().filter(|parent| !parent.is_call)
    }

    /// The account on which it waits: its top workflow, or else the rule that requested it, or else its user.
    pub fn account(&self) -> Account<'_> {
        match (&self.parent, &self.context.rule) {
            (Some(parent), _) => Account::Workflow(parent.root()),
            (None, Some(rule)) => Account::Rule(&rule.name),
            (None, None) => Account::User(&self.context.user),
        }
    }

    /// The trace that it belongs to: the one that its context names, or else that of the event that led to it, or else
    /// that of its top workflow, or else one that begins with it.
    pub fn trace_id(&self) -> TraceId {
        match (self.context.trace, &self.context.trigger_instance, &self.parent) {
            (Some(trace), _, _) => trace,
            (None, Some(event), _) => TraceId::from(event.id.0),
            (None, None, Some(parent)) => TraceId::from(parent.root().0),
            (None, None, None) => TraceId::from(self.id.0),
        }
    }

    /// The trace that the context of an execution inside this workflow must name, so that both belong to the same trace.
    /// `None` if that is the trace of the top workflow anyhow.
    pub fn trace_to_hand_down(&self) -> Option<TraceId> {
        let top = self.parent.as_ref().map_or(self.id, Parent::root);
        Some(self.trace_id()).filter(|trace| *trace != TraceId::from(top.0))
    }

    /// Whether its parameters, its result or its output may hold secrets, and are therefore stored encrypted.
    pub fn holds_secrets(&self) -> bool {
        let Context { sealed, secret_places, result_marks, .. } = &self.context;
        let has_secret_answer = || {
            let result = self.result.as_deref().filter(|_| self.runner == inquiry::NAME);
            result.is_some_and(inquiry::has_secret_answer)
        };
        *sealed || !secret_places.is_empty() || !result_marks.is_empty() || has_secret_answer()
    }

    /// Earliest start.
    pub fn due_at(&self) -> Timestamp {
        self.ready_at.unwrap_or(self.requested_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Id, TriggerInstanceId};

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
            notify: None,
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
    fn a_log_has_an_end_and_says_what_it_leaves_out() {
        let mut execution = execution();
        execution.apply(StatusEvent::Started, Timestamp::from_micros(0)).unwrap();
        for round in 1..=500 {
            for (event, half) in [(StatusEvent::Requeued, 0), (StatusEvent::Started, 1)] {
                execution.apply(event, Timestamp::from_micros(2 * round + half)).unwrap();
            }
            let left_out: u32 = execution.log.iter().map(|entry| entry.left_out).sum();
            let all = usize::try_from(2 * round + 1).unwrap();
            assert_eq!(execution.log.len() + left_out as usize, all);
            assert_eq!(execution.log.len(), all.min(MOST_LOGGED));
        }
        let stamps = |entry: &LogEntry| entry.timestamp;
        assert!(execution.log.is_sorted_by_key(stamps), "the order stays");
        assert_eq!(execution.log[0].timestamp, Timestamp::from_micros(0), "the beginning stays");
        assert_eq!(execution.log[MOST_LOGGED - 1].timestamp, Timestamp::from_micros(1001));
        let gaps: Vec<_> = execution.log.iter().enumerate().filter(|(_, one)| one.left_out > 0).collect();
        assert_eq!(gaps.len(), 1);
        assert_eq!((gaps[0].0, gaps[0].1.left_out), (FIRST_LOGGED, 901), "one place says it");
    }

    #[test]
    fn the_log_of_a_version_before_is_read_and_shortened_with_the_next_move() {
        let entry = serde_json::json!({"status": "running", "timestamp": Timestamp::from_micros(1)});
        let entry: LogEntry = serde_json::from_value(entry).unwrap();
        let mut execution = Execution { status: Status::Running, log: vec![entry; 1100], ..execution() };
        execution.apply(StatusEvent::Succeeded, Timestamp::from_micros(2)).unwrap();
        assert_eq!((execution.log.len(), execution.log[FIRST_LOGGED].left_out), (MOST_LOGGED, 1001));
    }

    /// An execution inside `workflow`, as the engine creates it.
    fn inside(workflow: &Execution, n: u64) -> Execution {
        let parent = serde_json::json!({
            "execution": workflow.id, "task": "t", "number": 0, "root": workflow.parent.as_ref().map(Parent::root),
        });
        let context = Context { trace: workflow.trace_to_hand_down(), ..Context::default() };
        let parent = serde_json::from_value(parent).unwrap();
        Execution { id: Id::from_parts(2, n).into(), context, parent, ..execution() }
    }

    #[test]
    fn all_that_comes_of_one_event_or_request_belongs_to_one_trace() {
        let event: TriggerInstanceId = Id::from_parts(9, 9).into();
        let sent: TraceId = "4bf92f3577b34da6a3ce929d0e0e4736".parse().unwrap();
        let origin = Origin { id: event, name: "core.st2.webhook".into() };
        let by_rule = Context { trigger_instance: Some(origin), ..Context::default() };
        for (context, trace, keeps) in [
            (Context::default(), TraceId::from(execution().id.0), None),
            (by_rule.clone(), TraceId::from(event.0), Some(TraceId::from(event.0))),
            (Context { trace: Some(sent), ..by_rule }, sent, Some(sent)),
        ] {
            let top = Execution { context, ..execution() };
            let task = inside(&top, 2);
            let deeper = inside(&task, 3);
            assert_eq!([&top, &task, &deeper].map(Execution::trace_id), [trace; 3]);
            assert_eq!([&task, &deeper].map(|one| one.context.trace), [keeps; 2], "what is stored for it");
        }
    }

    #[test]
    fn what_may_hold_secrets_says_so() {
        let with = |context: Context| Execution { context, ..execution() };
        let answered = |schema: Value, runner: &str| {
            let result = serde_json::json!({"schema": schema, "ttl": 1, "response": {"pin": "1"}});
            Execution { runner: runner.into(), result: Some(Arc::new(result)), ..execution() }
        };
        let secret = serde_json::json!({"properties": {"pin": {"secret": true}}});
        for (execution, holds) in [
            (execution(), false),
            (with(Context { secret_places: vec!["/pin".into()], ..Context::default() }), true),
            (with(Context { result_marks: vec!["/properties/pin".into()], ..Context::default() }), true),
            (with(Context { sealed: true, ..Context::default() }), true),
            (answered(secret.clone(), inquiry::NAME), true),
            (answered(secret, "noop"), false),
            (answered(serde_json::json!({}), inquiry::NAME), false),
        ] {
            assert_eq!(execution.holds_secrets(), holds, "{execution:?}");
        }
    }

    #[test]
    fn stored_form_leaves_out_what_is_not_there() {
        let text = serde_json::to_string(&execution()).unwrap();
        assert!(!text.contains("result") && !text.contains("attempt") && !text.contains("trigger_instance"));
        assert!(!text.contains("notify"), "{text}");
        assert_eq!(serde_json::from_str::<Execution>(&text).unwrap(), execution());
    }
}
