//! Held executions, whose status alone would say that they run. The host holds them after a restore.

use petrel_api_types::Execution;

use crate::print;

/// The status of an execution, with a mark if it is held.
pub(super) fn status(execution: &Execution<'_>) -> String {
    let held = if execution.held { " (held)" } else { "" };
    format!("{}{held}", execution.status)
}

/// Prints the meaning of this, and the remedy.
pub(super) fn explain() {
    print::note(
        "held: it was in flight at the backup that the host is restored from, and rests; `petrel resume-all` lets all \
         that is held go on, `petrel execution cancel ID` ends it",
    );
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::attributes::tests::execution;
    use super::*;

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
