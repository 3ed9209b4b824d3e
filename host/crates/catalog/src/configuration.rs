//! The configuration of a pack as its actions get it: the given values, the defaults of the schema, and keys of the
//! datastore in place of `{{ st2kv.system.key }}`. [`pack_configs`](crate::pack_configs) sets and shows
//! configurations.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use petrel_engine_core::Error;
use petrel_expressions::words::{self, copes_with_absence, may_decrypt};
use petrel_expressions::work::{self, Limit};
use petrel_expressions::{
    DECRYPTS_PLAIN, Datastore, Error as TemplateError, KeyName, KeyScope, NOT_ENCRYPTED, Scope, Template,
    is_template,
};
use petrel_model::parameters::Parameters;
use petrel_model::quoted::quoted;
use petrel_model::secrets::{Marks, has_secret};
use petrel_model::{Object, texts};
use serde_json::{Value, json};

use crate::places::{MOST_NAMED, Place, Places};

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
    /// The schema, if there are templates and it marks secrets.
    schema: Option<Value>,
}

/// The reason why a template whose key cannot be decrypted is not rendered.
const NO_DECRYPTION: &str =
    "reads a secret key that cannot be decrypted; `petrel key get NAME --decrypt` says why";

/// Templates that read keys which the datastore lacks, and that have nothing in their place.
#[derive(Debug, Default)]
pub(crate) struct Missing<'c> {
    /// The places of the templates.
    pub(crate) places: Places,
    /// The keys.
    pub(crate) keys: BTreeSet<&'c KeyName>,
}

