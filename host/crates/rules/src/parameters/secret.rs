//! Parameters that are made from secrets. No schema tells of these, so their templates are searched. One pass
//! finds all of them, since a caller may give many.

use std::collections::{BTreeMap, BTreeSet};

use petrel_expressions::Template;
use petrel_model::secrets::Marks;
use serde_json::Value;

use super::given::{Given, Parameter};
use super::signature::{Declared, Signature};
use crate::reads::Reads;

/// The names of the parameters whose templates read a secret, directly or through other parameters. Secrets
/// are the parameters for which `is_secret` holds, what is decrypted, and the marked parts of the values in `beside`:
/// these are all that templates see besides the parameters, as pairs of a name and a schema.
pub fn made_from_secrets<'a>(
    given: &'a Given,
    signature: &'a Signature,
    is_secret: impl Fn(&str) -> bool,
    beside: &[(&str, &Value)],
) -> BTreeSet<&'a str> {
    let (mut open, mut readers) = (Vec::new(), BTreeMap::<&str, Vec<&str>>::new());
    let declared = signature.iter().map(|declared| (declared.name.as_str(), &declared.default));
    for (name, parameter) in given.iter().chain(declared) {
        for template in parameter.templates() {
            if template.may_decrypt() || reads_marked(template, beside) {
                open.push(name);
            }
            for read in template.may_read() {
                if read != name && is_secret(read) {
                    open.push(name);
                }
                readers.entry(read).or_default().push(name);
            }
        }
    }
    with_readers(open, &readers)
}

/// The first of the given parameters whose template reads a secret that was not given with it, directly or
/// through defaults. Such secrets are the defaults of secret parameters, the marked parts of the values in
/// `beside`, and the data for which `was_secret` holds.
pub fn reading_hidden<'a>(
    given: &'a Given,
    signature: &'a Signature,
    was_secret: impl Fn(&str) -> bool,
    beside: &[(&str, &Value)],
) -> Option<&'a str> {
    let own: BTreeMap<_, _> = given.iter().collect();
    let takes_default = |declared: &&Declared| {
        declared.is_immutable || own.get(declared.name.as_str()).is_none_or(|given| given.is_null())
    };
    let (mut open, mut readers) = (Vec::new(), BTreeMap::<&str, Vec<&str>>::new());
    let data = given.iter().filter(|(_, parameter)| matches!(parameter, Parameter::Data(_)));
    open.extend(data.map(|(name, _)| name).filter(|&name| was_secret(name)));
    for declared in signature.iter().filter(takes_default) {
        let (name, templates) = (declared.name.as_str(), declared.default.templates());
        let is_hidden = signature.is_secret(name) && !declared.default.is_null();
        let reads = |template: &&Template| template.may_decrypt() || reads_marked(template, beside);
        if is_hidden || templates.iter().any(reads) {
            open.push(name);
        }
        for read in templates.into_iter().flat_map(Template::may_read) {
            readers.entry(read).or_default().push(name);
        }
    }
    let hidden = with_readers(open, &readers);
    let reads = |template: &Template| {
        reads_marked(template, beside) || template.may_read().any(|name| hidden.contains(name))
    };
    let reading = |parameter: &Parameter| parameter.templates().into_iter().any(&reads);
    given.iter().find(|(_, parameter)| reading(parameter)).map(|(name, _)| name)
}

/// The first of the given parameters whose template decrypts a key of the datastore, except for one that is nothing but
/// the key of the user: `{{ st2kv.user.NAME | decrypt_kv }}`.
pub fn decrypting(given: &Given) -> Option<&str> {
    let reads = |template: &&Template| template.may_decrypt() && !is_own_key(template.source());
    let found = given.iter().find(|(_, parameter)| parameter.templates().iter().any(reads));
    found.map(|(name, _)| name)
}

fn is_own_key(source: &str) -> bool {
    let inside = source.trim().strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}"));
    let parts = inside.and_then(|inside| inside.split_once('|'));
    parts.is_some_and(|(key, filter)| {
        let name = key.trim().strip_prefix("st2kv.user.");
        let is_plain = |char: char| char.is_alphanumeric() || char == '_' || char == '.';
        name.is_some_and(|name| name.chars().all(is_plain)) && filter.trim() == "decrypt_kv"
    })
}

/// The names in `open`, and those that read them, directly or through others.
fn with_readers<'a>(mut open: Vec<&'a str>, readers: &BTreeMap<&'a str, Vec<&'a str>>) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    // Each name is followed once, so that cycles end and long chains stay cheap.
    while let Some(name) = open.pop() {
        if found.insert(name) {
            open.extend(readers.get(name).into_iter().flatten());
        }
    }
    found
}

fn reads_marked(template: &Template, beside: &[(&str, &Value)]) -> bool {
    beside.iter().any(|(name, schema)| {
        let mut reads = Reads::default();
        reads.add_name(name, template.source());
        reads.has_secret(&Marks::of(schema))
    })
}

#[cfg(test)]
mod tests {
    use petrel_model::Object;
    use serde_json::json;

    use super::*;

