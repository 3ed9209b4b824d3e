//! Begins a workflow when its execution was claimed: its definition as it is now, its inputs, its first tasks,
//! in one commit.

use std::collections::HashMap;
use std::sync::Arc;

use petrel_model::{Execution, ExecutionId, Object, StatusEvent, WorkflowEntry, WorkflowEvent};
use petrel_persistence::{Change, Expect};
use petrel_workflows::conductor::{Event, Rerun};
use petrel_workflows::{Conducted, Status};
use serde_json::{Value, json};

use super::definitions::not_begun;
use super::live::{self, Live};
use super::step::Step;
use super::{ACTION_CHAIN, children, timers, world};
use crate::clock;
use crate::content::RegisteredAction;
use crate::error::Error;
use crate::requests as executions;
use crate::service::Engine;

/// Begins the workflow of `execution`, which this process has claimed.
pub(crate) async fn begin(engine: &Engine, execution: Execution) {
    let id = execution.id;
    let workflow = engine.0.workflows.get(id);
    let mut held = workflow.live.lock().await;
    let result = match prepare(engine, &execution).await {
        Ok(prepared) => start(engine, execution, prepared).await,
        Err(result) => fail(engine, execution, result).await.map(|()| None),
    };
    match result {
        Ok(Some(live)) if !live.is_idle() => {
            timers::arm(engine, &live);
            *held = Some(live);
        }
        Ok(_) => engine.0.workflows.forget(id, &workflow),
        Err(error) => {
            engine.0.workflows.forget(id, &workflow);
            match error {
                Error::Conflict { .. } => tracing::debug!(execution.id = %id, "it was moved before it began"),
                error => tracing::error!(execution.id = %id, %error, "the workflow cannot begin"),
            }
        }
    }
}

/// What a workflow begins with.
struct Prepared {
    compiled: Arc<super::definitions::Compiled>,
    input: Arc<Object>,
    context: Arc<Object>,
    /// The workflow that it is a rerun of, and from where.
    rerun: Option<(ExecutionId, Rerun)>,
}

/// Finds out what a workflow begins with, or the result of one that cannot.
async fn prepare(engine: &Engine, execution: &Execution) -> Result<Prepared, Value> {
    let failed = |message: String| not_begun(&json!([{"type": "error", "message": message}]));
    let registered = engine.content().action(&execution.action).map(Arc::clone);
    let registered = registered.map_err(|error| failed(error.to_string()))?;
    let compiled = engine.0.workflows.definitions.of_action(&registered).await?;
    let finals = executions::final_parameters(engine, &registered, &execution.parameters, &execution.context);
    let mut input = Object::clone(&*finals.map_err(|error| failed(error.to_string()))?);
    let context = if execution.runner == ACTION_CHAIN {
        chain_context(engine, execution, &input)
    } else {
        let given = input.get("context").and_then(Value::as_object).cloned();
        let mut context = given.unwrap_or_default();
        context.insert("st2".into(), surroundings(engine, execution, &registered));
        if let Some(parent) = above(engine, execution).await {
            context.insert("parent".into(), parent);
        }
        context
    };
    input.retain(|name, _| registered.action.parameters.contains_key(name));
    let rerun = rerun_of(execution).map_err(failed)?;
    Ok(Prepared { compiled, input: Arc::new(input), context: Arc::new(context), rerun })
}

/// What the templates of a chain see beside its parameters.
fn chain_context(engine: &Engine, execution: &Execution, parameters: &Object) -> Object {
    let mut parent = serde_json::to_value(&execution.context).unwrap_or_default();
    if let Some(parent) = parent.as_object_mut() {
        parent.insert("execution_id".into(), json!(execution.id));
    }
    let mut context = Object::new();
    context.insert("action_context".into(), json!({"parent": parent}));
    let config = engine.content().pack_config(execution.action.pack());
    context.insert("config_context".into(), Value::Object(Object::clone(&config)));
    let shows_published = parameters.get("display_published").cloned().unwrap_or(Value::Bool(true));
    context.insert("display_published".into(), shows_published);
    context
}

/// What a workflow knows of itself, as `ctx().st2`.
fn surroundings(engine: &Engine, execution: &Execution, registered: &RegisteredAction) -> Value {
    json!({
        "workflow_execution_id": execution.id,
        "action_execution_id": execution.id,
        "api_url": engine.0.options.api_url,
        "user": execution.context.user,
        "pack": execution.context.pack,
        "action": execution.action,
        "runner": registered.action.runner_type,
    })
}

