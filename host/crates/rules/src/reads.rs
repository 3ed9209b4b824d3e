//! Which parts of a payload rules read, and those parts of a large one as values.
//!
//! A payload is kept as text. Where it is large, only what somebody reads becomes values: what is between is
//! passed over. Whatever is in doubt is read as a whole, so that nobody ever sees less than there is.

mod part;
mod survey;

use std::collections::BTreeMap;

use petrel_expressions::JsonPath;
use petrel_model::depth;
use petrel_model::secrets::Marks;
use serde_json::Value;

pub use survey::Survey;

/// What a value of a payload takes in memory once it is one, in bytes: as an item of a list that has grown.
const VALUE_BYTES: usize = 2 * size_of::<Value>();
/// What an entry of an object takes beside its value and the letters of its name.
const ENTRY_BYTES: usize = 64;

/// Methods of lists and mappings in templates: `trigger.body.keys()` reads all of the body.
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

/// The parts of a value that somebody reads. By default none: then only what kind of value it is matters, and
/// whether there is anything in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reads {
    is_whole: bool,
    fields: BTreeMap<String, Self>,
}

impl Reads {
    /// All of it.
    pub fn whole() -> Self {
        Self { is_whole: true, fields: BTreeMap::new() }
    }

    /// Adds all of what `path` leads to.
    pub fn add<'a>(&mut self, path: impl IntoIterator<Item = &'a str>) {
        self.at(path).is_whole = true;
    }

    /// Adds that there is something at `path`, and of what kind.
    pub fn add_kind<'a>(&mut self, path: impl IntoIterator<Item = &'a str>) {
        self.at(path);
    }

    /// What is read of the field `name`.
    #[must_use]
    pub fn of_field(&self, name: &str) -> Self {
        self.below(name).cloned().unwrap_or_default()
    }

    /// Adds what a path of a criterion leads to, where it leads into the payload.
    pub(crate) fn add_path(&mut self, path: &JsonPath, needs_only_kind: bool) {
        match (path.plain_fields().as_deref(), path.plain_start().as_deref()) {
            (Some(["trigger", fields @ ..]), _) if needs_only_kind => self.add_kind(fields.iter().copied()),
            (Some(["trigger", fields @ ..]), _) | (None, Some(["trigger", fields @ ..])) => {
                self.add(fields.iter().copied());
            }
            // The datastore, or nothing.
            (Some(_), _) => {}
            (None, _) => self.is_whole = true,
        }
    }

    /// Adds what a template reads of `trigger`. Its text is searched for the name, wherever that is: a template
    /// that reads the payload says so, and one that only seems to costs no more than time.
    pub(crate) fn add_template(&mut self, source: &str) {
        self.add_name("trigger", source);
    }

    /// As [`Reads::add_template`], of what the template sees under another name.
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

    /// Adds what checking against a JSON Schema reads.
    pub fn add_schema(&mut self, schema: &Value) {
        if needs_only_kind(schema) {
            return;
        }
        let known = ["type", "properties", "required", "title", "description", "default", "examples"];
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

    /// The parts of the value `text` that are read. Of a text, a list or an object of which nothing is read the
    /// first letter, item or field comes out: so that what has content never seems to have none.
    ///
    /// # Errors
    /// When `text` is no JSON.
    pub fn take(&self, text: &str) -> Result<Value, serde_json::Error> {
        part::take(self, text)
    }

    /// Looks through all of `text` without making values of it.
    ///
    /// # Errors
    /// When `text` is no JSON, or is nested deeper than [`depth::LIMIT`] less `around`.
    pub fn survey(&self, text: &str, around: usize) -> Result<Survey, serde_json::Error> {
        survey::survey(self, text, depth::LIMIT.saturating_sub(around))
    }

    /// Whether anything of what is read is secret by `marks`.
    pub(crate) fn has_secret(&self, marks: &Marks<'_>) -> bool {
        if self.is_whole {
            return marks.has_secret();
        }
        // A part of what is secret is secret.
        let has_fields = !self.fields.is_empty();
        (has_fields && marks.is_secret())
            || self.fields.iter().any(|(name, reads)| reads.has_secret(&marks.of_field(name)))
    }

    /// What is read of the field `name`, if anything is.
    fn below(&self, name: &str) -> Option<&Self> {
        if self.is_whole { Some(self) } else { self.fields.get(name) }
    }

    fn at<'a>(&mut self, path: impl IntoIterator<Item = &'a str>) -> &mut Self {
        let mut at = self;
        // Nothing is nested deeper than that, so what is beyond it does not matter.
        for name in path.into_iter().take(depth::LIMIT) {
            at = at.fields.entry(name.to_owned()).or_default();
        }
        at
    }
}

fn is_name_char(char: char) -> bool {
    char.is_alphanumeric() || char == '_'
}

/// The attributes that stand behind a name, as in `.body.name`, up to the first that is a method or an index.
fn attributes(rest: &str) -> impl Iterator<Item = &str> {
    let mut rest = rest;
    std::iter::from_fn(move || {
        let after = rest.strip_prefix('.')?;
        let end = after.find(|char| !is_name_char(char)).unwrap_or(after.len());
        let (name, behind) = after.split_at_checked(end)?;
        rest = behind;
        // What the engine takes for a letter beyond ASCII is its own affair.
        let is_field = name.is_ascii()
            && name.starts_with(|char: char| char.is_ascii_alphabetic() || char == '_')
            && behind.chars().next().is_none_or(|char| char.is_ascii());
        (is_field && !METHODS.contains(&name)).then_some(name)
    })
    .fuse()
}

/// Whether a schema asks for nothing but a kind of value.
fn needs_only_kind(schema: &Value) -> bool {
    let Some(schema) = schema.as_object() else { return false };
    schema.iter().all(|(name, value)| match name.as_str() {
        "type" | "title" | "description" | "default" | "examples" => true,
        "anyOf" | "oneOf" => value.as_array().is_some_and(|any| any.iter().all(needs_only_kind)),
        _ => false,
    })
}

#[cfg(test)]
mod tests;
