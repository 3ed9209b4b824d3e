//! Inline parameters: `core.echo message="hello" count=3`, `a=<% ctx().b %> c=true`.
//!
//! The rules are Orquesta's. A value is a list in brackets, a text in quotes, a number, `true`, `false`, `null` or an
//! expression. Anything else is ignored; [`dropped`] reports it. There are
//! no escapes: see [`escaped`].

use std::sync::LazyLock;

use fancy_regex::Regex;
use serde_json::Value;

static KEY: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\w+=").ok());

/// Values without a closing mark.
static PLAIN: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^(?:-?\d*\.\d+|-?\d+|(?i:true)|(?i:false)|null)").ok());

static QUOTED: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r#""[^"]*"|'[^']*'"#).ok());

/// The position of a parameter in a text, in bytes.
#[derive(Debug, Clone, Copy)]
struct Span {
    /// Start of the name.
    start: usize,
    /// Start of the value.
    from: usize,
    /// End of the value.
    end: usize,
}

/// Finds the parameters in `text`, in one pass whatever it contains.
fn spans(text: &str) -> Vec<Span> {
    let Some(pattern) = KEY.as_ref() else { return Vec::new() };
    // Orquesta uses one pattern for names and values. Where a value has no end, each match of it scans to the end of
    // the text: minutes for 1 MiB. Finding names and ends separately gives the same result, which a test compares.
    let (mut found, mut values, mut from) = (Vec::new(), Values::of(text), 0);
    while let Ok(Some(key)) = pattern.find_from_pos(text, from) {
        from = key.end();
        let Some(end) = values.end(from) else { continue };
        found.push(Span { start: key.start(), from, end });
        from = end;
    }
    found
}

/// The parameters in `text`, in order.
pub fn parameters(text: &str) -> Vec<(String, Value)> {
    let parameter = |Span { start, from, end }| {
        let name = text.get(start..from).unwrap_or_default().trim_end_matches('=');
        (name.to_owned(), value(text.get(from..end).unwrap_or_default()))
    };
    spans(text).into_iter().map(parameter).collect()
}

/// A part of a text that belongs to no parameter, so that it has no effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dropped<'a> {
    /// The text, without the value before it if no blank separates them.
    pub text: &'a str,
    /// The part of that value that was read.
    pub read: Option<&'a str>,
}

/// Separators between parameters. They have no effect.
const SEPARATORS: [char; 2] = [',', ';'];

/// The parts of `text` that belong to no parameter, in order.
pub fn dropped(text: &str) -> Vec<Dropped<'_>> {
    let mut dropped = Vec::new();
    let mut before: Option<Span> = None;
    for next in spans(text).into_iter().map(Some).chain([None]) {
        let from = before.map_or(0, |span| span.end);
        let between = text.get(from..next.map_or(text.len(), |span| span.start)).unwrap_or_default();
        let is_end = |letter: char| letter.is_whitespace() || SEPARATORS.contains(&letter);
        let glued = between.find(is_end).unwrap_or(between.len());
        let rest = match before.filter(|_| glued > 0) {
            Some(Span { start, from, end }) => {
                let text_of = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
                dropped.push(Dropped { text: text_of(start, end + glued), read: Some(text_of(from, end)) });
                between.get(glued..).unwrap_or_default()
            }
            None => between,
        };
        let rest = rest.trim_matches(is_end);
        // The words of an expression without an end mean nothing by themselves.
        let is_list = rest.contains('=') && !["<%", "{{"].iter().any(|mark| rest.contains(mark));
        let words: Vec<&str> = if is_list { words_of(rest) } else { vec![rest] };
        let words =
            words.into_iter().map(|word| word.trim_matches(SEPARATORS)).filter(|word| !word.is_empty());
        dropped.extend(words.map(|text| Dropped { text, read: None }));
        before = next;
    }
    dropped
}

/// The first parameter of `text` whose value was to go on after `\"` or `\'`. Orquesta knows no escapes, so the value ends
/// there, with the backslash. A value such as `"C:\dir\"` is not reported, since no quote is left over after it.
pub fn escaped(text: &str) -> Option<&str> {
    let spans = spans(text);
    spans.iter().enumerate().find_map(|(number, span)| {
        let value = text.get(span.from..span.end)?;
        let quote = value.chars().next().filter(|first| matches!(first, '"' | '\''))?;
        let has_escape = value.strip_suffix(quote)?.ends_with('\\');
        let mut from = span.end;
        let mut is_left_over = false;
        for next in spans.iter().skip(number + 1) {
            is_left_over = text.get(from..next.start)?.contains(quote);
            if is_left_over || text.get(next.from..)?.starts_with(quote) {
                break;
            }
            from = next.end;
        }
        let has_next = spans.iter().skip(number + 1).any(|next| next.start >= from);
        is_left_over |= !has_next && text.get(from..)?.contains(quote);
        if has_escape && is_left_over { text.get(span.start..span.end) } else { None }
    })
}

