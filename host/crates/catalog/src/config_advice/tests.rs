//! What is told of configurations, and what is not.

use std::path::PathBuf;
use std::sync::Arc;

use super::*;

fn object(value: Value) -> Object {
    let Value::Object(object) = value else { panic!("not an object: {value}") };
    object
}

fn given(values: Value, file: Option<&str>) -> GivenConfig {
    GivenConfig { values: Arc::new(object(values)), file: file.map(PathBuf::from) }
}

#[test]
fn a_decrypted_key_where_no_secret_is_declared_is_told() {
    let schema = object(json!({
        "token": {"secret": true}, "url": {"type": "string"}, "auth": {"type": "object", "secret": true},
        "hosts": {"type": "array", "items": {"type": "string"}},
    }));
    let decrypting = "{{ st2kv.system.pin | decrypt_kv }}";
    for (values, says) in [
        (json!({"token": decrypting, "auth": {"pin": decrypting}, "url": "{{ st2kv.system.pin }}"}), None),
        (json!({"url": decrypting}), Some("`url` decrypts a key of the datastore")),
        (json!({"url": decrypting, "hosts": ["a", decrypting]}), Some("`url`, `hosts[1]` decrypt keys")),
    ] {
        let notes = of_given("p", &given(values.clone(), None), Some(&schema));
        assert_eq!(notes.len(), usize::from(says.is_some()), "{values}: {notes:?}");
        assert!(notes.iter().all(|note| says.is_some_and(|says| note.contains(says))), "{values}: {notes:?}");
    }
}

#[test]
fn keys_that_no_schema_declares_are_told_together_with_the_nearest() {
    let schema = object(json!({
        "token": {"type": "string", "secret": true},
        "auth": {"type": "object", "properties": {"user": {}, "password": {"secret": true}}},
        "hosts": {"type": "array", "items": {"type": "object", "properties": {"port": {}}}},
        "open": {"type": "object", "properties": {"a": {}}, "additionalProperties": {"type": "string"}},
        "any": {"type": "object", "patternProperties": {"^x": {}}},
        "free": {"type": "object"},
    }));
    for (values, says) in [
        (
            json!({"token": "y", "auth": {"user": "u"}, "open": {"b": 1}, "any": {"y": 1}, "free": {"z": 1}}),
            None,
        ),
        (
            json!({"tokn": "hush"}),
            Some(
                "the configuration of the pack `p` gives tokn (did you mean token?), which config.schema.yaml does not \
                 declare: actions get it unchecked; correct the name, or declare it",
            ),
        ),
        (
            json!({"colour": "hush", "auth": {"pasword": "hush"}, "hosts": [{}, {"prt": "hush"}]}),
            Some(
                "gives colour, auth.pasword (did you mean password?), hosts[1].prt (did you mean port?), which \
                 config.schema.yaml does not declare: actions get them unchecked",
            ),
        ),
        (
            json!({"q1": 1, "q2": 1, "q3": 1, "q4": 1, "q5": 1, "q6": 1, "q7": 1}),
            Some("gives q1, q2, q3, q4, q5 and 2 more, which"),
        ),
    ] {
        let notes = of_given("p", &given(values.clone(), None), Some(&schema));
        assert_eq!(notes.len(), usize::from(says.is_some()), "{values}: {notes:?}");
        let is_said = |note: &String| says.is_some_and(|says| note.contains(says)) && !note.contains("hush");
        assert!(notes.iter().all(is_said), "{values}: {notes:?}");
    }
    let notes = of_given("p", &given(json!({"tokn": 1}), Some("/c/packs/p.yaml")), Some(&schema));
    assert!(
        notes[0].starts_with("/c/packs/p.yaml: the configuration of the pack `p` gives tokn"),
        "{notes:?}"
    );
    assert_eq!(of_given("p", &given(json!({"tokn": 1}), None), None), Vec::<String>::new());
}

