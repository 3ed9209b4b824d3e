//! The suites: how the input of a case becomes an answer. The format of cases is described beside them.

mod criteria;
mod jinja;
pub mod orquesta;
mod params;
mod positional;
mod rules;
mod yaql;

use std::sync::Arc;

use petrel_expressions::Datastore;
use petrel_model::{Object, Timestamp};
use serde_json::Value;

use crate::{Answer, compare};

/// What is done with text that comes out of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It is evaluated again, as the original does; this is how the cases were recorded.
    Again,
    /// It is data, which is the default.
    Data,
}

/// A kind of case.
#[derive(Debug, Clone, Copy)]
pub struct Suite {
    /// Its name on the command line.
    pub name: &'static str,
    /// What our code says to a case.
    pub answer: fn(&Value, Mode) -> Answer,
    /// Whether that is what was recorded.
    pub agrees: fn(&Value, &Answer) -> bool,
}

/// All of them.
pub const SUITES: [Suite; 7] = [
    Suite { name: "criteria", answer: |case, _| criteria::answer(case), agrees: compare::agrees },
    Suite { name: "jinja", answer: jinja::answer, agrees: compare::agrees },
    Suite { name: "rules", answer: |case, _| rules::answer(case), agrees: rules::agrees },
    Suite { name: "params", answer: |case, _| params::answer(case), agrees: compare::agrees },
    Suite { name: "positional", answer: |case, _| positional::answer(case), agrees: positional::agrees },
    Suite { name: "yaql", answer: yaql::answer, agrees: compare::agrees },
    Suite { name: "orquesta", answer: orquesta::answer, agrees: orquesta::agrees },
];

fn object(case: &Value, name: &str) -> Object {
    case.get(name).and_then(Value::as_object).cloned().unwrap_or_default()
}

fn value(case: &Value, name: &str) -> Value {
    case.get(name).cloned().unwrap_or_default()
}

fn now(case: &Value) -> Timestamp {
    let text = case.get("now").and_then(Value::as_str).unwrap_or("2021-06-15T12:00:00Z");
    text.parse().unwrap_or_default()
}

fn datastore(case: &Value) -> Arc<Datastore> {
    let kv = object(case, "kv");
    let keys = |scope: &str| {
        let values = kv.get(scope).and_then(Value::as_object).cloned().unwrap_or_default();
        let text = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        values.into_iter().map(|(key, value)| (key, text(value))).collect()
    };
    Arc::new(Datastore { system: keys("system"), user: keys("user") })
}
