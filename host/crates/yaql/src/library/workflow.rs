//! Functions on the workflow: variables, results, states of tasks, and the datastore.

use std::sync::Arc;

use petrel_python::work;
use petrel_scope::parts::charge_copy;
use petrel_scope::workflow::{CurrentTask, NO_ITEM, READING, missing_key};
use petrel_scope::{KeyScope, WorkflowScope};

use super::super::display::short;
use super::super::error::{Error, ErrorKind};
use super::super::limits::Run;
use super::super::term::{Dict, Entries, Term};
use super::super::view;
use super::arguments::Arguments;
use super::signature::{Function, Type, function, optional, required};

pub(super) const TABLE: &[Function] = &[
    function("ctx", &[optional("key", Type::Any)], ctx),
    function("item", &[optional("key", Type::Any)], item),
    function("result", &[], |run, _| Ok(view::term(&current(run)?.result))),
    function("succeeded", &[], |run, _| is_status(run, &["succeeded"])),
    function("failed", &[], |run, _| is_status(run, &["failed"])),
    function("completed", &[], |run, _| {
        is_status(run, &["succeeded", "failed", "timeout", "abandoned", "canceled"])
    }),
    function("task_status", &[required("taskId", Type::Any), optional("route", Type::Any)], task_status),
    function("task", &[optional("taskId", Type::Any), optional("route", Type::Any)], task),
    function("st2kv", &[required("key", Type::Any)], st2kv).any_name(),
];

fn error(message: impl Into<String>) -> Error {
    ErrorKind::Workflow(message.into()).into()
}

fn scope<'a>(run: &Run<'a>) -> Result<&'a WorkflowScope, Error> {
    run.scope.ok_or_else(|| error("The context is not set."))
}

/// A variable that the platform sets: all variables, or one of its own.
pub(crate) fn engine_variable(run: &Run<'_>, name: &str) -> Option<Term> {
    let scope = run.scope?;
    match name {
        "__vars" => Some(Term::Dict(Dict::Variables(scope.variables.clone()))),
        "__current_item" => scope.item.as_ref().map(view::term),
        "__current_task" => current_task(run, scope.task.as_ref()?).ok(),
        _ if name.starts_with("__") => scope.variables.get(name).map(view::term),
        _ => None,
    }
}

fn current_task(run: &Run<'_>, task: &CurrentTask) -> Result<Term, Error> {
    let mut entries = Entries::default();
    entries.insert(run, Term::text("id"), Term::Text(Arc::clone(&task.id)))?;
    entries.insert(run, Term::text("route"), Term::Integer(i128::from(task.route)))?;
    entries.insert(run, Term::text("result"), view::term(&task.result))?;
    Ok(Term::Dict(entries.into_dict()))
}

fn ctx(run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let variables = &scope(run)?.variables;
    let key = args.term(0);
    if !key.is_true() {
        return Ok(Term::Dict(Dict::Variables(variables.clone())));
    }
    let name = match &key {
        Term::Text(name) => name,
        other => return Err(ErrorKind::UndefinedVariable(short(other)).into()),
    };
    work::scan(name.len())?;
    match variables.get(name) {
        None => Err(ErrorKind::UndefinedVariable(name.to_string()).into()),
        Some(_) if name.starts_with("__") => Err(ErrorKind::InaccessibleVariable(name.to_string()).into()),
        Some(value) => Ok(view::term(value)),
    }
}

fn item(run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let item = scope(run)?.item.as_ref().map(view::term).ok_or_else(|| error(NO_ITEM))?;
    let key = args.term(0);
    if !key.is_true() {
        return Ok(item);
    }
    let Term::Dict(dict) = item else {
        return Err(error("Item is not type of collections.abc.Mapping."));
    };
    let value = dict.get(run, &key)?;
    value.ok_or_else(|| error(format!("Item does not have key \"{}\".", short(&key))))
}

fn current<'a>(run: &Run<'a>) -> Result<&'a CurrentTask, Error> {
    scope(run)?.task.as_ref().ok_or_else(|| error("The current task is not set in the context."))
}

fn status<'a>(run: &Run<'a>, id: &str, route: u32) -> Result<&'a str, Error> {
    let tasks = scope(run)?.tasks.as_ref();
    // Orquesta's text for a task without a status.
    Ok(tasks.and_then(|tasks| tasks.status(id, route)).unwrap_or("null"))
}

fn is_status(run: &Run<'_>, statuses: &[&str]) -> Result<Term, Error> {
    let task = current(run)?;
    Ok(Term::Bool(statuses.contains(&status(run, &task.id, task.route)?)))
}

/// The given route, or that of the current task, or the first.
fn route(run: &Run<'_>, args: &Arguments<'_>) -> Result<u32, Error> {
    match args.term(1) {
        Term::Null => Ok(scope(run)?.task.as_ref().map_or(0, |task| task.route)),
        term => term
            .as_integer()
            .and_then(|route| u32::try_from(route).ok())
            .ok_or_else(|| error(format!("`{}` is no route; routes are numbers from 0 on", short(&term)))),
    }
}

fn task_status(run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let route = route(run, args)?;
    Ok(Term::text(status(run, &short(&args.term(0)), route)?))
}

fn task(run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let id = match args.term(0) {
        Term::Null => current(run)?.id.to_string(),
        term => short(&term),
    };
    let route = route(run, args)?;
    work::charge(READING)?;
    let described = match &scope(run)?.tasks {
        Some(tasks) => tasks.describe(&id, route).map_err(error)?,
        None => None,
    };
    let described = described.ok_or_else(|| error(format!("Unable to find task execution for \"{id}\".")))?;
    // The description was built for this call, with a copy of the result.
    charge_copy(&described)?;
    Ok(view::term(&described))
}

fn st2kv(run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let Term::Text(key) = args.term(0) else {
        return Err(Error::type_("Given key is not typeof string."));
    };
    let decrypt = match args.named("decrypt") {
        None => false,
        Some(Term::Bool(decrypt)) => *decrypt,
        Some(_) => return Err(Error::type_("Decrypt parameter is not typeof bool.")),
    };
    let (key_scope, name) = match key.strip_prefix("system.") {
        Some(name) => (KeyScope::System, name),
        None => (KeyScope::User, &*key),
    };
    work::charge(READING)?;
    work::read(key.len())?;
    let value = match &scope(run)?.keys {
        Some(keys) => keys.get(key_scope, name, decrypt).map_err(error)?,
        None => None,
    };
    match (value, args.named("default")) {
        (Some(value), _) => {
            run.allocate(value.len())?;
            Ok(Term::from(value))
        }
        (None, Some(default)) => Ok(default.clone()),
        (None, None) => Err(error(missing_key(&key))),
    }
}
