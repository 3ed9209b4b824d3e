//! Begins a workflow when its execution was claimed: its definition as it is now, its inputs, its first tasks,
//! in one commit.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use petrel_catalog::configuration::NoConfiguration;
use petrel_catalog::content::{RegisteredAction, refused};
use petrel_engine_core::Error;
use petrel_engine_core::evaluation::quick;
use petrel_executions::{Uncommitted, final_parameters, spans};
use petrel_model::{
    Execution, ExecutionId, Object, Status as Stored, StatusEvent, Timestamp, WorkflowEntry, WorkflowEvent,
};
use petrel_persistence::{Change, Expect};
use petrel_workflows::conductor::{CONFIG, Event, Refused, Rerun};
use petrel_workflows::{Conducted, EDITION, Status};
use serde_json::{Value, json};
use tracing::Instrument as _;

use super::definitions::{Compiled, not_begun};
use super::live::{self, Live};
use super::refusal::Refusal;
use super::service::WorkflowEngine;
use super::step::Step;
use super::world::{self, Results};
use super::{ACTION_CHAIN, children};

/// How long to wait before a workflow that found no room is tried again.
const NO_ROOM: Duration = Duration::from_secs(1);

impl WorkflowEngine {
    /// Begins the workflow of `execution`, which this process has claimed.
    pub(super) async fn begin_workflow(&self, execution: Execution) {
        let engine = self;
        let id = execution.id;
        if engine.closing().holds(&execution) {
            // Whoever ends the workflow above ends it too.
            return;
        }
        let workflow = engine.workflows().get(id);
        let mut held = workflow.hold().await;
        if let Err(error) = workflow.begin_work(engine.core(), &mut held).await {
            tracing::error!(execution.id = %id, %error, "the workflow cannot begin; the next start tries again");
            return;
        }
        let result = match prepare(engine, &execution).await {
            Ok(prepared) => {
                start(engine, execution.clone(), prepared).instrument(spans::step(&execution)).await
            }
            Err(result) => {
                fail(engine, execution.clone(), result).await.map(|()| None).map_err(Refusal::from)
            }
        };
        match result {
            Ok(live) => {
                live.iter().for_each(|live| engine.follow(live));
                *held = live.filter(|live| !live.is_idle());
            }
            Err(error) => give_up(engine, execution, error).await,
        }
        if let Some(parent) = held.as_ref().and_then(|live| live.execution.parent.as_ref()) {
            pause_with(engine.clone(), id, parent.execution);
        }
        if held.is_none() {
            engine.workflows().forget(id, &workflow);
        } else {
            engine.workflows().used(&workflow, held.as_ref());
        }
        workflow.end_work();
        drop(held);
        engine.make_room();
    }
}

/// Pauses a workflow that has begun after the one above it was paused.
fn pause_with(engine: WorkflowEngine, id: ExecutionId, above: ExecutionId) {
    engine.core().clone().spawn("status of a workflow", async move {
        let above = engine.store().execution(above).await.ok().flatten();
        if above.is_some_and(|above| matches!(above.status, Stored::Pausing | Stored::Paused)) {
            // It may have ended already.
            drop(engine.ask(id, Status::Pausing).await);
        }
    });
}

/// A workflow could not begin: it is tried again when there was no room, and fails for any other reason.
async fn give_up(engine: &WorkflowEngine, execution: Execution, refusal: Refusal) {
    let id = execution.id;
    match refusal {
        Refusal::Moved | Refusal::Status { .. } => {
            tracing::debug!(execution.id = %id, "it was moved before it began");
        }
        Refusal::Failed(Error::NoRoom(_)) => {
            engine.core().sleep(NO_ROOM).await;
            if let Err(error) = engine.store().release(id).await {
                tracing::error!(execution.id = %id, %error, "the workflow cannot be put back");
            }
            engine.queue().wake();
        }
        error => {
            tracing::error!(execution.id = %id, %error, "the workflow cannot begin");
            let result = not_begun(&json!([{"type": "error", "message": error.to_string()}]));
            if let Err(error) = fail(engine, execution, result).await {
                tracing::error!(execution.id = %id, %error, "nor can that be stored");
            }
        }
    }
}

