//! Slips: texts that hardly mean what they say, such as unknown names, variables that are not read by `ctx`, and
//! expressions without an end on their line, which are plain text. [`super::parts`] finds complete expressions.

use std::collections::BTreeSet;
use std::sync::Arc;

use petrel_jinja::workflow as jinja;
use petrel_model::quoted::quoted;
use petrel_scope::DATASTORE;
use petrel_yaql as yaql;

use super::parts::has_block;
use super::terms::Language;
use crate::dashes::{self, Dashed};
use crate::words::asks_for;

/// A likely mistake in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slip {
    /// The kind of the mistake.
    pub kind: SlipKind,
    /// The language of the expression.
    pub language: Language,
    /// The expression with its delimiters, or the line on which it begins.
    pub expression: Arc<str>,
    /// The mistake and its remedy.
    pub message: String,
}

/// The kinds of likely mistakes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlipKind {
    /// A call of an unknown name, which fails whenever it is evaluated.
    Unknown,
    /// It reads a name that a workflow does not have: it fails unless another template has set the name.
    Bare,
    /// An expression without an end, which is plain text.
    Unclosed,
    /// An expression that ends on a later line, which makes it plain text.
    Broken,
}

/// The number of characters of a line that are quoted.
const MOST_QUOTED: usize = 80;

/// Adds the slips in `text`.
pub(super) fn collect(text: &str, into: &mut Vec<Slip>) {
    for language in [Language::Jinja, Language::Yaql] {
        if language == Language::Jinja && has_block(text) {
            // A text with blocks is a template as a whole, in which expressions may span lines.
            add_all(SlipKind::Unknown, language, text, jinja::unknown(text, true), into);
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
            add_all(SlipKind::Unknown, language, part, unknown, into);
            if language == Language::Jinja {
                add_bare(part, inside, false, into);
            } else {
                let dashed = dashes::in_expression(inside);
                let messages = dashed.iter().map(Dashed::told_in_yaql).collect();
                add_all(SlipKind::Bare, language, part, messages, into);
            }
        }
        if text.contains(language.delimiters().0) {
            add_open(language, text, &without_other(language, text), into);
        }
    }
}

/// `text` with blanks in place of the other language's expressions and comments, where a delimiter begins nothing.
/// The length stays the same.
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

/// Adds a slip for each message. All share their expression, which may be long, and so may be their number.
fn add_all(
    kind: SlipKind,
    language: Language,
    expression: &str,
    messages: Vec<String>,
    into: &mut Vec<Slip>,
) {
    if messages.is_empty() {
        return;
    }
    let expression: Arc<str> = expression.into();
    into.extend(messages.into_iter().map(|message| Slip {
        kind,
        language,
        expression: Arc::clone(&expression),
        message,
    }));
}

/// Adds the names that Jinja reads and that a workflow does not have, unless it asks whether they are defined.
fn add_bare(expression: &str, inside: &str, is_template: bool, into: &mut Vec<Slip>) {
    let mut dashed = if is_template { dashes::in_template(inside) } else { dashes::in_expression(inside) };
    let strays: BTreeSet<String> = jinja::stray_names(inside, is_template).into_iter().collect();
    // What is behind a dash may be a name that the template sets.
    dashed.retain(|dashed| dashed.parts().any(|part| strays.contains(part)));
    // The name of a key without quotes is told as that.
    let is_told = |name: &str| {
        inside.contains(&format!("st2kv({name}"))
            || dashed.iter().flat_map(Dashed::parts).any(|part| part == name)
            || asks_for(inside, name)
    };
    let unknown = strays.iter().filter(|name| !is_told(name)).map(|name| {
        let shown = quoted(name);
        format!(
            "unknown name \"{shown}\"; a variable is read by `ctx('{shown}')`, the result of the task by `result()`"
        )
    });
    // A key of the datastore is told with the function that reads it.
    let told = dashed.iter().filter(|dashed| dashed.root() != DATASTORE).map(Dashed::told_in_jinja);
    add_all(SlipKind::Bare, Language::Jinja, expression, unknown.chain(told).collect(), into);
}

/// Adds the expressions that do not end on their line, at most one for each line. `looked_at` is `text` without the
/// other language, and is read only once, whatever number of delimiters it has.
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
            ("{{ ctx().headers.X-Request-ID }}", &["{{ ctx().headers.X-Request-ID }}"]),
            ("<% ctx().headers.X-Request-ID %>", &["<% ctx().headers.X-Request-ID %>"]),
            ("<% ctx().a-1 %>{{ ctx().a-1 }}{{ ctx().a - ctx().b }}", &[]),
            ("{{ st2kv(system.x) }}{{ st2kv.my-key }}", &[]),
        ] {
            let expected: Vec<_> =
                expressions.iter().map(|expression| (SlipKind::Bare, (*expression).to_owned())).collect();
            assert_eq!(found(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_found_in_one_expression_shares_it() {
        for text in ["{{ a ~ b ~ c.d-e }}", "<% a.b-c + d.e-f %>", "{% if a %}{{ b }}{{ c.d-e }}{% endif %}"]
        {
            let mut slips = Vec::new();
            collect(text, &mut slips);
            let is_shared = |slip: &Slip| Arc::ptr_eq(&slip.expression, &slips[0].expression);
            assert!(slips.len() > 1 && slips.iter().all(is_shared), "{text}: {slips:?}");
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
