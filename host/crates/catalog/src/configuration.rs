//! The configuration of a pack as its actions get it: the given values, the defaults of the schema, and keys of the
//! datastore in place of `{{ st2kv.system.key }}`. [`pack_configs`](crate::pack_configs) sets and shows
//! configurations.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use petrel_engine_core::Error;
use petrel_expressions::words::{self, DECRYPTION, copes_with_absence};
use petrel_expressions::work::{self, Limit};
use petrel_expressions::{Datastore, Error as TemplateError, KeyScope, Scope, Template, is_template};
use petrel_model::{Object, texts};
use serde_json::Value;

/// The configuration of a pack, without defaults.
#[derive(Debug, Clone)]
pub struct GivenConfig {
    /// The given values.
    pub values: Arc<Object>,
    /// Its file, unless it came through the API.
    pub file: Option<PathBuf>,
}

/// The configuration of a pack, ready to be rendered any number of times.
#[derive(Debug, Default)]
pub struct Configuration {
    values: Arc<Object>,
    /// The top-level keys that somebody has given; the others are defaults of the schema.
    given: BTreeSet<String>,
    /// The templates in the configuration, by their text. Most configurations have none.
    templates: BTreeMap<String, Template>,
}

/// The error for a configuration that cannot be rendered. It quotes neither template nor value, because either may be
/// secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the configuration of pack `{pack}` cannot be filled in: `{place}` {reason}")]
pub struct Unfilled {
    pack: String,
    /// The place of the template, such as `auth.password`.
    place: String,
    reason: String,
}

impl Unfilled {
    /// The remedy.
    pub fn hint(&self) -> String {
        format!(
            "correct it with `petrel pack configure {} FILE`, or set the keys that it reads with `petrel key set NAME VALUE`; one that \
             may be absent gets `| default('')`",
            self.pack
        )
    }
}