/// What a workflow begins with.
struct Prepared {
    compiled: Arc<Compiled>,
    input: Arc<Object>,
    context: Arc<Object>,
    /// The workflow that it is a rerun of, and from where.
    rerun: Option<(ExecutionId, Rerun)>,
}

/// Finds out what a workflow begins with, or the result of one that cannot.
async fn prepare(engine: &WorkflowEngine, execution: &Execution) -> Result<Prepared, Value> {
    let failed = |message: String| not_begun(&json!([{"type": "error", "message": message}]));
    let registered = engine.catalog().content().action(&execution.action).map(Arc::clone);
    let told = |error: Error| failed(format!("{error}; {}", error.hint()));
    let registered = registered.map_err(told)?;
    if let Some(why) = &registered.refused {
        return Err(told(refused(&execution.action, why)));
    }
    let reevaluates = registered.action.expressions.reevaluate || engine.options().reevaluates;
    let rerun = rerun_of(execution);
    let compiled = engine.definitions().of_action(&registered, reevaluates).await?;
    if rerun.is_none() {
        compiled.compare(engine.catalog()).await?;
    }
    let finals = final_parameters(engine.queue(), &registered, &execution.parameters, &execution.context);
    let mut input = Object::clone(&*finals.await.map_err(|error| failed(error.to_string()))?);
    let config = if compiled.stored.source.contains(CONFIG) {
        let (pack, user) = (execution.action.pack(), &execution.context.user);
        let config = engine.catalog().configuration_for(pack, user).await;
        let config = config.map_err(|error| match error {
            NoConfiguration::Unfilled(unfilled) => failed(format!("{unfilled}; {}", unfilled.hint())),
            NoConfiguration::Failed(error) => failed(error.to_string()),
        })?;
        Some(Value::Object(Object::clone(&config)))
    } else {
        None
    };
    let mut context = if execution.runner == ACTION_CHAIN {
        chain_context(execution, &input)
    } else {
        let given = input.get("context").and_then(Value::as_object).cloned();
        let mut context = given.unwrap_or_default();
        // Whoever asks for it does not say where it belongs, nor on whose behalf it runs.
        context.shift_remove("parent");
        context.insert("st2".into(), surroundings(engine, execution, &registered));
        if let Some(parent) = above(engine, execution).await {
            context.insert("parent".into(), parent);
        }
        context
    };
    // Nobody else says what it is.
    context.shift_remove(CONFIG);
    context.extend(config.map(|config| (CONFIG.to_owned(), config)));
    input.retain(|name, _| registered.action.parameters.contains_key(name));
    Ok(Prepared { compiled, input: Arc::new(input), context: Arc::new(context), rerun })
}

/// What the templates of a chain see beside its parameters.
fn chain_context(execution: &Execution, parameters: &Object) -> Object {
    let mut parent = execution.context.shown();
    parent.insert("execution_id".into(), json!(execution.id));
    let mut context = Object::new();
    context.insert("action_context".into(), json!({"parent": parent}));
    let shows_published = parameters.get("display_published").cloned().unwrap_or(Value::Bool(true));
    context.insert("display_published".into(), shows_published);
    context
}

/// What a workflow knows of itself, as `ctx().st2`.
fn surroundings(engine: &WorkflowEngine, execution: &Execution, registered: &RegisteredAction) -> Value {
    json!({
        "workflow_execution_id": execution.id,
        "action_execution_id": execution.id,
        "api_url": engine.options().api_url,
        "user": execution.context.user,
        "pack": execution.context.pack,
        "action": execution.action,
        "runner": registered.action.runner_type,
    })
}

