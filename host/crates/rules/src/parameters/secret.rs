//! Parameters that are made from secrets. No schema tells of these, so their templates are searched. One pass
//! finds all of them, since a caller may give many.

use std::collections::{BTreeMap, BTreeSet};

use petrel_expressions::Template;
use petrel_model::secrets::Marks;
use serde_json::Value;

use super::given::Given;
use super::signature::Signature;
use crate::reads::Reads;

/// The names of the parameters whose templates read a secret, directly or through other parameters. Secrets
/// are the parameters for which `is_secret` holds, and the marked parts of the values in `beside`: these are
/// all that templates see besides the parameters, as pairs of a name and a schema.
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
            if reads_marked(template, beside) {
                open.push(name);
            }
            for read in template.names() {
                if read != name && is_secret(read) {
                    open.push(name);
                }
                readers.entry(read).or_default().push(name);
            }
        }
    }
    let mut made = BTreeSet::new();
    // Each name is followed once, so that cycles end and long chains stay cheap.
    while let Some(name) = open.pop() {
        if made.insert(name) {
            open.extend(readers.get(name).into_iter().flatten());
        }
    }
    made
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
    fn many_parameters_are_looked_through_at_once() {
        let signature = Signature::new(&Object::new(), &object(&json!({"pin": {"secret": true}})));
        let many: Object =
            (0..20_000).map(|n| (format!("p{n}"), json!(format!("{{{{ p{} }}}}", n + 1)))).collect();
        let given = Given::compile(&many);
        let found = made_from_secrets(&given, &signature, |name| name == "p20000", &[]);
        assert_eq!(found.len(), 20_000);
    }
}
