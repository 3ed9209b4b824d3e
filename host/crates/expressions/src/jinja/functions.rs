//! The functions of workflows: their variables, tasks, items and keys of the datastore.

#![expect(clippy::needless_pass_by_value, reason = "the library hands arguments over by value")]

use std::sync::Arc;

use minijinja::value::{Kwargs, Rest};
use minijinja::{Environment, Error, ErrorKind, State, Value};

use super::root::{Root, scope, variables};
use crate::filters::defined;
use crate::view::view;
use crate::workflow::{CurrentTask, READING};
use crate::{KeyScope, convert, work};

/// The statuses of a task that has ended.
const COMPLETED: [&str; 5] = ["succeeded", "failed", "timeout", "abandoned", "canceled"];

pub(super) fn add_to(environment: &mut Environment<'static>) {
    environment.add_function("ctx", ctx);
    environment.add_function("item", item);
    environment.add_function("result", result);
    environment
        .add_function("succeeded", |state: &State<'_, '_>| status(state).map(|status| status == "succeeded"));
    environment
        .add_function("failed", |state: &State<'_, '_>| status(state).map(|status| status == "failed"));
    environment.add_function("completed", |state: &State<'_, '_>| {
        status(state).map(|status| COMPLETED.contains(&status.as_str()))
    });
    environment.add_function("task_status", task_status);
    environment.add_function("task", task);
    environment.add_function("st2kv", st2kv);
}

/// An error with the name that the original gives it.
#[derive(Debug, thiserror::Error)]
#[error("{exception}")]
struct Named {
    exception: &'static str,
}

/// A failure in the words of the original.
fn failed(exception: &'static str, reason: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, reason.into()).with_source(Named { exception })
}

/// The name that the original gives an error.
pub(super) fn exception(error: &Error) -> Option<&'static str> {
    let source = std::error::Error::source(error)?;
    source.downcast_ref::<Named>().map(|named| named.exception)
}

fn root(state: &State<'_, '_>) -> Result<Arc<Root>, Error> {
    scope(state).ok_or_else(|| failed("ExpressionEvaluationException", "The context is not set."))
}

/// A name or key that was given and is defined; an empty one counts as none.
fn given(args: &[Value]) -> Result<Option<&str>, Error> {
    if args.len() > 1 {
        return Err(failed("TypeError", format!("one name is enough, and {} are given", args.len())));
    }
    match args.first() {
        None => Ok(None),
        Some(key) if key.is_undefined() => defined(key.clone()).map(|_| None),
        Some(key) if !key.is_true() => Ok(None),
        Some(key) => match key.as_str() {
            Some(text) => Ok(Some(text)),
            None => Err(failed(
                "TypeError",
                format!("a name must be a text, and {key} is none; put it in quotes"),
            )),
        },
    }
}

fn ctx(state: &State<'_, '_>, args: Rest<Value>) -> Result<Value, Error> {
    let root = root(state)?;
    let Some(name) = given(&args)? else {
        return Ok(root.thawed(" ctx", variables(&root.scope.variables)));
    };
    work::scan(name.len())?;
    match root.scope.variables.get(name) {
        Some(_) if name.starts_with("__") => Err(failed(
            "VariableInaccessibleError",
            format!("The variable \"{name}\" is for internal use and inaccessible."),
        )),
        Some(value) if root.thaw.is_none() => Ok(view(value)),
        Some(_) => root.thawed(" ctx", variables(&root.scope.variables)).get_item(&Value::from(name)),
        None => Err(failed("VariableUndefinedError", format!("The variable \"{name}\" is undefined."))),
    }
}

fn item(state: &State<'_, '_>, args: Rest<Value>) -> Result<Value, Error> {
    const EXCEPTION: &str = "ExpressionEvaluationException";
    let root = root(state)?;
    let item = root.scope.item.as_ref();
    let Some(key) = given(&args)? else {
        return Ok(item.map_or_else(|| Value::from(()), |item| root.thawed(" item", view(item))));
    };
    if !item.is_some_and(|item| item.is_object()) {
        return Err(failed(EXCEPTION, "Item is not type of collections.abc.Mapping."));
    }
    item.and_then(|item| crate::view::field(item, key))
        .ok_or_else(|| failed(EXCEPTION, format!("Item does not have key \"{key}\".")))
}

fn current(root: &Root) -> Result<&CurrentTask, Error> {
    let exception = "ExpressionEvaluationException";
    root.scope.task.as_ref().ok_or_else(|| failed(exception, "The current task is not set in the context."))
}

fn result(state: &State<'_, '_>) -> Result<Value, Error> {
    let root = root(state)?;
    current(&root).map(|task| root.thawed(" result", view(&task.result)))
}

/// The status of the current task.
fn status(state: &State<'_, '_>) -> Result<String, Error> {
    let root = root(state)?;
    let task = current(&root)?;
    Ok(status_of(&root, &task.id, task.route))
}

fn status_of(root: &Root, id: &str, route: u32) -> String {
    let status = root.scope.tasks.as_ref().and_then(|tasks| tasks.status(id, route));
    status.unwrap_or("null").to_owned()
}

/// The route that was given, or else the current one.
fn route(root: &Root, route: Option<u32>) -> u32 {
    route.or_else(|| root.scope.task.as_ref().map(|task| task.route)).unwrap_or(0)
}

fn task_status(state: &State<'_, '_>, id: &str, given: Option<u32>) -> Result<String, Error> {
    let root = root(state)?;
    Ok(status_of(&root, id, route(&root, given)))
}

fn task(state: &State<'_, '_>, id: Option<&str>, given: Option<u32>) -> Result<Value, Error> {
    let root = root(state)?;
    let exception = "ExpressionEvaluationException";
    let id = match id {
        Some(id) => id,
        None => &current(&root)?.id,
    };
    work::charge(READING)?;
    let tasks = root.scope.tasks.as_ref();
    let described = tasks.map_or(Ok(None), |tasks| tasks.describe(id, route(&root, given)));
    match described.map_err(|reason| failed(exception, reason))? {
        Some(description) => {
            // It was made for this call, with a copy of the result in it.
            convert::charge_copy(&description)?;
            Ok(view(&description))
        }
        None => Err(failed(exception, format!("Unable to find task execution for \"{id}\"."))),
    }
}

fn st2kv(state: &State<'_, '_>, key: &str, options: Kwargs) -> Result<Value, Error> {
    let root = root(state)?;
    let exception = "ExpressionEvaluationException";
    let decrypt = options.get::<Option<bool>>("decrypt")?.unwrap_or(false);
    let default = options.get::<Option<Value>>("default").ok().flatten().filter(|_| options.has("default"));
    options.assert_all_used()?;
    let (scope, name) = match key.strip_prefix("system.") {
        Some(name) => (KeyScope::System, name),
        None => (KeyScope::User, key),
    };
    work::charge(READING)?;
    work::read(key.len())?;
    let value = root.scope.keys.as_ref().map_or(Ok(None), |keys| keys.get(scope, name, decrypt));
    match (value.map_err(|reason| failed(exception, reason))?, default) {
        (Some(text), _) => {
            work::make(text.len())?;
            Ok(Value::from(text))
        }
        (None, Some(default)) => Ok(default),
        (None, None) => {
            Err(failed(exception, format!("The key \"{key}\" does not exist in the StackStorm datastore.")))
        }
    }
}
