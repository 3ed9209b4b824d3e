//! The committer's answer to a disk without room for a group. Nothing of the group was written, so the store
//! need not fail: requests that take in new work are refused, and those that finish something wait until
//! there is room.

use std::io;

use petrel_model::{Ref, Rule};
use petrel_persistence::{CommitError, DocumentKey, Noun as _};

use crate::base::Write;
use crate::committer::{Accepted, Committer, GROUP_COMMITS, answer, lock};
use crate::remedy;

impl Committer {
    /// Takes back the staged effects of a group that was not written. Returns whether that was possible for
    /// all of it; if not, the store has to fail.
    pub(super) fn revoke(&self, group: &[Accepted]) -> bool {
        let rule = |reference: &Ref| {
            let found = self.rows.document(&DocumentKey::Rule(reference.clone()))?;
            Ok(found.and_then(Rule::from_document).map(|rule| rule.id))
        };
        let mut state = lock(&self.state);
        group.iter().all(|accepted| state.is_revocable(&accepted.request))
            && group.iter().rev().all(|accepted| state.revoke(&accepted.request, rule).is_ok())
    }

    /// Refuses the requests of a group that take in new work. The others are tried again: at once as a
    /// smaller group, or later if none was refused.
    pub(super) fn without_room(&mut self, error: &io::Error, group: Vec<Accepted>, writes: Vec<Write>) {
        self.room.look();
        let mut writes = writes.into_iter();
        let mut rest = Vec::new();
        let members = group.len();
        for Accepted { mut request, count } in group {
            request.writes = writes.by_ref().take(count).collect();
            if request.takes_in {
                answer(request.answer, Err(CommitError::NoRoom(self.room.refusal_after(error))));
            } else {
                rest.push(request);
            }
        }
        if remedy::is_too_large(error) {
            // The segment may not grow any further, and another one may.
            self.hand_over();
        }
        if rest.len() < members {
            if !rest.is_empty() {
                self.serve(rest);
            }
            return;
        }
        if self.postponed.is_empty() {
            tracing::error!(%error, "no room in the journal; nothing new is accepted, and what ends waits until there is");
        }
        self.postponed.append(&mut rest);
        self.room.postpone(self.postponed.len());
    }

    /// Tries the postponed requests again.
    pub(super) fn retry(&mut self) {
        let mut waiting = std::mem::take(&mut self.postponed);
        while !waiting.is_empty() {
            let rest = waiting.split_off(waiting.len().min(GROUP_COMMITS));
            self.serve(waiting);
            waiting = rest;
        }
        self.room.postpone(self.postponed.len());
    }
}
