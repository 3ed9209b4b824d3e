//! What expressions see of a workflow.

use std::sync::Arc;

use petrel_scope::workflow::{CurrentTask, Keys, Moment, Tasks};
use petrel_scope::{KeyScope, Variables, WorkflowScope};
use petrel_yaql::{Expression, Value};
use serde_json::{Value as Json, json};

#[derive(Debug)]
struct Outside;

impl Tasks for Outside {
    fn status(&self, id: &str, route: u32) -> Option<&str> {
        (id == "t1" && route == 1).then_some("failed")
    }

    fn describe(&self, id: &str, route: u32) -> Result<Option<Arc<Json>>, String> {
        Ok((id == "t1").then(|| Arc::new(json!({"task_id": id, "route": route}))))
    }
}

impl Keys for Outside {
    fn get(&self, scope: KeyScope, name: &str, decrypt: bool) -> Result<Option<String>, String> {
        Ok((name != "none").then(|| format!("{scope:?} {name} {decrypt}")))
    }

    fn open(&self, sealed: &str) -> Result<Option<String>, String> {
        Ok(sealed.strip_prefix("sealed ").map(str::to_owned))
    }
}

fn scope() -> WorkflowScope {
    let variables = json!({"x": 5, "deep": {"list": [1, {"k": "v"}]}, "__own": 1});
    WorkflowScope {
        variables: variables.as_object().cloned().map(Variables::from).unwrap_or_default(),
        task: Some(CurrentTask { id: "t1".into(), route: 1, result: Arc::new(json!({"stdout": "out"})) }),
        item: Some(Arc::new(json!({"a": 1}))),
        tasks: Some(Arc::new(Outside)),
        keys: Some(Arc::new(Outside)),
        moment: Moment { micros: 1_577_934_245_000_001, seed: 7 },
        ..WorkflowScope::default()
    }
}

fn outcome(text: &str, scope: &WorkflowScope) -> Json {
    let value = Expression::compile(text).and_then(|expression| expression.evaluate(scope));
    match value.and_then(|value| value.to_json()) {
        Ok(json) => Json::clone(&json),
        Err(error) => json!(format!("{}: {error}", error.exception())),
    }
}

#[test]
fn the_platform_answers() {
    let scope = scope();
    for (text, expected) in [
        ("ctx().x + 1", json!(6)),
        ("ctx(x)", json!(5)),
        ("ctx()", json!({"x": 5, "deep": {"list": [1, {"k": "v"}]}})),
        ("ctx().deep.list[1].k", json!("v")),
        ("ctx().deep.list", json!([1, {"k": "v"}])),
        ("dict(values => 1, items => 2).items", json!(2)),
        ("ctx().nope", json!("KeyError: nope")),
        ("ctx(nope)", json!("VariableUndefinedError: The variable \"nope\" is undefined.")),
        (
            "ctx('__own')",
            json!("VariableInaccessibleError: The variable \"__own\" is for internal use and inaccessible."),
        ),
        ("result().stdout", json!("out")),
        ("[succeeded(), failed(), completed()]", json!([false, true, true])),
        ("[task_status(t1), task_status(t1, 0), task_status(t2)]", json!(["failed", "null", "null"])),
        ("task(t1).route", json!(1)),
        ("task().task_id", json!("t1")),
        ("task(t2)", json!("ExpressionEvaluationException: Unable to find task execution for \"t2\".")),
        ("item(a)", json!(1)),
        ("item(b)", json!("ExpressionEvaluationException: Item does not have key \"b\".")),
        ("st2kv('system.a.b')", json!("System a.b false")),
        ("st2kv(a, decrypt => true)", json!("User a true")),
        ("st2kv(none, default => 3)", json!(3)),
        (
            "st2kv(none)",
            json!(
                "ExpressionEvaluationException: The key \"none\" does not exist in the StackStorm datastore. \
                 It was looked for among those of the user; one that all share is \"system.none\"."
            ),
        ),
        (
            "st2kv('system.none')",
            json!(
                "ExpressionEvaluationException: The key \"none\" does not exist in the StackStorm datastore."
            ),
        ),
        ("now()", json!("2020-01-02T03:04:05.000001+00:00")),
        ("random() < 1 and random(1, 3) in [1, 2, 3]", json!(true)),
        ("random() = random()", json!(false)),
    ] {
        assert_eq!(outcome(text, &scope), expected, "{text}");
    }
    assert_eq!(outcome("random()", &scope), outcome("random()", &scope));
}

#[test]
fn without_a_task_there_is_no_result() {
    let expected = json!("ExpressionEvaluationException: The current task is not set in the context.");
    assert_eq!(outcome("result()", &WorkflowScope::default()), expected);
}

#[test]
fn a_large_variable_passes_through_without_a_copy() {
    let scope = scope();
    let deep = Arc::clone(scope.variables.get("deep").unwrap());
    let value = Expression::compile("ctx().deep").and_then(|expression| expression.evaluate(&scope)).unwrap();
    let Value::Json(json) = &value else { panic!("{value:?}") };
    assert!(Arc::ptr_eq(json, &deep));
    assert!(Arc::ptr_eq(&value.to_json().unwrap(), &deep));
}

#[test]
fn errors_know_their_column() {
    for (text, column) in [("1 + $.x", 7), ("foo(1)", 1), ("ctx().x.y", 9), ("[1, 2,]", 7), ("'a", 1)] {
        let error =
            Expression::compile(text).and_then(|expression| expression.evaluate(&scope())).unwrap_err();
        assert_eq!(error.column(), Some(column), "{text}: {error}");
    }
}
