//! The platform's own filters, which are functions in workflows as well. [`TABLE`] has the original's names of
//! filters and arguments.

use std::sync::Arc;

use minijinja::value::{Kwargs, Tuple, ValueKind};
use minijinja::{Environment, Error, State, Value};
use petrel_scope::functions::{self, NONE, jsonpath, paths, time, version, yaml};
use petrel_scope::{DATASTORE, NOT_OF_A_KEY, NOTHING_ENCRYPTED};

use super::arguments::{Arguments, bind};
use super::text::text_of;
use super::{CallArguments, defined, items, json, order, patterns, told, wrong};
use crate::convert;
use crate::keys::Scopes;
use crate::work::{self, Exceeded};
use crate::workflow::scope;

/// The filter that reads a secret key of the datastore, the only one that needs more than its arguments.
pub(crate) const DECRYPTION: &str = "decrypt_kv";

/// A row of the table. As a filter, a function takes its first argument from before the bar.
struct Function {
    name: &'static str,
    /// The original's names of the arguments, in order.
    parameters: &'static [&'static str],
    /// The number of required arguments.
    required: usize,
    call: fn(&Arguments) -> Result<Value, Error>,
}

impl Function {
    fn invoke(&self, given: CallArguments) -> Result<Value, Error> {
        let args = bind(self.name, self.parameters, &given.into_values())?;
        (self.call)(&args.require(self.required)?)
    }
}

const fn row(
    name: &'static str,
    parameters: &'static [&'static str],
    required: usize,
    call: fn(&Arguments) -> Result<Value, Error>,
) -> Function {
    Function { name, parameters, required, call }
}

const VALUE: &[&str] = &["value"];
const VERSIONS: &[&str] = &["value", "pattern"];
const REGEX: &[&str] = &["value", "pattern", "ignorecase"];
const TO_JSON: &[&str] = &["value", "indent", "sort_keys", "separators"];
const TO_YAML: &[&str] = &["value", "indent", "allow_unicode"];

/// (Source: StackStorm's `st2common/expressions/functions`, and the names that its Orquesta runner registers them under.)
const TABLE: [Function; 28] = [
    row("basename", &["path"], 1, basename),
    row("dirname", &["path"], 1, dirname),
    row("from_json_string", VALUE, 1, json::from_json_string),
    row("from_yaml_string", VALUE, 1, from_yaml_string),
    row("json_dump", TO_JSON, 1, json::to_json_string),
    row("json_escape", VALUE, 1, json::json_escape),
    row("json_parse", VALUE, 1, json::from_json_string),
    row("jsonpath_query", &["value", "query"], 2, jsonpath_query),
    row("regex_match", REGEX, 2, patterns::regex_match),
    row("regex_replace", &["value", "pattern", "replacement", "ignorecase"], 3, patterns::regex_replace),
    row("regex_search", REGEX, 2, patterns::regex_search),
    row("regex_substring", &["value", "pattern", "result_index", "ignorecase"], 2, patterns::regex_substring),
    row("to_complex", VALUE, 1, json::to_complex),
    row("to_human_time_from_seconds", &["seconds"], 1, to_human_time_from_seconds),
    row("to_json_string", TO_JSON, 1, json::to_json_string),
    row("to_yaml_string", TO_YAML, 1, to_yaml_string),
    row("use_none", VALUE, 1, use_none),
    row("version_bump_major", VALUE, 1, |args| versioned(args, version::bump_major)),
    row("version_bump_minor", VALUE, 1, |args| versioned(args, version::bump_minor)),
    row("version_bump_patch", VALUE, 1, |args| versioned(args, version::bump_patch)),
    row("version_compare", VERSIONS, 2, |args| versions(args, version::compare)),
    row("version_equal", VERSIONS, 2, |args| versions(args, version::equal)),
    row("version_less_than", VERSIONS, 2, |args| versions(args, version::less_than)),
    row("version_match", VERSIONS, 2, |args| versions(args, version::matches)),
    row("version_more_than", VERSIONS, 2, |args| versions(args, version::more_than)),
    row("version_strip_patch", VALUE, 1, |args| versioned(args, version::strip_patch)),
    row("yaml_dump", TO_YAML, 1, to_yaml_string),
    row("yaml_parse", VALUE, 1, from_yaml_string),
];

