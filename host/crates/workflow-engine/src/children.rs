//! The executions that tasks of a workflow request.

use std::sync::Arc;
use std::time::Duration;

use petrel_catalog::Giver;
use petrel_engine_core::Error;
use petrel_executions::{Opened, Templates, checked, new_execution, refuse_overrides, runnable};
use petrel_model::execution::Context;
use petrel_model::execution::masked::secret_texts;
use petrel_model::secrets::{Places, has_secret};
use petrel_model::{Execution, Notify, Object, Parent, Ref, Timestamp};
use petrel_rules::parameters::{self, Given};
use petrel_workflows::conductor::Action;
use petrel_workflows::{Language, Start};
use serde_json::{Value, json};

use super::language::language;
use super::notify;
use super::service::WorkflowEngine;
use super::world::task_execution_id;

/// The context that an execution of this action has of its workflow.
fn inherited(workflow: &Execution, action: &Ref) -> Context {
    Context {
        user: workflow.context.user.clone(),
        api_user: workflow.context.api_user.clone(),
        pack: action.pack().to_owned(),
        trace: workflow.trace_to_hand_down(),
        trace_tag: workflow.context.trace_tag.clone(),
        event_depth: workflow.context.event_depth,
        ..Context::default()
    }
}

/// The workflow in which an execution is made.
pub(super) struct Around<'a> {
    /// The workflow.
    pub(super) workflow: &'a Execution,
    /// The texts that its expressions may have decrypted.
    pub(super) decrypted: &'a [String],
    /// Who is told of the end of the task, as a chain says it.
    pub(super) notify: Option<Arc<Notify>>,
}

/// The execution for an action of a task of a workflow. Values from the
/// workflow's expressions are data, unless it `reevaluates`; the defaults of the action are templates in any case.
///
/// # Errors
/// The reason why it cannot be built, for people.
pub(super) fn make(
    engine: &WorkflowEngine,
    around: Around<'_>,
    start: &Start,
    action: &Action,
    now: Timestamp,
    reevaluates: bool,
) -> Result<Execution, String> {
    let Around { workflow, decrypted, notify } = around;
    let reference = action.action.as_str().unwrap_or_default();
    let reference: Ref = reference.parse().map_err(|_invalid| {
        format!(
            "the action of the task {} is {}, which is no reference like `core.local`; correct it",
            start.task, action.action
        )
    })?;
    let depth = workflow.parent.as_ref().map_or(0, |above| above.depth + 1);
    let deepest = engine.options().max_depth;
    if depth > deepest {
        return Err(format!(
            "workflows are inside each other more than {deepest} deep, which is the limit (`workflows.max_depth`); \
             the task {} may start its own workflow",
            start.task
        ));
    }
    let told = |error: Error| format!("{error}; {}", error.hint());
    let content = engine.catalog().content();
    // By the present catalog: a pack that was registered again counts for the next tasks of a running
    // workflow.
    let registered = runnable(&content, &reference).map_err(told)?;
    let mut input = match &*action.input {
        Value::Null => Object::new(),
        Value::Object(input) => input.clone(),
        other => {
            // The input may hold a value that the action declares secret.
            let is_secret = registered.parameters.values().any(has_secret);
            let shown = if is_secret { String::new() } else { format!(" is {other}, which") };
            return Err(format!("the input of the task {}{shown} is no object; correct it", start.task));
        }
    };
    if let Some(timeout) = start.timeout.filter(|_| registered.parameters.contains_key("timeout")) {
        input.entry("timeout").or_insert_with(|| json!(timeout));
    }
    refuse_overrides(&registered, &input).map_err(told)?;
    let parent = parent(workflow, start, action, depth);
    let context = inherited(workflow, &reference);
    let given = if reevaluates { Given::evaluated_again(&input) } else { Given::data(&input) };
    let (keys, opened) = (engine.queue().keys(), Opened::default());
    let templates =
        Templates { keys, content: &content, registered: &registered, given: &given, opened: &opened };
    if reevaluates {
        // A caller's text is a template once more here, and nobody knows which of them are.
        templates
            .refuse_secrets_to(Giver::SeesNone, &handed_down(workflow, decrypted, &input))
            .map_err(told)?;
    }
    let live = live(templates, &context, &parent, &workflow.context)?;
    checked(&registered, &live, |parameter| templates.hide_value(parameter)).map_err(told)?;
    let secret_places = templates.secret_places(&live, None, &handed_down(workflow, decrypted, &live));
    let secret_parts = templates.secret_parts(&live, &secret_places, texts_of(workflow, decrypted));
    let context = Context { secret_places, secret_parts, ..context };
    let mut child = new_execution(engine.mint(now), &registered, live, context, now);
    refuse_unstorable(engine, &child)?;
    child.parent = Some(parent);
    child.notify = notify::of_task(&content, workflow, &start.task, child.notify.take(), notify);
    child.ready_at = start
        .delay
        .and_then(|delay| u64::try_from(delay).ok())
        .filter(|delay| *delay > 0)
        .map(|delay| now.plus(Duration::from_secs(delay)));
    Ok(child)
}

