//! A workflow in memory: its conductor, its execution as it is stored, and what runs inside it. It is
//! rebuilt from the log when it is not there.

use std::collections::HashMap;
use std::sync::Arc;

use petrel_engine_core::evaluation::quick;
use petrel_model::{
    Execution, ExecutionId, Object, Status as Stored, Timestamp, WorkflowEntry, WorkflowEvent,
    WorkflowLimits, size,
};
use petrel_workflows::conductor::{ErrorEntry, Event, Report, Rerun};
use petrel_workflows::{Conducted, Status};
use serde_json::Value;
use tokio::sync::Semaphore;

use super::ACTION_CHAIN;
use super::definitions::Compiled;
use super::world::{self, Results};
use crate::error::Error;
use crate::service::Engine;

/// How many children are read at once.
const CHILDREN_AT_ONCE: usize = 1000;

/// How many workflows are made anew at once. Each has its whole log in memory meanwhile, and a thousand may be wanted in
/// the same moment: all that have the same timeout, say.
const LOADS_AT_ONCE: usize = 4;

/// Turns to make a workflow anew. Who has one waits for nothing but the store and the evaluation of its log.
#[derive(Debug)]
pub(super) struct Loads(Semaphore);

impl Default for Loads {
    fn default() -> Self {
        Self(Semaphore::new(LOADS_AT_ONCE))
    }
}

/// A workflow in memory.
pub(super) struct Live {
    pub(super) execution: Execution,
    pub(super) conductor: Conducted,
    /// How many entries its log has.
    pub(super) sequence: u64,
    /// What runs inside it, and by which runner.
    pub(super) active: HashMap<ExecutionId, String>,
    /// What its tasks gave, when its expressions ask for that.
    pub(super) results: Option<Arc<Results>>,
    /// When it began.
    pub(super) began: Timestamp,
    /// Whether it was made to fail from outside, and how.
    pub(super) stopped: Option<Stopped>,
    /// How much its parameters take beside what the conductor counts, in bytes.
    pub(super) given: usize,
}

/// How a workflow was made to fail from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stopped {
    /// It has taken longer than it may.
    Expired,
    /// For another reason.
    Failed,
}

impl Live {
    /// Whether all that is inside it is to end. When a task has failed, what runs beside it may first come to its
    /// end by itself.
    pub(super) fn is_closing(&self) -> bool {
        let status = self.conductor.status();
        self.starts_nothing() || (status.is_completed() && !self.conductor.is_active())
    }

    /// Whether nothing may begin inside it any more.
    pub(super) fn starts_nothing(&self) -> bool {
        self.stopped.is_some()
            || self.execution.status == Stored::Canceling
            || self.execution.status.is_final()
            || matches!(self.conductor.status(), Status::Canceling | Status::Canceled)
    }

    /// Whether nothing will happen to it unless somebody asks for it.
    pub(super) fn is_idle(&self) -> bool {
        let status = self.conductor.status();
        self.active.is_empty() && (status.is_completed() || status.is_resting())
    }

    /// A workflow from the store.
    pub(super) async fn load(engine: &Engine, id: ExecutionId) -> Result<Self, Error> {
        // It is never closed.
        let _turn = engine.0.workflows.loads.0.acquire().await;
        let found = engine.store().execution(id).await?;
        let execution = found.ok_or_else(|| Error::NotFound {
            what: "execution",
            name: id.to_string(),
            hint: "its workflow is gone".into(),
        })?;
        let log = engine.store().workflow_log(id).await?;
        let (conductor, results) = replay(engine, id, &log).await?;
        let active = active(engine, id).await?;
        let sequence = u64::try_from(log.len()).unwrap_or(u64::MAX);
        let began = began(&log).unwrap_or(execution.requested_at);
        let (given, stopped) = (given_bytes(&execution), stopped(&log));
        Ok(Self { execution, conductor, sequence, active, results, began, stopped, given })
    }
}

/// The definition that a workflow began with; nothing of one that never began.
pub(super) async fn definition(engine: &Engine, id: ExecutionId) -> Result<Option<Arc<Compiled>>, Error> {
    // It is never closed.
    let _turn = engine.0.workflows.loads.0.acquire().await;
    let log = engine.store().workflow_log(id).await?;
    let Some(WorkflowEvent::Began { definition, .. }) = log.first().map(|entry| &entry.event) else {
        return Ok(None);
    };
    engine.0.workflows.definitions.stored(engine.store(), definition).await.map(Some)
}

/// How much the parameters of a workflow take beside what its conductor counts, in bytes: as they are stored and, of a
/// chain, as they are final.
pub(super) fn given_bytes(execution: &Execution) -> usize {
    let stored: usize = execution.parameters.values().map(size::of_value).sum();
    if execution.runner == ACTION_CHAIN { stored.saturating_mul(2) } else { stored }
}

/// When what a log tells of began, or was last run again.
fn began(log: &[WorkflowEntry]) -> Option<Timestamp> {
    let is_rerun = |entry: &&WorkflowEntry| matches!(entry.event, WorkflowEvent::Rerun { .. });
    log.iter().rev().find(is_rerun).or_else(|| log.first()).map(|entry| entry.at)
}

