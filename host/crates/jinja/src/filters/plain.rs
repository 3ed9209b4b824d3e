//! Jinja's filters on numbers and lists in which the library differs from Python.

use minijinja::value::{Kwargs, Rest, ValueKind};
use minijinja::{Error, State, Value};
use petrel_python::number::{float_from_text, integer_from_text};
use petrel_scope::functions::json;

use super::CallArguments;
use super::arguments::Arguments;
use super::order::Attribute;
use super::text::text_of;
use super::{defined, items, wrong};
use crate::convert;
use crate::work::{self, Exceeded};

/// The library's `abs`, which does not know booleans.
pub(super) fn abs(value: Value) -> Result<Value, Error> {
    if value.kind() == ValueKind::Bool {
        return Ok(Value::from(i64::from(value.is_true())));
    }
    minijinja::filters::abs(value)
}

/// Python's `int`, with a default for values that are not numbers.
pub(super) fn int(value: Value, given: CallArguments) -> Result<Value, Error> {
    let args = Arguments::bind("int", &["default", "base"], given)?;
    let default = args.get(0).cloned().unwrap_or_else(|| Value::from(0));
    let value = plain(defined(value)?)?;
    match value.as_str() {
        Some(text) => {
            work::read(text.len())?;
            let base = u32::try_from(args.integer(1, 10)?).unwrap_or(10);
            let whole = if base == 10 { integer_from_text(text) } else { based(text, base) };
            match whole.map(Ok).or_else(|| float_from_text(text).and_then(truncated).map(Ok)) {
                Some(whole) => whole.map(integer),
                None => Ok(default),
            }
        }
        None => match value.kind() {
            ValueKind::Bool => Ok(Value::from(i64::from(value.is_true()))),
            ValueKind::Number if value.is_integer() => Ok(value),
            ValueKind::Number => {
                let number = f64::try_from(value.clone()).unwrap_or(f64::NAN);
                if number.is_nan() {
                    return Ok(default);
                }
                truncated(number).map(integer).ok_or_else(|| wrong(format!("{value} is too large for int")))
            }
            _ => Ok(default),
        },
    }
}

fn integer(whole: i128) -> Value {
    i64::try_from(whole).map_or_else(|_large| Value::from(whole), Value::from)
}

/// `number` without its fraction; `None` beyond the integers that fit.
#[expect(clippy::cast_possible_truncation, reason = "the range is checked first")]
fn truncated(number: f64) -> Option<i128> {
    (number.abs() < 1e38).then_some(number as i128)
}

/// An integer in base 2 to 36, with or without the prefix of its base. Base 0 takes the base from the prefix.
fn based(text: &str, base: u32) -> Option<i128> {
    let (sign, digits) = match text.trim().strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.trim().trim_start_matches('+')),
    };
    let prefixes = [(16, "0x"), (16, "0X"), (8, "0o"), (8, "0O"), (2, "0b"), (2, "0B")];
    let prefixed = prefixes.iter().find_map(|(known, prefix)| {
        let digits = digits.strip_prefix(prefix).filter(|_| base == 0 || base == *known)?;
        Some((*known, digits))
    });
    let (base, digits) = prefixed.unwrap_or((if base == 0 { 10 } else { base }, digits));
    let digits = digits.replace('_', "");
    if !(2..=36).contains(&base) || digits.starts_with(['+', '-']) {
        return None;
    }
    i128::from_str_radix(&digits, base).ok().map(|number| sign * number)
}

/// Python's `float`, with a default for values that are not numbers.
pub(super) fn float(value: Value, given: CallArguments) -> Result<Value, Error> {
    let args = Arguments::bind("float", &["default"], given)?;
    let value = plain(defined(value)?)?;
    let number = match value.as_str() {
        Some(text) => {
            work::read(text.len())?;
            float_from_text(text)
        }
        None if value.kind() == ValueKind::Bool => Some(f64::from(u8::from(value.is_true()))),
        None => f64::try_from(value).ok(),
    };
    Ok(number.map_or_else(|| args.get(0).cloned().unwrap_or_else(|| Value::from(0.0)), Value::from))
}

