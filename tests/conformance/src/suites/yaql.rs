//! `yaql`: bare expressions over data, and values of workflows that hold expressions.

use std::sync::Arc;

use petrel_expressions::yaql::{Expression, Value as Yaql};
use petrel_expressions::{Statement, Variables, WorkflowScope};
use serde_json::{Value, json};

use super::{jinja, object, value};
use crate::Answer;

pub(super) fn answer(case: &Value) -> Answer {
    let (expression, scope) = (value(case, "expr"), scope(case));
    if case.get("mode").and_then(Value::as_str) != Some("expr") {
        return match Statement::compile(expression).evaluate(&scope) {
            Ok(value) => Answer::Value(Value::clone(&value)),
            Err(error) => Answer::Error(error.to_string()),
        };
    }
    let text = expression.as_str().unwrap_or_default();
    let data = Arc::new(value(case, "data"));
    match Expression::compile(text).and_then(|expression| expression.evaluate_with(&scope, Some(&data))) {
        Ok(value) => tagged(&value).map_or_else(Answer::Error, Answer::Value),
        Err(error) => Answer::Error(format!("{}: {error}", error.exception())),
    }
}

/// What the workflow of a case sees. The engine's own variables are there for `$__state` and the like, too.
fn scope(case: &Value) -> WorkflowScope {
    WorkflowScope { variables: Variables::from(object(case, "data")), ..jinja::scope(case) }
}

/// A value as the corpus writes it, with tags for what JSON has not.
fn tagged(value: &Yaql) -> Result<Value, String> {
    let all = |items: &[Yaql]| items.iter().map(tagged).collect::<Result<Vec<_>, _>>();
    Ok(match value {
        Yaql::Float(number) if number.is_nan() => json!({"$float": "nan"}),
        Yaql::Float(number) if number.is_infinite() => {
            json!({"$float": if *number > 0.0 { "inf" } else { "-inf" }})
        }
        Yaql::TimeSpan(micros) => json!({"$timespan_us": micros}),
        Yaql::List(items) | Yaql::Set(items) => Value::Array(all(items)?),
        Yaql::Dict(entries) => {
            let mut object = petrel_model::Object::new();
            for (key, value) in entries {
                let key = match key {
                    Yaql::Text(text) => text.to_string(),
                    key => tagged(key)?.to_string(),
                };
                object.insert(key, tagged(value)?);
            }
            Value::Object(object)
        }
        value => Value::clone(&*value.to_json().map_err(|error| error.to_string())?),
    })
}
