//! What stands in a text and hardly means what it says: names that nobody has, variables that are not read by `ctx`, and
//! expressions without an end on their line, which are plain text. Where expressions are that have one is in [`super::parts`].

use std::collections::BTreeSet;
use std::sync::Arc;

use petrel_jinja::workflow as jinja;
use petrel_model::quoted::quoted;
use petrel_yaql as yaql;

use super::parts::has_block;
use super::terms::Language;
use crate::words::asks_for;

/// Something that hardly means what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slip {
    /// What it is.
    pub kind: SlipKind,
    /// The language that it is taken for.
    pub language: Language,
    /// The expression with its delimiters, or the line that it begins on.
    pub expression: Arc<str>,
    /// What is wrong, and what to do.
    pub message: String,
}

/// What can be wrong with an expression that is well-formed, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlipKind {
    /// It calls what nobody has: it fails whenever it gets there.
    Unknown,
    /// It reads a name that is nothing in a workflow: it fails unless another template gave the name.
    Bare,
    /// It has no end: it is plain text.
    Unclosed,
    /// Its end is on a later line: it is plain text.
    Broken,
}

/// Letters of a line that are quoted.
const MOST_QUOTED: usize = 80;

/// Adds what is in `text`.
pub(super) fn collect(text: &str, into: &mut Vec<Slip>) {
    for language in [Language::Jinja, Language::Yaql] {
        if language == Language::Jinja && has_block(text) {
            // It is a template as a whole, which may have as many lines as it likes.
            add_unknown(language, text, jinja::unknown(text, true), into);
            add_bare(text, text, true, into);
            continue;
        }
        let mut seen = BTreeSet::new();
        for part in language.parts(text).filter(|part| seen.insert(*part)) {
            let inside = language.inside(part);
            let unknown = match language {
                Language::Jinja => jinja::unknown(inside, false),
                Language::Yaql => {
                    yaql::Expression::compile(inside).map(|read| read.unknown()).unwrap_or_default()
                }
            };
            add_unknown(language, part, unknown, into);
            if language == Language::Jinja {
                add_bare(part, inside, false, into);
            }
        }
        if text.contains(language.delimiters().0) {
            add_open(language, text, &without_other(language, text), into);
        }
    }
}

/// `text`, of the same length, with blanks for the expressions and comments of the other language: what opens in one of
/// these begins nothing.
fn without_other(language: Language, text: &str) -> String {
    let blanks = |part: &str| std::iter::repeat_n(' ', part.len());
    let (mut left, mut rest) = (String::with_capacity(text.len()), text);
    let other = if language == Language::Jinja { Language::Yaql } else { Language::Jinja };
    for part in other.parts(text) {
        let Some((before, behind)) = rest.split_once(part) else { break };
        left.push_str(before);
        left.extend(blanks(part));
        rest = behind;
    }
    left.push_str(rest);
    if other == Language::Yaql {
        return left;
    }
    let (mut without, mut rest) = (String::with_capacity(left.len()), left.as_str());
    while let Some((before, behind)) = rest.split_once("{#")
        && let Some((comment, after)) = behind.split_once("#}")
    {
        without.push_str(before);
        without.extend(blanks("{##}").chain(blanks(comment)));
        rest = after;
    }
    without.push_str(rest);
    without
}

fn add_unknown(language: Language, expression: &str, messages: Vec<String>, into: &mut Vec<Slip>) {
    if messages.is_empty() {
        return;
    }
    let expression: Arc<str> = expression.into();
    into.extend(messages.into_iter().map(|message| Slip {
        kind: SlipKind::Unknown,
        language,
        expression: Arc::clone(&expression),
        message,
    }));
}

/// Adds the names that Jinja reads and that are nothing in a workflow, unless it asks whether they are there.
fn add_bare(expression: &str, inside: &str, is_template: bool, into: &mut Vec<Slip>) {
    let names = jinja::stray_names(inside, is_template).into_iter();
    into.extend(names.filter(|name| !asks_for(inside, name)).map(|name| {
        let shown = quoted(&name);
        Slip {
            kind: SlipKind::Bare,
            language: Language::Jinja,
            expression: expression.into(),
            message: format!(
                "unknown name \"{shown}\"; a variable is read by `ctx('{shown}')`, the result of the task by `result()`"
            ),
        }
    }));
}

