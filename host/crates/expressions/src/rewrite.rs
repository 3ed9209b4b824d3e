//! Templates rewritten where the library reads operators differently from Python: `a < b` becomes a call of
//! a function that refuses to order a text against a number, and so on; see [`crate::operators`].
//!
//! What cannot be followed here stays as it is: the library reads it then, and says what is wrong with it.

mod expression;
mod tokens;

use expression::Rewriter;
use tokens::{End, tokens};

use crate::mutable;

/// `source`, a single expression, rewritten; `None` if there is nothing to rewrite.
pub(crate) fn expression(source: &str) -> Option<String> {
    let (tokens, _) = tokens(source, End::Text)?;
    let mut rewriter = Rewriter::new(source, &tokens, mutable::changes_something(source));
    let text = rewriter.sequence()?;
    rewriter.has_changed().then(|| text.trim().to_owned())
}

/// `source` with the ends of its lines as Jinja has them.
pub(crate) fn with_plain_lines(source: &str) -> std::borrow::Cow<'_, str> {
    if source.contains('\r') {
        source.replace("\r\n", "\n").replace('\r', "\n").into()
    } else {
        source.into()
    }
}

/// `source`, a template, rewritten; `None` if there is nothing to rewrite.
pub(crate) fn template(source: &str) -> Option<String> {
    let is_mutable = mutable::changes_something(source);
    let (mut out, mut rest, mut has_changed) = (String::with_capacity(source.len()), source, false);
    while let Some(start) = ["{{", "{%", "{#"].iter().filter_map(|open| rest.find(open)).min() {
        let (before, from) = rest.split_at(start);
        out.push_str(before);
        let end = if from.starts_with("{#") {
            from.find("#}")? + 2
        } else {
            let is_block = from.starts_with("{%");
            let is_trimmed = from.get(2..).is_some_and(|inside| inside.starts_with(['-', '+']));
            let (open, inside) = from.split_at(if is_trimmed { 3 } else { 2 });
            let (tokens, length) = tokens(inside, if is_block { End::Block } else { End::Variable })?;
            let mut rewriter = Rewriter::new(inside, &tokens, is_mutable);
            let text = if is_block { rewriter.block()? } else { rewriter.sequence()? };
            has_changed |= rewriter.has_changed();
            let word = tokens.iter().find_map(|token| token.word(inside));
            let end = open.len() + length;
            if is_block && word == Some("raw") {
                // What is in it is no template. A line that begins behind the tag keeps its break there.
                let after = from.get(end..)?;
                let length = raw_length(after)?;
                let tag = from.get(..end)?;
                if after.starts_with('\n') && !tag.ends_with("-%}") && !tag.ends_with("+%}") {
                    has_changed = true;
                    out.push_str(tag.strip_suffix("%}")?);
                    out.push_str("+%}");
                    out.push_str(after.get(..length)?);
                    rest = after.get(length..)?;
                    continue;
                }
                end + length
            } else {
                out.push_str(open);
                out.push_str(&text);
                out.push_str(inside.get(tokens.last().map_or(0, |token| token.end)..length)?);
                rest = from.get(end..)?;
                continue;
            }
        };
        out.push_str(from.get(..end)?);
        rest = from.get(end..)?;
    }
    out.push_str(rest);
    has_changed.then_some(out)
}

/// How far it is to the end of the `{% endraw %}` in `text`.
fn raw_length(text: &str) -> Option<usize> {
    let mut from = 0;
    loop {
        let start = from + text.get(from..)?.find("{%")?;
        let inside = text.get(start + 2..)?;
        let (tag, _) = inside.split_once("%}")?;
        if tag.trim_matches(['-', '+']).trim() == "endraw" {
            return Some(start + 2 + tag.len() + 2);
        }
        from = start + 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_become_calls() {
        for (source, expected) in [
            ("a", None),
            ("a == b and c in d", None),
            ("a < b", Some("petrel__compare(a ,'<', b)")),
            ("1 < x.y[0] <= 3 or z", Some("petrel__compare(1 ,'<', x.y[0] ,'<=', 3) or z")),
            ("not a not in b > c", Some("not petrel__compare(a ,'not in', b ,'>', c)")),
            (
                "(a < b) | f(x=c > d)",
                Some("( petrel__compare(a ,'<', b)) | f(x= petrel__compare(c ,'>', d))"),
            ),
            ("a * b % c", Some("petrel__remainder(a * b ,  c)")),
            ("a if b < 1 else c", Some("a if petrel__compare(b ,'<', 1) else c")),
            ("[1].append(2)", Some("petrel__list([1]).append(2)")),
            ("x.update({'a': [1]})", Some("x.update(petrel__mapping({'a': petrel__list([1])}))")),
            ("x[1:2] < y is divisibleby 3", Some("petrel__compare(x[1:2] ,'<', y is divisibleby 3)")),
            ("a <", None),
            ("'a < b'", None),
        ] {
            assert_eq!(expression(source).as_deref().map(spaceless), expected.map(spaceless), "{source}");
        }
    }

    #[test]
    fn templates_are_rewritten_in_their_tags() {
        for (source, expected) in [
            ("a < b {{ c }}", None),
            ("x {{- a<b -}} y", Some("x {{-petrel__compare( a,'<',b) -}} y")),
            ("{% if a < b %}{% endif %}", Some("{% if petrel__compare(a ,'<', b) %}{% endif %}")),
            (
                "{% for k, v in d.items() if k > 1 recursive %}",
                Some("{% for k, v in petrel__each( d.items()) if petrel__compare(k ,'>', 1) recursive %}"),
            ),
            (
                "{% set x = a < b %}{# {{ a < b }} #}",
                Some("{% set x = petrel__compare(a ,'<', b) %}{# {{ a < b }} #}"),
            ),
            ("{% raw %}{{ a < b }}{% endraw %}", None),
            (
                "{% macro m(a, b=1 > 2) %}{% endmacro %}",
                Some("{% macro m(a, b=petrel__compare(1 ,'>', 2)) %}{% endmacro %}"),
            ),
            ("{{ {'a': {'b': 1 < 2}} }}", Some("{{ {'a': {'b': petrel__compare(1 ,'<', 2)}} }}")),
            ("{{ a < b", None),
        ] {
            let rewritten = template(source);
            assert_eq!(rewritten.as_deref().map(spaceless), expected.map(spaceless), "{source}");
        }
    }

    fn spaceless(text: &str) -> String {
        text.split_whitespace().collect()
    }
}
