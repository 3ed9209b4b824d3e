//! Commits that replace or delete documents, one at a time for each document. What such a commit removes of the old value,
//! its pieces and its reference, is read before the commit is made: two at the same moment would both remove what the
//! first value had, and leave over what the other wrote.
//!
//! A turn goes along with its commit to the committer: whoever asked for the commit may be gone before it is made.

use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;

use petrel_persistence::{Change, Commit, CommitError, DocumentKey};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::EmbeddedStore;

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
    pub(super) async fn of(&self, changes: &[Change]) -> Vec<Turn> {
        let mut places: Vec<usize> = changes
            .iter()
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
}

impl EmbeddedStore {
    /// The turns that `commit` needs. One that takes in something new does not wait behind a commit that waits for room.
    pub(super) async fn turns(&self, commit: &Commit, takes_in: bool) -> Result<Vec<Turn>, CommitError> {
        let turns = self.documents.of(&commit.changes);
        if !takes_in {
            return Ok(turns.await);
        }
        tokio::select! {
            biased;
            turns = turns => Ok(turns),
            () = self.room.has_postponed() => {
                Err(CommitError::NoRoom(self.room.refusal_after(&"other commits wait for room already")))
            }
        }
    }
}

/// The turn that a document needs.
fn place(key: &DocumentKey) -> usize {
    let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(key);
    usize::try_from(hash % TURNS as u64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use petrel_persistence::Store as _;
    use petrel_store_suite::rule;

    use super::*;
    use crate::Options;

    #[tokio::test]
    async fn a_commit_that_waits_for_its_turn_keeps_no_other_commit_from_being_made() {
        let place = tempfile::TempDir::new().unwrap();
        let store = EmbeddedStore::open(place.path(), &Options::default()).unwrap();
        let put = || Change::put(rule(1, "pack.rule"));
        let turns = store.documents.of(&[put()]).await;
        let all = store.permits.available_permits();
        let mut waiting = std::pin::pin!(store.commit(Commit::of([put()])));
        tokio::select! {
            biased;
            made = &mut waiting => panic!("it has not waited: {made:?}"),
            () = std::future::ready(()) => {}
        }
        assert_eq!(store.permits.available_permits(), all);
        drop(turns);
        waiting.await.unwrap();
    }
}
