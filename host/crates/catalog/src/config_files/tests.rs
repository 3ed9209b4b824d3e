//! Messages about invalid configurations, and about their files.

use serde_json::json;

use super::*;

fn object(value: Value) -> Object {
    let Value::Object(object) = value else { panic!("not an object: {value}") };
    object
}

#[test]
fn all_mistakes_are_told_together_and_other_keys_are_none() {
    let schema = object(json!({
        "url": {"type": "string", "required": true}, "token": {"type": "string", "secret": true, "required": true},
        "zone": {"type": "string", "required": true, "default": "eu"}, "port": {"type": "integer"},
        "auth": {"type": "object", "properties": {"user": {"type": "string"}, "pin": {"type": "integer", "secret": true}}},
        "strict": {"type": "object", "properties": {"a": {}}, "additionalProperties": false},
    }));
    for (values, expected) in [
        (json!({"url": "x", "token": "y"}), &[][..]),
        (
            json!({"url": "x", "token": "y", "colour": "hush", "port": null, "auth": {"user": null, "pin": null, "more": 1}}),
            &[],
        ),
        (
            json!({"url": 1, "tokn": "hush", "port": "x", "auth": {"pin": "hush"}}),
            &[
                "'token' is a required property; was it meant by 'tokn'?",
                "url: 1 is not a string",
                "port: \"x\" is not an integer",
                "auth.pin: value is not an integer",
            ],
        ),
        (
            json!({"url": null, "token": "y", "strict": {"other": 1}}),
            &[
                "url: null is not a string",
                "strict: Additional properties are not allowed ('other' was unexpected); it takes: a",
            ],
        ),
    ] {
        assert_eq!(mistakes(&object(values.clone()), &schema), expected, "{values}");
        let refused = fits("p", &object(values), Some(&schema)).err().map(|error| error.to_string());
        let is_as_said =
            |said: &String| expected.iter().all(|part| said.contains(part)) && !said.contains("hush");
        assert_eq!(refused.as_ref().is_some_and(is_as_said), !expected.is_empty(), "{refused:?}");
    }
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
