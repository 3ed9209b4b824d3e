//! Functions on text. Lengths and positions count characters.

use std::sync::Arc;

use petrel_python::work;

use super::super::display;
use super::super::error::{Error, ErrorKind};
use super::super::limits::Run;
use super::super::term::{List, Term};
use super::arguments::Arguments;
use super::signature::{Function, Parameter, Type, both, function, method, optional, required};
use super::texts::{find, is_space, replace, slice, split, trim};

const STRING: Parameter = required("string", Type::Text);
const TRIM: &[Parameter] = &[STRING, optional("chars", Type::Text).nullable()];
const SPLIT: &[Parameter] =
    &[STRING, optional("separator", Type::Text).nullable(), optional("maxSplits", Type::Integer)];
const INDEX: &[Parameter] = &[STRING, required("sub", Type::Text), optional("start", Type::Integer)];
const INDEX_WITHIN: &[Parameter] = &[
    STRING,
    required("sub", Type::Text),
    required("start", Type::Integer),
    required("length", Type::Integer),
];

pub(super) const TABLE: &[Function] = &[
    function("str", &[required("value", Type::Any)], |run, args| str_of(run, &args.term(0)).map(Term::from)),
    both("len", &[STRING], |_, args| Ok(Term::Integer(args.text(0)?.chars().count() as i128))),
    function("concat", &[], concat).rest(Type::Text),
    method("toUpper", &[STRING], |run, args| built(run, args.text(0)?.to_uppercase())),
    method("toLower", &[STRING], |run, args| built(run, args.text(0)?.to_lowercase())),
    method("split", SPLIT, |run, args| split_text(run, args, false)),
    method("rightSplit", SPLIT, |run, args| split_text(run, args, true)),
    method(
        "join",
        &[required("sequence", Type::Iterable), required("separator", Type::Text)],
        |run, args| join(run, args, 0, 1),
    ),
    method(
        "join",
        &[required("separator", Type::Text), required("sequence", Type::Iterable)],
        |run, args| join(run, args, 1, 0),
    ),
    method("trim", TRIM, |run, args| trimmed(run, args, true, true)),
    method("trimLeft", TRIM, |run, args| trimmed(run, args, true, false)),
    method("trimRight", TRIM, |run, args| trimmed(run, args, false, true)),
    both(
        "norm",
        &[required("string", Type::Text).nullable(), optional("chars", Type::Text).nullable()],
        |run, args| match args.optional_text(0) {
            None => Ok(Term::Null),
            Some(_) => {
                trimmed(run, args, true, true).map(|text| if text.is_true() { text } else { Term::Null })
            }
        },
    ),
    both(
        "isEmpty",
        &[
            required("string", Type::Text).nullable(),
            optional("trim", Type::Bool),
            optional("chars", Type::Text).nullable(),
        ],
        |_, args| is_empty(args).map(Term::Bool),
    ),
    method(
        "replace",
        &[STRING, required("old", Type::Text), required("new", Type::Text), optional("count", Type::Integer)],
        |run, args| {
            let (text, count) = (args.text(0)?, args.integer_or(3, -1));
            replace(run, &text, &args.text(1)?, &args.text(2)?, count).map(Term::from)
        },
    ),
    method(
        "replace",
        &[STRING, required("replacements", Type::Dict), optional("count", Type::Integer)],
        replace_all,
    ),
    method(
        "substring",
        &[STRING, required("start", Type::Integer), optional("length", Type::Integer)],
        substring,
    ),
    method("indexOf", INDEX, |_, args| index(args, None, false)),
    method("indexOf", INDEX_WITHIN, |_, args| index(args, Some(args.integer(3)?), false)),
    method("lastIndexOf", INDEX, |_, args| index(args, None, true)),
    method("lastIndexOf", INDEX_WITHIN, |_, args| index(args, Some(args.integer(3)?), true)),
    method("toCharArray", &[STRING], |run, args| {
        let text = args.text(0)?;
        // Each character becomes a term, which is much larger than the character.
        run.allocate(text.len() * size_of::<Term>())?;
        let chars = text.chars().map(|char| Term::text(char.encode_utf8(&mut [0; 4]))).collect();
        List::tuple(run, chars).map(Term::List)
    }),
    method("startsWith", &[STRING], |_, args| {
        let text = args.text(0)?;
        Ok(Term::Bool(texts(args)?.iter().any(|prefix| text.starts_with(&**prefix))))
    })
    .rest(Type::Text),
    method("endsWith", &[STRING], |_, args| {
        let text = args.text(0)?;
        Ok(Term::Bool(texts(args)?.iter().any(|suffix| text.ends_with(&**suffix))))
    })
    .rest(Type::Text),
    function("hex", &[required("num", Type::Number).nullable()], hex),
    function(
        "characters",
        &[
            optional("digits", Type::Bool).nullable(),
            optional("hexdigits", Type::Bool).nullable(),
            optional("asciiLowercase", Type::Bool).nullable(),
            optional("asciiUppercase", Type::Bool).nullable(),
            optional("asciiLetters", Type::Bool).nullable(),
            optional("letters", Type::Bool).nullable(),
            optional("octdigits", Type::Bool).nullable(),
            optional("punctuation", Type::Bool).nullable(),
            optional("printable", Type::Bool).nullable(),
            optional("lowercase", Type::Bool).nullable(),
            optional("uppercase", Type::Bool).nullable(),
            optional("whitespace", Type::Bool).nullable(),
        ],
        characters,
    ),
];

