//! The requests to the committer, and the state in memory against which it checks them.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use petrel_model::{Execution, Ref, RuleId};
use petrel_persistence::queue::Queue;
use petrel_persistence::{Change, CommitError, Document, DocumentKey, Error, Expect, Fence};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::base::Write;
use crate::blobs::Pin;
use crate::committer::fresh::Fresh;
use crate::in_turn::Turn;

/// A commit on its way to the committer.
pub(crate) struct Request {
    pub(crate) fence: Option<Fence>,
    pub(crate) expect: Vec<Expect>,
    pub(crate) takes_in: bool,
    pub(crate) writes: Vec<Write>,
    pub(crate) effects: Vec<Effect>,
    pub(crate) answer: oneshot::Sender<Result<(), CommitError>>,
    /// Held until the answer, to limit the number of commits in progress.
    pub(crate) _permit: OwnedSemaphorePermit,
    /// Held until the answer, to keep the blobs that the commit refers to.
    pub(crate) _pins: Vec<Pin>,
    /// Held until the answer, to keep others from changing the same documents.
    pub(crate) _turns: Vec<Turn>,
}

/// The effect of a commit on the state in memory.
pub(crate) enum Effect {
    Execution(Box<Execution>),
    PutRule(Ref, RuleId),
    DeleteRule(Ref),
    LiftHold,
}

/// The effects of `changes`.
pub(crate) fn effects(changes: Vec<Change>) -> Vec<Effect> {
    changes
        .into_iter()
        .filter_map(|change| match change {
            Change::CreateExecution(execution) | Change::UpdateExecution(execution) => {
                Some(Effect::Execution(Box::new(execution)))
            }
            Change::Put(Document::Rule(rule)) => Some(Effect::PutRule(rule.reference, rule.id)),
            Change::Delete(DocumentKey::Rule(reference)) => Some(Effect::DeleteRule(reference)),
            Change::LiftHold => Some(Effect::LiftHold),
            // No precondition looks at these.
            Change::Put(_)
            | Change::Delete(_)
            | Change::CreateTriggerInstance(_)
            | Change::CreateEnforcement(_)
            | Change::UpdateEnforcement(_)
            | Change::AppendOutput { .. }
            | Change::AppendWorkflow { .. }
            | Change::DeleteExecution(_)
            | Change::DeleteTriggerInstance(_)
            | Change::DeleteEnforcement(_) => None,
        })
        .collect()
}

/// The state in memory against which preconditions are checked. Rebuilt when the store is opened.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) queue: Queue,
    pub(crate) rules: HashMap<Ref, RuleId>,
    pub(crate) fresh: Fresh,
}

impl State {
    /// Whether an expectation holds, as far as the state in memory says.
    pub(super) fn holds(&self, expect: &Expect) -> bool {
        match expect {
            Expect::ExecutionVersion(id, version) => self.queue.version(*id) == Some(*version),
            Expect::RuleAbsent(reference) => !self.rules.contains_key(reference),
            Expect::RuleIs(reference, id) => self.rules.get(reference) == Some(id),
            // The committer looks it up among the rows, without this state.
            Expect::Absent(_) | Expect::ReplayedAs(..) => true,
        }
    }

    /// Applies an effect that is about to be written, so that later commits of the same group see it. Execution
    /// versions and rules must be up to date here; the queue follows after the sync, since it hands out executions.
    pub(super) fn stage(&mut self, effect: &Effect) {
        match effect {
            Effect::Execution(execution) => self.queue.stage(execution),
            // Lifted when it is durable, since executions start because of it.
            Effect::LiftHold => {}
            Effect::PutRule(reference, id) => {
                self.rules.insert(reference.clone(), *id);
            }
            Effect::DeleteRule(reference) => {
                self.rules.remove(reference);
            }
        }
    }

    /// Whether [`revoke`](Self::revoke) takes back all that was staged for a request: of executions nobody remembers
    /// the version before, except for what the request had expected.
    pub(super) fn is_revocable(&self, request: &Request) -> bool {
        request.effects.iter().all(|effect| match effect {
            Effect::Execution(execution) => {
                let is_expected =
                    |expect: &Expect| matches!(expect, Expect::ExecutionVersion(id, _) if *id == execution.id);
                // Nothing is staged for one that is created.
                !self.queue.is_active(execution.id) || request.expect.iter().any(is_expected)
            }
            Effect::PutRule(..) | Effect::DeleteRule(_) | Effect::LiftHold => true,
        })
    }

    /// Takes back the staged effects of a request that could not be written. Those staged after it come
    /// first. `rule` tells which rule is stored under a reference.
    pub(super) fn revoke(
        &mut self,
        request: &Request,
        rule: impl Fn(&Ref) -> Result<Option<RuleId>, Error>,
    ) -> Result<(), Error> {
        for expect in &request.expect {
            if let Expect::ExecutionVersion(id, version) = expect {
                self.queue.unstage(*id, *version);
            }
        }
        for effect in &request.effects {
            if let Effect::PutRule(reference, _) | Effect::DeleteRule(reference) = effect {
                match rule(reference)? {
                    Some(id) => self.rules.insert(reference.clone(), id),
                    None => self.rules.remove(reference),
                };
            }
        }
        Ok(())
    }
}

pub(crate) fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
