//! The pattern of a criterion: a literal, or a Jinja template whose result keeps its type.
//!
//! A pattern with `{{ }}` is rendered with `| to_complex` appended inside the braces, and parsed as JSON; so `{{ 5 }}`
//! is a number. If that is not JSON, the pattern is text. As in StackStorm, the filter binds to the last operand, so
//! `{{ n - 1 }}` is an error and `{{ (n - 1) }}` works.

use std::borrow::Cow;

use petrel_expressions::DATASTORE;
use petrel_expressions::{Error, KeyName, Scope, Template, is_template};
use serde_json::Value;

/// The name of the datastore's system scope in criteria.
pub(crate) const SYSTEM: &str = "system";

/// A compiled pattern.
#[derive(Debug)]
pub enum Pattern {
    /// A value that is compared as it is.
    Literal(Value),
    /// A template that is rendered for each evaluation.
    Rendered {
        /// The template that renders JSON.
        typed: Option<Box<Template>>,
        /// The template that renders text.
        text: Box<Template>,
    },
    /// A template with a syntax error, with which every evaluation fails.
    Broken(Error),
}

impl Pattern {
    /// Compiles `pattern`. Only a string is a template, not the items of a list or object.
    pub fn compile(pattern: &Value) -> Self {
        match pattern.as_str() {
            Some(source) if is_template(source) => match Template::compile(source) {
                Ok(text) => {
                    let typed = typed(source).and_then(|typed| Template::compile(&typed).ok());
                    Self::Rendered { typed: typed.map(Box::new), text: Box::new(text) }
                }
                Err(error) => Self::Broken(error),
            },
            _ => Self::Literal(pattern.clone()),
        }
    }

    /// The value to compare with.
    ///
    /// # Errors
    /// As [`Template::compile`] and [`Template::render`].
    pub fn render(&self, scope: &Scope) -> Result<Cow<'_, Value>, Error> {
        match self {
            Self::Literal(value) => Ok(Cow::Borrowed(value)),
            Self::Broken(error) => Err(error.clone()),
            Self::Rendered { typed, text } => {
                if let Some(typed) = typed {
                    let json = typed.render(scope).map_err(|error| as_written(error, text, scope))?;
                    if let Ok(value) = serde_json::from_str(&json) {
                        return Ok(Cow::Owned(value));
                    }
                }
                text.render(scope).map(|text| Cow::Owned(Value::String(text)))
            }
        }
    }

    /// The pattern as the author wrote it, shortened if it is a template that is broken.
    pub(crate) fn written(&self) -> Cow<'_, Value> {
        match self {
            Self::Literal(value) => Cow::Borrowed(value),
            Self::Rendered { text, .. } => Cow::Owned(Value::from(text.source())),
            Self::Broken(error) => Cow::Owned(Value::from(error.template())),
        }
    }

    /// Whether it reads the datastore, under a fixed name or any other.
    pub fn reads_datastore(&self) -> bool {
        match self {
            Self::Rendered { text, .. } => text.names().any(|name| name == DATASTORE || name == SYSTEM),
            Self::Literal(_) | Self::Broken(_) => false,
        }
    }

    /// Whether it may decrypt a key of the datastore.
    pub(crate) fn may_decrypt(&self) -> bool {
        match self {
            Self::Rendered { text, .. } => text.may_decrypt(),
            Self::Literal(_) | Self::Broken(_) => false,
        }
    }

    /// The key and the filter if it makes a number of a single key of the datastore, as `{{ st2kv.system.limit | int }}`
    /// does. Jinja makes 0 of a text that is no number.
    pub(crate) fn number_of_key(&self) -> Option<(&KeyName, &'static str)> {
        match self {
            Self::Rendered { text, .. } => number_of_key(text),
            Self::Literal(_) | Self::Broken(_) => None,
        }
    }

    /// The key and the filter if it makes a value of a single key of the datastore, as a number or as JSON.
    pub(crate) fn value_of_key(&self) -> Option<(&KeyName, &'static str)> {
        match self {
            Self::Rendered { text, .. } => made_of_key(text, &["int", "float", "from_json_string"]),
            Self::Literal(_) | Self::Broken(_) => None,
        }
    }

    /// The keys of the datastore that it reads under fixed names.
    pub fn datastore_keys(&self) -> &[KeyName] {
        match self {
            Self::Rendered { text, .. } => text.datastore_keys(),
            Self::Literal(_) | Self::Broken(_) => &[],
        }
    }
}

/// As [`Pattern::number_of_key`], for any template.
pub(crate) fn number_of_key(template: &Template) -> Option<(&KeyName, &'static str)> {
    made_of_key(template, &["int", "float"])
}

