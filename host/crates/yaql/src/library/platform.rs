//! The platform's functions for JSON, patterns, versions, paths and durations. [`petrel_scope::functions`] has their
//! code, which Jinja shares; this file adapts it to terms.

use std::sync::Arc;

use petrel_python::number::PythonNumber;
use petrel_python::regex::{Flags, Regex};
use petrel_scope::functions::json::{self, Style};
use petrel_scope::functions::{self, NONE, jsonpath, paths, time, version, yaml};
use serde_json::Value as Json;

use super::super::display;
use super::super::error::{Error, ErrorKind};
use super::super::limits::Run;
use super::super::pattern::Pattern;
use super::super::term::{List, Term};
use super::super::value::Value;
use super::super::view;
use super::arguments::Arguments;
use super::signature::{Function, Parameter, Type, function, optional, required};

const VALUE: &[Parameter] = &[required("value", Type::Any)];
const PATH: &[Parameter] = &[required("path", Type::Any)];
const TWO: &[Parameter] = &[required("value", Type::Any), required("pattern", Type::Any)];
const MATCH: &[Parameter] = &[
    required("value", Type::Any),
    required("pattern", Type::Any),
    optional("ignorecase", Type::Bool).nullable(),
];
const JSON: &[Parameter] = &[
    required("value", Type::Any),
    optional("indent", Type::Any),
    optional("sortKeys", Type::Bool).nullable(),
    optional("separators", Type::List).nullable(),
];

const YAML: &[Parameter] = &[
    required("value", Type::Any),
    optional("indent", Type::Any),
    optional("allowUnicode", Type::Bool).nullable(),
];

pub(super) const TABLE: &[Function] = &[
    function("json", &[required("s", Type::Any)], json_or_mapping),
    function("zip", &[], zip).rest(Type::Any).any_name(),
    function("from_json_string", VALUE, from_json_string),
    function("json_parse", VALUE, from_json_string),
    function("to_json_string", JSON, to_json_string),
    function("json_dump", JSON, to_json_string),
    function("json_escape", VALUE, |run, args| {
        // As in StackStorm, which strips every quote at the ends, and so one of the value itself.
        let text = json::write(&*to_json(run, &args.term(0))?, &PLAIN)?;
        copied(run, text.trim_matches('"'))
    }),
    function("from_yaml_string", VALUE, from_yaml_string),
    function("yaml_parse", VALUE, from_yaml_string),
    function("to_yaml_string", YAML, to_yaml_string),
    function("yaml_dump", YAML, to_yaml_string),
    function("jsonpath_query", &[required("value", Type::Any), required("query", Type::Any)], jsonpath_query),
    function("use_none", VALUE, |_, args| match args.term(0) {
        Term::Null => Ok(Term::text(NONE)),
        term => Ok(term),
    }),
    function("basename", PATH, |run, args| copied(run, paths::basename(&exact(args, 0)?))),
    function("dirname", PATH, |run, args| copied(run, paths::dirname(&exact(args, 0)?))),
    function("to_human_time_from_seconds", &[required("seconds", Type::Any)], human_time),
    function("regex_match", MATCH, |run, args| is_match(run, args, true)),
    function("regex_search", MATCH, |run, args| is_match(run, args, false)),
    function(
        "regex_replace",
        &[
            required("value", Type::Any),
            required("pattern", Type::Any),
            required("replacement", Type::Any),
            optional("ignorecase", Type::Bool).nullable(),
        ],
        regex_replace,
    ),
    function(
        "regex_substring",
        &[
            required("value", Type::Any),
            required("pattern", Type::Any),
            optional("resultIndex", Type::Integer).nullable(),
            optional("ignorecase", Type::Bool).nullable(),
        ],
        regex_substring,
    ),
    function("version_compare", TWO, |_, args| versions(args, version::compare)),
    function("version_more_than", TWO, |_, args| versions(args, version::more_than)),
    function("version_less_than", TWO, |_, args| versions(args, version::less_than)),
    function("version_equal", TWO, |_, args| versions(args, version::equal)),
    function("version_match", TWO, |_, args| versions(args, version::matches)),
    function("version_bump_major", VALUE, |_, args| versioned(args, version::bump_major)),
    function("version_bump_minor", VALUE, |_, args| versioned(args, version::bump_minor)),
    function("version_bump_patch", VALUE, |_, args| versioned(args, version::bump_patch)),
    function("version_strip_patch", VALUE, |_, args| versioned(args, version::strip_patch)),
];