impl From<String> for Term {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

/// `text` as a term, with its length charged.
fn built(run: &Run<'_>, text: String) -> Result<Term, Error> {
    run.allocate(text.len())?;
    Ok(Term::from(text))
}

/// The result of YAQL's `str()`, which differs from Python's for null and booleans.
pub(super) fn str_of(run: &Run<'_>, term: &Term) -> Result<String, Error> {
    match term {
        Term::Null => Ok("null".into()),
        Term::Bool(value) => Ok(value.to_string()),
        term => display::text(run, term),
    }
}

/// The further arguments, charged for one pass over them.
fn texts(args: &Arguments<'_>) -> Result<Vec<Arc<str>>, Error> {
    let mut texts = Vec::with_capacity(args.rest.len());
    for term in args.rest_terms() {
        if let Term::Text(text) = term {
            work::scan(text.len())?;
            texts.push(text);
        }
    }
    Ok(texts)
}

fn concat(run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let mut out = String::new();
    for text in texts(args)? {
        // Charged before each part is added, so that the limit holds while the text grows.
        run.allocate(text.len())?;
        out.push_str(&text);
    }
    Ok(Term::from(out))
}

fn split_text(run: &Run<'_>, args: &Arguments<'_>, from_right: bool) -> Result<Term, Error> {
    let text = args.text(0)?;
    let separator = args.optional_text(1);
    let most = usize::try_from(args.integer_or(2, -1)).unwrap_or(usize::MAX);
    let count = separator
        .as_deref()
        .map_or_else(|| text.split_whitespace().count(), |separator| text.matches(separator).count());
    // The parts are counted before they are made, so that a text of separators is refused in time.
    run.allocate(text.len() + count * size_of::<Term>())?;
    let parts = split(&text, separator.as_deref(), most, from_right)?;
    List::mutable(run, parts.into_iter().map(Term::text).collect()).map(Term::List)
}

fn join(run: &Run<'_>, args: &Arguments<'_>, sequence: usize, separator: usize) -> Result<Term, Error> {
    let separator = args.text(separator)?;
    let mut elements = args.iterate(run, sequence)?;
    let mut out = String::new();
    let mut is_first = true;
    while let Some(element) = elements.next(run)? {
        if !std::mem::take(&mut is_first) {
            run.allocate(separator.len())?;
            out.push_str(&separator);
        }
        let text = str_of(run, &element)?;
        run.allocate(text.len())?;
        out.push_str(&text);
    }
    Ok(Term::from(out))
}

fn trimmed(run: &Run<'_>, args: &Arguments<'_>, left: bool, right: bool) -> Result<Term, Error> {
    let text = args.text(0)?;
    let chars = args.optional_text(1);
    built(run, trim(&text, chars.as_deref(), left, right)?.to_owned())
}

fn is_empty(args: &Arguments<'_>) -> Result<bool, Error> {
    let Some(text) = args.optional_text(0) else { return Ok(true) };
    let chars = args.optional_text(2);
    let text = if args.flag(1, true) { trim(&text, chars.as_deref(), true, true)? } else { &text };
    Ok(text.is_empty())
}

fn replace_all(run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let mut text = args.text(0)?.to_string();
    let count = args.integer_or(2, -1);
    // One after the other, as in YAQL, so that a later replacement changes the text of an earlier one.
    for (old, new) in args.dict(1)?.entries() {
        run.step()?;
        // The text is searched for each of them.
        work::read(text.len())?;
        text = replace(run, &text, &str_of(run, &old)?, &str_of(run, &new)?, count)?;
    }
    Ok(Term::from(text))
}

fn substring(run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let text = args.text(0)?;
    let count = text.chars().count() as i128;
    let length = Some(args.integer_or(2, -1)).filter(|length| *length >= 0).unwrap_or(count);
    let start = args.integer(1)?;
    let start = if start < 0 { start + count } else { start };
    // As in Python's slices, a negative start counts from the end; a negative length reaches to the end.
    built(run, slice(&text, start, start.saturating_add(length)).to_owned())
}

fn index(args: &Arguments<'_>, length: Option<i128>, is_last: bool) -> Result<Term, Error> {
    let (text, part) = (args.text(0)?, args.text(1)?);
    let count = text.chars().count() as i128;
    let mut start = args.integer_or(2, 0);
    let end = length.map(|length| {
        if start < 0 {
            start += count;
        }
        start.saturating_add(if length < 0 { count - start } else { length })
    });
    let found = find(&text, &part, start, end.unwrap_or(i128::MAX), is_last);
    Ok(Term::Integer(found.map_or(-1, |index| index as i128)))
}

fn hex(_run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    match args.term(0) {
        Term::Integer(number) => {
            let sign = if number < 0 { "-" } else { "" };
            Ok(Term::from(format!("{sign}0x{:x}", number.unsigned_abs())))
        }
        other => {
            let message = format!("'{}' object cannot be interpreted as an integer", other.type_name());
            Err(Error::type_(message))
        }
    }
}

/// The characters of some classes, each once, in the order of their codes.
fn characters(run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    // YAQL takes these classes from Python's module `string`, which has lost them in Python 3.
    const UNKNOWN: [(usize, &str); 3] = [(5, "letters"), (9, "lowercase"), (10, "uppercase")];
    if let Some((_, name)) = UNKNOWN.into_iter().find(|(index, _)| args.flag(*index, false)) {
        let message = format!("there is no class of characters `{name}`; use ascii{}", capital(name));
        return Err(ErrorKind::Value(message).into());
    }
    let is_in = |char: char| {
        let classes = [
            (0, char.is_ascii_digit()),
            (1, char.is_ascii_hexdigit()),
            (2, char.is_ascii_lowercase()),
            (3, char.is_ascii_uppercase()),
            (4, char.is_ascii_alphabetic()),
            (6, char.is_digit(8)),
            (7, char.is_ascii_punctuation()),
            (8, char.is_ascii_graphic() || is_space(char)),
            (11, is_space(char)),
        ];
        classes.into_iter().any(|(index, holds)| holds && args.flag(index, false))
    };
    // Below the space, only white space belongs to a class.
    let chars = ('\t'..='\r').chain(' '..='~').filter(|char| is_in(*char));
    let chars = chars.map(|char| Term::text(char.encode_utf8(&mut [0; 4]))).collect();
    List::tuple(run, chars).map(Term::List)
}

fn capital(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().into_iter().flat_map(char::to_uppercase).chain(chars).collect()
}
