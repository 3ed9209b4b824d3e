//! What a case gives to its suite, and how it is to be read.

use std::sync::Arc;

use petrel_expressions::Datastore;
use petrel_model::{Object, Timestamp};
use serde_json::Value;

/// What is done with text that comes out of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It is evaluated again, as the original does; this is how the cases were recorded.
    Again,
    /// It is data, which is the default.
    Data,
}

/// An object of a case; an empty one where there is none.
pub(super) fn object(case: &Value, name: &str) -> Object {
    case.get(name).and_then(Value::as_object).cloned().unwrap_or_default()
}

/// A value of a case; null where there is none.
pub(super) fn value(case: &Value, name: &str) -> Value {
    case.get(name).cloned().unwrap_or_default()
}

/// The time at which a case happens.
pub(super) fn now(case: &Value) -> Timestamp {
    let text = case.get("now").and_then(Value::as_str).unwrap_or("2021-06-15T12:00:00Z");
    text.parse().unwrap_or_default()
}

/// The datastore that a case sees.
pub(super) fn datastore(case: &Value) -> Arc<Datastore> {
    let kv = object(case, "kv");
    let keys = |scope: &str| {
        let values = kv.get(scope).and_then(Value::as_object).cloned().unwrap_or_default();
        let text = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        values.into_iter().map(|(key, value)| (key, text(value))).collect()
    };
    Arc::new(Datastore {
        system: Arc::new(keys("system")),
        user: Arc::new(keys("user")),
        ..Datastore::default()
    })
}
