//! Configurations as actions see them: templates and keys that are missing.

use serde_json::json;

use super::*;

fn object(value: Value) -> Object {
    let Value::Object(object) = value else { panic!("not an object: {value}") };
    object
}

#[test]
fn a_default_that_reads_a_key_that_is_not_there_is_null() {
    let text = "{{ st2kv.system.gone }}";
    let (given, all) = (object(json!({"b": text})), object(json!({"a": text, "b": text})));
    let datastore = Arc::new(Datastore::default());
    let refused = Configuration::new(all.clone(), &given).filled("p", &datastore).unwrap_err();
    assert_eq!(refused.place, "b");
    let of_schema = Configuration::new(all.clone(), &Object::new());
    let filled = of_schema.filled("p", &datastore).unwrap();
    assert_eq!(*filled, object(json!({"a": null, "b": null})));
    // It is told of defaults, and of nothing else.
    let missing = "the datastore has no key st2kv.system.gone".to_owned();
    let absent = Some(("b".to_owned(), missing));
    assert_eq!(of_schema.absent(&datastore, |place| place == "b"), absent);
    let configuration = Configuration::new(all.clone(), &given);
    assert_eq!(configuration.absent(&datastore, |place| place == "b"), None);
    for (is_given, place) in [(true, "`b`"), (false, "`a`")] {
        let missing = configuration.missing(&datastore, is_given);
        let keys: Vec<_> = missing.keys.iter().map(|key| key.name.as_str()).collect();
        assert_eq!((missing.places.to_string().as_str(), keys), (place, vec!["gone"]));
    }
    let there = [("gone".to_owned(), "x".to_owned())].into_iter().collect();
    let there = Datastore::shared(there);
    assert_eq!(Configuration::new(all, &Object::new()).absent(&there, |_| true), None);
}

fn filled(values: Value) -> Result<Value, String> {
    let system =
        [("plain", "pv"), ("code", "{{ st2kv.system.plain }}"), ("list", "[1]"), ("decrypt_kv_pin", "7")];
    let system = system.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    let datastore = Arc::new(Datastore::shared(system));
    let values = object(values);
    let filled = Configuration::new(values.clone(), &values).filled("p", &datastore);
    filled.map(|values| Value::Object(Object::clone(&values))).map_err(|error| error.to_string())
}

#[test]
fn what_the_datastore_holds_stands_in_the_place_of_templates() {
    for (given, expected) in [
        (json!({"zone": "z1", "n": 1}), json!({"zone": "z1", "n": 1})),
        (json!({"kv": "{{ st2kv.system.plain }}"}), json!({"kv": "pv"})),
        (json!({"kv": "{{ system.plain }}-x"}), json!({"kv": "pv-x"})),
        (json!({"a": [{"b": "{{st2kv.system.plain}}"}]}), json!({"a": [{"b": "pv"}]})),
        // Text stays text, and what came out is not looked at again.
        (json!({"kv": "{{ st2kv.system.list }}"}), json!({"kv": "[1]"})),
        (json!({"kv": "{{ st2kv.system.code }}"}), json!({"kv": "{{ st2kv.system.plain }}"})),
        (json!({"kv": "{{ st2kv.system.gone | default('') }}"}), json!({"kv": null})),
        (json!({"kv": "{{ st2kv.system.gone or 'x' }}"}), json!({"kv": "x"})),
        (json!({"password": "a{{b"}), json!({"password": "a{{b"})),
        // No filter, or one in a branch that is not taken.
        (json!({"pin": "{{ st2kv.system.decrypt_kv_pin }}"}), json!({"pin": "7"})),
        (
            json!({"pin": "{% if st2kv.system.plain == 'x' %}{{ system.plain | decrypt_kv }}{% else %}b{% endif %}"}),
            json!({"pin": "b"}),
        ),
        (json!({"a": "{{ 1 + 1 }}{{ trigger.b }}"}), json!({"a": "{{ 1 + 1 }}{{ trigger.b }}"})),
        (json!({"a": "{{ st2kv.system.plain }}{{ b }}"}), json!({"a": "{{ st2kv.system.plain }}{{ b }}"})),
    ] {
        assert_eq!(filled(given.clone()), Ok(expected), "{given}");
    }
}

/// Opens `sealed:NAME` for the key of that name.
#[derive(Debug)]
struct ByName;

impl petrel_expressions::Opener for ByName {
    fn open(&self, key: &KeyName, sealed: &str) -> Result<Option<String>, String> {
        match sealed.strip_prefix("sealed:") {
            None => Ok(None),
            Some(name) if name == key.name => Ok(Some(format!("s3cret {name}"))),
            Some(_) => Err("it is of another key".to_owned()),
        }
    }
}