#[test]
fn of_many_causes_and_places_a_few_are_told_and_no_note_is_long() {
    let long = "x".repeat(1 << 19);
    let many = |value: &dyn Fn(usize) -> Value| -> Value {
        (0..2_000).map(|number| (format!("k{number}"), value(number))).collect()
    };
    let schema = object(json!({"a": {"type": "object", "properties": {}}}));
    for (values, says) in [
        (json!({"a": many(&|_| json!(1))}), &["gives a.k0, a.k1, a.k2, a.k3, a.k4 and 1995 more, which"][..]),
        (json!({(&*long): many(&|_| json!(1))}), &["which config.schema.yaml does not declare"]),
        (
            json!({"a": [many(&|_| json!("{{ st2kv.limit }}"))]}),
            &[
                "`a[0].k0`, `a[0].k1`, `a[0].k2`, `a[0].k3`, `a[0].k4` and 1995 more stay text as they are: `st2kv.limit`",
            ],
        ),
        (
            json!({"a": [many(&|number| json!(format!("{{{{ st2kv.key{number} }}}}")))]}),
            &[
                "`a[0].k0` stays text as it is: `st2kv.key0`",
                "`a[0].k1` stays",
                "`a[0].k2` stays",
                "`a[0].k3` stays",
                "`a[0].k4` stays",
                "has 1995 other readings of the datastore without a scope",
            ],
        ),
        (
            json!({"a": [many(&|_| json!("{{ st2kv.system.x | uper }}"))]}),
            &["`a[0].k4` and 1995 more use a function or a filter"],
        ),
    ] {
        let notes = of_given("p", &given(values, None), Some(&schema));
        assert_eq!(notes.len(), says.len(), "{notes:?}");
        for (note, says) in notes.iter().zip(says) {
            assert!(note.contains(says) && note.len() < 2_000, "{says}: {note}");
        }
    }
}

#[test]
fn keys_that_the_datastore_lacks_are_told_once_for_given_values_and_once_for_defaults() {
    let pack = |schema: Value| -> Pack {
        let mut pack = json!({
            "ref": "p", "name": "p", "description": "d", "version": "1.0.0", "author": "a", "email": "", "keywords": [],
            "path": "", "built_in": false,
        });
        pack["config_schema"] = schema;
        serde_json::from_value(pack).unwrap()
    };
    let read = |key: &str| format!("{{{{ st2kv.system.{key} }}}}");
    let defaults = |keys: &[&str]| -> Value {
        keys.iter().map(|key| ((*key).to_owned(), json!({"type": "string", "default": read(key)}))).collect()
    };
    let datastore = Datastore::shared([("there".to_owned(), "x".to_owned())].into());
    for (schema, values, says) in [
        (json!(null), json!({"a": read("there"), "b": "plain"}), &[][..]),
        (
            json!(null),
            json!({"a": read("gone")}),
            &[
                "`a` reads what is not there, so that actions of the pack fail: the datastore has no key st2kv.system.gone; \
               `petrel key set NAME VALUE` sets it, and a secret `petrel key set NAME --encrypt -`",
            ],
        ),
        (json!(null), json!({"a": "{{ st2kv.system.gone | decrypt_kv }}"}), &[]),
        (
            defaults(&["one", "there", "two"]),
            json!({"x": {"y": read("ther")}, "z": [read("ther")]}),
            &[
                "`x.y`, `z[0]` read what is not there, so that actions of the pack fail: the datastore has no key \
                 st2kv.system.ther (did you mean st2kv.system.there?); ",
                "the defaults of `one`, `two` are null, since the datastore has no key st2kv.system.one, st2kv.system.two; ",
            ],
        ),
    ] {
        let notes = without_keys(&pack(schema), Some(&given(values.clone(), None)), &datastore);
        assert_eq!(notes.len(), says.len(), "{values}: {notes:?}");
        assert!(notes.iter().zip(says).all(|(note, says)| note.contains(says)), "{values}: {notes:?}");
    }
    let notes = without_keys(&pack(defaults(&["one"])), None, &datastore);
    assert!(
        notes.len() == 1 && notes[0].contains("the default of `one` is null, since the datastore"),
        "{notes:?}"
    );
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