/// The error for an action that gets no configuration of its pack.
#[derive(Debug, thiserror::Error)]
pub enum NoConfiguration {
    /// The configuration cannot be rendered.
    #[error(transparent)]
    Unfilled(#[from] Unfilled),
    /// It was not rendered: the host stops, or too much waits to be evaluated.
    #[error(transparent)]
    Failed(#[from] Error),
}

impl Configuration {
    /// Prepares `values`, of which `given` are not defaults. A text is a template if it reads the datastore and
    /// nothing else; any other text stays as it is, for example a password with braces.
    pub(crate) fn new(values: Object, given: &Object) -> Self {
        let mut templates = BTreeMap::new();
        each_template(&values, |_place, text| {
            if let Some(template) = Template::compile(text).ok().filter(reads_the_datastore) {
                templates.insert(text.to_owned(), template);
            }
        });
        Self { values: Arc::new(values), given: given.keys().cloned().collect(), templates }
    }

    /// The values, if there are no templates among them.
    pub(crate) fn literal(&self) -> Option<&Arc<Object>> {
        self.templates.is_empty().then_some(&self.values)
    }

    /// Whether the configuration is empty.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The top-level keys. They are names, and never secret as their values may be.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    /// Whether the configuration has this top-level key.
    pub fn has(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }

    /// The configuration of `pack` for an action that runs now, rendered with the keys of `datastore`. The value of a
    /// template is text, or null if that is empty. (Source: StackStorm's `ContentPackConfigLoader`.)
    ///
    /// # Errors
    /// The template that cannot be rendered, or that reads a missing key without handling that. (In the original the
    /// value becomes null then, and the action runs with a password of null. Here only a default of the schema does
    /// so, which the operator has not asked for and cannot correct.)
    pub fn filled(&self, pack: &str, datastore: &Arc<Datastore>) -> Result<Arc<Object>, Unfilled> {
        if self.templates.is_empty() {
            return Ok(Arc::clone(&self.values));
        }
        let scope =
            Scope::new().with_key_scope("system", KeyScope::System).with_datastore(Arc::clone(datastore));
        // All templates together have the limits of a single evaluation.
        let filled = work::evaluation(|| {
            let entry =
                |(name, value): (&String, &Value)| Ok((name.clone(), self.fill(value, name, &scope)?));
            self.values.iter().map(entry).collect::<Result<Object, (String, String)>>()
        });
        filled.map(Arc::new).map_err(|(place, reason)| Unfilled { pack: pack.to_owned(), place, reason })
    }

    /// The places of defaults that are null now because they read keys which `datastore` lacks, with the names of these
    /// keys. Neither values nor templates are quoted.
    pub fn absent(&self, datastore: &Datastore) -> Vec<(String, String)> {
        self.without_keys(datastore, |place| !self.is_given(place))
    }

    /// The same of given values, with which the configuration cannot be filled in.
    pub fn lacking(&self, datastore: &Datastore) -> Vec<(String, String)> {
        self.without_keys(datastore, |place| self.is_given(place))
    }

    /// The places for which `is_asked`, and whose templates read keys that `datastore` lacks.
    fn without_keys(&self, datastore: &Datastore, is_asked: impl Fn(&str) -> bool) -> Vec<(String, String)> {
        let mut absent = Vec::new();
        if self.templates.is_empty() {
            return absent;
        }
        each_template(&self.values, |place, text| {
            let template = self.templates.get(text).filter(|_| is_asked(place));
            if let Some(template) = template
                && !copes_with_absence(template.source())
                && let Some(missing) = missing_keys(datastore, template)
            {
                absent.push((place.to_owned(), missing));
            }
        });
        absent
    }

    /// Whether the value at `place` was given, or is inside a given one.
    fn is_given(&self, place: &str) -> bool {
        self.given.contains(place.split(['.', '[']).next().unwrap_or(place))
    }

    /// Renders `value`, which is at `place`. The error has the place that cannot be rendered, and the reason.
    fn fill(&self, value: &Value, place: &str, scope: &Scope) -> Result<Value, (String, String)> {
        let beyond = |limit: Limit| (place.to_owned(), format!("was given up: {limit}"));
        work::charge(work::ITEM).map_err(beyond)?;
        match value {
            Value::String(text) => {
                let Some(template) = self.templates.get(text) else {
                    work::charge(text.len() as u64).map_err(beyond)?;
                    return Ok(value.clone());
                };
                if template.source().contains(DECRYPTION) && self.is_given(place) {
                    let reason = "uses decrypt_kv, which is not there yet; give the value itself".to_owned();
                    return Err((place.to_owned(), reason));
                }
                if let Some(missing) = missing_keys(scope.datastore(), template)
                    && !copes_with_absence(template.source())
                {
                    if !self.is_given(place) {
                        return Ok(Value::Null);
                    }
                    return Err((place.to_owned(), format!("reads what is not there: {missing}")));
                }
                match template.render(scope) {
                    Ok(text) if text.is_empty() => Ok(Value::Null),
                    Ok(text) => Ok(Value::String(text)),
                    Err(error) => Err((place.to_owned(), reason(&error))),
                }
            }
            Value::Array(items) => {
                let item =
                    |(number, item): (usize, &Value)| self.fill(item, &format!("{place}[{number}]"), scope);
                items.iter().enumerate().map(item).collect()
            }
            Value::Object(fields) => {
                let field = |(name, value): (&String, &Value)| {
                    Ok((name.clone(), self.fill(value, &format!("{place}.{name}"), scope)?))
                };
                fields.iter().map(field).collect::<Result<Object, _>>().map(Value::Object)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => Ok(value.clone()),
        }
    }
}

/// The keys that a template reads and that do not exist, in words, with those that are likely meant.
fn missing_keys(datastore: &Datastore, template: &Template) -> Option<String> {
    let keys = template.datastore_keys();
    let missing = datastore.missing(keys)?;
    Some(datastore.meant(keys).map_or_else(|| missing.clone(), |meant| format!("{missing} ({meant})")))
}

/// The reason why a template cannot be rendered, without quoting it.
fn reason(error: &TemplateError) -> String {
    match error {
        TemplateError::TooMuch { limit, .. } => format!("was given up: {limit}"),
        TemplateError::OutputTooLarge { .. } => "gives more text than a template may".to_owned(),
        TemplateError::Syntax { .. } | TemplateError::Render { .. } => {
            "cannot be rendered; check the names, keys and filters in it".to_owned()
        }
    }
}

fn reads_the_datastore(template: &Template) -> bool {
    !template.datastore_keys().is_empty() && template.names().all(|name| matches!(name, "st2kv" | "system"))
}

/// The first place in `values` that is meant to read the datastore and is not a valid template.
pub(crate) fn unreadable(values: &Object) -> Option<String> {
    let mut found = None;
    each_template(values, |place, text| {
        if found.is_none() && text.contains("st2kv") && Template::compile(text).is_err() {
            found = Some(place.to_owned());
        }
    });
    found
}

/// The places in `values` of templates that use a function, a filter or a test that does not exist.
pub(crate) fn meaningless(values: &Object) -> Vec<String> {
    let mut places = Vec::new();
    each_template(values, |place, text| {
        let template = Template::compile(text).ok().filter(reads_the_datastore);
        if template.is_some_and(|template| !template.unknown().is_empty()) {
            places.push(place.to_owned());
        }
    });
    places
}

/// The places in `values` of templates that decrypt keys of the datastore.
pub(crate) fn decrypted(values: &Object) -> Vec<String> {
    let mut places = Vec::new();
    each_template(values, |place, text| {
        if text.contains(DECRYPTION)
            && Template::compile(text).is_ok_and(|template| reads_the_datastore(&template))
        {
            places.push(place.to_owned());
        }
    });
    places
}

/// The places in `values` of templates that read the datastore without a scope, so that they are no templates here and stay
/// text, each with a sentence. It quotes the name of a key, and nothing else.
pub(crate) fn unscoped(values: &Object) -> Vec<(String, String)> {
    let mut found = Vec::new();
    each_template(values, |place, text| {
        let Ok(template) = Template::compile(text) else { return };
        if template.datastore_keys().is_empty() && template.names().eq(["st2kv"]) {
            found.extend(words::unscoped(text).into_iter().map(|said| (place.to_owned(), said)));
        }
    });
    found
}

/// Calls `look` with the place and the content of every text in `values` that looks like a template.
fn each_template(values: &Object, mut look: impl FnMut(&str, &str)) {
    for (name, value) in values {
        texts::each(value, name, &mut |place: &str, text: &str| {
            if is_template(text) {
                look(place, text);
            }
        });
    }
}

#[cfg(test)]
mod tests {
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
        let absent = [("a".to_owned(), missing.clone()), ("b".to_owned(), missing)];
        assert_eq!(of_schema.absent(&datastore), absent);
        assert_eq!(Configuration::new(all.clone(), &given).absent(&datastore), absent[..1]);
        let there = [("gone".to_owned(), "x".to_owned())].into_iter().collect();
        let there = Datastore { system: there, ..Datastore::default() };
        let lacking = Configuration::new(all.clone(), &given).lacking(&datastore);
        assert_eq!(lacking, absent[1..]);
        assert!(Configuration::new(all, &given).absent(&there).is_empty());
    }

    fn filled(values: Value) -> Result<Value, String> {
        let system = [("plain", "pv"), ("code", "{{ st2kv.system.plain }}"), ("list", "[1]")];
        let system = system.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        let datastore = Arc::new(Datastore { system, ..Datastore::default() });
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
            (json!({"a": "{{ 1 + 1 }}{{ trigger.b }}"}), json!({"a": "{{ 1 + 1 }}{{ trigger.b }}"})),
            (
                json!({"a": "{{ st2kv.system.plain }}{{ b }}"}),
                json!({"a": "{{ st2kv.system.plain }}{{ b }}"}),
            ),
        ] {
            assert_eq!(filled(given.clone()), Ok(expected), "{given}");
        }
    }

    #[test]
    fn a_key_that_is_not_there_is_named_with_its_place() {
        for (given, place) in [
            (json!({"token": "{{ st2kv.system.tok }}"}), "token"),
            (json!({"auth": {"token": ["Bearer {{ system.tok }}"]}}), "auth.token[0]"),
            (json!({"token": "{{ st2kv.system.plain }}{{ st2kv.system.tok | upper }}"}), "token"),
        ] {
            let says =
                format!("`{place}` reads what is not there: the datastore has no key st2kv.system.tok");
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
        let error = filled(json!({"pin": "{{ st2kv.system.gone | decrypt_kv }}"})).unwrap_err();
        assert!(
            error.ends_with("`pin` uses decrypt_kv, which is not there yet; give the value itself"),
            "{error}"
        );
        let endless = "{% for a in range(9000) %}{% for b in range(9000) %}{{ st2kv.system.plain }}{% endfor %}{% endfor %}";
        assert!(filled(json!({"a": endless})).unwrap_err().contains("`a` "));
        assert_eq!(
            unreadable(&object(json!({"a": {"b": ["{{ x", "{{ st2kv.x"]}}))),
            Some("a.b[1]".to_owned())
        );
        assert_eq!(unreadable(&object(json!({"a": "{{ st2kv.x }}", "b": "}"}))), None);
        let words = json!({
            "a": [{"b": "{{ st2kv.system.x | uper }}"}], "c": "{{ st2kv.system.x | upper }}", "d": "{{ y | uper }}",
        });
        assert_eq!(meaningless(&object(words)), ["a[0].b"]);
        let found = unscoped(&object(json!({
            "a": ["{{ st2kv.limit }}"], "b": "{{ st2kv.system.limit }}", "c": "a{{b", "d": "{{ x }}{{ st2kv.y }}",
        })));
        let told: Vec<_> = found.iter().map(|(place, said)| (place.as_str(), said.as_str())).collect();
        let says = "`st2kv.limit` names no scope of the datastore; did you mean `st2kv.system.limit`?";
        assert_eq!(told, [("a[0]", says)]);
    }
}
