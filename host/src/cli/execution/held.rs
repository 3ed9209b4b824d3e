//! Held executions, whose status alone would say that they run. The host holds them after a restore.

use serde_json::Value;

use crate::print;

/// Whether the execution is held.
pub(super) fn is_held(execution: &Value) -> bool {
    execution.get("held").and_then(Value::as_bool).unwrap_or_default()
}

/// Adds to the status of an execution, or of each in a listing, that it is held. Returns whether any is.
pub(super) fn mark(executions: &mut Value) -> bool {
    let all = match executions {
        Value::Array(all) => all.as_mut_slice(),
        one => std::slice::from_mut(one),
    };
    let mut is_any = false;
    for execution in all.iter_mut().filter(|execution| is_held(execution)) {
        is_any = true;
        if let Some(Value::String(status)) = execution.get_mut("status") {
            status.push_str(" (held)");
        }
    }
    is_any
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

    use super::*;

    #[test]
    fn what_is_held_says_so_in_its_status() {
        let mut listed = json!([{"status": "running", "held": true}, {"status": "running"}, {"status": "failed", "held": false}]);
        assert!(mark(&mut listed));
        assert_eq!(
            listed.as_array().unwrap().iter().map(|one| &one["status"]).collect::<Vec<_>>(),
            ["running (held)", "running", "failed"]
        );
        let mut one = json!({"status": "requested", "held": true});
        assert!(mark(&mut one));
        assert_eq!(one["status"], "requested (held)");
        assert!(!mark(&mut json!([])) && !mark(&mut json!({"status": "running"})));
    }
}
