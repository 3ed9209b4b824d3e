//! Commits that replace or delete documents, one at a time for each document. What such a commit removes of the old value,
//! its pieces and its reference, is read before the commit is made: two at the same moment would both remove what the
//! first value had, and leave over what the other wrote.
//!
//! A turn goes along with its commit to the committer: whoever asked for the commit may be gone before it is made.

use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;

use petrel_persistence::{Change, Commit, CommitError, Document, DocumentKey};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::room::Room;

/// Number of turns. Documents that share one wait for each other, too.
const TURNS: usize = 64;

/// A turn, until it is dropped.
pub(crate) type Turn = OwnedMutexGuard<()>;

/// The turns of documents.
pub(crate) struct InTurn(Vec<Arc<Mutex<()>>>);

impl Default for InTurn {
    fn default() -> Self {
        Self(std::iter::repeat_with(Arc::default).take(TURNS).collect())
    }
}

impl InTurn {
    /// Waits until nobody else changes the documents in `changes`, and keeps others from it as long as what is returned
    /// exists. Other changes need no turn.
    pub(crate) async fn of(&self, changes: &[Change]) -> Vec<Turn> {
        let mut places: Vec<usize> = changes
            .iter()
            .filter(|change| !is_link(change))
            .filter_map(|change| match change {
                Change::Put(document) => Some(place(&document.key())),
                Change::Delete(key) => Some(place(key)),
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
