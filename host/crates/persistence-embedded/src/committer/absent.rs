//! The expectations about rows that are not in memory: that a document is absent, and that nobody has replayed a dead letter
//! since. The rows are looked for by the one thread that writes: nobody can add one between the look and the commit. Commits
//! without these expectations look for nothing.

use petrel_model::{Enforcement, EnforcementId, TriggerInstanceId};
use petrel_persistence::{CommitError, DocumentKey, Error, Expect};

use crate::base::Write;
use crate::committer::Committer;
use crate::{keys, value};

impl Committer {
    /// Refuses a commit whose expectations do not hold of the rows that are stored or among what was `admitted` to the same
    /// group.
    pub(super) fn refuse_by_rows(&self, expect: &[Expect], admitted: &[Write]) -> Result<(), CommitError> {
        for one in expect {
            let holds = match one {
                Expect::Absent(key) => self.is_absent(key, admitted)?,
                Expect::ReplayedAs(id, event) => self.is_replayed_as(*id, *event, admitted)?,
                Expect::ExecutionVersion(..) | Expect::RuleAbsent(_) | Expect::RuleIs(..) => true,
            };
            if !holds {
                return Err(CommitError::Conflict(one.clone()));
            }
        }
        Ok(())
    }

    /// Whether there is no such document.
    fn is_absent(&self, key: &DocumentKey, admitted: &[Write]) -> Result<bool, Error> {
        let key = keys::document(key);
        // Readers see a group only when it is durable.
        match admitted.iter().rev().find(|(written, _)| *written == key) {
            Some((_, value)) => Ok(value.is_none()),
            // A row that cannot be read is there, too.
            None => Ok(value::get(self.rows.image.as_ref(), &key)?.is_none()),
        }
    }

    /// Whether the enforcement was replayed as this event last.
    fn is_replayed_as(
        &self,
        id: EnforcementId,
        event: Option<TriggerInstanceId>,
        admitted: &[Write],
    ) -> Result<bool, Error> {
        let key = keys::enforcement(id);
        // A stored enforcement is written again only with another mark.
        if admitted.iter().any(|(written, _)| *written == key) {
            return Ok(false);
        }
        let stored: Option<Enforcement> = self.rows.noun(&key)?;
        Ok(stored.is_some_and(|stored| stored.replayed_as == event))
    }
}
