//! The tasks of a workflow as a tree, with the status and the duration of each.

use std::collections::BTreeMap;

use petrel_api_types::Execution;
use petrel_model::{ExecutionId, Status};

use super::held;
use crate::cli::session::Session;
use crate::client::read;
use crate::exit::Failure;
use crate::print;

/// Whether an execution is a workflow.
pub(super) fn is_workflow(execution: &Execution<'_>) -> bool {
    matches!(&*execution.runner.name, "orquesta" | "action-chain")
}

/// The executions inside a workflow, at any depth.
pub(super) async fn inside(
    session: &Session,
    workflow: ExecutionId,
) -> Result<Vec<Execution<'static>>, Failure> {
    let path = format!("/executions/{workflow}/children?depth=-1&exclude_attributes=result");
    read(&session.client.list(&path).await?)
}

/// Prints the executions inside a workflow as a tree.
pub(super) async fn print(session: &Session, workflow: ExecutionId) -> Result<(), Failure> {
    let children = inside(session, workflow).await?;
    if !children.is_empty() {
        print::line("tasks");
        branch(&children, &tries(&children), workflow, 1);
    }
    Ok(())
}

fn branch(all: &[Execution<'_>], tries: &BTreeMap<ExecutionId, Try>, parent: ExecutionId, depth: usize) {
    for child in all.iter().filter(|child| child.parent == Some(parent)) {
        let tried = tries.get(&child.id).copied().unwrap_or_default();
        print::raw(&format!("{}{}", "  ".repeat(depth), line(child, tried, print::status)));
        branch(all, tries, child.id, depth + 1);
    }
}

/// The number of an execution among the tries of its task. A task that was tried again has not failed by its first try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Try {
    /// The number of earlier tries.
    earlier: usize,
    /// Whether there is a later try.
    is_over: bool,
}

impl Try {
    fn told(self) -> String {
        match (self.earlier + 1, self.is_over) {
            (1, false) => String::new(),
            (number, false) => format!("  (try {number})"),
            (number, true) => format!("  (try {number}, and tried again)"),
        }
    }
}

/// The tries of tasks: executions of the same run of a task, and of the same item, in their order.
fn tries(all: &[Execution<'_>]) -> BTreeMap<ExecutionId, Try> {
    let mut runs: BTreeMap<_, Vec<ExecutionId>> = BTreeMap::new();
    for child in all {
        if let Some(task) = &child.context.orquesta {
            let run = (task.workflow_execution_id, &*task.task_execution_id, task.item_id);
            runs.entry(run).or_default().push(child.id);
        }
    }
    let mut tries = BTreeMap::new();
    for mut run in runs.into_values() {
        run.sort_unstable();
        let last = run.len().saturating_sub(1);
        tries.extend(
            run.into_iter()
                .enumerate()
                .map(|(place, id)| (id, Try { earlier: place, is_over: place < last })),
        );
    }
    tries
}

/// `NAME[ITEM]  STATUS  SECONDS  ACTION  ID`, as far as these are known, with the status in the form of `shown`.
fn line(child: &Execution<'_>, tried: Try, shown: impl Fn(&str) -> String) -> String {
    let task = child.context.orquesta.as_ref();
    let mut name = task.map(|task| task.task_name.to_string()).unwrap_or_default();
    if let Some(route) = task.map(|task| task.task_route).filter(|route| *route > 0) {
        name.push_str(&format!("|{route}"));
    }
    if let Some(item) = task.and_then(|task| task.item_id) {
        name.push_str(&format!("[{item}]"));
    }
    let seconds = child.elapsed_seconds.map_or_else(String::new, |seconds| format!("{seconds:.3} s"));
    let status = shown(&format!("{:<10}", held::status(child)));
    let (name, action) = (print::plain(&name), print::plain(child.action.reference()));
    format!("{name:<24} {status} {seconds:>12}  {action}  {}{}", child.id, tried.told())
}

/// The tasks of a workflow that are being followed.
#[derive(Default)]
pub(super) struct Followed {
    /// For each task the last printed status, and the number of printed lines.
    tasks: BTreeMap<ExecutionId, (Option<Status>, usize)>,
}

impl Followed {
    /// Prints new statuses and new output of the tasks of a workflow and of workflows inside it.
    pub(super) async fn print_news(
        &mut self,
        session: &Session,
        workflow: ExecutionId,
    ) -> Result<(), Failure> {
        let children = inside(session, workflow).await?;
        let tries = tries(&children);
        for child in &children {
            let (id, status) = (child.id, child.status);
            let (known, lines) = self.tasks.entry(id).or_default();
            // Its output was read after its end, so there is no more of it.
            if *known == Some(status) && status.is_final() {
                continue;
            }
            let output = session.client.get_text(&format!("/executions/{id}/output?from={lines}")).await?;
            *lines += output.matches('\n').count();
            print::text(&output);
            if known.replace(status) != Some(status) {
                let tried = tries.get(&id).copied().unwrap_or_default();
                print::note(&line(child, tried, str::to_owned));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::attributes::tests::{ID, execution};
    use super::*;

    fn child(id: &str, status: &str) -> Execution<'static> {
        execution(json!({
            "id": id,
            "status": status,
            "elapsed_seconds": 1.5,
            "context": {
                "user": "ada", "pack": "p",
                "orquesta": {
                    "workflow_execution_id": ID, "task_execution_id": "0a", "task_id": "t", "task_name": "t",
                    "task_route": 2, "item_id": 3,
                },
            },
            "held": true,
        }))
    }

    #[test]
    fn a_line_says_which_task_and_how_it_stands() {
        let id = "65a000000000000000000002";
        let told = line(&child(id, "running"), Try::default(), str::to_owned);
        let words: Vec<_> = told.split_whitespace().collect();
        assert_eq!(words, ["t|2[3]", "running", "(held)", "1.500", "s", "p.a", id]);
    }

    #[test]
    fn a_task_that_was_tried_again_has_not_failed_by_its_first_try() {
        let ids = ["65a000000000000000000002", "65a000000000000000000003"];
        let children = [child(ids[1], "succeeded"), child(ids[0], "failed")];
        let tries = tries(&children);
        let told: Vec<_> =
            children.iter().map(|child| line(child, tries[&child.id], str::to_owned)).collect();
        assert!(told[0].ends_with("3  (try 2)"), "{told:?}");
        assert!(told[1].ends_with("2  (try 1, and tried again)"), "{told:?}");
    }
}
