//! The tasks of a workflow as a tree: what each has asked for, with its status and how long it took.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Session, text};
use crate::exit::Failure;
use crate::print;

/// Whether an execution is one of a workflow.
pub(super) fn is_workflow(execution: &Value) -> bool {
    let runner = execution.pointer("/runner/name").and_then(Value::as_str).unwrap_or_default();
    matches!(runner, "orquesta" | "action-chain")
}

/// Prints what the tasks of a workflow have asked for, and those of workflows inside it below them.
pub(super) async fn print(session: &Session, workflow: &Value) -> Result<(), Failure> {
    let path = format!("/executions/{}/children?depth=-1", text(workflow, "id"));
    let children = session.client.list(&path).await?;
    let children = children.as_array().map(Vec::as_slice).unwrap_or_default();
    if !children.is_empty() {
        print::line("tasks");
        branch(children, text(workflow, "id"), 1);
    }
    Ok(())
}

fn branch(all: &[Value], parent: &str, depth: usize) {
    for child in all.iter().filter(|child| text(child, "parent") == parent) {
        print::line(&format!("{}{}", "  ".repeat(depth), line(child, print::status)));
        branch(all, text(child, "id"), depth + 1);
    }
}

/// `NAME[ITEM]  STATUS  SECONDS  ACTION  ID`, as far as there is something to say, with the status as `shown` shows it.
fn line(child: &Value, shown: impl Fn(&str) -> String) -> String {
    let task = child.pointer("/context/orquesta");
    let part = |name: &str| task.and_then(|task| task.get(name));
    let mut name = part("task_name").and_then(Value::as_str).unwrap_or_default().to_owned();
    if let Some(route) = part("task_route").and_then(Value::as_u64).filter(|route| *route > 0) {
        name.push_str(&format!("|{route}"));
    }
    if let Some(item) = part("item_id").and_then(Value::as_u64) {
        name.push_str(&format!("[{item}]"));
    }
    let seconds = child.get("elapsed_seconds").and_then(Value::as_f64);
    let seconds = seconds.map_or_else(String::new, |seconds| format!("{seconds:.3} s"));
    let action = child.pointer("/action/ref").and_then(Value::as_str).unwrap_or_default();
    let held = if super::held::is_held(child) { " (held)" } else { "" };
    let status = shown(&format!("{:<10}", format!("{}{held}", text(child, "status"))));
    format!("{name:<24} {status} {seconds:>12}  {action}  {}", text(child, "id"))
}

/// The tasks of a workflow, as far as they were followed.
#[derive(Default)]
pub(super) struct Followed {
    /// For each the status that was printed last, and how many lines of output.
    tasks: BTreeMap<String, (String, usize)>,
}

impl Followed {
    /// Prints what is new of the tasks of a workflow, and of workflows inside it: their statuses, and their
    /// output.
    pub(super) async fn print_news(&mut self, session: &Session, workflow: &str) -> Result<(), Failure> {
        let path = format!("/executions/{workflow}/children?depth=-1");
        let children = session.client.list(&path).await?;
        for child in children.as_array().into_iter().flatten() {
            let (id, status) = (text(child, "id"), text(child, "status"));
            let (known, lines) = self.tasks.entry(id.to_owned()).or_default();
            if known == status && super::run::is_final(child) {
                continue;
            }
            let output = session.client.get_text(&format!("/executions/{id}/output?from={lines}")).await?;
            *lines += output.matches('\n').count();
            print::text(&output);
            if known != status {
                status.clone_into(known);
                print::note(&line(child, str::to_owned));
            }
        }
        Ok(())
    }
}
