//! The runner `inquirer`: asks people a question, as StackStorm's. Its call ends at once and takes no slot while the
//! question is open; the service of executions takes the answer, or ends the question when its time is up.

use async_trait::async_trait;
use petrel_model::Object;
use petrel_model::inquiry::{DEFAULT_TTL, FOUR_EYES, NAME, default_schema};
use petrel_model::parameters::Parameters;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{Call, End, Outcome, OutputSink, Runner, RunnerType, Slots};

/// The parameters that the result repeats, in this order.
const REPEATED: [&str; 5] = ["schema", "roles", "users", "route", "ttl"];

/// The greatest number of minutes: beyond 2^53 a number has lost digits.
const LONGEST_TTL: i64 = (1 << 53) - 1;

/// Asks the question that its parameters describe.
#[derive(Debug)]
pub struct Inquirer {
    runner_type: RunnerType,
}

impl Default for Inquirer {
    fn default() -> Self {
        Self {
            runner_type: RunnerType {
                name: NAME,
                description: "Asks people a question, and waits for the answer",
                parameters: parameters(),
            },
        }
    }
}

/// StackStorm's parameters, and `four_eyes`.
fn parameters() -> Parameters {
    let parameters = json!({
        "schema": {
            "type": "object",
            "description": "The JSON Schema of the answer",
            "required": true,
            "default": default_schema(),
        },
        "route": {
            "type": "string",
            "description": "A text by which rules choose whom they tell of the question",
            "default": "",
        },
        "roles": {
            "type": "array",
            "description": "Only users with one of these roles may answer (all if empty)",
            "default": [],
        },
        "users": {
            "type": "array",
            "description": "Only these users may answer (all if empty)",
            "default": [],
        },
        // Not `integer`, which StackStorm's cast makes of 0.5, too: that would be 0, and the question never times out.
        "ttl": {
            "type": "number",
            "multipleOf": 1,
            "minimum": 0,
            "maximum": LONGEST_TTL,
            "description": "Minutes after which the question times out, a whole number; 0 for never",
            "required": true,
            "default": DEFAULT_TTL,
        },
        FOUR_EYES: {
            "type": "boolean",
            "description": "Whether somebody else must answer than the one who started the run",
            "default": false,
        },
    });
    let Value::Object(parameters) = parameters else { return Parameters::new() };
    parameters
}

#[async_trait]
impl Runner for Inquirer {
    fn runner_type(&self) -> &RunnerType {
        &self.runner_type
    }

    fn slots(&self) -> Slots {
        Slots::Component
    }

    async fn run(&self, call: Call, _output: OutputSink, _cancel: CancellationToken) -> Outcome {
        Outcome { end: End::Asked, result: Value::Object(question(&call.parameters)) }
    }
}

/// The result of a question without an answer.
fn question(parameters: &Object) -> Object {
    let given = |name: &str| {
        let value = parameters.get(name).cloned().unwrap_or_default();
        (name.to_owned(), if name == "ttl" { whole(value) } else { value })
    };
    let mut question: Object = REPEATED.into_iter().map(given).collect();
    // Of StackStorm's shape unless it is asked for.
    if parameters.get(FOUR_EYES).and_then(Value::as_bool) == Some(true) {
        question.insert(FOUR_EYES.to_owned(), Value::Bool(true));
    }
    question
}

/// `5.0` as `5`, which is how StackStorm has a number of minutes.
fn whole(minutes: Value) -> Value {
    let float = minutes.as_f64().filter(|_| minutes.is_f64());
    match float {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the schema lets whole numbers up to 2^53 through"
        )]
        Some(float) => Value::from(float as i64),
        None => minutes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_has_the_shape_of_stackstorms() {
        let mut given =
            json!({"schema": {"type": "object"}, "roles": [], "users": ["ada"], "route": "r", "ttl": 5});
        for (four_eyes, is_shown) in [(json!(false), false), (json!(null), false), (json!(true), true)] {
            given["four_eyes"] = four_eyes;
            let mut expected = given.clone();
            if let Some(expected) = expected.as_object_mut().filter(|_| !is_shown) {
                expected.remove("four_eyes");
            }
            assert_eq!(given.as_object().map(question).map(Value::Object), Some(expected));
        }
    }

    #[test]
    fn the_minutes_are_a_whole_number() {
        for (ttl, asked) in [(json!(5), json!(5)), (json!(5.0), json!(5)), (json!(0), json!(0))] {
            let given = json!({"schema": {}, "ttl": ttl});
            let question = given.as_object().map(question).and_then(|question| question.get("ttl").cloned());
            assert_eq!(question, Some(asked), "{ttl}");
        }
    }
}
