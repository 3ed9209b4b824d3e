//! The beginning of a workflow whose execution was claimed: its present definition, its inputs and its first
//! tasks, in one commit.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use petrel_catalog::configuration::NoConfiguration;
use petrel_catalog::content::refused;
use petrel_engine_core::Error;
use petrel_engine_core::evaluation::quick;
use petrel_executions::{Conductor as _, Uncommitted, final_parameters, spans};
use petrel_model::secrets::has_secret;
use petrel_model::{
    Execution, ExecutionId, Object, Status as Stored, StatusEvent, Timestamp, WorkflowEntry, WorkflowEvent,
};
use petrel_persistence::{Change, Expect};
use petrel_workflows::conductor::{CONFIG, Event, Refused, Rerun};
use petrel_workflows::{Conducted, EDITION, Language, Status};
use serde_json::{Value, json};
use tracing::Instrument as _;

use super::definitions::{Compiled, not_begun};
use super::language::language;
use super::live::{self, Live};
use super::load::rests_on_request;
use super::notify;
use super::refusal::Refusal;
use super::service::WorkflowEngine;
use super::step::Step;
use super::surroundings::{above, chain_context, surroundings};
use super::world::{self, Results};

/// The pause before a workflow is tried again that found no room, or could not read what it needs.
const NO_ROOM: Duration = Duration::from_secs(1);

