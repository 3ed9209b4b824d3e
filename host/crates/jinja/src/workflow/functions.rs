//! The functions of workflows: variables, tasks, items, and keys of the datastore.

use std::sync::Arc;

use minijinja::value::ValueKind;
use minijinja::{Environment, Error, ErrorKind, State, Value};
use petrel_scope::KeyScope;
use petrel_scope::workflow::{CurrentTask, NO_ITEM, READING, missing_key};

use super::root::{Root, scope, variables};
use crate::filters::{Arguments, CallArguments, bind};
use crate::view::view;
use crate::work;

/// The statuses of a task that has ended.
const COMPLETED: [&str; 5] = ["succeeded", "failed", "timeout", "abandoned", "canceled"];

/// A function of workflows.
type Call = fn(&Root, &Arguments) -> Result<Value, Error>;

/// The original's names of functions and arguments, in order. (Source: `orquesta/expressions/functions` and the
/// `orquesta_functions` of StackStorm's runner.)
const TABLE: [(&str, &[&str], Call); 9] = [
    ("completed", &[], |root, _| status(root).map(|status| Value::from(COMPLETED.contains(&status)))),
    ("ctx", &["key"], ctx),
    ("failed", &[], |root, _| status(root).map(|status| Value::from(status == "failed"))),
    ("item", &["key"], item),
    ("result", &[], |root, _| current(root).map(|task| root.thawed(" result", view(&task.result)))),
    ("st2kv", &["key", "decrypt", "default"], st2kv),
    ("succeeded", &[], |root, _| status(root).map(|status| Value::from(status == "succeeded"))),
    ("task", &["task_id", "route"], task),
    ("task_status", &["task_id", "route"], task_status),
];

pub(super) fn add_to(environment: &mut Environment<'static>) {
    for (name, parameters, call) in TABLE {
        environment.add_function(name, move |state: &State<'_, '_>, given: CallArguments| {
            let root = root(state)?;
            call(&root, &bind(name, parameters, &given.into_values())?)
        });
    }
}

/// Whether `name` is a function of workflows.
pub(super) fn is_function(name: &str) -> bool {
    TABLE.iter().any(|(known, ..)| *known == name)
}

/// An error with the name of the original's exception.
#[derive(Debug, thiserror::Error)]
#[error("{exception}")]
struct Named {
    exception: &'static str,
}

/// A failure in the words of the original.
fn failed(exception: &'static str, reason: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, reason.into()).with_source(Named { exception })
}

/// The name of the original's exception for an error.
pub(super) fn exception(error: &Error) -> Option<&'static str> {
    let source = std::error::Error::source(error)?;
    source.downcast_ref::<Named>().map(|named| named.exception)
}

fn root(state: &State<'_, '_>) -> Result<Arc<Root>, Error> {
    scope(state).ok_or_else(|| failed("ExpressionEvaluationException", "The context is not set."))
}

/// The name or key argument; an empty one counts as missing.
fn named(args: &Arguments) -> Result<Option<&str>, Error> {
    match args.get(0).filter(|key| key.is_true()) {
        None => Ok(None),
        Some(key) => key.as_str().map(Some).ok_or_else(|| {
            failed("TypeError", format!("a name must be a text, and {key} is none; put it in quotes"))
        }),
    }
}

fn ctx(root: &Root, args: &Arguments) -> Result<Value, Error> {
    let Some(name) = named(args)? else {
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

fn item(root: &Root, args: &Arguments) -> Result<Value, Error> {
    const EXCEPTION: &str = "ExpressionEvaluationException";
    let Some(item) = root.scope.item.as_ref() else {
        return Err(failed(EXCEPTION, NO_ITEM));
    };
    let Some(key) = named(args)? else { return Ok(root.thawed(" item", view(item))) };
    if !item.is_object() {
        return Err(failed(EXCEPTION, "Item is not type of collections.abc.Mapping."));
    }
    crate::view::field(item, key)
        .ok_or_else(|| failed(EXCEPTION, format!("Item does not have key \"{key}\".")))
}

fn current(root: &Root) -> Result<&CurrentTask, Error> {
    let exception = "ExpressionEvaluationException";
    root.scope.task.as_ref().ok_or_else(|| failed(exception, "The current task is not set in the context."))
}

/// The status of the current task.
fn status(root: &Root) -> Result<&str, Error> {
    let task = current(root)?;
    Ok(status_of(root, &task.id, task.route))
}

fn status_of<'a>(root: &'a Root, id: &str, route: u32) -> &'a str {
    let status = root.scope.tasks.as_ref().and_then(|tasks| tasks.status(id, route));
    // Orquesta's text for a task without a status.
    status.unwrap_or("null")
}

/// The route argument, or the current route.
fn route(root: &Root, args: &Arguments) -> Result<u32, Error> {
    if args.present(1).is_none() {
        return Ok(root.scope.task.as_ref().map_or(0, |task| task.route));
    }
    let route = args.integer(1, 0)?;
    u32::try_from(route).map_err(|_negative| {
        failed("TypeError", format!("`{route}` is no route; routes are numbers from 0 on"))
    })
}

fn task_status(root: &Root, args: &Arguments) -> Result<Value, Error> {
    Ok(Value::from(status_of(root, args.required_text(0)?, route(root, args)?)))
}

fn task(root: &Root, args: &Arguments) -> Result<Value, Error> {
    let exception = "ExpressionEvaluationException";
    let id = match args.text(0)? {
        Some(id) => id,
        None => &current(root)?.id,
    };
    let route = route(root, args)?;
    work::charge(READING)?;
    let tasks = root.scope.tasks.as_ref();
    let described = tasks.map_or(Ok(None), |tasks| tasks.describe(id, route));
    match described.map_err(|reason| failed(exception, reason))? {
        Some(description) => {
            // The description was built for this call, with a copy of the result.
            work::copy(&description)?;
            Ok(view(&description))
        }
        None => Err(failed(exception, format!("Unable to find task execution for \"{id}\"."))),
    }
}

fn st2kv(root: &Root, args: &Arguments) -> Result<Value, Error> {
    let exception = "ExpressionEvaluationException";
    let key = args.required_text(0)?;
    let decrypt = match args.get(1) {
        Some(decrypt) if decrypt.kind() != ValueKind::Bool => {
            return Err(failed("TypeError", "Decrypt parameter is not typeof bool."));
        }
        decrypt => decrypt.is_some_and(Value::is_true),
    };
    let (scope, name) = match key.strip_prefix("system.") {
        Some(name) => (KeyScope::System, name),
        None => (KeyScope::User, key),
    };
    work::charge(READING)?;
    work::read(key.len())?;
    let value = root.scope.keys.as_ref().map_or(Ok(None), |keys| keys.get(scope, name, decrypt));
    match (value.map_err(|reason| failed(exception, reason))?, args.get(2)) {
        (Some(text), _) => {
            work::make(text.len())?;
            Ok(Value::from(text))
        }
        // Null is a valid default.
        (None, Some(default)) => Ok(default.clone()),
        (None, None) => Err(failed(exception, missing_key(key))),
    }
}
