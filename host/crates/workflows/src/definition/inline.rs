//! Parameters written into a text: `core.echo message="hello" count=3`, `a=<% ctx().b %> c=true`.
//!
//! The rules are Orquesta's: a value is a list in brackets, a text in quotes, a number, `true`, `false`,
//! `null` or an expression; whatever has another form is passed over.

use std::sync::LazyLock;

use fancy_regex::Regex;
use serde_json::Value;

static KEY: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\w+=").ok());

/// The values that do not say where they end.
static PLAIN: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^(?:-?\d*\.\d+|-?\d+|(?i:true)|(?i:false)|null)").ok());

static QUOTED: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r#""[^"]*"|'[^']*'"#).ok());

/// The parameters in `text`, in order. It is gone through once, whatever is in it.
pub fn parameters(text: &str) -> Vec<(String, Value)> {
    let Some(pattern) = KEY.as_ref() else { return Vec::new() };
    let (mut found, mut values, mut from) = (Vec::new(), Values::of(text), 0);
    while let Ok(Some(key)) = pattern.find_from_pos(text, from) {
        from = key.end();
        let Some(end) = values.end(from) else { continue };
        let name = key.as_str().trim_end_matches('=');
        found.push((name.to_owned(), value(text.get(from..end).unwrap_or_default())));
        from = end;
    }
    found
}

/// Finds where values end, and looks at no part of the text twice for that.
struct Values<'a> {
    text: &'a str,
    /// The end of the line that was looked at last, and the last closing bracket on it.
    line_end: usize,
    last_bracket: Option<usize>,
    /// For each mark, up to where it is known not to be any more.
    missing: [usize; 4],
}

impl<'a> Values<'a> {
    fn of(text: &'a str) -> Self {
        Self { text, line_end: 0, last_bracket: None, missing: [0; 4] }
    }

    /// Where the value ends that begins at `at`, if one does.
    fn end(&mut self, at: usize) -> Option<usize> {
        let text = self.text;
        let rest = text.get(at..)?;
        if at >= self.line_end {
            let line = rest.split('\n').next().unwrap_or_default();
            self.line_end = at + line.len();
            self.last_bracket = line.rfind(']').map(|place| at + place);
        }
        match rest.as_bytes() {
            [b'[', ..] => self.last_bracket.filter(|last| *last > at).map(|last| last + 1),
            [b'"', ..] => self.behind("\"", 0, at + 1, text.len()),
            [b'\'', ..] => self.behind("'", 1, at + 1, text.len()),
            [b'<', b'%', ..] => self.behind("%>", 2, at + 2, self.line_end),
            [b'{', b'{', ..] => self.behind("}}", 3, at + 2, self.line_end),
            _ => PLAIN.as_ref()?.find(rest).ok()?.map(|value| at + value.end()),
        }
    }

    /// The place behind the next `mark` between these.
    fn behind(&mut self, mark: &str, number: usize, from: usize, to: usize) -> Option<usize> {
        let missing = self.missing.get_mut(number)?;
        if from < *missing {
            return None;
        }
        let place = self.text.get(from..to)?.find(mark);
        if place.is_none() {
            *missing = to;
        }
        place.map(|place| from + place + mark.len())
    }
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
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// The pattern of the original. Each look at a text may go to its end.
    static PATTERN: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(concat!(
            r#"(\w+)=(\[.*\]\s*|"[^"]*"\s*|'[^']*'\s*|-?\d*\.\d+|-?\d+|(?i:true)|(?i:false)|null"#,
            r"|<%.*?%>|\{\{.*?\}\})"
        ))
        .unwrap()
    });

    /// The parameters by that pattern.
    fn by_pattern(text: &str) -> Vec<(String, Value)> {
        let found = PATTERN.captures_iter(text).map(Result::unwrap);
        found.map(|found| (found[1].to_owned(), value(&found[2]))).collect()
    }

    /// What values are made of.
    const PARTS: [&str; 22] = [
        "a",
        "é",
        "=",
        "=",
        "b=",
        " ",
        "\n",
        "[",
        "]",
        "\"",
        "'",
        "1",
        "-",
        ".",
        "TRUE",
        "null",
        "<%",
        "%>",
        "{{",
        "}}",
        "{\"k\": 1}",
        "x",
    ];

    proptest! {
        #![proptest_config(ProptestConfig { cases: 5_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_found_is_what_the_pattern_finds(
            parts in prop::collection::vec(prop::sample::select(&PARTS[..]), 0..30),
        ) {
            let text = parts.concat();
            prop_assert_eq!(parameters(&text), by_pattern(&text));
        }
    }

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
