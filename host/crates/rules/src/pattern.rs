//! What a criterion compares with: a literal, or Jinja whose result keeps its type.
//!
//! A pattern with `{{ }}` is first rendered with `| to_complex` added after what stands in the braces, and
//! read as JSON; so `{{ 5 }}` is a number. When that is no JSON, the pattern is text. As in StackStorm the
//! filter binds to the last operand, so `{{ n - 1 }}` is an error; `{{ (n - 1) }}` is what works.

use std::borrow::Cow;

use petrel_expressions::DATASTORE;
use petrel_expressions::{Error, KeyName, Scope, Template, is_template};
use serde_json::Value;

use crate::compiled::SYSTEM;

/// A pattern made ready.
#[derive(Debug)]
pub enum Pattern {
    /// Compared as it is.
    Literal(Value),
    /// Rendered for each evaluation.
    Rendered {
        /// What gives JSON.
        typed: Option<Box<Template>>,
        /// What gives text.
        text: Box<Template>,
    },
    /// A template that cannot be read; every evaluation fails with this.
    Broken(Error),
}

impl Pattern {
    /// Makes `pattern` ready. Only strings are rendered, not what is in lists or objects.
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
    /// Those of [`Template::compile`] and [`Template::render`].
    pub fn render(&self, scope: &Scope) -> Result<Cow<'_, Value>, Error> {
        match self {
            Self::Literal(value) => Ok(Cow::Borrowed(value)),
            Self::Broken(error) => Err(error.clone()),
            Self::Rendered { typed, text } => {
                if let Some(typed) = typed
                    && let Ok(value) = serde_json::from_str(&typed.render(scope)?)
                {
                    return Ok(Cow::Owned(value));
                }
                text.render(scope).map(|text| Cow::Owned(Value::String(text)))
            }
        }
    }

    /// Whether it looks into the datastore, by whatever name.
    pub fn reads_datastore(&self) -> bool {
        match self {
            Self::Rendered { text, .. } => text.names().any(|name| name == DATASTORE || name == SYSTEM),
            Self::Literal(_) | Self::Broken(_) => false,
        }
    }

    /// The keys of the datastore that it reads.
    pub fn datastore_keys(&self) -> &[KeyName] {
        match self {
            Self::Rendered { text, .. } => text.datastore_keys(),
            Self::Literal(_) | Self::Broken(_) => &[],
        }
    }
}

/// `source` with `| to_complex` before the last `}}`.
fn typed(source: &str) -> Option<String> {
    let (before, rest) = source.split_once("{{")?;
    let (inner, after) = rest.rsplit_once("}}")?;
    Some(format!("{before}{{{{{} | to_complex}}}}{after}", inner.trim()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

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
        for broken in ["{{ trigger.zz }}", "{{ bad ( }}", "{{ trigger.n - 1 }}"] {
            assert!(Pattern::compile(&json!(broken)).render(&scope).is_err(), "{broken}");
        }
    }
}
