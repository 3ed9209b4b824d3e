//! Commits: what is written, as one atomic value.

use std::collections::HashSet;

use petrel_model::output::OutputLine;
use petrel_model::{
    Enforcement, EnforcementId, Execution, ExecutionId, Ref, RuleId, TriggerInstance, TriggerInstanceId,
    WorkflowEntry,
};

use crate::documents::{Document, DocumentKey, Noun};
use crate::store::{Error, Fence};

/// Changes that happen together or not at all, if all that is expected still holds.
#[derive(Debug, Clone, Default)]
pub struct Commit {
    /// The host process on whose behalf this is done. When another process has taken over, nothing is
    /// written. `None` for what any process may do.
    pub fence: Option<Fence>,
    /// What must hold.
    pub expect: Vec<Expect>,
    /// What changes, in order.
    pub changes: Vec<Change>,
}

impl Commit {
    /// A commit of `changes` with nothing expected.
    pub fn of(changes: impl IntoIterator<Item = Change>) -> Self {
        Self { changes: changes.into_iter().collect(), ..Self::default() }
    }

    /// The same, if `expect` holds.
    #[must_use]
    pub fn expecting(mut self, expect: Expect) -> Self {
        self.expect.push(expect);
        self
    }

    /// The same, on behalf of a host process.
    #[must_use]
    pub fn fenced(mut self, fence: Fence) -> Self {
        self.fence = Some(fence);
        self
    }

    /// Whether it takes in something new, in contrast to finishing what was taken in. When room gets
    /// short a store refuses the former first.
    pub fn takes_in(&self) -> bool {
        // What a workflow asks for next goes with what has ended in it.
        let is_step = self.changes.iter().any(|change| matches!(change, Change::AppendWorkflow { .. }));
        !is_step
            && self.changes.iter().any(|change| match change {
                Change::UpdateExecution(_)
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

/// What must hold for a commit to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expect {
    /// The execution is not final and has this version. It goes with a [`Change::UpdateExecution`].
    ExecutionVersion(ExecutionId, u64),
    /// No rule has this reference.
    RuleAbsent(Ref),
    /// The rule with this reference has this id.
    RuleIs(Ref, RuleId),
}

/// What is expected a second time for the same execution. It moves once in a commit: of two who decided on the
/// same version, one was too late.
pub fn expected_twice(expect: &[Expect]) -> Option<&Expect> {
    let mut seen = HashSet::new();
    expect.iter().enumerate().find_map(|(place, one)| {
        let Expect::ExecutionVersion(id, _) = one else { return None };
        let is_same = |other: &Expect| matches!(other, Expect::ExecutionVersion(other, _) if other == id);
        // Most commits expect one or two things, and those are compared faster than they are put into a set.
        let is_known =
            if expect.len() <= FEW { expect.iter().take(place).any(is_same) } else { !seen.insert(*id) };
        is_known.then_some(one)
    })
}

/// How many things that are expected are compared with each other.
const FEW: usize = 8;

/// One change.
#[derive(Debug, Clone)]
pub enum Change {
    /// An event was accepted.
    CreateTriggerInstance(TriggerInstance),
    /// A rule matched.
    CreateEnforcement(Enforcement),
    /// Something is to be run. If it is waiting, it can be claimed from now on, once it is due.
    CreateExecution(Execution),
    /// An execution moved. Its parameters are those it was created with and are not written again.
    UpdateExecution(Execution),
    /// Output came. `sequence` is the number of the first line among all of this execution.
    AppendOutput {
        /// Whose output.
        execution: ExecutionId,
        /// The number of the first of `lines`.
        sequence: u32,
        /// The lines.
        lines: Vec<OutputLine>,
    },
    /// A document is stored. It replaces the one with the same key.
    Put(Document),
    /// A document is deleted, if there is one. Whatever belongs to a deleted pack needs changes of its own.
    Delete(DocumentKey),
    /// An execution has been kept long enough, and its output with it. It must be final.
    DeleteExecution(ExecutionId),
    /// An event has been kept long enough.
    DeleteTriggerInstance(TriggerInstanceId),
    /// An enforcement has been kept long enough.
    DeleteEnforcement(EnforcementId),
    /// Something has happened to a workflow. `sequence` is the number of the first entry in its log.
    AppendWorkflow {
        /// The workflow's execution.
        execution: ExecutionId,
        /// The number of the first of `entries`.
        sequence: u64,
        /// What has happened, in order.
        entries: Vec<WorkflowEntry>,
    },
    /// What was in flight when the store was restored from a backup may go on.
    LiftHold,
}

impl Change {
    /// Stores `noun` as a document.
    pub fn put<N: Noun>(noun: N) -> Self {
        Self::Put(noun.into())
    }

    /// Deletes the noun stored under `key`: `Change::delete::<Rule>(reference)`.
    pub fn delete<N: Noun>(key: N::Key) -> Self {
        Self::Delete(N::document_key(key))
    }
}

/// Why a commit was not made. Nothing was written then.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Somebody else was faster: this no longer holds. Read again and decide again.
    #[error("a commit was decided on something that has changed since: {0:?}")]
    Conflict(Expect),
    /// Another process has taken over; this one must stop.
    #[error("another host process has taken over this store; this one must stop")]
    Fenced,
    /// The store is short of room and takes in nothing new.
    #[error("{0}")]
    NoRoom(String),
    /// The store failed. It is not known whether the commit was made, and nothing more can be.
    #[error(transparent)]
    Store(#[from] Error),
}
