//! The functions, filters and tests that a text uses, found among its words. [`crate::workflow`] knows which of them
//! exist.
//!
//! A text that cannot be followed ends the search: the library reports its syntax error.

use std::collections::BTreeSet;

use petrel_scope::names::Role;

use super::tokens::{End, Token, tokens};
use super::{next_tag, raw_length};

/// Words that stand before a bracket and are no functions, and functions that exist only in some places.
const NO_FUNCTIONS: [&str; 13] =
    ["and", "or", "not", "in", "is", "if", "else", "elif", "for", "caller", "loop", "self", "super"];

/// Tags in which a template defines names.
const NAMING: [&str; 7] = ["set", "for", "macro", "call", "import", "from", "with"];

/// A name with its role.
pub(crate) type Called<'a> = (Role, &'a str);

/// The names in `source`, a single expression.
pub(crate) fn in_expression(source: &str) -> Vec<Called<'_>> {
    let mut called = Vec::new();
    if let Ok(Some((words, _))) = tokens(source, End::Text) {
        add(source, &words, false, &mut called);
    }
    called
}

/// The names in `source`, a template, except functions that it defines itself.
pub(crate) fn in_template(source: &str) -> Vec<Called<'_>> {
    let (mut called, mut own) = (Vec::new(), BTreeSet::new());
    let mut rest = source;
    while let Some(after) = next_tag(rest).and_then(|start| tag(rest.get(start..)?, &mut called, &mut own)) {
        rest = after;
    }
    called.retain(|(role, name)| *role != Role::Function || !own.contains(name));
    called
}

/// Reads the tag or comment at the beginning of `from`, and returns the rest.
fn tag<'a>(from: &'a str, called: &mut Vec<Called<'a>>, own: &mut BTreeSet<&'a str>) -> Option<&'a str> {
    if from.starts_with("{#") {
        return from.split_once("#}").map(|(_, after)| after);
    }
    let is_block = from.starts_with("{%");
    let inside = from.get(2..)?;
    let inside = inside.strip_prefix(['-', '+']).unwrap_or(inside);
    let (words, length) = tokens(inside, if is_block { End::Block } else { End::Variable }).ok()??;
    let after = inside.get(length..)?;
    let keyword = words.first().filter(|_| is_block).and_then(|word| word.word(inside)).unwrap_or_default();
    if keyword == "raw" {
        return after.get(raw_length(after)?..);
    }
    if NAMING.contains(&keyword) {
        let given = words.iter().take_while(|word| !matches!(word.text(inside), "=" | "in"));
        own.extend(given.filter_map(|word| word.word(inside)));
    }
    add(inside, &words, is_block, called);
    Some(after)
}

/// Adds the names among the words of an expression or tag.
fn add<'a>(source: &'a str, words: &[Token], is_block: bool, called: &mut Vec<Called<'a>>) {
    for (place, word) in words.iter().enumerate() {
        let Some(name) = word.word(source) else { continue };
        let before = |back: usize| {
            let word = place.checked_sub(back).and_then(|place| words.get(place));
            word.map(|word| word.text(source))
        };
        let after = words.get(place + 1).map(|word| word.text(source));
        let is_keyword = NO_FUNCTIONS.contains(&name) || (is_block && place == 0);
        let role = match before(1) {
            Some("|") => Role::Filter,
            Some("filter") if is_block && place == 1 => Role::Filter,
            Some("is") if name != "not" => Role::Test,
            Some("not") if before(2) == Some("is") => Role::Test,
            Some(".") => continue,
            _ if after == Some("(") && !is_keyword => Role::Function,
            _ => continue,
        };
        called.push((role, name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart_by_what_stands_around_them() {
        let told = |called: &[Called<'_>]| -> String {
            let mark = |role: Role| match role {
                Role::Function => "()",
                Role::Method => ".",
                Role::Filter => "|",
                Role::Test => "?",
            };
            called.iter().map(|(role, name)| format!("{name}{} ", mark(*role))).collect()
        };
        for (source, expected) in [
            ("ctx().a | upper | f(x=g(1)) + b.method(2)", "ctx() upper| f| g() "),
            ("not (a is not defined) and a is divisibleby(3) or x is in [1]", "defined? divisibleby? in? "),
            ("a if (b) else (c)", ""),
            ("'f(' ~ \"| g\" ~ x['h'](1)", ""),
            ("f (1) + (g)(2)", "f() "),
            ("'not closed", ""),
        ] {
            assert_eq!(told(&in_expression(source)), expected, "{source}");
        }
        for (source, expected) in [
            ("{% for a in f(1) if g(a) %}{{ a | h }}{% endfor %}", "f() g() h| "),
            ("{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1) }}{{ n(1) }}", "n() "),
            ("{% set f = ctx() %}{# {{ g() }} #}{% raw %}{{ h() }}{% endraw %}{{- f() -}}", "ctx() "),
            ("{% filter upper %}f(x){% endfilter %} f(x) {%- if(i()) -%}{% endif %}", "upper| i() "),
            ("{{ f() }} {{ g( }} {{ h() }}", "f() "),
        ] {
            assert_eq!(told(&in_template(source)), expected, "{source}");
        }
    }
}
