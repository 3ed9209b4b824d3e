//! The rewriting of templates where the library's operators differ from Python's: `a < b` becomes a call of a
//! function that refuses to order a text against a number, and so on; see [`crate::operators`].
//!
//! A text that cannot be followed is [`Rewritten::Lost`]. The library reports its syntax error, and if it finds none
//! the text is refused all the same, because the library would walk through values without counting.

pub(crate) mod called;
mod expression;
mod tokens;

use expression::Rewriter;
pub(crate) use tokens::Refused;
use tokens::{End, tokens};

use crate::mutable;

/// The outcome of rewriting a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Rewritten {
    /// Nothing needed to be rewritten.
    Same,
    /// The rewritten text.
    Other(String),
    /// The text could not be followed.
    Lost,
}

/// The error for a text that could not be followed and in which the library finds no error.
pub(crate) const LOST: &str = "an expression in it cannot be followed; write it more plainly, with {% set %}";

/// Rewrites `source`, a single expression.
///
/// # Errors
/// When the library must not parse it.
pub(crate) fn expression(source: &str) -> Result<Rewritten, Refused> {
    let Some((tokens, _)) = tokens(source, End::Text)? else { return Ok(Rewritten::Lost) };
    let mut rewriter = Rewriter::new(source, &tokens, mutable::changes_something(source));
    Ok(match rewriter.sequence() {
        None => Rewritten::Lost,
        Some(_) if !rewriter.has_changed() => Rewritten::Same,
        Some(text) => Rewritten::Other(text.trim().to_owned()),
    })
}

/// `source` with line ends as Jinja normalizes them.
pub(crate) fn with_plain_lines(source: &str) -> std::borrow::Cow<'_, str> {
    if source.contains('\r') {
        source.replace("\r\n", "\n").replace('\r', "\n").into()
    } else {
        source.into()
    }
}

/// Rewrites `source`, a template.
///
/// # Errors
/// When the library must not parse it.
pub(crate) fn template(source: &str) -> Result<Rewritten, Refused> {
    let mut pass = Pass { is_mutable: mutable::changes_something(source), ..Pass::default() };
    let mut rest = source;
    while let Some(start) = next_tag(rest) {
        let (before, from) = rest.split_at(start);
        pass.out.push_str(before);
        rest = if let Some(after) = pass.tag(from)? {
            after
        } else {
            // The library will report the error here. The rest is read on, because it must not be too long for the
            // library either.
            pass.is_lost = true;
            from.get(2..).unwrap_or_default()
        };
    }
    pass.out.push_str(rest);
    Ok(match pass {
        Pass { is_lost: true, .. } => Rewritten::Lost,
        Pass { has_changed: false, .. } => Rewritten::Same,
        Pass { out, .. } => Rewritten::Other(out),
    })
}

/// The index of the next tag or comment.
fn next_tag(text: &str) -> Option<usize> {
    let braces = text.match_indices('{').map(|(place, _)| place);
    let mut tags = braces.filter(|place| matches!(text.as_bytes().get(place + 1), Some(b'{' | b'%' | b'#')));
    tags.next()
}

/// The state of one pass through a template.
#[derive(Debug, Default)]
struct Pass {
    out: String,
    is_mutable: bool,
    has_changed: bool,
    is_lost: bool,
}

impl Pass {
    /// Writes the tag or comment at the beginning of `from`, and returns the rest.
    fn tag<'a>(&mut self, from: &'a str) -> Result<Option<&'a str>, Refused> {
        if from.starts_with("{#") {
            let Some((comment, after)) = from.split_once("#}") else { return Ok(Some(self.open_ended())) };
            self.out.push_str(comment);
            self.out.push_str("#}");
            return Ok(Some(after));
        }
        let is_block = from.starts_with("{%");
        let is_trimmed = from.get(2..).is_some_and(|inside| inside.starts_with(['-', '+']));
        let (open, inside) = from.split_at(if is_trimmed { 3 } else { 2 });
        let Some((tokens, length)) = tokens(inside, if is_block { End::Block } else { End::Variable })?
        else {
            return Ok(None);
        };
        let (tag, after) = inside.split_at(length);
        if is_block && tokens.first().and_then(|token| token.word(inside)) == Some("raw") {
            let after = self.raw(open, tag, after);
            return Ok(Some(after.unwrap_or_else(|| self.open_ended())));
        }
        let mut rewriter = Rewriter::new(inside, &tokens, self.is_mutable);
        let text = if is_block { rewriter.block() } else { rewriter.sequence() };
        self.has_changed |= rewriter.has_changed();
        let Some(text) = text else { return Ok(None) };
        let end = tokens.last().map_or(0, |token| token.end);
        self.out.extend([open, &text, tag.get(end..).unwrap_or_default()]);
        Ok(Some(after))
    }

    /// Ends the pass in a comment or a raw block that is never closed.
    fn open_ended(&mut self) -> &'static str {
        self.is_lost = true;
        ""
    }

    /// Copies a raw block, which is no template. Python's Jinja keeps a line break directly after its tag, which the
    /// library's `trim_blocks` would remove.
    fn raw<'a>(&mut self, open: &str, tag: &str, after: &'a str) -> Option<&'a str> {
        let length = raw_length(after)?;
        let (inside, rest) = after.split_at_checked(length)?;
        if inside.starts_with('\n') && !tag.ends_with("-%}") && !tag.ends_with("+%}") {
            self.has_changed = true;
            self.out.extend([open, tag.strip_suffix("%}")?, "+%}", inside]);
        } else {
            self.out.extend([open, tag, inside]);
        }
        Some(rest)
    }
}

