//! Rebuilds a workflow from its log when it is not in memory.

use std::collections::HashMap;
use std::sync::Arc;

use petrel_engine_core::Error;
use petrel_engine_core::evaluation::quick;
use petrel_expressions::Opener;
use petrel_model::{Execution, ExecutionId, Object, Timestamp, WorkflowEntry, WorkflowEvent, WorkflowLimits};
use petrel_persistence::Error as ReadError;
use petrel_workflows::conductor::{ErrorEntry, Event, Report, Rerun, Secrets};
use petrel_workflows::{Conducted, Status};
use serde_json::Value;

use super::definitions::Compiled;
use super::live::{Inside, Live, Stopped, given_bytes, results_of};
use super::refusal::Refusal;
use super::service::WorkflowEngine;
use super::world::{self, Results, Sealed};

/// The number of ids of children that are read at once.
const CHILDREN_AT_ONCE: usize = 1000;

impl WorkflowEngine {
    /// Loads a workflow from the store.
    ///
    /// # Errors
    /// When it is gone, or cannot be read.
    pub(super) async fn load(&self, id: ExecutionId) -> Result<Live, Refusal> {
        // The semaphore is never closed.
        let _turn = self.loads().acquire().await;
        let found = self.store().execution(id).await?;
        let execution = found.ok_or_else(|| Refusal::Gone { workflow: id, reports: Vec::new() })?;
        let log = self.store().workflow_log(id).await?;
        let (conductor, results, has_met_secrets) = self.replay(&execution, &log).await?;
        // It fits the log read before, since the caller holds the workflow and every end inside it passes
        // there.
        let active = self.open_inside(id).await?;
        let sequence = u64::try_from(log.len()).unwrap_or(u64::MAX);
        let began = began(&log).unwrap_or(execution.requested_at);
        let (given, stopped) = (given_bytes(&execution), stopped(&log));
        let rests_on_request = rests_on_request(&log);
        let sealed: Sealed = log.iter().flat_map(|entry| world::sealed(&entry.keys)).collect();
        Ok(Live {
            is_secret: has_met_secrets || !sealed.is_empty() || execution.holds_secrets(),
            execution,
            conductor,
            sequence,
            active,
            results,
            sealed,
            began,
            stopped,
            rests_on_request,
            given,
        })
    }

    /// The definition with which a workflow began; `None` for one that never began.
    pub(super) async fn definition(&self, id: ExecutionId) -> Result<Option<Arc<Compiled>>, Error> {
        // The semaphore is never closed.
        let _turn = self.loads().acquire().await;
        let log = self.store().workflow_log(id).await?;
        let Some(WorkflowEvent::Began { definition, .. }) = log.first().map(|entry| &entry.event) else {
            return Ok(None);
        };
        self.definitions().stored(self.store(), definition).await.map(Some)
    }

    /// Why a workflow has no log with which its tasks could be run again.
    pub(super) async fn why_without_log(&self, id: ExecutionId) -> Result<String, Error> {
        let is_there = self.store().execution_head(id).await?.is_some();
        let why = if is_there {
            "never began, so none of its tasks can be run again"
        } else {
            "was deleted before they began, so its tasks cannot be run again; request its action anew"
        };
        Ok(format!("the workflow {id} {why}"))
    }

    /// The open executions inside a workflow. Those that have ended are not read: there may be many, and large ones.
    pub(super) async fn open_inside(&self, id: ExecutionId) -> Result<HashMap<ExecutionId, Inside>, Error> {
        let (mut active, mut after) = (HashMap::new(), None);
        loop {
            let children = self.store().children_ids(id, after, CHILDREN_AT_ONCE).await?;
            let Some(last) = children.last() else { return Ok(active) };
            after = Some(*last);
            for child in children.into_iter().filter(|child| self.store().is_active(*child)) {
                match self.store().execution_in_part(child).await {
                    Ok(Some(child)) if !child.status.is_final() => {
                        active.insert(child.id, Inside::of(self.queue().is_workflow(&child)));
                    }
                    Ok(_ended) => {}
                    Err(error @ ReadError::Damaged { .. }) => {
                        tracing::error!(execution.id = %child, %error, "failed to read an execution inside a workflow; leaving it out");
                    }
                    Err(error) => return Err(error.into()),
                }
            }
        }
    }

