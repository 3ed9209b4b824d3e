//! Commits: all writes to a store, each as one atomic value.

use std::collections::HashSet;

use petrel_model::output::OutputLine;
use petrel_model::{
    Enforcement, EnforcementId, Execution, ExecutionId, Ref, RuleId, Status, TriggerInstance,
    TriggerInstanceId, WorkflowEntry,
};

use crate::documents::{Document, DocumentKey, Noun};
use crate::store::{Error, Fence};

/// Changes that are made together or not at all, if all expectations hold.
#[derive(Debug, Clone, Default)]
pub struct Commit {
    /// The process on whose behalf the commit is made. Nothing is written once another process has taken over. `None`
    /// for a commit that any process may make.
    pub fence: Option<Fence>,
    /// The expectations.
    pub expect: Vec<Expect>,
    /// The changes, in order.
    pub changes: Vec<Change>,
}

impl Commit {
    /// A commit of `changes` without expectations.
    pub fn of(changes: impl IntoIterator<Item = Change>) -> Self {
        Self { changes: changes.into_iter().collect(), ..Self::default() }
    }

    /// Adds an expectation.
    #[must_use]
    pub fn expecting(mut self, expect: Expect) -> Self {
        self.expect.push(expect);
        self
    }

    /// Sets the process on whose behalf the commit is made.
    #[must_use]
    pub fn fenced(mut self, fence: Fence) -> Self {
        self.fence = Some(fence);
        self
    }

    /// Whether the commit takes in new work, in contrast to finishing old work. A store that is short of space
    /// refuses new work first.
    pub fn takes_in(&self) -> bool {
        // A step of a workflow requests its next executions in the same commit in which it ends others, and must not
        // be refused.
        let is_step = self.changes.iter().any(|change| match change {
            Change::AppendWorkflow { .. } => true,
            // So does an outcome, of the next attempt; and a question, which tells of itself.
            Change::UpdateExecution(execution) => {
                execution.status.is_final() || execution.status == Status::Pending
            }
            _ => false,
        });
        !is_step
            && self.changes.iter().any(|change| match change {
                Change::UpdateExecution(_)
                | Change::UpdateEnforcement(_)
                | Change::AppendOutput { .. }
                | Change::AppendWorkflow { .. }
                | Change::DeleteExecution(_)
                | Change::DeleteTriggerInstance(_)
                | Change::DeleteEnforcement(_)
                | Change::Delete(_)
                | Change::LiftHold => false,
                Change::CreateTriggerInstance(_)
                | Change::CreateEnforcement(_)
                | Change::CreateExecution(_)
                | Change::Put(_) => true,
            })
    }
}

/// A condition on which a commit is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expect {
    /// The execution is not final and has this version. Used with a [`Change::UpdateExecution`].
    ExecutionVersion(ExecutionId, u64),
    /// No rule has this reference.
    RuleAbsent(Ref),
    /// The rule with this reference has this id.
    RuleIs(Ref, RuleId),
    /// No document has this key.
    Absent(DocumentKey),
    /// The enforcement is there, and this is the event as which it was replayed last. Used with a
    /// [`Change::UpdateEnforcement`].
    ReplayedAs(EnforcementId, Option<TriggerInstanceId>),
}

/// The second expectation for the same execution in a list. An execution may change only once in a commit: two
/// decisions on one version exclude each other.
pub fn expected_twice(expect: &[Expect]) -> Option<&Expect> {
    let mut seen = HashSet::new();
    expect.iter().enumerate().find_map(|(place, one)| {
        let Expect::ExecutionVersion(id, _) = one else { return None };
        let is_same = |other: &Expect| matches!(other, Expect::ExecutionVersion(other, _) if other == id);
        // Most commits have one or two expectations, and comparing those is faster than building a set.
        let is_known =
            if expect.len() <= FEW { expect.iter().take(place).any(is_same) } else { !seen.insert(*id) };
        is_known.then_some(one)
    })
}

/// The number of expectations up to which they are compared with each other.
const FEW: usize = 8;

