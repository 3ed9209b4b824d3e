//! Runs the actions natively, with the SDK's stand-in for the host.

use petrel_pack_sdk::testing::Host;
use serde_json::json;

use super::*;

fn run(action: &str, parameters: &Value) -> Result<Value, Error> {
    let actions = petrel_actions();
    let action = actions.iter().find(|known| known.name() == action).unwrap();
    Host::new().run(action, parameters)
}

fn value() -> Value {
    json!({
        "items": [{"name": "a", "n": 1}, {"name": "b", "tags": ["x"]}, {"name": "c"}],
        "a/b~c": {"it's": 5}, "": 6, "deep": {"name": "d"},
    })
}

#[test]
fn paths_lead_to_parts() {
    for (path, expected) in [
        ("", json!([value()])),
        ("$", json!([value()])),
        ("/items/0/name", json!(["a"])),
        ("/items/00/name", json!([])),
        ("/items/-1/name", json!([])),
        ("/a~1b~0c/it's", json!([5])),
        ("/", json!([6])),
        ("/none", json!([])),
        ("$.items[0].name", json!(["a"])),
        ("$.items[-1].name", json!(["c"])),
        ("$.items[-4].name", json!([])),
        ("$['items'][1]['tags'][*]", json!(["x"])),
        (r#"$["a/b~c"]['it\'s']"#, json!([5])),
        ("$.items[*].name", json!(["a", "b", "c"])),
        ("$.items[1:].name", json!(["b", "c"])),
        ("$.items[:-1].name", json!(["a", "b"])),
        ("$.items[ 0 : 1 ].name", json!(["a"])),
        ("$.items[2:1].name", json!([])),
        ("$.items[0:99].name", json!(["a", "b", "c"])),
        ("$.items[-99:1].name", json!(["a"])),
        ("$.deep.*", json!(["d"])),
        ("$..tags", json!([["x"]])),
        ("$.items..[0]", json!([{"name": "a", "n": 1}, "x"])),
    ] {
        let found = run("query", &json!({"value": value(), "path": path})).unwrap();
        assert_eq!(found["all"], expected, "{path}");
        assert_eq!(found["count"], expected.as_array().unwrap().len(), "{path}");
        assert_eq!(found["first"], expected[0], "{path}");
    }
}

#[test]
fn what_is_no_path_is_refused() {
    for path in
        ["items", "$items", "$.", "$..", "$[", "$[a]", "$['a", "$['a'", "$[1:b]", "$.a..", "$[?(@.a)]"]
    {
        let error = run("query", &json!({"value": value(), "path": path})).unwrap_err();
        assert_eq!(error.code.as_deref(), Some("json.path"), "{path}");
    }
    let long = format!("/{}", "x".repeat(5000));
    assert!(run("query", &json!({"value": 1, "path": long})).unwrap_err().message.len() < 100);
    let many: Vec<_> = (0..10_001).collect();
    for path in ["$[*]", "$..*"] {
        let error = run("query", &json!({"value": many, "path": path})).unwrap_err();
        assert_eq!(error.code.as_deref(), Some("json.too_many"), "{path}");
    }
}

#[test]
fn what_is_not_there_is_null_unless_it_must_be_there() {
    let found = run("query", &json!({"value": {}, "path": "/a"})).unwrap();
    assert_eq!(found, json!({"first": null, "all": [], "count": 0}));
    let error = run("query", &json!({"value": {}, "path": "/a", "must_exist": true})).unwrap_err();
    assert_eq!(error.code.as_deref(), Some("json.nothing_found"));
    let fields =
        json!({"one": "/items/0/name", "all": "$.items[*].name", "none": "$.none", "no": "$.none[*]"});
    let shaped = run("transform", &json!({"value": value(), "fields": fields})).unwrap();
    let expected = json!({"value": {"one": "a", "all": ["a", "b", "c"], "none": null, "no": []}});
    assert_eq!(shaped, expected);
    let error =
        run("transform", &json!({"value": value(), "fields": fields, "must_exist": true})).unwrap_err();
    assert_eq!(error.message, "nothing is at $.none, which `none` is to have");
}

#[test]
fn later_values_replace_what_earlier_ones_have() {
    for (values, null_removes, expected) in [
        (json!([]), false, json!(null)),
        (
            json!([{"a": {"b": 1, "c": 2}}, {"a": {"c": 3, "d": 4}}]),
            false,
            json!({"a": {"b": 1, "c": 3, "d": 4}}),
        ),
        (json!([{"a": [1, 2]}, {"a": [3]}]), false, json!({"a": [3]})),
        (json!([{"a": 1}, {"a": {"b": null}}]), false, json!({"a": {"b": null}})),
        (json!([{"a": 1, "b": 2}, {"a": null}]), true, json!({"b": 2})),
        (json!([{"a": 1}, {"a": {"b": null, "c": 1}}]), true, json!({"a": {"c": 1}})),
        (json!([{"a": 1}, 5]), true, json!(5)),
    ] {
        let merged = run("merge", &json!({"values": values, "null_removes": null_removes})).unwrap();
        assert_eq!(merged["value"], expected, "{values}");
    }
}

#[test]
fn differences_lead_from_one_value_to_the_other() {
    let change = |op: &str, path: &str, before: Value, value: Value| json!({"op": op, "path": path, "value": value, "before": before});
    for (before, after, changes) in [
        (json!({"a": [1, {"b": 2}]}), json!({"a": [1, {"b": 2}]}), vec![]),
        (
            json!({"a": 1, "b": 2}),
            json!({"b": 3, "c/d": 4}),
            vec![
                change("remove", "/a", json!(1), Value::Null),
                change("replace", "/b", json!(2), json!(3)),
                change("add", "/c~1d", Value::Null, json!(4)),
            ],
        ),
        (
            json!([1, 2, 3]),
            json!([0]),
            vec![
                change("replace", "/0", json!(1), json!(0)),
                change("remove", "/2", json!(3), Value::Null),
                change("remove", "/1", json!(2), Value::Null),
            ],
        ),
        (json!([1]), json!([1, 2]), vec![change("add", "/1", Value::Null, json!(2))]),
        (json!(1), json!("1"), vec![change("replace", "", json!(1), json!("1"))]),
    ] {
        let told = run("diff", &json!({"before": before, "after": after})).unwrap();
        assert_eq!(told, json!({"equal": changes.is_empty(), "changes": changes}), "{before} {after}");
    }
    let many: Vec<_> = (0..10_001).collect();
    let error = run("diff", &json!({"before": [], "after": many})).unwrap_err();
    assert_eq!(error.code.as_deref(), Some("json.too_many"));
}
