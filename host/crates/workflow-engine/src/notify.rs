//! Who is told of the end of an execution inside a workflow, as in StackStorm. A chain hands what is said of it down to all of
//! its tasks, except those of its parameter `skip_notify`; a workflow of Orquesta only to those of its parameter `notify`. What
//! a task of a chain says goes before that, and what the action of the task says before both.

use std::sync::Arc;

use petrel_catalog::content::Content;
use petrel_model::parameters::Schema;
use petrel_model::{Execution, Notify};
use petrel_workflows::{Language, Source};
use serde_json::{Map, Value};

use super::language::language;

/// The parameter of a workflow with the tasks of which somebody is told.
pub(super) const TOLD: &str = "notify";
/// The parameter of a chain with the tasks of which nobody is told.
pub(super) const SKIPPED: &str = "skip_notify";

/// Who is told of the end of a `task` of `workflow`: by `own`, which its action says, or by `chosen`, which a chain says of
/// the task.
pub(super) fn of_task(
    content: &Content,
    workflow: &Execution,
    task: &str,
    own: Option<Arc<Notify>>,
    chosen: Option<Arc<Notify>>,
) -> Option<Arc<Notify>> {
    // Mostly there is none, and nothing is looked up.
    let said = own.or(chosen).or_else(|| workflow.notify.clone())?;
    let is_told = match language(&workflow.runner) {
        Language::Chain => !names(content, workflow, SKIPPED, task),
        Language::Orquesta => workflow.notify.is_some() && names(content, workflow, TOLD, task),
    };
    is_told.then_some(said)
}

/// Whether a parameter of `workflow`, given or by default, names the task.
fn names(content: &Content, workflow: &Execution, parameter: &str, task: &str) -> bool {
    let is_named =
        |tasks: &Value| tasks.as_array().is_some_and(|tasks| tasks.iter().any(|name| name == task));
    if let Some(tasks) = workflow.parameters.get(parameter) {
        return is_named(tasks);
    }
    let registered = content.registered(&workflow.action);
    let schema = registered.and_then(|registered| Schema::named(&registered.parameters, parameter));
    schema.and_then(Schema::default).is_some_and(is_named)
}

/// The reason why a workflow with this `input` cannot begin, in StackStorm's words: somebody is to be told of tasks that it
/// does not have.
pub(super) fn unknown_tasks(definition: &Source, input: &Map<String, Value>) -> Option<String> {
    let Source::Orquesta(definition) = definition else { return None };
    let told = input.get(TOLD)?.as_array()?;
    let is_unknown = |name: &&str| definition.find(name).is_none();
    let unknown: Vec<&str> = told.iter().filter_map(Value::as_str).filter(is_unknown).collect();
    (!unknown.is_empty()).then(|| {
        let unknown = petrel_model::quoted::listed(unknown.iter().copied(), 20);
        format!(
            "The following tasks in the notify parameter do not exist in the workflow definition: {unknown}."
        )
    })
}