/// Turns a part of a key of the datastore into its text.
fn plain(value: Value) -> Result<Value, Error> {
    if value.kind() == ValueKind::Plain { text_of(value).map(Value::from) } else { Ok(value) }
}

/// Rounds to even, up or down. Up and down always return a float.
pub(super) fn round(value: Value, given: CallArguments) -> Result<Value, Error> {
    let args = Arguments::bind("round", &["precision", "method"], given)?;
    let (value, precision) = (defined(value)?, args.integer(0, 0)?);
    let precision = i32::try_from(precision.clamp(-300, 400)).unwrap_or(0);
    if !matches!(value.kind(), ValueKind::Number | ValueKind::Bool) {
        return Err(wrong(format!("round needs a number, and was given a value of type {}", value.kind())));
    }
    let (number, scale) = (super::order::number(&value).to_f64(), 10_f64.powi(precision));
    let scaled = number * scale;
    // The precision is beyond all digits of the number, and the scaled number beyond all floats.
    let is_beyond = precision > 0 && number.is_finite() && !scaled.is_finite();
    let up = match args.text(1)? {
        None | Some("common") => {
            let whole =
                if value.kind() == ValueKind::Bool { integer(i128::from(value.is_true())) } else { value };
            if is_beyond {
                return Ok(whole);
            }
            return minijinja::filters::round(
                whole,
                Some(precision),
                None,
                std::iter::empty::<(&str, Value)>().collect::<Kwargs>(),
            );
        }
        Some("ceil") => true,
        Some("floor") => false,
        Some(other) => return Err(wrong(format!("round knows common, ceil and floor, not {other}"))),
    };
    // As in the original, which computes these with floats.
    if is_beyond {
        let message = "round cannot round to so many digits";
        return Err(wrong(format!("{message}; give a precision between -300 and 300")));
    }
    Ok(Value::from(if up { scaled.ceil() } else { scaled.floor() } / scale))
}

pub(super) fn sum(value: Value, given: CallArguments) -> Result<Value, Error> {
    let args = Arguments::bind("sum", &["attribute", "start"], given)?;
    let attribute = Attribute::read(args.present(0), false)?;
    let start = args.get(1).cloned().unwrap_or_else(|| Value::from(0));
    // Python's `sum` refuses texts as well.
    if start.as_str().is_some() {
        return Err(wrong("sum cannot put texts together; use join"));
    }
    items(value)?.iter().try_fold(start, |sum, item| crate::operators::add(&sum, &attribute.of(item)?))
}

pub(super) fn default(value: Value, given: CallArguments) -> Result<Value, Error> {
    let args = Arguments::bind("default", &["default_value", "boolean"], given)?;
    if value.is_undefined() {
        crate::missing::forget();
    }
    let is_missing = value.is_undefined() || (args.flag(1) && !value.is_true());
    Ok(if is_missing { args.get(0).cloned().unwrap_or_else(|| Value::from("")) } else { value })
}

pub(super) fn length(value: Value) -> Result<usize, Error> {
    minijinja::filters::length(&defined(value)?)
}

pub(super) fn list(value: Value) -> Result<Value, Error> {
    items(value).map(Value::from)
}

pub(super) fn first(value: Value) -> Result<Value, Error> {
    if let (ValueKind::String, Some(text)) = (value.kind(), value.as_str()) {
        return Ok(text.chars().next().map_or(Value::UNDEFINED, Value::from));
    }
    Ok(items(value)?.into_iter().next().unwrap_or(Value::UNDEFINED))
}

