//! Commits that replace or delete documents, one at a time for each document. What such a commit removes of the old value,
//! its pieces and its reference, is read before the commit is made: two at the same moment would both remove what the
//! first value had, and leave over what the other wrote.

use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};

use petrel_persistence::{Change, DocumentKey};
use tokio::sync::{Mutex, MutexGuard};

/// Number of turns. Documents that share one wait for each other, too.
const TURNS: usize = 64;

/// The turns of documents.
pub(crate) struct InTurn(Vec<Mutex<()>>);

impl Default for InTurn {
    fn default() -> Self {
        Self(std::iter::repeat_with(Mutex::default).take(TURNS).collect())
    }
}

impl InTurn {
    /// Waits until nobody else changes the documents in `changes`, and keeps others from it as long as what is returned
    /// exists. Other changes need no turn.
    pub(super) async fn of(&self, changes: &[Change]) -> Vec<MutexGuard<'_, ()>> {
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
            turns.push(turn.lock().await);
        }
        turns
    }
}

/// The turn that a document needs.
fn place(key: &DocumentKey) -> usize {
    let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(key);
    usize::try_from(hash % TURNS as u64).unwrap_or_default()
}
