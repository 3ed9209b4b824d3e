//! Parameters written into a text: `core.echo message="hello" count=3`, `a=<% ctx().b %> c=true`.
//!
//! The rules are Orquesta's: a value is a list in brackets, a text in quotes, a number, `true`, `false`,
//! `null` or an expression; whatever has another form is passed over.

use std::sync::LazyLock;

use fancy_regex::Regex;
use serde_json::Value;

static PARAMETER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r#"(\w+)=(\[.*\]\s*|"[^"]*"\s*|'[^']*'\s*|-?\d*\.\d+|-?\d+|(?i:true)|(?i:false)|null"#,
        r"|<%.*?%>|\{\{.*?\}\})"
    ))
    .ok()
});

static QUOTED: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r#""[^"]*"|'[^']*'"#).ok());

/// The parameters in `text`, in order.
pub fn parameters(text: &str) -> Vec<(String, Value)> {
    let Some(pattern) = PARAMETER.as_ref() else { return Vec::new() };
    pattern
        .captures_iter(text)
        .filter_map(Result::ok)
        .filter_map(|found| Some((found.get(1)?.as_str().to_owned(), value(found.get(2)?.as_str()))))
        .collect()
}

/// An action's text as the name of the action and its parameters, if there are any.
pub fn action(text: &str) -> Option<(&str, Vec<(String, Value)>)> {
    let parameters = parameters(text);
    let name = text.split_once(' ')?.0;
    (!parameters.is_empty()).then_some((name, parameters))
}

fn value(text: &str) -> Value {
    let text = text.trim();
    let has_quotes = QUOTED.as_ref().is_some_and(|quoted| quoted.is_match(text).unwrap_or(false));
    let bare = text.strip_prefix('"').unwrap_or(text);
    let bare = bare.strip_suffix('"').unwrap_or(bare);
    let bare = bare.strip_prefix('\'').unwrap_or(bare);
    let bare = bare.strip_suffix('\'').unwrap_or(bare);
    let is_object = bare.starts_with('{') && bare.ends_with('}');
    if has_quotes && !is_object && !bare.is_empty() {
        return Value::from(bare);
    }
    let lower = bare.to_ascii_lowercase();
    let literal = if matches!(lower.as_str(), "true" | "false") { &lower } else { bare };
    serde_json::from_str(literal).unwrap_or_else(|_no_json| Value::from(bare))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_has_the_form_of_a_value_is_one_and_the_rest_is_passed_over() {
        for (text, expected) in [
            ("core.echo", json!({})),
            ("core.echo message=bare", json!({})),
            ("core.echo message=\"hello there\" n=3", json!({"message": "hello there", "n": 3})),
            (
                "x a='b c' d=1.5 e=-2 f=TRUE g=null",
                json!({"a": "b c", "d": 1.5, "e": -2, "f": true, "g": null}),
            ),
            ("x a=<% ctx().b %> c={{ ctx().d }}", json!({"a": "<% ctx().b %>", "c": "{{ ctx().d }}"})),
            ("x a=007 b=1e5 c=0x10", json!({"a": "007", "b": 1, "c": 0})),
            ("x a=[1,2]", json!({"a": [1, 2]})),
            ("x a='{\"k\": 1}'", json!({"a": {"k": 1}})),
            ("x a=\"\"", json!({"a": ""})),
            ("x message=<% a %> is b", json!({"message": "<% a %>"})),
        ] {
            let found: serde_json::Map<_, _> = parameters(text).into_iter().collect();
            assert_eq!(Value::Object(found), expected, "{text}");
        }
    }

    #[test]
    fn an_action_with_parameters_ends_at_the_first_blank() {
        assert_eq!(action("core.echo message=1").map(|(name, _)| name), Some("core.echo"));
        assert_eq!(action("<% ctx().act %> message=1").map(|(name, _)| name), Some("<%"));
        assert_eq!(action("core.echo message=bare"), None);
    }
}