impl WorkflowEngine {
    /// Begins the workflow of `execution`, which this process has claimed.
    pub(super) async fn begin_workflow(&self, execution: Execution) {
        let engine = self;
        let id = execution.id;
        engine.catch_up_with(&execution).await;
        if engine.holds(&execution) {
            // The end of the workflow above will end it too.
            return;
        }
        let workflow = engine.workflows().get(id);
        let mut held = workflow.hold().await;
        if let Err(error) = workflow.begin_work(engine.core(), &mut held).await {
            tracing::error!(execution.id = %id, %error, "failed to begin a workflow; the next start tries again");
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
        let is_tried_again = match result {
            Ok(live) => {
                live.iter().for_each(|live| engine.follow(live));
                *held = live.filter(|live| !live.is_idle());
                false
            }
            Err(error) if error.is_passing() => true,
            Err(error) => give_up(engine, execution, error).await,
        };
        if let Some(parent) = held.as_ref().and_then(|live| live.execution.task()) {
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
        if is_tried_again {
            put_back(engine, id).await;
        }
    }
}

/// Puts a workflow back that found no room, or could not read what it needs, after a while. It keeps its slot until then,
/// so that others that would fare no better do not come one after the other; but nobody who has something to tell it is
/// kept waiting.
async fn put_back(engine: &WorkflowEngine, id: ExecutionId) {
    engine.core().sleep(NO_ROOM).await;
    if let Err(error) = engine.store().release(id).await {
        tracing::error!(execution.id = %id, %error, "failed to requeue a workflow that found no room");
    }
    engine.queue().wake();
}

/// Pauses a workflow that has begun after somebody paused the one above it. That pause could not reach it, because
/// a waiting execution cannot be paused. Where a question makes the one above rest, what is inside may finish.
fn pause_with(engine: WorkflowEngine, id: ExecutionId, above: ExecutionId) {
    engine.core().clone().spawn("status of a workflow", async move {
        let rests = engine.store().execution(above).await.ok().flatten();
        if !rests.is_some_and(|above| matches!(above.status, Stored::Pausing | Stored::Paused)) {
            return;
        }
        if engine.store().workflow_log(above).await.is_ok_and(|log| rests_on_request(&log)) {
            // It may have ended already.
            drop(engine.ask(id, Status::Pausing).await);
        }
    });
}

/// A workflow could not begin, and fails, unless it was moved meanwhile. Says whether all of that is to be tried again.
async fn give_up(engine: &WorkflowEngine, execution: Execution, refusal: Refusal) -> bool {
    let id = execution.id;
    if matches!(refusal, Refusal::Moved | Refusal::Status { .. }) {
        tracing::debug!(execution.id = %id, "execution changed before its workflow began");
        return false;
    }
    tracing::error!(execution.id = %id, error = %refusal, "failed to begin a workflow");
    let result = not_begun(&json!([{"type": "error", "message": refusal.to_string()}]));
    match fail(engine, execution, result).await.map_err(Refusal::from) {
        Ok(()) => false,
        Err(error) => {
            tracing::error!(execution.id = %id, %error, "failed to store the failure of a workflow");
            error.is_passing()
        }
    }
}

/// The prerequisites of a workflow's beginning.
struct Prepared {
    compiled: Arc<Compiled>,
    input: Arc<Object>,
    context: Arc<Object>,
    /// The workflow of which this is a rerun, and its tasks to start from.
    rerun: Option<(ExecutionId, Rerun)>,
    /// Whether the input or the context may have secrets that are not among the given parameters.
    is_secret: bool,
}

/// Collects the prerequisites of a workflow, or returns the result of one that cannot begin.
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
    // A rerun goes on with the definition in its log, which may be older than the present one.
    if rerun.is_none() {
        compiled.compare(engine.catalog()).await?;
    }
    let finals = final_parameters(engine.queue(), &registered, &execution.parameters, &execution.context);
    let mut input = Object::clone(&*finals.await.map_err(|error| failed(error.to_string()))?);
    if let Some(reason) = notify::unknown_tasks(&compiled.definition, &input).filter(|_| rerun.is_none()) {
        return Err(failed(reason));
    }
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
    let mut context = match language(&execution.runner) {
        Language::Chain => chain_context(execution, &input),
        Language::Orquesta => {
            let given = input.get("context").and_then(Value::as_object).cloned();
            let mut context = given.unwrap_or_default();
            // A caller must not say where the execution belongs, nor on whose behalf it runs.
            context.shift_remove("parent");
            context.insert("st2".into(), surroundings(engine, execution, &registered));
            if let Some(parent) = above(engine, execution).await {
                context.insert("parent".into(), parent);
            }
            context
        }
    };
    // The configuration comes from the pack only.
    context.shift_remove(CONFIG);
    context.extend(config.map(|config| (CONFIG.to_owned(), config)));
    input.retain(|name, _| registered.action.parameters.contains_key(name));
    let is_secret = registered.parameters.values().any(has_secret)
        || (context.contains_key(CONFIG) && has_secret_config(engine, execution));
    Ok(Prepared { compiled, input: Arc::new(input), context: Arc::new(context), rerun, is_secret })
}

/// Whether the configuration of the workflow's pack may have secrets. Without a schema all of it may be one.
fn has_secret_config(engine: &WorkflowEngine, execution: &Execution) -> bool {
    let content = engine.catalog().content();
    let schema = content.pack(execution.action.pack()).ok().and_then(|pack| pack.config_schema.as_ref());
    schema.is_none_or(|schema| schema.values().any(has_secret))
}

/// The workflow of which some tasks are run again.
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

/// Starts the first tasks. Returns the workflow once that is durable.
async fn start(
    engine: &WorkflowEngine,
    mut execution: Execution,
    prepared: Prepared,
) -> Result<Option<Live>, Refusal> {
    let Prepared { compiled, input, context, rerun, is_secret } = prepared;
    execution.context.sealed |= is_secret;
    let from = match &rerun {
        None => None,
        Some((of, _)) => match resumed(engine, *of, &mut execution).await {
            Ok(resumed) => Some(resumed),
            Err(NotBegun::Refused(reason)) => return refuse(engine, execution, reason).await,
            Err(NotBegun::Failed(refusal)) => return Err(refusal),
        },
    };
    let now = engine.now();
    let mut begins = Begins { engine: engine.clone(), execution, compiled, input, context, rerun, now };
    let (begins, step) = if let Some(step) = quick(|| begins.step(from)) {
        (begins, step)
    } else {
        // The failed attempt has changed the conductor, so it is built again.
        let from = match &begins.rerun {
            Some((of, _)) => match resumed(engine, *of, &mut begins.execution).await {
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
    // Only now: a definition that counts as stored is left out of the next commits.
    begins.compiled.set_stored();
    Ok(Some(live))
}

/// The sources of a workflow's first step.
struct Begins {
    engine: WorkflowEngine,
    execution: Execution,
    compiled: Arc<Compiled>,
    input: Arc<Object>,
    context: Arc<Object>,
    /// The workflow of which this is a rerun, and its tasks to start from.
    rerun: Option<(ExecutionId, Rerun)>,
    now: Timestamp,
}

/// The reasons why a workflow does not begin.
enum NotBegun {
    /// Its tasks cannot be run again.
    Refused(String),
    /// Another failure.
    Failed(Refusal),
}

impl<E: Into<Refusal>> From<E> for NotBegun {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl Begins {
    /// The first step, from the earlier state of a workflow that is run again.
    fn step(&self, from: Option<Resumed>) -> Result<Step, NotBegun> {
        let (log, conductor, results) = from.unwrap_or_else(|| self.begun());
        let live = Live {
            execution: self.execution.clone(),
            conductor,
            sequence: 0,
            active: HashMap::new(),
            results,
            is_secret: self.execution.holds_secrets(),
            sealed: log.iter().flat_map(|entry| world::sealed(&entry.keys)).collect(),
            began: self.now,
            stopped: None,
            rests_on_request: false,
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
            // A workflow that has failed already has nothing to run.
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

/// Fails an execution whose rerun is refused.
async fn refuse(
    engine: &WorkflowEngine,
    execution: Execution,
    reason: String,
) -> Result<Option<Live>, Refusal> {
    let result = not_begun(&json!([{"type": "error", "message": reason}]));
    fail(engine, execution, result).await?;
    Ok(None)
}

/// The log of a workflow, its conductor, and the results of its tasks.
type Resumed = (Vec<WorkflowEntry>, Conducted, Option<Arc<Results>>);

/// The log, the conductor and the results of a workflow that is run again as `execution`, or the reason why it
/// cannot be. The execution is stored encrypted if the results may hold secrets.
async fn resumed(
    engine: &WorkflowEngine,
    of: ExecutionId,
    execution: &mut Execution,
) -> Result<Resumed, NotBegun> {
    let mut log = engine.store().workflow_log(of).await?;
    if log.is_empty() {
        return Err(NotBegun::Refused(engine.why_without_log(of).await?));
    }
    if !engine.open_inside(of).await?.is_empty() {
        let reason = format!("something still runs inside the workflow {of}; wait for its end, or cancel it");
        return Err(NotBegun::Refused(reason));
    }
    // Results go along with the log, because the original workflow may be deleted first.
    for entry in &mut log {
        if let WorkflowEvent::Reported { execution: Some(inside), result: result @ None, .. } =
            &mut entry.event
        {
            *result = Some(engine.stored_result(*inside, &mut execution.context.sealed).await?);
        }
    }
    let (conductor, results, _) = engine.replay(execution, &log).await?;
    Ok((log, conductor, results))
}

/// Fails an execution whose workflow cannot begin.
async fn fail(engine: &WorkflowEngine, mut execution: Execution, result: Value) -> Result<(), Uncommitted> {
    let expect = Expect::ExecutionVersion(execution.id, execution.version);
    let failed = execution.apply(StatusEvent::Failed, engine.now());
    failed.map_err(|illegal| Error::Internal(illegal.to_string()))?;
    execution.result = Some(Arc::new(result));
    let changes = vec![Change::UpdateExecution(execution.clone())];
    engine.commit_outcome(&execution, expect, changes).await?;
    engine.queue().tell(&execution);
    Ok(())
}