/// Splits a text into words. Text in braces is one word together with what surrounds it.
fn words_of(text: &str) -> Vec<&str> {
    let mut depth = 0_usize;
    let is_between = |letter: char| {
        match letter {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && letter.is_whitespace()
    };
    text.split(is_between).collect()
}

/// Finds the ends of values. Remembers what it has seen, so that no part of the text is scanned twice.
struct Values<'a> {
    text: &'a str,
    /// The end of the line scanned last, and the last closing bracket on it.
    line_end: usize,
    last_bracket: Option<usize>,
    /// For each closing mark, the position before which it is known not to occur.
    missing: [usize; 4],
}

impl<'a> Values<'a> {
    fn of(text: &'a str) -> Self {
        Self { text, line_end: 0, last_bracket: None, missing: [0; 4] }
    }

    /// The end of the value that begins at `at`, if there is a value.
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

    /// The position after the next `mark` between `from` and `to`.
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

/// Splits the text of an action into its name and parameters. `None` if it has no parameters.
pub fn action(text: &str) -> Option<(&str, Vec<(String, Value)>)> {
    let parameters = parameters(text);
    let name = text.split_once(' ')?.0;
    (!parameters.is_empty()).then_some((name, parameters))
}

/// A value without its quotes. Orquesta also removes a pair of single quotes inside, and even a single one, which
/// breaks `"echo 'done'"`; here they are only removed if they enclose the whole value.
fn unquoted(text: &str) -> &str {
    fn within(text: &str, quote: char) -> Option<&str> {
        text.strip_prefix(quote)?.strip_suffix(quote)
    }
    match within(text, '"') {
        Some(inside) => within(inside, '\'').filter(|innermost| !innermost.contains('\'')).unwrap_or(inside),
        None => within(text, '\'').unwrap_or(text),
    }
}

fn value(text: &str) -> Value {
    let text = text.trim();
    let has_quotes = QUOTED.as_ref().is_some_and(|quoted| quoted.is_match(text).unwrap_or(false));
    let bare = unquoted(text);
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

    /// Orquesta's own pattern. Each match may scan to the end of the text.
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

    /// The pieces of random values.
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
            ("x cmd=\"echo 'done'\"", json!({"cmd": "echo 'done'"})),
            ("x cmd=\"'a' and 'b'\"", json!({"cmd": "'a' and 'b'"})),
            ("x a=\"'b'\" c=\"'\" d=\"''\"", json!({"a": "b", "c": "'", "d": ""})),
            ("x cmd='echo \"done\"'", json!({"cmd": "echo \"done\""})),
        ] {
            let found: serde_json::Map<_, _> = parameters(text).into_iter().collect();
            assert_eq!(Value::Object(found), expected, "{text}");
        }
    }

    #[test]
    fn what_is_passed_over_is_told() {
        for (text, expected) in [
            ("a=1 b=\"two words\" c=<% ctx().d %> e=[1, 2]", &[][..]),
            ("a=1, b=2;", &[]),
            ("", &[]),
            ("path=ok", &[("path=ok", None)]),
            ("cmd=date state=draining", &[("cmd=date", None), ("state=draining", None)]),
            ("cmd=date, state=\"draining\"", &[("cmd=date", None)]),
            ("window=24h a=1", &[("window=24h", Some("24"))]),
            ("version=1.2.3 more", &[("version=1.2.3", Some("1.2")), ("more", None)]),
            ("url=<% ctx().host %>/path", &[("url=<% ctx().host %>/path", Some("<% ctx().host %>"))]),
            ("message=<% a %> is b", &[("is b", None)]),
            ("a=1 message=<% ctx(x) + 1", &[("message=<% ctx(x) + 1", None)]),
            ("é=é b=2", &[("é=é", None)]),
            ("env={\"A\":\"b c\",\"D\":1} a=1", &[("env={\"A\":\"b c\",\"D\":1}", None)]),
        ] {
            let found: Vec<_> =
                dropped(text).into_iter().map(|dropped| (dropped.text, dropped.read)).collect();
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn a_value_that_ends_at_an_escaped_quote_is_told() {
        for (text, expected) in [
            (r#"cmd="say hi" b='it'"#, None),
            (r#"cmd="say \"hi\"""#, Some(r#"cmd="say \""#)),
            (r#"cmd="say \"a=1\"" b=2"#, Some(r#"cmd="say \""#)),
            (r"cmd='it\'s' b=1", Some(r"cmd='it\'")),
            (r#"b="x" cmd="say \"hi" c="y""#, Some(r#"cmd="say \""#)),
            // A path that ends with a backslash.
            (r#"path="C:\dir\""#, None),
            (r#"path="C:\dir\" b="x" c='y'"#, None),
            (r#"path="C:\dir\" b='"'"#, None),
        ] {
            assert_eq!(escaped(text), expected, "{text}");
        }
    }

    #[test]
    fn an_action_with_parameters_ends_at_the_first_blank() {
        assert_eq!(action("core.echo message=1").map(|(name, _)| name), Some("core.echo"));
        assert_eq!(action("<% ctx().act %> message=1").map(|(name, _)| name), Some("<%"));
        assert_eq!(action("core.echo message=bare"), None);
    }
}
