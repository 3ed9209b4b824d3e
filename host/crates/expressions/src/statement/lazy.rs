//! The words of expressions that evaluate a part of themselves for some values only, or not as often as once. What stands
//! there may fail, or read nothing, without anybody noticing.

use super::terms::Language;

/// The words of Jinja with what is behind them, or before an `if`.
const JINJA: &[&str] = &["and", "else", "if", "or"];

/// Filters, tests and blocks of Jinja that replace what is missing, or go through the items of a list.
const JINJA_FILTERS: &[&str] = &["d", "default", "defined", "for", "map", "reject"];

/// The words of YAQL. An argument of most of these functions is evaluated for each item, or if it is needed.
const YAQL: &[&str] = &[
    "accumulate",
    "aggregate",
    "all",
    "and",
    "any",
    "assert",
    "coalesce",
    "dict",
    "distinct",
    "examine",
    "generate",
    "generateMany",
    "groupBy",
    "indexWhere",
    "lastIndexWhere",
    "let",
    "mergeWith",
    "or",
    "orderBy",
    "orderByDescending",
    "replaceBy",
    "select",
    "selectAllCases",
    "selectCase",
    "selectMany",
    "skipWhile",
    "sliceWhere",
    "splitWhere",
    "switch",
    "switchCase",
    "takeWhile",
    "thenBy",
    "thenByDescending",
    "toDict",
    "where",
];

/// An access to what may be null.
const MAYBE: &str = "?.";

/// Signs of an argument that is a function, and of a block of a template.
const SIGNS: &[&str] = &["=>", "$", "{%"];

/// Whether a part of an expression, of either language, may be left out when it is evaluated. A word in a text counts too:
/// then a mistake is only noted.
pub fn is_lazy(expression: &str) -> bool {
    words(expression).any(|(_, word)| [JINJA, JINJA_FILTERS, YAQL].iter().any(|known| known.contains(&word)))
        || expression.contains(MAYBE)
        || SIGNS.iter().any(|sign| expression.contains(sign))
}

/// The part of an expression that is always evaluated, as far as its words tell. It is found once for all calls in an
/// expression, since there may be thousands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Certain {
    /// The beginning of the first word behind which nothing is certain.
    first: usize,
    /// The beginning of the last word before which nothing is.
    last: usize,
}

impl Certain {
    /// The part of `plain`, an expression with blanks in the place of what is in quotes.
    pub(super) fn of(language: Language, plain: &str) -> Self {
        let known = match language {
            Language::Jinja => JINJA,
            Language::Yaql => YAQL,
        };
        // An argument by its name, `decrypt => true`, is evaluated; what is not has one of the words before it.
        let maybe = plain.find(MAYBE).filter(|_| language == Language::Yaql);
        let first = words(plain).find(|(_, word)| known.contains(word)).map(|(start, _)| start);
        // What is before the `if` of Jinja is its value.
        let last = words(plain).filter(|(_, word)| language == Language::Jinja && *word == "if").last();
        Self {
            first: maybe.into_iter().chain(first).min().unwrap_or(plain.len()),
            last: last.map_or(0, |(start, _)| start),
        }
    }

    /// Whether what is from `start` to `end` belongs to it.
    pub(super) fn has(self, start: usize, end: usize) -> bool {
        start <= self.first && self.last < end
    }
}

/// The words of `text`, each with its place.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_between = |letter: char| !(letter.is_alphanumeric() || letter == '_');
    let mut next = 0;
    text.split_inclusive(is_between).map(move |piece| {
        let start = next;
        next += piece.len();
        (start, piece.trim_end_matches(is_between))
    })
}
