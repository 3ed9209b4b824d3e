//! The output of executions for people: a row in a list, or the attributes of one with its result. `ending.rs` adds
//! more about its end.

use petrel_api_types::{Execution, Item};

use super::held;
use crate::print::{Attributes, Listing, to_the_second};

/// The list of executions.
pub(super) fn table<'r>(executions: &'r [Item<'r, Execution<'r>>]) -> Listing<'r, Execution<'r>> {
    let seconds = |seconds: f64| format!("{seconds:.3}");
    Listing::of(executions)
        .whole("ID", |execution| execution.id.to_string())
        .text("ACTION", |execution| execution.action.reference().to_owned())
        .status("STATUS", held::status)
        .whole("STARTED", |execution| to_the_second(execution.start_timestamp))
        .whole("SECONDS", |execution| execution.elapsed_seconds.map_or_else(String::new, seconds))
        .text("USER", |execution| execution.context.user.to_string())
}

/// An execution with its result.
pub(super) fn attributes(execution: &Execution<'_>) -> Attributes {
    let context = &execution.context;
    Attributes::default()
        .text("id", execution.id)
        .text("action.ref", execution.action.reference())
        .status("status", held::status(execution))
        .text_if_any("wait_reason", execution.wait_reason.as_ref())
        .text("context.user", &context.user)
        .text_if_any("context.rule.name", context.rule.as_ref().map(|rule| &rule.name))
        .text_if_any("context.trigger_instance.id", context.trigger_instance.as_ref().map(|event| event.id))
        .text_if_any("context.re-run.ref", context.rerun.as_ref().map(|rerun| rerun.execution))
        .text_if_any("trace", execution.trace)
        .time("start_timestamp", execution.start_timestamp)
        .time("end_timestamp", execution.end_timestamp)
        .value("elapsed_seconds", &execution.elapsed_seconds)
        .value("parameters", &execution.parameters)
        .value("result", &execution.result)
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use super::*;

    pub(in crate::cli::execution) const ID: &str = "65a000000000000000000001";
    const NOON: &str = "2026-11-20T12:00:00.123456Z";

    /// An execution as a host sends it, with the attributes in `more` added or replaced.
    pub(in crate::cli::execution) fn answered(more: Value) -> Value {
        let mut answer = json!({
            "id": ID,
            "status": "running",
            "action": {"ref": "p.a", "name": "a", "pack": "p", "runner_type": "noop"},
            "runner": {"name": "noop"},
            "liveaction": {"id": ID, "action": "p.a", "parameters": {}},
            "start_timestamp": NOON,
            "context": {"user": "ada", "pack": "p"},
            "log": [],
            "result": {},
        });
        let (Value::Object(answer_fields), Value::Object(more)) = (&mut answer, more) else {
            panic!("no attributes")
        };
        answer_fields.extend(more);
        answer
    }

    /// The same, as the client reads it.
    pub(in crate::cli::execution) fn execution(more: Value) -> Execution<'static> {
        serde_json::from_value(answered(more)).unwrap()
    }

    #[test]
    fn a_list_has_a_line_for_each_execution_and_for_what_cannot_be_read() {
        let answer = json!([
            answered(json!({"status": "succeeded", "elapsed_seconds": 1.0004, "end_timestamp": NOON})),
            answered(json!({"held": true, "action": {"ref": "p.b", "name": "b", "pack": "p", "runner_type": "noop"}})),
            {"id": "65a000000000000000000002", "error": "cannot be read: why", "hint": "do this"},
        ]);
        let executions: Vec<Item<'static, Execution<'static>>> = serde_json::from_value(answer).unwrap();
        assert_eq!(
            table(&executions).lines(None, false),
            [
                "ID                        ACTION  STATUS          STARTED               SECONDS  USER",
                "65a000000000000000000001  p.a     succeeded       2026-11-20T12:00:00Z  1.000    ada",
                "65a000000000000000000001  p.b     running (held)  2026-11-20T12:00:00Z           ada",
                "65a000000000000000000002",
            ]
        );
    }

    #[test]
    fn an_execution_is_shown_with_what_led_to_it_and_what_came_of_it() {
        let shown = attributes(&execution(json!({
            "status": "failed",
            "elapsed_seconds": 0.25,
            "end_timestamp": NOON,
            "parameters": {"cmd": "false"},
            "context": {
                "user": "ada", "pack": "p", "rule": {"id": ID, "name": "p.r"},
                "trigger_instance": {"id": ID, "name": "core.st2.webhook"},
                "re-run": {"ref": ID, "tasks": [], "reset": []},
            },
            "trace": "4bf92f3577b34da6a3ce929d0e0e4736",
            "result": {"stdout": "a\nb", "return_code": 1},
        })));
        assert_eq!(
            shown.lines(false),
            [
                "id:                          65a000000000000000000001",
                "action.ref:                  p.a",
                "status:                      failed",
                "context.user:                ada",
                "context.rule.name:           p.r",
                "context.trigger_instance.id: 65a000000000000000000001",
                "context.re-run.ref:          65a000000000000000000001",
                "trace:                       4bf92f3577b34da6a3ce929d0e0e4736",
                "start_timestamp:             2026-11-20T12:00:00Z",
                "end_timestamp:               2026-11-20T12:00:00Z",
                "elapsed_seconds:             0.25",
                "parameters:",
                "  {",
                "    \"cmd\": \"false\"",
                "  }",
                "result:",
                "  {",
                "    \"stdout\": |",
                "      a",
                "      b",
                "    \"return_code\": 1",
                "  }",
            ]
        );
    }

    #[test]
    fn what_is_not_there_yet_has_no_line() {
        assert_eq!(
            attributes(&execution(json!({}))).lines(false),
            [
                "id:                          65a000000000000000000001",
                "action.ref:                  p.a",
                "status:                      running",
                "context.user:                ada",
                "start_timestamp:             2026-11-20T12:00:00Z",
            ]
        );
    }
}
