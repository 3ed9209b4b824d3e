//! Inquiries: questions of workflows that wait for the answer of a person.

use petrel_model::inquiry::{self, Question};
use petrel_model::{Execution, ExecutionId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An open question. The first six attributes are StackStorm's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Inquiry {
    /// The id of the execution that asks.
    pub id: ExecutionId,
    /// The text by which rules choose whom they tell of it.
    #[serde(default)]
    pub route: String,
    /// Minutes after which it times out; 0 or less for never.
    #[serde(default)]
    pub ttl: i64,
    /// The users who may answer; everybody if it is empty.
    #[serde(default)]
    pub users: Vec<String>,
    /// The roles whose users may answer; everybody if it is empty.
    #[serde(default)]
    pub roles: Vec<String>,
    /// The JSON Schema of the answer.
    #[serde(default)]
    pub schema: Value,
    /// Whether somebody else must answer than the one who started the run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub four_eyes: bool,
    /// The time at which it times out, if it ever does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
    /// The workflow that asks, if one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<ExecutionId>,
}

impl Inquiry {
    /// The inquiry of `execution`, whose result is shown as `result`. Without a question it shows that there is none.
    pub fn of(execution: &Execution, result: &Value) -> Self {
        let question = Question::in_result(result);
        let texts = |texts: &mut dyn Iterator<Item = &str>| texts.map(str::to_owned).collect();
        Self {
            id: execution.id,
            route: question.map(Question::route).unwrap_or_default().to_owned(),
            ttl: question.map(Question::ttl).unwrap_or_default(),
            users: question.map(|question| texts(&mut question.users())).unwrap_or_default(),
            roles: question.map(|question| texts(&mut question.roles())).unwrap_or_default(),
            schema: result.get("schema").cloned().unwrap_or_default(),
            four_eyes: question.is_some_and(Question::needs_four_eyes),
            due_at: inquiry::due_at(execution),
            parent: execution.parent.as_ref().map(|parent| parent.execution),
        }
    }
}

/// An answer that was accepted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answered {
    /// The id of the inquiry.
    pub id: ExecutionId,
    /// The answer, with its secrets masked.
    #[serde(default)]
    pub response: Value,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::round_trip::{assert_shown_as, noun};

    #[test]
    fn an_inquiry_shows_its_question() {
        let question = json!({
            "schema": {"type": "object"}, "roles": ["ops"], "users": ["ada"], "route": "r", "ttl": 60, "four_eyes": true,
        });
        let stored: Execution = noun(json!({
            "id": "000000000001000000000001", "version": 1, "action": "core.ask", "runner": "inquirer",
            "status": "pending", "requested_at": "2026-11-20T12:00:00Z", "result": question,
            "log": [{"status": "pending", "timestamp": "2026-11-20T12:00:00Z"}],
        }));
        assert_shown_as::<Inquiry>(
            &Inquiry::of(&stored, &question),
            &json!({
                "id": "000000000001000000000001",
                "route": "r",
                "ttl": 60,
                "users": ["ada"],
                "roles": ["ops"],
                "schema": {"type": "object"},
                "four_eyes": true,
                "due_at": "2026-11-20T13:00:00.000000Z",
            }),
        );
        let answered = Answered { id: stored.id, response: json!({"ok": true}) };
        assert_shown_as::<Answered>(
            &answered,
            &json!({"id": "000000000001000000000001", "response": {"ok": true}}),
        );
    }
}
