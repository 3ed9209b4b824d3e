//! Outcomes as they are stored: a result of a depth that can be read back, and the outcomes of runs that their runner, or the
//! stop of the host, has ended. The [executor](super::executor) decides which one it is.

use petrel_model::{Execution, Object, Status, depth};
use petrel_runners::{End, Outcome};
use serde_json::{Value, json};

/// The code of a run whose host was lost.
pub(crate) const LOST: &str = "host.lost";
/// The code of a run that was ended because its host stopped.
const STOPPED: &str = "host.stopped";

/// Whether an execution is abandoned because of its host, which says nothing about its action. One whose process was ended by
/// a signal is abandoned as well, as in StackStorm, and that is a failure of the action.
pub(crate) fn is_lost(execution: &Execution) -> bool {
    let code = execution.result.as_deref().and_then(|result| result.get("code")).and_then(Value::as_str);
    execution.status == Status::Abandoned && code.is_some_and(|code| [LOST, STOPPED].contains(&code))
}

/// A result that can be read back: one that nests too deep (see [`depth`]) is kept as its JSON text.
pub fn storable(result: Value) -> Value {
    match &result {
        Value::Object(object) if depth::is_too_deep(&result) => {
            // Only the fields that nest too deep become text, if that is enough: the others can still be read
            // as values.
            let flat = |value: &Value| match value {
                value if depth::is_too_deep(value) => Value::from(value.to_string()),
                value => value.clone(),
            };
            let flattened: Object = object.iter().map(|(name, value)| (name.clone(), flat(value))).collect();
            let flattened = Value::Object(flattened);
            if depth::is_too_deep(&flattened) { Value::from(result.to_string()) } else { flattened }
        }
        result if depth::is_too_deep(result) => Value::from(result.to_string()),
        _ => result,
    }
}

/// The outcome of a run that its runner ended as canceled although nobody asked for that: a failure. As
/// canceled it would end the workflow around it without retries, and nobody could say who had canceled it.
pub(crate) fn unasked(outcome: &Outcome) -> Outcome {
    let result = in_place_of(
        outcome,
        "the runner has ended this as canceled, and nobody has asked for that",
        "runner.canceled",
        "this is a mistake in the runner; run it again if that is safe",
    );
    Outcome { end: End::Failed, result }
}

/// The outcome of a run that was ended because the host stops.
pub(crate) fn abandoned(outcome: &Outcome) -> Outcome {
    let result = in_place_of(
        outcome,
        "the host was stopped while this ran",
        STOPPED,
        "run it again if that is safe; give it more time with engine.drain_seconds",
    );
    Outcome { end: End::Abandoned, result }
}

/// The result of a run whose own outcome does not count; that is kept inside.
fn in_place_of(outcome: &Outcome, error: &str, code: &str, hint: &str) -> Value {
    json!({"error": error, "code": code, "hint": hint, "result": outcome.result})
}
