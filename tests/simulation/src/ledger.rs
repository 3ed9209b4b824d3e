//! What the store is known to have, and ever had: taken down as each commit is made, so that every step costs what it
//! changes. What is wrong with a commit is said by [`invariants`](crate::invariants); beside that the ledger writes the
//! trace of what became visible, in which executions and events have numbers in the place of ids.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use petrel_model::execution::LogEntry;
use petrel_model::{Execution, ExecutionId, Status, Timestamp, TriggerInstanceId, WorkflowEvent};
use petrel_persistence::{Change, Document, DocumentKind};

use crate::side::EventSide;

/// The name of the runner of all actions that are no workflows.
pub(crate) const RUNNER: &str = "noop";

/// Something that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which of the invariants.
    pub invariant: &'static str,
    /// Of what.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "violated: {}: {}", self.invariant, self.what)
    }
}

/// An execution that is or was stored.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    /// How the trace calls it.
    pub(crate) name: String,
    pub(crate) action: String,
    pub(crate) runner: String,
    pub(crate) is_idempotent: bool,
    pub(crate) status: Status,
    pub(crate) version: u64,
    pub(crate) log: Vec<LogEntry>,
    pub(crate) parent: Option<ExecutionId>,
    pub(crate) due: Timestamp,
    pub(crate) ended_at: Option<Timestamp>,
    /// Whether retention has deleted it since.
    pub(crate) is_deleted: bool,
    /// Whether somebody was told that its cancel was taken in.
    pub(crate) is_cancel_told: bool,
    /// The answer, if it was a question.
    pub(crate) answer: Option<u64>,
}

/// An event that is or was stored.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) occurred_at: Timestamp,
}

/// An event that was acknowledged to its sender, with what it led to as the sender was told.
pub(crate) type ToldEvent = (TriggerInstanceId, Vec<ExecutionId>);

/// All that is known of the store.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) executions: BTreeMap<ExecutionId, Known>,
    pub(crate) events: BTreeMap<TriggerInstanceId, Event>,
    pub(crate) children: BTreeMap<ExecutionId, Vec<ExecutionId>>,
    /// How many entries the logs of workflows have.
    pub(crate) logs: BTreeMap<ExecutionId, u64>,
    /// What has told a workflow of its end: the workflow, and what is inside it.
    pub(crate) reported: BTreeSet<(ExecutionId, ExecutionId)>,
    pub(crate) told_events: Vec<ToldEvent>,
    pub(crate) told_executions: BTreeSet<ExecutionId>,
    /// What belongs to the event side.
    pub(crate) side: EventSide,
    /// For how long what has ended is kept.
    pub(crate) kept: Duration,
    /// The trace.
    pub(crate) lines: Vec<String>,
    pub(crate) violations: Vec<Violation>,
}

impl Ledger {
    /// A ledger of an empty store that keeps for `kept` what has ended.
    pub(crate) fn new(kept: Duration) -> Self {
        Self { kept, ..Self::default() }
    }

    /// How the trace calls an execution.
    pub(crate) fn name(&self, id: ExecutionId) -> String {
        self.executions.get(&id).map_or_else(|| format!("unknown {id}"), |known| known.name.clone())
    }

    /// Notes that something does not hold.
    pub(crate) fn violate(&mut self, invariant: &'static str, what: String) {
        self.violations.push(Violation { invariant, what });
    }

    /// The executions that are stored and not final, oldest first.
    pub(crate) fn open(&self) -> impl Iterator<Item = (ExecutionId, &Known)> {
        self.executions.iter().filter(|(_, known)| !known.status.is_final()).map(|(id, known)| (*id, known))
    }

    /// Takes down what a commit has changed, and writes it into the trace.
    pub(crate) fn take_in(&mut self, changes: &[Change]) {
        let mut told = Vec::new();
        for change in changes {
            told.extend(self.tell(change));
            self.take(change);
        }
        if !told.is_empty() {
            self.lines.push(format!("    {}", told.join(", ")));
        }
    }

