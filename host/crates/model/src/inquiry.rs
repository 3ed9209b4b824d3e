//! Inquiries: executions of the runner `inquirer`, which wait for the answer of a person. The question is in the result of
//! the execution, as in StackStorm, and so is the answer once it came.

use std::time::Duration;

use serde_json::{Value, json};

use crate::secrets::{Marks, has_secret, masked_value, with_undeclared};
use crate::{Execution, Object, Status, Timestamp};

/// The runner.
pub const NAME: &str = "inquirer";
/// The trigger type of the event that a question was asked. Its payload is the id and the route.
pub const TRIGGER: &str = "core.st2.generic.inquiry";
/// The parameter by which an answer must come from somebody else than the one who started the run.
pub const FOUR_EYES: &str = "four_eyes";
/// Minutes after which a question times out unless it says otherwise.
pub const DEFAULT_TTL: i64 = 1440;

/// The field of the result with the answer.
const RESPONSE: &str = "response";

/// The schema of an answer unless the question has one.
pub fn default_schema() -> Value {
    json!({
        "title": "response_data",
        "type": "object",
        "properties": {
            "continue": {
                "type": "boolean",
                "description": "Would you like to continue the workflow?",
                "required": true,
            },
        },
    })
}

/// The question of an execution.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a>(&'a Object);

impl<'a> Question<'a> {
    /// The question of `execution`. `None` if it has none: another runner runs it, or it has not asked yet.
    pub fn of(execution: &'a Execution) -> Option<Self> {
        let result = execution.result.as_deref().filter(|_| execution.runner == NAME)?;
        Self::in_result(result)
    }

    /// The question in the result of an execution of the runner. A failure has none.
    pub fn in_result(result: &'a Value) -> Option<Self> {
        let result = result.as_object()?;
        (result.contains_key("schema") && result.contains_key("ttl")).then_some(Self(result))
    }

    /// The JSON Schema of the answer, in StackStorm's dialect.
    pub fn schema(self) -> Option<&'a Object> {
        self.0.get("schema").and_then(Value::as_object)
    }

    /// The text by which rules choose whom they tell of it.
    pub fn route(self) -> &'a str {
        self.0.get("route").and_then(Value::as_str).unwrap_or_default()
    }

    /// Minutes after which it times out. 0 or less: never, as in StackStorm.
    pub fn ttl(self) -> i64 {
        self.0.get("ttl").and_then(Value::as_i64).unwrap_or(DEFAULT_TTL)
    }

    /// The users who may answer; everybody if there are none.
    pub fn users(self) -> impl Iterator<Item = &'a str> {
        self.texts("users")
    }

    /// The roles whose users may answer; everybody if there are none.
    pub fn roles(self) -> impl Iterator<Item = &'a str> {
        self.texts("roles")
    }

    /// Whether the answer must come from somebody else than the one who started the run.
    pub fn needs_four_eyes(self) -> bool {
        self.0.get(FOUR_EYES).and_then(Value::as_bool).unwrap_or(false)
    }

    /// The result once it is answered by `response`.
    pub fn answered(self, response: Value) -> Value {
        let mut result = self.0.clone();
        result.insert(RESPONSE.to_owned(), response);
        Value::Object(result)
    }

    /// `response` with the values masked that the schema declares secret.
    pub fn masked(self, response: &Value) -> Value {
        let Some(schema) = self.schema().map(|schema| Value::Object(schema.clone())) else {
            return response.clone();
        };
        masked_value(response, &Marks::of(&with_undeclared(&schema)))
    }

    fn texts(self, name: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        self.0.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
    }
}

/// Whether the result of an inquiry has an answer of which the schema declares something secret.
pub fn has_secret_answer(result: &Value) -> bool {
    result.get(RESPONSE).is_some() && result.get("schema").is_some_and(has_secret)
}

/// The result of an inquiry with the secrets of its answer masked. `None` if it has no answer, or one without secrets.
pub fn masked_answer(result: &Value) -> Option<Value> {
    let question = Question::in_result(result)?;
    let schema = result.get("schema").filter(|schema| has_secret(schema))?;
    let response = result.get(RESPONSE).filter(|_| schema.is_object())?;
    Some(question.answered(question.masked(response)))
}

/// The time at which an open question times out. `None` if it never does, or `execution` has no open question.
pub fn due_at(execution: &Execution) -> Option<Timestamp> {
    if execution.status != Status::Pending {
        return None;
    }
    let minutes = u64::try_from(Question::of(execution)?.ttl()).ok().filter(|minutes| *minutes > 0)?;
    let asked = execution.log.iter().rfind(|entry| entry.status == Status::Pending)?;
    Some(asked.timestamp.plus(Duration::from_secs(minutes.saturating_mul(60))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::MASK;

    /// An execution of the runner that asked at the first microsecond.
    fn asked(ttl: &Value) -> Execution {
        let question =
            json!({"schema": default_schema(), "roles": [], "users": ["ada"], "route": "r", "ttl": ttl});
        serde_json::from_value(json!({
            "id": "000000000001000000000001", "version": 1, "action": "core.ask", "runner": NAME, "status": "pending",
            "requested_at": Timestamp::from_micros(0), "result": question,
            "log": [{"status": "pending", "timestamp": Timestamp::from_micros(1)}],
        }))
        .unwrap()
    }

    #[test]
    fn a_question_times_out_after_its_minutes() {
        for (ttl, due) in [
            (json!(1), Some(60_000_001)),
            (json!(1440), Some(86_400_000_001)),
            (json!(0), None),
            (json!(-5), None),
        ] {
            assert_eq!(due_at(&asked(&ttl)), due.map(Timestamp::from_micros), "{ttl}");
        }
        assert!(due_at(&asked(&json!(i64::MAX))).is_some(), "a time without end is the last one there is");
        let ended = Execution { status: Status::Succeeded, ..asked(&json!(1)) };
        assert_eq!(due_at(&ended), None);
    }

    #[test]
    fn only_the_runner_asks() {
        let execution = asked(&json!(1));
        let question = Question::of(&execution).unwrap();
        assert_eq!((question.route(), question.users().collect::<Vec<_>>()), ("r", vec!["ada"]));
        assert_eq!((question.roles().count(), question.needs_four_eyes()), (0, false));
        let other = Execution { runner: "noop".into(), ..asked(&json!(1)) };
        assert!(Question::of(&other).is_none());
        assert!(Question::in_result(&json!({"error": "e", "code": "c"})).is_none());
    }

    #[test]
    fn a_secret_answer_is_masked_and_the_question_is_not() {
        let schema = json!({"type": "object", "properties": {"pin": {"type": "string", "secret": true}, "ok": {"type": "boolean"}}});
        let result = json!({"schema": schema, "ttl": 1, "response": {"pin": "1234", "ok": true, "pni": "1"}});
        let masked = masked_answer(&result).unwrap();
        assert_eq!(masked["response"], json!({"pin": MASK, "ok": true, "pni": MASK}));
        assert_eq!(masked["schema"], schema);
        let open = json!({"schema": default_schema(), "ttl": 1, "response": {"continue": true}});
        assert_eq!(masked_answer(&open), None);
        assert_eq!(masked_answer(&json!({"schema": schema, "ttl": 1})), None, "there is no answer yet");
    }
}
