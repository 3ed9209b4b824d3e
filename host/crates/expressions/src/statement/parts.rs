//! The expressions in a text, as the original finds them: from an opening delimiter to the first closing one on the
//! same line. A delimited stretch over several lines is plain text.

use super::terms::Language;

impl Language {
    /// The delimiters of an expression.
    pub(super) fn delimiters(self) -> (&'static str, &'static str) {
        match self {
            Self::Jinja => ("{{", "}}"),
            Self::Yaql => ("<%", "%>"),
        }
    }

    /// The characters that are stripped from both ends of an expression, however often they occur.
    fn edges(self) -> [char; 3] {
        match self {
            Self::Jinja => ['{', '}', '{'],
            Self::Yaql => ['<', '%', '>'],
        }
    }

    /// The expressions in `text`, delimiters included, in order.
    pub(super) fn parts(self, text: &str) -> Between<'_> {
        let (open, close) = self.delimiters();
        Between { rest: text, open, close }
    }

    /// Whether `text` contains an expression.
    pub(super) fn is_in(self, text: &str) -> bool {
        self.parts(text).next().is_some() || (self == Self::Jinja && has_block(text))
    }

    /// `part` without its delimiters and the blanks next to them.
    pub(super) fn inside(self, part: &str) -> &str {
        // Orquesta strips the characters of the delimiters and not the delimiters, so a literal object needs
        // a blank before the closing ones: `{{ {'a': 1} }}`.
        part.trim_matches(self.edges()).trim()
    }

    /// The language of `text`; Jinja if it contains both.
    pub(super) fn of(text: &str) -> Option<Self> {
        [Self::Jinja, Self::Yaql].into_iter().find(|language| language.is_in(text))
    }
}

/// Whether `text` contains a `{% %}`.
pub(super) fn has_block(text: &str) -> bool {
    Between { rest: text, open: "{%", close: "%}" }.next().is_some()
}

/// The `{% raw %}` blocks of `text`.
pub(super) fn raw_blocks(text: &str) -> Between<'_> {
    Between { rest: text, open: "{% raw %}", close: "{% endraw %}" }
}

/// The shortest stretches of a text between two marks on one line, marks included.
#[derive(Debug, Clone)]
pub(super) struct Between<'a> {
    rest: &'a str,
    open: &'static str,
    close: &'static str,
}

impl<'a> Iterator for Between<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        loop {
            let start = self.rest.find(self.open)?;
            let from = self.rest.get(start..)?;
            let inside = from.get(self.open.len()..)?;
            let Some(end) = find_on_line(inside, self.close) else {
                // Without a closing mark, no other opening mark on this line has one either.
                self.rest = from.split_once('\n')?.1;
                continue;
            };
            let length = self.open.len() + end + self.close.len();
            self.rest = from.get(length..)?;
            return from.get(..length);
        }
    }
}

/// The index of `close` in the first line of `text`. The search ends there, because a line may have very many opening
/// marks.
fn find_on_line(text: &str, close: &str) -> Option<usize> {
    let first = close.chars().next()?;
    let mut from = 0;
    loop {
        let place = from + text.get(from..)?.find(['\n', first])?;
        let rest = text.get(place..)?;
        if rest.starts_with(close) {
            return Some(place);
        }
        if rest.starts_with('\n') {
            return None;
        }
        from = place + first.len_utf8();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_the_shortest_on_one_line() {
        for (text, parts) in [
            ("plain", &[][..]),
            ("{{ a }}", &["{{ a }}"]),
            ("{{ a }} and {{ b }}!", &["{{ a }}", "{{ b }}"]),
            ("{{{ a }}}", &["{{{ a }}"]),
            ("{{ {{ a }}", &["{{ {{ a }}"]),
            ("{{ a", &[]),
            ("{{ a\n}}", &[]),
            ("{{\n{{ a }}", &["{{ a }}"]),
            ("{{ a\n {{ b }}", &["{{ b }}"]),
            ("{{{\n}}", &[]),
            ("{{ {'a': {}} }}", &["{{ {'a': {}}"]),
            ("{{ } }\n{{ } }}", &["{{ } }}"]),
            ("é {{ 'é' }} é", &["{{ 'é' }}"]),
        ] {
            assert_eq!(Language::Jinja.parts(text).collect::<Vec<_>>(), parts, "{text}");
        }
        assert_eq!(Language::Yaql.parts("<% 1 %><%2%>").collect::<Vec<_>>(), ["<% 1 %>", "<%2%>"]);
        assert_eq!(raw_blocks("{% raw %}a{% endraw %}{% raw %}b").count(), 1);
    }

    #[test]
    fn the_language_is_found_by_its_delimiters() {
        for (text, language) in [
            ("{# a #}", None),
            ("{% if true %}", Some(Language::Jinja)),
            ("<% 1 %> {{ 2 }}", Some(Language::Jinja)),
            ("<% 1 %> {{ 2", Some(Language::Yaql)),
        ] {
            assert_eq!(Language::of(text), language, "{text}");
        }
        assert_eq!(Language::Jinja.inside("{{{ a }}"), "a");
        assert_eq!(Language::Jinja.inside("{{ {'a': 1} }}"), "{'a': 1}");
        assert_eq!(Language::Yaql.inside("<%%>"), "");
    }
}
