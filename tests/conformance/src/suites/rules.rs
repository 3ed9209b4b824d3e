//! `rules`: a whole rule against a payload, with the parameters of its action.

use std::sync::Arc;

use petrel_model::Object;
use petrel_rules::parameters::{self, Signature};
use petrel_rules::{CompiledRule, Occurrence, evaluate};
use serde_json::{Value, json};

use super::case::{datastore, now, object, value};
use crate::answer::Answer;
use crate::compare;

pub(super) fn answer(case: &Value) -> Answer {
    let mut whole = json!({
        "id": "000000000000000000000001", "ref": "pack.rule", "enabled": true, "trigger": {"type": "pack.trigger"},
    });
    if let Some(whole) = whole.as_object_mut() {
        whole.extend(object(case, "rule"));
    }
    let rule = match serde_json::from_value(whole) {
        Ok(rule) => CompiledRule::new(Arc::new(rule)),
        Err(error) => return Answer::Error(error.to_string()),
    };
    let occurrence = Occurrence::new(Arc::new(value(case, "trigger_payload")), now(case), datastore(case));
    let verdict = evaluate(&rule, &occurrence);
    let mut answer = Object::new();
    answer.insert("match".into(), verdict.matched.into());
    if let Some(error) = verdict.failure() {
        answer.insert("failures".into(), json!([error.to_string()]));
    }
    if verdict.matched {
        let parameters = match action_parameters(case, &rule) {
            Ok(parameters) => Value::Object(parameters),
            Err(error) => json!({"error": true, "message": error.to_string()}),
        };
        answer.insert("action_parameters".into(), parameters);
    }
    Answer::Value(Value::Object(answer))
}

fn action_parameters(case: &Value, rule: &CompiledRule) -> Result<Object, parameters::Error> {
    let schema = value(case, "action_schema");
    let signature = Signature::new(&object(&schema, "runner_parameters"), &object(&schema, "parameters"));
    let context = json!({"user": "stanley", "pack": "pack"});
    let scope = parameters::scope(context, value(case, "config"), datastore(case))
        .with("trigger", value(case, "trigger_payload"));
    parameters::live(rule.parameters(), &signature, &scope)
}

/// `match` and the parameters count, and whether there were failures, not which.
pub(super) fn agrees(expected: &Value, answer: &Answer) -> bool {
    let Answer::Value(actual) = answer else { return compare::agrees(expected, answer) };
    let failed = |answer: &Value| answer["failures"].as_array().is_some_and(|failures| !failures.is_empty());
    if compare::is_error(expected) {
        return actual["match"] == json!(false) && failed(actual);
    }
    let parameters = match &expected["action_parameters"] {
        Value::Null => true,
        wanted if compare::is_error(wanted) => compare::is_error(&actual["action_parameters"]),
        wanted => compare::same(wanted, &actual["action_parameters"]),
    };
    expected["match"] == actual["match"] && failed(expected) == failed(actual) && parameters
}
