//! The platform's own filters; in workflows they are functions, too.

use minijinja::value::{Kwargs, Tuple, ValueKind};
use minijinja::{Environment, Error, Value};

use super::Given;
use super::arguments::Arguments;
use super::text::text_of;
use super::{NONE, defined, items, json, order, patterns, version, wrong};
use crate::convert;
use crate::functions::{jsonpath, paths, time, yaml};
use crate::work;

/// Registers each of them in `$environment` with its method `$add`.
macro_rules! register {
    ($environment:expr, $add:ident) => {{
        $environment.$add("basename", basename);
        $environment.$add("decrypt_kv", decrypt_kv);
        $environment.$add("dirname", dirname);
        $environment.$add("from_json_string", json::from_json_string);
        $environment.$add("from_yaml_string", from_yaml_string);
        $environment.$add("json_dump", json::to_json_string);
        $environment.$add("json_escape", json::json_escape);
        $environment.$add("json_parse", json::from_json_string);
        $environment.$add("jsonpath_query", jsonpath_query);
        $environment.$add("regex_match", patterns::regex_match);
        $environment.$add("regex_replace", patterns::regex_replace);
        $environment.$add("regex_search", patterns::regex_search);
        $environment.$add("regex_substring", patterns::regex_substring);
        $environment.$add("to_complex", json::to_complex);
        $environment.$add("to_human_time_from_seconds", to_human_time_from_seconds);
        $environment.$add("to_json_string", json::to_json_string);
        $environment.$add("to_yaml_string", to_yaml_string);
        $environment.$add("use_none", use_none);
        $environment.$add("version_bump_major", version::bump_major);
        $environment.$add("version_bump_minor", version::bump_minor);
        $environment.$add("version_bump_patch", version::bump_patch);
        $environment.$add("version_compare", version::compare);
        $environment.$add("version_equal", version::equal);
        $environment.$add("version_less_than", version::less_than);
        $environment.$add("version_match", version::matches);
        $environment.$add("version_more_than", version::more_than);
        $environment.$add("version_strip_patch", version::strip_patch);
        $environment.$add("yaml_dump", to_yaml_string);
        $environment.$add("yaml_parse", from_yaml_string);
    }};
}

/// As filters, which rules and parameters have, too.
pub(super) fn add_to(environment: &mut Environment<'static>) {
    register!(environment, add_filter);
    environment.add_filter("shell_quote", shell_quote);
}

/// As functions, and what only workflows have.
pub(crate) fn add_functions(environment: &mut Environment<'static>) {
    register!(environment, add_function);
    environment.add_function("json", json_or_mapping);
    environment.add_filter("json", json_or_mapping);
    environment.add_function("zip", zip);
    environment.add_filter("zip", zip);
}

fn basename(path: Value) -> Result<String, Error> {
    Ok(paths::basename(&text_of(path)?).to_owned())
}

fn dirname(path: Value) -> Result<String, Error> {
    Ok(paths::dirname(&text_of(path)?).to_owned())
}

fn decrypt_kv(value: Value) -> Result<Value, Error> {
    defined(value)?;
    Err(wrong(
        "decrypt_kv is not there yet, as the datastore keeps no secrets yet; pass the secret as a parameter",
    ))
}

fn from_yaml_string(value: Value) -> Result<Value, Error> {
    let parsed = yaml::parse(&text_of(value)?)?;
    let parsed =
        parsed.map_err(|error| wrong(format!("from_yaml_string was given what is no YAML: {error}")))?;
    Ok(convert::from_json(&parsed))
}

fn to_yaml_string(value: Value, given: Given) -> Result<String, Error> {
    let args = Arguments::bind("to_yaml_string", &["indent", "allow_unicode"], given)?;
    let value = convert::to_json(&defined(value)?).map_err(wrong)?;
    Ok(yaml::dump(&value, args.count(0, 2)?, args.present(1).is_none_or(Value::is_true))?)
}

fn jsonpath_query(value: Value, query: &str) -> Result<Value, Error> {
    let value = convert::to_json(&defined(value)?).map_err(wrong)?;
    jsonpath::query(&value, query).map(|found| convert::from_json(&found)).map_err(wrong)
}

fn to_human_time_from_seconds(value: Value) -> Result<String, Error> {
    let value = defined(value)?;
    if !matches!(value.kind(), ValueKind::Number | ValueKind::Bool) {
        return Err(wrong(format!(
            "to_human_time_from_seconds needs a number, and was given {value}; use `| int`"
        )));
    }
    time::human_time(order::number(&value)).map_err(wrong)
}

/// Null as a mark that a cast turns back into null.
fn use_none(value: Value) -> Result<Value, Error> {
    Ok(if value.is_none() { Value::from(NONE) } else { defined(value)? })
}

/// One word for a POSIX shell, whatever is in it. NUL cannot be part of one.
fn shell_quote(value: Value) -> Result<String, Error> {
    let text = text_of(value)?;
    if text.contains('\0') {
        return Err(wrong("shell_quote was given a NUL character, which no shell word can hold"));
    }
    let quotes = text.matches('\'').count();
    work::make(text.len().saturating_add(quotes.saturating_mul(4)))?;
    Ok(format!("'{}'", text.replace('\'', r#"'"'"'"#)))
}

/// What a JSON text says; a mapping is itself.
fn json_or_mapping(value: Value) -> Result<Value, Error> {
    let value = defined(value)?;
    match value.kind() {
        ValueKind::Map => Ok(value),
        ValueKind::String => json::from_json_string(value),
        _ => Err(wrong("Given object is not typeof string.")),
    }
}

/// Lists side by side, the shorter ones filled up with `pad`.
fn zip(given: Given) -> Result<Value, Error> {
    let given = given.into_values();
    let (lists, pad) = match given.split_last() {
        Some((last, before)) if last.is_kwargs() => {
            let named = Kwargs::try_from(last.clone())?;
            let pad = if named.has("pad") { named.get("pad")? } else { Value::from(()) };
            named.assert_all_used()?;
            (before, pad)
        }
        _ => (given.as_slice(), Value::from(())),
    };
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
