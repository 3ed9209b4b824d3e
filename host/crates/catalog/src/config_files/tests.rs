//! Messages about invalid configurations, and about their files.

use serde_json::json;

use super::*;

fn object(value: Value) -> Object {
    let Value::Object(object) = value else { panic!("not an object: {value}") };
    object
}

#[test]
fn keys_that_are_missing_and_keys_that_are_not_known_are_told_together() {
    let schema = object(json!({
        "url": {"type": "string", "required": true}, "token": {"type": "string", "secret": true, "required": true},
        "zone": {"type": "string", "required": true, "default": "eu"},
    }));
    for (values, expected) in [
        (json!({"url": "x", "token": "y"}), &[][..]),
        (
            json!({"url": "x", "tokn": "hush", "colour": "hush"}),
            &[
                "'token' is a required property",
                "Additional properties are not allowed ('tokn' was unexpected); did you mean token?",
                "Additional properties are not allowed ('colour' was unexpected)",
            ],
        ),
    ] {
        assert_eq!(wrong_keys(&object(values.clone()), &schema), expected, "{values}");
        let refused = fits("p", &object(values), Some(&schema)).err().map(|error| error.to_string());
        let is_as_said =
            |said: &String| expected.iter().all(|part| said.contains(part)) && !said.contains("hush");
        assert_eq!(refused.as_ref().is_some_and(is_as_said), !expected.is_empty(), "{refused:?}");
    }
}

#[test]
fn a_key_that_is_there_only_for_references_is_not_missed() {
    // As in the packs napalm and sql of StackStorm's Exchange, with references written out.
    let group = json!({"type": "object", "properties": {"user": {"type": "string"}}});
    let schema = object(json!({
        "credentials": {"type": "object", "patternProperties": {"^\\w+": group}},
        "group": group, "host": {"type": "string"}, "hosts": {"type": "array", "items": {"type": "string"}},
    }));
    let note = ungiven("p", &object(json!({"credentials": {}})), &schema).unwrap_or_default();
    assert!(note.contains("pack `p` has no host, hosts: not given"), "{note}");
    let all = json!({"credentials": {}, "host": "a", "hosts": []});
    assert_eq!(ungiven("p", &object(all), &schema), None);
}

#[test]
fn a_file_that_is_not_what_is_in_force_is_told() {
    let config = |value: i32, is_file: bool| GivenConfig {
        values: Arc::new(object(json!({"a": value}))),
        file: is_file.then(|| PathBuf::from("/c/p.yaml")),
    };
    for (now, given, says) in [
        (Ok(None), None, None),
        (Ok(None), Some(config(1, false)), None),
        (Ok(None), Some(config(1, true)), Some("/c/p.yaml is gone, and what it said is in force")),
        (Ok(Some(config(1, true))), Some(config(1, true)), None),
        (Ok(Some(config(2, true))), Some(config(1, true)), Some("/c/p.yaml is not what is in force")),
        (Ok(Some(config(1, true))), Some(config(1, false)), Some("`petrel pack register p`")),
        (Err(Error::invalid("/c/p.yaml: bad", "correct it")), None, Some("/c/p.yaml: bad; correct it.")),
    ] {
        let said = differs("p", "/c/p.yaml", &now, given.as_ref());
        assert_eq!(said.is_some(), says.is_some(), "{said:?}");
        assert!(says.is_none_or(|says| said.unwrap_or_default().contains(says)), "{says:?}");
    }
}
