//! The types that a value of a definition can be cast to, if it has no expression that says so only in a run.
//!
//! Source of the casts: StackStorm's `util/casts.py`; a workflow writes numbers and booleans as text where a text is
//! declared. In doubt a value fits: what is found keeps a workflow from being started.

use petrel_expressions::Statement;
use petrel_model::Object;
use petrel_model::parameters::Schema;
use petrel_model::quoted::{beginning, quoted};
use petrel_model::secrets::has_secret;
use petrel_python::{literal, number};
use serde_json::Value;

/// The longest text that is looked at, in bytes. A longer one is hardly a number.
const LONGEST: usize = 256;
/// Characters of a value in a message.
const MOST_SHOWN: usize = 60;
/// The beginning of the mark by which a text stands for null.
const NONE: &str = "%*****__%NONE";

/// A value without expressions, as far as a declared type can be compared with it.
#[derive(Debug, Clone)]
pub(super) struct Literal {
    /// The value, shortened.
    shown: String,
    /// The declared types that it fits.
    fits: Vec<&'static str>,
}

impl Literal {
    /// What is known of `value`. `None` if it fits any type, or nobody knows.
    pub(super) fn of(value: &Value) -> Option<Self> {
        let fits = match value {
            Value::Null => return None,
            Value::Bool(_) | Value::Number(_) => vec!["string", "integer", "number", "boolean"],
            // Items may be expressions; the list is one all the same.
            Value::Array(_) => vec!["array"],
            Value::Object(_) => vec!["object"],
            Value::String(text) if text.len() > LONGEST || text.contains(NONE) => return None,
            Value::String(_) if !Statement::compile(value.clone()).is_literal() => return None,
            Value::String(text) => of_text(text),
        };
        Some(Self { shown: beginning(&quoted(&value.to_string()), MOST_SHOWN).into_owned(), fits })
    }

    /// The message and the remedy if the value cannot be cast to the type of the parameter `name` of `action`.
    pub(super) fn mistake(&self, action: &str, name: &str, schema: &Value) -> Option<(String, String)> {
        let kind = Schema::of(schema).kind()?;
        let (_, what, remedy) = KINDS.iter().find(|(known, ..)| *known == kind)?;
        if self.fits.contains(&kind) {
            return None;
        }
        let (action, name) = (quoted(action), quoted(name));
        let shown = if has_secret(schema) { "the value" } else { self.shown.as_str() };
        let message = format!("Action \"{action}\" takes {what} as \"{name}\", and {shown} is none.");
        Some((message, (*remedy).to_owned()))
    }
}

/// The declared types, each in words and with the remedy for a value that is none.
const KINDS: [(&str, &str, &str); 6] = [
    ("string", "a text", "Write a text, in quotes."),
    ("integer", "a whole number", "Write digits without a unit."),
    ("number", "a number", "Write digits without a unit."),
    ("boolean", "a boolean", "Write true or false."),
    ("array", "a list", "Write it as [ITEM, ITEM]."),
    ("object", "a mapping", "Write it as {NAME: VALUE}."),
];

/// The types that a text can be cast to.
fn of_text(text: &str) -> Vec<&'static str> {
    let mut fits = vec!["string"];
    let is_integer = number::integer_from_text(text).is_some();
    if is_integer {
        fits.push("integer");
    }
    if is_integer || number::float_from_text(text).is_some() {
        fits.push("number");
    }
    let lower = text.to_lowercase();
    let mut chars = lower.chars();
    let capitalized: String = chars.next().into_iter().flat_map(char::to_uppercase).chain(chars).collect();
    if literal::parse(&capitalized).is_ok() {
        fits.push("boolean");
    }
    let structure: Option<Value> = serde_json::from_str(text).ok().or_else(|| literal::parse(text).ok());
    match structure {
        Some(Value::Array(_)) => fits.push("array"),
        Some(Value::Object(_)) => fits.push("object"),
        // It is cast to null, which is no value at all.
        Some(Value::Null) => fits.extend(["array", "object"]),
        _ => {}
    }
    fits
}

/// What is known of each value of `inputs`, by its name.
pub(super) fn of_inputs(inputs: &Object) -> Vec<(String, Literal)> {
    inputs.iter().filter_map(|(name, value)| Some((name.clone(), Literal::of(value)?))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_of_another_type_is_told_and_one_that_can_be_cast_is_not() {
        for (kind, value, says) in [
            ("array", json!("ada"), Some("takes a list as \"p\", and \"ada\" is none.")),
            ("array", json!(5), Some("and 5 is none.")),
            ("array", json!({"a": 1}), Some("and {\"a\":1} is none.")),
            ("array", json!("5"), Some("and \"5\" is none.")),
            ("array", json!("[\"a\"]"), None),
            ("array", json!("('a', 'b')"), None),
            ("array", json!(["<% ctx().x %>"]), None),
            ("array", json!("null"), None),
            ("object", json!("None"), None),
            ("object", json!("{'a': 1}"), None),
            ("object", json!([]), Some("takes a mapping")),
            ("integer", json!("abc"), Some("takes a whole number as \"p\", and \"abc\" is none.")),
            ("integer", json!(" 1_000 "), None),
            ("integer", json!(1.5), None),
            ("integer", json!(true), None),
            ("integer", json!([1]), Some("and [1] is none.")),
            ("number", json!("10m"), Some("takes a number as \"p\", and \"10m\" is none.")),
            ("number", json!("1e3"), None),
            ("boolean", json!("maybe"), Some("takes a boolean")),
            ("boolean", json!("TRUE"), None),
            ("boolean", json!(1), None),
            ("string", json!(1), None),
            ("string", json!({"a": 1}), Some("takes a text")),
            ("string", json!("x"), None),
            ("integer", json!("<% ctx().n %>"), None),
            ("integer", json!("{{ n }}m"), None),
            ("integer", json!(null), None),
            ("integer", json!("%*****__%NONE%__*****%"), None),
            ("integer", json!("x".repeat(LONGEST + 1)), None),
            ("colour", json!("x"), None),
        ] {
            let schema = json!({"type": kind});
            let found = Literal::of(&value).and_then(|literal| literal.mistake("a.b", "p", &schema));
            let message = found.as_ref().map(|(message, _)| message.as_str());
            assert_eq!(message.is_some(), says.is_some(), "{kind} {value}: {message:?}");
            assert!(message.is_none_or(|message| message.contains(says.unwrap_or_default())), "{message:?}");
        }
        let secret = json!({"type": "integer", "secret": true});
        let (message, _) = Literal::of(&json!("hush")).unwrap().mistake("a.b", "p", &secret).unwrap();
        assert!(!message.contains("hush"), "{message}");
    }
}
