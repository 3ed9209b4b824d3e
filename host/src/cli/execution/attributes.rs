//! The attributes of an execution, as the host shows them. What is said beside them is in `ending.rs`.

use serde_json::Value;

use super::held;
use crate::print::{self, Form};

/// The text under a name; an empty one where there is none.
pub(super) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// Shows an execution with its result.
pub(super) fn show(form: Form, execution: &Value) {
    let attributes = [
        "id",
        "action.ref",
        "status",
        "context.user",
        "context.rule.name",
        "context.trigger_instance.id",
        "context.re-run.ref",
        "trace",
        "start_timestamp",
        "end_timestamp",
        "elapsed_seconds",
        "parameters",
        "result",
    ];
    if form == Form::Json || !held::is_held(execution) {
        return print::attributes(form, execution, &attributes);
    }
    let mut marked = execution.clone();
    held::mark(&mut marked);
    print::attributes(form, &marked, &attributes);
    held::explain();
}
