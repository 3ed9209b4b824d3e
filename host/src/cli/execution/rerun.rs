//! Runs an execution again, and reports it.

use petrel_api_types::Execution;
use petrel_api_types::action::ActionParameters;
use petrel_model::Object;
use reqwest::Method;
use serde_json::{Value, json};

use crate::cli::session::{Session, path_segment};
use crate::client::read;
use crate::exit::Failure;
use crate::parameters;
use crate::print;

/// The tasks of a workflow to run again.
pub(super) struct Again {
    /// The tasks to start from; empty for the whole workflow.
    pub(super) tasks: Vec<String>,
    /// The tasks among them whose items are all run again.
    pub(super) reset: Vec<String>,
}

/// Runs the execution `id` again, with `given` parameters in place of the old ones. The result is the id of the new
/// execution.
pub(super) async fn rerun(
    session: &Session,
    id: &str,
    given: &[String],
    again: &Again,
) -> Result<(), Failure> {
    let client = &session.client;
    let path = format!("/executions/{}?exclude_attributes=result", path_segment(id));
    let old: Execution<'static> = read(&client.execution(Method::GET, &path, None).await?)?;
    let mut body = Object::new();
    body.insert("tasks".into(), json!(again.tasks));
    body.insert("reset".into(), json!(again.reset));
    if !given.is_empty() {
        let path = format!("/actions/views/parameters/{}", path_segment(old.action.reference()));
        let takes: ActionParameters<'static> = read(&client.get(&path).await?)?;
        let given = parameters::parse(given, Some(&takes.parameters))?;
        body.insert("parameters".into(), Value::Object(given));
    }
    let path = format!("/executions/{}/re_run", old.id);
    let answer = client.execution(Method::POST, &path, Some(&Value::Object(body))).await?;
    session.show(&answer, |new: Execution<'static>| {
        print::line(&new.id.to_string());
        print::note(&told(&old, &new, &again.tasks));
    })
}

/// The report: the old execution, the tasks, and how to follow the new one.
fn told(old: &Execution<'_>, new: &Execution<'_>, tasks: &[String]) -> String {
    let from = if tasks.is_empty() { String::new() } else { format!(" from {} on", tasks.join(", ")) };
    let (action, id, status) = (old.action.reference(), new.id, new.status);
    format!(
        "runs {action} of {} again{from}; it is {status}, and `petrel execution tail {id}` follows it",
        old.id
    )
}

#[cfg(test)]
mod tests {
    use super::super::attributes::tests::{ID, execution};
    use super::*;

    #[test]
    fn what_is_run_again_is_said() {
        const NEW: &str = "65a000000000000000000002";
        let (old, new) = (execution(json!({})), execution(json!({"id": NEW, "status": "requested"})));
        let ends = format!("it is requested, and `petrel execution tail {NEW}` follows it");
        for (tasks, from) in [(&[] as &[String], ""), (&["x".to_owned(), "y".to_owned()], " from x, y on")] {
            assert_eq!(told(&old, &new, tasks), format!("runs p.a of {ID} again{from}; {ends}"));
        }
    }
}
