//! Notes on configurations of packs that are accepted and likely mistaken: keys that no schema declares or that nobody
//! gives, and templates that cannot be filled in. Each cause has one note. Values and templates may be secret, so none is
//! quoted. [`config_files`](crate::config_files) refuses what cannot be accepted.

use petrel_expressions::Datastore;
use petrel_model::configuration::with_defaults;
use petrel_model::nearest::nearest;
use petrel_model::parameters::Parameters;
use petrel_model::quoted::{listed, quoted};
use petrel_model::{Object, Pack};
use serde_json::Value;

use crate::configuration::{self, Configuration, GivenConfig};

/// Largest number of keys and places that one note names.
const MOST_NAMED: usize = 5;

/// The beginning of what [`Configuration`] tells of a missing key.
const NO_KEY: &str = "the datastore has no key ";

/// Largest number of missing keys that one note names: somebody is about to give them.
const MOST_MISSING: usize = 20;

/// Largest number of missing keys whose schemas are looked for in the others.
const MOST_COMPARED: usize = 100;

/// The notes on the configuration `given` of `pack` for which nothing but the schema is needed.
pub(crate) fn of_given(pack: &str, given: &GivenConfig, schema: Option<&Parameters>) -> Vec<String> {
    let file = given.file.as_ref().map(|file| format!("{}: ", file.display())).unwrap_or_default();
    let whose = format!("{file}the configuration of the pack `{pack}`");
    let mut notes = Vec::new();
    notes.extend(schema.and_then(|schema| undeclared(&whose, &given.values, schema)));
    for (places, what) in [
        (configuration::meaningless(&given.values), "a function or a filter that does not exist; correct it"),
        (
            configuration::decrypted(&given.values),
            "decrypt_kv, which is not there yet, as the datastore keeps no secrets yet; give the value itself",
        ),
    ] {
        if !places.is_empty() {
            let verb = if places.len() == 1 { "uses" } else { "use" };
            notes.push(format!("{whose} cannot be filled in: {} {verb} {what}", in_ticks(&places)));
        }
    }
    let unscoped = configuration::unscoped(&given.values).into_iter();
    notes.extend(unscoped.map(|(place, said)| format!("{whose}: `{place}` stays text as it is: {said}")));
    notes
}

/// The note on keys that `schema` does not declare. StackStorm takes them, and so do actions.
fn undeclared(whose: &str, values: &Object, schema: &Parameters) -> Option<String> {
    let mut found = Vec::new();
    find_undeclared(values, schema, "", &mut found);
    // Only the named ones are compared with all that is declared.
    let named = found.iter().take(MOST_NAMED).map(|Undeclared { place, name, declared }| {
        let near = nearest(name, declared.keys().map(String::as_str));
        let near = near.map(|near| format!(" (did you mean {near}?)")).unwrap_or_default();
        format!("{}{near}", quoted(place))
    });
    let named: Vec<_> = named.collect();
    let more = match found.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let (it, name) = if found.len() == 1 { ("it", "name") } else { ("them", "names") };
    (!found.is_empty()).then(|| {
        format!(
            "{whose} gives {}{more}, which config.schema.yaml does not declare: actions get {it} unchecked; correct the {name}, or \
             declare {it}",
            named.join(", ")
        )
    })
}

/// A key that is given and not declared.
struct Undeclared<'a> {
    /// Its place, such as `auth.pasword`.
    place: String,
    /// The key itself.
    name: &'a str,
    /// The keys that are declared there.
    declared: &'a Parameters,
}

/// Collects the keys of `values`, which are at `place`, that `declared` lacks, also inside those that it has.
fn find_undeclared<'a>(
    values: &'a Object,
    declared: &'a Parameters,
    place: &str,
    found: &mut Vec<Undeclared<'a>>,
) {
    for (name, value) in values {
        let place = if place.is_empty() { name.clone() } else { format!("{place}.{name}") };
        match declared.get(name) {
            Some(schema) => find_inside(value, schema, &place, found),
            None => found.push(Undeclared { place, name, declared }),
        }
    }
}

fn find_inside<'a>(value: &'a Value, schema: &'a Value, place: &str, found: &mut Vec<Undeclared<'a>>) {
    match value {
        Value::Object(fields) => {
            // With these keywords the author says that there may be others.
            let is_open =
                ["patternProperties", "additionalProperties"].iter().any(|word| schema.get(word).is_some());
            let declared = schema.get("properties").and_then(Value::as_object);
            if let Some(declared) = declared.filter(|_| !is_open) {
                find_undeclared(fields, declared, place, found);
            }
        }
        Value::Array(items) => {
            if let Some(schema) = schema.get("items").filter(|schema| schema.is_object()) {
                for (number, item) in items.iter().enumerate() {
                    find_inside(item, schema, &format!("{place}[{number}]"), found);
                }
            }
        }
        _ => {}
    }
}

/// The note on keys of a configuration that are declared, and neither given nor have a default. StackStorm accepts that, and
/// an action that reads such a key fails.
pub(crate) fn ungiven(pack: &str, values: &Object, schema: &Parameters) -> Option<String> {
    let whole = with_defaults(values, schema);
    let mut missing: Vec<_> =
        schema.keys().map(String::as_str).filter(|name| !whole.contains_key(*name)).collect();
    if missing.len() <= MOST_COMPARED {
        missing.retain(|name| !is_within_others(name, schema));
    }
    (!missing.is_empty()).then(|| {
        format!(
            "the configuration of the pack `{pack}` has no {}: not given, and without a default; an action that reads such a key as \
             self.config[...] fails, so give it if it is needed",
            listed(missing, MOST_MISSING)
        )
    })
}

