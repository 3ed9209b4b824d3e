//! The parts of a payload that rules read, and extraction of these parts from JSON text.
//!
//! A payload is kept as text. Of a large one, only the parts that somebody reads become values; the parser skips the
//! rest. In case of doubt a value counts as read as a whole, so that no rule ever sees less than there is.

mod part;
mod survey;
mod undeclared;

use std::collections::BTreeMap;

use petrel_expressions::JsonPath;
use petrel_model::depth;
use petrel_model::secrets::Marks;
use serde_json::Value;

pub use survey::Survey;

/// Bytes that a parsed value takes. Twice its size, since a list that has grown has up to half of its capacity unused.
const VALUE_BYTES: usize = 2 * size_of::<Value>();
/// Bytes that an entry of an object takes in addition to its value and the bytes of its name.
const ENTRY_BYTES: usize = 64;

/// Methods of lists and mappings in templates. `trigger.body.keys()` reads the whole of `body`, not a field `keys`.
const METHODS: [&str; 17] = [
    "append",
    "clear",
    "copy",
    "count",
    "extend",
    "fromkeys",
    "get",
    "index",
    "insert",
    "items",
    "keys",
    "pop",
    "popitem",
    "setdefault",
    "sort",
    "update",
    "values",
];

/// The parts of a value that are read. By default none: then only the kind of the value counts, and whether it is
/// empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reads {
    is_whole: bool,
    fields: BTreeMap<String, Self>,
}

impl Reads {
    /// Reads the whole value.
    pub fn whole() -> Self {
        Self { is_whole: true, fields: BTreeMap::new() }
    }

    /// Adds the whole value at `path`.
    pub fn add<'a>(&mut self, path: impl IntoIterator<Item = &'a str>) {
        self.at(path).is_whole = true;
    }

    /// Adds the existence and kind of the value at `path`.
    pub fn add_kind<'a>(&mut self, path: impl IntoIterator<Item = &'a str>) {
        self.at(path);
    }

    /// The reads inside the field `name`.
    #[must_use]
    pub fn of_field(&self, name: &str) -> Self {
        self.below(name).cloned().unwrap_or_default()
    }

    /// Adds the value that the path of a criterion leads to, if it leads into the payload.
    pub(crate) fn add_path(&mut self, path: &JsonPath, needs_only_kind: bool) {
        match (path.plain_fields().as_deref(), path.plain_start().as_deref()) {
            (Some(["trigger", fields @ ..]), _) if needs_only_kind => self.add_kind(fields.iter().copied()),
            (Some(["trigger", fields @ ..]), _) | (None, Some(["trigger", fields @ ..])) => {
                self.add(fields.iter().copied());
            }
            // A path into the datastore, or to nothing.
            (Some(_), _) => {}
            (None, _) => self.is_whole = true,
        }
    }

    /// Adds what a template reads of `trigger`. Every occurrence of the name in the source counts, even in a text: a
    /// template that reads the payload must contain it, and a false occurrence only costs time.
    pub(crate) fn add_template(&mut self, source: &str) {
        self.add_name("trigger", source);
    }

    /// As [`Reads::add_template`], for a value that the template sees as `name`.
    pub(crate) fn add_name(&mut self, name: &str, source: &str) {
        for (start, name) in source.match_indices(name) {
            let follows_name = source.get(..start).is_some_and(|before| before.ends_with(is_name_char));
            let rest = source.get(start + name.len()..).unwrap_or_default();
            if follows_name || rest.starts_with(is_name_char) {
                continue;
            }
            self.add(attributes(rest));
        }
    }

    /// Adds the parts that a check against this JSON schema reads.
    pub fn add_schema(&mut self, schema: &Value) {
        if needs_only_kind(schema) {
            return;
        }
        // Any other keyword may look at every value below, so that nothing may be left out.
        let known = [
            "type",
            "properties",
            "required",
            "title",
            "description",
            "default",
            "examples",
            "secret",
            "position",
            "immutable",
        ];
        let fields = schema.as_object().filter(|schema| {
            let is_known = |(name, value): (&String, &Value)| {
                known.contains(&name.as_str())
                    || (name == "additionalProperties" && *value == Value::Bool(true))
            };
            schema.iter().all(is_known)
        });
        let Some(schema) = fields else {
            self.is_whole = true;
            return;
        };
        for name in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
            self.add_kind(name.as_str());
        }
        for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            self.at([name.as_str()]).add_schema(property);
        }
    }

    /// Parses the parts of `text` that are read. Of a text, list or object of which nothing is read, the first letter,
    /// item or field is kept, so that a value with content never looks empty.
    ///
    /// # Errors
    /// If `text` is not JSON.
    pub fn take(&self, text: &str) -> Result<Value, serde_json::Error> {
        part::take(self, text)
    }

    /// Scans all of `text` without creating values.
    ///
    /// # Errors
    /// If `text` is not JSON, or is nested deeper than [`depth::LIMIT`] less `around`.
    pub fn survey(&self, text: &str, around: usize) -> Result<Survey, serde_json::Error> {
        survey::survey(self, text, depth::LIMIT.saturating_sub(around))
    }

    /// Whether any part that is read is secret by `marks`.
    pub(crate) fn has_secret(&self, marks: &Marks<'_>) -> bool {
        if self.is_whole {
            return marks.has_secret();
        }
        // Every part of a secret value is secret.
        let has_fields = !self.fields.is_empty();
        (has_fields && marks.is_secret())
            || self.fields.iter().any(|(name, reads)| reads.has_secret(&marks.of_field(name)))
    }

    /// The reads inside the field `name`, if there are any.
    fn below(&self, name: &str) -> Option<&Self> {
        if self.is_whole { Some(self) } else { self.fields.get(name) }
    }

    fn at<'a>(&mut self, path: impl IntoIterator<Item = &'a str>) -> &mut Self {
        let mut at = self;
        // No accepted payload is nested deeper, so steps beyond the limit do not matter.
        for name in path.into_iter().take(depth::LIMIT) {
            at = at.fields.entry(name.to_owned()).or_default();
        }
        at
    }
}

fn is_name_char(char: char) -> bool {
    char.is_alphanumeric() || char == '_'
}

/// The attributes after a name, as in `.body.name`, up to the first method or index.
fn attributes(rest: &str) -> impl Iterator<Item = &str> {
    let mut rest = rest;
    std::iter::from_fn(move || {
        let after = rest.strip_prefix('.')?;
        let end = after.find(|char| !is_name_char(char)).unwrap_or(after.len());
        let (name, behind) = after.split_at_checked(end)?;
        rest = behind;
        // The template engine has its own rules for letters beyond ASCII, so such a name ends the list.
        let is_field = name.is_ascii()
            && name.starts_with(|char: char| char.is_ascii_alphabetic() || char == '_')
            && behind.chars().next().is_none_or(|char| char.is_ascii());
        (is_field && !METHODS.contains(&name)).then_some(name)
    })
    .fuse()
}

/// Whether a schema only restricts the kind of a value.
fn needs_only_kind(schema: &Value) -> bool {
    let Some(schema) = schema.as_object() else { return false };
    schema.iter().all(|(name, value)| match name.as_str() {
        "type" | "title" | "description" | "default" | "examples" | "secret" | "position" | "immutable" => {
            true
        }
        // Draft 3's, which the object around it looks at.
        "required" => value.is_boolean(),
        "anyOf" | "oneOf" => value.as_array().is_some_and(|any| any.iter().all(needs_only_kind)),
        _ => false,
    })
}

#[cfg(test)]
mod tests;
