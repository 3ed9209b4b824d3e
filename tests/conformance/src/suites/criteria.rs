//! `criteria`: one operator, a value and a pattern.

use petrel_model::rule::Criterion;
use petrel_rules::verdict::check_value;
use serde_json::Value;

use super::case::{now, value};
use crate::answer::Answer;

pub(super) fn answer(case: &Value) -> Answer {
    let text = |name: &str| case.get(name).and_then(Value::as_str).map(str::to_owned);
    let criterion = Criterion {
        operator: text("operator"),
        pattern: Some(value(case, "criteria_pattern")),
        condition: text("condition"),
    };
    match check_value(&criterion, &value(case, "value"), now(case)) {
        Ok(holds) => Answer::Value(Value::Bool(holds)),
        Err(error) => Answer::Error(error.to_string()),
    }
}