/// A change of the store.
#[derive(Debug, Clone)]
pub enum Change {
    /// An event was accepted.
    CreateTriggerInstance(TriggerInstance),
    /// A rule matched an event, or could not be evaluated on it.
    CreateEnforcement(Enforcement),
    /// An enforcement got a mark.
    UpdateEnforcement(Enforcement),
    /// An execution was requested. If it is waiting, it can be claimed once it is due.
    CreateExecution(Execution),
    /// An execution changed. Its parameters stay as they were created, and are not written again.
    UpdateExecution(Execution),
    /// An execution wrote output.
    AppendOutput {
        /// The execution.
        execution: ExecutionId,
        /// The number of the first of `lines` among all lines of the execution.
        sequence: u32,
        /// The lines, in order.
        lines: Vec<OutputLine>,
    },
    /// A document is stored, and replaces the one with the same key.
    Put(Document),
    /// A document is deleted, if it exists. Documents that belong to a deleted pack need changes of their own.
    Delete(DocumentKey),
    /// A final execution is deleted with its output, at the end of its retention.
    DeleteExecution(ExecutionId),
    /// An event is deleted, at the end of its retention.
    DeleteTriggerInstance(TriggerInstanceId),
    /// An enforcement is deleted, at the end of its retention.
    DeleteEnforcement(EnforcementId),
    /// A workflow made progress.
    AppendWorkflow {
        /// The execution of the workflow.
        execution: ExecutionId,
        /// The number of the first of `entries` in the workflow's log.
        sequence: u64,
        /// The new entries of the log, in order.
        entries: Vec<WorkflowEntry>,
    },
    /// Executions that were held since a restore may go on.
    LiftHold,
}

impl Change {
    /// Stores `noun` as a document.
    pub fn put<N: Noun>(noun: N) -> Self {
        Self::Put(noun.into())
    }

    /// Whether this stores an execution that may hold secrets.
    pub fn holds_secrets(&self) -> bool {
        matches!(self, Self::CreateExecution(execution) | Self::UpdateExecution(execution) if execution.holds_secrets())
    }

    /// Deletes the noun stored under `key`: `Change::delete::<Rule>(reference)`.
    pub fn delete<N: Noun>(key: N::Key) -> Self {
        Self::Delete(N::document_key(key))
    }
}

/// The reason why a commit was not made. Nothing was written, except perhaps by [`Self::Store`].
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// An expectation does not hold any more. The caller should read and decide again.
    #[error("a commit was decided on a state that has changed since: {0:?}")]
    Conflict(Expect),
    /// Another process has taken over the store; this one must stop.
    #[error("another host process has taken over this store; this one must stop")]
    Fenced,
    /// The disk is nearly full, and the commit takes in new work.
    #[error("{0}")]
    NoRoom(String),
    /// The store failed. Nobody knows whether the commit was made, and no further commit will be.
    #[error(transparent)]
    Store(#[from] Error),
}

#[cfg(test)]
mod tests {
    use petrel_model::StatusEvent;
    use petrel_store_suite::{at, execution, rule};

    use super::*;

    #[test]
    fn what_goes_on_with_old_work_takes_in_nothing() {
        let mut running = execution(1);
        running.apply(StatusEvent::Started, at(1)).unwrap();
        let mut ended = running.clone();
        ended.apply(StatusEvent::Failed, at(2)).unwrap();
        let mut asks = running.clone();
        asks.apply(StatusEvent::Asked, at(2)).unwrap();
        for (changes, takes_in) in [
            (vec![Change::CreateExecution(execution(2))], true),
            (vec![Change::UpdateExecution(running), Change::CreateExecution(execution(2))], true),
            (vec![Change::UpdateExecution(ended.clone()), Change::CreateExecution(execution(2))], false),
            (vec![Change::UpdateExecution(ended)], false),
            // The rule stands for the event that tells of the question.
            (vec![Change::UpdateExecution(asks), Change::put(rule(1, "a.b"))], false),
        ] {
            assert_eq!(Commit::of(changes).takes_in(), takes_in);
        }
    }
}
