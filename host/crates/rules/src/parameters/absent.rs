//! The keys of the datastore that parameters read although they do not exist. As in StackStorm, each is an empty text, so an
//! action runs with what nobody meant; people are told.

use std::sync::Arc;

use petrel_expressions::words::{may_decrypt, replaces_absence};
use petrel_expressions::{Datastore, KeyName};
use petrel_model::quoted::quoted;

use super::given::{Given, Parameter};
use super::signature::Signature;
use crate::pattern::number_of_key;

/// Largest number of parameters that a message names.
const MOST_NAMED: usize = 10;

/// A missing key of the datastore, and the parameter that reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AbsentKey<'a> {
    /// The parameter.
    pub parameter: &'a str,
    /// Whether the default of the parameter reads the key, rather than a given value.
    pub is_default: bool,
    /// The declared type of the parameter, if all of its value is the key, and an empty text is no value of that type: then
    /// the action does not run.
    pub unfit: Option<&'static str>,
    /// The key.
    pub key: &'a KeyName,
}

/// The keys that the values of `given`, and the defaults of `signature` for those not given, read although `datastore` does
/// not have them. Templates that cope with that, as by `| default('x', true)`, are left out. Sorted by parameter.
pub fn absent_keys<'a>(
    given: &'a Given,
    signature: &'a Signature,
    datastore: &Datastore,
) -> Vec<AbsentKey<'a>> {
    let mut absent = Vec::new();
    let mut add = |parameter: &'a str, is_default: bool, value: &'a Parameter| {
        for template in value.templates() {
            // Whoever follows the advice to set a key that is decrypted would store a secret in the open.
            let is_decrypted = may_decrypt(template.source());
            if template.datastore_keys().is_empty() || is_decrypted || replaces_absence(template.source()) {
                continue;
            }
            let missing = template.datastore_keys().iter().filter(|key| !datastore.contains(key));
            let is_key = value.is_text_template() && is_lone_name(template.source());
            let unfit = if is_key { signature.type_without_empty_text(parameter) } else { None };
            absent.extend(missing.map(|key| AbsentKey { parameter, is_default, unfit, key }));
        }
    };
    given.iter().for_each(|(name, value)| add(name, false, value));
    let is_given = |name: &str| given.iter().any(|(given, _)| given == name);
    for declared in signature.iter() {
        if declared.is_immutable || !is_given(&declared.name) {
            add(&declared.name, true, &declared.default);
        }
    }
    absent.sort_unstable();
    absent.dedup();
    absent
}

/// Whether a template is a name and nothing else, such as `{{ st2kv.system.limit }}`.
fn is_lone_name(source: &str) -> bool {
    let inner = source.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}"));
    let is_of_name = |char: char| char.is_alphanumeric() || "_-.[]'\"".contains(char);
    inner.is_some_and(|inner| inner.trim().chars().all(is_of_name))
}

/// The keys of the datastore that the values of `given` make numbers of, as `{{ st2kv.system.limit | int }}` does, each with
/// its parameter and the filter.
pub(crate) fn numbers_of_keys(given: &Given) -> impl Iterator<Item = (&str, &KeyName, &'static str)> {
    given.iter().flat_map(|(parameter, value)| {
        let templates = value.templates().into_iter();
        templates.filter_map(number_of_key).map(move |(key, filter)| (parameter, key, filter))
    })
}

/// The missing keys that [`absent_keys`] finds, in words, with the parameters that read them. Most parameters read no key;
/// then nobody asks for the `datastore`.
pub fn read_in_vain(
    given: &Given,
    signature: &Signature,
    datastore: impl FnOnce() -> Arc<Datastore>,
) -> Option<String> {
    given.datastore_keys().chain(signature.datastore_keys()).next()?;
    let datastore = datastore();
    let absent = absent_keys(given, signature, &datastore);
    let missing = datastore.missing(absent.iter().map(|one| one.key))?;
    let mut names: Vec<_> = absent.iter().take(MOST_NAMED).map(|one| quoted(one.parameter)).collect();
    names.dedup();
    Some(format!("an empty text was put into {}: {missing}", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_key_that_is_not_there_is_told_with_its_parameter() {
        let object = |value: Value| value.as_object().cloned().unwrap();
        let declared = object(json!({
            "who": {"default": "{{ st2kv.system.who }}"}, "always": {"default": "{{ st2kv.system.always }}", "immutable": true},
            "plain": {"default": 1},
        }));
        let signature = Signature::new(&object(json!({})), &declared);
        let system = [("limit".to_owned(), "5".to_owned())];
        let datastore = Datastore::shared(system.into());
        for (given, expected) in [
            (json!({"a": "{{ st2kv.system.limit }}", "who": 1, "always": 2}), &["always always"][..]),
            (json!({"a": ["{{ st2kv.system.limt }}"], "who": 1}), &["a limt", "always always"]),
            (json!({"a": "{{ st2kv.system.limt | default('5', true) }}"}), &["always always", "who who"]),
            (json!({"a": "{{ st2kv.system.limt | decrypt_kv }}"}), &["always always", "who who"]),
        ] {
            let given = Given::compile(&object(given));
            let absent = absent_keys(&given, &signature, &datastore);
            let told: Vec<_> =
                absent.iter().map(|one| format!("{} {}", one.parameter, one.key.name)).collect();
            assert_eq!(told, expected, "{given:?}");
            assert!(absent.iter().all(|one| one.is_default == (one.parameter != "a")), "{absent:?}");
        }
    }

    #[test]
    fn what_an_empty_text_does_not_fit_is_known() {
        for (kind, text, unfit) in [
            ("integer", "{{ st2kv.system.gone }}", Some("integer")),
            ("number", "{{st2kv.system['gone-1']}}", Some("number")),
            ("boolean", "{{ st2kv.system.gone }}", Some("boolean (True, False)")),
            ("object", "{{ st2kv.system.gone }}", Some("list or object (JSON)")),
            ("string", "{{ st2kv.system.gone }}", None),
            ("integer", "{{ st2kv.system.gone | int }}", None),
            ("integer", "1{{ st2kv.system.gone }}", None),
            ("boolean", "{{ st2kv.system.gone == 'x' }}", None),
        ] {
            let declared = json!({"n": {"type": kind, "default": text}});
            let signature = Signature::new(&petrel_model::Object::new(), declared.as_object().unwrap());
            let (given, datastore) = (Given::default(), Datastore::default());
            let absent = absent_keys(&given, &signature, &datastore);
            assert_eq!(absent.iter().map(|one| one.unfit).collect::<Vec<_>>(), [unfit], "{kind} {text}");
        }
    }
}
