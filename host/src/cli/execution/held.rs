//! Held executions, whose status alone would say that they run. The host holds them after a restore.

use std::collections::BTreeMap;

use petrel_api_types::{Execution, Item};
use petrel_model::{ExecutionId, Status};
use serde_json::Value;

use super::task_tree::is_workflow;
use crate::cli::session::{Items, Session};
use crate::client::read;
use crate::exit::Failure;
use crate::print::{self, Form, Listing, to_the_second};

/// Lists all held executions, inside of workflows too, with what becomes of each when they are resumed.
pub(in crate::cli) async fn list(session: &Session) -> Result<(), Failure> {
    // The host filters by one status at a time; whatever has ended is not held.
    let mut found: BTreeMap<ExecutionId, Value> = BTreeMap::new();
    for status in Status::ALL.into_iter().filter(|status| !status.is_final()) {
        let path = format!("/executions?limit=-1&status={status}&exclude_attributes=result");
        let Value::Array(answers) = session.client.list(&path).await? else { continue };
        for answer in answers {
            if let Item::Found(execution) = read::<Item<'static, Execution<'static>>>(&answer)?
                && execution.held
            {
                found.insert(execution.id, answer);
            }
        }
    }
    if found.is_empty() && session.form == Form::Text {
        print::note("nothing is held");
        return Ok(());
    }
    let all = Value::Array(found.into_values().collect());
    session.show(&all, |executions: Items<Execution<'static>>| print::listing(table(&executions), &[]))
}

fn table<'r>(executions: &'r [Item<'r, Execution<'r>>]) -> Listing<'r, Execution<'r>> {
    Listing::of(executions)
        .whole("ID", |execution| execution.id.to_string())
        .text("ACTION", |execution| execution.action.reference().to_owned())
        .status("STATUS", |execution| execution.status.to_string())
        .text("WHEN RESUMED", |execution| prospect(execution).to_owned())
        .whole("STARTED", |execution| to_the_second(execution.start_timestamp))
}

/// The fate of a held execution when it is resumed. The view does not say whether its action is idempotent.
fn prospect(execution: &Execution<'_>) -> &'static str {
    match execution.status {
        status if status.is_waiting() => "runs",
        Status::Canceling => "is canceled",
        Status::Paused | Status::Pending => "stays so",
        _ if is_workflow(execution) => "goes on",
        _ => "abandoned, if not idempotent",
    }
}

/// The status of an execution, with a mark if it is held.
pub(super) fn status(execution: &Execution<'_>) -> String {
    let held = if execution.held { " (held)" } else { "" };
    format!("{}{held}", execution.status)
}

/// Prints the meaning of this, and the remedy.
pub(super) fn explain() {
    print::note(
        "held: it was in flight at the backup that the host is restored from, and rests; `petrel resume-all --show` \
         lists all that is held, `petrel resume-all` lets it go on (an action that had begun becomes abandoned unless \
         it is idempotent), `petrel execution cancel ID` ends it",
    );
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::attributes::tests::execution;
    use super::*;

    #[test]
    fn of_what_is_held_it_is_said_what_resuming_does_to_it() {
        let workflow = json!({"name": "orquesta"});
        for (answer, expected) in [
            (json!({"status": "requested"}), "runs"),
            (json!({"status": "delayed"}), "runs"),
            (json!({"status": "running"}), "abandoned, if not idempotent"),
            (json!({"status": "running", "runner": workflow}), "goes on"),
            (json!({"status": "paused", "runner": workflow}), "stays so"),
            (json!({"status": "canceling"}), "is canceled"),
        ] {
            let executions = [Item::Found(execution(answer))];
            let lines = table(&executions).lines(None, false);
            assert!(lines[1].contains(&format!("  {expected}  ")), "{lines:?}");
        }
    }

    #[test]
    fn what_is_held_says_so_in_its_status() {
        for (answer, expected) in [
            (json!({"status": "running", "held": true}), "running (held)"),
            (json!({"status": "requested", "held": true}), "requested (held)"),
            (json!({"status": "running"}), "running"),
            (json!({"status": "failed", "held": false}), "failed"),
        ] {
            assert_eq!(status(&execution(answer)), expected);
        }
    }
}
