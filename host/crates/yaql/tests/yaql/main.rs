//! YAQL from outside: what cannot be said by the recorded cases of the original.

mod functions;
mod limits;
mod robust;
mod workflow;

use std::sync::Arc;

use petrel_yaql::{Error, Expression, Value};
use serde_json::Value as Json;

/// The value of `text` with `data` as `$`.
fn evaluate(text: &str, data: Json) -> Result<Value, Error> {
    Expression::compile(text)?.evaluate_data(&Arc::new(data))
}

/// The value of `text` as JSON, an error as its text.
fn outcome(text: &str, data: Json) -> Json {
    match evaluate(text, data).and_then(|value| value.to_json()) {
        Ok(json) => Json::clone(&json),
        Err(error) => Json::String(format!("{}: {error}", error.exception())),
    }
}
