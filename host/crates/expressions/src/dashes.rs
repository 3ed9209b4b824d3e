//! Names with a dash, as in `trigger.headers.X-Request-ID`. Both languages subtract there, and nobody who writes this means
//! that: what stands behind the dash is no name. Names with a blank, as in `trigger.body.my key`, cannot be parsed.

use std::sync::LazyLock;

use fancy_regex::Regex;
use petrel_scope::DATASTORE;

/// A path whose last name has a dash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dashed {
    /// The path before the name, such as `trigger.headers`.
    before: String,
    /// The name, such as `X-Request-ID`.
    name: String,
}

/// A path, a dot, and a name with a dash. What is called behind the dash is a function, and subtracted. Names are taken as
/// a whole: whoever sends an event that fails has this searched, and shorter and shorter parts would take the square.
static PATTERN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?<![\w.$])([\w$]++(?:\([^()]*\))?(?:\.\w++|\[[^\]\[]*\])*)\.(\w++(?:-\w++)++)(?![\w(.-])")
        .ok()
});

/// A path, a dot, and a name of several words, before the end of an operand.
static BLANK: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?<![\w.$])([\w$]++(?:\([^()]*\))?(?:\.\w++|\[[^\]\[]*\])*)\.([A-Za-z_]\w*(?: [A-Za-z_]\w*)+)(?=\s*(?:[|,)}\]%-]|$))").ok()
});

/// The words of the languages that stand between names.
const WORDS: [&str; 12] =
    ["and", "as", "else", "for", "if", "in", "is", "like", "mod", "not", "or", "recursive"];

/// A sentence on the first name with a blank in an expression that cannot be parsed, in Jinja or in YAQL.
pub(crate) fn with_blank(expression: &str, is_yaql: bool) -> Option<String> {
    if expression.len() > LONGEST {
        return None;
    }
    let plain = without_texts(expression);
    let captures = BLANK.as_ref()?.captures(&plain).ok().flatten()?;
    let (before, name) = (captures.get(1)?, captures.get(2)?.as_str());
    if name.split(' ').any(|word| WORDS.contains(&word)) {
        return None;
    }
    // The texts that were left out have the same length.
    let before = expression.get(before.start()..before.end())?;
    let meant = match before {
        "ctx()" => format!("ctx('{name}')"),
        _ if is_yaql => format!("{before}.get('{name}')"),
        _ => format!("{before}['{name}']"),
    };
    Some(format!("a name with a blank is read by `{meant}`"))
}

/// Bytes of an expression that is looked at.
const LONGEST: usize = 10_000;

/// Largest number of different names that are found.
const MOST: usize = 1_000;

impl Dashed {
    /// The parts of the name that are names for themselves to the language.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &str> {
        self.name.split('-').skip(1)
    }

    /// The name with which the path begins.
    pub(crate) fn root(&self) -> &str {
        self.before.split(['.', '[', '(']).next().unwrap_or_default()
    }

    /// The mistake and its remedy in Jinja.
    pub(crate) fn told_in_jinja(&self) -> String {
        let Self { before, name } = self;
        let meant = match before.as_str() {
            "ctx()" => format!("ctx('{name}')"),
            // The scope is left out, too.
            DATASTORE => format!("{DATASTORE}.system['{name}']"),
            _ => format!("{before}['{name}']"),
        };
        self.told(&meant)
    }

    /// The mistake and its remedy in YAQL.
    pub(crate) fn told_in_yaql(&self) -> String {
        let Self { before, name } = self;
        let meant = match before.as_str() {
            "ctx()" => format!("ctx('{name}')"),
            _ => format!("{before}.get('{name}')"),
        };
        self.told(&meant)
    }

    fn told(&self, meant: &str) -> String {
        format!(
            "the dash in `{}.{}` subtracts; a name with a dash is read by `{meant}`",
            self.before, self.name
        )
    }
}

/// The names with dashes in an expression, each once. Texts in quotes are left out.
pub(crate) fn in_expression(expression: &str) -> Vec<Dashed> {
    let mut found: Vec<Dashed> = Vec::new();
    if !expression.contains('-') || expression.len() > LONGEST {
        return found;
    }
    let Some(pattern) = PATTERN.as_ref() else { return found };
    for captures in pattern.captures_iter(&without_texts(expression)).filter_map(Result::ok) {
        let (Some(before), Some(name)) = (captures.get(1), captures.get(2)) else { continue };
        // The texts that were left out have the same length.
        let before = expression.get(before.start()..before.end()).unwrap_or_default().to_owned();
        let dashed = Dashed { before, name: name.as_str().to_owned() };
        // A number behind a dash is subtracted.
        let is_name =
            dashed.parts().any(|part| part.starts_with(|first: char| first.is_alphabetic() || first == '_'));
        if is_name {
            add(&mut found, dashed);
        }
    }
    found
}

fn add(found: &mut Vec<Dashed>, dashed: Dashed) {
    if found.len() < MOST && !found.contains(&dashed) {
        found.push(dashed);
    }
}

/// The names with dashes in the expressions and blocks of a template of Jinja.
pub(crate) fn in_template(text: &str) -> Vec<Dashed> {
    let mut found = Vec::new();
    each_expression(text, &mut |expression: &str| {
        in_expression(expression).into_iter().for_each(|dashed| add(&mut found, dashed));
    });
    found
}