/// Adds the expressions that do not end on their line, one for each line, of what is looked at of `text`. That is gone
/// through once.
fn add_open(language: Language, text: &str, looked_at: &str, into: &mut Vec<Slip>) {
    let (open, close) = language.delimiters();
    let from =
        |at: usize, mark: &str| looked_at.get(at..).and_then(|rest| rest.find(mark)).map(|place| at + place);
    let (mut at, mut line_end) = (0, 0);
    let mut closing = Some(0);
    while let Some(start) = from(at, open) {
        let inside = start + open.len();
        if closing.is_some_and(|place| place < inside) {
            closing = from(inside, close);
        }
        if line_end < inside {
            line_end = from(inside, "\n").unwrap_or(text.len());
        }
        let before_the_next = |place: usize| from(inside, open).is_none_or(|next| place < next);
        let (kind, message) = match closing {
            Some(place) if place < line_end => {
                at = place + close.len();
                continue;
            }
            Some(place) if before_the_next(place) => {
                at = place + close.len();
                let message = "the expression goes on over the end of its line, so all of it is plain text; write it on one line";
                (SlipKind::Broken, message.to_owned())
            }
            _ => {
                at = line_end;
                let message = format!(
                    "the expression has no end, so it is plain text; end it with `{close}`, or write \
                     `{open} '{open}' {close}` where that is meant"
                );
                (SlipKind::Unclosed, message)
            }
        };
        let line = text.get(start..line_end.max(inside)).unwrap_or_default();
        let expression: String = line.trim_end().chars().take(MOST_QUOTED).collect();
        into.push(Slip { kind, language, expression: expression.into(), message });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The kinds and expressions of what is found.
    fn found(text: &str) -> Vec<(SlipKind, String)> {
        let mut slips = Vec::new();
        collect(text, &mut slips);
        slips.into_iter().map(|slip| (slip.kind, slip.expression.to_string())).collect()
    }

    #[test]
    fn names_that_nobody_has_are_found_in_both_languages() {
        for (text, expressions) in [
            ("<% succeeded() %> {{ failed() }}", &[][..]),
            ("a <% succeded() %> b <% failed() %> <% succeded() %>", &["<% succeded() %>"]),
            ("{{ succeded() }}", &["{{ succeded() }}"]),
            ("{{ ctx('a') | uper }}", &["{{ ctx('a') | uper }}"]),
            ("{% if succeded() %}x{% endif %}", &["{% if succeded() %}x{% endif %}"]),
            ("<% 1 + %> {{ * }}", &[]),
            ("succeded()", &[]),
        ] {
            let expected: Vec<_> =
                expressions.iter().map(|expression| (SlipKind::Unknown, (*expression).to_owned())).collect();
            assert_eq!(found(text), expected, "{text}");
        }
    }

    #[test]
    fn a_variable_that_is_not_read_by_ctx_is_found() {
        for (text, expressions) in [
            ("{{ ctx('host') }} {{ ctx().host }} {{ config_context.zone }}", &[][..]),
            ("echo {{ host }} {{ host }}", &["{{ host }}"]),
            ("{{ host | default('x') }}{{ host is defined }}", &[]),
            ("{% for x in ctx('xs') %}{{ x }}{% endfor %}", &[]),
            ("{% if host %}x{% endif %}", &["{% if host %}x{% endif %}"]),
            ("<% host %>", &[]),
        ] {
            let expected: Vec<_> =
                expressions.iter().map(|expression| (SlipKind::Bare, (*expression).to_owned())).collect();
            assert_eq!(found(text), expected, "{text}");
        }
    }

    #[test]
    fn an_expression_that_does_not_end_on_its_line_is_found() {
        use SlipKind::{Bare, Broken, Unclosed};
        for (text, expected) in [
            ("<% ctx(x) %> and {{ ctx('x') }}", &[][..]),
            ("<% ctx(x)", &[(Unclosed, "<% ctx(x)")]),
            ("a {{ x } b", &[(Unclosed, "{{ x } b")]),
            ("<% 1 %> <% ctx(x)\n<% 2 %> <% 3", &[(Unclosed, "<% ctx(x)"), (Unclosed, "<% 3")]),
            ("<% ctx(\n  x) %> then <% 1 %>", &[(Broken, "<% ctx(")]),
            ("{{ ctx(\n'x') }}", &[(Broken, "{{ ctx(")]),
            ("{% if true %}{{ ctx(\n'x') }}{% endif %}", &[]),
            ("{{", &[(Unclosed, "{{")]),
            ("{{\n", &[(Unclosed, "{{")]),
            ("{\"a\": {\"b\": 1}}", &[]),
            ("echo ${a%b}", &[]),
            ("é {{ é", &[(Unclosed, "{{ é")]),
            // What opens within the other language begins nothing.
            ("{{ '<%' }}", &[]),
            ("{# <% #}", &[]),
            ("<% '{{' %>", &[]),
            ("{{ 'é<%' }} <% {{ x }}", &[(Bare, "{{ x }}"), (Unclosed, "<% {{ x }}")]),
            ("{# <%", &[(Unclosed, "<%")]),
        ] {
            let expected: Vec<_> = expected.iter().map(|(kind, text)| (*kind, (*text).to_owned())).collect();
            assert_eq!(found(text), expected, "{text}");
        }
        assert_eq!(found(&format!("{{{{{}", "é".repeat(1_000)))[0].1.chars().count(), MOST_QUOTED);
    }

    #[test]
    fn a_text_of_very_many_openings_is_gone_through_once() {
        for (part, most) in [("{{", 1), ("<%%>", 0), ("<%\n", 400_000), ("<% a %>", 0), ("<%\n%>", 400_000)] {
            assert!(found(&part.repeat(400_000 / part.len())).len() <= most, "{part}");
        }
    }
}
