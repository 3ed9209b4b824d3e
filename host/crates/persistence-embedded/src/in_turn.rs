//! Commits that replace or delete documents, one at a time for each document. What such a commit removes of the old value,
//! its pieces and its reference, is read before the commit is made: two at the same moment would both remove what the
//! first value had, and leave over what the other wrote. Of commits that delete executions there is one at a time
//! altogether: what encrypts executions of an earlier version keeps them off meanwhile.
//!
//! A turn goes along with its commit to the committer: whoever asked for the commit may be gone before it is made.

use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;

use petrel_persistence::{Change, Commit, CommitError, Document, DocumentKey};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::room::Room;

/// Number of turns of documents. Documents that share one wait for each other, too.
const TURNS: usize = 64;
/// The place of the turn of those that delete executions, behind the others.
const DELETIONS: usize = TURNS;

/// A turn, until it is dropped.
pub(crate) type Turn = OwnedMutexGuard<()>;

/// The turns of documents.
pub(crate) struct InTurn(Vec<Arc<Mutex<()>>>);

impl Default for InTurn {
    fn default() -> Self {
        Self(std::iter::repeat_with(Arc::default).take(TURNS + 1).collect())
    }
}

impl InTurn {
    /// Waits until nobody else changes the documents in `changes`, and keeps others from it as long as what is returned
    /// exists, and the same for the deletion of executions. Other changes need no turn.
    pub(crate) async fn of(&self, changes: &[Change]) -> Vec<Turn> {
        let mut places: Vec<usize> = changes
            .iter()
            .filter(|change| !is_link(change))
            .filter_map(|change| match change {
                Change::Put(document) => Some(place(&document.key())),
                Change::Delete(key) => Some(place(key)),
                Change::DeleteExecution(_) => Some(DELETIONS),
                _ => None,
            })
            .collect();
        // In one order for all, so that nobody waits for somebody who waits for them.
        places.sort_unstable();
        places.dedup();
        let mut turns = Vec::with_capacity(places.len());
        for turn in places.into_iter().filter_map(|place| self.0.get(place)) {
            turns.push(Arc::clone(turn).lock_owned().await);
        }
        turns
    }

    /// Waits until nobody deletes executions, and keeps others from it as long as what is returned exists.
    pub(crate) async fn of_deletions(&self) -> Option<Turn> {
        let turn = Arc::clone(self.0.get(DELETIONS)?);
        Some(turn.lock_owned().await)
    }

    /// The turns that `commit` needs. One that takes in something new does not wait behind a commit that waits for `room`.
    pub(crate) async fn for_commit(
        &self,
        commit: &Commit,
        takes_in: bool,
        room: &Room,
    ) -> Result<Vec<Turn>, CommitError> {
        let turns = self.of(&commit.changes);
        if !takes_in {
            return Ok(turns.await);
        }
        tokio::select! {
            biased;
            turns = turns => Ok(turns),
            () = room.has_postponed() => {
                Err(CommitError::NoRoom(room.refusal_after(&"other commits wait for room already")))
            }
        }
    }
}

/// Whether it makes or deletes a link of a trace. That happens once, with the event or execution of the link, and a link is
/// too small to have pieces, so it needs no turn. Events that come in with traces would wait for each other otherwise.
fn is_link(change: &Change) -> bool {
    matches!(change, Change::Put(Document::TraceLink(_)) | Change::Delete(DocumentKey::TraceLink(_)))
}

/// The turn that a document needs.
fn place(key: &DocumentKey) -> usize {
    let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(key);
    usize::try_from(hash % TURNS as u64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use petrel_store_suite::id;

    use super::*;

    #[tokio::test]
    async fn nobody_deletes_executions_while_they_are_kept_off() {
        let turns = InTurn::default();
        let kept_off = turns.of_deletions().await;
        assert!(kept_off.is_some());
        let deletion = [Change::DeleteExecution(id(1))];
        let has_waited = tokio::select! {
            biased;
            _turns = turns.of(&deletion) => false,
            () = std::future::ready(()) => true,
        };
        assert!(has_waited);
        assert_eq!(turns.of(&[]).await.len(), 0, "others need not wait");
        drop(kept_off);
        assert_eq!(turns.of(&deletion).await.len(), 1);
    }
}