/// What a workflow inside another one knows of that, as `ctx().parent`: the context of its own execution.
async fn above(engine: &Engine, execution: &Execution) -> Option<Value> {
    let parent = execution.parent.as_ref()?;
    let workflow = engine.store().execution(parent.execution).await.ok().flatten()?;
    serde_json::to_value(children::shown(&execution.context, Some(parent), &workflow)).ok()
}

/// Of which workflow it is a rerun of some tasks.
fn rerun_of(execution: &Execution) -> Result<Option<(ExecutionId, Rerun)>, String> {
    let Some(rerun) = execution.context.other.get("re-run") else { return Ok(None) };
    let list = |name: &str| rerun.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let tasks = list("tasks");
    if tasks.is_empty() {
        return Ok(None);
    }
    let id = rerun.get("ref").and_then(Value::as_str).and_then(|id| id.parse().ok());
    let id = id.ok_or_else(|| "the execution that is run again is not named; name it".to_owned())?;
    let resets = list("reset");
    let tasks = tasks.iter().filter_map(Value::as_str);
    // `name` is on the first route, `name|2` on the third.
    let place = |text: &str| match text.split_once('|') {
        Some((name, route)) => (Arc::from(name), route.parse().unwrap_or_default()),
        None => (Arc::from(text), 0),
    };
    let tasks = tasks.map(|text| {
        let (name, route): (Arc<str>, u32) = place(text);
        let is_reset = resets.iter().any(|reset| *reset == *text || *reset == *name);
        (name, route, is_reset)
    });
    Ok(Some((id, Rerun { tasks: tasks.collect() })))
}

/// Starts the first tasks; gives the workflow once that is durable.
async fn start(engine: &Engine, execution: Execution, prepared: Prepared) -> Result<Option<Live>, Error> {
    let Prepared { compiled, input, context, rerun } = prepared;
    let id = execution.id;
    let results = live::results_of(&compiled.stored.source, id);
    let (log, conductor, results) = if let Some((of, _)) = &rerun {
        let log = engine.store().workflow_log(*of).await?;
        let (conductor, results) = live::replay(engine, *of, &log).await?;
        (log, conductor, results)
    } else {
        let now = clock::now();
        let keys = Arc::new(world::Live::new(engine.datastore()));
        let world = world::now(now, 0, Arc::clone(&keys), results.clone());
        let conductor = Conducted::new(&compiled.definition, &input, &context, &world);
        let definition = Arc::clone(&compiled.stored.digest);
        let event = WorkflowEvent::Began { definition, input, context };
        (vec![WorkflowEntry { at: now, keys: keys.reads(), event }], conductor, results)
    };
    let began = log.first().map_or(execution.requested_at, |entry| entry.at);
    let active = HashMap::new();
    let live = Live { execution, conductor, sequence: 0, active, results, began, is_expired: false };
    let mut step = Step::new(engine, live);
    step.write(log);
    if compiled.must_be_stored() {
        step.changes.push(Change::PutDefinition(compiled.stored.clone()));
    }
    match rerun {
        Some((_, rerun)) => {
            let logged = WorkflowEvent::Rerun { tasks: rerun.tasks.clone() };
            if let Err(refused) = step.happen(Event::Rerun(rerun), logged) {
                let execution = step.into_execution();
                let result = not_begun(&json!([{"type": "error", "message": refused.to_string()}]));
                return fail(engine, execution, result).await.map(|()| None);
            }
        }
        // One that has failed already has nothing to run.
        None if step.status() == Status::Failed => {}
        None => step.request(Status::Running)?,
    }
    let live = step.commit().await?;
    compiled.set_stored();
    Ok(Some(live))
}

/// Ends an execution whose workflow cannot begin.
async fn fail(engine: &Engine, mut execution: Execution, result: Value) -> Result<(), Error> {
    let expect = vec![Expect::ExecutionVersion(execution.id, execution.version)];
    let failed = execution.apply(StatusEvent::Failed, clock::now());
    failed.map_err(|illegal| Error::Internal(illegal.to_string()))?;
    execution.result = Some(Arc::new(result));
    let changes = vec![Change::UpdateExecution(execution.clone())];
    engine.commit_outcome(&execution, expect, changes).await?;
    engine.0.events.tell(execution.id, execution.status);
    Ok(())
}