pub(super) fn last(value: Value) -> Result<Value, Error> {
    if let (ValueKind::String, Some(text)) = (value.kind(), value.as_str()) {
        return Ok(text.chars().next_back().map_or(Value::UNDEFINED, Value::from));
    }
    Ok(items(value)?.pop().unwrap_or(Value::UNDEFINED))
}

pub(super) fn join(value: Value, given: CallArguments) -> Result<String, Error> {
    let args = Arguments::bind("join", &["d", "attribute"], given)?;
    let joint = args.get(0).cloned().map_or(Ok(String::new()), text_of)?;
    let attribute = Attribute::read(args.present(1), false)?;
    let texts = items(value)?.into_iter().map(|item| attribute.of(&item).and_then(text_of));
    let texts = texts.collect::<Result<Vec<_>, _>>()?;
    let length = texts.iter().map(String::len).sum::<usize>();
    work::make(length.saturating_add(texts.len().saturating_mul(joint.len())))?;
    Ok(texts.join(&joint))
}

/// The items of all values, or a mapping if all of them are mappings; of entries with the same key the last one counts.
///
/// The library's filter makes a view of its parts instead, whose parts may be views again: to read one takes as long as
/// there are parts in all, which doubles with each turn of a loop, and nothing of that is counted.
pub(super) fn chain(value: Value, others: Rest<Value>) -> Result<Value, Error> {
    let parts: Vec<_> = std::iter::once(value).chain(others.0).collect();
    if !parts.iter().all(|part| part.kind() == ValueKind::Map) {
        let lists = parts.into_iter().map(items).collect::<Result<Vec<_>, _>>()?;
        work::make_list(lists.iter().map(Vec::len).sum())?;
        return Ok(lists.into_iter().flatten().collect());
    }
    let mut entries = Vec::new();
    for part in parts {
        for key in items(part.clone())? {
            work::make_list(2)?;
            work::compare(key.as_str().map_or(0, str::len))?;
            let value = part.get_item(&key)?;
            entries.push((key, value));
        }
    }
    Ok(Value::from_pairs(entries))
}

/// The library's filter, up to the end of the shortest.
pub(super) fn zip(state: &State<'_, '_>, value: Value, others: Rest<Value>) -> Result<Value, Error> {
    let others = others.0.into_iter().map(without_text).collect::<Result<Vec<_>, _>>()?;
    minijinja::filters::zip(state, without_text(value)?, Rest(others))
}

/// A text as the list of its characters. The library would count them anew at each beginning of an iteration.
fn without_text(value: Value) -> Result<Value, Error> {
    if value.as_str().is_some() { list(value) } else { Ok(value) }
}

/// The library's `map` for a filter. Attributes are looked up here, because the library does not count the work of a
/// lookup.
pub(super) fn map(
    state: &mut State<'_, '_>,
    value: Value,
    given: CallArguments,
) -> Result<Vec<Value>, Error> {
    match given.as_slice() {
        [named] if named.is_kwargs() => {
            let named = Kwargs::try_from(named.clone().into_value())?;
            match named.get::<Option<Value>>("attribute")? {
                Some(attribute) => attributes(value, &attribute, &named),
                None => minijinja::filters::map(state, value, given),
            }
        }
        _ => minijinja::filters::map(state, value, given),
    }
}

/// The attribute of each item, or the default.
fn attributes(value: Value, attribute: &Value, named: &Kwargs) -> Result<Vec<Value>, Error> {
    if attribute.as_object().is_some() {
        return Err(wrong("map takes the name or the number of an attribute, not a list"));
    }
    // As in the original, null has no items.
    let items = if value.is_none() { Vec::new() } else { items(value)? };
    let default = if named.has("default") { named.get("default")? } else { Value::UNDEFINED };
    named.assert_all_used()?;
    let attribute = Attribute::read(Some(attribute), false)?;
    let or_default = |found: Result<Value, Error>| match found {
        Ok(value) if value.is_undefined() => Ok(default.clone()),
        Err(_missing) if !default.is_undefined() => Ok(default.clone()),
        found => found,
    };
    items.iter().map(|item| or_default(attribute.of(item))).collect()
}