/// What a workflow inside another one knows of that, as `ctx().parent`: the context of its own execution.
async fn above(engine: &WorkflowEngine, execution: &Execution) -> Option<Value> {
    let parent = execution.parent.as_ref()?;
    let workflow = engine.store().execution(parent.execution).await.ok().flatten()?;
    Some(Value::Object(children::shown(&execution.context, Some(parent), &workflow.context)))
}

/// Of which workflow it is a rerun of some tasks.
fn rerun_of(execution: &Execution) -> Option<(ExecutionId, Rerun)> {
    let rerun = execution.context.rerun.as_ref().filter(|rerun| !rerun.tasks.is_empty())?;
    // `name` is on the first route, `name|2` on the third.
    let place = |text: &str| match text.split_once('|') {
        Some((name, route)) => (Arc::from(name), route.parse().unwrap_or_default()),
        None => (Arc::from(text), 0),
    };
    let tasks = rerun.tasks.iter().map(|text| {
        let (name, route): (Arc<str>, u32) = place(text);
        let is_reset = rerun.reset.iter().any(|reset| *reset == *text || **reset == *name);
        (name, route, is_reset)
    });
    Some((rerun.execution, Rerun { tasks: tasks.collect() }))
}

/// Starts the first tasks; gives the workflow once that is durable.
async fn start(
    engine: &WorkflowEngine,
    execution: Execution,
    prepared: Prepared,
) -> Result<Option<Live>, Refusal> {
    let Prepared { compiled, input, context, rerun } = prepared;
    let from = match &rerun {
        None => None,
        Some((of, _)) => match resumed(engine, *of, execution.id).await {
            Ok(resumed) => Some(resumed),
            Err(NotBegun::Refused(reason)) => return refuse(engine, execution, reason).await,
            Err(NotBegun::Failed(refusal)) => return Err(refusal),
        },
    };
    let now = engine.now();
    let begins = Begins { engine: engine.clone(), execution, compiled, input, context, rerun, now };
    let (begins, step) = if let Some(step) = quick(|| begins.step(from)) {
        (begins, step)
    } else {
        // The conductor was changed on the way, so it is made again.
        let from = match &begins.rerun {
            Some((of, _)) => match resumed(engine, *of, begins.execution.id).await {
                Ok(resumed) => Some(resumed),
                Err(NotBegun::Refused(_)) => None,
                Err(NotBegun::Failed(refusal)) => return Err(refusal),
            },
            None => None,
        };
        let apart = move || {
            let step = begins.step(from);
            (begins, step)
        };
        engine.queue().evaluations().heavy_and_exact(apart).await?
    };
    let live = match step {
        Ok(step) => step.commit().await?,
        Err(NotBegun::Refused(reason)) => return refuse(engine, begins.execution, reason).await,
        Err(NotBegun::Failed(error)) => return Err(error),
    };
    begins.compiled.set_stored();
    Ok(Some(live))
}

/// What a workflow makes its first step of.
struct Begins {
    engine: WorkflowEngine,
    execution: Execution,
    compiled: Arc<Compiled>,
    input: Arc<Object>,
    context: Arc<Object>,
    /// The workflow that it is a rerun of, and from where.
    rerun: Option<(ExecutionId, Rerun)>,
    now: Timestamp,
}

/// Why a workflow does not begin.
enum NotBegun {
    /// Its tasks cannot be run again.
    Refused(String),
    /// Something else stands in the way.
    Failed(Refusal),
}