/// The key and the filter if a template has nothing but one of `filters` behind a single key of the datastore.
fn made_of_key<'t>(template: &'t Template, filters: &[&'static str]) -> Option<(&'t KeyName, &'static str)> {
    let [key] = template.datastore_keys() else { return None };
    let inside = template.source().trim().strip_prefix("{{")?.strip_suffix("}}")?;
    let (read, filter) = inside.split_once('|')?;
    let filter = filter.trim_matches(['(', ')', '-', ' ']);
    let filter = filters.iter().copied().find(|known| *known == filter)?;
    let read = read.trim_matches(['(', '-', ' ']);
    let name = key.to_string();
    // Criteria may leave out the name of the datastore.
    let is_key = read == name || name.strip_prefix("st2kv.").is_some_and(|short| short == read);
    is_key.then_some((key, filter))
}

/// Inserts `| to_complex` before the last `}}` of `source`.
fn typed(source: &str) -> Option<String> {
    let (before, inner, after) = parts(source)?;
    Some(format!("{before}{{{{{inner} | to_complex}}}}{after}"))
}

/// What is before the first `{{` of `source`, between that and the last `}}`, and behind that.
fn parts(source: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = source.split_once("{{")?;
    let (inner, after) = rest.rsplit_once("}}")?;
    Some((before, inner.trim(), after))
}

/// The error of a [`typed`] template for the author of `text`, who wrote no filter.
fn as_written(error: Error, text: &Template, scope: &Scope) -> Error {
    let error = error.of_template(text.source());
    let Error::Render { template, reason } = error else { return error };
    if let Err(own) = text.render(scope) {
        return own;
    }
    let enclosed = parts(text.source())
        .map(|(before, inner, after)| format!("{before}{{{{ ({inner}) }}}}{after}"))
        .filter(|enclosed| {
            let typed = typed(enclosed).and_then(|typed| Template::compile(&typed).ok());
            typed.is_some_and(|typed| typed.render(scope).is_ok())
        });
    let hint = enclosed.map_or_else(String::new, |enclosed| {
        format!("; the value of a pattern is that of its last operand, so write {enclosed}")
    });
    Error::Render { template, reason: format!("{reason}{hint}") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_number_that_is_made_of_a_key_is_recognized() {
        for (pattern, expected) in [
            ("{{ st2kv.system.limit | int }}", Some("int")),
            ("{{st2kv.system.limit|float}}", Some("float")),
            ("{{ (st2kv.system.limit | int()) }}", Some("int")),
            ("{{ system.limit | int }}", Some("int")),
            ("{{ st2kv.system.limit | int(5) }}", None),
            ("{{ st2kv.system.limit | default(5) | int }}", None),
            ("{{ st2kv.system.limit }}", None),
            ("{{ trigger.n | int }}", None),
            ("5", None),
        ] {
            let pattern = Pattern::compile(&json!(pattern));
            assert_eq!(pattern.number_of_key().map(|(_, filter)| filter), expected, "{pattern:?}");
        }
    }

    #[test]
    fn types_are_kept() {
        let scope = Scope::new().with("trigger", json!({"n": 5, "tags": ["a"], "s": "x"}));
        for (pattern, expected) in [
            (json!("{{ trigger.n }}"), json!(5)),
            (json!("{{trigger.tags}}"), json!(["a"])),
            (json!("{{ '5' }}"), json!("5")),
            (json!("{{ 'te' }}{{ 'st' }}"), json!("test")),
            (json!("x-{{ trigger.n }}"), json!("x-5")),
            (json!("{% if true %}test{% endif %}"), json!("test")),
            (json!("{{ (trigger.n - 1) }}"), json!(4)),
            (json!({"a": "{{ trigger.n }}"}), json!({"a": "{{ trigger.n }}"})),
        ] {
            assert_eq!(*Pattern::compile(&pattern).render(&scope).unwrap(), expected, "{pattern}");
        }
    }

    #[test]
    fn an_error_tells_of_what_the_author_wrote() {
        let scope = Scope::new().with("trigger", json!({"n": 5}));
        for (broken, says) in [
            ("{{ trigger.zz }}", "`trigger.zz` is not defined"),
            ("{{ bad ( }}", "correct the expression"),
            ("{{ trigger.n - 1 }}", "so write {{ (trigger.n - 1) }}"),
        ] {
            let pattern = Pattern::compile(&json!(broken));
            let told = pattern.render(&scope).unwrap_err().to_string();
            assert!(told.starts_with(&format!("template `{broken}`")) && told.contains(says), "{told}");
            assert!(!told.contains("to_complex"), "{told}");
            assert_eq!(*pattern.written(), json!(broken));
        }
    }
}