    /// Replays the log of a workflow's execution into a conductor. Also says whether an execution inside it that has ended may
    /// hold secrets.
    pub(super) async fn replay(
        &self,
        execution: &Execution,
        log: &[WorkflowEntry],
    ) -> Result<(Conducted, Option<Arc<Results>>, bool), Error> {
        let id = execution.id;
        let damaged = |what: &str| Error::Unreadable(format!("the log of the workflow {id} {what}"));
        let (first, rest) = log.split_first().ok_or_else(|| damaged("is empty"))?;
        let WorkflowEvent::Began { definition, input, context, limits, edition } = &first.event else {
            return Err(damaged("does not say how it began"));
        };
        let compiled = self.definitions().stored(self.store(), definition).await?;
        let (mut events, mut is_secret) = (Vec::with_capacity(rest.len()), false);
        for entry in rest {
            events.push(self.event(entry, &mut is_secret).await?);
        }
        // A log from before there were limits replays with those that only an endless workflow exceeds.
        let limits = limits.unwrap_or(WorkflowLimits::NONE);
        let (input, context) = (Arc::clone(input), Arc::clone(context));
        let began = Began {
            secrets: Arc::clone(self.secrets()),
            opener: Some(self.queue().keys().opener_of(&execution.context.user)),
            id,
            compiled,
            input,
            context,
            limits,
            edition: *edition,
        };
        if let Some((conductor, results)) = quick(|| began.replay(first, rest, &events)) {
            return Ok((conductor, results, is_secret));
        }
        let (first, rest) = (first.clone(), rest.to_vec());
        // Without a limit on time, which could make the replay differ from what was decided.
        let replayed = move || began.replay(&first, &rest, &events);
        let (conductor, results) = self.queue().evaluations().heavy_and_exact(replayed).await?;
        Ok((conductor, results, is_secret))
    }

    /// The event of an entry. `is_secret` is set if it is the end of an execution that may hold secrets.
    async fn event(&self, entry: &WorkflowEntry, is_secret: &mut bool) -> Result<Event, Error> {
        let status =
            |name: &str| name.parse::<Status>().map_err(|error| Error::Unreadable(error.to_string()));
        Ok(match &entry.event {
            WorkflowEvent::Began { .. } => return Err(Error::Unreadable("a workflow began twice".into())),
            WorkflowEvent::Requested { status: name } => Event::Request(status(name)?),
            WorkflowEvent::Reported { task, route, item, status: name, execution, result } => {
                let reported = status(name)?;
                let result = match (result, execution) {
                    (Some(result), _) => Arc::clone(result),
                    // What is stored by now came later, such as the answer to a question.
                    (None, Some(id)) if reported.is_completed() => self.stored_result(*id, is_secret).await?,
                    (None, _) => Arc::default(),
                };
                let execution = execution.map(|id| Arc::from(id.to_string()));
                let item = item.and_then(|item| usize::try_from(item).ok());
                Event::Report(Report {
                    task: Arc::clone(task),
                    route: *route,
                    item,
                    status: reported,
                    result,
                    execution,
                })
            }
            WorkflowEvent::Failed { message, .. } => Event::Fail(ErrorEntry::new(message.clone())),
            WorkflowEvent::Rerun { tasks } => Event::Rerun(Rerun { tasks: tasks.clone() }),
        })
    }

    /// The result of an execution to which a log refers. `is_secret` is set if that may hold secrets.
    pub(super) async fn stored_result(
        &self,
        id: ExecutionId,
        is_secret: &mut bool,
    ) -> Result<Arc<Value>, Error> {
        let execution = self.store().execution(id).await?;
        let execution =
            execution.ok_or_else(|| Error::Unreadable(format!("the execution {id} is missing")))?;
        *is_secret |= execution.holds_secrets() && execution.context.unread.is_none();
        Ok(execution.result.unwrap_or_default())
    }
}