/// Templates that read the datastore without a scope, so that they are no templates and stay text.
#[derive(Debug, Default)]
pub(crate) struct Unscoped {
    /// The places, by what is said of them. It quotes the name of a key, and nothing else.
    pub(crate) told: Vec<(String, Places)>,
    /// The number of the others.
    pub(crate) more: usize,
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
            "correct it with `petrel pack configure {} FILE`, or set the keys that it reads with `petrel key set NAME VALUE` (a secret: \
             `petrel key set NAME --encrypt -`); one that may be absent gets `| default('')`",
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
    /// It was not rendered: it cannot be read, the host stops, or too much waits to be evaluated.
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
        Self { values: Arc::new(values), given: given.keys().cloned().collect(), templates, schema: None }
    }

    /// With the schema of the pack: an encrypted key of the datastore is decrypted where a secret is expected.
    #[must_use]
    pub(crate) fn with_schema(mut self, schema: Option<&Parameters>) -> Self {
        if !self.templates.is_empty() {
            self.schema = schema.map(|schema| json!({"properties": schema})).filter(has_secret);
        }
        self
    }

    /// The first place of a template that decrypts keys of the datastore, by itself or as a secret is expected there.
    pub(crate) fn decrypting(&self) -> Option<String> {
        self.values.iter().find_map(|(name, value)| {
            let marks = self.schema.as_ref().map(|schema| Marks::of(schema).of_field(name));
            self.decrypting_in(value, &Place::of(name), marks.as_ref())
        })
    }

    fn decrypting_in(&self, value: &Value, place: &Place<'_>, marks: Option<&Marks<'_>>) -> Option<String> {
        match value {
            Value::String(text) => {
                let template = self.templates.get(text)?;
                let decrypts = template.may_decrypt() || marks.is_some_and(Marks::is_secret);
                decrypts.then(|| place.to_string())
            }
            Value::Array(items) => items.iter().enumerate().find_map(|(number, item)| {
                let marks = marks.map(|marks| marks.of_item(number));
                self.decrypting_in(item, &place.item(number), marks.as_ref())
            }),
            Value::Object(fields) => fields.iter().find_map(|(name, value)| {
                let marks = marks.map(|marks| marks.of_field(name));
                self.decrypting_in(value, &place.key(name), marks.as_ref())
            }),
            _ => None,
        }
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
    /// template is text, or null if that is empty. Where the schema declares a secret, an encrypted key is decrypted.
    /// (Source: StackStorm's `ContentPackConfigLoader`.)
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
            let entry = |(name, value): (&String, &Value)| {
                let is_given = self.given.contains(name);
                let marks = self.schema.as_ref().map(|schema| Marks::of(schema).of_field(name));
                Ok((name.clone(), self.fill(value, &Place::of(name), is_given, marks.as_ref(), &scope)?))
            };
            self.values.iter().map(entry).collect::<Result<Object, (String, String)>>()
        });
        filled.map(Arc::new).map_err(|(place, reason)| Unfilled { pack: pack.to_owned(), place, reason })
    }

    /// The first place for which `is_asked` of a default that is null now because it reads a key which `datastore` lacks, with
    /// the names of such keys. Neither values nor templates are quoted.
    pub fn absent(&self, datastore: &Datastore, is_asked: impl Fn(&str) -> bool) -> Option<(String, String)> {
        let mut found = None;
        self.each_reading(false, |place, template| {
            if found.is_none() && is_asked(place) && !copes_with_absence(template.source()) {
                found = missing_keys(datastore, template).map(|missing| (place.to_owned(), missing));
            }
        });
        found
    }

    /// What the templates read that `datastore` lacks: those in given values, without which the configuration cannot be
    /// filled in, or else those in defaults, which are null then. What is decrypted is told of by itself.
    pub(crate) fn missing(&self, datastore: &Datastore, is_given: bool) -> Missing<'_> {
        let mut found = Missing::default();
        self.each_reading(is_given, |place, template| {
            if copes_with_absence(template.source()) || may_decrypt(template.source()) {
                return;
            }
            let missing = template.datastore_keys().iter().filter(|key| !datastore.contains(key));
            let mut missing = missing.peekable();
            if missing.peek().is_some() {
                found.places.add(place);
                found.keys.extend(missing);
            }
        });
        found
    }

    /// Calls `look` with the place of each template in given values, or else in defaults.
    fn each_reading<'c>(&'c self, is_given: bool, mut look: impl FnMut(&str, &'c Template)) {
        if self.templates.is_empty() {
            return;
        }
        for (name, value) in self.values.iter().filter(|(name, _)| self.given.contains(*name) == is_given) {
            texts::each(value, &quoted(name), &mut |place: &str, text: &str| {
                if let Some(template) = self.templates.get(text) {
                    look(place, template);
                }
            });
        }
    }

    /// Renders `value`, which is at `place`, in a given value or in a default; `marks` says what of it is secret. The error
    /// has the place that cannot be rendered, and the reason.
    fn fill(
        &self,
        value: &Value,
        place: &Place<'_>,
        is_given: bool,
        marks: Option<&Marks<'_>>,
        scope: &Scope,
    ) -> Result<Value, (String, String)> {
        let failed = |reason: String| (place.to_string(), reason);
        let beyond = |limit: Limit| failed(format!("was given up: {limit}"));
        work::charge(work::ITEM).map_err(beyond)?;
        match value {
            Value::String(text) => {
                let Some(template) = self.templates.get(text) else {
                    work::charge(text.len() as u64).map_err(beyond)?;
                    return Ok(value.clone());
                };
                if let Some(missing) = missing_keys(scope.datastore(), template)
                    && !copes_with_absence(template.source())
                {
                    if !is_given {
                        return Ok(Value::Null);
                    }
                    return Err(failed(format!("reads what is not there: {missing}")));
                }
                match template.render(scope) {
                    Ok(text) if text.is_empty() => Ok(Value::Null),
                    Ok(text) if marks.is_some_and(Marks::is_secret) => {
                        let opened = scope.datastore().open(&text);
                        let opened = opened.map_err(|_told_by_the_key| failed(NO_DECRYPTION.to_owned()))?;
                        Ok(Value::String(opened.unwrap_or(text)))
                    }
                    Ok(text) => Ok(Value::String(text)),
                    Err(error) => Err(failed(reason(&error))),
                }
            }
            Value::Array(items) => {
                let item = |(number, item): (usize, &Value)| {
                    let marks = marks.map(|marks| marks.of_item(number));
                    self.fill(item, &place.item(number), is_given, marks.as_ref(), scope)
                };
                items.iter().enumerate().map(item).collect()
            }
            Value::Object(fields) => {
                let field = |(name, value): (&String, &Value)| {
                    let marks = marks.map(|marks| marks.of_field(name));
                    Ok((name.clone(), self.fill(value, &place.key(name), is_given, marks.as_ref(), scope)?))
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
        // As the filter words it, here and below.
        TemplateError::Render { reason, .. } if reason.contains(NOT_ENCRYPTED) => DECRYPTS_PLAIN.to_owned(),
        TemplateError::Render { reason, .. } if reason.contains("decrypt_kv cannot") => {
            NO_DECRYPTION.to_owned()
        }
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
pub(crate) fn meaningless(values: &Object) -> Places {
    let mut places = Places::default();
    each_template(values, |place, text| {
        let template = Template::compile(text).ok().filter(reads_the_datastore);
        if template.is_some_and(|template| !template.unknown().is_empty()) {
            places.add(place);
        }
    });
    places
}

/// The templates in `values` that read the datastore without a scope.
pub(crate) fn unscoped(values: &Object) -> Unscoped {
    let mut found = Unscoped::default();
    each_template(values, |place, text| {
        let Ok(template) = Template::compile(text) else { return };
        if !template.datastore_keys().is_empty() || !template.names().eq(["st2kv"]) {
            return;
        }
        for said in words::unscoped(text) {
            let at = found.told.iter().position(|(told, _)| *told == said);
            if at.is_none() && found.told.len() >= MOST_NAMED {
                found.more += 1;
                continue;
            }
            if at.is_none() {
                found.told.push((said, Places::default()));
            }
            let at = at.unwrap_or(found.told.len() - 1);
            if let Some((_, places)) = found.told.get_mut(at) {
                places.add(place);
            }
        }
    });
    found
}

/// Calls `look` with the place and the content of every text in `values` that looks like a template.
fn each_template(values: &Object, mut look: impl FnMut(&str, &str)) {
    for (name, value) in values {
        texts::each(value, &quoted(name), &mut |place: &str, text: &str| {
            if is_template(text) {
                look(place, text);
            }
        });
    }
}

#[cfg(test)]
mod tests;
