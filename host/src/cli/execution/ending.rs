//! Output about an execution besides its attributes: its tasks, and the reason of its end.

use petrel_api_types::execution::Standing;
use petrel_model::Status;
use petrel_model::secrets::{MASK, is_masked};
use reqwest::Method;
use serde_json::Value;

use super::attributes::{show, text};
use super::task_tree;
use crate::cli::session::{Session, path_segment};
use crate::client::read;
use crate::exit::Failure;
use crate::print::{self, Form};

/// Prints an execution, and below it the tasks of a workflow.
pub(in crate::cli) async fn show_whole(session: &Session, execution: &Value) -> Result<(), Failure> {
    show(session.form, execution);
    let standing: Standing<'_> = read(execution)?;
    if session.form == Form::Text && task_tree::is_workflow(&standing) {
        task_tree::print(session, &standing.id).await?;
    }
    if session.form == Form::Text && is_masked_whole(execution) {
        print::note(
            "its action is not registered any more, so what was secret of its parameters and its result is not known, and \
             all of it is masked; the admin sees it with --show-secrets",
        );
    }
    Ok(())
}

/// Whether parameters or the result are masked only because their schema is gone, so that anything may be secret.
fn is_masked_whole(execution: &Value) -> bool {
    let is_hidden = |part: &str| {
        let values = execution.get(part).and_then(Value::as_object);
        values.is_some_and(|all| !all.is_empty() && all.values().all(is_masked))
    };
    execution.pointer("/action/uid").is_none() && ["parameters", "result"].into_iter().any(is_hidden)
}

/// Notes for a workflow, which prints nothing itself, where the output is.
pub(super) async fn point_to_tasks(session: &Session, id: &str) -> Result<(), Failure> {
    let path = format!("/executions/{}?exclude_attributes=result", path_segment(id));
    let execution = session.client.execution(Method::GET, &path, None).await?;
    let standing: Standing<'_> = read(&execution)?;
    if task_tree::is_workflow(&standing) {
        let id = &standing.id;
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
    let whole = session.client.execution(Method::GET, &path, None).await?;
    Ok(whole.get("result").and_then(said_by))
}

/// The error in a result: an action's `error`, or the `errors` of a workflow.
fn said_by(result: &Value) -> Option<String> {
    let error = text(result, "error").trim();
    if !error.is_empty() && error != MASK {
        return Some(error.to_owned());
    }
    let errors = result.get("errors")?.as_array()?.iter();
    let lines: Vec<_> = errors
        .map(|error| match (text(error, "task_id"), text(error, "message")) {
            ("", message) => message.to_owned(),
            (task, message) => format!("{task}: {message}"),
        })
        .collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_masked_since_its_action_is_gone_is_told() {
        let masked = json!({"cmd": "********"});
        for (execution, expected) in [
            (json!({"action": {"ref": "p.a"}, "parameters": masked}), true),
            (json!({"action": {"ref": "p.a"}, "result": masked}), true),
            (json!({"action": {"ref": "p.a"}, "parameters": {}, "result": {}}), false),
            (json!({"action": {"ref": "p.a", "uid": "action:p:a"}, "parameters": masked}), false),
            (json!({"action": {"ref": "p.a"}, "parameters": {"cmd": "true"}}), false),
            (json!({"action": {"ref": "p.a"}}), false),
        ] {
            assert_eq!(is_masked_whole(&execution), expected, "{execution}");
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
            (json!({"stdout": "", "return_code": 1}), None),
            (json!({"errors": []}), None),
            (json!({"error": "********"}), None),
            (json!({}), None),
        ] {
            assert_eq!(said_by(&result).as_deref(), expected, "{result}");
        }
    }
}