    /// What the trace says of a change that is about to be taken down.
    fn tell(&self, change: &Change) -> Option<String> {
        Some(match change {
            Change::CreateExecution(execution) => {
                let above = execution.parent.as_ref();
                let above =
                    above.map(|parent| format!(" for {}.{}", self.name(parent.execution), parent.task));
                let (number, status) = (self.executions.len() + 1, execution.status);
                format!("+e{number} {}{} {status}", execution.action.as_str(), above.unwrap_or_default())
            }
            Change::UpdateExecution(execution) => {
                let before = self.executions.get(&execution.id).map_or(0, |known| known.log.len());
                let moves = execution.log.iter().skip(before).map(|entry| entry.status.as_str());
                format!("{} {}", self.name(execution.id), moves.collect::<Vec<_>>().join(">"))
            }
            Change::AppendWorkflow { execution, sequence, entries } => {
                format!("log of {} {sequence}+{}", self.name(*execution), entries.len())
            }
            Change::CreateTriggerInstance(_) => format!("+t{}", self.events.len() + 1),
            Change::CreateEnforcement(enforcement) => {
                format!("+enforcement of {}", enforcement.rule.as_str())
            }
            Change::UpdateEnforcement(enforcement) => {
                format!("enforcement of {}", enforcement.rule.as_str())
            }
            // Its key is made of ids, which are others each time.
            Change::Put(Document::TraceLink(_)) => "+link of a trace".to_owned(),
            Change::Delete(key) if key.kind() == DocumentKind::TraceLink => "-link of a trace".to_owned(),
            Change::Put(Document::InternalEvent(_)) => "+internal event".to_owned(),
            Change::Delete(key) if key.kind() == DocumentKind::InternalEvent => "-internal event".to_owned(),
            Change::Put(document) => format!("+{} {}", document.kind().name(), document.key()),
            Change::Delete(key) => format!("-{} {key}", key.kind().name()),
            Change::DeleteExecution(id) => format!("-{}", self.name(*id)),
            Change::DeleteTriggerInstance(id) => {
                format!("-{}", self.events.get(id).map_or("unknown event", |event| event.name.as_str()))
            }
            Change::DeleteEnforcement(_) | Change::AppendOutput { .. } | Change::LiftHold => return None,
        })
    }

    fn take(&mut self, change: &Change) {
        self.side.take(change);
        match change {
            Change::CreateExecution(execution) => {
                if let Some(parent) = &execution.parent {
                    self.children.entry(parent.execution).or_default().push(execution.id);
                }
                let known = self.known(execution);
                self.executions.insert(execution.id, known);
            }
            Change::UpdateExecution(execution) => {
                let Some(known) = self.executions.get_mut(&execution.id) else { return };
                known.status = execution.status;
                known.version = execution.version;
                known.log.clone_from(&execution.log);
                known.due = execution.due_at();
                known.ended_at = execution.ended_at;
                known.answer = answer(execution);
            }
            Change::AppendWorkflow { execution, sequence, entries } => {
                let entries_before = self.logs.entry(*execution).or_default();
                *entries_before = sequence + u64::try_from(entries.len()).unwrap_or_default();
                for entry in entries {
                    if let WorkflowEvent::Reported { execution: Some(inside), status, .. } = &entry.event
                        && is_final(status)
                    {
                        self.reported.insert((*execution, *inside));
                    }
                }
            }
            Change::CreateTriggerInstance(instance) => {
                let name = format!("t{}", self.events.len() + 1);
                let event = Event { name, occurred_at: instance.occurrence_time };
                self.events.insert(instance.id, event);
            }
            Change::DeleteExecution(id) => {
                if let Some(known) = self.executions.get_mut(id) {
                    known.is_deleted = true;
                }
            }
            // What is only looked at within its commit, or told by the trace.
            Change::CreateEnforcement(_)
            | Change::UpdateEnforcement(_)
            | Change::Put(_)
            | Change::Delete(_)
            | Change::DeleteTriggerInstance(_)
            | Change::DeleteEnforcement(_)
            | Change::AppendOutput { .. }
            | Change::LiftHold => {}
        }
    }

    fn known(&self, execution: &Execution) -> Known {
        Known {
            name: format!("e{}", self.executions.len() + 1),
            action: execution.action.as_str().to_owned(),
            runner: execution.runner.clone(),
            is_idempotent: execution.idempotent,
            status: execution.status,
            version: execution.version,
            log: execution.log.clone(),
            parent: execution.parent.as_ref().map(|parent| parent.execution),
            due: execution.due_at(),
            ended_at: execution.ended_at,
            is_deleted: false,
            is_cancel_told: false,
            answer: answer(execution),
        }
    }
}

/// The number with which a question was answered.
fn answer(execution: &Execution) -> Option<u64> {
    execution.result.as_deref()?.pointer("/response/n")?.as_u64()
}

/// Whether a status is final, as the logs of workflows spell it.
pub(crate) fn is_final(status: &str) -> bool {
    status.parse::<Status>().is_ok_and(Status::is_final)
}