/// A filter only, and not in the original.
const SHELL_QUOTE: Function = row("shell_quote", VALUE, 1, shell_quote);

/// The function that only workflows have.
const JSON: Function = row("json", &["s"], 1, json_or_mapping);

/// Adds the rows as filters, which rules and parameters have too.
pub(super) fn add_to(environment: &mut Environment<'static>) {
    for function in TABLE {
        environment.add_filter(function.name, move |given: CallArguments| function.invoke(given));
    }
    environment.add_filter(SHELL_QUOTE.name, |given: CallArguments| SHELL_QUOTE.invoke(given));
    environment.add_filter(DECRYPTION, decrypt_kv);
}

/// Has the filter that decrypts refuse, in the environment of templates that do not name it.
pub(crate) fn refuse_computed_decryption(environment: &mut Environment<'static>) {
    environment.add_filter(DECRYPTION, |_: CallArguments| -> Result<Value, Error> {
        Err(wrong("decrypt_kv is written as it is, as in st2kv.system.NAME | decrypt_kv; its name cannot be computed"))
    });
}

/// Adds the rows as functions, and the function that only workflows have.
pub(crate) fn add_functions(environment: &mut Environment<'static>) {
    for function in TABLE {
        environment.add_function(function.name, move |given: CallArguments| function.invoke(given));
    }
    environment.add_function(DECRYPTION, decrypt_kv);
    environment.add_function(JSON.name, |given: CallArguments| JSON.invoke(given));
    environment.add_filter(JSON.name, |given: CallArguments| JSON.invoke(given));
    environment.add_function("zip", zip);
    environment.add_filter("zip", zip);
}

fn basename(args: &Arguments) -> Result<Value, Error> {
    Ok(Value::from(paths::basename(&text_of(args.value(0))?)))
}

fn dirname(args: &Arguments) -> Result<Value, Error> {
    Ok(Value::from(paths::dirname(&text_of(args.value(0))?)))
}

fn versioned(args: &Arguments, of: fn(&str) -> Result<String, functions::Error>) -> Result<Value, Error> {
    of(args.required_text(0)?).map(Value::from).map_err(told)
}

fn versions<T: Into<Value>>(
    args: &Arguments,
    of: fn(&str, &str) -> Result<T, functions::Error>,
) -> Result<Value, Error> {
    of(args.required_text(0)?, args.required_text(1)?).map(Into::into).map_err(told)
}

/// The text of a secret key of the datastore. A template reads such a key in its encrypted form, which this is given.
/// (Source: StackStorm's `decrypt_kv`, which takes the value of the key too.)
fn decrypt_kv(state: &State<'_, '_>, given: CallArguments) -> Result<Value, Error> {
    let args = bind(DECRYPTION, VALUE, &given.into_values())?.require(1)?;
    let sealed = text_of(args.value(0))?;
    if sealed.is_empty() {
        return Err(wrong(format!(
            "decrypt_kv {NOTHING_ENCRYPTED}; `petrel key set NAME --encrypt -` sets it from standard input"
        )));
    }
    work::read(sealed.len())?;
    let told = |reason: &str| wrong(format!("decrypt_kv cannot read the value: {reason}"));
    let text = decrypted(state, &sealed)?
        .map_err(|reason| told(&reason))?
        .ok_or_else(|| told(&unfit(state, &sealed)))?;
    work::make(text.len())?;
    Ok(Value::from(text))
}

/// The text of a key, `None` if there is none, or the reason why it cannot be decrypted.
fn decrypted(state: &State<'_, '_>, sealed: &str) -> Result<Result<Option<String>, String>, Error> {
    if let Some(root) = scope(state) {
        return Ok(root.keys().map_or(Ok(None), |keys| keys.open(sealed)));
    }
    let Some(scopes) = scopes(state) else { return Ok(Ok(None)) };
    // The key is looked for by its value.
    work::visit(scopes.datastore.len())?;
    Ok(scopes.datastore.open(sealed))
}

/// The reason why there is nothing to decrypt in `value`.
fn unfit(state: &State<'_, '_>, value: &str) -> String {
    // What a workflow reads is known by its keys alone, and not by their values.
    let scopes = if scope(state).is_some() { None } else { scopes(state) };
    scopes.map_or_else(|| NOT_OF_A_KEY.to_owned(), |scopes| scopes.datastore.why_not_encrypted(value))
}

