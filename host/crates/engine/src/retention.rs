//! Retention: a service that deletes the oldest executions and events in small steps, each followed by a
//! pause as long as the step, so that it never takes more than half of the store's time.

use std::collections::BTreeSet;
use std::time::Duration;

use petrel_engine_core::Core;
use petrel_model::{ExecutionId, Timestamp, TriggerInstanceId};
use petrel_persistence::Change;
use petrel_persistence::store::{ExecutionAge, TriggerInstanceAge};

use crate::error::Error;

/// The number of rows of a kind that a step reads: enough that two kinds, with their pauses, are deleted
/// faster than events can come in.
const STEP: usize = 1000;
/// The shortest pause after a step.
const PAUSE: Duration = Duration::from_millis(2);
/// The longest pause between two passes.
const LONGEST_INTERVAL: Duration = Duration::from_mins(1);

/// The time for which things are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// The time for executions with their output, from their end on. `None` keeps all. Default 30 days.
    pub executions: Option<Duration>,
    /// The time for events with their enforcements. `None` keeps all. Default 30 days.
    pub trigger_instances: Option<Duration>,
}

impl Default for Retention {
    fn default() -> Self {
        let month = Duration::from_hours(30 * 24);
        Self { executions: Some(month), trigger_instances: Some(month) }
    }
}

impl Retention {
    /// The interval of passes: short enough that nothing is kept for a tenth of its time too long.
    fn interval(self) -> Duration {
        let shortest = self.executions.into_iter().chain(self.trigger_instances).min();
        (shortest.unwrap_or(LONGEST_INTERVAL) / 10).clamp(Duration::from_millis(100), LONGEST_INTERVAL)
    }
}

/// Runs until the host stops.
pub(crate) async fn run(core: Core, retention: Retention) {
    let service = Service { core, retention };
    let stop = service.core.stop_starting().clone();
    stop.run_until_cancelled(service.run()).await;
}

struct Service {
    core: Core,
    retention: Retention,
}

impl Service {
    async fn run(self) {
        // Once, for files that an earlier process left.
        match self.core.store().sweep().await {
            Ok(0) => {}
            Ok(bytes) => tracing::info!(bytes, "freed what nothing refers to any more"),
            Err(error) => tracing::warn!(%error, "the store cannot be swept"),
        }
        loop {
            if let Err(error) = self.pass().await {
                tracing::warn!(%error, "what has been kept long enough cannot be deleted; it is tried again");
            }
            self.core.sleep(self.retention.interval()).await;
        }
    }

    /// Deletes all rows that are expired by now.
    async fn pass(&self) -> Result<(), Error> {
        if let Some(kept) = self.retention.executions {
            let cutoff = self.core.now().minus(kept);
            let mut after = None;
            while let Some(last) = self.step(|| self.executions_step(after, cutoff)).await? {
                after = Some(last);
            }
        }
        if let Some(kept) = self.retention.trigger_instances {
            let cutoff = self.core.now().minus(kept);
            let mut after = None;
            while let Some(last) = self.step(|| self.instances_step(after, cutoff)).await? {
                after = Some(last);
            }
        }
        Ok(())
    }

    /// Runs a step, then pauses for as long.
    async fn step<T, S: Future<Output = Result<T, Error>>>(
        &self,
        step: impl FnOnce() -> S,
    ) -> Result<T, Error> {
        let core = &self.core;
        let begun = core.monotonic();
        let result = step().await;
        core.sleep(core.since(begun).max(PAUSE)).await;
        result
    }

    /// Returns the last execution that was read, if there may be more.
    async fn executions_step(
        &self,
        after: Option<ExecutionId>,
        cutoff: Timestamp,
    ) -> Result<Option<ExecutionId>, Error> {
        let oldest = self.core.store().oldest_executions(after, STEP).await?;
        let old = old_executions(&oldest, cutoff);
        let kept = self.kept_by_workflows(&old).await?;
        self.delete(deletions(&old, &kept)).await?;
        let is_full = oldest.len() == STEP;
        // An execution that was created after the cutoff cannot have ended before it.
        let last = oldest.last().filter(|last| is_full && last.id.0.created_at() < cutoff);
        Ok(last.map(|last| last.id))
    }

