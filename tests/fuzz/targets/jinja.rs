//! Jinja, as rules and parameters have it and as workflows have it: any text is answered, and the same again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use petrel_expressions::statement::{references, syntax_errors};
use petrel_expressions::{Scope, Statement, Variables, WorkflowScope, render};
use serde_json::{Value, json};

/// The library's panics are caught and are errors of their template; the fuzzer's hook would end the process before. Other
/// panics still reach the fuzzer.
fn panics_may_be_caught() {
    let _aborting = std::panic::take_hook();
}

fuzz_target!(init: panics_may_be_caught(), |data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Value::Object(values) = json!({
        "n": 5, "f": -2.5, "s": "héllo", "z": null, "t": true, "l": [3, "a", null], "d": {"k": [1], "a-b": {}},
    }) else {
        return;
    };
    let scope =
        values.clone().into_iter().fold(Scope::new(), |scope, (name, value)| scope.with(&name, value));
    assert_eq!(render(text, &scope), render(text, &scope));
    let source = json!(text);
    let _errors = syntax_errors(&source);
    let _references = references(&source);
    let scope = WorkflowScope { variables: Variables::from(values), ..WorkflowScope::default() };
    let _value = Statement::compile(source).evaluate(&scope);
});
