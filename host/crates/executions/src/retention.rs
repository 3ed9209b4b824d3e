//! The deletion of executions that have been kept long enough, with their output. How long that is, and how fast it
//! goes, is decided by the engine.

use std::collections::BTreeSet;

use petrel_engine_core::Error;
use petrel_model::{ExecutionId, Timestamp, TraceLink};
use petrel_persistence::store::ExecutionAge;
use petrel_persistence::{Change, Error as ReadError};

use super::service::Executions;

impl Executions {
    /// Looks at up to `limit` executions, oldest first, that were created after `after`, and deletes those that ended
    /// before `cutoff`. Returns the last execution that was looked at, if older ones may come after it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn delete_old(
        &self,
        after: Option<ExecutionId>,
        cutoff: Timestamp,
        limit: usize,
    ) -> Result<Option<ExecutionId>, Error> {
        let oldest = self.store().oldest_executions(after, limit).await?;
        let old = old_executions(&oldest, cutoff);
        let changes = deletions(&old, &self.kept_by_workflows(&old).await?);
        if !changes.is_empty() {
            self.core().commit(Vec::new(), changes).await?;
        }
        let is_full = oldest.len() == limit;
        // Who was created after the cutoff has not ended before it.
        let last = oldest.last().filter(|last| is_full && last.id.0.created_at() < cutoff);
        Ok(last.map(|last| last.id))
    }

    /// The workflows that still keep what they have asked for: their logs refer to its results, and rerunning them
    /// does. They are older than that, so one that is old too has gone before, or goes now.
    async fn kept_by_workflows(&self, old: &[&ExecutionAge]) -> Result<BTreeSet<ExecutionId>, Error> {
        let going: BTreeSet<_> = old.iter().map(|execution| execution.id).collect();
        let parents: BTreeSet<_> = old.iter().filter_map(|execution| execution.parent).collect();
        let mut kept = BTreeSet::new();
        for parent in parents.difference(&going) {
            match self.store().execution_head(*parent).await {
                Ok(None) => {}
                // One that cannot be read is there, and must not keep everything else from being deleted.
                Ok(Some(_)) | Err(ReadError::Damaged { .. } | ReadError::Sealed { .. }) => {
                    kept.insert(*parent);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(kept)
    }
}

/// The executions that are no longer kept: those that had ended before the cutoff.
fn old_executions(executions: &[ExecutionAge], cutoff: Timestamp) -> Vec<&ExecutionAge> {
    let is_old = |execution: &&ExecutionAge| execution.ended_at.is_some_and(|ended_at| ended_at < cutoff);
    executions.iter().filter(is_old).collect()
}

/// The deletions of `old`, but of what a workflow in `kept` has asked for, and what that has asked for in turn.
fn deletions(old: &[&ExecutionAge], kept: &BTreeSet<ExecutionId>) -> Vec<Change> {
    let mut kept = kept.clone();
    let mut changes = Vec::new();
    // Oldest first: a workflow comes before what it has asked for.
    for execution in old {
        if execution.parent.is_some_and(|parent| kept.contains(&parent)) {
            kept.insert(execution.id);
        } else {
            changes.extend(deletion(execution));
        }
    }
    changes
}

/// The deletion of one execution.
pub(crate) fn deletion(execution: &ExecutionAge) -> impl Iterator<Item = Change> {
    let links = execution.links.iter().map(|link| Change::delete::<TraceLink>(link.key.clone()));
    std::iter::once(Change::DeleteExecution(execution.id)).chain(links)
}

#[cfg(test)]
mod tests {
    use petrel_model::Status;
    use petrel_store_suite::{at, id};

    use super::*;

    #[test]
    fn only_what_had_ended_before_the_cutoff_is_old() {
        let age = |n, ended_at| ExecutionAge {
            id: id(n),
            ended_at,
            parent: None,
            status: Status::Succeeded,
            action: "core.noop".parse().unwrap(),
            links: Vec::new(),
        };
        let executions = [age(1, Some(at(4))), age(2, None), age(3, Some(at(5))), age(4, Some(at(3)))];
        let old = old_executions(&executions, at(5));
        assert_eq!(old.iter().map(|age| age.id).collect::<Vec<_>>(), [id(1), id(4)]);
    }

    #[test]
    fn what_a_workflow_has_asked_for_is_kept_as_long_as_it_is() {
        let age = |n, parent: Option<u64>| ExecutionAge {
            id: id(n),
            ended_at: Some(at(1)),
            parent: parent.map(id),
            status: Status::Succeeded,
            action: "core.noop".parse().unwrap(),
            links: vec![TraceLink { key: format!("m:{n}") }],
        };
        // 2 is kept by the workflow 1, and keeps 3; the workflow 4 goes with 5.
        let old = [age(2, Some(1)), age(3, Some(2)), age(4, None), age(5, Some(4))];
        let old: Vec<_> = old.iter().collect();
        let deleted = format!("{:?}", deletions(&old, &BTreeSet::from([id(1)])));
        let expected =
            [4, 5].map(|n| [Change::DeleteExecution(id(n)), Change::delete::<TraceLink>(format!("m:{n}"))]);
        assert_eq!(deleted, format!("{:?}", expected.concat()));
    }
}