    /// The workflows that still keep the executions inside them, because their logs refer to the results, and
    /// a rerun needs these. A workflow is older than its executions, so an expired one was deleted before, or
    /// is deleted now.
    async fn kept_by_workflows(&self, old: &[&ExecutionAge]) -> Result<BTreeSet<ExecutionId>, Error> {
        let going: BTreeSet<_> = old.iter().map(|execution| execution.id).collect();
        let parents: BTreeSet<_> = old.iter().filter_map(|execution| execution.parent).collect();
        let mut kept = BTreeSet::new();
        for parent in parents.difference(&going) {
            if self.core.store().execution(*parent).await?.is_some() {
                kept.insert(*parent);
            }
        }
        Ok(kept)
    }

    async fn instances_step(
        &self,
        after: Option<TriggerInstanceId>,
        cutoff: Timestamp,
    ) -> Result<Option<TriggerInstanceId>, Error> {
        let oldest = self.core.store().oldest_trigger_instances(after, STEP).await?;
        self.delete(old_instances(&oldest, cutoff)).await?;
        let is_full = oldest.len() == STEP;
        Ok(oldest.last().filter(|last| is_full && last.occurred_at < cutoff).map(|last| last.id))
    }

    async fn delete(&self, changes: Vec<Change>) -> Result<(), Error> {
        if changes.is_empty() { Ok(()) } else { self.core.commit(Vec::new(), changes).await }
    }
}

/// The executions that had ended before the cutoff.
fn old_executions(executions: &[ExecutionAge], cutoff: Timestamp) -> Vec<&ExecutionAge> {
    let is_old = |execution: &&ExecutionAge| execution.ended_at.is_some_and(|ended_at| ended_at < cutoff);
    executions.iter().filter(is_old).collect()
}

/// The deletions of `old`, except executions inside a workflow in `kept`, at any depth.
fn deletions(old: &[&ExecutionAge], kept: &BTreeSet<ExecutionId>) -> Vec<Change> {
    let mut kept = kept.clone();
    let mut changes = Vec::new();
    // Oldest first, so that a workflow comes before the executions inside it.
    for execution in old {
        if execution.parent.is_some_and(|parent| kept.contains(&parent)) {
            kept.insert(execution.id);
        } else {
            changes.push(Change::DeleteExecution(execution.id));
        }
    }
    changes
}

/// The events from before the cutoff, with their enforcements.
fn old_instances(instances: &[TriggerInstanceAge], cutoff: Timestamp) -> Vec<Change> {
    let is_old = |instance: &&TriggerInstanceAge| instance.occurred_at < cutoff;
    let deletion = |instance: &TriggerInstanceAge| {
        let enforcements: Vec<_> =
            instance.enforcements.iter().copied().map(Change::DeleteEnforcement).collect();
        enforcements.into_iter().chain([Change::DeleteTriggerInstance(instance.id)])
    };
    instances.iter().filter(is_old).flat_map(deletion).collect()
}

#[cfg(test)]
mod tests {
    use petrel_store_suite::{at, id};

    use super::*;

    #[test]
    fn only_what_had_ended_before_the_cutoff_is_old() {
        let age = |n, ended_at| ExecutionAge { id: id(n), ended_at, parent: None };
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
        };
        // 2 is kept by the workflow 1, and keeps 3; the workflow 4 goes with 5.
        let old = [age(2, Some(1)), age(3, Some(2)), age(4, None), age(5, Some(4))];
        let old: Vec<_> = old.iter().collect();
        let deleted = format!("{:?}", deletions(&old, &BTreeSet::from([id(1)])));
        assert_eq!(
            deleted,
            format!("{:?}", [Change::DeleteExecution(id(4)), Change::DeleteExecution(id(5))])
        );
    }

    #[test]
    fn an_old_event_takes_its_enforcements_with_it() {
        let age = |n, occurred_at| TriggerInstanceAge {
            id: id(n),
            occurred_at,
            enforcements: vec![id(10 * n), id(10 * n + 1)],
        };
        let deleted = format!("{:?}", old_instances(&[age(1, at(4)), age(2, at(5))], at(5)));
        let expected = [
            Change::DeleteEnforcement(id(10)),
            Change::DeleteEnforcement(id(11)),
            Change::DeleteTriggerInstance(id(1)),
        ];
        assert_eq!(deleted, format!("{expected:?}"));
    }

    #[test]
    fn it_looks_often_enough() {
        let of =
            |seconds| Retention { executions: Some(Duration::from_secs(seconds)), trigger_instances: None };
        assert_eq!(of(100).interval(), Duration::from_secs(10));
        assert_eq!(of(0).interval(), Duration::from_millis(100));
        assert_eq!(Retention::default().interval(), LONGEST_INTERVAL);
    }
}