#[test]
fn an_encrypted_key_is_decrypted_where_a_secret_is_expected() {
    let schema = json!({
        "pin": {"secret": true}, "open": {"type": "string"},
        "auth": {"type": "object", "properties": {"token": {"secret": true}}},
    });
    let system = [("a", "sealed:a"), ("b", "sealed:other"), ("plain", "pv")];
    let system = system.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let datastore = Datastore { opener: Some(Arc::new(ByName)), ..Datastore::shared(system) };
    let datastore = Arc::new(datastore);
    for (given, expected) in [
        (json!({"pin": "{{ st2kv.system.a }}"}), Ok(json!({"pin": "s3cret a"}))),
        (json!({"pin": "{{ st2kv.system.a | decrypt_kv }}"}), Ok(json!({"pin": "s3cret a"}))),
        (json!({"open": "{{ st2kv.system.a | decrypt_kv }}"}), Ok(json!({"open": "s3cret a"}))),
        (json!({"open": "{{ st2kv.system.a }}"}), Ok(json!({"open": "sealed:a"}))),
        (json!({"pin": "{{ st2kv.system.plain }}"}), Ok(json!({"pin": "pv"}))),
        (json!({"auth": {"token": "{{ st2kv.system.a }}"}}), Ok(json!({"auth": {"token": "s3cret a"}}))),
        (json!({"pin": "sealed:a"}), Ok(json!({"pin": "sealed:a"}))),
        (json!({"pin": "{{ st2kv.system.b }}"}), Err(NO_DECRYPTION)),
        (json!({"open": "{{ st2kv.system.plain | decrypt_kv }}"}), Err(DECRYPTS_PLAIN)),
        (json!({"auth": {"token": "{{ st2kv.system.b | decrypt_kv }}"}}), Err(NO_DECRYPTION)),
    ] {
        let values = object(given.clone());
        let configuration = Configuration::new(values.clone(), &values).with_schema(schema.as_object());
        let filled = configuration.filled("p", &datastore);
        let filled = filled.map(|values| Value::Object(Object::clone(&values)));
        match (filled.map_err(|error| error.to_string()), expected) {
            (Ok(filled), Ok(expected)) => assert_eq!(filled, expected, "{given}"),
            (Err(error), Err(says)) => assert!(error.ends_with(says) && !error.contains("sealed"), "{error}"),
            other => panic!("{given}: {other:?}"),
        }
    }
}

#[test]
fn a_key_that_is_not_there_is_named_with_its_place() {
    for (given, place) in [
        (json!({"token": "{{ st2kv.system.tok }}"}), "token"),
        (json!({"auth": {"token": ["Bearer {{ system.tok }}"]}}), "auth.token[0]"),
        (json!({"token": "{{ st2kv.system.plain }}{{ st2kv.system.tok | upper }}"}), "token"),
    ] {
        let says = format!("`{place}` reads what is not there: the datastore has no key st2kv.system.tok");
        let error = filled(given.clone()).unwrap_err();
        assert!(error.contains("pack `p`") && error.ends_with(&says), "{given}: {error}");
    }
}

#[test]
fn what_cannot_be_filled_in_is_named_and_not_quoted() {
    let error =
        filled(json!({"auth": [{"pin": "{{ st2kv.system.plain | from_json_string }}"}]})).unwrap_err();
    assert!(error.contains("pack `p`") && error.contains("`auth[0].pin`"), "{error}");
    assert!(!error.contains("pv") && !error.contains("plain"), "{error}");
    for (pin, says) in [
        (
            "{{ st2kv.system.gone | decrypt_kv }}",
            "`pin` reads what is not there: the datastore has no key st2kv.system.gone",
        ),
        ("{{ st2kv.system.plain | decrypt_kv }}", NO_DECRYPTION),
        ("{% if st2kv.system.plain %}{{ st2kv.system.plain | decrypt_kv }}{% endif %}", NO_DECRYPTION),
    ] {
        let error = filled(json!({"pin": pin})).unwrap_err();
        assert!(error.ends_with(says), "{pin}: {error}");
    }
    let endless = "{% for a in range(9000) %}{% for b in range(9000) %}{{ st2kv.system.plain }}{% endfor %}{% endfor %}";
    assert!(filled(json!({"a": endless})).unwrap_err().contains("`a` "));
    assert_eq!(unreadable(&object(json!({"a": {"b": ["{{ x", "{{ st2kv.x"]}}))), Some("a.b[1]".to_owned()));
    assert_eq!(unreadable(&object(json!({"a": "{{ st2kv.x }}", "b": "}"}))), None);
    let words = json!({
        "a": [{"b": "{{ st2kv.system.x | uper }}"}], "c": "{{ st2kv.system.x | upper }}", "d": "{{ y | uper }}",
    });
    assert_eq!(meaningless(&object(words)).to_string(), "`a[0].b`");
    let found = unscoped(&object(json!({
        "a": ["{{ st2kv.limit }}"], "b": "{{ st2kv.system.limit }}", "c": "a{{b", "d": "{{ x }}{{ st2kv.y }}",
    })));
    let told: Vec<_> = found.told.iter().map(|(said, places)| (places.to_string(), said.as_str())).collect();
    let says = "`st2kv.limit` names no scope of the datastore; did you mean `st2kv.system.limit`? A key of a user is read by `st2kv.user.limit`";
    assert_eq!((told, found.more), (vec![("`a[0]`".to_owned(), says)], 0));
}
