//! The questions that a workflow asks, with the schemas of their answers. The caller knows what is wrong in a schema.

use petrel_expressions::Statement;
use petrel_model::Object;
use serde_json::Value;

use super::certain::Certain;
use super::expressions::action_and_input;
use super::finding::{Finding, Kind, Place};
use super::syntax;
use crate::definition::shape;

/// The action that asks people.
const ASK: &str = "core.ask";

/// A mistake in a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mistake {
    /// With it the question is not asked.
    Fatal(String),
    /// With it the question is asked, and is not the one that was meant.
    Odd(String),
}

/// What `wrong` finds in the schemas of the questions in `definition` that have no expressions: an error where every run
/// asks, and else a note.
pub fn questions(definition: &Value, wrong: impl Fn(&Object) -> Vec<Mistake>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !syntax::overlong(definition).is_empty() {
        // Each finding in a task repeats the task's name, so very long names would multiply.
        return findings;
    }
    let certain = Certain::of(definition);
    for (name, task) in shape::tasks(definition).into_iter().flatten() {
        let Some((Some(action), Some(input))) = task.as_object().map(action_and_input) else { continue };
        let schema = input.get("schema").and_then(Value::as_object);
        let Some(schema) = schema.filter(|_| action.as_str() == Some(ASK)) else { continue };
        if !Statement::compile(Value::Object(schema.clone())).is_literal() {
            continue;
        }
        let place = Place::task(name).property("input").entry("schema");
        for mistake in wrong(schema) {
            let (message, is_fatal) = match mistake {
                Mistake::Fatal(message) => (message, certain.calls(name)),
                Mistake::Odd(message) => (message, false),
            };
            let finding = Finding::new(Kind::Content, &place, message);
            findings.push(if is_fatal { finding } else { finding.noted() });
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_schema_without_expressions_is_looked_at_where_people_are_asked() {
        let ask = |schema: Value| json!({"action": "core.ask", "input": {"schema": schema}});
        let mut first = ask(json!({"a": 1}));
        first["next"] = json!([{"do": ["later"]}]);
        let definition = json!({"tasks": {
            "first": first,
            "later": ask(json!({"a": 2})),
            "live": ask(json!({"a": "<% ctx().x %>"})),
            "other": {"action": "core.noop", "input": {"schema": {"a": 3}}},
            "bare": {"action": "core.ask"},
        }});
        let found = questions(&definition, |schema| {
            let told = schema["a"].to_string();
            vec![Mistake::Fatal(told.clone()), Mistake::Odd(told)]
        });
        let found: Vec<_> = found
            .iter()
            .map(|found| {
                (found.spec_path.as_deref().unwrap_or_default(), found.message.as_str(), found.is_note())
            })
            .collect();
        let expected = [
            ("tasks.first.input.schema", "1", false),
            ("tasks.first.input.schema", "1", true),
            ("tasks.later.input.schema", "2", true),
            ("tasks.later.input.schema", "2", true),
        ];
        assert_eq!(found, expected);
    }
}