/// Whether what a log tells of was made to fail since it began, or was last run again.
fn stopped(log: &[WorkflowEntry]) -> Option<Stopped> {
    log.iter().rev().find_map(|entry| match &entry.event {
        WorkflowEvent::Failed { is_timeout: true, .. } => Some(Some(Stopped::Expired)),
        WorkflowEvent::Failed { .. } => Some(Some(Stopped::Failed)),
        WorkflowEvent::Rerun { .. } => Some(None),
        _ => None,
    })?
}

/// What runs inside a workflow.
pub(super) async fn active(engine: &Engine, id: ExecutionId) -> Result<HashMap<ExecutionId, String>, Error> {
    let (mut active, mut after) = (HashMap::new(), None);
    loop {
        let children = engine.store().children(id, after, CHILDREN_AT_ONCE).await?;
        let Some(last) = children.last() else { return Ok(active) };
        after = Some(last.id);
        let open = children.into_iter().filter(|child| !child.status.is_final());
        active.extend(open.map(|child| (child.id, child.runner)));
    }
}

/// Results are kept when some expression may ask for them.
pub(super) fn results_of(definition: &str, id: ExecutionId) -> Option<Arc<Results>> {
    definition.contains("task(").then(|| Arc::new(Results::new(id)))
}

/// The conductor that a log makes.
pub(super) async fn replay(
    engine: &Engine,
    id: ExecutionId,
    log: &[WorkflowEntry],
) -> Result<(Conducted, Option<Arc<Results>>), Error> {
    let damaged = |what: &str| Error::Unreadable(format!("the log of the workflow {id} {what}"));
    let (first, rest) = log.split_first().ok_or_else(|| damaged("is empty"))?;
    let WorkflowEvent::Began { definition, input, context, limits, edition } = &first.event else {
        return Err(damaged("does not say how it began"));
    };
    let compiled = engine.0.workflows.definitions.stored(engine.store(), definition).await?;
    let mut events = Vec::with_capacity(rest.len());
    for entry in rest {
        events.push(event(engine, entry).await?);
    }
    let limits = limits.unwrap_or(WorkflowLimits::NONE);
    let (input, context) = (Arc::clone(input), Arc::clone(context));
    let began = Began { engine: engine.clone(), id, compiled, input, context, limits, edition: *edition };
    if let Some(replayed) = quick(|| began.replay(first, rest, &events)) {
        return Ok(replayed);
    }
    let (first, rest) = (first.clone(), rest.to_vec());
    engine.evaluations().heavy_and_exact(move || began.replay(&first, &rest, &events)).await
}

/// What a workflow began with.
struct Began {
    engine: Engine,
    id: ExecutionId,
    compiled: Arc<Compiled>,
    input: Arc<Object>,
    context: Arc<Object>,
    limits: WorkflowLimits,
    edition: u32,
}

impl Began {
    /// The conductor after `events`, which are those of `rest`.
    fn replay(
        &self,
        first: &WorkflowEntry,
        rest: &[WorkflowEntry],
        events: &[Event],
    ) -> (Conducted, Option<Arc<Results>>) {
        let results = results_of(&self.compiled.stored.source, self.id);
        let around = world::Around::new(&self.engine, results.clone());
        let world = around.then(first, 0);
        let mut conductor = Conducted::new(&self.compiled.definition, &self.input, &self.context, &world)
            .with_limits(self.limits)
            .with_edition(self.edition);
        for ((entry, event), number) in rest.iter().zip(events).zip(1..) {
            if let (Some(results), Event::Report(report)) = (&results, event) {
                results.keep(report, &conductor);
            }
            let world = around.then(entry, number);
            // What was refused once is refused again, and changes nothing.
            drop(conductor.apply(event, &world));
        }
        (conductor, results)
    }
}

/// What an entry says has happened.
async fn event(engine: &Engine, entry: &WorkflowEntry) -> Result<Event, Error> {
    let status = |name: &str| name.parse::<Status>().map_err(|error| Error::Unreadable(error.to_string()));
    Ok(match &entry.event {
        WorkflowEvent::Began { .. } => return Err(Error::Unreadable("a workflow began twice".into())),
        WorkflowEvent::Requested { status: name } => Event::Request(status(name)?),
        WorkflowEvent::Reported { task, route, item, status: name, execution, result } => {
            let result = match (result, execution) {
                (Some(result), _) => Arc::clone(result),
                (None, Some(id)) => stored_result(engine, *id).await?,
                (None, None) => Arc::default(),
            };
            let execution = execution.map(|id| Arc::from(id.to_string()));
            let item = item.and_then(|item| usize::try_from(item).ok());
            Event::Report(Report {
                task: Arc::clone(task),
                route: *route,
                item,
                status: status(name)?,
                result,
                execution,
            })
        }
        WorkflowEvent::Failed { message, .. } => Event::Fail(ErrorEntry::new(message.clone())),
        WorkflowEvent::Rerun { tasks } => Event::Rerun(Rerun { tasks: tasks.clone() }),
    })
}

pub(super) async fn stored_result(engine: &Engine, id: ExecutionId) -> Result<Arc<Value>, Error> {
    let execution = engine.store().execution(id).await?;
    let execution = execution.ok_or_else(|| Error::Unreadable(format!("the execution {id} is missing")))?;
    Ok(execution.result.unwrap_or_default())
}