    fn object(value: &Value) -> Object {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn what_is_made_from_a_secret_is_known_however_far_away() {
        let declared = json!({
            "pin": {"secret": true}, "login": {"properties": {"password": {"secret": true}}},
            "b": {"default": "{{ pin }}"}, "n": {"type": "integer"},
        });
        let signature = Signature::new(&Object::new(), &object(&declared));
        let schema = json!({"properties": {"token": {"secret": true}, "url": {"type": "string"}}});
        for (given, made) in [
            (json!({"n": 1, "pin": "p"}), &["b"][..]),
            (json!({"n": "{{ pin }}", "pin": "p"}), &["b", "n"][..]),
            (json!({"n": "{{ b }}", "pin": "p"}), &["b", "n"][..]),
            (
                json!({"n": "{{ c }}", "c": ["{{ d }}"], "d": {"x": "{{ login.user }}"}}),
                &["b", "c", "d", "n"][..],
            ),
            (json!({"n": "{{ config_context.token }}", "c": "{{ n }}"}), &["b", "c", "n"][..]),
            (json!({"n": "{{ config_context | to_json_string }}"}), &["b", "n"][..]),
            (json!({"n": "{{ config_context.url }}", "c": "{{ n }}"}), &["b"][..]),
            (json!({"n": "{{ st2kv.system.x | decrypt_kv }}", "c": "{{ n }}"}), &["b", "c", "n"][..]),
            (json!({"n": "{{ st2kv.system.x }}", "c": "{{ n }}"}), &["b"][..]),
            // A secret that is given as a template is one by its schema already.
            (json!({"pin": "{{ n }}", "n": 5}), &["b"][..]),
        ] {
            let compiled = Given::compile(&object(&given));
            let beside = [("config_context", &schema)];
            let found = made_from_secrets(&compiled, &signature, |name| signature.is_secret(name), &beside);
            assert!(found.iter().eq(made), "{given}: {found:?}");
        }
    }

    #[test]
    fn a_secret_that_is_read_and_was_not_given_with_it_is_found() {
        let declared = json!({
            "pin": {"secret": true, "default": "1234"}, "pw": {"secret": true}, "n": {"type": "integer"},
            "key": {"default": "{{ config_context.token }}"}, "url": {"default": "{{ config_context.url }}"},
            "far": {"default": "{{ key }}"}, "fixed": {"secret": true, "immutable": true, "default": "f1xed"},
        });
        let signature = Signature::new(&Object::new(), &object(&declared));
        let schema = json!({"properties": {"token": {"secret": true}, "url": {"type": "string"}}});
        let data = object(&json!({"taken": "s3cret", "open": "o"}));
        for (given, found) in [
            (json!({"n": "{{ config_context.token }}"}), Some("n")),
            (json!({"n": "{{ 1/0 if config_context.token.startswith('X') else 1 }}"}), Some("n")),
            (json!({"n": "{{ config_context['tok' ~ 'en'] }}"}), Some("n")),
            (json!({"n": ["{{ config_context | length }}"]}), Some("n")),
            (json!({"n": "{% set c = config_context %}{{ c.token }}"}), Some("n")),
            (json!({"n": "{{ pin[0] }}"}), Some("n")),
            (json!({"n": "{{ key }}"}), Some("n")),
            (json!({"n": "{{ far }}"}), Some("n")),
            (json!({"n": "{% set key = key %}{{ key[0] }}"}), Some("n")),
            (json!({"n": "{% with pin = pin %}{{ pin }}{% endwith %}"}), Some("n")),
            (json!({"n": "{{ key }}", "key": null}), Some("n")),
            (json!({"n": "{{ fixed }}", "fixed": "mine"}), Some("n")),
            (json!({"n": "{{ taken | length }}"}), Some("n")),
            (json!({"key": "k", "n": {"a": "{{ config_context.token }}"}}), Some("n")),
            // What is open, what has no value, and what the caller gave.
            (json!({"n": "{{ config_context.url }}{{ url }}"}), None),
            (json!({"n": "{{ pw }}"}), None),
            (json!({"n": "{{ pin }}{{ far }}", "pin": "mine", "far": "{{ pin }}"}), None),
            (json!({"n": "{{ key }}{{ far }}", "key": "k"}), None),
            (json!({"n": "{{ open }}"}), None),
            (json!({"n": 1}), None),
        ] {
            let compiled = Given::compile(&object(&given)).over(&data);
            let beside = [("config_context", &schema)];
            let reading = reading_hidden(&compiled, &signature, |name| name == "taken", &beside);
            assert_eq!(reading, found, "{given}");
        }
    }

    #[test]
    fn what_decrypts_more_than_a_key_of_the_user_is_found() {
        for (value, is_found) in [
            ("{{ st2kv.system.x | decrypt_kv }}", true),
            ("{{ st2kv.user.x | decrypt_kv | upper }}", true),
            ("{{ st2kv.user.x | decrypt_kv }}{{ st2kv.system.x | decrypt_kv }}", true),
            ("{{ st2kv.user.x ~ st2kv['system'].x | decrypt_kv }}", true),
            ("{{ taken | decrypt_kv }}", true),
            ("{{ st2kv.user.x.y | decrypt_kv }}", false),
            ("{{ st2kv.system.x }}", false),
            ("decrypt_kv", false),
        ] {
            let given = Given::compile(&object(&json!({"n": 1, "m": [value]})));
            assert_eq!(decrypting(&given), is_found.then_some("m"), "{value}");
        }
    }

    #[test]
    fn many_parameters_are_looked_through_at_once() {
        let signature = Signature::new(&Object::new(), &object(&json!({"pin": {"secret": true}})));
        let many: Object =
            (0..20_000).map(|n| (format!("p{n}"), json!(format!("{{{{ p{} }}}}", n + 1)))).collect();
        let given = Given::compile(&many);
        let found = made_from_secrets(&given, &signature, |name| name == "p20000", &[]);
        assert_eq!(found.len(), 20_000);
    }
}