/// The time at which a workflow began, or was last run again, by its log.
fn began(log: &[WorkflowEntry]) -> Option<Timestamp> {
    let is_rerun = |entry: &&WorkflowEntry| matches!(entry.event, WorkflowEvent::Rerun { .. });
    log.iter().rev().find(is_rerun).or_else(|| log.first()).map(|entry| entry.at)
}

/// Whether a workflow was made to fail since it began, or was last run again, by its log.
fn stopped(log: &[WorkflowEntry]) -> Option<Stopped> {
    log.iter().rev().find_map(|entry| match &entry.event {
        WorkflowEvent::Failed { is_timeout: true, .. } => Some(Some(Stopped::Expired)),
        WorkflowEvent::Failed { .. } => Some(Some(Stopped::Failed)),
        WorkflowEvent::Rerun { .. } => Some(None),
        _ => None,
    })?
}

/// Whether the last request to a workflow was that it rests, by its log. Requests to the one that it runs again do not
/// count.
pub(super) fn rests_on_request(log: &[WorkflowEntry]) -> bool {
    let rests = [Status::Pausing, Status::Paused].map(Status::as_str);
    let last = log.iter().rev().find_map(|entry| match &entry.event {
        WorkflowEvent::Requested { status } => Some(rests.contains(&status.as_str())),
        WorkflowEvent::Rerun { .. } => Some(false),
        _ => None,
    });
    last.unwrap_or(false)
}

/// The beginning of a workflow, by its log.
struct Began {
    secrets: Arc<dyn Secrets>,
    opener: Option<Arc<dyn Opener>>,
    id: ExecutionId,
    compiled: Arc<Compiled>,
    input: Arc<Object>,
    context: Arc<Object>,
    limits: WorkflowLimits,
    edition: u32,
}

impl Began {
    /// The conductor after `events`, which are the events of `rest`.
    fn replay(
        &self,
        first: &WorkflowEntry,
        rest: &[WorkflowEntry],
        events: &[Event],
    ) -> (Conducted, Option<Arc<Results>>) {
        let results = results_of(&self.compiled.stored.source, self.id);
        let around = world::Around::new(&self.secrets, results.clone());
        let world = around.then(first, 0, self.opener.as_ref());
        let mut conductor = Conducted::new(&self.compiled.definition, &self.input, &self.context, &world)
            .with_limits(self.limits)
            // The rules of the version that began the workflow, so that the log gives the same state again.
            .with_edition(self.edition);
        for ((entry, event), number) in rest.iter().zip(events).zip(1..) {
            // Before the event is applied, as in its step: expressions may read the result.
            if let (Some(results), Event::Report(report)) = (&results, event) {
                results.keep(report, &conductor);
            }
            let world = around.then(entry, number, self.opener.as_ref());
            // A refused event is refused again, and changes nothing.
            drop(conductor.apply(event, &world));
        }
        (conductor, results)
    }
}

#[cfg(test)]
mod tests {
    use petrel_store_suite::at;
    use serde_json::json;

    use super::*;

    #[test]
    fn who_rests_on_request_is_known_by_the_log() {
        let requested = |status: &str| json!({"event": "requested", "status": status, "at": at(1)});
        let asks = || json!({"event": "reported", "task": "ask", "status": "pending", "at": at(1)});
        let rerun = || json!({"event": "rerun", "tasks": [], "at": at(1)});
        for (log, rests) in [
            (vec![], false),
            (vec![requested("running"), asks()], false),
            (vec![requested("running"), requested("pausing"), asks()], true),
            (vec![requested("running"), asks(), requested("paused")], true),
            (vec![requested("pausing"), requested("resuming"), asks()], false),
            // The first run was paused, and the second is not.
            (vec![requested("running"), requested("pausing"), rerun(), asks()], false),
            (vec![requested("pausing"), rerun(), asks(), requested("paused")], true),
        ] {
            let entries: Vec<WorkflowEntry> = serde_json::from_value(json!(log)).unwrap();
            assert_eq!(rests_on_request(&entries), rests, "{log:?}");
        }
    }
}