impl<E: Into<Refusal>> From<E> for NotBegun {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl Begins {
    /// The first step, from what there was of a workflow that is run again.
    fn step(&self, from: Option<Resumed>) -> Result<Step, NotBegun> {
        let (log, conductor, results) = from.unwrap_or_else(|| self.begun());
        let live = Live {
            execution: self.execution.clone(),
            conductor,
            sequence: 0,
            active: HashMap::new(),
            results,
            began: self.now,
            stopped: None,
            given: live::given_bytes(&self.execution),
        };
        let mut step = Step::new(&self.engine, live);
        step.write(log);
        if self.compiled.must_be_stored() {
            step.changes.push(Change::put(self.compiled.stored.clone()));
        }
        match &self.rerun {
            Some((_, rerun)) => {
                let logged = WorkflowEvent::Rerun { tasks: rerun.tasks.clone() };
                let refused = |refused: Refused| NotBegun::Refused(refused.to_string());
                step.happen(Event::Rerun(rerun.clone()), logged).map_err(refused)?;
            }
            // One that has failed already has nothing to run.
            None if step.status() == Status::Failed => {}
            None => step.request(Status::Running).map_err(NotBegun::Failed)?,
        }
        Ok(step)
    }

    fn begun(&self) -> Resumed {
        let results = live::results_of(&self.compiled.stored.source, self.execution.id);
        let datastore = self.engine.queue().keys().readable_by(&self.execution.context.user);
        let keys = Arc::new(world::Live::new(datastore));
        let around = world::Around::new(self.engine.secrets(), results.clone());
        let world = around.now(self.now, 0, Arc::clone(&keys));
        let limits = self.engine.options().limits;
        let conductor = Conducted::new(&self.compiled.definition, &self.input, &self.context, &world);
        let conductor = conductor.with_limits(limits);
        let event = WorkflowEvent::Began {
            definition: Arc::clone(&self.compiled.stored.digest),
            input: Arc::clone(&self.input),
            context: Arc::clone(&self.context),
            limits: Some(limits),
            edition: EDITION,
        };
        (vec![WorkflowEntry { at: self.now, keys: keys.reads(), event }], conductor, results)
    }
}

/// Ends an execution that cannot be run again in this way.
async fn refuse(
    engine: &WorkflowEngine,
    execution: Execution,
    reason: String,
) -> Result<Option<Live>, Refusal> {
    let result = not_begun(&json!([{"type": "error", "message": reason}]));
    fail(engine, execution, result).await?;
    Ok(None)
}

/// The log of a workflow, its conductor and the results of its tasks.
type Resumed = (Vec<WorkflowEntry>, Conducted, Option<Arc<Results>>);

/// The log, the conductor and the results of a workflow that is run again as `id`; or why it cannot be.
async fn resumed(engine: &WorkflowEngine, of: ExecutionId, id: ExecutionId) -> Result<Resumed, NotBegun> {
    let mut log = engine.store().workflow_log(of).await?;
    if log.is_empty() {
        let reason = format!("the workflow {of} never began, so none of its tasks can be run again");
        return Err(NotBegun::Refused(reason));
    }
    if !engine.open_inside(of).await?.is_empty() {
        let reason = format!("something still runs inside the workflow {of}; wait for its end, or cancel it");
        return Err(NotBegun::Refused(reason));
    }
    // What its tasks gave goes with the log, since the workflow that it was given to may be deleted first.
    for entry in &mut log {
        if let WorkflowEvent::Reported { execution: Some(execution), result: result @ None, .. } =
            &mut entry.event
        {
            *result = Some(engine.stored_result(*execution).await?);
        }
    }
    let (conductor, results) = engine.replay(id, &log).await?;
    Ok((log, conductor, results))
}

/// Ends an execution whose workflow cannot begin.
async fn fail(engine: &WorkflowEngine, mut execution: Execution, result: Value) -> Result<(), Uncommitted> {
    let expect = Expect::ExecutionVersion(execution.id, execution.version);
    let failed = execution.apply(StatusEvent::Failed, engine.now());
    failed.map_err(|illegal| Error::Internal(illegal.to_string()))?;
    execution.result = Some(Arc::new(result));
    let changes = vec![Change::UpdateExecution(execution.clone())];
    engine.commit_outcome(&execution, expect, changes).await?;
    engine.queue().tell(execution.id, execution.status);
    Ok(())
}
