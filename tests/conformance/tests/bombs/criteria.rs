//! Criteria of rules, whose patterns can come out of the event as well as the value.

use petrel_expressions::work::evaluation;
use petrel_model::Timestamp;
use petrel_model::rule::Criterion;
use petrel_rules::verdict::check_value;
use serde_json::{Value, json};

use crate::{is_limited, measured};

pub(crate) fn listed() {
    let row = "a".repeat(100_000);
    let long = format!("{}?b", "a".repeat(20_000));
    for (operator, value, pattern) in [
        ("regex", &row, &long),
        ("iregex", &row, &long),
        ("matchregex", &row, &long),
        ("regex", &row, &row),
        ("matchwildcard", &"a".repeat(1_000_000), &format!("*{}b", "a".repeat(1_000))),
        ("matchwildcard", &row, &format!("*[{}]*", "b".repeat(100_000))),
        ("matchwildcard", &row, &format!("*[!{}]c", "b".repeat(100_000))),
    ] {
        let name = format!("{operator} {pattern:.20}");
        let criterion: Criterion =
            serde_json::from_value(json!({"type": operator, "pattern": pattern})).unwrap();
        let value = Value::from(value.as_str());
        let outcome = measured(&name, || {
            let checked = evaluation(|| check_value(&criterion, &value, Timestamp::from_micros(0)));
            checked.map(drop).map_err(|error| error.to_string())
        });
        is_limited(&name, &outcome);
    }
}
