//! Paths over one payload.

use serde_json::json;

use super::*;

#[test]
fn paths_lead_to_the_first_match() {
    let payload = json!({
        "headers": {"X-Token": "t0k"},
        "body": {
            "name": "test", "a-b": "dash", "dotted.key": "dk", "0": "zero", "null": null,
            "tags": ["a", "b", "c"], "list": [{"s": "open"}, {"s": "closed", "deep": {"er": 1}}],
        },
    });
    for (path, expected) in [
        ("trigger.body.name", Some(json!("test"))),
        ("$.trigger.body.name", Some(json!("test"))),
        ("trigger.body.a-b", Some(json!("dash"))),
        ("trigger.body.\"dotted.key\"", Some(json!("dk"))),
        ("trigger.body.dotted.key", None),
        ("trigger.headers['X-Token']", Some(json!("t0k"))),
        ("trigger.body.'0'", Some(json!("zero"))),
        ("trigger.body.null", Some(json!(null))),
        ("trigger.body.nope", None),
        ("trigger.body.tags[0]", Some(json!("a"))),
        ("trigger.body.tags.[1]", Some(json!("b"))),
        ("trigger.body.tags[-1]", Some(json!("c"))),
        ("trigger.body.tags[9]", None),
        ("trigger.body.tags[1:]", Some(json!("b"))),
        ("trigger.body.name[0]", Some(json!("t"))),
        ("trigger.body.list[*].s", Some(json!("open"))),
        ("trigger.body.list[*].deep.er", Some(json!(1))),
        ("trigger.*.name", Some(json!("test"))),
        ("$..er", Some(json!(1))),
        ("trigger..s", Some(json!("open"))),
        ("trigger.body['nope','name']", Some(json!("test"))),
        ("trigger.(headers|body).name", Some(json!("test"))),
        ("trigger.nope|body.name", Some(json!("test"))),
        ("trigger", Some(payload.clone())),
    ] {
        let parsed = JsonPath::parse(path).unwrap();
        let found = parsed.first("trigger", &payload).unwrap().map(|found| match found {
            Found::Part(value) => value.clone(),
            Found::Character(char) => Value::from(char.to_string()),
        });
        assert_eq!(found, expected, "{path}");
    }
    assert!(JsonPath::parse("trigger[0]").unwrap().first("trigger", &payload).is_err());
}

#[test]
fn what_is_no_path_is_refused_with_the_reason() {
    for (path, reason) in [
        ("", "it ends too early"),
        ("trigger.[", "a number, a name or `*` is missing after `[`"),
        ("trigger.body.0", "`0` is out of place"),
        ("trigger.'a", "the ' is not closed"),
        ("trigger.a b", "`b` is out of place"),
        ("trigger.é", "`é` is not allowed without quotes"),
        ("a.b[1", "`]` is missing"),
        (&"(".repeat(100_000), "`(` is out of place"),
        (&format!("{}a", "$..".repeat(300)), "it has more than 256 steps"),
        (&format!("{}a", "$.".repeat(300)), "it has more than 256 steps"),
        (&format!("a{}", "[0]".repeat(300)), "it has more than 256 steps"),
    ] {
        let error = JsonPath::parse(path).unwrap_err().to_string();
        assert!(error.contains(reason), "{path}: {error}");
    }
}

#[test]
fn plain_paths_are_known() {
    let plain = |path: &str| JsonPath::parse(path).unwrap().plain_fields().map(|names| names.join("/"));
    assert_eq!(plain("trigger.body.a-b").as_deref(), Some("trigger/body/a-b"));
    assert_eq!((plain("trigger.tags[0]"), plain("trigger..a"), plain("trigger.a,b")), (None, None, None));
}

#[test]
fn the_plain_start_of_a_path_is_known() {
    let start = |path: &str| JsonPath::parse(path).unwrap().plain_start().map(|names| names.join("/"));
    for (path, expected) in [
        ("trigger.a.b", Some("trigger/a/b")),
        ("trigger.a[0].b", Some("trigger/a")),
        ("trigger..a", Some("trigger")),
        ("trigger.*.a", Some("trigger")),
        ("*", Some("")),
        ("$.trigger.a", None),
        ("trigger.a|b", None),
    ] {
        assert_eq!(start(path).as_deref(), expected, "{path}");
    }
}