const PLAIN: Style<'static> = Style { comma: ", ", colon: ": ", indent: None, sort_keys: false };

impl From<i64> for Term {
    fn from(number: i64) -> Self {
        Self::Integer(i128::from(number))
    }
}

impl From<bool> for Term {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

fn to_json(run: &Run<'_>, term: &Term) -> Result<Arc<Json>, Error> {
    Value::from_term(run, term)?.to_json()
}

/// The text at `index`; a value of another type is an error.
fn exact(args: &Arguments<'_>, index: usize) -> Result<Arc<str>, Error> {
    args.text(index).map_err(|_other| {
        Error::type_(format!(
            "expected str, bytes or os.PathLike object, not {}",
            args.term(index).type_name()
        ))
    })
}

/// `text` as a term, with its copy charged.
fn copied(run: &Run<'_>, text: &str) -> Result<Term, Error> {
    run.allocate(text.len())?;
    Ok(Term::text(text))
}

/// An argument as Python writes it.
fn text(run: &Run<'_>, args: &Arguments<'_>, index: usize) -> Result<String, Error> {
    display::text(run, &args.term(index))
}

fn parse_json(run: &Run<'_>, text: &str) -> Result<Term, Error> {
    // The values may take several times the room of the text.
    run.allocate(text.len() * 4)?;
    json::charge_parsing(text)?;
    let json: Json =
        serde_json::from_str(text).map_err(|error| Error::from(ErrorKind::Json(error.to_string())))?;
    Ok(view::term(&Arc::new(json)))
}

fn json_or_mapping(run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    match args.term(0) {
        Term::Text(text) => parse_json(run, &text),
        Term::Dict(dict) if dict.is_mutable() => Ok(Term::Dict(dict)),
        _ => Err(Error::type_("Given object is not typeof string.")),
    }
}

fn from_json_string(run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    parse_json(run, &text(run, args, 0)?)
}

fn to_json_string(run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let indent = match args.term(1) {
        Term::Null => None,
        term => {
            let indent = term.as_integer().ok_or_else(|| Error::type_("indent must be an integer"))?;
            Some(usize::try_from(indent.clamp(0, 16)).unwrap_or(0))
        }
    };
    let separators = match args.list(3) {
        Ok(list) => Some((list.len(), list.get(0), list.get(1))),
        Err(_) => None,
    };
    let (comma, colon) = match separators {
        Some((2, Some(Term::Text(comma)), Some(Term::Text(colon)))) => (comma, colon),
        Some(_) => return Err(Error::value("to_json_string needs two separators, such as [',', ': ']")),
        None => (",".into(), ": ".into()),
    };
    let style = Style { comma: &comma, colon: &colon, indent, sort_keys: args.flag(2, false) };
    let text = json::write(&*to_json(run, &args.term(0))?, &style)?;
    run.allocate(text.len())?;
    Ok(Term::from(text))
}

fn from_yaml_string(run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let text = text(run, args, 0)?;
    run.allocate(text.len() * 4)?;
    let json = yaml::parse(&text)?;
    Ok(view::term(&Arc::new(json)))
}

fn to_yaml_string(run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let indent = args.integer(1).ok().and_then(|indent| usize::try_from(indent).ok()).unwrap_or(2);
    let text = yaml::dump(&*to_json(run, &args.term(0))?, indent, args.flag(2, true))?;
    run.allocate(text.len())?;
    Ok(Term::from(text))
}

fn jsonpath_query(run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let found = jsonpath::query(&*to_json(run, &args.term(0))?, &exact(args, 1)?).map_err(Error::value)?;
    Ok(view::term(&Arc::new(found)))
}

/// Elements of several lists side by side, up to the end of the longest, with null or `pad` in the gaps.
fn zip(run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let pad = args.named("pad").cloned().unwrap_or(Term::Null);
    let mut columns = Vec::new();
    for term in args.rest_terms() {
        columns.push(match term {
            Term::Null => Term::List(List::mutable(run, Vec::new())?),
            term => term,
        });
    }
    // As in Orquesta, one list alone is given back as it is.
    if let [single] = columns.as_slice() {
        return Ok(single.clone());
    }
    let mut iterations = columns
        .iter()
        .map(|column| super::super::sequence::Iteration::new(run, column))
        .collect::<Result<Vec<_>, _>>()?;
    let mut rows = Vec::new();
    loop {
        let mut row = Vec::with_capacity(iterations.len());
        let mut is_over = true;
        for iteration in &mut iterations {
            let next = iteration.next(run)?;
            is_over &= next.is_none();
            row.push(next.unwrap_or_else(|| pad.clone()));
        }
        if is_over {
            return List::mutable(run, rows).map(Term::List);
        }
        rows.push(Term::List(List::tuple(run, row)?));
    }
}

fn human_time(_run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let seconds = match args.term(0) {
        Term::Integer(number) => PythonNumber::Integer(number),
        Term::Bool(value) => PythonNumber::Integer(i128::from(value)),
        Term::Float(number) => PythonNumber::Float(number),
        other => {
            let message = format!("to_human_time_from_seconds needs a number, not {}", other.type_name());
            return Err(ErrorKind::Assertion(message).into());
        }
    };
    time::human_time(seconds).map(Term::from).map_err(|message| ErrorKind::Overflow(message).into())
}

fn regex(args: &Arguments<'_>, ignore_case: usize, at_start: bool) -> Result<Regex, Error> {
    let pattern = match args.term(1) {
        Term::Text(pattern) => pattern,
        Term::Pattern(_) => return Err(Error::type_("write the pattern as text, without regex()")),
        other => {
            let message =
                format!("first argument must be string or compiled pattern, not {}", other.type_name());
            return Err(Error::type_(message));
        }
    };
    let flags = Flags { ignore_case: args.flag(ignore_case, false), at_start, ..Flags::default() };
    Regex::new(&pattern, flags).map_err(Error::from)
}

fn is_match(run: &Run<'_>, args: &Arguments<'_>, at_start: bool) -> Result<Term, Error> {
    let is_match = regex(args, 2, at_start)?.is_match(&text(run, args, 0)?);
    is_match.map(Term::Bool).map_err(Error::from)
}

/// The pattern of a function that needs the places of matches.
fn pattern(args: &Arguments<'_>, ignore_case: usize) -> Result<Pattern, Error> {
    let flags = if args.flag(ignore_case, false) { "i" } else { "" };
    Pattern::new(&exact(args, 1)?, flags)
}

/// The text of a group; empty for a group that took no part.
fn group(run: &Run<'_>, text: &str, range: Option<&std::ops::Range<usize>>) -> Result<Term, Error> {
    copied(run, range.and_then(|range| text.get(range.clone())).unwrap_or_default())
}

fn regex_replace(run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let (pattern, text, template) = (pattern(args, 3)?, text(run, args, 0)?, args.text(2)?);
    super::regex::substitute(run, &pattern, &text, &template, usize::MAX)
}

fn regex_substring(run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let (pattern, text) = (pattern(args, 3)?, text(run, args, 0)?);
    let mut matches = pattern.find(run, &text, usize::MAX)?;
    let index = super::lists::place(args.integer_or(2, 0), matches.len());
    let Some(index) = index.filter(|index| *index < matches.len()) else {
        return Err(ErrorKind::Index("list").into());
    };
    let found = matches.swap_remove(index);
    // As in Python's `findall`: the whole match, its only group, or all groups.
    Ok(match found.groups.get(1..).unwrap_or_default() {
        [] => group(run, &text, Some(&found.range))?,
        [single] => group(run, &text, single.as_ref())?,
        groups => {
            let groups = groups.iter().map(|range| group(run, &text, range.as_ref()));
            Term::List(List::tuple(run, groups.collect::<Result<_, _>>()?)?)
        }
    })
}

fn versions<T: Into<Term>>(
    args: &Arguments<'_>,
    apply: fn(&str, &str) -> Result<T, functions::Error>,
) -> Result<Term, Error> {
    apply(&exact(args, 0)?, &exact(args, 1)?).map(Into::into).map_err(Error::from)
}

fn versioned(
    args: &Arguments<'_>,
    apply: fn(&str) -> Result<String, functions::Error>,
) -> Result<Term, Error> {
    apply(&exact(args, 0)?).map(Term::from).map_err(Error::from)
}
