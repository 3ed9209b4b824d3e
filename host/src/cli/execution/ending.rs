//! Output about an execution besides its attributes: its tasks, and the reason of its end.

use petrel_api_types::Execution;
use petrel_api_types::execution::{ActionOf, Standing};
use petrel_model::secrets::{MASK, is_masked};
use petrel_model::{Object, Status};
use reqwest::Method;
use serde_json::Value;

use super::attributes::attributes;
use super::{held, task_tree};
use crate::cli::session::{Session, path_segment};
use crate::client::read;
use crate::exit::Failure;
use crate::print::{self, Form};

/// Prints an execution, and below it the tasks of a workflow.
pub(in crate::cli) async fn show_whole(session: &Session, answer: &Value) -> Result<(), Failure> {
    if session.form == Form::Json {
        print::json(answer);
        return Ok(());
    }
    let execution: Execution<'_> = read(answer)?;
    print::attributes(&attributes(&execution));
    if execution.held {
        held::explain();
    }
    if task_tree::is_workflow(&execution) {
        task_tree::print(session, execution.id).await?;
    }
    if is_masked_whole(&execution) {
        print::note(
            "its action is not registered any more, so what was secret of its parameters and its result is not known, and \
             all of it is masked; the admin sees it with --show-secrets",
        );
    }
    Ok(())
}

/// Whether parameters or the result are masked only because their schema is gone, so that anything may be secret.
fn is_masked_whole(execution: &Execution<'_>) -> bool {
    let is_hidden = |values: &Object| !values.is_empty() && values.values().all(is_masked);
    matches!(execution.action, ActionOf::Gone(_))
        && (is_hidden(&execution.parameters) || execution.result.as_object().is_some_and(is_hidden))
}

/// Notes for a workflow, which prints nothing itself, where the output is.
pub(super) async fn point_to_tasks(session: &Session, id: &str) -> Result<(), Failure> {
    let path = format!("/executions/{}?exclude_attributes=result", path_segment(id));
    let execution: Execution<'static> = read(&session.client.execution(Method::GET, &path, None).await?)?;
    if task_tree::is_workflow(&execution) {
        let id = execution.id;
        print::note(&format!(
            "a workflow prints nothing itself: `petrel execution get {id}` shows its tasks, `petrel execution output` the \
             output of one, `petrel execution tail {id}` that of all"
        ));
    }
    Ok(())
}

/// The reason why an execution did not succeed, if its result has one.
pub(super) async fn reason(session: &Session, standing: &Standing<'_>) -> Result<Option<String>, Failure> {
    if !standing.status.is_final() || standing.status == Status::Succeeded {
        return Ok(None);
    }
    let path = format!("/executions/{}", path_segment(&standing.id));
    let whole: Execution<'static> = read(&session.client.execution(Method::GET, &path, None).await?)?;
    Ok(said_by(&whole.result))
}

/// The error in a result: an action's `error`, or the `errors` of a workflow. A result has no type, because its form is
/// the action's own.
fn said_by(result: &Value) -> Option<String> {
    let error = text(result, "error").trim();
    // A masked error says nothing.
    if !error.is_empty() && error != MASK {
        return Some(error.to_owned());
    }
    let mut has_failed_task = false;
    let errors = result.get("errors")?.as_array()?.iter();
    let lines: Vec<_> = errors
        .map(|error| match (text(error, "task_id"), with_hint(error)) {
            ("", message) if has_failed_task && is_of_unset(&message) => format!("{message} {CONSEQUENCE}"),
            ("", message) => message,
            (task, message) => {
                has_failed_task = true;
                format!("{task}: {message}")
            }
        })
        .collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// The remark on an error of a workflow's output that follows the error of a task. Orquesta evaluates the output of a failed
/// workflow too, so the stored result has that error as well.
const CONSEQUENCE: &str =
    "(a consequence: the output reads a variable that was not set before the workflow failed)";

/// Whether an expression has failed because a variable was not set.
fn is_of_unset(message: &str) -> bool {
    ["VariableUndefinedError", "Unable to resolve key"].iter().any(|part| message.contains(part))
}

/// The message of an error, with its remedy.
fn with_hint(error: &Value) -> String {
    let message = text(error, "message");
    match text(error, "hint") {
        "" => message.to_owned(),
        hint if message.ends_with(['.', '?', '!']) => format!("{message} {hint}"),
        hint => format!("{message}. {hint}"),
    }
}

/// The text under `name`; empty if there is none.
fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::attributes::tests::execution;
    use super::*;

    #[test]
    fn what_is_masked_since_its_action_is_gone_is_told() {
        let masked = json!({"cmd": "********"});
        let registered = json!({"ref": "p.a", "uid": "action:p:a", "enabled": true, "runner_type": "noop"});
        for (answer, expected) in [
            (json!({"parameters": masked}), true),
            (json!({"result": masked}), true),
            (json!({"parameters": {}, "result": {}}), false),
            (json!({"action": registered, "parameters": masked}), false),
            (json!({"parameters": {"cmd": "true"}}), false),
            (json!({"result": null}), false),
            (json!({"result": "********"}), false),
        ] {
            assert_eq!(is_masked_whole(&execution(answer.clone())), expected, "{answer}");
        }
    }

    #[test]
    fn a_result_says_what_went_wrong() {
        for (result, expected) in [
            (json!({"error": "the parameter count is missing\n"}), Some("the parameter count is missing")),
            (
                json!({"output": null, "errors": [{"task_id": "a", "message": "no"}, {"message": "bad"}]}),
                Some("a: no\nbad"),
            ),
            (
                json!({"output": null, "errors": [
                    {"task_id": "a", "message": "no"},
                    {"message": "VariableUndefinedError: The variable \"y\" is undefined."},
                ]}),
                Some(
                    "a: no\nVariableUndefinedError: The variable \"y\" is undefined. (a consequence: the output reads a \
                     variable that was not set before the workflow failed)",
                ),
            ),
            (
                json!({"errors": [{"message": "The variable \"y\" is not set.", "hint": "Did you mean x?"}]}),
                Some("The variable \"y\" is not set. Did you mean x?"),
            ),
            (json!({"stdout": "", "return_code": 1}), None),
            (json!({"errors": []}), None),
            (json!({"error": "********"}), None),
            (json!({}), None),
        ] {
            assert_eq!(said_by(&result).as_deref(), expected, "{result}");
        }
    }
}