fn scopes(state: &State<'_, '_>) -> Option<Arc<Scopes>> {
    state.lookup(DATASTORE)?.downcast_object::<Scopes>()
}

fn from_yaml_string(args: &Arguments) -> Result<Value, Error> {
    let parsed = yaml::parse(&text_of(args.value(0))?).map_err(|error| match error {
        functions::Error::Wrong(reason) => {
            wrong(format!("from_yaml_string was given what is no YAML: {reason}"))
        }
        functions::Error::TooMuch(limit) => Exceeded(limit).into(),
    })?;
    Ok(convert::from_json(&parsed))
}

fn to_yaml_string(args: &Arguments) -> Result<Value, Error> {
    let value = convert::to_json(&args.value(0)).map_err(wrong)?;
    let text = yaml::dump(&value, args.count(1, 2)?, args.present(2).is_none_or(Value::is_true))
        .map_err(Exceeded)?;
    Ok(Value::from(text))
}

fn jsonpath_query(args: &Arguments) -> Result<Value, Error> {
    let value = convert::to_json(&args.value(0)).map_err(wrong)?;
    jsonpath::query(&value, args.required_text(1)?).map(|found| convert::from_json(&found)).map_err(wrong)
}

fn to_human_time_from_seconds(args: &Arguments) -> Result<Value, Error> {
    let value = args.value(0);
    if !matches!(value.kind(), ValueKind::Number | ValueKind::Bool) {
        return Err(wrong(format!(
            "to_human_time_from_seconds needs a number, and was given a value of type {}; use `| int`",
            value.kind()
        )));
    }
    time::human_time(order::number(&value)).map(Value::from).map_err(wrong)
}

/// Null as a mark, which a cast turns back into null.
#[expect(clippy::unnecessary_wraps, reason = "the shape of all functions in the table")]
fn use_none(args: &Arguments) -> Result<Value, Error> {
    let value = args.value(0);
    Ok(if value.is_none() { Value::from(NONE) } else { value })
}

/// The text as one word of a POSIX shell. NUL cannot be part of one.
fn shell_quote(args: &Arguments) -> Result<Value, Error> {
    let text = text_of(args.value(0))?;
    if text.contains('\0') {
        return Err(wrong("shell_quote was given a NUL character, which no shell word can hold"));
    }
    let quotes = text.matches('\'').count();
    work::make(text.len().saturating_add(quotes.saturating_mul(4)))?;
    Ok(Value::from(format!("'{}'", text.replace('\'', r#"'"'"'"#))))
}

/// The value of a JSON text; a mapping stays as it is.
fn json_or_mapping(args: &Arguments) -> Result<Value, Error> {
    let value = args.value(0);
    match value.kind() {
        ValueKind::Map => Ok(value),
        ValueKind::String => json::read(value),
        _ => Err(wrong("Given object is not typeof string.")),
    }
}

/// Lists side by side, the shorter ones filled up with `pad`.
fn zip(given: CallArguments) -> Result<Value, Error> {
    let given = given.into_values();
    let (lists, pad) = match given.split_last() {
        Some((last, before)) if last.is_kwargs() => {
            let named = Kwargs::try_from(last.clone())?;
            if let Some(unknown) = named.args().find(|key| *key != "pad") {
                return Err(wrong(format!("zip has no argument {unknown}; it takes lists, and pad")));
            }
            let pad = if named.has("pad") { named.get("pad")? } else { Value::from(()) };
            (before, pad)
        }
        _ => (given.as_slice(), Value::from(())),
    };
    // As in Orquesta, one list alone is given back as it is.
    if let [list] = lists {
        return defined(list.clone());
    }
    let list = |value: &Value| if value.is_none() { Ok(Vec::new()) } else { items(value.clone()) };
    let lists = lists.iter().map(list).collect::<Result<Vec<_>, _>>()?;
    let length = lists.iter().map(Vec::len).max().unwrap_or(0);
    work::make_list(length.saturating_mul(lists.len() + 2))?;
    let row =
        |index: usize| lists.iter().map(|list| list.get(index).unwrap_or(&pad).clone()).collect::<Vec<_>>();
    Ok((0..length).map(|index| Value::from(Tuple::from(row(index)))).collect())
}