/// Whether the schema of a key is a part of those of others, as one is that is there only for `$ref`: references are written
/// out when a pack is read. A schema without parts of its own may be the same by chance.
fn is_within_others(name: &str, schema: &Parameters) -> bool {
    let Some(one) = schema.get(name) else { return false };
    let has_parts = ["properties", "patternProperties", "items"].iter().any(|part| one.get(*part).is_some());
    has_parts && schema.iter().any(|(other, whole)| other != name && has_part(whole, one))
}

fn has_part(whole: &Value, part: &Value) -> bool {
    match whole {
        Value::Object(fields) => fields.values().any(|inner| inner == part || has_part(inner, part)),
        Value::Array(items) => items.iter().any(|inner| inner == part || has_part(inner, part)),
        _ => false,
    }
}

/// The notes on templates in the configuration of `pack` that read keys which `datastore` lacks: given ones, without which
/// actions fail, and defaults, which are null then. `given` is the configuration.
pub(crate) fn without_keys(pack: &Pack, given: Option<&GivenConfig>, datastore: &Datastore) -> Vec<String> {
    let (no_values, no_schema) = (Object::new(), Parameters::new());
    let given = given.map_or(&no_values, |given| &*given.values);
    let whole = with_defaults(given, pack.config_schema.as_ref().unwrap_or(&no_schema));
    // What is decrypted fails whether the key is there or not, and is told.
    let decrypted = configuration::decrypted(&whole);
    let configuration = Configuration::new(whole, given);
    let readable = |mut absent: Vec<(String, String)>| {
        absent.retain(|(place, _)| !decrypted.contains(place));
        absent
    };
    let name = &pack.reference;
    let mut notes = Vec::new();
    let failing = readable(configuration.lacking(datastore));
    if let Some((places, missing)) = gathered(&failing) {
        let read = if failing.len() == 1 { "reads" } else { "read" };
        notes.push(format!(
            "the configuration of the pack `{name}`: {places} {read} what is not there, so that actions of the pack fail: {missing}; \
             `petrel key set NAME VALUE` sets it"
        ));
    }
    let empty = readable(configuration.absent(datastore));
    if let Some((places, missing)) = gathered(&empty) {
        let (default, is) = if empty.len() == 1 { ("default", "is") } else { ("defaults", "are") };
        notes.push(format!(
            "the configuration of the pack `{name}`: the {default} of {places} {is} null, since {missing}; `petrel key set NAME VALUE` \
             sets it, or `petrel pack configure {name} FILE` gives the value itself"
        ));
    }
    notes
}

/// The places of templates that read missing keys, and these keys, each once.
fn gathered(absent: &[(String, String)]) -> Option<(String, String)> {
    let places: Vec<_> = absent.iter().map(|(place, _)| place.clone()).collect();
    let mut missing: Vec<&str> =
        absent.iter().map(|(_, missing)| missing.strip_prefix(NO_KEY).unwrap_or(missing)).collect();
    missing.sort_unstable();
    missing.dedup();
    (!absent.is_empty()).then(|| (in_ticks(&places), format!("{NO_KEY}{}", listed(missing, MOST_NAMED))))
}

/// The note on defaults in `schema` that decrypt keys of the datastore.
pub(crate) fn decrypting(schema: &Parameters) -> Option<String> {
    let places = configuration::decrypted(&with_defaults(&Object::new(), schema));
    let (default, verb) = if places.len() == 1 { ("default", "uses") } else { ("defaults", "use") };
    (!places.is_empty()).then(|| {
        format!(
            "config.schema.yaml: the {default} of {} {verb} decrypt_kv, which is not there yet, as the datastore keeps no secrets \
             yet; give the value itself in the configuration",
            in_ticks(&places)
        )
    })
}

fn in_ticks(places: &[String]) -> String {
    let places: Vec<_> = places.iter().map(|place| format!("`{place}`")).collect();
    listed(places.iter().map(String::as_str), MOST_NAMED)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::Arc;

    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Object {
        let Value::Object(object) = value else { panic!("not an object: {value}") };
        object
    }

    fn given(values: Value, file: Option<&str>) -> GivenConfig {
        GivenConfig { values: Arc::new(object(values)), file: file.map(PathBuf::from) }
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
            let is_said =
                |note: &String| says.is_some_and(|says| note.contains(says)) && !note.contains("hush");
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
    fn a_template_that_decrypts_is_told_and_not_quoted() {
        let values =
            json!({"a": [{"b": "{{ st2kv.system.hush | decrypt_kv }}"}], "c": "{{ st2kv.system.d }}"});
        let notes = of_given("p", &given(values, None), None);
        assert!(
            notes.len() == 1 && notes[0].contains("`a[0].b` uses decrypt_kv, which is not there yet"),
            "{notes:?}"
        );
        assert!(!notes[0].contains("hush"), "{notes:?}");
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
            keys.iter()
                .map(|key| ((*key).to_owned(), json!({"type": "string", "default": read(key)})))
                .collect()
        };
        let datastore =
            Datastore { system: [("there".to_owned(), "x".to_owned())].into(), ..Datastore::default() };
        for (schema, values, says) in [
            (json!(null), json!({"a": read("there"), "b": "plain"}), &[][..]),
            (
                json!(null),
                json!({"a": read("gone")}),
                &[
                    "`a` reads what is not there, so that actions of the pack fail: the datastore has no key st2kv.system.gone; \
                   `petrel key set NAME VALUE` sets it",
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
}
