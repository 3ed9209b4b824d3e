//! YAQL: any text is an expression that is answered, or none.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use petrel_expressions::{Variables, WorkflowScope};
use petrel_yaql::Expression;
use serde_json::json;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(expression) = Expression::compile(text) else { return };
    let data = json!({"n": 5, "s": "héllo", "l": [3, 1, 2], "d": {"k": [{"a": 1}]}, "z": null});
    let variables = data.as_object().cloned().map(Variables::from).unwrap_or_default();
    let scope = WorkflowScope { variables, ..WorkflowScope::default() };
    if let Ok(value) = expression.evaluate_with(&scope, Some(&Arc::new(data))) {
        let _json = value.to_json();
    }
});