/// Refuses an execution with secrets while none can be stored.
fn refuse_unstorable(engine: &WorkflowEngine, child: &Execution) -> Result<(), String> {
    // Asked first: most have none.
    let refused = if child.holds_secrets() { engine.store().refuses_secrets() } else { None };
    refused
        .map_or(Ok(()), |why| Err(format!("{} takes secrets, and none can be stored: {why}", child.action)))
}

/// Where `live`, the parameters of a task, hold secret parameters of the workflow or what is `decrypted`, which an action
/// may take as open ones. An expression does not say what it was made from, so they are found by their text; one of fewer than four
/// characters is in too many others.
fn handed_down(workflow: &Execution, decrypted: &[String], live: &Object) -> Vec<String> {
    let texts = texts_of(workflow, decrypted);
    if texts.is_empty() {
        return Vec::new();
    }
    let mut quoting = Places::default();
    quoting.add_quoting(live, &texts);
    quoting.into_bounded()
}

/// The secret texts that the parameters of a task may quote.
fn texts_of(workflow: &Execution, decrypted: &[String]) -> Vec<String> {
    let mut texts = secret_texts(workflow);
    texts.extend_from_slice(decrypted);
    texts
}

/// The place of the execution for an action of a task, at this depth.
fn parent(workflow: &Execution, start: &Start, action: &Action, depth: u32) -> Parent {
    Parent {
        execution: workflow.id,
        task: Arc::clone(&start.task),
        number: u64::try_from(start.number).unwrap_or(u64::MAX),
        route: start.route,
        item: action.item.and_then(|item| u64::try_from(item).ok()),
        depth,
        root: workflow.parent.as_ref().map(Parent::root),
        in_chain: language(&workflow.runner) == Language::Chain,
        is_call: false,
    }
}

/// The parameters of a task's action. Its defaults see the context of the task.
fn live(
    templates: Templates<'_>,
    own: &Context,
    parent: &Parent,
    workflow: &Context,
) -> Result<Object, String> {
    let (given, signature) = (templates.given, &templates.registered.signature);
    let late = || {
        let (context, parent, above) = (own.clone(), parent.clone(), workflow.clone());
        move || shown(&context, Some(&parent), &above)
    };
    templates
        .scope(&own.user, late)
        .and_then(|scope| parameters::live(given, signature, &scope))
        .map_err(|error| templates.told(error).to_string())
}

/// The context of an execution as StackStorm shows it, with the workflow that it belongs to.
pub(crate) fn shown(context: &Context, parent: Option<&Parent>, workflow: &Context) -> Object {
    let mut context = context.shown();
    if let Some(parent) = parent {
        let above = json!({
            "execution_id": parent.execution,
            "user": workflow.user,
            "pack": workflow.pack,
        });
        context.insert("parent".into(), above);
        context.insert("orquesta".into(), task(parent));
    }
    context
}

/// The id of the task's run to which an execution belongs, as StackStorm shows it.
pub fn task_execution(parent: &Parent) -> String {
    let number = usize::try_from(parent.number).unwrap_or(usize::MAX);
    task_execution_id(parent.execution, number)
}

/// The task to which an execution belongs, as StackStorm shows it.
fn task(parent: &Parent) -> Value {
    let mut task = json!({
        "workflow_execution_id": parent.execution,
        "task_execution_id": task_execution(parent),
        "task_id": &*parent.task,
        "task_name": &*parent.task,
        "task_route": parent.route,
    });
    if let (Some(item), Some(task)) = (parent.item, task.as_object_mut()) {
        task.insert("item_id".into(), json!(item));
    }
    task
}
