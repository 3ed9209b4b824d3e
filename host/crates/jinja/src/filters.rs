//! The filters and tests of all templates: the platform's own ([`platform`]), and those of Jinja that the library
//! lacks or implements differently.

mod arguments;
mod json;
pub(crate) mod order;
mod patterns;
mod plain;
pub(crate) mod platform;
pub(crate) mod text;
mod wrap;

use minijinja::{Environment, Error, ErrorKind, State, Value};
use petrel_scope::functions;

use crate::work::{self, Exceeded};

pub(crate) fn add_to(environment: &mut Environment<'static>) {
    platform::add_to(environment);
    text::add_library_to(environment);
    add_plain(environment);
    environment.add_filter("attr", |value: Value, given: CallArguments| {
        let args = Arguments::bind("attr", &["name"], given)?.require(1)?;
        crate::weight::item(&value, &args.value(0))
    });
    environment.add_filter("batch", |state: &State<'_, '_>, value: Value, given: CallArguments| {
        let args = Arguments::bind("batch", &["linecount", "fill_with"], given)?.require(1)?;
        minijinja::filters::batch(state, value, args.count(0, 0)?, args.present(1).cloned())
    });
    environment.add_filter("center", text::center);
    environment.add_filter("chain", plain::chain);
    environment.add_filter("d", plain::default);
    environment.add_filter("default", plain::default);
    environment.add_filter("dictsort", order::dictsort);
    environment.add_filter("filesizeformat", text::filesizeformat);
    environment.add_filter("float", plain::float);
    environment.add_filter("groupby", order::groupby);
    environment.add_filter("indent", text::indent);
    environment.add_filter("int", plain::int);
    environment.add_filter("join", plain::join);
    environment.add_filter("map", plain::map);
    environment.add_filter("max", order::max);
    environment.add_filter("min", order::min);
    environment.add_filter("random", |state: &mut State<'_, '_>, value: Value, given: CallArguments| {
        Arguments::bind("random", &[], given)?;
        plain::random(state, value)
    });
    environment.add_filter("rejectattr", |state: &mut State<'_, '_>, value: Value, given: CallArguments| {
        plain::by_attribute("rejectattr", false, state, value, given)
    });
    environment.add_filter("format", text::format);
    environment.add_filter("replace", text::replace);
    environment.add_filter("round", plain::round);
    environment.add_filter("sum", plain::sum);
    environment.add_filter("selectattr", |state: &mut State<'_, '_>, value: Value, given: CallArguments| {
        plain::by_attribute("selectattr", true, state, value, given)
    });
    environment.add_filter("sort", order::sort);
    environment.add_filter("slice", |state: &State<'_, '_>, value: Value, given: CallArguments| {
        let args = Arguments::bind("slice", &["slices", "fill_with"], given)?.require(1)?;
        minijinja::filters::slice(state, value, args.count(0, 0)?, args.present(1).cloned())
    });
    environment.add_filter("tojson", plain::tojson);
    environment.add_filter("truncate", text::truncate);
    environment.add_filter("unique", order::unique);
    environment.add_filter("wordwrap", text::wordwrap);
    environment.add_filter("xmlattr", text::xmlattr);
    environment.add_filter("zip", plain::zip);
    add_tests(environment);
}

/// Adds the filters that take only their value.
fn add_plain(environment: &mut Environment<'static>) {
    fn add<T: Into<Value> + 'static>(
        environment: &mut Environment<'static>,
        name: &'static str,
        filter: fn(Value) -> Result<T, Error>,
    ) {
        environment.add_filter(name, move |value: Value, given: CallArguments| {
            Arguments::bind(name, &[], given)?;
            filter(value).map(Into::<Value>::into)
        });
    }
    add(environment, "abs", plain::abs);
    add(environment, "count", plain::length);
    add(environment, "e", text::escape);
    add(environment, "escape", text::escape);
    add(environment, "first", plain::first);
    add(environment, "forceescape", text::forceescape);
    add(environment, "last", plain::last);
    add(environment, "length", plain::length);
    add(environment, "list", plain::list);
    add(environment, "pprint", plain::pprint);
    add(environment, "string", text::string);
    add(environment, "striptags", text::striptags);
    add(environment, "urlencode", text::urlencode);
    add(environment, "wordcount", text::wordcount);
}

fn add_tests(environment: &mut Environment<'static>) {
    environment.add_test("iterable", |value: &Value| {
        // When an iteration begins, a text counts its characters, and a mapping copies its keys.
        work::scan(value.as_str().map_or(0, str::len))?;
        Ok::<_, Error>(!value.is_none() && value.try_iter().is_ok())
    });
    environment.add_test("sameas", |value: &Value, other: &Value| {
        let length = |value: &Value| value.as_bytes().map_or(0, <[u8]>::len);
        work::compare(length(value).min(length(other)))?;
        Ok::<_, Error>(minijinja::tests::is_sameas(value, other))
    });
    environment.add_test("sequence", |value: &Value| {
        // Jinja calls a sequence what has a length and items, and so texts and mappings, but no views of
        // mappings.
        value.as_str().is_some() || (value.as_object().is_some() && !crate::sequence::is_mapping_view(value))
    });
    environment.add_test("callable", |value: &Value| value.kind() == minijinja::value::ValueKind::Plain);
}

pub(crate) use arguments::{Arguments, CallArguments, bind};

/// The error for a wrong argument.
pub(crate) fn wrong(reason: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, reason.into())
}

/// The error of a function that both languages share.
pub(crate) fn told(error: functions::Error) -> Error {
    match error {
        functions::Error::TooMuch(limit) => Exceeded(limit).into(),
        functions::Error::Wrong(reason) => wrong(reason),
    }
}

/// Refuses an undefined value.
pub(crate) fn defined(value: Value) -> Result<Value, Error> {
    if value.is_undefined() {
        // A lookup in an undefined value fails with the library's own error, which knows its name.
        value.get_attr("")?;
    }
    Ok(value)
}

/// The error for a function in place of a value.
pub(crate) const UNCALLED: &str = "a function is no value; call it, as in item()";

/// Whether `value` is a function or another callable.
pub(crate) fn is_function(value: &Value) -> bool {
    value.kind() == minijinja::value::ValueKind::Plain && !crate::keys::is_key(value)
}

/// The items of a value that can be iterated. Undefined values and null cannot.
pub(crate) fn items(value: Value) -> Result<Vec<Value>, Error> {
    let value = defined(value)?;
    if value.is_none() {
        return Err(wrong("null is no list; use `| default([], true)` where it may be null"));
    }
    // A value of unknown length may have no end.
    let count = value.as_str().map(str::len).or_else(|| value.len()).unwrap_or(0);
    work::visit(count)?;
    work::make_list(count)?;
    let mut items = Vec::with_capacity(count);
    for item in value.try_iter()?.checked() {
        if items.len() >= count {
            work::visit(1)?;
            work::make_list(1)?;
        }
        items.push(item?);
    }
    Ok(items)
}
