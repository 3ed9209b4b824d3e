//! StackStorm's own filters, and those of Jinja that the engine reads differently.
//!
//! A filter that is not here (`from_yaml_string`, `decrypt_kv` ...) is an error that says so.

pub(crate) mod json;
pub(crate) mod patterns;
pub(crate) mod version;

use minijinja::value::Kwargs;
use minijinja::{Environment, Error, ErrorKind, State, Value};

use crate::functions::paths;
use crate::python::display;

/// What stands for null in text, so that a cast can bring it back.
pub(crate) const NONE: &str = "%*****__%NONE%__*****%";

pub(crate) fn add_to(environment: &mut Environment<'static>) {
    environment.add_filter("to_complex", json::to_complex);
    environment.add_filter("to_json_string", json::to_json_string);
    environment.add_filter("from_json_string", json::from_json_string);
    environment.add_filter("json_escape", json::json_escape);
    environment.add_filter("regex_match", patterns::regex_match);
    environment.add_filter("regex_search", patterns::regex_search);
    environment.add_filter("regex_replace", patterns::regex_replace);
    environment.add_filter("regex_substring", patterns::regex_substring);
    environment.add_filter("version_compare", version::compare);
    environment.add_filter("version_more_than", version::more_than);
    environment.add_filter("version_less_than", version::less_than);
    environment.add_filter("version_equal", version::equal);
    environment.add_filter("version_match", version::matches);
    environment.add_filter("version_bump_major", version::bump_major);
    environment.add_filter("version_bump_minor", version::bump_minor);
    environment.add_filter("version_bump_patch", version::bump_patch);
    environment.add_filter("version_strip_patch", version::strip_patch);
    environment.add_filter("basename", basename);
    environment.add_filter("dirname", dirname);
    environment.add_filter("use_none", use_none);
    environment.add_filter("shell_quote", shell_quote);
    environment.add_filter("int", int);
    environment.add_filter("float", float);
}

/// A wrong argument, told.
fn wrong(reason: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, reason.into())
}

/// An undefined value must not pass for one.
fn defined(value: Value) -> Result<Value, Error> {
    if value.is_undefined() { Err(Error::from(ErrorKind::UndefinedError)) } else { Ok(value) }
}

fn basename(path: Value) -> Result<String, Error> {
    Ok(paths::basename(&display::to_text(&defined(path)?)?).to_owned())
}

fn dirname(path: Value) -> Result<String, Error> {
    Ok(paths::dirname(&display::to_text(&defined(path)?)?).to_owned())
}

/// Null as a mark that a cast turns back into null.
fn use_none(value: Value) -> Result<Value, Error> {
    Ok(if value.is_none() { Value::from(NONE) } else { defined(value)? })
}

/// One word for a POSIX shell, whatever is in it. NUL cannot be part of one.
fn shell_quote(value: Value) -> Result<String, Error> {
    let text = display::to_text(&defined(value)?)?;
    if text.contains('\0') {
        return Err(wrong("shell_quote was given a NUL character, which no shell word can hold"));
    }
    Ok(format!("'{}'", text.replace('\'', r#"'"'"'"#)))
}

/// Jinja's `int` gives 0 for what is no number; the engine's gives an error.
fn int(
    state: &State<'_, '_>,
    value: Value,
    default: Option<Value>,
    base: Option<u32>,
    kwargs: Kwargs,
) -> Result<Value, Error> {
    let value = plain(value);
    match minijinja::filters::int(state, &value, default, base, kwargs) {
        Err(error) if error.kind() == ErrorKind::InvalidOperation => Ok(Value::from(0)),
        result => result,
    }
}

/// Jinja's `float` gives 0.0 for what is no number; the engine's gives an error.
fn float(
    state: &State<'_, '_>,
    value: Value,
    default: Option<Value>,
    kwargs: Kwargs,
) -> Result<Value, Error> {
    let value = plain(value);
    match minijinja::filters::float(state, &value, default, kwargs) {
        Err(error) if error.kind() == ErrorKind::InvalidOperation => Ok(Value::from(0.0)),
        result => result,
    }
}

/// A half-read key of the datastore counts as its text, which Python reads with spaces around it.
fn plain(value: Value) -> Value {
    match value.as_str() {
        Some(text) => Value::from(text.trim()),
        None if value.kind() == minijinja::value::ValueKind::Plain => Value::from(value.to_string()),
        None => value,
    }
}
