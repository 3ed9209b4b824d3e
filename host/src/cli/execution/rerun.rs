//! Runs an execution again, and reports it.

use reqwest::Method;
use serde_json::Value;

use super::attributes::text;
use crate::cli::session::{Session, path_segment};
use crate::exit::Failure;
use crate::parameters;
use crate::print::{self, Form};

/// Runs the execution `id` again, with `given` parameters in place of the old ones. `body` names the tasks to start
/// from. The result is the id of the new execution.
pub(super) async fn rerun(
    session: &Session,
    id: &str,
    given: &[String],
    mut body: Value,
) -> Result<(), Failure> {
    let client = &session.client;
    let path = format!("/executions/{}?exclude_attributes=result", path_segment(id));
    let old = client.execution(Method::GET, &path, None).await?;
    let action = old.pointer("/action/ref").and_then(Value::as_str).unwrap_or_default();
    if !given.is_empty() {
        let schemas = client.get(&format!("/actions/views/parameters/{}", path_segment(action))).await?;
        let schemas = schemas.get("parameters").unwrap_or(&Value::Null);
        let parsed = Value::Object(parameters::parse(given, schemas)?);
        if let Some(body) = body.as_object_mut() {
            body.insert("parameters".into(), parsed);
        }
    }
    let path = format!("/executions/{}/re_run", text(&old, "id"));
    let execution = client.execution(Method::POST, &path, Some(&body)).await?;
    match session.form {
        Form::Json => print::json(&execution),
        Form::Text => {
            print::line(text(&execution, "id"));
            print::note(&told(&old, &execution, &body));
        }
    }
    Ok(())
}

/// The report: the old execution, the tasks, and how to follow the new one.
fn told(old: &Value, new: &Value, body: &Value) -> String {
    let action = old.pointer("/action/ref").and_then(Value::as_str).unwrap_or_default();
    let tasks = body.get("tasks").and_then(Value::as_array).into_iter().flatten();
    let tasks: Vec<_> = tasks.filter_map(Value::as_str).collect();
    let from = if tasks.is_empty() { String::new() } else { format!(" from {} on", tasks.join(", ")) };
    let (old, new, status) = (text(old, "id"), text(new, "id"), text(new, "status"));
    format!(
        "runs {action} of {old} again{from}; it is {status}, and `petrel execution tail {new}` follows it"
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_run_again_is_said() {
        let old = json!({"id": "1", "action": {"ref": "p.a"}});
        let new = json!({"id": "2", "status": "requested"});
        for (body, expected) in [
            (
                json!({"tasks": []}),
                "runs p.a of 1 again; it is requested, and `petrel execution tail 2` follows it",
            ),
            (json!({"tasks": ["x", "y"]}), "runs p.a of 1 again from x, y on; it is requested, and "),
        ] {
            assert!(told(&old, &new, &body).starts_with(expected), "{body}");
        }
    }
}