/// Calls `look` with the inside of each expression and block in a template of Jinja.
pub(crate) fn each_expression(text: &str, look: &mut impl FnMut(&str)) {
    let mut rest = text;
    // One search for both, since a search for what is not there would go through all of the rest each time.
    while let Some(start) = rest.find('{') {
        let inside = rest.get(start + 1..).unwrap_or_default();
        let (close, inside) = match (inside.strip_prefix('{'), inside.strip_prefix('%')) {
            (Some(inside), _) => ("}}", inside),
            (None, Some(inside)) => ("%}", inside),
            (None, None) => {
                rest = inside;
                continue;
            }
        };
        let (expression, after) = inside.split_once(close).unwrap_or((inside, ""));
        look(expression);
        rest = after;
    }
}

/// `expression` with blanks in place of what is in quotes. The length stays the same.
pub(crate) fn without_texts(expression: &str) -> String {
    let mut quote = None;
    let mut is_escaped = false;
    let mut blank = String::with_capacity(expression.len());
    for letter in expression.chars() {
        let is_text = quote.is_some() && (is_escaped || quote != Some(letter));
        match quote {
            Some(_) if !is_text => quote = None,
            None if matches!(letter, '\'' | '"') => quote = Some(letter),
            Some(_) | None => {}
        }
        is_escaped = is_text && letter == '\\' && !is_escaped;
        if is_text {
            blank.extend(std::iter::repeat_n(' ', letter.len_utf8()));
        } else {
            blank.push(letter);
        }
    }
    blank
}

/// Whether what begins at `place` was in quotes in the expression of which `plain` is left, see [`without_texts`]. It may
/// not begin with a blank itself.
pub(crate) fn is_in_quotes(plain: &str, place: usize) -> bool {
    plain.get(place..).is_some_and(|rest| rest.starts_with(' '))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_a_blank_is_found_and_words_of_the_language_are_not() {
        assert!(BLANK.is_some());
        for (text, jinja, yaql) in [
            ("trigger.body.my key", Some("trigger.body['my key']"), Some("trigger.body.get('my key')")),
            ("ctx().my own key | upper", Some("ctx('my own key')"), Some("ctx('my own key')")),
            ("f(result().my key)", Some("result()['my key']"), Some("result().get('my key')")),
            ("ctx().a if ctx().b else ctx().c", None, None),
            ("ctx().a in ctx().b and not ctx().c", None, None),
            ("'a.b c'", None, None),
            ("ctx().a + b c", None, None),
        ] {
            for (is_yaql, meant) in [(false, jinja), (true, yaql)] {
                let said = with_blank(text, is_yaql);
                let expected = meant.map(|meant| format!("a name with a blank is read by `{meant}`"));
                assert_eq!(said, expected, "{text}");
            }
        }
    }

    #[test]
    fn a_name_with_a_dash_is_found_and_a_subtraction_is_not() {
        assert!(PATTERN.is_some());
        for (text, expected) in [
            ("trigger.headers.X-Request-ID", &["trigger.headers['X-Request-ID']"][..]),
            ("ctx().a-b + ctx(c).d-e", &["ctx('a-b')", "ctx(c)['d-e']"]),
            ("trigger['body'].a-b | upper", &["trigger['body']['a-b']"]),
            ("st2kv.system.my-key", &["st2kv.system['my-key']"]),
            ("st2kv.my-key", &["st2kv.system['my-key']"]),
            ("ctx().a-1 + trigger.n - m + ctx().a-len(x) + ctx().a-ctx().b", &[]),
            ("'trigger.a-b' ~ st2kv('system.a-b') ~ \"é.a-b\"", &[]),
            (r"'it\'s a.b-c' ~ d.e-f ~ '\\' ~ g.h-i", &["d['e-f']", "g['h-i']"]),
            ("a-b", &[]),
        ] {
            let found = in_expression(text);
            let told = found.iter().map(Dashed::told_in_jinja);
            let meant: Vec<_> = told.filter_map(|told| Some(told.split('`').nth(3)?.to_owned())).collect();
            assert_eq!(meant, expected, "{text}");
        }
        let dashed = in_expression("result().headers.X-Y");
        assert!(dashed[0].told_in_yaql().ends_with("is read by `result().headers.get('X-Y')`"), "{dashed:?}");
        assert_eq!(dashed[0].parts().collect::<Vec<_>>(), ["Y"]);
        assert_eq!(in_template("a.b-c {{ d.e-f }} g.h-i {% if j.k-l %}x{% endif %} {{ open.a-b").len(), 3);
    }

    #[test]
    fn long_expressions_are_searched_to_their_end() {
        // More than a few steps for each letter, and the search would give up.
        for begin in [
            format!("a.x{}(1)", "-x".repeat(4_900)),
            format!("a.x{}.", "-1".repeat(4_900)),
            format!("a{}(", ".x".repeat(4_900)),
            "$".repeat(9_900),
            "x".repeat(9_900),
        ] {
            let found = in_expression(&format!("{begin} + b.c-d"));
            let told: Vec<_> = found.iter().map(Dashed::told_in_jinja).collect();
            assert!(matches!(&told[..], [told] if told.ends_with("`b['c-d']`")), "{begin:.20}: {told:?}");
        }
        let many: String = (0..2 * MOST).map(|n| format!("{{{{ a.b-c{n} }}}}")).collect();
        assert_eq!(in_template(&many).len(), MOST);
    }
}
