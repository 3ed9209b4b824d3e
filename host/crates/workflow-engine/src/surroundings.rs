//! The surroundings of a workflow, as its expressions see them: the workflow itself (`ctx().st2`), the workflow above it
//! (`ctx().parent`), and the scope of a chain's templates.

use petrel_catalog::content::RegisteredAction;
use petrel_model::{Execution, Object};
use serde_json::{Value, json};

use super::children;
use super::service::WorkflowEngine;

/// The scope of a chain's templates, besides its parameters.
pub(super) fn chain_context(execution: &Execution, parameters: &Object) -> Object {
    let mut parent = execution.context.shown();
    parent.insert("execution_id".into(), json!(execution.id));
    let mut context = Object::new();
    context.insert("action_context".into(), json!({"parent": parent}));
    let shows_published = parameters.get("display_published").cloned().unwrap_or(Value::Bool(true));
    context.insert("display_published".into(), shows_published);
    context
}

/// The workflow's knowledge of itself, `ctx().st2`.
pub(super) fn surroundings(
    engine: &WorkflowEngine,
    execution: &Execution,
    registered: &RegisteredAction,
) -> Value {
    json!({
        // Both ids are the execution's, since a workflow has no object of its own here.
        "workflow_execution_id": execution.id,
        "action_execution_id": execution.id,
        "api_url": engine.options().api_url,
        "user": execution.context.user,
        "pack": execution.context.pack,
        "action": execution.action,
        "runner": registered.action.runner_type,
    })
}

/// The context of the workflow above, `ctx().parent`, for a workflow inside another one.
pub(super) async fn above(engine: &WorkflowEngine, execution: &Execution) -> Option<Value> {
    let parent = execution.task()?;
    let workflow = engine.store().execution(parent.execution).await.ok().flatten()?;
    Some(Value::Object(children::shown(&execution.context, Some(parent), &workflow.context)))
}