/// The length up to the end of the `{% endraw %}` in `text`.
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
            ("a == b and c in d", Some("petrel__compare(a ,'==', b) and petrel__compare(c ,'in', d)")),
            ("a < b", Some("petrel__compare(a ,'<', b)")),
            ("1 < x.y[0] <= 3 or z", Some("petrel__compare(1 ,'<', x.y[0] ,'<=', 3) or z")),
            ("not a not in b > c", Some("not petrel__compare(a ,'not in', b ,'>', c)")),
            (
                "(a < b) | f(x=c > d)",
                Some("( petrel__compare(a ,'<', b)) | f(x= petrel__compare(c ,'>', d))"),
            ),
            ("a * b % c", Some("petrel__arithmetic(a, '*', b, '%', c)")),
            ("-a + b - c", Some("petrel__arithmetic(-a, '+', b, '-', c)")),
            ("a if b < 1 else c", Some("a if petrel__compare(b ,'<', 1) else c")),
            ("[1].append(2)", Some("petrel__list([1]).append(2)")),
            ("x.update({'a': [1]})", Some("x.update(petrel__mapping({'a': petrel__list([1])}))")),
            (
                "x[1:2] < y is divisibleby 3",
                Some("petrel__compare( petrel__slice(x, 1, 2, none) ,'<', y is divisibleby 3)"),
            ),
            ("a <", None),
            ("'a < b'", None),
        ] {
            assert_eq!(text(expression(source).unwrap()), expected.map(spaceless), "{source}");
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
            assert_eq!(text(template(source).unwrap()), expected.map(spaceless), "{source}");
        }
    }

    #[test]
    fn what_the_engine_goes_through_by_itself_is_weighed() {
        for (source, expected) in [
            ("a[b]", Some("petrel__item(a,b,'a[b]')")),
            (
                "a['b'][0].c[d.e][f(1)]",
                Some(
                    r"petrel__item(petrel__item(a['b'][0].c,d.e,'a[\'b\'][0].c[d.e]'),f(1),'a[\'b\'][0].c[d.e][f(1)]')",
                ),
            ),
            ("a.b[-1]", Some("petrel__item(a.b,-1,'a.b[-1]')")),
            (
                "a[7000] + b.c.7000.0",
                Some("petrel__arithmetic(petrel__indexed(a)[7000],'+',petrel__indexed(b.c).7000.0)"),
            ),
            ("f(a, **b)", Some("f(a,**petrel__key(b))")),
            ("{a: 1, 'b': c, 2: d}", Some("{petrel__key(a):1,'b':c,2:d}")),
            ("loop.changed(a, [b], c=1)", Some("loop.changed(petrel__key(a), petrel__key([b]), c=1)")),
            ("a ~ 'b' ~ c + 1", Some("petrel__arithmetic(petrel__concatenate(a,'b',c),'+',1)")),
            ("a[0].0['b'].700", None),
            ("a is sameas b[c] and d", Some("a is sameas petrel__item(b,c,'b[c]') and d")),
            ("a is not in b.7000 | c.d(e)", Some("a is not in petrel__indexed(b).7000 | c.d(e)")),
            // No place is taken of what a filter gives, unless brackets are around it.
            ("a | first[b]", None),
            ("(a | first)[b]", Some("petrel__item((a|first),b,'(a|first)[b]')")),
        ] {
            assert_eq!(text(expression(source).unwrap()), expected.map(spaceless), "{source}");
        }
    }

    #[test]
    fn what_cannot_be_followed_is_told_apart() {
        for source in ["{{ a < b", "{# a", "{% raw %}{{ a }}", "{{ a[ }}"] {
            assert_eq!(template(source), Ok(Rewritten::Lost), "{source}");
        }
        assert_eq!((template("a"), expression("a <")), (Ok(Rewritten::Same), Ok(Rewritten::Lost)));
    }

    fn text(rewritten: Rewritten) -> Option<String> {
        match rewritten {
            Rewritten::Other(text) => Some(spaceless(&text)),
            Rewritten::Same | Rewritten::Lost => None,
        }
    }

    fn spaceless(text: &str) -> String {
        text.split_whitespace().collect()
    }
}