/// JSON with sorted keys, safe within HTML.
pub(super) fn tojson(value: Value, given: CallArguments) -> Result<Value, Error> {
    let args = Arguments::bind("tojson", &["indent"], given)?;
    let indent = args.present(0).map(|_| args.count(0, 0)).transpose()?.map(|indent| indent.min(64));
    let comma = if indent.is_some() { "," } else { ", " };
    let style = json::Style { comma, colon: ": ", indent, sort_keys: true };
    let mut text =
        json::write(&convert::to_json(&defined(value)?).map_err(wrong)?, &style).map_err(Exceeded)?;
    let longer = text.bytes().filter(|byte| b"<>&'".contains(byte)).count();
    work::make(text.len().saturating_add(longer.saturating_mul(6)))?;
    for (char, escaped) in [("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026"), ("'", "\\u0027")] {
        text = text.replace(char, escaped);
    }
    Ok(Value::from_safe_string(text))
}

/// The form of Python's `pprint` for values that fit on a line: keys are sorted.
pub(super) fn pprint(value: Value) -> Result<String, Error> {
    let value = defined(value)?;
    if value.as_object().is_none() {
        let list = text_of(Value::from(vec![value]))?;
        return Ok(list.trim_start_matches('[').strip_suffix(']').unwrap_or_default().to_owned());
    }
    let mut json = convert::to_json(&value).map_err(wrong)?;
    json.sort_all_objects();
    text_of(convert::from_json(&json))
}

/// An item chosen by the seed of the evaluation.
pub(super) fn random(state: &mut State<'_, '_>, value: Value) -> Result<Value, Error> {
    const CALLS: &str = "random calls";
    let mut items = items(value)?;
    if items.len() < 2 {
        return Ok(items.pop().unwrap_or(Value::UNDEFINED));
    }
    let Some(root) = crate::workflow::scope(state) else {
        return Err(wrong("random is for workflows; rules and parameters give the same for the same event"));
    };
    let calls = state.get_temp(CALLS).and_then(|calls| u64::try_from(calls).ok()).unwrap_or(0);
    state.set_temp(CALLS, Value::from(calls + 1));
    let number = mixed(root.seed().wrapping_add(calls.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
    let place = usize::try_from(number % u64::try_from(items.len()).unwrap_or(u64::MAX)).unwrap_or(0);
    Ok(items.swap_remove(place))
}

/// The mixing step of `SplitMix64`.
fn mixed(mut number: u64) -> u64 {
    number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// `selectattr` and `rejectattr` without a test check the truth of the attribute, which must exist.
pub(super) fn by_attribute(
    name: &'static str,
    keeps: bool,
    state: &mut State<'_, '_>,
    value: Value,
    given: CallArguments,
) -> Result<Value, Error> {
    let given = given.into_values();
    let Some((attribute, rest)) = given.split_first() else {
        return Err(wrong(format!("{name} needs an attribute, as in {name}('name')")));
    };
    let attribute = Attribute::read(Some(attribute), false)?;
    let test = rest.first().map(|test| text_of(test.clone())).transpose()?;
    let may_miss = matches!(test.as_deref(), Some("defined" | "undefined" | "none"));
    let arguments = rest.get(1..).unwrap_or_default();
    let mut kept = Vec::new();
    for item in items(value)? {
        let value = attribute.of(&item)?;
        let value = if may_miss { value } else { defined(value)? };
        let holds = match &test {
            Some(test) => {
                let arguments: Vec<_> = std::iter::once(value).chain(arguments.iter().cloned()).collect();
                state.perform_test(test, &arguments)?
            }
            None => defined(value)?.is_true(),
        };
        if holds == keeps {
            kept.push(item);
        }
    }
    Ok(Value::from(kept))
}
