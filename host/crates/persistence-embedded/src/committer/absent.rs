//! The expectation that a document is absent. Documents are not in memory, so their rows are looked for, by the one thread that
//! writes: nobody can add one between the look and the commit. Commits without this expectation look for nothing.

use petrel_persistence::{CommitError, DocumentKey, Error, Expect};

use crate::base::Write;
use crate::committer::Committer;
use crate::{keys, value};

impl Committer {
    /// Refuses a commit that expects a document to be absent which is there.
    pub(super) fn refuse_present(&self, expect: &[Expect], admitted: &[Write]) -> Result<(), CommitError> {
        for one in expect {
            if let Expect::Absent(key) = one
                && !self.is_absent(key, admitted)?
            {
                return Err(CommitError::Conflict(one.clone()));
            }
        }
        Ok(())
    }

    /// Whether there is no such document, neither stored nor among what was `admitted` to the same group.
    fn is_absent(&self, key: &DocumentKey, admitted: &[Write]) -> Result<bool, Error> {
        let key = keys::document(key);
        // Readers see a group only when it is durable.
        match admitted.iter().rev().find(|(written, _)| *written == key) {
            Some((_, value)) => Ok(value.is_none()),
            // A row that cannot be read is there, too.
            None => Ok(value::get(self.rows.image.as_ref(), &key)?.is_none()),
        }
    }
}
